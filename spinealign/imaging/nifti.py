"""NIfTI files: one slice of a volume, shown the way a radiologist expects it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.examination import Modality, Plane, examinations_of
from spinealign.domain.formats import NIFTI
from spinealign.domain.image import ImagePart, NoteKind, ReaderNote, SpacingSource, SpineImage
from spinealign.domain.study import SeriesEntry
from spinealign.imaging.decoding import (
    check_plausible,
    check_size,
    checksum,
    is_factor,
    make_image,
)
from spinealign.imaging.find import values_beside
from spinealign.imaging.nifti_header import (
    NiftiHeader,
    read_header,
    require_intact,
    start_of_values,
    unpacked,
)
from spinealign.imaging.source import opened

_MAX_VOLUME_BYTES = 768 << 20
_SAGITTAL, _CORONAL, _AXIAL = 0, 1, 2
PLANES = (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)
_DIRECTIONS = (("P", "F"), ("L", "F"), ("L", "P"))
_LOWEST_HU, _AIR_HU, _PADDING = -3100.0, -900.0, -4000.0
_SAME_SIZE = 0.02
_LARGEST_VOXEL_MM = 100.0
"""No picture of a body has larger voxels; set by hand."""

_MM_PER_UNIT = {"mm": 1.0, "meter": 1000.0, "micron": 0.001, "unknown": 1.0}


@dataclass(frozen=True, eq=False)
class NiftiVolume:
    """Stored values with axes (right, anterior, superior), each growing that way.

    `slope` and `intercept` turn stored values into true ones; `spacing_mm` follows
    the axes and is None when the file leaves it open. `axis` is the one to cut
    across: slices are sagittal (0), coronal (1) or axial (2). `other_half` is the
    checksum of the values where they lie in a file of their own.
    """

    values: NDArray[Any]
    slope: float
    intercept: float
    spacing_mm: tuple[float, float, float] | None
    is_ct: bool
    axis: int
    notes: tuple[ReaderNote, ...]
    other_half: str = ""

    @property
    def count(self) -> int:
        """Number of slices."""
        return int(self.values.shape[self.axis])

    @property
    def modality(self) -> Modality:
        """CT where values are Hounsfield units, else taken for MR."""
        return Modality.CT if self.is_ct else Modality.MR

    @property
    def plane(self) -> Plane:
        """Name of the slices' plane."""
        return PLANES[self.axis]

    @property
    def slice_shape(self) -> tuple[int, int]:
        """(rows, columns) of a slice."""
        cols, rows = (n for axis, n in enumerate(self.values.shape) if axis != self.axis)
        return rows, cols

    @property
    def positions_mm(self) -> tuple[float, ...] | None:
        """Places of the slices from the last to the first, growing; None when unknown."""
        if self.spacing_mm is None:
            return None
        return tuple(k * self.spacing_mm[self.axis] for k in range(self.count))

    def slice_pixels(self, index: int) -> NDArray[np.float64]:
        """Return the true values (H, W) of a slice the conventional way round."""
        slices = np.moveaxis(self.values, self.axis, 0)  # `take` would copy the whole volume
        values = slices[index].T[::-1, ::-1]
        return np.asarray(values.astype(np.float64) * self.slope + self.intercept)


def read_nifti(part: ImagePart, file: BinaryIO) -> SpineImage:
    """Read one slice of a NIfTI-1 or NIfTI-2 file, compressed or not.

    A single slice is taken as it is. Of a volume the sagittal slice that `part`
    names is taken, or the middle one; axial ones if the values are those of a CT.
    Superior is up, anterior is left on sagittal slices and up on axial ones.

    Raises
    ------
    ImageReadError
        The file holds no slice that can be analysed.
    Exception
        Anything that nibabel raises on damaged bytes.
    """
    sha256 = checksum(file)
    return nifti_slice(part, sha256, load_nifti(part, file))


def nifti_entries(part: ImagePart, file: BinaryIO) -> list[SeriesEntry]:
    """Return the volumes of a file, each as a series of slices."""
    first = load_nifti(part, file)
    # The axes grow to the right, the front and the head; series run the other way.
    indices = range(first.count)[::-1]
    possible = examinations_of(first.modality, [first.plane])
    return [
        SeriesEntry(
            tuple(ImagePart(part.path, part.member, k, volume) for k in indices),
            NIFTI.name,
            plane=first.plane,
            shape=first.slice_shape,
            possible_examinations=possible,
            positions_mm=first.positions_mm,
        )
        for volume in range(count_volumes(part, file))
    ]


def open_nifti(whole: ImagePart, file: BinaryIO) -> Callable[[ImagePart], SpineImage]:
    """Parse a file once and return what reads each slice of the volume that `whole` names."""
    sha256, volume = checksum(file), load_nifti(whole, file)
    return lambda part: nifti_slice(part, sha256, volume)


