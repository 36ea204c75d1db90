"""What is said of named points: refusals of data sets, what a training tells, figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from spinealign.wording.text import listed, safe_text

_MOST_NAMED: Final = 8


def named(names: Sequence[str]) -> str:
    """Return names of points, the first ones of many."""
    shown = [f"“{safe_text(name)}”" for name in names[:_MOST_NAMED]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + f" and {rest} more" if rest > 0 else listed(shown)


NEVER_ABSENT: Final = (
    "No picture taught that a point is absent, as missing coordinates mean that nobody knows: on a "
    "picture that does not show a point it may be placed all the same."
)
PAIRS_WITHOUT_FLIP: Final = (
    "Pairs of points count for mirrored pictures only; add --flip (in a recipe augmentation.flip), "
    "or leave the pairs out"
)
NO_MEASURES: Final = "Nothing is measured with points of a user’s own model."


def points_told(names: Sequence[str]) -> str:
    """Return which points are trained, as the data name them."""
    count = "1 point" if len(names) == 1 else f"{len(names)} points"
    return f"{count}: {named(names)}"


def untitled(names: Sequence[str]) -> str:
    """Return what a model is called that nobody gave a title."""
    return f"Points {named(names[:3])}" + ("" if len(names) <= 3 else f" and {len(names) - 3} more")


def flip_without_pairs(names: Sequence[str]) -> str:
    """Return that mirroring would swap sides that nobody told."""
    return (
        "A mirrored picture swaps left and right, and nothing in the data tells which points are "
        f"pairs ({named(names)}). Name them with --mirror-pairs LEFT=RIGHT ..., or “none” if no "
        "point has a side; in a recipe that is data.mirror_pairs"
    )


def no_pair(text: str) -> str:
    """Return that a text is no pair of points."""
    return f"“{safe_text(text)}” is no pair LEFT=RIGHT, or names a point that already has one"


def known_text(names: Sequence[str], known: Sequence[int], of: int) -> str:
    """Return in how many pictures points are known, as a card says it."""
    low, high = min(known), max(known)
    if low == of:
        return f"{points_told(names)}; each is known in every picture."
    fewest = names[list(known).index(low)]
    return (
        f"{points_told(names)}; a point is known in {low} (“{safe_text(fewest)}”) to {high} of "
        f"{of} pictures; nothing was learned from the others about it."
    )


def _of(path: Path) -> str:
    return f"“{safe_text(path.name)}”"


def coordinates_not_stated(known: Sequence[str]) -> str:
    """Return that nothing tells what 0 means in a table."""
    return (
        "A table does not tell what its coordinates count from. State it: "
        f"{listed([f'“{each}”' for each in known], 'or')}, where 0 is the outer edge of the first "
        "pixel, the centre of the first pixel, or coordinates are shares of the width and height"
    )


def strange_points(strange: Sequence[str], known: Sequence[str]) -> str:
    """Return that points were asked for that the data do not name, or one twice."""
    return f"The points {named(strange)} were asked for; the data name {named(known)}, each once"


def points_nowhere(names: Sequence[str]) -> str:
    """Return that points have no coordinates in any picture."""
    if not names:
        return "The data name no point. Name points in columns, shapes or keypoints"
    return f"In no picture is it known where {named(names)} lies; leave such points out"


def at_the_corner(name: str) -> str:
    """Return that a point lies exactly where unknown ones are put by some programs."""
    return (
        f"Its point “{safe_text(name)}” lies at 0, 0, where some programs put what is not known; "
        "leave its coordinates empty."
    )


def outside(name: str, at: tuple[float, float], size: tuple[int, int]) -> str:
    """Return that a point lies outside of its picture."""
    return (
        f"Its point “{safe_text(name)}” at x {at[0]:g}, y {at[1]:g} lies outside of the picture of "
        f"{size[0]} x {size[1]} pixels; are x and y swapped, or in another unit?"
    )


def unknown_layout(layout: str, layouts: Sequence[str]) -> str:
    """Return that a layout is none of those with points."""
    return f"“{safe_text(layout)}” is no layout of named points; there are {listed(list(layouts))}"


def no_layout(data: Path, layouts: Sequence[str]) -> str:
    """Return that a data set has no layout with points."""
    return (
        f"“{safe_text(str(data))}” has no named points ({listed(list(layouts), 'or')}): a CSV "
        "table with image and the columns <point>_x and <point>_y, or image, point, x and y; a "
        "COCO file with keypoints; or labelme files with points"
    )


def column_twice(path: Path, name: str) -> str:
    """Return that a table has two columns for one coordinate."""
    return f"{_of(path)} has a coordinate of the point “{safe_text(name)}” twice"


def axis_missing(path: Path, name: str) -> str:
    """Return that a table has x or y of a point only."""
    return (
        f"{_of(path)} has only one of the columns “{safe_text(name)}_x” and “{safe_text(name)}_y”"
    )


def several_tables(names: Sequence[str]) -> str:
    """Return that two tables hold points."""
    return f"Several tables hold points ({named(names)}); name one of them instead of the folder"


def odd_rows(path: Path, count: int) -> str:
    """Return that rows do not fit the columns."""
    return f"In {_of(path)}, rows with more or fewer fields than there are columns: {count}"


def listed_twice(name: str) -> str:
    """Return that a picture has two rows."""
    return f"“{safe_text(name)}” is listed twice"


def point_without_name(path: Path, picture: str) -> str:
    """Return that a row has no name of its point."""
    return f"{_of(path)} has a row of “{safe_text(picture)}” without the name of its point"


def point_twice(where: str, name: str) -> str:
    """Return that one picture has a point twice."""
    return f"“{safe_text(where)}” has the point “{safe_text(name)}” twice; each may be there once"


def no_picture_column(path: Path) -> str:
    """Return that a table does not name its pictures."""
    return f"{_of(path)} has no column “image”, or a row without a picture"


def half_a_point(path: Path, name: str) -> str:
    """Return that one coordinate of a point is missing."""
    return (
        f"{_of(path)} has only x or only y of the point “{safe_text(name)}” in a row; leave both "
        "empty where it is not known"
    )


def no_number(path: Path, text: str) -> str:
    """Return that a cell is no number."""
    return f"{_of(path)} has “{safe_text(text)}” where a number is expected"


def other_count(path: Path, found: int, expected: int) -> str:
    """Return that an object has other keypoints than its category."""
    return f"{_of(path)} has an object with {found} keypoints, and its category names {expected}"


def no_point(path: Path, label: str, kind: str) -> str:
    """Return that a labelme shape is no point."""
    return (
        f"“{safe_text(label)}” in {_of(path)} is a {safe_text(kind)}, not a point; keep shapes of "
        "other kinds in files of their own"
    )


def not_readable(path: Path, reason: str) -> str:
    """Return that a JSON file is none of its kind."""
    return f"{_of(path)} cannot be read as a file of points: {safe_text(reason)}"


def several_pictures(name: str, found: Sequence[str]) -> str:
    """Return that a name fits two files."""
    return f"“{safe_text(name)}” may be {named(found)}; name the files with their suffixes"


def picture_missing(path: Path, name: str, is_elsewhere: bool) -> str:
    """Return that a picture that a file names is not there, or not where it is looked for."""
    told = f"“{safe_text(name)}”, which {_of(path)} names, is"
    if is_elsewhere:
        return f"{told} not below the data set; put the pictures into its folder"
    return f"{told} not there; name pictures from the folder of {_of(path)}"
