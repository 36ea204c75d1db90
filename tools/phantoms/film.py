"""A synthetic lateral film of a neck with known angles, in the manner of a digital radiograph.

It lets the program show its measures without any patient's data. ``python -m
tools.phantoms.film OUT_DIR`` writes the shipped sample again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.phantoms.canvas import Canvas, Field, blurred, cover, developed, line
from tools.phantoms.dicom_writer import film_object, write_sample
from tools.phantoms.film_anatomy import (
    DrawnBody,
    draw_column,
    rod,
    smooth_outline,
)

SHIPPED_SEED = 7
DICOM_NAME = "neck_phantom.dcm"
MASK_NAME = "truth_mask.png"
SPACING_MM = 0.2
SHAPE = (1150, 880)
MASK_LEVELS = ("C2", "C3", "C4", "C5", "C6", "C7", "T1")
"""Level of each value of the truth mask, from 1; 0 is background."""

_CANVAS = Canvas(SHAPE, SPACING_MM)
_X, _Y = _CANVAS.x, _CANVAS.y
_HEIGHTS = (0, 40, 78, 92, 110, 128, 150, 172, 200, 230)
_FRONT = (-60, -55, -48, 10, 33, 36, 35, 34, 22, -5)
_NAPE = (181, 155, 143, 141, 141, 143, 150, 161, 174, 200)
_WIDTH = (140, 135, 122, 114, 111, 110, 108, 122, 185, 260)
_SHOULDERS = ((196, 0.10, 1.1), (207, 0.16, 1.3))
_AIRWAY = ((52, 60), (57, 74), (58, 92), (53, 112), (47, 130), (46, 150), (48, 172), (53, 200),
           (60, 235))  # fmt: skip
_TONGUE = ((5, 58), (25, 50), (44, 60), (50, 80), (46, 96), (30, 98), (8, 88))
_SKULL = ((62, 40), (80, 44), (98, 46), (112, 43), (126, 33), (140, 14), (150, -20), (40, -20),
          (44, 20))  # fmt: skip
_MASTOID = ((74, 20), (92, 22), (95, 38), (88, 49), (80, 50), (74, 38))
_JAW = ((45, 14), (58, 12), (61, 30), (61, 52), (58, 66), (50, 74), (36, 80), (18, 86), (-6, 92),
        (-10, 66), (14, 60), (30, 54), (40, 46), (44, 30))  # fmt: skip
_TOOTH = ((-3.2, -1), (3.2, -1), (3.4, -8), (1.2, -18), (-1.2, -18), (-3.4, -8))
_PILLAR = ((9.0, -17.0), (14.5, -16.0), (20.5, -4.0), (20, 2.5), (15.0, 1.0), (9.8, -6.0))
_C2_PILLAR = ((5.0, -17.0), (13.0, -15), (18.5, -4.0), (18, 3.5), (13.5, 1.5), (8.8, -6.0))
_PEDICLE = ((5, -11.5), (11, -11), (11.5, -5.5), (5, -6))
_SPINOUS = {
    "C2": (19, 2, 5.2), "C3": (12, 3.5, 3.2), "C4": (12, 4, 3.2), "C5": (14, 5, 3.3),
    "C6": (20, 7, 3.6), "C7": (28, 9, 4.4), "T1": (29, 14, 4.6),
}  # fmt: skip
_BODY_DEPTHS = {"C2": 1.0, "C7": 1.18, "T1": 1.25, "T2": 1.28, "T3": 1.28}


def render_neck_phantom(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Render the film; equal seeds give equal pictures.

    Parameters
    ----------
    seed : int
        Of bone and muscle texture and of noise; the shapes stay.

    Returns
    -------
    pixels : ndarray of uint8, shape (1150, 880)
        Bone bright, 0.2 mm a pixel, anterior to the left.
    mask : ndarray of uint8, shape (1150, 880)
        Truth: bodies as in `MASK_LEVELS`.
    """
    rng, column = np.random.default_rng(seed), draw_column()
    grain = 1 + 0.12 * _CANVAS.texture(rng, 2.5, 1.5) + 0.12 * _CANVAS.texture(rng, 8)
    shadow = _soft_tissue(rng) + _head(rng, grain) + _atlas(column[0], grain)
    for body in column:
        if body.level in _SPINOUS:
            shadow += _arch(body, grain)
        depth = _BODY_DEPTHS.get(body.level, 1.05)
        shadow += _CANVAS.bone(body.outline_mm, depth, 0.3, grain, 3.0, 0.5)
    return developed(shadow, rng), _truth(column)


