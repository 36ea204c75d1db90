"""Main measures on a picture: their lines, their values beside them, and a legend of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from spinealign.domain.findings import Analysis
from spinealign.domain.measurements import (
    Drawing,
    DrawingTool,
    Measurement,
    MeasureState,
    StrokeKind,
)
from spinealign.domain.measures import MEASURES, DrawnOn, Extent, MeasureCode
from spinealign.domain.report_details import PictureLayers
from spinealign.export.strips import Font, letters
from spinealign.imaging.render import Colour
from spinealign.wording.measure_rows import drawn_text, edited_text, has_value, value_text
from spinealign.wording.measures import short_name
from spinealign.wording.text import safe_text

Box = tuple[float, float, float, float]
Points = NDArray[np.float64]

_COLOURS: tuple[Colour, ...] = ((127, 212, 255), (255, 210, 63), (140, 255, 170), (255, 170, 120))
_DRAWN: Colour = (255, 157, 226)
_HALO: Colour = (7, 9, 12)
_WIDTHS = {
    StrokeKind.LINE: 1.3, StrokeKind.EXTENSION: 0.7, StrokeKind.ARC: 1.1, StrokeKind.PLUMB: 1.6,
}  # fmt: skip
_SOLID = (StrokeKind.LINE, StrokeKind.ARC)
_DASHED = (StrokeKind.EXTENSION, StrokeKind.PLUMB)
"""A dash in front of a number would read as its sign."""

_PX_PER_WIDTH = 480
_DASH, _GAP = 6.0, 4.0
_MOST_STEPS = 12
_HEAD_UNITS, _HEAD_DEG = 0.9, 24.0


def main_measures(analysis: Analysis) -> tuple[Measurement, ...]:
    """Return what a picture shows: the lordosis, the axis, one slope, and what was drawn."""
    found = [m for m in analysis.measurements if has_value(m) and m.strokes]
    by_code = {m.code: m for m in reversed(found)}
    chosen = [next((by_code[c] for c in codes if c in by_code), None) for codes in _alternatives()]
    drawn = [m for m in found if m.state is MeasureState.DRAWN]
    return (*(m for m in chosen if m is not None), *drawn)


def ticked_measures(analysis: Analysis, layers: PictureLayers) -> tuple[Measurement, ...]:
    """Return the measures that the screen shows, in the order of the table."""
    found = (m for m in analysis.measurements if m.key in layers.measures)
    return tuple(m for m in found if has_value(m) and m.strokes)


def _alternatives() -> Iterator[tuple[MeasureCode, ...]]:
    """Yield the measures of a picture, each with those that stand in for it."""
    automatic = [d for d in MEASURES.values() if d.extent is not Extent.DRAWING]
    wanted = [d for d in automatic if d.drawn_on is not DrawnOn.NOTHING]
    for first in wanted:
        if first.stands_in_for is None:
            yield first.code, *(d.code for d in wanted if d.stands_in_for is first.code)


def legend_items(measures: Sequence[Measurement]) -> list[tuple[Colour, str]]:
    """Return the colour, and name with value, of each measure drawn by `draw_measures`."""
    items = []
    for colour, measure in _coloured(measures):
        edited = edited_text(measure).partition("; no ")[0]
        words = f"{short_name(measure)} {drawn_text(measure)}"
        items.append((colour, f"{words} ({edited})" if edited else words))
    return items


def draw_measures(
    canvas: NDArray[np.uint8],
    measures: Sequence[Measurement],
    scale: tuple[float, float],
    line_weight: float,
    unit: int,
    aside: Sequence[Points] = (),
    with_names: bool = True,
) -> NDArray[np.uint8]:
    """Draw lines and values of measures over an enlarged image.

    Parameters
    ----------
    canvas : ndarray of uint8, shape (H', W', 3)
    measures : sequence of Measurement
    scale : tuple of float
        (row, column) enlargement.
    line_weight : float
        Lines are this much bolder than suits a screen.
    unit : int
        Height of letters in canvas pixels.
    aside : sequence of ndarray, shape (N, 2)
        Outlines in image pixels that words keep off.
    with_names : bool
        False writes the values alone, where the legend tells the names.

    Returns
    -------
    ndarray of uint8, shape (H', W', 3)
    """
    picture = Image.fromarray(canvas)
    pen = pen_px(canvas.shape, line_weight)
    for colour, measure in _coloured(measures):
        for stroke in measure.strokes:
            points = on_canvas(stroke.points, scale)
            is_dashed = stroke.kind in _DASHED
            draw_polyline(picture, points, colour, pen * _WIDTHS[stroke.kind], is_dashed=is_dashed)
    taken = [_box_of(on_canvas(outline, scale)) for outline in aside]
    taken += [box for m in measures for box in _line_boxes(m, scale, unit, _SOLID)]
    dashes = [box for m in measures for box in _line_boxes(m, scale, unit, _DASHED)]
    for colour, measure in _coloured(measures):
        name = f"{short_name(measure)} " if with_names else ""
        text = f"{name}{value_text(measure)}"
        at = _anchor(measure, scale)
        taken.append(_write(picture, text, colour, at, unit, taken, dashes))
    return np.array(picture, np.uint8)


def draw_notes(
    canvas: NDArray[np.uint8],
    drawings: Sequence[Drawing],
    scale: tuple[float, float],
    line_weight: float,
    unit: int,
) -> NDArray[np.uint8]:
    """Draw the texts and arrows that a person put on the picture; see `draw_measures`."""
    picture = Image.fromarray(canvas)
    pen = pen_px(canvas.shape, line_weight)
    notes = [drawing for drawing in drawings if drawing.tool.is_note]
    for note in notes:
        if note.tool is DrawingTool.ARROW and len(note.points) > 1:
            tip, tail = on_canvas(note.points[:2], scale)
            for line in (np.stack([tail, tip]), _arrow_head(tip, tail, _HEAD_UNITS * unit)):
                draw_polyline(picture, line, _DRAWN, 1.3 * pen, is_dashed=False)
    for note in notes:
        if note.text:
            _write_note(picture, safe_text(note.text), on_canvas(note.points, scale)[-1], unit)
    return np.array(picture, np.uint8)


def _arrow_head(tip: Points, tail: Points, length: float) -> Points:
    """Return the line (3, 2) from barb to barb over the tip of an arrow."""
    way = np.arctan2(*(tail - tip)[::-1]) + np.radians([_HEAD_DEG, -_HEAD_DEG])
    barbs = tip + length * np.stack([np.cos(way), np.sin(way)], axis=1)
    return np.stack([barbs[0], tip, barbs[1]])


def _write_note(picture: Image.Image, text: str, at: Points, unit: int) -> None:
    """Write beside a point, on the side that has room, and not out of the picture."""
    font, halo = letters(unit, bold=True), max(2, unit // 7)
    width, height = _size(text, font, halo, unit)
    gap = 0.5 * unit
    left = at[0] + gap if at[0] + gap + width <= picture.width else at[0] - gap - width
    box = _inside(left, float(at[1]) - height / 2, width, height, picture.size)
    ImageDraw.Draw(picture).text(
        (box[0] + halo, (box[1] + box[3]) / 2), text, font=font, anchor="lm",
        fill=_DRAWN, stroke_width=halo, stroke_fill=_HALO,
    )  # fmt: skip


def _coloured(measures: Sequence[Measurement]) -> list[tuple[Colour, Measurement]]:
    """Pair each measure with its colour; what a person drew has one colour of its own."""
    return [
        (_DRAWN if m.state is MeasureState.DRAWN else _COLOURS[i % len(_COLOURS)], m)
        for i, m in enumerate(measures)
    ]


def on_canvas(points: object, scale: tuple[float, float]) -> Points:
    """Return points (N, 2) of an image in pixels of a canvas enlarged by (row, column)."""
    return np.asarray(np.array(points, np.float64) * (scale[1], scale[0]) - 0.5, np.float64)


def _box_of(points: Points) -> Box:
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def pen_px(canvas_shape: Sequence[int], line_weight: float) -> float:
    """Return the width of a pen on a canvas (H, W, 3)."""
    return max(1.0, line_weight * max(canvas_shape[:2]) / _PX_PER_WIDTH)


def draw_polyline(
    picture: Image.Image, points: Points, colour: Colour, width: float, *, is_dashed: bool
) -> None:
    """Draw a line through points (N, 2) in canvas pixels, with a dark halo."""
    draw = ImageDraw.Draw(picture)
    pieces = _dashes(points, 2 * width) if is_dashed else [points]
    for shade, thick in ((_HALO, round(width) + 2), (colour, max(1, round(width)))):
        for piece in pieces:
            draw.line([(float(x), float(y)) for x, y in piece], shade, thick, joint="curve")


def _dashes(points: Points, unit: float) -> list[Points]:
    """Cut a polyline into dashes."""
    lengths = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    starts = np.arange(0.0, along[-1], (_DASH + _GAP) * unit / 2)
    ends = np.minimum(starts + _DASH * unit / 2, along[-1])
    return [
        np.stack([np.interp([a, b], along, points[:, axis]) for axis in (0, 1)], axis=1)
        for a, b in zip(starts, ends, strict=True)
    ]


def _anchor(measure: Measurement, scale: tuple[float, float]) -> Points:
    """Return the point (x, y) that a value stands beside.

    The end of the plumb line, the middle of the arc, or that of a line.
    """
    plumb = [stroke for stroke in measure.strokes if stroke.kind is StrokeKind.PLUMB]
    if plumb:
        return np.asarray(on_canvas(plumb[0].points, scale)[-1], np.float64)
    wanted = (StrokeKind.ARC, StrokeKind.LINE)
    strokes = [s for kind in wanted for s in measure.strokes if s.kind is kind]
    points = on_canvas((strokes or measure.strokes)[0].points, scale)
    return np.asarray((points[(len(points) - 1) // 2] + points[len(points) // 2]) / 2, np.float64)


def _line_boxes(
    measure: Measurement, scale: tuple[float, float], unit: int, kinds: Sequence[StrokeKind]
) -> list[Box]:
    """Return small boxes along the lines that words must not hide."""
    boxes = []
    for stroke in measure.strokes:
        if stroke.kind in kinds:
            points = on_canvas(stroke.points, scale)
            along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
            at = np.linspace(0, along[-1], 2 + int(along[-1] / unit))
            x, y = (np.interp(at, along, points[:, axis]) for axis in (0, 1))
            boxes += [(a - 2.0, b - 2.0, a + 2.0, b + 2.0) for a, b in zip(x, y, strict=True)]
    return boxes


def _write(
    picture: Image.Image,
    text: str,
    colour: Colour,
    at: Points,
    unit: int,
    taken: Sequence[Box],
    dashes: Sequence[Box],
) -> Box:
    """Write a value beside a point, over no other words, no bodies and, with room, no dashes."""
    font, halo = letters(unit, bold=True), max(2, unit // 7)
    size = _size(text, font, halo, unit)
    box = _free_box(size, at, picture.size, [[*taken, *dashes], taken], unit)
    ImageDraw.Draw(picture).text(
        (box[0] + halo, (box[1] + box[3]) / 2), text, font=font, anchor="lm",
        fill=colour, stroke_width=halo, stroke_fill=_HALO,
    )  # fmt: skip
    return box


def _size(text: str, font: Font, halo: int, unit: int) -> tuple[float, float]:
    return font.getlength(text) + 2 * halo, 1.3 * unit + 2 * halo


def _free_box(
    size: tuple[float, float],
    at: Points,
    limits: tuple[int, int],
    wishes: Sequence[Sequence[Box]],
    unit: int,
) -> Box:
    """Return the nearest place that meets nothing of the first wish that can be granted."""
    width, height = size
    places = [
        (at[0] + side, at[1] - height / 2 + sign * step * 0.75 * height)
        for step in range(_MOST_STEPS)
        for sign in ((1, -1) if step else (1,))
        for side in (0.7 * unit, -0.7 * unit - width)
    ]
    boxes = [_inside(x, y, width, height, limits) for x, y in places]
    free = (
        box
        for taken in wishes
        for box in boxes
        if not any(_meet(box, other) for other in taken)
    )  # fmt: skip
    return next(free, boxes[0])


def _inside(x: float, y: float, width: float, height: float, limits: tuple[int, int]) -> Box:
    left = float(np.clip(x, 0, max(0.0, limits[0] - width)))
    top = float(np.clip(y, 0, max(0.0, limits[1] - height)))
    return left, top, left + width, top + height


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
