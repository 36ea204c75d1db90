"""Tables of a batch: one row an image, one row a measure, and what their columns mean."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from spinealign.batch.state import TABLES, BatchState, ItemStatus, Row
from spinealign.domain.study import PatientFacts
from spinealign.export.measure_tables import SHAPE_COLUMNS, shape_cells
from spinealign.files import as_export_error, written_beside
from spinealign.wording.batch import COLUMN_WORDS
from spinealign.wording.text import safe_text

IMAGE_COLUMNS = (
    "number", "path", "folder", "status", "sentence", "image_sha256", "modality",
    "examination", "view_confidence", "headline", "predicted", "probability", "findings",
    "finding_probabilities", "grade", "grade_probability", "expected_grade", "bodies",
    "least_confidence", "measures_taken", "measures_missing", "points_sure", "points_unsure",
    "points_not_found", "cautions", "spacing_row_mm",
    "spacing_column_mm", "spacing_source", "models", "program_version",
)  # fmt: skip
MEASURE_COLUMNS = (
    "number", "folder", "code", "name", "levels", "value", "unit", "interval_low", "interval_high",
    "state", "reason", "method", "source", *SHAPE_COLUMNS,
)  # fmt: skip
DICTIONARY_COLUMNS = ("table", "column", "type", "meaning")
TABLE_NAMES = {name: f"{name}.csv" for name in TABLES}

PATIENT_COLUMNS: Final[Mapping[str, str]] = {
    "patient_name": "name",
    "patient_id": "identifier",
    "birth_date": "birth_date",
    "sex": "sex",
    "age": "age",
    "study_date": "study_date",
    "acquisition_date": "acquisition_date",
    "study_description": "study_description",
    "series_description": "series_description",
    "institution": "institution",
    "accession_number": "accession_number",
}
"""Columns that name the patient or the examination, written by choice: field of `PatientFacts`."""

WHOLE, NUMBER, TEXT = "whole number", "number", "text"
_TYPES: Final = {
    **dict.fromkeys(
        ("number", "measures_taken", "measures_missing", "points_sure", "points_unsure",
         "points_not_found"), WHOLE,
    ),
    **dict.fromkeys(
        ("view_confidence", "probability", "grade_probability", "expected_grade",
         "least_confidence", "spacing_row_mm",
         "spacing_column_mm", "value", "interval_low", "interval_high"), NUMBER,
    ),
}  # fmt: skip
_ROWS_A_PIECE = 1000

FactsOf = Callable[[Row], PatientFacts]
"""Tells whose image a row is of."""


def column_type(column: str) -> str:
    """Return what a column holds: `WHOLE`, `NUMBER` or `TEXT`; empty cells have no value."""
    return _TYPES.get(column, TEXT)


def image_columns(patient: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the columns of the table of images, those of the patient behind the path."""
    return (*IMAGE_COLUMNS[:2], *patient, *IMAGE_COLUMNS[2:])


def write_tables(
    state: BatchState, folder: Path, patient: Sequence[str] = (), facts_of: FactsOf | None = None
) -> tuple[Path, ...]:
    """Write the tables of a batch, each whole or not at all, and return where they lie.

    Times are not in them: the tables of two undisturbed or disturbed runs are alike, byte by byte.

    Parameters
    ----------
    state : BatchState
    folder : Path
    patient : sequence of str
        Of `PATIENT_COLUMNS`, which are written besides.
    facts_of : callable, optional
        Reads them; needed for columns of the patient.

    Raises
    ------
    ExportError
        A table is as it was before.
    """
    columns = image_columns(patient)
    tables: Mapping[str, tuple[tuple[str, ...], Iterable[Mapping[str, Any]]]] = {
        "images": (columns, _image_rows(state, patient, facts_of)),
        "measures": (MEASURE_COLUMNS, _measure_rows(state)),
        "dictionary": (DICTIONARY_COLUMNS, _dictionary(columns)),
    }
    for name, (wanted, rows) in tables.items():
        path = folder / TABLE_NAMES[name]
        with as_export_error(path), written_beside(path, _csv(wanted, rows)) as whole:
            whole.replace(path)
    return tuple(folder / TABLE_NAMES[name] for name in tables)


def _image_rows(
    state: BatchState, patient: Sequence[str], facts_of: FactsOf | None
) -> Iterator[Mapping[str, Any]]:
    for row in state.rows():
        told = image_row(row)
        if patient and facts_of is not None:
            facts = facts_of(row)
            told = told | {
                name: safe_text(getattr(facts, PATIENT_COLUMNS[name])) for name in patient
            }
        yield told


