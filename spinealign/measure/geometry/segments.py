"""Measures of single discs and bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import UNSURE, LandmarkName, VertebraState
from spinealign.domain.measurements import Unmeasurable, UnmeasurableReason
from spinealign.domain.measures import MEASURES, MeasureCode
from spinealign.measure.geometry.lines import (
    Line,
    Points,
    between,
    lordosis_deg,
    ratio,
    reach_along,
    turned_down,
)
from spinealign.measure.geometry.sampled import MeasureInputs, SampledMeasure, Side, side_of
from spinealign.measure.geometry.spine import Body, BodyLine, Spine
from spinealign.measure.geometry.strokes import Pen

Values = NDArray[np.float64]

_SIDES = {
    MeasureCode.BODY_HEIGHT_ANTERIOR: (
        LandmarkName.ANTERIOR_SUPERIOR,
        LandmarkName.ANTERIOR_INFERIOR,
    ),
    MeasureCode.BODY_HEIGHT_POSTERIOR: (
        LandmarkName.POSTERIOR_SUPERIOR,
        LandmarkName.POSTERIOR_INFERIOR,
    ),
}
_RATIOS = {
    MeasureCode.BODY_HEIGHT_RATIO: MeasureCode.BODY_HEIGHT_ANTERIOR,
    MeasureCode.MIDDLE_HEIGHT_RATIO: MeasureCode.BODY_HEIGHT_MIDDLE,
}
_PARTS = (*_SIDES, MeasureCode.BODY_HEIGHT_MIDDLE)
_DOUBTFUL = {VertebraState.CUT, *UNSURE}

_AS_THE_MEAN: Mapping[MeasureCode, float] = dict.fromkeys(_PARTS, 1.0)
"""A height is usually as large as the mean of its neighbours'.

Source: Genant 1993, J Bone Miner Res 8:1137, whose grades compare with them.
"""

_L5_TO_L3_AND_L4: Mapping[MeasureCode, float] = {
    MeasureCode.BODY_HEIGHT_ANTERIOR: 1.03,
    MeasureCode.BODY_HEIGHT_MIDDLE: 0.97,
    MeasureCode.BODY_HEIGHT_POSTERIOR: 0.88,
}
"""Usual heights of L5 over the mean of those of L3 and L4; its posterior wall is low.

Source: readers' outlines of 434 patients of mr_lumbar_t1 without a reported fracture, standard
deviations 0.09, 0.07 and 0.07 (benchmarks/height_loss.py --levels, docs/design/height-loss.md).
"""

_LOSS_AGAINST_NEIGHBOURS = 0.1
"""Least loss of a height against the mean of its neighbours', as a share of it, to be graded.

