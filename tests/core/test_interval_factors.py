"""Factors of intervals: which quantile, of which values, and into which card."""

import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from spinealign.domain.findings import (
    Facing,
    Landmark,
    LandmarkName,
    LandmarkSource,
    Vertebra,
    VertebraState,
)
from spinealign.domain.measures import MeasureCode
from spinealign.domain.model_card import ModelCard
from spinealign.inference.catalog import read_card, write_card
from spinealign.radiograph import VertebraOutlines
from spinealign.training import interval_factors
from spinealign.training.interval_factors import (
    FoundFilm,
    ScoredValue,
    calibrate,
    calibrated,
    coverage_left_out,
    factor_of,
    find,
    finders_of,
    quantile_95,
    report,
    scored_values,
)
from spinealign.training.spine_films import (
    HEAD_SOURCE,
    SPINE_SOURCE,
    fold_of_spine_films,
    from_outlined,
)
from spinealign.training.xray_data import CORNERS
from tests.cards import classifier_card
from tests.films import ColumnShape, make_film

SLOPE, COBB = MeasureCode.C7_SLOPE, MeasureCode.COBB_C2_C7
FILM = from_outlined(
    make_film(ColumnShape(("C2", "C3", "C4", "C5", "C6", "C7"), (420, 240))),
    HEAD_SOURCE, is_continued=True,
)  # fmt: skip


def value(score, film, code=SLOPE, source="home", spread=2.0, limit=math.inf):
    return ScoredValue(film, source, code, 10 + score * spread, 10.0, spread, limit)


def values(scores, **changes):
    """One value a film."""
    return [value(score, f"film {i}", **changes) for i, score in enumerate(scores)]


def test_a_score_counts_standard_deviations_either_way():
    above, below = value(1.5, "a"), value(-1.5, "b")
    assert (above.score, below.score) == (1.5, 1.5)
    assert above.error == 3.0


@pytest.mark.parametrize(
    ("count", "rank"), [(5, 5), (19, 19), (20, 20), (30, 29), (35, 34), (99, 95), (120, 115)]
)
def test_the_quantile_is_the_score_of_the_nearest_rank(count, rank):
    assert quantile_95(np.random.default_rng(0).permutation(np.arange(1.0, count + 1))) == rank


def test_one_film_far_off_does_not_widen_the_intervals_of_all():
    scores = [*np.linspace(0, 1.5, 34), 20.0]
    assert factor_of(values(scores)) == pytest.approx(1.5, abs=0.011)


def test_intervals_of_new_values_hold_95_percent():
    rng = np.random.default_rng(4)
    held = [
        np.mean(np.abs(rng.normal(0, 1.3, 200)) <= factor_of(values(rng.normal(0, 1.3, 40))))
        for _ in range(150)
    ]
    assert np.mean(held) == pytest.approx(0.95, abs=0.012)


def test_values_that_are_withheld_do_not_count():
    sure = values(np.linspace(0, 1.2, 40), limit=5.0)
    unsure = [value(6.0, f"unsure {i}", spread=9.0, limit=5.0) for i in range(20)]
    assert factor_of([*sure, *unsure]) == pytest.approx(factor_of(sure))
    told = [replace(one, limit=math.inf) for one in (*sure, *unsure)]
    assert factor_of(told) == pytest.approx(6.0, abs=0.011)


def test_where_too_few_values_would_be_given_all_count():
    unsure = values(np.linspace(0, 3, 30), spread=9.0, limit=1.0)
    assert factor_of(unsure) == quantile_95([one.score for one in unsure])


def test_a_measure_of_few_films_has_no_factor():
    few, many = values([1.0] * 18), values([1.0] * 19)
    assert calibrated(few) == {}
    assert calibrated(many)[SLOPE].films == 19
    twice = [one for one in few for _ in range(2)]
    assert calibrated(twice) == {}


