"""From a film and a network to named vertebral bodies in the film's own pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import (
    Caution,
    Facing,
    Landmark,
    LandmarkSource,
    Segmentation,
    Vertebra,
    VertebraState,
)
from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import ModelCard
from spinealign.imaging.tiles import FilmWindow, window_around
from spinealign.inference.engine import Array, LoadedModel
from spinealign.measure.outlines.bodies import Blob, largest_piece
from spinealign.measure.outlines.column import LEVELS, Naming, gaps_in_heights, name_levels
from spinealign.measure.outlines.contours import level_contour, thinned
from spinealign.measure.outlines.corners import CORNERS, Peak
from spinealign.measure.outlines.vertebrae import (
    body_landmarks,
    inside_film,
    touches_border,
    up_vectors,
)
from spinealign.radiograph.bodies_on_film import (
    FEWEST_BODIES,
    body_axes,
    cautions_of,
    own_bone,
    peaks_on_film,
    state_of,
    told_facing,
)
from spinealign.radiograph.coarse_to_fine import (
    FilmColumn,
    Maps,
    is_plausible,
    predict_coarse,
    predict_fine,
)

BODY_CLASSES = ("background", "C2", "body")
"""Classes of a network that finds bodies and leaves their levels to the program."""

CLASS_IDS = {level: number for number, level in enumerate(LEVELS, start=1)}
"""Mask value of each level. Source: convention of this program."""

FIRST_UNNAMED_ID = 11
"""Mask value of the first body where levels are uncertain. Source: convention of this program."""

_GUESS = 0.66
"""Confidence (0..1) up to which the lowest body is taken back if it is hidden.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_OUTLINE_SHARE = 0.7
"""Weight of the outline against the corners in the confidence of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_ROOM = 4
"""Room around a body in which it is drawn, in pixels of the network's output.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_CUT_OFF = 0.15
"""Distance from the border of the film within which a landmark of a cut body is left out, in
typical heights of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_NEAR_BONE_SIDE = 9
"""Side of the square around a pixel of bone in which corners are looked for, in pixels of the
network's output.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""


@dataclass(frozen=True, eq=False)
class VertebraOutlines:
    """What was found on one film.

    Parameters
    ----------
    segmentation : Segmentation or None
        Mask values C2 = 1 ... C7 = 6, T1 = 7; 11, 12, ... when levels are uncertain.
        None only where no film was looked at.
    vertebrae : tuple of Vertebra
        From the top; empty when fewer than two plausible bodies were found.
    facing : Facing or None
        None when it could not be told.
    facing_confidence : float or None
    levels_uncertain : bool
        The bodies then have numbers and no levels.
    cautions : tuple of Caution
    """

    segmentation: Segmentation | None = None
    vertebrae: tuple[Vertebra, ...] = ()
    facing: Facing | None = None
    facing_confidence: float | None = None
    levels_uncertain: bool = False
    cautions: tuple[Caution, ...] = ()


def finds_bodies(card: ModelCard) -> bool:
    """Whether a segmentation model is one whose bodies this module names."""
    return card.task == "segmentation" and card.classes == BODY_CLASSES


def outline_vertebrae(model: LoadedModel, image: SpineImage) -> VertebraOutlines:
    """Outline and name the vertebral bodies of a lateral cervical radiograph.

    The network looks twice: at the whole film, to find the column, and at sharp
    windows along the column. Levels are counted down from C2, or left open.

    Parameters
    ----------
    model : LoadedModel
        Card with `BODY_CLASSES`; outputs ``logits`` (h, w, 3) and ``corners`` (h, w, 4).
    image : SpineImage
        Any size; either way round.

    Returns
    -------
    VertebraOutlines
    """
    whole = predict_coarse(model, image)
    column = predict_fine(model, image, whole)
    if column is None or not is_plausible(column):
        return VertebraOutlines(_empty(model, image, whole))
    gaps = gaps_in_heights(column.blobs, column.height)
    naming = name_levels([blob.c2_share for blob in column.blobs], gaps)
    column = _named_part(column, naming)
    if len(column.blobs) < FEWEST_BODIES:
        return VertebraOutlines(_empty(model, image, whole))
    return _Film(model, image, whole, column, naming).outlines()


def _named_part(column: FilmColumn, naming: Naming) -> FilmColumn:
    count = len(column.blobs) if naming.doubt else len(naming.levels)
    part = slice(naming.first, naming.first + count)
    return replace(column, blobs=column.blobs[part], peaks=column.peaks[part])


def _empty(model: LoadedModel, image: SpineImage, whole: Maps) -> Segmentation:
    mask = np.zeros(image.shape, np.uint8)
    return Segmentation(model.identity, {}, mask, _background(whole, image))


def _background(whole: Maps, image: SpineImage) -> Array:
    rows, cols = image.shape
    return np.clip(1 - whole.grid.sample(whole.bone, 0, 0, (rows, cols)), 0, 1)


