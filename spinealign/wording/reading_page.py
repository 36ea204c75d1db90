"""Words of a reading: findings with their values, decisions, status, and the impression."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from spinealign.domain.discs import GradeName
from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import WarningCode
from spinealign.domain.measurements import UnmeasurableReason
from spinealign.domain.measures import MEASURES, Extent, MeasureCode
from spinealign.domain.reading import (
    Addendum,
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
    ReadingStatus,
)
from spinealign.wording.discs import GRADE_TITLES, percent_text
from spinealign.wording.examinations import named_kind_text
from spinealign.wording.height_loss import (
    height_loss_meaning,
    height_loss_phrase,
    height_loss_sentences,
)
from spinealign.wording.measure_rows import (
    REACHES_BEYOND,
    interval_text,
    number_text,
    range_text,
    unit_text,
)
from spinealign.wording.measures import curve_text, measure_name, reason_text, severity_text
from spinealign.wording.text import in_sentence, listed, safe_text

STATUS_WORDS: Mapping[ReadingStatus, str] = {
    ReadingStatus.AUTOMATIC: "automatic",
    ReadingStatus.BEING_READ: "being read",
    ReadingStatus.SIGNED: "signed",
    ReadingStatus.AMENDED: "amended",
}

DECISION_WORDS: Mapping[Decision, str] = {
    Decision.UNDECIDED: "undecided",
    Decision.ACCEPTED: "accepted",
    Decision.CHANGED: "changed",
    Decision.REJECTED: "rejected",
}

PROBABILITY = "probability"
"""What the model's percentage of a grade is called."""

NO_READING = "No reading of this image is saved in the profile."

OUTDATED = "decided on an earlier result: check it"
"""Stands beside a decision on a value that the analysis no longer has."""

_BEYOND_WEAR = (GradeName.HERNIATION, GradeName.SPONDYLOLISTHESIS)
_GENANT_WORDS = {0: "none", 1: "mild", 2: "moderate", 3: "severe"}


def finding_title(finding: Finding) -> str:
    """Return what a finding is about, with its place: "L4/L5 disc narrowing"."""
    match finding.kind:
        case FindingKind.MEASURE:
            number = int(finding.key.rsplit("/", 1)[1]) if _is_drawn(finding) else 0
            return safe_text(measure_name(MeasureCode(finding.code), finding.levels, number))
        case FindingKind.EXAMINATION:
            return "Image type"
        case FindingKind.LEVELS:
            return "Levels"
    return safe_text(f"{finding.place} {finding_name(finding)}")


def finding_name(finding: Finding) -> str:
    """Return what a finding of a disc or a body is about, fit for a sentence: "disc bulging"."""
    if finding.kind is FindingKind.HEIGHT_LOSS:
        return "height loss"
    title = GRADE_TITLES[GradeName(finding.code)]
    is_name = finding.code in (GradeName.PFIRRMANN, GradeName.MODIC)
    return title if is_name else title[0].lower() + title[1:]


def _is_drawn(finding: Finding) -> bool:
    return MEASURES[MeasureCode(finding.code)].extent is Extent.DRAWING


def finding_value_text(value: FindingValue | None) -> str:
    """Return a value without its interval: "12.3°", "4", "yes", "moderate (Genant grade 2)"."""
    match value:
        case NumberValue():
            return f"{number_text(value.value, value.unit)}{unit_text(value.unit)}"
        case GradeValue(scale=GradeScale.GENANT):
            share = "" if value.percent is None else f"{value.percent:.0f} %, "
            grade = f" ({share}Genant grade {value.grade})" if value.grade else ""
            return f"{_GENANT_WORDS[value.grade]}{grade}"
        case GradeValue():
            return str(value.grade)
        case PresenceValue():
            return "yes" if value.is_present else "no"
        case NameValue():
            kind = named_kind_text(value.name)
            return kind if kind is not None else safe_text(names_text(value.name.split(" ")))
    return ""


