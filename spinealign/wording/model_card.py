"""A model card in words: what the model does, was trained on, was measured by, and fails at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from spinealign.domain.findings import ModelIdentity
from spinealign.domain.model_card import ModelCard
from spinealign.wording.examinations import examination_label, kind_label
from spinealign.wording.measures import change_factor_lines, factor_lines
from spinealign.wording.models import TASK_WORDS
from spinealign.wording.text import UNKNOWN_FIGURE, listed, safe_text

BACKGROUND = "background"
"""Class of all that is not outlined, by its name in cards."""

ALL_IMAGES = "All images"
VERSION_CAPTION = "Version and status"
LIMITS_CAPTION = "How to read the results"
TASK_CAPTION = "Task"
CLASSES_CAPTION = "Answers"
CHECKSUM_CAPTION, CHECKSUM_NAME = "Checksum (SHA-256)", "Checksum"
ENGINE_CAPTION = "Engine"
FIGURES_CAPTION = "Held-out figures"
CI_MARK = "(95 % CI "
NOT_CALIBRATED = "probabilities are not calibrated"
CALIBRATED = "probabilities are calibrated on held-out cases"


def task_text(card: ModelCard) -> str:
    """Return what a model does, as in a column of a list."""
    words = TASK_WORDS[card.task]
    return words[0].upper() + words[1:]


def kinds_text(card: ModelCard) -> str:
    """Return the kinds of image that a model is for, as in a column of a list."""
    kinds = [examination_label(kind.examination) for kind in card.examinations]
    return ", ".join([*kinds, *map(kind_label, card.image_kinds)]) or ALL_IMAGES


def version_text(version: str, status: str) -> str:
    """Return a model's version and how far it was tested."""
    return safe_text(f"{version}, {status}")


def status_title(status: str) -> str:
    """Return how far a model was tested, as a title."""
    return f"{status.upper()} MODEL"


def answered_text(model: ModelIdentity) -> str:
    """Return which model made a result, and its limits."""
    return safe_text(f"Answered by {model.title}, version {model.version}. {model.limits}")


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


def key_figures(card: ModelCard, most: int = 8) -> tuple[str, ...]:
    """Return the first held-out figures of a card that have a confidence interval, a line each."""
    lines = (line for line in metric_lines(card.metrics) if CI_MARK in line)
    return tuple(islice(lines, most))


def card_sections(card: ModelCard, has_figures: bool = True) -> tuple[tuple[str, str], ...]:
    """Return captions of the long form of a card, each with its text of one or more lines.

    Parts of which the card says nothing are left out, and the figures where they are not wanted.
    """
    sections = (
        ("Intended use", card.intended_use),
        ("Training data", card.training_data),
        (FIGURES_CAPTION, "\n".join(metric_lines(card.metrics)) if has_figures else ""),
        ("95 % intervals on films kept aside", "\n".join(factor_lines(card.interval_factors))),
        (
            "Errors of a change between two examinations",
            "\n".join(change_factor_lines(card.change_factors)),
        ),
        ("Known failures", "\n".join(f"• {item}" for item in card.known_failures)),
        ("Licence", card.licence),
    )
    return tuple((caption, _safe_lines(text)) for caption, text in sections if text)


def task_sections(card: ModelCard) -> tuple[tuple[str, str], ...]:
    """Return captions and texts that say what a model does, and what its answers are called."""
    task = f"{task_text(card)}; for: {kinds_text(card)}"
    rows, columns = card.input_shape
    named = [name for name in card.classes if name != BACKGROUND]
    answers = listed([_words(name) for name in named])
    if card.task == "classification" and card.threshold is not None:
        positive = _words(str(card.positive_class))
        state = CALIBRATED if card.calibrated else NOT_CALIBRATED
        answers += f"; “{positive}” is reported from {card.threshold:.2f} on; {state}"
    if card.label_rules:
        told = [
            f"{_words(name)} from {rule.threshold:.2f} on (in {100 * rule.prevalence:.0f} % of the "
            "pictures that it learned from)"
            for name, rule in sorted(
                card.label_rules.items(), key=lambda each: card.classes.index(each[0])
            )
        ]
        answers = f"{listed(told)}; {CALIBRATED if card.calibrated else NOT_CALIBRATED}"
    if card.task == "ordinal":
        state = CALIBRATED if card.calibrated else NOT_CALIBRATED
        answers = f"{' < '.join(_words(name) for name in card.classes)}; {state}"
    if card.landmarks is not None:
        answers += f"; sure from a confidence of {card.landmarks.trusted_peak:.2f} on"
    return (
        (TASK_CAPTION, f"{task}; sees {rows} × {columns} pixels"),
        (CLASSES_CAPTION, answers),
    )


def _with_interval(figures: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    """Join a value with the ends of its confidence interval, which cards keep beside it."""
    if not {"value", "low", "high"} <= figures.keys():
        return None, figures
    value, low, high = (_figure(figures[key]) for key in ("value", "low", "high"))
    if figures["low"] is None or figures["high"] is None:
        low, high = "", ""
    rest = {k: v for k, v in figures.items() if k not in ("value", "low", "high", "units")}
    units = f"; {figures['units']} independent units" if "units" in figures else ""
    if not low:
        return f"{value if figures['value'] is not None else UNKNOWN_FIGURE}", rest
    return f"{value} {CI_MARK}{low} to {high}{units})", rest


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, (list, tuple)):
        separator = " / " if any(isinstance(item, (list, tuple)) for item in value) else ", "
        return separator.join(_figure(item) for item in value)
    return safe_text(str(value))


def _words(key: str) -> str:
    return safe_text(str(key).replace("_", " "))


def _safe_lines(text: str) -> str:
    return "\n".join(safe_text(line) for line in text.splitlines())
