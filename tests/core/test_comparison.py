"""Two examinations: what is subtracted, what is refused, and what a difference is worth."""

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.comparison import Change
from spinealign.domain.errors import ExportError
from spinealign.domain.findings import DISCLAIMER
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import (
    Measurement,
    MeasureState,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.measures import MeasureCode
from spinealign.export.comparison import ORIGIN_COLUMNS, comparison_csv, write_comparison
from spinealign.measure.geometry.comparison import compare, difference_interval
from spinealign.wording.comparison import (
    COMPARISON_COLUMNS,
    COMPARISON_HEADINGS,
    change_text,
    comparison_cautions,
    comparison_lines,
    comparison_row,
)
from tests.examinations import SPINE_MR
from tests.phantoms import mr_analysis, xray_analysis


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


def examination(*measurements, source=SpacingSource.CALIBRATED, uncertain=False, name="a"):
    base = xray_analysis()
    image = replace(base.image, spacing_source=source, sha256=name)
    return replace(base, image=image, measurements=measurements, levels_uncertain=uncertain)


def only_row(first, second):
    [row] = compare(first, second)
    return row


def test_a_difference_is_second_minus_first_with_a_joined_interval():
    row = only_row(examination(cobb(10.0, 3.0)), examination(cobb(20.0, 4.0)))
    assert row.difference == pytest.approx(10)
    assert row.interval == pytest.approx((5, 15))
    assert row.change is Change.BEYOND


@pytest.mark.parametrize(
    ("second", "change"),
    [
        (cobb(12.8), Change.WITHIN),
        (cobb(12.9), Change.BEYOND),
        (cobb(7.1), Change.BEYOND),
        (cobb(30.0, half=None), Change.UNJUDGED),
        (cobb(0.2, unit="rad"), Change.UNLIKE_UNITS),
    ],
    ids=["within", "above", "below", "no interval", "unlike units"],
)
def test_what_a_difference_is_worth(second, change):
    # Two intervals of 2 degrees to each side join to 2.83.
    assert only_row(examination(cobb(10.0)), examination(second)).change is change


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
        for value, unit, source in zip((1.0, 4.0), units, sources, strict=True)
    )
    row = only_row(first, second)
    assert row.change is change
    assert (row.difference is not None) is is_given
    assert (row.interval is not None) is is_given


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


@given(values, values, halves, halves, halves, halves)
def test_swapping_turns_every_difference_round(a, b, a_down, a_up, b_down, b_up):
    first = examination(cobb(a, interval=(a - a_down, a + a_up)))
    second = examination(cobb(b, interval=(b - b_down, b + b_up)))
    there, back = only_row(first, second), only_row(second, first)
    assert there.difference == -back.difference
    assert there.interval == pytest.approx((-back.interval[1], -back.interval[0]), abs=1e-9)
    assert there.change is back.change


@given(values, values, halves, halves)
def test_a_joined_interval_holds_the_difference_and_is_not_wider_than_both_together(a, b, p, q):
    low, high = difference_interval(cobb(a, p), cobb(b, q))
    assert low - 1e-9 <= b - a <= high + 1e-9
    assert max(p, q) * 2 - 1e-6 <= high - low <= 2 * (p + q) + 1e-6


@given(values, halves)
def test_an_examination_compared_with_itself_has_not_changed(value, half):
    row = only_row(examination(cobb(value, half)), examination(cobb(value, half)))
    assert row.difference == 0
    assert row.change is Change.WITHIN


def test_a_row_in_words():
    edited = cobb(13.26, state=MeasureState.EDITED, automatic_value=12.0)
    row = only_row(examination(cobb(10.0)), examination(edited))
    assert comparison_row(row) == (
        "C2–C7 Cobb lordosis",
        "10.0°",
        "13.3° (manually corrected; automatic 12.0°)",
        "+3.3°",
        "+0.4 to +6.1",
        "beyond the uncertainty of both",
    )


def test_every_change_has_words():
    assert len({change_text(change) for change in Change}) == len(Change)


def test_the_text_names_both_files_and_what_is_not_known():
    first, second = examination(cobb(10.0)), examination(cobb(20.0), name="b")
    lines = comparison_lines(first, second, compare(first, second))
    assert lines[:3] == [
        "First: lateral.dcm",
        "Second: lateral.dcm",
        "\t".join(COMPARISON_HEADINGS),
    ]
    assert lines[-1] == DISCLAIMER
    assert any("same patient" in line for line in lines)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (examination(), "same file"),
        (examination(source=SpacingSource.UNKNOWN, name="b"), "pixel spacing is unknown"),
        (examination(source=SpacingSource.DETECTOR_PLANE, name="b"), "magnified"),
        (mr_analysis(), "standing and lying"),
    ],
    ids=["same file", "no spacing", "magnified", "another kind"],
)
def test_cautions_of_a_comparison(second, words):
    assert any(words in line for line in comparison_cautions(examination(), second))


def test_the_table_for_programs_keeps_numbers_states_and_origin():
    edited = cobb(20.0, state=MeasureState.EDITED, automatic_value=12.0)
    first, second = examination(cobb(10.0)), examination(edited, translation(1.0), name="b")
    rows = list(csv.DictReader(io.StringIO(comparison_csv(first, second))))
    assert tuple(rows[0]) == (*COMPARISON_COLUMNS, *ORIGIN_COLUMNS)
    assert float(rows[0]["difference"]) == 10
    assert rows[0]["second_state"] == "edited"
    assert float(rows[0]["second_automatic"]) == 12
    assert (rows[0]["first_sha256"], rows[0]["second_sha256"]) == ("a", "b")
    assert rows[1]["first"] == rows[1]["difference"] == ""
    assert rows[1]["judgement"] == "only on the second"
    assert all(row["disclaimer"] == DISCLAIMER for row in rows)


def test_the_table_is_written_whole_or_not_at_all(tmp_path):
    first, second = examination(cobb(10.0)), examination(cobb(20.0))
    path = tmp_path / "comparison.csv"
    write_comparison(first, second, path)
    assert path.read_bytes().decode() == comparison_csv(first, second)
    with pytest.raises(ExportError):
        write_comparison(first, second, tmp_path / "missing" / "comparison.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["comparison.csv"]


def test_views_are_compared_by_measure_only():
    first = replace(examination(cobb(10.0)), examination=SPINE_MR)
    assert only_row(first, examination(cobb(20.0))).change is Change.BEYOND
