"""The part behind the features: trained fold by fold, kept as it goes, resumed where it was cut."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from spinealign.files import write_whole
from spinealign.training.classifier import ClassifierRecipe, stepped_head
from spinealign.training.head_parts import STEPS, FallingSteps, answer_weights
from spinealign.training.own.aims import shares_beyond, weights_of
from spinealign.training.own.frugal import FrugalSteps
from spinealign.training.own.linear_heads import solved_head
from spinealign.training.own.rows import Rows
from spinealign.training.progress import Board, Progress

STATE = "state.json"
BEGIN = "begin.npz"


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

    The plain CNN has one and a half gigabytes with Adam's moments: a network for each fold would
    fill any computer. What a part begins with lies on the disk, as drawing it again takes three
    times its memory.
    """

    def __init__(self) -> None:
        self._head: keras.Model | None = None
        self._begin: Path | None = None

    def fresh(self, recipe: ClassifierRecipe, rows: Rows, folder: Path) -> keras.Model:
        """Return the network as it was before any step.

        Parameters
        ----------
        recipe : ClassifierRecipe
        rows : Rows
            What is trained on; all parts of a training have the same kind of rows.
        folder : Path
            For what all parts begin with; see `tidied`.
        """
        if self._head is None or self._begin is None:
            outputs = rows.targets.shape[1]
            self._head = stepped_head(recipe, rows.store.shape, rows.kind, outputs)
            self._begin = folder / BEGIN
            folder.mkdir(parents=True, exist_ok=True)
            _save_arrays(self._begin, self._head.variables)
            self._head.optimizer.build(self._head.trainable_variables)
            return self._head
        moments = [v for v in self._head.optimizer.variables if "learning_rate" not in v.path]
        for variable in moments:
            _let_go(variable)
        _put(self._head.variables, _arrays(self._begin))
        for variable in moments:
            _set(variable, tf.zeros(variable.shape, variable.dtype))
        return self._head

    def tidied(self) -> None:
        """Let go of what parts begin with, and of Adam's moments; nothing is trained any more."""
        if self._head is None or self._begin is None:
            return
        self._begin.unlink(missing_ok=True)
        for variable in self._head.optimizer.variables:
            # The traced step refers to it until the process ends; its memory goes now.
            tf.raw_ops.DestroyResourceOp(resource=variable.value.handle)
        self._head = self._begin = None


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
    """Train a head; what it needs to go on is kept in `folder`.

    The lean head is a regression on standardised features: convex, so it needs no epochs. The
    report's heads train with Adam and, when there is a `validation` part, stop early and keep the
    best epoch.
    """
    if recipe.is_stepped:
        return _Stepping(rows, validation, recipe, folder, epochs, part, board, start).run()
    values = rows.store.values(rows.index)
    head = solved_head(values, rows.targets, rows.kind, recipe)
    curve = {"epoch": 0.0, "step": 0.0, "loss": log_loss(head, rows, recipe)}
    if validation is not None:
        curve["validation_loss"] = log_loss(head, validation, recipe)
    board.add(part, 0, curve)
    return Fitted(head, 0, [curve])


def logits(head: keras.Model, rows: Rows, recipe: ClassifierRecipe) -> NDArray[np.float64]:
    """Return the logits of each row (n, outputs)."""
    ask = _asked(head, recipe)
    parts = [
        np.asarray(ask(rows.store.values(rows.index[part])), np.float64)
        for part in rows.batches(recipe.batch)
    ]
    out = np.concatenate(parts) if parts else np.zeros((0, rows.targets.shape[1]))
    if not recipe.is_stepped or rows.kind != "classes":
        return out
    p = np.clip(out, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(p / (1 - p)))


def _asked(head: keras.Model, recipe: ClassifierRecipe) -> Callable[[NDArray[np.float32]], Any]:
    """Return what asks a head about a batch of features."""
    if not recipe.is_stepped:
        # One product: TensorFlow would trace a graph for each size of a batch.
        kernel, bias = answer_weights(head)
        return lambda values: values @ kernel + bias
    frugal = frugal_steps(head, recipe)
    return head.predict_on_batch if frugal is None else frugal.ask


def frugal_steps(head: keras.Model, recipe: ClassifierRecipe) -> FrugalSteps | None:
    """Return how a network with one very large layer is trained and asked; None for others."""
    return FrugalSteps(head) if recipe.head == "plain-cnn" else None


