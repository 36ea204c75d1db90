"""Back-up, restoring, and the drill that tries both.

```
<place>/<archive>/files/ab/ab12...        encrypted files, each copied once
<place>/<archive>/20261129T150405Z/       database, accounts, anchor, and what belongs to them
```
A back-up holds nothing that the archive does not hold encrypted: it opens with a password of an
account at that time, or with the recovery key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import shutil
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

import msgspec
from msgspec import Meta

from spinealign.accounts.keys import SubKeys, derived
from spinealign.archive.database import connect, connect_to_copy, is_whole
from spinealign.archive.store import DATABASE, FILES, Archive
from spinealign.domain.generators import mapped, run_to_end
from spinealign.domain.protection import ArchiveError, ArchiveProblem
from spinealign.files import write_durably
from spinealign.json_files import JsonError, read_json

CONTENTS = "contents.json"

_NAME = re.compile(r"\d{8}T\d{6}Z")
_IDENTIFIER = re.compile(r"[0-9a-f]{32}")
_PIECE_BYTES = 1 << 20
_PAGES_AT_ONCE = 1024
_LEFT_BEHIND_AFTER_S = 86_400


class BackedUpFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a back-up, as it lies there: encrypted."""

    name: str
    size_bytes: Annotated[int, Meta(ge=0)]
    sha256: str


class Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What belongs to a back-up.

    Parameters
    ----------
    archive : str
    made_utc : str
    beside : tuple of BackedUpFile
        Database, accounts and anchor, in the folder of the back-up.
    files : tuple of BackedUpFile
        Encrypted files, in the folder that all back-ups of the archive share.
    mac : str
        Keyed checksum of all the rest.
    """

    archive: str
    made_utc: str
    beside: tuple[BackedUpFile, ...]
    files: tuple[BackedUpFile, ...]
    mac: str


@dataclass(frozen=True)
class BackedUp:
    """What a back-up did.

    Parameters
    ----------
    folder : Path
    examinations, files, new_files, new_bytes : int
    """

    folder: Path
    examinations: int
    files: int
    new_files: int
    new_bytes: int


def back_up(
    archive: Archive,
    folder: Path,
    keys: SubKeys,
    place: Path,
    identifier: str,
    name: str,
    others: Mapping[str, Path],
) -> Iterator[tuple[int, int] | BackedUp]:
    """Copy an archive, and read back what was copied.

    Parameters
    ----------
    archive : Archive
        Open; it may be used meanwhile.
    folder : Path
        Of the archive.
    keys : SubKeys
    place : Path
        Folder for back-ups, at best on another disk.
    identifier : str
        Of the archive.
    name : str
        Of the back-up: its time, "20261129T150405Z".
    others : mapping of str to Path
        Files that belong to it, by the name that they get in the back-up, with ``/`` between
        folders: accounts, anchor, what the program keeps.

    Yields
    ------
    (int, int)
        Files done, and all.
    BackedUp
        At the end.

    Raises
    ------
    OSError
        It could not be written; earlier back-ups are as they were.
    ArchiveError
        ``BACK_UP_DAMAGED``: what was written reads back otherwise.
    """
    shared, target = place / identifier / FILES, place / identifier / name
    unfinished = target.with_name(f"{name}.unfinished")
    _clear_left_behind(target.parent)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, mode=0o700)
    try:
        # The anchor first: one that knows of fewer events than the database is sound, one of more
        # not.
        for other, path in others.items():
            _copy_whole(path, unfinished / other)
        examinations = _copy_database(archive, unfinished / DATABASE, keys)
        copied, new_files, new_bytes = yield from _copy_files(archive, folder, shared)
        beside = tuple(_described(unfinished / each, each) for each in (DATABASE, *others))
        contents = Contents(identifier, name, beside, tuple(copied), "")
        contents = msgspec.structs.replace(contents, mac=_mac(keys, contents))
        write_durably(unfinished / CONTENTS, msgspec.json.encode(contents))
        if not is_back_up_whole(unfinished, keys):
            raise ArchiveError(ArchiveProblem.BACK_UP_DAMAGED)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)  # a disk that it filled would stay full
    yield BackedUp(target, examinations, len(copied), new_files, new_bytes)


def _copy_files(
    archive: Archive, folder: Path, shared: Path
) -> Generator[tuple[int, int], None, tuple[list[BackedUpFile], int, int]]:
    """Copy the encrypted files that are not there yet; return all, and how many are new."""
    stored = [row[0] for row in archive.connection.execute("SELECT identifier FROM stored_file")]
    copied: list[BackedUpFile] = []
    new_files = new_bytes = 0
    for done, file_identifier in enumerate(sorted(stored)):
        yield done, len(stored)
        archive.require_open()
        source = folder / FILES / file_identifier[:2] / file_identifier
        goal = shared / file_identifier[:2] / file_identifier
        if not goal.exists():
            _copy_whole(source, goal)
            new_files, new_bytes = new_files + 1, new_bytes + source.stat().st_size
        copied.append(_described(goal, file_identifier))
    return copied, new_files, new_bytes


def _clear_left_behind(folder: Path) -> None:
    """Take away what killed programs left; one that another program is making is younger."""
    latest = time.time() - _LEFT_BEHIND_AFTER_S
    for left in folder.glob("*.unfinished"):
        with suppress(OSError):
            if left.stat().st_mtime <= latest:
                shutil.rmtree(left)


def back_ups(place: Path, identifier: str) -> tuple[Path, ...]:
    """Return the finished back-ups of an archive, the latest last."""
    found = (place / identifier).glob("*")
    return tuple(sorted(path for path in found if _NAME.fullmatch(path.name)))


def is_back_up_whole(back_up_folder: Path, keys: SubKeys) -> bool:
    """Return whether each file of a back-up is as it was written, and the database opens."""
    try:
        contents = read_json(back_up_folder / CONTENTS, Contents)
        if not hmac.compare_digest(contents.mac, _mac(keys, contents)):
            return False
        for described, path in _places(back_up_folder, contents):
            if _described(path, described.name) != described:
                return False
        connection = connect_to_copy(back_up_folder / DATABASE, keys.database)
    except (ArchiveError, JsonError, OSError):
        return False
    try:
        return is_whole(connection)
    finally:
        connection.close()


def restore(back_up_folder: Path, keys: SubKeys, folder: Path) -> int:
    """Make an archive of a back-up at one go, and return how many files it has; see `restoring`."""
    return run_to_end(restoring(back_up_folder, keys, folder))


def restoring(
    back_up_folder: Path, keys: SubKeys, folder: Path
) -> Generator[tuple[int, int], None, int]:
    """Make an archive of a back-up in an empty folder, and return how many files it has.

    Yields
    ------
    (int, int)
        Files copied, and all; who stops here leaves nothing.

    Raises
    ------
    ArchiveError
        ``BACK_UP_DAMAGED``: nothing is left in the folder.
    FileExistsError
        The folder is not empty.
    OSError
        It could not be written.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(folder)
    if not is_back_up_whole(back_up_folder, keys):
        raise ArchiveError(ArchiveProblem.BACK_UP_DAMAGED)
    contents = read_json(back_up_folder / CONTENTS, Contents)
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, mode=0o700)
    shared, count = frozenset(contents.files), len(contents.files) + len(contents.beside)
    try:
        for done, (described, path) in enumerate(_places(back_up_folder, contents)):
            yield done, count
            place = Path(FILES, described.name[:2]) if described in shared else Path()
            _copy_whole(path, unfinished / place / described.name)
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return len(contents.files)


