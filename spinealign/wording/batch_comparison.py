"""Words of two batches compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from spinealign.wording.text import count_text, safe_text

TITLE: Final = "Two batches compared"
RUN_HEADINGS: Final = ("", "First", "Second")
RUN_ROWS: Final = ("Folder", "Program", "Models", "Images")
COUNTS_TITLE: Final = "Images"
AGREEMENT_TITLE: Final = "Measures"
AGREEMENT_NOTE: Final = (
    "Differences are second minus first, of images in both with a value in both. Bias is their "
    "mean; between the limits of agreement (bias ± 1.96 standard deviations) lie 95 % of them, if "
    "they are normally distributed (Bland and Altman 1986, Lancet 1:307). Several images of one "
    "patient count as independent, which makes the limits look surer than they are."
)
AGREEMENT_HEADINGS: Final = (
    "Measure", "Unit", "Pairs", "Alike", "Bias", "SD", "Limits of agreement", "Largest",
    "In one only",
)  # fmt: skip
CHANGED_TITLE: Final = "Images with another status"
CHANGED_HEADINGS: Final = ("Image", "First", "Second")
WORST_TITLE: Final = "Largest differences"
WORST_NOTE: Final = (
    "By how many times the difference is as large as half the wider 95 % interval of both: over 1, "
    "it is larger than either run allowed for. All are in compared_measures.csv."
)
WORST_HEADINGS: Final = ("Image", "Measure", "First", "Second", "Difference", "Times")
NONE: Final = "None."
MORE: Final = "{count:,} more are in the tables."

COMPARED_COLUMNS: Final[Mapping[str, str]] = {
    "path": "First file of the image or series; of the second run where it is in both.",
    "in": "both, first or second: the runs that have the image.",
    "first_number": "Place of the image in the first run.",
    "second_number": "Place of the image in the second run.",
    "first_status": "What became of it in the first run.",
    "second_status": "What became of it in the second run.",
    "first_headline": "Result of the first run in a sentence.",
    "second_headline": "Result of the second run in a sentence.",
    "measures_alike": "Measures that have the same value in both.",
    "measures_differ": "Measures that have another value, or a value in one run only.",
    "worst": "The largest `times` of its measures.",
    "code": "Of the measure; docs/design/measures.md defines it.",
    "name": "Of the measure.",
    "levels": "Levels that it is of, joined by “/”.",
    "unit": "Of the values; empty where the runs state two.",
    "first_value": "Value in the first run; empty where there is none.",
    "second_value": "Value in the second run; empty where there is none.",
    "difference": "Second minus first.",
    "times": "Size of the difference over half the wider 95 % interval of both: over 1, it is "
    "larger than either run allowed for.",
    "reason": "Why one run has no value.",
    "pairs": "Images and levels with a value in both runs.",
    "alike": "Pairs whose values are the same.",
    "bias": "Mean difference.",
    "standard_deviation": "Of the differences.",
    "limit_low": "Lower limit of agreement: bias less 1.96 standard deviations.",
    "limit_high": "Upper limit of agreement: bias and 1.96 standard deviations.",
    "largest": "Largest size of a difference.",
    "one_only": "Values that one run has and the other has not.",
}
"""What each column of the tables means."""


def counts_text(both: int, first: int, second: int, changed: int, differing: int) -> str:
    """Return how many images two runs share, and how many of them differ."""
    said = f"{count_text(both, 'image')} in both, {first:,} only in the first, {second:,} only in "
    said += f"the second; {changed:,} of those in both have another status, and "
    return said + f"{differing:,} have other measures"


def models_text(models: Mapping[str, str]) -> str:
    """Return networks with their versions."""
    return safe_text(", ".join(f"{name} {version}" for name, version in sorted(models.items())))
