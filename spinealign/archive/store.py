"""The archive of examinations: kept, searched, followed in time, linked and deleted."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from spinealign.accounts.keys import SubKeys
from spinealign.archive.database import connect, is_whole, transaction
from spinealign.archive.encrypted_files import Readable, decrypted, encrypt_file, read_decrypted
from spinealign.archive.records import (
    CoursePoint,
    ExaminationRecord,
    FileRole,
    FindingRecord,
    PatientRecord,
    ReadingVersion,
    RetentionRule,
    Search,
    StoredFile,
)
from spinealign.archive.searching import (
    EXAMINATION_COLUMNS,
    MEASURE_COLUMNS,
    FoundRecords,
    find,
    find_due,
    measure_of,
    measure_row,
    record_of,
    where_of,
)
from spinealign.archive.word_index import index_examination
from spinealign.domain.protection import ArchiveError, ArchiveProblem, DamagedFileError

DATABASE, FILES = "archive.db", "files"

LONGEST_WAIT_S = 0.2
"""Of a lock for another thread: the keys are gone within a second."""

_SIGNED = ("signed", "amended")


class Archive:
    """An archive that is open.

    Each call that changes something returns when the change is on the disk.

    Parameters
    ----------
    folder : Path
        Its own; made if it is missing, for this user only.
    keys : SubKeys

    Raises
    ------
    ArchiveError
    """

    def __init__(self, folder: Path, keys: SubKeys) -> None:
        self._folder, self._keys = folder, keys
        self._files, self._is_closed = folder / FILES, False
        try:
            self._files.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(0o700)
        except OSError as error:
            raise ArchiveError(ArchiveProblem.NOT_WRITABLE) from error
        self.connection: Any = connect(folder / DATABASE, keys.database)

    @property
    def folder(self) -> Path:
        """Where database and encrypted files lie."""
        return self._folder

    def reopened(self) -> Archive:
        """Return the same archive by a connection of its own, which the caller closes.

        Raises
        ------
        ArchiveError
        """
        return Archive(self._folder, self._keys)

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Let the last thing be written before `close`, with no time to wait for others.

        What another thread reads or writes for long is interrupted; another program that writes
        is not waited for.

        Raises
        ------
        ArchiveError
            ``IN_USE``: nothing was written.
        """
        stopper = threading.Timer(LONGEST_WAIT_S, self.connection.interrupt)
        stopper.daemon = True
        stopper.start()
        try:
            # Waits for a statement of another thread, and so shows when it has ended.
            self.connection.execute(f"PRAGMA busy_timeout = {int(1000 * LONGEST_WAIT_S)}")
            if not self.connection.alone.acquire(timeout=LONGEST_WAIT_S):
                raise ArchiveError(ArchiveProblem.IN_USE)
        finally:
            stopper.cancel()
        try:
            yield
        finally:
            self.connection.alone.release()

    def close(self) -> None:
        """Close the database; nothing of it stays in memory that this program holds.

        What another thread encrypts or decrypts just now stops at its next piece.
        """
        self._is_closed = True
        # What another thread writes comes to its end first, but locking must not take long.
        is_alone = self.connection.alone.acquire(timeout=LONGEST_WAIT_S)
        try:
            self.connection.close()
        finally:
            if is_alone:
                self.connection.alone.release()

    def put(self, record: ExaminationRecord) -> None:
        """Keep an examination, or what has changed of it."""
        with transaction(self.connection):
            patient = self._patient_number(record.patient)
            values = (
                record.identifier, patient, record.study_uid, record.accession,
                record.study_date, record.description, record.kind, record.status, record.reader,
                record.added_utc, record.changed_utc, record.signed_utc, record.key_value,
            )  # fmt: skip
            self.connection.execute(
                "INSERT INTO examination(identifier, patient, study_uid, accession, study_date, "
                "description, kind, status, reader, added_utc, changed_utc, signed_utc, key_value) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT(identifier) DO UPDATE SET patient = excluded.patient, "
                "study_uid = excluded.study_uid, accession = excluded.accession, "
                "study_date = excluded.study_date, description = excluded.description, "
                "kind = excluded.kind, status = excluded.status, reader = excluded.reader, "
                "changed_utc = excluded.changed_utc, signed_utc = excluded.signed_utc, "
                "key_value = excluded.key_value",
                values,
            )
            number = self._number(record.identifier)
            self._replace_details(number, record)
            index_examination(self.connection, number)

    def get(self, identifier: str) -> ExaminationRecord:
        """Return an examination.

        Raises
        ------
        ArchiveError
            ``NO_SUCH_EXAMINATION``.
        """
        rows = self.connection.execute(
            f"SELECT {EXAMINATION_COLUMNS} FROM examination e JOIN patient p USING (patient) "
            "WHERE e.identifier = ?",
            (identifier,),
        ).fetchall()
        if not rows:
            raise ArchiveError(ArchiveProblem.NO_SUCH_EXAMINATION)
        return self._with_details(record_of(rows[0]))

    def search(self, search: Search) -> FoundRecords:
        """Return examinations with tags, without findings and measures, the latest first."""
        return find(self.connection, search)

    def count(self, search: Search) -> int:
        """Return how many examinations a search would find without its limit."""
        where, values = where_of(search)
        row = self.connection.execute(
            f"SELECT count(*) FROM examination e JOIN patient p USING (patient) WHERE {where}",
            values,
        ).fetchone()
        return int(row[0])

    # Files.

    def add_file(
        self, identifier: str, role: FileRole, name: str, source: Readable, at_utc: str
    ) -> StoredFile:
        """Encrypt a file into the archive and let an examination have it."""
        self._number(identifier)
        stored = self.prepare_file(role, name, source)
        self.add_prepared(identifier, stored, at_utc)
        return stored

    def prepare_file(self, role: FileRole, name: str, source: Readable) -> StoredFile:
        """Encrypt a file into the archive, for `add_prepared`.

        The encrypted file is on the disk before the database knows of it: a kill between the
        two leaves a file that `remove_strays` takes away, never one that is missing.
        """
        identifier = secrets.token_hex(16)
        digested, path = _Digested(source, self.require_open), self._path(identifier)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        size = encrypt_file(path, digested, self._keys.files, identifier)
        return StoredFile(identifier, role, name, size, digested.sha256())

    def add_prepared(self, identifier: str, stored: StoredFile, at_utc: str) -> None:
        """Let an examination have a file that is encrypted already."""
        with transaction(self.connection):
            self.connection.execute(
                "INSERT INTO stored_file VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    stored.identifier, self._number(identifier), stored.role.value, stored.name,
                    stored.size_bytes, stored.sha256, at_utc,
                ),
            )  # fmt: skip

    @contextmanager
    def together(self) -> Iterator[None]:
        """Do several things with the archive together: all are on the disk at the end, or none."""
        with transaction(self.connection):
            yield

    def examination_of_file(self, sha256: str) -> str | None:
        """Return the examination that an original file belongs to, or None, by its checksum."""
        row = self.connection.execute(
            "SELECT e.identifier FROM stored_file f JOIN examination e USING (examination) "
            "WHERE f.sha256 = ? AND f.role = ?",
            (sha256, FileRole.ORIGINAL.value),
        ).fetchone()
        return None if row is None else str(row[0])

    def files(self, identifier: str, role: FileRole | None = None) -> tuple[StoredFile, ...]:
        """Return the files of an examination, in the order in which they came."""
        rows = self.connection.execute(
            "SELECT identifier, role, name, bytes, sha256 FROM stored_file "
            "WHERE examination = ? ORDER BY rowid",
            (self._number(identifier),),
        )
        found = (StoredFile(row[0], FileRole(row[1]), row[2], row[3], row[4]) for row in rows)
        return tuple(each for each in found if role is None or each.role is role)

    def files_beside(self, file_identifier: str) -> tuple[StoredFile, ...]:
        """Return the files of the examination that a file belongs to; none of an unknown one."""
        row = self.connection.execute(
            "SELECT e.identifier FROM stored_file f JOIN examination e USING (examination) "
            "WHERE f.identifier = ?",
            (file_identifier,),
        ).fetchone()
        return () if row is None else self.files(str(row[0]))

    def path_of(self, stored: StoredFile) -> Path:
        """Return where the encrypted file lies; it is opened like the original one."""
        return self._path(stored.identifier)

    def read_file(self, stored: StoredFile) -> bytes:
        """Return the content of a file.

        Raises
        ------
        DamagedFileError
            It is not as it was written.
        """
        path = self._path(stored.identifier)
        content = read_decrypted(path, self._keys.files, stored.identifier)
        if hashlib.sha256(content).hexdigest() != stored.sha256:
            raise DamagedFileError(path)
        return content

    def require_open(self) -> None:
        """Raise `ArchiveError` where it was locked meanwhile, in whatever thread."""
        if self._is_closed:
            raise ArchiveError(ArchiveProblem.LOCKED)

    def remove_strays(self, least_age_s: float = 3600.0) -> int:
        """Delete encrypted files that no examination knows, and return how many there were.

        Parameters
        ----------
        least_age_s : float
            What is younger stays: another window may be about to tell the database of it.
        """
        latest = time.time() - least_age_s
        found = [path for path in self._files.glob("*/*") if path.stat().st_mtime <= latest]
        known = {row[0] for row in self.connection.execute("SELECT identifier FROM stored_file")}
        strays = [path for path in found if path.name not in known]
        for path in strays:
            with suppress(OSError):
                path.unlink()
        return len(strays)

    def all_files(self) -> tuple[StoredFile, ...]:
        """Return the files of all examinations."""
        rows = self.connection.execute(
            "SELECT identifier, role, name, bytes, sha256 FROM stored_file"
        )
        return tuple(StoredFile(row[0], FileRole(row[1]), *row[2:5]) for row in rows)

    def is_file_whole(self, stored: StoredFile) -> bool:
        """Return whether a file is there, as it was written."""
        digest = hashlib.sha256()
        path = self._path(stored.identifier)
        try:
            for piece in decrypted(path, self._keys.files, stored.identifier):
                self.require_open()
                digest.update(piece)
        except (DamagedFileError, OSError):
            return False
        return digest.hexdigest() == stored.sha256

    def damaged_files(self) -> Iterator[StoredFile]:
        """Yield each file that is missing or not as it was written."""
        yield from (stored for stored in self.all_files() if not self.is_file_whole(stored))

    def discard(self, prepared: Iterable[StoredFile]) -> None:
        """Delete files of `prepare_file` that no examination will have."""
        for stored in prepared:
            with suppress(OSError):
                self._path(stored.identifier).unlink()

    def is_whole(self) -> bool:
        """Return whether database and files are as they were written."""
        return is_whole(self.connection) and next(self.damaged_files(), None) is None

    # Readings.

    def put_reading(self, identifier: str, reading: ReadingVersion) -> None:
        """Keep a version of a reading; a signed one never takes another's place.

        Raises
        ------
        ArchiveError
        """
        number = self._number(identifier)
        values = (
            number, reading.version, reading.status, reading.reader, reading.at_utc,
            reading.impression, reading.content,
        )  # fmt: skip
        verb = "INSERT" if reading.version else "INSERT OR REPLACE"
        with transaction(self.connection):
            self.connection.execute(
                f"{verb} INTO reading_version VALUES (?, ?, ?, ?, ?, ?, ?)", values
            )
            signed = reading.at_utc if reading.status in _SIGNED else None
            self.connection.execute(
                "UPDATE examination SET status = ?, reader = ?, "
                "changed_utc = max(changed_utc, ?), signed_utc = coalesce(?, signed_utc) "
                "WHERE examination = ?",
                (reading.status, reading.reader, reading.at_utc, signed, number),
            )
            index_examination(self.connection, number)

    def readings(self, identifier: str) -> tuple[ReadingVersion, ...]:
        """Return every version of a reading, what is not signed yet first."""
        rows = self.connection.execute(
            "SELECT version, status, reader, at_utc, impression, content FROM reading_version "
            "WHERE examination = ? ORDER BY version",
            (self._number(identifier),),
        )
        return tuple(
            ReadingVersion(row[0], row[1], row[2], row[3], row[4], bytes(row[5])) for row in rows
        )

    # Tags and notes.

    def set_tags(self, identifier: str, tags: Iterable[str]) -> None:
        """Give an examination these tags and no others."""
        number = self._number(identifier)
        with transaction(self.connection):
            self._replace_tags(number, tags)
            index_examination(self.connection, number)

    def add_note(self, identifier: str, author: str, at_utc: str, content: str) -> None:
        """Add a note, which is no part of the reading."""
        number = self._number(identifier)
        with transaction(self.connection):
            self.connection.execute(
                "INSERT INTO note(examination, at_utc, author, content) VALUES (?, ?, ?, ?)",
                (number, at_utc, author, content),
            )
            index_examination(self.connection, number)

    def notes(self, identifier: str) -> tuple[tuple[str, str, str], ...]:
        """Return time, author and content of each note, in the order in which they came."""
        rows = self.connection.execute(
            "SELECT at_utc, author, content FROM note WHERE examination = ? ORDER BY note",
            (self._number(identifier),),
        )
        return tuple((row[0], row[1], row[2]) for row in rows)

    # Patients in time.

    def examinations_of(self, identifier: str) -> tuple[ExaminationRecord, ...]:
        """Return all examinations of the person that one is of, the earliest first."""
        rows = self.connection.execute(
            f"SELECT {EXAMINATION_COLUMNS} FROM examination e JOIN patient p USING (patient) "
            "WHERE p.person = (SELECT q.person FROM patient q JOIN examination f USING (patient) "
            "WHERE f.identifier = ?) ORDER BY e.study_date, e.examination",
            (identifier,),
        )
        return tuple(record_of(row) for row in rows)

    def course(
        self, identifier: str, code: str, level: str | None = None
    ) -> tuple[CoursePoint, ...]:
        """Return one measure in all examinations of a person, the earliest first.

        Parameters
        ----------
        identifier : str
            Of one of the examinations.
        code : str
            Of the measure.
        level : str, optional
            Such as "C2/C7"; without one, of all levels: the ends of a curve move in time.
        """
        rows = self.connection.execute(
            f"SELECT e.identifier, e.study_date, e.status, {MEASURE_COLUMNS} FROM measure m "
            "JOIN examination e USING (examination) JOIN patient p USING (patient) "
            "WHERE m.code = ? AND (? IS NULL OR m.level = ?) AND p.person = "
            "(SELECT q.person FROM patient q JOIN examination f USING (patient) "
            "WHERE f.identifier = ?) ORDER BY e.study_date, e.examination",
            (code, level, level, identifier),
        )
        return tuple(
            CoursePoint(row[0], row[1], measure_of(row[3:]), row[2] in _SIGNED) for row in rows
        )

    def link(self, first: PatientRecord, second: PatientRecord) -> None:
        """Say that two patients are one person."""
        with transaction(self.connection):
            one, other = self._patient_number(first), self._patient_number(second)
            self.connection.execute(
                "UPDATE patient SET person = (SELECT person FROM patient WHERE patient = ?) "
                "WHERE person = (SELECT person FROM patient WHERE patient = ?)",
                (one, other),
            )

    def unlink(self, patient: PatientRecord) -> None:
        """Say that a patient is a person of their own; the others stay linked."""
        with transaction(self.connection):
            number = self._patient_number(patient)
            others = [
                row[0]
                for row in self.connection.execute(
                    "SELECT patient FROM patient WHERE person = "
                    "(SELECT person FROM patient WHERE patient = ?) AND patient <> ?",
                    (number, number),
                )
            ]
            for other in others:
                self.connection.execute(
                    "UPDATE patient SET person = ? WHERE patient = ?", (others[0], other)
                )
            self.connection.execute(
                "UPDATE patient SET person = ? WHERE patient = ?", (number, number)
            )

    # Deletion.

    def delete(self, identifiers: Sequence[str]) -> None:
        """Delete examinations with all that belongs to them."""
        paths: list[Path] = []
        with transaction(self.connection):
            for identifier in identifiers:
                number = self._number(identifier)
                paths += [self._path(stored.identifier) for stored in self.files(identifier)]
                self.connection.execute("DELETE FROM words WHERE rowid = ?", (number,))
                self.connection.execute("DELETE FROM examination WHERE examination = ?", (number,))
            self.connection.execute(
                "DELETE FROM patient WHERE patient NOT IN (SELECT patient FROM examination)"
            )
        for path in paths:
            with suppress(OSError):  # a stray, which the next `remove_strays` takes away
                path.unlink()

    def due(self, rule: RetentionRule, today: date) -> FoundRecords:
        """Return what a retention rule would delete, the oldest first; nothing is deleted."""
        return find_due(self.connection, rule, today)

    def _path(self, file_identifier: str) -> Path:
        return self._files / file_identifier[:2] / file_identifier

    def _number(self, identifier: str) -> int:
        row = self.connection.execute(
            "SELECT examination FROM examination WHERE identifier = ?", (identifier,)
        ).fetchone()
        if row is None:
            raise ArchiveError(ArchiveProblem.NO_SUCH_EXAMINATION)
        return int(row[0])

    def _patient_number(self, patient: PatientRecord) -> int:
        key = (patient.patient_id, patient.issuer, patient.name, patient.birth_date)
        row = self.connection.execute(
            "SELECT patient FROM patient WHERE patient_id = ? AND issuer = ? AND name = ? "
            "AND birth_date = ?",
            key,
        ).fetchone()
        if row is not None:
            return int(row[0])
        number = int(
            self.connection.execute("SELECT coalesce(max(patient), 0) + 1 FROM patient").fetchone()[
                0
            ]
        )
        self.connection.execute(
            "INSERT INTO patient VALUES (?, ?, ?, ?, ?, ?, ?)", (number, *key, patient.sex, number)
        )
        return number

    def _replace_details(self, number: int, record: ExaminationRecord) -> None:
        for table in ("finding", "measure"):
            self.connection.execute(f"DELETE FROM {table} WHERE examination = ?", (number,))
        self.connection.executemany(
            "INSERT INTO finding VALUES (?, ?, ?, ?)",
            [(number, each.key, each.level, each.statement) for each in record.findings],
        )
        self.connection.executemany(
            f"INSERT INTO measure(examination, {MEASURE_COLUMNS}) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(number, *measure_row(each)) for each in record.measures],
        )
        self._replace_tags(number, record.tags)

    def _replace_tags(self, number: int, tags: Iterable[str]) -> None:
        self.connection.execute("DELETE FROM tag WHERE examination = ?", (number,))
        self.connection.executemany(
            "INSERT OR IGNORE INTO tag VALUES (?, ?)", [(number, tag) for tag in tags]
        )

    def _with_details(self, record: ExaminationRecord) -> ExaminationRecord:
        number = (self._number(record.identifier),)
        findings = self.connection.execute(
            "SELECT key, level, statement FROM finding WHERE examination = ? ORDER BY rowid", number
        )
        measures = self.connection.execute(
            f"SELECT {MEASURE_COLUMNS} FROM measure WHERE examination = ? ORDER BY rowid", number
        )
        tags = self.connection.execute(
            "SELECT tag FROM tag WHERE examination = ? ORDER BY tag", number
        )
        return replace(
            record,
            findings=tuple(FindingRecord(*row) for row in findings),
            measures=tuple(measure_of(row) for row in measures),
            tags=tuple(row[0] for row in tags),
        )


class _Digested:
    """A stream, and the checksum of what was read of it; `check` may end it."""

    def __init__(self, source: Readable, check: Callable[[], None]) -> None:
        self._source, self._digest, self._check = source, hashlib.sha256(), check

    def read(self, length: int = -1, /) -> bytes:
        self._check()
        piece = self._source.read(length)
        self._digest.update(piece)
        return piece

    def sha256(self) -> str:
        return self._digest.hexdigest()
