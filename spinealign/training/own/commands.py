"""``spinealign train TASK`` and ``train FILE.yaml`` for own data, by the table of tasks."""

from __future__ import annotations

import argparse
import importlib
from dataclasses import replace
from typing import Any

from spinealign.domain.model_card import ModelCard
from spinealign.domain.own_tasks import OWN_TASKS, OwnTask


def trainer_of(task: OwnTask) -> Any:
    """Return the module that trains a task: ``by_options`` and ``by_recipe``."""
    return importlib.import_module(f"spinealign.training.own.{task.trainer}")


def by_options(options: argparse.Namespace) -> ModelCard:
    """Train the task that the command line names."""
    card: ModelCard = trainer_of(OWN_TASKS[options.recipe]).by_options(options)
    return card


def by_recipe(options: argparse.Namespace) -> ModelCard:
    """Train what a YAML file describes."""
    # PyYAML is needed here only: an older set-up of the extra trains without it.
    from spinealign.training.own.recipe_file import read_recipe

    file = replace(read_recipe(options.file), is_replacing=options.replace)
    options.out, options.work = file.place(file.recipe.out), file.place(file.recipe.work)
    card: ModelCard = trainer_of(OWN_TASKS[file.recipe.task]).by_recipe(file)
    return card
