"""The task classifier: from a command line or a recipe to a job, and its training."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from spinealign.domain.errors import DataSetError
from spinealign.domain.model_card import Channels, IntensityRule, ModelCard, RegionRule
from spinealign.inference.catalog import ModelStore
from spinealign.training.classifier import PLAIN_CNN_BATCH, Balance, ClassifierRecipe, Head
from spinealign.training.own.about import intensity_rule
from spinealign.training.own.classify import ClassifierJob, train_classifier
from spinealign.training.own.jobs import (
    changed,
    exposure_of,
    geometry_of,
    place_of,
    stated_by_recipe,
    told_by_options,
    told_by_recipe,
    window_of,
)
from spinealign.training.schedules import RateRule
from spinealign.wording import training as words

if TYPE_CHECKING:
    from spinealign.training.own.recipe_file import RecipeFile
    from spinealign.training.own.recipe_types import TrainingPart, TrainingRecipe


def by_options(options: argparse.Namespace) -> ModelCard:
    """Train what the command line says."""
    return train_classifier(job_by_options(options))


def by_recipe(file: RecipeFile) -> ModelCard:
    """Train what a recipe says."""
    return train_classifier(job_by_recipe(file))


def job_by_options(options: argparse.Namespace) -> ClassifierJob:
    """Return the training that a command line describes."""
    return ClassifierJob(
        **told_by_options(options),
        positive=options.positive,
        recipe=own_recipe_by_options(options),
        imagenet=options.imagenet,
        label_column=options.label_column or "",
    )


def job_by_recipe(file: RecipeFile) -> ClassifierJob:
    """Return the training that a recipe describes."""
    data = file.recipe.data
    return ClassifierJob(
        **told_by_recipe(file),
        positive=data.positive or "",
        recipe=recipe_by_file(file),
        imagenet=place_of(file, file.recipe.imagenet),
        label_column=data.label_column or "",
    )


def own_recipe_by_options(
    options: argparse.Namespace, usual: Balance = "weights"
) -> ClassifierRecipe:
    """Return the settings of a command line for a user's own data.

    Parameters
    ----------
    options : argparse.Namespace
    usual : {"weights", "oversample", "none"}
        Balance where none is asked for.
    """
    rule = intensity_rule(options.examination, window_of(options), "vgg_caffe")
    recipe = recipe_by_options(options, rule)
    geometry = replace(recipe.geometry, flip=options.flip)
    return replace(recipe, geometry=geometry, balance=options.balance or usual)


def recipe_by_options(options: argparse.Namespace, rule: IntensityRule) -> ClassifierRecipe:
    """Return the recipe of a head with what the command line changes."""
    recipe = ClassifierRecipe(head=options.head, rule=rule)
    if options.head == "plain-cnn":
        rule = replace(rule, channels="rgb_unit")
        recipe = replace(recipe, rule=rule, copies=1, batch=PLAIN_CNN_BATCH)
    if options.schedule is not None:
        recipe = replace(recipe, rate_rule=replace(recipe.rate_rule, schedule=options.schedule))
    return changed(recipe, options, ("epochs", "steps", "folds", "copies", "seed", "batch"))


def recipe_by_file(file: RecipeFile, usual: Balance = "weights") -> ClassifierRecipe:
    """Return the settings that a recipe's file says; `usual` is the balance without any."""
    told, training = file.recipe, file.recipe.training
    is_plain = told.network == "plain-cnn"
    standard = ClassifierRecipe()
    copies = told.augmentation.copies
    size = told.preprocessing.size
    return replace(
        standard,
        head=cast("Head", told.network),  # the recipe was read, so the task has it
        copies=(1 if is_plain else standard.copies) if copies is None else copies,
        inverse_regularisation=training.regularisation or standard.inverse_regularisation,
        epochs=training.epochs or standard.epochs,
        steps=training.steps,
        patience=training.patience or standard.patience,
        batch=training.batch or (PLAIN_CNN_BATCH if is_plain else standard.batch),
        folds=training.folds or standard.folds,
        seed=told.seed,
        geometry=geometry_of(told),
        exposure=exposure_of(told),
        rule=_rule(told, "rgb_unit" if is_plain else "vgg_caffe"),
        arguments={} if size is None else {"input_shape": [size, size, 3]},
        balance=told.balance or usual,
        learning_rate=training.learning_rate or standard.learning_rate,
        rate_rule=_rate_rule(training),
        file=file.sha256,
        region=_region(told),
    )


def _rate_rule(told: TrainingPart) -> RateRule:
    standard = RateRule()
    return RateRule(
        told.schedule or standard.schedule,
        told.warm_up or standard.warm_up,
        told.decay or standard.decay,
        told.decay_every or standard.every,
    )


def _region(told: TrainingRecipe) -> RegionRule | None:
    """Return which part of the pictures is seen, by a segmentation that is installed."""
    name = told.preprocessing.region
    if name is None:
        return None
    card = next((each for each in ModelStore().cards() if each.name == name), None)
    if card is None or card.task != "segmentation":
        raise DataSetError(words.no_region_model(name))
    return RegionRule(name, card.sha256, told.preprocessing.region_margin)


def _rule(told: TrainingRecipe, channels: Channels) -> IntensityRule:
    """Return the rule that the card carries, so that use repeats what training did."""
    asked = told.preprocessing
    rule = intensity_rule(stated_by_recipe(told).examination, asked.window_hu, channels)
    return asked.applied_to(rule)
