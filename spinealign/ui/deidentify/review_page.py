"""A look at every picture: boxes round its text, and which of them a person accepted."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QPixmap
from PyQt6.QtWidgets import QHBoxLayout, QListWidget, QPushButton, QVBoxLayout, QWidget

from spinealign.ui.deidentify.box_editor import BoxEditor
from spinealign.ui.deidentify.jobs import Picture
from spinealign.ui.widgets.labels import offer, row_of, wrapped_label
from spinealign.wording.deidentify_window import (
    ACCEPT,
    ADD_BOX,
    DELETE_BOX,
    NO_BOX,
    NO_PICTURES,
    PICTURES,
    REVIEW_INTRODUCTION,
    UNSEEN_PICTURE,
    decided_text,
    picture_row,
)

_LIST_EM = 26


class ReviewPage(QWidget):
    """`changed` says that boxes changed, or a picture was accepted."""

    changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.pictures: list[Picture] = []
        self.list, self.editor = QListWidget(), BoxEditor()
        self.list.setAccessibleName(PICTURES)
        self.list.setObjectName("settingsPages")
        self.list.setFixedWidth(_LIST_EM * self.fontMetrics().averageCharWidth())
        self.accept_one = QPushButton(ACCEPT)
        self.add_box, self.delete_box = QPushButton(ADD_BOX), QPushButton(DELETE_BOX)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(wrapped_label(REVIEW_INTRODUCTION, "muted"))
        row = QHBoxLayout()
        row.addWidget(self.list)
        row.addWidget(self.editor, 1)
        column.addLayout(row, 1)
        column.addLayout(row_of(self.add_box, self.delete_box, None, self.accept_one))
        self.list.currentRowChanged.connect(self._show_picture)
        self.editor.changed.connect(self._take_boxes)
        self.editor.accepted.connect(self.run_accept)
        self.add_box.clicked.connect(self.editor.add_box)
        self.delete_box.clicked.connect(self.editor.delete_box)
        self.accept_one.clicked.connect(self.run_accept)
        self._follow()

    def show_pictures(self, pictures: Sequence[Picture]) -> None:
        """Show pictures to decide on: those with text come first, unreadable ones last."""
        self.pictures = sorted(pictures, key=lambda one: (one.shown is None, not one.boxes))
        self.list.clear()
        self.list.addItems([self._row_text(place) for place in range(len(self.pictures))])
        self.list.setCurrentRow(0 if pictures else -1)
        self.editor.setFocus()

    @property
    def said(self) -> tuple[str, str]:
        """How many pictures were accepted, in words, and what kind of words these are."""
        if not self.pictures:
            return NO_PICTURES, "muted"
        decided = sum(one.is_decided for one in self.pictures)
        held = sum(bool(one.boxes) and not one.is_decided for one in self.pictures)
        return decided_text(decided, len(self.pictures), held), "warning" if held else "muted"

    def run_accept(self) -> None:
        """Accept the picture as it is shown, and go to the next one."""
        place = self.list.currentRow()
        if not 0 <= place < len(self.pictures) or self.pictures[place].shown is None:
            return
        self.pictures[place].is_decided = True
        self._tell_row(place)
        if place + 1 < len(self.pictures):
            self.list.setCurrentRow(place + 1)
        self._follow()

    def _show_picture(self, place: int) -> None:
        if 0 <= place < len(self.pictures):
            one = self.pictures[place]
            pixmap = QPixmap() if one.shown is None else QPixmap(str(one.shown))
            self.editor.show_picture(
                pixmap, max(one.image.rows, 1), max(one.image.columns, 1), one.boxes
            )
        self._follow()

    def _take_boxes(self) -> None:
        place = self.list.currentRow()
        if not 0 <= place < len(self.pictures):
            return
        one, boxes = self.pictures[place], self.editor.boxes
        if boxes != one.boxes:
            one.boxes, one.is_decided = boxes, False
            self._tell_row(place)
        self._follow()

    def _follow(self) -> None:
        place = self.list.currentRow()
        is_there = 0 <= place < len(self.pictures) and self.pictures[place].shown is not None
        for button in (self.accept_one, self.add_box):
            offer(button, "" if is_there else UNSEEN_PICTURE if self.pictures else NO_PICTURES)
        has_box = 0 <= self.editor.chosen < len(self.editor.boxes)
        offer(self.delete_box, "" if has_box else NO_BOX)
        self.changed.emit()

    def _row_text(self, place: int) -> str:
        one = self.pictures[place]
        return picture_row(place + 1, len(one.boxes), one.is_decided, one.shown is None)

    def _tell_row(self, place: int) -> None:
        item = self.list.item(place)
        if item is not None:
            item.setText(self._row_text(place))
