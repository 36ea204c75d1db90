"""The archive's examinations: searched, listed, opened, described, packed, deleted."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.archive.records import MOST_LISTED, ExaminationRecord, FileRole, Search, View
from spinealign.archive.searching import Choices, FoundRecords, choices_of, day_of
from spinealign.domain.protection import ArchiveError, DamagedFileError, Right
from spinealign.ui.cases.cases_panel import SearchField
from spinealign.ui.network.forms import Told, choice
from spinealign.ui.vault.desk import ArchiveDesk
from spinealign.ui.vault.details_pane import DetailsPane
from spinealign.ui.vault.examination_list import ExaminationsView, framed
from spinealign.ui.vault.fitted_dialog import LowSplitter
from spinealign.ui.vault.package_dialogs import ExportDialog, ImportDialog
from spinealign.ui.widgets.flow import FlowLayout
from spinealign.ui.widgets.labels import offer
from spinealign.ui.widgets.questions import ask
from spinealign.ui.work.tasks import Task
from spinealign.ui.workbench import Workbench
from spinealign.vault.exchange import SUFFIX, exporting, importing
from spinealign.vault.keeping import delete, link, originals
from spinealign.vault.session import Session
from spinealign.wording import Message
from spinealign.wording.archive import kind_words, query_text
from spinealign.wording.archive_list import (
    dated_words,
    delete_question,
    deleted_text,
    empty_text,
    imported_text,
    link_question,
    opening_words,
    packed_text,
    patient_line,
    shown_text,
)
from spinealign.wording.archive_window import (
    ANY,
    CHOOSE_ONE,
    CHOOSE_TWO,
    CLEAR_SEARCH,
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
    IMPORT,
    IMPORT_TITLE,
    IS_ALL_SHOWN,
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

TYPING_MS = 200
"""How long after the last letter what is typed is searched for."""

_LIST_PERCENT = 70
_FEWEST_LETTERS = 5
_ON_A_LINE = 5
_CHOSEN = ("view", "kind", "status", "level", "tag", "reader")
_TYPED = ("words", "first_date", "last_date")
_GAP_PX = 6


@dataclass(frozen=True)
class Found:
    """What a search found: at most `MOST_LISTED` examinations, of all there are.

    `choices` is None where what can be chosen among was not asked for.
    """

    records: FoundRecords
    count: int
    choices: Choices | None


class SearchPage(QWidget):
    """Lists what fits; `follow_wanted` brings the identifier of an examination to follow up.

    `opened` says that images of the archive are being opened, `linked` brings the identifier of
    the examination whose patient was linked to another.
    """

    follow_wanted = pyqtSignal(str)
    opened = pyqtSignal()
    linked = pyqtSignal(str)

    def __init__(self, desk: ArchiveDesk) -> None:
        super().__init__()
        self._desk = desk
        self._is_filling = False
        self._search: Task | None = None
        self._pictures: Task | None = None
        self._recorded = self._wanted = ""
        self._has_choices = self._goes_on = False
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self._make_fields()
        self._lay_out()
        self._connect()
        self._follow()

    # Its parts

    def _make_fields(self) -> None:
        self.choices = {name: choice({}) for name in _CHOSEN}
        self.words = SearchField()
        self.lines = {"words": self.words, **{name: QLineEdit() for name in _TYPED[1:]}}
        for name, field in (*self.choices.items(), *self.lines.items()):
            field.setAccessibleName(FIELD_LABELS[name].replace("&", ""))
        self.lines["words"].setPlaceholderText(WORDS_HINT)
        for name in ("first_date", "last_date"):
            self.lines[name].setPlaceholderText(DATE_HINT)
        for view, words in VIEW_WORDS.items():
            self.choices["view"].addItem(words, view)
        self._fill("status", {"": ANY, **STATUS_CHOICES})
        for name in ("kind", "level", "tag", "reader"):
            self._fill(name, {"": ANY})
        for box in self.choices.values():  # on a small screen narrower than their longest words
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(_FEWEST_LETTERS)
        self.search, self.clear = QPushButton(SEARCH), QPushButton(CLEAR_SEARCH)
        self.search.setDefault(True)
        self.search.setProperty("primary", "true")
        self.rows = ExaminationsView(LIST_NAME, has_pictures=True, is_sorted=True)
        self.details = DetailsPane(self._desk)
        self.told = Told()
        self.open, self.follow, self.link = (
            QPushButton(OPEN),
            QPushButton(FOLLOW),
            QPushButton(LINK),
        )
        self.export, self.import_ = QPushButton(EXPORT), QPushButton(IMPORT)
        self.delete = QPushButton(DELETE)
        for button in (self.clear, *self._buttons):
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
        pressed = QHBoxLayout()
        pressed.addWidget(self.search)
        pressed.addWidget(self.clear)
        grid.addLayout(pressed, 3, _ON_A_LINE - 1)
        grid.setColumnStretch(0, 2)
        for column in range(1, _ON_A_LINE):
            grid.setColumnStretch(column, 1)
        halves = LowSplitter(Qt.Orientation.Horizontal)
        halves.addWidget(self.rows)
        halves.addWidget(self.details)
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
            line.textChanged.connect(self._typed)
        self.words.left.connect(self._go_on)
        self.clear.clicked.connect(self.run_clear)
        self._typing.timeout.connect(self._search_typed)
        self.rows.chosen_changed.connect(self._follow)
        self.rows.chosen_changed.connect(self._show_details)
        self.rows.row_activated.connect(self.run_open)
        self.rows.rows.pictures_wanted.connect(self._read_pictures)
        self.open.clicked.connect(self.run_open)
        self.follow.clicked.connect(self._ask_follow)
        self.link.clicked.connect(self._ask_link)
        self.export.clicked.connect(self._ask_export)
        self.import_.clicked.connect(self._ask_import)
        self.delete.clicked.connect(self._ask_delete)
        self.details.changed.connect(self.refresh)

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
            "" if session is None else session.person.signs_as,
            day_of(datetime.now(UTC)),
            said["kind"],
            said["status"],
            said["level"],
            said["tag"],
            said["reader"],
            dicom_date(self.lines["first_date"].text()) or "",
            dicom_date(self.lines["last_date"].text()) or "",
            MOST_LISTED,
        )

    @property
    def chosen(self) -> list[ExaminationRecord]:
        """The examinations whose rows are selected."""
        return self.rows.chosen

    def _follow(self) -> None:
        at_work, count = self._desk.bench.at_work, self.rows.chosen_count
        chosen = self.chosen if count == 2 else ()
        one = "" if count == 1 else (CHOOSE_ONE if count else NOTHING_CHOSEN)
        patients = {record.patient for record in chosen}
        offer(self.search, self._fault)
        offer(self.clear, "" if self._is_filtered or self._fault else IS_ALL_SHOWN)
        offer(self.open, "" if count else NOTHING_CHOSEN)
        offer(self.follow, one)
        two = "" if len(patients) == 2 else CHOOSE_TWO
        offer(self.link, at_work.refusal(Right.CHANGE, MAY_NOT_CHANGE) or two)
        offer(self.export, at_work.refusal(Right.EXPORT, MAY_NOT_EXPORT) or one)
        offer(self.import_, at_work.refusal(Right.IMPORT, MAY_NOT_IMPORT))
        none = "" if count else NOTHING_CHOSEN
        offer(self.delete, at_work.refusal(Right.DELETE, MAY_NOT_DELETE) or none)

    def _show_details(self) -> None:
        is_one = self.rows.chosen_count == 1
        self.details.show_record(self.rows.chosen_identifiers[0] if is_one else "")

    # Searching

    @property
    def _is_narrowed(self) -> bool:
        """Whether anything but the worklist is asked for."""
        chosen = (box.currentData() for name, box in self.choices.items() if name != "view")
        return any(chosen) or any(line.text().strip() for line in self.lines.values())

    @property
    def _is_filtered(self) -> bool:
        return self._is_narrowed or self.choices["view"].currentData() != View.ALL

    def _choice_changed(self) -> None:
        if not self._is_filling:
            self.run_search()

    def _typed(self) -> None:
        if not self._is_filling:
            self._typing.start()
            self._follow()

    def _search_typed(self) -> None:
        if self._fault:
            self.told.say(self._fault, "warning")
        else:
            self.run_search()

    def _go_on(self) -> None:
        """Search now, and give the keys to what was found."""
        if self._typing.isActive():
            self._search_typed()
        self.rows.setFocus()
        self._goes_on = True
        if self._search is None:
            self._take_first()

    def _take_first(self) -> None:
        """Put the keys on a row, where they wait for one."""
        if self._goes_on and self.rows.hasFocus() and self.rows.rows.rowCount():
            self.rows.begin()
        self._goes_on = False

    def run_clear(self) -> None:
        """Ask for everything again."""
        self._is_filling = True
        for box in self.choices.values():
            box.setCurrentIndex(0)
        for line in self.lines.values():
            line.clear()
        self._is_filling = False
        self.lines["words"].setFocus()
        self.run_search()

    def refresh(self) -> None:
        """List anew, with what can be chosen among: the archive has changed."""
        self._has_choices = False
        self.run_search()

    def run_search(self) -> None:
        """List what fits now; only the latest search is shown."""
        if self._fault:
            return
        self._typing.stop()
        for task in (self._search, self._pictures):
            if task is not None:
                task.cancel()
        wanted = self.wanted
        words = query_text(wanted)
        is_new = words not in ("", self._recorded)
        act = partial(_search, wanted, words if is_new else "", not self._has_choices)
        self._search = task = self._desk.ask(act, self._fail, self)
        task.finished.connect(partial(self._show_found, words))
        task.ended.connect(partial(self._forget, task))
        if not self.rows.rows.rowCount():
            self.told.say(SEARCHING, "muted")

    def _forget(self, task: Task) -> None:
        if task is self._search:
            self._search = None
        if task is self._pictures:
            self._pictures = None

    def _show_found(self, words: str, found: Found) -> None:
        self._recorded = words
        view = str(self.choices["view"].currentData())
        empty = empty_text(view, self._is_narrowed, self._is_filtered)
        self.rows.show_records(found.records, empty)
        if found.choices is not None:
            self._fill_choices(found.choices)
        said, self._wanted = self._wanted, ""
        self.told.say(f"{said} {shown_text(len(found.records), found.count)}".strip())
        self._follow()
        self._show_details()
        self._take_first()

    def _fill_choices(self, choices: Choices) -> None:
        self._has_choices = True
        kinds = {kind: kind_words(kind) for kind in choices.kinds}
        self._fill("kind", {"": ANY, **kinds})
        for name, found in (
            ("level", choices.levels), ("tag", choices.tags), ("reader", choices.readers),
        ):  # fmt: skip
            self._fill(name, {"": ANY, **{each: each for each in found}})

    def _read_pictures(self, identifiers: Sequence[str]) -> None:
        if self._pictures is not None:
            self._pictures.cancel()
        steps = partial(_pictures, tuple(identifiers), self.devicePixelRatioF())
        self._pictures = task = self._desk.steps(steps, self._fail, self)
        task.progressed.connect(self.rows.rows.take_pictures)
        task.ended.connect(partial(self._forget, task))

    def _search_and_say(self, said: str) -> None:
        """List anew, and say what was done before how many there are."""
        self._wanted = said
        self.refresh()

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

        def run() -> None:
            task = self._do(act, LINKED)
            task.finished.connect(lambda _: self.linked.emit(second.identifier))

        ask(self, words, run)

    def _do(self, act: Callable[[Session], None], said: str) -> Task:
        task = self._desk.ask(act, self._fail, self)
        task.finished.connect(lambda _: self._search_and_say(said))
        return task

    def _ask_export(self) -> None:
        [record] = self.chosen
        name, _ = QFileDialog.getSaveFileName(self, EXPORT_TITLE, "", PACKAGE_FILTER)
        if not name:
            return
        path = _with_suffix(Path(name))
        what = f"{dated_words(record)}, {patient_line(record.patient)}"
        dialog = ExportDialog(what, self)

        def run(password: str) -> None:
            steps = partial(_export, record.identifier, path, password)
            task = self._desk.tell_if_locked(self._desk.steps(steps, dialog.fail, self))
            dialog.watch(task)
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
            steps = partial(_import, path, password)
            task = self._desk.tell_if_locked(self._desk.steps(steps, dialog.fail, self))
            dialog.watch(task)
            task.finished.connect(lambda _: dialog.close_for_good())
            task.finished.connect(lambda came: self._search_and_say(imported_text(*came)))

        dialog.wanted.connect(run)
        dialog.open()


def _search(wanted: Search, new_words: str, has_choices: bool, session: Session) -> Found:
    """Search; words that were not searched for before are written into the trail first."""
    session.require(Right.VIEW)
    if new_words:
        session.record_query(new_words)
    archive = session.archive
    records = archive.search(wanted)
    is_all = len(records) < wanted.most
    count = len(records) if is_all else archive.count(wanted)
    return Found(records, count, choices_of(archive.connection) if has_choices else None)


def _pictures(
    identifiers: Sequence[str], ratio: float, session: Session
) -> Generator[dict[str, QImage], None, None]:
    """Yield thumbnails by their examinations, one after another."""
    session.require(Right.VIEW)
    archive = session.archive
    for identifier in identifiers:
        png = b""
        # One that is gone or damaged is no reason not to list the others.
        with suppress(ArchiveError, DamagedFileError):
            small = archive.files(identifier, FileRole.THUMBNAIL)
            png = archive.read_file(small[0]) if small else b""
        yield {identifier: framed(png, ratio)}


def _open(bench: Workbench, title: str, paths: Sequence[Path]) -> None:
    bench.opener.open_private(paths, title)


def _originals(identifier: str, session: Session) -> Sequence[Path]:
    return originals(session, identifier)


def _export(
    identifier: str, path: Path, password: str, session: Session
) -> Generator[object, None, None]:
    return exporting(session, identifier, path, password)


def _import(
    path: Path, password: str, session: Session
) -> Generator[object, None, tuple[ExaminationRecord, bool]]:
    return importing(session, path, password)


def _with_suffix(path: Path) -> Path:
    return path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)
