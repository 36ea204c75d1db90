"""The open cases of this session, and the queue that analyses them one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from numpy.typing import NDArray
from PyQt6.QtCore import QObject, pyqtSignal

from spinealign import wording
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.examination import Examination
from spinealign.domain.image import ImagePart
from spinealign.domain.reading import ReadingStatus
from spinealign.domain.study import ImageSource, SeriesStack, SlicePosition
from spinealign.ui.cases.jobs import Finding, Progress, analyse_case
from spinealign.ui.picture.display_images import DisplayImage
from spinealign.ui.settings.recent import Recent
from spinealign.ui.settings.settings import BYTES_IN_MB, Settings
from spinealign.ui.work.messages import Messages
from spinealign.ui.work.services import Companion, Services
from spinealign.ui.work.tasks import Task, TaskRunner
from spinealign.wording import Message
from spinealign.wording.corrections import edit_state_text
from spinealign.wording.reading_window import SHOWN_AS_SIGNED_MESSAGE
from spinealign.wording.series import case_name, position_text

DEFAULT_LIMIT_BYTES = Settings.case_memory_mb * BYTES_IN_MB


class CaseStatus(StrEnum):
    """Where a case stands in the queue."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Opening:
    """A series to open as a case.

    Parameters
    ----------
    stack : SeriesStack
        The pictures one leafs through; often only one.
    recent : Recent
        How the user came to it, and comes to it again.
    title : str
        Instead of the series' own name; may be empty.
    """

    stack: SeriesStack
    recent: Recent
    title: str = ""


class Case:
    """One opened series and what is known about it.

    `wanted_examination` is the user's choice for the analysis that runs or comes next,
    `shown_examination` the one that `finding` was made with; None means automatic. So are
    `wanted_place` and `shown_place`, the picture of the series, and `companion` and
    `shown_companion`, the same patient's other contrast, where None means without.
    `wants_demonstration` is whether a demonstration classifier was asked to answer, and
    `reading_status` how far a person has read the result.
    """

    def __init__(self, opening: Opening) -> None:
        self.stack = opening.stack
        self.recent = opening.recent
        self._name = opening.title or case_name(opening.stack)
        self.wanted_place: SlicePosition | None = opening.recent.place
        self.shown_place: SlicePosition | None = None
        self.status = CaseStatus.WAITING
        self.wanted_examination: Examination | None = None
        self.shown_examination: Examination | None = None
        self.wants_demonstration = False
        self.companion: Companion | None = None
        self.shown_companion: Companion | None = None
        self.display: DisplayImage | None = None
        self.finding: Finding | None = None
        self.message: Message | None = None
        self.reading_status = ReadingStatus.AUTOMATIC
        self.progress: Progress | None = None

    @property
    def path(self) -> Path:
        """The file; of a series in many files, what the user chose to come to it."""
        paths = {part.path for entry in self.stack.volumes for part in entry.parts}
        return paths.pop() if len(paths) == 1 else self.recent.path

    @property
    def title(self) -> str:
        """What to call it, with the picture analysed where there are several."""
        return self._titled(self.place)

    @property
    def work_title(self) -> str:
        """What to call what is being analysed: that may be another picture than the one shown."""
        return self._titled(self.wanted_place or self.place)

    def title_of(self, place: SlicePosition) -> str:
        """Return what to call one picture of the case."""
        return self._titled(place)

    def _titled(self, place: SlicePosition | None) -> str:
        if place is None or self.stack.is_single:
            return self._name
        return f"{self._name}, {position_text(self.stack, place).lower()}"

    @property
    def place(self) -> SlicePosition | None:
        """Which picture `display` is; None before there is one."""
        return None if self.display is None else self.stack.place_of(self.display.image.place)

    @property
    def source(self) -> ImageSource:
        """What the next analysis reads."""
        entry = self.stack.first
        if self.stack.is_single:
            [part] = entry.parts
            return entry if part.member else part.path
        return entry if self.wanted_place is None else self.stack.picture_at(self.wanted_place)

    def holds(self, part: ImagePart) -> bool:
        """Whether a picture is one of this case."""
        if self.stack.is_single:
            return part.path == self.path and part.member == self.stack.first.parts[0].member
        return self.stack.place_of(part) is not None

    @property
    def edit_words(self) -> str:
        """Whether a person corrected the result, in words; empty if not."""
        return "" if self.finding is None else edit_state_text(self.finding.analysis)


