"""Fields for passwords: a hint at Caps Lock, and a new password typed twice."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QLabel, QLineEdit, QVBoxLayout, QWidget

from spinealign.accounts.book import password_problem
from spinealign.domain.protection import AccountError
from spinealign.ui.network.forms import Told
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.wording import explain
from spinealign.wording.accounts_window import (
    CAPS_LOCK,
    NEW_PASSWORD,
    NEW_PASSWORD_AGAIN,
    PASSWORD_LABEL,
    PASSWORD_RULE,
    PASSWORDS_DIFFER,
    TYPE_PASSWORD,
)


class PasswordLine(QLineEdit):
    """A line whose letters are hidden; `caps_lock_changed` says whether Caps Lock seems to be on.

    Qt does not tell, so it is taken from letters that come large without Shift, or small with it.
    """

    caps_lock_changed = pyqtSignal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setEchoMode(QLineEdit.EchoMode.Password)
        self.setMaxLength(1024)
        self._is_caps = False

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Notice Caps Lock by what comes of a letter's key."""
        if event is not None:
            self._notice(event)
        super().keyPressEvent(event)

    def _notice(self, event: QKeyEvent) -> None:
        text = event.text()
        has_shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.key() == Qt.Key.Key_CapsLock:
            self._set(not self._is_caps)
        elif len(text) == 1 and text.upper() != text.lower():
            self._set(text.isupper() != has_shift)

    def _set(self, is_caps: bool) -> None:
        if is_caps != self._is_caps:
            self._is_caps = is_caps
            self.caps_lock_changed.emit(is_caps)


class PasswordField(QWidget):
    """A password with its hint below; `edited` follows each letter."""

    edited = pyqtSignal()

    def __init__(self, label: str = PASSWORD_LABEL) -> None:
        super().__init__()
        self.line = PasswordLine()
        self.line.setAccessibleName(label.replace("&", ""))
        self.label = QLabel(label)
        self.label.setBuddy(self.line)
        self.hint = wrapped_label("", "warning")
        # Its line is kept free, else the buttons would jump at the first letter.
        self.hint.setMinimumHeight(self.fontMetrics().height())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for part in (self.label, self.line, self.hint):
            column.addWidget(part)
        self.setFocusProxy(self.line)
        self.line.textChanged.connect(lambda _: self.edited.emit())
        self.line.caps_lock_changed.connect(lambda on: self.hint.setText(CAPS_LOCK if on else ""))

    @property
    def text(self) -> str:
        """What is typed."""
        return self.line.text()

    def clear(self) -> None:
        """Forget what was typed."""
        self.line.clear()


class NewPassword(QWidget):
    """A new password, typed twice, with the rule that it keeps; `edited` follows each letter."""

    edited = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again = PasswordField(NEW_PASSWORD), PasswordField(NEW_PASSWORD_AGAIN)
        self.told = Told()
        self.told.setMinimumHeight(2 * self.fontMetrics().height())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(wrapped_label(PASSWORD_RULE, "muted"))
        for part in (self.first, self.again, self.told):
            column.addWidget(part)
        self.setFocusProxy(self.first)
        self._name = ""
        for field in (self.first, self.again):
            field.edited.connect(self._follow)

    @property
    def text(self) -> str:
        """What is typed."""
        return self.first.text

    @property
    def reason(self) -> str:
        """Why it cannot be taken yet; empty where it can."""
        if not self.first.text:
            return TYPE_PASSWORD
        problem = password_problem(self.first.text, self._name)
        if problem is not None:
            return explain(AccountError(problem, self._name)).sentence
        return "" if self.first.text == self.again.text else PASSWORDS_DIFFER

    def for_account(self, name: str) -> None:
        """Say whose password it will be: it must be more than that name."""
        self._name = name
        self._follow()

    def clear(self) -> None:
        """Forget what was typed."""
        self.first.clear()
        self.again.clear()

    def _follow(self) -> None:
        is_typing = bool(self.first.text) and (bool(self.again.text) or not self._is_short)
        self.told.say(self.reason if is_typing else "", "warning")
        self.edited.emit()

    @property
    def _is_short(self) -> bool:
        return len(self.first.text) < len(self.again.text) or len(self.first.text) < 8
