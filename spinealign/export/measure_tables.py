"""Measurements and corrections as tables for programs: parts of the JSON object, and one CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from typing import Any

from spinealign.domain.findings import (
    TAKEN_OVER,
    Analysis,
    Corrections,
    LandmarkSource,
    VertebraState,
)
from spinealign.domain.height_loss import HeightLoss
from spinealign.domain.measurements import (
    Calibration,
    CurveShape,
    Drawing,
    GreyValues,
    MeasuredPoint,
    Measurement,
)
from spinealign.domain.reading import Reading
from spinealign.export.reading_tables import reader_cell, status_cell
from spinealign.reading.findings import measure_key
from spinealign.wording import safe_text
from spinealign.wording.definitions import MEASURE_WORDS
from spinealign.wording.height_loss import height_loss_text
from spinealign.wording.measures import (
    measurement_name,
    method_text,
    reason_text,
    severity_source,
    severity_text,
    sources_text,
)

SHAPE_COLUMNS = ("apex", "convex_to", "patient_side")
"""What a curve is beside its angle and its end vertebrae."""

MEASUREMENT_COLUMNS = (
    "measure", "code", "levels", "value", "unit", "interval_low", "interval_high",
    "reference_low", "reference_high", "reference_mean", "reference_sd", "reference_source",
    "severity", "severity_source", "state", "automatic_value",
    "reason", "method", "source", "spacing_row_mm", "spacing_column_mm", "spacing_source",
    "calibration_length_mm", "image_sha256", "program_version", "reader", "reading_status",
    "value_px", "grey_mean", "grey_sd", "grey_min", "grey_max", "grey_pixels", "grey_unit",
    *SHAPE_COLUMNS,
)  # fmt: skip
"""Columns of measurements.csv; `interval` is the 95 % interval, `levels` are joined by "/".

`value` is the program's; `reader` is what was signed instead (`reader_cell`)."""

_DECIMALS = 4


def measurement_record(measurement: Measurement) -> dict[str, Any]:
    """Return one measure as a JSON object with all that is needed to check it.

    The lines that show it on the picture are left out: they follow from the points.
    """
    normal, severity = measurement.normal, measurement.severity
    words = MEASURE_WORDS[measurement.code]
    return {
        "name": measurement_name(measurement),
        "code": measurement.code.value,
        "levels": [safe_text(level) for level in measurement.levels],
        "value": json_number(measurement.value, _DECIMALS),
        "unit": measurement.unit,
        "interval": _interval(measurement),
        "reference_range": None if normal is None else {
            "low": json_number(normal.low, _DECIMALS),
            "high": json_number(normal.high, _DECIMALS),
            "mean": json_number(normal.mean, _DECIMALS),
            "sd": json_number(normal.sd, _DECIMALS),
            "people": normal.people,
            "ages": None if normal.ages is None else list(normal.ages),
            "source": "" if normal.source is None else normal.source.value,
            "note": words.normal_note,
        },
        "severity": None if severity is None else {
            "word": severity_text(severity), "source": severity_source(severity),
        },
        "state": measurement.state.value,
        "automatic_value": json_number(measurement.automatic_value, _DECIMALS),
        "points": [_point(point) for point in measurement.points],
        "method": method_text(measurement),
        "source": sources_text(measurement.code),
        "reason": reason_text(measurement.unmeasurable),
        "reason_code": _reason_code(measurement),
        "value_px": json_number(measurement.value_px, _DECIMALS),
        "grey": _grey(measurement.grey),
        "curve": _curve(measurement.curve),
    }  # fmt: skip


def height_loss_record(loss: HeightLoss) -> dict[str, Any]:
    """Return the height that one body lost as a JSON object."""
    ends = loss.interval
    return {
        "level": safe_text(loss.level),
        "deformity": loss.deformity.value,
        "part": loss.part.value,
        "percent": json_number(loss.percent, 1),
        "interval": None if ends is None else [json_number(end, 1) for end in ends],
        "genant_grade": loss.grade,
        "is_grade_possible": loss.is_grade_possible,
        "text": height_loss_text(loss),
    }


def _reason_code(measurement: Measurement) -> str | None:
    why = measurement.unmeasurable
    return None if why is None else why.reason.value


def corrections_record(analysis: Analysis) -> dict[str, Any] | None:
    """Return what a person changed and drew as a JSON object, or None if nobody did."""
    wanted = analysis.corrections
    if wanted is None:
        return None
    return {
        "changes": _changes(analysis),
        "points_placed": _points_placed(wanted),
        "bodies_added": sum(body.state is VertebraState.ADDED for body in wanted.vertebrae),
        "suggestions_accepted": [
            body.name for body in wanted.vertebrae if body.state in TAKEN_OVER
        ],
        "names_unconfirmed": [body.name for body in wanted.vertebrae if body.is_name_open],
        "drawings": [_drawing(drawing) for drawing in wanted.drawings],
    }


