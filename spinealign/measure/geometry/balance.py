"""Balance of the whole spine over the pelvis: plumb line of C7, sacral slope, and the hips.

In the sagittal plane x runs forwards and y down. Source of the definitions: Le Huec 2011,
doi:10.1007/s00586-011-1940-1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import LandmarkName
from spinealign.domain.measurements import Unmeasurable, UnmeasurableReason
from spinealign.domain.measures import MeasureCode
from spinealign.measure.geometry.lines import (
    Line,
    Points,
    angle_between_deg,
    lordosis_deg,
    slope_deg,
    turned_down,
)
from spinealign.measure.geometry.sampled import (
    MeasureInputs,
    PlacedPoints,
    SampledMeasure,
    Side,
    Used,
    sides_of,
    why_not,
)
from spinealign.measure.geometry.spine import BodyLine, HipAxis, Spine
from spinealign.measure.geometry.strokes import Pen

Values = NDArray[np.float64]

_CORNERS = (
    LandmarkName.ANTERIOR_SUPERIOR,
    LandmarkName.POSTERIOR_SUPERIOR,
    LandmarkName.POSTERIOR_INFERIOR,
    LandmarkName.ANTERIOR_INFERIOR,
)
_LEAST_INCIDENCE_DEG, _GREATEST_INCIDENCE_DEG = 15.0, 110.0
"""Pelvic incidences beyond which no pelvis is taken to have its femoral heads there, in degrees.

Source: set by hand around what is published: 33 to 85 in healthy people (PMC5859489), 79 on average
in high-grade isthmic spondylolisthesis (PMID 12634563); 3.5 and 5.2 standard deviations from the
mean of 626 people (53.7 +- 10.9, Yukawa 2018, Eur Spine J 27:426).
"""

_LEAST_HEAD = 0.5
"""Least diameter of a femoral head, in depths of the superior endplate of S1.

