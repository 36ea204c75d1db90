"""An archive is opened with its key: database, trail, and the folders that are encrypted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spinealign import protected_folders
from spinealign.accounts.keys import SubKeys, sub_keys
from spinealign.archive.database import migrate
from spinealign.archive.encrypted_files import ArchivedFiles, KeptFiles
from spinealign.archive.problems import as_archive_error
from spinealign.archive.store import Archive
from spinealign.audit.trail import AuditTrail, create_trail
from spinealign.core_dumps import switch_off_core_dumps
from spinealign.domain.protection import ArchiveError, ArchiveProblem
from spinealign.files import write_durably
from spinealign.vault.place import Place

_LEAST_DATABASE_BYTES = 4096
"""One page. Source: SQLCipher 4 has pages of 4096 bytes."""


@dataclass(frozen=True)
class OpenArchive:
    """What is open while somebody works."""

    archive: Archive
    trail: AuditTrail
    keys: SubKeys
    images: ArchivedFiles
    kept: KeptFiles
    data_key: bytearray


def open_archive(place: Place, identifier: str, data_key: bytes) -> OpenArchive:
    """Open an archive, or make one where there is none; older tables become today's.

    Raises
    ------
    ArchiveError, OSError
        It stays closed.
    """
    switch_off_core_dumps()
    place.require_local()
    if place.anchor.exists() and not _is_database(place.database):
        # A new one in its place would look as if nothing had ever been kept.
        raise ArchiveError(ArchiveProblem.WRONG_KEY_OR_DAMAGED)
    keys = sub_keys(data_key, identifier)
    archive = Archive(place.folder, keys)
    try:
        _bring_up_to_date(place, archive.connection)
        trail = _trail_of(place, archive.connection, keys.audit)
        archive.remove_strays()
        make_private(place.kept)
    except BaseException:
        archive.close()
        raise
    images, kept = ArchivedFiles(keys.files), KeptFiles(keys.files)
    protected_folders.protect(place.files, images)
    protected_folders.protect(place.kept, kept)
    return OpenArchive(archive, trail, keys, images, kept, bytearray(data_key))


def _is_database(path: Path) -> bool:
    """Whether there is a file that may be a database: it has a page at least."""
    try:
        return path.stat().st_size >= _LEAST_DATABASE_BYTES
    except OSError:
        return False


def _bring_up_to_date(place: Place, connection: Any) -> None:
    def back_up() -> None:
        copy = place.database.with_name(f"{place.database.name}.before")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        write_durably(copy, place.database.read_bytes())

    migrate(connection, back_up)


def _trail_of(place: Place, connection: Any, key: bytes) -> AuditTrail:
    is_new = not connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE name = 'audit_identity'"
    ).fetchone()[0]
    if is_new:
        try:
            return create_trail(connection, key, place.anchor)
        except FileExistsError as error:  # the database was taken away, or put back as an empty one
            raise ArchiveError(ArchiveProblem.WRONG_KEY_OR_DAMAGED) from error
    return AuditTrail(connection, key, place.anchor)


def make_private(folder: Path) -> None:
    """Make a folder that this user alone can enter.

    Raises
    ------
    ArchiveError
        The place cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    except OSError as error:
        raise as_archive_error(error) or error from error
