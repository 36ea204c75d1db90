"""What cannot be in a table of answers, and what can but should be told: by row numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spinealign.data_audit.tables import Table
from spinealign.domain.errors import AnswersError
from spinealign.domain.findings import median_grade
from spinealign.evaluation.cases import ClassifiedCases
from spinealign.wording import answer_tables as table_words

_MOST_GRADES: Final = 20
"""Whole numbers up to so many different ones may be classes; set by hand."""

_MOST_CONTRADICTING: Final = 0.1
"""Share of rows whose class may be another than their probabilities say; set by hand: more are
columns that do not belong together, such as swapped ones."""

_NO_COLUMN: Final = frozenset({"", "unnamed: 0", "index"})
"""Numbers of rows that other programs write; they tell no two rows apart."""

Row = Mapping[str, str]


def require_whole_rows(table: Table) -> None:
    """Refuse a table with a row of another number of cells than the first.

    Raises
    ------
    AnswersError
    """
    if table.odd_at:
        number, cells = table.odd_at[0]
        raise AnswersError(table_words.odd_row(table.path, number, cells, len(table.columns)))


def first_of_each(
    table: Table, rows: Sequence[Row], image: str | None, told: frozenset[str]
) -> tuple[list[int], list[str]]:
    """Return the rows that are no repetition of another, and what to say of the others.

    Rows of one picture that some further column tells apart (a reader, a level) are different
    cases.

    Parameters
    ----------
    image : str or None
        Column of pictures; without one, equal rows may be different pictures.
    told : frozenset of str
        Columns of patient, truth and answers, which must not differ.

    Raises
    ------
    AnswersError
        Two rows tell different things of one picture.
    """
    if image is None:
        return list(range(len(rows))), []
    first: dict[tuple[str, ...], int] = {}
    repeats: list[tuple[int, int]] = []
    apart = [c for c in table.columns if c not in told and c not in _NO_COLUMN]
    for place, row in enumerate(rows):
        earlier = first.setdefault(tuple(row[column] for column in apart), place)
        if earlier == place:
            continue
        if any(row[column] != rows[earlier][column] for column in told):
            at = (table.numbers[earlier], table.numbers[place])
            raise AnswersError(table_words.rows_disagree(table.path, at, row[image]))
        repeats.append((earlier, place))
    gone = {place for _, place in repeats}
    kept = [place for place in range(len(rows)) if place not in gone]
    if not repeats:
        return kept, []
    earlier, place = repeats[0]
    at = (table.numbers[earlier], table.numbers[place])
    return kept, [table_words.rows_repeated(len(repeats), at, rows[place][image])]


def require_classes(path: Path, cells: Sequence[tuple[str, str, int]]) -> None:
    """Refuse numbers where classes are expected.

    Parameters
    ----------
    cells : sequence of (str, str, int)
        What each cell says, its column and its row.

    Raises
    ------
    AnswersError
    """
    whole: dict[float, str] = {}
    for text, column, number in cells:
        value = number_of(text)
        if value is None:
            continue
        if value != round(value):
            raise AnswersError(table_words.number_for_class(path, text, column, number))
        other = whole.setdefault(value, text)
        if other != text:
            raise AnswersError(table_words.class_in_two_ways(path, other, text, number))
        if len(whole) > _MOST_GRADES:
            raise AnswersError(table_words.number_for_class(path, text, column, number))


def number_of(text: str) -> float | None:
    """Return the number that a text is, with a point or a comma for decimals; None for others."""
    try:
        value = float(text.replace(",", ".") if text.count(",") == 1 else text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def contradictions(path: Path, cases: ClassifiedCases, numbers: Sequence[int]) -> list[str]:
    """Return what to say of rows whose class is another than their probabilities say.

    Parameters
    ----------
    numbers : sequence of int
        Row of each case.

    Raises
    ------
    AnswersError
        There are so many that one of the columns is not what it seems.
    """
    if cases.decided is None or cases.probabilities is None:
        return []
    wrong = _contradicting(cases.probabilities, cases.decided, is_ordinal=cases.is_ordinal)
    places = np.flatnonzero(wrong)
    if not len(places):
        return []
    at = int(places[0])
    decided = int(cases.decided[at])
    share = float(cases.probabilities[at, decided])
    refused = len(places) > _MOST_CONTRADICTING * len(cases)
    told = table_words.columns_contradict if refused else table_words.rows_contradict
    text = told(
        path, numbers[at], cases.images[at], cases.classes[decided], share, len(places), len(cases)
    )
    if refused:
        raise AnswersError(text)
    return [text]


def _contradicting(
    probabilities: NDArray[np.float64], decided: NDArray[np.int64], *, is_ordinal: bool
) -> NDArray[np.bool_]:
    """Return for each row (n,) whether no rule makes its class of its probabilities.

    Of two classes any threshold may decide, the one that agrees with most rows; of grades the
    likeliest or the median one; of other classes the likeliest.
    """
    if probabilities.shape[1] == 2:
        return _against_threshold(probabilities[:, 1], decided == 1)
    mine = probabilities[np.arange(len(decided)), decided]
    wrong = mine < probabilities.max(axis=1) - 1e-9
    if is_ordinal:
        wrong &= decided != np.array([median_grade(row) for row in probabilities])
    return np.asarray(wrong, bool)


def _against_threshold(
    score: NDArray[np.float64], is_positive: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which rows lie on the wrong side of the threshold that the fewest do."""
    order = np.argsort(score, kind="stable")
    ordered, positive = score[order], is_positive[order]
    # From the k-th row on everything is positive; only where the score rises.
    wrong = np.concatenate([[0], np.cumsum(positive)]) + np.concatenate(
        [[(~positive).sum()], (~positive).sum() - np.cumsum(~positive)]
    )
    rises = np.concatenate([[True], ordered[1:] > ordered[:-1], [True]])
    best = int(np.flatnonzero(rises)[wrong[rises].argmin()])
    limit = ordered[best] if best < len(ordered) else np.inf
    return np.asarray((score >= limit) != is_positive)
