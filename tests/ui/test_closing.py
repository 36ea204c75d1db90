"""Closing politely: analyses are cancelled, files written to their end, nothing left behind."""

import threading
from dataclasses import replace

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QMessageBox, QPushButton

from spinealign.ui.settings.recent import Recent
from spinealign.ui.settings.settings import SettingsStore
from spinealign.wording.worklist import quit_question
from tests.fakes import FakeAnalyser


def test_closing_during_an_analysis_cancels_it(qtbot, window, fake, files):
    fake.analyser.hold = "Classifying"
    window.workbench.opener.open_paths(files("ct_1.dcm", "ct_2.dcm"))
    qtbot.waitUntil(fake.analyser.reached.is_set)
    window.close()
    press(window, "Stop and close")
    assert window.isVisible()
    assert "Closing" in window.status.step.text()
    window.close()
    fake.analyser.gate.set()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert fake.analyser.closed == 1
    assert len(fake.analyser.calls) == 1


def the_question(window):
    [box] = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
    return box


def press(window, words):
    [button] = [b for b in the_question(window).findChildren(QPushButton) if b.text() == words]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.fixture
def busy(qtbot, window, fake, files):
    """A window that analyses one image while two wait."""
    fake.analyser.hold = "Classifying"
    window.workbench.opener.open_paths(files("ct_1.dcm", "ct_2.dcm", "ct_3.dcm"))
    qtbot.waitUntil(fake.analyser.reached.is_set)
    window.activateWindow()
    return window


def test_leaving_asks_with_how_many_run_and_wait(busy):
    QTest.keyClick(busy, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    text = the_question(busy).text()
    assert text == "1 image is being analysed and 2 wait. Stop and close all the same?"
    QTest.keyClick(the_question(busy), Qt.Key.Key_Return)
    assert busy.isVisible()
    assert len(busy.workbench.session.unfinished) == 3


def test_leaving_stops_all_once_it_is_confirmed(qtbot, busy, fake):
    QTest.keyClick(busy, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    press(busy, "Stop and close")
    assert not busy.workbench.session.is_busy
    fake.analyser.gate.set()
    qtbot.waitUntil(lambda: not busy.isVisible())


def test_the_question_of_leaving_counts_what_is_left_and_goes_with_the_last(qtbot, busy, fake):
    busy.close()
    box = the_question(busy)
    with qtbot.waitSignal(busy.workbench.session.finding_ready):
        fake.analyser.gate.set()
        busy.workbench.session.cancel(busy.workbench.session.cases[2:])
        assert box.text().startswith("1 image is being analysed and 1 waits.")
    qtbot.waitUntil(lambda: not busy.isVisible())


@pytest.mark.parametrize(
    ("running", "waiting", "words"),
    [
        (1, 0, "1 image is being analysed."), (1, 1, "1 image is being analysed and 1 waits."),
        (0, 1, "1 image waits."), (0, 3, "3 images wait."),
    ],
)  # fmt: skip
def test_how_many_run_and_wait_in_words(running, waiting, words):
    assert quit_question(running, waiting)[1].startswith(words)


def test_closing_lets_files_be_written_to_their_end(qtbot, window, analysed, fake, monkeypatch):
    analysed()
    begun, gate, done = threading.Event(), threading.Event(), threading.Event()

    def write_slowly(kind, path):
        begun.set()
        gate.wait(20)
        done.set()

    monkeypatch.setattr(fake, "_write", write_slowly)
    monkeypatch.setattr(
        "spinealign.ui.cases.saving.QFileDialog.getExistingDirectory", lambda *_: "/somewhere"
    )
    window.actions_by_name["save"].trigger()
    qtbot.waitUntil(begun.is_set)
    window.close()
    assert window.isVisible()
    gate.set()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert done.is_set()


def test_what_the_window_remembers_is_written(qtbot, open_window, fake, files, tmp_path):
    window = open_window()
    [path] = files("ct_1.dcm")
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.workbench.opener.open_paths([path])
    window.cases_dock.hide()
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible())
    again = open_window()
    assert again.workbench.preferences.recent == [Recent(path)]
    assert again.cases_dock.isHidden()


@pytest.mark.parametrize("other_screen", [False, True])
def test_panels_of_a_smaller_screen_do_not_stay_narrow(qtbot, open_window, tmp_path, other_screen):
    store = SettingsStore(tmp_path / "profile")
    window = open_window(store)
    usual = window.cases_dock.width()
    window.resizeDocks([window.cases_dock], [usual - 60], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: window.cases_dock.width() < usual)
    narrow = window.cases_dock.width()
    window.close()
    if other_screen:
        state = store.load_window_state()
        store.save(replace(state, layout_width_px=state.layout_width_px // 2))
    again = open_window(store)
    assert again.cases_dock.width() == (usual if other_screen else narrow)
    assert not again.workbench.preferences.is_first_start


def test_two_windows_share_a_profile(qtbot, open_window, fake, files):
    first, second = open_window(), open_window()
    for window in (first, second):
        with qtbot.waitSignal(window.workbench.session.finding_ready):
            window.workbench.opener.open_paths(files("ct_1.dcm"))
    first.close()
    assert second.isVisible()
    assert isinstance(fake.analyser, FakeAnalyser)
    assert len(fake.analyser.calls) == 2
