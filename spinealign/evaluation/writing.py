"""An evaluation's files: report, figures as JSON, the answers that it stands on."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spinealign.evaluation.cases import (
    Cases,
    ClassifiedCases,
    LabelledCases,
    MeasuredCases,
    OutlinedCases,
)
from spinealign.evaluation.checklists import Item
from spinealign.evaluation.intervals import Figure
from spinealign.evaluation.landmarks import COLUMNS, PointedCases, prediction_rows
from spinealign.evaluation.overlaps import MEASURES
from spinealign.evaluation.report_html import report_html
from spinealign.evaluation.run import EVALUATION_SCHEMA, Evaluation, roc_points
from spinealign.files import write_whole

_KINDS = {
    ClassifiedCases: "classification", MeasuredCases: "numbers", OutlinedCases: "outlines",
    PointedCases: "points",
    LabelledCases: "findings",
}  # fmt: skip


def write_evaluation(
    found: Evaluation,
    folder: Path,
    items: Sequence[Item],
    gallery: Mapping[str, bytes] | None = None,
) -> list[Path]:
    """Write ``evaluation.html``, ``evaluation.json`` and ``predictions.csv`` into a folder.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "evaluation.html": report_html(found, items, gallery),
        "evaluation.json": evaluation_json(found, items),
        "predictions.csv": predictions_csv(found),
    }
    for name, content in contents.items():
        write_whole(folder / name, content.encode("utf-8", "replace"))
    return [folder / name for name in contents]


def evaluation_json(found: Evaluation, items: Sequence[Item]) -> str:
    """Return all figures and curves; what is not defined is null."""
    cases = found.cases
    values = {
        "schema": EVALUATION_SCHEMA,
        "program": found.program,
        "name": found.name,
        "kind": _KINDS[type(cases)],
        "classes": [] if isinstance(cases, MeasuredCases) else list(cases.classes),
        "unit": "" if isinstance(cases, ClassifiedCases | LabelledCases) else cases.unit,
        "pictures": len(cases),
        "patients": found.patients if cases.knows_patients else None,
        "cautions": list(found.cautions),
        "left_out": list(found.left_out),
        "threshold": found.threshold,
        "threshold_note": found.threshold_note,
        "draws": found.draws,
        "figures": _figures(found.figures),
        "confusion": None if found.confusion is None else found.confusion.tolist(),
        "curves": roc_points(cases) if isinstance(cases, ClassifiedCases) else {},
        "learning_curve": [
            {
                "patients": point.patients, "pictures": point.pictures, "share": point.share,
                "figures": _figures(point.figures),
            }
            for point in found.learning
        ],
        "subgroups": [
            {
                "column": one.column, "value": one.value, "pictures": one.cases,
                "patients": one.patients, "is_small": one.is_small,
                "figures": _figures(one.figures),
            }
            for one in found.subgroups
        ],
        "worst": [
            {"image": o.image, "patient": o.patient, "truth": o.truth, "answer": o.answer,
             "error": o.error}
            for o in found.worst
        ],
        "compared": None
        if found.compared is None
        else {
            "with": found.compared_name,
            "pictures": found.compared.cases,
            "patients": found.compared.patients,
            "differences": _figures(found.compared.differences),
            "only_first": found.compared.only_first,
            "only_second": found.compared.only_second,
            "mcnemar_p": _number(found.compared.mcnemar_p),
        },
        "reporting": [
            {"guideline": one.guideline, "about": one.about, "answer": one.answer} for one in items
        ],
    }  # fmt: skip
    return json.dumps(_plain(values), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def predictions_csv(found: Evaluation) -> str:
    """Return the answers one picture, or one point, a row, as this command reads them again."""
    cases = found.cases
    stream = io.StringIO()
    if isinstance(cases, PointedCases):
        rows = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        rows.writeheader()
        rows.writerows(prediction_rows(cases))
        return stream.getvalue()
    table = csv.writer(stream, lineterminator="\n")
    patients = ["" if p.startswith("\0") or not cases.knows_patients else p for p in cases.patients]
    columns, answers = _answers(cases, found.threshold)
    groups = list(cases.groups)
    table.writerow(["image", "patient", *columns, *groups])
    for k, image in enumerate(cases.images):
        told = [cases.groups[name][k] for name in groups]
        table.writerow([image, patients[k], *answers[k], *told])
    return stream.getvalue()


def _answers(cases: Cases, threshold: float | None) -> tuple[list[str], list[list[Any]]]:
    """Return columns and rows of the truth and the answers."""
    if isinstance(cases, MeasuredCases):
        pairs = zip(cases.truth.tolist(), cases.measured.tolist(), strict=True)
        return ["truth", "measured"], [list(pair) for pair in pairs]
    if isinstance(cases, OutlinedCases):
        columns = [f"{measure}_{name}" for name in cases.classes for measure in MEASURES]
        return columns, [
            [
                "" if math.isnan(one[m]) else round(one[m], 4)
                for one in row.values()
                for m in MEASURES
            ]
            for row in cases.rows
        ]
    if isinstance(cases, LabelledCases):
        columns = [name for each in cases.classes for name in (each, f"probability_{each}")]
        return columns, [
            [
                cell
                for value, p in zip(known, said, strict=True)
                for cell in ("" if math.isnan(value) else int(value), round(float(p), 6))
            ]
            for known, said in zip(cases.truth, cases.probabilities, strict=True)
        ]
    decided = [cases.classes[k] for k in cases.decisions(threshold)]
    truth = [cases.classes[k] for k in cases.truth]
    if cases.probabilities is None:
        return ["truth", "predicted"], [list(row) for row in zip(truth, decided, strict=True)]
    named = [f"probability_{name}" for name in cases.classes]
    answered = cases.probabilities.round(6).tolist()
    return ["truth", *named, "predicted"], [
        [true, *p, said] for true, p, said in zip(truth, answered, decided, strict=True)
    ]


def _figures(figures: Mapping[str, Figure]) -> dict[str, Any]:
    return {
        name: {"value": _number(one.value), "low": _number(one.low), "high": _number(one.high)}
        for name, one in figures.items()
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _plain(values: Any) -> Any:
    """Return values without NaN, which JSON does not have."""
    if isinstance(values, dict):
        return {name: _plain(each) for name, each in values.items()}
    if isinstance(values, list):
        return [_plain(each) for each in values]
    return _number(values) if isinstance(values, float) else values
