"""Measures on their way out: JSON, CSV, overlay picture, report."""

import copy
import csv
import io
import json
from dataclasses import replace

import jsonschema
import numpy as np
import pypdf
import pytest

from spinealign.domain.comparison import PatientExamination
from spinealign.domain.findings import CorrectionKind, LandmarkName
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import (
    DrawingTool,
    Measurement,
    MeasureState,
    Stroke,
    StrokeKind,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.measures import (
    MEASURES,
    MeasureCode,
    NormalRange,
    Reference,
    Severity,
    SeverityGrade,
)
from spinealign.export.alignment_pages import measurement_bar
from spinealign.export.comparison import comparison_json
from spinealign.export.measure_drawing import draw_measures, legend_items, main_measures
from spinealign.export.measure_tables import MEASUREMENT_COLUMNS, measurements_csv
from spinealign.export.overlay import overlay_picture
from spinealign.export.report import annex_pdf, report_pdf
from spinealign.export.tables import analysis_json, analysis_schema
from spinealign.measure.correction.changes import add_drawing, calibrate, move_landmark
from spinealign.measure.correction.corrected import apply_corrections, initial_corrections
from tests.phantoms_xray import analysed, draw_column

AUTOMATIC = analysed(draw_column("T1"))
C5 = AUTOMATIC.vertebrae[3]
MOVED = C5.landmark(LandmarkName.ANTERIOR_INFERIOR)
WANTED = move_landmark(
    initial_corrections(AUTOMATIC), C5.index, MOVED.name, MOVED.x + 4.25, MOVED.y - 6
)
WANTED = add_drawing(WANTED, DrawingTool.DISTANCE, ((150, 300), (150, 400)))
CORRECTED = apply_corrections(
    AUTOMATIC, calibrate(WANTED, (100, 100), (100, 500), 100, AUTOMATIC.image)
)
BOTH = {"automatic": AUTOMATIC, "corrected": CORRECTED}
VALIDATOR = jsonschema.Draft202012Validator(analysis_schema())
MILD = Severity(SeverityGrade.GENANT_1, Reference.GENANT)
C7_HIDDEN = Unmeasurable(UnmeasurableReason.NOT_OUTLINED, ("C7",))
COBB = Measurement(
    MeasureCode.COBB_C2_C7, 12.34, "deg", ("C2", "C7"), interval=(9.8, 14.9),
    normal=NormalRange(6.0, 19.0, 12.5, 3.3, 99, (20, 79), (), Reference.GUO), severity=MILD,
    automatic_value=12.34, strokes=(Stroke(StrokeKind.LINE, ((10, 20), (90, 20))),),
)  # fmt: skip


def table_of(analysis):
    return json.loads(json.dumps(analysis_json(analysis, {}), allow_nan=False))


def with_measures(*measurements):
    return replace(AUTOMATIC, measurements=measurements)


def rows_of(analysis):
    return list(csv.DictReader(io.StringIO(measurements_csv(analysis), newline="")))


def text_of(analysis):
    readers = [pypdf.PdfReader(io.BytesIO(make(analysis))) for make in (report_pdf, annex_pdf)]
    pages = [page.extract_text() for reader in readers for page in reader.pages]
    return " ".join(" ".join(pages).split())


class TestJson:
    @pytest.mark.parametrize("analysis", BOTH.values(), ids=BOTH)
    def test_fits_the_schema(self, analysis):
        VALIDATOR.validate(table_of(analysis))

    def test_nobody_s_corrections_are_null(self):
        table = table_of(AUTOMATIC)
        assert (table["corrections"], table["automatic"]) == (None, None)
        assert table["input"]["calibration"] is None

    def test_all_that_is_known_of_a_measure_is_kept(self):
        (row,) = table_of(with_measures(COBB))["measurements"]
        assert row == {
            "name": "C2–C7 Cobb lordosis", "code": "cobb_c2_c7", "levels": ["C2", "C7"],
            "value": 12.34, "unit": "deg", "interval": [9.8, 14.9],
            "reference_range": {
                "low": 6.0, "high": 19.0, "mean": 12.5, "sd": 3.3, "people": 99, "ages": [20, 79],
                "source": "Guo 2018, doi:10.1186/s13018-018-0854-6",
                "note": "About a quarter of asymptomatic people are kyphotic.",
            },
            "severity": {
                "word": "mild height loss",
                "source": "Genant 1993, J Bone Miner Res 8:1137: 20 to 25 % loss",
            },
            "state": "automatic", "automatic_value": 12.34, "points": [],
            "method": "Angle between the inferior endplate of C2 and the inferior endplate of C7.",
            "source": (
                "Yukawa 2012, PMID 22310883; Guo 2018, doi:10.1186/s13018-018-0854-6; Daffin 2017; "
                "Harrison 2000, PMID 10954638"
            ),
            "reason": "",
            "reason_code": None,
            "value_px": None,
            "grey": None,
            "curve": None,
        }  # fmt: skip

    def test_an_uncertain_outline_is_told_by_its_code_too(self):
        why = Unmeasurable(UnmeasurableReason.OUTLINES_UNCERTAIN, ("C2", "C7"))
        doubted = replace(COBB, value=None, interval=None, automatic_value=None, unmeasurable=why)
        table = table_of(with_measures(doubted))
        (row,) = table["measurements"]
        assert (row["value"], row["reason_code"]) == (None, "outlines_uncertain")
        assert row["reason"].endswith("check and correct the corners of C2 and C7")

    def test_the_schema_knows_every_reason(self):
        properties = analysis_schema()["$defs"]["measurement"]["properties"]
        assert properties["reason_code"]["enum"] == [*UnmeasurableReason, None]

    def test_edited_and_automatic_are_both_there(self):
        table = table_of(CORRECTED)
        old = {(m["code"], *m["levels"]): m for m in table["automatic"]["measurements"]}
        edited = [m for m in table["measurements"] if m["state"] == "edited"]
        angles = [m for m in edited if m["unit"] == "deg"]
        assert angles
        for row in angles:
            assert row["automatic_value"] == old[(row["code"], *row["levels"])]["value"]
        moved = {p["name"]: p for p in table["vertebrae"][3]["landmarks"]}[MOVED.name]
        assert (moved["source"], moved["x"]) == ("user", pytest.approx(MOVED.x + 4.25, abs=0.01))
        untouched = {p["name"]: p for p in table["automatic"]["vertebrae"][3]["landmarks"]}
        assert untouched[MOVED.name]["x"] == pytest.approx(MOVED.x, abs=0.01)

    def test_what_a_person_did_is_summed_up(self):
        table = table_of(CORRECTED)
        assert set(table["corrections"]["changes"]) == {
            CorrectionKind.POINTS_MOVED, CorrectionKind.CALIBRATED,
        }  # fmt: skip
        assert table["corrections"]["points_placed"] == 1
        assert table["corrections"]["drawings"] == [
            {"tool": "distance", "number": 1, "points": [[150, 300], [150, 400]], "text": ""}
        ]

    def test_the_user_s_calibration_is_told_with_its_length(self):
        table = table_of(CORRECTED)
        assert table["input"]["spacing_source"] == SpacingSource.USER
        assert table["input"]["spacing_mm"] == [0.25, 0.25]
        assert table["input"]["calibration"]["length_mm"] == 100
        assert table["automatic"]["spacing_mm"] is None

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("measurements", 0, "code"), "guess"),
            (("measurements", 0, "state"), "improved"),
            (("measurements", 0, "interval"), [1.0]),
            (("measurements", 0, "strokes"), []),
            (("measurements", 0, "points", 0, "source"), "guess"),
            (("corrections", "changes", 0), "prettier"),
            (("corrections", "points_placed"), -1),
            (("automatic", "measurements", 0, "value"), "12"),
            (("input", "calibration", "length_mm"), 0),
        ],
        ids=lambda v: ".".join(map(str, v)) if isinstance(v, tuple) else "",
    )
    def test_damage_is_found(self, path, value):
        damaged = copy.deepcopy(table_of(CORRECTED))
        node = damaged
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = value
        assert not VALIDATOR.is_valid(damaged)

    def test_codes_are_the_program_s_own(self):
        measure = analysis_schema()["$defs"]["measurement"]["properties"]
        changes = analysis_schema()["properties"]["corrections"]["properties"]["changes"]
        assert measure["code"]["enum"] == list(MeasureCode)
        assert measure["state"]["enum"] == list(MeasureState)
        assert changes["items"]["enum"] == list(CorrectionKind)


