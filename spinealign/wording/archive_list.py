"""Examinations of the archive as the window lists them; loaded with the archive only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from spinealign.archive.backup import BackedUp
from spinealign.archive.checking import Checked, DamagedExamination
from spinealign.archive.records import ExaminationRecord, PatientRecord
from spinealign.domain.comparison import Change, ComparedMeasure
from spinealign.domain.examination import examination_named
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import Extent, MeasureCode
from spinealign.wording.archive import (
    ARCHIVE_DAMAGED,
    ARCHIVE_WHOLE,
    BACKED_UP,
    DAMAGED_ADVICE,
    DRILLED,
    FILE_CHANGED,
    FILE_MISSING,
    MORE_DAMAGED,
    NO_EXAMINATION_CONCERNED,
    NO_LIST_READABLE,
    RECORD_UNREADABLE,
    UNNAMED_EXAMINATION,
    counted,
    date_text,
    kind_words,
    study_name,
)
from spinealign.wording.archive_window import (
    CURVES_NOTE,
    EMPTY_ARCHIVE,
    EMPTY_VIEWS,
    NOTHING_FITS,
    ONE_DAY_NOTE,
    POSTURE_NOTE,
    SIDE_NOT_KEPT,
    STATUS_CHOICES,
    UNDATED_NOTE,
    UNJUDGED_NOTE,
)
from spinealign.wording.comparison import (
    difference_text,
    error_source,
    error_text,
    judgement_text,
    mixed_kinds_text,
)
from spinealign.wording.curve_changes import READERS_DIFFER, ends_text
from spinealign.wording.examinations import examination_text
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


def _kind_in_sentence(kind: str) -> str:
    try:
        return examination_text(examination_named(kind))
    except ValueError:
        return safe_text(kind)


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


def follow_cells(
    record: ExaminationRecord, value: Measurement | None, compared: ComparedMeasure | None
) -> tuple[str, ...]:
    """Return the cells of an examination in the follow-up.

    Parameters
    ----------
    record : ExaminationRecord
    value : Measurement or None
    compared : ComparedMeasure or None
        Against the first examination.
    """
    cells = list_cells(record)
    judged = ("", "", "")
    if compared is not None:
        judged = (
            difference_text(compared),
            error_text(compared.error, compared.unit),
            judgement_text(compared),
        )
    said = "" if value is None else value_words(value, _curve_words(value))
    return (cells[0], cells[2], cells[3], cells[4], said, *judged)


def _curve_words(value: Measurement) -> str:
    """Return ", T5–T11, patient’s left"; empty of measures that are no curve."""
    if value.definition.extent is not Extent.CURVE:
        return ""
    curve = value.curve
    if curve is None:
        return f", {ends_text(value)}, {SIDE_NOT_KEPT}"
    side = curve.patient_side
    words = f"{curve.convex_to} of the picture" if side is None else f"patient’s {side}"
    return f", {ends_text(value)}, {words}"


def value_words(measurement: Measurement, more: str = "") -> str:
    """Return a value with its unit, what else is to be said, and its interval where it has one."""
    assert measurement.value is not None
    unit = measurement.unit
    said = f"{number_text(measurement.value, unit)}{unit_text(unit)}{more}"
    if measurement.interval is None:
        return said
    low, high = (number_text(end, unit) for end in measurement.interval)
    return f"{said} (95 % {low} to {high})"


def follow_cautions(
    records: Sequence[ExaminationRecord], changes: Sequence[ComparedMeasure | None]
) -> list[str]:
    """Return what to know before trusting the course of a measure, its error first.

    Parameters
    ----------
    records : sequence of ExaminationRecord
    changes : sequence of ComparedMeasure or None
        Of the measure that is shown, one for each.
    """
    judged = [one for one in changes if one is not None]
    sources = (error_source(one.error, one.unit) for one in judged if one.error is not None)
    said = [f"Error of a change: {source}." for source in dict.fromkeys(sources)]
    if any(one.change is Change.UNJUDGED for one in judged):
        said.append(UNJUDGED_NOTE)
    if any(one.is_of_curve for one in judged):
        said += [READERS_DIFFER, CURVES_NOTE]
    kinds = dict.fromkeys(_kind_in_sentence(record.kind) for record in records)
    if len(kinds) > 1:
        said.append(mixed_kinds_text(list(kinds)))
    days = [record.study_date for record in records if record.study_date]
    if len(days) < len(records):
        said.append(UNDATED_NOTE)
    if len(set(days)) < len(days):
        said.append(ONE_DAY_NOTE)
    return [*said, POSTURE_NOTE] if judged else said


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


def chart_words(
    name: str, values: Sequence[tuple[date, Measurement, ComparedMeasure | None]]
) -> str:
    """Return what a chart shows, for those who cannot see it."""
    said = ", ".join(
        f"{day.isoformat()} {value_words(measurement)}"
        f"{' (changed)' if compared is not None and compared.change is Change.BEYOND else ''}"
        for day, measurement, compared in values
    )
    return f"{name}: {said}"


def files_text(done: int, count: int) -> str:
    """Return how many of how many files are done."""
    return f"{done:,} of {counted(count, 'file')}"


def examinations_text(done: int, count: int) -> str:
    """Return how many of how many examinations are done."""
    return f"{done:,} of {counted(count, 'examination')}"


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


def check_text(found: Checked, most: int | None = None) -> str:
    """Return what a check of the archive found: what is damaged, of which examinations, what to do.

    Parameters
    ----------
    found : Checked
    most : int or None
        How many examinations are named at most; None for all.
    """
    if found.is_whole:
        return ARCHIVE_WHOLE
    files = counted(found.file_count, "file") if found.file_count else ""
    database = "" if found.is_database_whole else "the database"
    named = " and ".join(filter(None, (database, files)))
    concerned = found.examinations[:most]
    lines = [ARCHIVE_DAMAGED.format(what=named)]
    if not found.is_list_readable:
        lines.append(NO_LIST_READABLE)
    elif not found.examinations:
        lines.append(NO_EXAMINATION_CONCERNED)
    lines += [line for each in concerned for line in _damage_lines(each)]
    left = len(found.examinations) - len(concerned)
    if left:
        lines.append(MORE_DAMAGED.format(count=counted(left, "more examination")))
    return "\n".join((*lines, DAMAGED_ADVICE))


def _damage_lines(damaged: DamagedExamination) -> list[str]:
    """Return what is wrong with an examination: by its date and kind, never whose it is."""
    what = study_name(damaged.study_date, damaged.kind) or UNNAMED_EXAMINATION
    told = [RECORD_UNREADABLE] if damaged.is_unreadable else []
    told += [FILE_MISSING.format(file=name) for name in damaged.missing]
    told += [FILE_CHANGED.format(file=name) for name in damaged.changed]
    return [f"{what}: {each}" for each in told]


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
