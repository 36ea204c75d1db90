"""What a training or packaging brought, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import ModelCard
from spinealign.wording.landmarks import NO_MEASURES
from spinealign.wording.text import UNKNOWN_FIGURE, safe_text

_PARTS: Final = {
    "held_out": "Held out", "cross_validation": "Cross-validated", "training": "Learned from",
}  # fmt: skip
_FIGURES: Final = {
    "auc": "AUC", "sensitivity": "sensitivity", "specificity": "specificity",
    "accuracy": "accuracy", "kappa_quadratic": "quadratic-weighted kappa",
    "within_one_grade": "within one grade", "mean_grade_error": "mean error in grades",
}  # fmt: skip

CHANCE_AUC: Final = 0.5
"""Area under the curve of answers that know nothing. Source: its definition."""

_OF_POINTS: Final = {
    "error_mm": "mean error in mm", "error_px": "mean error in pixels", "found": "points found",
}  # fmt: skip


def trained_lines(card: ModelCard, out: Path, results: Path | None) -> list[str]:
    """Return figures, status and its reason, where files are, and what to do next.

    Parameters
    ----------
    card : ModelCard
    out : Path
        The model folder.
    results : Path or None
        Where curve, predictions and Keras model are; None if nothing was trained.
    """
    place = safe_text(str(out))
    lines = [
        _part_text(what, card.metrics[part])
        for part, what in _PARTS.items()
        if isinstance(card.metrics.get(part), Mapping)
    ]
    lines += [said] if (said := chance_text(card.metrics)) else []
    lines.append(f"Status: {card.status}. {card.limits}")
    if results is not None:
        lines.append(f"Curve, predictions and Keras model: {safe_text(str(results))}")
    lines.append(f"Model folder with its card: {place} ({card.sha256[:12]})")
    is_shown = (
        card.task in ("classification", "multi_label", "ordinal")
        and card.status is ModelStatus.DEMONSTRATION
    )
    asked = " --demonstration" if is_shown else ""
    lines += [NO_MEASURES] if card.task == "landmarks" else []
    return [
        *lines,
        "Next, on patients that no training saw:",
        f"  spinealign evaluate {place} DATA",
        f"  spinealign analyze IMAGE --out results --model {place}{asked}",
    ]


def chance_text(metrics: Mapping[str, Any]) -> str:
    """Return that a classifier did no better than chance in cross-validation, or ""."""
    crossed = metrics.get("cross_validation")
    figure = crossed.get("auc") if isinstance(crossed, Mapping) else None
    if not isinstance(figure, Mapping) or not isinstance(figure.get("low"), int | float):
        return ""
    if figure["low"] > CHANCE_AUC:
        return ""
    return (
        "In cross-validation it was not shown to tell the classes apart better than chance: AUC "
        f"{_figure_text(figure)}; a better figure on few held-out pictures may be luck."
    )


def _part_text(what: str, figures: Mapping[str, Any]) -> str:
    dice = figures.get("dice", {})
    told = {f"Dice of {safe_text(name)}": each for name, each in dice.items()}
    told |= {name: figures[key] for key, name in _OF_POINTS.items() if key in figures}
    for name, of_label in figures.get("labels", {}).items():
        told |= {f"AUC of {safe_text(name)}": of_label["auc"]} if "auc" in of_label else {}
    told |= {word: figures[name] for name, word in _FIGURES.items() if name in figures}
    count = figures.get("images", figures.get("slices", 0))
    pictures = "1 picture" if count == 1 else f"{count:,} pictures"
    shown = [f"{name} {_figure_text(each)}" for name, each in told.items()]
    return f"{what}, {pictures}: {', '.join(shown)} (95 % intervals)"


def _figure_text(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return UNKNOWN_FIGURE
    if figure["low"] is None:
        return f"{figure['value']:.2f}"
    return f"{figure['value']:.2f} ({figure['low']:.2f} to {figure['high']:.2f})"
