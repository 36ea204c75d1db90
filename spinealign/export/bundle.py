"""An analysis on disk: all of its files or none, and never half of one."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from spinealign.domain.findings import DISCLAIMER, Analysis
from spinealign.export.disc_tables import discs_csv
from spinealign.export.measure_tables import measurements_csv
from spinealign.export.overlay import heatmap_picture, mask_picture, overlay_picture
from spinealign.export.report import report_pdf
from spinealign.export.tables import SCHEMA_FAMILY, analysis_json, regions_csv
from spinealign.files import as_export_error, write_export, write_together
from spinealign.wording import model_text


class ResultKind(StrEnum):
    """One of the files that an analysis becomes."""

    JSON = "json"
    MASK = "mask"
    OVERLAY = "overlay"
    HEATMAP = "heatmap"
    REGIONS = "regions"
    MEASUREMENTS = "measurements"
    DISCS = "discs"
    REPORT = "report"


FILE_NAMES: Mapping[ResultKind, str] = {
    ResultKind.JSON: "analysis.json",
    ResultKind.MASK: "mask.png",
    ResultKind.OVERLAY: "overlay.png",
    ResultKind.HEATMAP: "heatmap.png",
    ResultKind.REGIONS: "regions.csv",
    ResultKind.MEASUREMENTS: "measurements.csv",
    ResultKind.DISCS: "discs.csv",
    ResultKind.REPORT: "report.pdf",
}


def available_kinds(analysis: Analysis) -> tuple[ResultKind, ...]:
    """Return which files this analysis can become, in the order of `ResultKind`."""
    answer = analysis.classification
    missing = set()
    if analysis.segmentation is None:
        missing.add(ResultKind.MASK)
    if not analysis.measurements:
        missing.add(ResultKind.MEASUREMENTS)
    if not analysis.discs:
        missing.add(ResultKind.DISCS)
    if answer is None or answer.heatmap is None:
        missing.add(ResultKind.HEATMAP)
    return tuple(kind for kind in ResultKind if kind not in missing)


def write_bundle(analysis: Analysis, folder: Path) -> tuple[Path, ...]:
    """Write every file of an analysis into a folder, all or none.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    folder : Path
        Made if missing. An older result in it is replaced as a whole; files that
        are not of SpineAlign's making stay.

    Returns
    -------
    tuple of Path
        The files written, in the order of `ResultKind`.

    Raises
    ------
    ExportError
        The folder is as it was before.
    """
    kinds = available_kinds(analysis)
    contents = {FILE_NAMES[kind]: _content(analysis, kind) for kind in kinds}
    with as_export_error(folder):
        write_together(folder, contents, _stale_names(folder, set(contents)))
    return tuple(folder / name for name in contents)


def write_one(analysis: Analysis, kind: ResultKind | str, path: Path) -> None:
    """Write one file of an analysis where the user wants it, whole or not at all.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    kind : ResultKind or str
        One of `available_kinds`, or its value.
    path : Path
        Replaced if it exists; its folder must exist.

    Raises
    ------
    ValueError
        The analysis has no such result.
    ExportError
        The file is as it was before.
    """
    write_export(path, _content(analysis, ResultKind(kind)))


def _content(analysis: Analysis, kind: ResultKind) -> bytes:
    match kind:
        case ResultKind.JSON:
            files = {k.value: FILE_NAMES[k] for k in available_kinds(analysis)}
            table = analysis_json(analysis, files)
            text = json.dumps(table, indent=2, ensure_ascii=False, allow_nan=False)
            return f"{text}\n".encode()
        case ResultKind.REGIONS:
            return regions_csv(analysis).encode()
        case ResultKind.MEASUREMENTS:
            return measurements_csv(analysis).encode()
        case ResultKind.DISCS:
            return discs_csv(analysis).encode()
        case ResultKind.REPORT:
            return report_pdf(analysis)
        case ResultKind.MASK:
            return _png(mask_picture(analysis), analysis)
        case ResultKind.OVERLAY:
            return _png(overlay_picture(analysis), analysis)
        case ResultKind.HEATMAP:
            return _png(heatmap_picture(analysis), analysis)


def _png(picture: Image.Image, analysis: Analysis) -> bytes:
    """Return the picture with where it comes from in its text chunks."""
    notes = PngInfo()
    notes.add_text("Software", f"SpineAlign {analysis.program_version}")
    notes.add_text("Disclaimer", DISCLAIMER)
    notes.add_text("Source SHA-256", analysis.image.sha256)
    for model in analysis.models:
        notes.add_itxt("Model", f"{model_text(model)}, SHA-256 {model.sha256}")
    target = io.BytesIO()
    picture.save(target, "PNG", pnginfo=notes)
    return target.getvalue()


def _stale_names(folder: Path, new: set[str]) -> list[str]:
    """Return files of an older SpineAlign result that the new one does not have."""
    try:
        table = json.loads((folder / FILE_NAMES[ResultKind.JSON]).read_text(encoding="utf-8"))
        is_own = table["schema"].startswith(SCHEMA_FAMILY)
        listed = set(table["files"].values()) if is_own else set()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    return [name for name in FILE_NAMES.values() if name in listed - new]
