import hashlib
import json
from pathlib import Path

import pytest

from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.examination import ExaminationKind
from spinealign.domain.paths import models_dirs
from spinealign.inference.catalog import ModelStore, read_card
from tests.cards import classifier_card
from tests.examinations import LATERAL_NECK, NECK_CT, SPINE_MR

WEIGHTS = b"weights"
NESTED = json.loads("[" * 100 + "]" * 100)


class SilentEngine:
    name = "silent"

    def run(self, batch):
        return {}


def write_model(root, folder_name="tiny", **changes):
    folder = root / folder_name
    folder.mkdir(parents=True)
    (folder / "model.tflite").write_bytes(WEIGHTS)
    card = {**classifier_card().to_json(), "name": folder_name}
    card["sha256"] = hashlib.sha256(WEIGHTS).hexdigest()
    card.update(changes)
    card = {k: v for k, v in card.items() if v != "REMOVE"}
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


def store(*roots):
    return ModelStore(roots, open_engine=lambda weights, card: SilentEngine())


def test_a_model_is_loaded_once_and_stays_warm(tmp_path):
    write_model(tmp_path)
    models = store(tmp_path)
    assert models.load("tiny") is models.load("tiny")
    assert models.load("tiny").identity.engine == "silent"


def test_warming_up_loads_what_every_image_needs_and_no_more(tmp_path):
    write_model(tmp_path)
    shipped = models_dirs()[-1] / "view_gate" / "card.json"
    card = json.loads(shipped.read_text(encoding="utf-8"))
    gate = write_model(tmp_path, "gate")
    card.update(name="gate", sha256=hashlib.sha256(WEIGHTS).hexdigest())
    (gate / "card.json").write_text(json.dumps(card), encoding="utf-8")
    opened = []
    models = ModelStore(
        [tmp_path], open_engine=lambda weights, card: opened.append(card.name) or SilentEngine()
    )
    models.warm_up()
    assert opened == ["gate"]


def test_warming_up_finds_changed_weights_of_every_model(tmp_path):
    (write_model(tmp_path) / "model.tflite").write_bytes(b"other")
    with pytest.raises(ModelError) as caught:
        store(tmp_path).warm_up()
    assert caught.value.problem is ModelProblem.WRONG_CHECKSUM


@pytest.mark.parametrize("key", ["classes", "threshold", "intensity", "limits", "sha256", "status"])
def test_an_incomplete_card_is_refused(tmp_path, key):
    folder = write_model(tmp_path, **{key: "REMOVE"})
    with pytest.raises(ModelError) as caught:
        read_card(folder)
    assert caught.value.problem is ModelProblem.INCOMPLETE_CARD


@pytest.mark.parametrize(
    "change",
    [
        {"positive_class": "tumour"},
        {"threshold": 1.5},
        {"classes": ["fracture", "fracture"]},
        {"classes": ["fracture"]},
        {"task": "guessing"},
        {"status": "perfect"},
        {"view": "head"},
        {"limits": ""},
        {"surprise": 1},
        {"name": "other"},
        {"intensity": {"gamma": 2}},
        {"input_shape": 224},
        {"input_shape": [0, 224]},
        {"input_shape": [224, 10**9]},
        {"input_shape": [224.0, 224.0]},
        {"temperature": 0},
        {"temperature": -1.0},
        {"temperature": 10**400},
        {"threshold": True},
        {"threshold": "0.5"},
        {"intensity": {"percentiles": [1, 2, 3]}},
        {"intensity": {"clahe_tile_px": 0}},
        {"intensity": {"denoise": "hard"}},
        {"metrics": float("nan")},
        {"metrics": {"dice": float("inf")}},
        {"metrics": NESTED},
        {"known_failures": "none"},
        {"gate": {"accept_from": 2}},
    ],
    ids=lambda change: f"{next(iter(change))} {str(next(iter(change.values())))[:24]}",
)
def test_an_impossible_card_is_refused(tmp_path, change):
    folder = write_model(tmp_path, **change)
    with pytest.raises(ModelError) as caught:
        read_card(folder)
    assert caught.value.problem is ModelProblem.INCOMPLETE_CARD


