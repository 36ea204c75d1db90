"""What is analysed, where the results go, and what is written of each image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, QThread, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent
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
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.examination import EXAMINATIONS
from spinealign.ui.batch.jobs import Wanted
from spinealign.ui.network.forms import choice
from spinealign.ui.widgets.labels import offer, row_of, wrapped_label
from spinealign.wording.batch_window import (
    ADD_FILES,
    ADD_FOLDER,
    ASK_TARGET,
    AUTOMATIC,
    BROWSE,
    CHOICES,
    GALLERY,
    IMAGE_TYPE,
    INPUTS,
    INTRODUCTION,
    NEEDS_INPUTS,
    NEEDS_TARGET,
    NO_INPUTS,
    NOTHING_CHOSEN,
    PATIENT_COLUMNS,
    REMOVE,
    RESULTS,
    TARGET,
    TARGET_NOTE,
    TRY_AGAIN,
    WORKERS,
)
from spinealign.wording.examinations import examination_label
from spinealign.wording.text import safe_text

_FEWEST_ROWS = 5


class _Inputs(QListWidget):
    """A list that says what it is for while it is empty."""

    def paintEvent(self, event: QPaintEvent | None) -> None:
        super().paintEvent(event)
        port = self.viewport()
        if self.count() or port is None:
            return
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        QPainter(port).drawText(port.rect().adjusted(12, 4, -12, -4), flags, NO_INPUTS)


class ChoicesPage(QScrollArea):
    """`changed` says that something was chosen."""

    changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.inputs: list[Path] = []
        self.list = _Inputs()
        self.list.setAccessibleName(INPUTS)
        self.list.setAccessibleDescription(NO_INPUTS)
        self.list.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.list.setMinimumHeight(_FEWEST_ROWS * self.fontMetrics().lineSpacing())
        self.add_files, self.add_folder = QPushButton(ADD_FILES), QPushButton(ADD_FOLDER)
        self.remove, self.browse = QPushButton(REMOVE), QPushButton(BROWSE)
        self.target = QLineEdit()
        kinds = {one.key: examination_label(one) for one in EXAMINATIONS.values()}
        self.examination = choice({"": AUTOMATIC, **kinds})
        self.results = choice({key: words.replace("&", "") for key, words in CHOICES.items()})
        self.workers = QSpinBox()
        self.workers.setRange(1, QThread.idealThreadCount())
        self.workers.setValue(QThread.idealThreadCount())
        self.gallery, self.patient = QCheckBox(GALLERY), QCheckBox(PATIENT_COLUMNS)
        self.tries_again = QCheckBox(TRY_AGAIN)
        self.gallery.setChecked(True)
        self._lay_out()
        self._connect()
        self._follow()

    def _lay_out(self) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(wrapped_label(INTRODUCTION, "muted"))
        column.addWidget(self.list, 1)
        column.addLayout(row_of(self.add_files, self.add_folder, self.remove, None))
        column.addLayout(_labelled(TARGET, self.target, self.browse))
        column.addWidget(wrapped_label(TARGET_NOTE, "muted"))
        halves = QHBoxLayout()
        halves.addLayout(_labelled(IMAGE_TYPE, self.examination), 1)
        halves.addLayout(_labelled(WORKERS, self.workers))
        column.addLayout(halves)
        column.addLayout(_labelled(RESULTS, self.results))
        for box in (self.gallery, self.patient, self.tries_again):
            column.addWidget(box)
        self.setProperty("plain", "true")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidgetResizable(True)
        self.setWidget(page)

    def _connect(self) -> None:
        self.add_files.clicked.connect(self._ask_files)
        self.add_folder.clicked.connect(self._ask_folder)
        self.remove.clicked.connect(self._remove)
        self.browse.clicked.connect(self._ask_target)
        self.target.textChanged.connect(self.changed)
        self.list.itemSelectionChanged.connect(self._follow)

    @property
    def wanted(self) -> Wanted:
        """All that is chosen."""
        return Wanted(
            tuple(self.inputs), Path(self.target.text().strip()).absolute(),
            self.examination.currentData(), self.results.currentData(),
            self.gallery.isChecked(), self.patient.isChecked(), self.workers.value(),
            self.tries_again.isChecked(),
        )  # fmt: skip

    @property
    def missing(self) -> str:
        """What is to be chosen yet; empty if nothing is."""
        if not self.inputs:
            return NEEDS_INPUTS
        return "" if self.target.text().strip() else NEEDS_TARGET

    def add(self, paths: Sequence[Path]) -> None:
        """Add files and folders."""
        self.inputs = list(dict.fromkeys([*self.inputs, *paths]))
        self._show()

    def _show(self) -> None:
        self.list.clear()
        self.list.addItems([safe_text(str(path)) for path in self.inputs])
        self._follow()
        self.changed.emit()

    def _follow(self) -> None:
        offer(self.remove, "" if self.list.selectedItems() else NOTHING_CHOSEN)

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
        gone = {self.list.row(item) for item in self.list.selectedItems()}
        self.inputs = [path for place, path in enumerate(self.inputs) if place not in gone]
        self._show()


def _labelled(text: str, field: QWidget, *others: QWidget) -> QHBoxLayout:
    label = QLabel(text)
    label.setBuddy(field)
    field.setAccessibleName(text.replace("&", ""))
    row = QHBoxLayout()
    row.addWidget(label)
    row.addWidget(field, 0 if isinstance(field, QSpinBox) else 1)
    for other in others:
        row.addWidget(other)
    return row
