"""Bodies of a frontal film as the program keeps them: named or not, painted, with what to say."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import (
    FRONTAL_CORNERS,
    Caution,
    Landmark,
    LandmarkSource,
    LevelUncertainty,
    Segmentation,
    Vertebra,
    VertebraState,
    WarningCode,
)
from spinealign.domain.image import SpineImage
from spinealign.frontal.bodies import FrontalBody, FrontalSpine, find_bodies
from spinealign.inference.engine import Array, LoadedModel
from spinealign.measure.outlines.body_cautions import state_cautions
from spinealign.measure.outlines.class_ids import class_id
from spinealign.measure.outlines.vertebrae import touches_border

LEAST_MARGIN = 0.0
"""How much better names must fit than names moved by one or two bodies, in scales.

Source: moved names that fit better contradict the network. A larger margin does not tell right from
wrong names yet: on 36 films of fold 0 it is as large where all are one off as where they are right
(docs/design/frontal-spine.md).
"""

_HIDDEN_BELOW = 0.35
"""Score (0..1) below which a body is called uncertain.

Source: set by hand; to be measured (docs/design/frontal-spine.md).
"""

_FRACTION_BITS = 4
"""Corners are painted to this fraction of a pixel. Source: convention of this program."""


@dataclass(frozen=True, eq=False)
class NamedColumn:
    """What was found on one frontal film.

    Parameters
    ----------
    segmentation : Segmentation
        Mask values of `measure.outlines.class_ids`.
    vertebrae : tuple of Vertebra
        From the top.
    levels_uncertain : bool
        The bodies then have numbers and no levels.
    cautions : tuple of Caution
    """

    segmentation: Segmentation
    vertebrae: tuple[Vertebra, ...] = ()
    levels_uncertain: bool = False
    cautions: tuple[Caution, ...] = ()


def named_column(model: LoadedModel, image: SpineImage) -> NamedColumn:
    """Outline and name the bodies from T1 to L5 on a frontal film.

    Parameters
    ----------
    model : LoadedModel
        A network whose outputs are those of `networks.frontal_unet`.
    image : SpineImage
        The head up.
    """
    spine = find_bodies(model, image)
    is_named = spine.margin >= LEAST_MARGIN
    vertebrae = tuple(
        _vertebra(body, index, image.shape, is_named=is_named)
        for index, body in enumerate(spine.bodies, start=1)
    )
    seen = _segmentation(model, spine, vertebrae, image.shape)
    is_uncertain = bool(vertebrae) and not is_named
    return NamedColumn(seen, vertebrae, is_uncertain, _cautions(vertebrae, is_named=is_named))


def _vertebra(
    body: FrontalBody, index: int, film_shape: tuple[int, int], *, is_named: bool
) -> Vertebra:
    score = float(np.clip(body.score, 0, 1))
    marks = tuple(
        Landmark(name, float(x), float(y), score, LandmarkSource.NETWORK)
        for name, (x, y) in zip(FRONTAL_CORNERS, body.corners, strict=True)
    )
    outline = tuple((float(x), float(y)) for x, y in body.corners)
    state = VertebraState.COMPLETE
    if touches_border(body.corners, film_shape):
        state = VertebraState.CUT
    elif score < _HIDDEN_BELOW:
        state = VertebraState.HIDDEN
    return Vertebra(body.level if is_named else None, index, outline, marks, score, state)


def _segmentation(
    model: LoadedModel, spine: FrontalSpine, bodies: tuple[Vertebra, ...], shape: tuple[int, int]
) -> Segmentation:
    mask = np.zeros(shape, np.uint8)
    for body in bodies:
        # Pixel i covers i to i + 1; OpenCV puts its middle at i.
        corners = (np.array(body.outline) - 0.5) * 2**_FRACTION_BITS
        value = class_id(body.level, body.index)
        cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], value, shift=_FRACTION_BITS)
    confidence = _confidence(spine, mask > 0, shape)
    classes = {class_id(body.level, body.index): body.name for body in bodies}
    return Segmentation(model.identity, classes, mask, confidence)


def _confidence(spine: FrontalSpine, inside: NDArray[np.bool_], shape: tuple[int, int]) -> Array:
    """Return how surely each pixel (H, W) is of a body, or of none."""
    if spine.look is None:
        return np.zeros(shape, np.float32)
    bone = np.clip(spine.look.grid.sample(spine.look.body, 0, 0, shape), 0, 1)
    return np.where(inside, bone, 1 - bone).astype(np.float32)


def _cautions(bodies: tuple[Vertebra, ...], *, is_named: bool) -> tuple[Caution, ...]:
    if not bodies:
        return (Caution(WarningCode.NO_COLUMN),)
    of_levels = (
        Caution(WarningCode.USUAL_COUNT_ASSUMED)
        if is_named
        else Caution(WarningCode.LEVELS_UNCERTAIN, doubt=LevelUncertainty.NO_ENDS)
    )
    return (of_levels, *state_cautions(bodies))
