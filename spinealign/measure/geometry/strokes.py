"""How measurements are drawn over the picture: endplates, angles, plumb lines, distances.

Everything is computed from the exact points (sample 0) in the sagittal plane.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.measurements import Stroke, StrokeKind
from spinealign.measure.geometry.lines import Line
from spinealign.measure.geometry.plane import SagittalPlane

Points = NDArray[np.float64]
Strokes = tuple[Stroke, ...]

_ARC_STEP_DEG = 4.0
"""Degrees from vertex to vertex of an arc. Source: drawing only, nothing is measured with it."""

_BEHIND, _BEYOND, _COBB_ARC, _SLOPE_REACH, _SLOPE_ARC = 1.7, 1.1, 0.95, 1.45, 1.2
"""Lengths of construction lines and arcs, in depths of an endplate.

Source: drawing only, nothing is measured with them.
"""

_FAR, _TANGENT_BEYOND, _TANGENT_ARC = 1.5, 0.5, 0.4
"""The same of tangents, in distances between their walls. Source: drawing only."""

_HIP_ARC = 0.5
"""Radius of the arc at the sacrum, in distances to the hips. Source: drawing only."""

_PLUMB_BEYOND = 0.08
"""How much a plumb line goes on, as a share of its length. Source: drawing only."""


@dataclass(frozen=True)
class Pen:
    """Draws in image pixels what is given in a plane."""

    plane: SagittalPlane

    def stroke(self, kind: StrokeKind, *points: Points) -> Stroke:
        """Return a polyline through points (2,) of the plane."""
        return Stroke(kind, self.plane.polyline(np.stack(points)))

    def segment(self, line: Line) -> Stroke:
        """Return a measured line from end to end."""
        return self.stroke(StrokeKind.LINE, line.start[0], line.end[0])

    def distance(self, one: Points, other: Points) -> Stroke:
        """Return a measured distance between points (S, 2)."""
        return self.stroke(StrokeKind.LINE, one[0], other[0])

    def cobb(self, upper: Line, lower: Line) -> Strokes:
        """Draw an angle between far endplates as by hand: perpendiculars that meet behind."""
        width = _width(upper, lower)
        forward = _unit(upper.direction[0] + lower.direction[0])
        corner = (upper.start[0] + lower.start[0]) / 2 - _BEHIND * width * forward
        above, below = _foot(upper, corner), _foot(lower, corner)
        first, second = _unit(corner - above), _unit(below - corner)
        return (
            self.segment(upper),
            self.segment(lower),
            self.stroke(
                StrokeKind.EXTENSION,
                upper.start[0], above, corner, corner + _BEYOND * width * first,
            ),
            self.stroke(StrokeKind.EXTENSION, lower.start[0], below, corner),
            self._arc(corner, first, second, _COBB_ARC * width),
        )  # fmt: skip

    def turned(self, reference: Line, line: Line) -> Strokes:
        """Draw an angle where the lower line starts, beside a parallel of the upper one."""
        return (self.segment(reference), *self._against(line, reference.direction[0]))

    def slope(self, line: Line) -> Strokes:
        """Draw the angle of an endplate against the horizontal."""
        return self._against(line, np.array([1.0, 0.0]))

    def _against(self, line: Line, direction: Points) -> Strokes:
        start, width = line.start[0], float(line.length[0])
        end = start + _SLOPE_REACH * width * direction
        return (
            self.segment(line),
            self.stroke(
                StrokeKind.EXTENSION, line.end[0], start + _SLOPE_REACH * width * line.direction[0]
            ),
            self.stroke(StrokeKind.EXTENSION, start, end),
            self._arc(start, direction, line.direction[0], _SLOPE_ARC * width),
        )

    def tangents(self, upper: Line, lower: Line) -> Strokes:
        """Draw the angle between posterior walls where they meet, if they meet near by."""
        span = float(np.hypot(*(lower.start[0] - upper.end[0])))
        meeting = _crossing(upper, lower)
        middle = (upper.end[0] + lower.start[0]) / 2
        if meeting is None or np.hypot(*(meeting - middle)) > _FAR * span:
            return self.turned(upper, lower)
        side = 1.0 if (meeting - lower.middle[0]) @ lower.direction[0] < 0 else -1.0
        first, second = side * upper.direction[0], side * lower.direction[0]
        return (
            self.segment(upper),
            self.segment(lower),
            self.stroke(
                StrokeKind.EXTENSION, _nearer(upper, meeting), meeting,
                meeting + _TANGENT_BEYOND * span * first,
            ),
            self.stroke(
                StrokeKind.EXTENSION, _nearer(lower, meeting), meeting,
                meeting + _TANGENT_BEYOND * span * second,
            ),
            self._arc(meeting, first, second, _TANGENT_ARC * span),
        )  # fmt: skip

    def plumb(self, centre: Points, corner: Points) -> Strokes:
        """Draw a plumb line from one point (S, 2) and the horizontal way to another."""
        top, end = centre[0], corner[0]
        bottom = np.array([top[0], end[1]])
        return (
            self.stroke(StrokeKind.PLUMB, top, bottom + _PLUMB_BEYOND * (bottom - top)),
            self.stroke(StrokeKind.LINE, bottom, end),
        )

    def tilt(self, plate: Line, hips: Points) -> Strokes:
        """Draw the angle between the vertical and the line from an endplate to the hips (S, 2)."""
        return self._to_hips(plate, hips, np.array([0.0, 1.0]))

    def incidence(self, plate: Line, hips: Points) -> Strokes:
        """Draw the angle between an endplate's perpendicular and the line to the hips (S, 2)."""
        across = plate.direction[0]
        return self._to_hips(plate, hips, np.array([-across[1], across[0]]))

    def _to_hips(self, plate: Line, hips: Points, direction: Points) -> Strokes:
        middle, axis = plate.middle[0], hips[0]
        reach = float(np.hypot(*(axis - middle)))
        return (
            self.segment(plate),
            self.stroke(StrokeKind.LINE, middle, axis),
            self.stroke(StrokeKind.EXTENSION, middle, middle + reach * direction),
            self._arc(middle, direction, _unit(axis - middle), _HIP_ARC * reach),
        )

    def offset(self, upper: Line, lower: Line, one: Points, other: Points) -> Strokes:
        """Draw the offset between two points (S, 2) where two walls pass the disc."""
        return (
            self.stroke(StrokeKind.EXTENSION, upper.start[0], upper.end[0], one[0]),
            self.stroke(StrokeKind.EXTENSION, lower.end[0], lower.start[0], other[0]),
            self.distance(one, other),
        )

    def listhesis(self, line: Line, wall: Line, met: Points) -> Strokes:
        """Draw how far before or behind the start of an endplate a wall meets it, at (S, 2)."""
        return (
            self.stroke(StrokeKind.EXTENSION, line.end[0], line.start[0], met[0]),
            self.stroke(StrokeKind.EXTENSION, wall.start[0], wall.end[0], met[0]),
            self.distance(line.start, met),
        )

    def _arc(self, centre: Points, first: Points, second: Points, radius: float) -> Stroke:
        """Return the shorter arc from one direction (2,) to another."""
        start = np.arctan2(first[1], first[0])
        turn = (np.arctan2(second[1], second[0]) - start + np.pi) % (2 * np.pi) - np.pi
        steps = 2 + int(abs(np.degrees(turn)) / _ARC_STEP_DEG)
        angles = start + np.linspace(0, turn, steps)
        points = centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return Stroke(StrokeKind.ARC, self.plane.polyline(points))


def _width(*lines: Line) -> float:
    return float(np.mean([line.length[0] for line in lines]))


def _nearer(line: Line, point: Points) -> Points:
    """Return the end of a line (its exact sample) that is nearer to a point (2,)."""
    ends = (line.start[0], line.end[0])
    return min(ends, key=lambda end: float(np.hypot(*(point - end))))


def _unit(vector: Points) -> Points:
    return np.asarray(vector / max(float(np.hypot(*vector)), 1e-9), np.float64)


def _foot(line: Line, point: Points) -> Points:
    direction = line.direction[0]
    return np.asarray(line.start[0] + (point - line.start[0]) @ direction * direction, np.float64)


def _crossing(one: Line, other: Line) -> Points | None:
    """Return where two lines (their exact samples) meet, or None if they are parallel."""
    first, second = one.direction[0], other.direction[0]
    sine = first[0] * second[1] - first[1] * second[0]
    if abs(sine) < 1e-6:
        return None
    gap = other.start[0] - one.start[0]
    share = (gap[0] * second[1] - gap[1] * second[0]) / sine
    return np.asarray(one.start[0] + share * first, np.float64)
