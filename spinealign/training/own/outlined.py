"""A data set of images with masks: listed, read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import DataSetError
from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import IntensityRule
from spinealign.imaging.fit import scale_intensity
from spinealign.imaging.read import read_image
from spinealign.training.dataset import IGNORE, LabelledSlice, shrink
from spinealign.training.own.drawn_masks import FileMask, Mask
from spinealign.training.own.looking import LookedAt, Skipped
from spinealign.training.own.pictures import (
    PatientSource,
    Picture,
    PictureSet,
    patient_in,
)
from spinealign.training.own.tables import read_table
from spinealign.wording import training as words

SQUARE_WITHIN = 0.01
"""Pixels whose sides differ by less count as square."""

CLASS_TABLE = "classes.csv"
_TABLES = ("manifest.csv", "images.csv")


@dataclass(frozen=True)
class OutlinedSet:
    """Pictures in ``images``, where their masks lie, and what the masks' values mean."""

    found: PictureSet
    masks: dict[str, Mask]
    classes: tuple[str, ...]


def list_outlined(
    data: Path, classes: Sequence[str] | None = None, pattern: str | None = None
) -> OutlinedSet:
    """List ``images/*`` with ``masks/*`` of the same names.

    Patients and splits come from ``manifest.csv`` or ``images.csv`` (columns ``name``,
    ``patient``, ``split``), from a pattern, or from DICOM files.

    Parameters
    ----------
    data : Path
    classes : sequence of str, optional
        Names of the masks' values from 0, background first; else ``classes.csv`` says them
        (columns ``value`` and ``name``).
    pattern : str, optional

    Raises
    ------
    DataSetError
        There is no such layout, a picture has no mask, or nothing says what values mean.
    """
    if not (data / "images").is_dir() or not (data / "masks").is_dir():
        raise DataSetError(words.no_layout_of_masks(data))
    names = tuple(classes) if classes else class_names(data)
    there = filter(_is_file, sorted((data / "masks").iterdir()))
    masks = {path.stem: FileMask(path) for path in there}
    rows = {Path(row.get("image", "")).stem: row for row in rows_beside(data)}
    pictures: list[Picture] = []
    where: dict[str, Mask] = {}
    for path in filter(_is_file, sorted((data / "images").iterdir())):
        name = path.relative_to(data).as_posix()
        if path.stem not in masks:
            raise DataSetError(words.no_mask(name))
        row = rows.get(path.stem, {})
        patient = row.get("patient", "").strip()
        pictures.append(Picture(path, name, "", row.get("split", "").strip(), patient))
        where[name] = masks[path.stem]
    if not pictures:
        raise DataSetError(words.no_layout_of_masks(data))
    return OutlinedSet(_with_patients(pictures, pattern), where, names)


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def rows_beside(data: Path) -> list[dict[str, str]]:
    """Return the rows of the table beside images and masks; none without one."""
    table = next((data / name for name in _TABLES if (data / name).is_file()), None)
    return [] if table is None else read_table(table)


def class_names(data: Path) -> tuple[str, ...]:
    """Return what ``classes.csv`` calls the values of masks, from 0 on.

    Raises
    ------
    DataSetError
        There is no such table, or it leaves a value open.
    """
    table = data / CLASS_TABLE
    if not table.is_file():
        raise DataSetError(words.no_class_names(data))
    # `read_table` calls a column "name" an image, as it does in tables of pictures.
    named = [
        (row.get("value", "").strip(), row.get("image", "").strip()) for row in read_table(table)
    ]
    if not all(value.isdigit() and name for value, name in named):
        raise DataSetError(words.bad_class_table(table))
    in_order = sorted((int(value), name) for value, name in named)
    if [value for value, _ in in_order] != list(range(len(in_order))) or len(in_order) < 2:
        raise DataSetError(words.bad_class_table(table))
    return tuple(name for _, name in in_order)


def _with_patients(pictures: list[Picture], pattern: str | None) -> PictureSet:
    if pattern is not None:
        named = [replace(p, patient=patient_in(p.name, pattern)) for p in pictures]
        return PictureSet(tuple(named), PatientSource.PATTERN)
    without = [p for p in pictures if not p.patient]
    if not without:
        return PictureSet(tuple(pictures), PatientSource.TABLE)
    if len(without) < len(pictures):
        raise DataSetError(words.no_patient_of(without[0].name))
    unknown = tuple(replace(p, patient=p.name) for p in pictures)
    return PictureSet(unknown, PatientSource.UNKNOWN)


def load_slices(
    outlined: OutlinedSet, looked: LookedAt, rule: IntensityRule, longest_px: int | None
) -> tuple[list[LabelledSlice], list[Skipped]]:
    """Read pictures with their masks for training.

    Pictures of 8 bits stay as they are, all others become grey by the rule that the shipped model
    uses, in 8 bits; pixels that are not square are made so.

    Returns
    -------
    slices, skipped
        Without pictures whose mask cannot be read or has another size.

    Raises
    ------
    DataSetError
        A mask holds a value without a class.
    """
    slices, skipped = [], []
    for picture in looked.found.pictures:
        image = read_image(picture.path)
        mask = _values(outlined.masks[picture.name])
        if mask is None:
            skipped.append(Skipped(picture.name, words.MASK_NOT_READABLE))
            continue
        if mask.shape != image.shape:
            reason = words.mask_of_other_size(mask.shape, image.shape)
            skipped.append(Skipped(picture.name, reason))
            continue
        _require_known(mask, outlined.classes, picture.name)
        pixels, mask = _square(_as_grey(image, rule), mask, image.pixel_aspect)
        slices.append(
            LabelledSlice(
                picture.name,
                picture.patient,
                shrink(pixels, longest_px, cv2.INTER_AREA),
                shrink(mask, longest_px, cv2.INTER_NEAREST),
            )
        )
    return slices, skipped


def _values(mask: Mask) -> NDArray[np.uint8] | None:
    try:
        return mask.values()
    except ValueError:  # outlines that make no area of this size
        return None


def _require_known(mask: NDArray[np.uint8], classes: Sequence[str], name: str) -> None:
    for value in np.unique(mask).tolist():
        if value >= len(classes) and value != IGNORE:
            raise DataSetError(words.mask_value(name, value, classes))


def _as_grey(image: SpineImage, rule: IntensityRule) -> NDArray[np.uint8]:
    if image.bits == 8:
        return image.pixels.astype(np.uint8)
    grey = scale_intensity(image.pixels, rule, bits=image.bits, is_hounsfield=image.is_hounsfield)
    return np.round(grey * 255).astype(np.uint8)


def _square(
    pixels: NDArray[np.uint8], mask: NDArray[np.uint8], aspect: float
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    if abs(aspect - 1) < SQUARE_WITHIN:
        return pixels, mask
    size = (pixels.shape[1], round(pixels.shape[0] * aspect))
    taller = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    labels = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(taller, np.uint8), np.asarray(labels, np.uint8)
