"""Questions before something is changed for good: Return never does it."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QMessageBox, QWidget

Words = tuple[str, str, str, str, str]
"""Title, question, what it means, the button that does it, the one that does not."""


def ask(over: QWidget, words: Words, act: Callable[[], object]) -> QMessageBox:
    """Ask, and act if the answer is yes; Return and Esc leave everything as it is."""
    title, question, more, do, leave = words
    box = QMessageBox(QMessageBox.Icon.Question, title, question, parent=over)
    # Names of people and nodes are no markup.
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setInformativeText(more)
    yes = box.addButton(do, QMessageBox.ButtonRole.DestructiveRole)
    no = box.addButton(leave, QMessageBox.ButtonRole.RejectRole)
    assert yes is not None
    yes.setAutoDefault(False)
    box.setDefaultButton(no)
    box.setEscapeButton(no)
    yes.clicked.connect(lambda: act())
    box.finished.connect(box.deleteLater)
    box.open()
    return box