class _Film:
    """Brings the bodies of a column back to the film's own pixels."""

    def __init__(
        self, model: LoadedModel, image: SpineImage, whole: Maps, column: FilmColumn,
        naming: Naming,
    ) -> None:  # fmt: skip
        self._model, self._image, self._column, self._naming = model, image, column, naming
        self._mask = np.zeros(image.shape, np.uint8)
        self._confidence = _background(whole, image)
        ups = up_vectors([blob.centre for blob in column.blobs])
        self._facing, self._facing_confidence = told_facing(column.peaks, column.blobs, ups)
        self._frames = [body_axes(up, self._facing) for up in ups]
        self._peaks = self._all_peaks()
        self._sharpen_background()

    def outlines(self) -> VertebraOutlines:
        found = [self._vertebra(place) for place in range(len(self._column.blobs))]
        vertebrae = self._without_guess(tuple(body for body in found if body is not None))
        classes = {self._class_id(body.index): body.name for body in vertebrae}
        return VertebraOutlines(
            Segmentation(self._model.identity, classes, self._mask, self._confidence),
            vertebrae,
            self._facing,
            self._facing_confidence,
            self._naming.doubt is not None,
            cautions_of(vertebrae, self._facing, self._naming.doubt),
        )

    def _without_guess(self, bodies: tuple[Vertebra, ...]) -> tuple[Vertebra, ...]:
        """Take the lowest body back where it is little more than a guess, as behind shoulders."""
        last = bodies[-1] if len(bodies) > FEWEST_BODIES else None
        if last is None or last.state is not VertebraState.HIDDEN or last.confidence > _GUESS:
            return bodies
        guessed = self._mask == self._class_id(last.index)
        self._mask[guessed] = 0
        self._confidence[guessed] = 1 - self._confidence[guessed]
        return bodies[:-1]

    def _class_id(self, index: int) -> int:
        if self._naming.doubt:
            return FIRST_UNNAMED_ID + index - 1
        return CLASS_IDS[self._naming.levels[index - 1]]

    def _vertebra(self, place: int) -> Vertebra | None:
        column, blob = self._column, self._column.blobs[place]
        contour = self._paint(blob, self._class_id(place + 1))
        if contour is None:
            return None
        marks = body_landmarks(contour, self._peaks, self._frames[place], column.film_height, blob)
        is_cut = touches_border(contour, self._image.shape)
        if is_cut:
            marks = inside_film(marks, self._image.shape, _CUT_OFF * column.film_height)
        confidence = _confidence(blob, marks)
        return Vertebra(
            level=None if self._naming.doubt else self._naming.levels[place],
            index=place + 1,
            outline=tuple((float(x), float(y)) for x, y in thinned(contour)),
            landmarks=marks,
            confidence=confidence,
            state=state_of(confidence, is_cut=is_cut),
        )

    def _all_peaks(self) -> list[list[Peak]]:
        """Return the corners that the network saw, on the film, for each heat map."""
        column = self._column
        is_bone = (column.maps.bone >= 0.5).astype(np.uint8)
        near = cv2.dilate(is_bone, np.ones((_NEAR_BONE_SIDE, _NEAR_BONE_SIDE))) > 0
        return peaks_on_film(column.maps.grid, column.maps.corners, near, column.height)

    def _paint(self, blob: Blob, class_id: int) -> NDArray[np.float64] | None:
        """Write one body into mask and confidence, and return its outline on the film."""
        grid, own = self._column.maps.grid, self._own_bone(blob)
        window = self._window([blob])
        left, top, shape = window.left, window.top, window.shape
        finer = max(1, int(np.ceil(max(grid.scale))))
        contour = level_contour(grid.sample(own, left, top, shape, finer))
        inside = largest_piece(grid.sample(own, left, top, shape) >= 0.5)
        if contour is None or not inside.any():
            return None
        bone = grid.sample(self._column.maps.bone, left, top, shape)
        window.cut(self._mask)[inside] = class_id
        window.cut(self._confidence)[inside] = np.clip(bone[inside], 0, 1)
        return np.asarray(contour / finer + (left, top), np.float64)

    def _window(self, blobs: Sequence[Blob]) -> FilmWindow:
        pixels = np.concatenate([blob.pixels for blob in blobs])
        ends = np.array([pixels.min(axis=0) - _ROOM, pixels.max(axis=0) + _ROOM])
        low, high = self._column.maps.grid.to_film(ends)
        return window_around(low, high, 1.0, self._image.shape)

    def _sharpen_background(self) -> None:
        window = self._window(self._column.blobs)
        bone = self._column.maps.grid.sample(
            self._column.maps.bone, window.left, window.top, window.shape
        )
        window.cut(self._confidence)[:] = np.clip(1 - bone, 0, 1)

    def _own_bone(self, blob: Blob) -> Array:
        """Return the bone map (h, w) of one body, falling to 0 across borders with others."""
        column = self._column
        return own_bone(column.maps.bone, column.labels, column.nearest, blob, column.height)


def _confidence(blob: Blob, marks: Sequence[Landmark]) -> float:
    """Weigh certainty of the outline with that of the corners that the network saw."""
    seen = sum(m.confidence for m in marks if m.source is LandmarkSource.NETWORK)
    corners = seen / (len(CORNERS) - 2 if blob.is_c2 else len(CORNERS))
    return float(np.clip(_OUTLINE_SHARE * blob.certainty + (1 - _OUTLINE_SHARE) * corners, 0, 1))
