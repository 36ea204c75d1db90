"""Signing a reading with the page before one's eyes, and adding to a signed one."""

from __future__ import annotations

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.reading import CONTEXT_KINDS, AddendumDraft, Decision
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.reading.case_readings import ReadingSnapshot
from spinealign.ui.reading.impression_box import KEEP_DELAY_MS
from spinealign.ui.widgets.labels import without_icons, wrapped_label
from spinealign.wording.accounts_window import SIGNS_AS
from spinealign.wording.reading_window import disagreement_text, left_text, rejected_context_text

_PREVIEW_EM = 92
_SHORT_NAME = 40
_BEING_MADE = "The page is being made. Look at it, then sign."


class SignDialog(QDialog):
    """Shows the page as it will be signed; `signed` brings the reader's name.

    Nothing is signed before the page is there, or before it is told why there is none.

    Parameters
    ----------
    reader : str
        Name remembered from the last time; empty the first time.
    is_account : bool
        Whether it is that of the account that is signed in, and nothing to type.
    """

    signed = pyqtSignal(str)

    def __init__(
        self, snapshot: ReadingSnapshot, reader: str, parent: QWidget | None,
        is_account: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Sign and save")
        explain(self, "reading")
        self._snapshot, self._is_shown = snapshot, False
        self.preview = QScrollArea()
        self.preview.setWidgetResizable(True)
        self.preview.setAccessibleName("Preview of the page")
        self.preview.setWidget(wrapped_label(_BEING_MADE, "muted"))
        self.name = QLineEdit(reader)
        self.name.setMaxLength(200)
        self.name.setPlaceholderText("Name as it stands on the report")
        _fix(self.name, is_account)
        self.name.textChanged.connect(self._offer)
        self.reason = wrapped_label("", "warning")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.sign = QPushButton("Sign")
        self.sign.setProperty("primary", "true")
        self.sign.setDefault(True)
        buttons.addButton(self.sign, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._sign)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        form = QFormLayout()
        form.addRow("&Reader", self.name)
        column = QVBoxLayout(self)
        column.addWidget(self.preview, 1)
        column.addLayout(form)
        column.addWidget(
            wrapped_label("Once signed, only an addendum changes the reading.", "muted")
        )
        self.disagreement = wrapped_label(disagreement_text(snapshot.disagreement), "danger")
        self.disagreement.setVisible(bool(snapshot.disagreement))
        column.addWidget(self.disagreement)
        rejected = [
            each.finding
            for each in snapshot.read.values()
            if each.finding.kind in CONTEXT_KINDS and each.state is Decision.REJECTED
        ]
        self.rejected_context = wrapped_label(rejected_context_text(rejected), "danger")
        self.rejected_context.setVisible(bool(rejected))
        column.addWidget(self.rejected_context)
        column.addWidget(self.reason)
        column.addWidget(buttons)
        self._offer()
        (self.preview if reader else self.name).setFocus()

    def show_preview(self, page: QWidget) -> None:
        """Show the page, or why there is none; now the reading can be signed."""
        self.preview.setWidget(page)
        self._is_shown = True
        self._offer()

    def open_fitted(self) -> None:
        """Open beside nothing, never larger than the window it belongs to."""
        parent, em = self.parentWidget(), self.fontMetrics().averageCharWidth()
        width, height = _PREVIEW_EM * em, round(1.35 * _PREVIEW_EM * em)
        if parent is not None:
            width, height = min(width, parent.width() - 40), min(height, parent.height() - 40)
        self.resize(width, height)
        self.open()

    def _offer(self) -> None:
        """Let the reading be signed, or say what is missing."""
        reason = why_not_signed(self._snapshot, self.name.text())
        waits = "" if self._is_shown else _BEING_MADE
        name = " ".join(self.name.text().split())
        self.sign.setText(
            f"Sign as {name.replace('&', '&&')}" if name and len(name) <= _SHORT_NAME else "Sign"
        )
        self.sign.setEnabled(not (reason or waits))
        self.sign.setToolTip(reason or waits or "Sign and save the reading (Return)")
        self.reason.setText(reason or waits)
        self.reason.setVisible(bool(reason or waits))

    def _sign(self) -> None:
        self.signed.emit(" ".join(self.name.text().split()))
        self.accept()


def why_not_signed(snapshot: ReadingSnapshot, reader: str) -> str:
    """Return why a reading cannot be signed by this reader; empty if it can."""
    if snapshot.faults:
        return "What is saved of this reading is not as it was written; see the reading page."
    if snapshot.pending:
        how = " (Ctrl+R: all that may be accepted together)" if snapshot.acceptable else ""
        return f"{left_text(snapshot.pending)} Accept, change or reject each{how}."
    if not snapshot.reading.impression.text.strip():
        return "The impression is empty."
    if not reader.strip():
        return "Enter your name."
    is_name = any(map(str.isalpha, reader)) and not set(reader) & _NOT_IN_NAMES
    return "" if is_name else "A name has letters, and no slashes or colons."


_NOT_IN_NAMES = frozenset('/\\:*?"<>|')
"""What only paths hold: a path that was pasted beside the name is no reader."""


def _fix(name: QLineEdit, is_account: bool) -> None:
    """Let nobody sign with another name than that of the account."""
    if is_account:
        name.setReadOnly(True)
        name.setToolTip(SIGNS_AS)
        name.setAccessibleDescription(SIGNS_AS)


class AddendumDialog(QDialog):
    """Asks for the text of an addendum and its reason; `added` brings text, reason and reader.

    What is typed is kept until it is signed or discarded, with the name of who types it: `edited`
    brings it.

    Parameters
    ----------
    reader : str
        Who begins an addendum; one that was begun has its own.
    is_account : bool
        Whether it is that of the account that is signed in: it signs whoever began.
    draft : AddendumDraft
        What was typed before.
    """

    added = pyqtSignal(str, str, str)
    edited = pyqtSignal(object)

    def __init__(
        self, reader: str, draft: AddendumDraft, parent: QWidget | None, is_account: bool = False
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Add addendum")
        explain(self, "reading")
        self.text = QPlainTextEdit(draft.text)
        self.text.setAccessibleName("Addendum")
        self.text.setTabChangesFocus(True)
        self.reason, self.name = (
            QLineEdit(draft.reason),
            QLineEdit(reader if is_account else draft.reader or reader),
        )
        _fix(self.name, is_account)
        self.reason.setPlaceholderText("Why the signed reading is amended")
        self.reason.setMaxLength(2000)
        self.name.setMaxLength(200)
        self._kept = self.draft
        self.missing = wrapped_label("", "warning")
        # Its line is kept free, else the fields would jump while they are filled in.
        self.missing.setMinimumHeight(self.fontMetrics().height())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.discard = QPushButton("Discard")
        buttons.addButton(self.discard, QDialogButtonBox.ButtonRole.ResetRole)
        self.discard.setAutoDefault(False)
        self.discard.clicked.connect(lambda: self._discard())
        self.add = QPushButton("Sign addendum")
        self.add.setProperty("primary", "true")
        self.add.setDefault(True)
        buttons.addButton(self.add, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._take)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        form = QFormLayout()
        form.addRow("Addendum", self.text)
        form.addRow("&Reason", self.reason)
        form.addRow("Rea&der", self.name)
        column = QVBoxLayout(self)
        column.addWidget(
            wrapped_label(
                "The signed reading stays as it is; the addendum is added to it. What you type is "
                "kept until you sign or discard it."
            )
        )
        column.addLayout(form)
        column.addWidget(self.missing)
        column.addWidget(buttons)
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(KEEP_DELAY_MS)
        self._delay.timeout.connect(self.keep)
        for field in (self.text, self.reason, self.name):
            field.textChanged.connect(self._offer)
            field.textChanged.connect(self._delay.start)
        self._offer()
        self.text.setFocus()

    @property
    def draft(self) -> AddendumDraft:
        """What is typed now; a name alone is nothing."""
        typed = AddendumDraft(self.text.toPlainText(), self.reason.text(), self._reader)
        return AddendumDraft() if typed.is_empty else typed

    def keep(self) -> None:
        """Hand on what was typed."""
        self._delay.stop()
        if self.draft != self._kept:
            self._kept = self.draft
            self.edited.emit(self._kept)

    def show_draft(self, draft: AddendumDraft) -> None:
        """Show what is kept now, with what another window typed; what is being typed stays."""
        is_other = (draft.text, draft.reason) != (self._kept.text, self._kept.reason)
        if is_other and self.draft == self._kept:
            self.text.setPlainText(draft.text)
            self.reason.setText(draft.reason)
            self._kept = self.draft

    def done(self, result: int) -> None:
        """Keep what was typed, however the dialog is closed."""
        self.keep()
        super().done(result)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Keep what was typed when the program is closed."""
        self.keep()
        super().closeEvent(event)

    @property
    def _reader(self) -> str:
        return " ".join(self.name.text().split())

    def _discard(self) -> None:
        self.text.clear()
        self.reason.clear()
        self.reject()

    def _offer(self) -> None:
        missing = [
            word
            for word, text in (
                ("the addendum", self.text.toPlainText()),
                ("its reason", self.reason.text()),
                ("your name", self.name.text()),
            )
            if not text.strip()
        ]
        said = f"Still missing: {', '.join(missing)}." if missing else ""
        self.add.setEnabled(not missing)
        self.add.setToolTip(said or "Sign the addendum (Return)")
        is_empty = self.draft.is_empty
        self.discard.setEnabled(not is_empty)
        self.discard.setToolTip("Nothing is typed" if is_empty else "Forget what is typed")
        self.missing.setText(said)

    def _take(self) -> None:
        self.keep()
        self.added.emit(self.text.toPlainText().strip(), self.reason.text().strip(), self._reader)
        self.accept()
