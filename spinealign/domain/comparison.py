"""Difference of a measure between two examinations."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from spinealign.domain.measurements import Measurement


class Change(StrEnum):
    """What can be said about a measure on two examinations.

    `BEYOND`: more than the uncertainty of both explains; `WITHIN`: not more than that;
    `UNJUDGED`: one of them has no interval; `MAGNIFIED`: both lengths hold at the detector,
    so that the difference is not judged. The rest are reasons not to subtract at all.
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
    interval : tuple of float or None
        95 % interval of the difference, from the placing of the points alone.
    """

    first: Measurement | None
    second: Measurement | None
    change: Change
    difference: float | None = None
    interval: tuple[float, float] | None = None

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
