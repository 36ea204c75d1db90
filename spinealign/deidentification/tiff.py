"""TIFF files written anew with the tags that their pixels need, and nothing else (TIFF 6.0)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from spinealign.deidentification.codestreams import TEXTS_OF_PROFILE, bare_jpeg
from spinealign.deidentification.icc import bare_profile

_KEPT_TAGS: Final = frozenset({
    254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284, 290,
    291, 292, 293, 296, 301, 317, 318, 319, 320, 322, 323, 324, 325, 332, 334, 338, 339, 340, 341,
    347, 529, 530, 531, 532, 34675,
})  # fmt: skip
"""Kinds of pixels, their place in the file, resolution, colours and ICC profile."""

_PAIRS: Final = ((273, 279), (324, 325))
"""Places and lengths of strips and of tiles."""

_JPEG_TABLES: Final = 347
_PROFILE: Final = 34675
_COMPRESSION, _OLD_JPEG, _JPEG = 259, 6, 7
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8,
                 13: 4, 16: 8, 17: 8, 18: 8}  # fmt: skip
_INTEGERS: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}
_MOST_PAGES: Final = 10_000


class TiffError(ValueError):
    """A TIFF file is damaged, or laid out in a way that is not known here."""


@dataclass(frozen=True)
class _Layout:
    order: str
    is_big: bool

    @property
    def place(self) -> str:
        return "Q" if self.is_big else "I"

    @property
    def place_bytes(self) -> int:
        return 8 if self.is_big else 4

    @property
    def count(self) -> str:
        return "Q" if self.is_big else "H"

    @property
    def entry_bytes(self) -> int:
        return 20 if self.is_big else 12


@dataclass(frozen=True)
class _Entry:
    kind: int
    count: int
    data: bytes


def bare_tiff(content: bytes, removed: list[str]) -> bytes:
    """Return a TIFF or BigTIFF file with its pages, their pixels and what these need.

    Directories inside directories (thumbnails, GPS, EXIF) go with everything in them.

    Parameters
    ----------
    content : bytes
    removed : list of str
        The numbers of the tags that went are added to it.

    Raises
    ------
    TiffError
    """
    order = {b"II": "<", b"MM": ">"}.get(content[:2])
    if order is None:
        raise TiffError
    (version,) = struct.unpack_from(f"{order}H", content, 2)
    layout = _Layout(order, version == 43)
    start = 8 if layout.is_big else 4
    (place,) = struct.unpack_from(f"{order}{layout.place}", content, start)
    written = bytearray(content[:start] + b"\0" * layout.place_bytes)
    link, seen = start, set[int]()
    while place:
        if place in seen or len(seen) >= _MOST_PAGES:
            raise TiffError
        seen.add(place)
        entries, place = _read_directory(content, place, layout)
        for tag in sorted(set(entries) - _KEPT_TAGS):
            removed.append(f"tag {tag}")
        kept = {tag: entry for tag, entry in entries.items() if tag in _KEPT_TAGS}
        _clean_profile(kept, removed)
        link = _write_page(content, written, kept, link, layout)
    if not seen:
        raise TiffError
    return bytes(written)


def _clean_profile(entries: dict[int, _Entry], removed: list[str]) -> None:
    """Take the texts out of a page's colour profile, or a damaged profile away."""
    entry = entries.pop(_PROFILE, None)
    if entry is None:
        return
    bare = bare_profile(entry.data)
    if bare is not None:
        entries[_PROFILE] = _Entry(7, len(bare), bare)
    if bare != entry.data:
        removed.append(f"tag {_PROFILE}" if bare is None else TEXTS_OF_PROFILE)


def _read_directory(content: bytes, place: int, layout: _Layout) -> tuple[dict[int, _Entry], int]:
    order = layout.order
    (count,) = struct.unpack_from(f"{order}{layout.count}", content, place)
    place += struct.calcsize(f"{order}{layout.count}")
    entries = {}
    for _ in range(count):
        tag, kind, values = struct.unpack_from(f"{order}HH{layout.place}", content, place)
        length = _SIZES.get(kind, 0) * values
        at = place + 4 + layout.place_bytes
        if length > layout.place_bytes:
            (at,) = struct.unpack_from(f"{order}{layout.place}", content, at)
        if tag in _KEPT_TAGS and (kind not in _SIZES or at + length > len(content)):
            raise TiffError
        entries[tag] = _Entry(kind, values, content[at : at + length])
        place += layout.entry_bytes
    (following,) = struct.unpack_from(f"{order}{layout.place}", content, place)
    return entries, int(following)


def _write_page(
    content: bytes, written: bytearray, entries: dict[int, _Entry], link: int, layout: _Layout
) -> int:
    """Append a page; return where the place of the next one is to be written."""
    compression = _whole_numbers(entries[_COMPRESSION], layout)[0] if _COMPRESSION in entries else 1
    if compression == _OLD_JPEG:
        raise TiffError
    for places, lengths in _PAIRS:
        if places in entries:
            if lengths not in entries:
                raise TiffError
            _copy_blocks(content, written, entries, (places, lengths), compression, layout)
    if _JPEG_TABLES in entries and compression == _JPEG:
        tables = bare_jpeg(entries[_JPEG_TABLES].data)
        entries[_JPEG_TABLES] = _Entry(7, len(tables), tables)
    if not any(places in entries for places, _ in _PAIRS):
        raise TiffError
    return _write_directory(written, entries, link, layout)


def _copy_blocks(
    content: bytes,
    written: bytearray,
    entries: dict[int, _Entry],
    tags: tuple[int, int],
    compression: int,
    layout: _Layout,
) -> None:
    """Append strips or tiles and let their entries say where they are now."""
    starts, lengths = (_whole_numbers(entries[tag], layout) for tag in tags)
    if len(starts) != len(lengths):
        raise TiffError
    new_starts, new_lengths = [], []
    for start, length in zip(starts, lengths, strict=True):
        block = content[start : start + length]
        if len(block) < length:
            raise TiffError
        if compression == _JPEG and block:
            block = bare_jpeg(block)
        written += b"\0" * (len(written) % 2)
        new_starts.append(len(written) if length else 0)
        new_lengths.append(len(block))
        written += block
    kind, letter = (16, "Q") if layout.is_big else (4, "I")
    for tag, values in zip(tags, (new_starts, new_lengths), strict=True):
        data = struct.pack(f"{layout.order}{len(values)}{letter}", *values)
        entries[tag] = _Entry(kind, len(values), data)


def _whole_numbers(entry: _Entry, layout: _Layout) -> list[int]:
    letter = _INTEGERS.get(entry.kind)
    if letter is None:
        raise TiffError
    return list(struct.unpack(f"{layout.order}{entry.count}{letter}", entry.data))


def _write_directory(
    written: bytearray, entries: dict[int, _Entry], link: int, layout: _Layout
) -> int:
    order, room = layout.order, layout.place_bytes
    fields = []
    for tag, entry in sorted(entries.items()):
        data = entry.data
        if len(data) > room:
            written += b"\0" * (len(written) % 2)
            place = len(written)
            written += data
            data = struct.pack(f"{order}{layout.place}", place)
        head = struct.pack(f"{order}HH{layout.place}", tag, entry.kind, entry.count)
        fields.append(head + data.ljust(room, b"\0"))
    written += b"\0" * (len(written) % 2)
    struct.pack_into(f"{order}{layout.place}", written, link, len(written))
    written += struct.pack(f"{order}{layout.count}", len(fields)) + b"".join(fields)
    next_link = len(written)
    written += b"\0" * room
    return next_link
