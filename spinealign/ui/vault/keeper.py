"""Keeps the archive's door for one window: who is at work, when it locks, who signs in next."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QElapsedTimer, QObject, Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import QApplication, QMessageBox, QWidget

from spinealign.accounts.key_store import ARCHIVE, KeyStore, Secrets
from spinealign.archive.problems import as_archive_error
from spinealign.audit.events import EventKind
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.protection import AccountProblem
from spinealign.domain.study import ImageSource
from spinealign.ui.vault.cover import Covers
from spinealign.ui.vault.damaged_accounts_dialog import DamagedAccountsDialog
from spinealign.ui.vault.idle import IdleWatch
from spinealign.ui.vault.jobs import once
from spinealign.ui.vault.key_store_door import KeyStoreDoor
from spinealign.ui.vault.password_dialogs import ChangePasswordDialog, RecoverDialog
from spinealign.ui.vault.person_dialogs import PersonDialogs
from spinealign.ui.vault.recorder import Recorder
from spinealign.ui.vault.set_up_dialog import SetUpDialog
from spinealign.ui.vault.sign_in_dialog import (
    PasswordDialog,
    SignInDialog,
    UnlockDialog,
)
from spinealign.ui.work.tasks import TaskRunner
from spinealign.ui.workbench import Workbench
from spinealign.vault import administration
from spinealign.vault.place import Place, Protection
from spinealign.vault.session import (
    Session,
    recover,
    set_up_accounts,
    sign_in,
)
from spinealign.vault.system_account import (
    account_of,
    bring_key_up_to_date,
    sign_in_as_system_user,
    system_user,
    unlock_as_system_user,
)
from spinealign.vault.taking_in import TAKEN_IN, take_in
from spinealign.wording.accounts_window import (
    LOOKING_FOR_KEY_STORE,
    SET_UP_DONE,
    SIGNING_IN,
    STAY,
    SWITCH_NOW,
    SWITCH_QUESTION,
    SWITCH_TITLE,
    system_sign_in_choice,
    unlock_choice,
)
from spinealign.wording.protection import ACCOUNT_WORDS

if TYPE_CHECKING:
    from spinealign.model_store.watching import Watch
    from spinealign.vault.kept_result import KeptResult

LONGEST_WAIT_MS = 700
"""How long locking waits for what is being written: the keys are gone within a second."""

_LONGEST_LEAVING_MS = 5000
_POLL_MS = 20
_APPLICATION = Qt.WindowModality.ApplicationModal
_SECONDS_IN_MINUTE = 60


class Keeper(QObject):
    """The one object behind the window that holds a `Session`.

    `entered` brings the session once somebody signed in or unlocked and nothing is covered any
    more, `about_to_lock` lets what is typed be handed on, `locked` and `left` say that the keys
    are dropped: for a while, or for good, with all cases closed. `restore_wanted` brings the
    dialog over which a back-up is to be restored in the place of an archive that does not open.

    Parameters
    ----------
    bench : Workbench
    place : Place
    window : QWidget
        What is covered, and over which dialogs open.
    may_close : callable
        Asks whether corrections may be lost that could not be written.
    """

    entered = pyqtSignal(object)
    about_to_lock = pyqtSignal()
    locked = pyqtSignal()
    left = pyqtSignal()
    restore_wanted = pyqtSignal(object)

    def __init__(
        self, bench: Workbench, place: Place, window: QWidget, may_close: Callable[[], bool],
        secrets_store: Secrets | None = None,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._bench, self.place, self._window, self._may_close = bench, place, window, may_close
        self._secrets = secrets_store or KeyStore(ARCHIVE)
        self.session: Session | None = None
        self._opening: Session | None = None
        self._runner = TaskRunner(bench.messages, self)
        bench.add_runner(self._runner)
        self._covers = Covers(self)
        self._dialog: PasswordDialog | DamagedAccountsDialog | None = None
        self._is_leaving = self._has_started = False
        self.dialogs = PersonDialogs(self, bench, self._secrets, window)
        self.recorder = Recorder(bench, lambda: self.at_work, self)
        self.key_store = KeyStoreDoor(self, self._secrets, window, bench.messages.tell)
        self.idle = IdleWatch(self)
        self.idle.idle.connect(self.lock)
        bench.preferences.adopted.connect(self._watch)
        self._settling = QTimer(self)
        self._settling.setInterval(_POLL_MS)
        self._settling.timeout.connect(self._look_whether_written)
        self._since = QElapsedTimer()
        self._then: tuple[Callable[[], None], float] | None = None
        place.close_folders()

    # What there is

    @property
    def protection(self) -> Protection:
        """What protects the archive."""
        return self.place.protection

    @property
    def has_accounts(self) -> bool:
        """Whether somebody has to sign in."""
        return self.protection is Protection.ACCOUNTS

    @property
    def at_work(self) -> Session | None:
        """The session of whoever is at work; None while it is locked or nobody is."""
        session = self.session
        return None if session is None or session.is_locked else session

    def watch_models(self) -> Watch:
        """Return what allows changes of models and writes them into the audit trail."""
        from spinealign.vault.model_changes import ModelChanges

        return ModelChanges(lambda: self.at_work)

    def kept_result(self, source: ImageSource) -> KeptResult | None:
        """Return the result that the archive keeps of what is opened from it."""
        if self.session is None:
            return None
        from spinealign.vault.kept_result import kept_result  # the readers come along

        return kept_result(self.session, source)

    @property
    def is_open(self) -> bool:
        """Whether somebody is at work and nothing is covered."""
        session = self.session
        return session is not None and not session.is_locked and not self._covers.is_down

    # Beginning

    def begin(self, then: Callable[[], None]) -> None:
        """Ask who is there, or open the archive with the key store; go on after that."""
        if self.has_accounts:
            self._covers.lower()
            self.entered.connect(_once(self.entered, then))
            self.ask_who(is_beginning=True)
        elif self.protection is Protection.KEY_STORE:
            self.key_store.open(then)
        else:
            then()

    def ask_who(self, *, is_beginning: bool = False) -> None:
        """Let somebody sign in; nothing is seen before.

        Parameters
        ----------
        is_beginning : bool
            Whether the program starts: later the system's user is enough for those only to whom
            that is allowed always.
        """
        self._covers.lower()
        try:
            accounts = self.place.book().accounts
        except SpineAlignError as error:
            self._tell_of_damage(error)
            return
        dialog = SignInDialog(accounts, self._pause_of, self._window)
        dialog.entered.connect(partial(self._sign_in, dialog))
        dialog.forgotten.connect(partial(self._ask_recovery_key, dialog))
        dialog.left.connect(self._quit)
        dialog.restore_wanted.connect(lambda: self.restore_wanted.emit(dialog))
        self._show(dialog)
        account = account_of(accounts, system_user(), is_beginning=is_beginning)
        if account is not None:
            act = partial(sign_in_as_system_user, self.place, self._secrets, account.name)
            dialog.as_system_user.connect(
                partial(self._enter_as_system_user, dialog, act, self._has_come_in)
            )
            self._offer_system_user(dialog, system_sign_in_choice(account))

    def _offer_system_user(self, dialog: PasswordDialog, words: str) -> None:
        """Offer the system's user once it is known that there is a key store."""
        none = ACCOUNT_WORDS[AccountProblem.NO_KEY_STORE]

        def offer(is_there: bool) -> None:
            if dialog is self._dialog:
                dialog.offer_system_user(words, "" if is_there else " ".join(none))

        dialog.offer_system_user(words, LOOKING_FOR_KEY_STORE)
        self.run(lambda: self._secrets.is_there, lambda _: offer(False), offer)

    def _enter_as_system_user(
        self, dialog: PasswordDialog, act: Callable[[], Any],
        done: Callable[[PasswordDialog, Any], object],
    ) -> None:  # fmt: skip
        def act_and_take_in() -> Any:
            found = act()
            take_in(self.place, TAKEN_IN)
            return found

        dialog.wait(SIGNING_IN)
        self.run(act_and_take_in, dialog.fail, partial(done, dialog))

    def _has_come_in(self, dialog: PasswordDialog, session: Session) -> None:
        self._opening = session
        self._close(dialog)
        self._go_in(session)

    def _pause_of(self, name: str) -> tuple[float, bool]:
        attempts = self.place.attempts()
        return attempts.seconds_to_wait(name), attempts.is_clock_set_back()

    def _sign_in(self, dialog: PasswordDialog, name: str, password: str) -> None:
        def act() -> Session:
            session = sign_in(self.place, name, password)
            take_in(self.place, TAKEN_IN)
            bring_key_up_to_date(session, self._secrets)
            return session

        dialog.wait()
        self.run(act, dialog.fail, partial(self._has_signed_in, dialog, password))

    def _has_signed_in(self, dialog: PasswordDialog, password: str, session: Session) -> None:
        account = session.person.account
        self._opening = session
        if account is not None and account.must_change:
            self._change_at_first(dialog, password, session)
            return
        self._close(dialog)
        self._go_in(session)

    def _change_at_first(self, before: PasswordDialog, password: str, session: Session) -> None:
        dialog = ChangePasswordDialog(session.person.name, password, self._window)

        def changed(_: object) -> None:
            dialog.close_for_good()
            self._close(before)
            self._go_in(session)

        def put_aside() -> None:
            self._opening = None
            session.close()
            before.fail(_NoError())

        def change(old: str, new: str) -> None:
            dialog.wait()
            act = partial(administration.change_password, session, old, new)
            self.run(act, dialog.fail, changed)

        dialog.wanted.connect(change)
        dialog.cancelled.connect(put_aside)
        self._spare(dialog)

    def _ask_recovery_key(self, before: SignInDialog) -> None:
        dialog = RecoverDialog(self.place.book().accounts, before.name, self._window)

        def set_password(key: str, name: str, password: str) -> None:
            def act() -> Session:
                session = recover(self.place, key, name, password)
                take_in(self.place, TAKEN_IN)
                return session

            dialog.wait()
            self.run(act, dialog.fail, recovered)

        def recovered(session: Session) -> None:
            self._opening = session
            dialog.close_for_good()
            self._close(before)
            self._go_in(session)

        dialog.wanted.connect(set_password)
        self._spare(dialog)

    def _go_in(self, session: Session) -> None:
        self._opening, self.session = None, session
        if not self._has_started:
            self._has_started = self.recorder.record(EventKind.APPLICATION_START)
        self._covers.lift()
        self._watch()
        self.recorder.warn_of_damage()
        self.entered.emit(session)

    # Setting up

    def set_up(self) -> None:
        """Make the first account; all cases are closed before."""
        dialog = SetUpDialog(self._window)

        def set_up_now(name: str, full_name: str, password: str) -> None:
            def act() -> tuple[Session, str]:
                made = set_up_accounts(self.place, name, full_name, password, self._secrets)
                take_in(self.place, TAKEN_IN)
                return made

            def make() -> None:
                if self.session is not None:
                    self.session.close()
                    self.session = None
                self.run(act, dialog.fail, made)

            self.with_cases_closed(make, lambda: dialog.fail(_NoError()))

        def made(session_and_key: tuple[Session, str]) -> None:
            session, key = session_and_key
            self._opening = session
            dialog.show_key(key)
            dialog.done_with.connect(partial(go_in, session))

        def go_in(session: Session) -> None:
            self._go_in(session)
            self._bench.messages.tell(SET_UP_DONE.format(name=session.person.name))

        dialog.wanted.connect(set_up_now)
        dialog.without_accounts.connect(self.key_store.show)
        dialog.open()

    def with_cases_closed(self, act: Callable[[], object], refused: Callable[[], object]) -> None:
        """Close all cases once they are written, and do something then; or it is refused."""

        def close_and_act() -> None:
            if not self._may_close():
                refused()
                return
            self._close_cases()
            act()

        self.about_to_lock.emit()
        self._bench.editing.save()
        self._when_written(close_and_act)

    def take(self, session: Session) -> None:
        """Go on with an archive that was opened without accounts."""
        self.session = session
        self.recorder.warn_of_damage()
        self.entered.emit(session)

    def let_go(self) -> None:
        """Go on without an archive: it was turned off."""
        self.session = None
        self.recorder.forget()
        self.left.emit()

    # Locking

    def lock(self) -> None:
        """Cover everything, drop the keys within a second, and ask for the password."""
        session = self.session
        is_busy = self._is_leaving or self._covers.is_down
        if session is None or session.is_locked or is_busy or not self.has_accounts:
            return
        self.about_to_lock.emit()
        self.idle.end()
        self._covers.lower()
        _clear_clipboard()
        self._bench.editing.save()
        dialog = UnlockDialog(session.person.name, session.person.full_name, self._window)
        dialog.entered.connect(partial(self._unlock, dialog))
        dialog.left.connect(self.switch)
        self._show(dialog)
        dialog.wait_for_lock(True)

        def drop() -> None:
            session.lock()
            dialog.wait_for_lock(False)
            self._offer_to_unlock(dialog, session)
            self.locked.emit()

        self._when_written(drop, LONGEST_WAIT_MS)

    def _offer_to_unlock(self, dialog: PasswordDialog, session: Session) -> None:
        """Offer the system's user on the locked screen, where an administrator allowed that."""
        person = session.person
        own = [] if person.account is None else [person.account]
        if account_of(own, system_user(), is_beginning=False) is None:
            return

        def unlocked(dialog: PasswordDialog, _: object) -> None:
            self._close(dialog)
            self._go_in(session)

        act = partial(unlock_as_system_user, session, self._secrets)
        dialog.as_system_user.connect(partial(self._enter_as_system_user, dialog, act, unlocked))
        self._offer_system_user(dialog, unlock_choice(person.name, person.full_name))

    def _unlock(self, dialog: PasswordDialog, _name: str, password: str) -> None:
        session = self.session
        assert session is not None

        def unlocked(_: object) -> None:
            self._close(dialog)
            self._go_in(session)

        dialog.wait()
        self.run(partial(session.unlock, password), dialog.fail, unlocked)

    # Leaving

    def switch(self) -> None:
        """Close all cases, after a question where images are analysed, and let another sign in."""
        if self.session is None or self._is_leaving:
            return
        if not self._bench.session.is_busy:
            self._leave()
            return
        question, more = SWITCH_QUESTION
        box = QMessageBox(QMessageBox.Icon.Question, SWITCH_TITLE, question, parent=self._window)
        box.setWindowModality(_APPLICATION)
        box.setInformativeText(more)
        now = box.addButton(SWITCH_NOW, QMessageBox.ButtonRole.DestructiveRole)
        stay = box.addButton(STAY, QMessageBox.ButtonRole.RejectRole)
        assert now is not None
        now.setAutoDefault(False)
        box.setDefaultButton(stay)
        box.setEscapeButton(stay)
        now.clicked.connect(self._leave)
        box.finished.connect(box.deleteLater)
        self._spare(box)

    def _leave(self) -> None:
        self._is_leaving = True
        self.about_to_lock.emit()
        self._bench.stop()
        self._bench.editing.save()
        self._when_written(self._leave_now, _LONGEST_LEAVING_MS)

    def _leave_now(self) -> None:
        self._is_leaving = False
        with self._covers.sparing():
            may_leave = self._may_close()
        if not may_leave:
            return
        session, self.session = self.session, None
        self.idle.end()
        self._covers.lower()
        _clear_clipboard()
        self._close_cases()
        self._covers.forget_title(self._window)
        if session is not None:
            session.close()
        self._close_other_windows()
        if self._dialog is not None:
            self._close(self._dialog)
        self.recorder.forget()
        self.left.emit()
        self.ask_who()

    def close(self) -> None:
        """Sign out: the program ends."""
        self.idle.end()
        self._settling.stop()
        if self.session is not None and not self.session.is_locked:
            self.recorder.record(EventKind.APPLICATION_STOP)
        for session in (self.session, self._opening):
            if session is not None:
                session.close()
        self.session = self._opening = None
        if self._dialog is not None:
            self._close(self._dialog)
        self._covers.lift()

    def _close_cases(self) -> None:
        self._bench.stop()
        self._bench.close_all()

    def _close_other_windows(self) -> None:
        for window in QApplication.topLevelWidgets():
            if window is not self._window and window is not self._dialog and window.isVisible():
                window.close()

    # Inner works

    def run(
        self, act: Callable[[], Any], failed: Callable[[Exception], object],
        done: Callable[[Any], object],
    ) -> None:  # fmt: skip
        """Do something in the keeper's thread, and tell what came of it."""

        def tell(error: Exception) -> None:
            if isinstance(error, OSError):
                failed(as_archive_error(error) or error)
                return
            failed(error)
            if not isinstance(error, SpineAlignError):
                self._bench.messages.crash(error)

        self._runner.submit(once(act), tell).finished.connect(done)

    def _show(self, dialog: PasswordDialog | DamagedAccountsDialog) -> None:
        if self._dialog is not None:
            self._close(self._dialog)
        self._dialog = dialog
        self._spare(dialog)

    def _spare(self, window: Any) -> None:
        self._covers.spare(window)
        window.show()
        window.activateWindow()

    def _close(self, dialog: PasswordDialog | DamagedAccountsDialog) -> None:
        if dialog is self._dialog:
            self._dialog = None
        dialog.close_for_good()

    def _quit(self) -> None:
        if self._dialog is not None:
            self._close(self._dialog)
        self._window.close()

    def _tell_of_damage(self, error: SpineAlignError) -> None:
        """Say why nobody can sign in, and offer what there is to do: nothing begins anew."""
        dialog = DamagedAccountsDialog(error, self._window)
        dialog.again.connect(self.ask_who)
        dialog.restore_wanted.connect(lambda: self.restore_wanted.emit(dialog))
        dialog.left.connect(self._quit)
        self._show(dialog)

    def _watch(self) -> None:
        if self.is_open and self.has_accounts:
            minutes = self._bench.preferences.settings.lock_after_minutes
            self.idle.begin(minutes * _SECONDS_IN_MINUTE)

    def _when_written(self, act: Callable[[], None], at_most_ms: float = float("inf")) -> None:
        """Do something once nothing is being written any more, or after a while at most."""
        self._then = act, at_most_ms
        self._since.start()
        self._settling.start()
        self._look_whether_written()

    def _look_whether_written(self) -> None:
        if self._then is None:
            return
        act, at_most_ms = self._then
        is_writing = self._bench.files.is_busy or self._bench.records.is_busy
        if not is_writing or self._since.elapsed() >= at_most_ms:
            self._then = None
            self._settling.stop()
            act()


class _NoError(Exception):
    """Nothing went wrong: a dialog goes back to where it was."""


def _once(signal: Any, act: Callable[[], None]) -> Callable[[object], None]:
    def run(_: object) -> None:
        signal.disconnect(run)
        act()

    return run


def _clear_clipboard() -> None:
    """Forget what the program copied; what others copied is theirs."""
    clipboard = QApplication.clipboard()
    if clipboard is not None and clipboard.ownsClipboard():
        clipboard.clear()
