"""Whether the status that a card states was earned by a training of this program."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Final

from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import ModelCard

KEY: Final = "status_mark"
"""Under which a card's `training` has the mark of what earned its status."""

_SAID_ONLY: Final = frozenset(
    {
        "name", "title", "version", "licence", "intended_use", "known_failures", "limits",
        "training_data", "interval_factors", "change_factors",
    }
)  # fmt: skip
"""Entries that a person may word otherwise, or that are measured later: they earn no status."""


def status_mark(card: ModelCard) -> str:
    """Return the SHA-256 of what a status rests on: the weights, all figures, what answers mean.

    It keeps a card from being edited by hand and believed. Whoever wants to deceive can compute
    it anew; against that a signature helps (docs/design/model-store.md).
    """
    told = {key: value for key, value in card.to_json().items() if key not in _SAID_ONLY}
    told["training"] = {key: value for key, value in card.training.items() if key != KEY}
    # Twice through JSON: a card that was read has texts for keys that were numbers.
    plain = json.loads(json.dumps(told, default=str))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def with_mark(card: ModelCard) -> ModelCard:
    """Return the card of a training with the mark of its status; a demonstration needs none."""
    bare = {key: value for key, value in card.training.items() if key != KEY}
    card = replace(card, training=bare)
    if card.status is ModelStatus.DEMONSTRATION:
        return card
    return replace(card, training={**bare, KEY: status_mark(card)})


def is_borne_out(card: ModelCard) -> bool:
    """Whether a status above demonstration is the one that a training wrote for these figures."""
    if card.status is ModelStatus.DEMONSTRATION:
        return True
    # Asked first: of a large card the mark takes longer than all else that is asked of it.
    return KEY in card.training and card.training[KEY] == status_mark(card)
