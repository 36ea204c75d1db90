"""Measures drawn by hand, calibration, and what is drawn over the picture."""

from unittest.mock import ANY

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QPointF, QRectF, Qt
from PyQt6.QtGui import QImage
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QDialog, QInputDialog, QMenu

from spinealign.domain.image import DisplayWindow, SpacingSource
from spinealign.domain.measurements import DrawingTool, MeasureState
from spinealign.domain.measures import MeasureCode
from spinealign.ui.picture.drawing_tools import ToolName
from spinealign.ui.picture.handles import DrawnRef
from spinealign.ui.settings.settings import SettingsStore
from spinealign.ui.window.actions import COMMANDS
from spinealign.wording import Message
from spinealign.wording.corrections import SHOWN_AGAIN
from spinealign.wording.measures import measurement_name
from tests.ui.hands import LEFT


def drawn(hands):
    found = hands.window.workbench.editing.analysis.measurements
    return [m for m in found if m.state is MeasureState.DRAWN]


def place_each(hands, points):
    for point in points:
        hands.move(point, held=False)
        hands.click(point)


@pytest.mark.parametrize(
    ("key", "points", "value", "unit"),
    [
        (Qt.Key.Key_D, [(100, 100), (160, 180)], 100.0, "px"),
        (Qt.Key.Key_A, [(100, 100), (100, 200), (200, 200)], 90.0, "deg"),
        (Qt.Key.Key_C, [(50, 300), (150, 300), (50, 500), (150, 600)], 45.0, "deg"),
    ],
    ids=["distance", "angle", "cobb"],
)
def test_a_tool_measures_what_is_clicked(hands, key, points, value, unit):
    hands.key(key)
    assert hands.viewer.hint
    place_each(hands, points)
    [measurement] = drawn(hands)
    assert measurement.value == pytest.approx(value, abs=1e-6)
    assert measurement.unit == unit
    assert hands.viewer.hint == ""
    assert hands.window.correction.editor.tool_name is ToolName.POINTER
    assert measurement.key in hands.viewer.picture.measures.keys
    assert f"{value:.1f}" in hands.viewer.picture.measures.label(measurement.key)


@pytest.mark.parametrize("ending", ["enter", "double click", "first point"])
def test_an_area_is_closed(hands, ending):
    square = [(100, 100), (200, 100), (200, 200), (100, 200)]
    hands.key(Qt.Key.Key_E)
    place_each(hands, square)
    if ending == "enter":
        hands.key(Qt.Key.Key_Return)
    elif ending == "double click":
        hands.double_click(square[-1])
    else:
        hands.click(square[0])
    [measurement] = drawn(hands)
    assert measurement.value == pytest.approx(10_000)
    assert measurement.unit == "px²"


def test_a_line_can_be_drawn_in_one_go(hands):
    hands.key(Qt.Key.Key_D)
    hands.drag((100, 100), (150, 100), (300, 100))
    assert drawn(hands)[0].value == pytest.approx(200)


def test_the_rubber_band_follows_the_cursor(hands):
    hands.key(Qt.Key.Key_D)
    hands.click((100, 300))
    middle = hands.viewer.to_view(QPointF(140, 300)).toPoint()
    before = hands.viewer.viewport().grab().toImage().pixelColor(middle)
    hands.move((200, 300), held=False)
    after = hands.viewer.viewport().grab().toImage().pixelColor(middle)
    assert before != after
    assert after.red() - after.green() > 20
    hands.key(Qt.Key.Key_Escape)
    assert hands.viewer.viewport().grab().toImage().pixelColor(middle) == before


def test_the_value_is_read_while_drawing(hands):
    hands.key(Qt.Key.Key_D)
    hands.click((100, 300))
    hands.move((250, 300), held=False)
    assert hands.window.correction.editor.tool_text == "150.0 px"
    hands.move((280, 340), held=False)
    assert hands.window.correction.editor.tool_text == "184.4 px"
    hands.key(Qt.Key.Key_Escape)
    assert hands.window.correction.editor.tool_text == ""


def test_escape_drops_an_unfinished_drawing_before_it_cancels_anything_else(hands):
    hands.key(Qt.Key.Key_D)
    hands.click((100, 100))
    hands.key(Qt.Key.Key_Escape)
    assert hands.window.correction.editor.tool_name is ToolName.POINTER
    assert hands.viewer.hint == ""
    hands.drag((100, 100), (300, 100))
    assert drawn(hands) == []


