"""Graded discs as tables for programs: a part of the JSON object, and one CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

from spinealign.domain.discs import Disc, DiscGrade, GradeName
from spinealign.domain.findings import Analysis
from spinealign.domain.image import SpineImage
from spinealign.domain.reading import Reading
from spinealign.export.measure_tables import json_number
from spinealign.export.reading_tables import reader_cell, status_cell
from spinealign.reading.findings import grade_key
from spinealign.wording import display_name
from spinealign.wording.discs import OVERALL_RULE, discs_line, grade_title, uncertain_grades_text

_FINDINGS = tuple(name for name in GradeName if name is not GradeName.PFIRRMANN)
_PFIRRMANN_GRADES = range(1, 6)

DISC_COLUMNS = (
    "disc", "level", "is_level_assumed", "index_from_bottom", "is_inferred", "outline_confidence",
    "is_abnormal", "pfirrmann", "pfirrmann_severity",
    *(f"pfirrmann_p{grade}" for grade in _PFIRRMANN_GRADES),
    *(f"{name}{part}" for name in _FINDINGS for part in ("", "_probability", "_threshold")),
    "uncertain", "patient_overall", "calibrated", "model", "model_version", "model_status",
    "image_sha256", "companion_sha256", "program_version",
    *(f"{name}_reader" for name in GradeName), "reading_status",
)  # fmt: skip
"""Columns of discs.csv; "_reader" is what was signed (`reader_cell`), all else the program's. A
finding is "yes", "no", "uncertain", "needs T2" (`DiscGrade.needs_t2`),
or empty if it was not graded."""

_DECIMALS = 4


def grading_record(analysis: Analysis) -> dict[str, Any] | None:
    """Return all graded discs as a JSON object, or None where no discs were graded."""
    model, overall = analysis.disc_model, analysis.overall
    if model is None:
        return None
    return {
        "model": model.name,
        "overall": None if overall is None else overall.value,
        "overall_rule": OVERALL_RULE,
        "finding": discs_line(analysis.discs),
        "companion": _companion(analysis.companion),
        "discs": [_disc(disc) for disc in analysis.discs],
    }


def disc_name_records(discs: tuple[Disc, ...]) -> list[dict[str, Any]]:
    """Return which disc has which name, as before a person changed levels."""
    return [
        {"index_from_bottom": d.index_from_bottom, "name": d.name, "level": d.level} for d in discs
    ]


def discs_csv(analysis: Analysis, reading: Reading | None = None) -> str:
    """Return one row a disc as CSV (RFC 4180) under `DISC_COLUMNS`, from the sacrum up.

    Parameters
    ----------
    analysis : Analysis
    reading : Reading or None
        What a reader decided on them.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, DISC_COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for disc in analysis.discs:
        said = {
            f"{grade.name}_reader": reader_cell(reading, grade_key(disc, grade.name))
            for grade in disc.grades
        }
        status = {"reading_status": status_cell(reading)}
        writer.writerow({**_disc_cells(disc), **_origin(analysis), **said, **status})
    return text.getvalue()


def _companion(image: SpineImage | None) -> dict[str, Any] | None:
    if image is None:
        return None
    return {"file_name": display_name(image.source_path), "sha256": image.sha256}


def _disc(disc: Disc) -> dict[str, Any]:
    return {
        "name": disc.name,
        "level": disc.level,
        "is_level_assumed": disc.is_level_assumed,
        "index_from_bottom": disc.index_from_bottom,
        "is_inferred": disc.is_inferred,
        "confidence": json_number(disc.confidence, _DECIMALS),
        "is_abnormal": disc.is_abnormal,
        "outline": [_xy(point) for point in disc.outline],
        "anterior": _xy(disc.anterior),
        "posterior": _xy(disc.posterior),
        "height_px": json_number(disc.height_px, 2),
        "crop_to_image": [json_number(value, 6) for value in disc.crop_to_image],
        "grades": [_grade(grade) for grade in disc.grades],
    }


def _xy(point: tuple[float, float]) -> list[float | None]:
    return [json_number(point[0], 2), json_number(point[1], 2)]


def _grade(grade: DiscGrade) -> dict[str, Any]:
    return {
        "name": grade.name.value,
        "title": grade_title(grade.name),
        "value": grade.value,
        "probabilities": [json_number(p, _DECIMALS) for p in grade.probabilities],
        "threshold": json_number(grade.threshold, _DECIMALS),
        "severity": json_number(grade.severity, 2),
        "calibrated": grade.calibrated,
        "needs_t2": grade.needs_t2,
    }


def _disc_cells(disc: Disc) -> dict[str, Any]:
    cells: dict[str, Any] = {
        "disc": disc.name,
        "level": disc.level or "",
        "is_level_assumed": disc.is_level_assumed,
        "index_from_bottom": disc.index_from_bottom,
        "is_inferred": disc.is_inferred,
        "outline_confidence": json_number(disc.confidence, _DECIMALS),
        "is_abnormal": disc.is_abnormal,
        "uncertain": uncertain_grades_text(disc),
        "calibrated": all(grade.calibrated for grade in disc.grades),
    }
    for grade in disc.grades:
        cells.update(_grade_cells(grade))
    return cells


def grade_cell(grade: DiscGrade) -> str | int:
    """Return what the program says of one finding of a disc, for a table.

    Returns
    -------
    str or int
        Pfirrmann's grade, "yes" or "no"; "uncertain", "needs T2".
    """
    if grade.needs_t2:
        return "needs T2"
    if grade.value is None:
        return "uncertain"
    if grade.name is GradeName.PFIRRMANN:
        return int(grade.value)
    return "yes" if grade.value else "no"


def _grade_cells(grade: DiscGrade) -> dict[str, Any]:
    name = grade.name.value
    if grade.needs_t2:
        return {name: grade_cell(grade)}
    if grade.name is GradeName.PFIRRMANN:
        shares = zip(_PFIRRMANN_GRADES, grade.probabilities, strict=True)
        return {
            name: grade_cell(grade),
            f"{name}_severity": json_number(grade.severity, 2),
            **{f"{name}_p{number}": json_number(p, _DECIMALS) for number, p in shares},
        }
    return {
        name: grade_cell(grade),
        f"{name}_probability": json_number(grade.probabilities[-1], _DECIMALS),
        f"{name}_threshold": json_number(grade.threshold, _DECIMALS),
    }


def _origin(analysis: Analysis) -> dict[str, Any]:
    model, overall, other = analysis.disc_model, analysis.overall, analysis.companion
    return {
        "patient_overall": "" if overall is None else overall.value,
        "model": "" if model is None else model.name,
        "model_version": "" if model is None else model.version,
        "model_status": "" if model is None else model.status.value,
        "image_sha256": analysis.image.sha256,
        "companion_sha256": "" if other is None else other.sha256,
        "program_version": analysis.program_version,
    }
