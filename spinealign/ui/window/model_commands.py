"""The command of the models, and what a change of the model in use means for open cases."""

from __future__ import annotations

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QWidget

from spinealign.ui.cases.case import Case
from spinealign.ui.models.desk import ModelDesk
from spinealign.ui.models.jobs import Listing
from spinealign.ui.results.answering import Answering
from spinealign.ui.results.results_panel import ResultsPanel
from spinealign.ui.window.actions import Actions
from spinealign.ui.workbench import Workbench
from spinealign.wording.model_manager import ANALYSE_AGAIN, changed_message


class ModelCommands(QObject):
    """Opens the window of the models, and offers to analyse again what others made.

    Parameters
    ----------
    results : ResultsPanel
        Says of the case that is shown by which model it was made, where another answers now.
    window : QWidget
        Over which the window of the models opens.
    """

    def __init__(
        self, actions: Actions, bench: Workbench, results: ResultsPanel, window: QWidget
    ) -> None:
        super().__init__(window)
        self._bench, self._results, self._window = bench, results, window
        self._desk: ModelDesk | None = None
        self._answering = Answering(())
        actions.on("models", self.show_models)

    @property
    def desk(self) -> ModelDesk:
        """The desk, made when it is wanted for the first time."""
        if self._desk is None:
            self._desk = ModelDesk(self._bench, self)
            self._desk.changed.connect(self._follow)
        return self._desk

    def show_models(self) -> None:
        """List, install, remove, check and choose models."""
        from spinealign.ui.models.manager_dialog import ModelManager

        ModelManager(self.desk, self._bench, self._window).open()

    def _follow(self, listing: Listing) -> None:
        self._answering = Answering(listing.models)
        self._results.show_answering(self._answering)
        stale = self._stale
        # Of the case that is shown a line above its result says so.
        if any(case is not self._bench.current for case in stale):
            message = changed_message([case.title for case in stale])
            self._bench.messages.notice(message, ANALYSE_AGAIN, self.analyse_stale_again)

    @property
    def _stale(self) -> list[Case]:
        """Open cases, not signed, whose results were made by models that do not answer any more."""
        cases = [case for case in self._bench.session.cases if not case.reading_status.is_verified]
        found = [(case, case.finding) for case in cases]
        words_of = self._answering.words_of
        return [case for case, result in found if result and words_of(result.analysis)]

    def analyse_stale_again(self) -> None:
        """Analyse what is open and was made by other models, the case that is shown first."""
        current = self._bench.current
        cases = sorted(self._stale, key=lambda case: case is not current)
        self._bench.session.analyse_all(cases)
