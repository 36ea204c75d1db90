"""The archive in the window by mouse and keys: kept, searched, opened, followed, backed up."""

import shutil
import threading
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QFileDialog, QLabel, QMessageBox

from spinealign import protected_folders
from spinealign.accounts.book import Role
from spinealign.accounts.keys import LEAST_COST
from spinealign.archive.records import (
    ExaminationRecord,
    FileRole,
    FindingRecord,
    MeasureBasis,
    MeasureRecord,
    PatientRecord,
    ReadingVersion,
    Search,
)
from spinealign.audit.events import EventKind, Outcome
from spinealign.domain.errors import ExportError, ExportProblem
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import MeasureState
from spinealign.domain.protection import UnreadableResultError
from spinealign.domain.study import PatientFacts
from spinealign.files import TEMPORARY_PREFIX
from spinealign.ui.manual.manual_window import DAMAGED_PAGE, ManualWindow
from spinealign.ui.vault import keeping_jobs, restore_dialog, search_page
from spinealign.ui.vault.archive_dialog import ArchiveDialog
from spinealign.ui.vault.cover import Cover
from spinealign.ui.vault.damaged_accounts_dialog import DamagedAccountsDialog
from spinealign.ui.vault.examination_list import framed
from spinealign.ui.vault.follow_page import dated_values
from spinealign.ui.vault.package_dialogs import ExportDialog, ImportDialog
from spinealign.ui.vault.restore_dialog import RestoreDialog
from spinealign.ui.vault.sign_in_dialog import SignInDialog, UnlockDialog
from spinealign.ui.window import archive_commands
from spinealign.vault import administration, exchange, place, safety_copies, session
from spinealign.vault.following import followed, in_time
from spinealign.vault.keeping import Opened, delete
from spinealign.vault.keeping import keep as keep_record
from spinealign.vault.place import Place
from spinealign.vault.session import set_up_accounts
from spinealign.wording.archive import DAMAGED_MANUAL_TITLE
from spinealign.wording.archive_window import (
    ARCHIVE_IS_THERE,
    CASES_ARE_OPEN,
    CHANGED_SUFFIX,
    CHOOSE_BACK_UP,
    CHOOSE_TO_UNLINK,
    DATES_TURNED,
    DELETE_NOW,
    EMPTY_ARCHIVE,
    EMPTY_VIEWS,
    IS_ALL_SHOWN,
    IS_LOCKED,
    IS_WORKING,
    LINK_NOW,
    MAY_NOT_KEEP,
    NO_ARCHIVE,
    NO_BACK_UP_THERE,
    NO_CASE_SELECTED,
    NOT_A_DATE,
    NOTHING_DUE,
    NOTHING_FITS,
    ONLY_ONE_PATIENT,
    STOP_KEEPING,
    STOPPED,
    STOPPED_BY_LOCK,
    TOO_FEW_VALUES,
    UNLINK_NOW,
)
from spinealign.wording.kept_result import OTHER_MODEL, UNREADABLE
from start import MR_SAMPLE
from tests.ui.hands import open_and_rest, settle

LEFT = Qt.MouseButton.LeftButton
PASSWORD, OTHER = "correct horse battery", "another horse battery"
JANE = PatientFacts(
    name="Planted^Jane", identifier="ID-1", birth_date="19700131", study_date="20261101"
)


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch):
    for module in (place, session, safety_copies, exchange):
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
    # A key that comes before is nobody's.
    qtbot.waitUntil(window.isActiveWindow)


@pytest.fixture
def anna(qtbot, recovery_key, open_window, fake):
    """The window once anna signed in."""
    for name in ("film_1.png", "film_2.png", "mr_1.nii"):
        fake.patients[name] = JANE
    window = open_window()
    window.start()
    enter(qtbot, window)
    return window


def all_words(widget):
    return " ".join(label.text() for label in widget.findChildren(QLabel))


