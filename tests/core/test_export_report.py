import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pypdf
import pytest
from PIL import Image

from spinealign.domain.examination import ImageKind
from spinealign.domain.findings import (
    DISCLAIMER,
    Caution,
    CorrectionKind,
    ModelStatus,
    WarningCode,
)
from spinealign.domain.image import DecisionSource, KindCheck, NoteKind, ReaderNote
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import MeasureCode, MeasureGroup
from spinealign.domain.reading import (
    Addendum,
    Decision,
    GradeScale,
    GradeValue,
    Impression,
    NumberValue,
    PresenceValue,
    ReadImage,
    Reading,
)
from spinealign.domain.report_details import Institution, ReportDetails
from spinealign.domain.study import PatientFacts
from spinealign.export import overlay
from spinealign.export.report import annex_pdf, report_pdf
from spinealign.export.report_content import as_drawn, report_content
from spinealign.export.report_html import report_html
from spinealign.measure.correction.changes import delete_vertebra
from spinealign.measure.correction.corrected import apply_corrections, initial_corrections
from spinealign.reading.decisions import accept_rest, decide
from spinealign.reading.findings import findings_of
from spinealign.reading.impression import with_fresh_impression
from spinealign.reading.signing import signed as sign_reading
from spinealign.reading.store import image_of
from spinealign.wording import DEMONSTRATION_BAND, caution_statement
from spinealign.wording.examinations import scope_text
from spinealign.wording.measure_rows import unit_text
from spinealign.wording.reading_page import finding_title, finding_value_text
from spinealign.wording.report import EMPTY_IMPRESSION, PROGRAM_VALUES
from tests.disc_models import graded_analysis
from tests.phantoms import (
    ct_analysis,
    failed_view_analysis,
    mr_analysis,
    without_spacing,
    xray_analysis,
)
from tests.phantoms_spine import spine_analysis
from tests.phantoms_xray import analysed, draw_column
from tests.readings import narrow_canal_analysis, neck_analysis


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    """Draw small pictures: what matters here are the words."""
    monkeypatch.setattr(overlay, "MIN_LONGEST_PX", 200)


def pages_of(analysis, make=report_pdf, details=None):
    """Return the text of each page, white space reduced to single blanks."""
    reader = pypdf.PdfReader(io.BytesIO(make(analysis, details)))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def text_of(analysis):
    """Return what report and annex say together."""
    return " ".join([*pages_of(analysis), *pages_of(analysis, annex_pdf)])


def named(analysis, name):
    return replace(analysis, image=replace(analysis.image, source_path=Path(name)))


ANALYSES = {
    "ct": ct_analysis(status=ModelStatus.INTERNALLY_VALIDATED),
    "mr": mr_analysis(),
    "other": failed_view_analysis(),
    "xray": xray_analysis(),
}


@pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES)
def test_every_report_has_finding_origin_and_disclaimer_on_every_page(analysis):
    pages = pages_of(analysis)
    assert "Impression" in pages[0]
    assert f"image SHA-256 {analysis.image.sha256[:16]}" in pages[-1]
    assert analysis.image.sha256 in text_of(analysis)
    for number, page in enumerate(pages, start=1):
        assert DISCLAIMER in page
        assert f"Page {number}" in page
        assert f"of {len(pages)}" in page
        assert "SpineAlign 0.1.0" in page


@pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES)
def test_every_caution_is_told(analysis):
    codes = (WarningCode.BLURRED, WarningCode.MAGNIFIED_SPACING, WarningCode.COMPANION_UNMATCHED)
    cautions = (*analysis.cautions, *map(Caution, codes))
    text = text_of(replace(analysis, cautions=cautions))
    for caution in cautions:
        assert caution_statement(caution) in text


