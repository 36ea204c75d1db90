"""Connects the window's commands with what they do; each group is handed what it uses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QDockWidget, QMenu, QSlider, QWidget

from spinealign import wording
from spinealign.domain.examination import EXAMINATIONS
from spinealign.domain.findings import Analysis
from spinealign.export.exporters import EXPORTERS, OVERLAY
from spinealign.ui.cases.cases_panel import CasesPanel
from spinealign.ui.cases.saving import ReportPatient
from spinealign.ui.cases.welcome import Welcome
from spinealign.ui.compare.compare_dialog import CompareWindow
from spinealign.ui.correcting.correction_controller import CorrectionController
from spinealign.ui.correcting.undoing import Undoing
from spinealign.ui.manual.manual_window import KEYBOARD_PAGE, open_manual, page_of
from spinealign.ui.picture.drawing_tools import ToolName
from spinealign.ui.picture.viewer import Viewer
from spinealign.ui.series.all_slices_window import SlicesWindow
from spinealign.ui.series.series_panel import SeriesPanel
from spinealign.ui.series.slice_navigation import SliceNavigation
from spinealign.ui.settings.preferences import Preferences
from spinealign.ui.settings.recent import Recent
from spinealign.ui.settings.settings import OverlayStyle, ThemeChoice
from spinealign.ui.widgets.theme import Theme
from spinealign.ui.window.actions import (
    MAX_RECENT_IN_MENU,
    REPORTS,
    Actions,
    deidentified_command,
    image_type_command,
)
from spinealign.ui.window.date_dialog import DateDialog
from spinealign.ui.window.dialogs import about_dialog
from spinealign.ui.window.file_locations import FileLocationsDialog
from spinealign.ui.window.patient_strip import PatientStrip
from spinealign.ui.work.tasks import TaskRunner
from spinealign.ui.workbench import Workbench

OPACITY_STEP_PERCENT = 10
NO_LAST_SESSION = "Nothing is remembered of the last session"


def connect_files(
    actions: Actions, bench: Workbench, patient: PatientStrip, window: QWidget
) -> None:
    """Open, paste, save, print and copy; questions stand in front of the window."""
    opener, saver = bench.opener, bench.saver
    actions.on("open", partial(opener.ask_files, window))
    actions.on("open_folder", partial(opener.ask_folder, window))
    actions.on("paste", opener.paste)
    actions.on("save", _of_result(bench, lambda result: saver.save_results([result], window)))
    for kind in (kind for kind, one in EXPORTERS.items() if not one.is_dicom):
        actions.on(f"save_{kind}", partial(save_part, bench, patient, window, kind))
    for kind in REPORTS:
        actions.on(deidentified_command(kind), partial(_save_deidentified, bench, window, kind))
    actions.on("print", partial(_print_report, bench, patient, window))
    actions.on("copy_finding", _of_result(bench, saver.copy_finding))
    actions.on("quit", window.close)


def _of_result(bench: Workbench, act: Callable[[Analysis], object]) -> Callable[[], None]:
    def command() -> None:
        result = bench.current_analysis
        if result is not None:
            act(result)

    return command


def save_part(bench: Workbench, patient: PatientStrip, window: QWidget, kind: str) -> None:
    """Save one kind of result of the case that is shown; pictures as they are seen."""
    result, saver = bench.current_analysis, bench.saver
    if kind == OVERLAY and bench.editing.is_bare:
        result = bench.editing.analysis
    if result is None:
        return
    if kind in REPORTS:
        saver.save_report(result, kind, patient.report_patient, window)
    else:
        saver.save_part(result, kind, window)


def _save_deidentified(bench: Workbench, window: QWidget, kind: str) -> None:
    whose = ReportPatient.DEIDENTIFIED
    _of_result(bench, lambda result: bench.saver.save_report(result, kind, whose, window))()


def _print_report(bench: Workbench, patient: PatientStrip, window: QWidget) -> None:
    whose = patient.report_patient
    title = f"Report {whose.words}".rstrip()

    def show(data: bytes) -> None:
        from spinealign.ui.printing.pages import PdfPages
        from spinealign.ui.printing.preview import ReportPreview

        ReportPreview(PdfPages(data), title, window).open()

    def preview(result: Analysis) -> None:
        if bench.saver.may_pass_on([result]):
            bench.saver.preview_report(result, whose, show)

    _of_result(bench, preview)()


def connect_session(actions: Actions, bench: Workbench, welcome: Welcome) -> None:
    """Offer what was open when the window was closed last, until it is forgotten."""
    preferences = bench.preferences

    def offer() -> None:
        count = len(preferences.last_session)
        welcome.offer_session(count)
        actions.offer("open_last_session", "" if count else NO_LAST_SESSION)

    actions.on("open_last_session", lambda: bench.opener.open_again(preferences.last_session))
    welcome.last_session_requested.connect(actions["open_last_session"].trigger)
    welcome.forget_session_requested.connect(preferences.forget_session)
    preferences.recent_changed.connect(offer)
    offer()


def connect_series(
    actions: Actions, series: SeriesPanel, navigation: SliceNavigation, cases: CasesPanel
) -> None:
    """Go from slice to slice, and analyse one of them, or the cases that are selected."""

    def again() -> None:
        several = cases.selected
        if len(several) > 1:
            cases.again_requested.emit(several)
        else:
            navigation.analyse_here()

    actions.on("again", again)
    actions.on("next_slice", partial(navigation.step, 1))
    actions.on("previous_slice", partial(navigation.step, -1))
    actions.on("result_slice", navigation.follow)
    actions.on("series", series.show_panel)
    actions.on("add_companion", series.ask_companion)
    actions.on("drop_companion", partial(series.take_companion, None))
    for each in (None, *EXAMINATIONS.values()):
        actions.on(image_type_command(each), partial(navigation.analyse_as, each))


def connect_windows(actions: Actions, bench: Workbench, theme: Theme, window: QWidget) -> None:
    """Open windows beside this one: two examinations, all slices of a series."""
    actions.on("compare", lambda: CompareWindow(bench, theme, window).show_filled())
    actions.on("all_slices", partial(_open_slices, bench, window))


def _open_slices(bench: Workbench, window: QWidget) -> None:
    case = bench.current
    if case is not None:
        volume = case.place.volume if case.place is not None else 0
        source = case.path if case.stack.is_single else case.stack.volumes[volume]
        SlicesWindow(bench, source, window, case).show()


def connect_picture(actions: Actions, viewer: Viewer, slider: QSlider) -> None:
    """Zoom, greys, and how opaque the overlay is."""
    picture = viewer.picture
    actions.on("fit", viewer.fit)
    actions.on("one_to_one", partial(viewer.zoom_to, 1.0))
    actions.on("zoom_in", viewer.zoom_in)
    actions.on("zoom_out", viewer.zoom_out)
    picture.window_changed.connect(lambda: actions.check("invert", picture.is_inverted))
    step = OPACITY_STEP_PERCENT
    actions.on("less_opacity", lambda: slider.setValue(slider.value() - step))
    actions.on("more_opacity", lambda: slider.setValue(slider.value() + step))


def connect_patient(
    actions: Actions,
    strip: PatientStrip,
    viewer: Viewer,
    series: SeriesPanel,
    cases: CasesPanel,
    preferences: Preferences,
) -> None:
    """Show whose picture it is, or hide that everywhere."""
    hide = actions["hide_patient"]
    actions.check("hide_patient", preferences.settings.hide_patient_data)
    hide.toggled.connect(strip.set_hidden)
    hide.toggled.connect(series.browser.hide_patients)
    hide.toggled.connect(cases.hide_patients)
    series.browser.hide_patients(hide.isChecked())
    cases.hide_patients(hide.isChecked())
    hide.toggled.connect(lambda on: preferences.choose(hide_patient_data=on))
    strip.hide_requested.connect(hide.trigger)
    viewer.image_shown.connect(strip.show_patient_of)


def connect_overlay(actions: Actions, viewer: Viewer, preferences: Preferences) -> None:
    """Choose what of the result lies over the picture, and how."""
    picture = viewer.picture

    def set_outlines(only: bool) -> None:
        style = OverlayStyle.OUTLINES if only else OverlayStyle.FILLED
        picture.set_overlay_style(style)
        preferences.choose(overlay_style=style)

    actions["overlay"].toggled.connect(picture.set_overlay_shown)
    actions["overlay"].toggled.connect(lambda on: preferences.choose(show_overlay=on))
    actions["heatmap"].toggled.connect(picture.set_heatmap_shown)
    actions["heatmap"].toggled.connect(lambda on: preferences.choose(show_heatmap=on))
    actions["outlines"].toggled.connect(set_outlines)
    viewer.overlay_toggle_requested.connect(actions["overlay"].toggle)
    settings = preferences.settings
    picture.set_overlay_shown(settings.show_overlay)
    picture.set_heatmap_shown(settings.show_heatmap)
    actions.check("overlay", settings.show_overlay)
    actions.check("heatmap", settings.show_heatmap)
    actions.check("outlines", settings.overlay_style is OverlayStyle.OUTLINES)


def connect_editing(
    actions: Actions,
    correction: CorrectionController,
    undoing: Undoing,
    viewer: Viewer,
    preferences: Preferences,
) -> None:
    """Correct bodies and levels, and measure by hand."""
    editing, changes = correction.editing, correction.changes
    actions.on("undo", undoing.undo)
    actions.on("redo", undoing.redo)
    actions.on("reset_edits", editing.reset)
    actions.on("accept_suggestions", changes.accept_all)
    actions.on("swap_anterior_posterior", changes.swap_anterior_posterior)
    actions.on("bent_film", lambda: changes.set_bent(actions["bent_film"].isChecked()))
    actions.on("levels_up", partial(changes.shift_levels, 1))
    actions.on("levels_down", partial(changes.shift_levels, -1))
    actions.on("remove_calibration", changes.remove_calibration)
    actions.on("delete_drawings", changes.delete_drawings)
    for name in ToolName:
        actions.on(f"tool_{name.value}", partial(_take_tool, correction, viewer, name))
    correction.editor.tool_changed.connect(lambda name: actions.check(f"tool_{name.value}"))
    actions.check("tool_pointer")
    actions["measures"].toggled.connect(correction.measures.set_shown)
    actions.check("measures", preferences.settings.show_measures)


def connect_date(actions: Actions, correction: CorrectionController, window: QWidget) -> None:
    """Give an examination a date."""

    def ask() -> None:
        state = correction.editing.corrections
        if state is not None:
            dialog = DateDialog(state.examination_date, window)
            dialog.chosen.connect(correction.changes.set_examination_date)
            dialog.open()

    actions.on("examination_date", ask)


def _take_tool(correction: CorrectionController, viewer: Viewer, name: ToolName) -> None:
    correction.editor.take_tool(name)
    # The keys that end a drawing are for the picture.
    viewer.setFocus(Qt.FocusReason.OtherFocusReason)


def connect_deidentify(actions: Actions, bench: Workbench, window: QWidget) -> None:
    """Write copies of images without the patient."""
    runner = TaskRunner(bench.messages, bench)
    bench.add_runner(runner)

    def show() -> None:
        from spinealign.ui.deidentify.dialog import DeidentifyDialog

        stacks = [volume for case in bench.session.cases for volume in case.stack.volumes]
        files = dict.fromkeys(part.path for volume in stacks for part in volume.parts)
        folder = bench.preferences.folder
        dialog = DeidentifyDialog(runner, bench.messages, folder, [*files], window)
        at_work = bench.at_work
        dialog.may_write = lambda paths: at_work.record("deidentify", paths, "")
        dialog.failed_to_write = partial(at_work.record_failure, "deidentify")
        dialog.away = bench.services.away
        dialog.open()

    actions.on("deidentify", show)


def connect_preferences(
    actions: Actions, preferences: Preferences, theme: Theme, window: QWidget
) -> None:
    """Choose the theme, what is remembered, and how large the window is."""

    def choose_theme(choice: ThemeChoice) -> None:
        preferences.choose(theme=choice)
        theme.choose(choice)

    for choice in ThemeChoice:
        actions.on(f"theme_{choice.value}", partial(choose_theme, choice))
    actions.check(f"theme_{preferences.settings.theme.value}")
    actions.check("remember_recent", preferences.settings.remember_recent)
    actions["remember_recent"].toggled.connect(preferences.set_remembering)
    actions.on("clear_recent", preferences.clear_recent)
    actions["full_screen"].toggled.connect(
        lambda on: window.showFullScreen() if on else window.showNormal()
    )


def connect_help(actions: Actions, bench: Workbench, window: QWidget) -> None:
    """Open what explains the program."""
    actions.on("start_page", partial(bench.select, None))
    actions.on("manual", lambda: open_manual(page_of(window.focusWidget()), window))
    actions.on("keyboard", partial(open_manual, KEYBOARD_PAGE, window))
    actions.on("places", partial(show_file_locations, bench, window))
    actions.on("about", lambda: about_dialog(window).open_fitted())


def show_file_locations(bench: Workbench, window: QWidget) -> None:
    """Show where files are kept."""
    FileLocationsDialog(bench.preferences, bench.messages, window).open_fitted()


def connect_recent(menu: QMenu, bench: Workbench, cases: CasesPanel) -> None:
    """Keep menu and list of recent files up to date."""
    bench.preferences.recent_changed.connect(lambda: _show_recent(menu, bench, cases))
    _show_recent(menu, bench, cases)


def _show_recent(menu: QMenu, bench: Workbench, cases: CasesPanel) -> None:
    recents = bench.preferences.recent
    cases.set_recent(recents)
    menu.clear()
    menu.setEnabled(bool(recents))
    opener = menu.menuAction()
    if opener is not None:
        opener.setToolTip("" if recents else "No file is remembered")
    for number, recent in enumerate(recents[:MAX_RECENT_IN_MENU], start=1):
        # An ampersand in a file name would underline the letter after it.
        name = recent.title.replace("&", "&&")
        action = menu.addAction(f"&{number}  {name}")
        if action is not None:
            action.setToolTip(wording.safe_text(str(recent.path)))
            action.triggered.connect(partial(_open_recent, bench, recent))


def _open_recent(bench: Workbench, recent: Recent, _checked: bool) -> None:
    bench.opener.open_recent(recent)


def opacity_slider(viewer: Viewer, preferences: Preferences) -> QSlider:
    """Return what sets how opaque the overlay is."""
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 100)
    slider.setPageStep(OPACITY_STEP_PERCENT)
    slider.setFixedWidth(viewer.fontMetrics().averageCharWidth() * 16)
    slider.setAccessibleName("Opacity of the overlay")
    slider.setToolTip("Opacity of overlay and heat map ([ and ])")
    slider.valueChanged.connect(lambda value: viewer.picture.set_opacity(value / 100))
    slider.valueChanged.connect(lambda value: preferences.choose(overlay_opacity=value / 100))
    slider.setValue(round(100 * preferences.settings.overlay_opacity))
    return slider


def panel_action(dock: QDockWidget) -> QAction:
    """Return the command that shows or hides a panel."""
    action = dock.toggleViewAction()
    assert action is not None
    action.setText(f"{dock.windowTitle()} panel")
    return action
