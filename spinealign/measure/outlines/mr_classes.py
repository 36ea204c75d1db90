"""What the classes of a network for sagittal MR stand for: bodies, the sacrum, discs, the canal."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from spinealign.domain import structures
from spinealign.measure.outlines.disc_shapes import CANAL, DISC, POSTERIOR, SACRUM, VERTEBRA

Mask = NDArray[np.uint8]

_VALUES = {
    structures.VERTEBRA: VERTEBRA,
    structures.BODY: VERTEBRA,
    structures.POSTERIOR_ELEMENTS: POSTERIOR,
    structures.SACRUM: SACRUM,
    structures.DISC: DISC,
    structures.CANAL: CANAL,
}
_GRADED_VALUES = {**_VALUES, structures.POSTERIOR_ELEMENTS: VERTEBRA, structures.SACRUM: 0}


def tells_bodies(names: Collection[str]) -> bool:
    """Whether a network with these classes shows where bodies and discs are."""
    return structures.DISC in names and not structures.BODY_CLASSES.isdisjoint(names)


def standard_mask(mask: Mask, classes: Mapping[int, str]) -> Mask:
    """Return a mask (H, W) with the values of `disc_shapes`, whatever its own are."""
    return _with_values(mask, classes, _VALUES)


def graded_mask(mask: Mask, classes: Mapping[int, str]) -> Mask:
    """Return a mask (H, W) as discs are graded by.

    Vertebrae hold their posterior elements and the sacrum is background, as in the masks that the
    signs of discs were learned from (`lumbar.signs`).
    """
    return _with_values(mask, classes, _GRADED_VALUES)


def _with_values(mask: Mask, classes: Mapping[int, str], values: Mapping[str, int]) -> Mask:
    table = np.zeros(256, np.uint8)
    for value, name in classes.items():
        table[value] = values.get(name, 0)
    return np.asarray(table[mask], np.uint8)
