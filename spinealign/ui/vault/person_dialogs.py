"""What the person at work asks of accounts: the own password, all accounts, the audit trail."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from PyQt6.QtWidgets import QWidget

from spinealign.accounts.key_store import Secrets
from spinealign.ui.vault.password_dialogs import ChangePasswordDialog
from spinealign.ui.vault.recorder import Recorder
from spinealign.ui.vault.sign_in_dialog import ConfirmDialog
from spinealign.ui.workbench import Workbench
from spinealign.vault import administration
from spinealign.vault.session import Session
from spinealign.wording.accounts_window import CHANGED_PASSWORD


class Keeps(Protocol):
    """The part of the keeper that is used here."""

    entered: Any
    recorder: Recorder

    @property
    def at_work(self) -> Session | None:
        """The session of whoever is at work."""

    def run(
        self, act: Callable[[], Any], failed: Callable[[Exception], object],
        done: Callable[[Any], object],
    ) -> None:  # fmt: skip
        """Do something in the keeper's thread, and tell what came of it."""


class PersonDialogs:
    """Opens these dialogs over the window, while somebody is at work.

    Parameters
    ----------
    keeper : Keeps
        Knows who that is, and runs what takes time.
    """

    def __init__(
        self, keeper: Keeps, bench: Workbench, secrets_store: Secrets, window: QWidget
    ) -> None:
        self._keeper, self._bench = keeper, bench
        self._secrets, self._window = secrets_store, window

    def change_password(self) -> None:
        """Let the person at work change the password."""
        session = self._keeper.at_work
        if session is None:
            return
        dialog = ChangePasswordDialog(session.person.name, "", self._window)

        def change(old: str, new: str) -> None:
            dialog.wait()
            act = partial(administration.change_password, session, old, new)
            self._keeper.run(act, dialog.fail, changed)

        def changed(_: object) -> None:
            dialog.close_for_good()
            self._bench.messages.tell(CHANGED_PASSWORD)

        dialog.wanted.connect(change)
        dialog.open()

    def confirm(self, act: Callable[[], object]) -> None:
        """Do something once the person at work typed the password again."""
        session = self._keeper.at_work
        if session is None:
            return
        dialog = ConfirmDialog(session.person.name, session.person.full_name, self._window)

        def confirmed(_: object) -> None:
            dialog.close_for_good()
            act()

        def check(_name: str, password: str) -> None:
            dialog.wait()
            self._keeper.run(partial(session.confirm, password), dialog.fail, confirmed)

        dialog.entered.connect(check)
        dialog.open()

    def manage(self) -> None:
        """Show the accounts to an administrator."""
        session = self._keeper.at_work
        if session is not None:
            from spinealign.ui.vault.accounts_dialog import AccountsDialog

            dialog = AccountsDialog(session, self._keeper.run, self._secrets, self._window)
            dialog.finished.connect(lambda _: self._renew(session))
            dialog.open()

    def _renew(self, session: Session) -> None:
        """Take over what an administrator changed of the own account: it counts at once."""
        if self._keeper.at_work is not session:
            return
        name = session.person.name
        account = next((a for a in administration.accounts(session) if a.name == name), None)
        if account is not None and account != session.person.account:
            session.renew(account)
            self._keeper.entered.emit(session)

    def show_trail(self) -> None:
        """Show the audit trail to an administrator."""
        session = self._keeper.at_work
        if session is not None:
            from spinealign.ui.vault.audit_dialog import AuditDialog

            dialog = AuditDialog(session, self._keeper.run, self._window)
            for signal in (dialog.begun, dialog.found_damaged):
                signal.connect(self._keeper.recorder.warn_of_damage)
            dialog.open()
