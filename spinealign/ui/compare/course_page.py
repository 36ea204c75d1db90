"""The course of a patient over several dates: a table by date, and one measure drawn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QCheckBox,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
)

from spinealign.domain.comparison import Change, Course, CourseRow, PatientExamination
from spinealign.measure.geometry.comparison import course_of
from spinealign.ui.cases.appendices import Appendix
from spinealign.ui.cases.case import Case
from spinealign.ui.cases.saving import COURSE_PAGES, COURSE_PICTURE, COURSE_TABLE, SavedFile
from spinealign.ui.compare.drawn_chart import DrawnChart
from spinealign.ui.compare.not_analysed import AnalyseOffer
from spinealign.ui.compare.pair_page import BUTTON_GAP_PX, as_it_is_now, push_button
from spinealign.ui.compare.patient_cases import PatientCases
from spinealign.ui.compare.patients import PatientReader
from spinealign.ui.widgets.flow import FlowLayout
from spinealign.ui.widgets.labels import WordsColumn, offer, show_plain_rows, wrapped_label
from spinealign.ui.widgets.theme import Theme
from spinealign.ui.workbench import Workbench
from spinealign.wording.comparison import (
    ERROR_IN_SHORT,
    ERROR_OF_CHANGE,
    error_source,
    judgement_text,
    span_text,
)
from spinealign.wording.course import (
    course_cautions,
    course_cells,
    course_headings,
)

CHOOSE_TWO = "Tick at least two examinations of one patient."
NO_COMMON_MEASURE = "These examinations have no measure in common."
ROW_MARGIN_PX = 8
_LIST_PERCENT = 24


class CoursePage(WordsColumn):
    """Chooses examinations of one patient and shows what became of each measure."""

    def __init__(self, bench: Workbench, patients: PatientReader, theme: Theme) -> None:
        super().__init__(spacing=4)
        self._bench, self._patients = bench, patients
        self._course: Course | None = None
        self._rows: tuple[CourseRow, ...] = ()
        self._pairs: list[tuple[Case, PatientExamination]] = []
        self.cases = PatientCases(patients)
        self.table = QTableWidget()
        self.picture = DrawnChart(theme)
        self.in_report = QCheckBox("In the re&port of the latest")
        self.in_report.setToolTip("Append the course to the report of the latest examination")
        self.title = wrapped_label("", strong=True)
        self.cautions = wrapped_label("", "muted")
        self.analyse_button = AnalyseOffer(bench.session)
        self._build()
        self.cases.chosen_changed.connect(self._show)
        self.in_report.clicked.connect(self._put_in_report)
        self.table.itemSelectionChanged.connect(self._draw)

    @property
    def course(self) -> Course | None:
        """What is shown; None without two examinations."""
        return self._course

    @property
    def row(self) -> CourseRow | None:
        """The measure that is drawn."""
        place = self.table.currentRow()
        return self._rows[place] if 0 <= place < len(self._rows) else None

    def refresh(self) -> None:
        """Take over what was corrected, analysed, opened or closed since."""
        self.cases.offer(self._bench.current, self._bench.session.cases)
        self._show()

    def save(self, wanted: SavedFile) -> None:
        """Ask for a file and write the course, as a table, on pages, or the drawn measure."""
        if self._course is not None:
            write = partial(self._bench.services.write_course, self._course, self.row)
            last = self._course.examinations[-1].analysis
            self._bench.saver.save_as(wanted, last, self, write)

    def _put_in_report(self, is_in: bool) -> None:
        """Append the course to the report of the latest examination, or take it out."""
        course = self._course
        if course is None:
            return
        last = course.examinations[-1].analysis
        if is_in:
            make = partial(_course_again, tuple(self._pairs))
            self._bench.appendices.append(last, Appendix.COURSE, make)
        else:
            self._bench.appendices.remove(last, Appendix.COURSE)

    def _show_in_report(self) -> None:
        course = self._course
        offer(self.in_report, self._missing)
        is_in = course is not None and self._bench.appendices.has(
            course.examinations[-1].analysis, Appendix.COURSE
        )
        self.in_report.setChecked(is_in)
        if is_in:
            self._put_in_report(True)

    def _show(self) -> None:
        found = [(case, self._patients.measured_of(case)) for case in self.cases.chosen]
        for case, one in found:
            if one is None:
                self._bench.session.see(case)
        self.analyse_button.offer([case for case, one in found if one is None])
        self._pairs = [(case, one) for case, one in found if one is not None]
        examinations = [one for _, one in self._pairs]
        self._course = course_of(examinations) if len(examinations) > 1 else None
        self._rows = () if self._course is None else self._course.rows
        self._fill()
        self.title.setText(self._title(examinations))
        said = [] if self._course is None else course_cautions(self._course)
        short = [ERROR_IN_SHORT if words == ERROR_OF_CHANGE else words for words in said]
        self.cautions.setText(" ".join(short))
        for button in self._buttons:
            offer(button, self._missing)
        self._show_in_report()
        self._draw()

    @property
    def _missing(self) -> str:
        """Why there is no course; empty where there is one."""
        if self._course is None:
            return CHOOSE_TWO
        return "" if self._rows else NO_COMMON_MEASURE

    def _title(self, examinations: Sequence[PatientExamination]) -> str:
        if self._course is None:
            return CHOOSE_TWO
        if not self._rows:
            return NO_COMMON_MEASURE
        days = [one.date for one in self._course.examinations if one.date is not None]
        span = span_text(days[0], days[-1]) if len(days) > 1 else ""
        return f"{len(examinations)} examinations" + (f" over {span}" if span else "")

    def _fill(self) -> None:
        place = max(self.table.currentRow(), 0)
        headings = ("Measure",) if self._course is None else course_headings(self._course)
        self.table.blockSignals(True)
        self.table.setColumnCount(len(headings))
        self.table.setHorizontalHeaderLabels(headings)
        self.table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            for column, text in enumerate(course_cells(row)):
                self.table.setItem(number, column, _cell(row, column, text))
        self.table.resizeColumnsToContents()
        if self._rows:
            self.table.selectRow(min(place, len(self._rows) - 1))
        self.table.blockSignals(False)

    def _draw(self) -> None:
        course, row = self._course, self.row
        if course is None or row is None:
            self.picture.show_chart(None)
            return
        from spinealign.export.course_picture import course_in_words, course_picture

        draw = partial(course_picture, course, row)
        self.picture.show_chart(draw, course_in_words(course, row))

    def _build(self) -> None:
        self.table.setAccessibleName("Measures by date")
        header = show_plain_rows(self.table, self.fontMetrics().height() + ROW_MARGIN_PX)
        header.setStretchLastSection(True)
        right = QSplitter(Qt.Orientation.Vertical)
        right.addWidget(self.table)
        right.addWidget(self.picture)
        right.setChildrenCollapsible(False)
        right.setStretchFactor(0, 1)
        right.setStretchFactor(1, 1)
        halves = QSplitter(Qt.Orientation.Horizontal)
        halves.addWidget(self.cases)
        halves.addWidget(right)
        halves.setChildrenCollapsible(False)
        halves.setSizes([_LIST_PERCENT * 10, (100 - _LIST_PERCENT) * 10])
        outer = self.column
        outer.addWidget(self.title)
        outer.addWidget(self.analyse_button, 0, Qt.AlignmentFlag.AlignLeft)
        outer.addWidget(halves, 1)
        outer.addWidget(self.cautions)
        outer.addLayout(self._button_row())

    def _button_row(self) -> FlowLayout:
        row = FlowLayout(BUTTON_GAP_PX)
        row.addWidget(self.in_report)
        self._buttons = [
            push_button("Save as &table (CSV)…", partial(self.save, COURSE_TABLE)),
            push_button("Save &drawn course (PNG)…", partial(self.save, COURSE_PICTURE)),
            push_button("Save as &PDF…", partial(self.save, COURSE_PAGES)),
        ]
        for button in self._buttons:
            row.addWidget(button)
        return row


def _course_again(pairs: Sequence[tuple[Case, PatientExamination]]) -> Course:
    """Return a course with what was corrected since."""
    return course_of([as_it_is_now(*pair) for pair in pairs])


def _cell(row: CourseRow, column: int, text: str) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    last = row.last
    if last is not None:
        source = error_source(last.error, last.unit)
        judged = f"{judgement_text(last)}{f' ({source})' if source else ''}"
        item.setToolTip(f"{text}; last against first: {judged}" if column else f"{text}: {judged}")
    if last is not None and last.change is Change.BEYOND:
        font = item.font()
        font.setBold(True)
        item.setFont(font)
    if column:
        item.setTextAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
    return item
