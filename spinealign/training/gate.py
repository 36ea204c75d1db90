"""Recipe of the view gate: radiograph, CT slice, MR, or none of them, from pixels alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import ModelStatus
from spinealign.domain.image import View
from spinealign.domain.model_card import IntensityRule, ModelCard
from spinealign.imaging.fit import finish_input, place, plan_letterbox, scale_intensity
from spinealign.training import augment, networks
from spinealign.training.dataset import read_grey
from spinealign.training.evaluate import bootstrap
from spinealign.training.train import Batch, Checkpoint, prefetch, run_steps

SOURCES = {
    View.XRAY: ("xray_lateral/images", "xray_lateral_neck/images"),
    View.CT: ("ct_fracture/*/*",),
    View.MR: ("mr_sagittal_segmentation/images", "mr_disc_grading/images"),
}
CLASSES = (View.XRAY.value, View.CT.value, View.MR.value, View.OTHER.value)


@dataclass(frozen=True)
class GateRecipe:
    """Settings of the view gate; the defaults are the shipped model's."""

    input_px: int = 96
    widths: tuple[int, ...] = (16, 32, 48, 64)
    batch: int = 32
    steps: int = 3000
    learning_rate: float = 2e-3
    held_out_fraction: float = 0.25
    seed: int = 7
    geometry: augment.Geometry = field(
        default_factory=lambda: augment.Geometry(rotation_deg=12, scale=(0.8, 1.4), shift=0.12)
    )
    rule: IntensityRule = field(
        default_factory=lambda: IntensityRule(percentiles=(0.5, 99.5), window_hu=(-1900.0, 600.0))
    )


@dataclass(frozen=True, eq=False)
class GateExample:
    """One fitted picture (h, w) in 0..1, its class number and what it belongs to."""

    pixels: NDArray[np.float32]
    label: int
    group: str


def load_examples(data: Path, recipe: GateRecipe) -> list[GateExample]:
    """Load every shared picture and the negatives, shrunk to a working size."""
    examples = []
    for view, patterns in SOURCES.items():
        for pattern in patterns:
            files = sorted(p for p in data.glob(f"{pattern}/*") if p.is_file())
            for path in files:
                group = path.stem.split("_")[0].split("-")[0]
                examples.append(_example(read_grey(path), view, f"{view.value}:{group}", recipe))
    negatives = [*_photographs(), *_drawings(np.random.default_rng(recipe.seed), 150)]
    for number, picture in enumerate(negatives):
        examples.append(_example(picture, View.OTHER, f"other:{number}", recipe))
    return examples


def _example(pixels: NDArray[np.uint8], view: View, group: str, recipe: GateRecipe) -> GateExample:
    scaled = scale_intensity(pixels.astype(np.float32), recipe.rule, bits=8, is_hounsfield=False)
    side = recipe.input_px * 2
    box = plan_letterbox((scaled.shape[0], scaled.shape[1]), (side, side))
    return GateExample(place(scaled, box), CLASSES.index(view.value), group)


