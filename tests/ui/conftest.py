"""A window on fake services, and a guard against what a test leaves behind."""

import gc
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6 import sip
from PyQt6.QtCore import QCoreApplication, QEvent, QTimer
from PyQt6.QtWidgets import QApplication, QPushButton

from spinealign.ui.results.result_page import DETAILS
from spinealign.ui.settings.settings import SettingsStore
from spinealign.ui.window import window_layout
from spinealign.ui.window.main_window import MainWindow
from spinealign.ui.work.services import program_services
from tests.fakes import FakeServices, answer_for
from tests.image_files import write_series
from tests.keyrings import use
from tests.ui.hands import Hands, open_and_rest


def pytest_collection_modifyitems(items):
    # Said by Qt's own memory screen about every window with a size, and every menu.
    cannot = "does not support (propagateSizeHints|raise|grabbing the keyboard)"
    harmless = pytest.mark.qt_log_ignore(cannot)
    for item in items:
        if "tests/ui/" in item.path.as_posix():
            item.add_marker(harmless)


@pytest.fixture(autouse=True)
def no_key_store(monkeypatch):
    """Let no test touch the system's key store; `tests.keyrings.use` gives one in memory."""
    use(monkeypatch, is_there=False)


@pytest.fixture(autouse=True)
def panels_side_by_side(request, monkeypatch):
    """Let panels stand at both sides of the picture: the screen of the tests is a small one.

    How they lie behind one another there is what tests/ui/test_small_screens.py is about.
    """
    if not request.node.path.name.endswith("test_small_screens.py"):
        monkeypatch.setattr(window_layout, "NARROW_EM", 0)


@pytest.fixture(autouse=True)
def nothing_left_alive(qapp):
    """Fail a test that leaves a thread, a running timer or a window."""
    threads = set(threading.enumerate())
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    left = [thread.name for thread in set(threading.enumerate()) - threads if _lives(thread)]
    left += [repr(timer) for timer in _running_timers()]
    left += [repr(widget) for widget in QApplication.topLevelWidgets()]
    assert left == []


def _lives(thread):
    """Whether a thread is there: one of Qt's stays listed once it asked Python for its name."""
    is_qts = isinstance(thread, threading._DummyThread)
    return not is_qts or thread.ident in sys._current_frames()


def _running_timers():
    timers = (item for item in gc.get_objects() if isinstance(item, QTimer))
    return [timer for timer in timers if not sip.isdeleted(timer) and timer.isActive()]


@pytest.fixture
def fake(tmp_path):
    """Services to steer and to ask what the window wanted of them."""
    return FakeServices(profile_dir=tmp_path / "profile")


@pytest.fixture
def open_window(qtbot, fake, tmp_path):
    """Return a function that shows a window; all of them are closed at the end."""
    windows = []

    def show(store=None):
        window = MainWindow(fake.build(), store or SettingsStore(tmp_path / "profile"))
        windows.append(window)
        # Tests of what stands below the reading look at it; those of the reading close it.
        window.results.open_folds.add(DETAILS)
        with qtbot.waitExposed(window):
            window.show()
        return window

    yield show
    fake.analyser.gate.set()
    for window in windows:
        window.closer.asks = False
        window.close()
        qtbot.waitUntil(lambda w=window: not w.isVisible())
        window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def window(open_window):
    """A window that is on the screen and has not begun to work."""
    return open_window()


@pytest.fixture
def files(tmp_path):
    """Return a function that makes empty files with these names, which the fakes then play."""

    def make(*names):
        paths = [tmp_path / name for name in names]
        for path in paths:
            path.write_bytes(b"")
        return paths

    return make


@pytest.fixture
def analysed(qtbot, window, files):
    """Return a function that opens a file and waits for its result."""

    def run(name="ct_1.dcm"):
        # Drawing takes seconds the first time, and is not what the signal is waited for.
        answer_for(Path(name), None)
        with qtbot.waitSignal(window.workbench.session.finding_ready):
            window.workbench.opener.open_paths(files(name))
        return window.workbench.current

    return run


@pytest.fixture
def demonstrated(qtbot, window, analysed):
    """Return a function that opens a CT slice and asks for the demonstration's answer."""

    def run(name="ct_1.dcm"):
        case = analysed(name)
        buttons = window.results.page.findChildren(QPushButton)
        [ask] = [b for b in buttons if "demonstration classifier" in b.text()]
        with qtbot.waitSignal(window.workbench.session.finding_ready):
            ask.click()
        return case

    return run


@pytest.fixture
def hands(window, analysed):
    """Mouse and keyboard on a window that shows an analysed film from C2 to C7."""
    analysed("film_1.png")
    window.activateWindow()
    window.viewer.setFocus()
    return Hands(window)


@pytest.fixture
def real_files(fake):
    """Let the fake services look at files and read them as the program does."""
    fake.analyser.reads = True
    real, build = program_services(), fake.build
    fake.build = lambda: replace(
        build(), scan=real.scan, read_slices=real.read_slices, read_patient=real.read_patient
    )


@pytest.fixture
def browsing(real_files, open_window):
    """A window that reads real files and analyses as the fakes do."""
    return open_window()


@pytest.fixture
def study(tmp_path):
    """A folder with sagittal T1 and T2 and an axial series."""
    folder = tmp_path / "mr study"
    write_series(folder / "t1", 5, SeriesNumber=1, SeriesDescription="T1 sag")
    write_series(folder / "t2", 5, SeriesNumber=2, SeriesDescription="T2 sag")
    write_series(folder / "ax", 4, "axial", SeriesNumber=3, SeriesDescription="T2 tra")
    return folder


@pytest.fixture
def leafed(qtbot, browsing, study):
    """A window with a series of five slices whose middle one was analysed."""
    open_and_rest(qtbot, browsing, study)
    browsing.activateWindow()
    browsing.viewer.setFocus()
    return browsing
