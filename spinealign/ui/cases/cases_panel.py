"""The panel at the left: worklist of the open cases, and what was opened lately."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PyQt6.QtCore import QEvent, QPoint, QSize, Qt, pyqtBoundSignal, pyqtSignal
from PyQt6.QtGui import QAction, QActionGroup, QImage, QKeyEvent, QResizeEvent
from PyQt6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.study import PatientFacts
from spinealign.ui.cases.case import Case, CaseStatus
from spinealign.ui.cases.recent_list import RecentList
from spinealign.ui.cases.thumbnails import SIDE_PX, Thumbnails, presented, small_picture
from spinealign.ui.cases.worklist_model import WorklistModel
from spinealign.ui.cases.worklist_view import SIGNS, WorklistView
from spinealign.ui.settings.recent import Recent
from spinealign.ui.widgets.icons import icon
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.ui.widgets.theme import Colours
from spinealign.wording.worklist import (
    NO_IMAGE,
    READING,
    SHOW_ALL,
    SHOW_IT,
    STANDING_TIPS,
    UNSEEN,
    SortKey,
    Standing,
    count_text,
    hidden_case_text,
    nothing_listed_text,
)

LOW_LINES = 24
"""Where a panel has room for fewer, open cases take it all."""

KEEP_TEXTS = ("Keep in archive", "Keep {count} cases in archive")
CLOSE_TEXTS = ("Close case", "Close {count} cases")
AGAIN_TEXTS = ("Analyse again", "Analyse {count} cases again")


def placeholder_text(case: Case) -> str:
    """Return what stands where the picture will be."""
    if case.is_coming:
        return f"{case.title}\n{READING}"
    is_under_way = case.status in (CaseStatus.WAITING, CaseStatus.RUNNING)
    words = NO_IMAGE if case.status is CaseStatus.FAILED or is_under_way else UNSEEN
    # The page with the reason may lie behind another one in a small window.
    reason = case.message.sentence if case.status is CaseStatus.FAILED and case.message else ""
    return "\n".join(filter(None, (case.title, words, reason)))


def progress_text(case: Case) -> str:
    """Return what stands where the first result will be."""
    if case.status is CaseStatus.WAITING:
        return "This image is analysed next; it can be viewed already."
    return "The result appears here as soon as it is ready; the image can be viewed already."


def earlier_result_text(case: Case) -> str:
    """Return what is said above a result that is being made again, or nothing."""
    return {
        CaseStatus.RUNNING: "Analysing again… this is the earlier result.",
        CaseStatus.WAITING: "Queued to be analysed again; this is the earlier result.",
    }.get(case.status, "")


class SearchField(QLineEdit):
    """A search that Esc ends; Return and the arrow down go on to what was found.

    `left` says that the keyboard belongs to the list now.
    """

    left = pyqtSignal()

    def event(self, event: QEvent | None) -> bool:
        """Keep Esc from the command that stops analyses, while somebody searches."""
        is_asked = event is not None and event.type() == QEvent.Type.ShortcutOverride
        if is_asked and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Clear with Esc, leave with Return, arrow down, or Esc in an empty field."""
        if event is not None and event.key() in _LEAVING_KEYS:
            if event.key() == Qt.Key.Key_Escape and self.text():
                self.clear()
            else:
                self.left.emit()
            return
        super().keyPressEvent(event)


_LEAVING_KEYS = (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down)