def test_points_of_a_drawing_can_be_moved_and_the_drawing_deleted(hands):
    hands.key(Qt.Key.Key_D)
    place_each(hands, [(100, 100), (200, 100)])
    hands.drag((200, 100), (300, 100))
    assert drawn(hands)[0].value == pytest.approx(200)
    assert hands.window.actions_by_name["undo"].text() == "&Undo move point 2 of distance 1"
    hands.click((100, 100))
    assert hands.window.correction.editor.selected == DrawnRef((DrawingTool.DISTANCE, 1), 0)
    hands.key(Qt.Key.Key_Delete)
    assert drawn(hands) == []
    assert hands.viewer.picture.drawings.handles() == []
    hands.window.actions_by_name["undo"].trigger()
    assert drawn(hands)[0].value == pytest.approx(200)


def test_the_menu_deletes_one_drawing_and_a_command_all(hands):
    for row in (100, 150, 200):
        hands.key(Qt.Key.Key_D)
        place_each(hands, [(100, row), (200, row)])
    menu = hands.window.correction.menu.menu_for(QPointF(100, 150))
    next(a for a in menu.actions() if a.text() == "Delete distance 2").trigger()
    assert [measurement_name(m) for m in drawn(hands)] == ["Distance 1", "Distance 3"]
    hands.window.actions_by_name["delete_drawings"].trigger()
    assert drawn(hands) == []
    hands.window.actions_by_name["undo"].trigger()
    assert len(drawn(hands)) == 2


def test_drawings_alone_are_no_correction(hands):
    hands.key(Qt.Key.Key_D)
    place_each(hands, [(100, 100), (200, 100)])
    assert "manually measured" in hands.window.windowTitle()
    assert "corrected" not in hands.window.windowTitle()
    x, y = hands.place_of("C4", "anterior_superior")
    hands.drag((x, y), (x + 20, y))
    assert "manually corrected" in hands.window.windowTitle()


def test_every_tool_has_a_key_and_every_drawing_a_tool():
    keys = {command.name: command.keys for command in COMMANDS}
    assert all(keys[f"tool_{name.value}"] for name in ToolName)
    assert {name.drawing for name in ToolName} - {None} == set(DrawingTool)


def calibrate(hands, length_mm):
    hands.key(Qt.Key.Key_K)
    place_each(hands, [(100, 100), (300, 100)])
    dialog = hands.window.findChild(QInputDialog)
    assert "200.0 pixels" in dialog.labelText()
    dialog.setDoubleValue(length_mm)
    dialog.accept()


def test_calibration_turns_pixels_into_millimetres(hands):
    axis = {m.code: m for m in hands.window.workbench.editing.analysis.measurements}
    assert axis[MeasureCode.SAGITTAL_VERTICAL_AXIS].unit == "px"
    assert hands.viewer.spacing_mm is None
    calibrate(hands, 50.0)
    analysis = hands.window.workbench.editing.analysis
    assert analysis.image.spacing_mm == pytest.approx((0.25, 0.25))
    assert analysis.image.spacing_source is SpacingSource.USER
    after = {m.code: m for m in analysis.measurements}[MeasureCode.SAGITTAL_VERTICAL_AXIS]
    assert after.unit == "mm"
    assert after.value == pytest.approx(0.25 * axis[MeasureCode.SAGITTAL_VERTICAL_AXIS].value)
    assert hands.viewer.spacing_mm == pytest.approx((0.25, 0.25))
    hands.window.actions_by_name["remove_calibration"].trigger()
    assert hands.window.workbench.editing.analysis.image.spacing_mm is None
    assert hands.viewer.spacing_mm is None


def real_press(hands, place):
    QTest.mousePress(hands.viewer.viewport(), LEFT, pos=on_screen(hands, place))


def real_release(hands, place):
    QTest.mouseRelease(hands.viewer.viewport(), LEFT, pos=on_screen(hands, place))


def on_screen(hands, place):
    return hands.viewer.to_view(QPointF(*place)).toPoint()


@pytest.mark.qt_log_ignore("does not support")
def test_the_length_is_asked_for_once_the_button_is_up(hands):
    """A dialog that opens while it is down gets the release, and the picture waits for it."""
    hands.key(Qt.Key.Key_K)
    hands.click((100, 100))
    real_press(hands, (300, 100))
    assert hands.window.findChild(QInputDialog) is None
    real_release(hands, (300, 100))
    dialog = hands.window.findChild(QInputDialog)
    dialog.setDoubleValue(50.0)
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    assert hands.window.workbench.editing.analysis.image.spacing_mm == pytest.approx(
        (0.25, 0.25), rel=0.02
    )
    assert_hears(hands)


