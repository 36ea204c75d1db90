"""Diameter of the spinal canal at each disc and behind each body, on a mask of the canal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Caution, Segmentation, WarningCode
from spinealign.domain.measurements import (
    MeasuredPoint,
    Measurement,
    Point,
    Stroke,
    StrokeKind,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.measures import MEASURES, MeasureCode, Severity, SeverityGrade
from spinealign.domain.structures import CANAL
from spinealign.measure.geometry.lines import Line
from spinealign.measure.geometry.plane import PixelGeometry, SagittalPlane
from spinealign.measure.geometry.sampled import not_measured, thresholds_hold, unit_of
from spinealign.measure.geometry.segments import DiscSpace
from spinealign.measure.geometry.spine import Body

Points = NDArray[np.float64]
Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

FROM_MASK = "mask"
"""Source of points that lie on the border of the mask."""

_CODE, _AT_BODY = MeasureCode.CANAL_DIAMETER, MeasureCode.CANAL_DIAMETER_BEHIND_BODY
_RATIO = MeasureCode.CANAL_RATIO
_INTERRUPTED = Unmeasurable(UnmeasurableReason.CANAL_INTERRUPTED)
_CLOSED = Unmeasurable(UnmeasurableReason.CANAL_CLOSED)

_BORDERS = ("anterior_border", "posterior_border")

_STEP_PX = 1.0
"""Step of a ray, in pixels of the mask; the border is interpolated between steps.

Source: numerical resolution; half of it changes no diameter of two training slices of
mr_segmentation by half a per cent.
"""

_BEHIND = 1.2
"""Length of the rays in which the canal is looked for, in depths of the disc.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_START = 0.25
"""How far in front of the disc's posterior end the rays start, in depths of the disc.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_GOES_ON = 0.12
"""How far the canal has to go on above and below a disc to be measured there, in depths of the
disc.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_LEAST_OF_USUAL, _USUAL_OF_DEPTH = 0.4, 0.35
"""Least measured diameter in usual diameters, and least usual diameter in depths of a disc: below
it the slice has left the canal.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_SHIFTS = np.linspace(-0.12, 0.12, 7)
"""Heights at which lines across the canal are tried, above and below the disc, in its depths.

Source: unknown; set by hand. Twice as many in the same range change diameters of two training
slices of mr_segmentation by up to 2 %.
"""

_TILTS = np.radians(np.arange(-30.0, 31.0, 5.0))
"""Tilts of these lines against the disc, in radians.

Source: unknown; set by hand. Twice as many in the same range change no diameter of two training
slices of mr_segmentation by half a per cent.
"""

_SOFT_BORDER_PX = 0.7
"""Standard deviation of the blur that makes the mask's border soft, in pixels of the mask.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_BORDER_SIGMA_PX = 1.4
"""Standard deviation of each border of the canal, in pixels of the mask.

Source: fitted on the held-out patients of mr_segmentation by benchmarks/mr_bodies.py.
"""

_TWO_SIDED_95 = 1.96
"""Standard deviations on either side of the mean that hold 95 %.

Source: the standard normal distribution.
"""

_MOST_REACH = 1 / 3
"""Half of the 95 % interval of a ratio from which it is not told: the width of a grade.

Source: convention of this program; a canal of 12 pixels behind the body reaches it.
"""

_CONNECTIVITY = 8
"""Neighbours of a pixel that belong to the same piece of canal: diagonal ones too.

Source: convention of this program.
"""


@dataclass(frozen=True)
class LevelLine:
    """Where a disc or a body lies: half way between its endplates, from front to back, in pixels.

    Parameters
    ----------
    levels : tuple of str
        The bodies above and below a disc, or the body.
    anterior, posterior : tuple of float
        (x, y) in image pixels.
    """

    levels: tuple[str, ...]
    anterior: Point
    posterior: Point


@dataclass(frozen=True, eq=False)
class _Chord:
    """The shortest way across: its ends in image pixels, front first, and its length."""

    anterior: Points
    posterior: Points
    length: float

    @property
    def points(self) -> tuple[MeasuredPoint, ...]:
        """Its ends as measurements list them."""
        return tuple(
            MeasuredPoint(CANAL, name, x, y, FROM_MASK)
            for name, (x, y) in zip(_BORDERS, self._ends, strict=True)
        )

    @property
    def stroke(self) -> Stroke:
        """Itself as it is drawn."""
        return Stroke(StrokeKind.LINE, self._ends)

    @property
    def _ends(self) -> tuple[Point, Point]:
        front, back = self.anterior.tolist(), self.posterior.tolist()
        return (front[0], front[1]), (back[0], back[1])


