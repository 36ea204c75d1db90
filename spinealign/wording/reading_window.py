"""Words of the reading page: short labels of cautions, lines of findings, and what is locked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from spinealign.domain.discs import GradeName
from spinealign.domain.findings import Caution, WarningCode
from spinealign.domain.reading import (
    Addendum,
    Decision,
    Disagreement,
    Finding,
    FindingDecision,
    FindingKind,
    Joined,
    Normality,
    Reading,
)
from spinealign.wording.failures import Message
from spinealign.wording.height_loss import height_loss_note
from spinealign.wording.measure_rows import range_text
from spinealign.wording.measures import curve_text, reason_text, severity_text
from spinealign.wording.reading_page import (
    OUTDATED,
    PROBABILITY,
    STATUS_WORDS,
    abnormal_phrase,
    canal_grades,
    canal_title,
    canal_values,
    finding_doubt_text,
    finding_name,
    finding_title,
    finding_value_text,
    limit_text,
    names_text,
    range_place,
    signature_text,
)
from spinealign.wording.text import as_sentence, listed, safe_text

SIGNED_MESSAGE = Message(
    "The reading is signed and cannot be changed.",
    "Use “Add addendum…” on the reading page to add to it, with the reason.",
)

UNVOUCHED = "signed, not valid"
"""Status of a signed reading that was changed or damaged on the disk."""

UNVOUCHED_MESSAGE = Message(
    "The signed reading of this image is not as it was written, so nothing can be changed.",
    "Restore it from a backup, or set it aside on the reading page and read anew.",
)

SET_ASIDE_ADVICE = "Without a backup, set the reading aside and read anew (button below)."

SET_ASIDE_QUESTION = (
    "The signed reading of this image is not as it was written. If there is no backup of it, it "
    "can be kept in the folder “set-aside” of the profile and counts no longer. The new reading "
    "and its reports say so. Set it aside?"
)

ANOTHER_VIEW_MESSAGE = Message(
    "The image was taken for another kind when this was read.",
    "Choose the image type of that time, or decide on the findings again.",
)

LEFT_UNCERTAIN = (
    "What is left became uncertain after you decided on it, or you had changed or rejected it on "
    "an earlier result, or it is made of values that you overruled: decide on each"
)

CHANGED_SINCE_MESSAGE = Message(
    "The result was changed after it was signed: the picture and the details below show it as it "
    "is now, the findings and the impression as they were signed.",
    "Restore the corrections beside the image (….spinealign.json) from a backup, or add an "
    "addendum.",
)

SHOWN_AS_SIGNED_MESSAGE = Message(
    "The corrections beside the image are missing or not those that were signed; the picture is "
    "shown with the signed ones, which are kept with the signature.",
    "An addendum can be added to the signed reading.",
)

JOINED_MESSAGES: Mapping[Joined, Message] = {
    Joined.DECISIONS: Message(
        "Another window of SpineAlign works on this reading too; what both decided is kept.",
        "Close one of the two windows.",
    ),
    Joined.TEXTS: Message(
        "The impression was typed in another window of SpineAlign too; both texts stand in it now.",
        "Delete what does not hold, and close one of the two windows.",
    ),
}
"""What is told when a step was put together with one of another window."""

CAUTION_LABELS: Mapping[WarningCode, str] = {
    WarningCode.DEMONSTRATION_MODEL: "demonstration model",
    WarningCode.NO_SPACING: "no pixel spacing",
    WarningCode.MAGNIFIED_SPACING: "mm at the detector",
    WarningCode.VIEW_UNCERTAIN: "image type uncertain",
    WarningCode.VIEW_OVERRULED: "image type overruled",
    WarningCode.VIEW_DISPUTED: "image type disputed",
    WarningCode.VIEW_OF_SAMPLE: "sample",
    WarningCode.TURNED: "rotated",
    WarningCode.ANALYSED_AS_NEGATIVE: "negative",
    WarningCode.NO_MODEL_FOR_VIEW: "no model",
    WarningCode.OTHER_MODELS: "other models",
    WarningCode.NAMED_MODEL_ALONE: "named model only",
    WarningCode.CHOSEN_MODEL_GONE: "model gone",
    WarningCode.DAMAGED_MODEL: "damaged model",
    WarningCode.NOTHING_SEGMENTED: "nothing found",
    WarningCode.LOW_RESOLUTION: "small image",
    WarningCode.LOW_CONTRAST: "low contrast",
    WarningCode.TOO_DARK: "very dark",
    WarningCode.TOO_BRIGHT: "very bright",
    WarningCode.BLURRED: "blurred",
    WarningCode.CUT_OFF: "spine cut off",
    WarningCode.BURNED_IN: "burned-in text",
    WarningCode.READER_NOTE: "image note",
    WarningCode.PROBABILITY_NOT_CALIBRATED: "not calibrated",
    WarningCode.LEVELS_UNCERTAIN: "levels uncertain",
    WarningCode.LEVELS_COUNTED: "levels counted",
    WarningCode.LEVELS_FROM_SACRUM: "levels counted from S1",
    WarningCode.LUMBAR_COUNT_DOUBTFUL: "4 or 6 lumbar vertebrae?",
    WarningCode.USUAL_COUNT_ASSUMED: "12 thoracic, 5 lumbar assumed",
    WarningCode.ENDPLATE_FROM_DISC: "endplate estimated",
    WarningCode.NO_COLUMN: "no row of discs",
    WarningCode.SLICE_BESIDE_CANAL: "slice beside the canal",
    WarningCode.BODY_CUT: "body cut off",
    WarningCode.BODY_HIDDEN: "low confidence",
    WarningCode.NOT_OUTLINED: "not outlined",
    WarningCode.BODIES_SUGGESTED: "suggested bodies",
    WarningCode.NAMES_UNCONFIRMED: "names not confirmed",
    WarningCode.ACCEPTED_IMPLAUSIBLE: "implausible",
    WarningCode.FACING_DISPUTED: "side disputed",
    WarningCode.FACING_UNCERTAIN: "side uncertain",
    WarningCode.CORRECTED_BY_USER: "corrected",
    WarningCode.DISC_COUNT_UNCERTAIN: "disc levels uncertain",
    WarningCode.DISC_INFERRED: "disc estimated",
    WarningCode.UPSIDE_DOWN: "upside down",
    WarningCode.COMPANION_UNMATCHED: "second image unused",
    WarningCode.COMPANION_ALIKE: "second image unused",
    WarningCode.COMPANION_UNUSED: "second image unused",
    WarningCode.SEVERE_NARROWING: "severe canal narrowing?",
    WarningCode.HEIGHT_LOSS: "age of height loss unknown",
    WarningCode.BENT_FILM: "flexion or extension film",
    WarningCode.T1_ALONE: "T1 alone",
    WarningCode.WEIGHTING_ASSUMED: "T1 or T2 not stated",
}
"""Short label of each caution; a click shows its sentence."""

_NAMES_LEVELS = frozenset(
    {
        WarningCode.BODY_CUT,
        WarningCode.BODY_HIDDEN,
        WarningCode.BODIES_SUGGESTED,
        WarningCode.NAMES_UNCONFIRMED,
        WarningCode.ACCEPTED_IMPLAUSIBLE,
        WarningCode.DISC_INFERRED,
        WarningCode.ENDPLATE_FROM_DISC,
        WarningCode.HEIGHT_LOSS,
        WarningCode.SEVERE_NARROWING,
    }
)
_MOST_LEVELS = 3


def caution_label(caution: Caution) -> str:
    """Return a caution as a short label: "low confidence: C6, C7"."""
    label, levels = CAUTION_LABELS[caution.code], caution.levels
    if caution.code not in _NAMES_LEVELS:
        return label
    more = "…" if len(levels) > _MOST_LEVELS else ""
    return safe_text(f"{label}: {', '.join(levels[:_MOST_LEVELS])}{more}")


def missing_label(levels: Sequence[str]) -> str:
    """Return levels that were not found as a short label: "T1 not found"."""
    more = "…" if len(levels) > _MOST_LEVELS else ""
    return f"{', '.join(levels[:_MOST_LEVELS])}{more} not found"


def removed_label(levels: Sequence[str]) -> str:
    """Return levels whose bodies a person deleted as a short label: "C5 removed"."""
    more = "…" if len(levels) > _MOST_LEVELS else ""
    return f"{', '.join(levels[:_MOST_LEVELS])}{more} removed"


def missing_text(levels: Sequence[str]) -> str:
    """Return what follows from levels that were not found, as a sentence."""
    verb = "was" if len(levels) == 1 else "were"
    return f"{listed(levels)} {verb} not found; measures that need them are not determined."


def other_readings_text(others: Sequence[tuple[int, Reading]]) -> str:
    """Return that other slices of the series have readings of their own; "" where none has."""
    if not others:
        return ""
    told = [f"slice {number} ({status_text(reading)})" for number, reading in others]
    return (
        f"Other slices of this series have readings: {safe_text('; '.join(told))}. A reading is of "
        "one slice: what they say is not put together, and may differ."
    )


def status_text(reading: Reading) -> str:
    """Return how far a reading is, who signed and amended it and when."""
    return signature_text(reading) or STATUS_WORDS[reading.status]


def moment_text(moment: datetime) -> str:
    """Return a moment in universal time, to the minute."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def line_title(findings: Sequence[Finding]) -> str:
    """Return what a line of the page is about: "L4/L5 disc", "C2–C7 Cobb lordosis"."""
    first = findings[0]
    if first.kind is FindingKind.DISC_GRADE:
        return safe_text(f"{first.place} disc")
    return canal_title(first) if _is_canal_line(findings) else finding_title(first)


