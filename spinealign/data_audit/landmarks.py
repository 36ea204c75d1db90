"""Pictures with named points: tables, COCO keypoints and labelme points, read as they say it.

Names come with the data. A point without coordinates is unknown; nothing is learned from it and
nothing is compared with it. Left and right stay what the data call so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from spinealign.data_audit.marked import (
    COORDINATES,
    Coordinates,
    MarkedPicture,
    MarkedSet,
    Place,
    places,
)
from spinealign.data_audit.marked_files import (
    COCO,
    LABELME,
    coco_files,
    labelme_files,
    read_coco,
    read_labelme,
)
from spinealign.data_audit.marked_tables import TABLE, point_tables, read_table
from spinealign.domain.errors import DataSetError
from spinealign.wording import landmarks as words

__all__ = [
    "COORDINATES", "MARKED", "Coordinates", "MarkedPicture", "MarkedSet", "Place", "list_marked",
    "places",
]  # fmt: skip

MARKED: Final[Mapping[str, tuple[Callable[[Path], Any], Callable[[Path], MarkedSet]]]] = {
    COCO: (coco_files, read_coco),
    LABELME: (labelme_files, read_labelme),
    TABLE: (point_tables, read_table),
}
"""Layouts of data sets with named points: what they look like, and how they are read."""


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


def _chosen(data: Path, layout: str) -> Callable[[Path], MarkedSet]:
    if layout and layout not in MARKED:
        raise DataSetError(words.unknown_layout(layout, tuple(MARKED)))
    for name, (fits, read) in MARKED.items():
        if layout in ("", name) and fits(data):
            return read
    raise DataSetError(words.no_layout(data, tuple(MARKED)))
