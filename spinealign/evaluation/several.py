"""Evaluations of models that answer several findings, or ordered grades."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from spinealign.data_audit.dicom_facts import patient_of
from spinealign.data_audit.label_tables import LabelledRow, LabelledTable, read_labels
from spinealign.domain.errors import AnswersError, DataSetError, SpineAlignError
from spinealign.domain.findings import median_grade
from spinealign.evaluation import classification
from spinealign.evaluation.answering import AskedOfModel, Evaluated
from spinealign.evaluation.cases import ClassifiedCases, LabelledCases
from spinealign.evaluation.familiar import Familiar
from spinealign.evaluation.intervals import DRAWS, Figure
from spinealign.evaluation.predicting import Show, answered_files, gallery, held_out_part
from spinealign.evaluation.run import (
    WORST,
    Evaluation,
    Threshold,
    WorstCase,
    evaluate_classified,
    named,
    subgroups_of,
)
from spinealign.evaluation.tables import groups_of
from spinealign.imaging.read import read_image
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import LoadedModel
from spinealign.predict import grade_with, label_with, region_model
from spinealign.wording import evaluation as words
from spinealign.wording import labels as label_words

LABEL_TABLE: Final = "label-table"


def evaluated_grades(
    model: LoadedModel, asked: AskedOfModel, show: Show, told: Callable[[str], object]
) -> Evaluated:
    """Evaluate a model of ordered grades; the median grade counts as its decision."""
    grades = model.card.classes
    outliner = region_model(model.card, ModelStore())
    found = answered_files(
        model,
        asked.pictures,
        asked.pattern,
        show,
        lambda image: grade_with(model, image, outliner).probabilities,
    )
    p = np.array(found.answers, np.float64)
    folded = {name.casefold(): k for k, name in enumerate(grades)}
    cases = ClassifiedCases(
        found.names,
        found.patients,
        grades,
        np.array([folded[label.casefold()] for label in found.labels], np.int64),
        p,
        np.array([median_grade(row) for row in p], np.int64),
        groups=found.groups,
        knows_patients=found.knows_patients,
        is_ordinal=True,
    )
    threshold = Threshold(None, label_words.MEDIAN_GRADE)
    evaluation = evaluate_classified(model.card.name, cases, threshold, found.left_out, show=told)
    paths = dict(zip(found.names, found.paths, strict=True))
    shown = [one.image for one in evaluation.worst]
    drawn = gallery(paths, shown, lambda image: grade_with(model, image, outliner).heatmap)
    return Evaluated(replace(evaluation, cautions=found.cautions), drawn)


def evaluated_labels(
    model: LoadedModel, asked: AskedOfModel, show: Show, told: Callable[[str], object]
) -> Evaluated:
    """Evaluate a model of several findings on a list with a column for each of them.

    Raises
    ------
    AnswersError
        The data are no such list, or no picture of it can be read.
    """
    card = model.card
    if asked.layout not in ("", LABEL_TABLE):
        raise AnswersError(label_words.other_layout(asked.layout, LABEL_TABLE))
    try:
        table = read_labels(asked.data, card.classes)
    except DataSetError as error:
        raise AnswersError(str(error)) from error
    listed = table.rows
    part = held_out_part(row.part for row in listed)
    rows = [row for row in listed if not part or row.part.casefold() == part]
    familiar = Familiar(card.training)
    outliner = region_model(card, ModelStore())
    kept: list[LabelledRow] = []
    left_out, answers = [], []
    for done, row in enumerate(rows):
        show(row.name, done, len(rows))
        try:
            image = read_image(row.path)
            answer = label_with(model, image, outliner)
        except SpineAlignError:
            left_out.append(row.name)
            continue
        kept.append(row)
        familiar.see(row.name, image)
        answers.append([one.probability for one in answer.labels])
    if not kept:
        raise AnswersError(words.NO_PICTURE_TO_ANSWER)
    owners, knows = _owners(kept, asked.pattern)
    values = [[np.nan if v is None else float(v) for v in row.values] for row in kept]
    cases = LabelledCases(
        tuple(row.name for row in kept),
        owners,
        card.classes,
        np.array(values, np.float64),
        np.array(answers, np.float64),
        tuple(card.label_rules[name].threshold for name in card.classes),
        _groups(table, kept),
        knows,
    )
    found = evaluate_labelled(card.name, cases, left_out, show=told)
    cautions = familiar.cautions(len(kept))
    cautions += [words.part_text(part, len(rows), len(listed))] if part else []
    drawn = gallery(
        {row.name: row.path for row in kept},
        [one.image for one in found.worst],
        lambda image: label_with(model, image, outliner).heatmap,
    )
    return Evaluated(replace(found, cautions=tuple(cautions)), drawn)


def _groups(table: LabelledTable, kept: Sequence[LabelledRow]) -> dict[str, tuple[str, ...]]:
    """Return what the further columns of a list, and its parts, make of the pictures."""
    place = {row.name: k for k, row in enumerate(table.rows)}
    at = [place[row.name] for row in kept]
    found = groups_of({name: [told[k] for k in at] for name, told in table.further.items()})
    parts = tuple(row.part for row in kept)
    return {**found, "part": parts} if len(set(parts)) > 1 else found


def evaluate_labelled(
    name: str,
    cases: LabelledCases,
    left_out: Sequence[str] = (),
    draws: int = DRAWS,
    show: Callable[[str], object] = lambda text: None,
) -> Evaluation:
    """Evaluate several findings; figures are named ``auc/<finding>`` and so on.

    A picture counts for the findings that are known of it, and for no other.
    """

    def compute(part: LabelledCases, is_all: bool = False) -> dict[str, Figure]:
        figures: dict[str, Figure] = {}
        for place, label in enumerate(part.classes):
            of_label = part.of_label(place)
            if len(of_label):
                found = classification.figures(of_label, part.thresholds[place], draws, is_all)
                figures |= {f"{measure}/{label}": figure for measure, figure in found.items()}
        return figures

    show(words.ALL_CASES)
    return Evaluation(
        name, cases, tuple(left_out), None, label_words.CARD_THRESHOLDS, compute(cases, True), None,
        subgroups_of(cases, compute, show), _worst(cases), draws=draws,
    )  # fmt: skip


def _worst(cases: LabelledCases) -> tuple[WorstCase, ...]:
    """Return the findings that were answered on the wrong side of their threshold, worst first."""
    decided = cases.probabilities >= np.array(cases.thresholds)
    away = np.abs(cases.truth - cases.probabilities)
    wrong = ~np.isnan(cases.truth) & (decided != (cases.truth == 1))
    places = sorted(zip(*np.nonzero(wrong), strict=True), key=lambda at: -away[at])

    def word(place: int, is_there: bool) -> str:
        return cases.classes[place] if is_there else f"no {cases.classes[place]}"

    return tuple(
        WorstCase(
            cases.images[row], named(cases, row), word(at, cases.truth[row, at] == 1),
            word(at, bool(decided[row, at])), float(away[row, at]),
        )
        for row, at in places[:WORST]
    )  # fmt: skip


def _owners(rows: Sequence[LabelledRow], pattern: str) -> tuple[tuple[str, ...], bool]:
    if pattern:
        try:
            found = [re.search(pattern, row.name) for row in rows]
        except re.error as error:
            raise AnswersError(words.bad_pattern(pattern)) from error
        for row, match in zip(rows, found, strict=True):
            if match is None:
                raise AnswersError(words.no_match(pattern, row.name))
        return tuple((m.group(1) if m.re.groups else m.group()) for m in found if m), True
    told = [row.patient or patient_of(row.path) for row in rows]
    return tuple(name or f"\0{k}" for k, name in enumerate(told)), any(told)