def canal_of(segmentation: Segmentation | None) -> Mask | None:
    """Return where a segmentation has the spinal canal, or None if it knows none."""
    if segmentation is None:
        return None
    numbers = [number for number, name in segmentation.classes.items() if name == CANAL]
    return np.isin(segmentation.mask, numbers) if numbers else None


def disc_line(disc: DiscSpace, plane: SagittalPlane) -> LevelLine:
    """Return where a disc between two outlined bodies lies."""
    return _half_way(disc.levels, disc.above.line, disc.below.line, plane)


def body_lines(bodies: Sequence[Body], plane: SagittalPlane) -> list[LevelLine]:
    """Return where bodies with both endplates lie."""
    ends = [(body, body.superior, body.inferior) for body in bodies]
    return [
        _half_way((body.name,), upper, lower, plane)
        for body, upper, lower in ends
        if upper is not None and lower is not None
    ]


def _half_way(levels: tuple[str, ...], above: Line, below: Line, plane: SagittalPlane) -> LevelLine:
    anterior = plane.polyline((above.end[:1] + below.end[:1]) / 2)[0]
    posterior = plane.polyline((above.start[:1] + below.start[:1]) / 2)[0]
    return LevelLine(levels, anterior, posterior)


def canal_measures(
    canal: Mask,
    discs: Sequence[LevelLine],
    geometry: PixelGeometry,
    bodies: Sequence[LevelLine] = (),
) -> tuple[Measurement, ...]:
    """Measure the shortest distance across the canal at discs and bodies, and compare them.

    Parameters
    ----------
    canal : ndarray of bool, shape (H, W)
        Where the canal is.
    discs : sequence of LevelLine
    geometry : PixelGeometry
        Thresholds in millimetres count only where its millimetres hold in the patient.
    bodies : sequence of LevelLine
        What lies between discs.

    Returns
    -------
    tuple of Measurement
        Diameters at `discs`, then behind `bodies`, then at discs the ratio to the diameter behind
        the body above, where that was measured; empty when the canal is behind none of the
        discs. The 95 % interval stands for a border that is uncertain by a fraction of a pixel.
        A diameter is not measurable where the outlined canal is missing, ends, or is far
        narrower than it usually is in the image: mostly the slice leaves it there. At a disc
        between two bodies behind which the canal is as it should be, the slice has not left it:
        there a narrow canal is measured, and one that ends is told as closed.
    """
    blurred = cv2.GaussianBlur(canal.astype(np.float32), (0, 0), _SOFT_BORDER_PX)
    field = np.asarray(blurred, np.float32)
    found = [(disc, _shortest(field, disc, geometry)) for disc in discs]
    crossed = [(disc, chord) for disc, chord in found if chord is not None]
    if not crossed:
        return ()
    runs = _Runs(canal, geometry.scale)
    least = _least(crossed, geometry)
    behind = _behind_bodies(field, runs, bodies, geometry, least)
    measured: list[Measurement] = []
    for disc, chord in found:
        is_whole = all(level in behind for level in disc.levels)
        if chord is None or not runs.passes(disc, chord):
            why = _CLOSED if is_whole else _INTERRUPTED
            measured.append(not_measured(_CODE, disc.levels, why, geometry))
        elif chord.length < least and not is_whole:
            measured.append(not_measured(_CODE, disc.levels, _INTERRUPTED, geometry))
        else:
            measured.append(_measurement(_CODE, disc, chord, geometry))
            if disc.levels[0] in behind:
                above = behind[disc.levels[0]][1]
                measured += _ratio((disc, chord), above, geometry)
    measured += [_measurement(_AT_BODY, *pair, geometry) for pair in behind.values()]
    return tuple(measured)


def narrowing_cautions(measurements: Iterable[Measurement]) -> tuple[Caution, ...]:
    """Say at which discs severe narrowing of the canal is suspected; empty without any."""
    levels = dict.fromkeys("/".join(m.levels) for m in measurements if _is_severe(m))
    return (Caution(WarningCode.SEVERE_NARROWING, levels=tuple(levels)),) if levels else ()


