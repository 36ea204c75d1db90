"""The training loop and the recipes of the shipped models."""

from __future__ import annotations

import json
import logging
import multiprocessing
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from spinealign.domain.model_card import IntensityRule
from spinealign.imaging.fit import finish_input, scale_intensity
from spinealign.training import augment
from spinealign.training.dataset import IGNORE, LabelledSlice
from spinealign.training.progress import Progress

Batch = tuple[NDArray[np.float32], NDArray[np.integer] | NDArray[np.float32]]
log = logging.getLogger(__name__)

REPORT_EVERY = 50
"""Steps whose mean loss is one point of the curve."""


def segmentation_loss(classes: int) -> Callable[..., object]:
    """Return cross-entropy plus soft Dice over the foreground classes, skipping `IGNORE`.

    The sum of both is the common choice for unbalanced masks (Isensee 2021,
    nnU-Net, 10.1038/s41592-020-01008-z).
    """

    def loss(labels: object, logits: object) -> object:
        labels = ops.cast(ops.reshape(labels, ops.shape(logits)[:3]), "int32")
        known = ops.cast(ops.not_equal(labels, IGNORE), "float32")
        target = ops.one_hot(ops.where(ops.equal(labels, IGNORE), 0, labels), classes)
        log_p = ops.log_softmax(logits, axis=-1)
        entropy = -ops.sum(target * log_p, axis=-1) * known
        p = ops.exp(log_p) * known[..., None]
        t = target * known[..., None]
        overlap = ops.sum(p * t, axis=(0, 1, 2))[1:]
        size = ops.sum(p, axis=(0, 1, 2))[1:] + ops.sum(t, axis=(0, 1, 2))[1:]
        dice = ops.mean((2 * overlap + 50.0) / (size + 50.0))
        return ops.sum(entropy) / (ops.sum(known) + 1.0) + (1.0 - dice)

    return loss


