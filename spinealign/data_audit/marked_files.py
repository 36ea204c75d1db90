"""Named points in files of COCO (keypoints) and labelme (points)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from spinealign.data_audit.drawn_files import (
    Coco,
    CocoAnnotation,
    Labelme,
    drawn_file,
    found_picture,
    json_files,
    part_of_file,
)
from spinealign.data_audit.marked import MarkedPicture, MarkedSet, Place
from spinealign.domain.errors import DataSetError
from spinealign.wording import landmarks as words

COCO: Final = "coco-keypoints"
LABELME: Final = "labelme-points"


def coco_files(data: Path) -> list[Path]:
    """Return the files of COCO keypoints that a data set is, or holds."""
    return json_files(data, (b'"keypoints"', b'"annotations"', b'"categories"'))


def read_coco(data: Path) -> MarkedSet:
    """Read the keypoints of COCO files; of several each is a part of the split by its name.

    Raises
    ------
    DataSetError
        A file is none, names a picture that is not there, or a point twice.
    """
    files = coco_files(data)
    base = data if data.is_dir() else data.parent
    names: list[str] = []
    pictures: list[MarkedPicture] = []
    for path in files:
        coco = drawn_file(path, Coco, words.not_readable)
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
        for image in coco.images:
            place = found_picture(base, path, image.file_name)
            pictures.append(
                MarkedPicture(
                    place,
                    place.relative_to(base).as_posix(),
                    points.get(image.id, {}),
                    part=part_of_file(path, len(files)),
                )
            )
    return MarkedSet(COCO, tuple(names), "edges", tuple(pictures))


def _coco_points(
    path: Path, one: CocoAnnotation, of_category: Mapping[int, tuple[str, ...]]
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


def labelme_files(data: Path) -> list[Path]:
    """Return the labelme files with points that a data set is, or holds."""
    return json_files(data, (b'"shapes"', b'"imagePath"', b'"point"'))


def read_labelme(data: Path) -> MarkedSet:
    """Read the points of labelme files, one a picture.

    Raises
    ------
    DataSetError
        A file is none, names a picture that is not there, or a point twice.
    """
    base = data if data.is_dir() else data.parent
    names: set[str] = set()
    pictures = []
    # Pictures on which nothing was marked are listed too.
    for path in json_files(data, (b'"shapes"', b'"imagePath"')):
        one = drawn_file(path, Labelme, words.not_readable)
        points: dict[str, Place] = {}
        for shape in one.shapes:
            if shape.shape_type != "point" or len(shape.points) != 1:
                raise DataSetError(words.no_point(path, shape.label, shape.shape_type))
            if shape.label in points:
                raise DataSetError(words.point_twice(path.name, shape.label))
            points[shape.label] = shape.points[0]
        names |= set(points)
        place = found_picture(base, path, one.picture)
        pictures.append(MarkedPicture(place, place.relative_to(base).as_posix(), points))
    return MarkedSet(LABELME, tuple(sorted(names)), "edges", tuple(pictures))


def _first_repeated(names: Sequence[str]) -> str:
    return next(name for k, name in enumerate(names) if name in names[:k])