def _profile(values: Sequence[float], sigma_px: float) -> Field:
    """Return smooth values for each row (H, 1) from those at `_HEIGHTS`."""
    rows = np.interp(_Y, _HEIGHTS, values)[:, None]
    return blurred(np.repeat(rows, 3, axis=1), sigma_px)[:, 1:2]


def _soft_tissue(rng: np.random.Generator) -> Field:
    """Neck, shoulders, tongue, and the air in throat and windpipe."""
    front, nape = _profile(_FRONT, 22), _profile(_NAPE, 22)
    across = np.clip(1 - np.abs((_X - (front + nape) / 2) / ((nape - front) / 2)) ** 2.4, 0, 1)
    shadow = 0.02 * _profile(_WIDTH, 40) * across**0.5
    muscle = 0.05 * _CANVAS.texture(rng, 9, 3.0) + 0.025 * _CANVAS.texture(rng, 3, 4.0)
    shadow = shadow + muscle * np.clip(3 * across, 0, 1)
    for top, lean, thick in _SHOULDERS:
        below = _Y[:, None] - (top + lean * (118 - _X) + 0.0016 * (_X - 95) ** 2)
        shadow += thick * (1 - np.exp(-np.clip(below, 0, None) / 16))
    air = _CANVAS.distance(rod(_AIRWAY, (6.5, 6, 5, 5.5, 5, 6.5, 7.5, 8, 8)))
    shadow -= 0.42 * cover(air, 1.2) * (0.6 + 0.4 * np.clip(air / 4, 0, 1))
    return np.asarray(shadow + 0.15 * cover(_CANVAS.distance(smooth_outline(_TONGUE)), 3.0))


def _head(rng: np.random.Generator, grain: Field) -> Field:
    """Draw skull, mastoid cells, both sides of the jaw, teeth, hyoid bone and clavicle."""
    skull = _CANVAS.distance(smooth_outline(_SKULL, steps=8), 14.0)
    shadow = cover(skull, 0.6) * (0.55 + 0.35 * np.clip(skull / 12, 0, 1))
    shadow += 0.55 * line(skull, 2.2, 2.0) * cover(skull)
    mastoid = _CANVAS.distance(smooth_outline(_MASTOID), 10.0)
    shadow += cover(mastoid, 1.0) * (0.35 + 0.18 * _CANVAS.texture(rng, 5))
    shadow += 0.2 * line(mastoid, 0.8, 0.8)
    for shift, weight in (((0.0, 0.0), 1.0), ((4.5, -3.5), 0.85)):
        jaw = _CANVAS.distance(smooth_outline(np.array(_JAW) + shift, steps=8), 8.0)
        shadow += weight * 0.34 * (cover(jaw, 0.5) * grain + line(jaw, 1.0, 0.9))
    for number in range(6):
        for side in (1, -1):
            tooth = np.array(_TOOTH) * (1, side) + (30 - 8.2 * number, 55 + 1.5 * number)
            inside = _CANVAS.distance(smooth_outline(tooth), 4.0)
            shadow += cover(inside, 0.5) * (0.5 + 0.25 * line(inside, 0.6, 0.6))
    hyoid = rod(((34, 106), (40, 104), (50, 101), (56, 99)), (2.8, 1.8, 1.3, 1.2))
    clavicle = ((-10, 214), (20, 207), (45, 211), (70, 222), (90, 236))
    shadow += _CANVAS.bone(hyoid, 0.25, 0.25, grain, 1.5)
    return shadow + _CANVAS.bone(rod(clavicle, (4, 3.6, 3.4, 3.6, 4)), 0.17, 0.2, grain, 2.0)


