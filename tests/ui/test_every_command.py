"""Every command in every state does something that is noticed, or says why it is not offered."""

import hashlib
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QImage
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QFileDialog, QWidget

from spinealign.domain.study import SlicePosition
from spinealign.ui.window.actions import COMMANDS, IMAGE_TYPE_COMMANDS
from tests.fakes import answer_for
from tests.ui.hands import at_rest

FILES = {
    "film": "film_1.png", "suggested": "offer_1.png", "mr": "mr_1.nii", "discs": "disc_1.png",
    "ct": "ct_1.dcm", "refused": "photo_1.png", "series": "series_1.nii",
}  # fmt: skip
ALONE = (
    "none",
    "waiting",
    "running",
    "failed",
    "stopped",
    "demonstration",
    "away",
    "last",
    "start",
)
LEFT_OUT = {"quit", "full_screen", *(one.name for one in IMAGE_TYPE_COMMANDS[2:])}
"""Ends the test, is up to the window manager, or is as others that are tried."""

SEEN = {
    "overlay", "outlines", "heatmap", "less_opacity", "more_opacity", "measures", "fit",
    "one_to_one", "zoom_in", "zoom_out", "invert", "reset_window", "next_window",
    "previous_window", "window_bone", "window_soft_tissue", "window_brain", "window_automatic",
    "window_whole_range",
}  # fmt: skip
"""Must change the picture itself: a button that goes in and out is not enough."""


class Walk:
    """Brings a window into a state, gives commands, and notices what they do."""

    def __init__(self, qtbot, window, fake, files, monkeypatch):
        self.qtbot, self.window, self.fake, self.files = qtbot, window, fake, files
        self.asked = []
        for name in ("getOpenFileName", "getOpenFileNames", "getSaveFileName"):
            empty = ([], "") if name.endswith("s") else ("", "")
            monkeypatch.setattr(QFileDialog, name, self._asks(empty))
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", self._asks(""))
        self.state = ""

    def _asks(self, answer):
        def ask(*_, **__):
            self.asked.append(answer)
            return answer

        return ask

    def open(self, *names):
        for name in names:
            answer_for(Path(name), None)
        self.window.workbench.opener.open_paths(self.files(*names))

    def begin(self, state):
        """Bring the window into a state."""
        self.state, bench = state, self.window.workbench
        self.fake.analyser.gate.set()
        self.rest()
        self.dismiss()
        bench.close(list(bench.session.cases))
        self.fake.analyser.gate.clear()
        self.fake.analyser.hold = ""
        getattr(self, f"_begin_{state}", self._begin_file)()
        QApplication.processEvents()
        self.window.banner.dismiss()
        QApplication.clipboard().clear()
        self.window.activateWindow()

    def _begin_file(self):
        self.open(FILES[self.state])
        self.rest()

    def _begin_none(self):
        pass

    def _begin_running(self):
        self.fake.analyser.hold = "Classifying"
        self.fake.analyser.reached.clear()
        self.open("ct_1.dcm")
        self.qtbot.waitUntil(self.fake.analyser.reached.is_set)

    def _begin_waiting(self):
        self.fake.analyser.hold = "Classifying"
        self.fake.analyser.reached.clear()
        self.open("ct_1.dcm", "ct_2.dcm")
        self.qtbot.waitUntil(self.fake.analyser.reached.is_set)
        session = self.window.workbench.session
        self.qtbot.waitUntil(lambda: len(session.cases) == 2)
        waiting = next(case for case in session.cases if case.display is None)
        self.window.workbench.select(waiting)

    def _begin_failed(self):
        self.open("bad.txt")
        self.rest()

    def _begin_stopped(self):
        self._begin_running()
        self.window.workbench.stop()
        self.fake.analyser.gate.set()
        self.rest()

    def _begin_demonstration(self):
        self.open("ct_1.dcm")
        self.rest()
        self.window.navigation.show_demonstration()
        self.rest()

    def _begin_away(self):
        self.open("series_1.nii")
        self.rest()
        self.go(1)

    def _begin_last(self):
        self.open("series_1.nii")
        self.rest()
        self.go(4)

    def _begin_start(self):
        self.open("ct_1.dcm")
        self.rest()
        self.window.workbench.select(None)

    def go(self, index):
        navigation = self.window.navigation
        navigation.go(SlicePosition(0, index))
        self.rest()
        self.qtbot.waitUntil(lambda: self.window.viewer.picture.display is not None)

    def rest(self):
        bench = self.window.workbench
        idle = (bench.reading, bench.records, bench.files, bench.patients)
        self.qtbot.waitUntil(
            lambda: at_rest(self.window) and not any(runner.is_busy for runner in idle),
            timeout=20_000,
        )

    def disturb(self, name):
        """Leave the usual state, so that going back to it is seen."""
        viewer = self.window.viewer
        if viewer.picture.display is None:
            return
        if name in ("fit", "reset_window", "one_to_one") or name.startswith("window_"):
            viewer.zoom_to(viewer.zoom * 1.7)
            viewer.picture.drag_window(35, 20)

    def give(self, name):
        """Give a command, and return whether anything was noticed."""
        self.disturb(name)
        before = self.noticed(name)
        self.window.actions_by_name[name].trigger()
        for _ in range(30):
            QApplication.processEvents()
            if self.noticed(name) != before:
                return True
            QTest.qWait(10)
        return False

    def noticed(self, name):
        """All that a person could notice, or of the picture alone."""
        window, bench = self.window, self.window.workbench
        seen = _bytes_of(window.viewer.viewport().grab().toImage())
        if name in SEEN:
            return seen
        tops = [w for w in QApplication.topLevelWidgets() if w.isVisible()]
        focus = window.focusWidget()
        return (
            seen, len(self.asked), len(self.fake.analyser.calls), len(self.fake.written),
            len(self.fake.reports), window.windowTitle(), len(tops), id(focus),
            window.status.step.text(), window.banner.text if window.banner.isVisible() else "",
            QApplication.clipboard().text(), bench.current, len(bench.session.cases),
            [case.status for case in bench.session.cases], window.series.dock.isVisible(),
            repr(bench.preferences.settings), bench.preferences.recent,
            [a.isChecked() for a in self.tools()], bench.undoing.undo_label,
            window.pages.currentWidget(), window.image_type_button.text(),
            repr(bench.editing.corrections),
        )  # fmt: skip

    def tools(self):
        return [self.window.actions_by_name[c.name] for c in COMMANDS if c.group == "tool"]

    def dismiss(self):
        """Close what was opened, and go back to the usual look."""
        window = self.window
        for top in QApplication.topLevelWidgets():
            if top is not window and top.isVisible() and isinstance(top, QWidget):
                top.close()
        window.viewer.fit()
        window.viewer.picture.reset_window()
        for name in ("overlay", "heatmap", "measures"):
            window.actions_by_name[name].setChecked(True)
        window.actions_by_name["outlines"].setChecked(False)
        window.opacity_slider.setValue(45)
        QApplication.processEvents()

    def is_as_before(self, cases, current):
        bench = self.window.workbench
        same = bench.session.cases == cases and bench.current is current
        return same and not bench.editing.is_edited and not bench.can_be_stopped


