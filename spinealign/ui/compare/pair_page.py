"""Two examinations side by side, and what changed between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PyQt6 import sip
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.comparison import Change, PatientExamination
from spinealign.domain.findings import Analysis
from spinealign.domain.identifiers import PatientMatch
from spinealign.measure.geometry.comparison import compare
from spinealign.ui.cases.appendices import Appendix
from spinealign.ui.cases.case import Case, Opening
from spinealign.ui.cases.case_session import CaseSession
from spinealign.ui.cases.jobs import Finding
from spinealign.ui.cases.opening import file_filters
from spinealign.ui.cases.saving import COMPARISON_PAGES, COMPARISON_TABLE, SavedFile
from spinealign.ui.compare.compare_table import CompareTable
from spinealign.ui.compare.halves import Halves
from spinealign.ui.compare.linked_viewers import ViewLink
from spinealign.ui.compare.not_analysed import AnalyseOffer, words_instead
from spinealign.ui.compare.patients import PatientReader
from spinealign.ui.picture.viewer import Viewer
from spinealign.ui.results.measure_model import MeasureChoices
from spinealign.ui.widgets.flow import FlowLayout
from spinealign.ui.widgets.labels import WordsColumn, offer, wrapped_label
from spinealign.ui.widgets.theme import Theme
from spinealign.ui.workbench import Workbench
from spinealign.wording.comparison import (
    CHOOSE_OTHER,
    ERROR_IN_SHORT,
    ERROR_OF_CHANGE,
    ONE_CASE,
    OPEN_EARLIER,
    OTHER_PATIENT,
    comparison_cautions,
    comparison_lines,
    interval_sentence,
    is_doubted,
    match_text,
    owner_text,
)
from spinealign.wording.curve_changes import curve_cautions, progression_sentences

BUTTON_GAP_PX = 8
_SHARE_PX = 1000
NEEDS_TWO = "Choose two examinations with results of one patient"
OTHER_FILE = "Other file…"


class ExaminationPane(WordsColumn):
    """One half: which case, and its picture."""

    chosen = pyqtSignal()
    file_requested = pyqtSignal()

    def __init__(self, title: str, session: CaseSession, parent: QWidget) -> None:
        super().__init__(4, parent)
        self.case: Case | None = None
        self.viewer = Viewer(self)
        self.choice = CaseChoice(title)
        self.choice.activated.connect(self._on_choice)
        self._cases: tuple[Case, ...] = ()
        self._shown: Finding | None = None
        caption = QLabel(title)
        caption.setProperty("kind", "section")
        caption.setBuddy(self.choice)
        row = QHBoxLayout()
        row.addWidget(caption)
        row.addWidget(self.choice, 1)
        self.owner = wrapped_label("", strong=True)
        self.open_button = push_button(OPEN_EARLIER, self.file_requested.emit)
        self.analyse_button = AnalyseOffer(session)
        self.column.addLayout(row)
        self.column.addWidget(self.owner)
        self.column.addWidget(self.viewer, 1)
        self.column.addWidget(self.open_button)
        self.column.addWidget(self.analyse_button)

    @property
    def analysis(self) -> Analysis | None:
        """What was found, as it is corrected now."""
        if self.case is None or self.case.finding is None:
            return None
        return self.case.finding.analysis

    def offer(self, cases: Sequence[Case], captions: Sequence[str]) -> None:
        """Let the user choose among these cases, and a file that is not open yet."""
        self._cases = tuple(cases)
        if self.case not in self._cases:
            self.case = None
        self.choice.offer((*captions, OTHER_FILE))
        self._mark_choice()

    def say_whose(self, words: str) -> None:
        """Say whose picture it is; nothing where there is none."""
        self.owner.setText(words)
        self.owner.setVisible(bool(words))

    def show_present(self) -> bool:
        """Show the case as it is now; returns whether the picture is another one."""
        self._mark_choice()
        self.open_button.setVisible(self.case is None)
        self.analyse_button.offer([] if self.case is None else [self.case])
        finding = self.case.finding if self.case is not None else None
        before, self._shown = self._shown, finding
        if finding is None:
            asks = CHOOSE_OTHER if len(self._cases) > 1 else ONE_CASE
            words = asks if self.case is None else words_instead(self.case)
            self.viewer.show_image(None, words)
            return True
        is_other = before is None or before.display is not finding.display
        if is_other:
            self.viewer.show_image(finding.display)
            self.viewer.present(finding.analysis.image.presentation)
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


class CaseChoice(QComboBox):
    """A box of cases whose long names do not widen the window."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setAccessibleName(f"{title.replace('&', '')} examination")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 12)

    def offer(self, captions: Sequence[str]) -> None:
        """Offer these, keeping the list as it is where nothing changed."""
        if [self.itemText(place) for place in range(self.count())] != list(captions):
            self.clear()
            self.addItems(captions)
            for place, caption in enumerate(captions):
                self.setItemData(place, caption, Qt.ItemDataRole.ToolTipRole)

    def setCurrentIndex(self, place: int) -> None:
        """Choose one; its long name is a tool tip as well."""
        super().setCurrentIndex(place)
        self.setToolTip(self.currentText())


