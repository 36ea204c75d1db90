"""One bar for each class, with a mark where the abnormal class is reported from."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from PyQt6.QtWidgets import QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from spinealign.domain.findings import Classification
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.ui.widgets.theme import Colours
from spinealign.wording import probability_text, safe_text


class ProbabilityBar(QWidget):
    """A horizontal bar from 0 to 1, with an optional mark."""

    def __init__(self, value: float, mark: float | None, colour: str) -> None:
        super().__init__()
        self._value, self._mark, self._colour = value, mark, QColor(colour)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(60)

    def sizeHint(self) -> QSize:
        """Return a height that follows the font."""
        return QSize(160, self.fontMetrics().height() + 4)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw trough, bar and mark."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        trough = QRectF(self.rect()).adjusted(1, 4, -1, -4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().color(QPalette.ColorRole.Mid))
        painter.drawRoundedRect(trough, 4, 4)
        filled = QRectF(trough)
        filled.setWidth(max(trough.width() * self._value, 3))
        painter.setBrush(self._colour)
        painter.drawRoundedRect(filled, 4, 4)
        if self._mark is not None:
            x = trough.left() + trough.width() * self._mark
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.WindowText), 2))
            painter.drawLine(round(x), 1, round(x), self.height() - 2)


class ProbabilityBars(QWidget):
    """All classes of a classification, the abnormal one first."""

    def __init__(self, answer: Classification, colours: Colours) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        column.addLayout(grid)
        pairs = sorted(
            zip(answer.labels, answer.probabilities, strict=True),
            key=lambda pair: pair[0] != answer.positive_label,
        )
        for row, (label, probability) in enumerate(pairs):
            self._add_row(grid, row, answer, label, probability, colours)
        column.addWidget(wrapped_label(threshold_text(answer), "muted"))

    def _add_row(
        self,
        grid: QGridLayout,
        row: int,
        answer: Classification,
        label: str,
        probability: float,
        colours: Colours,
    ) -> None:
        is_positive = label == answer.positive_label
        colour = colours.accent if is_positive else colours.strong_border
        bar = ProbabilityBar(probability, answer.threshold if is_positive else None, colour)
        name = safe_text(label)
        bar.setAccessibleName(f"Probability of {name}: {probability_text(probability)}")
        bar.setToolTip(bar.accessibleName())
        words = wrapped_label(name, strong=label == answer.predicted)
        words.setWordWrap(False)
        number = wrapped_label(probability_text(probability), strong=label == answer.predicted)
        number.setWordWrap(False)
        for place, widget in enumerate((words, bar, number)):
            grid.addWidget(widget, row, place)


def threshold_text(answer: Classification) -> str:
    """Return from which probability the abnormal class is reported, and what that is worth."""
    text = f"“{safe_text(answer.positive_label)}” is reported from {answer.threshold:.2f} (mark)."
    if not answer.calibrated:
        text += " The probabilities are not calibrated."
    return text
