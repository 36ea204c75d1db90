"""A list of open cases of which several are ticked; those of another patient cannot be.

Films in flexion or extension are not ticked to begin with: bending is no course.
"""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem

from spinealign.domain.identifiers import PatientMatch
from spinealign.ui.cases.case import Case
from spinealign.ui.compare.patients import PatientReader


class PatientCases(QListWidget):
    """Open cases, those of the current patient first and ticked; Space ticks and unticks."""

    chosen_changed = pyqtSignal()

    def __init__(self, patients: PatientReader) -> None:
        super().__init__()
        self._patients = patients
        self._cases: tuple[Case, ...] = ()
        self._ticked: dict[int, bool] = {}
        self.setAccessibleName("Examinations of the patient")
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSpacing(2)
        self.itemChanged.connect(self._on_ticked)

    @property
    def chosen(self) -> tuple[Case, ...]:
        """The cases that are ticked."""
        ticked = (case for row, case in enumerate(self._cases) if self._is_ticked(row))
        return tuple(ticked)

    def _is_ticked(self, row: int) -> bool:
        item = self.item(row)
        return item is not None and item.checkState() is Qt.CheckState.Checked

    def offer(self, current: Case | None, cases: Sequence[Case]) -> None:
        """List cases beside the current one; what the user ticked stays as it is."""
        self._cases = self._patients.by_date(current, cases)
        self.blockSignals(True)
        row = self.currentRow()
        self.clear()
        for case in self._cases:
            self.addItem(self._item(case, current))
        self.setCurrentRow(max(row, 0))
        self.blockSignals(False)

    def _item(self, case: Case, current: Case | None) -> QListWidgetItem:
        match = PatientMatch.SAME if current is None else self._patients.match(current, case)
        item = QListWidgetItem(self._patients.caption(case, current))
        is_ticked = self._ticked.get(id(case), self._belongs(case, current, match))
        if match is PatientMatch.OTHER:
            item.setFlags(Qt.ItemFlag.ItemIsSelectable)
            is_ticked = False
        item.setCheckState(Qt.CheckState.Checked if is_ticked else Qt.CheckState.Unchecked)
        item.setToolTip(item.text())
        return item

    def _belongs(self, case: Case, current: Case | None, match: PatientMatch) -> bool:
        """Whether a case is ticked to begin with: of the same patient and kind, not bent."""
        is_alike = current is None or self._patients.is_alike(current, case)
        return match is PatientMatch.SAME and is_alike and not self._patients.facts_of(case).is_bent

    def _on_ticked(self, item: QListWidgetItem) -> None:
        self._ticked[id(self._cases[self.row(item)])] = item.checkState() is Qt.CheckState.Checked
        self.chosen_changed.emit()
