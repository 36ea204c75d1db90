"""Small learners and figures for shortcuts: a tree of two questions, nearest neighbours.

They are written out here because the program has no library of them: an audit needs none of the
extras. Tests compare them with scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spinealign.resampling import auc, drawn, interval, times_drawn

_DEPTH: Final = 2
_LEAST_LEAF: Final = 3
_FOLDS: Final = 5
_DRAWS: Final = 500
_SEED: Final = 19
_NEIGHBOURS: Final = 3
_LEAST_VALID_DRAWS: Final = 50

Learner = Callable[[NDArray[Any], NDArray[np.bool_], NDArray[Any]], NDArray[np.float64]]
"""From values and truths learned from, and values asked for, to scores 0..1."""


@dataclass(frozen=True)
class Tree:
    """A question on one number with what follows, or a share.

    Parameters
    ----------
    share : float
        Of the class among what arrives here, both classes given the same weight.
    feature : int
        Which number is asked for; -1 for a leaf.
    limit : float
        At most this: `low`; else `high`.
    """

    share: float
    feature: int = -1
    limit: float = 0.0
    low: Tree | None = None
    high: Tree | None = None

    def scores(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of each row of `values`, (n, features)."""
        if self.low is None or self.high is None:
            return np.full(len(values), self.share)
        is_low = values[:, self.feature] <= self.limit
        return np.where(is_low, self.low.scores(values), self.high.scores(values))


def grow(values: NDArray[np.float64], truth: NDArray[np.bool_], depth: int = _DEPTH) -> Tree:
    """Grow a tree by the Gini index (Breiman 1984), with classes of equal weight.

    Parameters
    ----------
    values : ndarray, shape (n, features)
    truth : ndarray of bool, shape (n,)
    depth : int
        Questions one after the other.
    """
    weights = np.where(truth, 0.5 / max(truth.sum(), 1), 0.5 / max((~truth).sum(), 1))
    return _grown(values, truth, weights, depth)


def _grown(
    values: NDArray[np.float64], truth: NDArray[np.bool_], weights: NDArray[np.float64], depth: int
) -> Tree:
    share = float(weights[truth].sum() / max(weights.sum(), 1e-12))
    if depth == 0 or len(truth) < 2 * _LEAST_LEAF or share in (0.0, 1.0):
        return Tree(share)
    feature, limit = _best_question(values, truth, weights)
    if feature < 0:
        return Tree(share)
    is_low = values[:, feature] <= limit
    low = _grown(values[is_low], truth[is_low], weights[is_low], depth - 1)
    high = _grown(values[~is_low], truth[~is_low], weights[~is_low], depth - 1)
    return Tree(share, feature, limit, low, high)


