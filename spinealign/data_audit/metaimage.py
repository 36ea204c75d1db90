"""MetaImage volumes (``.mha``, ``.mhd``), as far as an audit and a training need them.

Source: the MetaIO format, https://itk.org/Wiki/ITK/MetaIO/Documentation.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import ImageReadError, ReadProblem

_TYPES: Final = {
    "MET_UCHAR": "u1", "MET_CHAR": "i1", "MET_USHORT": "u2", "MET_SHORT": "i2", "MET_UINT": "u4",
    "MET_INT": "i4", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_MATRICES: Final = ("TransformMatrix", "Rotation", "Orientation")
_LONGEST_HEADER: Final = 1 << 16
_MOST_VALUES: Final = 1 << 28


def is_metaimage(path: Path) -> bool:
    """Tell whether a file is named as a MetaImage."""
    return path.name.lower().endswith((".mha", ".mhd"))


@dataclass(frozen=True, eq=False)
class MetaVolume:
    """A MetaImage.

    Parameters
    ----------
    values : ndarray, shape (z, y, x) or (y, x)
    spacing_mm, origin_mm : ndarray, shape (3,)
        Along x, y and z; of the first voxel's centre, to the left, the back and the head.
    directions : ndarray, shape (3, 3)
        Row k: where axis k (x, y, z) runs, to the left, the back and the head.
    """

    values: NDArray[Any]
    spacing_mm: NDArray[np.float64]
    origin_mm: NDArray[np.float64]
    directions: NDArray[np.float64]


def middle_slice(path: Path) -> tuple[NDArray[np.float32], int]:
    """Read the middle slice across the volume's shortest side, and the bits of its values.

    Raises
    ------
    ImageReadError
        The file is damaged, or of a kind that is not read.
    """
    volume = read_metaimage(path).values
    bits = volume.dtype.itemsize * 8
    if volume.ndim == 3:
        axis = int(np.argmin(volume.shape))
        volume = np.take(volume, volume.shape[axis] // 2, axis=axis)
    return np.ascontiguousarray(volume, np.float32), bits


def read_metaimage(path: Path) -> MetaVolume:
    """Read a whole MetaImage of one value a voxel.

    Raises
    ------
    ImageReadError
        The file is damaged, or of a kind that is not read.
    """
    try:
        content = path.read_bytes()
        header, begin = _header(content)
        sizes = [int(value) for value in header["DimSize"].split()]
        count = int(np.prod(sizes, dtype=object))
        if not 2 <= len(sizes) <= 3 or not 0 < count <= _MOST_VALUES:
            raise ValueError("unusual size")
        swapped = header.get("BinaryDataByteOrderMSB", "False").lower() == "true"
        order = ">" if swapped or header.get("ElementByteOrderMSB", "").lower() == "true" else "<"
        kind = np.dtype(order + _TYPES[header["ElementType"]])
        data = _data(path, content, header, begin, count * kind.itemsize)
        volume = np.frombuffer(data, kind, count).reshape(sizes[::-1])
        return MetaVolume(volume, *_placed(header, len(sizes)))
    except (OSError, KeyError, ValueError, zlib.error) as error:
        raise ImageReadError(path, ReadProblem.UNREADABLE) from error


def _placed(
    header: dict[str, str], axes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return spacing, origin and directions in three dimensions."""
    spacing, origin, directions = np.ones(3), np.zeros(3), np.eye(3)
    for name, place in (
        (("ElementSpacing", "ElementSize"), spacing),
        (("Offset", "Position", "Origin"), origin),
    ):
        told = next((header[key] for key in name if key in header), "")
        if told:
            place[:axes] = [float(value) for value in told.split()]
    told = next((header[key] for key in _MATRICES if key in header), "")
    if told:
        directions[:axes, :axes] = np.reshape([float(v) for v in told.split()], (axes, axes))
    if not all(np.isfinite(each).all() for each in (spacing, origin, directions)):
        raise ValueError("no finite place")
    return spacing, origin, directions


def _header(content: bytes) -> tuple[dict[str, str], int]:
    found: dict[str, str] = {}
    place = 0
    while "ElementDataFile" not in found:
        end = content.index(b"\n", place, _LONGEST_HEADER)
        key, _, value = content[place:end].decode("ascii").partition("=")
        found[key.strip()] = value.strip()
        place = end + 1
    return found, place


def _data(path: Path, content: bytes, header: dict[str, str], begin: int, size: int) -> bytes:
    """Return the values of the volume, unpacked to no more than they should be."""
    where = header["ElementDataFile"]
    if where != "LOCAL":
        # Only a file beside the header: a header must not reach into other folders.
        content, begin = (path.parent / Path(where).name).read_bytes(), 0
    if header.get("CompressedData", "False").lower() != "true":
        return content[begin:]
    return zlib.decompressobj().decompress(content[begin:], size)
