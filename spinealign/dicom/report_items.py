"""Content items of structured reports that templates of highdicom do not make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from spinealign.dicom.anatomy import PRIVATE_SCHEME, CodedConcept
from spinealign.dicom.codes import (
    ABNORMAL,
    ABNORMALLY_HIGH,
    ABNORMALLY_LOW,
    AUTOMATIC_VALUE,
    FINDING_KEY,
    HIGHEST_NORMAL,
    IS_POSSIBLE,
    LOWER,
    LOWEST_NORMAL,
    NORMALITY,
    NORMALITY_VALUES,
    POINTS_BY,
    POINTS_OF_OTHER,
    POINTS_VALUES,
    PRIVATE_SCHEME_NAME,
    RANGE_AUTHORITY,
    SITE,
    STATUS,
    STATUS_VALUES,
    UNITS,
    UPPER,
)
from spinealign.dicom.contents import Graphic, Statement
from spinealign.dicom.source import SourceImage
from spinealign.domain.measurements import MeasureState
from spinealign.domain.reading import (
    Finding,
    FindingValue,
    GradeValue,
    NameValue,
    Normality,
    NumberValue,
    PresenceValue,
)

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept as Concept
    from highdicom.sr import ContentItem, CoordinatesForMeasurement
    from pydicom import Dataset

CONTAINS, MODIFIER, PROPERTY = "CONTAINS", "HAS CONCEPT MOD", "HAS PROPERTIES"
"""How an item belongs to the one above it (PS3.3 table C.17.3-8)."""

_LONGEST_MEANING = 64


def concept(term: CodedConcept) -> Concept:
    """Return a term as highdicom has it."""
    from highdicom.sr import CodedConcept as Concept

    return Concept(term.value, term.scheme, term.meaning[:_LONGEST_MEANING])


def code_item(
    name: CodedConcept, value: CodedConcept, relation: str, below: Iterable[ContentItem] = ()
) -> ContentItem:
    """Return a CODE item."""
    from highdicom.sr import CodeContentItem

    item = CodeContentItem(concept(name), concept(value), relation)
    add_below(item, below)
    return item


def text_item(
    name: CodedConcept, text: str, relation: str, below: Iterable[ContentItem] = ()
) -> ContentItem:
    """Return a TEXT item."""
    from highdicom.sr import TextContentItem

    item = TextContentItem(concept(name), text, relation)
    add_below(item, below)
    return item


def number_item(
    name: CodedConcept, number: float, unit: CodedConcept, relation: str
) -> ContentItem:
    """Return a NUM item: sixteen letters as DICOM allows, and the whole number beside them."""
    from highdicom.sr import NumContentItem

    return NumContentItem(concept(name), float(number), concept(unit), relationship_type=relation)


def container(name: CodedConcept, below: Sequence[ContentItem]) -> ContentItem:
    """Return a CONTAINER item."""
    from highdicom.sr import ContainerContentItem

    item = ContainerContentItem(concept(name), relationship_type=CONTAINS)
    add_below(item, below)
    return item


def add_below(item: ContentItem, below: Iterable[ContentItem]) -> None:
    """Put items below one, after those that are there."""
    from highdicom.sr import ContentSequence

    members = list(below)
    if members:
        item.ContentSequence = ContentSequence([*item.get("ContentSequence", []), *members])


def coordinates(
    graphics: Iterable[Graphic], source: SourceImage
) -> list[CoordinatesForMeasurement]:
    """Return graphics as SCOORD items on the stored pixels of the picture's frame."""
    from highdicom.sr import CoordinatesForMeasurement, GraphicTypeValues, SourceImageForRegion

    frames = None if source.frame_number is None else [source.frame_number]
    return [
        CoordinatesForMeasurement(
            GraphicTypeValues(graphic.shape.value),
            source.points_to_stored(graphic.points),
            SourceImageForRegion(source.sop_class_uid, source.sop_instance_uid, frames),
        )
        for graphic in graphics
    ]


