"""What the report for a referring physician says, for paper and screen alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from spinealign.domain.curve_pattern import pattern_of
from spinealign.domain.findings import Analysis, WarningCode
from spinealign.domain.measurements import MeasureState
from spinealign.domain.reading import (
    CONTEXT_KINDS,
    Addendum,
    Decision,
    Finding,
    FindingDecision,
    FindingKind,
    Normality,
    ReadImage,
    Reading,
    ReadingStatus,
)
from spinealign.domain.report_details import ReportDetails
from spinealign.domain.study import PatientFacts
from spinealign.measure.alignment import judged_by_posture, posture_cautions
from spinealign.reading.decisions import ReadFinding, accept_rest, read_findings, told_changes
from spinealign.reading.findings import (
    findings_of,
    line_key,
    measure_key,
    page_of,
)
from spinealign.reading.impression import impression_text
from spinealign.reading.signing import differs_from_signed
from spinealign.wording import caution_statement
from spinealign.wording.curve_pattern import pattern_notes, pattern_sentences
from spinealign.wording.examinations import scope_text
from spinealign.wording.measures import curve_text, severity_text
from spinealign.wording.presentation import presentation_note, vertical_note
from spinealign.wording.reading_page import (
    DECISION_WORDS,
    OUTDATED,
    canal_grades,
    canal_title,
    canal_values,
    change_text,
    decision_statement,
    finding_doubt_text,
    finding_title,
    finding_value_text,
    grade_phrase,
    grade_reference,
    limit_text,
    overruled_text,
    range_place,
    set_aside_text,
    with_who,
)
from spinealign.wording.report import (
    AT_THE_DETECTOR,
    CHANGED_SINCE_SIGNED,
    DECISIVE_CAUTIONS,
    EMPTY_IMPRESSION,
    NOT_READ,
    PROGRAM_VALUES,
    READ_ELSEWHERE,
    day_text,
    moment_text,
    patient_columns,
    patient_head,
    picture_caption,
    reading_without_patient,
    report_title,
    status_text,
)
from spinealign.wording.results import forced_text, headline
from spinealign.wording.series import picture_name
from spinealign.wording.vertebrae import removed_text

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_CAUTIONS = 4
_IN_THE_TABLE = (FindingKind.HEIGHT_LOSS, FindingKind.DISC_GRADE, FindingKind.MEASURE)


@dataclass(frozen=True)
class FindingRow:
    """One line of the table of findings.

    Parameters
    ----------
    what : str
        Level and finding; of a disc, all of it.
    is_abnormal : bool
    value, doubt, normal, meaning : str
        In words; empty for a disc.
    mark : str
        What the reader decided, with the program's value where the reader gave another.
    finding : Finding or None
        Of a number, for its bar.
    """

    what: str
    is_abnormal: bool
    value: str = ""
    doubt: str = ""
    normal: str = ""
    meaning: str = ""
    mark: str = ""
    finding: Finding | None = None


@dataclass(frozen=True)
class Overruling:
    """What the reader made of a value that the tables of the program's values show.

    Parameters
    ----------
    value : str
        The reader's; empty where the program's was rejected.
    words : str
        That it was changed or rejected, and what the program said.
    said : Finding or None
        With the reader's value, judged anew; None where it was rejected.
    """

    value: str
    words: str
    said: Finding | None


@dataclass(frozen=True)
class ReportContent:
    """The words of a report, in its order.

    Parameters
    ----------
    patient_columns : tuple of tuple of (label, value)
        The patient, and the examination.
    warned : tuple of str
        What must be known before anything else is read: that a person had the image taken for
        another kind than the program, that the result is not the one that was signed, and that
        the reader rejected the levels or the kind, on which all numbers rest.
    impression : tuple of str
        Lines; `impression_note` says where they come from if nobody wrote them.
    scope : str
        What of the image was assessed, and what was not.
    rows : tuple of FindingRow
        Worst first.
    values_note : str
        Stands before the program's own values where the reader said something else.
    changes : tuple of str
        Levels and kind of examination that the reader changed, and bodies that were removed:
        all numbers rest on them.
    cautions : tuple of str
        What changes the meaning of a number.
    curves : tuple of str
        Of a film from the front: its curves together, types, and what else these need; empty where
        the reader changed or rejected one.
    overruled : tuple of str
        All that the reader changed or rejected, for the annex.
    overrulings : mapping of str to Overruling
        What the reader changed or rejected, by key of the finding, for the tables of values.
    """

    title: str
    status: str
    is_draft: bool
    warned: tuple[str, ...]
    patient_head: str
    subject: str
    origin: str
    patient_columns: tuple[tuple[tuple[str, str], ...], ...]
    impression: tuple[str, ...]
    impression_note: str
    scope: str
    rows: tuple[FindingRow, ...]
    values_note: str
    changes: tuple[str, ...]
    picture_caption: str
    cautions: tuple[str, ...]
    curves: tuple[str, ...]
    addenda: tuple[tuple[str, str], ...]
    overruled: tuple[str, ...]
    overrulings: Mapping[str, Overruling]


def as_reported(analysis: Analysis, details: ReportDetails) -> Analysis:
    """Return an analysis without demonstrations; one of two bent films is judged as such."""
    shown = analysis.without_demonstration
    codes = {caution.code for caution in shown.cautions}
    if details.motion is None or WarningCode.BENT_FILM in codes:
        return shown
    measurements = judged_by_posture(shown.measurements, is_bent=True)
    cautions = (*shown.cautions, *posture_cautions(measurements, is_bent=True))
    return replace(shown, measurements=measurements, cautions=cautions)


def deidentified_reading(analysis: Analysis, reading: Reading, patient: PatientFacts) -> Reading:
    """Return a reading without the patient in what a person typed; the program's lines stay."""
    own = impression_text(_read(analysis.without_demonstration, reading))
    return reading_without_patient(reading, patient, own.splitlines())


