"""What changes the meaning of numbers, as short labels; a click shows the whole sentence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QPushButton, QToolButton, QVBoxLayout, QWidget

from spinealign.domain.findings import Caution, WarningCode
from spinealign.ui.widgets.flow import FlowLayout
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.wording import caution_text
from spinealign.wording.reading_window import caution_label


class CautionChips(QWidget):
    """A label for each caution, warnings before notes of the reader of the file."""

    suggestions_accepted = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[Caution, ...] = ()
        self._open: Caution | None = None
        self.chips: list[QToolButton] = []
        self._row = FlowLayout()
        self.sentence = wrapped_label("", "warning")
        self.accept = QPushButton("Accept all")
        self.accept.setToolTip("Count all suggested bodies among the bodies")
        self.accept.clicked.connect(lambda: self.suggestions_accepted.emit())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._row)
        column.addWidget(self.sentence)
        column.addWidget(self.accept, 0, Qt.AlignmentFlag.AlignLeft)
        self.show_cautions(())

    def show_cautions(self, cautions: Sequence[Caution]) -> None:
        """Show these cautions."""
        is_note = [c.code is WarningCode.READER_NOTE for c in cautions]
        ordered = [c for c, note in zip(cautions, is_note, strict=True) if not note]
        ordered += [c for c, note in zip(cautions, is_note, strict=True) if note]
        if tuple(ordered) != self._shown:
            self._shown = tuple(ordered)
            self._fill()
        self.setVisible(bool(ordered))

    def _fill(self) -> None:
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.chips = [self._chip(caution) for caution in self._shown]
        for chip in self.chips:
            self._row.addWidget(chip)
        if self._open not in self._shown:
            self._open = None
        self._show_sentence()

    def _chip(self, caution: Caution) -> QToolButton:
        chip = QToolButton()
        chip.setText(caution_label(caution))
        chip.setToolTip(caution_text(caution))
        chip.setAccessibleName(f"Caution: {caution_text(caution)}")
        chip.setCheckable(True)
        chip.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        is_note = caution.code is WarningCode.READER_NOTE
        chip.setProperty("chip", "note" if is_note else "warning")
        chip.clicked.connect(partial(self._toggle, caution))
        return chip

    def _toggle(self, caution: Caution, _checked: bool) -> None:
        self._open = None if self._open is caution else caution
        self._show_sentence()

    def _show_sentence(self) -> None:
        caution = self._open
        for chip, each in zip(self.chips, self._shown, strict=True):
            chip.setChecked(each is caution)
        self.sentence.setText("" if caution is None else caution_text(caution))
        self.sentence.setVisible(caution is not None)
        is_suggestion = caution is not None and caution.code is WarningCode.BODIES_SUGGESTED
        self.accept.setVisible(is_suggestion)