def test_a_factor_says_what_it_comes_from():
    both = [*values([1.0] * 12), *values([2.0] * 12, source="three necks")]
    both = [replace(one, film=f"{one.source} {one.film}") for one in both]
    found = calibrated(both)[SLOPE]
    assert (found.films, found.values, found.sources) == (24, 24, ("home", "three necks"))
    assert found.factor == pytest.approx(2.0, abs=0.011)
    assert found.coverage == 1.0


def test_angles_between_endplates_share_a_factor_wherever_they_lie():
    codes = (COBB, MeasureCode.COBB_C2_C6, MeasureCode.LUMBAR_LORDOSIS_L1_S1)
    scores = zip(np.linspace(0.1, 2, 24), codes * 8, strict=True)
    found = calibrated([value(s, f"film {i}", code) for i, (s, code) in enumerate(scores)])
    assert len({one.factor for one in found.values()}) == 1
    assert {*codes, MeasureCode.COBB_C2_LOWEST, MeasureCode.THORACIC_KYPHOSIS_T5_T12} < set(found)
    assert SLOPE not in found


def test_coverage_leaves_a_film_out_of_its_own_factor():
    outlier = [*values([1.0] * 25), value(9.0, "far off"), value(9.0, "far off")]
    assert coverage_left_out(outlier, lambda one: one.film) == pytest.approx(25 / 27)
    assert coverage_left_out(values([1.0] * 25), lambda one: one.film) == 1.0


def test_the_report_has_a_line_for_each_measure_and_source():
    home = values(np.linspace(0, 2, 25), spread=3.0)
    necks = [replace(one, source="necks", film=f"n {one.film}") for one in home[:3]]
    head, *lines = report([*home, *necks])
    assert "left out" in head
    assert [line.split()[:2] for line in lines] == [["c7_slope", "home"], ["c7_slope", "necks"]]
    assert lines[0].endswith("-")
    assert "100%  6.000" in lines[1].split("|")[3]


def found_body(body, level=None, shift=(0.0, 0.0)):
    marks = tuple(
        Landmark(
            LandmarkName(name),
            float(x + shift[0]),
            float(y + shift[1]),
            0.6,
            LandmarkSource.NETWORK,
        )
        for name, (x, y) in zip(CORNERS, body.corners, strict=True)
        if np.isfinite(x)
    )
    outline = tuple(map(tuple, body.outline + shift))
    return Vertebra(level or body.level, 1, outline, marks, 0.9, VertebraState.COMPLETE)


def answer(*bodies, facing=Facing.RIGHT):
    return FoundFilm(FILM, VertebraOutlines(vertebrae=bodies, facing=facing))


def test_the_readers_own_points_have_no_error_and_a_spread():
    scored = scored_values(answer(*map(found_body, FILM.bodies)))
    assert {COBB, SLOPE, MeasureCode.TRANSLATION} <= {one.code for one in scored}
    assert [one.error for one in scored] == pytest.approx([0.0] * len(scored), abs=0.05)
    assert all(one.spread > 0 for one in scored)


def test_lengths_are_shares_of_a_body_and_have_limits_in_it():
    scored = scored_values(answer(*map(found_body, FILM.bodies)))
    height = next(one for one in scored if one.code is MeasureCode.BODY_HEIGHT_POSTERIOR)
    assert (height.found, height.limit) == (pytest.approx(1.0), pytest.approx(3 / 14))
    angle = next(one for one in scored if one.code is COBB)
    assert angle.limit == 8.2


def test_a_body_under_another_name_is_left_out_and_the_film_counted():
    *upper, lowest = FILM.bodies
    misnamed = answer(*map(found_body, upper), found_body(lowest, "T1"))
    assert not misnamed.is_named_right
    scored = scored_values(misnamed)
    assert scored
    assert all(one.code is not SLOPE for one in scored)
    assert answer(*map(found_body, FILM.bodies)).is_named_right