def test_a_demonstration_is_named_on_every_page():
    many = mr_analysis(status=ModelStatus.DEMONSTRATION)
    notes = (ReaderNote(NoteKind.PAGE_TAKEN, (i, 80)) for i in range(80))
    warnings = tuple(Caution(WarningCode.READER_NOTE, note=note) for note in notes)
    told = replace(many, cautions=warnings)
    assert len(pages_of(told)) <= 2
    assert "stand in the technical annex." in pages_of(told)[-1]
    assert len(pages_of(told, annex_pdf)) >= 2
    for page in (*pages_of(told), *pages_of(told, annex_pdf)):
        assert DEMONSTRATION_BAND in page


def test_a_validated_model_is_not_called_a_demonstration():
    assert "DEMONSTRATION" not in text_of(mr_analysis())


def test_a_classification_is_told_with_its_limits():
    analysis = ct_analysis(status=ModelStatus.INTERNALLY_VALIDATED)
    text, model = text_of(analysis), analysis.models[0]
    assert "fracture 0.87" in text
    assert "reported from a probability of 0.50; the probabilities are not calibrated" in text
    assert model.limits in text
    assert f"SHA-256 {model.sha256[:16]}" in text
    assert "version 1.0.0" in text


def test_a_demonstration_classifier_is_not_in_the_report_even_where_it_was_asked():
    asked = ct_analysis()
    assert report_pdf(asked) == report_pdf(asked.without_demonstration)
    text = text_of(asked)
    assert "Nothing is assessed on a CT slice through the neck" in text
    assert "fracture" not in text


def test_regions_measures_and_geometry_are_told():
    text = text_of(mr_analysis())
    assert "vertebra 10,315 16.1 % 59.3 % 6,189.0 mm²" in text
    assert "L4/L5 11.4" in text
    assert "[1] canal diameter: Shortest distance across the segmented canal" in text
    assert "L1–S1 lumbar lordosis: the border of the image cuts S1 off." in text
    assert "0.8 × 0.75 mm (from the NIfTI header)" in text
    assert "200 × 320 pixels" in text
    assert "recognised from the pixels (confidence 0.97)" in text
    assert "segment 0.62 s" in text


def test_without_spacing_no_millimetres_are_promised():
    text = text_of(replace(without_spacing(mr_analysis()), measurements=()))
    assert "mm²" not in text
    assert "areas in pixels only" in text


def test_the_overlay_is_on_the_first_page_and_the_heat_map_in_the_annex():
    validated = ct_analysis(status=ModelStatus.INTERNALLY_VALIDATED)
    for analysis, count in ((validated, 1), (mr_analysis(), 0), (failed_view_analysis(), 0)):
        assert len(pypdf.PdfReader(io.BytesIO(report_pdf(analysis))).pages[0].images) == 1
        annex = pypdf.PdfReader(io.BytesIO(annex_pdf(analysis)))
        assert sum(len(page.images) for page in annex.pages) == count


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<b>bold & <img src='x'>.dcm", "<b>bold & <img src='x'>.dcm"),
        ("Müller_Jörg.dcm", "Müller_Jörg.dcm"),
        ("Mu\u0308ller.dcm", "Müller.dcm"),
        ("Αυχένας.dcm", "Αυχένας.dcm"),
        ("脊椎.dcm", "脊椎.dcm"),
        ("bad\udcff\x07.dcm", "bad\ufffd\ufffd.dcm"),
        ("x" * 240 + ".dcm", "x" * 60),
    ],
    ids=["mark-up", "umlauts", "decomposed", "greek", "chinese", "undecodable", "long"],
)
def test_any_file_name_can_be_printed(name, shown):
    assert shown in text_of(named(failed_view_analysis(), name))


def test_text_from_elsewhere_is_not_read_as_mark_up():
    analysis = mr_analysis()
    model = replace(analysis.models[0], title="<font color=red>T", limits="a < b & c > d")
    measure = Measurement(MeasureCode.COBB_C2_LOWEST, 1.0, "deg", ("<i>x</i>", "C5"))
    text = text_of(replace(analysis, models=(model,), measurements=(measure,)))
    assert "<font color=red>T" in text
    assert "a < b & c > d" in text
    assert "<i>x</i>–C5 Cobb lordosis [1] 1.0°" in text


