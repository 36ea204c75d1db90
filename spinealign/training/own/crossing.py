"""Cross-validation and the head that ships, each finished part kept for a later run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import DataSetError
from spinealign.evaluation.learning import LearningPoint
from spinealign.training.classifier import ClassifierRecipe, FrozenPart, assemble
from spinealign.training.own import heads
from spinealign.training.own.aims import Aim, is_learnable
from spinealign.training.own.features import FeatureStore, compute_features
from spinealign.training.own.kept import Kept, kept_under
from spinealign.training.own.learning import learning_curve
from spinealign.training.own.pictures import Picture
from spinealign.training.own.rows import Rows, oversampled, rows_of
from spinealign.training.progress import Board
from spinealign.training.schedules import RateRule
from spinealign.wording import training as words

EPOCHS_UNSTOPPED = 20
"""Epochs of a stepped head where no patients are left to stop it by; set by hand."""

LEAST_GROUPS = 5
"""Groups from which on a fifth of them decides when a fold stops."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training gives.

    Parameters
    ----------
    model : keras.Model
        The whole network.
    logits : mapping of str to ndarray of float64, shape (outputs,)
        Of each picture by the fold that did not see it; empty without folds. NaN where a fold
        learned nothing of a finding.
    fold_of : mapping of str to int
        Counted from 1.
    epochs : list of int
        That each fold took.
    curves : mapping of str to list
        By part ("fold 1", "final"), one entry an epoch.
    kept : Kept
    learning : tuple of LearningPoint
        See `learning.learning_curve`.
    """

    model: keras.Model
    logits: Mapping[str, NDArray[np.float64]]
    fold_of: Mapping[str, int]
    epochs: list[int]
    curves: Mapping[str, list[dict[str, float]]] = field(default_factory=dict)
    kept: Kept | None = None
    learning: tuple[LearningPoint, ...] = ()


def require_steps(recipe: ClassifierRecipe) -> None:
    """Refuse steps or a schedule of a head that is solved at once.

    Raises
    ------
    DataSetError
    """
    if not recipe.is_stepped and (recipe.steps is not None or recipe.rate_rule != RateRule()):
        raise DataSetError(words.lean_has_no_steps())


def train_crossed(
    pictures: Sequence[Picture], aim: Aim, folds: Sequence[set[str]], recipe: ClassifierRecipe,
    base: FrozenPart, work: Path, board: Board | None = None,
) -> Trained:  # fmt: skip
    """Hold out each fold in turn, then train on all pictures.

    Early stopping looks at a fifth of the remaining patients, never at what is held out. The last
    head takes as many epochs as the folds did in the middle.

    Parameters
    ----------
    pictures : sequence of Picture
        With their checksums; what may be held out only together has one `patient`.
    aim : Aim
        What is learned.
    folds : sequence of set of str
        Names of pictures.
    recipe : ClassifierRecipe
    base : FrozenPart
    work : Path
    board : Board, optional
    """
    board = board or Board(None)
    store = compute_features(pictures, recipe, base, work)
    parts = {
        "data": [(p.name, p.sha256) for p in pictures],
        "labels": [aim.kind, aim.names, _labels(pictures, aim)],
        "folds": [sorted(fold) for fold in folds],
        "settings": [asdict(recipe), base.sha256],
    }
    kept = kept_under(work, "training", parts)
    print(words.kept_text(kept.is_new, kept.differs_in, "training"), flush=True)
    job = _Crossing(pictures, aim, recipe, store, kept.folder, board)
    done = [job.fold(number, fold, len(folds)) for number, fold in enumerate(folds, start=1)]
    epochs = [fold.epochs for fold in done]
    head = job.final(epochs)
    model = assemble(base.model, head.head, recipe, aim.kind)
    job.start.tidied()
    is_single = aim.kind == "classes"
    curves = {f"fold {number}": fold.curve for number, fold in enumerate(done, start=1)}
    return Trained(
        model,
        {name: np.array(row) for fold in done for name, row in fold.logits.items()},
        {name: number for number, fold in enumerate(done, start=1) for name in fold.logits},
        epochs,
        {**curves, "final": head.curve},
        kept,
        learning_curve(pictures, aim.names[0], folds, recipe, store) if is_single else (),
    )


def _labels(pictures: Sequence[Picture], aim: Aim) -> list[Any]:
    return [(p.name, p.label, p.patient, list(aim.targets[p.name])) for p in pictures]


@dataclass(frozen=True, eq=False)
class _Crossing:
    pictures: Sequence[Picture]
    aim: Aim
    recipe: ClassifierRecipe
    store: FeatureStore
    folder: Path
    board: Board
    start: heads.SteppedHead = field(default_factory=heads.SteppedHead)

    def _rows(self, names: set[str], *, with_copies: bool) -> Rows:
        rows = rows_of(self.store, self.pictures, self.aim, names, with_copies=with_copies)
        # Rows without copies are held out or stop the training: they are counted as they are.
        is_repeated = with_copies and self.recipe.balance == "oversample"
        return oversampled(rows) if is_repeated else rows

    def fold(self, number: int, held: set[str], count: int) -> heads.FoldResult:
        place = self.folder / f"fold{number}.json"
        kept = heads.load_fold(place)
        if kept is not None:
            return kept
        rest = [p for p in self.pictures if p.name not in held]
        inner = self._inner(rest)
        validation = self._rows(inner, with_copies=False) if inner else None
        rows = self._rows({p.name for p in rest} - inner, with_copies=True)
        checkpoints = self.folder / f"fold{number}"
        part = f"fold {number} of {count}"
        fitted = heads.fit(
            rows,
            validation,
            self.recipe,
            checkpoints,
            self._epochs(inner),
            part,
            self.board,
            self.start,
        )
        own = self._rows(held, with_copies=False)
        values = heads.logits(fitted.head, own, self.recipe)
        if self.aim.kind == "labels":
            values = np.where(is_learnable(rows.targets), values, np.nan)
        names = [self.pictures[row // self.store.per_picture].name for row in own.index]
        result = heads.FoldResult(
            dict(zip(names, values.tolist(), strict=True)), fitted.epochs, fitted.curve
        )
        heads.save_fold(place, result)
        shutil.rmtree(checkpoints, ignore_errors=True)
        print(f"{part}: {len(names)} pictures held out", flush=True)
        return result

    def _epochs(self, inner: set[str]) -> int:
        return self.recipe.epochs if inner else min(self.recipe.epochs, EPOCHS_UNSTOPPED)

    def _inner(self, rest: Sequence[Picture]) -> set[str]:
        """Return the pictures of a fifth of the patients; the others tell all that all of them do.

        Empty where they would not.
        """
        if not self.recipe.is_stepped:
            return set()
        patients = sorted({p.patient for p in rest})
        if len(patients) < LEAST_GROUPS:
            return set()
        drawn = np.random.default_rng(self.recipe.seed).permutation(patients)
        chosen = set(drawn[: max(1, len(patients) // 5)].tolist())
        stopping = [p for p in rest if p.patient in chosen]
        learning = [p for p in rest if p.patient not in chosen]
        is_lost = is_learnable(self.aim.of(rest)) & ~is_learnable(self.aim.of(learning))
        is_empty = np.isnan(self.aim.of(stopping)).all()
        return set() if is_lost.any() or is_empty else {p.name for p in stopping}

    def final(self, epochs: Sequence[int]) -> heads.Fitted:
        most = min(self.recipe.epochs, EPOCHS_UNSTOPPED)
        count = max(1, round(float(np.median(epochs)))) if epochs else most
        rows = self._rows({p.name for p in self.pictures}, with_copies=True)
        place = self.folder / "final"
        part = "training on all pictures"
        return heads.fit(rows, None, self.recipe, place, count, part, self.board, self.start)


def figures_input(
    pictures: Sequence[Picture], positive: str, p: Mapping[str, float]
) -> list[tuple[Any, Any]]:
    """Return (labels, probabilities) of each patient, as `evaluate.classification_figures` asks."""
    groups: dict[str, list[tuple[int, float]]] = {}
    for picture in pictures:
        if picture.name in p:
            pair = (int(picture.label == positive), p[picture.name])
            groups.setdefault(picture.patient, []).append(pair)
    return [
        (np.array([y for y, _ in pairs], np.int64), np.array([q for _, q in pairs]))
        for _, pairs in sorted(groups.items())
    ]
