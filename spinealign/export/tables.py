"""An analysis as tables for programs: one JSON object, and one CSV of its regions."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from typing import Any

from spinealign.domain.findings import (
    DISCLAIMER,
    Analysis,
    Classification,
    Landmark,
    ModelIdentity,
    Region,
    Segmentation,
    Vertebra,
)
from spinealign.domain.image import SpineImage
from spinealign.domain.measurements import Measurement
from spinealign.domain.paths import resources_dir
from spinealign.wording import caution_text, display_name, headline, safe_text

SCHEMA_ID = "spinealign-analysis-1"
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


def analysis_json(analysis: Analysis, files: Mapping[str, str]) -> dict[str, Any]:
    """Return everything an analysis found as a JSON object.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    files : mapping of str to str
        Kind of result to the name of the file beside this object.

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
        "input": _input(analysis.image),
        "view": {
            "name": analysis.view.value,
            "chosen_by": analysis.view_source.value,
            "confidence": _number(analysis.view_confidence, 4),
        },
        "models": [_model(model) for model in analysis.models],
        "headline": headline(analysis),
        "classification": _classification(analysis.classification),
        "segmentation": _segmentation(analysis.segmentation, analysis.regions),
        "vertebrae": [_vertebra(body, analysis.segmentation) for body in analysis.vertebrae],
        "facing": analysis.facing,
        "facing_confidence": _number(analysis.facing_confidence, 4),
        "levels_uncertain": analysis.levels_uncertain,
        "measurements": [_measurement(measurement) for measurement in analysis.measurements],
        "warnings": [
            {"code": caution.code.value, "message": caution_text(caution)}
            for caution in analysis.cautions
        ],
        "seconds": {step: _number(value, 4) for step, value in analysis.seconds.items()},
        "files": dict(files),
        "disclaimer": DISCLAIMER,
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
        origin = (model.name, model.version, model.status.value, analysis.image.sha256)
        for region in analysis.regions:
            row = _region(region)
            writer.writerow([*(row[name] for name in REGION_COLUMNS[:8]), *origin])
    return text.getvalue()


def _input(image: SpineImage) -> dict[str, Any]:
    rows, cols = image.shape
    return {
        "file_name": display_name(image.source_path),
        "sha256": image.sha256,
        "width_px": cols,
        "height_px": rows,
        "bits": image.bits,
        "format": image.file_format,
        "modality": image.modality,
        "spacing_mm": None if image.spacing_mm is None else [float(v) for v in image.spacing_mm],
        "spacing_source": image.spacing_source.value,
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
        "classes": [{"name": name, "probability": _number(p, 6)} for name, p in pairs],
        "positive_class": answer.positive_label,
        "threshold": _number(answer.threshold, 6),
        "predicted": answer.predicted,
        "calibrated": answer.calibrated,
    }


def _segmentation(found: Segmentation | None, regions: tuple[Region, ...]) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "model": found.model.name,
        "classes": {str(class_id): name for class_id, name in found.classes.items()},
        "regions": [_region(region) for region in regions],
    }


def _region(region: Region) -> dict[str, Any]:
    return {
        "class_id": region.class_id,
        "name": region.name,
        "pixels": region.pixels,
        "percent_of_image": _number(region.percent_of_image, 4),
        "percent_of_structures": _number(region.percent_of_structures, 4),
        "area_mm2": _number(region.area_mm2, 3),
        "parts": region.parts,
        "mean_confidence": _number(region.mean_confidence, 4),
    }


def _vertebra(body: Vertebra, found: Segmentation | None) -> dict[str, Any]:
    classes = {} if found is None else {name: value for value, name in found.classes.items()}
    return {
        "name": body.name,
        "level": body.level,
        "index": body.index,
        "class_id": classes.get(body.name),
        "state": body.state.value,
        "confidence": _number(body.confidence, 4),
        "outline": [[_number(x, 2), _number(y, 2)] for x, y in body.outline],
        "landmarks": [_landmark(mark) for mark in body.landmarks],
    }


def _landmark(mark: Landmark) -> dict[str, Any]:
    return {
        "name": mark.name.value,
        "x": _number(mark.x, 2),
        "y": _number(mark.y, 2),
        "confidence": _number(mark.confidence, 4),
        "source": mark.source.value,
    }


def _measurement(measurement: Measurement) -> dict[str, Any]:
    return {
        "name": measurement.name,
        "value": _number(measurement.value, 4),
        "unit": measurement.unit,
        "method": measurement.method,
        "source": measurement.source,
        "reason": safe_text(measurement.reason),
    }


def _number(value: float | None, decimals: int) -> float | None:
    """Return a JSON number; JSON has none for infinity and not-a-number."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), decimals)
