"""What keeps the archive safe: back-up, drill, check, and what may be deleted by its age."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from spinealign.archive.backup import BackedUp
from spinealign.archive.checking import Checked
from spinealign.archive.records import RetentionRule
from spinealign.archive.searching import FoundRecords
from spinealign.domain.protection import Right
from spinealign.files import working_folder
from spinealign.ui.manual.manual_window import DAMAGED_PAGE, open_manual
from spinealign.ui.network.forms import Told
from spinealign.ui.vault.desk import ArchiveDesk
from spinealign.ui.vault.examination_list import ExaminationsView
from spinealign.ui.vault.working_dialog import progress_bar, show_step
from spinealign.ui.widgets.flow import FlowLayout
from spinealign.ui.widgets.labels import offer, wrapped_label
from spinealign.ui.widgets.questions import ask
from spinealign.ui.work.tasks import Task
from spinealign.vault.keeping import delete
from spinealign.vault.safety_copies import back_up, back_ups_on, checking, drilling
from spinealign.vault.session import Session
from spinealign.wording import Message
from spinealign.wording.archive_list import (
    backed_up_text,
    check_text,
    delete_question,
    deleted_text,
    drilled_text,
    due_text,
    examinations_text,
    files_text,
)
from spinealign.wording.archive_window import (
    BACK_UP,
    BACK_UP_TITLE,
    BACKING_UP,
    CHECK,
    CHECKING_ARCHIVE,
    DELETE_DUE,
    DELETE_MORE,
    DELETE_NOW,
    DELETE_TITLE,
    DRILL,
    DRILL_TITLE,
    DRILLING,
    DUE_LABEL,
    DUE_NAME,
    DUE_NOTE,
    IS_WORKING,
    KEEP_THEM,
    KEEP_UNSIGNED,
    MAY_NOT_BACK_UP,
    MAY_NOT_DELETE,
    NO_BACK_UP_THERE,
    NOTHING_DUE,
    PREVIEW,
    SAFETY_NOTE,
    STOP,
    STOPPED,
    STOPPING,
    WHAT_TO_DO,
    YEARS_SUFFIX,
)

_USUAL_YEARS, _MOST_YEARS = 10, 100
_GAP_PX = 6
_MOST_NAMED = 10

Steps = Callable[[Session], Generator[object, None, Any]]


class SafetyPage(QWidget):
    """Does one thing at a time, with its progress; `changed` says that examinations are gone."""

    changed = pyqtSignal()

    def __init__(self, desk: ArchiveDesk) -> None:
        super().__init__()
        self._desk = desk
        self._task: Task | None = None
        self._due = FoundRecords(())
        self.back_up, self.drill = QPushButton(BACK_UP), QPushButton(DRILL)
        self.check, self.stop = QPushButton(CHECK), QPushButton(STOP)
        self.what_to_do = QPushButton(WHAT_TO_DO)
        self.what_to_do.hide()
        self._step_text: Callable[[int, int], str] = files_text
        self.preview, self.delete = QPushButton(PREVIEW), QPushButton(DELETE_DUE)
        for button in self._buttons:
            button.setAutoDefault(False)
        self.progress, self.told = progress_bar(self), Told()
        self.years, self.unsigned = QSpinBox(), QCheckBox(KEEP_UNSIGNED)
        self.years.setRange(1, _MOST_YEARS)
        self.years.setValue(_USUAL_YEARS)
        self.years.setSuffix(YEARS_SUFFIX)
        self.years.setAccessibleName(DUE_LABEL.replace("&", ""))
        self.unsigned.setChecked(True)
        self.rows = ExaminationsView(DUE_NAME, has_pictures=False)
        self._lay_out()
        self._connect()
        self._follow()

    @property
    def _buttons(self) -> tuple[QPushButton, ...]:
        return (
            self.back_up, self.drill, self.check, self.what_to_do, self.stop, self.preview,
            self.delete,
        )  # fmt: skip

    def _lay_out(self) -> None:
        copies = FlowLayout(_GAP_PX)
        for button in (self.back_up, self.drill, self.check):
            copies.addWidget(button)
        working = QHBoxLayout()
        working.addWidget(self.told, 1)
        working.addWidget(self.what_to_do)
        working.addWidget(self.progress)
        working.addWidget(self.stop)
        label = QLabel(DUE_LABEL)
        label.setBuddy(self.years)
        rule = FlowLayout(_GAP_PX)
        for part in (label, self.years, self.unsigned, self.preview, self.delete):
            rule.addWidget(part)
        column = QVBoxLayout(self)
        column.addWidget(wrapped_label(SAFETY_NOTE, "muted"))
        column.addLayout(copies)
        column.addLayout(working)
        column.addWidget(wrapped_label(DUE_NOTE, "muted"))
        column.addLayout(rule)
        column.addWidget(self.rows, 1)
        self.told.setAlignment(Qt.AlignmentFlag.AlignVCenter)

    def _connect(self) -> None:
        self.back_up.clicked.connect(self._ask_back_up)
        self.drill.clicked.connect(self._ask_drill)
        self.check.clicked.connect(self._run_check)
        self.what_to_do.clicked.connect(lambda: open_manual(DAMAGED_PAGE, self))
        self.stop.clicked.connect(self.run_stop)
        self.preview.clicked.connect(self.run_preview)
        self.delete.clicked.connect(self._ask_delete)
        self.years.valueChanged.connect(self._forget_due)
        self.unsigned.toggled.connect(self._forget_due)

    def _follow(self) -> None:
        at_work, busy = self._desk.bench.at_work, "" if self._task is None else IS_WORKING
        copies = at_work.refusal(Right.BACK_UP, MAY_NOT_BACK_UP)
        for button in (self.back_up, self.drill):
            offer(button, copies or busy)
        offer(self.check, busy)
        offer(self.preview, busy)
        refused = at_work.refusal(Right.DELETE, MAY_NOT_DELETE)
        offer(self.delete, refused or busy or ("" if self._due else NOTHING_DUE))
        self.stop.setVisible(self._task is not None)
        self.progress.setVisible(self._task is not None)

    # Copies

    def _ask_back_up(self) -> None:
        name = QFileDialog.getExistingDirectory(self, BACK_UP_TITLE)
        if name:
            steps = partial(_back_up, Path(name))
            self._begin(BACKING_UP, steps, lambda done: self._say_good(backed_up_text(done)))

    def _ask_drill(self) -> None:
        name = QFileDialog.getExistingDirectory(self, DRILL_TITLE)
        if not name:
            return
        found = back_ups_on(Path(name))
        if not found:
            self.told.say(NO_BACK_UP_THERE, "danger")
            return
        folder = self._desk.bench.preferences.folder
        steps = partial(_drill, found[-1], folder)
        self._begin(DRILLING, steps, lambda read: self._say_good(drilled_text(*read)))

    def _run_check(self) -> None:
        self._begin(CHECKING_ARCHIVE, _check, self._say_checked, examinations_text)

    def _say_checked(self, found: Checked) -> None:
        self.told.say(check_text(found, _MOST_NAMED), "good" if found.is_whole else "danger")
        self.what_to_do.setVisible(not found.is_whole)

    def _say_good(self, words: str) -> None:
        self.told.say(words, "good")

    def _begin(
        self,
        words: str,
        steps: Steps,
        tell: Callable[[Any], object],
        step: Callable[[int, int], str] = files_text,
    ) -> None:
        self.what_to_do.hide()
        task = self._task = self._desk.tell_if_locked(self._desk.steps(steps, self._fail, self))
        task.progressed.connect(self._show_progress)
        task.finished.connect(tell)
        # No lambda: a page that is gone by then is told nothing.
        task.cancelled.connect(self._tell_stopped)
        task.ended.connect(self._end)
        self.told.say(words, "muted")
        self._step_text = step
        self.progress.setMaximum(0)
        self._follow()
        self.stop.setFocus()

    def _show_progress(self, step: object) -> None:
        if show_step(self.progress, step):
            self.told.say(self._step_text(*step), "muted")  # type: ignore[misc]

    def run_stop(self) -> None:
        """Stop at the next file."""
        if self._task is not None:
            self._task.cancel()
            self.told.say(STOPPING, "muted")

    def _tell_stopped(self) -> None:
        self.told.say(STOPPED, "warning")

    def _end(self) -> None:
        self._task = None
        self._follow()

    def _fail(self, message: Message) -> None:
        self.told.say(f"{message.sentence} {message.advice}", "danger")

    # What may be deleted by its age

    @property
    def rule(self) -> RetentionRule:
        """What is filled in."""
        return RetentionRule(self.years.value(), self.unsigned.isChecked())

    def _forget_due(self) -> None:
        self._due = FoundRecords(())
        self.rows.show_records(FoundRecords(()))
        self._follow()

    def run_preview(self) -> None:
        """List what the rule would delete; nothing is deleted."""
        task = self._desk.ask(partial(_due, self.rule), self._fail, self)
        task.finished.connect(self._show_due)

    def _show_due(self, due: FoundRecords) -> None:
        self._due = due
        self.what_to_do.hide()
        self.rows.show_records(due)
        self.told.say(due_text(len(due)), "" if due else "muted")
        self._follow()

    def _ask_delete(self) -> None:
        due = self._due
        identifiers = due.identifiers

        def act() -> None:
            task = self._desk.ask(lambda session: delete(session, identifiers), self._fail, self)
            task.finished.connect(lambda _: self._forget_due())
            task.finished.connect(lambda _: self.told.say(deleted_text(len(due)), "good"))
            task.finished.connect(lambda _: self.changed.emit())

        words = DELETE_TITLE, delete_question(due), DELETE_MORE, DELETE_NOW, KEEP_THEM
        ask(self, words, act)


def _back_up(disk: Path, session: Session) -> Generator[object, None, BackedUp]:
    last: object = None
    for last in back_up(session, disk):
        yield last
    assert isinstance(last, BackedUp)
    return last


def _drill(copy: Path, folder: Path, session: Session) -> Generator[object, None, tuple[int, int]]:
    """Restore a back-up for trial into a folder beside the archive, which is deleted again."""
    yield None
    with working_folder(folder) as working:
        return (yield from drilling(session, copy, working))


def _check(session: Session) -> Generator[object, None, Checked]:
    """Read the whole archive; returns which examinations are not as they were written."""
    return checking(session)


def _due(rule: RetentionRule, session: Session) -> FoundRecords:
    session.require(Right.VIEW)
    return session.archive.due(rule, datetime.now(UTC).date())
