"""A synthetic standing film of the trunk from the front, with curves of known angles.

No patient's data are in it. ``python -m tools.phantoms.frontal_film OUT_DIR`` writes the shipped
sample again.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tools.phantoms.canvas import Canvas, Field, blurred, cover, line
from tools.phantoms.corrections_file import PlacedBody, write_outlines
from tools.phantoms.dicom_writer import FRONTAL_FILM, film_object, write_sample
from tools.phantoms.film_anatomy import Points, rod, smooth_outline
from tools.phantoms.frontal_anatomy import ROWS, FrontalBody, draw_frontal_column

SHIPPED_SEED = 22
DICOM_NAME = "frontal_phantom.dcm"
MASK_NAME = "true_bodies.png"
OUTLINES_NAME = f"{DICOM_NAME}.spinealign.json"
_VIEW = "frontal_spine_radiograph"
SPACING_MM = 0.5
SHAPE = (1250, 640)
MASK_LEVELS = tuple(row[0] for row in ROWS)
"""Level of each value of the truth mask, from 1; 0 is background."""

_CANVAS = Canvas(SHAPE, SPACING_MM)
_X, _Y = _CANVAS.x, _CANVAS.y
_MIDLINE_MM = 165.0

_HEIGHTS = (0, 30, 52, 70, 90, 130, 200, 280, 340, 400, 450, 500, 560, 625)
_HALF_WIDTH = (52, 56, 78, 130, 172, 178, 160, 148, 140, 132, 132, 142, 156, 166)
_DEPTH = (105, 110, 120, 130, 150, 180, 205, 210, 205, 195, 190, 195, 205, 210)
_LUNG_RIGHT = (
    (-18, 70),
    (-40, 56),
    (-68, 68),
    (-94, 110),
    (-112, 170),
    (-122, 230),
    (-124, 282),
    (-112, 276),
    (-80, 258),
    (-50, 262),
    (-30, 274),
    (-24, 230),
    (-24, 170),
    (-18, 120),
)
_LUNG_LEFT = ((18, 70), (40, 56), (68, 68), (94, 110), (112, 170), (122, 230), (124, 296),
              (112, 288), (92, 272), (74, 268), (60, 232), (40, 190), (30, 160),
              (24, 120))  # fmt: skip
_HEART = ((-22, 210), (-12, 168), (8, 150), (26, 158), (40, 188), (62, 226), (78, 262), (66, 284),
          (20, 288), (-20, 278), (-28, 246))  # fmt: skip
_STOMACH_AIR = ((46, 284), (66, 280), (86, 286), (92, 298), (76, 306), (54, 306), (42, 296))
_LIVER = ((-118, 290), (-80, 266), (-40, 272), (10, 288), (40, 310), (10, 336), (-60, 380),
          (-108, 388), (-122, 340))  # fmt: skip
_BOWEL_AIR = ((-88, 456, 17, 11), (-72, 478, 12, 9), (-96, 500, 15, 12), (84, 420, 12, 17),
              (92, 452, 11, 15), (70, 502, 16, 10), (34, 404, 20, 8), (-30, 412, 18, 7),
              (-20, 566, 16, 9), (22, 580, 13, 9))  # fmt: skip
_ILIAC = ((24, 566), (34, 536), (60, 508), (98, 488), (128, 492), (143, 512), (140, 540),
          (128, 572), (122, 610), (116, 650), (74, 650), (62, 614), (46, 600),
          (30, 590))  # fmt: skip
_CLAVICLE = ((10, 88), (34, 80), (66, 70), (100, 56), (140, 44), (175, 42))
_SCAPULA = ((96, 74), (132, 66), (158, 82), (150, 120), (128, 170), (112, 188), (108, 150),
            (100, 110))  # fmt: skip
_RIBS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "T1": (40, 14, 26), "T2": (62, 16, 46), "T3": (82, 20, 60), "T4": (96, 25, 70),
        "T5": (106, 30, 78), "T6": (113, 34, 84), "T7": (118, 38, 88), "T8": (122, 42, 84),
        "T9": (124, 46, 70), "T10": (124, 50, 46), "T11": (110, 52, 0), "T12": (76, 42, 0),
    }
)  # fmt: skip
"""By level: how far out and down a rib runs, and how far on to its front end, in mm."""

_RIB_WIDTH_MM = 4.0
_PEDICLE = {
    "C": (0.34, 0.1, 0.11, 0.2),
    "T": (0.33, -0.16, 0.1, 0.26),
    "L": (0.3, -0.12, 0.09, 0.24),
}
"""By part: where it lies across and down, and its half axes, in widths and heights."""

_SPINOUS = {"C": (0.5, 0.08, 0.2), "T": (0.78, 0.075, 0.36), "L": (0.38, 0.06, 0.3)}
"""By part: where its tip lies below the middle, its half width and half height."""

_TRANSVERSE = {"C": (0.75, -0.05), "T": (0.82, -0.42), "L": (0.92, -0.16)}
_SACRAL_HOLES = ((0.3, 0.35), (0.26, 1.0), (0.22, 1.6))


def render_frontal_phantom(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Render the film; equal seeds give equal pictures.

    Parameters
    ----------
    seed : int
        Of texture and noise; the shapes stay.

    Returns
    -------
    pixels : ndarray of uint8, shape (1250, 640)
        Bone bright, 0.5 mm a pixel, the patient's left on the right.
    mask : ndarray of uint8, shape (1250, 640)
        Truth: bodies as in `MASK_LEVELS`.
    """
    rng, column = np.random.default_rng(seed), draw_frontal_column()
    grain = 1 + 0.1 * _CANVAS.texture(rng, 1.6, 1.5) + 0.1 * _CANVAS.texture(rng, 5)
    shadow = _soft_tissue(rng, column) + _shoulders(grain) + _pelvis(column[-1], grain)
    for body in column[:-1]:
        shadow += _vertebra(body, grain)
        if body.level in _RIBS:
            shadow += _ribs(body, grain)
    return _exposed(shadow, rng), _truth(column)


