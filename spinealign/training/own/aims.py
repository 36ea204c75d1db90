"""What a head learns to tell of each picture: one of two classes, several findings, or a grade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinealign.training.classifier import Balance
from spinealign.training.head_parts import Kind
from spinealign.training.own.pictures import Picture

Targets = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Aim:
    """What is to be told of each picture.

    Parameters
    ----------
    kind : {"classes", "labels", "grades"}
    names : tuple of str
        The positive class; the findings; or the grades from the lowest to the highest.
    targets : mapping of str to sequence of float
        Of each picture by its name. 1 for the positive class, else 0; of each finding 1, 0, or NaN
        where nobody knows; of each grade but the highest 1 if the picture has a higher one.
    """

    kind: Kind
    names: tuple[str, ...]
    targets: Mapping[str, Sequence[float]]

    @property
    def outputs(self) -> int:
        """How many answers a network gives."""
        return len(self.names) - 1 if self.kind == "grades" else len(self.names)

    def of(self, pictures: Sequence[Picture]) -> Targets:
        """Return what is to be told of pictures (n, outputs)."""
        rows = [self.targets[p.name] for p in pictures]
        return np.array(rows, np.float64).reshape(len(rows), self.outputs)


def aim_of_class(pictures: Sequence[Picture], positive: str) -> Aim:
    """Return that the probability of one of two classes is learned."""
    told = {p.name: (float(p.label == positive),) for p in pictures}
    return Aim("classes", (positive,), told)


def aim_of_grades(pictures: Sequence[Picture], grades: Sequence[str]) -> Aim:
    """Return that the grades of pictures are learned, whose order is that of `grades`."""
    steps = range(len(grades) - 1)
    told = {p.name: tuple(float(grades.index(p.label) > k) for k in steps) for p in pictures}
    return Aim("grades", tuple(grades), told)


def groups_of(pictures: Sequence[Picture]) -> NDArray[np.int64]:
    """Return the number of each picture's class (n,), as over-sampling tells classes apart."""
    numbers = {label: n for n, label in enumerate(sorted({p.label for p in pictures}))}
    return np.array([numbers[p.label] for p in pictures], np.int64)


def is_learnable(targets: Targets) -> NDArray[np.bool_]:
    """Return of each output (outputs,) whether pictures with both answers are known."""
    return np.asarray((targets == 1).any(axis=0) & (targets == 0).any(axis=0))


def weights_of(targets: Targets, kind: Kind, balance: Balance) -> NDArray[np.float64]:
    """Return what each answer counts (n, outputs); nothing where it is not known.

    With balance both answers of an output weigh alike together, or all grades do. Findings that
    are over-sampled have their balance by that.
    """
    is_known = ~np.isnan(targets)
    if balance == "none" or (kind == "labels" and balance == "oversample"):
        return is_known.astype(np.float64)
    if kind == "grades":
        grade = targets.sum(axis=1).astype(np.int64)
        found, at, counts = np.unique(grade, return_inverse=True, return_counts=True)
        each = len(grade) / (max(1, len(found)) * counts[at])
        return np.repeat(each[:, None], targets.shape[1], axis=1)
    share = np.nansum(targets, axis=0) / np.maximum(is_known.sum(axis=0), 1)
    share = np.clip(share, 1e-9, 1 - 1e-9)
    return np.where(is_known, np.where(targets == 1, 0.5 / share, 0.5 / (1 - share)), 0.0)


def shares_beyond(targets: Targets, balance: Balance) -> NDArray[np.float64]:
    """Return which share of pictures has a grade beyond each step (outputs,): never 0 or 1."""
    weights = weights_of(targets, "grades", balance)
    total = weights.sum(axis=0)
    return np.asarray(((weights * targets).sum(axis=0) + 0.5) / (total + 1))