def _bytes_of(image):
    plain = image.convertToFormat(QImage.Format.Format_RGB32)
    return hashlib.sha1(plain.constBits().asstring(plain.sizeInBytes())).hexdigest()


@pytest.fixture
def walk(qtbot, window, fake, files, monkeypatch):
    window.resize(1284, 691)
    yield (walk := Walk(qtbot, window, fake, files, monkeypatch))
    fake.analyser.gate.set()
    walk.rest()
    walk.dismiss()


def is_chosen_already(action):
    group = action.actionGroup()
    return group is not None and action.isChecked()


@pytest.mark.parametrize("state", [*ALONE, *FILES])
def test_what_is_offered_does_something_and_the_rest_says_why_not(walk, state):
    walk.begin(state)
    bench, actions = walk.window.workbench, walk.window.actions_by_name
    cases, current = list(bench.session.cases), bench.current
    silent, unexplained = [], []
    for command in COMMANDS:
        name, action = command.name, actions[command.name]
        if not action.isVisible() or name in LEFT_OUT:
            continue
        if not action.isEnabled():
            if not actions.reason(name):
                unexplained.append(name)
        elif not is_chosen_already(action) and not walk.give(name):
            silent.append(name)
        walk.dismiss()
        busy = state in ("running", "waiting")
        if name not in SEEN and not busy:
            walk.rest()
        if not walk.is_as_before(cases, current) and not (busy and bench.current is current):
            walk.begin(state)
            cases, current = list(bench.session.cases), bench.current
    assert (silent, unexplained) == ([], [])


def test_a_key_that_is_not_offered_is_answered(walk):
    walk.begin("mr")
    viewer, status = walk.window.viewer, walk.window.status
    viewer.setFocus()
    QTest.keyClick(viewer, Qt.Key.Key_H)
    assert "no heat map" in status.step.text()
    QTest.keyClick(viewer, Qt.Key.Key_N)
    assert status.step.text() == "This is the last case"


def test_a_button_that_does_nothing_does_not_look_pressed(walk):
    walk.begin("mr")
    bar = walk.window.findChild(QWidget, "tools")
    action = walk.window.actions_by_name["heatmap"]
    button = bar.widgetForAction(action)
    assert action.isChecked()
    assert not button.isEnabled()
    place = button.geometry().center()
    corner = bar.grab().toImage().pixelColor(place.x(), button.geometry().top() + 4).name()
    assert corner == walk.window.theme.colours.panel
    assert "no heat map" in button.toolTip()


def test_the_slider_is_offered_where_something_is_covered(walk):
    slider = walk.window.opacity_slider
    walk.begin("mr")
    assert slider.isEnabled()
    walk.window.actions_by_name["overlay"].trigger()
    assert not slider.isEnabled()
    assert "overlay is not shown" in slider.toolTip()
    walk.begin("ct")
    assert not slider.isEnabled()
    assert slider.toolTip()
