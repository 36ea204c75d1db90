"""The task multi-label: from a command line or a recipe to a job, and its training."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from spinealign.domain.model_card import ModelCard
from spinealign.training.own.classifier_jobs import own_recipe_by_options, recipe_by_file
from spinealign.training.own.jobs import place_of, told_by_options, told_by_recipe
from spinealign.training.own.labels import train_labels
from spinealign.training.own.several import BALANCE, SeveralJob

if TYPE_CHECKING:
    from spinealign.training.own.recipe_file import RecipeFile


def by_options(options: argparse.Namespace) -> ModelCard:
    """Train what the command line says."""
    return train_labels(job_by_options(options))


def by_recipe(file: RecipeFile) -> ModelCard:
    """Train what a recipe says."""
    return train_labels(job_by_recipe(file))


def job_by_options(options: argparse.Namespace) -> SeveralJob:
    """Return the training that a command line describes."""
    return SeveralJob(
        **told_by_options(options),
        names=tuple(options.labels or ()),
        recipe=own_recipe_by_options(options, BALANCE),
        imagenet=options.imagenet,
    )


def job_by_recipe(file: RecipeFile) -> SeveralJob:
    """Return the training that a recipe describes."""
    data = file.recipe.data
    return SeveralJob(
        **told_by_recipe(file),
        names=data.labels or (),
        recipe=recipe_by_file(file, BALANCE),
        imagenet=place_of(file, file.recipe.imagenet),
    )
