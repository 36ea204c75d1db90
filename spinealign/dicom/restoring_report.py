"""A reading and its hand measures from a structured report, of this program or of another one.

Outlines come from a segmentation (`restoring`); a signature is a matter of the profile that made
it, so that a restored reading waits to be signed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from spinealign import __version__
from spinealign.dicom.anatomy import CodedConcept
from spinealign.dicom.codes import (
    ABSENT,
    EXAMINATION_VALUES,
    MEASURE_TERMS,
    NOT_DETERMINED,
    PRESENT,
    SCALE_VALUES,
    STATUS_VALUES,
    UNITS,
)
from spinealign.dicom.contents import DRAWN_CODES, Graphic, Shape, drawing_points
from spinealign.dicom.report_file import ReportedItem, ReportFile
from spinealign.dicom.source import SourceImage
from spinealign.domain.errors import DicomObjectError, DicomObjectProblem, ReadingError
from spinealign.domain.findings import Analysis, Corrections
from spinealign.domain.measurements import Drawing, DrawingTool, Point
from spinealign.domain.measures import MeasureCode
from spinealign.domain.reading import (
    Decision,
    Finding,
    FindingKind,
    FindingValue,
    GradeValue,
    NameValue,
    NumberValue,
    PresenceValue,
    Reading,
    ReadModel,
)
from spinealign.measure.correction.changes import add_drawing
from spinealign.measure.correction.corrected import apply_corrections, initial_corrections
from spinealign.reading.decisions import decide, is_same_value, read_findings
from spinealign.reading.findings import findings_of, is_drawn
from spinealign.reading.impression import (
    impression_text,
    with_edited_impression,
    with_fresh_impression,
)
from spinealign.reading.store import image_of

_LENGTHS = frozenset({"mm", "cm", "um", "m", "{pixels}", "{pixel}", "[px]"})
_AREAS = frozenset({"mm2", "cm2", "um2", "{square_pixels}"})
_ANGLES = frozenset({"deg", "rad"})
_SAME_PX = 0.01
"""Nearer than this, points are the same. Source: numbers of 32 bits on the largest picture."""


@dataclass(frozen=True, eq=False)
class RestoredReport:
    """What a structured report says about an analysed image.

    Parameters
    ----------
    analysis : Analysis
        With what was drawn by hand.
    reading : Reading
        Not signed: decisions, and impression.
    drawn : int
        How many drawings were added.
    differing : tuple of str
        Keys of findings of which the report tells another value than the case has now: their
        decisions wait to be made again.
    """

    analysis: Analysis
    reading: Reading
    drawn: int = 0
    differing: tuple[str, ...] = ()


def restored_report(
    analysis: Analysis, file: ReportFile, source: SourceImage, now: datetime
) -> RestoredReport:
    """Return an analysis with what a report says of its image.

    Parameters
    ----------
    analysis : Analysis
        Of the image; with the outlines of its segmentation, if there is one.
    file : ReportFile
    source : SourceImage
        Of the image.
    now : datetime
        With its time zone.

    Raises
    ------
    DicomObjectError
        The report is of another image, damaged, or says nothing that can be taken over.
    """
    items = file.items_on(source)
    drawn = drawn_with(analysis, items)
    count = len(_drawings(drawn)) - len(_drawings(analysis))
    reading, differing = _reading(drawn, file, items, now)
    has_impression = bool(file.impression.strip())
    told = {item.key for item in items} & {finding.key for finding in findings_of(drawn)}
    if not (count or reading.decisions or has_impression or told):
        raise DicomObjectError(file.path, DicomObjectProblem.NOTHING_REPORTED)
    return RestoredReport(drawn, reading, count, differing)


# What was drawn


def drawn_with(analysis: Analysis, items: Iterable[ReportedItem]) -> Analysis:
    """Return an analysis with what a report says was drawn on it; what is there stays as it is."""
    wanted = analysis.corrections or initial_corrections(analysis)
    before = wanted
    for item in items:
        found = _drawing_of(item)
        if found is not None and not any(_is_same(*found, one) for one in wanted.drawings):
            wanted = _with_drawing(wanted, *found, item.key)
    if wanted is before:
        return analysis
    made = apply_corrections(analysis, wanted)
    # Nothing that is drawn changes an outline, and a mask from a segmentation is kept.
    return replace(made, segmentation=analysis.segmentation, regions=analysis.regions)


def _drawings(analysis: Analysis) -> tuple[Drawing, ...]:
    return () if analysis.corrections is None else analysis.corrections.drawings


def _with_drawing(
    wanted: Corrections, tool: DrawingTool, points: tuple[Point, ...], key: str
) -> Corrections:
    """Add a drawing, under its own number where that is free."""
    made = add_drawing(wanted, tool, points)
    number = key.rpartition("/")[2]
    taken = {one.number for one in wanted.drawings if one.tool is tool}
    if not number.isdecimal() or not 0 < int(number) < 1_000_000 or int(number) in taken:
        return made
    *others, own = made.drawings
    return replace(made, drawings=(*others, replace(own, number=int(number))))


def _is_same(tool: DrawingTool, points: tuple[Point, ...], other: Drawing) -> bool:
    if tool is not other.tool or len(points) != len(other.points):
        return False
    if tool in (DrawingTool.RECTANGLE, DrawingTool.ELLIPSE):
        ends = np.array(other.points)
        return bool(np.allclose(points, [ends.min(axis=0), ends.max(axis=0)], atol=_SAME_PX))
    return bool(np.allclose(points, other.points, atol=_SAME_PX))


def _drawing_of(item: ReportedItem) -> tuple[DrawingTool, tuple[Point, ...]] | None:
    """Return tool and points of a number; None where no tool of the program makes it.

    Measures that this program took of outlines come from these; of another program every number is
    taken whose points one of the tools can have.
    """
    if item.number is None or not item.graphics:
        return None
    code = _METHODS.get(_key(item.method)) if item.method is not None else None
    if code is not None:
        return _own_drawing(code, item.graphics)
    return _foreign_drawing(item.unit, item.graphics)


def _own_drawing(
    code: MeasureCode, graphics: Sequence[Graphic]
) -> tuple[DrawingTool, tuple[Point, ...]] | None:
    tool = DRAWN_CODES.get(code)
    return None if tool is None else (tool, drawing_points(code, graphics))


def _foreign_drawing(
    unit: str, graphics: Sequence[Graphic]
) -> tuple[DrawingTool, tuple[Point, ...]] | None:
    counts = [len(graphic.points) for graphic in graphics]
    are_lines = all(graphic.shape is Shape.POLYLINE for graphic in graphics)
    points = np.concatenate([graphic.points for graphic in graphics])
    tool = None
    if unit in _LENGTHS and are_lines and counts == [2]:
        tool = DrawingTool.DISTANCE
    elif unit in _ANGLES and are_lines and counts in ([2, 2], [4]):
        tool = DrawingTool.COBB
    elif unit in _ANGLES and are_lines and counts == [3]:
        tool = DrawingTool.ANGLE
    elif unit in _AREAS and len(graphics) == 1 and _is_upright_ellipse(graphics[0]):
        tool, points = DrawingTool.ELLIPSE, np.stack([points.min(axis=0), points.max(axis=0)])
    elif unit in _AREAS and are_lines and len(graphics) == 1 and _is_closed(points):
        tool, points = DrawingTool.AREA, points[:-1]
    return None if tool is None else (tool, tuple((float(x), float(y)) for x, y in points))


def _is_closed(points: np.ndarray) -> bool:
    return len(points) > 3 and bool(np.allclose(points[0], points[-1], atol=_SAME_PX))


def _is_upright_ellipse(graphic: Graphic) -> bool:
    """Whether the axes of an ellipse run along rows and columns, as those that are drawn here."""
    if graphic.shape is not Shape.ELLIPSE:
        return False
    ways = np.abs(np.diff(graphic.points.reshape(2, 2, 2), axis=1)[:, 0])
    return bool((ways.min(axis=1) < _SAME_PX).all())


# What the reader decided


def _reading(
    analysis: Analysis, file: ReportFile, items: Sequence[ReportedItem], now: datetime
) -> tuple[Reading, tuple[str, ...]]:
    """Return the reading that a report tells, and keys of findings that are another way now."""
    findings = findings_of(analysis)
    by_key = {item.key: item for item in items if item.key}
    reading = Reading(
        image_of(analysis),
        analysis.view_name,
        reader=file.reader[:200],
        program_version=__version__,
        models=tuple(ReadModel(m.name, m.version, m.sha256) for m in analysis.models),
    )
    differing = []
    for finding in findings:
        item = by_key.get(finding.key)
        if item is None:
            continue
        made = _decided(reading, finding, item, analysis, now)
        if made is None:
            differing.append(finding.key)
        else:
            reading = made
    return _with_impression(reading, findings, file.impression), tuple(differing)


def _decided(
    reading: Reading, finding: Finding, item: ReportedItem, analysis: Analysis, now: datetime
) -> Reading | None:
    """Return a reading with the decision that an item tells; None where it cannot hold."""
    decision = _STATUSES.get(_key(item.status)) if item.status is not None else None
    if decision is Decision.REJECTED:
        if not _is_of_same_model(item, finding, analysis):
            return None
        return decide(reading, finding, decision, None, now)
    if _key(item.name) == _key(NOT_DETERMINED):
        return reading if finding.value is None else None
    value = value_of(item, finding)
    is_as_told = value is not None and is_same_value(finding.value, value)
    if decision is Decision.CHANGED and not is_as_told and finding.kind not in _ON_THE_PICTURE:
        with suppress(ReadingError):
            return decide(reading, finding, decision, value, now)
        return None
    if not is_as_told:
        return None
    if decision is None or decision is Decision.UNDECIDED:
        return reading
    return decide(reading, finding, Decision.ACCEPTED, None, now)


_ON_THE_PICTURE = (FindingKind.EXAMINATION, FindingKind.LEVELS)


def _is_of_same_model(item: ReportedItem, finding: Finding, analysis: Analysis) -> bool:
    """Whether what was rejected was said by a network that speaks now, or was drawn."""
    if is_drawn(finding):
        return True
    outlined = None if analysis.segmentation is None else analysis.segmentation.model
    model = analysis.disc_model if finding.kind is FindingKind.DISC_GRADE else outlined
    return model is None or f"sha256={model.sha256}" in item.parameters


def value_of(item: ReportedItem, finding: Finding) -> FindingValue | None:
    """Return what a report says of a finding; None where it is of another kind or unit."""
    if item.number is not None:
        unit = UNITS.get(finding.unit)
        is_same_unit = finding.kind is FindingKind.MEASURE and unit is not None
        is_same_unit = is_same_unit and unit is not None and unit.value == item.unit
        return NumberValue(item.number, finding.unit) if is_same_unit else None
    if finding.kind is FindingKind.LEVELS:
        return NameValue(item.text[:200]) if item.text else None
    if item.value is None:
        return None
    key = _key(item.value)
    if finding.kind is FindingKind.EXAMINATION:
        return NameValue(_KINDS[key]) if key in _KINDS else None
    if key in _GRADES:
        return _GRADES[key]
    present = {_key(PRESENT): True, _key(ABSENT): False}
    return PresenceValue(present[key]) if key in present else None


def _with_impression(reading: Reading, findings: Sequence[Finding], text: str) -> Reading:
    """Return a reading with an impression, as typed where it is not what the decisions say."""
    fresh = impression_text(read_findings(findings, reading))
    with suppress(ReadingError):
        if text.strip() and text.strip() != fresh.strip():
            return with_edited_impression(reading, text, fresh)
    return with_fresh_impression(reading, findings)


def _key(term: CodedConcept) -> tuple[str, str]:
    return term.scheme, term.value


_METHODS: Mapping[tuple[str, str], MeasureCode] = {
    _key(terms.method): code for code, terms in MEASURE_TERMS.items()
}
_STATUSES = {_key(term): decision for decision, term in STATUS_VALUES.items()}
_KINDS = {_key(term): kind.value for kind, term in EXAMINATION_VALUES.items()}
_GRADES = {_key(term): GradeValue(*graded) for graded, term in SCALE_VALUES.items()}
