"""An analysis as tables for programs: one JSON object, and one CSV of its regions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from spinealign.domain.examination import Examination, SpineRegion
from spinealign.domain.findings import (
    DISCLAIMER,
    Analysis,
    Classification,
    ForeignOutlines,
    GradedPicture,
    LabelledPicture,
    Landmark,
    ModelIdentity,
    Region,
    Segmentation,
    Vertebra,
)
from spinealign.domain.height_loss import height_losses
from spinealign.domain.identifiers import DicomIdentifiers
from spinealign.domain.image import KindCheck, SpineImage
from spinealign.domain.paths import resources_dir
from spinealign.domain.reading import Reading
from spinealign.domain.report_details import LeftOutReading
from spinealign.export.disc_tables import disc_name_records, grading_record
from spinealign.export.measure_tables import (
    calibration_record,
    corrections_record,
    height_loss_record,
    json_number,
    measurement_record,
)
from spinealign.export.point_tables import points_record
from spinealign.export.reading_tables import reading_record
from spinealign.imaging.presenting import Placing
from spinealign.wording import caution_text, display_name, headline
from spinealign.wording.vertebrae import outlines_from

SCHEMA_FAMILY = "spinealign-analysis-"
SCHEMA_ID = f"{SCHEMA_FAMILY}4"
REGION_COLUMNS = (
    "class_id",
    "name",
    "pixels",
    "percent_of_image",
    "percent_of_structures",
    "area_mm2",
    "parts",
    "mean_confidence",
    "model",
    "model_version",
    "model_status",
    "image_sha256",
)


def analysis_schema() -> dict[str, Any]:
    """Return the published JSON Schema (2020-12) of `analysis_json`."""
    path = resources_dir() / "schemas" / "analysis.schema.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def analysis_json(
    analysis: Analysis,
    files: Mapping[str, str],
    reading: Reading | None = None,
    left_out: LeftOutReading | None = None,
) -> dict[str, Any]:
    """Return everything an analysis found as a JSON object.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    files : mapping of str to str
        Kind of result to the name of the file beside this object.
    reading : Reading, optional
        What a person made of it; names and typed text are left out.
    left_out : LeftOutReading, optional
        A stored reading that is not taken in.

    Returns
    -------
    dict
        Fits `analysis_schema`; areas in mm2, spacing as [row, column] in mm, outlines
        and landmarks in image pixels (x to the right, y down, pixel i covers i to i + 1).
    """
    return {
        "schema": SCHEMA_ID,
        "program": {"name": "SpineAlign", "version": analysis.program_version},
        "created_utc": analysis.created_utc,
        "input": _input(analysis),
        "view": {
            "name": analysis.view_name,
            "chosen_by": analysis.decided_by.value,
            "confidence": json_number(analysis.kind_confidence, 4),
            "check": _kind_check(analysis.kind_check),
        },
        "examination": _examination(analysis.examination),
        "models": [_model(model) for model in analysis.models],
        "headline": headline(analysis),
        "classification": _classification(analysis.classification),
        "findings": _findings(analysis.labelled),
        "picture_grade": _picture_grade(analysis.picture_grade),
        "points": points_record(analysis.located, analysis.image.spacing_mm),
        "segmentation": _segmentation(
            analysis.segmentation, analysis.regions, analysis.outlined_by
        ),
        "vertebrae": [_vertebra(body, analysis.segmentation) for body in analysis.vertebrae],
        "suggestions": [_vertebra(body, None) for body in analysis.suggestions],
        "facing": analysis.facing,
        "facing_confidence": json_number(analysis.facing_confidence, 4),
        "levels_uncertain": analysis.levels_uncertain,
        "disc_grading": grading_record(analysis),
        "measurements": [measurement_record(m) for m in analysis.measurements],
        "height_losses": [height_loss_record(one) for one in height_losses(analysis.measurements)],
        "corrections": corrections_record(analysis),
        "automatic": _automatic(analysis.automatic),
        "reading": reading_record(reading, left_out),
        "warnings": [
            {"code": caution.code.value, "message": caution_text(caution)}
            for caution in analysis.cautions
        ],
        "seconds": {step: json_number(value, 4) for step, value in analysis.seconds.items()},
        "files": dict(files),
        "disclaimer": DISCLAIMER,
    }


def _examination(examination: Examination | None) -> dict[str, Any] | None:
    if examination is None:
        return None
    return {
        "kind": examination.kind.value,
        "modality": examination.modality.value,
        "regions": sorted(examination.regions, key=list(SpineRegion).index),
        "plane": examination.plane.value,
    }


def _kind_check(check: KindCheck | None) -> dict[str, Any] | None:
    if check is None:
        return None
    return {
        "kind": check.kind.value,
        "accepted": check.accepted,
        "overruled": check.overruled,
        "tags": check.tags and check.tags.value,
        "pixels": check.pixels and check.pixels.value,
        "pixels_confidence": json_number(check.confidence, 4),
        "ood_distance": json_number(check.ood_distance, 2),
        "ood_limit": json_number(check.ood_limit, 2),
        "quarter_turns_to_upright": check.quarter_turns,
    }


def regions_csv(analysis: Analysis) -> str:
    """Return the regions as CSV (RFC 4180) under `REGION_COLUMNS`.

    Returns
    -------
    str
        A header only when nothing was segmented. Empty cells mean "does not
        apply" or "unknown"; the row of all structures has no `class_id`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(REGION_COLUMNS)
    if analysis.segmentation is not None:
        model = analysis.segmentation.model
        said = (model.name, model.version, model.status.value)
        if analysis.outlined_by is not None:
            said = (outlines_from(analysis.outlined_by), "", "")
        origin = (*said, analysis.image.sha256)
        for region in analysis.regions:
            row = _region(region)
            writer.writerow([*(row[name] for name in REGION_COLUMNS[:8]), *origin])
    return text.getvalue()