# The pages of a referring physician

JANE = PatientFacts(
    name="Doe^Jane", identifier="4711", birth_date="19700203", sex="F", age="054Y",
    study_date="20240506", study_description="Cervical spine", institution="Clinique générale",
)  # fmt: skip


def png():
    """Return a logo."""
    target = io.BytesIO()
    Image.new("RGBA", (60, 30), (0, 90, 160, 128)).save(target, "PNG")
    return target.getvalue()


CLINIC = Institution("Klinika Łódź", "Main Street 1", png())
NOW = datetime(2026, 11, 28, 14, 32, tzinfo=UTC)


def reading_of(analysis, text="Clear.", **changes):
    rows, cols = analysis.image.shape
    image = ReadImage(analysis.image.sha256, cols, rows)
    blank = Reading(image, analysis.view_name, impression=Impression(text, is_edited=True))
    return blank.with_changes(**changes)


def signed(analysis, text="Clear.", **changes):
    found = findings_of(analysis)
    return reading_of(
        analysis, text, reader="Dr. Ewa Łąka", signed_utc=NOW, findings=found, **changes
    )


@pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES)
def test_draft_lies_across_every_page_until_somebody_signs(analysis):
    for reading in (None, reading_of(analysis)):
        pages = pages_of(analysis, details=ReportDetails(reading=reading))
        assert all(page.count("DRAFT") >= 1 for page in pages)
    for page in pages_of(analysis, details=ReportDetails(reading=signed(analysis))):
        assert "DRAFT" not in page


def test_patient_and_page_number_stand_on_every_page():
    details = ReportDetails(patient=JANE, reading=signed(mr_analysis()))
    for make in (report_pdf, annex_pdf):
        pages = pages_of(mr_analysis(), make, details)
        for number, page in enumerate(pages, start=1):
            assert "Doe, Jane · born 1970-02-03 · ID 4711" in page
            assert f"Page {number} of {len(pages)}" in page


def test_the_first_page_says_who_read_it_and_what_was_found():
    analysis = analysed(draw_column("T1"))
    details = ReportDetails(JANE, signed(analysis, "Straight neck."), CLINIC)
    first = pages_of(analysis, details=details)[0]
    for words in (
        "Klinika Łódź", "Main Street 1", "Cervical spine", "Straight neck.", "2024-05-06",
        "Signed by Dr. Ewa Łąka on 2026-11-28 14:32 UTC", "Findings", "C2–C7 Cobb lordosis",
    ):  # fmt: skip
        assert words in first
    assert "Nobody has read them yet" not in first


def test_without_a_reading_the_program_speaks_and_says_so():
    first = pages_of(xray_analysis())[0]
    assert "DRAFT: Automatic result, not read by a person" in first
    assert "Findings of the program. Nobody has read them yet." in first


@pytest.mark.parametrize("is_accepted", [True, False], ids=["accepted", "all but one rejected"])
def test_an_impression_that_the_reader_left_empty_is_not_filled_by_the_program(is_accepted):
    analysis = xray_analysis()
    reading, found = reading_of(analysis, " "), findings_of(analysis)
    if is_accepted:
        reading = accept_rest(reading, found, NOW)
    else:
        untyped = reading.with_changes(impression=Impression())
        reading = decide(untyped, found[0], Decision.REJECTED, None, NOW)
    content = report_content(analysis, ReportDetails(reading=reading))
    assert content.impression == ()
    assert content.impression_note == EMPTY_IMPRESSION
    first = pages_of(analysis, details=ReportDetails(reading=reading))[0]
    assert "Nobody has read them yet" not in first
    assert "The impression of this reading is still empty." in first


