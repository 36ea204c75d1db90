"""Figures of a model card that cannot be: outside their interval, or no share though called one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

SHARES: Final = frozenset(
    {
        "accuracy", "auc", "average_precision", "balanced_accuracy", "dice", "exact", "f1",
        "precision", "recall", "sensitivity", "specificity", "within_one", "within_one_grade",
        "expected_calibration_error", "calibration_error",
    }
)  # fmt: skip
"""What lies between 0 and 1 by its definition, however it is measured."""

_BIASED: Final = ("calibration_error", "expected_calibration_error")
"""Mean distances, which chance makes larger: of patients drawn again they are larger still, and the
figure itself may lie below its interval."""


def require_possible(metrics: Mapping[str, Any]) -> None:
    """Refuse figures that nothing can have measured.

    A figure is an object ``{"value", "low", "high", "units"}``; without an interval `low` and
    `high` are null or missing. All other entries are whatever the maker says.

    Raises
    ------
    ValueError
        A value lies outside its interval, is none, is outside 0..1 though it is called a share, or
        has less than no independent unit.
    """
    _look(metrics, "metrics", "")


def _look(value: Any, place: str, name: str) -> None:
    if isinstance(value, list | tuple):
        for part in value:
            _look(part, place, "")
    if not isinstance(value, Mapping):
        _require_number(value, place, name)
        return
    if "value" in value:
        _require_figure(value, place, name)
        return
    for key, part in value.items():
        own = key.split("/")[0].removesuffix("_macro")
        # "dice": {"disc": {"value": ...}} is a Dice too, "dice": {"slices": 80} is none.
        is_inherited = own not in SHARES and isinstance(part, Mapping)
        _look(part, f"{place}.{key}", name if is_inherited else own)


def _require_figure(figure: Mapping[str, Any], place: str, name: str) -> None:
    low, value, high = (figure.get(end) for end in ("low", "value", "high"))
    for end in (value, low, high):
        _require_number(end, place, name)
    if _is_number(low) and _is_number(high) and low > high:
        raise ValueError(f"{place}: the interval from {low:g} to {high:g} is turned round")
    if name not in _BIASED and _is_number(value):
        below, above = low if _is_number(low) else value, high if _is_number(high) else value
        if not below <= value <= above:
            raise ValueError(f"{place}: {value:g} is outside its interval {below:g} to {above:g}")
    units = figure.get("units")
    if _is_number(units) and units < 0:
        raise ValueError(f"{place}: {units:g} independent units")


def _require_number(value: Any, place: str, name: str) -> None:
    if not _is_number(value):
        return
    if not abs(value) <= sys.float_info.max:
        raise ValueError(f"{place}: a number that is none, or too large for any")
    if name in SHARES and not 0 <= value <= 1:
        raise ValueError(f"{place}: {value:g} is no share between 0 and 1")


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
