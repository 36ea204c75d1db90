"""The conclusion of a reading: filled from the decisions, edited, with the reader's phrases."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PyQt6.QtCore import QEvent, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent, QTextCursor
from PyQt6.QtWidgets import QHBoxLayout, QMenu, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from spinealign.domain.reading import ReadImage
from spinealign.reading.impression import Phrase, expanded
from spinealign.ui.reading.case_readings import ReadingSnapshot
from spinealign.ui.widgets.labels import menu_button, wrapped_label
from spinealign.wording import safe_text
from spinealign.wording.reading_window import disagreement_text

KEEP_DELAY_MS = 700
"""What is typed without a pause is written once."""

_FEWEST_LINES, _MOST_LINES = 3, 12


class ImpressionText(QPlainTextEdit):
    """A text in which Tab replaces the key of a phrase by the phrase."""

    def __init__(self) -> None:
        super().__init__()
        self.phrases: Sequence[Phrase] = ()
        self.setAccessibleName("Impression")
        self.setPlaceholderText("Accept findings to fill this, or type.")
        self.setTabChangesFocus(True)

    resized = pyqtSignal()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Break lines anew, and tell."""
        super().resizeEvent(event)
        self.resized.emit()

    def event(self, event: QEvent | None) -> bool:
        """Expand a phrase before Tab moves the focus on."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            is_tab = event.key() == Qt.Key.Key_Tab and not event.modifiers()
            if is_tab and self.expand():
                return True
        return super().event(event)

    def expand(self) -> bool:
        """Replace the key before the cursor by its phrase; return whether there was one."""
        cursor = self.textCursor()
        found = expanded(self.toPlainText(), cursor.position(), self.phrases)
        if found is None or self.isReadOnly():
            return False
        text, caret = found
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        cursor.setPosition(caret)
        self.setTextCursor(cursor)
        return True


class ImpressionBox(QWidget):
    """Shows the impression and keeps what is typed; `edited` brings image and text to be kept."""

    edited = pyqtSignal(object, str)
    fill_wanted = pyqtSignal()
    phrases_wanted = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.text = ImpressionText()
        self.fill = QPushButton("Fill from the findings again")
        self.fill.setProperty("quiet", "true")
        self.fill.setToolTip(
            "Write the sentences of the decided findings anew; your own words stay below them"
        )
        self.fill.clicked.connect(lambda: self.fill_wanted.emit())
        self.disagreement = wrapped_label("", "danger")
        self.phrases = menu_button(
            "Phrases", "Phrases ▾", "Insert a phrase of your own; its key and Tab do the same"
        )
        self._menu = QMenu(self.phrases)
        self.phrases.setMenu(self._menu)
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(KEEP_DELAY_MS)
        self._delay.timeout.connect(self.keep)
        self._kept = ""
        self._image: ReadImage | None = None
        self.text.textChanged.connect(self._on_typed)
        self.text.resized.connect(self._fit)  # a narrower panel breaks lines elsewhere
        self._lay_out()
        self.set_phrases(())

    @property
    def is_unsaved(self) -> bool:
        """Whether something was typed that was not handed on yet."""
        return self.text.toPlainText() != self._kept

    def show_reading(self, snapshot: ReadingSnapshot, is_saving: bool) -> None:
        """Show the impression of a reading; what is being typed or written stays."""
        text = snapshot.reading.impression.text
        if snapshot.reading.image != self._image:
            # What was typed belongs to the image it was typed beside.
            self.keep()
            self._image, self._kept = snapshot.reading.image, ""
            self.text.setPlainText("")
        if not is_saving and not self.is_unsaved and text != self._kept:
            self._kept = text
            cursor = self.text.textCursor().position()
            self.text.setPlainText(text)
            self._put_cursor(min(cursor, len(text)))
            bar = self.text.verticalScrollBar()
            if bar is not None and not self.text.hasFocus():
                bar.setValue(bar.minimum())  # the worst finding stands first
        fixed = snapshot.why_fixed
        self.text.setReadOnly(bool(fixed))
        self.phrases.setEnabled(not fixed)
        self.phrases.setToolTip(fixed or "Insert a phrase of your own; its key and Tab do the same")
        self.fill.setVisible(bool(snapshot.offered_impression) and not snapshot.refusal)
        is_settled = not is_saving and not self.is_unsaved
        told = disagreement_text(snapshot.disagreement) if is_settled else self.disagreement.text()
        self.disagreement.setText(told)
        self.disagreement.setVisible(bool(told))

    def set_phrases(self, phrases: Sequence[Phrase]) -> None:
        """Offer these phrases."""
        self.text.phrases = tuple(phrases)
        self._menu.clear()
        for phrase in phrases:
            words = safe_text(" ".join(phrase.text.split())).replace("&", "&&")
            action = self._menu.addAction(f"{phrase.key}: {words[:60]}")
            if action is not None:
                action.triggered.connect(lambda _checked, text=phrase.text: self._insert(text))
        self._menu.addSeparator()
        edit = self._menu.addAction("Edit phrases…")
        if edit is not None:
            edit.triggered.connect(lambda: self.phrases_wanted.emit())

    def keep(self) -> None:
        """Hand on what was typed."""
        self._delay.stop()
        if self.is_unsaved and self._image is not None:
            self._kept = self.text.toPlainText()
            self.edited.emit(self._image, self._kept)

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Keep what was typed when the reader goes elsewhere."""
        self.keep()
        super().focusOutEvent(event)

    def _insert(self, text: str) -> None:
        self.text.insertPlainText(text)
        self.text.setFocus(Qt.FocusReason.OtherFocusReason)

    def _put_cursor(self, place: int) -> None:
        cursor = self.text.textCursor()
        cursor.setPosition(place)
        self.text.setTextCursor(cursor)

    def _on_typed(self) -> None:
        if self.is_unsaved:
            self._delay.start()
        self._fit()

    def _fit(self) -> None:
        """Be as high as the text, within reason."""
        document = self.text.document()
        lines = _FEWEST_LINES if document is None else document.size().height()
        lines = min(max(lines, _FEWEST_LINES), _MOST_LINES)
        border = self.text.height() - self.text.contentsRect().height()
        margins = 0.0 if document is None else 2 * document.documentMargin()
        # Half a line more, as letters of some fonts are higher than their line: no bar to scroll.
        letters = (lines + 0.5) * self.text.fontMetrics().lineSpacing()
        self.text.setFixedHeight(math.ceil(letters + margins) + border)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(wrapped_label("Impression", "section"), 1)
        head.addWidget(self.phrases)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.text)
        column.addWidget(self.disagreement)
        column.addWidget(self.fill, 0, Qt.AlignmentFlag.AlignLeft)
        self._fit()
