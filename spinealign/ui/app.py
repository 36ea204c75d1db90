"""Builds the application: settings, services, crash hook, main window, event loop."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import QApplication

from spinealign import __version__
from spinealign.domain.paths import profile_dir as own_profile_dir
from spinealign.files import clear_unfinished_below
from spinealign.ui.settings.settings import SettingsStore
from spinealign.ui.widgets.file_dialogs import keep_file_dialogs_on_screen
from spinealign.ui.widgets.icons import application_icon
from spinealign.ui.window.crash import CrashHook
from spinealign.ui.window.main_window import MainWindow
from spinealign.ui.work.messages import Messages
from spinealign.ui.work.remote_services import remote_services
from spinealign.ui.work.services import program_services
from spinealign.wording.worker import REPLACED
from spinealign.worker.client import Worker

GARBAGE_THRESHOLDS = (20_000, 10, 10)
"""New objects before Python looks for cycles, instead of its own 700."""


class WorkerNotices(QObject):
    """Tells, in the window's thread, that the worker process was replaced."""

    _replaced = pyqtSignal()

    def __init__(self, worker: Worker, messages: Messages, parent: QObject) -> None:
        super().__init__(parent)
        self._messages = messages
        queued = Qt.ConnectionType.QueuedConnection
        self._replaced.connect(self._tell, queued)  # type: ignore[call-arg]
        worker.on_replaced = self._replaced.emit

    def _tell(self) -> None:
        self._messages.tell(REPLACED)


_kept: list[object] = []
"""The application and its window, which stay until the process ends; see `__main__.program`."""


def run_window(
    paths: Sequence[Path], profile_dir: Path | None, worker: Worker | None = None
) -> int:
    """Show the window and work until it is closed.

    Parameters
    ----------
    paths : sequence of Path
        Files and folders to open at once.
    profile_dir : Path or None
        Where settings lie; None for the user's own folder.
    worker : Worker, optional
        Reads, analyses and writes; without one threads of this process do. It is closed at the end.

    Returns
    -------
    int
        Exit code of the program.
    """
    app = make_application()
    profile = profile_dir or own_profile_dir()
    clear_unfinished_below(profile)
    store = SettingsStore(profile)
    services = remote_services(worker, profile_dir) if worker else program_services(profile_dir)
    window = MainWindow(services, store)
    _kept[:] = [app, window]
    if worker is not None:
        WorkerNotices(worker, window.workbench.messages, window)
    hook = CrashHook(window.workbench.messages.crash, window)
    hook.install()
    spare_what_stays(window)
    window.show()
    gc.enable()  # the entry of the program switched it off while libraries were loaded
    QTimer.singleShot(0, partial(window.start, paths))
    code = app.exec()
    if worker is not None:
        worker.close()
    hook.uninstall()
    return code


def spare_what_stays(window: MainWindow) -> None:
    """Once the libraries and models are loaded, let Python look for cycles in what comes later.

    Looking through them too stops the window for 60 to 70 ms, in vain (``gc.freeze``).
    """

    def freeze() -> None:
        window.workbench.inference.became_idle.disconnect(freeze)
        gc.freeze()

    window.workbench.inference.became_idle.connect(freeze)


def make_application() -> QApplication:
    """Return the one application object, named and with its icon."""
    running = QApplication.instance()
    app = running if isinstance(running, QApplication) else QApplication(sys.argv[:1])
    # Workers give Python's lock back five times sooner, so that painting does not wait.
    sys.setswitchinterval(0.001)
    # Looking through all objects stops every thread, the window's too, for up to a tenth of a
    # second while libraries are imported, whose objects stay anyway.
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    app.setApplicationName("SpineAlign")
    app.setApplicationDisplayName("SpineAlign")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("spinealign")
    app.setWindowIcon(application_icon())
    keep_file_dialogs_on_screen(app)
    # Python's own handler would wait for the next event; Ctrl+C in a terminal means now.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return app
