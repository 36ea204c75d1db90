"""Rows of features with what is to be told of them: those of some pictures, rare ones repeated."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spinealign.training.head_parts import Kind
from spinealign.training.own.aims import Aim, groups_of
from spinealign.training.own.features import FeatureStore
from spinealign.training.own.pictures import Picture


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of a store with what is to be told of them.

    Parameters
    ----------
    store : FeatureStore
    index : ndarray of int, shape (n,)
    targets : ndarray of float64, shape (n, outputs)
        See `aims.Aim`; NaN where not known.
    groups : ndarray of int, shape (n,)
        Rows of one group are alike in what over-sampling looks at.
    kind : {"classes", "labels", "grades"}
    """

    store: FeatureStore
    index: NDArray[np.int64]
    targets: NDArray[np.float64]
    groups: NDArray[np.int64]
    kind: Kind = "classes"

    def batches(self, size: int) -> list[slice]:
        """Return the slices of batches of `size`."""
        return [slice(at, at + size) for at in range(0, len(self.index), size)]


def rows_of(
    store: FeatureStore, pictures: Sequence[Picture], aim: Aim, names: Collection[str],
    *, with_copies: bool,
) -> Rows:  # fmt: skip
    """Return the rows of the pictures called `names`.

    Parameters
    ----------
    store : FeatureStore
    pictures : sequence of Picture
        In the order of the store.
    aim : Aim
    names : collection of str
    with_copies : bool
        Whether changed copies are among them.
    """
    each = store.per_picture
    copies = range(each) if with_copies else range(1)
    chosen = [n for n, picture in enumerate(pictures) if picture.name in names]
    index = np.array([n * each + c for n in chosen for c in copies], np.int64)
    at = index // each
    return Rows(store, index, aim.of(pictures)[at], groups_of(pictures)[at], aim.kind)


def oversampled(rows: Rows) -> Rows:
    """Return rows of the rarer groups as often as those of the largest, in turn."""
    parts = [np.flatnonzero(rows.groups == group) for group in np.unique(rows.groups)]
    most = max(map(len, parts), default=0)
    if len(parts) < 2:
        return rows
    order = np.concatenate([np.resize(part, most) for part in parts])
    return replace(
        rows,
        index=rows.index[order],
        targets=rows.targets[order],
        groups=rows.groups[order],
    )
