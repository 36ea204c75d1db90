"""Structured reports as files: numbers with their points, and coded statements, of any program."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spinealign.dicom.anatomy import CodedConcept
from spinealign.dicom.codes import FINDING_KEY, IMPRESSION, METHOD, STATUS
from spinealign.dicom.contents import Graphic, Shape
from spinealign.dicom.object_file import damage_told, object_content
from spinealign.dicom.source import SourceImage
from spinealign.domain.dicom_choices import EarlierReport
from spinealign.domain.errors import (
    DicomObjectError,
    DicomObjectProblem,
)

if TYPE_CHECKING:
    from pydicom import Dataset

_STORAGES = (
    "1.2.840.10008.5.1.4.1.1.88.22",  # Enhanced SR
    "1.2.840.10008.5.1.4.1.1.88.33",  # Comprehensive SR
    "1.2.840.10008.5.1.4.1.1.88.34",  # Comprehensive 3D SR
)
MOST_BYTES = 64 << 20
"""Size of the largest report that is read."""

_DEEPEST = 24
"""Levels of a report. Source: set by hand; TID 1500 has eight."""

_MOST_ITEMS = 200_000
_GROUP, _REGION = ("DCM", "125007"), ("DCM", "111030")
_TRACKING = ("DCM", "112039")
_PERSON = ("DCM", "121008")
_PARAMETER = ("DCM", "111002")


@dataclass(frozen=True, eq=False)
class ReportedItem:
    """One number or coded statement of a measurement group.

    Parameters
    ----------
    name : CodedConcept
    method : CodedConcept or None
    key : str
        Of the finding, in reports of this program; else what the other program tracks it by.
    number : float or None
    unit : str
        In UCUM.
    value : CodedConcept or None
        Of a coded statement.
    text : str
        Of a statement in words.
    status : CodedConcept or None
        Reading status, in reports of this program.
    graphics : tuple of Graphic
        In pixels of `SpineImage`; only those on its image.
    parameters : tuple of str
        Of the algorithm.
    """

    name: CodedConcept
    method: CodedConcept | None = None
    key: str = ""
    number: float | None = None
    unit: str = ""
    value: CodedConcept | None = None
    text: str = field(default="", repr=False)
    status: CodedConcept | None = None
    graphics: tuple[Graphic, ...] = ()
    parameters: tuple[str, ...] = ()


class ReportFile:
    """A structured report that was read.

    Parameters
    ----------
    path : Path
    dataset : pydicom.Dataset
    """

    def __init__(self, path: Path, dataset: Dataset) -> None:
        self.path, self.dataset = path, dataset

    @property
    def is_own(self) -> bool:
        """Whether it has keys of this program's findings."""
        return any(_name(item)[:2] == FINDING_KEY[:2] for item in _walk(self.dataset))

    @property
    def is_verified(self) -> bool:
        """Whether a reader signed it."""
        return str(self.dataset.get("VerificationFlag") or "") == "VERIFIED"

    @property
    def reader(self) -> str:
        """Name of the person who observed; empty where it names none."""
        for item in _walk(self.dataset):
            if (item.get("ValueType"), _key(_name(item))) == ("PNAME", _PERSON):
                name = str(item.get("PersonName") or "").split("=")[0]
                return " ".join(part for part in name.split("^") if part)
        return ""

    @property
    def impression(self) -> str:
        """What the reader concluded; empty without any."""
        told = (item for item in _walk(self.dataset) if _is(item, IMPRESSION))
        return "\n".join(str(item.get("TextValue") or "") for item in told)

    @property
    def image_uids(self) -> frozenset[str]:
        """SOP Instance UIDs of the images that it speaks of."""
        return frozenset(
            str(reference.get("ReferencedSOPInstanceUID"))
            for item in _walk(self.dataset)
            for reference in item.get("ReferencedSOPSequence") or ()
        )

    def speaks_of(self, source: SourceImage) -> bool:
        """Whether an image is among those that it speaks of."""
        return source.sop_instance_uid in self.image_uids

    def told_before(self, source: SourceImage) -> EarlierReport | None:
        """Return what a new report about an image refers to.

        Returns
        -------
        EarlierReport or None
            None where this one is another program's, or of another image.

        Raises
        ------
        DicomObjectError
            It is of another patient, or damaged.
        """
        with damage_told(self.path, DicomObjectProblem.DAMAGED_REPORT):
            source.require_patient_of(self.path, self.dataset)
            if self.speaks_of(source) and self.is_own:
                return EarlierReport(
                    str(self.dataset.StudyInstanceUID),
                    str(self.dataset.SeriesInstanceUID),
                    str(self.dataset.SOPClassUID),
                    str(self.dataset.SOPInstanceUID),
                )
            return None

    def items_on(self, source: SourceImage) -> tuple[ReportedItem, ...]:
        """Return what its measurement groups say, with points on an image.

        Raises
        ------
        DicomObjectError
            It is of another image, or damaged.
        """
        with damage_told(self.path, DicomObjectProblem.DAMAGED_REPORT):
            source.require_patient_of(self.path, self.dataset)
            if source.sop_instance_uid not in self.image_uids:
                raise DicomObjectError(self.path, DicomObjectProblem.REPORT_OF_OTHER)
            groups = [item for item in _walk(self.dataset) if _key(_name(item)) == _GROUP]
            return tuple(item for group in groups for item in _items_of(group, source))


