"""Signing in as the user of the system, in the window by mouse and keys."""

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from spinealign import protected_folders
from spinealign.accounts.book import Role
from spinealign.accounts.key_store import ARCHIVE, KeyStore
from spinealign.accounts.keys import LEAST_COST
from spinealign.audit.events import EventKind
from spinealign.domain.protection import AccountProblem
from spinealign.ui.vault import accounts_dialog, keeper
from spinealign.ui.vault.accounts_dialog import AccountsDialog
from spinealign.ui.vault.sign_in_dialog import SignInDialog, UnlockDialog
from spinealign.ui.vault.system_user_dialog import SystemUserDialog
from spinealign.vault import administration, place, session, system_account
from spinealign.vault.place import Place
from spinealign.vault.session import set_up_accounts, sign_in
from spinealign.vault.system_account import allow
from spinealign.wording.accounts_window import SYSTEM_USER_MISSING
from spinealign.wording.protection import ACCOUNT_WORDS
from tests.keyrings import use

LEFT = Qt.MouseButton.LeftButton
PASSWORD, OTHER = "correct horse battery", "another horse battery"
STORE = KeyStore(ARCHIVE)


@pytest.fixture(autouse=True)
def at_work_as_ward(monkeypatch):
    for module in (place, session):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)
    for module in (system_account, keeper, accounts_dialog):
        monkeypatch.setattr(module, "system_user", lambda: "ward")


@pytest.fixture
def keyring(monkeypatch):
    return use(monkeypatch)


@pytest.fixture
def where(tmp_path):
    here = Place.of_profile(tmp_path / "profile")
    yield here
    for folder in (here.files, here.kept):
        protected_folders.release(folder)


@pytest.fixture
def accounts(where, keyring):
    """Anna, who administers and reads, and bob, who looks; nobody is signed in."""
    made, _ = set_up_accounts(where, "anna", "Dr. Anna & Co", PASSWORD)
    administration.add_account(made, "bob", "Bob Viewer", [Role.VIEWER], OTHER)
    yield made
    made.close()


@pytest.fixture
def start(qtbot, open_window):
    def begin():
        window = open_window()
        window.start()
        return window

    return begin


def the(kind):
    [found] = [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]
    return found


def is_there(kind):
    return any(isinstance(w, kind) and w.isVisible() for w in QApplication.topLevelWidgets())


def press(button):
    QTest.mouseClick(button, LEFT)


def press_box(box):
    QTest.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))


def enter(qtbot, window, kind=SignInDialog):
    dialog = the(kind)
    QTest.keyClicks(dialog.password.line, PASSWORD)
    with qtbot.waitSignal(window.accounts.keeper.entered):
        press(dialog.enter)


def choose(dialog, place_in_list):
    rect = dialog.rows.visualItemRect(dialog.rows.topLevelItem(place_in_list))
    QTest.mouseClick(dialog.rows.viewport(), LEFT, pos=rect.center())


def known(qtbot, dialog):
    """Wait until it is known whether there is a key store."""
    qtbot.waitUntil(lambda: "Looking" not in dialog.system.toolTip())


class TestAllowing:
    @pytest.fixture
    def dialog(self, qtbot, accounts, start):
        accounts.close()
        window = start()
        enter(qtbot, window)
        window.actions_by_name["accounts"].trigger()
        shown = the(AccountsDialog)
        choose(shown, 0)
        known(qtbot, shown)
        yield shown
        if is_there(AccountsDialog):
            the(AccountsDialog).close()

    def test_by_mouse_and_taken_back_by_keys(self, qtbot, dialog, where, keyring):
        assert dialog.rows.topLevelItem(0).text(4).strip("\u2068\u2069") == "no"
        press(dialog.system)
        form = the(SystemUserDialog)
        assert (form.user.text(), form.user.isEnabled()) == ("ward", False)
        press_box(form.may)
        form.user.clear()
        assert form.reason == SYSTEM_USER_MISSING
        assert not form.set.isEnabled()
        QTest.keyClicks(form.user, " ward ")
        press(form.set)
        qtbot.waitUntil(lambda: not is_there(SystemUserDialog))
        assert "“anna” can sign in as this system's user “ward”." in dialog.told.text()
        assert "as ward, at the start" in dialog.rows.topLevelItem(0).text(4)
        assert len(keyring.kept) == 1
        choose(dialog, 0)
        press(dialog.system)
        form = the(SystemUserDialog)
        assert form.may.isChecked()
        QTest.keyClick(form.may, Qt.Key.Key_Space)
        QTest.keyClick(form, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: not is_there(SystemUserDialog))
        assert keyring.kept == {}
        assert "with its password only" in dialog.told.text()
        assert where.book().accounts[0].system_sign_in is None

    def test_a_user_of_another_account_is_said(self, qtbot, dialog):
        for row in (0, 1):
            choose(dialog, row)
            press(dialog.system)
            form = the(SystemUserDialog)
            press_box(form.may)
            press(form.set)
            if row == 0:
                qtbot.waitUntil(lambda: not is_there(SystemUserDialog))
        qtbot.waitUntil(lambda: "“anna” already" in form.told.text())
        QTest.keyClick(form, Qt.Key.Key_Escape)
        assert not is_there(SystemUserDialog)

    def test_an_account_that_is_removed_takes_its_key_along(self, qtbot, dialog, keyring):
        choose(dialog, 1)
        press(dialog.system)
        form = the(SystemUserDialog)
        press_box(form.may)
        press_box(form.always)
        press(form.set)
        qtbot.waitUntil(lambda: not is_there(SystemUserDialog))
        assert len(keyring.kept) == 1
        choose(dialog, 1)
        press(dialog.remove)
        [box] = [w for w in QApplication.topLevelWidgets() if w.inherits("QMessageBox")]
        [yes] = [each for each in box.buttons() if "Remove" in each.text()]
        press(yes)
        qtbot.waitUntil(lambda: dialog.rows.topLevelItemCount() == 1)
        assert keyring.kept == {}


