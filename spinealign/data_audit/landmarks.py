"""Pictures with named points: tables, COCO keypoints and labelme points, read as they say it.

Names come with the data. A point without coordinates is unknown; nothing is learned from it and
nothing is compared with it. Left and right stay what the data call so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spinealign.data_audit.tables import (
    FILE_NAMES,
    PART_NAMES,
    PATIENT_NAMES,
    Table,
    table_of,
)
from spinealign.domain.errors import DataSetError
from spinealign.json_files import JsonError, parse_json, read_bytes
from spinealign.wording import landmarks as words

Coordinates = Literal["edges", "centres", "fractions"]
"""What 0 means: the outer edge of the first pixel, its centre, or the edge in shares of a side."""

COORDINATES: Final[tuple[Coordinates, ...]] = get_args(Coordinates)
MOST_JSON_BYTES: Final = 500_000_000
"""Of one file; COCO's own largest has 470 MB."""

OUTSIDE_PX: Final = 1.0
"""How far outside of a picture a point may lie: whoever clicks on a border misses it by a pixel."""

_POINT_NAMES: Final = ("point", "landmark", "keypoint", "point_name", "landmark_name")
_SPACING_NAMES: Final = ("mm_per_pixel", "mm_per_px", "pixel_spacing_mm", "spacing_mm")
_SEEN_NAMES: Final = ("visible", "visibility", "v")
_AXIS: Final = re.compile(r"(.+)[ _.\-]([xyXY])")
_SEEN: Final = re.compile(r"(.+)[ _.\-](?:visible|visibility|v)", re.IGNORECASE)
_MISSING: Final = frozenset({"", "nan", "na", "none", "null"})

Place = tuple[float, float]


@dataclass(frozen=True)
class MarkedPicture:
    """One picture and where its points lie.

    Parameters
    ----------
    path : Path
    name : str
        Its path below the data set, with forward slashes.
    points : mapping of str to tuple of float
        (x, y) of the points that are known, as the data say them.
    patient, part : str
        Empty where the data do not say.
    mm_per_pixel : float or None
        As a table states it.
    """

    path: Path
    name: str
    points: Mapping[str, Place]
    patient: str = ""
    part: str = ""
    mm_per_pixel: float | None = None


@dataclass(frozen=True)
class MarkedSet:
    """A data set of pictures with named points.

    Parameters
    ----------
    layout : str
    names : tuple of str
        Of the points, in the order of the data.
    coordinates : str
        What 0 means in the points of `pictures`.
    pictures : tuple of MarkedPicture
    """

    layout: str
    names: tuple[str, ...]
    coordinates: Coordinates
    pictures: tuple[MarkedPicture, ...]


def list_marked(
    data: Path,
    layout: str = "",
    coordinates: Coordinates | None = None,
    points: Sequence[str] | None = None,
) -> MarkedSet:
    """Read a data set of pictures with named points.

    Parameters
    ----------
    data : Path
        A table, a file of COCO keypoints, or a folder that holds either or labelme files.
    layout : str
        One of `MARKED`; empty for the first that it looks like.
    coordinates : str, optional
        What 0 means. Tables need it, as nothing in them tells; files of COCO and labelme count
        from the outer edge of the first pixel.
    points : sequence of str, optional
        Only these, in this order.

    Raises
    ------
    DataSetError
        It has no layout that is known, or that one is broken, or a point is missing altogether.
    """
    found = _chosen(data, layout)(data)
    if coordinates is None and found.layout == TABLE:
        raise DataSetError(words.coordinates_not_stated(COORDINATES))
    found = replace(found, coordinates=coordinates or "edges")
    names = tuple(points) if points else found.names
    strange = [name for name in names if name not in found.names]
    if strange or len(set(names)) != len(names):
        raise DataSetError(words.strange_points(strange or names, found.names))
    kept = tuple(
        replace(each, points={name: at for name, at in each.points.items() if name in names})
        for each in found.pictures
    )
    nowhere = [name for name in names if not any(name in each.points for each in kept)]
    if nowhere or not names:
        raise DataSetError(words.points_nowhere(nowhere))
    return replace(found, names=names, pictures=kept)


