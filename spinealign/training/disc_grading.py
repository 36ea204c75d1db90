"""Recipe of the disc grader: heads on frozen VGG16 convolutions, cross-validated by patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from scipy.stats import norm

from spinealign.domain.discs import GradeName
from spinealign.domain.model_card import GradingRule, IntensityRule
from spinealign.lumbar.grading import ranked_signs
from spinealign.lumbar.signs import SIGN_NAMES
from spinealign.training.disc_data import (
    SEQUENCES,
    DiscSet,
    Grades,
)

Logits = NDArray[np.float64]

CONTRASTS = ("t2", "t1")
STEPS_ABOVE = 4
"""Pfirrmann's logits: above 1, 2, 3, 4."""

OUTPUTS = STEPS_ABOVE + len(GradeName) - 1

LOOKED_UP_SHIFTS: Mapping[int, int] = {107: 1, 152: 1}
"""Patients whose first disc, as the program counts, is one below the graders' first disc.

Seen by eye on the outlines. Used to teach the right grades to the right discs; figures are
measured without it, so these patients count as misnamed."""


@dataclass(frozen=True)
class DiscRecipe:
    """Settings of the disc grader."""

    copies: int = 10
    folds: int = 5
    experts: int = 3
    epochs: int = 25
    batch: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    averaging: float = 0.98
    components: int = 96
    widths: tuple[int, int, int, int] = (32, 64, 128, 96)
    uses_image: bool = True
    uses_signs: bool = True
    only: GradeName | None = None
    seed: int = 5
    fold_seed: int = 3
    rule: IntensityRule = field(
        default_factory=lambda: IntensityRule(percentiles=(1.0, 99.5), channels="vgg_caffe")
    )


@dataclass(frozen=True, eq=False)
class Samples:
    """Graded discs of one contrast.

    `rows` (n,) rows of the `DiscSet`, `patients` (n,), `pfirrmann` (n,) 1 to 5 or 0
    where it was not graded, `findings` (n, 7) 0 or 1 in the order of `GradeName` without the first.
    """

    rows: NDArray[np.int64]
    patients: NDArray[np.int64]
    pfirrmann: NDArray[np.int64]
    findings: NDArray[np.float32]

    def of(self, keep: NDArray[np.bool_]) -> Samples:
        """Return the samples where `keep` is true."""
        return Samples(
            self.rows[keep], self.patients[keep], self.pfirrmann[keep], self.findings[keep]
        )


def make_samples(discs: DiscSet, grades: Grades, contrast: str) -> Samples:
    """Join discs of a contrast with their grades; discs that nobody graded are left out."""
    rows, values = [], []
    for i, (patient, number, sequence) in enumerate(
        zip(discs.patients, discs.numbers, discs.sequences, strict=True)
    ):
        place = (int(patient), int(number) - LOOKED_UP_SHIFTS.get(int(patient), 0))
        if SEQUENCES[str(sequence)] == contrast and place in grades:
            rows.append(i)
            values.append(grades[place])
    table = np.array(values)
    at = np.array(rows, np.int64)
    return Samples(at, discs.patients[at], table[:, 0], (table[:, 1:] > 0).astype(np.float32))


def assign_folds(patients: Sequence[int], recipe: DiscRecipe) -> dict[int, int]:
    """Deal the patients out to the folds, all images of one patient to one fold."""
    order = np.random.default_rng(recipe.fold_seed).permutation(sorted(set(patients)))
    return {int(patient): i % recipe.folds for i, patient in enumerate(order)}


@dataclass(frozen=True, eq=False)
class Basis:
    """Main components of the features, with the scaling before them.

    `projected = ((features - mean) / spread) @ matrix`.
    """

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    matrix: NDArray[np.float32]

    def project(self, features: NDArray[np.float16]) -> NDArray[np.float16]:
        """Project features (..., channels), in pieces that fit the memory."""
        flat = features.reshape(-1, features.shape[-1])
        out = np.empty((len(flat), self.matrix.shape[1]), np.float16)
        for i in range(0, len(flat), 1 << 15):
            part = (flat[i : i + (1 << 15)].astype(np.float32) - self.mean) / self.spread
            out[i : i + (1 << 15)] = part @ self.matrix
        return out.reshape(*features.shape[:-1], -1)


