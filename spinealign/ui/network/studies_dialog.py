"""Studies of a node for a batch: searched for now, retrieved when the batch begins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QDialogButtonBox, QPushButton, QWidget

from spinealign.domain.network import MOST_ANSWERS, FoundStudy, StudyQuery
from spinealign.ui.network import jobs
from spinealign.ui.network.desk import NetworkDesk
from spinealign.ui.network.forms import column_of
from spinealign.ui.network.search_dialog import SearchDialog
from spinealign.ui.widgets.labels import offer, wrapped_label
from spinealign.wording.batch_window import (
    ADD,
    NO_STUDIES,
    STUDIES_NOTE,
    STUDIES_TITLE,
    cut_text,
)
from spinealign.wording.network_window import STOP_SEARCH

_WIDTH_EM = 130


class StudiesDialog(SearchDialog):
    """`chosen` brings the node, the `StudyQuery`, and how many studies it finds now.

    Parameters
    ----------
    desk : NetworkDesk
    node : str
        Searched the last time; empty for none.
    """

    chosen = pyqtSignal(str, object, int)

    def __init__(self, desk: NetworkDesk, node: str, parent: QWidget) -> None:
        super().__init__(desk, node, parent, STUDIES_TITLE, "batch", STOP_SEARCH)
        self.add = QPushButton(ADD)
        self.add.setDefault(True)
        self.add.setProperty("primary", "true")
        self.add.clicked.connect(self.run_search)
        self._lay_out()
        self.begin()

    def _lay_out(self) -> None:
        column = column_of(self)
        column.addWidget(wrapped_label(STUDIES_NOTE, "muted"))
        column.addWidget(self.form)
        column.addWidget(self.told)
        leave = QDialogButtonBox.StandardButton.Cancel
        column.addWidget(self._buttons(leave, self.stop, self.add))
        parent = self.parentWidget()
        room = self.fontMetrics().averageCharWidth() * _WIDTH_EM
        width = room if parent is None else min(room, parent.width() - 40)
        self.resize(width, self.sizeHint().height())

    def _follow(self) -> None:
        offer(self.add, self.form.fault)
        if self.is_busy:
            self.add.setEnabled(False)
        self.stop.setVisible(self.is_busy)

    def run_search(self) -> None:
        """Ask the node how many studies there are; where there are any, they are chosen."""
        name, query = self.form.node.currentText(), self.form.query
        task = self._search(jobs.find, self.run_search)
        if task is not None and query is not None:
            task.finished.connect(partial(self._take, name, query))

    def _take(self, name: str, query: StudyQuery, found: Sequence[FoundStudy]) -> None:
        if not found:
            self.told.say(NO_STUDIES, "warning")
            return
        if len(found) >= MOST_ANSWERS and not query.halves():
            self.told.say(cut_text(MOST_ANSWERS), "warning")
            return
        self.chosen.emit(name, query, len(found))
        self.accept()
