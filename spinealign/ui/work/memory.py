"""Memory of closed cases, given back to the system."""

from __future__ import annotations

import ctypes
import sys

from PyQt6.QtCore import QObject, QTimer

REST_MS = 1000
"""After something was let go; what is freed within it is given back at once."""


class MemoryReturn(QObject):
    """Gives back what was freed, a moment after it was freed."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(give_back_freed_memory)

    def soon(self) -> None:
        """Give back in a moment what is freed until then."""
        if not self._timer.isActive():
            self._timer.start()

    def stop(self) -> None:
        """Give nothing back any more, as the program ends."""
        self._timer.stop()


def give_back_freed_memory() -> bool:
    """Let the system have the memory that the C library keeps for itself after use.

    The GNU library keeps the pages of freed arrays below its threshold for mapping, which grows
    with the arrays, so that the films of closed cases seem still open (malloc_trim(3)). It takes
    about 5 ms for 100 MB.

    Returns
    -------
    bool
        Whether any was given back; False also where the C library is another one.
    """
    if sys.platform != "linux":
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))
