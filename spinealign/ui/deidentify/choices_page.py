"""What is de-identified, where the copies go, and what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from spinealign.deidentification.options import Dates, Options
from spinealign.ui.network.forms import choice
from spinealign.ui.widgets.labels import offer, row_of, wrapped_label
from spinealign.wording.deidentify_window import (
    ADD_CASES,
    ADD_FILES,
    ADD_FOLDER,
    ASK_TARGET,
    BROWSE,
    DATE_WORDS,
    DATES_LABEL,
    INTRODUCTION,
    KEY_NOTE,
    NEEDS_SOURCES,
    NEEDS_TARGET,
    NO_OPEN_CASES,
    NOTHING_CHOSEN,
    OPTION_WORDS,
    REMOVE,
    SOURCES,
    TARGET,
    source_text,
)

_FEWEST_ROWS = 5
_IN_FIRST_COLUMN = 4


class ChoicesPage(QScrollArea):
    """`changed` says that something was chosen.

    Parameters
    ----------
    open_files : sequence of Path
        Of the cases that are open.
    """

    changed = pyqtSignal()

    def __init__(self, open_files: Sequence[Path]) -> None:
        super().__init__()
        self._open_files = tuple(open_files)
        self.inputs: list[Path] = []
        self.sources = QListWidget()
        self.sources.setAccessibleName(SOURCES)
        self.sources.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.sources.setObjectName("settingsPages")
        self.sources.setMinimumHeight(_FEWEST_ROWS * self.fontMetrics().lineSpacing())
        self.add_files, self.add_folder = QPushButton(ADD_FILES), QPushButton(ADD_FOLDER)
        self.add_cases, self.remove = QPushButton(ADD_CASES), QPushButton(REMOVE)
        self.target, self.browse = QLineEdit(), QPushButton(BROWSE)
        self.target.setAccessibleName(TARGET.replace("&", ""))
        self.dates = choice({each: DATE_WORDS[each.value] for each in Dates})
        self.options = {name: QCheckBox(words) for name, words in OPTION_WORDS.items()}
        self._lay_out()
        self._connect()
        self._follow()

    def _lay_out(self) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(wrapped_label(INTRODUCTION, "muted"))
        column.addWidget(self.sources, 1)
        column.addLayout(row_of(self.add_files, self.add_folder, self.add_cases, self.remove, None))
        column.addLayout(_labelled(TARGET, self.target, self.browse))
        column.addLayout(_labelled(DATES_LABEL, self.dates))
        boxes = list(self.options.values())
        halves = QHBoxLayout()
        for half in (boxes[:_IN_FIRST_COLUMN], boxes[_IN_FIRST_COLUMN:]):
            ticks = QVBoxLayout()
            for box in half:
                ticks.addWidget(box)
            ticks.addStretch(1)
            halves.addLayout(ticks)
        column.addLayout(halves)
        column.addWidget(wrapped_label(KEY_NOTE, "muted"))
        self.setProperty("plain", "true")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidgetResizable(True)
        self.setWidget(page)

    def _connect(self) -> None:
        self.add_files.clicked.connect(self._ask_files)
        self.add_folder.clicked.connect(self._ask_folder)
        self.add_cases.clicked.connect(lambda: self.add(self._open_files))
        self.remove.clicked.connect(self._remove)
        self.browse.clicked.connect(self._ask_target)
        self.target.textChanged.connect(self.changed)
        self.sources.itemSelectionChanged.connect(self._follow)

    @property
    def out(self) -> Path:
        """Where the copies go."""
        return Path(self.target.text().strip()).absolute()

    @property
    def missing(self) -> str:
        """What is to be chosen yet; empty if nothing is."""
        if not self.inputs:
            return NEEDS_SOURCES
        return "" if self.target.text().strip() else NEEDS_TARGET

    @property
    def chosen_options(self) -> Options:
        """What is kept."""
        kept: dict[str, Any] = {name: box.isChecked() for name, box in self.options.items()}
        return Options(dates=self.dates.currentData(), **kept)

    def add(self, paths: Sequence[Path]) -> None:
        """Add files and folders."""
        self.inputs = list(dict.fromkeys([*self.inputs, *paths]))
        self._show_sources()

    def _show_sources(self) -> None:
        self.sources.clear()
        self.sources.addItems([source_text(str(path)) for path in self.inputs])
        self._follow()
        self.changed.emit()

    def _follow(self) -> None:
        offer(self.add_cases, "" if self._open_files else NO_OPEN_CASES)
        offer(self.remove, "" if self.sources.selectedItems() else NOTHING_CHOSEN)

    def _ask_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, ADD_FILES.replace("&", ""))
        self.add([Path(name) for name in names])

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, ADD_FOLDER.replace("&", ""))
        self.add([Path(name)] if name else [])

    def _ask_target(self) -> None:
        name = QFileDialog.getExistingDirectory(self, ASK_TARGET, self.target.text())
        if name:
            self.target.setText(name)

    def _remove(self) -> None:
        gone = {self.sources.row(item) for item in self.sources.selectedItems()}
        self.inputs = [path for place, path in enumerate(self.inputs) if place not in gone]
        self._show_sources()


def _labelled(text: str, field: QWidget, *others: QWidget) -> QHBoxLayout:
    label = QLabel(text)
    label.setBuddy(field)
    row = QHBoxLayout()
    row.addWidget(label)
    row.addWidget(field, 1)
    for other in others:
        row.addWidget(other)
    return row
