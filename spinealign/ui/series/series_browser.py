"""The series of a study with their thumbnails, to choose among."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import QEvent, QItemSelectionModel, QPoint, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QIcon, QImage, QKeyEvent, QPainter, QPixmap
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spinealign import wording
from spinealign.domain.study import PatientFacts, SeriesStack
from spinealign.ui.cases.planning import Study
from spinealign.ui.cases.thumbnails import Thumbnails
from spinealign.ui.widgets.theme import Colours
from spinealign.ui.work.services import Services
from spinealign.ui.work.tasks import TaskRunner
from spinealign.wording.reading import patient_rows, study_heading
from spinealign.wording.series import (
    copies_text,
    series_kind,
    series_name,
    series_size,
    shape_text,
    states_text,
)

SIDE_PX = 64
NARROW_PX = 190
"""Where the panel is narrower, the names need the room more than the thumbnails."""

_STACK = Qt.ItemDataRole.UserRole
NOTHING = "Open a folder, an archive or a DICOMDIR: its series appear here."


class SeriesBrowser(QWidget):
    """Lists what was found; those that can be analysed come first in each study.

    Double click, Enter and the button open what is selected, several series at once too.
    """

    chosen = pyqtSignal(object)
    companion_chosen = pyqtSignal(object)

    def __init__(self, services: Services, runner: TaskRunner, colours: Colours) -> None:
        super().__init__()
        self.study: Study | None = None
        self._colours = colours
        self._items: dict[int, QTreeWidgetItem] = {}
        self._studies: dict[str, tuple[QTreeWidgetItem, int, SeriesStack]] = {}
        self._is_hiding = False
        self._open_numbers: set[int] = set()
        self._may_be_companion: Callable[[SeriesStack], bool] = lambda stack: False
        self.heading = QLabel(NOTHING)
        self.heading.setWordWrap(True)
        self.heading.setTextFormat(Qt.TextFormat.PlainText)
        # Picture and results may be of another patient than what is listed here.
        self.patient = QLabel()
        self.patient.setWordWrap(True)
        self.patient.setTextFormat(Qt.TextFormat.PlainText)
        self.patient.setAccessibleName("Patient of the series listed here")
        font = self.patient.font()
        font.setBold(True)
        self.patient.setFont(font)
        self.patient.hide()
        self._single: tuple[str, SeriesStack] | None = None
        self.tree = _new_tree()
        self.open_button = QPushButton("&Open series")
        self.open_button.setToolTip("Open and analyse what is selected (Enter)")
        self.thumbnails = Thumbnails(services, runner, self)
        self.thumbnails.drawn.connect(self._show_thumbnail)
        self.thumbnails.facts_read.connect(self._name_study)
        self.tree.itemActivated.connect(lambda: self.open_selected())
        self.tree.itemSelectionChanged.connect(self._offer)
        self.tree.customContextMenuRequested.connect(self._show_menu)
        self.open_button.clicked.connect(lambda: self.open_selected())
        scroll = self.tree.verticalScrollBar()
        assert scroll is not None
        scroll.valueChanged.connect(lambda: self._draw_visible())
        self._lay_out()
        self.setFocusProxy(self.tree)
        self._offer()

    @property
    def selected(self) -> list[SeriesStack]:
        """The series that are selected, in the order of the list."""
        stacks = [item.data(0, _STACK) for item in self._items.values() if item.isSelected()]
        return [stack for stack in stacks if stack is not None]

    def show_study(self, study: Study) -> None:
        """List the series of a study; the one to begin with is selected."""
        self.study = study
        self.thumbnails.begin()
        self.tree.clear()
        self._items, self._studies, self._open_numbers = {}, {}, set()
        names = ", ".join(dict.fromkeys(wording.display_name(root) for root in study.roots[:3]))
        more = f" and {len(study.roots) - 3} more" if len(study.roots) > 3 else ""
        self.heading.setText(f"{names}{more}: {len(study.stacks)} series. Enter opens one.")
        groups: dict[str, list[SeriesStack]] = {}
        for stack in study.stacks:
            groups.setdefault(stack.first.study, []).append(stack)
        for number, (uid, stacks) in enumerate(groups.items(), start=1):
            parent = self._add_study(uid, number, stacks[0]) if len(groups) > 1 else None
            for stack in sorted(stacks, key=lambda stack: not stack.first.fits):
                self._add_series(stack, parent)
        # Of several studies each says itself whose it is.
        firsts = [(uid, stacks[0]) for uid, stacks in groups.items()]
        self._single = firsts[0] if len(firsts) == 1 else None
        self._head_single()
        self.tree.expandAll()
        self.show_selected(study.preselected)
        self._draw_visible()

    def show_selected(self, stack: SeriesStack | None) -> None:
        """Select a series of the study, or none."""
        item = None if stack is None else self._items.get(stack.number)
        if item is None:
            self.tree.setCurrentItem(None)
            self.tree.clearSelection()
        elif [item] != self.tree.selectedItems() or self.tree.currentItem() is not item:
            only = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self.tree.setCurrentItem(item, 0, only)
            self.tree.scrollToItem(item)

    def set_open(self, numbers: set[int]) -> None:
        """Mark the series that are open as cases."""
        self._open_numbers = numbers
        for item in self._items.values():
            self._word(item)

    def offer_companions(self, may_be: Callable[[SeriesStack], bool]) -> None:
        """Let the menu offer a series as the other contrast where `may_be` says so."""
        self._may_be_companion = may_be

    def hide_patients(self, is_hiding: bool) -> None:
        """Say whose the studies are, or only number them."""
        self._is_hiding = is_hiding
        for uid in self._studies:
            self._head_study(uid)
        self._head_single()
        self._draw_visible()

    def set_colours(self, colours: Colours) -> None:
        """Wear another theme."""
        self._colours = colours
        for item in self._items.values():
            self._word(item)

    def open_selected(self) -> None:
        """Open what is selected."""
        if self.selected:
            self.chosen.emit(self.selected)

    def menu_for(self, stack: SeriesStack) -> QMenu:
        """Return what can be done with a series."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        _add(menu, "Open series", partial(self.chosen.emit, [stack]))
        if self._may_be_companion(stack):
            use = partial(self.companion_chosen.emit, stack)
            _add(menu, "Use as the other contrast of the case shown", use)
        return menu

    def _add_study(self, uid: str, number: int, stack: SeriesStack) -> QTreeWidgetItem:
        item = QTreeWidgetItem()
        item.setFlags(Qt.ItemFlag.ItemIsEnabled)
        font = item.font(0)
        font.setBold(True)
        item.setFont(0, font)
        self.tree.addTopLevelItem(item)
        self._studies[uid] = (item, number, stack)
        self._head_study(uid)
        return item

    def _head_study(self, uid: str) -> None:
        """Call a study by a number, until its patient and date are read if they may be shown."""
        item, number, stack = self._studies[uid]
        item.setText(0, f"Study {number}" if uid else "Without a study")
        item.setToolTip(0, "")
        if uid and not self._is_hiding:
            self.thumbnails.want_facts(uid, stack.first.parts[0])

    def _head_single(self) -> None:
        """Say nothing of the only study, until its patient is read if it may be shown."""
        self.patient.hide()
        if self._single is not None and not self._is_hiding:
            uid, stack = self._single
            self.thumbnails.want_facts(uid, stack.first.parts[0])

    def _add_series(self, stack: SeriesStack, parent: QTreeWidgetItem | None) -> None:
        item = QTreeWidgetItem()
        item.setData(0, _STACK, stack)
        item.setSizeHint(0, QSize(0, SIDE_PX + 10))
        item.setIcon(0, _icon(None))
        self._items[stack.number] = item
        self._word(item)
        if parent is None:
            self.tree.addTopLevelItem(item)
        else:
            parent.addChild(item)

    def _word(self, item: QTreeWidgetItem) -> None:
        stack: SeriesStack = item.data(0, _STACK)
        entry, is_open = stack.first, stack.number in self._open_numbers
        number = "" if entry.number is None else f"{entry.number}: "
        size = ", ".join(filter(None, [series_size(stack), shape_text(entry)]))
        lines = [f"{number}{series_name(entry)}", series_kind(entry), size]
        item.setText(0, ("✓ " if is_open else "") + "\n".join(lines))
        said = "open" if is_open else "can be analysed" if entry.fits else ""
        tip = [*lines, states_text(entry), copies_text(entry), said.capitalize()]
        item.setToolTip(0, "\n".join(filter(None, tip)))
        item.setData(0, Qt.ItemDataRole.AccessibleTextRole, ", ".join(filter(None, [*lines, said])))
        colour = self._colours.text if entry.fits else self._colours.muted
        item.setForeground(0, QColor(colour))

    def _draw_visible(self) -> None:
        """Ask for the thumbnails of what can be seen; the rest waits until it is scrolled to."""
        viewport = self.tree.viewport()
        if viewport is None or not self.isVisible():
            return
        area = viewport.rect()
        seen = [
            item.data(0, _STACK)
            for item in self._items.values()
            if self.tree.visualItemRect(item).intersects(area)
        ]
        self.thumbnails.want([(stack.number, stack.first) for stack in seen])

    def event(self, event: QEvent | None) -> bool:
        """Draw what comes into sight when the panel is shown or laid out anew."""
        kinds = (QEvent.Type.Show, QEvent.Type.Resize, QEvent.Type.LayoutRequest)
        done = super().event(event)
        if event is not None and event.type() == QEvent.Type.Resize:
            side_px = SIDE_PX if self.width() >= NARROW_PX else SIDE_PX * 2 // 3
            self.tree.setIconSize(QSize(side_px, side_px))
        if event is not None and event.type() in kinds:
            self._draw_visible()
        return done

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Open with Enter from anywhere in the panel."""
        if event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.open_selected()
            return
        super().keyPressEvent(event)

    def _show_thumbnail(self, number: int, picture: QImage | None) -> None:
        item = self._items.get(number)
        if item is not None and picture is not None:
            item.setIcon(0, _icon(picture))

    def _name_study(self, uid: str, facts: PatientFacts) -> None:
        known, words = dict(patient_rows(facts)), study_heading(facts)
        if not words or self._is_hiding:
            return
        if self._single is not None and self._single[0] == uid:
            self.patient.setText(words)
            self.patient.setToolTip("\n".join(": ".join(fact) for fact in known.items()))
            self.patient.show()
        elif uid in self._studies:
            item, _, _ = self._studies[uid]
            item.setText(0, words)
            item.setToolTip(0, "\n".join(": ".join(fact) for fact in known.items()))

    def _offer(self) -> None:
        count = len(self.selected)
        self.open_button.setEnabled(count > 0)
        self.open_button.setText(f"&Open {count} series" if count > 1 else "&Open series")

    def _show_menu(self, where: QPoint) -> None:
        item, viewport = self.tree.itemAt(where), self.tree.viewport()
        stack = item.data(0, _STACK) if item is not None else None
        if stack is not None and viewport is not None:
            self.menu_for(stack).popup(viewport.mapToGlobal(where))

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget, margins in (
            (self.patient, (8, 6, 8, 0)),
            (self.heading, (8, 6, 8, 6)),
            (self.open_button, (8, 6, 8, 8)),
        ):
            row = QHBoxLayout()
            row.setContentsMargins(*margins)
            row.addWidget(widget)
            column.addLayout(row)
        column.insertWidget(2, self.tree, 1)


def _icon(picture: QImage | None) -> QIcon:
    """Return a thumbnail on a black square, so that all names begin at the same place."""
    square = QPixmap(SIDE_PX, SIDE_PX)
    square.fill(QColor("black"))
    if picture is not None:
        painter = QPainter(square)
        left, top = (SIDE_PX - picture.width()) // 2, (SIDE_PX - picture.height()) // 2
        painter.drawImage(left, top, picture)
        painter.end()
    return QIcon(square)


def _add(menu: QMenu, text: str, act: Callable[[], None]) -> None:
    action = menu.addAction(text)
    assert action is not None
    action.triggered.connect(lambda: act())


def _new_tree() -> QTreeWidget:
    tree = QTreeWidget()
    tree.setAccessibleName("Series")
    tree.setHeaderHidden(True)
    tree.setRootIsDecorated(False)
    tree.setIndentation(0)
    tree.setIconSize(QSize(SIDE_PX, SIDE_PX))
    tree.setWordWrap(False)
    tree.setTextElideMode(Qt.TextElideMode.ElideRight)
    tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    tree.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    tree.setAcceptDrops(False)
    return tree
