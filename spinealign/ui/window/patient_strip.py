"""Patient data strip above the image; read when shown, not stored, can be hidden."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton

from spinealign.domain.image import ImagePart, SpineImage
from spinealign.domain.study import PatientFacts
from spinealign.ui.cases.jobs import read_patient
from spinealign.ui.cases.saving import ReportPatient
from spinealign.ui.widgets.icons import icon
from spinealign.ui.work.services import Services
from spinealign.ui.work.tasks import Task, TaskRunner
from spinealign.wording.reading import patient_line, patient_rows

ICON_PX = 16


class PatientStrip(QFrame):
    """Shows what the file says about the patient; takes no room where it says nothing.

    Parameters
    ----------
    services : Services
        Reads the file.
    runner : TaskRunner
        In whose thread; nothing else should keep it waiting.
    is_hidden : bool
        Whether patient data are hidden to begin with; they are not even read then.
    """

    hide_requested = pyqtSignal()
    facts_changed = pyqtSignal()

    def __init__(self, services: Services, runner: TaskRunner, is_hidden: bool) -> None:
        super().__init__()
        self.setObjectName("patientStrip")
        self._services = services
        self._runner = runner
        self._is_hidden = is_hidden
        self._part: ImagePart | None = None
        self._task: Task | None = None
        self._is_read = self._waits = False
        self.comes: Callable[[], bool] = lambda: False
        """Whether a picture is being read that will be shown here."""
        self.facts = PatientFacts()
        self.words = PatientWords()
        self.more = _button("collapsed", "Show all patient data of the file")
        self.more.setCheckable(True)
        self.more.toggled.connect(self._show)
        hide = _button("close", "Hide patient data (Ctrl+H)")
        hide.clicked.connect(self.hide_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 3, 6, 3)
        row.setSpacing(6)
        for button in (self.more, hide):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        row.insertWidget(1, self.words, 1)
        self._show()

    def show_patient_of(self, image: SpineImage | None) -> None:
        """Read and show whose picture this is; None shows nobody."""
        part = None if image is None else image.part or ImagePart(image.source_path)
        if part != self._part:
            self._part = part
            self._read()

    def set_hidden(self, is_hidden: bool) -> None:
        """Hide patient data from now on and forget them, or show them again."""
        if is_hidden != self._is_hidden:
            self._is_hidden = is_hidden
            self._read()

    @property
    def is_unnamed(self) -> bool:
        """Whether the file was read and says nothing of the patient."""
        return self._is_read and not self.facts

    @property
    def is_hidden(self) -> bool:
        """Whether patient data are hidden."""
        return self._is_hidden

    @property
    def report_patient(self) -> ReportPatient:
        """What a report says of the patient: what this strip says."""
        if self._is_hidden:
            return ReportPatient.HIDDEN
        return ReportPatient.NAMED if self.facts else ReportPatient.UNKNOWN

    @property
    def is_busy(self) -> bool:
        """Whether a file is being read."""
        return self._runner.is_busy

    def _read(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._is_read = False
        # From one picture to the next the strip keeps its room, so that the picture does not jump.
        is_expected = self._part is not None or self.comes()
        self._waits = is_expected and not self._is_hidden and not self.isHidden()
        self._show_facts(PatientFacts())
        if self._part is not None and not self._is_hidden:
            self._task = self._runner.submit(partial(read_patient, self._services, self._part))
            self._task.finished.connect(self._take)

    def _take(self, facts: PatientFacts) -> None:
        self._is_read, self._waits = True, False
        self._show_facts(facts)

    def _show_facts(self, facts: PatientFacts) -> None:
        self.facts = facts
        self._show()
        self.facts_changed.emit()

    def _show(self) -> None:
        is_open = self.more.isChecked()
        self.more.setIcon(icon("expanded" if is_open else "collapsed"))
        rows = [f"{label}: {value}" for label, value in patient_rows(self.facts)]
        self.words.setWordWrap(is_open)
        self.words.setText("\n".join(rows) if is_open else patient_line(self.facts))
        self.words.setAccessibleName("Patient: " + ", ".join(rows))
        self.words.setToolTip("" if is_open else patient_line(self.facts))
        self.setVisible(bool(self.facts) or self._waits)


class PatientWords(QLabel):
    """Selectable text: on one line, cut with an ellipsis, unless it may wrap."""

    def __init__(self) -> None:
        super().__init__()
        # Text may come from a file; it must never be read as markup.
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setMinimumWidth(1)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the text, shortened where one line has no room for it."""
        shown = self.text()
        if not self.wordWrap():
            shown = self.fontMetrics().elidedText(
                shown, Qt.TextElideMode.ElideRight, self.contentsRect().width()
            )
        if shown == self.text() or self.hasSelectedText():
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.drawText(self.contentsRect(), Qt.AlignmentFlag.AlignVCenter, shown)


def _button(drawing: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(icon(drawing))
    button.setIconSize(QSize(ICON_PX, ICON_PX))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    return button