def read_report(path: Path) -> ReportFile:
    """Return a structured report.

    Raises
    ------
    DicomObjectError
        The file is not one, or is damaged.
    ImageReadError
        It cannot be read.
    """
    from pydicom import dcmread

    content = object_content(path, MOST_BYTES, DicomObjectProblem.NO_REPORT)
    with damage_told(path, DicomObjectProblem.DAMAGED_REPORT):
        dataset = dcmread(io.BytesIO(content), force=True)
        if str(dataset.get("SOPClassUID")) not in _STORAGES:
            raise DicomObjectError(path, DicomObjectProblem.NO_REPORT)
        dataset.decode()
        if sum(1 for _ in _walk(dataset)) > _MOST_ITEMS or not dataset.get("ContentSequence"):
            raise DicomObjectError(path, DicomObjectProblem.DAMAGED_REPORT)
        return ReportFile(path, dataset)


def _walk(item: Dataset, depth: int = 0) -> Iterator[Dataset]:
    if depth >= _DEEPEST:
        return
    for child in item.get("ContentSequence") or ():
        yield child
        yield from _walk(child, depth + 1)


def _concept(item: Dataset, keyword: str) -> CodedConcept:
    for code in item.get(keyword) or ():
        value = code.get("CodeValue") or code.get("LongCodeValue") or code.get("URNCodeValue")
        scheme = str(code.get("CodingSchemeDesignator") or "")
        return CodedConcept(str(value or ""), scheme, str(code.get("CodeMeaning") or ""))
    return CodedConcept("", "", "")


def _name(item: Dataset) -> CodedConcept:
    return _concept(item, "ConceptNameCodeSequence")


def _key(term: CodedConcept) -> tuple[str, str]:
    return term.scheme, term.value


def _is(item: Dataset, term: CodedConcept) -> bool:
    return _key(_name(item)) == _key(term)


def _below(item: Dataset, key: tuple[str, str]) -> list[Dataset]:
    return [child for child in item.get("ContentSequence") or () if _key(_name(child)) == key]


def _items_of(group: Dataset, source: SourceImage) -> Iterator[ReportedItem]:
    """Yield numbers and statements of a group; a region of the group is that of its numbers."""
    regions = tuple(_graphics(_below(group, _REGION), source))
    for item in group.get("ContentSequence") or ():
        kind = str(item.get("ValueType") or "")
        if kind not in ("NUM", "CODE", "TEXT") or item.get("RelationshipType") != "CONTAINS":
            continue
        number, unit = _number(item) if kind == "NUM" else (None, "")
        if kind == "NUM" and number is None:
            continue
        own = tuple(_graphics(item.get("ContentSequence") or (), source))
        methods = _below(item, _key(METHOD))
        statuses = _below(item, _key(STATUS))
        yield ReportedItem(
            _name(item),
            _concept(methods[0], "ConceptCodeSequence") if methods else None,
            _told_key(item),
            number,
            unit,
            _concept(item, "ConceptCodeSequence") if kind == "CODE" else None,
            str(item.get("TextValue") or ""),
            _concept(statuses[0], "ConceptCodeSequence") if statuses else None,
            (own or regions) if kind == "NUM" else own,
            tuple(str(one.get("TextValue") or "") for one in _below(item, _PARAMETER)),
        )


def _told_key(item: Dataset) -> str:
    for wanted in (_key(FINDING_KEY), _TRACKING):
        for found in _below(item, wanted):
            return str(found.get("TextValue") or "")
    return ""


def _number(item: Dataset) -> tuple[float | None, str]:
    """Return value and unit: the double where it is there, else the sixteen letters."""
    for measured in item.get("MeasuredValueSequence") or ():
        value = measured.get("FloatingPointValue")
        number = float(measured.NumericValue if value is None else value)
        unit = _concept(measured, "MeasurementUnitsCodeSequence").value
        return (number, unit) if math.isfinite(number) else (None, unit)
    return None, ""


def _graphics(items: object, source: SourceImage) -> Iterator[Graphic]:
    for item in items:  # type: ignore[attr-defined]
        if item.get("ValueType") != "SCOORD" or not _is_on(item, source):
            continue
        name = str(item.get("GraphicType") or "")
        shape = (
            Shape.POLYLINE if name == "MULTIPOINT" else next((s for s in Shape if s == name), None)
        )
        points = np.array(item.GraphicData, np.float64).reshape(-1, 2)
        if shape is not None and len(points) and bool(np.isfinite(points).all()):
            yield Graphic(shape, source.points_from_stored(points))


def _is_on(item: Dataset, source: SourceImage) -> bool:
    for child in item.get("ContentSequence") or ():
        for reference in child.get("ReferencedSOPSequence") or ():
            if str(reference.get("ReferencedSOPInstanceUID")) != source.sop_instance_uid:
                continue
            stated = reference.get("ReferencedFrameNumber")
            if stated is None or source.frame_number is None:
                return True
            numbers = [stated] if isinstance(stated, int | float | str) else list(stated)
            return source.frame_number in [int(number) for number in numbers]
    return False
