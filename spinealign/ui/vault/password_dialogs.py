"""Dialogs that give an account a new password: by the present one, or by the recovery key."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import (
    QComboBox,
    QLabel,
    QLineEdit,
    QWidget,
)

from spinealign.accounts.book import Account
from spinealign.ui.vault.password_fields import NewPassword, PasswordField
from spinealign.ui.vault.setting_dialog import SettingDialog
from spinealign.ui.widgets.labels import wrapped_label
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


class NewPasswordDialog(SettingDialog):
    """A new password with what it needs; `cancelled` says that it was put aside."""

    cancelled = pyqtSignal()

    def __init__(self, title: str, note: str, button: str, parent: QWidget) -> None:
        super().__init__(title, button, SETTING_PASSWORD, parent)
        self.new = NewPassword()
        if note:
            self.column.addWidget(wrapped_label(note))
        self.column.addWidget(self.new)
        self._end_with_buttons()
        self.new.edited.connect(self.follow)

    @property
    def missing(self) -> str:
        """What the password needs still."""
        return self.new.reason

    def _forget(self) -> None:
        self.new.clear()

    def _tell_put_aside(self) -> None:
        self.cancelled.emit()


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
