import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from spinealign.batch.options import models_of
from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.examination import ExaminationKind, ImageKind
from spinealign.domain.paths import models_dirs
from spinealign.imaging.fit import finish_input
from spinealign.inference import catalog
from spinealign.inference.catalog import ModelStore, read_card
from spinealign.wording.failures import explain
from tests.cards import classifier_card
from tests.examinations import LATERAL_NECK, NECK_CT, SPINE_MR

WEIGHTS = b"weights"
MODULES_THAT_LOOK = tuple(
    f"spinealign.{name}"
    for name in ("model_store.listing", "model_store.installing", "inference.catalog")
)
"""Where models are looked for."""
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


def test_the_cards_that_a_batch_asks_for_are_taken_apart_once(monkeypatch):
    taken = []
    parse = catalog.parse_json
    monkeypatch.setattr(catalog, "parse_json", lambda *given: taken.append(1) or parse(*given))
    catalog._card_of.cache_clear()
    models = ModelStore(models_dirs()[-1:])
    assert len(models_of(models)) == len(models.cards()) == len(taken) > 3


def test_a_card_that_another_took_the_place_of_is_seen_whatever_its_date(tmp_path):
    folder = write_model(tmp_path, threshold=0.25)
    card = folder / "card.json"
    before, dated = read_card(folder), card.stat()
    card.write_text(card.read_text("utf-8").replace('"threshold": 0.25', '"threshold": 0.75'))
    os.utime(card, ns=(dated.st_atime_ns, dated.st_mtime_ns))
    assert card.stat().st_size == dated.st_size
    assert (before.threshold, read_card(folder).threshold) == (0.25, 0.75)


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
    models.load("tiny")
    models.let_go()
    models.load("gate")
    assert opened == ["gate", "tiny"]
    models.load("tiny")
    assert opened == ["gate", "tiny", "tiny"]


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
        {"weights": ""},
        {"weights": ".."},
        {"weights": "../tiny/model.tflite"},
        {"weights": "/dev/zero"},
        {"weights": "\0"},
        {"weights": "x" * 5000},
        {"weights": "model.tflite\n"},
        {"sha256": ""},
        {"sha256": "F" * 64},
        {"title": "\ud800"},
        {"title": "x" * 100_000},
        {"name": "x" * 10_000},
        {"limits": "x" * 1_000_000},
        {"known_failures": ["x"] * 10_000},
        {"known_failures": ["\ud800"]},
        {"classes": [str(number) for number in range(50_000)]},
        {"classes": ["", "x"]},
        {"view": []},
        {"view": {}},
        {"view": 5},
        {"view": None},
        {"metrics": []},
        {"metrics": {"\ud800": 1}},
        {"threshold": 0},
        {"threshold": 1},
        {"temperature": 1e-300},
        {"temperature": 0.01},
        {"temperature": 1e300},
        {"intensity": {"percentiles": [99, 1]}},
        {"intensity": {"percentiles": [5, 5]}},
        {"intensity": {"window_hu": [500, -500]}},
        {"intensity": {"window_hu": [-1e308, 1e308]}},
        {"intensity": {"clahe_clip_limit": 1e308}},
        {"interval_factors": {"x": {}}},
        {"change_factors": []},
        {"architecture": None},
        {"status": None},
        {"training": None},
    ],
    ids=lambda change: f"{next(iter(change))} {str(next(iter(change.values())))[:24]}",
)
def test_an_impossible_card_is_refused(tmp_path, change):
    folder = write_model(tmp_path, **change)
    with pytest.raises(ModelError) as caught:
        read_card(folder)
    assert caught.value.problem is ModelProblem.INCOMPLETE_CARD


def rule_of(card, **changes):
    """Change the rule of the first grade in a card of a disc grader."""
    rules = next(iter(card["grading"]["grades"].values()))
    next(iter(rules.values())).update(changes)


