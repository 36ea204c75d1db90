"""Commands on DICOM objects: saved, with the patient asked for first, and opened back."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QFileDialog, QWidget

from spinealign.domain.dicom_choices import DicomChoices, StatedPatient
from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.findings import Analysis, Corrections
from spinealign.domain.formats import DICOM
from spinealign.domain.measurements import Drawing
from spinealign.domain.reading import Reading
from spinealign.export.exporters import EXPORTERS
from spinealign.reading.findings import findings_of
from spinealign.ui.cases.case import UNFINISHED, Case
from spinealign.ui.cases.jobs import Outlines, Progress
from spinealign.ui.window.actions import Actions
from spinealign.ui.window.command_states import NO_RESULT
from spinealign.ui.window.dicom_patient_dialog import DicomPatientDialog
from spinealign.ui.window.patient_strip import PatientStrip
from spinealign.ui.work.services import TakenOver
from spinealign.ui.workbench import Workbench
from spinealign.wording import explain
from spinealign.wording.dicom_window import (
    OBJECT_FILTER,
    OBJECT_TITLE,
    REPORT_LABEL,
    SAYS_ITSELF,
    SIGNED_MESSAGE,
    TAKEN_OVER_LABEL,
    analysed_anew_message,
    report_message,
    taken_over_message,
)

if TYPE_CHECKING:
    from spinealign.dicom.beside import DescribedImages
    from spinealign.dicom.restoring import Restored
    from spinealign.dicom.restoring_report import RestoredReport

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
        actions.on("open_segmentation", self._ask_object)
        self._waiting: dict[Path, list[Path]] = {}
        bench.opener.object_met.connect(self.meet)
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

    def open_object(self, path: Path) -> None:
        """Take over what a segmentation or report has, in the background; it can be undone."""
        result, case = self._bench.current_analysis, self._bench.current
        if result is None or case is None:
            return
        if case.status in UNFINISHED:
            # What it says is held against the result that is being made.
            self._waiting.setdefault(result.image.source_path, []).append(path)
            return
        if self._bench.readings.is_signed:
            self._bench.messages.fail(SIGNED_MESSAGE)
            return
        restore = self._bench.services.restore
        choices = self.choices(result)

        def read() -> Generator[Progress, None, TakenOver]:
            yield Progress(OBJECT_TITLE, 0.2)
            return restore(result, path, choices)

        task = self._bench.files.submit(read)
        task.finished.connect(partial(self._take_over, path, result))

    def meet(self, path: Path) -> None:
        """Bring an object to the case of its image, which is opened if it lies beside it."""
        look = self._bench.services.described_images

        def read() -> Generator[Progress, None, DescribedImages]:
            yield Progress(OBJECT_TITLE, 0.1)
            return look(path)

        task = self._bench.files.submit(read)
        task.finished.connect(partial(self._go_on, path))

    def _go_on(self, path: Path, images: DescribedImages) -> None:
        case = next((one for one in self._bench.session.cases if _is_one_of(one, images)), None)
        if case is not None:
            self._bench.select(case)
            self.open_object(path)
        elif images.beside is not None:
            self._waiting.setdefault(images.beside, []).append(path)
            self._bench.opener.open_paths([images.beside])
        else:
            problem = ReadProblem.REPORT if images.is_report else ReadProblem.SEGMENTATION
            self._bench.messages.fail(explain(ImageReadError(path, problem)))

    def _take_waiting(self, result: Analysis | None) -> None:
        """Open the objects for which an image was opened, now that it is analysed."""
        case = self._bench.current
        if result is None or case is None or case.status in UNFINISHED:
            return
        paths = self._waiting.pop(result.image.source_path, [])
        for path in paths:
            self.open_object(path)

    def _take_over(self, path: Path, result: Analysis, found: TakenOver) -> None:
        now, case = self._bench.current_analysis, self._bench.current
        if now is None or case is None or now.image.sha256 != result.image.sha256:
            return  # another case is shown by now
        if found.report is not None and (now is not result or case.status in UNFINISHED):
            self.open_object(path)  # what was found has changed since it was compared
        elif found.report is not None:
            self._take_report(path, found.report)
        elif found.outlines is not None and found.needs_analysis:
            outlines = Outlines(path, self.choices(now))
            self._bench.session.analyse_outlined(case, outlines)
            self._bench.messages.notice(analysed_anew_message(path, found.outlines.is_own))
        elif found.outlines is not None:
            self._take_outlines(path, now, found.outlines)

    def _take_outlines(self, path: Path, now: Analysis, found: Restored) -> None:
        is_done = self._bench.editing.change(TAKEN_OVER_LABEL, lambda _: found.corrections)
        if is_done:
            kind = now.examination
            grades = kind is not None and kind.grades_discs
            message = taken_over_message(path, found.is_own, grades, found.other_view)
            self._bench.messages.notice(message)

    def _take_report(self, path: Path, report: RestoredReport) -> None:
        """Take over what was drawn, then what was decided and not decided on here."""
        readings = self._bench.readings
        told = report.analysis.corrections
        if report.drawn and told is not None:
            drawings = told.drawings
            self._bench.editing.change(REPORT_LABEL, lambda state: _with_drawn(state, drawings))
            readings.catch_up()
        shown = readings.shown
        decided = {} if shown is None else {one.key for one in shown.reading.decisions}
        wanted = {
            one.key: (one.decision, one.human)
            for one in report.reading.decisions
            if one.key not in decided
        }
        if wanted:
            readings.decide(wanted, REPORT_LABEL)
        if shown is not None and not shown.reading.impression.text.strip():
            self._take_impression(report, shown.reading)
        waiting = [one for one in findings_of(report.analysis) if one.key in report.differing]
        kept = len(report.reading.decisions) - len(wanted)
        message = report_message(path, report.drawn, len(wanted), waiting, kept)
        self._bench.messages.notice(message)

    def _take_impression(self, report: RestoredReport, shown: Reading) -> None:
        impression = report.reading.impression
        if impression.is_edited and impression.text.strip():
            self._bench.readings.write_impression(shown.image, impression.text)

    def _ask_object(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self._window, OBJECT_TITLE, self._bench.preferences.state.last_folder, OBJECT_FILTER
        )
        if name:
            self.open_object(Path(name).absolute())

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


def _with_drawn(state: Corrections, drawings: tuple[Drawing, ...]) -> Corrections:
    return replace(state, drawings=drawings)


def _is_one_of(case: Case, images: DescribedImages) -> bool:
    found = case.finding
    identifiers = None if found is None else found.analysis.image.dicom
    return identifiers is not None and identifiers.sop_instance_uid in images.uids


def _says_nothing(analysis: Analysis | None) -> bool:
    """Whether an image is no DICOM file, and so does not say whose it is."""
    return analysis is not None and analysis.image.file_format != DICOM.name
