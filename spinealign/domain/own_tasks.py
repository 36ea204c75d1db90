"""What can be trained on a user's own data: the one table that a new task joins.

What carries a task out is named and not imported, as layers point down: commands, training and
evaluation each look here for the module of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from spinealign.domain.examination import Task

OwnTaskName = Literal["classifier", "multi-label", "ordinal", "segmentation", "landmarks"]
Preset = Literal["lean", "report", "plain-cnn", "u-net", "two-looks"]
LayoutName = Literal[
    "folders", "table", "dicom-table", "rsna-2022", "label-table",
    "masks", "volumes", "spider", "coco", "labelme",
    "coco-keypoints", "labelme-points", "point-table",
]  # fmt: skip

_CLASSIFIERS: Final[tuple[Preset, ...]] = ("lean", "report", "plain-cnn")
_STEPPED: Final[tuple[Preset, ...]] = ("report", "plain-cnn")


@dataclass(frozen=True)
class OwnTask:
    """One task, and all that differs between it and others.

    Parameters
    ----------
    name : str
        In recipes, and of ``spinealign train NAME``.
    card_task : str
        What the cards of its models say.
    presets : tuple of str
        Its networks; the first is taken where none is named.
    layouts : tuple of str
        Of `training.own.layouts` or `data_audit.landmarks`, the narrower ones first.
    trainer : str
        Module of `spinealign.training.own`: its ``by_options`` trains what a command line says, its
        ``by_recipe`` what a file says, and both return the card.
    evaluator : str
        ``module:function`` of `spinealign.evaluation` that evaluates its models: takes the model,
        the data, the pattern of patients, and what shows progress.
    needed : tuple of str
        Keys that its recipes must have.
    keys : mapping of str to tuple of str
        Keys that not every recipe has, each with the presets that have a use for it.
    """

    name: OwnTaskName
    card_task: Task
    presets: tuple[Preset, ...]
    layouts: tuple[LayoutName, ...]
    trainer: str
    evaluator: str
    needed: tuple[str, ...] = ()
    keys: Mapping[str, tuple[Preset, ...]] = field(default_factory=dict)


_OF_CLASSIFIERS: Final[Mapping[str, tuple[Preset, ...]]] = {
    "imagenet": ("lean", "report"),
    "preprocessing.region": _CLASSIFIERS,
    "preprocessing.region_margin": _CLASSIFIERS,
    "augmentation.copies": _CLASSIFIERS,
    "balance": _CLASSIFIERS,
    "training.folds": _CLASSIFIERS,
    "training.epochs": _STEPPED,
    "training.steps": _STEPPED,
    "training.batch": _STEPPED,
    "training.learning_rate": _STEPPED,
    "training.schedule": _STEPPED,
    "training.warm_up": _STEPPED,
    "training.decay": _STEPPED,
    "training.decay_every": _STEPPED,
    "training.patience": _STEPPED,
    "training.regularisation": ("lean",),
}

OWN_TASKS: Final[Mapping[OwnTaskName, OwnTask]] = {
    task.name: task
    for task in (
        OwnTask(
            "classifier",
            "classification",
            _CLASSIFIERS,
            ("rsna-2022", "dicom-table", "table", "folders"),
            trainer="classifier_jobs",
            evaluator="answering:evaluated_classes",
            needed=("data.positive",),
            keys={
                "data.positive": _CLASSIFIERS,
                "data.label_column": _CLASSIFIERS,
                **_OF_CLASSIFIERS,
            },
        ),
        OwnTask(
            "multi-label",
            "multi_label",
            _CLASSIFIERS,
            ("label-table",),
            trainer="labels_jobs",
            evaluator="several:evaluated_labels",
            keys={"data.labels": _CLASSIFIERS, **_OF_CLASSIFIERS},
        ),
        OwnTask(
            "ordinal",
            "ordinal",
            _CLASSIFIERS,
            ("rsna-2022", "dicom-table", "table", "folders"),
            trainer="grades_jobs",
            evaluator="several:evaluated_grades",
            needed=("data.grades",),
            keys={
                "data.grades": _CLASSIFIERS,
                "data.label_column": _CLASSIFIERS,
                **_OF_CLASSIFIERS,
            },
        ),
        OwnTask(
            "segmentation",
            "segmentation",
            ("u-net",),
            ("spider", "volumes", "coco", "labelme", "masks"),
            trainer="segmentation_jobs",
            evaluator="answering:evaluated_outlines",
            keys=dict.fromkeys(
                (
                    "data.classes", "training.epochs", "training.steps", "training.batch",
                    "training.learning_rate",
                ),
                ("u-net",),
            ),
        ),
        OwnTask(
            "landmarks",
            "landmarks",
            ("two-looks",),
            ("coco-keypoints", "labelme-points", "point-table"),
            trainer="landmarks_jobs",
            evaluator="answering_points:evaluated_points",
            keys=dict.fromkeys(
                (
                    "data.coordinates", "data.points", "data.mirror_pairs",
                    "preprocessing.second_look", "training.epochs", "training.steps",
                    "training.batch", "training.learning_rate",
                ),
                ("two-looks",),
            ),
        ),
    )
}  # fmt: skip
"""Every task by its name."""

KEYS_OF_SOME: Final = frozenset(key for task in OWN_TASKS.values() for key in task.keys)
"""Keys that some tasks, or some presets of them, have no use for."""


def own_task_of(card_task: Task) -> OwnTask | None:
    """Return the task whose models say `card_task`; None for models of this project only."""
    return next((task for task in OWN_TASKS.values() if task.card_task == card_task), None)
