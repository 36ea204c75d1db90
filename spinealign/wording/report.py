"""Words of the report for a referring physician."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from spinealign.domain.examination import Examination
from spinealign.domain.findings import WarningCode
from spinealign.domain.reading import Addendum, Impression, Reading, ReadingStatus
from spinealign.domain.report_details import LeftOutReading, ReadingUse, ReportDetails
from spinealign.domain.study import PatientFacts
from spinealign.wording.examinations import examination_text
from spinealign.wording.reading import patient_rows
from spinealign.wording.reading_page import STATUS_WORDS, status_line
from spinealign.wording.text import listed, safe_text

PATIENT_LEFT_OUT = "De-identified: patient data, names and dates were left out"
NO_PATIENT_DATA = "No patient data on this report"
NAME_UNKNOWN = "Patient not named"
LEFT_OUT = "[left out]"
UNNAMED = "Without patient data"
NOT_READ = "Findings of the program. Nobody has read them yet."
EMPTY_IMPRESSION = "The impression of this reading is still empty."
READ_ELSEWHERE = "Findings of the program, without the stored reading of this image."
DRAFT = "DRAFT"
"""Lies across every page of a report that nobody signed."""

FINDING_HEADINGS = ("Finding", "Value (95 % interval)", "Reference range", "Remarks")
AT_THE_DETECTOR = "at the detector"
PROGRAM_VALUES = (
    "What follows are the program’s own values; what the reader changed or rejected is marked: the "
    "impression and the findings on page 1 hold."
)
PROGRAM_VALUES_ABOVE = PROGRAM_VALUES.replace(" on page 1", " above")
"""The same on a page that has no numbers."""

OVERRULED_TITLE = "Changed or rejected by the reader"
ANNEX_TITLE = "Technical annex"
PICTURE_CAPTION = "Outlines and measures drawn by the program; check them against the anatomy."
PICTURE_CAPTION_READ = "Outlines and measures, as they were when the reading was signed."
CHANGED_SINCE_SIGNED = (
    "The picture and the program’s own values were changed after the reading was signed; the "
    "impression and the findings are as they were signed."
)
PICTURE_CAPTION_CHANGED = "Outlines and measures as they are now, not as they were signed."
PLAIN_PICTURE_CAPTION = "The image as it was opened."

_STATUS_WORDS: Mapping[ReadingStatus, str] = {
    ReadingStatus.AUTOMATIC: "Automatic result, not read by a person",
    ReadingStatus.BEING_READ: "Being read, not signed",
    ReadingStatus.SIGNED: "Signed",
    ReadingStatus.AMENDED: "Signed, with addendum",
}

DECISIVE_CAUTIONS = (
    WarningCode.VIEW_OVERRULED, WarningCode.VIEW_DISPUTED, WarningCode.VIEW_UNCERTAIN,
    WarningCode.VIEW_OF_SAMPLE, WarningCode.TURNED, WarningCode.UPSIDE_DOWN,
    WarningCode.ANALYSED_AS_NEGATIVE,
    WarningCode.DEMONSTRATION_MODEL, WarningCode.SEVERE_NARROWING, WarningCode.HEIGHT_LOSS,
    WarningCode.BENT_FILM,
    WarningCode.T1_ALONE, WarningCode.WEIGHTING_ASSUMED, WarningCode.NAMES_UNCONFIRMED,
    WarningCode.ACCEPTED_IMPLAUSIBLE, WarningCode.CORRECTED_BY_USER,
    WarningCode.MAGNIFIED_SPACING, WarningCode.NO_SPACING,
    WarningCode.SLICE_BESIDE_CANAL, WarningCode.LUMBAR_COUNT_DOUBTFUL,
    WarningCode.LEVELS_UNCERTAIN, WarningCode.LEVELS_COUNTED, WarningCode.LEVELS_FROM_SACRUM,
    WarningCode.USUAL_COUNT_ASSUMED,
    WarningCode.DISC_COUNT_UNCERTAIN,
    WarningCode.NOT_OUTLINED, WarningCode.NO_COLUMN, WarningCode.NOTHING_SEGMENTED,
    WarningCode.FACING_DISPUTED, WarningCode.LOW_RESOLUTION, WarningCode.LOW_CONTRAST,
    WarningCode.TOO_DARK, WarningCode.TOO_BRIGHT, WarningCode.BLURRED, WarningCode.BURNED_IN,
)  # fmt: skip
"""What changes the meaning of a number, so that it stands on the first page; worst first."""

_LEFT_OUT: Mapping[ReadingUse, str] = {
    ReadingUse.LEFT_OUT: "was left out, as was asked for",
    ReadingUse.FAULTY: "is not as it was written and was left out",
    ReadingUse.OF_ANOTHER_KIND: "is of another kind of examination and was left out",
}

_FIRST_COLUMN = ("name", "birth_date", "sex", "age", "identifier")
_LEAST_PART = 3
"""Letters of a part of a name from which on it is looked for in free text."""


def report_title(examination: Examination | None) -> str:
    """Return what a report is about: "Report: lateral cervical radiograph"."""
    return f"Report: {examination_text(examination)}"


def status_text(details: ReportDetails) -> str:
    """Return how far the reading is, by whom, and since when."""
    words, reading = _STATUS_WORDS[details.status], details.reading
    if details.left_out is not None:
        return left_out_reading_text(details.left_out)
    if reading is None or reading.signed_utc is None:
        reader = safe_text(reading.reader) if reading is not None else ""
        return f"{words} ({reader})" if reader and not details.is_deidentified else words
    if details.is_deidentified:
        return words
    words = _STATUS_WORDS[ReadingStatus.SIGNED]
    signed = f"{words} by {safe_text(reading.reader)} on {moment_text(reading.signed_utc)}"
    if not reading.addenda:
        return signed
    last = reading.addenda[-1]
    return f"{signed}; addendum by {safe_text(last.reader)} on {moment_text(last.added_utc)}"


def left_out_reading_text(left_out: LeftOutReading) -> str:
    """Return that results do not rest on a stored reading, how far that is, and why."""
    far = "" if left_out.status is None else f" ({STATUS_WORDS[left_out.status]})"
    return f"Automatic result; the stored reading of this image{far} {_LEFT_OUT[left_out.use]}"


def stored_reading_lines(details: ReportDetails) -> list[str]:
    """Return what became of a stored reading, to print; nothing where there is none."""
    if details.left_out is not None:
        return [f"reading: {left_out_reading_text(details.left_out)}"]
    return [] if details.reading is None else [f"reading: {status_line(details.reading)}"]


def picture_caption(is_outlined: bool, is_signed: bool, is_changed: bool) -> str:
    """Return what stands below the picture of a report.

    Parameters
    ----------
    is_outlined : bool
        Whether anything is drawn on it.
    is_signed, is_changed : bool
        Whether the reading is signed, and whether the result is another now.
    """
    if is_changed:
        return PICTURE_CAPTION_CHANGED
    if not is_outlined:
        return PLAIN_PICTURE_CAPTION
    return PICTURE_CAPTION_READ if is_signed else PICTURE_CAPTION


def left_out_text(parts: Sequence[str]) -> str:
    """Return where to find the parts that a report has no room for."""
    words = f"{listed(list(parts))} stand in the technical annex."
    return f"{words[0].upper()}{words[1:]}"


NO_PICTURE = "The image is not part of this report."


def moment_text(moment: datetime) -> str:
    """Return a time to the minute, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def day_text(created_utc: str) -> str:
    """Return the time of an analysis to the minute."""
    return f"{created_utc[:16].replace('T', ' ')} UTC"


