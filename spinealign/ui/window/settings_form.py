"""Editors of single settings, each with its words, and the form that gathers them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from spinealign.ui.settings.settings import Settings
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.wording.settings_window import SETTING_WORDS, beyond_limits_text

_MOST_LETTERS = 200
_MOST_PERCENT = 100
_MOST_TYPED_MB = 9_999_999


@dataclass(frozen=True)
class Editor:
    """How one setting is shown and read: its widget, and both ways between them.

    `problem` says why what is typed cannot be taken over; empty where it can.
    """

    widget: QWidget
    read: Callable[[], Any]
    show: Callable[[Any], None]
    problem: Callable[[], str] = lambda: ""


class MegabytesBox(QSpinBox):
    """A number of megabytes; one beyond the limits stays as it is typed, and counts as a problem.

    Qt would put the number before in its place without a word.
    """

    def __init__(self, least: int, most: int) -> None:
        super().__init__()
        self.least, self.most = least, most
        self.setRange(0, _MOST_TYPED_MB)
        self.setSingleStep(least)
        self.setSuffix(" MB")
        self.setGroupSeparatorShown(True)

    @property
    def is_within(self) -> bool:
        """Whether the number may be taken over."""
        return self.least <= self.value() <= self.most

    def stepBy(self, steps: int) -> None:
        """Step within the limits."""
        wanted = self.value() + steps * self.singleStep()
        self.setValue(min(max(wanted, self.least), self.most))


class SettingsForm(QObject):
    """All editors by the field of `Settings` that each holds; `edited` follows every change."""

    edited = pyqtSignal()

    def __init__(self, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._settings = settings
        self._editors: dict[str, Editor] = {}
        self._before: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Editor:
        return self._editors[name]

    @property
    def names(self) -> frozenset[str]:
        """The settings that can be edited."""
        return frozenset(self._editors)

    @property
    def changes(self) -> dict[str, Any]:
        """What a person changed since the last `begin`, by field of `Settings`."""
        said = self._said()
        return {name: value for name, value in said.items() if value != self._before[name]}

    def begin(self) -> None:
        """Count changes from now on: what is shown is in use."""
        self._before = self._said()

    def _said(self) -> dict[str, Any]:
        return {name: editor.read() for name, editor in self._editors.items()}

    def show(self, settings: Settings, names: Iterable[str] | None = None) -> None:
        """Show these settings, or only those of them that are named."""
        for name in self._editors if names is None else names:
            self._editors[name].show(getattr(settings, name))
        self.edited.emit()

    def add(self, name: str, editor: Editor) -> None:
        """Take an editor in, and show what its setting is now."""
        assert name in {field.name for field in fields(Settings)}
        self._editors[name] = editor
        editor.show(getattr(self._settings, name))

    def tick(self, name: str) -> QCheckBox:
        """Return a box to tick."""
        box = QCheckBox(SETTING_WORDS[name].label)
        box.toggled.connect(self.edited)
        self.add(name, Editor(box, box.isChecked, box.setChecked))
        return box

    def choice(self, name: str, words: Mapping[Any, str]) -> QComboBox:
        """Return a list of which one is chosen."""
        box = QComboBox()
        values = list(words)
        box.addItems(list(words.values()))
        box.currentIndexChanged.connect(self.edited)

        def show(value: Any) -> None:
            box.setCurrentIndex(values.index(value))

        self.add(name, Editor(box, lambda: values[box.currentIndex()], show))
        return box

    def line(self, name: str) -> QLineEdit:
        """Return a line to type in."""
        line = QLineEdit()
        line.setMaxLength(_MOST_LETTERS)
        line.textChanged.connect(self.edited)
        self.add(name, Editor(line, lambda: line.text().strip(), line.setText))
        return line

    def megabytes(self, name: str, least: int, most: int) -> MegabytesBox:
        """Return a number of megabytes between limits."""
        box = MegabytesBox(least, most)
        box.valueChanged.connect(self.edited)

        def problem() -> str:
            return "" if box.is_within else beyond_limits_text(name, least, most)

        self.add(name, Editor(box, box.value, box.setValue, problem))
        return box

    def minutes(self, name: str, least: int, most: int) -> QSpinBox:
        """Return a number of minutes between limits."""
        box = QSpinBox()
        box.setRange(least, most)
        box.setSuffix(" min")
        box.valueChanged.connect(self.edited)
        self.add(name, Editor(box, box.value, box.setValue))
        return box

    @property
    def problem(self) -> tuple[str, str]:
        """The first setting that cannot be taken over, and why; empty where all can."""
        told = ((name, editor.problem()) for name, editor in self._editors.items())
        return next(((name, words) for name, words in told if words), ("", ""))

    def share(self, name: str) -> QSlider:
        """Return a slider from none to all."""
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, _MOST_PERCENT)
        slider.setPageStep(_MOST_PERCENT // 10)
        slider.valueChanged.connect(self.edited)

        def show(share: float) -> None:
            slider.setValue(round(share * _MOST_PERCENT))

        self.add(name, Editor(slider, lambda: slider.value() / _MOST_PERCENT, show))
        return slider


class PageName(StrEnum):
    """Pages of the settings, in their order."""

    GENERAL = "General"
    PICTURE = "Picture"
    MEASURES = "Measures"
    READING = "Reading"
    REPORTS = "Reports"
    PRIVACY = "Privacy"
    MEMORY = "Memory"


class SettingsPage(QScrollArea):
    """A column of settings with their words; `names` are the settings that stand on it."""

    def __init__(self, name: PageName) -> None:
        super().__init__()
        self.name = name
        self.names: list[str] = []
        page = QWidget()
        page.setObjectName("resultsPage")
        self.column = QVBoxLayout(page)
        self.column.setContentsMargins(14, 12, 14, 12)
        self.column.setSpacing(6)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(name.value)
        self.setWidget(page)

    def put(self, name: str, widget: QWidget, used: QLabel | None = None) -> None:
        """Add a setting: a box with its own words, or a field beside its label."""
        words = SETTING_WORDS[name]
        if isinstance(widget, QCheckBox):
            self.column.addWidget(widget)
        else:
            label = QLabel(words.label)
            label.setBuddy(widget)
            row = QFormLayout()
            row.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
            row.addRow(label, widget)
            self.column.addLayout(row)
        widget.setAccessibleName(words.label.replace("&", ""))
        widget.setAccessibleDescription(words.note)
        if used is not None:
            self.column.addWidget(used)
        if words.note:
            note = wrapped_label(words.note, "muted")
            note.setContentsMargins(0, 0, 0, 6)
            self.column.addWidget(note)
        self.names.append(name)

    def say(self, text: str, kind: str = "") -> QLabel:
        """Add a sentence or a heading."""
        label = wrapped_label(text, kind)
        self.column.addWidget(label)
        return label

    def end(self) -> SettingsPage:
        """Leave the rest of the page empty."""
        self.column.addStretch(1)
        return self
