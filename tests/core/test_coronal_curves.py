"""Curves of a frontal film: where they end, which way they bend, and what is measured of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.comparison import published_limit
from spinealign.domain.curve_regions import kind_of
from spinealign.domain.examination import Plane
from spinealign.domain.findings import (
    Corrections,
    Vertebra,
    VertebraState,
)
from spinealign.domain.measurements import (
    Drawing,
    DrawingTool,
    IntervalRule,
    PictureSide,
    UnmeasurableReason,
)
from spinealign.domain.measures import MeasureCode, SeverityGrade
from spinealign.measure.alignment import MEASURED_IN, MeasuredBodies
from spinealign.measure.correction.changes import (
    add_vertebra,
    add_vertebra_at,
    missing_landmarks,
)
from spinealign.measure.geometry.coronal_curves import coronal_curves, turning_points
from spinealign.measure.geometry.plane import PixelGeometry
from tests.coronal import DOUBLE, LEVELS, RING, WIDTH, bodies, column, measured


def test_ends_apex_and_side_of_a_double_curve() -> None:
    _, thoracic, lumbar, _ = coronal_curves(column(DOUBLE))
    assert [LEVELS[place] for place in (thoracic.upper, thoracic.lower)] == ["T5", "T11"]
    assert thoracic.angle_deg == pytest.approx(50)
    assert [LEVELS[place] for place in thoracic.apex] == ["T8"]
    assert [LEVELS[place] for place in (lumbar.upper, lumbar.lower)] == ["T11", "L3"]
    assert lumbar.angle_deg == pytest.approx(-36)


def test_a_curve_that_turns_right_side_down_is_convex_to_the_right() -> None:
    corners = column(DOUBLE)
    curve = max(coronal_curves(corners), key=lambda one: one.angle_deg)
    centres = corners.mean(axis=1)
    ends = centres[[curve.upper, curve.lower], 0]
    assert centres[curve.apex[0], 0] > ends.max()


@given(st.lists(st.floats(-40, 40), min_size=3, max_size=17))
def test_mirrored_films_bend_the_other_way(tilts: list[float]) -> None:
    corners = column(tilts)
    mirrored = corners[:, (1, 0, 3, 2)] * np.array([-1.0, 1.0])
    one, other = coronal_curves(corners), coronal_curves(mirrored)
    assert [c.angle_deg for c in one] == pytest.approx([-c.angle_deg for c in other])
    assert [(c.upper, c.lower) for c in one] == [(c.upper, c.lower) for c in other]


@given(st.lists(st.floats(-40, 40), min_size=3, max_size=17))
def test_curves_follow_each_other_and_alternate(tilts: list[float]) -> None:
    curves = coronal_curves(column(tilts))
    for above, below in pairwise(curves):
        assert above.lower <= below.upper
    for curve in curves:
        assert curve.lower - curve.upper >= 2
        assert all(curve.upper < place < curve.lower for place in curve.apex)


def test_small_turns_are_no_ends() -> None:
    assert turning_points(np.array([0.0, 10, 8, 20, 0]), 5) == [0, 3, 4]
    assert turning_points(np.array([0.0, 10, 4, 20, 0]), 5) == [0, 1, 2, 3, 4]
    assert turning_points(np.array([0.0, 3, 1]), 5) == []


def test_the_steepest_endplate_beside_the_turn_is_the_end() -> None:
    corners = column([-20, -22, -20, -10, 0, 10, 20, 22, 20])
    # The inferior endplate of the last body falls by 8 degrees more than its superior one.
    left, right = corners[8, 3], corners[8, 2].copy()
    corners[8, 2] = left + 60 * np.array([np.cos(np.radians(28)), np.sin(np.radians(28))])
    assert right[1] < corners[8, 2, 1]
    (curve,) = coronal_curves(corners)
    assert curve.lower == 8
    assert curve.angle_deg == pytest.approx(50)


def test_an_apex_between_two_bodies_is_their_disc() -> None:
    (curve,) = coronal_curves(column([-25, -15, -5, 5, 15, 25]))
    assert curve.apex == (2, 3)


@pytest.mark.parametrize(
    ("apex", "kind"),
    [
        (("T5",), MeasureCode.CURVE_PROXIMAL_THORACIC),
        (("T5", "T6"), MeasureCode.CURVE_MAIN_THORACIC),
        (("T11",), MeasureCode.CURVE_MAIN_THORACIC),
        (("T11", "T12"), MeasureCode.CURVE_MAIN_THORACIC),
        (("T12",), MeasureCode.CURVE_THORACOLUMBAR),
        (("L1",), MeasureCode.CURVE_THORACOLUMBAR),
        (("L1", "L2"), MeasureCode.CURVE_LUMBAR),
        (("L4",), MeasureCode.CURVE_LUMBAR),
    ],
)
def test_the_apex_names_the_curve(apex: tuple[str, ...], kind: MeasureCode) -> None:
    assert kind_of(apex) is kind


def test_measures_of_a_double_curve() -> None:
    found = measured(bodies(column(DOUBLE)))
    thoracic = found[MeasureCode.CURVE_MAIN_THORACIC]
    assert thoracic.value == pytest.approx(50)
    assert thoracic.levels == ("T5", "T11")
    assert thoracic.curve is not None
    assert thoracic.curve.apex == ("T8",)
    assert thoracic.curve.convex_to is PictureSide.RIGHT
    assert thoracic.severity is not None
    assert thoracic.severity.grade is SeverityGrade.CURVE_OVER_45
    assert thoracic.interval is not None
    assert thoracic.interval[0] < 50 < thoracic.interval[1]
    other = found[MeasureCode.CURVE_THORACOLUMBAR]
    assert other.value == pytest.approx(36)
    assert other.curve is not None
    assert other.curve.convex_to is PictureSide.LEFT
    assert found[MeasureCode.T1_TILT].value == pytest.approx(0)
    assert found[MeasureCode.CHALLENGE_COBB_1].value == pytest.approx(50)


def test_tilts_are_positive_with_the_right_side_low() -> None:
    found = measured(bodies(column([7.0, *DOUBLE[1:-1], -9.0])))
    assert found[MeasureCode.T1_TILT].value == pytest.approx(7)
    assert found[MeasureCode.L5_TILT].value == pytest.approx(-9)


def test_a_turned_film_changes_tilts_and_no_curve() -> None:
    found = bodies(column(DOUBLE))
    straight, turned = measured(found), measured(found, upright_deg=5.0)
    for code in (MeasureCode.CURVE_MAIN_THORACIC, MeasureCode.CURVE_THORACOLUMBAR):
        assert turned[code].value == pytest.approx(straight[code].value)
    assert abs(turned[MeasureCode.T1_TILT].value or 0) == pytest.approx(5)


def test_a_curve_is_the_same_on_another_film_with_other_ends() -> None:
    one = measured(bodies(column(DOUBLE)))[MeasureCode.CURVE_MAIN_THORACIC]
    other = measured(bodies(column([0, *DOUBLE[:-1]])))[MeasureCode.CURVE_MAIN_THORACIC]
    assert one.levels != other.levels
    assert one.key == other.key
    limit = published_limit(one.definition)
    assert limit is not None
    assert limit.half_width == 5.0


PLUMB = Drawing(DrawingTool.PLUMB_POINTS, 1, ((290.0, 10.0), (320.0, 1000.0)))


def test_balance_needs_points_of_a_person() -> None:
    without = measured(bodies(column(DOUBLE)))
    for code in (MeasureCode.CORONAL_BALANCE, MeasureCode.APICAL_TRANSLATION):
        why = without[code].unmeasurable
        assert why is not None
        assert why.reason is UnmeasurableReason.PLUMB_POINTS_MISSING


def test_balance_is_measured_across_and_in_millimetres() -> None:
    found = measured(bodies(column(DOUBLE)), (PLUMB,), spacing=(0.5, 0.8))
    balance = found[MeasureCode.CORONAL_BALANCE]
    assert balance.value == pytest.approx(-30 * 0.8)
    assert balance.unit == "mm"
    assert balance.severity is not None  # 24 mm to the left count as much as to the right
    assert balance.severity.grade is SeverityGrade.IMBALANCE_OVER_20_MM
    assert all(point.source == "user" for point in balance.points)


def test_apex_of_a_thoracic_curve_is_measured_from_c7_and_of_others_from_the_sacrum() -> None:
    corners = column(DOUBLE)
    taken = MEASURED_IN[Plane.CORONAL](
        MeasuredBodies(
            bodies(corners), None, PixelGeometry(), None, None, (PLUMB,), IntervalRule(), None
        )
    )
    away = {one.levels: one.value for one in taken if one.code is MeasureCode.APICAL_TRANSLATION}
    x = {level: float(ring[:, 0].mean()) for level, ring in zip(LEVELS, corners, strict=True)}
    assert away[("T8",)] == pytest.approx(x["T8"] - 290)
    lower = next(one.curve for one in taken if one.code is MeasureCode.CURVE_THORACOLUMBAR)
    assert lower is not None
    middle = np.mean([x[level] for level in lower.apex])
    assert away[lower.apex] == pytest.approx(middle - 320)


def test_trunk_shift_is_that_of_the_middle_of_the_chest() -> None:
    chest = Drawing(DrawingTool.CHEST_EDGES, 1, ((100.0, 500.0), (480.0, 505.0)))
    found = measured(bodies(column(DOUBLE)), (PLUMB, chest))
    assert found[MeasureCode.TRUNK_SHIFT].value == pytest.approx(290 - 320)
    alone = measured(bodies(column(DOUBLE)), (PLUMB,))[MeasureCode.TRUNK_SHIFT].unmeasurable
    assert alone is not None
    assert alone.reason is UnmeasurableReason.CHEST_EDGES_MISSING


def test_the_challenge_takes_the_bodies_that_are_there() -> None:
    found = measured(bodies(column(DOUBLE)[1:], LEVELS[1:]))
    assert found[MeasureCode.CHALLENGE_COBB_1].value == pytest.approx(50)
    assert found[MeasureCode.CURVE_MAIN_THORACIC].value == pytest.approx(50)
    few = measured(bodies(column(DOUBLE)[:2], LEVELS[:2]))
    why = few[MeasureCode.CHALLENGE_COBB_1].unmeasurable
    assert why is not None
    assert why.bodies == LEVELS[2:]


def test_without_levels_the_largest_curve_is_measured_by_numbers() -> None:
    placed = bodies(column(DOUBLE))
    unnamed = [replace(body, level=None) for body in placed]
    named, found = measured(placed), measured(unnamed)
    largest = found[MeasureCode.CURVE_UNNAMED]
    curves = [m for m in named.values() if m.curve is not None and m.value is not None]
    assert largest.value == pytest.approx(max(m.value or 0.0 for m in curves))
    assert all(name.startswith("body ") for name in largest.levels)
    assert MeasureCode.CURVE_MAIN_THORACIC not in found
    assert found[MeasureCode.CHALLENGE_COBB_1].value == pytest.approx(50)
    assert MeasureCode.CURVE_UNNAMED not in named


def test_a_body_added_on_a_frontal_film_has_corners_left_and_right() -> None:
    corners = column(DOUBLE)
    whole = bodies(corners)
    kept = (*whole[:7], *whole[8:])
    missing = [tuple(float(v) for v in point) for point in corners[7]]
    shuffled = [missing[place] for place in (2, 0, 3, 1)]
    start = Corrections(tuple(replace(b, index=k) for k, b in enumerate(kept, start=1)))
    added = add_vertebra(start, shuffled, Plane.CORONAL).vertebrae[7]
    assert added.level == "T8"
    assert [(mark.name, mark.x, mark.y) for mark in added.landmarks] == [
        (name, x, y) for name, (x, y) in zip(RING, missing, strict=True)
    ]
    assert missing_landmarks(added) == ()
    with pytest.raises(ValueError, match="points"):
        add_vertebra(start, shuffled[:3], Plane.CORONAL)


def test_a_body_of_a_frontal_film_is_added_like_its_neighbours() -> None:
    corners = column(DOUBLE)
    whole = bodies(corners)
    start = Corrections(
        tuple(replace(b, index=k) for k, b in enumerate((*whole[:7], *whole[8:]), start=1))
    )
    x, y = corners[7].mean(axis=0)
    added = add_vertebra_at(start, float(x), float(y), plane=Plane.CORONAL).vertebrae[7]
    placed = np.array([(mark.x, mark.y) for mark in added.landmarks])
    assert placed == pytest.approx(corners[7], abs=2.5)


def test_lateral_bodies_lack_no_frontal_corner() -> None:
    lateral = Vertebra("L1", 1, ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)), (), 1.0, VertebraState.ADDED)
    assert not {*missing_landmarks(lateral)} & {*RING}


def test_a_turn_between_equal_bodies_is_one_turn() -> None:
    assert turning_points(np.array([0.0, 10, 10, 0]), 5) == [0, 2, 3]


def wedged(ring: np.ndarray, superior_deg: float, inferior_deg: float) -> None:
    """Turn the endplates of a body about their left corners."""
    for left, right, tilt in ((0, 1, superior_deg), (3, 2, inferior_deg)):
        angle = np.radians(tilt)
        ring[right] = ring[left] + WIDTH * np.array([np.cos(angle), np.sin(angle)])


def test_curves_do_not_overlap_where_endplates_beside_their_border_are_steeper() -> None:
    corners = column([-20, -10, 0, 10, 20, 10, 0, -10, -20])
    wedged(corners[3], 28, -8)
    wedged(corners[5], -8, 28)
    upper, lower = coronal_curves(corners)
    assert (upper.lower, lower.upper) == (4, 4)
