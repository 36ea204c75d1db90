"""Sends results of the case that is shown to a node, as DICOM objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QWidget,
)

from spinealign.domain.errors import SpineAlignError
from spinealign.domain.network import Delivery, NetworkError, NetworkProblem
from spinealign.export.exporters import EXPORTERS
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.network import jobs
from spinealign.ui.network.desk import NetworkDesk, NetworkState, OnNetwork
from spinealign.ui.network.forms import Form, Told, choice, column_of, fit, offer_nodes
from spinealign.ui.network.secret_dialog import SecretDialog
from spinealign.ui.widgets.labels import offer, without_icons, wrapped_label
from spinealign.ui.work.tasks import Task
from spinealign.wording import explain as failure_message
from spinealign.wording.network_window import (
    NEEDS_PATIENT,
    NO_NODES_YET,
    NODES_TITLE,
    NOT_IN_RESULT,
    NOTHING_TO_SEND,
    OBJECT_WORDS,
    SEND_GOES,
    SEND_INTRODUCTION,
    SEND_LABELS,
    SEND_NOW,
    SEND_TITLE,
    SEND_WRITES,
    SOURCE_NEEDED,
    failure_words,
    plain,
    queued_text,
)

_WIDTH_EM, _HEIGHT_EM = 92, 62
SOURCE = "dicom_source"
"""The kind that the others refer to where the image is no DICOM file."""


@dataclass(frozen=True)
class Sendable:
    """What of a case can be sent.

    Parameters
    ----------
    kinds : mapping of str to bool
        Kinds of DICOM objects, and whether the result holds something of them.
    has_patient : bool
        Whether image or user said whose it is.
    reading_words : str
        Whether it is signed.
    is_signed : bool
    """

    kinds: Mapping[str, bool]
    has_patient: bool
    reading_words: str
    is_signed: bool

    @property
    def needs_source(self) -> bool:
        """Whether the image itself has to go along."""
        return self.kinds.get(SOURCE, False)


class SendDialog(QDialog):
    """Asks what goes where, sends it, and says what became of it.

    `wanted` brings node and kinds; `send` is then called with the work.

    Parameters
    ----------
    desk : NetworkDesk
    sendable : Sendable
    kinds : sequence of str
        Chosen the last time; empty for all.
    node : str
        The last time.
    """

    wanted = pyqtSignal(str, object)
    nodes_wanted = pyqtSignal()

    def __init__(
        self, desk: NetworkDesk, sendable: Sendable, kinds: Sequence[str], node: str,
        parent: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(SEND_TITLE)
        explain(self, "pacs")
        self._desk, self._sendable, self._last_node = desk, sendable, node
        self._task: Task | None = None
        self._sent: frozenset[int] = frozenset()
        self.node = choice({})
        self.node.setAccessibleName(plain(SEND_LABELS["node"]))
        self.boxes = {kind: self._box(kind, kinds) for kind in sendable.kinds if kind != SOURCE}
        self.told, self.progress = Told(), QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(self.fontMetrics().height())
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.nodes_button = QPushButton(f"{NODES_TITLE}…")
        self.nodes_button.setAutoDefault(False)
        self.send_button = QPushButton(SEND_NOW)
        self.send_button.setProperty("primary", "true")
        self.send_button.setDefault(True)
        self.buttons.addButton(self.nodes_button, QDialogButtonBox.ButtonRole.ResetRole)
        self.buttons.addButton(self.send_button, QDialogButtonBox.ButtonRole.ActionRole)
        without_icons(self.buttons)
        self._lay_out()
        self._connect()
        if desk.state is not None:
            self._show_nodes(desk.state)
        desk.refresh()
        self._follow()
        fit(self, _WIDTH_EM, _HEIGHT_EM)

    @property
    def kinds(self) -> list[str]:
        """What is chosen, in the order in which it is sent; the image before what refers to it."""
        chosen = [kind for kind, box in self.boxes.items() if box.isChecked() and box.isEnabled()]
        return [SOURCE, *chosen] if chosen and self._sendable.needs_source else chosen

    def _box(self, kind: str, before: Sequence[str]) -> QCheckBox:
        words = OBJECT_WORDS.get(kind) or EXPORTERS[kind].menu_text.rstrip("…")
        box = QCheckBox(words)
        is_there = self._sendable.kinds[kind]
        box.setChecked(is_there and (not before or kind in before))
        offer(box, "" if is_there else NOT_IN_RESULT)
        return box

    def _lay_out(self) -> None:
        form = Form(SEND_LABELS, {})
        tone = "good" if self._sendable.is_signed else "warning"
        form.say(wrapped_label(self._sendable.reading_words, tone))
        if self._sendable.needs_source:
            form.say(wrapped_label(SOURCE_NEEDED, "muted"))
        if not self._sendable.has_patient:
            form.say(wrapped_label(NEEDS_PATIENT, "muted"))
        form.say(wrapped_label(SEND_INTRODUCTION, strong=True))
        for box in self.boxes.values():
            form.say(box)
        form.end()
        where = QFormLayout()
        label = QLabel(SEND_LABELS["node"])
        label.setBuddy(self.node)
        where.addRow(label, self.node)
        column = column_of(self)
        column.addLayout(where)
        column.addWidget(form, 1)
        column.addWidget(self.progress)
        column.addWidget(self.told)
        column.addWidget(self.buttons)

    def _connect(self) -> None:
        self._desk.changed.connect(self._show_nodes)
        self._desk.changed.connect(self._tell_again)
        for box in self.boxes.values():
            box.toggled.connect(self._follow)
        self.nodes_button.clicked.connect(self.nodes_wanted)
        self.send_button.clicked.connect(self.ask)
        self.buttons.rejected.connect(self.reject)

    def _show_nodes(self, state: NetworkState) -> None:
        names = [peer.name for peer in state.settings.peers]
        offer_nodes(self.node, names, self._last_node, self.told)
        self._follow()

    def _follow(self) -> None:
        reason = "" if self.node.count() else NO_NODES_YET
        offer(self.send_button, reason or ("" if self.kinds else NOTHING_TO_SEND))
        if self._task is not None:
            self.send_button.setEnabled(False)
        self.progress.setVisible(self._task is not None)

    def ask(self) -> None:
        """Say what is wanted; who made the dialog answers with `send`."""
        if self._task is None and self.node.count() and self.kinds:
            self.wanted.emit(self.node.currentText(), tuple(self.kinds))

    def send(self, name: str, work: OnNetwork) -> None:
        """Send what the work makes, and say what became of it.

        Closing the dialog does not stop it: what is queued goes out all the same.
        """
        if self._task is not None:
            return
        task = self._task = self._desk.ask(work, partial(self._failed, name))
        task.progressed.connect(partial(self._show_progress, name))
        task.finished.connect(partial(self._tell, name))
        task.ended.connect(self._end)
        task.ended.connect(self._desk.refresh)
        self.progress.setMaximum(0)
        self._follow()

    def _show_progress(self, name: str, progress: jobs.Sending) -> None:
        if progress.kind:
            words = OBJECT_WORDS.get(progress.kind, EXPORTERS[progress.kind].menu_text)
            self.told.say(f"{SEND_WRITES.format(what=plain(words))}…", "muted")
        else:
            self.told.say(f"{SEND_GOES.format(name=name)}…", "muted")
        self.progress.setMaximum(progress.total)
        self.progress.setValue(progress.done)

    def _tell_again(self, state: NetworkState) -> None:
        """Say what has become of what was sent since then."""
        if self._sent and self._task is None:
            rows = [each for each in state.deliveries if each.number in self._sent]
            self._say(rows[0].peer if rows else "", rows)

    def _say(self, name: str, rows: Sequence[Delivery]) -> None:
        has_failed = any(row.failure is not None for row in rows)
        if name:
            self.told.say(queued_text(name, rows), "danger" if has_failed else "good")

    def _tell(self, name: str, rows: Sequence[Delivery]) -> None:
        self._sent = frozenset(row.number for row in rows)
        self._say(name, rows)
        self._offer_closing()
        secret = NetworkProblem.SECRET_NEEDED
        asked = [row for row in rows if row.failure is not None and row.failure.problem is secret]
        if asked:
            self._ask_secret(name, [row.number for row in asked])

    def _offer_closing(self) -> None:
        """Let Return close the dialog: sent again, the objects would be there twice."""
        close = self.buttons.button(QDialogButtonBox.StandardButton.Close)
        if close is not None:
            self.send_button.setDefault(False)
            close.setDefault(True)
            close.setFocus()

    def _ask_secret(self, name: str, numbers: Sequence[int]) -> None:
        dialog = SecretDialog(name, self)

        def keep(secret: str) -> None:
            self._desk.keep_secret(name, secret)
            self._desk.retry(numbers)

        dialog.entered.connect(keep)
        dialog.open()

    def _failed(self, _name: str, error: Exception) -> None:
        if isinstance(error, NetworkError):
            self.told.say(failure_words(error), "danger")
        elif isinstance(error, SpineAlignError):
            message = failure_message(error)
            self.told.say(f"{message.sentence} {message.advice}", "danger")
        else:
            self._desk.tell(error)

    def _end(self) -> None:
        self._task = None
        self._follow()
