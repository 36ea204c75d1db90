"""Where the image lies that a segmentation was made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from spinealign.dicom.segmentation_file import read_segmentation
from spinealign.imaging.decoding import quiet_libraries
from spinealign.protected_folders import open_binary

_MOST_FILES = 2000
"""How many files of a folder are looked at."""


@dataclass(frozen=True)
class SegmentedImages:
    """What a segmentation was made of.

    Parameters
    ----------
    uids : frozenset of str
        SOP Instance UIDs of the images that it names.
    beside : Path or None
        The first of them that lies in the folder of the segmentation.
    """

    uids: frozenset[str] = field(repr=False)
    beside: Path | None


def segmented_images(path: Path) -> SegmentedImages:
    """Return the images that a segmentation names, and where one of them lies beside it.

    Raises
    ------
    DicomObjectError, ImageReadError
        The file is no segmentation, or cannot be read.
    """
    uids = read_segmentation(path).image_uids
    found = (file for file in _files_beside(path) if _uid_of(file) in uids)
    return SegmentedImages(uids, next(found, None))


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