def finding_doubt_text(value: FindingValue | None) -> str:
    """Return how sure the program is: "95 % 9.8 to 14.9", "probability 91 %"; "" if unknown.

    A bare percentage beside "narrowing" reads as a height that was lost.
    """
    match value:
        case NumberValue():
            interval = interval_text(value.interval, value.unit)
            return f"95 % {interval}" if interval else ""
        case GradeValue() | PresenceValue():
            known = value.probability
            return "" if known is None else f"{PROBABILITY} {percent_text(known)}"
    return ""


def finding_statement(finding: Finding) -> str:
    """Return a finding as one sentence with value, interval and what it means.

    Returns
    -------
    str
        Such as "C2–C7 Cobb lordosis: 3.1° (95 % 0.2 to 6.0), below the reference range (6 to
        19°)." or, for a doubt, "T1 slope: not determined, T1 was not found.".
    """
    if finding.value is None:
        reason = reason_text(finding.unmeasurable)
        return f"{finding_title(finding)}: not determined{f', {reason}' if reason else ''}."
    if finding.height_loss is not None:
        return height_loss_sentences([finding.height_loss])[0]
    doubt = finding_doubt_text(finding.value)
    value = f"{finding_value_text(finding.value)}{f' ({doubt})' if doubt else ''}"
    parts = [value, curve_text(finding.curve), *_meanings(finding), *_reservations(finding)]
    return f"{finding_title(finding)}: {', '.join(filter(None, parts))}."


def decision_statement(finding: Finding, decision: FindingDecision, said: Finding | None) -> str:
    """Return a finding as it was read, with the program's value where the reader has another.

    Parameters
    ----------
    finding : Finding
    decision : FindingDecision
    said : Finding or None
        With the value that holds; None where it was rejected.
    """
    if said is None:
        was = finding_value_text(decision.shown) or normality_text(Normality.UNDETERMINED)
        return f"{finding_title(finding)}: rejected by the reader (automatic: {was})."
    if decision.human is None:
        return finding_statement(said)
    was = automatic_text(decision)
    return f"{finding_statement(said).removesuffix('.')}; changed by the reader (automatic: {was})."


def with_who(statement: str, decision: FindingDecision) -> str:
    """Return a sentence on a decision with who made it, if a name was given, and when."""
    who = safe_text(decision.reader)
    moment = time_text(decision.decided_utc)
    return f"{statement.removesuffix('.')}; {f'{who}, ' if who else ''}{moment}."


def change_text(changed: Sequence[tuple[Finding, FindingDecision]]) -> str:
    """Return that a reader changed a finding, or grades of one disc, and what the program said.

    Returns
    -------
    str
        "changed by the reader; program: 12.3°", "changed by the reader; program: Pfirrmann grade
        4, no disc bulging"; the reader's own values stand beside it.
    """
    said = [_automatic_phrase(finding, decision) for finding, decision in changed]
    return f"changed by the reader; program: {', '.join(said)}"


def overruled_text(decision: FindingDecision) -> str:
    """Return that the reader changed or rejected one value, and what the program said.

    Returns
    -------
    str
        "changed by the reader; program: 12.3°", "rejected by the reader; program: yes".
    """
    did = "rejected" if decision.decision is Decision.REJECTED else "changed"
    return f"{did} by the reader; program: {automatic_text(decision)}"


def _automatic_phrase(finding: Finding, decision: FindingDecision) -> str:
    said = decision.automatic
    if finding.kind is not FindingKind.DISC_GRADE:
        return automatic_text(decision)
    if said is None:
        return f"{finding_name(finding)} {automatic_text(decision)}"
    return grade_phrase(msgspec.structs.replace(finding, value=said))


def automatic_text(decision: FindingDecision) -> str:
    """Return what the program said before a person corrected anything."""
    return finding_value_text(decision.automatic) or normality_text(Normality.UNDETERMINED)


