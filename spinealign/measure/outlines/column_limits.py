"""Whether bodies that follow each other can be neighbours: spacing, size, direction, shape.

Limits lie beyond every body and pair of neighbours that readers outlined on 154 lateral
films (19 standing whole spines, 132 head films, three necks), children, scoliosis and
degeneration among them. Their extremes stand beside each limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import LandmarkName, Vertebra

Points = NDArray[np.float64]

NEAREST, FARTHEST = 0.95, 2.05
"""Distance of neighbours' centres in their mean height.

Source: beyond the readers' 1.08 to 1.83 on 154 lateral films (docs/design/films-from-anywhere.md).
"""

MOST_STEPS = 3
"""Levels between two bodies up to which the room between them is compared with `NEAREST` and
`FARTHEST`, a level.

Source: on the readers' 154 films it is 1.08 to 1.88 a level two levels apart, 1.07 to 1.76 three
levels apart (docs/design/films-from-anywhere.md).
"""

LARGEST_RATIO = 1.6
"""Height of one neighbour by the other's.

Source: beyond the readers' 1.43 on 154 lateral films (docs/design/films-from-anywhere.md).
"""

LARGEST_BEND_DEG = 32.0
"""Turn of the line through three neighbours' centres.

Source: beyond the readers' 22 degrees on 154 lateral films (docs/design/films-from-anywhere.md).
"""

LARGEST_DISC_DEG = 32.0
"""Angle between facing endplates; a fracture makes more than the readers' 20 degrees.

Source: beyond the readers' 20 degrees on 154 lateral films (docs/design/films-from-anywhere.md).
"""

LARGEST_TILT_DEG = 40.0
"""Angle between a body's own downward direction and the line to its neighbour's centre; a body
that is seen upside down has about 180 degrees.

Source: beyond the readers' 18 degrees on the whole-spine films and the home films for training.
"""

LEAST_DEPTH, LARGEST_DEPTH = 0.6, 2.4
"""Depth of a body by its height.

Source: beyond the readers' 0.76 to 1.94 on 154 lateral films (docs/design/films-from-anywhere.md).
"""

LARGEST_WEDGE_DEG = 30.0
"""Angle between the endplates of one body; a fracture makes more than the readers' 19 degrees.

Source: beyond the readers' 18.9 degrees on 864 bodies of 154 lateral films
(docs/design/films-from-anywhere.md).
"""

LARGEST_C2_TILT_DEG = 25.0
"""Angle between C2's inferior endplate and the perpendicular of the line from its middle to C3's.

