"""Bodies from masks of known geometry: the rendered lumbar phantom, whole, turned and cut."""

from __future__ import annotations

import math
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinealign.domain.findings import (
    Facing,
    LandmarkName,
    LevelUncertainty,
    VertebraState,
    WarningCode,
)
from spinealign.measure.outlines.mr_bodies import bodies_from_mask, room_around
from tools.phantoms.lumbar import CLASSES, SHIPPED_SEED, render_lumbar_phantom
from tools.phantoms.lumbar_anatomy import SPACING_MM, Anatomy

MASK = render_lumbar_phantom(SHIPPED_SEED)[1]
ANATOMY = Anatomy()
DRAWN = {level.name: level for level in ANATOMY.levels}
ALL_LEVELS = ["T11", "T12", "L1", "L2", "L3", "L4", "L5", "S1"]
VERTEBRA, DISC, CANAL = 1, 2, 3
SUPERIOR = (LandmarkName.ANTERIOR_SUPERIOR, LandmarkName.POSTERIOR_SUPERIOR)
INFERIOR = (LandmarkName.ANTERIOR_INFERIOR, LandmarkName.POSTERIOR_INFERIOR)


def column_of(mask, classes=CLASSES, pixels=None):
    return bodies_from_mask(mask, classes, np.full(mask.shape, 0.97, np.float32), pixels)


@pytest.fixture(scope="module")
def column():
    return column_of(MASK)


def by_name(column):
    return {body.name: body for body in column.vertebrae}


def endplate_deg(body, ends):
    """Return an endplate's angle against the picture's rows, from front to back."""
    front, back = (body.landmark(name) for name in ends)
    return math.degrees(math.atan2(back.y - front.y, back.x - front.x))


def drawn_deg(name, ends):
    """Return the angle at which the phantom's endplate was drawn."""
    level = DRAWN[name]
    wedge = math.degrees(math.atan(level.height_mm * level.wedge / level.depth_mm))
    return math.degrees(level.tilt_rad) + (wedge if ends is SUPERIOR else -wedge)


def codes(column):
    return {caution.code: caution.carried for caution in column.cautions}


def test_the_phantom_is_counted_from_the_sacrum_up(column):
    assert [body.name for body in column.vertebrae] == ALL_LEVELS
    assert [body.index for body in column.vertebrae] == list(range(1, 9))
    assert [disc.name for disc in column.discs] == [
        "T11/T12", "T12/L1", "L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1"
    ]  # fmt: skip
    assert column.facing is Facing.LEFT
    assert column.facing_confidence > 0.8
    assert not column.levels_uncertain


def test_states_and_cautions_of_the_phantom(column):
    states = [body.state for body in column.vertebrae]
    assert states[0] is VertebraState.CUT
    assert set(states[1:-1]) == {VertebraState.COMPLETE}
    assert states[-1] is VertebraState.ENDPLATE
    assert codes(column) == {
        WarningCode.LEVELS_COUNTED: None,
        WarningCode.BODY_CUT: ("T11",),
        WarningCode.ENDPLATE_FROM_DISC: ("S1",),
    }


@pytest.mark.parametrize("name", ALL_LEVELS[1:-1])
@pytest.mark.parametrize("ends", [SUPERIOR, INFERIOR], ids=["superior", "inferior"])
def test_endplates_are_found_at_their_drawn_angles(column, name, ends):
    assert abs(endplate_deg(by_name(column)[name], ends) - drawn_deg(name, ends)) < 1.0


def test_the_endplate_of_the_sacrum_comes_from_the_disc(column):
    sacrum = by_name(column)["S1"]
    assert {mark.name for mark in sacrum.landmarks} == {*SUPERIOR, LandmarkName.SUPERIOR_MIDDLE}
    assert abs(endplate_deg(sacrum, SUPERIOR) - drawn_deg("S1", SUPERIOR)) < 1.5
    level = DRAWN["S1"]
    middle = level.at(0, -level.height_mm / 2) / SPACING_MM
    mark = sacrum.landmark(LandmarkName.SUPERIOR_MIDDLE)
    assert math.hypot(mark.x - middle[0], mark.y - middle[1]) * SPACING_MM < 2.5
    assert mark.confidence < by_name(column)["L5"].landmarks[0].confidence


