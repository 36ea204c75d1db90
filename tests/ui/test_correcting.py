"""Correcting the bodies on the picture: mouse, keys, menus, undo."""

from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QToolTip

from spinealign.domain.findings import Facing, LandmarkSource, VertebraState
from spinealign.domain.measurements import MeasureState
from spinealign.domain.measures import MeasureCode
from spinealign.imaging.edges import snap_to_edge
from spinealign.ui.cases.jobs import Finding
from spinealign.ui.picture.handles import MarkRef
from spinealign.wording.corrections import point_name
from tests.examinations import NECK_CT

SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
CORNER = ("C4", "anterior_superior")


def measure(hands, code, *levels):
    found = hands.window.workbench.editing.analysis.measurements
    return next(m for m in found if m.code is code and (not levels or m.levels == levels))


def moved(place, x, y):
    return place[0] + x, place[1] + y


def menu_texts(menu):
    return [action.text() for action in menu.actions() if action.text()]


def choose(hands, place, text, *path):
    """Right-click at a place and choose from the menu."""
    menu = hands.window.correction.menu.menu_for(QPointF(*place))
    for title in (text, *path):
        action = next(a for a in menu.actions() if a.text() == title)
        menu = action.menu() or menu
    action.trigger()


def centre_of(body):
    low, high = np.min(body.outline, axis=0), np.max(body.outline, axis=0)
    return tuple((low + high) / 2)


def test_dragging_a_corner_moves_it_and_measures_again(hands):
    start = hands.place_of(*CORNER)
    before = measure(hands, MeasureCode.DISC_ANGLE, "C3", "C4")
    hands.drag(start, moved(start, 4, 8), moved(start, 6, -14))
    mark = hands.mark(*CORNER)
    assert (mark.x, mark.y) == pytest.approx(moved(start, 6, -14), abs=1e-6)
    assert mark.source is LandmarkSource.USER
    after = measure(hands, MeasureCode.DISC_ANGLE, "C3", "C4")
    assert after.state is MeasureState.EDITED
    assert after.automatic_value == before.value
    assert abs(after.value - before.value) > 5
    assert (
        hands.window.workbench.current.finding.analysis is hands.window.workbench.editing.analysis
    )


def test_numbers_follow_while_the_button_is_still_down(qtbot, hands):
    start = hands.place_of(*CORNER)
    before = measure(hands, MeasureCode.DISC_ANGLE, "C3", "C4").value
    hands.press(start)
    for step in range(1, 6):
        hands.move(moved(start, 0, -8 * step))
        qtbot.waitUntil(lambda s=step: hands.handle(*CORNER).pos().y() < start[1] - 8 * s + 1)
    qtbot.waitUntil(lambda: measure(hands, MeasureCode.DISC_ANGLE, "C3", "C4").value < before - 5)
    rows = hands.window.results.page.measures.measurements
    assert measure(hands, MeasureCode.DISC_ANGLE, "C3", "C4") in rows
    hands.release(moved(start, 0, -40))


def test_a_press_beside_the_point_does_not_make_it_jump(hands):
    start = hands.place_of(*CORNER)
    beside = 3 / hands.viewer.zoom
    hands.drag(moved(start, beside, 0), moved(start, beside + 20, 0))
    assert hands.place_of(*CORNER) == pytest.approx(moved(start, 20, 0), abs=0.01)


def test_a_click_selects_and_changes_nothing(hands):
    hands.click(hands.place_of(*CORNER))
    assert hands.window.correction.editor.selected == MarkRef(3, CORNER[1])
    assert not hands.window.workbench.editing.is_edited
    assert hands.window.workbench.editing.undo_label == ""


def test_a_drag_beside_all_points_moves_the_picture(hands):
    hands.viewer.zoom_to(2.0)
    hands.viewer.centerOn(QPointF(100, 700))
    where = hands.viewer.to_picture(QPointF(200, 150))
    assert hands.window.correction.editor.ref_at(where) is None
    hands.drag((where.x(), where.y()), (where.x() + 30, where.y()))
    assert not hands.window.workbench.editing.is_edited
    assert hands.viewer.to_picture(QPointF(200, 150)).x() == pytest.approx(where.x() - 30, abs=1)


def test_a_point_stays_on_the_picture(hands):
    start = hands.place_of(*CORNER)
    hands.drag(start, (9000, -500))
    assert hands.place_of(*CORNER) == (700.0, 0.0)