def _is_canal_line(findings: Sequence[Finding]) -> bool:
    return len(findings) > 1 and findings[0].is_of_canal


def line_value(findings: Sequence[Finding]) -> str:
    """Return what a line says: "12.3°", "Pfirrmann grade 4, disc bulging"."""
    first = findings[0]
    if _is_canal_line(findings):
        return canal_values(findings)
    if first.kind is not FindingKind.DISC_GRADE:
        return "not determined" if first.value is None else finding_value_text(first.value)
    told = [f for f in findings if f.normality is Normality.ABNORMAL]
    pfirrmann = [f for f in findings if f.code == GradeName.PFIRRMANN and f.value is not None]
    grade = f", Pfirrmann grade {finding_value_text(pfirrmann[0].value)}" if pfirrmann else ""
    open_ = [finding_name(f) for f in findings if f.normality is Normality.UNDETERMINED]
    gaps = f"{listed(open_)} not determined" if open_ else ""
    if told:
        is_told = any(f.code == GradeName.PFIRRMANN for f in told)
        seen = ", ".join(map(abnormal_phrase, told)) + ("" if is_told else grade)
        return "; ".join(filter(None, (seen, gaps)))
    if not open_:
        return f"no abnormal grade{grade}"
    return gaps if len(open_) == len(findings) else f"{gaps}, otherwise no change{grade}"


