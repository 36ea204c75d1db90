"""All nodes that are configured, and this program as a receiver."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QDialog,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.network import NetworkError
from spinealign.network.peers import DicomPeer, Peer, ReceiverSettings
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.network.desk import NetworkDesk, NetworkState
from spinealign.ui.network.forms import Told, buttons_of, end_with_close, fit, quiet_tabs
from spinealign.ui.network.node_dialog import NodeDialog
from spinealign.ui.network.node_test import NodeTest
from spinealign.ui.network.receiver_page import ReceiverPage
from spinealign.ui.network.tables import Rows
from spinealign.ui.widgets.labels import offer, wrapped_label
from spinealign.ui.widgets.questions import ask
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
    place_text,
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
        self.nodes = Rows("Nodes", NODE_HEADINGS)
        self.add, self.edit = QPushButton(ADD_NODE), QPushButton(EDIT_NODE)
        self.remove, self.told = QPushButton(REMOVE_NODE), Told()
        self.node_test = NodeTest(desk, self.told, self, self._follow)
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
        test = self.node_test
        column.addLayout(buttons_of(self.add, self.edit, self.remove, test.test, test.stop, None))
        column.addWidget(self.told)
        self.tabs.addTab(page, NODES_PAGE)
        self.tabs.addTab(self.receiver, RECEIVER_PAGE)
        end_with_close(self, self.tabs)

    def _connect(self) -> None:
        self._desk.changed.connect(self._show)
        self.nodes.itemSelectionChanged.connect(self._follow)
        self.nodes.itemActivated.connect(self.edit_node)
        self.add.clicked.connect(lambda: NodeDialog(self._desk, None, self).open())
        self.edit.clicked.connect(self.edit_node)
        self.remove.clicked.connect(self._ask_removal)
        self.node_test.test.clicked.connect(self.run_test)
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
        for button in (self.edit, self.remove):
            offer(button, reason)
        self.node_test.offer(reason)

    def edit_node(self) -> None:
        """Open the form of the node that is chosen."""
        if self._chosen is not None:
            NodeDialog(self._desk, self._chosen, self).open()

    def run_test(self) -> None:
        """Try whether the node that is chosen answers."""
        if self._chosen is not None:
            self.node_test.run(self._chosen)

    def _ask_removal(self) -> None:
        peer = self._chosen
        if peer is None:
            return
        question, more = REMOVE_QUESTION
        words = NODES_TITLE, question.format(name=peer.name), more, REMOVE_NOW, KEEP_IT
        ask(self, words, lambda: self._remove(peer.name))

    def _remove(self, name: str) -> None:
        self._desk.change(lambda network: network.remove_peer(name), self.node_test.tell_failure)

    def _save_receiver(self, settings: ReceiverSettings) -> None:
        def failed(error: Exception) -> None:
            if isinstance(error, NetworkError):
                self.receiver.tell_failure(error)
            else:
                self._desk.tell(error)
            self._desk.refresh()

        self._desk.save_receiver(settings, failed)


def node_cells(peer: Peer) -> tuple[str, str, str]:
    """Return a node in the columns of `NODE_HEADINGS`."""
    if isinstance(peer, DicomPeer):
        place = place_text(peer.called_title, peer.host, peer.port, peer.tls is not None)
        return peer.name, KIND_WORDS["dicom"], place
    return peer.name, KIND_WORDS["dicomweb"], peer.url
