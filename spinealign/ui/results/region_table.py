"""The table of structures: sortable, copied as text, linked with the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QKeyEvent, QKeySequence, QPainter, QPixmap, QResizeEvent
from PyQt6.QtWidgets import QApplication, QHeaderView, QTableView

from spinealign.domain.findings import Region
from spinealign.ui.widgets.labels import show_plain_rows
from spinealign.wording import NOTHING, safe_text

SORT_ROLE = Qt.ItemDataRole.UserRole
SWATCH_PX = 16
CELL_MARGIN_PX = 12
ROW_MARGIN_PX = 12


@dataclass(frozen=True)
class RegionColumn:
    """One column: a short heading, what it means, and how a cell is made of a region."""

    heading: str
    meaning: str
    key: Callable[[Region], str | float | None]
    pattern: str = "{}"

    def text(self, region: Region) -> str:
        """Return the cell's text."""
        value = self.key(region)
        return NOTHING if value is None else self.pattern.format(value)


COLUMNS = (
    RegionColumn("Structure", "Name of the structure", lambda r: safe_text(r.name)),
    RegionColumn("Pixels", "Number of pixels", lambda r: r.pixels, "{:,}"),
    RegionColumn("% image", "Percent of the whole image", lambda r: r.percent_of_image, "{:.1f}"),
    RegionColumn(
        "% struct.", "Percent of all structures", lambda r: r.percent_of_structures, "{:.1f}"
    ),
    RegionColumn("mm²", "Area in the plane of the image, mm²", lambda r: r.area_mm2, "{:,.0f}"),
    RegionColumn("Parts", "Separate parts", lambda r: r.parts),
    RegionColumn("Conf.", "Mean probability of the class", lambda r: r.mean_confidence, "{:.2f}"),
)
_AREA_COLUMN = next(i for i, column in enumerate(COLUMNS) if column.heading == "mm²")


class RegionModel(QAbstractTableModel):
    """Rows of `Region` under `COLUMNS`."""

    def __init__(self, regions: Sequence[Region], colours: Mapping[int, QColor]) -> None:
        super().__init__()
        self.regions = tuple(regions)
        self._swatches = {i: _swatch(colour) for i, colour in colours.items()}

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of regions."""
        return 0 if parent is not None and parent.isValid() else len(self.regions)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what one cell shows or is sorted by."""
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[column].text(self.regions[row])
        if role == SORT_ROLE:
            key = COLUMNS[column].key(self.regions[row])
            return -1.0 if key is None else key
        if role == Qt.ItemDataRole.DecorationRole and column == 0:
            return self._swatches.get(self.regions[row].class_id or 0)
        if role == Qt.ItemDataRole.TextAlignmentRole and column > 0:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Return a heading or its explanation."""
        if orientation is Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return COLUMNS[section].heading
            if role == Qt.ItemDataRole.ToolTipRole:
                return COLUMNS[section].meaning
            if role == Qt.ItemDataRole.TextAlignmentRole:
                side = Qt.AlignmentFlag.AlignRight if section else Qt.AlignmentFlag.AlignLeft
                return side | Qt.AlignmentFlag.AlignVCenter
        return None


class RegionTable(QTableView):
    """Shows regions; a click on a structure's row highlights it, another click ends that."""

    highlighted = pyqtSignal(object)

    def __init__(self, regions: Sequence[Region], colours: Mapping[int, QColor]) -> None:
        super().__init__()
        self._model = RegionModel(regions, colours)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._model)
        self._sorted.setSortRole(SORT_ROLE)
        self._shown: int | None = None
        self._name_width = 0
        self.setModel(self._sorted)
        self._set_up(has_areas=any(region.area_mm2 is not None for region in regions))
        self.clicked.connect(self._toggle)
        self.activated.connect(self._toggle)

    def text(self) -> str:
        """Return the table as lines of tab-separated cells, in the order shown."""
        columns = [c for c in range(len(COLUMNS)) if not self.isColumnHidden(c)]
        lines = ["\t".join(COLUMNS[c].heading for c in columns)]
        for row in range(self._sorted.rowCount()):
            cells = (self._sorted.index(row, c).data() for c in columns)
            lines.append("\t".join(cells))
        return "\n".join(lines)

    def copy(self) -> None:
        """Put the table on the clipboard as text."""
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.text())

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy the whole table with the usual key."""
        if event is not None and event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Give room that is left over to the names."""
        super().resizeEvent(event)
        viewport = self.viewport()
        if viewport is not None:
            others = sum(self.columnWidth(c) for c in range(1, len(COLUMNS)))
            self.setColumnWidth(0, max(self._name_width, viewport.width() - others))

    def _toggle(self, index: QModelIndex) -> None:
        region = self._model.regions[self._sorted.mapToSource(index).row()]
        same = not region.class_id or region.class_id == self._shown
        self._shown = None if same else region.class_id
        if self._shown is None:
            self.clearSelection()
        self.highlighted.emit(self._shown)

    def _set_up(self, has_areas: bool) -> None:
        self.setAccessibleName("Structures found")
        self.setAccessibleDescription("Enter highlights a structure in the picture")
        self.setToolTip("Click a structure to highlight it in the picture")
        self.setColumnHidden(_AREA_COLUMN, not has_areas)
        header = show_plain_rows(self, self.fontMetrics().height() + ROW_MARGIN_PX)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setMinimumSectionSize(16)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._fit_columns()
        self._fix_height(header)

    def _fit_columns(self) -> None:
        """Make columns as narrow as their words.

        Qt would keep room for a sort arrow in each; the style sheet puts it on top.
        """
        metrics = self.fontMetrics()
        for number, column in enumerate(COLUMNS):
            texts = [column.heading, *(column.text(region) for region in self._model.regions)]
            widest = max(metrics.horizontalAdvance(text) for text in texts)
            swatch = SWATCH_PX if number == 0 else 0
            self.setColumnWidth(number, widest + swatch + CELL_MARGIN_PX)
        self._name_width = self.columnWidth(0)

    def _fix_height(self, header: QHeaderView) -> None:
        """Show all rows: the panel scrolls, not the table in it."""
        heights = sum(self.rowHeight(row) for row in range(self._sorted.rowCount()))
        room_for_scroll_bar = 14
        self.setFixedHeight(heights + header.sizeHint().height() + room_for_scroll_bar)


def _swatch(colour: QColor) -> QPixmap:
    pixmap = QPixmap(24, 24)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(colour)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(2, 2, 20, 20, 5, 5)
    painter.end()
    pixmap.setDevicePixelRatio(2)
    return pixmap
