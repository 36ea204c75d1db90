"""Correcting and measuring a case: the parts that do it, and how they work together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QObject, QPointF, Qt
from PyQt6.QtWidgets import QDialogButtonBox, QInputDialog, QMessageBox, QWidget

from spinealign.domain.errors import CorrectionsError
from spinealign.domain.findings import Analysis
from spinealign.domain.measurements import Drawing, DrawingTool
from spinealign.ui.correcting.body_changes import BodyChanges
from spinealign.ui.correcting.case_edits import CaseEdits
from spinealign.ui.correcting.context_menu import EditMenu
from spinealign.ui.correcting.edit_session import EditSession
from spinealign.ui.correcting.note_editor import NoteEditor
from spinealign.ui.correcting.picture_editor import PictureEditor
from spinealign.ui.correcting.shown_measures import ShownMeasures
from spinealign.ui.picture.drawing_tools import Points, ToolName
from spinealign.ui.picture.viewer import Viewer
from spinealign.ui.reading.case_readings import CaseReadings
from spinealign.ui.results.results_panel import ResultsPanel
from spinealign.ui.settings.preferences import Preferences
from spinealign.ui.widgets.labels import without_icons
from spinealign.ui.work.messages import Messages
from spinealign.wording import Message, explain
from spinealign.wording.corrections import (
    CHOOSE_CORRECTIONS,
    CONTESTED_ADVICE,
    CONTESTED_TITLE,
    KEEP_OWN,
    TAKE_OVER,
    kept_elsewhere_message,
    kept_text,
)

LONGEST_MM = 2000.0


class CorrectionController(QObject):
    """Puts together what corrects the case that is shown.

    Parameters
    ----------
    window : QWidget
        Over which dialogs open.
    editing : EditSession
        What is changed, and kept on disk.
    readings : CaseReadings
        What the reader makes of it.
    """

    def __init__(
        self,
        window: QWidget,
        editing: EditSession,
        viewer: Viewer,
        results: ResultsPanel,
        preferences: Preferences,
        messages: Messages,
        readings: CaseReadings,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._messages = messages
        self._named: set[Path] = set()
        self.editing = editing
        self.editor = PictureEditor(viewer, self.editing, self)
        self.changes = BodyChanges(self.editing)
        self.menu = EditMenu(viewer, self.editor, self.changes)
        choices = results.measure_choices
        self.measures = ShownMeasures(
            viewer.picture, self.editing, choices, preferences, readings, self
        )
        self.editing.corrected.connect(results.update_analysis)
        for signal in (self.editing.began, self.editing.changed):
            signal.connect(self._tell_measured)
        self._results = results
        results.measure_toggled.connect(self.measures.toggle)
        results.measure_selected.connect(self.measures.select)
        self.editor.line_drawn.connect(self.ask_length)
        self.editor.note_wanted.connect(partial(self.write_note, viewer))
        results.placing_wanted.connect(partial(self._take_for, viewer))
        for confirmed in (results.corners_confirmed, self.editor.corners_confirmed):
            confirmed.connect(self.changes.confirm_corners)
        results.levels_shifted.connect(self.changes.shift_levels)
        results.suggestions_accepted.connect(self.changes.accept_all)
        results.names_confirmed.connect(self.changes.confirm_all)
        self.editor.suggestion_clicked.connect(self.changes.accept)
        self.editing.saved.connect(self._saved)
        self.editing.contested.connect(self._tell_contested)
        self._contested: dict[Path, Message] = {}

    def _tell_measured(self, shown: Analysis | None) -> None:
        """List what was measured by hand on a picture without a result."""
        measured = shown.measurements if shown is not None and self.editing.is_bare else ()
        self._results.show_measured(measured)

    def write_note(self, viewer: Viewer, note: Drawing) -> None:
        """Let a text be typed on the picture: a new one, or what a note says so far."""
        is_new = self.editing.drawing(note.key) is not note
        done = partial(self.changes.set_text, note.key)
        if is_new:
            done = partial(self.changes.add_text, note.points[-1])
        NoteEditor(viewer, QPointF(*note.points[-1]), note.text, done)

    def ask_length(self, ends: Points) -> None:
        """Ask how long a line is, and take the spacing from it."""
        (x0, y0), (x1, y1) = ends
        length_px = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        dialog = QInputDialog(self._window)
        dialog.setInputMode(QInputDialog.InputMode.DoubleInput)
        dialog.setWindowTitle("Calibrate")
        dialog.setLabelText(
            f"The line is {length_px:.1f} pixels long.\nIts true length in millimetres:"
        )
        # Nothing is proposed: a length that was only nodded at would be an invented one.
        dialog.setDoubleRange(0.0, LONGEST_MM)
        dialog.setDoubleDecimals(2)
        # Naming the button makes Qt build the row of buttons now.
        dialog.setOkButtonText("Calibrate")
        buttons = dialog.findChild(QDialogButtonBox)
        if buttons is not None:
            without_icons(buttons)
        dialog.doubleValueSelected.connect(partial(self.changes.calibrate, ends))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def may_close(self) -> bool:
        """Ask whether corrections that could be written nowhere may be lost."""
        count = self.editing.unsaved_count
        if not count:
            return True
        cases = "1 case" if count == 1 else f"{count} cases"
        answer = QMessageBox.warning(
            self._window,
            "Corrections are not saved",
            f"The corrections of {cases} could not be written to disk. "
            "If you close now, they are lost.",
            QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        if answer == QMessageBox.StandardButton.Discard:
            self.editing.give_up_unsaved()
            return True
        return False

    def _take_for(self, viewer: Viewer, kind: DrawingTool) -> None:
        self._take(ToolName(kind.value), viewer)

    def _take(self, name: ToolName, viewer: Viewer) -> None:
        self.editor.take_tool(name)
        viewer.setFocus(Qt.FocusReason.OtherFocusReason)

    def _tell_contested(self, edits: CaseEdits, error: CorrectionsError) -> None:
        """Say that another window wrote; a dialog would open in the midst of work."""
        self._withdraw_contested(edits.image_path)
        message = self._contested[edits.image_path] = explain(error)
        self._messages.notice(
            message, CHOOSE_CORRECTIONS, partial(self._choose_corrections, edits, message)
        )

    def _choose_corrections(self, edits: CaseEdits, message: Message) -> None:
        """Ask whose corrections count."""
        box = QMessageBox(
            QMessageBox.Icon.Warning, CONTESTED_TITLE, message.sentence, parent=self._window
        )
        box.setInformativeText(CONTESTED_ADVICE)
        take = box.addButton(TAKE_OVER, QMessageBox.ButtonRole.AcceptRole)
        keep = box.addButton(KEEP_OWN, QMessageBox.ButtonRole.DestructiveRole)
        box.setEscapeButton(box.addButton(QMessageBox.StandardButton.Cancel))
        for button, act in ((take, self.editing.take_other), (keep, self.editing.keep_own)):
            if button is not None:
                button.clicked.connect(partial(self._end_contest, act, edits))
        box.finished.connect(box.deleteLater)
        box.open()

    def _end_contest(self, act: Callable[[CaseEdits], None], edits: CaseEdits) -> None:
        self._withdraw_contested(edits.image_path)
        act(edits)

    def _withdraw_contested(self, image: Path) -> None:
        told = self._contested.pop(image, None)
        if told is not None:
            self._messages.withdraw(told)

    def _saved(self, image: Path, path: Path) -> None:
        self._messages.tell_of_case(kept_text(image, path), image)
        message = kept_elsewhere_message(image, path)
        if message is not None and path not in self._named:
            self._named.add(path)
            self._messages.notice(message)
