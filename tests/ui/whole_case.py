"""One whole case as a person does it at a window, with the actions counted."""

from __future__ import annotations

import time
from contextlib import contextmanager
from unittest.mock import patch

from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from tests.ui.hands import Hands

CTRL = Qt.KeyboardModifier.ControlModifier


class WholeCase:
    """Opens an image, waits for the analysis, corrects one corner, saves the report.

    `actions` names what the person had to do, `seconds` how long each part took.
    """

    def __init__(self, window) -> None:
        self.window = window
        self.actions: list[str] = []
        self.seconds: dict[str, float] = {}

    def run(self, image, report, corner, by) -> None:
        self.open(image)
        self.correct(corner, by)
        self.save_report(report)

    def open(self, image) -> None:
        found, started = [], time.perf_counter()
        self.window.workbench.session.finding_ready.connect(found.append)
        with self._dialog("cases.opening.QFileDialog.getOpenFileNames", ([str(image)], "")):
            self._do("Ctrl+O")
            QTest.keyClick(self.window, Qt.Key.Key_O, CTRL)
        self._wait("analysed", started, lambda: bool(found))

    def correct(self, corner, by) -> None:
        started, hands = time.perf_counter(), Hands(self.window)
        x, y = hands.place_of(*corner)
        self._do("drag a corner")
        hands.drag((x, y), (x + by[0] / 2, y + by[1] / 2), (x + by[0], y + by[1]))
        self._wait("corrected", started, lambda: self.window.workbench.editing.is_edited)

    def save_report(self, report) -> None:
        saved, started = [], time.perf_counter()
        self.window.workbench.saver.saved.connect(saved.append)
        with self._dialog("cases.saving.QFileDialog.getSaveFileName", (str(report), "")):
            self._do("Ctrl+E")
            QTest.keyClick(self.window, Qt.Key.Key_E, CTRL)
        self._wait("report saved", started, lambda: bool(saved))

    def _do(self, action: str) -> None:
        self.actions.append(action)

    @contextmanager
    def _dialog(self, name: str, answer):
        """Answer a file dialog as soon as it opens; that counts as one action."""

        def choose(*_):
            self._do("choose a file")
            return answer

        with patch(f"spinealign.ui.{name}", choose):
            yield

    def _wait(self, part: str, started: float, is_done) -> None:
        deadline = time.monotonic() + 120
        while not is_done():
            if time.monotonic() > deadline:
                raise TimeoutError(part)
            QApplication.processEvents()
        self.seconds[part] = time.perf_counter() - started