def _at(points: Sequence[tuple[float, float]], side: int = 1) -> Points:
    """Return places from offsets to the midline of the picture, mirrored for `side` -1."""
    return np.array(points) * (side, 1) + (_MIDLINE_MM, 0)


def _profile(values: Sequence[float]) -> Field:
    rows = np.interp(_Y, _HEIGHTS, values)[:, None]
    return blurred(np.repeat(rows, 3, axis=1), 20)[:, 1:2]


def _soft_tissue(rng: np.random.Generator, column: Sequence[FrontalBody]) -> Field:
    """Trunk with the air in lungs, windpipe and bowel, heart, liver and muscle."""
    half = _profile(_HALF_WIDTH)
    across = np.clip(1 - np.abs((_X - _MIDLINE_MM) / half) ** 3, 0, 1)
    muscle = 0.05 * _CANVAS.texture(rng, 6, 2.0) + 0.03 * _CANVAS.texture(rng, 2)
    shadow = 0.011 * _profile(_DEPTH) * across**0.5 + muscle * np.clip(3 * across, 0, 1)
    vessels = 0.1 * np.clip(_CANVAS.texture(rng, 4, 2.0), 0, 3)
    for points in (_LUNG_RIGHT, _LUNG_LEFT):
        lung = _CANVAS.distance(smooth_outline(_at(points)), 30.0)
        depth = 0.5 + 0.5 * np.clip(lung / 34, 0, 1)
        shadow -= cover(lung, 2.5) * (1.35 * depth - vessels)
    for points, thick, soft in ((_HEART, 0.6, 5.0), (_LIVER, 0.28, 4.0)):
        shadow += thick * cover(_CANVAS.distance(smooth_outline(_at(points)), 20.0), soft)
    shadow -= 0.75 * cover(_CANVAS.distance(smooth_outline(_at(_STOMACH_AIR)), 12.0), 2.0)
    return np.asarray(shadow - _bowel(rng) - _airway(column) + _psoas(column))


def _bowel(rng: np.random.Generator) -> Field:
    air = np.zeros(SHAPE)
    for x, y, wide, high in _BOWEL_AIR:
        turns = np.linspace(0, 2 * np.pi, 9)[:-1]
        size = 1 + 0.16 * rng.standard_normal(8)
        ring = np.stack([wide * size * np.cos(turns), high * size * np.sin(turns)], axis=1)
        inside = _CANVAS.distance(smooth_outline(ring + np.array((_MIDLINE_MM + x, y))), 8.0)
        air += 0.34 * cover(inside, 2.5)
    return air


