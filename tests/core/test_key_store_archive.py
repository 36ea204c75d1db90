"""Encryption without accounts, turned on and off, with a key store in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from spinealign import protected_folders
from spinealign.accounts.key_store import ARCHIVE, KeyStore
from spinealign.accounts.keys import LEAST_COST
from spinealign.archive.records import Search
from spinealign.audit.events import EventKind
from spinealign.cli.main import run_command
from spinealign.domain.protection import AccountError, AccountProblem, NoKeyStoreError
from spinealign.domain.study import PatientFacts
from spinealign.vault import key_store_archive, place, session
from spinealign.vault.keeping import Opened, keep
from spinealign.vault.key_store_archive import set_aside, turn_off, turn_on
from spinealign.vault.place import Place, Protection
from spinealign.vault.session import (
    Session,
    open_with_key_store,
    set_up_accounts,
)
from spinealign.vault.taking_in import give_back, take_in
from spinealign.wording.accounts_window import turned_off_text
from start import FILM_SAMPLE
from tests.keyrings import FakeKeyring, use

PASSWORD = "correct horse battery"
STORE = KeyStore(ARCHIVE)
PLANTED = b'["Planted words"]'


@pytest.fixture(autouse=True)
def keyring(monkeypatch: pytest.MonkeyPatch) -> FakeKeyring:
    for module in (place, session):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)
    return use(monkeypatch)


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Place]:
    here = Place.of_profile(tmp_path / "profile")
    yield here
    for folder in (here.files, here.kept):
        protected_folders.release(folder)


@pytest.fixture
def draft(where: Place) -> Path:
    """A reading of the profile, in plain."""
    path = where.profile / "readings" / "one" / "draft.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(PLANTED)
    return path


def where_planted(where: Place) -> list[Path]:
    files = [path for path in where.profile.rglob("*") if path.is_file()]
    return [path for path in files if b"Planted" in path.read_bytes()]


def opened(path: Path) -> bytes:
    with protected_folders.open_binary(path) as file:
        return file.read()


def closed(at_work: Session) -> None:
    at_work.close()


class TestOn:
    def test_what_lay_in_plain_is_encrypted(self, where, draft):
        at_work = turn_on(where, STORE)
        assert where.protection is Protection.KEY_STORE
        assert where_planted(where) == []
        assert opened(where.kept / "readings" / "one" / "draft.json") == PLANTED
        at_work.close()
        with pytest.raises(protected_folders.LockedFolderError):
            opened(where.kept / "readings" / "one" / "draft.json")

    def test_taking_in_takes_nothing_that_is_kept_otherwise(self, where, draft):
        at_work = turn_on(where, STORE)
        draft.parent.mkdir(parents=True)
        draft.write_bytes(b"[2]")
        assert take_in(where, ("readings",)) == 0
        assert draft.read_bytes() == b"[2]"
        assert opened(where.kept / "readings" / "one" / "draft.json") == PLANTED
        at_work.close()

    def test_without_a_key_store_nothing_is_made(self, where, draft, monkeypatch):
        use(monkeypatch, is_there=False)
        with pytest.raises(AccountError) as raised:
            turn_on(where, STORE)
        assert raised.value.problem is AccountProblem.NO_KEY_STORE
        assert not where.folder.exists()
        assert draft.read_bytes() == PLANTED

    def test_a_locked_key_store_makes_nothing(self, where, keyring, draft):
        keyring.is_locked = True
        with pytest.raises(NoKeyStoreError):
            turn_on(where, STORE)
        assert where.protection is Protection.NONE
        assert draft.read_bytes() == PLANTED

    def test_twice_or_with_accounts_it_is_refused(self, where):
        closed(turn_on(where, STORE))
        with pytest.raises(FileExistsError):
            turn_on(where, STORE)
        made, _ = set_up_accounts(where, "anna", "", PASSWORD, STORE)
        made.close()
        with pytest.raises(FileExistsError):
            turn_on(where, STORE)


class TestOff:
    def test_readings_are_given_back_and_the_archive_stays_closed(self, where, draft):
        at_work = turn_on(where, STORE)
        keep(at_work, Opened((FILM_SAMPLE,), PatientFacts(name="Planted^Jane")))
        assert turn_off(at_work) == (1, 0)
        assert at_work.is_locked
        assert (where.protection, where.is_turned_off) == (Protection.NONE, True)
        assert where_planted(where) == [draft]
        assert draft.read_bytes() == PLANTED
        assert not (where.kept / "readings").exists()
        [image] = [path for path in where.files.rglob("*") if path.is_file()]
        with pytest.raises(protected_folders.LockedFolderError):
            opened(image)

    def test_it_opens_again_with_all_that_it_held(self, where, draft):
        at_work = turn_on(where, STORE)
        identifier = keep(at_work, Opened((FILM_SAMPLE,), PatientFacts(name="Doe"))).identifier
        turn_off(at_work)
        again = turn_on(where, STORE)
        assert not where.is_turned_off
        assert [each.identifier for each in again.archive.search(Search())] == [identifier]
        assert where_planted(where) == []
        told = [event.description for _, event in again.events()]
        assert told.count("encryption without accounts turned on") == 2
        assert told.count("encryption without accounts turned off") == 1
        assert again.verify_trail().damage is None
        again.close()

    def test_what_the_profile_has_otherwise_stays_encrypted_and_is_told(self, where, draft):
        at_work = turn_on(where, STORE)
        draft.parent.mkdir(parents=True)
        draft.write_bytes(b"[2]")
        assert turn_off(at_work) == (0, 1)
        assert draft.read_bytes() == b"[2]"
        assert (where.kept / "readings" / "one" / "draft.json").exists()
        assert "1 stay encrypted" in turned_off_text(0, 1)

    def test_a_damaged_file_stays_and_a_file_that_only_holds_a_place_goes(self, where, draft):
        at_work = turn_on(where, STORE)
        kept = where.kept / "readings" / "one" / "draft.json"
        (kept.parent / "in-use").touch()
        kept.write_bytes(kept.read_bytes()[:-1])
        assert turn_off(at_work) == (0, 1)
        assert [path.name for path in kept.parent.iterdir()] == ["draft.json"]
        assert not draft.exists()

    def test_only_without_accounts_and_by_who_is_at_work(self, where, draft):
        at_work = turn_on(where, STORE)
        at_work.close()
        with pytest.raises(AccountError):
            turn_off(at_work)
        with_accounts, _ = set_up_accounts(where, "anna", "", PASSWORD, STORE)
        take_in(where, ("readings",))
        with pytest.raises(AccountError):
            turn_off(with_accounts)
        assert where.protection is Protection.ACCOUNTS
        assert not draft.exists()
        with_accounts.close()

    def test_a_failure_leaves_it_on(self, where, draft, monkeypatch):
        at_work = turn_on(where, STORE)

        def fails(*_):
            raise OSError(28, "no space")

        monkeypatch.setattr(key_store_archive, "give_back", fails)
        with pytest.raises(OSError, match="no space"):
            turn_off(at_work)
        assert where.protection is Protection.KEY_STORE
        assert opened(where.kept / "readings" / "one" / "draft.json") == PLANTED
        at_work.close()

    def test_what_was_given_back_halfway_is_taken_in_again(self, where, draft):
        at_work = turn_on(where, STORE)
        give_back(where, ("readings",))
        at_work.close()
        again = open_with_key_store(where, STORE)
        take_in(where, ("readings",))
        assert where_planted(where) == []
        again.close()

    def test_accounts_take_over_what_was_turned_off(self, where, keyring):
        at_work = turn_on(where, STORE)
        identifier = keep(at_work, Opened((FILM_SAMPLE,), PatientFacts(name="Doe"))).identifier
        turn_off(at_work)
        made, _ = set_up_accounts(where, "anna", "", PASSWORD, STORE)
        assert made.archive.get(identifier)
        assert (keyring.kept, where.turned_off.exists()) == ({}, False)
        made.close()

    def test_accounts_make_no_second_archive_over_one_whose_key_is_gone(self, where, keyring):
        turn_off(turn_on(where, STORE))
        keyring.kept.clear()
        with pytest.raises(NoKeyStoreError):
            set_up_accounts(where, "anna", "", PASSWORD, STORE)
        assert not where.accounts.exists()


class TestWithoutItsKey:
    def test_it_can_be_put_off_and_comes_back_with_the_key(self, where, keyring, draft):
        closed(turn_on(where, STORE))
        kept = dict(keyring.kept)
        keyring.kept.clear()
        with pytest.raises(NoKeyStoreError):
            open_with_key_store(where, STORE)
        set_aside(where)
        assert where.is_turned_off
        with pytest.raises(NoKeyStoreError):
            turn_on(where, STORE)
        assert where.is_turned_off
        keyring.kept.update(kept)
        again = turn_on(where, STORE)
        assert opened(where.kept / "readings" / "one" / "draft.json") == PLANTED
        again.close()


class TestCommands:
    @pytest.fixture
    def run(self, where, monkeypatch, capsys):
        def run(*words):
            monkeypatch.setattr("sys.stdin", io.StringIO(""))
            code = run_command([*words, "--profile-dir", str(where.profile)])
            told = capsys.readouterr()
            return code, told.out, told.err

        return run

    def test_on_and_off(self, run, where, draft):
        assert run("archive", "set-up")[0] == 0
        assert where_planted(where) == []
        code, _, err = run("archive", "set-up")
        assert (code, "already" in err) == (2, True)
        code, out, _ = run("archive", "turn-off")
        assert (code, out) == (0, "Encryption is off: 1 file lies in the profile as they are.\n")
        assert draft.read_bytes() == PLANTED
        assert run("archive", "turn-off")[0] == 2
        assert run("archive", "set-up")[0] == 0
        assert where_planted(where) == []

    def test_commands_open_it_by_the_key_store(self, run, where, keyring):
        run("archive", "set-up")
        assert run("reading", "show", str(FILM_SAMPLE))[1:] == (
            "", "No reading of this image is saved in the profile.\n",
        )  # fmt: skip
        keyring.is_locked = True
        code, out, err = run("reading", "show", str(FILM_SAMPLE))
        assert (code, out, "key store is locked" in err) == (1, "", True)


def test_the_trail_knows_who_turned_it_on(where):
    at_work = turn_on(where, STORE)
    events = [event for _, event in at_work.events()]
    assert events[0].kind is EventKind.USER_ADMINISTRATION
    assert events[0].user == at_work.person.name
    at_work.close()
