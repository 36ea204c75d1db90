"""Accounts in the window by mouse and keys: signing in, locking, switching, setting up."""

import errno
import os
import threading
import unicodedata
from pathlib import Path

import pytest
from lxml import etree
from PyQt6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QLineEdit,
    QMessageBox,
    QTableView,
    QTreeWidget,
    QWidget,
)

from spinealign import protected_folders
from spinealign.accounts.book import Role
from spinealign.accounts.keys import LEAST_COST
from spinealign.accounts.recovery import typed
from spinealign.audit.events import AuditEvent, EventKind, ObjectKind
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.model_store import ModelChange, ModelEvent
from spinealign.domain.paths import ARCHIVE_POINTER, has_archive
from spinealign.domain.protection import (
    AccountError,
    AccountProblem,
    ArchiveError,
    ArchiveProblem,
    PauseError,
    Right,
)
from spinealign.domain.reading import Decision
from spinealign.domain.study import PatientFacts
from spinealign.imaging.read import read_image
from spinealign.ui.models.desk import ModelDesk
from spinealign.ui.reading.sign_dialog import SignDialog
from spinealign.ui.vault.account_forms import AddAccountDialog, ResetDialog, RolesDialog
from spinealign.ui.vault.accounts_dialog import AccountsDialog
from spinealign.ui.vault.audit_dialog import AuditDialog
from spinealign.ui.vault.cover import Cover
from spinealign.ui.vault.idle import IdleWatch
from spinealign.ui.vault.password_dialogs import ChangePasswordDialog, RecoverDialog
from spinealign.ui.vault.password_fields import NewPassword, PasswordLine
from spinealign.ui.vault.recovery_key import RecoveryKeyDialog, RecoveryKeyView
from spinealign.ui.vault.set_up_dialog import SetUpDialog
from spinealign.ui.vault.sign_in_dialog import ConfirmDialog, SignInDialog, UnlockDialog
from spinealign.ui.vault.system_user_dialog import SystemUserDialog
from spinealign.ui.window.account_commands import COMMANDS_OF_RIGHT
from spinealign.ui.window.dialogs import about_dialog
from spinealign.ui.window.settings_dialog import SettingsDialog
from spinealign.ui.work.services import program_services
from spinealign.vault import administration, place, safety_copies, session
from spinealign.vault.keeping import Opened, keep, originals
from spinealign.vault.place import Place, Protection
from spinealign.vault.session import set_up_accounts, sign_in
from spinealign.vault.taking_in import take_in
from spinealign.wording.accounts_window import (
    CAPS_LOCK,
    CHECKING,
    HAS_TO_CHANGE,
    NO_ACCOUNTS,
    NO_ROLE_CHOSEN,
    NOT_ADMINISTRATOR,
    NOT_ALLOWED_WORDS,
    NOT_DAMAGED,
    OWN_PASSWORD,
    PASSWORDS_DIFFER,
    PROGRAM,
    refusal_message,
)
from spinealign.wording.protection import ACCOUNT_WORDS, ARCHIVE_WORDS
from spinealign.wording.settings_window import LOCK_IS_ADMINISTERED
from start import FILM_SAMPLE
from tests.dicom_objects import film_analysis
from tests.fakes import answer_for

LEFT = Qt.MouseButton.LeftButton
PASSWORD, OTHER = "correct horse battery", "another horse battery"


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch):
    for module in (place, session, safety_copies):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)


@pytest.fixture
def where(tmp_path):
    here = Place.of_profile(tmp_path / "profile")
    yield here
    for folder in (here.files, here.kept):
        protected_folders.release(folder)


@pytest.fixture
def recovery_key(where):
    """Accounts of anna, who administers and reads; her recovery key."""
    made, key = set_up_accounts(where, "anna", "Dr. Anna Reader", PASSWORD)
    administration.add_account(made, "bob", "Bob Viewer", [Role.VIEWER], OTHER)
    made.close()
    return key


@pytest.fixture
def started(qtbot, recovery_key, open_window):
    """A window of a profile with accounts that asks who is there."""
    window = open_window()
    window.start()
    return window


@pytest.fixture
def anna(qtbot, started):
    """The window once anna signed in."""
    enter(qtbot, started, PASSWORD)
    return started


def the(kind):
    """The one dialog of a kind that is seen."""
    [found] = [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]
    return found


def is_there(kind):
    return any(isinstance(w, kind) and w.isVisible() for w in QApplication.topLevelWidgets())


def press(button):
    QTest.mouseClick(button, LEFT)


def enter(qtbot, window, password, kind=SignInDialog):
    """Type a password into the dialog, press Return, and wait until somebody is in."""
    dialog = the(kind)
    QTest.keyClicks(dialog.password.line, password)
    with qtbot.waitSignal(window.accounts.keeper.entered):
        QTest.keyClick(dialog, Qt.Key.Key_Return)


def lock(qtbot, window):
    with qtbot.waitSignal(window.accounts.keeper.locked):
        window.actions_by_name["lock"].trigger()


def is_covered(window):
    """Whether nothing of a window is seen: what lies at its corners and middle is the cover."""
    rect = window.rect()
    points = (rect.topLeft() + QPoint(1, 1), rect.center(), rect.bottomRight() - QPoint(1, 1))
    return all(_is_of_cover(window.childAt(point)) for point in points)


def _is_of_cover(widget):
    while widget is not None and not isinstance(widget, Cover):
        widget = widget.parentWidget()
    return widget is not None


