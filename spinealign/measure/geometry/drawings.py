"""Measures that a person draws: distance, angle, Cobb angle between two lines, areas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.image import SpineImage
from spinealign.domain.measurements import (
    NORMAL_95,
    Drawing,
    DrawingTool,
    GreyValues,
    MeasuredPoint,
    Measurement,
    MeasureState,
    Stroke,
    StrokeKind,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.measures import MeasureCode
from spinealign.measure.geometry.grey_values import grey_values
from spinealign.measure.geometry.outline_points import polygon_area
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.measure.geometry.spine import RIM_POINTS

Points = NDArray[np.float64]

HAND_SIGMA_PX = 1.0
"""Standard deviation of a point placed by hand where there is no body to compare with, in pixels.

Source: repeated reading of three films by one reader, mean corner distance 1.1 pixels (data
description of the lateral films).
"""

_TINY = 1e-9
_STEP = 1e-4
"""Step of the numerical derivative, in standard deviations of a point. Source: numerical
resolution; central differences of double precision.
"""

_CIRCLE_STEP_DEG = 5.0
"""Degrees from vertex to vertex of a circle. Source: drawing only, nothing is measured with it."""

_ELLIPSE_STEP_DEG = 3.0
"""Degrees from vertex to vertex of an ellipse. Source: the pixels inside 120 vertices are those
inside the ellipse but for 0.05 % of its area, which is less than a pixel at its border.
"""

_ARC_DEGREES_A_STEP, _ARC_SHARE, _FARTHEST_CROSSING = 5.0, 0.35, 2.0
"""Degrees from vertex to vertex of a drawn arc; its radius as a share of the shorter arm; how far
lines are prolonged to where they meet, in extents of the drawing.

