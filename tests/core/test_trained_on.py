"""A model's card tells which pictures it learned from, and what a training says at its end."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from spinealign.cli.data_options import LINE_EVERY_S, Told
from spinealign.cli.main import run_command
from spinealign.domain import trained_on
from spinealign.domain.findings import ModelStatus
from spinealign.domain.trained_on import (
    CONTENT_KEY,
    KEY,
    content_marks,
    learned_from,
    picture_marks,
)
from spinealign.evaluation.familiar import Familiar
from spinealign.imaging.likeness import content_mark, moved_marks
from spinealign.imaging.read import read_image
from spinealign.inference.catalog import ModelStore
from spinealign.wording.evaluation import COPIES_NOT_KNOWN
from spinealign.wording.models import figure_text
from spinealign.wording.trained import trained_lines
from tests.data_sets import draw_slice, encoded

ONE, TWO = "0123456789abcdef" * 4, "f" * 64


def test_a_picture_is_known_again_by_its_content_alone():
    known = learned_from({KEY: picture_marks([TWO, ONE, ONE])})
    assert len(known.files) == 2
    assert known.has_file(ONE)
    assert not known.has_file("1" + ONE[1:])
    assert not learned_from({}).has_file(ONE)
    assert not learned_from({KEY: "no list"}).has_file(ONE)


def flipped(mark, bits):
    """Return a mark with the last so many bits the other way round."""
    return f"{int(mark, 16) ^ (2**bits - 1):032x}"


def test_marks_of_contents_may_differ_in_twelve_bits_of_128():
    mark = "0123456789abcdef" * 2
    known = learned_from({CONTENT_KEY: content_marks([mark, "", flipped(mark, 128)])})
    assert known.contents.shape == (2, 16)
    assert known.has_alike(mark)
    assert known.has_alike(flipped(mark, 12))
    assert not known.has_alike(flipped(mark, 13))
    assert known.has_alike(flipped(mark, 116))
    for nothing in ({}, {CONTENT_KEY: "no list"}, {CONTENT_KEY: ["zz", mark[1:], 7]}):
        assert not learned_from(nothing).has_alike(mark)
    assert not known.has_alike("")


def test_of_too_many_pictures_none_is_named(monkeypatch):
    monkeypatch.setattr(trained_on, "MOST_PICTURES", 1)
    assert picture_marks([ONE]) == [ONE[:12]]
    assert picture_marks([ONE, TWO]) == []
    monkeypatch.setattr(trained_on, "MOST_CONTENTS", 1)
    assert content_marks([ONE, ONE]) == [ONE]
    assert content_marks([ONE, TWO]) == []


def stored(folder, pixels, change):
    """Return a file with a picture as somebody might pass it on, and what of it stays."""
    picture = Image.fromarray(pixels)
    if change == "jpeg":
        picture.save(folder / "a.jpg", quality=60)
        return folder / "a.jpg"
    if change == "half":
        picture = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BOX)
    if change == "square":
        picture = picture.resize((256, 256), Image.Resampling.BILINEAR)
    if change == "16 bits":
        picture = Image.fromarray(pixels.astype(np.uint16) * 37 + 900)
    picture.save(folder / "a.tif")
    return folder / "a.tif"


@pytest.mark.parametrize("change", ["jpeg", "half", "square", "16 bits"])
def test_a_copy_in_another_format_size_or_depth_is_told_by_what_it_shows(tmp_path, change):
    pictures = [draw_slice(patient, 0) for patient in range(6)]
    marks = content_marks(content_mark(p.astype(np.float32)) for p in pictures[:4])
    assert len(marks) == 4
    training = {KEY: picture_marks([ONE]), CONTENT_KEY: marks}
    familiar = Familiar(training)
    copy = read_image(stored(tmp_path, pictures[2], change))
    familiar.see("a", copy)
    told, more = familiar.cautions(3)
    assert more == COPIES_NOT_KNOWN
    assert told.startswith("1 of these 3 looks like one that the model learned from, in another")
    assert "“a”" in told
    other = Familiar(training)
    for place in (4, 5):
        encoded(pictures[place], tmp_path / f"{place}.png")
        other.see(f"{place}", read_image(tmp_path / f"{place}.png"))
    assert other.cautions(2) == []


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turns", range(4))
def test_a_copy_that_is_mirrored_or_turned_is_told_as_such(tmp_path, mirrored, turns):
    pictures = [draw_slice(patient, 0)[:, 8:-8] for patient in range(6)]
    marks = content_marks(content_mark(p.astype(np.float32)) for p in pictures[:4])
    moved = np.rot90(pictures[2][:, ::-1] if mirrored else pictures[2], turns)
    familiar = Familiar({CONTENT_KEY: marks})
    familiar.see("a", read_image(stored(tmp_path, np.ascontiguousarray(moved), "jpeg")))
    told, more = familiar.cautions(3)
    assert more == COPIES_NOT_KNOWN
    is_moved = mirrored or turns > 0
    assert ("learned from, mirrored or turned by quarter turns: “a”." in told) == is_moved
    assert ("in another format, size or exposure" in told) != is_moved
    other = Familiar({CONTENT_KEY: marks})
    for place in (4, 5):
        encoded(np.ascontiguousarray(np.rot90(pictures[place], turns)), tmp_path / f"{place}.png")
        other.see(f"{place}", read_image(tmp_path / f"{place}.png"))
    assert other.cautions(2) == []


def test_the_file_itself_is_told_once_and_not_as_a_copy(tmp_path):
    encoded(draw_slice(1, 0), tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    marks = [content_mark(image.pixels)]
    familiar = Familiar({KEY: picture_marks([image.sha256]), CONTENT_KEY: marks})
    familiar.see("a", image)
    told, more = familiar.cautions(1)
    assert more == COPIES_NOT_KNOWN
    assert told.startswith("1 of these 1 is one that the model learned from")
    copies = Familiar({CONTENT_KEY: marks})
    for name in "abcd":
        copies.see(name, image)
    assert "4 of these 9 look like pictures" in copies.cautions(9)[0]
    assert "“a”, “b” and “c”, ..." in copies.cautions(9)[0]


SHARED = Path(__file__).parents[3] / "shared" / "data" / "mr_disc_grading" / "images"


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
def test_slices_of_other_patients_are_not_taken_for_those_that_were_learned_from():
    """Sagittal slices of 36 patients in one position: 630 pairs, and each one's copy is told."""
    images = [read_image(path).pixels for path in sorted(SHARED.glob("*_t2.webp"))[:36]]
    marks = [content_mark(pixels) for pixels in images]
    for place, pixels in enumerate(images):
        others = learned_from({CONTENT_KEY: marks[:place] + marks[place + 1 :]})
        half = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        assert not others.has_alike(content_mark(half))
        assert not any(others.has_alike(mark) for mark in moved_marks(half))
        assert learned_from({CONTENT_KEY: marks}).has_alike(content_mark(half))


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


@pytest.mark.parametrize(("low", "is_said"), [(0.31, True), (0.5, True), (0.51, False)])
def test_a_training_that_was_no_better_than_chance_says_so_everywhere(card, low, is_said):
    held = {"value": 0.89, "low": 0.67, "high": 1.0, "units": 6}
    crossed = {"value": 0.55, "low": low, "high": 0.7, "units": 17}
    metrics = {"held_out": {"auc": held, "images": 11}, "cross_validation": {"auc": crossed}}
    told = replace(card, task="classification", metrics=metrics)
    assert ("better than chance" in " ".join(trained_lines(told, Path("m"), None))) is is_said
    figure = figure_text(told)
    assert figure.startswith("auc 0.89 (0.67 to 1), 6 independent, held out")
    assert ("not shown to be better than chance" in figure) is is_said
    assert ("auc 0.55" in figure) is is_said
    alone = figure_text(replace(told, metrics={"cross_validation": {"auc": crossed}}))
    assert alone.count("auc 0.55") == 1
    assert "better than chance" not in figure_text(
        replace(told, metrics={"held_out": metrics["held_out"]})
    )


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