def line_note(findings: Sequence[Finding]) -> str:
    """Return what stands small below the value: interval, meaning, reference range, doubts.

    Of a curve its apex and side too.
    """
    first = findings[0]
    if _is_canal_line(findings):
        return f"{canal_grades(findings)}{_limit_text(first)}"
    if first.kind is FindingKind.DISC_GRADE:
        doubts = [(f, finding_doubt_text(f.value)) for f in findings]
        told = [
            f"{finding_name(f).removeprefix('disc ').removesuffix(' grade')} "
            f"{doubt.removeprefix(PROBABILITY).strip()}"
            for f, doubt in doubts
            if doubt and f.normality is Normality.ABNORMAL
        ]
        return f"{PROBABILITY}: {', '.join(told)}" if told else ""
    if first.value is None:
        return reason_text(first.unmeasurable)
    if first.height_loss is not None:
        return height_loss_note(first.height_loss)
    parts = [finding_doubt_text(first.value), curve_text(first.curve)]
    limit = "" if first.normal is not None else _limit_text(first)
    parts += [f"{severity_text(first.severity)}{limit}"] if first.severity is not None else []
    place = range_place(first)
    parts += [f"{place} ({range_text(first.normal, first.unit)})"] if place else []
    parts += ["at the detector"] if WarningCode.MAGNIFIED_SPACING in first.cautions else []
    return ", ".join(part for part in parts if part)


def _limit_text(finding: Finding) -> str:
    limit = limit_text(finding)
    return f" ({limit})" if limit else ""


def decision_text(
    finding: Finding, decision: FindingDecision, is_outdated: bool, *, has_place: bool = False
) -> str:
    """Return what a reader made of a finding: "rejected", "changed, the program said 12.3°".

    Empty where it was accepted as it is: the mark before the line says that. `has_place` says
    where, on a line that is about several levels.
    """
    said = _decision_text(finding, decision, is_outdated)
    return f"{safe_text(finding.place)} {said}" if said and has_place else said


def _decision_text(finding: Finding, decision: FindingDecision, is_outdated: bool) -> str:
    if is_outdated:
        own = finding_value_text(decision.human)
        return f"{OUTDATED} (you said {own})" if own else OUTDATED
    about = f"{finding_name(finding)} " if finding.kind is FindingKind.DISC_GRADE else ""
    match decision.decision:
        case Decision.CHANGED:
            said = finding_value_text(decision.automatic)
            program = f"the program said {said}" if said else "the program had no value"
            return f"{about}changed, {program}"
        case Decision.REJECTED:
            return f"{about}rejected"
    return ""


def rests_on_text(parts: Sequence[Finding]) -> str:
    """Return that a value is made of others which the reader changed or rejected."""
    if not parts:
        return ""
    return f"made of the program’s {listed(list(map(finding_title, parts)))}, which you overruled"


