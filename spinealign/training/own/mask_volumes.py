"""Volumes with masks of the same voxels, cut into the slices that a training takes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray

from spinealign.data_audit.metaimage import is_metaimage, read_metaimage
from spinealign.domain.errors import DataSetError, ImageReadError
from spinealign.files import write_whole
from spinealign.imaging.read import read_image
from spinealign.training.dataset import IGNORE
from spinealign.training.own.drawn_masks import Mask
from spinealign.training.own.kept import kept_under
from spinealign.training.own.pictures import Picture
from spinealign.training.progress import Progress
from spinealign.wording import training as words

VOLUME_SUFFIXES: Final = (".mha", ".mhd", ".nii", ".nii.gz")
SPIDER_CLASSES: Final = ("background", "vertebra", "disc", "canal")
_SAME_PLACE_MM: Final = 0.1
"""Voxels of image and mask may lie apart by rounding; set by hand."""

_RAS_OF_LPS: Final = np.diag([-1.0, -1.0, 1.0])
"""MetaImage counts to the left and the back, NIfTI to the right and the front."""

_DONE: Final = "done"
Meaning = Callable[[NDArray[Any]], NDArray[np.int64]]
"""Turns the stored values of a mask into class numbers."""


@dataclass(frozen=True)
class SliceMask:
    """A slice of a mask's volume, read as its picture is, so that both lie the same way round."""

    path: Path

    def values(self) -> NDArray[np.uint8] | None:
        """Return class numbers (H, W); None where the file cannot be read."""
        try:
            values = np.round(read_image(self.path).pixels)
        except (ImageReadError, OSError):
            return None
        is_class = values.min(initial=0) >= 0 and values.max(initial=0) <= IGNORE
        return values.astype(np.uint8) if is_class else None

    def sha256(self) -> str:
        """Return the checksum of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def is_volume(path: Path) -> bool:
    """Tell whether a file is named as a volume."""
    return path.name.lower().endswith(VOLUME_SUFFIXES)


def volume_stem(path: Path) -> str:
    """Return a volume's name without its suffixes."""
    return path.name[: -len(next(s for s in VOLUME_SUFFIXES if path.name.lower().endswith(s)))]


def cut_volumes(
    pairs: Sequence[tuple[Path, Path]],
    work: Path,
    meaning: Meaning,
    told: Callable[[int, int], None] | None = None,
) -> tuple[list[Picture], dict[str, Mask]]:
    """Write the slices that show a structure below the working folder, and list them.

    Slices lie across the axis with the largest voxels; of equal ones they are sagittal. All slices
    of a volume have its name as `patient`.

    Parameters
    ----------
    pairs : sequence of (image, mask)
    work : Path
    meaning : callable
        Turns the mask's stored values into class numbers.
    told : callable, optional
        Takes how many volumes are cut, and of how many; without it lines are printed.

    Raises
    ------
    DataSetError
        A volume cannot be read, or its mask has other voxels.
    """
    pictures: list[Picture] = []
    masks: dict[str, Mask] = {}
    tell = told or Progress("cutting volumes", "volume")
    for number, (image, mask) in enumerate(pairs, start=1):
        content = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (image, mask)]
        # Values of a .mhd lie in a file beside it: its own bytes tell nothing of them.
        beside = [_beside(path) for path in (image, mask)]
        parts = {"data": [image.name, content, beside], "labels": meaning.__name__}
        kept = kept_under(work, "slices", parts)
        if not (kept.folder / _DONE).is_file():
            _write_slices(image, mask, kept.folder, meaning)
        stem = volume_stem(image)
        for path in sorted(kept.folder.glob("slice*.nii")):
            name = f"{stem}/{path.stem}"
            pictures.append(Picture(path, name, patient=stem))
            masks[name] = SliceMask(path.with_name(f"mask-{path.name}"))
        tell(number, len(pairs))
    return pictures, masks


