"""Figures of an evaluation: equal to scikit-learn's, and to what their definitions say."""

import csv
import json
import re
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("sklearn")

import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from spinealign.cli.main import run_command
from spinealign.domain.errors import AnswersError
from spinealign.evaluation import (
    agreement,
    answering,
    classification,
    curves,
    overlaps,
    pairing,
    pictures,
    predicting,
    run,
)
from spinealign.evaluation.cases import ClassifiedCases, MeasuredCases
from spinealign.evaluation.intervals import Figure, bootstrapped
from spinealign.evaluation.known import KnownSet
from spinealign.evaluation.learning import LearningPoint, as_metrics, points_of
from spinealign.evaluation.report_html import report_html
from spinealign.evaluation.tables import Wanted, read_answers
from spinealign.evaluation.writing import evaluation_json
from spinealign.html_pages import html_text
from spinealign.inference import catalog
from spinealign.wording import evaluation as words
from tests.core.test_catalog import write_model


def random_cases(seed, classes=2, count=120, patients=40, is_ordinal=False):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, count)
    logits = rng.normal(size=(count, classes)) + 1.5 * np.eye(classes)[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return ClassifiedCases(
        tuple(f"img{k}.png" for k in range(count)),
        tuple(f"p{rng.integers(patients)}" for _ in range(count)),
        tuple("abcdefg"[:classes]),
        truth,
        probabilities,
        is_ordinal=is_ordinal,
    )


def random_weights(seed, count):
    return np.random.default_rng(seed + 1000).integers(1, 4, count).astype(float)


@given(st.integers(0, 10_000), st.floats(0.05, 0.95))
@settings(max_examples=40, deadline=None)
def test_figures_of_two_classes_are_those_of_scikit_learn(seed, threshold):
    cases = random_cases(seed)
    weights = random_weights(seed, len(cases))
    found = classification.point_figures(cases, threshold, weights)
    truth, score = cases.truth, cases.probabilities[:, 1]
    decided = (score >= threshold).astype(int)
    told = {"y_true": truth, "y_pred": decided, "sample_weight": weights}
    expected = {
        "accuracy": metrics.accuracy_score(**told),
        "balanced_accuracy": metrics.balanced_accuracy_score(**told),
        "sensitivity": metrics.recall_score(**told, zero_division=np.nan),
        "specificity": metrics.recall_score(**told, pos_label=0, zero_division=np.nan),
        "precision": metrics.precision_score(**told, zero_division=np.nan),
        "negative_predictive_value": metrics.precision_score(
            **told, pos_label=0, zero_division=np.nan
        ),
        "f1": metrics.f1_score(**told, zero_division=np.nan),
        "kappa": metrics.cohen_kappa_score(truth, decided, sample_weight=weights),
        "auc": metrics.roc_auc_score(truth, score, sample_weight=weights),
        "average_precision": metrics.average_precision_score(truth, score, sample_weight=weights),
        "brier": metrics.brier_score_loss(truth, score, sample_weight=weights),
    }
    assert {k: v for k, v in found.items() if k != "calibration_error"} == pytest.approx(
        expected, nan_ok=True
    )


@given(st.integers(0, 10_000), st.integers(3, 6))
@settings(max_examples=25, deadline=None)
def test_figures_of_several_grades_are_those_of_scikit_learn(seed, classes):
    cases = random_cases(seed, classes, is_ordinal=True)
    weights = random_weights(seed, len(cases))
    found = classification.point_figures(cases, None, weights)
    truth, decided = cases.truth, cases.probabilities.argmax(axis=1)
    told = {"sample_weight": weights}
    macro = {**told, "average": "macro", "zero_division": 0}
    each = [truth == k for k in range(classes)]
    expected = {
        "accuracy": metrics.accuracy_score(truth, decided, **told),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, decided, **told),
        "precision_macro": metrics.precision_score(truth, decided, **macro),
        "recall_macro": metrics.recall_score(truth, decided, **macro),
        "f1_macro": metrics.f1_score(truth, decided, **macro),
        "kappa": metrics.cohen_kappa_score(truth, decided, **told),
        "kappa_linear": metrics.cohen_kappa_score(truth, decided, weights="linear", **told),
        "kappa_quadratic": metrics.cohen_kappa_score(truth, decided, weights="quadratic", **told),
        "within_one_grade": np.average(np.abs(truth - decided) <= 1, weights=weights),
        "mean_grade_error": metrics.mean_absolute_error(truth, decided, **told),
        "auc_macro": np.mean(
            [
                metrics.roc_auc_score(is_k, cases.probabilities[:, k], **told)
                for k, is_k in enumerate(each)
            ]
        ),
        "average_precision_macro": np.mean(
            [
                metrics.average_precision_score(is_k, cases.probabilities[:, k], **told)
                for k, is_k in enumerate(each)
            ]
        ),
        "brier": metrics.brier_score_loss(
            truth, cases.probabilities, labels=range(classes), scale_by_half=False, **told
        ),
    }  # fmt: skip
    assert {k: v for k, v in found.items() if k != "calibration_error"} == pytest.approx(expected)