def fit_basis(features: NDArray[np.float16], count: int) -> Basis:
    """Fit main components to features (n, h, w, channels), mildly whitened."""
    flat = features.reshape(-1, features.shape[-1]).astype(np.float32)
    mean, spread = flat.mean(axis=0), flat.std(axis=0) + 1e-3
    flat = (flat - mean) / spread
    values, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
    scale = np.sqrt(values[::-1][:count])
    matrix = vectors[:, ::-1][:, :count] / scale * np.minimum(1, scale / scale[0] * 4)
    return Basis(mean, spread, np.asarray(matrix, np.float32))


def fit_knots(signs: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    """Return the values of each sign at the ranks of `KNOT_RANKS`, strictly rising."""
    knots = np.nanquantile(signs, KNOT_RANKS, axis=0).T + 1e-6 * np.arange(len(KNOT_RANKS))
    return tuple(tuple(round(float(v), 6) for v in row) for row in knots)


KNOT_RANKS = np.linspace(0.01, 0.99, 13)
KNOT_VALUES = tuple(round(float(v), 5) for v in norm.ppf(KNOT_RANKS) / 1.3)


def sign_rule(knots: Mapping[str, tuple[tuple[float, ...], ...]]) -> GradingRule:
    """Return a grading rule that only knows how to scale signs."""
    return GradingRule(SIGN_NAMES, knots, KNOT_VALUES, tuple(knots), {}, {})


def expert(recipe: DiscRecipe, shape: tuple[int, int]) -> keras.Model:
    """Build one head on projected features (h, w, components), with its regularisation."""
    conv, image, signs, join = recipe.widths
    seen = layers.Input((*shape, recipe.components), name="features")
    told = layers.Input((len(SIGN_NAMES),), name="signs")
    x = layers.SpatialDropout2D(0.1)(seen)
    x = layers.Conv2D(conv, 1, activation="relu", name="conv")(x)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    x = layers.Dense(image, activation="relu", name="image")(x)
    y = layers.Dropout(0.1)(layers.GaussianNoise(0.1)(told))
    y = layers.Dense(signs, activation="relu", name="told")(y)
    x = x if recipe.uses_image else layers.Rescaling(0.0)(x)
    y = y if recipe.uses_signs else layers.Rescaling(0.0)(y)
    both = layers.Dropout(0.3)(layers.Concatenate()([x, y]))
    both = layers.Dense(join, activation="relu", name="join")(both)
    both = layers.Dropout(0.3)(both)
    # One direction for all grades keeps "above 2" from passing "above 1" (CORAL,
    # Cao 2020, arXiv:1901.07884); each step has its own offset.
    grade = layers.Dense(1, use_bias=False, name="pfirrmann")(both)
    grade = Offsets(STEPS_ABOVE, name="offsets")(grade)
    findings = layers.Dense(OUTPUTS - STEPS_ABOVE, name="findings")(both)
    return keras.Model([seen, told], layers.Concatenate()([grade, findings]))


@keras.saving.register_keras_serializable("spinealign")
class Offsets(layers.Layer):
    """Repeats one logit, each time with an offset of its own."""

    def __init__(self, count: int, **options: Any) -> None:
        super().__init__(**options)
        self.count = count

    def build(self, _shape: Any) -> None:
        """Create the offsets."""
        self.offsets = self.add_weight(shape=(self.count,), initializer="zeros", name="offsets")

    def call(self, logit: Any) -> Any:
        """Return (batch, count)."""
        return logit + self.offsets


def train_expert(
    samples: Samples, projected: NDArray[np.float16], signs: NDArray[np.float32],
    recipe: DiscRecipe, seed: int,
) -> keras.Model:  # fmt: skip
    """Train one head.

    Parameters
    ----------
    projected : ndarray of float16, shape (copies, discs, h, w, components)
    signs : ndarray of float32, shape (discs, signs)
        On the scale of their ranks.
    """
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = expert(recipe, (projected.shape[2], projected.shape[3]))
    steps = max(1, recipe.epochs * len(samples.rows) // recipe.batch)
    rate = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps, alpha=0.02)
    optimiser = keras.optimizers.AdamW(
        rate, weight_decay=recipe.weight_decay, use_ema=True, ema_momentum=recipe.averaging
    )
    optimiser.build(model.trainable_variables)  # in the step, it would be traced twice
    loss_of = _loss(samples, recipe)

    def learn(features: Any, told: Any, grade: Any, findings: Any) -> None:
        with tf.GradientTape() as tape:
            loss = loss_of(
                model([tf.cast(features, tf.float32), told], training=True), grade, findings
            )
        gradients = tape.gradient(loss, model.trainable_variables)
        optimiser.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    step = tf.function(learn, reduce_retracing=True)
    for _ in range(recipe.epochs):
        order = rng.permutation(len(samples.rows))
        for i in range(0, max(1, len(order) - recipe.batch + 1), recipe.batch):
            pick = order[i : i + recipe.batch]
            rows = samples.rows[pick]
            copies = rng.integers(0, len(projected), len(rows))
            step(
                tf.constant(projected[copies, rows]), tf.constant(signs[rows]),
                tf.constant(samples.pfirrmann[pick]), tf.constant(samples.findings[pick]),
            )  # fmt: skip
    optimiser.finalize_variable_values(model.trainable_variables)
    return model


def _loss(samples: Samples, recipe: DiscRecipe) -> Any:
    """Return ordinal plus weighted binary cross-entropy; rare findings count for more."""
    import tensorflow as tf

    share = np.clip(samples.findings.mean(axis=0), 0.01, 0.99)
    weight = tf.constant(np.sqrt((1 - share) / share), tf.float32)
    names = list(GradeName)
    chosen = np.array([recipe.only in (None, name) for name in names], np.float32)

    def loss(logits: Any, grade: Any, findings: Any) -> Any:
        above = tf.cast(
            grade[:, None] > tf.range(1, 1 + STEPS_ABOVE, dtype=grade.dtype)[None], tf.float32
        )
        ordinal = tf.nn.sigmoid_cross_entropy_with_logits(above, logits[:, :STEPS_ABOVE])
        binary = tf.nn.weighted_cross_entropy_with_logits(findings, logits[:, STEPS_ABOVE:], weight)
        is_graded = tf.cast(grade > 0, tf.float32)
        ordinal = tf.reduce_mean(is_graded * tf.reduce_sum(ordinal, axis=1)) * chosen[0]
        return ordinal + 0.5 * tf.reduce_mean(tf.reduce_sum(binary * chosen[1:], axis=1))

    return loss


@dataclass(frozen=True, eq=False)
class Grader:
    """The trained heads of one contrast."""

    basis: Basis
    knots: tuple[tuple[float, ...], ...]
    experts: tuple[keras.Model, ...]

    def logits(self, discs: DiscSet, rows: NDArray[np.int64], contrast: str) -> Logits:
        """Return the mean logits (rows, outputs) of unchanged crops."""
        features = self.basis.project(discs.features[0][rows]).astype(np.float32)
        signs = ranked_signs(discs.signs[rows], sign_rule({contrast: self.knots}), contrast)
        answers = [np.asarray(e.predict_on_batch([features, signs])) for e in self.experts]
        return np.mean(answers, axis=0).astype(np.float64)


def train_grader(discs: DiscSet, samples: Samples, contrast: str, recipe: DiscRecipe) -> Grader:
    """Fit the scaling and train the experts of one contrast on these samples only."""
    basis = fit_basis(discs.features[0][samples.rows], recipe.components)
    knots = fit_knots(discs.signs[samples.rows])
    used = np.unique(samples.rows)
    at = np.full(len(discs.patients), -1, np.int64)
    at[used] = np.arange(len(used))
    projected = np.stack([basis.project(copy[used]) for copy in discs.features])
    signs = ranked_signs(discs.signs[used], sign_rule({contrast: knots}), contrast)
    here = Samples(at[samples.rows], samples.patients, samples.pfirrmann, samples.findings)
    experts = tuple(
        train_expert(here, projected, signs, recipe, recipe.seed + e) for e in range(recipe.experts)
    )
    return Grader(basis, knots, experts)


def cross_validate(
    discs: DiscSet, grades: Grades, recipe: DiscRecipe, work: Path
) -> NDArray[np.float64]:
    """Return the logits (discs, outputs) of every disc, from heads that never saw its patient.

    Finished folds are kept in `work`.
    """
    fold_of = assign_folds([patient for patient, _ in grades], recipe)
    of_row = np.array([fold_of[int(p)] for p in discs.patients])
    out = np.full((len(of_row), OUTPUTS), np.nan)
    for contrast in CONTRASTS:
        samples = make_samples(discs, grades, contrast)
        is_contrast = np.array([SEQUENCES[str(s)] == contrast for s in discs.sequences])
        for fold in range(recipe.folds):
            held = np.flatnonzero((of_row == fold) & is_contrast)
            kept = work / f"fold_{contrast}_{fold}.npy"
            if not kept.is_file():
                grader = train_grader(
                    discs, samples.of(of_row[samples.rows] != fold), contrast, recipe
                )
                np.save(kept, grader.logits(discs, held, contrast))
                print(f"{contrast}: fold {fold + 1} of {recipe.folds}", flush=True)
            out[held] = np.load(kept)
    return out
