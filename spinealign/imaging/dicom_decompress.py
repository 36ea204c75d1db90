"""One compressed DICOM frame decoded, and refused unless all of it came out of the stream."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import pixel_array
from pydicom.uid import (
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from spinealign.domain.image import NoteKind, ReaderNote
from spinealign.imaging.codestreams import (
    holds_zeros,
    is_whole,
    sample_bits,
    with_sequential_scans,
    without_padding,
)
from spinealign.imaging.dicom_frames import frame_stream

_MAY_RUN_AWAY = (JPEGLossless, JPEGLosslessSV1, RLELossless)
"""Decoders of these do not keep to the precision: T.81 H.1.2.1 predicts modulo 65536."""

_LOSSLESS = (*_MAY_RUN_AWAY, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless, HTJ2KLosslessRPCL)
_RLE_EXCESS = "The decoded RLE segment contains non-conformant padding"


def decompressed_frame(dataset: Dataset, frame: int, frames: int) -> NDArray[Any]:
    """Decode one frame, shape (H, W) or (H, W, 3).

    Raises
    ------
    ValueError
        The frame is cut or damaged.
    Exception
        Anything that pydicom and its decoders raise on damaged bytes.
    """
    stream = with_sequential_scans(frame_stream(dataset, frame, frames))
    if dataset.file_meta.TransferSyntaxUID == RLELossless:
        stream = without_padding(stream, int(dataset.Rows) * int(dataset.Columns))
    precision = sample_bits(stream) or int(dataset.BitsAllocated)
    all_bits = _may_exceed(dataset, precision)
    decode = partial(_decoded, dataset, all_bits=all_bits)
    pixels = decode(stream)
    if not is_whole(stream, pixels, decode):
        raise ValueError("no whole frame")
    if not all_bits:
        return pixels
    if not _is_in_range(dataset, pixels, precision):
        raise ValueError("values beyond their bits")
    unused = pixels.dtype.itemsize * 8 - int(dataset.BitsStored)
    return np.asarray((pixels << unused) >> unused)


def stream_notes(dataset: Dataset, frame: int, frames: int) -> tuple[ReaderNote, ...]:
    """Tell what is odd about the compressed stream of a frame that was decoded."""
    if dataset.file_meta.TransferSyntaxUID not in (JPEG2000, JPEG2000Lossless):
        return ()
    is_odd = holds_zeros(frame_stream(dataset, frame, frames))
    return (ReaderNote(NoteKind.ZEROS_IN_DATA),) if is_odd else ()


def one_frame(dataset: Dataset) -> Dataset:
    """Return how the pixels of a data set are laid out, for one frame of it."""
    alone = dataset.group_dataset(0x0028)
    alone.file_meta = dataset.file_meta
    alone.add_new("NumberOfFrames", "IS", 1)  # not set: the element may be shared with `dataset`
    return alone


def _may_exceed(dataset: Dataset, precision: int) -> bool:
    """Tell whether lossless grey values may turn out to exceed the bits that are theirs.

    pydicom would cut the upper bits off, and what is left looks like a picture.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    is_grey = int(dataset.get("SamplesPerPixel") or 1) == 1
    if syntax not in _LOSSLESS or not is_grey or _has_drawings_in_pixels(dataset):
        return False
    limit = allocated if syntax in _MAY_RUN_AWAY else precision
    return min(precision, stored) < limit


def _has_drawings_in_pixels(dataset: Dataset) -> bool:
    return any(
        int(dataset[group, 0x0102].value or 0) > 0
        for group in range(0x6000, 0x6020, 2)
        if (group, 0x0102) in dataset
    )


def _decoded(dataset: Dataset, stream: bytes, *, all_bits: bool) -> NDArray[Any]:
    alone = one_frame(dataset)
    if all_bits:
        alone.add_new("BitsStored", "US", dataset.BitsAllocated)
    alone.add_new("PixelData", "OB", encapsulate([stream]))
    alone["PixelData"].is_undefined_length = True
    with warnings.catch_warnings():
        warnings.filterwarnings("error", _RLE_EXCESS)
        return np.asarray(pixel_array(alone))


def _is_in_range(dataset: Dataset, pixels: NDArray[Any], precision: int) -> bool:
    """Tell whether values keep within the precision of the stream and the bits stored."""
    padding = dataset.get("PixelPaddingValue")
    if isinstance(padding, int):  # it may lie outside the bits stored
        pixels = pixels[pixels != np.array(padding & 0xFFFF).astype("u2").astype(pixels.dtype)]
    unsigned = pixels.view(f"u{pixels.dtype.itemsize}")
    stored = int(dataset.BitsStored)
    if precision < unsigned.dtype.itemsize * 8 and (unsigned >= 1 << precision).any():
        return False
    lowest = -(1 << stored - 1) if pixels.dtype.kind == "i" else 0
    return not ((pixels >= 1 << stored) | (pixels < lowest)).any()
