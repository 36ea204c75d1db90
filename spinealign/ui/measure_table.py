"""The table of measures: what is drawn on the picture, values, normal ranges, definitions."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QLabel, QVBoxLayout, QWidget

from spinealign.domain.measurements import Measurement, MeasureState
from spinealign.ui.labels import Fold, wrapped_label
from spinealign.ui.measure_model import MeasureChoices, MeasureModel
from spinealign.ui.measure_tree import MeasureTree
from spinealign.ui.theme import Colours
from spinealign.wording.measure_rows import has_value, unmeasurable_lines


class MeasureTable(QWidget):
    """Shows measures in groups, those that could not be taken folded below.

    Parameters
    ----------
    choices : MeasureChoices
        What the user draws and which groups lie open; changed in place.
    """

    measure_toggled = pyqtSignal(object, bool)
    measure_selected = pyqtSignal(object)
    definition_requested = pyqtSignal(object)
    copy_requested = pyqtSignal()

    def __init__(self, choices: MeasureChoices, colours: Colours) -> None:
        super().__init__()
        self.model = MeasureModel(choices, colours, self)
        self.tree = MeasureTree(self.model, choices, colours)
        self.edited_note = wrapped_label("", "muted")
        self.missing_list = wrapped_label("", "muted")
        self.missing_list.setContentsMargins(26, 0, 0, 0)
        self.missing_fold = Fold("Not measurable", self.missing_list)
        self.measurements: tuple[Measurement, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (self.tree, self.edited_note, self.missing_fold):
            column.addWidget(widget)
        self.setFocusProxy(self.tree)
        self.model.toggled.connect(self.measure_toggled)
        self.tree.row_selected.connect(self.measure_selected)
        self.tree.definition_requested.connect(self.definition_requested)
        self.tree.copy_requested.connect(self.copy_requested)

    def set_measurements(self, measurements: Sequence[Measurement]) -> None:
        """Show these measures; cheap while the same ones have values."""
        self.measurements = tuple(measurements)
        kept = self.tree.selected_key
        if self.model.set_measurements(self.measurements):
            self.tree.take_new_rows(kept)
        self.tree.fit_height()
        self.tree.setVisible(self.model.rowCount() > 0)
        self._show_edited()
        self._show_missing()

    def _show_edited(self) -> None:
        edited = sum(m.state is MeasureState.EDITED for m in self.measurements)
        values = "1 value rests" if edited == 1 else f"{edited} values rest"
        _put_text(self.edited_note, f"{values} on points placed by hand (pencil).")
        self.edited_note.setVisible(edited > 0)

    def _show_missing(self) -> None:
        missing = [m for m in self.measurements if not has_value(m)]
        _put_text(self.missing_list, "\n".join(unmeasurable_lines(missing)))
        self.missing_fold.set_title(f"Not measurable ({len(missing)})")
        self.missing_fold.setVisible(bool(missing))


def _put_text(label: QLabel, text: str) -> None:
    # Setting the same text again would lay the page out anew at every mouse move.
    if label.text() != text:
        label.setText(text)
