"""One bar for each class, with a mark where the abnormal class is reported from."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from PyQt6.QtWidgets import QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from spinealign.domain.findings import Classification, GradedPicture, LabelledPicture
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.ui.widgets.theme import Colours
from spinealign.wording import probability_text, safe_text
from spinealign.wording.labels import findings_note, grade_note


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


class _Bars(QWidget):
    """Rows of a name, a bar and a number, and a note below them."""

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._column.addLayout(self._grid)

    def _add_row(
        self, name: str, probability: float, mark: float | None, colour: str, *, is_strong: bool
    ) -> None:
        name = safe_text(name)
        bar = ProbabilityBar(probability, mark, colour)
        bar.setAccessibleName(f"Probability of {name}: {probability_text(probability)}")
        bar.setToolTip(bar.accessibleName())
        words = wrapped_label(name, strong=is_strong)
        words.setWordWrap(False)
        number = wrapped_label(probability_text(probability), strong=is_strong)
        number.setWordWrap(False)
        row = self._grid.rowCount()
        for place, widget in enumerate((words, bar, number)):
            self._grid.addWidget(widget, row, place)

    def _add_note(self, text: str) -> None:
        self._column.addWidget(wrapped_label(text, "muted"))


class ProbabilityBars(_Bars):
    """All classes of a classification, the abnormal one first."""

    def __init__(self, answer: Classification, colours: Colours) -> None:
        super().__init__()
        pairs = sorted(
            zip(answer.labels, answer.probabilities, strict=True),
            key=lambda pair: pair[0] != answer.positive_label,
        )
        for label, probability in pairs:
            is_positive = label == answer.positive_label
            self._add_row(
                label,
                probability,
                answer.threshold if is_positive else None,
                colours.accent if is_positive else colours.strong_border,
                is_strong=label == answer.predicted,
            )
        self._add_note(threshold_text(answer))


class LabelBars(_Bars):
    """Several findings, each with a mark where it is reported from; those reported stand out."""

    def __init__(self, answer: LabelledPicture, colours: Colours) -> None:
        super().__init__()
        for one in answer.labels:
            colour = colours.accent if one.is_present else colours.strong_border
            self._add_row(
                one.name, one.probability, one.threshold, colour, is_strong=one.is_present
            )
        self._add_note(findings_note(answer))


class GradeBars(_Bars):
    """Ordered grades, the lowest first; what counts stands out (several if unclear)."""

    def __init__(self, answer: GradedPicture, colours: Colours) -> None:
        super().__init__()
        for grade, probability in zip(answer.grades, answer.probabilities, strict=True):
            is_it = grade in answer.told
            colour = colours.accent if is_it else colours.strong_border
            self._add_row(grade, probability, None, colour, is_strong=is_it)
        self._add_note(grade_note(answer))


def threshold_text(answer: Classification) -> str:
    """Return from which probability the abnormal class is reported, and what that is worth."""
    text = f"“{safe_text(answer.positive_label)}” is reported from {answer.threshold:.2f} (mark)."
    if not answer.calibrated:
        text += " The probabilities are not calibrated."
    return text
