"""Waiting that another thread ends at once, wherever it happens: a socket is shut, a lock let go.

Whoever runs work in a thread makes an `Interrupt` and runs it `here`; whoever waits asks for that
of its thread and says how its waiting is ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from spinealign.domain.errors import Cancelled

_LOOKED_AT_S = 0.1
"""How often waiting that nothing can end looks whether it is still wanted."""

_OF_THREAD = threading.local()


class Interrupt:
    """Ends what one thread waits for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._enders: dict[int, Callable[[], object]] = {}
        self._is_cut = threading.Event()

    @property
    def is_cut(self) -> bool:
        """Whether waiting was ended; it stays so."""
        return self._is_cut.is_set()

    def cut(self) -> None:
        """End all waiting, now and from now on; may be called from any thread, and twice."""
        self._is_cut.set()
        with self._lock:
            enders, self._enders = list(self._enders.values()), {}
        for end in enders:
            with suppress(OSError):
                end()

    def add(self, end: Callable[[], object]) -> Callable[[], None]:
        """Know how a waiting is ended; return what forgets it.

        Raises
        ------
        Cancelled
            It is not wanted any longer.
        """
        key = id(end)
        with self._lock:
            self.require_wanted()
            self._enders[key] = end

        def forget() -> None:
            with self._lock:
                self._enders.pop(key, None)

        return forget

    def require_wanted(self) -> None:
        """Go on only where nobody ended it.

        Raises
        ------
        Cancelled
        """
        if self.is_cut:
            raise Cancelled

    def wait(self, event: threading.Event, seconds: float | None = None) -> bool:
        """Wait for an event; return whether it came.

        Raises
        ------
        Cancelled
            The waiting was ended.
        """
        left = float("inf") if seconds is None else seconds
        while not event.wait(max(0.0, min(left, _LOOKED_AT_S))):
            self.require_wanted()
            left -= _LOOKED_AT_S
            if left <= 0:
                return False
        return True

    @contextmanager
    def here(self) -> Iterator[None]:
        """Be the one of this thread."""
        before = getattr(_OF_THREAD, "interrupt", None)
        _OF_THREAD.interrupt = self
        try:
            yield
        finally:
            _OF_THREAD.interrupt = before


def interrupt_of_thread() -> Interrupt:
    """Return the one of this thread; one that nobody cuts where there is none."""
    found = getattr(_OF_THREAD, "interrupt", None)
    return found if isinstance(found, Interrupt) else Interrupt()
