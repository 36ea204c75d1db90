"""Time as far as this program itself runs: what it stands still does not count."""

from __future__ import annotations

import time
from collections.abc import Callable


class Watch:
    """Counts seconds between looks; a long one between two of them is a standstill.

    A program stands still when somebody suspends it (Ctrl+Z) or the computer sleeps, and its
    workers do so with it: a limit that counted that time would blame them.

    Parameters
    ----------
    most_s : float
        What is counted of the time between two looks, at most. Who looks does so more often.
    clock : callable
        Returns seconds that never run backwards.
    """

    def __init__(self, most_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_s, self._clock = most_s, clock
        self._last, self._counted_s = clock(), 0.0

    def look(self, *, counts: bool = True) -> float:
        """Return the seconds counted so far; `counts` says whether those since the last look do."""
        now = self._clock()
        if counts:
            self._counted_s += min(now - self._last, self._most_s)
        self._last = now
        return self._counted_s
