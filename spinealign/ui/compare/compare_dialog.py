"""Two examinations of one patient side by side, and what changed between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PyQt6 import sip
from PyQt6.QtCore import QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.comparison import Change
from spinealign.domain.findings import DISCLAIMER, Analysis
from spinealign.measure.geometry.comparison import compare
from spinealign.ui.cases.case_session import Case, Opening
from spinealign.ui.cases.cases_panel import placeholder_text
from spinealign.ui.cases.jobs import Finding
from spinealign.ui.cases.opening import file_filters
from spinealign.ui.cases.saving import saved_message
from spinealign.ui.compare.compare_table import CompareTable
from spinealign.ui.compare.linked_viewers import ViewLink
from spinealign.ui.picture.viewer import Viewer
from spinealign.ui.results.measure_model import MeasureChoices
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.ui.widgets.theme import Theme
from spinealign.ui.workbench import Workbench
from spinealign.wording.comparison import comparison_cautions, comparison_lines

CHOOSE = "Choose an examination above"
OTHER_FILE = "Other file…"
PICTURE_PERCENT = 55
FOLLOW_DELAY_MS = 150
"""A point that is dragged in the main window is followed when it rests."""


class ExaminationPane(QWidget):
    """One half: which case, and its picture."""

    chosen = pyqtSignal()
    file_requested = pyqtSignal()

    def __init__(self, title: str) -> None:
        super().__init__()
        self.case: Case | None = None
        self.viewer = Viewer()
        self.choice = QComboBox()
        self.choice.setAccessibleName(f"{title} examination")
        self.choice.activated.connect(self._on_choice)
        self._cases: tuple[Case, ...] = ()
        self._shown: Finding | None = None
        caption = QLabel(title)
        caption.setProperty("kind", "section")
        caption.setBuddy(self.choice)
        row = QHBoxLayout()
        row.addWidget(caption)
        row.addWidget(self.choice, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.viewer, 1)

    @property
    def analysis(self) -> Analysis | None:
        """What was found, as it is corrected now."""
        if self.case is None or self.case.finding is None:
            return None
        return self.case.finding.analysis

    def offer(self, cases: Sequence[Case]) -> None:
        """Let the user choose among these cases, and a file that is not open yet."""
        self._cases = tuple(cases)
        if self.case not in self._cases:
            self.case = None
        self.choice.clear()
        self.choice.addItems([case.title for case in cases])
        self.choice.addItem(OTHER_FILE)
        self._mark_choice()

    def show_present(self) -> bool:
        """Show the case as it is now; returns whether the picture is another one."""
        self._mark_choice()
        finding = self.case.finding if self.case is not None else None
        before, self._shown = self._shown, finding
        if finding is None:
            words = CHOOSE if self.case is None else placeholder_text(self.case)
            self.viewer.show_image(None, words)
            return True
        is_other = before is None or before.display is not finding.display
        if is_other:
            self.viewer.show_image(finding.display)
        if finding is not before:
            self.viewer.show_overlay(finding.overlay)
        return is_other

    def _mark_choice(self) -> None:
        place = self._cases.index(self.case) if self.case in self._cases else -1
        self.choice.setCurrentIndex(place)

    def _on_choice(self, place: int) -> None:
        if place < len(self._cases):
            self.case = self._cases[place]
            self.chosen.emit()
        else:
            self._mark_choice()
            self.file_requested.emit()


class CompareWindow(QDialog):
    """Stays open beside the main window and follows what is corrected there.

    The current case is compared to begin with; the user may choose others.

    Parameters
    ----------
    parent : QWidget
        The window that it opens over.
    """

    def __init__(self, bench: Workbench, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Compare two examinations – SpineAlign")
        self._bench, self._theme = bench, theme
        self._choices = MeasureChoices()
        self.first, self.second = ExaminationPane("&First"), ExaminationPane("&Second")
        self.table = CompareTable(theme.colours)
        self.cautions = wrapped_label("", "muted")
        self.message = wrapped_label("", "muted")
        self.link = ViewLink(self.first.viewer, self.second.viewer, self)
        self.only_changed = QCheckBox("&Only differences beyond the uncertainty")
        self.move_together = QCheckBox("&Move both pictures together")
        self.move_together.setChecked(True)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(FOLLOW_DELAY_MS)
        self._soon.timeout.connect(self.refresh)
        self._build(parent.size())
        self._connect()
        self._begin()

    def set_cases(self, first: Case | None, second: Case | None) -> None:
        """Compare these two cases."""
        self.first.case, self.second.case = first, second
        for case in (first, second):
            if case is not None and case.finding is None:
                self._bench.session.see(case)
        self.refresh()

    def refresh(self) -> None:
        """Take over what was corrected, analysed, opened or closed since."""
        for half in (self.first, self.second):
            half.offer(self._bench.session.cases)
        is_other = [half.show_present() for half in (self.first, self.second)]
        self.link.set_analyses(self.first.analysis, self.second.analysis)
        if any(is_other):
            self.first.viewer.fit()
            self.link.follow_first()
        self._show_differences()

    def swap(self) -> None:
        """Make the second examination the first one."""
        self.set_cases(self.second.case, self.first.case)

    def copy(self) -> None:
        """Put the comparison on the clipboard as text."""
        both, clipboard = self._analyses(), QApplication.clipboard()
        if both is not None and clipboard is not None:
            clipboard.setText("\n".join(comparison_lines(*both, compare(*both))))
            self.message.setText("The comparison was copied as text.")

    def save(self) -> None:
        """Ask for a file and write the comparison as a table."""
        both = self._analyses()
        if both is not None:
            self._bench.saver.save_comparison(*both, self)

    def _analyses(self) -> tuple[Analysis, Analysis] | None:
        first, second = self.first.analysis, self.second.analysis
        return (first, second) if first is not None and second is not None else None

    def _show_differences(self) -> None:
        both = self._analyses()
        rows = compare(*both) if both is not None else ()
        if self.only_changed.isChecked():
            rows = tuple(row for row in rows if row.change is Change.BEYOND)
        self.table.set_rows(rows)
        said = (*comparison_cautions(*both), DISCLAIMER) if both is not None else (DISCLAIMER,)
        self.cautions.setText(" ".join(said))
        for button in self._needs_both:
            button.setEnabled(both is not None)
        self._draw_measures()

    def _draw_measures(self) -> None:
        selected = self.table.selected_key
        for half in (self.first, self.second):
            measures = half.analysis.measurements if half.analysis is not None else ()
            shown = [m for m in measures if m.key == selected or self._choices.is_shown(m)]
            half.viewer.picture.show_measures(shown, selected)

    def _begin(self) -> None:
        """Compare the current case with the one opened before it, else after it."""
        cases, current = self._bench.session.cases, self._bench.current
        if current not in cases:
            self.refresh()
            return
        place = cases.index(current)
        if place:
            self.set_cases(cases[place - 1], current)
        else:
            self.set_cases(current, cases[1] if len(cases) > 1 else None)

    def _ask_file(self, half: ExaminationPane) -> None:
        folder = self._bench.preferences.state.last_folder
        name, _ = QFileDialog.getOpenFileName(self, "Open an examination", folder, file_filters())
        if name:
            self._bench.opener.open_quietly(Path(name).absolute(), partial(self._take, half))

    def _take(self, half: ExaminationPane, openings: list[Opening]) -> None:
        opened = self._bench.session.open(openings)
        # Looking at files takes a while; this window may be closed by now.
        if opened and not sip.isdeleted(self):
            half.case = opened[0]
            self.refresh()

    def _case_changed(self, case: Case) -> None:
        if case in (self.first.case, self.second.case):
            self.refresh()

    def _refresh_soon(self) -> None:
        self._soon.start()

    def _connect(self) -> None:
        # Methods of a Qt object are let go with it; lambdas would outlive this window.
        session = self._bench.session
        session.changed.connect(self._case_changed)
        session.added.connect(self.refresh)
        session.removed.connect(self.refresh)
        self._bench.editing.changed.connect(self._refresh_soon)
        self._bench.saver.saved.connect(self._report_saved)
        self._theme.changed.connect(self._apply_theme)
        for half in (self.first, self.second):
            half.chosen.connect(self._on_choices_changed)
            half.file_requested.connect(partial(self._ask_file, half))
        self.table.row_selected.connect(self._draw_measures)
        self.only_changed.toggled.connect(self._show_differences)
        self.move_together.toggled.connect(self.link.set_on)

    def _on_choices_changed(self) -> None:
        self.set_cases(self.first.case, self.second.case)

    def _report_saved(self, written: Sequence[Path]) -> None:
        self.message.setText(saved_message(written, 0).sentence)

    def _apply_theme(self) -> None:
        self.table.set_colours(self._theme.colours)

    def _build(self, room: QSize) -> None:
        pictures = QSplitter(Qt.Orientation.Horizontal)
        pictures.addWidget(self.first)
        pictures.addWidget(self.second)
        pictures.setChildrenCollapsible(False)
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self._switches())
        column.addWidget(self.table, 1)
        column.addWidget(self.cautions)
        column.addLayout(self._buttons())
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.addWidget(pictures)
        halves.addWidget(below)
        halves.setStretchFactor(0, PICTURE_PERCENT)
        halves.setStretchFactor(1, 100 - PICTURE_PERCENT)
        outer = QVBoxLayout(self)
        outer.addWidget(halves)
        self.resize(room.width() * 94 // 100, room.height() * 94 // 100)
        parts = (PICTURE_PERCENT, 100 - PICTURE_PERCENT)
        halves.setSizes([self.height() * part // 100 for part in parts])

    def _switches(self) -> QHBoxLayout:
        swap = QPushButton("S&wap")
        swap.setToolTip("Make the second examination the first one")
        swap.clicked.connect(lambda: self.swap())
        row = QHBoxLayout()
        for widget in (self.move_together, self.only_changed):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(swap)
        return row

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(self.message, 1)
        self._needs_both = []
        for text, act in (("&Copy", self.copy), ("Save as &table (CSV)…", self.save)):
            button = QPushButton(text)
            button.clicked.connect(partial(_call, act))
            row.addWidget(button)
            self._needs_both.append(button)
        close = QPushButton("C&lose")
        close.clicked.connect(self.reject)
        row.addWidget(close)
        return row


def _call(act: Callable[[], None], _checked: bool) -> None:
    act()
