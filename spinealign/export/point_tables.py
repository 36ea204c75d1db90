"""Named points of a user's own model as tables for programs: part of the JSON object, and a CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

from spinealign.domain.findings import Analysis, LocatedPoints
from spinealign.export.measure_tables import json_number
from spinealign.wording.points import NOT_FOUND, STATES, SURE, UNSURE
from spinealign.wording.text import safe_text

POINT_COLUMNS = (
    "point", "x_px", "y_px", "x_mm", "y_mm", "confidence", "state", "trusted_from",
    "spacing_source", "model", "model_version", "model_status", "image_sha256",
)  # fmt: skip
"""Columns of points.csv; `state` is sure, unsure or not_found."""


def points_record(
    found: LocatedPoints | None, spacing_mm: tuple[float, float] | None
) -> dict[str, Any] | None:
    """Return the points as a JSON object; None where no model for points ran.

    Places are of the file's picture: pixels with x to the right and y down, pixel i covering i to
    i + 1, and millimetres from the same corner.
    """
    if found is None:
        return None
    return {
        "model": found.model.name,
        "trusted_from": json_number(found.trusted_from, 4),
        "points": point_rows(found, spacing_mm),
        "not_found": list(found.not_found),
    }


def point_rows(
    found: LocatedPoints, spacing_mm: tuple[float, float] | None
) -> list[dict[str, Any]]:
    """Return name, x, y, x_mm, y_mm, confidence and sure of each point that was found."""
    rows = []
    for point in found.points:
        at_mm = point.place_mm(spacing_mm) or (None, None)
        rows.append(
            {
                "name": point.name,
                "x": json_number(point.x, 2),
                "y": json_number(point.y, 2),
                "x_mm": json_number(at_mm[0], 3),
                "y_mm": json_number(at_mm[1], 3),
                "confidence": json_number(point.confidence, 4),
                "sure": point.is_sure,
            }
        )
    return rows


def points_csv(analysis: Analysis) -> str:
    """Return the points as CSV (RFC 4180) under `POINT_COLUMNS`; those not found have no place.

    Raises
    ------
    ValueError
        No model for points ran.
    """
    found = analysis.located
    if found is None:
        raise ValueError("no points")
    image = analysis.image
    model = (found.model.name, found.model.version, found.model.status.value)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(POINT_COLUMNS)
    for row in point_rows(found, image.spacing_mm):
        state = STATES[SURE if row["sure"] else UNSURE]
        places = (row[key] for key in ("x", "y", "x_mm", "y_mm", "confidence"))
        spacing = "" if image.spacing_mm is None else image.spacing_source.value
        told = (safe_text(row["name"]), *places, state, found.trusted_from, spacing)
        writer.writerow([*told, *model, image.sha256])
    for name in found.not_found:
        told = (safe_text(name), *[""] * 5, STATES[NOT_FOUND], found.trusted_from, "")
        writer.writerow([*told, *model, image.sha256])
    return text.getvalue()
