"""Tells whether another window of the same profile is open, on this computer or another one."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QLockFile

LOCK_NAME = "window.lock"


class WindowLock:
    """Held by the first window of a profile until it is closed; the others come in without it.

    A lock of a process that is gone, as after a crash, is taken over. Where no lock can be made,
    as in a folder that cannot be written, a window counts as the first.

    Parameters
    ----------
    folder : Path
        Of the profile; made where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = QLockFile(str(folder / LOCK_NAME))
        # However long a window stays open: its process tells whether it is there.
        self._lock.setStaleLockTime(0)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            self.is_first = True
            return
        is_held = self._lock.tryLock(0)
        self.is_first = is_held or self._lock.error() is not QLockFile.LockError.LockFailedError

    def let_go(self) -> None:
        """Let the next window be the first."""
        self._lock.unlock()