Source: set by hand: half of Genant's least loss, so that of two neighbours that both lost a
quarter each is graded still; docs/design/height-loss.md has what it changes.
"""


@dataclass(frozen=True, eq=False)
class DiscSpace:
    """The two endplates that face a disc."""

    above: Side
    below: Side

    @property
    def upper(self) -> Body:
        """Body above the disc."""
        return self.above.body

    @property
    def lower(self) -> Body:
        """Body below the disc."""
        return self.below.body

    @property
    def levels(self) -> tuple[str, str]:
        """Names of the bodies above and below."""
        return self.upper.name, self.lower.name

    @cached_property
    def across(self) -> Points:
        """Unit vectors (S, 2) from above to below, at right angles to the disc."""
        return turned_down(between(self.above.line.direction, self.below.line.direction))

    @cached_property
    def middles(self) -> tuple[Points, Points]:
        """Middles (S, 2) of the endplates above and below."""
        above, below = (
            self.upper.middle_of(BodyLine.INFERIOR),
            self.lower.middle_of(BodyLine.SUPERIOR),
        )
        assert above is not None
        assert below is not None
        return above, below

    @cached_property
    def height(self) -> Values:
        """Distance (S,) of the middles across the disc; negative where bodies overlap."""
        return self.height_between(*self.middles)

    def height_between(self, above: Points, below: Points) -> Values:
        """Return the distance (S,) of two points across the disc; negative where bodies overlap."""
        return np.asarray(((below - above) * self.across).sum(axis=1))

    @cached_property
    def ends(self) -> tuple[tuple[Points, Points], ...]:
        """Posterior, middle and anterior ends of the disc, each above and below."""
        above, below = self.above.line, self.below.line
        return (above.start, below.start), self.middles, (above.end, below.end)

    @cached_property
    def is_open(self) -> bool:
        """Whether the endplates that face the disc neither touch nor cross."""
        return all(self.height_between(*ends)[0] > 0 for ends in self.ends)

    @property
    def used_middles(self) -> tuple[MeasureInputs, MeasureInputs]:
        """Points that `height` uses."""
        return (
            MeasureInputs(self.upper, self.upper.middle_names(BodyLine.INFERIOR)),
            MeasureInputs(self.lower, self.lower.middle_names(BodyLine.SUPERIOR)),
        )


def discs_of(spine: Spine) -> list[DiscSpace]:
    """Return the discs between neighbours whose endplates are both there, from the top."""
    found = []
    for upper, lower in spine.neighbours():
        above, below = side_of(upper, BodyLine.INFERIOR), side_of(lower, BodyLine.SUPERIOR)
        if above is not None and below is not None:
            found.append(DiscSpace(above, below))
    return found


@dataclass(frozen=True, eq=False)
class Segment:
    """The same endplate of two neighbouring bodies."""

    upper: Side
    lower: Side

    @property
    def levels(self) -> tuple[str, str]:
        """Names of the bodies above and below."""
        return self.upper.body.name, self.lower.body.name

    @cached_property
    def angle_deg(self) -> Values:
        """Angle (S,) from body to body, lordosis positive."""
        return lordosis_deg(self.upper.line, self.lower.line)

    def is_beside(self, other: Segment) -> bool:
        """Whether both share a body and its endplate."""
        shared = {(side.body.name, side.names) for side in (self.upper, self.lower)}
        return self is not other and any(
            (side.body.name, side.names) in shared for side in (other.upper, other.lower)
        )


def segments_of(spine: Spine, endplates: Mapping[str, BodyLine]) -> list[Segment]:
    """Return the segments between neighbours, from the top.

    Parameters
    ----------
    spine : Spine
    endplates : mapping of str to BodyLine
        Which endplate counts, by the name of the lower body of a segment.
    """
    found = []
    for upper, lower in spine.neighbours():
        sides = [side_of(body, endplates[lower.name]) for body in (upper, lower)]
        above, below = sides
        if above is not None and below is not None:
            found.append(Segment(above, below))
    return found


def segmental_angles(spine: Spine, segments: Sequence[Segment]) -> Iterator[SampledMeasure]:
    """Yield the angle of every segment, graded by how far neighbours are more lordotic."""
    if not spine.is_signed:
        return
    for one in segments:
        around = [other.angle_deg for other in segments if one.is_beside(other)]
        excess = np.min(around, axis=0) - one.angle_deg if around else None
        yield SampledMeasure(
            MeasureCode.BODY_SEGMENTAL_ANGLE,
            one.levels,
            one.angle_deg,
            (one.upper, one.lower),
            Pen(spine.plane).turned(one.upper.line, one.lower.line),
            graded=excess,
            is_graded=excess is not None,
        )


def disc_angles(spine: Spine, discs: Sequence[DiscSpace]) -> Iterator[SampledMeasure]:
    """Yield the angle between the endplates that face each disc, lordosis positive."""
    if not spine.is_signed:
        return
    for disc in discs:
        above, below = disc.above.line, disc.below.line
        yield SampledMeasure(
            MeasureCode.DISC_ANGLE,
            disc.levels,
            lordosis_deg(above, below),
            (disc.above, disc.below),
            Pen(spine.plane).turned(above, below),
        )


def translations(spine: Spine, discs: Sequence[DiscSpace]) -> Iterator[SampledMeasure]:
    """Yield the offset of the posterior walls at every disc, positive with the upper in front."""
    if not spine.is_signed:
        return
    for disc in discs:
        sides = [side_of(body, BodyLine.POSTERIOR_WALL) for body in (disc.upper, disc.lower)]
        upper, lower = sides
        if upper is not None and lower is not None:
            yield _translation(spine, disc, upper, lower)


def _translation(spine: Spine, disc: DiscSpace, upper: Side, lower: Side) -> SampledMeasure:
    middle = (disc.above.line.start + disc.below.line.start) / 2
    down = between(upper.line.direction, lower.line.direction)
    forward = -turned_down(down)
    reaches = [reach_along(side.line, middle, forward) for side in (upper, lower)]
    one, other = (middle + reach[:, None] * forward for reach in reaches)
    offset = reaches[0] - reaches[1]
    strokes = Pen(spine.plane).offset(upper.line, lower.line, one, other)
    code = MeasureCode.TRANSLATION
    return SampledMeasure(code, disc.levels, offset, (upper, lower), strokes, graded=np.abs(offset))


def disc_heights(spine: Spine, discs: Sequence[DiscSpace]) -> Iterator[SampledMeasure]:
    """Yield every disc's height and its ratio to the discs above and below it."""
    pen = Pen(spine.plane)
    for place, disc in enumerate(discs):
        drawn = (pen.distance(*_upright(disc)),)
        code = MeasureCode.DISC_HEIGHT
        if disc.is_open:
            yield SampledMeasure(code, disc.levels, disc.height, disc.used_middles, drawn)
        else:
            yield _closed(code, disc, disc)
        around = [discs[i] for i in _adjacent(discs, place)]
        closed = [one for one in (disc, *around) if not one.is_open]
        if around and closed:
            yield _closed(MeasureCode.DISC_HEIGHT_RATIO, disc, *closed)
        elif around:
            mean = np.mean([other.height for other in around], axis=0)
            yield SampledMeasure(
                MeasureCode.DISC_HEIGHT_RATIO,
                disc.levels,
                ratio(disc.height, mean),
                disc.used_middles + tuple(u for other in around for u in other.used_middles),
                drawn + tuple(pen.distance(*_upright(other)) for other in around),
            )


