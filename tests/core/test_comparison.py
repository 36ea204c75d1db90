"""Two examinations: what is subtracted, what is refused, and what a difference is worth."""

import csv
import io
import math
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.comparison import (
    CHANGE_LIMITS,
    Change,
    PatientExamination,
    in_order,
    published_limit,
)
from spinealign.domain.errors import ExportError, PatientsDifferError
from spinealign.domain.findings import DISCLAIMER, Corrections
from spinealign.domain.identifiers import DicomIdentifiers, PatientKey, PatientMatch
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import (
    NORMAL_95,
    IntervalRule,
    Measurement,
    MeasureState,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.measures import MEASURES, MeasureCode
from spinealign.domain.study import PatientFacts
from spinealign.export.comparison import (
    COURSE_ORIGIN_COLUMNS,
    ORIGIN_COLUMNS,
    comparison_csv,
    course_csv,
    write_comparison,
)
from spinealign.measure.geometry.comparison import compare, course_of, require_one_patient
from spinealign.wording import explain
from spinealign.wording.comparison import (
    COMPARISON_COLUMNS,
    COMPARISON_HEADINGS,
    DATES_GIVEN,
    change_sentence,
    change_text,
    comparison_cautions,
    comparison_lines,
    comparison_row,
    interval_sentence,
    mixed_kinds_text,
    span_text,
)
from spinealign.wording.course import (
    COURSE_COLUMNS,
    course_cautions,
    course_cells,
    course_headings,
    course_lines,
)
from spinealign.wording.results import NOTHING
from tests.examinations import SPINE_MR
from tests.phantoms import mr_analysis, xray_analysis

CALIBRATED = IntervalRule(
    {MeasureCode.COBB_C2_C7: 2.0, MeasureCode.TRANSLATION: 2.0},
    is_limited=True,
    change_factors={MeasureCode.COBB_C2_C7: 1.5, MeasureCode.TRANSLATION: 1.5},
)
"""Intervals are 2 standard deviations wide to each side, differences 1.5."""


def cobb(value, half=2.0, **changes):
    interval = None if half is None or value is None else (value - half, value + half)
    measurement = Measurement(
        MeasureCode.COBB_C2_C7, value, "deg", ("C2", "C7"), interval=interval,
        automatic_value=value,
    )  # fmt: skip
    return replace(measurement, **changes)


def translation(value, unit="mm"):
    interval = (value - 0.5, value + 0.5)
    return Measurement(MeasureCode.TRANSLATION, value, unit, ("C4", "C5"), interval=interval)


def examination(
    *measurements, source=SpacingSource.CALIBRATED, uncertain=False, name="a", rule=CALIBRATED
):
    base = xray_analysis()
    image = replace(base.image, spacing_source=source, sha256=name)
    return replace(
        base, image=image, measurements=measurements, levels_uncertain=uncertain,
        interval_rule=rule,
    )  # fmt: skip


KEY = PatientKey("id", "", "born", "name")


def of_patient(*measurements, day="20240301", key=KEY, **changes):
    """An examination whose file states a patient and a date."""
    analysis = examination(*measurements, **{"name": day, **changes})
    image = replace(analysis.image, dicom=DicomIdentifiers(patient=key))
    return PatientExamination(replace(analysis, image=image), PatientFacts(study_date=day))


def only_row(first, second):
    [row] = compare(first, second)
    return row


def test_a_difference_is_second_minus_first_and_judged_by_the_error_of_a_change():
    row = only_row(examination(cobb(10.0, 6.0)), examination(cobb(21.0, 8.0)))
    assert row.difference == pytest.approx(11)
    # Standard deviations of 3 and 4 make one of 5 for the difference, and 1.5 of that count.
    assert row.error.measured == pytest.approx(7.5)
    assert row.error.published.half_width == 5.0
    assert row.error.half_width == pytest.approx(7.5)
    assert row.change is Change.BEYOND


def test_a_change_counts_from_what_readers_differ_by_however_sure_the_program_is():
    sure = examination(cobb(10.0, 0.1)), examination(cobb(14.9, 0.1))
    assert only_row(*sure).error.half_width == 5.0
    assert only_row(*sure).change is Change.WITHIN
    assert only_row(sure[0], examination(cobb(15.1, 0.1))).change is Change.BEYOND


@pytest.mark.parametrize(
    ("second", "change"),
    [
        (cobb(14.9), Change.WITHIN),
        (cobb(15.1), Change.BEYOND),
        (cobb(5.1), Change.WITHIN),
        (cobb(4.9), Change.BEYOND),
        (cobb(30.0, half=None), Change.UNJUDGED),
        (cobb(0.2, unit="rad"), Change.UNLIKE_UNITS),
    ],
    ids=["within", "above", "within below", "below", "no interval", "unlike units"],
)
def test_what_a_difference_is_worth(second, change):
    assert only_row(examination(cobb(10.0)), examination(second)).change is change


def test_without_a_measurement_of_both_networks_only_what_is_published_counts():
    plain = examination(cobb(20.0, 8.0), rule=IntervalRule())
    row = only_row(examination(cobb(10.0, 8.0)), plain)
    assert (row.error.measured, row.error.half_width) == (None, 5.0)
    # Nobody published how far heights of discs over their neighbours' differ.
    ratio = [
        Measurement(MeasureCode.DISC_HEIGHT_RATIO, v, "", ("C4", "C5"), interval=(v - 1, v + 1))
        for v in (0.5, 3.5)
    ]
    row = only_row(examination(ratio[0]), examination(ratio[1]))
    assert (row.change, row.error, row.difference) == (Change.UNJUDGED, None, 3.0)


def test_what_readers_differ_by_is_the_least_on_mr_too():
    rule = IntervalRule(change_factors={MeasureCode.LUMBAR_LORDOSIS_L1_S1: 0.85})
    first, second = (
        examination(
            Measurement(
                MeasureCode.LUMBAR_LORDOSIS_L1_S1, v, "deg", ("L1", "S1"), interval=(v - 4, v + 4)
            ),
            rule=rule,
        )
        for v in (40.0, 50.0)
    )
    error = only_row(first, second).error
    assert error.measured == pytest.approx(math.hypot(4, 4) * 0.85 / NORMAL_95)
    assert error.half_width == error.published.half_width == 11.2


def test_a_corrected_value_is_not_believed_more_than_its_interval():
    edited = cobb(30.0, 8.0, state=MeasureState.EDITED)
    both = only_row(replaced_state(20.0), examination(edited))
    # The automatic one counts 1.5 / 2 of its interval, the corrected one all of it.
    assert both.error.measured == pytest.approx(math.hypot(6, 8))


def replaced_state(value):
    return examination(cobb(value, 8.0))


def test_limits_that_were_set_by_hand_are_no_evidence():
    assert published_limit(MEASURES[MeasureCode.DISC_HEIGHT_RATIO]) is None
    assert published_limit(MEASURES[MeasureCode.DISC_ANGLE]).half_width == 9.2
    tangent = published_limit(MEASURES[MeasureCode.POSTERIOR_TANGENT])
    assert tangent is CHANGE_LIMITS[MeasureCode.POSTERIOR_TANGENT]


@pytest.mark.parametrize(
    ("units", "sources", "change", "is_given"),
    [
        (("mm", "mm"), (SpacingSource.CALIBRATED, SpacingSource.USER), Change.BEYOND, True),
        (("px", "px"), (SpacingSource.UNKNOWN,) * 2, Change.PIXELS, False),
        (("mm", "px"), (SpacingSource.USER, SpacingSource.UNKNOWN), Change.UNLIKE_UNITS, False),
        (("mm", "mm"), (SpacingSource.DETECTOR_PLANE,) * 2, Change.MAGNIFIED, True),
        (
            ("mm", "mm"),
            (SpacingSource.DETECTOR_PLANE, SpacingSource.CALIBRATED),
            Change.ONE_MAGNIFIED,
            False,
        ),
    ],
    ids=["mm", "pixels", "mixed", "both magnified", "one magnified"],
)
def test_lengths_are_subtracted_only_where_they_mean_the_same(units, sources, change, is_given):
    first, second = (
        examination(translation(value, unit), source=source)
        for value, unit, source in zip((1.0, 5.0), units, sources, strict=True)
    )
    row = only_row(first, second)
    assert row.change is change
    assert (row.difference is not None) is is_given
    assert (row.error is not None) is (change is Change.BEYOND)


def test_measures_of_numbered_bodies_are_not_subtracted():
    named, numbered = examination(cobb(10.0)), examination(cobb(20.0), uncertain=True)
    assert only_row(named, numbered).change is Change.UNNAMED_LEVELS
    assert only_row(numbered, named).difference is None


def test_what_one_examination_lacks_is_listed_and_what_both_lack_is_not():
    missing = cobb(None)
    c2_c6 = cobb(8.0, code=MeasureCode.COBB_C2_C6, levels=("C2", "C6"))
    rows = compare(
        examination(cobb(10.0), translation(1.0)),
        examination(missing, c2_c6, translation(1.0)),
    )
    assert [(row.either.code, row.change) for row in rows] == [
        (MeasureCode.TRANSLATION, Change.WITHIN),
        (MeasureCode.COBB_C2_C7, Change.ONLY_FIRST),
        (MeasureCode.COBB_C2_C6, Change.ONLY_SECOND),
    ]
    assert compare(examination(missing), examination(missing)) == ()


def test_a_measure_that_is_uncertain_on_one_examination_says_so():
    why = Unmeasurable(UnmeasurableReason.OUTLINES_UNCERTAIN, ("C7",))
    doubted = cobb(None, unmeasurable=why)
    on_second = only_row(examination(cobb(10.0)), examination(doubted))
    on_first = only_row(examination(doubted), examination(cobb(10.0)))
    assert (on_second.change, on_first.change) == (Change.UNCERTAIN_SECOND, Change.UNCERTAIN_FIRST)
    assert (on_second.difference, on_second.first.value) == (None, 10.0)
    assert "on the second are uncertain" in comparison_row(on_second)[-1]
    absent = cobb(None, unmeasurable=Unmeasurable(UnmeasurableReason.NOT_OUTLINED, ("C7",)))
    assert only_row(examination(cobb(10.0)), examination(absent)).change is Change.ONLY_FIRST


def test_drawings_are_not_paired():
    drawn = replace(translation(3.0), drawing=1, state=MeasureState.DRAWN, levels=())
    assert compare(examination(drawn), examination(drawn)) == ()


values = st.floats(-90, 90)
halves = st.floats(0, 30)


@given(values, values, halves, halves)
def test_swapping_turns_every_difference_round(a, b, p, q):
    first, second = examination(cobb(a, p)), examination(cobb(b, q))
    there, back = only_row(first, second), only_row(second, first)
    assert there.difference == -back.difference
    assert there.error == back.error
    assert there.change is back.change


@given(values, halves)
def test_an_examination_compared_with_itself_has_not_changed(value, half):
    row = only_row(examination(cobb(value, half)), examination(cobb(value, half)))
    assert row.difference == 0
    assert row.change is Change.WITHIN


def test_a_row_in_words():
    edited = cobb(17.26, state=MeasureState.EDITED, automatic_value=12.0)
    row = only_row(examination(cobb(10.0)), examination(edited))
    assert comparison_row(row) == (
        "C2–C7 Cobb lordosis",
        "10.0°",
        "17.3° (manually corrected; automatic 12.0°)",
        "+7.3°",
        "± 5.0°",
        "changed beyond the error",
    )


@pytest.mark.parametrize(("second", "verb"), [(20.0, "rose"), (0.0, "fell")])
def test_a_change_in_words_says_which_way(second, verb):
    sentence = change_sentence(only_row(examination(cobb(10.0)), examination(cobb(second))))
    assert sentence.startswith(f"C2–C7 Cobb lordosis {verb} from 10.0° to {second:.1f}°")


def test_every_change_has_words():
    assert len({change_text(change) for change in Change}) == len(Change)


def test_the_text_names_dates_and_files_and_what_is_not_known():
    first, second = of_patient(cobb(10.0)), of_patient(cobb(20.0), day="20250505")
    lines = comparison_lines(first, second, compare(first.analysis, second.analysis))
    assert lines[0].startswith("First: 2024-03-01  ·  lateral cervical radiograph  ·  lateral.dcm")
    assert lines[2] == "2024-03-01 to 2025-05-05: 14 months."
    assert lines[3] == "\t".join(COMPARISON_HEADINGS)
    assert lines[-1] == DISCLAIMER
    assert "The same patient by what both files state." in lines


def test_two_kinds_are_told_before_the_values():
    first, second = of_patient(cobb(10.0)), PatientExamination(mr_analysis())
    lines = comparison_lines(first, second, compare(first.analysis, second.analysis))
    assert "standing and lying" in lines[3]
    assert sum("standing and lying" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (of_patient(), "same file"),
        (of_patient(source=SpacingSource.UNKNOWN, name="b"), "pixel spacing is unknown"),
        (of_patient(source=SpacingSource.DETECTOR_PLANE, name="b"), "magnified"),
        (PatientExamination(mr_analysis()), "standing and lying"),
        (of_patient(key=PatientKey("other id", "", "born", "name"), name="b"), "two different"),
        (of_patient(key=PatientKey(), name="b"), "is not known"),
    ],
    ids=["same file", "no spacing", "magnified", "another kind", "other patient", "unknown"],
)
def test_cautions_of_a_comparison(second, words):
    assert any(words in line for line in comparison_cautions(of_patient(), second))


