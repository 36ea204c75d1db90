"""Figures of model cards that nothing can have measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spinealign.domain.card_figures import require_possible

MODELS = Path(__file__).parents[2] / "models"


def figure(value, low, high, units=20):
    return {"value": value, "low": low, "high": high, "units": units}


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ({"error_mm": figure(3, 4, 5)}, "metrics.error_mm: 3 is outside its interval 4 to 5"),
        ({"error_mm": figure(6, 4, 5)}, "6 is outside its interval 4 to 5"),
        ({"error_mm": figure(4.5, 5, 4)}, "the interval from 5 to 4 is turned round"),
        ({"calibration_error": figure(0.1, 0.3, 0.2)}, "from 0.3 to 0.2 is turned round"),
        ({"error_mm": figure(1, 1, 2, -5)}, "-5 independent units"),
        ({"error_mm": figure(float("nan"), 1, 2)}, "a number that is none"),
        ({"error_mm": figure(1, 1, float("inf"))}, "a number that is none"),
        ({"films": 10**400}, "too large for any"),
        ({"sensitivity": 1.2}, "1.2 is no share between 0 and 1"),
        ({"specificity": -0.1}, "-0.1 is no share"),
        ({"accuracy": figure(0.9, 0.8, 1.1)}, "1.1 is no share"),
        ({"auc/bright": figure(1.5, 1, 2)}, "metrics.auc/bright: 1.5 is no share"),
        ({"auc_macro": figure(1.5, 1, 2)}, "1.5 is no share"),
        ({"dice": {"disc": figure(9, 8, 10)}}, "metrics.dice.disc: 9 is no share"),
        ({"runs": [{"auc": 2}]}, "2 is no share"),
    ],
)
def test_an_impossible_figure_is_named(metrics, told):
    with pytest.raises(ValueError, match="metrics") as caught:
        require_possible({"held_out": {}, **metrics})
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "metrics",
    [
        {"auc": figure(1.0, None, None)},
        {"auc": figure(0.5, 0.5, 0.5, 0), "note": "text", "confusion_matrix": [[210, 0], [0, 210]]},
        {"auc": {"value": 0.7, "units": 3}, "sensitivity": figure(None, None, None)},
        # Of few patients the drawn ones lie above what was measured.
        {"calibration_error": figure(0.02, 0.03, 0.08)},
        {"bias": figure(-3, -5, -1), "kappa": figure(-0.2, -0.4, 0.1), "brier": 1.7},
        {"dice": {"disc": figure(0.9, 0.8, 0.95), "slices": 80}, "accuracy": True},
    ],
)
def test_what_can_be_measured_is_a_figure(metrics):
    require_possible(metrics)


def test_the_shipped_cards_are_possible():
    cards = sorted(MODELS.glob("*/card.json"))
    assert cards
    for card in cards:
        require_possible(json.loads(card.read_text(encoding="utf-8"))["metrics"])