def as_drawn(analysis: Analysis, details: ReportDetails) -> Analysis:
    """Return an analysis without measures that the reader changed or rejected: not drawn.

    Nor is any that rests on an image type or on levels which the reader rejected.
    """
    reading = details.reading
    if reading is None:
        return analysis
    read = _read(analysis, reading)
    overruled = {
        each.finding.key for each in read if each.state in (Decision.CHANGED, Decision.REJECTED)
    }
    kept = tuple(m for m in analysis.measurements if measure_key(m) not in overruled)
    contexts = {each.finding.kind for each in read if each.state is Decision.REJECTED}
    if not contexts.isdisjoint(CONTEXT_KINDS):
        kept = tuple(m for m in kept if m.state is MeasureState.DRAWN)
    if len(kept) == len(analysis.measurements):
        return analysis  # whose picture may be drawn already
    return replace(analysis, measurements=kept)


def report_content(analysis: Analysis, details: ReportDetails) -> ReportContent:
    """Return what the report says.

    Parameters
    ----------
    analysis : Analysis
        Answers of demonstration models are left out.
    details : ReportDetails
        A signed reading speaks with its own findings, whatever the analysis says now.
    """
    analysis = as_reported(analysis, details)
    if details.is_deidentified and details.reading is not None:
        reading = deidentified_reading(analysis, details.reading, details.patient)
        details = replace(details, reading=reading)
    read = _read(analysis, details.reading)
    title, is_changed = report_title(analysis.examination), _is_changed(analysis, details)
    return ReportContent(
        title=title,
        status=status_text(details),
        is_draft=details.is_draft,
        warned=_warned(analysis, read, details, is_changed),
        patient_head=patient_head(details),
        subject=_subject(title, details),
        origin=_origin(analysis, details),
        patient_columns=patient_columns(details),
        impression=_impression(analysis, read, details),
        impression_note=_impression_note(details),
        scope=scope_text(analysis),
        rows=_rows(read, is_signed=not details.is_draft),
        values_note=_values_note(read),
        changes=(*_context(read, details, Decision.CHANGED), *_removed(analysis)),
        picture_caption=_caption(analysis, details, is_changed),
        cautions=_cautions(analysis),
        curves=_curves(analysis, as_drawn(analysis, details)),
        overruled=_overruled(details),
        overrulings=_overrulings(read),
        addenda=_addenda(details),
    )


def _curves(analysis: Analysis, drawn: Analysis) -> tuple[str, ...]:
    """Return what curves are together, unless one of them was set aside."""
    pattern = pattern_of(analysis)
    if pattern is None or drawn.measurements != analysis.measurements:
        return ()
    return (pattern_sentences(pattern), *pattern_notes(pattern))


def _caption(analysis: Analysis, details: ReportDetails, is_changed: bool) -> str:
    words = picture_caption(_is_outlined(analysis), not details.is_draft, is_changed)
    return f"{words} {presentation_note(analysis.image.presentation)}".rstrip()


def _is_outlined(analysis: Analysis) -> bool:
    return analysis.segmentation is not None or bool(analysis.vertebrae)


def _is_changed(analysis: Analysis, details: ReportDetails) -> bool:
    """Whether a signed reading was made on another result than is drawn."""
    reading = details.reading
    return reading is not None and differs_from_signed(analysis, findings_of(analysis), reading)


def _read(analysis: Analysis, reading: Reading | None) -> tuple[ReadFinding, ...]:
    if reading is None:
        return tuple(ReadFinding(finding) for finding in findings_of(analysis))
    is_signed = reading.signed_utc is not None
    return read_findings(reading.findings if is_signed else findings_of(analysis), reading)


