"""A segmented series on disk: a table of volumes, and a mask for each slice."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from PIL import Image

from spinealign.domain.formats import MASKS_NAME, VOLUMES_NAME
from spinealign.domain.study import SegmentedVolume
from spinealign.export.measure_tables import json_number
from spinealign.files import as_export_error, write_export
from spinealign.wording import safe_text

VOLUME_COLUMNS = (
    "class_id", "name", "voxels", "millilitres", "slices", "mid_slice", "spacing_row_mm",
    "spacing_column_mm", "slice_spacing_mm", "model", "model_version", "model_status",
)  # fmt: skip
"""Columns of volumes.csv; empty cells mean "unknown" or "not the same for all slices", `mid_slice`
counts from 1."""


def volumes_csv(found: SegmentedVolume) -> str:
    """Return a row a structure as CSV (RFC 4180) under `VOLUME_COLUMNS`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(VOLUME_COLUMNS)
    rows_mm, cols_mm = found.volume.spacing_mm or (None, None)
    model = found.model
    for part in found.structures:
        writer.writerow(
            [
                part.class_id, safe_text(part.name), part.voxels, json_number(part.millilitres, 3),
                len(found.volume), found.mid_index + 1, rows_mm, cols_mm,
                found.volume.series.slice_spacing_mm, model.name, model.version,
                model.status.value,
            ]
        )  # fmt: skip
    return text.getvalue()


def write_volume(found: SegmentedVolume, folder: Path) -> tuple[Path, ...]:
    """Write volumes.csv and ``masks/slice_001.png`` and so on below a folder.

    Returns
    -------
    tuple of Path
        The files written; pixel value = class number, slices in the order of the series.

    Raises
    ------
    ExportError
        A file could not be written; those before it are whole.
    """
    masks = folder / MASKS_NAME
    with as_export_error(masks):
        masks.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, mask in enumerate(found.masks, start=1):
        target = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(mask)).save(target, "PNG")
        paths.append(masks / f"slice_{number:03}.png")
        write_export(paths[-1], target.getvalue())
    paths.insert(0, folder / VOLUMES_NAME)
    write_export(paths[0], volumes_csv(found).encode())
    return tuple(paths)