def _input(analysis: Analysis) -> dict[str, Any]:
    image, wanted = analysis.image, analysis.corrections
    rows, cols = image.shape
    return {
        "file_name": display_name(image.source_path),
        "place": _place(image),
        "sha256": image.sha256,
        "width_px": cols,
        "height_px": rows,
        "bits": image.bits,
        "format": image.file_format,
        "modality": image.modality,
        "dicom": _dicom(image.dicom),
        "spacing_mm": _spacing(image.spacing_mm),
        "spacing_source": image.spacing_source.value,
        "calibration": calibration_record(None if wanted is None else wanted.calibration),
        "presentation": _presentation(image),
    }


def _presentation(image: SpineImage) -> dict[str, Any]:
    """Return how pictures show the image; all points of the object are the file's pixels."""
    shown = image.presentation
    to_shown = Placing.of(image).matrix
    return {
        "turned_left_deg": json_number(shown.turn_deg, 4),
        "mirrored": shown.is_mirrored,
        "inverted": shown.is_inverted,
        "upright_after_left_deg": json_number(shown.upright_deg, 4),
        "analysed_turned_left_deg": json_number(shown.analysed_deg, 4),
        "file_to_shown": [[json_number(value, 6) for value in row] for row in to_shown.tolist()],
    }


def _dicom(identifiers: DicomIdentifiers | None) -> dict[str, Any] | None:
    """Return what refers to the image, without the patient; None for other formats."""
    if identifiers is None:
        return None
    return {
        "study_instance_uid": identifiers.study_instance_uid or None,
        "series_instance_uid": identifiers.series_instance_uid or None,
        "sop_class_uid": identifiers.sop_class_uid or None,
        "sop_instance_uid": identifiers.sop_instance_uid or None,
        "frame_of_reference_uid": identifiers.frame_of_reference_uid or None,
        "frame_number": identifiers.frame_number,
    }


def _place(image: SpineImage) -> dict[str, int] | None:
    """Return which picture of its file this is; None where the file holds only one."""
    part = image.place
    return None if part.index is None else {"index": part.index, "volume": part.volume}


