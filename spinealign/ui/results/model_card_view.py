"""A model card for people: what the model is, was tested on, and fails at."""

from __future__ import annotations

from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import QLabel, QLineEdit, QVBoxLayout, QWidget

from spinealign.domain.findings import ModelIdentity, ModelStatus
from spinealign.domain.model_card import ModelCard
from spinealign.ui.widgets.labels import Strip, wrapped_label
from spinealign.wording import safe_text
from spinealign.wording.model_card import (
    CHECKSUM_CAPTION,
    CHECKSUM_NAME,
    ENGINE_CAPTION,
    LIMITS_CAPTION,
    VERSION_CAPTION,
    answered_text,
    card_sections,
    status_title,
    version_text,
)


def status_strip(model: ModelIdentity | ModelCard) -> Strip:
    """Return the coloured strip that says how far a model has been tested, and its limits."""
    return _strip(model, safe_text(model.limits))


def answering_strip(model: ModelIdentity) -> Strip:
    """Return the strip of the model that made a result: which one it is, too."""
    return _strip(model, answered_text(model))


def _strip(model: ModelIdentity | ModelCard, words: str) -> Strip:
    tone = "warning" if model.status is ModelStatus.DEMONSTRATION else "info"
    return Strip(tone, status_title(model.status.value), words)


class ModelCardView(QWidget):
    """All that a card says, each part below its caption.

    Parameters
    ----------
    model : ModelIdentity or ModelCard
        Which model; the identity alone is enough when its card is not at hand.
    card : ModelCard or None
        The long form.
    """

    def __init__(self, model: ModelIdentity | ModelCard, card: ModelCard | None) -> None:
        super().__init__()
        self._model, self._card = model, card
        self._is_filled = False

    def showEvent(self, event: QShowEvent | None) -> None:
        """Write the card when it is looked at: most of them never are."""
        if not self._is_filled:
            self._is_filled = True
            self._fill(self._model, self._card)
        super().showEvent(event)

    def _fill(self, model: ModelIdentity | ModelCard, card: ModelCard | None) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 2, 4, 6)
        column.setSpacing(2)
        add_part(column, VERSION_CAPTION, version_text(model.version, model.status.value))
        add_part(column, LIMITS_CAPTION, safe_text(model.limits))
        for caption, text in () if card is None else card_sections(card):
            add_part(column, caption, text)
        if isinstance(model, ModelIdentity):
            add_part(column, ENGINE_CAPTION, safe_text(model.engine))
        add_checksum(column, model.sha256)


def add_part(column: QVBoxLayout, caption: str, text: str) -> None:
    """Add a caption and what stands below it, already safe to show; nothing where that is empty."""
    if text:
        column.addWidget(_caption(caption))
        column.addWidget(wrapped_label(text))
        column.addSpacing(5)


def add_checksum(column: QVBoxLayout, sha256: str) -> None:
    """Add a checksum that can be copied."""
    # A label would be as wide as the 64 digits; a field scrolls and can be copied.
    field = QLineEdit(sha256)
    field.setReadOnly(True)
    field.setCursorPosition(0)
    field.setAccessibleName(CHECKSUM_NAME)
    column.addWidget(_caption(CHECKSUM_CAPTION))
    column.addWidget(field)


def _caption(text: str) -> QLabel:
    return wrapped_label(text, "muted")
