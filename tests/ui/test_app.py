"""The real entry: services of the program, crash hook, exit code."""

import gc
import sys
import threading

import pytest
from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from spinealign import files as files_module
from spinealign.model_store import ModelStore
from spinealign.ui.app import run_window
from spinealign.ui.window.crash import CrashDialog, CrashHook, crash_report
from spinealign.ui.window.main_window import MainWindow
from spinealign.ui.work.services import program_services
from tests.core.test_catalog import write_model
from tests.examinations import NECK_CT


def in_the_running_window(act):
    """Call `act(window)` once the window of `run_window` is on the screen."""

    def find():
        window = next(w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))
        act(window)

    QTimer.singleShot(0, find)


@pytest.fixture
def fake_program(monkeypatch, fake):
    monkeypatch.setattr("spinealign.ui.app.program_services", fake.build)
    hooks = sys.excepthook, threading.excepthook
    yield fake
    assert (sys.excepthook, threading.excepthook) == hooks
    # Menus of a window are windows of their own to Qt; their bars go on pointing at them.
    for window in QApplication.topLevelWidgets():
        if window.parent() is None:
            window.deleteLater()


def test_the_program_runs_until_its_window_is_closed(qapp, fake_program, tmp_path, files):
    titles = []

    def close_after_the_result(window):
        def leave(case):
            titles.append(case.title)
            window.close()

        window.workbench.session.finding_ready.connect(leave)

    in_the_running_window(close_after_the_result)
    assert run_window(files("ct_1.dcm"), tmp_path / "profile") == 0
    assert titles == ["ct_1.dcm"]
    assert (tmp_path / "profile" / "settings.json").exists()


def test_what_is_loaded_to_stay_is_not_looked_through_again(qapp, fake_program, tmp_path):
    before = gc.get_freeze_count()
    counts = []

    def close_once_idle(window):
        def leave():
            counts.append(gc.get_freeze_count())
            window.close()

        window.workbench.inference.became_idle.connect(leave)

    in_the_running_window(close_once_idle)
    run_window([], tmp_path / "profile")
    assert counts[0] > before


def test_a_start_clears_away_what_a_killed_run_left_in_the_profile(qapp, fake_program, tmp_path):
    left = f"{files_module.TEMPORARY_PREFIX}{files_module._COMPUTER}-4194304999-ab"
    places = [tmp_path / part for part in ("", "corrections", "readings/1")]
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
        (place / left).write_text("killed")
        (place / "kept.json").write_text("{}")
    in_the_running_window(lambda window: window.close())
    assert run_window([], tmp_path) == 0
    assert not list(tmp_path.rglob(left))
    assert all((place / "kept.json").exists() for place in places)


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return caught


def test_a_report_tells_where_but_not_what():
    report = crash_report(raised(ValueError("Jane Doe, /home/jane/scan.dcm")))
    assert "builtins.ValueError" in report
    assert ":raised" not in report
    assert "raised" in report
    assert "Jane" not in report
    assert "/home" not in report


def test_a_failure_in_a_slot_opens_the_report(qtbot, window):
    hook = CrashHook(window.workbench.messages.crash, window)
    hook.install()
    try:
        with qtbot.waitSignal(hook.caught):
            sys.excepthook(ValueError, raised(ValueError("x")), None)
    finally:
        hook.uninstall()
    qtbot.waitUntil(lambda: window.findChild(CrashDialog) is not None)
    dialog = window.findChild(CrashDialog)
    dialog.copy()
    assert QApplication.clipboard().text() == dialog.report
    QApplication.clipboard().clear()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_a_failure_in_a_thread_opens_the_report(qtbot, window):
    hook = CrashHook(window.workbench.messages.crash, window)
    hook.install()
    try:
        thread = threading.Thread(target=lambda: 1 / 0)
        with qtbot.waitSignal(hook.caught) as caught:
            thread.start()
        thread.join()
    finally:
        hook.uninstall()
    assert isinstance(caught.args[0], ZeroDivisionError)
    qtbot.waitUntil(lambda: window.findChild(CrashDialog) is not None)


def test_the_services_of_the_program_share_one_set_of_models():
    services = program_services()
    assert services.models() is services.models()


def test_the_window_asks_the_model_that_its_own_profile_chose(tmp_path):
    store = ModelStore(tmp_path / "profile", trial=lambda folder: None)
    store.install(write_model(tmp_path / "from", "mine"))
    models = program_services(tmp_path / "profile").models()
    assert models.find("classification", NECK_CT).name == "ct_fracture_vgg16"
    store.choose("mine")  # while the window is open
    assert models.find("classification", NECK_CT).name == "mine"
    others = program_services(tmp_path / "other").models()
    assert others.find("classification", NECK_CT).name == "ct_fracture_vgg16"