def _spacing(spacing_mm: tuple[float, float] | None) -> list[float] | None:
    return None if spacing_mm is None else [float(value) for value in spacing_mm]


def _automatic(found: Analysis | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "vertebrae": [_vertebra(body, found.segmentation) for body in found.vertebrae],
        "suggestions": [_vertebra(body, None) for body in found.suggestions],
        "facing": found.facing,
        "facing_confidence": json_number(found.facing_confidence, 4),
        "levels_uncertain": found.levels_uncertain,
        "discs": disc_name_records(found.discs),
        "measurements": [measurement_record(m) for m in found.measurements],
        "spacing_mm": _spacing(found.image.spacing_mm),
        "spacing_source": found.image.spacing_source.value,
    }


def _model(model: ModelIdentity) -> dict[str, Any]:
    return {
        "name": model.name,
        "title": model.title,
        "version": model.version,
        "sha256": model.sha256,
        "status": model.status.value,
        "engine": model.engine,
        "limits": model.limits,
    }


def _classification(answer: Classification | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    pairs = zip(answer.labels, answer.probabilities, strict=True)
    return {
        "model": answer.model.name,
        "classes": [{"name": name, "probability": json_number(p, 6)} for name, p in pairs],
        "positive_class": answer.positive_label,
        "threshold": json_number(answer.threshold, 6),
        "predicted": answer.predicted,
        "calibrated": answer.calibrated,
    }


def _findings(answer: LabelledPicture | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {
        "model": answer.model.name,
        "findings": [
            {
                "name": one.name,
                "probability": json_number(one.probability, 6),
                "threshold": json_number(one.threshold, 6),
                "prevalence": json_number(one.prevalence, 6),
                "reported": one.is_present,
            }
            for one in answer.labels
        ],
        "calibrated": answer.calibrated,
    }


def _picture_grade(answer: GradedPicture | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    pairs = zip(answer.grades, answer.probabilities, strict=True)
    return {
        "model": answer.model.name,
        "grades": [{"name": name, "probability": json_number(p, 6)} for name, p in pairs],
        "predicted": answer.predicted,
        "expected_place": json_number(answer.expected, 4),
        "is_likeliest": answer.is_likeliest,
        "middle_half": list(answer.middle_half),
        "calibrated": answer.calibrated,
    }


def _segmentation(
    found: Segmentation | None, regions: tuple[Region, ...], whose: ForeignOutlines | None
) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "model": found.model.name if whose is None else outlines_from(whose),
        "classes": {str(class_id): name for class_id, name in found.classes.items()},
        "regions": [_region(region) for region in regions],
    }


def _region(region: Region) -> dict[str, Any]:
    return {
        "class_id": region.class_id,
        "name": region.name,
        "pixels": region.pixels,
        "percent_of_image": json_number(region.percent_of_image, 4),
        "percent_of_structures": json_number(region.percent_of_structures, 4),
        "area_mm2": json_number(region.area_mm2, 3),
        "parts": region.parts,
        "mean_confidence": json_number(region.mean_confidence, 4),
    }


def _vertebra(body: Vertebra, found: Segmentation | None) -> dict[str, Any]:
    classes = {} if found is None else {name: value for value, name in found.classes.items()}
    return {
        "name": body.name,
        "level": body.level,
        "index": body.index,
        "class_id": classes.get(body.name),
        "state": body.state.value,
        "confidence": json_number(body.confidence, 4),
        "outline": [[json_number(x, 2), json_number(y, 2)] for x, y in body.outline],
        "landmarks": [_landmark(mark) for mark in body.landmarks],
    }


def _landmark(mark: Landmark) -> dict[str, Any]:
    return {
        "name": mark.name.value,
        "x": json_number(mark.x, 2),
        "y": json_number(mark.y, 2),
        "confidence": json_number(mark.confidence, 4),
        "source": mark.source.value,
    }
