"""An archive whose database was cut, changed, exchanged or taken away: told in words, always."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from spinealign import protected_folders
from spinealign.accounts.keys import LEAST_COST
from spinealign.archive.backup import BackedUp
from spinealign.archive.checking import Checked, checking
from spinealign.archive.records import Search
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.generators import run_to_end
from spinealign.domain.protection import (
    AccountError,
    ArchiveError,
    ArchiveProblem,
    Damage,
    PauseError,
)
from spinealign.domain.study import PatientFacts
from spinealign.vault import place, safety_copies, session
from spinealign.vault.keeping import Opened, add_note, keep
from spinealign.vault.place import Place
from spinealign.vault.session import Session, set_up_accounts, sign_in
from spinealign.wording import explain
from spinealign.wording.archive import ARCHIVE_WHOLE, DAMAGED_ADVICE
from spinealign.wording.archive_list import check_text

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (place, session, safety_copies):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Place]:
    """A closed archive with twenty examinations, whose database has no log beside it."""
    here = Place.of_profile(tmp_path / "profile")
    made, _ = set_up_accounts(here, "anna", "Dr. Anna Reader", PASSWORD)
    for number in range(20):
        source = tmp_path / f"{number}.bin"
        source.write_bytes(str(number).encode())
        facts = PatientFacts(name=f"P{number}^X", identifier=str(number))
        record = keep(made, Opened((source,), facts))
        add_note(made, record.identifier, "a note " * 50)
    made.close()
    yield here
    for folder in (here.files, here.kept):
        protected_folders.release(folder)


def use(at_work: Session) -> None:
    """Read all that the window reads."""
    for each in at_work.archive.search(Search(words="note", most=1000)):
        at_work.archive.notes(each.identifier)
        at_work.archive.files(each.identifier)
        at_work.archive.readings(each.identifier)
    at_work.events()


@pytest.mark.parametrize("left", [0, 1, 100, 4096, 0.5, -4096, -1])
def test_a_database_that_was_cut_is_told(left: float, where: Place) -> None:
    whole = where.database.read_bytes()
    length = int(len(whole) * left) if isinstance(left, float) else left
    where.database.write_bytes(whole[:length])
    with pytest.raises(ArchiveError) as raised:
        opened_and_checked(where)
    assert raised.value.problem is ArchiveProblem.WRONG_KEY_OR_DAMAGED


def opened_and_checked(where: Place) -> None:
    """Open and use an archive; raise what the check of the archive then says."""
    at_work = sign_in(where, "anna", PASSWORD)
    try:
        use(at_work)
        if not at_work.archive.is_whole() or at_work.verify_trail().damage is not None:
            raise ArchiveError(ArchiveProblem.WRONG_KEY_OR_DAMAGED)
    finally:
        at_work.close()


def test_a_changed_byte_is_told_wherever_it_is(where: Place) -> None:
    whole, draw = where.database.read_bytes(), random.Random(1)
    for _ in range(25):
        changed = bytearray(whole)
        changed[draw.randrange(len(changed))] ^= draw.randint(1, 255)
        for path in where.folder.glob("archive.db-*"):
            path.unlink()
        where.database.write_bytes(changed)
        with pytest.raises(SpineAlignError) as raised:
            opened_and_checked(where)
        assert explain(raised.value).advice


def test_an_older_copy_in_its_place_is_told(where: Place, tmp_path: Path) -> None:
    shutil.copy(where.database, tmp_path / "older.db")
    at_work = sign_in(where, "anna", PASSWORD)
    at_work.close()
    shutil.copy(tmp_path / "older.db", where.database)
    at_work = sign_in(where, "anna", PASSWORD)  # images can be read all the same
    assert at_work.trail_damage is Damage.CUT_OFF
    verdict = at_work.verify_trail()
    assert (verdict.damage, verdict.counter) == (Damage.CUT_OFF, verdict.records + 1)
    at_work.close()


def test_a_database_that_was_taken_away_is_told_and_no_empty_one_made(where: Place) -> None:
    where.database.unlink()
    for _ in range(2):
        with pytest.raises(ArchiveError) as raised:
            sign_in(where, "anna", PASSWORD)
        assert raised.value.problem is ArchiveProblem.WRONG_KEY_OR_DAMAGED
        assert not where.database.exists()


def test_a_database_of_other_accounts_is_told(where: Place, tmp_path: Path) -> None:
    other = Place.of_profile(tmp_path / "other")
    set_up_accounts(other, "anna", "Dr. Anna Reader", PASSWORD)[0].close()
    shutil.copy(other.database, where.database)
    with pytest.raises(ArchiveError) as raised:
        sign_in(where, "anna", PASSWORD)
    assert raised.value.problem is ArchiveProblem.WRONG_KEY_OR_DAMAGED
    for folder in (other.files, other.kept):
        protected_folders.release(folder)


def test_two_programs_at_once_lose_nothing(where: Place, tmp_path: Path) -> None:
    one, two = (sign_in(where, "anna", PASSWORD) for _ in range(2))
    for number, at_work in enumerate((one, two, one, two)):
        source = tmp_path / f"both-{number}.bin"
        source.write_bytes(b"both" * (number + 1))
        keep(at_work, Opened((source,), PatientFacts(name=f"Both{number}^X", identifier="b")))
    one.lock()
    assert len(two.archive.search(Search(words="both"))) == 4
    two.lock()
    one.unlock(PASSWORD)
    assert one.archive.is_whole()
    assert one.verify_trail().damage is None
    one.close()


class TestClockSetBack:
    def test_events_keep_their_order(self, where: Place) -> None:
        now = datetime(2026, 11, 29, 12, tzinfo=UTC)
        moments = [now - timedelta(days=days) for days in range(40)]
        at_work = sign_in(where, "anna", PASSWORD, lambda: moments.pop(0))
        at_work.lock()
        at_work.unlock(PASSWORD)
        numbers, events = zip(*at_work.events(), strict=True)
        assert list(numbers) == sorted(numbers)
        assert [event.kind.name for event in events[-4:]] == [
            "LOGIN", "LOCK", "UNLOCK", "AUDIT_LOG_USED",
        ]  # fmt: skip
        stamps = [event.at_utc for event in events[-4:]]
        assert stamps == sorted(stamps, reverse=True)  # as the clock of the computer said
        assert at_work.verify_trail().damage is None
        at_work.close()

    def test_a_pause_counts_anew(self, where: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        from spinealign.accounts.attempts import AttemptLog

        clock = [1_000_000.0]
        monkeypatch.setattr(
            Place, "attempts",
            lambda here: AttemptLog(here.folder / place.ATTEMPTS, lambda: clock[0]),
        )  # fmt: skip
        for _ in range(3):
            with pytest.raises(SpineAlignError):
                sign_in(where, "anna", "wrong horse battery")
        clock[0] -= 86_400
        with pytest.raises(PauseError) as raised:
            sign_in(where, "anna", PASSWORD)
        assert raised.value.is_clock_set_back


def checked(at_work: Session) -> Checked:
    return run_to_end(checking(at_work.archive))


def test_a_whole_archive_has_no_damage(where: Place) -> None:
    at_work = sign_in(where, "anna", PASSWORD)
    assert checked(at_work) == Checked(True)
    assert check_text(checked(at_work)) == ARCHIVE_WHOLE
    at_work.close()


def is_readable(at_work: Session, identifier: str) -> bool:
    """Whether an examination can be read by a connection that met nothing else."""
    try:
        own = at_work.archive.reopened()
    except ArchiveError:
        return False
    try:
        own.files(identifier)
        own.get(identifier)
        own.readings(identifier)
        own.notes(identifier)
    except ArchiveError:
        return False
    finally:
        own.close()
    return True


def test_every_damaged_page_is_told_and_spoils_no_other_examination(where: Place) -> None:
    """One byte of each page in turn; a page that only some examinations lie on names only these."""
    at_work = sign_in(where, "anna", PASSWORD)
    identifiers = at_work.archive.search(Search(most=1000)).identifiers
    at_work.close()
    whole, concerned = where.database.read_bytes(), []
    for page in range(1, len(whole) // 4096):
        changed = bytearray(whole)
        changed[4096 * page + 2000] ^= 1
        where.database.write_bytes(changed)
        try:
            at_work = sign_in(where, "anna", PASSWORD)
        except SpineAlignError:  # told at once
            continue
        found = checked(at_work)
        unreadable = [each for each in identifiers if not is_readable(at_work, each)]
        at_work.close()
        for beside in ("-wal", "-shm"):
            where.database.with_name(f"archive.db{beside}").unlink(missing_ok=True)
        assert not found.is_database_whole
        assert DAMAGED_ADVICE in check_text(found)
        if found.is_list_readable:
            assert len(found.examinations) == len(unreadable)
        concerned.append(len(found.examinations))
    assert any(0 < count < 20 for count in concerned)


def test_files_are_named_as_missing_or_changed(where: Place) -> None:
    at_work = sign_in(where, "anna", PASSWORD)
    missing, changed = sorted(where.files.glob("*/*"))[:2]
    missing.unlink()
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    found = checked(at_work)
    at_work.close()
    assert found.is_database_whole
    assert (len(found.examinations), found.file_count) == (2, 2)
    names = {name for each in found.examinations for name in each.missing}
    assert names == {missing.relative_to(where.folder).as_posix()}
    told = check_text(found)
    assert f"{missing.name} is missing." in told
    assert f"{changed.name} was changed" in told
    assert "1 more examination" in check_text(found, 1)


@pytest.fixture
def copy(where: Place, tmp_path: Path) -> Path:
    """A back-up of the archive, whose database is damaged then."""
    at_work = sign_in(where, "anna", PASSWORD)
    *_, done = safety_copies.back_up(at_work, tmp_path / "disk")
    at_work.close()
    assert isinstance(done, BackedUp)
    where.database.write_bytes(b"damaged" * 1000)
    return done.folder


def everything(where: Place) -> dict[str, bytes]:
    return {
        path.relative_to(where.profile).as_posix(): path.read_bytes()
        for path in where.profile.rglob("*")
        if path.is_file()
    }


def test_a_back_up_takes_the_place_of_a_damaged_archive(where: Place, copy: Path) -> None:
    run_to_end(safety_copies.restoring(copy, where, "anna", PASSWORD, replaces=True))
    [aside] = where.profile.glob("archive-damaged-*")
    assert (aside / "archive.db").read_bytes() == b"damaged" * 1000
    assert (aside / "audit-anchor.json").exists()
    at_work = sign_in(where, "anna", PASSWORD)
    assert checked(at_work) == Checked(True)
    assert at_work.archive.count(Search()) == 20
    at_work.close()


def test_without_being_told_to_nothing_is_replaced(where: Place, copy: Path) -> None:
    before = everything(where)
    with pytest.raises(FileExistsError):
        safety_copies.restore(copy, where, "anna", PASSWORD)
    assert everything(where) == before


def test_a_wrong_password_sets_nothing_aside(where: Place, copy: Path) -> None:
    before = everything(where)
    steps = safety_copies.restoring(copy, where, "anna", "wrong password", replaces=True)
    with pytest.raises(AccountError):
        next(steps)
    assert everything(where) == before


def test_a_back_up_that_is_damaged_or_stopped_puts_the_archive_back(
    where: Place, copy: Path
) -> None:
    before = everything(where)
    stopped = safety_copies.restoring(copy, where, "anna", PASSWORD, replaces=True)
    next(stopped)
    assert list(where.profile.glob("archive-damaged-*"))
    stopped.close()
    assert everything(where) == before
    database = copy / "archive.db"
    database.write_bytes(database.read_bytes()[:-1])
    with pytest.raises(ArchiveError) as raised:
        run_to_end(safety_copies.restoring(copy, where, "anna", PASSWORD, replaces=True))
    assert raised.value.problem is ArchiveProblem.BACK_UP_DAMAGED
    assert everything(where) == before


def test_a_locked_archive_ends_a_check(where: Place) -> None:
    at_work = sign_in(where, "anna", PASSWORD)
    steps = checking(at_work.archive)
    next(steps)
    next(steps)
    at_work.lock()
    with pytest.raises(ArchiveError) as raised:
        next(steps)
    assert raised.value.problem is ArchiveProblem.LOCKED
