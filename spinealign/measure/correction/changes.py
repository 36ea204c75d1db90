"""Functions that return a changed copy of the `Corrections` of one image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from spinealign.domain.examination import LEVEL_SEQUENCE, Plane
from spinealign.domain.findings import (
    BY_PERSON,
    FRONTAL_CORNERS,
    TAKEN_OVER,
    Analysis,
    Corrections,
    Facing,
    Landmark,
    LandmarkName,
    LandmarkSource,
    Vertebra,
    VertebraState,
)
from spinealign.domain.image import SpineImage
from spinealign.domain.measurements import Calibration, Drawing, DrawingKey, DrawingTool, Point
from spinealign.measure.correction.corrected import (
    apply_corrections,
    initial_corrections,
    without_corrections,
)
from spinealign.measure.correction.levels import (
    C2_LANDMARKS,
    levels_after,
    numbered,
    with_free_level,
)
from spinealign.measure.correction.reshaping import with_landmark_at
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.measure.outlines.body_places import (
    added_vertebra,
    corners_like_neighbours,
    counterparts,
    named_facing,
    place_in_column,
)

__all__ = [
    "add_drawing",
    "add_vertebra",
    "add_vertebra_at",
    "add_vertebra_by_corners",
    "apply_corrections",
    "body_at",
    "calibrate",
    "confirm_corners",
    "confirm_name",
    "confirm_names",
    "delete_drawing",
    "delete_vertebra",
    "initial_corrections",
    "missing_landmarks",
    "move_drawing_point",
    "move_landmark",
    "possible_levels",
    "rename_level",
    "reset_all",
    "reset_body",
    "reset_landmark",
    "set_bent",
    "set_drawing_text",
    "set_examination_date",
    "set_facing",
    "swap_anterior_posterior",
    "without_calibration",
]

_MIRRORED = {
    LandmarkName.ANTERIOR_SUPERIOR: LandmarkName.POSTERIOR_SUPERIOR,
    LandmarkName.POSTERIOR_SUPERIOR: LandmarkName.ANTERIOR_SUPERIOR,
    LandmarkName.ANTERIOR_INFERIOR: LandmarkName.POSTERIOR_INFERIOR,
    LandmarkName.POSTERIOR_INFERIOR: LandmarkName.ANTERIOR_INFERIOR,
}
_LATERAL_LANDMARKS = (
    LandmarkName.ANTERIOR_SUPERIOR,
    LandmarkName.POSTERIOR_SUPERIOR,
    LandmarkName.SUPERIOR_MIDDLE,
    LandmarkName.POSTERIOR_INFERIOR,
    LandmarkName.ANTERIOR_INFERIOR,
    LandmarkName.INFERIOR_MIDDLE,
)
_SHORTEST_CALIBRATION_PX = 1.0
"""Shortest distance that calibrates, in image pixels; below it both ends may be one click.

