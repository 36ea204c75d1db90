"""The card of one model in words, as a column that scrolls."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel, QScrollArea, QVBoxLayout

from spinealign.domain.model_card import ModelCard
from spinealign.domain.model_store import ListedModel
from spinealign.ui.results.model_card_view import add_checksum, add_part, status_strip
from spinealign.ui.widgets.labels import Fold, WordsColumn, put_breakable, wrapped_label
from spinealign.wording.model_card import (
    FIGURES_CAPTION,
    VERSION_CAPTION,
    card_sections,
    key_figures,
    metric_lines,
    task_sections,
    version_text,
)
from spinealign.wording.model_manager import (
    ALL_FIGURES,
    CARD_PROBLEM,
    FILES_CAPTION,
    FOLDER_CAPTION,
    IN_USE_CAPTION,
    MODEL_CARD,
    NO_INTERVALS,
    SIGNATURE_CAPTION,
    UNITS_NOTE,
    files_text,
    folder_text,
    model_title,
    use_text,
)
from spinealign.wording.models import signature_text, unchecked_text
from spinealign.wording.text import as_sentence


class CardPane(QScrollArea):
    """Shows the card of the model that is chosen, or nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(MODEL_CARD)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.show_model(None)

    def show_model(self, model: ListedModel | None, files: Sequence[tuple[str, int]] = ()) -> None:
        """Show a card from its top."""
        page = WordsColumn(spacing=2)
        page.setObjectName("resultsPage")
        column = page.column
        column.setContentsMargins(14, 12, 14, 12)
        if model is not None:
            _fill(column, model, files)
        column.addStretch(1)
        self.setWidget(page)
        bar = self.verticalScrollBar()
        if bar is not None:
            bar.setValue(0)


def _fill(column: QVBoxLayout, model: ListedModel, files: Sequence[tuple[str, int]]) -> None:
    column.addWidget(wrapped_label(model_title(model), "headline"))
    column.addSpacing(6)
    if model.card is None:
        problem = CARD_PROBLEM.format(problem=as_sentence(model.card_problem))
        column.addWidget(wrapped_label(problem, "danger"))
        column.addSpacing(6)
    else:
        _add_card(column, model.card, model)
    add_part(column, SIGNATURE_CAPTION, as_sentence(_capital(signature_text(model.signature))))
    add_part(column, FILES_CAPTION, files_text(files))
    column.addWidget(wrapped_label(FOLDER_CAPTION, "muted"))
    folder = wrapped_label("")
    put_breakable(folder, folder_text(model.folder))
    column.addWidget(folder)
    column.addSpacing(5)
    if model.card is not None:
        add_checksum(column, model.card.sha256)


def _add_card(column: QVBoxLayout, card: ModelCard, model: ListedModel) -> None:
    column.addWidget(status_strip(card))
    column.addSpacing(6)
    if model.stated_status is not None:
        column.addWidget(wrapped_label(unchecked_text(model.stated_status), "warning"))
        column.addSpacing(6)
    add_part(column, VERSION_CAPTION, version_text(card.version, card.status.value))
    add_part(column, IN_USE_CAPTION, use_text(model))
    for caption, text in task_sections(card):
        add_part(column, caption, text)
    before, *after = card_sections(card, has_figures=False)
    add_part(column, *before)
    add_part(column, *after.pop(0))
    _add_figures(column, card)
    for caption, text in after:
        add_part(column, caption, text)


def _add_figures(column: QVBoxLayout, card: ModelCard) -> None:
    """Show the figures that have an interval; all of them wait below a heading."""
    add_part(column, FIGURES_CAPTION, "\n".join(key_figures(card)) or NO_INTERVALS)
    column.addWidget(wrapped_label(UNITS_NOTE, "muted"))
    lines = list(metric_lines(card.metrics))
    figures = wrapped_label("")
    fold = Fold(ALL_FIGURES.format(count=len(lines)), figures)
    fold.about_to_open.connect(lambda: _write(figures, lines))
    column.addWidget(fold)
    column.addSpacing(5)


def _write(label: QLabel, lines: list[str]) -> None:
    label.setText("\n".join(lines))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
