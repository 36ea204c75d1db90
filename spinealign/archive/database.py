"""The database: opened with its key, its tables, and how older ones become today's.

SQLCipher encrypts every page, the write-ahead log and the journal with AES-256, and checks each
page by HMAC-SHA-512. Temporary tables stay in memory.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any

from spinealign.archive.problems import as_archive_error
from spinealign.archive.word_index import index_amended
from spinealign.domain.protection import ArchiveError, ArchiveProblem

SCHEMA_VERSION = 4
"""Of the tables and of what is indexed; each change gets a number, and a step in `_MIGRATIONS`."""

_BUSY_MS = 10_000

_TABLES = """
CREATE TABLE patient(
    patient INTEGER PRIMARY KEY,
    patient_id TEXT NOT NULL, issuer TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL DEFAULT '', birth_date TEXT NOT NULL DEFAULT '',
    sex TEXT NOT NULL DEFAULT '',
    person INTEGER NOT NULL,
    UNIQUE(patient_id, issuer, name, birth_date)
);
CREATE INDEX patient_person ON patient(person);
CREATE TABLE examination(
    examination INTEGER PRIMARY KEY,
    identifier TEXT NOT NULL UNIQUE,
    patient INTEGER NOT NULL REFERENCES patient,
    study_uid TEXT NOT NULL DEFAULT '', accession TEXT NOT NULL DEFAULT '',
    study_date TEXT NOT NULL DEFAULT '', description TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL DEFAULT '', status TEXT NOT NULL DEFAULT '',
    reader TEXT NOT NULL DEFAULT '', added_utc TEXT NOT NULL, changed_utc TEXT NOT NULL,
    signed_utc TEXT NOT NULL DEFAULT '', key_value TEXT NOT NULL DEFAULT ''
);
CREATE INDEX examination_patient ON examination(patient);
CREATE INDEX examination_date ON examination(study_date);
CREATE INDEX examination_status ON examination(status, reader);
CREATE TABLE stored_file(
    identifier TEXT PRIMARY KEY,
    examination INTEGER NOT NULL REFERENCES examination ON DELETE CASCADE,
    role TEXT NOT NULL, name TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
    added_utc TEXT NOT NULL
);
CREATE INDEX stored_file_examination ON stored_file(examination);
CREATE INDEX stored_file_sha256 ON stored_file(sha256);
CREATE TABLE reading_version(
    examination INTEGER NOT NULL REFERENCES examination ON DELETE CASCADE,
    version INTEGER NOT NULL, status TEXT NOT NULL, reader TEXT NOT NULL, at_utc TEXT NOT NULL,
    impression TEXT NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY(examination, version)
);
CREATE TABLE finding(
    examination INTEGER NOT NULL REFERENCES examination ON DELETE CASCADE,
    key TEXT NOT NULL, level TEXT NOT NULL, statement TEXT NOT NULL,
    PRIMARY KEY(examination, key)
);
CREATE INDEX finding_level ON finding(level);
CREATE TABLE measure(
    examination INTEGER NOT NULL REFERENCES examination ON DELETE CASCADE,
    code TEXT NOT NULL, level TEXT NOT NULL, value REAL NOT NULL, unit TEXT NOT NULL,
    lower REAL, upper REAL,
    state TEXT, spacing_source TEXT, is_named INTEGER, interval_factor REAL, change_factor REAL,
    apex TEXT, convex_to TEXT, patient_side TEXT,
    PRIMARY KEY(examination, code, level, unit)
);
CREATE TABLE tag(
    examination INTEGER NOT NULL REFERENCES examination ON DELETE CASCADE, tag TEXT NOT NULL,
    PRIMARY KEY(examination, tag)
);
CREATE INDEX tag_tag ON tag(tag);
CREATE TABLE note(
    note INTEGER PRIMARY KEY,
    examination INTEGER NOT NULL REFERENCES examination ON DELETE CASCADE,
    at_utc TEXT NOT NULL, author TEXT NOT NULL, content TEXT NOT NULL
);
CREATE INDEX note_examination ON note(examination);
CREATE VIRTUAL TABLE words USING fts5(
    people, description, findings, impression, tags, notes,
    tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
"""


def connect(path: Path, key: bytes) -> Any:
    """Open a database, or make an empty one, and return its connection.

    Parameters
    ----------
    path : Path
    key : bytes, 32 long
        Of the database.

    Raises
    ------
    ArchiveError
        Another key, or a damaged file; a place that cannot be written; one of a newer program.
    """
    is_new = not path.exists()
    connection = _opened(
        str(path),
        key,
        (
            f"busy_timeout = {_BUSY_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
            "cipher_memory_security = ON",
        ),
    )
    if is_new:
        path.chmod(0o600)  # before there is a log, which takes it over
    version = schema_version(connection)
    if not version:  # a new one, or one whose making was interrupted: the tables come at once
        with transaction(connection):
            _run_all(connection, _TABLES)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    if version > SCHEMA_VERSION:
        connection.close()
        raise ArchiveError(ArchiveProblem.NEWER)
    return connection


def connect_to_copy(path: Path, key: bytes) -> Any:
    """Open a database that nobody changes, without a byte of its file being changed.

    Raises
    ------
    ArchiveError
        Another key, or a damaged file.
    """
    return _opened(f"{path.resolve().as_uri()}?mode=ro&immutable=1", key, (), is_uri=True)


def _opened(name: str, key: bytes, settings: tuple[str, ...], *, is_uri: bool = False) -> Any:
    sqlcipher3 = _sqlcipher()
    try:
        connection = sqlcipher3.connect(
            name,
            isolation_level=None,
            check_same_thread=False,
            uri=is_uri,
            factory=_kind(sqlcipher3),
        )
        if not connection.execute("PRAGMA cipher_version").fetchall():
            connection.close()
            raise ArchiveError(ArchiveProblem.NO_ENCRYPTION)
        # The key as it is, without SQLCipher's own derivation, which is for passwords.
        # What is damaged is told in words of ours, not by the library on the terminal.
        connection.execute("PRAGMA cipher_log_level = NONE")
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        for setting in settings:
            connection.execute(f"PRAGMA {setting}")
    except sqlcipher3.DatabaseError as error:
        known = as_archive_error(error) or ArchiveError(ArchiveProblem.WRONG_KEY_OR_DAMAGED)
        raise known from error
    return connection


@cache
def _kind(plain: Any) -> Any:
    """Return the class of connections: `alone` is held while one thread has a transaction open.

    Worker and window share one connection. Without it the one's event of the audit trail would
    become part of the other's transaction, and be undone with it. Whatever statement finds the
    disk full, a page changed or the archive locked raises `ArchiveError`.
    """

    class Cursor(plain.Cursor):  # type: ignore[misc]
        def execute(self, *given: Any) -> Any:
            with _told(plain):
                return super().execute(*given)

        def fetchone(self) -> Any:
            with _told(plain):
                return super().fetchone()

        def fetchall(self) -> Any:
            with _told(plain):
                return super().fetchall()

        def __next__(self) -> Any:
            try:
                return super().__next__()
            except plain.Error as error:
                raise as_archive_error(error) or error from error

    class Connection(plain.Connection):  # type: ignore[misc]
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.alone = threading.RLock()

        @property
        def in_transaction(self) -> bool:
            with _told(plain):
                return bool(super().in_transaction)

        def cursor(self, *_: Any) -> Any:
            with _told(plain):
                return super().cursor(Cursor)

        def execute(self, *given: Any) -> Any:
            return self.cursor().execute(*given)

        def backup(self, *given: Any, **named: Any) -> None:
            with _told(plain):
                super().backup(*given, **named)

    return Connection


@contextmanager
def _told(sqlcipher3: Any) -> Iterator[None]:
    """Raise what is known of an error of the database as `ArchiveError`."""
    try:
        yield
    except sqlcipher3.Error as error:
        known = as_archive_error(error)
        if known is None:
            raise
        raise known from error


def _sqlcipher() -> Any:
    """Return the library, bound to its own SQLite whatever other one the process has loaded.

    On Linux a library that was loaded for all others to see, as TensorFlow's is, would answer in
    SQLCipher's place: plain SQLite, which takes any key and encrypts nothing.
    """
    if "sqlcipher3" not in sys.modules and hasattr(os, "RTLD_DEEPBIND"):
        before = sys.getdlopenflags()
        sys.setdlopenflags(before | os.RTLD_DEEPBIND)
        try:
            import sqlcipher3
        finally:
            sys.setdlopenflags(before)
    import sqlcipher3

    return sqlcipher3


def schema_version(connection: Any) -> int:
    """Return which tables a database has."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


_BASIS_COLUMNS = (
    "state TEXT", "spacing_source TEXT", "is_named INTEGER", "interval_factor REAL",
    "change_factor REAL",
)  # fmt: skip


def _add_basis(connection: Any) -> None:
    """Let measures say what they rest on; of those that are there it is not known."""
    for column in _BASIS_COLUMNS:
        connection.execute(f"ALTER TABLE measure ADD COLUMN {column}")


def _add_curves(connection: Any) -> None:
    """Let measures of curves say apex and side; of those that are there they are not known."""
    for column in ("apex TEXT", "convex_to TEXT", "patient_side TEXT"):
        connection.execute(f"ALTER TABLE measure ADD COLUMN {column}")


_MIGRATIONS: dict[int, Callable[[Any], None]] = {1: _add_basis, 2: index_amended, 3: _add_curves}
"""What makes tables of a version those of the next one, by the version before."""


def migrate(connection: Any, back_up: Callable[[], None]) -> bool:
    """Bring older tables up to date, each step whole or not at all.

    Parameters
    ----------
    connection : connection
    back_up : callable
        Called once before the first step.

    Returns
    -------
    bool
        Whether anything was changed.
    """
    if schema_version(connection) == SCHEMA_VERSION:
        return False
    back_up()
    while schema_version(connection) < SCHEMA_VERSION:
        with transaction(connection):
            # Another window may have taken the step while this one waited.
            version = schema_version(connection)
            if version < SCHEMA_VERSION:
                _MIGRATIONS[version](connection)
                connection.execute(f"PRAGMA user_version = {version + 1}")
    return True


@contextmanager
def transaction(connection: Any) -> Iterator[None]:
    """Do several things together, on the disk when this ends, or none of them.

    Within another transaction of the same thread this is a part of that one; another thread waits.

    Raises
    ------
    ArchiveError
        The disk is full, cannot be written, or another program keeps the database too long.
    """
    with getattr(connection, "alone", nullcontext()):
        if connection.in_transaction:
            yield
            return
        with _begun(connection):
            yield


@contextmanager
def _begun(connection: Any) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk and a closed database have undone it already.
        with suppress(ArchiveError, _sqlcipher().Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise


def is_whole(connection: Any) -> bool:
    """Return whether every page is as it was written and the tables agree with one another."""
    sqlcipher3 = _sqlcipher()
    try:
        if connection.execute("PRAGMA cipher_integrity_check").fetchall():
            return False
        answers = connection.execute("PRAGMA integrity_check").fetchall()
        stray = connection.execute("PRAGMA foreign_key_check").fetchall()
    except (ArchiveError, sqlcipher3.DatabaseError):
        return False
    return [tuple(answer) for answer in answers] == [("ok",)] and not stray


def _run_all(connection: Any, script: str) -> None:
    """Run statements inside the transaction, which `executescript` would end."""
    for statement in script.split(";\n"):
        if statement.strip():
            connection.execute(statement)
