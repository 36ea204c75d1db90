"""Commands of accounts and lock; without an archive nothing of them is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtWidgets import QWidget

from spinealign.domain.paths import has_archive
from spinealign.domain.protection import Right
from spinealign.export.exporters import EXPORTERS
from spinealign.ui.picture.drawing_tools import ToolName
from spinealign.ui.window.actions import REPORTS, Actions, deidentified_command
from spinealign.ui.workbench import Workbench
from spinealign.wording.accounts_window import (
    ARE_ACCOUNTS,
    NO_ACCOUNTS,
    NOT_ADMINISTRATOR,
    NOT_ALLOWED_WORDS,
)

if TYPE_CHECKING:
    from spinealign.ui.vault.keeper import Keeper
    from spinealign.vault.session import Session

OWN = ("lock", "switch_user", "change_password")
ADMINISTRATION = ("accounts", "audit_trail")


COMMANDS_OF_RIGHT: Mapping[Right, tuple[str, ...]] = {
    Right.CHANGE: (
        *(f"tool_{tool.value}" for tool in ToolName if tool is not ToolName.POINTER),
        "open_segmentation", "undo", "redo", "reset_edits", "accept_suggestions",
        "swap_anterior_posterior", "levels_up", "levels_down", "bent_film", "remove_calibration",
        "delete_drawings", "examination_date", "accept_rest", "turn_left", "turn_right", "mirror",
        "show_as_in_file", "analyse_as_shown", "turn_and_analyse", "dicom_patient",
    ),
    Right.SIGN: ("sign", "addendum"),
    Right.IMPORT: ("from_pacs",),
    Right.EXPORT: (
        *(f"save_{kind}" for kind in EXPORTERS), *map(deidentified_command, REPORTS),
        "save", "save_all", "export_table", "print", "copy_finding", "send", "deidentify", "batch",
    ),
}  # fmt: skip
"""What is not offered to accounts without a right."""


class AccountCommands(QObject):
    """Connects the commands, and lets nobody in before somebody signed in.

    `restore_wanted` is that of `Keeper`.

    Parameters
    ----------
    window : QWidget
        What is covered while nobody is signed in.
    may_close : callable
        Asks whether corrections may be lost that could not be written.
    hand_on : callable
        Hands on what is being typed, before it is locked.
    image_shown : signal
        Brings the picture that is seen.
    """

    restore_wanted = pyqtSignal(object)

    def __init__(
        self, actions: Actions, bench: Workbench, window: QWidget, may_close: Callable[[], bool],
        hand_on: Callable[[], None], image_shown: Any,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._actions, self._bench, self._window = actions, bench, window
        self._may_close, self._hand_on = may_close, hand_on
        self._image_shown = image_shown
        self._keeper: Keeper | None = None
        actions.on("lock", lambda: self.keeper.lock())
        actions.on("switch_user", lambda: self.keeper.switch())
        actions.on("change_password", lambda: self.keeper.dialogs.change_password())
        actions.on("accounts", lambda: self.keeper.dialogs.manage())
        actions.on("audit_trail", lambda: self.keeper.dialogs.show_trail())
        actions.on("set_up_accounts", lambda: self.keeper.set_up())
        actions.on("encryption", lambda: self.keeper.key_store.show())
        if has_archive(bench.preferences.folder):
            self.keeper  # noqa: B018 - its folders are closed before anything is read
        self._follow()

    @property
    def keeper(self) -> Keeper:
        """The keeper, made when it is wanted for the first time."""
        if self._keeper is None:
            from spinealign.ui.vault.keeper import Keeper
            from spinealign.vault.place import Place

            place = Place.of_profile(self._bench.preferences.folder)
            self._keeper = Keeper(self._bench, place, self._window, self._may_close)
            self._keeper.about_to_lock.connect(self._hand_on)
            self._keeper.entered.connect(self._enter)
            self._keeper.restore_wanted.connect(self.restore_wanted)
            self._image_shown.connect(self._keeper.recorder.view)
            for signal in (self._keeper.locked, self._keeper.left):
                signal.connect(self._follow)
                # What a worker process still holds of patients ends with it.
                signal.connect(self._bench.services.let_go)
            self._follow()
        return self._keeper

    @property
    def archive_keeper(self) -> Keeper | None:
        """The keeper where there is an archive; asking for it loads nothing."""
        return self._keeper

    def start(self, then: Callable[[], None]) -> None:
        """Let somebody sign in where there are accounts, then go on."""
        if self._keeper is None:
            then()
        else:
            self._keeper.begin(then)

    def close(self) -> None:
        """Sign out: the program ends."""
        if self._keeper is not None:
            self._keeper.close()

    def _enter(self, _session: Session) -> None:
        self._follow()

    def _follow(self) -> None:
        """Let every part know who is at work and what is allowed."""
        keeper, at_work = self._keeper, self._bench.at_work
        at_work.is_with_accounts = keeper is not None and keeper.has_accounts
        if keeper is None or not at_work.is_with_accounts:
            at_work.forget()
            is_encrypted = keeper is not None and keeper.protection != "none"
            self._bench.services.keep_in(keeper.place.kept if keeper and is_encrypted else None)
            find = keeper.kept_result if keeper and is_encrypted else None
            self._bench.services.take_results_from(find)
        else:
            session = keeper.session
            person = None if session is None else session.person
            at_work.full_name = "" if person is None else person.signs_as
            at_work.may = lambda right: person is not None and person.may(right)
            at_work.record, at_work.confirm = self._record, keeper.dialogs.confirm
            at_work.record_failure = keeper.recorder.record_failure
            at_work.change_reading = keeper.recorder.change_reading
            self._bench.services.keep_in(keeper.place.kept)
            self._bench.services.take_results_from(keeper.kept_result)
        if keeper is not None and keeper.protection != "none":
            at_work.watch_models = keeper.watch_models
        self._offer()
        at_work.changed.emit()

    def _record(self, kind: str, paths: Sequence[Path], peer: str) -> bool:
        return self.keeper.recorder.record(kind, paths, peer=peer)

    def _offer(self) -> None:
        actions, at_work = self._actions, self._bench.at_work
        actions.forbid(
            {
                name: NOT_ALLOWED_WORDS[right]
                for right, names in COMMANDS_OF_RIGHT.items()
                for name in names
                if not at_work.may(right)
            }
        )
        none = "" if at_work.is_with_accounts else NO_ACCOUNTS
        for name in OWN:
            actions.offer(name, none)
        manages = at_work.refusal(Right.MANAGE_ACCOUNTS, NOT_ADMINISTRATOR)
        for name in ADMINISTRATION:
            actions.offer(name, none or manages)
        for name in ("set_up_accounts", "encryption"):
            actions.offer(name, ARE_ACCOUNTS if at_work.is_with_accounts else "")