def image_row(row: Row) -> dict[str, Any]:
    """Return an image's row of images.csv by `IMAGE_COLUMNS`; cells without a value are left out.

    `number` counts images in the order in which they were listed first.
    """
    told = {
        "number": row.number,
        "path": safe_text(str(row.path)),
        "status": row.status.value,
        "sentence": row.sentence,
    }
    if row.status not in (ItemStatus.DONE, ItemStatus.REFUSED):
        return told
    record = json.loads(row.record)
    given = record["input"]
    predicted, probability = _answer(record["classification"])
    taken = [one for one in record["measures"] if one["value"] is not None]
    spacing = given["spacing_mm"] or (None, None)
    return told | {
        "folder": row.folder,
        "image_sha256": given["sha256"],
        "modality": given["modality"],
        "examination": record["examination"],
        "view_confidence": record["view"]["confidence"],
        "headline": record["headline"],
        "predicted": predicted,
        "probability": probability,
        **_findings(record.get("findings")),
        **_grade(record.get("picture_grade")),
        "bodies": " ".join(record["bodies"]),
        "least_confidence": record["least_confidence"],
        "measures_taken": len(taken),
        "measures_missing": len(record["measures"]) - len(taken),
        **_points(record.get("points")),
        "cautions": " ".join(one["code"] for one in record["warnings"]),
        "spacing_row_mm": spacing[0],
        "spacing_column_mm": spacing[1],
        "spacing_source": given["spacing_source"],
        "models": "; ".join(record["model_versions"]),
        "program_version": record["program_version"],
    }


def _points(points: Mapping[str, Any] | None) -> dict[str, int]:
    """Return how many points of a user's own model were placed; nothing where none ran."""
    if points is None:
        return {}
    sure = sum(one["sure"] for one in points["points"])
    return {
        "points_sure": sure,
        "points_unsure": len(points["points"]) - sure,
        "points_not_found": len(points["not_found"]),
    }


def _answer(classification: Mapping[str, Any] | None) -> tuple[str | None, float | None]:
    """Return what a classifier said, and the probability of its positive class."""
    if classification is None:
        return None, None
    positive = classification["positive_class"]
    told = {one["name"]: one["probability"] for one in classification["classes"]}
    return classification["predicted"], told.get(positive)


def _findings(answer: Mapping[str, Any] | None) -> dict[str, str]:
    """Return which findings of the whole picture are reported, and the probability of each."""
    if answer is None:
        return {}
    each = answer["findings"]
    return {
        "findings": "; ".join(safe_text(one["name"]) for one in each if one["reported"]),
        "finding_probabilities": "; ".join(
            f"{safe_text(one['name'])} {one['probability']:.4f}" for one in each
        ),
    }


def _grade(answer: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the median grade of the whole picture, its probability, and the expected place."""
    if answer is None:
        return {}
    told = {one["name"]: one["probability"] for one in answer["grades"]}
    return {
        "grade": safe_text(answer["predicted"]),
        "grade_probability": told[answer["predicted"]],
        "expected_grade": answer["expected_place"],
    }


def _measure_rows(state: BatchState) -> Iterable[Mapping[str, Any]]:
    for row in state.rows():
        if row.status is not ItemStatus.DONE:
            continue
        for one in json.loads(row.record)["measures"]:
            low, high = one["interval"] or (None, None)
            yield {
                **{name: one.get(name) for name in MEASURE_COLUMNS if name in one},
                "number": row.number,
                "folder": row.folder,
                "levels": "/".join(one["levels"]),
                "interval_low": low,
                "interval_high": high,
                **_shape(one.get("curve")),
            }


def _shape(curve: Mapping[str, Any] | None) -> dict[str, str | None]:
    cells = zip(SHAPE_COLUMNS, shape_cells(curve), strict=True)
    return {name: cell or None for name, cell in cells}


def _dictionary(columns: Sequence[str]) -> Iterable[Mapping[str, Any]]:
    for table, names in (("images", columns), ("measures", MEASURE_COLUMNS)):
        for column in names:
            yield {
                "table": table,
                "column": column,
                "type": column_type(column),
                "meaning": COLUMN_WORDS[column],
            }


def _csv(columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield a table in pieces, so that it is never held at once."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    for count, row in enumerate(rows, start=1):
        writer.writerow({name: value for name, value in row.items() if value is not None})
        if count % _ROWS_A_PIECE == 0:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()
