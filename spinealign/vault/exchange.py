"""Examinations taken out of an archive into an encrypted package, and put into another one.

A package is one file: a line of JSON that says how a password makes the key, then a zip archive
encrypted whole. It holds original files, thumbnail, every version of the reading, tags and notes.
"""

from __future__ import annotations

import hashlib
import io
import secrets
import zipfile
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
from msgspec import Meta

from spinealign.accounts.book import Right, password_problem
from spinealign.accounts.keys import SALT_BYTES, PasswordCost, calibrated_cost, password_key
from spinealign.archive.encrypted_files import decrypted_stream, encrypted_stream
from spinealign.archive.records import ExaminationRecord, FileRole, ReadingVersion, StoredFile
from spinealign.audit.events import AuditObject, EventKind, ObjectKind
from spinealign.domain.generators import run_to_end
from spinealign.domain.protection import (
    AccountError,
    ArchiveError,
    ArchiveProblem,
    DamagedFileError,
)
from spinealign.files import as_export_error, written_beside
from spinealign.json_files import JsonError, parse_json
from spinealign.protected_folders import open_binary
from spinealign.vault.failed_acts import failure_recorded
from spinealign.vault.keeping import objects_of
from spinealign.vault.session import Session

SUFFIX = ".spinealign-case"

_CONTENTS = "contents.json"
_KIND = "spinealign-case 1"
_LONGEST_HEAD = 512
_MOST_BYTES = 1 << 30


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    package: str
    salt: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
    cost: PasswordCost


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: FileRole
    name: str
    member: Annotated[str, Meta(pattern=r"^files/\d{1,6}$(?!\n)")]


class _Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    at_utc: str
    author: str
    content: str


class _Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=0)]
    status: str
    reader: str
    at_utc: str
    impression: str
    content: str


class _Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    record: ExaminationRecord
    files: tuple[_File, ...]
    readings: tuple[_Version, ...]
    notes: tuple[_Note, ...]


Steps = Generator[tuple[int, int], None, None]
"""How much is done of how much."""


def export_package(session: Session, identifier: str, path: Path, password: str) -> None:
    """Write an examination into one encrypted file at one go; see `exporting`."""
    run_to_end(exporting(session, identifier, path, password))


def exporting(session: Session, identifier: str, path: Path, password: str) -> Steps:
    """Write an examination with all that belongs to it into one encrypted file.

    Yields
    ------
    (int, int)
        Files packed, and all; who stops here finds no file.

    Raises
    ------
    AccountError
        ``NOT_ALLOWED``, or the password is too weak.
    ExportError
        The file could not be written; what was there before stays.
    ArchiveError, OSError
    """
    session.require(Right.EXPORT)
    problem = password_problem(password, "")
    if problem is not None:
        raise AccountError(problem)
    content = yield from _packed(session, identifier)
    salt, cost = secrets.token_bytes(SALT_BYTES), calibrated_cost()
    head = msgspec.json.encode(_Head(_KIND, salt.hex(), cost)) + b"\n"
    key = password_key(password, salt, cost)
    about = objects_of(session.archive.get(identifier))
    session.record(EventKind.EXPORT, *about)
    with failure_recorded(session, EventKind.EXPORT, *about), as_export_error(path):
        sealed = _with_head(head, encrypted_stream([content], key, _bound(head)))
        with written_beside(path, sealed, is_private=True) as temporary:
            temporary.replace(path)


def import_package(session: Session, path: Path, password: str) -> tuple[ExaminationRecord, bool]:
    """Put an examination of a package into the archive at one go; see `importing`."""
    return run_to_end(importing(session, path, password))


def importing(
    session: Session, path: Path, password: str
) -> Generator[tuple[int, int], None, tuple[ExaminationRecord, bool]]:
    """Put an examination of a package into the archive.

    Yields
    ------
    (int, int)
        Files unpacked, and all; who stops here finds nothing of it in the archive.

    Returns
    -------
    ExaminationRecord
    bool
        Whether it is new; one whose images are in the archive already stays as it is.

    Raises
    ------
    AccountError
        ``NOT_ALLOWED``.
    ArchiveError
        ``NO_PACKAGE``, ``WRONG_PACKAGE_PASSWORD``, or of the archive.
    OSError
    """
    session.require(Right.IMPORT)
    # Whose examination it is stands in the package, which may not open: its name has to do.
    packed = AuditObject(ObjectKind.FILE, path.name)
    with (
        failure_recorded(session, EventKind.IMPORT, packed),
        zipfile.ZipFile(io.BytesIO(_opened(path, password))) as package,
    ):
        contents = _contents(package)
        known = _known(session, contents, package)
        if known is not None:
            return session.archive.get(known), False
        record = yield from _put(session, contents, package)
    session.record(EventKind.IMPORT, *objects_of(record))
    return record, True


