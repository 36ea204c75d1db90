"""CSV tables of a training, read as the audit reads them, under this program's column names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from spinealign.data_audit.tables import (
    FILE_NAMES,
    LABEL_NAMES,
    PART_NAMES,
    PATIENT_NAMES,
    table_of,
)
from spinealign.domain.errors import DataSetError
from spinealign.wording import training as words

_COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "image": FILE_NAMES,
    "label": LABEL_NAMES,
    "patient": PATIENT_NAMES,
    "split": PART_NAMES,
}


def read_table(table: Path, label_column: str = "") -> list[dict[str, str]]:
    """Read a CSV table; its columns are called image, label, patient, split, others as they are.

    Parameters
    ----------
    table : Path
        Fields are parted by commas, semicolons or tabs.
    label_column : str
        Which column tells the class; empty for one that is called so.

    Raises
    ------
    DataSetError
        It is missing, no text, has no rows, or a row with more or fewer fields than columns.
    """
    try:
        found = table_of(table)
    except DataSetError as error:
        raise DataSetError(words.no_table(table)) from error
    if found.odd_rows:
        raise DataSetError(words.odd_rows(table, found.odd_rows))
    names = {**_COLUMNS, "label": (label_column.lower(),) if label_column else LABEL_NAMES}
    if label_column and label_column.lower() not in found.columns:
        raise DataSetError(words.table_lacks(table, [label_column]))
    places = {
        ours: next((found.columns.index(name) for name in theirs if name in found.columns), None)
        for ours, theirs in names.items()
    }
    rows = []
    for line in found.lines:
        row = dict(zip(found.columns, line, strict=True))
        row |= {ours: line[at] for ours, at in places.items() if at is not None}
        rows.append(row)
    return rows
