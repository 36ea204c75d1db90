"""From a recipe to the job that it describes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

from spinealign.domain.errors import DataSetError
from spinealign.domain.examination import Modality, examination_named
from spinealign.domain.model_card import Channels, IntensityRule, RegionRule
from spinealign.inference.catalog import ModelStore
from spinealign.training.augment import Exposure, Geometry
from spinealign.training.classifier import PLAIN_CNN_BATCH, ClassifierRecipe, Head
from spinealign.training.own.about import Stated, intensity_rule
from spinealign.training.own.classify import ClassifierJob
from spinealign.training.own.recipe_file import RecipeFile
from spinealign.training.own.recipe_types import TrainingRecipe
from spinealign.training.own.segment import OutlineJob, OutlineRecipe, outline_rule
from spinealign.wording import training as words


def classifier_job(file: RecipeFile) -> ClassifierJob:
    """Return the training of a classifier that a recipe describes."""
    told, data = file.recipe, file.recipe.data
    return ClassifierJob(
        data=file.place(data.path),
        work=file.place(told.work),
        out=file.place(told.out),
        positive=data.positive or "",
        recipe=_classifier_recipe(file),
        stated=stated(told),
        layout=data.layout or "",
        label_column=data.label_column or "",
        imagenet=_place(file, told.imagenet),
        pattern=data.patient_pattern,
        held_out=_held_out(told),
        most_broken=data.most_broken,
        leave_out=told.preprocessing.leave_out or (),
        tensorboard=_place(file, told.tensorboard),
        split=_place(file, data.split),
    )


def outline_job(file: RecipeFile) -> OutlineJob:
    """Return the training of a segmentation that a recipe describes."""
    told, data = file.recipe, file.recipe.data
    return OutlineJob(
        data=file.place(data.path),
        work=file.place(told.work),
        out=file.place(told.out),
        recipe=_outline_recipe(file),
        stated=stated(told),
        layout=data.layout or "",
        classes=data.classes,
        pattern=data.patient_pattern,
        held_out=_held_out(told),
        most_broken=data.most_broken,
        leave_out=told.preprocessing.leave_out or (),
        tensorboard=_place(file, told.tensorboard),
        split=_place(file, data.split),
    )


def stated(told: TrainingRecipe) -> Stated:
    """Return what a recipe says of data and purpose."""
    card = told.card
    return Stated(
        title=card.title or "",
        licence=card.licence or "",
        source=card.source or "",
        intended_use=card.intended_use or "",
        examination=examination_named(card.examination) if card.examination else None,
        although=told.although or "",
    )


def _classifier_recipe(file: RecipeFile) -> ClassifierRecipe:
    told, training = file.recipe, file.recipe.training
    is_plain = told.network == "plain-cnn"
    standard = ClassifierRecipe()
    copies = told.augmentation.copies
    size = told.preprocessing.size
    batch = training.batch or (PLAIN_CNN_BATCH if is_plain else standard.batch)
    return replace(
        standard,
        head=cast("Head", told.network),  # the recipe was read, so the task has it
        copies=(1 if is_plain else standard.copies) if copies is None else copies,
        inverse_regularisation=training.regularisation or standard.inverse_regularisation,
        epochs=training.epochs or standard.epochs,
        steps=training.steps,
        patience=training.patience or standard.patience,
        batch=batch,
        folds=training.folds or standard.folds,
        seed=told.seed,
        geometry=_geometry(told),
        exposure=_exposure(told),
        rule=_rule(told, "rgb_unit" if is_plain else "vgg_caffe"),
        arguments={} if size is None else {"input_shape": [size, size, 3]},
        balance=told.balance or standard.balance,
        learning_rate=training.learning_rate or standard.learning_rate,
        file=file.sha256,
        region=_region(told),
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


def _outline_recipe(file: RecipeFile) -> OutlineRecipe:
    told, training = file.recipe, file.recipe.training
    standard = OutlineRecipe()
    examination = stated(told).examination
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
        varies_contrast=examination is not None and examination.modality is Modality.MR,
        seed=told.seed,
        rule=_rule(told, "grey"),
        geometry=_geometry(told),
        exposure=_exposure(told),
        file=file.sha256,
    )


def _rule(told: TrainingRecipe, channels: Channels) -> IntensityRule:
    """Return the rule that the card carries, so that use repeats what training did."""
    asked, about = told.preprocessing, stated(told)
    if told.task == "segmentation":
        rule = outline_rule(about, asked.window_hu)
    else:
        rule = intensity_rule(about.examination, asked.window_hu, channels)
    return replace(
        rule,
        percentiles=asked.percentiles or rule.percentiles,
        denoise=asked.denoise,
        clahe_clip_limit=rule.clahe_clip_limit if asked.clahe is None else asked.clahe,
    )


def _geometry(told: TrainingRecipe) -> Geometry:
    asked = told.augmentation
    return Geometry(
        rotation_deg=asked.rotation_deg,
        scale=asked.zoom,
        anisotropy=0.0,
        shear=asked.shear,
        shift=asked.shift,
        flip=asked.flip,
    )


def _exposure(told: TrainingRecipe) -> Exposure:
    asked = told.augmentation
    return Exposure(asked.brightness, asked.contrast, asked.noise)


def _held_out(told: TrainingRecipe) -> str | None:
    wanted = told.data.held_out
    return None if wanted is None else str(wanted)


def _place(file: RecipeFile, name: str | None) -> Path | None:
    return None if name is None else file.place(name)
