"""Figures of the disc grader: calibrated on other patients than it is scored on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.discs import GradeName
from spinealign.domain.model_card import GradeRule
from spinealign.lumbar.grading import (
    calibrated_probabilities,
    chosen,
    grade_probabilities,
    nearest_grade,
    severity,
)
from spinealign.resampling import auc
from spinealign.training.disc_grading import STEPS_ABOVE
from spinealign.training.disc_rules import FINDINGS, Cases, Fitted, Values, Whole, fit
from spinealign.training.evaluate import bootstrap, expected_calibration_error

OUTLINED_PATIENTS = (
    5, 7, 11, 18, 22, 34, 45, 50, 52, 55, 57, 61, 69, 78, 81, 98, 107, 118, 127, 129, 136, 141,
    146, 152, 161, 162, 185, 191, 200, 209, 220, 239, 241,
)  # fmt: skip
"""Patients of SPIDER whose outlines taught or validated the segmentation network."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Cases with answers whose rules were fitted on other patients.

    `grade` (n,) with 0 for uncertain; `forced` (n,) the grade with uncertainty
    ignored; `severity` (n,); `p` (n, 7); `reported` (n, 7) 1, 0 or -1 for uncertain;
    `called` (n, 7) with uncertainty ignored.
    A disc not found has the farthest grade and every finding wrong.
    """

    cases: Cases
    grade: Whole
    forced: Whole
    severity: Values
    p: Values
    reported: Whole
    called: Whole


def score(cases: Cases, fitted: Fitted) -> Scored:
    """Answer as the program would; see `Scored` for discs that were not found."""
    scored = _all_wrong(cases)
    for given, rules in fitted.rules.items():
        logits = fitted.logits(cases, given)
        for i in np.flatnonzero(cases.given == given):
            _answer(scored, int(i), logits[i], rules)
    return scored


def _all_wrong(cases: Cases) -> Scored:
    farthest = np.where(cases.pfirrmann > 3, 1, 5)
    wrong = (1 - cases.findings).astype(np.int64)
    return Scored(
        cases, farthest.copy(), farthest.copy(), farthest.astype(np.float64),
        wrong.astype(np.float64), wrong.copy(), wrong.copy(),
    )  # fmt: skip


def _answer(scored: Scored, i: int, logits: Values, rules: Mapping[str, GradeRule]) -> None:
    ordinal = rules[GradeName.PFIRRMANN.value]
    above = calibrated_probabilities(logits[:STEPS_ABOVE], ordinal)
    probabilities = grade_probabilities(above)
    scored.severity[i] = severity(probabilities, ordinal)
    scored.forced[i] = nearest_grade(scored.severity[i])
    scored.grade[i] = chosen(probabilities, ordinal) or 0
    for j, name in enumerate(FINDINGS):
        rule = rules[name.value]
        chance = calibrated_probabilities(logits[rule.first_output : rule.first_output + 1], rule)
        answer = chosen(grade_probabilities(chance), rule)
        scored.p[i, j] = chance[0]
        scored.reported[i, j] = -1 if answer is None else int(answer)
        scored.called[i, j] = int(chance[0] >= rule.threshold)


def cross_fitted(cases: Cases, folds: Mapping[int, int]) -> Scored:
    """Score each fold with rules fitted on the other folds' held-out answers."""
    of = np.array([folds[int(p)] for p in cases.patients])
    whole = _all_wrong(cases)
    for fold in set(of):
        part = score(cases.of(of == fold), fit(cases.of(of != fold)))
        for name in ("grade", "forced", "severity", "p", "reported", "called"):
            getattr(whole, name)[of == fold] = getattr(part, name)
    return whole


def quadratic_kappa(truth: Whole, said: Whole) -> float:
    """Return Cohen's kappa with quadratic weights (Cohen 1968) of grades 1 to 5."""
    table = np.zeros((5, 5))
    np.add.at(table, (truth - 1, said - 1), 1)
    cost = (np.arange(5)[:, None] - np.arange(5)) ** 2
    chance = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(table.sum(), 1)
    by_chance = float((cost * chance).sum())
    return 1 - float((cost * table).sum()) / by_chance if by_chance else float("nan")


def concordance(truth: Values, said: Values) -> float:
    """Return Lin's concordance correlation coefficient (Lin 1989)."""
    covariance = float(np.cov(truth, said, bias=True)[0, 1])
    spread = truth.var() + said.var() + (truth.mean() - said.mean()) ** 2
    return float(2 * covariance / spread) if spread else float("nan")


def balanced_accuracy(truth: Whole, said: Whole) -> float:
    """Return the mean share of each true class that was called right."""
    return float(np.mean([np.mean(said[truth == value] == value) for value in np.unique(truth)]))


def figures(scored: Scored, draws: int = 1000) -> dict[str, Any]:
    """Return all figures with 95 % intervals, by resampling patients."""
    patients = scored.cases.patients
    units = [np.flatnonzero(patients == p) for p in np.unique(patients)]

    def ask(statistic: Callable[[Whole], float]) -> Any:
        return bootstrap(units, lambda draw: statistic(np.concatenate(draw)), draws)

    return {
        "discs": len(patients),
        "discs_not_found": int((scored.cases.given == "").sum()),
        "pfirrmann": _pfirrmann(scored, draws),
        "findings": {n.value: _finding(scored, j, ask) for j, n in enumerate(FINDINGS)},
    }


