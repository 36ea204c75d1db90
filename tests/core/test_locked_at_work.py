"""Locking while something large is kept, copied or searched: the keys go, nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from spinealign import protected_folders
from spinealign.accounts.keys import LEAST_COST
from spinealign.archive import backup
from spinealign.archive.encrypted_files import PIECE_BYTES
from spinealign.archive.records import Search
from spinealign.archive.store import Archive
from spinealign.audit.events import AuditEvent, EventKind
from spinealign.domain.protection import ArchiveError, ArchiveProblem
from spinealign.domain.study import PatientFacts
from spinealign.files import write_durably
from spinealign.protected_folders import LockedFolderError, open_binary
from spinealign.vault import keeping, place, safety_copies, session
from spinealign.vault.keeping import Opened, keep
from spinealign.vault.place import Place
from spinealign.vault.session import Session, set_up_accounts

PASSWORD = "correct horse battery"
LONG_S = 30
"""Until a test gives up; none waits so long."""


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (place, session, safety_copies):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)


@pytest.fixture
def anna(tmp_path: Path) -> Iterator[Session]:
    where = Place.of_profile(tmp_path / "profile")
    made, _ = set_up_accounts(where, "anna", "Dr. Anna Reader", PASSWORD)
    keep(made, large(tmp_path, "first"))
    yield made
    made.close()
    for folder in (where.files, where.kept):
        protected_folders.release(folder)


def large(folder: Path, name: str) -> Opened:
    """An examination whose file has several pieces."""
    path = folder / f"{name}.bin"
    path.write_bytes(name.encode() * (3 * PIECE_BYTES // len(name)))
    return Opened((path,), PatientFacts(name=f"{name}^X", identifier=name))


class Paused:
    """Stops a worker at one place until the window has locked."""

    def __init__(self) -> None:
        self.is_there, self.may_go_on = threading.Event(), threading.Event()

    def here(self) -> None:
        self.is_there.set()
        assert self.may_go_on.wait(LONG_S)


class Worker:
    """Does something in a thread, as the window has the archive's work done."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.error: Exception | None = None

        def run() -> None:
            try:
                act()
            except Exception as error:  # noqa: BLE001 - looked at by the test
                self.error = error

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def is_told_that_it_was_locked(self) -> bool:
        self.thread.join(LONG_S)
        assert not self.thread.is_alive()
        return isinstance(self.error, ArchiveError) and self.error.problem is ArchiveProblem.LOCKED


def lock_and_see_the_keys_gone(at_work: Session) -> None:
    opened = at_work._opened
    locking = threading.Thread(target=at_work.lock, daemon=True)
    locking.start()
    locking.join(LONG_S)
    assert not locking.is_alive(), "locking waits for what is being done"
    assert not any(opened.data_key)
    assert not any(opened.images._key)
    assert not any(opened.kept._key)
    with pytest.raises(LockedFolderError):
        open_binary(next(at_work.place.files.glob("*/*")))
    for folder in (at_work.place.files, at_work.place.kept):
        with pytest.raises(LockedFolderError):
            write_durably(folder / "late", b"plain")


def names(at_work: Session) -> list[str]:
    return sorted(each.patient.name for each in at_work.archive.search(Search()))


def require_whole_after(at_work: Session) -> None:
    at_work.unlock(PASSWORD)
    assert names(at_work) == ["first^X"]
    assert at_work.archive.is_whole()
    assert at_work.verify_trail().damage is None
    assert [event.kind for _, event in at_work.events()].count(EventKind.LOCK) == 1


