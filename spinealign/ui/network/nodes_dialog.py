"""All nodes that are configured, and this program as a receiver."""

from __future__ import annotations

from functools import partial

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.network import NetworkError, PeerTest
from spinealign.network.peers import DicomPeer, Peer, ReceiverSettings
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.network import jobs
from spinealign.ui.network.desk import NetworkDesk, NetworkState
from spinealign.ui.network.forms import Told, column_of, exchange, fit, quiet_tabs
from spinealign.ui.network.node_dialog import NodeDialog
from spinealign.ui.network.receiver_page import ReceiverPage
from spinealign.ui.network.tables import Rows
from spinealign.ui.widgets.labels import offer, without_icons, wrapped_label
from spinealign.ui.work.tasks import Task
from spinealign.wording.network_window import (
    ADD_NODE,
    EDIT_NODE,
    KEEP_IT,
    KIND_WORDS,
    NO_NODE_CHOSEN,
    NODE_HEADINGS,
    NODES_INTRODUCTION,
    NODES_PAGE,
    NODES_TITLE,
    RECEIVER_PAGE,
    REMOVE_NODE,
    REMOVE_NOW,
    REMOVE_QUESTION,
    STOP_TEST,
    TEST_NODE,
    TEST_RUNS,
    TEST_STOPPED,
    failure_words,
    place_text,
    test_words,
)

_WIDTH_EM, _HEIGHT_EM = 110, 92


class NodesDialog(QDialog):
    """Lists the nodes, with a form for each; and the receiver with its rules."""

    def __init__(self, desk: NetworkDesk, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(NODES_TITLE)
        explain(self, "pacs")
        self._desk = desk
        self._peers: dict[str, Peer] = {}
        self._test: Task | None = None
        self.nodes = Rows("Nodes", NODE_HEADINGS)
        self.add, self.edit = QPushButton(ADD_NODE), QPushButton(EDIT_NODE)
        self.remove, self.test = QPushButton(REMOVE_NODE), QPushButton(TEST_NODE)
        self.stop = QPushButton(STOP_TEST)
        self.told = Told()
        self.receiver = ReceiverPage()
        self.tabs = quiet_tabs()
        self._lay_out()
        self._connect()
        if desk.state is not None:
            self._show(desk.state)
        desk.refresh()
        self._follow()
        fit(self, _WIDTH_EM, _HEIGHT_EM)

    def _lay_out(self) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.addWidget(wrapped_label(NODES_INTRODUCTION, "muted"))
        column.addWidget(self.nodes, 1)
        row = QHBoxLayout()
        for button in (self.add, self.edit, self.remove, self.test, self.stop):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.told)
        self.tabs.addTab(page, NODES_PAGE)
        self.tabs.addTab(self.receiver, RECEIVER_PAGE)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        outer = column_of(self)
        outer.addWidget(self.tabs, 1)
        outer.addWidget(buttons)

    def _connect(self) -> None:
        self._desk.changed.connect(self._show)
        self.nodes.itemSelectionChanged.connect(self._follow)
        self.nodes.itemActivated.connect(self.edit_node)
        self.add.clicked.connect(lambda: NodeDialog(self._desk, None, self).open())
        self.edit.clicked.connect(self.edit_node)
        self.remove.clicked.connect(self._ask_removal)
        self.test.clicked.connect(self.run_test)
        self.stop.clicked.connect(self.stop_test)
        self.receiver.wanted.connect(self._save_receiver)

    def _show(self, state: NetworkState) -> None:
        self._peers = {peer.name: peer for peer in state.settings.peers}
        self.nodes.put([(node_cells(peer), name) for name, peer in self._peers.items()])
        self.receiver.show_settings(state.settings.receiver, tuple(self._peers), state.is_receiving)
        if self.nodes.current is None and self._peers:
            self.nodes.setCurrentItem(self.nodes.topLevelItem(0))
        self._follow()

    @property
    def _chosen(self) -> Peer | None:
        names = self.nodes.chosen
        return self._peers.get(str(names[0])) if len(names) == 1 else None

    def _follow(self) -> None:
        reason = "" if self._chosen is not None else NO_NODE_CHOSEN
        for button in (self.edit, self.remove, self.test):
            offer(button, reason)
        exchange(self.test, self.stop, self._test is None)

    def edit_node(self) -> None:
        """Open the form of the node that is chosen."""
        if self._chosen is not None:
            NodeDialog(self._desk, self._chosen, self).open()

    def run_test(self) -> None:
        """Try whether the node that is chosen answers."""
        peer = self._chosen
        if peer is None or self._test is not None:
            return
        task = self._test = self._desk.ask(partial(jobs.test, peer, None), self._test_failed)
        task.finished.connect(self._tell_test)
        self.finished.connect(task.cancel)
        self._follow()
        self.told.say(TEST_RUNS.format(name=peer.name), "muted")

    def stop_test(self) -> None:
        """Wait no longer for a node."""
        if self._test is not None:
            self._test.cancel()
            self._end_test()
            self.told.say(TEST_STOPPED, "muted")

    def _tell_test(self, test: PeerTest) -> None:
        self._end_test()
        self.told.say(test_words(test), "good" if test.has_passed else "danger")

    def _test_failed(self, error: Exception) -> None:
        self._end_test()
        self._tell_failure(error)

    def _end_test(self) -> None:
        self._test = None
        self._follow()

    def _ask_removal(self) -> None:
        peer = self._chosen
        if peer is None:
            return
        question, more = REMOVE_QUESTION
        box = QMessageBox(QMessageBox.Icon.Question, NODES_TITLE, question.format(name=peer.name),
                          parent=self)  # fmt: skip
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setInformativeText(more)
        remove = box.addButton(REMOVE_NOW, QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton(KEEP_IT, QMessageBox.ButtonRole.RejectRole)
        assert remove is not None
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        remove.clicked.connect(lambda: self._remove(peer.name))
        box.open()

    def _remove(self, name: str) -> None:
        self._desk.change(lambda network: network.remove_peer(name), self._tell_failure)

    def _save_receiver(self, settings: ReceiverSettings) -> None:
        def failed(error: Exception) -> None:
            if isinstance(error, NetworkError):
                self.receiver.tell_failure(error)
            else:
                self._desk.tell(error)
            self._desk.refresh()

        self._desk.save_receiver(settings, failed)

    def _tell_failure(self, error: Exception) -> None:
        if isinstance(error, NetworkError):
            self.told.say(failure_words(error), "danger")
        else:
            self._desk.tell(error)


def node_cells(peer: Peer) -> tuple[str, str, str]:
    """Return a node in the columns of `NODE_HEADINGS`."""
    if isinstance(peer, DicomPeer):
        place = place_text(peer.called_title, peer.host, peer.port, peer.tls is not None)
        return peer.name, KIND_WORDS["dicom"], place
    return peer.name, KIND_WORDS["dicomweb"], peer.url
