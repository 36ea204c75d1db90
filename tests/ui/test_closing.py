"""Closing politely: analyses are cancelled, files written to their end, nothing left behind."""

import threading
from dataclasses import replace

import pytest
from PyQt6.QtCore import Qt

from spinealign.ui.settings.recent import Recent
from spinealign.ui.settings.settings import SettingsStore
from tests.fakes import FakeAnalyser


def test_closing_during_an_analysis_cancels_it(qtbot, window, fake, files):
    fake.analyser.hold = "Classifying"
    window.workbench.opener.open_paths(files("ct_1.dcm", "ct_2.dcm"))
    qtbot.waitUntil(fake.analyser.reached.is_set)
    window.close()
    assert window.isVisible()
    assert "Closing" in window.status.step.text()
    window.close()
    fake.analyser.gate.set()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert fake.analyser.closed == 1
    assert len(fake.analyser.calls) == 1


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
