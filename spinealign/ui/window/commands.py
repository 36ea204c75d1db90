"""Connects the window's commands with what they do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QDockWidget, QMenu, QSlider

from spinealign import wording
from spinealign.domain.findings import Analysis
from spinealign.domain.image import View
from spinealign.domain.study import FEWEST_SLICES
from spinealign.ui.cases.case_session import CaseStatus
from spinealign.ui.cases.jobs import read_cards
from spinealign.ui.cases.saving import PARTS
from spinealign.ui.compare.compare_dialog import open_comparison
from spinealign.ui.picture.drawing_tools import ToolName
from spinealign.ui.series.all_slices_window import open_slices
from spinealign.ui.settings.settings import OverlayStyle, ThemeChoice
from spinealign.ui.window.actions import (
    MAX_RECENT_IN_MENU,
    Actions,
    build_edit_bar,
    build_menus,
    build_tool_bar,
    view_button,
)
from spinealign.ui.window.dialogs import about_dialog, keyboard_dialog, models_dialog
from spinealign.ui.window.file_locations import show_file_locations
from spinealign.ui.window.window_level_menu import WindowMenu

if TYPE_CHECKING:
    from spinealign.ui.window.main_window import MainWindow

OPACITY_STEP_PERCENT = 10
NEEDS_FINDING = (
    "save", "save_all", "save_report", "save_overlay", "save_json", "copy_finding", "compare",
)  # fmt: skip
NEEDS_CASE = (
    "again", "close_case", "close_all", "view_auto", "view_xray", "view_ct", "view_mr",
    "next_case", "previous_case", "fit", "one_to_one", "zoom_in", "zoom_out", "invert",
    "reset_window",
)  # fmt: skip
LEAFING = ("next_slice", "previous_slice", "result_slice")
VIEW_WORDS = {None: "automatic", View.XRAY: "X-ray", View.CT: "CT", View.MR: "MR"}
EDIT_TOOLS = tuple(f"tool_{name.value}" for name in ToolName)


def build_commands(window: MainWindow) -> Actions:
    """Make all commands of the window, its menus and its tool bar."""
    actions = Actions(window)
    docks = (window.cases_dock, window.series.dock, window.results_dock)
    panels = [_panel_action(dock) for dock in docks]
    window.windows = WindowMenu(window.viewer.picture, actions)
    recent_menu = build_menus(window, actions, window.windows.menu, panels)
    window.view_button = view_button(actions)
    slider = _opacity_slider(window)
    buttons = {"WINDOW": window.windows.button, "VIEW": window.view_button}
    build_tool_bar(window, actions, {"OPACITY": slider, **buttons})
    window.put_edit_bar(build_edit_bar(actions))
    _connect_files(window, actions)
    _connect_cases(window, actions)
    _connect_picture(window, actions, slider)
    _connect_overlay(window, actions)
    _connect_patient(window, actions)
    _connect_editing(window, actions)
    _connect_preferences(window, actions, recent_menu)
    return actions


def _connect_files(window: MainWindow, actions: Actions) -> None:
    opener, saver = window.opener, window.saver
    _on(actions["open"], opener.ask_files)
    _on(actions["open_folder"], opener.ask_folder)
    _on(actions["paste"], opener.paste)
    _on(actions["save"], lambda: _with_analysis(window, lambda a: saver.save_results([a])))
    _on(actions["save_all"], lambda: _save_all(window))
    for kind in PARTS:
        save = partial(_save_part, window, kind)
        _on(actions[f"save_{kind}"], save)
    window.results.save_requested.connect(partial(_save_part, window))
    named = saver.save_named_report
    _on(actions["save_named_report"], lambda: _with_analysis(window, named))
    _on(actions["copy_finding"], lambda: _with_analysis(window, partial(_copy, window)))
    _on(actions["quit"], window.close)


def _save_all(window: MainWindow) -> None:
    done = [case for case in window.session.cases if case.status is CaseStatus.DONE]
    kept = [case.finding.analysis for case in done if case.finding is not None]
    window.saver.save_results(kept, left_out=len(done) - len(kept))


def _save_part(window: MainWindow, kind: str) -> None:
    _with_analysis(window, lambda analysis: window.saver.save_part(analysis, kind))


def _copy(window: MainWindow, analysis: Analysis) -> None:
    window.saver.copy_finding(analysis)
    window.status.step.setText("The finding was copied as text")


def _with_analysis(window: MainWindow, act: Callable[[Analysis], None]) -> None:
    case = window.current
    if case is not None and case.finding is not None:
        act(case.finding.analysis)


def _connect_cases(window: MainWindow, actions: Actions) -> None:
    _on(actions["close_case"], window.close_current)
    _on(actions["close_all"], window.close_all)
    _on(actions["find"], window.cases.focus_search)
    _on(actions["again"], window.analyse_again)
    _on(actions["cancel"], window.stop_work)
    _on(actions["add_companion"], window.series.ask_companion)
    _on(actions["all_slices"], lambda: _open_slices(window))
    _on(actions["drop_companion"], lambda: window.series.take_companion(None))
    _on(actions["compare"], lambda: open_comparison(window))
    _on(actions["next_case"], lambda: window.step(1))
    _on(actions["previous_case"], lambda: window.step(-1))
    _on(actions["next_slice"], lambda: window.navigation.step(1))
    _on(actions["previous_slice"], lambda: window.navigation.step(-1))
    _on(actions["result_slice"], window.navigation.follow)
    _on(actions["series"], window.series.show_panel)
    _on(actions["view_auto"], lambda: window.overrule_view(None))
    for view in (View.XRAY, View.CT, View.MR):
        _on(actions[f"view_{view.value}"], partial(window.overrule_view, view))


def _open_slices(window: MainWindow) -> None:
    case = window.current
    if case is not None:
        volume = case.place.volume if case.place is not None else 0
        is_path = case.stack.is_single
        open_slices(window, case.path if is_path else case.stack.volumes[volume])


def _connect_picture(window: MainWindow, actions: Actions, slider: QSlider) -> None:
    viewer, picture = window.viewer, window.viewer.picture
    _on(actions["fit"], viewer.fit)
    _on(actions["one_to_one"], lambda: viewer.zoom_to(1.0))
    _on(actions["zoom_in"], viewer.zoom_in)
    _on(actions["zoom_out"], viewer.zoom_out)
    _on(actions["reset_window"], picture.reset_window)
    actions["invert"].toggled.connect(picture.set_inverted)
    picture.window_changed.connect(lambda: actions.check("invert", picture.is_inverted))
    step = OPACITY_STEP_PERCENT
    _on(actions["less_opacity"], lambda: slider.setValue(slider.value() - step))
    _on(actions["more_opacity"], lambda: slider.setValue(slider.value() + step))


def _connect_patient(window: MainWindow, actions: Actions) -> None:
    strip, hide = window.patient, actions["hide_patient"]
    actions.check("hide_patient", window.preferences.settings.hide_patient_data)
    hide.toggled.connect(strip.set_hidden)
    hide.toggled.connect(window.series.browser.hide_patients)
    window.series.browser.hide_patients(hide.isChecked())
    hide.toggled.connect(lambda on: window.preferences.choose(hide_patient_data=on))
    strip.hide_requested.connect(hide.trigger)
    strip.crashed.connect(window.show_crash)
    strip.facts_changed.connect(lambda: _offer_named_report(window, actions))
    window.viewer.image_shown.connect(strip.show_patient_of)


def _offer_named_report(window: MainWindow, actions: Actions) -> None:
    has_result = window.current is not None and window.current.finding is not None
    actions.enable(("save_named_report",), has_result and bool(window.patient.facts))


def _connect_overlay(window: MainWindow, actions: Actions) -> None:
    picture, preferences = window.viewer.picture, window.preferences

    def set_outlines(only: bool) -> None:
        style = OverlayStyle.OUTLINES if only else OverlayStyle.FILLED
        picture.set_overlay_style(style)
        preferences.choose(overlay_style=style)

    actions["overlay"].toggled.connect(picture.set_overlay_shown)
    actions["overlay"].toggled.connect(lambda on: preferences.choose(show_overlay=on))
    actions["heatmap"].toggled.connect(picture.set_heatmap_shown)
    actions["heatmap"].toggled.connect(lambda on: preferences.choose(show_heatmap=on))
    actions["outlines"].toggled.connect(set_outlines)
    window.viewer.overlay_toggle_requested.connect(actions["overlay"].toggle)
    settings = preferences.settings
    picture.set_overlay_shown(settings.show_overlay)
    picture.set_heatmap_shown(settings.show_heatmap)
    actions.check("overlay", settings.show_overlay)
    actions.check("heatmap", settings.show_heatmap)
    actions.check("outlines", settings.overlay_style is OverlayStyle.OUTLINES)


def enable_commands(window: MainWindow) -> None:
    """Offer what the current case allows, and show its view."""
    case, actions = window.current, window.actions_by_name
    finding = case.finding if case is not None else None
    actions.enable(NEEDS_CASE, case is not None)
    actions.enable(NEEDS_FINDING, finding is not None)
    segmented = finding is not None and finding.analysis.segmentation is not None
    actions.enable(("save_mask", "save_regions"), segmented)
    measured = finding is not None and bool(finding.analysis.measurements)
    actions.enable(("save_measurements",), measured)
    actions.enable(("save_discs",), finding is not None and bool(finding.analysis.discs))
    is_mr = finding is not None and finding.analysis.view is View.MR
    actions.enable(("add_companion",), is_mr)
    entry = case.stack.first if case is not None else None
    is_volume = entry is not None and entry.plane == "sagittal" and len(entry) >= FEWEST_SLICES
    actions.enable(("all_slices",), is_mr and is_volume)
    actions.enable(LEAFING, case is not None and not case.stack.is_single)
    actions.enable(("drop_companion",), is_mr and case is not None and case.companion is not None)
    _offer_named_report(window, actions)
    actions.enable(("save_heatmap",), finding is not None and finding.overlay.heatmap is not None)
    actions.enable(("cancel",), window.work_status.is_busy)
    wanted = case.wanted_view if case is not None else None
    window.view_button.setEnabled(case is not None)
    actions.check(f"view_{wanted.value if wanted else 'auto'}")
    window.view_button.setText(f"View: {VIEW_WORDS[wanted]} ▾")
    show_history(window)


def _connect_editing(window: MainWindow, actions: Actions) -> None:
    correction = window.correction
    _on(actions["undo"], correction.editing.undo)
    _on(actions["redo"], correction.editing.redo)
    _on(actions["reset_edits"], correction.editing.reset)
    _on(actions["flip_facing"], correction.changes.flip_facing)
    _on(actions["levels_up"], lambda: correction.changes.shift_levels(1))
    _on(actions["levels_down"], lambda: correction.changes.shift_levels(-1))
    _on(actions["remove_calibration"], correction.changes.remove_calibration)
    _on(actions["delete_drawings"], correction.changes.delete_drawings)
    for name in ToolName:
        _on(actions[f"tool_{name.value}"], partial(_take_tool, window, name))
    correction.editor.tool_changed.connect(lambda name: actions.check(f"tool_{name.value}"))
    actions.check("tool_pointer")
    actions["measures"].toggled.connect(correction.measures.set_shown)
    actions.check("measures", window.preferences.settings.show_measures)
    correction.editing.history_changed.connect(lambda: show_history(window))


def _take_tool(window: MainWindow, name: ToolName) -> None:
    window.correction.editor.take_tool(name)
    # The keys that end a drawing are for the picture.
    window.viewer.setFocus(Qt.FocusReason.OtherFocusReason)


def show_history(window: MainWindow) -> None:
    """Name what can be undone and redone, and offer what the case that is shown allows."""
    actions, editing = window.actions_by_name, window.correction.editing
    for name, word, label in (
        ("undo", "Undo", editing.undo_label),
        ("redo", "Redo", editing.redo_label),
    ):
        actions.rename(name, f"&{word} {label}".rstrip())
        actions.enable((name,), bool(label))
    state = editing.corrections
    actions.enable(("reset_edits",), editing.is_edited)
    actions.enable(EDIT_TOOLS, state is not None)
    actions.enable(("flip_facing",), state is not None and bool(state.vertebrae))
    shown = editing.analysis
    has_discs = shown is not None and bool(shown.discs) and bool(shown.vertebrae)
    actions.enable(("levels_up", "levels_down"), has_discs)
    actions.enable(("remove_calibration",), state is not None and state.calibration is not None)
    actions.enable(("delete_drawings",), state is not None and bool(state.drawings))


def _connect_preferences(window: MainWindow, actions: Actions, recent_menu: QMenu) -> None:
    preferences = window.preferences

    def choose_theme(choice: ThemeChoice) -> None:
        preferences.choose(theme=choice)
        window.theme.choose(choice)

    for choice in ThemeChoice:
        _on(actions[f"theme_{choice.value}"], partial(choose_theme, choice))
    actions.check(f"theme_{preferences.settings.theme.value}")
    actions.check("remember_recent", preferences.settings.remember_recent)
    actions["remember_recent"].toggled.connect(preferences.set_remembering)
    _on(actions["clear_recent"], preferences.clear_recent)
    preferences.recent_changed.connect(lambda: _show_recent(window, recent_menu))
    _show_recent(window, recent_menu)
    actions["full_screen"].toggled.connect(
        lambda on: window.showFullScreen() if on else window.showNormal()
    )
    _on(actions["keyboard"], lambda: keyboard_dialog(window).open_fitted())
    _on(actions["models"], lambda: _show_models(window))
    _on(actions["places"], lambda: show_file_locations(window))
    _on(actions["about"], lambda: about_dialog(window).open_fitted())


def _show_models(window: MainWindow) -> None:
    task = window.files.submit(lambda: read_cards(window.services))
    task.finished.connect(lambda cards: models_dialog(cards, window).open_fitted())
    task.failed.connect(window.take_failure)


def _show_recent(window: MainWindow, menu: QMenu) -> None:
    recents = window.preferences.recent
    window.cases.set_recent(recents)
    menu.clear()
    menu.setEnabled(bool(recents))
    for number, recent in enumerate(recents[:MAX_RECENT_IN_MENU], start=1):
        # An ampersand in a file name would underline the letter after it.
        name = recent.title.replace("&", "&&")
        action = menu.addAction(f"&{number}  {name}")
        if action is not None:
            action.setToolTip(wording.safe_text(str(recent.path)))
            _on(action, partial(window.opener.open_recent, recent))


def _opacity_slider(window: MainWindow) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 100)
    slider.setPageStep(OPACITY_STEP_PERCENT)
    slider.setFixedWidth(window.fontMetrics().averageCharWidth() * 16)
    slider.setAccessibleName("Opacity of the overlay")
    slider.setToolTip("Opacity of overlay and heat map ([ and ])")
    slider.valueChanged.connect(lambda value: window.viewer.picture.set_opacity(value / 100))
    slider.valueChanged.connect(
        lambda value: window.preferences.choose(overlay_opacity=value / 100)
    )
    slider.setValue(round(100 * window.preferences.settings.overlay_opacity))
    window.opacity_slider = slider
    return slider


def _panel_action(dock: QDockWidget) -> QAction:
    action = dock.toggleViewAction()
    assert action is not None
    action.setText(f"{dock.windowTitle()} panel")
    return action


def _on(action: QAction, act: Callable[[], object]) -> None:
    # Qt hands over whether the action is checked, which these commands do not want.
    action.triggered.connect(lambda: act())
