"""Shows the recovery key once, prints it, and goes on when it is kept."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QFont, QFontDatabase, QTextDocument
from PyQt6.QtWidgets import QCheckBox, QLabel, QPushButton, QVBoxLayout, QWidget

from spinealign.ui.manual.manual_window import explain as explain_page
from spinealign.ui.network.forms import column_of
from spinealign.ui.vault.fitted_dialog import FittedDialog
from spinealign.ui.widgets.labels import offer, row_of, wrapped_label
from spinealign.wording.accounts_window import (
    GO_ON,
    KEPT_IT,
    NOT_KEPT_YET,
    PRINT,
    RECOVERY_NOTE,
    RECOVERY_PRINT_NOTE,
    RECOVERY_PRINT_TITLE,
    RECOVERY_TITLE,
)

_GROUPS_IN_LINE = 7


class RecoveryKeyView(QWidget):
    """The key in letters that are told apart, with Print; `kept_changed` says that it is kept."""

    kept_changed = pyqtSignal()

    def __init__(self, print_document: Callable[[QTextDocument, QWidget], None] | None = None):
        super().__init__()
        self._print_document = print_document or print_with_dialog
        self.key = QLabel()
        self.key.setFont(_fixed_font())
        self.key.setTextFormat(Qt.TextFormat.PlainText)
        self.key.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.key.setAccessibleName(RECOVERY_TITLE)
        self.key.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.print, self.kept = QPushButton(PRINT), QCheckBox(KEPT_IT)
        self.print.setAutoDefault(False)
        self.print.clicked.connect(self._print)
        self.kept.toggled.connect(lambda _: self.kept_changed.emit())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(wrapped_label(RECOVERY_NOTE))
        column.addSpacing(8)
        column.addWidget(self.key)
        column.addSpacing(8)
        column.addLayout(row_of(self.print, None, self.kept))
        column.addStretch(1)
        self._printed = ""

    @property
    def reason(self) -> str:
        """Why it does not go on yet."""
        return "" if self.kept.isChecked() else NOT_KEPT_YET

    def show_key(self, key: str) -> None:
        """Show a key, in lines that are easy to compare."""
        self._printed = key
        groups = key.split("-")
        lines = [
            "-".join(groups[at : at + _GROUPS_IN_LINE])
            for at in range(0, len(groups), _GROUPS_IN_LINE)
        ]
        self.key.setText("\n".join(lines))

    def forget(self) -> None:
        """Show it no longer."""
        self._printed = ""
        self.key.clear()

    def _print(self) -> None:
        document = QTextDocument()
        document.setDefaultFont(_fixed_font())
        document.setPlainText(
            f"{RECOVERY_PRINT_TITLE}\n\n{self.key.text()}\n\n{RECOVERY_PRINT_NOTE}"
        )
        self._print_document(document, self)


class RecoveryKeyDialog(FittedDialog):
    """A new recovery key; it closes when the key is kept, and not before."""

    def __init__(self, key: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(RECOVERY_TITLE)
        self.setWindowModality(Qt.WindowModality.ApplicationModal)
        explain_page(self, "accounts")
        self.view = RecoveryKeyView()
        self.view.show_key(key)
        self.go_on = QPushButton(GO_ON)
        self.go_on.clicked.connect(self.accept)
        column = column_of(self)
        column.addWidget(self.view)
        column.addLayout(row_of(None, self.go_on))
        self.go_on.setDefault(True)
        self.view.kept_changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        offer(self.go_on, self.view.reason)

    def reject(self) -> None:
        """Stay until the key is kept: it is not shown again."""
        if not self.view.reason:
            super().reject()


def print_with_dialog(document: QTextDocument, over: QWidget) -> None:
    """Ask for a printer and print."""
    from PyQt6.QtPrintSupport import QPrintDialog, QPrinter

    printer = QPrinter(QPrinter.PrinterMode.HighResolution)
    dialog = QPrintDialog(printer, over.window())
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.accepted.connect(lambda: document.print(printer))
    dialog.open()


def _fixed_font() -> QFont:
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPointSizeF(1.15 * font.pointSizeF())
    return font
