"""Commands of the archive; without one nothing of it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from weakref import WeakSet

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QWidget

from spinealign.domain.protection import Right
from spinealign.domain.reading import Reading
from spinealign.protected_folders import is_protected
from spinealign.ui.cases.case import Case
from spinealign.ui.cases.cases_panel import CasesPanel
from spinealign.ui.widgets.theme import Theme
from spinealign.ui.window.account_commands import AccountCommands
from spinealign.ui.window.actions import Actions
from spinealign.ui.work.tasks import Work
from spinealign.ui.workbench import Workbench
from spinealign.wording import Message
from spinealign.wording.archive_window import (
    ARCHIVE_IS_THERE,
    CASES_ARE_OPEN,
    IN_ZIP,
    IS_LOCKED,
    MAY_NOT_KEEP,
    MAY_NOT_VIEW,
    NO_ARCHIVE,
    NO_CASE_SELECTED,
    STOP_KEEPING,
    keeping_question,
    keeping_stopped_text,
    keeping_text,
    kept_text,
    restored_text,
)

if TYPE_CHECKING:
    from spinealign.ui.vault.desk import ArchiveDesk
    from spinealign.ui.vault.keeping_jobs import Kept, KeptSoFar

_LONG_FILES = 20
"""From how many files on keeping them is offered to be stopped."""


class ArchiveCommands(QObject):
    """Keeps the selected cases.

    Parameters
    ----------
    accounts : AccountCommands
        Knows whose archive is open.
    cases : CasesPanel
        Knows which cases are selected.
    window : QWidget
        Over which dialogs open.
    """

    def __init__(
        self, actions: Actions, bench: Workbench, accounts: AccountCommands, cases: CasesPanel,
        theme: Theme, window: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._actions, self._bench, self._accounts = actions, bench, accounts
        self._cases, self._theme, self._window = cases, theme, window
        self._desk: ArchiveDesk | None = None
        self._kept: WeakSet[Case] = WeakSet()
        actions.on("keep_in_archive", self.keep)
        cases.keep_requested.connect(self.keep)
        actions.on("archive", self.show)
        actions.on("restore_archive", self.restore)
        accounts.restore_wanted.connect(self._restore_over)
        for signal in (
            bench.at_work.changed, cases.selection_changed, bench.current_updated,
            bench.current_changed, bench.session.added, bench.session.removed,
        ):  # fmt: skip
            signal.connect(self._offer)
        for signal in (bench.readings.signed, bench.readings.amended):
            signal.connect(self._bring_up_to_date)
        self._offer()

    @property
    def desk(self) -> ArchiveDesk:
        """The archive's thread, made when it is wanted for the first time."""
        if self._desk is None:
            from spinealign.ui.vault.desk import ArchiveDesk

            self._desk = ArchiveDesk(self._bench, self._accounts.keeper)
        return self._desk

    def keep(self) -> None:
        """Put the selected cases into the archive, with their readings as they are on the disk."""
        chosen = self._chosen
        if chosen:
            self._bench.readings.when_saved(lambda: self._keep(chosen))

    def _keep(self, cases: Sequence[Case]) -> None:
        from spinealign.ui.vault.keeping_jobs import gathered, is_in_zip, keep_all

        whole = [case for case in cases if not is_in_zip(case)]
        if len(whole) < len(cases):
            self._bench.messages.fail(IN_ZIP)
        if not whole:
            return
        self._kept.update(whole)
        ready = [gathered(self._bench, case) for case in whole]
        services, messages = self._bench.services, self._bench.messages
        task = self.desk.steps(lambda session: keep_all(session, services, ready))
        self.desk.tell_if_locked(task)
        stopping = Message(keeping_question(len(ready)), "")
        if sum(len(case.files) for case in ready) >= _LONG_FILES:
            messages.notice(stopping, STOP_KEEPING, task.cancel)
        so_far = [0]

        def tell(step: KeptSoFar) -> None:
            so_far[0] = step.cases
            messages.tell(keeping_text(step.title, step.done, step.steps))

        def tell_stopped() -> None:
            messages.tell(keeping_stopped_text(so_far[0], len(ready)))

        task.progressed.connect(tell)
        task.finished.connect(self._tell_kept)
        task.cancelled.connect(tell_stopped)
        task.ended.connect(lambda: messages.withdraw(stopping))

    def _bring_up_to_date(self, _reading: Reading) -> None:
        """Keep what was signed of a case that is in the archive."""
        case = self._bench.readings.case
        if case is None or self._closed_reason() or not self._bench.at_work.may(Right.IMPORT):
            return
        if case in self._kept or is_protected(case.stack.first.parts[0].path):
            self._keep([case])

    def _tell_kept(self, kept: Kept) -> None:
        self._bench.messages.tell(kept_text(kept.titles, kept.file_count))

    def show(self) -> None:
        """Show the archive."""
        from spinealign.ui.vault.archive_dialog import ArchiveDialog

        ArchiveDialog(self.desk, self._theme, self._window).open()

    def restore(self) -> None:
        """Make an archive of a back-up, and let somebody of it sign in."""
        self._restore(self._window, replaces=False)

    def _restore_over(self, asking: QWidget) -> None:
        """Do so in the place of an archive that does not open, over the dialog for signing in."""
        self._restore(asking, replaces=True)

    def _restore(self, over: QWidget, *, replaces: bool) -> None:
        from spinealign.ui.vault.restore_dialog import RestoreDialog

        keeper, desk = self._accounts.keeper, self.desk
        dialog = RestoreDialog(keeper.place, over, replaces=replaces)

        def restored(count: int) -> None:
            dialog.close_for_good()
            self._bench.messages.tell(restored_text(count))
            keeper.ask_who()

        def begin(steps: Callable[[], Work]) -> None:
            task = desk.restore(steps, dialog.fail, dialog)
            task.finished.connect(restored)
            dialog.watch(task)

        dialog.wanted.connect(begin)
        dialog.open()

    @property
    def _chosen(self) -> list[Case]:
        current = self._bench.current
        return self._cases.selected or ([] if current is None else [current])

    def _offer(self) -> None:
        reason = self._closed_reason()
        refused = reason or self._bench.at_work.refusal(Right.IMPORT, MAY_NOT_KEEP)
        self._cases.keep_refusal = refused
        self._actions.offer(
            "keep_in_archive", refused or ("" if self._chosen else NO_CASE_SELECTED)
        )
        keeper = self._accounts.archive_keeper
        is_there = keeper is not None and (
            keeper.protection != "none" or keeper.place.is_turned_off
        )
        self._actions.offer("archive", self.viewing_refusal)
        open_cases = CASES_ARE_OPEN if self._bench.session.cases else ""
        self._actions.offer("restore_archive", (ARCHIVE_IS_THERE if is_there else "") or open_cases)

    @property
    def viewing_refusal(self) -> str:
        """Why nothing of the archive may be looked at; empty where it may."""
        return self._closed_reason() or self._bench.at_work.refusal(Right.VIEW, MAY_NOT_VIEW)

    def _closed_reason(self) -> str:
        """Return why nothing of the archive can be reached; empty where it is open."""
        keeper = self._accounts.archive_keeper
        session = None if keeper is None else keeper.session
        if session is None:
            return NO_ARCHIVE
        return IS_LOCKED if session.is_locked else ""
