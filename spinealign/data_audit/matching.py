"""Pairs of pictures that show the same: proposed by their hashes, decided by their pixels.

A proposal costs nothing and may be wrong; every one is laid over its partner by local features
(a similarity or an affine map from matches that agree, RANSAC) or as it is, in eight ways, and
then fine detail is compared tile by tile. Two different patients look alike in the large; their
texture and noise do not, so that the median correlation of band-passed tiles tells copies from
others, and neighbouring slices of one scan from both.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.data_audit.descriptors import Recognised, mirrored_features

_PARTNERS: Final = 24
"""Proposals a picture, the likeliest first."""

_LEAST_LIKENESS: Final = 0.6
"""Of two hashes, as a correlation, to be proposed at all."""

_BLOCK: Final = 1024

_MOST_FOR_VOTES: Final = 1500
"""Pictures among which all local features are compared with all: half a minute at most."""

_VOTERS: Final = 40
_VOTING_BLOCK: Final = 16
_SAME_FEATURE: Final = 0.9
_LEAST_VOTES: Final = 4
_VOTED_PARTNERS: Final = 8

_RATIO: Final = 0.85
"""Nearest and second nearest feature: Lowe 2004 takes 0.8; more are let in, agreement decides."""

_LEAST_AGREEING: Final = 6
_ERROR_PX: Final = 4.0
_SCALES: Final = (0.4, 2.5)
_MOST_STRETCH: Final = 1.6

_COARSE_SIDE: Final = 24
_LEAST_COARSE: Final = 0.8
"""Correlation in the large of pictures that are laid over each other as they are."""

_TILES: Final = 6
_FINE_PX: Final = 3
_COARSE_PX: Final = 13
"""Sides of the two boxes whose difference is what is compared."""

_LEAST_DETAIL: Final = 1.5
"""Standard deviation (grey values of 255) of a tile that has something to compare."""

_LEAST_TILES: Final = 6
_LEAST_OVERLAP: Final = 0.35


@dataclass(frozen=True)
class Match:
    """How one picture lies over another.

    Parameters
    ----------
    correlation : float
        Median over the tiles that have detail.
    low_correlation : float
        Their lower quartile: a copy agrees everywhere.
    agreeing : int
        Local features that agree on the map; 0 where pictures were compared as they are.
    turned_deg, scale, overlap : float
    is_mirrored : bool
    """

    correlation: float
    low_correlation: float
    agreeing: int
    turned_deg: float
    scale: float
    overlap: float
    is_mirrored: bool


def proposals(pictures: Sequence[Recognised]) -> list[tuple[int, int]]:
    """Return pairs of places that may show the same, each once, smaller first.

    Those whose hashes are alike, and, among not too many pictures, those that share local
    features: these find what was turned or cropped so far that the whole looks different.
    """
    if len(pictures) < 2:
        return []
    hashes = np.stack([one.hashes for one in pictures])
    found: set[tuple[int, int]] = set()
    for begin in range(0, len(pictures), _BLOCK):
        found |= _alike(hashes, begin, min(begin + _BLOCK, len(pictures)))
    if len(pictures) <= _MOST_FOR_VOTES:
        found |= _sharing_features(pictures)
    return sorted(found)


def _alike(hashes: NDArray[np.float32], begin: int, end: int) -> set[tuple[int, int]]:
    """Propose partners of the pictures of one block; either may be a window of the other."""
    likeness = np.full((end - begin, len(hashes)), -1, np.float32)
    for window in range(hashes.shape[1]):
        np.maximum(likeness, hashes[begin:end, window] @ hashes[:, 0].T, out=likeness)
        np.maximum(likeness, hashes[begin:end, 0] @ hashes[:, window].T, out=likeness)
    return _best_of(likeness, begin, _LEAST_LIKENESS, _PARTNERS)


def _best_of(
    likeness: NDArray[np.float32], begin: int, least: float, partners: int
) -> set[tuple[int, int]]:
    likeness[np.arange(len(likeness)), np.arange(begin, begin + len(likeness))] = -1
    best = np.argsort(-likeness, axis=1, kind="stable")[:, :partners]
    return {
        (min(begin + row, int(other)), max(begin + row, int(other)))
        for row, others in enumerate(best)
        for other in others
        if likeness[row, other] >= least
    }


def _sharing_features(pictures: Sequence[Recognised]) -> set[tuple[int, int]]:
    """Propose pairs of which enough of the strongest local features are nearly equal."""
    features = np.zeros((len(pictures), _VOTERS, 128), np.float32)
    for place, picture in enumerate(pictures):
        strongest = picture.features[:_VOTERS]
        features[place, : len(strongest)] = strongest
    every = features.reshape(-1, 128).T.copy()
    found: set[tuple[int, int]] = set()
    for begin in range(0, len(pictures), _VOTING_BLOCK):
        block = features[begin : begin + _VOTING_BLOCK].reshape(-1, 128)
        for voters in (block, mirrored_features(block)):
            shape = (-1, _VOTERS, len(pictures), _VOTERS)
            hits = (voters @ every > _SAME_FEATURE).reshape(shape).any(axis=3)
            votes = hits.sum(axis=1).astype(np.float32)
            found |= _best_of(votes, begin, _LEAST_VOTES, _VOTED_PARTNERS)
    return found


def best_match(first: Recognised, second: Recognised) -> Match | None:
    """Lay the second picture over the first in the way that agrees best; None where none does."""
    return _best(first, second, _likeness(first, [second])[0])


def _likeness(
    first: Recognised, others: Sequence[Recognised]
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Return products of the features of each other picture with the first's, and mirrored.

    One product for all of them is many times faster than one for each.
    """
    features = np.concatenate([first.features, mirrored_features(first.features)])
    stacked = np.concatenate([other.features for other in others]) @ features.T
    ends = np.cumsum([len(other.features) for other in others])[:-1]
    count = len(first.features)
    return [(one[:, :count], one[:, count:]) for one in np.split(stacked, ends)]


