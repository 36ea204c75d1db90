"""Figures of frontal films, on made-up answers."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn")

from spinealign.frontal import FRONTAL_LEVELS, FrontalBody, FrontalSpine
from spinealign.training import frontal_evaluate as evaluate
from spinealign.training import frontal_films as films
from tests.frontal import drawn_film


def found_of(film, shift=0.0, names=0, drop=()):
    return FrontalSpine(tuple(
        FrontalBody(FRONTAL_LEVELS[min(n + names, 16)], body + shift, 0.9)
        for n, (level, body) in enumerate(zip(film.levels, film.corners, strict=True))
        if level not in drop
    ))  # fmt: skip


def test_a_perfect_answer_has_no_error():
    film = drawn_film()
    score = evaluate.score_film(film, found_of(film))
    assert (score.found, score.named, score.strays, score.ends_off) == (17, 17, 0, 0)
    assert max(score.corner_errors) == 0
    assert evaluate.smape_percent([score]) == 0
    assert evaluate.errors_deg([score]).max() == 0


def test_errors_are_counted():
    film = drawn_film()
    moved = evaluate.score_film(film, found_of(film, shift=3.0))
    down = (film.corners[:, 2] + film.corners[:, 3] - film.corners[:, 0] - film.corners[:, 1]) / 2
    height = np.linalg.norm(down, axis=1).mean()
    assert np.median(moved.corner_errors) == pytest.approx(3 * np.sqrt(2) / height)
    renamed = evaluate.score_film(film, found_of(film, names=1, drop=("L5",)))
    assert (renamed.found, renamed.named) == (16, 0)
    assert renamed.ends_off == 1
    nothing = evaluate.score_film(film, FrontalSpine())
    assert nothing.found == 0
    assert nothing.ends_off > 1
    assert evaluate.smape_percent([nothing]) == pytest.approx(100)
    assert evaluate.errors_deg([nothing])[0, 0] == pytest.approx(nothing.truth_deg[0])


def test_names_are_judged_by_what_the_film_shows_too(monkeypatch):
    monkeypatch.setattr(films, "_NAMES_MOVED", {"ap_061": 1})
    film = replace(drawn_film(), name="ap_061")
    as_marked = evaluate.score_film(film, found_of(film))
    assert (as_marked.named, as_marked.seen, as_marked.named_as_seen) == (17, 16, 0)
    moved = evaluate.score_film(film, found_of(film, names=1, drop=("L5",)))
    assert (moved.named, moved.seen, moved.named_as_seen) == (0, 16, 16)
    row = evaluate.figures([moved])
    assert row["every body named as the film shows"]["value"] == 1
    assert row["every body found and named"]["value"] == 0


def test_figures_and_pictures_of_some_films():
    film = drawn_film()
    films_ = [replace(film, name=f"ap_{n:03}", patient=str(n)) for n in range(4)]
    scores = [evaluate.score_film(f, found_of(f, drop=("T4",) if n else ()), 0.1)
              for n, f in enumerate(films_)]  # fmt: skip
    row = evaluate.figures(scores)
    assert row["every body found"]["value"] == 0.25
    assert row["every body found"]["units"] == 4
    assert sum(map(len, evaluate.by_severity(scores).values())) == 4
    assert "SMAPE" in evaluate.as_text(row)
    assert evaluate.bland_altman(scores).startswith(b"\x89PNG")
