"""Undo and redo without limit, for any frozen value."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")
_SERIALS = count(1)
"""Numbers of steps, in the order in which they were taken. Source: an order, and no limit."""


def next_serial() -> int:
    """Return a number greater than all before: of two steps, which was taken later."""
    return next(_SERIALS)


@dataclass(frozen=True, eq=False)
class _Step(Generic[T]):
    before: T
    after: T
    label: str
    merge_key: Hashable
    serial: int = field(default_factory=next_serial)


class History(Generic[T]):
    """What a value was, is, and would be again.

    Parameters
    ----------
    state : T
        The first state; it has nothing to undo.
    """

    def __init__(self, state: T) -> None:
        self._state = state
        self._done: list[_Step[T]] = []
        self._undone: list[_Step[T]] = []
        self._open: _Step[T] | None = None

    @property
    def state(self) -> T:
        """The value now."""
        return self._state

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return bool(self._undone)

    @property
    def undo_label(self) -> str:
        """What `undo` would take back, or ""."""
        return self._done[-1].label if self._done else ""

    @property
    def redo_label(self) -> str:
        """What `redo` would do again, or ""."""
        return self._undone[-1].label if self._undone else ""

    @property
    def undo_serial(self) -> int:
        """When the step was taken that `undo` takes back; 0 without one."""
        return self._done[-1].serial if self._done else 0

    @property
    def redo_serial(self) -> int:
        """When the step was taken that `redo` would do again; 0 without one."""
        return self._undone[-1].serial if self._undone else 0

    def base(self, merge_key: Hashable) -> T:
        """Return the state from which a change with this key starts.

        For a drag under way that is the state before the drag, so that a point dragged
        there and back leaves no trace, however many steps it took.
        """
        return self._open.before if self._open and self._merges(merge_key) else self._state

    def push(self, state: T, label: str, merge_key: Hashable = None) -> None:
        """Take a new state, which `undo` takes back.

        Parameters
        ----------
        state : T
            One that equals the present state changes nothing and adds no step.
        label : str
            What was done.
        merge_key : hashable, optional
            Changes with the same key that follow each other are one step, as the moves
            of one drag; `close` and `undo` end such a run.
        """
        if state == self._state:
            return
        before = self.base(merge_key)
        if self._merges(merge_key):
            self._done.pop()
        self.close()
        if state != before:
            self._open = _Step(before, state, label, merge_key)
            self._done.append(self._open)
        self._undone.clear()
        self._state = state

    def put(self, state: T) -> None:
        """Take another state in the place of the present one: no step, what was done stays done.

        What was undone is forgotten where that changes something: it followed from another state.
        """
        if state == self._state:
            return
        self.close()
        self._undone.clear()
        if self._done:
            self._done[-1] = replace(self._done[-1], after=state)
        self._state = state

    def revise(self, change: Callable[[T], T]) -> None:
        """Change every state, the past and the undone ones too; steps stay what they are.

        Parameters
        ----------
        change : callable
            Makes of each state the one that stands in its place.
        """
        self.close()
        self._state = change(self._state)
        for steps in (self._done, self._undone):
            steps[:] = [
                replace(step, before=change(step.before), after=change(step.after))
                for step in steps
            ]

    def close(self) -> None:
        """End a run of changes that become one step, as when a drag ends."""
        self._open = None

    def undo(self) -> T:
        """Go one step back and return the state; without a step it stays."""
        self.close()
        if self._done:
            step = self._done.pop()
            self._undone.append(step)
            self._state = step.before
        return self._state

    def redo(self) -> T:
        """Do again what was undone last and return the state; without a step it stays."""
        self.close()
        if self._undone:
            step = self._undone.pop()
            self._done.append(step)
            self._state = step.after
        return self._state

    def _merges(self, merge_key: Hashable) -> bool:
        return (
            merge_key is not None and self._open is not None and self._open.merge_key == merge_key
        )
