"""What is analysed, where the results go, and what is written of each image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, QThread, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.examination import EXAMINATIONS
from spinealign.ui.batch.jobs import Examinations, Studies, Wanted, can_write_parquet
from spinealign.ui.network.forms import choice
from spinealign.ui.widgets.flow import FlowLayout
from spinealign.ui.widgets.input_list import InputList, InputWords
from spinealign.ui.widgets.labels import offer, wrapped_label
from spinealign.wording.archive import ALL_EXAMINATIONS, query_text
from spinealign.wording.batch_window import (
    ADD_EXAMINATIONS,
    ADD_FILES,
    ADD_FOLDER,
    ADD_STUDIES,
    ASK_TARGET,
    AUTOMATIC,
    BROWSE,
    CHOICES,
    FLAT,
    GALLERY,
    IMAGE_TYPE,
    INPUTS,
    INTRODUCTION,
    NEEDS_INPUTS,
    NEEDS_TARGET,
    NO_INPUTS,
    NO_PARQUET,
    NOTHING_CHOSEN,
    PARQUET,
    PATIENT_COLUMNS,
    REMOVE,
    RESULTS,
    TARGET,
    TARGET_NOTE,
    TRY_AGAIN,
    WORKERS,
    examinations_text,
    studies_text,
)
from spinealign.wording.examinations import examination_label

_GAP_PX = 6
_WORDS = InputWords(INPUTS, NO_INPUTS, ADD_FILES, ADD_FOLDER, REMOVE, NOTHING_CHOSEN)


class ChoicesPage(QScrollArea):
    """`changed` says that something was chosen.

    The buttons `add_studies` and `add_examinations` are for who knows network and archive.
    """

    changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.list = InputList(_WORDS, said=_said)
        self.add_files, self.add_folder = self.list.add_files, self.list.add_folder
        self.add_studies, self.add_examinations = (
            QPushButton(ADD_STUDIES),
            QPushButton(ADD_EXAMINATIONS),
        )
        self.target, self.browse = QLineEdit(), QPushButton(BROWSE)
        kinds = {one.key: examination_label(one) for one in EXAMINATIONS.values()}
        self.examination = choice({"": AUTOMATIC, **kinds})
        self.results = choice({key: words.replace("&", "") for key, words in CHOICES.items()})
        self.workers = QSpinBox()
        self.workers.setRange(1, QThread.idealThreadCount())
        self.workers.setValue(QThread.idealThreadCount())
        self.gallery, self.patient = QCheckBox(GALLERY), QCheckBox(PATIENT_COLUMNS)
        self.tries_again, self.flat = QCheckBox(TRY_AGAIN), QCheckBox(FLAT)
        self.parquet = QCheckBox(PARQUET)
        offer(self.parquet, "" if can_write_parquet() else NO_PARQUET)
        self.gallery.setChecked(True)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(wrapped_label(INTRODUCTION, "muted"))
        column.addWidget(self.list, 1)
        buttons = FlowLayout(_GAP_PX)
        for button in (
            self.add_files, self.add_folder, self.add_studies, self.add_examinations,
            self.list.remove,
        ):  # fmt: skip
            buttons.addWidget(button)
        column.addLayout(buttons)
        column.addLayout(_labelled(TARGET, self.target, self.browse))
        column.addWidget(wrapped_label(TARGET_NOTE, "muted"))
        halves = QHBoxLayout()
        halves.addLayout(_labelled(IMAGE_TYPE, self.examination), 1)
        halves.addLayout(_labelled(WORKERS, self.workers))
        column.addLayout(halves)
        column.addLayout(_labelled(RESULTS, self.results))
        for box in (self.flat, self.gallery, self.patient, self.parquet, self.tries_again):
            column.addWidget(box)
        self.setProperty("plain", "true")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidgetResizable(True)
        self.setWidget(page)

    def _connect(self) -> None:
        self.list.changed.connect(self.changed)
        self.browse.clicked.connect(self._ask_target)
        self.target.textChanged.connect(self.changed)

    @property
    def inputs(self) -> list[Path | Studies | Examinations]:
        """What is analysed."""
        kinds = (Path, Studies, Examinations)
        return [entry for entry in self.list.entries if isinstance(entry, kinds)]

    @property
    def wanted(self) -> Wanted:
        """All that is chosen."""
        return Wanted(
            tuple(self.inputs), Path(self.target.text().strip()).absolute(),
            self.examination.currentData(), self.results.currentData(),
            self.gallery.isChecked(), self.patient.isChecked(), self.workers.value(),
            self.tries_again.isChecked(), self.parquet.isChecked(), self.flat.isChecked(),
        )  # fmt: skip

    @property
    def missing(self) -> str:
        """What is to be chosen yet; empty if nothing is."""
        if not self.inputs:
            return NEEDS_INPUTS
        return "" if self.target.text().strip() else NEEDS_TARGET

    def add(self, inputs: Sequence[Path | Studies | Examinations]) -> None:
        """Add files and folders, studies of a PACS, or examinations of the archive."""
        self.list.add(inputs)

    def _ask_target(self) -> None:
        name = QFileDialog.getExistingDirectory(self, ASK_TARGET, self.target.text())
        if name:
            self.target.setText(name)


def _said(entry: object) -> str:
    if isinstance(entry, Studies):
        return studies_text(entry.node, entry.query, entry.count)
    if isinstance(entry, Examinations):
        return examinations_text(query_text(entry.search) or ALL_EXAMINATIONS, entry.count)
    return str(entry)


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
