"""What is written over the picture: window and level, scale, directions, a hint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PyQt6.QtCore import QPoint, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPen

from spinealign.domain.image import DisplayWindow, WindowKind
from spinealign.domain.presentation import OPPOSITE
from spinealign.wording.reading import window_name

CANVAS = "#07090c"
CANVAS_TEXT = "#dbe3ec"
CANVAS_VEIL = (7, 9, 12, 175)
"""Behind words on the picture: on white they still have a contrast above 4.5 : 1."""

SCALE_BARS_MM = (1, 2, 5, 10, 20, 50, 100, 200)
BORDER_X_PX, BORDER_Y_PX = 12, 10
LETTER_SCALE, LETTER_BOX_PX = 1.25, 26
CURSOR_SHIFT = QPointF(18, 14)

_LEFT, _RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
_TOP, _BOTTOM = Qt.AlignmentFlag.AlignTop, Qt.AlignmentFlag.AlignBottom
_ACROSS, _UPRIGHT = Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class FrameNotes:
    """What stands at the borders of the view.

    Parameters
    ----------
    window : str
        From `corner_text`.
    hint : str
        What to do next; may be empty.
    px_per_mm : float or None
        Screen pixels, for the scale bar.
    orientation : tuple of str or None
        As in `SpineImage.orientation`.
    side : str
        Of a paired body part; may be empty.
    cursor : QPoint or None
        Where the mouse is that changes the window now.
    """

    window: str
    hint: str = ""
    px_per_mm: float | None = None
    orientation: tuple[str, str] | None = None
    side: str = ""
    cursor: QPoint | None = None


def width_and_level(window: DisplayWindow, is_hounsfield: bool) -> str:
    """Return the numbers of a window, such as "W 400   L 40 HU"."""
    unit = " HU" if is_hounsfield else ""
    kind = ".0f" if window.width >= 20 else ".2f" if window.width >= 0.5 else ".3g"
    return f"W {window.width:{kind}}   L {window.centre:{kind}}{unit}"


def corner_text(window: DisplayWindow, is_hounsfield: bool, is_inverted: bool = False) -> str:
    """Return the name of a window, its numbers, and whether bright is shown as dark."""
    is_plain = window.kind is WindowKind.FILE and not window.explanation
    parts = [] if is_plain or window.kind is WindowKind.MANUAL else [window_name(window)]
    if window.table is None:
        parts.append(width_and_level(window, is_hounsfield))
    if is_inverted:
        parts.append("inverted")
    return "   ".join(parts)


def border_letters(orientation: tuple[str, str]) -> tuple[str, str, str, str]:
    """Return the patient directions at the left, top, right and bottom border."""
    right, bottom = orientation
    return OPPOSITE[right], OPPOSITE[bottom], right, bottom


def letter_boxes(view: QRectF) -> list[tuple[float, float, float, float]]:
    """Return (left, top, right, bottom) of where letters stand, for what is written elsewhere."""
    area = view.adjusted(BORDER_X_PX, BORDER_Y_PX, -BORDER_X_PX, -BORDER_Y_PX)
    side, middle = LETTER_BOX_PX, area.center() - QPointF(LETTER_BOX_PX, LETTER_BOX_PX) / 2
    corners = (
        (area.left(), middle.y()),
        (middle.x(), area.top()),
        (area.right() - side, middle.y()),
        (middle.x(), area.bottom() - side),
    )
    return [(x, y, x + side, y + side) for x, y in corners]


def draw_frame(painter: QPainter, view: QRectF, notes: FrameNotes) -> None:
    """Write the notes inside the borders of a view."""
    area = view.adjusted(BORDER_X_PX, BORDER_Y_PX, -BORDER_X_PX, -BORDER_Y_PX)
    taken = [write_words(painter, area, notes.window, _BOTTOM | _LEFT)]
    if notes.side:
        taken.append(write_words(painter, area, notes.side, _TOP | _RIGHT))
    if notes.hint:
        taken.append(write_words(painter, area, notes.hint, _TOP | _ACROSS))
    if notes.px_per_mm is not None:
        taken.append(draw_scale_bar(painter, area, notes.px_per_mm))
    if notes.orientation is not None:
        _draw_letters(painter, area, notes.orientation, taken)
    if notes.cursor is not None:
        place = QRectF(QPointF(notes.cursor) + CURSOR_SHIFT, area.bottomRight())
        write_words(painter, place, notes.window, _TOP | _LEFT)


def write_words(painter: QPainter, area: QRectF, text: str, where: Qt.AlignmentFlag) -> QRectF:
    """Write on a dark veil, aligned within an area of the screen; return what it covers."""
    flags = int(where | Qt.TextFlag.TextWordWrap)
    ground = painter.boundingRect(area, flags, text).adjusted(-5, -2, 5, 2)
    painter.fillRect(ground, QColor(*CANVAS_VEIL))
    painter.setPen(QColor(CANVAS_TEXT))
    painter.drawText(area, flags, text)
    return ground


def draw_scale_bar(painter: QPainter, area: QRectF, px_per_mm: float) -> QRectF:
    """Draw the longest round length that fits a quarter of the view; return what it covers."""
    fitting = [mm for mm in SCALE_BARS_MM if mm * px_per_mm <= area.width() / 4]
    if not fitting:
        return QRectF()
    length = fitting[-1] * px_per_mm
    end, start = area.bottomRight(), area.bottomRight() - QPointF(length, 0)
    for colour, width in ((CANVAS, 4.0), (CANVAS_TEXT, 2.0)):
        painter.setPen(QPen(QColor(colour), width))
        painter.drawLine(start, end)
        for tip in (start, end):
            painter.drawLine(tip, tip - QPointF(0, 6))
    words = area.adjusted(0, 0, 0, -10)
    ground = write_words(painter, words, f"{fitting[-1]} mm", _BOTTOM | _RIGHT)
    return ground.united(QRectF(start, end))


def _draw_letters(
    painter: QPainter, area: QRectF, orientation: tuple[str, str], taken: Sequence[QRectF]
) -> None:
    """Write the directions at the middle of the borders, beside what is taken already."""
    font = painter.font()
    font.setBold(True)
    font.setPointSizeF(font.pointSizeF() * LETTER_SCALE)
    painter.save()
    painter.setFont(font)
    places = (_LEFT | _UPRIGHT, _TOP | _ACROSS, _RIGHT | _UPRIGHT, _BOTTOM | _ACROSS)
    for letter, place in zip(border_letters(orientation), places, strict=True):
        write_words(painter, _free(painter, area, letter, place, taken), letter, place)
    painter.restore()


def _free(
    painter: QPainter, area: QRectF, letter: str, place: Qt.AlignmentFlag, taken: Sequence[QRectF]
) -> QRectF:
    """Return as much of an area as keeps a letter at its top or bottom off what is taken."""
    room = QRectF(area)
    for ground in taken:
        if painter.boundingRect(room, int(place), letter).adjusted(-8, -2, 8, 2).intersects(ground):
            if place & _BOTTOM:
                room.setBottom(ground.top() - 4)
            elif place & _TOP:
                room.setTop(ground.bottom() + 4)
    return room
