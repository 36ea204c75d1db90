"""A candidate beside the models that answer: only what it says otherwise, and never in a result."""

import io
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from spinealign.cli.main import run_command
from spinealign.domain.comparison import Change
from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.findings import ModelStatus
from spinealign.domain.generators import run_to_end
from spinealign.domain.measurements import MeasureState
from spinealign.domain.model_card import IntensityRule
from spinealign.domain.model_store import ShadowClass
from spinealign.inference.engine import LoadedModel
from spinealign.model_store.comparing import card_differences
from spinealign.model_store.shadows import compared, shadow_results
from spinealign.wording.models import difference_lines, figure_text, shadow_lines
from tests.cards import classifier_card
from tests.core.test_one_way import (
    MASK,
    GreyReader,
    Says,
    Store,
    analysed,
    classifier,
    grader,
    neck_ct,
    painted,
    segmenter,
)
from tests.examinations import NECK_CT
from tests.located import point_model


class Beside(Store):
    """Models that answer, and candidates beside them."""

    def __init__(self, *models, candidates=()):
        super().__init__(*models)
        self._candidates = candidates

    def shadows(self, examination):
        return self._candidates


class Candidate(Store):
    """The models with a candidate answering for its task."""

    def __init__(self, candidate, *others):
        super().__init__(candidate, *others)
        self.chosen = (candidate.card,)


def results(image, answering, candidate, *others):
    store = Beside(answering, *others, candidates=(Candidate(candidate, *others),))
    return run_to_end(shadow_results(analysed(image, answering, *others), store))


def other(logit=3.0, **changes):
    return classifier(logit, name="other", title="Candidate", **changes)


def test_a_candidate_that_says_the_same_has_nothing_to_tell():
    (found,) = results(neck_ct(), classifier(), other())
    assert not found.has_differences
    assert shadow_lines(found) == ["candidate Candidate 1: says the same"]
    assert [one.name for one in found.answering] == ["ct_fracture"]


def test_another_class_is_told_with_both_probabilities():
    (found,) = results(neck_ct(), classifier(3.0), other(-2.0))
    assert found.classes == ShadowClass(
        "fracture", "normal", pytest.approx(0.9526, abs=1e-4), pytest.approx(0.8808, abs=1e-4)
    )
    assert "fracture (0.95), candidate normal (0.88)" in "\n".join(shadow_lines(found))


def test_a_candidate_that_is_a_demonstration_answers_as_somebody_asked_for_it():
    (found,) = results(neck_ct(), classifier(3.0), other(-2.0, status=ModelStatus.DEMONSTRATION))
    assert found.classes is not None


def test_the_model_that_answers_is_not_compared_with_itself():
    assert results(neck_ct(), classifier(), classifier()) == ()


def test_a_candidate_that_breaks_is_told_and_named():
    class Broken(Says):
        def run(self, batch):
            raise ArithmeticError("patient in the message")

    broken = LoadedModel(other().card, Broken(3.0, None))
    with pytest.raises(ModelError) as caught:
        results(neck_ct(), classifier(), broken)
    assert (caught.value.problem, caught.value.model) == (ModelProblem.FAILED, "other")
    assert caught.value.detail == "ArithmeticError"


