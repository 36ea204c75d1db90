"""How the series browser, the slice bar and the cases work together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtWidgets import QDockWidget, QMenu

from spinealign.domain.study import SeriesStack
from spinealign.ui.cases.case import Case
from spinealign.ui.cases.planning import Study
from spinealign.ui.series.series_browser import SeriesBrowser
from spinealign.ui.widgets.theme import Colours
from spinealign.ui.work.services import Companion
from spinealign.ui.workbench import Workbench
from spinealign.wording.series import companion_text

OTHER_FILE = "Other &file…"

MOST_STUDIES = 20
"""So many of those that were found last are listed again when one of their pictures is shown."""


class SeriesPanel(QObject):
    """Keeps the series of the study found last at hand, in a panel for the window.

    `opened` says that the user opened some of them, `listed` that they are at hand behind the
    cases: what is wanted of them is open.
    """

    opened = pyqtSignal()
    listed = pyqtSignal()

    def __init__(self, bench: Workbench, colours: Colours) -> None:
        super().__init__(bench)
        self._bench = bench
        self._studies: list[Study] = []
        self.choice: QMenu | None = None
        self.browser = SeriesBrowser(bench.services, bench.reading, colours)
        self.dock = QDockWidget("Series")
        self.dock.setObjectName("series")
        self.dock.setWidget(self.browser)
        self.browser.offer_companions(self._may_be_companion)
        self.browser.chosen.connect(self._open)
        self.browser.companion_chosen.connect(lambda stack: self.take_companion(stack.first))
        bench.opener.study_found.connect(self.show_study)
        bench.session.added.connect(self._mark_open)
        bench.session.removed.connect(self._mark_open)
        bench.current_changed.connect(self._follow)

    def show_study(self, study: Study) -> None:
        """List a study's series, in front where one may be chosen of them.

        The keyboard goes there unless a series was opened by itself.
        """
        self._studies = [study, *(old for old in self._studies if old.roots != study.roots)]
        del self._studies[MOST_STUDIES:]
        self.browser.show_study(study)
        self._mark_open()
        if not study.is_choice:
            self._follow(self._bench.current)
            self.dock.show()
            self.listed.emit()
            return
        if self._bench.current is not None and study in self._studies_of(self._bench.current):
            self._follow(self._bench.current)
        self.show_panel(with_focus=self._bench.session.case_of(study.preselected) is None)

    def _studies_of(self, case: Case) -> list[Study]:
        """Return the studies that list the series of a case, the one found last first."""
        volumes = case.stack.volumes
        return [s for s in self._studies if any(stack.volumes == volumes for stack in s.stacks)]

    def _follow(self, case: Case | None) -> None:
        """Select the series of the picture that is shown, and list its study."""
        if case is None:
            return
        studies = self._studies_of(case)
        if not studies:
            self.browser.show_selected(None)
            return
        if studies[0] is not self.browser.study:
            self.browser.show_study(studies[0])
            self._mark_open()
        here = (s for s in studies[0].stacks if s.volumes == case.stack.volumes)
        self.browser.show_selected(next(here))

    def show_panel(self, with_focus: bool = True) -> None:
        """Bring the panel to the front."""
        self.dock.show()
        self.dock.raise_()
        if with_focus:
            self.browser.tree.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def ask_companion(self) -> None:
        """Let the user choose the current case's other contrast, and grade discs with it.

        Series of the same study stand first; a file is asked for where there are none.
        """
        stacks = self.companions()
        if not stacks:
            self.ask_companion_file()
            return
        window = self.dock.window()
        assert window is not None
        self.choice = menu = QMenu(window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for stack in stacks:
            words = companion_text(stack.first).replace("&", "&&")
            action = menu.addAction(words)
            assert action is not None
            action.triggered.connect(partial(self._take_stack, stack))
        menu.addSeparator()
        menu.addAction(OTHER_FILE, self.ask_companion_file)
        menu.setActiveAction(menu.actions()[0])
        menu.popup(window.mapToGlobal(window.rect().center()))

    def companions(self) -> list[SeriesStack]:
        """Return the series of the study of the current case that may be its other contrast."""
        study, case = self.browser.study, self._bench.current
        if study is None or case is None:
            return []
        of_study = {stack.volumes for stack in study.stacks}
        if case.stack.volumes not in of_study:
            return []
        same = [s for s in study.stacks if s.first.study == case.stack.first.study]
        return [stack for stack in same if self._may_be_companion(stack)]

    def _take_stack(self, stack: SeriesStack, _checked: bool = False) -> None:
        self.take_companion(stack.first)

    def ask_companion_file(self) -> None:
        """Let the user choose a file of the other contrast."""
        path = self._bench.opener.ask_companion(self.dock)
        if path is not None:
            self.take_companion(path)

    def take_companion(self, companion: Companion | None) -> None:
        """Analyse the current case beside its other contrast, or without one."""
        case = self._bench.current
        if case is not None:
            case.companion = companion
            self._bench.session.analyse(case, case.wanted_examination)

    def _open(self, stacks: Sequence[SeriesStack]) -> None:
        study = self.browser.study
        if study is not None:
            self._bench.open_cases([study.opening(stack) for stack in stacks])
            self.opened.emit()

    def _mark_open(self) -> None:
        study, session = self.browser.study, self._bench.session
        if study is not None:
            cases = {case.stack.volumes for case in session.cases}
            self.browser.set_open({s.number for s in study.stacks if s.volumes in cases})

    def _may_be_companion(self, stack: SeriesStack) -> bool:
        case = self._bench.current
        if case is None or case.finding is None or case.stack.volumes == stack.volumes:
            return False
        if self._bench.readings.is_signed:
            return False
        examination = case.finding.analysis.examination
        if examination is None or not examination.grades_discs:
            return False
        return examination in (stack.first.possible_examinations or ())