def test_while_a_large_file_is_encrypted(
    anna: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused, reads = Paused(), []

    class Slow:
        def __init__(self, file) -> None:
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def read(self, length: int = -1) -> bytes:
            reads.append(length)
            if len(reads) == 7:  # the second piece, after all was read once for its checksum
                paused.here()
            return self.file.read(length)

    monkeypatch.setattr(keeping, "open_binary", lambda path: Slow(open_binary(path)))
    before = set(anna.place.files.glob("*/*"))
    second = large(tmp_path, "second")
    worker = Worker(lambda: keep(anna, second))
    assert paused.is_there.wait(LONG_S)
    lock_and_see_the_keys_gone(anna)
    paused.may_go_on.set()
    assert worker.is_told_that_it_was_locked()
    assert set(anna.place.files.glob("*/*")) == before  # nothing half done is left behind
    require_whole_after(anna)


def test_while_the_database_learns_of_an_examination(
    anna: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused, put = Paused(), Archive.put

    def put_slowly(archive: Archive, record) -> None:
        put(archive, record)
        paused.here()

    monkeypatch.setattr(Archive, "put", put_slowly)
    second = large(tmp_path, "second")
    worker = Worker(lambda: keep(anna, second))
    assert paused.is_there.wait(LONG_S)
    lock_and_see_the_keys_gone(anna)
    paused.may_go_on.set()
    assert worker.is_told_that_it_was_locked()
    require_whole_after(anna)


def test_while_a_long_search_runs(anna: Session) -> None:
    begun = threading.Event()
    connection = anna.archive.connection
    # Told once: set for each of a million rows, its lock would be the worker's nearly always.
    connection.create_function("tell", 1, lambda _: begun.is_set() or begun.set())
    endless = (
        "WITH RECURSIVE all_(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM all_) "
        "SELECT count(tell(n)) FROM all_"
    )
    worker = Worker(lambda: connection.execute(endless).fetchall())
    assert begun.wait(LONG_S)
    try:
        lock_and_see_the_keys_gone(anna)
    except BaseException:
        connection.interrupt()
        raise
    assert worker.is_told_that_it_was_locked()
    require_whole_after(anna)


@pytest.mark.parametrize("place_of_it", ["database", "files"])
def test_while_a_back_up_is_made(
    place_of_it: str, anna: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, paused = tmp_path / "disk", Paused()
    list(safety_copies.back_up(anna, disk))
    if place_of_it == "database":
        monkeypatch.setattr(backup, "_PAGES_AT_ONCE", 1)
        copied = Archive.require_open

        def pause_once(archive: Archive) -> None:
            if not paused.is_there.is_set():
                paused.here()
            copied(archive)

        monkeypatch.setattr(Archive, "require_open", pause_once)
        act: Callable[[], object] = lambda: list(safety_copies.back_up(anna, disk))  # noqa: E731
    else:

        def act() -> None:
            for _ in safety_copies.back_up(anna, disk):
                paused.here()

    worker = Worker(act)
    assert paused.is_there.wait(LONG_S)
    lock_and_see_the_keys_gone(anna)
    paused.may_go_on.set()
    assert worker.is_told_that_it_was_locked()
    require_whole_after(anna)
    [copy] = safety_copies.back_ups_on(disk)
    assert backup.is_back_up_whole(copy, anna.keys)


def test_while_a_file_is_read_piece_by_piece(anna: Session) -> None:
    [stored] = anna.archive.files(anna.archive.search(Search())[0].identifier)
    with open_binary(anna.archive.path_of(stored)) as file:
        assert file.read(10) == b"firstfirst"
        lock_and_see_the_keys_gone(anna)
        file.seek(PIECE_BYTES + 7)
        with pytest.raises(LockedFolderError):
            file.read(10)
    require_whole_after(anna)


def test_while_another_program_writes(anna: Session) -> None:
    other = Archive(anna.place.folder, anna.keys)
    other.connection.execute("BEGIN IMMEDIATE")
    lock_and_see_the_keys_gone(anna)
    other.connection.execute("ROLLBACK")
    other.close()
    require_whole_after(anna)  # the event waited


def test_while_another_thread_writes_into_the_trail(
    anna: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused = Paused()
    trail, append = anna._opened.trail, anna._opened.trail.append_many

    def append_late(events: Sequence[AuditEvent]) -> int:
        if events[-1].kind is EventKind.VIEW:
            paused.here()
        return append(events)

    monkeypatch.setattr(type(trail), "append_many", lambda _, events: append_late(events))
    worker = Worker(lambda: anna.record(EventKind.VIEW))
    assert paused.is_there.wait(LONG_S)
    lock_and_see_the_keys_gone(anna)
    paused.may_go_on.set()
    assert worker.is_told_that_it_was_locked()
    monkeypatch.undo()
    require_whole_after(anna)  # the event waited


def test_the_trail_and_the_database_are_locked_in_one_order(
    anna: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    connection = anna._opened.archive.connection

    class Watched:
        def __init__(self, name: str, lock: Any) -> None:
            self.name, self.lock = name, lock

        def acquire(self, timeout: float = -1) -> bool:
            order.append(self.name)
            return bool(self.lock.acquire(timeout=timeout))

        def release(self) -> None:
            self.lock.release()

        def __enter__(self) -> bool:
            return self.acquire()

        def __exit__(self, *_: object) -> None:
            self.release()

    anna._appending = Watched("trail", anna._appending)  # type: ignore[assignment]
    monkeypatch.setattr(connection, "alone", Watched("database", connection.alone))
    anna.lock()
    assert order[:2] == ["trail", "database"]


def test_what_was_on_the_disk_before_is_there_after(anna: Session) -> None:
    write_durably(anna.place.kept / "reading.json", b'["acknowledged"]')
    lock_and_see_the_keys_gone(anna)
    require_whole_after(anna)
    with open_binary(anna.place.kept / "reading.json") as file:
        assert file.read() == b'["acknowledged"]'
