"""A model card for people: what the model is, was tested on, and fails at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import QLabel, QLineEdit, QVBoxLayout, QWidget

from spinealign.domain.findings import ModelIdentity, ModelStatus
from spinealign.domain.model_card import ModelCard
from spinealign.ui.widgets.labels import Strip, wrapped_label
from spinealign.wording import safe_text
from spinealign.wording.measures import change_factor_lines, factor_lines


def status_strip(model: ModelIdentity | ModelCard) -> Strip:
    """Return the coloured strip that says how far a model has been tested, and its limits."""
    tone = "warning" if model.status is ModelStatus.DEMONSTRATION else "info"
    return Strip(tone, f"{model.status.value.upper()} MODEL", safe_text(model.limits))


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
        _add(column, "Version and status", f"{model.version}, {model.status.value}")
        _add(column, "How to read the results", model.limits)
        if card is not None:
            _add_long_form(column, card)
        if isinstance(model, ModelIdentity):
            _add(column, "Engine", model.engine)
        column.addWidget(_caption("Checksum (SHA-256)"))
        column.addWidget(_checksum(model.sha256))


def metric_lines(metrics: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield nested figures as lines such as "dice, disc: 0.91 (95 % CI 0.90 to 0.92)"."""
    for key, value in metrics.items():
        name = f"{path}, {_words(key)}" if path else _words(key)
        if isinstance(value, Mapping):
            figure, rest = _with_interval(value)
            if figure is not None:
                yield f"{name}: {figure}"
            yield from metric_lines(rest, name)
        else:
            yield f"{name}: {_figure(value)}"


def _with_interval(figures: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    """Join a value with the ends of its confidence interval, which cards keep beside it."""
    if not {"value", "low", "high"} <= figures.keys():
        return None, figures
    value, low, high = (_figure(figures[key]) for key in ("value", "low", "high"))
    rest = {k: v for k, v in figures.items() if k not in ("value", "low", "high", "units")}
    units = f"; {figures['units']} independent units" if "units" in figures else ""
    return f"{value} (95 % CI {low} to {high}{units})", rest


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, (list, tuple)):
        separator = " / " if any(isinstance(item, (list, tuple)) for item in value) else ", "
        return separator.join(_figure(item) for item in value)
    return safe_text(str(value))


def _words(key: str) -> str:
    return safe_text(str(key).replace("_", " "))


def _add_long_form(column: QVBoxLayout, card: ModelCard) -> None:
    _add(column, "Intended use", card.intended_use)
    _add(column, "Training data", card.training_data)
    _add(column, "Held-out figures", "\n".join(metric_lines(card.metrics)))
    _add(
        column, "95 % intervals on films kept aside", "\n".join(factor_lines(card.interval_factors))
    )
    changes = change_factor_lines(card.change_factors)
    _add(column, "Errors of a change between two examinations", "\n".join(changes))
    _add(column, "Known failures", "\n".join(f"• {item}" for item in card.known_failures))
    _add(column, "Licence", card.licence)


def _add(column: QVBoxLayout, caption: str, text: str) -> None:
    if text:
        lines = "\n".join(safe_text(line) for line in text.splitlines())
        column.addWidget(_caption(caption))
        column.addWidget(wrapped_label(lines))
        column.addSpacing(5)


def _caption(text: str) -> QLabel:
    return wrapped_label(text, "muted")


def _checksum(sha256: str) -> QLineEdit:
    # A label would be as wide as the 64 digits; a field scrolls and can be copied.
    field = QLineEdit(sha256)
    field.setReadOnly(True)
    field.setCursorPosition(0)
    field.setAccessibleName("Checksum")
    return field
