"""The worklist: what a row says, search, filters, order, several cases at once, the queue."""

import re
import threading
from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtCore import QEvent, QPoint, Qt
from PyQt6.QtGui import QContextMenuEvent, QFont, QFontMetrics, QHelpEvent, QImage
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QMenu, QMessageBox, QPushButton, QToolTip

from spinealign.domain.errors import ExportError, ExportProblem
from spinealign.domain.reading import Decision
from spinealign.domain.study import PatientFacts
from spinealign.reading.findings import findings_of
from spinealign.reading.session import ReadingSession
from spinealign.ui.cases.case import CaseStatus
from spinealign.ui.cases.worklist_view import (
    DETAILS_SIZE,
    NARROW_PX,
    PAD_PX,
    SIGNS,
    cut_before_value,
    row_height_px,
    wrapped,
)
from spinealign.ui.reading.case_readings import ReadingSnapshot
from spinealign.ui.reading.key_value import key_value
from spinealign.ui.widgets.icons import icon
from spinealign.wording.worklist import STANDING_TIPS, SortKey, Standing, key_text
from tests.fakes import WAIT_S, answer_for
from tests.readings import Clock, degrees, neck_analysis, store_in
from tests.ui.hands import at_rest, titles

LEFT, NO_KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
RIGHT = Qt.TextElideMode.ElideRight
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
PATIENCE_MS = 20_000
MIXED = ("ct_1.dcm", "photo_2.png", "bad_3", "film_4.png")


def rests(window):
    return at_rest(window) and not window.workbench.looks.is_busy


@pytest.fixture
def mixed(qtbot, window, files):
    """A window with a CT slice, a refused photograph, a file that is no image, and a film."""
    window.resize(1100, 800)
    window.activateWindow()
    open_all(qtbot, window, files(*MIXED))
    return window


def open_all(qtbot, window, paths):
    """Open files and wait until all is analysed and every row in sight is drawn."""
    for path in paths:
        # Drawing takes seconds the first time, and is not what is waited for.
        answer_for(path, None)
    window.workbench.opener.open_paths(paths)
    count = len(paths)
    qtbot.waitUntil(lambda: len(titles(window)) == count and rests(window), timeout=PATIENCE_MS)


@pytest.fixture
def queued(qtbot, window, fake, files):
    """A window whose first of four cases stands still while the others wait."""
    window.activateWindow()
    fake.analyser.hold = "Classifying"
    window.workbench.opener.open_paths(files("ct_1.dcm", "ct_2.dcm", "ct_3.dcm", "ct_4.dcm"))
    qtbot.waitUntil(fake.analyser.reached.is_set, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: not window.workbench.looks.is_busy)
    return window


def case_named(window, name):
    return next(case for case in window.workbench.session.cases if case.title == name)


def row_named(window, name):
    return window.cases.model.row_of(case_named(window, name))


def click(window, name, keys=NO_KEYS):
    view = window.cases.view
    where = view.visualRect(window.cases.model.index_of(case_named(window, name))).center()
    QTest.mouseClick(view.viewport(), LEFT, keys, where)


def key(window, which, keys=NO_KEYS):
    QTest.keyClick(window.cases.view, which, keys)


def shown(window):
    return [case.title for case in window.cases.model.shown_cases]


def selected(window):
    return [case.title for case in window.cases.selected]


def the_question(window):
    [box] = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
    return box


def press_button(box, words):
    [button] = [b for b in box.findChildren(QPushButton) if words in said(b)]
    QTest.mouseClick(button, LEFT)


def said(button):
    """Return the words of a button without the mark of its access key."""
    return re.sub("&(.)", r"\1", button.text())


def the_menu(window):
    """Return the menu that the keyboard asks for, and close it again."""
    view = window.cases.view
    where = QPoint(3, 3)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, where, view.mapToGlobal(where))
    QApplication.sendEvent(view.viewport(), event)
    [menu] = [menu for menu in window.cases.findChildren(QMenu) if menu.isVisible()]
    return menu


