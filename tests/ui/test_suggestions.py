"""Suggested bodies on the picture: dashed, accepted by a click, taken back by undo."""

from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtWidgets import QPushButton

from spinealign.domain.findings import VertebraState, WarningCode
from spinealign.wording import Message
from tests.ui.hands import Hands

FOUND, ALL = ["C2", "C3", "C5", "C6", "T1"], ["C2", "C3", "C4", "C5", "C6", "C7", "T1"]


@pytest.fixture
def offered(window, analysed):
    """Mouse and keyboard on a window that shows a neck of which C4 and C7 are suggested."""
    analysed("offer_1.png")
    window.activateWindow()
    window.viewer.setFocus()
    return Hands(window)


def now(hands):
    return hands.window.workbench.editing.analysis


def levels(hands):
    return [body.level for body in now(hands).vertebrae]


def place_of(hands, level):
    body = next(body for body in now(hands).suggestions if body.level == level)
    return tuple(np.mean(body.outline, axis=0))


def shown(hands):
    """Names and pens of the suggestions that are drawn."""
    layer = hands.viewer.picture.suggestions
    return [
        (name.name, outline._pen.style())
        for _, outline, name in layer._items
        if outline.isVisible() and name.isVisible()
    ]


def test_suggestions_are_dashed_and_asked_for_by_a_question_mark(offered):
    dashes = Qt.PenStyle.DashLine
    assert shown(offered) == [("C4?", dashes), ("C7?", dashes)]
    assert levels(offered) == FOUND


def test_a_click_accepts_one_and_undo_takes_it_back(offered):
    place, editing = place_of(offered, "C4"), offered.window.workbench.editing
    offered.click(place)
    assert levels(offered) == ["C2", "C3", "C4", "C5", "C6", "T1"]
    assert offered.body("C4").state is VertebraState.ACCEPTED
    assert [name for name, _ in shown(offered)] == ["C7?"]
    assert editing.undo_label == "accept suggested C4"
    editing.undo()
    assert levels(offered) == FOUND
    assert [name for name, _ in shown(offered)] == ["C4?", "C7?"]
    editing.redo()
    assert "C4" in levels(offered)


def test_a_drag_from_one_accepts_nothing(offered):
    x, y = place_of(offered, "C4")
    offered.drag((x, y), (x + 60, y + 40))
    assert levels(offered) == FOUND


def test_what_is_not_shown_is_not_accepted(offered):
    place = place_of(offered, "C4")
    offered.viewer.picture.set_overlay_shown(False)
    assert shown(offered) == []
    offered.click(place)
    assert levels(offered) == FOUND


def test_the_cursor_and_a_tip_tell_what_a_click_does(offered):
    place = QPointF(*place_of(offered, "C4"))
    offered.move(place_of(offered, "C4"), held=False)
    assert offered.viewer.cursor().shape() == Qt.CursorShape.PointingHandCursor
    tip = offered.window.correction.editor.tip(place)
    assert "C4?" in tip
    assert "accepts" in tip


def test_a_command_accepts_all_as_one_step(offered):
    action = offered.window.actions_by_name["accept_suggestions"]
    assert action.isEnabled()
    action.trigger()
    assert levels(offered) == ALL
    assert shown(offered) == []
    assert not action.isEnabled()
    offered.window.workbench.editing.undo()
    assert levels(offered) == FOUND


def test_what_cannot_be_a_neighbour_stays_suggested_and_is_told(offered, monkeypatch):
    editing, heard = offered.window.workbench.editing, []
    monkeypatch.setattr(editing, "tell", lambda message: heard.append(message.sentence))
    stretch(offered, "C4")
    offered.window.actions_by_name["accept_suggestions"].trigger()
    assert levels(offered) == ["C2", "C3", "C5", "C6", "C7", "T1"]
    assert [name for name, _ in shown(offered)] == ["C4?"]
    assert len(heard) == 1
    assert "C4? cannot be neighbours" in heard[0]
    offered.window.actions_by_name["accept_suggestions"].trigger()
    assert len(heard) == 2  # nothing more can be accepted, and that is said, too
    offered.click(place_of(offered, "C4"))
    assert levels(offered) == ALL
    assert "(C4" in heard[2]
    assert WarningCode.ACCEPTED_IMPLAUSIBLE in [c.code for c in now(offered).cautions]
    editing.undo()
    editing.locked = lambda: Message("It is signed.", "")
    offered.window.actions_by_name["accept_suggestions"].trigger()
    assert len(heard) == 3


