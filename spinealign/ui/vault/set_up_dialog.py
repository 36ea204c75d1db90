"""Sets up the first account: what accounts are, name and password, the recovery key."""

from __future__ import annotations

import re

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.errors import SpineAlignError
from spinealign.ui.manual.manual_window import explain as explain_page
from spinealign.ui.network.forms import Told, column_of
from spinealign.ui.vault.fitted_dialog import FittedDialog, Scrolled
from spinealign.ui.vault.password_fields import NewPassword
from spinealign.ui.vault.recovery_key import RecoveryKeyView
from spinealign.ui.widgets.labels import offer, row_of, wrapped_label
from spinealign.wording import explain
from spinealign.wording.accounts_window import (
    BACK,
    CANCEL,
    FULL_NAME_MISSING,
    GO_ON,
    NAME_MISSING,
    NAME_RULE,
    NEXT,
    SET_UP_EXPLANATION,
    SET_UP_FIRST,
    SET_UP_FULL_NAME,
    SET_UP_LIMITS,
    SET_UP_NAME,
    SET_UP_NOW,
    SET_UP_TITLE,
    SET_UP_WAYS,
    SETTING_UP,
)

LONGEST_FULL_NAME = 200
_NAME = re.compile(r"[\w.@+-]{1,64}")
_EXPLANATION, _ACCOUNT, _KEY = range(3)


class NameFields(QWidget):
    """The name to sign in with and the full name; `edited` follows each letter."""

    edited = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.name, self.full_name = QLineEdit(), QLineEdit()
        self.name.setMaxLength(64)
        self.full_name.setMaxLength(LONGEST_FULL_NAME)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        for words, field in ((SET_UP_NAME, self.name), (SET_UP_FULL_NAME, self.full_name)):
            label = QLabel(words)
            label.setBuddy(field)
            field.setAccessibleName(words.replace("&", ""))
            field.textChanged.connect(lambda _: self.edited.emit())
            form.addRow(label, field)
        self.setFocusProxy(self.name)

    @property
    def reason(self) -> str:
        """What is missing; empty where nothing is."""
        if not self.name.text():
            return NAME_MISSING
        if _NAME.fullmatch(self.name.text()) is None:
            return NAME_RULE
        return "" if self.full_name.text().strip() else FULL_NAME_MISSING

    @property
    def typed_full_name(self) -> str:
        """The full name without spaces around it."""
        return " ".join(self.full_name.text().split())


class SetUpDialog(FittedDialog):
    """Three pages; `wanted` brings name, full name and password, `done_with` that the key is kept.

    `without_accounts` says that only encryption is wanted: the dialog is closed then.

    Nothing can be put aside between setting up and keeping the key.
    """

    wanted = pyqtSignal(str, str, str)
    without_accounts = pyqtSignal()
    done_with = pyqtSignal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(SET_UP_TITLE)
        self.setWindowModality(Qt.WindowModality.ApplicationModal)
        explain_page(self, "accounts")
        self._is_busy = False
        self.names, self.new, self.told = NameFields(), NewPassword(), Told()
        self.key = RecoveryKeyView()
        self.pages = QStackedWidget()
        self.ways = [QRadioButton(words) for words in SET_UP_WAYS]
        self.ways[0].setChecked(True)
        self.pages.addWidget(_page(*map(wrapped_label, _EXPLAINED), *self.ways))
        self.pages.addWidget(_page(self.names, self.new, self.told))
        self.pages.addWidget(self.key)
        self.back, self.next = QPushButton(BACK), QPushButton(NEXT)
        self.cancel = QPushButton(CANCEL)
        self.next.setProperty("primary", "true")
        for button in (self.back, self.cancel):
            button.setAutoDefault(False)
        column = column_of(self)
        page = QWidget()
        QVBoxLayout(page).addWidget(self.pages)
        self.scrolled = Scrolled(page)
        column.addWidget(self.scrolled, 1)
        column.addLayout(row_of(None, self.cancel, self.back, self.next))
        self.next.setDefault(True)
        self.back.clicked.connect(lambda: self._turn_to(_EXPLANATION))
        self.next.clicked.connect(self._go_on)
        self.cancel.clicked.connect(self.reject)
        self.names.edited.connect(self._follow_name)
        self.new.edited.connect(self.follow)
        self.key.kept_changed.connect(self.follow)
        self._turn_to(_EXPLANATION)

    def _turn_to(self, page: int) -> None:
        self.pages.setCurrentIndex(page)
        self.next.setText({_EXPLANATION: NEXT, _ACCOUNT: SET_UP_NOW, _KEY: GO_ON}[page])
        self.back.setVisible(page == _ACCOUNT)
        self.cancel.setVisible(page != _KEY)
        for place in range(self.pages.count()):
            # The pages differ in height, and only the one that is seen asks for room.
            shown, policy = self.pages.widget(place), QSizePolicy.Policy
            kind = policy.Preferred if place == page else policy.Ignored
            if shown is not None:
                shown.setSizePolicy(policy.Preferred, kind)
        if self.isVisible():
            self.fit()
        self.follow()
        first = {_EXPLANATION: self.next, _ACCOUNT: self.names, _KEY: self.key.print}[page]
        first.setFocus()

    @property
    def reason(self) -> str:
        """Why it does not go on yet; empty where it can."""
        if self._is_busy:
            return SETTING_UP
        page = self.pages.currentIndex()
        if page == _ACCOUNT:
            return self.names.reason or self.new.reason
        return self.key.reason if page == _KEY else ""

    def follow(self) -> None:
        """Offer what can be done now."""
        offer(self.next, self.reason)
        for button in (self.back, self.cancel):
            offer(button, SETTING_UP if self._is_busy else "")
        for field in (self.names, self.new):
            field.setEnabled(not self._is_busy)

    def _follow_name(self) -> None:
        self.new.for_account(self.names.name.text())
        self.follow()

    def _go_on(self) -> None:
        page = self.pages.currentIndex()
        if page == _EXPLANATION and self.ways[1].isChecked():
            self.reject()
            self.without_accounts.emit()
        elif page == _EXPLANATION:
            self._turn_to(_ACCOUNT)
        elif page == _ACCOUNT:
            self._is_busy = True
            self.told.say(SETTING_UP, "muted")
            self.follow()
            self.wanted.emit(self.names.name.text(), self.names.typed_full_name, self.new.text)
        else:
            self.key.forget()
            self.done(QDialog.DialogCode.Accepted)
            self.deleteLater()
            self.done_with.emit()

    def show_key(self, key: str) -> None:
        """Show the recovery key of the account that is there now."""
        self._is_busy = False
        self.told.say("")
        self.new.clear()
        self.key.show_key(key)
        self._turn_to(_KEY)

    def fail(self, error: Exception) -> None:
        """Say why nothing was set up."""
        self._is_busy = False
        if isinstance(error, SpineAlignError):
            message = explain(error)
            self.told.say(f"{message.sentence} {message.advice}", "danger")
        self.follow()

    def reject(self) -> None:
        """Put it aside, unless it is being done or the key has to be kept."""
        if not self._is_busy and self.pages.currentIndex() != _KEY:
            self.new.clear()
            super().reject()
            self.deleteLater()


_EXPLAINED = (SET_UP_EXPLANATION, SET_UP_LIMITS, SET_UP_FIRST)


def _page(*widgets: QWidget) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(8)
    for widget in widgets:
        column.addWidget(widget)
    column.addStretch(1)
    return page
