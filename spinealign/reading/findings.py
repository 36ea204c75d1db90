"""An analysis as findings: worst first, normal ones folded, doubts told apart.

`FINDING_RULES` is the table of kinds: a new kind of finding is one more row of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from spinealign.domain.discs import Disc, DiscGrade, GradeName
from spinealign.domain.examination import LEVEL_SEQUENCE, REGION_OF_LETTER, BodySource, SpineRegion
from spinealign.domain.findings import (
    COUNT_CAUTIONS,
    UNSURE,
    Analysis,
    ModelStatus,
    Vertebra,
    VertebraState,
    WarningCode,
)
from spinealign.domain.height_loss import HeightLoss, height_losses
from spinealign.domain.image import DecisionSource
from spinealign.domain.measurements import Measurement, Point, Unmeasurable, UnmeasurableReason
from spinealign.domain.measures import (
    MEASURES,
    MeasureCode,
    MeasureDefinition,
    MeasureGroup,
    Quantity,
    Severity,
    SeverityGrade,
)
from spinealign.domain.reading import (
    CONTEXT_KINDS,
    Box,
    Finding,
    FindingKind,
    FindingValue,
    GradeScale,
    GradeValue,
    NameValue,
    Normality,
    NumberValue,
    PresenceValue,
)
from spinealign.reading.ranks import (
    GRADE_RANKS,
    PRESENCE_RANKS,
    range_rank,
    severity_rank,
)
from spinealign.wording.vertebrae import missing_levels

MOST_LINES = 8
"""How many findings stand on the page before the rest is folded."""

OPEN_NAME = "?"
"""Stands behind the level of an accepted suggestion that nobody confirmed."""

_MAIN_GROUPS = (MeasureGroup.ALIGNMENT, MeasureGroup.BALANCE, MeasureGroup.DRAWN)
_HEIGHT_RATIOS = (
    MeasureCode.BODY_HEIGHT_RATIO,
    MeasureCode.MIDDLE_HEIGHT_RATIO,
    MeasureCode.HEIGHT_TO_NEIGHBOURS,
)
_OF_ALL = frozenset(
    {
        WarningCode.VIEW_OVERRULED,
        WarningCode.VIEW_DISPUTED,
        WarningCode.VIEW_UNCERTAIN,
        WarningCode.TURNED,
        WarningCode.UPSIDE_DOWN,
    }
)
_OF_LENGTHS = frozenset({WarningCode.NO_SPACING, WarningCode.MAGNIFIED_SPACING})
_OF_GRADES = frozenset({WarningCode.T1_ALONE, WarningCode.WEIGHTING_ASSUMED})
_OF_LEVELS = frozenset(
    {
        WarningCode.LEVELS_UNCERTAIN,
        *COUNT_CAUTIONS,
        WarningCode.LUMBAR_COUNT_DOUBTFUL,
        WarningCode.DISC_COUNT_UNCERTAIN,
    }
)
_OF_SIDES = frozenset({WarningCode.FACING_DISPUTED, WarningCode.FACING_UNCERTAIN})
_OF_PLACES = frozenset(
    {
        WarningCode.BODY_HIDDEN,
        WarningCode.BODY_CUT,
        WarningCode.ENDPLATE_FROM_DISC,
        WarningCode.DISC_INFERRED,
    }
)
_DOUBTFUL = frozenset({VertebraState.CUT, *UNSURE})


@dataclass(frozen=True)
class FindingLine:
    """One line of the page: a finding, all that was graded on one disc, or the narrow canal.

    Parameters
    ----------
    key : str
        Of the line: that of its finding, "disc/L4/L5", or "canal".
    findings : tuple of Finding
        Worst first; at least one.
    """

    key: str
    findings: tuple[Finding, ...]

    @property
    def rank(self) -> float:
        """That of its worst finding."""
        return self.findings[0].rank

    @property
    def place(self) -> str:
        """Where it is: "L4/L5"."""
        return self.findings[0].place


@dataclass(frozen=True)
class FindingPage:
    """All findings of an analysis, sorted for reading.

    Parameters
    ----------
    lines : tuple of FindingLine
        Abnormal findings, worst first, at most `MOST_LINES`.
    folded : tuple of FindingLine
        The abnormal ones after them.
    normal : tuple of Finding
        Normal ones, and main measures without a reference.
    doubts : tuple of Finding
        What could not be told; no finding.
    context : tuple of Finding
        Kind of examination and levels.
    details : tuple of Finding
        Measures without a reference that no report mentions unless the reader decides on them.
    """

    lines: tuple[FindingLine, ...] = ()
    folded: tuple[FindingLine, ...] = ()
    normal: tuple[Finding, ...] = ()
    doubts: tuple[Finding, ...] = ()
    context: tuple[Finding, ...] = ()
    details: tuple[Finding, ...] = ()


def findings_of(analysis: Analysis) -> tuple[Finding, ...]:
    """Return everything that an analysis says, worst first; of what is alike, drawn measures first.

    Parameters
    ----------
    analysis : Analysis
        Answers of demonstration models are left out: no reading rests on them.
    """
    found = _found(analysis)
    if analysis.automatic is not None:
        before = _found(analysis.automatic)
        found = [_with_automatic(finding, before) for finding in found]
    return tuple(sorted(found, key=lambda finding: (-finding.rank, not is_drawn(finding))))


def is_drawn(finding: Finding) -> bool:
    """Whether a finding is what a person measured by hand."""
    is_measure = finding.kind is FindingKind.MEASURE
    return is_measure and MEASURES[MeasureCode(finding.code)].group is MeasureGroup.DRAWN


def _found(analysis: Analysis) -> list[Finding]:
    return [finding for rule in FINDING_RULES.values() for finding in rule.find(analysis)]


def _with_automatic(finding: Finding, before: Sequence[Finding]) -> Finding:
    """Return a grade with what the program said before a person's corrections.

    The same disc or body is the one at the same place: its name may have been another.
    """
    if finding.kind not in (FindingKind.HEIGHT_LOSS, FindingKind.DISC_GRADE):
        return finding
    alike = [one for one in before if (one.kind, one.code) == (finding.kind, finding.code)]
    own = max(alike, key=lambda one: _shared(one.box, finding.box), default=None)
    is_there = own is not None and _shared(own.box, finding.box) > 0
    value = own.value if own is not None and is_there else None
    return msgspec.structs.replace(finding, automatic=value)


def _shared(one: Box | None, other: Box | None) -> float:
    """Return the area that two boxes have in common, in square pixels; 0 without a box."""
    if one is None or other is None:
        return 0.0
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)


def page_of(findings: Iterable[Finding]) -> FindingPage:
    """Return findings sorted for reading."""
    abnormal, parts = [], {name: list[Finding]() for name in ("normal", "doubts", "details")}
    found = tuple(findings)
    for finding in found:
        if finding.kind in CONTEXT_KINDS:
            continue
        if finding.normality is Normality.ABNORMAL:
            abnormal.append(finding)
        elif finding.normality is Normality.UNDETERMINED:
            parts["doubts"].append(finding)
        else:
            parts["details" if is_detail(finding) else "normal"].append(finding)
    lines = _lines(abnormal)
    return FindingPage(
        lines=lines[:MOST_LINES],
        folded=lines[MOST_LINES:],
        context=tuple(finding for finding in found if finding.kind in CONTEXT_KINDS),
        **{name: tuple(members) for name, members in parts.items()},
    )


def canal_lines(findings: Iterable[Finding]) -> frozenset[str]:
    """Return the keys of the lines that widths of the canal at several discs share."""
    times = Counter(finding.canal_line for finding in findings if finding.is_of_canal)
    return frozenset(line for line, count in times.items() if count > 1)


def line_key(finding: Finding) -> str:
    """Return the line of a finding: all grades of a disc share one."""
    is_disc = finding.kind is FindingKind.DISC_GRADE
    return f"disc/{finding.place}" if is_disc else finding.key


_OF_A_CURVE = frozenset({MeasureCode.COBB_C2_LOWEST, MeasureCode.POSTERIOR_TANGENT})
_FEWEST_SEGMENTS = 3
"""Over how many segments a curve of the neck is one that is told: one between neighbours is none.

