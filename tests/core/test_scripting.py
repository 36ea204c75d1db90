"""The program from Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

import spinealign
from spinealign.domain.errors import ImageReadError, SpineAlignError
from spinealign.export.tables import analysis_schema
from spinealign.wording import explain
from tests.core.test_one_way import MASK, Store, classifier, gate, grader, painted, segmenter
from tests.gates import ImageKind

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def picture(tmp_path):
    pixels = painted(MASK).pixels
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "spine.png")
    return tmp_path / "spine.png"


def test_a_sagittal_mr_becomes_a_mask_and_tables(picture, tmp_path):
    steps = []
    result = spinealign.analyze(
        str(picture),
        examination="spine-mr",
        store=Store(segmenter(), grader()),
        progress=lambda name, share: steps.append(share),
    )
    assert isinstance(result, spinealign.Result)
    assert result.examination == "spine-mr"
    assert result.pixels.shape == result.mask.shape == result.confidence.shape == MASK.shape
    assert result.classes == {1: "vertebra", 2: "disc", 3: "canal"}
    assert (result.mask == MASK).mean() > 0.95
    disc = next(row for row in result.regions if row["name"] == "disc")
    assert disc["pixels"] == int((result.mask == 2).sum())
    assert disc["area_mm2"] is None
    assert len(result.discs) > 3
    assert steps == sorted(steps)
    outline = result.outlines["L4"]
    assert outline.shape[1] == 2
    x, y = outline.mean(axis=0).astype(int)
    assert result.mask[y, x] == 1
    assert 0 <= outline[:, 0].min() < outline[:, 0].max() <= MASK.shape[1]
    assert {row["body"] for row in result.landmarks} == set(result.outlines)
    assert any("spacing" in caution for caution in result.cautions)
    lordosis = next(row for row in result.measures if row["levels"] == "L1/S1")
    assert lordosis["unit"] == "deg"
    assert lordosis["value"] is None or lordosis["interval_low"] <= lordosis["value"]
    assert all(row["value"] is not None or row["reason"] for row in result.measures)
    told = result.to_json()
    jsonschema.validate(told, analysis_schema())
    assert len(told["measurements"]) == len(result.measures)
    files = {path.name for path in result.save(tmp_path / "out")}
    assert {"analysis.json", "mask.png"} <= files
    saved = json.loads((tmp_path / "out" / "analysis.json").read_text(encoding="utf-8"))
    assert saved["measurements"] == told["measurements"]


def test_a_classifier_answers_by_class(picture):
    result = spinealign.analyze(picture, examination="neck-ct", store=Store(classifier()))
    assert set(result.probabilities) == {"normal", "fracture"}
    assert sum(result.probabilities.values()) == pytest.approx(1)
    assert result.mask is None
    assert result.measures == []


def test_a_foreign_picture_is_refused_and_not_guessed(picture):
    result = spinealign.analyze(picture, store=Store(segmenter(), gate(ImageKind.NONE_OF_THESE)))
    assert result.is_refused
    assert result.examination is None
    assert (result.mask, result.outlines, result.regions) == (None, {}, [])


def test_what_cannot_be_read_is_an_error_of_the_program(tmp_path):
    with pytest.raises(ImageReadError):
        spinealign.analyze(tmp_path / "missing.png", store=Store())
    with pytest.raises(SpineAlignError, match="no kind of examination") as caught:
        spinealign.analyze(tmp_path / "missing.png", examination="knee", store=Store())
    said = explain(caught.value)
    assert said.sentence == "“knee” is no kind of examination."
    assert "spine-mr" in said.advice
    assert "frontal-spine" in said.advice
    assert "oblique_film" in said.advice
    with pytest.raises(SpineAlignError) as caught:
        spinealign.analyze(tmp_path, store=Store())
    assert explain(caught.value).sentence.startswith("There are no images in the folder “")


def test_the_door_for_python_is_loaded_when_it_is_used():
    code = (
        "import sys, spinealign; assert 'numpy' not in sys.modules;"
        "assert 'analyze' in dir(spinealign);"
        "spinealign.analyze; assert 'spinealign.scripting' in sys.modules;"
        "assert not {'PyQt6', 'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    with pytest.raises(AttributeError):
        _ = spinealign.nothing


def test_the_example_of_the_page_is_what_a_result_has(picture):
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    assert "spinealign.analyze(" in code
    scope = {"path": picture, "store": Store(segmenter(), grader())}
    exec(code.replace('"slice.dcm"', 'path, examination="spine-mr", store=store'), scope)
    assert scope["canal_area_px"] == int((scope["result"].mask == 3).sum())


def test_the_citation_names_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {spinealign.__version__}\n" in text
    assert "cff-version: 1.2.0" in text
    assert "license: GPL-3.0-or-later" in text
