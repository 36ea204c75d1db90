"""Oblique necks imitated on lateral films: vertebrae drawn as rays see them, turned about the body.

No oblique film is among the data. A vertebra of simple solids (body, pedicles, articular pillars,
laminae, spinous process) is turned about the patient's long axis and summed along the rays; at 45
degrees the foramina of one side open between pedicle and pedicle, behind the bodies. It is laid
over the bodies known on a lateral film, whose own column is blurred away there first. The same
drawing turned by a few degrees is a lateral film: that something was drawn teaches nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinealign.training.spine_films import TrainingFilm

Points = NDArray[np.float64]
Image = NDArray[np.float32]
Rng = np.random.Generator

OBLIQUE_DEG = (33.0, 62.0)
"""Rotation from the lateral position; 45 degrees is the projection's definition."""

LATERAL_DEG = 12.0
"""A film turned by no more than this is still taken for a lateral one."""

_CELLS = 22
"""Cells of the drawn vertebra in the depth of its body."""

_LOW, _HIGH = np.array([-3.4, -1.5, -1.4]), np.array([1.1, 1.5, 1.0])
"""Space around a vertebra: forward, to the left, up, in depths of the body from its centre."""

_STOCK = 60
"""Different vertebrae that are drawn for a set of films."""

_NECK_LEVELS = ("C2", "C3", "C4", "C5", "C6", "C7", "T1")


@dataclass(frozen=True, eq=False)
class DrawnVertebra:
    """Cells of bone, (n, 3) forward, left, up in depths of the body; and their attenuation (n,)."""

    cells: Points
    weights: Points


def draw_vertebra(rng: Rng) -> DrawnVertebra:
    """Build a neck vertebra of random proportions."""
    steps = [np.arange(low, high, 1 / _CELLS) for low, high in zip(_LOW, _HIGH, strict=True)]
    x, y, z = np.meshgrid(*steps, indexing="ij")
    bone = _body(x, y, z, rng) | _arch(x, y, z, rng)
    inside = ndimage.distance_transform_edt(bone)
    weights = np.where(inside <= rng.uniform(1.1, 2.1), rng.uniform(1.2, 2.2), 0.5)[bone]
    return DrawnVertebra(np.stack([x[bone], y[bone], z[bone]], axis=1), weights)


def _body(x: Points, y: Points, z: Points, rng: Rng) -> NDArray[np.bool_]:
    half, wide = rng.uniform(0.36, 0.44), rng.uniform(0.55, 0.72)
    oval = (np.abs(x) / 0.5) ** 2.6 + (np.abs(y) / wide) ** 2.6 <= 1
    waist = 1 - rng.uniform(0, 0.12) * (1 - (z / half) ** 2)
    oval &= (np.abs(x) / (0.5 * waist)) ** 2.6 + (np.abs(y) / (wide * waist)) ** 2.6 <= 1
    lips = (np.abs(y) > 0.75 * wide) & (z <= half + 0.13) & (np.abs(x + 0.08) < 0.38)
    return np.asarray(oval & (z >= -half) & ((z <= half) | lips), bool)


