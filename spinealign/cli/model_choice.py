"""The option that names the models which answer, and what is told of those that did not."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from spinealign.domain.errors import SpineAlignError
from spinealign.domain.findings import Analysis
from spinealign.domain.generators import run_to_end

if TYPE_CHECKING:
    from spinealign.domain.model_card import ModelCard
    from spinealign.inference.catalog import ModelStore


def add_model_choice(parser: argparse.ArgumentParser) -> None:
    """Let a command choose models."""
    parser.add_argument(
        "--model", action="append", default=[], metavar="NAME",
        help="this model answers for its task, and no other one: a name that “models” lists, or a "
        "model folder anywhere; may be given once for each task",
    )  # fmt: skip


def silent_models_lines(chosen: Sequence[ModelCard], analysis: Analysis) -> list[str]:
    """Return a line for each model that was named and did not answer, with the reason."""
    from spinealign.wording.silent_models import silent_model_texts

    return silent_model_texts(chosen, analysis)


def candidate_lines(analysis: Analysis, models: ModelStore) -> list[str]:
    """Return what candidates say otherwise that run beside the models which answered.

    Parameters
    ----------
    analysis : Analysis
        As the models gave it, before a person's corrections.
    models : ModelStore
        That answered.
    """
    if not models.settings.shadows:
        return []
    from spinealign.model_store.shadows import shadow_results
    from spinealign.wording import explain
    from spinealign.wording.models import shadow_lines

    try:
        found = run_to_end(shadow_results(analysis, models))
    except SpineAlignError as error:
        return [explain(error).sentence]
    return [line for one in found for line in shadow_lines(one)]