class MrPatches:
    """Endless random crops of sagittal MR slices, augmented and fitted for the network.

    Parameters
    ----------
    slices : sequence of LabelledSlice
        Training slices.
    crop : tuple of int
        (h, w) of a crop in network pixels.
    longest_px : int
        Longest side of the letterbox at inference; sets the crops' typical scale.
    rule : IntensityRule
        The shipped model's rule.
    classes : int
        Number of classes, background included.
    """

    def __init__(
        self, slices: Sequence[LabelledSlice], crop: tuple[int, int], longest_px: int,
        rule: IntensityRule, classes: int, seed: int,
    ) -> None:  # fmt: skip
        self._slices = slices
        self._crop = crop
        self._longest_px = longest_px
        self._rule = rule
        self._classes = classes
        self._geometry = augment.Geometry()
        self._rng = np.random.default_rng(seed)
        patients = [s.patient for s in slices]
        counts = {p: patients.count(p) for p in set(patients)}
        weights = np.array([1 / np.sqrt(counts[p]) for p in patients])
        self._weights = weights / weights.sum()

    def sample(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return one crop (h, w, 1) and its labels (h, w)."""
        rng = self._rng
        one = self._slices[rng.choice(len(self._slices), p=self._weights)]
        image = scale_intensity(
            one.pixels.astype(np.float32), self._rule, bits=8, is_hounsfield=False
        )
        image = self._change_contrast(image, one.mask)
        matrix = augment.random_affine(
            image.shape, self._crop, self._centre(one.mask),
            self._longest_px / max(image.shape), self._geometry, rng,
        )  # fmt: skip
        image, mask = augment.warp_pair(image, one.mask, matrix, self._crop)
        image = self._exposed(image)
        image = scale_intensity(image, self._rule, bits=0, is_hounsfield=False)
        return finish_input(image, self._rule), mask

    def _exposed(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        image = augment.random_exposure(image, self._rng)
        return augment.occlude(image, self._rng) if self._rng.random() < 0.15 else image

    def _change_contrast(
        self, image: NDArray[np.float32], mask: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        draw = self._rng.random()
        if (mask == IGNORE).any() or draw < 0.4:
            return image
        if draw < 0.7:
            return augment.t1_like(image, mask, self._rng)
        return augment.remap_classes(image, mask, self._classes, self._rng)

    def _centre(self, mask: NDArray[np.uint8]) -> tuple[float, float]:
        structures = np.argwhere((mask > 0) & (mask != IGNORE))
        if len(structures) and self._rng.random() < 0.75:
            row, col = structures[self._rng.integers(len(structures))]
            return float(row), float(col)
        return tuple(self._rng.uniform(0.25, 0.75, 2) * mask.shape)

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield (images (size, h, w, 1), labels (size, h, w)) for ever."""
        while True:
            pairs = [self.sample() for _ in range(size)]
            images = np.stack([p[0] for p in pairs])
            yield images, np.stack([p[1] for p in pairs]).astype(np.int32)


def prefetch(batches: Iterator[Batch], depth: int = 4) -> Iterator[Batch]:
    """Prepare batches in a thread while the network computes."""
    ready: queue.Queue[Batch] = queue.Queue(depth)

    def fill() -> None:
        for batch in batches:
            ready.put(batch)

    threading.Thread(target=fill, daemon=True).start()
    while True:
        yield ready.get()


def prefetch_from_processes(
    make: Callable[[int], Iterator[Batch]], workers: int, depth: int = 4
) -> Iterator[Batch]:
    """Prepare batches in processes, for machines whose accelerator outruns one thread.

    Parameters
    ----------
    make : callable
        Takes a worker's number from 0 on and returns its endless batches; must be picklable.
    workers : int
    depth : int
        Batches that each worker keeps ready.

    Yields
    ------
    Batch
        From the workers in turn, so that the same seeds give the same order.
    """
    context = multiprocessing.get_context("spawn")
    ready: list[Any] = [context.Queue(depth) for _ in range(workers)]
    started = [
        context.Process(target=_fill, args=(make, number, ready[number]), daemon=True)
        for number in range(workers)
    ]
    for process in started:
        process.start()
    try:
        while True:
            for box in ready:
                yield box.get()
    finally:
        for process in started:
            process.terminate()


def _fill(make: Callable[[int], Iterator[Batch]], number: int, ready: Any) -> None:
    for batch in make(number):
        ready.put(batch)


class Checkpoint:
    """Where a training run stands: weights, optimizer, moving average and step.

    Files appear whole or not at all, so that a run cut at any moment resumes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def save(
        self,
        model: keras.Model,
        average: list[NDArray[np.float32]],
        step: int,
        curve: Sequence[Mapping[str, float]] = (),
    ) -> None:
        """Write all parts under the step's name, then move the pointer."""
        stem = f"step{step:06d}"
        model.save(self.folder / f"{stem}.keras")
        np.savez(self.folder / f"{stem}.npz", *average)
        pointer = self.folder / "state.json.part"
        pointer.write_text(
            json.dumps({"step": step, "stem": stem, "curve": list(curve)}), encoding="utf-8"
        )
        pointer.replace(self.folder / "state.json")
        for old in self.folder.glob("step*"):
            if old.stem != stem:
                old.unlink()

    def load(self, loss: object) -> tuple[keras.Model, list[NDArray[np.float32]], int] | None:
        """Return (model, average, step) of the newest checkpoint, or None."""
        pointer = self.folder / "state.json"
        if not pointer.is_file():
            return None
        state = json.loads(pointer.read_text(encoding="utf-8"))
        model = keras.models.load_model(
            self.folder / f"{state['stem']}.keras", custom_objects={"loss": loss}
        )
        with np.load(self.folder / f"{state['stem']}.npz") as parts:
            average = [parts[k] for k in parts.files]
        return model, average, int(state["step"])

    def curve(self) -> list[dict[str, float]]:
        """Return the losses up to the newest checkpoint; empty without one."""
        pointer = self.folder / "state.json"
        if not pointer.is_file():
            return []
        return list(json.loads(pointer.read_text(encoding="utf-8")).get("curve", []))


def averaged_weights(work: Path) -> tuple[list[NDArray[np.float32]], int]:
    """Return the averaged weights of the newest checkpoint, in the network's order, and its step.

    Raises
    ------
    FileNotFoundError
        There is no checkpoint.
    """
    state = json.loads((work / "state.json").read_text(encoding="utf-8"))
    with np.load(work / f"{state['stem']}.npz") as parts:
        return [parts[name] for name in parts.files], int(state["step"])


def set_fastest_precision() -> str:
    """Train in half precision where the hardware multiplies it faster; heads stay float32.

    That is an accelerator, or a processor with tile instructions (AMX). On other processors
    float32 took 2.4 s of processor time a step and bfloat16 3.2 s (frontal network, 2026).

    Returns
    -------
    str
        The name of Keras's policy.
    """
    policy = "mixed_bfloat16" if _multiplies_halves() else "float32"
    keras.mixed_precision.set_dtype_policy(policy)
    return policy


def _multiplies_halves() -> bool:
    if keras.distribution.list_devices("gpu"):
        return True
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:  # Windows and macOS do not tell
        return False


def compile_built(model: keras.Model, optimizer: keras.optimizers.Optimizer, loss: object) -> None:
    """Compile a model for training, with all that its optimizer remembers already there.

    TensorFlow traces a step twice if variables appear in it the first time; of a U-Net, whose
    step has 6,000 operations, that is 6 s each.
    """
    model.compile(optimizer, loss)
    optimizer.build(model.trainable_variables)


def run_steps(
    model: keras.Model,
    loss: object,
    batches: Iterator[Batch] | Callable[[int], Iterator[Batch]],
    *,
    steps: int,
    learning_rate: float,
    checkpoint: Checkpoint,
    save_every: int = 200,
    average_decay: float = 0.995,
) -> keras.Model:
    """Train for `steps` steps with Adam and a cosine schedule; resume if a checkpoint exists.

    `batches` may be a function of the step that is next: then a resumed run sees the batches that
    it would have seen, and its losses are those of a run that nothing cut.

    Returns
    -------
    keras.Model
        The model with the exponential moving average of its weights, which
        generalises better than the last step (Izmailov 2018, arXiv:1803.05407).
    """
    resumed = checkpoint.load(loss)
    step = 0
    if resumed is None:
        schedule = keras.optimizers.schedules.CosineDecay(
            learning_rate / 20, steps, warmup_target=learning_rate, warmup_steps=steps // 30
        )
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-4, clipnorm=5.0)
        compile_built(model, optimizer, loss)
        average = [np.array(w) for w in model.get_weights()]
    else:
        model, average, step = resumed
    curve = checkpoint.curve()
    drawn = batches(step) if callable(batches) else batches
    report_every = min(REPORT_EVERY, save_every)
    tell = Progress("training", "step", step)
    while step < steps:
        images, labels = next(drawn)
        loss = float(model.train_on_batch(images, labels))
        step += 1
        decay = min(average_decay, (1 + step) / (10 + step))
        for held, now in zip(average, model.get_weights(), strict=True):
            held += (1 - decay) * (now - held)
        tell(step, steps, loss=loss)
        if step % report_every == 0 or step == steps:
            curve.append({"step": step, "loss": loss})
            model.reset_metrics()  # else Keras tells the mean of all steps so far
        if step % save_every == 0 or step == steps:
            checkpoint.save(model, average, step, curve)
    model.set_weights(average)
    return model


def settle_normalisation(model: keras.Model, batches: Iterator[Batch], count: int) -> None:
    """Set mean and variance of each normalisation to the averages over some batches.

    During a training both follow slowly from 0 and 1: after 120 steps the first variance of a
    U-Net was 0.045 instead of 0.003, and the network outlined nothing, though its loss was low.
    Averages over batches, with weights that no longer change, are what answering needs (Wu &
    Johnson 2021, Rethinking "Batch" in BatchNorm, arXiv:2105.07576, section 3.2).

    Parameters
    ----------
    model : keras.Model
        Changed.
    batches : iterator of (images, labels)
        As the training saw them.
    count : int
        How many of them, 1 or more.
    """
    norms = [each for each in model.layers if isinstance(each, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for number in range(1, count + 1):
        images, _ = next(batches)
        for norm in norms:
            norm.momentum = 1 - 1 / number  # so that every batch weighs the same
        model(images, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
