"""From a film and a network to named vertebral bodies in the film's own pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import (
    Landmark,
    LandmarkSource,
    LevelUncertainty,
    Vertebra,
    VertebraState,
)
from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import ModelCard
from spinealign.inference.engine import LoadedModel
from spinealign.measure.outlines.bodies import Blob
from spinealign.measure.outlines.column import (
    LEVELS,
    WIDE_GAP,
    Naming,
    gaps_in_heights,
    name_levels,
)
from spinealign.measure.outlines.corners import CORNERS, Peak
from spinealign.measure.outlines.vertebrae import body_landmarks, up_vectors
from spinealign.radiograph.bodies_on_film import (
    FEWEST_BODIES,
    FilmMask,
    body_axes,
    own_bone,
    peaks_on_film,
    shape_on_film,
    told_facing,
    uncut,
    vertebra_of,
    window_of,
)
from spinealign.radiograph.coarse_to_fine import (
    FilmColumn,
    is_plausible,
    predict_coarse,
    predict_fine,
    with_sure_pieces,
)
from spinealign.radiograph.looks import COLUMN_CLASSES, COLUMN_LEVELS
from spinealign.radiograph.verdict import FilmSight, Sighting, VertebraOutlines, outlines_of
from spinealign.radiograph.whole_column import outline_column

Points = NDArray[np.float64]

BODY_CLASSES = ("background", "C2", "body")
"""Classes of a network that finds bodies and leaves their levels to the program."""

_GUESS = 0.66
"""Confidence (0..1) up to which the lowest body is taken back if it is hidden.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_OUTLINE_SHARE = 0.7
"""Weight of the outline against the corners in the confidence of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_NEAR_BONE_SIDE = 9
"""Side of the square around a pixel of bone in which corners are looked for, in pixels of the
network's output.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""


def finds_bodies(card: ModelCard) -> bool:
    """Whether a segmentation model is one whose bodies this package names."""
    return card.task == "segmentation" and card.classes in (BODY_CLASSES, COLUMN_CLASSES)


def outline_vertebrae(
    model: LoadedModel, image: SpineImage, levels: Sequence[str] = COLUMN_LEVELS
) -> VertebraOutlines:
    """Outline and name the vertebral bodies of a lateral radiograph.

    The network looks twice: at the whole film, to find the column, and at sharp
    windows along the column.

    Parameters
    ----------
    model : LoadedModel
        Card with `COLUMN_CLASSES` and the outputs ``logits`` (h, w, 4), ``corners``
        (h, w, 4) and ``levels`` (h, w, 2); or with `BODY_CLASSES`, ``logits`` (h, w, 3)
        and ``corners``: it sees C2 to T1, and levels are counted down from C2, or left open.
    image : SpineImage
        Any size; either way round.
    levels : sequence of str
        What the examination names. Bodies of other levels are dropped: a neck film that
        shows T2 has no T2 among its results.

    Returns
    -------
    VertebraOutlines
    """
    if model.card.classes == COLUMN_CLASSES:
        return outline_column(model, image, levels)
    whole = predict_coarse(model, image)
    column = predict_fine(model, image, whole)
    mask = FilmMask(whole.grid, whole.bone, image.shape)
    if column is None or len(column.blobs) < FEWEST_BODIES:
        return outlines_of(FilmSight(model.identity, mask), levels)
    has_column = is_plausible(column)
    column = column if has_column else with_sure_pieces(column)
    naming = name_levels(
        [blob.c2_share for blob in column.blobs], gaps_in_heights(column.blobs, column.height)
    )
    column = _named_part(column, naming)
    if len(column.blobs) < FEWEST_BODIES:
        return outlines_of(FilmSight(model.identity, mask), levels)
    sight = _Film(model, image, mask, column, naming).sight()
    return outlines_of(sight, levels, is_plausible=has_column)


def _named_part(column: FilmColumn, naming: Naming) -> FilmColumn:
    count = len(column.blobs) if naming.doubt else len(naming.levels)
    return column.part(slice(naming.first, naming.first + count))


