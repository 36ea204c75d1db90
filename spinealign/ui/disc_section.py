"""Everything about discs in the results: the overall word, levels, the table, one disc closely."""

from __future__ import annotations

from functools import partial

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from spinealign.domain.discs import Disc
from spinealign.domain.findings import Analysis
from spinealign.ui.disc_model import DiscChoice, DiscModel
from spinealign.ui.disc_table import DiscTable
from spinealign.ui.grade_grid import GradeGrid
from spinealign.ui.labels import wrapped_label
from spinealign.ui.theme import Colours
from spinealign.wording import display_name
from spinealign.wording.discs import COUNTED_FROM_BELOW, OVERALL_RULE, overall_text

LEVEL_BUTTONS = (
    (1, "Levels ▲", "Call every vertebra and disc one level higher (L5/S1 becomes L4/L5)"),
    (-1, "Levels ▼", "Call every vertebra and disc one level lower (L4/L5 becomes L5/S1)"),
)
CONFIRM = (0, "Confirm levels", "The lowest disc is L5/S1: take the question marks away")


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
        column.addWidget(wrapped_label(COUNTED_FROM_BELOW, "muted"))
        if analysis.companion is not None:
            name = display_name(analysis.companion.source_path)
            column.addWidget(wrapped_label(f"Graded together with {name}.", "muted"))
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
