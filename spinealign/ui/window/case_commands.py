"""What is done with cases of the worklist: analyse, stop, close, save, one table of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QMessageBox, QPushButton, QWidget

from spinealign.ui.cases.case import UNFINISHED, Case, CaseStatus
from spinealign.ui.cases.cases_panel import CasesPanel
from spinealign.ui.cases.skipped_dialog import Skipped, SkippedDialog
from spinealign.ui.window.actions import Actions
from spinealign.ui.window.status_line import WorkStatus
from spinealign.ui.workbench import Workbench
from spinealign.wording.closing import CLOSE_ANYWAY, ClosingCases, close_question
from spinealign.wording.worklist import (
    GO_ON,
    KEEP_OPEN,
    Standing,
    stop_all_text,
    stop_one_text,
    stop_question,
)

if TYPE_CHECKING:
    from spinealign.export.case_table import CaseRow

NO_SKIPPED = "No file was skipped"
NO_SELECTED_RESULT = "There is no result yet among the selected cases"


class CaseCommands(QObject):
    """Does what the panel and the menus ask of cases; questions stand in front of the window.

    Questions are asked without holding up the window: analyses go on while one is shown.
    """

    def __init__(
        self,
        actions: Actions,
        bench: Workbench,
        cases: CasesPanel,
        status: WorkStatus,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._actions, self._bench, self._cases = actions, bench, cases
        self._status, self._window = status, window
        self._question: QMessageBox | None = None
        self._skipped: Skipped | None = None
        actions.on("close_case", self._close_current)
        actions.on("close_all", lambda: self.close(bench.session.cases))
        actions.on("find", cases.focus_search)
        actions.on("cancel", self.stop)
        actions.on("next_case", partial(bench.step, 1))
        actions.on("previous_case", partial(bench.step, -1))
        actions.on("export_table", lambda: self.export_table(cases.selected))
        actions.on("skipped", self._show_skipped)
        actions.offer("skipped", NO_SKIPPED)
        actions.on("save_all", lambda: self.save(bench.session.cases))
        # Looking at files reports itself long before it changes what runs and waits.
        bench.opener.searching.connect(lambda: actions.offer("cancel"))
        bench.opener.skipped.connect(self._tell_skipped)
        for signal in (cases.selection_changed, bench.current_updated, bench.work_changed):
            signal.connect(self._offer_table)
        self._connect_panel()
        self._offer_table()

    def _connect_panel(self) -> None:
        bench, cases = self._bench, self._cases
        bench.order = lambda: cases.model.shown_cases
        cases.case_selected.connect(bench.select)
        cases.again_requested.connect(self._analyse_again)
        cases.stop_requested.connect(bench.session.cancel)
        cases.close_requested.connect(self.close)
        cases.save_requested.connect(self.save)
        cases.table_requested.connect(self.export_table)

    def stop(self) -> None:
        """Stop what runs and waits; where more than one waits, ask whether all of it is meant."""
        unfinished = self._bench.session.unfinished
        if self._bench.session.waiting_count <= 1:
            self._status.stop()
            return
        box = self._asked(*stop_question(len(unfinished)))
        role = QMessageBox.ButtonRole
        one = box.addButton(stop_one_text(unfinished[0].title), role.AcceptRole)
        everything = box.addButton(stop_all_text(len(unfinished)), role.DestructiveRole)
        go_on = box.addButton(GO_ON, role.RejectRole)
        for button in (one, everything):
            if button is not None:
                # Return presses "Go on" whichever button has the keys: no other is the default.
                button.setAutoDefault(False)
        _on_click(one, partial(self._stop_one, unfinished[0]))
        _on_click(everything, self._status.stop)
        box.setDefaultButton(go_on)
        box.setEscapeButton(go_on)
        others = everything, go_on
        follow = partial(self._follow_queue, box, (unfinished[0], one), others)
        self._bench.session.queue_changed.connect(follow)
        box.finished.connect(lambda: self._bench.session.queue_changed.disconnect(follow))
        box.open()

    def _analyse_again(self, cases: Sequence[Case]) -> None:
        """Analyse cases again, the one that is looked at first."""
        current = self._bench.current
        self._bench.session.analyse_all(sorted(cases, key=lambda case: case is not current))

    def close(self, cases: Sequence[Case]) -> None:
        """Close cases; ask before, once for all, what would be lost or made again."""
        wanted = list(cases)
        closing = self._closing(wanted)
        if not closing.is_asked:
            self._bench.close(wanted)
            return
        box = self._asked(*close_question(closing))
        role = QMessageBox.ButtonRole
        anyway = box.addButton(CLOSE_ANYWAY, role.DestructiveRole)
        keep = box.addButton(KEEP_OPEN, role.RejectRole)
        if anyway is not None:
            # Return keeps them open whichever button has the keys.
            anyway.setAutoDefault(False)
        _on_click(anyway, partial(self._close_open, wanted))
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        box.open()

    def _closing(self, cases: Sequence[Case]) -> ClosingCases:
        unwritten = self._bench.editing.lost_of(cases)
        rest = [case for case in cases if case not in unwritten]
        unsigned = [case.title for case in rest if case.standing is Standing.TO_CHECK]
        unfinished = [case.title for case in rest if case.status in UNFINISHED]
        return ClosingCases(len(cases), [case.title for case in unwritten], unfinished, unsigned)

    def _close_open(self, cases: Sequence[Case]) -> None:
        """Close those of the cases that were not closed while the question stood."""
        still_open = set(self._bench.session.cases)
        self._bench.close([case for case in cases if case in still_open])

    def save(self, cases: Sequence[Case]) -> None:
        """Save the results of cases, each into a folder of its own."""
        done = [case for case in cases if case.status is CaseStatus.DONE]
        kept = [case.finding.analysis for case in done if case.finding is not None]
        self._bench.saver.save_results(kept, self._window, left_out=len(done) - len(kept))

    def export_table(self, cases: Sequence[Case]) -> None:
        """Save one table with the main measures of cases, a row each; without a result too."""
        let_go = [case for case in cases if case.status is CaseStatus.DONE and not case.finding]
        rows = [self._table_row(case) for case in cases if case not in let_go]
        self._bench.saver.save_table(rows, self._window, left_out=len(let_go))

    def _table_row(self, case: Case) -> CaseRow:
        from spinealign.export.case_table import CaseRow

        if case.finding is None:
            return CaseRow(case.path, case.standing.value)
        analysis = case.finding.analysis
        reading, _ = self._bench.readings.reading_of(analysis)
        return CaseRow(analysis.image.source_path, case.standing.value, analysis, reading)

    def _close_current(self) -> None:
        if self._bench.current is not None:
            self.close([self._bench.current])

    def _stop_one(self, case: Case) -> None:
        self._bench.session.cancel([case])

    def _follow_queue(
        self,
        box: QMessageBox,
        named: tuple[Case, QPushButton | None],
        others: tuple[QPushButton | None, QPushButton | None],
    ) -> None:
        """Ask about what is left; a button that named an image stops no other one."""
        unfinished = self._bench.session.unfinished
        if not unfinished:
            box.reject()
            return
        (case, one), (everything, go_on) = named, others
        assert one is not None
        assert everything is not None
        assert go_on is not None
        is_named = case in unfinished and len(unfinished) > 1
        # Else Qt hands the keys of the button that goes to the next, which stops everything.
        is_chosen = box.focusWidget() is everything
        one.setVisible(is_named)
        box.setDefaultButton(go_on)
        if is_chosen:
            everything.setFocus()
        everything.setText(stop_all_text(len(unfinished)))
        _, text, more = stop_question(len(unfinished))
        box.setText(text)
        box.setInformativeText(more)

    def _asked(self, title: str, text: str, more: str) -> QMessageBox:
        if self._question is not None:
            self._question.reject()
        box = QMessageBox(QMessageBox.Icon.Question, title, text, parent=self._window)
        box.setInformativeText(more)
        box.finished.connect(self._forget_question)
        box.finished.connect(box.deleteLater)
        self._question = box
        return box

    def _forget_question(self) -> None:
        self._question = None

    def _offer_table(self) -> None:
        has_result = any(case.finding is not None for case in self._cases.selected)
        self._actions.offer("export_table", "" if has_result else NO_SELECTED_RESULT)

    def _tell_skipped(self, skipped: Skipped) -> None:
        """Say how many files were skipped and why; the list stays at hand in the menu."""
        self._skipped = skipped
        self._actions.offer("skipped")
        self._bench.messages.notice(skipped.message, "Show the list…", self._show_skipped)

    def _show_skipped(self) -> None:
        if self._skipped is not None:
            SkippedDialog(self._skipped, self._window).open()


def _on_click(button: QPushButton | None, act: Callable[[], object]) -> None:
    assert button is not None
    button.clicked.connect(lambda: act())
