"""Several findings of a picture, and ordered grades: what is asked, told and saved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spinealign.analysis import analyze_image
from spinealign.data_audit.label_tables import read_labels
from spinealign.domain.errors import DataSetError, ModelError
from spinealign.domain.examination import EXAMINATIONS, ExaminationKind
from spinealign.domain.findings import (
    GradedPicture,
    LabelAnswer,
    LabelledPicture,
    ModelIdentity,
    ModelStatus,
    median_grade,
)
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import LabelRule, ModelCard
from spinealign.evaluation.cases import LabelledCases
from spinealign.export.exporters import EXPORTERS
from spinealign.export.overlay import heatmap_picture
from spinealign.export.tables import analysis_json
from spinealign.imaging.presenting import Placing, brought_back
from spinealign.inference.engine import LoadedModel
from spinealign.predict import grade_with, label_with
from spinealign.wording import demonstration_text, headline
from spinealign.wording.finding_text import finding_text
from spinealign.wording.labels import (
    grade_headline,
    grade_note,
    heat_words,
    labels_headline,
)
from tests.cards import classifier_card
from tests.core.test_region import image


class _Fixed:
    """An engine that answers the same logits to every picture."""

    name = "fixed"

    def __init__(self, logits, maps=None):
        self._outputs = {"logits": np.array([logits], np.float32)}
        if maps is not None:
            self._outputs["activation_map"] = np.moveaxis(np.array(maps, np.float32), 0, -1)[None]

    def run(self, batch, **others):
        return self._outputs


def card(task, classes, **changes):
    return replace(
        classifier_card(), name=task, input_shape=(64, 64), title=task, task=task,
        classes=tuple(classes), positive_class=None, positive_output=None, threshold=None,
        temperature=1.0,
        status=ModelStatus.INTERNALLY_VALIDATED, **changes,
    )  # fmt: skip


RULES = {
    # Not in the order of the classes: JSON of other programs may sort keys.
    "narrow": LabelRule(0.9, 0.5), "bulging": LabelRule(0.2, 0.1, temperature=2.0),
}  # fmt: skip


def labels(logits=(-1.0, 1.0), maps=None, **changes):
    found = card("multi_label", ("bulging", "narrow"), label_rules=RULES, **changes)
    return LoadedModel(found, _Fixed(logits, maps))


def grades(logits=(2.0, 0.5, -3.0), maps=None, **changes):
    found = card("ordinal", ("none", "mild", "moderate", "severe"), **changes)
    return LoadedModel(found, _Fixed(logits, maps))


def spot(row, column, height=4.0, ground=0.0):
    """A map of 4 x 4 places in which one stands out."""
    made = np.full((4, 4), ground)
    made[row, column] = height
    return made


def quarter(heat):
    """In which quarter of a picture the strongest evidence lies: upper left is (0, 0)."""
    row, column = np.unravel_index(int(np.argmax(heat)), heat.shape)
    return int(row >= heat.shape[0] / 2), int(column >= heat.shape[1] / 2)


def test_the_heat_map_is_of_findings_that_are_reported():
    maps = (spot(0, 3), spot(3, 0))  # bulging at the upper right, narrow at the lower left
    found = {
        name: label_with(labels(logits, maps), image()).heatmap
        for name, logits in {
            "bulging": (-1.0, 1.0), "narrow": (-9.0, 9.0), "both": (9.0, 9.0), "none": (-9.0, -9.0),
        }.items()
    }  # fmt: skip
    assert found["none"] is None
    assert found["bulging"].shape == image().shape
    assert (quarter(found["bulging"]), quarter(found["narrow"])) == ((0, 1), (1, 0))
    upper, lower = found["both"][:10, -10:].max(), found["both"][-10:, :10].max()
    assert min(upper, lower) > 0.9
    assert label_with(labels(), image()).heatmap is None


def test_the_heat_map_of_a_grade_is_what_speaks_for_a_higher_one_than_the_picture_on_average():
    # Every step has the same map and another beginning: none of these speaks for a place.
    maps = [spot(0, 3, ground=-5.0) - step for step in range(3)]
    heat = grade_with(grades(maps=maps), image()).heatmap
    assert quarter(heat) == (0, 1)
    assert heat[-10:, :10].max() < 0.05
    with pytest.raises(ModelError):
        grade_with(grades(maps=maps[:2]), image())


def test_one_heat_map_is_shown_and_its_legend_says_of_what():
    maps = (spot(0, 3), spot(3, 0))
    found = analysed(labels(maps=maps), grades(maps=[spot(3, 3)] * 3))
    found = replace(found, image=SpineImage(found.image.pixels, 8, Path("a.png"), "0" * 64))
    assert found.explained is found.labelled
    assert heat_words(found) == "“bulging”"
    alone = replace(found, labelled=None)
    assert alone.heatmap is found.picture_grade.heatmap
    assert heat_words(alone) == "a higher grade"
    assert heat_words(replace(alone, picture_grade=None)) == ""
    assert heatmap_picture(found).size == heatmap_picture(alone).size
    assert "heatmap.png" in {one.file_name for one in EXPORTERS.values() if one.is_available(found)}
    turned = brought_back(found, image(), Placing(image().shape, image().pixel_aspect, 180.0))
    assert quarter(turned.labelled.heatmap) == (1, 0)


def test_each_finding_has_the_output_and_the_threshold_of_its_own_name():
    answer = label_with(labels(), image())
    bulging, narrow = answer.labels
    assert (bulging.name, narrow.name) == ("bulging", "narrow")
    assert bulging.probability == pytest.approx(1 / (1 + np.exp(0.5)))
    assert narrow.probability == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert (bulging.is_present, narrow.is_present) == (True, False)
    assert (bulging.threshold, bulging.prevalence, narrow.threshold) == (0.2, 0.1, 0.9)
    assert LabelAnswer("a", 0.5, 0.5, 0.1).is_present


def test_grades_run_from_the_lowest_to_the_highest():
    answer = grade_with(grades(), image())
    above = [1 / (1 + np.exp(-z)) for z in (2.0, 0.5, -3.0)]
    assert answer.probabilities == pytest.approx(
        (1 - above[0], above[0] - above[1], above[1] - above[2], above[2]), abs=1e-6
    )
    assert answer.predicted == "moderate"
    assert answer.expected == pytest.approx(1 + sum(above))
    assert grade_with(grades((-3.0, -4.0, -5.0)), image()).predicted == "none"
    assert grade_with(grades((5.0, 4.0, 3.0)), image()).predicted == "severe"
    turned = grade_with(grades((0.0, 0.001, -1.0)), image())
    assert min(turned.probabilities) >= 0
    assert sum(turned.probabilities) == pytest.approx(1)


@pytest.mark.parametrize(
    ("probabilities", "grade"), [((0.5, 0.3, 0.2), 0), ((0.4, 0.3, 0.3), 1), ((0.1, 0.3, 0.6), 2)]
)
def test_the_median_grade_is_that_up_to_which_half_of_the_probability_lies(probabilities, grade):
    assert median_grade(probabilities) == grade


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "multi_label"},
        {"task": "multi_label", "label_rules": {"normal": LabelRule(0.5, 0.5)}},
        {"label_rules": {"normal": LabelRule(0.5, 0.5)}},
        {"task": "ordinal"},  # two grades are classes
    ],
)
def test_a_card_without_a_rule_for_each_finding_is_refused(changes):
    told = replace(classifier_card(), region=None, **changes).to_json()
    with pytest.raises(ValueError, match=r"label_rules|classes|threshold"):
        ModelCard.from_json(told)


def test_a_threshold_that_decides_nothing_is_refused():
    rules = {**RULES, "narrow": LabelRule(0.0, 0.5)}
    with pytest.raises(ValueError, match="threshold"):
        ModelCard.from_json(replace(labels().card, label_rules=rules).to_json())
    assert ModelCard.from_json(labels().card.to_json()).label_rules == RULES


def write(tmp_path, text):
    (tmp_path / "list.csv").write_text(text)
    return tmp_path / "list.csv"


def test_an_empty_cell_is_unknown_and_never_absent(tmp_path):
    place = write(
        tmp_path,
        "image,patient,split,Narrow,bulging\na.png,1,train,1,\nb.png,2,val,no,YES\nc.png,3,,,0\n",
    )
    found = read_labels(place)
    assert found.labels == ("narrow", "bulging")
    assert [row.values for row in found.rows] == [(True, None), (False, True), (None, False)]
    assert [(row.patient, row.part) for row in found.rows] == [
        ("1", "train"), ("2", "val"), ("3", ""),
    ]  # fmt: skip
    assert found.rows[0].path == tmp_path / "a.png"
    assert found.further == {}
    some = read_labels(place, ("bulging",))
    assert some.further == {"narrow": ("1", "no", "")}
    turned = read_labels(place, ("bulging", "Narrow"))
    assert turned.further == {}
    assert turned.labels == ("bulging", "Narrow")
    assert [row.values for row in turned.rows] == [(None, True), (True, False), (False, None)]


@pytest.mark.parametrize(
    ("text", "wanted", "told"),
    [
        ("image,narrow\na.png,maybe\n", (), "column “narrow” of “list.csv” holds “maybe”"),
        ("image,narrow\na.png,-1\n", (), "holds “-1”"),
        ("image,narrow\na.png,1\n", ("wide",), "has no column wide; it has image and narrow"),
        ("image,patient\na.png,1\n", (), "has no column of a finding"),
        ("narrow,wide\n1,1\n", (), "needs a column image"),
        ("image,narrow\na.png,1,2\nb.png,1\n", (), "1 rows of"),
    ],
)
def test_a_list_that_leaves_a_finding_open_is_refused(tmp_path, text, wanted, told):
    with pytest.raises(DataSetError, match=told):
        read_labels(write(tmp_path, text), wanted)


class _Store:
    """Models that answer one task each."""

    def __init__(self, *found):
        self._found = {model.card.name: model for model in found}

    def find_all(self, task, examination=None):
        return tuple(m.card for m in self._found.values() if m.card.task == task)

    find_everywhere = find_all

    def named_for(self, kind):
        return ()

    def find(self, task, examination=None):
        return next(iter(self.find_all(task)), None)

    def gone(self, examination):
        return ()

    def damaged(self):
        return ()

    def load(self, name):
        return self._found[name]


def analysed(*found, demonstration=False):

    kind = EXAMINATIONS[ExaminationKind.NECK_CT_SLICE]
    return run_to_end(analyze_image(image(), _Store(*found), kind, demonstration=demonstration))


def test_findings_and_grade_stand_in_every_result():
    found = analysed(labels(), grades())
    about = SpineImage(found.image.pixels, 8, Path("a.png"), "0" * 64)
    found = replace(found, image=about)
    said = headline(found)
    assert "Findings above their thresholds: “bulging” (probability 0.38)." in said
    assert "narrow" not in said
    assert "Grade “moderate” (probability 0.58; expected place 2.6 of 4" in said
    assert [model.name for model in found.models] == ["multi_label", "ordinal"]
    told = analysis_json(found, {})
    assert told["findings"]["findings"][1] == {
        "name": "narrow", "probability": pytest.approx(0.731059, abs=1e-5), "threshold": 0.9,
        "prevalence": 0.5, "reported": False,
    }  # fmt: skip
    assert told["picture_grade"]["predicted"] == "moderate"
    assert told["picture_grade"]["grades"][0]["name"] == "none"
    text = finding_text(found)
    assert "narrow: not reported (probability 0.73, reported from 0.90; 50 % of" in text
    assert "Probability of grade severe: 0.05" in text


def test_demonstrations_answer_only_where_they_are_asked_and_stand_in_no_finding():
    weak = ModelStatus.DEMONSTRATION
    hidden = labels(), grades()
    weak_labels = LoadedModel(replace(hidden[0].card, status=weak), hidden[0].engine)
    weak_grades = LoadedModel(replace(hidden[1].card, status=weak), hidden[1].engine)
    silent = analysed(weak_labels, grades())
    assert silent.labelled is None
    assert silent.withheld.name == "multi_label"
    assert silent.picture_grade.predicted == "moderate"
    asked = analysed(weak_labels, weak_grades, demonstration=True)
    assert asked.labelled is not None
    told = demonstration_text(asked)
    assert told.startswith("Demonstration model: findings above their thresholds: “bulging”")
    assert "Grade “moderate”" in told
    shown = asked.without_demonstration
    assert (shown.labelled, shown.picture_grade, shown.models) == (None, None, ())
    assert "bulging" not in headline(asked)


def test_no_finding_above_its_threshold_names_what_was_looked_for():
    model = ModelIdentity("m", "M", "1", "0" * 64, ModelStatus.DEMONSTRATION, "e")
    answers = LabelAnswer("a", 0.1, 0.5, 0.2), LabelAnswer("b", 0.49, 0.5, 0.2)
    answer = LabelledPicture(model, answers, True)
    assert labels_headline(answer) == "No finding above its threshold (“a” or “b”)."
    assert GradedPicture(model, ("x", "y", "z"), (0.2, 0.3, 0.5), True).predicted == "y"


@pytest.mark.parametrize(
    ("probabilities", "said"),
    [
        ((0.1, 0.6, 0.2, 0.1), "Grade “b” (probability 0.60; expected place 2.3 of 4"),
        ((0.4, 0.4, 0.1, 0.1), "Grade “b” (probability 0.40; expected place 1.9 of 4"),
        (
            (0.45, 0.04, 0.06, 0.45),
            "Grade between “a” and “d”: no single grade is clear (median “c”, of probability 0.06; "
            "expected place 2.5 of 4",
        ),
        ((0.24, 0.25, 0.15, 0.36), "Grade between “b” and “d”: no single grade is clear (median"),
        ((0.4, 0.35, 0.25, 0.0), "Grade between “a” and “b”: no single grade is clear (median “b”"),
    ],
)
def test_where_the_median_grade_is_not_the_likeliest_a_range_is_told(probabilities, said):
    model = ModelIdentity("m", "M", "1", "0" * 64, ModelStatus.DEMONSTRATION, "e")
    answer = GradedPicture(model, ("a", "b", "c", "d"), probabilities, True)
    assert grade_headline(answer).startswith(said)
    assert ("quartiles" in grade_note(answer)) == ("between" in said)


def test_further_columns_of_a_list_make_groups_of_the_pictures_that_were_answered(tmp_path):
    several = pytest.importorskip("spinealign.evaluation.several", exc_type=ImportError)
    rows = ["image,patient,split,narrow,source,age"]
    rows += [f"{n}.png,{n},{'val' if n > 7 else ''},{n % 2},{'ab'[n > 4]},{n}" for n in range(20)]
    table = read_labels(write(tmp_path, "\n".join(rows) + "\n"), ("narrow",))
    kept = [table.rows[n] for n in (3, 4, 9, 7, 16, 18)]
    groups = several._groups(table, kept)
    assert groups["source"] == ("a", "a", "b", "b", "b", "b")
    assert groups["part"] == ("", "", "val", "", "val", "val")
    assert groups["age"] == ("3", "4", "9", "7", "16", "18")
    cases = LabelledCases(
        tuple(row.name for row in kept), tuple(row.patient for row in kept), ("narrow",),
        np.array([[float(row.values[0])] for row in kept]),
        np.array([[0.2], [0.3], [0.9], [0.8], [0.9], [0.1]]), (0.5,), groups,
    )  # fmt: skip
    found = several.evaluate_labelled("m", cases, draws=100)
    by_source = {one.value: one for one in found.subgroups if one.column == "source"}
    assert [(k, one.cases) for k, one in by_source.items()] == [("a", 2), ("b", 4)]
    assert by_source["a"].figures["accuracy/narrow"].value == 0.5
    assert by_source["b"].figures["accuracy/narrow"].value == 0.75
    assert "average_precision/narrow" in found.figures
