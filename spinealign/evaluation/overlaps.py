"""How outlines overlap with true ones: Dice and distances of their edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt

from spinealign.evaluation.intervals import DRAWS, Figure, Figures, Weights, bootstrapped

MEASURES = ("dice", "surface_distance", "hausdorff_95")


def overlap(
    truth: NDArray[np.bool_], found: NDArray[np.bool_], spacing: tuple[float, float] = (1.0, 1.0)
) -> dict[str, float]:
    """Return how one outline agrees with the true one, both (rows, cols).

    ``dice`` (Dice 1945); ``surface_distance``, the mean distance of both edges to the other; and
    ``hausdorff_95``, the 95th percentile of both edges' distances, the larger one; in units of
    `spacing` (a row's and a column's step). Distances are NaN where one of both is empty, and Dice
    where both are.
    """
    both, size = int((truth & found).sum()), int(truth.sum()) + int(found.sum())
    figures = {"dice": 2 * both / size if size else float("nan")}
    if not truth.any() or not found.any():
        return {**figures, "surface_distance": float("nan"), "hausdorff_95": float("nan")}
    edges = [_edge(truth), _edge(found)]
    away = [
        distance_transform_edt(~edges[1], sampling=spacing)[edges[0]],
        distance_transform_edt(~edges[0], sampling=spacing)[edges[1]],
    ]
    return {
        **figures,
        "surface_distance": float(np.concatenate(away).mean()),
        "hausdorff_95": float(max(np.percentile(one, 95) for one in away)),
    }


def _edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a mask that touch another; the border of the picture is no edge."""
    return np.asarray(mask & ~binary_erosion(mask, border_value=1))


def figures(
    rows: Sequence[Mapping[str, float]], patients: Sequence[str], draws: int = DRAWS
) -> dict[str, Figure]:
    """Return means over patients of figures of pictures, with intervals by patient.

    Parameters
    ----------
    rows : sequence of mapping
        Of each picture, its figures of one class; NaN ones are left out.
    patients : sequence of str
        One a picture.
    """
    of_patient = means_by_patient(rows, patients)

    def compute(weights: Weights) -> Figures:
        return {measure: weighted_mean(each, weights) for measure, each in of_patient.items()}

    return bootstrapped(compute, list(dict.fromkeys(patients)), draws=draws)


def means_by_patient(
    rows: Sequence[Mapping[str, float]], patients: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Return the mean (n,) of each measure over each patient's pictures; NaN where none is known.

    Patients stand in the order of their first picture.
    """
    names = list(dict.fromkeys(patients))
    return {
        measure: np.array([weighted_mean(_values(rows, patients, measure, name)) for name in names])
        for measure in MEASURES
    }


def weighted_mean(values: NDArray[np.float64], weights: Weights | None = None) -> float:
    """Return the mean of what is known, each value as often as its weight says; NaN of nothing."""
    known = np.isfinite(values) & (True if weights is None else weights > 0)
    if not known.any():
        return float("nan")
    return float(np.average(values[known], weights=None if weights is None else weights[known]))


def _values(
    rows: Sequence[Mapping[str, float]], patients: Sequence[str], measure: str, patient: str
) -> NDArray[np.float64]:
    return np.array(
        [row[measure] for row, name in zip(rows, patients, strict=True) if name == patient]
    )
