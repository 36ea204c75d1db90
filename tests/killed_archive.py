"""An archive whose programs are killed while they import, edit, sign, export, back up, change a
password or bring older tables up to date.

Each round forks a process that works and says through a pipe what it has acknowledged, kills it
after a while that was drawn, and then looks at what the next start finds.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from spinealign.accounts.keys import LEAST_COST
from spinealign.archive import database
from spinealign.archive.backup import BackedUp, is_back_up_whole
from spinealign.archive.records import FileRole, ReadingVersion, Search
from spinealign.domain.protection import AccountError, PauseError
from spinealign.domain.study import PatientFacts
from spinealign.files import write_durably
from spinealign.json_files import read_json
from spinealign.vault import exchange, place, safety_copies, session
from spinealign.vault.administration import change_password
from spinealign.vault.keeping import Opened, keep
from spinealign.vault.place import Place
from spinealign.vault.session import Session, set_up_accounts, sign_in

TODAY = database.SCHEMA_VERSION
"""Of the tables, before any test has a newer program."""

WORK = ("import", "edit", "sign", "export", "back-up", "password", "migration")
PACKAGE_PASSWORD = "package horse battery"

Acknowledge = Callable[[str], None]


@dataclass
class Known:
    """What was acknowledged so far, and what may have been done without.

    Parameters
    ----------
    folder : Path
        Everything of the trial lies here.
    """

    folder: Path
    password: str = "first horse battery"
    next_password: str = ""
    imported: set[str] = field(default_factory=set)
    tags: dict[str, str] = field(default_factory=dict)
    drafts: dict[str, int] = field(default_factory=dict)
    signed: set[tuple[str, int]] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)
    copies: set[str] = field(default_factory=set)
    is_migrated: bool = False

    @property
    def place(self) -> Place:
        """Where the archive lies."""
        return Place.of_profile(self.folder / "profile")


def cheap_passwords() -> None:
    """Have passwords cost what a test can afford; the work between them is what is killed."""
    for module in (place, session, safety_copies, exchange):
        module.calibrated_cost = lambda: LEAST_COST  # type: ignore[attr-defined]


def set_up(folder: Path) -> Known:
    """Make an archive with one examination in it."""
    known = Known(folder)
    made, _ = set_up_accounts(known.place, "anna", "Dr. Anna", known.password)
    known.imported.add(_import(made, known, 0))
    made.close()
    return known


def work_killed(known: Known, kind: str, after_s: float, number: int) -> int:
    """Let a process work until it is killed, and note what it acknowledged; returns how much."""
    incoming, outgoing = os.pipe()
    child = os.fork()
    if not child:
        os.close(incoming)
        try:
            _work(known, kind, number, lambda told: _tell(outgoing, told))
        finally:
            os._exit(1)
    os.close(outgoing)
    with os.fdopen(incoming, "rb") as pipe:
        begun = pipe.readline()
        assert begun == b"begun\n", "the work never began"
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
        told = pipe.read().decode().split("\n")[:-1]
    os.waitpid(child, 0)
    for each in told:
        _note(known, kind, each)
    return len(told)


def _tell(pipe: int, told: str) -> None:
    os.write(pipe, f"{told}\n".encode())


def _work(known: Known, kind: str, number: int, acknowledge: Acknowledge) -> None:
    if kind == "migration":
        acknowledge("begun")
        with newer_program():
            sign_in(known.place, "anna", known.password).close()
        acknowledge("migrated")
        return
    at_work = sign_in(known.place, "anna", known.password)
    acknowledge("begun")
    for told in _steps(at_work, known, kind, number):
        acknowledge(told)


def _steps(at_work: Session, known: Known, kind: str, number: int) -> Iterator[str]:
    """Do one kind of work again and again; what is yielded is on the disk."""
    first = sorted(known.imported)[0]
    for step in range(1, 10_000):
        count = number * 10_000 + step
        if kind == "import":
            yield _import(at_work, known, count)
        elif kind == "edit":
            write_durably(known.place.kept / "draft.json", str(count).encode())
            at_work.archive.set_tags(first, [f"t{count}"])
            yield f"{first} t{count}"
        elif kind == "sign":
            version = ReadingVersion(
                count, "signed", "Dr. Anna", _now(), "Impression", str(count).encode()
            )
            at_work.archive.put_reading(first, version)
            yield f"{first} {count}"
        elif kind == "export":
            path = known.folder / f"{count}{exchange.SUFFIX}"
            exchange.export_package(at_work, first, path, PACKAGE_PASSWORD)
            yield path.name
        elif kind == "back-up":
            *_, done = safety_copies.back_up(at_work, known.folder / "disk")
            assert isinstance(done, BackedUp)
            yield done.folder.name
        else:
            new = f"horse battery {count}"
            yield f"next {new}"
            change_password(at_work, known.next_password or known.password, new)
            known.next_password = new
            yield f"now {new}"


def _import(at_work: Session, known: Known, count: int) -> str:
    source = known.folder / "source.bin"
    source.write_bytes(random.Random(count).randbytes(300_000))
    facts = PatientFacts(name=f"Patient^{count}", identifier=str(count))
    return keep(at_work, Opened((source,), facts)).identifier


def _note(known: Known, kind: str, told: str) -> None:
    if kind == "import":
        known.imported.add(told)
    elif kind == "edit":
        identifier, tag = told.split()
        known.tags[identifier] = tag
        known.drafts["draft.json"] = int(tag[1:])
    elif kind == "sign":
        identifier, version = told.split()
        known.signed.add((identifier, int(version)))
    elif kind == "export":
        known.packages.add(told)
    elif kind == "back-up":
        known.copies.add(told)
    elif kind == "migration":
        known.is_migrated = True
    elif told.startswith("next "):
        known.next_password = told.removeprefix("next ")
    else:
        known.password, known.next_password = told.removeprefix("now "), ""


def look(known: Known) -> list[str]:
    """Open the archive as the next start does, and return what is not as it should be."""
    at_work = _signed_in(known)
    try:
        return list(_faults(at_work, known))
    finally:
        at_work.close()


def _signed_in(known: Known) -> Session:
    try:
        return sign_in(known.place, "anna", known.password)
    except (AccountError, PauseError):
        # The kill came after the change was on the disk, before it was acknowledged.
        at_work = sign_in(known.place, "anna", known.next_password)
        known.password, known.next_password = known.next_password, ""
        return at_work


def _faults(at_work: Session, known: Known) -> Iterator[str]:
    archive = at_work.archive
    if not archive.is_whole():
        yield "database or files are not as they were written"
    if (verdict := at_work.verify_trail()).damage is not None:
        yield f"audit trail: {verdict}"
    found = {each.identifier for each in archive.search(Search(most=100_000))}
    if missing := known.imported - found:
        yield f"{len(missing)} examinations are missing"
    for identifier in found:
        if len(archive.files(identifier, FileRole.ORIGINAL)) != 1:
            yield "an examination has not the one file that it should have"
    for identifier, tag in known.tags.items():
        if int(archive.get(identifier).tags[0][1:]) < int(tag[1:]):
            yield "tags are older than acknowledged"
    for name, count in known.drafts.items():
        if read_json(known.place.kept / name, int) < count:
            yield "a draft is older than acknowledged"
    versions = {
        (identifier, each.version)
        for identifier in {first for first, _ in known.signed}
        for each in archive.readings(identifier)
    }
    if missing_versions := known.signed - versions:
        yield f"{len(missing_versions)} signed versions are missing"
    yield from _faults_beside(at_work, known)


def _faults_beside(at_work: Session, known: Known) -> Iterator[str]:
    for name in known.packages:
        exchange.import_package(at_work, known.folder / name, PACKAGE_PASSWORD)
        (known.folder / name).unlink()
    known.packages.clear()
    copies = safety_copies.back_ups_on(known.folder / "disk")
    if gone := known.copies - {copy.name for copy in copies}:
        yield f"{len(gone)} back-ups are missing"
    for copy in copies:
        if not is_back_up_whole(copy, at_work.keys):
            yield "a back-up counts as finished and is not whole"
        shutil.rmtree(copy)
    known.copies.clear()
    connection = at_work.archive.connection
    is_newer = database.schema_version(connection) > TODAY
    has_new = "newer" in {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if is_newer != has_new or (known.is_migrated and not is_newer):
        yield "a migration is undone, or half done"
    if is_newer and connection.execute("SELECT count(*) FROM newer").fetchone()[0] != 2000:
        yield "a migration is half done"


@contextmanager
def newer_program() -> Iterator[None]:
    """Have this process be a later version of the program, with tables that come after today's."""
    before = database.SCHEMA_VERSION

    def step(connection) -> None:
        connection.execute("CREATE TABLE newer(value TEXT)")
        for number in range(2000):
            connection.execute("INSERT INTO newer VALUES (?)", (str(number),))

    database.SCHEMA_VERSION, database._MIGRATIONS[before] = before + 1, step
    try:
        yield
    finally:
        database.SCHEMA_VERSION = before
        del database._MIGRATIONS[before]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