class TestCsv:
    @pytest.mark.parametrize("analysis", BOTH.values(), ids=BOTH)
    def test_one_row_a_measure_with_the_same_numbers_as_the_json(self, analysis):
        rows, table = rows_of(analysis), table_of(analysis)["measurements"]
        assert len(rows) == len(table) > 20
        for row, measure in zip(rows, table, strict=True):
            assert row["measure"] == measure["name"]
            assert row["state"] == measure["state"]
            for column in ("value", "automatic_value"):
                assert row[column] == ("" if measure[column] is None else str(measure[column]))

    def test_columns_follow_rfc_4180(self):
        odd = replace(COBB, code=MeasureCode.BODY_SEGMENTAL_ANGLE, levels=('a "C2", and', "C7"))
        text = measurements_csv(with_measures(odd))
        header, row, end = text.split("\r\n")
        assert header.split(",") == list(MEASUREMENT_COLUMNS)
        assert '"a ""C2"", and/C7 segmental angle"' in row
        assert end == ""

    def test_a_missing_value_has_its_reason(self):
        nothing = replace(COBB, value=None, interval=None, unmeasurable=C7_HIDDEN)
        (row,) = rows_of(with_measures(nothing))
        assert (row["value"], row["interval_low"]) == ("", "")
        assert row["reason"] == "C7 was not found"

    def test_where_millimetres_come_from_is_in_every_row(self):
        for row in rows_of(CORRECTED):
            assert (row["spacing_source"], row["calibration_length_mm"]) == (
                "user_calibration", "100.0",
            )  # fmt: skip
        assert {row["spacing_row_mm"] for row in rows_of(AUTOMATIC)} == {""}
        oblong = replace(AUTOMATIC, image=replace(AUTOMATIC.image, spacing_mm=(0.5, 0.25)))
        for row in rows_of(oblong):
            assert (row["spacing_row_mm"], row["spacing_column_mm"]) == ("0.5", "0.25")