@pytest.mark.parametrize(
    "change",
    [
        lambda card: rule_of(card, slope=0),
        lambda card: rule_of(card, slope=-1),
        lambda card: rule_of(card, slope=1e308),
        lambda card: rule_of(card, offsets=[]),
        lambda card: rule_of(card, offsets=[1e308] * 4),
        lambda card: rule_of(card, outputs=1_000_000),
        lambda card: rule_of(card, first_output=1_000_000),
        lambda card: rule_of(card, uncertain=[1, 0]),
        lambda card: rule_of(card, cuts=[3, 2, 1, 0]),
        lambda card: rule_of(card, cuts=[]),
        lambda card: card["grading"].update(knot_values=[]),
        lambda card: card["grading"].update(knot_values=[0] * 13),
        lambda card: card["grading"].update(sign_names=[]),
        lambda card: card["grading"].update(sign_knots={}),
        lambda card: card["grading"].update(weights={}),
        lambda card: card["grading"].update(weights={"t1": [-1] * 11}),
        lambda card: card["grading"].update(outputs=["x"]),
        lambda card: card.update(grading=None),
    ],
)
def test_a_disc_grader_that_contradicts_itself_is_refused(tmp_path, change):
    refused(tmp_path, "disc_grading", change)


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card["gate"].update(anchors=[]),
        lambda card: card["gate"].update(anchors=[[]]),
        lambda card: card["gate"].update(anchors=[[0.0], [0.0, 1.0]]),
        lambda card: card["gate"].update(anchors=[[1e308] * 32]),
        lambda card: card["gate"].update(ood_limit=0),
        lambda card: card["gate"].update(accept_from_of={"x": 0.5}),
        lambda card: card.update(classes=["lateral_film", "ct_slice"]),
        lambda card: card.update(gate=None),
    ],
)
def test_a_gate_that_contradicts_itself_is_refused(tmp_path, change):
    refused(tmp_path, "view_gate", change)


def refused(tmp_path, name, change):
    folder = shipped(tmp_path, name, change)
    with pytest.raises(ModelError) as caught:
        read_card(folder)
    assert caught.value.problem is ModelProblem.INCOMPLETE_CARD
    told = explain(caught.value).sentence
    assert "\n" not in told
    assert len(told) < 500


def shipped(tmp_path, name, change):
    """Copy a shipped model with another card."""
    folder = tmp_path / name
    shutil.copytree(models_dirs()[-1] / name, folder)
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    change(card)
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card.update(input_shape=[4096, 4096]),
        lambda card: card.update(input_shape=[1, 1]),
        lambda card: card["intensity"].update(channels="grey"),
        lambda card: card["classes"].remove("other_ct"),
        lambda card: card["gate"].update(anchors=[[0.0]]),
        lambda card: card.update(task="classification", gate=None, threshold=0.5,
                                 positive_class=card["classes"][0],
                                 positive_output=card["classes"][0],
                                 classes=card["classes"][:2]),
    ],
)  # fmt: skip
def test_a_card_that_does_not_fit_its_weights_is_a_model_error(tmp_path, change):
    shipped(tmp_path, "view_gate", change)
    model = ModelStore([tmp_path]).load("view_gate")
    rule = model.card.intensity
    batch = finish_input(np.zeros(model.card.input_shape, np.float32), rule)[None]
    with pytest.raises(ModelError) as caught:
        (model.recognise if model.card.task == "view" else model.classify)(batch)
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


@pytest.mark.parametrize("is_folder", [False, True])
@pytest.mark.parametrize("missing", ["model.tflite", "card.json"])
def test_a_missing_part_is_named(tmp_path, missing, is_folder):
    folder = write_model(tmp_path)
    (folder / missing).unlink()
    if is_folder:
        (folder / missing).mkdir()
    with pytest.raises(ModelError) as caught:
        store(tmp_path).load("tiny")
    is_no_model = missing == "card.json" and not is_folder
    assert caught.value.problem is (ModelProblem.MISSING if is_no_model else ModelProblem.NO_FILE)
    assert is_no_model or missing in explain(caught.value).sentence


