"""Keys, menus, themes and dialogs of the window."""

from types import SimpleNamespace

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QAbstractButton, QApplication, QDialog, QLabel, QLineEdit

from spinealign.domain.findings import DISCLAIMER
from spinealign.ui.results.probability_bars import ProbabilityBar
from spinealign.ui.settings.settings import OverlayStyle, SettingsStore, ThemeChoice
from spinealign.ui.widgets.theme import DARK, LIGHT
from spinealign.ui.window.actions import COMMANDS
from tests.examinations import NECK_CT
from tests.ui.hands import at_rest


def press(window, key, modifier=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(window.viewer, key, modifier)


@pytest.fixture
def ready(window, analysed):
    """A window with a case, the picture having the keyboard."""
    analysed("mr_1.nii")
    window.activateWindow()
    window.viewer.setFocus()
    return window


def unexplained(window):
    """Return the commands that are not offered and do not say why."""
    actions = window.actions_by_name
    silent = (one.name for one in COMMANDS if not actions.reason(one.name))
    return [name for name in silent if not actions[name].isEnabled() and actions[name].isVisible()]


@pytest.mark.parametrize(
    "name", ["", "ct_1.dcm", "mr_1.nii", "disc_1.png", "film_1.png", "series_1.nii"]
)
def test_a_command_that_is_not_offered_says_why(window, analysed, name):
    if name:
        analysed(name)
    assert unexplained(window) == []


@pytest.mark.parametrize("key", [Qt.Key.Key_O, Qt.Key.Key_Space], ids=["O", "space"])
def test_keys_for_the_overlay(ready, key):
    assert ready.viewer.picture.shows_overlay
    press(ready, key)
    assert not ready.viewer.picture.shows_overlay
    assert not ready.actions_by_name["overlay"].isChecked()
    press(ready, key)
    assert ready.viewer.picture.shows_overlay


def test_the_heat_map_is_offered_where_a_demonstration_made_one(window, demonstrated, analysed):
    demonstrated("ct_1.dcm")
    command = window.actions_by_name["heatmap"]
    assert command.isEnabled()
    command.trigger()
    assert not window.viewer.picture.shows_heatmap
    analysed("mr_1.nii")
    assert not command.isEnabled()
    assert "no heat map" in command.toolTip()


def test_the_key_for_outlines(ready):
    press(ready, Qt.Key.Key_L)
    assert ready.viewer.picture.overlay_style is OverlayStyle.OUTLINES
    assert ready.workbench.preferences.settings.overlay_style is OverlayStyle.OUTLINES


def test_keys_for_opacity(ready):
    before = ready.viewer.picture.opacity
    press(ready, Qt.Key.Key_BracketRight)
    assert ready.viewer.picture.opacity == pytest.approx(before + 0.1)
    for _ in range(20):
        press(ready, Qt.Key.Key_BracketLeft)
    assert ready.viewer.picture.opacity == 0
    assert ready.workbench.preferences.settings.overlay_opacity == 0


def test_keys_for_zoom(ready):
    fitted = ready.viewer.zoom
    press(ready, Qt.Key.Key_Plus)
    assert ready.viewer.zoom == pytest.approx(fitted * 1.25)
    press(ready, Qt.Key.Key_Minus)
    assert ready.viewer.zoom == pytest.approx(fitted)
    press(ready, Qt.Key.Key_1)
    assert ready.viewer.zoom == pytest.approx(1)
    assert ready.status.zoom_text == "100 %"
    press(ready, Qt.Key.Key_F)
    assert ready.viewer.zoom == pytest.approx(fitted)


def test_keys_for_greys(ready):
    start = ready.viewer.picture.window
    press(ready, Qt.Key.Key_I)
    assert ready.viewer.picture.is_inverted
    ready.viewer.picture.drag_window(30, 30)
    press(ready, Qt.Key.Key_R)
    assert ready.viewer.picture.window == start
    assert not ready.viewer.picture.is_inverted
    assert not ready.actions_by_name["invert"].isChecked()


CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.mark.parametrize(
    ("forward", "back"),
    [
        ((Qt.Key.Key_N,), (Qt.Key.Key_P,)),
        ((Qt.Key.Key_PageDown, CTRL), (Qt.Key.Key_PageUp, CTRL)),
    ],
    ids=["letters", "pages"],
)
def test_keys_for_cases(ready, analysed, forward, back):
    first = ready.workbench.current
    second = analysed("ct_2.dcm")
    press(ready, *back)
    assert ready.workbench.current is first
    press(ready, *back)
    assert ready.workbench.current is first
    press(ready, *forward)
    press(ready, *forward)
    assert ready.workbench.current is second


def test_escape_cancels(qtbot, window, fake, files):
    fake.analyser.hold = "Classifying"
    window.workbench.opener.open_paths(files("ct_1.dcm", "ct_2.dcm"))
    qtbot.waitUntil(fake.analyser.reached.is_set)
    press(window, Qt.Key.Key_Escape)
    assert not window.workbench.session.is_busy
    fake.analyser.gate.set()
    qtbot.waitUntil(lambda: at_rest(window))
    assert all(case.finding is None for case in window.workbench.session.cases)


def test_a_key_for_the_image_type(qtbot, ready):
    with qtbot.waitSignal(ready.workbench.session.finding_ready):
        press(ready, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert ready.workbench.current.finding.analysis.examination is NECK_CT


def test_typing_a_search_is_not_taken_for_commands(ready):
    press(ready, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    field = ready.cases.findChild(QLineEdit)
    QTest.keyClicks(field, "ohir1")
    assert field.text() == "ohir1"
    assert ready.viewer.picture.shows_overlay
    assert not ready.viewer.picture.is_inverted


def test_space_presses_a_button_that_has_the_keyboard(ready):
    button = next(b for b in ready.results.page.findChildren(QAbstractButton) if b.isVisible())
    pressed = []
    button.clicked.connect(lambda: pressed.append(True))
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert pressed == [True]
    assert ready.viewer.picture.shows_overlay


def test_no_key_has_two_meanings():
    keys = [key for command in COMMANDS for key in command.keys]
    assert len(keys) == len(set(keys))


def test_every_command_can_be_reached_from_the_menus(window):
    reachable, menus = set(), [action.menu() for action in window.menuBar().actions()]
    while menus:
        for action in menus.pop().actions():
            reachable.add(action)
            if action.menu() is not None:
                menus.append(action.menu())
    missing = [c.name for c in COMMANDS if window.actions_by_name[c.name] not in reachable]
    assert missing == []


@pytest.mark.parametrize(("choice", "colours"), [("light", LIGHT), ("dark", DARK)])
def test_a_theme_is_worn_at_once_and_remembered(open_window, tmp_path, choice, colours):
    window = open_window()
    window.actions_by_name[f"theme_{choice}"].trigger()
    palette = QApplication.palette()
    assert palette.color(QPalette.ColorRole.Window) == QColor(colours.window)
    assert colours.danger_panel in QApplication.instance().styleSheet()
    window.close()
    stored = SettingsStore(tmp_path / "profile").load_settings()
    assert stored.theme is ThemeChoice(choice)
    again = open_window()
    assert again.actions_by_name[f"theme_{choice}"].isChecked()


def test_a_change_of_theme_repaints_a_shown_result(ready):
    light = ready.grab().toImage().pixelColor(5, ready.height() - 5)
    ready.actions_by_name["theme_dark"].trigger()
    dark = ready.grab().toImage().pixelColor(5, ready.height() - 5)
    assert dark.lightness() < light.lightness()
    ready.actions_by_name["theme_light"].trigger()
    assert ready.grab().toImage().pixelColor(5, ready.height() - 5) == light


def test_a_change_of_theme_reaches_painted_bars_and_icons(window, demonstrated):
    window.actions_by_name["theme_light"].trigger()
    demonstrated("ct_1.dcm")
    window.actions_by_name["theme_dark"].trigger()
    bar = window.results.page.findChild(ProbabilityBar)
    assert bar._colour == QColor(DARK.accent)
    window.workbench.select(None)
    picture = window.cases.view.grab().toImage()
    painted = {
        picture.pixelColor(x, y).name()
        for x in range(picture.width())
        for y in range(picture.height())
    }
    assert {DARK.accent, DARK.text, DARK.panel} <= painted
    assert not {LIGHT.accent, LIGHT.text, LIGHT.panel} & painted


@pytest.mark.parametrize(
    ("scheme", "colours"), [(Qt.ColorScheme.Dark, DARK), (Qt.ColorScheme.Light, LIGHT)]
)
def test_the_theme_of_the_system_is_followed(qtbot, window, monkeypatch, scheme, colours):
    window.theme.choose(ThemeChoice.SYSTEM)
    monkeypatch.setattr(window.theme, "_hints", SimpleNamespace(colorScheme=lambda: scheme))
    with qtbot.waitSignal(window.theme.changed):
        QApplication.styleHints().colorSchemeChanged.emit(scheme)
    assert window.theme.colours is colours
    assert colours.panel in QApplication.instance().styleSheet()


def test_a_chosen_theme_does_not_follow_the_system(window):
    window.theme.choose(ThemeChoice.DARK)
    QApplication.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert window.theme.colours is DARK


def words_of(dialog):
    return "\n".join(label.text() for label in dialog.findChildren(QLabel))


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("about", [DISCLAIMER, "GNU General Public License"]),
        ("models", ["came with SpineAlign", "Drawings; no patient, no network."]),
    ],
)
def test_dialogs_say_what_they_are_for(qtbot, window, action, expected):
    window.actions_by_name[action].trigger()
    qtbot.waitUntil(lambda: window.findChild(QDialog) is not None)
    dialog = window.findChild(QDialog)
    assert dialog.isVisible()
    assert dialog.height() <= window.height()
    qtbot.waitUntil(lambda: not window.workbench.is_working)
    for words in expected:
        assert words in words_of(dialog)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_the_read_out_names_place_value_unit_and_structure(ready, analysed):
    reading = ready.viewer.read_pixel(ready.viewer.viewport().rect().center())
    ready.viewer.pixel_read.emit(reading)
    assert f"x {reading.col}  y {reading.row}" in ready.status.pixel_text
    analysed("ct_2.dcm")
    reading = ready.viewer.read_pixel(ready.viewer.viewport().rect().center())
    ready.viewer.pixel_read.emit(reading)
    assert f"{reading.value:.0f} HU" in ready.status.pixel_text
    ready.viewer.pixel_read.emit(None)
    assert ready.status.pixel_text == ""


def test_controls_without_words_have_names(ready):
    buttons = [b for b in ready.findChildren(QAbstractButton) if b.isVisible() and not b.text()]
    nameless = [
        b
        for b in buttons
        if not b.accessibleName() and not b.toolTip() and not b.objectName().startswith("qt_")
    ]
    assert nameless == []


@pytest.mark.parametrize("panel", ["cases_dock", "results_dock"])
def test_panels_can_be_put_away_and_brought_back(window, panel):
    dock = getattr(window, panel)
    action = dock.toggleViewAction()
    action.trigger()
    assert dock.isHidden()
    action.trigger()
    assert not dock.isHidden()


def test_the_window_fits_a_small_screen_at_double_size(ready):
    smallest = ready.minimumSizeHint()
    assert smallest.width() <= 1366 // 2 + 120
    assert smallest.height() <= 768 // 2