def _meanings(finding: Finding) -> list[str]:
    """Return what a value means by a published grade and by its reference range."""
    found = [severity_text(finding.severity)] if finding.severity is not None else []
    place = range_place(finding)
    return found + ([f"{place} ({range_text(finding.normal, finding.unit)})"] if place else [])


def _reservations(finding: Finding) -> list[str]:
    is_magnified = WarningCode.MAGNIFIED_SPACING in finding.cautions
    return ["measured at the detector"] if is_magnified else []


def limit_text(finding: Finding) -> str:
    """Return what a value is judged by: its reference range, or the threshold of its first grade.

    Returns
    -------
    str
        "6 to 38°", "threshold 13 mm"; "" without either.
    """
    reference = finding.reference
    if finding.normal is not None or reference is None:
        return range_text(reference, finding.unit)
    ends = [end for end in (reference.low, reference.high) if end is not None]
    return f"threshold {' to '.join(f'{end:.3g}' for end in ends)}{unit_text(finding.unit)}"


def range_place(finding: Finding) -> str:
    """Return where a number lies against its reference range; "" without one."""
    value, normal = finding.value, finding.normal
    if normal is None or not isinstance(value, NumberValue):
        return ""
    if normal.holds(value.value):
        within = "within the reference range"
        return within if value.surely_lies_in(normal) else f"{within}, {REACHES_BEYOND}"
    is_below = normal.low is not None and value.value < normal.low
    side = "below" if is_below else "above"
    return f"{'possibly ' if value.may_lie_in(normal) else ''}{side} the reference range"


def names_text(names: Sequence[str]) -> str:
    """Return vertebrae or discs, neighbours that follow each other as "C2 to C7"."""
    runs: list[list[str]] = []
    for name in names:
        if runs and _position(name) == _position(runs[-1][-1]) + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    parts = [part for run in runs for part in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else run)]
    return listed(parts) if parts else ""


def _position(name: str) -> int:
    upper = name.split("/")[0]
    return LEVEL_SEQUENCE.index(upper) if upper in LEVEL_SEQUENCE else -2


# The impression


def abnormal_phrase(finding: Finding) -> str:
    """Return an abnormal finding without its place, as it is dictated.

    Returns
    -------
    str
        "Pfirrmann grade 4", "disc bulging", "moderate height loss (Genant grade 2), possible
        fracture", "canal diameter 9.1 mm, absolute stenosis".
    """
    value = finding.value
    if isinstance(value, PresenceValue):
        return _hedged_name(finding)
    if isinstance(value, GradeValue) and value.scale is GradeScale.GENANT:
        return _height_loss_phrase(finding, value.grade)
    if isinstance(value, GradeValue):
        is_unlikely = value.probability is not None and value.probability < _LIKELIER_THAN_NOT
        return f"{'possibly ' if is_unlikely else ''}Pfirrmann grade {value.grade}"
    curve = "" if _opposite_curve(finding) is None else f"{_curve(finding)} "
    meanings = [words.replace("range (", f"range ({curve}") for words in _meanings(finding)]
    measured = dictated_measure(measure_phrase(finding), finding)
    bent = [curve_text(finding.curve)] if finding.curve else []
    return ", ".join([measured, *bent, *meanings, *_reservations(finding)])


def _hedged_name(finding: Finding) -> str:
    """Return a change of a disc, "possibly" where the program thinks it less likely than not.

    Its threshold may lie below one half; what the reader states has no probability.
    """
    value = finding.value
    share = value.probability if isinstance(value, PresenceValue) else None
    is_unlikely = share is not None and share < _LIKELIER_THAN_NOT
    return f"possibly {finding_name(finding)}" if is_unlikely else finding_name(finding)


_LIKELIER_THAN_NOT = 0.5

_OPPOSITE = {"lordosis": "kyphosis", "kyphosis": "lordosis"}


