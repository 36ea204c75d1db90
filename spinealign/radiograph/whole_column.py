"""The column on a lateral film of any size and frame: found coarsely, seen sharply, named.

One coarse look at the film finds the line of the column and its local scale; sharp looks along
that line see its bodies, about 48 pixels high; a search over whole lines chooses the bodies that
follow each other; and levels are what fits all of them best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import (
    Landmark,
    LandmarkName,
    LandmarkSource,
    LevelUncertainty,
    Vertebra,
)
from spinealign.domain.image import SpineImage
from spinealign.imaging.orientation import turned_left
from spinealign.inference.engine import Array, LoadedModel
from spinealign.measure.outlines.body_places import centre_of
from spinealign.measure.outlines.corners import CORNERS
from spinealign.measure.outlines.square import SquareGrid
from spinealign.measure.outlines.vertebrae import (
    BodyAxes,
    Peaks,
    body_landmarks,
    contour_corner,
    up_by_corners,
    up_vectors,
)
from spinealign.radiograph.bodies_on_film import (
    FEWEST_BODIES,
    FilmMask,
    body_axes,
    moved_to_film,
    own_bone,
    own_sacrum,
    peaks_on_film,
    shape_on_film,
    told_facing,
    uncut,
    vertebra_of,
    window_of,
)
from spinealign.radiograph.candidates import Candidate, sharp_candidates
from spinealign.radiograph.column_levels import LineNames, name_line
from spinealign.radiograph.column_line import GUIDED_LINE, best_line, coarse_nodes
from spinealign.radiograph.looks import SHARP_PX, Look, coarse_look
from spinealign.radiograph.turned_film import from_squares, on_squares, turned_back
from spinealign.radiograph.verdict import FilmSight, Sighting, VertebraOutlines, outlines_of

Points = NDArray[np.float64]

_LEAST_WORTH, _LEAST_S1_WORTH = 0.45, 0.4
"""How surely a piece must be a body, or S1, to count (0..1).

Source: set by hand on 13 films not learned from (docs/design/films-from-anywhere.md).
"""

_LEAST_THORACIC_WORTH = 0.6
"""How surely a piece named as a thoracic body must be one to be outlined, not suggested (0..1).

Source: on 13 films not learned from, 5 of 11 pieces below it lie more than 0.4 heights off, and
3 of 46 above it (docs/design/films-from-anywhere.md).
"""

_NEAR_BONE_SIDE = 33
"""Side of the square around a pixel of bone in which its corners are looked for, in pixels of the
network's output.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_S1_CORNER = 0.4
"""Confidence of a corner of S1 that is the outline's.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_LEAST_UPRIGHT_COS = 0.5
"""Least cosine of the angle between a line of bodies and what their corners say is up.

Source: convention of this program: 60 degrees; a film on its side has about 90.
"""

_FEWEST_UPRIGHT, _FEWEST_TURNED = 3, 4
"""Fewest bodies that show that a film stands upright, and that it does not.

Source: convention of this program; four bodies in line on a turned film are no chance.
"""


_LEAST_EVIDENCE, _EVIDENCE_SHARE = 3.0, 0.8
"""How much of a column the coarse look at a turned film must show, in sure bodies, and in what
the film shows as it stands.