def _best(
    first: Recognised, second: Recognised, likeness: tuple[NDArray[np.float32], NDArray[np.float32]]
) -> Match | None:
    maps = [
        _map_by_features(first, second, products, is_mirrored=is_mirrored)
        for is_mirrored, products in zip((False, True), likeness, strict=True)
    ]
    found = max(filter(None, maps), key=lambda one: one[1], default=None)
    matches = [] if found is None else [_compared(first.small, second.small, *found)]
    # Pictures with little texture have too few features: they are tried as they are.
    if not any(match and match.correlation >= SAME_CORRELATION for match in matches):
        matches += [
            _compared(first.small, second.small, matrix, 0) for matrix in _plain_maps(first, second)
        ]
    return max(filter(None, matches), key=lambda match: match.correlation, default=None)


SAME_CORRELATION: Final = 0.6
"""From here on two pictures are copies; measured in docs/design/data-audit.md."""


def _map_by_features(
    first: Recognised, second: Recognised, likeness: NDArray[np.float32], *, is_mirrored: bool
) -> tuple[NDArray[np.float64], int] | None:
    """Return the affine map (2, 3) from the second picture to the first, and how many agree."""
    if min(likeness.shape) < _LEAST_AGREEING:
        return None
    nearest = likeness.argmax(axis=1)
    rows = np.arange(len(likeness))
    near = likeness[rows, nearest]
    others = likeness.copy()
    others[rows, nearest] = -1
    # Distances of unit vectors from their products.
    apart = np.sqrt(np.maximum(2 - 2 * near, 0))
    apart_next = np.sqrt(np.maximum(2 - 2 * others.max(axis=1), 1e-12))
    kept = apart < _RATIO * apart_next
    if kept.sum() < _LEAST_AGREEING:
        return None
    source, target = second.points[kept], first.points[nearest[kept]]
    # Its own refinement multiplies by a library that the packages leave out.
    matrix, agreed = cv2.estimateAffine2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=_ERROR_PX, maxIters=1000,
        confidence=0.99, refineIters=0,
    )  # fmt: skip
    if matrix is None:
        return None
    inside = agreed.ravel() > 0
    matrix = _least_squares(source[inside], target[inside])
    agreeing = len(np.unique(target[inside].round(), axis=0))
    if agreeing < _LEAST_AGREEING or not _is_plausible(matrix, is_mirrored):
        return None
    return matrix, agreeing


