"""From PACS: a node is searched; studies and series of it are retrieved and opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QDialogButtonBox,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QTreeWidgetItem,
    QWidget,
)

from spinealign.domain.network import (
    MOST_ANSWERS,
    FoundSeries,
    FoundStudy,
    WorklistItem,
)
from spinealign.ui.network import jobs
from spinealign.ui.network.desk import NetworkDesk, OnNetwork
from spinealign.ui.network.forms import column_of, fit
from spinealign.ui.network.query_form import ON_A_LINE
from spinealign.ui.network.search_dialog import SearchDialog
from spinealign.ui.network.tables import PAYLOAD, Rows, new_row
from spinealign.ui.widgets.labels import offer
from spinealign.ui.work.tasks import Task, Work
from spinealign.wording.network_window import (
    FETCH_TIP,
    FIND_HINT,
    FIND_TITLE,
    NO_WORKLIST_OF_WEB,
    NOT_IN_PACS,
    NOTHING_CHOSEN,
    RETRIEVE,
    SEARCH,
    SEARCH_WORKLIST,
    SERIES_ARE_READ,
    STOP_RETRIEVAL,
    STUDY_HEADINGS,
    WORKLIST_HEADINGS,
    found_text,
    retrieved_text,
    retrieving_text,
    series_cells,
    study_cells,
    worklist_cells,
)

_WIDTH_EM, _HEIGHT_EM = 168, 104

Cells = Callable[..., Sequence[str]]
"""Of what was found, what its row says."""


class FindDialog(SearchDialog):
    """Searches a node; `retrieved` brings the folders with the images that came.

    Parameters
    ----------
    desk : NetworkDesk
    node : str
        Searched the last time; empty for none.
    """

    retrieved = pyqtSignal(object)
    node_chosen = pyqtSignal(str)

    def __init__(self, desk: NetworkDesk, node: str, parent: QWidget) -> None:
        super().__init__(desk, node, parent, FIND_TITLE, "pacs", STOP_RETRIEVAL)
        self._wanted_count: int | None = None
        self._listing: set[str] = set()
        self._make_fields()
        self._lay_out()
        self._connect()
        fit(self, _WIDTH_EM, _HEIGHT_EM)
        self.begin()

    # Its parts

    def _make_fields(self) -> None:
        self.node, self.lines = self.form.node, self.form.lines
        self.search, self.worklist = QPushButton(SEARCH), QPushButton(SEARCH_WORKLIST)
        self.search.setDefault(True)
        self.search.setProperty("primary", "true")
        self.rows = Rows("Found", STUDY_HEADINGS, is_sorted=True)
        self.rows.setRootIsDecorated(True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(self.fontMetrics().height())
        self.retrieve = QPushButton(RETRIEVE)
        self.retrieve.setToolTip(FETCH_TIP)
        for button in (self.worklist, self.retrieve):
            button.setAutoDefault(False)

    def _lay_out(self) -> None:
        searches = QHBoxLayout()
        searches.setSpacing(6)
        searches.addWidget(self.worklist)
        searches.addWidget(self.search)
        self.form.grid.addLayout(searches, 3, ON_A_LINE - 1)
        below = QHBoxLayout()
        below.addWidget(self.told, 1)
        below.addWidget(self.progress)
        below.addWidget(self.stop)
        column_ = column_of(self)
        column_.addWidget(self.form)
        column_.addWidget(self.rows, 1)
        column_.addLayout(below)
        column_.addWidget(self._buttons(QDialogButtonBox.StandardButton.Close, self.retrieve))

    def _connect(self) -> None:
        self.search.clicked.connect(self.run_search)
        self.worklist.clicked.connect(self.run_worklist)
        self.rows.itemSelectionChanged.connect(self._follow)
        self.rows.itemExpanded.connect(self._list_series)
        self.rows.itemActivated.connect(lambda: self.run_retrieval())
        self.retrieve.clicked.connect(self.run_retrieval)

    # What is filled in

    @property
    def wanted(self) -> list[jobs.Wanted]:
        """What is chosen to be retrieved; a series of a chosen study comes with it."""
        chosen = [item for item in self.rows.chosen if not isinstance(item, WorklistItem)]
        whole = {item.study_uid for item in chosen if isinstance(item, FoundStudy)}
        of_worklist = [
            item.study_uid
            for item in self.rows.chosen
            if isinstance(item, WorklistItem) and item.study_uid
        ]
        found = [
            jobs.Wanted(item.study_uid, getattr(item, "series_uid", ""), item.instance_count)
            for item in chosen
            if isinstance(item, FoundStudy)
            or (isinstance(item, FoundSeries) and item.study_uid not in whole)
        ]
        return [*found, *map(jobs.Wanted, of_worklist)]

    def _follow(self) -> None:
        is_busy, fault = self.is_busy, self.form.fault
        offer(self.search, fault)
        offer(self.worklist, NO_WORKLIST_OF_WEB if self.form.is_web else fault)
        if is_busy:
            self.search.setEnabled(False)
            self.worklist.setEnabled(False)
        no_uid = NOT_IN_PACS if self.rows.chosen else NOTHING_CHOSEN
        offer(self.retrieve, "" if self.wanted else no_uid)
        self.retrieve.setEnabled(not is_busy and bool(self.wanted))
        self.stop.setVisible(is_busy)
        self.progress.setVisible(is_busy)

    # Searching

    def run_search(self) -> None:
        """Search the node for studies."""
        self._list(STUDY_HEADINGS, jobs.find, study_cells, self.run_search)

    def run_worklist(self) -> None:
        """Search the worklist of the node."""
        self._list(WORKLIST_HEADINGS, jobs.find_worklist, worklist_cells, self.run_worklist)

    def _list(
        self, headings: Sequence[str], job: Callable[..., Work], cells: Cells,
        again: Callable[[], None],
    ) -> None:  # fmt: skip
        task = self._search(job, again)
        if task is None:
            return
        self.rows.clear()
        self.rows.set_headings(headings)
        self._listing.clear()
        self.node_chosen.emit(self.node.currentText())
        task.finished.connect(partial(self._show_found, cells))

    def _show_found(self, cells: Cells, found: Sequence[FoundStudy | WorklistItem]) -> None:
        for each in found:
            row = new_row(cells(each), each)
            if isinstance(each, FoundStudy):
                waiting = new_row((SERIES_ARE_READ,), None)
                waiting.setFlags(Qt.ItemFlag.ItemIsEnabled)
                row.addChild(waiting)
            self.rows.addTopLevelItem(row)
        self.rows.fit_columns()
        has_series = bool(found) and isinstance(found[0], FoundStudy)
        hint = f" {FIND_HINT}" if has_series else ""
        self.told.say(found_text(len(found), MOST_ANSWERS) + hint, "" if found else "warning")
        if found:
            self.rows.focus_first()
        self._follow()

    def _list_series(self, row: QTreeWidgetItem) -> None:
        """List the series of a study, once, when it is opened."""
        study = row.data(0, PAYLOAD)
        if not isinstance(study, FoundStudy) or study.study_uid in self._listing:
            return
        self._listing.add(study.study_uid)
        name, uid = self.node.currentText(), study.study_uid

        def failed(error: Exception) -> None:
            self._listing.discard(uid)
            self._tell_failure(error)

        task = self._desk.ask(lambda network: network.find_series(name, uid), failed)
        self.finished.connect(task.cancel)
        task.finished.connect(partial(self._show_series, study))

    def _show_series(self, study: FoundStudy, found: Sequence[FoundSeries]) -> None:
        for place in range(self.rows.topLevelItemCount()):
            row = self.rows.topLevelItem(place)
            if row is not None and row.data(0, PAYLOAD) is study:
                row.takeChildren()
                row.addChildren([new_row(series_cells(each), each) for each in found])
        self._follow()

    # Retrieving

    def run_retrieval(self) -> None:
        """Retrieve what is chosen, and have it opened."""
        wanted = self.wanted
        if self.is_busy or not wanted:
            return
        counts = [each.count for each in wanted]
        known = [count for count in counts if count is not None]
        self._wanted_count = sum(known) if len(known) == len(counts) else None
        work = partial(jobs.retrieve, self.node.currentText(), wanted)
        task = self._begin(work, self.run_retrieval)
        task.progressed.connect(self._show_progress)
        task.finished.connect(self._take_retrieved)
        self._show_progress(0)

    def _show_progress(self, count: int) -> None:
        self.told.say(retrieving_text(count, self._wanted_count), "muted")
        self.progress.setMaximum(self._wanted_count or 0)
        self.progress.setValue(min(count, self._wanted_count or 0))

    def _take_retrieved(self, came: jobs.Retrieved) -> None:
        for failure in came.failures:
            self._tell_failure(failure)
        if came.folders:
            self.retrieved.emit(came.folders)
        if not came.failures:
            self.told.say(retrieved_text(came.images), "good")
            self.accept()

    def _begin(self, work: OnNetwork, again: Callable[[], None]) -> Task:
        self.progress.setMaximum(0)
        return super()._begin(work, again)