class TestPicture:
    def test_one_lordosis_one_axis_one_slope_and_what_was_drawn(self):
        codes = [m.code for m in main_measures(CORRECTED)]
        assert codes == [
            MeasureCode.COBB_C2_C7, MeasureCode.SAGITTAL_VERTICAL_AXIS, MeasureCode.T1_SLOPE,
            MeasureCode.DRAWN_DISTANCE,
        ]  # fmt: skip

    def test_a_line_is_drawn_where_it_was_measured(self):
        canvas = np.zeros((200, 300, 3), np.uint8)
        drawn = draw_measures(canvas, [COBB], (2.0, 2.0), 1.0, 14)
        ((colour, words),) = legend_items([COBB])
        assert words == "C2–C7 Cobb 12.3°"
        is_line = (np.abs(drawn.astype(int) - colour).max(axis=2) < 6).nonzero()
        on_line = np.abs(is_line[0] - 39.5) <= 2
        assert {20, 100, 178} <= set(is_line[1][on_line])
        assert not canvas.any()

    def test_a_value_stands_clear_of_bodies_and_inside_the_picture(self):
        canvas = np.zeros((100, 240, 3), np.uint8)
        wall = np.array([(45.0, 0.0), (115, 0), (115, 40), (45, 40)])
        short = replace(COBB, strokes=(Stroke(StrokeKind.LINE, ((40, 20), (42, 20))),))
        drawn = draw_measures(canvas, [short], (1.0, 1.0), 1.0, 12, [wall])
        words = drawn[:40, 46:115]
        assert not words.any()
        assert drawn[45:].any()

    def test_the_axis_is_named_at_the_end_of_its_plumb_line(self):
        plumb = Stroke(StrokeKind.PLUMB, ((100, 20), (100, 150)))
        line = Stroke(StrokeKind.LINE, ((100, 150), (290, 150)))
        axis = replace(COBB, code=MeasureCode.SAGITTAL_VERTICAL_AXIS, strokes=(line, plumb))
        blank = np.zeros((200, 400, 3), np.uint8)
        lettered = draw_measures(blank, [axis], (1, 1), 1, 12, with_names=False)
        unlettered = draw_measures(blank, [axis], (1, 1), 1, 1, with_names=False)
        rows, cols = np.nonzero((lettered != unlettered).any(axis=2))
        assert np.hypot(rows.mean() - 150, cols.mean() - 100) < 60

    @pytest.mark.parametrize("kind", [StrokeKind.EXTENSION, StrokeKind.PLUMB])
    def test_no_dash_stands_in_front_of_a_value_as_its_sign(self, kind):
        line = Stroke(StrokeKind.LINE, ((100, 90), (100, 110)))
        dashes = Stroke(kind, ((20, 100), (380, 100)))
        other = replace(COBB, code=MeasureCode.T1_SLOPE, strokes=(dashes,))
        measure = replace(COBB, strokes=(line,))
        blank = np.zeros((200, 400, 3), np.uint8)
        lettered = draw_measures(blank, [measure, other], (1, 1), 1, 12, with_names=False)
        dashed = lettered[94:107, 104:380]
        assert not dashed[:4].any()
        assert dashed[4:9].any()

    def test_edited_measures_say_so_in_the_legend(self):
        items = [words for _, words in legend_items(main_measures(CORRECTED))]
        edited = replace(COBB, state=MeasureState.EDITED, automatic_value=10.0)
        assert "(manually corrected; automatic 10.0°)" in legend_items([edited])[0][1]
        assert any(words == "Distance 1 25.0 mm" for words in items)

    def test_the_picture_grows_by_the_measures(self):
        bare = np.asarray(overlay_picture(with_measures()))
        drawn = np.asarray(overlay_picture(AUTOMATIC))
        rows, cols = AUTOMATIC.image.shape
        assert (bare[:rows, :cols] != drawn[:rows, :cols]).any()
        assert drawn.shape[0] > bare.shape[0]


