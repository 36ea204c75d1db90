"""The audit trail for administrators: listed, searched, checked, exported, begun anew."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QDate, QModelIndex, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QComboBox,
    QDateEdit,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableView,
    QWidget,
)

from spinealign.audit.chain import Verdict
from spinealign.audit.events import AuditEvent
from spinealign.audit.messages import messages_xml
from spinealign.domain.errors import SpineAlignError
from spinealign.files import write_export
from spinealign.ui.manual.manual_window import explain as explain_page
from spinealign.ui.network.forms import Told, column_of, fit
from spinealign.ui.vault.accounts_dialog import Runs
from spinealign.ui.widgets.labels import offer, row_of, show_plain_rows, without_icons
from spinealign.ui.widgets.questions import ask
from spinealign.vault.session import Session
from spinealign.wording import explain
from spinealign.wording.accounts_window import (
    AUDIT_FROM,
    AUDIT_HEADINGS,
    AUDIT_KIND,
    AUDIT_PERSON,
    AUDIT_TITLE,
    AUDIT_TO,
    BEGIN_NOW,
    BEGIN_QUESTION,
    BEGIN_TRAIL,
    BEGUN,
    CHECK_TRAIL,
    CHECKING_TRAIL,
    EVERYBODY,
    EVERYTHING,
    EXPORT_TRAIL,
    NOBODY_KNOWN,
    NOT_DAMAGED,
    NOT_YET,
    READING_TRAIL,
    XML_FILTER,
    XML_NAME,
    shown_events_text,
)
from spinealign.wording.archive import (
    EVENT_NAMES,
    EXPORTED_TRAIL,
    counted,
    event_cells,
    verdict_text,
)

_WIDTH_EM, _HEIGHT_EM = 150, 100
_COLUMN_EM = (8, 28, 16, 26, 46, 24)
_ABOUT = 4
"""The column that takes the room which is left: names and studies."""

Events = Sequence[tuple[int, AuditEvent]]


class EventsModel(QAbstractTableModel):
    """Events as rows, the latest first; words are made for the rows that are seen."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._events: Events = ()

    def show_events(self, events: Events) -> None:
        """Show these."""
        self.beginResetModel()
        self._events = tuple(reversed(events))
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many events there are."""
        return 0 if parent is not None and parent.isValid() else len(self._events)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many columns there are."""
        return 0 if parent is not None and parent.isValid() else len(AUDIT_HEADINGS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the words of a cell, in its tool tip too, as it may be cut."""
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        return event_cells(*self._events[index.row()])[index.column()]

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a heading."""
        is_heading = orientation == Qt.Orientation.Horizontal
        if is_heading and role == Qt.ItemDataRole.DisplayRole:
            return AUDIT_HEADINGS[section]
        return None


class AuditDialog(QDialog):
    """Lists the trail; that it was read is an event of it. `begun` says that a new one began.

    Parameters
    ----------
    session : Session
        Of an administrator.
    run : Runs
        Checking reads every record.
    """

    begun = pyqtSignal()
    found_damaged = pyqtSignal()

    def __init__(self, session: Session, run: Runs, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(AUDIT_TITLE)
        explain_page(self, "accounts")
        self._session, self._run = session, run
        self._events: Events = ()
        self._shown: Events = ()
        self._is_filling = False
        self.model, self.table = EventsModel(self), QTableView()
        self.person, self.kind = QComboBox(), QComboBox()
        self.first, self.last = _date_edit(), _date_edit()
        self.count, self.told = QLabel(), Told()
        self.check, self.export = QPushButton(CHECK_TRAIL), QPushButton(EXPORT_TRAIL)
        self.begin = QPushButton(BEGIN_TRAIL)
        self._lay_out()
        self._connect()
        fit(self, _WIDTH_EM, _HEIGHT_EM)
        self.read()
        self.table.setFocus()

    def _lay_out(self) -> None:
        self.table.setModel(self.model)
        self.table.setAccessibleName(AUDIT_TITLE)
        header = show_plain_rows(self.table, round(1.7 * self.fontMetrics().height()))
        em = self.fontMetrics().averageCharWidth()
        for column, width in enumerate(_COLUMN_EM):
            self.table.setColumnWidth(column, width * em)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(_ABOUT, QHeaderView.ResizeMode.Stretch)
        whose, when = QHBoxLayout(), QHBoxLayout()
        for row, words, field in (
            (whose, AUDIT_PERSON, self.person), (whose, AUDIT_KIND, self.kind),
            (when, AUDIT_FROM, self.first), (when, AUDIT_TO, self.last),
        ):  # fmt: skip
            label = QLabel(words)
            label.setBuddy(field)
            field.setAccessibleName(words.replace("&", ""))
            if isinstance(field, QComboBox):
                field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
                field.setMinimumContentsLength(10)
            row.addWidget(label)
            row.addWidget(field)
        for row in (whose, when):
            row.addStretch(1)
        when.addWidget(self.count)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        for button in (self.check, self.export, self.begin):
            button.setAutoDefault(False)
        column_layout = column_of(self)
        column_layout.addLayout(whose)
        column_layout.addLayout(when)
        column_layout.addWidget(self.table, 1)
        column_layout.addWidget(self.told)
        column_layout.addLayout(row_of(self.check, self.export, self.begin, None, buttons))

    def _connect(self) -> None:
        self.person.currentIndexChanged.connect(self._filter)
        self.kind.currentIndexChanged.connect(self._filter)
        self.first.dateChanged.connect(self._filter)
        self.last.dateChanged.connect(self._filter)
        self.check.clicked.connect(self.verify)
        self.export.clicked.connect(self.ask_file)
        self.begin.clicked.connect(self._ask_beginning)

    def read(self) -> None:
        """Read the trail anew."""
        self._wait(READING_TRAIL)
        self._run(self._session.events, self._fail, self._take)

    def verify(self) -> None:
        """Check every record."""
        self._wait(CHECKING_TRAIL)
        self._run(self._session.verify_trail, self._fail, self._tell_verdict)

    def ask_file(self) -> None:
        """Ask for a file, and write what is listed as XML of DICOM PS3.15 A.5."""
        name, _ = QFileDialog.getSaveFileName(self, AUDIT_TITLE, XML_NAME, XML_FILTER)
        if name:
            events = [event for _, event in self._shown]
            path = Path(name)

            def tell(_: object) -> None:
                self._rest()
                said = EXPORTED_TRAIL.format(count=counted(len(events), "event"), file=path)
                self.told.say(said, "good")

            self._wait(READING_TRAIL)
            self._run(partial(_write_xml, events, path), self._fail, tell)

    def _ask_beginning(self) -> None:
        question, more = BEGIN_QUESTION

        def begin() -> None:
            self._wait(READING_TRAIL)
            self._run(self._session.begin_new_trail, self._fail, begun)

        def begun(_: object) -> None:
            self.begun.emit()
            self.read()
            self.told.say(BEGUN, "good")

        ask(self, (AUDIT_TITLE, question, more, BEGIN_NOW, NOT_YET), begin)

    def _take(self, events: Events) -> None:
        self._rest()
        self._events = events
        self._is_filling = True
        persons = sorted({event.user for _, event in events})
        _fill(self.person, EVERYBODY, [(name or NOBODY_KNOWN, name) for name in persons])
        kinds = dict.fromkeys(event.kind for _, event in events)
        _fill(self.kind, EVERYTHING, sorted((EVENT_NAMES[kind], kind.value) for kind in kinds))
        if events:
            first, last = _date(events[0][1]), _date(events[-1][1])
            for edit, day in ((self.first, first), (self.last, last)):
                edit.setDateRange(first, last)
                edit.setDate(day)
        self._is_filling = False
        self._filter()

    def _filter(self) -> None:
        if self._is_filling:
            return
        person, kind = self.person.currentData(), self.kind.currentData()
        first, last = (edit.date().toString("yyyy-MM-dd") for edit in (self.first, self.last))
        self._shown = [
            (number, event)
            for number, event in self._events
            if (person is None or event.user == person)
            and (kind is None or event.kind.value == kind)
            and first <= event.at_utc[:10] <= last
        ]
        self.model.show_events(self._shown)
        self.count.setText(shown_events_text(len(self._shown), len(self._events)))

    def _tell_verdict(self, verdict: Verdict) -> None:
        self._rest()
        self.told.say(verdict_text(verdict), "good" if verdict.damage is None else "danger")
        if verdict.damage is not None:
            self.found_damaged.emit()

    def _wait(self, words: str) -> None:
        self.told.say(words, "muted")
        for button in (self.check, self.export, self.begin):
            offer(button, words)

    def _rest(self) -> None:
        self.told.say("")
        for button in (self.check, self.export):
            offer(button, "")
        offer(self.begin, "" if self._session.trail_damage is not None else NOT_DAMAGED)

    def _fail(self, error: Exception) -> None:
        self._rest()
        if isinstance(error, SpineAlignError):
            message = explain(error)
            self.told.say(f"{message.sentence} {message.advice}", "danger")


def _write_xml(events: Sequence[AuditEvent], path: Path) -> None:
    lines = messages_xml(events, platform.node() or "SpineAlign", "")
    write_export(path, "".join(lines).encode())


def _date(event: AuditEvent) -> QDate:
    return QDate.fromString(event.at_utc[:10], "yyyy-MM-dd")


def _date_edit() -> QDateEdit:
    edit = QDateEdit()
    edit.setDisplayFormat("yyyy-MM-dd")
    edit.setCalendarPopup(True)
    return edit


def _fill(box: QComboBox, all_words: str, choices: Sequence[tuple[str, str]]) -> None:
    before = box.currentData()
    box.clear()
    box.addItem(all_words, None)
    for words, data in choices:
        box.addItem(words, data)
    box.setCurrentIndex(max(0, box.findData(before)) if before is not None else 0)