class PairPage(QWidget):
    """Two examinations; a different patient is compared only after a confirmation."""

    def __init__(
        self, bench: Workbench, patients: PatientReader, theme: Theme, parent: QWidget | None
    ) -> None:
        super().__init__(parent)
        self._bench, self._patients = bench, patients
        self._choices = MeasureChoices()
        self._confirmed: set[frozenset[int]] = set()
        self._is_chosen = False
        self._appended: Case | None = None
        self.halves = Halves(self)
        self.first, self.second = (
            ExaminationPane(title, bench.session, self.halves.pictures)
            for title in ("F&irst", "Seco&nd")
        )
        self.table = CompareTable(theme.colours, self.halves.below)
        self.times = wrapped_label("", strong=True)
        self.cautions = wrapped_label("", "muted")
        self.message = wrapped_label("", "muted")
        self.warning = PatientWarning()
        self.doubt = DoubtStrip()
        self.link = ViewLink(self.first.viewer, self.second.viewer, self)
        self.only_changed = QCheckBox("&Only changes beyond the error")
        self.in_report = QCheckBox("In the &report of the second")
        self.in_report.setToolTip("Append what changed to the report of the second examination")
        self.move_together = QCheckBox("&Move both pictures together")
        self.move_together.setChecked(True)
        self._build()
        self._connect()

    def begin(self) -> None:
        """Choose two cases, and compare them."""
        self.choose()
        self.refresh()

    def choose(self) -> None:
        """Choose the current case and the last examination of the same patient before it.

        Without an earlier one, the nearest in time. Who chose already keeps what they chose.
        """
        cases, current = self._bench.session.cases, self._bench.current
        if current not in cases or self._is_chosen:
            return
        others = [
            case
            for case in self._patients.in_order(current, cases)
            if case is not current and self._patients.match(current, case) is not PatientMatch.OTHER
        ]
        earlier = [case for case in others if self._patients.is_earlier(case, current)]
        self._set_in_order(current, next(iter(earlier or others), None))

    def _set_in_order(self, current: Case, other: Case | None) -> None:
        """Put the earlier of both first; without dates, the one that was opened first."""
        if other is None:
            self._put(current, None)
            return
        days = [self._patients.date_of(case) for case in (other, current)]
        opened = self._bench.session.cases
        is_later = opened.index(other) > opened.index(current)
        if days[0] is not None and days[1] is not None and days[0] != days[1]:
            is_later = days[0] > days[1]
        self._put(*((current, other) if is_later else (other, current)))

    def set_cases(self, first: Case | None, second: Case | None) -> None:
        """Compare these two cases."""
        self._put(first, second)
        self.refresh()

    def _put(self, first: Case | None, second: Case | None) -> None:
        self.first.case, self.second.case = first, second
        for case in (first, second):
            if case is not None and case.finding is None:
                self._bench.session.see(case)

    def take_facts(self) -> None:
        """Take over what became known of patients and dates; choose anew unless the user did."""
        if self._is_chosen:
            self.refresh()
        else:
            self.begin()

    def refresh(self) -> None:
        """Take over what was corrected, analysed, opened or closed since."""
        for step in self.steps:
            step()

    @property
    def steps(self) -> tuple[Callable[[], None], ...]:
        """The parts of `refresh` in their order; a window can be painted between them."""
        return self._offer_cases, self._show_pictures, self._show_differences

    def _offer_cases(self) -> None:
        self._offer(self.first, self.second.case)
        self._offer(self.second, self.first.case)
        for half in (self.first, self.second):
            half.say_whose("" if half.case is None else self._whose(half.case))

    def _show_pictures(self) -> None:
        is_other = [half.show_present() for half in (self.first, self.second)]
        self.link.set_analyses(self.first.analysis, self.second.analysis)
        if any(is_other):
            self.first.viewer.fit()
            self.link.follow_first()

    def _whose(self, case: Case) -> str:
        facts = self._patients.facts_of(case)
        is_told = self._patients.is_known(case) or not self._patients.shows_names
        return owner_text(facts, self._patients.shows_names) if is_told else ""

    def _offer(self, half: ExaminationPane, beside: Case | None) -> None:
        cases = self._patients.in_order(beside, self._bench.session.cases)
        half.offer(cases, [self._patients.caption(case, beside) for case in cases])

    def swap(self) -> None:
        """Make the second examination the first one."""
        self._is_chosen = True
        self.set_cases(self.second.case, self.first.case)

    def copy(self) -> None:
        """Put the comparison on the clipboard as text."""
        both, clipboard = self.compared, QApplication.clipboard()
        if both is not None and clipboard is not None:
            rows = compare(*(one.analysis for one in both))
            clipboard.setText("\n".join(comparison_lines(*both, rows)))
            self.message.setText("The comparison was copied as text.")

    def save(self, wanted: SavedFile) -> None:
        """Ask for a file and write the comparison, as a table or on pages."""
        both = self.compared
        if both is not None:
            write = partial(self._bench.services.write_comparison, *both)
            self._bench.saver.save_as(wanted, both[1].analysis, self, write)

    @property
    def compared(self) -> tuple[PatientExamination, PatientExamination] | None:
        """Both examinations; None without two results, or while another patient is unconfirmed."""
        both = self._both()
        return None if both is None or self._needs_confirmation(both) else both

    def _both(self) -> tuple[PatientExamination, PatientExamination] | None:
        first, second = (
            self._patients.examination_of(half.case) for half in (self.first, self.second)
        )
        return None if first is None or second is None else (first, second)

    def _needs_confirmation(self, both: tuple[PatientExamination, PatientExamination]) -> bool:
        cases = frozenset((id(self.first.case), id(self.second.case)))
        return both[0].match(both[1]) is PatientMatch.OTHER and cases not in self._confirmed

    def confirm(self) -> None:
        """Compare both although their files state different patients."""
        self._confirmed.add(frozenset((id(self.first.case), id(self.second.case))))
        self.refresh()

    def _show_differences(self) -> None:
        found, both = self._both(), self.compared
        all_rows = compare(both[0].analysis, both[1].analysis) if both is not None else ()
        changes = sum(row.change is Change.BEYOND for row in all_rows)
        is_short = self.only_changed.isChecked()
        self.table.set_rows(
            [row for row in all_rows if row.change is Change.BEYOND] if is_short else all_rows
        )
        self.warning.setVisible(found is not None and both is None)
        self.doubt.say(None if both is None else both[0].match(both[1]))
        times = self._times(found, changes if both is not None else None)
        progress = [] if both is None else progression_sentences(*both, all_rows)
        self.times.setText(" ".join([times, *progress]))
        self.cautions.setText(" ".join([*curve_cautions(all_rows), *self._cautions(both)]))
        for button in self._needs_both:
            offer(button, "" if both is not None else NEEDS_TWO)
        self._show_in_report(both)
        self._draw_measures()

    def _show_in_report(self, both: tuple[PatientExamination, PatientExamination] | None) -> None:
        offer(self.in_report, "" if both is not None else NEEDS_TWO)
        appended = self._bench.appendices
        is_in = both is not None and appended.has(both[1].analysis, Appendix.PRIOR)
        self.in_report.setChecked(is_in and self._appended is self.first.case)

    def _put_in_report(self, is_in: bool) -> None:
        """Append the comparison to the report of the second examination, or take it out."""
        both, first = self.compared, self.first.case
        if both is None or first is None:
            return
        if is_in:
            self._appended = first
            make = partial(as_it_is_now, first, both[0])
            self._bench.appendices.append(both[1].analysis, Appendix.PRIOR, make)
        else:
            self._bench.appendices.remove(both[1].analysis, Appendix.PRIOR)

    def _cautions(self, both: tuple[PatientExamination, PatientExamination] | None) -> list[str]:
        """Return what differs from one comparison to another; the rest is the same for all."""
        if both is None:
            return []
        known = (match_text(both[0].match(both[1])), ERROR_OF_CHANGE)
        own = [words for words in comparison_cautions(*both) if words not in known]
        return [*own, ERROR_IN_SHORT]

    def _times(
        self, both: tuple[PatientExamination, PatientExamination] | None, changes: int | None
    ) -> str:
        if both is None:
            return ""
        match = both[0].match(both[1])
        # Whose each picture is stands over it, and a doubt in a strip of its own.
        is_told = changes is not None and not is_doubted(match)
        words = [interval_sentence(*both), match_text(match) if is_told else ""]
        if changes is not None:
            words.append(f"{changes or 'No'} measure{'' if changes == 1 else 's'} changed.")
        return " ".join(word for word in words if word)

    def _draw_measures(self) -> None:
        for half, selected in zip((self.first, self.second), self.table.selected_keys, strict=True):
            measures = half.analysis.measurements if half.analysis is not None else ()
            shown = [m for m in measures if m.key == selected or self._choices.is_shown(m)]
            half.viewer.picture.show_measures(shown, selected)

    def _ask_file(self, half: ExaminationPane) -> None:
        folder = self._bench.preferences.state.last_folder
        name, _ = QFileDialog.getOpenFileName(self, "Open an examination", folder, file_filters())
        if name:
            self._bench.opener.open_quietly(Path(name).absolute(), partial(self._take, half))

    def _take(self, half: ExaminationPane, openings: list[Opening]) -> None:
        session = self._bench.session
        opened = session.open(openings)
        for case in opened[:1]:
            # What is opened to be compared needs its measures, whatever else waits to be asked for.
            session.want(case)
        # Looking at files takes a while; this window may be closed by now.
        if opened and not sip.isdeleted(self):
            half.case = opened[0]
            self._is_chosen = True
            self.refresh()

    def concerns(self, case: Case) -> bool:
        """Whether a case is one of the two."""
        return case in (self.first.case, self.second.case)

    def _connect(self) -> None:
        for half in (self.first, self.second):
            half.chosen.connect(self._on_choices_changed)
            half.file_requested.connect(partial(self._ask_file, half))
        self.warning.confirmed.connect(self.confirm)
        self.table.row_selected.connect(self._draw_measures)
        self.only_changed.toggled.connect(self._show_differences)
        self.move_together.toggled.connect(self.link.set_on)
        self.in_report.clicked.connect(self._put_in_report)

    def _on_choices_changed(self) -> None:
        self._is_chosen = True
        for half in (self.first, self.second):
            if half.case is not None and half.case.finding is None:
                self._bench.session.want(half.case)
        self.set_cases(self.first.case, self.second.case)

    def _build(self) -> None:
        # Larger than what both need at least, or that would be what they get.
        self.halves.pictures.setSizes([_SHARE_PX, _SHARE_PX])
        column = self.halves.below.column
        column.addWidget(self.times)
        column.addWidget(self.warning)
        column.addWidget(self.doubt)
        column.addLayout(self._switches())
        column.addWidget(self.table, 1)
        column.addWidget(self.cautions)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.halves)

    def _switches(self) -> FlowLayout:
        """Return switches and buttons, on two lines where one has no room."""
        row = FlowLayout(BUTTON_GAP_PX)
        for widget in (self.move_together, self.only_changed, self.in_report, self.message):
            row.addWidget(widget)
        swap = push_button("&Swap", self.swap, "Make the second examination the first one")
        row.addWidget(swap)
        self._needs_both = [
            push_button("&Copy", self.copy),
            push_button("Save as &table (CSV)…", partial(self.save, COMPARISON_TABLE)),
            push_button("Save as &PDF…", partial(self.save, COMPARISON_PAGES)),
        ]
        for button in self._needs_both:
            row.addWidget(button)
        return row


