"""Opens the archive whose key lies in the system's key store, and turns it on and off."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from PyQt6 import sip
from PyQt6.QtCore import QObject, Qt
from PyQt6.QtWidgets import QMessageBox, QWidget

from spinealign.accounts.key_store import Secrets
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.protection import AccountProblem
from spinealign.ui.vault.key_store_dialog import KeyStoreDialog
from spinealign.vault.key_store_archive import set_aside, turn_off, turn_on
from spinealign.vault.place import Place, Protection
from spinealign.vault.session import Session, open_with_key_store
from spinealign.vault.taking_in import TAKEN_IN, take_in
from spinealign.wording import explain
from spinealign.wording.accounts_window import (
    GO_ON_WITHOUT,
    GO_ON_WITHOUT_NOTE,
    KEY_STORE_TITLE,
    QUIT,
    TRY_AGAIN,
    TURNED_ON,
    turned_off_text,
)
from spinealign.wording.protection import ACCOUNT_WORDS


class Keeps(Protocol):
    """The part of the keeper that is used here."""

    place: Place
    session: Session | None

    def run(
        self, act: Callable[[], Any], failed: Callable[[Exception], object],
        done: Callable[[Any], object],
    ) -> None:  # fmt: skip
        """Do something in the keeper's thread, and tell what came of it."""

    def with_cases_closed(self, act: Callable[[], object], refused: Callable[[], object]) -> None:
        """Close all cases, and do something then; or it is refused."""

    def take(self, session: Session) -> None:
        """Go on with an archive that was opened."""

    def let_go(self) -> None:
        """Go on without an archive."""


class KeyStoreDoor(QObject):
    """What the keeper does where there are no accounts.

    Parameters
    ----------
    keeper : Keeps
    secrets_store : Secrets
    window : QWidget
        Over which questions open.
    tell : callable
        Says in the status bar what was done.
    """

    def __init__(
        self, keeper: Keeps, secrets_store: Secrets, window: QWidget, tell: Callable[[str], object]
    ) -> None:
        super().__init__(window)
        self._keeper, self._secrets, self._window = keeper, secrets_store, window
        self._tell = tell

    def open(self, then: Callable[[], None]) -> None:
        """Open the archive as the program starts, and go on; ask where there is no key."""
        place = self._keeper.place

        def act() -> Session:
            session = open_with_key_store(place, self._secrets)
            take_in(place, TAKEN_IN)
            return session

        def opened(session: Session) -> None:
            self._keeper.take(session)
            then()

        self._keeper.run(act, partial(self._ask_again, then), opened)

    def _ask_again(self, then: Callable[[], None], error: Exception) -> None:
        """Try once more, or go on without what is encrypted: nothing opens halfway."""
        message = explain(error) if isinstance(error, SpineAlignError) else None
        box = QMessageBox(QMessageBox.Icon.Warning, KEY_STORE_TITLE, "", parent=self._window)
        box.setWindowModality(Qt.WindowModality.ApplicationModal)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(message.sentence if message else str(error))
        advice = f"{message.advice}\n\n" if message else ""
        box.setInformativeText(f"{advice}{GO_ON_WITHOUT_NOTE}")
        again = box.addButton(TRY_AGAIN, QMessageBox.ButtonRole.AcceptRole)
        without = box.addButton(GO_ON_WITHOUT, QMessageBox.ButtonRole.DestructiveRole)
        leave = box.addButton(QUIT, QMessageBox.ButtonRole.RejectRole)
        assert again is not None
        assert without is not None
        assert leave is not None
        without.setAutoDefault(False)
        box.setDefaultButton(again)
        box.setEscapeButton(leave)
        again.clicked.connect(lambda: self.open(then))
        without.clicked.connect(lambda: self._go_on_without(then))
        leave.clicked.connect(self._window.close)
        box.finished.connect(box.deleteLater)
        box.open()

    def _go_on_without(self, then: Callable[[], None]) -> None:
        place, retry = self._keeper.place, partial(self._ask_again, then)

        def done(_: object) -> None:
            self._keeper.let_go()
            then()

        self._keeper.run(partial(set_aside, place), retry, done)

    def show(self) -> None:
        """Let a person turn it on or off."""
        keeper, place = self._keeper, self._keeper.place
        is_on = place.protection is Protection.KEY_STORE
        dialog = KeyStoreDialog(is_on, place.is_turned_off, self._window)

        def turned_on(session: Session) -> None:
            dialog.close_for_good()
            keeper.take(session)
            self._tell(TURNED_ON)

        def turned_off(given: tuple[int, int]) -> None:
            dialog.close_for_good()
            keeper.let_go()
            self._tell(turned_off_text(*given))

        def know(is_there: bool) -> None:
            if not sip.isdeleted(dialog) and not is_on:
                none = ACCOUNT_WORDS[AccountProblem.NO_KEY_STORE]
                dialog.refuse("" if is_there else " ".join(none))

        def turn(way: Callable[[], object], done: Callable[..., object]) -> None:
            keeper.with_cases_closed(
                lambda: keeper.run(way, dialog.fail, done), lambda: dialog.fail(_NoError())
            )

        def off() -> None:
            session = keeper.session
            if session is not None:
                turn(partial(turn_off, session), turned_off)

        dialog.on_wanted.connect(lambda: turn(partial(turn_on, place, self._secrets), turned_on))
        dialog.off_wanted.connect(off)
        dialog.open()
        keeper.run(lambda: self._secrets.is_there, lambda _: know(False), know)


class _NoError(Exception):
    """Nothing went wrong: a dialog goes back to where it was."""