Source: seven films of fold 0 and their necks show 4.8 to 21 bodies upright, and at most 8.9 on
their head and 1.5 on their side, at most half as many as upright; ten frontal films at most 4.6.
"""


def outline_column(
    model: LoadedModel, image: SpineImage, levels: Sequence[str]
) -> VertebraOutlines:
    """Outline and name the bodies of a lateral film.

    A film whose pixels are not square is resampled, and one on which too few bodies are found as
    it stands is turned by quarter turns; what is found then is brought back to the film as it was.

    Parameters
    ----------
    model : LoadedModel
        Card with `looks.COLUMN_CLASSES`; outputs ``logits`` (h, w, 4), ``corners`` (h, w, 4)
        and ``levels`` (h, w, 2).
    image : SpineImage
        Any size; either way round.
    levels : sequence of str
        What the examination names.
    """
    squares = SquareGrid.over(image.shape, image.pixel_aspect)
    if squares.is_needed:
        found = _outline_either_way_up(model, on_squares(image, squares), levels)
        return from_squares(found, squares, image.shape)
    return _outline_either_way_up(model, image, levels)


def _outline_either_way_up(
    model: LoadedModel, image: SpineImage, levels: Sequence[str]
) -> VertebraOutlines:
    """Outline and name the bodies of a lateral film with square pixels."""
    look = coarse_look(model, image)
    upright = _outline(model, image, look, levels)
    if _is_convincing(upright):
        return upright
    for turns, turned in _turned_by_evidence(model, image, _evidence(look)):
        found = _outline(model, turned, coarse_look(model, turned), levels)
        if len(found.vertebrae) >= _FEWEST_TURNED and not found.levels_uncertain:
            return max(upright, turned_back(found, turns, image.shape), key=_count_of_named)
    return upright


def _is_convincing(upright: VertebraOutlines) -> bool:
    """Whether there is no need to look at the film turned."""
    bodies = upright.vertebrae
    return len(bodies) >= _FEWEST_UPRIGHT and not upright.levels_uncertain and _is_steep(bodies)


def _count_of_named(found: VertebraOutlines) -> int:
    return sum(body.level is not None for body in found.vertebrae)


def _turned_by_evidence(
    model: LoadedModel, image: SpineImage, upright: float
) -> list[tuple[int, SpineImage]]:
    """Return the film turned in the ways in which it may stand upright, the likeliest first.

    With each the number of turns.
    """
    turned = [(turns, turned_left(image, turns)) for turns in (2, 1, 3)]
    looks = [coarse_look(model, film, is_averaged=False) for _, film in turned]
    shown = sorted(zip(map(_evidence, looks), turned, strict=True), key=lambda one: -one[0])
    least = max(_LEAST_EVIDENCE, _EVIDENCE_SHARE * upright)
    return [film for evidence, film in shown if evidence >= least]


def _evidence(look: Look) -> float:
    """Return how much of a column a coarse look shows, in sure bodies."""
    return sum(node.worth for node in best_line(coarse_nodes(look)))


def _is_steep(bodies: Sequence[Vertebra]) -> bool:
    """Whether bodies follow each other downwards on the film rather than across."""
    across, down = centre_of(bodies[-1]) - centre_of(bodies[0])
    return bool(down > abs(across))


def _outline(
    model: LoadedModel, image: SpineImage, look: Look, levels: Sequence[str]
) -> VertebraOutlines:
    """Outline the bodies that lie below each other on a film as it stands."""
    mask = FilmMask(look.grid, look.bone, image.shape)
    chain, names = find_chain(model, image, look)
    if len(chain) < FEWEST_BODIES:
        return outlines_of(FilmSight(model.identity, mask), levels)
    sight = _Film(model, image, mask, chain, names).sight()
    return outlines_of(sight, levels, is_plausible=stands_upright(chain))


def stands_upright(chain: Sequence[Candidate]) -> bool:
    """Whether the corners, where there are any, say that the upper end of a line is up."""
    up = up_by_corners([_film_peaks(body) for body in chain])
    run = chain[0].centre - chain[-1].centre
    cosine = float(up @ run) / max(float(np.hypot(*up) * np.hypot(*run)), 1e-9)
    return not up.any() or cosine > _LEAST_UPRIGHT_COS


def find_chain(
    model: LoadedModel, image: SpineImage, look: Look
) -> tuple[list[Candidate], LineNames]:
    """Return the bodies of the column from the top and their names; none without a column."""
    line = best_line(coarse_nodes(look))
    if len(line) < FEWEST_BODIES:
        return [], LineNames((), ())
    chain = best_line(sharp_candidates(model, image, line), GUIDED_LINE)
    firm = [body for body in chain if body.worth >= _least_worth(body)]
    if len(firm) < FEWEST_BODIES:
        return [], LineNames((), ())
    return firm, name_line(firm)


def _least_worth(body: Candidate) -> float:
    return _LEAST_S1_WORTH if body.is_s1 else _LEAST_WORTH


def _is_weak(body: Candidate, level: str) -> bool:
    return level.startswith("T") and body.worth < _LEAST_THORACIC_WORTH


@dataclass(frozen=True, eq=False)
class _Place:
    """A body of the chain with its directions on the film."""

    body: Candidate
    frame: BodyAxes


class _Film:
    """Brings a line of bodies to the film's own pixels."""

    def __init__(
        self, model: LoadedModel, image: SpineImage, mask: FilmMask, chain: Sequence[Candidate],
        names: LineNames,
    ) -> None:  # fmt: skip
        self._model, self._image, self._mask = model, image, mask
        self._chain, self._names = chain, names
        ups = up_vectors([body.centre for body in chain])
        voting = [(body, up) for body, up in zip(chain, ups, strict=True) if not body.is_s1]
        self._facing, self._facing_confidence = told_facing(
            [_film_peaks(b) for b, _ in voting], [b.blob for b, _ in voting], [u for _, u in voting]
        )
        self._places = [
            _Place(body, body_axes(up, self._facing)) for body, up in zip(chain, ups, strict=True)
        ]

    def sight(self) -> FilmSight:
        """Return all bodies of the line."""
        for body in self._chain:
            grid = body.look.grid
            window = window_of(grid, [body.blob], self._image.shape)
            self._mask.sharpen(grid, body.look.bone, window)
        found = [self._sighting(number) for number in range(len(self._chain))]
        has_c2 = any(body.is_c2 for body in self._chain)
        return FilmSight(
            self._model.identity, self._mask, tuple(one for one in found if one is not None),
            self._facing, self._facing_confidence,
            LevelUncertainty.IRREGULAR if has_c2 else LevelUncertainty.NO_C2,
            self._image.pixel_aspect,
        )  # fmt: skip

    def _sighting(self, number: int) -> Sighting | None:
        place, names = self._places[number], self._names
        look = place.body.look
        shape = shape_on_film(look.grid, _own_bone(place.body), place.body.blob, self._image.shape)
        if shape is None:
            return None
        vertebra = self._vertebra(place, shape.contour, names.level(number))
        return Sighting(
            vertebra, shape, look.grid, look.bone, names.numbers[number],
            is_named=names.is_sure(number),
            is_weak=_is_weak(place.body, names.level(number)),
        )  # fmt: skip

    def _vertebra(self, place: _Place, contour: Points, level: str) -> Vertebra:
        marks = _landmarks(place, contour)
        marks = uncut(marks, contour, self._image.shape, place.body.height)
        worth = float(np.clip(place.body.worth, 0, 1))
        return vertebra_of(contour, marks, worth, self._image.shape, level)


