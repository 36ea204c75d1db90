"""One result, from the finding in words down to the seconds it took."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QWheelEvent
from PyQt6.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.curve_pattern import pattern_of
from spinealign.domain.examination import EXAMINATIONS, Examination
from spinealign.domain.findings import Analysis, Caution, ModelIdentity, WarningCode
from spinealign.domain.model_card import ModelCard
from spinealign.ui.cases.jobs import Finding
from spinealign.ui.reading.case_readings import CaseReadings
from spinealign.ui.reading.reading_page import ReadingPage, is_readable
from spinealign.ui.results.disc_model import DiscChoice
from spinealign.ui.results.disc_section import DiscSection
from spinealign.ui.results.measure_model import MeasureChoices
from spinealign.ui.results.measure_tree import MeasureTable
from spinealign.ui.results.model_card_view import ModelCardView, answering_strip
from spinealign.ui.results.point_table import PointTable
from spinealign.ui.results.probability_bars import GradeBars, LabelBars, ProbabilityBars
from spinealign.ui.results.refusal import RefusalBox
from spinealign.ui.results.region_table import RegionTable
from spinealign.ui.widgets.chunked_fill import ChunkedFill
from spinealign.ui.widgets.icons import icon
from spinealign.ui.widgets.labels import Fold, offer, rule, wrapped_label
from spinealign.ui.widgets.theme import Colours
from spinealign.wording import (
    caution_text,
    demonstration_text,
    examination_label,
    headline,
    is_demonstration,
    kind_check_text,
    safe_text,
    size_text,
    spacing_text,
)
from spinealign.wording.alignment import alignment_sentences
from spinealign.wording.curve_pattern import pattern_notes
from spinealign.wording.discs import disc_doubt_lines
from spinealign.wording.finding_text import examination_line, measures_text
from spinealign.wording.labels import FINDINGS_TITLE, GRADE_TITLE
from spinealign.wording.model_manager import CANDIDATE_FAILED, candidate_text, candidate_title
from spinealign.wording.points import COPY, COPY_TIP, POINTS_TITLE, SAVE, SAVE_TIP, points_note
from spinealign.wording.reading import directions_text, side_text

DOUBTS = "Uncertain disc grades"
CURVE_NOTES = "Sides, types and severity of curves"
"""Heading of what the headline leaves out."""

MEASURES, ALL_FIGURES, DISCS, POINTS = "measurements", "json", "discs", "points"
"""Kinds of results that sections of the page save."""

DETAILS = "Details"
"""Section of everything that is no finding of the reading page."""

EXAMINATION_CHOICES: tuple[tuple[str, Examination | None], ...] = (
    ("Automatic", None),
    *((examination_label(each), each) for each in EXAMINATIONS.values()),
)


class ImageTypeChoice(QComboBox):
    """Lets the user override the image type."""

    examination_chosen = pyqtSignal(object)

    def __init__(self, chosen: Examination | None) -> None:
        super().__init__()
        self.setAccessibleName("Image type")
        self.setToolTip("Override the image type and analyse the image again")
        for text, examination in EXAMINATION_CHOICES:
            self.addItem(text, examination)
        self.setCurrentIndex([each for _, each in EXAMINATION_CHOICES].index(chosen))
        self.activated.connect(
            lambda row: self.examination_chosen.emit(EXAMINATION_CHOICES[row][1])
        )

    def event(self, event: QEvent | None) -> bool:
        """Keep typed letters: here they choose a kind, in the rest of the window tools."""
        is_claim = event is not None and event.type() == QEvent.Type.ShortcutOverride
        if is_claim and isinstance(event, QKeyEvent) and event.text().isalpha():
            event.accept()
            return True
        return super().event(event)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Leave the wheel to the panel: scrolling must not start an analysis."""
        if event is not None:
            event.ignore()


