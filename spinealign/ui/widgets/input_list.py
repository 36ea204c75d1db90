"""A list of files and folders that a person puts together, with the buttons that change it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import QSize, pyqtSignal
from PyQt6.QtGui import QPaintEvent
from PyQt6.QtWidgets import QFileDialog, QListWidget, QPushButton, QWidget

from spinealign.ui.widgets.labels import offer, write_in_middle
from spinealign.wording.text import safe_text

_FEWEST_ROWS = 5


@dataclass(frozen=True)
class InputWords:
    """What the list and its buttons are called.

    Parameters
    ----------
    name : str
        Of the list.
    empty : str
        Shown in it while nothing is in it; may be empty.
    add_files, add_folder, remove : str
        Of the buttons, with their keys.
    nothing_chosen : str
        Why nothing can be removed.
    """

    name: str
    empty: str
    add_files: str
    add_folder: str
    remove: str
    nothing_chosen: str


class InputList(QListWidget):
    """Files and folders, each once, and what else is added; `changed` says that there are others.

    The buttons `add_files`, `add_folder` and `remove` are laid out by who has the list.

    Parameters
    ----------
    words : InputWords
    parent : QWidget, optional
        Of the dialogs that ask for files; the list itself where left out.
    said : callable
        What is shown of an entry.
    """

    changed = pyqtSignal()

    def __init__(
        self, words: InputWords, parent: QWidget | None = None,
        said: Callable[[object], str] = str,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.entries: list[object] = []
        self._words, self._said = words, said
        self.setAccessibleName(words.name)
        self.setAccessibleDescription(words.empty)
        self.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.setMinimumHeight(_FEWEST_ROWS * self.fontMetrics().lineSpacing())
        self.add_files, self.add_folder = (
            QPushButton(words.add_files),
            QPushButton(words.add_folder),
        )
        self.remove = QPushButton(words.remove)
        self.add_files.clicked.connect(self._ask_files)
        self.add_folder.clicked.connect(self._ask_folder)
        self.remove.clicked.connect(self._remove)
        self.itemSelectionChanged.connect(self._follow)
        self._follow()

    def sizeHint(self) -> QSize:
        """Return the least height: the list takes what is left of a page, and never its room."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Say what the list is for while it is empty."""
        super().paintEvent(event)
        port = self.viewport()
        if self.count() or port is None:
            return
        write_in_middle(port, self._words.empty)

    @property
    def paths(self) -> list[Path]:
        """The files and folders among the entries."""
        return [entry for entry in self.entries if isinstance(entry, Path)]

    def add(self, entries: Sequence[object]) -> None:
        """Add files and folders, or what else can be one of the entries."""
        self._set([*self.entries, *entries])

    def _set(self, entries: Sequence[object]) -> None:
        self.entries = list(dict.fromkeys(entries))
        self.clear()
        self.addItems([safe_text(self._said(entry)) for entry in self.entries])
        self._follow()
        self.changed.emit()

    def _follow(self) -> None:
        offer(self.remove, "" if self.selectedItems() else self._words.nothing_chosen)

    def _ask_files(self) -> None:
        title = self._words.add_files.replace("&", "")
        names, _ = QFileDialog.getOpenFileNames(self, title)
        self.add([Path(name) for name in names])

    def _ask_folder(self) -> None:
        title = self._words.add_folder.replace("&", "")
        name = QFileDialog.getExistingDirectory(self, title)
        self.add([Path(name)] if name else [])

    def _remove(self) -> None:
        gone = {self.row(item) for item in self.selectedItems()}
        self._set([entry for place, entry in enumerate(self.entries) if place not in gone])
