"""One picture from one part, by the reader that its first bytes ask for."""

from __future__ import annotations

from typing import BinaryIO

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import ImagePart, SpineImage
from spinealign.imaging.decoding import require_content, translated_errors
from spinealign.imaging.sniff import HEAD_BYTES, FileFormat, sniff
from spinealign.imaging.source import opened


def read_part(part: ImagePart) -> SpineImage:
    """Read one picture.

    Raises
    ------
    ImageReadError
        Nothing else is raised, whatever the bytes.
    """
    with translated_errors(part.path), opened(part) as file:
        return require_content(_decode(part, file, required_format(part, file)))


def required_format(part: ImagePart, file: BinaryIO) -> FileFormat:
    """Return the format of open bytes, which are rewound.

    Raises
    ------
    ImageReadError
        NOT_AN_IMAGE
    """
    file_format = sniff(file.read(HEAD_BYTES))
    file.seek(0)
    if file_format is None:
        raise ImageReadError(part.path, ReadProblem.NOT_AN_IMAGE)
    return file_format


def _decode(part: ImagePart, file: BinaryIO, file_format: FileFormat) -> SpineImage:
    # The decoders are imported when their first file comes: the window opens sooner.
    if file_format is FileFormat.DICOM:
        from spinealign.imaging.dicom import read_dicom

        return read_dicom(part, file)
    if file_format is FileFormat.NIFTI:
        from spinealign.imaging.nifti import read_nifti

        return read_nifti(part, file)
    from spinealign.imaging.raster import read_raster

    return read_raster(part, file, file_format)