class TestSigningIn:
    def test_the_folder_is_found_without_loading_the_archive(self, tmp_path):
        assert not has_archive(tmp_path)
        (tmp_path / ARCHIVE_POINTER).touch()
        assert has_archive(tmp_path)

    def test_nothing_is_seen_or_read_before(self, qtbot, started, where):
        dialog = the(SignInDialog)
        assert is_covered(started)
        assert started.windowTitle() == PROGRAM
        with pytest.raises(protected_folders.LockedFolderError):
            protected_folders.open_binary(where.kept / "a")
        assert [dialog.accounts.itemText(n) for n in range(dialog.accounts.count())] == [
            "Dr. Anna Reader (anna)", "Bob Viewer (bob)",
        ]  # fmt: skip
        enter(qtbot, started, PASSWORD)
        assert not is_covered(started)
        assert not is_there(SignInDialog)

    def test_work_begins_after_it(self, qtbot, recovery_key, open_window, files):
        answer_for(Path("film_1.png"), None)
        window = open_window()
        window.start(files("film_1.png"))
        QApplication.processEvents()
        assert not window.workbench.session.cases
        with qtbot.waitSignal(window.workbench.session.finding_ready):
            enter(qtbot, window, PASSWORD)

    def test_a_wrong_password_is_said_and_leaves_it_closed(self, qtbot, started):
        dialog = the(SignInDialog)
        QTest.keyClicks(dialog.password.line, "wrong password")
        press(dialog.enter)
        assert dialog.told.text() == CHECKING
        assert not dialog.leave.isEnabled()
        qtbot.waitUntil(lambda: dialog.told.text() != CHECKING)
        sentence, _ = ACCOUNT_WORDS[AccountProblem.WRONG_NAME_OR_PASSWORD]
        assert dialog.told.text().startswith(sentence)
        assert dialog.password.text == ""
        assert is_covered(started)
        enter(qtbot, started, PASSWORD)

    def test_a_pause_is_counted_down_and_ends(self, qtbot, started):
        dialog, now = the(SignInDialog), [0.0]
        dialog._ticks = lambda: now[0]
        dialog.pause(PauseError(7.5, False))
        QTest.keyClicks(dialog.password.line, PASSWORD)
        assert "in 8 seconds" in dialog.told.text()
        assert not dialog.enter.isEnabled()
        now[0] = 5.0
        dialog.timer.timeout.emit()
        assert "in 3 seconds" in dialog.told.text()
        now[0] = 7.6
        dialog.timer.timeout.emit()
        assert dialog.told.text() == ""
        assert dialog.enter.isEnabled()

    def test_a_pause_on_the_disk_is_told_at_once(self, qtbot, recovery_key, where, open_window):
        for _ in range(4):
            where.attempts().failed("anna")
        window = open_window()
        window.start()
        dialog = the(SignInDialog)
        assert "seconds" in dialog.told.text()
        assert not dialog.enter.isEnabled()
        QTest.keyClick(dialog.accounts, Qt.Key.Key_Down)
        assert dialog.name == "bob"
        assert dialog.told.text() == ""

    def test_escape_opens_nothing_and_quit_ends_the_program(self, qtbot, started):
        dialog = the(SignInDialog)
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        assert dialog.isVisible()
        press(dialog.leave)
        qtbot.waitUntil(lambda: not started.isVisible())

    def test_a_password_of_an_administrator_is_changed_first(self, qtbot, started, where):
        dialog = the(SignInDialog)
        QTest.keyClick(dialog.accounts, Qt.Key.Key_Down)
        QTest.keyClicks(dialog.password.line, OTHER)
        press(dialog.enter)
        qtbot.waitUntil(lambda: is_there(ChangePasswordDialog))
        change = the(ChangePasswordDialog)
        assert is_covered(started)
        assert not change.old.isVisible()
        press(change.set)
        assert change.isVisible()
        QTest.keyClicks(change.new.first.line, "a password of bob's own")
        QTest.keyClicks(change.new.again.line, "a password of bob's own")
        with qtbot.waitSignal(started.accounts.keeper.entered):
            QTest.keyClick(change, Qt.Key.Key_Return)
        assert not is_covered(started)
        started.accounts.keeper.close()
        again = sign_in(where, "bob", "a password of bob's own")
        assert not again.person.account.must_change
        again.close()

    def test_who_keeps_the_given_password_does_not_come_in(self, qtbot, started):
        dialog = the(SignInDialog)
        QTest.keyClick(dialog.accounts, Qt.Key.Key_Down)
        QTest.keyClicks(dialog.password.line, OTHER)
        press(dialog.enter)
        qtbot.waitUntil(lambda: is_there(ChangePasswordDialog))
        QTest.keyClick(the(ChangePasswordDialog), Qt.Key.Key_Escape)
        assert is_covered(started)
        assert started.accounts.keeper.session is None
        assert dialog.isVisible()
        QTest.keyClick(dialog.accounts, Qt.Key.Key_Up)
        enter(qtbot, started, PASSWORD)

    def test_a_forgotten_password_by_the_recovery_key(self, qtbot, started, recovery_key):
        press(the(SignInDialog).forgot)
        dialog = the(RecoverDialog)
        QTest.keyClicks(dialog.key, recovery_key[:-1] + ("A" if recovery_key[-1] != "A" else "B"))
        for line in (dialog.new.first.line, dialog.new.again.line):
            QTest.keyClicks(line, OTHER)
        press(dialog.set)
        qtbot.waitUntil(lambda: dialog.told.text().startswith("This is no recovery key"))
        dialog.key.selectAll()
        QTest.keyClicks(dialog.key, recovery_key.lower())
        with qtbot.waitSignal(started.accounts.keeper.entered):
            press(dialog.set)
        assert not is_covered(started)
        lock(qtbot, started)
        enter(qtbot, started, OTHER, UnlockDialog)

    def test_caps_lock_is_noticed_by_letters(self, qtbot):
        line, told = PasswordLine(), []
        qtbot.addWidget(line)
        line.caps_lock_changed.connect(told.append)
        QTest.keyClicks(line, "ab1")
        for keys, told_then in (
            (Qt.KeyboardModifier.ShiftModifier, []),
            (Qt.KeyboardModifier.NoModifier, [True]),
        ):
            event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_A, keys, "A")
            QApplication.sendEvent(line, event)
            assert told == told_then
        QTest.keyClick(line, Qt.Key.Key_CapsLock)
        assert told == [True, False]
        assert CAPS_LOCK

    @pytest.mark.parametrize(
        ("first", "again", "said"),
        [
            ("short", "short", ACCOUNT_WORDS[AccountProblem.PASSWORD_TOO_SHORT][0]),
            ("password1", "password1", ACCOUNT_WORDS[AccountProblem.PASSWORD_COMMON][0]),
            ("annaanna", "annaanna", ACCOUNT_WORDS[AccountProblem.PASSWORD_HAS_NAME][0]),
            (PASSWORD, OTHER, PASSWORDS_DIFFER),
            (PASSWORD, PASSWORD, ""),
        ],
        ids=["short", "common", "name", "differ", "good"],
    )
    def test_a_new_password_keeps_the_rule(self, qtbot, first, again, said):
        new = NewPassword()
        qtbot.addWidget(new)
        new.for_account("anna")
        QTest.keyClicks(new.first.line, first)
        QTest.keyClicks(new.again.line, again)
        assert (new.reason, new.told.text()) == (said, said)


