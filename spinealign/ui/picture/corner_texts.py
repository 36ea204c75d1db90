"""What is written over the picture: window and level, scale, directions, a hint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PyQt6.QtCore import QPoint, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from spinealign.domain.image import DisplayWindow, WindowKind
from spinealign.domain.presentation import OPPOSITE
from spinealign.wording.reading import window_name

CANVAS = "#07090c"
CANVAS_TEXT = "#dbe3ec"
CANVAS_VEIL = (7, 9, 12, 175)
"""Behind words on the picture: on white they still have a contrast above 4.5 : 1."""

SCALE_BARS_MM = (1, 2, 5, 10, 20, 50, 100, 200)
BORDER_X_PX, BORDER_Y_PX = 12, 10
LETTER_SCALE = 1.25
BAR_ROOM_PX, TIP_PX = 10, 6
"""Below the words of the scale bar, and how high its ends are."""

NARROW_SHARE = 0.4
"""Share of a view's width that words in a corner take where they must leave room beside them."""

BESIDE_PX = 6
"""Between what stands at a border and what must stand further in."""

STEP_ALONG_PX = 24
"""How far a direction moves along its border at a time to where it covers nothing."""
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
    """

    window: str
    hint: str = ""
    px_per_mm: float | None = None
    orientation: tuple[str, str] | None = None
    side: str = ""


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


@dataclass(frozen=True)
class Written:
    """Words in their place over the picture.

    Parameters
    ----------
    text : str
    room : QRectF
        Within which they are aligned.
    where : int
        Alignment and wrapping, as `QPainter.drawText` takes them.
    ground : QRectF
        What they cover, with their veil and the scale bar.
    is_direction : bool
        Whether they are a letter for a direction of the patient, larger and bold.
    bar_px : float
        Length of the scale bar below them; 0 for other words.
    """

    text: str
    room: QRectF
    where: int
    ground: QRectF
    is_direction: bool = False
    bar_px: float = 0.0


def frame_texts(
    view: QRectF,
    notes: FrameNotes,
    font: QFont,
    covered: Sequence[QRectF] = (),
    names: Sequence[QRectF] = (),
) -> list[Written]:
    """Return where each note stands inside the borders of a view.

    A note stands in its corner where that is free, else in the next one that is, and a
    direction of the patient as near as possible to the middle of its border.

    Parameters
    ----------
    covered : sequence of QRectF
        What lies over the view.
    names : sequence of QRectF
        What should stay readable below: names of bodies and their handles.
    """
    area = view.adjusted(BORDER_X_PX, BORDER_Y_PX, -BORDER_X_PX, -BORDER_Y_PX)
    metrics = QFontMetricsF(font)
    done: list[Written] = []

    def add(places: Sequence[Written]) -> None:
        taken = [*covered, *(one.ground for one in done)]
        done.append(_best(places, taken, names))

    add(_in_corners(metrics, area, notes.window, _BOTTOM | _LEFT))
    if notes.side:
        add(_in_corners(metrics, area, notes.side, _TOP | _RIGHT))
    if notes.px_per_mm is not None and (bar := longest_bar(area, notes.px_per_mm)):
        add(_bars(metrics, area, bar, bar * notes.px_per_mm))
    if notes.hint:
        taken = [*covered, *(one.ground for one in done)]
        add(_at_ends(metrics, area, notes.hint, taken))
    if notes.orientation is not None:
        metrics = QFontMetricsF(letter_font(font))
        sides = (_LEFT | _UPRIGHT, _TOP | _ACROSS, _RIGHT | _UPRIGHT, _BOTTOM | _ACROSS)
        for letter, side in zip(border_letters(notes.orientation), sides, strict=True):
            taken = [*covered, *(one.ground for one in done)]
            add(_along_border(metrics, area, letter, side, taken))
    return done


def letter_font(font: QFont) -> QFont:
    """Return the font of directions of the patient."""
    larger = QFont(font)
    larger.setBold(True)
    if font.pointSizeF() > 0:
        larger.setPointSizeF(font.pointSizeF() * LETTER_SCALE)
    else:
        larger.setPixelSize(round(font.pixelSize() * LETTER_SCALE))
    return larger


def draw_frame(painter: QPainter, texts: Sequence[Written]) -> None:
    """Write the notes where `frame_texts` placed them."""
    plain = painter.font()
    for one in texts:
        painter.setFont(letter_font(plain) if one.is_direction else plain)
        painter.fillRect(one.ground, QColor(*CANVAS_VEIL))
        painter.setPen(QColor(CANVAS_TEXT))
        painter.drawText(one.room, one.where, one.text)
        if one.bar_px:
            _draw_bar(painter, one)
    painter.setFont(plain)


def write_beside(painter: QPainter, view: QRectF, cursor: QPoint, text: str) -> None:
    """Write beside the mouse."""
    end = view.bottomRight() - QPointF(BORDER_X_PX, BORDER_Y_PX)
    write_words(painter, QRectF(QPointF(cursor) + CURSOR_SHIFT, end), text, _TOP | _LEFT)


def write_words(painter: QPainter, area: QRectF, text: str, where: Qt.AlignmentFlag) -> None:
    """Write on a dark veil, aligned within an area of the screen."""
    one = _words(QFontMetricsF(painter.font()), area, text, where)
    draw_frame(painter, [one])


def longest_bar(area: QRectF, px_per_mm: float) -> int:
    """Return the longest round length, in mm, that fits a quarter of an area; 0 for none."""
    return max((mm for mm in SCALE_BARS_MM if mm * px_per_mm <= area.width() / 4), default=0)


def _words(metrics: QFontMetricsF, area: QRectF, text: str, where: Qt.AlignmentFlag) -> Written:
    flags = int(where | Qt.TextFlag.TextWordWrap)
    ground = metrics.boundingRect(area, flags, text).adjusted(-5, -2, 5, 2)
    return Written(text, area, flags, ground)


def _in_corners(
    metrics: QFontMetricsF, area: QRectF, text: str, first: Qt.AlignmentFlag
) -> list[Written]:
    """Return words in every corner, in the order in which they are wished, narrow ones last."""
    narrow = area.width() * NARROW_SHARE
    lefts, rights = QRectF(area), QRectF(area)
    lefts.setWidth(narrow)
    rights.setLeft(area.right() - narrow)
    corners = _corners(first)
    halves = [(lefts if corner & _LEFT else rights, corner) for corner in corners]
    rooms = [*((area, corner) for corner in corners), *halves]
    return [_words(metrics, room, text, corner) for room, corner in rooms]


def _at_ends(
    metrics: QFontMetricsF, area: QRectF, text: str, taken: Sequence[QRectF]
) -> list[Written]:
    """Return words at the upper and the lower border, then just beside what is there already."""
    rooms = [(area, _TOP), (area, _BOTTOM)]
    for ground in taken:
        below, above = QRectF(area), QRectF(area)
        below.setTop(max(area.top(), ground.bottom() + BESIDE_PX))
        above.setBottom(min(area.bottom(), ground.top() - BESIDE_PX))
        rooms += [(room, end) for room, end in ((below, _TOP), (above, _BOTTOM))]
    found = [
        _words(metrics, room, text, end | _ACROSS) for room, end in rooms if not room.isEmpty()
    ]
    return [one for one in found if area.adjusted(-6, -6, 6, 6).contains(one.ground)] or found[:1]


def _corners(first: Qt.AlignmentFlag) -> list[Qt.AlignmentFlag]:
    """Return the corners, beginning with one; the next one lies on the same side."""
    down = (_BOTTOM, _TOP) if first & _BOTTOM else (_TOP, _BOTTOM)
    across = (_LEFT, _RIGHT) if first & _LEFT else (_RIGHT, _LEFT)
    return [vertical | side for side in across for vertical in down]


def _bars(metrics: QFontMetricsF, area: QRectF, bar_mm: int, bar_px: float) -> list[Written]:
    """Return the scale bar with its words in every corner."""
    text, found = f"{bar_mm} mm", []
    for corner in _corners(_BOTTOM | _RIGHT):
        words = metrics.boundingRect(area, int(corner), text)
        width = max(words.width(), bar_px)
        left = area.left() if corner & _LEFT else area.right() - width
        height = words.height() + BAR_ROOM_PX
        top = area.top() if corner & _TOP else area.bottom() - height
        block = QRectF(left, top, width, height)
        side = _LEFT if corner & _LEFT else _RIGHT
        ground = block.adjusted(-5, -2, 5, 2)
        found.append(Written(text, block, int(_TOP | side), ground, bar_px=bar_px))
    return found


def _draw_bar(painter: QPainter, one: Written) -> None:
    is_left = bool(one.where & _LEFT.value)
    start = one.room.bottomLeft()
    if not is_left:
        start = one.room.bottomRight() - QPointF(one.bar_px, 0)
    end = start + QPointF(one.bar_px, 0)
    for colour, width in ((CANVAS, 4.0), (CANVAS_TEXT, 2.0)):
        painter.setPen(QPen(QColor(colour), width))
        painter.drawLine(start, end)
        for tip in (start, end):
            painter.drawLine(tip, tip - QPointF(0, TIP_PX))


def _along_border(
    metrics: QFontMetricsF,
    area: QRectF,
    letter: str,
    side: Qt.AlignmentFlag,
    taken: Sequence[QRectF],
) -> list[Written]:
    """Return a direction at its border: in the middle, beside what is there, then further along."""
    first = metrics.boundingRect(area, int(side), letter)
    is_upright = bool(side & _UPRIGHT)
    moves = [QPointF()]
    if not is_upright:
        moves += [QPointF(0, _past(first, ground, bool(side & _TOP))) for ground in taken]
    reach = (area.height() if is_upright else area.width()) / 2
    for step in range(1, int(reach / STEP_ALONG_PX) + 1):
        for far in (step * STEP_ALONG_PX, -step * STEP_ALONG_PX):
            moves.append(QPointF(0, far) if is_upright else QPointF(far, 0))
    found = []
    for move in moves:
        room = first.translated(move)
        if area.adjusted(-1, -1, 1, 1).contains(room):
            ground = room.adjusted(-5, -2, 5, 2)
            where = int(_ACROSS | _UPRIGHT)
            found.append(Written(letter, room, where, ground, is_direction=True))
    return found or [_words(metrics, area, letter, side)]


def _past(letter: QRectF, ground: QRectF, is_top: bool) -> float:
    """Return how far a letter moves into the picture to lie just beside something."""
    if is_top:
        return ground.bottom() + BESIDE_PX - letter.top()
    return ground.top() - BESIDE_PX - letter.bottom()


def _best(places: Sequence[Written], taken: Sequence[QRectF], names: Sequence[QRectF]) -> Written:
    """Return the first place that covers least: nothing of what is taken before all else."""
    best, least = places[0], (math.inf, math.inf)
    for one in places:
        covered = _shared(one.ground, taken), _shared(one.ground, names)
        if covered < least:
            best, least = one, covered
        if not any(least):
            break
    return best


def _shared(ground: QRectF, others: Sequence[QRectF]) -> float:
    shared = (ground.intersected(other) for other in others if ground.intersects(other))
    return sum(part.width() * part.height() for part in shared)
