"""Light and dark: named colours, the palette made of them, and the style sheet."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from string import Template

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QGuiApplication, QPalette
from PyQt6.QtWidgets import QApplication

from spinealign.domain.paths import resources_dir
from spinealign.ui.settings.settings import ThemeChoice


@dataclass(frozen=True)
class Colours:
    """The colours of one theme by what they are for, as ``#rrggbb``."""

    window: str
    panel: str
    raised: str
    hover: str
    border: str
    strong_border: str
    text: str
    muted: str
    disabled: str
    accent: str
    accent_text: str
    selection: str
    selection_text: str
    good: str
    warning: str
    warning_panel: str
    warning_border: str
    danger: str
    danger_panel: str
    danger_border: str
    info_panel: str
    info_border: str


LIGHT = Colours(
    window="#eef1f5",
    panel="#ffffff",
    raised="#f5f7fa",
    hover="#e3e9f1",
    border="#d2d9e2",
    strong_border="#8a97a8",
    text="#17202b",
    muted="#53606f",
    disabled="#7c8897",
    accent="#0a5fb8",
    accent_text="#ffffff",
    selection="#d3e5f8",
    selection_text="#0b2a4a",
    good="#1c7a43",
    warning="#8a5200",
    warning_panel="#fff3d6",
    warning_border="#e0a83a",
    danger="#b3261e",
    danger_panel="#fde7e5",
    danger_border="#e08a84",
    info_panel="#e2effc",
    info_border="#86b6e6",
)

DARK = Colours(
    window="#14181e",
    panel="#1b2028",
    raised="#242b35",
    hover="#303946",
    border="#323b48",
    strong_border="#6d7b8d",
    text="#e7ecf2",
    muted="#a3b0bf",
    disabled="#6d7986",
    accent="#5aadff",
    accent_text="#06182b",
    selection="#24476c",
    selection_text="#ffffff",
    good="#62c98a",
    warning="#ffc766",
    warning_panel="#3a2d12",
    warning_border="#8a6a25",
    danger="#ff8f86",
    danger_panel="#43201f",
    danger_border="#8f4642",
    info_panel="#17324e",
    info_border="#32618f",
)


