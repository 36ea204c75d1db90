"""How wide 95 % intervals are with the points of a network that outlines bodies on films."""

from __future__ import annotations

from collections.abc import Mapping

from spinealign.domain.measurements import IntervalRule
from spinealign.domain.measures import MEASURES, MeasureCode, Quantity
from spinealign.domain.model_card import ModelCard

UNCALIBRATED = 3.92
"""Half of a 95 % interval in standard deviations, for a network whose card has no factors.

Source: unknown; set by hand: twice that of a normal distribution.
"""


def interval_rule(card: ModelCard) -> IntervalRule:
    """Return the rule for measures on films that a network outlined.

    A measure that the card has no factor for gets the largest of its quantity, or of all. What
    is wider than a reader's own interval is withheld.
    """
    factors = {code: _factor(card, code) for code in MEASURES}
    return IntervalRule(factors, UNCALIBRATED, is_limited=True, change_factors=changes_of(card))


def changes_of(card: ModelCard) -> Mapping[MeasureCode, float]:
    """Return the factors of differences between examinations that a network outlined.

    A measure that the card has no factor for gets the largest of its quantity, and none where
    no measure of its quantity has one.
    """
    known = {code: found.factor for code, found in card.change_factors.items()}
    largest: dict[Quantity, float] = {}
    for code, factor in known.items():
        quantity = MEASURES[code].quantity
        largest[quantity] = max(factor, largest.get(quantity, 0.0))
    return {
        code: known.get(code, largest[measure.quantity])
        for code, measure in MEASURES.items()
        if measure.quantity in largest
    }


def _factor(card: ModelCard, code: MeasureCode) -> float:
    known = {one: found.factor for one, found in card.interval_factors.items()}
    quantity = MEASURES[code].quantity
    alike = [factor for one, factor in known.items() if MEASURES[one].quantity is quantity]
    return known.get(code) or max(alike or known.values(), default=UNCALIBRATED)