Source: set by hand; published angles are of the whole neck, C2-C7 or C2-C6 (`domain/measures.py`).
"""


def is_detail(finding: Finding) -> bool:
    """Whether a finding is left under the details unless the reader decides on it."""
    if finding.kind is not FindingKind.MEASURE or finding.normality is Normality.ABNORMAL:
        return False
    if finding.code in _OF_A_CURVE and _segments(finding) < _FEWEST_SEGMENTS:
        return True
    return MEASURES[MeasureCode(finding.code)].group not in _MAIN_GROUPS


def _segments(finding: Finding) -> int:
    """Return over how many segments a measure is taken."""
    ends = [LEVEL_SEQUENCE.index(level) for level in finding.levels if level in LEVEL_SEQUENCE]
    return max(ends) - min(ends) if ends else 0


def is_to_be_read(finding: Finding) -> bool:
    """Whether a reading is complete only with a decision on this finding."""
    return finding.normality is not Normality.UNDETERMINED and not is_detail(finding)


def assessed(finding: Finding, value: FindingValue) -> Finding:
    """Return a finding with another value, judged by the same limits.

    Parameters
    ----------
    finding : Finding
    value : FindingValue
        Of the type that the finding has.
    """
    changed = msgspec.structs.replace(
        finding,
        value=value,
        severity=None,
        is_possible=False,
        unmeasurable=None,
        height_loss=None,
    )
    return FINDING_RULES[finding.kind].assess(changed, value)


def _lines(abnormal: Sequence[Finding]) -> tuple[FindingLine, ...]:
    """Return findings as lines, worst first; grades of one disc, and of the canal, share one."""
    grouped: dict[str, list[Finding]] = {}
    wide = canal_lines(abnormal)
    for finding in sorted(abnormal, key=lambda finding: -finding.rank):
        line = finding.canal_line
        grouped.setdefault(line if line in wide else line_key(finding), []).append(finding)
    return tuple(FindingLine(key, tuple(members)) for key, members in grouped.items())


# Measures


def measure_key(measured: Measurement) -> str:
    """Return the key of the finding that a measure is."""
    code, levels = measured.key
    return "/".join((FindingKind.MEASURE.value, code, *levels))


def _measures(analysis: Analysis) -> Iterator[Finding]:
    for measured in analysis.measurements:
        bare = Finding(
            key=measure_key(measured),
            kind=FindingKind.MEASURE,
            code=measured.code.value,
            levels=measured.levels,
            normality=Normality.UNDETERMINED,
            normal=measured.normal,
            unmeasurable=measured.unmeasurable,
            box=_box([(point.x, point.y) for point in measured.points]),
            unit=measured.unit,
            curve=measured.curve,
            cautions=_measure_cautions(analysis, measured),
        )
        yield bare if measured.value is None else _measured(bare, measured)


def _measured(bare: Finding, measured: Measurement) -> Finding:
    assert measured.value is not None
    before = measured.automatic_value
    found = msgspec.structs.replace(
        bare,
        value=NumberValue(measured.value, measured.unit, measured.interval),
        automatic=None if before is None else NumberValue(before, measured.unit),
        severity=measured.severity,
    )
    assert isinstance(found.value, NumberValue)
    if measured.code in _HEIGHT_RATIOS:  # a finding of its own: `FindingKind.HEIGHT_LOSS`
        return _keep(found, found.value)
    return _judged_measure(found, found.value)


def _measure_cautions(analysis: Analysis, measured: Measurement) -> tuple[WarningCode, ...]:
    codes = _OF_ALL | _OF_SIDES
    if measured.definition.quantity in (Quantity.LENGTH, Quantity.AREA):
        codes |= _OF_LENGTHS
    if measured.definition.is_of_posture:
        codes |= {WarningCode.BENT_FILM}
    return _cautions(analysis, codes, measured.levels)


def _cautions(
    analysis: Analysis, codes: frozenset[WarningCode], levels: Sequence[str] = ()
) -> tuple[WarningCode, ...]:
    """Return the codes of an analysis that speak of what is measured, or of some bodies."""
    places = {*levels, "/".join(levels)}
    found = (
        caution.code
        for caution in analysis.cautions
        if caution.code in codes or (caution.code in _OF_PLACES and places & {*caution.levels})
    )
    return tuple(dict.fromkeys(found))


def _judged_measure(finding: Finding, value: NumberValue) -> Finding:
    """Return a measure with its normality and rank, `severity` being known.

    The worse of its published grade and its place against the reference range counts.
    """
    severity, normal = finding.severity, finding.normal
    if severity is None and normal is None and not _is_graded(finding):
        return msgspec.structs.replace(finding, normality=Normality.UNJUDGED, rank=0.0)
    by_grade = 0.0 if severity is None else severity_rank(severity.grade, severity.is_possible)
    by_range = 0.0 if normal is None else range_rank(value.value, normal)
    if severity is not None and by_grade >= by_range:
        is_possible = severity.is_possible
    else:
        is_possible = by_range > 0 and normal is not None and value.may_lie_in(normal)
    judged = msgspec.structs.replace(finding, is_possible=is_possible)
    return _ranked(judged, max(by_grade, by_range))


def _ranked(finding: Finding, rank: float) -> Finding:
    normality = Normality.ABNORMAL if rank > 0 else Normality.NORMAL
    return msgspec.structs.replace(finding, normality=normality, rank=rank)


def _is_graded(finding: Finding) -> bool:
    """Whether published thresholds count for a measure, its unit included."""
    definition = MEASURES[MeasureCode(finding.code)]
    are_true = not definition.is_length or finding.unit == definition.quantity.value
    are_true = are_true and WarningCode.MAGNIFIED_SPACING not in finding.cautions
    are_true = are_true and WarningCode.BENT_FILM not in finding.cautions
    region = REGION_OF_LETTER.get(finding.levels[-1][:1]) if finding.levels else None
    is_here = definition.graded_in is None or region in definition.graded_in
    is_here = is_here and definition.is_graded_between(finding.levels)
    return bool(definition.severities) and are_true and is_here


def _assess_measure(finding: Finding, value: FindingValue) -> Finding:
    assert isinstance(value, NumberValue)
    if finding.code in _HEIGHT_RATIOS:
        return _keep(finding, value)
    severity = _severity_by_hand(finding, value.value) if _is_graded(finding) else None
    changed = msgspec.structs.replace(finding, severity=severity)
    is_relative = _is_against_neighbours(MEASURES[MeasureCode(finding.code)])
    if is_relative and finding.normal is None:
        return msgspec.structs.replace(changed, normality=Normality.UNJUDGED, rank=0.0)
    return _judged_measure(changed, value)


def _severity_by_hand(finding: Finding, value: float) -> Severity | None:
    """Return the grade of a value that a reader gave: as sure as the reader."""
    definition = MEASURES[MeasureCode(finding.code)]
    if _is_against_neighbours(definition):
        return None
    if definition.is_graded_if_surely_positive and value <= 0:
        return None
    size = abs(value) if definition.counts_both_ways else value
    return definition.severity_of(size, size, size)


def _is_against_neighbours(definition: MeasureDefinition) -> bool:
    """Whether the number graded is not the value, but its difference from its neighbours'."""
    grades = {band.grade for band in definition.severities}
    return SeverityGrade.KYPHOTIC_AGAINST_NEIGHBOURS in grades


