"""A synthetic lateral film of the whole spine with known angles, without any patient's data.

``python -m tools.phantoms.spine_film OUT_DIR`` writes the shipped sample again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.phantoms.canvas import Canvas, Field, blurred, cover, developed, line
from tools.phantoms.corrections_file import PlacedBody, write_outlines
from tools.phantoms.dicom_writer import SPINE_FILM, film_object, write_sample
from tools.phantoms.film_anatomy import DrawnBody, Points, rod, smooth_outline
from tools.phantoms.spine_anatomy import HEAD_RADIUS_MM, ROWS, DrawnSpine, draw_spine

SHIPPED_SEED = 11
DICOM_NAME = "spine_phantom.dcm"
MASK_NAME = "true_bodies.png"
OUTLINES_NAME = f"{DICOM_NAME}.spinealign.json"
SPACING_MM = 0.5
SHAPE = (1720, 760)
MASK_LEVELS = ("C2", *(row[0] for row in ROWS))
"""Level of each value of the truth mask, from 1; 0 is background."""

_CANVAS = Canvas(SHAPE, SPACING_MM)
_X, _Y = _CANVAS.x, _CANVAS.y
_HEIGHTS = (0, 60, 110, 150, 190, 230, 290, 380, 470, 560, 650, 720, 790, 860)
_FRONT = (110, 96, 104, 160, 158, 128, 104, 92, 96, 104, 100, 102, 118, 132)
_BACK = (292, 290, 270, 252, 256, 300, 330, 346, 330, 296, 288, 322, 330, 306)
_WIDTH = (150, 150, 130, 112, 130, 300, 330, 310, 300, 300, 330, 370, 380, 330)
_LUNG = ((150, 262), (205, 268), (232, 300), (246, 360), (244, 420), (226, 452), (186, 440),
         (140, 428), (116, 400), (112, 330), (126, 284))  # fmt: skip
_AIRWAY = ((172, 96), (178, 130), (182, 170), (188, 215), (204, 262))
_SKULL = ((122, 66), (150, 88), (196, 94), (226, 88), (262, 74), (290, 30), (290, -30), (110, -30),
          (108, 30))  # fmt: skip
_JAW = ((176, 66), (186, 74), (184, 98), (172, 116), (138, 128), (122, 122), (126, 100), (160, 92))
_ILIAC = ((214, 676), (250, 652), (296, 668), (318, 716), (290, 742), (262, 736), (240, 770),
          (206, 800), (176, 784), (168, 740), (186, 700))  # fmt: skip
_SHOULDERS = ((228, 0.25, 1.5), (238, 0.1, 1.2))
_PILLAR = ((0.55, -0.95), (0.85, -0.95), (1.15, -0.3), (1.1, 0.15), (0.8, 0.1), (0.55, -0.4))
_PROCESS_LENGTHS = {"C": 15.0, "T": 22.0, "L": 22.0}
_PROCESS_DROPS = {"C": 4.0, "T": 22.0, "L": 8.0}
_RIB_LEVELS = ("T4", "T6", "T8", "T10")


def render_spine_phantom(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Render the film; equal seeds give equal pictures.

    Parameters
    ----------
    seed : int
        Of texture and noise; the shapes stay.

    Returns
    -------
    pixels : ndarray of uint8, shape (1720, 760)
        Bone bright, 0.5 mm a pixel, anterior to the left.
    mask : ndarray of uint8, shape (1720, 760)
        Truth: bodies as in `MASK_LEVELS`.
    """
    rng, drawn = np.random.default_rng(seed), draw_spine()
    grain = 1 + 0.1 * _CANVAS.texture(rng, 1.6, 1.5) + 0.1 * _CANVAS.texture(rng, 5)
    shadow = _soft_tissue(rng) + _head(grain) + _pelvis(drawn, grain)
    for body in drawn.bodies:
        shadow += _vertebra(body, grain)
    return developed(shadow, rng), _truth(drawn)


def _profile(values: Sequence[float]) -> Field:
    """Return smooth values for each row (H, 1) from those at `_HEIGHTS`."""
    rows = np.interp(_Y, _HEIGHTS, values)[:, None]
    return blurred(np.repeat(rows, 3, axis=1), 24)[:, 1:2]


def _soft_tissue(rng: np.random.Generator) -> Field:
    """Neck and trunk, the air in lungs and windpipe, and the shoulders before the upper chest."""
    front, back = _profile(_FRONT), _profile(_BACK)
    across = np.clip(1 - np.abs((_X - (front + back) / 2) / ((back - front) / 2)) ** 2.4, 0, 1)
    muscle = 0.05 * _CANVAS.texture(rng, 6, 3.0) + 0.03 * _CANVAS.texture(rng, 2, 3.0)
    shadow = 0.011 * _profile(_WIDTH) * across**0.5 + muscle * np.clip(3 * across, 0, 1)
    lung = _CANVAS.distance(smooth_outline(_LUNG), 40.0)
    shadow -= 1.5 * cover(lung, 6.0) * (0.55 + 0.45 * np.clip(lung / 30, 0, 1))
    air = _CANVAS.distance(rod(_AIRWAY, (6.0, 5.5, 5.0, 6.5, 7.0)))
    shadow -= 0.3 * cover(air, 1.2)
    for top, lean, thick in _SHOULDERS:
        below = _Y[:, None] - (top + lean * np.abs(_X - 232) + 0.004 * (_X - 232) ** 2)
        ends = np.exp(-np.clip(below - 60, 0, None) / 30)
        inside = np.clip(5 * across, 0, 1)
        shadow += thick * (1 - np.exp(-np.clip(below, 0, None) / 14)) * ends * inside
    return np.asarray(shadow)


