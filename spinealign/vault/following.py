"""A person's examinations in time: each measure of them, judged against the error of a change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from spinealign.archive.records import ExaminationRecord, MeasureRecord
from spinealign.domain.comparison import Change, ComparedMeasure
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import IntervalRule, Measurement, MeasureState
from spinealign.domain.measures import MeasureCode
from spinealign.measure.geometry.comparison import MeasuredWith, MeasurePair

MeasureKey = tuple[str, str, str]
"""Code, level and unit: pixels and millimetres have no common axis."""

_UNKNOWN = MeasuredWith(IntervalRule(), SpacingSource.UNKNOWN)


@dataclass(frozen=True)
class Followed:
    """One measure in the examinations of a person.

    Parameters
    ----------
    key : MeasureKey
    values : tuple of Measurement or None
        One for each examination.
    changes : tuple of ComparedMeasure or None
        Against the first examination that has a date and a value; None there, and where there
        is no date or no value.
    """

    key: MeasureKey
    values: tuple[Measurement | None, ...]
    changes: tuple[ComparedMeasure | None, ...]

    @property
    def count(self) -> int:
        """How many examinations have a value."""
        return sum(value is not None for value in self.values)

    @property
    def is_changed(self) -> bool:
        """Whether a value differs from the first by more than the error of a change."""
        return any(one is not None and one.change is Change.BEYOND for one in self.changes)

    @property
    def has_unjudged(self) -> bool:
        """Whether the error of a change of a value is not known."""
        return any(one is not None and one.change is Change.UNJUDGED for one in self.changes)


def day_of_study(record: ExaminationRecord) -> date | None:
    """Return when an examination took place; None where its images do not say."""
    try:
        return date.fromisoformat(record.study_date)
    except ValueError:
        return None


def in_time(records: Iterable[ExaminationRecord]) -> tuple[ExaminationRecord, ...]:
    """Return examinations, the earliest first; those without a date last, as they came."""

    def order(record: ExaminationRecord) -> tuple[bool, date]:
        day = day_of_study(record)
        return day is None, day or date.min

    return tuple(sorted(records, key=order))


def followed(records: Sequence[ExaminationRecord]) -> tuple[Followed, ...]:
    """Return each measure of examinations: what changed first, then what most of them have.

    Parameters
    ----------
    records : sequence of ExaminationRecord
        Of one person, as `in_time` orders them.

    Notes
    -----
    As two open examinations are compared (docs/design/error-of-a-change.md). Measures that an
    earlier version of the program kept do not say what they rest on: they are subtracted and
    not judged. Codes of a newer program are left out.
    """
    keys: dict[MeasureKey, None] = {}
    for record in records:
        keys |= {(each.code, each.level, each.unit): None for each in record.measures}
    found = [_followed(records, key) for key in keys if _is_known(key)]
    return tuple(sorted(found, key=lambda one: (not one.is_changed, -one.count)))


def _is_known(key: MeasureKey) -> bool:
    return key[0] in {code.value for code in MeasureCode}


def _followed(records: Sequence[ExaminationRecord], key: MeasureKey) -> Followed:
    kept = [_value_of(record, key) for record in records]
    values = [None if one is None else measurement_of(one) for one in kept]
    dated = [
        one if day_of_study(record) is not None else None
        for one, record in zip(kept, records, strict=True)
    ]
    start = next((place for place, one in enumerate(dated) if one is not None), len(dated))
    changes = tuple(
        None if one is None or place <= start else _compared(dated[start], one)
        for place, one in enumerate(dated)
    )
    return Followed(key, tuple(values), changes)


def _compared(first: MeasureRecord | None, second: MeasureRecord) -> ComparedMeasure:
    assert first is not None
    pair = MeasurePair(_measured_with(first), _measured_with(second))
    compared = pair.compared(measurement_of(first), measurement_of(second))
    is_told = first.basis is not None and second.basis is not None
    if is_told or compared.difference is None:
        return compared
    return replace(compared, change=Change.UNJUDGED, error=None)


def _measured_with(record: MeasureRecord) -> MeasuredWith:
    basis = record.basis
    if basis is None:
        return _UNKNOWN
    code = MeasureCode(record.code)
    changes = {} if basis.change_factor is None else {code: basis.change_factor}
    rule = IntervalRule({code: basis.interval_factor}, change_factors=changes)
    return MeasuredWith(rule, basis.spacing_source, basis.is_named)


def measurement_of(record: MeasureRecord) -> Measurement:
    """Return a kept value as it was measured, as far as the archive knows it."""
    ends = None
    if record.lower is not None and record.upper is not None:
        ends = record.lower, record.upper
    levels = tuple(record.level.split("/")) if record.level else ()
    state = MeasureState.AUTOMATIC if record.basis is None else record.basis.state
    return Measurement(
        MeasureCode(record.code), record.value, record.unit, levels, interval=ends, state=state
    )


def _value_of(record: ExaminationRecord, key: MeasureKey) -> MeasureRecord | None:
    values = (each for each in record.measures if (each.code, each.level, each.unit) == key)
    return next(values, None)
