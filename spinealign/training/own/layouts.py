"""The layouts of data sets that a training takes, each with how it looks and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Generic, TypeVar

from spinealign.domain.errors import DataSetError
from spinealign.training.own.dicom_lists import (
    is_dicom_with_table,
    is_rsna_2022,
    list_dicom_with_table,
    list_rsna_2022,
)
from spinealign.training.own.drawn_masks import Drawn, read_coco, read_labelme
from spinealign.training.own.mask_volumes import (
    SPIDER_CLASSES,
    Meaning,
    as_stored,
    cut_volumes,
    is_of_spider,
    is_volume,
    of_spider,
    volume_stem,
)
from spinealign.training.own.outlined import (
    OutlinedSet,
    class_names,
    list_outlined,
    rows_beside,
)
from spinealign.training.own.pictures import (
    PatientSource,
    PictureSet,
    list_pictures,
    with_patients,
)
from spinealign.wording import training as words

Read = TypeVar("Read")
_END_BYTES: Final = 1 << 20
_COCO_KEYS: Final = (b'"images"', b'"annotations"', b'"categories"')
_LABELME_KEYS: Final = (b'"shapes"', b'"imagePath"')


@dataclass(frozen=True)
class Asked:
    """What a user says of a data set.

    Parameters
    ----------
    data : Path
    layout : str
        Name of a layout; empty for the first that it looks like.
    pattern : str or None
        Finds the patient in a picture's name.
    label_column : str
        Of a table that tells classes.
    classes : sequence of str or None
        What the values of masks mean, from 0 on.
    work : Path
        For what has to be cut into pictures first.
    told : callable or None
        Takes how many volumes are cut, and of how many; None prints lines.
    """

    data: Path
    layout: str = ""
    pattern: str | None = None
    label_column: str = ""
    classes: tuple[str, ...] | None = None
    work: Path = Path()
    told: Callable[[int, int], None] | None = None


@dataclass(frozen=True)
class Layout(Generic[Read]):
    """One layout: its name, whether a data set looks like it, and how it is read."""

    name: str
    fits: Callable[[Path], bool]
    read: Callable[[Asked], Read]


def list_classes(asked: Asked) -> PictureSet:
    """List a data set of pictures with classes.

    Raises
    ------
    DataSetError
        It has no layout that is known, or not the stated one, or that one is broken.
    """
    return chosen_layout(CLASSIFIED, asked).read(asked)


def list_outlines(asked: Asked) -> OutlinedSet:
    """List a data set of pictures with masks or outlines.

    Raises
    ------
    DataSetError
        It has no layout that is known, or not the stated one, or that one is broken.
    """
    return chosen_layout(OUTLINED, asked).read(asked)


def chosen_layout(table: Sequence[Layout[Read]], asked: Asked) -> Layout[Read]:
    """Return the layout that was stated, or the first of a table that a data set looks like.

    Raises
    ------
    DataSetError
        There is no such layout, or the data do not look like it.
    """
    names = [layout.name for layout in table]
    if asked.layout:
        if asked.layout not in names:
            raise DataSetError(words.unknown_layout(asked.layout, names))
        found = table[names.index(asked.layout)]
        if not found.fits(asked.data):
            raise DataSetError(words.not_of_layout(asked.data, found.name))
        return found
    # What is none of them is told by the last one, which says what it needs.
    return next((layout for layout in table if layout.fits(asked.data)), table[-1])


def _folders(asked: Asked) -> PictureSet:
    return list_pictures(asked.data, asked.pattern, asked.label_column)


def _rsna(asked: Asked) -> PictureSet:
    return with_patients(list_rsna_2022(asked.data), asked.pattern)


def _dicom(asked: Asked) -> PictureSet:
    return with_patients(list_dicom_with_table(asked.data, asked.label_column), asked.pattern)


def _pictures(asked: Asked) -> OutlinedSet:
    return list_outlined(asked.data, asked.classes, asked.pattern)


def _volumes(asked: Asked) -> OutlinedSet:
    names = asked.classes or class_names(asked.data)
    return _cut(asked, tuple(names), as_stored)


def _spider(asked: Asked) -> OutlinedSet:
    """Read SPIDER's volumes; the number before the sequence is the patient."""
    found = _cut(asked, SPIDER_CLASSES, of_spider)
    if asked.pattern is not None:
        return found
    pictures = [replace(p, patient=p.patient.split("_")[0]) for p in found.found.pictures]
    return replace(found, found=PictureSet(tuple(pictures), PatientSource.PATTERN))