class CasesPanel(QWidget):
    """Shows what is open, and what was open lately.

    What is asked of several cases brings a list of them.

    Parameters
    ----------
    thumbnails : Thumbnails
        Reads pictures and patients of what is in sight.
    """

    case_selected = pyqtSignal(object)
    file_chosen = pyqtSignal(object)
    again_requested = pyqtSignal(object)
    stop_requested = pyqtSignal(object)
    close_requested = pyqtSignal(object)
    save_requested = pyqtSignal(object)
    table_requested = pyqtSignal(object)
    forget_requested = pyqtSignal(object)
    clear_recent_requested = pyqtSignal()
    selection_changed = pyqtSignal()
    keep_requested = pyqtSignal()

    def __init__(
        self, thumbnails: Thumbnails, colours: Colours, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._colours = colours
        self._is_hiding = False
        self._current: Case | None = None
        self.keep_refusal = ""
        self._asked_facts: set[Case] = set()
        self._thumbnails = thumbnails
        thumbnails.drawn.connect(self._show_thumbnail)
        thumbnails.facts_read.connect(self._take_facts)
        self.model = WorklistModel(self)
        self.view = WorklistView(self.model, colours)
        self.recent = RecentList(colours)
        self.search = SearchField()
        self.search.left.connect(self._leave_search)
        self._make_search()
        self.count = QLabel()
        self.count.setObjectName("caseCount")
        self.clear = QPushButton("Clear")
        self.clear.setToolTip("Show all cases again")
        self.clear.setAccessibleName("Clear search and filters")
        self.clear.clicked.connect(self.clear_narrowing)
        self.sort_button = _menu_button("sort", "Sort the cases")
        self.filter_button = _menu_button("filter", "Show only some of the cases")
        self._fill_sort_menu()
        self._filter_menu = QMenu(self.filter_button)
        self._filter_menu.setToolTipsVisible(True)
        self._filter_menu.aboutToShow.connect(self._fill_filter_menu)
        self.filter_button.setMenu(self._filter_menu)
        self._make_selection_bar()
        self._make_hidden_row()
        self._make_empty_page()
        self._connect()
        self._lay_out()
        self._arranged()

    # What the window tells

    @property
    def selected(self) -> list[Case]:
        """The cases that are selected, from the top."""
        return self.view.selected

    def add_cases(self, cases: Sequence[Case]) -> None:
        """List cases."""
        self.model.add(cases)
        self._want_facts(cases)

    def update_case(self, case: Case) -> None:
        """Show a case's present state, and small what is shown large of it already."""
        self.model.update(case)
        row = self.model.row_of(case)
        if row is not None and row.thumbnail is None and case.display is not None:
            self.model.set_thumbnail(case, small_picture(case.display, SIDE_PX))

    def remove_cases(self, cases: Sequence[Case]) -> None:
        """Take cases off the list."""
        self._thumbnails.forget(list(cases))
        self._asked_facts.difference_update(cases)
        self.model.remove(cases)

    def preview_of(self, case: Case) -> QImage | None:
        """Return a small picture of a case as it is shown; None where there is none yet."""
        row = self.model.row_of(case)
        small = None if row is None else row.thumbnail
        shown = case.presentation
        return small if small is None or shown is None else presented(small, shown)

    def select_case(self, case: Case | None) -> None:
        """Make a case the current one; None leaves none."""
        self._current = case
        self.view.show_current(case)
        self._say_what_is_hidden()

    def set_recent(self, recents: Sequence[Recent]) -> None:
        """List the files opened lately."""
        self.recent.set_recent(recents)

    def set_colours(self, colours: Colours) -> None:
        """Wear another theme."""
        self._colours = colours
        self.view.set_colours(colours)
        self.recent.set_colours(colours)
        self._arranged()

    def hide_patients(self, is_hiding: bool) -> None:
        """Say whose the cases are, or forget that."""
        if is_hiding == self._is_hiding:
            return
        self._is_hiding = is_hiding
        cases = [row.case for row in self.model.rows]
        if is_hiding:
            self._thumbnails.forget_facts()
            self._asked_facts.clear()
            for case in cases:
                self.model.set_facts(case, None)
        else:
            self._want_facts(cases)

    def bring_to_front(self) -> None:
        """Show the panel, in front of those that share its place."""
        dock = self.parentWidget()
        if isinstance(dock, QDockWidget):
            dock.show()
            dock.raise_()

    def focus_search(self) -> None:
        """Put the cursor into the search field, whatever lies in front of the panel."""
        self.bring_to_front()
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def clear_narrowing(self) -> None:
        """Show all cases again."""
        had_keys = self.show_all.hasFocus()
        self.search.clear()
        self.model.narrow("", frozenset(), frozenset())
        if had_keys:
            self.view.setFocus()

    def _leave_search(self) -> None:
        """Give the keys to what was found; where that is nothing, to the button that shows all."""
        found = self.show_all if self.nothing.isVisible() else self.view
        found.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # What is in it

    def _make_search(self) -> None:
        self.search.setPlaceholderText("Search cases")
        self.search.setAccessibleName("Search cases")
        self.search.setToolTip(
            "Search cases by image, patient, date, kind, status or value; every word counts"
        )
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._search)

    def _make_selection_bar(self) -> None:
        self.bar = QWidget()
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(8, 2, 6, 4)
        row.setSpacing(2)
        self.selected_count = QLabel()
        row.addWidget(self.selected_count, 1)
        for drawing, tip, signal in (
            ("again", "Analyse the selected cases again", self.again_requested),
            ("save", "Save the results of the selected cases", self.save_requested),
            ("table", "Export one table of the selected cases", self.table_requested),
            ("close", "Close the selected cases (Delete)", self.close_requested),
        ):
            button = QToolButton()
            button.setIcon(icon(drawing))
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.clicked.connect(partial(self._ask, signal))
            row.addWidget(button)
        self.bar.hide()

    def _make_hidden_row(self) -> None:
        """Make what says that the case whose picture is shown is not in the list."""
        self.hidden_row = QWidget()
        self.hidden_words = wrapped_label("", "warning")
        self.show_it = QPushButton(SHOW_IT)
        self.show_it.clicked.connect(self._show_hidden)
        row = QHBoxLayout(self.hidden_row)
        row.setContentsMargins(8, 0, 6, 3)
        row.addWidget(self.hidden_words, 1)
        row.addWidget(self.show_it)
        self.hidden_row.hide()

    def _make_empty_page(self) -> None:
        """Make what lies over the list where search and filters leave nothing of it."""
        viewport = self.view.viewport()
        assert viewport is not None
        self.nothing = QWidget(viewport)
        self.nothing_words = wrapped_label("", "muted")
        self.nothing_words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.show_all = QPushButton(SHOW_ALL)
        self.show_all.clicked.connect(self.clear_narrowing)
        column = QVBoxLayout(self.nothing)
        column.addWidget(self.nothing_words)
        column.addWidget(self.show_all, 0, Qt.AlignmentFlag.AlignHCenter)
        over = QVBoxLayout(viewport)
        over.setContentsMargins(0, 0, 0, 0)
        over.addWidget(self.nothing, 0, Qt.AlignmentFlag.AlignTop)
        self.nothing.hide()

    def _connect(self) -> None:
        self.view.case_chosen.connect(self.case_selected)
        self.view.close_wanted.connect(partial(self._ask, self.close_requested))
        self.view.menu_wanted.connect(self._show_menu)
        self.view.sight_changed.connect(self._draw_visible)
        self.view.selection_changed.connect(self._show_selection)
        self.model.arranged.connect(self._arranged)
        self.recent.file_chosen.connect(self.file_chosen)
        self.recent.forget_requested.connect(self.forget_requested)
        self.recent.clear_recent_requested.connect(self.clear_recent_requested)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        top = QHBoxLayout()
        top.setContentsMargins(8, 6, 6, 2)
        top.setSpacing(2)
        top.addWidget(self.search, 1)
        top.addWidget(self.sort_button)
        top.addWidget(self.filter_button)
        column.addLayout(top)
        self.count_row = QWidget()
        counts = QHBoxLayout(self.count_row)
        counts.setContentsMargins(8, 0, 6, 3)
        counts.addWidget(self.count, 1)
        counts.addWidget(self.clear)
        column.addWidget(self.count_row)
        column.addWidget(self.hidden_row)
        column.addWidget(self.view, 3)
        column.addWidget(self.bar)
        column.addWidget(self.recent, 1)
        # Takes the room that neither of them needs, so that headings stay at the top.
        column.addStretch(0)

    # Sorting and filtering

    def _fill_sort_menu(self) -> None:
        menu = QMenu(self.sort_button)
        keys = QActionGroup(menu)
        for key in SortKey:
            action = _checkable(menu, key.value, key is self.model.sort_key)
            keys.addAction(action)
            action.triggered.connect(partial(self._sort, key))
        menu.addSeparator()
        self._descending = _checkable(menu, "The other way round", False)
        self._descending.triggered.connect(lambda: self._sort(self.model.sort_key))
        self.sort_button.setMenu(menu)

    def _sort(self, key: SortKey, _checked: bool = True) -> None:
        self.model.sort_by(key, self._descending.isChecked())
        self.sort_button.setToolTip(f"Sorted by: {key.value}")

    def _fill_filter_menu(self) -> None:
        """Offer what there is, each with how many cases it would leave."""
        menu, model = self._filter_menu, self.model
        menu.clear()
        counts = model.counts
        menu.addSection("Status")
        for standing in Standing:
            if counts[standing] or standing in model.standings:
                text = f"{standing.value.capitalize()} ({counts[standing]})"
                action = _checkable(menu, text, standing in model.standings)
                drawing, colour = SIGNS[standing]
                action.setIcon(icon(drawing, getattr(self._colours, colour)))
                action.setToolTip(STANDING_TIPS[standing])
                action.triggered.connect(partial(self._filter_standing, standing))
        menu.addSection("Kind of image")
        for kind in sorted({*model.kinds_there, *model.kinds}):
            action = _checkable(menu, kind.replace("&", "&&"), kind in model.kinds)
            action.triggered.connect(partial(self._filter_kind, kind))
        menu.addSeparator()
        reset = menu.addAction("Show all")
        assert reset is not None
        reset.setEnabled(model.is_narrowed)
        reset.triggered.connect(self.clear_narrowing)

    def _filter_standing(self, standing: Standing, is_wanted: bool) -> None:
        self.model.narrow(standings=_with(self.model.standings, standing, is_wanted))

    def _filter_kind(self, kind: str, is_wanted: bool) -> None:
        self.model.narrow(kinds=_with(self.model.kinds, kind, is_wanted))

    def _search(self, words: str) -> None:
        self.model.narrow(words)
        self.recent.search(words)

    def _arranged(self) -> None:
        """Say how many of all are shown, and offer to show the rest."""
        model = self.model
        shown, total = model.rowCount(), model.total
        self.count.setText(count_text(shown, total))
        self.count.setProperty("strong", "true" if model.is_narrowed else "false")
        style = self.count.style()
        if style is not None:
            style.polish(self.count)
        self.clear.setVisible(model.is_narrowed)
        is_filtered = bool(model.standings or model.kinds)
        accent = self._colours.accent if is_filtered else None
        self.filter_button.setIcon(icon("filter", accent))
        words = "Some cases are filtered out" if is_filtered else "Show only some of the cases"
        self.filter_button.setToolTip(words)
        self.filter_button.setAccessibleName(words)
        for part in (self.view, self.count_row, self.sort_button, self.filter_button):
            part.setVisible(total > 0)
        self._say_why_empty(shown, total)
        self._say_what_is_hidden()
        self.recent.shorten(total > 0)
        self._share_height()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Leave a low panel to the cases."""
        super().resizeEvent(event)
        self._share_height()

    def _share_height(self) -> None:
        is_low = self.height() < LOW_LINES * self.fontMetrics().height()
        self.recent.give_way(is_low and self.model.total > 0)

    def _say_why_empty(self, shown: int, total: int) -> None:
        """Say in an empty list why nothing is listed, beside a button that shows all."""
        model = self.model
        is_empty = not shown and total > 0
        if is_empty:
            passing = [standing.value for standing in Standing if standing in model.standings]
            words = nothing_listed_text(total, model.words, [*passing, *sorted(model.kinds)])
            self.nothing_words.setText(words)
            self.show_all.setAccessibleDescription(words)
        self.nothing.setVisible(is_empty)

    def _say_what_is_hidden(self) -> None:
        """Say where the case that is shown is not in the list, beside a button that lists it."""
        model, case = self.model, self._current
        is_open = case is not None and model.row_of(case) is not None
        is_hidden = is_open and not model.index_of(case).isValid()
        if is_hidden:
            has_filter = bool(model.standings or model.kinds)
            words = hidden_case_text(bool(model.words.strip()), has_filter)
            self.hidden_words.setText(words)
            self.show_it.setAccessibleDescription(words)
        self.hidden_row.setVisible(is_hidden)

    def _show_hidden(self) -> None:
        """List the case that is shown again, and go to it."""
        case = self._current
        self.clear_narrowing()
        self.view.show_current(case)
        self.view.setFocus()

    # Thumbnails and patients

    def _draw_visible(self) -> None:
        rows = [row for row in self.view.in_sight if row.thumbnail is None]
        self._thumbnails.want([(row.case, row.case.stack.first) for row in rows])

    def _show_thumbnail(self, case: Case, picture: QImage | None) -> None:
        self.model.set_thumbnail(case, picture)

    def _want_facts(self, cases: Sequence[Case]) -> None:
        if self._is_hiding:
            return
        for case in cases:
            if case not in self._asked_facts:
                self._asked_facts.add(case)
                self._thumbnails.want_facts(case, case.first_look()[0].parts[0])
        self._draw_visible()

    def _take_facts(self, case: Case, facts: PatientFacts) -> None:
        if not self._is_hiding:
            self.model.set_facts(case, facts)

    # What is done with cases

    def _show_selection(self) -> None:
        count = self.view.selected_count
        self.selected_count.setText(f"{count} selected")
        self.bar.setVisible(count > 1)
        self.selection_changed.emit()

    def _ask(self, signal: pyqtBoundSignal, _checked: bool = False) -> None:
        cases = self.selected
        if cases:
            signal.emit(cases)

    def _show_menu(self, where: QPoint) -> None:
        menu = self.menu()
        if menu is not None:
            menu.popup(where)

    def menu(self) -> QMenu | None:
        """Return what can be done with the cases that are selected; None without any."""
        cases = self.selected
        if not cases:
            return None
        count, menu = len(cases), QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        has_results = any(case.finding is not None for case in cases)
        is_waiting = any(case.status in _STOPPABLE for case in cases)
        _add(menu, _counted(AGAIN_TEXTS, count), partial(self.again_requested.emit, cases))
        _add(menu, "Stop", partial(self.stop_requested.emit, cases), is_waiting)
        menu.addSeparator()
        _add(menu, "Save results…", partial(self.save_requested.emit, cases), has_results)
        _add(menu, "Export one table…", partial(self.table_requested.emit, cases), has_results)
        keep = _add(menu, _counted(KEEP_TEXTS, count), self.keep_requested.emit)
        _offer(keep, self.keep_refusal)
        menu.setToolTipsVisible(bool(self.keep_refusal))
        menu.addSeparator()
        _add(menu, _counted(CLOSE_TEXTS, count), partial(self.close_requested.emit, cases))
        return menu


_STOPPABLE = (CaseStatus.WAITING, CaseStatus.RUNNING)


def _counted(texts: tuple[str, str], count: int) -> str:
    return texts[0] if count == 1 else texts[1].format(count=count)


def _with(chosen: frozenset, one: object, is_wanted: bool) -> frozenset:
    return chosen | {one} if is_wanted else chosen - {one}


def _add(menu: QMenu, text: str, act: Callable[[], object], is_offered: bool = True) -> QAction:
    action = menu.addAction(text)
    assert action is not None
    action.setEnabled(is_offered)
    action.triggered.connect(lambda: act())
    return action


def _offer(action: QAction, refusal: str) -> None:
    """Offer a command of a menu, or say in its tool tip why it is not."""
    action.setEnabled(not refusal)
    action.setToolTip(refusal)


def _checkable(menu: QMenu, text: str, is_checked: bool) -> QAction:
    action = menu.addAction(text)
    assert action is not None
    action.setCheckable(True)
    action.setChecked(is_checked)
    return action


def _menu_button(drawing: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(icon(drawing))
    button.setIconSize(QSize(18, 18))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    return button