Source: resolution of the picture.
"""


def move_landmark(
    corrections: Corrections, body_index: int, name: LandmarkName, x: float, y: float
) -> Corrections:
    """Put a landmark of a body somewhere; one that the body lacks is placed.

    The outline's sides that meet there follow, fading towards the next landmarks, and
    so do middles of endplates that nobody placed.

    Parameters
    ----------
    body_index : int
        The body's `index`.
    x, y : float
        In image pixels.

    Raises
    ------
    KeyError
        There is no such body.
    ValueError
        The place is not finite.
    """
    body = body_at(corrections, body_index)
    _check_finite(((x, y),))
    mark = Landmark(LandmarkName(name), float(x), float(y), 1.0, LandmarkSource.USER)
    return _with_body(corrections, with_landmark_at(body, mark))


def reset_landmark(
    corrections: Corrections, body_index: int, name: LandmarkName, analysis: Analysis
) -> Corrections:
    """Put a landmark back where the program had seen it.

    The body the program had found at that place is the one that counts. A point that the
    program had not placed is taken away.
    """
    body = body_at(corrections, body_index)
    before = _found_by_the_program(corrections, body_index, analysis)
    original = None if before is None else before.landmark(name)
    if original is None:
        kept = tuple(mark for mark in body.landmarks if mark.name != name)
        return _with_body(corrections, replace(body, landmarks=kept))
    return _with_body(corrections, with_landmark_at(body, original))


def reset_body(corrections: Corrections, body_index: int, analysis: Analysis) -> Corrections:
    """Give a body the outline and the points back that the program had found there.

    Its level stays, and that a person accepted it. A body that the program had not found
    stays as it is.
    """
    before = _found_by_the_program(corrections, body_index, analysis)
    if before is None:
        return corrections
    body = body_at(corrections, body_index)
    state = body.state if body.state in TAKEN_OVER else before.state
    own = replace(before, level=body.level, index=body_index, state=state)
    return _with_body(corrections, own)


def reset_all(corrections: Corrections, analysis: Analysis) -> Corrections:
    """Return what the program itself found; drawings, calibration, posture, date and turn stay.

    They are the person's own, and no correction of the program's.
    """
    start = initial_corrections(analysis)
    return replace(
        start,
        drawings=corrections.drawings,
        calibration=corrections.calibration,
        is_bent=corrections.is_bent,
        examination_date=corrections.examination_date,
        presentation=corrections.presentation,
    )


def missing_landmarks(body: Vertebra) -> tuple[LandmarkName, ...]:
    """Return which landmarks a body of its level can have and lacks."""
    names: Sequence[LandmarkName] = _LATERAL_LANDMARKS
    if body.is_seen_from_front:
        names = FRONTAL_CORNERS
    elif body.level == "C2":
        names = C2_LANDMARKS
    return tuple(name for name in names if body.landmark(name) is None)


def add_vertebra(
    corrections: Corrections, points: Sequence[Point], plane: Plane = Plane.SAGITTAL
) -> Corrections:
    """Add a body that the program missed.

    It takes its place in the column by height and the level between its neighbours';
    where no level is free there, the bodies below move down by one. Where levels are
    uncertain, it gets a number like the others.

    Parameters
    ----------
    points : sequence of (x, y)
        In any order: the four corners; the four corners and the two middles of the
        endplates; or, for C2, its two lower corners and the tip of the dens.
    plane : Plane, optional
        Of the picture: on a frontal film a body has four corners, left and right.

    Raises
    ------
    ValueError
        Another number of points, points without an area, or no level left.
    """
    _check_finite(points)
    body = added_vertebra(corrections.vertebrae, corrections.facing, points, plane)
    place = place_in_column(corrections.vertebrae, body)
    before, after = corrections.vertebrae[:place], corrections.vertebrae[place:]
    if all(other.level for other in corrections.vertebrae):
        before, body, after = with_free_level(before, body, after)
    return numbered(corrections, (*before, body, *after))


def add_vertebra_by_corners(
    corrections: Corrections, corners: Sequence[Point], plane: Plane = Plane.SAGITTAL
) -> Corrections:
    """Add a body by its four corners, from the anterior-superior one round by the back.

    Where nobody knows which way the patient looks, the first two corners tell. On a frontal film
    the corners may come in any order.

    Parameters
    ----------
    corners : sequence of (x, y)
        Anterior-superior, posterior-superior, posterior-inferior, anterior-inferior.

    Raises
    ------
    ValueError
        As `add_vertebra`.
    """
    (front, _), (back, _) = corners[:2]
    is_lateral = plane is not Plane.CORONAL
    if is_lateral and corrections.facing is None and front != back:
        corrections = set_facing(corrections, Facing.RIGHT if front > back else Facing.LEFT)
    return add_vertebra(corrections, corners, plane)


def add_vertebra_at(
    corrections: Corrections, x: float, y: float, height_px: float | None = None,
    plane: Plane = Plane.SAGITTAL,
) -> Corrections:  # fmt: skip
    """Add a body around a centre, as large and as tilted as its neighbours.

    Parameters
    ----------
    height_px : float, optional
        The body's height, where there are no neighbours or they mislead.

    Raises
    ------
    ValueError
        There is neither a body to go by nor a height.
    """
    _check_finite(((x, y),))
    corners = corners_like_neighbours(corrections.vertebrae, (x, y), height_px)
    return add_vertebra(corrections, corners, plane)


def delete_vertebra(corrections: Corrections, body_index: int) -> Corrections:
    """Take a body away; the others keep their levels and are numbered anew."""
    body_at(corrections, body_index)
    kept = tuple(body for body in corrections.vertebrae if body.index != body_index)
    return numbered(corrections, kept)


def possible_levels(
    corrections: Corrections,
    body_index: int,
    above_follow: bool = True,
    below_follow: bool = True,
) -> tuple[str, ...]:
    """Return the levels that `rename_level` can give to a body, from the top."""
    body_at(corrections, body_index)
    bodies, follow = corrections.vertebrae, (above_follow, below_follow)
    return tuple(
        level
        for level in LEVEL_SEQUENCE
        if levels_after(bodies, body_index, level, *follow) is not None
    )


def rename_level(
    corrections: Corrections,
    body_index: int,
    level: str,
    above_follow: bool = True,
    below_follow: bool = True,
) -> Corrections:
    """Give a body another level; the others follow by the same number of levels.

    Where levels are uncertain, all bodies are counted from this one, and named by that. Else the
    name of the body itself is confirmed, not those of accepted suggestions that follow.

    Parameters
    ----------
    level : str
        One of `possible_levels`.
    above_follow : bool
        False moves only this body and those below it, as after a gap.
    below_follow : bool
        False moves only this body and those above it, as above a sacrum that is named rightly.

    Raises
    ------
    ValueError
        A body would get no level, or one that is not below the one above it.
    """
    bodies = corrections.vertebrae
    levels = levels_after(bodies, body_index, level, above_follow, below_follow)
    if levels is None:
        raise ValueError(f"{level} is not possible for body {body_index}")
    named = tuple(replace(body, level=new) for body, new in zip(bodies, levels, strict=True))
    counted = replace(corrections, vertebrae=named, levels_uncertain=False)
    had_none = any(body.level is None for body in bodies)
    return confirm_names(counted) if had_none else confirm_name(counted, body_index)


def confirm_name(corrections: Corrections, body_index: int) -> Corrections:
    """Stand for the level of a body that was suggested; that of any other stays as it is."""
    body = body_at(corrections, body_index)
    if not body.is_name_open:
        return corrections
    return _with_body(corrections, replace(body, state=VertebraState.ACCEPTED))


def confirm_names(corrections: Corrections) -> Corrections:
    """Stand for the levels of all bodies that were suggested."""
    for body in corrections.vertebrae:
        corrections = confirm_name(corrections, body.index)
    return corrections


def confirm_corners(corrections: Corrections, *names: str) -> Corrections:
    """Stand for the points of bodies where the program put them; placed ones stay placed.

    Raises
    ------
    KeyError
        There is no body of a name.
    """
    by_name = {body.name: body for body in corrections.vertebrae}
    for name in names:
        corrections = _with_body(corrections, _confirmed(by_name[name]))
    return corrections


def _confirmed(body: Vertebra) -> Vertebra:
    marks = tuple(
        mark if mark.source in BY_PERSON else replace(mark, source=LandmarkSource.CONFIRMED)
        for mark in body.landmarks
    )
    return replace(body, landmarks=marks)


def set_facing(corrections: Corrections, facing: Facing) -> Corrections:
    """Say which way the patient looks; front and back corners change names where they must."""
    if corrections.facing is facing:
        return corrections
    if corrections.facing is None and named_facing(corrections.vertebrae) in (None, facing):
        return replace(corrections, facing=facing)
    turned = tuple(replace(b, landmarks=_renamed_sides(b.landmarks)) for b in corrections.vertebrae)
    return replace(corrections, facing=facing, vertebrae=turned)


def set_bent(corrections: Corrections, is_bent: bool, image: SpineImage) -> Corrections:
    """Say whether the film is taken in flexion or extension, where the file says otherwise."""
    return replace(corrections, is_bent=None if is_bent == image.is_bent else is_bent)


def set_examination_date(corrections: Corrections, day: date | None) -> Corrections:
    """Give an image whose file states no date the one of its examination; None takes it away."""
    return replace(corrections, examination_date=day)


def swap_anterior_posterior(corrections: Corrections) -> Corrections:
    """Turn the patient round; an unknown facing becomes the one that the corners' names tell."""
    if corrections.facing is None:
        return set_facing(corrections, named_facing(corrections.vertebrae) or Facing.LEFT)
    opposite = {Facing.LEFT: Facing.RIGHT, Facing.RIGHT: Facing.LEFT}
    return set_facing(corrections, opposite[corrections.facing])


