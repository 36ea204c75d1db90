"""The learning curve of a head that is solved at once: refitted on fewer and fewer patients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spinealign.evaluation.cases import ClassifiedCases
from spinealign.evaluation.classification import point_figures
from spinealign.evaluation.intervals import Figure, Figures, Weights, bootstrapped
from spinealign.evaluation.learning import SHOWN, LearningPoint
from spinealign.training.classifier import ClassifierRecipe, solve_logistic
from spinealign.training.own.aims import Aim, aim_of_class
from spinealign.training.own.features import FeatureStore
from spinealign.training.own.pictures import Picture
from spinealign.training.own.rows import rows_of
from spinealign.training.progress import Progress

SHARES: Final = (0.125, 0.25, 0.5, 1.0)
"""Of the patients that a fold leaves to learn from; each is twice the one before."""

SUBSETS: Final = 3
"""Different choices of patients of one size, whose figures are averaged; set by hand."""

DRAWS: Final = 500
"""Of patients, for intervals; a curve of four points needs no more."""


def learning_curve(
    pictures: Sequence[Picture], positive: str, folds: Sequence[set[str]],
    recipe: ClassifierRecipe, store: FeatureStore,
) -> tuple[LearningPoint, ...]:  # fmt: skip
    """Refit the head on shares of each fold's patients, and answer what the fold holds out.

    Patients of a smaller share are among those of the larger ones. What is held out is the same
    for all sizes, so that the points differ by what was learned from only.

    Parameters
    ----------
    pictures : sequence of Picture
        In the order of the rows of `store`.
    positive : str
    folds : sequence of set of str
        Names of pictures; without folds there is no curve.
    recipe : ClassifierRecipe
    store : FeatureStore

    Returns
    -------
    tuple of LearningPoint
        Fewest patients first; empty where heads are trained by steps, which would take the time
        of the whole training for each size.
    """
    if recipe.is_stepped or not folds:
        return ()
    tell = Progress("learning curve", "size")
    aim = aim_of_class(pictures, positive)
    found: list[LearningPoint] = []
    for number, share in enumerate(SHARES, start=1):
        count = 1 if share == 1 else SUBSETS
        answered = [_crossed(pictures, aim, folds, recipe, store, share, k) for k in range(count)]
        learned = np.array([sizes for _, sizes in answered], np.float64)
        patients, shown = (round(float(each)) for each in learned.mean(axis=(0, 1)))
        # In a small set an eighth and a quarter may be the same patients.
        if not found or patients > found[-1].patients:
            figures = _figures([cases for cases, _ in answered])
            found.append(LearningPoint(patients, shown, share, figures))
        tell(number, len(SHARES))
    return tuple(found)


def _figures(answered: Sequence[ClassifiedCases]) -> dict[str, Figure]:
    def compute(weights: Weights) -> Figures:
        each = [point_figures(cases, 0.5, weights, False) for cases in answered]
        return {name: float(np.mean([one[name] for one in each])) for name in SHOWN}

    return bootstrapped(compute, answered[0].patients, draws=DRAWS)


def _crossed(
    pictures: Sequence[Picture], aim: Aim, folds: Sequence[set[str]],
    recipe: ClassifierRecipe, store: FeatureStore, share: float, subset: int,
) -> tuple[ClassifiedCases, list[tuple[int, int]]]:  # fmt: skip
    """Return the answers on all folds, and how many patients and pictures each learned from."""
    (positive,) = aim.names
    asked: list[Picture] = []
    logits: list[NDArray[np.float64]] = []
    sizes = []
    for fold in folds:
        rest = [p for p in pictures if p.name not in fold]
        chosen = chosen_patients(rest, share, [recipe.seed, subset])
        names = {p.name for p in rest if p.patient in chosen}
        rows = rows_of(store, pictures, aim, names, with_copies=True)
        is_positive = rows.targets[:, 0].astype(np.int64)
        kernel, bias = solve_logistic(store.values(rows.index), is_positive, recipe)
        held = rows_of(store, pictures, aim, fold, with_copies=False)
        logits.append(store.values(held.index) @ kernel + bias)
        asked += [pictures[row // store.per_picture] for row in held.index]
        sizes.append((len(chosen), len(names)))
    p = 1 / (1 + np.exp(-np.concatenate(logits)))
    negative = next(p.label for p in pictures if p.label != positive)
    cases = ClassifiedCases(
        tuple(p.name for p in asked),
        tuple(p.patient for p in asked),
        (negative, positive),
        np.array([p.label == positive for p in asked], np.int64),
        np.stack([1 - p, p], axis=1),
    )
    return cases, sizes


def chosen_patients(pictures: Sequence[Picture], share: float, seed: Sequence[int]) -> set[str]:
    """Return a share of the patients of each class, one of each at least.

    A larger share with the same seed holds the smaller one.
    """
    chosen: set[str] = set()
    for label, patients in _patients_by_class(pictures):
        drawn = np.random.default_rng([*seed, label]).permutation(patients).tolist()
        chosen.update(drawn[: max(1, round(share * len(drawn)))])
    return chosen


def _patients_by_class(pictures: Sequence[Picture]) -> Iterator[tuple[int, list[str]]]:
    for number, label in enumerate(sorted({p.label for p in pictures})):
        yield number, sorted({p.patient for p in pictures if p.label == label})