def test_what_the_reader_rejected_is_no_finding():
    analysis = analysed(draw_column("T1"))
    told = [f for f in findings_of(analysis) if f.code == MeasureCode.COBB_C2_C7.value]
    reading = reading_of(analysis)
    row = finding_title(told[0])
    assert any(row == each.what for each in report_content(analysis, ReportDetails()).rows)
    rejected = decide(reading, told[0], Decision.REJECTED, None, NOW)
    rows = report_content(analysis, ReportDetails(reading=rejected)).rows
    assert rows
    assert all(row != each.what for each in rows)


def test_what_the_reader_changed_stands_beside_the_program_s_value():
    analysis = analysed(draw_column("T1"))
    told = next(f for f in findings_of(analysis) if f.code == MeasureCode.COBB_C2_C7.value)
    changed = decide(reading_of(analysis), told, Decision.CHANGED, NumberValue(44.0, "deg"), NOW)
    text = " ".join(pages_of(analysis, details=ReportDetails(reading=changed)))
    assert "44.0°" in text
    assert "changed by the reader; program: " in text
    assert PROGRAM_VALUES in text


def test_the_tables_behind_the_first_page_tell_what_the_reader_changed_or_rejected():
    analysis = analysed(draw_column("T1"))
    found = {finding.key: finding for finding in findings_of(analysis)}
    cobb = next(f for f in found.values() if f.code == MeasureCode.COBB_C2_C7.value)
    height = found["measure/body_height_anterior/C4"]
    reading = decide(reading_of(analysis), cobb, Decision.REJECTED, None, NOW)
    reading = decide(reading, height, Decision.CHANGED, NumberValue(77.7, height.unit), NOW)
    details = ReportDetails(reading=reading)
    own = [finding_value_text(each.value) for each in (cobb, height)]
    behind = " ".join(pages_of(analysis, details=details)[1:])
    for text in (behind, " ".join(pages_of(analysis, annex_pdf, details))):
        assert f"rejected by the reader; program: {own[0]}" in text
        assert f"77.7{unit_text(height.unit)}" in text.replace("\n", " ")
        assert f"changed by the reader; program: {own[1]}" in text
    assert behind.count(own[0]) == behind.count(f"program: {own[0]}")
    html = report_html(analysis, details).decode()
    assert f"{finding_title(cobb)}: rejected by the reader; program: {own[0]}" in html


def test_a_value_of_the_reader_s_is_not_called_not_measurable():
    analysis = analysed(draw_column())  # without T1
    slope = next(f for f in findings_of(analysis) if f.code == MeasureCode.T1_SLOPE.value)
    before = " ".join(pages_of(analysis))
    assert "T1 slope" in before
    reading = decide(reading_of(analysis), slope, Decision.CHANGED, NumberValue(22.0, "deg"), NOW)
    details = ReportDetails(reading=reading)
    pages = " ".join(pages_of(analysis, details=details)[1:])
    assert "T1 slope and T1 slope minus" not in pages
    assert "T1 slope and T1 slope minus" not in report_html(analysis, details).decode()


def test_the_table_of_discs_tells_what_the_reader_said():
    analysis = graded_analysis()
    found = {finding.key: finding for finding in findings_of(analysis)}
    reading = reading_of(analysis)
    for key, decision, human in (
        ("disc_grade/pfirrmann/L5/S1", Decision.CHANGED, GradeValue(GradeScale.PFIRRMANN, 2)),
        ("disc_grade/herniation/L5/S1", Decision.CHANGED, PresenceValue(is_present=True)),
        ("disc_grade/bulging/L5/S1", Decision.REJECTED, None),
    ):
        reading = decide(reading, found[key], decision, human, NOW)
    plain = " ".join(pages_of(analysis)[1:])
    assert "Overall: Abnormal" in plain
    text = " ".join(
        " ".join(pages_of(analysis, details=ReportDetails(reading=reading))[1:]).split()
    )
    assert "Overall, by the program’s own grades: Abnormal" in text
    assert "2, changed by the reader; program: 4" in text
    assert "Disc herniation: yes, changed by the reader; program: no" in text
    assert "Disc bulging: rejected by the reader; program: yes" in text
    assert "Disc bulging: yes" not in text


