"""The panel at the right: what was found on the current case, or how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PyQt6.QtCore import QEvent, QObject, QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from spinealign.domain.examination import Examination
from spinealign.domain.findings import DISCLAIMER, Analysis
from spinealign.domain.image import DecisionSource
from spinealign.domain.measurements import Measurement
from spinealign.domain.study import PatientFacts
from spinealign.reading.impression import Phrase
from spinealign.ui.cases.case import Case, CaseStatus
from spinealign.ui.cases.cases_panel import earlier_result_text, progress_text
from spinealign.ui.cases.jobs import Finding
from spinealign.ui.reading.case_readings import CaseReadings
from spinealign.ui.reading.reading_page import ReadingPage
from spinealign.ui.results.answering import Answering, ModelNote
from spinealign.ui.results.definition_view import DefinitionView
from spinealign.ui.results.disc_model import DiscChoice
from spinealign.ui.results.foreign_note import ForeignNote
from spinealign.ui.results.kept_note import KeptNote
from spinealign.ui.results.measure_model import MeasureChoices
from spinealign.ui.results.result_page import ImageTypeChoice, ResultPage
from spinealign.ui.widgets.labels import Strip, wrapped_label
from spinealign.ui.widgets.theme import Colours
from spinealign.wording.measure_rows import hand_lines
from spinealign.wording.reading_window import SIGNED_MESSAGE, other_readings_text
from spinealign.wording.results import DISCLAIMER_IN_SHORT

LOW_LINES = 24
"""Where a panel has room for fewer, the disclaimer is told in short."""

_FEWEST_LETTERS = 34
"""Of average width, beside one another on the narrowest page."""


NO_RESULT = {
    CaseStatus.OPENED: "Not analysed yet",
    CaseStatus.STOPPED: "Stopped before there was a result",
}
"""What is said of cases that rest without a result."""


class PageScroll(QScrollArea):
    """Scrolls a page up and down, and is never too narrow for it."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._veil: QLabel | None = None
        self._widest_px = 0
        self._page: QWidget | None = None
        self._holder = QWidget()
        self._column = QVBoxLayout(self._holder)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.setWidget(self._holder)

    def widget(self) -> QWidget | None:
        """Return the page that is shown.

        It lies in a holder that stays: taking a page of hundreds of parts out of its window costs
        as much as making them, as each is styled anew.
        """
        return self._page

    def settle(self) -> None:
        """Lay the page out now, so that all of it can be scrolled to."""
        width = self._holder.width()
        self._column.activate()
        self._holder.resize(width, self._holder.heightForWidth(width))

    def show_page(self, page: QWidget | None) -> None:
        """Show a page, or none, in the place of the present one.

        A page that is still being filled is looked for behind a picture of what is shown now, so
        that nothing flashes; where that is of another case, show none first.
        """
        viewport = self.viewport()
        self._lift_veil()
        is_filling = isinstance(page, ResultPage) and page.is_filling
        if isinstance(page, ResultPage) and is_filling and viewport is not None:
            self._veil = QLabel(viewport)
            self._veil.setPixmap(viewport.grab())
            self._veil.setGeometry(viewport.rect())
        # The old page may be the one whose button is being handled right now.
        old, self._page = self._page, page
        if old is not None:
            self._column.removeWidget(old)
            old.hide()
            old.deleteLater()
        if page is None:
            return
        page.setVisible(False)
        self._column.addWidget(page)
        page.setVisible(not is_filling)
        if isinstance(page, ResultPage):
            page.filled.connect(self._take_room)
        self.updateGeometry()
        if bar := self.verticalScrollBar():
            bar.setValue(0)
        if self._veil is not None:
            self._veil.show()
            self._veil.raise_()

    def _take_room(self) -> None:
        """Become as wide as a page needs that is whole now, then show it."""
        self.updateGeometry()
        self._lift_veil()

    def _lift_veil(self) -> None:
        if self._veil is not None:
            # The page below lies as it will stay before it is seen.
            self.settle()
            self._veil.hide()
            self._veil.deleteLater()
            self._veil = None

    def minimumSizeHint(self) -> QSize:
        """Return the narrowest that the page can be, with the scroll bar beside it."""
        hint, page, bar = super().minimumSizeHint(), self.widget(), self.verticalScrollBar()
        hint.setWidth(self.fontMetrics().averageCharWidth() * _FEWEST_LETTERS)
        if page is not None and bar is not None:
            needed = page.minimumSizeHint().width() + bar.sizeHint().width()
            # From page to page it never becomes narrower, else the picture beside it would jump.
            self._widest_px = max(self._widest_px, needed)
        hint.setWidth(max(hint.width(), self._widest_px))
        return hint

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the page when it needs another width."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