def places(
    marked: MarkedPicture, names: Sequence[str], coordinates: Coordinates, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Return where points lie in pixels of a picture, pixel 0 spanning 0 to 1.

    Parameters
    ----------
    marked : MarkedPicture
    names : sequence of str
    coordinates : str
    shape : tuple of int
        (rows, columns) of the picture.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        (x, y); NaN where unknown.

    Raises
    ------
    DataSetError
        A point lies outside of the picture, or all points lie at its corner.
    """
    rows, columns = shape
    unit = (columns, rows) if coordinates == "fractions" else (1, 1)
    shift = 0.5 if coordinates == "centres" else 0.0
    found = np.full((len(names), 2), np.nan)
    for number, name in enumerate(names):
        if name not in marked.points:
            continue
        x, y = marked.points[name]
        if x == y == 0:
            raise DataSetError(words.at_the_corner(name))
        at = (x * unit[0] + shift, y * unit[1] + shift)
        if not all(
            -OUTSIDE_PX <= value <= side + OUTSIDE_PX
            for value, side in zip(at, (columns, rows), strict=True)
        ):
            raise DataSetError(words.outside(name, (x, y), (columns, rows)))
        found[number] = np.clip(at, 0, (columns, rows))
    return found


def _chosen(data: Path, layout: str) -> Callable[[Path], MarkedSet]:
    if layout and layout not in MARKED:
        raise DataSetError(words.unknown_layout(layout, tuple(MARKED)))
    for name, (fits, read) in MARKED.items():
        if layout in ("", name) and fits(data):
            return read
    raise DataSetError(words.no_layout(data, tuple(MARKED)))


# Tables ---------------------------------------------------------------------------------------


def _tables(data: Path) -> list[Table]:
    """Return the tables of points that a data set is, or holds."""
    files = [data] if data.suffix.lower() == ".csv" else sorted(data.glob("*.csv"))
    found = []
    for path in filter(Path.is_file, files):
        try:
            table = table_of(path)
        except DataSetError:
            if path == data:
                raise
            continue
        if _is_long(table) or _wide_points(table):
            found.append(table)
    return found


def _is_long(table: Table) -> bool:
    return {"x", "y"} <= set(table.columns) and any(p in table.columns for p in _POINT_NAMES)


def _wide_points(table: Table) -> dict[str, tuple[int, int]]:
    """Return the columns of x and y of each point, in the order of the table.

    Raises
    ------
    DataSetError
        A point has one of them only, or one twice.
    """
    axes: dict[str, dict[str, int]] = {}
    for place, title in enumerate(table.titles):
        match = _AXIS.fullmatch(title.strip())
        if match is None or title.strip().lower() in (*_SPACING_NAMES, *FILE_NAMES):
            continue
        name, axis = match[1].rstrip(" _.-"), match[2].lower()
        if axis in axes.setdefault(name, {}):
            raise DataSetError(words.column_twice(table.path, name))
        axes[name][axis] = place
    for name, pair in axes.items():
        if len(pair) != 2:
            raise DataSetError(words.axis_missing(table.path, name))
    return {name: (pair["x"], pair["y"]) for name, pair in axes.items()}


def _read_table(data: Path) -> MarkedSet:
    tables = _tables(data)
    if len(tables) > 1:
        raise DataSetError(words.several_tables([table.path.name for table in tables]))
    table = tables[0]
    if table.odd_rows:
        raise DataSetError(words.odd_rows(table.path, table.odd_rows))
    names, rows = _of_long(table) if _is_long(table) else _of_wide(table)
    pictures = {}
    for given, (line, points) in rows.items():
        path = found_picture(table.path.parent, table.path, given)
        pictures[given] = MarkedPicture(
            path,
            path.relative_to(table.path.parent).as_posix(),
            points,
            _cell(table, line, PATIENT_NAMES),
            _cell(table, line, PART_NAMES),
            _spacing(table, line),
        )
    return MarkedSet(TABLE, names, "edges", tuple(pictures.values()))


_Rows = dict[str, tuple[tuple[str, ...], dict[str, Place]]]
"""By picture its first line and its points."""


def _of_wide(table: Table) -> tuple[tuple[str, ...], _Rows]:
    columns = _wide_points(table)
    seen = {
        match[1]: place
        for place, title in enumerate(table.titles)
        if (match := _SEEN.fullmatch(title.strip())) and match[1] in columns
    }
    rows: _Rows = {}
    for line in table.lines:
        given = _picture(table, line)
        if given in rows:
            raise DataSetError(words.listed_twice(given))
        points = {}
        for name, (x, y) in columns.items():
            told = line[seen[name]] if name in seen else "1"
            at = _place(table.path, name, line[x], line[y], told)
            if at is not None:
                points[name] = at
        rows[given] = (line, points)
    return tuple(columns), rows


def _of_long(table: Table) -> tuple[tuple[str, ...], _Rows]:
    point = table.column("", _POINT_NAMES)
    seen = table.column("", _SEEN_NAMES)
    x, y = (table.columns.index(axis) for axis in "xy")
    names: list[str] = []
    rows: _Rows = {}
    told: set[tuple[str, str]] = set()
    for line in table.lines:
        given, name = _picture(table, line), line[point or 0].strip()
        if not name:
            raise DataSetError(words.point_without_name(table.path, given))
        if (given, name) in told:
            raise DataSetError(words.point_twice(given, name))
        told.add((given, name))
        names += [] if name in names else [name]
        points = rows.setdefault(given, (line, {}))[1]
        at = _place(table.path, name, line[x], line[y], "1" if seen is None else line[seen])
        if at is not None:
            points[name] = at
    return tuple(names), rows


def _picture(table: Table, line: Sequence[str]) -> str:
    place = table.column("", FILE_NAMES)
    given = "" if place is None else line[place].strip().replace("\\", "/")
    if not given:
        raise DataSetError(words.no_picture_column(table.path))
    return given


def _cell(table: Table, line: Sequence[str], usual: Sequence[str]) -> str:
    place = table.column("", usual)
    return "" if place is None else line[place].strip()


def _spacing(table: Table, line: Sequence[str]) -> float | None:
    text = _cell(table, line, _SPACING_NAMES)
    value = _number(table.path, text)
    if value is not None and not value > 0:
        raise DataSetError(words.no_number(table.path, text))
    return value


def _place(path: Path, name: str, x: str, y: str, seen: str) -> Place | None:
    """Return a point of a table; None where it is unknown."""
    told = _number(path, seen)
    at = _number(path, x), _number(path, y)
    if told == 0 or at == (None, None):
        return None
    if at[0] is None or at[1] is None:
        raise DataSetError(words.half_a_point(path, name))
    return at[0], at[1]


def _number(path: Path, text: str) -> float | None:
    if text.strip().lower() in _MISSING:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise DataSetError(words.no_number(path, text)) from error
    if not math.isfinite(value):
        raise DataSetError(words.no_number(path, text))
    return value


# COCO and labelme -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _CocoImage:
    id: int
    file_name: str


@dataclass(frozen=True)
class _CocoAnnotation:
    image_id: int
    category_id: int
    keypoints: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class _CocoCategory:
    id: int
    name: str
    keypoints: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Coco:
    images: list[_CocoImage]
    annotations: list[_CocoAnnotation]
    categories: list[_CocoCategory]


@dataclass(frozen=True)
class _Shape:
    label: str
    points: list[tuple[float, float]]
    shape_type: str = "polygon"


@dataclass(frozen=True)
class _Labelme:
    shapes: list[_Shape]
    imagePath: str  # noqa: N815 - as the file spells it


def _json_files(data: Path, keys: Iterable[bytes]) -> list[Path]:
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


def _coco_files(data: Path) -> list[Path]:
    return _json_files(data, (b'"keypoints"', b'"annotations"', b'"categories"'))


def _read_coco(data: Path) -> MarkedSet:
    files = _coco_files(data)
    base = data if data.is_dir() else data.parent
    names: list[str] = []
    pictures: list[MarkedPicture] = []
    for path in files:
        coco = _typed(path, _Coco)
        of_category = {each.id: tuple(each.keypoints) for each in coco.categories}
        told = [name for each in of_category.values() for name in each]
        if len(set(told)) != len(told):
            raise DataSetError(words.point_twice(path.name, _first_repeated(told)))
        names += [name for name in told if name not in names]
        points: dict[int, dict[str, Place]] = {}
        for one in coco.annotations:
            here = points.setdefault(one.image_id, {})
            for name, at in _coco_points(path, one, of_category):
                if name in here:
                    raise DataSetError(words.point_twice(path.name, name))
                here[name] = at
        part = next((p for p in ("train", "val", "test") if p in path.stem.lower()), "")
        for image in coco.images:
            place = found_picture(base, path, image.file_name)
            pictures.append(
                MarkedPicture(
                    place,
                    place.relative_to(base).as_posix(),
                    points.get(image.id, {}),
                    part=part if len(files) > 1 else "",
                )
            )
    return MarkedSet(COCO, tuple(names), "edges", tuple(pictures))


def _coco_points(
    path: Path, one: _CocoAnnotation, of_category: Mapping[int, tuple[str, ...]]
) -> Iterable[tuple[str, Place]]:
    """Yield the points of one object; of visibility 0 they are not labelled.

    Source: https://cocodataset.org/#format-data, "Keypoint Detection".
    """
    names = of_category.get(one.category_id, ())
    if not one.keypoints:
        return
    if len(one.keypoints) != 3 * len(names):
        raise DataSetError(words.other_count(path, len(one.keypoints) // 3, len(names)))
    for number, name in enumerate(names):
        x, y, seen = one.keypoints[3 * number : 3 * number + 3]
        if seen:
            yield name, (x, y)


def _labelme_files(data: Path) -> list[Path]:
    return _json_files(data, (b'"shapes"', b'"imagePath"', b'"point"'))


def _read_labelme(data: Path) -> MarkedSet:
    base = data if data.is_dir() else data.parent
    names: set[str] = set()
    pictures = []
    # Pictures on which nothing was marked are listed too.
    for path in _json_files(data, (b'"shapes"', b'"imagePath"')):
        one = _typed(path, _Labelme)
        points: dict[str, Place] = {}
        for shape in one.shapes:
            if shape.shape_type != "point" or len(shape.points) != 1:
                raise DataSetError(words.no_point(path, shape.label, shape.shape_type))
            if shape.label in points:
                raise DataSetError(words.point_twice(path.name, shape.label))
            points[shape.label] = shape.points[0]
        names |= set(points)
        place = found_picture(base, path, one.imagePath.replace("\\", "/"))
        pictures.append(MarkedPicture(place, place.relative_to(base).as_posix(), points))
    return MarkedSet(LABELME, tuple(sorted(names)), "edges", tuple(pictures))


def _typed(path: Path, kind: Any) -> Any:
    try:
        return parse_json(read_bytes(path, MOST_JSON_BYTES), kind)
    except (OSError, JsonError) as error:
        raise DataSetError(words.not_readable(path, str(error))) from error


def _first_repeated(names: Sequence[str]) -> str:
    return next(name for k, name in enumerate(names) if name in names[:k])


def found_picture(data: Path, told_by: Path, name: str) -> Path:
    """Return a picture that a file names, with or without its suffix.

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
    raise DataSetError(words.picture_missing(told_by, name))


_TEXTS: Final = frozenset({".json", ".csv", ".txt", ".xml", ".yaml", ".yml"})
TABLE, COCO, LABELME = "point-table", "coco-keypoints", "labelme-points"
MARKED: Final[Mapping[str, tuple[Callable[[Path], Any], Callable[[Path], MarkedSet]]]] = {
    COCO: (_coco_files, _read_coco),
    LABELME: (_labelme_files, _read_labelme),
    TABLE: (_tables, _read_table),
}
"""Layouts of data sets with named points: what they look like, and how they are read."""
