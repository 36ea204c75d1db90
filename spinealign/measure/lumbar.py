"""Measures of the lumbar spine: lordosis, slips and disc height indices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import LandmarkName
from spinealign.domain.measurements import MeasureCode
from spinealign.measure.lines import Points, foot, lordosis_deg, ratio
from spinealign.measure.segments import Disc
from spinealign.measure.spine import Part, Spine
from spinealign.measure.strokes import Pen
from spinealign.measure.taken import Taken, Used, sides_of
from spinealign.measure.uncertainty import intervals_95


def lumbar_lordosis(spine: Spine) -> Iterator[Taken]:
    """Yield L1–S1, and in its absence L1–L5 under its own name."""
    code, levels = MeasureCode.LUMBAR_LORDOSIS_L1_S1, ("L1", "S1")
    sides = sides_of(spine, *((level, Part.SUPERIOR) for level in levels))
    if isinstance(sides, str):
        yield Taken(code, levels, reason=sides)
        code, levels = MeasureCode.LUMBAR_LORDOSIS_L1_L5, ("L1", "L5")
        sides = sides_of(spine, ("L1", Part.SUPERIOR), ("L5", Part.INFERIOR))
    if not isinstance(sides, str):
        upper, lower = (side.line for side in sides)
        strokes = Pen(spine.plane).cobb(upper, lower)
        yield Taken(code, levels, lordosis_deg(upper, lower), sides, strokes)


def slips(spine: Spine, discs: Sequence[Disc]) -> Iterator[Taken]:
    """Yield the listhesis at every disc in percent of the lower body's depth."""
    for disc in discs:
        corner, base = disc.above.line.start, disc.below.line
        beside = foot(base, corner)
        share = ((corner - base.start) * base.direction).sum(axis=1)
        percent = 100 * ratio(share, base.length)
        yield Taken(
            MeasureCode.LISTHESIS_PERCENT,
            disc.levels,
            percent,
            (Used(disc.upper, (LandmarkName.POSTERIOR_INFERIOR,)), disc.below),
            Pen(spine.plane).slip(base, corner, beside),
            is_graded=bool(intervals_95(percent[None])[0, 0] > 0),
        )


def disc_height_indices(spine: Spine, discs: Sequence[Disc]) -> Iterator[Taken]:
    """Yield every disc's mean height over the mean middle height of its neighbouring bodies."""
    pen = Pen(spine.plane)
    for disc in discs:
        beside = [(b, b.upright) for b in (disc.upper, disc.lower) if b.upright is not None]
        if beside:
            mean = np.mean([line.length for _, line in beside], axis=0)
            used = (disc.above, disc.below, *disc.used_middles)
            yield Taken(
                MeasureCode.DISC_HEIGHT_INDEX,
                disc.levels,
                ratio(_mean_height(disc), mean),
                used + tuple(Used(body, body.upright_names) for body, _ in beside),
                tuple(pen.distance(*ends) for ends in _ends(disc))
                + tuple(pen.segment(line) for _, line in beside),
            )


def _mean_height(disc: Disc) -> NDArray[np.float64]:
    return np.asarray(np.mean([disc.height_between(*ends) for ends in _ends(disc)], axis=0))


def _ends(disc: Disc) -> tuple[tuple[Points, Points], ...]:
    """Return the posterior, middle and anterior ends of a disc, above and below."""
    above, below = disc.above.line, disc.below.line
    return (above.start, below.start), disc.middles, (above.end, below.end)
