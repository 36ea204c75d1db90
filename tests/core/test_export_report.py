import io
from dataclasses import replace
from pathlib import Path

import pypdf
import pytest

from spinealign.domain.findings import DISCLAIMER, Caution, ModelStatus, WarningCode
from spinealign.domain.image import NoteKind, ReaderNote
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import MeasureCode
from spinealign.export import overlay
from spinealign.export.page import printable
from spinealign.export.report import report_pdf
from spinealign.wording import DEMONSTRATION_BAND, caution_text, headline
from tests.phantoms import (
    ct_analysis,
    failed_view_analysis,
    mr_analysis,
    without_spacing,
    xray_analysis,
)


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    """Draw small pictures: what matters here are the words."""
    monkeypatch.setattr(overlay, "MIN_LONGEST_PX", 200)


def pages_of(analysis):
    """Return the text of each page, white space reduced to single blanks."""
    reader = pypdf.PdfReader(io.BytesIO(report_pdf(analysis)))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def text_of(analysis):
    return " ".join(pages_of(analysis))


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
    assert printable(headline(analysis)) in pages[0]
    assert analysis.image.sha256 in " ".join(pages)
    for number, page in enumerate(pages, start=1):
        assert DISCLAIMER in page
        assert f"Page {number}" in page
        assert f"of {len(pages)}" in page
        assert "SpineAlign 0.1.0" in page


@pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES)
def test_every_caution_is_told(analysis):
    codes = (WarningCode.BLURRED, WarningCode.MAGNIFIED_SPACING, WarningCode.NO_COLUMN)
    cautions = (*analysis.cautions, *map(Caution, codes))
    text = text_of(replace(analysis, cautions=cautions))
    for caution in cautions:
        assert printable(caution_text(caution)) in text


def test_a_demonstration_is_named_on_every_page():
    many = mr_analysis(status=ModelStatus.DEMONSTRATION)
    notes = (ReaderNote(NoteKind.PAGE_TAKEN, (i, 80)) for i in range(80))
    warnings = tuple(Caution(WarningCode.READER_NOTE, note=note) for note in notes)
    pages = pages_of(replace(many, cautions=warnings))
    assert len(pages) >= 3
    assert all(DEMONSTRATION_BAND in page for page in pages)


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


def test_both_pictures_of_a_result_are_in_the_report():
    validated = ct_analysis(status=ModelStatus.INTERNALLY_VALIDATED)
    for analysis, count in ((validated, 2), (mr_analysis(), 2), (failed_view_analysis(), 1)):
        first = pypdf.PdfReader(io.BytesIO(report_pdf(analysis))).pages[0]
        assert len(first.images) == count


def test_the_same_analysis_gives_the_same_bytes():
    assert report_pdf(mr_analysis()) == report_pdf(mr_analysis())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<b>bold & <img src='x'>.dcm", "<b>bold & <img src='x'>.dcm"),
        ("Müller_Jörg.dcm", "Müller_Jörg.dcm"),
        ("Mu\u0308ller.dcm", "Müller.dcm"),
        ("Αυχένας.dcm", "???????.dcm"),
        ("脊椎.dcm", "??.dcm"),
        ("bad\udcff\x07.dcm", "bad??.dcm"),
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
