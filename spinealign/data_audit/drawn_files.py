"""Files of COCO and labelme: what they hold, and the pictures that they name.

Outlines (`training.own.drawn_masks`) and named points (`data_audit.marked_files`) come from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from spinealign.domain.errors import DataSetError
from spinealign.json_files import JsonError, parse_json, read_bytes
from spinealign.wording import landmarks as words

MOST_JSON_BYTES: Final = 500_000_000
"""Of one file; COCO's own largest has 470 MB."""

_PARTS: Final = ("train", "val", "test")
_TEXTS: Final = frozenset({".json", ".csv", ".txt", ".xml", ".yaml", ".yml"})


@dataclass(frozen=True)
class CocoImage:
    """A picture of a COCO file; files of points may be silent about its size (0)."""

    id: int
    file_name: str
    height: int = 0
    width: int = 0


@dataclass(frozen=True)
class CocoAnnotation:
    """An object of a COCO file: its outline, its points x, y, visibility, or neither."""

    image_id: int
    category_id: int
    segmentation: list[list[float]] | dict[str, Any] = field(default_factory=list)
    keypoints: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class CocoCategory:
    """A class of a COCO file, and what its points are called."""

    id: int
    name: str
    keypoints: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Coco:
    """A COCO file; https://cocodataset.org/#format-data."""

    images: list[CocoImage]
    annotations: list[CocoAnnotation]
    categories: list[CocoCategory]


@dataclass(frozen=True)
class Shape:
    """An outline or a point of a labelme file."""

    label: str
    points: list[tuple[float, float]]
    shape_type: str = "polygon"


@dataclass(frozen=True)
class Labelme:
    """A labelme file of one picture, whose size may be missing (0).

    Source: https://github.com/wkentaro/labelme.
    """

    shapes: list[Shape]
    imagePath: str  # noqa: N815 - as the file spells it
    imageHeight: int = 0  # noqa: N815
    imageWidth: int = 0  # noqa: N815

    @property
    def picture(self) -> str:
        """The name of the picture, with forward slashes."""
        return self.imagePath.replace("\\", "/")


def drawn_file(path: Path, kind: Any, refused: Callable[[Path, str], str]) -> Any:
    """Read a file as `Coco` or `Labelme`.

    Parameters
    ----------
    path : Path
    kind : type
    refused : callable
        Words the refusal: takes the path and a reason.

    Raises
    ------
    DataSetError
        It is none.
    """
    try:
        return parse_json(read_bytes(path, MOST_JSON_BYTES), kind)
    except (OSError, JsonError) as error:
        raise DataSetError(refused(path, str(error))) from error


def json_files(data: Path, keys: Iterable[bytes]) -> list[Path]:
    """Return the JSON files of a data set, or the one that it is, that hold some words."""
    if data.suffix.lower() == ".json":
        files = [data]
    else:
        folders = (data, data / "annotations", data / "images")
        files = [path for folder in folders for path in sorted(folder.glob("*.json"))]
    wanted = tuple(keys)
    return [path for path in files if path.is_file() and _holds(path, wanted)]


def _holds(path: Path, keys: Sequence[bytes]) -> bool:
    if path.stat().st_size > MOST_JSON_BYTES:
        return False
    content = path.read_bytes()
    return all(key in content for key in keys)


def part_of_file(path: Path, of: int) -> str:
    """Return the part of a split that one of several files is named after; else an empty text."""
    if of < 2:
        return ""
    return next((part for part in _PARTS if part in path.stem.lower()), "")


def found_picture(data: Path, told_by: Path, name: str, *, is_own: bool = False) -> Path:
    """Return a picture that a file names, with or without its suffix.

    Parameters
    ----------
    is_own : bool
        Whether a person wrote the file for this data set, as a table: it may name pictures
        anywhere, as all tables may. COCO and labelme files come from others, with others' paths.

    Raises
    ------
    DataSetError
        It lies nowhere below the data set, or two files are called so.
    """
    root = data.resolve()
    folders = list(dict.fromkeys((told_by.parent, data, data / "images")))
    for folder in folders:
        place = folder / name
        if place.is_file() and place.resolve().is_relative_to(root):
            return data / place.resolve().relative_to(root)
    for folder in folders if not Path(name).suffix else ():
        there = [p for p in folder.glob("*") if p.stem == name and p.suffix.lower() not in _TEXTS]
        if len(there) > 1:
            raise DataSetError(words.several_pictures(name, [path.name for path in there]))
        if there and there[0].resolve().is_relative_to(root):
            return data / there[0].resolve().relative_to(root)
    elsewhere = told_by.parent / name
    if is_own and elsewhere.is_file():
        return elsewhere
    raise DataSetError(words.picture_missing(told_by, name, elsewhere.is_file()))
