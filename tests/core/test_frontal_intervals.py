"""Intervals of frontal films: what is compared with the reader, and which films may be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from spinealign.cli import main as cli
from spinealign.domain.errors import DataSetError
from spinealign.domain.examination import ExaminationKind
from spinealign.domain.findings import Landmark, LandmarkSource, Vertebra, VertebraState
from spinealign.domain.measures import MeasureCode
from spinealign.inference.catalog import read_card, write_card
from spinealign.training import frontal_intervals, interval_factors
from spinealign.training.frontal_films import FrontalFilm
from spinealign.training.frontal_intervals import (
    FoundColumn,
    calibrate,
    found_columns,
    readers_bodies,
    refuse_known_films,
    scored_values,
)
from tests.cards import classifier_card
from tests.coronal import RING
from tests.examinations import FRONTAL, LATERAL_NECK
from tests.frontal import drawn_film

FILM = drawn_film()
CURVES = {
    MeasureCode.CURVE_PROXIMAL_THORACIC, MeasureCode.CURVE_MAIN_THORACIC,
    MeasureCode.CURVE_THORACOLUMBAR, MeasureCode.CURVE_LUMBAR,
}  # fmt: skip


def found(film: FrontalFilm, spread: float = 0.0, seed: int = 0, names: int = 0) -> FoundColumn:
    """Return the reader's bodies as the program found them, displaced and perhaps misnamed."""
    noise = np.random.default_rng(seed).normal(0, spread, film.corners.shape)
    bodies = tuple(
        Vertebra(
            film.levels[(place + names) % len(film.levels)], place + 1,
            tuple((float(x), float(y)) for x, y in ring),
            tuple(
                Landmark(name, float(x), float(y), 0.8, LandmarkSource.NETWORK)
                for name, (x, y) in zip(RING, ring, strict=True)
            ),
            0.9, VertebraState.COMPLETE,
        )
        for place, ring in enumerate(film.corners + noise)
    )  # fmt: skip
    return FoundColumn(film, bodies)


def test_the_readers_own_corners_have_no_error_and_a_spread() -> None:
    scored = scored_values(found(FILM), FRONTAL)
    codes = {one.code for one in scored}
    assert codes & CURVES
    assert {MeasureCode.T1_TILT, MeasureCode.L5_TILT, MeasureCode.CHALLENGE_COBB_1} <= codes
    assert [one.error for one in scored] == pytest.approx([0.0] * len(scored), abs=1e-6)
    assert all(one.spread > 0 for one in scored)


def test_displaced_corners_have_errors_of_the_size_of_their_spread() -> None:
    scored = [one for seed in range(6) for one in scored_values(found(FILM, 2.0, seed), FRONTAL)]
    curves = [one for one in scored if one.code in CURVES]
    assert 0.1 < np.mean([one.score for one in curves]) < 4


def test_misnamed_bodies_are_left_out_and_the_film_counted() -> None:
    misnamed = found(FILM, names=1)
    assert not misnamed.is_named_right
    assert scored_values(misnamed, FRONTAL) == []
    assert found(FILM).is_named_right


def test_a_doubtful_body_is_no_truth() -> None:
    film = replace(FILM, doubtful=frozenset({"T1"}))
    assert [body.level for body in readers_bodies(film)] == list(FILM.levels[1:])
    codes = {one.code for one in scored_values(found(film), FRONTAL)}
    assert MeasureCode.T1_TILT not in codes
    assert MeasureCode.L5_TILT in codes


def columns(patients: int, films_each: int = 1) -> list[FoundColumn]:
    return [
        found(replace(FILM, name=f"ap {n}", patient=str(n // films_each)), 1.5, n)
        for n in range(patients * films_each)
    ]


def test_a_card_gets_the_factors_and_keeps_them_in_its_file(tmp_path: Path) -> None:
    card, lines = calibrate(replace(classifier_card(), name="tiny"), columns(20), FRONTAL)
    factors = card.interval_factors
    assert CURVES | {MeasureCode.T1_TILT, MeasureCode.L5_TILT} <= factors.keys()
    assert len({factors[code].factor for code in CURVES}) == 1
    assert factors[MeasureCode.T1_TILT].sources == (frontal_intervals.SOURCE,)
    assert lines[-1].startswith("20 of 20 films of 20 patients named right")
    folder = tmp_path / "tiny"
    folder.mkdir()
    write_card(folder, card)
    assert read_card(folder).interval_factors == factors


def test_a_patient_is_left_out_whole_for_the_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = set()
    wanted = interval_factors.coverage_left_out

    def watched(values, unit_of):
        asked.update(unit_of(one) for one in values)
        return wanted(values, unit_of)

    monkeypatch.setattr(interval_factors, "coverage_left_out", watched)
    calibrate(replace(classifier_card(), name="tiny"), columns(12, 2), FRONTAL)
    assert asked == {str(number) for number in range(12)}


@pytest.mark.parametrize(
    ("left_out", "parts", "is_refused"),
    [
        (["held out", "0"], ["held out"], False),
        (["held out", "0"], ["held out", "0"], False),
        (["held out"], ["held out", "0"], True),
        ([], ["held out"], True),
    ],
)
def test_films_that_the_network_was_trained_on_are_refused(
    left_out: list[str], parts: list[str], is_refused: bool
) -> None:
    card = replace(classifier_card(), name="tiny", training={"left_out": left_out})
    if not is_refused:
        refuse_known_films(card, parts)
        return
    with pytest.raises(DataSetError, match="Choose another --part"):
        refuse_known_films(card, parts)


def test_every_film_is_looked_at() -> None:
    films = [replace(FILM, name=f"ap {n}") for n in range(3)]
    asked = []
    seen = found_columns(films, lambda image: asked.append(image.shape) or found(FILM).bodies)
    assert [one.film for one in seen] == films
    assert asked == [FILM.pixels.shape] * 3


@pytest.mark.parametrize(("kind", "ran"), [(FRONTAL.kind, 7), (LATERAL_NECK.kind, 8)])
def test_the_command_goes_by_the_kind_of_the_model(
    kind: ExaminationKind, ran: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = replace(classifier_card(), examinations=(kind,))
    monkeypatch.setattr(frontal_intervals, "card_of", lambda folder: card)
    monkeypatch.setattr(frontal_intervals, "run", lambda options: 7)
    monkeypatch.setattr(interval_factors, "run", lambda options: 8)
    assert cli.run_command(["train", "interval-factors", "--model", "m", "--data", "d"]) == ran
