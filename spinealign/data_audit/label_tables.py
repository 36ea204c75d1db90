"""Lists of pictures with several findings: one column a finding, each there, absent or unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from spinealign.data_audit.tables import FILE_NAMES, PART_NAMES, PATIENT_NAMES, table_of
from spinealign.domain.errors import DataSetError
from spinealign.wording import labels as words

_YES: Final = frozenset({"1", "1.0", "yes", "true", "present", "positive"})
_NO: Final = frozenset({"0", "0.0", "no", "false", "absent", "negative"})
_UNKNOWN: Final = frozenset({"", "nan", "na", "n/a", "unknown"})
_OTHERS: Final = frozenset({"group"})
"""Columns of an audit's split.csv that are no finding."""


@dataclass(frozen=True)
class LabelledRow:
    """One picture of a list: its findings in the list's order, None where not known."""

    name: str
    path: Path
    patient: str
    part: str
    values: tuple[bool | None, ...]


@dataclass(frozen=True)
class LabelledTable:
    """A list of pictures; `labels` names the findings, in the order of `LabelledRow.values`.

    `further` are the columns that are neither findings nor picture, patient or split, such as the
    source, where findings were asked for by name: one text a row.
    """

    labels: tuple[str, ...]
    rows: tuple[LabelledRow, ...]
    further: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_labels(table: Path, wanted: Sequence[str] = ()) -> LabelledTable:
    """Read a CSV list with one column a finding: 1, 0, yes, no and so on; empty is unknown.

    Parameters
    ----------
    table : Path
        With a column of pictures (relative to its folder) and, where known, patient and split.
    wanted : sequence of str
        Columns of findings, in this order; without any every other column is one.

    Raises
    ------
    DataSetError
        It is no list, lacks a column, or a cell says neither yes nor no.
    """
    found = table_of(table)
    if found.odd_rows:
        raise DataSetError(words.odd_rows(table, found.odd_rows))
    places = {
        what: next((found.columns.index(name) for name in names if name in found.columns), None)
        for what, names in (
            ("image", FILE_NAMES), ("patient", PATIENT_NAMES), ("split", PART_NAMES),
        )
    }  # fmt: skip
    file = places["image"]
    if file is None:
        raise DataSetError(words.no_pictures(table))
    columns = _columns(table, found.columns, wanted, set(places.values()))

    def cell(line: Sequence[str], what: str) -> str:
        place = places[what]
        return "" if place is None else line[place].strip()

    rows = [
        LabelledRow(
            Path(cell(line, "image")).as_posix(),
            table.parent / cell(line, "image"),
            cell(line, "patient"),
            cell(line, "split"),
            tuple(_value(table, name, line[at].strip()) for name, at in columns.items()),
        )
        for line in found.lines
    ]
    used = {*columns.values(), *places.values()}
    further = {
        name: tuple(line[at].strip() for line in found.lines)
        for at, name in enumerate(found.columns)
        if wanted and at not in used and name not in _OTHERS
    }
    return LabelledTable(tuple(columns), tuple(rows), further)


def _columns(
    table: Path, columns: Sequence[str], wanted: Sequence[str], used: set[int | None]
) -> Mapping[str, int]:
    """Return the columns of findings; names are told as they were asked for."""
    if not wanted:
        found = {
            name: at for at, name in enumerate(columns) if at not in used and name not in _OTHERS
        }
        if not found:
            raise DataSetError(words.no_labels(table))
        return found
    missing = [name for name in wanted if name.lower() not in columns]
    if missing:
        raise DataSetError(words.labels_missing(table, missing, columns))
    return {name: list(columns).index(name.lower()) for name in wanted}


def _value(table: Path, column: str, text: str) -> bool | None:
    folded = text.casefold()
    if folded in _UNKNOWN:
        return None
    if folded not in _YES | _NO:
        raise DataSetError(words.neither_yes_nor_no(table, column, text))
    return folded in _YES
