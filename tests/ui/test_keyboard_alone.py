"""The window without a mouse: every menu, dialog and control is reached and has a name and role."""

from itertools import pairwise

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QDialog,
    QDockWidget,
    QMenu,
    QScrollArea,
    QWidget,
)

from tests.ui.accessibility import needs_accessibility_tree, told_of
from tests.ui.hands import at_rest

STATES = ["", "ct_1.dcm", "disc_1.png", "film_1.png", "photo_1.png", "series_1.nii", "bad.txt"]
DIALOGS = ["places", "models", "about", "settings", "phrases", "letterhead", "manual"]
OF_RESULT = ["examination_date", "sign", "compare"]
NO_ROLE = 0


@pytest.fixture
def show(qtbot, window, files):
    """Return a function that opens a file and waits until everything about it is shown."""

    def run(name):
        window.resize(1284, 800)
        if name:
            window.workbench.opener.open_paths(files(name))
            session, idle = window.workbench.session, window.workbench.records
            qtbot.waitUntil(
                lambda: bool(session.cases) and at_rest(window) and not idle.is_busy, timeout=20_000
            )
            assert window.results.page is not None
        window.activateWindow()
        qtbot.wait(50)
        return window

    return run


def focusable(top):
    """Return what is seen of a window and takes the keys with Tab."""
    found = []
    for widget in top.findChildren(QWidget):
        takes_keys = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.focusProxy() is None
        # An empty area that scrolls lets the keys go on.
        is_plain = type(widget) in (QScrollArea, QAbstractScrollArea)
        is_inner = widget.objectName().startswith("qt_")
        is_here = widget.window() is top and widget.isVisibleTo(top) and widget.isEnabled()
        if takes_keys and is_here and not is_plain and not is_inner:
            found.append(widget)
    return found


def nameless(top):
    told = [(widget, told_of(widget)) for widget in focusable(top)]
    return [
        (type(widget).__name__, widget.objectName(), None if said is None else said.role)
        for widget, said in told
        if said is None or not said.name.strip() or said.role == NO_ROLE
    ]


def named(widget):
    return f"{type(widget).__name__} {widget.accessibleName() or widget.objectName()}"


def walk(top, key=Qt.Key.Key_Tab, most=400):
    """Press Tab until it comes round, and return where the keys were."""
    passed = []
    for _ in range(most):
        here = QApplication.focusWidget()
        if here in passed[:-1]:
            break
        # A page goes from link to link before it lets the keys go on.
        if here not in passed:
            passed.append(here)
        QTest.keyClick(here or top, key)
    return passed


def standing(qtbot, top):
    """Return the dialog that was opened over a window."""
    found = []

    def look():
        tops = QApplication.topLevelWidgets()
        found[:] = [w for w in tops if isinstance(w, QDialog) and w.isVisible() and w is not top]
        return bool(found)

    qtbot.waitUntil(look)
    found[0].activateWindow()
    qtbot.waitUntil(found[0].isActiveWindow)
    return found[0]


def choose_by_keys(window, action):
    """Open the menu of an action with Alt and its letter, go there with arrows, press Return."""
    for entry in window.menuBar().actions():
        path = path_to(entry.menu(), action)
        if path is None:
            continue
        letter = entry.text()[entry.text().index("&") + 1]
        QTest.keyClick(window, letter.lower(), Qt.KeyboardModifier.AltModifier)
        menu = QApplication.activePopupWidget()
        assert menu is entry.menu()
        for step in path:
            go_to(menu, step)
            QTest.keyClick(menu, Qt.Key.Key_Return if step is action else Qt.Key.Key_Right)
            menu = QApplication.activePopupWidget()
        return
    raise AssertionError(f"{action.text()} is in no menu")


def path_to(menu, action):
    for entry in menu.actions():
        if entry is action:
            return [entry]
        below = None if entry.menu() is None else path_to(entry.menu(), action)
        if below is not None:
            return [entry, *below]
    return None


def go_to(menu, action):
    for _ in menu.actions():
        if menu.activeAction() is action:
            return
        QTest.keyClick(menu, Qt.Key.Key_Down)
    assert menu.activeAction() is action


@needs_accessibility_tree
@pytest.mark.parametrize("name", STATES)
def test_every_control_has_a_name_and_a_role(show, name):
    window = show(name)
    assert len(focusable(window)) > 8
    assert nameless(window) == []


@pytest.mark.parametrize("name", STATES)
def test_tab_reaches_every_control_and_comes_round(show, name):
    window = show(name)
    # Findings that get the keys for the first time show their place, with controls of its own.
    passed = {*walk(window), *walk(window)}
    missing = [named(each) for each in focusable(window) if each not in passed]
    assert missing == []
    assert None not in passed


def test_shift_tab_goes_the_same_way_back(show):
    window = show("film_1.png")
    there = walk(window)
    back = walk(window, Qt.Key.Key_Backtab)
    assert set(back) == set(there)
    start = there.index(back[0])
    assert back == [*there[: start + 1][::-1], *there[start + 1 :][::-1]]


