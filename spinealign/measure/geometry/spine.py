"""A column of bodies whose landmarks are displaced, and the lines that measures are made of."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import (
    BY_PERSON,
    UNSURE,
    Facing,
    Landmark,
    LandmarkName,
    LandmarkSource,
    Vertebra,
)
from spinealign.domain.measurements import FEMORAL_HEAD, Drawing, DrawingTool, MeasuredPoint, Point
from spinealign.measure.geometry.lines import Line, Points
from spinealign.measure.geometry.outline_points import c2_centre, c2_posterior_wall
from spinealign.measure.geometry.plane import PixelGeometry, SagittalPlane
from spinealign.measure.geometry.uncertainty import (
    displaced,
    landmark_sigma_px,
    outline_sigma_px,
)


class BodyLine(StrEnum):
    """A side of a body that counts as a straight line."""

    SUPERIOR = "superior_endplate"
    INFERIOR = "inferior_endplate"
    POSTERIOR_WALL = "posterior_wall"


class OutlinePoint(StrEnum):
    """Points that the outline of C2 gives beside its landmarks."""

    CENTRE = "centre"
    WALL_UPPER = "posterior_wall_upper"
    WALL_LOWER = "posterior_wall_lower"


_ENDS: Mapping[BodyLine, tuple[str, str]] = {
    BodyLine.SUPERIOR: (LandmarkName.POSTERIOR_SUPERIOR, LandmarkName.ANTERIOR_SUPERIOR),
    BodyLine.INFERIOR: (LandmarkName.POSTERIOR_INFERIOR, LandmarkName.ANTERIOR_INFERIOR),
    BodyLine.POSTERIOR_WALL: (LandmarkName.POSTERIOR_SUPERIOR, LandmarkName.POSTERIOR_INFERIOR),
}
_CORONAL_ENDS: Mapping[BodyLine, tuple[str, str]] = {
    BodyLine.SUPERIOR: (LandmarkName.SUPERIOR_LEFT, LandmarkName.SUPERIOR_RIGHT),
    BodyLine.INFERIOR: (LandmarkName.INFERIOR_LEFT, LandmarkName.INFERIOR_RIGHT),
}
_WALLS = (
    _ENDS[BodyLine.POSTERIOR_WALL],
    (LandmarkName.ANTERIOR_SUPERIOR, LandmarkName.ANTERIOR_INFERIOR),
    (LandmarkName.SUPERIOR_LEFT, LandmarkName.INFERIOR_LEFT),
    (LandmarkName.SUPERIOR_RIGHT, LandmarkName.INFERIOR_RIGHT),
)
_C2_WALL = (OutlinePoint.WALL_UPPER, OutlinePoint.WALL_LOWER)
_MIDDLES = {
    BodyLine.SUPERIOR: LandmarkName.SUPERIOR_MIDDLE,
    BodyLine.INFERIOR: LandmarkName.INFERIOR_MIDDLE,
}
_HIDDEN_FACTOR = 2.0
"""Factor on the standard deviation of landmarks of a body that the network was unsure of.

Source: set by hand; how many intervals hold the reader's angle is in the card of `xray_bodies`.
"""

_DEPTH_TO_HEIGHT = 0.86
"""Height of a body over the depth of its endplates.

Source: set by hand on the training films of `xray_bodies`; scales uncertainty only.
"""

RIM_POINTS = 4
"""Points that a person places for both femoral heads: two opposite ones on the rim of each.

Source: convention of this program.
"""

_HIP_SIGMA = 0.035
"""Standard deviation of the hip axis, in diameters of a femoral head.

Source: standard error of measurement of the pelvic tilt between observers, up to 0.9 degrees
(doi:10.1007/s00586-014-3739-3), which is 0.035 of a diameter at a distance of 2.25 diameters from
the sacrum. That error holds the one of the sacral endplate too, so this is rather too large.
"""

MARKS: Mapping[DrawingTool, int] = {DrawingTool.PLUMB_POINTS: 2, DrawingTool.CHEST_EDGES: 2}
"""Tools that place marks of a frontal film, with their points. Source: convention of this program.
"""

_MARK_SIGMA = 0.1
"""Standard deviation of the middle of C7 or S1, or of the edge of the chest, that a person places,
in heights of a body.

Source: set by hand: nothing is published for single points; a tenth of a height is 2 mm.
"""

_BY_HAND = LandmarkSource.USER.value

_WIDE_GAP = 0.85
"""Widest gap between neighbours whose levels are unknown, in heights of a body.

