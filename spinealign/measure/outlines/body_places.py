"""Where bodies lie in a column: which is which, where a new one belongs, what it looks like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.examination import Plane
from spinealign.domain.findings import (
    FRONTAL_CORNERS,
    Facing,
    Landmark,
    LandmarkName,
    LandmarkSource,
    Vertebra,
    VertebraState,
)
from spinealign.domain.measurements import Point
from spinealign.measure.geometry.outline_points import centroid, polygon_area
from spinealign.measure.outlines.bodies import BODY_AREA
from spinealign.measure.outlines.corners import CORNERS
from spinealign.measure.outlines.vertebrae import right_of, up_vectors

Points = NDArray[np.float64]

_UP = np.array([0.0, -1.0])
"""Unit vector (x, y) to the top of the picture. Source: convention of this program."""

_RINGS = {
    3: (LandmarkName.DENS_TIP, *CORNERS[2:]),
    4: CORNERS,
    6: (
        CORNERS[0], LandmarkName.SUPERIOR_MIDDLE, CORNERS[1],
        CORNERS[2], LandmarkName.INFERIOR_MIDDLE, CORNERS[3],
    ),
}  # fmt: skip
"""Names of a body's points by their number, in order round it; three are those of C2.

Source: convention of this program.
"""

_ENDPLATES = (
    (LandmarkName.ANTERIOR_SUPERIOR, LandmarkName.POSTERIOR_SUPERIOR),
    (LandmarkName.ANTERIOR_INFERIOR, LandmarkName.POSTERIOR_INFERIOR),
)
_FRONTAL_ENDPLATES = (
    (LandmarkName.SUPERIOR_LEFT, LandmarkName.SUPERIOR_RIGHT),
    (LandmarkName.INFERIOR_LEFT, LandmarkName.INFERIOR_RIGHT),
)

_C2_SHOULDER, _C2_TIP_WIDTH = 0.45, 0.3
"""Shape of C2 drawn from three points: height of the body without dens in heights of C2, and width
of the dens in widths of the body. The centre and the posterior wall of an added C2 follow from it.

Source: unknown; set by hand.
"""

_SMALLEST_AREA_PX = 4.0
"""Area below which points that a person placed enclose nothing, in square pixels.

Source: convention of this program.
"""

_SAME_BODY = 0.6
"""Largest distance between the centres of two outlines of one body, in square roots of its area.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_HALF_SURE = 0.5
"""Confidence (0..1) of the middle of an endplate that lies half way between corners that a person
placed.

Source: convention of this program.
"""

_MOST_TURN = np.radians(12)
"""Largest angle between a body that is added beyond the end of a column and the last one, in
radians. A person moves its corners.

Source: unknown; set by hand.
"""


def centre_of(body: Vertebra) -> Points:
    """Return the middle (x, y) of a body's outline, or of its landmarks where it has none."""
    return centroid(_polygon(body))


def height_of(body: Vertebra) -> float:
    """Return a body's height in pixels, from its corners or else from its area."""
    middles = _endplate_middles(body)
    if middles is not None:
        return float(np.hypot(*(middles[0] - middles[1])))
    return float(np.sqrt(polygon_area(_polygon(body)) / BODY_AREA))


def typical_body_height(bodies: Sequence[Vertebra]) -> float | None:
    """Return the median height in pixels, C2 left out where there are others; None without any."""
    plain = [body for body in bodies if body.level != "C2"] or list(bodies)
    return float(np.median([height_of(body) for body in plain])) if plain else None


def counterparts(bodies: Sequence[Vertebra], others: Sequence[Vertebra]) -> dict[int, Vertebra]:
    """Return which of `others` lies where each body (by `index`) lies, each at most once."""
    found: dict[int, Vertebra] = {}
    for body in bodies:
        # Bodies that nobody touched keep their outline, and need no geometry.
        same = [other for other in others if other.outline and other.outline == body.outline]
        if same:
            found[body.index] = same[0]
    taken = {other.index for other in found.values()}
    left = [(centre_of(other), other) for other in others if other.index not in taken]
    pairs = []
    for body in bodies:
        if body.index not in found and left:
            pairs += _near_ones(body, left)
    for _, index, other in sorted(pairs, key=lambda pair: pair[0]):
        if index not in found and other.index not in taken:
            found[index] = other
            taken.add(other.index)
    return found


def _near_ones(
    body: Vertebra, others: Sequence[tuple[Points, Vertebra]]
) -> list[tuple[float, int, Vertebra]]:
    """Return which bodies (with their centres) lie about where this one lies, and how far."""
    centre, reach = centre_of(body), _SAME_BODY * np.sqrt(polygon_area(_polygon(body)))
    apart = [(float(np.hypot(*(centre - place))), other) for place, other in others]
    return [(distance, body.index, other) for distance, other in apart if distance <= reach]


