"""Whose outlines a segmentation of another program brings, as far as its file says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from spinealign.dicom.segmentation_file import FoundSegment, SegmentationFile
from spinealign.domain.findings import ForeignOutlines

if TYPE_CHECKING:
    from pydicom import Dataset

_MOST_LETTERS = 64
"""Of what a file says of itself. Source: LO in PS3.5, table 6.2-1."""


def foreign_outlines(
    file: SegmentationFile, used: Sequence[FoundSegment], unused: Sequence[FoundSegment]
) -> ForeignOutlines:
    """Return who made the segments of a file (PS3.3 C.8.20.2), and what they are not used for.

    Parameters
    ----------
    file : SegmentationFile
    used, unused : sequence of FoundSegment
        On one image, by whether its analysis takes them over.
    """
    described = {int(item.SegmentNumber): item for item in file.dataset.SegmentSequence}
    items = [described[one.number] for one in used]
    return ForeignOutlines(
        maker=_text(file.dataset, "Manufacturer"),
        algorithms=_each(_text(item, "SegmentAlgorithmName") for item in items),
        kinds=_each(_text(item, "SegmentAlgorithmType") for item in items),
        unused=_each(_called(described[one.number]) for one in unused),
    )


def _called(item: Dataset) -> str:
    """Return what a segment is called: by its label, else by the code of its type."""
    for code in item.get("SegmentedPropertyTypeCodeSequence") or ():
        if meaning := _text(code, "CodeMeaning"):
            return _text(item, "SegmentLabel") or meaning
    return _text(item, "SegmentLabel") or f"segment {item.SegmentNumber}"


def _text(item: Dataset, keyword: str) -> str:
    return " ".join(str(item.get(keyword) or "").split())[:_MOST_LETTERS]


def _each(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, texts)))