def test_with_shift_a_point_goes_to_the_edge(hands):
    hands.viewer.zoom_to(2.0)
    rows, cols = hands.window.workbench.current.finding.analysis.image.shape
    steps = np.zeros((rows, cols), np.float32)
    steps[:, 400:] = 100.0
    display = hands.viewer.picture.display
    hands.viewer.picture.display = replace(display, image=replace(display.image, pixels=steps))
    start = hands.place_of(*CORNER)
    near = (403.0, start[1])
    hands.drag(start, near, keys=SHIFT)
    x, y = hands.place_of(*CORNER)
    assert x == pytest.approx(400.0, abs=0.1)
    assert y == pytest.approx(start[1], abs=1.0)
    hands.drag((x, y), near)
    assert hands.place_of(*CORNER)[0] == pytest.approx(403.0, abs=0.01)


@pytest.mark.parametrize(
    ("key", "keys", "by"),
    [
        (Qt.Key.Key_Right, Qt.KeyboardModifier.NoModifier, (1, 0)),
        (Qt.Key.Key_Up, Qt.KeyboardModifier.NoModifier, (0, -1)),
        (Qt.Key.Key_Down, SHIFT, (0, 10)),
        (Qt.Key.Key_Left, ALT, (-0.1, 0)),
    ],
    ids=["one", "up", "ten", "tenth"],
)
def test_arrow_keys_nudge(hands, key, keys, by):
    start = hands.place_of(*CORNER)
    hands.click(start)
    hands.key(key, keys)
    assert hands.place_of(*CORNER) == pytest.approx(moved(start, *by), abs=1e-9)


def test_nudges_in_a_row_are_undone_together(hands):
    start = hands.place_of(*CORNER)
    hands.click(start)
    for _ in range(5):
        hands.key(Qt.Key.Key_Right)
    assert hands.place_of(*CORNER) == pytest.approx(moved(start, 5, 0))
    hands.window.actions_by_name["undo"].trigger()
    assert hands.place_of(*CORNER) == start
    assert not hands.window.workbench.editing.is_edited


def test_arrows_pan_while_nothing_is_selected(hands):
    hands.viewer.zoom_to(4.0)
    before = hands.viewer.to_picture(QPointF(100, 100))
    hands.key(Qt.Key.Key_Right)
    assert hands.viewer.to_picture(QPointF(100, 100)).x() > before.x()
    assert not hands.window.workbench.editing.is_edited


def test_tab_goes_through_the_points_and_escape_leaves_them(hands):
    editor = hands.window.correction.editor
    hands.key(Qt.Key.Key_Return)
    first = editor.selected
    hands.key(Qt.Key.Key_Tab)
    second = editor.selected
    assert first.body_index == second.body_index == 1
    assert first != second
    hands.key(Qt.Key.Key_Backtab, SHIFT)
    assert editor.selected == first
    hands.key(Qt.Key.Key_Escape)
    assert editor.selected is None
    assert hands.viewer.hasFocus()


def test_the_cursor_finds_points_and_says_what_they_are(hands):
    place = hands.place_of(*CORNER)
    hands.move(place, held=False)
    assert hands.viewer.cursor().shape() is Qt.CursorShape.PointingHandCursor
    assert hands.handle(*CORNER).is_hovered
    assert "C4 anterior-superior corner" in hands.window.status.step.text()
    assert "Shift" in hands.window.status.step.text()
    hands.move(moved(place, 120, 0), held=False)
    assert not hands.handle(*CORNER).is_hovered
    assert "C4" not in hands.window.status.step.text()


@pytest.mark.parametrize(("zoom", "is_reached"), [(1.0, True), (4.0, False)], ids=str)
def test_the_snap_key_reaches_as_far_on_the_screen_at_every_zoom(
    hands, monkeypatch, zoom, is_reached
):
    start = hands.place_of(*CORNER)
    edge = round(start[0]) + 10
    pixels = np.zeros(hands.viewer.picture.display.image.shape, np.float32)
    pixels[:, edge:] = 100
    hands.viewer.zoom_to(zoom)
    hands.viewer.centerOn(QPointF(*start))

    def snap(_, *where):
        return snap_to_edge(pixels, *where)

    monkeypatch.setattr("spinealign.imaging.edges.snap_to_edge", snap)
    hands.drag(start, moved(start, 4, 8), keys=SHIFT)
    x, y = hands.place_of(*CORNER)
    expected = edge if is_reached else start[0] + 4
    assert x == pytest.approx(expected, abs=0.3)
    assert y == pytest.approx(start[1] + 8, abs=0.6)


