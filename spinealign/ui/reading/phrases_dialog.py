"""The reader's own phrases: a key and a text each, edited as a table."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spinealign.reading.impression import Phrase, repeated_keys
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.widgets.labels import without_icons, wrapped_label
from spinealign.wording import safe_text

KEY_COLUMN, TEXT_COLUMN = 0, 1


class PhrasesDialog(QDialog):
    """Edits phrases; `chosen` brings all of them."""

    chosen = pyqtSignal(object)

    def __init__(self, phrases: Sequence[Phrase], parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Phrases")
        explain(self, "reading")
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels(["Key", "Text"])
        self.table.setAccessibleName("Phrases")
        header, rows = self.table.horizontalHeader(), self.table.verticalHeader()
        assert header is not None
        assert rows is not None
        header.setSectionResizeMode(TEXT_COLUMN, QHeaderView.ResizeMode.Stretch)
        rows.hide()
        for phrase in phrases:
            self._add_row(phrase.key, phrase.text)
        self.new, self.remove = QPushButton("New phrase"), QPushButton("Remove")
        self.new.clicked.connect(self._begin_new)
        self.remove.clicked.connect(self._remove)
        self.remove.setToolTip("Remove the phrase that is selected")
        self.problem = wrapped_label("", "warning")
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        save = buttons.button(QDialogButtonBox.StandardButton.Save)
        assert save is not None
        self.save = save
        buttons.accepted.connect(self._take)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        row = QHBoxLayout()
        row.addWidget(self.new)
        row.addWidget(self.remove)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.addWidget(
            wrapped_label("In the impression, type a key and press Tab: its text takes its place.")
        )
        column.addWidget(self.table, 1)
        column.addLayout(row)
        column.addWidget(self.problem)
        column.addWidget(buttons)
        self.table.itemChanged.connect(lambda _: self._check())
        self._check()
        em = self.fontMetrics().averageCharWidth()
        self.resize(70 * em, 45 * em)

    def phrases(self) -> tuple[Phrase, ...]:
        """Return the phrases of the table.

        Raises
        ------
        ValueError
            A key or a text cannot be used; the message says which.
        """
        found = []
        for row in range(self.table.rowCount()):
            key, text = (self._cell(row, column).strip() for column in (KEY_COLUMN, TEXT_COLUMN))
            if not key and not text:
                continue
            try:
                found.append(msgspec.convert({"key": key, "text": text}, Phrase))
            except msgspec.ValidationError as error:
                raise ValueError(_problem_text(key, text)) from error
        twice = repeated_keys(found)
        if twice:
            raise ValueError(f"“{twice[0]}” stands for more than one phrase.")
        return tuple(found)

    def _cell(self, row: int, column: int) -> str:
        item = self.table.item(row, column)
        return "" if item is None else item.text()

    def _add_row(self, key: str, text: str) -> None:
        row = self.table.rowCount()
        self.table.insertRow(row)
        for column, words in ((KEY_COLUMN, key), (TEXT_COLUMN, text)):
            self.table.setItem(row, column, QTableWidgetItem(words))

    def _begin_new(self) -> None:
        self._add_row("", "")
        self.table.setCurrentCell(self.table.rowCount() - 1, KEY_COLUMN)
        item = self.table.item(self.table.rowCount() - 1, KEY_COLUMN)
        if item is not None:
            self.table.editItem(item)

    def _remove(self) -> None:
        if self.table.currentRow() >= 0:
            self.table.removeRow(self.table.currentRow())
            self._check()

    def _check(self) -> None:
        try:
            self.phrases()
        except ValueError as error:
            said = str(error)
        else:
            said = ""
        self.save.setEnabled(not said)
        self.save.setToolTip(said)
        self.problem.setText(said)
        self.problem.setVisible(bool(said))

    def _take(self) -> None:
        self.chosen.emit(self.phrases())
        self.accept()


def _problem_text(key: str, text: str) -> str:
    if not text:
        return f"The phrase “{safe_text(key)}” has no text."
    if not key:
        return "A phrase has no key."
    return f"“{safe_text(key)}” is no key: up to 20 letters, digits, “-” or “_”."
