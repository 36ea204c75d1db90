"""How the series browser, the slice bar and the cases work together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, Qt
from PyQt6.QtWidgets import QDockWidget

from spinealign.domain.image import View
from spinealign.domain.study import SeriesStack
from spinealign.ui.cases.opening import Study
from spinealign.ui.series.series_browser import SeriesBrowser
from spinealign.ui.work.services import Companion

if TYPE_CHECKING:
    from spinealign.ui.window.main_window import MainWindow


class SeriesPanel(QObject):
    """Keeps the series of the study found last at hand, in a panel beside the cases."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        colours = window.theme.colours
        self.browser = SeriesBrowser(window.services, window.reading, colours)
        self.dock = QDockWidget("Series", window)
        self.dock.setObjectName("series")
        self.dock.setWidget(self.browser)
        window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.dock)
        window.tabifyDockWidget(window.cases_dock, self.dock)
        self.dock.hide()
        self.browser.offer_companions(self._may_be_companion)
        self.browser.chosen.connect(self._open)
        self.browser.companion_chosen.connect(lambda stack: self.take_companion(stack.first))
        self.browser.crashed.connect(window.show_crash)
        window.opener.study_found.connect(self.show_study)
        window.session.added.connect(self._mark_open)
        window.session.removed.connect(self._mark_open)

    def show_study(self, study: Study) -> None:
        """List a study's series; the keyboard goes there unless a series was opened by itself."""
        self.browser.show_study(study)
        self._mark_open()
        self.show_panel(with_focus=self._window.session.case_of(study.preselected) is None)

    def show_panel(self, with_focus: bool = True) -> None:
        """Bring the panel to the front."""
        self.dock.show()
        self.dock.raise_()
        if with_focus:
            self.browser.tree.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def ask_companion(self) -> None:
        """Let the user choose the current case's other contrast, and grade discs with it."""
        path = self._window.opener.ask_companion()
        if path is not None:
            self.take_companion(path)

    def take_companion(self, companion: Companion | None) -> None:
        """Analyse the current case beside its other contrast, or without one."""
        case = self._window.current
        if case is not None:
            case.companion = companion
            self._window.session.analyse(case, case.wanted_view)

    def _open(self, stacks: Sequence[SeriesStack]) -> None:
        study = self.browser.study
        if study is not None:
            self._window.open_cases([study.opening(stack) for stack in stacks])
            self._window.viewer.setFocus(Qt.FocusReason.OtherFocusReason)

    def _mark_open(self) -> None:
        study, session = self.browser.study, self._window.session
        if study is not None:
            cases = {case.stack.volumes for case in session.cases}
            self.browser.set_open({s.number for s in study.stacks if s.volumes in cases})

    def _may_be_companion(self, stack: SeriesStack) -> bool:
        case = self._window.current
        if case is None or case.finding is None or case.stack.volumes == stack.volumes:
            return False
        return case.finding.analysis.view is View.MR and stack.first.view_hint is View.MR
