"""What a training of named points is asked for: its recipe, and the job that a user describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from spinealign.data_audit.landmarks import Coordinates
from spinealign.domain.errors import DataSetError
from spinealign.domain.model_card import IntensityRule, LandmarkRule
from spinealign.training.augment import Exposure, Geometry
from spinealign.training.own.jobs import OwnJob
from spinealign.training.own.landmark_patches import STRIDE, swaps_of
from spinealign.wording import landmarks as point_words


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


def with_mirror(job: LandmarkJob, names: Sequence[str]) -> LandmarkRecipe:
    """Return the recipe with what becomes of points in a mirror image, if it was stated.

    Raises
    ------
    DataSetError
        Pictures are to be mirrored and nobody said how, or pairs name no points.
    """
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