def _film_peaks(body: Candidate) -> Peaks:
    grid = body.look.grid
    return tuple(None if peak is None else moved_to_film(grid, peak) for peak in body.peaks)


def _own_bone(body: Candidate) -> Array:
    if body.is_s1:
        return own_sacrum(body.look.s1, body.labels, SHARP_PX)
    return own_bone(body.look.bodies, body.labels, body.nearest, body.blob, SHARP_PX)


def _landmarks(place: _Place, contour: Points) -> tuple[Landmark, ...]:
    body = place.body
    if body.is_s1:
        return _s1_landmarks(place, contour)
    own = (body.labels == body.blob.label).astype(np.uint8)
    near = cv2.dilate(own, np.ones((_NEAR_BONE_SIDE, _NEAR_BONE_SIDE))) > 0
    peaks = peaks_on_film(body.look.grid, body.look.corners, near, SHARP_PX)
    return body_landmarks(contour, peaks, place.frame, body.height, body.blob)


def _s1_landmarks(place: _Place, contour: Points) -> tuple[Landmark, ...]:
    """Return the corners of the superior endplate."""
    body, frame = place.body, place.frame
    marks = []
    for channel, peak in enumerate(_film_peaks(body)[:2]):
        name = CORNERS[channel]
        if peak is not None:
            marks.append(_mark(name, peak.point, min(peak.height, 1.0), LandmarkSource.NETWORK))
        elif frame.anterior is not None:
            corner = contour_corner(contour, channel, frame.up, frame.anterior, body.height)
            marks.append(_mark(name, corner, _S1_CORNER, LandmarkSource.CONTOUR))
    return tuple(marks)


def _mark(name: LandmarkName, point: Points, sure: float, source: LandmarkSource) -> Landmark:
    return Landmark(name, float(point[0]), float(point[1]), sure, source)
