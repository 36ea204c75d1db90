"""Crash dialog with an error report that contains no patient data."""

from __future__ import annotations

import platform
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from PyQt6.QtCore import QT_VERSION_STR, QObject, QSysInfo, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from spinealign import __version__
from spinealign.domain.worker import WorkerError
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.widgets.labels import without_icons, wrapped_label
from spinealign.wording.worker import worker_words


def crash_report(error: BaseException) -> str:
    """Describe a failure without its message: messages may hold file names and patient data.

    Returns
    -------
    str
        Program and system versions, the kind of failure, and the places in the
        program that it came through, by module, line and function.
    """
    lines = [
        f"SpineAlign {__version__}",
        f"Python {platform.python_version()}, Qt {QT_VERSION_STR}",
        QSysInfo.prettyProductName(),
        "",
    ]
    if isinstance(error, WorkerError):  # its words hold nothing of the image
        lines += [worker_words(error)[0], ""]
    seen: BaseException | None = error
    while seen is not None:
        lines.append(f"{type(seen).__module__}.{type(seen).__qualname__}")
        frames = traceback.extract_tb(seen.__traceback__)
        lines += [f"  {_module_of(f.filename)}:{f.lineno} {f.name}" for f in frames]
        there = getattr(seen, "worker_frames", ())
        lines += ["in the worker process:"] if there else []
        lines += [f"  {_module_of(name)}:{line} {function}" for name, line, function in there]
        seen = seen.__cause__
    return "\n".join(lines)


def _module_of(filename: str) -> str:
    """Shorten a source path to what follows the folder of packages."""
    parts = Path(filename).parts
    for root in ("spinealign", "site-packages"):
        if root in parts[:-1]:
            last = len(parts) - 1 - parts[::-1].index(root)
            return "/".join(parts[last:])
    return parts[-1] if parts else "?"


class CrashDialog(QDialog):
    """Apologises, and offers the report for copying."""

    def __init__(self, error: BaseException, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Error report")
        explain(self, "troubleshooting")
        self.report = crash_report(error)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        said = "Something unexpected went wrong."
        if isinstance(error, WorkerError):
            said = " ".join(worker_words(error))
        column.addWidget(wrapped_label(said, "headline"))
        column.addWidget(
            wrapped_label(
                "You can go on working; save your results first. To have this repaired, copy "
                "the report below and send it to the developers. It holds no patient data and "
                "no file names."
            )
        )
        text = QPlainTextEdit(self.report)
        text.setReadOnly(True)
        text.setAccessibleName("Error report")
        column.addWidget(text)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton("Copy report", QDialogButtonBox.ButtonRole.ActionRole)
        assert copy is not None
        copy.clicked.connect(self.copy)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        column.addWidget(buttons)
        em = self.fontMetrics().averageCharWidth()
        self.resize(80 * em, 60 * em)

    def copy(self) -> None:
        """Put the report on the clipboard."""
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.report)


class CrashHook(QObject):
    """Brings failures that nobody caught, of any thread, to the window's thread."""

    caught = pyqtSignal(object)

    def __init__(self, show: Callable[[BaseException], None], parent: QObject) -> None:
        super().__init__(parent)
        queued = Qt.ConnectionType.QueuedConnection
        self.caught.connect(show, queued)  # type: ignore[call-arg]
        self._earlier = sys.excepthook, threading.excepthook

    def install(self) -> None:
        """Take over from Python's own hooks."""
        sys.excepthook = self._take
        threading.excepthook = lambda info: self._take(
            info.exc_type, info.exc_value, info.exc_traceback
        )

    def uninstall(self) -> None:
        """Give Python its own hooks back."""
        sys.excepthook, threading.excepthook = self._earlier

    def _take(
        self,
        kind: type[BaseException],
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        self.caught.emit(error if error is not None else kind())