def _is_severe(measurement: Measurement) -> bool:
    severity, why = measurement.severity, measurement.unmeasurable
    is_below = severity is not None and severity.grade is SeverityGrade.CANAL_BELOW_ONE_THIRD
    return is_below or (why is not None and why.reason is UnmeasurableReason.CANAL_CLOSED)


def _least(crossed: Sequence[tuple[LevelLine, _Chord]], geometry: PixelGeometry) -> float:
    """Return the diameter below which the slice has left the canal, unless it comes back."""
    usual = float(np.median([chord.length for _, chord in crossed]))
    return _LEAST_OF_USUAL * max(usual, _USUAL_OF_DEPTH * _usual_depth(crossed, geometry))


def _behind_bodies(
    field: NDArray[np.float32], runs: _Runs, bodies: Sequence[LevelLine],
    geometry: PixelGeometry, least: float,
) -> dict[str, tuple[LevelLine, _Chord]]:  # fmt: skip
    """Return the way across behind each body behind which the canal is wide and goes on."""
    found = [(body, _shortest(field, body, geometry)) for body in bodies]
    return {
        body.levels[0]: (body, chord)
        for body, chord in found
        if chord is not None and chord.length >= least and runs.passes(body, chord)
    }


def _usual_depth(crossed: Sequence[tuple[LevelLine, _Chord]], geometry: PixelGeometry) -> float:
    runs = [(np.array(d.anterior) - np.array(d.posterior)) * geometry.scale for d, _ in crossed]
    return float(np.median(np.hypot(*np.transpose(runs))))


class _Runs:
    """The connected pieces of a canal, in units of length."""

    def __init__(self, canal: Mask, scale: Points) -> None:
        drawn = canal.view(np.uint8)
        left, top, width, height = cv2.boundingRect(drawn)
        cut = drawn[top : top + height, left : left + width]
        self._labels = np.asarray(cv2.connectedComponents(cut, connectivity=_CONNECTIVITY)[1])
        self._corner, self._scale = np.array([left, top]), scale

    def passes(self, disc: LevelLine, chord: _Chord) -> bool:
        """Whether the piece that a chord crosses goes on above and below the disc."""
        middle = (chord.anterior + chord.posterior) / 2 - self._corner
        col, row = np.clip(np.floor(middle).astype(int), 0, np.array(self._labels.shape[::-1]) - 1)
        label = self._labels[row, col]
        if not label:
            return False
        run = (np.array(disc.posterior) - np.array(disc.anterior)) * self._scale
        depth = float(np.hypot(*run))
        normal = np.array([-run[1], run[0]]) / depth
        rows, cols = np.nonzero(self._labels == label)
        x, y = ((np.array([cols, rows]).T + 0.5 - middle) * self._scale).T
        along = x * normal[0] + y * normal[1]
        enough = _GOES_ON * depth
        return bool(along.min() < -enough and along.max() > enough)


def _shortest(
    field: NDArray[np.float32], disc: LevelLine, geometry: PixelGeometry
) -> _Chord | None:
    """Search lines through the middle of the canal, at several heights and tilts."""
    scale = geometry.scale
    front, back = np.array(disc.anterior) * scale, np.array(disc.posterior) * scale
    depth = float(np.hypot(*(back - front)))
    if depth <= 0:
        return None
    rays = _Rays(field, scale, _BEHIND * depth)
    direction = (back - front) / depth
    centre = rays.first_inside(back - _START * depth * direction, direction)
    if centre is None:
        return None
    normal = np.array([-direction[1], direction[0]])
    origins = rays.recentred(centre + depth * _SHIFTS[:, None] * normal, direction)
    if not len(origins):
        return None
    turned = np.cos(_TILTS)[:, None] * direction + np.sin(_TILTS)[:, None] * normal
    starts = np.repeat(origins, len(turned), axis=0)
    directions = np.tile(turned, (len(origins), 1))
    ahead, behind = rays.reach(starts, -directions), rays.reach(starts, directions)
    lengths = np.where((ahead > 0) & (behind > 0), ahead + behind, np.inf)
    best = int(np.argmin(lengths))
    if not np.isfinite(lengths[best]):
        return None
    ends = starts[best] + np.outer([-ahead[best], behind[best]], directions[best])
    return _Chord(ends[0] / scale, ends[1] / scale, float(lengths[best]))


