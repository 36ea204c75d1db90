"""Keyboard list, model cards, and what this program is."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeySequence
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from spinealign import __version__
from spinealign.domain.findings import DISCLAIMER
from spinealign.domain.model_card import ModelCard
from spinealign.ui.results.model_card_view import ModelCardView, status_strip
from spinealign.ui.widgets.icons import application_icon
from spinealign.ui.widgets.labels import rule, without_icons, wrapped_label
from spinealign.ui.window.actions import COMMANDS, plain_text
from spinealign.wording import safe_text

LICENCE = (
    "Copyright © the SpineAlign authors. SpineAlign is free software: you may use it, pass it "
    "on and change it under the terms of the GNU General Public License, version 3 or later. "
    "It comes without any warranty. It uses Qt and PyQt6 (GPL-3.0), whose licence it follows."
)

MOUSE_HELP: tuple[tuple[str, str], ...] = (
    ("Left-drag", "Pan the image"),
    ("Left-drag on a point", "Move the point; with Shift it snaps to the nearest edge"),
    ("Click on a dashed outline", "Accept the suggested vertebra"),
    ("Double click on a text or arrow", "Edit what it says"),
    ("Right click", "Rename, delete, add or reset a vertebra"),
    ("Right-drag", "Window (across) and level (up and down)"),
    ("Wheel", "Scroll through the slices of a series; zoom a single image"),
    ("Ctrl+wheel", "Zoom about the cursor (a setting lets the wheel alone zoom)"),
    ("Double click", "Fit to window"),
    ("Space (in the image)", "Show or hide the overlay"),
    ("Drop files, folders or archives", "Open and analyse them"),
)

PICTURE_KEYS: tuple[tuple[str, str], ...] = (
    ("Return (in the image)", "Select the first point"),
    ("Tab, Shift+Tab", "Select the next or previous point"),
    ("Arrow keys", "Move the selected point by one pixel; Shift ten pixels, Alt a tenth"),
    ("Del", "Delete the selected drawing or added vertebra"),
    ("F2 or Return", "Edit the selected text or arrow"),
    ("Menu key", "Rename, delete, add or reset the vertebra of the selected point"),
    ("Esc", "Leave the tool, or end the selection"),
)

READING_KEYS: tuple[tuple[str, str], ...] = (
    ("A or Return", "Accept the finding, and go to the next one"),
    ("Digit", "Change the grade to this one, or begin to type a number"),
    ("C or F2", "Change it; Return applies, Esc leaves it as it was"),
    ("R or Del", "Reject it"),
    ("Up, Down", "Go to the finding above or below"),
    ("Tab (in the impression)", "Replace the key before the cursor by its phrase"),
)
"""Keys while the findings have the frame of the keyboard."""


class TextDialog(QDialog):
    """A scrolling column of widgets with a Close button."""

    def __init__(self, title: str, width_em: int, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        page = QWidget()
        page.setObjectName("resultsPage")
        self.column = QVBoxLayout(page)
        self.column.setContentsMargins(18, 16, 18, 16)
        self.column.setSpacing(10)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(page)
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


def keyboard_dialog(parent: QWidget) -> TextDialog:
    """Return the list of keys and mouse gestures."""
    dialog = TextDialog("Keyboard and mouse", 78, parent)
    rows = [
        (" or ".join(_native(key) for key in command.keys), command.tip or plain_text(command))
        for command in COMMANDS
        if command.keys
    ]
    sections = (
        ("Mouse", MOUSE_HELP),
        ("Points", PICTURE_KEYS),
        ("Findings (after a click on one, or G)", READING_KEYS),
        ("Keyboard", rows),
    )
    for title, pairs in sections:
        dialog.column.addWidget(wrapped_label(title, "section"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for row, (keys, meaning) in enumerate(pairs):
            label = QLabel(keys)
            label.setProperty("strong", "true")
            grid.addWidget(label, row, 0)
            grid.addWidget(wrapped_label(meaning), row, 1)
        dialog.column.addLayout(grid)
    dialog.column.addStretch(1)
    return dialog


def models_dialog(cards: Sequence[ModelCard], parent: QWidget) -> TextDialog:
    """Return all model cards in full."""
    dialog = TextDialog("Model cards", 110, parent)
    if not cards:
        dialog.column.addWidget(wrapped_label("No model is installed.", "headline"))
        dialog.column.addWidget(
            wrapped_label("Install SpineAlign again, or set SPINEALIGN_MODELS to your own models.")
        )
    for number, card in enumerate(cards):
        if number:
            dialog.column.addWidget(rule())
        dialog.column.addWidget(wrapped_label(safe_text(card.title), "headline"))
        dialog.column.addWidget(status_strip(card))
        dialog.column.addWidget(ModelCardView(card, card))
    dialog.column.addStretch(1)
    return dialog


def about_dialog(parent: QWidget) -> TextDialog:
    """Return name, version, disclaimer and licence."""
    dialog = TextDialog("About SpineAlign", 76, parent)
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
            "Images stay on this computer: the program uses no network, keeps no copy of what "
            "you open, and sends no reports."
        )
    )
    dialog.column.addWidget(rule())
    dialog.column.addWidget(wrapped_label(LICENCE, "muted"))
    dialog.column.addStretch(1)
    return dialog


def _native(key: str) -> str:
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
