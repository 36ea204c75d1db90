"""Which message lies over the picture: it goes when its case does."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QElapsedTimer, QObject, QTimer
from PyQt6.QtWidgets import QWidget

from spinealign.ui.cases.case import Case, CaseStatus
from spinealign.ui.widgets.banner import Banner
from spinealign.ui.workbench import Workbench
from spinealign.wording import Message

READING_MS = 6000
"""What was told before any case was open stays over the first one until it could be read."""


class CaseMessages(QObject):
    """Shows a message as long as the case is shown that it was told of.

    What is told without naming a case is of the one that is shown then. A failure of a case that
    is not shown is counted; the list of cases and the case's own page say what it was.

    Parameters
    ----------
    banner : Banner
        Where messages are shown.
    page : QWidget
        Says by itself why the case that is shown has no result, where it is in sight.
    """

    def __init__(self, banner: Banner, bench: Workbench, page: QWidget) -> None:
        super().__init__(banner)
        self._banner, self._bench, self._page = banner, bench, page
        self._case: Case | None = None
        self._early: tuple[Case, Message] | None = None
        self._shown_for = QElapsedTimer()
        self._read = QTimer(self)
        self._read.setSingleShot(True)
        self._read.timeout.connect(banner.put_away)
        bench.messages.noticed.connect(self._notice)
        bench.messages.failed.connect(self._fail)
        bench.messages.warned.connect(banner.show_warning)
        bench.messages.withdrawn.connect(banner.withdraw)
        bench.current_changed.connect(self._leave)
        bench.session.changed.connect(self._follow)

    def _notice(self, message: Message, action: str, on_action: Callable[[], None] | None) -> None:
        self._take(self._bench.current)
        self._banner.show_notice(message, action, on_action)

    def _fail(self, message: Message, about: Case | None) -> None:
        case = about or self._bench.current
        if case is not None and self._bench.current is None:
            # It failed before the window had turned to the first of what is opened.
            self._early = self._early or (case, message)
        if case is not self._bench.current:
            self._banner.count_failure()
            return
        if case is not None and self._stands_on_page(case, message):
            self._take(case)
            self._banner.put_away()
            return
        self._take(case)
        self._banner.show_failure(message)

    def _stands_on_page(self, case: Case, message: Message) -> bool:
        is_of_case = case.finding is None and case.message is message
        return is_of_case and self._page.isVisible()

    def _take(self, case: Case | None) -> None:
        self._case = case
        self._read.stop()
        self._shown_for.start()

    def _leave(self, case: Case | None) -> None:
        """Put away what was told of another case; tell what failed before it was seen."""
        early, self._early = self._early, None
        if early is not None and early[0] is case:
            self._fail(early[1], case)
            return
        if self._banner.isHidden() or case is self._case:
            return
        is_unread = self._case is None and self._shown_for.elapsed() < READING_MS
        if is_unread and not self._banner.is_failure:
            self._case = case
            self._read.start(READING_MS - self._shown_for.elapsed())
            return
        self._banner.put_away()

    def _follow(self, case: Case) -> None:
        """Put away the failure of an analysis that is made again."""
        is_told = case is self._case and self._banner.is_failure
        if is_told and case.status in (CaseStatus.WAITING, CaseStatus.RUNNING):
            self._banner.put_away()
