"""Signing in as the user of the operating system, with a key store in memory."""

from __future__ import annotations

import getpass
import io
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from spinealign import protected_folders
from spinealign.accounts.book import Account, AccountsFile, Role
from spinealign.accounts.key_store import ARCHIVE, KeyStore
from spinealign.accounts.keys import LEAST_COST
from spinealign.audit.events import EventKind, Outcome
from spinealign.cli.main import run_command
from spinealign.domain.protection import AccountError, AccountProblem
from spinealign.vault import administration, place, session, system_account
from spinealign.vault.place import Place
from spinealign.vault.session import Session, set_up_accounts, sign_in
from spinealign.vault.system_account import (
    account_of,
    allow,
    bring_key_up_to_date,
    forbid,
    secret_name,
    sign_in_as_system_user,
    system_user,
    unlock_as_system_user,
)
from spinealign.wording.archive import account_line
from tests.keyrings import FakeKeyring, use

PASSWORD, OTHER = "correct horse battery", "another horse battery"
STORE = KeyStore(ARCHIVE)


@pytest.fixture(autouse=True)
def at_work_as_ward(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (place, session):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)
    monkeypatch.setattr(system_account, "system_user", lambda: "ward")


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> FakeKeyring:
    return use(monkeypatch)


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Place]:
    here = Place.of_profile(tmp_path / "profile")
    yield here
    for folder in (here.files, here.kept):
        protected_folders.release(folder)


@pytest.fixture
def anna(where: Place, keyring: FakeKeyring) -> Iterator[Session]:
    """Signed in as an administrator; bob looks only and has a password of his own."""
    made, _ = set_up_accounts(where, "anna", "Dr. Anna", PASSWORD)
    administration.add_account(made, "bob", "Bob", [Role.VIEWER], OTHER)
    bob = sign_in(where, "bob", OTHER)
    administration.change_password(bob, OTHER, PASSWORD)
    bob.close()
    again = sign_in(where, "anna", PASSWORD)
    yield again
    again.close()
    made.close()


def problem_of(error: pytest.ExceptionInfo[AccountError]) -> AccountProblem:
    return error.value.problem


def accounts(where: Place) -> dict[str, Account]:
    return {account.name: account for account in where.book().accounts}


class TestAllowed:
    def test_the_key_for_who_is_at_work_now_is_made_at_once(self, where, anna, keyring):
        account = allow(anna, STORE, "bob", "Ward")
        assert account.system_sign_in.key is not None
        assert list(keyring.kept) == [(ARCHIVE, secret_name(anna.identifier, "bob"))]
        [secret] = keyring.kept.values()
        assert secret not in where.accounts.read_text()
        anna.close()
        bob = sign_in_as_system_user(where, STORE, "bob")
        assert (bob.person.name, bob.person.full_name) == ("bob", "Bob")
        assert bob.archive.connection
        bob.close()

    def test_for_another_user_when_that_one_typed_the_password(
        self, where, anna, keyring, monkeypatch
    ):
        account = allow(anna, STORE, "bob", "bobs-own")
        assert (account.system_sign_in.key, keyring.kept) == (None, {})
        assert account_of(where.book().accounts, "bobs-own") is None
        anna.close()
        other = sign_in(where, "bob", PASSWORD)
        bring_key_up_to_date(other, STORE)
        assert keyring.kept == {}
        other.close()
        monkeypatch.setattr(system_account, "system_user", lambda: "bobs-own")
        bob = sign_in(where, "bob", PASSWORD)
        bring_key_up_to_date(bob, STORE)
        bob.close()
        assert len(keyring.kept) == 1
        sign_in_as_system_user(where, STORE, "bob").close()

    def test_only_by_an_administrator(self, where, anna, keyring):
        bob = sign_in(where, "bob", PASSWORD)
        for act in (lambda: allow(bob, STORE, "bob", "ward"), lambda: forbid(bob, STORE, "anna")):
            with pytest.raises(AccountError) as raised:
                act()
            assert problem_of(raised) is AccountProblem.NOT_ALLOWED
        assert keyring.kept == {}

    def test_one_user_of_the_system_is_one_account(self, anna):
        allow(anna, STORE, "bob", "ward")
        with pytest.raises(AccountError) as raised:
            allow(anna, STORE, "anna", "WARD")
        assert (problem_of(raised), raised.value.name) == (AccountProblem.SYSTEM_USER_TAKEN, "bob")

    def test_without_a_key_store_nothing_changes(self, where, anna, monkeypatch):
        use(monkeypatch, is_there=False)
        before = where.accounts.read_bytes()
        with pytest.raises(AccountError) as raised:
            allow(anna, STORE, "bob", "ward")
        assert problem_of(raised) is AccountProblem.NO_KEY_STORE
        assert where.accounts.read_bytes() == before

    def test_files_of_earlier_programs_verify(self, where, anna):
        assert b"system" not in where.accounts.read_bytes()
        sign_in(where, "anna", PASSWORD).close()
        allow(anna, STORE, "bob", "ward")
        forbid(anna, STORE, "bob")
        assert b"system" not in where.accounts.read_bytes()
        sign_in(where, "anna", PASSWORD).close()