Source: set by hand; an adult's head measures about 46 mm and that endplate about 34 mm, so that
a head is larger than the endplate is deep.
"""

_DOWN = np.array([0.0, 1.0])
"""Unit vector (x, y) to the feet. Source: convention of this program."""

_IMPOSSIBLE = Unmeasurable(UnmeasurableReason.FEMORAL_HEADS_IMPOSSIBLE)


def balance_measures(spine: Spine) -> Iterator[SampledMeasure]:
    """Yield what tells how the spine stands over the pelvis; what cannot be taken with a reason."""
    yield _sagittal_vertical_axis(spine)
    yield _sacral_slope(spine)
    for code in (MeasureCode.PELVIC_TILT, MeasureCode.PELVIC_INCIDENCE):
        yield _of_pelvis(spine, code)
    yield _incidence_minus_lordosis(spine)


def _sagittal_vertical_axis(spine: Spine) -> SampledMeasure:
    code, levels = MeasureCode.SAGITTAL_VERTICAL_AXIS_C7_S1, ("C7", "S1")
    used = _inputs(spine, "C7", _CORNERS), _inputs(spine, "S1", (LandmarkName.POSTERIOR_SUPERIOR,))
    upper, lower = used
    if upper is None or lower is None or not spine.is_signed:
        lacking = [level for level, one in zip(levels, used, strict=True) if one is None]
        return SampledMeasure(code, levels, unmeasurable=why_not(spine, levels, lacking))
    middle = np.mean([upper.body.points[name] for name in upper.names], axis=0)
    sacrum = lower.body.points[lower.names[0]]
    strokes = Pen(spine.plane).plumb(middle, sacrum)
    return SampledMeasure(code, levels, middle[:, 0] - sacrum[:, 0], (upper, lower), strokes)


def _inputs(spine: Spine, level: str, names: Sequence[str]) -> MeasureInputs | None:
    body = spine.by_level.get(level)
    if body is None or any(name not in body.points for name in names):
        return None
    return MeasureInputs(body, tuple(names))


def _sacral_slope(spine: Spine) -> SampledMeasure:
    code = MeasureCode.SACRAL_SLOPE
    sides = _sacrum(spine)
    if isinstance(sides, Unmeasurable):
        return SampledMeasure(code, ("S1",), unmeasurable=sides)
    line = sides[0].line
    return SampledMeasure(code, ("S1",), slope_deg(line), sides, Pen(spine.plane).slope(line))


def _sacrum(spine: Spine) -> tuple[Side, ...] | Unmeasurable:
    return sides_of(spine, ("S1", BodyLine.SUPERIOR))


def _of_pelvis(spine: Spine, code: MeasureCode) -> SampledMeasure:
    sides, hips = _sacrum(spine), spine.hips
    if isinstance(sides, Unmeasurable) or hips is None:
        return SampledMeasure(code, ("S1",), unmeasurable=_why_no_pelvis(sides))
    plate = sides[0].line
    if not _can_be_hips(hips, plate):
        return SampledMeasure(code, ("S1",), unmeasurable=_IMPOSSIBLE)
    pen, is_tilt = Pen(spine.plane), code is MeasureCode.PELVIC_TILT
    draw, value = (pen.tilt, tilt_deg) if is_tilt else (pen.incidence, incidence_deg)
    used: tuple[Used, ...] = (*sides, PlacedPoints(hips.points))
    strokes = draw(plate, hips.middle)
    return SampledMeasure(code, ("S1",), value(plate, hips.middle), used, strokes)


def _can_be_hips(hips: HipAxis, plate: Line) -> bool:
    """Whether femoral heads lie below the endplate of S1 where a pelvis has them, large enough."""
    is_below = bool(hips.middle[0, 1] > plate.middle[0, 1])
    is_large = hips.diameter >= _LEAST_HEAD * float(plate.length[0])
    incidence = float(incidence_deg(plate, hips.middle)[0])
    return is_below and is_large and _LEAST_INCIDENCE_DEG <= incidence <= _GREATEST_INCIDENCE_DEG


def _why_no_pelvis(sides: tuple[Side, ...] | Unmeasurable) -> Unmeasurable:
    if isinstance(sides, Unmeasurable):
        return sides
    return Unmeasurable(UnmeasurableReason.FEMORAL_HEADS_MISSING)


def tilt_deg(plate: Line, hips: Points) -> Values:
    """Return the pelvic tilt (S,): positive where the hip axis lies in front of the sacrum.

    Parameters
    ----------
    plate : Line
        Superior endplate of S1.
    hips : ndarray of float64, shape (S, 2)
        Hip axis. The tilt is the angle between the line to it from the middle of the endplate
        and the vertical.
    """
    to_hips = hips - plate.middle
    return angle_between_deg(to_hips, np.broadcast_to(_DOWN, to_hips.shape))


def incidence_deg(plate: Line, hips: Points) -> Values:
    """Return the pelvic incidence (S,), the sum of pelvic tilt and sacral slope.

    It lies between the perpendicular to the endplate and the line to the hip axis from the
    endplate's middle; see `tilt_deg` for the parameters.
    """
    return angle_between_deg(hips - plate.middle, turned_down(plate.direction))


def _incidence_minus_lordosis(spine: Spine) -> SampledMeasure:
    code, levels = MeasureCode.PELVIC_INCIDENCE_MINUS_LORDOSIS, ("L1", "S1")
    sides = sides_of(spine, *((level, BodyLine.SUPERIOR) for level in levels))
    hips = spine.hips
    if isinstance(sides, Unmeasurable) or hips is None:
        return SampledMeasure(code, levels, unmeasurable=_why_no_pelvis(sides))
    upper, plate = (side.line for side in sides)
    if not _can_be_hips(hips, plate):
        return SampledMeasure(code, levels, unmeasurable=_IMPOSSIBLE)
    values = incidence_deg(plate, hips.middle) - lordosis_deg(upper, plate)
    used: tuple[Used, ...] = (*sides, PlacedPoints(hips.points))
    strokes = Pen(spine.plane).incidence(plate, hips.middle)
    return SampledMeasure(code, levels, values, used, strokes)
