"""The password of a package: typed twice to write one, once to read one."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from spinealign.ui.vault.password_fields import NewPassword, PasswordField
from spinealign.ui.vault.working_dialog import WorkingDialog
from spinealign.ui.widgets.labels import wrapped_label
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


class _PackageDialog(WorkingDialog):
    """Asks for a password; `wanted` brings it."""

    wanted = pyqtSignal(str)

    def __init__(
        self, words: tuple[str, str, str], note: str, field: NewPassword | PasswordField,
        parent: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(*words, parent)
        self.field = field
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(wrapped_label(note))
        column.addWidget(field)
        self.fill(page)
        field.edited.connect(self.follow)
        self.follow()
        field.setFocus()

    @property
    def missing(self) -> str:
        """What has to be typed yet."""
        if isinstance(self.field, NewPassword):
            return self.field.reason
        return "" if self.field.text else TYPE_PASSWORD

    def begin(self) -> None:
        """Bring the password."""
        self.wanted.emit(self.field.text)

    def forget(self) -> None:
        """Forget the password."""
        self.field.clear()


class ExportDialog(_PackageDialog):
    """The password of a package that is to be written; `what` says of which examination."""

    def __init__(self, what: str, parent: QWidget) -> None:
        words = EXPORT_TITLE, EXPORT_NOW, PACKING
        super().__init__(words, f"{what}\n\n{EXPORT_NOTE}", NewPassword(), parent)


class ImportDialog(_PackageDialog):
    """The password of a package that is to be read."""

    def __init__(self, parent: QWidget) -> None:
        words = IMPORT_TITLE, IMPORT_NOW, UNPACKING
        super().__init__(words, IMPORT_NOTE, PasswordField(), parent)