def _pfirrmann(scored: Scored, draws: int) -> dict[str, Any]:
    truth, forced = scored.cases.pfirrmann, scored.forced
    patients = np.where(truth > 0, scored.cases.patients, -1)
    units = [np.flatnonzero(patients == p) for p in np.unique(patients) if p >= 0]

    def ask(statistic: Callable[[Whole], float]) -> Any:
        return bootstrap(units, lambda draw: statistic(np.concatenate(draw)), draws)

    known = truth > 0
    sure = known & (scored.grade > 0)
    off = np.abs(truth - forced)
    return {
        "discs": int(known.sum()),
        "quadratic_kappa": ask(lambda i: quadratic_kappa(truth[i], forced[i])),
        "lin_ccc": ask(lambda i: concordance(truth[i].astype(float), scored.severity[i])),
        "lin_ccc_of_whole_grades": ask(
            lambda i: concordance(truth[i].astype(float), forced[i].astype(float))
        ),
        "within_one": ask(lambda i: float(np.mean(off[i] <= 1))),
        "exact": ask(lambda i: float(np.mean(off[i] == 0))),
        "balanced_accuracy": ask(lambda i: balanced_accuracy(truth[i], forced[i])),
        **_uncertainty(scored.grade[known] == 0, off[known] == 0),
        "within_one_when_sure": round(float(np.mean(off[sure] <= 1)), 4),
    }


def _finding(
    scored: Scored, j: int, ask: Callable[[Callable[[Whole], float]], Any]
) -> dict[str, Any]:
    truth, p, called = scored.cases.findings[:, j], scored.p[:, j], scored.called[:, j]
    found = scored.cases.given != ""

    def error(i: Whole) -> float:
        i = i[found[i]]
        return expected_calibration_error(truth[i], p[i])

    hits = int(((called == 1) & (truth == 1)).sum())
    return {
        "present": int(truth.sum()),
        "auc": ask(lambda i: auc(p[i], truth[i])),
        "calibration_error": ask(error),
        "balanced_accuracy": ask(lambda i: balanced_accuracy(truth[i], called[i])),
        "sensitivity": round(hits / max(int(truth.sum()), 1), 4),
        "precision": round(hits / max(int((called == 1).sum()), 1), 4),
        **_uncertainty(scored.reported[:, j] < 0, called == truth),
    }


def _uncertainty(unsure: NDArray[np.bool_], right: NDArray[np.bool_]) -> dict[str, float]:
    return {
        "uncertain_share": round(float(unsure.mean()), 4),
        "right_when_sure": round(float(right[~unsure].mean()), 4),
        "right_when_unsure": round(float(right[unsure].mean()), 4) if unsure.any() else 0.0,
    }


def calibration_picture(scored: Scored) -> bytes:
    """Draw the calibration curve of every finding; a PNG."""
    import io

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 4, figsize=(14, 7))
    keep = scored.cases.given != ""
    for j, (name, axis) in enumerate(zip(FINDINGS, axes.flat, strict=False)):
        p, truth = scored.p[keep, j], scored.cases.findings[keep, j]
        order = np.array_split(np.argsort(p), 10)
        axis.plot([0, 1], [0, 1], color="grey", linewidth=1)
        axis.plot([p[i].mean() for i in order], [truth[i].mean() for i in order], "o-")
        axis.set(title=name.value, xlabel="probability", ylabel="share present")
    axes.flat[-1].axis("off")
    stream = io.BytesIO()
    figure.tight_layout()
    figure.savefig(stream, format="png", dpi=80)
    pyplot.close(figure)
    return stream.getvalue()


def detection(
    keys: Sequence[tuple[int, int]], counted: Mapping[int, int], misnamed: Sequence[int]
) -> dict[str, Any]:
    """Return how many graded discs have an outline, and how many have the right name too.

    Parameters
    ----------
    keys : sequence of (patient, disc from the bottom)
        What was graded.
    counted : mapping of int to int
        Patient to the number of discs that the program counted.
    misnamed : sequence of int
        Patients whose count starts at another disc than the graders'.
    """
    patients = sorted({patient for patient, _ in keys})
    of = {patient: [n for p, n in keys if p == patient] for patient in patients}

    def hits(patient: int) -> tuple[int, int, int]:
        numbers, shift = of[patient], int(patient in misnamed)
        seen = sum(1 <= n + shift <= counted.get(patient, 0) for n in numbers)
        return seen, 0 if shift else seen, len(numbers)

    def share(which: int) -> Callable[[Sequence[Any]], float]:
        return lambda draw: sum(u[which] for u in draw) / sum(u[2] for u in draw)

    units = [hits(patient) for patient in patients]
    levels = [float(p not in misnamed) for p in patients if counted.get(p, 0)]
    return {
        "discs": sum(unit[2] for unit in units),
        "found": bootstrap(units, share(0)),
        "found_and_named": bootstrap(units, share(1)),
        "patients_named": bootstrap(levels, lambda draw: float(np.mean(draw))),
    }
