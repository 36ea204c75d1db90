"""Small screens and large letters: nothing is cut, nothing lies over what it is about."""

import pytest
from PyQt6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QDialog, QFileDialog, QPushButton, QStyle, QTabBar

from spinealign.domain.findings import DISCLAIMER
from spinealign.domain.reading import AddendumDraft
from spinealign.ui.reading.sign_dialog import AddendumDialog
from spinealign.ui.widgets.file_dialogs import keep_file_dialogs_on_screen
from spinealign.ui.window.status_line import StatusLine
from spinealign.wording.results import DISCLAIMER_IN_SHORT
from tests.fakes import two_samples
from tests.ui.cut_texts import cut_texts, settled_cut_texts
from tests.ui.hands import has_whole_page

SCREENS = {
    "1366x768": (1284, 691),
    "1920x1080 at 200 %": (902, 486),
    "1366x768 at 200 %": (683, 384),
    "3840x2160": (3840, 2100),
}
"""What a window has of a screen, in pixels that scaling does not change."""


@pytest.fixture(params=SCREENS.values(), ids=SCREENS)
def small(request, window):
    """A window that is as large as a screen allows."""
    window.resize(*request.param)
    return window


@pytest.fixture
def seen(qtbot, small, analysed):
    """Return a function that analyses a file in such a window and waits for the whole page."""

    def run(name):
        analysed(name)
        qtbot.waitUntil(lambda: has_whole_page(small))
        QApplication.processEvents()
        return small

    return run


@pytest.mark.parametrize("name", ["ct_1.dcm", "mr_1.nii", "disc_1.png", "film_1.png", "photo.png"])
def test_no_word_is_cut_without_a_tool_tip(qtbot, seen, name):
    window = seen(name)
    window.cases_dock.raise_()
    found = settled_cut_texts(qtbot, window)
    window.results_dock.raise_()
    QApplication.processEvents()
    bar = window.results._scroll.verticalScrollBar()
    for place in range(0, bar.maximum() + 1, max(bar.pageStep(), 1)):
        bar.setValue(place)
        found += settled_cut_texts(qtbot, window)
    assert sorted(set(found)) == []


def test_the_start_page_is_not_cut(qtbot, small):
    small.workbench.preferences.is_first_start = True
    small.start()
    assert settled_cut_texts(qtbot, small) == []


def test_all_of_the_start_page_is_as_wide_as_it_is_seen(qtbot, small, fake):
    fake.samples = two_samples()
    small.workbench.preferences.is_first_start = False
    small.start()
    small.welcome.offer_session(12)
    qtbot.waitUntil(lambda: small.welcome.samples.findChildren(QPushButton) != [])
    seen = small.welcome.viewport()

    def right_of(button):
        return button.mapTo(seen, button.rect().topRight()).x()

    buttons = small.welcome.findChildren(QPushButton)
    qtbot.waitUntil(lambda: all(right_of(button) < seen.width() for button in buttons))
    assert not small.welcome.horizontalScrollBar().isVisible()
    for button in buttons:
        assert button.width() >= button.minimumSizeHint().width()
    # What was open last time is offered where nothing must be scrolled to be seen.
    for button in (small.welcome.last_session, small.welcome.forget_session):
        assert button.visibleRegion().boundingRect() == button.rect()


LEAST_SCREEN = 640, 340
"""Smaller than any screen of the list above less its frames."""


@pytest.mark.parametrize("name", ["ct_1.dcm", "mr_1.nii", "disc_1.png", "film_1.png", "photo.png"])
def test_no_result_makes_a_small_window_larger_than_its_screen(qtbot, window, analysed, name):
    window.resize(*LEAST_SCREEN)
    analysed("film_2.png")
    # While a page is filled it must not ask for more room than when it is full.
    analysed(name)
    qtbot.waitUntil(lambda: has_whole_page(window))
    QApplication.processEvents()
    assert (window.width(), window.height()) == LEAST_SCREEN
    assert window.viewer.width() >= 200


def test_menus_are_scrolled_and_stay_on_small_screens(window):
    for action in window.menuBar().actions():
        menu = action.menu()
        assert menu.style().styleHint(QStyle.StyleHint.SH_Menu_Scrollable, None, menu)
        assert menu.sizeHint().width() < LEAST_SCREEN[0]


# Panels behind one another


def is_in_front(dock):
    return dock.isVisible() and not dock.visibleRegion().isEmpty()


@pytest.fixture
def narrow(window):
    """A window that is too narrow for three columns."""
    window.resize(*SCREENS["1366x768 at 200 %"])
    QApplication.processEvents()
    return window


