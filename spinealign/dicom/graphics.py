"""What lies over a picture: lines, points and words in image pixels, in layers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Analysis, Vertebra
from spinealign.domain.measurements import Drawing, DrawingTool, Measurement, StrokeKind
from spinealign.domain.report_details import PictureLayers
from spinealign.imaging.labels import label_place
from spinealign.imaging.render import outline_region
from spinealign.wording import safe_text
from spinealign.wording.measure_rows import value_text
from spinealign.wording.measures import short_name
from spinealign.wording.vertebrae import is_body_segmentation, shown_name, suggested_name

Points = NDArray[np.float64]

_SAME_PX = 1e-9
_LETTERS_AWAY = 0.35
"""How far a name stands from its outline, in shares of a body's smaller side."""


class Layer(StrEnum):
    """Layers from below, by the names that viewers list (Graphic Layer, a code string)."""

    OUTLINES = "OUTLINES"
    SUGGESTIONS = "SUGGESTIONS"
    CORNERS = "CORNERS"
    MEASURES = "MEASURES"
    NOTES = "NOTES"


@dataclass(frozen=True, eq=False)
class Line:
    """A polyline through points (N, 2), or a single point (1, 2); `key` is what is tracked."""

    layer: Layer
    points: Points
    key: str = ""


@dataclass(frozen=True)
class Words:
    """A text beside a place (x, y)."""

    layer: Layer
    text: str
    at: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Overlay:
    """Everything over a picture, in image pixels: pixel i covers i to i + 1."""

    lines: tuple[Line, ...]
    words: tuple[Words, ...]


def overlay_of(
    analysis: Analysis, measures: Sequence[Measurement], layers: PictureLayers | None = None
) -> Overlay:
    """Return what an overlay picture of an analysis shows, as lines and words.

    Parameters
    ----------
    analysis : Analysis
        In pixels of the file's picture, not as it is turned on the screen.
    measures : sequence of Measurement
        Those whose lines and values are drawn.
    layers : PictureLayers, optional
        None shows structures and notes.
    """
    lines, words = list[Line](), list[Words]()
    if layers is None or layers.structures:
        lines += _structure_lines(analysis)
        words += _names(analysis)
    for measure in measures:
        lines += [
            Line(Layer.MEASURES, np.array(stroke.points, np.float64)) for stroke in measure.strokes
        ]
        if measure.strokes:
            words.append(Words(Layer.MEASURES, _measure_text(measure), _anchor(measure)))
    if (layers is None or layers.notes) and analysis.corrections is not None:
        for drawing in analysis.corrections.drawings:
            lines += _note_lines(drawing)
            words += _note_words(drawing)
    return Overlay(tuple(lines), tuple(words))


def _measure_text(measure: Measurement) -> str:
    return safe_text(f"{short_name(measure)} {value_text(measure)}")


