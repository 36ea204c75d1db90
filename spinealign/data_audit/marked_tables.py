"""Tables of named points: a column for each axis of each point, or a row for each point."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from spinealign.data_audit.drawn_files import found_picture
from spinealign.data_audit.marked import MarkedPicture, MarkedSet, Place
from spinealign.data_audit.tables import (
    FILE_NAMES,
    PART_NAMES,
    PATIENT_NAMES,
    Table,
    table_of,
)
from spinealign.domain.errors import DataSetError
from spinealign.wording import landmarks as words

TABLE: Final = "point-table"

_POINT_NAMES: Final = ("point", "landmark", "keypoint", "point_name", "landmark_name")
_SPACING_NAMES: Final = ("mm_per_pixel", "mm_per_px", "pixel_spacing_mm", "spacing_mm")
_SEEN_NAMES: Final = ("visible", "visibility", "v")
_AXIS: Final = re.compile(r"(.+)[ _.\-]([xyXY])")
_SEEN: Final = re.compile(r"(.+)[ _.\-](?:visible|visibility|v)", re.IGNORECASE)
_MISSING: Final = frozenset({"", "nan", "na", "none", "null"})


def point_tables(data: Path) -> list[Table]:
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


def read_table(data: Path) -> MarkedSet:
    """Read the points of a table; what 0 means is not in it.

    Raises
    ------
    DataSetError
        There are several tables, or it contradicts itself.
    """
    tables = point_tables(data)
    if len(tables) > 1:
        raise DataSetError(words.several_tables([table.path.name for table in tables]))
    table = tables[0]
    if table.odd_rows:
        raise DataSetError(words.odd_rows(table.path, table.odd_rows))
    names, rows = _of_long(table) if _is_long(table) else _of_wide(table)
    pictures = {}
    for given, (line, points) in rows.items():
        folder = table.path.parent
        path = found_picture(folder, table.path, given, is_own=True)
        is_below = path.resolve().is_relative_to(folder.resolve())
        pictures[given] = MarkedPicture(
            path,
            path.relative_to(folder).as_posix() if is_below else Path(given).as_posix(),
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