def test_the_table_for_programs_keeps_numbers_states_and_origin():
    edited = cobb(20.0, state=MeasureState.EDITED, automatic_value=12.0)
    first = of_patient(cobb(10.0))
    second = of_patient(edited, translation(1.0), day="20250505")
    rows = list(csv.DictReader(io.StringIO(comparison_csv(first, second))))
    assert tuple(rows[0]) == (*COMPARISON_COLUMNS, *ORIGIN_COLUMNS)
    assert float(rows[0]["difference"]) == 10
    assert float(rows[0]["error_of_change"]) == 5
    assert rows[0]["error_source"] == CHANGE_LIMITS[MeasureCode.COBB_C2_C7].source
    assert rows[0]["second_state"] == "edited"
    assert float(rows[0]["second_automatic"]) == 12
    assert (rows[0]["first_date"], rows[0]["second_date"]) == ("2024-03-01", "2025-05-05")
    assert rows[0]["patient"] == "same"
    assert rows[1]["first"] == rows[1]["difference"] == ""
    assert rows[1]["judgement"] == "only on the second"
    assert all(row["disclaimer"] == DISCLAIMER for row in rows)


def test_the_table_is_written_whole_or_not_at_all(tmp_path):
    first, second = of_patient(cobb(10.0)), of_patient(cobb(20.0), day="20250505")
    path = tmp_path / "comparison.csv"
    write_comparison(first, second, path)
    assert path.read_bytes().decode() == comparison_csv(first, second)
    with pytest.raises(ExportError):
        write_comparison(first, second, tmp_path / "missing" / "comparison.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["comparison.csv"]


def test_views_are_compared_by_measure_only():
    first = replace(examination(cobb(10.0)), examination=SPINE_MR)
    assert only_row(first, examination(cobb(20.0))).change is Change.BEYOND


def heights(scale, unit="mm", grown=1.0):
    """Heights of bodies of a film, the last body's being another one's if `grown` is not 1."""
    codes = (MeasureCode.BODY_HEIGHT_ANTERIOR, MeasureCode.BODY_HEIGHT_POSTERIOR)
    rows = [(code, level) for level in ("C3", "C4", "C5", "C6") for code in codes]
    values = [scale * (14.0 + place / 3) for place in range(len(rows))]
    values[-3:] = [grown * value for value in values[-3:]]
    return [
        Measurement(code, value, unit, (level,), interval=(value - 1, value + 1))
        for (code, level), value in zip(rows, values, strict=True)
    ]


@pytest.mark.parametrize(
    ("second", "is_told"),
    [
        (heights(1.27), True),
        (heights(0.8), True),
        (heights(1.02), False),
        (heights(1.27, grown=1.3), False),
        (heights(1.27, unit="px"), False),
        (heights(1.27)[:5], False),
    ],
    ids=["larger", "smaller", "the same", "not all alike", "pixels", "few"],
)
def test_one_factor_between_all_heights_is_told_as_a_wrong_scale(second, is_told):
    pair = of_patient(*heights(1.0)), of_patient(*second, name="b")
    told = [line for line in comparison_cautions(*pair) if "same factor" in line]
    assert len(told) == is_told


class TestWhosePatient:
    @pytest.mark.parametrize(
        ("other", "match"),
        [
            (KEY, PatientMatch.SAME),
            (PatientKey("id", "", "born", "married name"), PatientMatch.SAME),
            (PatientKey("id", "", "born", "somebody else"), PatientMatch.DOUBTFUL),
            (PatientKey("", "", "born", "name"), PatientMatch.SAME),
            (PatientKey("other", "", "born", "name"), PatientMatch.OTHER),
            (PatientKey("id", "", "another day", "name"), PatientMatch.OTHER),
            (PatientKey("id", "", "", ""), PatientMatch.UNKNOWN),
            (PatientKey("", "", "", "name"), PatientMatch.UNKNOWN),
            (PatientKey("", "", "", "somebody"), PatientMatch.OTHER),
            (PatientKey("id", "", "", "somebody"), PatientMatch.DOUBTFUL),
            (PatientKey(), PatientMatch.UNKNOWN),
        ],
        ids=[
            "all alike", "one more word", "somebody else", "no ID", "another ID",
            "born on another day", "ID alone", "name alone",
            "another name alone", "ID with another name", "nothing stated",
        ],
    )  # fmt: skip
    def test_two_facts_must_agree_and_none_differ(self, other, match):
        assert KEY.match(other) is match
        assert other.match(KEY) is match

    def test_different_patients_are_refused_and_named(self):
        stranger = of_patient(key=PatientKey("x", "", "y", "z"), day="20250101")
        require_one_patient([of_patient(), of_patient(key=PatientKey(), name="b")])
        with pytest.raises(PatientsDifferError) as caught:
            require_one_patient([of_patient(), of_patient(name="b"), stranger])
        assert "two different patients" in explain(caught.value).sentence

    def test_one_file_is_of_one_patient_even_if_it_states_none(self):
        nameless = of_patient(key=PatientKey())
        assert nameless.match(nameless) is PatientMatch.SAME


class TestDates:
    @pytest.mark.parametrize(
        ("text", "day"),
        [
            ("20240229", date(2024, 2, 29)),
            ("2024.02.29", date(2024, 2, 29)),
            ("20230229", None),
            ("202402", None),
            ("", None),
        ],
    )
    def test_a_date_is_read_or_there_is_none(self, text, day):
        assert PatientFacts(study_date=text).examination_date == day

    def test_a_date_that_a_person_gave_counts_and_is_told_as_such(self):
        plain = of_patient(cobb(8.0), day="")
        given = Corrections(examination_date=date(2025, 5, 5))
        dated = PatientExamination(replace(plain.analysis, corrections=given), plain.facts)
        stated = of_patient(cobb(22.0))
        assert (plain.date, dated.date, dated.is_date_given) == (None, date(2025, 5, 5), True)
        assert not stated.is_date_given
        assert in_order([dated, stated]) == (stated, dated)
        sentence = interval_sentence(stated, dated)
        assert sentence == "2024-03-01 to 2025-05-05 (given by the user): 14 months."
        for said in (
            comparison_cautions(stated, dated),
            course_cautions(course_of([stated, dated])),
        ):
            assert DATES_GIVEN in said
        assert DATES_GIVEN not in comparison_cautions(stated, stated)
        assert "2025-05-05" not in DATES_GIVEN

    def test_the_date_of_the_file_counts_before_that_of_a_person(self):
        stated = of_patient(cobb(22.0))
        given = Corrections(examination_date=date(2025, 5, 5))
        both = PatientExamination(replace(stated.analysis, corrections=given), stated.facts)
        assert (both.date, both.is_date_given) == (date(2024, 3, 1), False)

    def test_the_acquisition_stands_in_for_a_study_without_a_date(self):
        facts = PatientFacts(study_date="garbage", acquisition_date="20200101")
        assert facts.examination_date == date(2020, 1, 1)

    @pytest.mark.parametrize(
        ("first", "second", "words"),
        [
            (date(2024, 3, 1), date(2025, 5, 5), "14 months"),
            (date(2024, 3, 6), date(2025, 5, 5), "13 months"),
            (date(2025, 5, 5), date(2024, 3, 1), "14 months"),
            (date(2024, 1, 31), date(2024, 2, 29), "4 weeks"),
            (date(2024, 1, 1), date(2024, 1, 13), "12 days"),
            (date(2024, 1, 1), date(2024, 1, 2), "1 day"),
            (date(2024, 1, 1), date(2024, 1, 1), "the same day"),
            (date(2020, 1, 1), date(2023, 3, 1), "3 years 2 months"),
            (date(2020, 1, 1), date(2023, 1, 1), "3 years"),
            (None, date(2024, 1, 1), ""),
        ],
    )
    def test_the_time_between_in_words(self, first, second, words):
        assert span_text(first, second) == words

    def test_an_earlier_second_examination_is_told(self):
        early, late = of_patient(), of_patient(day="20250505")
        assert interval_sentence(early, late) == "2024-03-01 to 2025-05-05: 14 months."
        assert "second examination is the earlier" in interval_sentence(late, early)
        assert "not known" in interval_sentence(early, of_patient(day=""))

    def test_examinations_stand_by_date_and_those_without_one_last(self):
        days = ["20250505", "", "20230101", "20240301"]
        ordered = in_order([of_patient(day=day) for day in days])
        assert [one.facts.study_date for one in ordered] == ["20230101", "20240301", "20250505", ""]


class TestCourse:
    def course(self):
        return course_of(
            [
                of_patient(cobb(22.0), day="20250505"),
                of_patient(cobb(12.0), translation(1.0), day="20240301"),
                of_patient(cobb(15.0), day=""),
                of_patient(cobb(10.0), day="20230101"),
            ]
        )

    def test_values_stand_by_date_and_are_judged_against_the_first(self):
        [row] = self.course().rows
        assert [value.value for value in row.values] == [10.0, 12.0, 22.0, 15.0]
        assert row.changes[0] is None
        assert [change.difference for change in row.changes[1:]] == [2.0, 12.0, 5.0]
        assert [change.change for change in row.changes[1:]] == [
            Change.WITHIN, Change.BEYOND, Change.WITHIN,
        ]  # fmt: skip

    def test_a_gap_stays_a_gap(self):
        course = course_of(
            [
                of_patient(day="20230101"),
                of_patient(cobb(10.0), day="20240101"),
                of_patient(cobb(None), day="20250101"),
                of_patient(cobb(20.0), day="20260101"),
            ]
        )
        [row] = course.rows
        assert [value and value.value for value in row.values] == [None, 10.0, None, 20.0]
        assert [change and change.difference for change in row.changes] == [None, None, None, 10.0]

    def test_kinds_that_are_mixed_are_told(self):
        mr = of_patient(cobb(20.0), day="20250101")
        mr = replace(mr, analysis=replace(mr.analysis, examination=SPINE_MR))
        lines = course_lines(course_of([of_patient(cobb(10.0)), mr]))
        assert any("standing and lying" in line for line in lines)
        assert not any("standing and lying" in line for line in course_lines(self.course()))

    def test_cells_mark_what_changed(self):
        course = self.course()
        assert course_headings(course)[1:5] == (
            "2023-01-01", "2024-03-01", "2025-05-05", "date not stated",
        )  # fmt: skip
        assert course_cells(course.rows[0])[:5] == (
            "C2–C7 Cobb lordosis", "10.0°", "12.0°", "22.0°*", "15.0°",
        )  # fmt: skip
        assert any("not drawn" in line for line in course_lines(course))

    def test_a_measure_that_the_last_examination_lacks_has_no_last_change(self):
        days = ("20230101", "20240101")
        seen = [of_patient(cobb(v), day=day) for v, day in zip((10.0, 22.0), days, strict=True)]
        course = course_of([*seen, of_patient(translation(1.0), day="20250101")])
        row = next(one for one in course.rows if one.either.code is MeasureCode.COBB_C2_C7)
        assert row.last is None
        assert row.latest is None
        assert course_cells(row)[4:] == (NOTHING, NOTHING, NOTHING, NOTHING)
        assert course_headings(course)[4:6] == ("Last change", "Last against first")

    def test_the_last_change_is_against_the_examination_before(self):
        days = ("20230101", "20240101", "20250101", "20260101")
        values = (12.8, 13.1, None, 1.2)
        course = course_of(
            [of_patient(cobb(v), day=day) for v, day in zip(values, days, strict=True)]
        )
        [row] = course.rows
        assert course_cells(row)[5:7] == ("-11.9° (changed)", "-11.6°")
        flat = course_of(
            [of_patient(cobb(v), day=d) for v, d in zip((12.0, 12.5), days[:2], strict=True)]
        )
        assert course_cells(flat.rows[0])[3:5] == ("+0.5°", "+0.5°")

    def test_the_table_for_programs_has_a_line_for_each_value(self):
        rows = list(csv.DictReader(io.StringIO(course_csv(self.course()))))
        assert tuple(rows[0]) == (*COURSE_COLUMNS, *COURSE_ORIGIN_COLUMNS)
        assert [row["date"] for row in rows] == ["2023-01-01", "2024-03-01", "2025-05-05", ""]
        assert [row["days"] for row in rows] == ["0", "425", "855", ""]
        assert [row["sha256"] for row in rows] == ["20230101", "20240301", "20250505", ""]
        assert [row["difference"] for row in rows] == ["", "2.0000", "12.0000", "5.0000"]


def test_kinds_that_differ_have_their_articles():
    assert mixed_kinds_text(["lateral cervical radiograph", "other image"]).startswith(
        "These are a lateral cervical radiograph and another image: standing and lying"
    )
