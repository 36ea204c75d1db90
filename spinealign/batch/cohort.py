"""Tables of a batch: one row an image, one row a measure, and what their columns mean."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from spinealign.batch.state import BatchState, ItemStatus, Row
from spinealign.files import write_export
from spinealign.wording.batch import COLUMN_WORDS
from spinealign.wording.text import safe_text

IMAGE_COLUMNS = (
    "number", "path", "folder", "status", "sentence", "image_sha256", "modality",
    "examination", "view_confidence", "headline", "predicted", "probability", "bodies",
    "least_confidence", "measures_taken", "measures_missing", "cautions", "spacing_row_mm",
    "spacing_column_mm", "spacing_source", "models", "program_version",
)  # fmt: skip
MEASURE_COLUMNS = (
    "number", "folder", "code", "name", "levels", "value", "unit", "interval_low", "interval_high",
    "state", "reason", "method", "source",
)  # fmt: skip
DICTIONARY_COLUMNS = ("table", "column", "meaning")
TABLE_NAMES = {"images": "images.csv", "measures": "measures.csv", "dictionary": "dictionary.csv"}


def write_tables(state: BatchState, folder: Path) -> tuple[Path, ...]:
    """Write the tables of a batch, each whole or not at all, and return where they lie.

    Times are not in them: the tables of two undisturbed or disturbed runs are alike, byte by byte.

    Raises
    ------
    ExportError
        A table is as it was before.
    """
    texts = {
        "images": _csv(IMAGE_COLUMNS, (image_row(row) for row in state.rows())),
        "measures": _csv(MEASURE_COLUMNS, _measure_rows(state)),
        "dictionary": _csv(DICTIONARY_COLUMNS, _dictionary()),
    }
    for name, text in texts.items():
        write_export(folder / TABLE_NAMES[name], text.encode())
    return tuple(folder / TABLE_NAMES[name] for name in texts)


def image_row(row: Row) -> Mapping[str, Any]:
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
        "bodies": " ".join(record["bodies"]),
        "least_confidence": record["least_confidence"],
        "measures_taken": len(taken),
        "measures_missing": len(record["measures"]) - len(taken),
        "cautions": " ".join(one["code"] for one in record["warnings"]),
        "spacing_row_mm": spacing[0],
        "spacing_column_mm": spacing[1],
        "spacing_source": given["spacing_source"],
        "models": "; ".join(record["model_versions"]),
        "program_version": record["program_version"],
    }


def _answer(classification: Mapping[str, Any] | None) -> tuple[str | None, float | None]:
    """Return what a classifier said, and the probability of its positive class."""
    if classification is None:
        return None, None
    positive = classification["positive_class"]
    told = {one["name"]: one["probability"] for one in classification["classes"]}
    return classification["predicted"], told.get(positive)


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
            }


def _dictionary() -> Iterable[Mapping[str, Any]]:
    for table, columns in (("images", IMAGE_COLUMNS), ("measures", MEASURE_COLUMNS)):
        for column in columns:
            yield {"table": table, "column": column, "meaning": COLUMN_WORDS[column]}


def _csv(columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(
        {name: value for name, value in row.items() if value is not None} for row in rows
    )
    return text.getvalue()