# What belongs to every statement


def state_items(statement: Statement) -> list[ContentItem]:
    """Return whether a value is the program's or the reader's, and who placed the points."""
    items = [code_item(STATUS, STATUS_VALUES[statement.state], MODIFIER)]
    if statement.points_by is not None:
        by = POINTS_VALUES[statement.points_by]
        if statement.is_of_other and statement.points_by is MeasureState.EDITED:
            by = POINTS_OF_OTHER
        items.append(code_item(POINTS_BY, by, MODIFIER))
    return items


def key_item(finding: Finding) -> ContentItem:
    """Return what the finding is found by when the report is opened again."""
    return text_item(FINDING_KEY, finding.key, MODIFIER)


def site_items(sites: Iterable[CodedConcept]) -> list[ContentItem]:
    """Return finding sites of an item that no template gives any."""
    return [code_item(SITE, site, MODIFIER) for site in sites]


def judged_items(finding: Finding) -> list[ContentItem]:
    """Return what a value means, and by which range it is judged (PS3.16 TID 310, 312)."""
    meaning, items = _normality(finding), []
    if meaning is not None:
        items.append(code_item(NORMALITY, meaning, PROPERTY))
    normal, unit = finding.normal, UNITS.get(finding.unit)
    if normal is not None and unit is not None:
        ends = ((LOWEST_NORMAL, normal.low), (HIGHEST_NORMAL, normal.high))
        items += [number_item(name, end, unit, PROPERTY) for name, end in ends if end is not None]
        if normal.source is not None:
            items.append(text_item(RANGE_AUTHORITY, normal.source.value, PROPERTY))
    return items


def _normality(finding: Finding) -> CodedConcept | None:
    if finding.normality is not Normality.ABNORMAL:
        return NORMALITY_VALUES.get(finding.normality)
    value, reference = finding.value, finding.reference
    if isinstance(value, NumberValue) and reference is not None:
        if reference.high is not None and value.value > reference.high:
            return ABNORMALLY_HIGH
        if reference.low is not None and value.value < reference.low:
            return ABNORMALLY_LOW
    return ABNORMAL


def uncertainty_items(value: NumberValue) -> list[ContentItem]:
    """Return how far the 95 % interval reaches above and below a value, in its unit.

    PS3.16 TID 310 leaves the unit open; a range in another unit than the value's says nothing.
    """
    if value.interval is None:
        return []
    low, high = value.interval
    unit = UNITS[value.unit]
    return [
        number_item(UPPER, high - value.value, unit, PROPERTY),
        number_item(LOWER, value.value - low, unit, PROPERTY),
    ]


def automatic_items(statement: Statement) -> list[ContentItem]:
    """Return what the program itself said, in words, where another value holds."""
    if statement.automatic is None:
        return []
    return [text_item(AUTOMATIC_VALUE, told_value(statement.automatic), PROPERTY)]


def possible_items(is_possible: bool) -> list[ContentItem]:
    """Return the reservation that a grade is only possible."""
    return [code_item(IS_POSSIBLE, IS_POSSIBLE, PROPERTY)] if is_possible else []


def told_value(value: FindingValue) -> str:
    """Return a value so that `restoring_report` reads it again: "12.3 deg", "4", "present"."""
    match value:
        case NumberValue():
            return f"{value.value!r} {value.unit}".strip()
        case GradeValue():
            return str(value.grade)
        case PresenceValue():
            return "present" if value.is_present else "absent"
        case NameValue():
            return value.name


def identify_private_scheme(dataset: Dataset) -> None:
    """Say in an object what its private codes are (PS3.3 C.12.1.1.12), in place."""
    from pydicom import Dataset

    item = Dataset()
    item.CodingSchemeDesignator = PRIVATE_SCHEME
    item.CodingSchemeName = PRIVATE_SCHEME_NAME
    item.CodingSchemeResponsibleOrganization = "SpineAlign"
    dataset.CodingSchemeIdentificationSequence = [item]
