"""Who is at work, for all parts of the window; without accounts it allows everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSignal

from spinealign.domain.protection import Right

if TYPE_CHECKING:
    from spinealign.model_store.watching import Watch

RecordFailure = Callable[[str, Sequence[Path], BaseException | None], object]
"""Of the kind of event, images, and what made it fail."""


class AtWork(QObject):
    """What the parts of the window ask before they offer or do something.

    `changed` says that somebody signed in or out, locked or unlocked, or has other rights.
    `is_with_accounts` says whether there are accounts; `full_name` is what stands under a
    signature then. `may` tells whether something may be done; `record` writes down what is about
    to be done with images, and with which node, and returns whether that worked; `record_failure`
    writes that it failed then, or was stopped (None); `confirm` does
    something once the password was typed again. `watch_models` returns what a store of models asks
    and tells before it changes something; None where nobody has to know.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.is_with_accounts = False
        self.full_name = ""
        self.may: Callable[[Right], bool] = lambda _: True
        self.record: Callable[[str, Sequence[Path], str], bool] = lambda *_: True
        self.record_failure: RecordFailure = lambda *_: None
        self.change_reading: Callable[[], bool] = lambda: True
        self.confirm: Callable[[Callable[[], object]], object] = lambda act: act()
        self.watch_models: Callable[[], Watch | None] = lambda: None

    def forget(self) -> None:
        """Allow everything: there are no accounts."""
        self.is_with_accounts, self.full_name = False, ""
        self.may = lambda _: True
        self.record = lambda *_: True
        self.record_failure = lambda *_: None
        self.change_reading = lambda: True
        self.confirm = lambda act: act()
        self.watch_models = lambda: None

    def refusal(self, right: Right, reason: str) -> str:
        """Return the reason where something may not be done; empty where it may."""
        return "" if self.may(right) else reason