def test_the_tool_tip_tells_point_source_and_confidence(hands):
    place = QPointF(*hands.place_of(*CORNER))
    tip = hands.window.correction.editor.tip(place)
    assert tip.startswith("C4 anterior-superior corner\ndetected by the network, confidence 0.")
    hands.drag((place.x(), place.y()), (place.x() + 9, place.y()))
    tip = hands.window.correction.editor.tip(place + QPointF(9, 0))
    assert tip == "C4 anterior-superior corner\nplaced manually"
    QToolTip.hideText()


def test_edited_points_look_different(hands):
    place = hands.place_of("C5", "posterior_inferior")
    hands.viewer.zoom_to(3.0)
    hands.viewer.centerOn(QPointF(*place))
    automatic = around(hands, place)
    hands.drag(place, moved(place, 15, 0), place)
    hands.let_go()
    assert around(hands, place) == automatic, "there and back is no correction"
    hands.drag(place, moved(place, 4, 0))
    hands.let_go()
    red, green, blue, _ = around(hands, moved(place, 4, 0)).pixelColor(8, 8).getRgb()
    assert red > 200
    assert green > 180
    assert blue < 120


def around(hands, place):
    where = hands.viewer.to_view(QPointF(*place)).toPoint()
    shot = hands.viewer.viewport().grab().toImage()
    return shot.copy(where.x() - 8, where.y() - 8, 16, 16)


def test_undo_and_redo_name_what_they_do(hands):
    actions = hands.window.actions_by_name
    assert not actions["undo"].isEnabled()
    start = hands.place_of(*CORNER)
    hands.drag(start, moved(start, 9, 0))
    hands.window.correction.changes.swap_anterior_posterior()
    assert actions["undo"].text() == "&Undo swap anterior and posterior"
    actions["undo"].trigger()
    assert actions["undo"].text() == "&Undo move C4 anterior-superior corner"
    assert actions["redo"].text() == "&Redo swap anterior and posterior"
    actions["undo"].trigger()
    assert hands.place_of(*CORNER) == start
    assert hands.window.workbench.editing.analysis.corrections is None
    assert not actions["undo"].isEnabled()
    actions["redo"].trigger()
    actions["redo"].trigger()
    assert hands.window.workbench.editing.analysis.facing is Facing.LEFT


def test_undo_has_no_end(hands):
    hands.click(hands.place_of(*CORNER))
    start = hands.place_of(*CORNER)
    for _ in range(120):
        hands.key(Qt.Key.Key_Right)
        hands.window.workbench.editing.end_run()
    for _ in range(120):
        hands.window.actions_by_name["undo"].trigger()
    assert hands.place_of(*CORNER) == start
    assert hands.window.workbench.editing.undo_label == ""


def test_reset_to_automatic_can_be_undone(hands):
    start = hands.place_of(*CORNER)
    hands.drag(start, moved(start, 9, 0))
    hands.window.actions_by_name["reset_edits"].trigger()
    assert hands.place_of(*CORNER) == start
    assert hands.window.workbench.editing.analysis.corrections is None
    hands.window.actions_by_name["undo"].trigger()
    assert hands.place_of(*CORNER) == pytest.approx(moved(start, 9, 0), abs=1e-6)


def test_the_menu_of_a_body(hands):
    menu = hands.window.correction.menu.menu_for(QPointF(*centre_of(hands.body("C4"))))
    texts = menu_texts(menu)
    assert texts[:2] == ["Rename C4; all others follow", "Rename C4; those below follow"]
    assert "Delete C4" in texts
    assert "Add a vertebra above C4" in texts
    assert "Swap anterior and posterior (patient faces left)" in texts
    assert "Add vertebra here" not in texts
    menu.close()


def sources_of(hands, level):
    return {mark.source for mark in hands.body(level).landmarks}


def test_corners_that_were_found_right_are_confirmed_and_that_can_be_undone(hands):
    editing, place = hands.window.workbench.editing, centre_of(hands.body("C4"))
    was = [(mark.x, mark.y) for mark in hands.body("C4").landmarks]
    choose(hands, place, "Checked: the corners of C4 are right")
    assert sources_of(hands, "C4") == {LandmarkSource.CONFIRMED}
    assert [(mark.x, mark.y) for mark in hands.body("C4").landmarks] == was
    assert editing.undo_label == "confirm the corners of C4"
    menu = hands.window.correction.menu.menu_for(QPointF(*place))
    texts = {action.text(): action.isEnabled() for action in menu.actions()}
    assert not texts["Checked: the corners of C4 are right"]
    assert texts["Reset all points of C4"]
    menu.close()
    editing.undo()
    assert LandmarkSource.CONFIRMED not in sources_of(hands, "C4")


