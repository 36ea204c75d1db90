"""Height lost by bodies: which, what shape, how much, and what is no loss."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinealign.domain.findings import Facing, LandmarkSource, VertebraState, WarningCode
from spinealign.domain.height_loss import (
    BodyDeformity,
    HeightPart,
    height_loss_cautions,
    height_losses,
)
from spinealign.domain.measurements import IntervalRule
from spinealign.domain.measures import MeasureCode
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.wording.height_loss import height_loss_note, height_loss_sentences
from tests.examinations import LATERAL_NECK, SPINE_MR, WHOLE_SPINE
from tests.phantoms_alignment import PIXELS, by_network, numbered, vertebra

LEVELS = ("T12", "L1", "L2", "L3", "L4")
FULL, STEP, DEPTH = 30.0, 36.0, 40.0
INTACT = (1.0, 1.0, 1.0)


def body(level, place, shares=INTACT):
    """Return an upright body whose anterior, middle and posterior heights are shares of all."""
    low = 200 + STEP * place
    anterior, middle, posterior = (low - FULL * share for share in shares)
    front, back = 100 + DEPTH, 100
    corners = [(front, anterior), (back, posterior), (back, low), (front, low)]
    return vertebra(level, corners, ((100 + DEPTH / 2, middle), None))


def column(levels=LEVELS, **shares):
    return numbered(*(body(level, i, shares.get(level, INTACT)) for i, level in enumerate(levels)))


def mirrored(bodies):
    return tuple(
        replace(
            one, landmarks=tuple(replace(m, x=400 - m.x) for m in one.landmarks),
            outline=tuple((400 - x, y) for x, y in one.outline),
        )
        for one in bodies
    )  # fmt: skip


def losses(bodies, facing=Facing.RIGHT, examination=SPINE_MR, geometry=PIXELS):
    return height_losses(measure_alignment(bodies, facing, geometry, examination))


SHAPES = {
    "wedge": ((0.69, 0.85, 1.0), BodyDeformity.WEDGE, HeightPart.ANTERIOR, 31, 2),
    "mild wedge": ((0.78, 0.89, 1.0), BodyDeformity.WEDGE, HeightPart.ANTERIOR, 22, 1),
    "biconcave": ((1.0, 0.55, 1.0), BodyDeformity.BICONCAVE, HeightPart.MIDDLE, 45, 3),
    "hollow wedge": ((0.78, 0.7, 1.0), BodyDeformity.BICONCAVE, HeightPart.MIDDLE, 30, 2),
    "crush": ((0.7, 0.7, 0.73), BodyDeformity.CRUSH, HeightPart.WHOLE, 30, 2),
    "crushed wedge": ((0.5, 0.6, 0.7), BodyDeformity.CRUSH, HeightPart.WHOLE, 50, 3),
}


@pytest.mark.parametrize("look", Facing)
@pytest.mark.parametrize(
    ("shares", "deformity", "part", "percent", "grade"), SHAPES.values(), ids=SHAPES
)
def test_a_body_that_lost_height_is_found_with_its_shape(
    shares, deformity, part, percent, grade, look
):
    bodies = column(L2=shares)
    (loss,) = losses(bodies if look is Facing.RIGHT else mirrored(bodies), look)
    assert (loss.level, loss.deformity, loss.part, loss.grade) == ("L2", deformity, part, grade)
    assert loss.percent == pytest.approx(percent, abs=0.01)
    low, high = loss.interval
    assert 0 <= low < loss.percent < high


def test_intact_bodies_lost_nothing():
    assert losses(column()) == ()
    assert height_loss_cautions(()) == ()


def test_front_and_back_are_told_apart():
    # Low behind and full in front: no wedge that Genant grades.
    assert losses(column(L2=(1.0, 0.9, 0.75))) == ()
    assert losses(column(L2=(0.75, 0.9, 1.0)))[0].part is HeightPart.ANTERIOR


def test_the_largest_loss_comes_first():
    found = losses(column(L1=(0.78, 0.89, 1.0), L3=(0.55, 0.8, 1.0)))
    assert [loss.level for loss in found] == ["L3", "L1"]


@pytest.mark.parametrize(
    "bodies",
    [
        column(("C3", "C4", "C5", "C6", "C7"), C5=(0.6, 0.8, 1.0)),
        column(("C3", "C4", "C5", "C6", "C7"), C5=(0.6, 0.6, 0.6)),
    ],
    ids=["wedge", "crush"],
)
def test_nothing_is_graded_in_the_neck(bodies):
    assert losses(bodies, examination=LATERAL_NECK) == ()


def test_bodies_of_the_back_are_graded_on_a_film_too():
    (loss,) = losses(column(L2=(0.6, 0.8, 1.0)), examination=WHOLE_SPINE)
    assert (loss.level, loss.grade) == ("L2", 2)


def test_an_anterior_height_like_the_neighbours_is_no_loss():
    # The posterior height alone is off: 30 against 39.
    assert losses(column(L2=(1.0, 1.0, 1.3))) == ()


@pytest.mark.parametrize(("share", "is_lost"), [(0.89, True), (0.91, False)])
def test_a_graded_height_is_a_tenth_under_the_neighbours(share, is_lost):
    found = losses(column(L2=(share, 1.0, 1.2)))
    assert bool(found) is is_lost


def test_two_flat_neighbours_are_found_both():
    found = losses(column(L2=(0.72, 0.86, 1.0), L3=(0.72, 0.86, 1.0)))
    assert {loss.level for loss in found} == {"L2", "L3"}


@pytest.mark.parametrize("state", [VertebraState.CUT, VertebraState.HIDDEN])
def test_a_body_that_may_be_seen_in_part_is_not_graded(state):
    bodies = column(L2=(0.7, 0.7, 0.7))
    doubtful = tuple(replace(b, state=state) if b.level == "L2" else b for b in bodies)
    assert losses(doubtful) == ()


def test_the_ends_of_the_column_are_not_graded():
    assert losses(column(T12=(0.6, 0.6, 0.6), L4=(0.6, 0.8, 1.0))) == ()


def test_without_front_and_back_nothing_is_told():
    assert losses(column(L2=(0.6, 0.6, 0.6)), facing=None) == ()


@settings(deadline=None, max_examples=40)
@given(st.floats(0.3, 3), st.floats(0.3, 3))
def test_the_size_and_shape_of_pixels_do_not_matter(row_mm, column_mm):
    squeezed = tuple(
        replace(
            one,
            landmarks=tuple(replace(m, x=m.x / column_mm, y=m.y / row_mm) for m in one.landmarks),
            outline=tuple((x / column_mm, y / row_mm) for x, y in one.outline),
        )
        for one in column(L2=(0.69, 0.85, 1.0))
    )
    (loss,) = losses(squeezed, geometry=PixelGeometry((row_mm, column_mm), are_lengths_true=True))
    assert loss.percent == pytest.approx(31, abs=1e-6)


def test_points_of_the_program_leave_the_grade_open():
    bodies = tuple(
        replace(
            one,
            landmarks=tuple(
                replace(m, source=LandmarkSource.CONTOUR, confidence=0.9) for m in one.landmarks
            ),
        )
        for one in column(L2=(0.74, 0.87, 1.0))
    )
    (loss,) = losses(bodies)
    assert loss.is_grade_possible
    (sentence,) = height_loss_sentences([loss])
    assert sentence.startswith("Height loss of L2, anterior, 26 % (95 % ")
    assert sentence.endswith("), possibly Genant grade 2 (wedge): possible fracture.")


def test_a_row_says_part_interval_and_meaning():
    (loss,) = losses(column(L2=(0.69, 0.85, 1.0)))
    plain = replace(loss, interval=(22.4, 39.6), is_grade_possible=True)
    assert height_loss_note(plain) == (
        "anterior (wedge), 95 % 22 to 40, grade not certain: possible fracture"
    )
    assert height_loss_note(replace(loss, interval=None, is_grade_possible=False)) == (
        "anterior (wedge): possible fracture"
    )


def test_a_mild_loss_may_be_a_variant():
    (sentence,) = height_loss_sentences(losses(column(L2=(0.78, 0.89, 1.0))))
    assert "Genant grade 1 (wedge): possible fracture or normal variant." in sentence


def test_what_cannot_be_told_is_said_beside():
    measured = measure_alignment(
        column(L2=(0.6, 0.8, 1.0), L3=(0.5, 0.8, 1.0)), Facing.RIGHT, PIXELS, SPINE_MR
    )
    (caution,) = height_loss_cautions(measured)
    assert (caution.code, caution.levels) == (WarningCode.HEIGHT_LOSS, ("L3", "L2"))


def test_the_share_of_the_neighbours_is_the_height_lost_most():
    found = {m.key: m for m in measure_alignment(
        column(L2=(0.5, 0.6, 0.7)), Facing.RIGHT, PIXELS, SPINE_MR
    )}  # fmt: skip
    share = found[(MeasureCode.HEIGHT_TO_NEIGHBOURS.value, ("L2",))]
    assert share.value == pytest.approx(0.5)
    assert {point.body for point in share.points} == {"L1", "L2", "L3"}
    # L1 stands beside a crushed body, and is not called tall or low for it.
    beside = found[(MeasureCode.HEIGHT_TO_NEIGHBOURS.value, ("L1",))]
    assert beside.value == pytest.approx(1 / np.mean([1.0, 0.7]))
    assert beside.severity is None


ON_FILM = IntervalRule(dict.fromkeys(MeasureCode, 1.5), is_limited=True)


@pytest.mark.parametrize(
    ("share", "is_told"), [(0.6, True), (0.7, True), (0.77, False), (0.9, False)]
)
def test_on_a_film_a_network_tells_only_height_loss_that_no_interval_denies(share, is_told):
    bodies = by_network(*column(L2=(share, (1 + share) / 2, 1.0)), confidence=0.9)
    found = measure_alignment(bodies, Facing.RIGHT, PIXELS, WHOLE_SPINE, rule=ON_FILM)
    ratio = next(m for m in found if m.key == (MeasureCode.BODY_HEIGHT_RATIO, ("L2",)))
    assert (ratio.interval[1] < 0.8) is is_told
    assert [loss.level for loss in height_losses(found)] == ["L2"] * is_told
    elsewhere = measure_alignment(bodies, Facing.RIGHT, PIXELS, SPINE_MR)
    assert [loss.level for loss in height_losses(elsewhere)] == ["L2"] * (share < 0.8)


def test_on_a_film_points_of_a_person_tell_height_loss_as_on_mr():
    found = measure_alignment(
        column(L2=(0.79, 0.9, 1.0)), Facing.RIGHT, PIXELS, WHOLE_SPINE, rule=ON_FILM
    )
    assert [loss.level for loss in height_losses(found)] == ["L2"]


L5_SHAPE = (1.03, 0.97, 0.88)
LOWER = ("L1", "L2", "L3", "L4", "L5", "S1")


def lowest(shares):
    """Return a column to S1 whose L5 has shares of its usual heights."""
    kept = tuple(one * share for one, share in zip(L5_SHAPE, shares, strict=True))
    bodies = column(LOWER[:-1], L5=kept)
    top, nowhere = 200 + STEP * 5 - FULL, (np.nan, np.nan)
    ends = [(100 + DEPTH, top), (100, top), nowhere, nowhere]
    return numbered(*bodies, vertebra("S1", ends, state=VertebraState.ENDPLATE))


def test_l5_is_compared_with_what_l3_and_l4_let_expect():
    measured = measure_alignment(lowest(INTACT), Facing.RIGHT, PIXELS, SPINE_MR)
    (ratio,) = [
        m for m in measured if (m.code, m.levels) == (MeasureCode.HEIGHT_TO_NEIGHBOURS, ("L5",))
    ]
    assert ratio.value == pytest.approx(1.0, abs=0.01)
    assert losses(lowest(INTACT)) == ()


@pytest.mark.parametrize(
    ("shares", "percent"), [((0.7, 0.7, 0.7), 30), ((0.6, 0.75, 0.79), 40)], ids=["flat", "wedged"]
)
def test_a_crushed_l5_is_found(shares, percent):
    (loss,) = losses(lowest(shares))
    assert (loss.level, loss.deformity) == ("L5", BodyDeformity.CRUSH)
    assert loss.percent == pytest.approx(percent, abs=0.5)


def test_an_l5_that_keeps_one_height_is_not_crushed():
    assert [one for one in losses(lowest((0.7, 0.7, 0.95))) if one.level == "L5"] == []


def test_without_l3_nothing_is_expected_of_l5():
    bodies = numbered(*(one for one in lowest((0.6, 0.6, 0.6)) if one.level != "L3"))
    measured = measure_alignment(bodies, Facing.RIGHT, PIXELS, SPINE_MR)
    assert not [m for m in measured if (m.code, m.levels) == ("height_to_neighbours", ("L5",))]
