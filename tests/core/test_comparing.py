"""Two models of one task on the same pictures: each figure's difference, by hand."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn")

from spinealign.domain.errors import AnswersError
from spinealign.evaluation.cases import ClassifiedCases, LabelledCases, OutlinedCases
from spinealign.evaluation.comparing import compare_answers
from spinealign.evaluation.landmarks import PointedCases
from spinealign.wording.models import answers_compared_lines

IMAGES = ("a", "b", "c", "d")
PATIENTS = ("p", "p", "q", "r")


def outlined(*dice, classes=("disc",)):
    rows = tuple(
        {name: {"dice": one, "surface_distance": 1.0, "hausdorff_95": 2.0} for name in classes}
        for one in dice
    )
    return OutlinedCases(IMAGES, PATIENTS, classes, rows)


def test_outlines_differ_by_the_mean_over_patients():
    found = compare_answers(outlined(0.5, 0.7, 0.8, 0.9), outlined(0.6, 0.8, 0.6, 0.9), draws=50)
    # Patients: +0.1, -0.2, 0.
    figure = found.differences["dice/disc"]
    assert figure.value == pytest.approx(-0.1 / 3)
    assert figure.low <= figure.value <= figure.high
    assert found.differences["surface_distance/disc"].value == 0
    assert (found.cases, found.patients) == (4, 3)
    lines = answers_compared_lines(found)
    assert lines[0] == "On 4 pictures of 3 patients, second less first:"
    assert any(line.strip().startswith("dice/disc: -0.033 (") for line in lines)
    assert not any("right:" in line for line in lines)


def test_pictures_of_unknown_patients_are_not_called_patients():
    here = replace(outlined(0.5, 0.7, 0.8, 0.9), patients=IMAGES, knows_patients=False)
    there = replace(outlined(0.6, 0.8, 0.6, 0.9), patients=IMAGES, knows_patients=False)
    classes = replace(NARROW, patients=IMAGES, knows_patients=False)
    for found in (
        compare_answers(here, there, draws=5),
        compare_answers(classes, classes, draws=5),
    ):
        lines = answers_compared_lines(found)
        assert lines[0].startswith("No column names the patients, so each picture counts as a ")
        assert lines[1] == "On 4 pictures whose patients are unknown, second less first:"


def test_a_patient_of_whom_one_model_says_nothing_tells_no_difference():
    nan = float("nan")
    found = compare_answers(outlined(0.5, 0.7, 0.8, nan), outlined(0.6, 0.8, 0.6, 0.9), draws=5)
    assert found.differences["dice/disc"].value == pytest.approx((0.1 - 0.2) / 2)


def test_structures_of_one_model_alone_do_not_count():
    both = outlined(0.5, 0.7, 0.8, 0.9, classes=("vertebra", "disc"))
    found = compare_answers(both, outlined(0.5, 0.7, 0.8, 0.9), draws=5)
    assert {name.partition("/")[2] for name in found.differences} == {"disc"}
    with pytest.raises(AnswersError):
        compare_answers(both, outlined(0, 0, 0, 0, classes=("canal",)))


def test_only_pictures_that_both_answered_count_in_one_order():
    second = outlined(0.9, 0.6, 0.8, 0.6).only(np.array([3, 1, 0]))
    found = compare_answers(outlined(0.5, 0.7, 0.8, 0.9), second, draws=5)
    assert found.differences["dice/disc"].value == pytest.approx(((0.4 - 0.1) / 2 - 0.3) / 2)
    with pytest.raises(AnswersError):
        compare_answers(outlined(0, 0, 0, 0), replace(second, images=("x", "y", "z")))


def labelled(p, truth=(1.0, 0.0, 1.0, np.nan), thresholds=(0.5, 0.5)):
    rows = np.array([[1 - each, each] for each in p])
    known = np.array([[0.0, each] for each in truth])
    return LabelledCases(IMAGES, PATIENTS, ("bulging", "narrowing"), known, rows, tuple(thresholds))


def test_findings_differ_each_by_its_own_threshold_where_it_is_known():
    first = labelled((0.9, 0.2, 0.4, 0.9))
    second = labelled((0.9, 0.2, 0.4, 0.1), thresholds=(0.5, 0.3))
    found = compare_answers(first, second, draws=5).differences
    assert found["sensitivity/narrowing"].value == pytest.approx(0.5)
    assert found["auc/narrowing"].value == pytest.approx(0.0)
    with pytest.raises(AnswersError, match="a"):
        compare_answers(first, labelled((0.9, 0.2, 0.4, 0.9), truth=(0.0, 0.0, 1.0, np.nan)))


def pointed(away, names=("A", "B")):
    truth = np.full((4, len(names), 2), 10.0)
    truth[3, -1] = np.nan
    found = truth.copy()
    found[:, 0, 0] += np.array(away)
    return PointedCases(
        IMAGES, PATIENTS, names, truth, found, np.full((4, 2), 0.5), np.full((4, 2), 100.0),
        np.ones((4, len(names))),
    )  # fmt: skip


def test_points_differ_by_their_errors_and_by_what_is_found():
    first, second = pointed((2.0, 4.0, 6.0, 8.0)), pointed((1.0, 3.0, 5.0, np.nan))
    found = compare_answers(first, second, draws=5).differences
    assert found["error_mm/A"].value == pytest.approx(1.5 - 2.5)
    assert found["found/A"].value == pytest.approx(-0.25)
    assert found["error_mm/B"].value == 0
    other = compare_answers(first, pointed((2.0, 4.0, 6.0, 8.0), names=("A", "C")), draws=5)
    assert "error_mm/A" in other.differences
    assert "error_mm/B" not in other.differences


def test_classifiers_are_compared_as_before_and_other_tasks_not_at_all():
    p = np.array([0.9, 0.1, 0.8, 0.3])
    one = ClassifiedCases(
        IMAGES, PATIENTS, ("no", "yes"), np.array([1, 0, 1, 1]), np.stack([1 - p, p], axis=1)
    )
    found = compare_answers(one, one, (0.5, 0.2), draws=5)
    assert (found.only_first, found.only_second) == (0, 1)
    with pytest.raises(AnswersError, match="do not do the same"):
        compare_answers(one, outlined(0, 0, 0, 0))


def two_classes(p, truth, classes=("not_narrow", "narrow"), **told):
    """Return answers with the probability of the last class, which is positive."""
    p = np.array(p)
    rows, known = np.stack([1 - p, p], axis=1), np.array(truth, np.int64)
    return ClassifiedCases(IMAGES, IMAGES, classes, known, rows, **told)


NARROW = two_classes((0.9, 0.2, 0.4, 0.1), (1, 0, 1, 0))
"""Decides a, b and d rightly at 0.5; c is missed."""


def test_a_model_with_the_other_positive_class_is_turned_round_once():
    # Of "not_narrow": the truth of the same pictures, and at 0.3 not narrow are b, c and d.
    other = two_classes((0.05, 0.3, 0.7, 0.8), (0, 1, 0, 1), ("narrow", "not_narrow"))
    found = compare_answers(NARROW, other, (0.5, 0.3), draws=5)
    assert found.turned == ("narrow", "not_narrow")
    differences = {name: one.value for name, one in found.differences.items()}
    # Narrow is a alone for both; as probabilities of narrow the second says 0.95, 0.7, 0.3, 0.2.
    assert differences["sensitivity"] == pytest.approx(0)
    assert differences["specificity"] == pytest.approx(0)
    assert (found.only_first, found.only_second) == (0, 0)
    assert differences["auc"] == pytest.approx(3 / 4 - 1)
    first, second = (0.01 + 0.04 + 0.36 + 0.01) / 4, (0.0025 + 0.49 + 0.49 + 0.04) / 4
    assert differences["brier"] == pytest.approx(second - first)
    line = answers_compared_lines(found)[0]
    assert "the second for “not_narrow”" in line
    assert "all figures are about “narrow”" in line


def test_sensitivity_and_specificity_of_a_turned_model_are_not_exchanged():
    # At 0.5 it calls a, b and c narrow: all that are, and one that is not.
    other = two_classes((0.1, 0.4, 0.2, 0.9), (0, 1, 0, 1), ("narrow", "not_narrow"))
    found = compare_answers(NARROW, other, (0.5, 0.5), draws=5)
    assert found.differences["sensitivity"].value == pytest.approx(0.5)
    assert found.differences["specificity"].value == pytest.approx(-0.5)
    assert (found.only_first, found.only_second) == (1, 1)
    again = compare_answers(other, NARROW, (0.5, 0.5), draws=5)
    assert again.turned == ("not_narrow", "narrow")
    assert again.differences["sensitivity"].value == pytest.approx(0.5)
    assert again.differences["specificity"].value == pytest.approx(-0.5)


def test_decisions_of_a_table_are_turned_with_its_classes():
    other = two_classes((0.1, 0.9, 0.1, 0.9), (0, 1, 0, 1), ("narrow", "not_narrow"))
    other = replace(other, probabilities=None, decided=np.array([0, 1, 0, 1]))
    found = compare_answers(NARROW, other, (0.5, None), draws=5)
    assert (found.only_first, found.only_second) == (0, 1)
    assert found.differences["sensitivity"].value == pytest.approx(0.5)


def test_models_of_one_positive_class_are_not_turned():
    found = compare_answers(NARROW, NARROW, (0.5, 0.5), draws=5)
    assert found.turned is None
    assert found.differences["auc"].value == 0
    assert "turned" not in "".join(answers_compared_lines(found))


def test_other_names_more_classes_and_grades_are_never_turned():
    with pytest.raises(AnswersError, match="Compare models of one task"):
        compare_answers(NARROW, two_classes((0.1, 0.8, 0.6, 0.9), (0, 1, 0, 1), ("narrow", "wide")))
    grades = two_classes((0.1, 0.8, 0.6, 0.9), (0, 1, 0, 1), ("narrow", "not_narrow"))
    with pytest.raises(AnswersError, match="Compare models of one task"):
        compare_answers(replace(NARROW, is_ordinal=True), replace(grades, is_ordinal=True))
    three = ClassifiedCases(
        IMAGES, IMAGES, ("a", "b", "c"), np.array([0, 1, 2, 0]), np.full((4, 3), 1 / 3)
    )
    with pytest.raises(AnswersError, match="Compare models of one task"):
        compare_answers(three, replace(three, classes=("c", "b", "a")))
