"""The files of a folder that were not opened, each with its reason; the list can be copied."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.study import SkippedFile
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.wording import Message
from spinealign.wording.worklist import skipped_message, skipped_rows, skipped_text


@dataclass(frozen=True)
class Skipped:
    """What was not opened of what the user chose.

    Parameters
    ----------
    files : tuple of SkippedFile
        At least one.
    beyond : int
        How many more there were.
    """

    files: tuple[SkippedFile, ...]
    beyond: int = 0

    @property
    def message(self) -> Message:
        """How many, and why."""
        return skipped_message(self.files, self.beyond)


class SkippedDialog(QDialog):
    """Lists reason and path of each file."""

    def __init__(self, skipped: Skipped, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Files that were not opened")
        self._text = skipped_text(skipped.files, skipped.beyond)
        self.list = _new_list()
        for row in skipped_rows(skipped.files):
            item = QTreeWidgetItem(list(row))
            item.setToolTip(1, row[1])
            self.list.addTopLevelItem(item)
        self.list.setCurrentItem(self.list.topLevelItem(0))
        self.copy = QPushButton("&Copy list")
        self.copy.clicked.connect(self.copy_list)
        close = QPushButton("C&lose")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        QShortcut(QKeySequence.StandardKey.Copy, self, self.copy_list)
        column = QVBoxLayout(self)
        column.addWidget(wrapped_label(skipped.message.sentence))
        column.addWidget(self.list, 1)
        row_of_buttons = QHBoxLayout()
        row_of_buttons.addStretch(1)
        row_of_buttons.addWidget(self.copy)
        row_of_buttons.addWidget(close)
        column.addLayout(row_of_buttons)
        em = self.fontMetrics().averageCharWidth()
        self.resize(QSize(90 * em, 24 * self.fontMetrics().height()))

    def copy_list(self) -> None:
        """Put the list on the clipboard, a file a line."""
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self._text)


def _new_list() -> QTreeWidget:
    tree = QTreeWidget()
    tree.setAccessibleName("Files that were not opened")
    tree.setHeaderLabels(["Reason", "File"])
    tree.setRootIsDecorated(False)
    tree.setUniformRowHeights(True)
    tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    header = tree.header()
    assert header is not None
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
    header.setStretchLastSection(True)
    return tree
