"""The worklist on screen: a row a case, drawn by hand so that thousands scroll at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache

from PyQt6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    pyqtSignal,
)
from PyQt6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QPainter,
    QPen,
    QPixmap,
    QResizeEvent,
    QShowEvent,
)
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from spinealign.ui.cases.case import Case
from spinealign.ui.cases.thumbnails import presented
from spinealign.ui.cases.worklist_model import ROW, Row, WorklistModel
from spinealign.ui.widgets.icons import icon
from spinealign.ui.widgets.theme import Colours
from spinealign.wording.worklist import Standing

PAD_PX = 5
DETAILS_SIZE = 0.9
"""Of the second line, so that date and kind have room beside each other in a narrow panel."""

NARROW_PX = 190
"""Where the panel is narrower, the words need the room more than the thumbnails."""

SIGNS: Mapping[Standing, tuple[str, str]] = {
    Standing.TO_CHECK: ("to-check", "accent"),
    Standing.RUNNING: ("running", "accent"),
    Standing.WAITING: ("waiting", "muted"),
    Standing.REFUSED: ("refused", "warning"),
    Standing.FAILED: ("failed", "danger"),
    Standing.STOPPED: ("stopped", "muted"),
    Standing.NOT_ANALYSED: ("undecided", "muted"),
    Standing.SIGNED: ("signed", "good"),
}
"""Drawing and colour of each standing: no two have the same shape."""


class _RowPainter(QStyledItemDelegate):
    """Draws thumbnail, patient, details, and the sign of a case with its word."""

    def __init__(self, colours: Colours, parent: QWidget) -> None:
        super().__init__(parent)
        self.colours = colours
        self.details_lines = 1
        """Lines for date, kind and image: two where there is room for all cases so."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return the height of the lines."""
        return QSize(0, row_height_px(option.fontMetrics, self.details_lines))

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Draw one row."""
        row: Row | None = index.data(ROW)
        if painter is None or row is None:
            return
        painter.save()
        area = QRect(option.rect)
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        self._draw_ground(painter, area, option, is_selected)
        inner = area.adjusted(PAD_PX, PAD_PX, -PAD_PX, -PAD_PX)
        side = _thumbnail_px(option.fontMetrics, area.width())
        _draw_thumbnail(painter, QRect(inner.left(), inner.top(), side, side), row)
        words = inner.adjusted(side + PAD_PX + 1, 0, 0, 0)
        self._draw_words(painter, words, option, row, is_selected)
        painter.restore()

    def _draw_ground(
        self, painter: QPainter, area: QRect, option: QStyleOptionViewItem, is_selected: bool
    ) -> None:
        is_hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if is_selected or is_hovered:
            ground = self.colours.selection if is_selected else self.colours.hover
            painter.fillRect(area, QColor(ground))
        painter.setPen(QColor(self.colours.border))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(self.colours.accent), 2))
            painter.drawRect(area.adjusted(1, 1, -1, -2))

    def _draw_words(
        self,
        painter: QPainter,
        area: QRect,
        option: QStyleOptionViewItem,
        row: Row,
        is_selected: bool,
    ) -> None:
        colours, line = self.colours, option.fontMetrics.height()
        plain = colours.selection_text if is_selected else colours.text
        quiet = colours.selection_text if is_selected else colours.muted
        top = area.top()
        bold = QFont(option.font)
        bold.setBold(True)
        name_area = QRect(area.left(), top, area.width(), line)
        if row.case.edit_words:
            side = line - 2
            sign = QRect(area.right() - side, top + 1, side, side)
            _draw_sign(painter, sign, "edited", quiet)
            name_area.setRight(sign.left() - 3)
        middle, right = Qt.TextElideMode.ElideMiddle, Qt.TextElideMode.ElideRight
        _draw_line(painter, name_area, bold, plain, row.heading, middle)
        small = _small(option.font)
        count = self.details_lines
        for words in wrapped(row.details, QFontMetrics(small), area.width(), count):
            top += line
            details = QRect(area.left(), top, area.width(), line)
            _draw_line(painter, details, small, quiet, words, right)
        state = QRect(area.left(), top + line, area.width(), line)
        self._draw_state(painter, state, option, row, is_selected)

    def _draw_state(
        self,
        painter: QPainter,
        area: QRect,
        option: QStyleOptionViewItem,
        row: Row,
        is_selected: bool,
    ) -> None:
        drawing, colour_name = SIGNS[row.case.standing]
        colour = self.colours.selection_text if is_selected else getattr(self.colours, colour_name)
        side = area.height()
        _draw_sign(painter, QRect(area.left(), area.top(), side, side), drawing, colour)
        words = area.adjusted(side + 4, 0, 0, 0)
        right = Qt.TextElideMode.ElideRight
        taken = option.fontMetrics.horizontalAdvance(f"{row.state}  ")
        needed = option.fontMetrics.horizontalAdvance(row.key_value)
        # The sign alone says where a case stands where there is no room for its word too.
        is_tight = bool(row.key_value) and taken + needed > words.width()
        if not is_tight:
            _draw_line(painter, words, option.font, colour, row.state, right)
            words = words.adjusted(taken, 0, 0, 0)
        plain = self.colours.selection_text if is_selected else self.colours.text
        shown = cut_before_value(row.key_value, option.fontMetrics, words.width())
        _draw_line(painter, words, option.font, plain, shown, right)


def row_height_px(metrics: QFontMetrics, details_lines: int) -> int:
    """Return how high a row is: name, details and state."""
    return (2 + details_lines) * metrics.height() + 2 * PAD_PX + 2


def _thumbnail_px(metrics: QFontMetrics, width_px: int) -> int:
    side = row_height_px(metrics, 1) - 2 * PAD_PX
    return side if width_px >= NARROW_PX else side * 2 // 3


def _small(font: QFont) -> QFont:
    small = QFont(font)
    small.setPointSizeF(DETAILS_SIZE * font.pointSizeF())
    return small


def is_cut(text: str, metrics: QFontMetrics, width_px: int) -> bool:
    """Return whether a text is drawn with an ellipsis: widths in whole pixels do not tell that."""
    return metrics.elidedText(text, Qt.TextElideMode.ElideRight, width_px) != text


def wrapped(text: str, metrics: QFontMetrics, width_px: int, lines: int) -> list[str]:
    """Return a text in lines that end between words; the last one holds all the rest.

    Returns
    -------
    list of str
        At least one, at most `lines`.
    """
    found: list[str] = []
    rest = text
    while len(found) < lines - 1 and is_cut(rest, metrics, width_px):
        breaks = [place for place, letter in enumerate(rest) if letter == " "]
        fitting = [at for at in breaks if not is_cut(rest[:at], metrics, width_px)]
        if not fitting:
            break
        found.append(rest[: fitting[-1]])
        rest = rest[fitting[-1] + 1 :]
    return [*found, rest]


_VALUE = re.compile(r" (?=[-+\u2212\u2264\u2265<>~]?\d[^ ]*(?: [^ \d]+)*$)")


def cut_before_value(text: str, metrics: QFontMetrics, width_px: int) -> str:
    """Return a name with its value so short that it fits; the value is told whole or not at all.

    A value that lost its sign or a digit would be read as another one.
    """
    if metrics.horizontalAdvance(text) <= width_px:
        return text
    found = _VALUE.search(text)
    name, value = (text, "") if found is None else (text[: found.start()], text[found.start() :])
    room = width_px - metrics.horizontalAdvance(value)
    if value and room < metrics.horizontalAdvance("\u2026"):
        return "\u2026"
    return metrics.elidedText(name, Qt.TextElideMode.ElideRight, room) + value


def _draw_thumbnail(painter: QPainter, square: QRect, row: Row) -> None:
    """Draw a picture on a black square, so that all words begin at the same place."""
    painter.fillRect(square, QColor("black"))
    picture = row.thumbnail
    if picture is None or picture.isNull():
        return
    if row.case.presentation is not None:
        picture = presented(picture, row.case.presentation)
    size = picture.size().scaled(square.size(), Qt.AspectRatioMode.KeepAspectRatio)
    target = QRect(QPoint(0, 0), size)
    target.moveCenter(square.center())
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(target, picture)


def _draw_sign(painter: QPainter, square: QRect, drawing: str, colour: str) -> None:
    device = painter.device()
    ratio = 1.0 if device is None else device.devicePixelRatioF()
    painter.drawPixmap(square, _sign(drawing, colour, square.width(), ratio))


@lru_cache(maxsize=128)
def _sign(drawing: str, colour: str, side_px: int, ratio: float) -> QPixmap:
    """Return a sign drawn once for all rows."""
    return icon(drawing, colour).pixmap(QSize(side_px, side_px), ratio)


def _draw_line(
    painter: QPainter, area: QRect, font: QFont, colour: str, text: str, cut: Qt.TextElideMode
) -> None:
    painter.setFont(font)
    painter.setPen(QColor(colour))
    shown = QFontMetrics(font).elidedText(text, cut, area.width())
    flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine
    painter.drawText(area, flags, shown)


class WorklistView(QListView):
    """The list itself: the current row is the case that is shown, several may be selected.

    `case_chosen` brings the case that the user made current, `selection_changed` says that
    others are selected, `close_wanted` that Delete was pressed, `menu_wanted` where a menu is
    asked for, `sight_changed` that other rows are in sight.
    """

    case_chosen = pyqtSignal(object)
    selection_changed = pyqtSignal()
    close_wanted = pyqtSignal()
    menu_wanted = pyqtSignal(QPoint)
    sight_changed = pyqtSignal()

    def __init__(
        self, model: WorklistModel, colours: Colours, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("worklist")
        self.setAccessibleName("Open cases")
        self._model = model
        self._painter = _RowPainter(colours, self)
        self._is_own = False
        self._kept: list[Case] = []
        self._current: Case | None = None
        self.setModel(model)
        self.setItemDelegate(self._painter)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAcceptDrops(False)
        scroll = self.verticalScrollBar()
        assert scroll is not None
        scroll.valueChanged.connect(lambda: self.sight_changed.emit())
        # Qt itself keeps a selection of everything only while the number of rows is the same.
        model.layoutAboutToBeChanged.connect(self._keep_selection)
        model.layoutChanged.connect(self._restore_selection)
        model.arranged.connect(self._choose_lines)
        model.arranged.connect(self.sight_changed)

    @property
    def selected(self) -> list[Case]:
        """The cases that are selected, from the top."""
        shown = self._model.shown_cases
        return [shown[place] for place in self._selected_places()]

    @property
    def selected_count(self) -> int:
        """How many cases are selected."""
        return len(self._selected_places())

    def _selected_places(self) -> list[int]:
        model = self.selectionModel()
        assert model is not None
        chosen = model.selection()
        ranges = (chosen[number] for number in range(len(chosen)))
        return sorted(place for each in ranges for place in range(each.top(), each.bottom() + 1))

    @property
    def in_sight(self) -> list[Row]:
        """The rows that can be seen."""
        viewport = self.viewport()
        if viewport is None or not self.isVisible() or not self._model.rowCount():
            return []
        first = self.indexAt(QPoint(1, 1))
        last = self.indexAt(QPoint(1, viewport.height() - 2))
        begin = first.row() if first.isValid() else 0
        end = last.row() if last.isValid() else self._model.rowCount() - 1
        return [self._model.index(place).data(ROW) for place in range(begin, end + 1)]

    def set_colours(self, colours: Colours) -> None:
        """Wear another theme."""
        self._painter.colours = colours
        viewport = self.viewport()
        if viewport is not None:
            viewport.update()

    def show_current(self, case: Case | None) -> None:
        """Make a case the current row, without announcing it; a wider selection stays."""
        self._current = case
        index, model = self._model.index_of(case), self.selectionModel()
        assert model is not None
        if index.isValid() and model.currentIndex() == index:
            return
        kind = QItemSelectionModel.SelectionFlag
        with self._silently():
            if index.isValid():
                model.setCurrentIndex(index, kind.ClearAndSelect)
                self.scrollTo(index)
            else:
                model.clear()
        self.selection_changed.emit()

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Announce the case that the user made current."""
        super().currentChanged(current, previous)
        row = current.data(ROW) if current.isValid() else None
        if row is not None and not self._is_own:
            self.case_chosen.emit(row.case)

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        """Announce that others are selected."""
        super().selectionChanged(selected, deselected)
        if not self._is_own:
            self.selection_changed.emit()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Close what is selected with Delete."""
        if event is not None and event.key() == Qt.Key.Key_Delete:
            self.close_wanted.emit()
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        """Ask for a menu at the mouse, or at the current row where the keyboard asked."""
        viewport = self.viewport()
        if event is None or viewport is None:
            return
        where = event.pos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            where = self.visualRect(self.currentIndex()).center()
        if self.indexAt(where).isValid() or event.reason() == QContextMenuEvent.Reason.Keyboard:
            self.menu_wanted.emit(viewport.mapToGlobal(where))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Say that other rows may be in sight."""
        super().resizeEvent(event)
        self._choose_lines()
        self.sight_changed.emit()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Say that rows are in sight now."""
        super().showEvent(event)
        self.sight_changed.emit()

    def _choose_lines(self) -> None:
        """Give details a second line where one is cut and all cases have the room."""
        viewport, count = self.viewport(), self._model.rowCount()
        if viewport is None:
            return
        metrics, painter = self.fontMetrics(), self._painter
        has_room = 0 < count * row_height_px(metrics, 2) <= viewport.height()
        width = viewport.width() - 3 * PAD_PX - 1 - _thumbnail_px(metrics, viewport.width())
        small = QFontMetrics(_small(self.font()))
        texts = (self._model.index(place).data(ROW).details for place in range(count))
        needs_two = has_room and any(is_cut(text, small, width) for text in texts)
        if painter.details_lines != 1 + needs_two:
            painter.details_lines = 1 + needs_two
            self.scheduleDelayedItemsLayout()

    def _keep_selection(self) -> None:
        self._kept = self.selected

    def _restore_selection(self) -> None:
        """Select what was selected and is still shown; what is current follows the window."""
        model, flag = self.selectionModel(), QItemSelectionModel.SelectionFlag
        assert model is not None
        wanted = QItemSelection()
        for case in self._kept:
            index = self._model.index_of(case)
            if index.isValid():
                wanted.select(index, index)
        current = self._model.index_of(self._current)
        if not self._kept and current.isValid():
            wanted.select(current, current)
        with self._silently():
            model.select(wanted, flag.ClearAndSelect)
            if current.isValid() and model.currentIndex() != current:
                model.setCurrentIndex(current, flag.NoUpdate)
        self.selection_changed.emit()

    @contextmanager
    def _silently(self) -> Iterator[None]:
        before, self._is_own = self._is_own, True
        try:
            yield
        finally:
            self._is_own = before
