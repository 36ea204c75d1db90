"""Held-out figures with confidence intervals, resampled over what is independent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from spinealign.domain.findings import Segmentation
from spinealign.domain.image import SpineImage
from spinealign.inference.engine import LoadedModel
from spinealign.predict import segment_with
from spinealign.resampling import auc, drawn, interval, is_point
from spinealign.training.augment import t1_like
from spinealign.training.dataset import LabelledSlice

Figure = dict[str, float | int | None]


def bootstrap(
    units: Sequence[Any], statistic: Callable[[Sequence[Any]], float], draws: int = 2000,
    seed: int = 0,
) -> Figure:  # fmt: skip
    """Estimate a statistic and its 95 % percentile interval by resampling `units`.

    Parameters
    ----------
    units : sequence
        Independent things (patients, base slices), each with all its data.
    statistic : callable
        Takes a resampled list of units; NaN draws are left out.

    Returns
    -------
    dict
        ``value``, ``low``, ``high``, ``units``; None where the units say nothing, and no interval
        where all draws agree on anything but 0 or 1.
    """
    size = len(units)
    value = float(statistic(units)) if size else float("nan")
    if np.isnan(value):
        return {"value": None, "low": None, "high": None, "units": size}
    values = [statistic([units[i] for i in index]) for index in drawn(size, draws, seed)]
    low, high = interval(values, exact_for=size)
    ends: tuple[float | None, ...] = (round(low, 4), round(high, 4))
    if is_point(low, high):
        ends = (None, None)
    return {"value": round(value, 4), "low": ends[0], "high": ends[1], "units": len(units)}


def as_image(one: LabelledSlice) -> SpineImage:
    """Wrap a training slice as the program would read it from a PNG."""
    return SpineImage(one.pixels.astype(np.float32), 8, Path(one.name), "0" * 64)


def overlap_counts(
    truth: NDArray[np.uint8], found: NDArray[np.uint8], classes: Sequence[int]
) -> NDArray[np.int64]:
    """Return (len(classes), 3): pixels in both, in the truth, in the answer."""
    return np.array(
        [
            [np.sum((truth == c) & (found == c)), np.sum(truth == c), np.sum(found == c)]
            for c in classes
        ]
    )


def dice_by_patient(
    model: LoadedModel, slices: Sequence[LabelledSlice]
) -> tuple[dict[str, Figure], list[tuple[LabelledSlice, Segmentation]]]:
    """Measure Dice at full resolution, per class, through the program's own path.

    A patient's Dice pools the pixels of all of the patient's slices; the figure
    is the mean over patients.
    """
    names = model.card.classes[1:]
    counts: dict[str, NDArray[np.int64]] = {}
    answers = []
    for one in slices:
        answer = segment_with(model, as_image(one))
        answers.append((one, answer))
        new = overlap_counts(one.mask, answer.mask, range(1, len(names) + 1))
        counts[one.patient] = counts.get(one.patient, 0) + new
    pooled = np.stack(list(counts.values())).astype(float)
    sizes = pooled[..., 1] + pooled[..., 2]
    dice = 2 * pooled[..., 0] / np.maximum(sizes, 1)
    # A patient without a structure, in whom none was found either, says nothing of it.
    figures = {
        name: bootstrap(list(dice[sizes[:, i] > 0, i]), lambda draw: float(np.mean(draw)))
        for i, name in enumerate(names)
    }
    return figures, answers


Grey = NDArray[np.uint8]


def _mirrored(pixels: Grey, mask: Grey) -> tuple[Grey, Grey]:
    return pixels[:, ::-1], mask[:, ::-1]


def _half_the_pixels(pixels: Grey, mask: Grey) -> tuple[Grey, Grey]:
    size = (mask.shape[1] // 2, mask.shape[0] // 2)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    labels = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(small, np.uint8), np.asarray(labels, np.uint8)


def _narrow_field(pixels: Grey, mask: Grey) -> tuple[Grey, Grey]:
    shape = np.array(mask.shape)
    centre = np.argwhere(mask > 0).mean(axis=0) if mask.any() else shape / 2
    top, left = np.clip(centre - 0.35 * shape, 0, 0.3 * shape).astype(int)
    rows, cols = (0.7 * shape).astype(int)
    window = np.s_[top : top + rows, left : left + cols]
    return pixels[window], mask[window]


def _rotated(pixels: Grey, mask: Grey) -> tuple[Grey, Grey]:
    size = (mask.shape[1], mask.shape[0])
    turn = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), 10, 1.0)
    turned = cv2.warpAffine(pixels, turn, size, flags=cv2.INTER_LINEAR)
    labels = cv2.warpAffine(mask, turn, size, flags=cv2.INTER_NEAREST)
    return np.asarray(turned, np.uint8), np.asarray(labels, np.uint8)


def _dark_and_noisy(pixels: Grey, mask: Grey) -> tuple[Grey, Grey]:
    noise = np.random.default_rng(0).normal(0, 6, mask.shape)
    return np.clip(255 * (pixels / 255) ** 1.6 + noise, 0, 255).astype(np.uint8), mask


def _t1_imitated(pixels: Grey, mask: Grey) -> tuple[Grey, Grey]:
    scaled = np.asarray(pixels, np.float32) / np.float32(255)
    t1 = t1_like(scaled, mask, np.random.default_rng(0))
    return np.round(255 * t1).astype(np.uint8), mask


# The imitated T1 uses the truth's own outlines: it says more than nothing and less
# than a real T1.
MR_VARIATIONS: dict[str, Callable[[Grey, Grey], tuple[Grey, Grey]]] = {
    "mirrored": _mirrored,
    "half the pixels": _half_the_pixels,
    "70 % field of view": _narrow_field,
    "rotated 10 degrees": _rotated,
    "dark and noisy": _dark_and_noisy,
    "t1 contrast, imitated": _t1_imitated,
}


def vary_mr(one: LabelledSlice, variation: str) -> LabelledSlice:
    """Return a slice as another scanner, sequence or operator might have made it.

    Parameters
    ----------
    variation : str
        A key of `MR_VARIATIONS`.
    """
    pixels, mask = MR_VARIATIONS[variation](one.pixels, one.mask)
    return replace(one, pixels=pixels, mask=mask)


def mr_robustness(
    model: LoadedModel, slices: Sequence[LabelledSlice]
) -> dict[str, dict[str, Figure]]:
    """Measure `dice_by_patient` again under each of `MR_VARIATIONS`."""
    return {
        variation: dice_by_patient(model, [vary_mr(one, variation) for one in slices])[0]
        for variation in MR_VARIATIONS
    }


def classification_figures(
    groups: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]], threshold: float
) -> dict[str, Any]:
    """Evaluate a two-class classifier, resampling groups of dependent images.

    Parameters
    ----------
    groups : sequence of (labels, probabilities)
        One pair for each independent group; labels 1 for the positive class.
    threshold : float
        Probability at and above which the answer is positive.

    Returns
    -------
    dict
        Figures with intervals, the confusion matrix ``[[tn, fp], [fn, tp]]``
        and the number of images.
    """

    def join(draw: Sequence[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return np.concatenate([g[0] for g in draw]), np.concatenate([g[1] for g in draw])

    def counts(draw: Sequence[Any]) -> NDArray[np.int64]:
        truth, p = join(draw)
        return confusion_matrix(truth, (p >= threshold).astype(int), labels=[0, 1])

    def ratio(pick: Callable[[Any], tuple[float, float]]) -> Callable[[Sequence[Any]], float]:
        def value(draw: Sequence[Any]) -> float:
            top, bottom = pick(counts(draw))
            return top / bottom if bottom else float("nan")

        return value

    def area(draw: Sequence[Any]) -> float:
        truth, p = join(draw)
        return auc(p, truth)

    statistics: dict[str, Callable[[Sequence[Any]], float]] = {
        "accuracy": ratio(lambda m: (m[0, 0] + m[1, 1], m.sum())),
        "sensitivity": ratio(lambda m: (m[1, 1], m[1].sum())),
        "specificity": ratio(lambda m: (m[0, 0], m[0].sum())),
        "precision": ratio(lambda m: (m[1, 1], m[:, 1].sum())),
        "f1": ratio(lambda m: (2 * m[1, 1], 2 * m[1, 1] + m[0, 1] + m[1, 0])),
        "auc": area,
    }
    # A group without a positive image says nothing about sensitivity, and so on.
    speaks: dict[str, Callable[[Any], bool]] = {
        "sensitivity": lambda g: bool(g[0].any()),
        "specificity": lambda g: not g[0].all(),
        "precision": lambda g: bool((g[1] >= threshold).any()),
    }
    figures: dict[str, Any] = {
        name: bootstrap([g for g in groups if speaks.get(name, bool)(g)], statistic, draws=500)
        for name, statistic in statistics.items()
    }
    figures["confusion_matrix"] = counts(groups).tolist()
    figures["images"] = int(sum(len(g[0]) for g in groups))
    return figures


def expected_calibration_error(
    truth: NDArray[np.int64], p: NDArray[np.float64], bins: int = 10
) -> float:
    """Return the mean gap between probability and frequency (Guo 2017, arXiv:1706.04599)."""
    which = np.clip((p * bins).astype(int), 0, bins - 1)
    gaps = [
        abs(p[which == b].mean() - truth[which == b].mean()) * np.mean(which == b)
        for b in np.unique(which)
    ]
    return float(np.sum(gaps))