def dictated_measure(name: str, finding: Finding) -> str:
    """Return a measure with its value; a negative lordosis is a kyphosis, and the other way."""
    value = finding_value_text(finding.value)
    if finding.code == MeasureCode.POSTERIOR_TANGENT:
        curve = "kyphosis" if value.startswith("-") else "lordosis"
        return f"{name.removesuffix(' angle')} {curve} {value.removeprefix('-')}"
    opposite = _opposite_curve(finding)
    if opposite is None:
        return f"{name} {value}"
    return f"{name.removesuffix(_curve(finding))}{opposite} {value.removeprefix('-')}"


def _opposite_curve(finding: Finding) -> str | None:
    """Return what a curve bent against its name is called; None for what is no such curve."""
    is_negative = finding_value_text(finding.value).startswith("-")
    is_difference = " minus " in finding_title(finding)
    return _OPPOSITE.get(_curve(finding)) if is_negative and not is_difference else None


def _curve(finding: Finding) -> str:
    return finding_title(finding).rpartition(" ")[2]


def grade_phrase(finding: Finding) -> str:
    """Return a grade without its place, a normal one too: "no disc bulging", "no height loss"."""
    value = finding.value
    is_absent = isinstance(value, PresenceValue) and not value.is_present
    is_kept = isinstance(value, GradeValue) and not value.grade
    return f"no {finding_name(finding)}" if is_absent or is_kept else abnormal_phrase(finding)


def grade_reference(findings: Sequence[Finding]) -> str:
    """Return which grades of a disc or a body are normal: "Pfirrmann grade 1 to 3"."""
    if findings[0].kind is FindingKind.HEIGHT_LOSS:
        return "less than 20 % lost"
    is_pfirrmann = any(finding.code == GradeName.PFIRRMANN for finding in findings)
    return "Pfirrmann grade 1 to 3" if is_pfirrmann else "no such change"


def _height_loss_phrase(finding: Finding, grade: int) -> str:
    if finding.height_loss is not None:
        return height_loss_phrase(finding.height_loss)
    meaning = height_loss_meaning(grade)
    return f"{_GENANT_WORDS[grade]} height loss (Genant grade {grade}): {meaning}"


def measure_phrase(finding: Finding) -> str:
    """Return a measure's name; without its level where that stands before the colon."""
    title = finding_title(finding)
    if not MEASURES[MeasureCode(finding.code)].extent.has_one_level:
        return title
    bare = title.removeprefix(f"{finding.place} ")
    return bare[0].lower() + bare[1:]


def level_phrase(findings: Sequence[Finding]) -> str:
    """Return all abnormal findings of a disc or a body, as they are dictated.

    Parameters
    ----------
    findings : sequence of Finding
        In the order in which they are told.

    Returns
    -------
    str
        "disc herniation; disc degeneration (Pfirrmann grade 4) with narrowing and bulging".
    """
    grades = [finding for finding in findings if finding.kind is FindingKind.DISC_GRADE]
    phrases = [
        _disc_phrase(grades) if finding.kind is FindingKind.DISC_GRADE else abnormal_phrase(finding)
        for finding in findings
    ]
    return "; ".join(dict.fromkeys(phrases))


def bare_phrase(finding: Finding) -> str:
    """Return how a dictated sentence names a finding of a disc or a body: "bulging"."""
    value = finding.value
    if isinstance(value, GradeValue) and value.scale is GradeScale.PFIRRMANN:
        return f"Pfirrmann grade {value.grade}"
    if isinstance(value, PresenceValue) and not value.is_present:
        return f"no {finding_name(finding)}"
    return finding_name(finding).removeprefix("disc ")


def _disc_phrase(grades: Sequence[Finding]) -> str:
    """Return what is abnormal on a disc: what is beyond wear first, then wear."""
    beyond = [_hedged_name(finding) for finding in grades if finding.code in _BEYOND_WEAR]
    wear = [finding for finding in grades if finding.code not in _BEYOND_WEAR]
    return "; ".join([*beyond, *_wear_phrase(wear)])