def _closed(code: MeasureCode, disc: DiscSpace, *closed: DiscSpace) -> SampledMeasure:
    """Return a height without a value, and the bodies whose endplates touch or cross."""
    names = tuple(dict.fromkeys(name for one in closed for name in one.levels))
    why = Unmeasurable(UnmeasurableReason.ENDPLATES_TOUCH, names)
    return SampledMeasure(code, disc.levels, unmeasurable=why)


def _upright(disc: DiscSpace) -> tuple[Points, Points]:
    """Return the ends of a disc's height, drawn half way between its endplates' middles."""
    centre = (disc.middles[0] + disc.middles[1]) / 2
    half = disc.height[:, None] / 2 * disc.across
    return centre - half, centre + half


def _adjacent(discs: Sequence[DiscSpace], place: int) -> list[int]:
    """Return the places of the discs that share a body with one of them."""
    found = []
    if place > 0 and discs[place - 1].lower is discs[place].upper:
        found.append(place - 1)
    if place + 1 < len(discs) and discs[place].lower is discs[place + 1].upper:
        found.append(place + 1)
    return found


def listheses(spine: Spine, discs: Sequence[DiscSpace]) -> Iterator[SampledMeasure]:
    """Yield the listhesis at every disc in percent of the lower body's depth.

    Notes
    -----
    The wall is prolonged, and the corner not just projected: across a disc that lordosis
    opens to the front, a projected corner of a normal body falls behind the one below.
    """
    if not spine.is_signed:
        return
    for disc in discs:
        base, wall = disc.below.line, side_of(disc.upper, BodyLine.POSTERIOR_WALL)
        if wall is None:
            continue
        reach = reach_along(base, wall.line.end, wall.line.direction)
        met = wall.line.end + reach[:, None] * wall.line.direction
        share = ((met - base.start) * base.direction).sum(axis=1)
        percent = 100 * ratio(share, base.length)
        yield SampledMeasure(
            MeasureCode.LISTHESIS_PERCENT,
            disc.levels,
            percent,
            (wall, disc.below),
            Pen(spine.plane).listhesis(base, wall.line, met),
        )