class TestWhatARowSays:
    def test_every_standing_has_a_sign_of_its_own(self, qapp):
        assert set(SIGNS) == set(Standing) == set(STANDING_TIPS)
        drawn = {name: icon(name, "#000000").pixmap(32, 32).toImage() for name, _ in SIGNS.values()}
        pictures = list(drawn.values())
        assert len(pictures) == len(Standing)
        assert all(a != b for i, a in enumerate(pictures) for b in pictures[i + 1 :])

    def test_a_refused_picture_does_not_count_as_analysed(self, mixed):
        standing = {name: case_named(mixed, name).standing for name in MIXED}
        assert standing == {
            "ct_1.dcm": Standing.TO_CHECK,
            "photo_2.png": Standing.REFUSED,
            "bad_3": Standing.FAILED,
            "film_4.png": Standing.TO_CHECK,
        }
        assert mixed.status.step.text() == "2 cases analysed, 1 refused, 1 failed"
        assert "refused" in row_named(mixed, "photo_2.png").spoken
        assert "nothing was analysed" in row_named(mixed, "photo_2.png").tip
        assert row_named(mixed, "photo_2.png").key_value == ""

    def test_the_value_and_the_kind_are_told(self, mixed):
        row = row_named(mixed, "film_4.png")
        assert row.key_value == "C2–C7 Cobb 20.9°"
        assert row.case.kind == "Neck X-ray"
        assert row.spoken == "film_4.png, Neck X-ray, C2–C7 Cobb 20.9°, to check"
        index = mixed.cases.model.index_of(row.case)
        assert index.data(Qt.ItemDataRole.AccessibleTextRole) == row.spoken

    def test_an_angle_between_neighbours_says_what_it_is(self):
        found = findings_of(neck_analysis())
        words = {key_text(finding) for finding in found}
        assert {"C2–C7 Cobb 12.0°", "C4/C5 translation 3.8 mm"} <= words

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("C3/C4 segmental angle -10.7°", " -10.7°"),
            ("C4/C5 translation 3.8 mm", " 3.8 mm"),
            ("L4/L5 Pfirrmann 5", " 5"),
        ],
    )
    def test_a_value_is_told_whole_or_not_at_all(self, qapp, text, value):
        metrics = QFontMetrics(qapp.font())
        whole = metrics.horizontalAdvance(text)
        assert cut_before_value(text, metrics, whole) == text
        seen = {cut_before_value(text, metrics, width) for width in range(whole)}
        assert len(seen) > 2
        assert all(words == "\u2026" or words.endswith(value) for words in seen)
        assert cut_before_value("L5/S1 foraminal narrowing", metrics, 70).startswith("L5")

    @pytest.mark.parametrize(
        ("text", "lines", "found"),
        [
            ("2024-05-02 · Neck CT · ct_1.dcm", 2, ["2024-05-02 · Neck CT ·", "ct_1.dcm"]),
            ("2024-05-02 · Neck CT · ct_1.dcm", 1, ["2024-05-02 · Neck CT · ct_1.dcm"]),
            ("Neck CT", 2, ["Neck CT"]),
            ("2024-05-02_without_a_blank", 2, ["2024-05-02_without_a_blank"]),
        ],
    )
    def test_details_are_wrapped_between_words(self, qapp, text, lines, found):
        metrics = QFontMetrics(qapp.font())
        room = metrics.horizontalAdvance("2024-05-02 · Neck CT ·") + 1
        assert wrapped(text, metrics, room, lines) == found

    def test_details_are_on_two_lines_wherever_one_would_be_cut(self, qtbot, window, fake, files):
        fake.patients["ct_1.dcm"] = PatientFacts(name="Doe^Jane", study_date="20240502")
        open_all(qtbot, window, files("ct_1.dcm"))
        view, details = window.cases.view, row_named(window, "ct_1.dcm").details
        font = QFont(view.font())
        font.setPointSizeF(DETAILS_SIZE * font.pointSizeF())
        seen = set()
        for width in range(150, 420):
            view.setFixedWidth(width)
            view.resize(width, 400)
            # As the row is painted: padding and the small picture take their room.
            side = row_height_px(view.fontMetrics(), 1) - 2 * PAD_PX
            side = side if view.viewport().width() >= NARROW_PX else side * 2 // 3
            room = view.viewport().width() - 3 * PAD_PX - 1 - side
            would_be_cut = QFontMetrics(font).elidedText(details, RIGHT, room) != details
            assert view._painter.details_lines == 1 + would_be_cut, width
            seen.add(would_be_cut)
        assert seen == {True, False}

    def test_long_details_get_a_second_line_where_all_cases_have_room(
        self, qtbot, window, fake, files
    ):
        names = [f"ct_{number}_with_quite_a_long_name_of_its_file.dcm" for number in range(3)]
        for name in names:
            fake.patients[name] = PatientFacts(name="Doe^Jane", study_date="20240502")
        window.resize(1100, 800)
        open_all(qtbot, window, files(*names))
        view = window.cases.view
        qtbot.waitUntil(lambda: view._painter.details_lines == 2)
        one, two = (row_height_px(view.fontMetrics(), lines) for lines in (1, 2))
        index = window.cases.model.index(0)
        qtbot.waitUntil(lambda: view.visualRect(index).height() == two)
        view.setFixedHeight(3 * one + 4)
        qtbot.waitUntil(lambda: view.visualRect(index).height() == one)

    def test_all_of_a_row_is_said_to_the_mouse(self, mixed):
        view = mixed.cases.view
        where = view.visualRect(mixed.cases.model.index(0)).center()
        event = QHelpEvent(QEvent.Type.ToolTip, where, view.viewport().mapToGlobal(where))
        QApplication.sendEvent(view.viewport(), event)
        assert QToolTip.text() == mixed.cases.model.rows[0].tip
        QToolTip.hideText()

    def test_a_status_that_has_no_room_ends_with_an_ellipsis(self, mixed):
        step = mixed.status.step
        mixed.status.tell("H" * 300)
        assert step.toolTip() == step.text()
        mixed.status.layout().activate()
        assert step.width() < step.fontMetrics().horizontalAdvance(step.text())
        grey = step.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
        bits = grey.constBits()
        bits.setsize(grey.sizeInBytes())
        rows = np.frombuffer(bits, np.uint8).reshape(grey.height(), -1)[:, : grey.width()]
        is_ink = np.abs(rows.astype(int) - rows[0, 0]) > 60
        last = np.flatnonzero(is_ink.any(axis=0)).max()
        letters, dots = np.flatnonzero(is_ink.any(axis=1)), is_ink[:, last - 3 : last + 1]
        # Nothing but dots is low at the end: letters are as high there as at the beginning.
        assert np.flatnonzero(dots.any(axis=1)).min() > letters.mean()

    def test_why_one_failed_stands_in_its_tip(self, mixed):
        assert "“bad_3” is not an image" in row_named(mixed, "bad_3").tip

    def test_what_is_refused_stays_refused_when_its_result_is_let_go(self, qtbot, window, files):
        window.workbench.session.limit_memory(1)
        open_all(qtbot, window, files("ct_0.dcm", "photo_1.png", "film_2.png"))
        photo = case_named(window, "photo_1.png")
        assert photo.finding is None
        assert photo.standing is Standing.REFUSED

    def test_rows_in_sight_get_thumbnails(self, mixed, qtbot):
        good = row_named(mixed, "ct_1.dcm")
        qtbot.waitUntil(lambda: good.thumbnail is not None)
        assert max(good.thumbnail.width(), good.thumbnail.height()) == 128

    def test_patient_and_date_are_shown_and_can_be_hidden(self, qtbot, window, fake, files):
        fake.patients["ct_1.dcm"] = PatientFacts(name="Doe^Jane", study_date="20240502")
        open_all(qtbot, window, files("ct_1.dcm"))
        row = row_named(window, "ct_1.dcm")
        assert (row.heading, row.date) == ("Doe, Jane", "2024-05-02")
        assert row.details == "2024-05-02 · Neck CT · ct_1.dcm"
        window.actions_by_name["hide_patient"].trigger()
        assert (row.heading, row.date, row.facts) == ("ct_1.dcm", "", None)
        assert "Doe" not in row.spoken + row.tip
        window.actions_by_name["hide_patient"].trigger()
        qtbot.waitUntil(lambda: row.heading == "Doe, Jane")

    def test_nothing_is_read_of_patients_that_are_hidden(self, qtbot, window, fake, files):
        asked = []
        window.workbench.thumbnails.facts_read.connect(lambda case, _: asked.append(case))
        window.actions_by_name["hide_patient"].trigger()
        open_all(qtbot, window, files("ct_1.dcm"))
        assert asked == []