def _atlas(c2: DrawnBody, grain: Field) -> Field:
    """C1: its anterior arch, the lateral mass over the dens, and its posterior arch."""
    front = c2.at(-2.6, -27) - (4.2, 0)
    arch = ((-3.4, -1), (-2.2, -5), (1.8, -5.4), (2.6, 0), (1.8, 5), (-2.0, 4.6))
    mass = ((-9, -6), (6, -8), (14, -4), (13, 5), (4, 7), (-8, 6))
    behind = rod([c2.at(13, -24), c2.at(24, -24), c2.at(33, -25)], (2.6, 2.4, 3.8))
    return (
        _CANVAS.bone(smooth_outline(front + np.array(arch)), 0.55, 0.45, grain, 2.0)
        + _CANVAS.bone(smooth_outline(c2.at(0, -22) + np.array(mass)), 0.25, 0.2, grain, 3.0)
        + _CANVAS.bone(behind, 0.45, 0.4, grain, 2.0)
    )


def _arch(body: DrawnBody, grain: Field) -> Field:
    """Both articular pillars, lamina with spinous process, and pedicle of a vertebra."""
    shadow = np.zeros(SHAPE)
    for shift, weight in ((0.0, 0.8), (1.7, 0.6)):
        pillar = _C2_PILLAR if body.level == "C2" else _PILLAR
        outline = smooth_outline([body.at(u + shift, v - shift / 2) for u, v in pillar])
        shadow += weight * _CANVAS.bone(outline, 0.45, 0.2, grain, 3.0)
    length, droop, thick = _SPINOUS[body.level]
    root = body.at(21.5, -3.5)
    tip = root + length * body.back + droop * body.down
    path = [body.at(18.5, -11.0), root, (root + tip) / 2 + 0.8 * body.down, tip]
    process = rod(path, (2.0, 0.9 * thick, 0.85 * thick, thick))
    pedicle = smooth_outline([body.at(u, v) for u, v in _PEDICLE])
    shadow += 0.85 * _CANVAS.bone(process, 0.38, 0.34, grain, 2.2)
    return shadow + 0.8 * _CANVAS.bone(pedicle, 0.16, 0.12, grain, 2.0)


def _truth(column: Sequence[DrawnBody]) -> NDArray[np.uint8]:
    mask = np.zeros(SHAPE, np.uint8)
    for body in column:
        if body.level in MASK_LEVELS:
            mask[_CANVAS.distance(body.outline_mm) > 0] = 1 + MASK_LEVELS.index(body.level)
    return mask


def write_neck_phantom(folder: Path, seed: int = SHIPPED_SEED) -> tuple[Path, Path]:
    """Write the film as a DICOM digital radiograph and its truth mask as a PNG.

    Parameters
    ----------
    folder : Path
        Made if missing; files of the same names are replaced.
    seed : int
        See `render_neck_phantom`.

    Returns
    -------
    image, mask : tuple of Path
        The two files written.
    """
    pixels, mask = render_neck_phantom(seed)
    image = film_object(pixels, seed, SPACING_MM)
    return write_sample(folder, (DICOM_NAME, MASK_NAME), image, mask)


def main(arguments: list[str]) -> int:
    """Write the shipped sample into the folder named; return the exit status."""
    if len(arguments) != 1:
        print("usage: python -m tools.phantoms.film OUT_DIR", file=sys.stderr)
        return 2
    for path in write_neck_phantom(Path(arguments[0])):
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
