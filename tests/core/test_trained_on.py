"""A model's card tells which pictures it learned from, and what a training says at its end."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from spinealign.cli.data_options import LINE_EVERY_S, Told
from spinealign.cli.main import run_command
from spinealign.domain import trained_on
from spinealign.domain.findings import ModelStatus
from spinealign.domain.trained_on import KEY, is_learned_from, marks_of, picture_marks
from spinealign.inference.catalog import ModelStore
from spinealign.wording.trained import trained_lines

ONE, TWO = "0123456789abcdef" * 4, "f" * 64


def test_a_picture_is_known_again_by_its_content_alone():
    marks = marks_of({KEY: picture_marks([TWO, ONE, ONE])})
    assert len(marks) == 2
    assert is_learned_from(marks, ONE)
    assert not is_learned_from(marks, "1" + ONE[1:])
    assert not is_learned_from(marks_of({}), ONE)
    assert not is_learned_from(marks_of({KEY: "no list"}), ONE)


def test_of_too_many_pictures_none_is_named(monkeypatch):
    monkeypatch.setattr(trained_on, "MOST_PICTURES", 1)
    assert picture_marks([ONE]) == [ONE[:12]]
    assert picture_marks([ONE, TWO]) == []


@pytest.fixture
def card():
    return ModelStore().load("mr_segmentation").card


def test_a_training_ends_with_figures_status_and_what_is_next(card):
    figure = {"value": 0.738, "low": 0.565, "high": 0.905, "units": 23}
    metrics = {"held_out": {"auc": figure, "images": 30, "resampled": "patients"}, "note": "n"}
    told = replace(
        card, task="classification", status=ModelStatus.DEMONSTRATION, metrics=metrics, limits="L."
    )
    lines = trained_lines(told, Path("models/mine"), Path("w/results"))
    assert lines[0] == "Held out, 30 pictures: AUC 0.74 (0.56 to 0.91) (95 % intervals)"
    assert lines[1] == "Status: demonstration. L."
    assert "  spinealign evaluate models/mine DATA" in lines
    assert lines[-1].endswith("--model models/mine --demonstration")
    earned = replace(told, status=ModelStatus.INTERNALLY_VALIDATED)
    assert not trained_lines(earned, Path("m"), None)[-1].endswith("--demonstration")


def test_a_figure_that_is_not_defined_is_said_to_be(card):
    nothing = {"value": None, "low": None, "high": None, "units": 0}
    told = replace(card, metrics={"held_out": {"dice": {"disc": nothing}, "slices": 1}})
    (line, *_) = trained_lines(told, Path("m"), None)
    assert line == "Held out, 1 picture: Dice of disc not defined here (95 % intervals)"


def test_where_there_is_no_terminal_a_line_comes_every_few_seconds(capsys):
    now = [0.0]
    told = Told(lambda: now[0])
    for text in "abcd":
        told(text)
        now[0] += 0.6 * LINE_EVERY_S
    told.done()
    assert capsys.readouterr().err == "c\n"


def test_on_a_terminal_one_line_is_rewritten(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    told = Told()
    told("a")
    told.done()
    assert capsys.readouterr().err == "\r\033[Ka\r\033[K"


def test_an_unknown_kind_of_examination_is_answered_with_the_known_ones(capsys):
    words = ["package", "x.keras", "--classes", "a", "b", "--out", "o", "--examination", "knee"]
    assert run_command(words) == 2
    said = capsys.readouterr().err
    assert "'knee' is none of lateral-neck, neck-ct, spine-mr, lateral-spine" in said
    assert "_named" not in said