class TestLocking:
    def test_all_windows_are_covered_and_come_back(self, qtbot, anna, files):
        analyse(qtbot, anna, files)
        case, title = anna.workbench.current, anna.windowTitle()
        assert "film_1" in title
        about = about_dialog(anna)
        about.open_fitted()
        lock(qtbot, anna)
        assert is_covered(anna)
        assert is_covered(about)
        assert anna.windowTitle() == about.windowTitle() == PROGRAM
        anna.setWindowTitle("Planted^Jane")
        anna.banner.raise_()
        late = QWidget(anna, Qt.WindowType.Window)
        late.show()
        assert is_covered(late)
        assert is_covered(anna)
        assert anna.windowTitle() == PROGRAM
        late.close()
        enter(qtbot, anna, PASSWORD, UnlockDialog)
        assert not is_covered(anna)
        assert not is_covered(about)
        assert anna.windowTitle() == "Planted^Jane"
        assert anna.workbench.current is case
        about.close()

    def test_keys_are_gone_and_the_trail_says_so(self, qtbot, anna):
        at_work = anna.accounts.keeper.session
        lock(qtbot, anna)
        assert at_work.is_locked
        enter(qtbot, anna, PASSWORD, UnlockDialog)
        told = [event.kind for _, event in at_work.events()]
        assert told[-3:] == [EventKind.LOCK, EventKind.UNLOCK, EventKind.AUDIT_LOG_USED]

    def test_by_its_keys(self, qtbot, anna):
        with qtbot.waitActive(anna):
            anna.activateWindow()
        keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        with qtbot.waitSignal(anna.accounts.keeper.locked):
            QTest.keyClick(anna, Qt.Key.Key_L, keys)
        enter(qtbot, anna, PASSWORD, UnlockDialog)

    def test_what_waits_to_be_written_is_written_before_the_keys_go(self, qtbot, anna, monkeypatch):
        order, keeper, gate = [], anna.accounts.keeper, threading.Event()
        real = keeper.session.lock
        monkeypatch.setattr(keeper.session, "lock", lambda: (order.append("locked"), real()))

        def write():
            yield
            gate.wait(20)
            order.append("written")

        anna.workbench.files.submit(write)
        anna.actions_by_name["lock"].trigger()
        assert is_covered(anna)
        assert order == []
        with qtbot.waitSignal(keeper.locked):
            gate.set()
        assert order == ["written", "locked"]
        monkeypatch.undo()
        keeper.close()

    def test_a_full_disk_keeps_it_locked_and_says_so(self, qtbot, anna, monkeypatch):
        def fail(_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as disk:
            disk.setattr(os, "fsync", fail)
            lock(qtbot, anna)
            dialog = the(UnlockDialog)
            QTest.keyClicks(dialog.password.line, PASSWORD)
            QTest.keyClick(dialog, Qt.Key.Key_Return)
            qtbot.waitUntil(lambda: "is full" in dialog.told.text())
            assert is_covered(anna)
            assert anna.accounts.keeper.session.is_locked
        enter(qtbot, anna, PASSWORD, UnlockDialog)
        assert EventKind.LOCK in kinds(anna)

    def test_a_question_for_a_file_is_closed(self, qtbot, anna):
        dialog = QFileDialog(anna)
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.open()
        lock(qtbot, anna)
        assert not dialog.isVisible()
        dialog.deleteLater()
        enter(qtbot, anna, PASSWORD, UnlockDialog)

    @pytest.mark.parametrize("is_own", [True, False], ids=["own", "foreign"])
    def test_the_clipboard_is_cleared_if_it_is_ours(self, qtbot, anna, monkeypatch, is_own):
        clipboard = QApplication.clipboard()
        clipboard.setText("Planted^Jane")
        monkeypatch.setattr(type(clipboard), "ownsClipboard", lambda _: is_own)
        lock(qtbot, anna)
        assert clipboard.text() == ("" if is_own else "Planted^Jane")
        clipboard.clear()
        enter(qtbot, anna, PASSWORD, UnlockDialog)

    def test_escape_and_a_wrong_password_leave_it_locked(self, qtbot, anna):
        lock(qtbot, anna)
        dialog = the(UnlockDialog)
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        QTest.keyClicks(dialog.password.line, OTHER)
        press(dialog.enter)
        qtbot.waitUntil(lambda: dialog.told.text() not in ("", CHECKING))
        assert is_covered(anna)
        assert anna.accounts.keeper.session.is_locked
        enter(qtbot, anna, PASSWORD, UnlockDialog)

    def test_another_user_finds_no_case(self, qtbot, anna, files):
        analyse(qtbot, anna, files)
        about = about_dialog(anna)
        about.open_fitted()
        lock(qtbot, anna)
        with qtbot.waitSignal(anna.accounts.keeper.left):
            press(the(UnlockDialog).leave)
        assert is_covered(anna)
        assert anna.workbench.session.cases == []
        assert not about.isVisible()
        assert the(SignInDialog).name == "anna"
        enter(qtbot, anna, PASSWORD)

    @pytest.mark.parametrize("is_locked", [False, True])
    def test_the_next_person_reads_no_title_of_a_case(self, qtbot, anna, files, is_locked):
        analyse(qtbot, anna, files)
        assert "film_1" in anna.windowTitle()
        if is_locked:
            lock(qtbot, anna)
        with qtbot.waitSignal(anna.accounts.keeper.left):
            if is_locked:
                press(the(UnlockDialog).leave)
            else:
                anna.actions_by_name["switch_user"].trigger()
        assert anna.windowTitle() == PROGRAM
        titles = []
        anna.windowTitleChanged.connect(titles.append)
        enter(qtbot, anna, PASSWORD)
        assert not is_covered(anna)
        assert (anna.windowTitle(), set(titles) - {PROGRAM}) == (PROGRAM, set())

    def test_closing_the_last_case_leaves_the_plain_title(self, qtbot, anna, files):
        analyse(qtbot, anna, files)
        anna.workbench.close_all()
        assert anna.windowTitle() == PROGRAM
        enough = [w.windowTitle() for w in QApplication.topLevelWidgets() if w.isVisible()]
        assert not [title for title in enough if "film_1" in title]

    def test_switching_asks_while_images_are_analysed(self, qtbot, anna, fake, files):
        fake.analyser.hold = "Classifying"
        fake.analyser.reached.clear()
        fake.analyser.gate.clear()
        anna.workbench.opener.open_paths(files("ct_1.dcm"))
        qtbot.waitUntil(fake.analyser.reached.is_set)
        anna.actions_by_name["switch_user"].trigger()
        box = the(QMessageBox)
        QTest.keyClick(box, Qt.Key.Key_Return)
        assert len(anna.workbench.session.cases) == 1
        anna.actions_by_name["switch_user"].trigger()
        [now] = [b for b in the(QMessageBox).buttons() if "Stop" in b.text()]
        with qtbot.waitSignal(anna.accounts.keeper.left):
            press(now)
        fake.analyser.gate.set()
        assert anna.workbench.session.cases == []
        enter(qtbot, anna, PASSWORD)


class TestLockMinutes:
    """With accounts only an administrator says after how long it locks."""

    @staticmethod
    def settings_of(window):
        window.actions_by_name["settings"].trigger()
        return the(SettingsDialog)

    def test_an_administrator_changes_them(self, qtbot, anna):
        dialog = self.settings_of(anna)
        assert dialog.lock_after.isEnabled()
        assert dialog.lock_note.text() == ""
        dialog.lock_after.setValue(3)
        press(dialog.buttons.button(QDialogButtonBox.StandardButton.Ok))
        assert anna.workbench.preferences.settings.lock_after_minutes == 3

    def test_others_read_why_they_cannot(self, qtbot, started):
        box = the(SignInDialog).accounts
        box.setCurrentIndex(box.findData("bob"))
        given = the(SignInDialog)
        with qtbot.waitSignal(given.entered):
            QTest.keyClicks(given.password.line, OTHER)
            QTest.keyClick(given, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: is_there(ChangePasswordDialog))
        change = the(ChangePasswordDialog)
        for field in (change.new.first, change.new.again):
            QTest.keyClicks(field.line, "third horse battery")
        with qtbot.waitSignal(started.accounts.keeper.entered):
            QTest.keyClick(change, Qt.Key.Key_Return)
        started.workbench.preferences.choose(lock_after_minutes=7)
        dialog = self.settings_of(started)
        assert not dialog.lock_after.isEnabled()
        assert dialog.lock_after.toolTip() == dialog.lock_note.text() == LOCK_IS_ADMINISTERED
        dialog.lock_after.setValue(90)  # as "Restore defaults" would do
        press(dialog.buttons.button(QDialogButtonBox.StandardButton.Ok))
        assert started.workbench.preferences.settings.lock_after_minutes == 7


class TestIdle:
    @pytest.fixture
    def clock(self):
        return [1000.0]

    @pytest.fixture
    def ticks(self):
        return [50.0]

    @pytest.fixture
    def watch(self, qtbot, window, clock, ticks):
        made = IdleWatch(window, lambda: clock[0], lambda: ticks[0])
        made.begin(60)
        yield made
        made.end()

    def test_touching_anything_puts_it_off(self, qtbot, window, watch, clock):
        said = []
        watch.idle.connect(lambda: said.append(clock[0]))
        clock[0] += 59
        QTest.keyClick(window, Qt.Key.Key_Shift)
        clock[0] += 59
        QTest.mouseMove(window, QPoint(5, 5))
        QTest.mouseClick(window.viewer, LEFT)
        clock[0] += 59
        watch.timer.timeout.emit()
        assert said == []
        clock[0] += 1
        watch.timer.timeout.emit()
        assert said == [1000 + 3 * 59 + 1]

    def test_the_first_touch_after_sleep_locks(self, qtbot, window, watch, clock):
        clock[0] += 61
        with qtbot.waitSignal(watch.idle):
            QTest.keyClick(window, Qt.Key.Key_Shift)

    @pytest.mark.parametrize("set_to", [0.0, 999.0, 1030.0])
    def test_a_clock_that_was_set_back_puts_nothing_off(self, qtbot, watch, clock, ticks, set_to):
        clock[0], ticks[0] = set_to, 50 + 60
        with qtbot.waitSignal(watch.idle):
            watch.timer.timeout.emit()

    def test_a_clock_that_was_set_back_locks_nobody_out_who_is_there(
        self, qtbot, window, watch, clock, ticks
    ):
        said = []
        watch.idle.connect(lambda: said.append(True))
        clock[0], ticks[0] = 0.0, 50 + 59
        QTest.keyClick(window, Qt.Key.Key_Shift)
        clock[0], ticks[0] = 59.0, 50 + 59 + 59
        watch.timer.timeout.emit()
        assert said == []

    def test_the_window_locks_after_the_minutes_that_are_set(self, qtbot, anna):
        keeper, preferences = anna.accounts.keeper, anna.workbench.preferences
        assert keeper.idle.timer.interval() == 10 * 60_000
        preferences.choose(lock_after_minutes=3)
        preferences.adopt(preferences.settings)
        assert keeper.idle.timer.interval() == 3 * 60_000
        with qtbot.waitSignal(keeper.locked):
            keeper.idle.idle.emit()
        assert not keeper.idle.timer.isActive()
        enter(qtbot, anna, PASSWORD, UnlockDialog)
        assert keeper.idle.timer.isActive()


class TestSettingUp:
    def test_by_keys_with_the_key_shown_once(self, qtbot, window, where, files):
        analyse(qtbot, window, files)
        plain = where.profile / "readings" / "one" / "draft.json"
        plain.parent.mkdir(parents=True, exist_ok=True)
        plain.write_bytes(b"[1]")
        window.actions_by_name["set_up_accounts"].trigger()
        dialog = the(SetUpDialog)
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        QTest.keyClicks(dialog.names.name, "anna")
        QTest.keyClicks(dialog.names.full_name, " Dr.  Anna Reader ")
        QTest.keyClicks(dialog.new.first.line, PASSWORD)
        assert not dialog.next.isEnabled()
        QTest.keyClicks(dialog.new.again.line, PASSWORD)
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: dialog.key.key.text() != "")
        assert window.workbench.session.cases == []
        key = dialog.key.key.text().replace("\n", "-")
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        assert dialog.isVisible()
        assert not dialog.next.isEnabled()
        QTest.keyClick(dialog.key.kept, Qt.Key.Key_Space)
        with qtbot.waitSignal(window.accounts.keeper.entered):
            press(dialog.next)
        assert where.protection is Protection.ACCOUNTS
        assert window.workbench.at_work.full_name == "Dr. Anna Reader"
        assert window.status._user.isVisible()
        assert window.status._user.text() == "Signed in: Dr. Anna Reader"
        assert not plain.exists()
        kept = where.kept / "readings" / "one" / "draft.json"
        assert kept.read_bytes() != b"[1]"
        with protected_folders.open_binary(kept) as file:
            assert file.read() == b"[1]"
        lock(qtbot, window)
        with qtbot.waitSignal(window.accounts.keeper.left):
            press(the(UnlockDialog).leave)
        press(the(SignInDialog).forgot)
        recover = the(RecoverDialog)
        QTest.keyClicks(recover.key, key)
        for line in (recover.new.first.line, recover.new.again.line):
            QTest.keyClicks(line, OTHER)
        with qtbot.waitSignal(window.accounts.keeper.entered):
            press(recover.set)

    def test_what_is_there_already_is_not_replaced(self, recovery_key, where):
        at_work = sign_in(where, "anna", PASSWORD)
        plain, kept = where.profile / "readings" / "a.json", where.kept / "readings" / "a.json"
        plain.parent.mkdir()
        plain.write_bytes(b"[1]")
        assert take_in(where, ("readings", "absent")) == 1
        plain.parent.mkdir()
        plain.write_bytes(b"[1]")
        assert take_in(where, ("readings",)) == 1
        assert not plain.parent.exists()
        plain.parent.mkdir()
        plain.write_bytes(b"[2]")
        assert take_in(where, ("readings",)) == 0
        assert plain.read_bytes() == b"[2]"
        with protected_folders.open_binary(kept) as file:
            assert file.read() == b"[1]"
        at_work.close()

    def test_the_key_is_printed_as_it_is_shown(self, qtbot):
        printed = []
        view = RecoveryKeyView(lambda document, _over: printed.append(document.toPlainText()))
        qtbot.addWidget(view)
        view.show_key("-".join(["ABCD"] * 14))
        press(view.print)
        assert "ABCD-ABCD-ABCD-ABCD-ABCD-ABCD-ABCD\nABCD-" in printed[0]

    def test_without_accounts_only_setting_up_is_offered(self, window):
        actions = window.actions_by_name
        assert actions.reason("lock") == actions.reason("accounts") == NO_ACCOUNTS
        assert actions["set_up_accounts"].isEnabled()
        assert window.accounts._keeper is None

    def test_who_does_not_administer_is_told(self, qtbot, started):
        dialog = the(SignInDialog)
        QTest.keyClick(dialog.accounts, Qt.Key.Key_Down)
        QTest.keyClicks(dialog.password.line, OTHER)
        press(dialog.enter)
        qtbot.waitUntil(lambda: is_there(ChangePasswordDialog))
        change = the(ChangePasswordDialog)
        for line in (change.new.first.line, change.new.again.line):
            QTest.keyClicks(line, "a password of bob's own")
        with qtbot.waitSignal(started.accounts.keeper.entered):
            press(change.set)
        assert started.actions_by_name.reason("audit_trail") == NOT_ADMINISTRATOR
        assert started.actions_by_name["lock"].isEnabled()