class Shrinking(GreyReader):
    """Leaves out the upper part of every structure."""

    def run(self, batch):
        logits = super().run(batch)["logits"].copy()
        logits[:, : MASK.shape[0] // 2] = (9, 0, 0, 0)
        return {"logits": logits}


def small(**changes):
    plain = segmenter(name="small", title="Small outlines", **changes)
    return LoadedModel(plain.card, Shrinking())


def test_outlines_are_told_by_dice_and_what_rests_on_them_by_its_error():
    (found,) = results(painted(MASK), segmenter(), small(), grader())
    by_name = {one.structure: one for one in found.outlines}
    assert set(by_name) == {"vertebra", "disc", "canal"}
    disc = by_name["disc"]
    assert 0 < disc.candidate_px < disc.answering_px
    expected = 2 * disc.candidate_px / (disc.candidate_px + disc.answering_px)
    assert disc.dice == pytest.approx(expected)
    assert {row.change for row in found.measures} <= {
        Change.BEYOND, Change.UNJUDGED, Change.ONLY_FIRST, Change.ONLY_SECOND,
    }  # fmt: skip
    text = "\n".join(shadow_lines(found))
    assert f"disc: Dice {disc.dice:.3f}" in text
    assert "without a value by the candidate: " in text


def one_measure(analysis, value, interval):
    measured = next(
        m
        for m in analysis.measurements
        if m.value is not None and m.state is MeasureState.AUTOMATIC
    )
    changed = replace(measured, value=value, interval=interval)
    return replace(analysis, measurements=(changed,))


@pytest.mark.parametrize(
    ("value", "is_told"), [(10.0, False), (12.0, False), (12.1, True), (7.9, True), (8.0, False)]
)
def test_a_measure_differs_where_it_leaves_the_stated_interval(value, is_told):
    card = small().card
    here = analysed(painted(MASK), segmenter(), grader())
    there = analysed(painted(MASK), LoadedModel(card, GreyReader()), grader())
    answer = one_measure(here, 10.0, (8.0, 12.0))
    candidate = one_measure(there, value, (0.0, 20.0))
    found = compared(answer, candidate, card)
    assert bool(found.measures) is is_told
    if is_told:
        (row,) = found.measures
        assert (row.change, row.difference) == (Change.BEYOND, pytest.approx(value - 10.0))


def test_grades_of_discs_that_both_found_are_compared():
    here = analysed(painted(MASK), segmenter(), grader())
    disc = here.discs[0]
    graded = replace(disc.grades[0], value=1 if disc.grades[0].value != 1 else 2)
    there = replace(here, discs=(replace(disc, grades=(graded, *disc.grades[1:])), *here.discs[1:]))
    card = replace(classifier_card(), name=here.disc_model.name, sha256=here.disc_model.sha256)
    found = compared(here, there, replace(card, task="disc_grading"))
    (difference,) = found.grades
    assert (difference.level, difference.grade) == (disc.level, graded.name)
    assert (difference.answering, difference.candidate) == (disc.grades[0].value, graded.value)
    assert found.answering == (here.disc_model,)


def test_a_candidate_that_was_not_asked_has_no_result():
    here = analysed(neck_ct(), classifier())
    assert compared(here, here, replace(classifier_card(), name="absent")) is None


# -------------------------------------------------------------------------------- cards


def test_two_cards_side_by_side_show_what_differs_and_nothing_else():
    one = classifier_card()
    two = replace(
        one, name="other", threshold=0.7, intensity=IntensityRule(denoise="median"),
        metrics={"held_out": {"auc": {"value": 0.9, "low": 0.8, "high": 0.95}}},
    )  # fmt: skip
    found = {each.entry: (each.first, each.second) for each in card_differences(one, two)}
    assert found == {
        "threshold": ("0.5", "0.7"),
        "intensity.channels": ("vgg_caffe", "grey"),
        "intensity.denoise": ("none", "median"),
        "metrics.none": ("True", ""),
        "metrics.held_out.auc": ("", "0.9 (0.8 to 0.95)"),
    }
    lines = difference_lines(("tiny", "other"), card_differences(one, two))
    assert lines[0] == "tiny | other"
    assert "threshold: 0.5 | 0.7" in lines
    assert difference_lines(("a", "b"), card_differences(one, one)) == [
        "The two cards say the same."
    ]


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ({"note": "not evaluated"}, ""),
        ({"held_out": {"auc": {"value": 0.91234, "low": 0.8, "high": 1.0, "units": 12}}},
         "auc 0.912 (0.8 to 1), 12 independent, held out"),
        ({"a": {"sensitivity": {"value": 0.5}}, "b": {"auc": {"value": 1.0}}}, "auc 1"),
        ({"by film": {"a long description": {"neck found": {"value": 0.9}}}}, "neck found 0.9"),
        ({"value": True}, ""),
    ],
)  # fmt: skip
def test_one_figure_stands_for_a_card(metrics, told):
    assert figure_text(replace(classifier_card(), metrics=metrics)) == told


# ------------------------------------------------------------------------- command line


@pytest.fixture
def profile(tmp_path, monkeypatch):
    monkeypatch.setenv("SPINEALIGN_PROFILE", str(tmp_path / "profile"))
    return tmp_path / "profile"


