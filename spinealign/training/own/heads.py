"""The part behind the features: trained fold by fold, kept as it goes, resumed where it was cut."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import keras
import numpy as np
from numpy.typing import NDArray

from spinealign.files import write_whole
from spinealign.training.classifier import ClassifierRecipe, logistic_head, stepped_head
from spinealign.training.own.features import FeatureStore
from spinealign.training.progress import Board, Progress

STATE = "state.json"


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of a store with their labels (n,), 1 for the positive class."""

    store: FeatureStore
    index: NDArray[np.int64]
    labels: NDArray[np.int64]

    def batches(self, size: int) -> list[slice]:
        """Return the slices of batches of `size`."""
        return [slice(at, at + size) for at in range(0, len(self.index), size)]


@dataclass
class Fitted:
    """A trained head, the epochs that made it, and its curve.

    `curve` has one entry an epoch: ``epoch``, ``step``, ``loss`` and, where there was something
    to validate on, ``validation_loss``.
    """

    head: keras.Model
    epochs: int
    curve: list[dict[str, float]] = field(default_factory=list)


class SteppedHead:
    """The one network that each part of a training begins anew with.

    TensorFlow keeps the memory of networks that are let go, and the plain CNN has two gigabytes
    with Adam's moments: a network for each fold filled any computer.
    """

    def __init__(self) -> None:
        self._head: keras.Model | None = None

    def fresh(self, recipe: ClassifierRecipe, shape: tuple[int, ...]) -> keras.Model:
        """Return the network as it was before any step."""
        if self._head is None:
            self._head = stepped_head(recipe, shape)
            self._head.optimizer.build(self._head.trainable_variables)
            return self._head
        for layer in self._head.layers:
            if layer.weights:  # an initializer draws the same values every time
                layer.kernel.assign(layer.kernel_initializer(layer.kernel.shape))
                layer.bias.assign(layer.bias_initializer(layer.bias.shape))
        for variable in self._head.optimizer.variables:
            if "learning_rate" not in variable.path:
                variable.assign(np.zeros(variable.shape))
        return self._head


def fit(
    rows: Rows,
    validation: Rows | None,
    recipe: ClassifierRecipe,
    folder: Path,
    epochs: int,
    part: str,
    board: Board,
    start: SteppedHead,
) -> Fitted:
    """Train a head with balanced classes; what it needs to go on is kept in `folder`.

    The lean head is a logistic regression on standardised features: convex, so it needs no
    epochs. The report's heads train with Adam and, when there is a `validation` part, stop early
    and keep the best epoch.
    """
    if recipe.is_stepped:
        return _Stepping(rows, validation, recipe, folder, epochs, part, board, start).run()
    head = logistic_head(rows.store.values(rows.index), rows.labels, recipe)
    curve = {"epoch": 0.0, "step": 0.0, "loss": log_loss(head, rows, recipe)}
    if validation is not None:
        curve["validation_loss"] = log_loss(head, validation, recipe)
    board.add(part, 0, curve)
    return Fitted(head, 0, [curve])


def logits(head: keras.Model, rows: Rows, recipe: ClassifierRecipe) -> NDArray[np.float64]:
    """Return the logit of each row (n,)."""
    parts = [
        np.asarray(head.predict_on_batch(rows.store.values(rows.index[part])), np.float64)[:, 0]
        for part in rows.batches(recipe.batch)
    ]
    out = np.concatenate(parts) if parts else np.zeros(0)
    if not recipe.is_stepped:
        return out
    p = np.clip(out, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(p / (1 - p)))


def log_loss(head: keras.Model, rows: Rows, recipe: ClassifierRecipe) -> float:
    """Return the mean log loss; each class weighs half where classes are balanced."""
    z = logits(head, rows, recipe)
    loss = np.logaddexp(0, z) - rows.labels * z
    return float(np.average(loss, weights=_weights(rows.labels, recipe)))


