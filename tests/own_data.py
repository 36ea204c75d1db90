"""Small data sets as a researcher would have them, for tests of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def grey_picture(seed: int, is_bright: bool, side: int = 48) -> Image.Image:
    """Return noise with a bright or a dark square: two classes that a network can tell apart."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(60, 120, (side, side))
    pixels[12:36, 12:36] += 100 if is_bright else -50
    return Image.fromarray(pixels.astype(np.uint8))


def two_classes(
    folder: Path, patients: int = 6, each: int = 1, first: int = 0, side: int = 48
) -> Path:
    """Write ``wide`` and ``narrow`` pictures of `patients` patients a class below a folder."""
    for label in ("narrow", "wide"):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for patient in range(first, first + patients):
            for number in range(each):
                seed = 1000 * patient + 10 * number + (label == "wide")
                picture = grey_picture(seed, label == "wide", side)
                picture.save(folder / label / f"{label[0]}{patient}_t{number + 1}.png")
    return folder


def outlined(folder: Path, patients: int = 4, disc: int = 1) -> Path:
    """Write images of several formats with masks of a disc, and who they are of."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    suffixes = (".png", ".tif", ".webp", ".bmp")
    rows = ["name,patient"]
    for number in range(patients):
        rng = np.random.default_rng(number)
        mask = np.zeros((64, 48), np.uint8)
        top = 16 + 4 * (number % 4)
        mask[top : top + 24, 12:36] = disc
        grey = np.where(mask > 0, 190, 60) + rng.integers(0, 20, mask.shape)
        picture = Image.fromarray(grey.astype(np.uint8))
        picture.save(folder / "images" / f"s{number}{suffixes[number % 4]}", lossless=True)
        Image.fromarray(mask).save(folder / "masks" / f"s{number}.png")
        rows.append(f"s{number},p{number}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return folder
