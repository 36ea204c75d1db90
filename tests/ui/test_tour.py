"""The first steps: four bubbles beside what they are about, by mouse and keys, in nobody's way."""

import pytest
from PyQt6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QPushButton

from spinealign.ui.settings.settings import SettingsStore, WindowState
from spinealign.ui.window.tour import Side, place_beside
from spinealign.wording.tour import BEGIN, CASES, HELP, RESULTS
from tests.fakes import two_samples
from tests.ui.hands import at_rest

LEFT = Qt.MouseButton.LeftButton
STEPS = [BEGIN, CASES, RESULTS, HELP]
ROOM = QRect(0, 0, 1366, 768)


@pytest.fixture
def toured(qtbot, window, fake):
    """A window at its first start, resting, with its first bubble."""
    fake.samples = two_samples()
    window.resize(1280, 720)
    window.start()
    qtbot.waitUntil(lambda: at_rest(window) and not window.workbench.files.is_busy)
    qtbot.waitUntil(lambda: window.welcome.samples.findChildren(QPushButton) != [])
    settle(qtbot, window)
    return window


def settle(qtbot, window):
    qtbot.waitUntil(lambda: not window.tour._soon.isActive())


def rect_in_window(part):
    return QRect(part.mapTo(part.window(), QPoint(0, 0)), part.size())


# Where a bubble lies


@pytest.mark.parametrize(
    ("anchor", "side"),
    [
        (QRect(0, 100, 250, 600), Side.RIGHT),
        (QRect(1100, 100, 266, 600), Side.LEFT),
        (QRect(380, 0, 40, 25), Side.BELOW),
        (QRect(100, 100, 1200, 300), Side.BELOW),
        (QRect(100, 400, 1200, 360), Side.ABOVE),
        (QRect(0, 0, 1366, 768), Side.OVER),
    ],
)
def test_a_bubble_lies_where_there_is_room_and_points_at_its_anchor(anchor, side):
    place = place_beside(anchor, QSize(340, 180), ROOM)
    assert place.side is side
    assert ROOM.contains(place.rect)
    assert place.rect.size() == QSize(340, 180)
    assert side is Side.OVER or not place.rect.intersects(anchor)
    assert anchor.contains(place.tip)


# The steps


def test_the_first_start_shows_the_steps_and_no_later_one_does(qtbot, toured, open_window):
    assert toured.tour.bubble.isVisible()
    assert toured.tour.bubble.title.text() == BEGIN.title
    again = open_window(SettingsStore(toured.workbench.preferences.folder))
    again.start()
    qtbot.waitUntil(lambda: at_rest(again) and not again.workbench.files.is_busy)
    assert again.tour.bubble is None


def test_next_goes_through_all_four_beside_their_parts(qtbot, toured):
    anchors = [toured.welcome.samples, toured.cases_dock, toured.results_dock, None]
    bubble = toured.tour.bubble
    for step, anchor in zip(STEPS, anchors, strict=True):
        settle(qtbot, toured)
        assert bubble.title.text() == step.title
        assert bubble.text.text() == step.text
        assert toured.rect().contains(bubble.geometry())
        assert bubble._side is not Side.OVER
        if anchor is not None:
            assert not bubble.geometry().intersects(rect_in_window(anchor))
        QTest.mouseClick(bubble.next, LEFT)
    assert toured.tour.bubble is None
    help_menu = toured.menuBar().actions()[-1]
    assert help_menu.text() == "&Help"


def test_the_steps_are_gone_through_and_back_by_keys(qtbot, toured):
    bubble = toured.tour.bubble
    toured.activateWindow()
    bubble.next.setFocus()
    QTest.keyClick(bubble.next, Qt.Key.Key_Return)
    assert bubble.title.text() == CASES.title
    QTest.keyClick(bubble.next, Qt.Key.Key_Backtab)
    assert toured.focusWidget() is bubble.back
    QTest.keyClick(bubble.back, Qt.Key.Key_Space)
    assert bubble.title.text() == BEGIN.title
    bubble.next.setFocus()
    for _ in STEPS:
        QTest.keyClick(bubble.next, Qt.Key.Key_Return)
    assert toured.tour.bubble is None


def test_esc_skips_the_rest_and_gives_the_keys_back(qtbot, toured):
    toured.tour.end()
    toured.activateWindow()
    toured.results.setFocus()
    before = toured.focusWidget()
    toured.actions_by_name["first_steps"].trigger()
    bubble = toured.tour.bubble
    assert bubble.isAncestorOf(toured.focusWidget())
    QTest.keyClick(toured.focusWidget(), Qt.Key.Key_Escape)
    assert toured.tour.bubble is None
    assert not bubble.isVisible()
    assert toured.focusWidget() is before


