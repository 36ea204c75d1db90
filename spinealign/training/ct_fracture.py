"""The CT fracture classifier that ships as a demonstration: its data, folds and card."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spinealign.domain.examination import ExaminationKind
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import ModelCard
from spinealign.training.classifier import ClassifierRecipe
from spinealign.training.dataset import list_classified
from spinealign.training.own.pictures import PatientSource, Picture, PictureSet

# Measured on the shared CT pictures: air at grey 92-107 and soft tissue at
# 197-211 put the exporter's linear window at about these Hounsfield units.
CT_WINDOW_HU = (-1900.0, 600.0)


def base_slices(data: Path) -> PictureSet:
    """List the data set; what pictures share as their "patient" is the base slice.

    Augmented copies of one slice stay together, and the split in the folder names is ignored,
    because it shares slices.
    """
    pictures = tuple(
        Picture(f.path, f.path.relative_to(data).as_posix(), f.label, f.subset, f.group)
        for f in list_classified(data)
    )
    return PictureSet(pictures, PatientSource.PATTERN)


def make_folds(found: PictureSet, positive: str, count: int = 3) -> list[set[str]]:
    """Part the pictures into `count` folds that share no base slice.

    A class of several series is dealt out by whole series; a class of one series
    only by blocks of neighbouring slices. A slice that both classes contain
    (the shared data have two) goes to one fold only.
    """
    folds: list[set[str]] = [set() for _ in range(count)]
    taken: set[str] = set()
    negative = next(label for label in found.classes if label != positive)
    for label in (positive, negative):
        groups = sorted(found.patients(label), key=_natural)
        series = sorted({_series(group) for group in groups}, key=_natural)
        if len(series) >= count:
            units = [[g for g in groups if _series(g) == s] for s in series]
        else:
            units = [list(part) for part in np.array_split(np.array(groups), count)]
        for number, unit in enumerate(units):
            folds[number % count].update(g for g in unit if g not in taken)
            taken.update(unit)
    return [{p.name for p in found.pictures if p.patient in fold} for fold in folds]


def _series(group: str) -> str:
    return group.rsplit("/", 1)[0]


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", str(text))]


def ct_card(
    recipe: ClassifierRecipe, labels: Sequence[str], positive: str, temperature: float,
    figures: dict[str, Any], pictures: PictureSet,
) -> ModelCard:  # fmt: skip
    """Describe the classifier, with the plain sentence about what its figures mean."""
    negative = next(label for label in labels if label != positive)
    sizes = {name: len(pictures.patients(name)) for name in (positive, negative)}
    return ModelCard(
        name="ct_fracture_vgg16",
        title="VGG16 cervical fracture classifier (demonstration)",
        version="1.0.0",
        status=ModelStatus.DEMONSTRATION,
        task="classification",
        examinations=(ExaminationKind.NECK_CT_SLICE,),
        weights="model.tflite",
        sha256="",
        architecture={**recipe.architecture(), "arguments": {}},
        input_shape=recipe.input_shape,
        intensity=recipe.rule,
        classes=(negative, positive),
        positive_class=positive,
        positive_output=positive,
        threshold=0.5,
        temperature=round(temperature, 4),
        calibrated=False,
        training_data=(
            'Part of the public "Spine Fracture Prediction from C.T." pictures (probably from '
            "RSNA 2022 cervical spine CT; non-commercial research): "
            + ", ".join(f"{count} base slices {name}" for name, count in sizes.items())
            + "; VGG16 convolutions from ImageNet (Oxford VGG, CC BY 4.0), not fine-tuned"
        ),
        licence="Non-commercial research (RSNA 2022); ImageNet weights CC BY 4.0",
        metrics={
            "cross_validation": {
                **figures,
                "held_out": "whole series of fracture slices with blocks of normal slices",
                "independent_series": len({_series(p.patient) for p in pictures.pictures}),
                "independent_patients": "unknown; at most the number of series",
            }
        },
        intended_use="Showing how the program works. Not for finding fractures.",
        known_failures=(
            "Every normal slice comes from one series, and fracture slices show the skull base "
            "while normal slices show the mid-neck: the figures measure the level of the slice.",
            "A simple rule on five histogram numbers reaches the same accuracy.",
            "Held-out series are told apart almost without error, so that no probability between "
            "0 and 1 can be checked: the probability is not calibrated.",
            "Real fractures at mid-neck level are expected to be called normal.",
            "Slices outside the head and neck are outside of everything it has seen.",
        ),
        limits="This demonstration model tells skull-base slices from mid-neck slices of a few "
        "series; it was never shown to find a fracture, and its probability does not mean one.",
        training={
            "recipe": f"spinealign train ct-fracture --head {recipe.head}",
            "seed": recipe.seed,
            "copies": recipe.copies,
        },
    )
