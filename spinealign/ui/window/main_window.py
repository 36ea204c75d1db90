"""The main window: cases at the left, picture in the middle, results at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QMainWindow,
    QSlider,
    QStackedWidget,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from spinealign import wording
from spinealign.domain.discs import Disc
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.image import View
from spinealign.ui.cases.case_session import Case, CaseSession, Opening
from spinealign.ui.cases.cases_panel import CasesPanel, placeholder_text
from spinealign.ui.cases.jobs import read_samples, warm_up
from spinealign.ui.cases.opening import Opener
from spinealign.ui.cases.saving import Saver, saved_message, show_folder
from spinealign.ui.cases.welcome import Welcome
from spinealign.ui.correcting.correction_controller import CorrectionController
from spinealign.ui.picture.viewer import Viewer
from spinealign.ui.results.disc_inset import DiscInset
from spinealign.ui.results.results_panel import ResultsPanel
from spinealign.ui.series.series_panel import SeriesPanel
from spinealign.ui.series.slice_bar import SliceBar
from spinealign.ui.series.slice_navigation import SliceNavigation
from spinealign.ui.settings.preferences import Preferences
from spinealign.ui.settings.settings import SettingsStore
from spinealign.ui.widgets.banner import Banner
from spinealign.ui.widgets.icons import application_icon
from spinealign.ui.widgets.theme import Theme
from spinealign.ui.window.actions import Actions
from spinealign.ui.window.closing import WindowCloser
from spinealign.ui.window.commands import build_commands, enable_commands
from spinealign.ui.window.crash import CrashDialog
from spinealign.ui.window.file_locations import show_first_start_notice
from spinealign.ui.window.patient_strip import PatientStrip
from spinealign.ui.window.status_line import StatusLine, WorkStatus
from spinealign.ui.window.window_layout import restore_layout
from spinealign.ui.window.window_level_menu import WindowMenu
from spinealign.ui.work.services import Sample, Services
from spinealign.ui.work.tasks import TaskRunner
from spinealign.wording import Message


class DropWindow(QMainWindow):
    """Announces what was dropped, as `QMimeData` with addresses."""

    dropped = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take files and folders, nothing else."""
        data = event.mimeData() if event is not None else None
        if event is not None and data is not None and data.hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Announce what was dropped."""
        data = event.mimeData() if event is not None else None
        if event is not None and data is not None:
            event.acceptProposedAction()
            self.dropped.emit(data)


class MainWindow(DropWindow):
    """Puts the parts together and keeps them at one case.

    Parameters
    ----------
    services : Services
        What the lower layers do.
    store : SettingsStore
        Where settings lie.
    """

    def __init__(self, services: Services, store: SettingsStore) -> None:
        super().__init__()
        self.services = services
        self.preferences = Preferences(store, self)
        self.theme = Theme(self.preferences.settings.theme, self)
        self.inference = TaskRunner(self)
        self.files = TaskRunner(self)
        self.session = CaseSession(services, self.inference, self)
        self.looking = TaskRunner(self)
        self.reading = TaskRunner(self)
        self.opener = Opener(self, services, self.looking, self.preferences)
        self.saver = Saver(self, services, self.files, self.preferences)
        self.current: Case | None = None
        self.view_button: QToolButton
        self.windows: WindowMenu
        self.opacity_slider: QSlider
        self.edit_bar: QToolBar
        self._build()
        self.correction = CorrectionController(
            self, services, self.files, self.viewer, self.results, self.preferences
        )
        self.closer = WindowCloser(self)
        self.navigation = SliceNavigation(self, self.slice_bar)
        self.series = SeriesPanel(self)
        self.work_status = WorkStatus(self)
        self.actions_by_name: Actions = build_commands(self)
        self._connect_session()
        self._connect_parts()
        self._connect_correction()
        restore_layout(self)
        self.show_current()

    def start(self, paths: Sequence[Path] = ()) -> None:
        """Begin to work, once the window is on the screen."""
        show_first_start_notice(self)
        for notice in self.preferences.notices:
            self.banner.show_notice(Message(notice, "The settings are back to their defaults."))
        samples = self.files.submit(lambda: read_samples(self.services))
        samples.finished.connect(self._take_samples)
        samples.failed.connect(self.take_failure)
        if paths:
            self.opener.open_paths(paths)
            return
        warming = self.inference.submit(lambda: warm_up(self.services))
        warming.failed.connect(self.take_failure)

    def select(self, case: Case) -> None:
        """Make a case the one that is shown."""
        self.cases.select_case(case)

    def step(self, forward: int) -> None:
        """Go to the next case (1) or the previous one (-1)."""
        cases = self.session.cases
        if not cases:
            return
        here = cases.index(self.current) if self.current in cases else -forward
        self.select(cases[min(max(here + forward, 0), len(cases) - 1)])

    def overrule_view(self, view: View | None) -> None:
        """Analyse the picture that is shown as this view; None lets the program decide."""
        if self.current is not None:
            self.current.wanted_view = view
            self.navigation.analyse_here()

    def analyse_again(self) -> None:
        """Analyse the picture that is shown, once more or for the first time."""
        self.navigation.analyse_here()

    def open_sample(self, sample: Sample) -> None:
        """Open a sample case."""
        self.opener.open_titled(sample.path, sample.title)

    def close_current(self) -> None:
        """Close the current case."""
        if self.current is not None:
            self.session.close(self.current)

    def close_all(self) -> None:
        """Close all cases."""
        for case in tuple(self.session.cases):
            self.session.close(case)

    def stop_work(self) -> None:
        """Cancel looking at files, and the analyses that run and wait."""
        if self.work_status.is_busy:
            self.opener.cancel()
            self.session.cancel()
            self.status.show_idle("Stopped")

    def show_crash(self, error: BaseException) -> None:
        """Show the error report of an unexpected failure."""
        CrashDialog(error, self).open()

    def _build(self) -> None:
        self.setWindowIcon(application_icon())
        self.setDockNestingEnabled(False)
        self.banner = Banner()
        self.viewer = Viewer()
        self.patient = PatientStrip(self.services, self.preferences.settings.hide_patient_data)
        self.welcome = Welcome(self.preferences.is_first_start)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.welcome)
        self.pages.addWidget(self.viewer)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.banner)
        column.addWidget(self.patient)
        self._picture_row = QHBoxLayout()
        self._picture_row.setSpacing(0)
        self._picture_row.addWidget(self.pages, 1)
        column.addLayout(self._picture_row, 1)
        self.slice_bar = SliceBar()
        column.addWidget(self.slice_bar)
        self.setCentralWidget(middle)
        self.cases = CasesPanel(self.theme.colours)
        self.results = ResultsPanel(self.theme.colours)
        self.disc_inset = DiscInset(self.viewer, self.results.disc_choice)
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        self.cases_dock = self._dock("Cases", self.cases, left)
        self.results_dock = self._dock("Results", self.results, right)
        self.status = StatusLine()
        self.setStatusBar(self.status)

    def put_edit_bar(self, bar: QToolBar) -> None:
        """Put the tools that work on the picture beside it."""
        self.edit_bar = bar
        self._picture_row.insertWidget(0, bar)

    def _dock(self, title: str, content: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(title.lower())
        dock.setWidget(content)
        self.addDockWidget(area, dock)
        return dock

    def _connect_session(self) -> None:
        session = self.session
        session.added.connect(self.cases.add_case)
        session.removed.connect(self._case_removed)
        session.changed.connect(self._case_changed)
        session.display_ready.connect(self._display_ready)
        session.finding_ready.connect(self._finding_ready)
        session.failed.connect(lambda _, message: self.banner.show_failure(message))
        session.crashed.connect(self.show_crash)
        session.queue_changed.connect(self._queue_changed)

    def _connect_parts(self) -> None:
        self.dropped.connect(self.opener.open_mime)
        self.opener.opened.connect(self.open_cases)
        self.opener.noticed.connect(self.banner.show_notice)
        self.opener.search_ended.connect(self._queue_changed)
        self.saver.saved.connect(self._saved)
        self.saver.ended.connect(self._queue_changed)
        for part in (self.opener, self.saver):
            part.failed.connect(self.banner.show_failure)
            part.crashed.connect(self.show_crash)
        self.viewer.pixel_read.connect(self.status.show_pixel)
        self.viewer.zoom_changed.connect(self._show_zoom)
        self.cases.case_selected.connect(self._case_selected)
        self.cases.file_chosen.connect(self.opener.open_recent)
        self.cases.again_requested.connect(
            lambda case: self.session.analyse(case, case.wanted_view)
        )
        self.cases.close_requested.connect(self.session.close)
        self.cases.forget_requested.connect(self.preferences.forget)
        self.cases.clear_recent_requested.connect(self.preferences.clear_recent)
        for source in (self.cases, self.welcome, self.results):
            source.sample_chosen.connect(self.open_sample)
        for source in (self.welcome, self.results):
            source.open_requested.connect(self.opener.ask_files)
        self.welcome.folder_requested.connect(self.opener.ask_folder)
        self.results.view_chosen.connect(self.overrule_view)
        self.results.again_requested.connect(self.analyse_again)
        self.results.highlighted.connect(self._highlight)
        self.results.disc_selected.connect(self._look_at_disc)
        self.status.cancel_requested.connect(self.stop_work)
        self.theme.changed.connect(self._apply_theme)
        self.navigation.reader.crashed.connect(self.show_crash)
        self.navigation.moved.connect(partial(enable_commands, self))

    def _connect_correction(self) -> None:
        correction = self.correction
        correction.noticed.connect(self.banner.show_notice)
        correction.failed.connect(self.banner.show_failure)
        correction.crashed.connect(self.show_crash)
        correction.told.connect(self.status.tell)
        correction.editing.changed.connect(self.disc_inset.follow)
        self.results.levels_shifted.connect(correction.changes.shift_levels)
        correction.editor.hint_changed.connect(self.status.show_hint)
        correction.editing.edited_changed.connect(self._edited_changed)

    def open_cases(self, openings: Sequence[Opening]) -> None:
        """Open series as cases and show the first of them."""
        opened = self.session.open(openings)
        if opened:
            self.select(opened[0])

    def _case_selected(self, case: Case) -> None:
        if case is not self.current:
            self.current = case
            self.session.see(case)
            self.show_current()

    def show_current(self) -> None:
        """Show the current case, or how to begin."""
        case = self.current
        self.edit_bar.setVisible(case is not None)
        self.pages.setCurrentWidget(self.welcome if case is None else self.viewer)
        self.navigation.show(case)
        self.disc_inset.put_away()
        self.results.show_case(case)
        self.correction.editing.begin(case)
        self.show_title()
        self._show_zoom(self.viewer.zoom)
        enable_commands(self)

    def _edited_changed(self, case: Case) -> None:
        self.cases.update_case(case)
        self.show_title()

    def show_title(self) -> None:
        """Name the current case, and whether it was corrected, in the window's title."""
        case = self.current
        words = [case.title, case.edit_words] if case is not None else []
        self.setWindowTitle(" – ".join([*filter(None, words), "SpineAlign"]))

    def _case_removed(self, case: Case) -> None:
        cases = self.session.cases
        self.correction.editing.release(case)
        self.cases.remove_case(case)
        if case is self.current:
            self.current = None
            if cases:
                self.select(cases[-1])
            if self.current is None or self.current is case:
                self.show_current()

    def _case_changed(self, case: Case) -> None:
        self.cases.update_case(case)
        if case is self.current:
            self.results.show_case(case)
            if case.display is None and not self.navigation.is_away:
                self.viewer.show_image(None, placeholder_text(case))
            self.navigation.refresh()
        enable_commands(self)

    def _display_ready(self, case: Case) -> None:
        self.cases.update_case(case)
        if case is self.current:
            self.navigation.take_display()

    def _finding_ready(self, case: Case) -> None:
        self.opener.note_success(replace(case.recent, place=case.shown_place))
        self.correction.editing.adopt(case)
        if case.finding is not None and case.finding.notice is not None:
            self.banner.show_failure(case.finding.notice)
        if case is self.current and case.finding is not None:
            self.disc_inset.put_away()
            self.navigation.take_finding()
            self.show_title()

    def _queue_changed(self) -> None:
        self.work_status.refresh()
        enable_commands(self)

    def _saved(self, written: Sequence[Path], left_out: int) -> None:
        message = saved_message(written, left_out)
        self.banner.show_notice(message, "Show in folder", partial(show_folder, written))

    def _show_zoom(self, zoom: float) -> None:
        self.status.show_zoom(None if self.viewer.picture.display is None else zoom)

    def _highlight(self, class_id: int | None) -> None:
        if class_id is not None:
            self.navigation.follow()
        self.viewer.picture.highlight(class_id)
        if class_id is not None:
            self.actions_by_name.check("overlay")

    def _look_at_disc(self, disc: Disc) -> None:
        self.navigation.follow()
        analysis = self.correction.editing.analysis
        if analysis is not None:
            self.disc_inset.look_at(disc, analysis)

    def _take_samples(self, samples: Sequence[Sample]) -> None:
        for part in (self.cases, self.welcome, self.results):
            part.set_samples(samples)

    def take_failure(self, error: Exception) -> None:
        """Say what went wrong in a worker thread."""
        if isinstance(error, SpineAlignError):
            self.banner.show_failure(wording.explain(error))
        else:
            self.show_crash(error)

    def _apply_theme(self) -> None:
        self.cases.set_colours(self.theme.colours)
        self.results.set_colours(self.theme.colours)
        self.series.browser.set_colours(self.theme.colours)
        self.welcome.samples.refresh_icons()
        self.banner.refresh()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Cancel analyses, let files be written to their end, remember the window, leave."""
        if event is not None:
            self.closer.close(event)
