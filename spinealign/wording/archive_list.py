"""Examinations of the archive as the window lists them; loaded with the archive only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spinealign.archive.backup import BackedUp
from spinealign.archive.records import ExaminationRecord, MeasureRecord, PatientRecord
from spinealign.domain.measures import MeasureCode
from spinealign.wording.archive import (
    ARCHIVE_DAMAGED,
    ARCHIVE_WHOLE,
    BACKED_UP,
    DRILLED,
    counted,
    date_text,
    kind_words,
)
from spinealign.wording.archive_window import (
    EMPTY_ARCHIVE,
    EMPTY_VIEWS,
    NOTHING_FITS,
    STATUS_CHOICES,
)
from spinealign.wording.measure_rows import number_text, unit_text
from spinealign.wording.measures import measure_name
from spinealign.wording.text import safe_text


def patient_words(patient: PatientRecord) -> str:
    """Return a patient's name as people write it."""
    return safe_text(patient.name.replace("^", " ").strip()) or "no name"


def patient_line(patient: PatientRecord) -> str:
    """Return a patient's name and ID."""
    identifier = safe_text(patient.patient_id)
    return f"{patient_words(patient)} ({identifier or 'no ID'})"


def status_words(status: str) -> str:
    """Return what is said of the status of a reading."""
    return STATUS_CHOICES.get(status, safe_text(status))


def list_cells(record: ExaminationRecord) -> tuple[str, ...]:
    """Return the cells of an examination in the list."""
    return (
        date_text(record.study_date),
        patient_words(record.patient),
        safe_text(record.patient.patient_id),
        kind_words(record.kind),
        status_words(record.status),
        safe_text(record.reader),
        safe_text(record.key_value),
        safe_text(", ".join(record.tags)),
    )


def follow_cells(record: ExaminationRecord, measure: MeasureRecord | None) -> tuple[str, ...]:
    """Return the cells of an examination in the follow-up."""
    cells = list_cells(record)
    return (cells[0], cells[2], cells[3], cells[4], "" if measure is None else value_words(measure))


def value_words(measure: MeasureRecord) -> str:
    """Return a value with its unit, and its interval where it has one."""
    unit = unit_text(measure.unit)
    said = f"{number_text(measure.value, measure.unit)}{unit}"
    if measure.lower is None or measure.upper is None:
        return said
    low, high = (number_text(end, measure.unit) for end in (measure.lower, measure.upper))
    return f"{said} (95 % {low} to {high})"


def measure_words(code: str, level: str, unit: str) -> str:
    """Return what a measure is called, with its unit where that is not an angle's."""
    try:
        levels = tuple(level.split("/")) if level else ()
        name = safe_text(measure_name(MeasureCode(code), levels))
    except ValueError:
        name = safe_text(f"{code} {level}".strip())
    return name if unit in ("deg", "") else f"{name}, {unit}"


def empty_text(view: str, is_narrowed: bool, is_filtered: bool) -> str:
    """Return why nothing is listed, and what to do.

    Parameters
    ----------
    view : str
        The worklist that is chosen.
    is_narrowed : bool
        Whether anything but that is asked for.
    is_filtered : bool
        Whether anything is.
    """
    if not is_filtered:
        return EMPTY_ARCHIVE
    return NOTHING_FITS if is_narrowed else EMPTY_VIEWS.get(view, NOTHING_FITS)


def shown_text(shown: int, count: int) -> str:
    """Return how many of how many examinations are listed."""
    if shown < count:
        return f"{shown:,} of {counted(count, 'examination')} shown, the latest; narrow the search."
    return f"{counted(count, 'examination')}."


def dated_words(record: ExaminationRecord) -> str:
    """Return what people call an examination: its date and what it is."""
    return f"{date_text(record.study_date)}, {opening_words(record)}"


def opening_words(record: ExaminationRecord) -> str:
    """Return what a case opened from the archive is called: never by its file's random name."""
    return safe_text(record.description.strip()) or kind_words(record.kind) or "Image"


def delete_question(records: Sequence[ExaminationRecord]) -> str:
    """Return the question before examinations are deleted, with their patients."""
    named = list(dict.fromkeys(patient_line(record.patient) for record in records))
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""
    return f"Delete {counted(len(records), 'examination')} of {', '.join(named[:3])}{more}?"


def deleted_text(count: int) -> str:
    """Return that examinations are deleted."""
    return f"Deleted: {counted(count, 'examination')}."


def link_question(first: PatientRecord, second: PatientRecord) -> str:
    """Return the question before two patients are linked."""
    return f"Are {patient_line(first)} and {patient_line(second)} one person?"


def unlink_question(patient: PatientRecord) -> str:
    """Return the question before a patient is unlinked."""
    return f"Is {patient_line(patient)} another person than the others?"


def note_line(at_utc: str, author: str, content: str) -> str:
    """Return a note with its author and time."""
    return f"{at_utc[:16].replace('T', ' ')} UTC, {safe_text(author)}: {safe_text(content)}"


def packed_text(name: str) -> str:
    """Return that a package is written."""
    return f"Written: {safe_text(name)}. It opens with its password only."


def imported_text(record: ExaminationRecord, is_new: bool) -> str:
    """Return what came of a package."""
    who = patient_line(record.patient)
    if is_new:
        return f"Imported: {dated_words(record)} of {who}."
    return f"{dated_words(record)} of {who} was in the archive already; nothing was changed."


def chart_words(name: str, values: Sequence[tuple[str, MeasureRecord]]) -> str:
    """Return what a chart shows, for those who cannot see it."""
    said = ", ".join(f"{date_text(day)} {value_words(measure)}" for day, measure in values)
    return f"{name}: {said}"


def files_text(done: int, count: int) -> str:
    """Return how many of how many files are done."""
    return f"{done:,} of {counted(count, 'file')}"


def backed_up_text(done: BackedUp) -> str:
    """Return what a back-up did."""
    return BACKED_UP.format(
        folder=safe_text(str(done.folder)),
        examinations=counted(done.examinations, "examination"),
        files=counted(done.files, "file"),
        new=done.new_files,
    )


def drilled_text(examinations: int, files: int) -> str:
    """Return what a drill read."""
    return DRILLED.format(
        examinations=counted(examinations, "examination"), files=counted(files, "file")
    )


def check_text(is_sound: bool, damaged: int) -> str:
    """Return what a check of the archive found."""
    faults = ["" if is_sound else "the database", counted(damaged, "file") if damaged else ""]
    named = " and ".join(filter(None, faults))
    return ARCHIVE_DAMAGED.format(what=named) if named else ARCHIVE_WHOLE


def due_text(count: int) -> str:
    """Return how many examinations a retention rule would delete."""
    if not count:
        return "No examination is that old. Nothing was deleted."
    return f"{counted(count, 'examination')} may be deleted. Nothing was deleted."


def back_up_words(copy: Path) -> str:
    """Return when a back-up was made, and of which archive, by its folders' names."""
    name = copy.name
    when = f"{date_text(name[:8])} {name[9:11]}:{name[11:13]} UTC"
    return f"{when}, archive {safe_text(copy.parent.name[:8])}"