class TestKeyValue:
    """What is told of a result, by what its reader decided."""

    @pytest.fixture
    def decided(self, tmp_path):
        def decide(analysis, code, decision, value=None):
            session = ReadingSession(analysis, store_in(tmp_path), "A. Reader", Clock())
            [key] = [f.key for f in session.findings if f.code == code]
            session.decide(key, decision, value)
            return key_value(ReadingSnapshot.of(session))

        return decide

    def test_the_worst_comes_first(self, tmp_path):
        session = ReadingSession(neck_analysis(), store_in(tmp_path), "A. Reader", Clock())
        assert key_value(ReadingSnapshot.of(session)) == "C4/C5 translation 3.8 mm"
        assert key_value(None) == ""

    def test_what_the_reader_changed_counts_as_changed(self, decided):
        film = replace(neck_analysis(), measurements=neck_analysis().measurements[:1])
        changed = decided(film, "cobb_c2_c7", Decision.CHANGED, degrees(20.0))
        assert changed == "C2–C7 Cobb 20.0°"

    def test_what_the_reader_rejected_is_not_told(self, decided):
        film = replace(neck_analysis(), measurements=neck_analysis().measurements[:2])
        assert decided(film, "cobb_c2_c7", Decision.REJECTED) == "C2–C7 SVA 20.0 mm"

    @pytest.mark.parametrize("code", ["examination", "levels"])
    def test_nothing_is_told_where_what_it_rests_on_was_rejected(self, decided, code):
        assert decided(neck_analysis(), code, Decision.REJECTED) == ""


def test_a_reading_follows_a_new_result_and_none_that_it_knows(qtbot, mixed, monkeypatch):
    followed = []
    monkeypatch.setattr(ReadingSession, "follow", lambda _, analysis: followed.append(analysis))
    for name in ("film_4.png", "ct_1.dcm", "film_4.png"):
        click(mixed, name)
    qtbot.waitUntil(lambda: not mixed.workbench.records.is_busy)
    assert followed == []
    film = case_named(mixed, "film_4.png")
    with qtbot.waitSignal(mixed.workbench.session.finding_ready, timeout=PATIENCE_MS):
        mixed.actions_by_name["again"].trigger()
    qtbot.waitUntil(lambda: len(followed) == 1)
    assert followed[0] is film.finding.analysis


