"""Vertebral bodies in detail: corners, middles of endplates, and which way the patient looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import Facing, Landmark, LandmarkName, LandmarkSource
from spinealign.measure.geometry.outline_points import straightened
from spinealign.measure.outlines.bodies import Blob, Labels
from spinealign.measure.outlines.contours import distance_to, farthest, side_middle
from spinealign.measure.outlines.corners import CORNERS, Peak, peak_in

Array = NDArray[np.float32]
Points = NDArray[np.float64]
Peaks = tuple[Peak | None, ...]

_PEAK_REACH = 0.28
"""How far outside of a body its corners are looked for, in typical heights of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_CORNER_TO_CONTOUR, _CORNER_TO_CORNER = 0.22, 0.5
"""Largest distance of a corner that the network saw from the outline, and from the outline's own
corner, in typical heights of a body.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_PAIRS = ((0, 1), (3, 2))
"""Places in `CORNERS` of the anterior and the posterior corner of each endplate.

Source: convention of this program.
"""

_ENDS = {
    LandmarkName.SUPERIOR_MIDDLE: (LandmarkName.ANTERIOR_SUPERIOR, LandmarkName.POSTERIOR_SUPERIOR),
    LandmarkName.INFERIOR_MIDDLE: (LandmarkName.ANTERIOR_INFERIOR, LandmarkName.POSTERIOR_INFERIOR),
}

_UNSURE_CORNER, _SURE_CORNER = 0.5, 0.7
"""Confidence (0..1) of the less sure corner of an endplate: up to the first the outline counts
most for its direction, from the second on not at all.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md); a fifth less
or a quarter more turns an angle on 3 films by up to 2.4 degrees (benchmarks/constants.py).
"""

_MOST_OUTLINE = 0.7
"""Largest share of the outline in the direction of an endplate with corners that the network saw.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md); a fifth less
or a quarter more turns an angle on 3 films by up to 1.2 degrees (benchmarks/constants.py).
"""

_FACING_PRIOR = 1.0
"""Sum of votes that facing has to outweigh, in endplates with two sure corners.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_SLANT_VOTE = 0.5
"""Weight of the slant of bodies where no endplate has two corners, in such endplates.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""

_BORDER_PX = 1.5
"""Distance of an outline from the border of the film at which the body is cut, in pixels.

Source: set by hand on films of xray_bodies, some of them held out (docs/models.md).
"""


@dataclass(frozen=True, eq=False)
class BodyAxes:
    """A body's own directions as unit vectors (x, y); `anterior` is None when unknown."""

    up: Points
    anterior: Points | None


