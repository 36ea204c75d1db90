"""What a person changes on a case: done, undone, measured again at once, and kept on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from spinealign.domain.errors import CorrectionsError, CorrectionsProblem, ReadingError
from spinealign.domain.examination import Plane
from spinealign.domain.findings import Analysis, Corrections
from spinealign.domain.image import ImagePart
from spinealign.domain.measurements import Drawing, DrawingKey, Measurement
from spinealign.domain.presentation import AS_IN_FILE
from spinealign.measure.correction.history import History
from spinealign.ui.cases.case import Case
from spinealign.ui.cases.jobs import (
    Finding,
    Turned,
    carried,
    keep_corrections,
    kept_corrections,
    other_corrections,
)
from spinealign.ui.correcting.case_edits import CaseEdits
from spinealign.ui.picture.display_images import DisplayOverlay, with_bodies
from spinealign.ui.work.messages import Messages
from spinealign.ui.work.services import Services
from spinealign.ui.work.tasks import TaskRunner
from spinealign.wording import Message
from spinealign.wording.corrections import TAKE_OVER

AUTOSAVE_DELAY_MS = 700
"""A drag and the nudges after it are written once."""

MEASURE_EVERY_MS = 30
"""While a point is dragged it is drawn at every frame, and all is measured about as often as
digits can be read; taking every measure costs more than a frame on a slow computer."""

NO_VIEW = "other"
"""The view of a picture that nobody analysed, or that is of no kind."""

Change = Callable[[Corrections], Corrections]
Key = tuple[ImagePart, str, str]


class EditSession(QObject):
    """Changes the case that is shown, and keeps the changes of every case.

    Every change makes a new `Analysis`, which takes the place of the earlier one in the
    case's finding, so that panels, exports and reports all speak of the corrected
    bodies. Changes are written by themselves, shortly after they are made and when the
    case is left; what could not be written stays in memory, even after its case was
    closed, until it is on disk or given up on purpose.

    A picture without a result has a sheet instead, on which a person only draws: `changed`
    speaks of both, `corrected` of results alone. `analysis_wanted` brings a case and the `Turned`
    with which it has to be analysed again, as a turn of the picture was undone or done again.
    `contested` brings changes that were not written, as another window wrote others, and the
    `CorrectionsError`: `take_other` or `keep_own` ends that.
    """

    began = pyqtSignal(object)
    moved = pyqtSignal(object)
    changed = pyqtSignal(object)
    corrected = pyqtSignal(object)
    history_changed = pyqtSignal()
    analysis_wanted = pyqtSignal(object, object)
    edited_changed = pyqtSignal(object)
    saved = pyqtSignal(object, object)
    contested = pyqtSignal(object, object)

    def __init__(
        self,
        services: Services,
        runner: TaskRunner,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._messages = messages
        self._refusal: Message | None = None
        self.locked: Callable[[], Message | None] = lambda: None
        """Says why the case that is shown must not be changed, or None."""
        self._services = services
        self._runner = runner
        self._case: Case | None = None
        self._sheet: Finding | None = None
        self._edits: dict[Key, CaseEdits] = {}
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(AUTOSAVE_DELAY_MS)
        self._delay.timeout.connect(self.save)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.timeout.connect(self._catch_up)
        self._is_behind = False

    @property
    def is_bare(self) -> bool:
        """Whether the picture that is shown has no result, and is drawn on all the same."""
        return self._sheet is not None

    @property
    def edits(self) -> CaseEdits | None:
        """The changes of the picture that is shown, once it has a result or a sheet."""
        return None if self._finding is None else self._edits.get(_key(self._finding))

    @property
    def analysis(self) -> Analysis | None:
        """The analysis of the picture that is shown, as it was corrected."""
        return self._finding.analysis if self._finding is not None else None

    @property
    def plane(self) -> Plane:
        """The plane in which bodies are placed by hand."""
        kind = None if self.analysis is None else self.analysis.examination
        return Plane.SAGITTAL if kind is None else kind.plane

    @property
    def overlay(self) -> DisplayOverlay | None:
        """What is drawn of the picture that is shown."""
        return self._finding.overlay if self._finding is not None else None

    @property
    def _finding(self) -> Finding | None:
        if self._sheet is not None:
            return self._sheet
        return self._case.finding if self._case is not None else None

    @property
    def corrections(self) -> Corrections | None:
        """What is wanted of the case that is shown."""
        return self.edits.present if self.edits is not None else None

    def drawing(self, key: DrawingKey) -> Drawing | None:
        """Return a drawing on the picture that is shown; None where there is none."""
        drawings = self.corrections.drawings if self.corrections is not None else ()
        return next((drawing for drawing in drawings if drawing.key == key), None)

    @property
    def undo_label(self) -> str:
        """What undoing takes back; empty when there is nothing."""
        return self.edits.history.undo_label if self.edits is not None else ""

    @property
    def redo_label(self) -> str:
        """What redoing brings back; empty when there is nothing."""
        return self.edits.history.redo_label if self.edits is not None else ""

    @property
    def undo_serial(self) -> int:
        """When the change that undoing takes back was made; 0 without one."""
        return self.edits.history.undo_serial if self.edits is not None else 0

    @property
    def redo_serial(self) -> int:
        """When the change that redoing brings back was made; 0 without one."""
        return self.edits.history.redo_serial if self.edits is not None else 0

    @property
    def is_edited(self) -> bool:
        """Whether the case that is shown differs from what the program found.

        A picture that is only looked at another way does not.
        """
        edits = self.edits
        if edits is None:
            return False
        return replace(edits.present, presentation=edits.first.presentation) != edits.first

    @property
    def has_own_bodies(self) -> bool:
        """Whether a person changed what the program found of the bodies."""
        return self.edits is not None and self.edits.has_own_bodies

    @property
    def unsaved_count(self) -> int:
        """How many cases have changes that are not on disk."""
        return sum(edits.is_unsaved for edits in self._edits.values())

    def measure_of(self, drawing: Drawing) -> Measurement | None:
        """Return what a drawing on the picture that is shown would measure; None without one."""
        from spinealign.measure.geometry.drawings import measure_drawings
        from spinealign.measure.geometry.plane import PixelGeometry

        if self.analysis is None:
            return None
        image = self.analysis.image
        measured = measure_drawings([drawing], PixelGeometry.of(image), image=image)
        return next(iter(measured), None)

    def begin(self, case: Case | None, sheet: Finding | None = None) -> None:
        """Go on with another picture; what was changed on the earlier one is written.

        Parameters
        ----------
        case : Case or None
        sheet : Finding, optional
            Of a picture of the case that has no result (`cases.jobs.open_sheet`).
        """
        self.save()
        self._case, self._sheet = case, sheet
        if sheet is not None:
            self._adopt_sheet(sheet)
        elif case is not None:
            self.adopt(case)
        self.began.emit(self.analysis)
        self.history_changed.emit()

    def _take_turned(self, case: Case, finding: Finding, turned: Turned) -> None:
        """Go on from a result that was made of the turned picture, and write it down.

        What was done before can be undone: the picture is then turned back and analysed so. What
        was changed while it was analysed stays.
        """
        case.finding = finding = replace(finding, turned=None)
        before, edits = self._edits_before(finding, turned), CaseEdits(finding)
        if before is not None:
            if not turned.is_of_series:
                edits.take_over(before, turned.state.presentation.analysed_deg)
            state = carried(finding.analysis, turned, before.present)
            if turned.is_of_series:
                edits.history = History(state)
            else:
                edits.history.put(state)
        self._edits[_key(finding)] = edits
        edits.kept, edits.to_write = None, self._corrected(case, finding, edits)
        self._delay.start()
        self.history_changed.emit()

    def _edits_before(self, finding: Finding, turned: Turned) -> CaseEdits | None:
        """Take the changes that led to a result: before the turn it may have been refused."""
        own, wanted_deg = _key(finding), turned.state.presentation.analysed_deg
        others = () if turned.is_of_series else self._of_same_picture(finding)
        for key in (own, *others):
            edits = self._edits.get(key)
            if edits is not None and edits.present.presentation.analysed_deg == wanted_deg:
                return self._edits.pop(key)
        return self._edits.pop(own, None)

    def adopt(self, case: Case) -> None:
        """Bring the changes of this session into a result that was made just now."""
        if case.finding is not None and case.finding.turned is not None:
            self._take_turned(case, case.finding, case.finding.turned)
        finding = case.finding
        if finding is None:
            return
        edits = self._edits.get(_key(finding))
        if edits is None:
            edits = self._edits[_key(finding)] = CaseEdits(finding)
        self._take_drawn_part(case, finding, edits)
        self._show_as_series(case, edits)
        if edits.present != (finding.analysis.corrections or edits.first):
            edits.to_write = self._corrected(case, finding, edits)
        case.note_presentation(edits.present.presentation)

    def _show_as_series(self, case: Case, edits: CaseEdits) -> None:
        """Let a picture be seen as the others of its series, which a person turned meanwhile."""
        if case.presentation is None:
            return
        now, wanted = edits.present.presentation, case.presentation
        seen = replace(
            now,
            turn_deg=wanted.turn_deg,
            is_mirrored=wanted.is_mirrored,
            is_inverted=wanted.is_inverted,
        )
        if seen != now:
            edits.history.put(replace(edits.present, presentation=seen))
            self._delay.start()

    def _adopt_sheet(self, sheet: Finding) -> None:
        """Go on with what was drawn on a picture; changes as a result are on disk by now."""
        others = self._of_same_picture(sheet)
        for key in [key for key, edits in others.items() if not edits.is_unsaved]:
            del self._edits[key]
        edits = self._edits.get(_key(sheet))
        if edits is None:
            self._edits[_key(sheet)] = CaseEdits(sheet)
        elif _without_looks(edits.present) != _without_looks(
            sheet.analysis.corrections or edits.first
        ):
            if edits.is_unsaved:
                self._sheet = self._as_wanted(sheet, edits)
            else:
                self._edits[_key(sheet)] = CaseEdits(sheet)
        self._see_sheet_as_series(self._edits[_key(sheet)])

    def _see_sheet_as_series(self, edits: CaseEdits) -> None:
        """Begin a sheet with how its series is shown: undoing leads back to that.

        Nothing is written for it until a person changes something.
        """
        finding = self._case.finding if self._case is not None else None
        if self._case is None or finding is None:
            return
        shown = self._case.presentation or finding.analysis.image.presentation
        if edits.present.presentation == shown:
            return
        is_unsaved = edits.is_unsaved
        edits.history.revise(lambda state: replace(state, presentation=shown))
        if not is_unsaved:
            edits.kept = edits.present

    def _take_drawn_part(self, case: Case, finding: Finding, edits: CaseEdits) -> None:
        """Bring what was drawn before there was a result into it."""
        from spinealign.measure.correction.bare import drawn_part, with_drawn_part

        if finding.analysis.examination is None:
            return
        for key, sheet in self._of_same_picture(finding).items():
            drawn = drawn_part(sheet.present)
            if case.presentation is not None:
                # The series may have been turned on another slice than this sheet.
                looked_deg = edits.present.presentation.analysed_deg
                shown = replace(case.presentation, analysed_deg=looked_deg)
                drawn = replace(drawn, presentation=shown)
            if key[2] == NO_VIEW and drawn != drawn_part(edits.present):
                edits.history = History(with_drawn_part(edits.present, drawn))
                self._delay.start()
            if key[2] == NO_VIEW:
                del self._edits[key]

    def _of_same_picture(self, finding: Finding) -> dict[Key, CaseEdits]:
        """Return the changes of the same picture taken for something else."""
        here = _key(finding)
        return {k: e for k, e in self._edits.items() if k[:2] == here[:2] and k != here}

    def release(self, cases: Sequence[Case]) -> None:
        """Forget the changes of cases that are closed, as soon as they are on disk."""
        self.save()
        self._edits = {
            key: edits
            for key, edits in self._edits.items()
            if edits.is_unsaved or not any(case.holds(key[0]) for case in cases)
        }

    def lost_of(self, cases: Sequence[Case]) -> list[Case]:
        """Return which of these cases have changes that could not be written."""
        lost = [key for key, edits in self._edits.items() if edits.is_unsaved and edits.has_failed]
        return [case for case in cases if any(case.holds(key[0]) for key in lost)]

    def change(
        self,
        label: str,
        change: Change,
        merge_key: Hashable | None = None,
        live: bool = False,
        is_of_result: bool = True,
    ) -> bool:
        """Do something that can be undone.

        Parameters
        ----------
        label : str
            Follows "Undo": "move C4 anterior-superior corner".
        change : callable
            Makes the new corrections from those before: with a merge key, from those
            before the first change of the run. A `ValueError` of its says why that is not
            possible, and nothing changes.
        merge_key : hashable, optional
            Changes in a row with the same key are undone together.
        live : bool
            Another change follows at once, so that measuring may wait a little; `end_run`
            ends that.
        is_of_result : bool
            Whether the result is another afterwards: that of a signed reading is not changed.

        Returns
        -------
        bool
            Whether it was not refused.
        """
        edits = self.edits
        if edits is None or (is_of_result and self._is_refused()):
            return False
        before = edits.present
        try:
            after = change(edits.history.base(merge_key))
        except ValueError as error:
            self.refuse(f"Cannot {label}: {error}.")
            return False
        if after != before:
            self._end_refusal()
            edits.history.push(after, label, merge_key)
            if live and self._pause.isActive():
                self._move(after)
            else:
                self._apply(edits)
        return True

    def tell(self, message: Message) -> None:
        """Say what is to be known of what was done."""
        self._messages.notice(message)

    def refuse(self, sentence: str) -> None:
        """Say why something that was wanted is not done, until something else is."""
        self._refusal = Message(sentence, "Nothing was changed.")
        self._messages.notice(self._refusal)

    def _end_refusal(self) -> None:
        """Take back what was refused before: the work went on."""
        if self._refusal is not None:
            self._messages.withdraw(self._refusal)
        self._refusal = None

    def _is_refused(self) -> bool:
        """Say why nothing may be changed, if that is so: a sheet is part of no reading."""
        reason = None if self.is_bare else self.locked()
        if reason is not None:
            self._messages.notice(reason)
        return reason is not None

    def end_run(self) -> None:
        """End a run of changes that are undone together, as when a drag ends."""
        self._catch_up()
        if self.edits is not None:
            self.edits.history.close()

    def undo(self) -> None:
        """Take the latest change back."""
        self._step(History.undo)

    def redo(self) -> None:
        """Bring back what was undone last."""
        self._step(History.redo)

    def reset(self) -> None:
        """Return to what the program found; this can be undone like any change.

        Drawings and calibration are the person's own, and stay.
        """
        from spinealign.measure.correction.changes import reset_all

        analysis = self.analysis
        if analysis is not None:
            self.change("reset to automatic", lambda state: reset_all(state, analysis))

    def save(self) -> None:
        """Write every change that is not on disk yet, in the background."""
        self._catch_up()
        self._pause.stop()
        self._delay.stop()
        for edits in self._edits.values():
            # What is being written is not what is wanted if that was taken back meanwhile.
            last = edits.on_its_way[-1] if edits.on_its_way else edits.kept
            if edits.present != last and edits.to_write is not None:
                self._write(edits, edits.to_write)
            elif not edits.is_unsaved and not edits.on_its_way:
                edits.to_write = None

    def give_up_unsaved(self) -> None:
        """Forget what could not be written."""
        for edits in self._edits.values():
            edits.kept, edits.to_write = edits.present, None

    def _move(self, state: Corrections) -> None:
        """Draw bodies and drawings where they are now; the rest follows."""
        self._is_behind = True
        finding = self._finding
        if finding is not None:
            moved = replace(finding.analysis, vertebrae=state.vertebrae)
            self.moved.emit(with_bodies(finding.overlay, moved))

    def _catch_up(self) -> None:
        """Measure what was only drawn."""
        self._pause.stop()
        if self._is_behind and self.edits is not None:
            self._apply(self.edits)

    def _step(self, step: Callable[[History[Corrections]], object]) -> None:
        self._catch_up()
        edits = self.edits
        if edits is not None and not self._is_refused():
            before = edits.present
            step(edits.history)
            if edits.present is not before:
                self._end_refusal()
                self._apply(edits)
                self._analyse_stepped(edits, before)

    def _analyse_stepped(self, edits: CaseEdits, before: Corrections) -> None:
        """Want a new analysis where a step led to a picture that the networks saw otherwise."""
        looked_deg = before.presentation.analysed_deg
        is_same = edits.present.presentation.analysed_deg == looked_deg
        if not is_same and not self.is_bare and self._case is not None:
            turned = Turned(edits.present, edits.has_own_bodies)
            self.analysis_wanted.emit(self._case, turned)

    def _apply(self, edits: CaseEdits) -> None:
        case, finding = self._case, self._finding
        assert case is not None
        assert finding is not None
        self._is_behind, started, words = False, time.perf_counter(), case.edit_words
        case.note_presentation(edits.present.presentation)
        if self._sheet is not None:
            self._sheet = self._as_wanted(finding, edits)
            edits.to_write = self._sheet.analysis
            self.changed.emit(edits.to_write)
        else:
            edits.to_write = self._corrected(case, finding, edits)
            self.changed.emit(edits.to_write)
            self.corrected.emit(edits.to_write)
        # A slow computer spends most of its time on what is looked at: the point that moves.
        took_ms = 1000 * (time.perf_counter() - started)
        self._pause.start(max(MEASURE_EVERY_MS, round(2 * took_ms)))
        if case.edit_words != words:
            self.edited_changed.emit(case)
        self.history_changed.emit()
        self._delay.start()

    def _corrected(self, case: Case, finding: Finding, edits: CaseEdits) -> Analysis:
        """Put a case's result to the changes, and return it."""
        case.finding = self._as_wanted(finding, edits)
        return case.finding.analysis

    def _as_wanted(self, finding: Finding, edits: CaseEdits) -> Finding:
        from spinealign.measure.correction.corrected import apply_corrections

        analysis = apply_corrections(finding.analysis, edits.present)
        overlay = with_bodies(finding.overlay, analysis)
        return replace(finding, analysis=analysis, overlay=overlay)

    def take_other(self, edits: CaseEdits) -> None:
        """Go on with what another window wrote; undoing leads back to what was done here."""
        analysis = edits.to_write
        if analysis is not None:
            task = self._runner.submit(lambda: other_corrections(self._services, analysis))
            task.finished.connect(partial(self._take_other, edits))

    def _take_other(
        self, edits: CaseEdits, other: tuple[Corrections | None, frozenset[str]]
    ) -> None:
        state, edits.marks = other
        edits.kept, edits.has_failed = state or edits.first, False
        edits.history.push(edits.kept, TAKE_OVER.lower())
        edits.to_write = None
        if edits is self.edits:
            self._apply(edits)
        self.history_changed.emit()

    def keep_own(self, edits: CaseEdits) -> None:
        """Write what was done here; what another window wrote is kept under another name."""
        if edits.is_unsaved and edits.to_write is not None:
            self._write(edits, edits.to_write, keeps_other=True)

    def _write(self, edits: CaseEdits, analysis: Analysis, keeps_other: bool = False) -> None:
        edits.on_its_way.append(edits.present)
        marks = edits.marks
        task = self._runner.submit(
            lambda: keep_corrections(self._services, analysis, marks, keeps_other),
            partial(self._not_written, edits, analysis),
        )
        task.finished.connect(partial(self._written, edits, edits.present))

    def _not_written(self, edits: CaseEdits, analysis: Analysis, error: Exception) -> None:
        """Tell why changes are not on disk; those of a signed reading are taken back."""
        edits.has_failed = True
        edits.on_its_way.pop(0)
        changed = CorrectionsProblem.CHANGED_ELSEWHERE
        if isinstance(error, CorrectionsError) and error.problem is changed:
            self.contested.emit(edits, error)
            return
        self._messages.report(error)
        if not isinstance(error, ReadingError):
            return
        edits.kept, edits.to_write = edits.present, None
        task = self._runner.submit(lambda: kept_corrections(self._services, analysis))
        task.finished.connect(partial(self._take_kept, edits))

    def _take_kept(self, edits: CaseEdits, kept: Corrections | None) -> None:
        """Show what is on disk: the reading of the picture is signed."""
        edits.kept = kept or edits.first
        edits.history = History(edits.kept)
        if edits is self.edits:
            self.locked()
            self._apply(edits)

    def _written(self, edits: CaseEdits, state: Corrections, path: Path) -> None:
        edits.kept, edits.has_failed = state, False
        edits.on_its_way.pop(0)
        if not edits.is_unsaved and not edits.on_its_way:
            edits.to_write = None
        self.saved.emit(edits.image_path, path)


def _without_looks(state: Corrections) -> Corrections:
    """Return corrections whatever way their picture is shown."""
    return replace(state, presentation=AS_IN_FILE)


def _key(finding: Finding) -> Key:
    """Return which changes belong to a result: another picture or examination has other bodies."""
    analysis = finding.analysis
    return (analysis.image.place, analysis.image.sha256, analysis.view_name)
