"""De-identify: images and options, a look at the text in the pictures, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QDir, Qt, QTemporaryDir, QUrl
from PyQt6.QtGui import QDesktopServices, QPixmap
from PyQt6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from spinealign.deidentification.options import Dates, Options
from spinealign.domain.errors import DeidentificationProblem, SpineAlignError
from spinealign.domain.findings import Step
from spinealign.ui.deidentify import jobs
from spinealign.ui.deidentify.box_editor import BoxEditor
from spinealign.ui.manual.manual_window import explain as explain_page
from spinealign.ui.network.forms import Told, choice, fit
from spinealign.ui.widgets.labels import offer, wrapped_label
from spinealign.ui.work.messages import Messages
from spinealign.ui.work.tasks import Task, TaskRunner, Work
from spinealign.wording import explain
from spinealign.wording.deidentification import summary_lines
from spinealign.wording.deidentify_window import (
    ACCEPT,
    ADD_BOX,
    ADD_CASES,
    ADD_FILES,
    ADD_FOLDER,
    ASK_TARGET,
    BACK,
    BROWSE,
    DATE_WORDS,
    DATES_LABEL,
    DELETE_BOX,
    INTRODUCTION,
    KEY_NOTE,
    LEFT_OUT,
    LOOK,
    LOOK_AGAIN,
    LOOKING,
    NEEDS_SOURCES,
    NEEDS_TARGET,
    NO_BOX,
    NO_OPEN_CASES,
    NO_PICTURES,
    NOTHING_CHOSEN,
    OPTION_WORDS,
    PICTURES,
    REMOVE,
    REVIEW_INTRODUCTION,
    RUN,
    SHOW_FOLDER,
    SOURCES,
    STOP,
    TARGET,
    TITLE,
    UNSEEN_PICTURE,
    WRITING,
    decided_text,
    picture_row,
    source_text,
)

if TYPE_CHECKING:
    from spinealign.deidentification.report import Report

_WIDTH_EM, _HEIGHT_EM, _LIST_EM = 150, 100, 26
_FEWEST_ROWS = 5

_ACCEPTED_HELPS = (DeidentificationProblem.TEXT_FOUND, DeidentificationProblem.TEXT_STATED)


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
        self._open_files = tuple(open_files)
        self._inputs: list[Path] = []
        self.pictures: list[jobs.Picture] = []
        self._task: Task | None = None
        self._folder = QTemporaryDir(f"{QDir.tempPath()}/spinealign-look-XXXXXX")
        self._out: Path | None = None
        self._make_parts()
        self.pages = QStackedWidget()
        for page in (self._choices_page(), self._review_page(), self._report_page()):
            self.pages.addWidget(page)
        self._lay_out()
        self._connect()
        self._follow()
        fit(self, _WIDTH_EM, _HEIGHT_EM)

    # Its parts

    def _make_parts(self) -> None:
        self.sources = QListWidget()
        self.sources.setAccessibleName(SOURCES)
        self.sources.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.sources.setObjectName("settingsPages")
        self.add_files, self.add_folder = QPushButton(ADD_FILES), QPushButton(ADD_FOLDER)
        self.add_cases, self.remove = QPushButton(ADD_CASES), QPushButton(REMOVE)
        self.target, self.browse = QLineEdit(), QPushButton(BROWSE)
        self.target.setAccessibleName(TARGET)
        self.dates = choice({each: DATE_WORDS[each.value] for each in Dates})
        self.options = {name: QCheckBox(words) for name, words in OPTION_WORDS.items()}
        self.list, self.editor = QListWidget(), BoxEditor()
        self.list.setAccessibleName(PICTURES)
        self.list.setObjectName("settingsPages")
        self.accept_one = QPushButton(ACCEPT)
        self.add_box, self.delete_box = QPushButton(ADD_BOX), QPushButton(DELETE_BOX)
        self.report = QTextBrowser()
        self.show_folder = QPushButton(SHOW_FOLDER)
        self.back, self.go_on = QPushButton(BACK), QPushButton(LOOK)
        self.go_on.setProperty("primary", "true")
        self.stop, self.close_button = QPushButton(STOP), QPushButton("Close")
        self.told, self.progress = Told(), QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(self.fontMetrics().height())

    def _choices_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(wrapped_label(INTRODUCTION, "muted"))
        column.addWidget(self.sources, 1)
        column.addLayout(_row(self.add_files, self.add_folder, self.add_cases, self.remove, None))
        label = QLabel(TARGET)
        label.setBuddy(self.target)
        where = QHBoxLayout()
        where.addWidget(label)
        where.addWidget(self.target, 1)
        where.addWidget(self.browse)
        column.addLayout(where)
        dates = QLabel(DATES_LABEL)
        dates.setBuddy(self.dates)
        when = QHBoxLayout()
        when.addWidget(dates)
        when.addWidget(self.dates, 1)
        column.addLayout(when)
        boxes = list(self.options.values())
        halves = QHBoxLayout()
        for half in (boxes[:4], boxes[4:]):
            ticks = QVBoxLayout()
            for box in half:
                ticks.addWidget(box)
            ticks.addStretch(1)
            halves.addLayout(ticks)
        column.addLayout(halves)
        column.addWidget(wrapped_label(KEY_NOTE, "muted"))
        self.sources.setMinimumHeight(_FEWEST_ROWS * self.fontMetrics().lineSpacing())
        scroll = QScrollArea()
        scroll.setProperty("plain", "true")
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidgetResizable(True)
        scroll.setWidget(page)
        return scroll

    def _review_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(wrapped_label(REVIEW_INTRODUCTION, "muted"))
        row = QHBoxLayout()
        self.list.setFixedWidth(_LIST_EM * self.fontMetrics().averageCharWidth())
        row.addWidget(self.list)
        row.addWidget(self.editor, 1)
        column.addLayout(row, 1)
        column.addLayout(_row(self.add_box, self.delete_box, None, self.accept_one))
        return page

    def _report_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        self.report.setAccessibleName("Report")
        column.addWidget(self.report, 1)
        column.addLayout(_row(self.show_folder, None))
        return page

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.addWidget(self.pages, 1)
        column.addWidget(self.told)
        column.addLayout(
            _row(self.progress, None, self.stop, self.back, self.go_on, self.close_button)
        )
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)

    def _connect(self) -> None:
        self.add_files.clicked.connect(self._ask_files)
        self.add_folder.clicked.connect(self._ask_folder)
        self.add_cases.clicked.connect(lambda: self.add(self._open_files))
        self.remove.clicked.connect(self._remove)
        self.browse.clicked.connect(self._ask_target)
        self.target.textChanged.connect(self._follow)
        self.sources.itemSelectionChanged.connect(self._follow)
        self.list.currentRowChanged.connect(self._show_picture)
        self.editor.changed.connect(self._take_boxes)
        self.editor.accepted.connect(self.run_accept)
        self.add_box.clicked.connect(self.editor.add_box)
        self.delete_box.clicked.connect(self.editor.delete_box)
        self.accept_one.clicked.connect(self.run_accept)
        self.go_on.clicked.connect(self.run_next)
        self.back.clicked.connect(self._go_back)
        self.stop.clicked.connect(self.run_stop)
        self.close_button.clicked.connect(self.reject)
        self.show_folder.clicked.connect(self._show_folder)
        self.finished.connect(self._clean_up)

    # What is chosen

    def add(self, paths: Sequence[Path]) -> None:
        """Add files and folders."""
        self._inputs = list(dict.fromkeys([*self._inputs, *paths]))
        self._show_sources()

    @property
    def chosen_options(self) -> Options:
        """What is kept."""
        kept: dict[str, Any] = {name: box.isChecked() for name, box in self.options.items()}
        return Options(dates=self.dates.currentData(), **kept)

    def _show_sources(self) -> None:
        self.sources.clear()
        self.sources.addItems([source_text(str(path)) for path in self._inputs])
        self._follow()

    def _ask_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, ADD_FILES.replace("&", ""))
        self.add([Path(name) for name in names])

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, ADD_FOLDER.replace("&", ""))
        self.add([Path(name)] if name else [])

    def _ask_target(self) -> None:
        name = QFileDialog.getExistingDirectory(self, ASK_TARGET, self.target.text())
        if name:
            self.target.setText(name)

    def _remove(self) -> None:
        gone = {self.sources.row(item) for item in self.sources.selectedItems()}
        self._inputs = [path for place, path in enumerate(self._inputs) if place not in gone]
        self._show_sources()

    def _follow(self) -> None:
        place, is_busy = self.pages.currentIndex(), self._task is not None
        offer(self.add_cases, "" if self._open_files else NO_OPEN_CASES)
        offer(self.remove, "" if self.sources.selectedItems() else NOTHING_CHOSEN)
        missing = NEEDS_SOURCES if not self._inputs else NEEDS_TARGET
        is_ready = bool(self._inputs and self.target.text().strip())
        self.go_on.setText(LOOK if place == 0 else RUN)
        offer(self.go_on, "" if is_ready or place else missing)
        if is_busy:
            self.go_on.setEnabled(False)
        self.go_on.setVisible(place < 2)
        self.back.setVisible(place > 0)
        self.back.setEnabled(not is_busy)
        self.stop.setVisible(is_busy)
        self.progress.setVisible(is_busy)
        self.pages.setEnabled(not is_busy)
        has_box = 0 <= self.editor.chosen < len(self.editor.boxes)
        offer(self.delete_box, "" if has_box else NO_BOX)
        if place == 1 and not is_busy:
            self._tell_decided()

    # Looking

    def run_next(self) -> None:
        """Look for text, or, after the look, write the copies."""
        if self._task is not None or not self.go_on.isEnabled():
            return
        out = self._out = Path(self.target.text().strip()).absolute()
        if self.pages.currentIndex() == 0:
            folder = Path(self._folder.path())
            self._begin(
                LOOKING, partial(jobs.look_through, tuple(self._inputs), out, folder), self._review
            )
            return
        review = jobs.review_of(self.pictures)
        inputs, options = tuple(self._inputs), self.chosen_options
        work = partial(jobs.deidentify, inputs, out, options, self._profile, review)
        self._begin(WRITING, work, self._show_report)

    def _review(self, pictures: list[jobs.Picture]) -> None:
        # Those with text come first; the others are looked at all the same.
        self.pictures = sorted(pictures, key=lambda one: (one.shown is None, not one.boxes))
        self.pages.setCurrentIndex(1)
        self.list.clear()
        self.list.addItems([self._row_text(place) for place in range(len(self.pictures))])
        self.list.setCurrentRow(0 if pictures else -1)
        self.editor.setFocus()
        self._follow()

    def _row_text(self, place: int) -> str:
        one = self.pictures[place]
        return picture_row(place + 1, len(one.boxes), one.is_decided, one.shown is None)

    def _show_picture(self, place: int) -> None:
        if 0 <= place < len(self.pictures):
            one = self.pictures[place]
            pixmap = QPixmap() if one.shown is None else QPixmap(str(one.shown))
            self.editor.show_picture(
                pixmap, max(one.image.rows, 1), max(one.image.columns, 1), one.boxes
            )
            is_there = one.shown is not None
            for button in (self.accept_one, self.add_box):
                offer(button, "" if is_there else UNSEEN_PICTURE)
        self._follow()

    def _take_boxes(self) -> None:
        place = self.list.currentRow()
        if not 0 <= place < len(self.pictures):
            return
        one, boxes = self.pictures[place], self.editor.boxes
        if boxes != one.boxes:
            one.boxes, one.is_decided = boxes, False
            self._tell_row(place)
        self._follow()

    def run_accept(self) -> None:
        """Accept the picture as it is shown, and go to the next one."""
        place = self.list.currentRow()
        if not 0 <= place < len(self.pictures) or self.pictures[place].shown is None:
            return
        self.pictures[place].is_decided = True
        self._tell_row(place)
        if place + 1 < len(self.pictures):
            self.list.setCurrentRow(place + 1)
        self._follow()

    def _tell_row(self, place: int) -> None:
        item = self.list.item(place)
        if item is not None:
            item.setText(self._row_text(place))

    def _tell_decided(self) -> None:
        if not self.pictures:
            self.told.say(NO_PICTURES, "muted")
            return
        decided = sum(one.is_decided for one in self.pictures)
        held = sum(bool(one.boxes) and not one.is_decided for one in self.pictures)
        self.told.say(
            decided_text(decided, len(self.pictures), held), "warning" if held else "muted"
        )

    def _go_back(self) -> None:
        self.pages.setCurrentIndex(self.pages.currentIndex() - 1)
        self.told.say("")
        self._follow()

    # Writing

    def _show_report(self, report: Report) -> None:
        left_out = len(report.failures) - report.held_back
        lines = summary_lines(report.written, report.held_back, left_out, str(report.out))
        if report.failures:
            lines += ["", LEFT_OUT]
        for error in report.failures:
            message = explain(error)
            advice = LOOK_AGAIN if error.problem in _ACCEPTED_HELPS else message.advice
            lines.append(f"{message.sentence} {advice}")
        lines += ["", *report.file.method, ""]
        lines += [f"{c.count} x {c.tag} {c.name}: {c.action}" for c in report.file.changes]
        self.report.setPlainText("\n".join(lines))
        self.pages.setCurrentIndex(2)
        self.told.say("")
        self._follow()
        self.close_button.setFocus()

    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._out)))

    # Both

    def _begin(self, words: str, work: Callable[[], Work], take: Callable[..., None]) -> None:
        task = self._task = self._runner.submit(work, self._fail)
        task.progressed.connect(self._show_progress)
        task.finished.connect(partial(self._take, task, take))
        task.cancelled.connect(partial(self._end, task))
        self.finished.connect(task.cancel)
        self.progress.setRange(0, 1000)
        self.progress.setValue(0)
        self._follow()
        self.told.say(words, "muted")

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


def _row(*widgets: QWidget | None) -> QHBoxLayout:
    """Return widgets beside each other; None is empty room."""
    row = QHBoxLayout()
    for widget in widgets:
        if widget is None:
            row.addStretch(1)
        else:
            row.addWidget(widget)
    return row
