"""What to do with an image that was refused: read why, or say what it is."""

from __future__ import annotations

from functools import partial

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from spinealign.domain.examination import EXAMINATIONS, Examination
from spinealign.domain.findings import Analysis
from spinealign.ui.widgets.icons import icon
from spinealign.ui.widgets.labels import offer, wrapped_label
from spinealign.ui.widgets.theme import Colours
from spinealign.wording import kind_check_text, kind_text, refusal_message
from spinealign.wording.presentation import TURN_AND_ANALYSE, TURNED_SINCE


class RefusalBox(QWidget):
    """Advice on a refused image, and one button for each way to analyse it all the same."""

    examination_chosen = pyqtSignal(object)
    turn_requested = pyqtSignal()

    def __init__(self, analysis: Analysis, colours: Colours) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(wrapped_label(refusal_message(analysis).advice))
        self._turn: QPushButton | None = None
        check = analysis.kind_check
        if check is not None and check.quarter_turns:
            self._turn = turn = QPushButton(TURN_AND_ANALYSE)
            turn.setToolTip("Show it upright and analyse it again; its file stays as it is")
            turn.setIcon(icon("turn-left", colours.text))
            turn.clicked.connect(lambda: self.turn_requested.emit())
            column.addWidget(turn)
            self.show_turn(analysis)
        column.addWidget(wrapped_label("Analyse it anyway", "section"))
        for examination in EXAMINATIONS.values():
            button = QPushButton(f"As {kind_text(examination.image_kind)}")
            button.setIcon(icon(examination.modality.value, colours.text))
            button.setToolTip("Override the check; the result records it")
            button.clicked.connect(partial(self._choose, examination))
            column.addWidget(button)
        if analysis.kind_check is not None:
            column.addWidget(wrapped_label(kind_check_text(analysis.kind_check), "muted"))

    def show_turn(self, analysis: Analysis) -> None:
        """Offer to turn the picture until that is done: what was found speaks of it unturned."""
        if self._turn is not None:
            offer(self._turn, TURNED_SINCE if analysis.is_turned_since else "")

    def _choose(self, examination: Examination, _checked: bool) -> None:
        self.examination_chosen.emit(examination)
