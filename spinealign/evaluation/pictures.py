"""Curves and scatters of an evaluation as SVG, drawn by matplotlib without a display."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure as Canvas

from spinealign.evaluation.cases import MeasuredCases
from spinealign.evaluation.classification import BINS
from spinealign.evaluation.intervals import Figure
from spinealign.evaluation.learning import LearningPoint
from spinealign.wording import evaluation as words

_SIDE_IN: Final = 4.2
_BELOW_ZERO: Final = 0.25
"""Share of the largest net benefit that is shown below nought."""

_INK, _LINE, _QUIET = "#111111", "#1f5fa8", "#8a93a0"

Points = Sequence[Sequence[float]]


def curve_pictures(found: dict[str, list[list[float]]]) -> list[tuple[str, str]]:
    """Return titles and SVG of the curves of `run.roc_points`."""
    if not found:
        return []
    return [
        (words.ROC_TITLE, _roc(found["roc"])),
        (words.PRECISION_TITLE, _precision(found["precision_recall"])),
        (words.CALIBRATION_TITLE, _calibration(found["calibration"], found["calibration_line"][0])),
        (words.BENEFIT_TITLE, _net_benefit(found["net_benefit"])),
    ]


def bland_altman(cases: MeasuredCases, figures: dict[str, Figure]) -> str:
    """Return differences over means with the bias and its limits (Bland & Altman 1986), as SVG."""
    canvas, axes = _axes(
        words.axis_text(words.MEAN_AXIS, cases.unit),
        words.axis_text(words.DIFFERENCE_AXIS, cases.unit),
    )
    means, away = (cases.truth + cases.measured) / 2, cases.measured - cases.truth
    axes.scatter(means, away, s=14, color=_LINE, alpha=0.6, linewidths=0)
    for name, style in (("bias", "-"), ("limit_low", "--"), ("limit_high", "--")):
        level = figures[name]
        axes.axhline(level.value, color=_INK, linewidth=1, linestyle=style)
        if np.isfinite(level.low):
            axes.axhspan(level.low, level.high, color=_QUIET, alpha=0.2, linewidth=0)
        axes.annotate(
            f"{level.value:.2f}", (1, level.value), xycoords=("axes fraction", "data"),
            xytext=(3, 0), textcoords="offset points", va="center", fontsize=8,
        )  # fmt: skip
    return _svg(canvas)


def against_truth(cases: MeasuredCases) -> str:
    """Return what was measured over what is true, with the line of equality, as SVG."""
    canvas, axes = _axes(
        words.axis_text(words.TRUE_AXIS, cases.unit),
        words.axis_text(words.MEASURED_AXIS, cases.unit),
    )
    axes.scatter(cases.truth, cases.measured, s=14, color=_LINE, alpha=0.6, linewidths=0)
    both = np.concatenate([cases.truth, cases.measured])
    ends = (float(both.min()), float(both.max()))
    axes.plot(ends, ends, color=_QUIET, linewidth=1)
    return _svg(canvas)


def learning_picture(points: Sequence[LearningPoint]) -> str:
    """Return the first figure of a learning curve over the patients learned from, as SVG."""
    name = next(iter(points[0].figures))
    canvas, axes = _axes(words.LEARNING_AXIS, words.figure_name(name))
    patients = [point.patients for point in points]
    shown = [point.figures[name] for point in points]
    value, low, high = (
        np.array([getattr(each, end) for each in shown]) for end in ("value", "low", "high")
    )
    reach = np.nan_to_num([np.maximum(value - low, 0), np.maximum(high - value, 0)])
    axes.errorbar(
        patients, value, reach, color=_LINE, marker="o", markersize=4, linewidth=1.8, capsize=3
    )
    # Each number of patients is about twice the one before.
    axes.set_xscale("log", base=2)
    axes.set_xticks(patients, [f"{count:,}" for count in patients])
    axes.set_xticks([], minor=True)
    axes.set_ylim(min(0.45, float(np.nanmin(value - reach[0])) - 0.05), 1.02)
    return _svg(canvas)


def _roc(points: Points) -> str:
    canvas, axes = _axes(words.FALSE_AXIS, words.SENSITIVITY_AXIS)
    axes.plot([0, 1], [0, 1], color=_QUIET, linewidth=1, linestyle="--")
    axes.plot(*zip(*points, strict=True), color=_LINE, linewidth=1.8)
    return _unit_square(canvas, axes)


def _precision(points: Points) -> str:
    canvas, axes = _axes(words.SENSITIVITY_AXIS, words.PRECISION_AXIS)
    recall, precision = zip(*points, strict=True)
    axes.step(recall, precision, where="post", color=_LINE, linewidth=1.8)
    return _unit_square(canvas, axes)


def _calibration(points: Points, line: Sequence[float]) -> str:
    canvas = Canvas(figsize=(_SIDE_IN, _SIDE_IN * 1.25), layout="constrained")
    axes, below = canvas.subplots(2, height_ratios=(4, 1), sharex=True)
    _plain(axes, "", words.SHARE_AXIS)
    answered, share, low, high, count = (np.array(each) for each in zip(*points, strict=True))
    axes.plot([0, 1], [0, 1], color=_QUIET, linewidth=1, linestyle="--")
    axes.errorbar(
        answered, share, [np.maximum(share - low, 0), np.maximum(high - share, 0)],
        color=_LINE, marker="o", markersize=4, linewidth=1.2, capsize=2,
    )  # fmt: skip
    _counts(below, answered, count)
    intercept, slope = line
    axes.set_title(words.calibration_line(intercept, slope), fontsize=9)
    # No equal sides here: they would move this picture off the bars below it.
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    return _svg(canvas)


def _counts(axes: Any, answered: Any, count: Any) -> None:
    """Draw how many cases each bin of probability has; beside the points they would overlap."""
    _plain(axes, words.ANSWERED_AXIS, words.CASES_AXIS)
    bins = np.minimum((answered * BINS).astype(int), BINS - 1)
    axes.bar((bins + 0.5) / BINS, count, width=0.9 / BINS, color=_QUIET)
    for place, cases in zip(bins, count, strict=True):
        axes.annotate(
            f"{int(cases):,}", ((place + 0.5) / BINS, cases), xytext=(0, 1),
            textcoords="offset points", ha="center", fontsize=7,
        )  # fmt: skip
    axes.set_ylim(0, 1.3 * float(np.max(count)))
    axes.set_yticks([])


def _net_benefit(points: Points) -> str:
    canvas, axes = _axes(words.THRESHOLD_AXIS, words.BENEFIT_AXIS)
    thresholds, model, everybody = (np.array(each) for each in zip(*points, strict=True))
    top = max(float(model.max()), float(everybody.max()), 0.01)
    floor = -_BELOW_ZERO * top
    _down_to(axes, floor, thresholds, model, color=_LINE, linewidth=1.8, label=words.MODEL)
    _down_to(axes, floor, thresholds, everybody, color=_QUIET, linewidth=1.2, label=words.TREAT_ALL)
    axes.axhline(0, color=_INK, linewidth=1, label=words.TREAT_NONE)
    axes.set_ylim(1.25 * floor, 1.1 * top)
    axes.set_xlim(0, 1)
    axes.legend(fontsize=8, frameon=False)
    return _svg(canvas)


def _down_to(axes: Any, floor: float, across: Any, up: Any, **style: Any) -> None:
    """Draw a curve as far as a floor; an arrowhead says that it falls on from there.

    Treating all costs without end towards the threshold 1: the whole curve would press what
    matters into a line.
    """
    below = np.flatnonzero(up < floor)
    if not len(below):
        axes.plot(across, up, **style)
        return
    end = int(below[0])
    kept_across, kept_up = across[:end], up[:end]
    if end:  # where the straight line between the two points meets the floor
        share = (up[end - 1] - floor) / (up[end - 1] - up[end])
        at = across[end - 1] + share * (across[end] - across[end - 1])
        kept_across, kept_up = np.append(kept_across, at), np.append(kept_up, floor)
    (line,) = axes.plot(kept_across, kept_up, **style)
    axes.plot(kept_across[-1:], kept_up[-1:], marker="v", markersize=6, color=line.get_color())


def _axes(across: str, up: str) -> tuple[Canvas, Any]:
    canvas = Canvas(figsize=(_SIDE_IN, _SIDE_IN), layout="constrained")
    axes = canvas.subplots()
    _plain(axes, across, up)
    return canvas, axes


def _plain(axes: Any, across: str, up: str) -> None:
    axes.set_xlabel(across, fontsize=9)
    axes.set_ylabel(up, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _unit_square(canvas: Canvas, axes: Any) -> str:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    return _svg(canvas)


def _svg(canvas: Canvas) -> str:
    """Return the picture, the same for the same points: without a date and random names."""
    from matplotlib import rc_context

    stream = io.StringIO()
    with rc_context({"svg.hashsalt": "spinealign", "svg.fonttype": "none"}):
        canvas.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()[stream.getvalue().index("<svg") :]