# Vertebral bodies


def _height_losses(analysis: Analysis) -> Iterator[Finding]:
    """Yield Genant's grade of each body, as far as its heights are graded."""
    bodies = {body.name: body for body in analysis.vertebrae}
    between = _bodies_between(analysis.vertebrae)
    lost = {loss.level: loss for loss in height_losses(analysis.measurements)}
    ratios = [m for m in analysis.measurements if _is_height_ratio(m)]
    for name in dict.fromkeys([*(m.levels[0] for m in ratios), *_not_found(analysis)]):
        own = [measured for measured in ratios if measured.levels[0] == name]
        bare = Finding(
            key=f"{FindingKind.HEIGHT_LOSS.value}/{name}",
            kind=FindingKind.HEIGHT_LOSS,
            code=FindingKind.HEIGHT_LOSS.value,
            levels=(name,),
            normality=Normality.UNDETERMINED,
            unmeasurable=_why_no_height(name, own),
            box=_box(bodies[name].outline) if name in bodies else None,
            cautions=_cautions(analysis, _OF_ALL, (name,)),
        )
        if name in lost:
            yield _lost(bare, lost[name])
        elif name in between and not any(map(_is_open_height, own)):
            yield _graded(bare, GradeValue(GradeScale.GENANT, 0))
        elif not _is_of_neck(analysis):
            yield bare