def _best_question(
    values: NDArray[np.float64], truth: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[int, float]:
    """Return the number and limit that leave the classes purest; (-1, 0) where none helps."""
    order = np.argsort(values, axis=0, kind="stable")
    ordered = np.take_along_axis(values, order, axis=0)
    mine = np.cumsum(np.where(truth, weights, 0)[order], axis=0)
    others = np.cumsum(np.where(truth, 0, weights)[order], axis=0)
    all_mine, all_others = mine[-1], others[-1]
    below, above = mine + others, all_mine + all_others - mine - others
    impurity = 2 * mine * others / np.maximum(below, 1e-12) + 2 * (all_mine - mine) * (
        all_others - others
    ) / np.maximum(above, 1e-12)
    impurity = impurity[:-1]
    impurity[ordered[1:] <= ordered[:-1]] = np.inf
    impurity[: _LEAST_LEAF - 1] = np.inf
    impurity[len(impurity) - _LEAST_LEAF + 1 :] = np.inf
    place, feature = np.unravel_index(int(impurity.argmin()), impurity.shape)
    before = 2 * all_mine[0] * all_others[0] / max(all_mine[0] + all_others[0], 1e-12)
    if not impurity[place, feature] < before - 1e-9:
        return -1, 0.0
    limit = (ordered[place, feature] + ordered[place + 1, feature]) / 2
    # Between neighbouring floats the mean may be the upper one.
    return int(feature), float(
        limit if limit < ordered[place + 1, feature] else ordered[place, feature]
    )


def by_tree(
    known: NDArray[np.float64], truth: NDArray[np.bool_], asked: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Score by a tree of two questions."""
    return grow(known, truth).scores(asked)


def by_neighbours(
    known: NDArray[np.float32], truth: NDArray[np.bool_], asked: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Score by how much nearer the third nearest of the class lies than that of the others."""
    squares = (known.astype(np.float64) ** 2).sum(axis=1)
    distances = (
        (asked.astype(np.float64) ** 2).sum(axis=1)[:, None] + squares
        - 2 * asked.astype(np.float64) @ known.astype(np.float64).T
    )  # fmt: skip
    distances = np.sqrt(np.maximum(distances, 0))
    mine = _nearest(distances[:, truth])
    others = _nearest(distances[:, ~truth])
    return np.asarray(others / np.maximum(mine + others, 1e-12), np.float64)


def _nearest(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    count = min(_NEIGHBOURS, distances.shape[1])
    return np.asarray(np.sort(distances, axis=1)[:, :count].mean(axis=1))


def out_of_group(
    learner: Learner, values: NDArray[Any], truth: NDArray[np.bool_], groups: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Score every row by what was learned from rows of other groups only.

    Groups are dealt to five folds so that each fold has both classes, where there are enough;
    rows that no fold could score are NaN.
    """
    folds = dealt(truth, groups)
    scores = np.full(len(truth), np.nan)
    for fold in range(_FOLDS):
        asked = folds == fold
        known = ~asked
        if asked.any() and truth[known].any() and not truth[known].all():
            scores[asked] = learner(values[known], truth[known], values[asked])
    return scores


def dealt(truth: NDArray[np.bool_], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Deal groups to folds, those of the class and the others in turn; (n,) fold of each row."""
    rng = np.random.default_rng(_SEED)
    every, places = np.unique(groups, return_inverse=True)
    share = np.bincount(places, truth, len(every)) / np.bincount(places, minlength=len(every))
    fold_of = np.zeros(len(every), np.int64)
    for kind in (share > 0.5, share <= 0.5):
        members = rng.permutation(np.flatnonzero(kind))
        fold_of[members] = np.arange(len(members)) % _FOLDS
    return fold_of[places]


def bootstrap_interval(
    scores: NDArray[np.float64], truth: NDArray[np.bool_], groups: NDArray[np.int64]
) -> tuple[float, float]:
    """Return the 95 % interval of the AUC by drawing whole groups with replacement.

    Where all draws agree on 0 or 1, the exact bound for pairs of groups that share none stands in
    (Clopper & Pearson 1934), as in evaluations. (0, 1) where too few draws hold both classes, or
    all agree on anything else: then drawing tells nothing.
    """
    every, places = np.unique(groups, return_inverse=True)
    found = [
        auc(scores, truth, times_drawn(index, len(every))[places])
        for index in drawn(len(every), _DRAWS, _SEED)
    ]
    if np.isfinite(found).sum() < _LEAST_VALID_DRAWS:
        return 0.0, 1.0
    mine, others = (len(np.unique(places[is_of])) for is_of in (truth, ~truth))
    low, high = interval(found, max(1, min(mine, others, len(every) // 2)))
    return (low, high) if high > low else (0.0, 1.0)


def question_words(tree: Tree, names: Sequence[str]) -> list[tuple[str, float]]:
    """Return the numbers a tree asks for with their limits, the first question first."""
    if tree.feature < 0 or tree.low is None or tree.high is None:
        return []
    asked = [(names[tree.feature], tree.limit)]
    return asked + question_words(tree.low, names) + question_words(tree.high, names)
