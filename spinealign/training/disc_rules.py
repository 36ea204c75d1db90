"""Post-processing of the disc grader: fusion of contrasts, calibration, thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from spinealign.domain.discs import GradeName
from spinealign.domain.model_card import GradeRule
from spinealign.lumbar.grading import (
    calibrated_probabilities,
    chosen_probability,
    grade_probabilities,
)
from spinealign.training.disc_grading import STEPS_ABOVE

Values = NDArray[np.float64]
Whole = NDArray[np.int64]

FINDINGS = tuple(GradeName)[1:]
UNCERTAIN_SHARE = 0.15
"""Share of the calibration discs nearest to a finding's threshold that counts as uncertain."""

UNSURE_GRADES_SHARE = 0.1
"""Share of the calibration discs whose Pfirrmann grade is the least sure."""

_T1_SHARES = (0.0, 0.15, 0.3, 0.5)


@dataclass(frozen=True, eq=False)
class Cases:
    """Graded discs and what the heads of both contrasts say of them.

    `patients`, `pfirrmann` (n,) with 0 for "not graded", `findings` (n, 7), and logits
    `t2` and `t1` (n, outputs) with NaN where the disc was not found or there is no such picture.
    """

    patients: Whole
    pfirrmann: Whole
    findings: Whole
    t2: Values
    t1: Values

    def of(self, keep: NDArray[np.bool_]) -> Cases:
        """Return the cases where `keep` is true."""
        return Cases(
            self.patients[keep], self.pfirrmann[keep], self.findings[keep],
            self.t2[keep], self.t1[keep],
        )  # fmt: skip

    def only(self, contrast: str) -> Cases:
        """Return the cases as if only one contrast had been loaded."""
        nothing = np.full_like(self.t2, np.nan)
        if contrast == "t2":
            return replace(self, t1=nothing)
        return replace(self, t2=nothing)

    @property
    def given(self) -> NDArray[np.str_]:
        """For each disc "t2", "t1", "t2_t1", or "" if it was not found."""
        has_t2, has_t1 = np.isfinite(self.t2[:, 0]), np.isfinite(self.t1[:, 0])
        names = np.where(has_t2 & has_t1, "t2_t1", np.where(has_t2, "t2", "t1"))
        return np.where(has_t2 | has_t1, names, "")


@dataclass(frozen=True, eq=False)
class Fitted:
    """How much T1 counts beside T2 (outputs,), and the rules for every choice of sequences."""

    t1_share: Values
    rules: Mapping[str, Mapping[str, GradeRule]]

    def logits(self, cases: Cases, given: str) -> Values:
        """Return the logits (n, outputs) as the program joins them."""
        if given == "t2_t1":
            mixed = (1 - self.t1_share) * cases.t2 + self.t1_share * cases.t1
            return np.asarray(mixed, np.float64)
        return cases.t2 if given == "t2" else cases.t1


def fit(cases: Cases) -> Fitted:
    """Fit everything behind the network on held-out answers."""
    is_both = cases.given == "t2_t1"
    fitted = Fitted(_fit_t1_shares(cases.of(is_both)), {})
    rules = {}
    for given, needed in (("t2", cases.t2), ("t1", cases.t1), ("t2_t1", cases.t2 + cases.t1)):
        seen = cases.of(np.isfinite(needed[:, 0]))
        if not len(seen.patients):
            continue
        rules[given] = fit_rules(seen, fitted.logits(seen, given))
    return replace(fitted, rules=rules)


def _fit_t1_shares(cases: Cases) -> Values:
    """Choose for every grade how much T1 counts, by the least log loss."""
    cases = cases.of(cases.pfirrmann > 0)
    truth = _targets(cases)
    if not len(truth):
        return np.zeros(truth.shape[1])
    losses = []
    for share in _T1_SHARES:
        mixed = (1 - share) * cases.t2 + share * cases.t1
        losses.append([_least_loss(mixed[:, j], truth[:, j]) for j in range(truth.shape[1])])
    table = np.array(losses)
    # One share for all steps of the ordinal grade, or they could cross.
    table[:, :STEPS_ABOVE] = table[:, :STEPS_ABOVE].sum(axis=1, keepdims=True)
    return np.asarray(_T1_SHARES)[table.argmin(axis=0)]


def _targets(cases: Cases) -> Values:
    above = cases.pfirrmann[:, None] > np.arange(1, STEPS_ABOVE + 1)
    return np.concatenate([above, cases.findings], axis=1).astype(np.float64)


def _least_loss(logits: Values, truth: Values) -> float:
    return float(_fit_scale(logits[:, None], truth[:, None]).fun)