def disc_height_indices(spine: Spine, discs: Sequence[DiscSpace]) -> Iterator[SampledMeasure]:
    """Yield every disc's mean height over the mean middle height of its neighbouring bodies."""
    pen = Pen(spine.plane)
    for disc in discs:
        beside = [(b, b.upright) for b in (disc.upper, disc.lower) if b.upright is not None]
        if beside and not disc.is_open:
            yield _closed(MeasureCode.DISC_HEIGHT_INDEX, disc, disc)
        elif beside:
            mean = np.mean([line.length for _, line in beside], axis=0)
            used = (disc.above, disc.below, *disc.used_middles)
            yield SampledMeasure(
                MeasureCode.DISC_HEIGHT_INDEX,
                disc.levels,
                ratio(_mean_height(disc), mean),
                used + tuple(MeasureInputs(body, body.upright_names) for body, _ in beside),
                tuple(pen.distance(*ends) for ends in disc.ends)
                + tuple(pen.segment(line) for _, line in beside),
            )


def _mean_height(disc: DiscSpace) -> NDArray[np.float64]:
    return np.asarray(np.mean([disc.height_between(*ends) for ends in disc.ends], axis=0))


def whole_bodies(spine: Spine) -> list[Body]:
    """Return the bodies that are surely vertebrae and seen as a whole.

    They stand between two others, the lower of which is not cut off or doubtful itself: below
    a doubtful body only a sacrum, outlined in part, may follow.
    """
    pairs = list(spine.neighbours())
    have_upper = [lower for _, lower in pairs]
    have_lower = [upper for upper, lower in pairs if lower.vertebra.state not in _DOUBTFUL]
    return [
        body
        for body in spine.bodies
        if body in have_upper and body in have_lower and body.vertebra.state not in _DOUBTFUL
    ]


def body_heights(spine: Spine, body: Body, is_graded: bool) -> Iterator[SampledMeasure]:
    """Yield a body's heights and their ratios to the posterior one.

    Parameters
    ----------
    spine : Spine
    body : Body
    is_graded : bool
        Whether Genant's grades apply: not in the neck, where bodies are wedged by nature,
        and not to bodies of which a part may be missing. A ratio is graded where the height
        is lower than the neighbours' too, and, where only one neighbour tells, lies below what
        is usual at its level.
    """
    lines = _height_lines(body)
    around = [_height_lines(other) for other in _neighbours_of(spine, body)]
    pen, levels = Pen(spine.plane), (body.name,)
    for code, (line, used) in lines.items():
        if _is_oriented(code, spine):
            yield SampledMeasure(code, levels, line.length, (used,), (pen.segment(line),))
    for code, part in _RATIOS.items():
        if part in lines and MeasureCode.BODY_HEIGHT_POSTERIOR in lines and spine.is_signed:
            (one, used), (other, used_too) = lines[part], lines[MeasureCode.BODY_HEIGHT_POSTERIOR]
            quotient = ratio(one.length, other.length)
            strokes = (pen.segment(one), pen.segment(other))
            beside = [other_lines[part][0] for other_lines in around if part in other_lines]
            is_lost = _is_lower(one, beside) and (
                len(beside) > 1 or _is_unusual(code, body.name, float(quotient[0]))
            )
            yield SampledMeasure(
                code, levels, quotient, (used, used_too), strokes, is_graded=is_graded and is_lost
            )


