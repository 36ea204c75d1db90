"""Examinations of the archive as rows: words and thumbnails of those only that are in sight."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PyQt6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QSize,
    Qt,
    QTimer,
    pyqtSignal,
)
from PyQt6.QtGui import QImage, QKeyEvent, QPainter, QPaintEvent, QPalette, QPixmap
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTreeView

from spinealign.archive.records import ExaminationRecord
from spinealign.archive.searching import SORTED_BY, FoundRecords
from spinealign.wording.archive import kind_words
from spinealign.wording.archive_list import list_cells, status_words
from spinealign.wording.archive_window import HEADINGS
from spinealign.wording.text import isolated

THUMBNAIL_PX = 36
"""Side of a thumbnail in the list, in pixels of the desktop."""

_REST_MS = 60
_MOST_WANTED = 60
_MOST_KEPT = 2000
_MOST_COLUMN_EM = 44
_MEASURED_ROWS = 200

_WORDS: Mapping[str, Callable[[str], str]] = {"kind": kind_words, "status": status_words}
"""Columns that are sorted by other words than the archive keeps."""


def _cell_key(text: str) -> tuple[int, float, str]:
    """Sort by numbers where cells are numbers, else by letters whatever their case."""
    return (0, float(text), "") if text.isdecimal() else (1, 0.0, text.casefold())


def _turned(order: Sequence[int]) -> list[int]:
    """Return the row of each place."""
    rows = [0] * len(order)
    for row, place in enumerate(order):
        rows[place] = row
    return rows


def framed(png: bytes, ratio: float) -> QImage:
    """Return a thumbnail in the middle of its square; an empty square without one.

    Parameters
    ----------
    png : bytes
    ratio : float
        Pixels of the screen in one of the desktop.
    """
    side = round(THUMBNAIL_PX * ratio)
    square = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    square.fill(Qt.GlobalColor.transparent)
    picture = QImage.fromData(png)
    if not picture.isNull():
        shape, way = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        small = picture.scaled(side, side, shape, way)
        painter = QPainter(square)
        painter.drawImage((side - small.width()) // 2, (side - small.height()) // 2, small)
        painter.end()
    square.setDevicePixelRatio(ratio)
    return square


class ExaminationsModel(QAbstractTableModel):
    """Examinations in the order in which they came, or in that of a column.

    `pictures_wanted` brings the identifiers of rows that are in sight without their thumbnail.
    """

    pictures_wanted = pyqtSignal(list)

    def __init__(self, parent: QAbstractItemView, has_pictures: bool) -> None:
        super().__init__(parent)
        self._records: FoundRecords = FoundRecords(())
        self._order: Sequence[int] | None = None
        self._cells: dict[int, tuple[str, ...]] = {}
        self._has_pictures = has_pictures
        self._pictures: dict[str, QPixmap] = {}
        self._blank = QPixmap(THUMBNAIL_PX, THUMBNAIL_PX)
        self._blank.fill(Qt.GlobalColor.transparent)
        self._wanted: dict[str, None] = {}
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(_REST_MS)
        self._resting.timeout.connect(self._ask)
        self._sorted = -1, Qt.SortOrder.AscendingOrder

    def show_records(self, records: FoundRecords) -> None:
        """Show these, in the order that is chosen."""
        self.beginResetModel()
        self._records = records
        self._cells.clear()
        self._wanted.clear()
        self._order = self._ordered()
        self.endResetModel()

    def record(self, row: int) -> ExaminationRecord:
        """Return the examination of a row."""
        return self._records[self._place(row)]

    def identifiers(self) -> list[str]:
        """Return the identifiers of all rows."""
        found = self._records.identifiers
        return found if self._order is None else [found[place] for place in self._order]

    def _place(self, row: int) -> int:
        return row if self._order is None else self._order[row]

    def _ordered(self) -> Sequence[int] | None:
        column, order = self._sorted
        if column < 0:
            return None
        name = SORTED_BY[column]
        values, words = self._records.values(name), _WORDS.get(name, str)
        keys_of = {value: _cell_key(words(value)) for value in set(values)}
        keys = [keys_of[value] for value in values]
        turned = order == Qt.SortOrder.DescendingOrder
        return sorted(range(len(keys)), key=keys.__getitem__, reverse=turned)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order by a column; a column of -1 is the order in which they came."""
        if (column, order) == self._sorted:
            return
        self._sorted = column, order
        self.layoutAboutToBeChanged.emit()
        moved = [(index, self._place(index.row())) for index in self.persistentIndexList()]
        self._cells.clear()
        self._order = self._ordered()
        if moved:
            rows = range(len(self._records)) if self._order is None else _turned(self._order)
            for index, place in moved:
                self.changePersistentIndex(index, self.index(rows[place], index.column()))
        self.layoutChanged.emit()

    # What the view asks

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many examinations there are."""
        return 0 if parent is not None and parent.isValid() else len(self._records)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many columns there are."""
        return 0 if parent is not None and parent.isValid() else len(HEADINGS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the words of a cell, in its tool tip too, as it may be cut, or a thumbnail."""
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return isolated(self.cells(row)[column])
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.cells(row)[column]
        if role == Qt.ItemDataRole.DecorationRole and column == 0 and self._has_pictures:
            return self._picture(self._records.identifier(self._place(row)))
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a heading."""
        is_said = role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)
        return HEADINGS[section] if is_said and orientation == Qt.Orientation.Horizontal else None

    def cells(self, row: int) -> tuple[str, ...]:
        """Return the words of a row."""
        if row not in self._cells:
            self._cells[row] = list_cells(self.record(row))
        return self._cells[row]

    # Thumbnails

    def _picture(self, identifier: str) -> QPixmap:
        if identifier not in self._pictures:
            self._wanted.pop(identifier, None)
            self._wanted[identifier] = None
            if not self._resting.isActive():
                self._resting.start()
        return self._pictures.get(identifier, self._blank)

    def _ask(self) -> None:
        # What has gone by since need not be read.
        while len(self._wanted) > _MOST_WANTED:
            del self._wanted[next(iter(self._wanted))]
        if self._wanted:
            self.pictures_wanted.emit(list(self._wanted))

    def take_pictures(self, pictures: Mapping[str, QImage]) -> None:
        """Show thumbnails, as `framed` makes them."""
        for identifier, image in pictures.items():
            self._pictures[identifier] = QPixmap.fromImage(image)
            self._wanted.pop(identifier, None)
        while len(self._pictures) > _MOST_KEPT:
            del self._pictures[next(iter(self._pictures))]
        if self.rowCount():
            first, last = self.index(0, 0), self.index(self.rowCount() - 1, 0)
            self.dataChanged.emit(first, last, [Qt.ItemDataRole.DecorationRole])


