"""Several findings and ordered grades, trained on tiny networks; needs TensorFlow."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from spinealign.cli.main import _parser
from spinealign.data_audit.label_tables import read_labels
from spinealign.domain.errors import AnswersError, DataSetError
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_store import ModelStoreError
from spinealign.evaluation.answering import AskedOfModel
from spinealign.evaluation.several import evaluated_grades, evaluated_labels
from spinealign.evaluation.writing import write_evaluation
from spinealign.imaging.read import read_image
from spinealign.inference.catalog import ModelStore, read_card
from spinealign.model_store.trial import _answers
from spinealign.predict import grade_with, label_with
from spinealign.training.classifier import ClassifierRecipe
from spinealign.training.own import grades_jobs, labels_jobs
from spinealign.training.own.about import Judgement, intensity_rule
from spinealign.training.own.grades import probabilities_of, train_grades
from spinealign.training.own.labels import (
    listed_labels,
    rules_of,
    train_labels,
    truths_of,
)
from spinealign.training.own.linear_heads import _odds_loss, solve_grades, solve_labels
from spinealign.training.own.pictures import PatientSource, Picture, PictureSet
from spinealign.training.own.several import SeveralJob
from tests.examinations import SPINE_MR
from tests.model.test_own_training import TINY, tiny_imagenet

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def picture(path, level, seed):
    """Noise of a brightness that tells all."""
    noise = np.random.default_rng(seed).integers(0, 12, (48, 48))
    Image.fromarray((level + noise).astype(np.uint8)).save(path)


def job(tmp_path, data, names, **changes):
    rule = intensity_rule(None, None, "vgg_caffe")
    recipe = ClassifierRecipe(
        copies=1, rule=rule, arguments=TINY, inverse_regularisation=1.0, balance="none"
    )
    return replace(
        SeveralJob(
            data=data, work=tmp_path / "work", out=tmp_path / "models" / "mine", names=names,
            recipe=recipe, imagenet=tiny_imagenet(tmp_path / "imagenet.npz"),
            audit=lambda *_: Judgement(),
        ),
        **changes,
    )  # fmt: skip


def label_list(tmp_path, patients=24):
    """Bright pictures have "bright"; every fifth has no entry for it; "odd" is at random."""
    folder = tmp_path / "pictures"
    folder.mkdir(exist_ok=True)
    lines = ["image,patient,split,odd,bright"]
    for number in range(patients):
        is_bright = number % 2
        picture(folder / f"p{number}.png", 170 if is_bright else 50, number)
        known = "" if number % 5 == 4 else is_bright
        part = "val" if number >= patients - 6 else "train"
        lines.append(f"p{number}.png,{number},{part},{number % 3 == 0:d},{known}")
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    return folder / "list.csv"


def table(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_findings_are_learned_from_what_is_known_of_them_and_mean_what_they_are_called(tmp_path):
    data = label_list(tmp_path)
    card = train_labels(job(tmp_path, data, ("bright", "odd")))
    assert read_card(tmp_path / "models" / "mine") == card
    assert card.classes == ("bright", "odd")
    assert card.task == "multi_label"
    rule = card.label_rules["bright"]
    assert 0.05 < rule.threshold < 0.95
    known = [n for n in range(18) if n % 5 != 4]
    assert rule.prevalence == pytest.approx(sum(n % 2 for n in known) / len(known), abs=1e-3)
    assert "bright: there in 8, absent in 7, 3 unknown (not learned from)" in card.training_data
    assert card.metrics["held_out"]["labels"]["bright"]["auc"]["value"] == 1
    assert card.metrics["cross_validation"]["labels"]["bright"]["sensitivity"]["value"] == 1
    assert card.metrics["held_out"]["labels"]["bright"]["images"] == 5
    assert card.status is ModelStatus.DEMONSTRATION
    rows = table(tmp_path / "work" / "results" / "predictions.csv")
    for row in rows:
        is_bright = int(row["image"][1:-4]) % 2
        assert (float(row["probability_bright"]) >= rule.threshold) == bool(is_bright), row
    # The other order is other work, and turns nothing round.
    other = job(tmp_path, data, ("odd", "bright"))
    with pytest.raises(ModelStoreError, match="other_there"):
        train_labels(other)
    turned = train_labels(replace(other, is_replacing=True))
    assert turned.classes == ("odd", "bright")
    for row in table(tmp_path / "work" / "results" / "predictions.csv"):
        same = next(one for one in rows if one["image"] == row["image"])
        assert float(row["probability_bright"]) == pytest.approx(
            float(same["probability_bright"]), abs=1e-3
        )
    model = ModelStore([tmp_path / "models"]).load("mine")
    assert _answers(model)
    shown = label_with(model, read_image(data.parent / "p1.png"))
    assert shown.labels[1].is_present
    assert 0 < shown.heatmap.max() <= 1
    found = evaluated_labels(model, AskedOfModel(data), lambda *_: None, lambda text: None)
    assert found.evaluation.figures["auc/bright"].value == 1
    assert len(found.evaluation.cases) == 6
    assert "the part “val” alone was answered: 6 of 24" in found.evaluation.cautions[0]
    made = write_evaluation(found.evaluation, tmp_path / "evaluation", ())
    told = json.loads(made[1].read_text())
    assert (told["kind"], told["classes"]) == ("findings", ["odd", "bright"])
    answers = table(made[2])
    assert [row["bright"] for row in answers] == ["0", "", "0", "1", "0", "1"]
    whole = data.with_name("all.csv")
    whole.write_text(data.read_text().replace(",split,", ",room,"))
    found = evaluated_labels(model, AskedOfModel(whole), lambda *_: None, lambda text: None)
    assert "18 of these 24" in found.evaluation.cautions[0]
    # Columns that are no finding part the pictures; "odd" is at random, and often wrong.
    groups = {one.value: one for one in found.evaluation.subgroups}
    assert (groups["train"].column, groups["train"].cases, groups["val"].cases) == ("room", 18, 6)
    assert groups["val"].figures["auc/bright"].value == 1
    worst = {one.image for one in found.evaluation.worst}
    assert set(found.gallery) == worst != set()
    for name in worst:
        drawn = Image.open(io.BytesIO(found.gallery[name]))
        asked = label_with(model, read_image(data.parent / name))
        # Beside itself with what spoke for what is reported; nothing is where nothing is.
        assert drawn.width == (480 if asked.heatmap is not None else 240)
    with pytest.raises(AnswersError):
        evaluated_labels(model, AskedOfModel(tmp_path), lambda *_: None, lambda text: None)


def test_a_single_patient_without_findings_leaves_the_cross_validation(tmp_path, capsys):
    data = label_list(tmp_path)
    lines = ["image,patient,split,bright,dark"]
    for number in range(24):
        nothing = number == 2
        part = "val" if number >= 18 else "train"
        is_bright = number % 2
        lines.append(f"p{number}.png,{number},{part},{is_bright:d},{not (is_bright or nothing):d}")
    data.write_text("\n".join(lines) + "\n")
    found = read_labels(data, ("bright", "dark"))
    truth = truths_of(found)
    listed = listed_labels(found, truth, None, 3)
    assert all(len(listed.patients(label)) > 1 for label in listed.classes)
    card = train_labels(job(tmp_path, data, ("bright", "dark")))
    assert "cross-validation in 3 folds that share no patient\n" in capsys.readouterr().out
    assert card.metrics["cross_validation"]["labels"]["bright"]["auc"]["value"] == 1
    assert "cross-validat" not in " ".join(card.known_failures)


def test_a_finding_of_one_patient_is_named_and_alone_has_no_cross_validated_figures(tmp_path):
    data = label_list(tmp_path)
    lines = ["image,patient,split,bright,lone"]
    for number in range(24):
        part = "val" if number >= 18 else "train"
        lines.append(f"p{number}.png,{number},{part},{number % 2:d},{number == 3:d}")
    data.write_text("\n".join(lines) + "\n")
    card = train_labels(job(tmp_path, data, ("bright", "lone")))
    crossed = card.metrics["cross_validation"]["labels"]
    assert crossed["bright"]["auc"]["value"] == 1
    assert crossed["lone"] == {}
    assert card.label_rules["lone"].threshold == 0.5
    failure = "“lone” has a single patient, so it has no cross-validated figures."
    assert failure in card.known_failures
    assert read_card(tmp_path / "models" / "mine") == card


def test_a_finding_without_both_answers_is_refused(tmp_path):
    data = label_list(tmp_path)
    data.write_text(data.read_text().replace(",1,", ",0,"))
    with pytest.raises(DataSetError, match="“odd” cannot be learned"):
        train_labels(job(tmp_path, data, ("bright", "odd")))


def test_an_unknown_finding_teaches_nothing():
    values = np.array([[0.0], [1.0], [2.0], [3.0], [9.0]], np.float32)
    truth = np.array([[0.0], [0.0], [1.0], [1.0], [np.nan]])
    recipe = ClassifierRecipe(inverse_regularisation=1.0, balance="none")
    kernel, bias = solve_labels(values, truth, recipe)
    same = solve_labels(values[:4], truth[:4], recipe)
    assert kernel == pytest.approx(same[0])
    assert bias == pytest.approx(same[1])
    assert kernel[0, 0] > 0
    assert np.isnan(solve_labels(values[:2], truth[:2], recipe)[1]).all()


def test_every_finding_is_audited_with_what_is_known_of_it(tmp_path):
    seen = []

    def audit(found, held, work, although, earlier):
        # What the first finding's audit saw spares the others looking at the pictures again.
        assert earlier[-1] == tmp_path / "work" / "audit-1" / "audit" / "seen"
        seen.append((found.classes, len(found.pictures), len(held), work.name, although))
        return Judgement("leak", is_condemned=True) if len(seen) == 1 else Judgement("doubt")

    from spinealign.training.own.labels import _audited

    asked = job(tmp_path, label_list(tmp_path), ("bright", "odd"), audit=audit)
    from spinealign.data_audit.label_tables import read_labels

    found = read_labels(asked.data, asked.names)
    listed = listed_labels(found, truths_of(found), None, 3)
    said = _audited(asked, listed, {"p23.png"}, found.labels, truths_of(found))
    assert said == Judgement("bright: leak odd: doubt", is_condemned=True)
    assert seen == [
        (("bright", "no bright"), 20, 1, "audit-1", ""), (("no odd", "odd"), 24, 1, "audit-2", ""),
    ]  # fmt: skip


def test_a_threshold_lies_between_what_has_a_finding_and_what_has_not():
    names = [f"{n}" for n in range(6)]
    found = PictureSet(
        tuple(Picture(None, name, patient=name) for name in names), PatientSource.TABLE
    )
    truth = {name: [float(n >= 3)] for n, name in enumerate(names)}
    logits = {name: np.array([z]) for name, z in zip(names, (-5, -4, -3, -1, 0, 1), strict=True)}
    (rule,) = rules_of(found, truth, logits, ("a",)).values()
    p = [1 / (1 + np.exp(-z / rule.temperature)) for z in (-3, -1)]
    assert p[0] < rule.threshold < p[1]
    assert rule.prevalence == 0.5
    (rule,) = rules_of(found, truth, {}, ("a",)).values()
    assert (rule.threshold, rule.temperature) == (0.5, 1.0)


GRADES = ("none", "little", "much")


def graded(tmp_path, patients=24):
    """Brighter pictures have higher grades; sorted by name "little" is the lowest."""
    lines = ["image,patient,label,split"]
    for number in range(patients):
        grade = number % 3
        picture(tmp_path / f"p{number}.png", 40 + 80 * grade, number)
        part = "val" if number >= patients - 6 else "train"
        lines.append(f"p{number}.png,{number},{GRADES[grade]},{part}")
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "list.csv"


def test_grades_have_the_order_that_was_stated(tmp_path):
    data = graded(tmp_path)
    card = train_grades(job(tmp_path, data, GRADES))
    assert read_card(tmp_path / "models" / "mine") == card
    assert (card.task, card.classes) == ("ordinal", GRADES)
    held = card.metrics["held_out"]
    assert held["kappa_quadratic"]["value"] == 1
    assert held["mean_grade_error"]["value"] == 0
    assert held["confusion_matrix"] == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    for row in table(tmp_path / "work" / "results" / "predictions.csv"):
        assert row["predicted"] == row["class"]
    other = job(tmp_path, data, GRADES[::-1])
    with pytest.raises(ModelStoreError, match="other_there"):
        train_grades(other)
    turned = train_grades(replace(other, is_replacing=True))
    assert turned.metrics["held_out"]["kappa_quadratic"]["value"] == 1
    for row in table(tmp_path / "work" / "results" / "predictions.csv"):
        assert row["predicted"] == row["class"]
    model = ModelStore([tmp_path / "models"]).load("mine")
    assert _answers(model)
    assert grade_with(model, read_image(tmp_path / "p1.png")).heatmap is not None
    found = evaluated_grades(model, AskedOfModel(data), lambda *_: None, lambda text: None)
    assert found.evaluation.figures["kappa_quadratic"].value == 1
    assert found.evaluation.figures["mean_grade_error"].value == 0
    write_evaluation(found.evaluation, tmp_path / "evaluation", ())
    assert found.gallery == {}
    # A picture whose grade is wrong is shown beside its heat map.
    data.write_text(data.read_text().replace("p23.png,23,much", "p23.png,23,none"))
    found = evaluated_grades(model, AskedOfModel(data), lambda *_: None, lambda text: None)
    assert list(found.gallery) == ["p23.png"]
    assert Image.open(io.BytesIO(found.gallery["p23.png"])).width == 480


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("none", "little"), "three or more"),
        (("none", "little", "little"), "three or more"),
        (("none", "little", "most"), "pictures have the grades much"),
        ((*GRADES, "most"), "no picture of the grade “most”"),
    ],
)
def test_an_order_that_does_not_hold_all_grades_is_refused(tmp_path, names, told):
    with pytest.raises(DataSetError, match=told):
        train_grades(job(tmp_path, graded(tmp_path), names))


def test_the_slope_of_the_odds_is_that_of_its_loss():
    rng = np.random.default_rng(0)
    scaled, truth = rng.normal(size=(30, 4)), rng.integers(0, 4, 30)
    at = rng.normal(size=4 + 3)
    weights = rng.uniform(0.5, 2, 30)
    _, slope = _odds_loss(at, scaled, truth, weights, 0.7)
    for place in range(len(at)):
        step = np.zeros(len(at))
        step[place] = 1e-6
        high, low = (_odds_loss(at + s * step, scaled, truth, weights, 0.7)[0] for s in (1, -1))
        assert slope[place] == pytest.approx((high - low) / 2e-6, rel=1e-4, abs=1e-5)


def test_the_odds_of_grades_are_those_of_their_shares_where_nothing_tells_them_apart():
    values = np.zeros((100, 2), np.float32)
    truth = np.array([[0.0, 0.0]] * 20 + [[1.0, 0.0]] * 50 + [[1.0, 1.0]] * 30)
    kernel, bias = solve_grades(values, truth, ClassifierRecipe(balance="none"))
    assert np.allclose(kernel, 0, atol=1e-3)
    assert probabilities_of(bias) == pytest.approx((0.2, 0.5, 0.3), abs=2e-3)
    _, bias = solve_grades(values, truth, ClassifierRecipe(balance="weights"))
    assert probabilities_of(bias) == pytest.approx((1 / 3, 1 / 3, 1 / 3), abs=2e-3)


def test_what_the_command_line_says_becomes_the_job(tmp_path):
    place = ["--work", str(tmp_path / "w"), "--out", str(tmp_path / "m"), "--imagenet", "v.npz"]
    words = ["multi-label", "d.csv", "--labels", "b", "a", "--folds", "4", "--copies", "0"]
    found = labels_jobs.job_by_options(_parser().parse_args(["train", *words, *place]))
    assert (found.names, found.recipe.folds, found.recipe.copies) == (("b", "a"), 4, 0)
    assert found.recipe.head == "lean"
    words = ["ordinal", "d", "--grades", "3", "1", "2", "--label-column", "g", "--view", "spine-mr"]
    found = grades_jobs.job_by_options(_parser().parse_args(["train", *words, *place]))
    assert (found.names, found.label_column) == (("3", "1", "2"), "g")
    assert found.stated.examination is SPINE_MR


def test_what_a_recipe_says_becomes_the_job(tmp_path):
    pytest.importorskip("yaml")
    from spinealign.training.own.recipe_file import read_recipe

    text = "work: w\nout: m\nimagenet: v.npz\ntraining: {folds: 5}\n"
    (tmp_path / "l.yaml").write_text("task: multi-label\ndata: {path: d, labels: [b, a]}\n" + text)
    found = labels_jobs.job_by_recipe(read_recipe(tmp_path / "l.yaml"))
    assert (found.names, found.recipe.folds) == (("b", "a"), 5)
    (tmp_path / "g.yaml").write_text(
        "task: ordinal\ndata: {path: d, grades: ['3', '1', '2'], label_column: g}\n" + text
    )
    found = grades_jobs.job_by_recipe(read_recipe(tmp_path / "g.yaml"))
    assert (found.names, found.label_column) == (("3", "1", "2"), "g")
    assert found.imagenet == tmp_path / "v.npz"
