"""Errors of named points, and of angles between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import AnswersError
from spinealign.evaluation.cases import MeasuredCases
from spinealign.evaluation.intervals import DRAWS, Figure, Weights, bootstrapped
from spinealign.wording import evaluation as words

LIMITS_MM: Final = (2.0, 2.5, 3.0, 4.0)
"""Within which points count as found well.

Source: Wang et al. 2016, 10.1016/j.media.2016.02.004, success detection rates of the challenges
of landmarks on cephalograms.
"""

LIMITS_PERCENT: Final = (0.5, 1.0, 1.5, 2.0)
"""Of a picture's diagonal, where millimetres are not known; set by hand: on a cephalogram of that
challenge (1935 x 2400 pixels of 0.1 mm) 2 mm are 0.65 percent."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PointedCases:
    """Where a model put named points of pictures, and where they are.

    Parameters
    ----------
    images, patients : tuple of str
        One a picture.
    classes : tuple of str
        Names of the points.
    truth : (n, points, 2) float64
        (x, y) in pixels, pixel 0 spanning 0 to 1; NaN where nobody knows: not counted at all.
    found : (n, points, 2) float64
        NaN where a point was not found: it counts as found wrongly.
    mm_per_pixel : (n, 2) float64
        Across and down; NaN where not known.
    sizes : (n, 2) float64
        Width and height of the pictures in pixels; NaN where not known.
    confidence : (n, points) float64
    groups : mapping of str to tuple of str
    knows_patients : bool
    """

    images: tuple[str, ...]
    patients: tuple[str, ...]
    classes: tuple[str, ...]
    truth: Array
    found: Array
    mm_per_pixel: Array
    sizes: Array
    confidence: Array
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    knows_patients: bool = True

    def __len__(self) -> int:
        return len(self.images)

    @property
    def unit(self) -> str:
        """Of the errors that are told: mm where every picture's spacing is known, else px."""
        return "mm" if np.isfinite(self.mm_per_pixel).all() else "px"

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """Where the truth is known (n, points)."""
        return np.asarray(np.isfinite(self.truth).all(axis=2), np.bool_)

    @property
    def errors_px(self) -> Array:
        """Distances (n, points) in pixels; NaN where either is unknown."""
        return np.asarray(np.hypot(*np.moveaxis(self.found - self.truth, 2, 0)))

    @property
    def errors_mm(self) -> Array:
        """Distances (n, points) in millimetres."""
        away = (self.found - self.truth) * self.mm_per_pixel[:, None]
        return np.asarray(np.hypot(*np.moveaxis(away, 2, 0)))

    @property
    def errors_percent(self) -> Array:
        """Distances (n, points) in percent of each picture's diagonal."""
        diagonals = np.hypot(self.sizes[:, 0], self.sizes[:, 1])
        return np.asarray(self.errors_px / diagonals[:, None] * 100, np.float64)

    def only(self, chosen: NDArray[np.intp]) -> PointedCases:
        """Return some of the cases."""
        return replace(
            self,
            images=tuple(self.images[k] for k in chosen),
            patients=tuple(self.patients[k] for k in chosen),
            truth=self.truth[chosen],
            found=self.found[chosen],
            mm_per_pixel=self.mm_per_pixel[chosen],
            sizes=self.sizes[chosen],
            confidence=self.confidence[chosen],
            groups={name: tuple(values[k] for k in chosen) for name, values in self.groups.items()},
        )


@dataclass(frozen=True)
class AngleWanted:
    """An angle that a user states: between the lines from `points[0]` to `[1]` and `[2]` to `[3]`.

    It is 0 to 180 degrees, from direction to direction; without a sign.
    """

    name: str
    points: tuple[str, str, str, str]


def angle_told(text: str, names: Sequence[str]) -> AngleWanted:
    """Return the angle that ``NAME=A,B,C,D`` states.

    Raises
    ------
    AnswersError
        It states none, or points that there are not.
    """
    name, mark, told = text.partition("=")
    points = tuple(each.strip() for each in told.split(","))
    if not mark or not name.strip() or len(points) != 4:
        raise AnswersError(words.no_angle(text))
    strange = [each for each in points if each not in names]
    if strange:
        raise AnswersError(words.angle_of_other_points(name, strange, names))
    return AngleWanted(name.strip(), (points[0], points[1], points[2], points[3]))


def angle_cases(cases: PointedCases, wanted: AngleWanted) -> MeasuredCases:
    """Return an angle by the true and by the found points, of pictures where both are known."""
    at = [cases.classes.index(name) for name in wanted.points]
    # Of pixels that are not square, only millimetres keep angles.
    unit = np.where(np.isfinite(cases.mm_per_pixel), cases.mm_per_pixel, 1.0)[:, None]
    true, found = (_angles(each[:, at] * unit) for each in (cases.truth, cases.found))
    both = np.flatnonzero(np.isfinite(true) & np.isfinite(found))
    return MeasuredCases(
        tuple(cases.images[k] for k in both),
        tuple(cases.patients[k] for k in both),
        true[both],
        found[both],
        "deg",
        knows_patients=cases.knows_patients,
    )