class Gate:
    """Holds back what a worker does until the test lets it go on."""

    def __init__(self):
        self.may_go_on = threading.Event()

    def before(self, steps):
        """The same steps, held back at their beginning."""

        def held(*given, **named):
            assert self.may_go_on.wait(10)
            return (yield from steps(*given, **named))

        return held


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
    qtbot.waitUntil(lambda: window_reason(window) == "")
    give(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    rest(qtbot, window)


def outcomes(window, kind):
    """How each event of a kind went, in the order in which they came."""
    events = [event for _, event in window.accounts.keeper.session.events()]
    return [event.outcome for event in events if event.kind is kind]


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

    def test_the_list_of_cases_offers_it(self, qtbot, anna, files):
        paths = files("film_1.png", "film_2.png")
        for path in paths:
            path.write_bytes(path.name.encode())
        open_and_rest(qtbot, anna, *paths)
        anna.cases.view.selectAll()
        menu = anna.cases.menu()
        [keep_them] = [each for each in menu.actions() if "archive" in each.text()]
        assert keep_them.text() == "Keep 2 cases in archive"
        menu.popup(QPoint(0, 0))
        QTest.mouseClick(menu, LEFT, pos=menu.actionGeometry(keep_them).center())
        rest(qtbot, anna)
        assert archive_of(anna).count(Search()) == 2

    def test_the_list_of_cases_says_why_not(self, qtbot, window, files):
        open_and_rest(qtbot, window, *files("film_1.png"))
        menu = window.cases.menu()
        [keep_it] = [each for each in menu.actions() if "archive" in each.text()]
        assert not keep_it.isEnabled()
        assert keep_it.toolTip() == NO_ARCHIVE
        assert menu.toolTipsVisible()

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

    def test_keeping_many_files_is_stopped(self, qtbot, anna, files, monkeypatch):
        gate = Gate()
        monkeypatch.setattr(keeping_jobs, "keeping", gate.before(keeping_jobs.keeping))
        monkeypatch.setattr(archive_commands, "_LONG_FILES", 2)
        paths = files("film_1.png", "film_2.png")
        for path in paths:
            path.write_bytes(path.name.encode())
        open_and_rest(qtbot, anna, *paths)
        offered = []
        anna.workbench.messages.noticed.connect(lambda *said: offered.append(said))
        anna.cases.view.selectAll()
        give(anna, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
        qtbot.waitUntil(lambda: bool(offered))
        [(message, button, stop)] = offered
        assert button == STOP_KEEPING
        assert message.sentence.startswith("2 cases")
        stop()
        gate.may_go_on.set()
        rest(qtbot, anna)
        stopped = "Stopped: 0 of 2 cases put into the archive."
        qtbot.waitUntil(lambda: anna.status.step.text() == stopped)
        assert archive_of(anna).count(Search()) == 0
        assert not [path for path in anna.accounts.keeper.place.files.rglob("*") if path.is_file()]

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
        assert "is full" in anna.banner.text
        assert archive_of(anna).count(Search()) == 0
        assert outcomes(anna, EventKind.IMPORT) == [Outcome.SERIOUS_FAILURE]

    def test_an_export_that_fails_is_in_the_trail(self, qtbot, anna, files, fake, monkeypatch):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/nowhere")
        fake.write_failure = ExportError(files("out")[0], ExportProblem.DISK_FULL)
        open_and_rest(qtbot, anna, *files("film_1.png"))
        anna.actions_by_name["save"].trigger()
        qtbot.waitUntil(lambda: "disk is full" in anna.banner.text)
        assert outcomes(anna, EventKind.EXPORT) == [Outcome.SUCCESS, Outcome.SERIOUS_FAILURE]
        fake.write_failure = None
        with qtbot.waitSignal(anna.workbench.saver.saved):
            anna.actions_by_name["save"].trigger()
        assert outcomes(anna, EventKind.EXPORT)[2:] == [Outcome.SUCCESS]


def window_reason(window):
    return window.actions_by_name.reason("keep_in_archive")


def show_archive(qtbot, window):
    give(
        window,
        Qt.Key.Key_K,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    dialog = the(ArchiveDialog)
    rest(qtbot, window)
    return dialog


def cells(rows):
    model = rows.model()
    return [
        [model.index(row, column).data() for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def choose(page, *places):
    """Click rows of the list, the second and later ones with Ctrl."""
    keys = Qt.KeyboardModifier.NoModifier
    for number in places:
        rect = page.rows.visualRect(page.rows.model().index(number, 0))
        QTest.mouseClick(page.rows.viewport(), LEFT, keys, rect.center())
        keys = Qt.KeyboardModifier.ControlModifier


def pick(box, data):
    box.setFocus()
    box.setCurrentIndex(box.findData(data))


JOHN = PatientFacts(name="Doe^John", identifier="ID-2", study_date="20251101")


@pytest.fixture
def kept(qtbot, anna, files, fake):
    """The archive with a film of Jane's and one of John's."""
    fake.patients["film_2.png"] = JOHN
    keep(qtbot, anna, files("film_1.png"))
    keep(qtbot, anna, files("film_2.png"))
    return anna


@pytest.fixture
def known(qtbot, kept):
    """Jane's film read and signed by anna, with a tag; John's an MR with a note."""
    archive = archive_of(kept)
    jane, john = archive.search(Search())
    found = (FindingRecord("narrowing/C5", "C5/C6", "Disc space narrowed"),)
    archive.put(replace(archive.get(jane.identifier), findings=found, tags=("teaching",)))
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    signed = ReadingVersion(1, "signed", "Dr. Anna Reader", now, "In regard of the neck", b"{}")
    archive.put_reading(jane.identifier, signed)
    archive.put(replace(archive.get(john.identifier), kind="spine-mr", findings=()))
    archive.add_note(john.identifier, "Dr. Anna Reader", now, "ask the surgeon")
    return kept


class TestList:
    def test_an_empty_archive_says_how_to_begin(self, qtbot, anna):
        dialog = show_archive(qtbot, anna)
        assert dialog.list.rows.placeholder == EMPTY_ARCHIVE

    def test_it_lists_what_is_kept_the_latest_first(self, qtbot, kept):
        page = show_archive(qtbot, kept).list
        rows = cells(page.rows)
        assert [row[:5] for row in rows] == [
            ["2026-11-01", "Planted Jane", "ID-1", "Lateral neck X-ray", "not read"],
            ["2025-11-01", "Doe John", "ID-2", "Lateral neck X-ray", "not read"],
        ]
        assert page.told.text() == "2 examinations."

    def test_words_narrow_it_by_the_keyboard_alone(self, qtbot, kept):
        page = show_archive(qtbot, kept).list
        assert page.lines["words"].hasFocus()
        QTest.keyClicks(page.lines["words"], "plant")
        QTest.keyClick(page.lines["words"], Qt.Key.Key_Return)
        rest(qtbot, kept)
        assert [row[2] for row in cells(page.rows)] == ["ID-1"]
        events = [event for _, event in kept.accounts.keeper.session.events()]
        asked = [e.objects[0].query for e in events if e.kind is EventKind.QUERY]
        assert asked == ["plant"]

    @pytest.mark.parametrize(
        ("typed", "ids"),
        [
            ("plant", ["ID-1"]), ("jane planted", ["ID-1"]), ("id-2", ["ID-2"]),
            ("narrow", ["ID-1"]), ("regard", ["ID-1"]), ("teach", ["ID-1"]),
            ("surgeon", ["ID-2"]), ("nobody", []),
        ],
        ids=["name", "names turned", "ID", "finding", "impression", "tag", "note", "nothing"],
    )  # fmt: skip
    def test_what_is_typed_is_searched_for_without_return(self, qtbot, known, typed, ids):
        page = show_archive(qtbot, known).list
        QTest.keyClicks(page.lines["words"], typed)
        qtbot.waitUntil(lambda: [row[2] for row in cells(page.rows)] == ids)
        assert page.lines["words"].hasFocus()

    @pytest.mark.parametrize(
        ("field", "chosen", "ids"),
        [
            ("view", "to_read", ["ID-2"]), ("view", "mine", ["ID-1"]),
            ("view", "signed_today", ["ID-1"]), ("kind", "spine-mr", ["ID-2"]),
            ("status", "signed", ["ID-1"]), ("level", "C5/C6", ["ID-1"]),
            ("tag", "teaching", ["ID-1"]), ("reader", "Dr. Anna Reader", ["ID-1"]),
        ],
        ids=["to read", "mine", "signed today", "kind", "status", "level", "tag", "reader"],
    )  # fmt: skip
    def test_choices_are_reached_and_changed_by_keys(self, qtbot, known, field, chosen, ids):
        page = show_archive(qtbot, known).list
        box = page.choices[field]
        while not box.hasFocus():
            QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        while box.currentData() != chosen:
            before = box.currentIndex()
            QTest.keyClick(box, Qt.Key.Key_Down)
            assert box.currentIndex() == before + 1
        rest(qtbot, known)
        assert [row[2] for row in cells(page.rows)] == ids
        press(page.clear)
        rest(qtbot, known)
        assert [row[2] for row in cells(page.rows)] == ["ID-1", "ID-2"]
        assert page.lines["words"].hasFocus()
        assert page.clear.toolTip() == IS_ALL_SHOWN

    def test_a_worklist_that_is_empty_says_where_to_go_on(self, qtbot, kept):
        page = show_archive(qtbot, kept).list
        pick(page.choices["view"], "signed_today")
        rest(qtbot, kept)
        assert page.rows.placeholder == EMPTY_VIEWS["signed_today"]
        QTest.keyClicks(page.lines["words"], "doe")
        QTest.keyClick(page.lines["words"], Qt.Key.Key_Return)
        rest(qtbot, kept)
        assert page.rows.placeholder == NOTHING_FITS

    def test_words_enter_the_trail_once(self, qtbot, kept):
        page = show_archive(qtbot, kept).list
        for _ in range(2):
            QTest.keyClicks(page.lines["words"], "doe")
            for _ in range(2):
                press(page.search)
                rest(qtbot, kept)
            press(page.clear)
            rest(qtbot, kept)
        events = [event for _, event in kept.accounts.keeper.session.events()]
        asked = [e.objects[0].query for e in events if e.kind is EventKind.QUERY]
        assert asked == ["doe", "doe"]

    def test_a_choice_without_words_enters_the_trail(self, qtbot, kept):
        page = show_archive(qtbot, kept).list
        page.choices["view"].setFocus()
        QTest.keyClick(page.choices["view"], Qt.Key.Key_Down)
        rest(qtbot, kept)
        events = [event for _, event in kept.accounts.keeper.session.events()]
        asked = [e.objects[0].query for e in events if e.kind is EventKind.QUERY]
        assert asked == ["list to read"]

    def test_a_heading_sorts_and_the_choice_stays(self, qtbot, kept):
        page = show_archive(qtbot, kept).list
        choose(page, 0)
        header = page.rows.header()
        place = header.sectionViewportPosition(1) + 10
        QTest.mouseClick(header.viewport(), LEFT, pos=QPoint(place, header.height() // 2))
        assert [row[1] for row in cells(page.rows)] == ["Doe John", "Planted Jane"]
        assert [record.patient.patient_id for record in page.chosen] == ["ID-1"]
        QTest.mouseClick(header.viewport(), LEFT, pos=QPoint(place, header.height() // 2))
        assert [row[1] for row in cells(page.rows)] == ["Planted Jane", "Doe John"]
        QTest.keyClicks(page.lines["words"], "planted")
        QTest.keyClick(page.lines["words"], Qt.Key.Key_Return)
        rest(qtbot, kept)
        assert [record.patient.patient_id for record in page.chosen] == ["ID-1"]

    @pytest.mark.parametrize("key", [Qt.Key.Key_Down, Qt.Key.Key_Return], ids=["down", "return"])
    def test_keys_go_on_from_the_words_to_what_was_found(self, qtbot, kept, key):
        page = show_archive(qtbot, kept).list
        QTest.keyClicks(page.words, "doe")
        if key == Qt.Key.Key_Down:
            qtbot.waitUntil(lambda: len(cells(page.rows)) == 1)
        QTest.keyClick(page.words, key)
        rest(qtbot, kept)
        assert page.rows.hasFocus()
        assert [record.patient.patient_id for record in page.chosen] == ["ID-2"]
        page.words.setFocus()
        QTest.keyClick(page.words, Qt.Key.Key_Escape)
        assert page.words.text() == ""
        assert page.isVisible()

    def test_rows_in_sight_have_their_thumbnails(self, qtbot, kept):
        page = show_archive(qtbot, kept).list
        where = Qt.ItemDataRole.DecorationRole

        def pictures():
            model = page.rows.model()
            return [model.index(row, 0).data(where).toImage() for row in range(2)]

        empty = framed(b"", page.devicePixelRatioF())
        qtbot.waitUntil(lambda: all(each != empty for each in pictures()))
        assert {each.size() for each in pictures()} == {empty.size()}

    def test_nothing_that_fits_is_said(self, qtbot, kept):
        page = show_archive(qtbot, kept).list
        pick(page.choices["status"], "signed")
        rest(qtbot, kept)
        assert page.rows.placeholder == NOTHING_FITS
        assert not cells(page.rows)

    def test_dates_that_are_none_or_turned_are_not_searched_for(self, qtbot, kept):
        page = show_archive(qtbot, kept).list
        QTest.keyClicks(page.lines["first_date"], "yesterday")
        assert page.search.toolTip() == NOT_A_DATE
        page.lines["first_date"].setText("2026-01-01")
        page.lines["last_date"].setText("2025-01-01")
        assert page.search.toolTip() == DATES_TURNED
        page.lines["last_date"].setText("2026-12-31")
        press(page.search)
        rest(qtbot, kept)
        assert [row[2] for row in cells(page.rows)] == ["ID-1"]

    def test_the_rest_is_counted(self, qtbot, kept, monkeypatch):
        monkeypatch.setattr(search_page, "MOST_LISTED", 1)
        page = show_archive(qtbot, kept).list
        assert page.told.text().startswith("1 of 2 examinations shown")

    def test_images_open_without_a_trace_of_their_files_names(self, qtbot, kept):
        kept.workbench.close_all()
        before = [recent.path for recent in kept.workbench.preferences.recent]
        dialog = show_archive(qtbot, kept)
        choose(dialog.list, 0)
        rest(qtbot, kept)
        QTest.keyClick(dialog.list.rows, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: bool(kept.workbench.session.cases))
        settle(qtbot, kept)
        [case] = kept.workbench.session.cases
        assert case.title == "Lateral neck X-ray"
        assert protected_folders.is_protected(case.path)
        assert [recent.path for recent in kept.workbench.preferences.recent] == before
        assert not is_there(ArchiveDialog)
        events = [event for _, event in kept.accounts.keeper.session.events()]
        assert EventKind.VIEW in {event.kind for event in events}

    def test_tags_and_notes_are_typed_and_found(self, qtbot, kept):
        page = show_archive(qtbot, kept).list
        choose(page, 1)
        rest(qtbot, kept)
        assert page.details.patient.text() == "Doe John (ID-2)"
        assert not page.details.picture.pixmap().isNull()
        QTest.keyClicks(page.details.tags, "teaching,  second  look ,")
        QTest.keyClick(page.details.tags, Qt.Key.Key_Return)
        rest(qtbot, kept)
        QTest.keyClicks(page.details.note, "ask the surgeon")
        press(page.details.add_note)
        rest(qtbot, kept)
        assert page.details.note.text() == ""
        assert "Dr. Anna Reader: ask the surgeon" in page.details.notes.text()
        assert [row[7] for row in cells(page.rows)] == ["", "second look, teaching"]
        pick(page.choices["tag"], "teaching")
        rest(qtbot, kept)
        assert [row[2] for row in cells(page.rows)] == ["ID-2"]

    def test_return_deletes_nothing_and_the_button_does(self, qtbot, kept):
        page = show_archive(qtbot, kept).list
        choose(page, 0)
        press(page.delete)
        box = the(QMessageBox)
        assert "Planted Jane (ID-1)" in box.text()
        QTest.keyClick(box, Qt.Key.Key_Return)
        rest(qtbot, kept)
        assert archive_of(kept).count(Search()) == 2
        press(page.delete)
        [yes] = [b for b in the(QMessageBox).buttons() if b.text() == DELETE_NOW]
        press(yes)
        rest(qtbot, kept)
        assert [row[2] for row in cells(page.rows)] == ["ID-2"]
        assert page.told.text() == "Deleted: 1 examination. 1 examination."

    def test_a_package_is_written_and_read(self, qtbot, kept, tmp_path, monkeypatch):
        path = tmp_path / "jane.spinealign-case"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "jane"), ""))
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
        page = show_archive(qtbot, kept).list
        choose(page, 0)
        press(page.export)
        export = the(ExportDialog)
        assert not export.run.isEnabled()
        QTest.keyClicks(export.field.first.line, "package password")
        assert not export.run.isEnabled()
        QTest.keyClicks(export.field.again.line, "package password")
        QTest.keyClick(export, Qt.Key.Key_Return)
        rest(qtbot, kept)
        assert not is_there(ExportDialog)
        assert b"Planted" not in path.read_bytes()
        kept.archive.desk.ask(lambda session: delete(session, [page.chosen[0].identifier]))
        rest(qtbot, kept)
        press(page.import_)
        opened = the(ImportDialog)
        QTest.keyClicks(opened.field.line, "another password")
        press(opened.run)
        rest(qtbot, kept)
        assert "does not open with this password" in opened.told.text()
        opened.field.clear()
        QTest.keyClicks(opened.field.line, "package password")
        press(opened.run)
        rest(qtbot, kept)
        assert not is_there(ImportDialog)
        assert [row[2] for row in cells(page.rows)] == ["ID-1", "ID-2"]

    @pytest.mark.parametrize("does_export", [True, False], ids=["export", "import"])
    def test_a_package_is_stopped_half_way(self, qtbot, kept, tmp_path, monkeypatch, does_export):
        path = tmp_path / "jane.spinealign-case"
        name = "getSaveFileName" if does_export else "getOpenFileName"
        monkeypatch.setattr(QFileDialog, name, lambda *_: (str(path), ""))
        page = show_archive(qtbot, kept).list
        choose(page, 0)
        if not does_export:
            [record] = page.chosen
            session = kept.accounts.keeper.session
            exchange.export_package(session, record.identifier, path, "package password")
            delete(session, [record.identifier])
        press(page.export if does_export else page.import_)
        dialog = the(ExportDialog if does_export else ImportDialog)
        if does_export:
            assert "2026-11-01, Lateral neck X-ray, Planted Jane (ID-1)" in all_words(dialog)
        field = dialog.field
        for line in (field.first.line, field.again.line) if does_export else (field.line,):
            QTest.keyClicks(line, "package password")
        before = sorted(kept.accounts.keeper.place.files.rglob("*/*"))
        gate, name = Gate(), "exporting" if does_export else "importing"
        monkeypatch.setattr(search_page, name, gate.before(getattr(search_page, name)))
        press(dialog.run)
        assert dialog.progress.isVisible()
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        gate.may_go_on.set()
        rest(qtbot, kept)
        assert dialog.isVisible()
        assert dialog.told.text() == STOPPED
        assert not dialog.progress.isVisible()
        assert dialog.run.isEnabled()
        assert path.exists() is not does_export
        assert archive_of(kept).count(Search()) == (2 if does_export else 1)
        assert sorted(kept.accounts.keeper.place.files.rglob("*/*")) == before
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        assert not is_there(type(dialog))

    def test_locking_closes_it(self, qtbot, kept):
        show_archive(qtbot, kept)
        with qtbot.waitSignal(kept.accounts.keeper.locked):
            kept.accounts.keeper.lock()
        assert not is_there(ArchiveDialog)

    def test_everything_has_a_name(self, qtbot, kept):
        dialog = show_archive(qtbot, kept)
        fields = (*dialog.list.lines.values(), *dialog.list.choices.values(), dialog.list.rows)
        assert all(field.accessibleName() for field in fields)
        assert dialog.list.details.tags.accessibleName()


class TestFollowUp:
    @pytest.fixture
    def course(self, qtbot, anna, files, fake):
        """Two films of Jane's under two IDs, and one of John's."""
        earlier = PatientFacts(name="Planted^Jane", identifier="OLD-9", study_date="20240301")
        for name, facts in (("film_1.png", JANE), ("film_2.png", earlier), ("film_3.png", JOHN)):
            fake.patients[name] = facts
            keep(qtbot, anna, files(name))
        return anna

    def test_two_ids_are_linked_followed_and_unlinked(self, qtbot, course):
        dialog = show_archive(qtbot, course)
        page = dialog.list
        assert [row[2] for row in cells(page.rows)] == ["ID-1", "ID-2", "OLD-9"]
        choose(page, 0)
        press(page.follow)
        rest(qtbot, course)
        assert dialog.person.isVisible()
        assert [row[1] for row in cells(dialog.person.rows)] == ["ID-1"]
        assert dialog.person.told.text() == TOO_FEW_VALUES
        dialog.turn_to(page)
        choose(page, 0, 2)
        press(page.link)
        box = the(QMessageBox)
        assert "Planted Jane (ID-1)" in box.text()
        assert "Planted Jane (OLD-9)" in box.text()
        QTest.keyClick(box, Qt.Key.Key_Return)
        press(page.link)
        press_word(LINK_NOW)
        rest(qtbot, course)
        dialog.turn_to(dialog.person)
        identifiers = {each.patient.patient_id: each.identifier for each in dialog.person._records}
        assert dialog.person.rows.chosen == [identifiers["OLD-9"]]
        assert dialog.person.unlink.isEnabled()
        dialog.person.rows.clearSelection()
        assert dialog.person.unlink.toolTip() == CHOOSE_TO_UNLINK
        dialog.turn_to(page)
        choose(page, 0)
        press(page.follow)
        rest(qtbot, course)
        rows = cells(dialog.person.rows)
        assert [row[:2] for row in rows] == [["2024-03-01", "OLD-9"], ["2026-11-01", "ID-1"]]
        assert all(row[4] for row in rows)
        assert dialog.person.rows.chosen == [identifiers["ID-1"]]
        assert not dialog.person.chart.pixmap().isNull()
        assert "2024-03-01" in dialog.person.chart.accessibleName()
        choose(dialog.person, 0)
        press(dialog.person.unlink)
        press_word(UNLINK_NOW)
        rest(qtbot, course)
        assert [row[1] for row in cells(dialog.person.rows)] == ["ID-1"]
        assert dialog.person.unlink.toolTip() == ONLY_ONE_PATIENT

    def test_the_measure_is_chosen(self, qtbot, course):
        dialog = show_archive(qtbot, course)
        choose(dialog.list, 0)
        press(dialog.list.follow)
        rest(qtbot, course)
        [before] = cells(dialog.person.rows)
        dialog.person.measure.setFocus()
        QTest.keyClick(dialog.person.measure, Qt.Key.Key_Down)
        [after] = cells(dialog.person.rows)
        assert before[4] != after[4]

    def test_a_change_beyond_the_error_is_told_and_drawn(self, qtbot, course):
        archive = archive_of(course)
        basis = MeasureBasis(MeasureState.AUTOMATIC, SpacingSource.UNKNOWN, True, 2.0, 1.5)
        for record, value in zip(archive.search(Search()), (30.0, 20.0, 10.0), strict=True):
            measure = MeasureRecord(
                "cobb_c2_c7", "C2/C7", "deg", value, value - 2, value + 2, basis
            )
            archive.put(replace(archive.get(record.identifier), measures=(measure,)))
        records = archive.search(Search())
        archive.link(records[0].patient, records[2].patient)
        dialog = show_archive(qtbot, course)
        choose(dialog.list, 0)
        press(dialog.list.follow)
        rest(qtbot, course)
        page = dialog.person
        assert [row[4:] for row in cells(page.rows)] == [
            ["10.0° (95 % 8.0 to 12.0)", "", "", ""],
            ["30.0° (95 % 28.0 to 32.0)", "+20.0°", "± 5.0°", "changed beyond the error"],
        ]
        assert page.measure.currentText().endswith(CHANGED_SUFFIX)
        assert "(changed)" in page.chart.accessibleName()
        assert "Error of a change: " in page.cautions.text()
        first, last = dated_values(page._records, page.shown)
        assert (first.ends, first.change) == ((8.0, 12.0), None)
        assert last.is_changed

    def test_values_without_a_date_are_not_drawn(self):
        def examination(day, value):
            measure = MeasureRecord("cobb_c2_c7", "C2/C7", "deg", value, value - 1, value + 1)
            patient = PatientRecord("P1")
            return ExaminationRecord(
                day, patient, "lateral-neck", "", "", study_date=day, measures=(measure,)
            )

        days = (("20260102", 2.0), ("", 3.0), ("20250101", 1.0))
        records = in_time(examination(day, value) for day, value in days)
        [shown] = followed(records)
        drawn = dated_values(records, shown)
        assert [one.value for one in drawn] == [1.0, 2.0]
        assert drawn[0].ends == (0.0, 2.0)
        assert drawn[0].measurement.levels == ("C2", "C7")

    def test_pixels_of_two_images_are_not_drawn_on_one_axis(self):
        def examination(day):
            measure = MeasureRecord("translation", "C4/C5", "px", 3.0, 2.0, 4.0)
            patient = PatientRecord("P1")
            return ExaminationRecord(
                day, patient, "lateral-neck", "", "", study_date=day, measures=(measure,)
            )

        records = in_time(map(examination, ("20250101", "20260101")))
        [shown] = followed(records)
        assert len(dated_values(records, shown)) < 2


def press_word(words):
    [button] = [b for b in the(QMessageBox).buttons() if b.text() == words]
    press(button)


class TestSafety:
    @pytest.fixture
    def page(self, qtbot, kept):
        dialog = show_archive(qtbot, kept)
        dialog.turn_to(dialog.safety)
        return dialog.safety

    def test_a_back_up_is_made_drilled_and_restores(self, qtbot, kept, page, tmp_path, monkeypatch):
        disk = tmp_path / "disk"
        disk.mkdir()
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(disk))
        press(page.drill)
        assert page.told.text() == NO_BACK_UP_THERE
        press(page.back_up)
        assert page.stop.isVisible()
        assert page.check.toolTip() == IS_WORKING
        rest(qtbot, kept)
        assert "2 examinations" in page.told.text()
        assert not page.stop.isVisible()
        [copy] = safety_copies.back_ups_on(disk)
        steps = []
        page.progress.valueChanged.connect(
            lambda done: steps.append((done, page.progress.maximum()))
        )
        press(page.drill)
        rest(qtbot, kept)
        assert page.told.text().startswith("This back-up restores: 2 examinations")
        assert len(set(steps)) > 4
        assert not list(kept.workbench.preferences.folder.glob(f"{TEMPORARY_PREFIX}*"))
        changed = next(
            path for path in copy.parent.rglob("*") if path.parent.parent.name == "files"
        )
        changed.write_bytes(changed.read_bytes()[:-1])
        press(page.drill)
        rest(qtbot, kept)
        assert "not as it was written" in page.told.text()

    def test_a_back_up_is_stopped(self, qtbot, kept, page, tmp_path, monkeypatch):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "disk"))
        press(page.back_up)
        press(page.stop)
        rest(qtbot, kept)
        assert page.told.text() == STOPPED
        assert not safety_copies.back_ups_on(tmp_path / "disk")
        assert page.back_up.isEnabled()

    @pytest.mark.parametrize("is_same", [True, False], ids=["unlocked", "somebody else"])
    def test_what_locking_stopped_is_told_to_who_unlocks(
        self, qtbot, kept, page, tmp_path, monkeypatch, is_same
    ):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "disk"))
        press(page.back_up)
        keeper = kept.accounts.keeper
        with qtbot.waitSignal(keeper.locked):
            keeper.lock()
        dialog = the(UnlockDialog)
        if not is_same:
            with qtbot.waitSignal(keeper.left):
                press(dialog.leave)
            dialog = the(SignInDialog)
        QTest.keyClicks(dialog.password.line, PASSWORD)
        with qtbot.waitSignal(keeper.entered):
            QTest.keyClick(dialog, Qt.Key.Key_Return)
        rest(qtbot, kept)
        assert (STOPPED_BY_LOCK.sentence in kept.banner.text) == is_same
        assert not safety_copies.back_ups_on(tmp_path / "disk")

    def test_a_check_names_what_is_damaged(self, qtbot, kept, page, where):
        press(page.check)
        rest(qtbot, kept)
        assert page.told.text() == "Database and files are as they were written."
        assert page.told.property("kind") == "good"
        assert not page.what_to_do.isVisible()
        changed = next(path for path in where.files.rglob("*") if path.is_file())
        changed.write_bytes(changed.read_bytes()[:-1])
        press(page.check)
        rest(qtbot, kept)
        first, named, advice = page.told.text().splitlines()
        assert first == "Not as it was written: 1 file."
        assert f"{changed.name} was changed" in named
        assert "back-up" in advice
        assert page.told.property("kind") == "danger"
        press(page.what_to_do)
        [manual] = [w for w in QApplication.topLevelWidgets() if isinstance(w, ManualWindow)]
        assert manual.name == DAMAGED_PAGE
        assert DAMAGED_MANUAL_TITLE in manual.page.toPlainText()
        manual.close()
        events = [event for _, event in kept.accounts.keeper.session.events()]
        told = [event.outcome for event in events if event.kind is EventKind.CHECK]
        assert told == [Outcome.SUCCESS, Outcome.SERIOUS_FAILURE]

    def test_what_is_old_is_listed_before_it_is_deleted(self, qtbot, kept, page):
        press(page.preview)
        rest(qtbot, kept)
        assert "No examination is that old" in page.told.text()
        assert page.delete.toolTip() == NOTHING_DUE
        archive_of(kept).connection.execute(
            "UPDATE examination SET changed_utc = '2001-01-01T00:00:00Z' WHERE study_date < '2026'"
        )
        press(page.preview)
        rest(qtbot, kept)
        assert not cells(page.rows)
        page.unsigned.setFocus()
        QTest.keyClick(page.unsigned, Qt.Key.Key_Space)
        press(page.preview)
        rest(qtbot, kept)
        assert [row[2] for row in cells(page.rows)] == ["ID-2"]
        QTest.keyClick(page.years, Qt.Key.Key_Up)
        assert page.delete.toolTip() == NOTHING_DUE
        press(page.preview)
        rest(qtbot, kept)
        press(page.delete)
        press_word(DELETE_NOW)
        rest(qtbot, kept)
        assert archive_of(kept).count(Search()) == 1
        assert page.told.text() == "Deleted: 1 examination."


class TestRestoring:
    @pytest.fixture
    def copied(self, where, recovery_key, tmp_path):
        """A disk with a back-up of an archive that was on a computer that is lost."""
        made, disk = session.sign_in(where, "anna", PASSWORD), tmp_path / "disk"
        film = tmp_path / "film_1.png"
        film.write_bytes(b"film")
        keep_record(made, Opened((film,), JANE, "lateral-neck"))
        assert list(safety_copies.back_up(made, disk))
        made.close()
        for folder in (where.files, where.kept):
            protected_folders.release(folder)
        shutil.rmtree(where.profile)
        return disk

    def dialog_of(self, window, disk, monkeypatch):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(disk))
        assert not window.actions_by_name.reason("restore_archive")
        window.actions_by_name["restore_archive"].trigger()
        dialog = the(RestoreDialog)
        assert dialog.run.toolTip() == CHOOSE_BACK_UP
        press(dialog.browse)
        QTest.keyClicks(dialog.name, "anna")
        return dialog

    def test_by_a_password_of_that_time(
        self, qtbot, copied, recovery_key, open_window, monkeypatch
    ):
        window = open_window()
        dialog = self.dialog_of(window, copied, monkeypatch)
        assert dialog.told.text() == "Accounts of this back-up: anna, bob."
        QTest.keyClicks(dialog.password.line, "wrong password")
        press(dialog.run)
        rest(qtbot, window)
        assert "password is wrong" in dialog.told.text()
        dialog.password.clear()
        QTest.keyClicks(dialog.password.line, PASSWORD)
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        rest(qtbot, window)
        enter(qtbot, window)
        [record] = archive_of(window).search(Search())
        assert record.patient.name == JANE.name
        assert window.actions_by_name.reason("restore_archive") == ARCHIVE_IS_THERE

    def test_it_is_stopped_and_leaves_nothing(self, qtbot, copied, open_window, monkeypatch, where):
        window = open_window()
        dialog = self.dialog_of(window, copied, monkeypatch)
        QTest.keyClicks(dialog.password.line, PASSWORD)
        gate = Gate()
        monkeypatch.setattr(restore_dialog, "restoring", gate.before(restore_dialog.restoring))
        press(dialog.run)
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        gate.may_go_on.set()
        rest(qtbot, window)
        assert dialog.told.text() == STOPPED
        assert not where.folder.exists()
        assert not list(where.profile.glob("*.unfinished"))
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        rest(qtbot, window)
        enter(qtbot, window)
        assert archive_of(window).count(Search()) == 1

    def test_a_damaged_archive_is_set_aside_at_the_screen_for_signing_in(
        self, qtbot, recovery_key, where, open_window, tmp_path, monkeypatch
    ):
        made, disk = session.sign_in(where, "anna", PASSWORD), tmp_path / "disk"
        film = tmp_path / "film_1.png"
        film.write_bytes(b"film")
        keep_record(made, Opened((film,), JANE, "lateral-neck"))
        assert list(safety_copies.back_up(made, disk))
        made.close()
        damaged = where.database.read_bytes()[:5000]
        where.database.write_bytes(damaged)
        window = open_window()
        window.start()
        asking = the(SignInDialog)
        assert not asking.restore.isVisible()
        QTest.keyClicks(asking.password.line, PASSWORD)
        QTest.keyClick(asking, Qt.Key.Key_Return)
        qtbot.waitUntil(asking.restore.isVisible)
        qtbot.waitUntil(asking.restore.isEnabled)
        press(asking.restore)
        dialog = the(RestoreDialog)
        assert not dialog.findChildren(Cover)
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(disk))
        press(dialog.browse)
        QTest.keyClicks(dialog.name, "anna")
        QTest.keyClicks(dialog.password.line, PASSWORD)
        press(dialog.run)
        rest(qtbot, window)
        enter(qtbot, window)
        assert archive_of(window).count(Search()) == 1
        [aside] = where.profile.glob("archive-damaged-*")
        assert (aside / "archive.db").read_bytes() == damaged
        assert (aside / "audit-anchor.json").exists()

    @pytest.mark.parametrize("content", [b"{", None], ids=["damaged", "lost"])
    def test_the_file_of_accounts_is_lost(
        self, qtbot, copied, where, open_window, monkeypatch, content
    ):
        restored = safety_copies.back_ups_on(copied)[-1]
        safety_copies.restore(restored, where, "anna", PASSWORD)
        whole = where.accounts.read_bytes()
        where.accounts.unlink()
        if content is not None:
            where.accounts.write_bytes(content)
        window = open_window()
        window.start()
        asking = the(DamagedAccountsDialog)
        QTest.keyClick(asking, Qt.Key.Key_Escape)
        assert the(DamagedAccountsDialog) is asking
        assert window.accounts.keeper.session is None
        assert window.workbench.current is None
        press(asking.what_to_do)
        assert the(ManualWindow).name == DAMAGED_PAGE
        the(ManualWindow).close()
        press(asking.retry)
        asking = the(DamagedAccountsDialog)
        press(asking.restore)
        dialog = the(RestoreDialog)
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(copied))
        press(dialog.browse)
        QTest.keyClicks(dialog.name, "anna")
        QTest.keyClicks(dialog.password.line, PASSWORD)
        press(dialog.run)
        rest(qtbot, window)
        enter(qtbot, window)
        assert archive_of(window).count(Search()) == 1
        assert where.accounts.read_bytes() == whole
        assert list(where.profile.glob("archive-damaged-*"))

    def test_by_the_recovery_key(self, qtbot, copied, recovery_key, open_window, monkeypatch):
        window = open_window()
        dialog = self.dialog_of(window, copied, monkeypatch)
        dialog.way.setFocus()
        QTest.keyClick(dialog.way, Qt.Key.Key_Down)
        assert not dialog.password.isVisible()
        QTest.keyClicks(dialog.key, recovery_key)
        for field in (dialog.new.first, dialog.new.again):
            QTest.keyClicks(field.line, "a new password here")
        press(dialog.run)
        rest(qtbot, window)
        enter(qtbot, window, "a new password here")
        assert archive_of(window).count(Search()) == 1

    def test_a_folder_without_back_ups_is_said(self, qtbot, window, tmp_path, monkeypatch):
        dialog = self.dialog_of(window, tmp_path, monkeypatch)
        assert dialog.told.text() == NO_BACK_UP_THERE
        assert not dialog.run.isEnabled()
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        assert not is_there(RestoreDialog)

    def test_cases_are_closed_first(self, qtbot, window, files):
        open_and_rest(qtbot, window, *files("film_1.png"))
        assert window.actions_by_name.reason("restore_archive") == CASES_ARE_OPEN