Source: geometry; a missing body leaves a gap of more than one height.
"""


@dataclass(frozen=True, eq=False)
class Body:
    """A body and its points in the sagittal plane, each (S, 2) as `uncertainty.displaced` returns.

    `measured` has the same points as measurements list them, in image pixels; `height` is in
    the plane's unit.
    """

    vertebra: Vertebra
    points: Mapping[str, Points]
    measured: Mapping[str, MeasuredPoint]
    height: float

    @property
    def name(self) -> str:
        """Level or number, as in `Vertebra.name`."""
        return self.vertebra.name

    @cached_property
    def superior(self) -> Line | None:
        """Superior endplate, from back to front; from the left of a frontal film."""
        return endplate_line(self, BodyLine.SUPERIOR)

    @cached_property
    def inferior(self) -> Line | None:
        """Inferior endplate, from back to front; from the left of a frontal film."""
        return endplate_line(self, BodyLine.INFERIOR)

    @cached_property
    def posterior_wall(self) -> Line | None:
        """Posterior wall, from above to below; of C2 as its outline shows it below the dens."""
        return self.between(*self.ends_of(BodyLine.POSTERIOR_WALL))

    def line_of(self, part: BodyLine) -> Line | None:
        """Return a side as a straight line, or None where a point of it is missing."""
        if part is BodyLine.POSTERIOR_WALL:
            return self.posterior_wall
        return self.superior if part is BodyLine.SUPERIOR else self.inferior

    def ends_of(self, part: BodyLine) -> tuple[str, str]:
        """Return the names of the points that a side is drawn through."""
        is_outlined = part is BodyLine.POSTERIOR_WALL and self.vertebra.level == "C2"
        if is_outlined:
            return _C2_WALL
        coronal = _CORONAL_ENDS.get(part)
        return coronal if coronal is not None and coronal[0] in self.points else _ENDS[part]

    def between(self, start: str, end: str) -> Line | None:
        """Return the line between two points, or None where one is missing."""
        if start not in self.points or end not in self.points:
            return None
        return Line(self.points[start], self.points[end])

    def middle_of(self, endplate: BodyLine) -> Points | None:
        """Return the middle of an endplate: its own, or half way between the corners."""
        own, line = self.points.get(_MIDDLES[endplate]), self.line_of(endplate)
        return line.middle if own is None and line is not None else own

    def middle_names(self, endplate: BodyLine) -> tuple[str, ...]:
        """Return the names of the points that `middle_of` uses."""
        own = _MIDDLES[endplate]
        return (own,) if own in self.points else self.ends_of(endplate)

    @cached_property
    def upright(self) -> Line | None:
        """Line between the middles of the endplates, from above to below."""
        top, bottom = self.middle_of(BodyLine.SUPERIOR), self.middle_of(BodyLine.INFERIOR)
        return None if top is None or bottom is None else Line(top, bottom)

    @property
    def upright_names(self) -> tuple[str, ...]:
        """Names of the points that `upright` uses."""
        return (*self.middle_names(BodyLine.SUPERIOR), *self.middle_names(BodyLine.INFERIOR))


def endplate_line(body: Body, endplate: BodyLine) -> Line | None:
    """Return an endplate as the straight line through its corners, or None without both.

    So anybody can check an angle with a ruler on the points. What the outline adds where a
    corner is unsure has gone into the corners already, in `vertebrae.body_landmarks`. The middle
    lies in the hollow of the endplate, half way, and would hardly turn a fitted line.
    """
    return body.between(*body.ends_of(endplate))


@dataclass(frozen=True, eq=False)
class HipAxis:
    """Middle between the centres of both femoral heads.

    Parameters
    ----------
    middle : ndarray of float64, shape (S, 2)
        In the sagittal plane, as `uncertainty.displaced` returns points.
    points : tuple of MeasuredPoint
        The points on the rims that a person placed, in image pixels.
    diameter : float
        Mean of both heads, in the plane's unit.
    """

    middle: Points
    points: tuple[MeasuredPoint, ...]
    diameter: float


@dataclass(frozen=True, eq=False)
class PlacedMarks:
    """Points that a person placed with one tool, beside the bodies.

    Parameters
    ----------
    places : tuple of ndarray of float64, each of shape (S, 2)
        In the plane, as `uncertainty.displaced` returns points.
    points : tuple of MeasuredPoint
        The same in image pixels.
    """

    places: tuple[Points, ...]
    points: tuple[MeasuredPoint, ...]


@dataclass(frozen=True, eq=False)
class Spine:
    """Bodies from the top down, in one plane.

    Parameters
    ----------
    bodies : tuple of Body
    plane : SagittalPlane
    height : float
        Of a typical body, in the plane's unit.
    is_by_hand : ndarray of bool, shape (N,)
        Which of the displaced points a person placed, in the order of their samples.
    hips : HipAxis or None
        None where nobody placed both femoral heads.
    age_years : int or None
        Of the patient, which decides among reference ranges; None where it is not known.
    marks : mapping of DrawingTool to PlacedMarks
        What a person placed on a frontal film; a tool that nobody used is missing.
    """

    bodies: tuple[Body, ...]
    plane: SagittalPlane
    height: float
    is_by_hand: NDArray[np.bool_]
    hips: HipAxis | None = None
    age_years: int | None = None
    marks: Mapping[DrawingTool, PlacedMarks] = field(default_factory=dict)

    @cached_property
    def by_level(self) -> Mapping[str, Body]:
        """Bodies that have a level, by it."""
        return {body.vertebra.level: body for body in self.bodies if body.vertebra.level}

    @property
    def is_signed(self) -> bool:
        """Whether front and back can be told apart."""
        return self.plane.facing is not None

    @property
    def has_levels(self) -> bool:
        """Whether any body has a level."""
        return bool(self.by_level)

    def neighbours(self) -> Iterator[tuple[Body, Body]]:
        """Yield the pairs of bodies that share a disc, from the top."""
        for upper, lower in pairwise(self.bodies):
            if self._share_a_disc(upper, lower):
                yield upper, lower

    def _share_a_disc(self, upper: Body, lower: Body) -> bool:
        one, other = upper.vertebra.level, lower.vertebra.level
        if one is not None and other is not None:
            return LEVEL_SEQUENCE.index(other) - LEVEL_SEQUENCE.index(one) == 1
        above, below = upper.inferior, lower.superior
        if one is not None or other is not None or above is None or below is None:
            return False
        gap = np.hypot(*(below.middle[0] - above.middle[0]))
        return bool(gap < _WIDE_GAP * self.height)


def displaced_spine(
    vertebrae: Sequence[Vertebra],
    facing: Facing | None,
    geometry: PixelGeometry,
    drawings: Sequence[Drawing] = (),
    age_years: int | None = None,
) -> Spine:
    """Bring bodies into the sagittal plane, each point displaced by its standard deviation.

    A point's standard deviation follows from its own body alone.

    Parameters
    ----------
    vertebrae : sequence of Vertebra
        From the top.
    facing : Facing or None
        The plane's x runs to the front; None takes the front to be at the right.
    geometry : PixelGeometry
    drawings : sequence of Drawing
        What a person drew, of which the femoral heads count.
    age_years : int or None
        Of the patient.
    """
    plane = SagittalPlane(geometry, facing)
    exact = [_exact_points(vertebra, plane) for vertebra in vertebrae]
    sigmas = [_sigmas(*pair) for pair in zip(vertebrae, exact, strict=True)]
    rims = _rims(drawings)
    hips, diameters = _hip_axis(rims, plane)
    hip_sigmas = [_HIP_SIGMA * diameter for diameter in diameters]
    height = _typical_height(exact)
    marks = [
        (mark, plane.from_image(np.array(mark.points, np.float64))) for mark in _marks(drawings)
    ]
    extra = [place for _, places in marks for place in places]
    points = [*(p for one in exact for p in one.values()), *hips, *extra]
    mark_sigmas = [_MARK_SIGMA * height for _ in extra]
    samples = iter(
        displaced(points, [*(s for one in sigmas for s in one), *hip_sigmas, *mark_sigmas])
    )
    bodies = [
        Body(
            v,
            {name: next(samples) for name in points},
            _measured_points(v, points, plane),
            _own_height(points),
        )
        for v, points in zip(vertebrae, exact, strict=True)
    ]
    is_by_hand = [_is_by_hand(body.vertebra, n) for body in bodies for n in body.points]
    by_hand = np.array([*is_by_hand, *(True for _ in (*hips, *extra))], bool)
    found = zip(itertools.islice(samples, len(hips)), diameters, strict=True)
    axis = next((HipAxis(middle, _rim_points(rims), size) for middle, size in found), None)
    placed = {
        mark.tool: PlacedMarks(tuple(next(samples) for _ in places), _mark_points(mark))
        for mark, places in marks
    }
    return Spine(tuple(bodies), plane, height, by_hand, axis, age_years, placed)


def _marks(drawings: Sequence[Drawing]) -> list[Drawing]:
    """Return the last finished drawing of each tool that places marks of a frontal film."""
    last = {d.tool: d for d in drawings if len(d.points) == MARKS.get(d.tool)}
    return [last[tool] for tool in MARKS if tool in last]


def _mark_points(mark: Drawing) -> tuple[MeasuredPoint, ...]:
    return tuple(
        MeasuredPoint(mark.tool.value, f"point {1 + place}", x, y, _BY_HAND)
        for place, (x, y) in enumerate(mark.points)
    )


def _rims(drawings: Sequence[Drawing]) -> tuple[Point, ...]:
    """Return the points on the rims of both femoral heads; empty unless all are there."""
    heads = [drawing for drawing in drawings if drawing.tool is DrawingTool.FEMORAL_HEADS]
    points = heads[-1].points if heads else ()
    return points if len(points) == RIM_POINTS else ()


def _rim_points(rims: Sequence[Point]) -> tuple[MeasuredPoint, ...]:
    return tuple(
        MeasuredPoint(f"{FEMORAL_HEAD} {1 + place // 2}", f"rim {1 + place % 2}", x, y, _BY_HAND)
        for place, (x, y) in enumerate(rims)
    )


def _hip_axis(
    rims: Sequence[Point], plane: SagittalPlane
) -> tuple[tuple[Points, ...], tuple[float, ...]]:
    """Return the hip axis (2,) and the mean diameter; neither without femoral heads."""
    if not rims:
        return (), ()
    ends = plane.from_image(np.array(rims, np.float64)).reshape(2, 2, 2)
    diameters = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
    if not diameters.all():
        return (), ()
    return (ends.mean(axis=(0, 1)),), (float(diameters.mean()),)


def _measured_points(
    vertebra: Vertebra, exact: Mapping[str, Points], plane: SagittalPlane
) -> dict[str, MeasuredPoint]:
    return {
        name: _measured(vertebra, name, _landmark(vertebra, name), plane.to_image(point))
        for name, point in exact.items()
    }


def _measured(vertebra: Vertebra, name: str, mark: Landmark | None, point: Points) -> MeasuredPoint:
    if mark is not None:
        return MeasuredPoint(vertebra.name, mark.name.value, mark.x, mark.y, mark.source.value)
    x, y = point.tolist()
    return MeasuredPoint(vertebra.name, str(name), x, y, LandmarkSource.CONTOUR.value)


def _exact_points(vertebra: Vertebra, plane: SagittalPlane) -> dict[str, Points]:
    points: dict[str, Points] = {
        mark.name: plane.from_image(np.array([mark.x, mark.y])) for mark in vertebra.landmarks
    }
    ends = [points.get(name) for name in _ENDS[BodyLine.INFERIOR]]
    posterior, anterior = ends
    if vertebra.level != "C2" or posterior is None or anterior is None or not vertebra.outline:
        return points
    outline = plane.from_image(np.array(vertebra.outline, np.float64))
    centre = c2_centre(outline, posterior, anterior)
    wall = c2_posterior_wall(outline, posterior, anterior)
    if centre is not None:
        points[OutlinePoint.CENTRE] = centre
    if wall is not None:
        points[OutlinePoint.WALL_UPPER], points[OutlinePoint.WALL_LOWER] = wall
    return points


def _typical_height(bodies: Sequence[Mapping[str, Points]]) -> float:
    """Return the median height of the bodies, or guess it from the depth of C2."""
    heights = _lengths(bodies, _WALLS)
    if not heights:
        heights = [_DEPTH_TO_HEIGHT * d for d in _lengths(bodies, [_ENDS[BodyLine.INFERIOR]])]
    return float(np.median(heights)) if heights else 1.0


def _own_height(exact: Mapping[str, Points]) -> float:
    """Return the height that a body has or, by its depth, had before it was crushed."""
    depths = _lengths([exact], (_ENDS[BodyLine.SUPERIOR], _ENDS[BodyLine.INFERIOR]))
    heights = [*_lengths([exact], _WALLS), *(_DEPTH_TO_HEIGHT * depth for depth in depths)]
    return float(np.median(heights)) if heights else 0.0


def _lengths(
    bodies: Sequence[Mapping[str, Points]], pairs: Sequence[tuple[str, str]]
) -> list[float]:
    return [
        float(np.hypot(*(points[one] - points[other])))
        for points in bodies
        for one, other in pairs
        if one in points and other in points
    ]


def _sigmas(vertebra: Vertebra, exact: Mapping[str, Points]) -> list[float]:
    height = _own_height(exact)
    return [_sigma(vertebra, name, height) for name in exact]


def _sigma(vertebra: Vertebra, name: str, height: float) -> float:
    mark = _landmark(vertebra, name)
    sigma = outline_sigma_px(height) if mark is None else landmark_sigma_px(mark, height)
    is_hidden = vertebra.state in UNSURE
    return sigma * _HIDDEN_FACTOR if is_hidden and not _is_by_hand(vertebra, name) else sigma


def _is_by_hand(vertebra: Vertebra, name: str) -> bool:
    """Whether a person stands for a point, or for every landmark of a body that gives it."""
    mark = _landmark(vertebra, name)
    marks = vertebra.landmarks if mark is None else (mark,)
    return all(one.source in BY_PERSON for one in marks)


def _landmark(vertebra: Vertebra, name: str) -> Landmark | None:
    return next((mark for mark in vertebra.landmarks if mark.name == name), None)