def test_calibration_error_is_the_mean_gap_of_the_bins():
    right = np.array([1, 1, 0, 0, 1, 0], float)
    sure = np.array([0.95, 0.95, 0.95, 0.15, 0.15, 1.0])
    # Bins: 0.9..1 with four answers, mean 0.9625, half of them right; 0.1..0.2 with two.
    expected = 4 / 6 * abs(0.5 - 0.9625) + 2 / 6 * abs(0.5 - 0.15)
    assert classification.calibration_error(right, sure, np.ones(6)) == pytest.approx(expected)


def test_the_positive_class_is_the_last_one():
    cases = ClassifiedCases(
        ("1", "2"), ("1", "2"), ("healthy", "ill"), np.array([0, 1]),
        np.array([[0.9, 0.1], [0.8, 0.2]]),
    )  # fmt: skip
    found = classification.point_figures(cases, 0.15, np.ones(2))
    assert (found["sensitivity"], found["specificity"], found["auc"]) == (1, 1, 1)
    assert classification.point_figures(cases, 0.2, np.ones(2))["sensitivity"] == 1
    assert classification.point_figures(cases, 0.21, np.ones(2))["sensitivity"] == 0


def test_a_figure_without_a_positive_case_is_not_defined():
    cases = random_cases(1)
    none = cases.only(np.flatnonzero(cases.truth == 0))
    found = classification.figures(none, 0.5, draws=20)
    assert not found["sensitivity"].is_known
    assert not found["auc"].is_known
    assert found["specificity"].is_known


class TestIntervals:
    def test_pictures_of_one_patient_are_no_more_than_one(self):
        rng = np.random.default_rng(0)
        right = rng.random(30) < 0.7
        alone = [f"p{k}" for k in range(30)]
        repeated = [name for name in alone for _ in range(20)]

        def accuracy(values):
            return lambda weights: {"accuracy": np.average(values, weights=weights)}

        once = bootstrapped(accuracy(right), alone)["accuracy"]
        often = bootstrapped(accuracy(np.repeat(right, 20)), repeated)["accuracy"]
        assert (often.low, often.high) == pytest.approx((once.low, once.high))

    def test_intervals_hold_the_true_value_as_often_as_they_say(self):
        rng = np.random.default_rng(3)
        held = 0
        for trial in range(100):
            right = rng.random(80) < 0.8
            found = bootstrapped(
                lambda w, right=right: {"accuracy": np.average(right, weights=w)},
                [str(k) for k in range(80)], draws=300, seed=trial,
            )["accuracy"]  # fmt: skip
            held += found.low <= 0.8 <= found.high
        assert 88 <= held <= 100

    def test_without_a_miss_the_exact_bound_stands_in(self):
        found = bootstrapped(
            lambda w: {"accuracy": 1.0}, [str(k) for k in range(20)], {"accuracy": 20}
        )["accuracy"]
        low, _ = scipy.stats.binomtest(20, 20).proportion_ci(method="exact")
        assert (found.value, found.low, found.high) == pytest.approx((1, low, 1))

    def test_a_figure_that_all_draws_agree_on_has_no_interval(self):
        """No width would say that it is known, of five patients."""
        found = bootstrapped(
            lambda w: {"kappa": 1.0, "varying": float(w @ np.arange(5))},
            [f"p{k}" for k in range(5)],
        )
        assert found["kappa"].value == 1
        assert np.isnan([found["kappa"].low, found["kappa"].high]).all()
        assert found["varying"].low < found["varying"].high

    def test_a_proportion_that_is_equal_in_all_patients_has_no_interval(self):
        """Each has one right and one wrong picture: no width would say that 0.5 is known."""
        patients = [f"p{k // 2}" for k in range(12)]
        truth = np.array([1, 1, 0, 0] * 3)
        p = np.array([0.9, 0.1] * 6)
        cases = ClassifiedCases(
            tuple(map(str, range(12))), tuple(patients), ("no", "yes"), truth,
            np.stack([1 - p, p], axis=1),
        )  # fmt: skip
        found = classification.figures(cases, 0.5, 200)
        for name in ("accuracy", "sensitivity", "specificity"):
            assert found[name].value == 0.5, name
            assert np.isnan([found[name].low, found[name].high]).all(), name

    def test_bounds_of_a_classifier_without_an_error_are_of_those_who_can_tell(self):
        """6 patients with, 4 without; one of the 6 has two pictures."""
        patients = [*(f"a{k}" for k in range(6)), "a0", *(f"b{k}" for k in range(4))]
        truth = np.array([1] * 7 + [0] * 4)
        p = np.where(truth == 1, 0.9, 0.1)
        cases = ClassifiedCases(
            tuple(map(str, range(11))), tuple(patients), ("no", "yes"), truth,
            np.stack([1 - p, p], axis=1),
        )  # fmt: skip
        found = classification.figures(cases, 0.5, 200)
        for name, count in (
            ("accuracy", 10), ("sensitivity", 6), ("precision", 6), ("specificity", 4),
            ("negative_predictive_value", 4), ("auc", 4),
        ):  # fmt: skip
            assert found[name].value == 1, name
            assert found[name].low == pytest.approx(0.025 ** (1 / count)), name
            assert found[name].high == 1
        for name in ("kappa", "f1", "balanced_accuracy", "average_precision"):
            assert found[name].value == pytest.approx(1), name
            assert np.isnan(found[name].low), name
        told = words.interval_text("kappa", found["kappa"].low, found["kappa"].high, False)
        assert told == "no interval"
        # Patients who have both share pairs: with three of them there is one pair and no more.
        both = replace(cases, patients=("a", "b", "c") * 3 + ("a", "b"))
        assert classification.independent(both, 0.5)["auc"] == 1

    def test_the_bound_of_a_perfect_area_holds_as_often_as_it_says(self):
        """Of areas at the bound for six pairs, at most one draw in forty is without an error."""
        rng = np.random.default_rng(3)
        apart = np.sqrt(2) * scipy.stats.norm.ppf(0.025 ** (1 / 6))
        negative, positive = rng.normal(size=(2000, 6)), rng.normal(apart, size=(2000, 6))
        perfect = (positive.min(axis=1) > negative.max(axis=1)).mean()
        assert perfect <= 0.025

    def test_of_one_patient_there_is_no_interval(self):
        found = bootstrapped(lambda w: {"accuracy": 0.5}, ["p", "p"])["accuracy"]
        assert np.isnan([found.low, found.high]).all()


