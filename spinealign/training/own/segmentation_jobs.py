"""The task segmentation: from a command line or a recipe to a job, and its training."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from spinealign.domain.examination import Modality
from spinealign.domain.model_card import ModelCard
from spinealign.training.augment import Geometry
from spinealign.training.own.about import Stated
from spinealign.training.own.jobs import (
    changed,
    exposure_of,
    geometry_of,
    stated_by_options,
    stated_by_recipe,
    told_by_options,
    told_by_recipe,
    window_of,
)
from spinealign.training.own.segment import (
    OutlineJob,
    OutlineRecipe,
    outline_rule,
    train_segmentation,
)

if TYPE_CHECKING:
    from spinealign.training.own.recipe_file import RecipeFile


def by_options(options: argparse.Namespace) -> ModelCard:
    """Train what the command line says."""
    return train_segmentation(job_by_options(options))


def by_recipe(file: RecipeFile) -> ModelCard:
    """Train what a recipe says."""
    return train_segmentation(job_by_recipe(file))


def job_by_options(options: argparse.Namespace) -> OutlineJob:
    """Return the training that a command line describes."""
    told = stated_by_options(options)
    recipe = OutlineRecipe(
        varies_contrast=_is_mr(told),
        rule=outline_rule(told, window_of(options)),
        geometry=Geometry(flip=options.flip),
    )
    recipe = changed(recipe, options, ("epochs", "steps", "batch", "seed"))
    return OutlineJob(**told_by_options(options), recipe=recipe, classes=options.classes)


def job_by_recipe(file: RecipeFile) -> OutlineJob:
    """Return the training that a recipe describes."""
    return OutlineJob(
        **told_by_recipe(file), recipe=_recipe_by_file(file), classes=file.recipe.data.classes
    )


def _is_mr(told: Stated) -> bool:
    return told.examination is not None and told.examination.modality is Modality.MR


def _recipe_by_file(file: RecipeFile) -> OutlineRecipe:
    told, training = file.recipe, file.recipe.training
    standard, about = OutlineRecipe(), stated_by_recipe(told)
    size = told.preprocessing.size or standard.input_px
    rows, columns = standard.crop
    return replace(
        standard,
        input_px=size,
        crop=(min(rows, size), min(columns, size)),
        batch=training.batch or standard.batch,
        steps=training.steps or standard.steps,
        epochs=training.epochs,
        learning_rate=training.learning_rate or standard.learning_rate,
        varies_contrast=_is_mr(about),
        seed=told.seed,
        rule=told.preprocessing.applied_to(outline_rule(about, told.preprocessing.window_hu)),
        geometry=geometry_of(told),
        exposure=exposure_of(told),
        file=file.sha256,
    )
