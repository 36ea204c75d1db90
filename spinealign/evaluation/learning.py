"""The learning curve of a model: how good it was with fewer patients to learn from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from spinealign.evaluation.intervals import Figure

KEY: Final = "learning_curve"
"""In the figures of a model's card."""

SHOWN: Final = ("auc", "balanced_accuracy")
"""Figures of a learning curve; the first of them is drawn."""

_ENDS: Final = ("value", "low", "high")


@dataclass(frozen=True)
class LearningPoint:
    """How good a model was that learned from so many patients.

    Parameters
    ----------
    patients, pictures : int
        It learned from; on average over the folds of a cross-validation.
    share : float
        Of all patients that a fold leaves to learn from, 0..1.
    figures : mapping of str to Figure
        On patients that it did not learn from, with 95 % intervals by patient.
    """

    patients: int
    pictures: int
    share: float
    figures: Mapping[str, Figure]


def as_metrics(points: Sequence[LearningPoint]) -> dict[str, Any]:
    """Return a learning curve as figures of a card, by how many patients were learned from."""
    return {
        f"{point.patients} patients": {
            "share": round(point.share, 4),
            "pictures": point.pictures,
            **{
                name: {
                    end: round(getattr(figure, end), 4) if math.isfinite(getattr(figure, end))
                    else None
                    for end in _ENDS
                }
                for name, figure in point.figures.items()
            },
        }
        for point in points
    }  # fmt: skip


def points_of(metrics: Mapping[str, Any]) -> tuple[LearningPoint, ...]:
    """Return the learning curve among the figures of a card, fewest patients first.

    What a person wrote there and is none is left out.
    """
    told = metrics.get(KEY)
    if not isinstance(told, Mapping):
        return ()
    found = (_point(str(name), values) for name, values in told.items())
    return tuple(sorted((p for p in found if p is not None), key=lambda point: point.patients))


def _point(name: str, values: Any) -> LearningPoint | None:
    count = name.partition(" ")[0]
    if not isinstance(values, Mapping) or not count.isdecimal() or not int(count):
        return None
    figures = {key: _figure(values[key]) for key in SHOWN if isinstance(values.get(key), Mapping)}
    share, pictures = _number(values.get("share")), _number(values.get("pictures"))
    if not figures or math.isnan(share) or math.isnan(pictures):
        return None
    return LearningPoint(int(count), int(pictures), share, figures)


def _figure(values: Mapping[str, Any]) -> Figure:
    return Figure(*(_number(values.get(end)) for end in _ENDS))


def _number(value: Any) -> float:
    """Return a finite number, or NaN for anything else that a person may have written."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return math.nan
    return float(value)
