"""Angles from found bodies against angles from outlined ones."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from spinealign.domain.findings import Facing
from spinealign.training import xray_angles
from spinealign.training.xray_angles import (
    COBB,
    SEGMENTAL,
    Comparison,
    agreement,
    as_vertebra,
    bland_altman,
    compare_measures,
    facing_of,
    limits_of_agreement,
    summarise_measures,
)
from spinealign.training.xray_data import AnnotatedBody
from spinealign.training.xray_evaluate import EvaluatedFilm, Score, as_case, move
from tests.films import make_film


def turned(body, degrees):
    """A body turned about its centre, clockwise as the picture is seen."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = body.outline.mean(axis=0)

    def about(points):
        return (points - centre) @ turn + centre

    return AnnotatedBody(body.level, about(body.outline), about(body.corners), body.uncertain)


def with_turned_lowest(case, degrees):
    bodies = (*case.bodies[:-1], turned(case.bodies[-1], degrees))
    return EvaluatedFilm(case.name, case.pixels, bodies, case.unknown)


def score(truth, found, side=None):
    side = side or facing_of(found.bodies)
    return Score(truth, tuple(as_vertebra(b) for b in found.bodies), side, 1.0, {})


def of(measure, comparisons):
    return [one for one in comparisons if one.measure == measure]


@pytest.fixture
def case():
    return as_case(make_film())


def test_the_same_bodies_have_the_same_measures(case):
    comparisons = compare_measures(score(case, case))
    assert {COBB, SEGMENTAL, "translation", "disc_height"} <= {c.measure for c in comparisons}
    assert [c.error for c in comparisons] == pytest.approx([0] * len(comparisons))
    assert all(c.is_covered for c in comparisons)


@pytest.mark.parametrize("degrees", [-12.0, 5.0], ids=["kyphotic", "lordotic"])
def test_a_turned_lowest_body_is_an_error_of_that_many_degrees(case, degrees):
    comparisons = compare_measures(score(case, with_turned_lowest(case, degrees)))
    assert [c.error for c in of(COBB, comparisons)] == pytest.approx([degrees])
    errors = {c.levels: c.error for c in of(SEGMENTAL, comparisons)}
    assert errors.pop(("C4", "C5")) == pytest.approx(degrees)
    assert list(errors.values()) == pytest.approx([0] * len(errors))


def test_a_mirrored_film_has_the_same_errors(case):
    mirror = np.array([[-1.0, 0, case.pixels.shape[1]], [0, 1, 0]])
    size = (case.pixels.shape[1], case.pixels.shape[0])
    found = with_turned_lowest(case, 5.0)
    there = compare_measures(score(case, found))
    back = compare_measures(score(move(case, mirror, size), move(found, mirror, size)))
    assert facing_of(move(case, mirror, size).bodies) is Facing.LEFT
    assert [c.error for c in back] == pytest.approx([c.error for c in there])


def test_only_levels_that_both_have_are_compared(case):
    short = EvaluatedFilm(case.name, case.pixels, case.bodies[:3], case.unknown)
    for comparisons in (
        compare_measures(score(case, short)),
        compare_measures(score(short, case, Facing.RIGHT)),
    ):
        assert [c.levels for c in of(COBB, comparisons)] == [("C2", "C4")]


@pytest.mark.parametrize("mirror", [1.0, -1.0], ids=["right", "left"])
def test_a_body_without_inferior_corners_does_not_turn_the_patient(case, mirror):
    bodies = [replace(body, corners=body.corners * (mirror, 1.0)) for body in case.bodies]
    sacrum = bodies[-1].corners.copy()
    sacrum[2:] = np.nan
    side = Facing.RIGHT if mirror > 0 else Facing.LEFT
    assert facing_of([*bodies, replace(bodies[-1], corners=sacrum)]) is side


def test_without_a_facing_no_angle_is_compared(case):
    found = Score(case, tuple(as_vertebra(b) for b in case.bodies), None, 1.0, {})
    assert not of(COBB, compare_measures(found))
    assert bland_altman([found]) is None


def comparison(film, error, half_width):
    found = 10.0 + error
    interval = (found - half_width, found + half_width)
    return Comparison(film, COBB, ("C2", "C5"), 10.0, found, interval)


def test_agreement_of_known_errors():
    films = [[comparison("a", 1.0, 2.0), comparison("a", -3.0, 2.0)], [comparison("b", 5.0, 6.0)]]
    figures = agreement(films)
    assert figures["values"] == 3
    assert figures["mean_absolute_error"]["value"] == 3.0
    assert figures["mean_absolute_error"]["units"] == 2
    assert figures["median_absolute_error"]["value"] == 3.0
    assert figures["bias"]["value"] == 1.0
    assert figures["limits_of_agreement"] == pytest.approx([-6.84, 8.84])
    assert figures["interval_coverage"]["value"] == pytest.approx(2 / 3, abs=1e-4)


@pytest.mark.parametrize(
    ("unsure", "sure"),
    [("C2", [True, True, True]), ("C4", [True, False, False])],
    ids=["dens", "body"],
)
def test_bodies_that_the_reader_was_unsure_of_are_told_apart(case, unsure, sure):
    bodies = tuple(replace(b, uncertain=b.level == unsure) for b in case.bodies)
    doubted = EvaluatedFilm(case.name, case.pixels, bodies, case.unknown)
    comparisons = of(SEGMENTAL, compare_measures(score(doubted, case)))
    assert [c.is_sure for c in comparisons] == sure
    assert agreement([comparisons])["sure"]["values"] == sum(sure)


def test_one_comparison_has_no_spread():
    assert limits_of_agreement([comparison("a", 2.0, 1.0)]) == (2.0, 2.0)


def test_summaries_name_only_what_was_measured(case):
    assert summarise_measures([]) == {}
    figures = summarise_measures([score(case, case)])
    names = set(figures)
    assert figures[COBB]["unit"] == "degrees"
    assert figures["disc_height"]["unit"] == "mean body heights of the film"
    assert names >= {COBB, SEGMENTAL}
    assert "sagittal_vertical_axis" not in names


def test_lengths_are_shares_of_the_body_height(case):
    double = np.array([[2.0, 0, 0], [0, 2, 0]])
    size = (2 * case.pixels.shape[1], 2 * case.pixels.shape[0])
    large = move(case, double, size)
    heights = [
        [c.truth for c in of("disc_height", compare_measures(score(one, one)))]
        for one in (case, large)
    ]
    assert heights[0] == pytest.approx(heights[1])


def test_the_picture_shows_a_point_for_every_angle(case, monkeypatch):
    drawn = []
    panel = xray_angles._draw_panel
    monkeypatch.setattr(xray_angles, "_draw_panel", lambda *a: (drawn.append(len(a[2])), panel(*a)))
    png = bland_altman([score(case, with_turned_lowest(case, d)) for d in (-3.0, 2.0, 4.0)])
    assert drawn == [3, 9]
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] > picture.shape[0] > 300