def _lost(bare: Finding, loss: HeightLoss) -> Finding:
    """Return a lost height; of equal grades the larger loss comes first."""
    percent = min(loss.percent, 100.0)
    value = GradeValue(GradeScale.GENANT, loss.grade, percent=percent)
    found = msgspec.structs.replace(bare, height_loss=loss, is_possible=loss.is_grade_possible)
    graded = _graded(found, value)
    return msgspec.structs.replace(graded, rank=graded.rank + percent / 1000)


def _graded(bare: Finding, value: FindingValue) -> Finding:
    found = msgspec.structs.replace(bare, value=value, automatic=value, unmeasurable=None)
    return _assess_grade(found, value)


def _is_height_ratio(measured: Measurement) -> bool:
    if measured.code not in _HEIGHT_RATIOS:
        return False
    region = REGION_OF_LETTER.get(measured.levels[0][:1])
    return region is not None and measured.definition.is_graded_in(region)


def _bodies_between(bodies: Sequence[Vertebra]) -> frozenset[str]:
    """Return the bodies seen as a whole between two others: only these are graded.

    `measure.geometry.segments.whole_bodies` has the same rule; what it does not grade is not
    said to be normal.
    """
    named = {body.level: body for body in bodies if body.level is not None}
    triples = zip(LEVEL_SEQUENCE, LEVEL_SEQUENCE[1:], LEVEL_SEQUENCE[2:], strict=False)
    return frozenset(
        own
        for above, own, below in triples
        if {above, own, below} <= set(named)
        and not {named[own].state, named[below].state} & _DOUBTFUL
    )


