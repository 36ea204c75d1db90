"""Curves on two films of one patient: which is which, and whether it progressed."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from spinealign.cli.main import run_command
from spinealign.domain.comparison import Change, PatientExamination
from spinealign.domain.identifiers import DicomIdentifiers, PatientKey
from spinealign.domain.measurements import CurveShape, IntervalRule, Measurement, PictureSide
from spinealign.domain.measures import MeasureCode
from spinealign.domain.study import PatientFacts
from spinealign.export.comparison import (
    NO_CHANGE,
    change_sentences,
    comparison_csv,
    comparison_json,
)
from spinealign.export.comparison_pages import comparison_pdf
from spinealign.measure.geometry.comparison import compare, course_of
from spinealign.wording.comparison import (
    comparison_lines,
    comparison_row,
)
from spinealign.wording.course import (
    course_cells,
    course_lines,
)
from spinealign.wording.curve_changes import (
    CHANGED_BY_RULE,
    NOT_SURE,
    ONE_SIDE_UNKNOWN,
    ORDER_UNKNOWN,
    OTHER_SIDES,
    READERS_DIFFER,
    WITHIN_ERROR,
    WITHIN_RULE,
    curve_cautions,
    progression_sentences,
)
from tests.coronal import DOUBLE, LEVELS, analysis_of, column
from tests.phantoms import xray_analysis

LEFT, RIGHT = PictureSide.LEFT, PictureSide.RIGHT
HUNG, FROM_BEHIND = ("L", "F"), ("R", "F")
MAIN, LOWER = MeasureCode.CURVE_MAIN_THORACIC, MeasureCode.CURVE_THORACOLUMBAR
KEY = PatientKey("id", "", "born", "name")
TILTS = st.lists(st.floats(-35, 35), min_size=17, max_size=17)


def thoracic(angle, levels=("T5", "T11"), apex=("T8",), side=LEFT, patient=RIGHT, **changes):
    shape = CurveShape(apex, side, patient)
    interval = (max(angle - 2.0, 0.0), angle + 2.0)
    code = changes.pop("code", MAIN)
    return replace(
        Measurement(code, angle, "deg", levels, interval=interval, curve=shape), **changes
    )


def film(*measures, day="20240301", rule=None, analysis=None, uncertain=False):
    base = analysis or replace(xray_analysis(), measurements=measures)
    image = replace(base.image, sha256=f"{day}{id(base)}", dicom=DicomIdentifiers(patient=KEY))
    found = replace(
        base, image=image, interval_rule=rule or IntervalRule(), levels_uncertain=uncertain
    )
    return PatientExamination(found, PatientFacts(study_date=day))


def only_row(first, second):
    [row] = compare(first.analysis, second.analysis)
    return row


def told(first, second):
    return progression_sentences(first, second, compare(first.analysis, second.analysis))


LATER = "20250505"


@pytest.mark.parametrize(
    ("angle", "change", "words"),
    [
        (34.94, Change.WITHIN, WITHIN_RULE), (34.96, Change.BEYOND, CHANGED_BY_RULE),
        (35.0, Change.BEYOND, CHANGED_BY_RULE), (25.0, Change.BEYOND, CHANGED_BY_RULE),
        (25.1, Change.WITHIN, WITHIN_RULE), (30.0, Change.WITHIN, WITHIN_RULE),
    ],
)  # fmt: skip
def test_a_curve_changes_by_5_degrees_as_they_are_shown(angle, change, words):
    row = only_row(film(thoracic(30.0)), film(thoracic(angle), day=LATER))
    assert row.change is change
    assert comparison_row(row)[-1] == words


def test_5_degrees_within_the_error_of_the_network_are_not_sure():
    rule = IntervalRule(change_factors={MAIN: 5.0})
    first, second = film(thoracic(30.0), rule=rule), film(thoracic(36.0), day=LATER, rule=rule)
    row = only_row(first, second)
    assert row.error.half_width > 6.0
    assert row.change is Change.WITHIN
    assert comparison_row(row)[-1] == WITHIN_ERROR
    assert told(first, second)[0].startswith(NOT_SURE)
    assert only_row(first, film(thoracic(40.0), day=LATER, rule=rule)).change is Change.BEYOND


def test_the_later_film_tells_whether_a_curve_progressed():
    early, late = film(thoracic(30.0)), film(thoracic(37.0), day=LATER)
    said = [
        "Progression (5° or more larger on the later film): main thoracic curve T5–T11 from "
        "30.0° to 37.0°."
    ]
    assert told(early, late) == said
    assert told(late, early) == said
    smaller = film(thoracic(20.0), day=LATER)
    for pair in ((early, smaller), (smaller, early)):
        assert told(*pair) == [
            "Smaller by 5° or more: main thoracic curve T5–T11 from 30.0° to 20.0°."
        ]
    same = film(thoracic(32.0), day=LATER)
    assert told(early, same) == [
        "No progression (less than 5°): main thoracic curve T5–T11 from 30.0° to 32.0°."
    ]


def test_a_curve_that_progressed_is_told_once():
    early, late = film(thoracic(30.0)), film(thoracic(37.0), day=LATER)
    assert change_sentences(early, late, compare(early.analysis, late.analysis)) == []
    pages = PdfReader(io.BytesIO(comparison_pdf(early, late))).pages
    assert "".join(page.extract_text() for page in pages).count("Main thoracic curve") == 1
    still = film(thoracic(32.0), day=LATER)
    assert change_sentences(early, still, compare(early.analysis, still.analysis)) == [NO_CHANGE]
    undated = film(thoracic(37.0), day="")
    [said] = change_sentences(early, undated, compare(early.analysis, undated.analysis))
    assert said.startswith("Main thoracic curve T5–T11 rose from 30.0")


@pytest.mark.parametrize("day", ["", "20240301"], ids=["no date", "the same day"])
def test_without_an_order_no_progression_is_told(day):
    assert told(film(thoracic(30.0)), film(thoracic(40.0), day=day)) == [ORDER_UNKNOWN]


def test_a_curve_to_the_other_side_is_not_subtracted():
    first, second = film(thoracic(30.0)), film(thoracic(30.0, side=RIGHT, patient=LEFT), day=LATER)
    row = only_row(first, second)
    assert (row.change, row.difference) == (Change.OTHER_SIDE, None)
    assert told(first, second) == []
    assert OTHER_SIDES in curve_cautions([row])


def test_sides_are_those_of_the_patient_where_both_files_say_them():
    behind = film(thoracic(37.0, side=RIGHT, patient=RIGHT), day=LATER)
    assert only_row(film(thoracic(30.0)), behind).difference == 7.0
    unknown = [film(thoracic(30.0, patient=None)), film(thoracic(37.0, side=RIGHT, patient=None))]
    assert only_row(*unknown).change is Change.OTHER_SIDE


def test_a_side_that_one_file_does_not_say_is_told():
    row = only_row(film(thoracic(30.0)), film(thoracic(37.0, side=RIGHT, patient=None), day=LATER))
    assert row.difference == 7.0
    assert ONE_SIDE_UNKNOWN in curve_cautions([row])
    known = only_row(film(thoracic(30.0)), film(thoracic(37.0), day=LATER))
    assert ONE_SIDE_UNKNOWN not in curve_cautions([known])


def test_an_apex_that_moves_into_the_next_region_leaves_the_curve_the_same():
    first = film(thoracic(30.0, ("T8", "L2"), ("T11", "T12")))
    second = film(thoracic(36.0, ("T9", "L3"), ("T12",), code=LOWER), day=LATER)
    row = only_row(first, second)
    assert row.difference == 6.0
    assert comparison_row(row)[0] == (
        "Main thoracic curve T8–L2 (second: thoracolumbar curve T9–L3)"
    )


def test_curves_of_one_region_at_other_places_are_two():
    first = film(thoracic(30.0, ("T5", "T9"), ("T7",)))
    second = film(thoracic(36.0, ("T9", "L1"), ("T11",)), day=LATER)
    rows = compare(first.analysis, second.analysis)
    assert [row.change for row in rows] == [Change.ONLY_FIRST, Change.ONLY_SECOND]
    said = told(first, second)
    assert "T5–T9 30.0° is on the first film only" in said[0]
    assert "T9–L1 36.0° is on the second film only" in said[1]


def test_a_curve_without_levels_is_not_taken_for_a_missing_one():
    numbered = thoracic(
        36.0, ("body 3", "body 9"), ("body 6",), code=MeasureCode.CURVE_UNNAMED
    )  # fmt: skip
    first, second = film(thoracic(30.0)), film(numbered, day=LATER, uncertain=True)
    rows = compare(first.analysis, second.analysis)
    assert {row.change for row in rows} == {Change.UNNAMED_LEVELS}
    assert told(first, second) == []


def test_other_end_vertebrae_are_said_with_the_angle_on_the_same_ones():
    before = film(analysis=analysis_of(column(DOUBLE), HUNG))
    tilts = [*DOUBLE]
    tilts[LEVELS.index("T5")], tilts[LEVELS.index("T6")] = -20, -28
    after = film(analysis=analysis_of(column(tilts), HUNG), day=LATER)
    rows = compare(before.analysis, after.analysis)
    row = next(row for row in rows if row.first is not None and row.first.code is MAIN)
    assert (row.first.levels, row.second.levels) == (("T5", "T11"), ("T6", "T11"))
    assert row.difference == pytest.approx(4.0)
    assert row.on_first_ends == pytest.approx(46.0)
    assert comparison_row(row)[0] == "Main thoracic curve T5–T11 (second: T6–T11)"
    said = " ".join(curve_cautions(rows))
    assert "between T5–T11 the second has 46.0°." in said
    assert READERS_DIFFER in said


def test_the_angle_on_the_same_ends_has_the_sign_of_the_curve_and_needs_both_bodies():
    mirrored = column(DOUBLE)[:, (1, 0, 3, 2)] * (-1.0, 1.0)
    tilts = [*DOUBLE]
    tilts[LEVELS.index("T5")], tilts[LEVELS.index("T6")] = -20, -28
    after = column(tilts)[:, (1, 0, 3, 2)] * (-1.0, 1.0)
    first = film(analysis=analysis_of(mirrored, HUNG))
    second = film(analysis=analysis_of(after, HUNG), day=LATER)
    rows = compare(first.analysis, second.analysis)
    row = next(row for row in rows if row.first is not None and row.first.code is MAIN)
    assert row.on_first_ends == pytest.approx(46.0)
    place = LEVELS.index("T5")
    bodies = second.analysis.vertebrae
    lacking = replace(second.analysis, vertebrae=(*bodies[:place], *bodies[place + 1 :]))
    rows = compare(first.analysis, lacking)
    row = next(row for row in rows if row.first is not None and row.first.code is MAIN)
    assert row.on_first_ends is None


@settings(max_examples=25)
@given(TILTS, TILTS)
def test_no_curve_is_lost_or_told_twice(tilts, others):
    first, second = (analysis_of(column(each), HUNG) for each in (tilts, others))
    rows = [row for row in compare(first, second) if row.is_of_curve]
    for analysis, mine in (
        (first, [row.first for row in rows]), (second, [row.second for row in rows]),
    ):  # fmt: skip
        curves = [one for one in analysis.measurements if one.curve is not None]
        assert sorted(one.levels for one in curves) == sorted(
            one.levels for one in mine if one is not None
        )


@settings(max_examples=25)
@given(TILTS)
def test_a_film_compared_with_itself_has_every_curve_unchanged(tilts):
    analysis = analysis_of(column(tilts), HUNG)
    rows = [row for row in compare(analysis, analysis) if row.is_of_curve]
    assert all(row.change is Change.WITHIN and row.difference == 0 for row in rows)
    assert len(rows) == sum(one.curve is not None for one in analysis.measurements)


def test_every_output_says_what_progressed_and_what_a_difference_is_worth():
    first = film(analysis=analysis_of(column(DOUBLE), HUNG))
    grown = [1.2 * tilt for tilt in DOUBLE]
    second = film(analysis=analysis_of(column(grown), HUNG), day=LATER)
    rows = compare(first.analysis, second.analysis)
    said = told(first, second)
    assert said[0].startswith("Progression (5° or more larger on the later film): ")
    assert "main thoracic curve T5–T11 from 50.0° to 60.0°" in said[0]
    assert said[1] == (
        "No progression (less than 5°): proximal thoracic curve T1–T5 from 24.0° to 28.8°; lumbar "
        "curve L3–L5 from 10.0° to 12.0°."
    )
    lines = comparison_lines(first, second, rows)
    assert {*said, *curve_cautions(rows)} < {*lines}
    record = json.loads(json.dumps(comparison_json(first, second)))
    assert record["progression"] == said
    assert READERS_DIFFER in record["warnings"]
    table = list(csv.DictReader(io.StringIO(comparison_csv(first, second), newline="")))
    (row,) = [row for row in table if row["code"] == MAIN]
    assert (row["second_code"], row["second_levels"]) == (MAIN, "T5/T11")
    assert row["judgement"] == CHANGED_BY_RULE
    pages = PdfReader(io.BytesIO(comparison_pdf(first, second))).pages
    words = " ".join(" ".join(page.extract_text() for page in pages).split())
    assert "main thoracic curve T5–T11 from 50.0° to 60.0°" in words
    assert "readers of one film differ by 3 to 5°" in words


def test_a_course_follows_a_curve_over_regions_and_end_vertebrae():
    course = course_of(
        [
            film(thoracic(20.0, ("T8", "L2"), ("T11",))),
            film(thoracic(23.0, ("T9", "L3"), ("T12",), code=LOWER), day="20240901"),
            film(thoracic(27.0, ("T8", "L2"), ("T11", "T12")), day=LATER),
        ]
    )
    [row] = course.rows
    assert [value.value for value in row.values] == [20.0, 23.0, 27.0]
    cells = course_cells(row)
    assert cells[:4] == ("Main thoracic curve T8–L2", "20.0°", "23.0° (T9–L3)", "27.0°*")
    assert CHANGED_BY_RULE in "\n".join(course_lines(course)) or cells[-1] == "changed"


def test_the_command_line_says_what_progressed(tmp_path, monkeypatch, capsys):
    days = {"a.png": "20240301", "b.png": LATER}
    grown = [1.2 * tilt for tilt in DOUBLE]

    def analyze_file(given, *_):
        yield from ()
        found = analysis_of(column(grown if given.name == "b.png" else DOUBLE), HUNG)
        return replace(found, image=replace(found.image, source_path=given, sha256=given.name))

    monkeypatch.setattr("spinealign.analysis.analyze_file", analyze_file)
    monkeypatch.setattr("spinealign.imaging.find.all_images", list)
    monkeypatch.setattr(
        "spinealign.imaging.study.read_patient",
        lambda part: PatientFacts(identifier="1", birth_date="b", study_date=days[part.path.name]),
    )
    paths = [tmp_path / name for name in days]
    for path in paths:
        path.write_bytes(b"stands for a film")
    both = list(map(str, paths))
    assert run_command(["compare", *both]) == 0
    out = capsys.readouterr().out
    assert "Progression (5° or more larger on the later film): " in out
    assert "main thoracic curve T5–T11 from 50.0° to 60.0°" in out
    assert READERS_DIFFER in out
    assert run_command(["compare", *both, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["progression"][0].startswith("Progression")
    assert run_command(["course", *both]) == 0
    assert "60.0°*" in capsys.readouterr().out
