"""A dialog that is filled in, does one thing with its progress, and can be stopped meanwhile."""

from __future__ import annotations

from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QProgressBar, QPushButton, QWidget

from spinealign.ui.manual.manual_window import explain as explain_page
from spinealign.ui.network.forms import Told, column_of
from spinealign.ui.vault.fitted_dialog import WIDTH_EM, FittedDialog, Scrolled
from spinealign.ui.widgets.labels import offer, without_icons
from spinealign.ui.work.tasks import Task
from spinealign.wording import Message
from spinealign.wording.archive_window import PROGRESS_NAME, STOPPED, STOPPING


def progress_bar(over: QWidget) -> QProgressBar:
    """Return a bar as low as a line, which says nothing itself."""
    bar = QProgressBar()
    bar.setAccessibleName(PROGRESS_NAME)
    bar.setTextVisible(False)
    bar.setMaximumHeight(over.fontMetrics().height())
    return bar


def show_step(bar: QProgressBar, step: object) -> bool:
    """Show how much is done of how much; whether a step says so."""
    if not isinstance(step, tuple):
        return False
    done, count = step
    bar.setMaximum(count)
    bar.setValue(done)
    return True


class WorkingDialog(FittedDialog):
    """Offers its button once nothing is missing; Cancel stops what is being done.

    A kind of it lays out its fields with `fill`, says what is missing, and begins in `begin`.

    Parameters
    ----------
    title, button, working : str
        `working` is said while it works.
    """

    def __init__(self, title: str, button: str, working: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        explain_page(self, "archive")
        self.told, self.run = Told(), QPushButton(button)
        self.run.setProperty("primary", "true")
        self.progress = progress_bar(self)
        self.progress.hide()
        self._working, self._is_busy = working, False
        self._task: Task | None = None

    def fill(self, page: QWidget) -> None:
        """Lay out a page of fields over progress and buttons."""
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.run, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._take)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        for other in buttons.buttons():
            # Else it takes Return over once the other one waits.
            if isinstance(other, QPushButton) and other is not self.run:
                other.setAutoDefault(False)
        self.scrolled = Scrolled(page)
        column = column_of(self)
        column.addWidget(self.scrolled, 1)
        for part in (self.told, self.progress, buttons):
            column.addWidget(part)
        self.run.setDefault(True)
        self.resize(WIDTH_EM * self.fontMetrics().averageCharWidth(), self.sizeHint().height())

    @property
    def missing(self) -> str:
        """What has to be filled in yet; empty where nothing has."""
        raise NotImplementedError

    def begin(self) -> None:
        """Ask for what is filled in to be done."""
        raise NotImplementedError

    def forget(self) -> None:
        """Forget what was typed and nobody may see."""
        raise NotImplementedError

    @property
    def reason(self) -> str:
        """Why it cannot be done yet; empty where it can."""
        return self._working if self._is_busy else self.missing

    def follow(self) -> None:
        """Offer what can be done now."""
        offer(self.run, self.reason)
        self.progress.setVisible(self._is_busy)

    def watch(self, task: Task) -> None:
        """Show the progress of what was asked for; it is stopped with the dialog's Cancel."""
        self._task = task
        task.progressed.connect(lambda step: show_step(self.progress, step))
        task.cancelled.connect(self._stopped)

    def fail(self, message: Message) -> None:
        """Say why it was not done, and let it be tried again."""
        self._rest(f"{message.sentence} {message.advice}", "danger")

    def _take(self) -> None:
        self._is_busy = True
        self.progress.setMaximum(0)
        self.told.say(self._working, "muted")
        self.follow()
        self.begin()

    def _stopped(self) -> None:
        self._rest(STOPPED, "warning")

    def _rest(self, said: str, kind: str) -> None:
        self._is_busy, self._task = False, None
        self.told.say(said, kind)
        self.follow()

    def reject(self) -> None:
        """Put it aside, or stop what is being done."""
        if not self._is_busy:
            self._end(QDialog.DialogCode.Rejected)
        elif self._task is not None:
            self.told.say(STOPPING, "muted")
            self._task.cancel()

    def close_for_good(self) -> None:
        """Close: it is done."""
        self._end(QDialog.DialogCode.Accepted)

    def _end(self, code: QDialog.DialogCode) -> None:
        self._task = None
        self.forget()
        self.done(code)
        self.deleteLater()
