"""The task ordinal: from a command line or a recipe to a job, and its training."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from spinealign.domain.model_card import ModelCard
from spinealign.training.own.classifier_jobs import own_recipe_by_options, recipe_by_file
from spinealign.training.own.grades import train_grades
from spinealign.training.own.jobs import place_of, told_by_options, told_by_recipe
from spinealign.training.own.several import BALANCE, SeveralJob

if TYPE_CHECKING:
    from spinealign.training.own.recipe_file import RecipeFile


def by_options(options: argparse.Namespace) -> ModelCard:
    """Train what the command line says."""
    return train_grades(job_by_options(options))


def by_recipe(file: RecipeFile) -> ModelCard:
    """Train what a recipe says."""
    return train_grades(job_by_recipe(file))


def job_by_options(options: argparse.Namespace) -> SeveralJob:
    """Return the training that a command line describes."""
    return SeveralJob(
        **told_by_options(options),
        names=tuple(options.grades or ()),
        recipe=own_recipe_by_options(options, BALANCE),
        imagenet=options.imagenet,
        label_column=options.label_column or "",
    )


def job_by_recipe(file: RecipeFile) -> SeveralJob:
    """Return the training that a recipe describes."""
    data = file.recipe.data
    return SeveralJob(
        **told_by_recipe(file),
        names=data.grades or (),
        recipe=recipe_by_file(file, BALANCE),
        imagenet=place_of(file, file.recipe.imagenet),
        label_column=data.label_column or "",
    )