def told_row(analysis, changes, place="L5/S1", sign=False):
    """Return the row of a disc after grades were changed and all the rest was accepted."""
    reading = reading_of(analysis)
    found = {finding.key: finding for finding in findings_of(analysis)}
    for key, value in changes.items():
        reading = decide(reading, found[key], Decision.CHANGED, value, NOW)
    reading = accept_rest(reading, findings_of(analysis), NOW)
    if sign:
        reading = sign_reading(reading, findings_of(analysis), "Dr. B", NOW)
    rows = report_content(analysis, ReportDetails(reading=reading)).rows
    return next((row for row in rows if row.what.startswith(f"{place}: ")), None), reading


@pytest.mark.parametrize("sign", [False, True], ids=["draft", "signed"])
def test_a_grade_changed_to_normal_is_told_in_the_row_of_its_disc(sign):
    analysis = graded_analysis()
    grade = {"disc_grade/pfirrmann/L5/S1": GradeValue(GradeScale.PFIRRMANN, 2)}
    row, reading = told_row(analysis, grade, sign=sign)
    assert row.is_abnormal  # bulging and narrowing are left
    assert "Pfirrmann grade 2" in row.what
    said = "changed by the reader; program: Pfirrmann grade 4"
    assert row.mark == said
    page = pages_of(analysis, details=ReportDetails(reading=reading))[0]
    assert said in page


@pytest.mark.parametrize("sign", [False, True], ids=["draft", "signed"])
def test_a_disc_of_which_all_was_changed_to_normal_keeps_its_row(sign):
    changes = {
        "disc_grade/pfirrmann/L5/S1": GradeValue(GradeScale.PFIRRMANN, 1),
        "disc_grade/bulging/L5/S1": PresenceValue(is_present=False),
        "disc_grade/narrowing/L5/S1": PresenceValue(is_present=False),
    }
    row, _ = told_row(graded_analysis(), changes, sign=sign)
    assert not row.is_abnormal
    assert row.what == "L5/S1: Pfirrmann grade 1, no disc narrowing, no disc bulging"
    assert "program: Pfirrmann grade 4, disc narrowing, disc bulging" in row.mark


def test_every_change_of_a_disc_is_printed_whole():
    analysis = graded_analysis()
    found = [f for f in findings_of(analysis) if f.key.endswith("/L5/S1")]
    changes = {f.key: PresenceValue(not f.value.is_present) for f in found if "/pf" not in f.key}
    row, reading = told_row(analysis, changes)
    assert row.mark.startswith("changed by the reader; program: no disc herniation, ")
    assert row.mark.count("no ") > 4
    page = pages_of(analysis, details=ReportDetails(reading=reading))[0]
    for name in row.mark.rpartition("program: ")[2].split(", "):
        assert name in page


def test_levels_and_kind_that_the_reader_changed_stand_on_page_one_and_in_the_annex():
    before = analysed(draw_column("T1"))
    lower = tuple(replace(body, level=name) for body, name in zip(
        before.vertebrae, ("C3", "C4", "C5", "C6", "C7", "T1", "T2"), strict=False
    ))  # fmt: skip
    analysis = replace(before, vertebrae=lower, automatic=before)
    reading = accept_rest(reading_of(analysis).with_changes(reader="B"), findings_of(analysis), NOW)
    told = "changed by the reader (automatic: C2 to T1)"
    for make in (report_pdf, annex_pdf):
        assert f"{told}; B, 2026-11-28 14:32 UTC." in " ".join(
            pages_of(analysis, make, ReportDetails(reading=reading))
        )
        shown = " ".join(
            pages_of(analysis, make, ReportDetails(reading=reading, is_deidentified=True))
        )
        assert "14:32" not in shown
    assert f"{told}; B".encode() in report_html(analysis, ReportDetails(reading=reading))
    [page, *_] = pages_of(analysis, details=ReportDetails(reading=reading, is_deidentified=True))
    assert told in page


