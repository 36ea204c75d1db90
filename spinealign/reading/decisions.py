"""What a reader decides on findings, and what then holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

import msgspec

from spinealign.domain.discs import GradeName
from spinealign.domain.errors import ReadingError, ReadingProblem
from spinealign.domain.examination import LEVEL_SEQUENCE, ExaminationKind
from spinealign.domain.measures import MEASURES, MeasureCode, Quantity
from spinealign.domain.reading import (
    GRADE_LIMITS,
    Box,
    Decision,
    Finding,
    FindingDecision,
    FindingKind,
    FindingValue,
    GradeScale,
    GradeValue,
    NameValue,
    Normality,
    NumberValue,
    PresenceValue,
    Reading,
)
from spinealign.reading.findings import assessed, is_to_be_read
from spinealign.wording.reading_page import decision_statement, with_who

NUMBER_LIMITS: Mapping[Quantity, tuple[float, float]] = MappingProxyType(
    {
        Quantity.ANGLE: (-180.0, 180.0),
        Quantity.LENGTH: (-2000.0, 2000.0),
        Quantity.AREA: (0.0, 1_000_000.0),
        Quantity.PERCENT: (-200.0, 200.0),
        Quantity.RATIO: (0.0, 10.0),
    }
)
"""What a reader may type, in the unit of the quantity: no clinical limit, it stops typing errors.