class TestCurves:
    def test_net_benefit_is_what_vickers_defines(self):
        truth = np.array([1, 1, 0, 0, 0], bool)
        score = np.array([0.9, 0.3, 0.6, 0.2, 0.1])
        thresholds, model, everybody = curves.net_benefit(truth, score)
        at = int(np.argmin(np.abs(thresholds - 0.25)))
        assert model[at] == pytest.approx(2 / 5 - 1 / 5 * 0.25 / 0.75)
        assert everybody[at] == pytest.approx(2 / 5 - 3 / 5 * 0.25 / 0.75)

    def test_a_calibrated_answer_has_the_slope_1(self):
        rng = np.random.default_rng(0)
        score = rng.uniform(0.02, 0.98, 20_000)
        truth = rng.random(20_000) < score
        intercept, slope = curves.recalibration(truth, score)
        assert (intercept, slope) == pytest.approx((0, 1), abs=0.06)
        # Log odds twice as large are twice as sure.
        sure = 1 / (1 + (1 / score - 1) ** 2)
        assert curves.recalibration(truth, sure)[1] == pytest.approx(0.5, abs=0.03)

    def test_wilson_is_scipys(self):
        low, high = curves.wilson(np.array([0.3]), np.array([50]))
        expected = scipy.stats.binomtest(15, 50).proportion_ci(method="wilson")
        assert (low[0], high[0]) == pytest.approx((expected.low, expected.high))


