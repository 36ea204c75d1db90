"""Lets an administrator say whether an account may sign in as a user of the operating system."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QLabel,
    QLineEdit,
    QWidget,
)

from spinealign.accounts.book import Account
from spinealign.ui.vault.setting_dialog import SettingDialog
from spinealign.ui.widgets.labels import wrapped_label
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


class SystemUserDialog(SettingDialog):
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
        name = account_choice(account.name, account.full_name)
        super().__init__(SYSTEM_USER_TITLE.format(name=name), SET_SYSTEM_USER, WORKING, parent)
        before, self._refusal = account.system_sign_in, refusal
        self.may, self.always = QCheckBox(MAY_AS_SYSTEM_USER), QCheckBox(ALWAYS_AS_SYSTEM_USER)
        self.user = QLineEdit(user if before is None else before.user)
        self.user.setMaxLength(_LONGEST_NAME)
        self.user.setAccessibleName(SYSTEM_USER_LABEL.replace("&", ""))
        self.may.setChecked(before is not None)
        self.always.setChecked(before is not None and before.is_always)
        self._lay_out()
        for box in (self.may, self.always):
            box.toggled.connect(self.follow)
        self.user.textChanged.connect(self.follow)
        self.follow()
        self.may.setFocus()

    def _lay_out(self) -> None:
        label = QLabel(SYSTEM_USER_LABEL)
        label.setBuddy(self.user)
        for part in (
            wrapped_label(SYSTEM_USER_NOTE), self.may, label, self.user, self.always,
            wrapped_label(SYSTEM_USER_WARNING, "warning"),
        ):  # fmt: skip
            self.column.addWidget(part)
        self._end_with_buttons()

    @property
    def missing(self) -> str:
        """Why it cannot be done yet; empty where it can."""
        if self.may.isChecked() and not self.user.text().strip():
            return SYSTEM_USER_MISSING
        return self._refusal if self.may.isChecked() else ""

    def follow(self) -> None:
        """Offer what can be done now."""
        for part in (self.user, self.always):
            part.setEnabled(self.may.isChecked())
        super().follow()

    def _take(self) -> None:
        user = self.user.text().strip() if self.may.isChecked() else ""
        self.wanted.emit(user, self.always.isChecked())
