"""A DICOM data set from bytes, refused before decoding when it cannot become a picture."""

from __future__ import annotations

import io
import zlib
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset, read_preamble
from pydicom.pixels import get_decoder, pixel_array
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import NoteKind, ReaderNote
from spinealign.imaging.codestreams import (
    codestream_size,
    has_sound_boxes,
)
from spinealign.imaging.decoding import check_plausible, check_size
from spinealign.imaging.dicom_decompress import decompressed_frame, one_frame
from spinealign.imaging.dicom_frame_count import count_frames, frames_left_over
from spinealign.imaging.dicom_frames import frame_stream
from spinealign.imaging.dicom_groups import described_frames, settle_groups
from spinealign.imaging.dicom_layout import (
    complete_layout,
    join_items,
    without_little_endian_sequences,
)
from spinealign.imaging.dicom_numbers import numbers, settle_numbers
from spinealign.imaging.dicom_results import require_image

MAX_FRAMES = 20_000
_PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_TABLES = (
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "LUTData",
)
_COLOURS = (
    "MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT",
    "YBR_RCT",
)  # fmt: skip
_OTHER_COLOURS = ("HSV", "ARGB", "CMYK", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "XYB")
_DEFER_BYTES = 65_536
_MAX_READS = 600_000
_DEFLATED = str(DeflatedExplicitVRLittleEndian).encode()
_EXPLICIT = str(ExplicitVRLittleEndian).encode()
_MAX_INFLATED_BYTES = 128 << 20
_SEARCHED_BYTES = 65_536
_MAX_INNER_EXCESS = 4


def inflated(path: Path, file: BinaryIO) -> BinaryIO:
    """Return the file, or in memory what it would be if its data set were not deflated.

    Raises
    ------
    ImageReadError
        TOO_LARGE when it grows beyond all reason, TRUNCATED when it does not end.
    """
    file.seek(0)
    if read_preamble(file, force=True) is None:
        file.seek(0)
        is_big_endian = file.read(2) == b"\0\x08"
        file.seek(0)
        return without_little_endian_sequences(file) if is_big_endian else file
    meta = read_dataset(file, False, True, stop_when=lambda tag, vr, length: tag.group != 2)
    start = file.tell()
    file.seek(0)
    if meta.get("TransferSyntaxUID") == ExplicitVRBigEndian:
        return without_little_endian_sequences(file)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return file
    plain = io.BytesIO()
    plain.write(file.read(start).replace(_DEFLATED, _EXPLICIT.ljust(len(_DEFLATED), b"\0")))
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    while block := inflate.unconsumed_tail or file.read(1 << 16):
        plain.write(inflate.decompress(block, 1 << 20))
        if plain.tell() > _MAX_INFLATED_BYTES:
            detail = f"{_MAX_INFLATED_BYTES >> 20} MB unpacked"
            raise ImageReadError(path, ReadProblem.TOO_LARGE, detail)
    plain.write(inflate.flush())
    if not inflate.eof:
        raise ImageReadError(path, ReadProblem.TRUNCATED)
    plain.seek(0)
    return plain


def load_dataset(path: Path, file: BinaryIO, *, with_pixels: bool = True) -> Dataset:
    """Read a data set, with or without preamble; large values are left in the file.

    Raises
    ------
    ImageReadError
        NOT_AN_IMAGE for bytes that only look like DICOM.
    """
    return load_completed(path, file, with_pixels=with_pixels)[0]


