"""Finds words that a window shows only in part."""

from PyQt6.QtCore import QAbstractListModel, QModelIndex, QPoint, QRect, Qt
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDockWidget,
    QHeaderView,
    QLabel,
    QLineEdit,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
    QTabBar,
    QTableView,
    QToolButton,
    QWidget,
)

ROUNDING_PX = 1


def cut_texts(window):
    """Return what is cut and has no tool tip that says it, as (kind, text)."""
    found = []
    for widget in window.findChildren(QWidget):
        if widget.isVisible() and not widget.visibleRegion().isEmpty():
            found += [(type(widget).__name__, text) for text in _cut(widget)]
    found += [(type(w).__name__, "reaches beyond its parent") for w in _sticking_out(window)]
    return found


def settled_cut_texts(qtbot, window):
    """Return what stays cut once the window has laid itself out."""
    for _ in range(20):
        if not (found := cut_texts(window)):
            break
        qtbot.wait(50)
    return found


def _cut(widget):
    if isinstance(widget, QLabel):
        texts = _cut_label(widget)
    elif isinstance(widget, QComboBox):
        texts = _cut_combo(widget)
    elif isinstance(widget, QAbstractButton):
        texts = _cut_button(widget)
    elif isinstance(widget, QLineEdit):
        words = widget.placeholderText() if not widget.text() else ""
        texts = [words] if _wide(widget, words) > widget.contentsRect().width() else []
    elif isinstance(widget, QHeaderView):
        return _cut_headings(widget)
    elif isinstance(widget, QAbstractItemView):
        return _cut_items(widget)
    elif isinstance(widget, QTabBar):
        rects = [(widget.tabText(k), widget.tabRect(k)) for k in range(widget.count())]
        texts = [text for text, rect in rects if not widget.rect().contains(rect)]
    else:
        texts = []
    plain = widget.toolTip().replace("\u200b", "")
    return [text for text in texts if text.replace("\u200b", "").replace("&", "") not in plain]


def _wide(widget, text):
    return widget.fontMetrics().horizontalAdvance(text)


def _cut_label(label):
    if not label.text() or (label.pixmap() and not label.pixmap().isNull()):
        return []
    room = label.contentsRect()
    words = label.text().replace("&", "") if label.buddy() is not None else label.text()
    width, flags = (room.width(), Qt.TextFlag.TextWordWrap) if label.wordWrap() else (9999, None)
    page = QRect(0, 0, width, 9999)
    needed = label.fontMetrics().boundingRect(page, int(flags or 0), words)
    is_cut = (
        needed.width() > room.width() + ROUNDING_PX or needed.height() > room.height() + ROUNDING_PX
    )
    return [label.text()] if is_cut else []


def _cut_button(button):
    if not button.text() or button.text() == "…":
        return []
    if isinstance(button, QToolButton) and (
        button.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonIconOnly
    ):
        return []
    slack = 0 if isinstance(button, QCheckBox) else 4
    is_low = button.height() < button.fontMetrics().height()
    is_cut = button.width() + slack < button.sizeHint().width() or is_low
    return [button.text()] if is_cut else []


def _cut_combo(box):
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    part = QStyle.SubControl.SC_ComboBoxEditField
    room = box.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, box)
    return [box.currentText()] if _wide(box, box.currentText()) > room.width() else []


def _cut_headings(header):
    model = header.model()
    if model is None or header.orientation() is not Qt.Orientation.Horizontal:
        return []
    cut = []
    for section in range(header.count()):
        text = model.headerData(section, Qt.Orientation.Horizontal) or ""
        told = model.headerData(section, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
        is_wide = _wide(header, str(text)) > header.sectionSize(section)
        if is_wide and not told and not header.isSectionHidden(section):
            cut.append(str(text))
    return cut


def _cut_items(view):
    model, cut = view.model(), []
    if model is None or view.rootIndex().isValid():
        return []
    tops = _below(view, QModelIndex())
    below = [index for top in tops if top.column() == 0 for index in _below(view, top)]
    for index in (*tops, *below):
        rect, text = view.visualRect(index), index.data()
        if rect.isEmpty() or not isinstance(text, str) or not text:
            continue
        if "\n" in text or index.data(Qt.ItemDataRole.ToolTipRole):
            continue
        wraps = isinstance(view, QTableView) and view.wordWrap()
        flags = int(Qt.TextFlag.TextWordWrap) if wraps else 0
        needed = view.fontMetrics().boundingRect(QRect(0, 0, rect.width(), 9999), flags, text)
        if needed.width() > rect.width() or needed.height() > rect.height():
            cut.append(text)
    return cut


def _below(view, parent):
    model = view.model()
    columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount(parent)
    rows = range(model.rowCount(parent))
    return [model.index(row, column, parent) for row in rows for column in range(columns)]


def _sticking_out(window):
    """Yield widgets that a part of cannot be seen, and to which nothing scrolls."""
    for widget in window.findChildren(QWidget):
        parent = widget.parentWidget()
        if not widget.isVisible() or widget.isWindow() or parent is None:
            continue
        # A panel behind another one is laid aside; its tab is what is seen of it.
        is_behind = isinstance(widget, QDockWidget) and widget.visibleRegion().isEmpty()
        if (
            _scrolls(widget)
            or is_behind
            or isinstance(parent, QDockWidget)
            or not widget.width()
            or isinstance(widget, QTabBar)
        ):
            continue
        place = QRect(widget.mapTo(parent, QPoint()), widget.size())
        if not parent.rect().adjusted(-2, -2, 2, 2).contains(place):
            yield widget


def _scrolls(widget):
    parent = widget.parentWidget()
    grand = None if parent is None else parent.parentWidget()
    return isinstance(grand, QScrollArea | QAbstractItemView | QHeaderView)