def _angles(points: Array) -> Array:
    """Return the angles (n,) between the lines of four points (n, 4, 2), in degrees."""
    first, second = points[:, 1] - points[:, 0], points[:, 3] - points[:, 2]
    cross = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return np.asarray(np.degrees(np.abs(np.arctan2(cross, (first * second).sum(axis=1)))))


def point_figures_by_patient(cases: PointedCases, draws: int = DRAWS) -> dict[str, Figure]:
    """Return figures over all points and of each, with intervals over patients.

    Mean and median errors are of the points that were found, and ``found`` says their share; in
    the shares within a limit a point that was not found counts as outside.
    """
    weighed = _Figures(cases)
    return bootstrapped(weighed, cases.patients, weighed.proportions, draws)


def weighed_figures(cases: PointedCases) -> Callable[[Weights], dict[str, float]]:
    """Return what computes the figures of cases of which each stands as often as its weight."""
    return _Figures(cases)


class _Figures:
    """Figures of weighted pictures; what does not depend on weights is computed once."""

    def __init__(self, cases: PointedCases) -> None:
        known = cases.is_known
        self._known = known.astype(np.float64)
        self._names = cases.classes
        scales: dict[str, tuple[Array, tuple[float, ...], str]] = {
            "error_px": (cases.errors_px, (), "")
        }
        is_mm = cases.unit == "mm"
        if is_mm:
            scales["error_mm"] = (cases.errors_mm, LIMITS_MM, "mm")
        elif np.isfinite(cases.sizes).all():
            scales["error_percent"] = (cases.errors_percent, LIMITS_PERCENT, "percent")
        self._scales = {
            name: (
                np.where(np.isfinite(errors) & known, errors, 0.0),
                (np.isfinite(errors) & known).astype(np.float64),
                limits,
                unit,
            )
            for name, (errors, limits, unit) in scales.items()
        }
        numbers = np.unique(np.array(cases.patients), return_inverse=True)[1]
        of = {name: len(np.unique(numbers[known[:, k]])) for k, name in enumerate(cases.classes)}
        every = len(np.unique(numbers[known.any(axis=1)]))
        self.proportions = {
            name: of.get(name.partition("/")[2], every)
            for name in self(np.ones(len(cases)))
            if name.startswith(("found", "within"))
        }

    def __call__(self, weights: Weights) -> dict[str, float]:
        told: dict[str, float] = {}
        each = [(f"/{name}", slice(k, k + 1)) for k, name in enumerate(self._names)]
        everyone = [("", slice(None)), *each]
        for name, column in everyone:
            known = weights[:, None] * self._known[:, column]
            for kind, (errors, found, limits, unit) in self._scales.items():
                there = weights[:, None] * found[:, column]
                told[f"{kind}{name}"] = _ratio((there * errors[:, column]).sum(), there.sum())
                told[f"median_{kind}{name}"] = _median(errors[:, column], there)
                for limit in limits:
                    within = (there * (errors[:, column] <= limit)).sum()
                    told[f"within_{limit:g}_{unit}{name}"] = _ratio(within, known.sum())
            there = weights[:, None] * self._scales["error_px"][1][:, column]
            told[f"found{name}"] = _ratio(there.sum(), known.sum())
        return told


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")


def _median(values: Array, weights: Array) -> float:
    """Return the median of values that stand there as often as their weights say."""
    flat, times = values.ravel(), weights.ravel()
    order = np.argsort(flat, kind="stable")
    order = order[times[order] > 0]
    if not len(order):
        return float("nan")
    total = np.cumsum(times[order])
    low = order[int(np.searchsorted(total, total[-1] / 2, side="left"))]
    high = order[int(np.searchsorted(total, total[-1] / 2, side="right"))]
    return float((flat[low] + flat[high]) / 2)


COLUMNS = (
    "image", "patient", "point", "truth_x", "truth_y", "x", "y", "confidence", "mm_per_pixel",
    "width", "height",
)  # fmt: skip
"""Of the table that is written and read: one row a point, pixel 0 spanning 0 to 1."""


def prediction_rows(cases: PointedCases) -> list[dict[str, Any]]:
    """Return every point of every picture as a row with `COLUMNS`; unknown values are empty."""
    rows = []
    for k, image in enumerate(cases.images):
        patient = cases.patients[k]
        owner = patient if cases.knows_patients and not patient.startswith("\0") else ""
        across, down = cases.mm_per_pixel[k].tolist()
        spacing = across if across == down else np.nan
        for p, name in enumerate(cases.classes):
            numbers = (
                *cases.truth[k, p], *cases.found[k, p], cases.confidence[k, p], spacing,
                *cases.sizes[k],
            )  # fmt: skip
            told = ["" if not np.isfinite(v) else round(float(v), 4) for v in numbers]
            rows.append(dict(zip(COLUMNS, (image, owner, name, *told), strict=True)))
    return rows