def test_levels_and_kind_that_the_reader_rejected_stand_on_page_one():
    analysis = analysed(draw_column("T1"))
    found = {finding.key: finding for finding in findings_of(analysis)}
    reading = reading_of(analysis)
    for key in ("levels", "examination"):
        reading = decide(reading, found[key], Decision.REJECTED, None, NOW)
    first = pages_of(analysis, details=ReportDetails(reading=reading))[0]
    told = ("Levels: rejected by the reader (automatic: C2 to T1)", "Image type: rejected by")
    for words in told:
        assert words in first
        assert first.index(words) < first.index("Impression")


@pytest.mark.parametrize("human", [None, NumberValue(44.0, "deg")], ids=["rejected", "changed"])
def test_a_measure_that_the_reader_overruled_is_not_drawn(human):
    analysis = analysed(draw_column("T1"))
    told = next(f for f in findings_of(analysis) if f.code == MeasureCode.COBB_C2_C7.value)
    decision = Decision.REJECTED if human is None else Decision.CHANGED
    reading = decide(reading_of(analysis), told, decision, human, NOW)
    drawn = {m.code for m in as_drawn(analysis, ReportDetails(reading=reading)).measurements}
    assert MeasureCode.COBB_C2_C7 not in drawn
    assert len(drawn) > 2
    assert as_drawn(analysis, ReportDetails(reading=reading_of(analysis))) is analysis
    assert overlay_of(analysis, reading) != overlay_of(analysis, reading_of(analysis))


def overlay_of(analysis, reading):
    """Return the picture in a report, as it is encoded."""
    html = report_html(analysis, ReportDetails(reading=reading)).decode()
    return html[html.index("data:image/jpeg") : html.index("<figcaption")]


def test_page_one_says_what_a_height_loss_leaves_open_and_that_points_were_moved():
    cautions = (
        Caution(WarningCode.LEVELS_COUNTED),
        Caution(WarningCode.HEIGHT_LOSS, levels=("L1",)),
        Caution(WarningCode.CORRECTED_BY_USER, corrections=(CorrectionKind.POINTS_MOVED,)),
    )
    analysis = replace(graded_analysis(), cautions=cautions)
    first = pages_of(analysis)[0]
    assert "Height loss (L1): the program cannot tell how old it is" in first
    assert "manually corrected (points moved)" in first


def test_a_forced_kind_is_told_before_anything_that_rests_on_it():
    analysis = replace(
        analysed(draw_column("T1")),
        decided_by=DecisionSource.USER,
        kind_check=KindCheck(ImageKind.OTHER_RADIOGRAPH, False, overruled=True),
    )
    told = "the result may be meaningless"
    first = pages_of(analysis)[0]
    assert told in first[: first.index("Impression")]
    html = report_html(analysis).decode()
    assert told in html[: html.index("Impression")]
    assert told not in " ".join(pages_of(analysed(draw_column("T1"))))


def test_an_addendum_is_printed_with_its_reason():
    added = Addendum("Left side.", "Side was missing", "Dr. B", NOW)
    details = ReportDetails(reading=signed(mr_analysis(), addenda=(added,)))
    text = " ".join(pages_of(mr_analysis(), details=details))
    assert "; addendum by Dr. B on " in text
    assert "Addendum by Dr. B on 2026-11-28 14:32 UTC Left side. Reason: Side was missing" in text