def _subject(title: str, details: ReportDetails) -> str:
    when = "" if details.is_deidentified else _examined(details)
    return f"{title}, {when}" if when else title


def _examined(details: ReportDetails) -> str:
    rows = (row for column in patient_columns(details) for row in column)
    return dict(rows).get("Examined", "")


def _origin(analysis: Analysis, details: ReportDetails) -> str:
    """Return which image was analysed, by what."""
    models = "; ".join(f"{m.title}, version {m.version}" for m in analysis.models)
    made = f"SpineAlign {analysis.program_version}"
    used = f"{made} with {models}" if models else made
    checksum = f"image SHA-256 {analysis.image.sha256[:16]}…"
    if details.is_deidentified:
        return f"Analysed by {used}; {checksum}"
    name = picture_name(analysis.image.place)
    return f"{name}, analysed {day_text(analysis.created_utc)} by {used}; {checksum}"


# Impression


def _is_begun(details: ReportDetails) -> bool:
    """Whether a reader did anything: then the impression is theirs, also while it is empty."""
    return details.status is not ReadingStatus.AUTOMATIC


def _impression_note(details: ReportDetails) -> str:
    if details.reading is not None and _is_begun(details):
        return "" if details.reading.impression.text.strip() else EMPTY_IMPRESSION
    return NOT_READ if details.left_out is None else READ_ELSEWHERE


def _impression(
    analysis: Analysis, read: Sequence[ReadFinding], details: ReportDetails
) -> tuple[str, ...]:
    if details.reading is not None and _is_begun(details):
        text = details.reading.impression.text
    else:
        text = _automatic_impression(analysis, [each.finding for each in read])
    return tuple(line for line in text.splitlines() if line.strip())


def _automatic_impression(analysis: Analysis, findings: Sequence[Finding]) -> str:
    """Return what would stand there if a reader accepted everything."""
    rows, cols = analysis.image.shape
    blank = Reading(ReadImage("0", cols, rows), analysis.view_name)
    accepted = accept_rest(blank, findings, _LONG_AGO)
    return impression_text(read_findings(findings, accepted)) or headline(analysis)


def _addenda(details: ReportDetails) -> tuple[tuple[str, str], ...]:
    made = () if details.reading is None else details.reading.addenda
    return tuple((_addendum_title(each, details), _addendum_text(each)) for each in made)


def _addendum_title(addendum: Addendum, details: ReportDetails) -> str:
    if details.is_deidentified:
        return "Addendum"
    return f"Addendum by {addendum.reader} on {moment_text(addendum.added_utc)}"


def _addendum_text(addendum: Addendum) -> str:
    return f"{addendum.text}\nReason: {addendum.reason}"


# Findings


def _rows(read: Sequence[ReadFinding], is_signed: bool) -> tuple[FindingRow, ...]:
    """Return what is abnormal, what the reader changed to something else, then the main measures.

    A measure or a body has a row, and a disc one with all its grades that are told. Nothing stands
    there that rests on a rejected image type, or is named by rejected levels.
    """
    rejected = {each.finding.kind for each in read if each.state is Decision.REJECTED}
    if FindingKind.EXAMINATION in rejected:
        return ()
    if FindingKind.LEVELS in rejected:
        read = [each for each in read if not each.finding.levels]
    told = {each.finding.key: each for each in read if each.state is not Decision.REJECTED}
    page = page_of(each.said or each.finding for each in told.values())
    rows: dict[str, list[ReadFinding]] = {}
    abnormal = [finding for line in (*page.lines, *page.folded) for finding in line.findings]
    changed = [each.finding for each in told.values() if each.state is Decision.CHANGED]
    others = [finding for finding in page.normal if finding.kind is FindingKind.MEASURE]
    wanted = (found for found in (*abnormal, *changed, *others) if found.kind in _IN_THE_TABLE)
    for key in dict.fromkeys(finding.key for finding in wanted):
        rows.setdefault(_row_of(told[key].finding), []).append(told[key])
    return tuple(_row(row, is_signed) for row in rows.values())


def _row_of(finding: Finding) -> str:
    return finding.canal_line or line_key(finding)


def _row(read: Sequence[ReadFinding], is_signed: bool) -> FindingRow:
    first = read[0].said or read[0].finding
    marks = dict.fromkeys(filter(None, (_mark(each, read, is_signed) for each in read)))
    if any(each.state is Decision.CHANGED for each in read):
        marks.pop(DECISION_WORDS[Decision.ACCEPTED], None)
    is_abnormal = first.normality is Normality.ABNORMAL
    if first.kind is not FindingKind.MEASURE:
        phrases = ", ".join(_graded(each) for each in read)
        what, normal = f"{first.place}: {phrases}", grade_reference([each.finding for each in read])
        return FindingRow(what, is_abnormal, normal=normal, mark="; ".join(marks))
    if len(read) > 1:
        return _canal_row([each.said or each.finding for each in read], "; ".join(marks))
    return FindingRow(
        finding_title(first),
        is_abnormal,
        finding_value_text(first.value),
        finding_doubt_text(first.value).removeprefix("95 % "),
        limit_text(first),
        _meaning(first),
        "; ".join(marks),
        first,
    )