class TestSearchFilterSort:
    def test_search_says_that_it_is_active(self, mixed):
        cases = mixed.cases
        assert cases.count.text() == "4 cases"
        assert not cases.clear.isVisible()
        key(mixed, Qt.Key.Key_F, CTRL)
        QTest.keyClicks(cases.search, "PNG")
        assert shown(mixed) == ["photo_2.png", "film_4.png"]
        assert cases.count.text() == "2 of 4"
        assert cases.clear.isVisible()
        QTest.mouseClick(cases.clear, LEFT)
        assert (cases.search.text(), len(shown(mixed))) == ("", 4)
        assert not cases.clear.isVisible()

    def test_a_search_that_finds_nothing_says_so_and_shows_all_again(self, mixed):
        cases = mixed.cases
        key(mixed, Qt.Key.Key_F, CTRL)
        QTest.keyClicks(cases.search, "neck absent")
        assert cases.nothing.isVisible()
        assert cases.nothing_words.text() == "No case holds “neck absent”. 4 cases are hidden."
        QTest.keyClick(cases.search, Qt.Key.Key_Return)
        assert cases.show_all.hasFocus()
        QTest.keyClick(cases.show_all, Qt.Key.Key_Space)
        assert (cases.search.text(), len(shown(mixed))) == ("", 4)
        assert not cases.nothing.isVisible()
        assert cases.view.hasFocus()

    def test_a_filter_that_leaves_nothing_says_what_it_lets_pass(self, mixed):
        cases = mixed.cases
        self.choose(cases, "Refused (1)")
        self.choose(cases, "Neck CT")
        words = "No case passes the filter (refused, Neck CT). 4 cases are hidden."
        assert cases.nothing_words.text() == words
        QTest.mouseClick(cases.show_all, LEFT)
        assert len(shown(mixed)) == 4
        assert not cases.model.is_narrowed

    def test_escape_ends_the_search_and_stops_nothing(self, queued):
        key(queued, Qt.Key.Key_F, CTRL)
        search = queued.cases.search
        QTest.keyClicks(search, "ct_2")
        QTest.keyClick(search, Qt.Key.Key_Escape)
        assert (search.text(), queued.workbench.session.is_busy) == ("", True)
        assert not queued.findChildren(QMessageBox)
        QTest.keyClick(search, Qt.Key.Key_Escape)
        assert queued.cases.view.hasFocus()

    def test_return_goes_from_the_search_to_the_list_and_to_the_picture(self, mixed):
        key(mixed, Qt.Key.Key_F, CTRL)
        QTest.keyClicks(mixed.cases.search, "film")
        QTest.keyClick(mixed.cases.search, Qt.Key.Key_Return)
        assert mixed.cases.view.hasFocus()
        key(mixed, Qt.Key.Key_Home)
        assert mixed.workbench.current.title == "film_4.png"
        key(mixed, Qt.Key.Key_Return)
        assert mixed.viewer.hasFocus()

    @pytest.mark.parametrize(
        ("words", "found"),
        [
            ("neck cobb", ["film_4.png"]),
            ("refused", ["photo_2.png"]),
            ("cobb refused", []),
            ("20.9", ["film_4.png"]),
        ],
    )
    def test_every_word_counts_wherever_it_stands(self, mixed, words, found):
        mixed.cases.search.setText(words)
        assert shown(mixed) == found

    def test_a_search_changes_neither_what_is_shown_nor_what_is_selected(self, mixed):
        click(mixed, "photo_2.png")
        click(mixed, "film_4.png", CTRL)
        current = mixed.workbench.current
        seen = []
        mixed.workbench.current_changed.connect(seen.append)
        mixed.cases.search.setText("ct_1")
        assert (mixed.workbench.current, seen) == (current, [])
        mixed.cases.search.clear()
        assert (mixed.workbench.current, seen) == (current, [])
        assert mixed.cases.view.currentIndex() == mixed.cases.model.index_of(current)

    def test_filters_by_status_and_kind(self, mixed):
        cases = mixed.cases
        cases.filter_button.menu().aboutToShow.emit()
        offered = [action.text() for action in cases.filter_button.menu().actions()]
        assert "To check (2)" in offered
        assert "Refused (1)" in offered
        assert "Neck X-ray" in offered
        self.choose(cases, "To check (2)")
        assert shown(mixed) == ["ct_1.dcm", "film_4.png"]
        self.choose(cases, "Neck CT")
        assert shown(mixed) == ["ct_1.dcm"]
        assert cases.count.text() == "1 of 4"
        assert "filtered out" in cases.filter_button.accessibleName()
        self.choose(cases, "Show all")
        assert len(shown(mixed)) == 4

    def test_what_is_seen_large_is_seen_small_too(self, mixed):
        """A thumbnail that was asked for once and did not come is not asked for again."""
        case = case_named(mixed, "film_4.png")
        row = mixed.cases.model.row_of(case)
        row.thumbnail = None
        mixed.cases.update_case(case)
        assert row.thumbnail is not None
        assert max(row.thumbnail.width(), row.thumbnail.height()) == 128

    def test_a_case_that_is_stopped_before_its_picture_came_shows_it(self, qtbot, queued, fake):
        bench = queued.workbench
        bench.select(case_named(queued, "ct_1.dcm"))
        # As on a slow disk: the analysis has not brought it yet.
        bench.current.display = None
        bench.session.cancel()
        fake.analyser.gate.set()
        qtbot.waitUntil(lambda: bench.current.display is not None, timeout=PATIENCE_MS)
        assert bench.current.standing is Standing.STOPPED

    def test_two_files_of_one_name_are_told_apart_by_their_folders(self, qtbot, mixed, tmp_path):
        paths = [tmp_path / folder / "film_9.png" for folder in ("before", "after")]
        [film] = [case_named(mixed, "film_4.png").path]
        for path in paths:
            path.parent.mkdir()
            path.write_bytes(film.read_bytes() + path.parent.name.encode())
            answer_for(path, None)
        mixed.workbench.opener.open_paths(paths)
        qtbot.waitUntil(lambda: len(titles(mixed)) == 6 and rests(mixed), timeout=PATIENCE_MS)
        rows = {row.case.path: row for row in mixed.cases.model.rows}
        assert [rows[path].heading for path in paths] == ["before/film_9.png", "after/film_9.png"]
        assert row_named(mixed, "film_4.png").heading == "film_4.png"
        mixed.cases.search.setText("before")
        assert shown(mixed) == ["film_9.png"]
        mixed.cases.search.clear()
        mixed.workbench.close([rows[paths[0]].case])
        assert rows[paths[1]].heading == "film_9.png"

    def test_closing_all_that_is_listed_shows_no_case_that_is_hidden(self, mixed):
        self.choose(mixed.cases, "Refused (1)")
        click(mixed, "photo_2.png")
        key(mixed, Qt.Key.Key_Delete)
        assert mixed.cases.count.text() == "0 of 3"
        assert mixed.workbench.current is None
        assert mixed.pages.currentWidget() is mixed.welcome
        assert not mixed.cases.hidden_row.isVisible()

    def test_closing_goes_to_the_next_case_that_is_listed(self, mixed):
        self.choose(mixed.cases, "To check (2)")
        click(mixed, "ct_1.dcm")
        key(mixed, Qt.Key.Key_Delete)
        assert mixed.workbench.current.title == "film_4.png"

    def test_closing_a_hidden_case_goes_to_one_that_is_listed(self, mixed):
        click(mixed, "film_4.png")
        self.choose(mixed.cases, "Refused (1)")
        mixed.actions_by_name["close_case"].trigger()
        assert mixed.workbench.current.title == "photo_2.png"

    def test_the_list_says_that_the_case_that_is_shown_is_hidden(self, mixed):
        cases = mixed.cases
        click(mixed, "film_4.png")
        assert not cases.hidden_row.isVisible()
        self.choose(cases, "Refused (1)")
        assert cases.hidden_row.isVisible()
        assert cases.hidden_words.text() == "The case that is shown is hidden by the filter."
        click(mixed, "photo_2.png")
        assert not cases.hidden_row.isVisible()
        mixed.workbench.select(case_named(mixed, "film_4.png"))
        cases.search.setText("photo")
        words = "The case that is shown is hidden by the search and the filter."
        assert cases.hidden_words.text() == words
        QTest.mouseClick(cases.show_it, LEFT)
        assert not cases.hidden_row.isVisible()
        assert shown(mixed) == list(MIXED)
        assert selected(mixed) == ["film_4.png"]
        assert mixed.workbench.current.title == "film_4.png"

    def test_what_is_told_of_a_case_goes_with_it(self, mixed):
        click(mixed, "film_4.png")
        rest = mixed.status.step.text()
        film, other = (case_named(mixed, name).path for name in ("film_4.png", "ct_1.dcm"))
        mixed.workbench.editing.saved.emit(other, other.with_name("ct_1.dcm.spinealign.json"))
        assert mixed.status.step.text() == rest
        mixed.workbench.editing.saved.emit(film, film.with_name("film_4.png.spinealign.json"))
        assert "saved beside the image in film_4.png" in mixed.status.step.text()
        click(mixed, "ct_1.dcm")
        assert mixed.status.step.text() == rest

    def choose(self, cases, text):
        menu = cases.filter_button.menu()
        menu.aboutToShow.emit()
        [action] = [action for action in menu.actions() if action.text() == text]
        action.trigger()

    @pytest.mark.parametrize(
        ("sort_key", "expected"),
        [
            (SortKey.OPENED, ["ct_1.dcm", "photo_2.png", "bad_3", "film_4.png"]),
            (SortKey.NAME, ["bad_3", "ct_1.dcm", "film_4.png", "photo_2.png"]),
            (SortKey.STANDING, ["ct_1.dcm", "film_4.png", "photo_2.png", "bad_3"]),
            (SortKey.KIND, ["ct_1.dcm", "film_4.png", "photo_2.png", "bad_3"]),
        ],
    )
    def test_sorting(self, mixed, sort_key, expected):
        menu = mixed.cases.sort_button.menu()
        [action] = [action for action in menu.actions() if action.text() == sort_key.value]
        action.trigger()
        if sort_key is SortKey.KIND:
            assert shown(mixed)[-1] == "bad_3"
        else:
            assert shown(mixed) == expected

    def test_numbers_in_names_count_and_the_order_turns(self, qtbot, window, files):
        open_all(qtbot, window, files("ct_10.dcm", "ct_9.dcm", "ct_1.dcm"))
        window.cases.model.sort_by(SortKey.NAME, False)
        assert shown(window) == ["ct_1.dcm", "ct_9.dcm", "ct_10.dcm"]
        window.cases.model.sort_by(SortKey.NAME, True)
        assert shown(window) == ["ct_10.dcm", "ct_9.dcm", "ct_1.dcm"]

    def test_patients_and_dates_sort_with_the_unknown_last(self, qtbot, window, fake, files):
        fake.patients["ct_1.dcm"] = PatientFacts(name="Zorn^A", study_date="20200101")
        fake.patients["ct_3.dcm"] = PatientFacts(name="Abel^B", study_date="20250101")
        open_all(qtbot, window, files("ct_1.dcm", "ct_2.dcm", "ct_3.dcm"))
        window.cases.model.sort_by(SortKey.PATIENT, False)
        assert shown(window) == ["ct_3.dcm", "ct_1.dcm", "ct_2.dcm"]
        window.cases.model.sort_by(SortKey.DATE, True)
        assert shown(window) == ["ct_3.dcm", "ct_1.dcm", "ct_2.dcm"]
        window.cases.model.sort_by(SortKey.DATE, False)
        assert shown(window) == ["ct_1.dcm", "ct_3.dcm", "ct_2.dcm"]

    def test_next_and_previous_follow_what_is_shown(self, mixed):
        mixed.cases.model.sort_by(SortKey.NAME, False)
        mixed.cases.search.setText("png")
        click(mixed, "film_4.png")
        mixed.actions_by_name["next_case"].trigger()
        assert mixed.workbench.current.title == "photo_2.png"

    def test_two_thousand_cases_are_listed_at_once(self, qtbot, window, tmp_path, fake):
        fake.analyser.hold = "Classifying"
        paths = [tmp_path / f"ct_{number}.dcm" for number in range(2000)]
        arranged = []
        window.cases.model.arranged.connect(lambda: arranged.append(True))
        window.workbench.opener.open_paths(paths)
        qtbot.waitUntil(fake.analyser.reached.is_set, timeout=PATIENCE_MS)
        assert window.cases.count.text() == "2000 cases"
        assert len(arranged) < 20
        assert len(window.cases.view.in_sight) < 30
        window.workbench.stop()