def _arch(x: Points, y: Points, z: Points, rng: Rng) -> NDArray[np.bool_]:
    side = np.abs(y)
    # Pedicles leave the upper half of the body backwards and outwards at about 45 degrees.
    along = (-(x + 0.3) + (side - 0.42)) / np.sqrt(2)
    across = ((x + 0.3) + (side - 0.42)) / np.sqrt(2)
    thick = rng.uniform(0.14, 0.2)
    height = rng.uniform(0.08, 0.18)
    pedicle = (along > 0) & (along < 0.75) & (across**2 + (z - height) ** 2 < thick**2)
    # Pillars lean backwards from top to bottom, and stand on each other.
    centre = rng.uniform(-0.98, -0.86) + rng.uniform(0.15, 0.3) * z
    out = rng.uniform(0.78, 0.88)
    pillar = ((x - centre) / 0.28) ** 2 + ((side - out) / 0.27) ** 2 < 1
    lean = rng.uniform(0.5, 0.9)
    pillar &= np.abs(z + 0.05 + lean * (x - centre)) < rng.uniform(0.46, 0.54)
    back = rng.uniform(-1.85, -1.6)
    ahead = np.clip((out - side) / out, 0, 1)
    plate = np.abs(x - (centre + (back - centre) * ahead)) < rng.uniform(0.1, 0.16)
    lamina = plate & (side < out) & (np.abs(z + 0.12) < rng.uniform(0.28, 0.4))
    tip = rng.uniform(-3.1, -2.3)
    drop = rng.uniform(0.1, 0.5)
    slope = -0.15 - drop * (x - back) / (tip - back)
    spinous = (x < back + 0.1) & (x > tip) & (side < 0.13)
    spinous &= np.abs(z - slope) < rng.uniform(0.14, 0.24)
    tubercle = ((x + 0.15) / 0.35) ** 2 + ((side - 0.9) / 0.18) ** 2 + (z / 0.16) ** 2 < 1
    return np.asarray(pedicle | pillar | lamina | spinous | tubercle, bool)


def projected(vertebra: DrawnVertebra, turn_deg: float) -> Image:
    """Sum a vertebra along the rays, turned about the long axis; (rows down, columns forward).

    Cells of `_CELLS` a depth, from ``_HIGH[2]`` down and ``_LOW[0]`` forward.
    """
    turn = np.deg2rad(turn_deg)
    forward = vertebra.cells[:, 0] * np.cos(turn) + vertebra.cells[:, 1] * np.sin(turn)
    edges = [np.arange(_LOW[2], _HIGH[2], 1 / _CELLS), np.arange(_LOW[0], _HIGH[0], 1 / _CELLS)]
    summed, _, _ = np.histogram2d(vertebra.cells[:, 2], forward, edges, weights=vertebra.weights)
    return np.asarray(ndimage.gaussian_filter(summed[::-1], 0.7) / _CELLS, np.float32)


def imitate(film: TrainingFilm, vertebra: DrawnVertebra, turn_deg: float, rng: Rng) -> Image | None:
    """Draw the neck of a lateral film anew, turned about the patient's long axis.

    Returns
    -------
    ndarray of float32, shape (H, W), or None
        Grey values 0 to 255; None where fewer than three bodies are known.
    """
    places = _places(film)
    if len(places) < 3:
        return None
    image = film.pixels.astype(np.float32)
    depth = float(np.median([np.linalg.norm(place[:, 0]) for place in places]))
    drawn = _column(places, vertebra, turn_deg, image.shape, rng)
    region = _region_of(places, image.shape)
    mask = cv2.GaussianBlur(region, (0, 0), 0.22 * depth)
    soft = _smoothed(image, region, rng.uniform(0.55, 0.8) * depth)
    detail = image - cv2.GaussianBlur(image, (0, 0), 0.5 * depth)
    contrast = max(6.0, float(detail[region > 0].std()))
    added = drawn - cv2.GaussianBlur(drawn, (0, 0), rng.uniform(0.8, 1.6) * depth)
    added *= rng.uniform(0.9, 1.7) * contrast / max(1e-6, float(added[region > 0].std()))
    grain = image - cv2.GaussianBlur(image, (0, 0), 1.2)
    rest = rng.uniform(0, 0.2) * detail
    new = soft + added + grain + rest
    return np.asarray(np.clip(image + mask * (new - image), 0, 255), np.float32)