class ResultsPanel(QWidget):
    """Shows the finding first, then numbers, warnings and model cards."""

    examination_chosen = pyqtSignal(object)
    highlighted = pyqtSignal(object)
    open_requested = pyqtSignal()
    again_requested = pyqtSignal()
    measure_toggled = pyqtSignal(object, bool)
    measure_selected = pyqtSignal(object)
    placing_wanted = pyqtSignal(object)
    corners_confirmed = pyqtSignal(object)
    save_requested = pyqtSignal(str)
    disc_selected = pyqtSignal(object)
    levels_shifted = pyqtSignal(int)
    turn_requested = pyqtSignal()
    demonstration_requested = pyqtSignal()
    suggestions_accepted = pyqtSignal()
    names_confirmed = pyqtSignal()

    looked_at = pyqtSignal(object)
    sign_wanted = pyqtSignal()
    addendum_wanted = pyqtSignal()
    versions_wanted = pyqtSignal()
    phrases_wanted = pyqtSignal()
    setting_aside_wanted = pyqtSignal()
    return_wanted = pyqtSignal()

    def __init__(
        self, colours: Colours, readings: CaseReadings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._readings = readings
        self._patient, self._is_unnamed = PatientFacts(), False
        self._phrases: Sequence[Phrase] = ()
        self._is_reading_due = False
        self._page_due = QTimer(self)
        self._page_due.setSingleShot(True)
        self._page_due.timeout.connect(self._go_on_with_page)
        self._made: tuple[Case, Finding, ResultPage] | None = None
        readings.changed.connect(self._follow_reading)
        self.setObjectName("results")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._colours = colours
        self._case: Case | None = None
        self._page_case: Case | None = None
        self.open_folds: set[str] = set()
        self.measure_choices = MeasureChoices()
        self.disc_choice = DiscChoice()
        self._definition: DefinitionView | None = None
        self._shown: tuple[Finding, Examination | None] | None = None
        self._progress = wrapped_label("", "muted")
        self._progress.setContentsMargins(14, 8, 14, 0)
        self._scroll = PageScroll()
        self._scroll.setAccessibleName("Results")
        self.disclaimer = wrapped_label(DISCLAIMER, "disclaimer")
        self.disclaimer.setToolTip(DISCLAIMER)
        self.foreign = ForeignNote(self._scroll)
        self.kept = KeptNote()
        self.kept.button.clicked.connect(self._analyse_anew)
        self.measured = wrapped_label("")
        self.measured.setAccessibleName("Measured by hand on this image")
        self.measured.setContentsMargins(14, 8, 14, 6)
        self.measured.hide()
        self.foreign.button.clicked.connect(self.return_wanted)
        self.model_note, self._answering = ModelNote(), Answering(())
        self.model_note.again.clicked.connect(self.again_requested)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.measured)
        column.addWidget(self.foreign)
        column.addWidget(self.kept)
        column.addWidget(self.model_note)
        column.addWidget(self._progress)
        column.addWidget(self._scroll, 1)
        column.addWidget(self.disclaimer)
        self.setFocusProxy(self._scroll)
        self.show_case(None)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Leave most of a low panel to the results."""
        super().resizeEvent(event)
        is_low = self.height() < LOW_LINES * self.fontMetrics().height()
        self.disclaimer.setText(DISCLAIMER_IN_SHORT if is_low else DISCLAIMER)

    def show_case(self, case: Case | None) -> None:
        """Show a case's result, progress or failure; None shows how to begin."""
        if case is not self._case:
            self.disc_choice.index_from_bottom = None
        self._case = case
        self._show_progress(case)
        self._show_models()
        self._drop_due_page()
        if case is not None and case.finding is not None:
            is_here = case is self._page_case
            if is_here and isinstance(self._scroll.widget(), ResultPage):
                self._show_finding(case, case.finding)
                return
            if not is_here:
                self._put(None)
            # The picture comes first: who leafs past this case waits for no page of it, and
            # where a first result comes in, the page waits until the window has drawn that.
            self._shown = None
            self._page_due.start()
            return
        self._shown = None
        page = self._scroll.widget()
        if case is not None and _is_waiting(case) and isinstance(page, _WaitingPage):
            page.show_case(case)
            self._page_case = case
        else:
            self._put(self._empty_page() if case is None else self._bare_page(case))

    def _analyse_anew(self) -> None:
        """Have the image analysed that has a kept result, as what it was analysed before."""
        case = self._case
        if case is not None and case.finding is not None:
            kept = case.finding.analysis
            is_chosen = kept.decided_by is DecisionSource.USER
            self.examination_chosen.emit(kept.examination if is_chosen else None)

    def show_foreign(self, words: str, way_back: str) -> None:
        """Say that the results are of another picture than the one looked at, and dim them."""
        self.foreign.show_words(words, way_back)

    def show_answering(self, answering: Answering) -> None:
        """Say of results that other models made which ones answer now."""
        self._answering = answering
        self._show_models()

    def _show_models(self) -> None:
        finding = None if self._case is None else self._case.finding
        # Of a result that the archive kept another line says by which model it is.
        is_asked = finding is not None and not finding.kept_words
        words = self._answering.words_of(finding.analysis) if finding and is_asked else ""
        self.model_note.show_words(words)

    def show_measured(self, measured: Sequence[Measurement]) -> None:
        """List hand measures of a picture without a result, above all else."""
        self.measured.setText("\n".join(hand_lines(measured)))
        self.measured.setVisible(bool(measured))

    def update_analysis(self, analysis: Analysis) -> None:
        """Show the result of a correction of the case that is shown.

        Values, words and cautions change in place, fast enough for every mouse move; where
        more than that changed the page is made anew, at the same place of its scroll bar.
        """
        page, case = self.page, self._case
        if not isinstance(page, ResultPage) or case is None or case.finding is None:
            return
        finding = case.finding
        if finding.analysis is not analysis:
            finding = replace(finding, analysis=analysis)
        if page.update_analysis(analysis):
            self._shown = (finding, case.wanted_examination)
        else:
            self._rebuild(case, finding)
        if self._definition is not None:
            self._definition.refresh(analysis.measurements)

    def set_colours(self, colours: Colours) -> None:
        """Wear another theme."""
        self._colours = colours
        self.refresh()

    def refresh(self) -> None:
        """Make the page anew: what it looks like was chosen anew."""
        self._shown = None
        self.show_case(self._case)

    def show_patient(self, facts: PatientFacts, is_unnamed: bool) -> None:
        """Show whose image is read; nobody where the window hides that."""
        self._patient, self._is_unnamed = facts, is_unnamed
        if self._reading_page is not None:
            self._reading_page.show_patient(facts, is_unnamed)

    def set_phrases(self, phrases: Sequence[Phrase]) -> None:
        """Offer these phrases beside the impression."""
        self._phrases = phrases
        if self._reading_page is not None:
            self._reading_page.impression.set_phrases(phrases)

    @property
    def reading(self) -> ReadingPage | None:
        """The reading page with all that is read; None where the image is not read."""
        self._show_due_page()
        self._show_due_reading()
        return self._reading_page

    @property
    def _reading_page(self) -> ReadingPage | None:
        page = self._scroll.widget()
        return page.reading if isinstance(page, ResultPage) else None

    def finish_typing(self) -> None:
        """Hand on what was typed into the impression that is shown."""
        reading = self.reading
        if reading is not None:
            reading.finish_typing()

    def show_row(self, row: QWidget) -> None:
        """Scroll so that a line of the reading page is seen."""
        self._scroll.ensureWidgetVisible(row, 0, self.fontMetrics().height() * 2)

    def _follow_reading(self) -> None:
        """Show what changed now; another case's reading once its picture is seen."""
        page = self._scroll.widget()
        if isinstance(page, ResultPage) and page.reading is not None and page.is_new:
            self._is_reading_due = True
            page.fill_first(self._show_due_reading)
        else:
            self._show_reading()

    def _show_due_reading(self) -> None:
        if self._is_reading_due:
            self._show_reading()

    def _show_reading(self) -> None:
        self._is_reading_due = False
        self._show_reading_on(self._reading_page)
        self._lock_image_type()

    def _show_reading_on(self, page: ReadingPage | None) -> None:
        """Show the reading of this case, once it is at hand: no page tells another one's."""
        if page is not None and self._readings.case is self._case:
            page.show_reading()

    def _lock_image_type(self) -> None:
        """Keep the kind of a signed reading: it was signed as this one."""
        page = self._scroll.widget()
        if isinstance(page, ResultPage):
            page.lock_image_type(SIGNED_MESSAGE.sentence if self._readings.is_signed else "")

    def _connect_reading(self, reading: ReadingPage) -> None:
        reading.looked_at.connect(self.looked_at)
        reading.examination_chosen.connect(self.examination_chosen)
        reading.levels_shifted.connect(self.levels_shifted)
        reading.suggestions_accepted.connect(self.suggestions_accepted)
        reading.names_confirmed.connect(self.names_confirmed)
        reading.sign_wanted.connect(self.sign_wanted)
        reading.addendum_wanted.connect(self.addendum_wanted)
        reading.versions_wanted.connect(self.versions_wanted)
        reading.phrases_wanted.connect(self.phrases_wanted)
        reading.setting_aside_wanted.connect(self.setting_aside_wanted)
        reading.findings.current_changed.connect(self.show_row)
        reading.show_patient(self._patient, self._is_unnamed)
        finding = None if self._case is None else self._case.finding
        reading.show_others("" if finding is None else other_readings_text(finding.others))
        reading.impression.set_phrases(self._phrases)
        self._show_reading_on(reading)

    @property
    def page(self) -> QWidget | None:
        """What is shown above the disclaimer now, to its end."""
        self._show_due_page()
        page = self._scroll.widget()
        if isinstance(page, ResultPage):
            page.finish()
        return page

    def _show_due_page(self) -> None:
        """Make the page of the case that was chosen, if that was put off."""
        while self._page_due.isActive():
            self._page_due.stop()
            self._go_on_with_page()

    def _go_on_with_page(self) -> None:
        """Make the page, and show it in another turn: each takes half of what a window may wait.

        Where nothing stands there meanwhile it is shown at once, so that nothing flashes.
        """
        case, made = self._case, self._made
        if made is not None:
            self._made = None
            self._show_made(*made)
        elif case is not None and case.finding is not None:
            if self._scroll.widget() is None:
                self._show_finding(case, case.finding)
            elif (page := self._new_page(case, case.finding)) is not None:
                # It has no parent before it is seen: changing that styles all of it anew.
                self.destroyed.connect(page.deleteLater)
                self._made = (case, case.finding, page)
                self._page_due.start()

    def _drop_due_page(self) -> None:
        """Make no page any more, and forget the one that is made."""
        self._page_due.stop()
        if self._made is not None:
            self._made[-1].deleteLater()
            self._made = None

    def _show_progress(self, case: Case | None) -> None:
        text = ""
        if case is not None and case.finding is not None:
            text = earlier_result_text(case)
        self._progress.setText(text)
        self._progress.setVisible(bool(text))
        finding = None if case is None else case.finding
        self.kept.show_words("" if finding is None else finding.kept_words)

    def _show_finding(self, case: Case, finding: Finding) -> None:
        page = self._new_page(case, finding)
        if page is not None:
            self._show_made(case, finding, page)

    def _new_page(self, case: Case, finding: Finding) -> ResultPage | None:
        """Return the page of a result; None where the one that is shown tells it."""
        if self._shown == (finding, case.wanted_examination) or self._is_corrected(case, finding):
            return None
        choices = self.measure_choices
        page = ResultPage(
            finding,
            case.wanted_examination,
            self._colours,
            self.open_folds,
            choices,
            self.disc_choice,
            self._readings,
        )
        page.hold()
        page.disc_selected.connect(self.disc_selected)
        page.levels_shifted.connect(self.levels_shifted)
        page.demonstration_requested.connect(self.demonstration_requested)
        page.turn_requested.connect(self.turn_requested)
        page.suggestions_accepted.connect(self.suggestions_accepted)
        page.examination_chosen.connect(self.examination_chosen)
        page.highlighted.connect(self.highlighted)
        page.measure_toggled.connect(self.measure_toggled)
        page.measure_selected.connect(self.measure_selected)
        page.placing_wanted.connect(self.placing_wanted)
        page.corners_confirmed.connect(self.corners_confirmed)
        page.definition_requested.connect(self._define)
        page.save_requested.connect(self.save_requested)
        return page

    def _show_made(self, case: Case, finding: Finding, page: ResultPage) -> None:
        self._shown = (finding, case.wanted_examination)
        if page.reading is not None:
            self._connect_reading(page.reading)
        self._put(page)
        page.go_on()
        self._lock_image_type()

    def _is_corrected(self, case: Case, finding: Finding) -> bool:
        """Whether this is the result shown, corrected, and could be shown in place."""
        page = self.page
        if self._shown is None or not isinstance(page, ResultPage):
            return False
        before, chosen = self._shown
        if (finding.display, case.wanted_examination) != (before.display, chosen):
            return False
        is_shown = page.update_analysis(finding.analysis)
        if is_shown:
            self._shown = (finding, chosen)
        return is_shown

    def _rebuild(self, case: Case, finding: Finding) -> None:
        bar = self._scroll.verticalScrollBar()
        place = bar.value() if bar is not None else 0
        self._show_finding(case, finding)
        page = self.page
        if bar is not None and page is not None:
            # The new page is laid out only later, when its height is asked for.
            self._scroll.settle()
            bar.setValue(place)

    def _define(self, measurement: Measurement) -> None:
        if self._definition is None:
            self._definition = DefinitionView(self)
        self._definition.show_measure(measurement)

    def _put(self, page: QWidget | None) -> None:
        self.finish_typing()
        self._page_case = self._case
        self._scroll.show_page(page)

    def _empty_page(self) -> QWidget:
        page, column = _new_page()
        column.addWidget(wrapped_label("Results appear here", "headline"))
        column.addWidget(
            wrapped_label(
                "Open an image and it is analysed at once: the finding in words, the numbers "
                "behind it, and what the model can and cannot do.",
                "muted",
            )
        )
        button = QPushButton("Open image…")
        button.clicked.connect(self.open_requested)
        column.addWidget(button)
        column.addStretch(1)
        return page

    def _bare_page(self, case: Case) -> QWidget:
        page, column = _new_page()
        if case.status is CaseStatus.FAILED and case.message is not None:
            column.addWidget(Strip("danger", case.message.sentence, case.message.advice))
            self._add_retry(case, column)
        elif not _is_waiting(case):
            column.addWidget(wrapped_label(NO_RESULT[case.status], "headline"))
            self._add_retry(case, column)
        else:
            waiting = _WaitingPage()
            waiting.show_case(case)
            return waiting
        column.addStretch(1)
        return page

    def _add_retry(self, case: Case, column: QVBoxLayout) -> None:
        is_first = case.status is CaseStatus.OPENED
        again = QPushButton("Analyse" if is_first else "Analyse again")
        again.setToolTip(f"{again.text()} (F5)")
        again.clicked.connect(self.again_requested)
        column.addWidget(again)
        column.addWidget(wrapped_label("Analyse it as", "muted"))
        choice = ImageTypeChoice(case.wanted_examination)
        choice.examination_chosen.connect(self.examination_chosen)
        column.addWidget(choice)


class _WaitingPage(QWidget):
    """What is said of a case whose result is still to come; one page serves all of them in turn."""

    def __init__(self) -> None:
        super().__init__()
        column = _column_of(self)
        self._title, self._note = wrapped_label("", "headline"), wrapped_label("", "muted")
        column.addWidget(self._title)
        column.addWidget(self._note)
        column.addStretch(1)

    def show_case(self, case: Case) -> None:
        """Say whether a case is analysed or waits, and how far it is."""
        self._title.setText("Analysing…" if case.status is CaseStatus.RUNNING else "Queued")
        self._note.setText(progress_text(case))


def _is_waiting(case: Case) -> bool:
    is_failed = case.status is CaseStatus.FAILED and case.message is not None
    return not is_failed and case.status not in NO_RESULT


def _new_page() -> tuple[QWidget, QVBoxLayout]:
    page = QWidget()
    return page, _column_of(page)


def _column_of(page: QWidget) -> QVBoxLayout:
    page.setObjectName("resultsPage")
    column = QVBoxLayout(page)
    column.setContentsMargins(14, 14, 14, 12)
    column.setSpacing(10)
    return column