def named_facing(bodies: Sequence[Vertebra]) -> Facing | None:
    """Return the facing that the names of corners tell, or None without a front and a back."""
    votes = [
        float(np.sign((_place(front) - _place(back)) @ right_of(up)))
        for body, up in zip(bodies, _ups(bodies), strict=True)
        for front, back in (map(body.landmark, pair) for pair in _ENDPLATES)
        if front is not None and back is not None
    ]
    if not votes or sum(votes) == 0:
        return None
    return Facing.RIGHT if sum(votes) > 0 else Facing.LEFT


def place_in_column(bodies: Sequence[Vertebra], body: Vertebra) -> int:
    """Return how many of the bodies lie above another one."""
    centres = [centre_of(other) for other in bodies]
    down = centres[-1] - centres[0] if len(centres) > 1 else -_UP
    return sum(float((centre_of(body) - centre) @ down) > 0 for centre in centres)


def added_vertebra(
    bodies: Sequence[Vertebra], facing: Facing | None, points: Sequence[Point],
    plane: Plane = Plane.SAGITTAL,
) -> Vertebra:  # fmt: skip
    """Return a body from points in any order; without level, and with `index` 0.

    Parameters
    ----------
    points : sequence of (x, y)
        Four corners; corners and middles of the endplates; or C2's lower corners and
        the tip of its dens. On a frontal film four corners.
    plane : Plane, optional
        Of the picture.

    Raises
    ------
    ValueError
        Another number of points, or points without an area.
    """
    placed = np.array(points, np.float64).reshape(-1, 2)
    rings = {4: FRONTAL_CORNERS} if plane is Plane.CORONAL else _RINGS
    if len(placed) not in rings:
        raise ValueError(f"{len(placed)} points")
    up = _up_near(bodies, placed.mean(axis=0))
    side = facing or named_facing(bodies) or Facing.LEFT
    is_right = side is Facing.RIGHT and plane is not Plane.CORONAL
    ring = _in_ring_order(placed, up, right_of(up) if is_right else -right_of(up))
    names = rings[len(ring)]
    marks = [_user_mark(name, point) for name, point in zip(names, ring, strict=True)]
    outline = _c2_outline(*ring) if len(ring) == 3 else ring
    if polygon_area(outline) < _SMALLEST_AREA_PX:
        raise ValueError("the points enclose nothing")
    return Vertebra(
        level=None,
        index=0,
        outline=tuple((float(x), float(y)) for x, y in outline),
        landmarks=(*marks, *_middles_between(marks)),
        confidence=1.0,
        state=VertebraState.ADDED,
    )


def corners_like_neighbours(
    bodies: Sequence[Vertebra], centre: Point, height_px: float | None = None
) -> tuple[Point, ...]:
    """Return four corners around a centre for a body like its neighbours.

    Between two bodies it is half way between their shapes; beyond the last one it is as
    that one, turned on by as much as that one is turned against the next. Given a
    height, or without a body with four corners beside C2, it is a box.

    Raises
    ------
    ValueError
        There is neither a body to go by nor a height above 0.
    """
    place = np.array(centre, np.float64)
    whole = [body for body in bodies if _endplate_middles(body) and body.level != "C2"]
    if height_px is None and whole:
        corners = place + _shape_near(_nearest(whole, place, 2), place)
    else:
        corners = place + _box(bodies, place, height_px)
    return tuple((float(x), float(y)) for x, y in corners)


def _shape_near(neighbours: Sequence[Vertebra], place: Points) -> Points:
    """Return corners (4, 2) about their middle, from one or two neighbours, the nearer first."""
    shapes = [_corner_shape(body) for body in neighbours]
    if len(shapes) == 1:
        return shapes[0]
    one, other = (centre_of(body) for body in neighbours)
    if (place - one) @ (place - other) < 0:
        return (shapes[0] + shapes[1]) / 2
    turn = _angle_of(_own_up(neighbours[0], _UP)) - _angle_of(_own_up(neighbours[1], _UP))
    turn = (turn + np.pi) % (2 * np.pi) - np.pi
    turn = float(np.clip(turn, -_MOST_TURN, _MOST_TURN))
    sine, cosine = np.sin(turn), np.cos(turn)
    return np.asarray(shapes[0] @ np.array([[cosine, sine], [-sine, cosine]]), np.float64)


def _corner_shape(body: Vertebra) -> Points:
    names = FRONTAL_CORNERS if body.is_seen_from_front else CORNERS
    marks = [body.landmark(name) for name in names]
    corners = np.array([_place(mark) for mark in marks if mark is not None])
    return np.asarray(corners - corners.mean(axis=0), np.float64)