class ExaminationsView(QTreeView):
    """A list of examinations that thousands do not slow; an empty one says why.

    `chosen_changed` says that other rows are selected, `row_activated` that Return or a double
    click wants them.
    """

    chosen_changed = pyqtSignal()
    row_activated = pyqtSignal()

    def __init__(self, name: str, *, has_pictures: bool, is_sorted: bool = False) -> None:
        super().__init__()
        self.rows = ExaminationsModel(self, has_pictures)
        self.placeholder = ""
        self._is_fitted = False
        self.setModel(self.rows)
        self.setAccessibleName(name)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setObjectName("networkRows")
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        if has_pictures:
            self.setIconSize(QSize(THUMBNAIL_PX, THUMBNAIL_PX))
        header = self.header()
        assert header is not None
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        # Else each drawing of the header asks of every row whether it is selected.
        header.setSelectionModel(QItemSelectionModel(self.rows, self))
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(is_sorted)
        self.doubleClicked.connect(lambda _: self.row_activated.emit())
        self._watch()

    def _watch(self) -> None:
        selection = self.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(lambda *_: self.chosen_changed.emit())

    def show_records(self, records: FoundRecords, placeholder: str = "") -> None:
        """Show these; what was chosen stays so where it is still there."""
        chosen, current = set(self.chosen_identifiers), self.current_identifier
        self.placeholder = placeholder
        self.rows.show_records(records)
        selection = self.selectionModel()
        assert selection is not None
        flag = selection.SelectionFlag
        if chosen or current:
            for row, identifier in enumerate(self.rows.identifiers()):
                index = self.rows.index(row, 0)
                if identifier in chosen:
                    selection.select(index, flag.Select | flag.Rows)
                if identifier == current:
                    selection.setCurrentIndex(index, flag.NoUpdate)
        if len(records) and not self._is_fitted:
            self._fit_columns()

    def _fit_columns(self) -> None:
        """Make each column as wide as the words of the first rows, within reason, once."""
        self._is_fitted = True
        metrics, header = self.fontMetrics(), self.header()
        assert header is not None
        em = metrics.averageCharWidth()
        count = min(self.rows.rowCount(), _MEASURED_ROWS)
        for column, heading in enumerate(HEADINGS[:-1]):
            words = [heading + "  ▾", *(self.rows.cells(row)[column] for row in range(count))]
            width = max(map(metrics.horizontalAdvance, words)) + 3 * em
            if column == 0 and self.iconSize().width() == THUMBNAIL_PX:
                width += THUMBNAIL_PX
            header.resizeSection(column, min(width, _MOST_COLUMN_EM * em))

    @property
    def chosen_count(self) -> int:
        """How many rows are selected."""
        selection = self.selectionModel()
        assert selection is not None
        blocks = selection.selection()
        return sum(blocks[place].height() for place in range(len(blocks)))

    @property
    def chosen_identifiers(self) -> list[str]:
        """Identifiers of the rows that are selected, from the top."""
        found = self.rows.identifiers()
        return [found[row] for row in self._chosen_rows]

    @property
    def chosen(self) -> list[ExaminationRecord]:
        """The examinations whose rows are selected, from the top."""
        return [self.rows.record(row) for row in self._chosen_rows]

    @property
    def _chosen_rows(self) -> list[int]:
        selection = self.selectionModel()
        assert selection is not None
        blocks = selection.selection()
        found = [blocks[place] for place in range(len(blocks))]
        return sorted({row for one in found for row in range(one.top(), one.bottom() + 1)})

    @property
    def current_identifier(self) -> str:
        """Identifier of the row with the keys; empty without one."""
        row = self.currentIndex().row()
        return self.rows.identifiers()[row] if 0 <= row < self.rows.rowCount() else ""

    def begin(self) -> None:
        """Select the row with the keys, or the first one, unless something is selected."""
        selection = self.selectionModel()
        assert selection is not None
        if not self.chosen_count:
            current = self.currentIndex()
            # Qt gives a list that gets the keys a current row, and selects none.
            index = current if current.isValid() else self.rows.index(0, 0)
            flag = selection.SelectionFlag
            selection.setCurrentIndex(index, flag.ClearAndSelect | flag.Rows)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Let Return do what a double click does, not press a button of the dialog."""
        is_return = event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_return and self.currentIndex().isValid() and event is not None:
            event.accept()
            self.row_activated.emit()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Say in an empty list why it is empty, and what to do."""
        super().paintEvent(event)
        viewport = self.viewport()
        if self.rows.rowCount() or not self.placeholder or viewport is None:
            return
        painter = QPainter(viewport)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        room = viewport.rect().adjusted(24, 24, -24, -24)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(room, flags, self.placeholder)
        painter.end()
