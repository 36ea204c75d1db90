"""``spinealign train classifier``, ``train segmentation``, ``train FILE.yaml``: to jobs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from spinealign.domain.examination import Modality
from spinealign.domain.model_card import IntensityRule, ModelCard
from spinealign.training.augment import Geometry
from spinealign.training.classifier import PLAIN_CNN_BATCH, ClassifierRecipe
from spinealign.training.own.about import Stated, intensity_rule
from spinealign.training.own.classify import ClassifierJob, train_classifier
from spinealign.training.own.segment import (
    OutlineJob,
    OutlineRecipe,
    outline_rule,
    train_segmentation,
)

_Recipe = TypeVar("_Recipe", bound=Any)


def classifier_recipe(options: argparse.Namespace, rule: IntensityRule) -> ClassifierRecipe:
    """Return the recipe of a head with what the command line changes."""
    recipe = ClassifierRecipe(head=options.head, rule=rule)
    if options.head == "plain-cnn":
        rule = replace(rule, channels="rgb_unit")
        recipe = replace(recipe, rule=rule, copies=1, batch=PLAIN_CNN_BATCH)
    return _changed(recipe, options, ("epochs", "steps", "folds", "copies", "seed", "batch"))


def stated(options: argparse.Namespace) -> Stated:
    """Return what the command line says of data and purpose."""
    return Stated(
        title=options.title or "",
        licence=options.licence or "",
        source=options.source or "",
        intended_use=options.intended_use or "",
        examination=options.examination,
        although=options.although or "",
    )


def own_classifier(options: argparse.Namespace) -> ModelCard:
    """Train a classifier of a user's own data."""
    rule = intensity_rule(options.examination, _window(options), "vgg_caffe")
    recipe = classifier_recipe(options, rule)
    return train_classifier(
        ClassifierJob(
            data=options.data,
            work=options.work,
            out=options.out,
            positive=options.positive,
            recipe=replace(recipe, geometry=replace(recipe.geometry, flip=options.flip)),
            stated=stated(options),
            imagenet=options.imagenet,
            layout=options.layout or "",
            label_column=options.label_column or "",
            pattern=options.patient_pattern,
            held_out=options.held_out,
            most_broken=options.most_broken,
            tensorboard=options.tensorboard,
            split=options.split,
        )
    )


def own_segmentation(options: argparse.Namespace) -> ModelCard:
    """Train a segmentation of a user's own data."""
    told = stated(options)
    is_mr = told.examination is not None and told.examination.modality is Modality.MR
    recipe = OutlineRecipe(
        varies_contrast=is_mr,
        rule=outline_rule(told, _window(options)),
        geometry=Geometry(flip=options.flip),
    )
    return train_segmentation(
        OutlineJob(
            data=options.data,
            work=options.work,
            out=options.out,
            recipe=_changed(recipe, options, ("epochs", "steps", "batch", "seed")),
            stated=told,
            classes=options.classes,
            layout=options.layout or "",
            pattern=options.patient_pattern,
            held_out=options.held_out,
            most_broken=options.most_broken,
            tensorboard=options.tensorboard,
            split=options.split,
        )
    )


def by_recipe(options: argparse.Namespace) -> ModelCard:
    """Train what a YAML file describes."""
    # PyYAML is needed here only: an older set-up of the extra trains without it.
    from spinealign.training.own.recipe_file import read_recipe
    from spinealign.training.own.recipe_jobs import classifier_job, outline_job

    file = read_recipe(options.file)
    options.out, options.work = file.place(file.recipe.out), file.place(file.recipe.work)
    if file.recipe.task == "classifier":
        return train_classifier(classifier_job(file))
    return train_segmentation(outline_job(file))


def _window(options: argparse.Namespace) -> tuple[float, float] | None:
    if options.window_hu is None:
        return None
    low, high = options.window_hu
    return low, high


def _changed(recipe: _Recipe, options: argparse.Namespace, names: Sequence[str]) -> _Recipe:
    """Return a recipe with the numbers that the command line states."""
    given = {name: getattr(options, name, None) for name in names}
    return replace(recipe, **{name: value for name, value in given.items() if value is not None})