def load_completed(
    path: Path, file: BinaryIO, *, with_pixels: bool = True
) -> tuple[Dataset, tuple[ReaderNote, ...]]:
    """Read a data set as `load_dataset` does; also tell what was added to it.

    Returns
    -------
    dataset : Dataset
    notes : tuple of ReaderNote
        What the file leaves unsaid, as far as it matters to its pixels, and how it was read.
    """
    dataset = dcmread(
        _LimitedFile(path, file),
        force=True,
        defer_size=_DEFER_BYTES,
        stop_before_pixels=not with_pixels,
    )
    has_anything = any(
        name in dataset for name in ("SOPClassUID", "Rows", "DirectoryRecordSequence")
    )
    if dataset.preamble is None and not has_anything:
        raise ImageReadError(path, ReadProblem.NOT_AN_IMAGE)
    _complete_transfer_syntax(dataset)
    settle_numbers(dataset)
    assumed = complete_layout(dataset)
    join_items(dataset)
    notes = (*assumed, *_complete_frames(dataset, file))
    if "Rows" in dataset:
        frames = frame_count(dataset)
        left = frames_left_over(dataset, file, frames)
        notes = (
            *notes,
            *((ReaderNote(NoteKind.FRAMES_LEFT_OVER, (left, frames)),) if left else ()),
        )
        notes = (*notes, *settle_groups(dataset, frames))
    if not dataset.original_encoding[1]:
        _swap_tables(dataset)
    return dataset, notes


def _complete_frames(dataset: Dataset, file: BinaryIO) -> tuple[ReaderNote, ...]:
    """Count the frames where the file does not state their number, or contradicts itself."""
    stated = numbers(dataset.get("NumberOfFrames"))
    is_usable = len(stated) == 1 and stated[0] >= 1 and stated[0].is_integer()
    described = described_frames(dataset)
    if "Rows" not in dataset or (is_usable and described in (0, stated[0])):
        return ()
    frames = count_frames(dataset, file, 0 if is_usable else described)
    if is_usable and frames != described:  # nothing tells which of the two is right
        return ()
    dataset.pop("NumberOfFrames", None)
    if frames == 1:
        return ()
    dataset.NumberOfFrames = frames
    if is_usable:
        return (ReaderNote(NoteKind.FRAMES_CONTRADICTED, (int(stated[0]), frames)),)
    return (ReaderNote(NoteKind.FRAMES_COUNTED, (frames,)),)