Source: beyond the readers' 19.7 degrees on 153 lateral films (docs/design/films-from-anywhere.md).
"""


class Implausible(StrEnum):
    """What cannot be in a column."""

    SPACING = "spacing"
    SIZE = "size"
    BEND = "bend"
    DISC_ANGLE = "disc_angle"
    DIRECTION = "direction"
    SHAPE = "shape"
    ENDPLATE = "endplate"


@dataclass(frozen=True)
class Breach:
    """What is implausible about the bodies at `places` of a sequence."""

    reason: Implausible
    places: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class _Body:
    """Corners of one body: anterior and posterior superior, posterior and anterior inferior."""

    corners: Points

    @property
    def centre(self) -> Points:
        return np.asarray(self.corners.mean(axis=0), np.float64)

    @property
    def down(self) -> Points:
        """From the middle of the superior endplate to that of the inferior one."""
        return np.asarray((self.corners[[2, 3]] - self.corners[[1, 0]]).mean(axis=0), np.float64)

    @property
    def height(self) -> float:
        return float(np.linalg.norm(self.corners[[0, 1]] - self.corners[[3, 2]], axis=1).mean())

    @property
    def depth(self) -> float:
        return float(np.linalg.norm(self.corners[[0, 3]] - self.corners[[1, 2]], axis=1).mean())


_CORNERS = (
    LandmarkName.ANTERIOR_SUPERIOR,
    LandmarkName.POSTERIOR_SUPERIOR,
    LandmarkName.POSTERIOR_INFERIOR,
    LandmarkName.ANTERIOR_INFERIOR,
)


def breaches(
    vertebrae: Sequence[Vertebra], steps: Sequence[int | None], pixel_aspect: float = 1.0
) -> tuple[Breach, ...]:
    """Return everything implausible about bodies from the top down.

    Parameters
    ----------
    vertebrae : sequence of Vertebra
        Bodies without all four corners (S1, bodies that the film cuts) are passed over; of C2
        the inferior endplate is compared with C3.
    steps : sequence of int or None
        Levels from each body to the next, one less than bodies; None where that is not known.
        Neighbours, one step apart, are compared; of bodies up to three apart the room between.
    pixel_aspect : float
        Row by column spacing of the film.
    """
    bodies = [_body(v, pixel_aspect) for v in vertebrae]
    found = [
        Breach(Implausible.SHAPE, (i,))
        for i, body in enumerate(bodies)
        if body is not None and _is_misshapen(body)
    ]
    found += _of_c2(vertebrae, bodies, steps, pixel_aspect)
    for i, (upper, lower) in enumerate(pairwise(bodies)):
        if upper is not None and lower is not None and steps[i] == 1:
            found += [Breach(reason, (i, i + 1)) for reason in _of_pair(upper, lower)]
            found += [Breach(Implausible.DIRECTION, (i + k,)) for k in _tilted(upper, lower)]
        elif upper is not None and lower is not None and not _has_room(upper, lower, steps[i]):
            found.append(Breach(Implausible.SPACING, (i, i + 1)))
    for i, three in enumerate(zip(bodies, bodies[1:], bodies[2:], strict=False)):
        if steps[i] == steps[i + 1] == 1 and _bend_deg(*three) > LARGEST_BEND_DEG:
            found.append(Breach(Implausible.BEND, (i, i + 1, i + 2)))
    return tuple(found)


def level_steps(vertebrae: Sequence[Vertebra], pixel_aspect: float = 1.0) -> tuple[int | None, ...]:
    """Return the levels from each body to the next, by their names.

    Of bodies without names, those with no room for another one between them are neighbours.
    """
    return tuple(_steps(one, other, pixel_aspect) for one, other in pairwise(vertebrae))


def _steps(one: Vertebra, other: Vertebra, pixel_aspect: float) -> int | None:
    if one.level is not None and other.level is not None:
        return LEVEL_SEQUENCE.index(other.level) - LEVEL_SEQUENCE.index(one.level)
    upper, lower = _body(one, pixel_aspect), _body(other, pixel_aspect)
    if upper is None or lower is None:
        return None
    return 1 if _spacing(upper, lower) <= FARTHEST else None


def _body(vertebra: Vertebra, pixel_aspect: float) -> _Body | None:
    placed = _places(vertebra, _CORNERS, pixel_aspect)
    return None if placed is None else _Body(placed)


def _places(
    vertebra: Vertebra, names: Sequence[LandmarkName], pixel_aspect: float
) -> Points | None:
    """Return the places (N, 2) of landmarks on square pixels; None where one is missing."""
    marks = [vertebra.landmark(name) for name in names]
    placed = [(mark.x, mark.y * pixel_aspect) for mark in marks if mark is not None]
    return np.array(placed) if len(placed) == len(names) else None


def _is_misshapen(body: _Body) -> bool:
    superior, inferior = (body.corners[i] - body.corners[j] for i, j in ((0, 1), (3, 2)))
    has_shape = LEAST_DEPTH <= body.depth / body.height <= LARGEST_DEPTH
    return not has_shape or _angle_deg(superior, inferior) > LARGEST_WEDGE_DEG


def _of_c2(
    vertebrae: Sequence[Vertebra],
    bodies: Sequence[_Body | None],
    steps: Sequence[int | None],
    pixel_aspect: float,
) -> list[Breach]:
    """Return the breach of a C2 whose inferior endplate does not lie across the column."""
    if len(vertebrae) < 2 or vertebrae[0].level != "C2" or bodies[1] is None or steps[0] != 1:
        return []
    endplate = _places(vertebrae[0], _CORNERS[2:], pixel_aspect)
    if endplate is None:
        return []
    run = bodies[1].centre - endplate.mean(axis=0)
    tilt = abs(90 - _angle_deg(endplate[1] - endplate[0], run))
    return [Breach(Implausible.ENDPLATE, (0,))] if tilt > LARGEST_C2_TILT_DEG else []


def _has_room(upper: _Body, lower: _Body, steps: int | None) -> bool:
    """Whether the bodies between two that are a few levels apart have their usual room."""
    if steps is None or not 1 < steps <= MOST_STEPS:
        return True
    return NEAREST <= _spacing(upper, lower) / steps <= FARTHEST


def _spacing(upper: _Body, lower: _Body) -> float:
    """Return the distance of two bodies' centres in their mean height."""
    return 2 * float(np.linalg.norm(lower.centre - upper.centre)) / (upper.height + lower.height)


def _of_pair(upper: _Body, lower: _Body) -> list[Implausible]:
    spacing = _spacing(upper, lower)
    size = abs(math.log(upper.height / lower.height))
    facing = (upper.corners[3] - upper.corners[2], lower.corners[0] - lower.corners[1])
    checks = {
        Implausible.SPACING: not NEAREST <= spacing <= FARTHEST,
        Implausible.SIZE: size > math.log(LARGEST_RATIO),
        Implausible.DISC_ANGLE: _angle_deg(*facing) > LARGEST_DISC_DEG,
    }
    return [reason for reason, is_so in checks.items() if is_so]


def _tilted(upper: _Body, lower: _Body) -> Iterator[int]:
    """Yield which of two neighbours, 0 or 1, does not stand along the line through both."""
    run = lower.centre - upper.centre
    for place, body in enumerate((upper, lower)):
        if _angle_deg(body.down, run) > LARGEST_TILT_DEG:
            yield place


def _bend_deg(first: _Body | None, second: _Body | None, third: _Body | None) -> float:
    if first is None or second is None or third is None:
        return 0.0
    return _angle_deg(second.centre - first.centre, third.centre - second.centre)


def _angle_deg(one: Points, other: Points) -> float:
    cross = float(one[0] * other[1] - one[1] * other[0])
    return abs(math.degrees(math.atan2(cross, float(one @ other))))
