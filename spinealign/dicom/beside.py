"""Where the image lies that a segmentation or a report is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from spinealign.dicom.report_file import ReportFile, read_report
from spinealign.dicom.segmentation_file import SegmentationFile, read_segmentation
from spinealign.domain.errors import DicomObjectError, DicomObjectProblem
from spinealign.imaging.decoding import quiet_libraries
from spinealign.protected_folders import open_binary

_MOST_FILES = 2000
"""How many files of a folder are looked at."""


@dataclass(frozen=True)
class DescribedImages:
    """What a segmentation or a report is about.

    Parameters
    ----------
    uids : frozenset of str
        SOP Instance UIDs of the images that it names.
    beside : Path or None
        The first of them that lies in the folder of the object.
    is_report : bool
        Whether the object is a structured report.
    """

    uids: frozenset[str] = field(repr=False)
    beside: Path | None
    is_report: bool = False


def described_images(path: Path) -> DescribedImages:
    """Return the images that a segmentation or report names, and where one of them lies beside it.

    Raises
    ------
    DicomObjectError, ImageReadError
        The file is neither, is damaged, or cannot be read.
    """
    file = read_object(path)
    uids = file.image_uids
    found = (each for each in _files_beside(path) if _uid_of(each) in uids)
    return DescribedImages(uids, next(found, None), isinstance(file, ReportFile))


def read_object(path: Path) -> SegmentationFile | ReportFile:
    """Return a segmentation or a structured report, whoever made it.

    Raises
    ------
    DicomObjectError, ImageReadError
        The file is neither, is damaged, or cannot be read.
    """
    readers: tuple[tuple[Callable[[Path], SegmentationFile | ReportFile], DicomObjectProblem], ...]
    readers = (
        (read_segmentation, DicomObjectProblem.NO_SEGMENTATION),
        (read_report, DicomObjectProblem.NO_REPORT),
    )
    for read, otherwise in readers:
        try:
            return read(path)
        except DicomObjectError as error:
            if error.problem is not otherwise:
                raise
    raise DicomObjectError(path, DicomObjectProblem.NO_OBJECT)


def _files_beside(path: Path) -> Iterator[Path]:
    try:
        files = sorted(file for file in path.parent.iterdir() if file.is_file() and file != path)
    except OSError:
        return
    yield from files[:_MOST_FILES]


def _uid_of(path: Path) -> str:
    """Return the SOP Instance UID of a DICOM file; empty of any other."""
    from pydicom import dcmread

    try:
        with quiet_libraries(), open_binary(path) as file:
            # Nothing is read behind the identifiers of the object.
            dataset = dcmread(file, specific_tags=["SOPInstanceUID"], stop_before_pixels=True)
    except Exception:  # noqa: BLE001 - decoders raise anything on damaged bytes
        return ""
    return str(dataset.get("SOPInstanceUID") or "")