def _wear_phrase(wear: Sequence[Finding]) -> list[str]:
    grade = [
        f"disc degeneration ({abnormal_phrase(finding)})"
        for finding in wear
        if finding.code == GradeName.PFIRRMANN
    ]
    changes = _with_both_endplates(
        [_hedged_name(finding) for finding in wear if finding.code != GradeName.PFIRRMANN]
    )
    if not grade:
        return [listed(changes)] if changes else []
    if not changes:
        return grade
    short = [
        change.replace("possibly disc ", "possibly ").removeprefix("disc ") for change in changes
    ]
    return [f"{grade[0]} with {listed(short)}"]


def _with_both_endplates(names: Sequence[str]) -> list[str]:
    """Return names of changes, those of the upper and the lower endplate as one."""
    ends = [GRADE_TITLES[GradeName.UPPER_ENDPLATE], GRADE_TITLES[GradeName.LOWER_ENDPLATE]]
    both = [title[0].lower() + title[1:] for title in ends]
    if not set(both) <= set(names):
        return list(names)
    return [*(name for name in names if name not in both), "changes of both endplates"]


def canal_title(finding: Finding) -> str:
    """Return the title of widths of the canal at all levels: "Canal diameter", "Canal ratio"."""
    return measure_name(MeasureCode(finding.code)).capitalize()


def canal_values(findings: Sequence[Finding]) -> str:
    """Return widths of the canal at several discs: "9.1 to 12.6 mm, narrowest at L4/L5"."""
    narrowest = min(findings, key=_number)
    return f"{_span_of_values(findings)}, narrowest at {safe_text(narrowest.place)}"


def canal_grades(findings: Sequence[Finding]) -> str:
    """Return which discs the canal is how narrow at, the worst first."""
    graded = _by_meaning(findings).items()
    return "; ".join(f"{words} at {_places_from_top(found)}" for words, found in graded)


def canal_sentence(findings: Sequence[Finding]) -> str:
    """Return a canal that is narrow at several discs as it is dictated.

    Returns
    -------
    str
        "Spinal canal on this slice: absolute stenosis at L4/L5 (9.1 mm); possibly relative
        stenosis at L2/L3 and L3/L4 (11.2 to 12.6 mm)."
    """
    told = [
        f"{words} at {_places_from_top(found)} ({_span_of_values(found)})"
        for words, found in _by_meaning(findings).items()
    ]
    reserved = dict.fromkeys(words for finding in findings for words in _reservations(finding))
    is_ratio = findings[0].code == MeasureCode.CANAL_RATIO
    measured = ", as a share of its diameter behind the body above" if is_ratio else ""
    return f"Spinal canal on this slice{measured}: {', '.join(['; '.join(told), *reserved])}."


def _by_meaning(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda each: -each.rank):
        words = severity_text(finding.severity) or normality_text(finding.normality)
        found.setdefault(words, []).append(finding)
    return found


def _places_from_top(findings: Sequence[Finding]) -> str:
    ordered = sorted(findings, key=lambda finding: _position(finding.place))
    return names_text([safe_text(finding.place) for finding in ordered])


def _span_of_values(findings: Sequence[Finding]) -> str:
    """Return the least and the largest of some numbers with their unit, one where both agree."""
    unit = findings[0].unit
    ends = (min(map(_number, findings)), max(map(_number, findings)))
    shown = dict.fromkeys(number_text(end, unit) for end in ends)
    return f"{' to '.join(shown)}{unit_text(unit)}"


def _number(finding: Finding) -> float:
    return finding.value.value if isinstance(finding.value, NumberValue) else math.inf


def places_sentence(places: Sequence[str], phrase: str) -> str:
    """Return what several discs or bodies, or one, show: "L1/L2 and L2/L3: disc bulging."."""
    return f"{names_text(places)}: {phrase}."


def measure_sentence_of(finding: Finding) -> str:
    """Return an abnormal measure of several levels, whose name says where it is taken."""
    phrase = abnormal_phrase(finding)
    return f"{phrase[0].upper()}{phrase[1:]}."