def test_panels_of_a_narrow_window_are_tabs_and_of_a_wide_one_columns(qtbot, window):
    window.resize(1284, 691)
    QApplication.processEvents()
    before = window.cases_dock.geometry(), window.results_dock.geometry()
    assert not window.panels.is_narrow
    assert before[0].right() < window.viewer.mapTo(window, QPoint()).x() < before[1].left()
    window.resize(683, 384)
    QApplication.processEvents()
    assert window.panels.is_narrow
    assert is_in_front(window.cases_dock)
    assert not is_in_front(window.results_dock)
    assert window.tabifiedDockWidgets(window.cases_dock) == [window.results_dock]
    window.results_dock.raise_()
    QApplication.processEvents()
    assert window.results_dock.width() > 250
    window.resize(1284, 691)
    QApplication.processEvents()
    assert (window.cases_dock.geometry(), window.results_dock.geometry()) == before
    assert window.series.dock.isHidden()
    bars = [bar for bar in window.findChildren(QTabBar) if bar.window() is window]
    assert not any(bar.geometry().intersects(window.rect()) for bar in bars if bar.isVisible())


def test_a_panel_that_was_closed_stays_closed_when_a_window_becomes_narrow_and_wide(narrow):
    narrow.cases_dock.hide()
    narrow.resize(1284, 691)
    QApplication.processEvents()
    assert narrow.cases_dock.isHidden()
    narrow.resize(683, 384)
    QApplication.processEvents()
    assert narrow.cases_dock.isHidden()
    assert is_in_front(narrow.results_dock)


def test_the_keys_bring_the_panel_forward_that_they_go_to(qtbot, narrow, analysed):
    analysed("film_1.png")
    narrow.activateWindow()
    narrow.cases_dock.raise_()
    narrow.viewer.setFocus()
    QApplication.processEvents()
    assert not is_in_front(narrow.results_dock)
    qtbot.waitUntil(lambda: has_whole_page(narrow))
    QTest.keyClick(narrow.viewer, "g")
    qtbot.waitUntil(lambda: is_in_front(narrow.results_dock))
    QTest.keyClick(narrow.focusWidget(), "f", Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: is_in_front(narrow.cases_dock))
    assert narrow.cases.search.hasFocus()


def test_one_image_shows_its_result_in_a_narrow_window_and_several_their_list(narrow, analysed):
    analysed("film_1.png")
    QApplication.processEvents()
    assert is_in_front(narrow.results_dock)
    analysed("film_2.png")
    QApplication.processEvents()
    assert is_in_front(narrow.cases_dock)


def test_a_narrow_window_remembers_how_the_wide_one_was(qtbot, open_window, tmp_path):
    first = open_window()
    first.resize(1284, 691)
    QApplication.processEvents()
    first.results_dock.hide()
    first.resize(683, 384)
    QApplication.processEvents()
    first.close()
    second = open_window()
    second.resize(1284, 691)
    QApplication.processEvents()
    assert not second.panels.is_narrow
    assert second.results_dock.isHidden()
    assert second.dockWidgetArea(second.cases_dock) is Qt.DockWidgetArea.LeftDockWidgetArea
    assert second.cases_dock.width() > 150


def test_a_low_panel_leaves_its_room_to_the_cases(narrow, analysed, window):
    recent = window.cases.recent
    analysed("film_1.png")
    QApplication.processEvents()
    assert not recent.isVisibleTo(window.cases)
    assert window.results.disclaimer.text() == DISCLAIMER_IN_SHORT
    assert window.results.disclaimer.toolTip() == DISCLAIMER
    window.resize(1284, 691)
    QApplication.processEvents()
    assert recent.isVisibleTo(window.cases)
    assert window.results.disclaimer.text() == DISCLAIMER


@pytest.mark.parametrize(
    "command", ["keyboard", "about", "models", "places", "letterhead", "phrases"]
)
def test_dialogs_are_not_cut(qtbot, small, command):
    small.actions_by_name[command].trigger()
    qtbot.waitUntil(lambda: small.findChild(QDialog) is not None)
    dialog = small.findChild(QDialog)
    if command == "keyboard":
        # The manual is a window of its own, as large as the real screen lets it be.
        dialog.resize(small.size())
    QApplication.processEvents()
    assert dialog.height() <= small.height()
    assert dialog.width() <= small.width()
    assert settled_cut_texts(qtbot, dialog) == []
    dialog.reject()


