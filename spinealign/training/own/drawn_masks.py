"""Masks of a data set: pictures of class numbers, or outlines drawn when they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spinealign.data_audit.drawn_files import (
    Coco,
    Labelme,
    Shape,
    drawn_file,
    found_picture,
    part_of_file,
)
from spinealign.domain.errors import DataSetError
from spinealign.training.dataset import IGNORE
from spinealign.training.own.kept import digest
from spinealign.training.own.pictures import Picture
from spinealign.wording import training as words


class Mask(Protocol):
    """What each pixel of a picture is."""

    def values(self) -> NDArray[np.uint8] | None:
        """Return class numbers (H, W), 255 where not known; None where it cannot be read."""

    def sha256(self) -> str:
        """Return a checksum of all that `values` is made from."""


@dataclass(frozen=True)
class FileMask:
    """A picture whose values are class numbers."""

    path: Path

    def values(self) -> NDArray[np.uint8] | None:
        """Return class numbers (H, W); None where it is no picture of 0 to 255."""
        try:
            with Image.open(self.path) as picture:
                values = np.asarray(picture)
        except (OSError, ValueError):
            return None
        if values.ndim == 3:  # a palette that was made into colours, all channels alike
            values = values[..., 0]
        return values.astype(np.uint8) if values.max(initial=0) <= IGNORE else None

    def sha256(self) -> str:
        """Return the checksum of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class DrawnMask:
    """Outlines and runs of pixels, each of a class; smaller ones lie on larger ones.

    Parameters
    ----------
    shape : tuple of int
        (rows, columns).
    parts : tuple
        (class number, what) with polygons as lists x, y, x, y... in pixels, where pixel 0 spans
        0 to 1, or COCO's runs as a mapping.
    """

    shape: tuple[int, int]
    parts: tuple[tuple[int, Any], ...]

    def values(self) -> NDArray[np.uint8] | None:
        """Return class numbers (H, W)."""
        areas = [(filled(what, self.shape), number) for number, what in self.parts]
        mask = np.zeros(self.shape, np.uint8)
        for area, number in sorted(areas, key=lambda pair: -int(pair[0].sum())):
            mask[area] = number
        return mask

    def sha256(self) -> str:
        """Return a checksum of the outlines."""
        return digest([self.shape, self.parts])


def filled(what: Any, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels (H, W) whose centres lie in polygons, or that COCO's runs name."""
    if isinstance(what, Mapping):
        return _of_runs(what, shape)
    from skimage.draw import polygon

    area = np.zeros(shape, bool)
    for flat in what:
        points = np.asarray(flat, float).reshape(-1, 2) - 0.5
        area[polygon(points[:, 1], points[:, 0], shape)] = True
    return area


def _of_runs(what: Mapping[str, Any], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Decode runs of 0 and 1 in turn, column by column.

    Source: maskApi.c of the COCO API (Lin and Dollar, BSD-2), rleFrString and rleDecode.
    """
    counts = what.get("counts", [])
    runs = _unpacked(counts) if isinstance(counts, str) else [int(each) for each in counts]
    if tuple(what.get("size", shape)) != shape or sum(runs) != shape[0] * shape[1]:
        raise ValueError("runs of another size")
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return values.reshape(shape[::-1]).T


def _unpacked(text: str) -> list[int]:
    runs: list[int] = []
    value, shift = 0, 0
    for letter in text:
        bits = ord(letter) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value, shift = 0, 0
    return runs


Drawn = tuple[list[Picture], dict[str, Mask], tuple[str, ...]]
"""Pictures, their masks by name, and the classes, background first."""


def read_coco(data: Path, files: Sequence[Path], classes: Sequence[str] | None) -> Drawn:
    """Read outlines of COCO files; of ``instances_train.json`` the pictures are of the part train.

    Raises
    ------
    DataSetError
        A file is none, names a picture that is not there, or a class that is not named.
    """
    read = [(path, drawn_file(path, Coco, partial(_refused, "Coco"))) for path in files]
    found = {each.id: each.name for _, coco in read for each in coco.categories}
    names = tuple(classes) if classes else ("background", *(found[key] for key in sorted(found)))
    pictures: list[Picture] = []
    masks: dict[str, Mask] = {}
    for path, coco in read:
        parts: dict[int, list[tuple[int, Any]]] = {}
        for one in coco.annotations:
            number = _number(found.get(one.category_id, ""), names, path)
            if one.segmentation:
                parts.setdefault(one.image_id, []).append((number, one.segmentation))
        for image in coco.images:
            shape = _known_shape((image.height, image.width), "Coco", path)
            place = found_picture(data, path, image.file_name)
            name = place.relative_to(data).as_posix()
            pictures.append(Picture(place, name, "", part_of_file(path, len(read))))
            masks[name] = DrawnMask(shape, tuple(parts.get(image.id, ())))
    return pictures, masks, names


def read_labelme(data: Path, files: Sequence[Path], classes: Sequence[str] | None) -> Drawn:
    """Read outlines of labelme files, one a picture.

    Raises
    ------
    DataSetError
        A file is none, names a picture that is not there, or holds what is no area.
    """
    read = [(path, drawn_file(path, Labelme, partial(_refused, "Labelme"))) for path in files]
    found = sorted({shape.label for _, one in read for shape in one.shapes} - {"background"})
    names = tuple(classes) if classes else ("background", *found)
    pictures: list[Picture] = []
    masks: dict[str, Mask] = {}
    for path, one in read:
        shape = _known_shape((one.imageHeight, one.imageWidth), "Labelme", path)
        place = found_picture(data, path, one.picture)
        name = place.relative_to(data).as_posix()
        parts = tuple(
            (_number(shape.label, names, path), [_outline(shape, path)]) for shape in one.shapes
        )
        pictures.append(Picture(place, name))
        masks[name] = DrawnMask(shape, parts)
    return pictures, masks, names


def _refused(kind: str, path: Path, reason: str) -> str:
    return words.no_outlines(path, kind, reason)


def _known_shape(shape: tuple[int, int], kind: str, path: Path) -> tuple[int, int]:
    """Refuse a file that does not say how large a picture is."""
    if min(shape) < 1:
        raise DataSetError(words.no_outlines(path, kind, words.SIZE_MISSING))
    return shape


def _outline(shape: Shape, path: Path) -> list[float]:
    points = np.asarray(shape.points, float).reshape(-1, 2)
    if shape.shape_type == "rectangle" and len(points) == 2:
        (left, top), (right, bottom) = points
        points = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    elif shape.shape_type == "circle" and len(points) == 2:
        turns = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        radius = float(np.hypot(*(points[1] - points[0])))
        points = points[0] + radius * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    elif shape.shape_type != "polygon" or len(points) < 3:
        raise DataSetError(words.no_area(path, shape.label, shape.shape_type))
    return points.ravel().tolist()


def _number(label: str, names: Sequence[str], path: Path) -> int:
    if label not in names:
        raise DataSetError(words.class_not_named(path, label, names))
    return list(names).index(label)
