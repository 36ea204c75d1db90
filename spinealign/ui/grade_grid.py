"""All grades of one disc, a line each: name, bar with its threshold, answer."""

from __future__ import annotations

from PyQt6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from spinealign.domain.discs import Disc, DiscGrade, GradeName
from spinealign.ui.labels import wrapped_label
from spinealign.ui.probability_bars import ProbabilityBar
from spinealign.ui.theme import Colours
from spinealign.wording import safe_text
from spinealign.wording.discs import grade_text, grade_title


class GradeGrid(QWidget):
    """Shows the grades of the disc that is looked at; empty until there is one."""

    def __init__(self, colours: Colours) -> None:
        super().__init__()
        self._colours = colours
        self._disc: Disc | None = None
        self.title = wrapped_label("", "section")
        self._rows = QWidget()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 4, 0, 0)
        self._column.setSpacing(4)
        self._column.addWidget(self.title)
        self._column.addWidget(self._rows)
        self.setVisible(False)

    def show_disc(self, disc: Disc) -> None:
        """Show a disc; one that is shown already may have got another name."""
        is_same = self._disc is not None and self._disc.grades is disc.grades
        self._disc = disc
        self.title.setText(f"All grades of {safe_text(disc.name)}")
        self.setVisible(True)
        if not is_same:
            self._fill(disc)

    def _fill(self, disc: Disc) -> None:
        fresh = QWidget()
        grid = QGridLayout(fresh)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        for row, grade in enumerate(disc.grades):
            for place, widget in enumerate(_cells(grade, self._colours)):
                grid.addWidget(widget, row, place)
        self._column.replaceWidget(self._rows, fresh)
        self._rows.deleteLater()
        self._rows = fresh


def _cells(grade: DiscGrade, colours: Colours) -> tuple[QLabel, ProbabilityBar, QLabel]:
    is_ordinal = grade.name is GradeName.PFIRRMANN
    probability = max(grade.probabilities) if is_ordinal else grade.probabilities[-1]
    is_reported = is_ordinal or grade.value is True
    colour = colours.accent if is_reported else colours.strong_border
    bar = ProbabilityBar(probability, None if is_ordinal else grade.threshold, colour)
    words = f"{grade_title(grade.name)}: {grade_text(grade)}"
    bar.setAccessibleName(words)
    bar.setToolTip(words if is_ordinal else f"{words}; reported from the mark on")
    name = wrapped_label(grade_title(grade.name), strong=is_reported)
    answer = wrapped_label(grade_text(grade), strong=is_reported)
    for label in (name, answer):
        label.setWordWrap(False)
    return name, bar, answer