class TestPictures:
    @pytest.fixture
    def drawn(self, monkeypatch):
        """The axes of the picture that is drawn last."""
        kept = []
        monkeypatch.setattr(pictures, "_svg", lambda canvas: kept.append(canvas.axes) or "")
        return lambda: kept[-1]

    def test_no_curve_of_net_benefit_leaves_the_axes(self, drawn):
        truth = np.arange(40) % 5 == 0
        score = np.linspace(0.05, 0.95, 40)
        points = run._points(*curves.net_benefit(truth, score))
        pictures._net_benefit(points)
        [axes] = drawn()
        low, high = axes.get_ylim()
        for line in axes.lines:
            heights = np.asarray(line.get_ydata(), float)
            assert low <= heights.min() <= heights.max() <= high
        everybody = next(each for each in axes.lines if each.get_label() == words.TREAT_ALL)
        across, up = everybody.get_data()
        # It ends on the straight line to the point that is left out, at an arrowhead.
        share = truth.mean()
        assert up[-2] == pytest.approx(share - (1 - share) * across[-2] / (1 - across[-2]))
        assert across[-2] < across[-1] < across[-2] + 0.01
        arrows = [each.get_xydata().tolist() for each in axes.lines if each.get_marker() == "v"]
        assert [[across[-1], up[-1]]] in arrows

    def test_counts_of_calibration_stand_in_bars_below(self, drawn):
        score = np.array([0.01, 0.02, 0.55, 0.999, 1.0])
        truth = np.array([False, False, True, True, True])
        found = curves.calibration(truth, score)
        points = run._points(found.answered, found.share, found.low, found.high, found.cases * 1.0)
        pictures._calibration(points, (0.0, 1.0))
        above, below = drawn()
        assert not above.texts
        assert [text.get_text() for text in below.texts] == ["2", "1", "2"]
        centres = [bar.get_x() + bar.get_width() / 2 for bar in below.patches]
        assert centres == pytest.approx([0.05, 0.55, 0.95])


def test_angles_between_points_have_degrees_beside_errors_in_millimetres():
    pointed = SimpleNamespace(unit="mm")
    angle = MeasuredCases(("a",), ("p",), np.array([1.0]), np.array([2.0]), "deg")
    found = run.Evaluation("t", pointed, (), None, "", {}, None, (), (), angles={"lordosis": angle})
    assert [found.unit_of(name) for name in ("bias/lordosis", "error_mm/C2", "found")] == [
        "deg", "mm", "mm",
    ]  # fmt: skip
    assert words.interval_text("bias/lordosis", -1.234, 5.678, True) == "-1.23 to 5.68 *"
    assert words.interval_text("auc", 0.1234, 0.5678, False) == "0.123 to 0.568"


class TestThreshold:
    def test_youden_is_the_best_of_all(self):
        cases = random_cases(5)
        value = classification.by_threshold(cases, classification.youden)

        def told(threshold):
            found = classification.point_figures(cases, threshold, np.ones(len(cases)))
            return found["sensitivity"] + found["specificity"]

        assert told(value) == pytest.approx(max(told(t) for t in np.linspace(0, 1, 2001)))

    def test_a_least_sensitivity_is_reached(self):
        cases = random_cases(6)
        value = classification.by_threshold(cases, classification.least_sensitivity(0.95))
        found = classification.point_figures(cases, value, np.ones(len(cases)))
        assert found["sensitivity"] >= 0.95

    def test_it_is_not_chosen_on_those_it_is_reported_on(self):
        cases = random_cases(7)
        with pytest.raises(AnswersError, match="reported on"):
            run.chosen_threshold(cases, cases, None)