def _why_no_height(name: str, ratios: Sequence[Measurement]) -> Unmeasurable | None:
    if not ratios:
        return Unmeasurable(UnmeasurableReason.NOT_OUTLINED, (name,))
    return next((m.unmeasurable for m in ratios if m.value is None), None)


def _not_found(analysis: Analysis) -> tuple[str, ...]:
    """Return the bodies with heights (C2 and S1 have none) that a film should show and does not."""
    kind = analysis.examination
    if kind is None or kind.body_source is not BodySource.CORNER_MAPS:
        return ()
    return tuple(name for name in missing_levels(analysis) if name not in ("C2", "S1"))


def _is_of_neck(analysis: Analysis) -> bool:
    """Whether a film shows the neck: T1 at its border is not judged, and not called a doubt."""
    kind = analysis.examination
    return kind is not None and kind.regions == {SpineRegion.CERVICAL}


def _is_open_height(measured: Measurement) -> bool:
    """Whether a height is unknown, or low and not graded: then nothing is said of the body."""
    value = measured.value
    return value is None or measured.definition.severity_of(value, value, value) is not None


# Discs


def grade_key(disc: Disc, name: GradeName) -> str:
    """Return the key of the finding that a grade of a disc is."""
    return "/".join((FindingKind.DISC_GRADE.value, name.value, disc.level or disc.name))


def _disc_grades(analysis: Analysis) -> Iterator[Finding]:
    model = analysis.disc_model
    if model is None or model.status is ModelStatus.DEMONSTRATION:
        return
    for disc in analysis.discs:
        for grade in disc.grades:
            yield _disc_grade(analysis, disc, grade)


def _disc_grade(analysis: Analysis, disc: Disc, grade: DiscGrade) -> Finding:
    place = disc.level or disc.name
    bare = Finding(
        key=grade_key(disc, grade.name),
        kind=FindingKind.DISC_GRADE,
        code=grade.name.value,
        levels=tuple(disc.name.split("/")),
        normality=Normality.UNDETERMINED,
        unmeasurable=Unmeasurable(UnmeasurableReason.NEEDS_T2) if grade.needs_t2 else None,
        box=_box(disc.outline),
        cautions=_cautions(analysis, _OF_ALL | _OF_GRADES, place.split("/")),
    )
    value = _graded_value(grade)
    return bare if value is None else _graded(bare, value)


def _graded_value(grade: DiscGrade) -> FindingValue | None:
    """Return a disc's grade as a value; None where the model is too unsure to say."""
    if grade.value is None:
        return None
    if grade.name is GradeName.PFIRRMANN:
        number = int(grade.value)
        return GradeValue(GradeScale.PFIRRMANN, number, grade.probabilities[number - 1])
    return PresenceValue(bool(grade.value), grade.probabilities[-1])


