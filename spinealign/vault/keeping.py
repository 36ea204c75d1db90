"""Examinations as the archive keeps them: made of what was opened, analysed and read."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from spinealign.accounts.book import Right
from spinealign.archive.records import (
    ExaminationRecord,
    FileRole,
    FindingRecord,
    MeasureBasis,
    MeasureRecord,
    PatientRecord,
    ReadingVersion,
    StoredFile,
)
from spinealign.audit.events import AuditObject, EventKind, ObjectKind
from spinealign.domain.findings import Analysis
from spinealign.domain.generators import mapped, run_to_end
from spinealign.domain.protection import ArchiveError, ArchiveProblem
from spinealign.domain.reading import Reading, ReadingStatus
from spinealign.domain.study import PatientFacts
from spinealign.protected_folders import open_binary
from spinealign.reading.findings import findings_of
from spinealign.vault.failed_acts import failure_recorded
from spinealign.vault.kept_result import new_members
from spinealign.vault.session import Session
from spinealign.wording.archive import kept_again_text, study_name
from spinealign.wording.reading_page import finding_statement

_PIECE_BYTES = 1 << 20

UNREAD = ReadingStatus.AUTOMATIC.value


@dataclass(frozen=True)
class Opened:
    """An examination as it is opened in the program.

    Parameters
    ----------
    files : tuple of Path
        The original files of its pictures, each once.
    patient : PatientFacts
    kind : str
        `Examination.key`; empty where none was found.
    study_uid, description : str
    key_value : str
        What the worklist says of it.
    analysis : Analysis or None
    reading : Reading or None
    thumbnail_png : bytes
        Empty without one.
    """

    files: tuple[Path, ...]
    patient: PatientFacts
    kind: str = ""
    study_uid: str = ""
    description: str = ""
    key_value: str = ""
    analysis: Analysis | None = None
    reading: Reading | None = None
    thumbnail_png: bytes = b""


def keep(session: Session, opened: Opened, now: datetime | None = None) -> ExaminationRecord:
    """Put an examination into the archive at one go; see `keeping`."""
    return run_to_end(keeping(session, opened, now))


def keeping(
    session: Session, opened: Opened, now: datetime | None = None
) -> Generator[tuple[int, int], None, ExaminationRecord]:
    """Put an examination into the archive, with its files; one that is there is brought up to date.

    Yields
    ------
    (int, int)
        Files done, and all; who stops here finds nothing of it in the archive.

    Notes
    -----
    The files are encrypted first, then the database learns of all at once: a kill leaves all of
    the examination or nothing. The originals stay where they are.

    Raises
    ------
    AccountError
        ``NOT_ALLOWED``.
    ArchiveError
        ``OTHER_PATIENT``: a file of it is in the archive as another patient's.
    OSError
    """
    session.require(Right.IMPORT)
    # A failure names the examination by what its file is called: the archive may not know it.
    about = objects_of(_record_of(opened, opened.files[0].name, _stamp(now)))
    with failure_recorded(session, EventKind.IMPORT, *about):
        return (yield from _kept(session, opened, now))


def _kept(
    session: Session, opened: Opened, now: datetime | None
) -> Generator[tuple[int, int], None, ExaminationRecord]:
    archive, at_utc = session.archive, _stamp(now)
    digests: dict[Path, str] = {}
    for path in opened.files:
        yield len(digests), 2 * len(opened.files)
        digests[path] = _sha256(path)
    known = next(filter(None, map(archive.examination_of_file, digests.values())), None)
    record = _record_of(opened, known or secrets.token_hex(16), at_utc)
    if known is not None:
        record = _brought_up_to_date(archive.get(known), record, opened)
    stored = yield from _new_files(session, digests, () if known is None else archive.files(known))
    stored += yield from _new_result(session, opened, digests, known, stored)
    thumbnails = _new_thumbnail(session, opened.thumbnail_png, known)
    if known is None:
        session.record(EventKind.IMPORT, *objects_of(record))
    else:
        has_result, has_reading = opened.analysis is not None, opened.reading is not None
        new = sum(each.role is FileRole.ORIGINAL for each in stored)
        again = kept_again_text(new, has_result, has_reading)
        session.record(EventKind.CHANGE, *objects_of(record), description=again)
    with archive.together():
        archive.put(record)
        for each in (*stored, *thumbnails):
            archive.add_prepared(record.identifier, each, at_utc)
        if opened.reading is not None:
            keep_reading(session, record.identifier, opened.reading, at_utc)
    return archive.get(record.identifier)


def keep_result(session: Session, identifier: str, opened: Opened) -> ExaminationRecord:
    """Bring what the archive says of an examination up to date with its analysis and reading.

    Raises
    ------
    ArchiveError
    """
    archive = session.archive
    before = archive.get(identifier)
    made = _record_of(opened, identifier, _stamp(None))
    archive.put(
        replace(
            made, patient=before.patient, added_utc=before.added_utc, tags=before.tags,
            study_uid=made.study_uid or before.study_uid, accession=before.accession,
            study_date=before.study_date, description=before.description,
        )
    )  # fmt: skip
    if opened.reading is not None:
        keep_reading(session, identifier, opened.reading, _stamp(None))
    return archive.get(identifier)


def keep_reading(session: Session, identifier: str, reading: Reading, at_utc: str) -> None:
    """Keep a version of a reading beside the examination; a signed one is kept once.

    Parameters
    ----------
    session : Session
    identifier : str
    reading : Reading
    at_utc : str
        When it is kept: what is signed counts from its signature, which may be older.
    """
    archive = session.archive
    version = reading.version
    if version and any(each.version == version for each in archive.readings(identifier)):
        return
    archive.put_reading(
        identifier,
        ReadingVersion(
            version,
            reading.status.value,
            reading.reader,
            _signed_utc(reading) or at_utc,
            reading.impression.text,
            msgspec.json.encode(reading),
        ),
    )


def originals(session: Session, identifier: str) -> Sequence[Path]:
    """Return the encrypted files of an examination's images, which open like the originals.

    That somebody looks at them is recorded.

    Raises
    ------
    AccountError, ArchiveError
    """
    session.require(Right.VIEW)
    archive = session.archive
    stored = archive.files(identifier, FileRole.ORIGINAL)
    session.record(EventKind.VIEW, *objects_of(archive.get(identifier)))
    return [archive.path_of(each) for each in stored]


def delete(session: Session, identifiers: Sequence[str]) -> None:
    """Delete examinations with all that belongs to them, readings and corrections too.

    Raises
    ------
    AccountError, ArchiveError
    """
    session.require(Right.DELETE)
    for identifier in identifiers:
        session.record(EventKind.DELETE, *objects_of(session.archive.get(identifier)))
    session.archive.delete(identifiers)


def set_tags(session: Session, identifier: str, tags: Sequence[str]) -> None:
    """Give an examination these tags and no others.

    Raises
    ------
    AccountError, ArchiveError
    """
    session.require(Right.CHANGE)
    what = objects_of(session.archive.get(identifier))
    session.record(EventKind.CHANGE, *what, description="tags set" if tags else "tags taken away")
    session.archive.set_tags(identifier, tags)


def add_note(session: Session, identifier: str, content: str) -> None:
    """Add a note, which is no part of the reading, under one's own name.

    Raises
    ------
    AccountError, ArchiveError
    """
    session.require(Right.CHANGE)
    author = session.person.signs_as
    what = objects_of(session.archive.get(identifier))
    session.record(EventKind.CHANGE, *what, description="note added")
    session.archive.add_note(identifier, author, _stamp(None), content)


def link(session: Session, identifier: str, other: str) -> None:
    """Say that the patients of two examinations are one person.

    Raises
    ------
    AccountError, ArchiveError
    """
    session.require(Right.CHANGE)
    first, second = session.archive.get(identifier), session.archive.get(other)
    session.record(
        EventKind.CHANGE, *objects_of(first), *objects_of(second), description="patients linked"
    )
    session.archive.link(first.patient, second.patient)


def unlink(session: Session, identifier: str) -> None:
    """Say that the patient of an examination is a person of their own.

    Raises
    ------
    AccountError, ArchiveError
    """
    session.require(Right.CHANGE)
    record = session.archive.get(identifier)
    session.record(EventKind.CHANGE, *objects_of(record), description="patient unlinked")
    session.archive.unlink(record.patient)


def objects_of(record: ExaminationRecord) -> tuple[AuditObject, ...]:
    """Return what an event about an examination names: its patient and its study."""
    patient = record.patient
    name = study_name(record.study_date, record.kind)
    return (
        AuditObject(ObjectKind.PATIENT, patient.patient_id, patient.name),
        AuditObject(ObjectKind.STUDY, record.study_uid or record.identifier, name),
    )


def measure_records(analysis: Analysis) -> tuple[MeasureRecord, ...]:
    """Return what was measured, as it is followed in time; drawn and unmeasurable ones are not."""
    kept: dict[tuple[str, str, str], MeasureRecord] = {}
    rule, source = analysis.interval_rule, analysis.image.spacing_source
    for each in analysis.measurements:
        if each.value is None or each.drawing:
            continue
        lower, upper = each.interval or (None, None)
        levels = "/".join(each.levels)
        basis = MeasureBasis(
            each.state, source, not analysis.levels_uncertain, rule.factor_of(each.code),
            rule.change_factors.get(each.code),
        )  # fmt: skip
        record = MeasureRecord(
            each.code.value, levels, each.unit, each.value, lower, upper, basis, each.curve
        )
        kept.setdefault((record.code, record.level, record.unit), record)
    return tuple(kept.values())


def _record_of(opened: Opened, identifier: str, at_utc: str) -> ExaminationRecord:
    facts, reading, analysis = opened.patient, opened.reading, opened.analysis
    findings = () if analysis is None else findings_of(analysis)
    status = UNREAD if reading is None else reading.status.value
    return ExaminationRecord(
        identifier,
        PatientRecord(facts.identifier, "", facts.name, facts.birth_date, facts.sex),
        opened.kind,
        at_utc,
        at_utc,
        study_uid=opened.study_uid,
        accession=facts.accession_number,
        study_date=facts.study_date,
        description=opened.description or facts.study_description,
        status=status,
        reader="" if reading is None else reading.reader,
        signed_utc="" if reading is None else _signed_utc(reading),
        key_value=opened.key_value,
        findings=tuple(
            FindingRecord(each.key, "/".join(each.levels), finding_statement(each))
            for each in findings
        ),
        measures=() if analysis is None else measure_records(analysis),
    )


def _signed_utc(reading: Reading) -> str:
    """Return when a reading was signed last, an addendum of it included; empty if nobody did."""
    if reading.signed_utc is None:
        return ""
    return _stamp(reading.addenda[-1].added_utc if reading.addenda else reading.signed_utc)


def _brought_up_to_date(
    before: ExaminationRecord, record: ExaminationRecord, opened: Opened
) -> ExaminationRecord:
    """Return what the archive says of an examination that is there: nothing known is forgotten."""
    if replace(record.patient, sex=before.patient.sex) != before.patient:
        raise ArchiveError(ArchiveProblem.OTHER_PATIENT)
    record = replace(record, added_utc=before.added_utc, tags=before.tags)
    if opened.reading is None:
        record = replace(
            record, status=before.status, reader=before.reader, signed_utc=before.signed_utc
        )
    if opened.analysis is None:
        record = replace(
            record, kind=before.kind, study_uid=before.study_uid, key_value=before.key_value,
            findings=before.findings, measures=before.measures,
        )  # fmt: skip
    return record


def _new_files(
    session: Session, digests: Mapping[Path, str], known: Sequence[StoredFile]
) -> Generator[tuple[int, int], None, list[StoredFile]]:
    archive = session.archive  # asked for now: at an interruption it may be locked
    there, new = {stored.sha256 for stored in known}, list[StoredFile]()
    try:
        for done, (path, digest) in enumerate(digests.items(), start=len(digests)):
            yield done, 2 * len(digests)
            if digest not in there:
                with open_binary(path) as file:
                    new.append(archive.prepare_file(FileRole.ORIGINAL, path.name, file))
                there.add(digest)
    except BaseException:
        archive.discard(new)
        raise
    return new


def _new_result(
    session: Session, opened: Opened, digests: Mapping[Path, str], known: str | None,
    stored: Sequence[StoredFile],
) -> Generator[tuple[int, int], None, list[StoredFile]]:  # fmt: skip
    if opened.analysis is None:
        return []
    archive, steps = session.archive, 2 * len(digests)
    try:
        work = new_members(archive, opened.analysis, digests, known)
        return (yield from mapped(work, lambda _: (steps, steps)))
    except BaseException:
        archive.discard(stored)
        raise


def _new_thumbnail(session: Session, png: bytes, known: str | None) -> list[StoredFile]:
    has_one = known is not None and session.archive.files(known, FileRole.THUMBNAIL)
    if not png or has_one:
        return []
    return [session.archive.prepare_file(FileRole.THUMBNAIL, "thumbnail.png", io.BytesIO(png))]


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open_binary(path) as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _stamp(moment: datetime | None) -> str:
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