def assert_hears(hands):
    """The picture can be dragged, and asks for its menu at a right click."""
    viewer = hands.viewer
    viewer.zoom_to(4 * viewer.zoom)
    middle = viewer.viewport().rect().center()
    before = viewer.mapToScene(middle)
    QTest.mousePress(viewer.viewport(), LEFT, pos=middle)
    QTest.mouseMove(viewer.viewport(), middle + QPoint(40, 30))
    hands.move((250, 150))
    QTest.mouseRelease(viewer.viewport(), LEFT, pos=middle + QPoint(40, 30))
    assert viewer.mapToScene(middle) != before
    asked = []
    viewer.menu_requested.connect(lambda *where: asked.append(where))
    QTest.mouseClick(viewer.viewport(), Qt.MouseButton.RightButton, pos=middle)
    assert asked
    hands.window.findChild(QMenu).close()


@pytest.mark.qt_log_ignore("does not support")
@pytest.mark.parametrize("held", ["point", "tool", "picture"])
def test_a_release_that_another_window_got_leaves_nothing_held(hands, held):
    """A failure that is told in the middle of a drag opens a dialog, which gets the release."""
    x, y = hands.place_of("C4", "anterior_superior") if held == "point" else (100, 100)
    if held == "tool":
        hands.key(Qt.Key.Key_D)
    hands.press((x, y))
    dialog = QDialog(hands.window)
    dialog.open()
    dialog.done(0)
    hands.move((x + 60, y + 60), held=False)
    assert len(drawn(hands)) == 0
    assert hands.place_of("C4", "anterior_superior") == ((x, y) if held == "point" else ANY)
    if held == "tool":
        hands.key(Qt.Key.Key_Escape)
    assert_hears(hands)


def test_a_line_too_short_to_calibrate_is_refused_in_words(hands):
    hands.window.correction.changes.calibrate(((100.0, 100.0), (100.2, 100.0)), 20.0)
    assert "Cannot calibrate" in hands.window.banner.text
    assert not hands.window.workbench.editing.is_edited


@pytest.mark.parametrize("then", ["turn_left", "mirror", "undo"])
def test_a_refusal_goes_with_the_next_action(hands, then):
    if then == "undo":
        hands.window.actions_by_name["turn_left"].trigger()
    hands.window.correction.changes.calibrate(((100.0, 100.0), (200.0, 100.0)), 0.0)
    assert "length must be above 0" in hands.window.banner.text
    hands.window.actions_by_name[then].trigger()
    assert "Cannot calibrate" not in hands.window.banner.text or hands.window.banner.isHidden()
    hands.window.correction.changes.calibrate(((100.0, 100.0), (200.0, 100.0)), 0.0)
    assert "length must be above 0" in hands.window.banner.text
    assert hands.window.banner.isVisible()


def codes_on_picture(hands):
    return {code for code, _ in hands.viewer.picture.measures.keys}


def test_the_main_measure_is_drawn_at_once(hands):
    assert MeasureCode.COBB_C2_C7.value in codes_on_picture(hands)
    assert MeasureCode.BODY_SEGMENTAL_ANGLE.value not in codes_on_picture(hands)


def test_a_key_hides_and_shows_all_measures(hands):
    shown = codes_on_picture(hands)
    hands.key(Qt.Key.Key_M)
    assert codes_on_picture(hands) == set()
    assert not hands.window.workbench.preferences.settings.show_measures
    hands.key(Qt.Key.Key_M)
    assert codes_on_picture(hands) == shown


def test_measures_are_switched_one_by_one_and_remembered(hands, open_window, tmp_path, analysed):
    window = hands.window
    cobb = next(k for k in hands.viewer.picture.measures.keys if k[0] == "cobb_c2_c7")
    segment = (MeasureCode.BODY_SEGMENTAL_ANGLE.value, ("C3", "C4"))
    window.results.measure_toggled.emit(segment, True)
    window.results.measure_toggled.emit(cobb, False)
    assert segment in hands.viewer.picture.measures.keys
    assert cobb not in hands.viewer.picture.measures.keys
    window.close()
    stored = SettingsStore(tmp_path / "profile").load_settings()
    assert stored.shown_measures == ("body_segmental_angle|C3|C4",)
    assert stored.hidden_measures == ("cobb_c2_c7|C2|C7",)
    again = open_window()
    assert again.results.measure_choices.shown == {segment: True, cobb: False}