def _assess_grade(finding: Finding, value: FindingValue) -> Finding:
    if isinstance(value, GradeValue):
        return _ranked(finding, GRADE_RANKS.get((value.scale, value.grade), 0.0))
    assert isinstance(value, PresenceValue)
    rank = PRESENCE_RANKS[GradeName(finding.code)] if value.is_present else 0.0
    return _ranked(finding, rank)


# The whole image


def _levels(analysis: Analysis) -> Iterator[Finding]:
    now, before = _named(analysis), _named(analysis.automatic or analysis)
    if not analysis.vertebrae and not analysis.discs:
        return
    names = now.name.replace(OPEN_NAME, "").split(" ") if now is not None else []
    yield Finding(
        key=FindingKind.LEVELS.value,
        kind=FindingKind.LEVELS,
        code=FindingKind.LEVELS.value,
        levels=(names[0].split("/")[0], names[-1].split("/")[-1]) if names else (),
        normality=Normality.UNJUDGED if names else Normality.UNDETERMINED,
        value=now,
        automatic=before,
        cautions=_cautions(analysis, _OF_ALL | _OF_LEVELS),
        box=_box([point for body in _outlined(analysis) for point in body.outline]),
    )


def _outlined(analysis: Analysis) -> Sequence[Vertebra | Disc]:
    return analysis.vertebrae or analysis.discs


def _named(analysis: Analysis) -> NameValue | None:
    """Return the names of all bodies from the top, or of all discs; None if they are uncertain."""
    if analysis.levels_uncertain or any(disc.is_level_assumed for disc in analysis.discs):
        return None
    names = [_level_of(body) for body in analysis.vertebrae]
    names = names or [disc.level for disc in reversed(analysis.discs)]
    known = [name for name in names if name is not None]
    return NameValue(" ".join(known)) if known and len(known) == len(names) else None


def _level_of(body: Vertebra) -> str | None:
    return f"{body.level}{OPEN_NAME}" if body.is_name_open else body.level


def _examination(analysis: Analysis) -> Iterator[Finding]:
    if analysis.examination is None:
        return
    value = NameValue(analysis.examination.kind.value)
    yield Finding(
        key=FindingKind.EXAMINATION.value,
        kind=FindingKind.EXAMINATION,
        code=FindingKind.EXAMINATION.value,
        levels=(),
        normality=Normality.UNJUDGED,
        value=value,
        automatic=_examination_seen(analysis, value),
        cautions=_cautions(analysis, _OF_ALL),
    )


def _examination_seen(analysis: Analysis, chosen: NameValue) -> NameValue | None:
    """Return the kind that the program itself took the image for."""
    if analysis.decided_by is not DecisionSource.USER:
        return chosen
    seen = None if analysis.kind_check is None else analysis.kind_check.kind.examination
    return None if seen is None else NameValue(seen.kind.value)


def _box(points: Sequence[Point]) -> Box | None:
    """Return the least box round points; None without any."""
    if not points:
        return None
    columns, rows = zip(*points, strict=True)
    return (min(columns), min(rows), max(columns), max(rows))


def _keep(finding: Finding, _value: FindingValue | None) -> Finding:
    """Return a finding that is neither normal nor abnormal."""
    return msgspec.structs.replace(finding, normality=Normality.UNJUDGED, rank=0.0)


@dataclass(frozen=True)
class FindingRule:
    """How findings of one kind are taken from an analysis, and how a reader's value is judged."""

    find: Callable[[Analysis], Iterable[Finding]]
    assess: Callable[[Finding, FindingValue], Finding]


FINDING_RULES: Mapping[FindingKind, FindingRule] = MappingProxyType(
    {
        FindingKind.EXAMINATION: FindingRule(_examination, _keep),
        FindingKind.LEVELS: FindingRule(_levels, _keep),
        FindingKind.HEIGHT_LOSS: FindingRule(_height_losses, _assess_grade),
        FindingKind.DISC_GRADE: FindingRule(_disc_grades, _assess_grade),
        FindingKind.MEASURE: FindingRule(_measures, _assess_measure),
    }
)
"""Every kind of finding, in the order in which equally bad ones are listed."""