def test_shift_and_enter_on_a_point_confirm_its_body_and_enter_alone_does_not(hands):
    hands.click(hands.place_of(*CORNER))
    hands.key(Qt.Key.Key_Return)
    assert LandmarkSource.CONFIRMED not in sources_of(hands, "C4")
    hands.key(Qt.Key.Key_Return, SHIFT)
    assert sources_of(hands, "C4") == {LandmarkSource.CONFIRMED}
    assert "confirmed by the reader" in hands.viewer.hand.tip(QPointF(*hands.place_of(*CORNER)))
    assert LandmarkSource.CONFIRMED not in sources_of(hands, "C5")


def test_a_right_click_asks_and_a_right_drag_does_not(qtbot, hands):
    where = hands.viewer.to_view(QPointF(*centre_of(hands.body("C4")))).toPoint()
    viewport = hands.viewer.viewport()
    asked = []
    hands.viewer.menu_requested.disconnect()
    hands.viewer.menu_requested.connect(lambda point, _: asked.append(point))
    QTest.mouseClick(viewport, Qt.MouseButton.RightButton, pos=where)
    assert len(asked) == 1
    assert hands.viewer.picture.body_at(asked[0]).name == "C4"
    window = hands.viewer.picture.window
    QTest.mousePress(viewport, Qt.MouseButton.RightButton, pos=where)
    QTest.mouseMove(viewport, where + QPoint(40, 0))
    QTest.mouseRelease(viewport, Qt.MouseButton.RightButton, pos=where + QPoint(40, 0))
    assert len(asked) == 1
    assert hands.viewer.picture.window != window


def test_renaming_takes_the_neighbours_along(hands):
    menu_title = "Rename C5; those below follow"
    choose(hands, centre_of(hands.body("C5")), menu_title, "C6")
    names = [body.name for body in hands.window.workbench.editing.analysis.vertebrae]
    assert names == ["C2", "C3", "C4", "C6", "C7", "T1"]
    assert hands.window.actions_by_name["undo"].text() == "&Undo rename C5 to C6"
    drawn = {group.name.name for group in hands.viewer.picture.bodies.groups}
    assert drawn == set(names)


def test_a_false_body_is_deleted_and_a_missed_one_added(hands):
    corners = [hands.place_of("C5", name) for name in (
        "anterior_superior", "posterior_superior", "posterior_inferior", "anterior_inferior",
    )]  # fmt: skip
    lordosis = measure(hands, MeasureCode.COBB_C2_C7).value
    choose(hands, centre_of(hands.body("C5")), "Delete C5")
    assert [b.name for b in hands.window.workbench.editing.analysis.vertebrae] == [
        "C2", "C3", "C4", "C6", "C7",
    ]  # fmt: skip
    hands.tool("vertebra")
    for corner in corners:
        assert "New vertebra" in hands.viewer.hint or "Click its" in hands.viewer.hint
        hands.click(corner)
    added = hands.body("C5")
    assert added.state is VertebraState.ADDED
    assert hands.place_of("C5", "anterior_superior") == pytest.approx(corners[0])
    assert hands.mark("C5", "superior_middle") is not None
    assert measure(hands, MeasureCode.COBB_C2_C7).value == pytest.approx(lordosis)
    assert hands.viewer.hint == ""
    hands.click(corners[0])
    hands.key(Qt.Key.Key_Delete)
    assert "C5" not in {body.name for body in hands.window.workbench.editing.analysis.vertebrae}


def test_a_body_of_the_program_is_not_deleted_by_a_key(hands):
    hands.click(hands.place_of(*CORNER))
    hands.key(Qt.Key.Key_Delete)
    assert hands.body("C4") is not None
    assert "right click" in hands.window.banner.text


def test_escape_ends_a_new_body_before_it_is_complete(hands):
    hands.tool("vertebra")
    hands.click((100, 100))
    hands.click((140, 100))
    hands.key(Qt.Key.Key_Backspace)
    hands.key(Qt.Key.Key_Escape)
    assert not hands.window.workbench.editing.is_edited
    assert hands.window.actions_by_name["tool_pointer"].isChecked()