def _weights(labels: NDArray[np.int64], recipe: ClassifierRecipe) -> NDArray[np.float64]:
    if recipe.balance == "none":
        return np.ones(len(labels))
    share = min(max(float(labels.mean()), 1e-9), 1 - 1e-9)
    return np.where(labels == 1, 0.5 / share, 0.5 / (1 - share))


class _Stepping:
    """One training by steps. Every epoch is seeded by its number, so a cut run goes on alike."""

    def __init__(
        self, rows: Rows, validation: Rows | None, recipe: ClassifierRecipe, folder: Path,
        epochs: int, part: str, board: Board, start: SteppedHead,
    ) -> None:  # fmt: skip
        self._start = start
        self._rows = rows
        self._validation = validation
        self._recipe = recipe
        self._folder = folder
        self._epochs = epochs
        self._part = part
        self._board = board
        self._curve: list[dict[str, float]] = []
        self._step = 0
        self._best: tuple[float, int] | None = None
        self._best_weights: list[NDArray[Any]] = []

    def run(self) -> Fitted:
        head = self._resumed() or self._fresh()
        begun = len(self._curve)
        per_epoch = len(self._rows.batches(self._recipe.batch))
        most = self._epochs * per_epoch
        most = most if self._recipe.steps is None else min(most, self._recipe.steps)
        tell = Progress(self._part, "step", self._step)
        while len(self._curve) < self._epochs and self._step < most and not self._is_stale():
            loss = self._epoch(head, most, tell)
            row = {
                "epoch": len(self._curve) + 1.0,
                "step": float(self._step),
                "loss": loss,
                "learning_rate": self._rate(),
            }
            if self._validation is not None:
                row["validation_loss"] = log_loss(head, self._validation, self._recipe)
                self._keep_best(head, row["validation_loss"])
            self._curve.append(row)
            self._board.add(self._part, len(self._curve), row)
            if len(self._curve) % self._recipe.save_every == 0:
                self._save(head)
        if len(self._curve) > begun:
            self._save(head)
        if self._best is None:
            return Fitted(head, len(self._curve), self._curve)
        head.set_weights(self._best_weights)
        return Fitted(head, self._best[1], self._curve)

    def _fresh(self) -> keras.Model:
        return self._start.fresh(self._recipe, self._rows.store.shape)

    def _epoch(self, head: keras.Model, most: int, tell: Progress) -> float:
        number = len(self._curve)
        head.optimizer.learning_rate.assign(self._rate())
        _seed_dropout(head, self._recipe.seed, number)
        order = np.random.default_rng([self._recipe.seed, number]).permutation(
            len(self._rows.index)
        )
        weights = _weights(self._rows.labels, self._recipe)
        head.reset_metrics()
        loss = 0.0
        for part in self._rows.batches(self._recipe.batch):
            if self._step >= most:
                break
            at = order[part]
            values = self._rows.store.values(self._rows.index[at])
            labels = self._rows.labels[at].astype(np.float32)[:, None]
            loss = float(head.train_on_batch(values, labels, sample_weight=weights[at]))
            self._step += 1
            tell(self._step, most, loss=loss)
        return loss

    def _rate(self) -> float:
        """Return the learning rate of the epoch that follows the curve so far."""
        recipe = self._recipe
        return recipe.rate_rule.rate(recipe.learning_rate, self._epochs, self._curve)

    def _is_stale(self) -> bool:
        if self._best is None:
            return False
        return len(self._curve) - self._best[1] >= self._recipe.patience

    def _keep_best(self, head: keras.Model, loss: float) -> None:
        if self._best is None or loss < self._best[0]:
            self._best = (loss, len(self._curve) + 1)
            self._best_weights = [np.array(w) for w in head.get_weights()]

    def _save(self, head: keras.Model) -> None:
        """Write all parts under the epoch's name, then move the pointer.

        One array after the other goes to the disk: a whole Keras file is made up in memory first,
        which takes more than the training itself.
        """
        stem = f"epoch{len(self._curve):05d}"
        self._folder.mkdir(parents=True, exist_ok=True)
        _save_arrays(self._folder / f"{stem}.npz", _variables(head))
        if self._best is not None:
            _save_arrays(self._folder / f"{stem}-best.npz", self._best_weights)
        state = {"stem": stem, "step": self._step, "curve": self._curve, "best": self._best}
        write_whole(self._folder / STATE, json.dumps(state).encode())
        for old in self._folder.glob("epoch*"):
            if not old.name.startswith(stem):
                old.unlink()

    def _resumed(self) -> keras.Model | None:
        try:
            state = json.loads((self._folder / STATE).read_text(encoding="utf-8"))
            values = _arrays(self._folder / f"{state['stem']}.npz")
            if state["best"] is not None:
                self._best_weights = list(_arrays(self._folder / f"{state['stem']}-best.npz"))
                self._best = (float(state["best"][0]), int(state["best"][1]))
            head = self._fresh()
            for variable, value in zip(_variables(head), values, strict=True):
                variable.assign(value)
        except (OSError, ValueError, KeyError, BadZipFile):
            self._best, self._best_weights = None, []
            return None
        self._curve, self._step = state["curve"], int(state["step"])
        return head


