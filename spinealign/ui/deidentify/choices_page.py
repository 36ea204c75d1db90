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
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from spinealign.deidentification.options import Dates, Options
from spinealign.ui.network.forms import choice
from spinealign.ui.widgets.input_list import InputList, InputWords
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
)

_WORDS = InputWords(SOURCES, "", ADD_FILES, ADD_FOLDER, REMOVE, NOTHING_CHOSEN)
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
        self.sources = InputList(_WORDS)
        self.sources.setObjectName("settingsPages")
        self.add_files, self.add_folder = self.sources.add_files, self.sources.add_folder
        self.remove, self.add_cases = self.sources.remove, QPushButton(ADD_CASES)
        self.target, self.browse = QLineEdit(), QPushButton(BROWSE)
        self.target.setAccessibleName(TARGET.replace("&", ""))
        self.dates = choice({each: DATE_WORDS[each.value] for each in Dates})
        self.options = {name: QCheckBox(words) for name, words in OPTION_WORDS.items()}
        self._lay_out()
        self._connect()
        offer(self.add_cases, "" if self._open_files else NO_OPEN_CASES)

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
        self.sources.changed.connect(self.changed)
        self.add_cases.clicked.connect(lambda: self.add(self._open_files))
        self.browse.clicked.connect(self._ask_target)
        self.target.textChanged.connect(self.changed)

    @property
    def inputs(self) -> list[Path]:
        """What is de-identified."""
        return self.sources.paths

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
        self.sources.add(paths)

    def _ask_target(self) -> None:
        name = QFileDialog.getExistingDirectory(self, ASK_TARGET, self.target.text())
        if name:
            self.target.setText(name)


def _labelled(text: str, field: QWidget, *others: QWidget) -> QHBoxLayout:
    label = QLabel(text)
    label.setBuddy(field)
    row = QHBoxLayout()
    row.addWidget(label)
    row.addWidget(field, 1)
    for other in others:
        row.addWidget(other)
    return row
