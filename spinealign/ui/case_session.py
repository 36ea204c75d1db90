"""The open cases of this session, and the queue that analyses them one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path

from numpy.typing import NDArray
from PyQt6.QtCore import QObject, pyqtSignal

from spinealign import wording
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.image import View
from spinealign.ui.display import DisplayImage
from spinealign.ui.services import Services
from spinealign.ui.tasks import Task, TaskRunner
from spinealign.ui.work import Finding, Progress, analyse_case
from spinealign.wording import Message
from spinealign.wording.corrections import edit_state_text

MEMORY_LIMIT_BYTES = 1_500_000_000
"""Results beyond this are let go, the longest unseen first, and made again when wanted."""


class CaseStatus(StrEnum):
    """Where a case stands in the queue."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class Case:
    """One opened file and what is known about it.

    `wanted_view` is the user's choice for the analysis that runs or comes next,
    `shown_view` the one that `finding` was made with; None means automatic.
    """

    def __init__(self, path: Path, title: str) -> None:
        self.path = path
        self.title = title
        self.status = CaseStatus.WAITING
        self.wanted_view: View | None = None
        self.shown_view: View | None = None
        self.display: DisplayImage | None = None
        self.finding: Finding | None = None
        self.message: Message | None = None
        self.progress: Progress | None = None

    @property
    def edit_words(self) -> str:
        """Whether a person corrected the result, in words; empty if not."""
        return "" if self.finding is None else edit_state_text(self.finding.analysis)


