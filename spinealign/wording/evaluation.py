"""What an evaluation says: names of figures, notes, refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from spinealign.wording.text import UNKNOWN_FIGURE, listed, safe_text

TITLE = "Evaluation"
_SHOWN_ALIKE: Final = 3
NOT_ONE_TASK = "The two models do not do the same, so that their answers cannot be compared."
NO_SHARED_CASES = (
    "The two tables share no picture. Name the pictures alike in both, in a column image."
)

FIGURE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "Accuracy",
        "balanced_accuracy": "Balanced accuracy",
        "sensitivity": "Sensitivity (recall)",
        "specificity": "Specificity",
        "precision": "Precision (positive predictive value)",
        "negative_predictive_value": "Negative predictive value",
        "f1": "F1",
        "precision_macro": "Precision, mean of classes",
        "recall_macro": "Recall, mean of classes",
        "f1_macro": "F1, mean of classes",
        "kappa": "Cohen’s kappa",
        "kappa_linear": "Cohen’s kappa, linear weights",
        "kappa_quadratic": "Cohen’s kappa, quadratic weights",
        "within_one_grade": "Within one grade",
        "mean_grade_error": "Mean absolute error in grades",
        "auc": "Area under the ROC curve",
        "auc_macro": "Area under the ROC curve, mean of classes",
        "average_precision": "Average precision",
        "average_precision_macro": "Average precision, mean of classes",
        "brier": "Brier score",
        "calibration_error": "Expected calibration error",
        "mean_absolute_error": "Mean absolute error",
        "root_mean_square_error": "Root mean square error",
        "bias": "Bias (measured minus true)",
        "standard_deviation": "Standard deviation of differences",
        "limit_low": "Limits of agreement, lower",
        "limit_high": "Limits of agreement, upper",
        "concordance": "Concordance correlation coefficient",
        "correlation": "Pearson’s correlation",
        "dice": "Dice coefficient",
        "surface_distance": "Mean distance of the edges",
        "hausdorff_95": "Hausdorff distance, 95th percentile",
        "error_px": "Mean error in pixels",
        "median_error_px": "Median error in pixels",
        "error_mm": "Mean error in mm",
        "median_error_mm": "Median error in mm",
        "error_percent": "Mean error in % of the diagonal",
        "median_error_percent": "Median error in % of the diagonal",
        "found": "Share of points found",
        **{f"within_{limit}_mm": f"Share within {limit} mm" for limit in ("2", "2.5", "3", "4")},
        **{
            f"within_{limit}_percent": f"Share within {limit} % of the diagonal"
            for limit in ("0.5", "1", "1.5", "2")
        },
    }
)

WITH_UNIT: Final = frozenset(
    {
        "mean_absolute_error", "root_mean_square_error", "bias", "standard_deviation", "limit_low",
        "limit_high", "surface_distance", "hausdorff_95",
    }
)  # fmt: skip
"""Figures in the unit of what is measured."""

PATIENTS_UNKNOWN = (
    "No column names the patients, so each picture counts as a patient of its own: if patients "
    "have several pictures, the intervals are too narrow. Add a column patient."
)
FEW_PATIENTS = "fewer than {least} patients: the interval says little of others"
INTERVALS = (
    "Intervals are 95 % percentile intervals over {draws:,} draws of patients with replacement. "
    "Where every draw gives the same figure, proportions have the exact binomial bound for as many "
    "patients (Clopper & Pearson 1934), and the area under the ROC curve for as many pairs of "
    "patients as share none; other figures have no interval, as nothing tells how far off they are."
)
NO_INTERVAL = "no interval"
THRESHOLD_GIVEN = "Decided at the probability {threshold:.3g}, as given."
THRESHOLD_CARD = "Decided at the probability {threshold:.3g}, as the model’s card says."
THRESHOLD_TABLE = "Decisions are those of the table."
THRESHOLD_HALF = "Decided at the probability 0.5."
LIKELIEST = "Decided for the likeliest class."
ALL_CASES = "all cases"
NO_PICTURE_TO_ANSWER = (
    "The data hold no picture that can be read and whose class is known. Docs/training.md says how "
    "data may lie"
)
NO_MASK_TO_COMPARE = (
    "The data hold no picture with a mask of its size: for example images/ and masks/ of equal "
    "names"
)
SLICES_WITH_STRUCTURES = (
    "Of volumes only slices were outlined that show a structure, as in training: what the model "
    "outlines elsewhere is not counted."
)
NO_SCORES_FOR_THRESHOLD = "A threshold needs two classes and their probabilities."


def learned_from_text(count: int, of: int) -> str:
    """Return that a model learned from some of the pictures that it is evaluated on."""
    are = "is one" if count == 1 else "are pictures"
    return (
        f"{count:,} of these {of:,} {are} that the model learned from: the figures say nothing of "
        "other patients. Evaluate on patients that no training saw."
    )


STORED_OTHERWISE = "in another format, size or exposure"
MOVED = "mirrored or turned by quarter turns"


def learned_alike_text(names: Sequence[str], of: int, how: str) -> str:
    """Return that pictures show what a model learned from, though their files are others."""
    look = "looks like one" if len(names) == 1 else "look like pictures"
    shown = listed([f"“{safe_text(name)}”" for name in names[:_SHOWN_ALIKE]])
    more = ", ..." if len(names) > _SHOWN_ALIKE else ""
    return (
        f"{len(names):,} of these {of:,} {look} that the model learned from, {how}: "
        f"{shown}{more}. Where they are copies, or of the same patients, the figures say nothing "
        "of others. Leave them out, or evaluate on other patients."
    )


COPIES_NOT_KNOWN = (
    "Copies that are cropped, or turned by a few degrees, are not recognised: there may be more."
)


def constant_text(is_truth: bool) -> str:
    """Return why concordance and correlation are not defined."""
    what = "true numbers" if is_truth else "answers"
    return (
        f"All {what} are the same: concordance and correlation say how two numbers vary together, "
        "and are not defined here. The errors count all the same."
    )


def part_text(part: str, count: int, of: int) -> str:
    """Return which part of a split was answered."""
    return (
        f"Of the split, the part “{safe_text(part)}” alone was answered: {count:,} of {of:,} "
        "pictures."
    )


def other_classes(first: Sequence[str], second: Sequence[str]) -> str:
    """Return that two models answer with other classes."""
    here, there = (listed([safe_text(name) for name in each]) for each in (first, second))
    return f"The first table has the classes {here}, the second {there}. Compare models of one task"


def turned_text(first: str, second: str) -> str:
    """Return that the second model's answers were turned round, as it looks for the other class."""
    wanted, other = safe_text(first), safe_text(second)
    return (
        f"The first model looks for “{wanted}”, the second for “{other}”: the second’s answers "
        f"were turned round (1 less each probability), so that all figures are about “{wanted}”."
    )


