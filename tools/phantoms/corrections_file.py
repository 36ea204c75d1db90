"""The corrections file beside a drawn film: its bodies, as if a person had placed them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tools.phantoms.film_anatomy import Points


class PlacedBody(NamedTuple):
    """A body whose corners and outline (N, 2) are in millimetres of the drawing."""

    level: str
    corners_mm: Mapping[str, Points]
    outline_mm: Points


def write_outlines(
    image: Path,
    bodies: Iterable[PlacedBody],
    view: str,
    shape: tuple[int, int],
    spacing_mm: float,
    facing: str | None,
) -> Path:
    """Write the corrections file of a drawn film beside it and return it.

    Parameters
    ----------
    image : Path
        The film, which is there already.
    bodies : iterable of PlacedBody
        From the top.
    view : str
        Kind of examination.
    shape : tuple of int
        (rows, columns) of the film.
    spacing_mm : float
    facing : str or None
        To which side the patient looks.
    """
    rows, columns = shape
    placed = [_placed(body, index, spacing_mm) for index, body in enumerate(bodies, start=1)]
    told = {
        "schema": "spinealign-corrections-1",
        "program": {"name": "SpineAlign", "version": "0"},
        "saved_utc": "2025-01-01T12:00:00Z",
        "image": {
            "sha256": hashlib.sha256(image.read_bytes()).hexdigest(),
            "width_px": columns, "height_px": rows,
        },
        "view": view,
        "models": [],
        "corrections": {
            "vertebrae": placed, "facing": facing, "levels_uncertain": False, "drawings": [],
            "calibration": None,
        },
    }  # fmt: skip
    file = image.with_name(f"{image.name}.spinealign.json")
    file.write_text(f"{json.dumps(told, indent=1)}\n", encoding="utf-8")
    return file


def _placed(body: PlacedBody, index: int, spacing_mm: float) -> dict[str, object]:
    marks = [
        {"name": name, **_pixel(place, spacing_mm), "confidence": 1.0, "source": "user"}
        for name, place in body.corners_mm.items()
    ]
    outline = [list(_pixel(place, spacing_mm).values()) for place in body.outline_mm[::6]]
    return {
        "level": body.level, "index": index, "outline": outline, "landmarks": marks,
        "confidence": 1.0, "state": "added",
    }  # fmt: skip


def _pixel(place_mm: Points, spacing_mm: float) -> dict[str, float]:
    x, y = (round(float(value) / spacing_mm, 2) for value in place_mm)
    return {"x": x, "y": y}
