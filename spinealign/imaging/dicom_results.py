"""DICOM objects that say something about images and are none: told for what they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spinealign.domain.errors import ImageReadError, ReadProblem

if TYPE_CHECKING:
    from pydicom import Dataset

_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_REPORTS = ("1.2.840.10008.5.1.4.1.1.88.", "1.2.840.10008.5.1.4.1.1.104.")
"""Structured reports and encapsulated documents (PS3.4 annex B.5), by how their classes begin."""

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_OWN_MANUFACTURER = "SpineAlign"
"""Manufacturer of the objects of this program, as `spinealign.dicom` writes it."""


def require_image(path: Path, dataset: Dataset) -> None:
    """Refuse what is no image by its class.

    Raises
    ------
    ImageReadError
        SEGMENTATION, REPORT or OWN_PICTURE
    """
    sop_class = str(dataset.get("SOPClassUID") or "")
    if sop_class in _SEGMENTATIONS:
        raise ImageReadError(path, ReadProblem.SEGMENTATION)
    if sop_class.startswith(_REPORTS):
        raise ImageReadError(path, ReadProblem.REPORT)
    if sop_class == _SECONDARY_CAPTURE and _is_own_picture(dataset):
        raise ImageReadError(path, ReadProblem.OWN_PICTURE)


def _is_own_picture(dataset: Dataset) -> bool:
    """Whether a capture shows results of this program: it names the image that it was made of.

    The capture that stands for a picture which is no DICOM file names none, and is an image.
    """
    is_own = str(dataset.get("Manufacturer") or "").strip() == _OWN_MANUFACTURER
    return is_own and bool(dataset.get("SourceImageSequence"))