def as_it_is_now(case: Case, then: PatientExamination) -> PatientExamination:
    """Return an examination as it is corrected now, or as it was when its result was let go."""
    return then if case.finding is None else PatientExamination(case.finding.analysis, then.facts)


class PatientWarning(QFrame):
    """Says that two examinations are of different patients, and asks to confirm."""

    confirmed = pyqtSignal()

    def __init__(self, words: str = OTHER_PATIENT) -> None:
        super().__init__()
        self.setProperty("strip", "danger")
        self.setAccessibleName(words)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 5, 10, 5)
        row.addWidget(wrapped_label(words, strong=True), 1)
        self.button = push_button("It is the same patient: comp&are", self.confirmed.emit)
        row.addWidget(self.button)
        self.hide()


class DoubtStrip(QFrame):
    """Warns that two examinations that are compared may not be of one patient."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("strip", "warning")
        self.words = wrapped_label("", strong=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 5, 10, 5)
        row.addWidget(self.words, 1)
        self.hide()

    def say(self, match: PatientMatch | None) -> None:
        """Warn of this; nothing where it is the same patient, or nothing is compared."""
        words = "" if match is None or not is_doubted(match) else match_text(match)
        self.words.setText(words)
        self.setAccessibleName(words)
        self.setVisible(bool(words))


def push_button(text: str, act: Callable[[], None], tip: str = "") -> QPushButton:
    """Return a button that does something; Return in a field beside it does not press it."""
    button = QPushButton(text)
    button.setAutoDefault(False)
    button.setToolTip(tip)
    button.clicked.connect(partial(_call, act))
    return button


def _call(act: Callable[[], None], _checked: bool = False) -> None:
    act()