Source: set by hand; wider than any body.
"""

PIXEL_LIMITS = (-20_000.0, 20_000.0)
"""What a reader may type where lengths are pixels. Source: the largest image has 16,384 a side."""

_SAME_NUMBER: Mapping[str, float] = MappingProxyType({"%": 0.5, "": 0.005})
_SAME_OTHERWISE = 0.05
"""Numbers nearer than this are printed alike (`wording.measure_rows`)."""

_SAME_PROBABILITY = 0.02
_SAME_PERCENT = 0.5
_WHOLES = (FindingKind.LEVELS, FindingKind.EXAMINATION)
"""What all other findings rest on."""

_LEAST_OVERLAP = 0.5
"""Share of the common area from which on two boxes are the same place. Source: set by hand;
a neighbouring disc or body overlaps by less than a fifth, a corrected one by far more."""


@dataclass(frozen=True)
class ReadFinding:
    """A finding with what the reader made of it.

    Parameters
    ----------
    finding : Finding
        As the analysis says it now.
    decision : FindingDecision or None
        None while it is undecided.
    is_outdated : bool
        The analysis no longer says what was decided on: a point was corrected, or levels were
        renamed; or the reader changed or rejected since what it is made of. Such a decision counts
        for nothing until it is made again.
    rests_on : tuple of Finding
        Measures that it is made of, and that the reader changed or rejected.
    """

    finding: Finding
    decision: FindingDecision | None = None
    is_outdated: bool = False
    rests_on: tuple[Finding, ...] = ()

    @property
    def state(self) -> Decision:
        """What counts: an outdated decision is none."""
        if self.decision is None or self.is_outdated:
            return Decision.UNDECIDED
        return self.decision.decision

    @property
    def said(self) -> Finding | None:
        """The finding with the value that holds, judged anew; None if undecided or rejected."""
        decision = self.decision
        if decision is None or self.is_outdated or decision.effective is None:
            return None
        is_human = decision.human is not None
        return assessed(self.finding, decision.effective) if is_human else self.finding


def read_findings(findings: Iterable[Finding], reading: Reading) -> tuple[ReadFinding, ...]:
    """Return findings with the decisions on them, in their order."""
    made = {decision.key: decision for decision in reading.decisions}
    read = tuple(_read(finding, made.get(finding.key)) for finding in findings)
    return read if reading.signed_utc is not None else _with_what_they_rest_on(read)


def _with_what_they_rest_on(read: Sequence[ReadFinding]) -> tuple[ReadFinding, ...]:
    """Return findings with what the reader overruled of the measures that they are made of."""
    overruled = {
        each.finding.code: each
        for each in read
        if each.finding.kind is FindingKind.MEASURE
        and each.state in (Decision.CHANGED, Decision.REJECTED)
    }
    return tuple(_resting(each, overruled) for each in read) if overruled else tuple(read)


def _resting(read: ReadFinding, overruled: Mapping[str, ReadFinding]) -> ReadFinding:
    if read.finding.kind is not FindingKind.MEASURE or read.finding.value is None:
        return read
    made_of = MEASURES[MeasureCode(read.finding.code)].made_of
    parts = [overruled[code] for code in made_of if code in overruled]
    if not parts:
        return read
    last = max(part.decision.decided_utc for part in parts if part.decision is not None)
    made = read.decision
    is_older = made is not None and made.human is None and made.decided_utc < last
    return replace(
        read,
        is_outdated=read.is_outdated or is_older,
        rests_on=tuple(part.finding for part in parts),
    )


def _read(finding: Finding, decision: FindingDecision | None) -> ReadFinding:
    return ReadFinding(finding, decision, decision is not None and is_outdated(finding, decision))


def unmatched_decisions(
    findings: Iterable[Finding], reading: Reading
) -> tuple[FindingDecision, ...]:
    """Return decisions on findings that the analysis no longer has: a body was deleted."""
    keys = {finding.key for finding in findings}
    return tuple(decision for decision in reading.decisions if decision.key not in keys)


def pending(findings: Iterable[Finding], reading: Reading) -> tuple[Finding, ...]:
    """Return the findings that a complete reading decides on, and that wait for a decision."""
    return tuple(
        read.finding
        for read in read_findings(findings, reading)
        if read.state is Decision.UNDECIDED and _waits(read)
    )


def _waits(read: ReadFinding) -> bool:
    """Whether a finding needs a decision.

    So does a grade that was decided on and became uncertain; a measure that can no longer be
    taken, because a body was deleted, is a doubt like any other, and so is a grade of a name
    that another disc has now.
    """
    if is_to_be_read(read.finding):
        return True
    is_lost = read.finding.value is None and read.finding.kind is FindingKind.MEASURE
    is_moved = read.decision is None or not _is_same_place(read.finding.box, read.decision.box)
    return read.is_outdated and not is_lost and not is_moved


def decide(
    reading: Reading,
    finding: Finding,
    decision: Decision,
    human: FindingValue | None,
    now: datetime,
) -> Reading:
    """Return a reading with a decision on a finding, in place of an earlier one.

    Parameters
    ----------
    reading : Reading
    finding : Finding
    decision : Decision
        `UNDECIDED` takes an earlier one back.
    human : FindingValue or None
        The reader's value where `decision` is `CHANGED`; one that the finding has already
        is an acceptance.
    now : datetime
        With its time zone.

    Raises
    ------
    ReadingError
        The reading is signed; there is nothing to accept; or the value is not of the kind or
        beyond the limits of the finding.

    Notes
    -----
    Levels or a kind that a person changed on the picture are `CHANGED` when they are accepted.
    """
    require_unsigned(reading)
    others = tuple(made for made in reading.decisions if made.key != finding.key)
    if decision is Decision.UNDECIDED:
        return reading.with_changes(decisions=others)
    if decision is Decision.CHANGED:
        require_allowed(finding, human)
    elif decision is Decision.ACCEPTED and finding.value is None:
        raise ReadingError(ReadingProblem.NOTHING_TO_ACCEPT, (finding.key,))
    shown = finding.value
    if decision is Decision.ACCEPTED and is_changed_on_picture(finding):
        decision, human, shown = Decision.CHANGED, finding.value, finding.automatic
    made = FindingDecision(
        finding.key,
        decision,
        shown,
        finding.automatic,
        _by_hand(human) if decision is Decision.CHANGED else None,
        reading.reader,
        now,
        finding.box,
    )
    return reading.with_changes(decisions=(*others, made))


def _by_hand(value: FindingValue | None) -> FindingValue | None:
    """Return a reader's value: no interval and no probability of the program belongs to it."""
    match value:
        case NumberValue():
            return NumberValue(value.value, value.unit)
        case GradeValue():
            return GradeValue(value.scale, value.grade)
        case PresenceValue():
            return PresenceValue(value.is_present)
    return value


def is_changed_on_picture(finding: Finding) -> bool:
    """Whether levels or kind are what a person chose, and not what the program said."""
    is_whole = finding.kind in _WHOLES and finding.value is not None
    return is_whole and not is_same_value(finding.value, finding.automatic)


