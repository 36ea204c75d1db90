"""What is wrong with a table of answers, and what its reader should know of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from spinealign.wording.text import count_text, listed, safe_text

TRUTH, ANSWER = "the truth", "the answer"


def _of(path: Path) -> str:
    return f"“{safe_text(path.name)}”"


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = [safe_text(str(name)) for name in names[:most]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")


def no_column(path: Path, what: str, columns: Sequence[str]) -> str:
    """Return that a column is missing, and which there are."""
    there = listed([safe_text(name) for name in columns[:20]])
    option = "--truth-column" if what == TRUTH else "--predicted-column"
    return f"{_of(path)} has no column for {what}; it has {there}. Name it with {option}"


def no_answers(path: Path) -> str:
    """Return that a table has no answers."""
    return (
        f"{_of(path)} has neither probabilities (columns such as probability_fracture) nor "
        "decisions (a column predicted)"
    )


def not_in_order(path: Path, stray: Sequence[str]) -> str:
    """Return which classes the order of grades lacks."""
    return f"{_of(path)} has classes that --order does not name: {_some(stray)}"


def one_class(path: Path, names: Sequence[str]) -> str:
    """Return that there is nothing to tell apart."""
    return f"{_of(path)} has one class only ({_some(names) or 'none'}); an evaluation needs two"


def which_is_positive(path: Path, names: Sequence[str]) -> str:
    """Return the question which class means abnormal."""
    choice = " or ".join(map(safe_text, names))
    return f"Say which class of {_of(path)} means abnormal: --positive {choice}"


def no_probability(path: Path, values: Iterable[float], row: int) -> str:
    """Return that a number is no probability."""
    wrong = next(value for value in values if not 0 <= value <= 1)
    return (
        f"{_of(path)} has the number {wrong:g} for a probability in row {row}; they go from 0 to "
        "1: divide percent by 100, and turn logits into probabilities first"
    )


def columns_missing(path: Path, columns: Sequence[str], count: int) -> str:
    """Return that not all classes have a probability."""
    return f"{_of(path)} has {count} classes, but probabilities in {_some(columns)} only"


def no_sum(path: Path, total: float, row: int) -> str:
    """Return that probabilities of a row do not add up."""
    return (
        f"in row {row} of {_of(path)} the probabilities of all classes add up to {total:.3g}, not "
        "1; a column may be of another class, or one is missing: evaluate findings that may be "
        "there together one by one, each in a table of its own"
    )


def no_number(path: Path, text: str, row: int) -> str:
    """Return that a text is no number."""
    told = f"{_of(path)} has “{safe_text(text)}” in row {row} where a number is expected"
    point = text.replace(",", ".")
    if text.count(",") == 1 and point.replace(".", "", 1).lstrip("+-").isdigit():
        return f"{told}; write decimals with a point: {point}"
    return told


def odd_row(path: Path, row: int, cells: int, columns: int) -> str:
    """Return that a row has another number of cells than there are columns."""
    comma = "; decimals with a comma must be in quotes, or cells parted by semicolons"
    return (
        f"row {row} of {_of(path)} has {cells} cells, and there are {columns} columns"
        f"{comma if cells > columns else ''}"
    )


def rows_disagree(path: Path, rows: tuple[int, int], image: str) -> str:
    """Return that two rows tell different things of one picture."""
    return (
        f"rows {rows[0]} and {rows[1]} of {_of(path)} both tell of “{safe_text(image)}”, and "
        "differ in patient, truth or answer; keep one of them, or add a column that tells them "
        "apart, such as the reader or the level"
    )


def rows_repeated(count: int, rows: tuple[int, int], image: str) -> str:
    """Return that rows are repeated, which changes no figure."""
    return (
        f"Row {rows[1]} repeats row {rows[0]} (“{safe_text(image)}”); "
        f"{count_text(count, 'repetition')} in all, counted once. Look whether another picture was "
        "meant."
    )


def number_for_class(path: Path, text: str, column: str, row: int) -> str:
    """Return that a column of classes holds numbers."""
    return (
        f"{_of(path)} has the number “{safe_text(text)}” in the column “{safe_text(column)}” of "
        f"row {row}, where a class is expected; say --numbers where measured numbers are compared, "
        "call a column of probabilities probability_<class>, and say --order where numbers are "
        "grades"
    )


def class_in_two_ways(path: Path, one: str, other: str, row: int) -> str:
    """Return that a class is written in two ways."""
    return (
        f"{_of(path)} has the classes “{safe_text(one)}” and, in row {row}, “{safe_text(other)}”, "
        "which are one number written in two ways; write it in one way everywhere"
    )


def rows_contradict(
    path: Path, row: int, image: str, decided: str, share: float, count: int, of: int
) -> str:
    """Return that a few rows have another class than their probabilities say."""
    return (
        f"Row {row} of {_of(path)} (“{safe_text(image)}”) says “{safe_text(decided)}” at a "
        f"probability of {share:.3g}, which no rule says that fits the other rows; "
        f"{count_text(count, 'such row')} of {of:,}. Decisions are counted as written, curves by "
        "probabilities: correct the rows, or leave out the column of decisions."
    )


def columns_contradict(
    path: Path, row: int, image: str, decided: str, share: float, count: int, of: int
) -> str:
    """Return that decisions and probabilities do not belong together."""
    return (
        f"in {count:,} of {of:,} rows of {_of(path)} decision and probabilities contradict each "
        f"other: row {row} (“{safe_text(image)}”) says “{safe_text(decided)}” at a probability of "
        f"{share:.3g}; look whether columns are swapped, or leave out the column of decisions"
    )


def no_rows(path: Path) -> str:
    """Return that no row can be used."""
    return f"{_of(path)} has no row with a truth and an answer"
