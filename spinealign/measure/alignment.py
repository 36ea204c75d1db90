"""Every alignment measure of one image, from its vertebrae."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.examination import REGION_OF_LETTER, Examination, Plane, SpineRegion
from spinealign.domain.findings import Caution, Facing, Vertebra, WarningCode
from spinealign.domain.measurements import (
    Drawing,
    IntervalRule,
    Measurement,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.measures import MEASURES, MeasureCode, MeasureGroup
from spinealign.measure.geometry.balance import balance_measures
from spinealign.measure.geometry.coronal import coronal_measures
from spinealign.measure.geometry.curvature import spine_measures
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.measure.geometry.sampled import (
    SampledMeasure,
    by_importance,
    measurements_of,
    not_measured,
)
from spinealign.measure.geometry.segments import (
    DISC_MEASURES,
    body_heights,
    discs_of,
    heights_to_neighbours,
    segmental_angles,
    segments_of,
    whole_bodies,
)
from spinealign.measure.geometry.spine import Body, BodyLine, Spine, displaced_spine
from spinealign.measure.outlines.canal import body_lines, canal_measures, disc_line

__all__ = ["PixelGeometry", "measure_alignment"]

_PLAIN = IntervalRule()

TO_THE_VERTICAL = frozenset(
    {
        MeasureCode.SAGITTAL_VERTICAL_AXIS,
        MeasureCode.SAGITTAL_VERTICAL_AXIS_C7_S1,
        MeasureCode.C7_SLOPE,
        MeasureCode.T1_SLOPE,
        MeasureCode.T1_SLOPE_MINUS_LORDOSIS,
        MeasureCode.SACRAL_SLOPE,
        MeasureCode.PELVIC_TILT,
    }
)
"""Measures against the vertical or the horizontal, which a picture that lies does not show."""

_LEAST_UPRIGHT_COS = 0.25
"""Least cosine of the angle between the bodies' own vertical and the picture's.

Source: convention of this program: 75 degrees; a film on its side has about 90, and a neck that is
bent forwards as far as it goes less than 60.
"""


def measure_alignment(
    vertebrae: Sequence[Vertebra],
    facing: Facing | None,
    geometry: PixelGeometry,
    examination: Examination | None,
    canal: NDArray[np.bool_] | None = None,
    drawings: Sequence[Drawing] = (),
    *,
    rule: IntervalRule = _PLAIN,
    age_years: int | None = None,
    is_bent: bool = False,
    picture_rows: int | None = None,
) -> tuple[Measurement, ...]:
    """Take every measure that the bodies of one image allow.

    Parameters
    ----------
    vertebrae : sequence of Vertebra
        From the top.
    facing : Facing or None
        Which way the patient looks; the names of landmarks fit it. Without it only
        measures that need neither front nor back are taken.
    geometry : PixelGeometry
        What a pixel is worth.
    examination : Examination or None
        Its plane tells how bodies are measured, its `body_region` which measures those
        without levels get. Where it shows all of its regions, measures of all of them are
        listed, with a reason where the bodies that they need were not found.
    canal : ndarray of bool, shape (H, W), optional
        Where the spinal canal is, for its diameters.
    drawings : sequence of Drawing
        What a person drew: femoral heads give the measures of the pelvis.
    rule : IntervalRule, optional
        What the spread of points comes to in the network that placed them.
    age_years : int, optional
        Of the patient: decides among reference ranges.
    is_bent : bool, optional
        Whether the film is taken in flexion or extension: see `judged_by_posture`.
    picture_rows : int, optional
        Height of the picture in pixels, for what the AASCE challenge measures on frontal films.

    Returns
    -------
    tuple of Measurement
        The most important first, then from the top down. Measures of the whole neck or
        back that cannot be taken are there with the reason; those of single levels are
        left out. Empty without vertebrae.

    Notes
    -----
    Intervals come from moving one coordinate of one point at a time by the standard deviation
    that `uncertainty.landmark_sigma_px` gives it. They follow from the bodies measured alone.
    """
    if not vertebrae:
        return ()
    plane = Plane.SAGITTAL if examination is None else examination.plane
    work = MeasuredBodies(
        tuple(vertebrae), facing, geometry, examination, canal, tuple(drawings), rule, age_years,
        picture_rows,
    )  # fmt: skip
    return judged_by_posture(by_importance(MEASURED_IN[plane](work)), is_bent=is_bent)


def judged_by_posture(
    measurements: Sequence[Measurement], *, is_bent: bool
) -> tuple[Measurement, ...]:
    """Return measurements of a film in flexion or extension without ranges of neutral posture.

    Thresholds of single segments stay: White and Panjabi's hold in flexion and extension, and
    heights, slips and the canal are graded by themselves.
    """
    if not is_bent:
        return tuple(measurements)
    return tuple(map(_of_bent_film, measurements))


def posture_cautions(measurements: Sequence[Measurement], *, is_bent: bool) -> tuple[Caution, ...]:
    """Return that ranges of neutral posture do not count, where something is measured."""
    return (Caution(WarningCode.BENT_FILM),) if is_bent and measurements else ()


def _of_bent_film(measurement: Measurement) -> Measurement:
    if measurement.definition.is_of_posture:
        return replace(measurement, normal=None, severity=None)
    if measurement.definition.group is MeasureGroup.SEGMENTS:
        return replace(measurement, normal=None)
    return measurement


@dataclass(frozen=True, eq=False)
class MeasuredBodies:
    """What the measures of a plane are taken from; see `measure_alignment`."""

    vertebrae: tuple[Vertebra, ...]
    facing: Facing | None
    geometry: PixelGeometry
    examination: Examination | None
    canal: NDArray[np.bool_] | None
    drawings: tuple[Drawing, ...]
    rule: IntervalRule
    age_years: int | None
    picture_rows: int | None = None

    @property
    def is_whole_spine(self) -> bool:
        """Whether the image shows the whole spine."""
        return self.examination is not None and self.examination.shows_all_regions

    def region_of(self, body: Body) -> SpineRegion:
        """Return where a body lies.

        T1 counts with the neck, which is measured down to it. A body without a level lies in
        the `body_region` of its examination; on an image of no examination it counts as lumbar.
        """
        level = body.vertebra.level
        if level is None:
            own = None if self.examination is None else self.examination.body_region
            return own or SpineRegion.LUMBAR
        return SpineRegion.CERVICAL if level == "T1" else REGION_OF_LETTER[level[0]]

    def is_taken(self, code: MeasureCode, seen: Set[SpineRegion]) -> bool:
        """Whether a measure of the whole neck or back is listed where some regions are seen."""
        definition = MEASURES[code]
        if self.is_whole_spine:
            return True
        return bool(definition.scope & seen) and not definition.whole_spine_only


def _in_sagittal(work: MeasuredBodies) -> list[Measurement]:
    spine = displaced_spine(
        work.vertebrae, work.facing, work.geometry, work.drawings, work.age_years
    )
    found = [*measurements_of(_all_taken(spine, work), spine, work.rule)]
    if lies_on_its_side(spine):
        found = [_without_vertical(measurement, work.geometry) for measurement in found]
    if work.canal is not None:
        discs = [disc_line(disc, spine.plane) for disc in discs_of(spine)]
        bodies = body_lines(spine.bodies, spine.plane)
        found += canal_measures(work.canal, discs, work.geometry, bodies)
    return found


def lies_on_its_side(spine: Spine) -> bool:
    """Whether bodies stand across the picture, or on their heads, by their own endplates."""
    ends = [(body.superior, body.inferior) for body in spine.bodies]
    down = [lower.middle[0] - upper.middle[0] for upper, lower in ends if upper and lower]
    if not down:
        return False
    across, downwards = np.sum(down, axis=0)
    return bool(downwards < _LEAST_UPRIGHT_COS * np.hypot(across, downwards))


def _without_vertical(measurement: Measurement, geometry: PixelGeometry) -> Measurement:
    if measurement.code not in TO_THE_VERTICAL or measurement.value is None:
        return measurement
    why = Unmeasurable(UnmeasurableReason.NOT_UPRIGHT)
    return not_measured(measurement.code, measurement.levels, why, geometry)


def _in_coronal(work: MeasuredBodies) -> list[Measurement]:
    spine = displaced_spine(work.vertebrae, None, work.geometry, work.drawings, work.age_years)
    rows = work.picture_rows
    height = None if rows is None else rows * float(work.geometry.scale[1])
    return [*measurements_of(coronal_measures(spine, height), spine, work.rule)]


MEASURED_IN: Mapping[Plane, Callable[[MeasuredBodies], Sequence[Measurement]]] = {
    Plane.SAGITTAL: _in_sagittal,
    Plane.AXIAL: _in_sagittal,
    Plane.CORONAL: _in_coronal,
}
"""How bodies are measured in the plane of an examination.

