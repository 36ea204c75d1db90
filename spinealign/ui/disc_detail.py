"""One disc looked at closely: its crop with a heat map, and all its grades."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from spinealign.domain.findings import Disc, DiscGrade
from spinealign.ui.disc_model import DiscChoice, to_pixmap
from spinealign.ui.labels import wrapped_label
from spinealign.ui.probability_bars import ProbabilityBar
from spinealign.ui.theme import Colours
from spinealign.wording import safe_text
from spinealign.wording.discs import disc_summary, grade_text, grade_title

PICTURE_ENLARGEMENT, PICTURE_SHARPNESS = 3.0, 1.5
NO_HEAT = "No heat map"


class HeatChoice(QComboBox):
    """Chooses which grade's heat map lies over the disc."""

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Leave the wheel to the panel."""
        if event is not None:
            event.ignore()


class DiscDetail(QWidget):
    """Shows one disc.

    Parameters
    ----------
    grey : ndarray of uint8, shape (H, W)
        The whole image, windowed.
    choice : DiscChoice
        Which heat map the user wants; changed in place.
    """

    def __init__(self, grey: NDArray[np.uint8], choice: DiscChoice, colours: Colours) -> None:
        super().__init__()
        self._grey, self._choice, self._colours = grey, choice, colours
        self._disc: Disc | None = None
        self.title = wrapped_label("", strong=True)
        self.picture = QLabel()
        self.heat = HeatChoice()
        self.heat.setAccessibleName("Heat map of the disc")
        self.heat.setToolTip("Which grade's evidence is laid over the disc; it marks no border")
        self.heat.activated.connect(self._choose)
        self._grades = QWidget()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.title)
        row = QHBoxLayout()
        row.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(row)
        row.addStretch(1)
        column.addWidget(self.heat, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._grades)
        self.setVisible(False)

    def show_disc(self, disc: Disc) -> None:
        """Show a disc; one that is shown already may have got another name."""
        is_same = self._disc is not None and self._disc.grades is disc.grades
        self._disc = disc
        words = f"{disc.name}: {disc_summary(disc)}"
        self.title.setText(safe_text(words))
        self.picture.setAccessibleName(f"Picture of {safe_text(disc.name)}")
        if not is_same:
            self._fill_heat(disc)
            self._fill_grades(disc)
        self._draw()
        self.setVisible(True)

    def _fill_heat(self, disc: Disc) -> None:
        from spinealign.lumbar.pictures import leading_grade

        with_heat = [grade for grade in disc.grades if grade.heatmap is not None]
        self.heat.clear()
        for grade in with_heat:
            self.heat.addItem(f"Heat map: {grade_title(grade.name)}", grade.name)
        self.heat.addItem(NO_HEAT, None)
        leading = leading_grade(disc)
        wanted = self._choice.grade or (leading.name if leading is not None else None)
        row = self.heat.findData(wanted) if self._choice.shows_heat else -1
        self.heat.setCurrentIndex(row if row >= 0 else self.heat.count() - 1)
        self.heat.setVisible(bool(with_heat))

    def _choose(self, row: int) -> None:
        self._choice.grade = self.heat.itemData(row)
        self._choice.shows_heat = self._choice.grade is not None
        self._draw()

    def _draw(self) -> None:
        from spinealign.lumbar.pictures import disc_picture

        disc = self._disc
        assert disc is not None
        grade = disc.grade(name) if (name := self.heat.currentData()) is not None else None
        heatmap = None if grade is None else grade.heatmap
        cut = disc_picture(self._grey, disc, heatmap, PICTURE_ENLARGEMENT)
        self.picture.setPixmap(to_pixmap(cut, PICTURE_SHARPNESS))

    def _fill_grades(self, disc: Disc) -> None:
        layout, fresh = self.layout(), QWidget()
        assert layout is not None
        grid = QGridLayout(fresh)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        for row, grade in enumerate(disc.grades):
            self._add_grade(grid, row, grade)
        layout.replaceWidget(self._grades, fresh)
        self._grades.deleteLater()
        self._grades = fresh

    def _add_grade(self, grid: QGridLayout, row: int, grade: DiscGrade) -> None:
        from spinealign.domain.findings import GradeName

        is_ordinal = grade.name is GradeName.PFIRRMANN
        probability = max(grade.probabilities) if is_ordinal else grade.probabilities[-1]
        is_reported = is_ordinal or grade.value is True
        colour = self._colours.accent if is_reported else self._colours.strong_border
        bar = ProbabilityBar(probability, None if is_ordinal else grade.threshold, colour)
        words = f"{grade_title(grade.name)}: {grade_text(grade)}"
        bar.setAccessibleName(words)
        bar.setToolTip(words if is_ordinal else f"{words}; reported from the mark on")
        cells = [wrapped_label(grade_title(grade.name)), bar, wrapped_label(grade_text(grade))]
        for place, widget in enumerate(cells):
            if isinstance(widget, QLabel):
                widget.setWordWrap(False)
                widget.setProperty("strong", "true" if is_reported else "false")
            grid.addWidget(widget, row, place)
