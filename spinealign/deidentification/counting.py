"""What was removed and changed, counted without the values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Change:
    """One kind of change.

    Parameters
    ----------
    tag : str
        Such as "(0010,0010)"; "(odd,....)" for all private attributes; for pictures the name of
        the piece, such as "tEXt".
    name : str
    action : str
        Such as "removed".
    """

    tag: str
    name: str
    action: str


Changes = Counter[Change]


def changed(counts: Changes, tag: int, name: str, action: str) -> None:
    """Count a change of a DICOM attribute; private ones go together, by no name of theirs."""
    if (tag >> 16) % 2:
        counts[Change("(odd,....)", "Private Attributes", action)] += 1
    else:
        counts[Change(f"({tag >> 16:04X},{tag & 0xFFFF:04X})", name, action)] += 1
