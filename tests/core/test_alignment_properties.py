"""How measures follow when a whole film is turned, enlarged, mirrored, shifted or squeezed."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spinealign.domain.findings import Facing, LandmarkSource, Vertebra
from spinealign.domain.measures import Extent, MeasureCode
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.geometry.plane import PixelGeometry
from tests.examinations import LATERAL_NECK, SPINE_MR
from tests.phantoms_alignment import PIXELS, bent_column, from_corners, numbered

SLOPES = (MeasureCode.C7_SLOPE, MeasureCode.T1_SLOPE, MeasureCode.T1_SLOPE_MINUS_LORDOSIS)
AXIS = MeasureCode.SAGITTAL_VERTICAL_AXIS
NECK = ("C2", "C3", "C4", "C5", "C6", "C7")
BACK = ("L1", "L2", "L3", "L4", "L5", "S1")

degrees = st.floats(-12, 12)
angles = st.lists(degrees, min_size=6, max_size=6)
columns = st.builds(bent_column, angles, angles, st.floats(-15, 15)).map(from_corners)
backs = columns.map(
    lambda bodies: numbered(
        *(replace(b, level=f"L{i}") for i, b in enumerate(bodies[1:6], start=1)),
        replace(bodies[6], level="S1"),
    )
)
spines = st.one_of(columns, backs)
turns = st.floats(-50, 50)
matrices = st.tuples(st.floats(0.3, 4), st.floats(-300, 300), st.floats(-300, 300))


def mapped(bodies, matrix, shift=(0.0, 0.0)) -> tuple[Vertebra, ...]:
    """Map every point by a (2, 2) matrix and a shift."""

    def place(x, y):
        moved = np.asarray(matrix) @ (x, y) + shift
        return float(moved[0]), float(moved[1])

    def move(mark):
        x, y = place(mark.x, mark.y)
        return replace(mark, x=x, y=y)

    return tuple(
        replace(
            body,
            outline=tuple(place(x, y) for x, y in body.outline),
            landmarks=tuple(move(mark) for mark in body.landmarks),
        )
        for body in bodies
    )


def turn(angle_deg):
    sine, cosine = np.sin(np.radians(angle_deg)), np.cos(np.radians(angle_deg))
    return np.array([[cosine, -sine], [sine, cosine]])


def measured(bodies, facing=Facing.RIGHT, geometry=PIXELS):
    examination = SPINE_MR if bodies[0].level == "L1" else LATERAL_NECK
    return {m.key: m for m in measure_alignment(bodies, facing, geometry, examination)}


def assert_same(one, other, factor_of=lambda measure: 1.0, but=()):
    assert one.keys() == other.keys()
    for key, measure in one.items():
        if measure.code not in but:
            expected = measure.value * factor_of(measure)
            assert other[key].value == pytest.approx(expected, abs=1e-6), key


@settings(deadline=None, max_examples=40)
@given(spines, turns)
def test_turning_changes_slopes_by_the_angle_and_nothing_else_but_the_plumb_line(bodies, angle):
    still = measured(bodies)
    turned = measured(mapped(bodies, turn(angle)))
    assert_same(still, turned, but=(*SLOPES, AXIS))
    for key, measure in still.items():
        if measure.code in SLOPES:
            assert turned[key].value == pytest.approx(measure.value + angle, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(columns, st.floats(-30, 30))
def test_turning_changes_the_plumb_line_as_a_projection(bodies, angle):
    def axis(by):
        return measured(mapped(bodies, turn(by)))[(AXIS.value, ("C2", "C7"))].value

    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    # Of a column that lies nothing is measured against the vertical.
    standing, left, right, turned = (axis(by) for by in (0, -30, 30, angle))
    assume(None not in (standing, left, right, turned))
    assert turned == pytest.approx(cosine * standing + sine * (right - left), abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(spines, st.floats(0.2, 5))
def test_enlarging_multiplies_lengths_and_leaves_angles_and_ratios(bodies, factor):
    still, large = measured(bodies), measured(mapped(bodies, factor * np.eye(2)))
    assert_same(still, large, lambda m: factor if m.definition.is_length else 1)
    for key, measure in still.items():
        scale = factor if measure.definition.is_length else 1
        low, high = (end * scale for end in measure.interval)
        assert large[key].interval == pytest.approx((low, high), abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(spines)
def test_a_mirrored_film_of_a_patient_who_looks_the_other_way_measures_the_same(bodies):
    mirrored = mapped(bodies, np.diag([-1.0, 1.0]), (900.0, 0.0))
    assert_same(measured(bodies), measured(mirrored, Facing.LEFT))


@settings(deadline=None, max_examples=40)
@given(spines, st.floats(-500, 500), st.floats(-500, 500))
def test_shifting_changes_nothing(bodies, across, down):
    assert_same(measured(bodies), measured(mapped(bodies, np.eye(2), (across, down))))


@settings(deadline=None, max_examples=40)
@given(spines, st.floats(0.3, 2), st.floats(0.3, 2))
def test_pixels_of_any_shape_measure_the_same_millimetres(bodies, row_mm, column_mm):
    geometry = PixelGeometry((row_mm, column_mm), are_lengths_true=True)
    squeezed = mapped(bodies, np.diag([1 / column_mm, 1 / row_mm]))
    assert_same(measured(bodies), measured(squeezed, geometry=geometry))


@settings(deadline=None, max_examples=40)
@given(angles, angles, st.floats(-15, 15))
def test_the_parts_of_a_curve_add_up(discs, wedges, first):
    found = measured(from_corners(bent_column(discs, wedges, first)))
    cobb = found[("cobb_c2_c7", ("C2", "C7"))].value
    assert cobb == pytest.approx(sum(discs[:5]) + sum(wedges[:5]), abs=1e-6)
    angles_of_discs = [m.value for (code, _), m in found.items() if code == "disc_angle"]
    assert angles_of_discs == pytest.approx(discs, abs=1e-6)
    slope = found[("c7_slope", ("C7",))].value
    assert slope == pytest.approx(first + sum(discs[:5]) + sum(wedges[:4]), abs=1e-6)


def segmental_sum(found, levels):
    """Return the sum of the angles from body to body between the first and the last level."""
    return sum(found[("body_segmental_angle", pair)].value for pair in pairwise(levels))


looking = st.sampled_from(Facing)


@settings(deadline=None, max_examples=60)
@given(columns, turns, looking)
def test_segments_of_the_neck_add_up_to_the_cobb_angle(bodies, angle, facing):
    turned = mapped(bodies, turn(angle))
    if facing is Facing.LEFT:
        turned = mapped(turned, np.diag([-1.0, 1.0]), (900.0, 0.0))
    found = measured(turned, facing)
    cobb = found[("cobb_c2_c7", ("C2", "C7"))].value
    assert segmental_sum(found, NECK) == pytest.approx(cobb, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(backs, turns, looking)
def test_segments_of_the_back_add_up_to_the_lordosis(bodies, angle, facing):
    turned = mapped(bodies, turn(angle))
    if facing is Facing.LEFT:
        turned = mapped(turned, np.diag([-1.0, 1.0]), (900.0, 0.0))
    found = measured(turned, facing)
    lordosis = found[("lumbar_lordosis_l1_s1", ("L1", "S1"))].value
    assert segmental_sum(found, BACK) == pytest.approx(lordosis, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(backs)
def test_no_level_of_the_back_is_judged_by_limits_of_the_neck(bodies):
    angles = [m for (code, _), m in measured(bodies).items() if code == "body_segmental_angle"]
    assert len(angles) == len(BACK) - 1
    assert all(m.severity is None for m in angles)


@settings(deadline=None, max_examples=40)
@given(spines)
def test_intervals_hold_the_value(bodies):
    for measure in measured(bodies).values():
        low, high = measure.interval
        assert low <= measure.value + 1e-9
        assert measure.value <= high + 1e-9


def placed_by_network(bodies, confidences):
    """The same bodies with corners of the network; each body is as sure as its number says."""
    sure = zip(bodies, confidences, strict=False)
    return tuple(
        replace(
            body,
            landmarks=tuple(
                replace(m, source=LandmarkSource.NETWORK, confidence=c) for m in body.landmarks
            ),
        )
        for body, c in sure
    )


found_spines = st.builds(
    placed_by_network, spines, st.lists(st.floats(0.3, 0.9), min_size=7, max_size=7)
)


def number_of(measure):
    return measure.value, measure.interval


@settings(deadline=None, max_examples=60)
@given(found_spines, st.integers(0, 6), matrices)
def test_a_change_of_another_body_leaves_value_and_interval_to_the_last_digit(bodies, at, change):
    at %= len(bodies)
    scale, right, down = change
    moved = mapped((bodies[at],), scale * np.eye(2), (right / 30, down / 30))[0]
    edited = measured((*bodies[:at], moved, *bodies[at + 1 :]))
    others = [
        (key, measure)
        for key, measure in measured(bodies).items()
        if all(point.body != moved.name for point in measure.points)
    ]
    assert others
    for key, measure in others:
        if key in edited:
            assert number_of(edited[key]) == number_of(measure), key


@settings(deadline=None, max_examples=60)
@given(found_spines, st.integers(1, 6))
def test_a_body_that_is_not_there_leaves_the_others_to_the_last_digit(bodies, at):
    at %= len(bodies)
    fewer = measured((*bodies[:at], *bodies[at + 1 :]))
    whole = measured(bodies)
    common = [key for key in fewer.keys() & whole.keys() if fewer[key].points == whole[key].points]
    assert common
    for key in common:
        assert number_of(fewer[key]) == number_of(whole[key]), key


@settings(deadline=None, max_examples=40)
@given(found_spines)
def test_the_order_of_bodies_leaves_measures_of_the_whole_neck_to_the_last_digit(bodies):
    whole, turned = measured(bodies), measured(bodies[::-1])
    spanning = [
        key for key, m in whole.items() if m.definition.extent in (Extent.SPINE, Extent.SPAN)
    ]
    assert spanning
    for key in spanning:
        assert number_of(turned[key]) == number_of(whole[key]), key


@settings(deadline=None, max_examples=40)
@given(found_spines)
def test_a_mirrored_film_has_the_same_intervals(bodies):
    mirrored = measured(mapped(bodies, np.diag([-1.0, 1.0]), (900.0, 0.0)), Facing.LEFT)
    for key, measure in measured(bodies).items():
        assert mirrored[key].interval == pytest.approx(measure.interval, abs=1e-6), key


@settings(deadline=None, max_examples=40)
@given(columns)
def test_an_even_bend_is_no_slip(bodies):
    even = from_corners(bent_column([4.0] * 6, [2.0] * 6))
    listheses = [m.value for (code, _), m in measured(even).items() if code == "translation"]
    assert listheses[1:] == pytest.approx([0] * 5, abs=0.2)
    assert all(m.value is not None for m in measured(bodies).values())
