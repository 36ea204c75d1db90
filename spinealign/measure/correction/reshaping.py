"""A body whose landmark was moved: its outline and the middles of its endplates follow."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Landmark, LandmarkName, LandmarkSource, Vertebra
from spinealign.measure.geometry.outline_points import polygon_area

Points = NDArray[np.float64]
Values = NDArray[np.float64]

MIDDLES = (LandmarkName.SUPERIOR_MIDDLE, LandmarkName.INFERIOR_MIDDLE)

_ENDS = {
    LandmarkName.SUPERIOR_MIDDLE: (LandmarkName.ANTERIOR_SUPERIOR, LandmarkName.POSTERIOR_SUPERIOR),
    LandmarkName.INFERIOR_MIDDLE: (LandmarkName.ANTERIOR_INFERIOR, LandmarkName.POSTERIOR_INFERIOR),
}
_SAME_PLACE_PX = 0.5
"""A vertex this near to a landmark stands for it, in image pixels. Source: half a pixel."""

_FARTHEST_REACH = 1.5
"""How far along the outline a moved point takes it along, in square roots of the body's area.

Source: set by hand: the sides that meet in a corner follow, the opposite ones do not. It shapes
the outline after a correction by hand; measures use the landmarks.
"""

_FEWEST_VERTICES = 3
"""Fewest vertices of an outline. Source: a polygon."""

_TINY = 1e-9


def with_landmark_at(body: Vertebra, mark: Landmark) -> Vertebra:
    """Return a body with a landmark moved to, or placed at, the place of `mark`.

    Between the moved landmark and the next one that holds the outline, every vertex
    moves by the share of the way that is left, so that a straight side stays straight.
    Corners, the tip of the dens and what a person placed hold the outline.

    Parameters
    ----------
    body : Vertebra
    mark : Landmark
        Replaces the landmark of the same name.
    """
    ring = np.array(body.outline, np.float64).reshape(-1, 2)
    if len(ring) < _FEWEST_VERTICES:
        return replace(body, landmarks=_with_mark(body, mark))
    old = body.landmark(mark.name)
    place = np.array([mark.x, mark.y])
    start = _Ring(ring).foot(place)[1] if old is None else np.array([old.x, old.y])
    deformation = _Deformation(body, mark.name, _Ring(ring).with_vertex_at(start), start)
    way = place - start
    moved = tuple(_carried(other, deformation, way) for other in body.landmarks)
    outline = deformation.ring.points + deformation.shares(deformation.ring.places)[:, None] * way
    return replace(
        body,
        outline=tuple((float(x), float(y)) for x, y in outline),
        landmarks=_with_mark(replace(body, landmarks=moved), mark),
    )


def _with_mark(body: Vertebra, mark: Landmark) -> tuple[Landmark, ...]:
    if body.landmark(mark.name) is None:
        return (*body.landmarks, mark)
    return tuple(mark if other.name == mark.name else other for other in body.landmarks)


def _carried(mark: Landmark, deformation: _Deformation, way: Points) -> Landmark:
    """Return a middle that nobody placed, moved with its endplate; others as they are."""
    if mark.source is LandmarkSource.USER or deformation.name not in _ENDS.get(mark.name, ()):
        return mark
    share = float(
        deformation.shares(np.array([deformation.ring.foot(np.array([mark.x, mark.y]))[0]]))[0]
    )
    return replace(mark, x=mark.x + share * float(way[0]), y=mark.y + share * float(way[1]))


@dataclass(frozen=True, eq=False)
class _Ring:
    """A closed outline (N, 2); places on it are lengths along it from the first vertex."""

    points: Points

    @property
    def sides(self) -> Points:
        return np.roll(self.points, -1, axis=0) - self.points

    @property
    def lengths(self) -> Values:
        sides = self.sides
        return np.asarray(np.hypot(sides[:, 0], sides[:, 1]), np.float64)

    @property
    def places(self) -> Values:
        return np.concatenate([[0.0], np.cumsum(self.lengths)[:-1]])

    @property
    def perimeter(self) -> float:
        return max(float(self.lengths.sum()), _TINY)

    @property
    def area(self) -> float:
        return polygon_area(self.points)

    def foot(self, point: Points) -> tuple[float, Points, int]:
        """Return the place nearest to a point (2,), its coordinates, and the side it is on."""
        sides, lengths = self.sides, self.lengths
        along = ((point - self.points) * sides).sum(axis=1) / np.maximum(lengths**2, _TINY)
        shares = np.clip(along, 0, 1)
        feet = self.points + shares[:, None] * sides
        side = int(((feet - point) ** 2).sum(axis=1).argmin())
        return float(self.places[side] + shares[side] * lengths[side]), feet[side], side

    def with_vertex_at(self, point: Points) -> _Ring:
        """Return the ring with a vertex where it is nearest to a point."""
        _, foot, side = self.foot(point)
        apart = np.hypot(*(self.points - foot).T)
        if apart.min() <= _SAME_PLACE_PX:
            return self
        return _Ring(np.insert(self.points, side + 1, foot, axis=0))


class _Deformation:
    """How much of a landmark's movement each place of the outline takes part in."""

    def __init__(self, body: Vertebra, name: LandmarkName, ring: _Ring, start: Points) -> None:
        self.name, self.ring = name, ring
        self._origin = ring.places[int(((ring.points - start) ** 2).sum(axis=1).argmin())]
        farthest = min(_FARTHEST_REACH * float(np.sqrt(ring.area)), ring.perimeter / 2)
        holds = [mark for mark in body.landmarks if mark.name != name and _holds(mark)]
        feet = np.array([ring.foot(np.array([mark.x, mark.y]))[0] for mark in holds])
        ahead = (feet - self._origin) % ring.perimeter
        behind = ring.perimeter - ahead
        self._ahead = max(min(farthest, *ahead) if len(feet) else farthest, _TINY)
        self._behind = max(min(farthest, *behind) if len(feet) else farthest, _TINY)

    def shares(self, places: Values) -> Values:
        """Return 0..1 for each place along the outline."""
        ahead = (places - self._origin) % self.ring.perimeter
        behind = self.ring.perimeter - ahead
        either = np.maximum(1 - ahead / self._ahead, 1 - behind / self._behind)
        return np.asarray(np.clip(either, 0, 1), np.float64)


def _holds(mark: Landmark) -> bool:
    return mark.source is LandmarkSource.USER or mark.name not in MIDDLES