@pytest.mark.parametrize("command", DIALOGS)
def test_every_dialog_is_opened_and_closed_by_keys(qtbot, show, command):
    window = show("")
    action = window.actions_by_name[command]
    choose_by_keys(window, action)
    dialog = standing(qtbot, window)
    passed = walk(dialog)
    missing = [named(each) for each in focusable(dialog) if each not in passed]
    assert missing == []
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not dialog.isVisible())


@pytest.mark.parametrize("command", OF_RESULT)
def test_every_dialog_of_a_result_is_opened_and_closed_by_keys(qtbot, show, command):
    window = show("film_1.png")
    choose_by_keys(window, window.actions_by_name[command])
    dialog = standing(qtbot, window)
    qtbot.wait(50)
    passed = walk(dialog)
    missing = [named(each) for each in focusable(dialog) if each not in passed]
    assert missing == []
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not dialog.isVisible())


@needs_accessibility_tree
@pytest.mark.parametrize("command", [*DIALOGS, *OF_RESULT])
def test_every_control_of_a_dialog_has_a_name_and_a_role(qtbot, show, command):
    window = show("film_1.png")
    window.actions_by_name[command].trigger()
    dialog = standing(qtbot, window)
    qtbot.wait(50)
    assert nameless(dialog) == []
    dialog.close()


def test_every_entry_of_every_menu_is_reached_by_keys(show):
    window = show("film_1.png")
    letters = []
    for entry in window.menuBar().actions():
        letters.append(entry.text()[entry.text().index("&") + 1].lower())
        QTest.keyClick(window, letters[-1], Qt.KeyboardModifier.AltModifier)
        missing = unreached(QApplication.activePopupWidget())
        QTest.keyClick(QApplication.activePopupWidget() or window, Qt.Key.Key_Escape)
        assert missing == []
    assert len(set(letters)) == len(letters)


def unreached(menu):
    assert isinstance(menu, QMenu)
    wanted = {a for a in menu.actions() if a.isEnabled() and a.isVisible() and not a.isSeparator()}
    passed = set()
    for _ in range(2 * len(menu.actions())):
        QTest.keyClick(menu, Qt.Key.Key_Down)
        passed.add(menu.activeAction())
    return [action.text() for action in wanted - passed]


@pytest.mark.parametrize("name", STATES)
def test_no_button_is_for_the_mouse_alone(show, name):
    window = show(name)
    alone = []
    for button in window.findChildren(QAbstractButton):
        of_qt = button.objectName().startswith("qt_") or isinstance(
            button.parentWidget(), QDockWidget
        )
        if button.isVisible() and not of_qt and button.focusPolicy() == Qt.FocusPolicy.NoFocus:
            alone.append(named(button))
    assert alone == []


def entries(menu):
    """Return the visible and hidden entries of a menu, and of those below it."""
    found = [(menu, [a for a in menu.actions() if not a.isSeparator()])]
    for action in found[0][1]:
        if action.menu() is not None:
            found += entries(action.menu())
    return found


@pytest.mark.parametrize("name", ["", "film_1.png", "series_1.nii"])
def test_no_two_entries_of_a_menu_have_the_same_letter(show, name):
    window = show(name)
    menus = [found for entry in window.menuBar().actions() for found in entries(entry.menu())]
    assert len(menus) > 9
    twice = []
    for menu, actions in menus:
        letters = [letter_of(action.text()) for action in actions]
        given = [letter for letter in letters if letter]
        twice += [(menu.title(), letter) for letter in set(given) if given.count(letter) > 1]
    assert twice == []


def letter_of(text):
    at = text.replace("&&", "").find("&")
    return text.replace("&&", "")[at + 1].lower() if at >= 0 else ""


@pytest.mark.parametrize("name", ["film_1.png", "spine_1.png", "series_1.nii"])
def test_tab_passes_the_parts_of_the_window_one_after_the_other(show, name):
    window = show(name)
    parts = window._parts()

    def part_of(control):
        return next((k for k, p in enumerate(parts) if p is control or p.isAncestorOf(control)), -1)

    walk(window)
    passed = [part_of(control) for control in walk(window)]
    runs = [part for place, part in enumerate(passed) if part != passed[place - 1]]
    assert len(runs) > 4
    assert len(set(runs)) == len(runs)
    assert passed.count(parts.index(window.results_dock)) > 5


def test_within_the_results_tab_goes_from_the_top_down(show):
    window = show("film_1.png")
    page, bar = window.results.page, window.results._scroll.verticalScrollBar()
    ring = [each for each in window.ring.controls() if page.isAncestorOf(each)]
    bar.setValue(bar.maximum())
    assert bar.value() > 100
    assert [each for each in window.ring.controls() if page.isAncestorOf(each)] == ring
    tops = [each.mapTo(page, QPoint()).y() for each in ring]
    assert len(ring) > 6
    assert all(after >= before - 12 for before, after in pairwise(tops))