def _least_squares(source: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the affine map (2, 3) that takes points (n, 2) nearest to others."""
    rows = np.column_stack([source, np.ones(len(source))]).astype(np.float64)
    return np.asarray(np.linalg.lstsq(rows, target.astype(np.float64), rcond=None)[0].T)


def _is_plausible(matrix: NDArray[np.float64], is_mirrored: bool) -> bool:
    """Tell whether a map is one that somebody might have made of a picture."""
    linear = matrix[:, :2]
    large, small = np.linalg.svd(linear, compute_uv=False)
    is_in_range = _SCALES[0] <= small and large <= _SCALES[1] and large <= _MOST_STRETCH * small
    return bool(is_in_range and (np.linalg.det(linear) < 0) == is_mirrored)


def _plain_maps(first: Recognised, second: Recognised) -> list[NDArray[np.float64]]:
    """Return the maps of the whole second picture onto the whole first one: turned, mirrored.

    Only those after which the pictures are alike in the large are worth a closer look.
    """
    height, width = first.small.shape
    other_height, other_width = second.small.shape
    centre = np.array([[1, 0, -(other_width - 1) / 2], [0, 1, -(other_height - 1) / 2]])
    coarse, other_coarse = _coarse(first.small), _coarse(second.small)
    found = []
    for turns in range(4):
        wide, high = (other_width, other_height)[:: 1 if turns % 2 == 0 else -1]
        if abs(np.log((wide / high) / (width / height))) > np.log(1.1):
            continue
        linear = np.linalg.matrix_power(np.array([[0.0, 1.0], [-1.0, 0.0]]), turns)
        turned = np.rot90(other_coarse, turns)
        fit = np.diag([width / wide, height / high])
        for mirror, seen in ((1.0, turned), (-1.0, turned[:, ::-1])):
            if float((seen * coarse).mean()) < _LEAST_COARSE:
                continue
            moved = fit @ np.diag([mirror, 1.0]) @ linear @ centre
            moved[:, 2] += [(width - 1) / 2, (height - 1) / 2]
            found.append(moved)
    return found


def _coarse(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    side = (_COARSE_SIDE, _COARSE_SIDE)
    small = cv2.resize(picture, side, interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= small.mean()
    return np.asarray(small / max(float(small.std()), 1e-6), np.float32)


def _compared(
    first: NDArray[np.uint8], second: NDArray[np.uint8], matrix: NDArray[np.float64], agreeing: int
) -> Match | None:
    """Compare fine detail of two pictures where a map lays the second over the first."""
    size = (first.shape[1], first.shape[0])
    laid = np.asarray(cv2.warpAffine(second, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)
    inside = np.full(second.shape, 255, np.uint8)
    seen = cv2.warpAffine(inside, matrix, size, flags=cv2.INTER_NEAREST)
    overlap = float((seen > 0).mean())
    # Detail beside an edge of the second picture would be that edge.
    seen = cv2.erode(seen, np.ones((9, 9), np.uint8), borderValue=0)
    covered = (seen > 0).astype(np.float32)
    determinant = float(np.linalg.det(matrix[:, :2]))
    if overlap < _LEAST_OVERLAP * min(1.0, abs(determinant)):
        return None
    tiles = _tile_correlations(_detail(first), _detail(laid), covered)
    if len(tiles) < _LEAST_TILES:
        return None
    is_mirrored = determinant < 0
    turned = float(np.degrees(np.arctan2(-matrix[1, 0], matrix[0, 0] * (-1 if is_mirrored else 1))))
    return Match(
        float(np.median(tiles)), float(np.quantile(tiles, 0.25)), agreeing, turned,
        abs(determinant) ** 0.5, overlap, is_mirrored,
    )  # fmt: skip


def _detail(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    values = picture.astype(np.float32)
    fine = cv2.blur(values, (_FINE_PX, _FINE_PX))
    return np.asarray(fine - cv2.blur(values, (_COARSE_PX, _COARSE_PX)), np.float32)


def _tile_correlations(
    first: NDArray[np.float32], second: NDArray[np.float32], covered: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Correlate two pictures tile by tile, where both are seen and one has detail."""
    share = _tile_means(covered)
    weight = np.maximum(share, 1e-6)
    one, other = first * covered, second * covered
    mean, other_mean = _tile_means(one) / weight, _tile_means(other) / weight
    spread = np.sqrt(np.maximum(_tile_means(one * one) / weight - mean**2, 0))
    other_spread = np.sqrt(np.maximum(_tile_means(other * other) / weight - other_mean**2, 0))
    product = _tile_means(one * other) / weight - mean * other_mean
    kept = (share >= 0.5) & (np.maximum(spread, other_spread) >= _LEAST_DETAIL)
    correlation = product / np.maximum(spread * other_spread, _LEAST_DETAIL * 0.1)
    return np.asarray(np.clip(correlation[kept], -1, 1), np.float64)


def _tile_means(values: NDArray[np.float32]) -> NDArray[np.float64]:
    means = cv2.resize(values, (_TILES, _TILES), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.float64)


def matched(
    pictures: Sequence[Recognised], pairs: Sequence[tuple[int, int]]
) -> Generator[int, None, list[tuple[int, int, Match]]]:
    """Lay proposed pairs, sorted, over each other; yields how many are done."""
    found, done = [], 0
    for first, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
        seconds = [second for _, second in group]
        products = _likeness(pictures[first], [pictures[second] for second in seconds])
        for second, likeness in zip(seconds, products, strict=True):
            match = _best(pictures[first], pictures[second], likeness)
            if match is not None:
                found.append((first, second, match))
        done += len(seconds)
        yield done
    return found