class TestPairs:
    def test_differences_are_second_minus_first(self):
        first, second = random_cases(1), random_cases(1)
        better = np.eye(2)[second.truth] * 0.8 + 0.1
        second = ClassifiedCases(
            second.images[::-1], second.patients[::-1], second.classes, second.truth[::-1],
            better[::-1],
        )  # fmt: skip
        found = pairing.compare(first, second, draws=50)
        weights = np.ones(len(first))
        accuracy = classification.point_figures(first, None, weights)["accuracy"]
        assert found.differences["accuracy"].value == pytest.approx(1 - accuracy)
        assert found.differences["accuracy"].low > 0
        assert found.only_first == 0
        assert found.only_second == round((1 - accuracy) * len(first))
        assert np.isnan(found.mcnemar_p)

    def test_mcnemar_is_the_exact_one(self):
        truth = np.zeros(20, np.int64)
        alone = tuple(str(k) for k in range(20))
        one, other = np.zeros(20, np.int64), np.zeros(20, np.int64)
        one[:7], other[7:9] = 1, 1
        told = [ClassifiedCases(alone, alone, ("a", "b"), truth, None, d) for d in (one, other)]
        found = pairing.compare(*told, draws=20)
        assert (found.only_first, found.only_second) == (2, 7)
        assert found.mcnemar_p == pytest.approx(scipy.stats.binomtest(2, 9).pvalue)

    def test_draws_without_one_of_the_classes_are_left_out_of_the_intervals(self):
        few = random_cases(5, count=6, patients=3)
        truth = np.array([0, 0, 0, 0, 0, 1])
        cases = ClassifiedCases(few.images, few.images, few.classes, truth, few.probabilities)
        found = pairing.compare(cases, cases, draws=60)
        assert found.differences["auc"].value == 0

    def test_a_report_says_that_answers_were_turned_round(self):
        first = random_cases(1)
        other = replace(
            first, classes=first.classes[::-1], truth=1 - first.truth,
            probabilities=first.probabilities[:, ::-1],
        )  # fmt: skip
        told = run.evaluate_classified("t", first, draws=5)
        pairs = [pairing.compare(first, one, draws=5) for one in (first, other)]
        same, turned = (report_html(replace(told, compared=one), ()) for one in pairs)
        assert html_text(words.turned_text("b", "a")) in turned
        assert "turned round" not in same

    def test_another_truth_of_a_picture_is_refused(self):
        first = random_cases(1)
        other = ClassifiedCases(
            first.images, first.patients, first.classes, 1 - first.truth, first.probabilities
        )
        with pytest.raises(AnswersError, match="different truths"):
            pairing.compare(first, other, draws=5)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_agreement_is_what_its_sources_define(seed):
    rng = np.random.default_rng(seed)
    truth = rng.normal(30, 10, 60)
    measured = truth + rng.normal(1, 4, 60)
    names = tuple(str(k) for k in range(60))
    found = agreement.point_figures(MeasuredCases(names, names, truth, measured), np.ones(60))
    away = measured - truth
    assert found["bias"] == pytest.approx(away.mean())
    assert found["standard_deviation"] == pytest.approx(away.std(ddof=1))
    assert found["limit_low"] == pytest.approx(away.mean() - 1.96 * away.std(ddof=1))
    assert found["limit_high"] == pytest.approx(away.mean() + 1.96 * away.std(ddof=1))
    assert found["mean_absolute_error"] == pytest.approx(
        metrics.mean_absolute_error(truth, measured)
    )
    assert found["root_mean_square_error"] == pytest.approx(
        metrics.root_mean_squared_error(truth, measured)
    )
    assert found["correlation"] == pytest.approx(scipy.stats.pearsonr(truth, measured).statistic)
    together = np.cov(truth, measured, bias=True)[0, 1]
    apart = truth.var() + measured.var() + (truth.mean() - measured.mean()) ** 2
    assert found["concordance"] == pytest.approx(2 * together / apart)


@pytest.mark.parametrize("which", ["truth", "answers", "both"])
def test_numbers_that_do_not_vary_have_no_concordance_and_it_is_said(which):
    rng = np.random.default_rng(8)
    truth, measured = rng.normal(30, 5, 20), rng.normal(30, 5, 20)
    if which != "answers":
        truth = np.full(20, 23.1)
    if which != "truth":
        measured = np.full(20, 24.7)
    names = tuple(map(str, range(20)))
    found = run.evaluate_measured("t", MeasuredCases(names, names, truth, measured, "deg"))
    for name in ("concordance", "correlation"):
        assert not found.figures[name].is_known
        assert words.figure_text(name, found.figures[name].value) == "not defined here"
    assert found.figures["mean_absolute_error"].is_known
    (told,) = found.cautions
    assert told.startswith("All answers are" if which == "answers" else "All true numbers are")


class TestOverlaps:
    def test_dice_and_distances_of_a_shifted_square(self):
        truth, found = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
        truth[10:20, 10:20], found[10:20, 12:22] = True, True
        told = overlaps.overlap(truth, found, spacing=(1.0, 0.5))
        assert told["dice"] == pytest.approx(0.8)
        assert told["hausdorff_95"] == pytest.approx(1.0)
        assert 0 < told["surface_distance"] < 1

    def test_the_same_outline_is_at_no_distance(self):
        truth = np.zeros((20, 20), bool)
        truth[5:9, 0:7] = True
        assert overlaps.overlap(truth, truth) == {
            "dice": 1.0, "surface_distance": 0.0, "hausdorff_95": 0.0,
        }  # fmt: skip

    def test_distances_to_nothing_are_not_defined(self):
        truth = np.zeros((9, 9), bool)
        truth[2:5, 2:5] = True
        told = overlaps.overlap(truth, np.zeros((9, 9), bool))
        assert told["dice"] == 0
        assert np.isnan(told["surface_distance"])

    def test_a_patient_counts_once(self):
        rows = [dict.fromkeys(overlaps.MEASURES, value) for value in (0.2, 0.8, 0.8, 0.8)]
        found = overlaps.figures(rows, ["one", "two", "two", "two"], draws=50)
        assert found["dice"].value == pytest.approx(0.5)


def write_csv(path, columns, rows):
    with path.open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(columns)
        table.writerows(rows)
    return path