class CaseSession(QObject):
    """Opens, queues, analyses and forgets cases; knows no widget.

    An analysis that is overtaken by another of the same case is cancelled, and its
    result is dropped. A failure leaves the earlier result of the case in place.
    """

    added = pyqtSignal(object)
    removed = pyqtSignal(object)
    changed = pyqtSignal(object)
    display_ready = pyqtSignal(object)
    finding_ready = pyqtSignal(object)
    progressed = pyqtSignal(object, object)
    failed = pyqtSignal(object, object)
    crashed = pyqtSignal(object)
    queue_changed = pyqtSignal()

    def __init__(
        self, services: Services, runner: TaskRunner, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._services = services
        self._runner = runner
        self._waiting: deque[Case] = deque()
        self._running: tuple[Case, Task] | None = None
        self.cases: list[Case] = []
        self._last_seen: list[Case] = []

    @property
    def is_busy(self) -> bool:
        """Whether a case is being analysed or waits for it."""
        return self._running is not None or bool(self._waiting)

    @property
    def waiting_count(self) -> int:
        """How many cases wait."""
        return len(self._waiting)

    def open(self, paths: Sequence[Path], titles: Sequence[str] = ()) -> list[Case]:
        """Add files to the front of the queue; files that are open already are reused.

        Returns
        -------
        list of Case
            One for each path, in order.
        """
        names = titles or [wording.display_name(path) for path in paths]
        opened = [self._open_one(path, name) for path, name in zip(paths, names, strict=True)]
        fresh = [case for case in opened if case.status is CaseStatus.WAITING]
        for case in reversed(fresh):
            self._to_front(case)
        self._start_next()
        return opened

    def analyse(self, case: Case, view: View | None) -> None:
        """Analyse a case again, before all that wait; `view` None means automatic."""
        case.wanted_view = view
        self._withdraw(case)
        case.status = CaseStatus.WAITING
        self._to_front(case)
        self.changed.emit(case)
        self._start_next()

    def see(self, case: Case) -> None:
        """Note that the user looks at a case, and make its result again if it was let go."""
        if case in self._last_seen:
            self._last_seen.remove(case)
        self._last_seen.append(case)
        if case.status is CaseStatus.DONE and case.finding is None:
            self.analyse(case, case.wanted_view)

    def cancel(self) -> None:
        """Stop the running analysis and forget the waiting ones; results stay."""
        stopped = [*([self._running[0]] if self._running else []), *self._waiting]
        for case in stopped:
            self._withdraw(case)
            self._back_to_rest(case, CaseStatus.STOPPED)
            self.changed.emit(case)
        self.queue_changed.emit()

    def close(self, case: Case) -> None:
        """Forget a case and all that was found on it."""
        self._withdraw(case)
        self.cases.remove(case)
        if case in self._last_seen:
            self._last_seen.remove(case)
        self.removed.emit(case)
        self._start_next()

    def _open_one(self, path: Path, title: str) -> Case:
        for case in self.cases:
            if case.path == path:
                if case.status in (CaseStatus.FAILED, CaseStatus.STOPPED):
                    case.status = CaseStatus.WAITING
                    self.changed.emit(case)
                return case
        case = Case(path, title)
        self.cases.append(case)
        self.added.emit(case)
        return case

    def _to_front(self, case: Case) -> None:
        if case in self._waiting:
            self._waiting.remove(case)
        self._waiting.appendleft(case)

    def _withdraw(self, case: Case) -> None:
        if case in self._waiting:
            self._waiting.remove(case)
        if self._running is not None and self._running[0] is case:
            self._running[1].cancel()
            self._running = None

    def _start_next(self) -> None:
        if self._running is None and self._waiting:
            case = self._waiting.popleft()
            case.status, case.message, case.progress = CaseStatus.RUNNING, None, None
            view = case.wanted_view
            task = self._runner.submit(lambda: analyse_case(self._services, case.path, view))
            self._running = (case, task)
            task.progressed.connect(partial(self._take_progress, case))
            task.finished.connect(partial(self._take_finding, case))
            task.failed.connect(partial(self._take_failure, case))
            self.changed.emit(case)
        self.queue_changed.emit()

    def _take_progress(self, case: Case, progress: Progress) -> None:
        case.progress = progress
        if progress.display is not None and not _same_picture(case.display, progress.display):
            case.display = progress.display
            self.display_ready.emit(case)
        self.progressed.emit(case, progress)

    def _take_finding(self, case: Case, finding: Finding) -> None:
        if not _same_picture(case.display, finding.display):
            case.display = finding.display
            self.display_ready.emit(case)
        case.finding, case.shown_view = finding, case.wanted_view
        case.status, case.progress, self._running = CaseStatus.DONE, None, None
        self._let_go(case)
        self.finding_ready.emit(case)
        self.changed.emit(case)
        self._start_next()

    def _take_failure(self, case: Case, error: Exception) -> None:
        self._running = None
        case.message = _worded(error, case)
        self._back_to_rest(case, CaseStatus.FAILED)
        self.failed.emit(case, case.message)
        self.changed.emit(case)
        if not isinstance(error, (SpineAlignError, MemoryError)):
            self.crashed.emit(error)
        self._start_next()

    def _back_to_rest(self, case: Case, without_result: CaseStatus) -> None:
        case.progress = None
        case.status = without_result if case.finding is None else CaseStatus.DONE
        if case.finding is not None:
            case.wanted_view = case.shown_view

    def _let_go(self, newest: Case) -> None:
        """Keep within `MEMORY_LIMIT_BYTES`, sparing what is new and what is looked at."""
        spared = {id(newest), *(id(case) for case in self._last_seen[-1:])}
        seen = {id(case): place for place, case in enumerate(self._last_seen)}
        kept = [case for case in self.cases if case.finding is not None]
        kept.sort(key=lambda case: seen.get(id(case), -1))
        total = sum(_bytes_of(case) for case in kept)
        for case in kept:
            if total <= MEMORY_LIMIT_BYTES:
                return
            if id(case) not in spared and case.status is CaseStatus.DONE:
                total -= _bytes_of(case)
                case.finding = case.display = None
                self.changed.emit(case)


def _same_picture(old: DisplayImage | None, new: DisplayImage) -> bool:
    """Whether zoom and window may stay as they are: the file was read again, unchanged."""
    if old is None:
        return False
    before, now = old.image, new.image
    return (before.sha256, before.shape, before.notes) == (now.sha256, now.shape, now.notes)


def _bytes_of(case: Case) -> int:
    if case.finding is None:
        return 0
    analysis = case.finding.analysis
    arrays: list[NDArray] = [analysis.image.pixels, *case.finding.display.levels]
    if analysis.segmentation is not None:
        arrays += [analysis.segmentation.mask, analysis.segmentation.confidence]
    if analysis.classification is not None and analysis.classification.heatmap is not None:
        arrays.append(analysis.classification.heatmap)
    return sum(array.nbytes for array in arrays)


def _worded(error: Exception, case: Case) -> Message:
    if isinstance(error, SpineAlignError):
        return wording.explain(error)
    if isinstance(error, MemoryError):
        return Message(
            f"There is not enough memory to analyse “{case.title}”.",
            "Close other cases or programs and analyse it again (F5).",
        )
    return Message(
        f"Something unexpected went wrong while analysing “{case.title}”.",
        "Other images can still be analysed; the error report can be copied.",
    )