def stretch(hands, level):
    """Let the program suggest a body as twice as high as it is."""
    case = hands.window.workbench.current
    analysis = case.finding.analysis
    offered = tuple(
        replace(body, landmarks=tuple(replace(m, y=twice(m.y, body)) for m in body.landmarks))
        if body.level == level
        else body
        for body in analysis.suggestions
    )
    analysis = replace(analysis, suggestions=offered)
    case.finding = replace(case.finding, analysis=analysis)


def twice(y, body):
    top = min(mark.y for mark in body.landmarks)
    return top + 2 * (y - top)


def test_the_caution_has_a_button_that_accepts_all(offered):
    page = offered.window.results.page
    button = next(b for b in page.findChildren(QPushButton) if b.text() == "Accept all")
    button.click()
    assert levels(offered) == ALL
    assert WarningCode.BODIES_SUGGESTED not in [c.code for c in now(offered).cautions]


def test_the_menu_accepts_one_or_all(offered):
    menu = offered.window.correction.menu.menu_for(QPointF(*place_of(offered, "C7")))
    texts = [action.text() for action in menu.actions()]
    assert "Accept C7?" in texts
    assert "Accept all suggested bodies (2)" in texts
    next(action for action in menu.actions() if action.text() == "Accept C7?").trigger()
    assert levels(offered) == ["C2", "C3", "C5", "C6", "C7", "T1"]


def test_names_of_all_accepted_at_once_are_confirmed_from_the_menu(offered):
    offered.window.actions_by_name["accept_suggestions"].trigger()
    assert open_names(offered) == ["C4", "C7"]
    both = {a.text(): a for a in offers(offered, "C4") if "Confirm" in a.text()}
    assert list(both) == ["Confirm the name C4", "Confirm the names of all accepted bodies (2)"]
    both["Confirm the name C4"].trigger()
    assert open_names(offered) == ["C7"]
    assert not any("Confirm" in action.text() for action in offers(offered, "C4"))
    offered.window.workbench.editing.undo()
    assert open_names(offered) == ["C4", "C7"]


def test_the_label_of_open_names_has_a_button_that_confirms_all(offered):
    offered.window.actions_by_name["accept_suggestions"].trigger()
    chips = offered.window.results.reading.chips
    button = next(b for b in chips.buttons if b.text() == "names not confirmed: C4, C7")
    button.click()
    assert chips.confirm.isVisible()
    assert not chips.accept.isVisible()
    chips.confirm.click()
    assert open_names(offered) == []
    assert not any("not confirmed" in b.text() for b in chips.buttons)


def open_names(hands):
    return [body.name for body in now(hands).vertebrae if body.is_name_open]


def offers(hands, level):
    place = QPointF(*np.mean(hands.body(level).outline, axis=0))
    return hands.window.correction.menu.menu_for(place).actions()


def test_an_accepted_body_is_deleted_by_a_key_and_suggested_again(offered):
    offered.click(place_of(offered, "C4"))
    offered.click(offered.place_of("C4", "anterior_superior"))
    offered.key(Qt.Key.Key_Delete)
    assert levels(offered) == FOUND
    assert [name for name, _ in shown(offered)] == ["C4?", "C7?"]


def test_corners_of_an_accepted_body_can_be_moved_and_it_stays_accepted(offered):
    offered.click(place_of(offered, "C4"))
    x, y = offered.place_of("C4", "anterior_superior")
    offered.drag((x, y), (x + 12, y))
    assert offered.place_of("C4", "anterior_superior") == pytest.approx((x + 12, y), abs=0.1)
    assert offered.body("C4").state is VertebraState.ACCEPTED
    assert [name for name, _ in shown(offered)] == ["C7?"]
