"""Training data as frozen records, and splits that keep each group together."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spinealign.domain.errors import DataSetError
from spinealign.wording import training as words

IGNORE = 255
"""Mask value of pixels whose class is not known; the losses skip them."""

OWN_DATA = {
    "ct-fracture": "208544c5739fadb82811ee6d408791b5bdb8e588211cd538cf2cf9f2a4b488a6",
    "mr-segmentation": "607791d70c1c26d27109e5ad591e54898936e42c49b32dec83711a7ad504646d",
}
"""Checksums of the data sets that the cards of these recipes describe (`content_of`).

Source: ``ct_fracture`` and ``mr_sagittal_segmentation`` of the shared data, November 2026.
"""

_GENERAL = {"ct-fracture": "classifier", "mr-segmentation": "segmentation"}


@dataclass(frozen=True, eq=False)
class LabelledSlice:
    """One grey image (H, W) uint8 with its class mask (H, W) uint8 and its patient."""

    name: str
    patient: str
    pixels: NDArray[np.uint8]
    mask: NDArray[np.uint8]


@dataclass(frozen=True)
class ClassifiedFile:
    """One image file of a ``train|val/<class>/`` tree.

    `series` and `slice_number` come from the file name and are what a split
    must keep together; files whose name tells nothing are their own group.
    """

    path: Path
    subset: str
    label: str
    series: str
    slice_number: int | None

    @property
    def group(self) -> str:
        """Key of the base slice that every augmented copy shares."""
        return self.series if self.slice_number is None else f"{self.series}/{self.slice_number}"


def read_grey(path: Path) -> NDArray[np.uint8]:
    """Read an 8-bit picture as grey (H, W)."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"))


def load_mr_segmentation(folder: Path, longest_px: int | None = None) -> list[LabelledSlice]:
    """Load ``images/*.webp``, ``masks/*.png`` and ``manifest.csv``.

    Parameters
    ----------
    longest_px : int, optional
        Shrink every slice so that its longest side is at most this.

    Raises
    ------
    DataSetError
        The folder has no manifest.
    """
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise DataSetError(f"{folder} has no manifest.csv")
    slices = []
    with manifest.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            pixels = read_grey(folder / "images" / f"{row['name']}.webp")
            with Image.open(folder / "masks" / f"{row['name']}.png") as picture:
                mask = np.asarray(picture, dtype=np.uint8)
            slices.append(
                LabelledSlice(
                    row["name"],
                    row["patient"],
                    shrink(pixels, longest_px, cv2.INTER_AREA),
                    shrink(mask, longest_px, cv2.INTER_NEAREST),
                )
            )
    return slices


def load_mr_unlabelled(folder: Path) -> list[LabelledSlice]:
    """Load slices without masks (``images.csv``); every mask pixel is `IGNORE`."""
    with (folder / "images.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    slices = []
    for row in rows:
        pixels = read_grey(next((folder / "images").glob(f"{row['name']}.*")))
        unknown = np.full(pixels.shape, IGNORE, np.uint8)
        slices.append(LabelledSlice(row["name"], row["patient"], pixels, unknown))
    return slices


def content_of(folder: Path) -> str:
    """Return a checksum of the names and bytes of all files below a folder."""
    total = hashlib.sha256()
    files = (path for path in folder.rglob("*") if path.is_file())
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path in files):
        with path.open("rb") as stream:
            own = hashlib.file_digest(stream, "sha256").hexdigest()
        total.update(f"{name}\0{own}\n".encode())
    return total.hexdigest()


def require_own_data(command: str, folder: Path) -> None:
    """Refuse data that the card of a recipe of this project does not describe.

    Raises
    ------
    DataSetError
        It names the general command.
    """
    if content_of(folder) != OWN_DATA[command]:
        raise DataSetError(words.only_own_data(command, _GENERAL[command]))


def shrink(array: NDArray[np.uint8], longest_px: int | None, method: int) -> NDArray[np.uint8]:
    """Shrink (H, W) `array` until its longest side is at most `longest_px`."""
    longest = max(array.shape)
    if longest_px is None or longest <= longest_px:
        return array
    factor = longest_px / longest
    size = (round(array.shape[1] * factor), round(array.shape[0] * factor))
    return np.asarray(cv2.resize(array, size, interpolation=method), dtype=np.uint8)


def split_patients(
    patients: Iterable[str], held_out_fraction: float, seed: int
) -> tuple[set[str], set[str]]:
    """Split patients, not images, into (training, validation)."""
    ordered = sorted(set(patients))
    shuffled = np.random.default_rng(seed).permutation(ordered).tolist()
    count = max(1, round(len(ordered) * held_out_fraction))
    return set(shuffled[count:]), set(shuffled[:count])


def list_classified(folder: Path) -> list[ClassifiedFile]:
    """List a ``train|val/<class>/`` tree, reading series and slice from the names.

    Raises
    ------
    DataSetError
        There is no ``train`` folder with at least two classes.
    """
    files = []
    for path in sorted(folder.glob("*/*/*")):
        if path.suffix.lower() not in {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}:
            continue
        match = re.match(r"(.+?) \((\d+)\)", path.stem)
        series = match[1] if match else path.stem
        number = int(match[2]) if match else None
        files.append(
            ClassifiedFile(path, path.parent.parent.name, path.parent.name, series, number)
        )
    if len({f.label for f in files if f.subset == "train"}) < 2:
        raise DataSetError(f"{folder} needs train/<class>/ folders for at least two classes")
    return files


def regroup(
    files: Sequence[ClassifiedFile], held_out_fraction: float, seed: int
) -> tuple[list[ClassifiedFile], list[ClassifiedFile]]:
    """Split files anew into (training, validation) so that no base slice is in both.

    Within each class whole series are held out where the class has more than
    one; a class that comes from a single series can only be held out by slice,
    and neighbouring slices stay together (a contiguous block of the series).
    """
    held: set[str] = set()
    for label in sorted({f.label for f in files}):
        members = [f for f in files if f.label == label]
        series = sorted({f.series for f in members})
        wanted = held_out_fraction * len({f.group for f in members})
        if len(series) > 1:
            held |= _hold_series(members, series, wanted, seed)
        else:
            numbered = sorted({(f.slice_number or 0, f.group) for f in members})
            held |= {group for _, group in numbered[-max(1, round(wanted)) :]}
    train = [f for f in files if f.group not in held]
    return train, [f for f in files if f.group in held]


def _hold_series(
    members: Sequence[ClassifiedFile], series: Sequence[str], wanted: float, seed: int
) -> set[str]:
    held: set[str] = set()
    order = np.random.default_rng(seed).permutation(list(series)).tolist()
    for name in order[:-1]:
        if len(held) >= wanted:
            break
        held |= {f.group for f in members if f.series == name}
    return held
