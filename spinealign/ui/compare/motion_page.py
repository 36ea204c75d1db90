"""Flexion and extension: motion by level of two films of one patient, side by side."""

from __future__ import annotations

from functools import partial
from itertools import combinations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QCheckBox,
    QLabel,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.comparison import PatientExamination
from spinealign.domain.identifiers import PatientMatch
from spinealign.domain.motion import Motion, SegmentMotion
from spinealign.measure.motion import motion_of
from spinealign.ui.cases.appendices import Appendix
from spinealign.ui.cases.case import Case
from spinealign.ui.cases.saving import MOTION_PAGES, MOTION_TABLE, SavedFile
from spinealign.ui.compare.drawn_chart import DrawnChart
from spinealign.ui.compare.halves import Halves
from spinealign.ui.compare.not_analysed import AnalyseOffer
from spinealign.ui.compare.pair_page import (
    BUTTON_GAP_PX,
    CaseChoice,
    PatientWarning,
    as_it_is_now,
    push_button,
)
from spinealign.ui.compare.patients import PatientReader
from spinealign.ui.picture.viewer import Viewer
from spinealign.ui.widgets.flow import FlowLayout
from spinealign.ui.widgets.labels import offer, show_plain_rows, wrapped_label
from spinealign.ui.widgets.theme import Theme
from spinealign.ui.workbench import Workbench
from spinealign.wording.motion import (
    LIMITS_MEANING,
    MOTION_HEADINGS,
    motion_cautions,
    motion_row,
    motion_sentences,
)

CHOOSE_TWO = "Choose two lateral films of one patient and one day."
NEVER_ACROSS = (
    "These are two different patients by what their files state: no motion is measured across "
    "patients."
)
ROW_MARGIN_PX = 8
_TABLE_SHARE = 70


