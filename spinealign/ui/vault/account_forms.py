"""Forms of one account: added by an administrator, its roles, its password set anew."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QGroupBox, QVBoxLayout, QWidget

from spinealign.accounts.book import Account, Role
from spinealign.ui.vault.password_dialogs import NewPasswordDialog
from spinealign.ui.vault.set_up_dialog import NameFields
from spinealign.wording.accounts_window import (
    ADD_NOW,
    ADD_TITLE,
    NO_ROLE_CHOSEN,
    RESET_NOTE,
    RESET_NOW,
    RESET_TITLE,
    ROLE_WORDS,
    ROLES_LABEL,
    ROLES_TITLE,
    SET_ROLES,
    WORKING,
    account_choice,
)


class RoleBoxes(QGroupBox):
    """A box to tick for each role; `edited` follows them."""

    edited = pyqtSignal()

    def __init__(self, roles: Sequence[Role] = ()) -> None:
        super().__init__(ROLES_LABEL)
        self.boxes = {role: QCheckBox(ROLE_WORDS[role.value]) for role in Role}
        column = QVBoxLayout(self)
        for role, box in self.boxes.items():
            box.setChecked(role in roles)
            box.toggled.connect(lambda _: self.edited.emit())
            column.addWidget(box)

    @property
    def roles(self) -> tuple[Role, ...]:
        """What is ticked."""
        return tuple(role for role, box in self.boxes.items() if box.isChecked())

    @property
    def reason(self) -> str:
        """What is missing; empty where nothing is."""
        return "" if self.roles else NO_ROLE_CHOSEN


class AddAccountDialog(NewPasswordDialog):
    """`wanted` brings name, full name, roles and the first password."""

    wanted = pyqtSignal(str, str, object, str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(ADD_TITLE, "", ADD_NOW, parent)
        self.names, self.roles = NameFields(), RoleBoxes((Role.READER,))
        self.column.insertWidget(0, self.names)
        self.column.insertWidget(1, self.roles)
        self.names.edited.connect(self._follow_name)
        self.roles.edited.connect(self.follow)
        self.setTabOrder(self.names.full_name, self.roles.boxes[Role.VIEWER])
        self.setTabOrder(self.roles.boxes[Role.ADMINISTRATOR], self.new.first.line)
        self.names.setFocus()
        self.follow()

    @property
    def reason(self) -> str:
        """Why it cannot be done yet; empty where it can."""
        missing = self.names.reason or self.roles.reason
        return WORKING if self.is_busy else missing or super().reason

    def _follow_name(self) -> None:
        self.new.for_account(self.names.name.text())
        self.follow()

    def _take(self) -> None:
        self.wanted.emit(
            self.names.name.text(), self.names.typed_full_name, self.roles.roles, self.new.text
        )


class RolesDialog(NewPasswordDialog):
    """`wanted` brings other roles for an account; no password is asked for."""

    wanted = pyqtSignal(object)

    def __init__(self, account: Account, parent: QWidget) -> None:
        name = account_choice(account.name, account.full_name)
        super().__init__(ROLES_TITLE.format(name=name), "", SET_ROLES, parent)
        self.new.hide()
        self.roles = RoleBoxes(account.roles)
        self.column.insertWidget(0, self.roles)
        self.roles.edited.connect(self.follow)
        self.follow()

    @property
    def reason(self) -> str:
        """Why it cannot be done yet; empty where it can."""
        return WORKING if self.is_busy else self.roles.reason

    def _take(self) -> None:
        self.wanted.emit(self.roles.roles)


class ResetDialog(NewPasswordDialog):
    """`wanted` brings a password that the account has to change at the next sign-in."""

    wanted = pyqtSignal(str)

    def __init__(self, account: Account, parent: QWidget) -> None:
        name = account_choice(account.name, account.full_name)
        super().__init__(RESET_TITLE, RESET_NOTE.format(name=name), RESET_NOW, parent)
        self.new.for_account(account.name)
        self.new.setFocus()
        self.follow()

    def _take(self) -> None:
        self.wanted.emit(self.new.text)


AccountForm = AddAccountDialog | RolesDialog | ResetDialog
"""What an administrator fills in."""
