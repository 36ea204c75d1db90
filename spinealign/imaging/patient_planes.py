"""Where slices lie in the patient: where one cuts another, and which slice passes a place.

Coordinates are DICOM's (PS3.3 C.7.6.2.1.1), in millimetres to the left, the back and the head.
Slices of different frames of reference have nothing to do with each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.image import PatientPlane
from spinealign.domain.measurements import Point
from spinealign.domain.study import SeriesEntry
from spinealign.imaging.orientation import Turn

Vector = NDArray[np.float64]

LEAST_ANGLE_DEG = 10.0
"""Slices that are nearer to parallel than that cut each other nowhere that would be of use."""

_TINY = 1e-9
_HALF_PX = 0.5


def stored_plane(
    frame_uid: str,
    place_mm: Sequence[float],
    cosines: Vector | None,
    spacing_mm: tuple[float, float] | None,
) -> PatientPlane | None:
    """Return where a stored frame lies; None where its file does not say it all.

    Parameters
    ----------
    frame_uid : str
        Frame of reference; empty where none is stated.
    place_mm : sequence of float
        ImagePositionPatient: the middle of the first pixel.
    cosines : ndarray of float64, shape (2, 3), or None
        Directions along a row and along a column.
    spacing_mm : tuple of float or None
        (row, column) spacing.
    """
    if not frame_uid or len(place_mm) != 3 or cosines is None or spacing_mm is None:
        return None
    right, down = cosines[0] * spacing_mm[1], cosines[1] * spacing_mm[0]
    corner = np.array(place_mm) - _HALF_PX * (right + down)
    values = np.concatenate([corner, right, down])
    if not np.isfinite(values).all():
        return None
    return PatientPlane(frame_uid, _tuple(corner), _tuple(right), _tuple(down))


def turned_plane(
    plane: PatientPlane | None, turn: Turn, shape: tuple[int, int]
) -> PatientPlane | None:
    """Return the plane of a frame that was turned for the screen to `shape` (rows, columns)."""
    if plane is None:
        return None
    corner, right, down = map(np.array, (plane.corner_mm, plane.right_mm, plane.down_mm))
    if turn.swaps:
        right, down = down, right
    if turn.flips_rows:
        corner, down = corner + shape[0] * down, -down
    if turn.flips_cols:
        corner, right = corner + shape[1] * right, -right
    return replace(plane, corner_mm=_tuple(corner), right_mm=_tuple(right), down_mm=_tuple(down))


def is_same_space(one: PatientPlane | None, other: PatientPlane | None) -> bool:
    """Whether two slices state one frame of reference, so that their places can be compared."""
    return one is not None and other is not None and one.frame_uid == other.frame_uid


def patient_place(plane: PatientPlane, point: Point) -> Vector:
    """Return where a point (x, y) of a slice lies in the patient, shape (3,)."""
    corner, right, down = map(np.array, (plane.corner_mm, plane.right_mm, plane.down_mm))
    return np.asarray(corner + point[0] * right + point[1] * down, np.float64)


def cut(
    plane: PatientPlane,
    shape: tuple[int, int],
    other: PatientPlane,
    other_shape: tuple[int, int],
) -> tuple[Point, Point] | None:
    """Return where another slice cuts this one, as a line in its pixels.

    Parameters
    ----------
    plane, other : PatientPlane
    shape, other_shape : tuple of int
        (rows, columns); the line ends where either picture does.

    Returns
    -------
    tuple of (x, y), or None
        None where they do not meet, are almost parallel, or state different frames of reference.
    """
    if not is_same_space(plane, other):
        return None
    ours, theirs = _normal(plane), _normal(other)
    along = np.cross(ours, theirs)
    if np.linalg.norm(along) < np.sin(np.radians(LEAST_ANGLE_DEG)):
        return None
    along /= np.linalg.norm(along)
    start = _meeting(plane, other, ours, theirs)
    low, high = -np.inf, np.inf
    for each, (rows, cols) in ((plane, shape), (other, other_shape)):
        for side, length in ((each.right_mm, cols), (each.down_mm, rows)):
            span = _span(start, along, np.array(each.corner_mm), np.array(side), length)
            low, high = max(low, span[0]), min(high, span[1])
    if not high - low > _TINY:
        return None
    first, last = (_pixel(plane, start + t * along) for t in (low, high))
    return first, last


def nearest_slice(entry: SeriesEntry, index: int, plane: PatientPlane, place: Vector) -> int:
    """Return which picture of a series passes nearest to a place in the patient.

    Parameters
    ----------
    entry : SeriesEntry
    index : int
        Of the picture that lies in `plane`.
    place : ndarray of float64, shape (3,)
    """
    if entry.positions_mm is None:
        return index
    wanted = entry.positions_mm[index] + float(_towards(plane) @ (place - plane.corner_mm))
    return int(np.abs(np.array(entry.positions_mm) - wanted).argmin())


def _towards(plane: PatientPlane) -> Vector:
    """Return the unit normal along which places of a series grow: left, back, or feet."""
    normal = _normal(plane)
    axis = int(np.abs(normal).argmax())
    sign = np.sign(normal[axis]) * (-1 if axis == 2 else 1)
    return np.asarray(normal * sign, np.float64)


def _normal(plane: PatientPlane) -> Vector:
    normal = np.cross(plane.right_mm, plane.down_mm)
    return np.asarray(normal / max(float(np.linalg.norm(normal)), _TINY), np.float64)


def _meeting(plane: PatientPlane, other: PatientPlane, ours: Vector, theirs: Vector) -> Vector:
    """Return a point (3,) of both planes."""
    corner = np.array(plane.corner_mm)
    # Within our plane, straight towards theirs.
    way = theirs - (theirs @ ours) * ours
    far = (np.array(other.corner_mm) - corner) @ theirs
    return np.asarray(corner + far / (way @ theirs) * way, np.float64)


def _span(
    start: Vector, along: Vector, corner: Vector, side: Vector, length: float
) -> tuple[float, float]:
    """Return between which distances along a line its pixel numbers on one side are 0 to length."""
    unit = side / (side @ side)
    first, step = float((start - corner) @ unit), float(along @ unit)
    if abs(step) < _TINY:
        return (-np.inf, np.inf) if 0 <= first <= length else (np.inf, -np.inf)
    ends = sorted((-first / step, (length - first) / step))
    return ends[0], ends[1]


def _pixel(plane: PatientPlane, place: Vector) -> Point:
    away = place - np.array(plane.corner_mm)
    sides = (np.array(plane.right_mm), np.array(plane.down_mm))
    x, y = (float(away @ side / (side @ side)) for side in sides)
    return x, y


def _tuple(vector: Vector) -> tuple[float, float, float]:
    x, y, z = vector.tolist()
    return x, y, z
