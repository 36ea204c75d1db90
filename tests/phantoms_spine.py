"""The drawn whole spine as the program's values, and a fake network that sees it ideally."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from spinealign.analysis import analyze_image
from spinealign.domain.findings import (
    Analysis,
    Facing,
    Landmark,
    LandmarkName,
    LandmarkSource,
    Vertebra,
    VertebraState,
)
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import SpacingSource, SpineImage
from spinealign.domain.measurements import Drawing, DrawingTool
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.geometry.plane import PixelGeometry
from tests.examinations import WHOLE_SPINE
from tests.gates import OneGate
from tools.phantoms.spine_anatomy import HEAD_RADIUS_MM, DrawnSpine, draw_spine

SPACING_MM = 0.5
WIDTH_PX = 760
HEIGHT_PX = 1700


def spine_bodies(drawn: DrawnSpine | None = None, faces: Facing = Facing.LEFT):
    """Return the bodies of the drawing in pixels of 0.5 mm, as a person would have placed them."""
    bodies = (drawn or draw_spine()).bodies
    return tuple(_vertebra(body, index, faces) for index, body in enumerate(bodies, start=1))


def _vertebra(body, index: int, faces: Facing) -> Vertebra:
    is_sacrum = body.level == "S1"
    places = {
        LandmarkName(name): on_film(place, faces)
        for name, place in body.corners_mm.items()
        if not (is_sacrum and name.endswith("inferior"))
    }
    marks = tuple(
        Landmark(name, float(x), float(y), 1.0, LandmarkSource.USER)
        for name, (x, y) in places.items()
    )
    outline = tuple(on_film(place, faces) for place in body.outline_mm)
    return Vertebra(body.level, index, outline, marks, 1.0, VertebraState.COMPLETE)


def on_film(place_mm, faces: Facing = Facing.LEFT) -> tuple[float, float]:
    """Return a place of the drawing in pixels; a patient who faces right is mirrored."""
    x, y = np.asarray(place_mm) / SPACING_MM
    return (float(x if faces is Facing.LEFT else WIDTH_PX - x), float(y))


def femoral_heads(
    drawn: DrawnSpine | None = None, faces: Facing = Facing.LEFT, number: int = 1
) -> Drawing:
    """Return the four points on the rims, at places that nobody would choose alike."""
    drawn = drawn or draw_spine()
    points = []
    for centre, turn in zip(drawn.heads_mm, (0.4, 2.0), strict=True):
        out = HEAD_RADIUS_MM * np.array([np.cos(turn), np.sin(turn)])
        points += [on_film(centre - out, faces), on_film(centre + out, faces)]
    return Drawing(DrawingTool.FEMORAL_HEADS, number, tuple(points))


def without(bodies, *levels: str) -> tuple[Vertebra, ...]:
    """Return bodies without some levels, numbered anew."""
    kept = [body for body in bodies if body.level not in levels]
    return tuple(replace(body, index=index) for index, body in enumerate(kept, start=1))


def spine_image(path: Path = Path("spine.png")) -> SpineImage:
    """Return a film without anatomy, as large as the drawing."""
    pixels = np.arange(HEIGHT_PX * WIDTH_PX, dtype=np.float32).reshape(HEIGHT_PX, WIDTH_PX)
    return SpineImage(
        pixels, 16, path, "a" * 64, spacing_mm=(SPACING_MM,) * 2,
        spacing_source=SpacingSource.CALIBRATED,
    )  # fmt: skip


@cache
def spine_analysis() -> Analysis:
    """Return what a network would have found that sees every body as it was drawn."""
    found = run_to_end(analyze_image(spine_image(), OneGate(None), WHOLE_SPINE))
    bodies = tuple(
        replace(
            body,
            landmarks=tuple(replace(m, source=LandmarkSource.NETWORK) for m in body.landmarks),
        )
        for body in spine_bodies()
    )
    geometry = PixelGeometry.of(found.image)
    taken = measure_alignment(bodies, Facing.LEFT, geometry, WHOLE_SPINE)
    return replace(
        found, vertebrae=bodies, facing=Facing.LEFT, facing_confidence=1.0, measurements=taken,
        cautions=(),
    )  # fmt: skip
