"""Curves and scatters of an evaluation as SVG, drawn by matplotlib without a display."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure as Canvas

from spinealign.evaluation.cases import MeasuredCases
from spinealign.evaluation.intervals import Figure
from spinealign.evaluation.learning import LearningPoint
from spinealign.wording import evaluation as words

_SIDE_IN: Final = 4.2
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
    canvas, axes = _axes(words.ANSWERED_AXIS, words.SHARE_AXIS)
    answered, share, low, high, count = (np.array(each) for each in zip(*points, strict=True))
    axes.plot([0, 1], [0, 1], color=_QUIET, linewidth=1, linestyle="--")
    axes.errorbar(
        answered, share, [np.maximum(share - low, 0), np.maximum(high - share, 0)],
        color=_LINE, marker="o", markersize=4, linewidth=1.2, capsize=2,
    )  # fmt: skip
    for x, y, cases in zip(answered, share, count, strict=True):
        axes.annotate(
            f"{int(cases)}", (x, y), xytext=(4, -10), textcoords="offset points", fontsize=7
        )
    intercept, slope = line
    axes.set_title(words.calibration_line(intercept, slope), fontsize=9)
    return _unit_square(canvas, axes)


def _net_benefit(points: Points) -> str:
    canvas, axes = _axes(words.THRESHOLD_AXIS, words.BENEFIT_AXIS)
    thresholds, model, everybody = (np.array(each) for each in zip(*points, strict=True))
    axes.plot(thresholds, model, color=_LINE, linewidth=1.8, label=words.MODEL)
    axes.plot(thresholds, everybody, color=_QUIET, linewidth=1.2, label=words.TREAT_ALL)
    axes.axhline(0, color=_INK, linewidth=1, label=words.TREAT_NONE)
    top = max(float(model.max()), float(everybody.max()), 0.01)
    axes.set_ylim(-0.25 * top, 1.1 * top)
    axes.set_xlim(0, 1)
    axes.legend(fontsize=8, frameon=False)
    return _svg(canvas)


def _axes(across: str, up: str) -> tuple[Canvas, Any]:
    canvas = Canvas(figsize=(_SIDE_IN, _SIDE_IN), layout="constrained")
    axes = canvas.subplots()
    axes.set_xlabel(across, fontsize=9)
    axes.set_ylabel(up, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return canvas, axes


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