@pytest.mark.parametrize("command", ["settings", "sign", "compare", "manual"])
def test_larger_dialogs_are_scrolled_and_not_cut(qtbot, small, analysed, command):
    analysed("film_1.png")
    small.actions_by_name[command].trigger()
    tops = QApplication.topLevelWidgets
    qtbot.waitUntil(
        lambda: any(isinstance(w, QDialog) and w.isVisible() for w in tops()), timeout=10_000
    )
    [dialog] = [w for w in tops() if isinstance(w, QDialog) and w.isVisible()]
    # Windows of their own take what a real screen has; they must do with this one.
    dialog.resize(dialog.size().boundedTo(small.size()))
    QApplication.processEvents()
    assert dialog.height() <= small.height()
    assert dialog.width() <= small.width()
    assert settled_cut_texts(qtbot, dialog) == []
    dialog.close()


@pytest.mark.parametrize("size", SCREENS.values(), ids=SCREENS)
def test_the_picture_of_a_disc_does_not_lie_over_the_disc(window, analysed, size):
    window.resize(*size)
    analysed("disc_1.png")
    QApplication.processEvents()
    discs = window.workbench.current_analysis.discs
    for disc in (discs[0], discs[-1]):
        window.disc_inset.look_at(disc, window.workbench.current_analysis)
        inset = window.disc_inset.geometry()
        assert window.viewer.rect().contains(inset)
        corners = [window.viewer.to_view(QPointF(*point)).toPoint() for point in disc.outline]
        xs, ys = [p.x() for p in corners], [p.y() for p in corners]
        shown = QRect(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
        assert not inset.intersects(shown)
        assert window.viewer.viewport().rect().contains(shown)


def test_words_that_are_cut_are_found(window):
    label, button = window.status.step, window.status.cancel
    label.setText("Ready")
    label.setToolTip("")
    button.show()
    assert cut_texts(window) == []
    label.setFixedWidth(8)
    button.setFixedWidth(20)
    QApplication.processEvents()
    assert cut_texts(window) == [("ElidedLabel", "Ready"), ("QPushButton", "Cancel")]


def test_the_fields_of_an_addendum_do_not_jump(qtbot):
    dialog = AddendumDialog("", AddendumDraft(), None)
    qtbot.addWidget(dialog)
    dialog.resize(420, 320)
    with qtbot.waitExposed(dialog):
        dialog.show()
    parts = (dialog.text, dialog.reason, dialog.name, dialog.add)
    before = [part.geometry() for part in parts]
    for part, words in zip(parts, ("Seen again.", "A second look", "Dr Ada"), strict=False):
        QTest.keyClicks(part, words)
        QApplication.processEvents()
        assert [each.geometry() for each in parts] == before
    assert dialog.add.isEnabled()


def test_a_file_dialog_that_is_larger_than_the_screen_is_limited_to_it(qtbot, window):
    """It is Qt's own, opened by any part of the program."""
    keep_file_dialogs_on_screen(QApplication.instance())
    dialog = QFileDialog(window, "Save results below this folder")
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    room = dialog.screen().availableGeometry()
    dialog.resize(room.width() + 80, room.height() + 200)
    dialog.move(room.right() - 50, room.bottom() - 50)
    dialog.open()
    qtbot.waitUntil(lambda: dialog.height() <= room.height())
    qtbot.waitUntil(lambda: room.contains(dialog.frameGeometry()))
    dialog.close()


def test_progress_is_drawn_when_its_turn_comes_and_not_at_once(qtbot):
    class Counting(QObject):
        painted = 0

        def eventFilter(self, watched, event):
            self.painted += event.type() == QEvent.Type.Paint
            return False

    line, counting = StatusLine(), Counting()
    qtbot.addWidget(line)
    with qtbot.waitExposed(line):
        line.show()
    line.show_work("Outlining", 0.1)
    line.progress.installEventFilter(counting)
    qtbot.waitUntil(lambda: counting.painted > 0)
    before = counting.painted
    line.show_work("Outlining", 0.9)
    assert counting.painted == before
    qtbot.waitUntil(lambda: counting.painted > before)


def test_a_narrow_status_bar_says_how_many_images_wait(qtbot):
    line = StatusLine()
    qtbot.addWidget(line)
    line.resize(560, 24)
    line.show()
    text = "a_rather_long_name_of_a_film_0034.dcm: Outlining the vertebrae… (24 more waiting)"
    line.show_work(text, 0.5)
    line.layout().activate()
    shown = line.step.shown_text
    assert shown != text
    assert shown.endswith("(24 more waiting)")
    assert shown.startswith("a_rather")
    assert line.step.toolTip() == text
    line.show_idle("What can be done here is told from its beginning on. " * 4)
    assert line.step.shown_text.startswith("What can be done here is told")
