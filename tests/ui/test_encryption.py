"""Encryption without accounts in the window, by mouse and keys, with a key store in memory."""

from pathlib import Path

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QMessageBox

from spinealign import protected_folders
from spinealign.accounts.key_store import ARCHIVE, KeyStore
from spinealign.accounts.keys import LEAST_COST
from spinealign.domain.protection import AccountProblem
from spinealign.imaging.read import read_image
from spinealign.ui.vault.key_store_dialog import KeyStoreDialog
from spinealign.ui.vault.set_up_dialog import SetUpDialog
from spinealign.ui.window.settings_dialog import SettingsDialog
from spinealign.ui.window.settings_form import PageName
from spinealign.ui.work.services import program_services
from spinealign.vault import place, session
from spinealign.vault.key_store_archive import turn_on
from spinealign.vault.place import Place, Protection
from spinealign.vault.session import set_up_accounts
from spinealign.wording.accounts_window import (
    ARE_ACCOUNTS,
    GO_ON_WITHOUT,
    KEY_STORE_IS_OFF,
    KEY_STORE_IS_ON,
    KEY_STORE_LOSS,
    KEY_STORE_WAS_OFF,
    QUIT,
    TRY_AGAIN,
    TURNED_ON,
)
from spinealign.wording.archive_window import NO_ARCHIVE
from spinealign.wording.protection import ACCOUNT_WORDS
from start import FILM_SAMPLE
from tests.dicom_objects import film_analysis
from tests.fakes import answer_for
from tests.keyrings import use

LEFT = Qt.MouseButton.LeftButton
PASSWORD = "correct horse battery"
STORE = KeyStore(ARCHIVE)


@pytest.fixture(autouse=True)
def keyring(monkeypatch):
    for module in (place, session):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)
    return use(monkeypatch)


@pytest.fixture
def where(tmp_path):
    here = Place.of_profile(tmp_path / "profile")
    yield here
    for folder in (here.files, here.kept):
        protected_folders.release(folder)


@pytest.fixture
def draft(where):
    path = where.profile / "readings" / "one" / "draft.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"[1]")
    return path


def the(kind):
    [found] = [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]
    return found


def is_there(kind):
    return any(isinstance(w, kind) and w.isVisible() for w in QApplication.topLevelWidgets())


def press(button):
    QTest.mouseClick(button, LEFT)


def choose(words):
    """Press a button of the question that is seen."""
    [button] = [b for b in the(QMessageBox).buttons() if b.text() == words]
    press(button)


def shown(qtbot, window):
    """Open the dialog by its command, and wait until it is known whether there is a key store."""
    window.actions_by_name["encryption"].trigger()
    dialog = the(KeyStoreDialog)
    qtbot.waitUntil(lambda: "Looking" not in dialog.turn.toolTip())
    return dialog


def turned(qtbot, window):
    dialog = shown(qtbot, window)
    with qtbot.waitSignal(window.accounts.keeper.entered):
        press(dialog.turn)


def words_of(dialog):
    return [label.text() for label in dialog.findChildren(type(dialog.told))] + [
        label.text() for label in dialog.scrolled.widget().children() if hasattr(label, "text")
    ]


