"""The drawn whole spine as the program's values, and a fake network that sees it ideally."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spinealign.domain.findings import (
    Facing,
    Landmark,
    LandmarkName,
    LandmarkSource,
    Vertebra,
    VertebraState,
)
from spinealign.domain.measurements import Drawing, DrawingTool
from tools.phantoms.spine_anatomy import HEAD_RADIUS_MM, DrawnSpine, draw_spine

SPACING_MM = 0.5
WIDTH_PX = 760


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
