"""Saving results: result folders, single files, clipboard."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QObject, QUrl, pyqtSignal
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import QApplication, QFileDialog, QWidget

from spinealign import wording
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.findings import Analysis
from spinealign.domain.reading import Reading
from spinealign.domain.report_details import LeftOutReading, PictureLayers, ReportDetails
from spinealign.export.exporters import (
    CSV,
    DICOM_OBJECT,
    EXPORTERS,
    HTML,
    JSON,
    OVERLAY,
    PDF,
    PNG,
    FileType,
)
from spinealign.reading.decisions import told_decision
from spinealign.ui.cases.jobs import (
    make_report,
    result_stem,
    write_file,
    write_results,
)
from spinealign.ui.settings.letterhead import institution
from spinealign.ui.settings.preferences import Preferences
from spinealign.ui.work.messages import Messages
from spinealign.ui.work.services import Services
from spinealign.ui.work.tasks import Task, TaskRunner, Work
from spinealign.wording import Message
from spinealign.wording.finding_text import finding_text, reading_text
from spinealign.wording.report import NOT_READ

if TYPE_CHECKING:
    from spinealign.export.case_table import CaseRow


@dataclass(frozen=True)
class SavedFile:
    """What the dialog asks for."""

    title: str
    file_name: str
    file_type: FileType


_OTHER_NAMES = {".htm": ".html", ".jpg": ".png", ".jpeg": ".png"}
"""Suffixes that people type for one of ours."""


def with_suffix_of(path: Path, kind: FileType) -> Path:
    """Return a chosen name whose suffix does not promise another type of file.

    A suffix is appended where there is none or that of another type of ours; the file that then
    gets this name must not be there yet, because nobody was asked whether to replace it.
    """
    suffixes = {one.suffix for one in (CSV, DICOM_OBJECT, HTML, JSON, PDF, PNG)}
    given = path.suffix.lower()
    given = _OTHER_NAMES.get(given, given)
    if given == kind.suffix or (given and given not in suffixes):
        return path
    wanted = path.with_name(f"{path.name}{kind.suffix}")
    numbers = itertools.count(2)
    while given and wanted.exists():
        wanted = path.with_name(f"{path.name} ({next(numbers)}){kind.suffix}")
    return wanted


FailedToPassOn = Callable[[Sequence[Analysis], BaseException | None], object]

ReadingOf = Callable[[Analysis], tuple[Reading | None, LeftOutReading | None]]

CASE_TABLE = SavedFile("Export one table of the selected cases", "cases.csv", CSV)
COMPARISON_TABLE = SavedFile("Save comparison", "comparison.csv", CSV)
COMPARISON_PAGES = SavedFile("Save comparison", "comparison.pdf", PDF)
COURSE_TABLE = SavedFile("Save course", "course.csv", CSV)
COURSE_PAGES = SavedFile("Save course", "course.pdf", PDF)
COURSE_PICTURE = SavedFile("Save drawn course", "course.png", PNG)
MOTION_TABLE = SavedFile("Save flexion and extension", "flexion_extension.csv", CSV)
MOTION_PAGES = SavedFile("Save flexion and extension", "flexion_extension.pdf", PDF)


class ReportPatient(Enum):
    """Whether a report says whose it is."""

    NAMED = "with patient data"
    UNKNOWN = ""
    HIDDEN = "without patient data"
    DEIDENTIFIED = "de-identified"

    @property
    def words(self) -> str:
        """What the question for the file says of it; nothing where there is no name."""
        return "without patient data" if self.is_left_out else self.value

    @property
    def is_left_out(self) -> bool:
        """Whether the report is de-identified."""
        return self in (ReportPatient.HIDDEN, ReportPatient.DEIDENTIFIED)

    @property
    def is_asked_for(self) -> bool:
        """Whether the user asked for a de-identified one."""
        return self is ReportPatient.DEIDENTIFIED


class Saver(QObject):
    """Asks where to, and writes in the background.

    `reading_of` tells the reading of an analysis, and `appended_to` the sections on other
    examinations, for reports; `layers_of` what of it is on the screen, None where it is not;
    `may_pass_on` whether results of images may leave the program; `failed_to_pass_on` is told
    where they then could not be written, with the error, or None where it was stopped.
    """

    progressed = pyqtSignal(object)
    saved = pyqtSignal(object)
    ended = pyqtSignal()

    def __init__(
        self,
        services: Services,
        runner: TaskRunner,
        preferences: Preferences,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._messages = messages
        self._services = services
        self._runner = runner
        self._preferences = preferences
        self.reading_of: ReadingOf = lambda _: (None, None)
        self.appended_to: Callable[[Analysis], dict[str, Any]] = lambda _: {}
        self.layers_of: Callable[[Analysis], PictureLayers | None] = lambda _: None
        self.may_pass_on: Callable[[Sequence[Analysis]], bool] = lambda _: True
        self.failed_to_pass_on: FailedToPassOn = lambda *_: None

    def save_results(
        self, analyses: Sequence[Analysis], asking: QWidget, left_out: int = 0
    ) -> None:
        """Ask for a folder and write everything about these analyses below it.

        The question stands in front of the window `asking`.
        `left_out` counts results that are no longer in memory; the user is told.
        """
        name = QFileDialog.getExistingDirectory(
            asking, "Save results below this folder", self._start_folder()
        )
        if not name or not analyses or not self.may_pass_on(analyses):
            return
        folder = Path(name)
        self._preferences.note(last_export_folder=str(folder))
        told = [self.report_details(analysis, ReportPatient.UNKNOWN) for analysis in analyses]
        work = partial(write_results, self._services, analyses, told, folder)
        self._write(work, analyses, left_out)

    def save_part(self, analysis: Analysis, kind: str, asking: QWidget) -> None:
        """Ask for a file and write one kind of result to it; an overlay as the screen shows it."""
        write = partial(self._services.write_one, analysis, kind)
        layers = self.layers_of(analysis) if kind == OVERLAY else None
        if layers is not None:
            write = partial(self._services.write_picture, analysis, kind, layers)
        exporter = EXPORTERS[kind]
        wanted = SavedFile(exporter.title, exporter.file_name, exporter.file_type)
        self._write_file(self._ask_file(wanted, analysis, asking), write, analysis)

    def save_report(
        self, analysis: Analysis, kind: str, whose: ReportPatient, asking: QWidget
    ) -> None:
        """Ask for a file and write a report to it; the question says what becomes of the name."""
        exporter, details = EXPORTERS[kind], self.report_details(analysis, whose)
        title = f"{exporter.title} {whose.words}".rstrip()
        name = f"deidentified_{exporter.file_name}" if whose.is_asked_for else exporter.file_name
        wanted = SavedFile(title, name, exporter.file_type)
        write = partial(self._services.write_report, analysis, kind, details)
        # The name of an image may be that of a patient.
        stem = f"image_{analysis.image.sha256[:12]}" if whose.is_left_out else ""
        self._write_file(self._ask_file(wanted, analysis, asking, stem), write, analysis)

    def save_dicom(
        self,
        analysis: Analysis,
        kind: str,
        whose: ReportPatient,
        choices: DicomChoices,
        asking: QWidget,
    ) -> None:
        """Ask for a file and write a DICOM object to it, which says whose image it is."""
        exporter = EXPORTERS[kind]
        wanted = SavedFile(exporter.title, exporter.file_name, exporter.file_type)
        details = replace(self.report_details(analysis, whose), dicom=choices)
        write = partial(self._services.write_report, analysis, kind, details)
        self._write_file(self._ask_file(wanted, analysis, asking), write, analysis)

    def preview_report(
        self, analysis: Analysis, whose: ReportPatient, show: Callable[[bytes], object]
    ) -> Task:
        """Make the report's PDF in the background and hand it to `show`."""
        details = self.report_details(analysis, whose)
        task = self._runner.submit(partial(make_report, self._services, analysis, details))
        task.finished.connect(show)
        return task

    def report_details(self, analysis: Analysis, whose: ReportPatient) -> ReportDetails:
        """Return reading and letterhead for a report; the patient is read when it is written."""
        reading, left_out = self.reading_of(analysis)
        return ReportDetails(
            reading=reading,
            left_out=left_out,
            institution=institution(self._preferences),
            is_deidentified=whose.is_left_out,
            layout=self._preferences.settings.report_layout,
            layers=self.layers_of(analysis),
            **self.appended_to(analysis),
        )

    def save_table(self, rows: Sequence[CaseRow], asking: QWidget, left_out: int = 0) -> None:
        """Ask for a file and write one table of several cases, a row each.

        `left_out` counts results that are no longer in memory; the user is told.
        """
        path = self._ask_file(CASE_TABLE, None, asking) if rows else None
        if path is not None and self.may_pass_on(()):
            write = partial(self._services.write_case_table, rows)
            self._write(lambda: write_file(path, write), (), left_out)

    def save_as(
        self,
        wanted: SavedFile,
        analysis: Analysis,
        asking: QWidget,
        write: Callable[[Path], object],
    ) -> None:
        """Ask for a file, proposed after an analysis, and let `write` write it."""
        self._write_file(self._ask_file(wanted, analysis, asking), write, analysis)

    def _write_file(
        self, path: Path | None, write: Callable[[Path], object], analysis: Analysis
    ) -> None:
        if path is not None and self.may_pass_on([analysis]):
            self._write(lambda: write_file(path, write), [analysis])

    def _ask_file(
        self, wanted: SavedFile, analysis: Analysis | None, asking: QWidget, stem: str = ""
    ) -> Path | None:
        stem = stem or ("" if analysis is None else result_stem(analysis.image))
        kind, name = wanted.file_type, f"{stem}_{wanted.file_name}".removeprefix("_")
        proposed = str(Path(self._start_folder()) / name)
        name, _ = QFileDialog.getSaveFileName(
            asking, wanted.title, proposed, f"{kind.title} (*{kind.suffix});;All files (*)"
        )
        if not name:
            return None
        path = with_suffix_of(Path(name), kind)
        self._preferences.note(last_export_folder=str(path.parent))
        return path

    def copy_finding(self, analysis: Analysis) -> None:
        """Put the reading on the clipboard as text; without one what the program found."""
        clipboard = QApplication.clipboard()
        if clipboard is None or not self.may_pass_on([analysis]):
            return
        reading, _ = self.reading_of(analysis)
        if reading is None or not (reading.decisions or reading.impression.text.strip()):
            clipboard.setText(f"{NOT_READ}\n\n{finding_text(analysis)}")
            self._messages.tell("The findings of the program were copied as text")
            return
        told = reading.statements or tuple(map(told_decision, reading.decisions))
        clipboard.setText(reading_text(analysis, reading, told))
        is_signed = reading.signed_utc is not None
        what = "The signed reading" if is_signed else "The reading, which is not signed,"
        self._messages.tell(f"{what} was copied as text")

    def _start_folder(self) -> str:
        return self._preferences.state.last_export_folder or self._preferences.state.last_folder

    def _write(
        self, start: Callable[[], Work], analyses: Sequence[Analysis], left_out: int = 0
    ) -> None:
        task = self._runner.submit(start)
        task.failed.connect(lambda error: self.failed_to_pass_on(analyses, error))
        task.cancelled.connect(lambda: self.failed_to_pass_on(analyses, None))
        task.progressed.connect(self.progressed)
        task.finished.connect(lambda written: self._saved(written, left_out))
        task.ended.connect(self.ended)

    def _saved(self, written: Sequence[Path], left_out: int) -> None:
        message = saved_message(written, left_out)
        self._messages.notice(message, "Show in folder", partial(show_folder, written))
        self.saved.emit(written)


def saved_message(written: Sequence[Path], left_out: int) -> Message:
    """Word what was written and where, and what was not."""
    name = wording.display_name(written[0])
    sentence = f"Saved “{name}”." if len(written) == 1 else f"{len(written)} results were saved."
    place = wording.safe_text(str(written[0].parent))
    if not left_out:
        return Message(sentence, place)
    which = "1 result was" if left_out == 1 else f"{left_out} results were"
    return Message(
        f"{sentence} {which} not saved, because there was no room to keep all in memory.",
        f"{place}. Select a case to analyse and save it again, or analyse the whole folder with "
        "the command “spinealign analyze”.",
    )


def show_folder(written: Sequence[Path]) -> None:
    """Open the file manager where results were written."""
    target = written[0] if written[0].is_dir() and len(written) == 1 else written[0].parent
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(target)))
