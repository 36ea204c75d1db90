"""Files opened lately: a click or Enter opens one again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PyQt6.QtCore import QModelIndex, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QContextMenuEvent, QFont
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from spinealign.ui.settings.recent import Recent
from spinealign.ui.widgets.icons import icon
from spinealign.ui.widgets.theme import Colours

_MARGIN_PX = 8
_ANY_HEIGHT_PX = 16_777_215
"""Qt's own largest height of a widget."""

_PAYLOAD = Qt.ItemDataRole.UserRole


class _Elided(QStyledItemDelegate):
    """Cuts long names of files in the middle, where they differ least, and all else at the end."""

    def initStyleOption(self, option: QStyleOptionViewItem | None, index: QModelIndex) -> None:
        """Say where a name is cut; headings have no file behind them."""
        super().initStyleOption(option, index)
        if option is not None:
            is_file = isinstance(index.data(_PAYLOAD), Recent)
            mode = Qt.TextElideMode
            option.textElideMode = mode.ElideMiddle if is_file else mode.ElideRight


class RecentList(QTreeWidget):
    """Lists files opened lately under a heading; takes no room without any."""

    file_chosen = pyqtSignal(object)
    forget_requested = pyqtSignal(object)
    clear_recent_requested = pyqtSignal()

    def __init__(self, colours: Colours, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colours = colours
        self._words = ""
        self._is_short = self._gives_way = False
        self.setAccessibleName("Recent files")
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setIndentation(10)
        self.setIconSize(QSize(18, 18))
        self.setItemDelegate(_Elided(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setAcceptDrops(False)
        self.recent = QTreeWidgetItem(["Recent files"])
        self._add_heading()
        self.itemClicked.connect(self._activate)
        self.itemActivated.connect(self._activate)

    def set_recent(self, recents: Sequence[Recent]) -> None:
        """List the files opened lately."""
        self.recent.takeChildren()
        for recent in recents:
            item = QTreeWidgetItem([recent.title])
            item.setData(0, _PAYLOAD, recent)
            item.setToolTip(0, str(recent.path))
            self.recent.addChild(item)
        self._refresh()

    def set_colours(self, colours: Colours) -> None:
        """Paint the icons for another theme."""
        self._colours = colours
        self._refresh()

    def shorten(self, is_short: bool) -> None:
        """Take no more room than the lines need, or all that there is."""
        if is_short != self._is_short:
            self._is_short = is_short
            self._refresh()

    def give_way(self, gives_way: bool) -> None:
        """Take no room at all, where open cases need it; the File menu has the same list."""
        if gives_way != self._gives_way:
            self._gives_way = gives_way
            self._refresh()

    def search(self, words: str) -> None:
        """Show only what holds these words."""
        self._words = words.casefold()
        self._refresh()

    def menu_for(self, item: QTreeWidgetItem) -> QMenu:
        """Return what can be done with a line of the list."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        payload = item.data(0, _PAYLOAD)
        if item is not self.recent:
            _add(menu, "Open", lambda: self.file_chosen.emit(payload))
            _add(menu, "Remove from this list", lambda: self.forget_requested.emit(payload))
        _add(menu, "Clear recent files", self.clear_recent_requested.emit)
        return menu

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        """Show a menu at the mouse, or at the current line where the keyboard asked."""
        viewport = self.viewport()
        if event is None or viewport is None:
            return
        by_keys = event.reason() == QContextMenuEvent.Reason.Keyboard
        item = self.currentItem() if by_keys else self.itemAt(event.pos())
        if item is not None:
            where = self.visualItemRect(item).center() if by_keys else event.pos()
            self.menu_for(item).popup(viewport.mapToGlobal(where))

    def _add_heading(self) -> None:
        self.recent.setFlags(Qt.ItemFlag.ItemIsEnabled)
        font = QFont(self.recent.font(0))
        font.setBold(True)
        self.recent.setFont(0, font)
        self.addTopLevelItem(self.recent)
        self.recent.setExpanded(True)

    def _refresh(self) -> None:
        """Show what the search leaves."""
        items = _children(self.recent)
        for item in items:
            item.setIcon(0, icon("recent", self._colours.muted))
            item.setHidden(self._words not in item.text(0).casefold())
        is_empty = all(item.isHidden() for item in items)
        self.setVisible(not is_empty and not self._gives_way)
        if not self._is_short:
            self.setMaximumHeight(_ANY_HEIGHT_PX)
            return
        lines = 1 + sum(not item.isHidden() for item in items)
        row_px = self.sizeHintForRow(0) if self.topLevelItemCount() else 0
        self.setMaximumHeight(lines * max(row_px, self.fontMetrics().height() + 8) + _MARGIN_PX)

    def _activate(self, item: QTreeWidgetItem) -> None:
        if item is not self.recent:
            self.file_chosen.emit(item.data(0, _PAYLOAD))


def _add(menu: QMenu, text: str, act: Callable[[], None]) -> None:
    action = menu.addAction(text)
    assert action is not None
    action.triggered.connect(lambda: act())


def _children(group: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    items = (group.child(row) for row in range(group.childCount()))
    return [item for item in items if item is not None]
