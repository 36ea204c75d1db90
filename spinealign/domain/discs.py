"""Graded discs of a sagittal lumbar MR, and their overall result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class GradeName(StrEnum):
    """What is graded in each disc of a sagittal lumbar MR."""

    PFIRRMANN = "pfirrmann"
    NARROWING = "narrowing"
    BULGING = "bulging"
    HERNIATION = "herniation"
    SPONDYLOLISTHESIS = "spondylolisthesis"
    UPPER_ENDPLATE = "upper_endplate"
    LOWER_ENDPLATE = "lower_endplate"
    MODIC = "modic"


NEEDS_T2 = frozenset({GradeName.PFIRRMANN, GradeName.HERNIATION})
"""Grades that are not given where all images of a patient are T1-weighted.

Source: Pfirrmann's grade is defined on T2-weighted images (Pfirrmann 2001, Spine 26:1873). Of the
others, those that lose more than 0.05 of balanced accuracy on T1 alone against T2 alone in the
card of `disc_grading`: herniation (0.62 against 0.72, 14 of 49 found); the next lose 0.04.
"""


class Overall(StrEnum):
    """What all discs of a patient come to."""

    HEALTHY = "healthy"
    ABNORMAL = "abnormal"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, eq=False)
class DiscGrade:
    """One grade of one disc.

    Parameters
    ----------
    value : int, bool or None
        Pfirrmann's grade 1 to 5, or whether a finding is present; None where the
        model is too unsure to say, or `needs_t2`.
    probabilities : tuple of float
        Of the grades 1 to 5 in order, or of (absent, present); empty where `needs_t2`.
    threshold : float
        A finding is reported from this probability on; 0 for an ordinal grade.
    severity : float or None
        An ordinal grade between the whole ones; also where `value` is None.
    heatmap : ndarray of float32, shape (h, w), or None
        0..1 in the disc's crop: how much each place spoke for the finding, or for
        a higher grade.
    needs_t2 : bool
        Not given, because only T1-weighted images were there (`NEEDS_T2`).
    """

    name: GradeName
    value: int | bool | None
    probabilities: tuple[float, ...]
    calibrated: bool
    threshold: float
    severity: float | None = None
    heatmap: NDArray[np.float32] | None = None
    needs_t2: bool = False


@dataclass(frozen=True, eq=False)
class Disc:
    """One intervertebral disc of a sagittal lumbar MR; places are (x, y) in image pixels.

    Parameters
    ----------
    level : str or None
        Such as "L4/L5"; None above T1/T2.
    index_from_bottom : int
        1 for the lowest disc, which is taken for L5/S1.
    outline : tuple of (x, y)
        Closed contour (pixel i covers i to i + 1), the first point not repeated.
    anterior, posterior : (x, y)
        Ends of the long axis.
    confidence : float
        0..1, the network's certainty of the outline; 0 for a disc that was only
        inferred from the spacing of its neighbours.
    crop_to_image : tuple of six float
        Affine matrix (2, 3), row by row, from crop indices (column, row) to image
        indices; the crop shows the front on the left and the sacrum below.
    is_level_assumed : bool
        The levels are uncertain, and the lowest disc was only taken for L5/S1.
    """

    level: str | None
    index_from_bottom: int
    outline: tuple[tuple[float, float], ...]
    anterior: tuple[float, float]
    posterior: tuple[float, float]
    height_px: float
    confidence: float
    grades: tuple[DiscGrade, ...] = ()
    crop_to_image: tuple[float, float, float, float, float, float] = (1, 0, 0, 0, 1, 0)
    is_level_assumed: bool = False

    @property
    def is_inferred(self) -> bool:
        """Whether nothing was segmented here."""
        return self.confidence == 0

    @property
    def is_abnormal(self) -> bool:
        """Whether a finding is reported, or Pfirrmann grade 4 or 5."""
        return any(
            grade.value is not None
            and grade.value >= (4 if grade.name is GradeName.PFIRRMANN else True)
            for grade in self.grades
        )

    @property
    def name(self) -> str:
        """The level, "L4/L5?" if only assumed, or "disc 1" from the bottom without a level."""
        if self.level is None:
            return f"disc {self.index_from_bottom}"
        return f"{self.level}?" if self.is_level_assumed else self.level

    def grade(self, name: str) -> DiscGrade | None:
        """Return the grade called `name`, or None if it was not given."""
        return next((grade for grade in self.grades if grade.name == name), None)


def overall_of(discs: Sequence[Disc]) -> Overall:
    """Return "abnormal" if any disc is, else "uncertain" if any grade is, else "healthy"."""
    if any(disc.is_abnormal for disc in discs):
        return Overall.ABNORMAL
    is_sure = all(grade.value is not None for disc in discs for grade in disc.grades)
    return Overall.HEALTHY if discs and is_sure else Overall.UNCERTAIN
