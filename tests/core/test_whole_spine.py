"""Measures of the whole spine from the side, against a drawing of known angles."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinealign.domain.findings import Facing, LandmarkName
from spinealign.domain.measurements import Drawing, DrawingTool, UnmeasurableReason
from spinealign.domain.measures import MEASURES, MeasureCode
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.correction.levels import levels_after
from spinealign.measure.geometry.drawings import measure_drawings
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.wording.measures import reason_text, severity_text
from tests.examinations import LATERAL_NECK, SPINE_MR, WHOLE_SPINE
from tests.phantoms_spine import SPACING_MM, femoral_heads, spine_bodies, without
from tools.phantoms.spine_anatomy import HEAD_RADIUS_MM, draw_spine, true_angles

TRUE = PixelGeometry((SPACING_MM, SPACING_MM), are_lengths_true=True)
ANGLES = true_angles()
PELVIC = (
    MeasureCode.PELVIC_TILT,
    MeasureCode.PELVIC_INCIDENCE,
    MeasureCode.PELVIC_INCIDENCE_MINUS_LORDOSIS,
)
SVA = MeasureCode.SAGITTAL_VERTICAL_AXIS_C7_S1


def measured(
    bodies=None, facing=Facing.LEFT, geometry=TRUE, examination=WHOLE_SPINE, drawings=None
):
    bodies = spine_bodies(faces=facing) if bodies is None else bodies
    drawings = [femoral_heads(faces=facing)] if drawings is None else drawings
    found = measure_alignment(bodies, facing, geometry, examination, None, drawings)
    return {measure.code: measure for measure in found if len(measure.levels) != 1 or measure.code
            in {*ANGLES, *PELVIC}}  # fmt: skip


def plumb_mm() -> float:
    drawn = draw_spine()
    centre = np.mean(list(drawn.named("C7").corners_mm.values()), axis=0)
    corner = drawn.named("S1").corners_mm["posterior_superior"]
    return float(corner[0] - centre[0])  # The drawn patient looks to the left: front is smaller.


@pytest.mark.parametrize("facing", list(Facing))
@pytest.mark.parametrize("code", ANGLES)
def test_angles_of_the_drawing_are_found_whichever_way_the_patient_looks(code, facing):
    found = measured(facing=facing)[MeasureCode(code)]
    assert found.value == pytest.approx(ANGLES[code], abs=1e-6)
    low, high = found.interval
    assert low < found.value < high


@pytest.mark.parametrize("facing", list(Facing))
def test_c7_before_the_sacrum_is_positive(facing):
    found = measured(facing=facing)[SVA]
    assert found.value == pytest.approx(plumb_mm(), abs=1e-6)
    assert found.value > 0
    assert severity_text(found.severity) == "under 40 mm (SRS-Schwab modifier 0)"


def test_every_measure_of_the_kind_is_known_here():
    own = {code for code in MeasureCode if MEASURES[code].whole_spine_only}
    assert own - {SVA} <= {MeasureCode(code) for code in ANGLES}


@settings(deadline=None, max_examples=60)
@given(
    plate=st.tuples(st.floats(-60, 60), st.floats(10, 80), st.floats(-20, 70)),
    hips=st.tuples(st.floats(-60, 60), st.floats(60, 140)),
    facing=st.sampled_from(Facing),
)
def test_the_incidence_is_the_sum_of_tilt_and_slope(plate, hips, facing):
    across, width, slope = plate
    front = -1 if facing is Facing.LEFT else 1
    run = np.array([front * math.cos(math.radians(slope)), math.sin(math.radians(slope))])
    middle = np.array([300.0 + across, 1300.0])
    ends = {
        LandmarkName.ANTERIOR_SUPERIOR: middle + width / 2 * run,
        LandmarkName.POSTERIOR_SUPERIOR: middle - width / 2 * run,
    }
    sacrum = spine_bodies()[-1]
    marks = tuple(
        replace(mark, x=float(ends[mark.name][0]), y=float(ends[mark.name][1]))
        for mark in sacrum.landmarks
    )
    centre = middle + hips
    rims = tuple((float(centre[0] + width * dx), float(centre[1] + width * dy))
                 for dx, dy in ((-0.9, 0.3), (0.9, -0.3), (-0.5, -0.8), (0.5, 0.8)))  # fmt: skip
    bodies = (replace(sacrum, landmarks=marks, index=1),)
    heads = Drawing(DrawingTool.FEMORAL_HEADS, 1, rims)
    found = measured(bodies, facing, drawings=[heads])
    slope_found, tilt, incidence = (
        found[code].value
        for code in (
            MeasureCode.SACRAL_SLOPE, MeasureCode.PELVIC_TILT, MeasureCode.PELVIC_INCIDENCE
        )
    )  # fmt: skip
    true_tilt = math.degrees(math.atan2(front * hips[0], hips[1]))
    assert slope_found == pytest.approx(slope, abs=1e-6)
    if not 15 <= slope + true_tilt <= 110:
        assert (tilt, incidence) == (None, None)
        return
    assert tilt == pytest.approx(true_tilt, abs=1e-6)
    assert incidence == pytest.approx(slope_found + tilt, abs=1e-9)


def test_without_femoral_heads_the_pelvis_says_what_to_do():
    found = measured(drawings=[])
    for code in PELVIC:
        assert found[code].value is None
        assert found[code].unmeasurable.reason is UnmeasurableReason.FEMORAL_HEADS_MISSING
    assert reason_text(found[PELVIC[0]].unmeasurable) == "place both femoral heads"
    assert found[MeasureCode.SACRAL_SLOPE].value is not None


def shifted_heads(right: float, down: float, size: float = 1.0):
    heads = femoral_heads()
    middle = np.mean(heads.points, axis=0)
    placed = (middle + (right, down) + size * (np.array(heads.points) - middle)).tolist()
    return replace(heads, points=tuple((x, y) for x, y in placed))


@pytest.mark.parametrize(
    ("right", "down", "size"),
    [
        (-60, -1200, 1.0), (0, -240, 1.0), (0, -200, 1.0), (0, 0, 0.2), (-480, -100, 1.0),
        (200, -60, 1.0),
    ],
    ids=["at the neck", "above S1", "beside S1", "tiny", "far in front", "far behind"],
)  # fmt: skip
def test_heads_where_no_heads_can_be_give_no_pelvis(right, down, size):
    found = measured(drawings=[shifted_heads(right, down, size)])
    for code in PELVIC:
        assert found[code].value is None
        assert found[code].severity is None
        assert found[code].unmeasurable.reason is UnmeasurableReason.FEMORAL_HEADS_IMPOSSIBLE
    assert "place both again" in reason_text(found[PELVIC[0]].unmeasurable)
    assert found[MeasureCode.SACRAL_SLOPE].value is not None


@pytest.mark.parametrize(("above", "is_told"), [(10, False), (-10, True)])
def test_heads_above_a_level_sacrum_give_no_pelvis_though_the_incidence_could_be(above, is_told):
    sacrum = spine_bodies()[-1]
    marks = tuple(replace(mark, y=1300.0) for mark in sacrum.landmarks)
    middle = np.mean([mark.x for mark in marks])
    rims = [(middle - 200 + across, 1300.0 - above) for across in (-46, 46, -46, 46)]
    heads = Drawing(DrawingTool.FEMORAL_HEADS, 1, tuple((float(x), y) for x, y in rims))
    found = measured((replace(sacrum, landmarks=marks, index=1),), drawings=[heads])
    assert found[MeasureCode.SACRAL_SLOPE].value == pytest.approx(0)
    assert (found[MeasureCode.PELVIC_INCIDENCE].value is not None) is is_told


@pytest.mark.parametrize(
    ("right", "down", "size"), [(60, 0, 1.0), (-150, -30, 1.0), (0, 0, 0.6), (0, 0, 1.6)]
)
def test_unusual_heads_give_a_pelvis(right, down, size):
    found = measured(drawings=[shifted_heads(right, down, size)])
    assert all(found[code].value is not None for code in PELVIC)


@pytest.mark.parametrize("points", [0, 2, 3])
def test_unfinished_femoral_heads_do_not_count(points):
    heads = femoral_heads()
    part = replace(heads, points=heads.points[:points])
    assert measured(drawings=[part])[MeasureCode.PELVIC_TILT].value is None


def test_a_head_of_one_point_does_not_count():
    heads = femoral_heads()
    twice = replace(heads, points=(heads.points[0],) * 2 + heads.points[2:])
    assert measured(drawings=[twice])[MeasureCode.PELVIC_TILT].value is None


def test_other_drawings_are_no_femoral_heads():
    cobb = Drawing(DrawingTool.COBB, 1, femoral_heads().points)
    assert measured(drawings=[cobb])[MeasureCode.PELVIC_TILT].value is None


def test_without_a_sacrum_the_pelvis_cannot_be_measured_and_says_that_first():
    found = measured(without(spine_bodies(), "S1"), drawings=[])
    reasons = {reason_text(found[code].unmeasurable) for code in (*PELVIC, SVA)}
    assert reasons == {"S1 was not found"}


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ("T4", "thoracic_kyphosis_t4_t12"), ("T5", "thoracic_kyphosis_t5_t12"),
        ("T12", "thoracic_kyphosis_t4_t12"), ("L4", "lumbar_lordosis_l4_s1"),
        ("C7", "sagittal_vertical_axis_c7_s1"), ("L1", "pelvic_incidence_minus_lordosis"),
    ],
)  # fmt: skip
def test_a_missing_body_is_named_and_nothing_stands_in_for_it(missing, code):
    found = measured(without(spine_bodies(), missing))[MeasureCode(code)]
    assert found.value is None
    assert reason_text(found.unmeasurable) == f"{missing} was not found"


def test_a_column_named_one_level_too_high_measures_something_else():
    bodies = spine_bodies()
    names = [body.level for body in bodies]
    shifted = tuple(
        replace(body, level=level) for body, level in zip(bodies[1:], names[:-1], strict=True)
    )
    found = measured(tuple(replace(b, index=i) for i, b in enumerate(shifted, start=1)))
    kyphosis = found[MeasureCode.THORACIC_KYPHOSIS_T4_T12].value
    assert abs(kyphosis - ANGLES["thoracic_kyphosis_t4_t12"]) > 1


def test_pixels_give_pixels_and_no_modifier():
    found = measured(geometry=PixelGeometry())
    assert found[SVA].unit == "px"
    assert found[SVA].severity is None
    assert found[SVA].value == pytest.approx(plumb_mm() / SPACING_MM)
    tilt = found[MeasureCode.PELVIC_TILT]
    assert severity_text(tilt.severity) == "under 20° (SRS-Schwab modifier 0)"


def test_lengths_at_the_detector_have_no_modifier():
    magnified = PixelGeometry((SPACING_MM, SPACING_MM), are_lengths_true=False)
    found = measured(geometry=magnified)[SVA]
    assert (found.unit, found.severity) == ("mm", None)


@pytest.mark.parametrize("examination", [LATERAL_NECK, SPINE_MR], ids=["neck", "MR"])
def test_other_examinations_get_no_measure_of_a_standing_spine(examination):
    found = measured(examination=examination)
    assert not [code for code in found if MEASURES[code].whole_spine_only]


def test_a_film_of_few_bodies_lists_what_it_lacks():
    neck = tuple(body for body in spine_bodies() if body.level[0] == "C")
    found = measured(neck)
    assert reason_text(found[MeasureCode.LUMBAR_LORDOSIS_L1_S1].unmeasurable) == (
        "L1 and S1 were not found"
    )


@pytest.mark.parametrize(
    ("tilted_mm", "word"),
    [(0, "modifier 0"), (60, "modifier +)"), (110, "modifier ++")],
)
def test_the_modifiers_of_the_plumb_line(tilted_mm, word):
    def moved(body):
        if body.level != "C7":
            return body
        marks = tuple(replace(m, x=m.x - tilted_mm / SPACING_MM) for m in body.landmarks)
        return replace(body, landmarks=marks)

    found = measured(tuple(map(moved, spine_bodies())))[SVA]
    assert word in severity_text(found.severity)


@pytest.mark.parametrize("spacing", [None, (0.4, 0.6)])
def test_heads_are_circles_in_millimetres(spacing):
    heads, geometry = femoral_heads(), PixelGeometry(spacing)
    [found] = measure_drawings([heads], geometry)
    scale = geometry.scale
    for stroke, (one, other) in zip(
        found.strokes, (heads.points[:2], heads.points[2:]), strict=True
    ):
        centre = (np.array(one) + other) / 2
        radius = np.hypot(*((np.array(one) - centre) * scale))
        away = np.hypot(*((np.array(stroke.points) - centre) * scale).T)
        assert away == pytest.approx(radius)
    if spacing is None:
        assert found.value == pytest.approx(2 * HEAD_RADIUS_MM / SPACING_MM)
        assert found.unit == "px"


def test_a_head_that_is_moved_moves_the_tilt_and_not_the_slope():
    heads = femoral_heads()
    (x, y), *rest = heads.points
    moved = replace(heads, points=((x - 40, y), *rest))
    before, after = measured(), measured(drawings=[moved])
    assert after[MeasureCode.PELVIC_TILT].value > before[MeasureCode.PELVIC_TILT].value + 1
    assert after[MeasureCode.SACRAL_SLOPE] == before[MeasureCode.SACRAL_SLOPE]
    points = after[MeasureCode.PELVIC_TILT].points
    assert [p.body for p in points if p.name.startswith("rim")] == [
        "femoral head 1", "femoral head 1", "femoral head 2", "femoral head 2"
    ]  # fmt: skip


def test_levels_of_the_whole_column_can_be_counted_from_a_thoracic_body():
    unnamed = tuple(replace(body, level=None) for body in spine_bodies())
    names = levels_after(unnamed, 11, "T5", above_follow=True)
    assert names == tuple(body.level for body in spine_bodies())


def test_bodies_above_a_sacrum_that_is_right_can_move_alone():
    """C3 to L4 are called one level too high; S1 was recognised."""
    right = spine_bodies()[1:]
    names = [body.level for body in right]
    high = tuple(
        replace(body, level=level, index=index)
        for index, (body, level) in enumerate(
            zip((*right[1:-1], right[-1]), (*names[:-2], "S1"), strict=True), start=1
        )
    )
    lowest = high[-2]
    assert (lowest.level, high[-1].level) == ("L4", "S1")
    assert levels_after(high, lowest.index, "L5", above_follow=True) is None
    found = levels_after(high, lowest.index, "L5", above_follow=True, below_follow=False)
    assert found == (*names[1:-1], "S1")
    assert levels_after(high, 3, "S1", above_follow=True, below_follow=False) is None
