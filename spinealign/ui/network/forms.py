"""Parts that the network's dialogs share: forms of labelled fields, and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from spinealign.ui.widgets.labels import row_of, without_icons, wrapped_label
from spinealign.wording.network_window import BROWSE, NO_NODES_MESSAGE, PEM_FILTER, plain

_GAP_PX = 10


class FileField(QWidget):
    """A line for a path, and a button that chooses one."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.line = QLineEdit()
        self.line.setAccessibleName(title)
        self._title = title
        browse = QPushButton(BROWSE)
        browse.setAutoDefault(False)
        browse.setAccessibleName(f"{title}: {BROWSE}")
        browse.clicked.connect(self._browse)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, 1)
        row.addWidget(browse)
        self.setFocusProxy(self.line)

    def _browse(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, self._title, self.line.text(), PEM_FILTER)
        if name:
            self.line.setText(name)


class Form(QScrollArea):
    """Labelled fields below each other, which can be hidden; it scrolls where it is too long.

    Parameters
    ----------
    labels, notes : mapping
        By the name of a field.
    """

    def __init__(self, labels: Mapping[str, str], notes: Mapping[str, str]) -> None:
        super().__init__()
        self._labels, self._notes = labels, notes
        self._rows: dict[str, QWidget] = {}
        page = QWidget()
        self.column = QVBoxLayout(page)
        self.column.setContentsMargins(2, 2, 8, 2)
        self.column.setSpacing(7)
        self.setProperty("plain", "true")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(page)
        self._names: list[QLabel] = []
        self._below: list[QLabel] = []
        self._wanted: QWidget | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._show_wanted)

    def put(self, name: str, field: QWidget, is_tick: bool = False) -> None:
        """Add a field; a box to tick has its own words."""
        label, note = self._labels[name], self._notes.get(name, "")
        field.setAccessibleName(plain(label))
        field.setAccessibleDescription(note)
        # Rows in a column of their own: a form's layout gives notes the height of narrow ones.
        row = self._rows[name] = QWidget()
        column = QVBoxLayout(row)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        if is_tick:
            column.addWidget(field)
        else:
            text = QLabel(label)
            text.setBuddy(field)
            self._names.append(text)
            line = QHBoxLayout()
            line.setSpacing(_GAP_PX)
            line.addWidget(text)
            stretch = 0 if isinstance(field, QAbstractSpinBox) else 1
            line.addWidget(field, stretch)
            if not stretch:
                line.addStretch(1)
            column.addLayout(line)
        if note:
            told = wrapped_label(note, "muted")
            if not is_tick:
                self._below.append(told)
            column.addWidget(told)
        self.column.addWidget(row)

    def say(self, widget: QWidget) -> None:
        """Add a sentence, or another widget, over the whole width."""
        self.column.addWidget(widget)

    def end(self) -> None:
        """Align all fields, and leave the rest empty."""
        width = max((label.sizeHint().width() for label in self._names), default=0)
        for label in self._names:
            label.setFixedWidth(width)
        for note in self._below:
            note.setContentsMargins(width + _GAP_PX, 0, 0, 0)
        self.column.addStretch(1)

    def show_row(self, name: str) -> None:
        """Scroll until a field is seen, once all fields have found their places."""
        self._wanted = self._rows[name]
        self._soon.start()

    def _show_wanted(self) -> None:
        if self._wanted is not None:
            self.ensureWidgetVisible(self._wanted)

    def show_only(self, names: frozenset[str]) -> None:
        """Show these fields, and hide the others."""
        for name, row in self._rows.items():
            row.setVisible(name in names)


def choice(words: Mapping[Any, str]) -> QComboBox:
    """Return a list of which one is chosen, no wider than its form; `currentData` is its key."""
    box = QComboBox()
    for key, said in words.items():
        box.addItem(said, key)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    box.currentTextChanged.connect(box.setToolTip)
    box.setToolTip(box.currentText())
    return box


def quiet_tabs() -> QTabWidget:
    """Return pages without a frame around them."""
    tabs = QTabWidget()
    tabs.setDocumentMode(True)
    bar = tabs.tabBar()
    assert bar is not None
    bar.setDrawBase(False)
    return tabs


def exchange(one: QWidget, other: QWidget, is_one: bool) -> None:
    """Show one button in place of another; it takes over the keys, so that no third one does."""
    shown, hidden = (one, other) if is_one else (other, one)
    had_focus = hidden.hasFocus()
    shown.show()
    if had_focus:
        shown.setFocus()
    hidden.hide()


class Told(QLabel):
    """A sentence that says what came of something; nothing of it is markup."""

    def __init__(self) -> None:
        super().__init__()
        plain_one = wrapped_label("")
        self.setTextFormat(plain_one.textFormat())
        self.setWordWrap(True)
        self.setTextInteractionFlags(plain_one.textInteractionFlags())
        self.setSizePolicy(plain_one.sizePolicy())
        self.setMinimumWidth(1)
        plain_one.deleteLater()

    def say(self, text: str, kind: str = "") -> None:
        """Show a text; `kind` is "danger", "warning", "good", "muted" or empty."""
        self.setText(text)
        self.setProperty("kind", kind)
        style = self.style()
        if style is not None:
            style.unpolish(self)
            style.polish(self)


def buttons_of(*buttons: QPushButton | None) -> QHBoxLayout:
    """Return buttons beside each other that Return does not press; None is empty room."""
    for button in buttons:
        if button is not None:
            button.setAutoDefault(False)
    return row_of(*buttons)


def end_with_close(dialog: QDialog, first: QWidget, *others: QWidget) -> None:
    """Put parts below each other into a dialog, the first as high as there is room, and Close."""
    close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    close.rejected.connect(dialog.reject)
    without_icons(close)
    column = column_of(dialog)
    column.addWidget(first, 1)
    for part in (*others, close):
        column.addWidget(part)


def column_of(dialog: QDialog) -> QVBoxLayout:
    """Return the column that a dialog's parts stand in."""
    column = QVBoxLayout(dialog)
    column.setSpacing(8)
    return column


def offer_nodes(box: QComboBox, names: list[str], last: str, told: Told) -> None:
    """Offer nodes to choose from, keep the choice, and say where there are none.

    Parameters
    ----------
    box : QComboBox
    names : list of str
    last : str
        The node that was chosen last time.
    told : Told
    """
    before = box.currentText() or last
    if names != [box.itemText(place) for place in range(box.count())]:
        box.clear()
        box.addItems(names)
        box.setCurrentIndex(max(box.findText(before), 0) if names else -1)
    if not names:
        told.say(NO_NODES_MESSAGE, "warning")
    elif told.text() == NO_NODES_MESSAGE:
        told.say("")


def fit(dialog: QDialog, width_em: int, height_em: int) -> None:
    """Give a dialog its size, never larger than the window it belongs to."""
    em = dialog.fontMetrics().averageCharWidth()
    width, height = width_em * em, height_em * em
    parent = dialog.parentWidget()
    if parent is not None:
        window = parent.window() or parent
        width, height = min(width, window.width() - 40), min(height, window.height() - 40)
    dialog.resize(width, height)
