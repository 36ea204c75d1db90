"""Says that results are of another picture than the one looked at, and dims them."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPalette
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from spinealign.ui.widgets.labels import wrapped_label

VEIL_ALPHA = 120
"""Of the panel's colour, drawn over what is of another picture; out of 255."""


class Veil(QWidget):
    """Lies over a widget and lets the mouse through."""

    def __init__(self, below: QWidget) -> None:
        super().__init__(below)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        below.installEventFilter(self)
        self.hide()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay as large as what is below, and above what comes into it later."""
        below = self.parentWidget()
        if event is not None and watched is below and below is not None:
            if event.type() == QEvent.Type.Resize:
                self.resize(below.size())
            elif event.type() == QEvent.Type.ChildAdded:
                self.raise_()
        return False

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the ground half over what is below."""
        colour = QColor(self.palette().color(QPalette.ColorRole.Base))
        colour.setAlpha(VEIL_ALPHA)
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour)


class ForeignNote(QFrame):
    """A line with a way back, above results of another picture; hidden where there are none.

    Parameters
    ----------
    results : QWidget
        What is dimmed meanwhile.
    """

    def __init__(self, results: QWidget) -> None:
        super().__init__()
        self.setProperty("strip", "info")
        self.words = wrapped_label("", strong=True)
        self.button = QPushButton()
        self.button.setToolTip("Show the analysed image (Home)")
        self.veil = Veil(results)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 10, 6)
        row.addWidget(self.words, 1)
        row.addWidget(self.button)
        self.hide()

    def show_words(self, words: str, way_back: str) -> None:
        """Say this, or nothing."""
        if words != self.words.text():
            self.words.setText(words)
            self.setAccessibleName(words)
        self.button.setText(way_back)
        self.setVisible(bool(words))
        below = self.veil.parentWidget()
        if words and below is not None:
            self.veil.resize(below.size())
            self.veil.raise_()
        self.veil.setVisible(bool(words))
