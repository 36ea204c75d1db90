"""Cards of networks of named points: what they were taught, and how they answer by use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from spinealign.data_audit.landmarks import MarkedSet
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import ModelCard
from spinealign.evaluation.answering_points import cases_of
from spinealign.evaluation.landmarks import (
    PointedCases,
    point_figures_by_patient,
    prediction_rows,
)
from spinealign.inference.catalog import ModelStore
from spinealign.training.own.about import earned_by_points, told_augmentation
from spinealign.training.own.cards import Parts, common_fields, common_training
from spinealign.training.own.landmark_patches import PointedPicture
from spinealign.training.own.landmark_recipe import LandmarkJob
from spinealign.training.own.pictures import PictureSet
from spinealign.training.progress import Progress
from spinealign.wording import landmarks as point_words
from spinealign.wording import training as words


def points_card(
    job: LandmarkJob, marked: MarkedSet, taught: Sequence[PointedPicture],
    parts: tuple[PictureSet, PictureSet], left_out: tuple[int, int], steps: int,
) -> ModelCard:  # fmt: skip
    """Return the card of a network before anybody knows how well it answers.

    Parameters
    ----------
    taught : sequence of PointedPicture
        All that was learned from.
    parts : tuple of PictureSet
        Trained on, held out.
    left_out : tuple of int
        How many pictures were skipped, and left out for their quality.
    """
    recipe = job.recipe
    counts = [
        words.classes_text({"": (len(p.pictures), len(p.patients()))}, p.has_patients).strip()
        for p in parts
    ]
    known = np.sum([np.isfinite(one.points[:, 0]) for one in taught], axis=0).tolist()
    of_data = Parts(*parts, (counts[0], counts[1]), *left_out)
    told = common_fields(job, of_data, needs_imagenet=False)
    told["training_data"] += f" {point_words.known_text(marked.names, known, len(taught))}"
    told["known_failures"] = (point_words.NEVER_ABSENT, *told["known_failures"])
    return ModelCard(
        **told,
        title=job.stated.title or point_words.untitled(marked.names),
        task="landmarks",
        architecture={
            "name": "landmark_unet", "arguments": recipe.arguments(len(marked.names)),
        },
        input_shape=(recipe.input_px, recipe.input_px),
        intensity=recipe.rule,
        classes=marked.names,
        training=_told_training(job, marked, of_data, known, steps),
        landmarks=recipe.looks,
    )  # fmt: skip


def _told_training(
    job: LandmarkJob, marked: MarkedSet, parts: Parts, known: Sequence[int], steps: int
) -> dict[str, Any]:
    """Return how the network was trained, as the card keeps it."""
    recipe = job.recipe
    return {
        "recipe": "spinealign train landmarks",
        "seed": recipe.seed,
        "steps": steps,
        "batch": recipe.batch,
        "learning_rate": recipe.learning_rate,
        "augmentation": told_augmentation(recipe.geometry, recipe.exposure),
        "mirror_pairs": {
            marked.names[k]: marked.names[other] for k, other in enumerate(recipe.swaps)
        },
        "coordinates": marked.coordinates,
        "known_in": dict(zip(marked.names, known, strict=True)),
        **common_training(job, parts, recipe.file),
    }


def with_figures(
    card: ModelCard, job: LandmarkJob, metrics: dict[str, Any], held: PictureSet
) -> ModelCard:
    """Return a card with what was measured, and the status that this earns."""
    status = earned_by_points(
        metrics.get("held_out", {}), card.classes,
        has_patients=held.has_patients, although=job.stated.although,
    )  # fmt: skip
    patients = len(held.patients()) if held.has_patients else 0
    earned = status is not ModelStatus.DEMONSTRATION
    return replace(
        card,
        metrics=metrics or card.metrics,
        status=status,
        limits=words.limits_text(patients, held.has_patients, earned),
    )


def measured_points(
    job: LandmarkJob, marked: MarkedSet, parts: tuple[PictureSet, PictureSet]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return figures on both parts through the way of use, and every point's answer."""
    model = ModelStore([job.out.parent]).load(job.out.name)
    by_name = {each.name: each for each in marked.pictures}
    metrics: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    for part, found in zip(("training", "held_out"), parts, strict=True):
        if not found.pictures:
            continue
        members = [replace(by_name[p.name], patient=p.patient) for p in found.pictures]
        tell = Progress(f"placing points, {part.replace('_', ' ')}", "picture")
        part_set = replace(marked, pictures=tuple(members))
        cases = cases_of(model, part_set, found.has_patients, _Counted(tell)).cases
        metrics[part] = _figures(cases)
        held = "yes" if part == "held_out" else "no"
        rows += [{**row, "held_out": held} for row in prediction_rows(cases)]
    return metrics, rows


class _Counted:
    """Tells how many pictures are done, and not which."""

    def __init__(self, tell: Progress) -> None:
        self._tell = tell

    def __call__(self, _name: str, done: int, of: int) -> None:
        self._tell(done + 1, of)


def _figures(cases: PointedCases) -> dict[str, Any]:
    figures = point_figures_by_patient(cases)
    patients = len(set(cases.patients)) if cases.knows_patients else len(cases)
    told: dict[str, Any] = {
        name: {
            "value": _known(each.value), "low": _known(each.low), "high": _known(each.high),
            "units": patients,
        }
        for name, each in figures.items()
    }  # fmt: skip
    return {**told, "images": len(cases)}


def _known(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