class TestTables:
    def test_what_training_leaves_is_read(self, tmp_path):
        path = write_csv(
            tmp_path / "predictions.csv",
            ["image", "patient", "class", "held_out", "fold", "probability_Narrow", "predicted"],
            [
                ["a.png", "1", "Narrow", "no", "0", "0.8", "Narrow"],
                ["b.png", "2", "wide", "yes", "", "0.3", "wide"],
                ["c.png", "3", "wide", "yes", "", "", ""],
            ],
        )
        found = read_answers(path, Wanted())
        assert found.left_out == ("c.png",)
        assert found.cases.classes == ("wide", "Narrow")
        assert found.cases.truth.tolist() == [1, 0]
        assert found.cases.probabilities.tolist() == [pytest.approx([0.2, 0.8]), [0.7, 0.3]]
        assert found.cases.groups == {"held_out": ("no", "yes")}

    def test_which_class_is_positive_is_asked(self, tmp_path):
        path = write_csv(tmp_path / "t.csv", ["truth", "predicted"], [["x", "y"], ["y", "y"]])
        with pytest.raises(AnswersError, match="--positive x or y"):
            read_answers(path, Wanted())
        assert read_answers(path, Wanted(positive="x")).cases.classes == ("y", "x")

    def test_a_probability_of_the_negative_class_is_not_taken_for_the_positive(self, tmp_path):
        path = write_csv(
            tmp_path / "t.csv", ["truth", "p_healthy"], [["healthy", "0.9"], ["ill", "0.2"]]
        )
        found = read_answers(path, Wanted(positive="ill")).cases
        assert found.classes == ("healthy", "ill")
        assert found.probabilities[:, 1].tolist() == pytest.approx([0.1, 0.8])

    def test_without_patients_it_is_said(self, tmp_path):
        path = write_csv(tmp_path / "t.csv", ["truth", "score"], [["0", "0.1"], ["1", "0.9"]])
        found = read_answers(path, Wanted()).cases
        assert not found.knows_patients
        assert found.classes == ("0", "1")

    @pytest.mark.parametrize(
        ("columns", "row", "told"),
        [
            (["truth", "score"], ["1", "1.5"], "probability"),
            (["truth", "p_0", "p_1"], ["1", "0.5", "0.9"], "add up"),
            (["truth", "score"], ["1", "much"], "number"),
            (["truth", "note"], ["1", "x"], "probabilities"),
            (["note", "score"], ["x", "0.5"], "--truth-column"),
        ],
    )
    def test_what_cannot_be_is_refused(self, tmp_path, columns, row, told):
        other = ["0", *["0.5" for _ in row[1:]]]
        path = write_csv(tmp_path / "t.csv", columns, [other, row])
        with pytest.raises(AnswersError, match=told):
            read_answers(path, Wanted())

    def test_grades_in_their_order(self, tmp_path):
        rows = [["2", "3"], ["1", "1"], ["3", "10"], ["10", "10"]]
        path = write_csv(tmp_path / "t.csv", ["truth", "predicted"], rows)
        found = read_answers(path, Wanted(order=("1", "2", "3", "10"))).cases
        assert found.truth.tolist() == [1, 0, 2, 3]
        assert found.is_ordinal
        with pytest.raises(AnswersError, match="--order does not name: 10"):
            read_answers(path, Wanted(order=("1", "2", "3")))


def test_groups_are_told_apart_and_small_ones_marked():
    cases = random_cases(2)
    sources = tuple("home" if k < 110 else "away" for k in range(len(cases)))
    cases = ClassifiedCases(
        cases.images, cases.images, cases.classes, cases.truth, cases.probabilities,
        groups={"source": sources},
    )  # fmt: skip
    found = run.evaluate_classified("t", cases, draws=30)
    [away, home] = found.subgroups
    assert (away.value, away.cases, away.is_small) == ("away", 10, False)
    part = cases.only(np.arange(110))
    expected = classification.point_figures(part, 0.5, np.ones(110))
    assert home.figures["auc"].value == pytest.approx(expected["auc"])
    assert json.dumps(run.roc_points(cases))


def test_the_worst_cases_come_first_and_are_wrong():
    cases = random_cases(3)
    found = run.evaluate_classified("t", cases, draws=5)
    errors = [one.error for one in found.worst]
    assert errors == sorted(errors, reverse=True)
    assert all(one.truth != one.answer for one in found.worst)