class TestSeveralAtOnce:
    def test_the_bar_of_a_selection(self, mixed):
        click(mixed, "ct_1.dcm")
        assert not mixed.cases.bar.isVisible()
        key(mixed, Qt.Key.Key_A, CTRL)
        assert selected(mixed) == list(MIXED)
        assert mixed.cases.bar.isVisible()
        assert mixed.cases.selected_count.text() == "4 selected"

    def test_delete_closes_what_is_selected(self, mixed):
        click(mixed, "ct_1.dcm")
        click(mixed, "photo_2.png", CTRL)
        key(mixed, Qt.Key.Key_Delete)
        assert titles(mixed) == ["bad_3", "film_4.png"]
        assert mixed.workbench.current.title == "bad_3"

    def test_a_new_name_is_not_asked_for(self, mixed):
        click(mixed, "ct_1.dcm")
        key(mixed, Qt.Key.Key_F2)
        assert mixed.cases.view.state() == mixed.cases.view.State.NoState

    def test_arrows_show_the_next_case_and_shift_selects_more(self, mixed):
        click(mixed, "ct_1.dcm")
        key(mixed, Qt.Key.Key_Down)
        assert mixed.workbench.current.title == "photo_2.png"
        assert selected(mixed) == ["photo_2.png"]
        key(mixed, Qt.Key.Key_Down, SHIFT)
        assert selected(mixed) == ["photo_2.png", "bad_3"]
        assert mixed.workbench.current.title == "bad_3"

    @pytest.mark.qt_log_ignore("This plugin does not support")
    def test_the_menu_can_be_asked_for_by_keys(self, mixed):
        click(mixed, "ct_1.dcm")
        click(mixed, "film_4.png", CTRL)
        menu = the_menu(mixed)
        texts = [action.text() for action in menu.actions() if action.text()]
        assert texts == [
            "Analyse 2 cases again", "Stop", "Save results…", "Export one table…",
            "Keep 2 cases in archive", "Close 2 cases",
        ]  # fmt: skip
        rest = [action for action in menu.actions() if action.text() == "Close 2 cases"]
        rest[0].trigger()
        menu.close()
        press_button(the_question(mixed), "Close all the same")
        assert titles(mixed) == ["photo_2.png", "bad_3"]

    def test_what_is_selected_is_analysed_again_with_the_shown_one_first(self, qtbot, mixed, fake):
        fake.analyser.calls.clear()
        click(mixed, "ct_1.dcm")
        click(mixed, "film_4.png", CTRL)
        mixed.actions_by_name["again"].trigger()
        qtbot.waitUntil(lambda: rests(mixed), timeout=PATIENCE_MS)
        # The one clicked last is shown, and goes before those that stand above it.
        assert mixed.workbench.current.title == "film_4.png"
        assert [name for name, _ in fake.analyser.calls] == ["film_4.png", "ct_1.dcm"]

    def test_what_is_selected_is_saved(self, qtbot, mixed, fake, tmp_path, monkeypatch):
        monkeypatch.setattr(
            "spinealign.ui.cases.saving.QFileDialog.getExistingDirectory", lambda *_: str(tmp_path)
        )
        click(mixed, "ct_1.dcm")
        click(mixed, "film_4.png", CTRL)
        with qtbot.waitSignal(mixed.workbench.saver.saved):
            mixed.cases.save_requested.emit(mixed.cases.selected)
        assert [path.name for _, path in fake.written] == ["ct_1", "film_4"]

    def test_one_table_of_what_is_selected(self, qtbot, mixed, fake, tmp_path, monkeypatch):
        monkeypatch.setattr(
            "spinealign.ui.cases.saving.QFileDialog.getSaveFileName",
            lambda *_: (str(tmp_path / "table.csv"), ""),
        )
        key(mixed, Qt.Key.Key_A, CTRL)
        with qtbot.waitSignal(mixed.workbench.saver.saved):
            mixed.actions_by_name["export_table"].trigger()
        [rows] = fake.tables
        assert [(row.status, row.path.name) for row in rows] == [
            ("to check", "ct_1.dcm"), ("refused", "photo_2.png"), ("failed", "bad_3"),
            ("to check", "film_4.png"),
        ]  # fmt: skip
        assert "not saved" not in mixed.banner.text
        assert fake.written == [("table", tmp_path / "table.csv")]

    def test_a_table_is_offered_where_something_selected_has_a_result(self, mixed):
        click(mixed, "bad_3")
        assert "no result" in mixed.actions_by_name.reason("export_table")
        click(mixed, "ct_1.dcm", CTRL)
        assert mixed.actions_by_name["export_table"].isEnabled()

    @pytest.fixture
    def unwritten(self, qtbot, hands, fake, tmp_path):
        """A window with a corrected film whose corrections the disk does not take."""
        fake.keep_failure = ExportError(tmp_path, ExportProblem.DISK_FULL)
        place = hands.place_of("C4", "anterior_superior")
        with qtbot.waitSignal(hands.window.workbench.messages.failed):
            hands.drag(place, (place[0] + 9, place[1] + 4))
        yield hands.window
        hands.window.workbench.editing.give_up_unsaved()

    def test_closing_asks_where_corrections_were_not_written(self, unwritten):
        unwritten.actions_by_name["close_case"].trigger()
        box = the_question(unwritten)
        assert box.text() == "Close this case?"
        assert "could not be written to disk: “film_1.png”." in box.informativeText()
        press_button(box, "Keep open")
        assert len(titles(unwritten)) == 1
        key(unwritten, Qt.Key.Key_Delete)
        press_button(the_question(unwritten), "Close all the same")
        assert titles(unwritten) == []

    @pytest.mark.parametrize("how", ["close_all", "delete"])
    def test_several_results_are_closed_after_one_question_with_names(self, mixed, how):
        if how == "close_all":
            key(mixed, Qt.Key.Key_W, CTRL | SHIFT)
        else:
            key(mixed, Qt.Key.Key_A, CTRL)
            key(mixed, Qt.Key.Key_Delete)
        box = the_question(mixed)
        assert box.text() == "Close these 4 cases?"
        not_signed = "With a result that is not signed: “ct_1.dcm” and “film_4.png”."
        assert box.informativeText().splitlines()[0] == not_signed
        assert "made again" in box.informativeText()
        QTest.keyClick(box.focusWidget(), Qt.Key.Key_Return)
        assert len(titles(mixed)) == 4
        key(mixed, Qt.Key.Key_W, CTRL | SHIFT)
        press_button(the_question(mixed), "Close all the same")
        assert titles(mixed) == []

    @pytest.mark.parametrize("tabs", [0, 1])
    def test_return_closes_nothing_whichever_button_has_the_keys(self, mixed, tabs):
        mixed.actions_by_name["close_all"].trigger()
        box = the_question(mixed)
        for _ in range(tabs):
            QTest.keyClick(box.focusWidget(), Qt.Key.Key_Tab)
        QTest.keyClick(box.focusWidget(), Qt.Key.Key_Return)
        assert not box.isVisible()
        assert len(titles(mixed)) == 4

    def test_one_case_is_closed_unasked_and_opened_again(self, mixed):
        click(mixed, "film_4.png")
        mixed.actions_by_name["close_case"].trigger()
        assert titles(mixed) == ["ct_1.dcm", "photo_2.png", "bad_3"]

    def test_what_waits_is_closed_after_a_question(self, queued):
        queued.actions_by_name["close_all"].trigger()
        box = the_question(queued)
        running = "Being analysed or waiting: “ct_1.dcm”, “ct_2.dcm”, “ct_3.dcm” and 1 more."
        assert box.informativeText().splitlines()[0] == running
        queued.workbench.close([case_named(queued, "ct_2.dcm")])
        press_button(box, "Close all the same")
        assert titles(queued) == []
        assert not queued.workbench.session.is_busy


