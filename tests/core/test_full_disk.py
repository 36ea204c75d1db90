"""An archive on a disk that is full or cannot be written: told in words, and nothing is broken."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from spinealign import protected_folders
from spinealign.accounts.book import Role
from spinealign.accounts.keys import LEAST_COST
from spinealign.archive import backup
from spinealign.archive.database import connect
from spinealign.archive.problems import as_archive_error
from spinealign.archive.records import Search
from spinealign.audit.events import EventKind, Outcome
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.protection import AccountError, ArchiveError, ArchiveProblem
from spinealign.domain.study import PatientFacts
from spinealign.files import write_durably
from spinealign.vault import administration, exchange, place, safety_copies, session
from spinealign.vault.keeping import Opened, add_note, keep, set_tags
from spinealign.vault.place import Place
from spinealign.vault.session import Session, set_up_accounts, sign_in
from spinealign.wording import explain

PASSWORD, OTHER = "correct horse battery", "another horse battery"
MOST_WRITES = 60
ROOM_BYTES = (0, 12_288, 122_880)


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (place, session, safety_copies, exchange):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)


@contextmanager
def opened(folder: Path) -> Iterator[Session]:
    """An archive with one examination, of anna, who administers and reads."""
    where = Place.of_profile(folder / "profile")
    at_work, _ = set_up_accounts(where, "anna", "Dr. Anna", PASSWORD)
    keep(at_work, film(folder, "first"))
    yield at_work
    at_work.close()
    for root in (where.files, where.kept):
        protected_folders.release(root)


@pytest.fixture
def anna(tmp_path: Path) -> Iterator[Session]:
    with opened(tmp_path) as at_work:
        yield at_work


def film(folder: Path, name: str) -> Opened:
    path = folder.parent / f"{name}.bin"
    if not path.exists():
        path.write_bytes(name.encode() + os.urandom(150_000))
    return Opened((path,), PatientFacts(name=f"{name}^X", identifier=name))


def first(at_work: Session) -> str:
    return next(
        e for e in at_work.archive.search(Search()) if e.patient.name == "first^X"
    ).identifier


def _lock_and_unlock(at_work: Session, _: Path) -> None:
    at_work.lock()
    at_work.unlock(PASSWORD)


def _wrong_password(at_work: Session, _: Path) -> None:
    with suppress(AccountError):
        sign_in(at_work.place, "anna", "wrong horse battery")
    at_work.place.attempts().succeeded("anna")


def _change_password(at_work: Session, _: Path) -> None:
    administration.change_password(at_work, PASSWORD, OTHER)
    administration.change_password(at_work, OTHER, PASSWORD)


def _account(at_work: Session, _: Path) -> None:
    if "bob" in {each.name for each in administration.accounts(at_work)}:
        administration.remove_account(at_work, "bob")
    administration.add_account(at_work, "bob", "Bob", [Role.VIEWER], OTHER)


ACTS: dict[str, Callable[[Session, Path], object]] = {
    "record": lambda at_work, _: at_work.record(EventKind.VIEW),
    "keep": lambda at_work, folder: keep(at_work, film(folder, "second")),
    "keep again": lambda at_work, folder: keep(at_work, film(folder, "first")),
    "tags": lambda at_work, _: set_tags(at_work, first(at_work), ["old", "new"]),
    "note": lambda at_work, _: add_note(at_work, first(at_work), "words " * 2000),
    "reading": lambda at_work, _: write_durably(at_work.place.kept / "reading.json", b"[1]"),
    "back up": lambda at_work, folder: list(safety_copies.back_up(at_work, folder / "disk")),
    "export": lambda at_work, folder: exchange.export_package(
        at_work, first(at_work), folder / f"case{exchange.SUFFIX}", "package horse battery"
    ),
    "password": _change_password,
    "account": _account,
    "wrong password": _wrong_password,
    "lock": _lock_and_unlock,
    "sign in": lambda at_work, _: sign_in(at_work.place, "anna", PASSWORD).close(),
}


def is_told(error: Exception, problem: ArchiveProblem) -> bool:
    """Whether a failure is one that window and command line have a sentence for."""
    known = as_archive_error(error) if isinstance(error, OSError) else error
    assert isinstance(known, SpineAlignError), repr(error)
    assert explain(known).sentence
    return isinstance(known, ArchiveError) and known.problem is problem


def require_whole(at_work: Session) -> None:
    """Everything that was acknowledged is there, whole, and opens with the password."""
    if at_work.is_locked:
        with suppress(AccountError):
            at_work.unlock(PASSWORD)
    for password in (PASSWORD, OTHER):  # the change of a password may have come half way
        with suppress(AccountError):
            again = sign_in(at_work.place, "anna", password)
            break
    names = {each.patient.name for each in again.archive.search(Search())}
    assert "first^X" in names
    assert again.archive.is_whole()
    assert again.verify_trail().damage is None
    for copy in safety_copies.back_ups_on(at_work.place.profile.parent / "disk"):
        assert safety_copies.backup.is_back_up_whole(copy, again.keys)
    if password == OTHER:
        administration.change_password(again, OTHER, PASSWORD)
    again.lock()
    at_work.lock()
    at_work.unlock(PASSWORD)


@pytest.mark.parametrize(
    ("name", "code", "problem"),
    [
        *((name, errno.ENOSPC, ArchiveProblem.FULL) for name in ACTS),
        *((name, errno.EROFS, ArchiveProblem.NOT_WRITABLE) for name in ("keep", "sign in")),
    ],
)
def test_every_write_that_fails_is_told(
    name: str, code: int, problem: ArchiveProblem, anna: Session, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    flushed = os.fsync
    told = 0
    for failing in count():
        assert failing < MOST_WRITES
        left = failing

        def flush(descriptor: int) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(code, os.strerror(code))
            flushed(descriptor)

        with monkeypatch.context() as disk:
            disk.setattr(os, "fsync", flush)
            try:
                ACTS[name](anna, tmp_path)
            except (SpineAlignError, OSError) as error:
                told += is_told(error, problem)
        require_whole(anna)
        if left >= 0:
            break
    assert told, "no write failed"


@pytest.mark.parametrize("name", ["record", "note"])
def test_a_database_that_cannot_grow_is_told(name: str, anna: Session, tmp_path: Path) -> None:
    connection = anna.archive.connection
    [pages] = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")

    def until_full() -> None:
        for _ in range(200):
            ACTS[name](anna, tmp_path)

    with pytest.raises(SpineAlignError) as raised:
        until_full()
    assert is_told(raised.value, ArchiveProblem.FULL)
    connection.execute("PRAGMA max_page_count = 1000000")
    require_whole(anna)


def test_a_disk_that_fills_while_the_database_is_copied_is_told_and_marked(
    anna: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        ACTS["note"](anna, tmp_path)

    def small(path: Path, key: bytes) -> Any:
        copy = connect(path, key)
        copy.execute("PRAGMA max_page_count = 1")  # no fewer than it has, and no more
        return copy

    with monkeypatch.context() as disk:
        disk.setattr(backup, "connect", small)
        with pytest.raises(SpineAlignError) as raised:
            ACTS["back up"](anna, tmp_path)
    assert is_told(raised.value, ArchiveProblem.FULL)
    assert not list((tmp_path / "disk").rglob("*.unfinished"))
    ACTS["back up"](anna, tmp_path)
    told = [event for _, event in anna.events() if event.kind is EventKind.BACK_UP]
    assert [(each.outcome, each.description) for each in told] == [
        (Outcome.SUCCESS, f"into {tmp_path / 'disk'}"), (Outcome.SERIOUS_FAILURE, "full"),
        (Outcome.SUCCESS, f"into {tmp_path / 'disk'}"),
    ]  # fmt: skip
    require_whole(anna)


def test_a_failure_that_could_not_be_written_is_written_with_the_next_event(
    anna: Session, tmp_path: Path
) -> None:
    steps = safety_copies.back_up(anna, tmp_path / "disk")
    next(steps)
    anna.archive.connection.execute("PRAGMA query_only = ON")
    steps.close()
    anna.archive.connection.execute("PRAGMA query_only = OFF")
    anna.record(EventKind.VIEW)
    told = [(event.kind, event.outcome, event.description) for _, event in anna.events()][-4:-1]
    assert told == [
        (EventKind.BACK_UP, Outcome.SUCCESS, f"into {tmp_path / 'disk'}"),
        (EventKind.BACK_UP, Outcome.MINOR_FAILURE, "stopped"),
        (EventKind.VIEW, Outcome.SUCCESS, ""),
    ]


def test_a_lock_that_could_not_be_written_is_written_later(
    anna: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", fail)
        anna.archive.connection.execute("PRAGMA query_only = ON")
        anna.lock()
        assert anna.is_locked
        with pytest.raises(OSError, match="No space"):
            anna.unlock(PASSWORD)
        assert anna.is_locked
    anna.unlock(PASSWORD)
    assert EventKind.LOCK in [event.kind for _, event in anna.events()]


def is_mounted(folder: Path, size: str) -> bool:
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 6 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if not is_mounted(folder, "6m"):
        pytest.skip("only root on Linux mounts a disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("name", ACTS)
def test_a_real_disk_that_is_full_is_told(name: str, small_disk: Path) -> None:
    with opened(small_disk) as at_work:
        film(small_disk, "second")
        told = 0
        for room in ROOM_BYTES:
            fill(small_disk, room)
            try:
                ACTS[name](at_work, small_disk)
            except (SpineAlignError, OSError) as error:
                told += is_told(error, ArchiveProblem.FULL)
            (small_disk / "filler").unlink()
            require_whole(at_work)
        assert told or name == "lock"


def fill(disk: Path, room: int) -> None:
    """Leave so many bytes of room on a disk."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        with suppress(OSError):
            while filler.write(bytes(4096)):
                pass
        filler.truncate(filler.tell() - room)


def test_a_real_disk_that_cannot_be_written_is_told(small_disk: Path) -> None:
    with opened(small_disk) as at_work:
        at_work.close()
        where = at_work.place
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        for act in (
            lambda: sign_in(where, "anna", PASSWORD),
            lambda: sign_in(where, "anna", "wrong horse battery"),
            lambda: set_up_accounts(Place.of_profile(small_disk / "other"), "anna", "", PASSWORD),
        ):
            with pytest.raises((SpineAlignError, OSError)) as raised:
                act()
            assert is_told(raised.value, ArchiveProblem.NOT_WRITABLE)
            with pytest.raises(protected_folders.LockedFolderError):
                write_durably(where.kept / "reading.json", b"[1]")
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
        again = sign_in(where, "anna", PASSWORD)
        assert again.archive.is_whole()
        again.close()