def _cut(asked: Asked, names: tuple[str, ...], meaning: Meaning) -> OutlinedSet:
    images = {volume_stem(path): path for path in _volumes_in(asked.data / "images")}
    masks = {volume_stem(path): path for path in _volumes_in(asked.data / "masks")}
    for stem in images:
        if stem not in masks:
            raise DataSetError(words.no_mask(images[stem].name))
    pairs = [(image, masks[stem]) for stem, image in images.items()]
    pictures, found = cut_volumes(pairs, asked.work, meaning, asked.told)
    if asked.pattern is not None:
        return OutlinedSet(with_patients(pictures, asked.pattern), found, names)
    rows = {Path(row.get("image", "")).name.split(".")[0]: row for row in rows_beside(asked.data)}
    told = [rows.get(picture.patient, {}) for picture in pictures]
    parted = [
        replace(p, split=row.get("split", ""), patient=row.get("patient", "") or p.patient)
        for p, row in zip(pictures, told, strict=True)
    ]
    # Without a table the slices of a volume stay together, but whose they are is not known.
    is_told = bool(told) and all(row.get("patient") for row in told)
    source = PatientSource.TABLE if is_told else PatientSource.UNKNOWN
    return OutlinedSet(PictureSet(tuple(parted), source), found, names)


def _volumes_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if is_volume(path) and path.is_file()]


def _has_volumes(data: Path) -> bool:
    return bool(_volumes_in(data / "images")) and bool(_volumes_in(data / "masks"))


def _looks_like_spider(data: Path) -> bool:
    return _has_volumes(data) and is_of_spider(_volumes_in(data / "masks"))


def _has_masks(data: Path) -> bool:
    return (data / "images").is_dir() and (data / "masks").is_dir()


def _drawn(asked: Asked, drawn: Drawn) -> OutlinedSet:
    pictures, masks, names = drawn
    return OutlinedSet(with_patients(pictures, asked.pattern), masks, names)


def _coco(asked: Asked) -> OutlinedSet:
    files = _json_with(asked.data, _COCO_KEYS)
    return _drawn(asked, read_coco(asked.data, files, asked.classes))


def _labelme(asked: Asked) -> OutlinedSet:
    files = _json_with(asked.data, _LABELME_KEYS)
    return _drawn(asked, read_labelme(asked.data, files, asked.classes))


def _json_with(data: Path, keys: Sequence[bytes]) -> list[Path]:
    """Return the JSON files of a data set, or the one that it is, that hold some words."""
    folders = (data, data / "annotations", data / "images")
    files = [path for folder in folders for path in sorted(folder.glob("*.json"))]
    return [path for path in files if path.is_file() and _holds(path, keys)]


def _holds(path: Path, keys: Sequence[bytes]) -> bool:
    """Look at both ends only: COCO's files are large, and their keys come in any order."""
    with path.open("rb") as file:
        head = file.read(_END_BYTES)
        file.seek(max(0, path.stat().st_size - _END_BYTES))
        ends = head + file.read()
    return all(key in ends for key in keys)


CLASSIFIED: Final[tuple[Layout[PictureSet], ...]] = (
    Layout("rsna-2022", is_rsna_2022, _rsna),
    Layout("dicom-table", is_dicom_with_table, _dicom),
    Layout("table", lambda data: data.suffix.lower() == ".csv" and data.is_file(), _folders),
    Layout("folders", lambda data: data.is_dir(), _folders),
)
"""Of pictures with classes, the narrower ones first."""

OUTLINED: Final[tuple[Layout[OutlinedSet], ...]] = (
    Layout("spider", _looks_like_spider, _spider),
    Layout("volumes", _has_volumes, _volumes),
    Layout("coco", lambda data: bool(_json_with(data, _COCO_KEYS)), _coco),
    Layout("labelme", lambda data: bool(_json_with(data, _LABELME_KEYS)), _labelme),
    Layout("masks", _has_masks, _pictures),
)
"""Of pictures with masks or outlines, the narrower ones first."""