def test_levels_that_readers_of_whole_spines_guessed_are_no_truth():
    guessed = replace(FILM, source=SPINE_SOURCE, guessed=frozenset({"C7"}))
    bodies = VertebraOutlines(vertebrae=tuple(map(found_body, FILM.bodies)), facing=Facing.RIGHT)
    assert all(one.code is not SLOPE for one in scored_values(FoundFilm(guessed, bodies)))
    unsure = replace(guessed, source=HEAD_SOURCE)
    assert any(one.code is SLOPE for one in scored_values(FoundFilm(unsure, bodies)))


def test_a_card_gets_the_factors_and_keeps_them_in_its_file(tmp_path):
    rng = np.random.default_rng(2)
    films = [
        replace(
            answer(*(found_body(b, shift=rng.normal(0, 1.0, 2)) for b in FILM.bodies)),
            film=replace(FILM, name=f"film {i}"),
        )
        for i in range(20)
    ]
    card, lines = calibrate(replace(classifier_card(), name="tiny"), films)
    assert {COBB, SLOPE, MeasureCode.BODY_SEGMENTAL_ANGLE} <= set(card.interval_factors)
    assert card.interval_factors[SLOPE].films == 20
    assert "20 of 20 films named right" in lines[-1]
    folder = tmp_path / "tiny"
    folder.mkdir()
    write_card(folder, card)
    assert read_card(folder).interval_factors == card.interval_factors


def test_a_factor_that_is_none_refuses_the_card():
    card = classifier_card().to_json()
    factor = {"factor": 0.0, "films": 20, "values": 20, "coverage": 0.95, "sources": ["home"]}
    with pytest.raises(ValueError, match="factor"):
        ModelCard.from_json({**card, "interval_factors": {"c7_slope": factor}})
    with pytest.raises(ValueError, match="c8_slope"):
        ModelCard.from_json({**card, "interval_factors": {"c8_slope": {**factor, "factor": 1.0}}})


def test_a_whole_spine_is_judged_by_the_network_that_did_not_see_it(monkeypatch):
    monkeypatch.setattr(interval_factors, "_finder", lambda folder: folder)
    spines = [replace(FILM, name=f"{i}", source=SPINE_SOURCE) for i in range(10)]
    finders = finders_of([FILM, *spines], "all", ["fold0", "fold1", "fold2"])
    assert finders[FILM.name] == "all"
    for fold in range(3):
        aside = fold_of_spine_films([film.name for film in spines], fold)
        assert {name for name, folder in finders.items() if folder == f"fold{fold}"} == aside


def test_a_film_is_outlined_with_the_levels_of_its_examination():
    asked = []

    def finder(image, levels):
        asked.append((image.pixels.shape, levels))
        return VertebraOutlines()

    spine = replace(FILM, name="whole", source=SPINE_SOURCE)
    unseen = replace(spine, name="of a fold without a network")
    found = find([FILM, spine, unseen], {FILM.name: finder, "whole": finder})
    assert [one.film for one in found] == [FILM, spine]
    assert [(shape, levels[-1]) for shape, levels in asked] == [
        (FILM.pixels.shape, "T1"), (FILM.pixels.shape, "S1"),
    ]  # fmt: skip


def test_whole_spines_have_measures_of_their_own():
    levels = ("C2", *(f"T{number}" for number in range(5, 13)))
    film = from_outlined(
        make_film(ColumnShape(levels, (560, 240))), SPINE_SOURCE, is_continued=False
    )
    bodies = VertebraOutlines(vertebrae=tuple(map(found_body, film.bodies)), facing=Facing.RIGHT)
    kyphosis = MeasureCode.THORACIC_KYPHOSIS_T5_T12
    assert kyphosis in {one.code for one in scored_values(FoundFilm(film, bodies))}
    neck = replace(film, source=HEAD_SOURCE)
    assert kyphosis not in {one.code for one in scored_values(FoundFilm(neck, bodies))}