def normal_sentence(parts: Sequence[str]) -> str:
    """Return the one sentence on what is normal; "" without any.

    It says of each part what was judged: an image is never called unremarkable, as much on it is
    not assessed.

    Parameters
    ----------
    parts : sequence of str
        From `normal_discs_phrase`, `normal_bodies_phrase`, `normal_measures_phrase`.
    """
    words = "; ".join(parts)
    return f"{words[0].upper()}{words[1:]}." if words else ""


def normal_discs_phrase(places: Sequence[str]) -> str:
    """Return which discs show no abnormal grade."""
    return f"no abnormal grade of disc{'s' if len(places) > 1 else ''} {names_text(places)}"


def undetermined_sentence(
    undetermined: Mapping[str, Sequence[str]], changed: Collection[str] = ()
) -> str:
    """Return which grades of which discs are not determined; "" without any.

    Parameters
    ----------
    undetermined : mapping of str to sequence of str
        Names of grades by disc, from the top.
    changed : collection of str
        Those of the discs that show another change.
    """
    alike: dict[tuple[bool, str], list[str]] = {}
    for place, names in undetermined.items():
        alike.setdefault((place in changed, listed(list(names))), []).append(place)
    said: dict[bool, list[str]] = {False: [], True: []}
    for (is_changed, names), places in alike.items():
        said[is_changed].append(f"{names} of {names_text(places)}")
    quiet = [f"{'; '.join(said[False])} (no other change there)"] if said[False] else []
    return f"Not determined: {'; '.join([*quiet, *said[True]])}." if alike else ""


def undetermined_measures_sentence(
    bodies: Sequence[str], findings: Sequence[Finding], canal: Sequence[Finding] = ()
) -> str:
    """Return what is not determined: heights of bodies, widths of the canal, other measures.

    Parameters
    ----------
    bodies : sequence of str
        Whose heights are not.
    findings : sequence of Finding
        Other measures.
    canal : sequence of Finding
        Levels at which the canal was not measured.
    """
    ordered = sorted(bodies, key=_position)
    heights = [f"heights of {names_text(ordered)}"] if bodies else []
    widths = [f"canal diameter of {_places_from_top(canal)}"] if canal else []
    told = heights + widths + [in_sentence(finding_title(finding)) for finding in findings]
    return f"Not determined: {listed(told)}." if told else ""


def closed_canal_sentence(findings: Sequence[Finding]) -> str:
    """Return where the canal has no width because its outline ends there; "" without any."""
    closed = [
        finding for finding in findings
        if finding.unmeasurable is not None
        and finding.unmeasurable.reason is UnmeasurableReason.CANAL_CLOSED
    ]  # fmt: skip
    if not closed:
        return ""
    return (
        f"Severe narrowing of the spinal canal is suspected at {_places_from_top(closed)}, where "
        "its outline ends between bodies behind which it is there."
    )


def normal_bodies_phrase(places: Sequence[str]) -> str:
    """Return which bodies keep their height."""
    return f"no height loss of {names_text(places)}"


def normal_measures_phrase(findings: Sequence[Finding]) -> str:
    """Return measures inside their limits with their values; the doubtful ones last."""
    near = [one for one in findings if REACHES_BEYOND in range_place(one)]
    sure = [one for one in findings if one not in near]
    reaching = "intervals that reach" if len(near) > 1 else "an interval that reaches"
    groups = {
        "within reference limits": sure,
        f"within reference limits, but with {reaching} beyond them": near,
    }
    return "; ".join(
        f"{words}: {listed([_named_value(one) for one in found])}"
        for words, found in groups.items()
        if found
    )


def unjudged_sentence(findings: Sequence[Finding]) -> str:
    """Return measures that have no reference; "" without any."""
    if not findings:
        return ""
    return f"Measured: {listed([_named_value(finding) for finding in findings])}."


def _named_value(finding: Finding) -> str:
    reservations = "".join(f" ({words})" for words in _reservations(finding))
    return f"{in_sentence(dictated_measure(finding_title(finding), finding))}{reservations}"


