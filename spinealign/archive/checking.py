"""Reads a whole archive, and says which examinations are not as they were written."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from spinealign.archive.database import is_whole
from spinealign.archive.records import StoredFile
from spinealign.archive.store import Archive
from spinealign.domain.protection import ArchiveError


@dataclass(frozen=True)
class DamagedExamination:
    """An examination of which something is not as it was written.

    Parameters
    ----------
    study_date : str
        In the form of DICOM, "20261129"; empty where none is known.
    kind : str
        Key of what was taken; empty where it is not known.
    missing, changed : tuple of str
        Encrypted files that are gone, or are there but not as they were written, by their names
        below the archive's folder.
    is_unreadable : bool
        Whether its record in the database, or one of its readings or notes, cannot be read.
    """

    study_date: str
    kind: str
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    is_unreadable: bool = False


@dataclass(frozen=True)
class Checked:
    """What was found in a whole archive.

    Parameters
    ----------
    is_database_whole : bool
    examinations : tuple of DamagedExamination
        In the order in which they came into the archive.
    is_list_readable : bool
        False where the database does not even say which examinations there are.
    """

    is_database_whole: bool
    examinations: tuple[DamagedExamination, ...] = ()
    is_list_readable: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether nothing is damaged."""
        return self.is_database_whole and self.is_list_readable and not self.examinations

    @property
    def file_count(self) -> int:
        """How many files are missing or changed."""
        return sum(len(each.missing) + len(each.changed) for each in self.examinations)


Checking = Generator[tuple[int, int] | None, None, Checked]
"""How many examinations are read of all, None before that is known; returns what was found."""


def checking(archive: Archive) -> Checking:
    """Read database and files of an archive that is open.

    Raises
    ------
    ArchiveError
        It was locked meanwhile.
    """
    yield None
    is_sound = is_whole(archive.connection)
    reader = _Reader(archive)
    try:
        listed = reader.read(_listed)
        if listed is None:
            return Checked(False, is_list_readable=False)
        found: list[DamagedExamination] = []
        for done, (identifier, study_date, kind) in enumerate(listed):
            yield done, len(listed)
            damaged = _damage(archive, reader, identifier, study_date, kind)
            if damaged is not None:
                found.append(damaged)
    finally:
        reader.close()
    is_sound = is_sound and not any(each.is_unreadable for each in found)
    return Checked(is_sound, tuple(found))


class _Reader:
    """Reads by a connection of its own, and by another one after each page that was changed.

    SQLCipher refuses everything on a connection that met such a page: one examination would
    spoil all that come after it.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._own: Archive | None = None

    def read(self, act: Callable[[Archive], Any]) -> Any:
        """Return what is read; None where it cannot be."""
        self._archive.require_open()
        try:
            if self._own is None:
                self._own = self._archive.reopened()
            return act(self._own)
        except ArchiveError:
            self.close()
            return None

    def close(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None


def _listed(archive: Archive) -> Sequence[tuple[str, str, str]]:
    rows = archive.connection.execute(
        "SELECT identifier, study_date, kind FROM examination ORDER BY examination"
    ).fetchall()
    return [(str(row[0]), str(row[1]), str(row[2])) for row in rows]


def _damage(
    archive: Archive, reader: _Reader, identifier: str, study_date: str, kind: str
) -> DamagedExamination | None:
    """Return what is wrong with an examination; None where nothing is."""
    stored: Sequence[StoredFile] | None = reader.read(lambda own: own.files(identifier))
    texts = reader.read(
        lambda own: (own.get(identifier), own.readings(identifier), own.notes(identifier))
    )
    missing: list[str] = []
    changed: list[str] = []
    for each in stored or ():
        if not archive.is_file_whole(each):
            path = archive.path_of(each)
            name = path.relative_to(archive.folder).as_posix()
            (changed if path.exists() else missing).append(name)
    is_unreadable = stored is None or texts is None
    if not (missing or changed or is_unreadable):
        return None
    return DamagedExamination(study_date, kind, tuple(missing), tuple(changed), is_unreadable)
