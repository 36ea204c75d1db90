"""Studies of a node for a batch: searched for now, retrieved when the batch begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QWidget

from spinealign.domain.network import MOST_ANSWERS, FoundStudy, NetworkError, StudyQuery
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.network import jobs
from spinealign.ui.network.desk import NetworkDesk, NetworkState
from spinealign.ui.network.forms import Told, column_of
from spinealign.ui.network.query_form import QueryForm
from spinealign.ui.network.secret_dialog import ask_if_missing
from spinealign.ui.widgets.labels import offer, without_icons, wrapped_label
from spinealign.ui.work.tasks import Task
from spinealign.wording.batch_window import (
    ADD,
    NO_STUDIES,
    STUDIES_NOTE,
    STUDIES_TITLE,
    cut_text,
)
from spinealign.wording.network_window import (
    NODES_TITLE,
    STOP_SEARCH,
    failure_words,
    searching_text,
)

_WIDTH_EM = 130


class StudiesDialog(QDialog):
    """`chosen` brings the node, the `StudyQuery`, and how many studies it finds now.

    Parameters
    ----------
    desk : NetworkDesk
    node : str
        Searched the last time; empty for none.
    """

    chosen = pyqtSignal(str, object, int)
    nodes_wanted = pyqtSignal()

    def __init__(self, desk: NetworkDesk, node: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(STUDIES_TITLE)
        explain(self, "batch")
        self._desk, self.form, self.told = desk, QueryForm(node), Told()
        self._task: Task | None = None
        self.may_ask: Callable[[str], bool] = lambda _: True
        """Whether a node may be asked; where not, it said why."""
        self.nodes_button, self.stop = QPushButton(f"{NODES_TITLE}…"), QPushButton(STOP_SEARCH)
        self.add = QPushButton(ADD)
        self._lay_out()
        self._connect()
        if desk.state is not None:
            self._show_nodes(desk.state)
        desk.refresh()
        self._follow()
        self.form.lines["name"].setFocus()

    def _lay_out(self) -> None:
        self.add.setDefault(True)
        self.add.setProperty("primary", "true")
        for button in (self.nodes_button, self.stop):
            button.setAutoDefault(False)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.nodes_button, QDialogButtonBox.ButtonRole.ResetRole)
        buttons.addButton(self.stop, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.add, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        column = column_of(self)
        column.addWidget(wrapped_label(STUDIES_NOTE, "muted"))
        column.addWidget(self.form)
        column.addWidget(self.told)
        column.addWidget(buttons)
        parent = self.parentWidget()
        room = self.fontMetrics().averageCharWidth() * _WIDTH_EM
        width = room if parent is None else min(room, parent.width() - 40)
        self.resize(width, self.sizeHint().height())

    def _connect(self) -> None:
        self._desk.changed.connect(self._show_nodes)
        self.form.changed.connect(self._follow)
        self.nodes_button.clicked.connect(self.nodes_wanted)
        self.add.clicked.connect(self.run_search)
        self.stop.clicked.connect(self.run_stop)

    def _show_nodes(self, state: NetworkState) -> None:
        self.form.show_nodes(state, self.told)

    def _follow(self) -> None:
        is_busy = self._task is not None
        offer(self.add, self.form.fault)
        if is_busy:
            self.add.setEnabled(False)
        self.stop.setVisible(is_busy)

    def run_search(self) -> None:
        """Ask the node how many studies there are; where there are any, they are chosen."""
        name, query = self.form.node.currentText(), self.form.query
        if self._task is not None or self.form.fault or query is None or not self.may_ask(name):
            return
        task = self._task = self._desk.ask(partial(jobs.find, name, query), self._fail)
        self.finished.connect(task.cancel)
        task.progressed.connect(lambda count: self.told.say(searching_text(name, count), "muted"))
        task.finished.connect(partial(self._take, name, query))
        task.ended.connect(partial(self._end, task))
        self.told.say(searching_text(name, 0), "muted")
        self._follow()

    def _take(self, name: str, query: StudyQuery, found: Sequence[FoundStudy]) -> None:
        if not found:
            self.told.say(NO_STUDIES, "warning")
            return
        if len(found) >= MOST_ANSWERS and not query.halves():
            self.told.say(cut_text(MOST_ANSWERS), "warning")
            return
        self.chosen.emit(name, query, len(found))
        self.accept()

    def _fail(self, error: Exception) -> None:
        if isinstance(error, NetworkError):
            self.told.say(failure_words(error), "danger")
        else:
            self._desk.tell(error)
        ask_if_missing(error, self.form.node.currentText(), self._desk, self, self.run_search)

    def run_stop(self) -> None:
        """Stop searching."""
        if self._task is not None:
            self._task.cancel()
            self._end(self._task)
            self.told.say("")

    def _end(self, task: Task) -> None:
        """Offer all again, unless another task has begun since this one was stopped."""
        if self._task is task:
            self._task = None
            self._follow()