def _variables(head: keras.Model) -> list[keras.Variable]:
    """Return all that a training changes: weights, states, and Adam's moments."""
    return [*head.variables, *head.optimizer.variables]


def _save_arrays(path: Path, arrays: Iterable[Any]) -> None:
    """Write arrays as `numpy.savez` does, but one at a time."""
    with ZipFile(path, "w") as file:
        for number, values in enumerate(arrays):
            with file.open(f"arr_{number}.npy", "w", force_zip64=True) as part:
                np.lib.format.write_array(part, np.asarray(values))


def _arrays(path: Path) -> Iterator[NDArray[Any]]:
    with np.load(path) as parts:
        for name in parts.files:
            yield parts[name]


def _seed_dropout(head: keras.Model, seed: int, epoch: int) -> None:
    for number, layer in enumerate(head.layers):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            drawn = np.random.default_rng([seed, epoch, number]).integers(0, 2**31, 2)
            generator.state.assign(drawn.astype(np.uint32))


@dataclass(frozen=True)
class FoldResult:
    """Held-out logits of one fold by picture, and how they came about."""

    logits: dict[str, float]
    epochs: int
    curve: list[dict[str, float]]


def load_fold(path: Path) -> FoldResult | None:
    """Return a fold that was finished before, or None."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return FoldResult(dict(told["logits"]), int(told["epochs"]), list(told["curve"]))
    except (OSError, ValueError, KeyError):
        return None


def save_fold(path: Path, fold: FoldResult) -> None:
    """Write a finished fold."""
    told = {"logits": fold.logits, "epochs": fold.epochs, "curve": fold.curve}
    write_whole(path, json.dumps(told).encode())


def rows_of(
    store: FeatureStore, is_positive: Sequence[bool], wanted: Callable[[int], bool],
    *, with_copies: bool,
) -> Rows:  # fmt: skip
    """Return the rows of the pictures whose number is `wanted`."""
    each = store.per_picture
    copies = range(each) if with_copies else range(1)
    index = [n * each + c for n in range(len(is_positive)) if wanted(n) for c in copies]
    chosen = np.array(index, np.int64)
    labels = np.array(is_positive, np.int64)[chosen // each] if index else np.zeros(0, np.int64)
    return Rows(store, chosen, labels)


def oversampled(rows: Rows) -> Rows:
    """Return rows of the rarer class as often as those of the other, in turn."""
    parts = [np.flatnonzero(rows.labels == label) for label in (0, 1)]
    most = max(map(len, parts))
    if not all(map(len, parts)):
        return rows
    order = np.concatenate([np.resize(part, most) for part in parts])
    return Rows(rows.store, rows.index[order], rows.labels[order])
