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