def _fit_scale(logits: Values, truth: Values) -> Any:
    """Fit slope and offsets by the least log loss (Platt 1999, with one slope for all steps)."""

    def loss(parts: Values) -> float:
        z = np.exp(parts[0]) * logits + parts[1:]
        return float(np.mean(np.logaddexp(0, z) - truth * z)) + 1e-4 * float(parts[0] ** 2)

    return minimize(loss, np.zeros(1 + logits.shape[1]), method="L-BFGS-B")


def fit_rules(cases: Cases, logits: Values) -> dict[str, GradeRule]:
    """Fit calibration, thresholds and cuts of every grade on logits (n, outputs)."""
    known = cases.pfirrmann > 0
    ordinal = _ordinal_rule(cases.of(known), logits[known, :STEPS_ABOVE])
    rules = {GradeName.PFIRRMANN.value: ordinal}
    for j, name in enumerate(FINDINGS):
        at = STEPS_ABOVE + j
        truth = cases.findings[:, j].astype(np.float64)
        scale = _fit_scale(logits[:, at : at + 1], truth[:, None])
        slope, offset = round(float(np.exp(scale.x[0])), 5), round(float(scale.x[1]), 5)
        rule = GradeRule(at, 1, slope, (offset,), 0.5, (0.5, 0.5))
        p = calibrated_probabilities(logits[:, at : at + 1], rule)[:, 0]
        rules[name.value] = _with_threshold(rule, p, truth)
    return rules


def _with_threshold(rule: GradeRule, p: Values, truth: Values) -> GradeRule:
    """Set the threshold with the best F1, and the band of the probabilities nearest to it."""
    steps = np.unique(np.quantile(p, np.linspace(0.02, 0.998, 200)))
    called = p[:, None] >= steps
    hits = (called & (truth[:, None] == 1)).sum(axis=0)
    f1 = 2 * hits / np.maximum(called.sum(axis=0) + truth.sum(), 1)
    threshold = float(np.clip(steps[int(f1.argmax())], 0.02, 0.98))
    away = np.abs(_logit(p) - _logit(np.array(threshold)))
    width = float(np.quantile(away, UNCERTAIN_SHARE))
    edges = _sigmoid(_logit(np.array([threshold, threshold])) + np.array([-width, width]))
    low, high = (round(float(edge), 4) for edge in edges)
    return replace(rule, threshold=round(threshold, 4), uncertain=(low, high))


def _logit(p: Values) -> Values:
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(p / (1 - p)), np.float64)


def _sigmoid(z: Values) -> Values:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)), np.float64)


def _ordinal_rule(cases: Cases, logits: Values) -> GradeRule:
    scale = _fit_scale(logits, _targets(cases)[:, :STEPS_ABOVE])
    offsets = tuple(round(float(v), 5) for v in scale.x[1:])
    slope = round(float(np.exp(scale.x[0])), 5)
    plain = GradeRule(0, STEPS_ABOVE, slope, offsets, 0.0, (0.0, 1.0))
    expected = expected_grade(logits, plain)
    # As many discs of each grade as there are in truth: plain rounding never says 1 or 5.
    shares = [np.mean(cases.pfirrmann <= grade) for grade in range(1, STEPS_ABOVE + 1)]
    cuts = tuple(round(float(v), 4) for v in np.quantile(expected, shares))
    rule = replace(plain, cuts=cuts)
    sure = [chosen_probability(p, rule) for p in _all_grade_probabilities(logits, rule)]
    least = round(float(np.quantile(sure, UNSURE_GRADES_SHARE)), 4)
    return replace(rule, uncertain=(least, 1.0))


def _all_grade_probabilities(logits: Values, rule: GradeRule) -> list[Values]:
    return [grade_probabilities(row) for row in calibrated_probabilities(logits, rule)]


def expected_grade(logits: Values, rule: GradeRule) -> Values:
    """Return the expected Pfirrmann grade of each row of logits (n, 4)."""
    return np.asarray(1 + calibrated_probabilities(logits, rule).sum(axis=1), np.float64)


def make_cases(grades: Mapping[tuple[int, int], tuple[int, ...]], t2: Values, t1: Values) -> Cases:
    """Join grades, in the order of their sorted keys, with logits in the same order."""
    keys = sorted(grades)
    table = np.array([grades[key] for key in keys])
    patients = np.array([patient for patient, _ in keys], np.int64)
    return Cases(patients, table[:, 0], (table[:, 1:] > 0).astype(np.int64), t2, t1)