def test_a_selected_measure_stands_out_and_is_drawn_even_if_it_is_off(hands):
    key = (MeasureCode.C7_SLOPE.value, ("C7",))
    hands.window.results.measure_selected.emit(key)
    assert key in hands.viewer.picture.measures.keys
    hands.window.results.measure_selected.emit(None)
    assert key not in hands.viewer.picture.measures.keys


def test_labels_do_not_cover_each_other(hands):
    # Room that does not hang on how wide the results are just now.
    hands.window.resize(1366, 738)
    QApplication.processEvents()
    for measurement in hands.window.workbench.editing.analysis.measurements:
        hands.window.correction.measures.toggle(measurement.key, True)
    plates, names = plates_of(hands)
    assert len(plates) > 30
    for number, plate in enumerate(plates):
        assert not any(plate.intersects(other) for other in [*plates[number + 1 :], *names])


def plates_of(hands):
    """Where labels are written, and where names of bodies are, on the screen."""
    hands.viewer.settle()
    picture, to_view = hands.viewer.picture, hands.viewer.viewportTransform()

    labels = [label for _, label in picture.measures._items.values() if label.has_room]
    plates = [label.plate.translated(to_view.map(label.scenePos())) for label in labels]
    return plates, list(picture._surroundings(to_view).names)


@pytest.mark.parametrize("size", [(1100, 700), (752, 720)])
def test_labels_stay_in_the_fitted_view_and_off_the_names(qtbot, hands, size):
    hands.window.resize(*size)
    hands.viewer.fit()
    hands.key(Qt.Key.Key_D)
    place_each(hands, [(2, 3), (30, 3)])
    hands.key(Qt.Key.Key_D)
    edge = hands.window.workbench.editing.analysis.image.shape
    place_each(hands, [(edge[1] - 20, edge[0] - 3), (edge[1] - 2, edge[0] - 3)])
    plates, names = plates_of(hands)
    assert len(plates) == len(hands.viewer.picture.measures.keys) >= 4
    view = QRectF(hands.viewer.viewport().rect())
    for number, plate in enumerate(plates):
        assert view.contains(plate)
        assert not any(plate.intersects(other) for other in [*plates[number + 1 :], *names])


@pytest.mark.parametrize(
    ("key", "modifiers", "points"),
    [
        (Qt.Key.Key_D, Qt.KeyboardModifier.NoModifier, [(100, 100), (200, 100)]),
        (Qt.Key.Key_D, Qt.KeyboardModifier.NoModifier, [(100, 100), (140, 100)]),
        (Qt.Key.Key_R, Qt.KeyboardModifier.ShiftModifier, [(100, 100), (200, 160)]),
    ],
    ids=["line", "short line", "rectangle"],
)
def test_a_label_covers_no_end_of_what_was_drawn(hands, key, modifiers, points):
    QTest.keyClick(hands.viewer, key, modifiers)
    place_each(hands, points)
    assert len(drawn(hands)) == 1
    plates, _ = plates_of(hands)
    ends = [
        hands.viewer.to_view(handle.pos()) for handle in hands.viewer.picture.drawings.handles()
    ]
    assert ends
    for end in ends:
        square = QRectF(end.x() - 5, end.y() - 5, 10, 10)
        assert not any(plate.intersects(square) for plate in plates)


def test_labels_keep_clear_of_a_message_over_the_picture(qtbot, hands):
    hands.viewer.fit()
    hands.key(Qt.Key.Key_D)
    top = hands.viewer.to_picture(QPointF(hands.viewer.rect().center().x(), 20.0))
    place_each(hands, [(top.x() - 30, top.y()), (top.x() + 30, top.y())])
    below = 40
    assert any(plate.top() < below for plate in plates_of(hands)[0])
    before = len(plates_of(hands)[0])
    hands.window.workbench.messages.notice(Message("The image is shown mirrored.", "Mind that."))
    qtbot.waitUntil(hands.window.banner.isVisible)
    banner = hands.window.banner
    hidden = QRectF(0, 0, banner.width(), banner.height())
    plates, _ = plates_of(hands)
    assert len(plates) == before
    assert not any(plate.intersects(hidden) for plate in plates)
    banner.dismiss()
    assert any(plate.top() < below for plate in plates_of(hands)[0])


