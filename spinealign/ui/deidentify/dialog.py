"""De-identify: images and options, a look at the text in the pictures, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QDir, Qt, QTemporaryDir, QUrl
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import (
    QDialog,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.errors import DeidentificationProblem, SpineAlignError
from spinealign.domain.findings import Step
from spinealign.ui.deidentify import jobs
from spinealign.ui.deidentify.choices_page import ChoicesPage
from spinealign.ui.deidentify.review_page import ReviewPage
from spinealign.ui.manual.manual_window import explain as explain_page
from spinealign.ui.network.forms import Told, fit
from spinealign.ui.widgets.labels import offer, row_of
from spinealign.ui.work.messages import Messages
from spinealign.ui.work.services import Away
from spinealign.ui.work.tasks import Task, TaskRunner, Work
from spinealign.wording import explain
from spinealign.wording.deidentification import summary_lines
from spinealign.wording.deidentify_window import (
    BACK,
    LEFT_OUT,
    LOOK,
    LOOK_AGAIN,
    LOOKING,
    RUN,
    SHOW_FOLDER,
    STOP,
    TITLE,
    WRITING,
)

if TYPE_CHECKING:
    from spinealign.deidentification.report import Report

_WIDTH_EM, _HEIGHT_EM = 150, 100
_CHOICES, _REVIEW, _REPORT = range(3)
_ACCEPTED_HELPS = (DeidentificationProblem.TEXT_FOUND, DeidentificationProblem.TEXT_STATED)


FailedToWrite = Callable[[Sequence[Path], BaseException | None], object]
"""Of which files, and why; None where it was stopped."""


class DeidentifyDialog(QDialog):
    """Three pages: what and how, a look at the pictures, and the report.

    Parameters
    ----------
    runner : TaskRunner
        Where the work is done.
    messages : Messages
        Of failures that were not to be expected.
    profile : Path
        Where the key of the pseudonyms lies.
    open_files : sequence of Path
        Of the cases that are open.
    """

    def __init__(
        self, runner: TaskRunner, messages: Messages, profile: Path, open_files: Sequence[Path],
        parent: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(TITLE)
        explain_page(self, "deidentify")
        self._runner, self._messages, self._profile = runner, messages, profile
        self._task: Task | None = None
        self.may_write: Callable[[Sequence[Path]], bool] = lambda _: True
        self.failed_to_write: FailedToWrite = lambda *_: None
        """Whether copies may be made of files and folders; where not, it said why."""
        self.away: Away = lambda function, *arguments: function(*arguments)
        """Runs what decodes files from outside: elsewhere, if there is a place for that."""
        self._folder = QTemporaryDir(f"{QDir.tempPath()}/spinealign-look-XXXXXX")
        self._out: Path | None = None
        self.choices, self.review = ChoicesPage(open_files), ReviewPage()
        self.report, self.show_folder = QTextBrowser(), QPushButton(SHOW_FOLDER)
        self.back, self.go_on = QPushButton(BACK), QPushButton(LOOK)
        self.go_on.setProperty("primary", "true")
        self.stop, self.close_button = QPushButton(STOP), QPushButton("Close")
        self.told, self.progress = Told(), QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(self.fontMetrics().height())
        self.pages = QStackedWidget()
        for page in (self.choices, self.review, self._report_page()):
            self.pages.addWidget(page)
        self._lay_out()
        self._connect()
        self._follow()
        fit(self, _WIDTH_EM, _HEIGHT_EM)

    # Its parts

    def _report_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        self.report.setAccessibleName("Report")
        column.addWidget(self.report, 1)
        column.addLayout(row_of(self.show_folder, None))
        return page

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.addWidget(self.pages, 1)
        column.addWidget(self.told)
        column.addLayout(
            row_of(self.progress, None, self.stop, self.back, self.go_on, self.close_button)
        )
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)

    def _connect(self) -> None:
        self.choices.changed.connect(self._follow)
        self.review.changed.connect(self._follow)
        self.go_on.clicked.connect(self.run_next)
        self.back.clicked.connect(self._go_back)
        self.stop.clicked.connect(self.run_stop)
        self.close_button.clicked.connect(self.reject)
        self.show_folder.clicked.connect(self._show_folder)
        self.finished.connect(self._clean_up)

    def add(self, paths: Sequence[Path]) -> None:
        """Add files and folders."""
        self.choices.add(paths)

    def _follow(self) -> None:
        place, is_busy = self.pages.currentIndex(), self._task is not None
        self.go_on.setText(LOOK if place == _CHOICES else RUN)
        offer(self.go_on, self.choices.missing if place == _CHOICES else "")
        if is_busy:
            self.go_on.setEnabled(False)
        self.go_on.setVisible(place < _REPORT)
        self.back.setVisible(place > _CHOICES)
        self.back.setEnabled(not is_busy)
        self.stop.setVisible(is_busy)
        self.progress.setVisible(is_busy)
        self.pages.setEnabled(not is_busy)
        if place == _REVIEW and not is_busy:
            self.told.say(*self.review.said)

    # Looking and writing

    def run_next(self) -> None:
        """Look for text, or, after the look, write the copies."""
        if self._task is not None or not self.go_on.isEnabled():
            return
        out = self._out = self.choices.out
        inputs = tuple(self.choices.inputs)
        if self.pages.currentIndex() == _CHOICES:
            folder = Path(self._folder.path())
            look = partial(self.away, jobs.look_through, inputs, out, folder)
            self._begin(LOOKING, look, self._review)
            return
        if not self.may_write(inputs):
            return
        review = jobs.review_of(self.review.pictures)
        options = self.choices.chosen_options
        work = partial(jobs.deidentify, self.away, inputs, out, options, self._profile, review)
        task = self._begin(WRITING, work, self._show_report)
        task.failed.connect(partial(self.failed_to_write, inputs))
        task.cancelled.connect(partial(self.failed_to_write, inputs, None))

    def _review(self, pictures: list[jobs.Picture]) -> None:
        self.pages.setCurrentIndex(_REVIEW)
        self.review.show_pictures(pictures)
        self._follow()

    def _go_back(self) -> None:
        self.pages.setCurrentIndex(self.pages.currentIndex() - 1)
        self.told.say("")
        self._follow()

    def _show_report(self, report: Report) -> None:
        left_out = len(report.failures) - report.held_back
        lines = summary_lines(report.written, report.held_back, left_out, str(report.out))
        if report.failures:
            lines += ["", LEFT_OUT]
        for error in report.failures:
            message = explain(error)
            advice = LOOK_AGAIN if error.problem in _ACCEPTED_HELPS else message.advice
            lines.append(f"{message.sentence} {advice}")
        lines += ["", f"DICOM {report.file.table}", *report.file.method, ""]
        lines += [f"{c.count} x {c.tag} {c.name}: {c.action}" for c in report.file.changes]
        self.report.setPlainText("\n".join(lines))
        self.pages.setCurrentIndex(_REPORT)
        self.told.say("")
        self._follow()
        self.close_button.setFocus()

    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._out)))

    # The work

    def _begin(self, words: str, work: Callable[[], Work], take: Callable[..., None]) -> Task:
        task = self._task = self._runner.submit(work, self._fail)
        task.progressed.connect(self._show_progress)
        task.finished.connect(partial(self._take, task, take))
        task.cancelled.connect(partial(self._end, task))
        self.finished.connect(task.cancel)
        self.progress.setRange(0, 1000)
        self.progress.setValue(0)
        self._follow()
        self.told.say(words, "muted")
        return task

    def _take(self, task: Task, take: Callable[..., None], result: object) -> None:
        self._end(task)
        take(result)

    def _show_progress(self, progress: object) -> None:
        fraction = progress.fraction if isinstance(progress, Step) else progress
        if isinstance(fraction, float):
            self.progress.setValue(round(1000 * fraction))

    def run_stop(self) -> None:
        """Stop; copies that are written stay."""
        if self._task is not None:
            self._task.cancel()

    def _end(self, task: Task) -> None:
        if self._task is task:
            self._task = None
            self._follow()

    def _fail(self, error: Exception) -> None:
        """Offer all again, and say why it ended."""
        self._task = None
        self._follow()
        if isinstance(error, SpineAlignError):
            message = explain(error)
            self.told.say(f"{message.sentence} {message.advice}", "danger")
        else:
            self._messages.report(error)

    def _clean_up(self) -> None:
        """Delete the pictures that were looked at: they show what is burned in."""
        self._folder.remove()
