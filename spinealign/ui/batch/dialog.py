"""Analyse many images: what and how, then how far it is and what failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, QUrl
from PyQt6.QtGui import QDesktopServices, QDragEnterEvent, QDropEvent, QPaintEvent
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.errors import SpineAlignError
from spinealign.ui.batch.choices_page import ChoicesPage
from spinealign.ui.batch.jobs import (
    MOST_FAILURES,
    Doors,
    Ended,
    Examinations,
    FailedBefore,
    NotRetrieved,
    Studies,
    Switches,
    Wanted,
    run_batch,
)
from spinealign.ui.manual.manual_window import explain as explain_page
from spinealign.ui.network.forms import Told, fit
from spinealign.ui.widgets.labels import offer, row_of, write_in_middle
from spinealign.ui.widgets.questions import ask
from spinealign.ui.work.messages import Messages
from spinealign.ui.work.tasks import Task, TaskRunner, Work
from spinealign.wording import explain
from spinealign.wording.batch import batch_begin_text, progress_text
from spinealign.wording.batch_window import (
    BACK,
    CLOSE_QUESTION,
    FAILURES,
    GO_ON,
    HEADINGS,
    LOCKED_MEANWHILE,
    NO_FAILURES,
    NO_GALLERY,
    PAUSE,
    PAUSING,
    PROGRESS,
    SHOW_FOLDER,
    SHOW_GALLERY,
    START,
    STARTING,
    STOP,
    STOPPED_RETRIEVING,
    STOPPING,
    TITLE,
    ended_text,
    looking_text,
    missing_text,
    paused_text,
    retrieved_text,
    study_of,
)

if TYPE_CHECKING:
    from spinealign.batch.run import Begun, Progress, Waits
    from spinealign.batch.sources import Retrieving
    from spinealign.batch.state import Row

_WIDTH_EM, _HEIGHT_EM = 120, 94
_CHOICES, _RUN = range(2)

RunBatch = Callable[[Wanted, Switches, Doors], Work]
"""As `jobs.run_batch`; tests put another one in its place."""


class FailureTable(QTableWidget):
    """Which images failed, why, and what to do; says what it is for while none did."""

    def __init__(self) -> None:
        super().__init__(0, len(HEADINGS))
        self.setAccessibleName(FAILURES)
        self.setAccessibleDescription(NO_FAILURES)
        self.setHorizontalHeaderLabels(HEADINGS)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setWordWrap(True)
        header, numbers = self.horizontalHeader(), self.verticalHeader()
        assert header is not None
        assert numbers is not None
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        numbers.setVisible(False)
        numbers.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Say what is named here while nothing is."""
        super().paintEvent(event)
        port = self.viewport()
        if not self.rowCount() and port is not None:
            write_in_middle(port, NO_FAILURES)

    def add(self, *texts: str) -> None:
        """Add a row, unless there are as many as are shown."""
        row = self.rowCount()
        if row < MOST_FAILURES:
            self.insertRow(row)
            for place, text in enumerate(texts):
                self.setItem(row, place, QTableWidgetItem(text))


