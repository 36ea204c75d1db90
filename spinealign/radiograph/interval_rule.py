"""How wide 95 % intervals are with the points of a network that outlines bodies on films."""

from __future__ import annotations

from spinealign.domain.measurements import IntervalRule
from spinealign.domain.measures import MEASURES, MeasureCode
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
    return IntervalRule(factors, UNCALIBRATED, is_limited=True)


def _factor(card: ModelCard, code: MeasureCode) -> float:
    known = {one: found.factor for one, found in card.interval_factors.items()}
    quantity = MEASURES[code].quantity
    alike = [factor for one, factor in known.items() if MEASURES[one].quantity is quantity]
    return known.get(code) or max(alike or known.values(), default=UNCALIBRATED)