class TestReport:
    def test_value_interval_range_and_edit_are_told(self):
        edited = replace(COBB, state=MeasureState.EDITED, automatic_value=10.0)
        text = text_of(with_measures(edited))
        assert "C2–C7 Cobb lordosis [1] 12.3° 9.8 to 14.9 6 to 19°" in text
        assert "mild height loss; manually corrected; automatic 10.0°" in text
        assert "[1] C2–C7 Cobb lordosis: Angle between the inferior endplate of C2" in text
        assert "PMID 10954638" in text

    @pytest.mark.parametrize(
        ("analysis", "sentence"),
        [
            (CORRECTED, "Lengths calibrated by the user: 100 mm line."),
            (AUTOMATIC, "Lengths are in pixels, because the pixel spacing is unknown"),
        ],
        ids=BOTH,
    )
    def test_what_lengths_rest_on_is_told(self, analysis, sentence):
        assert sentence in text_of(analysis)

    def test_levels_are_rows_and_measures_are_columns(self):
        def at(code, levels, value, **more):
            unit = "mm" if code is MeasureCode.TRANSLATION else ""
            return Measurement(code, value, unit, levels, **more)

        slip, ratio = MeasureCode.TRANSLATION, MeasureCode.DISC_HEIGHT_RATIO
        edited = {"state": MeasureState.EDITED, "automatic_value": 1.0, "interval": (0.5, 2.5)}
        text = text_of(
            with_measures(
                at(slip, ("C3", "C4"), 1.5, **edited),
                at(slip, ("C2", "C3"), -0.4, interval=(-1.0, 0.2)),
                at(ratio, ("C3", "C4"), 0.87, severity=MILD),
                at(ratio, ("C2", "C3"), None, unmeasurable=C7_HIDDEN),
            )
        )
        assert "Level Translation (mm) [1] Disc height ratio [2] C2/C3 -0.4 -1.0 to 0.2 -" in text
        assert (
            "C3/C4 1.5 0.5 to 2.5 manually corrected; automatic 1.0 mm 0.87 mild height loss"
            in text
        )

    def test_the_finding_tells_the_lordosis(self):
        first = pypdf.PdfReader(io.BytesIO(report_pdf(with_measures(COBB)))).pages[0]
        text = " ".join(first.extract_text().split())
        assert "C2–C7 Cobb lordosis 12.3° (9.8 to 14.9) 6 to 19° mild height loss" in text

    @pytest.mark.parametrize(
        ("levels", "is_told"), [(("T10", "T11"), True), (("T12", "L1"), False)]
    )
    def test_a_range_heads_a_column_that_shares_it(self, levels, is_told):
        code = MeasureCode.BODY_HEIGHT_RATIO
        bodies = (
            Measurement(
                code, 0.9, "", (level,), interval=(0.8, 1.0),
                normal=MEASURES[code].normal_for((level,)),
            )
            for level in levels
        )  # fmt: skip
        assert ("reference 0.7" in text_of(with_measures(*bodies))) is is_told

    def test_a_whole_neck_fits_on_two_pages(self):
        assert len(pypdf.PdfReader(io.BytesIO(report_pdf(CORRECTED))).pages) <= 2

    def test_what_is_not_measurable_is_told_with_its_reason(self):
        missing = replace(COBB, value=None, interval=None, normal=None, unmeasurable=C7_HIDDEN)
        text = text_of(with_measures(missing))
        assert "C2–C7 Cobb lordosis: C7 was not found." in text
        assert "How it was measured" not in text

    def test_no_letter_is_lost(self):
        assert "?" not in text_of(CORRECTED)

    @pytest.mark.parametrize(
        ("value", "share"),
        [(12.5, 0.5), (6.0, 0.206), (19.0, 0.794)],
        ids=["middle", "low", "high"],
    )
    def test_the_tick_stands_where_the_value_lies(self, value, share):
        bar = measurement_bar(replace(COBB, value=value, interval=(value, value)))
        tick = bar.contents[-1]
        assert tick.x1 / bar.width == pytest.approx(share, abs=0.001)

    def test_a_value_without_a_range_has_no_bar(self):
        assert measurement_bar(replace(COBB, normal=None)) is None

    @pytest.mark.parametrize(
        "normal", [(None, 19.0), (6.0, None)], ids=["open below", "open above"]
    )
    def test_open_ranges_reach_the_end_of_the_bar(self, normal):
        bar = measurement_bar(replace(COBB, normal=NormalRange(*normal)))
        band = bar.contents[1]
        ends = (band.x, band.x + band.width)
        assert (ends[0] == 0) == (normal[0] is None)
        assert (ends[1] == bar.width) == (normal[1] is None)


def test_a_comparison_as_json_keeps_both_values_and_its_judgement():
    table = json.loads(
        json.dumps(
            comparison_json(*map(PatientExamination, (AUTOMATIC, CORRECTED))), allow_nan=False
        )
    )
    cobb = next(m for m in table["measures"] if m["first"] and m["first"]["code"] == "t1_slope")
    assert cobb["difference"] == pytest.approx(cobb["second"]["value"] - cobb["first"]["value"])
    assert cobb["change"] == "unjudged"
    assert table["first"]["sha256"] == AUTOMATIC.image.sha256
    assert "Both are the same file." in table["warnings"]
