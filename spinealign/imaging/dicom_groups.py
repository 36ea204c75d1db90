"""Functional groups of enhanced files held against their frames (PS3.3 C.7.6.16)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydicom import Dataset
from pydicom.sequence import Sequence as Items

from spinealign.domain.image import NoteKind, ReaderNote

_PER_FRAME, _SHARED = "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"
_OF_A_FRAME = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
}
"""What no frame may take from the top of a file that states it of any frame, and its group."""


def described_frames(dataset: Dataset) -> int:
    """Return of how many frames a file has functional groups."""
    return len(dataset.get(_PER_FRAME) or ())


def settle_groups(dataset: Dataset, frames: int) -> tuple[ReaderNote, ...]:
    """Leave a data set only what it says of each frame without doubt.

    Items belong to frames by their order alone. Where there are more or fewer of them, nothing
    tells whose each is, and none is kept: not at the top of the file either, nor among what all
    frames share. What every one of too many items states alike holds for whichever are meant.

    Parameters
    ----------
    dataset : Dataset
        Changed in place.
    frames : int
        How many it has.
    """
    items = dataset.get(_PER_FRAME)
    if not items:
        return ()
    if len(items) == frames:
        _drop_from_top(dataset, items)
        return ()
    common = _common(items) if len(items) > frames else {}
    shared = (dataset.get(_SHARED) or [Dataset()])[0]
    for group, keyword, _ in (stated for item in items for stated in _stated(item)):
        for place in (*(shared.get(group) or ()), dataset):
            place.pop(keyword, None)
    for (group, keyword), value in common.items():
        if not shared.get(group):
            setattr(shared, group, Items([Dataset()]))
        setattr(shared[group][0], keyword, value)
    dataset.pop(_PER_FRAME)
    setattr(dataset, _SHARED, Items([shared]))
    return (ReaderNote(NoteKind.FRAMES_NOT_TOLD_APART, (len(items), frames)),)


def _drop_from_top(dataset: Dataset, items: Sequence[Dataset]) -> None:
    """Drop what a frame without it in its own item would take from the top of the file."""
    for keyword, group in _OF_A_FRAME.items():
        if keyword in dataset and any(
            keyword in first for item in items for first in (item.get(group) or ())[:1]
        ):
            dataset.pop(keyword)


def _stated(item: Dataset) -> Iterator[tuple[str, str, Any]]:
    """Yield group, keyword and value of all that an item states."""
    for element in item:
        if element.VR == "SQ" and element.keyword:
            for first in element.value[:1]:
                yield from ((element.keyword, each.keyword, each.value) for each in first)


def _common(items: Sequence[Dataset]) -> dict[tuple[str, str], Any]:
    """Return what all items state alike, by group and keyword."""
    each = [{(group, keyword): value for group, keyword, value in _stated(i)} for i in items]
    return {
        key: value
        for key, value in each[0].items()
        if all(key in other and other[key] == value for other in each[1:])
    }
