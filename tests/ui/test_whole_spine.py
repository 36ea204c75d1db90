"""A lateral film of the whole spine in the window: femoral heads, levels, and a readable page."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtTest import QTest

from spinealign.domain.measurements import DrawingTool
from spinealign.domain.measures import MeasureCode, MeasureGroup
from spinealign.ui.picture.drawing_tools import ToolName
from spinealign.ui.picture.handles import DrawnRef
from tests.phantoms_spine import femoral_heads
from tests.ui.hands import Hands
from tools.phantoms.spine_anatomy import true_angles

TILT = MeasureCode.PELVIC_TILT


@pytest.fixture
def spine(window, analysed):
    """Mouse and keyboard on a window that shows a whole spine from C2 to S1."""
    analysed("spine_1.png")
    window.activateWindow()
    window.viewer.setFocus()
    return Hands(window)


def value_of(hands, code):
    found = hands.window.workbench.editing.analysis.measurements
    return next(m.value for m in found if m.code is code)


def table_of(hands):
    return hands.window.results.page.measures


def place_heads(hands, points=None):
    hands.key(Qt.Key.Key_B)
    for point in points or femoral_heads().points:
        hands.move(point, held=False)
        hands.click(point)


def heads_of(hands):
    drawings = hands.window.workbench.editing.corrections.drawings
    return [d for d in drawings if d.tool is DrawingTool.FEMORAL_HEADS]


def test_four_clicks_place_both_heads_and_measure_the_pelvis(spine):
    assert value_of(spine, TILT) is None
    place_heads(spine)
    assert value_of(spine, TILT) == pytest.approx(true_angles()["pelvic_tilt"], abs=0.01)
    assert spine.window.correction.editor.tool_name is ToolName.POINTER
    assert spine.window.workbench.editing.undo_label == "place femoral heads"


def test_the_page_offers_to_place_them_until_they_are(spine):
    table = table_of(spine)
    assert table.placing_buttons[DrawingTool.FEMORAL_HEADS].isVisible()
    assert "Pelvic tilt" in table.placing_note.text()
    assert "place both femoral heads" in table.placing_note.text()
    assert "Pelvic" not in table.missing_list.text()
    table.placing_buttons[DrawingTool.FEMORAL_HEADS].click()
    assert spine.window.correction.editor.tool_name is ToolName.FEMORAL_HEADS
    for point in femoral_heads().points:
        spine.click(point)
    assert not table_of(spine).placing_buttons[DrawingTool.FEMORAL_HEADS].isVisible()
    assert value_of(spine, TILT) is not None


def test_undo_and_redo_take_them_away_and_back(spine):
    place_heads(spine)
    editing = spine.window.workbench.editing
    editing.undo()
    assert value_of(spine, TILT) is None
    assert table_of(spine).placing_buttons[DrawingTool.FEMORAL_HEADS].isVisible()
    editing.redo()
    assert value_of(spine, TILT) is not None


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_Backspace])
def test_keys_leave_the_tool_or_take_a_point_back(spine, key):
    points = femoral_heads().points
    spine.key(Qt.Key.Key_B)
    for point in points[:2]:
        spine.click(point)
    spine.key(key)
    is_left = spine.window.correction.editor.tool_name is ToolName.POINTER
    assert is_left == (key == Qt.Key.Key_Escape)
    assert heads_of(spine) == []
    if not is_left:
        for point in points[1:]:
            spine.click(point)
        assert len(heads_of(spine)) == 1


def test_a_handle_moves_a_head_and_del_takes_both_away(spine):
    place_heads(spine)
    before, [heads] = value_of(spine, TILT), heads_of(spine)
    x, y = heads.points[0]
    spine.drag((x, y), (x - 20, y), (x - 40, y))
    assert value_of(spine, TILT) > before
    assert isinstance(spine.window.correction.editor.selected, DrawnRef)
    spine.key(Qt.Key.Key_Delete)
    assert heads_of(spine) == []
    assert value_of(spine, TILT) is None


def test_placing_again_replaces_them(spine):
    place_heads(spine)
    moved = [(x - 30, y) for x, y in femoral_heads().points]
    place_heads(spine, moved)
    assert len(heads_of(spine)) == 1
    assert value_of(spine, TILT) > true_angles()["pelvic_tilt"] + 2


def test_other_films_do_not_offer_the_tool(hands):
    assert not hands.window.actions_by_name["tool_femoral_heads"].isVisible()
    hands.key(Qt.Key.Key_B)
    assert hands.window.correction.editor.tool_name is ToolName.POINTER
    assert not table_of(hands).placing_buttons[DrawingTool.FEMORAL_HEADS].isVisible()


def test_long_groups_are_folded_until_they_are_opened(spine):
    table = table_of(spine)
    model, tree = table.model, table.tree
    opened = {
        model.group(model.index(row, 0)): tree.isExpanded(model.index(row, 0))
        for row in range(model.rowCount())
    }
    assert opened == {
        MeasureGroup.ALIGNMENT: True, MeasureGroup.BALANCE: True, MeasureGroup.SEGMENTS: False,
        MeasureGroup.DISCS: False, MeasureGroup.BODIES: False,
    }  # fmt: skip
    segments = model.index(2, 0)
    tree.setCurrentIndex(segments)
    QTest.keyClick(tree, Qt.Key.Key_Right)
    assert tree.isExpanded(segments)
    place_heads(spine)
    again = table_of(spine)
    assert again.tree.isExpanded(again.model.index(2, 0))


def test_a_thoracic_body_can_be_renamed_and_those_above_follow(spine):
    def names():
        return [body.level for body in spine.window.workbench.editing.analysis.vertebrae]

    before, body = names(), spine.body("T6")
    xs, ys = zip(*body.outline, strict=True)
    middle = QPointF(sum(xs) / len(xs), sum(ys) / len(ys))
    menu = spine.window.correction.menu.menu_for(middle)
    texts = [action.text() for action in menu.actions()]
    assert "Rename T6; those above follow" in texts
    spine.window.correction.changes.rename(body, "T5", True, False)
    place = before.index("T6")
    assert names() == ["C1", *before[:place], *before[place + 1 :]]


@pytest.mark.parametrize("size", [(1366, 738), (1000, 640)])
def test_values_on_the_picture_lie_over_no_name(spine, size):
    spine.window.resize(*size)
    viewer = spine.window.viewer
    viewer.fit()
    picture, to_view = viewer.picture, viewer.viewportTransform()
    viewer.settle()
    labels = [label for _, label in picture.measures._items.values() if label.has_room]
    plates = [label.plate.translated(to_view.map(label.scenePos())) for label in labels]
    shown = [name for name in picture.bodies.names() if name.is_shown]
    names = [name.boundingRect().translated(to_view.map(name.scenePos())) for name in shown]
    assert len(plates) >= 3
    assert len(names) >= 6
    for plate in plates:
        assert not any(plate.intersects(name) for name in names)
