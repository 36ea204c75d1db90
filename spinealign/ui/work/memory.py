"""Memory of closed cases, given back to the system."""

from __future__ import annotations

from PyQt6.QtCore import QObject, QTimer

from spinealign.worker.process import give_back_freed_memory

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
