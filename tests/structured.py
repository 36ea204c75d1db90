"""The drawn lumbar column as a network outlines it that tells bodies and the sacrum apart."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.structures import STRUCTURES
from tools.phantoms.lumbar import SHIPPED_SEED, render_lumbar_phantom
from tools.phantoms.lumbar_anatomy import VERTEBRAE, Anatomy

BODY, POSTERIOR, SACRUM, DISC, CANAL = range(1, 6)
CLASSES = dict(enumerate(STRUCTURES))
del CLASSES[0]

_DRAWN_VERTEBRA, _DRAWN_DISC, _DRAWN_CANAL = 1, 2, 3


@cache
def structured_mask(sacral: tuple[str, ...] = ("S1", "S2")) -> NDArray[np.uint8]:
    """Return the mask (512, 512) of the drawn column, with so many bodies of the sacrum."""
    drawn, anatomy = render_lumbar_phantom(SHIPPED_SEED)[1], Anatomy()
    mask = np.zeros_like(drawn)
    mask[drawn == _DRAWN_VERTEBRA] = POSTERIOR
    for level in anatomy.levels:
        inside = anatomy.body(level) > 0
        if level.name in VERTEBRAE:
            mask[inside & (drawn == _DRAWN_VERTEBRA)] = BODY
        elif level.name in sacral:
            mask[inside & (drawn == 0)] = SACRUM
    mask[drawn == _DRAWN_DISC] = DISC
    mask[drawn == _DRAWN_CANAL] = CANAL
    mask.setflags(write=False)
    return mask


def sacral_disc(length: float) -> NDArray[np.uint8]:
    """Return the mask with a disc between S1 and S2, so long in depths of S1."""
    anatomy = Anatomy()
    one, two = (next(lv for lv in anatomy.levels if lv.name == name) for name in ("S1", "S2"))
    back, down = anatomy.local(one)
    between = np.abs(down - one.height_mm / 2 - 1.5) < 2.5
    inside = between & (np.abs(back) < length * one.depth_mm / 2)
    mask = structured_mask().copy()
    # The sacrum goes on below, as deep as the disc.
    below = (down > one.height_mm / 2) & (down < one.height_mm / 2 + two.height_mm)
    mask[below & (np.abs(back) < one.depth_mm / 2) & (mask == 0)] = SACRUM
    mask[inside] = DISC
    return mask
