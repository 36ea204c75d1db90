"""Stands in the place of the dialog for signing in where the file of accounts cannot be read."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QWidget

from spinealign.domain.errors import SpineAlignError
from spinealign.ui.manual.manual_window import DAMAGED_PAGE, PAGE_PROPERTY, open_manual
from spinealign.ui.network.forms import column_of
from spinealign.ui.vault.fitted_dialog import FittedDialog
from spinealign.ui.widgets.labels import without_icons, wrapped_label
from spinealign.wording import explain
from spinealign.wording.accounts_window import (
    ACCOUNTS_LOST_NOTE,
    QUIT,
    RESTORE_INSTEAD,
    SIGN_IN_TITLE,
    TRY_AGAIN,
)
from spinealign.wording.archive_window import WHAT_TO_DO


class DamagedAccountsDialog(FittedDialog):
    """Offers to look again, to restore a back-up, and the page of the manual; never to begin anew.

    Parameters
    ----------
    error : SpineAlignError
        Why there are no accounts to sign in to.
    parent : QWidget
    """

    again = pyqtSignal()
    restore_wanted = pyqtSignal()
    left = pyqtSignal()

    def __init__(self, error: SpineAlignError, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(SIGN_IN_TITLE)
        self.setWindowModality(Qt.WindowModality.ApplicationModal)
        self.setProperty(PAGE_PROPERTY, DAMAGED_PAGE)
        message, column = explain(error), column_of(self)
        for words, strong in (
            (message.sentence, True), (message.advice, False), (ACCOUNTS_LOST_NOTE, False),
        ):  # fmt: skip
            column.addWidget(wrapped_label(words, strong=strong))
        self.retry, self.restore = QPushButton(TRY_AGAIN), QPushButton(RESTORE_INSTEAD)
        self.what_to_do, self.leave = QPushButton(WHAT_TO_DO), QPushButton(QUIT)
        buttons, kind = QDialogButtonBox(), QDialogButtonBox.ButtonRole
        buttons.addButton(self.retry, kind.AcceptRole)
        buttons.addButton(self.restore, kind.ActionRole)
        buttons.addButton(self.what_to_do, kind.ActionRole)
        buttons.addButton(self.leave, kind.RejectRole)
        for each in (self.restore, self.what_to_do, self.leave):
            each.setAutoDefault(False)
        without_icons(buttons)
        column.addWidget(buttons)
        self.retry.setDefault(True)
        self.retry.clicked.connect(self.again)
        self.restore.clicked.connect(self.restore_wanted)
        self.what_to_do.clicked.connect(lambda: open_manual(DAMAGED_PAGE, self))
        self.leave.clicked.connect(self.left)

    def reject(self) -> None:
        """Stay: nobody looks behind it by Esc."""

    def close_for_good(self) -> None:
        """Close, once another dialog takes its place or the program ends."""
        self.done(QDialog.DialogCode.Accepted)
        self.deleteLater()