def other_truth(name: str) -> str:
    """Return that two tables call the truth of a picture differently."""
    return f"The two tables say different truths of “{safe_text(name)}”. Correct one of them"


def _of(path: Path) -> str:
    return f"“{safe_text(path.name)}”"


def left_out_text(names: Sequence[str]) -> str:
    """Return which pictures have no part in the figures."""
    return f"{len(names):,} without a truth or an answer are left out: {_some(names)}."


def cases_text(pictures: int, patients: int, knows_patients: bool) -> str:
    """Return how much was evaluated."""
    one = "picture" if pictures == 1 else "pictures"
    if not knows_patients:
        return f"{pictures:,} {one}; their patients are unknown."
    return f"{pictures:,} {one} of {patients:,} {'patient' if patients == 1 else 'patients'}."


def strange_classes(there: Sequence[str], known: Sequence[str]) -> str:
    """Return that a data set has classes that a model does not know."""
    return f"The data have the classes {_some(there)}, the model tells {_some(known)} apart"


def strange_mask(name: str, value: int, classes: Sequence[str]) -> str:
    """Return that a mask has a value that means nothing to a model."""
    return (
        f"The mask of “{safe_text(name)}” has the value {value}; the model’s classes go to "
        f"{len(classes)} ({_some(classes)})"
    )


