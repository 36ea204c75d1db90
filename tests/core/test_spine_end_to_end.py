"""From a film of the whole spine and an ideal network to measures, both ways round."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from spinealign.analysis import analyze_image
from spinealign.domain.findings import Analysis, Facing
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import DrawingTool
from spinealign.domain.measures import MEASURES, MeasureCode
from spinealign.measure.correction.changes import (
    add_drawing,
    apply_corrections,
    initial_corrections,
)
from tests.examinations import WHOLE_SPINE
from tests.phantoms_column import SHAPE, SPACING_MM, column_model, draw_whole_spine
from tests.phantoms_spine import WIDTH_PX, femoral_heads
from tests.phantoms_xray import FilmModels, film_of
from tools.phantoms.spine_anatomy import true_angles

NEAR_DEG = 2.0
"""Ideal corners are exact to a fraction of the network's pixels, larger than the film's."""


@cache
def analysed(facing: Facing, last: str = "S1") -> Analysis:
    column = draw_whole_spine(last=last)
    if facing is Facing.RIGHT:
        column = column.moved(np.array([[-1.0, 0.0, WIDTH_PX], [0.0, 1.0, 0.0]]), SHAPE)
    image = replace(
        film_of(column), spacing_mm=(SPACING_MM,) * 2, spacing_source=SpacingSource.CALIBRATED
    )
    return run_to_end(analyze_image(image, FilmModels(column_model(column)), WHOLE_SPINE))


def by_code(found: Analysis):
    return {m.code: m for m in found.measurements if MEASURES[m.code].extent == "spine"}


@pytest.mark.parametrize("facing", list(Facing))
def test_every_body_is_named_and_every_angle_is_the_drawings(facing: Facing) -> None:
    found = analysed(facing)
    assert tuple(body.level for body in found.vertebrae) == WHOLE_SPINE.levels
    assert found.facing is facing
    heads = femoral_heads(faces=facing)
    wanted = add_drawing(initial_corrections(found), DrawingTool.FEMORAL_HEADS, heads.points)
    values = by_code(apply_corrections(found, wanted))
    for code, truth in true_angles().items():
        assert values[MeasureCode(code)].value == pytest.approx(truth, abs=NEAR_DEG), code


def test_both_ways_round_measure_the_same() -> None:
    left, right = by_code(analysed(Facing.LEFT)), by_code(analysed(Facing.RIGHT))
    assert left.keys() == right.keys()
    for code, measure in left.items():
        if measure.value is not None:
            assert right[code].value == pytest.approx(measure.value, abs=0.5), code


def test_a_film_that_ends_in_the_chest_says_what_it_lacks() -> None:
    found = by_code(analysed(Facing.LEFT, last="T6"))
    assert found[MeasureCode.COBB_C2_C7].value == pytest.approx(12, abs=NEAR_DEG)
    for code in ("thoracic_kyphosis_t4_t12", "lumbar_lordosis_l1_s1", "sacral_slope"):
        assert found[MeasureCode(code)].value is None
