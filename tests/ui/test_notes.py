"""Texts, arrows, and the grey values of areas, with mouse and keys."""

import pytest
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtTest import QTest

from spinealign.domain.measurements import DrawingTool, MeasureState
from spinealign.ui.correcting.note_editor import NoteEditor
from spinealign.ui.reading.key_value import key_value
from tests.ui.test_drawing import place_each

TEXT, ARROW = (DrawingTool.TEXT, 1), (DrawingTool.ARROW, 1)


def editor_of(hands):
    found = [e for e in hands.viewer.viewport().findChildren(NoteEditor) if e.isVisible()]
    return found[0] if found else None


def write(hands, text, place=(120, 200)):
    hands.key(Qt.Key.Key_T)
    hands.move(place, held=False)
    hands.click(place)
    QTest.keyClicks(editor_of(hands), text)
    QTest.keyClick(editor_of(hands), Qt.Key.Key_Return)


def drawings(hands):
    return hands.window.workbench.editing.corrections.drawings


def places(drawing):
    return [(round(x, 6), round(y, 6)) for x, y in drawing.points]


def notes(hands):
    return hands.viewer.picture.notes


def test_a_text_is_typed_on_the_picture(hands):
    write(hands, "old fracture? D and A are letters here")
    [note] = drawings(hands)
    assert (note.key, places(note)) == (TEXT, [(120, 200)])
    assert notes(hands).texts == {TEXT: "old fracture? D and A are letters here"}
    assert editor_of(hands) is None
    assert hands.viewer.hasFocus()
    assert hands.window.workbench.editing.analysis.measurements
    assert not [m for m in measured(hands) if m.code.value == "text"]
    hands.window.actions_by_name["undo"].trigger()
    assert drawings(hands) == ()
    assert notes(hands).texts == {}


def measured(hands):
    found = hands.window.workbench.editing.analysis.measurements
    return [m for m in found if m.state is MeasureState.DRAWN]


@pytest.mark.parametrize("text", ["", "   "])
def test_a_text_that_says_nothing_is_none(hands, text):
    write(hands, text)
    assert drawings(hands) == ()


def test_esc_drops_what_was_typed_and_a_click_elsewhere_keeps_it(hands):
    hands.key(Qt.Key.Key_T)
    hands.click((120, 200))
    QTest.keyClicks(editor_of(hands), "no")
    QTest.keyClick(editor_of(hands), Qt.Key.Key_Escape)
    assert drawings(hands) == ()
    hands.key(Qt.Key.Key_T)
    hands.click((120, 200))
    QTest.keyClicks(editor_of(hands), "yes")
    hands.window.cases.setFocus()
    assert [note.text for note in drawings(hands)] == ["yes"]


def test_a_text_is_moved_and_edited_and_deleted(hands):
    write(hands, "here")
    hands.drag((120, 200), (160, 240))
    assert places(drawings(hands)[0]) == [(160, 240)]
    hands.double_click((160, 240))
    assert editor_of(hands).text() == "here"
    QTest.keyClicks(editor_of(hands), "there")
    QTest.keyClick(editor_of(hands), Qt.Key.Key_Return)
    assert notes(hands).texts == {TEXT: "there"}
    hands.click((160, 240))
    hands.key(Qt.Key.Key_F2)
    QTest.keyClicks(editor_of(hands), "F2")
    QTest.keyClick(editor_of(hands), Qt.Key.Key_Return)
    assert editor_of(hands) is None
    assert notes(hands).texts == {TEXT: "F2"}
    texts = [a.text() for a in hands.window.correction.menu.menu_for(QPointF(160, 240)).actions()]
    assert texts[:2] == ["Edit text 1…", "Delete text 1"]
    hands.click((160, 240))
    hands.key(Qt.Key.Key_Delete)
    assert drawings(hands) == ()
    for _ in range(4):
        hands.window.actions_by_name["undo"].trigger()
    assert [note.text for note in drawings(hands)] == ["here"]


