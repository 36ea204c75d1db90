"""What can be wrong with the mask of a picture, without knowing what its values mean."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spinealign.data_audit.listing import ListedFile, has_no_mask
from spinealign.data_audit.metaimage import is_metaimage, middle_slice
from spinealign.domain.data_audit import FileProblem

_MOST_CLASSES: Final = 64
"""A mask with more values than this is a picture, or was saved with losses."""


def mask_problems(file: ListedFile, shape: tuple[int, int]) -> list[FileProblem]:
    """Return what is wrong with a file's mask.

    Parameters
    ----------
    file : ListedFile
    shape : tuple of int
        (rows, columns) of its picture.
    """
    if file.mask is None:
        return []
    if has_no_mask(file):
        return [FileProblem.MASK_MISSING]
    try:
        mask = read_mask(file.mask)
    except Exception:  # noqa: BLE001 - a decoder meets a hostile file
        return [FileProblem.MASK_UNREADABLE]
    found = []
    if mask.shape[:2] != shape:
        found.append(FileProblem.MASK_SIZE)
    values = np.unique(mask)
    if len(values) < 2:
        found.append(FileProblem.MASK_EMPTY)
    if len(values) > _MOST_CLASSES:
        found.append(FileProblem.MASK_ODD_VALUES)
    return found


def read_mask(path: Path) -> NDArray[Any]:
    """Read a mask's values (rows, cols); of a volume its middle slice."""
    if is_metaimage(path):
        return middle_slice(path)[0]
    if path.name.lower().endswith((".nii", ".nii.gz")):
        from spinealign.imaging.read import read_image

        return read_image(path).pixels
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path) as picture:
            return np.asarray(picture)