def drill(back_up_folder: Path, keys: SubKeys, working_folder: Path) -> tuple[int, int]:
    """Restore a back-up for trial at one go; see `drilling`."""
    return run_to_end(drilling(back_up_folder, keys, working_folder))


def drilling(
    back_up_folder: Path, keys: SubKeys, working_folder: Path
) -> Generator[tuple[int, int], None, tuple[int, int]]:
    """Restore a back-up into a folder that is deleted again, and read everything of it.

    Yields
    ------
    (int, int)
        Files copied and then read, and twice as many as there are; who stops here leaves nothing.

    Returns
    -------
    (int, int)
        Examinations and files that were read.

    Raises
    ------
    ArchiveError
        ``BACK_UP_DAMAGED``.
    """
    folder = working_folder / "drill"
    try:
        copying = restoring(back_up_folder, keys, folder)
        files = yield from mapped(copying, lambda step: (step[0], 2 * step[1]))
        archive = Archive(folder, keys)
        try:
            if not is_whole(archive.connection):
                raise ArchiveError(ArchiveProblem.BACK_UP_DAMAGED)
            stored = archive.all_files()
            for done, each in enumerate(stored, start=len(stored)):
                yield done, 2 * len(stored)
                if not archive.is_file_whole(each):
                    raise ArchiveError(ArchiveProblem.BACK_UP_DAMAGED)
            row = archive.connection.execute("SELECT count(*) FROM examination").fetchone()
            return int(row[0]), files
        finally:
            archive.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy_database(archive: Archive, goal: Path, keys: SubKeys) -> int:
    """Copy the database as it is at one moment, encrypted with its own key."""
    copy = connect(goal, keys.database)
    try:
        # In parts, so that nobody who writes or locks waits for a large database.
        archive.connection.backup(
            copy, pages=_PAGES_AT_ONCE, progress=lambda *_: archive.require_open()
        )
        copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        copy.execute("PRAGMA journal_mode = DELETE")
        return int(copy.execute("SELECT count(*) FROM examination").fetchone()[0])
    finally:
        copy.close()


def _copy_whole(source: Path, goal: Path) -> None:
    goal.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_durably(goal, source.read_bytes())


def _described(path: Path, name: str) -> BackedUpFile:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return BackedUpFile(name, path.stat().st_size, digest.hexdigest())


def _places(back_up_folder: Path, contents: Contents) -> Iterator[tuple[BackedUpFile, Path]]:
    """Yield each file with its place; names that lead elsewhere are none of ours."""
    for described in contents.beside:
        if not _is_inside(described.name):
            raise FileNotFoundError(described.name)
        yield described, back_up_folder / described.name
    for described in contents.files:
        if _IDENTIFIER.fullmatch(described.name) is None:
            raise FileNotFoundError(described.name)
        shared = back_up_folder.parent / FILES / described.name[:2]
        yield described, shared / described.name


def _is_inside(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not {"..", "/"} & set(parts) and "\\" not in name and ":" not in name


def _mac(keys: SubKeys, contents: Contents) -> str:
    content = msgspec.json.encode(msgspec.structs.replace(contents, mac=""))
    key = derived(keys.files, "back-up")
    return hmac.digest(key, content, "sha256").hex()
