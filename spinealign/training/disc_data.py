"""Graded discs for training: found by the shipped segmentation, cut out, seen by VGG16 once."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.discs import GradeName
from spinealign.domain.errors import DataSetError
from spinealign.domain.model_card import IntensityRule
from spinealign.imaging.fit import VGG_MEAN_BGR, scale_intensity
from spinealign.imaging.read import read_image
from spinealign.inference.engine import LoadedModel
from spinealign.lumbar.crops import CROP_SHAPE, CropFrame, cut_out
from spinealign.lumbar.grading import GraderInput, read_column
from spinealign.predict import segment_with
from spinealign.training import networks

Grades = Mapping[tuple[int, int], tuple[int, ...]]
"""(patient, disc from the bottom) -> values in the order of `GradeName`."""

COLUMNS = {
    GradeName.PFIRRMANN: "pfirrmann_grade",
    GradeName.NARROWING: "disc_narrowing",
    GradeName.BULGING: "disc_bulging",
    GradeName.HERNIATION: "disc_herniation",
    GradeName.SPONDYLOLISTHESIS: "spondylolisthesis",
    GradeName.UPPER_ENDPLATE: "upper_endplate_change",
    GradeName.LOWER_ENDPLATE: "lower_endplate_change",
    GradeName.MODIC: "modic",
}
"""Where each grade stands in ``gradings.csv``."""

SEQUENCES = {"t2": "t2", "t2_SPACE": "t2", "t1": "t1"}
"""Sequences of ``images.csv`` and the contrast each counts as, the preferred ones first."""

BLOCKS = networks.VGG16_BLOCKS[:4]
_BATCH = 61


@dataclass(frozen=True, eq=False)
class DiscSet:
    """Every disc that was found, and what the frozen convolutions make of it.

    Parameters
    ----------
    patients, numbers : ndarray of int64, shape (n,)
        Whose disc, and its number from the bottom as the program counts.
    sequences : ndarray of str, shape (n,)
        As in ``images.csv``.
    signs : ndarray of float64, shape (n, signs)
    features : ndarray of float16, shape (copies, n, h, w, channels)
        The first copy is the unchanged crop, the others are augmented.
    """

    patients: NDArray[np.int64]
    numbers: NDArray[np.int64]
    sequences: NDArray[np.str_]
    signs: NDArray[np.float64]
    features: NDArray[np.float16]


def read_grades(folder: Path) -> Grades:
    """Read ``gradings.csv``.

    Raises
    ------
    DataSetError
        It is missing or lacks a column.
    """
    path = folder / "gradings.csv"
    if not path.is_file():
        raise DataSetError(f"no gradings.csv in {folder.name}")
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    try:
        return {
            (int(row["patient"]), int(row["disc_from_bottom"])): tuple(
                int(row[COLUMNS[name]]) for name in GradeName
            )
            for row in rows
        }
    except (KeyError, ValueError) as error:
        raise DataSetError(f"gradings.csv: {error}") from error


def without_placeholders(grades: Grades, slices: Sequence[tuple[int, str, Path]]) -> Grades:
    """Set Pfirrmann's grade of patients without a T2 slice to 0, "not graded".

    It is defined on T2. The data set says 1 for every disc of these patients, narrowed
    and bulging ones too.
    """
    has_t2 = {patient for patient, sequence, _ in slices if sequence == "t2"}
    return {
        (patient, number): values if patient in has_t2 else (0, *values[1:])
        for (patient, number), values in grades.items()
    }


def list_slices(folder: Path) -> list[tuple[int, str, Path]]:
    """List (patient, sequence, file) of ``images.csv``."""
    with (folder / "images.csv").open(newline="", encoding="utf-8") as stream:
        return [
            (int(row["patient"]), row["sequence"], folder / "images" / f"{row['name']}.webp")
            for row in csv.DictReader(stream)
            if row["sequence"] in SEQUENCES
        ]


def prepare(
    folder: Path, segmentation: LoadedModel, imagenet: Path, work: Path, copies: int,
    rule: IntensityRule, seed: int,
) -> DiscSet:  # fmt: skip
    """Find, cut out and run every disc through VGG16's convolutions, or take what `work` keeps.

    Twenty-five minutes on two cores for 358 slices and ten copies; stops and goes on
    between copies.
    """
    work.mkdir(parents=True, exist_ok=True)
    found, crops = work / "discs.npz", work / "crops.npy"
    if not found.is_file():
        _cut_all(folder, segmentation, found, crops, copies, rule, seed)
    with np.load(found) as kept:
        arrays = {name: kept[name] for name in kept.files}
    features = _run_convolutions(np.load(crops, mmap_mode="r"), imagenet, work)
    return DiscSet(features=features, **arrays)


def _cut_all(
    folder: Path, segmentation: LoadedModel, found: Path, crops: Path, copies: int,
    rule: IntensityRule, seed: int,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, int, str]] = []
    signs, cut = [], []
    for patient, sequence, path in list_slices(folder):
        image = read_image(path)
        column = read_column(segment_with(segmentation, image), image)
        if column is None:
            continue
        rows += [(patient, i + 1, sequence) for i in range(len(column.frames))]
        signs.append(column.signs)
        cut += list(_copies(column, rule, copies, rng))
        print(f"cut out {path.stem}: {len(column.frames)} discs", flush=True)
    patients, numbers, sequences = zip(*rows, strict=True)
    np.save(crops, np.stack(cut))
    part = found.with_name("part_" + found.name)
    np.savez(
        part, patients=np.array(patients), numbers=np.array(numbers),
        sequences=np.array(sequences), signs=np.concatenate(signs),
    )  # fmt: skip
    part.replace(found)


def _copies(
    column: GraderInput, rule: IntensityRule, copies: int, rng: np.random.Generator
) -> Iterator[NDArray[np.uint8]]:  # fmt: skip
    for crop, frame in zip(column.crops, column.frames, strict=True):
        versions = [_scaled(crop, rule)]
        for _ in range(copies):
            moved = cut_out(column.pixels, random_frame(frame, rng))
            versions.append(random_augmentation(_scaled(moved, rule), rng))
        yield np.round(np.stack(versions) * 255).astype(np.uint8)


def _scaled(crop: NDArray[np.float32], rule: IntensityRule) -> NDArray[np.float32]:
    return scale_intensity(crop, rule, bits=16, is_hounsfield=False)


def random_frame(frame: CropFrame, rng: np.random.Generator) -> CropFrame:
    """Turn, scale and shift a frame as another outline of the disc might have."""
    shift = (float(rng.normal(0, 0.035)), float(rng.normal(0, 0.035)))
    return frame.jittered(rng.uniform(-9, 9), float(np.exp(rng.uniform(-0.13, 0.13))), shift)


def random_augmentation(crop: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Change a 0..1 crop as another scanner might: curve, contrast, sharpness, noise, coil."""
    grey: Any = crop ** np.float32(np.exp(rng.uniform(-0.4, 0.4)))
    grey = np.clip((grey - 0.5) * rng.uniform(0.75, 1.25) + 0.5 + rng.uniform(-0.1, 0.1), 0, 1)
    size = (CROP_SHAPE[1], CROP_SHAPE[0])
    if rng.random() < 0.3:
        grey = cv2.GaussianBlur(grey, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.25:
        coarse = rng.uniform(0.45, 0.8)
        small = cv2.resize(grey, None, fx=coarse, fy=coarse, interpolation=cv2.INTER_AREA)
        grey = cv2.resize(small, size)
    if rng.random() < 0.4:
        grey = grey + rng.normal(0, rng.uniform(0.01, 0.06), grey.shape)
    if rng.random() < 0.3:
        across, down = (np.linspace(-1, 1, n) * rng.uniform(-0.25, 0.25) for n in size)
        grey = grey * (1 + across[None] + down[:, None])
    return np.asarray(np.clip(grey, 0, 1), np.float32)


def frozen_convolutions(imagenet: Path) -> keras.Model:
    """Return VGG16 up to its fourth block with both depths that the heads look at."""
    grader = networks.disc_grader((*CROP_SHAPE, 3), 1, ("t2",), 1, 1)
    base = keras.Model(grader.inputs[0], grader.get_layer("depths").output)
    networks.load_imagenet_base(base, str(imagenet))
    return base


def _run_convolutions(crops: NDArray[np.uint8], imagenet: Path, work: Path) -> NDArray[np.float16]:
    import tensorflow as tf

    base = frozen_convolutions(imagenet)
    count, copies = crops.shape[:2]
    path, done_file = work / "features.npy", work / "features_done.txt"
    done = int(done_file.read_text()) if done_file.is_file() else 0
    shape = (copies, count, *base.output_shape[1:])
    mode: Any = "r+" if done else "w+"
    features = np.lib.format.open_memmap(path, mode, np.float16, shape)

    def features_of(batch: Any) -> Any:
        centred = tf.cast(batch, tf.float32)[..., None] - tf.constant(VGG_MEAN_BGR)
        return tf.cast(base(centred, training=False) / FEATURE_SCALE, tf.float16)

    run = tf.function(features_of)
    for copy in range(done, copies):
        for i in range(0, count, _BATCH):
            batch = np.ascontiguousarray(crops[i : i + _BATCH, copy])
            features[copy, i : i + _BATCH] = run(tf.constant(batch))
        features.flush()
        done_file.write_text(str(copy + 1))
        print(f"convolutions: copy {copy + 1} of {copies}", flush=True)
    return np.load(path, mmap_mode="r")


FEATURE_SCALE = np.array([200.0] * BLOCKS[2][1] + [50.0] * BLOCKS[3][1], np.float32)
"""Brings both depths near 1, so that half precision holds them."""


def by_place(
    discs: DiscSet, values: NDArray[np.float64], keys: Sequence[tuple[int, int]], contrast: str
) -> NDArray[np.float64]:
    """Return the values (rows, outputs) of each (patient, number) in a contrast, else NaN.

    Where a patient has two sequences of one contrast, the first of `SEQUENCES` counts.
    """
    out = np.full((len(keys), values.shape[1]), np.nan)
    at = {key: i for i, key in enumerate(keys)}
    for sequence in reversed([name for name, kind in SEQUENCES.items() if kind == contrast]):
        for row in np.flatnonzero(discs.sequences == sequence):
            key = (int(discs.patients[row]), int(discs.numbers[row]))
            if key in at:
                out[at[key]] = values[row]
    return out


def count_discs(discs: DiscSet) -> dict[int, int]:
    """Return how many discs the program counts for each patient, on T2 where there is one."""
    counts: dict[int, int] = {}
    for sequence in reversed(SEQUENCES):
        # A dictionary keeps order: T1 is overwritten by T2 SPACE, and that by T2.
        for patient in sorted(set(discs.patients[discs.sequences == sequence])):
            here = (discs.patients == patient) & (discs.sequences == sequence)
            counts[int(patient)] = int(discs.numbers[here].max())
    return counts
