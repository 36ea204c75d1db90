"""``train landmarks``: from a user's named points to a model folder with an honest card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import keras
import numpy as np
from keras import ops

from spinealign.data_audit.landmarks import Coordinates, MarkedSet, list_marked
from spinealign.domain.errors import DataSetError
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import IntensityRule, LandmarkRule, ModelCard
from spinealign.domain.trained_on import KEY as LEARNED_FROM
from spinealign.domain.trained_on import picture_marks
from spinealign.evaluation.answering_points import cases_of
from spinealign.evaluation.landmarks import (
    PointedCases,
    point_figures_by_patient,
    prediction_rows,
)
from spinealign.inference.catalog import ModelStore
from spinealign.training import networks
from spinealign.training.augment import Exposure, Geometry
from spinealign.training.own.about import (
    earned_by_points,
    require_modality,
    told_augmentation,
)
from spinealign.training.own.jobs import OwnJob
from spinealign.training.own.kept import Kept, kept_under
from spinealign.training.own.landmark_patches import (
    STRIDE,
    PointedPicture,
    PointPatches,
    PointPatchSettings,
    load_pictures,
    swaps_of,
)
from spinealign.training.own.looking import LookedAt, Skipped, look_at
from spinealign.training.own.pictures import (
    Picture,
    PictureSet,
    held_out,
    with_patients,
    with_split,
)
from spinealign.training.own.results import RESULTS, save_results, write_skipped
from spinealign.training.package import (
    fold_batch_normalisation,
    to_litert,
    write_model_folder,
)
from spinealign.training.progress import Board, Progress
from spinealign.training.train import (
    Checkpoint,
    prefetch,
    run_steps,
    settle_normalisation,
)
from spinealign.training.xray import heat_loss
from spinealign.wording import landmarks as point_words
from spinealign.wording import training as words

SETTLING_BATCHES = 16
"""Batches over which a normalisation's mean and variance are averaged at the end."""

_ROOM = 1.25
"""How much larger pictures are kept than the second look needs: crops are magnified at random."""


