"""A search as conditions of the database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, overload

from spinealign.archive.records import (
    ExaminationRecord,
    MeasureBasis,
    MeasureRecord,
    PatientRecord,
    RetentionRule,
    Search,
    View,
)
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import CurveShape, MeasureState, PictureSide

_WORD = re.compile(r"\w+", re.UNICODE)


EXAMINATION_COLUMNS = (
    "e.identifier, e.kind, e.added_utc, e.changed_utc, e.study_uid, e.accession, e.study_date, "
    "e.description, e.status, e.reader, e.signed_utc, e.key_value, "
    "p.patient_id, p.issuer, p.name, p.birth_date, p.sex"
)
"""What `record_of` makes an examination of, with the tables as `e` and `p`."""

SORTED_BY = ("study_date", "name", "patient_id", "kind", "status", "reader", "key_value", "tags")
_PLACES = dict(zip(SORTED_BY, (6, 14, 12, 1, 8, 9, 11, 17), strict=True))

_BETWEEN_TAGS = "\x1f"
_TAGS = (
    "(SELECT group_concat(tag, char(31)) FROM "
    "(SELECT tag FROM tag t WHERE t.examination = e.examination ORDER BY tag))"
)


def record_of(row: Sequence[Any]) -> ExaminationRecord:
    """Return an examination, without findings, measures and tags, of a row of its columns."""
    identifier, kind, added, changed, *others = row[:12]
    patient = PatientRecord(*row[12:17])
    return ExaminationRecord(identifier, patient, kind, added, changed, *others)


MEASURE_COLUMNS = (
    "code, level, unit, value, lower, upper, state, spacing_source, is_named, interval_factor, "
    "change_factor, apex, convex_to, patient_side"
)
_NOT_CURVED = (None, None, None)


def measure_row(measure: MeasureRecord) -> tuple[object, ...]:
    """Return a measure as `MEASURE_COLUMNS`."""
    value = (
        measure.code, measure.level, measure.unit, measure.value, measure.lower, measure.upper,
    )  # fmt: skip
    basis, curve = measure.basis, measure.curve
    rests_on = (None,) * 5 if basis is None else astuple(basis)
    return (*value, *rests_on, *(_NOT_CURVED if curve is None else _curve_row(curve)))


def _curve_row(curve: CurveShape) -> tuple[str | None, ...]:
    side = curve.patient_side
    return "/".join(curve.apex), curve.convex_to.value, None if side is None else side.value


def measure_of(row: Sequence[Any]) -> MeasureRecord:
    """Return a measure of a row of `MEASURE_COLUMNS`."""
    state, spacing_source, is_named, interval_factor, change_factor = row[6:11]
    basis = None
    if state is not None:
        basis = MeasureBasis(
            MeasureState(state), SpacingSource(spacing_source), bool(is_named), interval_factor,
            change_factor,
        )  # fmt: skip
    code, level, unit, value, lower, upper = row[:6]
    return MeasureRecord(code, level, unit, value, lower, upper, basis, _curve_of(*row[11:14]))


def _curve_of(
    apex: str | None, convex_to: str | None, patient_side: str | None
) -> CurveShape | None:
    if convex_to is None:
        return None
    levels = tuple(apex.split("/")) if apex else ()
    side = None if patient_side is None else PictureSide(patient_side)
    return CurveShape(levels, PictureSide(convex_to), side)


class FoundRecords(Sequence[ExaminationRecord]):
    """What a search found, with tags, without findings and measures.

    An examination is made of its row when it is asked for: a list of ten thousand shows thirty.
    """

    def __init__(self, rows: Sequence[Sequence[Any]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> ExaminationRecord: ...

    @overload
    def __getitem__(self, place: slice) -> FoundRecords: ...

    def __getitem__(self, place: int | slice) -> ExaminationRecord | FoundRecords:
        """Return one of them, or some."""
        if isinstance(place, slice):
            return FoundRecords(self._rows[place])
        row = self._rows[place]
        tags = tuple(str(row[17]).split(_BETWEEN_TAGS)) if row[17] else ()
        return replace(record_of(row), tags=tags)

    @property
    def identifiers(self) -> list[str]:
        """Identifiers in their order."""
        return [str(row[0]) for row in self._rows]

    def values(self, name: str) -> list[str]:
        """Return one of `SORTED_BY` of each, in their order."""
        place = _PLACES[name]
        return [str(row[place] or "") for row in self._rows]

    def identifier(self, place: int) -> str:
        """Return the identifier of one of them."""
        return str(self._rows[place][0])


def find(connection: Any, search: Search) -> FoundRecords:
    """Return the examinations of an archive that a search finds, the latest first."""
    where, values = where_of(search)
    last = "ORDER BY e.study_date DESC, e.examination DESC"
    # Which ones, before anything else is read of them: a word may be in nearly all.
    latest = f"SELECT e.examination FROM examination e WHERE {where} {last} LIMIT ?"
    which = f"WHERE e.examination IN ({latest}) {last}"
    return _found(connection, which, (*values, search.most))


def find_due(connection: Any, rule: RetentionRule, today: date) -> FoundRecords:
    """Return what a retention rule would delete, the oldest first."""
    signed = " AND e.signed_utc <> ''" if rule.keeps_unsigned else ""
    which = f"WHERE substr(e.changed_utc, 1, 10) <= ?{signed} ORDER BY e.changed_utc"
    return _found(connection, which, (rule.last_day(today).isoformat(),))


def _found(connection: Any, which: str, values: Sequence[object]) -> FoundRecords:
    rows = connection.execute(
        f"SELECT {EXAMINATION_COLUMNS}, {_TAGS} FROM examination e JOIN patient p USING (patient) "
        f"{which}",
        values,
    )
    return FoundRecords(rows.fetchall())


def match_of(words: str) -> str:
    """Return words as a query of the full text: each must occur, as the beginning of a word."""
    return " ".join(f'"{word}"*' for word in _WORD.findall(words))


def where_of(search: Search) -> tuple[str, tuple[object, ...]]:
    """Return the conditions of a search, and their values."""
    conditions: list[str] = ["1"]
    values: list[object] = []

    def ask(condition: str, *given: object) -> None:
        conditions.append(condition)
        values.extend(given)

    match = match_of(search.words)
    if match:
        ask("e.examination IN (SELECT rowid FROM words WHERE words MATCH ?)", match)
    if search.view is View.TO_READ:
        ask("e.status NOT IN ('signed', 'amended')")
    elif search.view is View.MINE:
        ask("e.reader = ?", search.reader)
    elif search.view is View.SIGNED_TODAY:
        ask("e.signed_utc >= ? AND e.signed_utc < ?", *search.today_utc)
    chosen = (("kind", search.kind), ("status", search.status), ("reader", search.read_by))
    for column, value in chosen:
        if value:
            ask(f"e.{column} = ?", value)
    if search.level:
        ask("e.examination IN (SELECT examination FROM finding WHERE level = ?)", search.level)
    if search.tag:
        ask("e.examination IN (SELECT examination FROM tag WHERE tag = ?)", search.tag)
    if search.first_date:
        ask("e.study_date >= ?", search.first_date)
    if search.last_date:
        ask("e.study_date <= ?", search.last_date)
    return " AND ".join(conditions), tuple(values)


@dataclass(frozen=True)
class Choices:
    """What a search can choose among: what the archive holds, sorted.

    Parameters
    ----------
    kinds, levels, tags, readers : tuple of str
    """

    kinds: tuple[str, ...]
    levels: tuple[str, ...]
    tags: tuple[str, ...]
    readers: tuple[str, ...]


def choices_of(connection: Any) -> Choices:
    """Return what a search in an archive can choose among."""

    def column(query: str) -> tuple[str, ...]:
        return tuple(row[0] for row in connection.execute(query) if row[0])

    return Choices(
        column("SELECT DISTINCT kind FROM examination ORDER BY kind"),
        column("SELECT DISTINCT level FROM finding ORDER BY level"),
        column("SELECT DISTINCT tag FROM tag ORDER BY tag"),
        column("SELECT DISTINCT reader FROM examination ORDER BY reader"),
    )


def day_of(moment: datetime, zone: tzinfo | None = None) -> tuple[str, str]:
    """Return when the day of a moment begins and ends, as the archive writes moments.

    Parameters
    ----------
    moment : datetime
        With its time zone.
    zone : tzinfo, optional
        Where the day is meant; that of this computer if it is left out.

    Returns
    -------
    (str, str)
        First moment of the day and of the next one: "2026-11-28T15:00:00Z" and a day later in
        Tokyo on 29 November. Days on which clocks change are an hour shorter or longer.
    """
    day = moment.astimezone(zone).date()

    def begins(which: date) -> str:
        midnight = datetime.combine(which, time.min, zone)
        return midnight.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    return begins(day), begins(day + timedelta(days=1))
