"""How far outlines on MR slices lie from readers' ones, where the readers decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.training.evaluate import Figure, bootstrap
from spinealign.training.mr_sources import IVD, SPIDER, T1, VB2, VB3, MrSlice
from spinealign.training.mr_targets import (
    BODY,
    CANAL,
    DISC,
    POSTERIOR,
    SACRUM,
    VERTEBRA,
    Mask,
    Region,
)

GROUPS = {
    "body": BODY, "posterior elements": POSTERIOR, "vertebra": VERTEBRA, "sacrum": SACRUM,
    "disc": DISC, "canal": CANAL,
}  # fmt: skip
"""What is measured: the network's classes, and body and posterior elements taken together."""

OUTLINED: Mapping[str, tuple[str, ...]] = {
    SPIDER: ("body", "posterior elements", "vertebra", "disc", "canal"),
    T1: ("body", "vertebra", "sacrum"),
    VB2: ("body", "vertebra"),
    VB3: ("body", "vertebra"),
    IVD: ("disc",),
}
"""What each source's readers outlined."""


@dataclass(frozen=True, eq=False)
class Overlap:
    """One structure on one slice.

    Parameters
    ----------
    both, drawn, found : int
        Pixels, where the readers decided: in both, in theirs, in the network's.
    distances : ndarray of float32
        From every edge pixel of the one to the nearest of the other, in pixels of the image.
    """

    both: int
    drawn: int
    found: int
    distances: NDArray[np.float32]

    @property
    def dice(self) -> float:
        """Twice the shared pixels over all; NaN where there are none."""
        total = self.drawn + self.found
        return 2 * self.both / total if total else float("nan")


class SliceScore(NamedTuple):
    """A slice and its structures by name."""

    one: MrSlice
    overlaps: Mapping[str, Overlap]


def score_slice(one: MrSlice, found: Mapping[str, Region]) -> SliceScore:
    """Compare a network's outlines with the readers' of one slice.

    Parameters
    ----------
    found : mapping of str to ndarray of bool, shape (H, W)
        By class. A network that knows one class ``vertebra`` is measured by it alone.
    """
    groups = {**found}
    if "body" in found:
        groups["vertebra"] = found["body"] | found["posterior elements"]
    return SliceScore(one, {
        name: overlap(one.target.allowed, GROUPS[name], groups[name], one.target.height_px)
        for name in OUTLINED[one.source]
        if name in groups
    })  # fmt: skip


def overlap(allowed: Mask, group: int, found: Region, farthest_px: float) -> Overlap:
    """Compare one structure.

    Parameters
    ----------
    allowed : ndarray of uint8, shape (H, W)
        Classes that a pixel may be, as bit masks.
    group : int
        Bits of the structure. Pixels that may be of it and of others count neither way.
    farthest_px : float
        Distances count as no more than this.
    """
    drawn = drawn_by_reader(allowed, group)
    decided = drawn | ((allowed & group) == 0)
    edges = [edge(region) for region in (drawn, found)]
    away = [_distance(other) for other in edges[::-1]]
    # What lies in pixels that are left open is no edge of the network's to be measured.
    apart = np.concatenate([away[0][edges[0]], away[1][edges[1] & decided]])
    return Overlap(
        int((drawn & found).sum()), int(drawn.sum()), int((found & decided).sum()),
        np.minimum(apart, np.float32(farthest_px)),
    )  # fmt: skip


def drawn_by_reader(allowed: Mask, group: int) -> Region:
    """Return the pixels that surely are of a structure, given as the bits of its classes."""
    return np.asarray((allowed | np.uint8(group)) == group)


def edge(region: Region) -> Region:
    """Return the pixels of a region that touch what is not of it."""
    inside = cv2.erode(region.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1)
    return np.asarray(region & (inside == 0))


def _distance(region: Region) -> NDArray[np.float32]:
    if not region.any():
        return np.full(region.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def figures(scores: Sequence[SliceScore]) -> dict[str, tuple[Figure, Figure]]:
    """Return Dice and mean distance of edges in pixels, by structure, over patients.

    A patient's slices are pooled; intervals resample patients.
    """
    by_patient: dict[str, list[SliceScore]] = defaultdict(list)
    for score in scores:
        by_patient[score.one.patient].append(score)
    names = [name for name in GROUPS if any(name in s.overlaps for s in scores)]
    table = {}
    for name in names:
        pooled = [[s.overlaps[name] for s in own] for own in by_patient.values()]
        shown = [own for own in pooled if any(part.drawn for part in own)]
        if shown:
            table[name] = (
                bootstrap([_dice(own) for own in shown], lambda v: float(np.mean(v))),
                bootstrap([_apart(own) for own in shown], lambda v: float(np.mean(v))),
            )
    return table


def _dice(parts: Sequence[Overlap]) -> float:
    total = sum(part.drawn + part.found for part in parts)
    return 2 * sum(part.both for part in parts) / total


def _apart(parts: Sequence[Overlap]) -> float:
    return float(np.mean(np.concatenate([part.distances for part in parts])))
