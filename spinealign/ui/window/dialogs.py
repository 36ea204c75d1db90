"""A dialog of words that scrolls, and what this program is."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from spinealign import __version__
from spinealign.domain.findings import DISCLAIMER
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.widgets.icons import application_icon
from spinealign.ui.widgets.labels import rule, without_icons, wrapped_label

LICENCE = (
    "Copyright © the SpineAlign authors. SpineAlign is free software: you may use it, pass it "
    "on and change it under the terms of the GNU General Public License, version 3 or later. "
    "It comes without any warranty. It uses Qt and PyQt6 (GPL-3.0), whose licence it follows."
)


class TextDialog(QDialog):
    """A scrolling column of widgets with a Close button; `page` of the manual explains it."""

    def __init__(self, title: str, width_em: int, parent: QWidget | None, page: str) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        explain(self, page)
        content = QWidget()
        content.setObjectName("resultsPage")
        self.column = QVBoxLayout(content)
        self.column.setContentsMargins(18, 16, 18, 16)
        self.column.setSpacing(10)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(content)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        outer = QVBoxLayout(self)
        outer.addWidget(scroll)
        outer.addWidget(buttons)
        em = self.fontMetrics().averageCharWidth()
        self._size = (width_em * em, 90 * em)

    def open_fitted(self) -> None:
        """Show the dialog, never larger than the window it belongs to."""
        parent = self.parentWidget()
        width, height = self._size
        if parent is not None:
            height = min(height, parent.height() - 60)
            width = min(width, parent.width() - 40)
        self.resize(width, height)
        self.open()


def about_dialog(parent: QWidget) -> TextDialog:
    """Return name, version, disclaimer and licence."""
    dialog = TextDialog("About SpineAlign", 76, parent, "trust")
    row = QHBoxLayout()
    picture = QLabel()
    picture.setPixmap(application_icon().pixmap(56, 56))
    row.addWidget(picture)
    row.addSpacing(8)
    row.addWidget(wrapped_label(f"SpineAlign {__version__}", "title"), 1)
    dialog.column.addLayout(row)
    dialog.column.addWidget(wrapped_label(DISCLAIMER, strong=True))
    dialog.column.addWidget(
        wrapped_label(
            "Images stay on this computer unless you send them to a node that you configured: "
            "without one the program uses no network. It keeps no copy of the files that you "
            "open, and sends no reports about you."
        )
    )
    dialog.column.addWidget(rule())
    dialog.column.addWidget(wrapped_label(LICENCE, "muted"))
    dialog.column.addStretch(1)
    return dialog
