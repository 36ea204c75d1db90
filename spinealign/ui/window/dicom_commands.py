"""Commands on DICOM objects: saved, with the patient asked for first, and opened back."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QFileDialog, QWidget

from spinealign.domain.dicom_choices import DicomChoices, StatedPatient
from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.findings import Analysis
from spinealign.domain.formats import DICOM
from spinealign.export.exporters import EXPORTERS
from spinealign.ui.cases.case import Case
from spinealign.ui.cases.jobs import Progress
from spinealign.ui.window.actions import Actions
from spinealign.ui.window.command_states import NO_RESULT
from spinealign.ui.window.dicom_patient_dialog import DicomPatientDialog
from spinealign.ui.window.patient_strip import PatientStrip
from spinealign.ui.workbench import Workbench
from spinealign.wording import explain
from spinealign.wording.dicom_window import (
    SAYS_ITSELF,
    SEGMENTATION_FILTER,
    SEGMENTATION_TITLE,
    TAKEN_OVER_LABEL,
    taken_over_message,
)

if TYPE_CHECKING:
    from spinealign.dicom.beside import SegmentedImages
    from spinealign.dicom.restoring import Restored

DICOM_KINDS = tuple(kind for kind, one in EXPORTERS.items() if one.is_dicom)


class DicomCommands(QObject):
    """Connects the commands, and remembers whose pictures are until the program is closed."""

    def __init__(
        self, actions: Actions, bench: Workbench, patient: PatientStrip, window: QWidget
    ) -> None:
        super().__init__(window)
        self._actions, self._bench, self._window = actions, bench, window
        self._strip = patient
        self._patients: dict[str, StatedPatient] = {}
        for kind in DICOM_KINDS:
            actions.on(f"save_{kind}", partial(self._save, kind))
        actions.on("dicom_patient", self.ask_patient)
        actions.on("open_segmentation", self._ask_segmentation)
        self._waiting: dict[Path, Path] = {}
        bench.opener.segmentation_met.connect(self.meet)
        for signal in (bench.current_changed, bench.current_updated, bench.readings.changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Offer what is possible now."""
        result = self._bench.current_analysis
        absent = "" if result is not None else NO_RESULT
        says = absent or ("" if _says_nothing(result) else SAYS_ITSELF)
        self._actions.offer("dicom_patient", says)
        self._actions.offer("open_segmentation", absent)
        self._take_waiting(result)

    def choices(self, analysis: Analysis) -> DicomChoices:
        """Return how objects of an analysis are written, as far as it is known."""
        settings = self._bench.preferences.settings
        patient = self._patients.get(analysis.image.sha256)
        return DicomChoices(patient, settings.dicom_uid_root, settings.dicom_label_map)

    def open_segmentation(self, path: Path) -> None:
        """Take outlines over from a file, in the background; it can be undone."""
        result = self._bench.current_analysis
        if result is None:
            return
        restore = self._bench.services.restore
        choices = self.choices(result)

        def read() -> Generator[Progress, None, Restored]:
            yield Progress(SEGMENTATION_TITLE, 0.2)
            return restore(result, path, choices)

        task = self._bench.files.submit(read)
        task.finished.connect(partial(self._take_over, path, result))

    def meet(self, path: Path) -> None:
        """Bring a segmentation to the case of its image, which is opened if it lies beside it."""
        look = self._bench.services.segmented_images

        def read() -> Generator[Progress, None, SegmentedImages]:
            yield Progress(SEGMENTATION_TITLE, 0.1)
            return look(path)

        task = self._bench.files.submit(read)
        task.finished.connect(partial(self._go_on, path))

    def _go_on(self, path: Path, images: SegmentedImages) -> None:
        case = next((one for one in self._bench.session.cases if _is_one_of(one, images)), None)
        if case is not None:
            self._bench.select(case)
            self.open_segmentation(path)
        elif images.beside is not None:
            self._waiting[images.beside] = path
            self._bench.opener.open_paths([images.beside])
        else:
            self._bench.messages.fail(explain(ImageReadError(path, ReadProblem.SEGMENTATION)))

    def _take_waiting(self, result: Analysis | None) -> None:
        """Open the segmentation for which an image was opened, now that it is analysed."""
        path = None if result is None else self._waiting.pop(result.image.source_path, None)
        if path is not None:
            self.open_segmentation(path)

    def _take_over(self, path: Path, result: Analysis, found: Restored) -> None:
        now = self._bench.current_analysis
        if now is None or now.image is not result.image:
            return  # another case is shown by now
        is_done = self._bench.editing.change(TAKEN_OVER_LABEL, lambda _: found.corrections)
        if is_done:
            kind = now.examination
            grades = kind is not None and kind.grades_discs
            self._bench.messages.notice(taken_over_message(path, found.is_own, grades))

    def _ask_segmentation(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self._window, SEGMENTATION_TITLE, self._bench.preferences.state.last_folder,
            SEGMENTATION_FILTER,
        )  # fmt: skip
        if name:
            self.open_segmentation(Path(name).absolute())

    def _save(self, kind: str) -> None:
        result = self._bench.current_analysis
        if result is None:
            return
        if not self.has_patient(result):
            self.ask_patient(lambda: self._write(kind, result))
        else:
            self._write(kind, result)

    def _write(self, kind: str, result: Analysis) -> None:
        whose, choices = self._strip.report_patient, self.choices(result)
        self._bench.saver.save_dicom(result, kind, whose, choices, self._window)

    def has_patient(self, analysis: Analysis) -> bool:
        """Whether the image, or the user, said whose it is."""
        return not _says_nothing(analysis) or analysis.image.sha256 in self._patients

    def ask_patient(self, after: Callable[[], object] = lambda: None) -> None:
        """Ask whose the picture is that is shown, and go on with `after` once it is said."""
        result = self._bench.current_analysis
        if result is None:
            return
        key = result.image.sha256
        dialog = DicomPatientDialog(self._patients.get(key), self._window)

        def keep(patient: StatedPatient) -> None:
            self._patients[key] = patient
            after()

        dialog.chosen.connect(keep)
        dialog.open()


def _is_one_of(case: Case, images: SegmentedImages) -> bool:
    found = case.finding
    identifiers = None if found is None else found.analysis.image.dicom
    return identifiers is not None and identifiers.sop_instance_uid in images.uids


def _says_nothing(analysis: Analysis | None) -> bool:
    """Whether an image is no DICOM file, and so does not say whose it is."""
    return analysis is not None and analysis.image.file_format != DICOM.name
