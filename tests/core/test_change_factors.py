"""Errors of a change: which pairs count, what their error is, and what is written into a card."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from spinealign.domain.findings import Facing
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import MeasureCode
from spinealign.domain.model_card import ModelCard
from spinealign.radiograph import VertebraOutlines, changes_of
from spinealign.training.change_factors import (
    ScoredPair,
    calibrated,
    exposure,
    held_left_out,
    moved,
    pairs_of_exposures,
    pairs_of_films,
    pairs_of_sequences,
    report,
    with_factors,
)
from spinealign.training.interval_factors import ScoredValue
from spinealign.training.spine_films import HEAD_SOURCE, from_outlined
from spinealign.training.xray_angles import as_vertebra
from tests.cards import classifier_card
from tests.films import ColumnShape, make_film
from tests.phantoms import mr_analysis

COBB, SLOPE = MeasureCode.COBB_C2_C7, MeasureCode.C7_SLOPE
FILM = from_outlined(
    make_film(ColumnShape(("C2", "C3", "C4", "C5", "C6", "C7"), (420, 240))),
    HEAD_SOURCE, is_continued=True,
)  # fmt: skip


def value(film, found, truth=10.0, spread=3.0, limit=100.0, code=COBB):
    return ScoredValue(film, "home", code, found, truth, spread, limit)


def pair(name, error, spread=1.0, code=COBB):
    return ScoredPair((name,), "made up", code, error, spread)


def test_the_error_of_two_films_is_the_programs_difference_less_the_readers():
    found = pairs_of_films([value("a", 12.0), value("b", 25.0, truth=20.0, spread=4.0)], {})
    [one] = found
    assert one.error == pytest.approx((12 - 10) - (25 - 20))
    assert one.spread == pytest.approx(5.0)
    assert one.score == pytest.approx(0.6)
    assert one.patients == ("a", "b")


def test_values_of_one_film_are_no_pair_and_withheld_ones_do_not_count():
    same = [value("a", 12.0), value("a", 14.0)]
    assert pairs_of_films(same, {}) == []
    wide = [value("a", 12.0, limit=5.0), value("b", 12.0)]
    assert pairs_of_films(wide, {COBB: 2.0}) == []
    assert len(pairs_of_films(wide, {COBB: 1.5})) == 1


def test_measures_are_paired_with_their_own_kind_only():
    mixed = [value("a", 12.0), value("b", 12.0, code=SLOPE)]
    assert pairs_of_films(mixed, {}) == []
    alike = [value("a", 12.0), value("b", 12.0, code=MeasureCode.COBB_C2_LOWEST)]
    assert len(pairs_of_films(alike, {})) == 1


def test_points_come_back_from_an_exposure_to_where_they_were():
    pixels, there = exposure(FILM.pixels, 7)
    assert pixels.shape == FILM.pixels.shape
    assert not np.array_equal(pixels, FILM.pixels)
    again, same = exposure(FILM.pixels, 7)
    assert np.array_equal(again, pixels)
    assert np.array_equal(same, there)
    body = as_vertebra(FILM.bodies[2])
    back = np.linalg.inv(np.vstack([there, (0, 0, 1)]))[:2]
    home = moved(moved(body, there), back)
    for mark, kept in zip(home.landmarks, body.landmarks, strict=True):
        assert (mark.x, mark.y) == pytest.approx((kept.x, kept.y))


def test_a_program_that_follows_the_exposure_exactly_repeats_itself():
    bodies = tuple(as_vertebra(body) for body in FILM.bodies)
    seeds = iter(range(3))

    def find(image, levels):
        import zlib

        seed = zlib.crc32(f"{FILM.name} {next(seeds)}".encode())
        _, there = exposure(FILM.pixels, seed)
        return VertebraOutlines(
            vertebrae=tuple(moved(body, there) for body in bodies), facing=Facing.RIGHT
        )

    found = list(pairs_of_exposures(FILM, find))
    assert {COBB, MeasureCode.BODY_SEGMENTAL_ANGLE} <= {one.code for one in found}
    assert max(abs(one.error) for one in found) < 1e-6


def test_the_error_of_two_sequences_is_their_whole_difference():
    def analysis(angle, **changes):
        measures = (
            Measurement(SLOPE, angle, "deg", interval=(angle - 2, angle + 1.96)),
            Measurement(MeasureCode.DISC_HEIGHT, 9.0, "px", ("L4", "L5"), interval=(8, 10)),
        )
        return replace(mr_analysis(), measurements=measures, **changes)

    [one] = pairs_of_sequences("7", [analysis(10.0), analysis(13.0)])
    assert (one.code, one.error, one.patients) == (SLOPE, 3.0, ("7",))
    assert one.spread == pytest.approx(np.hypot(1, 1), abs=1e-4)
    assert not list(pairs_of_sequences("7", [analysis(1.0), analysis(2.0, levels_uncertain=True)]))


def test_a_factor_needs_nineteen_patients_and_holds_95_percent():
    few = [pair(str(i), float(i)) for i in range(18)]
    assert calibrated(few) == {}
    many = [pair(str(i), float(i), spread=2.0) for i in range(1, 41)]
    again = [pair(str(i), 1.0) for i in range(5)]
    found = calibrated(many, again)[COBB]
    assert found.factor == pytest.approx(39 / 2)
    assert (found.repeated, found.patients, found.pairs) == (1.0, 40, 40)
    assert calibrated(many)[MeasureCode.COBB_C2_C6] == calibrated(many)[COBB]


def test_a_patient_is_held_only_by_factors_of_others():
    alike = [pair(str(i), 1.0) for i in range(20)]
    assert held_left_out(alike) == 1.0
    assert held_left_out([*alike, pair("outlier", 50.0)]) == pytest.approx(20 / 21)


def test_factors_go_into_the_card_and_come_back_for_measures_of_their_quantity():
    many = [pair(str(i), float(i)) for i in range(1, 41)]
    card = with_factors(classifier_card(), many, [])
    again = ModelCard.from_json(card.to_json())
    assert again.change_factors == card.change_factors
    factors = changes_of(again)
    assert factors[COBB] == factors[MeasureCode.T1_SLOPE] == 39.0
    assert MeasureCode.TRANSLATION not in factors
    assert len(report(many)) == 2