On axial slices a person alone can have placed bodies; they are measured as they stand.
"""


def _all_taken(spine: Spine, work: MeasuredBodies) -> Iterator[SampledMeasure]:
    regions = {body.name: work.region_of(body) for body in spine.bodies}
    seen = set(regions.values())
    for measure in (*spine_measures(spine), *balance_measures(spine)):
        if work.is_taken(measure.code, seen):
            yield measure
    yield from _segmental_angles(spine, regions)
    discs = discs_of(spine)
    for code, take in DISC_MEASURES.items():
        scope = MEASURES[code].scope
        for measure in take(spine, [disc for disc in discs if regions[disc.lower.name] in scope]):
            counts = MEASURES[measure.code].is_graded_in(regions[measure.levels[-1]])
            yield measure if counts else replace(measure, is_graded=False)
    whole = whole_bodies(spine)
    for body in spine.bodies:
        graded = MEASURES[MeasureCode.BODY_HEIGHT_RATIO].is_graded_in(regions[body.name])
        yield from body_heights(spine, body, graded and body in whole)
        if regions[body.name] in MEASURES[MeasureCode.HEIGHT_TO_NEIGHBOURS].scope:
            yield from heights_to_neighbours(spine, body, body in whole)


def _segmental_angles(spine: Spine, regions: Mapping[str, SpineRegion]) -> Iterator[SampledMeasure]:
    endplates = {name: ENDPLATE_OF_REGION[region] for name, region in regions.items()}
    for measure in segmental_angles(spine, segments_of(spine, endplates)):
        is_graded = MEASURES[measure.code].is_graded_in(regions[measure.levels[-1]])
        yield measure if is_graded else replace(measure, is_graded=False)


ENDPLATE_OF_REGION: Mapping[SpineRegion, BodyLine] = {
    SpineRegion.CERVICAL: BodyLine.INFERIOR,
    SpineRegion.THORACIC: BodyLine.SUPERIOR,
    SpineRegion.LUMBAR: BodyLine.SUPERIOR,
    SpineRegion.SACRAL: BodyLine.SUPERIOR,
}
"""Which endplates a segmental angle lies between, by where the lower body lies.

C2 has no superior endplate and S1 no inferior one; the C2-C7 Cobb angle lies between inferior
endplates and the L1-S1 lordosis between superior ones, so that segments add up to both.
"""
