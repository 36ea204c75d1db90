"""What a column cannot look like."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.findings import Landmark, LandmarkSource, Vertebra, VertebraState
from spinealign.measure.outlines.column_limits import Implausible, breaches
from spinealign.measure.outlines.corners import CORNERS

HEIGHT, DEPTH, PITCH = 40.0, 48.0, 52.0


def body(y, x=100.0, height=HEIGHT, depth=DEPTH, turn_deg=0.0, corners=4):
    half = np.array([[depth, -height], [-depth, -height], [-depth, height], [depth, height]]) / 2
    turn = np.deg2rad(turn_deg)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = half @ matrix.T + (x, y)
    marks = tuple(
        Landmark(name, float(px), float(py), 0.9, LandmarkSource.NETWORK)
        for name, (px, py) in list(zip(CORNERS, points, strict=True))[:corners]
    )
    outline = tuple(map(tuple, points))
    return Vertebra("C4", 1, outline, marks, 0.9, VertebraState.COMPLETE)


def reasons(*bodies, steps=None):
    found = breaches(bodies, steps or [1] * (len(bodies) - 1))
    return {(breach.reason, breach.places) for breach in found}


def test_a_column_of_a_reader_is_plausible():
    assert not reasons(*(body(PITCH * i, x=100 + 6 * i, turn_deg=4 * i) for i in range(5)))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"y": 0.8 * HEIGHT}, {Implausible.SPACING}),
        ({"y": 2.2 * HEIGHT}, {Implausible.SPACING}),
        ({"y": 80.0, "height": 75.0, "depth": 80.0}, {Implausible.SIZE}),
        ({"y": PITCH, "turn_deg": 35.0}, {Implausible.DISC_ANGLE}),
        ({"y": PITCH, "turn_deg": -35.0}, {Implausible.DISC_ANGLE}),
    ],
)
def test_neighbours_that_cannot_be(changed, expected):
    assert reasons(body(0.0), body(**changed)) == {(reason, (0, 1)) for reason in expected}


def test_a_body_seen_upside_down_is_no_neighbour():
    assert (Implausible.DISC_ANGLE, (0, 1)) in reasons(body(0.0), body(PITCH, turn_deg=180.0))


@given(st.floats(50, 310))
def test_a_body_that_does_not_stand_along_the_line_is_no_neighbour(turn_deg):
    found = reasons(body(0.0), body(PITCH, turn_deg=turn_deg), body(2 * PITCH))
    assert (Implausible.DIRECTION, (1,)) in found
    assert (Implausible.DIRECTION, (0,)) not in found


@given(st.floats(-17, 17))
def test_a_body_turned_as_far_as_readers_bodies_are_is_one(turn_deg):
    found = reasons(body(0.0), body(PITCH, turn_deg=turn_deg), body(2 * PITCH))
    assert Implausible.DIRECTION not in {reason for reason, _ in found}


def test_a_column_seen_upside_down_breaks_anatomy_everywhere():
    upside_down = [body(PITCH * i, turn_deg=180.0) for i in range(4)]
    found = reasons(*upside_down)
    assert {places for reason, places in found if reason is Implausible.DIRECTION} == {
        (0,), (1,), (2,), (3,)
    }  # fmt: skip


def test_a_flat_thing_is_no_body():
    assert reasons(body(0.0, depth=110.0)) == {(Implausible.SHAPE, (0,))}
    assert reasons(body(0.0, depth=20.0)) == {(Implausible.SHAPE, (0,))}


def test_a_line_does_not_turn_at_one_body():
    assert (Implausible.BEND, (0, 1, 2)) in reasons(
        body(0.0), body(PITCH), body(PITCH + 38.0, x=142.0)
    )


def test_only_neighbours_are_compared_and_only_whole_bodies():
    far = body(2 * PITCH)
    assert not reasons(body(0.0), far, steps=[2])
    assert not reasons(body(0.0), far, steps=[None])
    assert not reasons(body(0.0, corners=2), far)


@pytest.mark.parametrize("steps", [2, 3])
@pytest.mark.parametrize("apart", [0.9, 1.0, 2.0, 2.1])
def test_the_bodies_between_two_have_their_room(steps, apart):
    found = reasons(body(0.0), body(apart * steps * HEIGHT), steps=[steps])
    has_room = 0.95 <= apart <= 2.05
    assert found == (set() if has_room else {(Implausible.SPACING, (0, 1))})


def test_wider_gaps_are_left_to_the_search_for_names():
    assert not reasons(body(0.0), body(2.1 * 4 * HEIGHT), steps=[4])


def test_limits_hold_in_square_pixels_whatever_the_film_s_pixels_are():
    bodies = [body(PITCH * i) for i in range(4)]
    flat = [replace(b, landmarks=tuple(replace(m, y=m.y / 3) for m in b.landmarks)) for b in bodies]
    steps = [1] * (len(bodies) - 1)
    assert breaches(flat, steps)
    assert not breaches(flat, steps, pixel_aspect=3.0)


def wedge(y, wedge_deg, level="C4", names=CORNERS):
    """A body whose inferior endplate is turned about its middle."""
    turn = np.deg2rad(wedge_deg)
    middle, marks = np.array([100.0, y + HEIGHT / 2]), []
    for mark in body(y).landmarks:
        side = np.sign(mark.x - middle[0]) * DEPTH / 2
        place = middle + side * np.array([np.cos(turn), np.sin(turn)])
        is_turned = "inferior" in mark.name
        marks.append(replace(mark, x=place[0], y=place[1]) if is_turned else mark)
    return replace(body(y), level=level, landmarks=tuple(m for m in marks if m.name in names))


@pytest.mark.parametrize(("wedge_deg", "is_possible"), [(19, True), (-19, True), (35, False)])
def test_endplates_of_a_body_lie_opposite_each_other(wedge_deg, is_possible):
    assert (not reasons(wedge(0.0, wedge_deg))) is is_possible


@pytest.mark.parametrize(
    ("tilt_deg", "is_possible"), [(0, True), (19, True), (-19, True), (30, False)]
)
def test_the_endplate_of_c2_lies_across_the_column(tilt_deg, is_possible):
    c2 = wedge(0.0, tilt_deg, "C2", CORNERS[2:])
    assert reasons(c2, body(PITCH)) == (set() if is_possible else {(Implausible.ENDPLATE, (0,))})
    assert not reasons(c2, body(2 * PITCH), steps=[2])
    assert not reasons(replace(c2, level="C5"), body(PITCH))
