"""Drawn data sets with leaks and shortcuts planted in them, and what is true of every file.

A patient is two textures and a body that all patients share in its rough form; a slice mixes the
textures a little differently than the one beside it and has noise of its own, as scans do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageFilter

SIDE = 144
_STEP_RAD = 0.7
CLASSES = ("healthy", "sick")


def _texture(rng: np.random.Generator) -> np.ndarray:
    coarse = cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE)), (0, 0), 4)
    fine = cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE)), (0, 0), 1.2)
    return 22 * coarse / coarse.std() + 16 * fine / fine.std()


def draw_slice(patient: int, number: int) -> np.ndarray:
    """Return slice `number` of a patient, (144, 144) uint8."""
    rng = np.random.default_rng(1000 + patient)
    one, other = _texture(rng), _texture(rng)
    angle = number * _STEP_RAD
    rows, columns = np.mgrid[:SIDE, :SIDE]
    shift = rng.uniform(-4, 4, 2)
    middle = (SIDE - 1) / 2 + shift
    inside = ((rows - middle[0]) / 62) ** 2 + ((columns - middle[1]) / 52) ** 2 < 1
    picture = np.where(inside, 110 + np.cos(angle) * one + np.sin(angle) * other, 12)
    for body in range(5):
        top = round(24 + body * 20 + shift[0])
        left = round(60 + shift[1] + rng.uniform(-2, 2))
        picture[top : top + 13, left : left + 22] += 55
    noise = np.random.default_rng(patient * 100 + number).normal(0, 5, (SIDE, SIDE))
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def encoded(pixels: np.ndarray, path: Path, **options) -> Path:
    """Write pixels as a picture of the path's format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def sharpened(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.UnsharpMask(2, 250, 0)))


def turned(pixels: np.ndarray, degrees: float) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).rotate(degrees, Image.Resampling.BILINEAR))


def resized(pixels: np.ndarray, side: int) -> np.ndarray:
    return cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)


CHANGES = {
    "same": lambda p: p,
    "reencoded": lambda p: p,
    "resized": lambda p: resized(p, 100),
    "cropped": lambda p: p[8:126, 20:138],
    "mirrored": lambda p: p[:, ::-1],
    "quarter turn": lambda p: np.rot90(p),
    "turned": lambda p: turned(p, 12),
    "sharpened": sharpened,
    "mirrored and turned": lambda p: turned(np.ascontiguousarray(p[:, ::-1]), 9),
}
"""What is done to a copy; each is planted in the held-out part under a name that says nothing."""


@dataclass
class Planted:
    """A folder and what is true of its files: picture (patient, slice) by relative path."""

    folder: Path
    picture: dict[str, tuple[int, int]] = field(default_factory=dict)
    source: dict[str, str] = field(default_factory=dict)

    def add(self, pixels: np.ndarray, name: str, picture: tuple[int, int], **options) -> str:
        encoded(pixels, self.folder / name, **options)
        self.picture[name] = picture
        return name

    def are_related(self, first: str, second: str) -> bool:
        """Whether two files show one picture, or slices beside each other."""
        (patient, number), (other, other_number) = self.picture[first], self.picture[second]
        return patient == other and abs(number - other_number) <= 1


def honest_set(folder: Path, patients: int = 16, slices: tuple[int, ...] = (0, 3)) -> Planted:
    """Draw a data set without leaks: the last quarter of each class's patients is held out."""
    made = Planted(folder)
    for patient in range(patients):
        label = CLASSES[patient % 2]
        part = "val" if patient >= patients * 3 // 4 else "train"
        for number in slices:
            name = f"{part}/{label}/patient{patient:02d}_slice{number}.png"
            made.add(draw_slice(patient, number), name, (patient, number))
    return made


def leaky_set(folder: Path) -> Planted:
    """Draw a data set with twelve kinds of leaks from "train" into "val"."""
    made = honest_set(folder, slices=(0,))
    for place, (kind, change) in enumerate(CHANGES.items()):
        patient = place
        source = f"train/{CLASSES[patient % 2]}/patient{patient:02d}_slice0.png"
        suffix = "jpg" if kind == "reencoded" else "png"
        name = f"val/{CLASSES[patient % 2]}/{'qwertyuiop'[place] * 5}.{suffix}"
        options = {"quality": 60} if kind == "reencoded" else {}
        pixels = np.ascontiguousarray(change(draw_slice(patient, 0)))
        made.source[made.add(pixels, name, (patient, 0), **options)] = source
    made.source[made.add(draw_slice(8, 1), "val/healthy/zzzzz.png", (8, 1))] = (
        "train/healthy/patient08_slice0.png"
    )
    made.add(turned(draw_slice(9, 0), 5), "val/sick/patient09_slice0-rotated2.png", (9, 0))
    made.add(draw_slice(10, 6), "val/healthy/patient10_slice6.png", (10, 6))
    return made