class TestChangingThePassword:
    def test_needs_the_present_one(self, qtbot, anna, where):
        anna.actions_by_name["change_password"].trigger()
        dialog = the(ChangePasswordDialog)
        QTest.keyClicks(dialog.old.line, OTHER)
        for line in (dialog.new.first.line, dialog.new.again.line):
            QTest.keyClicks(line, OTHER)
        press(dialog.set)
        sentence, _ = ACCOUNT_WORDS[AccountProblem.WRONG_NAME_OR_PASSWORD]
        qtbot.waitUntil(lambda: dialog.told.text().startswith(sentence))
        dialog.old.line.selectAll()
        QTest.keyClicks(dialog.old.line, PASSWORD)
        press(dialog.set)
        qtbot.waitUntil(lambda: not is_there(ChangePasswordDialog))
        lock(qtbot, anna)
        enter(qtbot, anna, OTHER, UnlockDialog)


@pytest.fixture
def bob(qtbot, recovery_key, where, open_window):
    """The window once bob, who may look only, signed in."""
    made = sign_in(where, "bob", OTHER)
    administration.change_password(made, OTHER, PASSWORD)
    made.close()
    window = open_window()
    window.start()
    QTest.keyClick(the(SignInDialog).accounts, Qt.Key.Key_Down)
    enter(qtbot, window, PASSWORD)
    return window


