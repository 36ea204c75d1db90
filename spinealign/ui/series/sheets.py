"""Opens what was drawn on pictures without a result, so that every slice can be measured."""

from __future__ import annotations

from functools import partial

from PyQt6.QtCore import QObject, pyqtSignal

from spinealign.ui.cases.jobs import Finding, open_sheet
from spinealign.ui.picture.display_images import DisplayImage
from spinealign.ui.work.services import Services
from spinealign.ui.work.tasks import Task, TaskRunner


class SheetOpener(QObject):
    """Reads one sheet at a time; only the latest wish counts.

    The runner must be the one that writes corrections: what is written is then read again.
    """

    opened = pyqtSignal(object)

    def __init__(self, services: Services, runner: TaskRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._services, self._runner = services, runner
        self._task: Task | None = None

    def open(self, display: DisplayImage) -> None:
        """Read what was drawn on a picture; `opened` brings it."""
        self.drop()
        self._task = self._runner.submit(partial(open_sheet, self._services, display))
        self._task.finished.connect(self._take)

    def drop(self) -> None:
        """Forget the wish."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _take(self, sheet: Finding) -> None:
        self._task = None
        self.opened.emit(sheet)
