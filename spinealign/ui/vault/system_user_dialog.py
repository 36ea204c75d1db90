"""Lets an administrator say whether an account may sign in as a user of the operating system."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.accounts.book import Account
from spinealign.domain.errors import SpineAlignError
from spinealign.ui.manual.manual_window import explain as explain_page
from spinealign.ui.network.forms import Told, column_of
from spinealign.ui.vault.fitted_dialog import FittedDialog, Scrolled
from spinealign.ui.widgets.labels import offer, without_icons, wrapped_label
from spinealign.wording import explain
from spinealign.wording.accounts_window import (
    ALWAYS_AS_SYSTEM_USER,
    MAY_AS_SYSTEM_USER,
    SET_SYSTEM_USER,
    SYSTEM_USER_LABEL,
    SYSTEM_USER_MISSING,
    SYSTEM_USER_NOTE,
    SYSTEM_USER_TITLE,
    SYSTEM_USER_WARNING,
    WORKING,
    account_choice,
)

_LONGEST_NAME = 256


class SystemUserDialog(FittedDialog):
    """`wanted` brings the user of the system, or an empty name, and whether that holds always.

    Parameters
    ----------
    account : Account
    user : str
        Who is at work by the operating system; empty where it does not say.
    refusal : str
        Why it can only be taken back, such as that there is no key store; empty where there is.
    """

    wanted = pyqtSignal(str, bool)

    def __init__(self, account: Account, user: str, refusal: str, parent: QWidget) -> None:
        super().__init__(parent)
        name = account_choice(account.name, account.full_name)
        self.setWindowTitle(SYSTEM_USER_TITLE.format(name=name))
        self.setWindowModality(Qt.WindowModality.ApplicationModal)
        explain_page(self, "accounts")
        self._before, self._refusal, self._is_busy = account.system_sign_in, refusal, False
        before = self._before
        self.may, self.always = QCheckBox(MAY_AS_SYSTEM_USER), QCheckBox(ALWAYS_AS_SYSTEM_USER)
        self.user = QLineEdit(user if before is None else before.user)
        self.user.setMaxLength(_LONGEST_NAME)
        self.user.setAccessibleName(SYSTEM_USER_LABEL.replace("&", ""))
        self.may.setChecked(before is not None)
        self.always.setChecked(before is not None and before.is_always)
        self.told = Told()
        self.set = QPushButton(SET_SYSTEM_USER)
        self.set.setProperty("primary", "true")
        self._lay_out()
        for box in (self.may, self.always):
            box.toggled.connect(self.follow)
        self.user.textChanged.connect(self.follow)
        self.follow()
        self.may.setFocus()

    def _lay_out(self) -> None:
        label = QLabel(SYSTEM_USER_LABEL)
        label.setBuddy(self.user)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(2, 2, 2, 2)
        for part in (
            wrapped_label(SYSTEM_USER_NOTE), self.may, label, self.user, self.always,
            wrapped_label(SYSTEM_USER_WARNING, "warning"),
        ):  # fmt: skip
            column.addWidget(part)
        self.scrolled = Scrolled(page)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.set, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._take)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        outer = column_of(self)
        outer.addWidget(self.scrolled, 1)
        outer.addWidget(self.told)
        outer.addWidget(buttons)
        self.set.setDefault(True)

    @property
    def reason(self) -> str:
        """Why it cannot be done yet; empty where it can."""
        if self._is_busy:
            return WORKING
        if self.may.isChecked() and not self.user.text().strip():
            return SYSTEM_USER_MISSING
        return self._refusal if self.may.isChecked() else ""

    def follow(self) -> None:
        """Offer what can be done now."""
        for part in (self.user, self.always):
            part.setEnabled(self.may.isChecked())
        offer(self.set, self.reason)

    def wait(self) -> None:
        """Say that it is being done."""
        self._is_busy = True
        self.told.say(WORKING, "muted")
        self.follow()

    def fail(self, error: Exception) -> None:
        """Say why nothing was changed."""
        self._is_busy = False
        if isinstance(error, SpineAlignError):
            message = explain(error)
            self.told.say(f"{message.sentence} {message.advice}", "danger")
        self.follow()

    def _take(self) -> None:
        user = self.user.text().strip() if self.may.isChecked() else ""
        self.wanted.emit(user, self.always.isChecked())

    def reject(self) -> None:
        """Put it aside, unless it is being done."""
        if not self._is_busy:
            super().reject()
            self.deleteLater()

    def close_for_good(self) -> None:
        """Close: it is done."""
        self.done(QDialog.DialogCode.Accepted)
        self.deleteLater()