def _head(grain: Field) -> Field:
    skull = _CANVAS.distance(smooth_outline(_SKULL, steps=8), 14.0)
    jaw = _CANVAS.distance(smooth_outline(_JAW, steps=8), 8.0)
    shadow = cover(skull, 0.8) * (0.5 + 0.35 * np.clip(skull / 12, 0, 1))
    shadow += 0.5 * line(skull, 2.4, 2.0) * cover(skull)
    return np.asarray(shadow + 0.34 * (cover(jaw, 0.8) * grain + line(jaw, 1.2, 1.0)))


def _pelvis(drawn: DrawnSpine, grain: Field) -> Field:
    """Draw the ilium, the rest of the sacrum, and both femurs."""
    shadow = _CANVAS.bone(smooth_outline(_ILIAC), 0.3, 0.25, grain, 12.0, 1.0)
    first = drawn.named("S1")
    foot = first.at(0, 0)
    path = _path(foot, (0, 0), (14, 22), (26, 46), (26, 72), (14, 92))
    shadow += _CANVAS.bone(rod(path, (13.0, 12.0, 10.0, 6.5, 3.0)), 0.55, 0.3, grain, 5.0, 0.8)
    for centre in drawn.heads_mm:
        shadow += 0.5 * _CANVAS.bone(_circle(centre, HEAD_RADIUS_MM), 0.8, 0.5, grain, 20.0, 0.9)
        shaft = rod(_path(centre, (6, 14), (10, 44), (6, 90)), (13.0, 15.0, 14.0))
        shadow += 0.5 * _CANVAS.bone(shaft, 0.7, 0.5, grain, 8.0, 1.6)
    return np.asarray(shadow)


def _path(start: Points, *steps: tuple[float, float]) -> list[Points]:
    return [start + np.array(step) for step in steps]


def _circle(centre: Points, radius_mm: float) -> Points:
    turns = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    return centre + radius_mm * np.stack([np.cos(turns), np.sin(turns)], axis=1)


def _vertebra(body: DrawnBody, grain: Field) -> Field:
    """Draw a body, its articular pillars and spinous process; ribs where there are some."""
    depth = 1.0 if body.level.startswith("C") else 1.25
    shadow = _CANVAS.bone(body.outline_mm, depth, 0.32, grain, 3.0, 0.6)
    part = body.level[0]
    if part == "S":
        return shadow
    run = body.corners_mm["posterior_inferior"] - body.corners_mm["anterior_inferior"]
    size = float(np.hypot(*run))
    pillar = smooth_outline([body.at(size * u, size * v) for u, v in _PILLAR])
    root = body.at(1.25 * size, -0.1 * size)
    tip = root + _PROCESS_LENGTHS[part] * body.back + _PROCESS_DROPS[part] * body.down
    process = rod([body.at(0.95 * size, -0.5 * size), root, tip], (2.4, 3.0, 3.4))
    shadow = shadow + 0.7 * _CANVAS.bone(pillar, 0.4, 0.2, grain, 3.0)
    shadow = shadow + 0.7 * _CANVAS.bone(process, 0.35, 0.3, grain, 2.5)
    return shadow + _rib(body, size, grain) if body.level in _RIB_LEVELS else shadow


def _rib(body: DrawnBody, size: float, grain: Field) -> Field:
    start = body.at(0.5 * size, -0.5 * size)
    path = _path(start, (0, 0), (26, 14), (10, 42), (-50, 74), (-110, 84))
    return 0.5 * _CANVAS.bone(rod(path, (3.5, 4.5, 5.0, 5.0, 4.0)), 0.22, 0.3, grain, 3.0, 0.8)


def _truth(drawn: DrawnSpine) -> NDArray[np.uint8]:
    mask = np.zeros(SHAPE, np.uint8)
    for value, level in enumerate(MASK_LEVELS, start=1):
        mask[_CANVAS.distance(drawn.named(level).outline_mm) > 0] = value
    return mask


def write_spine_phantom(folder: Path, seed: int = SHIPPED_SEED) -> tuple[Path, Path, Path]:
    """Write the film as a DICOM digital radiograph, its truth mask, and its outlines.

    The outlines are a corrections file of the program, as if a person had placed the bodies.

    Parameters
    ----------
    folder : Path
        Made if missing; files of the same names are replaced.
    seed : int
        See `render_spine_phantom`.

    Returns
    -------
    image, mask, outlines : tuple of Path
        The files written.
    """
    pixels, mask = render_spine_phantom(seed)
    film = film_object(pixels, seed, SPACING_MM, SPINE_FILM)
    image_path, mask_path = write_sample(folder, (DICOM_NAME, MASK_NAME), film, mask)
    bodies = map(_placed, draw_spine().bodies)
    outlines = write_outlines(
        image_path, bodies, "lateral_spine_radiograph", SHAPE, SPACING_MM, "left"
    )
    return image_path, mask_path, outlines


def _placed(body: DrawnBody) -> PlacedBody:
    """Return a body as a person would have placed it: of S1 the superior endplate only."""
    is_sacrum = body.level == "S1"
    corners = {
        name: place
        for name, place in body.corners_mm.items()
        if not (is_sacrum and name.endswith("inferior"))
    }
    return PlacedBody(body.level, corners, body.outline_mm)


def main(arguments: list[str]) -> int:
    """Write the shipped sample into the folder named; return the exit status."""
    if len(arguments) != 1:
        print("usage: python -m tools.phantoms.spine_film OUT_DIR", file=sys.stderr)
        return 2
    for path in write_spine_phantom(Path(arguments[0])):
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
