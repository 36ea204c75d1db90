"""Table E.1-1 of PS3.15 and the types of attributes, as shipped in `resources/deidentification`."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from spinealign.domain.paths import resources_dir
from spinealign.json_files import read_json

FOLDER = "deidentification"
TABLE = "PS3.15 2026c, table E.1-1"
"""What `profile.csv` holds."""

_CURVES, _OVERLAYS = 0x5000, 0x6000
_REPEATED = 0xFF00
_PLAIN_TAG = re.compile(r"([0-9A-F]{4}),([0-9A-F]{4})")


@dataclass(frozen=True)
class Row:
    """What is done with one attribute.

    Parameters
    ----------
    name : str
    basic : str
        D, Z, X, U, or what depends on the type: "X/Z", "X/D", "Z/D", "X/Z/D", "X/Z/U*".
    options : Mapping of str to str
        K or C by the name of an option's column.
    options_from : str
        Where the options were read: "table", or "DocBook" where that source had none; see the
        README beside the table.
    """

    name: str
    basic: str
    options: Mapping[str, str]
    options_from: str = ""


PRIVATE = Row("Private Attributes", "X", {})
UNKNOWN = Row("Unknown Attribute", "X", {})


@cache
def profile() -> Mapping[int, Row]:
    """Return the rows of attributes by tag; groups that repeat are known to `row_of`."""
    path = resources_dir() / FOLDER / "profile.csv"
    found: dict[int, Row] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            tag, name, basic, source = (
                line.pop(key) for key in ("tag", "name", "basic", "options_from")
            )
            if plain := _PLAIN_TAG.fullmatch(tag):
                options = {key: action for key, action in line.items() if action}
                number = int(plain[1] + plain[2], 16)
                found[number] = Row(name, basic, options, source)
    return found


def row_of(tag: int) -> Row | None:
    """Return the row of an attribute; None where the table leaves it as it is.

    Curves and overlays go as whole groups: the geometry of an overlay without its data is of no
    use, and its description, label and subtype are free text.

    Parameters
    ----------
    tag : int
        Group and element, (gggg << 16) + eeee.
    """
    group = tag >> 16
    if group % 2:
        return PRIVATE
    if group & _REPEATED == _CURVES:
        return Row("Curve Data", "X", {})
    if group & _REPEATED == _OVERLAYS:
        return Row("Overlay Data", "X", {})
    return profile().get(tag)


@dataclass(frozen=True)
class _Types:
    classes: dict[str, int]
    objects: list[dict[str, str]]
    items: dict[str, str]


@cache
def _types() -> _Types:
    return read_json(resources_dir() / FOLDER / "types.json", _Types)


def type_of(sop_class: str, parent: str, keyword: str) -> str | None:
    """Return the type of an attribute (1, 1C, 2, 2C, 3); None where it is not known.

    Parameters
    ----------
    sop_class : str
        UID of the object's class.
    parent : str
        Keyword of the sequence that holds the attribute; empty at the top level.
    keyword : str
    """
    types = _types()
    if parent:
        return types.items.get(f"{parent}.{keyword}")
    number = types.classes.get(sop_class)
    return None if number is None else types.objects[number].get(keyword)


@cache
def known_words() -> frozenset[str]:
    """Return the words that cleaned descriptions may keep, in lower case."""
    text = (resources_dir() / FOLDER / "words.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