@dataclass(frozen=True, eq=False)
class _Rays:
    """Walks over a soft mask in straight lines; points (M, 2) are in units of length."""

    field: NDArray[np.float32]
    scale: Points
    farthest: float

    def along(self, origins: Points, directions: Points) -> tuple[Values, Values]:
        """Return distances (T,) and the mask's values (M, T) there."""
        steps = np.arange(0.0, self.farthest, _STEP_PX * float(self.scale.min()))
        points = origins[:, None] + steps[None, :, None] * directions[:, None]
        # Pixel i covers i to i + 1, and the sampler counts from its middle.
        places = (points / self.scale - 0.5).astype(np.float32)
        values = cv2.remap(self.field, places[..., 0], places[..., 1], cv2.INTER_LINEAR)
        return steps, np.asarray(values, np.float64)

    def reach(self, origins: Points, directions: Points) -> Values:
        """Return how far (M,) the mask goes on: 0 from outside of it, infinite without an end."""
        steps, values = self.along(origins, directions)
        is_out = values < 0.5
        place = is_out.argmax(axis=1)
        rows = np.arange(len(values))
        inside, outside = values[rows, place - 1], values[rows, place]
        share = (inside - 0.5) / np.maximum(inside - outside, 1e-9)
        found = (place - 1 + share) * (steps[1] - steps[0])
        found = np.where(place == 0, 0.0, found)
        return np.where(is_out.any(axis=1), found, np.inf)

    def first_inside(self, origin: Points, direction: Points) -> Points | None:
        """Return the first point (2,) of the mask on the way, or None."""
        steps, values = self.along(origin[None], direction[None])
        is_in = values[0] >= 0.5
        return np.asarray(origin + steps[is_in.argmax()] * direction) if is_in.any() else None

    def recentred(self, origins: Points, direction: Points) -> Points:
        """Move points along a direction to the middle of the mask, dropping those outside it."""
        directions = np.broadcast_to(direction, origins.shape)
        inwards = origins + 0.5 * self.scale * directions
        ahead, behind = self.reach(inwards, -directions), self.reach(inwards, directions)
        is_in = (ahead > 0) & (behind > 0) & np.isfinite(ahead + behind)
        moved = inwards + ((behind - ahead) / 2)[:, None] * directions
        return np.asarray(moved[is_in])


def _measurement(
    code: MeasureCode, place: LevelLine, chord: _Chord, geometry: PixelGeometry
) -> Measurement:
    reach = _TWO_SIDED_95 * _sigma(geometry)
    low, high = max(chord.length - reach, 0.0), chord.length + reach
    return Measurement(
        code=code,
        value=chord.length,
        unit=unit_of(code, geometry),
        levels=place.levels,
        points=chord.points,
        interval=(low, high),
        severity=_severity(code, (chord.length, low, high), place.levels, geometry),
        automatic_value=chord.length,
        strokes=(chord.stroke,),
    )


def _ratio(
    disc: tuple[LevelLine, _Chord], above: _Chord, geometry: PixelGeometry
) -> list[Measurement]:
    """Return the diameter at a disc over that behind the body above, unless it says nothing."""
    place, chord = disc
    value = chord.length / above.length
    # Of a quotient whose two lengths err alike and apart from each other, to the first order.
    reach = _TWO_SIDED_95 * _sigma(geometry) / above.length * float(np.hypot(1.0, value))
    if reach >= _MOST_REACH:
        return []
    low, high = max(value - reach, 0.0), value + reach
    ratio = Measurement(
        code=_RATIO,
        value=value,
        unit=unit_of(_RATIO, geometry),
        levels=place.levels,
        points=(*chord.points, *above.points),
        interval=(low, high),
        severity=_severity(_RATIO, (value, low, high), place.levels, geometry),
        automatic_value=value,
        strokes=(chord.stroke, above.stroke),
    )
    return [ratio]


def _sigma(geometry: PixelGeometry) -> float:
    """Return the standard deviation of a diameter: that of both borders."""
    return _BORDER_SIGMA_PX * float(geometry.scale.mean()) * 2**0.5


def _severity(
    code: MeasureCode, values: tuple[float, float, float], levels: Sequence[str],
    geometry: PixelGeometry,
) -> Severity | None:  # fmt: skip
    """Return the grade of a value with its interval; the thresholds are of the lumbar canal."""
    definition = MEASURES[code]
    if not definition.is_graded_between(levels) or not thresholds_hold(code, geometry):
        return None
    return definition.severity_of(*values)