class _LimitedFile:
    """An open file that gives up on countless tiny elements: they would take minutes to parse."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file, self._reads = path, file, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int = -1) -> bytes:
        """Read like the file itself, a limited number of times."""
        self._reads += 1
        if self._reads > _MAX_READS:
            raise ImageReadError(self._path, ReadProblem.TOO_LARGE, "too many attributes")
        return self._file.read(size)


def _swap_tables(dataset: Dataset) -> None:
    """Turn tables of a big-endian file round; pydicom leaves words (OW) as they are stored."""
    tables = (*(dataset.get(name) or () for name in ("ModalityLUTSequence", "VOILUTSequence")),)
    for place in (dataset, *chain(*tables)):
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
    """Refuse what is no image, or cannot become a picture, before any pixel is decoded.

    Raises
    ------
    ImageReadError
    """
    require_image(path, dataset)
    check_layout(path, file, dataset, frame)


def check_layout(path: Path, file: BinaryIO, dataset: Dataset, frame: int) -> None:
    """Refuse what cannot become a picture, whatever it is a picture of.

    Raises
    ------
    ImageReadError
    """
    if not has_pixels(dataset):
        broken = _ends_early(file, dataset)
        raise ImageReadError(path, ReadProblem.TRUNCATED if broken else ReadProblem.NO_PIXELS)
    check_size(path, int(dataset.Rows), int(dataset.Columns))
    _check_kind_of_pixels(path, dataset)
    if int(dataset.get("SamplesPerPixel") or 1) not in (1, 3):
        raise ImageReadError(path, ReadProblem.UNSUPPORTED_LAYOUT)
    if not _is_decodable(dataset):
        name = dataset.file_meta.TransferSyntaxUID.name
        raise ImageReadError(path, ReadProblem.UNSUPPORTED_COMPRESSION, name)
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        _check_codestream(path, dataset, frame)


def _check_kind_of_pixels(path: Path, dataset: Dataset) -> None:
    colours = str(dataset.get("PhotometricInterpretation") or "")
    if colours and colours not in _COLOURS:
        # Anything else may be a value of the patient that got into the wrong place.
        name = colours if colours in _OTHER_COLOURS else ""
        raise ImageReadError(path, ReadProblem.UNSUPPORTED_PIXELS, name)
    bits = int(dataset.get("BitsAllocated") or 0)
    if bits > 1 and bits % 8:
        raise ImageReadError(path, ReadProblem.UNSUPPORTED_PIXELS, f"{bits} bits")


def decode_frame(file: BinaryIO, dataset: Dataset, frame: int) -> NDArray[Any]:
    """Decode one frame, shape (H, W) or (H, W, 3); of uncompressed ones only its bytes are read.

    Raises
    ------
    Exception
        Anything that pydicom and its decoders raise on damaged bytes.
    """
    shift = _unused_low_bits(dataset)
    if not shift:
        return _stored_frame(file, dataset, frame)
    # pydicom takes the lowest bits whatever HighBit says, so all bits are asked for.
    stored, dataset.BitsStored = int(dataset.BitsStored), int(dataset.BitsAllocated)
    try:
        values = _stored_frame(file, dataset, frame)
    finally:
        dataset.BitsStored = stored
    above = values.dtype.itemsize * 8 - stored - shift
    return np.asarray((values << above) >> (above + shift))


def _unused_low_bits(dataset: Dataset) -> int:
    """Return how far up the bits of a pixel lie; writers of old put them at the upper end."""
    allocated, stored = (int(dataset.get(key) or 0) for key in ("BitsAllocated", "BitsStored"))
    shift = int(dataset.get("HighBit") or 0) + 1 - stored
    syntax = dataset.file_meta.TransferSyntaxUID
    is_plain = not syntax.is_encapsulated or syntax == RLELossless
    return shift if is_plain and stored > 0 and 0 < shift <= allocated - stored else 0


def _stored_frame(file: BinaryIO, dataset: Dataset, frame: int) -> NDArray[Any]:
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return decompressed_frame(dataset, frame, frame_count(dataset))
    element = dataset.get_item("PixelData")
    bits = int(dataset.Rows) * int(dataset.Columns) * int(dataset.BitsAllocated)
    if not _lies_open(dataset, element) or bits % 8:
        return np.asarray(pixel_array(dataset, index=frame))
    if not 0 <= frame < frame_count(dataset) or (frame + 1) * bits // 8 > element.length:
        raise ValueError("no such frame")
    file.seek(element.value_tell + frame * bits // 8)
    alone = one_frame(dataset)
    alone.add_new("PixelData", element.VR or "OW", file.read(bits // 8))
    return np.asarray(pixel_array(alone))


def _lies_open(dataset: Dataset, element: Any) -> bool:
    """Tell whether frames lie one after the other in the file, as grey values."""
    is_left_in_file = isinstance(element, RawDataElement) and element.value is None
    is_grey = int(dataset.get("SamplesPerPixel") or 1) == 1
    return is_left_in_file and is_grey and frame_count(dataset) > 1


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
    if not len(dataset):
        return True
    last = dataset.get_item(max(dataset.keys()))
    if not isinstance(last, RawDataElement) or last.length == 0xFFFFFFFF:
        return False
    return bool(last.value_tell + last.length != file.seek(0, 2))


def _check_codestream(path: Path, dataset: Dataset, frame: int) -> None:
    """Refuse a compressed frame whose own header claims another size than the tags.

    Decoders believe the codestream and would take memory for it.
    """
    stream = frame_stream(dataset, frame, frame_count(dataset))
    claimed = int(dataset.Rows) * int(dataset.Columns)
    inner = codestream_size(stream[:_SEARCHED_BYTES])
    # Of a frame without rows libjpeg 2.5 looks for the first one without end.
    is_empty = inner is not None and 0 in inner
    is_excessive = inner is not None and inner[0] * inner[1] > _MAX_INNER_EXCESS * claimed
    if is_empty or is_excessive or not has_sound_boxes(stream):
        raise ImageReadError(path, ReadProblem.TRUNCATED)
    samples = int(dataset.get("SamplesPerPixel") or 1)
    check_plausible(path, claimed * samples * int(dataset.BitsAllocated) // 8, len(stream))
