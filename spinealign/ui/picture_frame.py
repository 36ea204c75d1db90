"""What is written over the picture: window and level, scale, a hint."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPen

from spinealign.ui.display import Window

CANVAS = "#07090c"
CANVAS_TEXT = "#dbe3ec"
CANVAS_VEIL = (7, 9, 12, 150)
"""Behind words on the picture, which may be of any grey."""

SCALE_BARS_MM = (1, 2, 5, 10, 20, 50, 100, 200)


def window_text(window: Window, is_hounsfield: bool) -> str:
    """Return width and level for the corner of the picture."""
    centre, width = window
    unit = " HU" if is_hounsfield else ""
    digits = 0 if width >= 20 else 2
    return f"W {width:.{digits}f}   L {centre:.{digits}f}{unit}"


def write_words(painter: QPainter, area: QRectF, text: str, where: Qt.AlignmentFlag) -> None:
    """Write on a dark veil, aligned within an area of the screen."""
    flags = int(where | Qt.TextFlag.TextWordWrap)
    ground = painter.boundingRect(area, flags, text).adjusted(-5, -2, 5, 2)
    painter.fillRect(ground, QColor(*CANVAS_VEIL))
    painter.setPen(QColor(CANVAS_TEXT))
    painter.drawText(area, flags, text)


def draw_scale_bar(painter: QPainter, area: QRectF, px_per_mm: float) -> None:
    """Draw the longest round length that fits a quarter of the view."""
    fitting = [mm for mm in SCALE_BARS_MM if mm * px_per_mm <= area.width() / 4]
    if not fitting:
        return
    length = fitting[-1] * px_per_mm
    end, start = area.bottomRight(), area.bottomRight() - QPointF(length, 0)
    for colour, width in ((CANVAS, 4.0), (CANVAS_TEXT, 2.0)):
        painter.setPen(QPen(QColor(colour), width))
        painter.drawLine(start, end)
        for tip in (start, end):
            painter.drawLine(tip, tip - QPointF(0, 6))
    corner = Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight
    write_words(painter, area.adjusted(0, 0, 0, -10), f"{fitting[-1]} mm", corner)