class Theme(QObject):
    """Puts one set of colours on the whole program and follows the system if asked to."""

    changed = pyqtSignal()

    def __init__(self, choice: ThemeChoice, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._choice = choice
        hints = QGuiApplication.styleHints()
        assert hints is not None
        self._hints = hints
        self._hints.colorSchemeChanged.connect(self._system_changed)
        self.apply()

    @property
    def choice(self) -> ThemeChoice:
        """What the user asked for."""
        return self._choice

    @property
    def is_dark(self) -> bool:
        """Whether the dark colours are worn now."""
        if self._choice is ThemeChoice.SYSTEM:
            return self._hints.colorScheme() is Qt.ColorScheme.Dark
        return self._choice is ThemeChoice.DARK

    @property
    def colours(self) -> Colours:
        """The colours worn now."""
        return DARK if self.is_dark else LIGHT

    def choose(self, choice: ThemeChoice) -> None:
        """Wear another theme from now on."""
        self._choice = choice
        self.apply()
        self.changed.emit()

    def apply(self) -> None:
        """Put style, palette and style sheet on the application."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.setStyle("Fusion")
        app.setPalette(make_palette(self.colours))
        app.setStyleSheet(make_style_sheet(self.colours))

    def _system_changed(self) -> None:
        if self._choice is ThemeChoice.SYSTEM:
            self.apply()
            self.changed.emit()


def make_palette(colours: Colours) -> QPalette:
    """Return the palette that Fusion draws its controls with."""
    palette = QPalette()
    role = QPalette.ColorRole
    for target, name in (
        (role.Window, colours.window),
        (role.WindowText, colours.text),
        (role.Base, colours.panel),
        (role.AlternateBase, colours.raised),
        (role.Text, colours.text),
        (role.Button, colours.raised),
        (role.ButtonText, colours.text),
        (role.BrightText, colours.danger),
        (role.ToolTipBase, colours.raised),
        (role.ToolTipText, colours.text),
        (role.PlaceholderText, colours.muted),
        (role.Highlight, colours.selection),
        (role.HighlightedText, colours.selection_text),
        (role.Link, colours.accent),
        (role.LinkVisited, colours.accent),
        (role.Mid, colours.border),
    ):
        palette.setColor(target, QColor(name))
    for target in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(QPalette.ColorGroup.Disabled, target, QColor(colours.disabled))
    return palette


def make_style_sheet(colours: Colours) -> str:
    """Return the style sheet in these colours."""
    return _STYLE.substitute(asdict(colours), icons=(resources_dir() / "icons").as_posix())


_STYLE = Template("""
QMainWindow, QDialog { background: $window; }
QMainWindow::separator { background: $window; width: 5px; height: 5px; }
QMainWindow::separator:hover { background: $accent; }
QToolTip { background: $raised; color: $text; border: 1px solid $strong_border; padding: 4px; }

QMenuBar { background: $window; color: $text; padding: 1px 2px; }
QMenuBar::item { padding: 4px 9px; border-radius: 4px; background: transparent; }
QMenuBar::item:selected, QMenuBar::item:pressed { background: $hover; }
QMenu { background: $panel; color: $text; border: 1px solid $border; padding: 4px;
  menu-scrollable: 1; }
QMenu::item { padding: 5px 26px 5px 10px; border-radius: 4px; }
QMenu::icon { padding-left: 6px; }
QMenu::item:selected { background: $selection; color: $selection_text; }
QMenu::item:disabled { color: $disabled; background: transparent; }
QMenu::separator { height: 1px; background: $border; margin: 4px 8px; }

QToolBar { background: $panel; border: 0; border-bottom: 1px solid $border;
  padding: 3px 6px; spacing: 2px; }
QToolBar::separator { background: $border; width: 1px; margin: 5px 5px; }
QToolButton { color: $text; background: transparent; border: 1px solid transparent;
  border-radius: 5px; padding: 4px; }
QToolButton:hover { background: $hover; }
QToolButton:pressed { background: $selection; }
QToolButton:checked { background: $selection; border-color: $info_border; }
QToolButton:focus { border-color: $accent; }
QToolButton:disabled { color: $disabled; }
QToolButton:checked:disabled { background: transparent; border-color: transparent; }
QToolButton#qt_toolbar_ext_button { padding: 0; border: 0; }
QToolButton::menu-indicator { image: none; }
QToolBar QToolButton[popupMode="2"] { padding-right: 4px; }

QPushButton { color: $text; background: $raised; border: 1px solid $border;
  border-radius: 5px; padding: 5px 12px; }
QPushButton:hover { background: $hover; border-color: $strong_border; }
QPushButton:pressed { background: $selection; }
QPushButton:focus { border: 1px solid $accent; }
QPushButton:disabled { color: $disabled; }
QPushButton[primary="true"] { background: $accent; color: $accent_text;
  border-color: $accent; font-weight: 600; }
QPushButton[primary="true"]:hover { border-color: $text; }
QPushButton[primary="true"]:disabled { background: $panel; color: $disabled;
  border-color: $border; }
QPushButton[primary="true"]:focus { border: 2px solid $text; padding: 4px 11px; }
QPushButton[choice="true"] { text-align: left; padding: 9px 12px; background: $panel; }
QPushButton[choice="true"]:hover { background: $hover; }
QPushButton[quiet="true"] { background: transparent; border-color: transparent;
  text-align: left; padding: 4px 6px; }
QPushButton[quiet="true"]:hover { background: $hover; }
QPushButton[quiet="true"]:focus { border-color: $accent; }

QLineEdit, QPlainTextEdit { placeholder-text-color: $muted; }
QLineEdit { background: $panel; color: $text; border: 1px solid $border;
  border-radius: 5px; padding: 4px 6px; }
QLineEdit:focus { border-color: $accent; }
QPlainTextEdit, QTextBrowser { background: $panel; color: $text; border: 1px solid $border; }

QDockWidget { color: $muted; font-weight: 600;
  titlebar-close-icon: url("$icons/dock-close.svg");
  titlebar-normal-icon: url("$icons/dock-float.svg"); }
QDockWidget::close-button, QDockWidget::float-button { border: 0; border-radius: 4px;
  padding: 1px; }
QDockWidget::close-button:hover, QDockWidget::float-button:hover { background: $hover; }
QDockWidget::title { background: $window; padding: 6px 10px; }
QTreeWidget, QTableView { background: $panel; color: $text; border: 1px solid $border;
  alternate-background-color: $raised; outline: 0; }
QTreeWidget { border: 0; border-right: 1px solid $border; }
#networkRows { border: 1px solid $border; border-radius: 5px; }
#networkRows:focus { border-color: $accent; }
QTreeWidget::item { padding: 3px 2px; border: 1px solid transparent; }
QTreeWidget::item:hover { background: $hover; }
QTreeWidget::item:selected { background: $selection; color: $selection_text; }
QTreeWidget::item:focus { border: 1px solid $accent; }
#measures { background: $panel; color: $text; border: 1px solid $border; border-radius: 5px;
  outline: 0; selection-background-color: $selection; selection-color: $selection_text; }
#measures:focus { border-color: $accent; }
#measures::item { padding: 1px 2px; border: 0; }
#measures::item:selected { background: $selection; color: $selection_text; }
#measures::indicator, QCheckBox::indicator { width: 13px; height: 13px;
  border: 1px solid $strong_border; border-radius: 3px; background: $panel; }
#measures::indicator:checked, QCheckBox::indicator:checked { image: url("$icons/tick-on.svg");
  border-color: $accent; }
QRadioButton::indicator { width: 11px; height: 11px; border: 1px solid $strong_border;
  border-radius: 6px; background: $panel; }
