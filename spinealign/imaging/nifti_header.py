"""The header of a NIfTI file, held against the limits of the format before its values are read."""

from __future__ import annotations

import gzip
import io
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

import nibabel as nib
import numpy as np
from nibabel.fileholders import FileHolder
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import ImagePart, NoteKind, ReaderNote
from spinealign.imaging.decoding import is_offset
from spinealign.imaging.sniff import is_gzip
from spinealign.imaging.source import is_put_behind, opened

_HEAD_BYTES = 540
_EXTENSION_FLAG_BYTES = 4
_KINDS = {
    b"n+1\0": nib.Nifti1Image,
    b"n+2\0": nib.Nifti2Image,
    b"ni1\0": nib.Nifti1Pair,
    b"ni2\0": nib.Nifti2Pair,
}
_BLOCK_BYTES = 1 << 20
_MOST_DIMENSIONS = 7


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """What a header says, as nibabel reads it once its offset is within the limits.

    Parameters
    ----------
    image : nibabel image
        Without its values.
    zooms : tuple of float
        Sizes of the voxels as stored, without their sign; nibabel puts 1 where there is 0.
    offset : float
        Where the values start, as stored.
    bits : int
        Bits of a value, as stored.
    slope : float
        Scale factor, as stored; nibabel takes its own from it.
    has_extensions : bool
        Whether something may lie between header and values.
    notes : tuple of ReaderNote
        What was left out of it.
    """

    image: Any
    zooms: tuple[float, float, float]
    offset: float
    bits: int
    slope: float
    has_extensions: bool
    notes: tuple[ReaderNote, ...]

    @property
    def is_single(self) -> bool:
        """Whether header and values lie in one file."""
        return isinstance(self.image, nib.Nifti1Image | nib.Nifti2Image)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Kind of the stored values."""
        stored: np.dtype[Any] = np.dtype(self.image.dataobj.dtype)
        return stored


def unpacked(file: BinaryIO) -> BinaryIO:
    """Return the file, or what it unpacks to if it is compressed, from its start."""
    file.seek(0)
    compressed = is_gzip(file.read(2))
    file.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if compressed else file


def read_header(path: Path, content: BinaryIO) -> NiftiHeader:
    """Read a header.

    Raises
    ------
    ImageReadError
        TRUNCATED
    Exception
        Anything that nibabel raises on a header outside its limits.
    """
    content.seek(0)
    head = content.read(_HEAD_BYTES + _EXTENSION_FLAG_BYTES)
    kind = _KINDS.get(head[344:348]) or _KINDS.get(head[4:8])
    if kind is None:
        raise ImageReadError(path, ReadProblem.TRUNCATED)
    size = kind.header_class.template_dtype.itemsize
    _require_dimensions(path, kind, head)
    header = kind.header_class(head[:size], check=False)
    _require_datatype(path, int(header["datatype"]))
    places = _without_places(header)
    offset, zooms = float(header["vox_offset"]), _zooms(header)
    slope, scale_notes = float(header["scl_slope"]), _without_offset(header)
    header["vox_offset"] = 0
    # What may lie between header and values is left out.
    stream = io.BytesIO(header.binaryblock + bytes(_EXTENSION_FLAG_BYTES))
    return NiftiHeader(
        _image(kind, stream),
        zooms,
        offset,
        int(header["bitpix"]),
        slope,
        head[size : size + 1] not in (b"", b"\0"),
        (*places, *scale_notes),
    )


def _without_offset(header: Any) -> tuple[ReaderNote, ...]:
    """Leave values as they are stored where the offset beside a scale factor is none."""
    slope = float(header["scl_slope"])
    if slope == 0 or math.isnan(slope) or is_offset(float(header["scl_inter"])):
        return ()
    header["scl_slope"] = header["scl_inter"] = 0
    return (ReaderNote(NoteKind.NUMBER_LEFT_OUT, ("scl_inter",)),)


def _image(kind: Any, stream: BinaryIO) -> Any:
    if kind in (nib.Nifti1Image, nib.Nifti2Image):
        return kind.from_stream(stream)
    values = FileHolder(fileobj=io.BytesIO())  # opened when they are wanted
    return kind.from_file_map({"header": FileHolder(fileobj=stream), "image": values})


def _require_dimensions(path: Path, kind: Any, head: bytes) -> None:
    """Refuse a number of dimensions that there cannot be, by which nibabel tells the byte order.

    Raises
    ------
    ImageReadError
        TRUNCATED
    """
    template = kind.header_class.template_dtype
    for order in "<>":
        dtype = template.newbyteorder(order)
        fields = np.frombuffer(head.ljust(dtype.itemsize, b"\0"), dtype, 1)[0]
        dimensions = int(fields["dim"][0])
        if fields["sizeof_hdr"] == dtype.itemsize and not 1 <= dimensions <= _MOST_DIMENSIONS:
            raise ImageReadError(path, ReadProblem.TRUNCATED, f"{dimensions} dimensions")


def _require_datatype(path: Path, code: int) -> None:
    if code not in nib.nifti1.data_type_codes.code:
        raise ImageReadError(path, ReadProblem.UNSUPPORTED_PIXELS, f"datatype {code}")


def _without_places(header: Any) -> tuple[ReaderNote, ...]:
    """Leave out each of the two places in space that is none, as it loses an axis.

    The other one counts, or none does. One of zeros only is one that was never written.
    """
    notes = []
    if int(header["sform_code"]) > 0 and not _is_place(header.get_sform()):
        if header.get_sform()[:3, :3].any():
            notes.append(ReaderNote(NoteKind.NUMBER_LEFT_OUT, ("srow",)))
        header["sform_code"] = 0
    if int(header["qform_code"]) > 0 and not _is_place(_by_quaternion(header)):
        notes.append(ReaderNote(NoteKind.NUMBER_LEFT_OUT, ("quatern",)))
        header["qform_code"] = 0
    return tuple(notes)


def _is_place(affine: NDArray[Any]) -> bool:
    axes = affine[:3, :3]
    return bool(np.isfinite(affine).all() and np.linalg.matrix_rank(axes) == 3)


def _by_quaternion(header: Any) -> NDArray[Any]:
    if header["pixdim"][0] not in (-1, 1):
        header["pixdim"][0] = 1  # as the format has it for all other values
    try:
        return np.asarray(header.get_qform())
    except (ValueError, HeaderDataError):
        return np.zeros((4, 4))


def _zooms(header: Any) -> tuple[float, float, float]:
    count = min(max(int(header["dim"][0]), 0), 3)
    stated = [float(zoom) for zoom in np.abs(header["pixdim"][1 : count + 1])]
    first, second, third = (*stated, 1.0, 1.0, 1.0)[:3]
    return first, second, third


def start_of_values(
    path: Path, header: NiftiHeader, content: BinaryIO, size: int
) -> tuple[int, tuple[ReaderNote, ...]]:
    """Return where the values start; a place that the format excludes is put right.

    Parameters
    ----------
    path : Path
    header : NiftiHeader
    content : file
        Holds the values, unpacked.
    size : int
        Bytes of all values.

    Raises
    ------
    ImageReadError
        TRUNCATED: the header contradicts itself, and the length of the file does not tell
        which part of it is right.
    """
    least = _least_offset(header)
    start = header.offset
    notes: tuple[ReaderNote, ...] = ()
    if not _is_whole(start) or start < least or _is_too_far(header, content, size):
        start = _found_start(path, header, content, size)
        notes = (ReaderNote(NoteKind.NUMBER_REPAIRED, ("vox_offset", f"{start:g}")),)
    if header.bits == header.dtype.itemsize * 8:
        return int(start), notes
    if _length(content, int(start) + size + 1) != int(start) + size:
        bits = f"{header.bits} or {header.dtype.itemsize * 8} bits"
        raise ImageReadError(path, ReadProblem.TRUNCATED, bits)
    return int(start), (*notes, ReaderNote(NoteKind.NUMBER_LEFT_OUT, ("bitpix",)))


def _is_too_far(header: NiftiHeader, content: BinaryIO, size: int) -> bool:
    """Tell a start beyond a file that header and values fill exactly."""
    whole = _least_offset(header) + size
    return header.offset >= whole and _length(content, whole + 1) == whole


def _is_whole(number: float) -> bool:
    return math.isfinite(number) and number >= 0 and number.is_integer()


def _least_offset(header: NiftiHeader) -> int:
    """Return where values start at the earliest (NIfTI-1 and NIfTI-2, vox_offset)."""
    size = int(header.image.header.sizeof_hdr)
    return size + _EXTENSION_FLAG_BYTES if header.is_single else 0


def _found_start(path: Path, header: NiftiHeader, content: BinaryIO, size: int) -> int:
    """Return where values start that end with the file, or that nothing else can lie before."""
    least = _least_offset(header)
    length = _length(content, least + size + 1)
    if header.is_single and length == least - _EXTENSION_FLAG_BYTES + size:
        return least - _EXTENSION_FLAG_BYTES
    if length == least + size or (length > least + size and not header.has_extensions):
        return least
    raise ImageReadError(path, ReadProblem.TRUNCATED)


def _length(content: BinaryIO, enough: int) -> int:
    """Return the length of a file; of a compressed one no more than is asked for is unpacked."""
    if not isinstance(content, gzip.GzipFile):
        return content.seek(0, io.SEEK_END)
    content.seek(enough)
    return content.tell()


def require_intact(part: ImagePart, content: BinaryIO, *, is_long: bool) -> None:
    """Read a compressed file to its end, where its checksum lies.

    Parameters
    ----------
    part : ImagePart
    content : file
        Read as far as its values were wanted.
    is_long : bool
        There are values of other volumes behind; the way to the end is gone once a file.

    Raises
    ------
    OSError, EOFError
        The file is not whole, or its checksum is not that of what it holds.
    """
    if not isinstance(content, gzip.GzipFile):
        return
    if not is_long:
        _read_to_end(content)
        return
    state = part.path.stat()
    _check_once(part.path, part.member, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _check_once(path: Path, member: str, _mtime_ns: int, _size: int) -> None:
    with opened(ImagePart(path, member)) as file:
        _read_to_end(unpacked(file))


def _read_to_end(content: BinaryIO) -> None:
    try:
        while content.read(_BLOCK_BYTES):
            pass
    except gzip.BadGzipFile as error:
        if not is_put_behind(error):
            raise
