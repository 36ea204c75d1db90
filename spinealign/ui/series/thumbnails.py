"""Thumbnails of series and names of studies, read one by one while nothing is more urgent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtGui import QImage

from spinealign.domain.image import ImagePart
from spinealign.domain.study import PatientFacts, SeriesStack
from spinealign.ui.cases.jobs import read_patient
from spinealign.ui.series.reading_jobs import make_thumbnail
from spinealign.ui.work.services import Services
from spinealign.ui.work.tasks import Task, TaskRunner

SIDE_PX = 128
"""Twice what is shown, for screens with double resolution."""


class Thumbnails(QObject):
    """Reads what is in sight, one at a time, so that a slice to be shown waits for one at most."""

    drawn = pyqtSignal(object, object)
    facts_read = pyqtSignal(str, object)

    def __init__(self, services: Services, runner: TaskRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._services = services
        self._runner = runner
        self._studies: list[tuple[str, ImagePart]] = []
        self._wanted: list[SeriesStack] = []
        self._asked: set[int] = set()
        self._task: Task | None = None

    def begin(self) -> None:
        """Forget everything that was wanted: another study is listed."""
        if self._task is not None:
            self._task.cancel()
        self._task, self._studies, self._wanted = None, [], []
        self._asked.clear()

    def want_facts(self, uid: str, part: ImagePart) -> None:
        """Read whose a study is, before thumbnails are made."""
        self._studies.append((uid, part))

    def want(self, stacks: Sequence[SeriesStack]) -> None:
        """Make the thumbnails of these series next, and no others."""
        self._wanted = [stack for stack in stacks if stack.number not in self._asked]
        self._go_on()

    def _go_on(self) -> None:
        if self._task is not None:
            return
        if self._studies:
            uid, part = self._studies.pop(0)
            self._submit(partial(read_patient, self._services, part), partial(self._tell, uid))
        elif self._wanted:
            stack = self._wanted.pop(0)
            self._asked.add(stack.number)
            make = partial(make_thumbnail, self._services, stack.first, SIDE_PX)
            self._submit(make, partial(self._show, stack))

    def _submit(self, work: partial, take: partial) -> None:
        self._task = self._runner.submit(work)
        self._task.finished.connect(take)
        self._task.failed.connect(self._fail)

    def _tell(self, uid: str, facts: PatientFacts) -> None:
        self._task = None
        self.facts_read.emit(uid, facts)
        self._go_on()

    def _show(self, stack: SeriesStack, picture: QImage | None) -> None:
        self._task = None
        self.drawn.emit(stack, picture)
        self._go_on()

    def _fail(self) -> None:
        self._task = None
        self._go_on()
