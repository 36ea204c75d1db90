"""Makes an archive of a back-up on a computer that has none: by a password, or the recovery key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.ui.manual.manual_window import explain as explain_page
from spinealign.ui.network.forms import Told, choice, column_of
from spinealign.ui.vault.fitted_dialog import WIDTH_EM, FittedDialog, Scrolled
from spinealign.ui.vault.password_fields import NewPassword, PasswordField
from spinealign.ui.widgets.labels import offer, without_icons, wrapped_label
from spinealign.vault.place import Place
from spinealign.vault.safety_copies import back_ups_on, restore, restore_with_recovery_key
from spinealign.wording import Message
from spinealign.wording.accounts_window import (
    RECOVERY_KEY_LABEL,
    TYPE_PASSWORD,
    TYPE_RECOVERY_KEY,
)
from spinealign.wording.archive_list import back_up_words
from spinealign.wording.archive_window import (
    CHOOSE_BACK_UP,
    CHOOSE_FOLDER,
    COPY_LABEL,
    DRILL_TITLE,
    NAME_LABEL,
    NO_BACK_UP_THERE,
    RESTORE_NOTE,
    RESTORE_NOW,
    RESTORE_TITLE,
    RESTORING,
    TYPE_NAME,
    WAY_LABEL,
    WAYS,
)

BY_PASSWORD, BY_KEY = "password", "key"


class RestoreDialog(FittedDialog):
    """Asks which back-up, and how it is opened; `wanted` brings what makes an archive of it."""

    wanted = pyqtSignal(object)

    def __init__(self, place: Place, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(RESTORE_TITLE)
        explain_page(self, "archive")
        self._place, self._is_busy = place, False
        self.browse, self.run = QPushButton(CHOOSE_FOLDER), QPushButton(RESTORE_NOW)
        self.browse.setAutoDefault(False)
        self.run.setProperty("primary", "true")
        self.copies, self.way = choice({}), choice(WAYS)
        self.name, self.key = QLineEdit(), QLineEdit()
        self.password, self.new, self.told = PasswordField(), NewPassword(), Told()
        self._key_label = QLabel(RECOVERY_KEY_LABEL)
        self._lay_out()
        self._connect()
        self._show_way()
        self.resize(WIDTH_EM * self.fontMetrics().averageCharWidth(), self.sizeHint().height())
        self.browse.setFocus()

    def _lay_out(self) -> None:
        page = QWidget()
        rows = QVBoxLayout(page)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(wrapped_label(RESTORE_NOTE))
        rows.addWidget(self.browse)
        for words, field in (
            (COPY_LABEL, self.copies), (NAME_LABEL, self.name), (WAY_LABEL, self.way),
        ):  # fmt: skip
            label = QLabel(words)
            label.setBuddy(field)
            field.setAccessibleName(words.replace("&", ""))
            rows.addWidget(label)
            rows.addWidget(field)
        self._key_label.setBuddy(self.key)
        self.key.setAccessibleName(RECOVERY_KEY_LABEL.replace("&", ""))
        for part in (self.password, self._key_label, self.key, self.new, self.told):
            rows.addWidget(part)
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
        column.addWidget(buttons)
        self.run.setDefault(True)

    def _connect(self) -> None:
        self.browse.clicked.connect(self._choose_folder)
        self.way.currentIndexChanged.connect(self._show_way)
        self.copies.currentIndexChanged.connect(self.follow)
        for line in (self.name, self.key):
            line.textChanged.connect(self.follow)
        self.name.textChanged.connect(self.new.for_account)
        for field in (self.password, self.new):
            field.edited.connect(self.follow)

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, DRILL_TITLE)
        if not name:
            return
        self.copies.clear()
        for copy in reversed(back_ups_on(Path(name))):
            self.copies.addItem(back_up_words(copy), copy)
        self.told.say("" if self.copies.count() else NO_BACK_UP_THERE, "danger")
        self.follow()

    @property
    def is_by_key(self) -> bool:
        """Whether the recovery key opens it, and the account gets a new password."""
        return bool(self.way.currentData() == BY_KEY)

    def _show_way(self) -> None:
        for part in (self._key_label, self.key, self.new):
            part.setVisible(self.is_by_key)
        self.password.setVisible(not self.is_by_key)
        self.follow()
        self.fit()

    @property
    def reason(self) -> str:
        """Why it cannot be done yet; empty where it can."""
        if self._is_busy:
            return RESTORING
        if not self.copies.count():
            return CHOOSE_BACK_UP
        if not self.name.text().strip():
            return TYPE_NAME
        if self.is_by_key:
            return self.new.reason if self.key.text().strip() else TYPE_RECOVERY_KEY
        return "" if self.password.text else TYPE_PASSWORD

    def follow(self) -> None:
        """Offer what can be done now."""
        offer(self.run, self.reason)

    def _take(self) -> None:
        copy, name = Path(self.copies.currentData()), self.name.text().strip()
        act: Callable[[], int]
        if self.is_by_key:
            typed = self.key.text(), name, self.new.text
            act = partial(restore_with_recovery_key, copy, self._place, *typed)
        else:
            act = partial(restore, copy, self._place, name, self.password.text)
        self._is_busy = True
        self.told.say(RESTORING, "muted")
        self.follow()
        self.wanted.emit(act)

    def fail(self, message: Message) -> None:
        """Say why it was not done, and let it be tried again."""
        self._is_busy = False
        self.told.say(f"{message.sentence} {message.advice}", "danger")
        self.follow()

    def reject(self) -> None:
        """Put it aside, unless it is being done."""
        if not self._is_busy:
            self._end(QDialog.DialogCode.Rejected)

    def close_for_good(self) -> None:
        """Close: it is done."""
        self._end(QDialog.DialogCode.Accepted)

    def _end(self, code: QDialog.DialogCode) -> None:
        self.password.clear()
        self.new.clear()
        self.key.clear()
        self.done(code)
        self.deleteLater()