def with_changes_on_picture(
    reading: Reading, before: Sequence[Finding], findings: Sequence[Finding], now: datetime
) -> Reading:
    """Return a reading with levels or kind `CHANGED` that a person has just changed.

    Parameters
    ----------
    reading : Reading
        Not signed.
    before, findings : sequence of Finding
        Of the analysis before that, and now; a change that was taken back is none.
    now : datetime
    """
    earlier = {finding.key: finding.value for finding in before}
    for finding in findings:
        was, made = earlier.get(finding.key), reading.decision_on(finding.key)
        if finding.kind not in _WHOLES or is_same_value(was, finding.value):
            continue
        if is_changed_on_picture(finding):
            reading = decide(reading, finding, Decision.ACCEPTED, None, now)
        elif made is not None and made.human is not None and is_same_value(made.human, was):
            reading = decide(reading, finding, Decision.UNDECIDED, None, now)
    return reading


def acceptable(findings: Iterable[Finding], reading: Reading) -> tuple[Finding, ...]:
    """Return what waits for a decision and may be accepted unseen, together with all the rest.

    What the reader changed or rejected on an earlier result is not, nor what is made of measures
    that the reader changed or rejected: each waits to be decided by itself.
    """
    return tuple(
        read.finding
        for read in read_findings(findings, reading)
        if read.state is Decision.UNDECIDED
        and _waits(read)
        and read.finding.value is not None
        and not is_overruled_before(read)
        and not read.rests_on
    )


def is_overruled_before(read: ReadFinding) -> bool:
    """Whether the reader changed or rejected a finding on an earlier result."""
    overruled = (Decision.CHANGED, Decision.REJECTED)
    return read.is_outdated and read.decision is not None and read.decision.decision in overruled


def accept_rest(reading: Reading, findings: Sequence[Finding], now: datetime) -> Reading:
    """Return a reading in which all that is `acceptable` is accepted.

    Raises
    ------
    ReadingError
        The reading is signed.
    """
    require_unsigned(reading)
    for finding in acceptable(findings, reading):
        reading = decide(reading, finding, Decision.ACCEPTED, None, now)
    return reading


def renamed_keys(before: Iterable[Finding], findings: Iterable[Finding]) -> dict[str, str]:
    """Return what findings of one disc or body are called now, where their level was renamed.

    Parameters
    ----------
    before, findings : iterable of Finding
        Of the analysis before that, and now.
    """
    now = [finding for finding in findings if _has_one_place(finding)]
    here = {finding.key: finding for finding in now}
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in now:
        alike.setdefault((finding.kind, finding.code), []).append(finding)
    renamed = {}
    for was in before:
        if was.key in here and _is_same_place(was.box, here[was.key].box):
            continue
        same = [
            each.key
            for each in alike.get((was.kind, was.code), [])
            if was.box is not None and each.box is not None and _is_same_place(was.box, each.box)
        ]
        if len(same) == 1:
            renamed[was.key] = same[0]
    return renamed


def _has_one_place(finding: Finding) -> bool:
    """Whether a finding belongs to one disc or body, which may get another name."""
    if finding.kind is FindingKind.MEASURE:
        return MEASURES[MeasureCode(finding.code)].extent.has_one_level
    return finding.kind in (FindingKind.DISC_GRADE, FindingKind.HEIGHT_LOSS)


def following(reading: Reading, findings: Sequence[Finding]) -> Reading:
    """Return a reading whose decisions go with the disc or body they were made on.

    Parameters
    ----------
    reading : Reading
        Not signed; its levels may have been renamed since the decisions were made.
    findings : sequence of Finding
        As the analysis has them now.
    """
    made_on = [
        msgspec.structs.replace(named_finding(made), box=made.box) for made in reading.decisions
    ]
    renamed = renamed_keys(made_on, findings)
    if not renamed:
        return reading
    kept = {made.key: made for made in reading.decisions if made.key not in renamed}
    moved = {
        renamed[made.key]: rekeyed(made, renamed)
        for made in reading.decisions
        if made.key in renamed
    }
    decisions = {**kept, **moved}.values()
    return reading.with_changes(decisions=tuple(sorted(decisions, key=lambda m: m.decided_utc)))


def rekeyed(made: FindingDecision, renamed: Mapping[str, str]) -> FindingDecision:
    """Return a decision with the key that its finding has now."""
    return msgspec.structs.replace(made, key=renamed.get(made.key, made.key))


