"""Undo and redo over everything that a person does to a case: corrections and decisions."""

from __future__ import annotations

from PyQt6.QtCore import QObject, pyqtSignal

from spinealign.ui.correcting.edit_session import EditSession
from spinealign.ui.reading.case_readings import CaseReadings


class Undoing(QObject):
    """Takes back the latest step, be it a correction of the picture or a decision on a finding."""

    changed = pyqtSignal()

    def __init__(self, editing: EditSession, readings: CaseReadings, parent: QObject) -> None:
        super().__init__(parent)
        self._editing, self._readings = editing, readings
        for part in (editing, readings):
            part.history_changed.connect(self.changed)

    @property
    def undo_label(self) -> str:
        """What undoing takes back; empty when there is nothing."""
        return self._latest.undo_label

    @property
    def redo_label(self) -> str:
        """What redoing brings back; empty when there is nothing."""
        part = self._undone
        return "" if part is None else part.redo_label

    def undo(self) -> None:
        """Take the latest step back."""
        self._latest.undo()

    def redo(self) -> None:
        """Do again what was undone last."""
        part = self._undone
        if part is not None:
            part.redo()

    @property
    def _latest(self) -> EditSession | CaseReadings:
        is_decision = self._readings.undo_serial > self._editing.undo_serial
        return self._readings if is_decision else self._editing

    @property
    def _undone(self) -> EditSession | CaseReadings | None:
        """Return the part whose undone step was taken first, none where more was done since."""
        last = max(self._editing.undo_serial, self._readings.undo_serial)
        parts = [p for p in (self._editing, self._readings) if p.redo_serial > last]
        return min(parts, key=lambda part: part.redo_serial, default=None)
