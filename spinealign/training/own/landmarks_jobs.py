"""The task landmarks: from a command line or a recipe to a job, and its training."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from spinealign.domain.errors import DataSetError
from spinealign.domain.model_card import IntensityRule, ModelCard
from spinealign.training.own.about import Stated, intensity_rule
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
from spinealign.training.own.landmark_recipe import LandmarkJob, LandmarkRecipe
from spinealign.training.own.landmarks import train_landmarks
from spinealign.wording import landmarks as words

if TYPE_CHECKING:
    from spinealign.training.own.recipe_file import RecipeFile


def by_options(options: argparse.Namespace) -> ModelCard:
    """Train what the command line says."""
    return train_landmarks(job_by_options(options))


def by_recipe(file: RecipeFile) -> ModelCard:
    """Train what a recipe says."""
    return train_landmarks(job_by_recipe(file))


def job_by_options(options: argparse.Namespace) -> LandmarkJob:
    """Return the training that a command line describes."""
    told, standard = stated_by_options(options), LandmarkRecipe()
    recipe = replace(
        standard,
        rule=_rule(told, window_of(options)),
        geometry=replace(standard.geometry, flip=options.flip),
    )
    return LandmarkJob(
        **told_by_options(options),
        recipe=changed(recipe, options, ("epochs", "steps", "batch", "seed")),
        coordinates=options.coordinates,
        points=options.points,
        mirror_pairs=pairs_of(options.mirror_pairs),
    )


def job_by_recipe(file: RecipeFile) -> LandmarkJob:
    """Return the training that a recipe describes."""
    told, training, data = file.recipe, file.recipe.training, file.recipe.data
    standard, about = LandmarkRecipe(), stated_by_recipe(told)
    recipe = replace(
        standard,
        input_px=told.preprocessing.size or standard.input_px,
        zoom=told.preprocessing.second_look or standard.zoom,
        batch=training.batch or standard.batch,
        steps=training.steps or standard.steps,
        epochs=training.epochs,
        learning_rate=training.learning_rate or standard.learning_rate,
        seed=told.seed,
        rule=told.preprocessing.applied_to(_rule(about, told.preprocessing.window_hu)),
        geometry=geometry_of(told),
        exposure=exposure_of(told),
        file=file.sha256,
    )
    return LandmarkJob(
        **told_by_recipe(file),
        recipe=recipe,
        coordinates=data.coordinates,
        points=data.points,
        mirror_pairs=pairs_of(data.mirror_pairs),
    )


def _rule(told: Stated, window_hu: tuple[float, float] | None) -> IntensityRule:
    """Return how grey values become input: as the shipped models of films and MR, else as CT."""
    rule = intensity_rule(told.examination, window_hu, "grey")
    if window_hu is not None:
        return rule
    standard = LandmarkRecipe().rule
    return replace(rule, percentiles=standard.percentiles, clahe_clip_limit=2.0)


def pairs_of(told: Sequence[str] | None) -> Mapping[str, str] | None:
    """Return points by their mirror images; "none" alone says that no point has a side.

    Raises
    ------
    DataSetError
        A text is no pair LEFT=RIGHT, or names a point twice.
    """
    if told is None:
        return None
    if list(told) == ["none"]:
        return {}
    pairs: dict[str, str] = {}
    for text in told:
        left, mark, right = text.partition("=")
        if not mark or not left.strip() or not right.strip() or left.strip() in pairs:
            raise DataSetError(words.no_pair(text))
        pairs[left.strip()] = right.strip()
    return pairs
