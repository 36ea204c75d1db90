"""Says what encryption without accounts protects, and turns it on and off."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QDialog, QPushButton, QVBoxLayout, QWidget

from spinealign.domain.errors import SpineAlignError
from spinealign.ui.manual.manual_window import explain as explain_page
from spinealign.ui.network.forms import Told, column_of
from spinealign.ui.vault.fitted_dialog import FittedDialog, Scrolled
from spinealign.ui.widgets.labels import offer, row_of, wrapped_label
from spinealign.ui.widgets.questions import ask
from spinealign.wording import explain
from spinealign.wording.accounts_window import (
    CLOSE,
    KEY_STORE_ENCRYPTED,
    KEY_STORE_EXPLANATION,
    KEY_STORE_IS_OFF,
    KEY_STORE_IS_ON,
    KEY_STORE_LIMITS,
    KEY_STORE_LOSS,
    KEY_STORE_NAME,
    KEY_STORE_NOT_ENCRYPTED,
    KEY_STORE_TITLE,
    KEY_STORE_WAS_OFF,
    LOOKING_FOR_KEY_STORE,
    TURN_OFF,
    TURN_OFF_QUESTION,
    TURN_ON,
    WORKING,
)


class KeyStoreDialog(FittedDialog):
    """`on_wanted` and `off_wanted` say what a person chose; turning off is asked once more.

    Parameters
    ----------
    is_on : bool
        Whether readings are encrypted now.
    was_on : bool
        Whether there is an archive that was turned off.
    """

    on_wanted = pyqtSignal()
    off_wanted = pyqtSignal()

    def __init__(self, is_on: bool, was_on: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(KEY_STORE_TITLE)
        self.setWindowModality(Qt.WindowModality.ApplicationModal)
        explain_page(self, "archive")
        self._is_on, self._is_busy = is_on, False
        self._refusal = "" if is_on else LOOKING_FOR_KEY_STORE
        state = KEY_STORE_WAS_OFF if was_on else KEY_STORE_IS_OFF
        self.told = Told()
        self.turn = QPushButton(TURN_OFF if is_on else TURN_ON)
        self.leave = QPushButton(CLOSE)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(2, 2, 2, 2)
        column.setSpacing(8)
        column.addWidget(wrapped_label(KEY_STORE_IS_ON if is_on else state, strong=True))
        for words in _EXPLAINED:
            column.addWidget(wrapped_label(words))
        column.addWidget(wrapped_label(KEY_STORE_LOSS, "warning"))
        self.scrolled = Scrolled(page)
        # There is no field in it by which keys could scroll.
        self.scrolled.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.scrolled.setAccessibleName(KEY_STORE_NAME)
        outer = column_of(self)
        outer.addWidget(self.scrolled, 1)
        outer.addWidget(self.told)
        outer.addLayout(row_of(None, self.turn, self.leave))
        self.turn.setAutoDefault(False)
        self.leave.setDefault(True)
        self.turn.clicked.connect(self._turn)
        self.leave.clicked.connect(self.reject)
        self.follow()
        self.leave.setFocus()

    @property
    def reason(self) -> str:
        """Why it cannot be turned now; empty where it can."""
        return WORKING if self._is_busy else self._refusal

    def refuse(self, reason: str) -> None:
        """Say why it cannot be turned on; empty where it can."""
        self._refusal = reason
        self.told.say(reason, "warning")
        self.fit()
        self.follow()

    def follow(self) -> None:
        """Offer what can be done now."""
        offer(self.turn, self.reason)
        offer(self.leave, WORKING if self._is_busy else "")

    def _turn(self) -> None:
        if self._is_on:
            ask(self, TURN_OFF_QUESTION, self._turn_off)
        else:
            self._wait()
            self.on_wanted.emit()

    def _turn_off(self) -> None:
        self._wait()
        self.off_wanted.emit()

    def _wait(self) -> None:
        self._is_busy = True
        self.told.say(WORKING, "muted")
        self.follow()

    def fail(self, error: Exception) -> None:
        """Say why nothing was changed."""
        self._is_busy = False
        self.told.say("")
        if isinstance(error, SpineAlignError):
            message = explain(error)
            self.told.say(f"{message.sentence} {message.advice}", "danger")
            self.fit()
        self.follow()

    def reject(self) -> None:
        """Close, unless it is being done."""
        if not self._is_busy:
            super().reject()
            self.deleteLater()

    def close_for_good(self) -> None:
        """Close: it is done."""
        self.done(QDialog.DialogCode.Accepted)
        self.deleteLater()


_EXPLAINED = (
    KEY_STORE_EXPLANATION, KEY_STORE_ENCRYPTED, KEY_STORE_NOT_ENCRYPTED, KEY_STORE_LIMITS,
)  # fmt: skip
