"""The table of a point model's points in the results panel."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeyEvent, QKeySequence
from PyQt6.QtWidgets import QApplication, QHeaderView, QTableWidget, QTableWidgetItem

from spinealign.domain.findings import LocatedPoints
from spinealign.ui.widgets.labels import show_plain_rows
from spinealign.wording.points import (
    POINT_HEADINGS,
    POINT_MEANINGS,
    POINTS_TITLE,
    point_lines,
    point_rows,
)

ROW_MARGIN_PX, CELL_MARGIN_PX = 12, 12
_MM_COLUMN = 2


class PointTable(QTableWidget):
    """Names, places and confidence of points; copied as text."""

    def __init__(self, found: LocatedPoints, spacing_mm: tuple[float, float] | None) -> None:
        self._found, self._spacing_mm = found, spacing_mm
        rows = point_rows(found, spacing_mm)
        super().__init__(len(rows), len(POINT_HEADINGS))
        self.setAccessibleName(POINTS_TITLE)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        for column, (heading, meaning) in enumerate(
            zip(POINT_HEADINGS, POINT_MEANINGS, strict=True)
        ):
            item = QTableWidgetItem(heading)
            item.setToolTip(meaning)
            side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            self.setHorizontalHeaderItem(column, item)
        for number, row in enumerate(rows):
            for column, text in enumerate(row):
                item = QTableWidgetItem(text)
                if 0 < column < len(row) - 1:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                item.setToolTip(text if column == 0 else POINT_MEANINGS[column])
                self.setItem(number, column, item)
        self.setColumnHidden(_MM_COLUMN, spacing_mm is None)
        self._set_up()

    def copy(self) -> None:
        """Put the points on the clipboard as text."""
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText("\n".join(point_lines(self._found, self._spacing_mm)))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy the whole table with the usual key."""
        if event is not None and event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
            return
        super().keyPressEvent(event)

    def _set_up(self) -> None:
        header = show_plain_rows(self, self.fontMetrics().height() + ROW_MARGIN_PX)
        header.setMinimumSectionSize(16)
        metrics = self.fontMetrics()
        for column in range(1, self.columnCount()):
            texts = [POINT_HEADINGS[column]]
            cells = (self.item(row, column) for row in range(self.rowCount()))
            texts += [cell.text() for cell in cells if cell is not None]
            widest = max(metrics.horizontalAdvance(text) for text in texts)
            self.setColumnWidth(column, widest + CELL_MARGIN_PX)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # All rows are shown: the panel scrolls, not the table in it.
        heights = sum(self.rowHeight(row) for row in range(self.rowCount()))
        self.setFixedHeight(heights + header.sizeHint().height() + 4)
