"""Known angles recovered from outlines, from masks, and through the whole program."""

import numpy as np
import pytest

from spinealign.domain.findings import Facing
from spinealign.domain.measures import MeasureCode
from spinealign.measure.alignment import measure_alignment
from tests.examinations import LATERAL_NECK
from tests.phantoms_alignment import PIXELS, bent_column, from_masks, from_outlines, value_of
from tests.phantoms_xray import analysed, draw_column, turned

SHAPES = {
    "straight": ([0.0] * 6, [0.0] * 6, 0.0),
    "lordotic": ([4.0, 3.0, 2.5, 3.5, 4.5, 3.0], [1.0, 0.5, -1.0, 0.0, 2.0, 1.0], -12.0),
    "kyphotic": ([-5.0, -4.0, -6.0, -3.0, -2.0, 1.0], [-2.0, -3.0, -1.0, 0.0, 0.0, 1.0], 8.0),
    "s-shaped": ([7.0, 5.0, -6.0, -8.0, 3.0, 6.0], [2.0, -2.0, -4.0, -3.0, 1.0, 0.0], 3.0),
}
HEIGHTS = (45.0, 60.0, 85.0)


def measured(bodies):
    return {m.key: m for m in measure_alignment(bodies, Facing.RIGHT, PIXELS, LATERAL_NECK)}


def errors_deg(found, discs, wedges, first):
    """Return how far each angle is from the drawn one."""
    whole = sum(discs[:5]) + sum(wedges[:5])
    slopes = {level: first + sum(discs[:n]) + sum(wedges[: n - 1]) for level, n in
              (("C7", 5), ("T1", 6))}  # fmt: skip
    expected = {
        ("cobb_c2_c7", ("C2", "C7")): whole,
        ("c7_slope", ("C7",)): slopes["C7"],
        ("t1_slope", ("T1",)): slopes["T1"],
        ("t1_slope_minus_lordosis", ("C2", "C7", "T1")): slopes["T1"] - whole,
    }
    levels = ("C2", "C3", "C4", "C5", "C6", "C7", "T1")
    for place, disc in enumerate(discs):
        segment = (levels[place], levels[place + 1])
        expected[("disc_angle", segment)] = disc
        expected[("body_segmental_angle", segment)] = disc + wedges[place]
    return {key: abs(found[key].value - angle) for key, angle in expected.items()}


@pytest.mark.parametrize("height", HEIGHTS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_perfect_outlines_give_angles_within_a_tenth_of_a_degree(shape, height):
    found = measured(from_outlines(bent_column(*shape, height=height)))
    errors = errors_deg(found, *shape)
    assert max(errors.values()) < 0.1, errors


@pytest.mark.parametrize("height", HEIGHTS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_masks_give_angles_within_a_degree(shape, height):
    found = measured(from_masks(bent_column(*shape, height=height)))
    errors = errors_deg(found, *shape)
    assert max(errors.values()) < 1.0, errors


@pytest.mark.parametrize("degrees", [0.0, 12.0], ids=["upright", "turned"])
@pytest.mark.parametrize("is_mirrored", [False, True], ids=["right", "left"])
def test_the_whole_program_finds_the_drawn_angles(degrees, is_mirrored):
    column = turned(draw_column(), degrees=degrees, mirrored=is_mirrored)
    found = {m.key: m for m in analysed(column).measurements}
    upper, lower = (column.named(level).corners for level in ("C2", "C7"))
    runs = [corners[3] - corners[2] for corners in (upper, lower)]
    slopes = [np.degrees(np.arctan2(run[1], abs(run[0]))) for run in runs]
    cobb = value_of(found, MeasureCode.COBB_C2_C7, "C2", "C7")
    assert cobb == pytest.approx(slopes[1] - slopes[0], abs=1)
    for level in ("C4", "C5"):
        height = value_of(found, MeasureCode.BODY_HEIGHT_POSTERIOR, level)
        assert height == pytest.approx(60, abs=1)
