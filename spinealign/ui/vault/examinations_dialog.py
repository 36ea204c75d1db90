"""Examinations of the archive for a batch: by words and a tag, as the command line has them."""

from __future__ import annotations

import sys
from functools import partial

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from spinealign.archive.records import Search
from spinealign.archive.searching import choices_of
from spinealign.domain.protection import Right
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.network.forms import Told, choice, column_of
from spinealign.ui.vault.desk import ArchiveDesk
from spinealign.ui.widgets.labels import offer, without_icons, wrapped_label
from spinealign.ui.work.tasks import Task
from spinealign.vault.session import Session
from spinealign.wording import Message
from spinealign.wording.archive import ALL_EXAMINATIONS, query_text
from spinealign.wording.archive_window import ANY, FIELD_LABELS, SEARCHING, WORDS_HINT
from spinealign.wording.batch_window import (
    ADD,
    EXAMINATIONS_NOTE,
    EXAMINATIONS_TITLE,
    NO_EXAMINATIONS,
)

_WIDTH_EM = 92


class ExaminationsDialog(QDialog):
    """`chosen` brings the `Search`, and how many examinations it finds now.

    Parameters
    ----------
    desk : ArchiveDesk
    """

    chosen = pyqtSignal(object, int)

    def __init__(self, desk: ArchiveDesk, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(EXAMINATIONS_TITLE)
        explain(self, "batch")
        self._desk = desk
        self._task: Task | None = None
        self.words, self.tag, self.told = QLineEdit(), choice({"": ANY}), Told()
        self.words.setPlaceholderText(WORDS_HINT)
        self.add = QPushButton(ADD)
        self._lay_out()
        self.add.clicked.connect(self.run_search)
        desk.closed.connect(self.reject)
        desk.ask(_tags, self._fail, self).finished.connect(self._offer_tags)
        self.words.setFocus()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setVerticalSpacing(2)
        for column, (name, field) in enumerate((("words", self.words), ("tag", self.tag))):
            label = QLabel(FIELD_LABELS[name])
            label.setBuddy(field)
            field.setAccessibleName(FIELD_LABELS[name].replace("&", ""))
            grid.addWidget(label, 0, column)
            grid.addWidget(field, 1, column)
        grid.setColumnStretch(0, 2)
        grid.setColumnStretch(1, 1)
        self.add.setDefault(True)
        self.add.setProperty("primary", "true")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.add, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        rows = column_of(self)
        rows.addWidget(wrapped_label(EXAMINATIONS_NOTE, "muted"))
        rows.addLayout(grid)
        rows.addWidget(self.told)
        rows.addWidget(buttons)
        parent = self.parentWidget()
        room = self.fontMetrics().averageCharWidth() * _WIDTH_EM
        width = room if parent is None else min(room, parent.width() - 40)
        self.resize(width, self.sizeHint().height())

    def _offer_tags(self, tags: tuple[str, ...]) -> None:
        for tag in tags:
            self.tag.addItem(tag, tag)

    @property
    def wanted(self) -> Search:
        """What is looked for: all that fits, however many."""
        words = " ".join(self.words.text().split())
        return Search(words=words, tag=self.tag.currentData() or "", most=sys.maxsize >> 1)

    def run_search(self) -> None:
        """Count what fits; where there is any, it is chosen."""
        if self._task is not None:
            return
        wanted = self.wanted
        task = self._task = self._desk.ask(partial(_count, wanted), self._fail, self)
        task.finished.connect(partial(self._take, wanted))
        task.ended.connect(self._end)
        self.told.say(SEARCHING, "muted")
        self.add.setEnabled(False)

    def _take(self, wanted: Search, count: int) -> None:
        if not count:
            self.told.say(NO_EXAMINATIONS, "warning")
            return
        self.chosen.emit(wanted, count)
        self.accept()

    def _fail(self, message: Message) -> None:
        self.told.say(f"{message.sentence} {message.advice}".strip(), "danger")

    def _end(self) -> None:
        self._task = None
        offer(self.add, "")


def _tags(session: Session) -> tuple[str, ...]:
    session.require(Right.VIEW)
    return choices_of(session.archive.connection).tags


def _count(wanted: Search, session: Session) -> int:
    """Count what fits; that it was searched for stands in the trail."""
    session.require(Right.VIEW)
    session.record_query(query_text(wanted) or ALL_EXAMINATIONS)
    return session.archive.count(wanted)