def corner_peaks(blob: Blob, nearest: Labels, corners: Array, height_px: float) -> Peaks:
    """Return the peak of each corner's heat map (h, w, 4) in and around a blob.

    Parameters
    ----------
    blob : Blob
    nearest : ndarray of int32, shape (h, w)
        From `bodies.territories`: only the blob's side of the gap to the next counts.
    corners : ndarray of float32, shape (h, w, 4)
    height_px : float
        Typical height of a body.

    Returns
    -------
    tuple of Peak or None
        In the order of `CORNERS`; C2 has no superior corners.
    """
    rows, cols = np.floor(blob.pixels[:, ::-1]).astype(np.intp).T
    own = np.zeros(nearest.shape, np.uint8)
    own[rows, cols] = 1
    reach = 2 * max(1, round(_PEAK_REACH * height_px)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    near = (cv2.dilate(own, kernel) > 0) & (nearest == blob.label)
    found = [peak_in(corners[..., c], near) for c in range(len(CORNERS))]
    return (None, None, *found[2:]) if blob.is_c2 else tuple(found)


def up_by_corners(peaks: Sequence[Peaks]) -> Points:
    """Return the mean vector (x, y) from inferior to superior corners; (0, 0) without any."""
    total = np.zeros(2)
    for ant_sup, post_sup, post_inf, ant_inf in peaks:
        for upper, lower in ((ant_sup, ant_inf), (post_sup, post_inf)):
            if upper is not None and lower is not None:
                total += (upper.point - lower.point) * min(upper.height, lower.height)
    return total


def up_vectors(centres: Sequence[Points]) -> list[Points]:
    """Return the column's upward unit vector at each of two or more centres, from the top."""
    last = len(centres) - 1
    runs = [centres[max(i - 1, 0)] - centres[min(i + 1, last)] for i in range(len(centres))]
    return [np.asarray(run / np.hypot(*run), np.float64) for run in runs]


def right_of(up: Points) -> Points:
    """Return the unit vector that points to the picture's right once `up` points up."""
    return np.array([-up[1], up[0]])


def facing(
    peaks: Sequence[Peaks], blobs: Sequence[Blob], ups: Sequence[Points]
) -> tuple[Facing, float]:
    """Decide which way the patient looks.

    Parameters
    ----------
    peaks, blobs, ups : sequences of the same length
        Corner peaks, pieces and upward vectors of the bodies.

    Returns
    -------
    side : Facing
    confidence : float
        0.5 (a guess) to 1. Each endplate with both corners votes with the height of
        its lower peak; without corners the slant of the bodies gives a weak hint.
    """
    votes = [
        float(np.sign((one.point - other.point) @ right_of(up))) * min(one.height, other.height)
        for four, up in zip(peaks, ups, strict=True)
        for one, other in ((four[a], four[p]) for a, p in _PAIRS)
        if one is not None and other is not None
    ]
    if not votes:
        votes = [_SLANT_VOTE * _slant(blobs, ups)]
    total = sum(votes)
    confidence = 0.5 + 0.5 * abs(total) / (sum(abs(v) for v in votes) + _FACING_PRIOR)
    return (Facing.RIGHT if total > 0 else Facing.LEFT), confidence


def _slant(blobs: Sequence[Blob], ups: Sequence[Points]) -> float:
    """Return -1..1: above 0 when bodies sink towards the right, as the front of the neck does."""
    slants = []
    for blob, up in zip(blobs, ups, strict=True):
        if not blob.is_c2:
            about = blob.pixels - blob.centre
            across, along = about @ right_of(up), about @ up
            spread = float(across.std() * along.std())
            slants.append(-float((across * along).mean()) / max(spread, 1e-9))
    return float(np.clip(4 * np.mean(slants), -1, 1)) if slants else 0.0


def body_landmarks(
    contour: Points, peaks: Sequence[Sequence[Peak]], frame: BodyAxes, height: float, blob: Blob
) -> tuple[Landmark, ...]:
    """Place the landmarks of one body.

    Parameters
    ----------
    contour : ndarray of float64, shape (N, 2)
        Outline in film pixels.
    peaks : sequence of sequence of Peak
        All corners that the network saw on the film, in film pixels, for each of
        `CORNERS`; each body takes the one that fits it best.
    frame : BodyAxes
        Without `anterior` only corners that the network saw are placed.
    height : float
        Typical height of a body in film pixels.
    blob : Blob
        What the outline was drawn around. C2 has inferior corners and a dens tip,
        and no superior endplate.

    Returns
    -------
    tuple of Landmark
        Points taken from the outline get half of the network's certainty of bone. The less
        sure the corners of an endplate are, the more its direction is that of the outline.
    """
    half = 0.5 * blob.certainty
    shape = _Shape(contour, frame, height, half)
    channels = range(2, 4) if blob.is_c2 else range(4)
    marks = [shape.corner(channel, peaks[channel]) for channel in channels]
    placed = shape.straightened({mark.name: mark for mark in marks if mark is not None})
    others = [shape.middle(LandmarkName.INFERIOR_MIDDLE, placed, (3, 2))]
    if blob.is_c2:
        others.append(shape.dens_tip())
    else:
        others.append(shape.middle(LandmarkName.SUPERIOR_MIDDLE, placed, (0, 1)))
    return (*placed.values(), *(mark for mark in others if mark is not None))


@dataclass(frozen=True, eq=False)
class _Shape:
    """An outline and its directions; `confidence` is that of points taken from it."""

    contour: Points
    frame: BodyAxes
    height: float
    confidence: float

    def corner(self, channel: int, peaks: Sequence[Peak]) -> Landmark | None:
        scores = [self._fit(channel, peak) for peak in peaks]
        if scores and max(scores) > 0:
            best = peaks[int(np.argmax(scores))]
            x, y = (float(v) for v in best.point)
            return Landmark(CORNERS[channel], x, y, min(best.height, 1.0), LandmarkSource.NETWORK)
        if self.frame.anterior is None:
            return None
        return self._on_contour(CORNERS[channel], self._expected(channel, self.frame.anterior))

    def straightened(self, corners: dict[LandmarkName, Landmark]) -> dict[LandmarkName, Landmark]:
        """Return corners with unsure endplates turned towards the outline between them."""
        turned = dict(corners)
        for names in _ENDS.values():
            ends = [corners[name] for name in names if name in corners]
            if len(ends) < len(names):
                continue
            anterior, posterior = (np.array([end.x, end.y]) for end in ends)
            share, pivot = _outline_share(ends), _surer_place(*ends)
            moved = straightened(self.contour, posterior, anterior, share, pivot)
            for end, (x, y) in zip(ends, moved[::-1], strict=True):
                turned[end.name] = replace(end, x=float(x), y=float(y))
        return turned

    def middle(
        self, name: LandmarkName, corners: Mapping[LandmarkName, Landmark], pair: tuple[int, int]
    ) -> Landmark | None:
        ends = [corners.get(CORNERS[channel]) for channel in pair]
        first, last = (None if end is None else np.array([end.x, end.y]) for end in ends)
        if first is None or last is None:
            return None
        return self._on_contour(name, side_middle(self.contour, first, last))

    def dens_tip(self) -> Landmark:
        tip = self.contour[farthest(self.contour, self.frame.up)]
        return self._on_contour(LandmarkName.DENS_TIP, tip)

    def _on_contour(self, name: LandmarkName, point: Points) -> Landmark:
        x, y = (float(v) for v in point)
        return Landmark(name, x, y, self.confidence, LandmarkSource.CONTOUR)

    def _expected(self, channel: int, anterior: Points) -> Points:
        return contour_corner(self.contour, channel, self.frame.up, anterior, self.height)

    def _fit(self, channel: int, peak: Peak) -> float:
        """Return how well a peak fits; 0 if it is off the outline or at another corner of it."""
        if distance_to(self.contour, peak.point) > _CORNER_TO_CONTOUR * self.height:
            return 0.0
        if self.frame.anterior is None:
            return peak.height if self._is_at_end(channel, peak.point) else 0.0
        expected = self._expected(channel, self.frame.anterior)
        apart = float(np.hypot(*(expected - peak.point))) / self.height
        return max(peak.height * (1 - apart / _CORNER_TO_CORNER), 0.0)

    def _is_at_end(self, channel: int, point: Points) -> bool:
        vertical = self.frame.up if channel < 2 else -self.frame.up
        end = float((self.contour @ vertical).max())
        return bool(point @ vertical > end - _CORNER_TO_CORNER * self.height)


def _outline_share(corners: Sequence[Landmark]) -> float:
    """Return how far the outline, and not the corners, gives the direction of an endplate."""
    if all(corner.source is LandmarkSource.CONTOUR for corner in corners):
        return 1.0
    least = min(corner.confidence for corner in corners)
    return float(np.interp(least, (_UNSURE_CORNER, _SURE_CORNER), (_MOST_OUTLINE, 0)))


def _surer_place(anterior: Landmark, posterior: Landmark) -> float:
    """Return which point of an endplate stays: 0 its posterior corner, 1 its anterior one."""
    seen = [
        corner.confidence if corner.source is LandmarkSource.NETWORK else 0.0
        for corner in (posterior, anterior)
    ]
    return seen[1] / sum(seen) if sum(seen) > 0 else 0.5


def contour_corner(
    contour: Points, channel: int, up: Points, anterior: Points, height: float
) -> Points:
    """Return the outline's own corner: its farthest point in a diagonal direction.

    Parameters
    ----------
    contour : ndarray of float64, shape (N, 2)
    channel : int
        Which of `CORNERS`.
    up, anterior : ndarray of float64, shape (2,)
        The body's directions, as unit vectors.
    height : float
        Typical height of a body; only that much from the endplate counts, so that
        the dens does not matter.
    """
    vertical = up if channel < 2 else -up
    across = anterior if channel in (0, 3) else -anterior
    along = contour @ vertical
    near_end = contour[along >= along.max() - height]
    half_width = max(float(np.ptp(near_end @ across)) / 2, 1e-6)
    direction = across / half_width + vertical / (0.5 * height)
    return np.asarray(near_end[farthest(near_end, direction)], np.float64)


def touches_border(contour: Points, film_shape: tuple[int, int]) -> bool:
    """Whether an outline reaches the border of a film of (rows, columns)."""
    return bool((_inset(contour, film_shape) < _BORDER_PX).any())


def inside_film(
    marks: Sequence[Landmark], film_shape: tuple[int, int], margin_px: float
) -> tuple[Landmark, ...]:
    """Return the landmarks farther than a margin from where the film cuts a body off.

    The middle of an endplate goes with either of its corners.
    """
    points = np.array([[mark.x, mark.y] for mark in marks]).reshape(-1, 2)
    is_free = _inset(points, film_shape) >= margin_px
    free = [mark for mark, is_kept in zip(marks, is_free, strict=True) if is_kept]
    names = {mark.name for mark in free}
    return tuple(mark for mark in free if names.issuperset(_ENDS.get(mark.name, ())))


def _inset(points: Points, film_shape: tuple[int, int]) -> Points:
    """Return how far inside the film each point (N, 2) lies, in pixels."""
    rows, cols = film_shape
    x, y = points[:, 0], points[:, 1]
    return np.asarray(np.minimum.reduce([x, y, cols - x, rows - y]), np.float64)
