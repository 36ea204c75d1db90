"""Levels of a whole column that a person shifts or counts anew, vertebrae and discs alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spinealign.domain.discs import Disc
from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import (
    Analysis,
    Corrections,
    Vertebra,
)
from spinealign.measure.correction.changes import initial_corrections, possible_levels, rename_level
from spinealign.measure.outlines.body_places import counterparts
from spinealign.measure.outlines.disc_levels import Neighbours

_SACRUM = LEVEL_SEQUENCE.index("S1")


def shift_levels(corrections: Corrections, steps: int, analysis: Analysis) -> Corrections:
    """Name every vertebra, and so every disc, some levels higher or lower.

    Where levels are uncertain, the lowest disc is taken for L5/S1 first.

    Parameters
    ----------
    steps : int
        1 where the lowest disc, taken for L5/S1, is L4/L5; -1 where it lies below L5/S1;
        0 confirms levels that were only assumed.
    analysis : Analysis
        Where the corrections belong. S1 goes when its new name does not exist, and comes back
        with the name.

    Raises
    ------
    ValueError
        There is nothing to shift, or a body would get no level.
    """
    if any(body.level is None for body in corrections.vertebrae):
        corrections = _counted(corrections, analysis.discs)
    bodies = corrections.vertebrae
    if not bodies:
        raise ValueError("there is no vertebra to name")
    ranks = [LEVEL_SEQUENCE.index(body.level or "") - steps for body in bodies]
    if ranks[-1] > _SACRUM and _is_own_sacrum(bodies[-1], analysis):
        bodies = bodies[:-1]
    if not bodies:
        raise ValueError("no level is left")
    kept = replace(corrections, vertebrae=bodies)
    moved = _renamed(kept, bodies[0].index, ranks[0])
    return replace(moved, vertebrae=(*moved.vertebrae, *_lost_sacrum(moved.vertebrae, analysis)))


def _counted(corrections: Corrections, discs: Sequence[Disc]) -> Corrections:
    """Name all vertebrae by taking the lowest of the discs, given from there up, for L5/S1."""
    neighbours = Neighbours(corrections.vertebrae)
    for disc in discs:
        body = neighbours.beside(disc, upwards=True)
        if body is not None:
            return _renamed(corrections, body.index, _SACRUM - disc.index_from_bottom)
    raise ValueError("no vertebra lies above a disc")


def _renamed(corrections: Corrections, body_index: int, rank: int) -> Corrections:
    level = LEVEL_SEQUENCE[rank] if 0 <= rank < len(LEVEL_SEQUENCE) else ""
    if level not in possible_levels(corrections, body_index):
        raise ValueError("no level is left")
    return rename_level(corrections, body_index, level)


def _is_own_sacrum(body: Vertebra, analysis: Analysis) -> bool:
    """Whether a body is what the program took for S1, and not one that was named so since."""
    own = initial_corrections(analysis).vertebrae[-1:]
    is_sacrum = body.level == "S1" and any(one.level == "S1" for one in own)
    return is_sacrum and bool(counterparts((body,), own))


def _lost_sacrum(bodies: Sequence[Vertebra], analysis: Analysis) -> tuple[Vertebra, ...]:
    """Return the program's own S1 where its name is free again and it is missing."""
    own = initial_corrections(analysis).vertebrae
    if not own or own[-1].level != "S1" or bodies[-1].level != "L5":
        return ()
    if own[-1] in counterparts(bodies, own).values():
        return ()
    return (replace(own[-1], level="S1", index=len(bodies) + 1),)
