"""Menus and tool bars of the window: which command stands where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMainWindow, QMenu, QToolBar, QToolButton

from spinealign.export.exporters import EXPORTERS
from spinealign.ui.widgets.icons import icon
from spinealign.ui.widgets.labels import menu_button
from spinealign.ui.window.actions import (
    IMAGE_TYPE_COMMANDS,
    REPORTS,
    Actions,
    deidentified_command,
)

_SEPARATOR = ""
_TOOL_BAR = (
    "open", "open_folder", _SEPARATOR, "save", "save_report", "copy_finding", _SEPARATOR,
    "overlay", "outlines", "heatmap", "OPACITY", _SEPARATOR, "fit", "one_to_one", "zoom_in",
    "zoom_out", _SEPARATOR, "invert", "WINDOW", _SEPARATOR, "IMAGE_TYPE", "again",
)  # fmt: skip
_DRAWING_TOOLS = (
    "tool_distance", "tool_angle", "tool_cobb", "tool_area", "tool_rectangle", "tool_ellipse",
    "tool_text", "tool_arrow",
)  # fmt: skip
_SPINE_TOOLS = ("tool_femoral_heads", "tool_plumb_points", "tool_chest_edges")
_EDIT_BAR = (
    "undo", "redo", _SEPARATOR, "tool_pointer", "tool_vertebra", "swap_anterior_posterior",
    _SEPARATOR, *_DRAWING_TOOLS, *_SPINE_TOOLS, "tool_calibrate", _SEPARATOR, "measures",
)  # fmt: skip
_IMAGE_TYPES = tuple(command.name for command in IMAGE_TYPE_COMMANDS)
_WRITING = (
    "open_last_session", "paste", "skipped", _SEPARATOR, "save", "save_all", "export_table",
)  # fmt: skip
_NETWORK = ("from_pacs", "send", "transfers", _SEPARATOR, "nodes")
_ARCHIVE = ("keep_in_archive", "archive", _SEPARATOR, "restore_archive")
_ACCOUNTS = (
    "lock", "switch_user", "change_password", _SEPARATOR, "accounts", "audit_trail",
    "set_up_accounts", "encryption",
)  # fmt: skip
_EDIT = (
    "undo", "redo", "reset_edits", _SEPARATOR, "tool_pointer", "tool_vertebra",
    "accept_suggestions", "swap_anterior_posterior", _SEPARATOR, "levels_up", "levels_down",
    _SEPARATOR, "bent_film", _SEPARATOR, "models", "settings",
)  # fmt: skip
_ANALYSIS = (
    "again", "analyse_as_shown", "turn_and_analyse", "cancel", _SEPARATOR, *_IMAGE_TYPES,
    _SEPARATOR, "add_companion", "drop_companion", "all_slices", _SEPARATOR, "compare",
    "examination_date", _SEPARATOR, "series", "previous_slice", "next_slice", "result_slice",
    _SEPARATOR, "previous_case", "next_case", "find",
)  # fmt: skip
_READING = (
    "go_to_findings", "accept_rest", _SEPARATOR, "sign", "addendum", "versions", _SEPARATOR,
    "phrases",
)  # fmt: skip
_TURNING = (
    "turn_left", "turn_right", "mirror", "tool_straighten", _SEPARATOR, "show_as_in_file",
)  # fmt: skip
_MEASURE = (
    *_DRAWING_TOOLS, *_SPINE_TOOLS, _SEPARATOR, "tool_calibrate", "remove_calibration",
    _SEPARATOR, "measures", "delete_drawings",
)  # fmt: skip
_HELP = ("manual", "first_steps", "keyboard", "start_page", "models", "places", "about")


def build_menus(
    window: QMainWindow, actions: Actions, windows: QMenu, panels: Sequence[QAction]
) -> QMenu:
    """Fill the menu bar, with the menu of grey windows, and return the one for recent files."""
    bar = window.menuBar()
    assert bar is not None
    recent = _fill_files(_menu(bar.addMenu("&File")), actions)
    _fill(_menu(bar.addMenu("&Edit")), actions, _EDIT)
    _fill(_menu(bar.addMenu("&Analysis")), actions, _ANALYSIS)
    _fill(_menu(bar.addMenu("&Reading")), actions, _READING)
    _fill_view(_menu(bar.addMenu("&View")), actions, windows, panels)
    _fill(_menu(bar.addMenu("&Measure")), actions, _MEASURE)
    _fill(_menu(bar.addMenu("&Help")), actions, _HELP)
    return recent


def _fill_files(files: QMenu, actions: Actions) -> QMenu:
    _fill(files, actions, ("open", "open_folder", "open_segmentation"))
    recent = _menu(files.addMenu("Open &recent"))
    _fill(files, actions, _WRITING)
    reports = "dicom_patient", _SEPARATOR, *map(deidentified_command, REPORTS)
    parts = *(f"save_{kind}" for kind in EXPORTERS), *reports
    _fill_below(files, "Save o&ne part as", actions, parts)
    _fill(files, actions, ("copy_finding", _SEPARATOR))
    _fill_below(files, "PACS and net&work", actions, _NETWORK)
    _fill(files, actions, ("batch", "deidentify", _SEPARATOR, "print", "letterhead", _SEPARATOR))
    _fill_below(files, "Archi&ve", actions, _ARCHIVE)
    _fill_below(files, "Acco&unts and lock", actions, _ACCOUNTS)
    _fill(files, actions, ("close_case", "close_all", _SEPARATOR))
    _fill(files, actions, ("remember_recent", "clear_recent", _SEPARATOR, "quit"))
    return recent


def _fill_view(view: QMenu, actions: Actions, windows: QMenu, panels: Sequence[QAction]) -> None:
    _fill(view, actions, ("overlay", "outlines", "heatmap", "reference_lines"))
    _fill(view, actions, ("less_opacity", "more_opacity"))
    _fill(view, actions, (_SEPARATOR, "fit", "one_to_one", "zoom_in", "zoom_out", _SEPARATOR))
    view.addMenu(windows)
    _fill(view, actions, ("invert",))
    _fill_below(view, "T&urn and mirror", actions, _TURNING)
    view.addSeparator()
    view.addActions(list(panels))
    _fill_below(view, "&Theme", actions, ("theme_system", "theme_light", "theme_dark"))
    _fill(view, actions, ("hide_patient", "full_screen"))


def _fill_below(menu: QMenu, text: str, actions: Actions, names: Sequence[str]) -> None:
    """Add a menu that opens beside its entry."""
    _fill(_menu(menu.addMenu(text)), actions, names)


def build_tool_bar(
    window: QMainWindow, actions: Actions, widgets: Mapping[str, object]
) -> QToolBar:
    """Fill the tool bar; `widgets` gives the widget for each name in capitals."""
    bar = QToolBar("Tools", window)
    bar.setObjectName("tools")
    bar.setMovable(False)
    bar.setIconSize(QSize(20, 20))
    for name in _TOOL_BAR:
        if name == _SEPARATOR:
            bar.addSeparator()
        elif name in widgets:
            bar.addWidget(widgets[name])  # type: ignore[arg-type]
        else:
            bar.addAction(actions[name])
            _style_button(bar, actions[name], with_text=name in ("open", "save"))
    _show_more_button(bar)
    window.addToolBar(bar)
    return bar


def build_edit_bar(actions: Actions) -> QToolBar:
    """Return the upright bar with what works on the picture itself."""
    bar = QToolBar("Correct and measure")
    bar.setObjectName("editTools")
    bar.setOrientation(Qt.Orientation.Vertical)
    bar.setMovable(False)
    bar.setIconSize(QSize(20, 20))
    for name in _EDIT_BAR:
        if name == _SEPARATOR:
            bar.addSeparator()
        else:
            bar.addAction(actions[name])
            _style_button(bar, actions[name], with_text=False)
    _show_more_button(bar)
    return bar


def _show_more_button(bar: QToolBar) -> None:
    # Qt's own drawing of this button is black on black in the dark theme.
    more = bar.findChild(QToolButton, "qt_toolbar_ext_button")
    if more is not None:
        more.setIcon(icon("more"))
        more.setAccessibleName("More tools")


def image_type_button(actions: Actions) -> QToolButton:
    """Return a button whose menu overrides the image type."""
    tip = "Override the image type and analyse the image again"
    button = menu_button("Image type", "Image type: automatic ▾", tip)
    menu = QMenu(button)
    _fill(menu, actions, _IMAGE_TYPES)
    button.setMenu(menu)
    return button


def _style_button(bar: QToolBar, action: QAction, with_text: bool) -> None:
    button = bar.widgetForAction(action)
    if isinstance(button, QToolButton):
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName(action.toolTip())
        if with_text:
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)


def _menu(menu: QMenu | None) -> QMenu:
    assert menu is not None
    menu.hovered.connect(lambda action: menu.setToolTipsVisible(says_more_than_its_name(action)))
    return menu


def says_more_than_its_name(action: QAction) -> bool:
    """Whether a tool tip says more than the entry of the menu that it would lie over."""
    name = action.text().replace("&", "").removesuffix("…")
    said = action.toolTip().rpartition(" (")[0] or action.toolTip()
    return said.removesuffix("…") != name


def _fill(menu: QMenu, actions: Actions, names: Sequence[str]) -> None:
    for name in names:
        if name == _SEPARATOR:
            menu.addSeparator()
        else:
            menu.addAction(actions[name])