def outdated_message(read: Sequence[tuple[Finding, FindingDecision]]) -> Message:
    """Return that what the reader changed or rejected holds no longer, since the result is new."""
    told = []
    for finding, decision in read:
        own = finding_value_text(decision.human)
        told.append(f"{finding_title(finding)} ({f'you said {own}' if own else 'rejected'})")
    return Message(
        f"The result has changed, so your decision no longer holds: {safe_text(listed(told))}.",
        "Decide again on the reading page; Ctrl+Z takes the change of the picture back.",
    )


def disagreement_text(found: Disagreement) -> str:
    """Return where the impression does not agree with the findings; "" if it does."""
    said = []
    if found.stale:
        said.append(f"It still says {_quoted(found.stale)}.")
    if found.overruled:
        said.append(f"It still says {_quoted(found.overruled)}, which you changed or rejected.")
    if found.missing:
        said.append(f"It does not say {_quoted(found.missing)}.")
    return " ".join(["The impression does not agree with the findings.", *said]) if said else ""


def _quoted(sentences: Sequence[str]) -> str:
    return listed([f"“{safe_text(words.removesuffix('.'))}”" for words in sentences])


def rejected_context_text(rejected: Sequence[Finding]) -> str:
    """Return that levels or image type, on which all numbers rest, were rejected; "" if not."""
    if not rejected:
        return ""
    what = listed([finding_title(finding).lower() for finding in rejected])
    return (
        f"You rejected the {what}, on which names and numbers rest. Change it, or sign a page "
        "that says so above them."
    )


def left_text(left: Sequence[Finding]) -> str:
    """Return how many findings wait for a decision; a line of a disc stands for many of them."""
    if not left:
        return "Every finding is decided."
    said = f"{_counted(len(left), 'finding', 'findings')} not decided yet"
    grades = [finding for finding in left if finding.kind is FindingKind.DISC_GRADE]
    if not grades:
        return f"{said}."
    discs = _counted(len({finding.place for finding in grades}), "disc", "discs")
    parts = [f"{_counted(len(grades), 'grade', 'grades')} of {discs}"]
    others = len(left) - len(grades)
    return (
        f"{said}: {listed([*parts, *([_counted(others, 'other', 'others')] if others else [])])}."
    )


def normal_text(findings: Sequence[Finding]) -> str:
    """Return what is normal, and the main measures without a reference, in one sentence."""
    grades = [f for f in findings if f.kind is FindingKind.DISC_GRADE]
    open_ = list(dict.fromkeys(f.place for f in grades if f.normality is Normality.UNDETERMINED))
    discs = {f.place for f in grades} - set(open_)
    bodies = [f.place for f in findings if f.kind is FindingKind.HEIGHT_LOSS]
    measures = [f for f in findings if f.kind is FindingKind.MEASURE]
    normal = [f for f in measures if f.normality is Normality.NORMAL]
    others = [f for f in measures if f.normality is not Normality.NORMAL]
    parts = [f"heights of {_counted(len(bodies), 'body', 'bodies')}"] if bodies else []
    parts += [f"grades of {_counted(len(discs), 'disc', 'discs')}"] if discs else []
    parts += [_named(f) for f in normal]
    said = as_sentence(f"Normal: {', '.join(parts)}") if parts else ""
    gaps = as_sentence(f"Not determined in part: {names_text(open_)}") if open_ else ""
    rest = as_sentence(f"Measured: {', '.join(map(_named, others))}") if others else ""
    return " ".join(part for part in (said, gaps, rest) if part)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _named(finding: Finding) -> str:
    return f"{finding_title(finding)} {finding_value_text(finding.value)}"


def version_title(reading: Reading) -> str:
    """Return what a version is called: "Version 2, amended 2026-11-28 17:05 UTC"."""
    if reading.addenda:
        return f"Version {reading.version}, amended {moment_text(reading.addenda[-1].added_utc)}"
    if reading.signed_utc is None:
        return "Not signed"
    return f"Version {reading.version}, signed {moment_text(reading.signed_utc)}"


def version_text(reading: Reading) -> str:
    """Return a version as it was signed, as plain text: impression, findings, addenda."""
    told = [addendum_text(addendum) for addendum in reading.addenda]
    blocks = [
        version_title(reading),
        f"Reader: {safe_text(reading.reader)}",
        f"Impression\n{reading.impression.text}",
        "\n".join(["Findings", *reading.statements]) if reading.statements else "",
        *told,
    ]
    return "\n\n".join(block for block in blocks if block)


def addendum_text(addendum: Addendum) -> str:
    """Return an addendum with who wrote it, when and why."""
    who = f"{safe_text(addendum.reader)}, {moment_text(addendum.added_utc)}"
    return f"Addendum ({who})\nReason: {safe_text(addendum.reason)}\n{addendum.text}"
