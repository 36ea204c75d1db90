"""``train multi-label``: several findings a picture, each there, absent or unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinealign.data_audit.label_tables import LabelledTable, read_labels
from spinealign.domain.errors import DataSetError
from spinealign.domain.findings import ModelStatus
from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import LabelRule, ModelCard
from spinealign.evaluation import classification
from spinealign.evaluation.cases import ClassifiedCases
from spinealign.inference.engine import LoadedModel
from spinealign.predict import label_with
from spinealign.training.classifier import fit_temperature
from spinealign.training.own.about import LEAST_OF_A_CLASS, Judgement, earned_status
from spinealign.training.own.aims import Aim
from spinealign.training.own.auditing import AUDIT, SEEN, earlier_audits
from spinealign.training.own.cards import Parts
from spinealign.training.own.classify import LEAST_CALIBRATED, THRESHOLD
from spinealign.training.own.crossing import Trained
from spinealign.training.own.pictures import Picture, PictureSet, with_patients
from spinealign.training.own.places import RESULTS
from spinealign.training.own.results import save_results
from spinealign.training.own.several import (
    DRAWS,
    Prepared,
    SeveralJob,
    answers_of,
    as_metric,
    looked_at,
    parts_of,
    patient_of,
    prepared,
    several_fields,
    trained_crossed,
)
from spinealign.training.package import to_litert, write_model_folder
from spinealign.wording import labels as label_words
from spinealign.wording import training as words

_OTHER = "other"

Answers = Mapping[str, Sequence[float]]
"""Probabilities by picture, in the order of the findings; NaN where there is none."""

Truths = Mapping[str, Sequence[float]]
"""1, 0, or NaN for unknown, by picture."""


def train_labels(job: SeveralJob) -> ModelCard:
    """Cross-validate by patient, train on all that is not held out, measure, and package.

    Raises
    ------
    DataSetError
        The list is none, or a finding cannot be learned from it.
    """
    table = read_labels(job.data, job.names)
    truth = truths_of(table)
    listed = listed_labels(table, truth, job.pattern, job.recipe.folds)
    known = {row.name: row.values for row in table.rows}
    job, looked, names = looked_at(job, listed, "multi_label", [table.labels, known])
    verdict = _audited(job, looked.found, names, table.labels, truth)
    ready = prepared(job, looked, names, verdict)
    for place, label in enumerate(table.labels):
        if len(_known(ready.training, truth, place)) < 2:
            raise DataSetError(label_words.not_both(label))
    single, marks = single_findings(ready.training, table.labels, truth)
    trained = trained_crossed(ready, Aim("labels", table.labels, truth), single, marks)
    logits = _without(trained.logits, [table.labels.index(label) for label in single])
    rules = rules_of(ready.training, truth, logits, table.labels)
    parts = parts_of(ready, _both_counts(ready, table.labels, truth), bool(trained.fold_of), single)
    card = _card(ready, table.labels, rules, parts)
    flatbuffer = to_litert(trained.model, "float16")
    card = write_model_folder(job.out, flatbuffer, card)
    crossed = _probabilities(logits, rules)
    answers = answers_of(job, ready.held, _told)
    card = _with_figures(card, ready, truth, crossed, answers)
    card = write_model_folder(job.out, flatbuffer, card)
    rows = _predictions(ready, card, truth, trained, crossed, answers)
    skipped = (*looked.skipped, *looked.poor)
    save_results(job.work / RESULTS, trained.model, trained.curves, rows, skipped, card)
    return card


def truths_of(table: LabelledTable) -> dict[str, list[float]]:
    """Return what is known of each picture: 1, 0, or NaN."""
    return {
        row.name: [np.nan if value is None else float(value) for value in row.values]
        for row in table.rows
    }


def listed_labels(
    table: LabelledTable, truth: Truths, pattern: str | None, folds: int
) -> PictureSet:
    """Return the pictures of a list; their class is the rarest finding that they have.

    Shares of patients keep these classes even. Findings of too few patients for every fold are one
    class with the pictures that have none, and that joins the largest where it has one patient.
    """
    counts = {
        name: len({row.patient or row.name for row in table.rows if row.values[place]})
        for place, name in enumerate(table.labels)
    }

    def stratum(name: str) -> str:
        found = [
            each
            for each, value in zip(table.labels, truth[name], strict=True)
            if value == 1 and counts[each] >= 2 * folds
        ]
        return min(found, key=lambda each: counts[each]) if found else _OTHER

    strata = {row.name: stratum(row.name) for row in table.rows}
    if len({row.patient or row.name for row in table.rows if strata[row.name] == _OTHER}) == 1:
        largest = Counter(strata.values()).most_common(1)[0][0]
        strata = {name: largest if each == _OTHER else each for name, each in strata.items()}
    pictures = [
        Picture(row.path, row.name, strata[row.name], row.part, row.patient) for row in table.rows
    ]
    return with_patients(pictures, pattern)


def single_findings(
    found: PictureSet, labels: Sequence[str], truth: Truths
) -> tuple[tuple[str, ...], dict[str, set[str]]]:
    """Return findings that cannot be held out, and by what the folds spread pictures.

    Returns
    -------
    single : tuple of str
        Findings that a single patient is known to have, or to lack.
    marks : dict of str to set of str
        Which other findings each picture has and lacks, by its name.
    """
    single: list[str] = []
    marks: dict[str, set[str]] = {p.name: set() for p in found.pictures}
    for place, label in enumerate(labels):
        sides = [[p for p in found.pictures if truth[p.name][place] == side] for side in (1, 0)]
        if min(len({p.patient for p in side}) for side in sides) < 2:
            single.append(label)
            continue
        for side, pictures in enumerate(sides):
            for picture in pictures:
                marks[picture.name].add(f"{place} {side}")
    return tuple(single), marks


def _without(
    logits: Mapping[str, NDArray[np.float64]], places: Sequence[int]
) -> dict[str, NDArray[np.float64]]:
    """Return logits of folds, NaN for the findings at some places."""
    told = {name: row.copy() for name, row in logits.items()}
    for row in told.values():
        row[list(places)] = np.nan
    return told


def _known(found: PictureSet, truth: Truths, place: int) -> set[float]:
    values = {truth[p.name][place] for p in found.pictures}
    return {value for value in values if value == value}


def labelled_set(found: PictureSet, label: str, truth: Truths, place: int) -> PictureSet:
    """Return the pictures of which a finding is known, with it for their class."""
    kept = found.where(lambda p: not np.isnan(truth[p.name][place]))
    named = tuple(
        replace(p, label=label if truth[p.name][place] == 1 else f"no {label}")
        for p in kept.pictures
    )
    return replace(kept, pictures=named)


def _audited(
    job: SeveralJob, found: PictureSet, names: set[str], labels: Sequence[str], truth: Truths
) -> Judgement:
    """Audit the data once for each finding, as each has shortcuts of its own."""
    told: list[tuple[str, Judgement]] = []
    works = [job.work / f"audit-{number}" for number in range(1, len(labels) + 1)]
    # The pictures are the same for each finding: they are looked at once.
    earlier = (*earlier_audits(job.data, job.split), works[0] / AUDIT / SEEN)
    for place, (label, work) in enumerate(zip(labels, works, strict=True)):
        print(f"audit of “{label}”", flush=True)
        of_label = labelled_set(found, label, truth, place)
        told.append((label, job.audit(of_label, names, work, job.stated.although, earlier)))
    verdicts = [f"{label}: {said.verdict}" for label, said in told if said.verdict]
    return Judgement(" ".join(verdicts), any(said.is_condemned for _, said in told))


def rules_of(
    training: PictureSet, truth: Truths, logits: Mapping[str, NDArray[np.float64]],
    labels: Sequence[str],
) -> dict[str, LabelRule]:  # fmt: skip
    """Return threshold, prevalence and temperature of each finding.

    The threshold has the largest sum of sensitivity and specificity (Youden 1950, Cancer 3:32) in
    the answers of folds to patients that they did not see; without such answers it is 0.5.
    """
    rules = {}
    for place, label in enumerate(labels):
        known = [truth[p.name][place] for p in training.pictures]
        prevalence = float(np.nanmean(known))
        pairs = [
            (p, logits[p.name][place], int(truth[p.name][place]))
            for p in training.pictures
            if p.name in logits
            if np.isfinite(logits[p.name][place]) and not np.isnan(truth[p.name][place])
        ]
        z, y = np.array([each[1] for each in pairs]), np.array([each[2] for each in pairs])
        if len(set(y.tolist())) < 2:
            rules[label] = LabelRule(THRESHOLD, round(prevalence, 4))
            continue
        temperature = round(fit_temperature(z, y), 4)
        p = _sigmoid(z / temperature)
        cases = ClassifiedCases(
            tuple(each[0].name for each in pairs),
            tuple(each[0].patient for each in pairs),
            (f"no {label}", label), y, np.stack([1 - p, p], axis=1),
        )  # fmt: skip
        threshold = classification.by_threshold(cases, classification.youden)
        rules[label] = LabelRule(_inside(threshold), round(prevalence, 4), temperature)
    return rules


def _inside(threshold: float) -> float:
    return round(min(max(threshold, 0.001), 0.999), 4)


def _sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))


def _probabilities(
    logits: Mapping[str, NDArray[np.float64]], rules: Mapping[str, LabelRule]
) -> dict[str, list[float]]:
    divisors = np.array([rule.temperature for rule in rules.values()])
    return {name: _sigmoid(row / divisors).tolist() for name, row in logits.items()}


def _told(model: LoadedModel, image: SpineImage, outliner: LoadedModel | None) -> Sequence[float]:
    return [one.probability for one in label_with(model, image, outliner).labels]


def _card(
    ready: Prepared, labels: tuple[str, ...], rules: Mapping[str, LabelRule], parts: Parts
) -> ModelCard:
    return ModelCard(
        **several_fields(ready, parts, len(labels), "multi-label"),
        title=ready.job.stated.title or label_words.untitled_labels(labels),
        task="multi_label",
        classes=labels,
        label_rules=rules,
    )


def _both_counts(ready: Prepared, labels: Sequence[str], truth: Truths) -> tuple[str, str]:
    return _counts(ready.training, labels, truth), _counts(ready.held, labels, truth)


def _counts(found: PictureSet, labels: Sequence[str], truth: Truths) -> str:
    told = [
        words.classes_text({"": (len(found.pictures), len(found.patients()))}, found.has_patients)
    ]
    for place, label in enumerate(labels):
        values = Counter(
            "unknown" if np.isnan(value) else str(int(value))
            for value in (truth[p.name][place] for p in found.pictures)
        )
        told.append(
            label_words.label_counts_text(label, values["1"], values["0"], values["unknown"])
        )
    return "; ".join(each.strip() for each in told)


def label_figures(
    found: PictureSet, label: str, truth: Truths, answers: Answers, place: int, threshold: float
) -> dict[str, Any]:
    """Return figures of one finding with intervals over patients; unknown pictures do not count."""
    kept = [
        p
        for p in found.pictures
        if p.name in answers
        if np.isfinite(answers[p.name][place]) and not np.isnan(truth[p.name][place])
    ]
    if not kept:
        return {}
    p = np.array([answers[each.name][place] for each in kept])
    cases = ClassifiedCases(
        tuple(each.name for each in kept),
        tuple(each.patient for each in kept),
        (f"no {label}", label),
        np.array([int(truth[each.name][place]) for each in kept], np.int64),
        np.stack([1 - p, p], axis=1),
        knows_patients=found.has_patients,
    )
    figures = classification.figures(cases, threshold, DRAWS, is_all=False)
    patients = len(set(cases.patients))
    told: dict[str, Any] = {name: as_metric(one, patients) for name, one in figures.items()}
    return {**told, "images": len(kept), "present": int(cases.truth.sum())}


def _with_figures(
    card: ModelCard, ready: Prepared, truth: Truths, crossed: Answers, answers: Answers
) -> ModelCard:
    metrics: dict[str, Any] = {}
    for part, found, told in (
        ("cross_validation", ready.training, crossed), ("held_out", ready.held, answers),
    ):  # fmt: skip
        if told:
            by_label = {
                label: label_figures(
                    found, label, truth, told, place, card.label_rules[label].threshold
                )
                for place, label in enumerate(card.classes)
            }
            metrics[part] = {"images": len(told), "labels": by_label}
    held = metrics.get("held_out", {}).get("labels", {})
    earned = bool(held) and all(
        earned_status(
            labelled_set(ready.training, label, truth, place),
            labelled_set(ready.held, label, truth, place),
            held[label], ready.job.stated.although,
        ) is ModelStatus.INTERNALLY_VALIDATED
        for place, label in enumerate(card.classes)
    )  # fmt: skip
    has_patients = ready.training.has_patients
    patients = len(ready.held.patients()) if ready.held.has_patients else 0
    least = min(
        (_least_class(ready.training, truth, place, crossed) for place in range(len(card.classes))),
        default=0,
    )
    return replace(
        card,
        metrics=metrics or card.metrics,
        status=ModelStatus.INTERNALLY_VALIDATED if earned else ModelStatus.DEMONSTRATION,
        calibrated=has_patients and len(crossed) >= LEAST_CALIBRATED and least >= LEAST_OF_A_CLASS,
        limits=words.limits_text(patients, has_patients, earned),
    )  # fmt: skip


def _least_class(found: PictureSet, truth: Truths, place: int, crossed: Answers) -> int:
    """Return of how many answered pictures a finding is known to be there, or absent if fewer."""
    values = [truth[p.name][place] for p in found.pictures if p.name in crossed]
    return min(values.count(1.0), values.count(0.0))


def _predictions(
    ready: Prepared, card: ModelCard, truth: Truths, trained: Trained, crossed: Answers,
    answers: Answers,
) -> list[dict[str, Any]]:  # fmt: skip
    rows = []
    for found, told, is_held in ((ready.training, crossed, False), (ready.held, answers, True)):
        for picture in found.pictures:
            row: dict[str, Any] = {
                "image": picture.name,
                "patient": patient_of(found, picture),
                "held_out": "yes" if is_held else "no",
                "fold": trained.fold_of.get(picture.name, ""),
            }
            for place, label in enumerate(card.classes):
                value = truth[picture.name][place]
                p = told.get(picture.name, [np.nan] * len(card.classes))[place]
                row[label] = "" if np.isnan(value) else int(value)
                row[f"probability_{label}"] = "" if not np.isfinite(p) else round(p, 6)
            rows.append(row)
    return rows
