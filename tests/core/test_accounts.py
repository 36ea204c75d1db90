"""Accounts: what opens, what does not, and what a change of the files gives away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.accounts import book as book_module
from spinealign.accounts.attempts import (
    FREE_ATTEMPTS,
    LONGEST_PAUSE_S,
    AttemptLog,
    pause_s,
)
from spinealign.accounts.book import (
    AccountBook,
    NewBook,
    Right,
    Role,
    create_book,
    password_problem,
)
from spinealign.accounts.keys import (
    LEAST_COST,
    PasswordCost,
    WrongKeyError,
    calibrated_cost,
    derived,
    new_key,
    sub_keys,
    unwrap,
    wrap,
)
from spinealign.accounts.recovery import printed, typed
from spinealign.domain.protection import AccountError, AccountProblem, RecoveryKeyError

PASSWORD = "correct horse battery"
SECOND = "staple of the other one"


def cheap() -> PasswordCost:
    return PasswordCost(1, 8, 1)


@pytest.fixture
def new(tmp_path: Path) -> NewBook:
    return create_book(tmp_path / "accounts.json", "anna", "Dr. Anna Muster", PASSWORD, cheap)


def reopened(folder: Path) -> AccountBook:
    return AccountBook(folder / "accounts.json", cheap)


def refused(action: object, *arguments: object) -> AccountProblem:
    with pytest.raises(AccountError) as raised:
        action(*arguments)  # type: ignore[operator]
    return raised.value.problem


class TestSigningIn:
    def test_the_right_password_opens_the_data_key(self, new: NewBook, tmp_path: Path) -> None:
        signed_in = reopened(tmp_path).sign_in("anna", PASSWORD)
        assert signed_in.data_key == new.administrator.data_key
        assert signed_in.account.full_name == "Dr. Anna Muster"

    def test_capital_letters_of_a_name_do_not_matter(self, new: NewBook, tmp_path: Path) -> None:
        assert reopened(tmp_path).sign_in("ANNA", PASSWORD).account.name == "anna"

    def test_a_password_is_the_same_from_every_keyboard(self, tmp_path: Path) -> None:
        composed, decomposed = "Schl\u00fcssel-Bund", "Schlu\u0308ssel-Bund"
        create_book(tmp_path / "accounts.json", "b", "", composed, cheap)
        assert reopened(tmp_path).sign_in("b", decomposed).account.name == "b"

    @pytest.mark.parametrize(
        ("name", "password"), [("anna", "wrong horse"), ("nobody", PASSWORD), ("", "")]
    )
    def test_what_is_wrong_is_not_told(
        self, name: str, password: str, new: NewBook, tmp_path: Path
    ) -> None:
        problem = refused(reopened(tmp_path).sign_in, name, password)
        assert problem is AccountProblem.WRONG_NAME_OR_PASSWORD

    def test_a_name_that_does_not_exist_costs_as_much(
        self, new: NewBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        costs: list[PasswordCost] = []
        real = book_module.password_key

        def counted(password: str, salt: bytes, cost: PasswordCost) -> bytes:
            costs.append(cost)
            return real(password, salt, cost)

        monkeypatch.setattr(book_module, "password_key", counted)
        refused(reopened(tmp_path).sign_in, "nobody", "wrong horse")
        refused(reopened(tmp_path).sign_in, "anna", "wrong horse")
        assert costs == [cheap(), cheap()]

    def test_no_password_and_no_key_stands_in_the_file(self, new: NewBook, tmp_path: Path) -> None:
        content = (tmp_path / "accounts.json").read_bytes()
        for secret in (PASSWORD.encode(), new.administrator.data_key, new.recovery_key):
            assert secret not in content
            assert secret.hex().encode() not in content

    def test_a_dropped_key_is_gone(self, new: NewBook) -> None:
        new.administrator.drop()
        assert refused(lambda: new.administrator.data_key) is AccountProblem.NOT_ALLOWED


class TestTampering:
    @pytest.mark.parametrize("place", ["roles", "full_name", "must_change", "cost"])
    def test_a_changed_account_is_noticed(self, place: str, new: NewBook, tmp_path: Path) -> None:
        new.book.add(new.administrator, "bert", "Bert", [Role.VIEWER], SECOND)
        path = tmp_path / "accounts.json"
        content = json.loads(path.read_text())
        content["accounts"][1][place] = {
            "roles": ["administrator"],
            "full_name": "Prof. Bert",
            "must_change": False,
            "cost": {"passes": 2, "memory_kib": 8, "lanes": 1},
        }[place]
        path.write_text(json.dumps(content))
        assert refused(reopened(tmp_path).sign_in, "anna", PASSWORD) is AccountProblem.FILE_CHANGED

    def test_an_account_cannot_be_put_in_from_elsewhere(self, new: NewBook, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        create_book(tmp_path / "other" / "accounts.json", "eve", "Eve", SECOND, cheap)
        path = tmp_path / "accounts.json"
        content = json.loads(path.read_text())
        other = json.loads((tmp_path / "other" / "accounts.json").read_text())
        content["accounts"].append(other["accounts"][0])
        path.write_text(json.dumps(content))
        problem = refused(reopened(tmp_path).sign_in, "eve", SECOND)
        assert problem is AccountProblem.WRONG_NAME_OR_PASSWORD

    def test_a_renamed_account_opens_nothing(self, new: NewBook, tmp_path: Path) -> None:
        path = tmp_path / "accounts.json"
        path.write_text(path.read_text().replace('"anna"', '"eve"'))
        problem = refused(reopened(tmp_path).sign_in, "eve", PASSWORD)
        assert problem is AccountProblem.WRONG_NAME_OR_PASSWORD

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"accounts": []}'])
    def test_a_damaged_file_is_told(self, content: bytes, new: NewBook, tmp_path: Path) -> None:
        (tmp_path / "accounts.json").write_bytes(content)
        assert refused(reopened, tmp_path) is AccountProblem.FILE_UNREADABLE


class TestAdministration:
    def test_a_new_account_opens_the_same_key(self, new: NewBook, tmp_path: Path) -> None:
        new.book.add(new.administrator, "bert", "Bert", [Role.VIEWER], SECOND)
        signed_in = reopened(tmp_path).sign_in("bert", SECOND)
        assert signed_in.data_key == new.administrator.data_key
        assert signed_in.account.must_change
        changed = reopened(tmp_path).change_password("bert", SECOND, "a third one for him")
        assert not changed.account.must_change
        refused(reopened(tmp_path).sign_in, "bert", SECOND)
        assert reopened(tmp_path).sign_in("bert", "a third one for him").data_key

    def test_only_an_administrator_manages(self, new: NewBook, tmp_path: Path) -> None:
        new.book.add(new.administrator, "bert", "Bert", [Role.READER], SECOND)
        bert = new.book.sign_in("bert", SECOND)
        before = (tmp_path / "accounts.json").read_bytes()
        actions = [
            (new.book.add, bert, "c", "C", [Role.VIEWER], SECOND),
            (new.book.remove, bert, "anna"),
            (new.book.set_roles, bert, "bert", [Role.ADMINISTRATOR]),
            (new.book.reset_password, bert, "anna", SECOND),
            (new.book.renew_recovery_key, bert),
        ]
        for action, *arguments in actions:
            assert refused(action, *arguments) is AccountProblem.NOT_ALLOWED
        assert (tmp_path / "accounts.json").read_bytes() == before

    def test_the_last_administrator_stays(self, new: NewBook, tmp_path: Path) -> None:
        before = (tmp_path / "accounts.json").read_bytes()
        problem = AccountProblem.LAST_ADMINISTRATOR
        assert refused(new.book.remove, new.administrator, "anna") is problem
        assert refused(new.book.set_roles, new.administrator, "anna", [Role.READER]) is problem
        with pytest.raises(AccountError) as raised:
            new.book.set_roles(new.administrator, "ANNA", [Role.READER])
        assert raised.value.name == "anna"
        assert (tmp_path / "accounts.json").read_bytes() == before
        assert new.book.sign_in("anna", PASSWORD).account.may(Right.MANAGE_ACCOUNTS)

    def test_who_was_removed_signs_in_no_more(self, new: NewBook, tmp_path: Path) -> None:
        new.book.add(new.administrator, "bert", "Bert", [Role.VIEWER], SECOND)
        new.book.remove(new.administrator, "bert")
        refused(reopened(tmp_path).sign_in, "bert", SECOND)
        assert reopened(tmp_path).sign_in("anna", PASSWORD).data_key

    def test_a_reset_password_has_to_be_changed(self, new: NewBook) -> None:
        new.book.add(new.administrator, "bert", "Bert", [Role.VIEWER], SECOND)
        new.book.change_password("bert", SECOND, "a third one for him")
        new.book.reset_password(new.administrator, "bert", "given by anna")
        assert new.book.sign_in("bert", "given by anna").account.must_change

    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("ANNA", AccountProblem.NAME_TAKEN),
            ("", AccountProblem.NAME_NOT_ALLOWED),
            ("a b", AccountProblem.NAME_NOT_ALLOWED),
            ("x" * 65, AccountProblem.NAME_NOT_ALLOWED),
        ],
    )
    def test_names(self, name: str, problem: AccountProblem, new: NewBook) -> None:
        arguments = (new.administrator, name, "", [Role.VIEWER], SECOND)
        assert refused(new.book.add, *arguments) is problem

    def test_an_account_has_a_role(self, new: NewBook) -> None:
        arguments = (new.administrator, "bert", "", [], SECOND)
        assert refused(new.book.add, *arguments) is AccountProblem.NO_ROLE

    def test_accounts_are_set_up_once(self, new: NewBook, tmp_path: Path) -> None:
        with pytest.raises(FileExistsError):
            create_book(tmp_path / "accounts.json", "eve", "", SECOND, cheap)

    def test_roles_have_their_rights(self, new: NewBook) -> None:
        book = new.book
        viewer = book.add(new.administrator, "v", "", [Role.VIEWER], SECOND)
        reader = book.add(new.administrator, "r", "", [Role.READER], SECOND)
        manager = book.add(new.administrator, "m", "", [Role.ADMINISTRATOR], SECOND)
        assert [each.may(Right.SIGN) for each in (viewer, reader, manager)] == [False, True, False]
        assert [each.may(Right.CHANGE) for each in (viewer, reader, manager)] == [
            False,
            True,
            False,
        ]
        assert all(each.may(Right.VIEW) for each in (viewer, reader, manager))
        assert [each.may(Right.READ_AUDIT_TRAIL) for each in (viewer, reader, manager)] == [
            False,
            False,
            True,
        ]


class TestRecovery:
    def test_the_printed_key_gives_a_new_password(self, new: NewBook, tmp_path: Path) -> None:
        paper = printed(new.recovery_key)
        recovered = reopened(tmp_path).recover(typed(paper.lower()), "anna", SECOND)
        assert recovered.data_key == new.administrator.data_key
        assert reopened(tmp_path).sign_in("anna", SECOND).account.may(Right.MANAGE_ACCOUNTS)
        refused(reopened(tmp_path).sign_in, "anna", PASSWORD)

    def test_another_key_gives_nothing(self, new: NewBook) -> None:
        problem = refused(new.book.recover, new_key(), "anna", SECOND)
        assert problem is AccountProblem.WRONG_RECOVERY_KEY

    def test_a_renewed_key_takes_the_place_of_the_earlier_one(self, new: NewBook) -> None:
        renewed = new.book.renew_recovery_key(new.administrator)
        refused(new.book.recover, new.recovery_key, "anna", SECOND)
        assert new.book.recover(renewed, "anna", SECOND).data_key

    @given(key=st.binary(min_size=32, max_size=32))
    def test_there_and_back(self, key: bytes) -> None:
        assert typed(printed(key)) == key
        assert typed(printed(key).replace("-", " ").replace("O", "0").lower()) == key

    @given(key=st.binary(min_size=32, max_size=32), data=st.data())
    def test_a_wrong_letter_is_noticed(self, key: bytes, data: st.DataObject) -> None:
        letters = printed(key)
        places = [place for place, letter in enumerate(letters) if letter != "-"]
        place = data.draw(st.sampled_from(places))
        letter = data.draw(st.sampled_from(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")))
        changed = letters[:place] + letter + letters[place + 1 :]
        if letter == letters[place]:
            return
        with pytest.raises(RecoveryKeyError):
            typed(changed)

    @pytest.mark.parametrize("text", ["", "AAAA", "nothing of the kind!", "é" * 56])
    def test_nonsense_is_refused(self, text: str) -> None:
        with pytest.raises(RecoveryKeyError):
            typed(text)


class TestKeys:
    def test_a_wrapped_key_opens_for_its_own_use_only(self) -> None:
        key, with_key = new_key(), new_key()
        wrapped = wrap(key, with_key, "a")
        assert unwrap(wrapped, with_key, "a") == key
        for other_key, use in ((new_key(), "a"), (with_key, "b")):
            with pytest.raises(WrongKeyError):
                unwrap(wrapped, other_key, use)

    def test_keys_of_each_use_differ(self) -> None:
        key = new_key()
        keys = sub_keys(key, "one")
        every = {keys.database, keys.files, keys.audit, keys.accounts, key}
        assert len(every) == 5
        assert sub_keys(key, "one") == keys
        assert sub_keys(key, "two").database not in every
        assert len(derived(key, "x")) == 32

    def test_the_cost_is_never_below_the_least(self) -> None:
        cost = calibrated_cost(least_seconds=0.0, most_seconds=1e-9)
        assert cost == LEAST_COST

    @pytest.mark.parametrize("one", [0.05, 0.14, 0.3, 0.4, 0.6, 0.9])
    def test_a_password_takes_as_long_as_was_asked(self, one, monkeypatch) -> None:
        cold = iter([5 * one])  # the first one loads what the others find loaded
        monkeypatch.setattr(
            "spinealign.accounts.keys._seconds", lambda cost: next(cold, one * cost.passes)
        )
        assert 0.5 <= calibrated_cost().passes * one <= 1.0

    def test_the_cost_grows_with_the_time_that_is_allowed(self) -> None:
        cost = calibrated_cost(0.3, 0.6)
        work = cost.passes * cost.memory_kib
        assert work >= LEAST_COST.passes * LEAST_COST.memory_kib


class TestPasswords:
    @pytest.mark.parametrize(
        ("password", "problem"),
        [
            ("short", AccountProblem.PASSWORD_TOO_SHORT),
            ("", AccountProblem.PASSWORD_TOO_SHORT),
            ("Password1", AccountProblem.PASSWORD_COMMON),
            ("xxxxxxxxxxxx", AccountProblem.PASSWORD_COMMON),
            ("anna.muster1", AccountProblem.PASSWORD_HAS_NAME),
            ("x y" * 400, AccountProblem.PASSWORD_TOO_LONG),
            ("long enough", None),
            ("密码密码密码密码", None),
        ],
    )
    def test_what_is_taken(self, password: str, problem: AccountProblem | None) -> None:
        assert password_problem(password, "anna.muster") is problem


class Clocks:
    """Two clocks: one that can be set, one that cannot."""

    def __init__(self) -> None:
        self.wall, self.ticks = 1_000_000.0, 50.0

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.ticks += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def log(folder: Path, clocks: Clocks) -> AttemptLog:
    return AttemptLog(folder / "attempts.json", lambda: clocks.wall, lambda: clocks.ticks)


class TestPauses:
    def test_pauses_grow_to_a_limit(self) -> None:
        pauses = [pause_s(failures) for failures in range(40)]
        assert pauses[:FREE_ATTEMPTS] == [0.0] * FREE_ATTEMPTS
        assert pauses[FREE_ATTEMPTS : FREE_ATTEMPTS + 3] == [5.0, 10.0, 20.0]
        assert pauses == sorted(pauses)
        assert pauses[-1] == LONGEST_PAUSE_S

    def test_a_pause_passes_and_outlives_a_restart(self, tmp_path: Path, clocks: Clocks) -> None:
        for _ in range(4):
            log(tmp_path, clocks).failed("anna")
        assert log(tmp_path, clocks).seconds_to_wait("anna") == 10.0
        assert log(tmp_path, clocks).seconds_to_wait("bert") == 0.0
        clocks.passes(4)
        assert log(tmp_path, clocks).seconds_to_wait("anna") == 6.0
        clocks.passes(7)
        assert log(tmp_path, clocks).seconds_to_wait("anna") == 0.0

    def test_a_right_password_ends_it(self, tmp_path: Path, clocks: Clocks) -> None:
        for _ in range(4):
            log(tmp_path, clocks).failed("anna")
        log(tmp_path, clocks).succeeded("anna")
        assert log(tmp_path, clocks).seconds_to_wait("anna") == 0.0

    def test_a_clock_that_was_set_back_shortens_nothing(
        self, tmp_path: Path, clocks: Clocks
    ) -> None:
        attempts = log(tmp_path, clocks)
        for _ in range(4):
            attempts.failed("anna")
        clocks.passes(9)
        clocks.wall -= 86_400
        assert attempts.is_clock_set_back()
        assert log(tmp_path, clocks).seconds_to_wait("anna") == 10.0
        clocks.passes(6)
        assert log(tmp_path, clocks).seconds_to_wait("anna") == 4.0
        clocks.passes(4)
        assert log(tmp_path, clocks).seconds_to_wait("anna") == 0.0

    def test_a_clock_that_was_set_forward_lengthens_nothing(
        self, tmp_path: Path, clocks: Clocks
    ) -> None:
        attempts = log(tmp_path, clocks)
        for _ in range(4):
            attempts.failed("anna")
        clocks.wall -= 60  # within what a server of time sets right
        assert not attempts.is_clock_set_back()
        assert attempts.seconds_to_wait("anna") == 10.0

    def test_a_damaged_file_locks_nobody_out(self, tmp_path: Path, clocks: Clocks) -> None:
        (tmp_path / "attempts.json").write_text("{")
        assert log(tmp_path, clocks).seconds_to_wait("anna") == 0.0
