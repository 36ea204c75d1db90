"""The whole way from a file to graded discs, with the shipped segmentation and a told grader."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from spinealign.analysis import analyze_file
from spinealign.cli import main as cli
from spinealign.domain.findings import Step, WarningCode
from spinealign.domain.generators import run_to_end
from spinealign.domain.paths import resources_dir
from spinealign.inference.catalog import ModelStore
from tests.disc_models import told_store
from tests.examinations import LATERAL_NECK

PHANTOM = resources_dir() / "samples" / "mr_lumbar_phantom"


@pytest.fixture(scope="module")
def phantom():
    return next(path for path in PHANTOM.iterdir() if path.suffix in (".dcm", ".png", ".gz"))


@pytest.fixture
def store(tmp_path):
    return told_store(tmp_path / "models")


def codes(analysis):
    return [caution.code for caution in analysis.cautions]


def test_discs_are_found_named_and_graded(phantom, store):
    steps: list[Step] = []
    analysis = run_to_end(analyze_file(phantom, store), steps.append)
    assert [disc.name for disc in analysis.discs][:3] == ["L5/S1", "L4/L5", "L3/L4"]
    assert len(analysis.discs) == 7
    assert analysis.disc_model.name == "disc_grading"
    assert "disc_grading" in [model.name for model in analysis.models]
    assert "Grading discs" in [step.name for step in steps]
    assert "Segmenting the other contrast" not in [step.name for step in steps]
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)
    assert analysis.seconds["grade discs"] >= 0
    assert codes(analysis).count(WarningCode.LEVELS_COUNTED) == 1
    assert WarningCode.DISC_COUNT_UNCERTAIN not in codes(analysis)
    crop = np.array(analysis.discs[0].crop_to_image).reshape(2, 3)
    assert np.isfinite(crop).all()


def test_without_a_grader_there_are_no_discs(phantom, tmp_path):
    from spinealign.domain.paths import models_dirs

    class Without(ModelStore):
        def find_all(self, task, examination=None):
            return () if task == "disc_grading" else super().find_all(task, examination)

    analysis = run_to_end(analyze_file(phantom, Without(models_dirs())))
    assert analysis.discs == ()
    assert analysis.overall is None


def test_a_companion_of_the_same_contrast_is_not_used_and_said_so(phantom, store):
    steps: list[Step] = []
    work = analyze_file(phantom, store, companion=phantom)
    analysis = run_to_end(work, steps.append)
    assert "Segmenting the other contrast" in [step.name for step in steps]
    assert codes(analysis).count(WarningCode.COMPANION_ALIKE) == 1
    assert analysis.companion is not None


def test_a_companion_in_the_other_contrast_is_graded_too(phantom, store, tmp_path):
    first = run_to_end(analyze_file(phantom, store))
    pixels, mask = first.image.pixels.copy(), first.segmentation.mask
    # Dark fluid beside bright marrow is what tells T1.
    pixels[mask == 3] = 0.3 * np.median(pixels[mask == 1])
    other = tmp_path / "t1.png"
    scaled = np.clip(255 * pixels / pixels.max(), 0, 255).astype(np.uint8)
    Image.fromarray(scaled).save(other)
    analysis = run_to_end(analyze_file(phantom, store, companion=other))
    assert analysis.companion.source_path == other
    assert WarningCode.COMPANION_UNMATCHED not in codes(analysis)


def test_a_companion_of_a_radiograph_is_named_as_unused(phantom, store):
    analysis = run_to_end(analyze_file(phantom, store, LATERAL_NECK, phantom))
    assert analysis.companion is None
    assert WarningCode.COMPANION_UNUSED in codes(analysis)


def test_the_command_line_prints_every_disc(phantom, store, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, "_model_store", lambda engine, chosen: store)
    out = tmp_path / "out"
    assert (
        cli.run_command(["analyze", str(phantom), "--out", str(out), "--ignore-corrections"]) == 0
    )
    printed = capsys.readouterr().out
    assert "Abnormal discs: L4/L5: Pfirrmann 5; L5/S1: Pfirrmann 4, narrowed, bulging" in printed
    assert "    L3/L4    Pfirrmann 2\n" in printed
    assert "    Abnormal: at least one disc" in printed
    [folder] = out.iterdir()
    table = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    assert table["files"]["discs"] == "discs.csv"
    assert len((folder / "discs.csv").read_text(encoding="utf-8").splitlines()) == 8


def test_the_command_line_takes_a_companion(phantom, store, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, "_model_store", lambda engine, chosen: store)
    words = ["analyze", str(phantom), "--companion", str(phantom), "--out", str(tmp_path / "out")]
    assert cli.run_command(words) == 0
    assert "same weighting" in capsys.readouterr().out


def test_a_companion_of_several_images_is_wrong_use(phantom, tmp_path, capsys):
    words = ["analyze", str(phantom), str(phantom), "--companion", str(phantom)]
    assert cli.run_command([*words, "--out", str(tmp_path)]) == cli.EXIT_WRONG_USE
    assert "name just one" in capsys.readouterr().err