def add_drawing(
    corrections: Corrections, tool: DrawingTool, points: Sequence[Point], text: str = ""
) -> Corrections:
    """Add a drawn measure or a note; it gets the next number among those of its tool.

    Those that measures of the spine rest on take the place of what was there.
    """
    _check_finite(points)
    numbers = [drawing.number for drawing in corrections.drawings if drawing.tool is tool]
    placed = tuple((float(x), float(y)) for x, y in points)
    drawing = Drawing(DrawingTool(tool), max(numbers, default=0) + 1, placed, text)
    kept = corrections.drawings
    if drawing.tool.is_of_spine:
        kept = tuple(other for other in kept if other.tool is not drawing.tool)
    return replace(corrections, drawings=(*kept, drawing))


def move_drawing_point(
    corrections: Corrections, key: DrawingKey, point_index: int, x: float, y: float
) -> Corrections:
    """Put one point (counted from 0) of a drawing somewhere.

    Raises
    ------
    KeyError
        There is no such drawing or point.
    """
    _check_finite(((x, y),))
    drawing = _drawing_at(corrections, key)
    if not 0 <= point_index < len(drawing.points):
        raise KeyError(point_index)
    points = list(drawing.points)
    points[point_index] = (float(x), float(y))
    return _with_drawing(corrections, replace(drawing, points=tuple(points)))


