"""A mask that follows bodies which a person renamed, deleted or added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import BY_HAND, Segmentation, Vertebra
from spinealign.domain.structures import BODY, SACRUM, VERTEBRA
from spinealign.measure.outlines.body_places import counterparts
from spinealign.measure.outlines.class_ids import class_id

_SUBPIXEL_BITS = 4
"""Binary digits after the point of polygon corners, 1/16 pixel. Source: numerical resolution."""


def mask_shape(bodies: Sequence[Vertebra], own: Sequence[Vertebra]) -> tuple[object, ...]:
    """Return what the mask depends on.

    For each body its name and which of the program's `own` bodies it is, or its outline
    where it is none of them.
    """
    origins = _origins(bodies, own)
    return tuple(
        (body.name, origins[body.index].index if body.index in origins else body.outline)
        for body in bodies
    )


def repainted(
    found: Segmentation, own: Sequence[Vertebra], wanted: Sequence[Vertebra]
) -> Segmentation:
    """Return a segmentation whose vertebrae are the wanted ones.

    Parameters
    ----------
    found : Segmentation
        The program's own.
    own, wanted : sequence of Vertebra
        The program's bodies and the corrected ones. Where each body has a class of its
        own, classes get the new names; where all vertebrae are one class, bodies are
        only taken out or painted in, S1 in the class of the sacrum if there is one. Other
        structures stay.

    Notes
    -----
    Pixels that change hands get the confidence that they had in not being what they
    were: that is all the network said.
    """
    if found.classes and not any(body.name in found.classes.values() for body in own):
        return _with_one_class(found, own, wanted)
    return _with_own_classes(found, own, wanted)


def _origins(bodies: Sequence[Vertebra], own: Sequence[Vertebra]) -> dict[int, Vertebra]:
    kept = [body for body in bodies if body.state not in BY_HAND]
    return counterparts(kept, own)


def _with_own_classes(
    found: Segmentation, own: Sequence[Vertebra], wanted: Sequence[Vertebra]
) -> Segmentation:
    origins = _origins(wanted, own)
    values = {name: value for value, name in found.classes.items()}
    table = np.arange(256, dtype=np.uint8)
    for body in own:
        table[values[body.name]] = 0
    for index, origin in origins.items():
        body = next(b for b in wanted if b.index == index)
        table[values[origin.name]] = class_id(body.level, body.index)
    mask = np.asarray(cv2.LUT(found.mask, table), np.uint8)
    added = [body for body in wanted if body.index not in origins]
    for body in added:
        _paint(mask, body, class_id(body.level, body.index))
    names: Mapping[int, str] = {class_id(body.level, body.index): body.name for body in wanted}
    others = {v: n for v, n in found.classes.items() if n not in {body.name for body in own}}
    return replace(
        found, classes={**names, **others}, mask=mask, confidence=_confidence(found, mask)
    )


def _with_one_class(
    found: Segmentation, own: Sequence[Vertebra], wanted: Sequence[Vertebra]
) -> Segmentation:
    values = {name: value for value, name in found.classes.items()}
    bone = next((values[name] for name in (VERTEBRA, BODY) if name in values), None)
    if bone is None:
        return found
    sacrum = values.get(SACRUM, bone)
    origins = _origins(wanted, own)
    kept = {origin.index for origin in origins.values()}
    mask = found.mask.copy()
    for body in own:
        if body.index not in kept:
            _paint(mask, body, 0, over=sacrum if body.level == "S1" else bone)
    for body in wanted:
        if body.index not in origins:
            _paint(mask, body, sacrum if body.level == "S1" else bone)
    return replace(found, mask=mask, confidence=_confidence(found, mask))


def _paint(mask: NDArray[np.uint8], body: Vertebra, value: int, over: int = 0) -> None:
    """Give pixels with the value `over` inside a body's outline another value, in place."""
    if not body.outline:
        return
    polygon = np.array(body.outline, np.float64)
    rows, cols = mask.shape
    limits = np.array([cols, rows])
    left, top = np.clip(np.floor(polygon.min(axis=0)), 0, limits).astype(int)
    right, bottom = np.clip(np.ceil(polygon.max(axis=0)), 0, limits).astype(int)
    if right <= left or bottom <= top:
        return
    inside = np.zeros((bottom - top, right - left), np.uint8)
    # A pixel belongs to a body when its centre does, and OpenCV counts from centres.
    corners = (polygon - (left, top) - 0.5) * (1 << _SUBPIXEL_BITS)
    cv2.fillPoly(inside, [np.round(corners).astype(np.int32)], 1, cv2.LINE_8, _SUBPIXEL_BITS)
    cut = mask[top:bottom, left:right]
    cut[(inside > 0) & (cut == over)] = value


def _confidence(found: Segmentation, mask: NDArray[np.uint8]) -> NDArray[np.float32]:
    # Only where one of the masks has something can they differ.
    left, top, width, height = cv2.boundingRect(cv2.max(found.mask, mask))
    cut = (slice(top, top + height), slice(left, left + width))
    changed = (found.mask[cut] == 0) != (mask[cut] == 0)
    if not changed.any():
        return found.confidence
    confidence = found.confidence.copy()
    confidence[cut][changed] = 1 - confidence[cut][changed]
    return confidence