class MotionPage(QWidget):
    """Two films chosen by the program where a day has two; flexion is told by the lordosis."""

    def __init__(
        self, bench: Workbench, patients: PatientReader, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.halves = Halves(self)
        self._bench, self._patients = bench, patients
        self._is_swapped = self._is_chosen = False
        self._motion: Motion | None = None
        self._pairs: tuple[tuple[Case, PatientExamination], ...] = ()
        self.chosen: list[Case | None] = [None, None]
        self._cases: tuple[Case, ...] = ()
        self.choices = (CaseChoice("One film"), CaseChoice("Other film"))
        self.viewers = (Viewer(), Viewer())
        self.captions = (QLabel("Flexion"), QLabel("Extension"))
        self.table = QTableWidget()
        self.chart = DrawnChart(theme)
        self.result = wrapped_label("", strong=True)
        self.cautions = wrapped_label("", "muted")
        self.warning = PatientWarning(NEVER_ACROSS)
        self.warning.button.hide()
        self.in_report = QCheckBox("In the &reports of both films")
        self.in_report.setToolTip("Append motion by level to the reports of both films")
        self.in_report.clicked.connect(self._put_in_report)
        self.analyse_button = AnalyseOffer(bench.session)
        self._build()
        for number, choice in enumerate(self.choices):
            choice.activated.connect(partial(self._choose, number))

    @property
    def motion(self) -> Motion | None:
        """What is shown; None without two results of one patient."""
        return self._motion

    def refresh(self) -> None:
        """Take over what was corrected, analysed, opened or closed since."""
        current = self._bench.current
        self._cases = self._patients.in_order(current, self._bench.session.cases)
        self.chosen = [case if case in self._cases else None for case in self.chosen]
        if not self._is_chosen:
            self.chosen = list(self._pair())
        for choice, case in zip(self.choices, self.chosen, strict=True):
            choice.offer([self._patients.caption(one, current) for one in self._cases])
            choice.setCurrentIndex(-1 if case is None else self._cases.index(case))
        self._show()

    def swap(self) -> None:
        """Say that flexion and extension are the other way round."""
        self._is_swapped = not self._is_swapped
        self._show()

    def _put_in_report(self, is_in: bool) -> None:
        """Append the motion to the reports of both films, or take it out."""
        for one in self._pairs:
            if is_in:
                make = partial(_motion_again, self._pairs, self._is_swapped)
                self._bench.appendices.append(one[1].analysis, Appendix.MOTION, make)
            else:
                self._bench.appendices.remove(one[1].analysis, Appendix.MOTION)

    def _show_in_report(self) -> None:
        motion = self._motion
        offer(self.in_report, "" if motion is not None else CHOOSE_TWO)
        is_in = motion is not None and self._bench.appendices.has(
            motion.flexion.analysis, Appendix.MOTION
        )
        self.in_report.setChecked(is_in)
        if is_in:
            self._put_in_report(True)

    def save(self, wanted: SavedFile) -> None:
        """Ask for a file and write the motion, as a table or on pages."""
        if self._motion is not None:
            write = partial(self._bench.services.write_motion, self._motion)
            self._bench.saver.save_as(wanted, self._motion.extension.analysis, self, write)

    def _pair(self) -> tuple[Case | None, Case | None]:
        """Return two films of the same patient, kind and day, the current one if possible."""
        current = self._bench.current
        if current is None:
            return None, None
        own = [
            case
            for case in self._cases
            if self._patients.match(current, case) is not PatientMatch.OTHER
        ]
        bent = [case for case in own if self._patients.facts_of(case).is_bent]
        # The current film comes first, then those that call themselves bent.
        ordered = sorted(own, key=lambda case: (case is not current, case not in bent))
        pairs = (pair for pair in combinations(ordered, 2) if self._are_of_one_day(*pair))
        return next(pairs, (current, None))

    def _are_of_one_day(self, one: Case, other: Case) -> bool:
        """Whether two cases are the same kind of film of the same patient and day."""
        found = self._patients.examination_of(one), self._patients.examination_of(other)
        if found[0] is None or found[1] is None or found[0].date is None:
            return False
        is_same_day = found[0].date == found[1].date and found[0].is_of_kind(found[1])
        return is_same_day and found[0].match(found[1]) is PatientMatch.SAME

    def _choose(self, number: int, place: int) -> None:
        self._is_chosen, self._is_swapped = True, False
        self.chosen[number] = case = self._cases[place]
        if case.finding is None:
            self._bench.session.want(case)
        self._show()

    def _examinations(self) -> tuple[PatientExamination, PatientExamination] | None:
        for case in self.chosen:
            if case is not None and case.finding is None:
                self._bench.session.see(case)
        one, other = (self._patients.examination_of(case) for case in self.chosen)
        if one is None or other is None or self.chosen[0] is self.chosen[1]:
            return None
        return one, other

    def _show(self) -> None:
        both = self._examinations()
        is_other = both is not None and both[0].match(both[1]) is PatientMatch.OTHER
        self.warning.setVisible(is_other)
        self._motion, self._pairs = None, ()
        if both is not None and not is_other:
            self._motion = motion_of(*both, is_swapped=self._is_swapped)
            self._pairs = tuple(
                (case, one) for case, one in zip(self.chosen, both, strict=True) if case is not None
            )
        motion = self._motion
        self._fill(motion.segments if motion is not None else ())
        self.result.setText(CHOOSE_TWO if motion is None else " ".join(motion_sentences(motion)))
        self.analyse_button.offer([case for case in self.chosen if case is not None])
        said = [] if motion is None else motion_cautions(motion)
        shown = [words for words in said if words != LIMITS_MEANING]
        self.cautions.setText(" ".join(shown))
        for button in self._buttons:
            offer(button, "" if motion is not None else CHOOSE_TWO)
        self._show_in_report()
        self._draw()
        self._show_pictures()

    def _draw(self) -> None:
        motion = self._motion
        if motion is None:
            self.chart.show_chart(None)
            return
        from spinealign.export.course_picture import motion_in_words, motion_picture

        self.chart.show_chart(partial(motion_picture, motion), motion_in_words(motion))

    def _show_pictures(self) -> None:
        """Show each film below the list that it was chosen in, under what it was told to be."""
        motion = self._motion
        words = ("First", "Second") if motion is None else ("Flexion", "Extension")
        if motion is not None and motion.flexion.analysis is not self._analysis(self.chosen[0]):
            words = words[::-1]
        for viewer, caption, case, word in zip(
            self.viewers, self.captions, self.chosen, words, strict=True
        ):
            caption.setText(word if case is None else f"{word}: {case.title}")
            finding = None if case is None else case.finding
            if finding is None:
                viewer.show_image(None, CHOOSE_TWO)
            elif viewer.picture.display is not finding.display:
                viewer.show_image(finding.display)
                viewer.present(finding.analysis.image.presentation)
                viewer.show_overlay(finding.overlay)
                viewer.fit()
            else:
                viewer.show_overlay(finding.overlay)

    @staticmethod
    def _analysis(case: Case | None) -> object:
        return None if case is None or case.finding is None else case.finding.analysis

    def _fill(self, segments: tuple[SegmentMotion, ...]) -> None:
        self.table.setRowCount(len(segments))
        for number, segment in enumerate(segments):
            for column, text in enumerate(motion_row(segment)):
                item = QTableWidgetItem(text)
                item.setToolTip(f"{MOTION_HEADINGS[column]}: {text}")
                if segment.signs:
                    font = item.font()
                    font.setBold(True)
                    item.setFont(font)
                self.table.setItem(number, column, item)
        self.table.resizeColumnsToContents()

    def _build(self) -> None:
        self.table.setAccessibleName("Motion by level")
        self.table.setColumnCount(len(MOTION_HEADINGS))
        self.table.setHorizontalHeaderLabels(MOTION_HEADINGS)
        header = show_plain_rows(self.table, self.fontMetrics().height() + ROW_MARGIN_PX)
        header.setStretchLastSection(True)
        last = self.table.horizontalHeaderItem(len(MOTION_HEADINGS) - 1)
        if last is not None:
            last.setToolTip(LIMITS_MEANING)
        for choice, caption, viewer in zip(self.choices, self.captions, self.viewers, strict=True):
            self.halves.pictures.addWidget(_half(choice, caption, viewer))
        column = self.halves.below.column
        for widget in (self.result, self.warning):
            column.addWidget(widget)
        column.addWidget(self.analyse_button, 0, Qt.AlignmentFlag.AlignLeft)
        level_by_level = QSplitter(Qt.Orientation.Horizontal)
        level_by_level.addWidget(self.table)
        level_by_level.addWidget(self.chart)
        level_by_level.setChildrenCollapsible(False)
        level_by_level.setStretchFactor(0, 3)
        level_by_level.setStretchFactor(1, 1)
        # Larger than what both need at least, or that would be what they get.
        level_by_level.setSizes([_TABLE_SHARE * 10, (100 - _TABLE_SHARE) * 10])
        column.addWidget(level_by_level, 1)
        column.addWidget(self.cautions)
        column.addLayout(self._button_row())
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.halves)

    def _button_row(self) -> FlowLayout:
        row = FlowLayout(BUTTON_GAP_PX)
        row.addWidget(self.in_report)
        self._buttons = [
            push_button("S&wap flexion and extension", self.swap),
            push_button("Save as &table (CSV)…", partial(self.save, MOTION_TABLE)),
            push_button("Save as &PDF…", partial(self.save, MOTION_PAGES)),
        ]
        for button in self._buttons:
            row.addWidget(button)
        return row


def _motion_again(pairs: tuple[tuple[Case, PatientExamination], ...], is_swapped: bool) -> Motion:
    """Return motion with what was corrected since."""
    one, other = (as_it_is_now(*pair) for pair in pairs)
    return motion_of(one, other, is_swapped=is_swapped)


def _half(choice: CaseChoice, caption: QLabel, viewer: Viewer) -> QWidget:
    half = QWidget()
    caption.setProperty("kind", "section")
    caption.setTextFormat(Qt.TextFormat.PlainText)
    caption.setMinimumWidth(1)
    column = QVBoxLayout(half)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(3)
    column.addWidget(choice)
    column.addWidget(caption)
    column.addWidget(viewer, 1)
    return half
