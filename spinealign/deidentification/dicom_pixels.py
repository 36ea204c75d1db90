"""Pixel data of a DICOM object without what hides in them, and with boxes blackened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
)

from spinealign.deidentification.boxes import Box
from spinealign.deidentification.codestreams import bare_jpeg, bare_jpeg_2000
from spinealign.imaging.dicom_frames import frame_stream

_OFFSET_TABLES: Final = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
_WHOLE_BYTES: Final = (8, 16, 32)


class BlackeningError(ValueError):
    """The pixels cannot be written with a box blackened."""


def bare_pixels(dataset: Dataset) -> list[str]:
    """Take out of the pixel data what is no pixel.

    Of compressed frames comments and application data, of plain ones the bytes behind the last
    pixel and overlays in bits that no pixel uses (PS3.3 C.9.2 of 2004 and before). Grey values
    stay as they are.

    Parameters
    ----------
    dataset : Dataset
        Changed in place, before its overlays are removed.

    Returns
    -------
    list of str
        What was taken out.
    """
    if "PixelData" not in dataset or "Rows" not in dataset:
        return []
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        return _bare_frames(dataset, syntax)
    removed = []
    expected = _expected_bytes(dataset)
    data = dataset.PixelData
    if expected and len(data) > expected + expected % 2:
        dataset["PixelData"].value = data[: expected + expected % 2]
        removed.append("bytes behind the pixels")
    if _has_overlays_in_pixels(dataset):
        _clear_unused_bits(dataset)
        removed.append("overlays inside the pixel data")
    return removed


def frame_count(dataset: Dataset) -> int:
    """Return how many frames a data set states; at least 1."""
    try:
        return max(int(dataset.get("NumberOfFrames") or 1), 1)
    except (TypeError, ValueError):
        return 1


def _expected_bytes(dataset: Dataset) -> int:
    samples = int(dataset.get("SamplesPerPixel") or 1)
    pixels = int(dataset.Rows) * int(dataset.Columns) * samples * frame_count(dataset)
    bits = pixels * int(dataset.get("BitsAllocated") or 0)
    if str(dataset.get("PhotometricInterpretation", "")) == "YBR_FULL_422":
        bits = bits * 2 // 3
    return (bits + 7) // 8


def _bare_frames(dataset: Dataset, syntax: UID) -> list[str]:
    if syntax in JPEG2000TransferSyntaxes or "JPEG 2000" in syntax.name or "HTJ2K" in syntax.name:
        bare = bare_jpeg_2000
    elif syntax in JPEGTransferSyntaxes or syntax in JPEGLSTransferSyntaxes:
        bare = _bare_jpeg_frame
    else:
        return []
    frames = frame_count(dataset)
    streams = [frame_stream(dataset, frame, frames) for frame in range(frames)]
    cleaned = [bare(stream) for stream in streams]
    if all(
        stream.rstrip(b"\0") == other.rstrip(b"\0")
        for stream, other in zip(streams, cleaned, strict=True)
    ):
        return []
    for keyword in _OFFSET_TABLES:
        dataset.pop(keyword, None)
    dataset["PixelData"].value = encapsulate(cleaned)
    dataset["PixelData"].is_undefined_length = True
    return ["comments of compressed frames"]


def _bare_jpeg_frame(stream: bytes) -> bytes:
    return bare_jpeg(stream, may_end_early=True)


def _has_overlays_in_pixels(dataset: Dataset) -> bool:
    groups = range(0x6000, 0x6100, 2)
    return any(
        (group, 0x0010) in dataset
        and (group, 0x3000) not in dataset
        and int(dataset.get((group, 0x0102), _ZERO).value or 0) > 0
        for group in groups
    )


class _Zero:
    value = 0


_ZERO: Final = _Zero()


def _clear_unused_bits(dataset: Dataset) -> None:
    """Keep of each stored value the bits that are pixel, signed ones filled up by their sign."""
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if allocated not in _WHOLE_BYTES or not 0 < stored < allocated:
        return
    shift = int(dataset.HighBit) + 1 - stored
    order = ">" if not dataset.file_meta.TransferSyntaxUID.is_little_endian else "<"
    data = dataset.PixelData
    size = allocated // 8
    values = np.frombuffer(data[: len(data) // size * size], f"{order}u{size}").copy()
    if int(dataset.get("PixelRepresentation") or 0):
        up = allocated - stored - shift
        signed = (values << up).view(f"{order}i{size}") >> (up + shift) << shift
        values = signed.view(f"{order}u{size}")
        mask = (1 << allocated) - (1 << shift)
    else:
        mask = ((1 << stored) - 1) << shift
    dataset["PixelData"].value = (values & values.dtype.type(mask)).tobytes()


def blacken(dataset: Dataset, boxes: Sequence[Box]) -> None:
    """Blacken boxes in the pixel data, which are then stored plain; other pixels stay.

    Compressed pixel data are decoded first: what they show stays the same, bit by bit, as what a
    viewer decodes from them.

    Parameters
    ----------
    dataset : Dataset
        Changed in place.
    boxes : sequence of Box

    Raises
    ------
    BlackeningError
        The pixel data cannot be decoded or are laid out in a way that is not known here.
    """
    if not boxes:
        return
    try:
        if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
            dataset.decompress(generate_instance_uid=False)
        pixels = _stored_pixels(dataset)
    except Exception as error:
        raise BlackeningError from error
    for box in boxes:
        frames = slice(None) if box.frame is None else slice(box.frame, box.frame + 1)
        rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
        pixels[frames, rows, columns] = _black(dataset, pixels)
    _store(dataset, pixels)


def _stored_pixels(dataset: Dataset) -> NDArray[Any]:
    """Return stored values as (frames, rows, columns, samples)."""
    bits = int(dataset.BitsAllocated)
    colours = str(dataset.PhotometricInterpretation)
    if bits not in _WHOLE_BYTES or colours == "YBR_FULL_422":
        raise BlackeningError
    samples = int(dataset.get("SamplesPerPixel") or 1)
    order = ">" if not dataset.file_meta.TransferSyntaxUID.is_little_endian else "<"
    sign = "i" if int(dataset.get("PixelRepresentation") or 0) else "u"
    shape = (frame_count(dataset), int(dataset.Rows), int(dataset.Columns))
    count = int(np.prod(shape)) * samples
    values = np.frombuffer(dataset.PixelData, f"{order}{sign}{bits // 8}", count).copy()
    if samples > 1 and int(dataset.get("PlanarConfiguration") or 0) == 1:
        return np.moveaxis(values.reshape(shape[0], samples, *shape[1:]), 1, -1)
    return values.reshape(*shape, samples)


def _black(dataset: Dataset, pixels: NDArray[Any]) -> Any:
    """Return the stored value that is shown black: the least, or the greatest of a negative."""
    colours = str(dataset.PhotometricInterpretation)
    if colours == "MONOCHROME1":
        return pixels.max()
    if colours == "MONOCHROME2":
        return pixels.min()
    if colours.startswith("YBR"):
        return np.array([0, 128, 128], pixels.dtype)
    if colours == "PALETTE COLOR":
        return _darkest_index(dataset, pixels)
    return 0


def _darkest_index(dataset: Dataset, pixels: NDArray[Any]) -> int:
    names = [f"{colour}PaletteColorLookupTable" for colour in ("Red", "Green", "Blue")]
    entries, first, bits = (int(value) & 0xFFFF for value in dataset[f"{names[0]}Descriptor"].value)
    kind = "<u2" if bits > 8 else "u1"
    tables = [np.frombuffer(dataset[f"{name}Data"].value, kind) for name in names]
    total = sum(table[: entries or 65536].astype(np.int64) for table in tables)
    return int(np.clip(first + int(np.argmin(total)), 0, np.iinfo(pixels.dtype).max))


def _store(dataset: Dataset, pixels: NDArray[Any]) -> None:
    samples = pixels.shape[-1]
    if samples > 1 and int(dataset.get("PlanarConfiguration") or 0) == 1:
        pixels = np.moveaxis(pixels, -1, 1)
    content = np.ascontiguousarray(pixels).tobytes()
    dataset["PixelData"].value = content + b"\0" * (len(content) % 2)
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:  # pragma: no cover - decompressed
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
