"""Main measures and disc grades of several images as one CSV, a row an image."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spinealign.domain.discs import Disc, DiscGrade
from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import Analysis, ModelStatus
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import MEASURES, MeasureGroup
from spinealign.domain.paths import telling_folders
from spinealign.domain.reading import Reading
from spinealign.export.disc_tables import grade_cell
from spinealign.export.measure_tables import (
    SHAPE_COLUMNS,
    json_number,
    measurement_record,
    shape_cells,
)
from spinealign.export.reading_tables import reader_cell, status_cell
from spinealign.files import write_export
from spinealign.reading.findings import grade_key, measure_key
from spinealign.wording import display_name
from spinealign.wording.corrections import hand_changes_text
from spinealign.wording.discs import grade_title
from spinealign.wording.measures import measure_name
from spinealign.wording.text import safe_text

CASE_COLUMNS = (
    "image", "folder", "examination", "status", "reading_status", "changed_by_hand",
    "image_sha256", "program_version",
)  # fmt: skip
"""First columns of the table: `folder` is empty where the name of the image is there once, for
folders may be called by patients, else as much of it as tells two files apart. Then come those of
`MAIN_GROUPS` and of graded discs, in the order of measures and levels: the program's value with
its unit in brackets, the ends of its 95 % interval, and what a reader signed instead, where one
did; of a curve also its end vertebrae, its apex and its side. An empty cell means that there is no
value."""

MAIN_GROUPS = frozenset({MeasureGroup.ALIGNMENT, MeasureGroup.BALANCE, MeasureGroup.CANAL})
"""Measures of the whole picture; those of each body and segment stand in measurements.csv."""

_DECIMALS = 4
_PARTS = ("", " low", " high", " reader")
_CODES = {code: place for place, code in enumerate(MEASURES)}
_LEVELS = {level: place for place, level in enumerate(LEVEL_SEQUENCE)}


@dataclass(frozen=True)
class CaseRow:
    """One image of the table.

    Parameters
    ----------
    path : Path
        Of the image.
    status : str
        Where it stands in the worklist: "to check", "refused", "failed", "signed".
    analysis : Analysis or None
        As a person corrected it; None without a result: the cells stay empty.
    reading : Reading or None
        What a reader made of it.
    """

    path: Path
    status: str
    analysis: Analysis | None = None
    reading: Reading | None = None


@dataclass(frozen=True, order=True)
class _Column:
    """A measure or a grade of all images; `place` sorts."""

    place: tuple[int, tuple[int, ...], str]
    title: str


def cases_csv(rows: Sequence[CaseRow]) -> str:
    """Return images as CSV (RFC 4180), a row each, under `CASE_COLUMNS` and one set a measure.

    Values in pixels and in millimetres have columns of their own: they are never mixed. Columns
    of intervals and of readers are left out where all their cells would be empty.
    """
    cells = [_cells(row) for row in rows]
    columns = sorted({column for row in cells for column in row})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow((*CASE_COLUMNS, *(column.title for column in columns)))
    folders = telling_folders([row.path for row in rows])
    for row, folder, values in zip(rows, folders, cells, strict=True):
        writer.writerow(
            (*_origin(row, safe_text(folder)), *(values.get(column, "") for column in columns))
        )
    return text.getvalue()


def write_case_table(rows: Sequence[CaseRow], path: Path) -> None:
    """Write `cases_csv` to a file, whole or not at all.

    Raises
    ------
    ExportError
        The file is as it was before.
    """
    write_export(path, cases_csv(rows).encode())


def _origin(row: CaseRow, folder: str) -> tuple[str, ...]:
    analysis, name = row.analysis, display_name(row.path)
    if analysis is None:
        return (name, folder, "", row.status, "", "", "", "")
    return (
        name, folder, analysis.view_name, row.status, status_cell(row.reading),
        hand_changes_text(analysis), analysis.image.sha256, analysis.program_version,
    )  # fmt: skip


def _cells(row: CaseRow) -> Mapping[_Column, Any]:
    """Return what one image has to say, by column; nothing where a cell would be empty."""
    found: dict[_Column, Any] = {}
    if row.analysis is None:
        return found
    analysis = row.analysis.without_demonstration
    for measurement in analysis.measurements:
        if measurement.definition.group in MAIN_GROUPS:
            found.update(_measured(measurement, row.reading))
    model = analysis.disc_model
    is_told = model is not None and model.status is not ModelStatus.DEMONSTRATION
    for disc in analysis.discs if is_told else ():
        for grade in disc.grades:
            found.update(_graded(disc, grade, row.reading))
    return {column: value for column, value in found.items() if value not in ("", None)}


def _measured(measurement: Measurement, reading: Reading | None) -> dict[_Column, Any]:
    unit = f" ({measurement.unit})" if measurement.unit else ""
    # A curve has other end vertebrae on every image, and one set of columns.
    levels = measurement.levels if measurement.curve is None else measurement.key[1]
    name = safe_text(measure_name(measurement.code, levels, measurement.drawing))
    low, high = measurement.interval or (None, None)
    said = reader_cell(reading, measure_key(measurement))
    values = (measurement.value, low, high)
    numbers = [json_number(value, _DECIMALS) for value in values]
    place = (_CODES[measurement.code], _places(levels), unit)
    return {
        **_columns(place, f"{name}{unit}", (*numbers, said)),
        **_shape(measurement, place, name),
    }


def _shape(
    measurement: Measurement, place: tuple[int, tuple[int, ...], str], name: str
) -> dict[_Column, Any]:
    """Return the end vertebrae of a curve, its apex and its side."""
    shape = measurement_record(measurement)["curve"]
    if shape is None:
        return {}
    ends = "/".join(map(safe_text, measurement.levels))
    cells = (("end vertebrae", ends), *zip(SHAPE_COLUMNS, shape_cells(shape), strict=True))
    return {
        _Column((*place[:2], f"{place[2]}{number}"), f"{name} {part}"): value
        for number, (part, value) in enumerate(cells, start=len(_PARTS))
    }


def _graded(disc: Disc, grade: DiscGrade, reading: Reading | None) -> dict[_Column, Any]:
    place = (len(_CODES), _places(disc.name.split("/")), grade.name.value)
    said = reader_cell(reading, grade_key(disc, grade.name))
    title = f"{disc.name} {grade_title(grade.name)}"
    return _columns(place, title, (grade_cell(grade), "", "", said))


def _columns(
    place: tuple[int, tuple[int, ...], str], title: str, values: Sequence[Any]
) -> dict[_Column, Any]:
    return {
        _Column((*place[:2], f"{place[2]}{number}"), f"{title}{part}"): value
        for number, (part, value) in enumerate(zip(_PARTS, values, strict=True))
    }


def _places(levels: Sequence[str]) -> tuple[int, ...]:
    return tuple(_LEVELS.get(level, len(_LEVELS)) for level in levels)
