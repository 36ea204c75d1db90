"""Makes an archive of a back-up on a computer that has none: by a password, or the recovery key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import (
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.protection import AccountError
from spinealign.ui.network.forms import choice
from spinealign.ui.vault.password_fields import NewPassword, PasswordField
from spinealign.ui.vault.working_dialog import WorkingDialog
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.vault.place import Place
from spinealign.vault.safety_copies import (
    Restoring,
    accounts_of,
    back_ups_on,
    restoring,
    restoring_with_recovery_key,
)
from spinealign.wording import explain
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
    RESTORE_OVER_NOTE,
    RESTORE_TITLE,
    RESTORING,
    TYPE_NAME,
    WAY_LABEL,
    WAYS,
    accounts_text,
)

BY_PASSWORD, BY_KEY = "password", "key"


class RestoreDialog(WorkingDialog):
    """Asks which back-up, and how it is opened; `wanted` brings what makes an archive of it.

    Parameters
    ----------
    place : Place
    parent : QWidget
    replaces : bool
        Whether an archive that does not open is set aside for it.
    """

    wanted = pyqtSignal(object)

    def __init__(self, place: Place, parent: QWidget, *, replaces: bool = False) -> None:
        super().__init__(RESTORE_TITLE, RESTORE_NOW, RESTORING, parent)
        self._place, self._replaces = place, replaces
        self.browse = QPushButton(CHOOSE_FOLDER)
        self.browse.setAutoDefault(False)
        self.copies, self.way = choice({}), choice(WAYS)
        self.name, self.key = QLineEdit(), QLineEdit()
        self.password, self.new = PasswordField(), NewPassword()
        self._key_label = QLabel(RECOVERY_KEY_LABEL)
        self._lay_out()
        self._connect()
        self._show_way()
        self.browse.setFocus()

    def _lay_out(self) -> None:
        page = QWidget()
        rows = QVBoxLayout(page)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(wrapped_label(RESTORE_NOTE))
        if self._replaces:
            rows.addWidget(wrapped_label(RESTORE_OVER_NOTE, "warning"))
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
        for part in (self.password, self._key_label, self.key, self.new):
            rows.addWidget(part)
        self.fill(page)

    def _connect(self) -> None:
        self.browse.clicked.connect(self._choose_folder)
        self.way.currentIndexChanged.connect(self._show_way)
        self.copies.currentIndexChanged.connect(self._tell_accounts)
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
        if not self.copies.count():
            self.told.say(NO_BACK_UP_THERE, "danger")
        self.follow()

    def _tell_accounts(self) -> None:
        """Say which accounts the chosen back-up has: on a new computer nobody may remember."""
        copy = self.copies.currentData()
        try:
            names = [] if copy is None else [each.name for each in accounts_of(Path(copy))]
        except AccountError as error:
            self.told.say(explain(error).sentence, "danger")
            names = []
        if names:
            self.told.say(accounts_text(names), "muted")
        if len(names) == 1 and not self.name.text():
            self.name.setText(names[0])
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
    def missing(self) -> str:
        """What has to be chosen or typed yet."""
        if not self.copies.count():
            return CHOOSE_BACK_UP
        if not self.name.text().strip():
            return TYPE_NAME
        if self.is_by_key:
            return self.new.reason if self.key.text().strip() else TYPE_RECOVERY_KEY
        return "" if self.password.text else TYPE_PASSWORD

    def begin(self) -> None:
        """Bring what makes the archive, one file after another."""
        copy, name = Path(self.copies.currentData()), self.name.text().strip()
        steps: Callable[[], Restoring]
        if self.is_by_key:
            typed = self.key.text(), name, self.new.text
            steps = partial(
                restoring_with_recovery_key, copy, self._place, *typed, replaces=self._replaces
            )
        else:
            typed_password = self.password.text
            steps = partial(
                restoring, copy, self._place, name, typed_password, replaces=self._replaces
            )
        self.wanted.emit(steps)

    def forget(self) -> None:
        """Forget passwords and key."""
        self.password.clear()
        self.new.clear()
        self.key.clear()