class TestModelsCompare:
    def test_two_classifiers_answer_on_the_same_pictures(self, tmp_path, capsys, monkeypatch):
        def answers(model, data, pattern, show):
            assert (data, pattern) == (listed, "p(.)")
            threshold = run.Threshold(model.card.threshold, "")
            found = cases[model.card.name]
            paths = tuple(tmp_path / name for name in found.images)
            return predicting.Answered(found, (), paths, threshold)

        class Silent:
            name = "silent"

        truth = np.array([0, 1, 0, 1])
        told = {"one": (0.9, 0.9, 0.1, 0.9), "two": (0.1, 0.9, 0.1, 0.9)}
        names = tuple("abcd")
        cases = {
            name: ClassifiedCases(
                names, names, ("normal", "fracture"), truth,
                np.column_stack([1 - np.array(p), p]),
            )
            for name, p in told.items()
        }  # fmt: skip
        monkeypatch.setattr(answering, "answers_of", answers)
        monkeypatch.setattr(answering, "gallery", lambda *_: {})
        listed = KnownSet(())

        def known(task, asked, classes, columns):
            assert (asked.data, asked.layout) == (tmp_path, "rsna-2022")
            assert (asked.label_column, columns.label) == ("grade", "grade")
            return listed

        monkeypatch.setattr("spinealign.training.own.known.known_set", known)
        monkeypatch.setattr(
            catalog.ModelStore.__init__, "__defaults__", (None, lambda *_: Silent(), (), None)
        )
        folders = [str(write_model(tmp_path, name)) for name in told]
        words = ["models", "compare", *folders, "--data", str(tmp_path)]
        words += ["--layout", "rsna-2022", "--truth-column", "grade"]
        assert run_command([*words, "--patient-pattern", "p(.)"]) == 0
        text = capsys.readouterr().out
        assert "accuracy: +0.250" in text
        assert "right: only the first 0, only the second 1" in text
        assert "nan" not in text
        assert run_command([*words, "--patient-pattern", "p(.)", "--json"]) == 0
        found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
        assert found["answers"]["differences"]["accuracy"]["difference"] == 0.25
        assert (found["answers"]["cases"], found["answers"]["patients"]) == (4, 4)
        assert found["answers"]["turned_from"] is None
        # The second model was trained for the other class: the same answers, told the other way.
        cases["two"] = ClassifiedCases(
            names, names, ("fracture", "normal"), 1 - truth, cases["two"].probabilities[:, ::-1]
        )
        assert run_command([*words, "--patient-pattern", "p(.)"]) == 0
        turned = capsys.readouterr().out
        assert "turned round (1 less each probability)" in turned
        assert "about “fracture”" in turned
        assert "turned round" not in text
        assert text[text.index("On 4 pictures") :] in turned
        assert run_command([*words, "--patient-pattern", "p(.)", "--json"]) == 0
        found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
        assert found["answers"]["turned_from"] == "normal"
        assert found["answers"]["differences"]["accuracy"]["difference"] == 0.25
        shutil.rmtree(tmp_path / "two")
        write_model(tmp_path, "two", task="segmentation", threshold=None)
        assert run_command([*words, "--patient-pattern", "p(.)"]) == 2