@dataclass(frozen=True)
class LandmarkRecipe:
    """Settings of a training of named points; widths, learning rate and spots as frontal films'.

    Parameters
    ----------
    widths, context : tuple of int
        Filters of each level of the U-Net; dilations at its bottom.
    input_px : int
        Side of the network's input, at both looks.
    zoom : float
        Magnification of the second look over the first.
    search_cells, least_peak : float
        See `LandmarkRule`.
    batch, steps : int
    epochs : int or None
        Instead of `steps`: how often as many crops are seen as there are pictures.
    held_out_share : float
        Of patients, where the data set has no splits.
    swaps : tuple of int
        Pairs by place (`landmark_patches.swaps_of`); empty: nothing is mirrored.
    """

    widths: tuple[int, ...] = (32, 48, 96, 160, 192)
    context: tuple[int, ...] = (2, 4)
    input_px: int = 256
    zoom: float = 3.0
    search_cells: float = 4.0
    least_peak: float = 0.1
    batch: int = 8
    steps: int = 3000
    epochs: int | None = None
    learning_rate: float = 1.2e-3
    held_out_share: float = 0.25
    close_share: float = 0.6
    save_every: int = 50
    seed: int = 7
    rule: IntensityRule = field(
        default_factory=lambda: IntensityRule(percentiles=(0.5, 99.5), clahe_clip_limit=2.0)
    )
    geometry: Geometry = field(
        default_factory=lambda: Geometry(
            rotation_deg=15.0, scale=(0.85, 1.18), anisotropy=0.0, shear=0.1, shift=0.15, flip=False
        )
    )
    exposure: Exposure = field(default_factory=Exposure)
    swaps: tuple[int, ...] = ()
    file: str = ""

    def arguments(self, points: int) -> dict[str, Any]:
        """Return the arguments of the network that ships."""
        return {
            "input_shape": [self.input_px, self.input_px, 1],
            "points": points,
            "widths": list(self.widths),
            "context": list(self.context),
            "batch_normalisation": False,
        }

    def steps_for(self, pictures: int) -> int:
        """Return how many steps are trained."""
        if self.epochs is None:
            return self.steps
        return max(1, -(-self.epochs * pictures // self.batch))

    @property
    def looks(self) -> LandmarkRule:
        """How the network is used, as the card says it."""
        return LandmarkRule(self.zoom, STRIDE, self.search_cells, self.least_peak)


@dataclass(frozen=True, kw_only=True)
class LandmarkJob(OwnJob):
    """What a user asks for.

    Parameters
    ----------
    coordinates : str or None
        What 0 means in the data; see `data_audit.landmarks.list_marked`.
    points : sequence of str or None
        Only these.
    mirror_pairs : mapping of str to str or None
        Which point takes the place of which in a mirror image. None: nobody said so, and nothing
        is mirrored; an empty one says that no point has a side.
    """

    recipe: LandmarkRecipe = field(default_factory=LandmarkRecipe)
    coordinates: Coordinates | None = None
    points: Sequence[str] | None = None
    mirror_pairs: Mapping[str, str] | None = None


def point_loss() -> Callable[..., object]:
    """Return the loss of heat maps; of points that are not known nothing is learned."""

    def loss(labels: Any, logits: Any) -> Any:
        labels = ops.cast(labels, "float32")
        known = ops.cast(labels >= 0, "float32")
        return heat_loss(ops.maximum(labels, 0.0), known, logits)

    return loss


def train_landmarks(job: LandmarkJob) -> ModelCard:
    """Train on all patients that are not held out, measure on those that are, and package.

    Raises
    ------
    DataSetError
        The data set does not have the layout, the points or the patients that this needs.
    """
    marked = list_marked(job.data, job.layout, job.coordinates, job.points)
    print(point_words.points_told(marked.names), flush=True)
    job = replace(job, recipe=_with_mirror(job, marked.names))
    found = with_split(_picture_set(marked, job.pattern), job.split)
    tell = Progress("looking at the data", "picture")
    looked = look_at(found, job.most_broken, tell, job.leave_out)
    require_modality(looked, job.stated.examination)
    wanted = job.held_out
    if wanted is None and not any(p.split for p in looked.found.pictures):
        wanted = str(job.recipe.held_out_share)
    names = held_out(looked.found, wanted, job.recipe.seed)
    verdict = job.judge(looked.found, names)
    job = replace(job, stated=job.stated.judged(verdict))
    longest = round(job.recipe.input_px * job.recipe.zoom * _ROOM)
    pictures, odd = load_pictures(marked, looked, job.recipe.rule, longest)
    skipped = (*looked.skipped, *odd)
    _tell_skipped(job, skipped, looked.poor, len(found.pictures))
    training = [one for one in pictures if one.name not in names]
    _require_taught(training, marked.names)
    steps = job.recipe.steps_for(len(training))
    kept = _kept(job, marked, looked, names, steps)
    model = _trained(job.recipe, training, len(marked.names), steps, kept)
    plain = networks.landmark_unet(**job.recipe.arguments(len(marked.names)))
    plain = fold_batch_normalisation(model, plain)
    flatbuffer = to_litert(plain, "float16")
    used = {one.name for one in pictures}
    parts = (
        looked.found.where(lambda p: p.name in used - names),
        looked.found.where(lambda p: p.name in used & names),
    )
    card = _card(job, marked, training, parts, (len(skipped), len(looked.poor)), steps)
    card = write_model_folder(job.out, flatbuffer, card)
    metrics, rows = _measured(job, marked, parts)
    card = write_model_folder(job.out, flatbuffer, _with_figures(card, job, metrics, parts[1]))
    curve = Checkpoint(kept.folder).curve()
    board = Board(job.tensorboard)
    for point in curve:
        board.add("training", int(point["step"]), {"loss": point["loss"]})
    save_results(job.work / RESULTS, plain, {"training": curve}, rows, (*skipped, *looked.poor))
    return card


def _with_mirror(job: LandmarkJob, names: Sequence[str]) -> LandmarkRecipe:
    """Return the recipe with what becomes of points in a mirror image, if it was stated."""
    recipe, pairs = job.recipe, job.mirror_pairs
    if not recipe.geometry.flip:
        if pairs is not None:
            raise DataSetError(point_words.PAIRS_WITHOUT_FLIP)
        return recipe
    if pairs is None:
        raise DataSetError(point_words.flip_without_pairs(names))
    ends = [*pairs, *pairs.values()]
    strange = [name for name in ends if name not in names]
    if strange or len(set(ends)) != len(ends):
        raise DataSetError(point_words.strange_points(strange or ends, names))
    return replace(recipe, swaps=swaps_of(names, pairs))


def _picture_set(marked: MarkedSet, pattern: str | None) -> PictureSet:
    pictures = [
        Picture(each.path, each.name, "", each.part, each.patient)
        for each in marked.pictures
        if each.points
    ]
    return with_patients(pictures, pattern)


def _tell_skipped(
    job: LandmarkJob, skipped: Sequence[Skipped], poor: Sequence[Skipped], of: int
) -> None:
    if len(skipped) > job.most_broken * of:
        raise DataSetError(words.too_many_broken(len(skipped), of, skipped[0]))
    if skipped or poor:
        place = write_skipped(job.work / RESULTS, (*skipped, *poor))
        print(words.skipped_text((*skipped, *poor), place), flush=True)


def _require_taught(training: Sequence[PointedPicture], names: Sequence[str]) -> None:
    """Refuse a split that leaves nothing, or a point that is nowhere, to learn from."""
    if not training:
        raise DataSetError(words.nothing_to_train_on())
    known = np.any([np.isfinite(one.points[:, 0]) for one in training], axis=0)
    if not known.all():
        missing = [name for name, is_there in zip(names, known, strict=True) if not is_there]
        raise DataSetError(point_words.points_nowhere(missing))


def _kept(
    job: LandmarkJob, marked: MarkedSet, looked: LookedAt, names: set[str], steps: int
) -> Kept:
    points = {each.name: dict(each.points) for each in marked.pictures}
    parts = {
        "data": [(p.name, p.sha256, p.patient) for p in looked.found.pictures],
        "points": [
            marked.coordinates,
            marked.names,
            {p.name: points[p.name] for p in looked.found.pictures},
        ],
        "labels": sorted(names),
        "settings": [asdict(job.recipe), steps],
    }
    kept = kept_under(job.work, "landmarks", parts)
    print(words.kept_text(kept.is_new, kept.differs_in, "training"), flush=True)
    return kept


def _trained(
    recipe: LandmarkRecipe, training: Sequence[PointedPicture], points: int, steps: int, kept: Kept
) -> keras.Model:
    keras.utils.set_random_seed(recipe.seed)
    side = recipe.input_px
    model = networks.landmark_unet((side, side, 1), points, recipe.widths, recipe.context)
    settings = PointPatchSettings(
        (side, side), recipe.zoom, recipe.close_share, recipe.rule, recipe.geometry,
        recipe.exposure, recipe.swaps,
    )  # fmt: skip
    patches = PointPatches(training, settings, recipe.seed)
    model = run_steps(
        model,
        point_loss(),
        lambda step: prefetch(patches.from_step(step, recipe.batch)),
        steps=steps,
        learning_rate=recipe.learning_rate,
        checkpoint=Checkpoint(kept.folder),
        save_every=recipe.save_every,
    )
    settle_normalisation(
        model, patches.from_step(steps, recipe.batch), min(SETTLING_BATCHES, steps)
    )
    return model


def _measured(
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


def _card(
    job: LandmarkJob, marked: MarkedSet, taught: Sequence[PointedPicture],
    parts: tuple[PictureSet, PictureSet], left_out: tuple[int, int], steps: int,
) -> ModelCard:  # fmt: skip
    training, held = parts
    stated, recipe = job.stated, job.recipe
    counts = [
        words.classes_text({"": (len(p.pictures), len(p.patients()))}, p.has_patients).strip()
        for p in parts
    ]
    known = np.sum([np.isfinite(one.points[:, 0]) for one in taught], axis=0).tolist()
    failures = words.failures_of(
        training.has_patients, True, stated.although, stated.examination is not None,
        stated.verdict, job.leave_out,
    )  # fmt: skip
    data = words.training_data_text(
        counts[0], counts[1] if held.pictures else "", stated.source, left_out[0], "",
        training.has_patients, left_out[1],
    )  # fmt: skip
    return ModelCard(
        name=job.out.name,
        title=stated.title or point_words.untitled(marked.names),
        version="1",
        status=ModelStatus.DEMONSTRATION,
        task="landmarks",
        examinations=stated.examinations,
        weights="model.tflite",
        sha256="0" * 64,
        architecture={
            "name": "landmark_unet", "arguments": recipe.arguments(len(marked.names)),
        },
        input_shape=(recipe.input_px, recipe.input_px),
        intensity=recipe.rule,
        classes=marked.names,
        training_data=f"{data} {point_words.known_text(marked.names, known, len(taught))}",
        metrics={"note": words.NOT_EVALUATED},
        known_failures=(point_words.NEVER_ABSENT, *failures),
        limits=words.limits_text(0, training.has_patients, False),
        training={
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
            "recipe_file": recipe.file,
            "patients_from": str(training.source),
            "audit": stated.verdict,
            LEARNED_FROM: picture_marks(p.sha256 for p in training.pictures),
            "although": stated.although,
        },
        licence=words.licence_text(stated.licence, False),
        intended_use=stated.intended_use or words.NOT_STATED,
        landmarks=recipe.looks,
    )  # fmt: skip


def _with_figures(
    card: ModelCard, job: LandmarkJob, metrics: dict[str, Any], held: PictureSet
) -> ModelCard:
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
