"""The reader of each format, and one picture from one part by the reader its bytes ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, BinaryIO

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.formats import DICOM, IMAGE_FORMATS, NIFTI, ImageFormat
from spinealign.domain.image import ImagePart, SpineImage
from spinealign.domain.study import PatientFacts
from spinealign.imaging.decoding import require_content, translated_errors
from spinealign.imaging.sniff import HEAD_BYTES, sniff
from spinealign.imaging.source import opened

ReadPart = Callable[[ImagePart], SpineImage]


@dataclass(frozen=True)
class Reader:
    """What reads one format; each function gets a part and its open bytes.

    The functions import their decoder when they are called: the window opens sooner.
    They may raise `ImageReadError`, and anything that a decoder raises on damaged bytes.

    Parameters
    ----------
    read : callable
        Returns the picture; the first or middle one where the part names none.
    look : callable
        Returns the series of a file as `SeriesEntry`, or for DICOM the headers that are put
        into series together with those of other files. Decodes no pixels.
    open_file : callable or None
        Parses a file once and returns what reads each of its pictures. None where every
        picture is read by itself.
    patient : callable or None
        Returns whose image it is. None for formats that do not say.
    """

    read: Callable[[ImagePart, BinaryIO], SpineImage]
    look: Callable[[ImagePart, BinaryIO], Sequence[Any]]
    open_file: Callable[[ImagePart, BinaryIO], ReadPart] | None = None
    patient: Callable[[ImagePart, BinaryIO], PatientFacts] | None = None


def read_part(part: ImagePart) -> SpineImage:
    """Read one picture.

    Raises
    ------
    ImageReadError
        Nothing else is raised, whatever the bytes.
    """
    with translated_errors(part.path), opened(part) as file:
        return require_content(reader_of(part, file).read(part, file))


def reader_of(part: ImagePart, file: BinaryIO) -> Reader:
    """Return the reader of open bytes, which are rewound.

    Raises
    ------
    ImageReadError
        NOT_AN_IMAGE
    """
    file_format = sniff(file.read(HEAD_BYTES))
    file.seek(0)
    if file_format is None:
        raise ImageReadError(part.path, ReadProblem.NOT_AN_IMAGE)
    return READERS[file_format.name]


def _read_dicom(part: ImagePart, file: BinaryIO) -> SpineImage:
    from spinealign.imaging.dicom import read_dicom

    return read_dicom(part, file)


def _scan_dicom(part: ImagePart, file: BinaryIO) -> Sequence[Any]:
    from spinealign.imaging.dicom_series import slice_headers

    return slice_headers(part, file)


def _open_dicom(whole: ImagePart, file: BinaryIO) -> ReadPart:
    from spinealign.imaging.dicom import open_dicom

    return open_dicom(whole, file)


def _patient_of_dicom(part: ImagePart, file: BinaryIO) -> PatientFacts:
    from spinealign.imaging.dicom_series import patient_facts

    return patient_facts(part, file)


def _read_nifti(part: ImagePart, file: BinaryIO) -> SpineImage:
    from spinealign.imaging.nifti import read_nifti

    return read_nifti(part, file)


def _scan_nifti(part: ImagePart, file: BinaryIO) -> Sequence[Any]:
    from spinealign.imaging.nifti import nifti_entries

    return nifti_entries(part, file)


def _open_nifti(whole: ImagePart, file: BinaryIO) -> ReadPart:
    from spinealign.imaging.nifti import open_nifti

    return open_nifti(whole, file)


def _read_raster(file_format: ImageFormat, part: ImagePart, file: BinaryIO) -> SpineImage:
    from spinealign.imaging.raster import read_raster

    return read_raster(part, file, file_format)


def _scan_raster(file_format: ImageFormat, part: ImagePart, file: BinaryIO) -> Sequence[Any]:
    from spinealign.imaging.raster import raster_entries

    return raster_entries(part, file, file_format)


def _raster_reader(file_format: ImageFormat) -> Reader:
    """Return a reader for a format that Pillow knows by the same name."""
    return Reader(partial(_read_raster, file_format), partial(_scan_raster, file_format))


READERS: Mapping[str, Reader] = MappingProxyType(
    {each.name: _raster_reader(each) for each in IMAGE_FORMATS}
    | {
        DICOM.name: Reader(_read_dicom, _scan_dicom, _open_dicom, _patient_of_dicom),
        NIFTI.name: Reader(_read_nifti, _scan_nifti, _open_nifti),
    }
)
"""By name of format; a format without an entry of its own is a picture that Pillow reads."""