class TestCommand:
    @pytest.fixture
    def answers(self, tmp_path):
        cases = random_cases(11, patients=30)
        rows = [
            (image, patient, cases.classes[t], round(p, 4), "home" if k % 2 else "away")
            for k, (image, patient, t, p) in enumerate(
                zip(
                    cases.images,
                    cases.patients,
                    cases.truth,
                    cases.probabilities[:, 1],
                    strict=True,
                )
            )
        ]
        columns = ["image", "patient", "truth", "probability_b", "source"]
        return write_csv(tmp_path / "answers.csv", columns, rows)

    def run(self, *arguments):
        return run_command(["evaluate", *map(str, arguments)])

    def test_it_leaves_a_report_that_reads_its_own_table(self, answers, tmp_path, capsys):
        assert self.run(answers, "--out", tmp_path / "one") == 0
        assert "Sensitivity (recall)" in capsys.readouterr().out
        one = json.loads((tmp_path / "one" / "evaluation.json").read_text())
        assert one["classes"] == ["a", "b"]
        assert one["subgroups"][0]["value"] == "away"
        page = (tmp_path / "one" / "evaluation.html").read_text()
        assert page.count("image/svg+xml") == 4
        assert "http" not in page.replace("http-equiv", "")
        again = tmp_path / "one" / "predictions.csv"
        assert self.run(again, "--positive", "b", "--out", tmp_path / "two") == 0
        two = json.loads((tmp_path / "two" / "evaluation.json").read_text())
        assert two["figures"] == one["figures"]

    def test_a_threshold_comes_from_other_patients(self, answers, tmp_path, capsys):
        assert self.run(answers, "--threshold-from", answers, "--out", tmp_path / "x") == 1
        assert "reported on" in capsys.readouterr().err
        text = re.sub(r",p(\d+),", r",q\1,", answers.read_text())
        (tmp_path / "others.csv").write_text(text)
        options = ("--threshold-from", tmp_path / "others.csv", "--sensitivity", "0.9")
        assert self.run(answers, *options, "--out", tmp_path / "x") == 0
        found = json.loads((tmp_path / "x" / "evaluation.json").read_text())
        assert found["figures"]["sensitivity"]["value"] >= 0.9
        assert "other patients" in found["threshold_note"]

    def test_numbers_have_a_bland_altman_plot(self, tmp_path, capsys):
        rows = [(f"i{k}", f"p{k}", 10 + k, 11 + k + k % 3) for k in range(30)]
        table = write_csv(tmp_path / "n.csv", ["image", "patient", "truth", "measured"], rows)
        assert self.run(table, "--numbers", "--unit", "deg", "--out", tmp_path / "n") == 0
        found = json.loads((tmp_path / "n" / "evaluation.json").read_text())
        assert found["figures"]["bias"]["value"] == pytest.approx(2.0)
        assert "2.00 deg" in capsys.readouterr().out
        assert "Bland-Altman" in (tmp_path / "n" / "evaluation.html").read_text()

    def test_what_cannot_be_evaluated_is_told_in_one_sentence(self, tmp_path, capsys):
        table = write_csv(tmp_path / "t.csv", ["a", "b"], [["1", "2"]])
        assert self.run(table, "--out", tmp_path / "x") == 1
        told = capsys.readouterr().err
        assert told.startswith("The answers cannot be evaluated: ")
        assert not (tmp_path / "x").exists()

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (("--order", "a", "b"), "--order says nothing of named points; leave it out"),
            (("--against", "o.csv"), "--against says"),
            (("--threshold", "0.0"), "--threshold says"),
            (("--threshold-from", "o.csv"), "--threshold-from says"),
            (
                ("--positive", "a", "--unit", "mm", "--numbers", "--sensitivity", "0.9"),
                "--positive, --sensitivity, --numbers and --unit say nothing of named points",
            ),
        ],
    )
    def test_options_that_points_have_no_use_for_are_refused(self, tmp_path, capsys, options, told):
        table = write_csv(tmp_path / "t.csv", ["image", "point", "x"], [["1", "2", "3"]])
        assert self.run(table, "--points", *options, "--out", tmp_path / "x") != 0
        assert told in capsys.readouterr().err

    def test_options_of_points_are_refused_for_everything_else(self, answers, tmp_path, capsys):
        angle = ("--angle", "tilt=a,b,c,d", "--coordinates", "edges")
        assert self.run(answers, *angle, "--out", tmp_path / "x") != 0
        assert "--angle and --coordinates say nothing of classes" in capsys.readouterr().err
        assert not (tmp_path / "x").exists()


class TestLearningCurve:
    POINTS = (
        LearningPoint(8, 20, 0.25, {"auc": Figure(0.7, 0.6, 0.8)}),
        LearningPoint(32, 80, 1.0, {"auc": Figure(0.9, np.nan, np.nan)}),
    )

    def test_a_card_gives_back_what_a_training_wrote(self):
        told = json.loads(json.dumps({"learning_curve": as_metrics(self.POINTS[::-1])}))
        first, last = points_of(told)
        assert first == self.POINTS[0]
        assert (last.patients, last.figures["auc"].value) == (32, 0.9)
        assert np.isnan(last.figures["auc"].low)

    @pytest.mark.parametrize(
        "told",
        [
            {}, {"learning_curve": 3}, {"learning_curve": {"some patients": {"auc": {}}}},
            {"learning_curve": {"4 patients": {"share": "x", "pictures": 3, "auc": {}}}},
        ],
    )  # fmt: skip
    def test_what_is_none_is_left_out(self, told):
        assert points_of(told) == ()

    def test_the_report_draws_it_or_says_why_there_is_none(self):
        found = run.evaluate_classified("t", random_cases(3), draws=20)
        assert words.LEARNING_OF_TABLE in report_html(found, ())
        of_model = replace(found, is_model=True)
        assert html_text(words.LEARNING_UNKNOWN) in report_html(of_model, ())
        page = report_html(replace(of_model, learning=self.POINTS), ())
        assert "32 patients" in page
        assert page.count("image/svg+xml") == report_html(found, ()).count("image/svg+xml") + 1
        told = json.loads(evaluation_json(replace(of_model, learning=self.POINTS), ()))
        assert [point["patients"] for point in told["learning_curve"]] == [8, 32]
        assert told["learning_curve"][1]["figures"]["auc"]["low"] is None
