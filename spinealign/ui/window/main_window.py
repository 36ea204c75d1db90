"""The main window: cases at the left, picture in the middle, results at the right."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
)
from PyQt6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.discs import Disc
from spinealign.domain.reading import Finding
from spinealign.ui.cases.case import Case
from spinealign.ui.cases.cases_panel import CasesPanel
from spinealign.ui.cases.welcome import Welcome
from spinealign.ui.correcting.correction_controller import CorrectionController
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.picture.drawing_tools import ToolName
from spinealign.ui.picture.viewer import Viewer
from spinealign.ui.reading.key_value import key_value
from spinealign.ui.reading.places import (
    FINDING_ROOM,
    LEAST_SHARE_SHOWN,
    body_of,
    disc_of,
    measurement_of,
)
from spinealign.ui.results.disc_inset import DiscInset
from spinealign.ui.results.results_panel import ResultsPanel
from spinealign.ui.series.reference_lines import ReferenceLines
from spinealign.ui.series.series_panel import SeriesPanel
from spinealign.ui.series.slice_bar import SliceBar
from spinealign.ui.series.slice_navigation import SliceNavigation
from spinealign.ui.settings.settings import SettingsStore
from spinealign.ui.widgets.banner import Banner
from spinealign.ui.widgets.icons import application_icon
from spinealign.ui.widgets.theme import Theme
from spinealign.ui.window.account_commands import AccountCommands
from spinealign.ui.window.actions import (
    Actions,
)
from spinealign.ui.window.archive_commands import ArchiveCommands
from spinealign.ui.window.batch_commands import BatchCommands
from spinealign.ui.window.case_commands import CaseCommands
from spinealign.ui.window.case_messages import CaseMessages
from spinealign.ui.window.closing import WindowCloser
from spinealign.ui.window.command_states import CommandStates
from spinealign.ui.window.commands import (
    connect_date,
    connect_deidentify,
    connect_editing,
    connect_files,
    connect_help,
    connect_overlay,
    connect_patient,
    connect_picture,
    connect_preferences,
    connect_recent,
    connect_series,
    connect_session,
    connect_windows,
    opacity_slider,
    panel_action,
    save_part,
    show_file_locations,
)
from spinealign.ui.window.crash import CrashDialog
from spinealign.ui.window.dicom_commands import DicomCommands
from spinealign.ui.window.file_locations import first_start_notice
from spinealign.ui.window.focus_ring import FocusRing
from spinealign.ui.window.menus import (
    build_edit_bar,
    build_menus,
    build_tool_bar,
    image_type_button,
)
from spinealign.ui.window.model_commands import ModelCommands
from spinealign.ui.window.network_commands import NetworkCommands
from spinealign.ui.window.patient_strip import PatientStrip
from spinealign.ui.window.picture_states import PictureStates
from spinealign.ui.window.reading_commands import ReadingCommands
from spinealign.ui.window.settings_commands import SettingsCommands
from spinealign.ui.window.status_line import StatusLine, WorkStatus
from spinealign.ui.window.tour import first_steps
from spinealign.ui.window.turning import Turning
from spinealign.ui.window.turning_commands import TurningCommands
from spinealign.ui.window.window_layout import PanelLayout
from spinealign.ui.window.window_level_menu import WindowMenu
from spinealign.ui.work.services import Services
from spinealign.ui.workbench import Workbench
from spinealign.wording.corrections import SHOWN_AGAIN, edit_state_text

TOOL_PAGES = {
    ToolName.POINTER: "correcting",
    ToolName.VERTEBRA: "correcting",
    ToolName.CALIBRATE: "calibrating",
    ToolName.STRAIGHTEN: "turning",
}
"""Page of the manual about a tool of the picture; all others measure."""


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
    """Puts the parts together around one workbench.

    Parameters
    ----------
    services : Services
        What the lower layers do.
    store : SettingsStore
        Where settings lie.
    """

    def __init__(self, services: Services, store: SettingsStore) -> None:
        super().__init__()
        self.workbench = bench = Workbench(services, store, self)
        self.theme = Theme(bench.preferences.settings.theme, self)
        self.actions_by_name = Actions(self)
        self._make_widgets()
        # Before any other part hears of it: a picture is fitted to a viewer that is seen.
        bench.current_changed.connect(self._turn_page)
        self.navigation = SliceNavigation(bench, self.viewer, self.slice_bar)
        self.correction = CorrectionController(
            self, bench.editing, self.viewer, self.results, bench.preferences, bench.messages,
            bench.readings,
        )  # fmt: skip
        self.references = ReferenceLines(bench, self.viewer, self.navigation)
        self.correction.menu.ways_from = self.references.ways_from
        self.work_status = WorkStatus(bench, self.status)
        self.closer = WindowCloser(self, bench, self.work_status, self.correction.may_close)
        self._lay_out()
        self._build_bars()
        self._connect_commands()
        self._connect_messages()
        opener = self.tool_bar.widgetForAction(self.actions_by_name["open"])
        begin = self.welcome.samples, opener or self.tool_bar
        self.tour = first_steps(self, self.theme, begin, self.cases_dock, self.results_dock)
        self.actions_by_name.on("first_steps", self.tour.start)
        bench.session.added.connect(self.tour.pass_beginning)
        self._connect_cases()
        self._connect_results()
        self._connect_picture()
        self.theme.changed.connect(self._apply_theme)
        self.closer.closing.connect(lambda: self.panels.remember(bench.preferences))
        self.closer.closing.connect(self.network.desk.shut_down)
        self.closer.closing.connect(self.accounts.close)
        self.panels.restore(bench.preferences.state)
        # The series of the last session are not open any more.
        self.series.dock.hide()
        self.ring = FocusRing(self, self._parts())
        self._turn_page(None)
        self._show_title()

    def _parts(self) -> list[QWidget]:
        """Return the parts of the window in the order in which Tab passes them."""
        return [
            self.tool_bar, self.cases_dock, self.series.dock, self.patient, self.edit_bar,
            self.banner, self.pages, self.slice_bar, self.results_dock, self.status,
        ]  # fmt: skip

    def focusNextPrevChild(self, next: bool) -> bool:
        """Go on with Tab in the order of the parts, not in that in which they were made."""
        return self.ring.move(next) or super().focusNextPrevChild(next)

    def start(self, paths: Sequence[Path] = ()) -> None:
        """Begin to work, once the window is on the screen and, with accounts, somebody is in."""
        self.accounts.start(partial(self._begin, paths))

    def _begin(self, paths: Sequence[Path]) -> None:
        bench = self.workbench
        if bench.preferences.is_first_start:
            where = partial(show_file_locations, bench, self)
            notice = first_start_notice(bench.preferences)
            bench.messages.notice(notice, "File locations…", where)
            if not paths:
                self.tour.start()
        bench.start(paths)
        self.network.desk.begin()

    def _make_widgets(self) -> None:
        bench, colours = self.workbench, self.theme.colours
        self.status = StatusLine()
        self.viewer, self.slice_bar = Viewer(), SliceBar()
        is_hidden = bench.preferences.settings.hide_patient_data
        self.patient = PatientStrip(bench.services, bench.patients, is_hidden)
        self.welcome = Welcome(bench.preferences.is_first_start)
        self.cases = CasesPanel(bench.thumbnails, colours)
        self.results = ResultsPanel(colours, bench.readings)
        self.series = SeriesPanel(bench, colours)
        self.disc_inset = DiscInset(self.viewer, self.results.disc_choice)

    def _lay_out(self) -> None:
        self.setWindowIcon(application_icon())
        self.setDockNestingEnabled(False)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.welcome)
        self.pages.addWidget(self.viewer)
        self._picture_row = QHBoxLayout()
        self._picture_row.setSpacing(0)
        self._picture_row.addWidget(self.pages, 1)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.patient)
        column.addLayout(self._picture_row, 1)
        column.addWidget(self.slice_bar)
        self.setCentralWidget(middle)
        self.banner = Banner(over=self.pages)
        self.banner.height_changed.connect(self.welcome.keep_free)
        self.banner.height_changed.connect(self.viewer.keep_free)
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        self.cases_dock = self._dock("Cases", self.cases, left)
        self.results_dock = self._dock("Results", self.results, right)
        self.addDockWidget(left, self.series.dock)
        self._explain_parts()
        self.tabifyDockWidget(self.cases_dock, self.series.dock)
        self.panels = PanelLayout(self, self.cases_dock, self.series.dock, self.results_dock)
        self.setStatusBar(self.status)

    def _explain_parts(self) -> None:
        """Say which page of the manual F1 opens where the focus is."""
        for part, page in (
            (self.cases_dock, "opening"), (self.series.dock, "opening"), (self.welcome, "start"),
            (self.results_dock, "reading"), (self.viewer, "correcting"), (self.slice_bar, "mr"),
        ):  # fmt: skip
            explain(part, page)

    def _dock(self, title: str, content: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(title.lower())
        dock.setWidget(content)
        self.addDockWidget(area, dock)
        return dock

    def _build_bars(self) -> None:
        bench, actions = self.workbench, self.actions_by_name
        docks = (self.cases_dock, self.series.dock, self.results_dock)
        self.windows = WindowMenu(self.viewer.picture, actions)
        panels = [panel_action(dock) for dock in docks]
        recent = build_menus(self, actions, self.windows.menu, panels)
        connect_recent(recent, bench, self.cases)
        self.image_type_button = image_type_button(actions)
        self.opacity_slider = opacity_slider(self.viewer, bench.preferences)
        buttons = {"WINDOW": self.windows.button, "IMAGE_TYPE": self.image_type_button}
        self.tool_bar = build_tool_bar(self, actions, {"OPACITY": self.opacity_slider, **buttons})
        self.edit_bar = build_edit_bar(actions)
        self._picture_row.insertWidget(0, self.edit_bar)
        self.states = CommandStates(actions, bench, self.patient, self.image_type_button)

    def _connect_commands(self) -> None:
        bench, actions = self.workbench, self.actions_by_name
        preferences = bench.preferences
        connect_files(actions, bench, self.patient, self)
        self.case_commands = CaseCommands(actions, bench, self.cases, self.work_status, self)
        connect_session(actions, bench, self.welcome)
        connect_series(actions, self.series, self.navigation, self.cases)
        connect_windows(actions, bench, self.theme, self)
        connect_picture(actions, self.viewer, self.opacity_slider)
        connect_patient(actions, self.patient, self.viewer, self.series, self.cases, preferences)
        connect_overlay(actions, self.viewer, preferences)
        connect_editing(actions, self.correction, bench.undoing, self.viewer, preferences)
        connect_date(actions, self.correction, self)
        connect_preferences(actions, preferences, self.theme, self)
        connect_help(actions, bench, self)
        self.picture_states = PictureStates(
            actions, bench, self.viewer, self.navigation, self.correction.measures,
            self.opacity_slider,
        )  # fmt: skip
        self.settings_commands = SettingsCommands(
            actions, bench, self.theme, self.opacity_slider, self.correction.measures,
            self.results, self.navigation, self,
        )  # fmt: skip
        self.turning = Turning(bench, self.viewer, self)
        self.turning.presented.connect(self._update_current_row)
        self.turning_commands = TurningCommands(actions, bench, self.turning)
        self.correction.editor.level_drawn.connect(self.turning.straighten)
        self.results.turn_requested.connect(self.turning.turn_and_analyse)
        self.reading_commands = ReadingCommands(actions, bench, self.results, self.patient, self)
        self.dicom_commands = DicomCommands(actions, bench, self.patient, self)
        self.network = NetworkCommands(
            actions, bench, self.dicom_commands, self.patient, self.status, self
        )
        connect_deidentify(actions, bench, self)
        self.models = ModelCommands(actions, bench, self.results, self)
        self.accounts = AccountCommands(
            actions,
            bench,
            self,
            self.correction.may_close,
            self._hand_on_typed,
            self.viewer.image_shown,
        )
        self.archive = ArchiveCommands(actions, bench, self.accounts, self.cases, self.theme, self)
        self.batch = BatchCommands(actions, bench, self.network, self.archive, self)
        for source in (self.welcome, self.results):
            source.open_requested.connect(actions["open"].trigger)
        self.welcome.folder_requested.connect(actions["open_folder"].trigger)

    def _connect_messages(self) -> None:
        messages = self.workbench.messages
        self.case_messages = CaseMessages(self.banner, self.workbench, self.results)
        messages.crashed.connect(lambda error: CrashDialog(error, self).open())
        self.status.cancel_requested.connect(self.case_commands.stop)
        at_work = self.workbench.at_work
        at_work.changed.connect(lambda: self.status.show_user(at_work.full_name))
        editing, picture = self.workbench.editing, self.viewer.picture
        self.workbench.saver.layers_of = lambda analysis: (
            picture.layers if analysis is editing.analysis else None
        )
        self.correction.editor.hint_changed.connect(self.status.show_hint)
        self.correction.editor.tool_changed.connect(self._show_what_is_drawn)
        self.correction.editor.tool_changed.connect(
            lambda tool: explain(self.viewer, TOOL_PAGES.get(tool, "measuring"))
        )

    def _connect_cases(self) -> None:
        bench, session, cases = self.workbench, self.workbench.session, self.cases
        cases.model.key_value_of = lambda case: key_value(bench.readings.shown_of(case))
        self.navigation.preview_of = cases.preview_of
        self.patient.comes = lambda: bench.current is not None and bench.current.is_coming
        session.added.connect(cases.add_cases)
        session.removed.connect(cases.remove_cases)
        for signal in (session.changed, session.display_ready, bench.editing.edited_changed):
            signal.connect(cases.update_case)
        bench.readings.status_changed.connect(cases.update_case)
        bench.readings.changed.connect(self._update_current_row)
        bench.current_changed.connect(cases.select_case)
        cases.view.activated.connect(lambda: self.viewer.setFocus())
        cases.file_chosen.connect(bench.opener.open_recent)
        # What was opened is there; a study to choose from comes to the front after it.
        bench.opener.opened.connect(self._show_cases)
        self.series.listed.connect(self._show_cases)
        cases.forget_requested.connect(bench.preferences.forget)
        cases.clear_recent_requested.connect(bench.preferences.clear_recent)
        bench.samples_read.connect(self.welcome.set_samples)
        self.welcome.sample_chosen.connect(bench.opener.open_sample)
        self.dropped.connect(bench.opener.open_mime)

    def _show_cases(self) -> None:
        self.panels.show_opened(len(self.workbench.session.cases))

    def _update_current_row(self) -> None:
        if self.workbench.current is not None:
            self.cases.update_case(self.workbench.current)

    def _connect_results(self) -> None:
        bench, results = self.workbench, self.results
        bench.current_changed.connect(results.show_case)
        bench.current_updated.connect(results.show_case)
        results.examination_chosen.connect(self.navigation.analyse_as)
        results.again_requested.connect(self.navigation.analyse_here)
        results.demonstration_requested.connect(self.navigation.show_demonstration)
        results.save_requested.connect(partial(save_part, bench, self.patient, self))
        results.highlighted.connect(self._highlight)
        results.disc_selected.connect(self._look_at_disc)
        results.looked_at.connect(self._look_at_findings)
        patient = self.patient
        patient.facts_changed.connect(
            lambda: results.show_patient(patient.facts, patient.is_unnamed)
        )
        bench.editing.began.connect(self.disc_inset.hide_inset)
        bench.editing.corrected.connect(self.disc_inset.follow)

    def _connect_picture(self) -> None:
        editing, viewer = self.workbench.editing, self.viewer
        viewer.pixel_read.connect(self.status.show_pixel)
        viewer.zoom_changed.connect(self._show_zoom)
        viewer.image_shown.connect(self._show_zoom)
        self.navigation.moved.connect(self.states.refresh)
        shown = self.workbench.preferences.settings.show_reference_lines
        self.actions_by_name.check("reference_lines", shown)
        self.actions_by_name["reference_lines"].toggled.connect(self.references.set_shown)
        self.navigation.placed.connect(self._show_title)
        self.navigation.placed.connect(self._show_foreign)
        self.results.return_wanted.connect(self.navigation.follow)
        self.series.opened.connect(viewer.setFocus)
        editing.began.connect(self._show_title)
        editing.changed.connect(self._show_title)

    def _show_foreign(self) -> None:
        """Say whose results are shown, and let nobody decide on what is not seen."""
        self.results.show_foreign(*self.navigation.foreign)
        self.workbench.readings.look_elsewhere(self.navigation.why_undecided)

    def _turn_page(self, case: Case | None) -> None:
        """Show the picture, or how to begin."""
        self.edit_bar.setVisible(case is not None)
        if case is not None and self.pages.currentWidget() is self.welcome:
            # Else Qt hands the keys of the welcome page to whatever comes next.
            self.viewer.setFocus()
        self.pages.setCurrentWidget(self.welcome if case is None else self.viewer)

    def _show_title(self) -> None:
        """Name the current case, and whether it was corrected, in the window's title."""
        case = self.workbench.current
        shown = self.workbench.editing.analysis
        edits = "" if shown is None else edit_state_text(shown)
        words = [self.navigation.title, edits] if case is not None else []
        self.setWindowTitle(" – ".join([*filter(None, words), "SpineAlign"]))

    def _show_zoom(self) -> None:
        is_empty = self.viewer.picture.display is None
        self.status.show_zoom(None if is_empty else self.viewer.zoom)

    def _highlight(self, class_id: int | None) -> None:
        if class_id is not None:
            self.navigation.follow()
        self.viewer.picture.highlight(class_id)
        if class_id is not None:
            self.actions_by_name.check("overlay")

    def _show_what_is_drawn(self, tool: ToolName) -> None:
        """Show what lies over the picture to whoever begins to draw on it."""
        if tool is ToolName.POINTER:
            return
        actions = self.actions_by_name
        hidden = [name for name in ("overlay", "measures") if not actions[name].isChecked()]
        for name in hidden:
            actions.check(name)
        if hidden:
            self.status.tell(SHOWN_AGAIN["overlay" if "overlay" in hidden else "measures"])

    def _look_at_disc(self, disc: Disc) -> None:
        self.navigation.follow()
        analysis = self.workbench.editing.analysis
        if analysis is not None:
            self.disc_inset.look_at(disc, analysis)

    def _look_at_findings(self, findings: Sequence[Finding]) -> None:
        """Go to the place of a line of the reading page, and show what it says on the picture."""
        self.navigation.follow()
        analysis, first = self.workbench.editing.analysis, findings[0]
        if analysis is None or first.box is None:
            self.disc_inset.hide_inset()
            self.viewer.fit()
            return
        disc = disc_of(analysis, first)
        if disc is not None:
            self.results.disc_choice.index_from_bottom = disc.index_from_bottom
            self._look_at_disc(disc)
            return
        self.disc_inset.hide_inset()
        left, top, right, bottom = first.box
        least = LEAST_SHARE_SHOWN * max(analysis.image.shape)
        side = max(FINDING_ROOM * max(right - left, bottom - top), least)
        self.viewer.show_place((left + right) / 2, (top + bottom) / 2, side)
        measured = measurement_of(analysis, first)
        if measured is not None:
            self.results.measure_selected.emit(measured)
        body = body_of(analysis, first)
        self.viewer.picture.mark(() if body is None else body.outline)

    def _apply_theme(self) -> None:
        for part in (self.cases, self.results, self.series.browser):
            part.set_colours(self.theme.colours)
        self.welcome.samples.refresh_icons()
        self.banner.refresh()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Say why the command of a key is not offered now; nothing else would answer it."""
        if event is not None and not event.isAutoRepeat():
            reason = self.actions_by_name.reason_of_keys(QKeySequence(event.keyCombination()))
            if reason:
                self.status.tell(reason)
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Lay the panels behind one another where the window is too narrow for three columns."""
        super().resizeEvent(event)
        self.panels.adapt()

    def _hand_on_typed(self) -> None:
        self.results.finish_typing()
        self.reading_commands.finish_typing()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Cancel analyses, let files be written to their end, remember the window, leave."""
        self._hand_on_typed()
        if event is not None:
            self.closer.close(event)
