"""The password of a package: typed twice to write one, once to read one."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QWidget

from spinealign.ui.manual.manual_window import explain as explain_page
from spinealign.ui.network.forms import Told, column_of
from spinealign.ui.vault.fitted_dialog import WIDTH_EM, FittedDialog
from spinealign.ui.vault.password_fields import NewPassword, PasswordField
from spinealign.ui.widgets.labels import offer, without_icons, wrapped_label
from spinealign.wording import Message
from spinealign.wording.accounts_window import TYPE_PASSWORD
from spinealign.wording.archive_window import (
    EXPORT_NOTE,
    EXPORT_NOW,
    EXPORT_TITLE,
    IMPORT_NOTE,
    IMPORT_NOW,
    IMPORT_TITLE,
    PACKING,
    UNPACKING,
)


class _PackageDialog(FittedDialog):
    """Asks for a password; `wanted` brings it."""

    wanted = pyqtSignal(str)

    def __init__(
        self, title: str, note: str, button: str, working: str, field: NewPassword | PasswordField,
        parent: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.setWindowTitle(title)
        explain_page(self, "archive")
        self.field, self.told, self.run = field, Told(), QPushButton(button)
        self._working, self._is_busy = working, False
        self.run.setProperty("primary", "true")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.run, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._take)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        for other in buttons.buttons():
            # Else it takes Return over once the other one waits.
            if isinstance(other, QPushButton) and other is not self.run:
                other.setAutoDefault(False)
        column = column_of(self)
        column.addWidget(wrapped_label(note))
        for part in (field, self.told, buttons):
            column.addWidget(part)
        self.run.setDefault(True)
        field.edited.connect(self.follow)
        self.follow()
        self.resize(WIDTH_EM * self.fontMetrics().averageCharWidth(), self.sizeHint().height())

    @property
    def reason(self) -> str:
        """Why it cannot be done yet; empty where it can."""
        if self._is_busy:
            return self._working
        if isinstance(self.field, NewPassword):
            return self.field.reason
        return "" if self.field.text else TYPE_PASSWORD

    def follow(self) -> None:
        """Offer what can be done now."""
        offer(self.run, self.reason)

    def fail(self, message: Message) -> None:
        """Say why it was not done, and let it be tried again."""
        self._is_busy = False
        self.told.say(f"{message.sentence} {message.advice}", "danger")
        self.follow()

    def _take(self) -> None:
        self._is_busy = True
        self.told.say(self._working, "muted")
        self.follow()
        self.wanted.emit(self.field.text)

    def reject(self) -> None:
        """Put it aside, unless it is being done."""
        if not self._is_busy:
            self._end(QDialog.DialogCode.Rejected)

    def close_for_good(self) -> None:
        """Close: it is done."""
        self._end(QDialog.DialogCode.Accepted)

    def _end(self, code: QDialog.DialogCode) -> None:
        self.field.clear()
        self.done(code)
        self.deleteLater()


class ExportDialog(_PackageDialog):
    """The password of a package that is to be written."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(EXPORT_TITLE, EXPORT_NOTE, EXPORT_NOW, PACKING, NewPassword(), parent)


class ImportDialog(_PackageDialog):
    """The password of a package that is to be read."""

    def __init__(self, parent: QWidget) -> None:
        field = PasswordField()
        super().__init__(IMPORT_TITLE, IMPORT_NOTE, IMPORT_NOW, UNPACKING, field, parent)