def load_nifti(part: ImagePart, file: BinaryIO) -> NiftiVolume:
    """Read the volume that `part` names; of several in time, the first without a choice."""
    file.seek(0)
    return _load(part, file)


def nifti_slice(part: ImagePart, sha256: str, volume: NiftiVolume) -> SpineImage:
    """Return the slice that `part` names, or the middle one, of a volume already read."""
    axis, count = volume.axis, volume.count
    index = count // 2 if part.index is None else part.index
    is_chosen = part.index is not None or count == 1
    note = ReaderNote(NoteKind.SLICE_TAKEN, (PLANES[axis], index + 1, count))
    if volume.other_half:
        sha256 = hashlib.sha256((sha256 + volume.other_half).encode()).hexdigest()
    return make_image(
        part,
        sha256,
        volume.slice_pixels(index),
        _bits(volume),
        spacing_mm=_plane_spacing(volume, axis),
        spacing_source=_source(volume),
        is_hounsfield=volume.is_ct,
        possible_examinations=examinations_of(volume.modality, [PLANES[axis]]),
        file_format=NIFTI.name,
        orientation=_DIRECTIONS[axis],
        notes=volume.notes if is_chosen else (note, *volume.notes),
    )


def count_volumes(part: ImagePart, file: BinaryIO) -> int:
    """Return how many volumes in time a file states."""
    sizes = read_header(part.path, unpacked(file)).image.shape
    return max(int(sizes[3]), 1) if len(sizes) == 4 else 1


def _load(part: ImagePart, file: BinaryIO) -> NiftiVolume:
    path = part.path
    header = read_header(path, unpacked(file))
    image = header.image
    shape, volumes = _spatial_shape(path, image)
    turns = _turns(path, image.affine)
    if 1 in shape:
        _check_plane(path, shape, shape.index(1))
    size = math.prod(shape) * header.dtype.itemsize
    with _values_file(part, file, header) as (values_part, values_file):
        check_plausible(path, size, values_file.seek(0, 2))
        content = unpacked(values_file)
        start, header_notes = start_of_values(path, header, content, size * volumes)
        content.seek(start + min(part.volume, volumes - 1) * size)
        stored = _stored_volume(path, content, header.dtype, shape)
        require_intact(values_part, content, is_long=volumes > 1)
        if values_file is not file:
            require_intact(part, unpacked(file), is_long=False)
        other_half = "" if values_file is file else checksum(values_file)
    values = nib.apply_orientation(stored, turns)
    slope, intercept = float(image.dataobj.slope), float(image.dataobj.inter)
    if _is_beyond(header.slope):
        slope, intercept = 1.0, 0.0
    is_ct = _looks_like_ct(values, slope, intercept)
    axis = values.shape.index(1) if 1 in values.shape else _AXIAL if is_ct else _SAGITTAL
    _check_plane(path, values.shape, axis)
    spacing_mm, notes = _spacing_mm(image, turns, header.zooms)
    notes = (*header.notes, *header_notes, *_slope_notes(header), *notes)
    if volumes > 1 and part.index is None:
        notes = (ReaderNote(NoteKind.VOLUME_TAKEN, (1, volumes)), *notes)
    return NiftiVolume(values, slope, intercept, spacing_mm, is_ct, axis, notes, other_half)


@contextmanager
def _values_file(
    part: ImagePart, file: BinaryIO, header: NiftiHeader
) -> Iterator[tuple[ImagePart, BinaryIO]]:
    """Open the file with the values: the same one, or the other half of a pair."""
    if header.is_single:
        yield part, file
        return
    other = None if part.member else values_beside(part.path)
    if other is None:
        raise ImageReadError(part.path, ReadProblem.OTHER_HALF_MISSING)
    with opened(ImagePart(other)) as values_file:
        yield ImagePart(other), values_file


def _slope_notes(header: NiftiHeader) -> tuple[ReaderNote, ...]:
    """Note a scale factor that is none; 0 and "not a number" mean that there is none."""
    left_out = ReaderNote(NoteKind.NUMBER_LEFT_OUT, ("scl_slope",))
    return (left_out,) if _is_beyond(header.slope) else ()


def _is_beyond(slope: float) -> bool:
    """Tell scale factors that no values can have; 0 and "not a number" mean that there is none."""
    return slope != 0 and not math.isnan(slope) and not is_factor(slope)


def _turns(path: Path, affine: NDArray[Any]) -> NDArray[Any]:
    """Return how the stored axes run; an affine that loses an axis is damaged."""
    turns = nib.io_orientation(affine) if np.isfinite(affine).all() else np.array([np.nan])
    if np.isnan(turns).any():
        raise ImageReadError(path, ReadProblem.TRUNCATED)
    return np.asarray(turns)