def calibration_record(calibration: Calibration | None) -> dict[str, Any] | None:
    """Return the known length that a person set the spacing by, or None."""
    if calibration is None:
        return None
    return {
        "length_mm": json_number(calibration.length_mm, _DECIMALS),
        "start": _xy(calibration.start),
        "end": _xy(calibration.end),
    }


def measurements_csv(analysis: Analysis, reading: Reading | None = None) -> str:
    """Return the measurements as CSV (RFC 4180) under `MEASUREMENT_COLUMNS`.

    Parameters
    ----------
    analysis : Analysis
    reading : Reading or None
        What a reader decided on them.

    Returns
    -------
    str
        One row a measure, in the order of the table on screen; a header only without
        measurements. Empty cells mean "no value" or "does not apply"; `reason` then says
        why there is no value.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(MEASUREMENT_COLUMNS)
    origin = _origin(analysis)
    for measurement in analysis.measurements:
        said = reader_cell(reading, measure_key(measurement))
        read = (said, status_cell(reading))
        writer.writerow((*_cells(measurement), *origin, *read, *_last_cells(measurement)))
    return text.getvalue()


def json_number(value: float | None, decimals: int) -> float | None:
    """Return a JSON number; JSON has none for infinity and not-a-number."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), decimals)


def _cells(measurement: Measurement) -> tuple[Any, ...]:
    row = measurement_record(measurement)
    low, high = row["interval"] or (None, None)
    normal, severity = row["reference_range"] or {}, row["severity"] or {}
    return (
        row["name"], row["code"], "/".join(row["levels"]), row["value"], row["unit"], low, high,
        normal.get("low"), normal.get("high"), normal.get("mean"), normal.get("sd"),
        normal.get("source"), severity.get("word"), severity.get("source"), row["state"],
        row["automatic_value"], row["reason"], row["method"], row["source"],
    )  # fmt: skip


def _last_cells(measurement: Measurement) -> tuple[Any, ...]:
    """Return what drawn measures and curves have beside the others."""
    row = measurement_record(measurement)
    grey = row["grey"] or {}
    names = ("mean", "sd", "min", "max", "pixels", "unit")
    shape = shape_cells(row["curve"])
    return (row["value_px"], *(grey.get(name) for name in names), *shape)


def shape_cells(curve: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the curve of a `measurement_record` under `SHAPE_COLUMNS`; empty without one."""
    if curve is None:
        return ("",) * len(SHAPE_COLUMNS)
    return "/".join(curve["apex"]), curve["convex_to"], curve["patient_side"] or ""


def _curve(curve: CurveShape | None) -> dict[str, Any] | None:
    if curve is None:
        return None
    return {
        "apex": [safe_text(level) for level in curve.apex],
        "convex_to": curve.convex_to.value,
        "patient_side": None if curve.patient_side is None else curve.patient_side.value,
    }


def _grey(grey: GreyValues | None) -> dict[str, Any] | None:
    if grey is None:
        return None
    return {
        "mean": json_number(grey.mean, _DECIMALS),
        "sd": json_number(grey.deviation, _DECIMALS),
        "min": json_number(grey.lowest, _DECIMALS),
        "max": json_number(grey.highest, _DECIMALS),
        "pixels": grey.pixels,
        "unit": "HU" if grey.is_hounsfield else "",
    }


def _origin(analysis: Analysis) -> tuple[Any, ...]:
    image, wanted = analysis.image, analysis.corrections
    calibration = None if wanted is None else wanted.calibration
    return (
        *(image.spacing_mm or (None, None)),
        image.spacing_source.value,
        None if calibration is None else calibration.length_mm,
        image.sha256,
        analysis.program_version,
    )


def _interval(measurement: Measurement) -> list[float | None] | None:
    ends = measurement.interval
    if ends is None or not all(map(math.isfinite, ends)):
        return None
    return [json_number(end, _DECIMALS) for end in ends]


def _point(point: MeasuredPoint) -> dict[str, Any]:
    x, y = _xy((point.x, point.y))
    return {"body": point.body, "name": point.name, "x": x, "y": y, "source": point.source}


def _drawing(drawing: Drawing) -> dict[str, Any]:
    return {
        "tool": drawing.tool.value,
        "number": drawing.number,
        "points": [_xy(point) for point in drawing.points],
        "text": drawing.text,
    }


def _xy(point: tuple[float, float]) -> list[float | None]:
    return [json_number(value, 2) for value in point]


def _changes(analysis: Analysis) -> list[str]:
    return [kind.value for caution in analysis.cautions for kind in caution.corrections]


def _points_placed(wanted: Corrections) -> int:
    marks = [mark for body in wanted.vertebrae for mark in body.landmarks]
    return sum(mark.source is LandmarkSource.USER for mark in marks)
