"""Two model cards side by side: the entries in which they differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from spinealign.domain.model_card import ModelCard
from spinealign.domain.model_store import CardDifference

_LONGEST = 200
_OWN = ("name", "sha256", "weights")
"""Entries in which any two models differ."""

_NUMBERS_ONLY = ("grading", "gate", "interval_factors", "change_factors", "training")
"""Entries of many numbers, which are told by a word."""


def card_differences(first: ModelCard, second: ModelCard) -> tuple[CardDifference, ...]:
    """Return the entries that are not the same in two cards, in the order of the card."""
    one, other = _entries(first), _entries(second)
    return tuple(
        CardDifference(key, one.get(key, ""), other.get(key, ""))
        for key in dict.fromkeys((*one, *other))
        if one.get(key) != other.get(key)
    )


def _entries(card: ModelCard) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in card.to_json().items():
        if key in _OWN:
            continue
        if key in _NUMBERS_ONLY:
            found[key] = _digest(value)
        elif isinstance(value, Mapping):
            found.update(_flat(value, key))
        else:
            found[key] = _text(value)
    return found


def _flat(value: Any, path: str) -> dict[str, str]:
    """Return a figure with its interval as one entry, and everything else key by key."""
    if not isinstance(value, Mapping):
        return {path: _text(value)}
    if isinstance(value.get("value"), int | float):
        ends = [value.get(end) for end in ("low", "high")]
        if all(isinstance(end, int | float) for end in ends):
            return {path: f"{value['value']} ({ends[0]} to {ends[1]})"}
    found: dict[str, str] = {}
    for key, part in value.items():
        found |= _flat(part, f"{path}.{key}")
    return found


def _digest(value: Any) -> str:
    """Return a text that is the same for the same numbers, short enough to be read."""
    if not value:
        return ""
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} letters)"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    return str(value)
