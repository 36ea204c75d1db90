"""The form of one node: kind, place, how it is spoken to, and whether it answers."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from spinealign.domain.network import NetworkError
from spinealign.network.peers import (
    DEFAULT_PORT,
    DicomPeer,
    Peer,
    RetrieveWay,
    SignIn,
    Tls,
    WebPeer,
    checked,
)
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.network import jobs
from spinealign.ui.network.desk import NetworkDesk
from spinealign.ui.network.forms import FileField, Form, Told, choice, column_of, fit
from spinealign.ui.network.node_test import NodeTest
from spinealign.ui.widgets.labels import offer, row_of, without_icons
from spinealign.wording.network_window import (
    KEEP_NODE,
    KEY_STORE_MISSING,
    KEY_STORE_THERE,
    KIND_WORDS,
    NAME_STAYS,
    NEW_NODE_TITLE,
    NODE_LABELS,
    NODE_NOTES,
    NODE_TITLE,
    RETRIEVE_WORDS,
    SIGN_IN_WORDS,
    failure_words,
    missing_text,
)

_WIDTH_EM, _HEIGHT_EM = 92, 100
_MOST_PORT = 65535
_FILES = ("ca_file", "certificate_file", "key_file")
_DICOM = frozenset(
    {"called_title", "host", "port", "calling_title", "is_encrypted", "retrieve_by",
     "asks_commitment"}
)  # fmt: skip
_WEB = frozenset({"url", "sign_in", *_FILES})
_SECRET = frozenset({"secret", "may_send_secret_unencrypted"})
_NEEDED = {"dicom": ("name", "called_title", "host"), "dicomweb": ("name", "url")}


class NodeDialog(QDialog):
    """Takes a node that there can be; Save keeps it, Test tries it before.

    Parameters
    ----------
    desk : NetworkDesk
    peer : DicomPeer or WebPeer or None
        None to add one.
    """

    saved = pyqtSignal()

    def __init__(self, desk: NetworkDesk, peer: Peer | None, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        title = NEW_NODE_TITLE if peer is None else NODE_TITLE.format(name=peer.name)
        self.setWindowTitle(title)
        explain(self, "pacs")
        self._desk, self._before = desk, peer
        self._has_looked_for_store = False
        self._make_fields()
        self._lay_out()
        self._show(peer)
        self._connect()
        self._follow()
        fit(self, _WIDTH_EM, _HEIGHT_EM)
        (self.kind if peer is None else self.lines["host"]).setFocus()

    # What is filled in

    @property
    def peer(self) -> Peer:
        """The node as it is filled in, within no limits yet."""
        lines = {name: line.text().strip() for name, line in self.lines.items()}
        files = {name: field.line.text().strip() for name, field in self.files.items()}
        if self._is_web:
            sign_in = self.sign_in.currentData()
            return WebPeer(
                name=lines["name"], url=lines["url"], sign_in=sign_in,
                user=lines["user"] if sign_in == SignIn.PASSWORD else "",
                may_send_secret_unencrypted=self.unencrypted.isChecked(), **files,
            )  # fmt: skip
        kept = self._before.character_set if isinstance(self._before, DicomPeer) else "ISO_IR 192"
        return DicomPeer(
            name=lines["name"], called_title=lines["called_title"], host=lines["host"],
            port=self.port.value(), calling_title=lines["calling_title"],
            tls=Tls(**files) if self.encrypted.isChecked() else None,
            retrieve_by=self.retrieve_by.currentData(),
            asks_commitment=self.commitment.isChecked(), character_set=kept,
        )  # fmt: skip

    @property
    def secret(self) -> str | None:
        """What was typed for a password or token; None where nothing was, or nothing is needed."""
        is_needed = self._is_web and self.sign_in.currentData() != SignIn.NOTHING
        return (self.lines["secret"].text() or None) if is_needed else None

    @property
    def _is_web(self) -> bool:
        return bool(self.kind.currentData() == "dicomweb")

    def _fault(self) -> str:
        """Return why this cannot be a node; empty where it can."""
        needed = _NEEDED[self.kind.currentData()]
        missing = [NODE_LABELS[name] for name in needed if not self.lines[name].text().strip()]
        if missing:
            return missing_text(missing)
        try:
            checked(self.peer)
        except NetworkError as error:
            return failure_words(error)
        return ""

    # The form

    def _make_fields(self) -> None:
        self.kind = choice(KIND_WORDS)
        names = ("name", "called_title", "host", "calling_title", "url", "user", "secret")
        self.lines = {name: QLineEdit() for name in names}
        self.lines["secret"].setEchoMode(QLineEdit.EchoMode.Password)
        self.port = QSpinBox()
        self.port.setRange(1, _MOST_PORT)
        self.retrieve_by = choice({way: RETRIEVE_WORDS[way.value] for way in RetrieveWay})
        self.sign_in = choice({each: SIGN_IN_WORDS[each.value] for each in SignIn})
        self.commitment = QCheckBox(NODE_LABELS["asks_commitment"])
        self.encrypted = QCheckBox(NODE_LABELS["is_encrypted"])
        self.unencrypted = QCheckBox(NODE_LABELS["may_send_secret_unencrypted"])
        self.files = {name: FileField(NODE_LABELS[name].replace("&", "")) for name in _FILES}
        self.store = Told()
        self.told = Told()
        self.node_test = NodeTest(self._desk, self.told, self, self._follow)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.save = QPushButton(KEEP_NODE)
        self.save.setProperty("primary", "true")
        self.save.setDefault(True)
        self.buttons.addButton(self.save, QDialogButtonBox.ButtonRole.AcceptRole)
        without_icons(self.buttons)

    def _lay_out(self) -> None:
        form = self.form = Form(NODE_LABELS, NODE_NOTES)
        form.put("kind", self.kind)
        for name in ("name", "called_title", "host"):
            form.put(name, self.lines[name])
        form.put("port", self.port)
        form.put("calling_title", self.lines["calling_title"])
        form.put("retrieve_by", self.retrieve_by)
        form.put("asks_commitment", self.commitment, is_tick=True)
        form.put("url", self.lines["url"])
        form.put("sign_in", self.sign_in)
        for name in ("user", "secret"):
            form.put(name, self.lines[name])
        form.say(self.store)
        form.put("may_send_secret_unencrypted", self.unencrypted, is_tick=True)
        form.put("is_encrypted", self.encrypted, is_tick=True)
        for name in _FILES:
            form.put(name, self.files[name])
        form.end()
        row = row_of(self.node_test.test, self.node_test.stop)
        row.addWidget(self.told, 1)
        column = column_of(self)
        column.addWidget(form, 1)
        column.addLayout(row)
        column.addWidget(self.buttons)

    def _show(self, peer: Peer | None) -> None:
        self.port.setValue(DEFAULT_PORT)
        self.lines["calling_title"].setText("SPINEALIGN")
        if peer is None:
            return
        self.lines["name"].setText(peer.name)
        self.lines["name"].setReadOnly(True)
        self.lines["name"].setToolTip(NAME_STAYS)
        self.kind.setEnabled(False)
        self.kind.setToolTip(NAME_STAYS)
        files: Any = peer
        if isinstance(peer, DicomPeer):
            for name in ("called_title", "host", "calling_title"):
                self.lines[name].setText(getattr(peer, name))
            self.port.setValue(peer.port)
            self.retrieve_by.setCurrentIndex(self.retrieve_by.findData(peer.retrieve_by))
            self.commitment.setChecked(peer.asks_commitment)
            self.encrypted.setChecked(peer.tls is not None)
            files = peer.tls or Tls()
        else:
            self.kind.setCurrentIndex(self.kind.findData("dicomweb"))
            self.lines["url"].setText(peer.url)
            self.lines["user"].setText(peer.user)
            self.sign_in.setCurrentIndex(self.sign_in.findData(peer.sign_in))
            self.unencrypted.setChecked(peer.may_send_secret_unencrypted)
        for name in _FILES:
            self.files[name].line.setText(getattr(files, name))

    def _connect(self) -> None:
        for line in (*self.lines.values(), *(field.line for field in self.files.values())):
            line.textChanged.connect(self._follow)
        for box in (self.kind, self.retrieve_by, self.sign_in):
            box.currentIndexChanged.connect(self._follow)
        for tick in (self.commitment, self.encrypted, self.unencrypted):
            tick.toggled.connect(self._follow)
        self.port.valueChanged.connect(self._follow)
        self.encrypted.clicked.connect(self._show_files)
        self.node_test.test.clicked.connect(self.run_test)
        self.buttons.accepted.connect(self._save)
        self.buttons.rejected.connect(self.reject)

    def _follow(self) -> None:
        """Show the fields of this kind of node, and offer what can be done."""
        names = {"kind", "name"} | (_WEB if self._is_web else _DICOM)
        sign_in = self.sign_in.currentData() if self._is_web else SignIn.NOTHING
        if sign_in != SignIn.NOTHING:
            names |= _SECRET | ({"user"} if sign_in == SignIn.PASSWORD else set())
            self._look_for_store()
        if not self._is_web and self.encrypted.isChecked():
            names |= set(_FILES)
        self.form.show_only(frozenset(names))
        self.store.setVisible(sign_in != SignIn.NOTHING)
        fault = self._fault()
        offer(self.save, fault)
        self.node_test.offer(fault)
        if not self.node_test.is_running:
            self.told.say(fault, "muted")

    def _show_files(self, is_encrypted: bool) -> None:
        """Bring the fields that have just come below into sight."""
        if is_encrypted:
            self.form.show_row(_FILES[-1])

    def _look_for_store(self) -> None:
        """Say whether this system keeps passwords; asking it may take a moment."""
        if self._has_looked_for_store:
            return
        self._has_looked_for_store = True
        task = self._desk.ask(jobs.keeps_secrets)
        task.finished.connect(self._tell_store)
        self.finished.connect(task.cancel)

    def _tell_store(self, is_there: bool) -> None:
        words = KEY_STORE_THERE if is_there else KEY_STORE_MISSING
        self.store.say(words, "muted" if is_there else "warning")

    # What is done

    def run_test(self) -> None:
        """Try the connection as it is filled in."""
        if not self._fault():
            self.node_test.run(self.peer, self.secret)

    def _save(self) -> None:
        if self._fault():
            return
        replaces = self._before is not None
        task = self._desk.save_peer(self.peer, self.secret, replaces, self._not_saved)
        task.finished.connect(self._close)
        self.save.setEnabled(False)

    def _close(self) -> None:
        self.saved.emit()
        self.accept()

    def _not_saved(self, error: Exception) -> None:
        self.save.setEnabled(True)
        self.node_test.tell_failure(error)
