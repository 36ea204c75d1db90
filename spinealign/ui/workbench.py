"""State of one window without widgets: cases, task runners, preferences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from spinealign.domain.findings import Analysis
from spinealign.domain.protection import Right
from spinealign.ui.cases.appendices import Appendices
from spinealign.ui.cases.case import Case, CaseStatus, Opening
from spinealign.ui.cases.case_session import CaseSession
from spinealign.ui.cases.jobs import Turned, read_samples, warm_up
from spinealign.ui.cases.opening import Opener
from spinealign.ui.cases.saving import Saver
from spinealign.ui.cases.thumbnails import Thumbnails
from spinealign.ui.correcting.edit_session import EditSession
from spinealign.ui.correcting.undoing import Undoing
from spinealign.ui.reading.case_readings import CaseReadings
from spinealign.ui.settings.preferences import Preferences
from spinealign.ui.settings.settings import SettingsStore
from spinealign.ui.work.at_work import AtWork
from spinealign.ui.work.memory import MemoryReturn
from spinealign.ui.work.messages import Messages
from spinealign.ui.work.services import Services
from spinealign.ui.work.tasks import TaskRunner
from spinealign.wording import Message
from spinealign.wording.accounts_window import NOT_ALLOWED_WORDS, refusal_message
from spinealign.wording.presentation import TURN_STEPPED_MESSAGE
from spinealign.wording.reading_window import SIGNED_MESSAGE, UNVOUCHED_MESSAGE


class Workbench(QObject):
    """What the parts of a window share.

    `current_changed` brings the case that is shown from now on, or None, `selected` the same once
    all parts show it;
    `current_updated` the same case with another state; `work_changed` says that work
    began to run or wait, or ended; `samples_read` brings the sample cases.

    Parameters
    ----------
    services : Services
        What the lower layers do.
    store : SettingsStore
        Where settings lie.
    """

    current_changed = pyqtSignal(object)
    current_updated = pyqtSignal(object)
    selected = pyqtSignal(object)
    work_changed = pyqtSignal()
    samples_read = pyqtSignal(object)
    became_idle = pyqtSignal()

    def __init__(
        self, services: Services, store: SettingsStore, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.services = services
        self.messages = messages = Messages(self)
        self.preferences = Preferences(store, self)
        self.at_work = AtWork(self)
        self.inference, self.files = TaskRunner(messages, self), TaskRunner(messages, self)
        self.looking, self.reading = TaskRunner(messages, self), TaskRunner(messages, self)
        self.patients, self.looks = TaskRunner(messages, self), TaskRunner(messages, self)
        self.session = CaseSession(services, self.inference, messages, self)
        self.thumbnails = Thumbnails(services, self.looks, self, facts_last=True)
        self.order: Callable[[], Sequence[Case]] = lambda: self.session.cases
        """The cases in the order in which one goes through them."""
        self.opener = Opener(services, self.looking, self.preferences, messages, self)
        self.saver = Saver(services, self.files, self.preferences, messages, self)
        self.appendices = Appendices(self)
        self.editing = EditSession(services, self.files, messages, self)
        self.records = TaskRunner(messages, self)
        self._guests: list[TaskRunner] = []
        self.readings = CaseReadings(self.records, messages, self)
        self.readings.may = self._may_read
        self.readings.refusal = lambda: self.at_work.refusal(
            Right.CHANGE, NOT_ALLOWED_WORDS[Right.CHANGE]
        )
        self.saver.may_pass_on = self._may_pass_on
        self.saver.failed_to_pass_on = self._failed_to_pass_on
        self.saver.reading_of = self.readings.reading_of
        self.saver.appended_to = self.appendices.parts_of
        self.memory = MemoryReturn(self)
        self.undoing = Undoing(self.editing, self.readings, self)
        self.current: Case | None = None
        self._first: Case | None = None
        self._begin_soon = QTimer(self)
        self._begin_soon.setSingleShot(True)
        self._begin_soon.timeout.connect(self._begin)
        self._connect()

    @property
    def current_analysis(self) -> Analysis | None:
        """The result of the case that is shown, as it is corrected now."""
        finding = self.current.finding if self.current is not None else None
        return finding.analysis if finding is not None else None

    @property
    def can_be_stopped(self) -> bool:
        """Whether files are being looked at, or a case is analysed or waits for it."""
        return self.session.is_busy or self.opener.is_scanning

    @property
    def is_working(self) -> bool:
        """Whether a thread is at work that must not be cut short; patient data may be."""
        return any(runner.is_busy for runner in self._long_runners)

    def add_runner(self, runner: TaskRunner) -> None:
        """Count the work of another part among what must not be cut short, and is cancelled."""
        self._guests.append(runner)
        runner.became_idle.connect(self.became_idle)

    def start(self, paths: Sequence[Path]) -> None:
        """Begin to work: open these paths, or load the models while there is time."""
        for notice in self.preferences.notices:
            self.messages.notice(Message(notice, "The settings are back to their defaults."))
        samples = self.files.submit(lambda: read_samples(self.services))
        samples.finished.connect(self.samples_read)
        if paths:
            self.opener.open_paths(paths)
        else:
            self.inference.submit(lambda: warm_up(self.services))

    def open_cases(self, openings: Sequence[Opening]) -> None:
        """Open series as cases and show the first of them.

        Where none is shown yet, the window first draws the list, and then turns to the picture.
        """
        opened = self.session.open([self._as_left(opening) for opening in openings])
        if opened and self.current is not None:
            self.select(opened[0])
        elif opened:
            self._first = opened[0]
            self._begin_soon.start()

    def _begin(self) -> None:
        """Show the first case, or the next one where it was closed; not if one was chosen."""
        first, self._first = self._first, None
        if self.current is None:
            self.select(first if first in self.session.cases else next(iter(self.order()), None))

    def _as_left(self, opening: Opening) -> Opening:
        """Return an opening that begins where the series was left, if that is remembered."""
        wanted = opening.recent
        if opening.stack.is_single or wanted.place is not None or wanted.seen is not None:
            return opening
        left = next((r for r in self.preferences.recent if r.is_same_series(wanted)), None)
        if left is None:
            return opening
        places = (p if opening.stack.has_position(p) else None for p in (left.place, left.seen))
        place, seen = places
        return replace(opening, recent=replace(wanted, place=place, seen=seen))

    def select(self, case: Case | None) -> None:
        """Make a case the one that is shown."""
        if case is self.current:
            return
        self.current = case
        if case is not None:
            self.session.see(case)
        self._look_at(case)
        self.current_changed.emit(case)
        self.editing.begin(case)
        self.readings.begin(case)
        self.selected.emit(case)

    def step(self, forward: int) -> None:
        """Go to the next case (1) or the previous one (-1)."""
        cases = self.order()
        if cases:
            here = cases.index(self.current) if self.current in cases else -forward
            self.select(cases[min(max(here + forward, 0), len(cases) - 1)])

    def close(self, cases: Sequence[Case]) -> None:
        """Close cases; the one after what is shown, or else before it, is shown in its place.

        None is shown where search and filters leave no other in the list: a picture would be of a
        patient whom nobody sees listed.
        """
        self._remember_places(cases)
        if self.current in cases:
            self.select(self._neighbour(set(cases)))
        self.session.close(cases)
        for case in cases:
            self.readings.release(case)
        self.editing.release(cases)

    def _neighbour(self, gone: set[Case]) -> Case | None:
        listed = list(self.order())
        order = listed if self.current in listed else self.session.cases
        here = order.index(self.current) if self.current is not None else 0
        nearest = (*order[here + 1 :], *order[:here][::-1])
        return next((case for case in nearest if case in listed and case not in gone), None)

    def close_current(self) -> None:
        """Close the case that is shown."""
        if self.current is not None:
            self.close([self.current])

    def close_all(self) -> None:
        """Close all cases."""
        self.select(None)
        self.close(list(self.session.cases))

    def remember_session(self) -> None:
        """Keep what is open for the next start; it is offered there, not opened."""
        self._remember_places(self.session.cases)
        self.preferences.remember_session(self.opener.to_remember(self.session.cases))

    def _remember_places(self, cases: Sequence[Case]) -> None:
        """Keep with the recent files which picture of a series was looked at last."""
        for case in cases:
            if case.finding is not None and not case.stack.is_single:
                self.preferences.revise(case.remembered)

    def stop(self) -> None:
        """Cancel looking at files, and the analyses that run and wait."""
        self.opener.cancel()
        self.session.cancel()

    def _look_at(self, case: Case | None) -> None:
        """Read the picture of a case that its analysis does not bring soon."""
        is_next = case is not None and case.status is CaseStatus.RUNNING
        comes = is_next and not self.inference.has_queue
        if case is None or case.display is not None or comes:
            self.thumbnails.look_away()
        else:
            self.thumbnails.look_at(case, *case.first_look())

    def shut_down_runners(self) -> None:
        """Cancel everything but writing."""
        self.session.cancel()
        for runner in (self.inference, self.looking, self.reading, *self._guests):
            runner.cancel_all()

    def shut_down(self) -> None:
        """Write the preferences, wait for all threads to leave, delete pasted pictures."""
        self.preferences.save()
        for runner in (*self._long_runners, self.patients, self.looks):
            runner.shutdown()
        self.memory.stop()
        self.opener.clean_up()
        self.preferences.let_go()

    @property
    def _long_runners(self) -> tuple[TaskRunner, ...]:
        own = (self.inference, self.files, self.looking, self.reading, self.records)
        return (*own, *self._guests)

    def _connect(self) -> None:
        self.opener.opened.connect(self.open_cases)
        self.thumbnails.looked_at.connect(self.session.look_first)
        self.session.finding_ready.connect(self._on_finding)
        self.session.changed.connect(self._case_changed)
        self.session.letting_go.connect(self.memory.soon)
        self.editing.corrected.connect(self.readings.follow)
        self.editing.locked = self._locked
        self.editing.analysis_wanted.connect(self._analyse_stepped)
        for signal in (self.session.added, self.session.removed):
            signal.connect(self._note_open)
        for signal in (self.session.queue_changed, self.opener.search_ended, self.saver.ended):
            signal.connect(self.work_changed)
        for runner in self._long_runners:
            runner.became_idle.connect(self.became_idle)

    def _note_open(self) -> None:
        self.preferences.note_open(self.opener.to_remember(self.session.cases))

    def _may(self, right: Right) -> bool:
        """Whether something may be done; where not, say why."""
        is_allowed = self.at_work.may(right)
        if not is_allowed:
            self.messages.notice(refusal_message(right))
        return is_allowed

    def _may_read(self, right: Right) -> bool:
        if not self._may(right):
            return False
        if right is Right.SIGN and self.current is not None:
            return self.at_work.record("sign", [self.current.path], "")
        return self.at_work.change_reading()

    def _may_pass_on(self, analyses: Sequence[Analysis]) -> bool:
        paths = [analysis.image.source_path for analysis in analyses]
        return self._may(Right.EXPORT) and self.at_work.record("export", paths, "")

    def _failed_to_pass_on(self, analyses: Sequence[Analysis], error: BaseException | None) -> None:
        paths = [analysis.image.source_path for analysis in analyses]
        self.at_work.record_failure("export", paths, error)

    def _locked(self) -> Message | None:
        if not self.at_work.may(Right.CHANGE):
            return refusal_message(Right.CHANGE)
        if self.readings.is_unvouched:
            return UNVOUCHED_MESSAGE
        is_signed = self.readings.is_signed or self.readings.finds_signature()
        return SIGNED_MESSAGE if is_signed else None

    def _on_finding(self, case: Case) -> None:
        self.opener.note_success(case.remembered)
        if not case.stack.is_single:
            self._note_open()
        self.editing.adopt(case)
        self.readings.adopt(case)

    def _analyse_stepped(self, case: Case, turned: Turned) -> None:
        """Analyse a picture again whose turn was undone or done again, and say so."""
        self.messages.notice(TURN_STEPPED_MESSAGE)
        self.session.analyse_turned(case, turned)

    def _case_changed(self, case: Case) -> None:
        if case.finding is None and case is not self.current:
            # A reading holds its result, which was let go to save memory.
            self.readings.release(case)
        if case is self.current:
            if case.status is CaseStatus.STOPPED:
                self._look_at(case)
            self.current_updated.emit(case)
