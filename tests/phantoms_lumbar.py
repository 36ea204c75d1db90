"""Drawn lumbar columns: masks with known discs, and pictures to go with them."""

from __future__ import annotations

import cv2
import numpy as np

SHAPE = (420, 300)
LENGTH_PX, HEIGHT_PX, STEP_PX = 52.0, 12.0, 46.0


def places(count: int = 6, lordosis_deg: float = 11.0) -> list[tuple[np.ndarray, float]]:
    """Centre (x, y) and tilt of each disc, from the lowest up; the lower ones tip backwards."""
    found, centre = [], np.array([150.0, 350.0])
    for i in range(count):
        tilt = np.deg2rad(max(33.0 - lordosis_deg * i, -10.0))
        found.append((centre.copy(), float(tilt)))
        centre = centre + STEP_PX * np.array([-np.sin(tilt) * 0.8, -np.cos(tilt * 0.8)])
    return found


def column_mask(
    count: int = 6, missing: tuple[int, ...] = (), halved: tuple[int, ...] = (),
    with_sacrum: bool = True,
) -> np.ndarray:  # fmt: skip
    """Draw vertebrae (1), discs (2) and canal (3), facing left; the sacrum stays background."""
    mask = np.zeros(SHAPE, np.uint8)
    spots = places(count)
    for i, (centre, tilt) in enumerate(spots):
        upper = spots[i + 1] if i + 1 < count else (centre - [0, STEP_PX], 0.0)
        _box(mask, (centre + upper[0]) / 2, (tilt + upper[1]) / 2, LENGTH_PX, STEP_PX, 1)
        _box(mask, _behind(centre, tilt, 40), tilt, 14, STEP_PX * 1.3, 3)
    if not with_sacrum:
        centre, tilt = spots[0]
        below = centre + STEP_PX * np.array([np.sin(tilt), np.cos(tilt)]) / 2
        _box(mask, below, tilt, LENGTH_PX, STEP_PX, 1)
    for i, (centre, tilt) in enumerate(spots):
        if i in missing:
            continue
        _box(mask, centre, tilt, LENGTH_PX, HEIGHT_PX, 2)
        if i in halved:
            _box(mask, centre, tilt, 5, HEIGHT_PX + 2, 1)
    return mask


def column_picture(mask: np.ndarray, is_t2: bool = True) -> np.ndarray:
    """Return grey values (float32): fluid is bright in T2 and dark in T1."""
    values = [40, 120, 70, 230] if is_t2 else [60, 160, 90, 30]
    grey = np.array(values, np.float32)[mask]
    noise = np.random.default_rng(1).normal(0, 4, mask.shape)
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 1.0) + noise, np.float32)


def _behind(centre: np.ndarray, tilt: float, distance: float) -> np.ndarray:
    return centre + distance * np.array([np.cos(tilt), -np.sin(tilt)])


def _box(
    mask: np.ndarray, centre: np.ndarray, tilt: float, length: float, height: float, value: int
) -> None:
    along = np.array([np.cos(tilt), -np.sin(tilt)]) * length / 2
    across = np.array([np.sin(tilt), np.cos(tilt)]) * height / 2
    corners = [centre + a * along + b * across for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    cv2.fillPoly(mask, [np.round(np.array(corners)).astype(np.int32)], value)