def _places(film: TrainingFilm) -> list[Points]:
    """Return where the neck's bodies stand, from C2 down.

    Each (2, 3): columns are the vectors of one depth forward and of one depth up, and the
    centre, as (x, y).
    """
    known = {b.level: b.corners for b in film.bodies if b.level in _NECK_LEVELS}
    corners = [known[level] for level in _NECK_LEVELS[1:] if level in known]
    places = [_place(each) for each in corners if np.isfinite(each).all()]
    if len(places) < 2:
        return []
    # C2 and what the film's edge cut off stand as far from their neighbours as those do.
    above = [_continued(places[1], places[0])]
    below = [places[-2], places[-1]]
    while len(below) < 4 and below[-1][1, 2] < film.pixels.shape[0]:
        below.append(_continued(below[-2], below[-1]))
    return [*above, *places, *below[2:]]


def _place(corners: Points) -> Points:
    """Turn corners (anterior-superior, posterior-superior, posterior-, anterior-inferior)."""
    front, back = (corners[0] + corners[3]) / 2, (corners[1] + corners[2]) / 2
    forward = front - back
    up = (corners[0] + corners[1] - corners[2] - corners[3]) / 2
    return np.stack([forward, up / 0.8, (front + back) / 2], axis=1)


def _continued(before: Points, last: Points) -> Points:
    moved = last.copy()
    moved[:, 2] = 2 * last[:, 2] - before[:, 2]
    return moved


def _column(
    places: Sequence[Points],
    vertebra: DrawnVertebra,
    turn_deg: float,
    shape: tuple[int, ...],
    rng: Rng,
) -> Image:
    total = np.zeros(shape[:2], np.float32)
    for place in places:
        patch = projected(vertebra, turn_deg + rng.normal(0, 3))
        to_film = np.stack([place[:, 0] / _CELLS, -place[:, 1] / _CELLS], axis=1)
        origin = place[:, 2] + place[:, 0] * _LOW[0] + place[:, 1] * (_HIGH[2] - 1 / _CELLS)
        matrix = np.hstack([to_film, origin[:, None]])
        total += np.asarray(cv2.warpAffine(patch, matrix, shape[1::-1]), np.float32)
    depth = float(np.median([np.linalg.norm(place[:, 0]) for place in places]))
    return np.asarray(cv2.GaussianBlur(total, (0, 0), rng.uniform(0.02, 0.06) * depth), np.float32)


def _region_of(places: Sequence[Points], shape: tuple[int, ...]) -> Image:
    """Return 1 where the column and what stands behind it is drawn."""
    front = [place[:, 2] + 0.75 * place[:, 0] for place in places]
    behind = [place[:, 2] - 3.1 * place[:, 0] for place in places]
    ends = [places[-1][:, 1] * -0.6, places[0][:, 1] * 0.5]
    outline = [front[0] + ends[1], *front, front[-1] + ends[0], behind[-1] + ends[0]]
    outline += [*behind[::-1], behind[0] + ends[1]]
    region = np.zeros(shape[:2], np.float32)
    cv2.fillPoly(region, [np.round(outline).astype(np.int32)], 1.0)
    return region


def _smoothed(image: Image, region: Image, sigma: float) -> Image:
    """Blur without mixing in what lies far outside the region."""
    near = np.asarray(cv2.dilate(region, np.ones((3, 3), np.uint8), iterations=3), np.float32)
    weight = cv2.GaussianBlur(near, (0, 0), sigma) + 1e-3
    return np.asarray(cv2.GaussianBlur(image * near, (0, 0), sigma) / weight, np.float32)


def imitations(
    films: Sequence[TrainingFilm], count: int, rng: Rng, *, is_oblique: bool
) -> Iterator[tuple[TrainingFilm, Image]]:
    """Draw the neck of each film some times: oblique, or turned as little as lateral films are."""
    stock = [draw_vertebra(rng) for _ in range(min(_STOCK, count * len(films)))]
    for film in films:
        for _ in range(count):
            turn = rng.uniform(*OBLIQUE_DEG) if is_oblique else abs(rng.normal(0, LATERAL_DEG / 2))
            vertebra = stock[int(rng.integers(len(stock)))]
            drawn = imitate(film, vertebra, float(turn * rng.choice([-1, 1])), rng)
            if drawn is not None:
                yield film, drawn