@pytest.mark.parametrize("name", ALL_LEVELS[1:-1])
def test_corners_lie_at_the_body_and_not_at_its_processes(column, name):
    level = DRAWN[name]
    signs = {"anterior": -1, "posterior": 1, "superior": -1, "inferior": 1}
    for mark in by_name(column)[name].landmarks:
        sides = mark.name.value.split("_")
        if "middle" in sides:
            continue
        back, down = signs[sides[0]] * level.depth_mm / 2, signs[sides[1]] * level.height_mm / 2
        corner = level.at(back, down * (1 - signs[sides[0]] * level.wedge))
        apart = math.hypot(mark.x * SPACING_MM - corner[0], mark.y * SPACING_MM - corner[1])
        assert apart < 0.13 * level.height_mm
    outline = np.array(by_name(column)[name].outline) * SPACING_MM
    assert ((outline - level.centre_mm) @ level.back).max() < 0.55 * level.depth_mm


def test_borders_of_a_disc_lie_between_its_bodies(column):
    discs = {disc.name: disc for disc in column.discs}
    for upper, lower in pairwise(ALL_LEVELS[1:-1]):
        disc = discs[f"{upper}/{lower}"]
        down = disc.shape.down
        assert (disc.lower.mean(axis=0) - disc.upper.mean(axis=0)) @ down > 0
        for border, centre in ((disc.upper, upper), (disc.lower, lower)):
            middle = DRAWN[centre].centre_mm / np.array(SPACING_MM)
            towards = 1 if centre == lower else -1
            assert (middle - border.mean(axis=0)) @ down * towards > 0


def assert_mirrored(column, mirrored, width):
    assert [body.name for body in mirrored.vertebrae] == [body.name for body in column.vertebrae]
    for body, other in zip(column.vertebrae, mirrored.vertebrae, strict=True):
        assert {m.name for m in body.landmarks} == {m.name for m in other.landmarks}
        for mark in body.landmarks:
            twin = other.landmark(mark.name)
            assert (width - twin.x, twin.y) == pytest.approx((mark.x, mark.y), abs=0.6)


def test_a_mirrored_picture_faces_the_other_side(column):
    mirrored = column_of(np.ascontiguousarray(MASK[:, ::-1]))
    assert mirrored.facing is Facing.RIGHT
    assert_mirrored(column, mirrored, MASK.shape[1])


@settings(max_examples=12, deadline=None)
@given(across=st.integers(-60, 40), down=st.integers(0, 40), is_mirrored=st.booleans())
def test_shifting_the_picture_shifts_every_landmark(column, across, down, is_mirrored):
    shift = np.array([[1.0, 0, across], [0, 1, down]])
    moved = cv2.warpAffine(MASK, shift, MASK.shape[::-1], flags=cv2.INTER_NEAREST)
    if is_mirrored:
        moved = np.ascontiguousarray(moved[:, ::-1])
    found = by_name(column_of(moved))
    for name in ALL_LEVELS[1:]:
        for mark in by_name(column)[name].landmarks:
            twin = found[name].landmark(mark.name)
            x = MASK.shape[1] - twin.x if is_mirrored else twin.x
            assert (x - across, twin.y - down) == pytest.approx((mark.x, mark.y), abs=0.6)


def test_an_upside_down_picture_is_counted_from_its_sacrum(column):
    turned = column_of(np.ascontiguousarray(MASK[::-1, ::-1]))
    assert [body.name for body in turned.vertebrae] == ALL_LEVELS
    assert turned.facing is Facing.LEFT
    for body, other in zip(column.vertebrae, turned.vertebrae, strict=True):
        for mark in body.landmarks:
            twin = other.landmark(mark.name)
            assert (512 - twin.x, 512 - twin.y) == pytest.approx((mark.x, mark.y), abs=0.6)


