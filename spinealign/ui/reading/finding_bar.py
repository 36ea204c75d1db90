"""The small picture beside a finding: a value on its reference range, or a grade on its scale."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from spinealign.domain.measures import NormalRange
from spinealign.domain.reading import (
    GRADE_LIMITS,
    Finding,
    GradeScale,
    GradeValue,
    Normality,
    NumberValue,
)
from spinealign.reading.findings import assessed
from spinealign.ui.widgets.range_bar import BAND_ALPHA, draw_range
from spinealign.ui.widgets.theme import Colours

CELL_GAP_PX = 2.0
CELL_HEIGHT_PX = 10.0


@dataclass(frozen=True)
class _Placed:
    """A number on its range, for `draw_range`."""

    value: float
    interval: tuple[float, float] | None
    normal: NormalRange | None


class FindingBar(QWidget):
    """Draws a number with its interval on the reference range, or a grade on its scale."""

    def __init__(self, colours: Colours) -> None:
        super().__init__()
        self._colours = colours
        self._finding: Finding | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Return a size that follows the font."""
        metrics = self.fontMetrics()
        return QSize(metrics.averageCharWidth() * 16, max(metrics.height(), 16))

    def show_finding(self, finding: Finding | None) -> None:
        """Draw this finding, if there is something to draw of it."""
        self._finding = finding
        self.setVisible(finding is not None and is_drawn(finding))
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the bar or the cells."""
        finding = self._finding
        if finding is None:
            return
        painter = QPainter(self)
        value, room = finding.value, QRectF(self.rect())
        if isinstance(value, NumberValue):
            placed = _Placed(value.value, value.interval, finding.reference)
            draw_range(painter, room, placed, self._colours)
        elif isinstance(value, GradeValue):
            self._draw_cells(painter, room, finding, value)

    def _draw_cells(
        self, painter: QPainter, room: QRectF, finding: Finding, value: GradeValue
    ) -> None:
        low, high = GRADE_LIMITS[value.scale]
        width = (room.width() - CELL_GAP_PX * (high - low)) / (high - low + 1)
        top = room.center().y() - CELL_HEIGHT_PX / 2
        painter.setPen(Qt.PenStyle.NoPen)
        for grade in range(low, high + 1):
            left = room.left() + (grade - low) * (width + CELL_GAP_PX)
            cell = QRectF(left, top, width, CELL_HEIGHT_PX)
            painter.setBrush(self._colour_of(finding, value.scale, grade, grade == value.grade))
            painter.drawRect(cell)

    def _colour_of(
        self, finding: Finding, scale: GradeScale, grade: int, is_present: bool
    ) -> QColor:
        judged = assessed(finding, GradeValue(scale, grade)).normality
        is_normal = judged is not Normality.ABNORMAL
        if is_present:
            return QColor(self._colours.text if is_normal else self._colours.warning)
        colour = QColor(self._colours.good if is_normal else self._colours.strong_border)
        colour.setAlpha(BAND_ALPHA)
        return colour


def is_drawn(finding: Finding) -> bool:
    """Whether there is a range or a scale to draw a finding on."""
    if isinstance(finding.value, NumberValue):
        return finding.reference is not None
    return isinstance(finding.value, GradeValue)
