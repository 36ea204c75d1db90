"""What the status line says about the work in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject

from spinealign.ui.case_session import Case, CaseStatus
from spinealign.ui.work import Progress

if TYPE_CHECKING:
    from spinealign.ui.main_window import MainWindow


class WorkStatus(QObject):
    """Puts the most telling of several works into one line: analysing, looking, saving."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        window.session.progressed.connect(self._show_progress)
        window.opener.searching.connect(self._show_looking)
        window.saver.progressed.connect(self._show_saving)

    @property
    def is_busy(self) -> bool:
        """Whether there is work that can be cancelled."""
        return self._window.session.is_busy or self._window.opener.is_looking

    def refresh(self) -> None:
        """Say that nothing is being done, if that is so."""
        if not self.is_busy and not self._window.leaving.is_waiting:
            self._window.status.show_idle(self._rest_words())

    def _show_progress(self, case: Case, progress: Progress) -> None:
        waiting = self._window.session.waiting_count
        rest = f" ({waiting} more waiting)" if waiting else ""
        text = f"{case.work_title}: {progress.name}…{rest}"
        self._window.status.show_work(text, progress.fraction)

    def _show_looking(self, text: str) -> None:
        self._window.actions_by_name.enable(("cancel",), True)
        if not self._window.session.is_busy:
            self._window.status.show_work(text, None)

    def _show_saving(self, progress: Progress) -> None:
        if not self.is_busy:
            self._window.status.show_work(f"{progress.name}…", progress.fraction)

    def _rest_words(self) -> str:
        cases = self._window.session.cases
        done = sum(case.status is CaseStatus.DONE for case in cases)
        if done == 0:
            return "Ready"
        return f"{done} case{'' if done == 1 else 's'} analysed"