def _photographs() -> list[NDArray[np.uint8]]:
    """Cut pictures that come inside scikit-image and scikit-learn into many crops."""
    import skimage
    import sklearn

    folders = [Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets"]
    files = [
        p for f in folders for p in sorted(f.rglob("*")) if p.suffix in {".png", ".jpg", ".jpeg"}
    ]
    rng = np.random.default_rng(0)
    crops = []
    for path in files:
        whole = read_grey(path)
        crops.append(whole)
        for _ in range(max(4, 160 // len(files))):
            rows = int(rng.uniform(0.3, 0.9) * whole.shape[0])
            cols = int(rng.uniform(0.3, 0.9) * whole.shape[1])
            top = int(rng.integers(0, whole.shape[0] - rows + 1))
            left = int(rng.integers(0, whole.shape[1] - cols + 1))
            crops.append(whole[top : top + rows, left : left + cols])
    return crops


def _drawings(rng: np.random.Generator, count: int) -> list[NDArray[np.uint8]]:
    """Render pages of text, charts, gradients and noise."""
    pictures = []
    for number in range(count):
        rows, cols = (int(v) for v in rng.integers(160, 400, 2))
        page = np.full((rows, cols), int(rng.choice([0, 255, 240, 30])), np.uint8)
        ink = 255 - int(page[0, 0])
        kind = number % 5
        if kind == 0:
            for y in range(20, rows, int(rng.integers(14, 28))):
                words = "".join(rng.choice(list("abcdefgh ijklmnop"), 40))
                cv2.putText(page, words, (10, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, ink, 1)
        elif kind == 1:
            for _ in range(12):
                a, b = rng.integers(0, [cols, rows], (2, 2)).tolist()
                cv2.rectangle(page, a, b, int(rng.integers(0, 256)), int(rng.integers(-1, 4)))
        elif kind == 2:
            page = rng.integers(0, 256, page.shape, dtype=np.uint8)
        elif kind == 3:
            ramp = np.linspace(0, 255, cols if number % 2 else rows)
            page = np.broadcast_to(ramp if number % 2 else ramp[:, None], (rows, cols)).astype(
                np.uint8
            )
        else:
            small = rng.uniform(0, 255, (6, 6)).astype(np.float32)
            page = np.clip(cv2.resize(small, (cols, rows), interpolation=cv2.INTER_CUBIC), 0, 255)
            page = page.astype(np.uint8)
        pictures.append(page)
    return pictures


def train_view_gate(
    data: Path, work: Path, recipe: GateRecipe
) -> tuple[keras.Model, dict[str, Any]]:
    """Train the gate and measure it on films, patients and pictures that it never saw."""
    keras.utils.set_random_seed(recipe.seed)
    examples = load_examples(data, recipe)
    held = _held_groups(examples, recipe)
    training = [e for e in examples if e.group not in held]
    model = networks.view_gate((recipe.input_px, recipe.input_px, 1), len(CLASSES), recipe.widths)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = run_steps(
        model, loss, prefetch(_batches(training, recipe)), steps=recipe.steps,
        learning_rate=recipe.learning_rate, checkpoint=Checkpoint(work), average_decay=0.99,
    )  # fmt: skip
    return model, measure_gate(model, [e for e in examples if e.group in held], recipe)


def _held_groups(examples: list[GateExample], recipe: GateRecipe) -> set[str]:
    rng = np.random.default_rng(recipe.seed)
    held: set[str] = set()
    for label in range(len(CLASSES)):
        groups = sorted({e.group for e in examples if e.label == label})
        count = max(1, round(recipe.held_out_fraction * len(groups)))
        held.update(rng.permutation(groups)[:count].tolist())
    return held


def _batches(examples: list[GateExample], recipe: GateRecipe) -> Iterator[Batch]:
    rng = np.random.default_rng(recipe.seed)
    by_label = [[e for e in examples if e.label == i] for i in range(len(CLASSES))]
    shape = (recipe.input_px, recipe.input_px)
    nothing = np.zeros(examples[0].pixels.shape, np.uint8)
    while True:
        images, labels = [], []
        for _ in range(recipe.batch):
            label = int(rng.integers(len(CLASSES)))
            one = by_label[label][rng.integers(len(by_label[label]))]
            centre = (one.pixels.shape[0] / 2, one.pixels.shape[1] / 2)
            matrix = augment.random_affine(
                one.pixels.shape, shape, centre, 0.5, recipe.geometry, rng
            )
            image, _ = augment.warp_pair(one.pixels, nothing, matrix, shape)
            image = augment.random_exposure(image, rng)
            if rng.random() < 0.2:
                image = augment.occlude(image, rng)
            images.append(finish_input(image, recipe.rule))
            labels.append(label)
        yield np.stack(images), np.array(labels, np.int32)


def measure_gate(
    model: keras.Model, examples: list[GateExample], recipe: GateRecipe
) -> dict[str, Any]:
    """Return accuracy by group with its interval, and the confusion matrix."""
    shape = (recipe.input_px, recipe.input_px)
    inputs = np.stack(
        [finish_input(place(e.pixels, plan_letterbox(e.pixels.shape, shape)), recipe.rule)
         for e in examples]
    )  # fmt: skip
    answers = np.asarray(model.predict(inputs, verbose=0)).argmax(axis=1)
    truth = np.array([e.label for e in examples])
    matrix = np.zeros((len(CLASSES), len(CLASSES)), int)
    np.add.at(matrix, (truth, answers), 1)
    groups: dict[str, list[bool]] = {}
    for e, answer in zip(examples, answers, strict=True):
        groups.setdefault(e.group, []).append(bool(answer == e.label))
    right = bootstrap(
        list(groups.values()), lambda draw: float(np.mean([np.mean(g) for g in draw]))
    )
    return {
        "validation": {
            "accuracy": right,
            "classes": list(CLASSES),
            "confusion_matrix": matrix.tolist(),
            "images": len(examples),
        }
    }


def gate_card(recipe: GateRecipe, metrics: dict[str, Any]) -> ModelCard:
    """Describe the gate."""
    arguments = {
        "input_shape": [recipe.input_px, recipe.input_px, 1],
        "classes": len(CLASSES),
        "widths": list(recipe.widths),
    }
    return ModelCard(
        name="view_gate",
        title="View gate",
        version="1.0.0",
        status=ModelStatus.DEMONSTRATION,
        task="view",
        view=View.OTHER,
        weights="model.tflite",
        sha256="",
        architecture={"name": "view_gate", "arguments": arguments},
        input_shape=(recipe.input_px, recipe.input_px),
        intensity=recipe.rule,
        classes=CLASSES,
        threshold=0.8,
        training_data="Lateral radiographs, CT slices and sagittal MR of the shared sets; "
        "photographs from scikit-image and scikit-learn; rendered text, drawings and noise",
        licence="GPL-3.0-or-later (weights); see the shared sets for their sources",
        metrics=metrics,
        intended_use="Choosing the way through the program for pictures without DICOM tags.",
        known_failures=(
            "Other body parts of the same modality (a chest radiograph, a brain MR) are often "
            "taken for the spine; it learned modalities, not anatomy.",
            "Its CT slices come from three series.",
        ),
        limits="Chooses between three kinds of image by their look; it does not check that the "
        "spine is shown.",
        training={"recipe": "spinealign train view-gate", "seed": recipe.seed,
                  "steps": recipe.steps},
    )  # fmt: skip