class ResultPage(QWidget):
    """All that one analysis found; the sections below the headline follow one by one.

    Parameters
    ----------
    finding : Finding
        What to show.
    chosen_examination : Examination or None
        The user's choice, None for automatic.
    open_folds : set of str
        Titles of the sections that the user keeps open; changed in place.
    choices : MeasureChoices
        Which measures are drawn on the picture; changed in place.
    disc_choice : DiscChoice
        Which disc is looked at; changed in place.
    readings : CaseReadings
        Of an image that is read the page begins with its reading, and all else is folded.
    """

    examination_chosen = pyqtSignal(object)
    highlighted = pyqtSignal(object)
    measure_toggled = pyqtSignal(object, bool)
    measure_selected = pyqtSignal(object)
    placing_wanted = pyqtSignal(object)
    corners_confirmed = pyqtSignal(object)
    definition_requested = pyqtSignal(object)
    save_requested = pyqtSignal(str)
    disc_selected = pyqtSignal(object)
    levels_shifted = pyqtSignal(int)
    turn_requested = pyqtSignal()
    demonstration_requested = pyqtSignal()
    suggestions_accepted = pyqtSignal()
    filled = pyqtSignal()
    """All of it is there and seen."""

    def __init__(
        self,
        finding: Finding,
        chosen_examination: Examination | None,
        colours: Colours,
        open_folds: set[str],
        choices: MeasureChoices,
        disc_choice: DiscChoice,
        readings: CaseReadings,
    ) -> None:
        super().__init__()
        self.setObjectName("resultsPage")
        self._analysis = finding.analysis
        self._colours = colours
        self._open_folds = open_folds
        self._choices = choices
        self._image_type: ImageTypeChoice | None = None
        self._refusal: RefusalBox | None = None
        self._why_locked = ""
        self.discs: DiscSection | None = None
        self.measures: MeasureTable | None = None
        self._is_whole = False
        self.reading: ReadingPage | None = None
        self._details: Fold | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(14, 12, 14, 12)
        self._column.setSpacing(10)
        if is_readable(finding.analysis):
            self._begin_with_reading(finding.analysis, readings)
        self._add_headline(finding.analysis)
        self._add_refusal(finding.analysis)
        # What a demonstration says must be known before it is read; else findings come first.
        parts: list[Callable[[Analysis], None]] = [
            self._add_status,
            partial(self._add_discs, choice=disc_choice),
        ]
        if not is_demonstration(finding.analysis.without_demonstration):
            parts.reverse()
        sections: list[Callable[[Analysis], None]] = [
            self._add_probabilities,
            self._add_picture_answers,
            *parts,
            self._add_measurements,
            partial(self._add_image_type, chosen=chosen_examination),
            self._add_points,
            self._add_demonstration,
            lambda analysis: self._add_regions(finding),
            self._add_cautions,
            self._add_image_facts,
            lambda analysis: self._add_candidates(finding),
            lambda analysis: self._add_models(finding),
            self._add_timings,
            lambda analysis: self._column.addStretch(1),
        ]
        # What is seen of it is seen at once, not section by section.
        self._hidden: QWidget = self._column.parentWidget() or self
        self._hidden.hide()
        self._rest = ChunkedFill([partial(add, finding.analysis) for add in sections], self)
        self._rest.filled.connect(self._show_whole)

    @property
    def is_filling(self) -> bool:
        """Whether it is not to be seen yet, as sections are still missing."""
        return self._hidden is self and not self._rest.is_filled

    @property
    def is_new(self) -> bool:
        """Whether nothing was added to it yet but what stands above all sections."""
        return not self._rest.is_begun

    def hold(self) -> None:
        """Add no section until `go_on`: it is not where it will be seen yet."""
        self._rest.hold()

    def go_on(self) -> None:
        """Add the sections."""
        self._rest.go_on()

    def fill_first(self, step: Callable[[], object]) -> None:
        """Do something before the sections are added."""
        self._rest.put_first(step)

    def _show_whole(self) -> None:
        self._hidden.setVisible(self._details is None or self._details.is_open)
        self.filled.emit()

    def finish(self) -> None:
        """Add all that was not added yet, at once."""
        self._rest.finish()
        if self.isVisible() and not self._is_whole:
            self._is_whole = True
            # Qt would show what is added to a visible page only when it comes to it.
            direct = Qt.FindChildOption.FindDirectChildrenOnly
            holder = self._column.parentWidget() or self
            for part in holder.findChildren(QWidget, options=direct):
                if not part.testAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide):
                    part.show()
            self._column.activate()

    def update_analysis(self, analysis: Analysis) -> bool:
        """Show what a correction changed, without making the page anew.

        Returns
        -------
        bool
            False if other things changed than can be shown in place; nothing was done then.
        """
        if _fixed_parts(analysis) != _fixed_parts(self._analysis):
            return False
        self.finish()
        before, self._analysis = self._analysis, analysis
        self._show_words(analysis)
        if self.discs is not None:
            self.discs.set_analysis(analysis)
        if self.measures is not None:
            self.measures.set_measurements(analysis.measurements)
        if analysis.cautions != before.cautions:
            self._show_cautions(analysis)
        if self.reading is not None:
            self.reading.show_analysis(analysis)
        if self._refusal is not None:
            self._refusal.show_turn(analysis)
        return True

    def lock_image_type(self, reason: str) -> None:
        """Let the kind be changed, or say why it cannot be."""
        self._why_locked = reason
        if self._image_type is not None:
            offer(self._image_type, reason)

    def copy_measures(self) -> None:
        """Put the measures on the clipboard as text."""
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(measures_text(self._analysis))

    def _begin_with_reading(self, analysis: Analysis, readings: CaseReadings) -> None:
        """Put the reading first, and let all other sections follow under the details."""
        self.reading = ReadingPage(readings, self._colours, self._open_folds)
        self.reading.show_analysis(analysis)
        details = QWidget()
        below = QVBoxLayout(details)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(self._column.spacing())
        below.addWidget(self.reading.overruled)
        self._column.addWidget(self.reading)
        self._details = self._fold(DETAILS, details)
        self._column.addStretch(1)
        self._column = below

    def _add_headline(self, analysis: Analysis) -> None:
        self._title = wrapped_label("", "headline")
        self._alignment = wrapped_label("")
        self._column.addWidget(self._title)
        self._column.addWidget(self._alignment)
        self._doubts = wrapped_label("")
        self._doubts_fold = Fold(DOUBTS, self._doubts)
        self._column.addWidget(self._doubts_fold)
        self._curve_notes = wrapped_label("")
        self._curve_fold = Fold(CURVE_NOTES, self._curve_notes)
        self._column.addWidget(self._curve_fold)
        self._show_words(analysis)

    def _add_refusal(self, analysis: Analysis) -> None:
        if analysis.is_refused:
            self._refusal = box = RefusalBox(analysis, self._colours)
            box.examination_chosen.connect(self.examination_chosen)
            box.turn_requested.connect(self.turn_requested)
            self._column.addWidget(box)

    def _add_status(self, analysis: Analysis) -> None:
        # The gate only chose the kind; its card stands below with the others.
        analysis = analysis.without_demonstration
        answers = (
            analysis.segmentation, analysis.classification, analysis.labelled,
            analysis.picture_grade, analysis.located,
        )  # fmt: skip
        models = [answer.model for answer in answers if answer is not None]
        for model in (*models, analysis.disc_model):
            if model is not None:
                self._column.addWidget(answering_strip(model))

    def _show_words(self, analysis: Analysis) -> None:
        finding, alignment = headline(analysis), alignment_sentences(analysis)
        for label, text in ((self._title, finding), (self._alignment, alignment)):
            if label.text() != text:
                label.setText(text)
        self._title.setAccessibleName(f"Finding: {finding}")
        self._alignment.setVisible(bool(alignment))
        doubts = disc_doubt_lines(analysis.discs)
        self._doubts.setText("\n".join(doubts))
        self._doubts_fold.set_title(f"{DOUBTS} ({len(doubts)})")
        self._doubts_fold.setVisible(bool(doubts))
        pattern = pattern_of(analysis)
        notes = [] if pattern is None else pattern_notes(pattern)
        self._curve_notes.setText("\n".join(notes))
        self._curve_fold.setVisible(bool(notes))

    def _add_discs(self, analysis: Analysis, choice: DiscChoice) -> None:
        if not analysis.discs:
            return
        self.discs = DiscSection(analysis, choice, self._colours)
        self.discs.disc_selected.connect(self.disc_selected)
        self.discs.levels_shifted.connect(self.levels_shifted)
        self._section(
            "Intervertebral discs",
            ("CSV…", "Save the discs as a table", lambda: self.save_requested.emit(DISCS)),
        )
        self._column.addWidget(self.discs)

    def _add_image_type(self, analysis: Analysis, chosen: Examination | None) -> None:
        line = examination_line(analysis)
        check = analysis.kind_check
        words = wrapped_label(line[0].upper() + line[1:])
        words.setToolTip("" if check is None else kind_check_text(check))
        self._image_type = choice = ImageTypeChoice(chosen)
        choice.examination_chosen.connect(self.examination_chosen)
        self.lock_image_type(self._why_locked)
        caption = QLabel("&Image type")
        caption.setBuddy(choice)
        caption.setProperty("kind", "section")
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(caption)
        row.addWidget(choice, 1)
        self._column.addWidget(rule())
        self._column.addLayout(row)
        self._column.addWidget(words)

    def _add_probabilities(self, analysis: Analysis) -> None:
        answer = analysis.without_demonstration.classification
        if answer is not None:
            self._section("Probabilities")
            self._column.addWidget(ProbabilityBars(answer, self._colours))

    def _add_picture_answers(self, analysis: Analysis) -> None:
        shown = analysis.without_demonstration
        if shown.labelled is not None:
            self._section(FINDINGS_TITLE)
            self._column.addWidget(LabelBars(shown.labelled, self._colours))
        if shown.picture_grade is not None:
            self._section(GRADE_TITLE)
            self._column.addWidget(GradeBars(shown.picture_grade, self._colours))

    def _add_points(self, analysis: Analysis) -> None:
        if analysis.located is None:
            return
        table = PointTable(analysis.located, analysis.image.spacing_mm)
        self._section(
            POINTS_TITLE,
            (COPY, COPY_TIP, table.copy),
            (SAVE, SAVE_TIP, lambda: self.save_requested.emit(POINTS)),
        )
        self._column.addWidget(table)
        self._column.addWidget(wrapped_label(points_note(analysis.located), "muted"))

    def _add_demonstration(self, analysis: Analysis) -> None:
        gone = analysis.demonstrations
        if gone:
            self._section("Demonstration, not for diagnosis")
            for model in gone:
                self._column.addWidget(answering_strip(model))
            self._column.addWidget(wrapped_label(demonstration_text(analysis)))
            if analysis.demonstration is not None:
                self._column.addWidget(ProbabilityBars(analysis.demonstration, self._colours))
            if analysis.labelled is not None and analysis.labelled.model in gone:
                self._column.addWidget(LabelBars(analysis.labelled, self._colours))
            if analysis.picture_grade is not None and analysis.picture_grade.model in gone:
                self._column.addWidget(GradeBars(analysis.picture_grade, self._colours))
        elif analysis.withheld is not None:
            self._section("Demonstration, not for diagnosis")
            self._column.addWidget(wrapped_label(safe_text(analysis.withheld.limits), "muted"))
            button = QPushButton("Show the demonstration classifier’s answer")
            button.setToolTip("Its answer is not part of the finding, the report or a reading")
            button.clicked.connect(lambda: self.demonstration_requested.emit())
            self._column.addWidget(button)

    def _add_regions(self, finding: Finding) -> None:
        if not finding.analysis.regions:
            return
        table = RegionTable(finding.analysis.regions, finding.overlay.colours)
        table.highlighted.connect(self.highlighted)
        self._section("Structures", ("Copy table", "Copy the table as text", table.copy))
        self._column.addWidget(table)

    def _add_measurements(self, analysis: Analysis) -> None:
        if not analysis.measurements:
            return
        self.measures = table = MeasureTable(self._choices, self._colours)
        table.set_measurements(analysis.measurements)
        table.measure_toggled.connect(self.measure_toggled)
        table.measure_selected.connect(self.measure_selected)
        table.placing_wanted.connect(self.placing_wanted)
        table.corners_confirmed.connect(self.corners_confirmed)
        table.definition_requested.connect(self.definition_requested)
        table.copy_requested.connect(self.copy_measures)
        self._section(
            "Measurements",
            ("Copy", "Copy the measures as text", self.copy_measures),
            ("CSV…", "Save the measures as a table", lambda: self.save_requested.emit(MEASURES)),
            ("JSON…", "Save all figures as JSON", lambda: self.save_requested.emit(ALL_FIGURES)),
        )
        self._column.addWidget(table)

    def _add_cautions(self, analysis: Analysis) -> None:
        self._cautions = QVBoxLayout()
        self._cautions.setSpacing(self._column.spacing())
        self._column.addLayout(self._cautions)
        self._show_cautions(analysis)

    def _show_cautions(self, analysis: Analysis) -> None:
        while (item := self._cautions.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        # The strip on top says what a demonstration model is; once is enough.
        cautions = analysis.without_demonstration.cautions
        shown = [c for c in cautions if c.code is not WarningCode.DEMONSTRATION_MODEL]
        if shown:
            self._cautions.addWidget(rule())
            self._cautions.addWidget(wrapped_label("Cautions", "section"))
        for caution in shown:
            self._cautions.addWidget(self._caution_row(caution))

    def _caution_row(self, caution: Caution) -> QWidget:
        picture = QLabel()
        is_note = caution.code is WarningCode.READER_NOTE
        name, colour = (
            ("info", self._colours.muted) if is_note else ("caution", self._colours.warning)
        )
        side = self.fontMetrics().height() + 2
        picture.setPixmap(icon(name, colour).pixmap(side, side))
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(wrapped_label(caution_text(caution)), 1)
        if caution.code is WarningCode.BODIES_SUGGESTED:
            row.addWidget(self._accept_button(), 0, Qt.AlignmentFlag.AlignTop)
        return holder

    def _accept_button(self) -> QPushButton:
        button = QPushButton("Accept all")
        button.setToolTip("Count all suggested bodies among the bodies")
        button.clicked.connect(lambda: self.suggestions_accepted.emit())
        return button

    def _add_image_facts(self, analysis: Analysis) -> None:
        image = analysis.image
        self._section("Image")
        kind = ", ".join(safe_text(part) for part in (image.file_format, image.modality) if part)
        lines = [f"{size_text(image)}{f', {kind}' if kind else ''}"]
        spacing = spacing_text(image)
        lines.append(f"Pixel spacing {spacing}" if image.spacing_mm is not None else spacing)
        lines += filter(None, (directions_text(image.orientation), side_text(image.laterality)))
        self._column.addWidget(wrapped_label("\n".join(lines)))

    def _add_candidates(self, finding: Finding) -> None:
        """Add what models that run in shadow find otherwise, each in a section that is closed."""
        texts = [(candidate_title(one), candidate_text(one)) for one in finding.candidates]
        if finding.candidate_problem:
            texts.append((CANDIDATE_FAILED, finding.candidate_problem))
        for title, text in texts:
            label = wrapped_label(text)
            label.setContentsMargins(8, 0, 0, 0)
            self._fold(title, label)

    def _add_models(self, finding: Finding) -> None:
        for model in finding.analysis.models:
            view = ModelCardView(model, _card_of(model, finding.cards))
            self._fold(f"Model card: {safe_text(model.title)}", view)

    def _add_timings(self, analysis: Analysis) -> None:
        if not analysis.seconds:
            return
        total = sum(analysis.seconds.values())
        lines = [f"{safe_text(name)}: {value:.2f} s" for name, value in analysis.seconds.items()]
        lines.append(f"together: {total:.2f} s")
        lines.append(f"SpineAlign {analysis.program_version}, {analysis.created_utc}")
        label = wrapped_label("\n".join(lines))
        label.setContentsMargins(8, 0, 0, 0)
        self._fold("Time taken", label)

    def _section(self, title: str, *buttons: tuple[str, str, Callable[[], None]]) -> None:
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(wrapped_label(title, "section"), 1)
        for text, tip, act in buttons:
            push = QPushButton(text)
            push.setToolTip(tip)
            push.setProperty("quiet", "true")
            push.clicked.connect(partial(_call, act))
            row.addWidget(push)
        self._column.addWidget(rule())
        self._column.addLayout(row)

    def _fold(self, title: str, content: QWidget) -> Fold:
        fold = Fold(title, content, title in self._open_folds)
        remember = self._open_folds.add
        forget = self._open_folds.discard
        fold.toggled.connect(lambda is_open: (remember if is_open else forget)(title))
        self._column.addWidget(rule())
        self._column.addWidget(fold)
        return fold


def _fixed_parts(analysis: Analysis) -> tuple[object, ...]:
    """Return what a page is built from and never changes in place."""
    return (
        analysis.examination, analysis.decided_by, analysis.kind_check, analysis.classification,
        analysis.labelled, analysis.picture_grade, analysis.located,
        analysis.regions, analysis.models, analysis.image.spacing_mm, analysis.image.spacing_source,
        bool(analysis.measurements), len(analysis.discs),
    )  # fmt: skip


def _call(act: Callable[[], None], _checked: bool) -> None:
    act()


def _card_of(model: ModelIdentity, cards: tuple[ModelCard, ...]) -> ModelCard | None:
    same = (card for card in cards if (card.name, card.sha256) == (model.name, model.sha256))
    return next(same, None)
