"""The open cases as a list that is searched, filtered and sorted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QImage

from spinealign.domain.paths import telling_folders
from spinealign.domain.reading import ReadingStatus
from spinealign.domain.study import PatientFacts
from spinealign.ui.cases.case import Case
from spinealign.wording import display_name
from spinealign.wording.reading import name_text
from spinealign.wording.reading_page import STATUS_WORDS
from spinealign.wording.text import safe_text
from spinealign.wording.worklist import NO_KIND, STANDING_TIPS, SortKey, Standing

ARRANGE_DELAY_MS = 40
"""Patients' names come in one by one for thousands of cases."""

ROW = Qt.ItemDataRole.UserRole


@dataclass(eq=False)
class Row:
    """A case as the worklist shows it.

    `facts` is whose it is, None while that is not read or not to be shown; `key_value` what was
    found first of all; `order` when it was opened; `folder` tells it from another case of its
    name.
    """

    case: Case
    order: int
    facts: PatientFacts | None = None
    thumbnail: QImage | None = None
    key_value: str = ""
    folder: str = ""
    _searched: str = field(default="", repr=False)

    @property
    def patient(self) -> str:
        """Name of the patient, or identifier; empty where unknown or hidden."""
        if self.facts is None:
            return ""
        return name_text(self.facts.name) or self.facts.identifier.strip()

    @property
    def date(self) -> str:
        """Date of the examination, 2026-11-29; empty where unknown or hidden."""
        day = None if self.facts is None else self.facts.examination_date
        return "" if day is None else day.isoformat()

    @property
    def heading(self) -> str:
        """The first line: the patient, else the image."""
        return self.patient or self.name

    @property
    def name(self) -> str:
        """What the image is called, with its folder where another one is called so too."""
        return f"{self.folder}/{self.case.title}" if self.folder else self.case.title

    @property
    def details(self) -> str:
        """The second line: date, kind and image."""
        title = self.name if self.patient else ""
        return " · ".join(filter(None, (self.date, self.case.kind, title)))

    @property
    def state(self) -> str:
        """The word beside the sign: how far a reader is, else where the case stands."""
        reading = self.case.reading_status
        is_told = self.case.standing in (Standing.TO_CHECK, Standing.SIGNED)
        if is_told and reading is not ReadingStatus.AUTOMATIC:
            return STATUS_WORDS[reading]
        return self.case.standing.value

    @property
    def spoken(self) -> str:
        """All of it in one line, for screen readers."""
        case = self.case
        standing = case.standing.value
        more = [self.state] if self.state != standing else []
        said = (self.patient, self.name, self.date, case.kind, self.key_value)
        return ", ".join(filter(None, (*said, standing, *more, case.edit_words)))

    @property
    def tip(self) -> str:
        """All of it in lines, with the path and why it failed."""
        case = self.case
        state = ", ".join(filter(None, (STANDING_TIPS[case.standing], case.edit_words)))
        more = f" ({self.state})" if self.state != case.standing.value else ""
        reason = case.message.sentence if case.message is not None else ""
        lines = (self.patient, case.title, self.date, case.kind, self.key_value, state + more)
        return "\n".join(filter(None, (*lines, reason, str(case.path))))

    def note(self) -> None:
        """Remember what a search looks through."""
        words = (self.patient, self.name, self.date, self.case.kind, self.key_value)
        identifier = "" if self.facts is None else self.facts.identifier
        self._searched = "\n".join((*words, identifier, self.state)).casefold()

    def holds(self, words: Sequence[str]) -> bool:
        """Whether every word stands somewhere in it."""
        return all(word in self._searched for word in words)


