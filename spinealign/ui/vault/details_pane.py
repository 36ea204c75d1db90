"""What the archive knows of one examination: thumbnail, findings, notes; its tags and notes set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QPixmap
from PyQt6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from spinealign.archive.records import ExaminationRecord, FileRole
from spinealign.domain.protection import Right
from spinealign.ui.network.forms import Told
from spinealign.ui.vault.desk import ArchiveDesk
from spinealign.ui.widgets.labels import offer, wrapped_label
from spinealign.vault.keeping import add_note, set_tags
from spinealign.vault.session import Session
from spinealign.wording import Message, safe_text
from spinealign.wording.archive_list import dated_words, note_line, patient_line
from spinealign.wording.archive_window import (
    ADD_NOTE,
    CHOOSE_ONE,
    DETAILS_NAME,
    FINDINGS_TITLE,
    MAY_NOT_CHANGE,
    NOTE_ADDED,
    NOTE_LABEL,
    NOTES_TITLE,
    SET_TAGS,
    TAGS_LABEL,
    TAGS_SET,
    THUMBNAIL_NAME,
)

_MOST_FINDINGS = 12


@dataclass(frozen=True)
class Details:
    """One examination as the pane shows it."""

    record: ExaminationRecord
    notes: tuple[tuple[str, str, str], ...]
    thumbnail_png: bytes


class DetailsPane(QScrollArea):
    """Shows the one examination that is chosen; `changed` says that tags or notes are others."""

    changed = pyqtSignal()

    def __init__(self, desk: ArchiveDesk) -> None:
        super().__init__()
        self._desk, self._identifier = desk, ""
        self.setAccessibleName(DETAILS_NAME)
        self.setProperty("plain", "true")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.picture = QLabel()
        self.picture.setAccessibleName(THUMBNAIL_NAME)
        self.title, self.patient = wrapped_label("", strong=True), wrapped_label("")
        self.findings_title = wrapped_label(FINDINGS_TITLE, strong=True)
        self.notes_title = wrapped_label(NOTES_TITLE, strong=True)
        self.findings, self.notes = wrapped_label(""), wrapped_label("")
        self.tags, self.note = QLineEdit(), QLineEdit()
        self.set_tags, self.add_note = QPushButton(SET_TAGS), QPushButton(ADD_NOTE)
        self.told = Told()
        self._lay_out()
        self.set_tags.clicked.connect(self.run_tags)
        self.add_note.clicked.connect(self.run_note)
        for line, run in ((self.tags, self.run_tags), (self.note, self.run_note)):
            line.returnPressed.connect(run)
            line.textChanged.connect(self._follow)
        self.show_record("")

    @property
    def first(self) -> QWidget:
        """What takes the keys first."""
        return self.tags

    def _lay_out(self) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(8, 0, 4, 4)
        column.setSpacing(4)
        for part in (
            self.picture, self.title, self.patient, self.findings_title, self.findings,
            self.notes_title, self.notes,
        ):  # fmt: skip
            column.addWidget(part)
        for words, line, button in (
            (TAGS_LABEL, self.tags, self.set_tags), (NOTE_LABEL, self.note, self.add_note),
        ):  # fmt: skip
            label = QLabel(words)
            label.setBuddy(line)
            line.setAccessibleName(words.replace("&", ""))
            button.setAutoDefault(False)
            for each in (label, line):
                column.addWidget(each)
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.told)
        column.addStretch(1)
        self.setWidget(page)

    def show_record(self, identifier: str) -> None:
        """Show an examination; empty for none."""
        if identifier != self._identifier or not identifier:
            self._clear()
        self._identifier = identifier
        self._follow()
        if identifier:
            task = self._desk.ask(partial(_details, identifier), self._fail, self)
            task.finished.connect(self._show)

    def _clear(self) -> None:
        self.picture.clear()
        for label in (self.patient, self.findings, self.notes):
            label.setText("")
        self.title.setText(f"{CHOOSE_ONE}.")
        for part in (self.picture, self.findings_title, self.notes_title):
            part.hide()
        for line in (self.tags, self.note):
            line.clear()
        self.told.say("")

    def _show(self, details: Details) -> None:
        record = details.record
        if record.identifier != self._identifier:
            return
        self.title.setText(dated_words(record))
        self.patient.setText(patient_line(record.patient))
        said = [safe_text(each.statement) for each in record.findings[:_MOST_FINDINGS]]
        self.findings.setText("\n".join(said))
        self.findings_title.setVisible(bool(said))
        self.notes.setText("\n".join(note_line(*note) for note in details.notes))
        self.notes_title.setVisible(bool(details.notes))
        self.tags.setText(", ".join(record.tags))
        picture = QPixmap()
        picture.loadFromData(details.thumbnail_png)
        self.picture.setPixmap(picture)
        self.picture.setVisible(not picture.isNull())
        self._follow()

    def _follow(self) -> None:
        refused = self._desk.bench.at_work.refusal(Right.CHANGE, MAY_NOT_CHANGE)
        reason = refused or ("" if self._identifier else CHOOSE_ONE)
        offer(self.set_tags, reason)
        offer(self.add_note, reason)
        self.add_note.setEnabled(not reason and bool(self.note.text().strip()))
        for line in (self.tags, self.note):
            offer(line, reason)

    def run_tags(self) -> None:
        """Give the examination the tags that are typed, and no others."""
        tags = [tag for each in self.tags.text().split(",") if (tag := " ".join(each.split()))]
        identifier = self._identifier
        self._do(lambda session: set_tags(session, identifier, tags), TAGS_SET)

    def run_note(self) -> None:
        """Add the note that is typed."""
        said, identifier = self.note.text().strip(), self._identifier
        if said:
            self._do(lambda session: add_note(session, identifier, said), NOTE_ADDED, self.note)

    def _do(
        self, act: Callable[[Session], None], said: str, typed: QLineEdit | None = None
    ) -> None:
        if not self._identifier:
            return

        def done(_: object) -> None:
            if typed is not None:
                typed.clear()
            self.told.say(said, "good")
            self.changed.emit()

        self._desk.ask(act, self._fail, self).finished.connect(done)

    def _fail(self, message: Message) -> None:
        self.told.say(f"{message.sentence} {message.advice}", "danger")


def _details(identifier: str, session: Session) -> Details:
    session.require(Right.VIEW)
    archive = session.archive
    small = archive.files(identifier, FileRole.THUMBNAIL)
    png = archive.read_file(small[0]) if small else b""
    return Details(archive.get(identifier), archive.notes(identifier), png)