def set_drawing_text(corrections: Corrections, key: DrawingKey, text: str) -> Corrections:
    """Let a note say something else.

    Raises
    ------
    KeyError
        There is no such drawing.
    """
    return _with_drawing(corrections, replace(_drawing_at(corrections, key), text=text))


def delete_drawing(corrections: Corrections, key: DrawingKey) -> Corrections:
    """Take a drawing away; the others keep their numbers."""
    _drawing_at(corrections, key)
    kept = tuple(drawing for drawing in corrections.drawings if drawing.key != key)
    return replace(corrections, drawings=kept)


def calibrate(
    corrections: Corrections, start: Point, end: Point, length_mm: float, image: SpineImage
) -> Corrections:
    """Set the pixel spacing by a length that is known in millimetres.

    Parameters
    ----------
    start, end : (x, y)
        Ends of a ruler or of an object of known size, in image pixels.
    length_mm : float
    image : SpineImage
        Where its spacing is known, the ratio of row to column spacing is kept; else
        pixels are taken as square.

    Raises
    ------
    ValueError
        The points are less than a pixel apart, or the length is not above 0.
    """
    _check_finite((start, end))
    apart = np.subtract(end, start).astype(np.float64)
    if not (math.isfinite(length_mm) and length_mm > 0):
        raise ValueError("the length must be above 0")
    if np.hypot(*apart) < _SHORTEST_CALIBRATION_PX:
        raise ValueError("the points are too close to each other")
    scale = PixelGeometry(image.spacing_mm).scale
    factor = length_mm / float(np.hypot(*(apart * scale)))
    across_mm, down_mm = (float(v) for v in scale * factor)
    ends = ((float(start[0]), float(start[1])), (float(end[0]), float(end[1])))
    found = Calibration(*ends, float(length_mm), (down_mm, across_mm))
    return replace(corrections, calibration=found)


def without_calibration(corrections: Corrections) -> Corrections:
    """Go back to the spacing that the file tells, or to none."""
    return replace(corrections, calibration=None)


def body_at(corrections: Corrections, body_index: int) -> Vertebra:
    """Return the body with this `index`.

    Raises
    ------
    KeyError
        There is none.
    """
    for body in corrections.vertebrae:
        if body.index == body_index:
            return body
    raise KeyError(body_index)


def _found_by_the_program(
    corrections: Corrections, body_index: int, analysis: Analysis
) -> Vertebra | None:
    """Return the program's own body at the place of a corrected one, its points as now faced."""
    start, own = initial_corrections(analysis), without_corrections(analysis)
    seen = own.vertebrae
    if body_at(corrections, body_index).state in TAKEN_OVER:
        seen = own.suggestions
    found = counterparts(corrections.vertebrae, seen).get(body_index)
    if found is None:
        return None
    side = start.facing or named_facing(seen)
    is_turned = corrections.facing is not None and side not in (None, corrections.facing)
    return replace(found, landmarks=_renamed_sides(found.landmarks)) if is_turned else found


def _renamed_sides(marks: Sequence[Landmark]) -> tuple[Landmark, ...]:
    return tuple(replace(mark, name=_MIRRORED.get(mark.name, mark.name)) for mark in marks)


def _with_body(corrections: Corrections, body: Vertebra) -> Corrections:
    bodies = tuple(body if b.index == body.index else b for b in corrections.vertebrae)
    return replace(corrections, vertebrae=bodies)


def _drawing_at(corrections: Corrections, key: DrawingKey) -> Drawing:
    for drawing in corrections.drawings:
        if drawing.key == key:
            return drawing
    raise KeyError(key)


def _with_drawing(corrections: Corrections, changed: Drawing) -> Corrections:
    drawings = tuple(changed if d.key == changed.key else d for d in corrections.drawings)
    return replace(corrections, drawings=drawings)


def _check_finite(points: Sequence[Point]) -> None:
    if not np.isfinite(np.array(points, np.float64)).all():
        raise ValueError("a point that is nowhere")
