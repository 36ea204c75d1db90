"""Running generators of progress: to their end, or inside another generator."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import Generic, TypeVar

_Step = TypeVar("_Step")
_Other = TypeVar("_Other")
_Result = TypeVar("_Result")


def run_to_end(
    work: Generator[_Step, None, _Result], on_step: Callable[[_Step], object] | None = None
) -> _Result:
    """Run a generator to its end and return its result.

    Parameters
    ----------
    work : generator
        It is closed whatever happens.
    on_step : callable, optional
        Is given everything that is yielded; what it raises ends the work.
    """
    driven = _Driven(work)
    with contextlib.closing(work):
        for step in driven:
            if on_step is not None:
                on_step(step)
    return driven.result


def mapped(
    work: Generator[_Step, None, _Result], other_of: Callable[[_Step], _Other]
) -> Generator[_Other, None, _Result]:
    """Run a generator inside another one, with something else in place of what it yields.

    Parameters
    ----------
    work : generator
        It is closed as soon as the other one is.
    other_of : callable
        Gives what is yielded in place of a step.

    Returns
    -------
    object
        What the inner generator returns.
    """
    driven = _Driven(work)
    with contextlib.closing(work):
        for step in driven:
            yield other_of(step)
    return driven.result


class _Driven(Generic[_Step, _Result]):
    """Iterates over a generator and keeps its result."""

    result: _Result

    def __init__(self, work: Generator[_Step, None, _Result]) -> None:
        self._work = work

    def __iter__(self) -> Iterator[_Step]:
        self.result = yield from self._work