def _angle_of(vector: Points) -> float:
    return float(np.arctan2(vector[1], vector[0]))


def _box(bodies: Sequence[Vertebra], place: Points, height_px: float | None) -> Points:
    if height_px is None:
        height_px = typical_body_height(_nearest(bodies, place, 2))
    if height_px is None or not height_px > 0:
        raise ValueError("no body to go by")
    up = _up_near(bodies, place)
    half_up, half_across = up * height_px / 2, right_of(up) * BODY_AREA * height_px / 2
    signs = ((1, 1), (1, -1), (-1, -1), (-1, 1))
    return np.array([a * half_up + b * half_across for a, b in signs])


def _in_ring_order(points: Points, up: Points, anterior: Points) -> Points:
    """Return points from the upper front one over the back to the lower front one.

    On a frontal film the front is the left.
    """
    ordered = points[np.argsort(-(points @ up), kind="stable")]
    split = len(points) // 2
    upper, lower = ordered[:split], ordered[split:]
    upper = upper[np.argsort(-(upper @ anterior), kind="stable")]
    lower = lower[np.argsort(lower @ anterior, kind="stable")]
    return np.concatenate([upper, lower])


def _c2_outline(tip: Points, posterior: Points, anterior: Points) -> Points:
    """Return the usual shape of C2: a body as high as half of it, and the dens."""
    width, rise = anterior - posterior, tip - (anterior + posterior) / 2
    half_tip = _C2_TIP_WIDTH * width / 2
    shoulder = _C2_SHOULDER * rise
    return np.stack(
        [anterior + shoulder, tip + half_tip, tip, tip - half_tip, posterior + shoulder,
         posterior, anterior]
    )  # fmt: skip


def _user_mark(name: LandmarkName, point: Points) -> Landmark:
    return Landmark(name, float(point[0]), float(point[1]), 1.0, LandmarkSource.USER)


def _middles_between(marks: Sequence[Landmark]) -> tuple[Landmark, ...]:
    """Return the middles of endplates that were not placed, half way between their corners."""
    placed = {mark.name: mark for mark in marks}
    pairs = zip(
        (LandmarkName.SUPERIOR_MIDDLE, LandmarkName.INFERIOR_MIDDLE), _ENDPLATES, strict=True
    )
    found = []
    for name, ends in pairs:
        if name not in placed and all(end in placed for end in ends):
            x, y = (_place(placed[ends[0]]) + _place(placed[ends[1]])) / 2
            found.append(Landmark(name, float(x), float(y), _HALF_SURE, LandmarkSource.CONTOUR))
    return tuple(found)


def _polygon(body: Vertebra) -> Points:
    if body.outline:
        return np.array(body.outline, np.float64)
    return np.array([(mark.x, mark.y) for mark in body.landmarks], np.float64).reshape(-1, 2)


def _place(mark: Landmark) -> Points:
    return np.array([mark.x, mark.y])


def _endplate_middles(body: Vertebra) -> tuple[Points, Points] | None:
    """Return the middles of the superior and inferior corners, or None without all four."""
    pairs = _FRONTAL_ENDPLATES if body.is_seen_from_front else _ENDPLATES
    ends = [body.landmark(name) for pair in pairs for name in pair]
    placed = [_place(mark) for mark in ends if mark is not None]
    if len(placed) < len(ends):
        return None
    return (placed[0] + placed[1]) / 2, (placed[2] + placed[3]) / 2


def _ups(bodies: Sequence[Vertebra]) -> list[Points]:
    if len(bodies) < 2:
        return [_UP] * len(bodies)
    return up_vectors([centre_of(body) for body in bodies])


def _nearest(bodies: Sequence[Vertebra], point: Points, count: int) -> list[Vertebra]:
    return sorted(bodies, key=lambda body: float(np.hypot(*(centre_of(body) - point))))[:count]


def _up_near(bodies: Sequence[Vertebra], point: Points) -> Points:
    """Return the upward unit vector of the column near a point."""
    by_index = {body.index: up for body, up in zip(bodies, _ups(bodies), strict=True)}
    near = [_own_up(body, by_index[body.index]) for body in _nearest(bodies, point, 2)]
    total = np.sum(near, axis=0) if near else _UP
    return np.asarray(total / np.hypot(*total), np.float64)


def _own_up(body: Vertebra, fallback: Points) -> Points:
    middles = _endplate_middles(body)
    if middles is None:
        return fallback
    rise = middles[0] - middles[1]
    return np.asarray(rise / max(float(np.hypot(*rise)), 1e-9), np.float64)