def test_a_selected_measure_has_its_label_however_many_there_are(hands):
    for measurement in hands.window.workbench.editing.analysis.measurements:
        hands.window.correction.measures.toggle(measurement.key, True)
    for key in list(hands.viewer.picture.measures.keys)[::7]:
        hands.window.results.measure_selected.emit(key)
        hands.viewer.settle()
        assert hands.viewer.picture.measures._items[key][1].has_room


@pytest.mark.parametrize("grey", [0, 255])
def test_construction_lines_are_seen_on_dark_and_on_bright_films(hands, grey):
    picture = hands.viewer.picture
    picture.set_window(DisplayWindow(1e9 if grey == 0 else -1e9, 1.0))
    for key in picture.measures.keys:
        hands.window.correction.measures.toggle(key, False)
    plain = luminance(hands)
    key = (MeasureCode.C7_SLOPE.value, ("C7",))
    hands.window.correction.measures.toggle(key, True)
    lines, label = picture.measures._items[key]
    label.hide()
    drawn = luminance(hands)
    ground = plain == plain.min() if grey == 0 else plain == plain.max()
    changed = drawn[(np.abs(drawn - plain) > 0.02) & ground]
    away = changed.min() if grey == 255 else changed.max()
    ratio = (max(away, grey / 255) + 0.05) / (min(away, grey / 255) + 0.05)
    assert lines.isVisible()
    assert ratio > 4.5


def luminance(hands):
    shot = hands.viewer.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    size = (shot.height(), shot.width(), 4)
    colours = np.frombuffer(shot.constBits().asstring(shot.sizeInBytes()), np.uint8).reshape(size)
    return (colours[..., :3] / 255) ** 2.2 @ [0.0722, 0.7152, 0.2126]


def test_measures_hide_with_the_overlay(hands):
    items = [item for pair in hands.viewer.picture.measures._items.values() for item in pair]
    assert all(item.isVisible() for item in items)
    hands.key(Qt.Key.Key_O)
    assert not any(item.isVisible() for item in items)


def test_whoever_begins_to_draw_sees_what_is_drawn(hands):
    hands.key(Qt.Key.Key_O)
    assert not hands.viewer.picture.shows_overlay
    hands.window.actions_by_name["tool_distance"].trigger()
    hands.click((20, 30))
    hands.click((60, 60))
    assert hands.viewer.picture.shows_overlay
    assert hands.window.actions_by_name["overlay"].isChecked()
    picture = hands.viewer.picture
    [key] = [key for key in picture.measures.keys if key[0] == "drawn_distance"]
    assert picture.measures._items[key][0].isVisible()


@pytest.mark.parametrize("hidden", ["overlay", "measures"])
def test_what_a_tool_brings_back_is_told_in_the_status_line(hands, hidden):
    actions, status = hands.window.actions_by_name, hands.window.status
    hands.window.actions_by_name["tool_distance"].trigger()
    assert status.step.text() == hands.viewer.hint, "nothing was hidden"
    actions["tool_pointer"].trigger()
    actions[hidden].setChecked(False)
    actions["tool_distance"].trigger()
    assert actions["overlay"].isChecked()
    assert actions["measures"].isChecked()
    assert status.step.text() == SHOWN_AGAIN[hidden]
    assert hands.viewer.hint != ""


def test_a_hand_measure_that_is_not_ticked_has_no_handles_either(hands):
    hands.window.actions_by_name["tool_distance"].trigger()
    hands.click((20, 30))
    hands.click((60, 60))
    hands.window.actions_by_name["tool_text"].trigger()
    hands.window.actions_by_name["tool_pointer"].trigger()
    picture, measures = hands.viewer.picture, hands.window.correction.measures
    measures.select(None)
    [key] = [key for key in picture.measures.keys if key[0] == "drawn_distance"]
    ends = picture.drawings.handles()
    assert [end.isVisible() for end in ends] == [True, True]
    measures.toggle(key, False)
    assert key not in picture.measures.keys
    assert [end.isVisible() for end in ends] == [False, False]
    measures.select(key)
    assert [end.isVisible() for end in ends] == [True, True], "one that is selected is drawn"
    measures.select(None)
    measures.set_shown(False)
    measures.toggle(key, True)
    assert [end.isVisible() for end in ends] == [False, False]
    measures.set_shown(True)
    assert [end.isVisible() for end in ends] == [True, True]
    hands.key(Qt.Key.Key_O)
    assert [end.isVisible() for end in ends] == [False, False]