def analyse(qtbot, window, files, name="film_1.png"):
    # Drawing takes seconds the first time, and is not what the signal is waited for.
    answer_for(Path(name), None)
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.workbench.opener.open_paths(files(name))
    return window.workbench.current


def kinds(window):
    return [event.kind for _, event in window.accounts.keeper.session.events()][:-1]


def decide_all(qtbot, window):
    """Decide on every finding, and say what is found."""
    readings = window.workbench.readings
    qtbot.waitUntil(lambda: readings.shown is not None)
    wanted = {finding.key: (Decision.ACCEPTED, None) for finding in readings.shown.pending}
    readings.decide(wanted, "accept all")
    readings.write_impression(readings.shown.reading.image, "Normal alignment.")
    qtbot.waitUntil(lambda: not readings.is_saving)
    return readings


def change_a_model(qtbot, window, fake):
    """Have the window choose the shipped models again, by a store that asks whoever watches."""
    event = ModelEvent(ModelChange.SHIPPED_CHOSEN, "view")
    failures = []

    def store(watch):
        with watch.recorded(event):
            return fake.installed

    # The services are frozen, as the parts of the window that asked for them hold them.
    object.__setattr__(window.workbench.services, "open_models", store)
    desk = ModelDesk(window.workbench)
    with qtbot.waitSignal(desk.refresh(failures.append).ended):
        pass
    return failures