def test_the_commands_install_choose_verify_and_remove(tmp_path, profile, capsys, monkeypatch):
    from tests.core.test_catalog import write_model

    monkeypatch.setattr("spinealign.model_store.store.tried_apart", lambda folder: None)
    monkeypatch.setattr("sys.stdin", io.StringIO())  # a new key without a passphrase
    folder = str(write_model(tmp_path / "from", "mine"))
    run = lambda *words: run_command(["models", *words])  # noqa: E731
    assert run("install", folder) == 0
    assert "“spinealign models use mine” chooses it" in capsys.readouterr().out
    assert run("use", "mine") == 0
    assert run("list", "--json") == 0
    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out.split("\n", 1)[1])}
    assert listed["mine"]["answers_for"] == ["cervical_ct_slice"]
    assert listed["ct_fracture_vgg16"]["answers_for"] == []
    assert listed["mr_segmentation"]["answers_for"] == ["sagittal_spine_mr"]
    assert run("new-key", str(tmp_path / "key")) == 0
    assert run("sign", folder, "--key", str(tmp_path / "key")) == 0
    assert run("install", folder, "--replace") == 0
    assert run("trust", str(tmp_path / "key.pub"), "--name", "Radiology") == 0
    assert run("verify", "mine") == 0
    assert "signed by Radiology, who is trusted" in capsys.readouterr().out
    card = profile / "models" / "mine" / "card.json"
    card.write_text(card.read_text().replace("0.5", "0.6"))
    assert run("verify") == 1
    told = capsys.readouterr()
    assert "mine: BROKEN: “card.json”" in told.err
    assert "mr_segmentation: sound" in told.out
    assert run("list") == 1
    told = capsys.readouterr().out
    assert "mine  cannot be used" in told
    assert "signed by Radiology" not in told
    assert run("use") == run("use", "mine", "--shipped", "view") == 2
    assert run("remove", "ct_fracture_vgg16") == 1
    assert run("remove", "mine") == 0
    assert not list((profile / "models").iterdir())


def test_the_network_of_a_model_is_run_once_by_the_command(tmp_path, capsys):
    from spinealign.domain.paths import models_dirs
    from spinealign.model_store.trial import EXIT_MISFIT, try_here
    from tests.core.test_catalog import write_model

    limits = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spinealign.model_store.trial._limit_memory", lambda: limits.append(1))
        shipped = models_dirs()[-1]
        for name in ("mr_segmentation", "disc_grading", "view_gate", "ct_fracture_vgg16"):
            assert try_here(shipped / name), name
        nonsense = write_model(tmp_path, "nonsense")
        assert run_command(["models", "try-network", str(nonsense)]) == EXIT_MISFIT
        wrong = tmp_path / "wrong"
        wrong.mkdir()
        card = json.loads((shipped / "view_gate" / "card.json").read_text())
        card["input_shape"] = [65, 64]
        (wrong / "card.json").write_text(json.dumps(card))
        weights = (shipped / "view_gate" / "model.tflite").read_bytes()
        (wrong / "model.tflite").write_bytes(weights)
        assert not try_here(wrong)
    assert len(limits) == 6


def test_a_trial_takes_place_in_another_process_that_may_fail(tmp_path, monkeypatch):
    from spinealign.model_store.trial import TrialProblem, tried_apart
    from tests.core.test_catalog import write_model

    folder = write_model(tmp_path, "nonsense")
    assert tried_apart(folder) is TrialProblem.MISFIT
    shutil.rmtree(folder)
    assert tried_apart(folder) is TrialProblem.ENDED

    done = subprocess.CompletedProcess([], 0)

    def hangs(command, **options):
        assert command[-3:] == ["models", "try-network", str(folder)]
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr("subprocess.run", hangs)
    assert tried_apart(folder) is TrialProblem.TOO_SLOW
    monkeypatch.setattr("sys.frozen", True, raising=False)
    commands = []
    monkeypatch.setattr("subprocess.run", lambda command, **_: commands.append(command) or done)
    assert tried_apart(folder) is None
    assert commands == [[sys.executable, "models", "try-network", str(folder)]]


def test_a_candidate_of_a_task_that_is_not_compared_is_never_said_to_agree():
    """An earlier version let it be registered."""
    image = replace(neck_ct(), possible_examinations=None)
    told = results(image, classifier(), point_model(examinations=(NECK_CT.kind,)))
    assert told == ()
