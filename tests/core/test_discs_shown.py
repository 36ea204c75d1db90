"""Graded discs in words, JSON, CSV, report and picture."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from pypdf import PdfReader

from spinealign import wording
from spinealign.domain.discs import GradeName, Overall
from spinealign.domain.findings import Caution, ModelStatus, WarningCode
from spinealign.domain.image import Weighting
from spinealign.export.bundle import write_bundle
from spinealign.export.disc_tables import DISC_COLUMNS, discs_csv
from spinealign.export.exporters import available_kinds
from spinealign.export.overlay import overlay_picture
from spinealign.export.report import report_pdf
from spinealign.export.tables import analysis_json, analysis_schema
from spinealign.imaging.render import to_display
from spinealign.lumbar.crops import CROP_SHAPE, CropFrame, cut_out
from spinealign.lumbar.pictures import disc_picture, leading_grade
from spinealign.measure.correction.corrected import apply_corrections, initial_corrections
from spinealign.measure.correction.level_shift import shift_levels
from spinealign.wording.discs import (
    OVERALL_RULE,
    are_levels_counted,
    companion_text,
    disc_doubt_lines,
    disc_lines,
    disc_summary,
    grade_text,
    percent_text,
)
from spinealign.wording.finding_text import finding_text
from tests.disc_models import HEALTHY, graded_analysis
from tests.phantoms import mr_analysis

UNSURE = ({GradeName.HERNIATION: 0.1},)


@pytest.mark.parametrize(
    ("told", "overall", "start"),
    [
        ((), Overall.HEALTHY, "Discs: no abnormality detected."),
        (
            ({GradeName.PFIRRMANN: 4, GradeName.NARROWING: 3.0, GradeName.BULGING: 2.0}, {}),
            Overall.ABNORMAL,
            "Abnormal discs: L5/S1: Pfirrmann 4, narrowed, bulging.",
        ),
        (({}, {GradeName.PFIRRMANN: 5}), Overall.ABNORMAL, "Abnormal discs: L4/L5: Pfirrmann 5."),
        (
            ({GradeName.PFIRRMANN: 3, GradeName.MODIC: 2.0},),
            Overall.ABNORMAL,
            "Abnormal discs: L5/S1: Pfirrmann 3, Modic change.",
        ),
        (({GradeName.PFIRRMANN: 3},), Overall.HEALTHY, "Discs: no abnormality detected."),
        (
            UNSURE,
            Overall.UNCERTAIN,
            "Uncertain grades of 1 disc, otherwise no abnormality detected.",
        ),
        (
            ({GradeName.NARROWING: 3.0, GradeName.HERNIATION: -0.1},),
            Overall.ABNORMAL,
            "Abnormal discs: L5/S1: Pfirrmann 2, narrowed. Uncertain grades of 1 disc.",
        ),
    ],
    ids=["healthy", "two findings", "grade alone", "finding alone", "grade 3", "unsure", "both"],
)
def test_the_overall_word_and_the_line_follow_the_stated_rule(told, overall, start):
    analysis = graded_analysis(told)
    assert analysis.overall is overall
    assert wording.headline(analysis).startswith(start)


def test_the_worst_disc_comes_first_and_doubts_stand_apart():
    analysis = graded_analysis(
        (
            {GradeName.PFIRRMANN: 3, GradeName.BULGING: 2.0},
            {GradeName.PFIRRMANN: 5},
            {GradeName.PFIRRMANN: 2, GradeName.HERNIATION: 3.0},
            {GradeName.NARROWING: -0.1},
        )
    )
    assert wording.headline(analysis).startswith(
        "Abnormal discs: L3/L4: Pfirrmann 2, herniated; L4/L5: Pfirrmann 5; "
        "L5/S1: Pfirrmann 3, bulging. Uncertain grades of 1 disc."
    )
    assert disc_doubt_lines(analysis.discs) == ["L2/L3 (disc narrowing)"]
    assert "Uncertain: L2/L3 (disc narrowing)" in finding_text(analysis)


def test_an_uncertain_pfirrmann_grade_is_told_about_where_it_lies():
    analysis = graded_analysis(())
    lowest = analysis.discs[0]
    grade = replace(lowest.grade(GradeName.PFIRRMANN), value=None, severity=3.57)
    doubtful = replace(lowest, grades=(grade, *lowest.grades[1:]))
    analysis = replace(analysis, discs=(doubtful, *analysis.discs[1:]))
    assert analysis.overall is Overall.UNCERTAIN
    assert disc_doubt_lines(analysis.discs) == ["L5/S1 (Pfirrmann grade about 3.6)"]
    assert disc_summary(doubtful) == "no abnormality detected; uncertain: Pfirrmann grade about 3.6"
    row = next(csv.DictReader(io.StringIO(discs_csv(analysis))))
    assert (row["pfirrmann"], row["pfirrmann_severity"]) == ("uncertain", "3.57")
    jsonschema.validate(analysis_json(analysis, {}), analysis_schema())


def test_without_grades_nothing_is_said_about_disease():
    analysis = mr_analysis()
    assert analysis.overall is None
    assert "no grading model is installed" in wording.headline(analysis)
    assert disc_lines(analysis) == ()
    assert analysis_json(analysis, {})["disc_grading"] is None
    assert "discs" not in available_kinds(analysis)


def test_a_demonstration_says_so_in_front():
    analysis = graded_analysis(status=ModelStatus.DEMONSTRATION)
    assert wording.headline(analysis).startswith("Demonstration model: Abnormal discs:")
    assert wording.is_demonstration(analysis)


def test_the_lines_run_from_the_top_and_end_with_the_rule():
    lines = disc_lines(graded_analysis())
    assert lines[0].startswith("T11/T12")
    assert lines[-2] == "L5/S1    Pfirrmann 4, narrowed, bulging"
    assert lines[-1] == OVERALL_RULE


def test_a_disc_in_words_names_what_is_uncertain():
    second = graded_analysis().discs[1]
    assert disc_summary(second) == "Pfirrmann 5; uncertain: disc herniation"
    assert grade_text(second.grade(GradeName.HERNIATION)) == "uncertain (52\u00a0%)"
    assert grade_text(second.grade(GradeName.PFIRRMANN)) == "5 (over 99\u00a0%)"


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.0, "under 1 %"), (0.004, "under 1 %"), (0.5, "50 %"), (0.996, "over 99 %")],
)
def test_per_cent_are_never_rounded_to_certainty(probability, text):
    assert percent_text(probability).replace("\u00a0", " ") == text


@pytest.mark.parametrize("rows", [None, 300], ids=["named", "assumed"])
def test_the_json_fits_its_schema(rows):
    analysis = graded_analysis(rows=rows)
    table = analysis_json(analysis, {"discs": "discs.csv"})
    jsonschema.validate(table, analysis_schema())
    record = table["disc_grading"]
    assert record["overall"] == "abnormal"
    assert record["overall_rule"] == OVERALL_RULE
    assert [disc["is_level_assumed"] for disc in record["discs"]] == [rows is not None] * len(
        analysis.discs
    )
    lowest = {grade["name"]: grade for grade in record["discs"][0]["grades"]}
    assert lowest["pfirrmann"]["value"] == 4
    assert sum(lowest["pfirrmann"]["probabilities"]) == pytest.approx(1, abs=1e-3)
    assert lowest["narrowing"]["value"] is True
    assert lowest["herniation"]["value"] is False


def test_the_json_of_shifted_levels_keeps_the_programs_own_names():
    analysis = graded_analysis()
    moved = apply_corrections(analysis, shift_levels(initial_corrections(analysis), 1, analysis))
    table = analysis_json(moved, {})
    jsonschema.validate(table, analysis_schema())
    assert table["disc_grading"]["discs"][0]["name"] == "L4/L5"
    assert table["automatic"]["discs"][0]["name"] == "L5/S1"
    assert table["headline"].startswith("Abnormal discs: L3/L4: Pfirrmann 5; L4/L5: Pfirrmann 4")


def test_the_csv_has_a_row_for_every_disc():
    analysis = graded_analysis()
    rows = list(csv.DictReader(io.StringIO(discs_csv(analysis))))
    assert list(rows[0]) == list(DISC_COLUMNS)
    assert [row["disc"] for row in rows] == [disc.name for disc in analysis.discs]
    assert rows[0]["pfirrmann"] == "4"
    assert rows[0]["narrowing"] == "yes"
    assert rows[1]["herniation"] == "uncertain"
    assert rows[1]["uncertain"] == "disc herniation"
    assert rows[2]["bulging"] == "no"
    assert float(rows[2]["bulging_probability"]) == pytest.approx(
        1 / (1 + np.exp(-HEALTHY[GradeName.BULGING])), abs=1e-4
    )
    assert {row["patient_overall"] for row in rows} == {"abnormal"}


def test_the_bundle_has_the_table_of_discs(tmp_path):
    graded = graded_analysis()
    analysis = replace(mr_analysis(), discs=graded.discs, disc_model=graded.disc_model)
    files = write_bundle(analysis, tmp_path)
    assert tmp_path / "discs.csv" in files
    without = replace(analysis, discs=(), disc_model=None)
    write_bundle(without, tmp_path)
    assert not (tmp_path / "discs.csv").exists()


def test_the_report_shows_every_disc_with_two_pictures():
    analysis = graded_analysis()
    pages = PdfReader(io.BytesIO(report_pdf(analysis))).pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())
    plain = PdfReader(io.BytesIO(report_pdf(replace(analysis, discs=(), disc_model=None)))).pages
    for words in ("Overall: Abnormal", "L5/S1", "T11/T12", "Disc narrowing: yes (95 %)"):
        assert words in text
    assert " ".join(OVERALL_RULE.split()) in text
    pictures = sum(len(page.images) for page in pages)
    assert pictures - sum(len(page.images) for page in plain) == 2 * len(analysis.discs)


def test_the_overlay_names_discs_in_front_of_them():
    analysis = graded_analysis()
    with_names = np.asarray(overlay_picture(analysis)).astype(int)
    without = np.asarray(overlay_picture(replace(analysis, discs=()))).astype(int)
    rows, cols = np.nonzero(np.abs(with_names - without).max(axis=-1) > 60)
    zoom = with_names.shape[1] / analysis.image.shape[1]
    fronts = [min(x for x, _ in disc.outline) for disc in analysis.discs]
    assert rows.size > 100
    assert cols.max() < zoom * max(fronts) + 5


def test_a_disc_picture_is_what_the_network_saw():
    analysis = graded_analysis()
    disc, pixels = analysis.discs[2], analysis.image.pixels
    window = (float(pixels.mean()), 4 * float(pixels.std()))
    matrix = np.array(disc.crop_to_image).reshape(2, 3)
    shown = disc_picture(to_display(pixels, window), disc, enlargement=1.0)
    assert shown.shape == (*CROP_SHAPE, 3)
    step = float(np.hypot(*matrix[:, 0]))
    middle = matrix[:, :2] @ (np.array([CROP_SHAPE[1] - 1, CROP_SHAPE[0] - 1]) / 2) + matrix[:, 2]
    frame = CropFrame(middle + 0.5, matrix[:, 0] / step, matrix[:, 1] / step, 68 * step)
    expected = to_display(cut_out(pixels, frame), window)
    assert np.abs(shown[..., 0].astype(int) - expected).mean() < 6


@pytest.mark.parametrize("enlargement", [1.0, 2.0, 3.5])
def test_an_enlarged_picture_shows_the_same_place(enlargement):
    analysis = graded_analysis()
    disc = analysis.discs[0]
    spot = np.zeros(analysis.image.shape, np.uint8)
    x, y = (np.array(disc.anterior) + disc.posterior) / 2
    spot[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2] = 255
    picture = disc_picture(spot, disc, enlargement=enlargement)[..., 0].astype(float)
    rows, cols = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]]
    found = np.array([(rows * picture).sum(), (cols * picture).sum()]) / picture.sum()
    assert found / enlargement == pytest.approx(np.array(CROP_SHAPE) / 2, abs=2)


def test_a_heat_map_colours_the_place_that_spoke():
    analysis = graded_analysis()
    disc = analysis.discs[0]
    grade = leading_grade(disc)
    assert grade.name is GradeName.NARROWING
    grey = np.full(analysis.image.shape, 100, np.uint8)
    hot = disc_picture(grey, disc, grade.heatmap).astype(int)
    assert np.ptp(hot[5, 5]) > 40
    assert np.ptp(hot[-5, -5]) == 0


def test_without_a_finding_pfirrmanns_grade_leads():
    assert leading_grade(graded_analysis(()).discs[0]).name is GradeName.PFIRRMANN


def test_that_two_contrasts_were_used_is_told_and_which():
    plain = graded_analysis()
    assert companion_text(plain) == ""
    other = replace(plain.image, source_path=Path("t1.dcm"), weighting=Weighting.T1)
    both = replace(plain, companion=other)
    said = "The discs were graded together with the other contrast, t1.dcm (T1-weighted)."
    assert companion_text(both) == said
    unsure = replace(both, companion=replace(other, weighting=None))
    assert companion_text(unsure).endswith("the other contrast, t1.dcm.")
    for code in ("COMPANION_UNMATCHED", "COMPANION_ALIKE"):
        unused = replace(both, cautions=(Caution(WarningCode[code]),))
        assert companion_text(unused) == ""


def test_that_discs_were_counted_from_below_is_told_where_nobody_named_them():
    plain = graded_analysis()
    for cautions, is_told in (((Caution(WarningCode.LEVELS_COUNTED),), True), ((), False)):
        analysis = replace(plain, cautions=cautions)
        assert are_levels_counted(analysis) is is_told
        pages = PdfReader(io.BytesIO(report_pdf(analysis))).pages
        text = " ".join(" ".join(page.extract_text().split()) for page in pages)
        assert ("counted upwards from the lowest one" in text) is is_told