# A whole reading


def time_text(moment: datetime) -> str:
    """Return a time: "2026-11-28 21:00 UTC"."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def status_line(reading: Reading) -> str:
    """Return status, who signed and when, of an amended reading who amended it, and the version.

    Returns
    -------
    str
        "signed by A. Reader, 2026-11-28 21:00 UTC, version 1", "signed by A. Reader, 2026-11-28
        21:00 UTC; amended by B. Reader, 2026-11-29 08:00 UTC, version 2".
    """
    if reading.signed_utc is None:
        return f"{STATUS_WORDS[reading.status]}, not signed"
    return f"{signature_text(reading)}, version {reading.version}"


def set_aside_text(moment: datetime | None) -> str:
    """Return that an earlier signed reading does not count, and since when where that is told."""
    since = "" if moment is None else f" on {time_text(moment)}"
    return (
        "An earlier signed reading of this image was not as it was written and was set "
        f"aside{since}: it does not count."
    )


def signature_text(reading: Reading) -> str:
    """Return who signed and when, and who added the last addendum; "" before that."""
    if reading.signed_utc is None:
        return ""
    signed = f"signed by {safe_text(reading.reader)}, {time_text(reading.signed_utc)}"
    if not reading.addenda:
        return signed
    last = reading.addenda[-1]
    return f"{signed}; amended by {safe_text(last.reader)}, {time_text(last.added_utc)}"


_DECISIONS_OF_A_DRAFT = (
    "Decisions so far, also those on earlier results (open the image in the window to see which of "
    "them still hold):"
)


def reading_lines(reading: Reading, statements: Sequence[str]) -> list[str]:
    """Return a reading as lines to print.

    Parameters
    ----------
    reading : Reading
    statements : sequence of str
        A sentence for each decision; who changed or rejected it, and when, is added.
    """
    overruled = (Decision.CHANGED, Decision.REJECTED)
    told = [
        with_who(statement, made) if made.decision in overruled else statement
        for statement, made in zip(statements, reading.decisions, strict=True)
    ]
    kind = named_kind_text(reading.view) or safe_text(reading.view)
    what = "Findings:" if reading.signed_utc is not None else _DECISIONS_OF_A_DRAFT
    aside = [set_aside_text(reading.set_aside_utc)] if reading.set_aside_utc else []
    lines = [f"Reading: {status_line(reading)}", *aside, f"Image type: {kind}", what]
    lines += [f"  {safe_text(statement)}" for statement in told] or ["  none decided"]
    lines += ["Impression:"]
    lines += [f"  {safe_text(line)}" for line in reading.impression.text.splitlines()] or ["  none"]
    return [*lines, *(line for addendum in reading.addenda for line in addendum_lines(addendum))]


def addendum_lines(addendum: Addendum) -> list[str]:
    """Return an addendum as lines: who, when and why, then its text."""
    head = f"Addendum by {safe_text(addendum.reader)}, {time_text(addendum.added_utc)}"
    text = [f"  {safe_text(line)}" for line in addendum.text.splitlines()]
    return [f"{head}; reason: {safe_text(addendum.reason)}", *text]


REJECTED_TYPE = "The reader rejected the image type: no finding of the program is reported."
REJECTED_LEVELS = "The reader rejected the levels: no finding that is named by them is reported."
OVERRULED_TYPE = (
    "The image type was chosen against the program’s check: what follows may be meaningless."
)
COUNTED_LEVELS = "Levels counted upwards from the lowest disc, taken as L5/S1."
LEVELS_FROM_SACRUM = "Levels counted upwards from the sacrum."
UNCERTAIN_LEVELS = "The levels are uncertain."


def normality_text(normality: Normality) -> str:
    """Return what a value means in one word or two."""
    return {
        Normality.ABNORMAL: "abnormal",
        Normality.NORMAL: "normal",
        Normality.UNJUDGED: "no reference",
        Normality.UNDETERMINED: "not determined",
    }[normality]