class TestRefused:
    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ("another user", AccountProblem.NO_SYSTEM_SIGN_IN),
            ("another account", AccountProblem.NO_SYSTEM_SIGN_IN),
            ("key lost", AccountProblem.SYSTEM_KEY_MISSING),
            ("key changed", AccountProblem.SYSTEM_KEY_MISSING),
            ("no key", AccountProblem.SYSTEM_KEY_MISSING),
            ("locked", AccountProblem.SYSTEM_KEY_MISSING),
            ("password given", AccountProblem.NO_SYSTEM_SIGN_IN),
            ("taken back", AccountProblem.NO_SYSTEM_SIGN_IN),
            ("removed", AccountProblem.NO_SUCH_ACCOUNT),
        ],
    )
    def test_and_noted_for_the_trail(self, where, anna, keyring, monkeypatch, change, problem):
        allow(anna, STORE, "bob", "ward")
        [(place_of_key, secret)] = keyring.kept.items()
        if change == "another user":
            monkeypatch.setattr(system_account, "system_user", lambda: "guest")
        elif change == "key lost":
            keyring.kept.clear()
        elif change == "key changed":
            keyring.kept[place_of_key] = f"{int(secret, 16) ^ 1:064x}"
        elif change == "no key":
            keyring.kept[place_of_key] = "no key"
        elif change == "locked":
            keyring.is_locked = True
        elif change == "password given":
            administration.reset_password(anna, "bob", OTHER)
        elif change == "taken back":
            forbid(anna, STORE, "bob")
        elif change == "removed":
            administration.remove_account(anna, "bob", STORE)
        anna.close()
        name = "anna" if change == "another account" else "bob"
        with pytest.raises(AccountError) as raised:
            sign_in_as_system_user(where, STORE, name)
        assert problem_of(raised) is problem
        again = sign_in(where, "anna", PASSWORD)
        failed = [event for _, event in again.events() if event.outcome is Outcome.MINOR_FAILURE]
        assert [(event.kind, event.description) for event in failed] == [
            (EventKind.LOGIN, problem.value)
        ]
        again.close()

    def test_a_wrapped_key_of_another_account_opens_nothing(self, where, anna, keyring):
        """A file that was changed by hand, with bob's wrapped key as anna's."""
        allow(anna, STORE, "bob", "ward")
        [secret] = keyring.kept.values()
        content = msgspec.json.decode(where.accounts.read_bytes(), type=AccountsFile)
        first, second = content.accounts
        swapped = (
            msgspec.structs.replace(first, system=second.system),
            msgspec.structs.replace(second, system=msgspec.UNSET),
        )
        where.accounts.write_bytes(
            msgspec.json.encode(msgspec.structs.replace(content, accounts=swapped))
        )
        keyring.kept[ARCHIVE, secret_name(anna.identifier, "anna")] = secret
        with pytest.raises(AccountError) as raised:
            sign_in_as_system_user(where, STORE, "anna")
        assert problem_of(raised) is AccountProblem.SYSTEM_KEY_MISSING

    def test_a_file_that_was_changed_opens_nothing(self, where, anna):
        allow(anna, STORE, "bob", "ward")
        content = where.accounts.read_bytes()
        where.accounts.write_bytes(content.replace(b'"is_always":false', b'"is_always":true'))
        with pytest.raises(AccountError) as raised:
            sign_in_as_system_user(where, STORE, "bob")
        assert problem_of(raised) is AccountProblem.FILE_CHANGED


class TestTakenBack:
    @pytest.mark.parametrize("way", ["option", "account", "another user"])
    def test_the_key_store_forgets(self, where, anna, keyring, way):
        allow(anna, STORE, "bob", "ward")
        if way == "option":
            assert forbid(anna, STORE, "bob").system_sign_in is None
        elif way == "account":
            administration.remove_account(anna, "BOB", STORE)
        else:
            allow(anna, STORE, "bob", "bobs-own")
            assert accounts(where)["bob"].system_sign_in.key is None
        assert keyring.kept == {}

    def test_a_password_changed_or_set_anew_leaves_it(self, where, anna, keyring):
        allow(anna, STORE, "anna", "ward")
        administration.change_password(anna, PASSWORD, OTHER)
        sign_in_as_system_user(where, STORE, "anna").close()
        administration.set_roles(anna, "anna", [Role.ADMINISTRATOR, Role.VIEWER])
        sign_in_as_system_user(where, STORE, "anna").close()

    def test_a_lost_key_is_made_anew_by_the_password(self, where, anna, keyring):
        allow(anna, STORE, "anna", "ward")
        keyring.kept.clear()
        again = sign_in(where, "anna", PASSWORD)
        bring_key_up_to_date(again, STORE)
        again.close()
        sign_in_as_system_user(where, STORE, "anna").close()

    def test_a_key_that_is_there_is_not_made_anew(self, where, anna, keyring):
        allow(anna, STORE, "anna", "ward")
        before = dict(keyring.kept)
        again = sign_in(where, "anna", PASSWORD)
        bring_key_up_to_date(again, STORE)
        assert keyring.kept == before


