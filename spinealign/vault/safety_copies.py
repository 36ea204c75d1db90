"""Back-ups of an archive with all that belongs to it, and an archive made of one again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from errno import EEXIST
from pathlib import Path

from spinealign.accounts.book import Account, AccountBook, Right
from spinealign.accounts.keys import calibrated_cost, sub_keys
from spinealign.accounts.recovery import typed
from spinealign.archive import backup
from spinealign.archive.backup import BackedUp
from spinealign.archive.checking import Checked
from spinealign.archive.checking import checking as read_whole
from spinealign.audit.events import AuditEvent, AuditObject, EventKind, ObjectKind, Outcome
from spinealign.core_dumps import switch_off_core_dumps
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.generators import run_to_end
from spinealign.domain.protection import (
    AccountError,
    ArchiveError,
    ArchiveProblem,
)
from spinealign.vault.failed_acts import failure_recorded
from spinealign.vault.failed_sign_ins import have_wait, stamp
from spinealign.vault.place import ACCOUNTS, ANCHOR, KEPT, Place
from spinealign.vault.session import Session
from spinealign.wording.archive import THE_ARCHIVE, archive_state_text, read_text
from spinealign.wording.text import safe_text

_NAME_FORMAT = "%Y%m%dT%H%M%SZ"


def back_up(session: Session, disk: Path) -> Iterator[tuple[int, int] | BackedUp]:
    """Copy the archive to a folder, at best on another disk, and read back what was copied.

    Yields
    ------
    (int, int)
        Files done, and all.
    BackedUp
        At the end.

    Raises
    ------
    AccountError
        ``NOT_ALLOWED``.
    ArchiveError, OSError
        Earlier back-ups are as they were.
    """
    session.require(Right.BACK_UP)
    what = AuditObject(ObjectKind.FILE, session.identifier)
    _record(session, EventKind.BACK_UP, f"into {safe_text(str(disk.absolute()))}")
    with failure_recorded(session, EventKind.BACK_UP, what):
        place, name = session.place, _free_name(disk / session.identifier)
        yield from backup.back_up(
            session.archive, place.folder, session.keys, disk, session.identifier, name,
            _beside(place),
        )  # fmt: skip


def _free_name(folder: Path) -> str:
    """Return the time as a name; of two back-ups in one second the later one gets the next."""
    moment = datetime.now(UTC)
    while (folder / moment.strftime(_NAME_FORMAT)).exists():
        moment += timedelta(seconds=1)
    return moment.strftime(_NAME_FORMAT)


def back_ups_on(disk: Path) -> tuple[Path, ...]:
    """Return the finished back-ups in a folder, of any archive, the latest last."""
    archives = [path for path in disk.glob("*") if path.is_dir()]
    found = [each for path in archives for each in backup.back_ups(disk, path.name)]
    return tuple(sorted(found, key=lambda path: path.name))


def accounts_of(copy: Path) -> tuple[Account, ...]:
    """Return the accounts of a back-up; their names are no secret.

    Raises
    ------
    AccountError
        Their file is missing or damaged.
    """
    return AccountBook(copy / ACCOUNTS, calibrated_cost).accounts


def drill(session: Session, copy: Path, working_folder: Path) -> tuple[int, int]:
    """Restore a back-up for trial at one go; see `drilling`."""
    return run_to_end(drilling(session, copy, working_folder))


def drilling(
    session: Session, copy: Path, working_folder: Path
) -> Generator[tuple[int, int], None, tuple[int, int]]:
    """Restore a back-up into a folder that is deleted again, and read everything of it.

    Yields
    ------
    (int, int)
        Files copied and then read, and twice as many as there are.

    Returns
    -------
    (int, int)
        Examinations and files that were read.

    Raises
    ------
    AccountError, ArchiveError, OSError

    Notes
    -----
    What came of it is recorded when it is known; one that was stopped is no drill.
    """
    session.require(Right.BACK_UP)
    place = safe_text(str(copy.absolute()))
    try:
        read = yield from backup.drilling(copy, session.keys, working_folder)
    except ArchiveError as error:
        if error.problem is ArchiveProblem.BACK_UP_DAMAGED and not session.is_locked:
            _record(session, EventKind.DRILL, place, Outcome.SERIOUS_FAILURE)
        raise
    if session.is_locked:
        raise ArchiveError(ArchiveProblem.LOCKED)
    _record(session, EventKind.DRILL, f"{place}: {read_text(*read)}")
    return read


def checking(session: Session) -> Generator[tuple[int, int] | None, None, Checked]:
    """Read the whole archive, and record what was found.

    Yields
    ------
    (int, int) or None
        Examinations done, and all, as far as known; who stops here has checked nothing.

    Returns
    -------
    Checked

    Raises
    ------
    AccountError, ArchiveError
    """
    session.require(Right.VIEW)
    found = yield from read_whole(session.archive)
    outcome = Outcome.SUCCESS if found.is_whole else Outcome.SERIOUS_FAILURE
    session.archive.require_open()
    words = archive_state_text(found.is_database_whole, found.file_count)
    _record(session, EventKind.CHECK, words, outcome)
    return found


def _record(
    session: Session, kind: EventKind, words: str, outcome: Outcome = Outcome.SUCCESS
) -> None:
    what = AuditObject(ObjectKind.FILE, session.identifier, THE_ARCHIVE)
    session.record(kind, what, outcome=outcome, description=words)


Restoring = Generator[tuple[int, int], None, int]
"""How many files are copied of all; returns how many images and thumbnails there are."""


def require_none(place: Place) -> None:
    """Refuse to restore over what is there: an archive, or the anchor of one.

    Raises
    ------
    FileExistsError
        Its `filename` is what is there.
    """
    is_folder_used = place.folder.exists() and any(place.folder.iterdir())
    if is_folder_used or place.anchor.exists():
        found = place.folder if is_folder_used else place.anchor
        raise FileExistsError(EEXIST, "archive", str(found))


def set_aside(place: Place) -> Path:
    """Rename the folder of an archive, with the anchor of its trail in it; nothing is deleted.

    Returns
    -------
    Path
        Where it lies now: beside where it was.

    Raises
    ------
    OSError
        Another program has it open, or its folder cannot be written.
    """
    aside = _free_folder(place.folder, datetime.now(UTC))
    place.folder.rename(aside)
    if place.anchor.exists():
        shutil.move(place.anchor, aside / ANCHOR)
    return aside


def _free_folder(folder: Path, moment: datetime) -> Path:
    while True:
        found = folder.with_name(f"{folder.name}-damaged-{moment.strftime(_NAME_FORMAT)}")
        if not found.exists():
            return found
        moment += timedelta(seconds=1)


def _put_back(place: Place, aside: Path) -> None:
    """Undo `set_aside`, where nothing came into its place."""
    if place.folder.exists():
        return
    if (aside / ANCHOR).exists():
        shutil.move(aside / ANCHOR, place.anchor)
    aside.rename(place.folder)


def restore(copy: Path, place: Place, name: str, password: str) -> int:
    """Make an archive of a back-up at one go; see `restoring`."""
    return run_to_end(restoring(copy, place, name, password))


def restoring(
    copy: Path, place: Place, name: str, password: str, *, replaces: bool = False
) -> Restoring:
    """Make an archive of a back-up, where there is none, with a password of that time.

    Who stops it before its end leaves nothing.

    Parameters
    ----------
    copy : Path
    place : Place
    name, password : str
    replaces : bool
        Whether an archive that is there is set aside, see `set_aside`, once the password is known
        to be right; it is put back where this does not come to its end.

    Returns
    -------
    int
        How many files it has.

    Raises
    ------
    AccountError
        ``WRONG_NAME_OR_PASSWORD``, or the back-up is of an archive without accounts.
    ArchiveError
        ``BACK_UP_DAMAGED``.
    FileExistsError
        There is an archive already.
    OSError
    """
    switch_off_core_dumps()
    book = AccountBook(copy / ACCOUNTS, calibrated_cost)
    unlocked = book.sign_in(name, password)
    try:
        name = unlocked.account.name
        return (yield from _restored(copy, place, name, book.archive, unlocked.data_key, replaces))
    finally:
        unlocked.drop()


def restore_with_recovery_key(
    copy: Path, place: Place, recovery_key: str, name: str, password: str
) -> int:
    """Make an archive of a back-up at one go; see `restoring_with_recovery_key`."""
    return run_to_end(restoring_with_recovery_key(copy, place, recovery_key, name, password))


def restoring_with_recovery_key(
    copy: Path, place: Place, recovery_key: str, name: str, password: str, *,
    replaces: bool = False,
) -> Restoring:  # fmt: skip
    """Make an archive of a back-up by the recovery key; an account gets a new password.

    Who stops it before its end leaves nothing; `replaces` is that of `restoring`.

    Raises
    ------
    RecoveryKeyError
    AccountError, ArchiveError, OSError
        As `restore`.
    """
    switch_off_core_dumps()
    key = typed(recovery_key)
    book = AccountBook(copy / ACCOUNTS, calibrated_cost)
    problem = book.new_password_problem(name, password)
    if problem is not None:
        raise AccountError(problem, name)
    data_key = book.data_key_of(key)
    count = yield from _restored(copy, place, name, book.archive, data_key, replaces)
    try:
        place.book().recover(key, name, password).drop()
    except (SpineAlignError, OSError):
        _note_restored(place, name, book.archive, Outcome.SERIOUS_FAILURE)
        raise
    return count


def _restored(
    copy: Path, place: Place, name: str, identifier: str, data_key: bytes, replaces: bool
) -> Restoring:
    place.require_local()
    aside = set_aside(place) if replaces and place.folder.exists() else None
    try:
        require_none(place)
        count = yield from backup.restoring(copy, sub_keys(data_key, identifier), place.folder)
    except BaseException:  # also where it is stopped
        if aside is not None:
            _put_back(place, aside)
        raise
    place.profile.mkdir(parents=True, exist_ok=True)
    shutil.move(place.folder / ANCHOR, place.anchor)
    _note_restored(place, name, identifier)
    return count


def _note_restored(
    place: Place, name: str, identifier: str, outcome: Outcome = Outcome.SUCCESS
) -> None:
    """Have the trail say that it comes from a back-up, once somebody opens it.

    Before there was no trail on this computer; a failure that left nothing stands in none.
    """
    what = AuditObject(ObjectKind.FILE, identifier)
    at_utc = stamp(datetime.now(UTC))
    have_wait(
        place,
        AuditEvent(EventKind.RESTORE, at_utc, name, outcome, objects=(what,), process=os.getpid()),
    )


def _beside(place: Place) -> dict[str, Path]:
    """Return what belongs to an archive besides its database and images, by its place in a copy."""
    found = {ANCHOR: place.anchor, ACCOUNTS: place.accounts, "key-store.json": place.key_store}
    kept = [path for path in place.kept.rglob("*") if path.is_file()]
    beside = {name: path for name, path in found.items() if path.exists()}
    named = {f"{KEPT}/{path.relative_to(place.kept).as_posix()}": path for path in kept}
    if ACCOUNTS not in beside:
        raise ArchiveError(ArchiveProblem.NO_ACCOUNTS)
    return beside | named
