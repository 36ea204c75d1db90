"""What a report stands on: the library of its images (PS3.16 TID 1600), and earlier reports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from spinealign.dicom.anatomy import CodedConcept
from spinealign.dicom.report_items import (
    CONTAINS,
    add_below,
    code_item,
    concept,
    container,
)
from spinealign.dicom.source import SourceImage
from spinealign.domain.dicom_choices import EarlierReport

if TYPE_CHECKING:
    from highdicom.sr import ContentItem
    from pydicom import Dataset

_CONTEXT = "HAS ACQ CONTEXT"
_LIBRARY = CodedConcept("111028", "DCM", "Image Library")
_GROUP = CodedConcept("126200", "DCM", "Image Library Group")
_SOURCE = CodedConcept("260753009", "SCT", "Source")
_MODALITY = CodedConcept("121139", "DCM", "Modality")
_STUDY_DATE = CodedConcept("111060", "DCM", "Study Date")


def image_library(source: SourceImage) -> ContentItem:
    """Return the library of images that a report speaks of: one, with what tells it.

    Notes
    -----
    PS3.16 TID 1600 and 1602. highdicom 0.28 makes one of images whose plane stands outside
    functional groups, and needs a thickness of every slice.
    """
    from highdicom.sr import DateContentItem, ImageContentItem

    header = source.header
    frames = None if source.frame_number is None else [source.frame_number]
    image = ImageContentItem(
        concept(_SOURCE), source.sop_class_uid, source.sop_instance_uid, frames,
        relationship_type=CONTAINS,
    )  # fmt: skip
    told: list[ContentItem] = []
    modality = _modality(str(header.get("Modality") or ""))
    if modality is not None:
        told.append(code_item(_MODALITY, modality, _CONTEXT))
    if header.get("StudyDate"):
        date = DateContentItem(concept(_STUDY_DATE), header.StudyDate, relationship_type=_CONTEXT)
        told.append(date)
    add_below(image, told)
    return container(_LIBRARY, [container(_GROUP, [image])])


def _modality(name: str) -> CodedConcept | None:
    """Return a modality as a code of CID 29; None of one that the standard does not name."""
    from pydicom.sr.codedict import codes
    from pydicom.sr.coding import Code

    found = (getattr(codes.CID29, keyword) for keyword in dir(codes.CID29))
    code = next((one for one in found if isinstance(one, Code) and one.value == name), None)
    return None if code is None else CodedConcept(code.value, code.scheme_designator, code.meaning)


def predecessors(reports: Iterable[EarlierReport]) -> list[Dataset]:
    """Return the Predecessor Documents Sequence (PS3.3 C.17.2) of a report."""
    from pydicom import Dataset

    studies = []
    for one in reports:
        instance, series, study = Dataset(), Dataset(), Dataset()
        instance.ReferencedSOPClassUID = one.sop_class_uid
        instance.ReferencedSOPInstanceUID = one.sop_instance_uid
        series.SeriesInstanceUID = one.series_uid
        series.ReferencedSOPSequence = [instance]
        study.StudyInstanceUID = one.study_uid
        study.ReferencedSeriesSequence = [series]
        studies.append(study)
    return studies