def heights_to_neighbours(spine: Spine, body: Body, is_graded: bool) -> Iterator[SampledMeasure]:
    """Yield how high a body is against those above and below it, where it is lowest.

    L5, which has no body below it, is compared with what L3 and L4 let expect. Only where all
    three bodies have all three heights. It is graded where all heights are lost, by the one that
    is lost most.
    """
    found = _compared_with(spine, body)
    if found is None or not spine.is_signed:
        return
    bodies, usual = found
    own, first, second = lines = [_height_lines(one) for one in (body, *bodies)]
    shares = [
        ratio(own[part][0].length, usual[part] * _mean_length(first[part][0], second[part][0]))
        for part in _PARTS
    ]
    code, highest = MeasureCode.HEIGHT_TO_NEIGHBOURS, max(float(share[0]) for share in shares)
    is_crushed = MEASURES[code].severity_of(highest, highest, highest) is not None
    yield SampledMeasure(
        code,
        (body.name,),
        np.min(shares, axis=0),
        tuple(used for one in lines for _, used in one.values()),
        tuple(Pen(spine.plane).segment(line) for line, _ in own.values()),
        is_graded=is_graded and is_crushed,
    )


def _mean_length(one: Line, other: Line) -> NDArray[np.float64]:
    return np.asarray((one.length + other.length) / 2)


def _compared_with(
    spine: Spine, body: Body
) -> tuple[Sequence[Body], Mapping[MeasureCode, float]] | None:
    """Return the two bodies that tell how high one should be, and what share of their mean."""
    bodies, usual = _neighbours_of(spine, body), _AS_THE_MEAN
    if body.vertebra.level == "L5":
        bodies = [spine.by_level[level] for level in ("L3", "L4") if level in spine.by_level]
        usual = _L5_TO_L3_AND_L4
    heights = [_height_lines(one) for one in (body, *bodies)]
    is_known = len(bodies) == 2 and all(len(one) == len(_PARTS) for one in heights)
    return (bodies, usual) if is_known else None


def _neighbours_of(spine: Spine, body: Body) -> list[Body]:
    """Return the bodies that share a disc with one, the upper first."""
    pairs = list(spine.neighbours())
    above = [upper for upper, lower in pairs if lower is body]
    return above + [lower for upper, lower in pairs if upper is body]


def _is_unusual(code: MeasureCode, level: str, value: float) -> bool:
    """Whether a ratio lies below the reference range of its level; so without a range."""
    usual = MEASURES[code].normal_for((level,))
    return usual is None or usual.low is None or value < usual.low


def _is_lower(height: Line, around: Sequence[Line]) -> bool:
    """Whether a height is lower than the mean of its neighbours'; so without any."""
    if not around:
        return True
    usual = float(np.mean([line.length[0] for line in around]))
    return float(height.length[0]) <= (1 - _LOSS_AGAINST_NEIGHBOURS) * usual


def _is_oriented(code: MeasureCode, spine: Spine) -> bool:
    """Whether front and back are told apart as far as a height needs it."""
    return spine.is_signed or code is MeasureCode.BODY_HEIGHT_MIDDLE


def _height_lines(body: Body) -> dict[MeasureCode, tuple[Line, MeasureInputs]]:
    found = {}
    for code, names in _SIDES.items():
        line = body.between(*names)
        if line is not None:
            found[code] = (line, MeasureInputs(body, names))
    if body.upright is not None:
        used = MeasureInputs(body, body.upright_names)
        found[MeasureCode.BODY_HEIGHT_MIDDLE] = (body.upright, used)
    return found


DiscMeasure = Callable[[Spine, Sequence[DiscSpace]], Iterator[SampledMeasure]]

DISC_MEASURES: Mapping[MeasureCode, DiscMeasure] = {
    MeasureCode.DISC_ANGLE: disc_angles,
    MeasureCode.TRANSLATION: translations,
    MeasureCode.LISTHESIS_PERCENT: listheses,
    MeasureCode.DISC_HEIGHT: disc_heights,
    MeasureCode.DISC_HEIGHT_INDEX: disc_height_indices,
}
"""What takes a measure of discs, from those in its scope; heights come with their ratios."""
