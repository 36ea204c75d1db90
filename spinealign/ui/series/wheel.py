"""What the wheel does over the picture: leaf through a series, or zoom."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QWheelEvent

from spinealign.ui.picture.viewer import Viewer

WHEEL_STEP = 120
"""What Qt calls one notch, in eighths of a degree."""

_SHIFT, _CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def turns_pages(held: Qt.KeyboardModifier, alone: bool) -> bool:
    """Return whether the wheel leafs while these keys are held; else it zooms.

    Parameters
    ----------
    held : Qt.KeyboardModifier
    alone : bool
        Whether the wheel alone leafs, and zooms with Ctrl; else it zooms alone and leafs with
        either key.
    """
    return not held & _CTRL if alone else bool(held & (_SHIFT | _CTRL))


class WheelLeafing(QObject):
    """Takes the wheel from a viewer where it leafs.

    Parameters
    ----------
    viewer : Viewer
        Zooms with what is left to it.
    step : callable
        Goes so many pictures on, or back.
    has_pages : callable
        Whether there is anything to leaf through.
    alone : callable
        As `turns_pages` has it.
    """

    def __init__(
        self,
        viewer: Viewer,
        step: Callable[[int], object],
        has_pages: Callable[[], bool],
        alone: Callable[[], bool],
    ) -> None:
        super().__init__(viewer)
        self._step, self._has_pages, self._alone = step, has_pages, alone
        self._turned = 0
        viewport = viewer.viewport()
        assert viewport is not None
        viewport.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Leaf notch by notch; a wheel or pad without notches adds up to them."""
        if not isinstance(event, QWheelEvent) or not self._has_pages():
            return False
        if not turns_pages(event.modifiers(), self._alone()):
            return False
        turned = event.angleDelta()
        self._turned += turned.y() or turned.x()
        steps = int(self._turned / WHEEL_STEP)
        self._turned -= steps * WHEEL_STEP
        if steps:
            self._step(-steps)
        return True
