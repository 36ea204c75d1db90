"""The archive's examinations: searched, listed, opened, described, packed, deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from spinealign.archive.records import ExaminationRecord, Search, View
from spinealign.archive.searching import Choices, choices_of, tags_of
from spinealign.domain.protection import Right
from spinealign.ui.network.forms import Told, choice
from spinealign.ui.network.tables import Rows
from spinealign.ui.vault.desk import ArchiveDesk
from spinealign.ui.vault.details_pane import DetailsPane
from spinealign.ui.vault.package_dialogs import ExportDialog, ImportDialog
from spinealign.ui.vault.questions import ask
from spinealign.ui.widgets.flow import FlowLayout
from spinealign.ui.widgets.labels import offer
from spinealign.ui.workbench import Workbench
from spinealign.vault.exchange import SUFFIX, export_package, import_package
from spinealign.vault.keeping import delete, link, originals
from spinealign.vault.session import Session
from spinealign.wording import Message
from spinealign.wording.archive_list import (
    delete_question,
    deleted_text,
    imported_text,
    kind_words,
    link_question,
    list_cells,
    opening_words,
    packed_text,
    shown_text,
)
from spinealign.wording.archive_window import (
    ANY,
    CHOOSE_ONE,
    CHOOSE_TWO,
    DATE_HINT,
    DATES_TURNED,
    DELETE,
    DELETE_MORE,
    DELETE_NOW,
    DELETE_TITLE,
    EXPORT,
    EXPORT_TITLE,
    FIELD_LABELS,
    FOLLOW,
    HEADINGS,
    IMPORT,
    IMPORT_TITLE,
    KEEP_THEM,
    LINK,
    LINK_MORE,
    LINK_NOT,
    LINK_NOW,
    LINK_TITLE,
    LINKED,
    LIST_NAME,
    MAY_NOT_CHANGE,
    MAY_NOT_DELETE,
    MAY_NOT_EXPORT,
    MAY_NOT_IMPORT,
    NOT_A_DATE,
    NOTHING_CHOSEN,
    OPEN,
    PACKAGE_FILTER,
    SEARCH,
    SEARCHING,
    STATUS_CHOICES,
    VIEW_WORDS,
    WORDS_HINT,
)
from spinealign.wording.network_window import dicom_date

MOST_SHOWN = 500
_LIST_PERCENT = 70
_ON_A_LINE = 4
_CHOSEN = ("view", "kind", "status", "level", "tag")
_TYPED = ("words", "first_date", "last_date")
_GAP_PX = 6


@dataclass(frozen=True)
class Found:
    """What a search found: at most `MOST_SHOWN` examinations with their tags, of all there are."""

    records: tuple[ExaminationRecord, ...]
    tags: dict[str, tuple[str, ...]]
    count: int
    choices: Choices


class SearchPage(QWidget):
    """Lists what fits; `follow_wanted` brings the identifier of an examination to follow up.

    `opened` says that images of the archive are being opened.
    """

    follow_wanted = pyqtSignal(str)
    opened = pyqtSignal()

    def __init__(self, desk: ArchiveDesk) -> None:
        super().__init__()
        self._desk = desk
        self._records: dict[object, ExaminationRecord] = {}
        self._is_filling = False
        self._query_count = 0
        self._wanted = ""
        self._make_fields()
        self._lay_out()
        self._connect()
        self._follow()

    # Its parts

    def _make_fields(self) -> None:
        self.choices = {name: choice({}) for name in _CHOSEN}
        self.lines = {name: QLineEdit() for name in _TYPED}
        for name, field in (*self.choices.items(), *self.lines.items()):
            field.setAccessibleName(FIELD_LABELS[name].replace("&", ""))
        self.lines["words"].setPlaceholderText(WORDS_HINT)
        for name in ("first_date", "last_date"):
            self.lines[name].setPlaceholderText(DATE_HINT)
        for view, words in VIEW_WORDS.items():
            self.choices["view"].addItem(words, view)
        self._fill("status", {"": ANY, **STATUS_CHOICES})
        for name in ("kind", "level", "tag"):
            self._fill(name, {"": ANY})
        self.search = QPushButton(SEARCH)
        self.search.setDefault(True)
        self.search.setProperty("primary", "true")
        self.rows = Rows(LIST_NAME, HEADINGS, is_sorted=True)
        self.details = DetailsPane(self._desk)
        self.told = Told()
        self.open, self.follow, self.link = (
            QPushButton(OPEN),
            QPushButton(FOLLOW),
            QPushButton(LINK),
        )
        self.export, self.import_ = QPushButton(EXPORT), QPushButton(IMPORT)
        self.delete = QPushButton(DELETE)
        for button in self._buttons:
            button.setAutoDefault(False)

    @property
    def _buttons(self) -> tuple[QPushButton, ...]:
        return (self.open, self.follow, self.link, self.export, self.import_, self.delete)

    def _fill(self, name: str, words: dict[str, str]) -> None:
        box = self.choices[name]
        before, self._is_filling = box.currentData(), True
        box.clear()
        for key, said in words.items():
            box.addItem(said, key)
        box.setCurrentIndex(max(box.findData(before), 0))
        self._is_filling = False

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setVerticalSpacing(2)
        for place, name in enumerate(FIELD_LABELS):
            label = QLabel(FIELD_LABELS[name])
            field = self.lines[name] if name in self.lines else self.choices[name]
            label.setBuddy(field)
            row, column = 2 * (place // _ON_A_LINE), place % _ON_A_LINE
            grid.addWidget(label, row, column)
            grid.addWidget(field, row + 1, column)
        grid.addWidget(self.search, 3, _ON_A_LINE)
        grid.setColumnStretch(0, 2)
        for column in range(1, _ON_A_LINE):
            grid.setColumnStretch(column, 1)
        halves = QSplitter(Qt.Orientation.Horizontal)
        halves.addWidget(self.rows)
        halves.addWidget(self.details)
        halves.setChildrenCollapsible(False)
        halves.setSizes([_LIST_PERCENT * 10, (100 - _LIST_PERCENT) * 10])
        buttons = FlowLayout(_GAP_PX)
        for button in self._buttons:
            buttons.addWidget(button)
        column_ = QVBoxLayout(self)
        column_.addLayout(grid)
        column_.addWidget(halves, 1)
        column_.addWidget(self.told)
        column_.addLayout(buttons)
        self.setTabOrder(self.rows, self.details.first)

    def _connect(self) -> None:
        self.search.clicked.connect(self.run_search)
        for box in self.choices.values():
            box.currentIndexChanged.connect(self._choice_changed)
        for line in self.lines.values():
            line.textChanged.connect(self._follow)
        self.rows.itemSelectionChanged.connect(self._follow)
        self.rows.itemSelectionChanged.connect(self._show_details)
        self.rows.itemActivated.connect(self.run_open)
        self.open.clicked.connect(self.run_open)
        self.follow.clicked.connect(self._ask_follow)
        self.link.clicked.connect(self._ask_link)
        self.export.clicked.connect(self._ask_export)
        self.import_.clicked.connect(self._ask_import)
        self.delete.clicked.connect(self._ask_delete)
        self.details.changed.connect(self.run_search)

    # What is filled in

    @property
    def _fault(self) -> str:
        first, last = (dicom_date(self.lines[name].text()) for name in ("first_date", "last_date"))
        if first is None or last is None:
            return NOT_A_DATE
        return DATES_TURNED if first and last and first > last else ""

    @property
    def wanted(self) -> Search:
        """What is looked for."""
        said = {name: str(box.currentData() or "") for name, box in self.choices.items()}
        session = self._desk.session
        return Search(
            self.lines["words"].text(),
            View(said["view"] or View.ALL),
            "" if session is None else session.person.full_name,
            datetime.now(UTC).date(),
            said["kind"],
            said["status"],
            said["level"],
            said["tag"],
            dicom_date(self.lines["first_date"].text()) or "",
            dicom_date(self.lines["last_date"].text()) or "",
            MOST_SHOWN,
        )

    @property
    def chosen(self) -> list[ExaminationRecord]:
        """The examinations whose rows are selected."""
        return [self._records[key] for key in self.rows.chosen if key in self._records]

    def _follow(self) -> None:
        at_work, chosen = self._desk.bench.at_work, self.chosen
        one = "" if len(chosen) == 1 else (CHOOSE_ONE if chosen else NOTHING_CHOSEN)
        patients = {record.patient for record in chosen}
        offer(self.search, self._fault)
        offer(self.open, "" if chosen else NOTHING_CHOSEN)
        offer(self.follow, one)
        two = "" if len(chosen) == 2 and len(patients) == 2 else CHOOSE_TWO
        offer(self.link, at_work.refusal(Right.CHANGE, MAY_NOT_CHANGE) or two)
        offer(self.export, at_work.refusal(Right.EXPORT, MAY_NOT_EXPORT) or one)
        offer(self.import_, at_work.refusal(Right.IMPORT, MAY_NOT_IMPORT))
        none = "" if chosen else NOTHING_CHOSEN
        offer(self.delete, at_work.refusal(Right.DELETE, MAY_NOT_DELETE) or none)

    def _show_details(self) -> None:
        chosen = self.chosen
        self.details.show_record(chosen[0].identifier if len(chosen) == 1 else "")

    # Searching

    def _choice_changed(self) -> None:
        if not self._is_filling:
            self.run_search()

    def run_search(self) -> None:
        """List what fits now; only the latest search is shown."""
        if self._fault:
            return
        self._query_count += 1
        number, wanted = self._query_count, self.wanted
        self.told.say(SEARCHING, "muted")
        task = self._desk.ask(partial(_search, wanted), self._fail, self)
        task.finished.connect(lambda found: self._show_found(number, wanted, found))

    def _show_found(self, number: int, wanted: Search, found: Found) -> None:
        if number != self._query_count:
            return
        self._records = {each.identifier: each for each in found.records}
        self.rows.put(
            [
                (list_cells(each, found.tags.get(each.identifier, ())), each.identifier)
                for each in found.records
            ]
        )
        kinds = {kind: kind_words(kind) for kind in found.choices.kinds}
        self._fill("kind", {"": ANY, **kinds})
        self._fill("level", {"": ANY, **{each: each for each in found.choices.levels}})
        self._fill("tag", {"": ANY, **{each: each for each in found.choices.tags}})
        plain = Search(reader=wanted.reader, today_utc=wanted.today_utc, most=wanted.most)
        said, self._wanted = self._wanted, ""
        count = shown_text(len(found.records), found.count, wanted != plain)
        self.told.say(f"{said} {count}".strip(), "" if found.records else "warning")
        self._follow()
        self._show_details()

    def _search_and_say(self, said: str) -> None:
        """List anew, and say what was done before how many there are."""
        self._wanted = said
        self.run_search()

    def _fail(self, message: Message) -> None:
        self.told.say(f"{message.sentence} {message.advice}", "danger")

    # What is done with what is chosen

    def run_open(self) -> None:
        """Open the images of what is chosen; nothing of it goes to recent files."""
        chosen = self.chosen
        for record in chosen:
            # The list may be closed before its images are found.
            task = self._desk.ask(partial(_originals, record.identifier))
            task.finished.connect(partial(_open, self._desk.bench, opening_words(record)))
        if chosen:
            self.opened.emit()

    def _ask_follow(self) -> None:
        [record] = self.chosen
        self.follow_wanted.emit(record.identifier)

    def _ask_delete(self) -> None:
        chosen = self.chosen
        identifiers = [record.identifier for record in chosen]
        words = DELETE_TITLE, delete_question(chosen), DELETE_MORE, DELETE_NOW, KEEP_THEM
        done = deleted_text(len(chosen))
        ask(self, words, lambda: self._do(lambda session: delete(session, identifiers), done))

    def _ask_link(self) -> None:
        first, second = self.chosen
        question = link_question(first.patient, second.patient)

        def act(session: Session) -> None:
            link(session, first.identifier, second.identifier)

        words = LINK_TITLE, question, LINK_MORE, LINK_NOW, LINK_NOT
        ask(self, words, lambda: self._do(act, LINKED))

    def _do(self, act: Callable[[Session], None], said: str) -> None:
        task = self._desk.ask(act, self._fail, self)
        task.finished.connect(lambda _: self._search_and_say(said))

    def _ask_export(self) -> None:
        [record] = self.chosen
        name, _ = QFileDialog.getSaveFileName(self, EXPORT_TITLE, "", PACKAGE_FILTER)
        if not name:
            return
        path = _with_suffix(Path(name))
        dialog = ExportDialog(self)

        def run(password: str) -> None:
            act = partial(_export, record.identifier, path, password)
            task = self._desk.ask(act, dialog.fail, self)
            task.finished.connect(lambda _: dialog.close_for_good())
            task.finished.connect(lambda _: self.told.say(packed_text(path.name), "good"))

        dialog.wanted.connect(run)
        dialog.open()

    def _ask_import(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, IMPORT_TITLE, "", PACKAGE_FILTER)
        if not name:
            return
        path, dialog = Path(name), ImportDialog(self)

        def run(password: str) -> None:
            act = partial(_import, path, password)
            task = self._desk.ask(act, dialog.fail, self)
            task.finished.connect(lambda _: dialog.close_for_good())
            task.finished.connect(lambda came: self._search_and_say(imported_text(*came)))

        dialog.wanted.connect(run)
        dialog.open()


def _search(wanted: Search, session: Session) -> Found:
    session.require(Right.VIEW)
    archive = session.archive
    records = archive.search(wanted)
    if wanted.words.strip():
        session.record_query(wanted.words)
    tags = tags_of(archive.connection, [record.identifier for record in records])
    return Found(records, tags, archive.count(wanted), choices_of(archive.connection))


def _open(bench: Workbench, title: str, paths: Sequence[Path]) -> None:
    bench.opener.open_private(paths, title)


def _originals(identifier: str, session: Session) -> Sequence[Path]:
    return originals(session, identifier)


def _export(identifier: str, path: Path, password: str, session: Session) -> None:
    export_package(session, identifier, path, password)


def _import(path: Path, password: str, session: Session) -> tuple[ExaminationRecord, bool]:
    return import_package(session, path, password)


def _with_suffix(path: Path) -> Path:
    return path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)
