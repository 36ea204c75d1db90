"""Answers of any program as a table: which column is what, and which rows can be used."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from spinealign.data_audit.tables import Table, table_of
from spinealign.domain.errors import AnswersError, DataSetError
from spinealign.evaluation.cases import ClassifiedCases, MeasuredCases
from spinealign.evaluation.table_checks import (
    contradictions,
    first_of_each,
    require_classes,
    require_whole_rows,
)
from spinealign.wording import answer_tables as table_words

_IMAGES: Final = (
    "image", "file", "filename", "path", "image_path", "image_id", "img", "name", "id", "case",
)  # fmt: skip
_PATIENTS: Final = ("patient", "patient_id", "patientid", "subject", "subject_id", "person")
_TRUTHS: Final = ("truth", "true_class", "y_true", "reference", "class", "label", "target", "true")
_DECISIONS: Final = (
    "predicted", "prediction", "predicted_class", "decision", "y_pred", "measured", "answer",
)  # fmt: skip
_SCORES: Final = ("probability", "score", "y_score", "p", "positive_probability", "y_prob")
_OF_CLASS = re.compile(r"(?:p|prob|probability|score)[_ ](.+)")
_SUM_TOLERANCE: Final = 0.02
"""Probabilities of one row that are rounded to two places add up to 1 within this."""

_MOST_GROUPS: Final = 12


@dataclass(frozen=True)
class Wanted:
    """What a person says of a table; empty texts are looked for by usual names.

    Parameters
    ----------
    image, patient, truth, predicted : str
        Columns.
    positive : str
        Class that means abnormal.
    order : tuple of str
        Classes from the lowest grade to the highest.
    unit : str
        Of numbers; with `is_measured`.
    is_measured : bool
        Whether truth and answers are numbers, not classes.
    """

    image: str = ""
    patient: str = ""
    truth: str = ""
    predicted: str = ""
    positive: str = ""
    order: tuple[str, ...] = ()
    unit: str = ""
    is_measured: bool = False


@dataclass(frozen=True, eq=False)
class ReadAnswers:
    """What a table holds.

    Parameters
    ----------
    cases : ClassifiedCases or MeasuredCases
    left_out : tuple of str
        Pictures without a truth or an answer.
    cautions : tuple of str
        What stands before the figures: rows that are repeated, or contradict themselves.
    """

    cases: ClassifiedCases | MeasuredCases
    left_out: tuple[str, ...]
    cautions: tuple[str, ...] = ()


def read_answers(path: Path, wanted: Wanted) -> ReadAnswers:
    """Read a table of answers.

    Raises
    ------
    AnswersError
        It is none, lacks a column, or says what cannot be.
    """
    table = _rows_of(path, wanted)
    return _measured(table, wanted) if wanted.is_measured else _classified(table, wanted)


@dataclass(frozen=True)
class _Rows:
    """A table whose columns of pictures, patients and the truth are known."""

    path: Path
    table: Table
    rows: Sequence[Mapping[str, str]]
    images: Sequence[str]
    patients: Sequence[str]
    knows_patients: bool
    truth: str
    used: set[str]
    image: str | None
    numbers: Sequence[int]

    def once(self, answers: set[str]) -> tuple[_Rows, list[str]]:
        """Return this with each row once, and what to say of repetitions."""
        told = frozenset((self.used - {self.image}) | answers)
        kept, cautions = first_of_each(self.table, self.rows, self.image, told)
        once = replace(
            self,
            rows=[self.rows[k] for k in kept],
            images=[self.images[k] for k in kept],
            patients=[self.patients[k] for k in kept],
            numbers=[self.numbers[k] for k in kept],
        )
        return once, cautions

    def left_out(self, kept: Sequence[int]) -> tuple[str, ...]:
        """Return the pictures of all other rows; there must be one that is kept."""
        if not kept:
            raise AnswersError(table_words.no_rows(self.path))
        known = set(kept)
        return tuple(name for k, name in enumerate(self.images) if k not in known)


def _rows_of(path: Path, wanted: Wanted) -> _Rows:
    try:
        table = table_of(path)
    except DataSetError as error:
        raise AnswersError(str(error)) from error
    require_whole_rows(table)
    columns = table.columns
    rows = [
        dict(zip(columns, (cell.strip() for cell in line), strict=True)) for line in table.lines
    ]
    truth = _column(table, wanted.truth, _TRUTHS, table_words.TRUTH)
    image, patient = (
        None if place is None else columns[place]
        for place in (
            _place(table, wanted.image, _IMAGES),
            _place(table, wanted.patient, _PATIENTS),
        )
    )
    images = [
        row[image] if image else f"row {k}" for row, k in zip(rows, table.numbers, strict=True)
    ]
    owners = [row[patient] for row in rows] if patient else []
    # Who is not named is nobody else's patient.
    patients = [owner or f"\0{k}" for k, owner in enumerate(owners)] or images
    used = {truth, *(name for name in (image, patient) if name)}
    return _Rows(
        path, table, rows, images, patients, any(owners), truth, used, image, table.numbers
    )


def _measured(told: _Rows, wanted: Wanted) -> ReadAnswers:
    answer = _column(told.table, wanted.predicted, _DECISIONS, table_words.ANSWER)
    told, cautions = told.once({answer})
    pairs = [
        (_number(told.path, row[told.truth], number), _number(told.path, row[answer], number))
        for row, number in zip(told.rows, told.numbers, strict=True)
    ]
    kept = [k for k, pair in enumerate(pairs) if None not in pair]
    left_out = told.left_out(kept)
    cases = MeasuredCases(
        tuple(told.images[k] for k in kept),
        tuple(told.patients[k] for k in kept),
        np.array([pairs[k][0] for k in kept], np.float64),
        np.array([pairs[k][1] for k in kept], np.float64),
        wanted.unit,
        _groups(told.rows, kept, told.used | {answer}),
        told.knows_patients,
    )
    return ReadAnswers(cases, left_out, tuple(cautions))


def _classified(told: _Rows, wanted: Wanted) -> ReadAnswers:
    place = _place(told.table, wanted.predicted, _DECISIONS)
    decided = "" if place is None else told.table.columns[place]
    by_class = {
        match.group(1): name
        for name in told.table.columns
        if name != decided and (match := _OF_CLASS.fullmatch(name))
    }
    scores = {name for name in _SCORES if name in told.table.columns}
    told, cautions = told.once({*by_class.values(), *scores, *([decided] if decided else [])})
    cells = [
        (row[name], name, number)
        for row, number in zip(told.rows, told.numbers, strict=True)
        for name in (told.truth, decided)
        if name and row[name]
    ]
    if not wanted.order:
        require_classes(told.path, cells)
    classes = _classes(told.path, [text for text, _, _ in cells], by_class, wanted)
    folded = {name.casefold(): k for k, name in enumerate(classes)}
    columns = _answer_columns(told, by_class, folded, decided)
    answers = [
        _row_answers(told.path, row, columns, len(classes), number)
        for row, number in zip(told.rows, told.numbers, strict=True)
    ]
    kept = [
        k
        for k, row in enumerate(told.rows)
        if row[told.truth] and (answers[k] is not None if columns else row[decided])
    ]
    left_out = told.left_out(kept)
    is_decided = bool(decided) and all(told.rows[k][decided] for k in kept)
    cases = ClassifiedCases(
        tuple(told.images[k] for k in kept),
        tuple(told.patients[k] for k in kept),
        classes,
        np.array([folded[told.rows[k][told.truth].casefold()] for k in kept], np.int64),
        np.array([answers[k] for k in kept], np.float64) if columns else None,
        np.array([folded[told.rows[k][decided].casefold()] for k in kept], np.int64)
        if is_decided
        else None,
        _groups(told.rows, kept, {*told.used, *columns.values(), decided}),
        told.knows_patients,
        bool(wanted.order),
    )
    cautions += contradictions(told.path, cases, [told.numbers[k] for k in kept])
    return ReadAnswers(cases, left_out, tuple(cautions))


def _answer_columns(
    told: _Rows, by_class: Mapping[str, str], folded: Mapping[str, int], decided: str
) -> dict[int, str]:
    """Return the columns of probabilities by class."""
    columns = {k: by_class[name] for name, k in folded.items() if name in by_class}
    score = next((name for name in _SCORES if name in told.table.columns), None)
    if not columns and score is not None and len(folded) == 2:
        columns = {1: score}
    if not columns and not decided:
        raise AnswersError(table_words.no_answers(told.path))
    return columns


def _classes(
    path: Path, told: Sequence[str], by_class: Mapping[str, str], wanted: Wanted
) -> tuple[str, ...]:
    """Return the classes in the order of their grade, or with the positive one of two last."""
    first: dict[str, str] = {}
    for text in told:
        first.setdefault(text.casefold(), text)
    known = [name.casefold() for name in wanted.order]
    stray = [first[name] for name in first if known and name not in known]
    if stray:
        raise AnswersError(table_words.not_in_order(path, stray))
    if wanted.order:
        return wanted.order
    # Classes that nobody has, but that have a column, were possible answers too.
    if len(by_class) > 1:
        for name in by_class:
            first.setdefault(name, name)
    if len(first) < 2:
        raise AnswersError(table_words.one_class(path, list(first.values())))
    names = sorted(first)
    positive = wanted.positive.casefold()
    if len(names) == 2:
        if not positive and len(by_class) == 1 and next(iter(by_class)) in first:
            positive = next(iter(by_class))
        if not positive and set(names) == {"0", "1"}:
            positive = "1"
        if positive not in first:
            raise AnswersError(table_words.which_is_positive(path, [first[name] for name in names]))
        names.sort(key=lambda name: name == positive)
    return tuple(first[name] for name in names)


def _row_answers(
    path: Path, row: Mapping[str, str], columns: Mapping[int, str], count: int, number: int
) -> list[float] | None:
    """Return a probability for each class; None where the row has none."""
    if not columns:
        return None
    values = {k: _number(path, row[name], number) for k, name in columns.items()}
    if any(value is None for value in values.values()):
        return None
    known = {k: float(value) for k, value in values.items() if value is not None}
    if any(not 0 <= value <= 1 for value in known.values()):
        raise AnswersError(table_words.no_probability(path, known.values(), number))
    if len(known) == 1 and count == 2:
        [(place, value)] = known.items()
        return [1 - value, value] if place == 1 else [value, 1 - value]
    if len(known) != count:
        raise AnswersError(table_words.columns_missing(path, list(columns.values()), count))
    total = sum(known.values())
    if abs(total - 1) > _SUM_TOLERANCE:
        raise AnswersError(table_words.no_sum(path, total, number))
    return [known[k] / total for k in range(count)]


def _number(path: Path, text: str, number: int) -> float | None:
    """Return a number; None for an empty cell."""
    if not text or text.casefold() in ("nan", "na", "none", "null"):
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise AnswersError(table_words.no_number(path, text, number)) from error
    return value if math.isfinite(value) else None


def _column(table: Table, given: str, usual: Sequence[str], what: str) -> str:
    place = _place(table, given, usual)
    if place is None:
        raise AnswersError(table_words.no_column(table.path, what, table.columns))
    return table.columns[place]


def _place(table: Table, given: str, usual: Sequence[str]) -> int | None:
    try:
        return table.column(given, usual)
    except DataSetError as error:
        raise AnswersError(str(error)) from error


def _groups(
    rows: Sequence[Mapping[str, str]], kept: Sequence[int], used: set[str]
) -> dict[str, tuple[str, ...]]:
    """Return the groups that the columns that are not used make of the rows that are kept."""
    names = rows[0] if rows else ()
    return groups_of({n: [rows[k][n] for k in kept] for n in names if n not in used})


def groups_of(columns: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return columns that part the cases into few groups; numbers by their thirds."""
    groups = {}
    for name, told in columns.items():
        values = list(told)
        if not any(values):
            continue
        if len(set(values)) > _MOST_GROUPS:
            values = _thirds(values)
        if 2 <= len(set(filter(None, values))) <= _MOST_GROUPS:
            groups[name] = tuple(values)
    return groups


def _thirds(values: Sequence[str]) -> list[str]:
    try:
        numbers = [float(text) if text else math.nan for text in values]
    except ValueError:
        return []
    low, high = np.nanpercentile(numbers, (100 / 3, 200 / 3))
    names = (f"up to {low:g}", f"{low:g} to {high:g}", f"over {high:g}")
    return [
        "" if math.isnan(each) else names[0 if each <= low else 1 if each <= high else 2]
        for each in numbers
    ]