class TestLocked:
    @pytest.mark.parametrize("is_always", [True, False])
    def test_only_where_that_is_allowed_always(self, where, anna, is_always):
        allow(anna, STORE, "anna", "ward", is_always=is_always)
        anna.lock()
        known = account_of(where.book().accounts, "ward", is_beginning=False)
        assert (known is not None) is is_always
        if is_always:
            unlock_as_system_user(anna, STORE)
            assert not anna.is_locked
            return
        with pytest.raises(AccountError) as raised:
            unlock_as_system_user(anna, STORE)
        assert problem_of(raised) is AccountProblem.NO_SYSTEM_SIGN_IN
        assert anna.is_locked
        anna.unlock(PASSWORD)

    def test_signing_asks_for_the_password_all_the_same(self, where, anna):
        allow(anna, STORE, "anna", "ward", is_always=True)
        again = sign_in_as_system_user(where, STORE, "anna")
        with pytest.raises(AccountError):
            again.confirm("wrong password")
        again.confirm(PASSWORD)
        again.close()


def test_the_trail_says_how_somebody_signed_in(where, anna):
    allow(anna, STORE, "anna", "ward", is_always=True)
    anna.close()
    again = sign_in_as_system_user(where, STORE, "anna")
    again.lock()
    unlock_as_system_user(again, STORE)
    again.lock()
    again.unlock(PASSWORD)
    told = [
        (event.kind, event.description)
        for _, event in again.events()
        if event.kind in (EventKind.LOGIN, EventKind.UNLOCK, EventKind.USER_ADMINISTRATION)
    ]
    assert told[-6:] == [
        (EventKind.LOGIN, "password"),
        (EventKind.USER_ADMINISTRATION, "may sign in as system user ward, always"),
        (EventKind.USER_ADMINISTRATION, "key of the system user made"),
        (EventKind.LOGIN, "system user ward"),
        (EventKind.UNLOCK, "system user ward"),
        (EventKind.UNLOCK, "password"),
    ]
    again.close()


def test_the_user_is_the_one_of_the_process_not_of_the_environment(monkeypatch):
    monkeypatch.undo()
    real = system_user()
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.setenv("USER", "somebody-else")
    assert getpass.getuser() == "somebody-else"
    assert system_user() == real != "somebody-else"


class TestCommands:
    @pytest.fixture
    def run(self, where, tmp_path, monkeypatch, capsys):
        (tmp_path / "pw").write_text(f"{PASSWORD}\n")

        def run(*words, user="anna", signs_in=True):
            monkeypatch.setattr("sys.stdin", io.StringIO(""))
            name = ("--user", user, "--password-file", str(tmp_path / "pw")) if signs_in else ()
            code = run_command([*words, "--profile-dir", str(where.profile), *name])
            told = capsys.readouterr()
            return code, told.out, told.err

        return run

    def test_allowed_used_and_taken_back(self, where, anna, keyring, run):
        anna.close()
        code, out, _ = run("accounts", "system-user", "anna")
        assert (code, "signs in as system user “ward”\n" in out) == (0, True)
        assert run("accounts", "list", "--system-user", signs_in=False)[0] == 0
        code, out, _ = run("accounts", "system-user", "anna", "--remove")
        assert (code, "system user" in out, keyring.kept) == (0, False, {})
        code, _, err = run("accounts", "list", "--system-user", signs_in=False)
        assert (code, "does not sign in with this computer's account" in err) == (1, True)

    def test_of_another_user_and_always(self, anna, run):
        anna.close()
        out = run("accounts", "system-user", "bob", "--as", "bobs-own", "--always")[1]
        assert out == (
            "bob (Bob): viewer; signs in as system user “bobs-own”, also after locking, once it "
            "signed in there with its password\n"
        )

    def test_wrong_use(self, anna, run, monkeypatch):
        anna.close()
        assert run("accounts", "system-user", "bob", "--remove", "--always")[0] == 2
        use(monkeypatch, is_there=False)
        code, _, err = run("accounts", "system-user", "bob")
        assert (code, "has no key store" in err) == (1, True)

    def test_removing_an_account_forgets_its_key(self, anna, keyring, run):
        allow(anna, STORE, "bob", "ward")
        anna.close()
        assert run("accounts", "remove", "bob")[0] == 0
        assert keyring.kept == {}


def test_accounts_without_it_are_told_as_before(where, anna):
    assert account_line(accounts(where)["bob"]) == "bob (Bob): viewer"
