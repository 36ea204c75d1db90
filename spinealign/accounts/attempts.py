"""Growing pauses after wrong passwords, with a clock that was set back noticed.

The pauses slow down somebody at the keyboard. Against somebody who copies the files only the cost
of a password helps: the file of attempts is protected by nothing, and may be deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from spinealign.files import write_durably
from spinealign.json_files import JsonError, read_json

FREE_ATTEMPTS = 3
"""Wrong passwords without a pause: a slip of the finger. Source: NIST SP 800-63B, 5.2.2 asks for
a limit, not for a number; the number is this program's."""

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 900.0

_TOLERANCE_S = 120.0
"""How far a clock may go back unremarked: it is set right by a server of time."""


class Attempts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Wrong passwords of one account since the last right one.

    Parameters
    ----------
    failures : int
    last_s : float
        When the last one was, in seconds since 1970.
    """

    failures: Annotated[int, Meta(ge=0)] = 0
    last_s: Annotated[float, Meta(ge=0)] = 0.0


class AttemptsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Attempts by the name of the account, and the latest time that was seen."""

    latest_s: Annotated[float, Meta(ge=0)] = 0.0
    accounts: dict[str, Attempts] = {}


def pause_s(failures: int) -> float:
    """Return how long nobody may try again after so many wrong passwords, in seconds."""
    if failures < FREE_ATTEMPTS:
        return 0.0
    return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - FREE_ATTEMPTS, 20)))


_noticed_s: dict[Path, float] = {}
"""When this program noticed that the clock was set back, by the clock that nobody sets; kept
apart from `AttemptLog`, which is made anew for every attempt."""


class AttemptLog:
    """Attempts on the disk.

    Parameters
    ----------
    path : Path
    clock, ticks : callable
        Seconds since 1970, and seconds that nobody can set back.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._clock, self._ticks = path, clock, ticks

    def is_clock_set_back(self) -> bool:
        """Return whether the clock shows a time before one that was seen already."""
        return self._clock() < self._read().latest_s - _TOLERANCE_S

    def seconds_to_wait(self, name: str) -> float:
        """Return how long this account has to wait before the next attempt.

        With the clock set back nobody knows how much of a pause is over, and the whole pause
        counts from now, by the clock that nobody sets.
        """
        content = self._read()
        attempts = content.accounts.get(name, Attempts())
        pause = pause_s(attempts.failures)
        if self._clock() < content.latest_s - _TOLERANCE_S:
            noticed_s = _noticed_s.setdefault(self._path, self._ticks())
            return max(0.0, pause - (self._ticks() - noticed_s))
        _noticed_s.pop(self._path, None)
        return min(pause, max(0.0, attempts.last_s + pause - self._clock()))

    def failed(self, name: str) -> None:
        """Count a wrong password."""
        content = self._read()
        before = content.accounts.get(name, Attempts())
        # With the clock set back, the latest time stays what it was, and the pause starts anew.
        if self._path in _noticed_s:
            _noticed_s[self._path] = self._ticks()
        self._write(content, {name: Attempts(before.failures + 1, self._clock())})

    def succeeded(self, name: str) -> None:
        """Forget the wrong passwords of an account."""
        content = self._read()
        if name in content.accounts:
            self._write(content, {name: Attempts()})

    def _read(self) -> AttemptsFile:
        try:
            return read_json(self._path, AttemptsFile)
        except (JsonError, OSError):
            return AttemptsFile()

    def _write(self, content: AttemptsFile, changed: dict[str, Attempts]) -> None:
        accounts = {
            name: attempts
            for name, attempts in (content.accounts | changed).items()
            if attempts.failures
        }
        latest_s = max(content.latest_s, self._clock())
        write_durably(self._path, msgspec.json.encode(AttemptsFile(latest_s, accounts)))