def _packed(session: Session, identifier: str) -> Generator[tuple[int, int], None, bytes]:
    archive, made = session.archive, io.BytesIO()
    stored = archive.files(identifier)
    if sum(each.size_bytes for each in stored) > _MOST_BYTES:
        raise ArchiveError(ArchiveProblem.PACKAGE_TOO_LARGE)
    files = tuple(_File(each.role, each.name, f"files/{n}") for n, each in enumerate(stored))
    versions = tuple(
        _Version(
            each.version, each.status, each.reader, each.at_utc, each.impression,
            each.content.decode("utf-8"),
        )
        for each in archive.readings(identifier)
    )  # fmt: skip
    notes = tuple(_Note(*note) for note in archive.notes(identifier))
    contents = _Contents(archive.get(identifier), files, versions, notes)
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr(_CONTENTS, msgspec.json.encode(contents))
        for done, (file, each) in enumerate(zip(files, stored, strict=True)):
            yield done, len(files)
            package.writestr(file.member, archive.read_file(each))
    return made.getvalue()


def _opened(path: Path, password: str) -> bytes:
    with open_binary(path) as file:
        head, line = _head(file)
        key = password_key(password, bytes.fromhex(head.salt), head.cost)
        try:
            return b"".join(decrypted_stream(path, file, key, _bound(line)))
        except DamagedFileError as error:
            raise ArchiveError(ArchiveProblem.WRONG_PACKAGE_PASSWORD) from error


def _head(file: BinaryIO) -> tuple[_Head, bytes]:
    line = file.readline(_LONGEST_HEAD)
    try:
        head = parse_json(line, _Head)
    except JsonError as error:
        raise ArchiveError(ArchiveProblem.NO_PACKAGE) from error
    if head.package != _KIND:
        raise ArchiveError(ArchiveProblem.NO_PACKAGE)
    return head, line


def _contents(package: zipfile.ZipFile) -> _Contents:
    try:
        return msgspec.json.decode(package.read(_CONTENTS), type=_Contents)
    except (KeyError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ArchiveError(ArchiveProblem.NO_PACKAGE) from error


def _known(session: Session, contents: _Contents, package: zipfile.ZipFile) -> str | None:
    originals = (each.member for each in contents.files if each.role is FileRole.ORIGINAL)
    digests = (hashlib.sha256(package.read(member)).hexdigest() for member in originals)
    return next(filter(None, map(session.archive.examination_of_file, digests)), None)


def _put(
    session: Session, contents: _Contents, package: zipfile.ZipFile
) -> Generator[tuple[int, int], None, ExaminationRecord]:
    """Put what a package holds under an identifier of this archive's own.

    The package's own might be another examination's here.
    """
    archive, at_utc = session.archive, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    record = replace(contents.record, identifier=secrets.token_hex(16), added_utc=at_utc)
    stored: list[StoredFile] = []
    try:
        for done, file in enumerate(contents.files):
            yield done, len(contents.files)
            with package.open(file.member) as stream:
                stored.append(archive.prepare_file(file.role, file.name, stream))
    except BaseException:
        archive.discard(stored)
        raise
    with archive.together():
        archive.put(record)
        for each in stored:
            archive.add_prepared(record.identifier, each, at_utc)
        for version in contents.readings:
            archive.put_reading(record.identifier, _version(version))
        for note in contents.notes:
            archive.add_note(record.identifier, note.author, note.at_utc, note.content)
    return archive.get(record.identifier)


def _version(packed: _Version) -> ReadingVersion:
    return ReadingVersion(
        packed.version, packed.status, packed.reader, packed.at_utc, packed.impression,
        packed.content.encode("utf-8"),
    )  # fmt: skip


def _with_head(head: bytes, sealed: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from sealed


def _bound(head: bytes) -> str:
    """Return what the encrypted part is bound to: a changed cost or salt opens nothing."""
    return hashlib.sha256(head).hexdigest()
