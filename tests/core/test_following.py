"""Measures of one person in the archive are judged as those of open examinations are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spinealign.accounts.keys import new_key, sub_keys
from spinealign.archive.database import connect, migrate
from spinealign.archive.records import ExaminationRecord, MeasureRecord, PatientRecord
from spinealign.archive.store import DATABASE, Archive
from spinealign.domain.comparison import Change, PatientExamination
from spinealign.domain.findings import Analysis
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import (
    CurveShape,
    IntervalRule,
    Measurement,
    MeasureState,
    PictureSide,
)
from spinealign.domain.measures import MeasureCode
from spinealign.domain.study import PatientFacts
from spinealign.measure.geometry.comparison import course_of
from spinealign.vault.following import Followed, followed, in_time
from spinealign.vault.keeping import measure_records
from spinealign.wording.archive_list import follow_cautions, follow_cells
from spinealign.wording.archive_window import (
    CURVES_NOTE,
    ONE_DAY_NOTE,
    POSTURE_NOTE,
    SIDE_NOT_KEPT,
    UNDATED_NOTE,
    UNJUDGED_NOTE,
)
from spinealign.wording.curve_changes import CHANGED_BY_RULE
from tests.phantoms import xray_analysis

LEFT, RIGHT = PictureSide.LEFT, PictureSide.RIGHT

RULE = IntervalRule(
    {MeasureCode.COBB_C2_C7: 2.0}, is_limited=True, change_factors={MeasureCode.COBB_C2_C7: 1.5}
)
OTHER_RULE = replace(RULE, factors={MeasureCode.COBB_C2_C7: 1.6}, change_factors={})
COBB = ("cobb_c2_c7", "C2/C7", "deg")
LENGTH = ("translation", "C4/C5", "mm")


def cobb(value: float, half: float | None = 2.0, **changes: object) -> Measurement:
    ends = None if half is None else (value - half, value + half)
    found = Measurement(
        MeasureCode.COBB_C2_C7, value, "deg", ("C2", "C7"), interval=ends, automatic_value=value
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def translation(value: float, unit: str = "mm") -> Measurement:
    ends = (value - 0.5, value + 0.5)
    return Measurement(MeasureCode.TRANSLATION, value, unit, ("C4", "C5"), interval=ends)


def analysed(
    *measurements: Measurement,
    rule: IntervalRule = RULE,
    source: SpacingSource = SpacingSource.CALIBRATED,
    is_uncertain: bool = False,
) -> Analysis:
    base = xray_analysis()
    image = replace(base.image, spacing_source=source)
    return replace(
        base, image=image, measurements=measurements, interval_rule=rule,
        levels_uncertain=is_uncertain,
    )  # fmt: skip


def kept(day: str, analysis: Analysis, kind: str = "lateral-neck") -> ExaminationRecord:
    return ExaminationRecord(
        day or "none", PatientRecord("P1"), kind, "", "", study_date=day,
        measures=measure_records(analysis),
    )  # fmt: skip


def the(found: tuple[Followed, ...], key: tuple[str, str, str]) -> Followed:
    [one] = [each for each in found if each.key == key]
    return one


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"rule": OTHER_RULE}, {"rule": IntervalRule()}, {"is_uncertain": True},
        {"source": SpacingSource.DETECTOR_PLANE}, {"source": SpacingSource.UNKNOWN},
    ],
    ids=["calibrated", "no factor of changes", "no rule", "levels uncertain", "magnified",
         "no spacing"],
)  # fmt: skip
@pytest.mark.parametrize(
    "last",
    [
        cobb(16.9), cobb(17.1), cobb(4.0, 8.0), cobb(25.0, None),
        cobb(17.0, 1.0, state=MeasureState.EDITED),
    ],
    ids=["within", "beyond", "wide", "no interval", "corrected by hand"],
)  # fmt: skip
def test_changes_are_those_of_open_examinations(
    tmp_path: Path, changes: dict[str, object], last: Measurement
) -> None:
    analyses = [
        analysed(cobb(10.0), translation(1.0)), analysed(cobb(12.0)),
        analysed(last, translation(3.0), **changes),  # type: ignore[arg-type]
    ]  # fmt: skip
    days = ("20240101", "20250101", "20260101")
    archive = Archive(tmp_path / "archive", sub_keys(new_key(), "archive"))
    for day, analysis in zip(days, analyses, strict=True):
        archive.put(kept(day, analysis))
    records = in_time(archive.get(day) for day in days)
    archive.close()
    found = followed(records)
    course = course_of(
        [
            PatientExamination(analysis, PatientFacts(study_date=day))
            for day, analysis in zip(days, analyses, strict=True)
        ]
    )
    assert len(course.rows) == len(found) == 2
    for row in course.rows:
        code, levels = row.either.key
        shown = the(found, (code, "/".join(levels), row.either.unit))
        assert [one and one.value for one in shown.values] == [
            one and one.value for one in row.values
        ]
        for mine, theirs in zip(shown.changes, row.changes, strict=True):
            assert (mine is None) == (theirs is None)
            if mine is not None and theirs is not None:
                assert mine.change is theirs.change
                assert mine.difference == theirs.difference
                assert mine.error == theirs.error


def test_what_changed_comes_first() -> None:
    first = analysed(translation(1.0), cobb(10.0))
    found = followed([kept("20240101", first), kept("20250101", analysed(cobb(30.0)))])
    assert [one.key for one in found] == [COBB, LENGTH]
    assert [one.is_changed for one in found] == [True, False]


def test_without_a_date_nothing_is_compared_and_it_stands_last() -> None:
    undated, early = kept("", analysed(cobb(40.0))), kept("20240101", analysed(cobb(10.0)))
    records = in_time([undated, kept("20250101", analysed(cobb(30.0))), early])
    assert [record.study_date for record in records] == ["20240101", "20250101", ""]
    [shown] = followed(records)
    assert [one is not None for one in shown.changes] == [False, True, False]
    assert shown.changes[1] is not None
    assert shown.changes[1].difference == 20.0
    assert UNDATED_NOTE in follow_cautions(records, shown.changes)


def test_pixels_are_not_subtracted_and_units_stand_apart() -> None:
    records = [
        kept("20240101", analysed(translation(1.0, "px"))),
        kept("20250101", analysed(translation(9.0, "px"))),
        kept("20260101", analysed(translation(2.0))),
    ]
    found = followed(records)
    assert {one.key[2] for one in found} == {"px", "mm"}
    change = the(found, ("translation", "C4/C5", "px")).changes[1]
    assert change is not None
    assert (change.change, change.difference) == (Change.PIXELS, None)


def test_what_an_earlier_version_kept_is_not_judged(tmp_path: Path) -> None:
    keys = sub_keys(new_key(), "archive")
    archive = Archive(tmp_path, keys)
    archive.put(kept("20240101", analysed(cobb(10.0))))
    for column in (
        "state", "spacing_source", "is_named", "interval_factor", "change_factor", "apex",
        "convex_to", "patient_side",
    ):  # fmt: skip
        archive.connection.execute(f"ALTER TABLE measure DROP COLUMN {column}")
    archive.connection.execute("PRAGMA user_version = 1")
    archive.close()
    connection = connect(tmp_path / DATABASE, keys.database)
    other = connect(tmp_path / DATABASE, keys.database)
    assert migrate(connection, lambda: None)
    assert not migrate(other, lambda: None)
    connection.close()
    other.close()
    archive = Archive(tmp_path, keys)
    archive.put(kept("20250101", analysed(cobb(40.0))))
    records = in_time(archive.get(day) for day in ("20240101", "20250101"))
    archive.close()
    assert records[0].measures[0].basis is None
    [shown] = followed(records)
    assert shown.changes[1] is not None
    assert (shown.changes[1].change, shown.changes[1].difference) == (Change.UNJUDGED, 30.0)
    assert shown.changes[1].error is None
    assert UNJUDGED_NOTE in follow_cautions(records, shown.changes)


def curve(
    value: float, levels: tuple[str, str] = ("T5", "T11"), side: PictureSide = LEFT,
    patient_side: PictureSide | None = RIGHT, apex: str = "T8",
) -> Measurement:  # fmt: skip
    return Measurement(
        MeasureCode.CURVE_MAIN_THORACIC, value, "deg", levels, interval=(value - 2, value + 2),
        curve=CurveShape((apex,), side, patient_side),
    )  # fmt: skip


def followed_curves(tmp_path: Path, *curves: Measurement) -> tuple[Followed, ...]:
    archive = Archive(tmp_path / "archive", sub_keys(new_key(), "archive"))
    days = [f"20{24 + place}0101" for place in range(len(curves))]
    for day, one in zip(days, curves, strict=True):
        archive.put(kept(day, analysed(one), "frontal-spine"))
    records = in_time(archive.get(day) for day in days)
    archive.close()
    return followed(records)


def test_a_curve_is_followed_where_its_end_vertebrae_moved(tmp_path: Path) -> None:
    first, second = curve(30.0), curve(37.0, ("T6", "T12"), apex="T9")
    [shown] = followed_curves(tmp_path, first, second)
    assert shown.key == ("curve_main_thoracic", "T5/T11", "deg")
    assert [one and one.curve for one in shown.values] == [first.curve, second.curve]
    assert shown.changes[1] is not None
    assert (shown.changes[1].change, shown.changes[1].difference) == (Change.BEYOND, 7.0)
    [smaller] = followed_curves(tmp_path / "again", first, curve(34.0, ("T6", "T12"), apex="T9"))
    assert smaller.changes[1] is not None
    assert smaller.changes[1].change is Change.WITHIN
    record = kept("20250101", analysed(second), "frontal-spine")
    cells = follow_cells(record, shown.values[1], shown.changes[1])
    assert cells[4] == ("37.0°, T6–T12, patient’s right (95 % 35.0 to 39.0)")
    assert cells[7] == CHANGED_BY_RULE


@pytest.mark.parametrize("patient_side", [LEFT, None])
def test_a_curve_to_the_other_side_is_not_subtracted(
    tmp_path: Path, patient_side: PictureSide | None
) -> None:
    first = curve(30.0, patient_side=patient_side and RIGHT)
    second = curve(30.0, side=RIGHT, patient_side=patient_side)
    [shown] = followed_curves(tmp_path, first, second)
    assert shown.changes[1] is not None
    assert (shown.changes[1].change, shown.changes[1].difference) == (Change.OTHER_SIDE, None)
    assert CURVES_NOTE in follow_cautions((), shown.changes)


def test_a_curve_whose_side_was_not_kept_is_not_judged() -> None:
    records = [kept("20240101", analysed(curve(30.0))), kept("20250101", analysed(curve(40.0)))]
    bare = tuple(replace(each, curve=None) for each in records[0].measures)
    records[0] = replace(records[0], measures=bare)
    [shown] = followed(records)
    assert shown.changes[1] is not None
    assert (shown.changes[1].change, shown.changes[1].difference) == (Change.UNJUDGED, 10.0)
    assert SIDE_NOT_KEPT in follow_cells(records[0], shown.values[0], None)[4]


def test_a_second_window_waits_and_takes_no_step_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = sub_keys(new_key(), "archive")
    Archive(tmp_path, keys).close()
    one, other = (connect(tmp_path / DATABASE, keys.database) for _ in range(2))
    steps: list[str] = []
    from spinealign.archive import database

    before = database.SCHEMA_VERSION
    monkeypatch.setattr(database, "SCHEMA_VERSION", before + 1)
    monkeypatch.setattr(database, "_MIGRATIONS", {before: lambda _: steps.append("step")})
    begun = database.transaction

    def slow(connection: object) -> object:
        if connection is one and not steps:  # it saw that it is older, and has not begun
            assert migrate(other, lambda: None)
        return begun(connection)

    monkeypatch.setattr(database, "transaction", slow)
    assert migrate(one, lambda: None)
    assert steps == ["step"]
    one.close()
    other.close()


def test_codes_of_a_newer_program_are_left_out() -> None:
    record = replace(
        kept("20240101", analysed(cobb(1.0))),
        measures=(MeasureRecord("of_tomorrow", "", "deg", 1.0),),
    )
    assert followed([record]) == ()


def test_cells_and_cautions_say_what_a_change_is_worth() -> None:
    records = [
        kept("20240101", analysed(cobb(10.0))), kept("20240101", analysed(cobb(30.0)), "spine-mr"),
    ]  # fmt: skip
    [shown] = followed(records)
    cells = [follow_cells(*each) for each in zip(records, shown.values, shown.changes, strict=True)]
    assert cells[0][4:] == ("10.0° (95 % 8.0 to 12.0)", "", "", "")
    assert cells[1][5:] == ("+20.0°", "± 5.0°", "changed beyond the error")
    said = follow_cautions(records, shown.changes)
    assert said[0].startswith("Error of a change: measured with this network ± 2.1; readers ± 5.0")
    assert "a lateral cervical radiograph and a sagittal spine MR:" in said[1]
    assert said[2:] == [ONE_DAY_NOTE, POSTURE_NOTE]
    assert follow_cautions(records[:1], shown.changes[:1]) == []
