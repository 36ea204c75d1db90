"""Small building blocks of the panels: wrapping labels, titled sections, folds, strips."""

from __future__ import annotations

import re

from PyQt6.QtCore import QEvent, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QIcon, QPainter, QPaintEvent
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QStylePainter,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.ui.widgets.icons import icon


def wrapped_label(text: str, kind: str = "", strong: bool = False) -> QLabel:
    """Return a label of plain text that wraps, and can be selected and copied.

    Parameters
    ----------
    kind : str
        Which rule of the style sheet it follows, such as "muted".
    """
    label = QLabel(text)
    # Text may come from a file; it must never be read as markup.
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    # A fresh policy would forget that the height of a wrapped label follows its width.
    policy = label.sizePolicy()
    policy.setHorizontalPolicy(QSizePolicy.Policy.Expanding)
    label.setSizePolicy(policy)
    label.setMinimumWidth(1)
    if kind:
        label.setProperty("kind", kind)
    if strong:
        label.setProperty("strong", "true")
    return label


def row_of(*widgets: QWidget | None) -> QHBoxLayout:
    """Return widgets beside each other; None is empty room."""
    row = QHBoxLayout()
    for widget in widgets:
        if widget is None:
            row.addStretch(1)
        else:
            row.addWidget(widget)
    return row


def put_breakable(label: QLabel, text: str) -> None:
    """Write text whose folders and addresses may be parted at their slashes.

    Where that is so the text cannot be selected: what is copied would hold the places to part at.
    """
    parted = _SLASHES.sub("\\g<0>\u200b", text)
    label.setText(parted)
    label.setToolTip("" if parted == text else text)
    can_select = Qt.TextInteractionFlag.TextSelectableByMouse
    none = Qt.TextInteractionFlag.NoTextInteraction
    label.setTextInteractionFlags(can_select if parted == text else none)


_SLASHES = re.compile(r"[/\\](?=[^\s/\\])")


class ElidedLabel(QLabel):
    """Text on one line, cut with an ellipsis where there is no room, whole in the tool tip."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        # Text may come from a file; it must never be read as markup.
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setMinimumWidth(1)
        self.elide_mode = Qt.TextElideMode.ElideRight

    @property
    def shown_text(self) -> str:
        """What there is room for."""
        room = self.contentsRect().width()
        return self.fontMetrics().elidedText(self.text(), self.elide_mode, room)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw what there is room for."""
        room, shown = self.contentsRect(), self.shown_text
        if shown == self.text():
            super().paintEvent(event)
            return
        QPainter(self).drawText(room, Qt.AlignmentFlag.AlignVCenter, shown)


def menu_button(name: str, text: str, tip: str) -> QToolButton:
    """Return a button of words that opens a menu."""
    button = QToolButton()
    button.setText(text)
    button.setAccessibleName(name)
    button.setToolTip(tip)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def offer(button: QWidget, reason: str) -> None:
    """Let a button be pressed, or say in its tool tip why that is not possible now.

    Parameters
    ----------
    button : QWidget
        Its tool tip, as it is now, comes back once the button is offered again.
    reason : str
        Empty where it can be pressed.
    """
    if button.toolTip() != button.property("reason"):
        button.setProperty("tip", button.toolTip())
    button.setProperty("reason", reason or None)
    button.setEnabled(not reason)
    button.setToolTip(reason or button.property("tip"))


def without_icons(buttons: QDialogButtonBox) -> None:
    """Take the style's icons off buttons: they are black in the dark theme too."""
    for button in buttons.buttons():
        button.setIcon(QIcon())


def show_plain_rows(table: QTableView, row_height_px: int) -> QHeaderView:
    """Show a table as selectable rows of one height that nobody edits; return its header."""
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setAlternatingRowColors(True)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    header, rows = table.horizontalHeader(), table.verticalHeader()
    assert header is not None
    assert rows is not None
    rows.hide()
    # Measuring each row costs 10 ms of the window's time; all have one line of text.
    rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    rows.setDefaultSectionSize(row_height_px)
    header.setHighlightSections(False)
    return header


def write_in_middle(room: QWidget, words: str) -> None:
    """Write what a list is for into the empty room of it, while it is painted."""
    flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
    QPainter(room).drawText(room.rect().adjusted(12, 4, -12, -4), flags, words)


def rule() -> QFrame:
    """Return a thin horizontal line."""
    line = QFrame()
    line.setProperty("kind", "rule")
    line.setFixedHeight(1)
    return line


class WordsColumn(QWidget):
    """Widgets below each other, never lower than their wrapped words need at this width.

    A splitter and a scroll area ask for no height at a width; this tells it them all the same.
    """

    def __init__(self, spacing: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(spacing)

    def event(self, event: QEvent | None) -> bool:
        """Follow the width and the words."""
        handled = super().event(event)
        if event is not None and event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            # Before there is anything whose height follows its width this is -1.
            needed = max(0, self.column.minimumHeightForWidth(self.width()))
            if needed != self.minimumHeight():
                self.setMinimumHeight(needed)
        return handled


class Strip(QFrame):
    """A coloured strip with a title in capitals and a sentence.

    Parameters
    ----------
    tone : str
        "warning", "info" or "danger".
    """

    def __init__(self, tone: str, title: str, sentence: str) -> None:
        super().__init__()
        self.setProperty("strip", tone)
        self.setAccessibleName(f"{title}. {sentence}")
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 7, 10, 7)
        column.setSpacing(2)
        column.addWidget(wrapped_label(title, strong=True))
        if sentence:
            column.addWidget(wrapped_label(sentence))


class Heading(QPushButton):
    """A button whose long title ends in an ellipsis rather than widening what it stands in."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        """Return a size that leaves room for a few letters only."""
        return QSize(self.fontMetrics().averageCharWidth() * 10, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the button with as much of its title as fits."""
        option = QStyleOptionButton()
        self.initStyleOption(option)
        taken = super().sizeHint().width() - self.fontMetrics().horizontalAdvance(self.text())
        option.text = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideRight, self.width() - taken
        )
        self.setToolTip("" if option.text == self.text() else self.text())
        QStylePainter(self).drawControl(QStyle.ControlElement.CE_PushButton, option)


class Fold(QWidget):
    """A heading that opens and closes what lies below it."""

    toggled = pyqtSignal(bool)
    about_to_open = pyqtSignal()
    """Said before what lies below is seen, so that it can be completed."""

    def __init__(self, title: str, content: QWidget, is_open: bool = False) -> None:
        super().__init__()
        self._content = content
        self._button = Heading(title)
        self._button.setProperty("quiet", "true")
        self._button.setCheckable(True)
        self._button.setChecked(is_open)
        self._button.toggled.connect(self._set_open)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._button)
        column.addWidget(content)
        self._show_state(is_open)

    @property
    def is_open(self) -> bool:
        """Whether what lies below is to be seen."""
        return self._button.isChecked()

    def set_title(self, title: str) -> None:
        """Change the heading."""
        if self._button.text() != title:
            self._button.setText(title)

    def _set_open(self, is_open: bool) -> None:
        if is_open:
            self.about_to_open.emit()
        self._show_state(is_open)
        self.toggled.emit(is_open)

    def _show_state(self, is_open: bool) -> None:
        self._content.setVisible(is_open)
        self._button.setIcon(icon("expanded" if is_open else "collapsed"))
        state = "expanded" if is_open else "collapsed"
        self._button.setAccessibleDescription(f"Section, {state}")
