"""The table of two examinations: both values, their difference, and what it is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFont, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import (
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from spinealign.domain.comparison import Change, ComparedMeasure
from spinealign.ui.results.measure_model import Key
from spinealign.ui.widgets.labels import show_plain_rows
from spinealign.ui.widgets.theme import Colours
from spinealign.wording.comparison import (
    COMPARISON_HEADINGS,
    ERROR_OF_CHANGE,
    comparison_row,
    error_source,
)

COMPARED_ROLE = Qt.ItemDataRole.UserRole
REACH_ROLE = Qt.ItemDataRole.UserRole + 1
BAR_WIDTH_EM = 22
ROW_MARGIN_PX = 8
MARK_PX = 4.0


class CompareColumn(IntEnum):
    """Columns of the table; the bar stands before the judgement."""

    MEASURE = 0
    FIRST = 1
    SECOND = 2
    DIFFERENCE = 3
    ERROR = 4
    BAR = 5
    JUDGEMENT = 6


_TEXTS: dict[int, int] = {
    column: place
    for place, column in enumerate(c for c in CompareColumn if c is not CompareColumn.BAR)
}
_NUMBERS = (
    CompareColumn.FIRST, CompareColumn.SECOND, CompareColumn.DIFFERENCE, CompareColumn.ERROR,
)  # fmt: skip
_ALIGNMENT: dict[int, Qt.AlignmentFlag] = {
    column: Qt.AlignmentFlag.AlignVCenter
    | (Qt.AlignmentFlag.AlignRight if column in _NUMBERS else Qt.AlignmentFlag.AlignLeft)
    for column in CompareColumn
}


class CompareModel(QAbstractTableModel):
    """Rows of `ComparedMeasure`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[ComparedMeasure, ...] = ()
        self._cells: list[tuple[str, ...]] = []
        self._reach: dict[str, float] = {}
        self._bold = QFont()
        self._bold.setBold(True)

    def set_rows(self, rows: Sequence[ComparedMeasure]) -> bool:
        """Show these measures; returns whether their words are others than before."""
        before = self._cells, [row.change for row in self.rows]
        keeps_shape = [_key(row) for row in rows] == [_key(row) for row in self.rows]
        if not keeps_shape:
            self.beginResetModel()
        self.rows = tuple(rows)
        self._cells = [comparison_row(row) for row in rows]
        self._reach = _reach_by_unit(rows)
        if not keeps_shape:
            self.endResetModel()
        elif rows:
            last = self.index(len(rows) - 1, len(CompareColumn) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
        return before != (self._cells, [row.change for row in self.rows])

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of measures."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(CompareColumn)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a heading."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            place = _TEXTS.get(section)
            return "" if place is None else COMPARISON_HEADINGS[place]
        if role == Qt.ItemDataRole.ToolTipRole and section == CompareColumn.DIFFERENCE:
            return "Second minus first"
        if role == Qt.ItemDataRole.ToolTipRole and section == CompareColumn.ERROR:
            return ERROR_OF_CHANGE
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _ALIGNMENT[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what one cell shows."""
        compared = self.rows[index.row()]
        # A view asks for eight things of every cell while it finds out how wide columns are.
        place = _TEXTS.get(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return "" if place is None else self._cells[index.row()][place]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _ALIGNMENT[index.column()]
        if role == Qt.ItemDataRole.FontRole and compared.change is Change.BEYOND:
            return self._bold
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return _sentence(self._cells[index.row()], error_source(compared.error, compared.unit))
        if role == COMPARED_ROLE:
            return compared
        if role == REACH_ROLE:
            return self._reach.get(compared.unit, 0.0)
        return None


class CompareTable(QTableView):
    """Shows compared measures; a selected row is drawn on both pictures."""

    row_selected = pyqtSignal(object)

    def __init__(self, colours: Colours, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows_model = CompareModel(self)
        self._fitted_for = ""
        self.setModel(self.rows_model)
        self._delegate = DifferenceDelegate(colours, self)
        self.setItemDelegateForColumn(CompareColumn.BAR, self._delegate)
        self.setAccessibleName("Differences between the two examinations")
        header = show_plain_rows(self, self.fontMetrics().height() + ROW_MARGIN_PX)
        header.setStretchLastSection(True)
        selection = self.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(lambda: self.row_selected.emit(self.selected_keys))

    @property
    def selected_keys(self) -> tuple[Key | None, Key | None]:
        """The measure whose row is selected, on the first and on the second examination."""
        selection = self.selectionModel()
        rows = selection.selectedRows() if selection is not None else []
        if not rows:
            return None, None
        row = self.rows_model.rows[rows[0].row()]
        keys = [None if one is None else one.key for one in (row.first, row.second)]
        return keys[0], keys[1]

    def set_rows(self, rows: Sequence[ComparedMeasure]) -> None:
        """Show these measures in columns as wide as their words."""
        letters = self.font().key()
        if not self.rows_model.set_rows(rows) and letters == self._fitted_for:
            return
        self._fitted_for = letters
        self.resizeColumnsToContents()
        self.setColumnWidth(CompareColumn.BAR, BAR_WIDTH_EM * self.fontMetrics().averageCharWidth())

    def set_colours(self, colours: Colours) -> None:
        """Wear another theme."""
        self._delegate.colours = colours


class DifferenceDelegate(QStyledItemDelegate):
    """Draws a difference about zero: a band for the error of a change, a dot or diamond for it.

    A diamond marks a change beyond the error. All bars of one unit have the same scale.
    """

    def __init__(self, colours: Colours, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.colours = colours

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Draw the bar on the cell's ground."""
        super().paint(painter, option, index)
        compared, reach = index.data(COMPARED_ROLE), index.data(REACH_ROLE)
        if painter is None or compared.difference is None or not reach:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw(painter, QRectF(option.rect).adjusted(8, 0, -8, 0), compared, reach)
        painter.restore()

    def _draw(
        self, painter: QPainter, room: QRectF, compared: ComparedMeasure, reach: float
    ) -> None:
        zero, middle, half = room.center().x(), room.center().y(), room.width() / 2
        if compared.error is not None:
            reach_px = half * compared.error.half_width / reach
            band = QRectF(zero - reach_px, room.top() + 4, 2 * reach_px, room.height() - 8)
            painter.fillRect(band, QColor(self.colours.info_panel))
            painter.setPen(QPen(QColor(self.colours.info_border), 1))
            painter.drawRect(band)
        painter.setPen(QPen(QColor(self.colours.strong_border), 1))
        painter.drawLine(QPointF(room.left(), middle), QPointF(room.right(), middle))
        painter.drawLine(QPointF(zero, room.top() + 5), QPointF(zero, room.bottom() - 5))
        is_beyond = compared.change is Change.BEYOND
        colour = QColor(self.colours.warning if is_beyond else self.colours.text)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        where = QPointF(zero + half * (compared.difference or 0.0) / reach, middle)
        if is_beyond:
            painter.drawPolygon(_diamond(where))
        else:
            painter.drawEllipse(where, MARK_PX, MARK_PX)


def _diamond(where: QPointF) -> QPolygonF:
    r = MARK_PX + 1
    steps = ((0, -r), (r, 0), (0, r), (-r, 0))
    return QPolygonF([where + QPointF(x, y) for x, y in steps])


def _reach_by_unit(rows: Sequence[ComparedMeasure]) -> dict[str, float]:
    reach: dict[str, float] = {}
    for row in rows:
        if row.difference is not None and math.isfinite(row.difference):
            error = 0.0 if row.error is None else row.error.half_width
            reach[row.unit] = max(reach.get(row.unit, 0.0), abs(row.difference), error)
    return reach


def _sentence(cells: tuple[str, ...], source: str) -> str:
    name, first, second, difference, error, judgement = cells
    come = f" ({source})" if source else ""
    return (
        f"{name}: first {first}, second {second}, difference {difference}, error of a change "
        f"{error}{come}; {judgement}"
    )


def _key(compared: ComparedMeasure) -> Key:
    return compared.either.key
