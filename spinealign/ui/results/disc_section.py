"""Everything about discs in the results: the overall word, levels, the table, one disc closely."""

from __future__ import annotations

from functools import partial

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from spinealign.domain.discs import Disc, DiscGrade, GradeName
from spinealign.domain.findings import Analysis
from spinealign.ui.results.disc_model import DiscChoice, DiscModel
from spinealign.ui.results.disc_table import DiscTable
from spinealign.ui.results.probability_bars import ProbabilityBar
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.ui.widgets.theme import Colours
from spinealign.wording import safe_text
from spinealign.wording.discs import (
    COUNTED_FROM_BELOW,
    OVERALL_RULE,
    are_levels_counted,
    companion_text,
    grade_text,
    grade_title,
    overall_text,
)


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
    shares = grade.probabilities or (0.0,)
    probability = max(shares) if is_ordinal else shares[-1]
    is_reported = is_ordinal or grade.value is True
    colour = colours.accent if is_reported else colours.strong_border
    bar = ProbabilityBar(probability, None if is_ordinal else grade.threshold, colour)
    words = f"{grade_title(grade.name)}: {grade_text(grade)}"
    bar.setAccessibleName(words)
    bar.setToolTip(words if is_ordinal else f"{words}; reported at or above the mark")
    name = wrapped_label(grade_title(grade.name), strong=is_reported)
    answer = wrapped_label(grade_text(grade), strong=is_reported)
    for label in (name, answer):
        label.setWordWrap(False)
    return name, bar, answer


LEVEL_BUTTONS = (
    (1, "Levels ▲", "Rename every vertebra and disc one level higher (L5/S1 becomes L4/L5)"),
    (-1, "Levels ▼", "Rename every vertebra and disc one level lower (L4/L5 becomes L5/S1)"),
)
CONFIRM = (0, "Confirm levels", "The lowest disc is L5/S1: remove the question marks")


class DiscSection(QWidget):
    """Shows the discs of an analysis that has some.

    Parameters
    ----------
    choice : DiscChoice
        Which disc is looked at; changed in place.
    """

    disc_selected = pyqtSignal(object)
    levels_shifted = pyqtSignal(int)

    def __init__(self, analysis: Analysis, choice: DiscChoice, colours: Colours) -> None:
        super().__init__()
        self._choice = choice
        self.overall = wrapped_label("", "headline")
        self.model = DiscModel(analysis, self)
        self.table = DiscTable(self.model, colours)
        self.grades = GradeGrid(colours)
        self.buttons = {steps: _button(text, tip) for steps, text, tip in (*LEVEL_BUTTONS, CONFIRM)}
        for steps, button in self.buttons.items():
            button.clicked.connect(partial(self._shift, steps))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.overall)
        column.addWidget(wrapped_label(OVERALL_RULE, "muted"))
        column.addWidget(self.table)
        row = QHBoxLayout()
        for button in self.buttons.values():
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.grades)
        if are_levels_counted(analysis):
            column.addWidget(wrapped_label(COUNTED_FROM_BELOW, "muted"))
        both = companion_text(analysis)
        if both:
            column.addWidget(wrapped_label(both, "muted"))
        self.table.disc_selected.connect(self._select)
        self.set_analysis(analysis)

    def set_analysis(self, analysis: Analysis) -> None:
        """Show what the discs are called now."""
        if tuple(reversed(analysis.discs)) != self.model.discs:
            self.model.set_discs(analysis)
        if analysis.overall is not None:
            word = overall_text(analysis.overall)
            self.overall.setText(f"Overall: {word}")
            self.overall.setAccessibleName(f"Overall result of all discs: {word}")
        self.buttons[0].setVisible(any(disc.is_level_assumed for disc in analysis.discs))
        row = self.model.row_of(self._choice.index_from_bottom)
        if row is not None:
            self.table.select(self._choice.index_from_bottom)
            self.grades.show_disc(self.model.discs[row])

    def _select(self, disc: Disc) -> None:
        self._choice.index_from_bottom = disc.index_from_bottom
        self.grades.show_disc(disc)
        self.disc_selected.emit(disc)

    def _shift(self, steps: int, _checked: bool) -> None:
        self.levels_shifted.emit(steps)


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setAccessibleName(text.replace("▲", "up").replace("▼", "down"))
    button.setAccessibleDescription(tip)
    return button
