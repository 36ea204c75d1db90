"""Dialogs that give an account a new password: by the present one, or by the recovery key."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QComboBox,
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
from spinealign.ui.vault.password_fields import NewPassword, PasswordField
from spinealign.ui.widgets.labels import offer, without_icons, wrapped_label
from spinealign.wording import explain
from spinealign.wording.accounts_window import (
    ACCOUNT_LABEL,
    CHANGE_AT_FIRST,
    CHANGE_PASSWORD,
    CHANGE_TITLE,
    OLD_PASSWORD,
    RECOVER,
    RECOVER_NOTE,
    RECOVER_TITLE,
    RECOVERY_KEY_LABEL,
    SETTING_PASSWORD,
    TYPE_PASSWORD,
    TYPE_RECOVERY_KEY,
    account_choice,
)


class NewPasswordDialog(FittedDialog):
    """A new password with what it needs; `cancelled` says that it was put aside."""

    cancelled = pyqtSignal()

    def __init__(self, title: str, note: str, button: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setWindowModality(Qt.WindowModality.ApplicationModal)
        explain_page(self, "accounts")
        self.new = NewPassword()
        self.told = Told()
        self.set = QPushButton(button)
        self.set.setProperty("primary", "true")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.buttons.addButton(self.set, QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self._take)
        self.buttons.rejected.connect(self.reject)
        without_icons(self.buttons)
        page = QWidget()
        self.column = QVBoxLayout(page)
        self.column.setContentsMargins(2, 2, 2, 2)
        if note:
            self.column.addWidget(wrapped_label(note))
        self.column.addWidget(self.new)
        self.scrolled = Scrolled(page)
        outer = column_of(self)
        outer.addWidget(self.scrolled, 1)
        outer.addWidget(self.told)
        outer.addWidget(self.buttons)
        self.set.setDefault(True)
        self.new.edited.connect(self.follow)
        self.is_busy = False

    @property
    def reason(self) -> str:
        """Why it cannot be done yet; empty where it can."""
        return SETTING_PASSWORD if self.is_busy else self.new.reason

    def follow(self) -> None:
        """Offer what can be done now."""
        offer(self.set, self.reason)

    def wait(self) -> None:
        """Say that the password is being set."""
        self.is_busy = True
        self.told.say(SETTING_PASSWORD, "muted")
        self.follow()

    def fail(self, error: Exception) -> None:
        """Say why it was not set."""
        self.is_busy = False
        if isinstance(error, SpineAlignError):
            message = explain(error)
            self.told.say(f"{message.sentence} {message.advice}", "danger")
        self.follow()

    def _take(self) -> None:
        raise NotImplementedError

    def reject(self) -> None:
        """Put it aside, unless it is being done."""
        if not self.is_busy:
            self._forget()
            super().reject()
            self.cancelled.emit()
            self.deleteLater()

    def close_for_good(self) -> None:
        """Close: it is done."""
        self._forget()
        self.done(QDialog.DialogCode.Accepted)
        self.deleteLater()

    def _forget(self) -> None:
        self.new.clear()


class ChangePasswordDialog(NewPasswordDialog):
    """`wanted` brings the present password and the new one.

    Parameters
    ----------
    name : str
        Of the account.
    known : str
        The present password where it was typed just now; it has to be changed then.
    """

    wanted = pyqtSignal(str, str)

    def __init__(self, name: str, known: str, parent: QWidget) -> None:
        note = CHANGE_AT_FIRST if known else ""
        super().__init__(CHANGE_TITLE, note, CHANGE_PASSWORD, parent)
        self._known = known
        self.old = PasswordField(OLD_PASSWORD)
        self.old.edited.connect(self.follow)
        if not known:
            self.column.insertWidget(0, self.old)
            self.setTabOrder(self.old.line, self.new.first.line)
        else:
            self.old.setParent(self)
            self.old.hide()
        self.new.for_account(name)
        (self.new if known else self.old).setFocus()
        self.follow()

    @property
    def reason(self) -> str:
        """Why it cannot be done yet; empty where it can."""
        is_missing = not (self._known or self.old.text)
        return TYPE_PASSWORD if is_missing and not self.is_busy else super().reason

    def _take(self) -> None:
        self.wanted.emit(self._known or self.old.text, self.new.text)

    def _forget(self) -> None:
        super()._forget()
        self._known = ""
        self.old.clear()


class RecoverDialog(NewPasswordDialog):
    """`wanted` brings the recovery key, the account's name and its new password."""

    wanted = pyqtSignal(str, str, str)

    def __init__(self, accounts: Sequence[Account], chosen: str, parent: QWidget) -> None:
        super().__init__(RECOVER_TITLE, RECOVER_NOTE, RECOVER, parent)
        self.key, self.accounts = QLineEdit(), QComboBox()
        for account in accounts:
            self.accounts.addItem(account_choice(account.name, account.full_name), account.name)
        self.accounts.setCurrentIndex(max(0, self.accounts.findData(chosen)))
        for place, (words, field) in enumerate(
            ((RECOVERY_KEY_LABEL, self.key), (ACCOUNT_LABEL, self.accounts))
        ):
            label = QLabel(words)
            label.setBuddy(field)
            field.setAccessibleName(words.replace("&", ""))
            self.column.insertWidget(1 + 2 * place, label)
            self.column.insertWidget(2 + 2 * place, field)
        self.setTabOrder(self.key, self.accounts)
        self.setTabOrder(self.accounts, self.new.first.line)
        self.accounts.currentIndexChanged.connect(lambda _: self.new.for_account(self.name))
        self.key.textChanged.connect(self.follow)
        self.new.for_account(self.name)
        self.key.setFocus()
        self.follow()

    @property
    def name(self) -> str:
        """Of the account that is chosen."""
        return str(self.accounts.currentData() or "")

    @property
    def reason(self) -> str:
        """Why it cannot be done yet; empty where it can."""
        is_missing = not self.key.text().strip()
        return TYPE_RECOVERY_KEY if is_missing and not self.is_busy else super().reason

    def _take(self) -> None:
        self.wanted.emit(self.key.text(), self.name, self.new.text)

    def _forget(self) -> None:
        super()._forget()
        self.key.clear()