def named_finding(decision: FindingDecision) -> Finding:
    """Return what a decision is about, as far as its key says: to be told without the analysis."""
    kind, *rest = decision.key.split("/")
    has_code = kind in (FindingKind.MEASURE, FindingKind.DISC_GRADE)
    return Finding(
        key=decision.key,
        kind=FindingKind(kind),
        code=rest[0] if has_code else kind,
        levels=tuple(rest[1:] if has_code else rest),
        normality=Normality.UNJUDGED,
        value=decision.shown,
        automatic=decision.automatic,
    )


def told_decision(decision: FindingDecision) -> str:
    """Return a decision as one sentence, without the analysis that it was made on."""
    finding = named_finding(decision)
    held = decision.effective
    said = None if held is None else msgspec.structs.replace(finding, value=held)
    return decision_statement(finding, decision, said)


def worst_first(decisions: Iterable[FindingDecision]) -> tuple[FindingDecision, ...]:
    """Return decisions by the rank of what holds, as far as it follows from key and value alone."""
    return tuple(sorted(decisions, key=lambda made: -_rank(made)))


def _rank(made: FindingDecision) -> float:
    held = made.effective
    return 0.0 if held is None else assessed(named_finding(made), held).rank


def told_changes(reading: Reading) -> tuple[str, ...]:
    """Return what a reader changed and rejected, a sentence each with who did so and when."""
    overruled = (Decision.CHANGED, Decision.REJECTED)
    return tuple(
        with_who(told_decision(made), made)
        for made in reading.decisions
        if made.decision in overruled
    )


def require_unsigned(reading: Reading) -> None:
    """Refuse changes of what is signed.

    Raises
    ------
    ReadingError
    """
    if reading.signed_utc is not None:
        raise ReadingError(ReadingProblem.SIGNED_ALREADY)


# What is still the same


def is_outdated(finding: Finding, decision: FindingDecision) -> bool:
    """Whether the analysis says something else, or of another place, than was decided on.

    What the reader gave instead may be what the analysis says now: the change was carried out.
    """
    if not _is_same_place(finding.box, decision.box):
        return True
    is_carried_out = decision.human is not None and is_same_value(finding.value, decision.human)
    return not is_carried_out and not is_same_value(finding.value, decision.shown)


def is_another_now(signed: Finding, now: Finding | None) -> bool:
    """Whether an analysis no longer says what it said when a finding was signed."""
    if now is None:
        return True
    is_same = is_same_value(signed.value, now.value) and _is_same_place(signed.box, now.box)
    return not is_same


def is_same_value(one: FindingValue | None, other: FindingValue | None) -> bool:
    """Whether two values are printed alike; who gave them and how surely does not count."""
    match one, other:
        case NumberValue(), NumberValue():
            if one.unit != other.unit:
                return False
            within = _SAME_NUMBER.get(one.unit, _SAME_OTHERWISE)
            return math.isclose(one.value, other.value, rel_tol=0, abs_tol=within)
        case GradeValue(), GradeValue():
            is_same = (one.scale, one.grade) == (other.scale, other.grade)
            is_as_sure = _is_near(one.probability, other.probability, _SAME_PROBABILITY)
            return is_same and is_as_sure and _is_near(one.percent, other.percent, _SAME_PERCENT)
        case PresenceValue(), PresenceValue():
            is_same = one.is_present == other.is_present
            return is_same and _is_near(one.probability, other.probability, _SAME_PROBABILITY)
    return one == other


def _is_near(one: float | None, other: float | None, within: float) -> bool:
    """Whether two of the program's numbers are alike; a person's value has none."""
    if one is None or other is None:
        return True
    return math.isclose(one, other, rel_tol=0, abs_tol=within)


def _is_same_place(one: Box | None, other: Box | None) -> bool:
    if one is None or other is None:
        return True
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width < 0 or height < 0:
        return False
    common = width * height
    whole = _area(one) + _area(other) - common
    return whole == 0 or common >= _LEAST_OVERLAP * whole


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


# What a reader may say


def require_allowed(finding: Finding, value: FindingValue | None) -> None:
    """Refuse a value that a finding cannot have.

    Raises
    ------
    ReadingError
        It is of another type, beyond the limits, or no known name.
    """
    _CHECKS[finding.kind](finding, value)


