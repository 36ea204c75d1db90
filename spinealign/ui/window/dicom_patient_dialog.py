"""Asks whose a picture is that is no DICOM file, before DICOM objects are made of it."""

from __future__ import annotations

from datetime import date

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.dicom_choices import StatedPatient
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.widgets.labels import offer, without_icons, wrapped_label
from spinealign.wording.dicom_objects import FIELD_WORDS
from spinealign.wording.dicom_window import (
    DATE_FORM,
    KEEP_PATIENT,
    NO_DATE,
    PATIENT_EXPLANATION,
    PATIENT_LABELS,
    PATIENT_TITLE,
    SEX_WORDS,
    faults_text,
)
from spinealign.wording.text import listed

_WIDTH_EM = 64
_DATES = ("birth_date", "study_date")


class DicomPatientDialog(QDialog):
    """Takes what DICOM takes; `chosen` brings the patient.

    Parameters
    ----------
    given : StatedPatient or None
        What was filled in before.
    """

    chosen = pyqtSignal(object)

    def __init__(self, given: StatedPatient | None, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(PATIENT_TITLE)
        explain(self, "reports")
        self.lines = {name: QLineEdit() for name in PATIENT_LABELS if name != "sex"}
        self.sex = QComboBox()
        self.sex.addItems(list(SEX_WORDS.values()))
        self.keep = QPushButton(KEEP_PATIENT)
        self.keep.setDefault(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.keep, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._keep)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        form = QFormLayout()
        for name, label in PATIENT_LABELS.items():
            field = self.sex if name == "sex" else self.lines[name]
            field.setAccessibleName(label.replace("&", ""))
            form.addRow(label, field)
        for name in _DATES:
            self.lines[name].setPlaceholderText(DATE_FORM)
        column = QVBoxLayout(self)
        column.addWidget(wrapped_label(PATIENT_EXPLANATION, "muted"))
        column.addLayout(form)
        column.addWidget(buttons)
        if given is not None:
            self._show(given)
        for line in self.lines.values():
            line.textChanged.connect(self._offer)
        self.resize(_WIDTH_EM * self.fontMetrics().averageCharWidth(), self.sizeHint().height())
        self._offer()

    @property
    def patient(self) -> StatedPatient | None:
        """What is filled in; None where a date is none."""
        days: dict[str, date | None] = {}
        for name in _DATES:
            text = self.lines[name].text().strip()
            try:
                days[name] = date.fromisoformat(text) if text else None
            except ValueError:
                return None
        said = {name: line.text().strip() for name, line in self.lines.items()}
        return StatedPatient(
            said["identifier"],
            f"{said['family']}^{said['given']}".rstrip("^"),
            days["birth_date"],
            list(SEX_WORDS)[self.sex.currentIndex()],
            days["study_date"],
            said["accession_number"],
        )

    def _show(self, given: StatedPatient) -> None:
        family, _, others = given.name.partition("^")
        shown = {
            "identifier": given.identifier, "family": family, "given": others,
            "birth_date": "" if given.birth_date is None else given.birth_date.isoformat(),
            "study_date": "" if given.study_date is None else given.study_date.isoformat(),
            "accession_number": given.accession_number,
        }  # fmt: skip
        for name, text in shown.items():
            self.lines[name].setText(text)
        self.sex.setCurrentIndex(list(SEX_WORDS).index(given.sex))

    def _offer(self) -> None:
        patient = self.patient
        if patient is None:
            offer(self.keep, NO_DATE)
            return
        words = [FIELD_WORDS[name] for name in patient.faults]
        offer(self.keep, faults_text(listed(words)) if words else "")

    def _keep(self) -> None:
        self.chosen.emit(self.patient)
        self.accept()