def _airway(column: Sequence[FrontalBody]) -> Field:
    """Return the air of windpipe and both main bronchi before the column."""
    middles = {body.level: body.at(0, 0) for body in column}
    pipe = [middles[level] + (2, 0) for level in ("C6", "T1", "T3", "T4")]
    fork = middles["T5"] + (4, 4)
    air = 0.32 * cover(_CANVAS.distance(rod([*pipe, fork], (8, 8, 8, 8, 7))), 1.5)
    for side in (1, -1):
        branch = [fork, *(fork + np.array((step * side, step)) for step in (14, 32))]
        air = np.maximum(air, 0.24 * cover(_CANVAS.distance(rod(branch, (6.5, 5.5, 4))), 1.5))
    return np.asarray(air)


def _psoas(column: Sequence[FrontalBody]) -> Field:
    places = {body.level: body for body in column}
    shadow = np.zeros(SHAPE)
    for side in (1, -1):
        path = [places[level].at(share * side, 0) for level, share in
                (("T12", 0.55), ("L2", 0.8), ("L4", 1.05), ("S1", 1.3))]  # fmt: skip
        shadow += 0.16 * cover(_CANVAS.distance(rod(path, (5, 14, 20, 22)), 12.0), 2.0)
    return shadow


def _shoulders(grain: Field) -> Field:
    shadow = np.zeros(SHAPE)
    for side in (1, -1):
        clavicle = rod(_at(_CLAVICLE, side), (6.5, 5, 4.5, 4.5, 5, 5))
        shadow += _CANVAS.bone(clavicle, 0.26, 0.3, grain, 4.0, 0.8)
        scapula = smooth_outline(_at(_SCAPULA, side))
        shadow += 0.6 * _CANVAS.bone(scapula, 0.16, 0.26, grain, 4.0, 1.0)
    return shadow


def _pelvis(sacrum: FrontalBody, grain: Field) -> Field:
    """Draw both iliac bones and the sacrum with its holes."""
    shadow = np.zeros(SHAPE)
    sides = [(-0.9, -0.45), (-0.5, -0.52), (0.5, -0.52), (0.9, -0.45), (0.8, 1.2), (0.45, 2.4),
             (-0.45, 2.4), (-0.8, 1.2)]  # fmt: skip
    shape = smooth_outline([sacrum.at(*place) for place in sides], {0, 1, 2, 3})
    shadow += _CANVAS.bone(shape, 0.5, 0.28, grain, 10.0, 0.9)
    shadow += 0.3 * _CANVAS.bone(sacrum.outline_mm, 0.3, 0.5, grain, 5.0)
    for across, down in _SACRAL_HOLES:
        for side in (1, -1):
            hole = _ellipse(sacrum.at(across * side, down), 4.0, 3.4)
            shadow -= 0.16 * cover(_CANVAS.distance(hole), 1.6)
    for side in (1, -1):
        wing = smooth_outline(_at(_ILIAC, side))
        shadow += _CANVAS.bone(wing, 0.34, 0.4, grain, 12.0, 1.1)
    return shadow


def _vertebra(body: FrontalBody, grain: Field) -> Field:
    """Draw a body with its endplates, pedicles, processes and the arch behind it."""
    part, size = body.level[0], body.width_mm
    thick = {"C": 0.3, "T": 0.3, "L": 0.4}[part]
    shadow = _CANVAS.bone(body.outline_mm, thick, 0.4, grain, 4.0, 0.7)
    out, down, wide, high = _PEDICLE[part]
    far, low = _TRANSVERSE[part]
    for side in (1, -1):
        middle = body.at(side * out + 0.6 * body.turned, down)
        oval = _CANVAS.distance(_ellipse(middle, wide * size, high * body.height_mm))
        shadow += 0.34 * line(oval, 0.8, 0.7) + 0.12 * cover(oval, 0.8)
        path = [body.at(side * 0.42, low * 0.5), body.at(side * far, low)]
        process = rod([path[0], path[0] * 0.5 + path[1] * 0.5, path[1]], (2.6, 2.3, 2.8))
        shadow += 0.7 * _CANVAS.bone(process, 0.16, 0.2, grain, 2.4, 0.7)
    return shadow + _arch(body, grain)


def _arch(body: FrontalBody, grain: Field) -> Field:
    """Draw the laminae and the spinous process, which a turned vertebra shows off its middle."""
    tip, wide, high = _SPINOUS[body.level[0]]
    turned, size = body.turned, body.width_mm
    laminae = [(-0.26, -0.05), (0.26, -0.05), (0.2, 0.34), (0.07, 0.5), (-0.07, 0.5), (-0.2, 0.34)]
    arch = smooth_outline([body.at(x + 0.5 * turned, y) for x, y in laminae])
    process = _ellipse(body.at(turned, tip), wide * size, high * body.height_mm)
    shadow = 0.6 * _CANVAS.bone(arch, 0.2, 0.12, grain, 4.0, 0.9)
    return shadow + 0.8 * _CANVAS.bone(process, 0.2, 0.34, grain, 2.4, 0.7)


