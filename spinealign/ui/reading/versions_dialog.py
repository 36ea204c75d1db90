"""Earlier versions of a signed reading, as they were signed."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QListWidget,
    QPlainTextEdit,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.reading import Reading
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.widgets.labels import without_icons
from spinealign.wording.reading_window import version_text, version_title


class VersionsDialog(QDialog):
    """Lists all versions, the last first, and shows the one that is chosen."""

    def __init__(self, versions: Sequence[Reading], parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Versions of the reading")
        explain(self, "reading")
        self._versions = tuple(reversed(versions))
        self.list, self.text = QListWidget(), QPlainTextEdit()
        self.list.setAccessibleName("Versions")
        self.text.setAccessibleName("The version as it was signed")
        self.text.setReadOnly(True)
        self.list.addItems([version_title(version) for version in self._versions])
        self.list.currentRowChanged.connect(self._show)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        parts = QSplitter()
        parts.addWidget(self.list)
        parts.addWidget(self.text)
        parts.setStretchFactor(1, 1)
        column = QVBoxLayout(self)
        column.addWidget(parts, 1)
        column.addWidget(buttons)
        em = self.fontMetrics().averageCharWidth()
        self.resize(100 * em, 55 * em)
        self.list.setCurrentRow(min(1, len(self._versions) - 1))

    def _show(self, row: int) -> None:
        self.text.setPlainText(version_text(self._versions[row]) if row >= 0 else "")