class CaseSession(QObject):
    """Opens, queues, analyses and forgets cases; knows no widget.

    An analysis that is overtaken by another of the same case is cancelled, and its
    result is dropped. A failure leaves the earlier result of the case in place. Results beyond
    the limit of memory are let go, the longest unseen first, and made again when wanted.
    """

    added = pyqtSignal(object)
    removed = pyqtSignal(object)
    changed = pyqtSignal(object)
    display_ready = pyqtSignal(object)
    finding_ready = pyqtSignal(object)
    progressed = pyqtSignal(object, object)
    queue_changed = pyqtSignal()

    def __init__(
        self,
        services: Services,
        runner: TaskRunner,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._services = services
        self._runner = runner
        self._messages = messages
        self._waiting: deque[Case] = deque()
        self._running: tuple[Case, Task] | None = None
        self.cases: list[Case] = []
        self._last_seen: list[Case] = []
        self._limit_bytes = DEFAULT_LIMIT_BYTES

    @property
    def is_busy(self) -> bool:
        """Whether a case is being analysed or waits for it."""
        return self._running is not None or bool(self._waiting)

    @property
    def held_bytes(self) -> int:
        """Memory that the results of open cases take."""
        return sum(_bytes_of(case) for case in self.cases)

    def limit_memory(self, limit_bytes: int) -> None:
        """Let results take so much from now on."""
        self._limit_bytes = limit_bytes
        self._let_go(None)

    @property
    def waiting_count(self) -> int:
        """How many cases wait."""
        return len(self._waiting)

    def open(self, openings: Sequence[Opening]) -> list[Case]:
        """Add series to the front of the queue; those that are open already are reused.

        Returns
        -------
        list of Case
            One for each opening, in order.
        """
        opened = [self._open_one(opening) for opening in openings]
        fresh = [case for case in opened if case.status is CaseStatus.WAITING]
        for case in reversed(fresh):
            self._to_front(case)
        self._start_next()
        return opened

    def analyse_picture(self, case: Case, place: SlicePosition) -> None:
        """Analyse a picture of a case, which then is the one that its result is of."""
        case.wanted_place = place
        self.analyse(case, case.wanted_examination)

    def analyse(
        self, case: Case, examination: Examination | None, demonstration: bool = False
    ) -> None:
        """Analyse a case again, before all that wait; `examination` None means automatic."""
        case.wanted_examination, case.wants_demonstration = examination, demonstration
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
            self.analyse(case, case.wanted_examination, case.wants_demonstration)

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

    def case_of(self, stack: SeriesStack) -> Case | None:
        """Return the case that a series is open as, or None."""
        return next((case for case in self.cases if case.stack.volumes == stack.volumes), None)

    def _open_one(self, opening: Opening) -> Case:
        case = self.case_of(opening.stack)
        if case is not None:
            if case.status in (CaseStatus.FAILED, CaseStatus.STOPPED):
                case.status = CaseStatus.WAITING
                self.changed.emit(case)
            return case
        case = Case(opening)
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
            chosen = (case.wanted_examination, case.companion, case.wants_demonstration)
            wanted = (case.source, *chosen)
            task = self._runner.submit(
                lambda: analyse_case(self._services, *wanted), partial(self._on_failure, case)
            )
            self._running = (case, task)
            task.progressed.connect(partial(self._on_progress, case))
            task.finished.connect(partial(self._on_finding, case))
            self.changed.emit(case)
        self.queue_changed.emit()

    def _on_progress(self, case: Case, progress: Progress) -> None:
        case.progress = progress
        # A result stays with its picture until another one takes the place of both.
        is_first = progress.display is not None and case.finding is None
        if is_first and not _same_picture(case.display, progress.display):
            case.display = progress.display
            self.display_ready.emit(case)
        self.progressed.emit(case, progress)

    def _on_finding(self, case: Case, finding: Finding) -> None:
        is_other = not _same_picture(case.display, finding.display)
        if is_other:
            case.display = finding.display
        case.finding, case.shown_examination = finding, case.wanted_examination
        case.shown_companion, case.shown_place = case.companion, case.wanted_place
        case.status, case.progress, self._running = CaseStatus.DONE, None, None
        self._let_go(case)
        if is_other:
            self.display_ready.emit(case)
        if finding.notice is not None:
            self._messages.fail(finding.notice, case)
        if finding.is_as_signed:
            self._messages.notice(SHOWN_AS_SIGNED_MESSAGE)
        self.finding_ready.emit(case)
        self.changed.emit(case)
        self._start_next()

    def _on_failure(self, case: Case, error: Exception) -> None:
        self._running = None
        case.message = _worded(error, case)
        self._back_to_rest(case, CaseStatus.FAILED)
        self._messages.fail(case.message, case)
        self.changed.emit(case)
        if not isinstance(error, (SpineAlignError, MemoryError)):
            self._messages.crash(error)
        self._start_next()

    def _back_to_rest(self, case: Case, without_result: CaseStatus) -> None:
        case.progress = None
        case.status = without_result if case.finding is None else CaseStatus.DONE
        if case.finding is not None:
            case.wanted_examination, case.companion = case.shown_examination, case.shown_companion
            case.wanted_place = case.shown_place
            case.wants_demonstration = case.finding.analysis.demonstration is not None

    def _let_go(self, newest: Case | None) -> None:
        """Keep within the limit, sparing what is new and what is looked at."""
        spared = {id(newest), *(id(case) for case in self._last_seen[-1:])}
        seen = {id(case): place for place, case in enumerate(self._last_seen)}
        kept = [case for case in self.cases if case.finding is not None]
        kept.sort(key=lambda case: seen.get(id(case), -1))
        total = self.held_bytes
        for case in kept:
            if total <= self._limit_bytes:
                return
            if id(case) not in spared and case.status is CaseStatus.DONE:
                total -= _bytes_of(case)
                case.finding = case.display = None
                self.changed.emit(case)


def _same_picture(old: DisplayImage | None, new: DisplayImage | None) -> bool:
    """Whether zoom and window may stay as they are: the file was read again, unchanged."""
    if old is None or new is None:
        return False
    before, now = old.image, new.image
    return (before.sha256, before.shape, before.notes, before.place) == (
        now.sha256, now.shape, now.notes, now.place,
    )  # fmt: skip


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
