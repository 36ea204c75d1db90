"""Where trainings leave models and results: nothing of another training is written over."""

import json
import shutil
from dataclasses import replace

import pytest

from spinealign import files
from spinealign.cli.main import _parser
from spinealign.domain.model_store import ModelStoreError
from spinealign.inference.catalog import card_content, read_card, write_card
from spinealign.inference.catalog import write_model as put_model
from spinealign.inference.checksums import CARD, CHECKSUMS, SIGNATURE, read_checksums
from spinealign.training.own.jobs import OwnJob, begun
from spinealign.training.own.pictures import list_pictures
from spinealign.training.own.places import (
    ABOUT,
    KEY,
    RESULTS,
    begin_results,
    made_beside,
    require_free,
    tell_results,
)
from spinealign.wording.failures import explain
from tests.cards import classifier_card
from tests.core.test_catalog import write_model
from tests.own_data import two_classes


def leave(work, text):
    (work / RESULTS / "predictions.csv").write_text(text)


def left(folder):
    return (folder / "predictions.csv").read_text()


def test_results_of_another_training_are_moved_aside_and_taken_up_again(tmp_path):
    assert begin_results(tmp_path, "one", "classification") is None
    leave(tmp_path, "first")
    assert begin_results(tmp_path, "one", "classification") is None
    assert left(tmp_path / RESULTS) == "first"
    aside = begin_results(tmp_path, "two", "segmentation")
    assert aside == tmp_path / "results-one"
    assert not (tmp_path / RESULTS / "predictions.csv").exists()
    assert json.loads((tmp_path / RESULTS / ABOUT).read_text()) == {
        KEY: "two", "task": "segmentation",
    }  # fmt: skip
    leave(tmp_path, "second")
    assert begin_results(tmp_path, "one", "classification") == tmp_path / "results-two"
    assert (left(tmp_path / RESULTS), left(tmp_path / "results-two")) == ("first", "second")
    assert not aside.exists()


def test_results_of_earlier_versions_are_kept_each_under_a_name(tmp_path):
    for text in ("old", "older"):
        (tmp_path / RESULTS).mkdir()
        leave(tmp_path, text)
        begin_results(tmp_path, text, "ordinal")
        (tmp_path / RESULTS / ABOUT).unlink()
        (tmp_path / RESULTS).rmdir()
    assert left(tmp_path / "results-earlier") == "old"
    assert left(tmp_path / "results-earlier-2") == "older"


def test_results_say_what_the_outputs_of_their_network_mean(tmp_path):
    card = classifier_card(classes=("wide", "fracture"))
    begin_results(tmp_path, "one", "classification")
    tell_results(tmp_path / RESULTS, card)
    told = json.loads((tmp_path / RESULTS / ABOUT).read_text())
    assert told["classes"] == ["wide", "fracture"]
    assert (told["positive_class"], told["threshold"]) == ("fracture", 0.5)


def test_a_model_folder_is_free_for_its_own_training_alone(tmp_path):
    require_free(tmp_path / "nothing", "one", is_replacing=False)
    out = write_model(tmp_path, training={KEY: "one"}, title="Mine")
    require_free(out, "one", is_replacing=False)
    require_free(out, "two", is_replacing=True)
    with pytest.raises(ModelStoreError) as caught:
        require_free(out, "two", is_replacing=False)
    assert explain(caught.value).sentence == (
        f"“{out}” holds another model already (Mine), and it was left as it is."
    )
    for card in (write_model(tmp_path, "unmarked"), write_model(tmp_path, "damaged", task="none")):
        with pytest.raises(ModelStoreError):
            require_free(card, "", is_replacing=False)


def test_one_key_is_one_training(tmp_path):
    found = list_pictures(two_classes(tmp_path / "data"), None)
    told = {"seed": 7, "positive": "wide"}
    held = {found.pictures[0].name}

    def key(pictures=found, held=held, settings=told, task="classification", out="out"):
        job = OwnJob(data=tmp_path, work=tmp_path / "work", out=tmp_path / out)
        return begun(job, task, pictures, held, settings).key

    same = key()
    assert same == key(out="another")
    relabelled = found.where(lambda p: p.label == "wide")
    others = {
        key(pictures=relabelled), key(held=set()), key(settings={**told, "seed": 8}),
        key(settings={**told, "positive": "narrow"}), key(task="ordinal"),
    }  # fmt: skip
    assert len(others | {same}) == 6


def recipe(title, seen=(), fails=False):
    """Return what writes a model folder, and fails after that if it is to."""

    def make(folder):
        for out in seen:
            assert read_card(out).title == "Somebody's"
        shutil.rmtree(folder, ignore_errors=True)
        write_model(folder.parent, folder.name, title=title)
        if fails:
            raise RuntimeError("measuring failed")
        return read_card(folder)

    return make


def test_recipes_of_shipped_models_leave_another_model_as_it_is(tmp_path):
    out, work = tmp_path / "models" / "mine", tmp_path / "work"
    write_model(out.parent, "mine", title="Somebody's")
    with pytest.raises(ModelStoreError, match="other_there"):
        made_beside(out, work, False, lambda _: pytest.fail("it was trained"))
    with pytest.raises(RuntimeError):
        made_beside(out, work, True, recipe("New", seen=[out], fails=True))
    assert read_card(out).title == "Somebody's"
    (out / "notes.txt").write_text("kept")
    assert made_beside(out, work, True, recipe("New", seen=[out])).name == "mine"
    assert read_card(out).title == "New"
    assert (out / "notes.txt").read_text() == "kept"


def test_a_recipe_writes_over_what_its_own_work_left_unless_that_was_changed(tmp_path):
    out, work = tmp_path / "models" / "mine", tmp_path / "work"
    made_beside(out, work, False, recipe("First"))
    made_beside(out, work, False, recipe("Second"))
    with pytest.raises(RuntimeError):
        made_beside(out, work, False, recipe("Third", fails=True))
    made_beside(out, work, False, recipe("Third"))
    assert read_card(out).title == "Third"
    with pytest.raises(ModelStoreError, match="other_there"):
        made_beside(out, tmp_path / "other work", False, recipe("Other"))
    write_card(out, replace(read_card(out), limits="Calibrated by hand."))
    with pytest.raises(ModelStoreError, match="other_there"):
        made_beside(out, work, False, recipe("Fourth"))
    assert read_card(out).limits == "Calibrated by hand."


def test_weights_and_card_are_written_both_or_neither(tmp_path, monkeypatch):
    out = write_model(tmp_path, "mine", title="Old")
    (out / SIGNATURE).write_text("{}")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    card = card_content(replace(read_card(out), title="New"))
    written = files._write_new

    def full(path, *rest):
        if path.name == CARD:
            raise OSError("no space left")
        written(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(files, "_write_new", full)
        with pytest.raises(OSError, match="no space"):
            put_model(out, {"model.tflite": b"new"}, card)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    (out / CHECKSUMS).write_text("old list")
    put_model(out, {"model.tflite": b"new"}, card)
    assert read_card(out).title == "New"
    assert set(read_checksums(out)) == {"card.json", "model.tflite"}
    assert not (out / SIGNATURE).exists()


@pytest.mark.parametrize("name", ["mr-segmentation", "ct-fracture", "spine-frontal"])
def test_each_recipe_of_a_shipped_model_can_be_told_to_replace(name):
    words = ["train", name, "--data", "d", "--work", "w", "--out", "o"]
    assert _parser().parse_args(words).replace is False
    assert _parser().parse_args([*words, "--replace"]).replace is True
