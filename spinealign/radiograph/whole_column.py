"""The column on a lateral film of any size and frame: found coarsely, seen sharply, named.

One coarse look at the film finds the line of the column and its local scale; sharp looks along
that line see its bodies, about 48 pixels high; a search over whole lines chooses the bodies that
follow each other; and levels are what fits all of them best.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Landmark, LandmarkName, LandmarkSource, Vertebra
from spinealign.domain.image import SpineImage
from spinealign.inference.engine import Array, LoadedModel
from spinealign.measure.outlines.contours import level_contour, thinned
from spinealign.measure.outlines.corners import CORNERS
from spinealign.measure.outlines.vertebrae import (
    BodyAxes,
    Peaks,
    body_landmarks,
    contour_corner,
    touches_border,
    up_vectors,
)
from spinealign.radiograph.bodies_on_film import (
    FEWEST_BODIES,
    body_axes,
    moved_to_film,
    own_bone,
    own_sacrum,
    peaks_on_film,
    state_of,
    told_facing,
)
from spinealign.radiograph.candidates import Candidate, sharp_candidates
from spinealign.radiograph.column_levels import LineNames, name_line
from spinealign.radiograph.column_limits import breaches
from spinealign.radiograph.column_line import GAP_COSTS_ON_LINE, best_line, coarse_nodes
from spinealign.radiograph.looks import SHARP_PX, coarse_look

Points = NDArray[np.float64]

_LEAST_WORTH = 0.45
"""How surely a piece must be a body (0..1).

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""

_LEAST_PLAUSIBLE = 0.6
"""Least share of the bodies found that can be neighbours for any of them to count.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
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


def find_bodies(model: LoadedModel, image: SpineImage) -> tuple[Vertebra, ...]:
    """Find, outline and name the bodies of a lateral film.

    Parameters
    ----------
    model : LoadedModel
        A network with the outputs ``logits`` (h, w, 4), ``corners`` and ``levels``.
    image : SpineImage
        Upright, either way round, any size.

    Returns
    -------
    tuple of Vertebra
        From the top; without levels where these are in doubt.
    """
    line = best_line(coarse_nodes(coarse_look(model, image)))
    if len(line) < FEWEST_BODIES:
        return ()
    chain = best_line(sharp_candidates(model, image, line), GAP_COSTS_ON_LINE)
    chain = [body for body in chain if body.worth >= _LEAST_WORTH]
    if len(chain) < FEWEST_BODIES:
        return ()
    names = name_line(chain)
    return without_implausible(_Bodies(image, chain, names).vertebrae(), names.numbers)


def without_implausible(
    vertebrae: tuple[Vertebra, ...], numbers: Sequence[int]
) -> tuple[Vertebra, ...]:
    """Leave out bodies that cannot be neighbours of the others; nothing where most cannot.

    Parameters
    ----------
    vertebrae : tuple of Vertebra
        Their `index` counts the places of `numbers` from 1.
    numbers : sequence of int
        Level numbers.
    """
    kept = list(vertebrae)
    while found := breaches(kept, _level_steps(kept, numbers)):
        counts = np.bincount([i for b in found for i in b.places], minlength=len(kept))
        worst = max(range(len(kept)), key=lambda i: (counts[i], -kept[i].confidence))
        kept.pop(worst)
    return tuple(kept) if len(kept) >= _LEAST_PLAUSIBLE * len(vertebrae) else ()


def _level_steps(vertebrae: Sequence[Vertebra], numbers: Sequence[int]) -> list[int | None]:
    levels = [numbers[vertebra.index - 1] for vertebra in vertebrae]
    return [lower - upper for upper, lower in pairwise(levels)]


class _Bodies:
    """Brings a line of bodies to the film's own pixels."""

    def __init__(self, image: SpineImage, chain: Sequence[Candidate], names: LineNames) -> None:
        self._image, self._chain, self._names = image, chain, names
        ups = up_vectors([body.centre for body in chain])
        voting = [(body, up) for body, up in zip(chain, ups, strict=True) if not body.is_s1]
        side, _ = told_facing(
            [_film_peaks(b) for b, _ in voting], [b.blob for b, _ in voting], [u for _, u in voting]
        )
        self._frames = [body_axes(up, side) for up in ups]

    def vertebrae(self) -> tuple[Vertebra, ...]:
        """Return the bodies from the top down."""
        found = [self._vertebra(place) for place in range(len(self._chain))]
        return tuple(body for body in found if body is not None)

    def _vertebra(self, place: int) -> Vertebra | None:
        body = self._chain[place]
        contour = film_contour(body)
        if contour is None:
            return None
        return Vertebra(
            level=self._names.level(place) if self._names.is_sure(place) else None,
            index=place + 1,
            outline=tuple((float(x), float(y)) for x, y in thinned(contour)),
            landmarks=_landmarks(body, contour, self._frames[place]),
            confidence=float(np.clip(body.worth, 0, 1)),
            state=state_of(body.worth, is_cut=touches_border(contour, self._image.shape)),
        )


def _film_peaks(body: Candidate) -> Peaks:
    grid = body.look.grid
    return tuple(None if peak is None else moved_to_film(grid, peak) for peak in body.peaks)


def film_contour(body: Candidate) -> Points | None:
    """Return the outline (N, 2) of one body in film pixels."""
    contour = level_contour(_own_bone(body))
    return None if contour is None else body.look.grid.to_film(contour)


def _own_bone(body: Candidate) -> Array:
    if body.is_s1:
        return own_sacrum(body.look.s1, body.labels, SHARP_PX)
    return own_bone(body.look.bodies, body.labels, body.nearest, body.blob, SHARP_PX)


def _landmarks(body: Candidate, contour: Points, frame: BodyAxes) -> tuple[Landmark, ...]:
    if body.is_s1:
        return _s1_landmarks(body, contour, frame)
    own = (body.labels == body.blob.label).astype(np.uint8)
    near = cv2.dilate(own, np.ones((_NEAR_BONE_SIDE, _NEAR_BONE_SIDE))) > 0
    peaks = peaks_on_film(body.look.grid, body.look.corners, near, SHARP_PX)
    return body_landmarks(contour, peaks, frame, body.height, body.blob)


def _s1_landmarks(body: Candidate, contour: Points, frame: BodyAxes) -> tuple[Landmark, ...]:
    marks = []
    for channel, peak in enumerate(_film_peaks(body)[:2]):
        name: LandmarkName = CORNERS[channel]
        if peak is not None:
            x, y = peak.point
            marks.append(
                Landmark(name, float(x), float(y), min(peak.height, 1.0), LandmarkSource.NETWORK)
            )
        elif frame.anterior is not None:
            x, y = contour_corner(contour, channel, frame.up, frame.anterior, body.height)
            marks.append(Landmark(name, float(x), float(y), _S1_CORNER, LandmarkSource.CONTOUR))
    return tuple(marks)