def _anchor(measure: Measurement) -> tuple[float, float]:
    """Return where a value stands: end of the plumb line, else the middle of arc or line."""
    by_kind = {stroke.kind: stroke for stroke in reversed(measure.strokes)}
    if StrokeKind.PLUMB in by_kind:
        x, y = by_kind[StrokeKind.PLUMB].points[-1]
        return x, y
    wanted = (StrokeKind.ARC, StrokeKind.LINE)
    stroke = next((by_kind[kind] for kind in wanted if kind in by_kind), measure.strokes[0])
    one, other = (
        stroke.points[(len(stroke.points) - 1) // 2],
        stroke.points[len(stroke.points) // 2],
    )
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


def _structure_lines(analysis: Analysis) -> Iterator[Line]:
    for body in analysis.vertebrae:
        yield Line(Layer.OUTLINES, _closed(body.outline), body.name)
        for mark in body.landmarks:
            yield Line(Layer.CORNERS, np.array([[mark.x, mark.y]]))
    for disc in analysis.discs:
        yield Line(Layer.OUTLINES, _closed(disc.outline), disc.name)
    for body in analysis.suggestions:
        yield Line(Layer.SUGGESTIONS, _closed(body.outline))
    yield from _class_lines(analysis)


def _class_lines(analysis: Analysis) -> Iterator[Line]:
    """Yield outlines of classes of the mask that are drawn as no body and no disc."""
    found = analysis.segmentation
    if found is None or is_body_segmentation(analysis):
        return
    found_by_name = {"vertebra": analysis.vertebrae, "disc": analysis.discs}
    drawn = [name for name, members in found_by_name.items() if members]
    for value, name in found.classes.items():
        if name not in drawn:
            for polygon in outline_region(found.mask == value):
                yield Line(Layer.OUTLINES, _closed(polygon), name)


def _closed(outline: object) -> Points:
    points = np.array(outline, np.float64).reshape(-1, 2)
    return np.concatenate([points, points[:1]])


def _names(analysis: Analysis) -> Iterator[Words]:
    for body in analysis.vertebrae:
        yield Words(Layer.OUTLINES, safe_text(shown_name(body)), _name_place(body, analysis))
    for disc in analysis.discs:
        yield Words(Layer.OUTLINES, safe_text(disc.name), disc.anterior)
    for body in analysis.suggestions:
        yield Words(Layer.SUGGESTIONS, safe_text(suggested_name(body)), _name_place(body, analysis))


def _name_place(body: Vertebra, analysis: Analysis) -> tuple[float, float]:
    others = (*analysis.vertebrae, *analysis.suggestions)
    place = label_place(body, analysis.facing, analysis.image.shape, others)
    side = float(np.ptp(np.array(body.outline), axis=0).min())
    x, y = np.array(place.point) + _LETTERS_AWAY * side * np.array(place.away)
    return float(x), float(y)


def _note_lines(drawing: Drawing) -> Iterator[Line]:
    if drawing.tool is DrawingTool.ARROW and len(drawing.points) > 1:
        yield Line(Layer.NOTES, np.array(drawing.points[:2], np.float64))


def _note_words(drawing: Drawing) -> Iterator[Words]:
    if drawing.tool.is_note and drawing.text:
        yield Words(Layer.NOTES, safe_text(drawing.text), drawing.points[-1])


# Within the picture


def clipped(points: Points, size: tuple[int, int]) -> list[Points]:
    """Return the parts of a polyline that lie in a picture, ends on its border.

    Parameters
    ----------
    points : ndarray of float64, shape (N, 2)
        (column, row).
    size : tuple of int
        (columns, rows): graphics must lie from 0 to these (PS3.3 C.10.5.1.2).
    """
    limit = np.array(size, np.float64)
    if len(points) == 1:
        return [points] if bool(((points >= 0) & (points <= limit)).all()) else []
    parts: list[list[Points]] = []
    for start, end in itertools.pairwise(points):
        seen = _clipped_piece(start, end, limit)
        if seen is None:
            continue
        first, last = seen
        if parts and np.array_equal(parts[-1][-1], first):
            parts[-1].append(last)
        else:
            parts.append([first, last])
    return [np.stack(part) for part in parts]


def _clipped_piece(start: Points, end: Points, limit: Points) -> tuple[Points, Points] | None:
    """Return the part of one line from 0 to the limits (Liang and Barsky 1984); None outside."""
    way, low, high = end - start, 0.0, 1.0
    for step, room in ((-way[0], start[0]), (way[0], limit[0] - start[0]),
                       (-way[1], start[1]), (way[1], limit[1] - start[1])):  # fmt: skip
        if abs(step) < _SAME_PX:
            if room < 0:
                return None
        elif step < 0:
            low = max(low, room / step)
        else:
            high = min(high, room / step)
    if low > high:
        return None
    first = start if low == 0 else start + low * way
    last = end if high == 1 else start + high * way
    return np.clip(first, 0, limit), np.clip(last, 0, limit)
