"""Measuring by hand on slices and pictures that have no result."""

import json

import pytest
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QPushButton

from spinealign.domain.measurements import MeasureState
from spinealign.wording.measures import measurement_name
from tests.ui.hands import Hands, open_and_rest, settle, shown_value


@pytest.fixture
def real_corrections(fake, real_files):
    """Corrections that lie on the disk, as the program writes them."""
    from dataclasses import replace

    from spinealign.ui.work.services import program_services

    real, build = program_services(fake.profile_dir), fake.build
    fake.build = lambda: replace(
        build(),
        load_corrections=real.load_corrections,
        corrections_marks=real.corrections_marks,
        save_corrections=real.save_corrections,
    )


@pytest.fixture
def leafing(qtbot, real_corrections, open_window, study):
    window = open_window()
    open_and_rest(qtbot, window, study)
    window.activateWindow()
    window.viewer.setFocus()
    return window


def go(qtbot, window, steps):
    window.navigation.step(steps)
    settle(qtbot, window)
    window.viewer.setFocus()


def draw_distance(window, start=(5, 5), end=(25, 5)):
    hands = Hands(window)
    # Not by its key: a window that has just opened may not have the keyboard yet.
    hands.tool("distance")
    for point in (start, end):
        hands.move(point, held=False)
        hands.click(point)


def stored_corrections(path):
    return json.loads(path.with_name(f"{path.name}.spinealign.json").read_text())


def wait_for_stored_drawings(qtbot, path, count):
    """Corrections are written in the background, after the window rests."""
    qtbot.waitUntil(lambda: len(stored_corrections(path)["corrections"]["drawings"]) == count)


def drawn(window):
    found = window.workbench.editing.analysis.measurements
    return [m for m in found if m.state is MeasureState.DRAWN]


def test_every_slice_can_be_measured(qtbot, leafing):
    go(qtbot, leafing, 1)
    draw_distance(leafing)
    [measured] = drawn(leafing)
    assert measured.value == pytest.approx(20 * leafing.viewer.spacing_mm[1])
    assert measured.unit == "mm"
    assert measured.key in leafing.viewer.picture.measures.keys
    assert "Distance 1: " in leafing.results.measured.text()
    assert leafing.results.measured.isVisible()
    assert leafing.windowTitle() == "T2 sag, slice 4 of 5 – manually measured – SpineAlign"
    assert not drawn_on_result(leafing)


def drawn_on_result(window):
    found = window.workbench.current.finding.analysis.measurements
    return [m for m in found if m.state is MeasureState.DRAWN]


def test_what_is_drawn_on_a_slice_is_undone_deleted_and_redone_there(qtbot, leafing):
    go(qtbot, leafing, 1)
    draw_distance(leafing)
    draw_distance(leafing, (5, 20), (25, 20))
    leafing.actions_by_name["undo"].trigger()
    assert len(drawn(leafing)) == 1
    leafing.actions_by_name["redo"].trigger()
    assert len(drawn(leafing)) == 2
    hands = Hands(leafing)
    hands.click((5, 20))
    hands.key(Qt.Key.Key_Delete)
    assert [measurement_name(m) for m in drawn(leafing)] == ["Distance 1"]


def test_a_measure_stays_on_its_slice_and_comes_back_with_it(qtbot, leafing):
    go(qtbot, leafing, 1)
    draw_distance(leafing)
    go(qtbot, leafing, 1)
    assert shown_value(leafing) == 4
    assert drawn(leafing) == []
    assert not leafing.results.measured.isVisible()
    go(qtbot, leafing, -1)
    assert len(drawn(leafing)) == 1
    assert leafing.viewer.picture.drawings.handles()
    leafing.navigation.follow()
    settle(qtbot, leafing)
    assert drawn(leafing) == []
    assert not leafing.workbench.editing.is_bare