def _beside(path: Path) -> str:
    if path.suffix.lower() != ".mhd":
        return ""
    others = sorted(path.parent.glob(f"{path.stem}.*raw"))
    return "".join(hashlib.sha256(each.read_bytes()).hexdigest() for each in others)


def _write_slices(image: Path, mask: Path, folder: Path, meaning: Meaning) -> None:
    pixels, affine = _volume(image)
    labels, other = _volume(mask)
    if pixels.shape != labels.shape or not np.allclose(affine, other, atol=_SAME_PLACE_MM):
        raise DataSetError(words.other_grid(image.name))
    numbers = meaning(labels)
    axis = _across(affine)
    for index in range(pixels.shape[axis]):
        part = np.take(numbers, [index], axis=axis)
        if not np.isin(part, (0, IGNORE)).all():
            name = f"slice{index:04d}.nii"
            _write(folder / name, np.take(pixels, [index], axis=axis), affine, axis, index)
            _write(folder / f"mask-{name}", part.astype(np.int16), affine, axis, index)
    write_whole(folder / _DONE, b"")


def _across(affine: NDArray[np.float64]) -> int:
    """Return the axis of the largest voxels; of equal ones that from right to left."""
    sizes = voxel_sizes(affine)
    right_left = np.abs(affine[0, :3]) / sizes
    largest = sizes >= sizes.max() * 0.99
    return int(np.argmax(np.where(largest, 1 + right_left, 0)))


def _write(path: Path, values: Any, affine: NDArray[np.float64], axis: int, index: int) -> None:
    placed = affine.copy()
    placed[:3, 3] += affine[:3, axis] * index
    image = nib.Nifti1Image(values, placed)
    image.header.set_xyzt_units("mm")
    write_whole(path, image.to_bytes())


def _volume(path: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return values with the axes of the file, and where they lie (right, front, head; mm)."""
    try:
        if is_metaimage(path):
            read = read_metaimage(path)
            values = read.values.T if read.values.ndim == 3 else read.values.T[..., None]
            affine = np.eye(4)
            affine[:3, :3] = _RAS_OF_LPS @ read.directions.T * read.spacing_mm
            affine[:3, 3] = _RAS_OF_LPS @ read.origin_mm
            return np.ascontiguousarray(values), affine
        loaded: Any = nib.load(path)
        values = np.asanyarray(loaded.dataobj)
    except (ImageReadError, ImageFileError, OSError, ValueError) as error:
        raise DataSetError(words.no_volume(path.name)) from error
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.ndim != 3:
        raise DataSetError(words.no_volume(path.name))
    return _storable(values), np.asarray(loaded.affine, float)


def _storable(values: NDArray[Any]) -> NDArray[Any]:
    """Return values in a type that NIfTI stores; scaled ones come as float64."""
    return values.astype(np.float32) if values.dtype.kind == "f" else values


def as_stored(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return class numbers as the mask has them; others stay none, so that they are refused."""
    return np.asarray(np.round(values), np.int64).clip(-1, IGNORE + 1)


def of_spider(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return vertebra 1, disc 2, canal 3, and 255 for vertebrae that the image cuts.

    Source: SPIDER (van der Graaf et al. 2024, 10.1038/s41597-024-03090-w): vertebrae are 1 to 25
    from the lowest upwards, 101 to 125 where only partly visible, the canal 100, discs 201 to 225.
    """
    stored = np.asarray(np.round(values), np.int64)
    found = np.full(stored.shape, IGNORE, np.int64)
    for number, (low, high) in enumerate(((0, 0), (1, 25), (201, 225), (100, 100))):
        found[(stored >= low) & (stored <= high)] = number
    return found


def is_of_spider(masks: Sequence[Path]) -> bool:
    """Tell whether volumes are named as SPIDER's are: ``12_t2.mha``, ``12_t2_SPACE.mha``."""
    names = [path.name.lower() for path in masks]
    endings = ("_t1.mha", "_t2.mha", "_t2_space.mha")
    return bool(names) and all(
        name.endswith(endings) and name.split("_")[0].isdigit() for name in names
    )
