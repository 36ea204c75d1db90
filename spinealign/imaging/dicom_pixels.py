"""A DICOM data set from bytes, refused before decoding when it cannot become a picture."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.encaps import get_frame
from pydicom.filereader import read_dataset, read_preamble
from pydicom.pixels import get_decoder
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.imaging.decoding import check_plausible, check_size

MAX_FRAMES = 20_000
_PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_TABLES = (
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "LUTData",
)
_DEFER_BYTES = 65_536
_MAX_INFLATED_BYTES = 128 << 20
_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "
_SEARCHED_BYTES = 65_536
_MAX_INNER_EXCESS = 4
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}


def load_dataset(path: Path, file: BinaryIO, *, with_pixels: bool = True) -> Dataset:
    """Read a data set, with or without preamble; large values are left in the file.

    Raises
    ------
    ImageReadError
        NOT_AN_IMAGE for bytes that only look like DICOM, TOO_LARGE for a
        deflated data set that grows beyond all reason.
    """
    _check_inflated_size(path, file)
    dataset = dcmread(file, force=True, defer_size=_DEFER_BYTES, stop_before_pixels=not with_pixels)
    has_anything = any(
        name in dataset for name in ("SOPClassUID", "Rows", "DirectoryRecordSequence")
    )
    if dataset.preamble is None and not has_anything:
        raise ImageReadError(path, ReadProblem.NOT_AN_IMAGE)
    _complete_transfer_syntax(dataset)
    if not dataset.original_encoding[1]:
        _swap_tables(dataset)
    return dataset


def _swap_tables(dataset: Dataset) -> None:
    """Turn tables of a big-endian file round; pydicom leaves words (OW) as they are stored."""
    for place in (dataset, *(dataset.get("VOILUTSequence") or ())):
        for keyword in _TABLES:
            words = place.get(keyword)
            if isinstance(words, bytes) and len(words) % 2 == 0:
                place[keyword].value = np.frombuffer(words, ">u2").astype("<u2").tobytes()


def has_pixels(dataset: Dataset) -> bool:
    """Tell whether the data set holds a picture at all."""
    return any(keyword in dataset for keyword in _PIXEL_KEYWORDS)


def frame_count(dataset: Dataset) -> int:
    """Return how many frames the data set states; at least 1."""
    return max(int(dataset.get("NumberOfFrames") or 1), 1)


def check_pixels(path: Path, file: BinaryIO, dataset: Dataset, frame: int) -> None:
    """Refuse what cannot become a picture, before any pixel is decoded.

    Raises
    ------
    ImageReadError
    """
    if not has_pixels(dataset):
        broken = _ends_early(file, dataset)
        raise ImageReadError(path, ReadProblem.TRUNCATED if broken else ReadProblem.NO_PIXELS)
    check_size(path, int(dataset.Rows), int(dataset.Columns))
    if int(dataset.get("SamplesPerPixel") or 1) not in (1, 3):
        raise ImageReadError(path, ReadProblem.UNSUPPORTED_LAYOUT)
    if not _is_decodable(dataset):
        name = dataset.file_meta.TransferSyntaxUID.name
        raise ImageReadError(path, ReadProblem.UNSUPPORTED_COMPRESSION, name)
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        _check_codestream(path, dataset, frame)


def _complete_transfer_syntax(dataset: Dataset) -> None:
    """Name the encoding that pydicom found where the file meta information is missing."""
    if dataset.file_meta.get("TransferSyntaxUID"):
        return
    is_implicit, is_little_endian = dataset.original_encoding
    if is_implicit:
        syntax = ImplicitVRLittleEndian
    else:
        syntax = ExplicitVRLittleEndian if is_little_endian else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = syntax


def _is_decodable(dataset: Dataset) -> bool:
    try:
        return bool(get_decoder(dataset.file_meta.TransferSyntaxUID).is_available)
    except NotImplementedError:
        return False


def _ends_early(file: BinaryIO, dataset: Dataset) -> bool:
    """Tell whether the file stops inside an element; pydicom drops such a rest silently."""
    if dataset.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
        return False
    if not len(dataset):
        return True
    last = dataset.get_item(max(dataset.keys()))
    if not isinstance(last, RawDataElement) or last.length == 0xFFFFFFFF:
        return False
    return bool(last.value_tell + last.length != file.seek(0, 2))


def _check_inflated_size(path: Path, file: BinaryIO) -> None:
    """Inflate a deflated data set block by block, without keeping it."""
    file.seek(0)
    if read_preamble(file, force=True) is None:
        file.seek(0)
        return
    meta = read_dataset(file, False, True, stop_when=lambda tag, vr, length: tag.group != 2)
    if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        inflate, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
        while block := inflate.unconsumed_tail or file.read(1 << 16):
            size += len(inflate.decompress(block, 1 << 20))
            if size > _MAX_INFLATED_BYTES:
                raise ImageReadError(path, ReadProblem.TOO_LARGE, f"{size >> 20} MB unpacked")
    file.seek(0)


def _check_codestream(path: Path, dataset: Dataset, frame: int) -> None:
    """Refuse a compressed frame whose own header claims another size than the tags.

    Decoders believe the codestream and would take memory for it.
    """
    frames = frame_count(dataset)
    stream = get_frame(dataset.PixelData, frame, number_of_frames=frames)
    claimed = int(dataset.Rows) * int(dataset.Columns)
    inner = codestream_size(stream[:_SEARCHED_BYTES])
    is_excessive = inner is not None and inner[0] * inner[1] > _MAX_INNER_EXCESS * claimed
    if is_excessive or not _has_sound_boxes(stream):
        raise ImageReadError(path, ReadProblem.TRUNCATED)
    samples = int(dataset.get("SamplesPerPixel") or 1)
    check_plausible(path, claimed * samples * int(dataset.BitsAllocated) // 8, len(stream))


def codestream_size(head: bytes) -> tuple[int, int] | None:
    """Return (rows, columns) from the header of a JPEG, JPEG-LS or JPEG 2000 codestream."""
    start = head.find(b"\xff\x4f\xff\x51")
    if start >= 0 and len(head) >= start + 24:
        corners = [int.from_bytes(head[start + k : start + k + 4], "big") for k in (8, 12, 16, 20)]
        return max(corners[1] - corners[3], 0), max(corners[0] - corners[2], 0)
    return _jpeg_size(head) if head.startswith(b"\xff\xd8") else None


def _has_sound_boxes(stream: bytes) -> bool:
    """Walk the boxes around a JPEG 2000 codestream; pydicom 3.0 never ends at one of length 0."""
    if not stream.startswith(_JP2_SIGNATURE):
        return True
    place = len(_JP2_SIGNATURE) + 4
    while place < len(stream) and stream[place + 4 : place + 8] != b"jp2c":
        length = int.from_bytes(stream[place : place + 4], "big")
        if length < 8:
            return False
        place += length
    return True


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 9 <= len(head) and head[place] == 0xFF:
        marker = head[place + 1]
        if marker in _START_OF_FRAME:
            rows = int.from_bytes(head[place + 5 : place + 7], "big")
            return rows, int.from_bytes(head[place + 7 : place + 9], "big")
        length = int.from_bytes(head[place + 2 : place + 4], "big")
        place += 1 if marker == 0xFF else 2 + length
    return None
