"""Writes the small data set of the tutorial: drawn lumbar spines with their outlines.

python -m tools.tutorial_set FOLDER                # 12 patients to learn from, 4 to test on, 1 new
python -m tools.tutorial_set FOLDER --patients 6

No patient's data are in it. Every drawn patient has a shape of its own: the phantom of
`tools.phantoms.lumbar` is bent, stretched and noised otherwise each time, and its outlines with it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.phantoms.lumbar import CLASSES, render_lumbar_phantom

SIDE_PX = 256
LEARN, TEST, NEW = "learn", "test", "new_patient.png"
TEST_PATIENTS = 4
_DRAWN = 2
"""Phantoms that are rendered; patients are made of them in turn."""
_BENT_PX, _BENT_OVER_PX = 14.0, 40.0
"""How far places move, and over which distance that changes."""


def drawn_patient(number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a sagittal T2-like picture and its outlines.

    Parameters
    ----------
    number : int
        Equal numbers give equal patients, others other ones.

    Returns
    -------
    pixels : ndarray of uint8, shape (256, 256)
        Anterior to the left, superior at the top.
    mask : ndarray of uint8, shape (256, 256)
        0 background, 1 vertebra, 2 disc, 3 canal.
    """
    rng = np.random.default_rng(1000 + number)
    pixels, mask = render_lumbar_phantom(seed=100 + number % _DRAWN)
    side = len(pixels)
    row, column = np.mgrid[0:side, 0:side].astype(np.float32)
    stretch = rng.uniform(0.88, 1.1, 2)
    turn = np.deg2rad(rng.uniform(-6, 6))
    along, across = row - side / 2, column - side / 2
    places = [
        (along * np.cos(turn) + across * np.sin(turn)) * stretch[0],
        (across * np.cos(turn) - along * np.sin(turn)) * stretch[1],
    ]
    moved = [place + side / 2 + _bend(rng, side) for place in places]
    maps = [each.astype(np.float32) for each in (moved[1], moved[0])]
    warped = cv2.remap(pixels, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    outlines = cv2.remap(mask, *maps, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    small = cv2.resize(warped, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    grey = 255 * (small / 255.0) ** rng.uniform(0.8, 1.25) + rng.normal(0, 5, small.shape)
    fitted = cv2.resize(outlines, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_NEAREST)
    return np.clip(grey, 0, 255).astype(np.uint8), fitted.astype(np.uint8)


def _bend(rng: np.random.Generator, side: int) -> NDArray[np.float64]:
    field = cv2.GaussianBlur(rng.normal(0, 1, (side, side)), (0, 0), _BENT_OVER_PX)
    return np.asarray(_BENT_PX * field / np.abs(field).max(), np.float64)


def write_tutorial_set(folder: Path, patients: int) -> None:
    """Write a set to learn from, one to test on, and one further picture.

    Parameters
    ----------
    folder : Path
        It gets ``learn`` and ``test``, each with ``images``, ``masks``, ``manifest.csv`` (who a
        picture shows) and ``classes.csv`` (what the masks' values mean), and ``new_patient.png``.
    patients : int
        How many there are to learn from, each with one picture.
    """
    numbers = range(1, patients + TEST_PATIENTS + 1)
    _write_part(folder / LEARN, numbers[:patients])
    _write_part(folder / TEST, numbers[patients:])
    pixels, _ = drawn_patient(0)
    cv2.imwrite(str(folder / NEW), pixels)


def _write_part(folder: Path, numbers: Sequence[int]) -> None:
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    rows = ["name,patient"]
    for number in numbers:
        pixels, mask = drawn_patient(number)
        name = f"spine{number:02}"
        cv2.imwrite(str(folder / "images" / f"{name}.png"), pixels)
        cv2.imwrite(str(folder / "masks" / f"{name}.png"), mask)
        rows.append(f"{name},patient {number}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    values = ["value,name", "0,background", *(f"{value},{name}" for value, name in CLASSES.items())]
    (folder / "classes.csv").write_text("\n".join(values) + "\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Write the set into a folder."""
    parser = argparse.ArgumentParser(prog="python -m tools.tutorial_set", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--patients", type=int, default=12, help="to learn from (default: 12)")
    options = parser.parse_args(arguments)
    write_tutorial_set(options.folder, options.patients)
    print(f"{options.patients} patients to learn from, {TEST_PATIENTS} to test on and one more")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