def strange_outlines(told: Sequence[str], classes: Sequence[str]) -> str:
    """Return that masks tell other classes than a model outlines."""
    return (
        f"The masks tell {_some(told)}, and the model outlines {_some(classes)}: there is no class "
        "in both. Name classes as the model’s card does"
    )


def classes_without_truth(missing: Sequence[str]) -> str:
    """Return that the masks do not tell some classes of the model."""
    return f"The masks do not tell {_some(missing)}: what the model outlines there is not judged."


def classes_not_of_model(strays: Sequence[str]) -> str:
    """Return that the model does not know some classes of the masks."""
    return f"The model does not outline {_some(strays)}: in its figures that is background."


def bad_pattern(pattern: str) -> str:
    """Return that a pattern is none."""
    return f"--patient-pattern {safe_text(pattern)} is no regular expression"


def no_match(pattern: str, name: str) -> str:
    """Return that a pattern finds no patient in a name."""
    return f"--patient-pattern {safe_text(pattern)} finds nothing in “{safe_text(name)}”"


def threshold_from(value: float, patients: int, sensitivity: float | None) -> str:
    """Return where a threshold comes from."""
    rule = (
        "the largest sum of sensitivity and specificity, Youden’s index"
        if sensitivity is None
        else f"the best specificity with a sensitivity of at least {sensitivity:g}"
    )
    return f"Decided at the probability {value:.3g}, chosen on {patients:,} other patients: {rule}."


def threshold_on_reported(patients: Sequence[str]) -> str:
    """Return that a threshold would be chosen on those it is reported on."""
    return (
        f"The threshold would be chosen on patients who are reported on ({_some(patients)}), which "
        "flatters the model. Choose it on others"
    )


def no_points(names: Sequence[str]) -> str:
    """Return that no picture has a known point that the model places."""
    return f"No picture has a known point that the model places; the data name {_some(names)}"


def no_angle(text: str) -> str:
    """Return that a text states no angle."""
    return (
        f"“{safe_text(text)}” states no angle; write NAME=A,B,C,D for the angle between the lines "
        "from A to B and from C to D"
    )


def angle_of_other_points(name: str, strange: Sequence[str], known: Sequence[str]) -> str:
    """Return that an angle names points that there are not."""
    return (
        f"The angle {safe_text(name)} names {_some(strange)}; there are the points {_some(known)}"
    )


def angle_nowhere(name: str) -> str:
    """Return that no picture has all points of an angle."""
    return f"No picture has all four points of the angle {safe_text(name)}, true and found"


def points_without_truth(names: Sequence[str]) -> str:
    """Return that the data do not tell where some of a model's points are."""
    return f"Of these points of the model the data say nothing: {_some(names)}."


def point_columns(path: Path, columns: Sequence[str]) -> str:
    """Return which columns a table of points needs."""
    return (
        f"{_of(path)} is no table of points: it needs the columns {listed(list(columns[:1]))}, "
        f"{', '.join(columns[2:7])}, and may have {', '.join((columns[1], *columns[7:]))}; "
        "coordinates are pixels, 0 being the outer edge of the first one"
    )


def point_told_twice(path: Path, image: str, name: str) -> str:
    """Return that a table has a point of a picture twice."""
    return f"{_of(path)} has the point {safe_text(name)} of “{safe_text(image)}” twice"


def farthest_point(name: str, error: float, unit: str, missed: int) -> str:
    """Return the worst of a picture's points."""
    told = [f"{missed} not found"] if missed else []
    told += [f"{safe_text(name)} {error:.1f} {unit} away"] if name else []
    return ", ".join(told)


