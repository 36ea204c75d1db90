"""The manual in the window: F1 where one is, links, search, history, pictures on every screen."""

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QWidget

from spinealign.ui.manual.manual_window import (
    MISSING,
    NOTHING_FOUND,
    PAGE_PROPERTY,
    ManualWindow,
    explain,
    open_manual,
    page_of,
)
from spinealign.ui.manual.pages import CONTENTS
from spinealign.ui.window.settings_dialog import SettingsDialog

LEFT = Qt.MouseButton.LeftButton


def shown_manual():
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, ManualWindow)]
    return next((w for w in found if w.isVisible()), None)


@pytest.fixture
def manual(qtbot, window):
    with qtbot.waitExposed(open_manual(CONTENTS, window)):
        pass
    return shown_manual()


def titles(manual):
    return [manual.list.item(row).text().split("\n")[0] for row in range(manual.list.count())]


# F1


def focus_places(window):
    return {
        window.cases: "opening",
        window.results: "reading",
        window.viewer: "correcting",
    }


def test_f1_opens_the_page_of_what_has_the_focus(qtbot, window, analysed):
    analysed("film_1.png")
    window.activateWindow()
    for part, name in focus_places(window).items():
        part.setFocus()
        assert page_of(QApplication.focusWidget()) == name
        QTest.keyClick(window, Qt.Key.Key_F1)
        assert shown_manual().name == name
        shown_manual().close()
        window.activateWindow()


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("tool_distance", "measuring"),
        ("tool_calibrate", "calibrating"),
        ("tool_vertebra", "correcting"),
        ("tool_straighten", "turning"),
        ("tool_arrow", "measuring"),
        ("tool_pointer", "correcting"),
    ],
)
def test_f1_goes_by_the_tool_in_hand(hands, window, command, name):
    window.actions_by_name[command].trigger()
    QTest.keyClick(window.viewer, Qt.Key.Key_F1)
    assert shown_manual().name == name


def test_f1_works_in_a_dialog_that_holds_the_window(qtbot, window):
    open_manual(CONTENTS, window)
    window.actions_by_name["settings"].trigger()
    dialog = window.findChild(SettingsDialog)
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    QTest.keyClick(dialog.list, Qt.Key.Key_F1)
    manual = shown_manual()
    assert manual.name == "settings"
    assert manual.parentWidget() is dialog
    QTest.keyClicks(manual.line, "letterhead")
    assert titles(manual)
    manual.close()
    dialog.close()


def test_there_is_one_manual_however_often_it_is_asked_for(window):
    first = open_manual("film", window)
    assert open_manual("mr", window) is first
    assert first.name == "mr"


def test_what_nothing_explains_leads_to_the_contents(window):
    assert page_of(None) == page_of(window) == CONTENTS
    open_manual("no-such-page", window)
    assert shown_manual().name == CONTENTS


def test_every_page_that_f1_may_open_is_there(window, manual):
    from spinealign.ui.window.main_window import TOOL_PAGES

    names = {page.name for page in manual.pages}
    parts = [part.property(PAGE_PROPERTY) for part in window.findChildren(QWidget)]
    parts = [name for name in parts if name is not None]
    assert len(parts) >= 6
    assert {*parts, *TOOL_PAGES.values(), "measuring", "keyboard"} <= names


def test_the_command_keyboard_opens_the_page_of_keys(window):
    window.actions_by_name["keyboard"].trigger()
    assert shown_manual().name == "keyboard"
    assert "Ctrl+O" in shown_manual().page.toPlainText()


# Pages


def test_every_page_is_opened_from_the_list_with_all_its_pictures(qtbot, manual):
    for row in range(manual.list.count()):
        manual.list.setCurrentRow(row)
        QTest.keyClick(manual.list, Qt.Key.Key_Return)
        assert manual.name == manual.pages[row].name
        text = manual.page.toPlainText()
        assert manual.pages[row].title in text
        pictures = manual.pages[row].markdown.count("![")
        assert text.count("￼") == pictures
        assert "**" not in text
        assert "](" not in text


def test_links_back_and_forward(qtbot, manual):
    manual.go("start")
    assert not manual.forward.isEnabled()
    document = manual.page.document()
    cursor = document.find("Opening images")
    manual.page.setTextCursor(cursor)
    manual.page.ensureCursorVisible()
    place = manual.page.cursorRect(cursor).center()
    QTest.mouseClick(manual.page.viewport(), LEFT, pos=place - QPoint(8, 0))
    assert manual.name == "opening"
    QTest.mouseClick(manual.back, LEFT)
    assert manual.name == "start"
    assert manual.list.currentItem().text() == "First steps"
    QTest.keyClick(manual, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert manual.name == "opening"
    QTest.mouseClick(manual.contents, LEFT)
    assert manual.name == CONTENTS


@pytest.mark.parametrize("width", [520, 900, 1600])
def test_pictures_are_never_wider_than_the_page(qtbot, manual, width):
    manual.go("reading")
    manual.resize(width, 600)
    qtbot.waitUntil(lambda: manual.page._width == manual.page._room())
    assert manual.page.horizontalScrollBar().maximum() == 0
    loads = []
    manual.page.sourceChanged.connect(loads.append)
    for _ in range(5):
        QApplication.processEvents()
    assert loads == []


def test_the_manual_fits_a_small_screen_at_double_size(manual):
    assert manual.minimumSizeHint().width() <= 640
    assert manual.minimumSizeHint().height() <= 340


# Search


def test_what_is_looked_for_is_found_and_marked(qtbot, manual):
    manual.line.setFocus()
    QTest.keyClicks(manual.line, "calibrat")
    assert titles(manual)[0] == "Calibrating lengths"
    assert len(titles(manual)) < len(manual.pages)
    QTest.keyClick(manual.line, Qt.Key.Key_Return)
    assert manual.name == "calibrating"
    marks = manual.page.extraSelections()
    assert len(marks) > 2
    assert {mark.cursor.selectedText().casefold() for mark in marks} == {"calibrat"}
    assert manual.next.isEnabled()
    first = manual.page.textCursor().position()
    QTest.keyClick(manual.page, Qt.Key.Key_F3)
    second = manual.page.textCursor().position()
    assert second > first
    QTest.keyClick(manual.page, Qt.Key.Key_F3, Qt.KeyboardModifier.ShiftModifier)
    assert manual.page.textCursor().position() == first
    manual.line.clear()
    assert titles(manual) == [page.title for page in manual.pages]
    assert manual.page.extraSelections() == []


def test_what_is_nowhere_is_said(manual):
    QTest.keyClicks(manual.line, "zebra")
    assert titles(manual) == []
    assert manual.told.text() == NOTHING_FOUND
    assert manual.told.isVisible()


def test_ctrl_f_goes_to_the_search(manual):
    manual.page.setFocus()
    QTest.keyClick(manual.page, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert manual.line.hasFocus()


def test_a_manual_that_is_not_there_is_said(qtbot, tmp_path):
    manual = ManualWindow(folder=tmp_path)
    qtbot.addWidget(manual)
    manual.show()
    manual.go("film")
    assert manual.told.text() == MISSING


def test_a_part_may_be_explained_by_another_page_later(window):
    explain(window.viewer, "measuring")
    assert page_of(window.viewer.viewport()) == "measuring"
    explain(window.viewer, "correcting")
    assert page_of(window.viewer) == "correcting"
