"""Examinations of one patient: what changed between two, the course over several, and motion."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from spinealign.domain.findings import Analysis
from spinealign.domain.identifiers import PatientMatch
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import (
    Extent,
    MeasureCode,
    MeasureDefinition,
    Quantity,
    ReaderLimit,
    Reference,
)
from spinealign.domain.study import PatientFacts


@dataclass(frozen=True, eq=False)
class PatientExamination:
    """An analysis with what its file says about the patient and the date.

    Parameters
    ----------
    analysis : Analysis
    facts : PatientFacts
        Empty where the file says nothing.
    """

    analysis: Analysis
    facts: PatientFacts = field(default_factory=PatientFacts)

    @property
    def date(self) -> date | None:
        """When the examination took place: by its file, else as a person gave it."""
        return self.facts.examination_date or given_date(self.analysis)

    @property
    def is_date_given(self) -> bool:
        """Whether a person gave the date, because the file states none."""
        return self.facts.examination_date is None and self.date is not None

    def match(self, other: PatientExamination) -> PatientMatch:
        """Return whether both are of one patient: one file always is."""
        if self.analysis.image.sha256 == other.analysis.image.sha256:
            return PatientMatch.SAME
        mine, theirs = self.analysis.image.dicom, other.analysis.image.dicom
        if mine is not None and theirs is not None:
            found = mine.patient.match(theirs.patient)
            if found is not PatientMatch.UNKNOWN:
                return found
        return self.facts.key.match(other.facts.key)

    def is_of_kind(self, other: PatientExamination) -> bool:
        """Whether both are the same kind of examination."""
        return self.analysis.examination is other.analysis.examination


def given_date(analysis: Analysis) -> date | None:
    """Return the date that a person gave an examination; None where nobody did."""
    return None if analysis.corrections is None else analysis.corrections.examination_date


def in_order(examinations: Sequence[PatientExamination]) -> tuple[PatientExamination, ...]:
    """Return examinations with the earliest first; those without a date last, as they came."""
    return tuple(sorted(examinations, key=lambda one: (one.date is None, one.date or date.min)))


class Change(StrEnum):
    """What can be said about a measure on two examinations.

    `BEYOND`: more than the error of a change; `WITHIN`: not more than that; `UNJUDGED`: that
    error is not known; `MAGNIFIED`: both lengths hold at the detector, so that the difference
    is not judged. The rest are reasons not to subtract at all; `OTHER_SIDE` is that of a curve
    which is convex to different sides.
    """

    BEYOND = "beyond"
    WITHIN = "within"
    UNJUDGED = "unjudged"
    ONLY_FIRST = "only_first"
    ONLY_SECOND = "only_second"
    UNLIKE_UNITS = "unlike_units"
    PIXELS = "pixels"
    MAGNIFIED = "magnified"
    ONE_MAGNIFIED = "one_magnified"
    UNNAMED_LEVELS = "unnamed_levels"
    UNCERTAIN_FIRST = "uncertain_first"
    UNCERTAIN_SECOND = "uncertain_second"
    OTHER_SIDE = "other_side"


PROGRESSION_DEG = 5.0
"""From which difference on a curve of a scoliosis has progressed.

Source: SOSORT 2016, doi:10.1186/s13013-017-0145-8: an increase of 5 degrees or more, as the error
of a reader's Cobb angle is 3 to 5 degrees.
"""


def reaches_progression(difference_deg: float) -> bool:
    """Whether a difference is of 5 degrees or more, as it is told with one decimal."""
    return round(abs(difference_deg), 1) >= PROGRESSION_DEG


_PROGRESSION = ReaderLimit(PROGRESSION_DEG, Reference.SOSORT)

CHANGE_LIMITS: Mapping[MeasureCode, ReaderLimit] = MappingProxyType(
    {
        MeasureCode.COBB_C2_C7: ReaderLimit(5.0, Reference.CERVICAL_READERS),
        MeasureCode.COBB_C2_C6: ReaderLimit(5.0, Reference.CERVICAL_READERS),
        MeasureCode.COBB_C2_LOWEST: ReaderLimit(5.0, Reference.CERVICAL_READERS),
        MeasureCode.POSTERIOR_TANGENT: ReaderLimit(13.5, Reference.TANGENT_READERS),
        MeasureCode.CURVE_PROXIMAL_THORACIC: _PROGRESSION,
        MeasureCode.CURVE_MAIN_THORACIC: _PROGRESSION,
        MeasureCode.CURVE_THORACOLUMBAR: _PROGRESSION,
        MeasureCode.CURVE_LUMBAR: _PROGRESSION,
        MeasureCode.CURVE_FURTHER: _PROGRESSION,
        MeasureCode.CURVE_UNNAMED: _PROGRESSION,
    }
)
"""Published minimum detectable changes, 1.96 x sqrt(2) x the standard error of measurement.

