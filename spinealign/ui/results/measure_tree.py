"""The rows of the table of measures: one line of cells, then the reference range and notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from PyQt6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QRect,
    QRectF,
    QSignalBlocker,
    QSize,
    Qt,
    pyqtSignal,
)
from PyQt6.QtGui import (
    QColor,
    QFontMetrics,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QResizeEvent,
)
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QMenu,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.measurements import Measurement, MeasureState
from spinealign.ui.results.measure_model import (
    HEADINGS,
    MEASUREMENT_ROLE,
    Key,
    MeasureChoices,
    MeasureColumn,
    MeasureModel,
)
from spinealign.ui.widgets.labels import Fold, wrapped_label
from spinealign.ui.widgets.range_bar import draw_range
from spinealign.ui.widgets.theme import Colours
from spinealign.wording.corrections import confirm_corners_text, corners_to_check
from spinealign.wording.measure_rows import (
    PLACING_WORDS,
    automatic_text,
    has_value,
    missing_title,
    parts_below,
    range_text,
    unmeasurable_lines,
    waits_for,
)
from spinealign.wording.measures import measurement_name

ROW_MARGIN_PX = 7
CELL_MARGIN_PX = 14
TICK_PX = 22
PENCIL_PX = 20
WIDEST_VALUES = {MeasureColumn.VALUE: "-00.0 mm", MeasureColumn.INTERVAL: "-00.0 to -00.0"}
EXTRA_PX = {MeasureColumn.MEASURE: TICK_PX, MeasureColumn.VALUE: PENCIL_PX}
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class RowDelegate(QStyledItemDelegate):
    """Draws cells in the first line of a row, and leaves the rest to the tree."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return the height of all lines of the row."""
        measurement = index.siblingAtColumn(0).data(MEASUREMENT_ROLE)
        return QSize(TICK_PX, row_height(option.fontMetrics, measurement))

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Draw the cell."""
        super().paint(painter, _first_line(option), index)

    def editorEvent(
        self,
        event: QEvent | None,
        model: QAbstractItemModel | None,
        option: QStyleOptionViewItem,
        index: QModelIndex,
    ) -> bool:
        """Look for the tick box where it is drawn."""
        return super().editorEvent(event, model, _first_line(option), index)


class MeasureTree(QTreeView):
    """The rows: arrows move, Space draws on the picture, Enter opens the definition."""

    row_selected = pyqtSignal(object)
    definition_requested = pyqtSignal(object)
    copy_requested = pyqtSignal()

    def __init__(self, model: MeasureModel, choices: MeasureChoices, colours: Colours) -> None:
        super().__init__()
        self._measures = model
        self._choices = choices
        self._colours = colours
        self._heights: tuple[int, ...] = ()
        self._was_selected = QModelIndex()
        self._was_toggled = False
        self.setModel(model)
        self.setItemDelegate(RowDelegate(self))
        self._set_up()
        model.toggled.connect(self._note_toggled)
        self.expanded.connect(lambda index: self._note_open(index, True))
        self.collapsed.connect(lambda index: self._note_open(index, False))
        self.clicked.connect(self._on_click)
        selection = self.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(lambda: self.row_selected.emit(self.selected_key))

    @property
    def selected_key(self) -> Key | None:
        """The measure whose row is selected."""
        measurement = self._measures.measurement(self._selected_row())
        return measurement.key if measurement is not None else None

    def take_new_rows(self, selected: Key | None) -> None:
        """Open groups as they were, fit the columns, and select the same measure again."""
        # What opens here was open before, and the height is fitted once, at the end.
        with QSignalBlocker(self):
            for row in range(self._measures.rowCount()):
                index = self._measures.index(row, 0)
                self.setFirstColumnSpanned(row, QModelIndex(), True)
                self.setExpanded(index, self._measures.is_open(index))
        self._fit_columns()
        index = self._measures.index_of(selected) if selected is not None else QModelIndex()
        if index.isValid():
            self.setCurrentIndex(index)

    def fit_height(self) -> None:
        """Show all open rows: the panel scrolls, not the table in it."""
        header = self.header()
        assert header is not None
        metrics = self.fontMetrics()
        heights = tuple(
            row_height(metrics, self._measures.measurement(index)) for index in self._open_rows()
        )
        if heights != self._heights:
            self._heights = heights
            self.scheduleDelayedItemsLayout()
            self.setFixedHeight(sum(heights) + header.sizeHint().height() + 2 * self.frameWidth())

    def drawRow(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Draw the cells, and the lines below them."""
        super().drawRow(painter, option, index)
        measurement = self._measures.measurement(index)
        if painter is None or measurement is None:
            return
        line = QRect(option.rect)
        line.setHeight(option.fontMetrics.height())
        line.translate(0, option.fontMetrics.height() + ROW_MARGIN_PX - 1)
        line.adjust(TICK_PX + 4, 0, -self.columnWidth(MeasureColumn.DEFINITION), 0)
        painter.setPen(QColor(self._colours.muted))
        # The first line ends where the drawing of the range begins.
        beside = self.columnWidth(MeasureColumn.MEASURE) - TICK_PX
        for forms in _extra_lines(measurement):
            room = line.width() if len(forms) == 1 else beside
            painter.drawText(line, LEFT, _fitting(forms, room, option.fontMetrics))
            line.translate(0, line.height())
        self._draw_automatic(painter, option, measurement)
        self._draw_range(painter, option, measurement)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Draw with Space, explain with Enter, copy with the usual key."""
        if event is None:
            return
        index = self.currentIndex()
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_requested.emit()
        elif event.key() == Qt.Key.Key_Space and index.isValid():
            self._measures.toggle(index)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and index.isValid():
            self._explain(index)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Remember what was selected: a second click on it ends that."""
        self._was_selected = self._selected_row()
        self._was_toggled = False
        super().mousePressEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Give room that is left over to the names, or take it from them."""
        super().resizeEvent(event)
        self._share_room()

    def _draw_automatic(
        self, painter: QPainter, option: QStyleOptionViewItem, measurement: Measurement
    ) -> None:
        """Write what the program had measured beside the name, where there is room."""
        text, metrics = automatic_text(measurement), option.fontMetrics
        name = metrics.horizontalAdvance(measurement_name(measurement))
        left = self.columnViewportPosition(MeasureColumn.MEASURE) + TICK_PX + CELL_MARGIN_PX + name
        right = self.columnViewportPosition(MeasureColumn.VALUE)
        room = QRect(left, option.rect.top(), right - left, metrics.height() + ROW_MARGIN_PX)
        if text and metrics.horizontalAdvance(text) < room.width():
            painter.drawText(room, LEFT, text)

    def _draw_range(
        self, painter: QPainter, option: QStyleOptionViewItem, measurement: Measurement
    ) -> None:
        height = option.fontMetrics.height()
        left = self.columnViewportPosition(MeasureColumn.VALUE)
        width = self.columnWidth(MeasureColumn.VALUE) + self.columnWidth(MeasureColumn.INTERVAL)
        top = option.rect.top() + height + ROW_MARGIN_PX - 1
        room = QRectF(left, top, width, height).adjusted(CELL_MARGIN_PX, 0, -4, 0)
        draw_range(painter, room, measurement, self._colours)

    def _selected_row(self) -> QModelIndex:
        selection = self.selectionModel()
        rows = selection.selectedRows() if selection is not None else []
        return rows[0] if rows else QModelIndex()

    def _explain(self, index: QModelIndex) -> None:
        measurement = self._measures.measurement(index)
        if measurement is None:
            self.setExpanded(index, not self.isExpanded(index))
        else:
            self.definition_requested.emit(measurement)

    def _on_click(self, index: QModelIndex) -> None:
        is_heading = self._measures.measurement(index) is None
        if self._was_toggled:
            return
        if is_heading or index.column() == MeasureColumn.DEFINITION:
            self._explain(index)
        elif index.siblingAtColumn(0) == self._was_selected:
            self.clearSelection()

    def _note_toggled(self) -> None:
        self._was_toggled = True

    def _note_open(self, index: QModelIndex, is_open: bool) -> None:
        self._choices.set_open(self._measures.group(index), is_open)
        self.fit_height()

    def _set_up(self) -> None:
        self.setObjectName("measures")
        self.setAccessibleName("Measures")
        self.setAccessibleDescription(
            "Space draws a measure on the image, Enter opens its definition"
        )
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        # The arrows of groups are icons: the tree's own would take room from every row.
        self.setIndentation(0)
        self.setRootIsDecorated(False)
        self.setExpandsOnDoubleClick(False)
        for policy in (self.setVerticalScrollBarPolicy, self.setHorizontalScrollBarPolicy):
            policy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.header()
        assert header is not None
        header.setSectionsMovable(False)
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(10)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    def _fit_columns(self) -> None:
        """Make columns as narrow as their words, with room for values that grow in a drag."""
        metrics = self.fontMetrics()
        for column in (MeasureColumn.VALUE, MeasureColumn.INTERVAL):
            texts = [HEADINGS[column][0], WIDEST_VALUES[column], *self._measures.texts(column)]
            widest = max(metrics.horizontalAdvance(text) for text in texts)
            self.setColumnWidth(column, widest + CELL_MARGIN_PX + EXTRA_PX.get(column, 0))
        self.setColumnWidth(MeasureColumn.DEFINITION, TICK_PX)
        self._share_room()

    def _share_room(self) -> None:
        viewport = self.viewport()
        if viewport is not None:
            others = sum(
                self.columnWidth(column)
                for column in MeasureColumn
                if column != MeasureColumn.MEASURE
            )
            self.setColumnWidth(MeasureColumn.MEASURE, max(viewport.width() - others, 4 * TICK_PX))

    def _open_rows(self) -> Iterator[QModelIndex]:
        model = self._measures
        for row in range(model.rowCount()):
            top = model.index(row, 0)
            yield top
            if self.isExpanded(top):
                yield from (model.index(member, 0, top) for member in range(model.rowCount(top)))


def row_height(metrics: QFontMetrics, measurement: Measurement | None) -> int:
    """Return the height in pixels of a measure's row; None stands for a heading."""
    extra = len(_extra_lines(measurement)) if measurement is not None else 0
    return metrics.height() * (1 + extra) + ROW_MARGIN_PX