class TestTheQueue:
    def test_what_is_selected_comes_next(self, qtbot, queued, fake):
        click(queued, "ct_3.dcm")
        assert case_named(queued, "ct_3.dcm").status is CaseStatus.WAITING
        fake.analyser.gate.set()
        qtbot.waitUntil(lambda: at_rest(queued), timeout=PATIENCE_MS)
        order = [name for name, _ in fake.analyser.calls]
        assert order == ["ct_1.dcm", "ct_3.dcm", "ct_2.dcm", "ct_4.dcm"]

    def test_the_picture_of_what_waits_is_shown_while_another_is_analysed(self, qtbot, queued):
        case = case_named(queued, "ct_3.dcm")
        assert case.display is None
        with qtbot.waitSignal(queued.workbench.session.display_ready):
            click(queued, "ct_3.dcm")
        assert case.status is CaseStatus.WAITING
        assert queued.viewer.picture.display is case.display
        assert case.display is not None

    def test_what_is_read_is_named_over_a_small_picture_of_it(self, qtbot, queued, fake):
        case = case_named(queued, "ct_3.dcm")
        qtbot.waitUntil(lambda: row_named(queued, "ct_3.dcm").thumbnail is not None)
        reading = threading.Event()
        services, read = queued.workbench.services, queued.workbench.services.read_slices

        def wait_and_read(*args):
            reading.wait(WAIT_S)
            return read(*args)

        queued.workbench.thumbnails._services = replace(services, read_slices=wait_and_read)
        click(queued, "ct_3.dcm")
        viewer = queued.viewer
        assert viewer.picture.display is None
        assert viewer.said == "ct_3.dcm\nReading the image…"
        with_picture = viewer.grab().toImage()
        viewer.show_image(None, viewer.said)
        assert viewer.grab().toImage() != with_picture
        reading.set()
        qtbot.waitUntil(lambda: viewer.picture.display is case.display is not None)

    def test_what_cannot_be_read_does_not_say_that_it_is_read(self, qtbot, queued):
        case = case_named(queued, "ct_3.dcm")
        queued.workbench.session.cancel([case])
        queued.workbench.session.look_first(case, None)
        queued.workbench.select(case)
        said = queued.viewer.said
        assert said == "ct_3.dcm\nThe image could not be read; press F5 to see why"

    def test_zoom_stays_when_the_analysis_brings_the_picture_again(self, qtbot, queued, fake):
        case = case_named(queued, "ct_3.dcm")
        with qtbot.waitSignal(queued.workbench.session.display_ready):
            click(queued, "ct_3.dcm")
        first = case.display
        assert case.is_first_look
        queued.viewer.zoom_to(3.0)
        fake.analyser.gate.set()
        qtbot.waitUntil(lambda: at_rest(queued), timeout=PATIENCE_MS)
        assert case.finding is not None
        assert case.display is case.finding.display is not first
        assert queued.viewer.picture.display is case.display
        assert queued.viewer.zoom == pytest.approx(3.0)

    def test_only_the_last_of_many_is_read_when_one_leafs_on(self, qtbot, queued):
        looked = []
        queued.workbench.thumbnails.looked_at.connect(lambda case, _: looked.append(case.title))
        for name in ("ct_2.dcm", "ct_3.dcm", "ct_4.dcm"):
            queued.workbench.select(case_named(queued, name))
        qtbot.waitUntil(lambda: not queued.workbench.looks.is_busy)
        assert looked[-1] == "ct_4.dcm"
        assert "ct_3.dcm" not in looked

    def test_cancel_asks_and_stops_one(self, qtbot, queued, fake):
        queued.actions_by_name["cancel"].trigger()
        assert queued.workbench.session.is_busy
        box = the_question(queued)
        assert "4 images" in box.text()
        press_button(box, "Stop “ct_1.dcm”")
        fake.analyser.gate.set()
        qtbot.waitUntil(lambda: at_rest(queued), timeout=PATIENCE_MS)
        standing = [case.standing for case in queued.workbench.session.cases]
        assert standing == [Standing.STOPPED, *[Standing.TO_CHECK] * 3]

    def test_cancel_asks_and_stops_all(self, qtbot, queued, fake):
        QTest.mouseClick(queued.status.cancel, LEFT)
        press_button(the_question(queued), "Stop all 4")
        assert not queued.workbench.session.is_busy
        assert {case.standing for case in queued.workbench.session.cases} == {Standing.STOPPED}

    def test_cancel_can_be_taken_back(self, queued):
        queued.actions_by_name["cancel"].trigger()
        QTest.keyClick(the_question(queued), Qt.Key.Key_Escape)
        assert len(queued.workbench.session.unfinished) == 4

    def test_the_question_says_what_is_left_to_stop(self, qtbot, queued, fake):
        queued.actions_by_name["cancel"].trigger()
        box = the_question(queued)
        queued.workbench.session.cancel([case_named(queued, "ct_4.dcm")])
        assert box.text() == "3 images are being analysed or wait. Stop all of them?"
        [one] = [b for b in box.findChildren(QPushButton) if "ct_1" in b.text()]
        assert one.isVisible()
        queued.workbench.session.cancel([case_named(queued, "ct_1.dcm")])
        assert box.text() == "2 images are being analysed or wait. Stop all of them?"
        assert not one.isVisible()
        [go_on] = [b for b in box.findChildren(QPushButton) if said(b) == "Go on"]
        assert box.focusWidget() is go_on
        assert go_on.isDefault()
        queued.workbench.session.cancel([case_named(queued, "ct_2.dcm")])
        assert box.text() == "1 image is being analysed or waits. Stop it?"
        press_button(box, "Stop it")
        assert not queued.workbench.session.is_busy

    @pytest.mark.parametrize("tabs", [0, 1, 2])
    def test_return_goes_on_whichever_button_is_gone(self, qtbot, queued, tabs):
        queued.actions_by_name["cancel"].trigger()
        box = the_question(queued)
        for _ in range(tabs):
            QTest.keyClick(box.focusWidget(), Qt.Key.Key_Tab)
        chosen = said(box.focusWidget())
        queued.workbench.session.cancel([case_named(queued, "ct_1.dcm")])
        [default] = [b for b in box.findChildren(QPushButton) if b.isDefault()]
        assert said(default) == "Go on"
        # What a person went to stays, so that Space does what it says; the rest is Go on.
        assert said(box.focusWidget()) == ("Stop all 3" if "all" in chosen else "Go on")
        QTest.keyClick(box.focusWidget(), Qt.Key.Key_Return)
        assert not box.isVisible()
        assert len(queued.workbench.session.unfinished) == 3

    def test_the_answers_have_keys(self, queued):
        queued.actions_by_name["cancel"].trigger()
        box = the_question(queued)
        keys = {b.shortcut().toString(): said(b) for b in box.findChildren(QPushButton)}
        assert keys == {"Alt+S": "Stop “ct_1.dcm”", "Alt+A": "Stop all 4", "Alt+G": "Go on"}

    def test_what_is_looked_at_is_analysed_again_first(self, qtbot, window, files, fake):
        open_all(qtbot, window, files("ct_1.dcm", "ct_2.dcm", "ct_3.dcm", "ct_4.dcm"))
        window.workbench.select(case_named(window, "ct_3.dcm"))
        window.cases.view.selectAll()
        assert window.workbench.current.title == "ct_3.dcm"
        before = len(fake.analyser.calls)
        window.actions_by_name["again"].trigger()
        qtbot.waitUntil(lambda: at_rest(window), timeout=PATIENCE_MS)
        order = [name for name, _ in fake.analyser.calls[before:]]
        assert order == ["ct_3.dcm", *[n for n in sorted(order) if n != "ct_3.dcm"]]
        assert len(order) > 2

    def test_the_question_goes_when_nothing_is_left_to_stop(self, qtbot, queued, fake):
        queued.actions_by_name["cancel"].trigger()
        assert the_question(queued).isVisible()
        fake.analyser.gate.set()
        qtbot.waitUntil(lambda: at_rest(queued), timeout=PATIENCE_MS)
        assert not any(box.isVisible() for box in queued.findChildren(QMessageBox))
        assert all(case.finding is not None for case in queued.workbench.session.cases)

    def test_what_was_analysed_meanwhile_is_not_stopped_by_a_late_answer(self, qtbot, queued, fake):
        queued.actions_by_name["cancel"].trigger()
        box = the_question(queued)
        fake.analyser.hold = ""
        with qtbot.waitSignal(queued.workbench.session.finding_ready):
            fake.analyser.gate.set()
        first = queued.workbench.session.cases[0]
        assert first.finding is not None
        queued.case_commands._stop_one(first)
        box.reject()
        qtbot.waitUntil(lambda: at_rest(queued), timeout=PATIENCE_MS)
        assert all(case.finding is not None for case in queued.workbench.session.cases)

    def test_stop_in_the_menu_stops_what_is_selected(self, queued):
        click(queued, "ct_2.dcm")
        click(queued, "ct_3.dcm", CTRL)
        queued.cases.stop_requested.emit(queued.cases.selected)
        standing = [case.standing for case in queued.workbench.session.cases]
        assert standing == [
            Standing.RUNNING, Standing.STOPPED, Standing.STOPPED, Standing.WAITING,
        ]  # fmt: skip