@pytest.mark.parametrize(("side", "level"), [("below", "T1")])
def test_a_body_is_added_beside_another(hands, side, level):
    neighbour = hands.body("C7")
    choose(hands, centre_of(neighbour), f"Add a vertebra {side} C7")
    added = hands.body(level)
    assert added.state is VertebraState.ADDED
    assert centre_of(added)[1] > centre_of(neighbour)[1]


def test_flipping_turns_front_and_back_round(hands):
    front = hands.place_of(*CORNER)
    lordosis = measure(hands, MeasureCode.COBB_C2_C7).value
    choose(hands, centre_of(hands.body("C4")), "Swap anterior and posterior (patient faces left)")
    assert hands.window.workbench.editing.analysis.facing is Facing.LEFT
    assert hands.place_of("C4", "posterior_superior") == front
    assert measure(hands, MeasureCode.COBB_C2_C7).value == pytest.approx(-lordosis)


def test_a_point_is_put_back(hands):
    start = hands.place_of(*CORNER)
    hands.drag(start, moved(start, 12, 3))
    name = point_name("C4", hands.mark(*CORNER).name)
    choose(hands, hands.place_of(*CORNER), f"Reset {name}")
    assert hands.place_of(*CORNER) == start
    assert hands.window.workbench.editing.analysis.corrections is None


def test_points_that_are_hidden_cannot_be_moved(hands):
    start = hands.place_of(*CORNER)
    hands.key(Qt.Key.Key_O)
    hands.drag(start, moved(start, 20, 0))
    assert not hands.window.workbench.editing.is_edited


def test_the_title_and_the_list_say_that_a_case_is_corrected(hands):
    window = hands.window
    start = hands.place_of(*CORNER)
    assert "corrected" not in window.windowTitle()
    hands.drag(start, moved(start, 12, 3))
    assert "manually corrected" in window.windowTitle()
    row, view = window.cases.model.row_of(window.workbench.current), window.cases.view
    assert "manually corrected" in row.tip
    assert "manually corrected" in row.spoken
    with_pencil = view.grab().toImage()
    window.actions_by_name["undo"].trigger()
    assert "corrected" not in window.windowTitle()
    assert "corrected" not in row.tip
    assert view.grab().toImage() != with_pencil


def test_another_case_has_its_own_corrections(qtbot, hands, analysed):
    window = hands.window
    start = hands.place_of(*CORNER)
    hands.drag(start, moved(start, 12, 3))
    first = window.workbench.current
    analysed("film_2.png")
    assert not window.workbench.editing.is_edited
    assert window.workbench.editing.undo_label == ""
    window.workbench.select(first)
    assert window.workbench.editing.is_edited
    window.actions_by_name["undo"].trigger()
    assert hands.place_of(*CORNER) == start


def test_analysing_again_keeps_corrections(qtbot, hands):
    window = hands.window
    start = hands.place_of(*CORNER)
    hands.drag(start, moved(start, 12, 3))
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.actions_by_name["again"].trigger()
    assert isinstance(window.workbench.current.finding, Finding)
    assert hands.place_of(*CORNER) == pytest.approx(moved(start, 12, 3), abs=1e-6)
    assert hands.handle(*CORNER).pos() == QPointF(*hands.place_of(*CORNER))
    window.actions_by_name["undo"].trigger()
    assert hands.place_of(*CORNER) == start


def test_another_view_of_the_same_file_has_corrections_of_its_own(qtbot, hands):
    window = hands.window
    start = hands.place_of(*CORNER)
    hands.drag(start, moved(start, 12, 3))
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.navigation.analyse_as(NECK_CT)
    assert window.workbench.editing.analysis.corrections is None
    assert window.workbench.editing.undo_label == ""
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.navigation.analyse_as(None)
    assert hands.place_of(*CORNER) == pytest.approx(moved(start, 12, 3), abs=1e-6)


def test_the_menu_key_asks_for_the_menu_of_the_selected_point(hands):
    asked = []
    hands.viewer.menu_requested.disconnect()
    hands.viewer.menu_requested.connect(lambda point, _: asked.append(point))
    hands.key(Qt.Key.Key_Menu)
    assert asked == []
    hands.click(hands.place_of(*CORNER))
    hands.key(Qt.Key.Key_Menu)
    assert asked == [QPointF(*hands.place_of(*CORNER))]
