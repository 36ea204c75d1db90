"""A dialog that sets one thing of an account, and stays until that is done or put aside."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QVBoxLayout, QWidget

from spinealign.domain.errors import SpineAlignError
from spinealign.ui.manual.manual_window import explain as explain_page
from spinealign.ui.network.forms import Told, column_of
from spinealign.ui.vault.fitted_dialog import FittedDialog, Scrolled
from spinealign.ui.widgets.labels import offer, without_icons
from spinealign.wording import explain


class SettingDialog(FittedDialog):
    """A kind of it fills `column`, says in `missing` what is missing, and begins in `_take`.

    Once `column` has its fields the kind calls `_end_with_buttons`.

    Parameters
    ----------
    title : str
    button : str
        On what sets it.
    working : str
        Said while it is being done.
    parent : QWidget
    """

    def __init__(self, title: str, button: str, working: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setWindowModality(Qt.WindowModality.ApplicationModal)
        explain_page(self, "accounts")
        self._working, self.is_busy = working, False
        self._page = QWidget()
        self.column = QVBoxLayout(self._page)
        self.column.setContentsMargins(2, 2, 2, 2)
        self.told, self.set = Told(), QPushButton(button)
        self.set.setProperty("primary", "true")

    def _end_with_buttons(self) -> None:
        """Lay out the buttons, once there are fields: Tab comes to them in this order."""
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.buttons.addButton(self.set, QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self._take)
        self.buttons.rejected.connect(self.reject)
        without_icons(self.buttons)
        self.scrolled = Scrolled(self._page)
        outer = column_of(self)
        outer.addWidget(self.scrolled, 1)
        outer.addWidget(self.told)
        outer.addWidget(self.buttons)
        self.set.setDefault(True)

    @property
    def missing(self) -> str:
        """What is missing still; empty where nothing is."""
        raise NotImplementedError

    @property
    def reason(self) -> str:
        """Why it cannot be done yet; empty where it can."""
        return self._working if self.is_busy else self.missing

    def follow(self) -> None:
        """Offer what can be done now."""
        offer(self.set, self.reason)

    def wait(self) -> None:
        """Say that it is being done."""
        self.is_busy = True
        self.told.say(self._working, "muted")
        self.follow()

    def fail(self, error: Exception) -> None:
        """Say why nothing was changed."""
        self.is_busy = False
        if isinstance(error, SpineAlignError):
            message = explain(error)
            self.told.say(f"{message.sentence} {message.advice}", "danger")
        self.follow()

    def _take(self) -> None:
        raise NotImplementedError

    def _forget(self) -> None:
        """Forget what was typed and must not stay in memory."""

    def reject(self) -> None:
        """Put it aside, unless it is being done."""
        if not self.is_busy:
            self._forget()
            super().reject()
            self._tell_put_aside()
            self.deleteLater()

    def _tell_put_aside(self) -> None:
        """Tell whoever waits for it."""

    def close_for_good(self) -> None:
        """Close: it is done."""
        self._forget()
        self.done(QDialog.DialogCode.Accepted)
        self.deleteLater()
