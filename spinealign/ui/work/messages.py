"""What the window tells its user about its work, whichever part has something to say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from spinealign import wording
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.worker import WorkerError, WorkerProblem
from spinealign.wording import Message


class Messages(QObject):
    """Made once and handed to every part; the window shows what it hears here.

    `noticed` brings a `Message` with the words of a button and what it does, `failed` a
    `Message` and the case that it is of, or None for the one that is shown, `crashed` the
    unexpected exception itself, `warned` a `Message` that stands until it is withdrawn, and
    `told` a line of text, `told_of_case` one and the path of the image that it is of.
    `withdrawn` brings a `Message` that holds no longer.
    """

    noticed = pyqtSignal(object, str, object)
    failed = pyqtSignal(object, object)
    warned = pyqtSignal(object)
    crashed = pyqtSignal(object)
    told = pyqtSignal(str)
    told_of_case = pyqtSignal(str, object)
    withdrawn = pyqtSignal(object)

    def notice(
        self, message: Message, action: str = "", on_action: Callable[[], None] | None = None
    ) -> None:
        """Tell good or neutral news, with a button if `action` names one."""
        self.noticed.emit(message, action, on_action)

    def fail(self, message: Message, about: object = None) -> None:
        """Tell what went wrong and what to do; `about` is the case, if not the one shown."""
        self.failed.emit(message, about)

    def warn(self, message: Message) -> None:
        """Tell what must be known as long as it holds: no other message takes its place."""
        self.warned.emit(message)

    def tell(self, text: str) -> None:
        """Tell in passing what was done."""
        self.told.emit(text)

    def tell_of_case(self, text: str, image: Path) -> None:
        """Tell in passing what was done to the case of an image; it goes when its case does."""
        self.told_of_case.emit(text, image)

    def crash(self, error: BaseException) -> None:
        """Tell that the program itself is at fault."""
        self.crashed.emit(error)

    def withdraw(self, message: Message) -> None:
        """Take back what was told, where it is still shown."""
        self.withdrawn.emit(message)

    def report(self, error: BaseException) -> Message | None:
        """Tell of a failure: in words if it was to be expected, else as the program's fault.

        Returns
        -------
        Message or None
            What was told; None for a fault of the program.
        """
        if not isinstance(error, SpineAlignError):
            self.crash(error)
            return None
        message = wording.explain(error)
        self.fail(message)
        self.report_worker(error)
        return message

    def report_worker(self, error: BaseException) -> None:
        """Offer the report of a worker process that died, beside what is said about its case."""
        if isinstance(error, WorkerError) and error.problem is WorkerProblem.ENDED:
            self.crash(error)
