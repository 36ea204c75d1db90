"""Measures in words: numbers, ranges, groups, what is missing, and the headline."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.measurements import (
    LengthUnit,
    MeasuredPoint,
    Measurement,
    MeasureState,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.measures import (
    MEASURES,
    MeasureCode,
    MeasureGroup,
    NormalRange,
    Reference,
    Severity,
    SeverityGrade,
)
from spinealign.wording.alignment import alignment_sentences
from spinealign.wording.measure_rows import (
    MEASURE_HEADINGS,
    RangePosition,
    drawn_text,
    edited_text,
    grouped,
    interval_text,
    measure_cells,
    measure_lines,
    measure_sentence,
    missing_title,
    note_parts,
    number_text,
    points_text,
    position_in_range,
    range_text,
    unmeasurable_lines,
    value_text,
)
from tests.phantoms import xray_analysis

COBB = Measurement(
    MeasureCode.COBB_C2_C7, 12.34, "deg", ("C2", "C7"), interval=(9.8, 14.9),
    normal=NormalRange(6.0, 19.0), automatic_value=12.34,
)  # fmt: skip
EDITED = replace(COBB, state=MeasureState.EDITED, automatic_value=10.06)
C7_HIDDEN = Unmeasurable(UnmeasurableReason.NOT_OUTLINED, ("C7",))
MISSING = replace(COBB, value=None, interval=None, normal=None, unmeasurable=C7_HIDDEN)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (12.34, "deg", "12.3"),
        (-0.04, "deg", "0.0"),
        (-3.27, "mm", "-3.3"),
        (0.856, "", "0.86"),
        (24.6, "%", "25"),
        (40.04, "px", "40.0"),
    ],
)
def test_numbers_have_the_decimals_that_their_unit_deserves(value, unit, text):
    assert number_text(value, unit) == text


@given(st.floats(-1e4, 1e4), st.sampled_from(["deg", "mm", "px", "%", ""]))
def test_a_number_never_says_minus_zero_and_is_read_back(value, unit):
    text = number_text(value, unit)
    assert abs(float(text) - value) <= 0.5 + 1e-6
    assert not (text.startswith("-") and float(text) == 0)
    assert number_text(value, unit, signed=True).lstrip("+") == text


@pytest.mark.parametrize(
    ("unit", "text"),
    [("deg", "12.3°"), ("mm", "12.3 mm"), ("px", "12.3 px"), ("%", "12 %"), ("", "12.34")],
)
def test_a_value_has_its_unit(unit, text):
    assert value_text(replace(COBB, unit=unit)) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(6, 19, "6 to 19°"), (None, 40.0, "up to 40°"), (0.8, None, "from 0.8°"), (None, None, "")],
    ids=["both", "upper", "lower", "none"],
)
def test_a_range_in_words(low, high, text):
    assert range_text(NormalRange(low, high), "deg") == text


@pytest.mark.parametrize(
    ("value", "interval", "place"),
    [
        (12, (10, 14), RangePosition.INSIDE),
        (7, (5, 9), RangePosition.INSIDE_NEAR),
        (18, (16, 20), RangePosition.INSIDE_NEAR),
        (5, (4, 7), RangePosition.BELOW_NEAR),
        (2, (1, 3), RangePosition.BELOW),
        (20, (18, 22), RangePosition.ABOVE_NEAR),
        (30, (28, 32), RangePosition.ABOVE),
        (30, None, RangePosition.ABOVE),
        (19, None, RangePosition.INSIDE),
    ],
)
def test_where_a_value_lies(value, interval, place):
    measurement = replace(COBB, value=float(value), interval=interval)
    assert position_in_range(measurement) is place
    assert place.is_inside is COBB.normal.holds(value)


def test_without_a_range_or_a_value_there_is_no_place():
    assert position_in_range(replace(COBB, normal=None)) is None
    assert position_in_range(MISSING) is None


GROUPS = {
    MeasureGroup.SEGMENTS: {
        "body_segmental_angle", "disc_angle", "translation", "listhesis_percent",
    },
    MeasureGroup.CANAL: {"canal_diameter", "canal_diameter_behind_body", "canal_ratio"},
    MeasureGroup.DISCS: {"disc_height", "disc_height_ratio", "disc_height_index"},
    MeasureGroup.BODIES: {
        "body_height_anterior", "body_height_middle", "body_height_posterior",
        "body_height_ratio", "middle_height_ratio", "height_to_neighbours",
    },
    MeasureGroup.BALANCE: {
        "sagittal_vertical_axis_c7_s1", "sacral_slope", "pelvic_tilt", "pelvic_incidence",
        "pelvic_incidence_minus_lordosis", "coronal_balance", "trunk_shift", "apical_translation",
    },
    MeasureGroup.CHALLENGE: {"cobb_1", "cobb_2", "cobb_3"},
    MeasureGroup.DRAWN: {
        "drawn_distance", "drawn_angle", "drawn_cobb", "drawn_area", "drawn_rectangle",
        "drawn_ellipse", "femoral_heads", "plumb_points", "chest_edges",
    },
}  # fmt: skip


@pytest.mark.parametrize("code", MeasureCode)
def test_groups(code):
    expected = (group for group, codes in GROUPS.items() if code in codes)
    assert MEASURES[code].group is next(expected, MeasureGroup.ALIGNMENT)


def test_groups_keep_their_order_after_what_was_drawn_and_leave_out_what_has_no_value():
    angle = replace(COBB, code=MeasureCode.BODY_SEGMENTAL_ANGLE, levels=("C3", "C4"))
    other = replace(angle, levels=("C2", "C3"))
    drawn = replace(COBB, code=MeasureCode.DRAWN_COBB, state=MeasureState.DRAWN)
    assert grouped([drawn, angle, other, MISSING, COBB]) == (
        (MeasureGroup.DRAWN, (drawn,)),
        (MeasureGroup.ALIGNMENT, (COBB,)),
        (MeasureGroup.SEGMENTS, (angle, other)),
    )


def test_what_is_missing_is_told_once_for_each_reason():
    slope = replace(MISSING, code=MeasureCode.C7_SLOPE, levels=("C7",))
    why = Unmeasurable(UnmeasurableReason.CUT_OFF, ("T1",))
    t1 = replace(MISSING, code=MeasureCode.T1_SLOPE, levels=("T1",), unmeasurable=why)
    assert unmeasurable_lines([MISSING, COBB, t1, slope]) == [
        "C2–C7 Cobb lordosis and C7 slope: C7 was not found.",
        "T1 slope: the border of the image cuts T1 off.",
    ]


def uncertain(code, levels, *bodies):
    why = Unmeasurable(UnmeasurableReason.OUTLINES_UNCERTAIN, bodies)
    return replace(MISSING, code=code, levels=levels, unmeasurable=why)


def test_uncertain_outlines_are_told_in_one_line_with_all_bodies_from_the_top():
    lines = unmeasurable_lines(
        [
            uncertain(MeasureCode.T1_SLOPE, ("T1",), "T1"),
            MISSING,
            uncertain(MeasureCode.BODY_SEGMENTAL_ANGLE, ("C5", "C6"), "C5", "C6"),
            uncertain(MeasureCode.BODY_SEGMENTAL_ANGLE, ("C4", "C5"), "C5"),
        ]
    )
    assert missing_title([MISSING]) == "Not measurable (1)"
    doubted = [uncertain(MeasureCode.T1_SLOPE, ("T1",), "T1")] * 2
    assert missing_title([MISSING, *doubted]) == "Not measurable (3; uncertain outlines: 2)"
    assert lines == [
        "T1 slope and segmental angle (C4/C5, C5/C6): the outlines are uncertain; "
        "check and correct the corners of C5, C6 and T1.",
        "C2–C7 Cobb lordosis: C7 was not found.",
    ]


def test_a_sentence_says_all_that_a_row_shows():
    grave = replace(EDITED, severity=Severity(SeverityGrade.GENANT_1, Reference.GENANT))
    assert measure_sentence(grave) == (
        "C2–C7 Cobb lordosis: 12.3°, 95 % interval 9.8 to 14.9, within the "
        "95 % reference range "
        "(6 to 19°), mild height loss, manually corrected; automatic 10.1°"
    )
    assert note_parts(grave) == ("mild height loss", "manually corrected; automatic 10.1°")
    assert note_parts(COBB) == ()


def test_an_edited_value_that_the_program_had_not():
    assert (
        edited_text(replace(EDITED, automatic_value=None))
        == "manually corrected; no automatic value"
    )
    assert edited_text(COBB) == ""


def test_an_interval_that_is_not_finite_is_left_out():
    assert interval_text((float("nan"), 3.0), "deg") == ""


def test_points_tell_who_placed_them():
    points = (
        MeasuredPoint("C2", "anterior_inferior", 1.0, 2.0, "network"),
        MeasuredPoint("C2", "posterior_inferior", 1.0, 2.0, "user"),
        MeasuredPoint("C7", "anterior_inferior", 1.0, 2.0, "contour"),
    )
    assert points_text(replace(COBB, points=points)) == (
        "C2: anterior inferior (detected by the network), posterior inferior (placed manually); "
        "C7: anterior inferior (from the outline)"
    )


def test_lines_are_a_table_with_both_values_methods_and_reasons():
    lines = measure_lines([EDITED, MISSING])
    cells = dict(zip(lines[0].split("\t"), lines[1].split("\t"), strict=True))
    assert tuple(cells) == MEASURE_HEADINGS
    assert (cells["Value"], cells["Unit"], cells["Automatic value"]) == ("12.3", "°", "10.1")
    assert (cells["95 % low"], cells["95 % high"]) == ("9.8", "14.9")
    assert cells["Placed by"] == "program, manually corrected"
    assert cells["Method"].startswith("Angle between the inferior endplate of C2")
    assert lines[2:] == ["Not measurable: C2–C7 Cobb lordosis: C7 was not found."]


def test_cells_cannot_break_their_line():
    odd = replace(COBB, code=MeasureCode.BODY_SEGMENTAL_ANGLE, levels=("a\tb\nc", "C7"))
    assert not any("\t" in cell or "\n" in cell for cell in measure_cells(odd))


def sentences(*measurements):
    return alignment_sentences(replace(xray_analysis(), measurements=measurements))


def test_the_headline_of_the_alignment():
    assert sentences(COBB) == (
        "C2–C7 Cobb lordosis 12.3° (95 % 9.8 to 14.9): within the 95 % reference range (6 to 19°)."
    )


def test_a_headline_outside_the_range_says_what_is_known_about_it():
    said = sentences(replace(COBB, value=2.0, interval=(0.0, 4.0)))
    assert "below the 95 % reference range (6 to 19°)." in said
    assert said.endswith("About a quarter of asymptomatic people are kyphotic.")


def test_a_headline_names_what_stands_in_for_a_hidden_body():
    instead = replace(
        COBB, code=MeasureCode.COBB_C2_C6, normal=None, levels=("C2", "C6"),
    )  # fmt: skip
    assert sentences(MISSING, instead) == (
        "C2–C6 Cobb lordosis 12.3° (95 % 9.8 to 14.9). C7 was not found: "
        "C2–C6 Cobb lordosis is given instead of C2–C7 Cobb lordosis."
    )


def test_a_headline_says_that_points_were_moved():
    assert "(95 % 9.8 to 14.9; manually corrected; automatic 10.1°)" in sentences(EDITED)


def test_without_lordosis_the_headline_says_why_or_nothing():
    assert sentences(MISSING) == ("C2–C7 Cobb lordosis is not measurable: C7 was not found.")
    assert sentences() == ""


def test_many_levels_of_one_measure_are_told_as_runs():
    why = Unmeasurable(UnmeasurableReason.FACING_UNKNOWN)
    discs = [("C2", "C3"), ("C4", "C5"), ("T1", "T2"), ("C3", "C4"), ("T4", "T5"), ("T5", "T6")]
    missing = [
        replace(MISSING, code=MeasureCode.BODY_SEGMENTAL_ANGLE, levels=levels, unmeasurable=why)
        for levels in discs
    ]
    drawn = replace(MISSING, code=MeasureCode.DRAWN_COBB, levels=(), unmeasurable=why)
    drawings = [replace(drawn, drawing=number) for number in (1, 2)]
    [line] = unmeasurable_lines([*missing, *drawings])
    assert line.startswith(
        "segmental angle (C2/C3 to C4/C5, T1/T2, T4/T5, T5/T6), Cobb angle 1 and Cobb angle 2: "
    )
    [alone] = unmeasurable_lines(missing[:1])
    assert alone.startswith("C2/C3 segmental angle: ")


@pytest.mark.parametrize(
    ("value", "interval", "severity", "said"),
    [
        (15.0, (0.0, 31.0), None, True),
        (5.0, (-2.0, 12.0), None, False),
        (15.0, (5.0, 25.0), Severity(SeverityGrade.MEYERDING_1, Reference.MEYERDING), False),
        (15.0, None, None, False),
    ],
)
def test_a_slip_without_a_grade_says_why(value, interval, severity, said):
    slip = replace(
        COBB, code=MeasureCode.LISTHESIS_PERCENT, value=value, interval=interval, unit="%",
        severity=severity,
    )  # fmt: skip
    assert ("not graded: the interval reaches 0" in note_parts(slip)) is said


@pytest.mark.parametrize(
    ("lengths", "with_scale", "without"),
    [
        (LengthUnit.MILLIMETRES, "12.5 mm", "25.0 px"),
        (LengthUnit.PIXELS, "25.0 px", "25.0 px"),
        (LengthUnit.BOTH, "12.5 mm (25.0 px)", "25.0 px"),
    ],
)
def test_a_drawn_length_is_written_in_the_unit_that_was_chosen(lengths, with_scale, without):
    drawn = Measurement(MeasureCode.DRAWN_DISTANCE, 12.5, "mm", value_px=25.0)
    bare = Measurement(MeasureCode.DRAWN_DISTANCE, 25.0, "px")
    angle = Measurement(MeasureCode.DRAWN_ANGLE, 12.5, "deg")
    assert drawn_text(drawn, lengths) == with_scale
    assert drawn_text(bare, lengths) == without
    assert drawn_text(angle, lengths) == "12.5°"
