"""Held-out figures of the alignment measures: found bodies against outlined ones."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from numpy.typing import NDArray

from spinealign.domain.examination import EXAMINATIONS, ExaminationKind
from spinealign.domain.findings import (
    Facing,
    Landmark,
    LandmarkName,
    LandmarkSource,
    Vertebra,
    VertebraState,
)
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import MeasureCode
from spinealign.measure.alignment import PixelGeometry, measure_alignment
from spinealign.measure.outlines.contours import side_middle
from spinealign.training.evaluate import Figure, bootstrap
from spinealign.training.xray_data import CORNERS, AnnotatedBody
from spinealign.training.xray_evaluate import Score

COBB = "cobb_c2_to_lowest"
DISC_ANGLE = "disc_angle"
SEGMENTAL = "body_segmental_angle"

_COMPARED: Mapping[MeasureCode, str] = {
    MeasureCode.COBB_C2_C7: COBB,
    MeasureCode.COBB_C2_C6: COBB,
    MeasureCode.COBB_C2_LOWEST: COBB,
    MeasureCode.BODY_SEGMENTAL_ANGLE: SEGMENTAL,
    MeasureCode.DISC_ANGLE: DISC_ANGLE,
    MeasureCode.POSTERIOR_TANGENT: "posterior_tangent",
    MeasureCode.C7_SLOPE: "c7_slope",
    MeasureCode.SAGITTAL_VERTICAL_AXIS: "sagittal_vertical_axis",
    MeasureCode.TRANSLATION: "translation",
    MeasureCode.DISC_HEIGHT: "disc_height",
    MeasureCode.BODY_HEIGHT_RATIO: "body_height_ratio",
}
_LENGTHS = ("sagittal_vertical_axis", "translation", "disc_height")
_RATIOS = ("body_height_ratio",)
_TITLES = {COBB: "C2 to lowest outlined body, Cobb", SEGMENTAL: "Segmental angles"}
_MIDDLES = {
    LandmarkName.SUPERIOR_MIDDLE: (0, 1),
    LandmarkName.INFERIOR_MIDDLE: (3, 2),
}
_AGREEMENT = 1.96

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """One measure of one film, from the reader's points and from the program's.

    Angles are in degrees, lordosis positive; lengths are shares of the film's mean
    body height. `interval` is the program's 95 % interval. `is_sure` tells whether the
    reader was sure of every body measured, as far as the measure needs it of C2.
    """

    film: str
    measure: str
    levels: tuple[str, ...]
    truth: float
    found: float
    interval: tuple[float, float]
    is_sure: bool = True

    @property
    def error(self) -> float:
        """How much more was found."""
        return self.found - self.truth

    @property
    def is_covered(self) -> bool:
        """Whether the reader's value lies in the program's interval."""
        return self.interval[0] <= self.truth <= self.interval[1]


def compare_measures(score: Score) -> list[Comparison]:
    """Measure one film twice, on the levels that the reader and the program both have."""
    levels = {v.level for v in score.vertebrae} & {b.level for b in score.case.bodies}
    readers = [as_vertebra(b) for b in score.case.bodies if b.level in levels]
    found = _measured([v for v in score.vertebrae if v.level in levels], score.facing)
    truths = _measured(readers, facing_of(score.case.bodies))
    return [
        _comparison(score, truth, found[key]) for key, truth in truths.items() if key in found
    ]  # fmt: skip


def _measured(
    vertebrae: Sequence[Vertebra], side: Facing | None
) -> dict[tuple[str, tuple[str, ...]], Measurement]:
    examination = EXAMINATIONS[ExaminationKind.LATERAL_NECK_RADIOGRAPH]
    measures = measure_alignment(vertebrae, side, PixelGeometry(), examination)
    return {m.key: m for m in measures if m.is_measurable and m.code in _COMPARED}


def _comparison(score: Score, truth: Measurement, found: Measurement) -> Comparison:
    assert truth.code is not None
    assert truth.value is not None
    assert found.value is not None
    assert found.interval is not None
    name = _COMPARED[truth.code]
    unit = score.case.height_px if name in _LENGTHS else 1.0
    low, high = found.interval
    return Comparison(
        score.case.name, name, truth.levels, truth.value / unit, found.value / unit,
        (low / unit, high / unit), _sure_levels(score.case.bodies).issuperset(truth.levels),
    )  # fmt: skip


def _sure_levels(bodies: Sequence[AnnotatedBody]) -> set[str]:
    """Return the levels that the reader was sure of; of C2 only the dens is uncertain."""
    return {body.level for body in bodies if body.level == "C2" or not body.uncertain}


def as_vertebra(body: AnnotatedBody) -> Vertebra:
    """Return a reader's body as the program's own kind of value."""
    marks = [
        _mark(LandmarkName(name), point)
        for name, point in zip(CORNERS, body.corners, strict=True)
        if np.isfinite(point).all()
    ]
    for name, (anterior, posterior) in _MIDDLES.items():
        ends = body.corners[[anterior, posterior]]
        if np.isfinite(ends).all():
            marks.append(_mark(name, side_middle(body.outline, *ends)))
    outline = tuple((float(x), float(y)) for x, y in body.outline)
    return Vertebra(body.level, 1, outline, tuple(marks), 1.0, VertebraState.COMPLETE)


def _mark(name: LandmarkName, point: Values) -> Landmark:
    return Landmark(name, float(point[0]), float(point[1]), 1.0, LandmarkSource.USER)


def facing_of(bodies: Sequence[AnnotatedBody]) -> Facing:
    """Return which way a reader's bodies look: from posterior to anterior inferior corners."""
    forward = np.nanmean([body.corners[3, 0] - body.corners[2, 0] for body in bodies])
    return Facing.RIGHT if forward > 0 else Facing.LEFT