def _canal_row(findings: Sequence[Finding], mark: str) -> FindingRow:
    narrowest = min(findings, key=lambda finding: -finding.rank)
    return FindingRow(
        canal_title(narrowest),
        narrowest.normality is Normality.ABNORMAL,
        canal_values(findings),
        normal=limit_text(narrowest),
        meaning=canal_grades(findings),
        mark=mark,
    )


def _graded(read: ReadFinding) -> str:
    finding = read.said or read.finding
    doubt = finding_doubt_text(finding.value)
    return f"{grade_phrase(finding)}{f' ({doubt})' if doubt else ''}"


def _meaning(finding: Finding) -> str:
    """Return what a value means, without the range that stands beside it; of a curve its shape."""
    is_magnified = WarningCode.MAGNIFIED_SPACING in finding.cautions
    parts = (
        curve_text(finding.curve),
        severity_text(finding.severity),
        range_place(finding).replace(" the reference range", " range"),
        AT_THE_DETECTOR if is_magnified else "",
    )
    return ", ".join(part for part in parts if part)


def _mark(read: ReadFinding, row: Sequence[ReadFinding], is_signed: bool) -> str:
    """Return what the reader made of a finding; changes of a row are told together."""
    if read.is_outdated:
        return OUTDATED
    decision = read.decision
    if decision is None:
        return ""
    if decision.decision is Decision.ACCEPTED and is_signed:
        return ""
    if decision.decision is Decision.CHANGED:
        changed = [each for each in row if each.state is Decision.CHANGED]
        return change_text([(each.finding, each.decision) for each in changed if each.decision])
    return DECISION_WORDS[decision.decision]


def _values_note(read: Sequence[ReadFinding]) -> str:
    overruled = (Decision.CHANGED, Decision.REJECTED)
    # All values follow levels and kind that were changed on the picture.
    told = [e for e in read if e.state in overruled and e.finding.kind not in CONTEXT_KINDS]
    return PROGRAM_VALUES if told else ""


def _overrulings(read: Sequence[ReadFinding]) -> dict[str, Overruling]:
    """Return what the reader changed or rejected, by key of the finding."""
    return {
        each.finding.key: Overruling(
            "" if each.said is None else finding_value_text(each.said.value),
            overruled_text(each.decision),
            each.said,
        )
        for each in read
        if each.decision is not None and each.state in (Decision.CHANGED, Decision.REJECTED)
    }


def _warned(
    analysis: Analysis, read: Sequence[ReadFinding], details: ReportDetails, is_changed: bool
) -> tuple[str, ...]:
    """Return what stands above everything else."""
    reading = details.reading
    aside = None if reading is None else reading.set_aside_utc
    said = (
        forced_text(analysis),
        CHANGED_SINCE_SIGNED if is_changed else "",
        "" if aside is None else set_aside_text(None if details.is_deidentified else aside),
    )
    return (*filter(None, said), *_context(read, details, Decision.REJECTED))


def _context(
    read: Sequence[ReadFinding], details: ReportDetails, wanted: Decision
) -> tuple[str, ...]:
    """Return levels and kind that the reader changed or rejected, with the program's."""
    found = [
        (each.finding, each.decision, each.said)
        for each in read
        if each.finding.kind in CONTEXT_KINDS and each.state is wanted and each.decision is not None
    ]
    return tuple(
        _signed_by(decision_statement(finding, decision, said), decision, details)
        for finding, decision, said in found
    )


def _signed_by(statement: str, decision: FindingDecision, details: ReportDetails) -> str:
    return statement if details.is_deidentified else with_who(statement, decision)


def _removed(analysis: Analysis) -> tuple[str, ...]:
    return (f"{removed_text(analysis.removed)}.",) if analysis.removed else ()


def _overruled(details: ReportDetails) -> tuple[str, ...]:
    """Return all that the reader changed or rejected; names and dates are in no other report."""
    if details.reading is None or details.is_deidentified:
        return ()
    return told_changes(details.reading)


def _cautions(analysis: Analysis) -> tuple[str, ...]:
    found = [c for c in analysis.cautions if c.code in DECISIVE_CAUTIONS]
    found.sort(key=lambda caution: DECISIVE_CAUTIONS.index(caution.code))
    vertical = vertical_note(analysis.image.presentation)
    told = tuple(caution_statement(caution) for caution in found[:_MOST_CAUTIONS])
    return (vertical, *told) if vertical else told
