"""Every alignment measure of one image, from its vertebrae."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.examination import Examination, SpineRegion
from spinealign.domain.findings import Facing, Vertebra
from spinealign.domain.measurements import Measurement
from spinealign.measure.geometry.curvature import cervical_measures, lumbar_lordosis
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.measure.geometry.sampled import SampledMeasure, by_importance, measurements_of
from spinealign.measure.geometry.segments import (
    DiscSpace,
    body_heights,
    disc_height_indices,
    disc_heights,
    discs_of,
    segmental_angles,
    slips,
    translations,
    whole_bodies,
)
from spinealign.measure.geometry.spine import Body, Spine, resampled_spine
from spinealign.measure.outlines.canal import canal_diameters, disc_line

__all__ = ["PixelGeometry", "measure_alignment"]


def measure_alignment(
    vertebrae: Sequence[Vertebra],
    facing: Facing | None,
    geometry: PixelGeometry,
    examination: Examination | None,
    canal: NDArray[np.bool_] | None = None,
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
        Its `body_region` tells which measures bodies without levels get.
    canal : ndarray of bool, shape (H, W), optional
        Where the spinal canal is, for its diameter at each disc.

    Returns
    -------
    tuple of Measurement
        The most important first, then from the top down. Measures of the whole neck or
        back that cannot be taken are there with the reason; those of single levels are
        left out. Empty without vertebrae.

    Notes
    -----
    Intervals come from moving every point at random, with the standard deviation that
    `uncertainty.landmark_sigma_px` gives it; the random numbers are always the same.
    """
    if not vertebrae:
        return ()
    spine = resampled_spine(vertebrae, facing, geometry)
    region = None if examination is None else examination.body_region
    found = measurements_of(_all_taken(spine, region), spine)
    if canal is not None:
        discs = [disc_line(disc, spine.plane) for disc in discs_of(spine)]
        found += canal_diameters(canal, discs, geometry)
    return by_importance(found)


def _all_taken(spine: Spine, region: SpineRegion | None) -> Iterator[SampledMeasure]:
    if any(_is_of_neck(body, region) for body in spine.bodies):
        yield from cervical_measures(spine)
    if any(_is_of_back(body, region) for body in spine.bodies):
        yield from lumbar_lordosis(spine)
    discs = discs_of(spine)
    if spine.is_signed:
        yield from segmental_angles(spine, discs)
        yield from translations(spine, [d for d in discs if _is_of_neck(d.lower, region)])
        yield from slips(spine, _of_back(discs, region))
    yield from disc_heights(spine, discs)
    yield from disc_height_indices(spine, _of_back(discs, region))
    whole = whole_bodies(spine)
    for body in spine.bodies:
        is_graded = body in whole and not _is_of_neck(body, region)
        yield from body_heights(spine, body, is_graded)


def _of_back(discs: Sequence[DiscSpace], region: SpineRegion | None) -> list[DiscSpace]:
    return [disc for disc in discs if not _is_of_neck(disc.lower, region)]


def _is_of_neck(body: Body, region: SpineRegion | None) -> bool:
    level = body.vertebra.level
    if level is None:
        return region is SpineRegion.CERVICAL
    return level.startswith("C") or level == "T1"


def _is_of_back(body: Body, region: SpineRegion | None) -> bool:
    level = body.vertebra.level
    return region is not SpineRegion.CERVICAL if level is None else level[0] in "LS"
