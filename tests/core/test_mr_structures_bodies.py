"""Bodies from masks that tell bodies, posterior elements and the sacrum apart."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from spinealign.domain.examination import EXAMINATIONS, ExaminationKind
from spinealign.domain.findings import (
    COUNT_CAUTIONS,
    Facing,
    LandmarkName,
    LevelUncertainty,
    VertebraState,
    WarningCode,
)
from spinealign.domain.measures import MeasureCode
from spinealign.measure.alignment import PixelGeometry, measure_alignment
from spinealign.measure.outlines import disc_shapes
from spinealign.measure.outlines.mr_bodies import bodies_from_mask
from spinealign.measure.outlines.mr_classes import graded_mask, standard_mask, tells_bodies
from tests.structured import (
    BODY,
    CANAL,
    CLASSES,
    DISC,
    POSTERIOR,
    SACRUM,
    sacral_disc,
    structured_mask,
)
from tools.phantoms.lumbar import CLASSES as PLAIN_CLASSES
from tools.phantoms.lumbar import SHIPPED_SEED, render_lumbar_phantom
from tools.phantoms.lumbar_anatomy import SPACING_MM, Anatomy

MASK = structured_mask()
PLAIN = render_lumbar_phantom(SHIPPED_SEED)[1]
DRAWN = {level.name: level for level in Anatomy().levels}
ALL_LEVELS = ["T11", "T12", "L1", "L2", "L3", "L4", "L5", "S1"]
SUPERIOR = (LandmarkName.ANTERIOR_SUPERIOR, LandmarkName.POSTERIOR_SUPERIOR)


def column_of(mask, classes=CLASSES, certainty=0.97):
    mask = np.ascontiguousarray(mask)
    return bodies_from_mask(mask, classes, np.full(mask.shape, certainty, np.float32))


@pytest.fixture(scope="module")
def column():
    return column_of(MASK)


def codes(column):
    return {caution.code: caution.carried for caution in column.cautions}


def names(column):
    return [body.name for body in column.vertebrae]


def sacrum_of(column):
    return next(body for body in column.vertebrae if body.level == "S1")


def test_names_are_counted_up_from_the_sacrum_that_was_seen(column):
    assert names(column) == ALL_LEVELS
    assert column.facing is Facing.LEFT
    assert codes(column) == {
        WarningCode.LEVELS_FROM_SACRUM: None,
        WarningCode.BODY_CUT: ("T11",),
    }
    assert sacrum_of(column).state is VertebraState.COMPLETE


def test_s1_has_its_own_outline_and_superior_endplate(column):
    sacrum, level = sacrum_of(column), DRAWN["S1"]
    assert {mark.name for mark in sacrum.landmarks} == {*SUPERIOR, LandmarkName.SUPERIOR_MIDDLE}
    front, back = (sacrum.landmark(name) for name in SUPERIOR)
    angle = math.degrees(math.atan2(back.y - front.y, back.x - front.x))
    assert angle == pytest.approx(math.degrees(level.tilt_rad), abs=1.5)
    for mark, side in ((front, -0.5), (back, 0.5)):
        corner = level.at(side * level.depth_mm, -level.height_mm / 2) / SPACING_MM
        assert math.hypot(mark.x - corner[0], mark.y - corner[1]) * SPACING_MM < 3
    area = cv2.contourArea(np.array(sacrum.outline, np.float32)) * SPACING_MM**2
    assert area == pytest.approx(level.depth_mm * level.height_mm, rel=0.3)


def test_bodies_alone_are_measured_as_those_cut_from_whole_vertebrae(column):
    plain = column_of(PLAIN, PLAIN_CLASSES)
    for own, other in zip(column.vertebrae[1:-1], plain.vertebrae[1:-1], strict=True):
        assert own.level == other.level
        for mark in own.landmarks:
            twin = other.landmark(mark.name)
            assert (mark.x, mark.y) == pytest.approx((twin.x, twin.y), abs=2.5)


def measures_of(column):
    examination = EXAMINATIONS[ExaminationKind.SAGITTAL_SPINE_MR]
    found = measure_alignment(column.vertebrae, column.facing, PixelGeometry(), examination)
    return {one.key: one.value for one in found if one.value is not None}


def test_lordosis_and_the_lowest_disc_stand_on_s1(column):
    found = measures_of(column)
    drawn = math.degrees(DRAWN["L1"].tilt_rad - DRAWN["S1"].tilt_rad)
    wedge = math.degrees(math.atan(DRAWN["L1"].height_mm * DRAWN["L1"].wedge / 32))
    lordosis = found[MeasureCode.LUMBAR_LORDOSIS_L1_S1, ("L1", "S1")]
    assert lordosis == pytest.approx(drawn + wedge, abs=2.5)
    assert (MeasureCode.DISC_ANGLE, ("L5", "S1")) in found
    assert found[MeasureCode.LISTHESIS_PERCENT, ("L5", "S1")] == pytest.approx(0, abs=8)


def test_a_slip_of_the_lowest_body_is_measured_on_s1(column):
    level = DRAWN["S1"]
    shifted = structured_mask().copy()
    back = np.round(0.25 * level.depth_mm / SPACING_MM * level.back).astype(int)
    sacrum = shifted == SACRUM
    shifted[sacrum] = 0
    moved = np.roll(sacrum, (back[1], back[0]), axis=(0, 1))
    shifted[moved & (shifted == 0)] = SACRUM
    slip = MeasureCode.LISTHESIS_PERCENT, ("L5", "S1")
    assert measures_of(column_of(shifted))[slip] - measures_of(column)[slip] > 15


def test_without_a_sacrum_names_stay_open_though_there_is_room_below():
    found = column_of(structured_mask(sacral=()))
    assert found.levels_uncertain
    assert codes(found)[WarningCode.LEVELS_UNCERTAIN] == LevelUncertainty.NO_SACRUM
    assert not COUNT_CAUTIONS & codes(found).keys()
    assert all(body.level is None for body in found.vertebrae)


def test_a_sacrum_of_a_few_pixels_is_none():
    mask = MASK.copy()
    kept = np.zeros(mask.shape, bool)
    x, y = (DRAWN["S1"].at(0, 0) / SPACING_MM).astype(int)
    kept[y - 4 : y + 4, x - 4 : x + 4] = True
    mask[(mask == SACRUM) & ~kept] = 0
    assert codes(column_of(mask))[WarningCode.LEVELS_UNCERTAIN] == LevelUncertainty.NO_SACRUM


def test_an_unsure_sacrum_is_told():
    confidence = np.full(MASK.shape, 0.97, np.float32)
    confidence[MASK == SACRUM] = 0.6
    found = bodies_from_mask(MASK, CLASSES, confidence)
    assert sacrum_of(found).state is VertebraState.HIDDEN
    assert codes(found)[WarningCode.BODY_HIDDEN] == ("S1",)


@pytest.mark.parametrize(("certainty", "is_open"), [(0.87, False), (0.8, True)])
def test_a_lowest_body_that_may_be_the_sacrum_leaves_names_open(certainty, is_open):
    confidence = np.full(MASK.shape, 0.97, np.float32)
    confidence[Anatomy().body(DRAWN["L5"]) > 0] = certainty
    found = bodies_from_mask(MASK, CLASSES, confidence)
    assert found.levels_uncertain is is_open
    doubt = LevelUncertainty.PARTIAL_LOWEST_BODY if is_open else None
    assert codes(found).get(WarningCode.LEVELS_UNCERTAIN) == doubt


def test_a_sacrum_at_the_border_keeps_its_endplate_only_inside_the_picture():
    low = int(DRAWN["S1"].at(0, 0.3 * DRAWN["S1"].height_mm)[1] / SPACING_MM)
    found = column_of(MASK[:low])
    assert names(found) == ALL_LEVELS
    assert sacrum_of(found).landmark(LandmarkName.POSTERIOR_SUPERIOR) is not None


@pytest.mark.parametrize("is_upside_down", [False, True])
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_picture_is_counted_from_its_sacrum_whichever_way_it_lies(
    column, is_upside_down, is_mirrored
):
    mask = MASK[::-1, ::-1] if is_upside_down else MASK
    found = column_of(mask[:, ::-1] if is_mirrored else mask)
    assert names(found) == ALL_LEVELS
    assert found.found.is_upside_down is is_upside_down
    assert found.facing is (Facing.RIGHT if is_mirrored else Facing.LEFT)
    twin, own = sacrum_of(found), sacrum_of(column)
    for mark in own.landmarks:
        x, y = mark.x, mark.y
        if is_upside_down:
            x, y = 512 - x, 512 - y
        if is_mirrored:
            x = 512 - x
        other = twin.landmark(mark.name)
        assert (other.x, other.y) == pytest.approx((x, y), abs=0.8)


def test_a_short_disc_inside_the_sacrum_is_left_out_and_names_stand():
    found = column_of(sacral_disc(0.45))
    assert names(found) == ALL_LEVELS
    assert (found.found.remnants, found.found.is_remnant_long) == (1, False)
    assert WarningCode.LUMBAR_COUNT_DOUBTFUL not in codes(found)


def test_a_long_steep_disc_above_a_sacrum_may_lie_inside_it():
    """S1 outlined as a lumbar body, as a network does where it is squared."""
    lumbarised = sacral_disc(0.9).copy()
    level = DRAWN["S1"]
    down = Anatomy().local(level)[1]
    lumbarised[(lumbarised == SACRUM) & (down < level.height_mm / 2)] = BODY
    found = column_of(lumbarised)
    assert codes(found)[WarningCode.LEVELS_UNCERTAIN] == LevelUncertainty.SMALL_LOWEST_DISC
    assert all(body.level is None for body in found.vertebrae)


def test_a_thin_strip_of_sacrum_is_seen():
    """The sacrum of a wide column, outlined in part."""
    mask, level = MASK.copy(), DRAWN["S1"]
    down = Anatomy().local(level)[1]
    mask[(mask == SACRUM) & (down > -0.5 * level.height_mm + 0.4 * level.depth_mm)] = 0
    assert names(column_of(mask)) == ALL_LEVELS


def test_a_piece_below_the_sacrum_that_looks_like_a_disc_is_left_out():
    mask = MASK.copy()
    x, y = (DRAWN["S4"].at(0, 0) / SPACING_MM).astype(int)
    mask[y + 20 : y + 34, x - 30 : x + 24] = DISC
    found = column_of(mask)
    assert names(found) == ALL_LEVELS
    assert WarningCode.LUMBAR_COUNT_DOUBTFUL not in codes(found)


def test_a_long_disc_inside_the_sacrum_makes_the_count_doubtful():
    found = column_of(sacral_disc(0.95))
    assert names(found) == ALL_LEVELS
    assert (found.found.remnants, found.found.is_remnant_long) == (1, True)
    assert WarningCode.LUMBAR_COUNT_DOUBTFUL in codes(found)


def test_a_slice_without_a_canal_lies_beside_it(column):
    assert not column.is_beside_canal
    beside = column_of(np.where(MASK == CANAL, 0, MASK).astype(np.uint8))
    assert beside.is_beside_canal
    assert WarningCode.SLICE_BESIDE_CANAL in codes(beside)
    assert names(beside) == ALL_LEVELS


def test_a_canal_that_is_seen_at_one_disc_alone_is_no_far_slice():
    mask = MASK.copy()
    y = int(DRAWN["L4"].centre_mm[1] / SPACING_MM)
    gone = mask == CANAL
    gone[y + 5 : y + 40] = False
    mask[gone] = 0
    assert not column_of(mask).is_beside_canal


def test_a_network_that_knows_no_canal_says_nothing_of_it():
    mask = np.where(MASK == CANAL, 0, MASK).astype(np.uint8)
    known = {value: name for value, name in CLASSES.items() if name != "canal"}
    assert not column_of(mask, known).is_beside_canal


def test_values_of_a_mask_go_by_their_names():
    swapped = {1: "disc", 2: "sacrum", 3: "canal", 4: "posterior elements", 5: "body"}
    mask = np.array([[1, 2, 3, 4, 5, 0]], np.uint8)
    wanted = [
        disc_shapes.DISC, disc_shapes.SACRUM, disc_shapes.CANAL, disc_shapes.POSTERIOR,
        disc_shapes.VERTEBRA, 0,
    ]  # fmt: skip
    assert standard_mask(mask, swapped)[0].tolist() == wanted
    graded = [disc_shapes.DISC, 0, disc_shapes.CANAL, disc_shapes.VERTEBRA, disc_shapes.VERTEBRA, 0]
    assert graded_mask(mask, swapped)[0].tolist() == graded


@pytest.mark.parametrize(
    ("classes", "is_told"),
    [
        (("vertebra", "disc"), True),
        (("body", "disc"), True),
        (("posterior elements", "disc"), False),
        (("body", "canal"), False),
    ],
)
def test_bodies_are_told_by_the_names_of_classes(classes, is_told):
    assert tells_bodies(classes) is is_told


def test_discs_are_graded_by_the_mask_that_the_grader_learned_from():
    whole = graded_mask(MASK, CLASSES)
    assert ((whole == disc_shapes.VERTEBRA) == np.isin(MASK, (BODY, POSTERIOR))).all()
    assert ((whole == disc_shapes.DISC) == (MASK == DISC)).all()
    assert not whole[MASK == SACRUM].any()


def test_without_canal_the_posterior_elements_tell_the_back():
    mask = np.where(MASK == CANAL, 0, MASK).astype(np.uint8)
    assert column_of(mask[:, ::-1]).facing is Facing.RIGHT
    silent = np.where(MASK == POSTERIOR, 0, mask).astype(np.uint8)
    found = column_of(silent)
    assert found.facing is None
    assert sacrum_of(found).landmarks == ()
