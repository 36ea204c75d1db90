"""Sound DICOM files that pydicom 3.0 does not read: bits unsaid, pixels in items, byte orders."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

from pydicom import Dataset
from pydicom.dataelem import RawDataElement

from spinealign.domain.image import NoteKind, ReaderNote
from spinealign.imaging.dicom_numbers import numbers

_ONE_SAMPLE = ("", "MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_ASSUMED = ("PhotometricInterpretation", "PixelRepresentation", "BitsAllocated", "BitsStored")
_PIXEL_DATA = 0x7FE00010
_UNDEFINED = 0xFFFFFFFF
_LITTLE_ITEM, _ITEM, _ITEM_END, _SEQUENCE_END = b"\xfe\xff\x00\xe0", 0xE000, 0xE00D, 0xE0DD
_DELIMITERS = 0xFFFE
_LONG_FORMS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_MOST_ELEMENTS = 10_000
_WHOLE_BYTES = (8, 16, 32)


def complete_layout(dataset: Dataset) -> tuple[ReaderNote, ...]:
    """Say what a grey value of a pixel is where the file, as ACR-NEMA did, leaves it unsaid.

    Returns
    -------
    tuple of ReaderNote
        What was assumed; a number of samples that follows from the kind of colours is not.
    """
    if "Rows" not in dataset:
        return ()
    _drop_impossible_bits(dataset)
    _raise_letters(dataset)
    unsaid = [keyword for keyword in _ASSUMED if dataset.get(keyword) in (None, "")]
    _complete_samples(dataset)
    _complete_bits(dataset)
    is_grey = dataset.get("SamplesPerPixel") == 1 and _PIXEL_DATA in dataset
    values = ((keyword, dataset.get(keyword)) for keyword in unsaid if is_grey)
    return tuple(
        ReaderNote(NoteKind.LAYOUT_ASSUMED, (keyword, str(value)))
        for keyword, value in values
        if value is not None
    )


def _complete_samples(dataset: Dataset) -> None:
    colours = str(dataset.get("PhotometricInterpretation") or "")
    if dataset.get("SamplesPerPixel") is None and colours in _ONE_SAMPLE:
        dataset.SamplesPerPixel = 1
    if not colours and dataset.get("SamplesPerPixel") == 1:
        dataset.PhotometricInterpretation = "MONOCHROME2"
    if dataset.get("PixelRepresentation") is None:
        dataset.PixelRepresentation = 0


def _raise_letters(dataset: Dataset) -> None:
    """Write the kind of colours in capitals, as the standard has it and decoders ask for it."""
    colours = dataset.get("PhotometricInterpretation")
    if isinstance(colours, str) and colours != colours.upper():
        dataset.PhotometricInterpretation = colours.upper()


def _drop_impossible_bits(dataset: Dataset) -> None:
    """Take a number of bits that a value cannot have (PS3.5 8.1.1) for unsaid."""
    allocated, stored = (dataset.get(key) for key in ("BitsAllocated", "BitsStored"))
    if isinstance(allocated, int) and isinstance(stored, int) and not 0 < stored <= allocated:
        del dataset.BitsStored


def _complete_bits(dataset: Dataset) -> None:
    """Conclude bits from one another, and bits allocated from the length of the pixel data."""
    stored, high = dataset.get("BitsStored"), dataset.get("HighBit")
    if dataset.get("BitsAllocated") is None:
        allocated = _bits_by_length(dataset)
        if allocated and (stored is None or stored <= allocated):
            dataset.BitsAllocated = allocated
    allocated = dataset.get("BitsAllocated")
    if stored is None and allocated is not None:
        is_usable = isinstance(high, int) and 0 <= high < allocated
        dataset.BitsStored = high + 1 if is_usable else allocated


def _bits_by_length(dataset: Dataset) -> int | None:
    element = dataset.get_item(_PIXEL_DATA, keep_deferred=True)
    sizes = [numbers(dataset.get(key)) for key in ("Rows", "Columns", "SamplesPerPixel")]
    if not isinstance(element, RawDataElement) or not all(len(size) == 1 for size in sizes):
        return None
    frames = numbers(dataset.get("NumberOfFrames")) or [1]
    samples = int(sizes[0][0] * sizes[1][0] * sizes[2][0] * frames[0])
    fitting = [bits for bits in _WHOLE_BYTES if element.length - samples * bits // 8 in (0, 1)]
    return fitting[0] if samples > 0 and fitting else None


def join_items(dataset: Dataset) -> None:
    """Take uncompressed pixel data out of items: some writers wrap them like compressed ones.

    Raises
    ------
    ValueError
        The items do not hold the frames.
    """
    element = dataset.get_item(_PIXEL_DATA, keep_deferred=True)
    is_wrapped = isinstance(element, RawDataElement) and element.length == _UNDEFINED
    if not is_wrapped or dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return
    sign = "<" if dataset.original_encoding[1] else ">"
    items = _items(bytes(element.value or b""), sign)
    if not items:
        return
    keys = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")
    bits = max(int(dataset.get("NumberOfFrames") or 1), 1)
    for key in keys:
        bits *= int(dataset[key].value)
    wanted = (bits + 7) // 8
    for parts in (items, items[1:]):  # the first may be an offset table
        if sum(map(len, parts)) - wanted in (0, 1):
            dataset.add_new(_PIXEL_DATA, "OW", b"".join(parts)[:wanted])
            return
    raise ValueError("items that hold no whole frames")


def _items(value: bytes, sign: str) -> list[bytes]:
    """Return the content of each item; none where the value does not begin with one."""
    items, place = [], 0
    while place + 8 <= len(value):
        group, number, length = struct.unpack_from(f"{sign}HHI", value, place)
        if (group, number) != (_DELIMITERS, _ITEM) or place + 8 + length > len(value):
            break
        items.append(value[place + 8 : place + 8 + length])
        place += 8 + length
    return items


def without_little_endian_sequences(file: BinaryIO) -> BinaryIO:
    """Return a big-endian file without the sequences in it that are little-endian.

    An element of unknown type and undefined length is little-endian in every file (PS3.5
    section 6.2.2, note 4); pydicom follows that only for explicit lengths. Nothing in such an
    element is asked for here.
    """
    file.seek(0)
    content = file.read()
    start = _start(content)
    parts, kept, place = [], 0, start
    for _ in range(_MOST_ELEMENTS):
        end, is_foreign = _element(content, place)
        if is_foreign:
            parts.append(content[kept:place])
            kept = end
        if end <= place:
            break
        place = end
    file.seek(0)
    return io.BytesIO(b"".join((*parts, content[kept:]))) if parts else file


def _start(content: bytes) -> int:
    """Return where the data set begins: behind file meta information, if there is any."""
    if content[128:132] != b"DICM":
        return 0
    (length,) = struct.unpack_from("<I", content, 140) if len(content) >= 144 else (0,)
    return 144 + int(length)


def _element(content: bytes, place: int) -> tuple[int, bool]:
    """Return the end of a big-endian element, and whether it is a little-endian sequence.

    The end is `place` itself where the walk ends.
    """
    head = content[place : place + 12]
    if len(head) < 12 or head[:4] == b"\x7f\xe0\x00\x10":
        return place, False
    is_long = head[4:6] in _LONG_FORMS
    length = struct.unpack_from(">I" if is_long else ">H", head, 8 if is_long else 6)[0]
    start = place + (12 if is_long else 8)
    if length != _UNDEFINED:
        return start + int(length), False
    if head[4:6] == b"UN" and content.startswith(_LITTLE_ITEM, start):
        return _end_of_items(content, start), True
    return place, False


def _end_of_items(content: bytes, place: int) -> int:
    """Return where an implicit little-endian sequence of undefined length ends."""
    depth = 1
    for _ in range(_MOST_ELEMENTS):
        if place + 8 > len(content) or not depth:
            break
        group, number, length = struct.unpack_from("<HHI", content, place)
        place += 8
        if group == _DELIMITERS and number in (_ITEM_END, _SEQUENCE_END):
            depth -= 1
        elif length == _UNDEFINED:
            depth += 1
        elif (group, number) != (_DELIMITERS, _ITEM):
            place += length
    return place
