"""Models for images that no examination has, such as oblique films: asked there, nowhere else."""

import hashlib
import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

import spinealign
from spinealign.analysis import analyze_image
from spinealign.batch.options import counts_no_more, models_of
from spinealign.cli.main import examination_option, run_command
from spinealign.cli.model_choice import silent_models_lines
from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.examination import EXAMINATIONS, ExaminationKind, ImageKind
from spinealign.domain.findings import ModelStatus, WarningCode
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import DecisionSource
from spinealign.domain.model_store import StoreProblem
from spinealign.inference import catalog
from spinealign.model_store import ModelStore
from spinealign.wording import caution_text, headline
from spinealign.wording.failures import explain
from spinealign.wording.model_card import kinds_text
from spinealign.wording.model_manager import use_text
from spinealign.wording.models import answers_text, figure_text, model_lines
from tests.cards import gate_card
from tests.core.test_catalog import MODULES_THAT_LOOK, write_model
from tests.core.test_model_store import edit_card, made_sha256, refused
from tests.core.test_one_way import Says, neck_ct
from tests.examinations import NECK_CT, SPINE_MR
from tests.gates import gate_that_sees

OBLIQUE = ImageKind.OBLIQUE_FILM
"""Of no examination."""

ALONE = WarningCode.NAMED_MODEL_ALONE


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A profile beside a shipped gate and a shipped classifier for CT of the neck."""
    write_model(tmp_path / "shipped", "shipped_net")
    gate = write_model(tmp_path / "shipped", "gate")
    edit_card(gate, **{**gate_card().to_json(), "name": "gate", "sha256": made_sha256()})
    for module in MODULES_THAT_LOOK:
        monkeypatch.setattr(f"{module}.models_dirs", lambda: (tmp_path / "shipped",))
    monkeypatch.setenv("SPINEALIGN_PROFILE", str(tmp_path / "profile"))
    return ModelStore(tmp_path / "profile", trial=lambda folder: None)


def made(tmp_path, name="mine", **changes):
    """A classifier for oblique films that somebody passes on."""
    changes = {"examinations": [], "image_kinds": [OBLIQUE], "title": f"Title of {name}", **changes}
    folder = write_model(tmp_path / "from", name, **changes)
    (folder / "model.tflite").write_bytes(name.encode())
    edit_card(folder, sha256=hashlib.sha256(name.encode()).hexdigest())
    return folder


def models_seeing(store, kind, *named):
    """The models of the profile, with a gate that takes every image for one kind."""

    def opened(weights, card):
        return gate_that_sees(kind).engine if card.task == "view" else Says(2.0)

    return catalog.ModelStore(
        open_engine=opened, chosen=[str(one) for one in named], profile=store.profile
    )


def analysed(models, wanted=None):
    image = replace(neck_ct(), possible_examinations=None)
    return run_to_end(analyze_image(image, models, wanted, demonstration=True))


def answered(analysis):
    return None if analysis.classification is None else analysis.classification.model.name


def codes(analysis):
    return {caution.code for caution in analysis.cautions}


# ---------------------------------------------------------------- the card's kind counts


def test_a_named_model_for_oblique_films_answers_these_and_no_others(store, tmp_path):
    folder = made(tmp_path)
    oblique = analysed(models_seeing(store, OBLIQUE, folder))
    assert (answered(oblique), oblique.named_kind) == ("mine", OBLIQUE)
    for kind in (ImageKind.SPINE_MR, ImageKind.NECK_CT, ImageKind.OTHER_RADIOGRAPH):
        models = models_seeing(store, kind, folder)
        other = analysed(models)
        assert answered(other) != "mine"
        (line,) = silent_models_lines(models.chosen, other)
        assert line.startswith("The model “Title of mine (mine)” was not asked: ")
        assert "oblique film of the spine" in line


def test_a_model_whose_card_names_no_images_answers_for_all_that_are_analysed(store, tmp_path):
    folder = made(tmp_path, image_kinds=[])
    assert answered(analysed(models_seeing(store, ImageKind.SPINE_MR, folder))) == "mine"
    assert answered(analysed(models_seeing(store, OBLIQUE, folder))) is None


def test_a_person_overrules_the_kind_and_the_result_records_it(store, tmp_path):
    models = models_seeing(store, ImageKind.SPINE_MR, made(tmp_path))
    found = analysed(models, OBLIQUE)
    assert (answered(found), found.named_kind, found.examination) == ("mine", OBLIQUE, None)
    assert (found.decided_by, found.kind_check.overruled) == (DecisionSource.USER, True)
    assert found.kind_check.kind is ImageKind.SPINE_MR
    (told,) = [one for one in found.cautions if one.code is WarningCode.VIEW_OVERRULED]
    assert told.kind is ImageKind.SPINE_MR
    assert headline(found).startswith("Analysed as an oblique film of the spine against")
    assert silent_models_lines(models.chosen, found) == []
    agreed = analysed(models_seeing(store, OBLIQUE, tmp_path / "from" / "mine"), OBLIQUE)
    assert answered(agreed) == "mine"
    assert not agreed.kind_check.overruled
    assert WarningCode.VIEW_OVERRULED not in codes(agreed)


def test_to_state_an_examination_asks_no_model_for_oblique_films(store, tmp_path):
    models = models_seeing(store, OBLIQUE, made(tmp_path))
    found = analysed(models, SPINE_MR)
    assert (answered(found), found.examination) == (None, SPINE_MR)
    (line,) = silent_models_lines(models.chosen, found)
    assert "was analysed as sagittal spine MR; “--examination oblique_film” overrules that" in line


def test_without_a_model_for_the_stated_kind_nothing_is_made_up(store):
    with pytest.raises(ModelError) as caught:
        analysed(models_seeing(store, ImageKind.SPINE_MR), OBLIQUE)
    assert caught.value.problem is ModelProblem.NONE_FOR_KIND
    assert "models use" in explain(caught.value).advice


@pytest.mark.parametrize("name", [None, *EXAMINATIONS, OBLIQUE, ImageKind.OTHER_MR])
def test_the_option_takes_examinations_and_kinds_without_one(name):
    if name is None:
        assert examination_option("auto") is None
    elif isinstance(name, ExaminationKind):
        assert examination_option(name.value) is name.examination
        assert examination_option(name.examination.key) is name.examination
    else:
        assert examination_option(name.value) is name


def test_the_option_takes_no_kind_that_an_examination_has():
    with pytest.raises(Exception, match="spine_mr"):
        examination_option(ImageKind.SPINE_MR.value)


# ---------------------------------------------------------------- chosen for good


def test_a_chosen_model_answers_oblique_films_as_a_named_one_does(store, tmp_path):
    store.install(made(tmp_path))
    before = analysed(models_seeing(store, OBLIQUE))
    assert (answered(before), before.is_refused) == (None, True)
    (told,) = [one for one in before.cautions if one.code is WarningCode.OTHER_MODELS]
    assert "was not asked: Title of mine (mine);" in caution_text(told)
    listed = store.choose("mine")
    assert (listed.answers_alone, listed.answers, listed.is_chosen) == ((OBLIQUE,), True, True)
    chosen = analysed(models_seeing(store, OBLIQUE))
    named = analysed(models_seeing(store, OBLIQUE, tmp_path / "from" / "mine"))
    for found in (chosen, named):
        assert (answered(found), found.is_refused, found.examination) == ("mine", False, None)
        assert (found.segmentation, found.measurements) == (None, ())
        assert [one.name for one in found.models] == ["gate", "mine"]
        assert ALONE in codes(found)
        assert WarningCode.OTHER_MODELS not in codes(found)
    assert answered(analysed(models_seeing(store, ImageKind.NECK_CT))) == "shipped_net"
    assert analysed(models_seeing(store, ImageKind.OTHER_RADIOGRAPH)).is_refused


def test_the_same_from_python(store, tmp_path):
    store.install(made(tmp_path))
    picture = tmp_path / "film.png"
    cv2.imwrite(str(picture), neck_ct().pixels.astype(np.uint8))
    refusal = spinealign.analyze(picture, store=models_seeing(store, OBLIQUE))
    assert (refusal.is_refused, refusal.probabilities) == (True, {})
    store.choose("mine")
    found = spinealign.analyze(picture, store=models_seeing(store, OBLIQUE), demonstration=True)
    assert set(found.probabilities) == {"normal", "fracture"}
    assert (found.is_refused, found.mask, found.measures) == (False, None, [])
    assert any("only the model that was named or chosen" in said for said in found.cautions)
    on_mr = models_seeing(store, ImageKind.SPINE_MR, "mine")
    silent = spinealign.analyze(picture, store=on_mr, demonstration=True)
    assert [line.split(":")[0] for line in silent.silent_models] == [
        "The model “Title of mine (mine)” was not asked"
    ]
    stated = spinealign.analyze(
        picture, store=on_mr, examination="oblique_film", demonstration=True
    )
    assert (set(stated.probabilities), stated.silent_models) == ({"normal", "fracture"}, ())


def test_of_two_the_last_that_was_chosen_answers_and_a_named_one_before_it(store, tmp_path):
    for name in ("mine", "other"):
        store.install(made(tmp_path, name))
        store.choose(name)
    assert answered(analysed(models_seeing(store, OBLIQUE))) == "other"
    assert [one.name for one in store.settings.chosen] == ["other"]
    found = analysed(models_seeing(store, OBLIQUE, "mine"))
    assert answered(found) == "mine"
    assert WarningCode.OTHER_MODELS in codes(found)


def test_choices_for_other_images_stand_beside_each_other(store, tmp_path):
    store.install(made(tmp_path))
    store.install(made(tmp_path, "slices", examinations=[NECK_CT.kind], image_kinds=[]))
    store.install(made(tmp_path, "other_films", image_kinds=[ImageKind.OTHER_RADIOGRAPH]))
    for name in ("mine", "slices", "other_films"):
        store.choose(name)
    assert {one.name for one in store.settings.chosen} == {"mine", "slices", "other_films"}
    for kind, name in (
        (OBLIQUE, "mine"), (ImageKind.NECK_CT, "slices"),
        (ImageKind.OTHER_RADIOGRAPH, "other_films"),
    ):  # fmt: skip
        assert answered(analysed(models_seeing(store, kind))) == name


def test_a_choice_for_oblique_films_ends_alone(store, tmp_path):
    store.install(made(tmp_path, examinations=[NECK_CT.kind]))
    store.choose("mine")
    store.choose_shipped("classification", OBLIQUE)
    assert answered(analysed(models_seeing(store, OBLIQUE))) is None
    assert answered(analysed(models_seeing(store, ImageKind.NECK_CT))) == "mine"
    store.choose("mine")
    store.choose_shipped("classification", NECK_CT.kind)
    assert answered(analysed(models_seeing(store, OBLIQUE))) == "mine"
    assert answered(analysed(models_seeing(store, ImageKind.NECK_CT))) == "shipped_net"
    store.choose_shipped("classification")
    assert store.settings.chosen == ()


def test_a_model_that_was_chosen_is_let_go_by_its_name(store, tmp_path):
    store.install(made(tmp_path, examinations=[NECK_CT.kind]))
    store.install(made(tmp_path, "radiograph", image_kinds=[ImageKind.OTHER_RADIOGRAPH]))
    store.choose("mine")
    store.choose("radiograph")
    (store.folder / "mine").rename(store.folder / "renamed")
    left = store.end_use("renamed")
    assert (left.name, left.answers, left.is_chosen) == ("renamed", False, False)
    assert analysed(models_seeing(store, OBLIQUE)).is_refused
    assert answered(analysed(models_seeing(store, ImageKind.NECK_CT))) == "shipped_net"
    assert answered(analysed(models_seeing(store, ImageKind.OTHER_RADIOGRAPH))) == "radiograph"
    for name in ("renamed", "mine", "nothing"):
        with refused(StoreProblem.NOT_CHOSEN):
            store.end_use(name)
    assert [one.name for one in store.settings.chosen] == ["radiograph"]


def test_the_choice_of_a_model_that_is_gone_can_be_ended(store, tmp_path):
    store.install(made(tmp_path))
    store.choose("mine")
    shutil.rmtree(store.folder / "mine")
    assert store.end_use("mine") is None
    assert WarningCode.CHOSEN_MODEL_GONE not in codes(analysed(models_seeing(store, OBLIQUE)))


def test_a_chosen_model_that_is_gone_is_told_on_the_film_that_is_refused(store, tmp_path):
    store.install(made(tmp_path))
    store.choose("mine")
    (store.folder / "mine" / "card.json").unlink()
    found = analysed(models_seeing(store, OBLIQUE))
    assert found.is_refused
    (told,) = [one for one in found.cautions if one.code is WarningCode.CHOSEN_MODEL_GONE]
    assert "Title of mine (mine)" in caution_text(told)
    assert WarningCode.CHOSEN_MODEL_GONE not in codes(
        analysed(models_seeing(store, ImageKind.NECK_CT))
    )


def test_the_next_version_of_a_chosen_model_goes_on_answering(store, tmp_path):
    store.install(made(tmp_path))
    store.choose("mine")
    new = tmp_path / "from" / "mine"
    (new / "model.tflite").write_bytes(b"new weights")
    edit_card(new, sha256=hashlib.sha256(b"new weights").hexdigest(), version="2")
    assert store.install(new, is_replacing=True).answers_alone == (OBLIQUE,)
    edit_card(new, image_kinds=[ImageKind.OTHER_RADIOGRAPH], version="3")
    assert not store.install(new, is_replacing=True).answers
    assert store.settings.chosen == ()


def test_what_outlines_is_not_chosen_for_images_on_which_nothing_is_outlined(store, tmp_path):
    nothing = {"positive_class": None, "positive_output": None, "threshold": None}
    store.install(made(tmp_path, task="segmentation", **nothing))
    with refused(StoreProblem.NO_EXAMINATION):
        store.choose("mine")
    models = models_seeing(store, OBLIQUE, "mine")
    found = analysed(models)
    assert (found.is_refused, ALONE in codes(found)) == (True, False)
    (line,) = silent_models_lines(models.chosen, found)
    assert "was not asked" in line
    (listed,) = [one for one in store.listed() if one.name == "mine"]
    assert "nothing is outlined or measured" in answers_text(listed)


def test_a_candidate_for_oblique_films_alone_is_refused(store, tmp_path):
    store.install(made(tmp_path))
    with refused(StoreProblem.NO_EXAMINATION):
        store.shadow("mine")


def test_a_batch_looks_again_at_refused_films_once_a_model_was_chosen(store, tmp_path):
    store.install(made(tmp_path))
    before = models_of(models_seeing(store, OBLIQUE))
    store.choose("mine")
    now = models_of(models_seeing(store, OBLIQUE))
    assert now["mine"].examinations == (OBLIQUE.value,)
    assert counts_no_more(before, now, frozenset(), "")
    assert not counts_no_more(before, now, frozenset(), NECK_CT.kind.value)


# ---------------------------------------------------------------- told everywhere


def test_lists_and_window_say_for_which_images(store, tmp_path, capsys):
    store.install(made(tmp_path))
    store.choose("mine")
    (listed,) = [one for one in store.listed() if one.name == "mine"]
    lines = model_lines([listed])
    assert "    classification: oblique film of the spine" in lines
    assert any(
        line.strip() == "It answers for oblique film of the spine because you chose it; there it "
        "alone is asked, as a demonstration only where “--demonstration” or the window’s button "
        "asks it."
        for line in lines
    )
    assert kinds_text(listed.card) == "Oblique film of the spine"
    assert use_text(listed) == "It answers for: Oblique film of the spine."
    assert run_command(["models"]) == 0
    assert "for: oblique film of the spine" in capsys.readouterr().out
    assert run_command(["models", "list", "--json"]) == 0
    told = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert told["mine"]["image_kinds"] == told["mine"]["answers_alone"] == ["oblique_film"]
    assert told["shipped_net"]["answers_alone"] == []


def test_the_commands_choose_and_let_go(store, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("spinealign.model_store.store.tried_apart", lambda folder: None)
    assert run_command(["models", "install", str(made(tmp_path)), "--use"]) == 0
    assert "It answers for oblique film of the spine" in capsys.readouterr().out
    assert answered(analysed(models_seeing(store, OBLIQUE))) == "mine"
    words = ["models", "use", "--shipped", "classification", "--examination", "oblique_film"]
    assert run_command(words) == 0
    assert "No model is asked for classification of oblique film" in capsys.readouterr().out
    assert analysed(models_seeing(store, OBLIQUE)).is_refused
    assert run_command(["models", "use", "mine"]) == 0
    assert answered(analysed(models_seeing(store, OBLIQUE))) == "mine"
    capsys.readouterr()
    assert run_command(["models", "use", "mine", "--end"]) == 0
    assert capsys.readouterr().out.startswith("mine is not chosen any more: It does not answer")
    assert analysed(models_seeing(store, OBLIQUE)).is_refused
    assert run_command(["models", "use", "mine", "--end"]) == 1
    assert "“mine” was not chosen, so nothing changed" in capsys.readouterr().err
    assert run_command(["models", "use", "--shipped", "classification", "--end"]) == 2


# ---------------------------------------------------------------- why a named one did not answer


def test_of_two_named_for_one_task_the_second_is_told_the_true_reason(store, tmp_path):
    folders = [made(tmp_path, name, examinations=[NECK_CT.kind]) for name in ("one", "two")]
    for kind in (ImageKind.NECK_CT, OBLIQUE):
        models = models_seeing(store, kind, *folders)
        found = analysed(models)
        assert answered(found) == "one"
        assert silent_models_lines(models.chosen, found) == [
            "The model “Title of two (two)” was not asked: “Title of one (one)” was named before "
            "it for the same task (classification), and one model answers for each."
        ]


def test_a_named_model_that_is_withheld_is_not_called_silent(store, tmp_path):
    models = models_seeing(store, OBLIQUE, made(tmp_path))
    image = replace(neck_ct(), possible_examinations=None)
    found = run_to_end(analyze_image(image, models))
    assert found.withheld.name == "mine"
    assert headline(found).startswith("Nothing is assessed on an oblique film of the spine")
    assert silent_models_lines(models.chosen, found) == []


def test_a_demonstration_beside_other_answers_is_told_whether_it_was_named_or_chosen(
    store, tmp_path
):
    models = models_seeing(store, OBLIQUE, made(tmp_path))
    alone = run_to_end(analyze_image(replace(neck_ct(), possible_examinations=None), models))
    found = replace(alone, segmentation=SimpleNamespace())  # as of an MR slice
    for chosen in (models.chosen, ()):
        (line,) = silent_models_lines(chosen, found)
        assert line.startswith(
            "The model “Title of mine (mine)” was not asked: it is only a demonstration, which "
            "“--demonstration” asks"
        )
    listed = SimpleNamespace(
        answers_all=False, answers_for=(NECK_CT.kind,), answers_alone=(), is_chosen=True,
        card=models.chosen[0],
    )  # fmt: skip
    assert "as a demonstration only where “--demonstration”" in answers_text(listed)
    listed.card = replace(listed.card, status=ModelStatus.INTERNALLY_VALIDATED)
    assert "demonstration" not in answers_text(listed)


def test_lists_tell_the_figure_of_held_out_patients_and_which_one_it_is(tmp_path):
    card = catalog.read_card(made(tmp_path))
    figure = {"value": 0.86, "low": 0.64, "high": 1.0, "units": 16}
    both = {"cross_validation": {"auc": figure}, "held_out": {"auc": {**figure, "value": 0.56}}}
    told = figure_text(replace(card, metrics=both))
    assert told == "auc 0.56 (0.64 to 1), 16 independent, held out"
    crossed = {"cross_validation": {"auc": figure}}
    assert figure_text(replace(card, metrics=crossed)).endswith(", in cross-validation")
    assert figure_text(replace(card, metrics={"pending": True})) == ""


def test_a_model_without_kinds_that_meets_a_refused_image_is_told_in_words(store, tmp_path):
    models = models_seeing(store, OBLIQUE, made(tmp_path, image_kinds=[]))
    (line,) = silent_models_lines(models.chosen, analysed(models))
    assert line.startswith(
        "The model “Title of mine (mine)” was not asked: the image was rejected, and its card"
    )
    assert "names no kind of image" in line