def known_points(count: int) -> str:
    """Return how many points of a picture are known."""
    return "1 point known" if count == 1 else f"{count} points known"


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = [safe_text(str(name)) for name in names[:most]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")


ROC_TITLE, PRECISION_TITLE = "ROC curve", "Precision and recall"
CALIBRATION_TITLE, BENEFIT_TITLE = "Calibration", "Net benefit (decision curve)"
FALSE_AXIS, SENSITIVITY_AXIS = "1 − specificity", "sensitivity"
PRECISION_AXIS, ANSWERED_AXIS = "precision", "answered probability"
SHARE_AXIS, CASES_AXIS = "share of positive cases", "pictures"
THRESHOLD_AXIS, BENEFIT_AXIS = "threshold probability", "net benefit"
MODEL, TREAT_ALL, TREAT_NONE = "model", "treat all", "treat none"
MEAN_AXIS, DIFFERENCE_AXIS = "mean of both", "measured − true"
TRUE_AXIS, MEASURED_AXIS = "true", "measured"
AGREEMENT_TITLE, AGAINST_TITLE = "Bland-Altman plot", "Measured against true"
FIGURES_TITLE, CONFUSION_TITLE, CURVES_TITLE = "Figures", "Confusion matrix", "Curves"
GROUPS_TITLE, PAIR_TITLE, WORST_TITLE = "By subgroup", "Against another model", "Worst cases"
CHECKLIST_TITLE = "For reporting"
FIGURE_HEADINGS = ("Figure", "Value", "95 % interval")
GROUP_HEADINGS = ("Group", "Pictures", "Patients")
ALL_TITLE = "All"
WORST_HEADINGS = ("Picture", "Patient", "Truth", "Answer", "Error")
PAIR_HEADINGS = ("Figure", "Second minus first", "95 % interval")
CHECKLIST_HEADINGS = ("Guideline", "To be told", "Answer")
CONFUSION_CORNER = "true \\ decided"
CALIBRATION_NOTE = (
    "Calibration: bars are Wilson’s intervals, numbers count pictures. Net benefit: a model is of "
    "use where it lies above both other lines. Intervals of curves take pictures for independent."
)
WORST_NOTE = (
    "Wrong decisions, the surest first. A model should be judged by looking at these, not by means."
)
WORST_OUTLINES_NOTE = "Lowest mean Dice coefficients first; the error is 1 minus it."
WORST_POINTS_NOTE = (
    "Pictures with points that were not found first, then by their mean error. Rings are true "
    "points, crosses those that were found."
)
WORST_NUMBERS_NOTE = "Largest differences first."
OPEN_ITEM = "To be answered by whoever reports."
CHECKLIST_NOTE = (
    "What this program knows of items of CLAIM 2024 (Tejani et al., Radiology: Artificial "
    "Intelligence 6:e240300) and TRIPOD+AI (Collins et al., BMJ 385:e078378), in its own words. "
    "Read the guidelines themselves before you publish."
)
NONE_LEFT_OUT = "No picture was left out."
NO_GROUPS = ""
READING, ANSWERING = "reading answers", "answering"
WRITTEN = "evaluation.html, evaluation.json and predictions.csv are in {folder}"
STOPPED = "Stopped; nothing was written.\n"
NOTHING_TO_EVALUATE = "Give a CSV table of answers, or --model with a data set."


_ANSWERS: Final = {
    "segmentation": "outlines",
    "landmarks": "named points",
    "multi_label": "several findings",
    "ordinal": "ordered grades",
}


def options_without_use(options: Sequence[str], task: str) -> str:
    """Return that options say nothing of what a model answers, so that none is ignored."""
    what = _ANSWERS.get(task, "classes")
    say = "says" if len(options) == 1 else "say"
    it = "it" if len(options) == 1 else "them"
    return f"{listed(options)} {say} nothing of {what}; leave {it} out"


def no_evaluation_of(title: str) -> str:
    """Return that models of a task are not evaluated by the command."""
    return (
        f"“{safe_text(title)}” is of a kind that is not evaluated here; give a model that was "
        "trained on your own data, or a CSV table of answers"
    )


CHECKLIST_ITEMS: Final = (
    ("CLAIM", "Where the data come from, when and how patients were chosen", ""),
    ("CLAIM", "How the reference standard was made, by whom, with what experience", ""),
    ("CLAIM", "How readers of the reference agree with one another", ""),
    ("CLAIM, TRIPOD+AI", "How many patients and pictures were evaluated", "cases"),
    ("CLAIM, TRIPOD+AI", "What was excluded or is missing, and why", "left_out"),
    ("CLAIM", "That training, tuning and test data share no patient", ""),
    ("CLAIM", "The model: architecture, version, where it can be had", "model"),
    ("CLAIM", "What the model was trained on", "training"),
    ("CLAIM, TRIPOD+AI", "Intended use and users", "use"),
    ("TRIPOD+AI", "How the decision threshold was chosen", "threshold"),
    ("CLAIM, TRIPOD+AI", "Measures of performance with uncertainty", "figures"),
    ("CLAIM, TRIPOD+AI", "How uncertainty was computed", "intervals"),
    ("CLAIM, TRIPOD+AI", "Performance in subgroups, fairness", "subgroups"),
    ("CLAIM", "Failure analysis", "failures"),
    ("CLAIM", "Comparison with another method", "compared"),
    ("CLAIM, TRIPOD+AI", "Limits of the model and of this study", "limits"),
    ("CLAIM, TRIPOD+AI", "Software, and where its code is", "software"),
    ("CLAIM, TRIPOD+AI", "Ethics approval, registration, protocol, funding", ""),
    ("TRIPOD+AI", "Patient and public involvement", ""),
)
"""Guideline, what it asks for, and what answers it."""


LEARNING_TITLE = "Learning curve"
LEARNING_AXIS = "patients learned from"
LEARNING_HEADINGS = ("Learned from", "Pictures", "Figures")
LEARNING_NOTE = (
    "From the model’s card: its last layer was fitted again on fewer patients of its training data "
    "and answered the same patients of them each time, whom it did not learn from. Where the curve "
    "still rises at its end, more patients would make a better model."
)
LEARNING_UNKNOWN = (
    "The model’s card has no learning curve. A training computes it where only the last layer is "
    "fitted, on features that are kept (the head lean of “train classifier”), and has folds to "
    "measure it on; any other model would have to be trained anew for each number of patients."
)
LEARNING_OF_TABLE = (
    "None: a table of answers does not tell how good the model would be with fewer patients to "
    "learn from."
)


def learning_note(has_points: bool, is_model: bool) -> str:
    """Return what a learning curve is, or why there is none."""
    if has_points:
        return LEARNING_NOTE
    return LEARNING_UNKNOWN if is_model else LEARNING_OF_TABLE


def learned_from_patients(count: int) -> str:
    """Return how many patients a model learned from."""
    return f"{count:,} {'patient' if count == 1 else 'patients'}"


def calibration_line(intercept: float, slope: float) -> str:
    """Return the line of recalibration."""
    return f"intercept {intercept:.2f}, slope {slope:.2f} (ideal 0 and 1)"


def axis_text(name: str, unit: str) -> str:
    """Return the name of an axis with its unit."""
    return f"{name} ({unit})" if unit else name


def figure_name(key: str) -> str:
    """Return a figure's name; ``measure/class`` is the one of a class."""
    measure, _, name = key.partition("/")
    return f"{FIGURE_NAMES[measure]}: {safe_text(name)}" if name else FIGURE_NAMES[measure]


def figure_text(name: str, value: float, unit: str = "") -> str:
    """Return a figure in as many digits as it deserves."""
    if value != value:
        return UNKNOWN_FIGURE
    if name.partition("/")[0] in WITH_UNIT:
        return f"{value:.2f} {unit}".strip()
    return f"{value:.3f}"


def interval_text(name: str, low: float, high: float, is_small: bool) -> str:
    """Return a figure's interval, marked where few patients make it."""
    if low != low or high != high:
        return NO_INTERVAL
    mark = " *" if is_small else ""
    digits = 2 if name.partition("/")[0] in WITH_UNIT else 3
    return f"{low:.{digits}f} to {high:.{digits}f}{mark}"


def error_text(error: float, unit: str) -> str:
    """Return how far off an answer is, in as many digits as the others."""
    return f"{error:.2f} {unit}" if unit else f"{error:.3f}"


def listed_figures(figures: Mapping[str, Any]) -> str:
    """Return which figures there are."""
    known = [figure_name(name) for name, each in figures.items() if each.value == each.value]
    return f"{listed(known)}, each with an interval."


def listed_groups(groups: Sequence[tuple[str, str]]) -> str:
    """Return by what cases were parted."""
    columns = list(dict.fromkeys(column for column, _ in groups))
    return f"By {listed([safe_text(name) for name in columns])}." if columns else ""


def worst_text(count: int) -> str:
    """Return that the worst cases are listed."""
    return (
        f"The {count} worst cases are listed with this evaluation." if count else "None is wrong."
    )


def compared_with(name: str) -> str:
    """Return with what a model was compared."""
    return f"With {safe_text(name)}, on the same pictures."


def model_text(title: str, version: str, sha256: str) -> str:
    """Return which model this is."""
    return f"{safe_text(title)}, version {safe_text(version)} (SHA-256 {sha256[:12]})"


def software_text(program: str) -> str:
    """Return what computed the figures."""
    return f"SpineAlign {program}, scikit-learn; free software under GPL-3.0-or-later."


def group_figures(figures: Mapping[str, Any], unit: str, is_small: bool) -> str:
    """Return the main figures of a group in a line."""
    parts = [
        f"{figure_name(name)} {figure_text(name, each.value, unit)} "
        f"({interval_text(name, each.low, each.high, is_small)})"
        for name, each in figures.items()
        if each.value == each.value
    ]
    return "; ".join(parts) or UNKNOWN_FIGURE


def small_note(least: int) -> str:
    """Return what the mark of a small group means."""
    return f"* {FEW_PATIENTS.format(least=least)}."


def mcnemar_text(only_first: int, only_second: int, p: float, cases: int) -> str:
    """Return on how many cases one model alone was right."""
    told = (
        f"Of {cases:,} pictures that both answered, the first alone is right on {only_first:,}, "
        f"the second alone on {only_second:,}"
    )
    if p != p:
        return f"{told}. Patients have several pictures, so McNemar’s test would not hold."
    return f"{told} (McNemar’s exact test: p = {p:.3g})."


def evaluation_lines(found: Any) -> list[str]:
    """Return an evaluation as text: what was evaluated, figures, groups."""
    cases = found.cases
    unit = getattr(cases, "unit", "")
    lines = [cases_text(len(cases), found.patients, cases.knows_patients)]
    lines += list(found.cautions)
    lines += [] if cases.knows_patients else [PATIENTS_UNKNOWN]
    lines += [found.threshold_note] if found.threshold_note else []
    lines += [left_out_text(found.left_out)] if found.left_out else []
    width = max(len(figure_name(name)) for name in found.figures)
    for name, each in found.figures.items():
        value = figure_text(name, each.value, found.unit_of(name))
        interval = interval_text(name, each.low, each.high, False)
        lines.append(f"  {figure_name(name):{width}}  {value}  ({interval})")
    for group in found.subgroups:
        told = group_figures(group.figures, unit, group.is_small)
        count = cases_text(group.cases, group.patients, cases.knows_patients)
        lines.append(f"{safe_text(group.column)} {safe_text(group.value)}: {count} {told}")
    if any(group.is_small for group in found.subgroups):
        lines.append(small_note(found.fewest_patients))
    if found.compared is not None:
        pair = found.compared
        lines.append(mcnemar_text(pair.only_first, pair.only_second, pair.mcnemar_p, pair.cases))
    return lines
