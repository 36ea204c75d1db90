"""Message over the top of the picture: what happened, and what to do next."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, QPoint, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.ui.widgets.icons import icon
from spinealign.ui.widgets.labels import put_breakable, wrapped_label
from spinealign.wording import Message

ROOM_FOR_WORDS = 44
"""In characters, beside the button."""


class Banner(QFrame):
    """Shows one message at a time until it is dismissed or replaced.

    It lies over the top of another widget, which neither moves nor changes its size. Failures
    that come in before the earlier one was dismissed are counted, so that a folder full of bad
    files does not look like one bad file. A warning stands above the message, whatever is told
    beside it, until it is withdrawn or dismissed.

    Parameters
    ----------
    over : QWidget
        What it lies over.
    """

    dismissed = pyqtSignal()
    height_changed = pyqtSignal(int)
    """How much of what it lies over is hidden."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over.parentWidget())
        self._over = over
        over.installEventFilter(self)
        self._failures = 0
        self._is_failure = False
        self._said, self._advised = "", ""
        self._warning: Message | None = None
        self._icon_name = "info"
        self._on_action: Callable[[], None] | None = None
        self._icon = QLabel()
        self._warned = wrapped_label("", strong=True)
        self._sentence = wrapped_label("", strong=True)
        self._advice = wrapped_label("")
        self._action = QPushButton()
        self._action.clicked.connect(self._act)
        self._body = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._dismiss = QToolButton()
        self._dismiss.setAccessibleName("Dismiss this message")
        self._dismiss.setToolTip("Dismiss")
        self._dismiss.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._dismiss.clicked.connect(self.dismiss)
        self._lay_out()
        self.hide()

    @property
    def text(self) -> str:
        """The sentences and the advice that are shown, of a warning first."""
        warning = self._warning
        warned = "" if warning is None else f"{warning.sentence}\n{warning.advice}\n"
        return f"{warned}{self._said}\n{self._told_advice}".strip()

    @property
    def is_failure(self) -> bool:
        """Whether what is shown went wrong."""
        return self._is_failure and not self.isHidden()

    def show_failure(self, message: Message) -> None:
        """Show what went wrong and what to do."""
        self._failures += 1
        self._show("danger", "failed", message)

    def count_failure(self) -> None:
        """Count a failure of something else beside the one that is shown, if one is."""
        if self.is_failure:
            self._failures += 1
            self._write()

    def show_notice(
        self,
        message: Message,
        action: str = "",
        on_action: Callable[[], None] | None = None,
    ) -> None:
        """Show good or neutral news, with a button if `action` names one."""
        self._failures = 0
        self._show("info", "info", message, action, on_action)

    def show_warning(self, message: Message) -> None:
        """Show what must be known, above what else is told."""
        self._warning = message
        if self.isHidden() or not self._said:
            self._put_message_away()
            self._show("warning", "caution", Message("", ""))
        else:
            self._write()

    def withdraw(self, message: Message) -> None:
        """Hide what holds no longer; what was told beside it or since stays."""
        if self._warning is not None and self._warning.sentence == message.sentence:
            self._warning = None
            if self._said and not self.isHidden():
                self._write()
            else:
                self.dismiss()
        elif self._said and self._said == message.sentence:
            self.put_away()

    def put_away(self) -> None:
        """Hide the message; a warning stays."""
        self._put_message_away()
        if self._warning is None or self.isHidden():
            self.dismiss()
        else:
            self._show("warning", "caution", Message("", ""))

    def dismiss(self) -> None:
        """Hide the message, and the warning."""
        self._warning = None
        self._put_message_away()
        self.hide()
        self.height_changed.emit(0)
        self.dismissed.emit()

    def _put_message_away(self) -> None:
        self._failures, self._is_failure = 0, False
        self._said, self._advised, self._on_action = "", "", None

    def _show(
        self,
        strip: str,
        icon_name: str,
        message: Message,
        action: str = "",
        on_action: Callable[[], None] | None = None,
    ) -> None:
        self.setProperty("strip", strip)
        self._is_failure = strip == "danger"
        self._icon_name = icon_name
        self.refresh()
        self._said, self._advised = message.sentence, message.advice
        self._on_action = on_action
        self._action.setText(action)
        self._action.setVisible(bool(action))
        self._write()
        self.show()
        self.raise_()

    @property
    def _told_advice(self) -> str:
        others = self._failures - 1
        if others < 1:
            return self._advised
        plural = "" if others == 1 else "s"
        return f"{self._advised} ({others} more problem{plural}; see the list of cases.)"

    def _write(self) -> None:
        warning, sentence, advice = self._warning, self._said, self._told_advice
        above = ""
        if warning is not None and sentence:
            above = f"{warning.sentence} {warning.advice}".strip()
        elif warning is not None:
            sentence, advice = warning.sentence, warning.advice
        for label, text in (
            (self._warned, above), (self._sentence, sentence), (self._advice, advice),
        ):  # fmt: skip
            # A folder's name has no blank at which a line could end.
            put_breakable(label, text)
            label.setVisible(bool(text))
        self.setAccessibleName(self.text)
        self._place()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow what it lies over."""
        moves = (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show)
        if event is not None and event.type() in moves and not self.isHidden():
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        """Lie over the top, as high as the words need, with the button below where it squeezes."""
        width, layout = self._over.width(), self.layout()
        assert layout is not None
        needed = (
            self._action.sizeHint().width() + ROOM_FOR_WORDS * self.fontMetrics().averageCharWidth()
        )
        across = QBoxLayout.Direction.LeftToRight
        down = QBoxLayout.Direction.TopToBottom
        self._body.setDirection(across if width > needed else down)
        layout.activate()
        parent = self.parentWidget()
        corner = QPoint() if parent is None else self._over.mapTo(parent, QPoint())
        height = layout.totalHeightForWidth(width)
        self.setGeometry(corner.x(), corner.y(), width, height)
        self.height_changed.emit(height)

    def refresh(self) -> None:
        """Wear the colours of the message and of the theme."""
        side = self.fontMetrics().height() + 6
        self._icon.setPixmap(icon(self._icon_name).pixmap(side, side))
        self._dismiss.setIcon(icon("close"))
        style = self.style()
        if style is not None:
            for widget in (self, self._warned, self._sentence, self._advice):
                style.polish(widget)

    def _act(self) -> None:
        if self._on_action is not None:
            self._on_action()

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._warned)
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