@pytest.mark.parametrize(
    ("analysis", "most"),
    [(xray_analysis(), 2), (spine_analysis(), 2), (graded_analysis(), 3)],
    ids=["film", "whole spine", "MR"],
)
@pytest.mark.parametrize("words", [1, 60], ids=["short", "long"])
def test_a_report_has_few_pages(analysis, most, words):
    reading = signed(analysis, " ".join(["Degenerative changes are seen."] * words))
    assert len(pages_of(analysis, details=ReportDetails(JANE, reading, CLINIC))) <= most


def test_a_report_of_any_length_can_be_printed():
    text = "word " * 3990
    pages = pages_of(mr_analysis(), details=ReportDetails(reading=reading_of(mr_analysis(), text)))
    assert " ".join(pages).count("word") >= 3990


def test_a_de_identified_report_leaves_out_patient_reader_dates_and_file():
    analysis = named(xray_analysis(), "Doe_Jane.dcm")
    text = "Jane DOE, born 03.02.1970, ID 4711: clear. Redoing it is not needed."
    details = ReportDetails(JANE, signed(analysis, text), CLINIC, is_deidentified=True)
    for make in (report_pdf, annex_pdf):
        shown = " ".join(pages_of(analysis, make, details))
        for secret in ("Doe", "DOE", "Jane", "4711", "1970", "Clinique", "Łódź", "Łąka", "2026-11"):
            assert secret not in shown, secret
        assert "De-identified" in shown
    shown = " ".join(pages_of(analysis, details=details))
    assert "[left out] [left out], born [left out], ID [left out]: clear." in shown
    assert "Redoing it" in shown


def test_only_what_the_reader_typed_is_searched_for_the_patient_s_name():
    analysis = analysed(draw_column("T1"))
    blank = reading_of(analysis).with_changes(impression=Impression())
    reading = with_fresh_impression(
        accept_rest(blank, findings_of(analysis), NOW), findings_of(analysis)
    )
    own = reading.impression.text.splitlines()
    assert any("Cobb" in line for line in own)
    mixed = "\n".join((*own, "Mr Cobb is well.", f"{own[0]} As Cobb knows."))
    typed = reading.with_changes(impression=Impression(mixed, is_edited=True))
    cobb = PatientFacts(name="Cobb^John")
    for each in (typed, sign_reading(typed, findings_of(analysis), "Dr. B", NOW)):
        details = ReportDetails(cobb, each, is_deidentified=True)
        lines = report_content(analysis, details).impression
        assert list(lines[:-2]) == own
        assert lines[-2] == "Mr [left out] is well."
        assert lines[-1].endswith("As [left out] knows.")


@pytest.mark.parametrize("logo", [b"no picture", png()[:40], b""], ids=["text", "cut off", "none"])
def test_a_logo_that_is_no_picture_is_left_out(logo):
    details = ReportDetails(institution=Institution("Clinic", logo_png=logo))
    first = pypdf.PdfReader(io.BytesIO(report_pdf(mr_analysis(), details))).pages[0]
    assert len(first.images) == 1
    assert "Clinic" in first.extract_text()


@pytest.mark.parametrize("make", [report_pdf, annex_pdf, report_html])
def test_the_same_analysis_and_details_give_the_same_bytes(make):
    details = [ReportDetails(JANE, signed(xray_analysis()), CLINIC) for _ in range(2)]
    assert make(xray_analysis(), details[0]) == make(xray_analysis(), details[1])


def test_findings_of_an_mr_show_what_they_are_judged_by():
    rows = report_content(narrow_canal_analysis(), ReportDetails()).rows
    shown = {row.what.split(":")[0]: row for row in rows if row.is_abnormal}
    assert {place: row.normal for place, row in shown.items()} == {
        "L1": "less than 20 % lost",
        "Canal diameter": "threshold 13 mm",
        "L5/S1": "Pfirrmann grade 1 to 3",
        "L4/L5": "Pfirrmann grade 1 to 3",
    }
    assert shown["Canal diameter"].value == "9.0 to 12.6 mm, narrowest at L4/L5"
    assert "absolute stenosis at L4/L5; " in shown["Canal diameter"].meaning
    page = pages_of(narrow_canal_analysis())[0]
    assert "threshold 13 mm" in page
    assert "Pfirrmann grade 1 to 3" in page