class TestSigned:
    def sign(self, qtbot, window):
        readings = window.workbench.readings
        readings.accept_rest()
        rest(qtbot, window)
        with qtbot.waitSignal(readings.signed):
            readings.sign("Dr. Anna Reader")
        rest(qtbot, window)

    def test_a_reading_is_kept_with_its_signature(self, qtbot, anna, files):
        keep(qtbot, anna, files("film_1.png"))
        self.sign(qtbot, anna)
        [record] = archive_of(anna).search(Search())
        assert (record.status, record.reader) == ("signed", "Dr. Anna Reader")
        assert [each.version for each in archive_of(anna).readings(record.identifier)][-1] == 1
        page = show_archive(qtbot, anna).list
        pick(page.choices["view"], "mine")
        rest(qtbot, anna)
        assert [row[4:6] for row in cells(page.rows)] == [["signed", "Dr. Anna Reader"]]
        pick(page.choices["view"], "to_read")
        rest(qtbot, anna)
        assert cells(page.rows) == []

    def test_nothing_is_kept_that_nobody_kept(self, qtbot, anna, files):
        open_and_rest(qtbot, anna, *files("film_1.png"))
        self.sign(qtbot, anna)
        assert archive_of(anna).count(Search()) == 0


class TestResultOpened:
    """A case that was kept with its result opens with it, and is analysed anew when asked."""

    @pytest.fixture
    def opened(self, qtbot, real_files, anna, fake, tmp_path):
        """A case that was kept with its result, closed, and opened from the archive."""
        path = tmp_path / "case.dcm"
        path.write_bytes(MR_SAMPLE.read_bytes())
        keep(qtbot, anna, [path])
        self.kept = anna.workbench.current.finding.analysis
        anna.workbench.close([anna.workbench.current])
        fake.analyser.calls.clear()
        dialog = show_archive(qtbot, anna)
        choose(dialog.list, 0)
        press(dialog.list.open)
        qtbot.waitUntil(lambda: anna.workbench.current is not None)
        qtbot.waitUntil(lambda: anna.workbench.current.finding is not None)
        settle(qtbot, anna)
        return anna

    def test_nothing_is_analysed(self, opened, fake):
        found = opened.workbench.current.finding.analysis
        assert fake.analyser.calls == []
        assert (found.created_utc, found.seconds) == (self.kept.created_utc, self.kept.seconds)
        assert np.array_equal(found.segmentation.mask, self.kept.segmentation.mask)
        assert np.array_equal(found.image.pixels, self.kept.image.pixels)

    def test_it_is_named(self, opened):
        note, model = opened.results.kept, self.kept.segmentation.model
        assert note.isVisible()
        named = f"Result of {self.kept.created_utc[:10]} by {model.title} v{model.version}"
        assert note.words.text().startswith(named)
        assert OTHER_MODEL not in note.words.text()

    def test_another_model_of_today_is_told(self, qtbot, opened, fake, monkeypatch):
        now = [replace(card, version="9") for card in fake.models.cards()]
        monkeypatch.setattr(type(fake.models), "cards", lambda _: tuple(now))
        case = opened.workbench.current
        case.finding = None
        with qtbot.waitSignal(opened.workbench.session.finding_ready):
            opened.workbench.session.see(case)
        assert OTHER_MODEL in opened.results.kept.words.text()
        assert fake.analyser.calls == []

    def test_it_is_analysed_anew_by_its_button_only(self, qtbot, opened, fake):
        with qtbot.waitSignal(opened.workbench.session.finding_ready):
            press(opened.results.kept.button)
        assert len(fake.analyser.calls) == 1
        assert not opened.results.kept.isVisible()
        case = opened.workbench.current
        case.finding = None
        with qtbot.waitSignal(opened.workbench.session.finding_ready):
            opened.workbench.session.see(case)
        assert len(fake.analyser.calls) == 2  # the kept one comes not back behind the new one

    def test_one_that_cannot_be_read_is_told_and_made_anew(self, qtbot, opened, fake, monkeypatch):
        def unreadable(_):
            raise UnreadableResultError

        monkeypatch.setattr(opened.accounts.keeper, "kept_result", unreadable)
        opened.workbench.services.take_results_from(unreadable)
        case = opened.workbench.current
        case.finding = None
        with qtbot.waitSignal(opened.workbench.session.finding_ready):
            opened.workbench.session.see(case)
        assert len(fake.analyser.calls) == 1
        assert opened.banner.text.startswith(UNREADABLE.sentence)
