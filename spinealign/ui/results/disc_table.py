"""The table of discs: a thumbnail, the level, Pfirrmann's grade as bars, findings in words."""

from __future__ import annotations

from PyQt6.QtCore import QModelIndex, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QPainter, QResizeEvent
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from spinealign.domain.discs import Disc, GradeName
from spinealign.ui.results.disc_model import (
    DISC_COLUMN,
    DISC_ROLE,
    FINDINGS_COLUMN,
    PFIRRMANN_COLUMN,
    THUMBNAIL_WIDTH_PX,
    DiscModel,
)
from spinealign.ui.widgets.theme import Colours

CELL_MARGIN_PX, ROW_MARGIN_PX = 12, 8
BARS_HEIGHT_PX, BAR_WIDTH_PX, BAR_GAP_PX = 22.0, 9.0, 3.0
THUMBNAIL_HEIGHT_PX = THUMBNAIL_WIDTH_PX * 112 // 128


class GradeBars(QStyledItemDelegate):
    """Draws Pfirrmann's grade as words, and below them a bar for each grade's probability."""

    def __init__(self, colours: Colours, parent: QWidget) -> None:
        super().__init__(parent)
        self._colours = colours

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Draw the cell's ground, its words and its bars."""
        disc = index.data(DISC_ROLE)
        assert painter is not None
        assert isinstance(disc, Disc)
        ground = QStyleOptionViewItem(option)
        self.initStyleOption(ground, index)
        words, ground.text = ground.text, ""
        style = ground.widget.style() if ground.widget is not None else QApplication.style()
        assert style is not None
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, ground, painter, ground.widget)
        grade = disc.grade(GradeName.PFIRRMANN)
        if grade is None:
            return
        room = QRectF(option.rect).adjusted(CELL_MARGIN_PX / 2, 0, -2, 0)
        height = option.fontMetrics.height()
        top = room.center().y() - (height + 4 + BARS_HEIGHT_PX) / 2
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setPen(QColor(self._colours.selection_text if is_selected else self._colours.text))
        left = Qt.AlignmentFlag.AlignLeft
        painter.drawText(QRectF(room.left(), top, room.width(), height), left, words)
        self._draw_bars(painter, room.left(), top + height + 4, grade.probabilities, grade.value)
        painter.restore()

    def _draw_bars(
        self,
        painter: QPainter,
        left: float,
        top: float,
        probabilities: tuple[float, ...],
        value: int | None,
    ) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for number, probability in enumerate(probabilities, start=1):
            x = left + (number - 1) * (BAR_WIDTH_PX + BAR_GAP_PX)
            full = QRectF(x, top, BAR_WIDTH_PX, BARS_HEIGHT_PX)
            painter.setBrush(QColor(self._colours.border))
            painter.drawRect(full)
            filled = QRectF(full)
            filled.setTop(full.bottom() - max(1.0, probability * BARS_HEIGHT_PX))
            colour = self._colours.accent if number == value else self._colours.strong_border
            painter.setBrush(QColor(colour))
            painter.drawRect(filled)


class DiscTable(QTableView):
    """Shows discs from the top down; the one that is clicked or gone to is looked at."""

    disc_selected = pyqtSignal(object)

    def __init__(self, model: DiscModel, colours: Colours) -> None:
        super().__init__()
        self._discs = model
        self.setModel(model)
        self.setItemDelegateForColumn(PFIRRMANN_COLUMN, GradeBars(colours, self))
        self._set_up()
        self.fit()
        model.dataChanged.connect(self.fit)
        self.clicked.connect(self._select_disc)
        self.activated.connect(self._select_disc)

    @property
    def selected(self) -> Disc | None:
        """The disc whose row is selected."""
        selection = self.selectionModel()
        rows = selection.selectedRows() if selection is not None else []
        return self._discs.discs[rows[0].row()] if rows else None

    def select(self, index_from_bottom: int | None) -> None:
        """Select a disc's row without going to it in the picture."""
        row = self._discs.row_of(index_from_bottom)
        if row is not None:
            self.selectRow(row)

    def fit(self) -> None:
        """Make columns and rows as large as what they hold: the panel scrolls, not the table."""
        metrics, discs = self.fontMetrics(), self._discs
        for column in (DISC_COLUMN, PFIRRMANN_COLUMN):
            texts = [discs.index(row, column).data() for row in range(discs.rowCount())]
            texts.append(discs.headerData(column, Qt.Orientation.Horizontal))
            widest = max(metrics.horizontalAdvance(text) for text in texts)
            picture = THUMBNAIL_WIDTH_PX + 6 if column == DISC_COLUMN else 0
            self.setColumnWidth(column, widest + picture + CELL_MARGIN_PX)
        self._fit_rows()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Wrap findings anew."""
        super().resizeEvent(event)
        self._fit_rows()

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Look at the disc that the arrow keys go to."""
        super().currentChanged(current, previous)
        if self.hasFocus() and current.isValid():
            self._select_disc(current)

    def _select_disc(self, index: QModelIndex) -> None:
        self.disc_selected.emit(self._discs.discs[index.row()])

    def _fit_rows(self) -> None:
        header = self.horizontalHeader()
        assert header is not None
        room, metrics = self.columnWidth(FINDINGS_COLUMN) - CELL_MARGIN_PX, self.fontMetrics()
        least = max(THUMBNAIL_HEIGHT_PX, round(metrics.height() + 4 + BARS_HEIGHT_PX))
        total = 0
        for row in range(self._discs.rowCount()):
            text = self._discs.index(row, FINDINGS_COLUMN).data()
            bounds = metrics.boundingRect(
                0, 0, max(room, 40), 10_000, int(Qt.TextFlag.TextWordWrap), text
            )
            height = max(least, bounds.height()) + ROW_MARGIN_PX
            self.setRowHeight(row, height)
            total += height
        self.setFixedHeight(total + header.sizeHint().height() + 2)

    def _set_up(self) -> None:
        self.setAccessibleName("Discs")
        self.setAccessibleDescription("Arrow keys go to a disc in the picture")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setIconSize(QSize(THUMBNAIL_WIDTH_PX, THUMBNAIL_HEIGHT_PX))
        self.setShowGrid(False)
        self.setWordWrap(True)
        self.setTabKeyNavigation(False)
        header, rows = self.horizontalHeader(), self.verticalHeader()
        assert header is not None
        assert rows is not None
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setMinimumSectionSize(THUMBNAIL_HEIGHT_PX)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setStretchLastSection(True)
        header.setHighlightSections(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
