"""Positions of level labels: beside each vertebral body, posterior to the spine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Facing, LandmarkName, Vertebra

Points = NDArray[np.float64]

_ANTERIOR = (LandmarkName.ANTERIOR_SUPERIOR, LandmarkName.ANTERIOR_INFERIOR)
_POSTERIOR = (LandmarkName.POSTERIOR_SUPERIOR, LandmarkName.POSTERIOR_INFERIOR)
_SAME_PLACE_PX = 1e-6
_ROOM = 0.5
_UPRIGHT = 0.5
"""Least share of a body's backward direction that points across the picture where the column
stands: beside a column that lies, a name goes above or below its body."""

_LETTERS = (0.25, 0.5, 0.75)
"""Where letters stand, from the outline, in shares of a body's smaller side."""


@dataclass(frozen=True)
class LabelPlace:
    """A point (x, y) on a body's outline, in image pixels, and the unit vector away from it."""

    point: tuple[float, float]
    away: tuple[float, float]


def label_place(
    body: Vertebra,
    facing: str | None,
    film_shape: tuple[int, int],
    others: Sequence[Vertebra] = (),
) -> LabelPlace:
    """Return where a body's label belongs: beside its posterior wall.

    Where the film ends there, the label goes to the other side. Where a level place would be
    beside another body, as in a column that leans far, it goes straight away from the column.

    Parameters
    ----------
    body : Vertebra
    facing : str or None
        Used where the body has no corners on both sides; None counts as right.
    film_shape : tuple of int
        (rows, columns).
    others : sequence of Vertebra, optional
        Bodies that the label must not stand beside.
    """
    outline = np.array(body.outline)
    places = label_places(body, facing)
    with_room = [place for place in places if _has_room(place, outline, film_shape)]
    rings = [np.array(other.outline) for other in others if other is not body]
    clear = (place for place in with_room if _is_nearest(place, outline, rings))
    return next(clear, (with_room or places)[0])


def label_places(body: Vertebra, facing: str | None) -> list[LabelPlace]:
    """Return every place that a body's label may have, the best one first; see `label_place`."""
    outline = np.array(body.outline)
    own = _backwards(body)
    if own is None:
        own = np.array([1.0 if facing == Facing.LEFT else -1.0, 0.0])
    level = _across(own)
    middle = _middle_of(body, outline)
    return [_beside(outline, middle, side) for side in (level, own, -level, -own)]


def _is_nearest(place: LabelPlace, outline: Points, others: Sequence[Points]) -> bool:
    """Whether a label is nearer to its own body than to any other one."""
    if not others:
        return True
    side = float(np.ptp(outline, axis=0).min())
    point, away, rest = np.array(place.point), np.array(place.away), np.concatenate(others)
    return all(
        _distance(at, outline) < _distance(at, rest)
        for at in (point + share * side * away for share in _LETTERS)
    )


def _distance(point: Points, outline: Points) -> float:
    return float(np.hypot(*(outline - point).T).min())


def _across(away: Points) -> Points:
    """Return a direction across an upright column: names of tilted neighbours stay apart."""
    if abs(away[0]) < _UPRIGHT:
        return away
    return np.array([float(np.sign(away[0])), 0.0])


def _beside(outline: Points, middle: Points, away: Points) -> LabelPlace:
    reach = float(((outline - middle) @ away).max())
    x, y = (float(v) for v in middle + reach * away)
    return LabelPlace((x, y), (float(away[0]), float(away[1])))


def _has_room(place: LabelPlace, outline: Points, film_shape: tuple[int, int]) -> bool:
    """Whether letters about half as wide as the body fit between it and the film's border."""
    room = _ROOM * float(np.ptp(outline, axis=0).min())
    x, y = (p + room * d for p, d in zip(place.point, place.away, strict=True))
    return 0 <= x <= film_shape[1] and 0 <= y <= film_shape[0]


def _backwards(body: Vertebra) -> Points | None:
    ends = [
        [mark for name in names if (mark := body.landmark(name)) is not None]
        for names in (_ANTERIOR, _POSTERIOR)
    ]
    if not all(ends):
        return None
    anterior, posterior = (np.mean([[m.x, m.y] for m in marks], axis=0) for marks in ends)
    run = posterior - anterior
    length = float(np.hypot(*run))
    return np.asarray(run / length, np.float64) if length > _SAME_PLACE_PX else None


def _middle_of(body: Vertebra, outline: Points) -> Points:
    """Return the middle of a body; of C2 that of its lower part, where it is widest."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    base = body.landmark(LandmarkName.INFERIOR_MIDDLE)
    if body.landmark(LandmarkName.DENS_TIP) is None or base is None:
        return np.asarray((low + high) / 2, np.float64)
    foot = np.array([base.x, base.y])
    return np.asarray(foot + 0.3 * ((low + high) / 2 - foot), np.float64)