def test_an_upside_down_picture_without_a_sacrum_is_told_by_the_size_of_its_discs():
    bottom = int(DRAWN["L5"].at(0, 0)[1] / SPACING_MM)
    plain, turned = (
        column_of(np.ascontiguousarray(m)) for m in (MASK[:bottom], MASK[:bottom][::-1, ::-1])
    )
    assert turned.facing is plain.facing
    assert [body.state for body in turned.vertebrae] == [body.state for body in plain.vertebrae]
    for body, other in zip(plain.vertebrae, turned.vertebrae, strict=True):
        for mark in body.landmarks:
            twin = other.landmark(mark.name)
            assert (512 - twin.x, bottom - twin.y) == pytest.approx((mark.x, mark.y), abs=0.6)


def test_a_body_cut_at_the_top_keeps_its_lower_endplate():
    cut = column_of(MASK[90:])
    top = cut.vertebrae[0]
    assert (top.name, top.state) == ("L1", VertebraState.CUT)
    assert {m.name for m in top.landmarks} == {*INFERIOR, LandmarkName.INFERIOR_MIDDLE}
    assert codes(cut)[WarningCode.BODY_CUT] == ("L1",)


def test_an_empty_margin_cuts_like_the_border():
    mask, pixels = MASK.copy(), np.full(MASK.shape, 80, np.float32)
    mask[:90], pixels[:90] = 0, 0
    assert column_of(mask, pixels=pixels).vertebrae[0].state is VertebraState.CUT
    assert column_of(mask).vertebrae[0].state is not VertebraState.CUT


def test_a_body_that_fades_out_keeps_its_lower_endplate():
    mask = MASK.copy()
    mask[: int(DRAWN["L1"].centre_mm[1] / SPACING_MM) - 6] = 0
    top = column_of(mask).vertebrae[0]
    assert top.state is VertebraState.HIDDEN
    assert {m.name for m in top.landmarks} == {*INFERIOR, LandmarkName.INFERIOR_MIDDLE}


def test_without_a_sacrum_in_the_picture_bodies_have_numbers():
    bottom = int(DRAWN["L5"].at(0, 0)[1] / SPACING_MM)
    cut = column_of(MASK[:bottom])
    assert cut.levels_uncertain
    assert codes(cut)[WarningCode.LEVELS_UNCERTAIN] == LevelUncertainty.NO_SACRUM
    assert all(body.level is None for body in cut.vertebrae)
    assert cut.vertebrae[0].name == "body 1"
    assert cut.vertebrae[-1].state is VertebraState.CUT
    assert {m.name for m in cut.vertebrae[-1].landmarks} >= set(SUPERIOR)


def test_a_small_lowest_disc_makes_levels_uncertain():
    mask = MASK.copy()
    count, labels = cv2.connectedComponents((mask == DISC).astype(np.uint8))
    label = max(range(1, count), key=lambda i: np.nonzero(labels == i)[0].mean())
    ys, xs = np.nonzero(labels == label)
    far = np.abs(xs - xs.mean()) > 0.3 * np.ptp(xs)
    mask[ys[far], xs[far]] = 0
    assert (
        codes(column_of(mask))[WarningCode.LEVELS_UNCERTAIN] == LevelUncertainty.SMALL_LOWEST_DISC
    )


def test_an_unsure_lowest_body_makes_levels_uncertain():
    confidence = np.full(MASK.shape, 0.97, np.float32)
    confidence[ANATOMY.body(DRAWN["L5"]) > 0] = 0.8
    column = bodies_from_mask(MASK, CLASSES, confidence)
    assert codes(column)[WarningCode.LEVELS_UNCERTAIN] == LevelUncertainty.PARTIAL_LOWEST_BODY
    assert column.vertebrae[-1].state is VertebraState.HIDDEN


@pytest.mark.parametrize(
    ("share", "doubt"),
    [(0.15, None), (0.3, LevelUncertainty.PARTIAL_LOWEST_BODY)],
    ids=["a little", "much"],
)
def test_a_shallow_lowest_body_makes_levels_uncertain(share, doubt):
    level = DRAWN["L5"]
    ys, xs = np.nonzero(ANATOMY.body(level) > 0)
    places = np.stack([xs, ys], axis=1) * SPACING_MM - level.centre_mm
    front = places @ level.back < (share - 0.5) * level.depth_mm
    mask = MASK.copy()
    mask[ys[front], xs[front]] = 0
    found = codes(column_of(mask))
    assert found.get(WarningCode.LEVELS_UNCERTAIN) == doubt


