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


def require_image(path: Path, dataset: Dataset) -> None:
    """Refuse what is no image by its class.

    Raises
    ------
    ImageReadError
        SEGMENTATION or REPORT
    """
    sop_class = str(dataset.get("SOPClassUID") or "")
    if sop_class in _SEGMENTATIONS:
        raise ImageReadError(path, ReadProblem.SEGMENTATION)
    if sop_class.startswith(_REPORTS):
        raise ImageReadError(path, ReadProblem.REPORT)
