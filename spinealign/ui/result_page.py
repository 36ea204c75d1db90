"""One result, from the finding in words down to the seconds it took."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.findings import Analysis, Caution, ModelIdentity, WarningCode
from spinealign.domain.image import View
from spinealign.domain.model_card import ModelCard
from spinealign.ui.finding_text import view_line
from spinealign.ui.icons import icon
from spinealign.ui.labels import Fold, rule, wrapped_label
from spinealign.ui.model_card_view import ModelCardView, status_strip
from spinealign.ui.probability_bars import ProbabilityBars
from spinealign.ui.region_table import RegionTable
from spinealign.ui.theme import Colours
from spinealign.ui.work import Finding
from spinealign.wording import (
    caution_text,
    headline,
    measurement_text,
    safe_text,
    size_text,
    spacing_text,
)

VIEW_CHOICES: tuple[tuple[str, View | None], ...] = (
    ("Automatic", None),
    ("X-ray", View.XRAY),
    ("CT", View.CT),
    ("MR", View.MR),
)


class ViewChoice(QComboBox):
    """Lets the user overrule what kind of image this is."""

    view_chosen = pyqtSignal(object)

    def __init__(self, chosen: View | None) -> None:
        super().__init__()
        self.setAccessibleName("View")
        self.setToolTip("Overrule what kind of image this is and analyse it again")
        for text, view in VIEW_CHOICES:
            self.addItem(text, view)
        self.setCurrentIndex([view for _, view in VIEW_CHOICES].index(chosen))
        self.activated.connect(lambda row: self.view_chosen.emit(VIEW_CHOICES[row][1]))

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Leave the wheel to the panel: scrolling must not start an analysis."""
        if event is not None:
            event.ignore()


class ResultPage(QWidget):
    """All that one analysis found.

    Parameters
    ----------
    finding : Finding
        What to show.
    chosen_view : View or None
        The user's choice, None for automatic.
    open_folds : set of str
        Titles of the sections that the user keeps open; changed in place.
    """

    view_chosen = pyqtSignal(object)
    highlighted = pyqtSignal(object)

    def __init__(
        self,
        finding: Finding,
        chosen_view: View | None,
        colours: Colours,
        open_folds: set[str],
    ) -> None:
        super().__init__()
        self.setObjectName("resultsPage")
        self._finding = finding
        self._colours = colours
        self._open_folds = open_folds
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(14, 12, 14, 12)
        self._column.setSpacing(10)
        self._add_headline(finding.analysis)
        self._add_view(finding.analysis, chosen_view)
        self._add_probabilities(finding.analysis)
        self._add_regions(finding)
        self._add_measurements(finding.analysis)
        self._add_cautions(finding.analysis)
        self._add_image_facts(finding.analysis)
        self._add_models(finding)
        self._add_timings(finding.analysis)
        self._column.addStretch(1)

    def _add_headline(self, analysis: Analysis) -> None:
        title = wrapped_label(headline(analysis), "headline")
        title.setAccessibleName(f"Finding: {title.text()}")
        self._column.addWidget(title)
        # The view gate only chose the way; its card stands below with the others.
        for answer in (analysis.segmentation, analysis.classification):
            if answer is not None:
                self._column.addWidget(status_strip(answer.model))

    def _add_view(self, analysis: Analysis, chosen: View | None) -> None:
        line = view_line(analysis)
        words = wrapped_label(line[0].upper() + line[1:])
        choice = ViewChoice(chosen)
        choice.view_chosen.connect(self.view_chosen)
        caption = QLabel("&View")
        caption.setBuddy(choice)
        caption.setProperty("kind", "section")
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(caption)
        row.addWidget(words, 1)
        row.addWidget(choice)
        self._column.addWidget(rule())
        self._column.addLayout(row)

    def _add_probabilities(self, analysis: Analysis) -> None:
        if analysis.classification is not None:
            self._section("Probabilities")
            self._column.addWidget(ProbabilityBars(analysis.classification, self._colours))

    def _add_regions(self, finding: Finding) -> None:
        if not finding.analysis.regions:
            return
        table = RegionTable(finding.analysis.regions, finding.overlay.colours)
        table.highlighted.connect(self.highlighted)
        self._section("Structures", "Copy table", table.copy)
        self._column.addWidget(table)

    def _add_measurements(self, analysis: Analysis) -> None:
        if not analysis.measurements:
            return
        self._section("Measurements")
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        for row, measurement in enumerate(analysis.measurements):
            kind = "" if measurement.is_measurable else "muted"
            value = wrapped_label(measurement_text(measurement), kind)
            value.setToolTip(safe_text(measurement.method))
            grid.addWidget(wrapped_label(safe_text(measurement.name)), row, 0)
            grid.addWidget(value, row, 1)
        self._column.addLayout(grid)

    def _add_cautions(self, analysis: Analysis) -> None:
        # The strip on top says what a demonstration model is; once is enough.
        shown = [c for c in analysis.cautions if c.code is not WarningCode.DEMONSTRATION_MODEL]
        if shown:
            self._section("Please note")
        for caution in shown:
            self._column.addLayout(self._caution_row(caution))

    def _caution_row(self, caution: Caution) -> QHBoxLayout:
        picture = QLabel()
        is_note = caution.code is WarningCode.READER_NOTE
        name, colour = (
            ("info", self._colours.muted) if is_note else ("caution", self._colours.warning)
        )
        side = self.fontMetrics().height() + 2
        picture.setPixmap(icon(name, colour).pixmap(side, side))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(wrapped_label(caution_text(caution)), 1)
        return row

    def _add_image_facts(self, analysis: Analysis) -> None:
        image = analysis.image
        self._section("Image")
        kind = ", ".join(safe_text(part) for part in (image.file_format, image.modality) if part)
        lines = [f"{size_text(image)}{f', {kind}' if kind else ''}"]
        spacing = spacing_text(image)
        lines.append(f"Pixel spacing {spacing}" if image.spacing_mm is not None else spacing)
        self._column.addWidget(wrapped_label("\n".join(lines)))

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

    def _section(self, title: str, button: str = "", act: Callable[[], None] | None = None) -> None:
        row = QHBoxLayout()
        row.addWidget(wrapped_label(title, "section"), 1)
        if act is not None:
            push = QPushButton(button)
            push.setProperty("quiet", "true")
            push.clicked.connect(lambda: act())
            row.addWidget(push)
        self._column.addWidget(rule())
        self._column.addLayout(row)

    def _fold(self, title: str, content: QWidget) -> None:
        fold = Fold(title, content, title in self._open_folds)
        remember = self._open_folds.add
        forget = self._open_folds.discard
        fold.toggled.connect(lambda is_open: (remember if is_open else forget)(title))
        self._column.addWidget(rule())
        self._column.addWidget(fold)


def _card_of(model: ModelIdentity, cards: tuple[ModelCard, ...]) -> ModelCard | None:
    same = (card for card in cards if (card.name, card.sha256) == (model.name, model.sha256))
    return next(same, None)
