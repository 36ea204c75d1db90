"""Two examinations of one patient as a table for programs."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from spinealign.domain.comparison import ComparedMeasure
from spinealign.domain.findings import DISCLAIMER, Analysis
from spinealign.export.measure_tables import json_number, measurement_record
from spinealign.files import write_export
from spinealign.measure.geometry.comparison import compare
from spinealign.wording import display_name
from spinealign.wording.comparison import (
    COMPARISON_COLUMNS,
    change_text,
    comparison_cautions,
    comparison_record,
)
from spinealign.wording.measures import measurement_name

ORIGIN_COLUMNS = (
    "first_file", "first_sha256", "second_file", "second_sha256", "program_version",
    "disclaimer",
)  # fmt: skip


def comparison_csv(first: Analysis, second: Analysis) -> str:
    """Return the compared measures as CSV (RFC 4180).

    Returns
    -------
    str
        `COMPARISON_COLUMNS` and `ORIGIN_COLUMNS`; empty cells mean "no value" or "must
        not be subtracted", and the judgement says why.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow((*COMPARISON_COLUMNS, *ORIGIN_COLUMNS))
    origin = (*_origin(first), *_origin(second), second.program_version, DISCLAIMER)
    for row in compare(first, second):
        writer.writerow((*comparison_record(row), *origin))
    return text.getvalue()


def comparison_json(first: Analysis, second: Analysis) -> dict[str, Any]:
    """Return the compared measures as a JSON object, with what to know before trusting them.

    Returns
    -------
    dict
        `first` and `second` of each measure are as in `measurements` of analysis.json, or
        None; `difference` is second minus first, None where the two must not be subtracted.
    """
    files = [
        dict(zip(("file_name", "sha256"), _origin(one), strict=True)) for one in (first, second)
    ]
    return {
        "program": {"name": "SpineAlign", "version": second.program_version},
        "first": files[0],
        "second": files[1],
        "measures": [_compared(row) for row in compare(first, second)],
        "warnings": comparison_cautions(first, second),
        "disclaimer": DISCLAIMER,
    }


def _compared(row: ComparedMeasure) -> dict[str, Any]:
    interval = row.interval
    return {
        "name": measurement_name(row.either),
        "first": None if row.first is None else measurement_record(row.first),
        "second": None if row.second is None else measurement_record(row.second),
        "difference": json_number(row.difference, 4),
        "interval": None if interval is None else [json_number(end, 4) for end in interval],
        "change": row.change.value,
        "judgement": change_text(row.change),
    }


def write_comparison(first: Analysis, second: Analysis, path: Path) -> None:
    """Write `comparison_csv` to a file, whole or not at all.

    Raises
    ------
    ExportError
        The file is as it was before.
    """
    write_export(path, comparison_csv(first, second).encode())


def _origin(analysis: Analysis) -> tuple[str, str]:
    return display_name(analysis.image.source_path), analysis.image.sha256