@pytest.mark.parametrize(
    ("view", "kinds"),
    [
        ("xray", (ExaminationKind.LATERAL_NECK_RADIOGRAPH,)),
        ("ct", (ExaminationKind.NECK_CT_SLICE,)),
        ("mr", (ExaminationKind.SAGITTAL_SPINE_MR,)),
        ("other", ()),
    ],
)
def test_a_card_of_a_former_version_names_one_view(tmp_path, view, kinds):
    folder = write_model(tmp_path, examinations="REMOVE", view=view)
    assert read_card(folder).examinations == kinds


def test_a_model_serves_every_examination_of_its_card(tmp_path):
    write_model(tmp_path, examinations=["cervical_ct_slice", "sagittal_spine_mr"])
    models = store(tmp_path)
    found = [
        models.find("classification", each) for each in (NECK_CT, SPINE_MR, LATERAL_NECK, None)
    ]
    assert [card is not None for card in found] == [True, True, False, False]


def test_a_card_of_an_earlier_version_opens_as_it_did():
    """It names one view; today's cards name kinds of examination."""
    folder = Path(__file__).parent.parent / "earlier_files" / "mr_segmentation"
    card = read_card(folder)
    assert card.examinations == (SPINE_MR.kind,)
    stored = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert stored.pop("view") == "mr"
    kept = json.loads(json.dumps(card.to_json()))
    assert {key: kept[key] for key in stored} == stored


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 200_000, '{"name":' * 200_000, "\udcff"])
def test_a_card_that_is_no_card_is_refused(tmp_path, text):
    folder = write_model(tmp_path)
    (folder / "card.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ModelError) as caught:
        read_card(folder)
    assert caught.value.problem is ModelProblem.INCOMPLETE_CARD


def test_changed_weights_are_refused(tmp_path):
    folder = write_model(tmp_path)
    (folder / "model.tflite").write_bytes(WEIGHTS + b"!")
    with pytest.raises(ModelError) as caught:
        store(tmp_path).load("tiny")
    assert caught.value.problem is ModelProblem.WRONG_CHECKSUM


@pytest.mark.parametrize("missing", ["model.tflite", "card.json"])
def test_a_missing_part_is_named(tmp_path, missing):
    folder = write_model(tmp_path)
    (folder / missing).unlink()
    with pytest.raises(ModelError) as caught:
        store(tmp_path).load("tiny")
    assert caught.value.problem is ModelProblem.MISSING


def test_the_users_own_model_comes_before_the_shipped_one(tmp_path):
    write_model(tmp_path / "user", "mine")
    write_model(tmp_path / "shipped", "aaa")
    card = store(tmp_path / "user", tmp_path / "shipped").find("classification", NECK_CT)
    assert card is not None
    assert card.name == "mine"


def test_several_models_serve_one_examination_and_the_users_own_stand_alone(tmp_path):
    write_model(tmp_path / "user", "mine")
    for name in ("bbb", "aaa"):
        write_model(tmp_path / "shipped", name)
    shipped = store(tmp_path / "shipped").find_all("classification", NECK_CT)
    assert [card.name for card in shipped] == ["aaa", "bbb"]
    both = store(tmp_path / "user", tmp_path / "shipped").find_all("classification", NECK_CT)
    assert [card.name for card in both] == ["mine"]
    assert store(tmp_path / "shipped").find_all("segmentation", NECK_CT) == ()


def test_no_model_for_a_view_is_none_not_an_error(tmp_path):
    write_model(tmp_path)
    assert store(tmp_path).find("segmentation", LATERAL_NECK) is None


def test_nonsense_weights_are_a_model_error(tmp_path):
    write_model(tmp_path)
    with pytest.raises(ModelError) as caught:
        ModelStore([tmp_path]).load("tiny")
    assert caught.value.problem is ModelProblem.UNLOADABLE
