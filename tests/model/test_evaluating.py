"""Models of ours evaluated on pictures whose class or outline is known."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("sklearn")

from spinealign.cli.main import run_command
from spinealign.domain.trained_on import CONTENT_KEY, KEY, picture_marks
from spinealign.imaging.likeness import content_mark
from spinealign.imaging.read import read_image
from spinealign.imaging.samples import list_samples
from spinealign.inference.catalog import ModelStore
from spinealign.predict import segment_with

pytestmark = pytest.mark.model


@pytest.fixture
def slices(tmp_path):
    """Classes of CT slices, two pictures each, of patients named by file."""
    rng = np.random.default_rng(0)
    for label in ("fracture", "normal"):
        folder = tmp_path / "data" / "val" / label
        folder.mkdir(parents=True)
        for k in range(2):
            pixels = rng.integers(0, 255, (96, 96), np.uint8)
            Image.fromarray(pixels).save(folder / f"p{k}_{label}.png")
    train = tmp_path / "data" / "train" / "normal"
    train.mkdir(parents=True)
    Image.fromarray(pixels).save(train / "seen.png")
    (tmp_path / "data" / "val" / "normal" / "broken.png").write_bytes(b"no picture")
    return tmp_path / "data"


def test_a_classifier_answers_on_what_no_training_saw(slices, tmp_path, capsys):
    out = tmp_path / "out"
    pattern = ("--patient-pattern", r"(p\d)_")
    assert run_command(["evaluate", "ct_fracture_vgg16", str(slices), "--out", str(out)]) == 0
    found = json.loads((out / "evaluation.json").read_text())
    assert found["pictures"] == 4
    assert found["patients"] is None
    assert found["classes"][-1] == "fracture"
    assert found["left_out"] == ["val/normal/broken.png"]
    assert "as the model’s card says" in found["threshold_note"]
    wrong = [one for one in found["worst"] if one["truth"] != one["answer"]]
    page = (out / "evaluation.html").read_text()
    assert page.count("data:image/png") == len(wrong)
    (slices / "val" / "normal" / "broken.png").unlink()
    code = run_command(["evaluate", "ct_fracture_vgg16", str(slices), "--out", str(out), *pattern])
    assert code == 0
    assert json.loads((out / "evaluation.json").read_text())["patients"] == 2
    capsys.readouterr()


def test_pictures_that_the_model_learned_from_are_told_before_any_figure(slices, tmp_path, capsys):
    folder = tmp_path / "learned"
    shutil.copytree(Path(__file__).parents[2] / "models" / "ct_fracture_vgg16", folder)
    seen = read_image(slices / "val" / "normal" / "p1_normal.png").sha256
    card = json.loads((folder / "card.json").read_text())
    card["training"][KEY] = picture_marks([seen])
    # Another one is there as a copy of twice the size, in other bytes.
    copied = slices / "val" / "fracture" / "p0_fracture.png"
    card["training"][CONTENT_KEY] = [content_mark(read_image(copied).pixels)]
    Image.open(copied).resize((192, 192)).save(copied)
    (folder / "card.json").write_text(json.dumps(card))
    out = tmp_path / "out"
    assert run_command(["evaluate", str(folder), str(slices), "--out", str(out)]) == 0
    said = "1 of these 4 is one that the model learned from"
    part = "Of the split, the part “val” alone was answered: 5 of 6 pictures."
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(said)
    assert lines[2].startswith(
        "1 of these 4 looks like one that the model learned from, in another"
    )
    assert "“val/fracture/p0_fracture.png”" in lines[2]
    assert lines[3].startswith("Copies that are cropped")
    assert lines[4] == part
    assert json.loads((out / "evaluation.json").read_text())["cautions"][0].startswith(said)
    page = (out / "evaluation.html").read_text()
    assert page.index(said) < page.index("<h2>")


def test_outlines_that_are_the_models_own_agree_wholly(tmp_path, capsys):
    sample = next(each.path for each in list_samples() if each.name == "mr_lumbar_phantom")
    image = read_image(sample)
    mask = segment_with(ModelStore().load("mr_segmentation"), image).mask
    for folder in ("images", "masks"):
        (tmp_path / "set" / folder).mkdir(parents=True)
    shutil.copy(sample, tmp_path / "set" / "images" / "one.dcm")
    Image.fromarray(mask).save(tmp_path / "set" / "masks" / "one.png")
    out = tmp_path / "out"
    code = run_command(["evaluate", "mr_segmentation", str(tmp_path / "set"), "--out", str(out)])
    assert code == 0
    found = json.loads((out / "evaluation.json").read_text())
    dice = [f["value"] for name, f in found["figures"].items() if name.startswith("dice/")]
    assert [d for d in dice if d is not None] == [1.0] * len(set(np.unique(mask)) - {0})
    assert dice
    capsys.readouterr()