QRadioButton::indicator:checked { width: 5px; height: 5px; border: 4px solid $accent; }
#measures::indicator:indeterminate { image: url("$icons/tick-some.svg"); border-color: $accent; }
#settingsPages { background: $panel; border: 1px solid $border; border-radius: 5px; outline: 0; }
#settingsPages::item { padding: 0 8px; border: 1px solid transparent; }
#settingsPages::item:selected { background: $selection; color: $selection_text; }
#settingsPages:focus { border-color: $accent; }
QTableView { border-radius: 5px; gridline-color: $border; }
QTableView::item { padding: 2px 2px; }
QTableView::item:selected { background: $selection; color: $selection_text; }
QTableView:focus { border-color: $accent; }
QHeaderView { background: $raised; }
QHeaderView::section { background: $raised; color: $muted; border: 0;
  border-bottom: 1px solid $border; padding: 5px 4px 4px 4px; }

QHeaderView::up-arrow, QHeaderView::down-arrow { subcontrol-position: top center;
  width: 9px; height: 6px; }

QScrollArea { border: 0; background: $panel; }
QScrollArea[plain="true"], QScrollArea[plain="true"] > QWidget > QWidget { background: $window; }
QScrollBar:vertical { background: transparent; width: 11px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 11px; margin: 0; }
QScrollBar::handle { background: $border; border-radius: 4px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: $strong_border; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QStatusBar { background: $window; color: $muted; border-top: 1px solid $border; }
QStatusBar::item { border: 0; }
QStatusBar QLabel { color: $muted; padding: 0 6px; }
QProgressBar { background: $raised; color: $text; border: 1px solid $border;
  border-radius: 5px; text-align: center; }
QProgressBar::chunk { background: $info_border; border-radius: 4px; }
QSlider:focus { border: 1px solid $accent; border-radius: 5px; }

#results, #resultsPage, #welcome { background: $panel; }
#results { border-left: 1px solid $border; }
QLabel[kind="headline"] { font-size: 12pt; font-weight: 600; color: $text; }
QLabel[kind="title"] { font-size: 18pt; font-weight: 600; color: $text; }
QLabel[kind="section"] { font-size: 10pt; font-weight: 600; color: $text; }
QLabel[kind="muted"] { color: $muted; }
QLabel[kind="warning"] { color: $warning; }
QLabel[kind="danger"] { color: $danger; }
QLabel[kind="good"] { color: $good; }
QLabel[kind="paper"] { background: #ffffff; border: 1px solid $border; padding: 3px; }
QLabel[kind="disclaimer"] { color: $muted; background: $raised;
  border-top: 1px solid $border; padding: 7px 12px; }
QFrame[kind="rule"] { background: $border; border: 0; max-height: 1px; }
QFrame#patientStrip { background: $raised; border-bottom: 1px solid $border; }
QFrame#discInset { background: $panel; border: 1px solid $strong_border; border-radius: 6px; }
QFrame[strip="warning"] { background: $warning_panel; border: 1px solid $warning_border;
  border-left: 5px solid $warning_border; border-radius: 5px; }
QFrame[strip="warning"] QLabel { color: $warning; }
QFrame[strip="info"] { background: $info_panel; border: 1px solid $info_border;
  border-left: 5px solid $info_border; border-radius: 5px; }
QFrame[strip="danger"] { background: $danger_panel; border: 1px solid $danger_border;
  border-left: 5px solid $danger_border; border-radius: 5px; }
QFrame[strip="danger"] QLabel { color: $danger; }
QLabel[strong="true"] { font-weight: 700; }

QFrame[kind="finding"] { background: $raised; border: 1px solid $border; border-radius: 6px; }
QFrame[kind="finding"][current="true"] { border-color: $strong_border; }
QFrame[kind="finding"][current="keys"] { background: $info_panel;
  border: 2px solid $accent; }
QFrame[kind="finding"][rejected="true"] QLabel { color: $muted; }
QFrame[kind="finding"] QPushButton { padding: 3px 9px; background: $panel; }
QPushButton[grade="true"] { padding: 3px 8px; min-width: 14px; }
QPushButton[grade="true"]:checked { background: $accent; color: $accent_text;
  border-color: $accent; }
QToolButton[chip="warning"] { background: $warning_panel; color: $warning;
  border: 1px solid $warning_border; border-radius: 9px; padding: 1px 8px; }
QToolButton[chip="note"] { background: $raised; color: $muted; border: 1px solid $border;
  border-radius: 9px; padding: 1px 8px; }
QToolButton[chip]:hover { border-color: $text; }
QToolButton[chip]:checked { border-width: 2px; padding: 0 7px; }
QToolButton[chip]:focus { border-color: $accent; }
#readingStatus { background: $raised; color: $muted; border: 1px solid $border;
  border-radius: 9px; padding: 2px 9px; font-weight: 600; }
#readingStatus[status="reading"] { background: $info_panel; color: $text;
  border-color: $info_border; }
#readingStatus[status="unvouched"] { color: $danger; border-color: $danger; }
#readingStatus[status="signed"] { color: $good; border-color: $good; }
""")
