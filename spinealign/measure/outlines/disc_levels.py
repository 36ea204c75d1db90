"""Level names of discs: they follow from the vertebrae beside them, so both are always alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.discs import Disc
from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import Caution, Vertebra, WarningCode
from spinealign.measure.outlines.body_places import centre_of

Points = NDArray[np.float64]

_SACRUM = LEVEL_SEQUENCE.index("S1")
_REACH_ALONG, _REACH_ACROSS = 1.0, 0.6
"""Largest distance from the centre of a disc to that of a vertebra beside it, across the disc and
along it, in lengths of the disc.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""


def named_by_bodies(discs: Sequence[Disc], vertebrae: Sequence[Vertebra]) -> tuple[Disc, ...]:
    """Return the discs with the levels that the vertebrae beside them give.

    A disc is called after the body above it, else after the one below it, else after the
    nearest disc that has a name. Where no vertebra has a level, the lowest disc is taken
    for L5/S1, and that the levels are only assumed is noted.

    Parameters
    ----------
    discs : sequence of Disc
        From the sacrum up, with their crops.
    vertebrae : sequence of Vertebra
        Those without a level, as all are where levels are uncertain, name no disc.

    Returns
    -------
    tuple of Disc
        `level` is None below S1.
    """
    neighbours = Neighbours(vertebrae)
    told = {disc.index_from_bottom: neighbours.rank_above(disc) for disc in discs}
    ranks = {number: rank for number, rank in told.items() if rank is not None}
    is_assumed = not ranks
    ranks = ranks or {1: _SACRUM - 1}
    return tuple(
        replace(disc, level=_level(_rank_of(disc, ranks)), is_level_assumed=is_assumed)
        for disc in discs
    )


def disc_cautions(discs: Sequence[Disc]) -> tuple[Caution, ...]:
    """Return the cautions that follow from the names of discs, and from where they were found."""
    cautions = []
    if any(disc.is_level_assumed for disc in discs):
        cautions.append(Caution(WarningCode.DISC_COUNT_UNCERTAIN))
    names = tuple(disc.name for disc in reversed(discs) if disc.is_inferred)
    if names:
        cautions.append(Caution(WarningCode.DISC_INFERRED, levels=names))
    return tuple(cautions)


class Neighbours:
    """Finds the vertebra above or below a disc; one is made for all discs of a column."""

    def __init__(self, vertebrae: Sequence[Vertebra]) -> None:
        self._vertebrae = vertebrae
        self._centres = np.array([centre_of(body) for body in vertebrae]).reshape(-1, 2)

    def beside(self, disc: Disc, upwards: bool) -> Vertebra | None:
        """Return the vertebra next to a disc on one side, or None where none is near."""
        anterior, posterior = np.array(disc.anterior), np.array(disc.posterior)
        length = float(np.hypot(*(posterior - anterior)))
        across, down = _axes(disc)
        away = (self._centres - (anterior + posterior) / 2) / length
        along = away @ (-down if upwards else down)
        is_near = (along > 0) & (along < _REACH_ALONG) & (np.abs(away @ across) < _REACH_ACROSS)
        if not is_near.any():
            return None
        return self._vertebrae[int(np.where(is_near, along, np.inf).argmin())]

    def rank_above(self, disc: Disc) -> int | None:
        """Return the place in `LEVEL_SEQUENCE` of the vertebra above a disc, if any tells."""
        above, below = self.beside(disc, upwards=True), self.beside(disc, upwards=False)
        if above is not None and above.level is not None:
            return LEVEL_SEQUENCE.index(above.level)
        if below is not None and below.level is not None:
            return LEVEL_SEQUENCE.index(below.level) - 1
        return None


def _axes(disc: Disc) -> tuple[Points, Points]:
    """Return the unit vectors backwards and down of a disc's crop."""
    a, b, _, d, e, _ = disc.crop_to_image
    across, down = np.array([a, d]), np.array([b, e])
    return across / np.hypot(*across), down / np.hypot(*down)


def _rank_of(disc: Disc, ranks: Mapping[int, int]) -> int:
    nearest = min(ranks, key=lambda number: abs(number - disc.index_from_bottom))
    return ranks[nearest] + nearest - disc.index_from_bottom


def _level(rank: int) -> str | None:
    if not 0 <= rank < _SACRUM:
        return None
    return f"{LEVEL_SEQUENCE[rank]}/{LEVEL_SEQUENCE[rank + 1]}"