def log_loss(head: keras.Model, rows: Rows, recipe: ClassifierRecipe) -> float:
    """Return the mean log loss of what is known; each class weighs alike where balanced."""
    z = logits(head, rows, recipe)
    weights = weights_of(rows.targets, rows.kind, recipe.balance)
    is_counted = (weights > 0) & np.isfinite(z)
    if not is_counted.any():
        return float("nan")
    known, targets = z[is_counted], rows.targets[is_counted]
    loss = np.logaddexp(0, known) - targets * known
    return float(np.average(loss, weights=weights[is_counted]))


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
        _put(head.variables, _arrays(self._best_file(self._best[1])))
        return Fitted(head, self._best[1], self._curve)

    def _fresh(self) -> keras.Model:
        head = self._start.fresh(self._recipe, self._rows, self._folder.parent)
        if self._rows.kind == "grades":
            steps: FallingSteps = head.get_layer(STEPS)
            steps.begin_at(shares_beyond(self._rows.targets, self._recipe.balance))
        return head

    def _best_file(self, epoch: int) -> Path:
        """Return where the weights of an epoch lie that was the best one so far."""
        return self._folder / f"best{epoch:05d}.npz"

    def _epoch(self, head: keras.Model, most: int, tell: Progress) -> float:
        number = len(self._curve)
        head.optimizer.learning_rate.assign(self._rate())
        _seed_dropout(head, self._recipe.seed, number)
        order = np.random.default_rng([self._recipe.seed, number]).permutation(
            len(self._rows.index)
        )
        weights = weights_of(self._rows.targets, self._rows.kind, self._recipe.balance)
        # What is not known weighs nothing; a number must stand there all the same.
        targets = np.nan_to_num(self._rows.targets).astype(np.float32)
        head.reset_metrics()
        frugal = frugal_steps(head, self._recipe)
        loss = 0.0
        for part in self._rows.batches(self._recipe.batch):
            if self._step >= most:
                break
            at = order[part]
            values = self._rows.store.values(self._rows.index[at])
            if frugal is None:
                loss = float(head.train_on_batch(values, targets[at], sample_weight=weights[at]))
            else:
                loss = frugal.train(values, targets[at], weights[at])
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
            self._folder.mkdir(parents=True, exist_ok=True)
            _save_arrays(self._best_file(self._best[1]), head.variables)

    def _save(self, head: keras.Model) -> None:
        """Write all parts under the epoch's name, then move the pointer.

        One array after the other goes to the disk: a whole Keras file is made up in memory first,
        which takes more than the training itself.
        """
        stem = f"epoch{len(self._curve):05d}"
        self._folder.mkdir(parents=True, exist_ok=True)
        _save_arrays(self._folder / f"{stem}.npz", _variables(head))
        state = {"stem": stem, "step": self._step, "curve": self._curve, "best": self._best}
        write_whole(self._folder / STATE, json.dumps(state).encode())
        best = "" if self._best is None else self._best_file(self._best[1]).name
        for old in (*self._folder.glob("epoch*"), *self._folder.glob("best*")):
            if old.name not in (f"{stem}.npz", best):
                old.unlink()

    def _resumed(self) -> keras.Model | None:
        try:
            state = json.loads((self._folder / STATE).read_text(encoding="utf-8"))
            values = _arrays(self._folder / f"{state['stem']}.npz")
            if state["best"] is not None:
                self._best = (float(state["best"][0]), int(state["best"][1]))
                if not is_zipfile(self._best_file(self._best[1])):
                    raise ValueError("the best weights are gone")
            head = self._fresh()
            _put(_variables(head), values)
        except (OSError, ValueError, KeyError, BadZipFile):
            self._best = None
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


def _put(variables: Sequence[keras.Variable], arrays: Iterable[NDArray[Any]]) -> None:
    """Give variables the values of arrays, one after the other.

    What they held goes first: it would stay beside the array and its copy as a tensor.
    """
    for variable in variables:
        _let_go(variable)
    for variable, values in zip(variables, arrays, strict=True):
        _set(variable, values)


def _let_go(variable: keras.Variable) -> None:
    """Free what a variable holds; it must be `_set` before it is read again."""
    empty = tf.zeros([0], variable.dtype)
    tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=empty, validate_shape=False)


def _set(variable: keras.Variable, values: Any) -> None:
    """Give a variable its values, also where nothing is in it.

    Raises
    ------
    ValueError
        They have another shape.
    """
    if tuple(variable.shape) != tuple(values.shape):
        raise ValueError(f"{tuple(values.shape)} instead of {tuple(variable.shape)}")
    tensor = tf.convert_to_tensor(values, variable.dtype)
    tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=tensor, validate_shape=False)


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

    logits: dict[str, list[float]]
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
