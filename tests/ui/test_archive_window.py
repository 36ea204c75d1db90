"""The archive in the window by mouse and keys: kept, searched, opened, followed, backed up."""

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from spinealign import protected_folders
from spinealign.accounts.book import Role
from spinealign.accounts.keys import LEAST_COST
from spinealign.archive.records import FileRole, Search
from spinealign.audit.events import EventKind
from spinealign.domain.study import PatientFacts
from spinealign.ui.vault.sign_in_dialog import SignInDialog
from spinealign.vault import administration, place, safety_copies, session
from spinealign.vault.place import Place
from spinealign.vault.session import set_up_accounts
from spinealign.wording.archive_window import IS_LOCKED, MAY_NOT_KEEP, NO_ARCHIVE, NO_CASE_SELECTED
from tests.ui.hands import open_and_rest

LEFT = Qt.MouseButton.LeftButton
PASSWORD, OTHER = "correct horse battery", "another horse battery"
JANE = PatientFacts(
    name="Planted^Jane", identifier="ID-1", birth_date="19700131", study_date="20261101"
)


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
    """Accounts of anna, who administers and reads, and of bob, who looks; her recovery key."""
    made, key = set_up_accounts(where, "anna", "Dr. Anna Reader", PASSWORD)
    administration.add_account(made, "bob", "Bob Viewer", [Role.VIEWER], OTHER)
    made.close()
    return key


def the(kind):
    """The one window of a kind that is seen."""
    [found] = [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]
    return found


def is_there(kind):
    return any(isinstance(w, kind) and w.isVisible() for w in QApplication.topLevelWidgets())


def enter(qtbot, window, password=PASSWORD):
    dialog = the(SignInDialog)
    QTest.keyClicks(dialog.password.line, password)
    with qtbot.waitSignal(window.accounts.keeper.entered):
        QTest.keyClick(dialog, Qt.Key.Key_Return)
    window.activateWindow()


@pytest.fixture
def anna(qtbot, recovery_key, open_window, fake):
    """The window once anna signed in."""
    for name in ("film_1.png", "film_2.png", "mr_1.nii"):
        fake.patients[name] = JANE
    window = open_window()
    window.start()
    enter(qtbot, window)
    return window


def press(button):
    QTest.mouseClick(button, LEFT)


def give(window, *keys):
    QTest.keyClick(window, *keys)


def rest(qtbot, window):
    runners = window.workbench.records, window.archive.desk.runner
    qtbot.waitUntil(lambda: not any(each.is_busy for each in runners), timeout=10_000)


def keep(qtbot, window, paths):
    """Open files that are no real images, and keep them by the key."""
    for path in paths:
        if not path.read_bytes():
            path.write_bytes(path.name.encode())
    open_and_rest(qtbot, window, *paths)
    give(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    rest(qtbot, window)


def archive_of(window):
    return window.accounts.keeper.session.archive


class TestKeeping:
    def test_it_is_not_offered_without_an_archive(self, qtbot, window, files):
        open_and_rest(qtbot, window, *files("film_1.png"))
        assert window.actions_by_name.reason("keep_in_archive") == NO_ARCHIVE

    def test_it_needs_a_case(self, anna):
        assert window_reason(anna) == NO_CASE_SELECTED

    def test_the_key_keeps_what_is_selected(self, qtbot, anna, files):
        keep(qtbot, anna, files("film_1.png"))
        [record] = archive_of(anna).search(Search())
        whole = archive_of(anna).get(record.identifier)
        assert record.patient.name == "Planted^Jane"
        assert (record.kind, record.study_date, record.status) == (
            "lateral-neck", "20261101", "automatic",
        )  # fmt: skip
        assert record.key_value == anna.cases.model.key_value_of(anna.workbench.current)
        assert whole.measures
        [original] = archive_of(anna).files(record.identifier, FileRole.ORIGINAL)
        assert archive_of(anna).read_file(original) == b"film_1.png"
        [small] = archive_of(anna).files(record.identifier, FileRole.THUMBNAIL)
        assert archive_of(anna).read_file(small).startswith(b"\x89PNG")
        assert anna.status.step.text() == "Kept in the archive: film_1.png, 1 file"
        events = [event for _, event in anna.accounts.keeper.session.events()]
        assert [e.user for e in events if e.kind is EventKind.IMPORT] == ["anna"]

    def test_keeping_again_brings_it_up_to_date(self, qtbot, anna, files):
        paths = files("film_1.png")
        keep(qtbot, anna, paths)
        give(anna, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
        rest(qtbot, anna)
        assert archive_of(anna).count(Search()) == 1

    def test_all_selected_cases_are_kept(self, qtbot, anna, files):
        paths = files("film_1.png", "film_2.png")
        for path in paths:
            path.write_bytes(path.name.encode())
        open_and_rest(qtbot, anna, *paths)
        anna.cases.view.selectAll()
        anna.actions_by_name["keep_in_archive"].trigger()
        rest(qtbot, anna)
        assert archive_of(anna).count(Search()) == 2
        assert anna.status.step.text() == "Kept in the archive: 2 cases, 2 files"

    def test_a_viewer_may_not(self, qtbot, recovery_key, where, open_window, files):
        made = session.sign_in(where, "bob", OTHER)
        administration.change_password(made, OTHER, "a password of bob's own")
        made.close()
        window = open_window()
        window.start()
        QTest.keyClick(the(SignInDialog).accounts, Qt.Key.Key_Down)
        enter(qtbot, window, "a password of bob's own")
        open_and_rest(qtbot, window, *files("film_1.png"))
        assert window_reason(window) == MAY_NOT_KEEP

    def test_nothing_is_kept_while_it_is_locked(self, qtbot, anna, files):
        open_and_rest(qtbot, anna, *files("film_1.png"))
        with qtbot.waitSignal(anna.accounts.keeper.locked):
            anna.actions_by_name["lock"].trigger()
        assert window_reason(anna) == IS_LOCKED

    def test_a_failure_is_told_in_words(self, qtbot, anna, files, fake, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(type(archive_of(anna)), "prepare_file", full)
        keep(qtbot, anna, files("film_1.png"))
        assert "cannot be written" in anna.banner.text
        assert archive_of(anna).count(Search()) == 0


def window_reason(window):
    return window.actions_by_name.reason("keep_in_archive")