def test_a_key_that_stands_twice_in_a_card_is_named(tmp_path):
    card = write_model(tmp_path) / "card.json"
    card.write_text(card.read_text().replace('"classes"', '"task": "view", "classes"', 1))
    with pytest.raises(ModelError) as caught:
        store(tmp_path).load("tiny")
    assert caught.value.problem is ModelProblem.INCOMPLETE_CARD
    assert "task" in explain(caught.value).sentence


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


@pytest.mark.parametrize("is_path", [False, True])
def test_a_chosen_model_answers_alone(tmp_path, is_path):
    write_model(tmp_path / "user", "aaa")
    folder = write_model(tmp_path / "user", "mine")
    models = ModelStore([tmp_path / "user"], chosen=(str(folder) if is_path else "mine",))
    assert [card.name for card in models.find_all("classification", NECK_CT)] == ["mine"]
    everywhere = models.find_everywhere("classification", NECK_CT)
    assert {card.name for card in everywhere} == {"aaa", "mine"}
    assert models.find("classification", LATERAL_NECK) is None
    assert [card.name for card in models.chosen] == ["mine"]


def test_a_chosen_folder_anywhere_is_a_model_and_one_without_examination_serves_all(tmp_path):
    write_model(tmp_path / "shipped", "aaa")
    folder = write_model(tmp_path / "elsewhere", "mine", examinations=[])
    models = ModelStore([tmp_path / "shipped"], chosen=(str(folder),))
    for examination in (NECK_CT, LATERAL_NECK):
        found = models.find("classification", examination)
        assert found is not None
        assert found.name == "mine"
    assert store(tmp_path / "elsewhere").find("classification", NECK_CT) is None


def test_a_chosen_model_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError) as caught:
        ModelStore([tmp_path], chosen=("mine",))
    assert caught.value.problem is ModelProblem.MISSING
    assert caught.value.model == "mine"


def test_a_renamed_model_folder_is_a_model_of_that_name(tmp_path):
    write_model(tmp_path, "tiny").rename(tmp_path / "renamed")
    assert [card.name for card in store(tmp_path).cards()] == ["renamed"]
    card = store(tmp_path).find("classification", NECK_CT)
    assert card is not None
    assert card.name == "renamed"


def test_no_model_for_a_view_is_none_not_an_error(tmp_path):
    write_model(tmp_path)
    assert store(tmp_path).find("segmentation", LATERAL_NECK) is None


def test_nonsense_weights_are_a_model_error(tmp_path):
    write_model(tmp_path)
    with pytest.raises(ModelError) as caught:
        ModelStore([tmp_path]).load("tiny")
    assert caught.value.problem is ModelProblem.UNLOADABLE


def test_only_a_named_model_serves_images_of_no_examination(tmp_path):
    oblique = ImageKind.OBLIQUE_FILM
    folder = write_model(tmp_path / "user", "mine", image_kinds=[oblique.value], examinations=[])
    write_model(tmp_path / "user", "other", image_kinds=[], examinations=[])
    assert ModelStore([tmp_path / "user"]).named_for(oblique) == ()
    models = ModelStore([tmp_path / "user"], chosen=(str(folder),))
    assert [card.name for card in models.named_for(oblique)] == ["mine"]
    assert models.named_for(ImageKind.OTHER_RADIOGRAPH) == ()
    assert ModelStore([tmp_path / "user"], chosen=("other",)).named_for(oblique) == ()


def test_a_card_names_no_kind_of_image_that_is_an_examinations(tmp_path):
    for kind in (ImageKind.NECK_CT, ImageKind.NONE_OF_THESE):
        folder = write_model(tmp_path / kind.value, image_kinds=[kind.value])
        with pytest.raises(ModelError, match="image_kinds"):
            read_card(folder)