@pytest.mark.parametrize(
    "kept",
    [np.zeros_like(MASK), np.where(ANATOMY.body(DRAWN["L3"]) > 0, 1, 0).astype(np.uint8)],
    ids=["nothing", "one vertebra"],
)
def test_without_two_discs_nothing_is_measured_and_a_caution_says_why(kept):
    column = column_of(kept)
    assert column.vertebrae == ()
    assert column.facing is None
    assert codes(column) == {WarningCode.NO_COLUMN: None}


def test_without_a_canal_the_processes_tell_the_back(column):
    mask = np.where(MASK == CANAL, 0, MASK).astype(np.uint8)
    found = column_of(mask)
    assert found.facing is Facing.LEFT
    assert [body.name for body in found.vertebrae] == ALL_LEVELS


def test_without_canal_and_processes_no_corner_is_named():
    bodies = np.zeros(MASK.shape, bool)
    for level in ANATOMY.levels[:7]:
        bodies |= ANATOMY.body(level) > -1
    mask = np.where((MASK == DISC) | ((MASK == VERTEBRA) & bodies), MASK, 0).astype(np.uint8)
    column = column_of(mask)
    assert column.facing is None
    assert WarningCode.FACING_UNCERTAIN in codes(column)
    assert all(body.landmarks == () for body in column.vertebrae)
    assert len(column.vertebrae) == 7


def test_bodies_that_touch_are_parted_at_the_disc(column):
    bridge = np.zeros(MASK.shape, np.uint8)
    for upper, lower in (("L2", "L3"), ("L3", "L4")):
        ends = [DRAWN[name].at(-DRAWN[name].depth_mm * 0.42, 0) for name in (upper, lower)]
        ends = [tuple(int(v) for v in end / SPACING_MM) for end in ends]
        cv2.line(bridge, ends[0], ends[1], 1, 5)
    mask = np.where(bridge > 0, VERTEBRA, MASK).astype(np.uint8)
    assert cv2.connectedComponents((mask == VERTEBRA).astype(np.uint8))[0] < 15
    found = by_name(column_of(mask))
    assert list(found) == ALL_LEVELS
    for name in ("L2", "L3", "L4"):
        for ends in (SUPERIOR, INFERIOR):
            assert abs(endplate_deg(found[name], ends) - drawn_deg(name, ends)) < 4


def test_pedicles_are_cut_off_behind_the_body():
    mask = np.where(MASK == CANAL, 0, MASK).astype(np.uint8)
    for name in ("L1", "L2", "L3", "L4"):
        level = DRAWN[name]
        ends = [level.at(share * level.depth_mm, -0.2 * level.height_mm) for share in (0.3, 1.0)]
        ends = [tuple(int(v) for v in end / SPACING_MM) for end in ends]
        cv2.line(mask, ends[0], ends[1], VERTEBRA, 14)
    found = by_name(column_of(mask))
    for name in ("L1", "L2", "L3", "L4"):
        level = DRAWN[name]
        outline = np.array(found[name].outline) * SPACING_MM
        assert ((outline - level.centre_mm) @ level.back).max() < 0.62 * level.depth_mm
        for ends in (SUPERIOR, INFERIOR):
            assert abs(endplate_deg(found[name], ends) - drawn_deg(name, ends)) < 4


def test_mask_values_go_by_their_names(column):
    swapped = np.choose(MASK, [0, 9, 4, 7]).astype(np.uint8)
    found = column_of(swapped, {9: "vertebra", 4: "disc", 7: "canal"})
    assert found.vertebrae == column.vertebrae


def test_room_is_counted_from_borders_and_margins():
    pixels = np.full((40, 60), 50, np.float32)
    pixels[:10] = 0
    assert room_around((40, 60))[0, 30] == pytest.approx(1, abs=0.1)
    assert room_around((40, 60), pixels)[10, 30] == pytest.approx(1, abs=0.1)
    assert room_around((40, 60), pixels)[14, 30] == pytest.approx(5, abs=0.3)
    pixels[20, 30] = 0
    assert room_around((40, 60), pixels)[20, 31] > 5
