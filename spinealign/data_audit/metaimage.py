"""MetaImage volumes (``.mha``, ``.mhd``), as far as an audit needs them: the middle slice.

Source: the MetaIO format, https://itk.org/Wiki/ITK/MetaIO/Documentation.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import ImageReadError, ReadProblem

_TYPES: Final = {
    "MET_UCHAR": "u1", "MET_CHAR": "i1", "MET_USHORT": "u2", "MET_SHORT": "i2", "MET_UINT": "u4",
    "MET_INT": "i4", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_LONGEST_HEADER: Final = 1 << 16
_MOST_VALUES: Final = 1 << 28


def is_metaimage(path: Path) -> bool:
    """Tell whether a file is named as a MetaImage."""
    return path.name.lower().endswith((".mha", ".mhd"))


def middle_slice(path: Path) -> tuple[NDArray[np.float32], int]:
    """Read the middle slice across the volume's shortest side, and the bits of its values.

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
    except (OSError, KeyError, ValueError, zlib.error) as error:
        raise ImageReadError(path, ReadProblem.UNREADABLE) from error
    if volume.ndim == 3:
        axis = int(np.argmin(volume.shape))
        volume = np.take(volume, volume.shape[axis] // 2, axis=axis)
    return np.ascontiguousarray(volume, np.float32), kind.itemsize * 8


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
