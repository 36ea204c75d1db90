"""A person's examinations in time: each measure of them, judged against the error of a change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from spinealign.archive.records import ExaminationRecord, MeasureRecord
from spinealign.domain.comparison import Change, ComparedMeasure
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import IntervalRule, Measurement, MeasureState
from spinealign.domain.measures import MEASURES, Extent, MeasureCode
from spinealign.measure.geometry.comparison import MeasuredWith, MeasurePair
from spinealign.measure.geometry.same_curves import as_same_curves

MeasureKey = tuple[str, str, str]
"""Code, level and unit: pixels and millimetres have no common axis. Of a curve its code and end
vertebrae on the first examination that has it."""

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
    As two open examinations are compared (docs/design/error-of-a-change.md): a curve is the same
    where `as_same_curves` says so, and none that is convex to another side is subtracted. Measures
    that an earlier version of the program kept do not say what they rest on, and curves not to
    which side: they are subtracted and not judged. Codes of a newer program are left out.
    """
    kept = _by_key(records)
    keys = dict.fromkeys(key for measures in kept for key in measures)
    found = [_followed(records, [measures.get(key) for measures in kept], key) for key in keys]
    return tuple(sorted(found, key=lambda one: (not one.is_changed, -one.count)))


def _by_key(records: Sequence[ExaminationRecord]) -> list[dict[MeasureKey, MeasureRecord]]:
    """Return the measures of each examination, a curve under the key of the first that has it."""
    known: dict[tuple[str, tuple[str, ...]], Measurement] = {}
    found = []
    for record in records:
        measures = [each for each in record.measures if _is_known(each.code)]
        curves = {(each.code, tuple(each.level.split("/"))): each for each in measures
                  if _is_curve(each)}  # fmt: skip
        values = {key: measurement_of(each) for key, each in curves.items()}
        record_of = {id(value): curves[key] for key, value in values.items()}
        same = as_same_curves(values, known)
        known |= same
        keyed = {(each.code, each.level, each.unit): each for each in measures
                 if not _is_curve(each)}  # fmt: skip
        for (code, levels), value in same.items():
            keyed[code, "/".join(levels), value.unit] = record_of[id(value)]
        found.append(keyed)
    return found


def _is_known(code: str) -> bool:
    return code in {each.value for each in MeasureCode}


def _is_curve(record: MeasureRecord) -> bool:
    return MEASURES[MeasureCode(record.code)].extent is Extent.CURVE


def _followed(
    records: Sequence[ExaminationRecord], kept: Sequence[MeasureRecord | None], key: MeasureKey
) -> Followed:
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
    if (_is_told(first) and _is_told(second)) or compared.difference is None:
        return compared
    return replace(compared, change=Change.UNJUDGED, error=None)


def _is_told(record: MeasureRecord) -> bool:
    """Whether all is kept that a judgement needs: of a curve its side too."""
    return record.basis is not None and (record.curve is not None or not _is_curve(record))


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
        MeasureCode(record.code), record.value, record.unit, levels, interval=ends, state=state,
        curve=record.curve,
    )  # fmt: skip