class WorklistModel(QAbstractListModel):
    """Rows that pass search and filters, sorted.

    What is shown is arranged anew a moment after a case changed, once for many changes.
    `arranged` says that rows came, went or moved.
    """

    arranged = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.key_value_of: Callable[[Case], str] = lambda case: ""
        self._all: dict[Case, Row] = {}
        self._rows: list[Row] = []
        self._places: dict[Case, int] = {}
        self._opened = 0
        self.words = ""
        self.standings: frozenset[Standing] = frozenset()
        self.kinds: frozenset[str] = frozenset()
        self.sort_key = SortKey.OPENED
        self.is_descending = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(ARRANGE_DELAY_MS)
        self._soon.timeout.connect(self.arrange)

    # What Qt asks

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return how many cases are shown."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a row shows or says."""
        if not 0 <= index.row() < len(self._rows):
            return None
        row = self._rows[index.row()]
        if role == ROW:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return row.case.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return row.spoken
        return row.tip if role == Qt.ItemDataRole.ToolTipRole else None

    # What there is

    @property
    def total(self) -> int:
        """How many cases there are."""
        return len(self._all)

    @property
    def is_narrowed(self) -> bool:
        """Whether a search or a filter may hide cases."""
        return bool(self.words.strip() or self.standings or self.kinds)

    @property
    def shown_cases(self) -> list[Case]:
        """The cases that are shown, from the top."""
        return [row.case for row in self._rows]

    @property
    def counts(self) -> Counter[Standing]:
        """How many cases stand where."""
        return Counter(case.standing for case in self._all)

    @property
    def kinds_there(self) -> list[str]:
        """The kinds of image among the cases."""
        return sorted({case.kind or NO_KIND for case in self._all})

    @property
    def rows(self) -> list[Row]:
        """All cases with what is known of them, in the order of opening."""
        return list(self._all.values())

    def row_of(self, case: Case) -> Row | None:
        """Return what is known of a case; None of one that was closed."""
        return self._all.get(case)

    def index_of(self, case: Case | None) -> QModelIndex:
        """Return where a case stands; no place if it is not shown."""
        place = None if case is None else self._places.get(case)
        return QModelIndex() if place is None else self.index(place)

    # What changes

    def add(self, cases: Iterable[Case]) -> None:
        """List cases."""
        for case in cases:
            self._opened += 1
            row = self._all[case] = Row(case, self._opened)
            row.note()
        self._tell_apart()
        self.arrange()

    def remove(self, cases: Iterable[Case]) -> None:
        """List cases no longer."""
        for case in cases:
            self._all.pop(case, None)
        self._tell_apart()
        self.arrange()

    def _tell_apart(self) -> None:
        """Name the folder of cases of one name."""
        named = [row for row in self._all.values() if row.case.title == display_name(row.case.path)]
        folders = telling_folders([row.case.path for row in named])
        for row, folder in zip(named, folders, strict=True):
            told = safe_text(folder)
            if told != row.folder:
                row.folder = told
                row.note()
                self._repaint(row.case)

    def update(self, case: Case) -> None:
        """Show a case's present state; one that was closed meanwhile is shown no longer."""
        row = self._all.get(case)
        if row is None:
            return
        if case.finding is not None:
            row.key_value = self.key_value_of(case)
        self._changed(row)

    def set_facts(self, case: Case, facts: PatientFacts | None) -> None:
        """Say whose a case is, or nothing of that."""
        row = self._all.get(case)
        if row is not None:
            row.facts = facts
            self._changed(row)

    def set_thumbnail(self, case: Case, picture: QImage | None) -> None:
        """Show a case small."""
        row = self._all.get(case)
        if row is not None and picture is not None:
            row.thumbnail = picture
            self._repaint(case)

    def narrow(
        self,
        words: str | None = None,
        standings: frozenset[Standing] | None = None,
        kinds: frozenset[str] | None = None,
    ) -> None:
        """Show only what holds all these words, stands there and is of these kinds."""
        self.words = self.words if words is None else words
        self.standings = self.standings if standings is None else standings
        self.kinds = self.kinds if kinds is None else kinds
        self.arrange()

    def sort_by(self, key: SortKey, is_descending: bool) -> None:
        """Sort by this from now on."""
        self.sort_key, self.is_descending = key, is_descending
        self.arrange()

    def arrange(self) -> None:
        """Search, filter and sort now."""
        self._soon.stop()
        wanted = self._sorted(row for row in self._all.values() if self._passes(row))
        if wanted == self._rows:
            self.arranged.emit()
            return
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        cases = [self._rows[index.row()].case for index in old]
        self._rows = wanted
        self._places = {row.case: place for place, row in enumerate(wanted)}
        self.changePersistentIndexList(old, [self.index_of(case) for case in cases])
        self.layoutChanged.emit()
        self.arranged.emit()

    def _changed(self, row: Row) -> None:
        row.note()
        self._repaint(row.case)
        self._soon.start()

    def _repaint(self, case: Case) -> None:
        index = self.index_of(case)
        if index.isValid():
            self.dataChanged.emit(index, index)

    def _passes(self, row: Row) -> bool:
        case = row.case
        if self.standings and case.standing not in self.standings:
            return False
        if self.kinds and (case.kind or NO_KIND) not in self.kinds:
            return False
        return row.holds(self.words.casefold().split())

    def _sorted(self, rows: Iterable[Row]) -> list[Row]:
        ordered = sorted(rows, key=lambda row: row.order, reverse=self._opens_last)
        if self.sort_key is SortKey.OPENED:
            return ordered
        keyed = [(_KEYS[self.sort_key](row), row) for row in ordered]
        known = sorted(
            (each for each in keyed if each[0]),
            key=lambda each: each[0],
            reverse=self.is_descending,
        )
        return [row for _, row in (*known, *(each for each in keyed if not each[0]))]

    @property
    def _opens_last(self) -> bool:
        return self.is_descending and self.sort_key is SortKey.OPENED


def _by_number(text: str) -> tuple[Any, ...]:
    from spinealign.imaging.find import natural_key

    return natural_key(Path(text.casefold())) if text else ()


_STANDINGS = {standing: place for place, standing in enumerate(Standing, start=1)}
_KEYS: dict[SortKey, Callable[[Row], Any]] = {
    SortKey.NAME: lambda row: _by_number(row.case.title),
    SortKey.PATIENT: lambda row: row.patient.casefold(),
    SortKey.DATE: lambda row: row.date,
    SortKey.KIND: lambda row: row.case.kind.casefold(),
    SortKey.STANDING: lambda row: _STANDINGS[row.case.standing],
}
"""What sorts; where it says nothing, a case comes last, whichever way it is sorted."""