def _ellipse(middle: Points, half_width: float, half_height: float) -> Points:
    turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return middle + np.stack([half_width * np.cos(turns), half_height * np.sin(turns)], axis=1)


def _ribs(body: FrontalBody, grain: Field) -> Field:
    """Draw both ribs of a vertebra: behind from the joint out and down, in front on to the middle.

    Outer ends lie where the chest wall is, however far the column is off the midline.
    """
    out, down, front = _RIBS[body.level]
    shadow = np.zeros(SHAPE)
    for side in (1, -1):
        joint = body.at(0.5 * side, -0.42)
        wall = np.array([_MIDLINE_MM + side * out, joint[1] + down])
        span = wall - joint
        steps = ((0.0, 0.0), (0.3, -0.05), (0.62, 0.12), (0.88, 0.5), (1.0, 1.0))
        behind = [joint + span * step for step in steps]
        shadow += _rib(behind, 1.0, grain)
        if front:
            on = [(0.0, 0.0), (-0.02, 0.3), (-0.2, 0.62), (-0.5, 0.9)]
            size = np.array((side * out * 0.9, front * 0.6))
            ahead = [wall + size * step for step in on]
            shadow += _rib(ahead, 0.6, grain)
    return shadow


def _rib(path: Sequence[Points], weight: float, grain: Field) -> Field:
    widths = [_RIB_WIDTH_MM * (0.8 + 0.4 * step / (len(path) - 1)) for step in range(len(path))]
    return weight * _CANVAS.bone(rod(path, widths), 0.17, 0.2, grain, 3.0, 0.8)


def _exposed(shadow: Field, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add blur, noise and a milder evening of exposure than small parts get; 8 bits.

    Grey values are like those of published films of the trunk: lungs nearly black, the middle of
    the trunk at two thirds.
    """
    signal = blurred(np.maximum(shadow, -0.1), 1.3)
    noise = blurred(rng.standard_normal(shadow.shape), 0.7)
    signal = signal + 0.02 * np.exp(0.28 * np.clip(signal, 0, 6)) * noise / noise.std()
    even = signal - 0.3 * blurred(signal, 60) + 0.25 * (signal - blurred(signal, 6))
    low, high = np.percentile(even, (3, 99.9))
    return np.asarray(np.rint(215 * np.clip((even - low) / (high - low), 0, 1) ** 0.9), np.uint8)


def _truth(column: Sequence[FrontalBody]) -> NDArray[np.uint8]:
    mask = np.zeros(SHAPE, np.uint8)
    outlines = {body.level: body.outline_mm for body in column}
    for value, level in enumerate(MASK_LEVELS, start=1):
        mask[_CANVAS.distance(outlines[level]) > 0] = value
    return mask


def write_frontal_phantom(folder: Path, seed: int = SHIPPED_SEED) -> tuple[Path, Path, Path]:
    """Write the film as a DICOM digital radiograph, its truth mask, and its outlines.

    The outlines are a corrections file of the program, as if a person had placed the bodies.

    Parameters
    ----------
    folder : Path
        Made if missing; files of the same names are replaced.
    seed : int
        See `render_frontal_phantom`.

    Returns
    -------
    image, mask, outlines : tuple of Path
        The files written.
    """
    pixels, mask = render_frontal_phantom(seed)
    film = film_object(pixels, seed, SPACING_MM, FRONTAL_FILM)
    image_path, mask_path = write_sample(folder, (DICOM_NAME, MASK_NAME), film, mask)
    bodies = [
        PlacedBody(body.level, body.corners_mm, body.outline_mm)
        for body in draw_frontal_column()
        if body.level in MASK_LEVELS
    ]
    return image_path, mask_path, write_outlines(image_path, bodies, _VIEW, SHAPE, SPACING_MM, None)


def main(arguments: list[str]) -> int:
    """Write the shipped sample into the folder named; return the exit status."""
    if len(arguments) != 1:
        print("usage: python -m tools.phantoms.frontal_film OUT_DIR", file=sys.stderr)
        return 2
    for path in write_frontal_phantom(Path(arguments[0])):
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
