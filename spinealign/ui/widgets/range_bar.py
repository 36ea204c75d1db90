"""The small picture of a 95 % reference range: a band, its mean, the value and its interval."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPen, QPolygonF

from spinealign.domain.measures import NormalRange
from spinealign.ui.widgets.theme import Colours
from spinealign.wording.measure_rows import InRange, RangePosition, position_in_range

MARK_PX = 4.0
BAND_PX = 8.0
WHISKER_WIDTH = 1.5
BAND_ALPHA = 70
MEAN_WIDTH = 1.5


@dataclass(frozen=True)
class BarScale:
    """Which values the ends of a bar stand for."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """Return where a value lies along the bar, 0..1; values beyond it lie at its ends."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    def holds(self, value: float) -> bool:
        """Whether a value lies on the bar."""
        return self.low <= value <= self.high


def bar_scale(normal: NormalRange) -> BarScale | None:
    """Return a scale with room on both sides of a reference range, or None if it has no end.

    A range with two ends takes the middle half of the bar; one with a single end takes
    two thirds of it.
    """
    low, high = normal.low, normal.high
    if low is not None and high is not None:
        margin = (high - low) / 2 or max(abs(high), 1.0) / 2
        return BarScale(low - margin, high + margin)
    if high is not None:
        unit = abs(high) or 1.0
        return BarScale(high - unit, high + unit / 2)
    if low is not None:
        unit = abs(low) or 1.0
        return BarScale(low - unit / 2, low + unit)
    return None


def draw_range(painter: QPainter, room: QRectF, measurement: InRange, colours: Colours) -> None:
    """Draw the reference range as a band with its mean, the interval as a line, and the value.

    The mark is a dot inside the range, a diamond outside of it, and an arrow head where
    the value lies beyond the bar, so that nothing is told by colour alone.

    Parameters
    ----------
    room : QRectF
        Where to draw; the bar runs along its middle.
    """
    scale = bar_scale(measurement.normal) if measurement.normal is not None else None
    place, value = position_in_range(measurement), measurement.value
    if scale is None or place is None or value is None:
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    bar = room.adjusted(MARK_PX, 0, -MARK_PX, 0)
    _draw_band(painter, bar, scale, measurement, colours)
    colour = QColor(colours.text if place.is_inside else colours.warning)
    middle = bar.center().y()
    if measurement.interval is not None:
        painter.setPen(QPen(colour, WHISKER_WIDTH))
        low, high = (_along(bar, scale, end) for end in measurement.interval)
        painter.drawLine(QPointF(low, middle), QPointF(high, middle))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    _draw_mark(painter, QPointF(_along(bar, scale, value), middle), place, scale.holds(value))
    painter.restore()


def _draw_band(
    painter: QPainter, bar: QRectF, scale: BarScale, measurement: InRange, colours: Colours
) -> None:
    normal, middle = measurement.normal, bar.center().y()
    assert normal is not None
    painter.setPen(QPen(QColor(colours.strong_border), 1))
    painter.drawLine(QPointF(bar.left(), middle), QPointF(bar.right(), middle))
    low = _along(bar, scale, scale.low if normal.low is None else normal.low)
    high = _along(bar, scale, scale.high if normal.high is None else normal.high)
    ground = QColor(colours.good)
    ground.setAlpha(BAND_ALPHA)
    painter.fillRect(QRectF(low, middle - BAND_PX / 2, high - low, BAND_PX), ground)
    if normal.mean is not None:
        painter.setPen(QPen(QColor(colours.good), MEAN_WIDTH))
        at = _along(bar, scale, normal.mean)
        painter.drawLine(QPointF(at, middle - BAND_PX / 2), QPointF(at, middle + BAND_PX / 2))


def _along(bar: QRectF, scale: BarScale, value: float) -> float:
    return bar.left() + bar.width() * scale.share(value)


def _draw_mark(painter: QPainter, where: QPointF, place: RangePosition, is_on_bar: bool) -> None:
    if place.is_inside:
        painter.drawEllipse(where, MARK_PX, MARK_PX)
        return
    r = MARK_PX + 1
    if is_on_bar:
        steps = [(0, -r), (r, 0), (0, r), (-r, 0)]
    else:
        side = -1 if place in (RangePosition.BELOW, RangePosition.BELOW_NEAR) else 1
        steps = [(side, 0), (-2 * side * r, -r), (-2 * side * r, r)]
    painter.drawPolygon(QPolygonF([where + QPointF(*step) for step in steps]))