def test_another_session_finds_it(qtbot, leafing, open_window, study):
    go(qtbot, leafing, 1)
    draw_distance(leafing)
    go(qtbot, leafing, -2)
    leafing.close()
    qtbot.waitUntil(lambda: not leafing.isVisible())
    again = open_window()
    open_and_rest(qtbot, again, study)
    # It opens where it was left, one slice before that of the result.
    go(qtbot, again, 2)
    assert len(drawn(again)) == 1


def test_the_result_of_a_slice_takes_over_what_was_drawn_on_it_before(qtbot, leafing):
    go(qtbot, leafing, 1)
    draw_distance(leafing)
    with qtbot.waitSignal(leafing.workbench.session.finding_ready):
        QTest.keyClick(leafing.viewer, Qt.Key.Key_F5)
    settle(qtbot, leafing)
    assert not leafing.workbench.editing.is_bare
    assert len(drawn_on_result(leafing)) == 1
    assert not leafing.results.measured.isVisible()
    leafing.workbench.editing.save()
    settle(qtbot, leafing)
    leafing.navigation.go(leafing.navigation._case.place)
    path = leafing.workbench.current.display.image.source_path
    wait_for_stored_drawings(qtbot, path, 1)


def test_drawing_on_a_slice_keeps_the_bodies_corrected_on_it_earlier(qtbot, leafing):
    from spinealign.measure.correction.changes import add_vertebra_by_corners

    corners = ((5, 5), (15, 5), (15, 12), (5, 12))
    editing = leafing.workbench.editing
    assert editing.change("add", lambda state: add_vertebra_by_corners(state, corners))
    editing.save()
    settle(qtbot, leafing)
    own = leafing.workbench.current.display.image.source_path
    leafing.navigation.step(1)
    settle(qtbot, leafing)
    with qtbot.waitSignal(leafing.workbench.session.finding_ready):
        leafing.navigation.analyse_here()
        # The bodies corrected on the other slice give way, and are there again later.
        [go_on] = [b for b in leafing.findChildren(QPushButton) if b.text() == "Analyse slice 4"]
        go_on.click()
    settle(qtbot, leafing)
    go(qtbot, leafing, -1)
    assert editing.is_bare
    assert not editing.corrections.vertebrae
    draw_distance(leafing)
    editing.save()
    wait_for_stored_drawings(qtbot, own, 1)
    stored = stored_corrections(own)
    assert stored["view"] != "other"
    assert len(stored["corrections"]["vertebrae"]) == 1
    with qtbot.waitSignal(leafing.workbench.session.finding_ready):
        leafing.navigation.analyse_here()
    settle(qtbot, leafing)
    assert len(editing.corrections.vertebrae) == 1
    assert len(drawn(leafing)) == 1


def test_a_slice_without_a_result_offers_no_bodies(qtbot, leafing):
    go(qtbot, leafing, 1)
    menu = leafing.correction.menu
    assert menu.menu_for(QPointF(20, 20)) is None
    draw_distance(leafing)
    texts = [action.text() for action in menu.menu_for(QPointF(5, 5)).actions()]
    assert texts == ["Delete distance 1", ""]
    assert not leafing.actions_by_name["tool_vertebra"].isEnabled()
    assert not leafing.actions_by_name["examination_date"].isEnabled()


def test_a_signed_reading_of_another_slice_does_not_lock_this_one(qtbot, leafing):
    leafing.workbench.editing.locked = lambda: pytest.fail("asked of a slice without a reading")
    go(qtbot, leafing, 1)
    draw_distance(leafing)
    assert len(drawn(leafing)) == 1


def test_a_picture_can_be_measured_while_it_is_analysed(qtbot, open_window, files, fake):
    fake.analyser.hold = "Classifying"
    window = open_window()
    window.workbench.opener.open_paths(files("film_1.png"))
    qtbot.waitUntil(fake.analyser.reached.is_set)
    qtbot.waitUntil(lambda: window.workbench.editing.is_bare)
    window.viewer.setFocus()
    draw_distance(window, (100, 100), (200, 100))
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        fake.analyser.gate.set()
    assert not window.workbench.editing.is_bare
    assert [m.value for m in drawn(window)] == [pytest.approx(100)]
