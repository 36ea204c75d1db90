"""Message bar above the image: what happened, and what to do next."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.ui.widgets.icons import icon
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.wording import Message

ROOM_FOR_WORDS = 44
"""In characters, beside the button."""


class Banner(QFrame):
    """Shows one message at a time until it is dismissed or replaced.

    Failures that come in before the earlier one was dismissed are counted, so that
    a folder full of bad files does not look like one bad file.
    """

    dismissed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._failures = 0
        self._icon_name = "info"
        self._on_action: Callable[[], None] | None = None
        self._icon = QLabel()
        self._sentence = wrapped_label("", strong=True)
        self._advice = wrapped_label("")
        self._action = QPushButton()
        self._action.clicked.connect(self._act)
        self._body = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._dismiss = QToolButton()
        self._dismiss.setAccessibleName("Dismiss this message")
        self._dismiss.setToolTip("Dismiss")
        self._dismiss.clicked.connect(self.dismiss)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._lay_out()
        self.hide()

    @property
    def text(self) -> str:
        """The sentence and the advice that are shown."""
        return f"{self._sentence.text()}\n{self._advice.text()}".strip()

    def show_failure(self, message: Message) -> None:
        """Show what went wrong and what to do."""
        self._failures += 1
        others = self._failures - 1
        advice = message.advice
        if others:
            plural = "" if others == 1 else "s"
            advice += f" ({others} more problem{plural} before this one; see the list of cases.)"
        self._show("danger", "failed", message.sentence, advice)

    def show_notice(
        self,
        message: Message,
        action: str = "",
        on_action: Callable[[], None] | None = None,
    ) -> None:
        """Show good or neutral news, with a button if `action` names one."""
        self._failures = 0
        self._show("info", "info", message.sentence, message.advice, action, on_action)

    def withdraw(self, message: Message) -> None:
        """Hide a failure that holds no longer; what was told since stays."""
        if self._sentence.text() == message.sentence:
            self.dismiss()

    def dismiss(self) -> None:
        """Hide the message."""
        self._failures = 0
        self.hide()
        self.dismissed.emit()

    def _show(
        self,
        strip: str,
        icon_name: str,
        sentence: str,
        advice: str,
        action: str = "",
        on_action: Callable[[], None] | None = None,
    ) -> None:
        self.setProperty("strip", strip)
        self._icon_name = icon_name
        self.refresh()
        self._sentence.setText(sentence)
        self._advice.setText(advice)
        self._advice.setVisible(bool(advice))
        self._on_action = on_action
        self._action.setText(action)
        self._action.setVisible(bool(action))
        self.setAccessibleName(self.text)
        self.show()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Put the button below the words where both beside each other would squeeze them."""
        super().resizeEvent(event)
        needed = (
            self._action.sizeHint().width() + ROOM_FOR_WORDS * self.fontMetrics().averageCharWidth()
        )
        across = QBoxLayout.Direction.LeftToRight
        down = QBoxLayout.Direction.TopToBottom
        self._body.setDirection(across if self.width() > needed else down)

    def refresh(self) -> None:
        """Wear the colours of the message and of the theme."""
        side = self.fontMetrics().height() + 6
        self._icon.setPixmap(icon(self._icon_name).pixmap(side, side))
        self._dismiss.setIcon(icon("close"))
        style = self.style()
        if style is not None:
            for widget in (self, self._sentence, self._advice):
                style.polish(widget)

    def _act(self) -> None:
        if self._on_action is not None:
            self._on_action()

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._sentence)
        words.addWidget(self._advice)
        self._body.setSpacing(10)
        self._body.addLayout(words, 1)
        self._body.addWidget(self._action, 0, Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 8, 8, 8)
        row.setSpacing(10)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(self._body, 1)
        row.addWidget(self._dismiss, 0, Qt.AlignmentFlag.AlignTop)
