"""All accounts, for administrators: added, given roles and passwords, taken away."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from PyQt6 import sip
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QPushButton,
    QWidget,
)

from spinealign.accounts.book import Account
from spinealign.accounts.key_store import Secrets
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.protection import AccountProblem
from spinealign.ui.manual.manual_window import explain as explain_page
from spinealign.ui.network.forms import Told, column_of, fit
from spinealign.ui.network.tables import Rows
from spinealign.ui.vault.account_forms import (
    AccountForm,
    AddAccountDialog,
    ResetDialog,
    RolesDialog,
)
from spinealign.ui.vault.recovery_key import RecoveryKeyDialog
from spinealign.ui.vault.system_user_dialog import SystemUserDialog
from spinealign.ui.widgets.labels import offer, row_of, without_icons, wrapped_label
from spinealign.ui.widgets.questions import ask
from spinealign.vault import administration
from spinealign.vault.session import Session
from spinealign.vault.system_account import allow, forbid, system_user
from spinealign.wording import explain
from spinealign.wording.accounts_window import (
    ACCOUNT_HEADINGS,
    ACCOUNTS_NOTE,
    ACCOUNTS_TITLE,
    ADD_ACCOUNT,
    ADDED,
    CHANGE_ROLES,
    HAS_TO_CHANGE,
    KEEP_ACCOUNT,
    KEEP_KEY,
    LOOKING_FOR_KEY_STORE,
    NEW_RECOVERY_KEY,
    NO_ACCOUNT_CHOSEN,
    OWN_ACCOUNT,
    OWN_PASSWORD,
    REMOVE_ACCOUNT,
    REMOVE_NOW,
    REMOVE_QUESTION,
    REMOVE_TITLE,
    RENEW_NOW,
    RENEW_QUESTION,
    RESET_PASSWORD,
    ROLES_CHANGED,
    SYSTEM_USER_BUTTON,
    WAS_REMOVED,
    WAS_RESET,
    WORKING,
    system_sign_in_told,
    system_user_words,
)
from spinealign.wording.archive import ROLE_NAMES
from spinealign.wording.protection import ACCOUNT_WORDS

_WIDTH_EM, _HEIGHT_EM = 122, 70


class Runs(Protocol):
    """Does something in a worker thread, and tells what came of it."""

    def __call__(
        self, act: Callable[[], Any], failed: Callable[[Exception], object],
        done: Callable[[Any], object],
    ) -> None:  # fmt: skip
        """Do it."""


class AccountsDialog(QDialog):
    """Lists the accounts as the file says now.

    Parameters
    ----------
    session : Session
        Of an administrator.
    run : Runs
        A password costs up to a second.
    secrets_store : Secrets
        Of the system, for accounts that sign in as one of its users.
    """

    def __init__(
        self, session: Session, run: Runs, secrets_store: Secrets, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(ACCOUNTS_TITLE)
        explain_page(self, "accounts")
        self._session, self._run, self._secrets = session, run, secrets_store
        self._no_key_store = LOOKING_FOR_KEY_STORE
        self._accounts: dict[str, Account] = {}
        self.rows = Rows(ACCOUNTS_TITLE, ACCOUNT_HEADINGS)
        self.rows.setSelectionMode(Rows.SelectionMode.SingleSelection)
        self.add, self.roles = QPushButton(ADD_ACCOUNT), QPushButton(CHANGE_ROLES)
        self.reset, self.remove = QPushButton(RESET_PASSWORD), QPushButton(REMOVE_ACCOUNT)
        self.system = QPushButton(SYSTEM_USER_BUTTON)
        self.renew = QPushButton(NEW_RECOVERY_KEY)
        self.told = Told()
        self._lay_out()
        self._connect()
        self.refresh()
        self.rows.focus_first()
        fit(self, _WIDTH_EM, _HEIGHT_EM)
        run(lambda: secrets_store.is_there, lambda _: self._know(False), self._know)

    def _lay_out(self) -> None:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        for button in (
            self.add, self.roles, self.reset, self.system, self.remove, self.renew,
        ):  # fmt: skip
            button.setAutoDefault(False)
        column = column_of(self)
        column.addWidget(wrapped_label(ACCOUNTS_NOTE, "muted"))
        column.addWidget(self.rows, 1)
        column.addLayout(row_of(self.add, self.roles, self.reset, self.system, self.remove, None))
        column.addLayout(row_of(self.renew, None))
        column.addWidget(self.told)
        column.addWidget(buttons)

    def _connect(self) -> None:
        self.rows.itemSelectionChanged.connect(self._follow)
        self.rows.itemActivated.connect(self._ask_roles)
        self.add.clicked.connect(self._ask_new)
        self.roles.clicked.connect(self._ask_roles)
        self.reset.clicked.connect(self._ask_password)
        self.system.clicked.connect(self._ask_system_user)
        self.remove.clicked.connect(self._ask_removal)
        self.renew.clicked.connect(self._ask_renewal)

    def refresh(self) -> None:
        """Show the accounts as they are now."""
        try:
            found = administration.accounts(self._session)
        except SpineAlignError as error:
            self._fail(error)
            return
        self._accounts = {account.name: account for account in found}
        self.rows.put([(account_cells(account), name) for name, account in self._accounts.items()])
        self._follow()

    @property
    def chosen(self) -> Account | None:
        """The account that is chosen."""
        names = self.rows.chosen
        return self._accounts.get(str(names[0])) if names else None

    def _follow(self) -> None:
        chosen = self.chosen
        reason = "" if chosen is not None else NO_ACCOUNT_CHOSEN
        for button in (self.roles, self.reset):
            offer(button, reason)
        can_be_taken_back = chosen is not None and chosen.system_sign_in is not None
        offer(self.system, reason or ("" if can_be_taken_back else self._no_key_store))
        is_own = chosen is not None and chosen.name == self._session.person.name
        offer(self.remove, OWN_ACCOUNT if is_own else reason)

    def _ask_new(self) -> None:
        dialog = AddAccountDialog(self)

        def add(name: str, full_name: str, roles: Any, password: str) -> None:
            act = partial(
                administration.add_account, self._session, name, full_name, roles, password
            )
            self._do(dialog, act, ADDED.format(name=name))

        dialog.wanted.connect(add)
        dialog.open()

    def _ask_roles(self) -> None:
        account = self.chosen
        if account is None:
            return
        dialog = RolesDialog(account, self)

        def change(roles: Any) -> None:
            act = partial(administration.set_roles, self._session, account.name, roles)
            self._do(dialog, act, ROLES_CHANGED.format(name=account.name))

        dialog.wanted.connect(change)
        dialog.open()

    def _ask_password(self) -> None:
        account = self.chosen
        if account is None:
            return
        dialog = ResetDialog(account, self)

        def reset(password: str) -> None:
            act = partial(administration.reset_password, self._session, account.name, password)
            self._do(dialog, act, WAS_RESET.format(name=account.name))

        dialog.wanted.connect(reset)
        dialog.open()

    def _know(self, is_there: bool) -> None:
        """Take note of whether the system has a key store; the dialog may be closed by now."""
        if not sip.isdeleted(self):
            none = ACCOUNT_WORDS[AccountProblem.NO_KEY_STORE]
            self._no_key_store = "" if is_there else " ".join(none)
            self._follow()

    def _ask_system_user(self) -> None:
        account = self.chosen
        if account is None:
            return
        dialog = SystemUserDialog(account, system_user(), self._no_key_store, self)
        session, store = self._session, self._secrets

        def done(changed: Account) -> None:
            dialog.close_for_good()
            self._done(system_sign_in_told(changed))

        def act(user: str, is_always: bool) -> None:
            dialog.wait()
            way = (
                partial(allow, session, store, account.name, user, is_always=is_always)
                if user
                else partial(forbid, session, store, account.name)
            )
            self._run(way, dialog.fail, done)

        dialog.wanted.connect(act)
        dialog.open()

    def _ask_removal(self) -> None:
        account = self.chosen
        if account is None:
            return
        question, more = REMOVE_QUESTION

        def remove() -> None:
            act = partial(administration.remove_account, self._session, account.name, self._secrets)
            self._do_here(act, lambda _: self._done(WAS_REMOVED.format(name=account.name)))

        named = question.format(name=account.name)
        ask(self, (REMOVE_TITLE, named, more, REMOVE_NOW, KEEP_ACCOUNT), remove)

    def _ask_renewal(self) -> None:
        question, more = RENEW_QUESTION

        def show(key: str) -> None:
            self.told.say("")
            RecoveryKeyDialog(key, self).open()

        def renew() -> None:
            self._do_here(partial(administration.renew_recovery_key, self._session), show)

        ask(self, (ACCOUNTS_TITLE, question, more, RENEW_NOW, KEEP_KEY), renew)

    def _do(self, dialog: AccountForm, act: Callable[[], object], words: str) -> None:
        def done(_: object) -> None:
            dialog.close_for_good()
            self._done(words)

        dialog.wait()
        self._run(act, dialog.fail, done)

    def _do_here(self, act: Callable[[], object], done: Callable[[Any], object]) -> None:
        self.told.say(WORKING, "muted")
        self._run(act, self._fail, done)

    def _done(self, words: str) -> None:
        self.told.say(words, "good")
        self.refresh()

    def _fail(self, error: Exception) -> None:
        message = explain(error) if isinstance(error, SpineAlignError) else None
        self.told.say(f"{message.sentence} {message.advice}" if message else "", "danger")


def account_cells(account: Account) -> tuple[str, str, str, str, str]:
    """Return an account in the columns of `ACCOUNT_HEADINGS`."""
    roles = ", ".join(ROLE_NAMES[role] for role in account.roles)
    password = HAS_TO_CHANGE if account.must_change else OWN_PASSWORD
    system = system_user_words(account.system_sign_in)
    return account.name, account.full_name, roles, password, system
