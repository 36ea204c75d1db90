"""Readings of the open cases: every step is on the disk before the window shows it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from spinealign.domain.errors import ReadingError, StoredReadingError
from spinealign.domain.findings import Analysis
from spinealign.domain.protection import Right
from spinealign.domain.reading import (
    AddendumDraft,
    Decision,
    Disagreement,
    Finding,
    FindingValue,
    ReadImage,
    Reading,
)
from spinealign.domain.report_details import LeftOutReading
from spinealign.measure.correction.history import next_serial
from spinealign.reading.decisions import ReadFinding, is_overruled_before
from spinealign.reading.findings import FindingPage
from spinealign.reading.session import ReadingSession
from spinealign.reading.store import StoredReading, image_of, taken_in
from spinealign.ui.cases.case import Case
from spinealign.ui.work.messages import Messages
from spinealign.ui.work.tasks import TaskRunner
from spinealign.wording import Message
from spinealign.wording.reading_window import JOINED_MESSAGES, outdated_message

FOLLOW_DELAY_MS = 150
"""After the last corrected point; a drag would otherwise be written at every step."""

Step = Callable[[ReadingSession], object]


@dataclass(frozen=True)
class ReadingSnapshot:
    """A reading as it is on the disk, for the window: it does not change while a step is written.

    Parameters
    ----------
    reading : Reading
    page : FindingPage
        Findings sorted for reading.
    read : mapping of str to ReadFinding
        Every finding with the decision on it, by key.
    pending : tuple of Finding
        What waits for a decision, worst first.
    acceptable : tuple of Finding
        What of it may be accepted unseen, with all the rest.
    offered_impression : str
        What the impression would be by the decisions; empty where it is that.
    versions : tuple of Reading
        Signed versions, the first first.
    faults : tuple of StoredReadingError
        What on the disk is not as it was written.
    is_of_another_view : bool
        It was read with the image taken for another kind than now.
    is_changed_since_signed : bool
        The result that is shown is not the one that was signed.
    disagreement : Disagreement
        Where an impression that the reader typed does not agree with the decisions.
    addendum_draft : AddendumDraft
        An addendum that is not signed yet.
    is_unvouched : bool
        The signed reading is not as it was written: nothing of it can be changed.
    may_be_set_aside : bool
        A new reading may take its place.
    refusal : str
        Why the person at work may not change it; empty where they may.
    """

    reading: Reading
    page: FindingPage
    read: Mapping[str, ReadFinding]
    pending: tuple[Finding, ...]
    acceptable: tuple[Finding, ...]
    offered_impression: str
    versions: tuple[Reading, ...]
    faults: tuple[StoredReadingError, ...]
    is_of_another_view: bool
    is_changed_since_signed: bool
    disagreement: Disagreement
    addendum_draft: AddendumDraft
    is_unvouched: bool
    may_be_set_aside: bool
    refusal: str = ""

    @classmethod
    def of(cls, session: ReadingSession) -> ReadingSnapshot:
        """Return what a session holds now; called where no step of it runs."""
        return cls(
            session.reading,
            session.page,
            {read.finding.key: read for read in session.read},
            session.pending,
            session.acceptable,
            session.offered_impression,
            session.versions,
            session.faults,
            session.is_of_another_view,
            session.is_changed_since_signed,
            session.disagreement,
            session.addendum_draft,
            session.is_unvouched,
            session.may_be_set_aside,
        )

    @property
    def is_signed(self) -> bool:
        """Whether only an addendum may change it."""
        return self.reading.status.is_verified and not self.is_unvouched

    @property
    def is_locked(self) -> bool:
        """Whether nothing of it can be changed: it is signed, or was and is not as it was."""
        return self.is_signed or self.is_unvouched

    @property
    def why_fixed(self) -> str:
        """Why nobody changes it now; empty where it can be changed."""
        return "The reading is signed" if self.is_locked else self.refusal


@dataclass(frozen=True)
class _Done:
    """A step that can be undone: when it was made, what it is called, and how to repeat it."""

    serial: int
    label: str
    step: Step


class _Entry:
    """The reading of one picture in this session of the program."""

    def __init__(self, session: ReadingSession, case: Case) -> None:
        self.session, self.case = session, case
        self.shown = ReadingSnapshot.of(session)
        self.done: list[_Done] = []
        self.undone: list[_Done] = []
        self.steps_running = 0
        self.followed = session.analysis


class CaseReadings(QObject):
    """Takes the steps of a reader one after another in a worker thread.

    `changed` says that the page of the case shown is another; `status_changed` brings a case
    whose reading was begun, taken back, signed or amended; `history_changed` says that other
    steps can be undone; `signed` and `amended` bring the reading that is on the disk now.

    Parameters
    ----------
    runner : TaskRunner
        In whose thread; nothing else should keep it waiting.
    """

    changed = pyqtSignal()
    status_changed = pyqtSignal(object)
    history_changed = pyqtSignal()
    signed = pyqtSignal(object)
    amended = pyqtSignal(object)

    def __init__(
        self, runner: TaskRunner, messages: Messages, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._runner, self._messages = runner, messages
        self._case: Case | None = None
        self._entries: dict[ReadImage, _Entry] = {}
        self._to_follow: Analysis | None = None
        self._refusal: Message | None = None
        self._outdated: Message | None = None
        self._elsewhere = ""
        self.may: Callable[[Right], bool] = lambda _: True
        """Whether somebody may change or sign a reading; where not, it said why."""
        self.refusal: Callable[[], str] = lambda: ""
        """Says why the person at work may not change readings; empty where they may."""
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(FOLLOW_DELAY_MS)
        self._delay.timeout.connect(self.catch_up)

    # What there is

    @property
    def case(self) -> Case | None:
        """The case whose reading is at hand: for a moment still the one before."""
        return self._case

    @property
    def shown(self) -> ReadingSnapshot | None:
        """The reading of the case that is shown; None where nothing can be read."""
        entry, refusal = self._entry, self.refusal() or self._elsewhere
        if entry is None:
            return None
        return replace(entry.shown, refusal=refusal) if refusal else entry.shown

    def shown_of(self, case: Case) -> ReadingSnapshot | None:
        """Return the reading of a case as it is on the disk; None where nothing can be read."""
        entry = None if case.finding is None else self._entries.get(image_of(case.finding.analysis))
        return None if entry is None else entry.shown

    def reading_of(self, analysis: Analysis) -> tuple[Reading | None, LeftOutReading | None]:
        """Return the reading of the picture of an analysis, for reports, or why it is left out.

        None where nobody can read it, or where it is not on the disk as it was written.
        """
        entry = self._entries.get(image_of(analysis))
        if entry is None:
            return None, None
        shown = entry.shown
        stored = StoredReading(
            shown.reading, shown.versions, shown.faults, was_signed=shown.is_unvouched
        )
        return taken_in(analysis, stored)

    @property
    def is_saving(self) -> bool:
        """Whether a step of the case that is shown is not on the disk yet."""
        entry = self._entry
        return entry is not None and entry.steps_running > 0

    @property
    def is_signed(self) -> bool:
        """Whether the reading of the case that is shown is frozen."""
        return self.shown is not None and self.shown.is_locked

    @property
    def is_unvouched(self) -> bool:
        """Whether the signed reading of the case that is shown is not as it was written."""
        return self.shown is not None and self.shown.is_unvouched

    def finds_signature(self) -> bool:
        """Whether another window signed the reading of the case since; it is shown then."""
        entry = self._entry
        if entry is None or not entry.session.is_signed_elsewhere:
            return False
        self._run(entry, self._case, lambda session: session.look_again())
        return True

    @property
    def undo_label(self) -> str:
        """What undoing takes back; empty when there is nothing."""
        return self._done[-1].label if self._done else ""

    @property
    def redo_label(self) -> str:
        """What redoing brings back; empty when there is nothing."""
        return self._undone[-1].label if self._undone else ""

    @property
    def undo_serial(self) -> int:
        """When the step that undoing takes back was made; 0 without one."""
        return self._done[-1].serial if self._done else 0

    @property
    def redo_serial(self) -> int:
        """When the step that redoing brings back was made; 0 without one."""
        return self._undone[-1].serial if self._undone else 0

    @property
    def elsewhere(self) -> str:
        """Why nothing is decided now: another slice is seen; empty where the result is seen."""
        return self._elsewhere

    def look_elsewhere(self, reason: str) -> None:
        """Take no decisions on a result while another slice is seen.

        Parameters
        ----------
        reason : str
            What to say of that; empty where the picture of the result is seen again.
        """
        if reason != self._elsewhere:
            self._elsewhere = reason
            self.changed.emit()
            self.history_changed.emit()

    def _may(self, right: Right) -> bool:
        """Whether somebody decides on what is seen, and may."""
        return not self._elsewhere and self.may(right)

    # Which case

    def begin(self, case: Case | None) -> None:
        """Go on with another case; why a step of the one before was refused is no news there."""
        self.catch_up()
        self._withdraw_refusal()
        self._case = case
        if case is not None:
            self._take(case)
        # The page is long: it is told once, whatever was taken.
        self.changed.emit()
        self.history_changed.emit()

    def adopt(self, case: Case) -> None:
        """Take the reading that came with a result, or let the one at hand follow the result."""
        # Else the earlier result would be read after the new one.
        self.catch_up()
        if self._take(case) and case is self._case:
            self.changed.emit()

    def _take(self, case: Case) -> bool:
        """Take the reading of a case, if it has one; return whether it has."""
        finding = case.finding
        if finding is None or finding.reading is None:
            return False
        image = image_of(finding.analysis)
        entry = self._entries.get(image)
        if entry is None:
            entry = self._entries[image] = _Entry(finding.reading, case)
        # A correction made while the reading was opened is in the result, and not in the reading.
        is_fixed = entry.shown.is_locked or bool(self.refusal())
        if not is_fixed and entry.followed is not finding.analysis:
            self._follow(entry, case, finding.analysis)
        self._note_status(case, entry)
        return True

    def follow(self, analysis: Analysis) -> None:
        """Read an analysis of the case that is shown in which a person corrected something."""
        if self._entry is not None:
            self._to_follow = analysis
            self._delay.start()

    def catch_up(self) -> None:
        """Let the reading follow the last correction now."""
        self._delay.stop()
        analysis, self._to_follow = self._to_follow, None
        entry = None if analysis is None else self._entries.get(image_of(analysis))
        if analysis is not None and entry is not None:
            self._follow(entry, self._case, analysis)

    def release(self, case: Case) -> None:
        """Forget the reading of a case that is closed, or whose result was let go.

        All of it is on the disk, or on its way there.
        """
        self.catch_up()
        kept = {image: entry for image, entry in self._entries.items() if entry.case is not case}
        self._entries = kept

    # What the reader does

    def decide(
        self, wanted: Mapping[str, tuple[Decision, FindingValue | None]], label: str
    ) -> None:
        """Accept, change or reject findings, all in one step, which can be undone."""
        self._step(label, lambda session: session.decide_all(wanted))

    def accept_rest(self) -> None:
        """Accept all that waits for a decision."""
        self._step("accept all the rest", ReadingSession.accept_rest)

    def write_impression(self, image: ReadImage, text: str) -> None:
        """Keep what the reader typed beside an image, whichever is shown by now."""
        entry = self._entries.get(image)
        if entry is not None and not entry.shown.is_locked and self.may(Right.CHANGE):
            case = self._case if entry is self._entry else None
            self._run(entry, case, lambda session: session.write_impression(text))

    def take_offered_impression(self) -> None:
        """Fill the impression from the decisions again."""
        if self._may(Right.CHANGE):
            self._run_shown(ReadingSession.take_offered_impression)

    def sign(self, reader: str) -> None:
        """Sign the reading."""
        if self._may(Right.SIGN):
            self._run_shown(lambda session: session.sign(reader), self._on_signed)

    def add_addendum(self, text: str, reason: str, reader: str) -> None:
        """Add to a signed reading."""
        if self._may(Right.SIGN):
            self._run_shown(
                lambda session: session.add_addendum(text, reason, reader), self._on_amended
            )

    def set_aside(self) -> None:
        """Begin anew where the signed reading is not as it was written."""
        if self._may(Right.SIGN):
            self._run_shown(ReadingSession.set_aside)

    def write_addendum_draft(self, image: ReadImage, draft: AddendumDraft) -> None:
        """Keep an addendum that is being typed."""
        entry = self._entries.get(image)
        if entry is not None:
            case = self._case if entry is self._entry else None
            self._run(entry, case, lambda session: session.write_addendum_draft(draft))

    def when_saved(self, act: Callable[[], object]) -> None:
        """Do something once all steps of the case that is shown are on the disk."""
        entry = self._entry
        if entry is None or not entry.steps_running:
            act()
        else:
            self._run(entry, self._case, _look, lambda _: act())

    def undo(self) -> None:
        """Take the latest decision of the case that is shown back."""
        entry = self._entry
        if entry is not None and entry.done and self._may(Right.CHANGE):
            entry.undone.append(entry.done.pop())
            self._run(entry, self._case, ReadingSession.undo)
            self.history_changed.emit()

    def redo(self) -> None:
        """Decide again what was undone last."""
        entry = self._entry
        if entry is not None and entry.undone and self._may(Right.CHANGE):
            again = entry.undone.pop()
            entry.done.append(again)
            self._run(entry, self._case, again.step)
            self.history_changed.emit()

    # How it is done

    @property
    def _entry(self) -> _Entry | None:
        finding = self._case.finding if self._case is not None else None
        return None if finding is None else self._entries.get(image_of(finding.analysis))

    @property
    def _done(self) -> list[_Done]:
        """The steps that can be undone: none of them unseen."""
        return [] if self._entry is None or self._elsewhere else self._entry.done

    @property
    def _undone(self) -> list[_Done]:
        return [] if self._entry is None or self._elsewhere else self._entry.undone

    def _step(self, label: str, step: Step) -> None:
        self.catch_up()
        entry = self._entry
        if entry is not None and self._may(Right.CHANGE):
            done = _Done(next_serial(), label, step)
            entry.done.append(done)
            entry.undone.clear()
            self._run(entry, self._case, step, done=done)
            self.history_changed.emit()

    def _follow(self, entry: _Entry, case: Case | None, analysis: Analysis) -> None:
        entry.followed = analysis
        self._run(entry, case, lambda session: session.follow(analysis))

    def _run_shown(self, step: Step, then: Callable[[Reading], object] | None = None) -> None:
        self.catch_up()
        if self._entry is not None:
            self._run(self._entry, self._case, step, then)

    def _run(
        self,
        entry: _Entry,
        case: Case | None,
        step: Step,
        then: Callable[[Reading], object] | None = None,
        done: _Done | None = None,
    ) -> None:
        entry.steps_running += 1
        task = self._runner.submit(
            lambda: _taken(entry.session, step), partial(self._on_failure, entry, done)
        )
        task.finished.connect(partial(self._on_taken, entry, case, then, done))
        self.changed.emit()

    def _on_taken(
        self,
        entry: _Entry,
        case: Case | None,
        then: Callable[[Reading], object] | None,
        done: _Done | None,
        shown: ReadingSnapshot,
    ) -> None:
        earlier, entry.shown = entry.shown, shown
        before = earlier.reading
        self._withdraw_refusal()
        self._tell_joined(entry)
        self._tell_outdated(earlier, shown)
        entry.steps_running -= 1
        if done in entry.done and before.decisions == shown.reading.decisions:
            entry.done.remove(done)
            self.history_changed.emit()
        if shown.is_signed:
            entry.done.clear()
        if shown.is_signed or shown.read.keys() != earlier.read.keys():
            # Steps name findings by their levels: after these changed, they may be others.
            entry.undone.clear()
            self.history_changed.emit()
        if case is not None:
            self._note_status(case, entry)
        self.changed.emit()
        if then is not None:
            then(shown.reading)

    def _tell_joined(self, entry: _Entry) -> None:
        """Say once that another window works on the same reading."""
        joined, entry.session.joined = entry.session.joined, None
        if joined is not None:
            self._messages.notice(JOINED_MESSAGES[joined])

    def _tell_outdated(self, earlier: ReadingSnapshot, shown: ReadingSnapshot) -> None:
        """Say once that the reader's own values hold no longer, as the result is another."""
        now = _overruled_outdated(shown)
        fresh = [read for key, read in now.items() if key not in _overruled_outdated(earlier)]
        if self._outdated is not None and (fresh or not now):
            self._messages.withdraw(self._outdated)
            self._outdated = None
        if fresh:
            self._outdated = outdated_message(
                [(r.finding, r.decision) for r in fresh if r.decision]
            )
            self._messages.notice(self._outdated)

    def _withdraw_refusal(self) -> None:
        if self._refusal is not None:
            self._messages.withdraw(self._refusal)
        self._refusal = None

    def _note_status(self, case: Case, entry: _Entry) -> None:
        finding = case.finding
        if finding is not None and self._entries.get(image_of(finding.analysis)) is not entry:
            # Of another slice than the one that has the result now.
            return
        if case.reading_status is not entry.shown.reading.status:
            case.reading_status = entry.shown.reading.status
            self.status_changed.emit(case)

    def _on_failure(self, entry: _Entry, done: _Done | None, error: Exception) -> None:
        """Tell why a step was not taken; what is shown is what is on the disk."""
        entry.steps_running -= 1
        entry.shown = ReadingSnapshot.of(entry.session) if not entry.steps_running else entry.shown
        if done in entry.done:
            entry.done.remove(done)
        else:
            entry.done.clear()
            entry.undone.clear()
        told = self._messages.report(error)
        self._refusal = told if isinstance(error, ReadingError) else None
        self._note_status(entry.case, entry)
        self.history_changed.emit()
        self.changed.emit()

    def _on_signed(self, reading: Reading) -> None:
        self.signed.emit(reading)

    def _on_amended(self, reading: Reading) -> None:
        self.amended.emit(reading)


def _overruled_outdated(snapshot: ReadingSnapshot) -> dict[str, ReadFinding]:
    """Return what the reader changed or rejected on an earlier result, by key."""
    return {key: read for key, read in snapshot.read.items() if is_overruled_before(read)}


def _look(session: ReadingSession) -> None:
    """Change nothing: what was asked for before is done."""


def _taken(session: ReadingSession, step: Step) -> Generator[None, None, ReadingSnapshot]:
    """Take one step, which is on the disk when it returns."""
    yield
    step(session)
    return ReadingSnapshot.of(session)
