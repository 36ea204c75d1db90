"""Asks for the password or token of a node where no key store keeps it."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QPushButton, QWidget

from spinealign.domain.network import NetworkProblem
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.network.desk import NetworkDesk
from spinealign.ui.network.forms import column_of
from spinealign.ui.widgets.labels import offer, without_icons, wrapped_label
from spinealign.wording.network_window import (
    SECRET_NOTE,
    SECRET_QUESTION,
    SECRET_TITLE,
    USE_SECRET,
)

_WIDTH_EM = 56


class SecretDialog(QDialog):
    """`entered` brings what was typed."""

    entered = pyqtSignal(str)

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(SECRET_TITLE)
        explain(self, "pacs")
        question = QLabel(SECRET_QUESTION.format(name=name.replace("&", "&&")))
        question.setTextFormat(Qt.TextFormat.PlainText)
        self.line = QLineEdit()
        self.line.setEchoMode(QLineEdit.EchoMode.Password)
        self.line.setAccessibleName(SECRET_TITLE)
        question.setBuddy(self.line)
        self.use = QPushButton(USE_SECRET)
        self.use.setDefault(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.use, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._use)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        column = column_of(self)
        column.addWidget(question)
        column.addWidget(self.line)
        column.addWidget(wrapped_label(SECRET_NOTE, "muted"))
        column.addWidget(buttons)
        self.line.textChanged.connect(self._offer)
        self._offer()
        width = _WIDTH_EM * self.fontMetrics().averageCharWidth()
        self.resize(width, self.sizeHint().height())

    def _offer(self) -> None:
        offer(self.use, "" if self.line.text() else SECRET_TITLE)

    def _use(self) -> None:
        self.entered.emit(self.line.text())
        self.accept()


def ask_if_missing(
    error: Exception, name: str, desk: NetworkDesk, parent: QWidget, again: Callable[[], object]
) -> None:
    """Where a node could not be asked without a password, ask for it and do the same again."""
    if getattr(error, "problem", None) is not NetworkProblem.SECRET_NEEDED:
        return
    dialog = SecretDialog(name, parent)

    def keep(secret: str) -> None:
        desk.keep_secret(name, secret)
        again()

    dialog.entered.connect(keep)
    dialog.open()