class TestRights:
    def test_an_administrator_changes_models_and_the_trail_says_so(self, qtbot, anna, fake):
        assert change_a_model(qtbot, anna, fake) == []
        assert EventKind.MODELS in kinds(anna)

    def test_who_may_not_changes_no_models(self, qtbot, bob, fake):
        [failure] = change_a_model(qtbot, bob, fake)
        assert failure.problem is AccountProblem.NOT_ALLOWED

    def test_a_viewer_changes_signs_and_passes_on_nothing(self, qtbot, bob, files, monkeypatch):
        analyse(qtbot, bob, files)
        bench, actions = bob.workbench, bob.actions_by_name
        for right, names in COMMANDS_OF_RIGHT.items():
            for name in names:
                assert actions.reason(name) == NOT_ALLOWED_WORDS[right], name
                assert not actions[name].isEnabled()
        said = []
        bench.messages.noticed.connect(lambda message, *_: said.append(message))
        before = bench.editing.corrections
        bob.correction.changes.swap_anterior_posterior()
        assert bench.editing.corrections == before
        qtbot.waitUntil(lambda: bench.readings.shown is not None)
        bench.readings.accept_rest()
        bench.readings.sign("Bob")
        bench.saver.copy_finding(bench.current_analysis)
        assert QApplication.clipboard().text() == ""
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(files("x")[0]))
        bench.saver.save_results([bench.current_analysis], bob)
        assert bench.readings.shown.reading.decisions == ()
        page = bob.results.reading
        for button in (page.sign, page.accept_rest):
            assert not button.isEnabled()
            assert button.toolTip() == NOT_ALLOWED_WORDS[Right.CHANGE]
        assert page.impression.text.isReadOnly()
        assert said == [
            refusal_message(right)
            for right in (Right.CHANGE, Right.CHANGE, Right.SIGN, Right.EXPORT, Right.EXPORT)
        ]

    def test_a_reader_is_offered_all(self, qtbot, anna, files):
        analyse(qtbot, anna, files)
        assert anna.actions_by_name["save"].isEnabled()
        assert anna.actions_by_name["tool_distance"].isEnabled()
        assert anna.workbench.editing.locked() is None


class TestSigning:
    def test_with_the_accounts_name_and_no_other(self, qtbot, anna, files):
        analyse(qtbot, anna, files)
        readings = decide_all(qtbot, anna)
        anna.actions_by_name["sign"].trigger()
        dialog = the(SignDialog)
        QTest.keyClicks(dialog.name, "Somebody Else")
        assert dialog.name.text() == "Dr. Anna Reader"
        qtbot.waitUntil(dialog.sign.isEnabled)
        with qtbot.waitSignal(readings.signed):
            press(dialog.sign)
        assert readings.shown.reading.reader == "Dr. Anna Reader"
        assert anna.workbench.preferences.settings.reader_name == ""
        told = [kind for kind in kinds(anna) if kind is not EventKind.VIEW]
        assert told[-2:] == [EventKind.CHANGE, EventKind.SIGN]

    @pytest.mark.parametrize("typed", [PASSWORD, OTHER], ids=["right", "wrong"])
    def test_with_the_password_again_by_option(self, qtbot, anna, files, typed):
        anna.workbench.preferences.choose(asks_password_to_sign=True)
        analyse(qtbot, anna, files)
        readings = decide_all(qtbot, anna)
        anna.actions_by_name["sign"].trigger()
        qtbot.waitUntil(the(SignDialog).sign.isEnabled)
        press(the(SignDialog).sign)
        dialog = the(ConfirmDialog)
        assert not readings.shown.is_signed
        QTest.keyClicks(dialog.password.line, typed)
        if typed == PASSWORD:
            with qtbot.waitSignal(readings.signed):
                press(dialog.enter)
            return
        press(dialog.enter)
        qtbot.waitUntil(lambda: dialog.told.text() not in ("", CHECKING))
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        assert not readings.shown.is_signed


class TestRecording:
    def test_what_is_done_with_images(self, qtbot, anna, files, fake):
        jane = PatientFacts(name="Planted^Jane", identifier="ID-PLANTED-1", study_date="20261101")
        fake.patients["film_1.png"] = jane
        seen = []
        recorder = anna.accounts.keeper.recorder
        record = anna.accounts.keeper.session.record
        anna.accounts.keeper.session.record = lambda *a, **k: (seen.append(a), record(*a, **k))
        case = analyse(qtbot, anna, files)
        qtbot.waitUntil(lambda: EventKind.VIEW in [a[0] for a in seen])
        anna.workbench.saver.copy_finding(anna.workbench.current_analysis)
        QApplication.clipboard().clear()
        anna.correction.changes.swap_anterior_posterior()
        with qtbot.waitSignal(anna.workbench.editing.saved):
            anna.workbench.editing.save()
        anna.viewer.image_shown.emit(case.display.image)
        qtbot.waitUntil(lambda: not recorder._runner.is_busy)
        assert recorder.record_query("PACS")
        told = [(a[0], [o.kind for o in a[1:]]) for a in seen]
        whose = [ObjectKind.PATIENT, ObjectKind.STUDY]
        assert told == [
            (EventKind.VIEW, whose), (EventKind.EXPORT, whose), (EventKind.CHANGE, whose),
            (EventKind.QUERY, [ObjectKind.NODE]),
        ]  # fmt: skip
        assert seen[0][1].identifier == "ID-PLANTED-1"
        assert seen[0][2].name.startswith("2026-11-01")  # seen before it is known what it shows
        assert [a[2].name for a in seen[1:3]] == ["2026-11-01 Lateral neck X-ray"] * 2

    def test_start_and_stop(self, qtbot, anna, where):
        anna.accounts.keeper.close()
        again = sign_in(where, "anna", PASSWORD)
        told = [event.kind for _, event in again.events()]
        again.close()
        assert told[-6:-2] == [
            EventKind.LOGIN, EventKind.APPLICATION_START, EventKind.APPLICATION_STOP,
            EventKind.LOGOUT,
        ]  # fmt: skip

    def test_what_cannot_be_recorded_is_not_done(self, qtbot, anna, files, monkeypatch):
        def fails(*_, **__):
            raise ArchiveError(ArchiveProblem.FULL)

        case = analyse(qtbot, anna, files)
        readings = decide_all(qtbot, anna)
        monkeypatch.setattr(anna.accounts.keeper.session, "record", fails)
        failures = []
        anna.workbench.messages.failed.connect(lambda message, _: failures.append(message))
        anna.workbench.saver.copy_finding(anna.workbench.current_analysis)
        assert QApplication.clipboard().text() == ""
        readings.sign("Dr. Anna Reader")
        assert not readings.is_saving
        assert not readings.shown.is_signed
        assert len(failures) == 2
        anna.workbench.select(None)
        anna.workbench.select(case)
        qtbot.waitUntil(lambda: anna.workbench.current is None)
        assert {message.sentence for message in failures} == {ARCHIVE_WORDS[ArchiveProblem.FULL][0]}
        monkeypatch.undo()


