"""Where trainings leave models and results: nothing of another training is written over."""

import json

import pytest

from spinealign.domain.model_store import ModelStoreError
from spinealign.training.own.jobs import OwnJob, begun
from spinealign.training.own.pictures import list_pictures
from spinealign.training.own.places import (
    ABOUT,
    KEY,
    RESULTS,
    begin_results,
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