class _Film:
    """Brings the bodies of a column back to the film's own pixels."""

    def __init__(
        self, model: LoadedModel, image: SpineImage, mask: FilmMask, column: FilmColumn,
        naming: Naming,
    ) -> None:  # fmt: skip
        self._model, self._image, self._column, self._naming = model, image, column, naming
        self._mask = mask
        ups = up_vectors([blob.centre for blob in column.blobs])
        self._facing, self._facing_confidence = told_facing(column.peaks, column.blobs, ups)
        self._frames = [body_axes(up, self._facing) for up in ups]
        self._peaks = self._all_peaks()
        grid = column.maps.grid
        mask.sharpen(grid, column.maps.bone, window_of(grid, column.blobs, image.shape))

    def sight(self) -> FilmSight:
        """Return all bodies of the column, the lowest one as weak where it is but a guess."""
        found = [self._sighting(place, number) for place, number in enumerate(self._numbers())]
        sightings = [one for one in found if one is not None]
        if len(sightings) > FEWEST_BODIES and _is_guess(sightings[-1].vertebra):
            sightings[-1] = replace(sightings[-1], is_weak=True)
        return FilmSight(
            self._model.identity, self._mask, tuple(sightings), self._facing,
            self._facing_confidence, self._naming.doubt or LevelUncertainty.IRREGULAR,
            self._image.pixel_aspect,
        )  # fmt: skip

    def _numbers(self) -> list[int]:
        """Return the number of each body's level, more than one apart where one may be missing."""
        if not self._naming.doubt:
            return [LEVELS.index(level) for level in self._naming.levels]
        gaps = gaps_in_heights(self._column.blobs, self._column.height)
        return [0, *np.cumsum([2 if gap >= WIDE_GAP else 1 for gap in gaps]).tolist()]

    def _sighting(self, place: int, number: int) -> Sighting | None:
        column, blob = self._column, self._column.blobs[place]
        maps = column.maps
        own = own_bone(maps.bone, column.labels, column.nearest, blob, column.height)
        shape = shape_on_film(maps.grid, own, blob, self._image.shape)
        if shape is None:
            return None
        vertebra = self._vertebra(place, shape.contour)
        return Sighting(
            vertebra, shape, maps.grid, maps.bone, number, is_named=vertebra.level is not None
        )

    def _vertebra(self, place: int, contour: Points) -> Vertebra:
        blob, height = self._column.blobs[place], self._column.film_height
        marks = body_landmarks(contour, self._peaks, self._frames[place], height, blob)
        marks = uncut(marks, contour, self._image.shape, height)
        return vertebra_of(
            contour, marks, _confidence(blob, marks), self._image.shape,
            level=None if self._naming.doubt else self._naming.levels[place],
        )  # fmt: skip

    def _all_peaks(self) -> list[list[Peak]]:
        """Return the corners that the network saw, on the film, for each heat map."""
        column = self._column
        is_bone = (column.maps.bone >= 0.5).astype(np.uint8)
        near = cv2.dilate(is_bone, np.ones((_NEAR_BONE_SIDE, _NEAR_BONE_SIDE))) > 0
        return peaks_on_film(column.maps.grid, column.maps.corners, near, column.height)


def _is_guess(body: Vertebra) -> bool:
    """Whether the lowest body is little more than a guess, as behind shoulders."""
    return body.state is VertebraState.HIDDEN and body.confidence <= _GUESS


def _confidence(blob: Blob, marks: Sequence[Landmark]) -> float:
    """Weigh certainty of the outline with that of the corners that the network saw."""
    seen = sum(m.confidence for m in marks if m.source is LandmarkSource.NETWORK)
    corners = seen / (len(CORNERS) - 2 if blob.is_c2 else len(CORNERS))
    return float(np.clip(_OUTLINE_SHARE * blob.certainty + (1 - _OUTLINE_SHARE) * corners, 0, 1))
