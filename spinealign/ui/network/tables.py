"""Lists of rows with headings, for nodes, rules and transfers: chosen by mouse and keys."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem

from spinealign.wording.text import isolated

PAYLOAD = Qt.ItemDataRole.UserRole
_MOST_COLUMN_EM = 54


class Rows(QTreeWidget):
    """Rows of text, each with what it stands for.

    Parameters
    ----------
    name : str
        For screen readers.
    headings : sequence of str
    is_sorted : bool
        Whether a heading that is pressed sorts by its column.
    """

    def __init__(self, name: str, headings: Sequence[str], *, is_sorted: bool = False) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.set_headings(headings)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setObjectName("networkRows")
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        header = self.header()
        assert header is not None
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        self.setSortingEnabled(is_sorted)
        if is_sorted:
            header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)

    def set_headings(self, headings: Sequence[str]) -> None:
        """Name the columns; a heading that is cut tells its words in a tool tip."""
        self.setHeaderLabels(list(headings))
        top = self.headerItem()
        for column, heading in enumerate(headings):
            if top is not None:
                top.setToolTip(column, heading)

    def put(self, rows: Sequence[tuple[Sequence[str], object]]) -> None:
        """Show these rows; what was chosen stays so where it is still there."""
        chosen, current = self.chosen, self.current
        self.clear()
        for cells, payload in rows:
            self.addTopLevelItem(new_row(cells, payload))
        for place in range(self.topLevelItemCount()):
            item = self.topLevelItem(place)
            assert item is not None
            item.setSelected(item.data(0, PAYLOAD) in chosen)
            if item.data(0, PAYLOAD) == current:
                index = self.indexFromItem(item)
                selection = self.selectionModel()
                assert selection is not None
                selection.setCurrentIndex(index, selection.SelectionFlag.NoUpdate)
        self.fit_columns()

    def fit_columns(self) -> None:
        """Make each column as wide as its words, within reason."""
        most = _MOST_COLUMN_EM * self.fontMetrics().averageCharWidth()
        for column in range(self.columnCount() - 1):
            self.resizeColumnToContents(column)
            self.setColumnWidth(column, min(self.columnWidth(column) + 8, most))

    @property
    def chosen(self) -> list[object]:
        """What the rows that are selected stand for, from the top."""
        items = sorted(self.selectedItems(), key=lambda item: self.visualItemRect(item).top())
        return [item.data(0, PAYLOAD) for item in items]

    @property
    def current(self) -> object:
        """What the row with the keys stands for."""
        item = self.currentItem()
        return None if item is None else item.data(0, PAYLOAD)

    def choose(self, payload: object) -> None:
        """Choose the row that stands for something, and no other; without one nothing changes."""
        for place in range(self.topLevelItemCount()):
            item = self.topLevelItem(place)
            if item is not None and item.data(0, PAYLOAD) == payload:
                self.setCurrentItem(item)

    def focus_first(self) -> None:
        """Put the keys on the first row, and select it."""
        first = self.topLevelItem(0)
        if first is not None:
            self.setCurrentItem(first)
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Let Return do what a double click does, not press a button of the dialog."""
        is_return = event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        item = self.currentItem()
        if is_return and item is not None and event is not None:
            event.accept()
            self.itemActivated.emit(item, 0)
            return
        super().keyPressEvent(event)


class Row(QTreeWidgetItem):
    """Sorts by numbers where both cells are numbers, else by letters whatever their case."""

    def __lt__(self, other: QTreeWidgetItem) -> bool:
        tree = self.treeWidget()
        column = 0 if tree is None else max(tree.sortColumn(), 0)
        return _key(self.text(column)) < _key(other.text(column))


def _key(text: str) -> tuple[int, float, str]:
    return (0, float(text), "") if text.isdecimal() else (1, 0.0, text.casefold())


def new_row(cells: Sequence[str], payload: object) -> Row:
    """Return a row; a cell that is cut tells its words in a tool tip."""
    item = Row([isolated(cell) for cell in cells])
    for column, cell in enumerate(cells):
        item.setToolTip(column, cell)
    item.setData(0, PAYLOAD, payload)
    return item