class TestTurningOn:
    def test_by_mouse_after_what_it_protects_is_said(self, qtbot, window, where, draft, files):
        answer_for(Path("film_1.png"), None)
        with qtbot.waitSignal(window.workbench.session.finding_ready):
            window.workbench.opener.open_paths(files("film_1.png"))
        dialog = shown(qtbot, window)
        assert {KEY_STORE_IS_OFF, KEY_STORE_LOSS} <= set(words_of(dialog))
        assert dialog.focusWidget() is dialog.leave
        with qtbot.waitSignal(window.accounts.keeper.entered):
            press(dialog.turn)
        assert not is_there(KeyStoreDialog)
        assert where.protection is Protection.KEY_STORE
        assert window.workbench.session.cases == []
        assert not draft.exists()
        with protected_folders.open_binary(where.kept / "readings/one/draft.json") as file:
            assert file.read() == b"[1]"
        assert window.actions_by_name["archive"].isEnabled()
        assert window.actions_by_name["set_up_accounts"].isEnabled()
        again = shown(qtbot, window)
        assert KEY_STORE_IS_ON in words_of(again)
        QTest.keyClick(again, Qt.Key.Key_Escape)

    def test_return_closes_and_changes_nothing(self, qtbot, window, where):
        dialog = shown(qtbot, window)
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        assert not is_there(KeyStoreDialog)
        assert where.protection is Protection.NONE

    def test_as_a_choice_when_accounts_are_set_up(self, qtbot, window, where):
        window.actions_by_name["set_up_accounts"].trigger()
        dialog = the(SetUpDialog)
        QTest.mouseClick(dialog.ways[1], LEFT, pos=QPoint(8, dialog.ways[1].height() // 2))
        press(dialog.next)
        assert not is_there(SetUpDialog)
        key_store = the(KeyStoreDialog)
        qtbot.waitUntil(lambda: key_store.turn.isEnabled())
        with qtbot.waitSignal(window.accounts.keeper.entered):
            QTest.keyClick(key_store.turn, Qt.Key.Key_Space)
        assert where.protection is Protection.KEY_STORE

    def test_from_the_settings(self, qtbot, window, where):
        window.settings_commands.open(PageName.PRIVACY)
        press(the(SettingsDialog).encryption)
        dialog = the(KeyStoreDialog)
        qtbot.waitUntil(lambda: dialog.turn.isEnabled())
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        the(SettingsDialog).close()

    def test_without_a_key_store_the_reason_is_seen(self, qtbot, window, where, monkeypatch):
        use(monkeypatch, is_there=False)
        dialog = shown(qtbot, window)
        sentence, advice = ACCOUNT_WORDS[AccountProblem.NO_KEY_STORE]
        assert not dialog.turn.isEnabled()
        assert dialog.told.text() == dialog.turn.toolTip() == f"{sentence} {advice}"
        press(dialog.turn)
        assert where.protection is Protection.NONE
        dialog.close()

    def test_a_locked_key_store_is_said_and_can_be_tried_again(self, qtbot, window, keyring):
        keyring.is_locked = True
        dialog = shown(qtbot, window)
        press(dialog.turn)
        qtbot.waitUntil(lambda: "key store is locked" in dialog.told.text())
        keyring.is_locked = False
        with qtbot.waitSignal(window.accounts.keeper.entered):
            press(dialog.turn)

    def test_with_accounts_it_is_not_offered(self, qtbot, where, open_window):
        made, _ = set_up_accounts(where, "anna", "Dr. Anna", PASSWORD)
        made.close()
        window = open_window()
        assert window.actions_by_name.reason("encryption") == ARE_ACCOUNTS
        window.settings_commands.open(PageName.PRIVACY)
        assert the(SettingsDialog).encryption.toolTip() == ARE_ACCOUNTS
        assert not the(SettingsDialog).encryption.isEnabled()
        the(SettingsDialog).close()


class TestTurningOff:
    def test_after_a_question_that_return_does_not_answer_with_yes(
        self, qtbot, window, where, draft
    ):
        turned(qtbot, window)
        dialog = shown(qtbot, window)
        press(dialog.turn)
        QTest.keyClick(the(QMessageBox), Qt.Key.Key_Return)
        assert where.protection is Protection.KEY_STORE
        press(dialog.turn)
        with qtbot.waitSignal(window.accounts.keeper.left):
            choose("&Turn off")
        assert draft.read_bytes() == b"[1]"
        assert (where.protection, where.is_turned_off) == (Protection.NONE, True)
        assert window.actions_by_name.reason("archive") == NO_ARCHIVE
        again = shown(qtbot, window)
        assert KEY_STORE_WAS_OFF in words_of(again)
        with qtbot.waitSignal(window.accounts.keeper.entered):
            press(again.turn)
        assert not draft.exists()
        assert window.actions_by_name["archive"].isEnabled()


class TestStarting:
    @pytest.fixture
    def on(self, where, draft):
        turn_on(where, STORE).close()

    def begin(self, open_window):
        window, begun = open_window(), []
        window.accounts.start(lambda: begun.append(True))
        return window, begun

    def test_nobody_is_asked_and_readings_are_taken_in(self, qtbot, on, where, draft, open_window):
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.with_name("later.json").write_bytes(b"[2]")
        window, begun = self.begin(open_window)
        qtbot.waitUntil(lambda: begun == [True])
        assert window.accounts.keeper.session is not None
        assert not draft.with_name("later.json").exists()
        assert not is_there(QMessageBox)

    def test_without_the_key_it_asks_and_tries_again(self, qtbot, on, keyring, open_window):
        keyring.is_locked = True
        window, begun = self.begin(open_window)
        qtbot.waitUntil(lambda: is_there(QMessageBox))
        choose(TRY_AGAIN)
        qtbot.waitUntil(lambda: is_there(QMessageBox))
        assert begun == []
        keyring.is_locked = False
        QTest.keyClick(the(QMessageBox), Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: begun == [True])
        assert window.accounts.keeper.session is not None

    def test_it_goes_on_without_it_once_that_is_chosen(
        self, qtbot, on, where, keyring, open_window
    ):
        keyring.kept.clear()
        window, begun = self.begin(open_window)
        qtbot.waitUntil(lambda: is_there(QMessageBox))
        choose(GO_ON_WITHOUT)
        qtbot.waitUntil(lambda: begun == [True])
        assert where.is_turned_off
        assert window.accounts.keeper.session is None
        assert window.actions_by_name.reason("archive") == NO_ARCHIVE

    def test_it_is_left(self, qtbot, on, keyring, open_window):
        keyring.is_locked = True
        window, begun = self.begin(open_window)
        qtbot.waitUntil(lambda: is_there(QMessageBox))
        choose(QUIT)
        qtbot.waitUntil(lambda: not window.isVisible())
        assert begun == []


class TestWhereReadingsLie:
    @pytest.fixture
    def services(self, where, fake, monkeypatch):
        """The program's own services for readings, in the window."""
        real, build = program_services(where.profile), fake.build
        keep_in = []

        def built():
            made = build()
            object.__setattr__(made, "keep_in", lambda to: (keep_in.append(to), real.keep_in(to)))
            return made

        monkeypatch.setattr(fake, "build", built)
        return real, keep_in

    def test_the_window_keeps_them_encrypted(self, qtbot, where, services, open_window, tmp_path):
        real, keep_in = services
        window = open_window()
        turned(qtbot, window)
        assert keep_in[-1] == where.kept
        film = tmp_path / "film.png"
        film.write_bytes(FILM_SAMPLE.read_bytes())
        reading = real.open_reading(film_analysis(read_image(film)))
        reading.accept_rest()
        reading.write_impression("Planted impression.")
        reading.sign("Me")
        for path in where.profile.rglob("*"):
            assert path.is_dir() or b"Planted" not in path.read_bytes(), path
        dialog = shown(qtbot, window)
        press(dialog.turn)
        with qtbot.waitSignal(window.accounts.keeper.left):
            choose("&Turn off")
        assert keep_in[-1] is None
        again = real.open_reading(film_analysis(read_image(film)))
        assert again.status.is_verified
        assert again.faults == ()
        assert again.reading.impression.text == "Planted impression."


def test_it_says_that_it_is_on(qtbot, window, where):
    said = []
    window.workbench.messages.told.connect(said.append)
    turned(qtbot, window)
    assert TURNED_ON in said
