"""Positions of level labels: beside each vertebral body, posterior to the spine."""

from __future__ import annotations

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


@dataclass(frozen=True)
class LabelPlace:
    """A point (x, y) on a body's outline, in image pixels, and the unit vector away from it."""

    point: tuple[float, float]
    away: tuple[float, float]


def label_place(body: Vertebra, facing: str | None, film_shape: tuple[int, int]) -> LabelPlace:
    """Return where a body's label belongs: beside its posterior wall.

    Where the film ends there, the label goes to the other side.

    Parameters
    ----------
    body : Vertebra
    facing : str or None
        Used where the body has no corners on both sides; None counts as right.
    film_shape : tuple of int
        (rows, columns).
    """
    outline = np.array(body.outline)
    away = _backwards(body)
    if away is None:
        away = np.array([1.0 if facing == Facing.LEFT else -1.0, 0.0])
    away = _across(away)
    middle = _middle_of(body, outline)
    places = [_beside(outline, middle, side) for side in (away, -away)]
    with_room = [place for place in places if _has_room(place, outline, film_shape)]
    return (with_room or places)[0]


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