class BatchDialog(QDialog):
    """Two pages: the choices, and the run. It stays open beside the window while it works.

    Parameters
    ----------
    runner : TaskRunner
        Of its own: a batch takes hours.
    messages : Messages
        Of failures that were not to be expected.
    """

    def __init__(self, runner: TaskRunner, messages: Messages, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(TITLE)
        self.setAcceptDrops(True)
        explain_page(self, "batch")
        self._runner, self._messages = runner, messages
        self.run_batch: RunBatch = run_batch
        self._task: Task | None = None
        self._switches = Switches()
        self._said = ""
        self._wanted: Wanted | None = None
        self._missing: list[tuple[str, str, str]] = []
        self._is_locked = False
        self.may_run: Callable[[Wanted], bool] = lambda _: True
        """Whether a batch may be run; where not, it said why."""
        self.doors: Callable[[], Doors] = Doors
        self.choices = ChoicesPage()
        self.failures = FailureTable()
        self.progress, self.told = QProgressBar(), Told()
        self.start, self.stop, self.pause = (
            QPushButton(START),
            QPushButton(STOP),
            QPushButton(PAUSE),
        )
        self.back, self.close_button = QPushButton(BACK), QPushButton("Close")
        self.show_folder, self.show_gallery = QPushButton(SHOW_FOLDER), QPushButton(SHOW_GALLERY)
        self.pages = QStackedWidget()
        self._lay_out()
        self._connect()
        self._follow()
        fit(self, _WIDTH_EM, _HEIGHT_EM)

    # Its parts

    def _lay_out(self) -> None:
        self.start.setProperty("primary", "true")
        self.progress.setAccessibleName(PROGRESS)
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(self.fontMetrics().height())
        self.pages.addWidget(self.choices)
        self.pages.addWidget(self._run_page())
        column = QVBoxLayout(self)
        column.addWidget(self.pages, 1)
        column.addWidget(self.told)
        buttons = row_of(
            self.show_gallery, self.show_folder, None, self.pause, self.stop, self.back,
            self.start, self.close_button,
        )  # fmt: skip
        column.addLayout(buttons)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)

    def _run_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.progress)
        column.addWidget(self.failures, 1)
        return page

    def _connect(self) -> None:
        self.choices.changed.connect(self._follow)
        self.start.clicked.connect(self.begin)
        self.stop.clicked.connect(self.end)
        self.pause.clicked.connect(self._pause_or_go_on)
        self.back.clicked.connect(self._go_back)
        self.close_button.clicked.connect(self.reject)
        self.show_folder.clicked.connect(self._show_folder)
        self.show_gallery.clicked.connect(self._show_gallery)

    @property
    def is_busy(self) -> bool:
        """Whether images are being analysed."""
        return self._task is not None

    def add(self, inputs: Sequence[Path | Studies | Examinations]) -> None:
        """Add files and folders, studies of a PACS, or examinations of the archive."""
        self.choices.add(inputs)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take files and folders that are dropped while the choices are shown."""
        data = None if event is None else event.mimeData()
        if event is not None and data is not None and data.hasUrls() and not self._is_run_shown:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Add what was dropped."""
        data = None if event is None else event.mimeData()
        if data is not None:
            self.add([Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()])

    @property
    def _is_run_shown(self) -> bool:
        return self.pages.currentIndex() == _RUN

    def _follow(self) -> None:
        is_run, is_busy = self._is_run_shown, self.is_busy
        offer(self.start, self.choices.missing)
        self.start.setVisible(not is_busy)
        for button in (self.stop, self.pause):
            button.setVisible(is_busy)
        self.back.setVisible(is_run and not is_busy)
        for button in (self.show_folder, self.show_gallery):
            button.setVisible(is_run)
        has_gallery = self._wanted is not None and self._gallery_path.exists()
        offer(self.show_gallery, "" if has_gallery else NO_GALLERY)
        self.progress.setVisible(is_run)
        self.pause.setText(GO_ON if self._switches.pause.is_set() else PAUSE)

    # The run

    def begin(self) -> None:
        """Start, or go on with what the folder holds."""
        if self.is_busy or not self.start.isEnabled():
            return
        wanted = self._wanted = self.choices.wanted
        if not self.may_run(wanted):
            return
        self._switches, self._said = Switches(), ""
        self._missing, self._is_locked = [], False
        self.failures.setRowCount(0)
        self.progress.setRange(0, 0)
        self.pages.setCurrentIndex(_RUN)
        task = self._task = self._runner.submit(
            partial(self.run_batch, wanted, self._switches, self.doors()), self._fail
        )
        task.progressed.connect(self._show_progress)
        task.finished.connect(self._show_end)
        task.cancelled.connect(self._end)
        self.told.say(STARTING, "muted")
        self._follow()
        self.stop.setFocus()

    def end(self) -> None:
        """Stop; what is done stays, and its tables are written."""
        if self.is_busy:
            self._switches.end()
            self.stop.setEnabled(False)
            self.pause.setEnabled(False)
            self.told.say(STOPPING, "muted")

    def lock(self) -> None:
        """Stop what reads the archive, which is being locked: its workers hold the key."""
        if self._wanted is not None and self._wanted.examinations and self.is_busy:
            self._is_locked = True
            self.end()

    def _pause_or_go_on(self) -> None:
        pause = self._switches.pause
        if pause.is_set():
            pause.clear()
            self.told.say(self._said, "muted")
        else:
            pause.set()
            self.told.say(PAUSING, "muted")
        self._follow()

    def _show_progress(
        self,
        progress: int | Begun | FailedBefore | Progress | Waits | Retrieving | NotRetrieved,
    ) -> None:
        from spinealign.batch.run import Begun, Waits
        from spinealign.batch.sources import Retrieving

        is_asked = self._switches.stop.is_set()
        if isinstance(progress, int):
            said = looking_text(progress)
        elif isinstance(progress, NotRetrieved):
            self._missing.append((study_of(progress.node), *progress.words))
            self.failures.add(*self._missing[-1])
            return
        elif isinstance(progress, FailedBefore):
            self._show_failed(progress.rows)
            return
        elif isinstance(progress, Retrieving):
            self.progress.setRange(0, progress.total)
            self.progress.setValue(progress.done)
            said = retrieved_text(progress.done, progress.total)
        elif isinstance(progress, Begun):
            self.progress.setRange(0, progress.total)
            self.progress.setValue(progress.ended)
            said = batch_begin_text(**asdict(progress))
        elif isinstance(progress, Waits):
            said = paused_text(self._said) if self._switches.pause.is_set() else self._said
            if not is_asked:
                self.told.say(said, "muted")
            return
        else:
            self._show_image(progress)
            said = progress_text(
                progress.ended, progress.total, progress.failed, progress.ended_now,
                progress.seconds,
            )  # fmt: skip
        self._said = said
        if not is_asked and not self._switches.pause.is_set():
            self.told.say(said, "muted")

    def _show_image(self, progress: Progress) -> None:
        from spinealign.batch.state import ItemStatus

        self.progress.setValue(progress.ended)
        outcome = progress.outcome
        if outcome.status is ItemStatus.FAILED:
            self.failures.add(progress.path.name, outcome.sentence, outcome.advice)

    def _show_failed(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self.failures.add(row.path.name, row.sentence, row.advice)

    def _show_end(self, ended: Ended) -> None:
        self._end()
        counts = ended.counts
        if counts is None:
            self.told.say(STOPPED_RETRIEVING, "warning")
            return
        self.failures.setRowCount(0)
        for row in self._missing:
            self.failures.add(*row)
        # Those as well that were refused while they were looked for, or failed in an earlier run.
        self._show_failed(ended.failures)
        total = counts.waiting + counts.done + counts.refused + counts.failed
        self.progress.setRange(0, max(1, total))
        self.progress.setValue(total - counts.waiting)
        said = ended_text(counts.done, counts.refused, counts.failed, counts.waiting)
        if self._is_locked:
            said = f"{said} {LOCKED_MEANWHILE}"
        said += missing_text(len(self._missing))
        is_good = not (counts.waiting or counts.failed or self._missing)
        self.told.say(said, "good" if is_good else "warning")

    def _end(self) -> None:
        self._task = None
        self.stop.setEnabled(True)
        self.pause.setEnabled(True)
        self._switches.pause.clear()
        self._follow()

    def _fail(self, error: Exception) -> None:
        """Offer all again, and say why it ended."""
        self._end()
        self._go_back()
        if isinstance(error, SpineAlignError):
            message = explain(error)
            self.told.say(f"{message.sentence} {message.advice}", "danger")
        else:
            self._messages.report(error)

    def _go_back(self) -> None:
        self.pages.setCurrentIndex(_CHOICES)
        self.told.say("")
        self._follow()

    # What came of it

    @property
    def _gallery_path(self) -> Path:
        from spinealign.batch.state import GALLERY_NAME

        assert self._wanted is not None
        return self._wanted.out / GALLERY_NAME

    def _show_folder(self) -> None:
        assert self._wanted is not None
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._wanted.out)))

    def _show_gallery(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._gallery_path)))

    def reject(self) -> None:
        """Close, by Esc or however; while images are analysed ask first."""
        if self.is_busy:
            ask(self, CLOSE_QUESTION, self._stop_and_close)
        else:
            super().reject()

    def _stop_and_close(self) -> None:
        if self._task is None:
            self.reject()
            return
        self._task.ended.connect(self.reject)
        self.end()