@pytest.mark.parametrize(
    ("notes", "words"),
    [
        ((), "on one sagittal slice: "),
        ((ReaderNote(NoteKind.CANAL_WIDEST, (10, 18)),), "one sagittal slice (10 of 18)"),
        ((ReaderNote(NoteKind.SLICE_TAKEN, ("sagittal", 4, 9)),), "one sagittal slice (4 of 9)"),
        ((ReaderNote(NoteKind.SERIES_TAKEN, (3, 7, 1, 2)),), "one sagittal slice (3 of 7)"),
        ((ReaderNote(NoteKind.SERIES_TAKEN, (1, 1, 1, 2)),), "on one sagittal slice: "),
    ],
    ids=["not counted", "widest", "volume", "series", "single"],
)
def test_the_first_page_says_what_was_assessed_and_what_was_not(notes, words):
    analysis = mr_analysis()
    analysis = replace(analysis, image=replace(analysis.image, notes=notes))
    first = pages_of(analysis)[0]
    assert words in first
    assert "other slices, foramina" in first.split("Not assessed: ")[1]
    assert words in report_html(analysis).decode()


def test_what_is_said_to_be_assessed_is_what_was_measured_or_graded():
    whole = narrow_canal_analysis()
    assert scope_text(whole).startswith(
        "Assessed on one sagittal slice (8 of 15): discs, width of the canal, heights of vertebral "
        "bodies and alignment. Not assessed: other slices, "
    )
    lost = tuple(
        replace(m, value=None) if m.definition.group is MeasureGroup.CANAL else m
        for m in whole.measurements
    )
    without = scope_text(replace(whole, measurements=lost, discs=()))
    assert without.startswith(
        "Assessed on one sagittal slice (8 of 15): heights of vertebral bodies and alignment. "
        "Not assessed: discs, width of the canal, other slices, "
    )
    film = scope_text(neck_analysis())
    assert film.startswith("Assessed: alignment. Not assessed: heights of vertebral bodies, ")
    assert "slice" not in film
    assert scope_text(replace(neck_analysis(), measurements=())).startswith("Assessed: nothing.")
    assert scope_text(ct_analysis()) == ""


def test_a_body_that_the_reader_removed_is_named_on_the_first_page():
    analysis = analysed(draw_column("T1"))
    assert "removed by the reader" not in pages_of(analysis)[0]
    place = next(body.index for body in analysis.vertebrae if body.level == "C5")
    state = delete_vertebra(initial_corrections(analysis), place)
    without = apply_corrections(analysis, state)
    assert "C5 was removed by the reader." in pages_of(without)[0]
    assert "C5 was removed by the reader." in report_html(without).decode()


def test_values_that_follow_changed_levels_are_not_called_the_program_s_own():
    analysis = analysed(draw_column("T1"))
    levels = next(f for f in findings_of(analysis) if f.key == "levels")
    rejected = decide(reading_of(analysis), levels, Decision.REJECTED, None, NOW)
    content = report_content(analysis, ReportDetails(reading=rejected))
    assert content.values_note == ""


@pytest.mark.parametrize(("key", "left"), [("examination", 0), ("levels", 0)])
def test_no_row_rests_on_a_rejected_image_type_or_on_rejected_levels(key, left):
    analysis = narrow_canal_analysis()
    reading = Reading(image_of(analysis), analysis.view_name, reader="A. Reader")
    findings = findings_of(analysis)
    made = decide(reading, next(f for f in findings if f.key == key), Decision.REJECTED, None, NOW)
    made = accept_rest(made, findings, NOW)
    details = ReportDetails(reading=made)
    assert len(report_content(analysis, details).rows) == left
    assert as_drawn(analysis, details).measurements == ()