def _extra_lines(measurement: Measurement) -> list[tuple[str, ...]]:
    """Return the lines below the cells: those of a value that is corrected are no more.

    A reference range comes in several forms, the longest first.
    """
    normal = range_text(measurement.normal, measurement.unit)
    forms = ("95 % reference range", "reference range", "reference", "")
    notes = " · ".join(parts_below(measurement))
    ranges = [tuple(f"{words} {normal}".strip() for words in forms)] if normal else []
    return ranges + ([(notes,)] if notes else [])


def _fitting(forms: Sequence[str], width: int, metrics: QFontMetrics) -> str:
    """Return the longest form that has room, else as much of the last one as has."""
    fitting = (form for form in forms if metrics.horizontalAdvance(form) <= width)
    return next(fitting, metrics.elidedText(forms[-1], Qt.TextElideMode.ElideRight, width))


def _first_line(option: QStyleOptionViewItem) -> QStyleOptionViewItem:
    first = QStyleOptionViewItem(option)
    first.rect.setHeight(option.fontMetrics.height() + ROW_MARGIN_PX)
    return first


class MeasureTable(QWidget):
    """Shows measures in groups, those that could not be taken folded below.

    Parameters
    ----------
    choices : MeasureChoices
        What the user draws and which groups lie open; changed in place.
    """

    measure_toggled = pyqtSignal(object, bool)
    measure_selected = pyqtSignal(object)
    definition_requested = pyqtSignal(object)
    copy_requested = pyqtSignal()
    placing_wanted = pyqtSignal(object)
    corners_confirmed = pyqtSignal(object)

    def __init__(self, choices: MeasureChoices, colours: Colours) -> None:
        super().__init__()
        self.model = MeasureModel(choices, colours, self)
        self.tree = MeasureTree(self.model, choices, colours)
        self.placing_note = wrapped_label("", "muted")
        self.placing_buttons = {tool: QPushButton(text) for tool, text in PLACING_WORDS.items()}
        self.confirm_button = QToolButton()
        self.confirm_button.setText("Checked: corners are right")
        self.confirm_button.setToolTip(
            "Stands for corners that a measure asks to check, where you found them right"
        )
        self.confirm_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.confirm_menu = QMenu(self.confirm_button)
        self.confirm_button.setMenu(self.confirm_menu)
        self.edited_note = wrapped_label("", "muted")
        self.missing_list = wrapped_label("", "muted")
        self.missing_list.setContentsMargins(26, 0, 0, 0)
        self.missing_fold = Fold("Not measurable", self.missing_list)
        self.measurements: tuple[Measurement, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.tree)
        column.addWidget(self.placing_note)
        for button in self.placing_buttons.values():
            column.addWidget(button, alignment=Qt.AlignmentFlag.AlignLeft)
            button.clicked.connect(self._want_placed)
        column.addWidget(self.edited_note)
        column.addWidget(self.missing_fold)
        column.addWidget(self.confirm_button, alignment=Qt.AlignmentFlag.AlignLeft)
        self.setFocusProxy(self.tree)
        self.model.toggled.connect(self.measure_toggled)
        self.tree.row_selected.connect(self.measure_selected)
        self.tree.definition_requested.connect(self.definition_requested)
        self.tree.copy_requested.connect(self.copy_requested)

    def set_measurements(self, measurements: Sequence[Measurement]) -> None:
        """Show these measures; cheap while the same ones have values."""
        self.measurements = tuple(measurements)
        kept = self.tree.selected_key
        if self.model.set_measurements(self.measurements):
            self.tree.take_new_rows(kept)
        self.tree.fit_height()
        self.tree.setVisible(self.model.rowCount() > 0)
        self._show_edited()
        self._show_missing()

    def _show_edited(self) -> None:
        edited = sum(m.state is MeasureState.EDITED for m in self.measurements)
        values = "1 value is based" if edited == 1 else f"{edited} values are based"
        _put_text(self.edited_note, f"{values} on manually placed points (pencil).")
        self.edited_note.setVisible(edited > 0)

    def _show_missing(self) -> None:
        missing = [m for m in self.measurements if not has_value(m)]
        waiting = [m for m in missing if waits_for(m)]
        _put_text(self.placing_note, "\n".join(unmeasurable_lines(waiting)))
        self.placing_note.setVisible(bool(waiting))
        asked = {waits_for(measurement) for measurement in waiting}
        for tool, button in self.placing_buttons.items():
            button.setVisible(tool in asked)
        self._offer_confirming(corners_to_check(missing))
        missing = [m for m in missing if not waits_for(m)]
        _put_text(self.missing_list, "\n".join(unmeasurable_lines(missing)))
        self.missing_fold.set_title(missing_title(missing))
        self.missing_fold.setVisible(bool(missing))

    def _want_placed(self) -> None:
        # A partial of a method would keep the table alive when its window is gone.
        pressed = self.sender()
        for tool, button in self.placing_buttons.items():
            if button is pressed:
                self.placing_wanted.emit(tool)

    def _offer_confirming(self, asked: Sequence[tuple[str, ...]]) -> None:
        self.confirm_button.setVisible(bool(asked))
        self.confirm_menu.clear()
        for names in asked:
            action = self.confirm_menu.addAction(confirm_corners_text(names))
            if action is not None:
                action.triggered.connect(partial(self._confirm, names))

    def _confirm(self, names: Sequence[str], _is_checked: bool = False) -> None:
        self.corners_confirmed.emit(names)


def _put_text(label: QLabel, text: str) -> None:
    # Setting the same text again would lay the page out anew at every mouse move.
    if label.text() != text:
        label.setText(text)