def _looks_like_ct(values: NDArray[Any], slope: float, intercept: float) -> bool:
    """Tell Hounsfield units by the air in them, and by what is denser than water.

    Padding far below does not count. Phases of an MR reach to -4096 and so are no Hounsfield
    units, nor are values that a negative scale factor turned round, none of which is above 0.
    """
    lowest, highest = math.inf, -math.inf
    for plane in np.moveaxis(values, -1, 0):  # a wider copy of all would take gigabytes
        true = plane.astype(np.float32) * np.float32(slope) + np.float32(intercept)
        lowest = min(lowest, float(np.min(true, where=true > _PADDING, initial=math.inf)))
        highest = max(highest, float(np.max(true)))
    return _LOWEST_HU <= lowest <= _AIR_HU and highest > 0


def _stored_volume(
    path: Path, content: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, int, int]
) -> NDArray[Any]:
    """Read one volume; those after it are left in the file."""
    values = np.frombuffer(content.read(math.prod(shape) * dtype.itemsize), dtype)
    if values.size != math.prod(shape):
        raise ImageReadError(path, ReadProblem.TRUNCATED)
    return values.reshape(shape, order="F")


def _spatial_shape(path: Path, image: Any) -> tuple[tuple[int, int, int], int]:
    """Return three sizes and the number of volumes; refuse vectors, colour and complex numbers."""
    sizes = [int(n) for n in image.shape]
    dtype = image.get_data_dtype()
    volumes = sizes[3] or 1 if len(sizes) > 3 else 1  # some writers leave 0 for one
    if len(sizes) < 2 or math.prod(sizes[4:]) != 1 or volumes < 1 or dtype.kind not in "iuf":
        raise ImageReadError(path, ReadProblem.UNSUPPORTED_LAYOUT, " x ".join(map(str, sizes)))
    shape = (*sizes, 1)[:3]
    if math.prod(shape) * dtype.itemsize > _MAX_VOLUME_BYTES:
        raise ImageReadError(path, ReadProblem.TOO_LARGE, " x ".join(map(str, shape)))
    return cast(tuple[int, int, int], shape), volumes


def _check_plane(path: Path, shape: tuple[int, ...], axis: int) -> None:
    cols, rows = (size for index, size in enumerate(shape) if index != axis)
    check_size(path, rows, cols)


def _bits(volume: NiftiVolume) -> int:
    bits = volume.values.dtype.itemsize * 8
    is_scaled = (volume.slope, volume.intercept) != (1.0, 0.0)
    is_plain = not is_scaled and volume.values.dtype.kind == "u"
    return bits if is_plain else max(bits, 16)  # 8 would promise display values


def _plane_spacing(volume: NiftiVolume, axis: int) -> tuple[float, float] | None:
    if volume.spacing_mm is None:
        return None
    cols, rows = (size for index, size in enumerate(volume.spacing_mm) if index != axis)
    return rows, cols


def _source(volume: NiftiVolume) -> SpacingSource:
    return SpacingSource.UNKNOWN if volume.spacing_mm is None else SpacingSource.NIFTI_HEADER


def _spacing_mm(
    image: Any, turns: NDArray[Any], zooms: tuple[float, float, float]
) -> tuple[tuple[float, float, float] | None, tuple[ReaderNote, ...]]:
    """Return the spacing along (right, anterior, superior), and what had to be assumed."""
    header = image.header
    unit = _unit(header)
    has_affine = bool(int(header["sform_code"]) or int(header["qform_code"]))
    notes = [] if has_affine else [ReaderNote(NoteKind.NO_ORIENTATION)]
    left_out = ReaderNote(NoteKind.NUMBER_LEFT_OUT, ("pixdim",))
    if not all(math.isfinite(zoom) and zoom > 0 for zoom in zooms):
        return None, (*notes, left_out)
    if not has_affine and (unit == "unknown" or set(zooms) == {1.0}):
        return None, tuple(notes)
    count = min(len(image.shape), 3)
    sizes = voxel_sizes(image.affine)[:count]
    if has_affine and not np.allclose(zooms[:count], sizes, rtol=_SAME_SIZE):
        return None, (*notes, ReaderNote(NoteKind.SPACING_CONFLICT))
    if max(zooms) * _MM_PER_UNIT[unit] > _LARGEST_VOXEL_MM:
        return None, (*notes, left_out)
    if unit == "unknown":
        notes.append(ReaderNote(NoteKind.UNIT_ASSUMED))
    spacing = [0.0, 0.0, 0.0]
    for zoom, (axis, _) in zip(zooms, turns, strict=True):
        spacing[int(axis)] = zoom * _MM_PER_UNIT[unit]
    return (spacing[0], spacing[1], spacing[2]), tuple(notes)


def _unit(header: Any) -> str:
    try:
        unit = str(header.get_xyzt_units()[0])
    except KeyError:
        return "unknown"
    return unit if unit in _MM_PER_UNIT else "unknown"