def rows_of(dialog):
    items = [dialog.rows.topLevelItem(n) for n in range(dialog.rows.topLevelItemCount())]
    return [tuple(_plain(item.text(n)) for n in range(4)) for item in items]


def _plain(text):
    return "".join(letter for letter in text if unicodedata.category(letter) != "Cf")


def choose(dialog, name):
    for number in range(dialog.rows.topLevelItemCount()):
        item = dialog.rows.topLevelItem(number)
        if _plain(item.text(0)) == name:
            rect = dialog.rows.visualItemRect(item)
            QTest.mouseClick(dialog.rows.viewport(), LEFT, pos=rect.center())


class TestAccountsDialog:
    @pytest.fixture
    def dialog(self, anna):
        anna.actions_by_name["accounts"].trigger()
        yield the(AccountsDialog)
        if is_there(AccountsDialog):
            the(AccountsDialog).close()

    def test_lists_them(self, dialog):
        assert rows_of(dialog) == [
            ("anna", "Dr. Anna Reader", "reader, who signs, administrator", OWN_PASSWORD),
            ("bob", "Bob Viewer", "viewer", HAS_TO_CHANGE),
        ]

    def test_adds_one_by_keys(self, qtbot, dialog, where):
        press(dialog.add)
        form = the(AddAccountDialog)
        QTest.keyClicks(form.names.name, "eve")
        QTest.keyClicks(form.names.full_name, "Eve Reader")
        for line in (form.new.first.line, form.new.again.line):
            QTest.keyClicks(line, OTHER)
        form.roles.boxes[Role.READER].setFocus()
        QTest.keyClick(form.roles.boxes[Role.READER], Qt.Key.Key_Space)
        assert form.reason == NO_ROLE_CHOSEN
        QTest.keyClick(form.roles.boxes[Role.VIEWER], Qt.Key.Key_Space)
        QTest.keyClick(form, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: not is_there(AddAccountDialog))
        assert rows_of(dialog)[2] == ("eve", "Eve Reader", "viewer", HAS_TO_CHANGE)
        again = sign_in(where, "eve", OTHER)
        assert again.person.account.roles == (Role.VIEWER,)

    def test_a_name_that_is_taken_is_said_in_the_form(self, qtbot, dialog):
        press(dialog.add)
        form = the(AddAccountDialog)
        QTest.keyClicks(form.names.name, "BOB")
        QTest.keyClicks(form.names.full_name, "Bob")
        for line in (form.new.first.line, form.new.again.line):
            QTest.keyClicks(line, OTHER)
        press(form.set)
        qtbot.waitUntil(lambda: "BOB" in form.told.text())
        QTest.keyClick(form, Qt.Key.Key_Escape)
        assert len(rows_of(dialog)) == 2

    def test_gives_other_roles_and_a_password(self, qtbot, dialog, where):
        choose(dialog, "bob")
        press(dialog.roles)
        form = the(RolesDialog)
        press_box(form.roles.boxes[Role.ADMINISTRATOR])
        press(form.set)
        qtbot.waitUntil(lambda: not is_there(RolesDialog))
        assert rows_of(dialog)[1][2] == "viewer, administrator"
        choose(dialog, "bob")
        press(dialog.reset)
        reset = the(ResetDialog)
        for line in (reset.new.first.line, reset.new.again.line):
            QTest.keyClicks(line, "quite another battery")
        press(reset.set)
        qtbot.waitUntil(lambda: not is_there(ResetDialog))
        again = sign_in(where, "bob", "quite another battery")
        assert again.person.account.must_change

    def test_takes_one_away_after_a_question_never_the_own(self, qtbot, dialog):
        choose(dialog, "anna")
        assert not dialog.remove.isEnabled()
        choose(dialog, "bob")
        press(dialog.remove)
        QTest.keyClick(the(QMessageBox), Qt.Key.Key_Return)
        assert len(rows_of(dialog)) == 2
        press(dialog.remove)
        [yes] = [b for b in the(QMessageBox).buttons() if "Remove" in b.text()]
        press(yes)
        qtbot.waitUntil(lambda: len(rows_of(dialog)) == 1)

    def test_makes_a_new_recovery_key(self, qtbot, dialog, where, recovery_key):
        press(dialog.renew)
        [yes] = [b for b in the(QMessageBox).buttons() if "new" in b.text()]
        press(yes)
        qtbot.waitUntil(lambda: is_there(RecoveryKeyDialog))
        shown = the(RecoveryKeyDialog)
        key = shown.view.key.text().replace("\n", "-")
        QTest.keyClick(shown, Qt.Key.Key_Escape)
        assert shown.isVisible()
        press_box(shown.view.kept)
        press(shown.go_on)
        assert not is_there(RecoveryKeyDialog)
        assert key != recovery_key
        with pytest.raises(AccountError):
            where.book().data_key_of(typed(recovery_key))
        assert where.book().data_key_of(typed(key))

    def test_own_roles_count_at_once(self, qtbot, anna, dialog):
        choose(dialog, "bob")
        press(dialog.roles)
        press_box(the(RolesDialog).roles.boxes[Role.ADMINISTRATOR])
        press(the(RolesDialog).set)
        qtbot.waitUntil(lambda: not is_there(RolesDialog))
        choose(dialog, "anna")
        press(dialog.roles)
        press_box(the(RolesDialog).roles.boxes[Role.ADMINISTRATOR])
        press(the(RolesDialog).set)
        qtbot.waitUntil(lambda: not is_there(RolesDialog))
        dialog.close()
        assert anna.actions_by_name.reason("accounts") == NOT_ADMINISTRATOR


def press_box(box):
    QTest.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))


def lines_of(dialog):
    model = dialog.model
    return [
        tuple(model.index(row, column).data() for column in (2, 3))
        for row in range(model.rowCount())
    ]


