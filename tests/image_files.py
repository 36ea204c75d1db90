"""Writers of small DICOM, NIfTI and PNG files for the reader's tests."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import SpineImage
from spinealign.domain.study import SeriesEntry
from spinealign.imaging.read import read_image
from spinealign.imaging.study import read_series_slice
from spinealign.wording.reading import note_text

SAGITTAL = [0, 1, 0, 0, 0, -1]
CORONAL = [1, 0, 0, 0, 0, -1]
AXIAL = [1, 0, 0, 0, 1, 0]


def ramp(rows: int = 40, cols: int = 50, dtype: Any = np.uint16) -> NDArray[Any]:
    """Return (rows, cols) values 0, 1, 2, ... that tell every pixel from its neighbours."""
    return np.arange(rows * cols).reshape(rows, cols).astype(dtype)


GREY = ramp()
CT = {"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1024}


def dicom_object(pixels: NDArray[Any] | None, **tags: Any) -> Dataset:
    """Return an uncompressed object; `tags` set, replace or (None) delete attributes."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    if pixels is not None:
        _set_pixels(dataset, pixels)
    for keyword, value in tags.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def _set_pixels(dataset: Dataset, pixels: NDArray[Any]) -> None:
    is_colour = pixels.ndim == 3 and pixels.shape[-1] == 3
    if pixels.ndim == 3 and not is_colour:
        dataset.NumberOfFrames = len(pixels)
    dataset.Rows, dataset.Columns = pixels.shape[:2] if is_colour else pixels.shape[-2:]
    dataset.SamplesPerPixel = 3 if is_colour else 1
    if is_colour:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = "RGB" if is_colour else "MONOCHROME2"
    bits = pixels.dtype.itemsize * 8
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes()


def write_dicom(path: Path, pixels: NDArray[Any] | None, **tags: Any) -> Path:
    """Write `dicom_object` with preamble and file meta information."""
    dcmwrite(path, dicom_object(pixels, **tags), enforce_file_format=True)
    return path


def write_nifti(
    path: Path,
    values: NDArray[Any],
    affine: NDArray[Any] | None = None,
    unit: str | None = "mm",
    kind: type = nib.Nifti1Image,
) -> Path:
    """Write a NIfTI file; without `affine` both orientation codes are 0."""
    image = kind(values, affine)
    if unit is not None:
        image.header.set_xyzt_units(unit)
    nib.save(image, path)
    return path


def read_scan(tmp_path: Path, pixels: Any = GREY, **tags: Any) -> SpineImage:
    """Write a DICOM file and read it back."""
    return read_image(write_dicom(tmp_path / "scan.dcm", pixels, **tags))


def problem_of(path: Path, read: Callable[[Path], object] = read_image) -> ReadProblem:
    """Return why a file is refused."""
    with pytest.raises(ImageReadError) as caught:
        read(path)
    assert caught.value.path == path
    return caught.value.problem


def notes_of(image: SpineImage) -> tuple[str, ...]:
    """Return a reader's decisions in words."""
    return tuple(note_text(note) for note in image.notes)


def write_tiff(
    path: Path,
    blocks: list[bytes],
    values: NDArray[Any],
    *,
    tile: tuple[int, int] | None = None,
    tags: Mapping[int, int | tuple[int, ...]] | None = None,
    order: str = "<",
) -> Path:
    """Write a TIFF file of one page in any layout.

    Parameters
    ----------
    path : Path
    blocks : list of bytes
        Its strips, or tiles, as they are stored.
    values : ndarray, shape (H, W) or (H, W, samples)
        Tells size, samples and kind of numbers.
    tile : tuple of int or None
        Rows and columns of a tile.
    tags : dict or None
        Further tags by number, or others than follow from `values`.
    order : str
        "<" for little-endian, ">" for big-endian.
    """
    samples = values.shape[2] if values.ndim == 3 else 1
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    fields: dict[int, int | tuple[int, ...]] = {
        256: values.shape[1], 257: values.shape[0], 258: (values.itemsize * 8,) * samples, 259: 1,
        262: 2 if samples >= 3 else 1, 277: samples, 339: (kind,) * samples,
    }  # fmt: skip
    places, lengths = (324, 325) if tile else (273, 279)
    fields |= {322: tile[1], 323: tile[0]} if tile else {278: values.shape[0]}
    fields |= {places: (0,) * len(blocks), lengths: tuple(map(len, blocks))} | dict(tags or {})
    table = 8 + 2 + 12 * len(fields) + 4
    rest = sum(4 * len(v) for v in fields.values() if isinstance(v, tuple) and len(v) > 1)
    starts = [table + rest + sum(map(len, blocks[:number])) for number in range(len(blocks))]
    fields[places] = tuple(starts)
    entries, long = b"", b""
    for tag, value in sorted(fields.items()):
        numbers = value if isinstance(value, tuple) else (value,)
        packed = struct.pack(f"{order}{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            packed, long = struct.pack(f"{order}I", table + len(long)), long + packed
        entries += struct.pack(f"{order}HHI", tag, 4, len(numbers)) + packed
    head = struct.pack(f"{order}2sHIH", b"II" if order == "<" else b"MM", 42, 8, len(fields))
    path.write_bytes(head + entries + bytes(4) + long + b"".join(blocks))
    return path


def png_claiming(cols: int, rows: int) -> bytes:
    """Return a PNG whose header claims a size and whose data are missing."""
    header = struct.pack(">IIBBBBB", cols, rows, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", b"")


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def png_turned(png: bytes, orientation: int) -> bytes:
    """Return a PNG with an orientation tag in front of its pixels."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    place = png.index(b"IDAT") - 4
    return png[:place] + _chunk(b"eXIf", tags.tobytes().removeprefix(b"Exif\0\0")) + png[place:]


PLACES = {
    "sagittal": (SAGITTAL, lambda mm: [mm, 0, 0]),
    "coronal": (CORONAL, lambda mm: [0, mm, 0]),
    "axial": (AXIAL, lambda mm: [0, 0, -mm]),
}


def write_series(
    folder: Path, count: int = 5, plane: str = "sagittal", step_mm: float = 4.0, **tags: Any
) -> list[Path]:
    """Write slices whose file names and instance numbers run against their positions.

    Slice k (right to left, front to back, head to feet) has the values of `ramp` plus k.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cosines, place = PLACES[plane]
    common = {
        "Modality": "MR", "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": generate_uid(),
        "SeriesDescription": "T2 sag", "SeriesNumber": 4, "PixelSpacing": [0.6, 0.5],
        "ImageOrientationPatient": cosines,
    } | tags  # fmt: skip
    return [
        write_dicom(
            folder / f"IM{count - k:04d}", ramp() + k, InstanceNumber=count - k,
            ImagePositionPatient=place(step_mm * k - 7), **common,
        )
        for k in range(count)
    ]  # fmt: skip


def offsets(entry: SeriesEntry) -> list[int]:
    """Return the k of each slice that `write_series` wrote, in the order of the series."""
    return [int(read_series_slice(entry, k).pixels.min()) for k in range(len(entry))]


def item(**tags: Any) -> Dataset:
    """Return a data set for a sequence."""
    made = Dataset()
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    return made


def zipped(path: Path, folder: Path) -> Path:
    """Write a zip archive of all files in a folder and below."""
    files = sorted(folder.rglob("*"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(folder).as_posix())
    return path
