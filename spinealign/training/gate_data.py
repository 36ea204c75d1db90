"""Training images of the gate: shared data sets, other images, and synthetic ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import nibabel
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import DataSetError, ImageReadError
from spinealign.domain.examination import ImageKind
from spinealign.imaging.read import read_image
from spinealign.training.dataset import read_grey

Grey = NDArray[np.uint8]
Box = tuple[float, float, float, float]

LONGEST_PX = 384
"""Pictures are kept at this size; the network sees less."""

_WINDOWS_HU = ((-1900.0, 600.0), (-450.0, 1050.0), (-160.0, 240.0), (-1000.0, 1000.0))
_SLICES_A_PLANE = 10
_PROJECTED_PX = 170
_EVERY, _EVERY_OF_OTHERS = 2, 6
"""Neighbouring slices of one patient add little."""

_OTHER_SCANNERS = {"mr_lumbar_t1": "images/*", "mr_bodies": "*/*.png"}
"""Sets of sagittal MR that are left out whole, and where their slices lie."""


@dataclass(frozen=True, eq=False)
class GatePicture:
    """One picture, what it is, and what it must not be separated from.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W)
        At most `LONGEST_PX` long.
    kind : ImageKind
    source : str
        Data set, package or generator that it comes from.
    group : str
        Patient, film, series or file: pictures of one group are never split.
    keep : tuple of float or None
        (top, left, bottom, right) as shares of the picture that crops must hold; None where
        any part of the picture shows its kind.
    is_made : bool
        Drawn, computed, or cut out of another picture.
    """

    pixels: Grey
    kind: ImageKind
    source: str
    group: str
    keep: Box | None = None
    is_made: bool = False


def load_slices(data: Path) -> list[GatePicture]:
    """Load slices of the kinds that can be analysed from the shared sets.

    Raises
    ------
    DataSetError
        One of the kinds has no picture there.
    """
    pictures = [*_neck_slices(data), *_spine_mr(data)]
    for kind in (ImageKind.NECK_CT, ImageKind.SPINE_MR):
        if not any(picture.kind is kind for picture in pictures):
            raise DataSetError(f"{data} holds no picture of the kind {kind.value}")
    return pictures


def _neck_slices(data: Path) -> Iterator[GatePicture]:
    for path in sorted((data / "ct_fracture").glob("*/*/*")):
        # Copies that were sharpened or turned before we had them add nothing to our own.
        if "-" in path.stem:
            continue
        series = path.stem.split(" (")[0]
        group = f"ct_fracture/{series}"
        yield GatePicture(
            shrunk(read_grey(path)), ImageKind.NECK_CT, "ct_fracture", group,
            (0.25, 0.25, 0.75, 0.75),
        )  # fmt: skip


def _spine_mr(data: Path) -> Iterator[GatePicture]:
    for source in ("mr_sagittal_segmentation", "mr_disc_grading"):
        for path in sorted((data / source / "images").glob("*"))[::_EVERY]:
            # Both sets are SPIDER: a patient has one number in both.
            patient = int(path.stem.split("_")[0])
            yield GatePicture(
                shrunk(read_grey(path)), ImageKind.SPINE_MR, source, f"spider/{patient}",
                (0.2, 0.35, 0.8, 0.65),
            )  # fmt: skip
    for source, pattern in _OTHER_SCANNERS.items():
        paths = (data / source).glob(pattern)
        for path in sorted(p for p in paths if "label" not in p.stem)[::_EVERY_OF_OTHERS]:
            group = f"{source}/{path.parent.name}_{path.stem.split('_z')[0]}"
            yield GatePicture(
                shrunk(read_grey(path)), ImageKind.SPINE_MR, source, group, (0.2, 0.35, 0.8, 0.65)
            )


def load_foreign(folder: Path) -> list[GatePicture]:
    """Load ``folder/<kind>/<source>/<files>``: any picture that the program reads, or volumes.

    A NIfTI volume is cut into slices of three planes; one of ``other_ct``, in Hounsfield
    units, is also projected, which looks like a radiograph of that part of the body.

    Raises
    ------
    DataSetError
        A folder there is not named after a kind of image.
    """
    pictures: list[GatePicture] = []
    for place in sorted(path for path in folder.glob("*/*") if path.is_dir()):
        if place.parent.name not in set(ImageKind):
            raise DataSetError(f"{place.parent.name} is no kind of image: {', '.join(ImageKind)}")
        kind = ImageKind(place.parent.name)
        for path in sorted(path for path in place.rglob("*") if path.is_file()):
            group = f"{place.name}/{path.name}"
            if path.name.endswith((".nii", ".nii.gz")):
                pictures.extend(_of_volume(path, kind, place.name, group))
                continue
            try:
                image = read_image(path)
            except ImageReadError:
                continue
            pixels = image.pixels
            scaled = [as_grey(pixels, w) for w in _WINDOWS_HU] if image.is_hounsfield else []
            for grey in scaled or [as_grey(pixels)]:
                pictures.append(GatePicture(shrunk(grey), kind, place.name, group))
    return pictures


def _of_volume(path: Path, kind: ImageKind, source: str, group: str) -> Iterator[GatePicture]:
    volume = nibabel.as_closest_canonical(nibabel.load(path))
    voxels = np.asarray(volume.dataobj, np.float32)
    sizes = [float(size) for size in volume.header.get_zooms()[:3]]
    for axis in range(3):
        spacing = [size for i, size in enumerate(sizes) if i != axis]
        count = voxels.shape[axis]
        places = np.linspace(0.12, 0.88, min(_SLICES_A_PLANE, count)) * count
        for number, index in enumerate(places.astype(int)):
            plane = np.take(voxels, index, axis)
            window = _WINDOWS_HU[number % 4] if kind is ImageKind.OTHER_CT else None
            pixels = as_grey(_upright(plane, spacing), window)
            yield GatePicture(shrunk(pixels), kind, source, group)
    if kind is ImageKind.OTHER_CT:
        yield from _projections(voxels, sizes, source, group)


def _projections(
    voxels: NDArray[np.float32], sizes: list[float], source: str, group: str
) -> Iterator[GatePicture]:
    """Sum up attenuation along rays from in front, from the side and obliquely."""
    step = max(1, voxels.shape[0] // _PROJECTED_PX)
    coarse = np.ascontiguousarray(voxels[::step, ::step].transpose(2, 0, 1))
    density = np.clip((coarse + 1000) / 1000, 0, 3)
    bone = density + 3 * np.clip((coarse - 200) / 1000, 0, 2)
    size = coarse.shape[:0:-1]
    for angle in (0, 35, 65, 90, 125, 155):
        turn = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), angle, 1.0)
        for weighted in (density, bone):
            turned = [cv2.warpAffine(plane, turn, size) for plane in weighted]
            plane = np.asarray(turned, np.float32).sum(axis=2).T
            pixels = as_grey(_upright(plane, [sizes[0] * step, sizes[2]]))
            yield GatePicture(
                shrunk(pixels), ImageKind.OTHER_RADIOGRAPH, f"{source}_projected", group,
                is_made=True,
            )  # fmt: skip


def _upright(plane: NDArray[np.float32], spacing: list[float]) -> NDArray[np.float32]:
    """Turn a plane of a right-anterior-superior volume as it is shown, with square pixels."""
    picture = plane.T[::-1]
    tall = spacing[1] / spacing[0]
    size = (picture.shape[1], max(1, round(picture.shape[0] * tall)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.float32)


def as_grey(pixels: NDArray[np.float32], window: tuple[float, float] | None = None) -> Grey:
    """Scale (H, W) values to 0..255, between two values or between extreme percentiles."""
    low, high = window or np.percentile(pixels, (0.5, 99.5))
    scaled = (pixels - low) / max(float(high - low), 1e-6)
    return np.asarray(np.clip(scaled * 255, 0, 255), np.uint8)


def shrunk(pixels: Grey) -> Grey:
    """Shrink (H, W) pixels to the size that is kept."""
    factor = LONGEST_PX / max(pixels.shape)
    if factor >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
