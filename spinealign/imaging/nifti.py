"""NIfTI files: one slice of a volume, shown the way a radiologist expects it."""

from __future__ import annotations

import gzip
import math
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import SpacingSource, SpineImage, View
from spinealign.imaging.decoding import check_size, make_image
from spinealign.imaging.sniff import is_gzip

_MAX_VOLUME_BYTES = 1 << 30
_SAGITTAL, _CORONAL, _AXIAL = 0, 1, 2
_PLANES = ("sagittal", "coronal", "axial")
_AIR_HU = -900.0
_MM_PER_UNIT = {"mm": 1.0, "meter": 1000.0, "micron": 0.001, "unknown": 1.0}


@dataclass(frozen=True, eq=False)
class _Volume:
    """Stored values with axes (right, anterior, superior), each growing that way.

    `slope` and `intercept` turn stored values into true ones; `spacing_mm` follows
    the axes and is None when the file leaves it open.
    """

    values: NDArray[Any]
    slope: float
    intercept: float
    spacing_mm: tuple[float, float, float] | None
    notes: tuple[str, ...]

    @property
    def is_scaled(self) -> bool:
        return (self.slope, self.intercept) != (1.0, 0.0)

    def true_value(self, stored: Any) -> Any:
        return stored * self.slope + self.intercept


def read_nifti(path: Path) -> SpineImage:
    """Read one slice of a NIfTI-1 or NIfTI-2 file, compressed or not.

    A single slice is taken as it is. Of a volume the middle sagittal slice is
    taken, or the middle axial one if the values are those of a CT. Superior is up,
    anterior is left on sagittal slices and up on axial ones.

    Raises
    ------
    ImageReadError
        The file holds no slice that can be analysed.
    Exception
        Anything that nibabel raises on damaged bytes.
    """
    with path.open("rb") as raw, closing(_content(raw)) as content:
        volume = _load(path, content)
    is_ct = volume.true_value(float(np.nanmin(volume.values))) <= _AIR_HU
    shape = volume.values.shape
    axis, notes = _choose_plane(shape, is_ct)
    _check_plane(path, shape, axis)
    middle = np.take(volume.values, shape[axis] // 2, axis=axis)
    return make_image(
        path,
        volume.true_value(middle.T[::-1, ::-1].astype(np.float64)),
        _bits(volume),
        spacing_mm=_plane_spacing(volume, axis),
        spacing_source=_source(volume),
        is_hounsfield=is_ct,
        view_hint=_view(axis, is_ct),
        file_format="NIfTI",
        notes=(*notes, *volume.notes),
    )


def _content(raw: BinaryIO) -> BinaryIO:
    compressed = is_gzip(raw.read(2))
    raw.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if compressed else raw


def _load(path: Path, content: BinaryIO) -> _Volume:
    image = _open(path, content)
    shape = _spatial_shape(path, image)
    turns = nib.io_orientation(image.affine)
    if np.isnan(turns).any():
        raise ImageReadError(path, ReadProblem.UNSUPPORTED_LAYOUT)
    if 1 in shape:
        _check_plane(path, shape, shape.index(1))
    stored = np.asarray(image.dataobj.get_unscaled()).reshape(shape)
    spacing_mm, notes = _spacing_mm(image.header, turns)
    return _Volume(
        nib.apply_orientation(stored, turns),
        float(image.dataobj.slope),
        float(image.dataobj.inter),
        spacing_mm,
        notes,
    )


def _open(path: Path, content: BinaryIO) -> Any:
    head = content.read(540)
    content.seek(0)
    if head[344:348] == b"n+1\x00":
        return nib.Nifti1Image.from_stream(content)
    if head[4:8] == b"n+2\x00":
        return nib.Nifti2Image.from_stream(content)
    # Header and values in two files: the values cannot be found from the bytes alone.
    raise ImageReadError(path, ReadProblem.UNSUPPORTED_LAYOUT)


def _spatial_shape(path: Path, image: Any) -> tuple[int, int, int]:
    """Return three sizes; refuse series, vectors, colour and complex numbers."""
    sizes = [int(n) for n in image.shape]
    dtype = image.get_data_dtype()
    extra = math.prod(sizes[3:])
    if len(sizes) < 2 or extra != 1 or dtype.kind not in "iuf":
        raise ImageReadError(path, ReadProblem.UNSUPPORTED_LAYOUT, " x ".join(map(str, sizes)))
    shape = (*sizes, 1)[:3]
    if math.prod(shape) * dtype.itemsize > _MAX_VOLUME_BYTES:
        raise ImageReadError(path, ReadProblem.TOO_LARGE, " x ".join(map(str, shape)))
    return cast(tuple[int, int, int], shape)


def _check_plane(path: Path, shape: tuple[int, ...], axis: int) -> None:
    cols, rows = (size for index, size in enumerate(shape) if index != axis)
    check_size(path, rows, cols)


def _choose_plane(shape: tuple[int, ...], is_ct: bool) -> tuple[int, list[str]]:
    """Return the axis (right, anterior, superior) to cut across, and what to say."""
    if 1 in shape:
        return shape.index(1), []
    axis = _AXIAL if is_ct else _SAGITTAL
    count = shape[axis]
    return axis, [f"{_PLANES[axis].capitalize()} slice {count // 2 + 1} of {count}."]


def _view(axis: int, is_ct: bool) -> View:
    if is_ct:
        return View.CT if axis == _AXIAL else View.OTHER
    return View.MR if axis == _SAGITTAL else View.OTHER


def _bits(volume: _Volume) -> int:
    bits = volume.values.dtype.itemsize * 8
    return max(bits, 16) if volume.is_scaled else bits  # 8 would promise display values


def _plane_spacing(volume: _Volume, axis: int) -> tuple[float, float] | None:
    if volume.spacing_mm is None:
        return None
    cols, rows = (size for index, size in enumerate(volume.spacing_mm) if index != axis)
    return rows, cols


def _source(volume: _Volume) -> SpacingSource:
    return SpacingSource.UNKNOWN if volume.spacing_mm is None else SpacingSource.NIFTI_HEADER


def _spacing_mm(
    header: Any, turns: NDArray[Any]
) -> tuple[tuple[float, float, float] | None, tuple[str, ...]]:
    """Return the spacing along (right, anterior, superior), and what had to be assumed."""
    zooms = [float(zoom) for zoom in (*header.get_zooms(), 1.0)[:3]]
    unit = _unit(header)
    has_affine = bool(int(header["sform_code"]) or int(header["qform_code"]))
    notes = [] if has_affine else ["The file does not state its orientation."]
    if not all(math.isfinite(zoom) and zoom > 0 for zoom in zooms):
        return None, tuple(notes)
    if not has_affine and (unit == "unknown" or set(zooms) == {1.0}):
        return None, tuple(notes)
    if unit == "unknown":
        notes.append("The file does not state its unit of length; millimetres are assumed.")
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
