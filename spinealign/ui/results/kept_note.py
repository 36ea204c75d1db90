"""Says that a result is the one that the archive kept, and offers to analyse anew."""

from __future__ import annotations

from PyQt6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from spinealign.ui.widgets.labels import wrapped_label
from spinealign.wording.kept_result import ANALYSE_ANEW, ANEW_TIP


class KeptNote(QFrame):
    """A line above a result that was kept; hidden above others."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("strip", "info")
        self.words = wrapped_label("")
        self.button = QPushButton(ANALYSE_ANEW)
        self.button.setToolTip(ANEW_TIP)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 10, 6)
        row.addWidget(self.words, 1)
        row.addWidget(self.button)
        self.hide()

    def show_words(self, words: str) -> None:
        """Say this, or nothing."""
        self.words.setText(words)
        self.setAccessibleName(words)
        self.setVisible(bool(words))
