"""A node is searched: what the dialogs have in common that do something with what is found."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QWidget

from spinealign.domain.network import NetworkError
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.network.desk import NetworkDesk, NetworkState, OnNetwork
from spinealign.ui.network.forms import Told
from spinealign.ui.network.query_form import QueryForm
from spinealign.ui.network.secret_dialog import ask_if_missing
from spinealign.ui.widgets.labels import without_icons
from spinealign.ui.work.tasks import Task, Work
from spinealign.wording.network_window import NODES_TITLE, failure_words, searching_text


class SearchDialog(QDialog):
    """`form` asks which studies of which node; `told` says how far it is and what went wrong.

    A dialog lays out `form`, `told` and `stop` with parts of its own, and then calls `begin`.

    Parameters
    ----------
    desk : NetworkDesk
    node : str
        Searched the last time; empty for none.
    title, page : str
        Of the dialog, and of the manual's page about it.
    stop : str
        What the button says that stops.
    """

    nodes_wanted = pyqtSignal()

    def __init__(
        self, desk: NetworkDesk, node: str, parent: QWidget, title: str, page: str, stop: str
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        explain(self, page)
        self._desk, self.form, self.told = desk, QueryForm(node), Told()
        self._task: Task | None = None
        self.may_ask: Callable[[str], bool] = lambda _: True
        """Whether a node may be asked; where not, it said why."""
        self.nodes_button, self.stop = QPushButton(f"{NODES_TITLE}…"), QPushButton(stop)
        for button in (self.nodes_button, self.stop):
            button.setAutoDefault(False)

    def begin(self) -> None:
        """Show which nodes there are, and what can be done."""
        self._desk.changed.connect(self._show_nodes)
        self.form.changed.connect(self._follow)
        self.nodes_button.clicked.connect(self.nodes_wanted)
        self.stop.clicked.connect(self.run_stop)
        if self._desk.state is not None:
            self._show_nodes(self._desk.state)
        self._desk.refresh()
        self._follow()
        self.form.lines["name"].setFocus()

    def _buttons(
        self, leave: QDialogButtonBox.StandardButton, *acting: QPushButton
    ) -> QDialogButtonBox:
        """Return the lowest row: the nodes, what the dialog does, and a button to leave it."""
        buttons = QDialogButtonBox(leave)
        buttons.addButton(self.nodes_button, QDialogButtonBox.ButtonRole.ResetRole)
        for button in acting:
            buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        return buttons

    def _show_nodes(self, state: NetworkState) -> None:
        self.form.show_nodes(state, self.told)

    @property
    def is_busy(self) -> bool:
        """Whether a node is asked."""
        return self._task is not None

    def _follow(self) -> None:
        """Offer what can be done now."""
        raise NotImplementedError

    # The work

    def _search(self, job: Callable[..., Work], again: Callable[[], None]) -> Task | None:
        """Have the node searched; None where it is busy, something is missing or it may not be."""
        name, query = self.form.node.currentText(), self.form.query
        if self.is_busy or self.form.fault or query is None or not self.may_ask(name):
            return None
        task = self._begin(partial(job, name, query), again)
        task.progressed.connect(lambda count: self.told.say(searching_text(name, count), "muted"))
        self.told.say(searching_text(name, 0), "muted")
        return task

    def _begin(self, work: OnNetwork, again: Callable[[], None]) -> Task:
        """Begin to work; where a password is missing, ask for it and begin again."""
        task = self._task = self._desk.ask(work, partial(self._failed, again))
        self.finished.connect(task.cancel)
        task.ended.connect(partial(self._end, task))
        self._follow()
        return task

    def _failed(self, again: Callable[[], None], error: Exception) -> None:
        self._tell_failure(error)
        ask_if_missing(error, self.form.node.currentText(), self._desk, self, again)

    def _tell_failure(self, error: Exception) -> None:
        if isinstance(error, NetworkError):
            self.told.say(failure_words(error), "danger")
        else:
            self._desk.tell(error)

    def run_stop(self) -> None:
        """Stop what is going on; what came stays where it is."""
        if self._task is not None:
            self._task.cancel()
            self._end(self._task)
            self.told.say("")

    def _end(self, task: Task) -> None:
        """Offer all again, unless another task has begun since this one was stopped."""
        if self._task is task:
            self._task = None
            self._follow()
