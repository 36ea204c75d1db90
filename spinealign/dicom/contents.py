"""What a structured report says, before it is written in DICOM's words: no highdicom here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from spinealign import __version__
from spinealign.domain.findings import Analysis, Classification, GradedPicture, LabelledPicture
from spinealign.domain.measurements import DrawingTool, MeasuredPoint, Measurement, MeasureState
from spinealign.domain.measures import MEASURES, Extent, MeasureCode
from spinealign.domain.reading import (
    CONTEXT_KINDS,
    Decision,
    Finding,
    FindingKind,
    FindingValue,
    Normality,
    NumberValue,
    Reading,
    ReadingStatus,
)
from spinealign.reading.decisions import ReadFinding, is_same_value, read_findings
from spinealign.reading.findings import findings_of, is_drawn, measure_key
from spinealign.reading.store import image_of

Points = NDArray[np.float64]

DRAWN_CODES: Mapping[MeasureCode, DrawingTool] = {
    MeasureCode.DRAWN_DISTANCE: DrawingTool.DISTANCE,
    MeasureCode.DRAWN_ANGLE: DrawingTool.ANGLE,
    MeasureCode.DRAWN_COBB: DrawingTool.COBB,
    MeasureCode.DRAWN_AREA: DrawingTool.AREA,
    MeasureCode.DRAWN_RECTANGLE: DrawingTool.RECTANGLE,
    MeasureCode.DRAWN_ELLIPSE: DrawingTool.ELLIPSE,
    MeasureCode.FEMORAL_HEADS: DrawingTool.FEMORAL_HEADS,
}
"""What a person drew to get a measure."""

_WHOLE_OUTLINES = frozenset({MeasureCode.DRAWN_AREA})
_BOXES = frozenset({MeasureCode.DRAWN_RECTANGLE, MeasureCode.DRAWN_ELLIPSE})
_ONE_LINE = frozenset({MeasureCode.DRAWN_DISTANCE, MeasureCode.DRAWN_ANGLE})


class Shape(StrEnum):
    """Graphic Type of spatial coordinates (PS3.3 C.18.6.1.2)."""

    POINT = "POINT"
    POLYLINE = "POLYLINE"
    ELLIPSE = "ELLIPSE"


@dataclass(frozen=True, eq=False)
class Graphic:
    """Spatial coordinates of a measure; `points` are (x, y) in image pixels, shape (N, 2)."""

    shape: Shape
    points: Points


@dataclass(frozen=True)
class Statement:
    """One finding as the report says it.

    Parameters
    ----------
    finding : Finding
        With the value that holds: the program's, or the reader's; None where nothing can be said.
    state : Decision
        What the reader did; never `REJECTED`.
    automatic : FindingValue or None
        What the program itself said, where another value holds.
    measure : Measurement or None
        Of the picture as it is now, where the finding is a measure and its value is this one: it
        has the points.
    is_of_other : bool
        Whether the outlines are those of another program's segmentation.
    """

    finding: Finding
    state: Decision
    automatic: FindingValue | None = None
    measure: Measurement | None = None
    is_of_other: bool = False

    @property
    def is_by_person(self) -> bool:
        """Whether no part of the program gave the value: it was typed or drawn."""
        return self.state is Decision.CHANGED or is_drawn(self.finding)

    @property
    def points_by(self) -> MeasureState | None:
        """Who placed the points; None where there are none."""
        return None if self.measure is None else self.measure.state


@dataclass(frozen=True)
class Contents:
    """Everything that a report says of one picture.

    Parameters
    ----------
    statements : tuple of Statement
        What holds, in the order of the findings; kind of examination and levels first.
    rejected : tuple of Finding
        What the program said and the reader rejected: told as such, without any value.
    classification, labelled, picture_grade : Classification, LabelledPicture, GradedPicture or None
        Never those of a demonstration model.
    reading : Reading or None
        None where nobody has begun to read.
    """

    statements: tuple[Statement, ...]
    rejected: tuple[Finding, ...] = ()
    classification: Classification | None = None
    reading: Reading | None = None
    labelled: LabelledPicture | None = None
    picture_grade: GradedPicture | None = None

    @property
    def status(self) -> ReadingStatus:
        """How far the reading is."""
        return ReadingStatus.AUTOMATIC if self.reading is None else self.reading.status

    @property
    def context(self) -> tuple[Statement, ...]:
        """Kind of examination, and levels."""
        return tuple(one for one in self.statements if one.finding.kind in CONTEXT_KINDS)

    def places(self) -> Mapping[str, tuple[Statement, ...]]:
        """Return what is said of each body and each disc, by its name, in their order."""
        found: dict[str, list[Statement]] = {}
        for one in self.statements:
            if has_one_place(one.finding):
                found.setdefault(one.finding.place, []).append(one)
        return {place: tuple(members) for place, members in found.items()}

    @property
    def drawn(self) -> tuple[Statement, ...]:
        """What a person measured by hand."""
        return tuple(one for one in self.statements if is_drawn(one.finding))

    @property
    def of_spine(self) -> tuple[Statement, ...]:
        """Measures of several levels."""
        return tuple(
            one
            for one in self.statements
            if one.finding.kind is FindingKind.MEASURE
            and not has_one_place(one.finding)
            and not is_drawn(one.finding)
        )


def has_one_place(finding: Finding) -> bool:
    """Whether a finding belongs to one body or one disc."""
    if finding.kind is FindingKind.MEASURE:
        return MEASURES[MeasureCode(finding.code)].extent.has_one_level
    return finding.kind in (FindingKind.DISC_GRADE, FindingKind.HEIGHT_LOSS)


def extent_of(finding: Finding) -> Extent:
    """Return what a value of a finding belongs to."""
    if finding.kind is FindingKind.MEASURE:
        return MEASURES[MeasureCode(finding.code)].extent
    kinds = {FindingKind.DISC_GRADE: Extent.DISC, FindingKind.HEIGHT_LOSS: Extent.BODY}
    return kinds.get(finding.kind, Extent.SPINE)


def contents_of(analysis: Analysis, reading: Reading | None) -> Contents:
    """Return what a report says of an analysis and its reading.

    Parameters
    ----------
    analysis : Analysis
        Answers of demonstration models are left out.
    reading : Reading or None
        Of a signed one, what was signed counts, and nothing that nobody decided on but doubts.

    Notes
    -----
    A rejected finding is no statement, and neither is what rests on it without a decision of its
    own. Where the reader rejected the kind of examination, nothing of the program is stated; where
    the levels, nothing that is named by them (`reading.impression` words it so).
    """
    shown = analysis.without_demonstration
    is_signed = reading is not None and reading.signed_utc is not None
    findings = reading.findings if reading is not None and is_signed else findings_of(shown)
    read = read_findings(findings, reading or _no_reading(shown))
    rejected = tuple(each.finding for each in read if each.state is Decision.REJECTED)
    measures = {measure_key(one): one for one in shown.measurements}
    kept = [each for each in read if _is_stated(each, {found.kind for found in rejected})]
    is_of_other = shown.outlined_by is not None
    statements = [replace(_statement(each, measures), is_of_other=is_of_other) for each in kept]
    statements.sort(key=lambda one: one.finding.kind not in CONTEXT_KINDS)
    begun = None if reading is None or reading.status is ReadingStatus.AUTOMATIC else reading
    is_refused = FindingKind.EXAMINATION in {found.kind for found in rejected}
    if is_refused:
        return Contents(tuple(statements), rejected, reading=begun)
    answers = (shown.classification, begun, shown.labelled, shown.picture_grade)
    return Contents(tuple(statements), rejected, *answers)


def _no_reading(analysis: Analysis) -> Reading:
    return Reading(image_of(analysis), analysis.view_name, program_version=__version__)


def _is_stated(read: ReadFinding, rejected: Iterable[FindingKind]) -> bool:
    if read.state is Decision.REJECTED:
        return False
    if read.state is Decision.UNDECIDED and read.rests_on:
        return False
    is_by_person = read.state is Decision.CHANGED or is_drawn(read.finding)
    if FindingKind.EXAMINATION in rejected and not is_by_person:
        return False
    return FindingKind.LEVELS not in rejected or not read.finding.levels


def _statement(read: ReadFinding, measures: Mapping[str, Measurement]) -> Statement:
    finding = read.said or read.finding
    measure = measures.get(finding.key)
    if measure is not None and not _is_of(measure, finding):
        measure = None
    return Statement(finding, read.state, _automatic(read, finding), measure)


def _is_of(measure: Measurement, finding: Finding) -> bool:
    """Whether points of the picture belong to the value: not to another one, as a reader types."""
    now = None if measure.value is None else NumberValue(measure.value, measure.unit)
    return now is not None and is_same_value(now, finding.value)


def _automatic(read: ReadFinding, said: Finding) -> FindingValue | None:
    before = read.decision.automatic if read.decision is not None else read.finding.automatic
    return None if before is None or is_same_value(before, said.value) else before


def is_undetermined(finding: Finding) -> bool:
    """Whether nothing can be said."""
    return finding.value is None or finding.normality is Normality.UNDETERMINED


# Points


def graphics_of(measure: Measurement) -> tuple[Graphic, ...]:
    """Return the points of a measure as graphics, each polyline one line that was measured.

    Two points of one body that follow each other are the ends of a line: an endplate, a wall, a
    height. An angle between two lines that do not meet has two polylines (PS3.16 TID 300).
    """
    if measure.state is MeasureState.DRAWN:
        return _drawn_graphics(measure)
    found: list[Graphic] = []
    seen: set[bytes] = set()
    for group in _lines(measure.points):
        points = np.array([(point.x, point.y) for point in group], np.float64)
        if points.tobytes() not in seen:
            seen.add(points.tobytes())
            found.append(Graphic(Shape.POLYLINE if len(points) > 1 else Shape.POINT, points))
    return tuple(found)


def _lines(points: Sequence[MeasuredPoint]) -> list[Sequence[MeasuredPoint]]:
    """Part points into pairs of one body that follow each other, and single ones."""
    found: list[Sequence[MeasuredPoint]] = []
    start = 0
    while start < len(points):
        pair = points[start : start + 2]
        is_line = len(pair) == 2 and pair[0].body == pair[1].body
        found.append(pair if is_line else pair[:1])
        start += 2 if is_line else 1
    return found


def _drawn_graphics(measure: Measurement) -> tuple[Graphic, ...]:
    points = np.array([(point.x, point.y) for point in measure.points], np.float64)
    if len(points) < 2:
        return tuple(Graphic(Shape.POINT, points) for _ in points)
    if measure.code in _BOXES:
        low, high = points.min(axis=0), points.max(axis=0)
        if measure.code is MeasureCode.DRAWN_ELLIPSE:
            return (Graphic(Shape.ELLIPSE, _axes(low, high)),)
        (left, top), (right, bottom) = low, high
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        return (Graphic(Shape.POLYLINE, np.array(corners)),)
    if measure.code in _WHOLE_OUTLINES:
        return (Graphic(Shape.POLYLINE, np.concatenate([points, points[:1]])),)
    if measure.code in _ONE_LINE:
        return (Graphic(Shape.POLYLINE, points),)
    pairs = range(0, len(points) - 1, 2)
    return tuple(Graphic(Shape.POLYLINE, points[at : at + 2]) for at in pairs)


def _axes(low: Points, high: Points) -> Points:
    """Return the ends of the longer axis of an ellipse, then those of the shorter one, (4, 2)."""
    middle, half = (low + high) / 2, (high - low) / 2
    across, down = np.array([half[0], 0.0]), np.array([0.0, half[1]])
    longer, shorter = (across, down) if half[0] >= half[1] else (down, across)
    return np.stack([middle - longer, middle + longer, middle - shorter, middle + shorter])


def drawing_points(
    code: MeasureCode, graphics: Sequence[Graphic]
) -> tuple[tuple[float, float], ...]:
    """Return the points that a person drew, from graphics as `graphics_of` makes them.

    Of a rectangle or an ellipse they are the upper left and the lower right corner.
    """
    points = np.concatenate([graphic.points for graphic in graphics])
    if code in _BOXES:
        points = np.stack([points.min(axis=0), points.max(axis=0)])
    elif code in _WHOLE_OUTLINES:
        points = points[:-1]
    return tuple((float(x), float(y)) for x, y in points)
