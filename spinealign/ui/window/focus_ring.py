"""The way of Tab through the window: part by part, and in each from the top left down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QAbstractScrollArea, QMainWindow, QScrollArea, QWidget

SAME_ROW_PX = 12
"""Controls whose upper edges differ by no more than this are passed from left to right."""

_EMPTY_AREAS = (QScrollArea, QAbstractScrollArea)
"""They take keys only to scroll; subclasses that do more are passed."""


class FocusRing:
    """Where the keys go with Tab, whatever was shown, filled or hidden in the meantime.

    Qt's own order is that in which controls were made: a panel that is filled piece by piece
    would be torn in two, with tool bars between.

    Parameters
    ----------
    window : QMainWindow
    parts : sequence of QWidget
        In the order in which they are passed; what lies in none of them comes last.
    """

    def __init__(self, window: QMainWindow, parts: Sequence[QWidget]) -> None:
        self._window, self._parts = window, tuple(parts)

    def controls(self) -> list[QWidget]:
        """Return everything that takes the keys now, in its order."""
        found = [each for each in self._window.findChildren(QWidget) if self._takes_keys(each)]
        placed = sorted(found, key=self._place)
        return _row_by_row(placed, self._place)

    def move(self, forward: bool) -> bool:
        """Give the keys to the next control, or to the one before; False where there is none."""
        ring = self.controls()
        here = self._window.focusWidget()
        if here not in ring:
            here = next(
                (each for each in ring if here is not None and each.isAncestorOf(here)), None
            )
        if not ring:
            return False
        step = 1 if forward else -1
        at = ring.index(here) + step if here is not None else (0 if forward else -1)
        control = ring[at % len(ring)]
        reasons = Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason
        control.setFocus(reasons[0] if forward else reasons[1])
        self._scroll_to(control)
        return True

    def _takes_keys(self, control: QWidget) -> bool:
        if control.window() is not self._window or not control.isEnabled():
            return False
        if not control.isVisibleTo(self._window) or type(control) in _EMPTY_AREAS:
            return False
        by_tab = control.focusPolicy() & Qt.FocusPolicy.TabFocus
        # Parts of Qt's own controls pass the keys on to these.
        is_inner = control.objectName().startswith("qt_") or control.focusProxy() is not None
        return bool(by_tab) and not is_inner

    def _place(self, control: QWidget) -> tuple[int, int, int]:
        part = next(
            (
                k
                for k, part in enumerate(self._parts)
                if part is control or part.isAncestorOf(control)
            ),
            len(self._parts),
        )
        corner = self._unscrolled(control)
        return part, corner.y(), corner.x()

    def _unscrolled(self, control: QWidget) -> QPoint:
        """Return the upper left corner in the window, as if nothing were scrolled."""
        corner, at = QPoint(), control
        while at is not self._window:
            above = at.parentWidget()
            if above is None:
                break
            area = above.parentWidget()
            is_page = isinstance(area, QScrollArea) and area.viewport() is above
            corner += QPoint() if is_page else at.pos()
            at = above
        return corner

    def _scroll_to(self, control: QWidget) -> None:
        above = control.parentWidget()
        while above is not None and above is not self._window:
            if isinstance(above, QScrollArea):
                above.ensureWidgetVisible(control)
            above = above.parentWidget()


def _row_by_row(
    placed: Sequence[QWidget], place: Callable[[QWidget], tuple[int, int, int]]
) -> list[QWidget]:
    """Return controls sorted by part and upper edge with those of one row from left to right."""
    rows: list[list[QWidget]] = [[placed[0]]] if placed else []
    for before, here in pairwise(placed):
        (part, top, _), (next_part, next_top, _) = place(before), place(here)
        # What lies within a control comes after it.
        is_beside = not before.isAncestorOf(here)
        if part == next_part and next_top - top <= SAME_ROW_PX and is_beside:
            rows[-1].append(here)
        else:
            rows.append([here])
    return [each for row in rows for each in sorted(row, key=lambda one: place(one)[2])]