def allowed_grades(finding: Finding) -> tuple[int, ...]:
    """Return the whole grades that a finding can have; empty where it has no grades."""
    scale = _scale_of(finding)
    if scale is None:
        return ()
    low, high = GRADE_LIMITS[scale]
    return tuple(range(low, high + 1))


def number_limits(finding: Finding) -> tuple[float, float] | None:
    """Return the least and the greatest number that a reader may type; None for no number."""
    if finding.kind is not FindingKind.MEASURE:
        return None
    definition = MEASURES[MeasureCode(finding.code)]
    if finding.unit in ("px", "px²"):
        low, high = PIXEL_LIMITS
    else:
        low, high = NUMBER_LIMITS[definition.quantity]
    return (max(low, 0.0) if definition.is_size else low, high)


def _check_number(finding: Finding, value: FindingValue | None) -> None:
    if not isinstance(value, NumberValue) or value.unit != finding.unit:
        raise ReadingError(ReadingProblem.WRONG_TYPE, (finding.key,))
    limits = number_limits(finding)
    assert limits is not None
    if not limits[0] <= value.value <= limits[1]:  # false for NaN
        raise ReadingError(ReadingProblem.OUT_OF_LIMITS, (finding.key,), limits)


def _scale_of(finding: Finding) -> GradeScale | None:
    if finding.kind is FindingKind.HEIGHT_LOSS:
        return GradeScale.GENANT
    return GradeScale.PFIRRMANN if finding.code == GradeName.PFIRRMANN else None


def _check_grade(finding: Finding, value: FindingValue | None) -> None:
    scale = _scale_of(finding)
    if scale is None:
        if not isinstance(value, PresenceValue):
            raise ReadingError(ReadingProblem.WRONG_TYPE, (finding.key,))
        return
    if not isinstance(value, GradeValue) or value.scale is not scale:
        raise ReadingError(ReadingProblem.WRONG_TYPE, (finding.key,))
    if value.grade not in allowed_grades(finding):
        raise ReadingError(ReadingProblem.OUT_OF_LIMITS, (finding.key,), GRADE_LIMITS[scale])


def _check_levels(finding: Finding, value: FindingValue | None) -> None:
    """Refuse names that do not run down the spine, or are not as many as there are bodies."""
    names = value.name.split(" ") if isinstance(value, NameValue) else []
    places = [_row(name) for name in names]
    is_running = bool(places) and None not in places and places == sorted(set(places), key=_int)
    before = finding.value.name.split(" ") if isinstance(finding.value, NameValue) else names
    if not is_running or len(before) != len(names):
        raise ReadingError(ReadingProblem.UNKNOWN_NAME, (finding.key,))


def _row(name: str) -> int | None:
    upper = name.split("/")[0]
    return LEVEL_SEQUENCE.index(upper) if upper in LEVEL_SEQUENCE else None


def _int(place: int | None) -> int:
    return -1 if place is None else place


def _check_examination(finding: Finding, value: FindingValue | None) -> None:
    names = {kind.value for kind in ExaminationKind}
    if not isinstance(value, NameValue) or value.name not in names:
        raise ReadingError(ReadingProblem.UNKNOWN_NAME, (finding.key,))


_CHECKS: Mapping[FindingKind, Callable[[Finding, FindingValue | None], None]] = MappingProxyType(
    {
        FindingKind.HEIGHT_LOSS: _check_grade,
        FindingKind.DISC_GRADE: _check_grade,
        FindingKind.MEASURE: _check_number,
        FindingKind.LEVELS: _check_levels,
        FindingKind.EXAMINATION: _check_examination,
    }
)
"""How a reader's value is checked, by kind of finding."""


def not_carried_out(findings: Iterable[Finding], reading: Reading) -> tuple[Finding, ...]:
    """Return changes of levels or kind that the analysis does not follow yet.

    All other findings rest on levels and kind, so that such a change is made on the picture;
    until then the reading contradicts itself and cannot be signed.
    """
    return tuple(
        read.finding
        for read in read_findings(findings, reading)
        if read.finding.kind in _WHOLES
        and read.state is Decision.CHANGED
        and read.decision is not None
        and not is_same_value(read.finding.value, read.decision.human)
    )
