"""Paper and parts of a report: what is chosen is left out, and what must stand there stays."""

import io

import pypdf
import pytest
from reportlab.lib.pagesizes import A4, LETTER

from spinealign.domain.findings import DISCLAIMER
from spinealign.domain.report_details import PaperSize, ReportDetails, ReportLayout, ReportPart
from spinealign.export import typesetting
from spinealign.export.page import TEXT_WIDTH, grid
from spinealign.export.report import annex_pdf, report_pdf
from spinealign.export.report_html import report_html
from spinealign.wording.report import DRAFT, NO_PICTURE
from tests.disc_models import graded_analysis
from tests.phantoms import xray_analysis
from tests.phantoms_spine import spine_analysis
from tests.readings import neck_analysis

ALL = tuple(ReportPart)
SIZES = {PaperSize.A4: A4, PaperSize.LETTER: LETTER}


def layout(paper=PaperSize.A4, left_out=()):
    return ReportDetails(layout=ReportLayout(paper, left_out))


def pages(analysis, details, make=report_pdf):
    return pypdf.PdfReader(io.BytesIO(make(analysis, details))).pages


def words(analysis, details):
    return " ".join(" ".join(page.extract_text().split()) for page in pages(analysis, details))


@pytest.mark.parametrize("make", [report_pdf, annex_pdf])
@pytest.mark.parametrize("paper", PaperSize)
def test_every_page_has_the_size_of_its_paper_and_nothing_reaches_over_its_border(paper, make):
    across, down = SIZES[paper]
    found = pages(xray_analysis(), layout(paper), make)
    assert found
    for page in found:
        assert (float(page.mediabox.width), float(page.mediabox.height)) == pytest.approx(
            (across, down), abs=0.01
        )
        places = []

        def note(text, cm, tm, *_, places=places):
            if text.strip() and DRAFT not in text:
                x, y = tm[4], tm[5]
                places.append((cm[0] * x + cm[2] * y + cm[4], cm[1] * x + cm[3] * y + cm[5]))

        page.extract_text(visitor_text=note)
        # The word across the page is turned; all other text has room at each border.
        head = down - max(y for _, y in places)
        assert 15 < head < 30
        assert all(0 <= x <= across - 20 and y > 10 for x, y in places)


@pytest.mark.parametrize("analysis", [xray_analysis(), spine_analysis(), graded_analysis()])
def test_a_report_on_letter_has_few_pages_too(analysis):
    assert len(pages(analysis, layout(PaperSize.LETTER))) <= 3


@pytest.mark.parametrize("analysis", [xray_analysis(), graded_analysis()], ids=["film", "MR"])
def test_what_must_stand_there_stays_whatever_is_left_out(analysis):
    whole, short = words(analysis, layout()), words(analysis, layout(left_out=ALL))
    assert len(short.replace(NO_PICTURE, "")) < len(whole)
    for told in (DRAFT, "Impression", "Findings", DISCLAIMER.split(".")[0]):
        assert told in short
    html = report_html(analysis, layout(left_out=ALL)).decode()
    for told in (DRAFT, "Impression", "Findings", "Cautions"):
        assert told in html


@pytest.mark.parametrize(
    ("analysis", "part", "gone", "told"),
    [
        (graded_analysis(), ReportPart.DISCS, "Each disc is rotated", "Discs stand in the"),
        (neck_analysis(), ReportPart.MEASURES, "C7 slope [3]", "Measures stand in the"),
        (
            neck_analysis(),
            ReportPart.LEVEL_MEASURES,
            "Disc height (mm)",
            "Measures of single levels stand in the",
        ),
    ],
    ids=["discs", "measures", "levels"],
)
def test_a_part_that_is_left_out_is_gone_and_the_report_says_where_it_stands(
    analysis, part, gone, told
):
    whole, short = words(analysis, layout()), words(analysis, layout(left_out=(part,)))
    assert gone in whole
    assert told not in whole
    assert gone not in short
    assert f"{told} technical annex." in short


def test_without_its_picture_a_report_holds_none():
    def pictures(details):
        return sum(len(page.images) for page in pages(xray_analysis(), details))

    assert pictures(layout()) > pictures(layout(left_out=(ReportPart.PICTURE,))) == 0
    assert b"<figure>" in report_html(xray_analysis(), layout())
    assert b"<figure>" not in report_html(xray_analysis(), layout(left_out=(ReportPart.PICTURE,)))


def test_a_report_says_that_its_picture_was_left_out():
    """No other document is named: the annex has no picture either."""
    told, bare = "The image is not part of this report.", layout(left_out=(ReportPart.PICTURE,))
    assert told in words(xray_analysis(), bare)
    assert told in report_html(xray_analysis(), bare).decode()
    assert told not in words(xray_analysis(), layout())
    assert told not in report_html(xray_analysis(), layout()).decode()


def test_discs_that_are_left_out_stand_in_the_annex():
    annex = pages(graded_analysis(), layout(), annex_pdf)
    assert "Each disc is rotated" in " ".join(
        " ".join(page.extract_text().split()) for page in annex
    )


@pytest.mark.parametrize("paper", PaperSize)
def test_the_page_is_printed_on_the_same_paper(paper):
    html = report_html(xray_analysis(), layout(paper)).decode()
    assert f"@page {{ size: {paper.value}; margin" in html


def test_a_page_of_measures_left_out_is_told_in_html():
    html = report_html(neck_analysis(), layout(left_out=(ReportPart.MEASURES,))).decode()
    assert "<h2>Measures</h2>" not in html
    assert "Measures stand in the technical annex." in html


def torn_words(monkeypatch):
    """Return the words of which a line ends in the middle, filled as pages are made."""
    torn, lines_of = [], typesetting._Paragraph.lines

    def lines(paragraph, width):
        found = list(lines_of(paragraph, width))
        starts = {id(word[0]) for word in paragraph._words}
        torn.extend(
            "".join(cluster.letters for cluster in line)
            for line, _ in found
            if line and id(line[0]) not in starts
        )
        return iter(found)

    monkeypatch.setattr(typesetting._Paragraph, "lines", lines)
    return torn


@pytest.mark.parametrize("make", [report_pdf, annex_pdf])
@pytest.mark.parametrize("analyse", [neck_analysis, spine_analysis, graded_analysis, xray_analysis])
def test_no_word_is_torn_in_a_report(monkeypatch, make, analyse):
    torn = torn_words(monkeypatch)
    make(analyse(), layout())
    assert torn == []


def test_a_column_becomes_wider_for_a_word_and_tears_only_what_no_line_holds(monkeypatch):
    torn = torn_words(monkeypatch)
    words = [["Height", "neighbours’"], ["L1 and all the words beside it", "1.00"]]
    found = grid(words[0], words[1:], (0.95, 0.05))
    found.wrap(TEXT_WIDTH, 500)
    assert torn == []
    assert sum(found._argW) == pytest.approx(TEXT_WIDTH)
    grid(["A", "b" * 400], [["1", "2"]], (0.5, 0.5)).wrap(TEXT_WIDTH, 500)
    assert torn