def test_a_bubble_blocks_no_work(qtbot, toured):
    with qtbot.waitSignal(toured.workbench.session.finding_ready):
        QTest.mouseClick(toured.welcome.samples.findChildren(QPushButton)[1], LEFT)
    assert toured.tour.bubble.isVisible()
    settle(qtbot, toured)
    # Work has begun: the next bubble is shown, beside the case.
    assert toured.tour.bubble.title.text() == CASES.title
    assert not toured.tour.bubble.geometry().intersects(rect_in_window(toured.cases_dock))
    qtbot.waitUntil(toured.actions_by_name["overlay"].isEnabled)
    toured.viewer.setFocus()
    was = toured.actions_by_name["overlay"].isChecked()
    QTest.keyClick(toured.viewer, Qt.Key.Key_O)
    assert toured.actions_by_name["overlay"].isChecked() is not was


def test_who_starts_the_program_with_a_file_is_shown_no_bubble(qtbot, window, files):
    window.start(files("ct_1.dcm"))
    qtbot.waitUntil(lambda: window.workbench.current is not None)
    assert window.tour.bubble is None
    window.actions_by_name["first_steps"].trigger()
    settle(qtbot, window)
    # Where one begins is hidden: it points at the button that opens images.
    opener = window.tool_bar.widgetForAction(window.actions_by_name["open"])
    bubble = window.tour.bubble
    assert not bubble.geometry().intersects(rect_in_window(opener))
    assert rect_in_window(opener).contains(bubble.geometry().topLeft() + bubble._tip)


def test_it_follows_the_window_and_lies_inside_it_however_small(qtbot, toured):
    for size in ((1366, 700), (900, 600), (683, 384)):
        toured.resize(*size)
        for _ in STEPS:
            settle(qtbot, toured)
            qtbot.waitUntil(lambda: toured.rect().contains(toured.tour.bubble.geometry()))
            bubble = toured.tour.bubble
            assert bubble.height() >= bubble.layout().totalHeightForWidth(bubble.width())
            QTest.mouseClick(bubble.next, LEFT)
        toured.tour.start()
        settle(qtbot, toured)


def test_a_panel_that_is_closed_is_told_of_without_an_arrow(qtbot, toured):
    toured.cases_dock.hide()
    QTest.mouseClick(toured.tour.bubble.next, LEFT)
    settle(qtbot, toured)
    assert toured.tour.bubble.title.text() == CASES.title
    assert toured.tour.bubble._side is Side.OVER


def test_screen_readers_hear_what_it_says(toured):
    bubble = toured.tour.bubble
    assert BEGIN.text in bubble.accessibleName()
    assert BEGIN.text in bubble.next.accessibleDescription()


def test_a_later_start_shows_the_steps_on_request_only(qtbot, open_window, tmp_path):
    store = SettingsStore(tmp_path / "later")
    store.save(WindowState())
    window = open_window(store)
    window.start()
    qtbot.waitUntil(lambda: at_rest(window) and not window.workbench.files.is_busy)
    assert window.tour.bubble is None
    window.actions_by_name["first_steps"].trigger()
    assert window.tour.bubble.title.text() == BEGIN.title


# Keys while another part of the window has them


def away_from_the_bubble(window, part):
    window.activateWindow()
    part.setFocus()
    assert not window.tour.bubble.isAncestorOf(window.focusWidget())
    return window.focusWidget()


@pytest.mark.parametrize("part", ["results", "tool bar"])
def test_return_and_esc_work_wherever_the_keys_are(qtbot, toured, part):
    toured.resize(1284, 760)
    parts = {"results": toured.results, "tool bar": toured.opacity_slider}
    toured.opacity_slider.setEnabled(True)
    here = away_from_the_bubble(toured, parts[part])
    QTest.keyClick(here, Qt.Key.Key_Return)
    assert toured.tour.bubble.title.text() == CASES.title
    QTest.keyClick(toured.focusWidget(), Qt.Key.Key_Escape)
    assert toured.tour.bubble is None


def test_a_field_keeps_its_keys_while_a_bubble_is_up(qtbot, toured):
    field = toured.cases.search
    here = away_from_the_bubble(toured, field)
    QTest.keyClicks(here, "ab")
    QTest.keyClick(here, Qt.Key.Key_Return)
    assert toured.tour.bubble.title.text() == BEGIN.title
    QTest.keyClick(here, Qt.Key.Key_Escape)
    assert toured.tour.bubble is not None


def test_a_button_that_has_the_keys_is_pressed_and_not_the_bubble(qtbot, toured):
    button = toured.tool_bar.widgetForAction(toured.actions_by_name["open"])
    here = away_from_the_bubble(toured, button)
    assert not toured.tour._is_for_bubble(
        QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier)
    )
    assert here is button
