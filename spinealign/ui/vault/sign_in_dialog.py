"""Asks who is there: to sign in, and to go on after the screen was locked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PyQt6.QtCore import QEvent, Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPushButton,
    QWidget,
)

from spinealign.accounts.book import Account
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.protection import ArchiveError, ArchiveProblem, PauseError
from spinealign.ui.manual.manual_window import DAMAGED_PAGE, PAGE_PROPERTY
from spinealign.ui.manual.manual_window import explain as explain_page
from spinealign.ui.network.forms import Told, column_of
from spinealign.ui.vault.fitted_dialog import FittedDialog
from spinealign.ui.vault.password_fields import PasswordField
from spinealign.ui.widgets.labels import offer, without_icons, wrapped_label
from spinealign.wording import explain
from spinealign.wording.accounts_window import (
    ACCOUNT_LABEL,
    CANCEL,
    CHECKING,
    CHOOSE_ACCOUNT,
    CONFIRM,
    CONFIRM_NOTE,
    CONFIRM_TITLE,
    FORGOTTEN,
    QUIT,
    RESTORE_INSTEAD,
    SIGN_IN,
    SIGN_IN_NOTE,
    SIGN_IN_TITLE,
    SWITCH,
    TYPE_PASSWORD,
    UNLOCK,
    UNLOCK_NOTE,
    UNLOCK_TITLE,
    account_choice,
)
from spinealign.wording.protection import pause_words

_TICK_MS = 500


class PasswordDialog(FittedDialog):
    """A dialog that asks for a password in front of everything, and cannot be put aside.

    `entered` brings the account's name and the password, `as_system_user` that the system's user
    is to be taken without one, `left` that the other button was pressed, `forgotten` that the
    recovery key is wanted, `restore_wanted` that a back-up is to take the place of an archive
    that does not open.
    """

    entered = pyqtSignal(str, str)
    as_system_user = pyqtSignal()
    left = pyqtSignal()
    forgotten = pyqtSignal()
    restore_wanted = pyqtSignal()

    def __init__(
        self, title: str, note: str, button: str, leave: str, parent: QWidget,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setWindowModality(Qt.WindowModality.ApplicationModal)
        explain_page(self, "accounts")
        self._ticks, self._pause_ends_s, self._is_busy = ticks, 0.0, False
        self._pause: PauseError | None = None
        self.password = PasswordField()
        self.told = Told()
        self.told.setMinimumHeight(3 * self.fontMetrics().height())
        self.told.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.enter = QPushButton(button)
        self.enter.setProperty("primary", "true")
        self.forgot, self.leave = QPushButton(FORGOTTEN), QPushButton(leave)
        self.system, self._system_reason = QPushButton(), ""
        self.restore = QPushButton(RESTORE_INSTEAD)
        self.system.hide()
        buttons = QDialogButtonBox()
        kind = QDialogButtonBox.ButtonRole
        buttons.addButton(self.enter, kind.AcceptRole)
        buttons.addButton(self.forgot, kind.ActionRole)
        buttons.addButton(self.restore, kind.ActionRole)
        buttons.addButton(self.leave, kind.RejectRole)
        self.restore.hide()  # a box of buttons shows what is added
        for each in (self.forgot, self.restore, self.leave):
            each.setAutoDefault(False)
        without_icons(buttons)
        self.column = column_of(self)
        self.column.addWidget(wrapped_label(note, "muted"))
        self.column.addWidget(self.system)
        self.column.addWidget(self.password)
        self.column.addWidget(self.told)
        self.column.addWidget(buttons)
        # Earlier it would belong to no dialog, and not get the keys back from other buttons.
        self.enter.setDefault(True)
        self.enter.clicked.connect(self._enter)
        self.leave.clicked.connect(self.left)
        self.forgot.clicked.connect(self.forgotten)
        self.restore.clicked.connect(self.restore_wanted)
        self.system.clicked.connect(self.as_system_user)
        self.password.edited.connect(self.follow)
        self.timer = QTimer(self)
        self.timer.setInterval(_TICK_MS)
        self.timer.timeout.connect(self._count_down)

    @property
    def name(self) -> str:
        """Of the account."""
        raise NotImplementedError

    @property
    def reason(self) -> str:
        """Why the password cannot be tried now; empty where it can."""
        if self._is_busy:
            return CHECKING
        if self._pause is not None:
            return pause_words(self._pause)[0]
        if not self.name:
            return CHOOSE_ACCOUNT
        return "" if self.password.text else TYPE_PASSWORD

    def wait(self, words: str = CHECKING) -> None:
        """Say that the password is being checked, or what else is being done."""
        self._is_busy = True
        self.told.say(words, "muted")
        self.follow()

    def offer_system_user(self, words: str, reason: str) -> None:
        """Let somebody in as the system's user, or say why that is not possible now.

        Parameters
        ----------
        words : str
            On the button.
        reason : str
            Empty where it is possible.
        """
        self.system.setText(words)
        self._system_reason = reason
        self.system.show()
        self.fit()
        self.follow()
        is_untouched = not self.password.text and not self._is_busy
        if not reason and is_untouched:
            self.system.setFocus()

    def wait_for_lock(self, waits: bool) -> None:
        """Take no password before the keys are dropped."""
        self._is_busy = waits
        self.follow()

    def fail(self, error: Exception) -> None:
        """Say why it was not right, and let it be tried again."""
        self._is_busy = False
        self.told.say("")
        self.password.clear()
        if isinstance(error, PauseError):
            self.pause(error)
        elif isinstance(error, SpineAlignError):
            message = explain(error)
            self.told.say(f"{message.sentence} {message.advice}", "danger")
            self._offer_restoring(error)
        self.follow()
        self.password.setFocus()

    def _offer_restoring(self, error: SpineAlignError) -> None:
        """Offer to restore a back-up where the archive itself does not open."""

    def pause(self, error: PauseError) -> None:
        """Count down until the next attempt."""
        self._pause, self._pause_ends_s = error, self._ticks() + error.seconds
        self.timer.start()
        self._count_down()

    def end_pause(self) -> None:
        """Another account has no pause, or this one is over."""
        if self._pause is not None:
            self._pause = None
            self.timer.stop()
            self.told.say("")
        self.follow()

    def _count_down(self) -> None:
        left_s = self._pause_ends_s - self._ticks()
        if self._pause is None or left_s <= 0:
            self.end_pause()
            return
        self._pause = PauseError(left_s, self._pause.is_clock_set_back)
        self.told.say(" ".join(pause_words(self._pause)), "warning")
        self.follow()

    def follow(self) -> None:
        """Offer what can be done now."""
        offer(self.enter, self.reason)
        self.password.line.setReadOnly(self._is_busy)
        for button in (self.forgot, self.restore, self.leave):
            offer(button, CHECKING if self._is_busy else "")
        offer(self.system, CHECKING if self._is_busy else self._system_reason)

    def _enter(self) -> None:
        self.entered.emit(self.name, self.password.text)

    def reject(self) -> None:
        """Stay: nobody looks behind it by Esc."""

    def close_for_good(self) -> None:
        """Close, once somebody is in or the program ends."""
        self.timer.stop()
        self.password.clear()
        self.done(QDialog.DialogCode.Accepted)
        self.deleteLater()


class SignInDialog(PasswordDialog):
    """Lists the accounts of the file, which alone knows them.

    Parameters
    ----------
    accounts : sequence of Account
    seconds_to_wait : callable
        Returns how long an account has to wait, by its name.
    """

    def __init__(
        self,
        accounts: Sequence[Account],
        seconds_to_wait: Callable[[str], tuple[float, bool]],
        parent: QWidget,
    ) -> None:
        super().__init__(SIGN_IN_TITLE, SIGN_IN_NOTE, SIGN_IN, QUIT, parent)
        self._seconds_to_wait = seconds_to_wait
        self.accounts = QComboBox()
        self.accounts.setAccessibleName(ACCOUNT_LABEL.replace("&", ""))
        for account in accounts:
            self.accounts.addItem(account_choice(account.name, account.full_name), account.name)
        label = QLabel(ACCOUNT_LABEL)
        label.setBuddy(self.accounts)
        self.column.insertWidget(2, label)
        self.column.insertWidget(3, self.accounts)
        self.setTabOrder(self.system, self.accounts)
        self.setTabOrder(self.accounts, self.password.line)
        self.accounts.currentIndexChanged.connect(self._begin_account)
        self._begin_account()
        (self.password if len(accounts) == 1 else self.accounts).setFocus()

    @property
    def name(self) -> str:
        """Of the account that is chosen."""
        return str(self.accounts.currentData() or "")

    def _offer_restoring(self, error: SpineAlignError) -> None:
        problem = error.problem if isinstance(error, ArchiveError) else None
        if problem is ArchiveProblem.WRONG_KEY_OR_DAMAGED:
            self.setProperty(PAGE_PROPERTY, DAMAGED_PAGE)
            self.restore.show()
            self.fit()

    def _begin_account(self) -> None:
        self.password.clear()
        self.end_pause()
        self.told.say("")
        seconds, is_set_back = self._seconds_to_wait(self.name)
        if seconds > 0:
            self.pause(PauseError(seconds, is_set_back))

    def follow(self) -> None:
        """Offer what can be done now; the account stays while its password is checked."""
        super().follow()
        self.accounts.setEnabled(not self._is_busy)


class ConfirmDialog(PasswordDialog):
    """Asks the person at work for the password once more, as before signing."""

    def __init__(self, name: str, full_name: str, parent: QWidget) -> None:
        note = CONFIRM_NOTE.format(name=account_choice(name, full_name))
        super().__init__(CONFIRM_TITLE, note, CONFIRM, CANCEL, parent)
        self._name = name
        self.forgot.hide()
        self.left.connect(self.close_for_good)
        self.follow()
        self.password.setFocus()

    @property
    def name(self) -> str:
        """Of the account that signs."""
        return self._name

    def reject(self) -> None:
        """Sign nothing."""
        if not self._is_busy:
            self.close_for_good()


class UnlockDialog(PasswordDialog):
    """Asks the person who is at work, or lets another one sign in."""

    def __init__(self, name: str, full_name: str, parent: QWidget) -> None:
        note = UNLOCK_NOTE.format(name=account_choice(name, full_name))
        super().__init__(UNLOCK_TITLE, note, UNLOCK, SWITCH, parent)
        self._name = name
        self.forgot.hide()
        self.follow()
        self.password.setFocus()

    @property
    def name(self) -> str:
        """Of the account that locked."""
        return self._name

    def changeEvent(self, event: QEvent | None) -> None:
        """Take the keys whenever the program comes to the front."""
        super().changeEvent(event)
        is_turn = event is not None and event.type() == QEvent.Type.ActivationChange
        if is_turn and self.isActiveWindow() and self.focusWidget() is None:
            self.password.setFocus()