def test_without_a_key_store_it_is_greyed_with_the_reason(qtbot, accounts, start, monkeypatch):
    accounts.close()
    use(monkeypatch, is_there=False)
    window = start()
    enter(qtbot, window)
    window.actions_by_name["accounts"].trigger()
    dialog = the(AccountsDialog)
    choose(dialog, 0)
    known(qtbot, dialog)
    assert not dialog.system.isEnabled()
    assert dialog.system.toolTip().startswith(ACCOUNT_WORDS[AccountProblem.NO_KEY_STORE][0])
    dialog.close()


class TestSigningIn:
    def test_by_one_click_and_it_is_in_the_trail(self, qtbot, accounts, start):
        allow(accounts, STORE, "anna", "ward")
        accounts.close()
        window = start()
        dialog = the(SignInDialog)
        known(qtbot, dialog)
        assert dialog.system.text() == "Sign in as Dr. Anna && Co (&this computer's account)"
        assert dialog.password.line.height() >= dialog.password.line.sizeHint().height()
        with qtbot.waitSignal(window.accounts.keeper.entered):
            press(dialog.system)
        assert window.workbench.at_work.full_name == "Dr. Anna & Co"
        told = [(e.kind, e.description) for _, e in window.accounts.keeper.session.events()]
        assert (EventKind.LOGIN, "system user ward") in told

    def test_by_return_as_it_has_the_keys_first(self, qtbot, accounts, start):
        allow(accounts, STORE, "anna", "ward")
        accounts.close()
        window = start()
        dialog = the(SignInDialog)
        known(qtbot, dialog)
        assert dialog.focusWidget() is dialog.system
        with qtbot.waitSignal(window.accounts.keeper.entered):
            QTest.keyClick(dialog.system, Qt.Key.Key_Return)

    def test_another_one_types_the_password(self, qtbot, accounts, start):
        allow(accounts, STORE, "bob", "ward")
        accounts.close()
        window = start()
        dialog = the(SignInDialog)
        # Bob's password was given by an administrator: he has to change it first.
        assert not dialog.system.isVisible()
        enter(qtbot, window)

    def test_a_key_store_that_is_locked_is_said_and_the_password_helps(
        self, qtbot, accounts, start, keyring
    ):
        allow(accounts, STORE, "anna", "ward")
        accounts.close()
        keyring.is_locked = True
        window = start()
        dialog = the(SignInDialog)
        known(qtbot, dialog)
        press(dialog.system)
        qtbot.waitUntil(lambda: "key store is locked" in dialog.told.text())
        assert window.accounts.keeper.session is None
        keyring.is_locked = False
        keyring.kept.clear()
        enter(qtbot, window)
        assert len(keyring.kept) == 1

    def test_without_a_key_store_it_is_greyed(self, qtbot, accounts, start, monkeypatch):
        allow(accounts, STORE, "anna", "ward")
        accounts.close()
        use(monkeypatch, is_there=False)
        window = start()
        dialog = the(SignInDialog)
        known(qtbot, dialog)
        assert not dialog.system.isEnabled()
        assert "no key store" in dialog.system.toolTip()
        enter(qtbot, window)

    def test_for_nobody_it_is_not_seen(self, qtbot, accounts, start, keyring):
        accounts.close()
        window = start()
        assert not the(SignInDialog).system.isVisible()
        enter(qtbot, window)
        assert keyring.kept == {}


class TestLocked:
    def locked(self, qtbot, accounts, start, is_always):
        allow(accounts, STORE, "anna", "ward", is_always=is_always)
        accounts.close()
        window = start()
        enter(qtbot, window)
        with qtbot.waitSignal(window.accounts.keeper.locked):
            window.actions_by_name["lock"].trigger()
        return window

    def test_the_password_is_asked_for(self, qtbot, accounts, start):
        window = self.locked(qtbot, accounts, start, False)
        assert not the(UnlockDialog).system.isVisible()
        with qtbot.waitSignal(window.accounts.keeper.left):
            press(the(UnlockDialog).leave)
        assert not the(SignInDialog).system.isVisible()
        enter(qtbot, window)

    def test_it_unlocks_where_that_is_allowed(self, qtbot, accounts, start):
        window = self.locked(qtbot, accounts, start, True)
        dialog = the(UnlockDialog)
        known(qtbot, dialog)
        assert dialog.system.text().startswith("Unlock as Dr. Anna")
        with qtbot.waitSignal(window.accounts.keeper.entered):
            press(dialog.system)
        assert not window.accounts.keeper.session.is_locked
        assert not is_there(UnlockDialog)
        with qtbot.waitSignal(window.accounts.keeper.locked):
            window.actions_by_name["lock"].trigger()
        with qtbot.waitSignal(window.accounts.keeper.left):
            press(the(UnlockDialog).leave)
        known(qtbot, the(SignInDialog))
        with qtbot.waitSignal(window.accounts.keeper.entered):
            press(the(SignInDialog).system)


def test_a_wrong_user_of_the_system_is_offered_nothing(qtbot, accounts, start, monkeypatch, where):
    allow(accounts, STORE, "anna", "ward")
    accounts.close()
    for module in (system_account, keeper):
        monkeypatch.setattr(module, "system_user", lambda: "guest")
    window = start()
    assert not the(SignInDialog).system.isVisible()
    enter(qtbot, window)
    window.accounts.keeper.close()
    sign_in(where, "anna", PASSWORD).close()