def test_an_arrow_points_at_its_first_point(hands):
    hands.key(Qt.Key.Key_A, Qt.KeyboardModifier.ShiftModifier)
    place_each(hands, [(100, 300), (200, 360)])
    [arrow] = drawings(hands)
    assert (arrow.key, places(arrow)) == (ARROW, [(100, 300), (200, 360)])
    assert measured(hands) == []
    assert notes(hands).keys == {ARROW}
    tip = hands.viewer.to_view(QPointF(100, 300)).toPoint()
    shaft = hands.viewer.to_view(QPointF(150, 330)).toPoint()
    grey = hands.viewer.viewport().grab().toImage()
    assert is_drawn(grey.pixelColor(shaft))
    hands.drag((200, 360), (100, 420))
    moved = hands.viewer.viewport().grab().toImage()
    assert not is_drawn(moved.pixelColor(shaft))
    assert tip != shaft


def is_drawn(colour):
    return colour.red() - colour.green() > 30


def test_notes_hide_with_the_overlay(hands):
    write(hands, "here")
    hands.key(Qt.Key.Key_O)
    assert notes(hands).keys == frozenset()
    hands.key(Qt.Key.Key_O)
    assert notes(hands).keys == {TEXT}


@pytest.mark.parametrize(
    ("tool", "key", "words"),
    [
        (DrawingTool.RECTANGLE, Qt.Key.Key_R, "Rectangle 1  4000.0 px²  mean "),
        (DrawingTool.ELLIPSE, Qt.Key.Key_E, "Ellipse 1  3141.6 px²  mean "),
    ],
)
def test_an_area_tells_the_grey_values_inside(hands, tool, key, words):
    hands.key(key, Qt.KeyboardModifier.ShiftModifier)
    hands.drag((100, 300), (150, 320), (180, 350))
    [found] = measured(hands)
    pixels = hands.window.workbench.editing.analysis.image.pixels
    assert found.grey.lowest >= pixels[300:350, 100:180].min()
    if tool is DrawingTool.RECTANGLE:
        assert found.grey.mean == pytest.approx(pixels[300:350, 100:180].mean(), rel=1e-4)
        assert found.grey.pixels == 4000
    label = hands.viewer.picture.measures.label(found.key)
    assert label.startswith(words)
    assert "HU" not in label
    hands.drag((180, 350), (190, 350))
    assert measured(hands)[0].value > found.value


def test_an_area_is_traced_freehand(hands):
    hands.key(Qt.Key.Key_E)
    ring = [(150, 300), (200, 300), (230, 340), (230, 390), (190, 420), (150, 400), (130, 350)]
    steps = [
        (a[0] + (b[0] - a[0]) * k / 5, a[1] + (b[1] - a[1]) * k / 5)
        for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)
        for k in range(5)
    ]
    hands.press(steps[0])
    for step in steps[1:]:
        hands.move(step)
        hands.viewer._follow()
    hands.release(steps[-1])
    [found] = measured(hands)
    assert 3 <= len(drawings(hands)[0].points) <= 12
    assert found.value == pytest.approx(8850, rel=0.05)
    assert found.grey.pixels == pytest.approx(found.value, rel=0.02)


def test_the_worklist_goes_on_telling_the_main_measure(hands):
    readings = hands.window.workbench.readings
    before = key_value(readings.shown)
    hands.key(Qt.Key.Key_D)
    place_each(hands, [(100, 100), (200, 100)])
    assert before
    assert key_value(readings.shown) == before


def test_drawings_are_numbered_by_their_kind(hands):
    for key, points in (
        (Qt.Key.Key_D, [(100, 100), (200, 100)]),
        (Qt.Key.Key_A, [(100, 150), (150, 150), (200, 200)]),
        (Qt.Key.Key_D, [(100, 250), (200, 250)]),
    ):
        hands.key(key)
        place_each(hands, points)
    labels = [hands.viewer.picture.measures.label(m.key).split("  ")[0] for m in measured(hands)]
    assert labels == ["Distance 1", "Angle 1", "Distance 2"]
    table = hands.window.results.page.measures
    first = table.model.index(0, 0)
    assert first.data() == "Manual measurements (3)"
