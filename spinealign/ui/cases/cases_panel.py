"""The list at the left: open cases and recent files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PyQt6.QtCore import QModelIndex, QPoint, QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.reading import ReadingStatus
from spinealign.ui.cases.case_session import Case, CaseStatus
from spinealign.ui.settings.recent import Recent
from spinealign.ui.widgets.icons import icon
from spinealign.ui.widgets.theme import Colours
from spinealign.wording.reading_page import STATUS_WORDS as STATUS_WORDS_OF_READINGS

STATUS_WORDS = {
    CaseStatus.WAITING: "queued",
    CaseStatus.RUNNING: "being analysed",
    CaseStatus.DONE: "analysed",
    CaseStatus.FAILED: "could not be analysed",
    CaseStatus.STOPPED: "stopped; press F5 to analyse it",
}

_INSTEAD_OF_A_PICTURE = {
    CaseStatus.WAITING: "Queued",
    CaseStatus.RUNNING: "Reading the image…",
    CaseStatus.STOPPED: "Stopped; press F5 to analyse it",
    CaseStatus.FAILED: "There is no image to show",
}


def placeholder_text(case: Case) -> str:
    """Return what stands where the picture will be."""
    return f"{case.title}\n{_INSTEAD_OF_A_PICTURE.get(case.status, '')}".strip()


def progress_text(case: Case) -> str:
    """Return what stands where the first result will be."""
    if case.status is CaseStatus.WAITING:
        return "Other cases are analysed first."
    return "The result appears here as soon as it is ready; the image can be viewed already."


def earlier_result_text(case: Case) -> str:
    """Return what is said above a result that is being made again, or nothing."""
    return {
        CaseStatus.RUNNING: "Analysing again… this is the earlier result.",
        CaseStatus.WAITING: "Queued to be analysed again; this is the earlier result.",
    }.get(case.status, "")


_PAYLOAD = Qt.ItemDataRole.UserRole


class CasesPanel(QWidget):
    """Shows what is open, and what was open lately."""

    case_selected = pyqtSignal(object)
    file_chosen = pyqtSignal(object)
    again_requested = pyqtSignal(object)
    close_requested = pyqtSignal(object)
    forget_requested = pyqtSignal(object)
    clear_recent_requested = pyqtSignal()

    def __init__(self, colours: Colours, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colours = colours
        self._filter = QLineEdit()
        self._filter.setPlaceholderText("Search cases")
        self._filter.setAccessibleName("Search cases")
        self._filter.setClearButtonEnabled(True)
        self._filter.textChanged.connect(self._apply_filter)
        self._tree = _new_tree()
        self._open = self._new_group("Open cases")
        self._recent = self._new_group("Recent files")
        self._items: dict[int, QTreeWidgetItem] = {}
        self._tree.currentItemChanged.connect(self._current_changed)
        self._tree.itemClicked.connect(self._activate)
        self._tree.itemActivated.connect(self._activate)
        self._tree.customContextMenuRequested.connect(self._show_menu)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        search = QVBoxLayout()
        search.setContentsMargins(8, 6, 8, 6)
        search.addWidget(self._filter)
        column.addLayout(search)
        column.addWidget(self._tree)
        self.setFocusProxy(self._tree)

    def add_case(self, case: Case) -> None:
        """List a case."""
        item = QTreeWidgetItem([case.title])
        item.setData(0, _PAYLOAD, case)
        self._items[id(case)] = item
        self._open.addChild(item)
        self.update_case(case)
        self._refresh_groups()

    def update_case(self, case: Case) -> None:
        """Show a case's present state; one that was closed meanwhile is shown no longer."""
        item = self._items.get(id(case))
        if item is None:
            return
        is_read = case.reading_status is not ReadingStatus.AUTOMATIC
        reading = STATUS_WORDS_OF_READINGS[case.reading_status] if is_read else ""
        item.setText(0, f"{case.title}\n{reading}" if is_read else case.title)
        is_edited = case.status is CaseStatus.DONE and bool(case.edit_words)
        drawing = "edited" if is_edited else case.status.value
        drawing = "signed" if case.reading_status.is_verified else drawing
        item.setIcon(0, icon(drawing, self._status_colour(case.status)))
        words = ", ".join(filter(None, (STATUS_WORDS[case.status], case.edit_words, reading)))
        detail = f"\n{case.message.sentence}" if case.message is not None else ""
        item.setToolTip(0, f"{case.path}\n{words.capitalize()}{detail}")
        item.setData(0, Qt.ItemDataRole.AccessibleTextRole, f"{case.title}, {words}")

    def remove_case(self, case: Case) -> None:
        """Take a case off the list."""
        item = self._items.pop(id(case))
        self._open.removeChild(item)
        self._refresh_groups()

    def select_case(self, case: Case | None) -> None:
        """Make a case the current one; None leaves none."""
        self._tree.setCurrentItem(None if case is None else self._items[id(case)])

    def set_recent(self, recents: Sequence[Recent]) -> None:
        """List the files opened lately."""
        self._recent.takeChildren()
        for recent in recents:
            item = QTreeWidgetItem([recent.title])
            item.setData(0, _PAYLOAD, recent)
            item.setToolTip(0, str(recent.path))
            item.setIcon(0, icon("recent", self._colours.muted))
            self._recent.addChild(item)
        self._refresh_groups()

    def set_colours(self, colours: Colours) -> None:
        """Paint the icons for another theme."""
        self._colours = colours
        for item in _children(self._recent):
            item.setIcon(0, icon("recent", colours.muted))
        for item in _children(self._open):
            self.update_case(item.data(0, _PAYLOAD))

    def focus_search(self) -> None:
        """Put the cursor into the search field."""
        self._filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._filter.selectAll()

    def _new_group(self, title: str) -> QTreeWidgetItem:
        group = QTreeWidgetItem([title])
        group.setFlags(Qt.ItemFlag.ItemIsEnabled)
        font = group.font(0)
        font.setBold(True)
        group.setFont(0, font)
        self._tree.addTopLevelItem(group)
        group.setExpanded(True)
        group.setHidden(True)
        return group

    def _refresh_groups(self) -> None:
        for group in (self._open, self._recent):
            group.setHidden(group.childCount() == 0)
        count = self._open.childCount()
        self._open.setText(0, f"Open cases ({count})" if count > 1 else "Open cases")
        self._apply_filter(self._filter.text())

    def _apply_filter(self, wanted: str) -> None:
        for group in (self._open, self._recent):
            for item in _children(group):
                item.setHidden(wanted.casefold() not in item.text(0).casefold())

    def _status_colour(self, status: CaseStatus) -> str:
        return {
            CaseStatus.DONE: self._colours.good,
            CaseStatus.RUNNING: self._colours.accent,
            CaseStatus.FAILED: self._colours.danger,
        }.get(status, self._colours.muted)

    def _current_changed(self, item: QTreeWidgetItem | None) -> None:
        if item is not None and item.parent() is self._open:
            self.case_selected.emit(item.data(0, _PAYLOAD))

    def _activate(self, item: QTreeWidgetItem) -> None:
        if item.parent() is self._recent:
            self.file_chosen.emit(item.data(0, _PAYLOAD))

    def _show_menu(self, where: QPoint) -> None:
        item = self._tree.itemAt(where)
        viewport = self._tree.viewport()
        if item is None or viewport is None:
            return
        menu = self.menu_for(item)
        if menu is not None:
            menu.popup(viewport.mapToGlobal(where))

    def menu_for(self, item: QTreeWidgetItem) -> QMenu | None:
        """Return what can be done with an item of the list, or None for headings."""
        payload = item.data(0, _PAYLOAD)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if item.parent() is self._open:
            _add(menu, "Analyse again", lambda: self.again_requested.emit(payload))
            _add(menu, "Close case", lambda: self.close_requested.emit(payload))
        elif item.parent() is self._recent:
            _add(menu, "Open", lambda: self.file_chosen.emit(payload))
            _add(menu, "Remove from this list", lambda: self.forget_requested.emit(payload))
            _add(menu, "Clear recent files", self.clear_recent_requested.emit)
        elif item is self._recent:
            _add(menu, "Clear recent files", self.clear_recent_requested.emit)
        else:
            menu.deleteLater()
            return None
        return menu


def _add(menu: QMenu, text: str, act: Callable[[], None]) -> None:
    action = menu.addAction(text)
    assert action is not None
    action.triggered.connect(lambda: act())


def _children(group: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    items = (group.child(row) for row in range(group.childCount()))
    return [item for item in items if item is not None]


class _Elided(QStyledItemDelegate):
    """Cuts long names of files in the middle, where they differ least, and all else at the end."""

    def initStyleOption(self, option: QStyleOptionViewItem | None, index: QModelIndex) -> None:
        """Say where a name is cut; headings have no case or file behind them."""
        super().initStyleOption(option, index)
        if option is not None:
            payload = index.data(_PAYLOAD)
            is_file = isinstance(payload, (Case, Recent))
            mode = Qt.TextElideMode
            option.textElideMode = mode.ElideMiddle if is_file else mode.ElideRight


def _new_tree() -> QTreeWidget:
    tree = QTreeWidget()
    tree.setAccessibleName("Cases")
    tree.setHeaderHidden(True)
    tree.setRootIsDecorated(False)
    tree.setIndentation(10)
    tree.setIconSize(QSize(18, 18))
    tree.setItemDelegate(_Elided(tree))
    tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    tree.setAcceptDrops(False)
    return tree
