"""From a path to a `SpineImage`; the reader is chosen by the file's content."""

from __future__ import annotations

import stat
from pathlib import Path

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import SpineImage
from spinealign.imaging.decoding import quiet_libraries
from spinealign.imaging.sniff import HEAD_BYTES, FileFormat, sniff


def read_image(path: Path) -> SpineImage:
    """Read one image file.

    Parameters
    ----------
    path : Path
        A PNG, JPEG, TIFF, BMP, WebP, GIF, DICOM or NIfTI file, whatever its name.

    Returns
    -------
    SpineImage
        Grey values with their geometry; `notes` tells what had to be decided.

    Raises
    ------
    ImageReadError
        The file is missing, unreadable, no image, damaged, or of a size or kind
        that cannot be analysed. Nothing else is raised, whatever the bytes.
    """
    file_format = sniff(_read_head(path))
    if file_format is None:
        raise ImageReadError(path, ReadProblem.NOT_AN_IMAGE)
    try:
        with quiet_libraries():
            return _decode(path, file_format)
    except ImageReadError:
        raise
    except MemoryError:
        raise ImageReadError(path, ReadProblem.TOO_LARGE) from None
    except Exception as error:  # noqa: BLE001 - decoders raise anything on damaged bytes
        # Not chained: the library's message may quote values of the patient.
        raise ImageReadError(path, _problem_of(error)) from None


def _read_head(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ImageReadError(path, ReadProblem.UNREADABLE)
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise ImageReadError(path, ReadProblem.MISSING) from None
    except OSError:
        raise ImageReadError(path, ReadProblem.UNREADABLE) from None
    if not head:
        raise ImageReadError(path, ReadProblem.EMPTY)
    return head


def _decode(path: Path, file_format: FileFormat) -> SpineImage:
    # The decoders are imported when their first file comes: the window opens sooner.
    if file_format is FileFormat.DICOM:
        from spinealign.imaging.dicom import read_dicom

        return read_dicom(path)
    if file_format is FileFormat.NIFTI:
        from spinealign.imaging.nifti import read_nifti

        return read_nifti(path)
    from spinealign.imaging.raster import read_raster

    return read_raster(path, file_format)


def _problem_of(error: Exception) -> ReadProblem:
    # The system's own failures carry a number; "file is truncated" does not.
    if isinstance(error, OSError) and error.errno is not None:
        return ReadProblem.UNREADABLE
    return ReadProblem.TRUNCATED
