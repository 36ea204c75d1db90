"""The compressed stream of one frame, put together from its fragments (PS3.5 section A.4)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from pydicom import Dataset

_ITEM = b"\xfe\xff\x00\xe0"
_HEADER_BYTES = 8
STREAM_STARTS = (
    b"\xff\xd8", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ",
    *(bytes((segments, 0, 0, 0, 64, 0, 0, 0)) for segments in range(1, 16)),
)  # fmt: skip
"""How pictures begin in JPEG, JPEG 2000 without and with boxes, and run lengths (PS3.5 G.5)."""


@dataclass(frozen=True)
class _Fragment:
    """Where the item of a fragment starts, and its content starts and ends."""

    item: int
    start: int
    end: int


def frame_stream(dataset: Dataset, frame: int, frames: int) -> bytes:
    """Return the compressed stream of one frame.

    Fragments know their own length, so of an offset table only the starts are used, and only
    where each of them is the start of a fragment. A table that leads elsewhere is left aside.

    Parameters
    ----------
    dataset : Dataset
        Holds encapsulated Pixel Data.
    frame, frames : int
        Which one, counted from 0, of how many.

    Raises
    ------
    ValueError
        The frame is not there or not whole, or nothing tells which fragments are its own.
    """
    data = dataset.PixelData
    table, *fragments = _items(data)
    extended = dataset.get("ExtendedOffsetTable")
    tables = (_numbers(extended or b"", "Q"), _numbers(data[table.start : table.end], "I"))
    chosen = _grouped(data, fragments, frames, tables)[frame]
    if not chosen or chosen[-1].end > len(data):
        raise ValueError("no whole frame")
    return b"".join(data[each.start : each.end] for each in chosen)


def _items(data: bytes) -> list[_Fragment]:
    """Return the offset table and all fragments."""
    items, place = [], 0
    while data[place : place + 4] == _ITEM and place + _HEADER_BYTES <= len(data):
        (length,) = struct.unpack_from("<I", data, place + 4)
        start = place + _HEADER_BYTES
        items.append(_Fragment(place, start, start + length))
        place = start + length
    if not items:
        raise ValueError("no fragments")
    return items


def _numbers(table: bytes, kind: str) -> Sequence[int]:
    count = len(table) // struct.calcsize(kind)
    return struct.unpack_from(f"<{count}{kind}", table)


def _grouped(
    data: bytes, fragments: list[_Fragment], frames: int, tables: Sequence[Sequence[int]]
) -> list[list[_Fragment]]:
    """Return the fragments of each frame."""
    if frames == 1:
        return [fragments]
    if len(fragments) == frames:
        return [[fragment] for fragment in fragments]
    starts = [each.item - fragments[0].item for each in fragments] if fragments else []
    known = {start: number for number, start in enumerate(starts)}
    for table in tables:
        if len(table) == frames and all(offset in known for offset in table):
            return _split(fragments, [known[offset] for offset in table])
    firsts = [k for k, each in enumerate(fragments) if data.startswith(STREAM_STARTS, each.start)]
    if len(firsts) < frames:
        raise ValueError("fragments that belong to no frame")
    return _split(fragments, firsts)[:frames]  # as of uncompressed data, the rest is left


def _split(fragments: list[_Fragment], firsts: list[int]) -> list[list[_Fragment]]:
    ends = [*firsts[1:], len(fragments)]
    return [fragments[first:end] for first, end in zip(firsts, ends, strict=True)]
