"""What changes the meaning of numbers, as short labels; a click shows the whole sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QPushButton, QToolButton, QVBoxLayout, QWidget

from spinealign.domain.findings import Analysis, WarningCode
from spinealign.ui.widgets.flow import FlowLayout
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.wording import caution_text
from spinealign.wording.discs import companion_text
from spinealign.wording.reading_window import (
    caution_label,
    missing_label,
    missing_text,
    removed_label,
)
from spinealign.wording.vertebrae import is_body_segmentation, removed_text, unseen_levels

_TOLD_ELSEWHERE = (WarningCode.CORRECTED_BY_USER,)


@dataclass(frozen=True)
class Chip:
    """One label, its sentence, and what it is about; no code where it is no caution."""

    label: str
    sentence: str
    code: WarningCode | None = None

    @property
    def is_note(self) -> bool:
        """Whether it is only what the reader of the file did."""
        return self.code is WarningCode.READER_NOTE


def chips_of(analysis: Analysis) -> tuple[Chip, ...]:
    """Return the labels of an analysis, warnings before notes of the reader of the file."""
    cautions = analysis.without_demonstration.cautions
    chips = [
        Chip(caution_label(caution), caution_text(caution), caution.code)
        for caution in cautions
        if caution.code not in _TOLD_ELSEWHERE
    ]
    missing = unseen_levels(analysis)
    if missing and is_body_segmentation(analysis):
        chips.append(Chip(missing_label(missing), missing_text(missing)))
    if analysis.removed:
        chips.append(Chip(removed_label(analysis.removed), f"{removed_text(analysis.removed)}."))
    both = companion_text(analysis)
    if both:
        chips.append(Chip("T1 and T2", both, WarningCode.READER_NOTE))
    return tuple(sorted(chips, key=lambda chip: chip.is_note))


class CautionChips(QWidget):
    """Shows the labels; the sentence of the one that was clicked stands below them."""

    suggestions_accepted = pyqtSignal()
    names_confirmed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[Chip, ...] = ()
        self._open: Chip | None = None
        self.buttons: list[QToolButton] = []
        self._row = FlowLayout()
        self.sentence = wrapped_label("", "warning")
        self.accept = QPushButton("Accept all")
        self.accept.setToolTip("Count all suggested bodies among the bodies")
        self.accept.clicked.connect(lambda: self.suggestions_accepted.emit())
        self.confirm = QPushButton("Confirm all names")
        self.confirm.setToolTip("Stand for the names of all accepted bodies")
        self.confirm.clicked.connect(lambda: self.names_confirmed.emit())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._row)
        column.addWidget(self.sentence)
        column.addWidget(self.accept, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.confirm, 0, Qt.AlignmentFlag.AlignLeft)
        self.show_chips(())

    def show_chips(self, chips: Sequence[Chip]) -> None:
        """Show these labels."""
        if tuple(chips) != self._shown:
            self._shown = tuple(chips)
            self._fill()
        self._show_sentence()
        self.setVisible(bool(chips))

    def _fill(self) -> None:
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.buttons = [self._button(chip) for chip in self._shown]
        for button in self.buttons:
            self._row.addWidget(button)
        if self._open not in self._shown:
            self._open = None

    def _button(self, chip: Chip) -> QToolButton:
        button = QToolButton()
        button.setText(chip.label)
        button.setToolTip(chip.sentence)
        button.setAccessibleName(f"Caution: {chip.sentence}")
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setProperty("chip", "note" if chip.is_note else "warning")
        button.clicked.connect(partial(self._toggle, chip))
        return button

    def _toggle(self, chip: Chip, _checked: bool) -> None:
        self._open = None if self._open == chip else chip
        self._show_sentence()

    def _show_sentence(self) -> None:
        opened = self._open
        for button, chip in zip(self.buttons, self._shown, strict=True):
            button.setChecked(chip == opened)
        self.sentence.setText("" if opened is None else opened.sentence)
        self.sentence.setVisible(opened is not None)
        code = None if opened is None else opened.code
        self.accept.setVisible(code is WarningCode.BODIES_SUGGESTED)
        self.confirm.setVisible(code is WarningCode.NAMES_UNCONFIRMED)
