"""Options of `evaluate` that an evaluation has no use for are refused, and never just ignored."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final

from spinealign.cli.series import WrongUseError
from spinealign.domain.examination import Task

_OF_CLASSES: Final = (
    "order", "positive", "threshold", "threshold_from", "sensitivity", "against", "numbers", "unit",
)  # fmt: skip
_OF_POINTS: Final = ("angle", "coordinates")

UNUSED: Final[Mapping[Task, tuple[str, ...]]] = {
    "classification": _OF_POINTS,
    "multi_label": _OF_POINTS,
    "ordinal": _OF_POINTS,
    "segmentation": (*_OF_CLASSES, *_OF_POINTS),
    "landmarks": _OF_CLASSES,
}
"""By what a model does, the options that say nothing of its answers."""


def require_used(options: argparse.Namespace, task: Task) -> None:
    """Refuse options that an evaluation of a task would not look at.

    Raises
    ------
    WrongUseError
        One of them was given.
    """
    from spinealign.wording.evaluation import options_without_use

    given = [name for name in UNUSED.get(task, ()) if _is_given(getattr(options, name, None))]
    if given:
        told = [f"--{name.replace('_', '-')}" for name in given]
        raise WrongUseError(options_without_use(told, task))


def _is_given(value: object) -> bool:
    """Whether an option was given; a threshold of 0 was."""
    return value is not None and value is not False and value not in ("", [])
