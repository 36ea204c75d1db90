"""The open cases of this session, and the queue that analyses them one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from functools import partial

from numpy.typing import NDArray
from PyQt6.QtCore import QObject, pyqtSignal

from spinealign import wording
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.examination import Examination
from spinealign.domain.study import SeriesStack, SlicePosition
from spinealign.ui.cases.case import Case, CaseStatus, Opening
from spinealign.ui.cases.jobs import Finding, Outlines, Progress, Turned, analyse_case
from spinealign.ui.picture.display_images import DisplayImage
from spinealign.ui.settings.settings import BYTES_IN_MB, Settings
from spinealign.ui.work.messages import Messages
from spinealign.ui.work.services import Services
from spinealign.ui.work.tasks import Task, TaskRunner
from spinealign.wording import Message
from spinealign.wording.reading_window import SHOWN_AS_SIGNED_MESSAGE

DEFAULT_LIMIT_BYTES = Settings.case_memory_mb * BYTES_IN_MB


class CaseSession(QObject):
    """Opens, queues, analyses and forgets cases; knows no widget.

    An analysis that is overtaken by another of the same case is cancelled, and its
    result is dropped. A failure leaves the earlier result of the case in place. Results beyond
    the limit of memory are let go, the longest unseen first, and made again when wanted. `added`
    and `removed` bring lists of cases, the others one case.
    """

    added = pyqtSignal(object)
    removed = pyqtSignal(object)
    changed = pyqtSignal(object)
    display_ready = pyqtSignal(object)
    finding_ready = pyqtSignal(object)
    progressed = pyqtSignal(object, object)
    queue_changed = pyqtSignal()
    letting_go = pyqtSignal()
    """What was found on some cases is forgotten, and its memory is free soon."""

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
        self._open: dict[Hashable, Case] = {}
        self._last_seen: list[Case] = []
        self._limit_bytes = DEFAULT_LIMIT_BYTES
        self.analyses_at_once = True

    @property
    def is_busy(self) -> bool:
        """Whether a case is being analysed or waits for it."""
        return self._running is not None or bool(self._waiting)

    @property
    def is_running(self) -> bool:
        """Whether a case is being analysed."""
        return self._running is not None

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

        Without `analyses_at_once` they rest until somebody asks for an analysis.

        Returns
        -------
        list of Case
            One for each opening, in order.
        """
        before = len(self.cases)
        opened = [self._open_one(opening) for opening in openings]
        if self.cases[before:]:
            self.added.emit(self.cases[before:])
        fresh = [case for case in dict.fromkeys(opened) if case.status is CaseStatus.WAITING]
        self._withdraw(fresh)
        self._waiting.extendleft(reversed(fresh))
        self._start_next()
        return opened

    def analyse_picture(self, case: Case, place: SlicePosition) -> None:
        """Analyse a picture of a case, which then is the one that its result is of."""
        case.wanted_place = place
        self.analyse(case, case.wanted_examination)

    def analyse_all(self, cases: Sequence[Case]) -> None:
        """Analyse several cases again, in this order, before all others that wait."""
        self._withdraw(cases)
        for case in cases:
            case.status, case.takes_kept = CaseStatus.WAITING, False
            self.changed.emit(case)
        self._waiting.extendleft(reversed(cases))
        self._start_next()

    def analyse_turned(self, case: Case, turned: Turned) -> None:
        """Analyse the picture of a case again, as it stands now."""
        self._analyse(case, case.wanted_examination, case.wants_demonstration, turned)

    def analyse_outlined(self, case: Case, outlines: Outlines) -> None:
        """Analyse the picture of a result again, with the outlines of a segmentation."""
        case.wanted_place = case.shown_place or case.wanted_place
        self._analyse(case, case.wanted_examination, case.wants_demonstration, None, outlines)

    def analyse(
        self, case: Case, examination: Examination | None, demonstration: bool = False
    ) -> None:
        """Analyse a case again, before all that wait; `examination` None means automatic."""
        self._analyse(case, examination, demonstration, None)

    def _analyse(
        self,
        case: Case,
        examination: Examination | None,
        demonstration: bool,
        turned: Turned | None,
        outlines: Outlines | None = None,
        *,
        takes_kept: bool = False,
    ) -> None:
        case.wanted_examination, case.wants_demonstration = examination, demonstration
        case.takes_kept = case.takes_kept and takes_kept
        case.turned, case.outlines = turned, outlines
        self._withdraw([case])
        case.status = CaseStatus.WAITING
        self._to_front(case)
        self.changed.emit(case)
        self._start_next()

    def see(self, case: Case) -> None:
        """Note that the user looks at a case: it is analysed next, if it waits.

        A result that was let go is made again.
        """
        if case in self._last_seen:
            self._last_seen.remove(case)
        self._last_seen.append(case)
        if case.status is CaseStatus.WAITING and case in self._waiting:
            self._to_front(case)
        if case.status is CaseStatus.DONE and case.finding is None:
            self._come_to(case)

    def want(self, case: Case) -> None:
        """Note that a result of a case is wanted: it is made although nobody asked before."""
        if case.finding is None and case.status in (CaseStatus.OPENED, CaseStatus.STOPPED):
            self._come_to(case)
        else:
            self.see(case)

    def _come_to(self, case: Case) -> None:
        """Come to the result of a case, by the archive where it keeps one."""
        wanted = (case.wanted_examination, case.wants_demonstration, None)
        self._analyse(case, *wanted, takes_kept=True)

    @property
    def unfinished(self) -> list[Case]:
        """What is analysed now, then what waits, in the order in which it comes."""
        return [*([self._running[0]] if self._running else []), *self._waiting]

    def cancel(self, cases: Sequence[Case] | None = None) -> None:
        """Stop cases that are analysed or wait, or all of them; results stay."""
        wanted = None if cases is None else set(cases)
        stopped = [case for case in self.unfinished if wanted is None or case in wanted]
        self._withdraw(stopped)
        for case in stopped:
            self._back_to_rest(case, CaseStatus.STOPPED)
            self.changed.emit(case)
        self._start_next()

    def look_first(self, case: Case, display: DisplayImage | None) -> None:
        """Show the picture of a case that has none yet; its analysis brings it again.

        None says that it cannot be read.
        """
        has_any = case.display is not None or case.finding is not None
        if has_any or self._open.get(_key(case.stack)) is not case:
            return
        if display is None:
            case.is_unseen = True
            self.changed.emit(case)
        else:
            case.display, case.is_first_look = display, True
            self.display_ready.emit(case)

    def close(self, cases: Sequence[Case]) -> None:
        """Forget cases and all that was found on them."""
        self._withdraw(cases)
        gone = set(cases)
        self.cases = [case for case in self.cases if case not in gone]
        self._last_seen = [case for case in self._last_seen if case not in gone]
        for case in cases:
            del self._open[_key(case.stack)]
        self.removed.emit(list(cases))
        self.letting_go.emit()
        self._start_next()

    def case_of(self, stack: SeriesStack) -> Case | None:
        """Return the case that a series is open as, or None."""
        return self._open.get(_key(stack))

    def _open_one(self, opening: Opening) -> Case:
        case = self.case_of(opening.stack)
        if case is not None:
            if case.status in (CaseStatus.FAILED, CaseStatus.STOPPED):
                case.status = CaseStatus.WAITING
                self.changed.emit(case)
            return case
        case = Case(opening)
        if not self.analyses_at_once:
            case.status = CaseStatus.OPENED
        self.cases.append(case)
        self._open[_key(case.stack)] = case
        return case

    def _to_front(self, case: Case) -> None:
        if case in self._waiting:
            self._waiting.remove(case)
        self._waiting.appendleft(case)

    def _withdraw(self, cases: Sequence[Case]) -> None:
        """Let cases wait no longer, and stop the one that runs if it is among them."""
        gone = set(cases)
        if gone.intersection(self._waiting):
            self._waiting = deque(case for case in self._waiting if case not in gone)
        if self._running is not None and self._running[0] in gone:
            self._running[1].cancel()
            self._running = None

    def _start_next(self) -> None:
        if self._running is None and self._waiting:
            case = self._waiting.popleft()
            case.status, case.message, case.progress = CaseStatus.RUNNING, None, None
            chosen = (case.wanted_examination, case.companion, case.wants_demonstration)
            turned = None if case.outlines is not None else case.wanted_turn
            wanted = (case.source, *chosen, turned, case.outlines, case.takes_kept)
            case.turned = case.outlines = None
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
        if is_first and (case.is_first_look or not _same_picture(case.display, progress.display)):
            case.display, case.is_first_look = progress.display, False
            self.display_ready.emit(case)
        self.progressed.emit(case, progress)

    def _on_finding(self, case: Case, finding: Finding) -> None:
        is_other = case.is_first_look or not _same_picture(case.display, finding.display)
        if is_other:
            case.display, case.is_first_look = finding.display, False
        case.finding, case.shown_examination = finding, case.wanted_examination
        case.shown_companion, case.shown_place = case.companion, case.wanted_place
        case.status, case.progress, self._running = CaseStatus.DONE, None, None
        case.note_result()
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
        self._messages.report_worker(error)
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
        if total > self._limit_bytes:
            self.letting_go.emit()
        for case in kept:
            if total <= self._limit_bytes:
                return
            if id(case) not in spared and case.status is CaseStatus.DONE:
                total -= _bytes_of(case)
                case.finding = case.display = None
                self.changed.emit(case)


def _key(stack: SeriesStack) -> Hashable:
    return tuple(entry.parts for entry in stack.volumes)


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
    answers = (analysis.classification, analysis.labelled, analysis.picture_grade)
    arrays += [one.heatmap for one in answers if one is not None and one.heatmap is not None]
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