def patient_columns(details: ReportDetails) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Return what is known of the patient, and of the examination, as (label, value)."""
    if details.is_deidentified:
        return (("Patient", PATIENT_LEFT_OUT),), ()
    who = {name: getattr(details.patient, name) for name in _FIRST_COLUMN}
    rest = {k: v for k, v in vars(details.patient).items() if k not in _FIRST_COLUMN}
    first = patient_rows(PatientFacts(**who)) or (("Patient", NO_PATIENT_DATA),)
    return first, patient_rows(PatientFacts(**rest))


def patient_head(details: ReportDetails) -> str:
    """Return whose report it is, for the head of every page."""
    if details.is_deidentified:
        return "De-identified"
    rows = dict(patient_rows(details.patient))
    parts = [rows.get("Name", NAME_UNKNOWN)]
    parts += [f"{word} {rows[key]}" for key, word in _HEAD_WORDS.items() if key in rows]
    return " · ".join(parts)


_HEAD_WORDS = {"Born": "born", "Patient ID": "ID"}


def without_patient(text: str, patient: PatientFacts) -> str:
    """Return text that a person typed without the patient's name, identifier and birth date.

    Parameters
    ----------
    text : str
    patient : PatientFacts
        Parts of a name shorter than three letters are not looked for.
    """
    names = re.split(r"[\^=\s,.;-]+", patient.name)
    dates = [value for value in _dates(patient.birth_date) if value]
    words = {word for word in (*names, patient.identifier.strip()) if len(word) >= _LEAST_PART}
    found = sorted({*words, *dates}, key=len, reverse=True)
    if not found:
        return text
    pattern = "|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in found)
    return re.sub(pattern, LEFT_OUT, text, flags=re.IGNORECASE)


def reading_without_patient(
    reading: Reading, patient: PatientFacts, own: Collection[str]
) -> Reading:
    """Return a reading of which impression and addenda do not name the patient.

    Parameters
    ----------
    reading : Reading
    patient : PatientFacts
    own : collection of str
        Lines of the program's own, which name nobody: a word of theirs may be a name elsewhere.
    """
    lines = reading.impression.text.split("\n")
    told = [line if line in own else without_patient(line, patient) for line in lines]
    impression = Impression("\n".join(told), reading.impression.is_edited)
    addenda = tuple(
        Addendum(
            without_patient(each.text, patient),
            without_patient(each.reason, patient),
            each.reader,
            each.added_utc,
        )
        for each in reading.addenda
    )
    return reading.with_changes(impression=impression, addenda=addenda)


def _dates(stored: str) -> tuple[str, ...]:
    if len(stored) != 8 or not stored.isdecimal():
        return (stored.strip(),)
    year, month, day = stored[:4], stored[4:6], stored[6:]
    return stored, f"{year}-{month}-{day}", f"{day}.{month}.{year}", f"{day}/{month}/{year}"