Source: 5.0 degrees for Cobb angles read again on the same film (doi:10.31616/asj.2019.0069);
13.5 degrees for the posterior tangent C2-C6 of healthy people who were examined twice within four
weeks, so that posture is part of it (doi:10.1186/s12998-015-0078-3); 5 degrees of a scoliosis, the
rule of progression (SOSORT 2016, doi:10.1186/s13013-017-0145-8).
"""


def published_limit(definition: MeasureDefinition) -> ReaderLimit | None:
    """Return how far two readings of a measure differ without a change, from the literature.

    Where no minimum detectable change is published, it is the limit of agreement between
    readers of one image. Limits that were set by hand are no evidence, and None.
    """
    limit = CHANGE_LIMITS.get(definition.code, definition.reader_limit)
    return None if limit is None or limit.source is Reference.SET_BY_HAND else limit


@dataclass(frozen=True)
class ErrorOfChange:
    """How far a measure differs between two examinations that show no change, on 95 % of them.

    Parameters
    ----------
    half_width : float
        To either side, in the measure's unit: the larger of the two below.
    measured : float or None
        With the networks that placed the points, as measured (`ModelCard.change_factors`);
        None where that was not measured.
    published : ReaderLimit or None
        Of readers without a program.
    """

    half_width: float
    measured: float | None
    published: ReaderLimit | None


@dataclass(frozen=True)
class ComparedMeasure:
    """One measure on two examinations.

    Parameters
    ----------
    first, second : Measurement or None
        None where an examination has no value for it.
    change : Change
    difference : float or None
        Second minus first, in the unit that both have; None where the two must not be
        subtracted, and `change` then says why.
    error : ErrorOfChange or None
        None where the difference is not judged.
    on_first_ends : float or None
        Of a curve that has other end vertebrae on the second examination: its angle there
        between the end vertebrae of the first, in degrees, where both bodies are seen.
    """

    first: Measurement | None
    second: Measurement | None
    change: Change
    difference: float | None = None
    error: ErrorOfChange | None = None
    on_first_ends: float | None = None

    @property
    def either(self) -> Measurement:
        """The first examination's measurement, or the second's where it has none."""
        found = self.first or self.second
        assert found is not None
        return found

    @property
    def unit(self) -> str:
        """Unit of the difference."""
        return self.either.unit

    @property
    def is_of_curve(self) -> bool:
        """Whether it is a curve of a spine seen from the front."""
        return self.either.definition.extent is Extent.CURVE

    @property
    def has_other_ends(self) -> bool:
        """Whether a curve has other end vertebrae on the second examination."""
        if self.first is None or self.second is None:
            return False
        return self.is_of_curve and self.first.levels != self.second.levels


@dataclass(frozen=True)
class CourseRow:
    """One measure over the examinations of a course.

    Parameters
    ----------
    values : tuple of Measurement or None
        One for each examination.
    changes : tuple of ComparedMeasure or None
        Against the first examination that has a value; None there, and before it.
    latest : ComparedMeasure or None
        The last examination against the one before it that has a value; None where the last has
        none.
    """

    values: tuple[Measurement | None, ...]
    changes: tuple[ComparedMeasure | None, ...]
    latest: ComparedMeasure | None = None

    @property
    def either(self) -> Measurement:
        """The first value that there is."""
        return next(value for value in self.values if value is not None)

    @property
    def last(self) -> ComparedMeasure | None:
        """From the first value to the last examination; None where that has no value."""
        return self.changes[-1] if self.changes else None


@dataclass(frozen=True, eq=False)
class Course:
    """Measures of one patient over several examinations, the earliest first."""

    examinations: tuple[PatientExamination, ...]
    rows: tuple[CourseRow, ...]


def common_scale(first: Analysis, second: Analysis) -> float | None:
    """Return the factor by which all heights of bodies differ, where it is one for all.

    Bodies do not grow alike between two examinations of an adult: then the millimetres of one of
    the images are not what they are taken for.

    Returns
    -------
    float or None
        Second by first; None with fewer than six heights of bodies in millimetres, with factors
        that differ, or where they are near 1.
    """
    before, after = _heights_mm(first), _heights_mm(second)
    factors = [after[key] / before[key] for key in before if key in after]
    if len(factors) < _FEWEST_HEIGHTS:
        return None
    middle = statistics.median(factors)
    alike = sum(abs(factor / middle - 1) <= _SAME_FACTOR for factor in factors)
    is_scaled = abs(middle - 1) > _SAME_SCALE and alike >= _MOST_ALIKE * len(factors)
    return middle if is_scaled else None


_HEIGHTS = frozenset(
    {
        MeasureCode.BODY_HEIGHT_ANTERIOR,
        MeasureCode.BODY_HEIGHT_MIDDLE,
        MeasureCode.BODY_HEIGHT_POSTERIOR,
    }
)
_FEWEST_HEIGHTS = 6
"""Source: set by hand; heights of at least two bodies."""

_SAME_FACTOR, _MOST_ALIKE = 0.08, 0.8
"""How far factors may lie from their median, and which share of them must.

Source: set by hand, from the error of a body's height between two films without a change
(docs/design/error-of-a-change.md).
"""

_SAME_SCALE = 0.06
"""From which factor on a scale is another one. Source: set by hand; tables of magnification."""


def _heights_mm(analysis: Analysis) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return the heights of bodies in millimetres."""
    return {
        one.key: one.value
        for one in analysis.measurements
        if one.code in _HEIGHTS and one.unit == Quantity.LENGTH.value and one.value
    }