Source: drawing only, nothing is measured with them.
"""


@dataclass(frozen=True)
class _Tool:
    """How a tool measures points (N, 2) in `PixelGeometry.unit`, and how many it needs."""

    code: MeasureCode
    points: int
    value: Callable[[Points], float]
    problem: Callable[[Points], UnmeasurableReason | None]
    is_angle: bool = False


def measure_drawings(
    drawings: Sequence[Drawing],
    geometry: PixelGeometry,
    sigma_px: float = HAND_SIGMA_PX,
    image: SpineImage | None = None,
) -> tuple[Measurement, ...]:
    """Measure what a person drew.

    Parameters
    ----------
    drawings : sequence of Drawing
    geometry : PixelGeometry
        Lengths and areas are in millimetres only where it has a spacing; angles of
        pixels that are not square are then right too.
    sigma_px : float
        Standard deviation of a point placed by hand, for the 95 % intervals.
    image : SpineImage, optional
        Whose grey values areas hold; without it they have none.

    Returns
    -------
    tuple of Measurement
        One for each drawing but texts and arrows, in order, with the state "drawn". A drawing
        with too few points, or whose points coincide, is not measurable.
    """
    return tuple(
        _measure(drawing, geometry, sigma_px, image)
        for drawing in drawings
        if not drawing.tool.is_note
    )


def points_needed(tool: DrawingTool) -> int:
    """Return how many points a drawing needs; an area takes more, too."""
    return _NOTE_POINTS[tool] if tool.is_note else _TOOLS[tool].points


def _measure(
    drawing: Drawing, geometry: PixelGeometry, sigma_px: float, image: SpineImage | None
) -> Measurement:
    tool = _TOOLS[drawing.tool]
    pixels = np.array(drawing.points, np.float64).reshape(-1, 2)
    points = pixels * geometry.scale
    why = _why_not(tool, points)
    value = tool.value(points) if why is None else None
    is_in_mm = value is not None and not tool.is_angle and geometry.spacing_mm is not None
    return Measurement(
        code=tool.code,
        value=value,
        unit=_unit(drawing.tool, geometry),
        unmeasurable=why,
        drawing=drawing.number,
        points=tuple(
            MeasuredPoint("", f"point {i}", float(x), float(y), "user")
            for i, (x, y) in enumerate(pixels, start=1)
        ),
        interval=None if value is None else _interval(tool, points, geometry.scale * sigma_px),
        state=MeasureState.DRAWN,
        strokes=_strokes(drawing.tool, pixels, geometry),
        value_px=tool.value(pixels) if is_in_mm else None,
        spacing_source=image.spacing_source if is_in_mm and image is not None else None,
        grey=None if value is None else _grey(image, _border(drawing.tool, pixels)),
    )


def _why_not(tool: _Tool, points: Points) -> Unmeasurable | None:
    if len(points) < tool.points:
        reason = UnmeasurableReason.POINTS_MISSING
        return Unmeasurable(reason, points_needed=tool.points, points_given=len(points))
    problem = tool.problem(points)
    return None if problem is None else Unmeasurable(problem)


def _unit(tool: DrawingTool, geometry: PixelGeometry) -> str:
    if _TOOLS[tool].is_angle:
        return "deg"
    return f"{geometry.unit}²" if tool in _AREAS else geometry.unit


def _interval(tool: _Tool, points: Points, sigma: Points) -> tuple[float, float]:
    """Return the 95 % interval by the first-order propagation of each coordinate's error.

    `sigma`, shape (2,), is in the unit of the points. Source: JCGM 100:2008, 5.1.2.
    """
    value = tool.value(points)
    variance = 0.0
    for place in np.ndindex(points.shape):
        step = np.zeros_like(points)
        step[place] = _STEP * sigma[place[1]]
        slope = (tool.value(points + step) - tool.value(points - step)) / (2 * _STEP)
        variance += slope**2
    half = NORMAL_95 * float(np.sqrt(variance))
    return max(value - half, 0.0), value + half


def _distance(points: Points) -> float:
    return float(np.hypot(*(points[1] - points[0])))


def _angle(points: Points) -> float:
    return _between(points[0] - points[1], points[2] - points[1])


def _cobb(points: Points) -> float:
    angle = _between(points[1] - points[0], points[3] - points[2])
    return min(angle, 180 - angle)


def _between(one: Points, other: Points) -> float:
    across = float(one[0] * other[1] - one[1] * other[0])
    return float(np.degrees(np.arctan2(abs(across), float(one @ other))))


def _box(points: Points) -> float:
    width, height = np.abs(points[1] - points[0])
    return float(width * height)


def _ellipse(points: Points) -> float:
    return np.pi / 4 * _box(points)


def _head_diameter(points: Points) -> float:
    """Return the mean diameter of both femoral heads."""
    return (_distance(points[:2]) + _distance(points[2:4])) / 2


def _flat(points: Points) -> UnmeasurableReason | None:
    """Tell two corners of which one lies beside or above the other: nothing is between them."""
    is_flat = bool(np.abs(points[1] - points[0]).min() < _TINY)
    return UnmeasurableReason.POINTS_COINCIDE if is_flat else None


def _no_problem(points: Points) -> None:
    return None


def _coinciding(pairs: Sequence[tuple[int, int]]) -> Callable[[Points], UnmeasurableReason | None]:
    def problem(points: Points) -> UnmeasurableReason | None:
        short = any(np.hypot(*(points[a] - points[b])) < _TINY for a, b in pairs)
        return UnmeasurableReason.POINTS_COINCIDE if short else None

    return problem


def _crossing(points: Points) -> UnmeasurableReason | None:
    starts, ends = points, np.roll(points, -1, axis=0)
    count = len(points)
    for i in range(count - 2):
        others = slice(i + 2, count - (i == 0))
        if _do_cross(starts[i], ends[i], starts[others], ends[others]).any():
            return UnmeasurableReason.OUTLINE_CROSSES
    return None


def _do_cross(a: Points, b: Points, c: Points, d: Points) -> NDArray[np.bool_]:
    """Tell which of the lines (N, 2) from `c` to `d` the line from `a` to `b` crosses."""
    return np.asarray((_turn(a, b, c) * _turn(a, b, d) < 0) & (_turn(c, d, a) * _turn(c, d, b) < 0))


def _turn(a: Points, b: Points, c: Points) -> Points:
    ahead, aside = b - a, c - a
    return np.asarray(ahead[..., 0] * aside[..., 1] - ahead[..., 1] * aside[..., 0])


def _strokes(tool: DrawingTool, pixels: Points, geometry: PixelGeometry) -> tuple[Stroke, ...]:
    if len(pixels) < 2:
        return ()
    if tool is DrawingTool.FEMORAL_HEADS:
        return tuple(
            _line(circle(pixels[i], pixels[i + 1], geometry)) for i in range(0, len(pixels) - 1, 2)
        )
    if tool is DrawingTool.COBB:
        lines = [_line(pixels[i : i + 2]) for i in (0, 2) if len(pixels) >= i + 2]
        return (*lines, *(_cobb_arc(pixels) if len(lines) == 2 else ()))
    border = _border(tool, pixels)
    if border is not None:
        return (_line(np.concatenate([border, border[:1]])),)
    if tool is DrawingTool.ANGLE and len(pixels) >= 3:
        return (_line(pixels), *_arc(pixels[1], pixels[0], pixels[2]))
    return (_line(pixels),)


def _border(tool: DrawingTool, pixels: Points) -> Points | None:
    """Return the closed line (N, 2) round a drawn area, the first point not repeated."""
    if tool not in _AREAS or len(pixels) < 2:
        return None
    if tool is DrawingTool.AREA:
        return pixels
    (left, top), (right, bottom) = pixels[:2].min(axis=0), pixels[:2].max(axis=0)
    if tool is DrawingTool.RECTANGLE:
        return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    turns = np.radians(np.arange(0, 360, _ELLIPSE_STEP_DEG))[:, None]
    middle = np.array([left + right, top + bottom]) / 2
    half = np.array([right - left, bottom - top]) / 2
    return np.asarray(middle + half * np.hstack([np.cos(turns), np.sin(turns)]), np.float64)


def _grey(image: SpineImage | None, border: Points | None) -> GreyValues | None:
    return None if image is None or border is None else grey_values(image, border)


def circle(start: Points, end: Points, geometry: PixelGeometry) -> Points:
    """Return a closed circle (N, 2) in image pixels through two opposite points (2,) of it."""
    centre, half = (start + end) / 2, (end - start) / 2 * geometry.scale
    turns = np.radians(np.arange(0, 360 + _CIRCLE_STEP_DEG, _CIRCLE_STEP_DEG))[:, None]
    around = np.cos(turns) * half + np.sin(turns) * np.array([-half[1], half[0]])
    return np.asarray(centre + around / geometry.scale, np.float64)


def _line(points: Points, kind: StrokeKind = StrokeKind.LINE) -> Stroke:
    return Stroke(kind, tuple((float(x), float(y)) for x, y in points))


def _arc(apex: Points, one: Points, other: Points) -> tuple[Stroke, ...]:
    """Return the smaller arc at `apex` from one point's direction to another's."""
    radius = _ARC_SHARE * min(np.hypot(*(one - apex)), np.hypot(*(other - apex)))
    start, stop = (np.arctan2(*(end - apex)[::-1]) for end in (one, other))
    turn = (stop - start + np.pi) % (2 * np.pi) - np.pi
    if radius < _TINY:
        return ()
    steps = max(2, int(np.ceil(abs(np.degrees(turn)) / _ARC_DEGREES_A_STEP)) + 1)
    angles = start + np.linspace(0, turn, steps)
    points = apex + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return (_line(points, StrokeKind.ARC),)


def _cobb_arc(pixels: Points) -> tuple[Stroke, ...]:
    """Prolong two lines to where they meet and draw the angle there, unless that is far off."""
    (a, b), (c, d) = pixels[:2], pixels[2:4]
    one, other = b - a, d - c
    sine = float(one[0] * other[1] - one[1] * other[0])
    if abs(sine) < _TINY:
        return ()
    meeting = a + one * ((c - a)[0] * other[1] - (c - a)[1] * other[0]) / sine
    middles = (a + b) / 2, (c + d) / 2
    span = float(np.ptp(pixels, axis=0).max())
    if max(np.hypot(*(meeting - middle)) for middle in middles) > _FARTHEST_CROSSING * span:
        return ()
    ends = [
        max(pair, key=lambda end: float(np.hypot(*(end - meeting)))) for pair in ((a, b), (c, d))
    ]
    near = [
        min(pair, key=lambda end: float(np.hypot(*(end - meeting)))) for pair in ((a, b), (c, d))
    ]
    prolonged = [_line(np.stack([end, meeting]), StrokeKind.EXTENSION) for end in near]
    return (*prolonged, *_arc(meeting, *ends))


_TOOLS = {
    DrawingTool.DISTANCE: _Tool(MeasureCode.DRAWN_DISTANCE, 2, _distance, _no_problem),
    DrawingTool.ANGLE: _Tool(
        MeasureCode.DRAWN_ANGLE, 3, _angle, _coinciding(((0, 1), (1, 2))), is_angle=True
    ),
    DrawingTool.COBB: _Tool(
        MeasureCode.DRAWN_COBB, 4, _cobb, _coinciding(((0, 1), (2, 3))), is_angle=True
    ),
    DrawingTool.AREA: _Tool(MeasureCode.DRAWN_AREA, 3, polygon_area, _crossing),
    DrawingTool.RECTANGLE: _Tool(MeasureCode.DRAWN_RECTANGLE, 2, _box, _flat),
    DrawingTool.ELLIPSE: _Tool(MeasureCode.DRAWN_ELLIPSE, 2, _ellipse, _flat),
    DrawingTool.FEMORAL_HEADS: _Tool(
        MeasureCode.FEMORAL_HEADS, RIM_POINTS, _head_diameter, _coinciding(((0, 1), (2, 3)))
    ),
    DrawingTool.PLUMB_POINTS: _Tool(MeasureCode.PLUMB_POINTS, 2, _distance, _coinciding(((0, 1),))),
    DrawingTool.CHEST_EDGES: _Tool(MeasureCode.CHEST_EDGES, 2, _distance, _coinciding(((0, 1),))),
}
"""How each tool measures, and of how many points. Source: the points that the measure needs."""

_NOTE_POINTS = {DrawingTool.TEXT: 1, DrawingTool.ARROW: 2}
"""Points of what measures nothing. Source: where a text stands, tip and end of an arrow."""

_AREAS = frozenset({DrawingTool.AREA, DrawingTool.RECTANGLE, DrawingTool.ELLIPSE})
