"""Makes a frontal film, cut to the trunk, look like one of another hospital.

Images are (h, w) float32 in 0..1. A crop's column is given as the line of its bodies' centres from
the top down, (n, 2) in pixels of the crop, and the distance of neighbouring bodies in pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.training.augment import shading

Image = NDArray[np.float32]
Points = NDArray[np.float64]


class Body:
    """Where parts of a body lie around a column, in a crop.

    Parameters
    ----------
    line : ndarray of float64, shape (n, 2)
        Centres of T1 to L5 in the crop; parts of it may lie outside.
    """

    def __init__(self, line: Points) -> None:
        self.line = line
        reach = line[-1] - line[0]
        self.length_px = float(np.linalg.norm(reach))
        self.down = reach / max(self.length_px, 1e-6)
        self.right = np.array([self.down[1], -self.down[0]])
        if self.right[0] < 0:
            self.right = -self.right

    @property
    def pitch_px(self) -> float:
        """Mean distance of neighbouring bodies, in pixels."""
        return self.length_px / max(len(self.line) - 1, 1)

    def at(self, along: float | Points, right: float | Points) -> Points:
        """Return places by lengths of the column along it (0 is T1, 1 L5) and to the right."""
        along, right = np.broadcast_arrays(along, right)
        return np.asarray(
            self.line[0]
            + self.length_px * (along[..., None] * self.down + right[..., None] * self.right)
        )


def whole_body(
    image: Image, shown: NDArray[np.bool_], body: Body, rng: np.random.Generator,
    texture: Image | None = None,
) -> Image:  # fmt: skip
    """Continue a film beyond its edges: neck and head, arms, pelvis and thighs.

    What is drawn takes over little by little, so that no edge tells where T1 and L5 are: on
    films cut to the trunk they lie next to it.

    Parameters
    ----------
    image : ndarray of float32, shape (h, w)
        The film, its outermost pixels repeated beyond its edges.
    shown : ndarray of bool, shape (h, w)
        Where there is film.
    texture : ndarray of float32, shape (h, w), optional
        Any other picture, whose grain and shades the drawn parts take.
    """
    drawn = np.zeros(image.shape, np.float32)
    width = rng.uniform(0.24, 0.36)
    for part in (_trunk, _neck_and_head, _arms, _pelvis):
        part(drawn, body, width, rng)
    soft = max(0.6, 0.03 * body.length_px)
    drawn = cv2.GaussianBlur(drawn, (0, 0), soft) + 0.35 * (
        drawn - cv2.GaussianBlur(drawn, (0, 0), soft / 2)
    )
    drawn = drawn * shading(image.shape, rng) ** 0.5
    if texture is not None:
        drawn = drawn * (1 + rng.uniform(0.2, 1.0) * (texture - texture.mean()))
    grain = rng.standard_normal(image.shape, np.float32) * rng.uniform(0.0, 0.04)
    drawn = np.clip(drawn + cv2.GaussianBlur(grain, (0, 0), 0.7), 0, 1)
    share = _taken_over(shown, rng.uniform(0.01, 0.15) * body.length_px)
    level = _matching_brightness(image, shown)
    return np.asarray(image * (1 - share) + level * drawn * share, np.float32)


def _taken_over(shown: NDArray[np.bool_], reach_px: float) -> Image:
    """Return (h, w): 0 on film, rising to 1 at a distance from it."""
    if shown.all():
        return np.zeros(shown.shape, np.float32)
    away = cv2.distanceTransform((~shown).astype(np.uint8), cv2.DIST_L2, 3)
    return np.clip(away / max(reach_px, 0.5), 0, 1).astype(np.float32)


def _matching_brightness(image: Image, shown: NDArray[np.bool_]) -> float:
    inside = image[shown]
    if inside.size < 50:
        return 0.8
    return float(np.clip(2 * np.median(inside), 0.4, 1.1))


def _trunk(drawn: Image, body: Body, width: float, rng: np.random.Generator) -> None:
    along = np.array([-0.12, 0.0, 0.25, 0.6, 0.85, 1.1, 1.3])
    half = width * np.array([0.75, 1.15, 1.05, 0.9, 0.95, 1.1, 1.05])
    half = half * rng.uniform(0.9, 1.1, len(half))
    outline = np.vstack([body.at(along, half), body.at(along, -half)[::-1]])
    _fill(drawn, outline, rng.uniform(0.35, 0.55))
    for side in (-1, 1):
        place = body.at(np.array([0.08, 0.3, 0.5]), side * width * np.array([0.45, 0.55, 0.5]))
        _fill(drawn, _oval(place, 0.16 * body.length_px), rng.uniform(0.08, 0.3))


def _neck_and_head(drawn: Image, body: Body, width: float, rng: np.random.Generator) -> None:
    neck = rng.uniform(0.09, 0.13)
    along = np.array([-0.28, -0.12, 0.0])
    half = neck * np.array([1.0, 1.0, 1.8])
    _fill(drawn, np.vstack([body.at(along, half), body.at(along, -half)[::-1]]), 0.45)
    if rng.random() < 0.7:
        _cervical_bodies(drawn, body, neck, rng)
    head = body.at(-rng.uniform(0.36, 0.42), rng.uniform(-0.03, 0.03))
    radius = body.length_px * np.array([rng.uniform(0.14, 0.19), rng.uniform(0.19, 0.24)])
    _ellipse(drawn, head, radius, rng.uniform(0.55, 0.85), -1)
    _ellipse(drawn, head, radius, rng.uniform(0.8, 1.0), max(1, int(0.02 * body.length_px)))
    jaw = body.at(-rng.uniform(0.2, 0.26), 0.0)
    _ellipse(drawn, jaw, radius * [0.6, 0.28], rng.uniform(0.7, 1.0), -1)
    for side in (-1, 1):
        ends = body.at(np.array([-0.03, -0.06]), side * np.array([0.04, 1.1 * width]))
        _line(drawn, ends, rng.uniform(0.55, 0.85), 0.025 * body.length_px)


def _cervical_bodies(drawn: Image, body: Body, neck: float, rng: np.random.Generator) -> None:
    """Draw what must not be counted: blocks like bodies above T1."""
    pitch, half = rng.uniform(0.035, 0.045), neck * rng.uniform(0.3, 0.45)
    first = rng.uniform(0.055, 0.075)
    for place in range(6):
        at = -first - pitch * place
        ends = at + 0.36 * pitch * np.array([-1, -1, 1, 1])
        sides = half * np.array([-1, 1, 1, -1]) * rng.uniform(0.9, 1.1, 4)
        _fill(drawn, body.at(ends, sides), rng.uniform(0.6, 0.85))


def _arms(drawn: Image, body: Body, width: float, rng: np.random.Generator) -> None:
    spread = rng.uniform(1.25, 1.7)
    is_raised = rng.random() < 0.2
    for side in (-1, 1):
        along = np.array([0.0, 0.35, 0.75, 1.1]) * (-0.4 if is_raised else 1.0)
        right = side * width * spread * np.array([0.85, 1.1, 1.15, 1.1])
        line = body.at(along, right * rng.uniform(0.92, 1.08, 4))
        _line(drawn, line, rng.uniform(0.25, 0.45), 0.11 * body.length_px)
        _line(drawn, line, rng.uniform(0.6, 0.9), 0.035 * body.length_px)


def _pelvis(drawn: Image, body: Body, width: float, rng: np.random.Generator) -> None:
    bright = rng.uniform(0.6, 0.9)
    size = width * rng.uniform(0.85, 1.1)
    sacrum = np.array([[1.04, -0.3], [1.04, 0.3], [1.26, 0.1], [1.26, -0.1]])
    _fill(drawn, body.at(sacrum[:, 0], size * sacrum[:, 1]), bright)
    for side in (-1, 1):
        wing = np.array([[1.06, 0.3], [0.98, 0.75], [1.04, 1.0], [1.18, 0.85], [1.24, 0.4]])
        _fill(drawn, body.at(wing[:, 0], side * size * wing[:, 1]), bright * rng.uniform(0.7, 1.0))
        hip = body.at(1.33, side * size * 0.8)
        _ellipse(drawn, hip, np.full(2, 0.055 * body.length_px), min(1.0, bright * 1.2), -1)
        thigh = body.at(np.array([1.33, 1.42, 1.9]), side * size * np.array([0.85, 1.0, 0.75]))
        _line(drawn, thigh, rng.uniform(0.35, 0.5), 0.2 * body.length_px)
        _line(drawn, thigh, rng.uniform(0.7, 0.95), 0.06 * body.length_px)
        ring = body.at(1.4, side * size * 0.3)
        _ellipse(drawn, ring, body.length_px * np.array([0.05, 0.04]), bright, 2)


def things_worn(image: Image, body: Body, rng: np.random.Generator) -> Image:
    """Lay over a film what patients wear: brace, bra wires, buckles, electrodes."""
    out = image
    worn: list[tuple[float, Callable[[Image, Body, np.random.Generator], Image]]] = [
        (0.15, _brace), (0.3, _bra), (0.3, _buckles), (0.25, _electrodes),
    ]  # fmt: skip
    for share, lay in worn:
        if rng.random() < share:
            out = lay(out, body, rng)
    return np.clip(out, 0, 1).astype(np.float32)


def _brace(image: Image, body: Body, rng: np.random.Generator) -> Image:
    shell = np.zeros(image.shape, np.float32)
    along = np.array([rng.uniform(0.1, 0.4), 0.55, 0.8, 1.1, 1.25])
    half = rng.uniform(0.25, 0.36) * rng.uniform(0.9, 1.1, 5)
    outline = np.vstack([body.at(along, half), body.at(along, -half)[::-1]])
    _fill(shell, outline, rng.uniform(0.03, 0.1))
    _line(shell, np.vstack([outline, outline[:1]]), rng.uniform(0.1, 0.35), 0.012 * body.length_px)
    for at in rng.uniform(0.5, 1.1, int(rng.integers(1, 4))):
        strap = body.at(np.array([at, at + rng.uniform(-0.05, 0.05)]), np.array([-0.33, 0.33]))
        _line(shell, strap, rng.uniform(0.05, 0.2), 0.04 * body.length_px)
    return image + shell


def _bra(image: Image, body: Body, rng: np.random.Generator) -> Image:
    ink = np.zeros(image.shape, np.float32)
    height, wide = rng.uniform(0.3, 0.55), rng.uniform(0.1, 0.16)
    for side in (-1, 1):
        turn = np.linspace(0.1, 0.9, 12) * np.pi
        right = side * (wide * 1.15 + wide * np.cos(turn))
        wire = body.at(height + 0.09 * np.sin(turn), right)
        _line(ink, wire, rng.uniform(0.5, 1.0), rng.uniform(0.004, 0.008) * body.length_px)
    if rng.random() < 0.5:
        hook = body.at(height, rng.uniform(-0.03, 0.03))
        _ellipse(ink, hook, body.length_px * rng.uniform(0.006, 0.016, 2), 1.0, -1)
    return np.maximum(image, ink)


def _buckles(image: Image, body: Body, rng: np.random.Generator) -> Image:
    ink = np.zeros(image.shape, np.float32)
    for _ in range(int(rng.integers(1, 5))):
        place = body.at(rng.uniform(-0.05, 1.2), rng.uniform(-0.3, 0.3))
        size = body.length_px * rng.uniform(0.012, 0.05, 2)
        width = max(1, int(rng.uniform(0.15, 0.4) * float(size.min())))
        if rng.random() < 0.5:
            box = cv2.boxPoints((tuple(place), tuple(2 * size), float(rng.uniform(0, 180))))
            cv2.polylines(ink, [_whole(box)], True, float(rng.uniform(0.6, 1)), width, cv2.LINE_AA)
        else:
            _ellipse(ink, place, size, rng.uniform(0.5, 1), -1 if rng.random() < 0.4 else width)
    return np.maximum(image, ink)


def _electrodes(image: Image, body: Body, rng: np.random.Generator) -> Image:
    ink = np.zeros(image.shape, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        place = body.at(rng.uniform(0.0, 0.8), rng.uniform(-0.25, 0.25))
        size = body.length_px * rng.uniform(0.01, 0.025)
        _ellipse(ink, place, np.full(2, size), rng.uniform(0.4, 0.9), -1)
        away = rng.normal(0, 0.12, (5, 2)).cumsum(axis=0) * body.length_px
        _line(ink, np.vstack([place, place + away]), rng.uniform(0.3, 0.8), 1.0)
    return np.maximum(image, ink)


def instruments(image: Image, body: Body, rng: np.random.Generator) -> Image:
    """Lay two rods with screws along a part of the column over a film."""
    ink = np.zeros(image.shape, np.float32)
    count = len(body.line)
    first = int(rng.integers(0, max(1, count - 5)))
    part = body.line[first : first + int(rng.integers(5, 14))]
    if len(part) < 3:
        return image
    bright, thick = rng.uniform(0.8, 1.0), rng.uniform(0.09, 0.16) * body.pitch_px
    for side in (-1, 1):
        beside = part + side * rng.uniform(0.25, 0.4) * body.pitch_px * body.right
        _line(ink, beside, bright, thick)
        for place in beside:
            if rng.random() < 0.6:
                tip = place - side * rng.uniform(0.1, 0.35) * body.pitch_px * body.right
                head = place + side * 0.08 * body.pitch_px * body.right
                _line(ink, np.stack([head, tip]), bright, 1.2 * thick)
    return np.maximum(image, cv2.GaussianBlur(ink, (0, 0), 0.5))


def film_edge(image: Image, rng: np.random.Generator) -> Image:
    """Burn or darken a straight band, as where two films are joined or a filter ends."""
    out = image.copy()
    at = int(rng.uniform(0.1, 0.9) * image.shape[0])
    out[at:] = np.clip(rng.uniform(0.6, 1.5) * out[at:] + rng.uniform(-0.15, 0.2), 0, 1)
    return out


def _oval(line: Points, radius: float) -> Points:
    turn = np.linspace(0, 2 * np.pi, 20)
    low, high = line.min(axis=0) - radius / 2, line.max(axis=0) + radius / 2
    return np.asarray(
        (low + high) / 2 + (high - low) / 2 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    )


def _whole(points: NDArray[Any]) -> NDArray[np.int32]:
    return np.round(points).clip(-20000, 20000).astype(np.int32)


def _fill(drawn: Image, polygon: Points, value: float) -> None:
    cv2.fillPoly(drawn, [_whole(polygon)], float(value), cv2.LINE_AA)


def _line(drawn: Image, line: Points, value: float, width_px: float) -> None:
    thick = int(np.clip(round(width_px), 1, 200))
    cv2.polylines(drawn, [_whole(line)], False, float(value), thick, cv2.LINE_AA)


def _ellipse(drawn: Image, centre: Points, radii: Points, value: float, width: int) -> None:
    at, size = _whole(centre), np.maximum(_whole(radii), 1)
    cv2.ellipse(
        drawn, (int(at[0]), int(at[1])), (int(size[0]), int(size[1])), 0, 0, 360, float(value),
        width, cv2.LINE_AA,
    )  # fmt: skip