class TestAuditDialog:
    @pytest.fixture
    def dialog(self, qtbot, anna):
        anna.actions_by_name["audit_trail"].trigger()
        found = the(AuditDialog)
        qtbot.waitUntil(lambda: found.model.rowCount() > 0)
        yield found
        found.close()

    def test_lists_the_latest_first_and_searches(self, qtbot, dialog):
        assert lines_of(dialog)[:3] == [
            ("anna", "Audit trail read"), ("anna", "SpineAlign started"), ("anna", "Signed in"),
        ]  # fmt: skip
        total = dialog.model.rowCount()
        dialog.kind.setFocus()
        QTest.keyClicks(dialog.kind, "Signed in")
        assert {what for _, what in lines_of(dialog)} == {"Signed in"}
        assert dialog.count.text() == f"2 of {total} events"
        dialog.kind.setCurrentIndex(0)
        assert dialog.model.rowCount() == total
        dialog.last.setMinimumDate(dialog.last.date().addDays(-5))
        dialog.last.setDate(dialog.last.date().addDays(-1))
        assert dialog.model.rowCount() == 0

    def test_persons_are_searched(self, dialog):
        event = dialog._events[0][1]
        other = AuditEvent(EventKind.VIEW, event.at_utc, "bob")
        dialog._take([*dialog._events, (99, other)])
        dialog.person.setCurrentIndex(dialog.person.findData("bob"))
        assert lines_of(dialog) == [("bob", "Viewed")]

    def test_checks_and_writes_xml_of_what_is_listed(self, qtbot, dialog, tmp_path, monkeypatch):
        press(dialog.check)
        qtbot.waitUntil(lambda: dialog.told.text().startswith("The audit trail is as it was"))
        assert dialog.begin.toolTip() == NOT_DAMAGED
        dialog.kind.setCurrentIndex(dialog.kind.findData(EventKind.LOGIN.value))
        path = tmp_path / "trail.xml"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
        press(dialog.export)
        qtbot.waitUntil(path.exists)
        qtbot.waitUntil(lambda: "2 events" in dialog.told.text())
        messages = etree.parse(path).getroot()
        codes = [each.find(".//EventTypeCode").get("csd-code") for each in messages]
        assert codes == ["110122", "110122"]

    def test_a_damaged_trail_is_told_until_a_new_one_begins(self, qtbot, anna, dialog):
        warned, withdrawn = [], []
        anna.workbench.messages.warned.connect(warned.append)
        anna.workbench.messages.withdrawn.connect(withdrawn.append)
        connection = anna.accounts.keeper.session.archive.connection
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_trail'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE audit_trail SET event = X'7B7D' WHERE counter = 2")
        press(dialog.check)
        qtbot.waitUntil(lambda: "record 2 was changed" in dialog.told.text())
        assert len(warned) == 1
        assert dialog.begin.isEnabled()
        press(dialog.begin)
        [yes] = [b for b in the(QMessageBox).buttons() if "Begin" in b.text()]
        press(yes)
        qtbot.waitUntil(lambda: withdrawn == warned)
        qtbot.waitUntil(lambda: ("anna", "Audit trail found damaged") in lines_of(dialog))


class TestSeen:
    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_every_field_has_a_name_and_is_reached_by_tab(self, qtbot, anna, theme):
        anna.actions_by_name[f"theme_{theme}"].trigger()
        for command, kind in (
            ("change_password", ChangePasswordDialog), ("accounts", AccountsDialog),
            ("audit_trail", AuditDialog),
        ):  # fmt: skip
            anna.actions_by_name[command].trigger()
            dialog = the(kind)
            _every_field_is_named_and_reached(dialog)
            dialog.close()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        account = anna.accounts.keeper.session.person.account
        system = SystemUserDialog(account, "ward", "", anna)
        system.may.setChecked(True)
        for made in (AddAccountDialog(anna), SetUpDialog(anna), system):
            made.show()
            _every_field_is_named_and_reached(made)
            made.reject()
        lock(qtbot, anna)
        _every_field_is_named_and_reached(the(UnlockDialog))
        enter(qtbot, anna, PASSWORD, UnlockDialog)


def _every_field_is_named_and_reached(dialog):
    fields = [
        each
        for each in dialog.findChildren(QWidget)
        if isinstance(each, QLineEdit | QComboBox | QAbstractButton | QTableView | QTreeWidget)
        and each.isVisible() and each.isEnabled() and not each.objectName().startswith("qt_")
        and each.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]  # fmt: skip
    assert fields
    for field in fields:
        said = field.accessibleName() or getattr(field, "text", lambda: "")()
        assert said, (type(dialog), type(field))
    reached = set()
    for _ in range(3 * len(fields) + 10):
        here = dialog.focusWidget()
        reached.add(here)
        QTest.keyClick(here or dialog, Qt.Key.Key_Tab)
    missed = [each for each in fields if each not in reached]
    assert not missed, [each.accessibleName() or each.text() for each in missed]


class TestWhereReadingsLie:
    """Readings and corrections of real files, by the services of the program itself."""

    @pytest.fixture
    def services(self, where):
        return program_services(where.profile)

    def test_encrypted_with_accounts_and_locked_with_them(
        self, recovery_key, where, services, tmp_path
    ):
        film = tmp_path / "film.png"
        film.write_bytes(FILM_SAMPLE.read_bytes())
        at_work = sign_in(where, "anna", PASSWORD)
        services.keep_in(where.kept)
        [archived] = originals(at_work, keep(at_work, Opened((film,), PatientFacts())).identifier)
        elsewhere = film_analysis(read_image(film))
        reading = services.open_reading(elsewhere)
        reading.accept_rest()
        reading.write_impression("Planted impression.")
        inside = film_analysis(read_image(archived))
        kept = services.save_corrections(inside)
        assert kept.is_relative_to(where.kept)
        assert services.save_corrections(elsewhere).parent == film.parent
        assert any((where.kept / "readings").rglob("*.json"))
        assert not (where.profile / "readings").exists()
        for path in where.folder.rglob("*"):
            assert path.is_dir() or b"Planted" not in path.read_bytes(), path
        again = services.open_reading(elsewhere)
        assert again.reading.impression.text == "Planted impression."
        at_work.lock()
        with pytest.raises(SpineAlignError):
            services.save_corrections(inside)
        with pytest.raises(SpineAlignError):
            reading.write_impression("Planted once more.")
        assert not (where.profile / "readings").exists()

    def test_in_the_profile_without_accounts(self, where, services, tmp_path):
        film = tmp_path / "film.png"
        film.write_bytes(FILM_SAMPLE.read_bytes())
        reading = services.open_reading(film_analysis(read_image(film)))
        reading.write_impression("Planted impression.")
        assert any((where.profile / "readings").rglob("*.json"))
