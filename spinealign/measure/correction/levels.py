"""Levels of a column that a person names: counted from one body, kept in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import Corrections, LandmarkName, Vertebra

C2_LANDMARKS = (
    LandmarkName.POSTERIOR_INFERIOR,
    LandmarkName.ANTERIOR_INFERIOR,
    LandmarkName.INFERIOR_MIDDLE,
    LandmarkName.DENS_TIP,
)
"""C2 has a dens, and no superior endplate."""


def levels_after(
    bodies: Sequence[Vertebra],
    body_index: int,
    level: str,
    above_follow: bool,
    below_follow: bool = True,
) -> tuple[str, ...] | None:
    """Return the levels of all bodies once one of them got a level.

    Parameters
    ----------
    bodies : sequence of Vertebra
        From the top. Where one has no level, all are counted from the one named.
    body_index : int
        `index` of the body that is named.
    level : str
    above_follow, below_follow : bool
        Whether the bodies above, and those below, move by as many levels.

    Returns
    -------
    tuple of str or None
        None where a body would get no level, or not one below that of the body above it.
    """
    if level not in LEVEL_SEQUENCE:
        return None
    place = next(k for k, body in enumerate(bodies) if body.index == body_index)
    wanted = LEVEL_SEQUENCE.index(level)
    if any(body.level is None for body in bodies):
        ranks = [wanted + k - place for k in range(len(bodies))]
    else:
        shift = wanted - _rank(bodies[place])
        follows = [_follows(k - place, above_follow, below_follow) for k in range(len(bodies))]
        ranks = [_rank(body) + shift * moves for body, moves in zip(bodies, follows, strict=True)]
    is_ordered = all(one < other for one, other in pairwise(ranks))
    if not is_ordered or ranks[0] < 0 or ranks[-1] >= len(LEVEL_SEQUENCE):
        return None
    return tuple(LEVEL_SEQUENCE[rank] for rank in ranks)


def _follows(steps_below: int, above_follow: bool, below_follow: bool) -> bool:
    if steps_below == 0:
        return True
    return below_follow if steps_below > 0 else above_follow


def with_free_level(
    above: Sequence[Vertebra], body: Vertebra, below: Sequence[Vertebra]
) -> tuple[tuple[Vertebra, ...], Vertebra, tuple[Vertebra, ...]]:
    """Name a body between its neighbours; those below move down where no level is free.

    A body without neighbours is C2 if it has a dens, and else stays without a level.

    Raises
    ------
    ValueError
        The lowest body would get no level.
    """
    if above or below:
        place = _rank_between(above, below)
    elif body.landmark(LandmarkName.DENS_TIP) is not None:
        place = LEVEL_SEQUENCE.index("C2")
    else:
        return (), body, ()
    shift = 1 if below and _rank(below[0]) <= place else 0
    lowest = _rank(below[-1]) + shift if below else place
    if lowest >= len(LEVEL_SEQUENCE):
        raise ValueError("no level is left below")
    moved = tuple(replace(b, level=LEVEL_SEQUENCE[_rank(b) + shift]) for b in below)
    return tuple(above), _as_level(body, LEVEL_SEQUENCE[place]), moved


def has_free_level(above: Sequence[Vertebra], below: Sequence[Vertebra]) -> bool:
    """Whether a body between others gets a level without moving those below; see there."""
    place = _rank_between(above, below)
    last = _rank(below[0]) - 1 if below else len(LEVEL_SEQUENCE) - 1
    return place <= last


def _rank_between(above: Sequence[Vertebra], below: Sequence[Vertebra]) -> int:
    return _rank(above[-1]) + 1 if above else max(_rank(below[0]) - 1, 0)


def numbered(corrections: Corrections, bodies: Sequence[Vertebra]) -> Corrections:
    """Return corrections with these bodies from the top, numbered anew."""
    counted = tuple(replace(body, index=i) for i, body in enumerate(bodies, start=1))
    has_unnamed = any(body.level is None for body in counted)
    uncertain = has_unnamed or (corrections.levels_uncertain and bool(counted))
    return replace(corrections, vertebrae=counted, levels_uncertain=uncertain)


def _as_level(body: Vertebra, level: str) -> Vertebra:
    if level != "C2":
        return replace(body, level=level)
    kept = tuple(mark for mark in body.landmarks if mark.name in C2_LANDMARKS)
    return replace(body, level=level, landmarks=kept)


def _rank(body: Vertebra) -> int:
    assert body.level is not None
    return LEVEL_SEQUENCE.index(body.level)
