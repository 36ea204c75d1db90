"""The option that names the models which answer, and what is told of those that did not."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from spinealign.domain.findings import Analysis

if TYPE_CHECKING:
    from spinealign.domain.model_card import ModelCard


def add_model_choice(parser: argparse.ArgumentParser) -> None:
    """Let a command choose models."""
    parser.add_argument(
        "--model", action="append", default=[], metavar="NAME",
        help="this model answers for its task, and no other one: a name that “models” lists, or a "
        "model folder anywhere; may be given once for each task",
    )  # fmt: skip


def silent_models_lines(chosen: Sequence[ModelCard], analysis: Analysis) -> list[str]:
    """Return a line for each model that was chosen and did not answer, with the reason."""
    from spinealign.wording.examinations import silent_model_text

    spoke = {model.name for model in analysis.models}
    if analysis.withheld is not None:
        spoke.add(analysis.withheld.name)
    return [
        silent_model_text(card.title, card.examinations, analysis.examination)
        for card in chosen
        if card.name not in spoke
    ]