def summarise_measures(scores: Sequence[Score]) -> dict[str, Any]:
    """Return the figures of each measure, with intervals from resampling films.

    Returns
    -------
    dict
        By name of the measure its ``unit``, and what `agreement` returns.
    """
    films = [compare_measures(score) for score in scores]
    names = [n for n in dict.fromkeys(_COMPARED.values()) if any(_of(n, f) for f in films)]
    return {
        name: {"unit": _unit(name), **agreement([_of(name, f) for f in films if _of(name, f)])}
        for name in names
    }


def _unit(name: str) -> str:
    if name in _LENGTHS:
        return "mean body heights of the film"
    return "ratio" if name in _RATIOS else "degrees"


def _of(name: str, film: Sequence[Comparison]) -> list[Comparison]:
    return [one for one in film if one.measure == name]


def agreement(films: Sequence[Sequence[Comparison]]) -> dict[str, Any]:
    """Return how well one measure agrees with the reader's.

    Parameters
    ----------
    films : sequence of sequence of Comparison
        The comparisons of each film; films are what is independent.

    Returns
    -------
    dict
        Mean and median absolute error, bias (found minus reader's), the share of the
        program's 95 % intervals that hold the reader's value, limits of agreement
        (Bland & Altman 1986, 10.1016/S0140-6736(86)90837-8), and the number of values;
        under "sure" the number and the mean absolute error where the reader was sure.
    """

    def figure(statistic: Any, units: Sequence[Sequence[Comparison]] = films) -> Figure:
        return bootstrap(units, lambda draw: float(statistic(list(_joined(draw)))), draws=1000)

    def mean_error(comparisons: Sequence[Comparison]) -> float:
        return float(np.mean(np.abs(_errors(comparisons))))

    every = list(_joined(films))
    sure = [kept for film in films if (kept := [one for one in film if one.is_sure])]
    return {
        "values": len(every),
        "mean_absolute_error": figure(mean_error),
        "median_absolute_error": figure(lambda c: np.median(np.abs(_errors(c)))),
        "bias": figure(lambda c: np.mean(_errors(c))),
        "limits_of_agreement": [round(limit, 4) for limit in limits_of_agreement(every)],
        "interval_coverage": figure(lambda c: np.mean([one.is_covered for one in c])),
        "sure": {
            "values": sum(len(film) for film in sure),
            "mean_absolute_error": figure(mean_error, sure) if sure else None,
        },
    }


def _joined(films: Sequence[Sequence[Comparison]]) -> Iterator[Comparison]:
    return (one for film in films for one in film)


def _errors(comparisons: Sequence[Comparison]) -> Values:
    return np.array([one.error for one in comparisons])


def limits_of_agreement(comparisons: Sequence[Comparison]) -> tuple[float, float]:
    """Return bias minus and plus 1.96 standard deviations of the differences."""
    errors = _errors(comparisons)
    spread = _AGREEMENT * float(errors.std(ddof=1)) if len(errors) > 1 else 0.0
    return float(errors.mean()) - spread, float(errors.mean()) + spread


def bland_altman(scores: Sequence[Score]) -> bytes | None:
    """Draw differences against means of the angles, as a PNG; None without any angle.

    Only points are drawn: nothing of the films can be seen.
    """
    every = [one for score in scores for one in compare_measures(score)]
    panels = {title: found for name, title in _TITLES.items() if (found := _of(name, every))}
    if not panels:
        return None
    drawing = Drawing(figsize=(5.0 * len(panels), 4.2), layout="constrained")
    axes = drawing.subplots(1, len(panels), squeeze=False)[0]
    for place, (title, found) in zip(axes, panels.items(), strict=True):
        _draw_panel(place, title, found)
    stream = io.BytesIO()
    drawing.savefig(stream, format="png", dpi=110)
    return stream.getvalue()


def _draw_panel(axes: Axes, title: str, found: Sequence[Comparison]) -> None:
    errors = _errors(found)
    means = [(one.found + one.truth) / 2 for one in found]
    axes.scatter(means, errors, s=14, alpha=0.6, linewidths=0)
    low, high = limits_of_agreement(found)
    lines = (
        (float(errors.mean()), "bias", "-"),
        (low, "lower limit", "--"),
        (high, "upper limit", "--"),
    )
    for value, name, style in lines:
        axes.axhline(value, color="0.35", linestyle=style, linewidth=1)
        axes.annotate(
            f"{name} {value:+.1f}", (1, value), xycoords=("axes fraction", "data"),
            ha="right", va="bottom", fontsize=8,
        )  # fmt: skip
    films = len({one.film for one in found})
    axes.set_title(f"{title}: {len(found)} angles of {films} films", fontsize=10)
    axes.set_xlabel("mean of program and reader (degrees, lordosis positive)", fontsize=9)
    axes.set_ylabel("program minus reader (degrees)", fontsize=9)
