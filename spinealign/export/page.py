"""The paper a report is printed on: A4, styles, band, footer with disclaimer and page numbers."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor, black
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import BaseDocTemplate, Frame, KeepTogether, PageTemplate, Paragraph, Table
from reportlab.platypus.flowables import CallerMacro

from spinealign.domain.findings import DISCLAIMER
from spinealign.wording import DEMONSTRATION_BAND

_PAGE_WIDTH, _PAGE_HEIGHT = A4
_MARGIN = 18 * mm
_BAND_HEIGHT = 8 * mm
_FOOTER_TOP = 22 * mm
_PAGE_NUMBER_Y = 8 * mm
_PAGE_COUNT_FORM = "page_count"
_PAGE_COUNT_WIDTH = 10 * mm
TEXT_WIDTH = _PAGE_WIDTH - 2 * _MARGIN

GREY, LINE, SHADE, AMBER = (HexColor(c) for c in ("#5a6068", "#c9ced6", "#f2f4f7", "#ffc107"))

BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=9, leading=12)
BOLD = ParagraphStyle("bold", parent=BODY, fontName="Helvetica-Bold")
RIGHT = ParagraphStyle("right", parent=BODY, alignment=TA_RIGHT)
BOLD_RIGHT = ParagraphStyle("bold_right", parent=BOLD, alignment=TA_RIGHT)
BREAKABLE = ParagraphStyle("breakable", parent=BODY, wordWrap="CJK")
SMALL = ParagraphStyle("small", parent=BODY, fontSize=7.5, leading=9.5, textColor=GREY)
FINE = ParagraphStyle("fine", parent=SMALL, fontSize=6.8, leading=8.1, spaceAfter=1)
TITLE = ParagraphStyle("title", parent=BOLD, fontSize=18, leading=23)
FINDING = ParagraphStyle("finding", parent=BOLD, fontSize=11.5, leading=15)
HEADING = ParagraphStyle(
    "heading", parent=BOLD, fontSize=11, leading=14, spaceBefore=10, spaceAfter=3, keepWithNext=1
)

GRID = [
    ("LEFTPADDING", (0, 0), (0, -1), 0),
    ("LINEBELOW", (0, 0), (-1, 0), 0.8, black),
    ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE),
]
"""Style of a table: a line below its headings, fine lines below its rows."""

Story = list[Any]
_SMALL_PRINT = 6.5
_PADDING = (2.0, 3.0)


def paragraph(text: str, style: ParagraphStyle = BODY) -> Paragraph:
    """Return `text` as it is, never read as mark-up, in letters that the PDF's fonts have."""
    return Paragraph(escape(printable(text)), style)


def printable(text: str) -> str:
    """Return `text` with "?" for letters outside Windows-1252, which PDF's own fonts lack."""
    composed = unicodedata.normalize("NFC", text)
    return composed.encode("cp1252", errors="replace").decode("cp1252")


def number_cell(number: str, interval: str, notes: Sequence[str] = ()) -> Paragraph:
    """Return a number with its interval and its notes in small print, set right."""
    small = "".join(f"<br/>{escape(printable(note))}" for note in notes)
    marked = (
        f"<b>{escape(printable(number))}</b> "
        f'<font size="{_SMALL_PRINT}" color="{GREY.hexval()}">{escape(interval)}{small}</font>'
    )
    return Paragraph(marked, RIGHT)


def table(
    cells: Sequence[Sequence[Any]],
    widths: Sequence[float],
    padding: tuple[float, float] = _PADDING,
) -> Table:
    """Return a table of flowables whose first row is repeated on each page.

    Parameters
    ----------
    cells : sequence of sequence of flowable
    widths : sequence of float
        Of the columns, as shares of the text's width.
    padding : tuple of float
        Points above and below the content of each row.
    """
    found = Table(cells, colWidths=[width * TEXT_WIDTH for width in widths], repeatRows=1)
    found.hAlign = "LEFT"
    above, below = padding
    found.setStyle(GRID)
    found.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, -1), above),
            ("BOTTOMPADDING", (0, 0), (-1, -1), below),
        ]
    )
    return found


def section(title: str, *content: Any) -> Story:
    """Return a heading with flowables below it; heading and first flowable stay together."""
    first, *rest = content
    return [KeepTogether([paragraph(title, HEADING), first]), *rest]


def grid(headings: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float]) -> Table:
    """Return a table with text in the first column and numbers, set right, in the others."""
    styles = [BODY, *[RIGHT] * (len(headings) - 1)]
    bold = [BOLD, *[BOLD_RIGHT] * (len(headings) - 1)]
    cells = [
        [paragraph(text, style) for text, style in zip(headings, bold, strict=True)],
        *([paragraph(t, style) for t, style in zip(row, styles, strict=True)] for row in rows),
    ]
    return table(cells, widths, padding=(1.0, 1.5))


def facts(rows: Sequence[tuple[str, str]]) -> Table:
    """Return a table of names and values without headings."""
    cells = [[paragraph(name, BOLD), paragraph(value, BREAKABLE)] for name, value in rows]
    table = Table(cells, colWidths=[0.22 * TEXT_WIDTH, 0.78 * TEXT_WIDTH])
    table.setStyle(
        [
            ("LEFTPADDING", (0, 0), (0, -1), 0),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ]
    )
    return table


def build(story: list[Any], target: BinaryIO, program_version: str, demonstration: bool) -> None:
    """Set `story` on pages and write the PDF to `target`.

    Parameters
    ----------
    story : list of reportlab flowables
        Used up by the call.
    target : binary file
    program_version : str
        Stands in every page's footer, with the disclaimer.
    demonstration : bool
        Whether every page carries the band of a demonstration model.
    """
    document = BaseDocTemplate(
        target,
        pagesize=A4,
        title="SpineAlign report",
        author=f"SpineAlign {program_version}",
        subject=DISCLAIMER,
        invariant=1,
    )
    top = _PAGE_HEIGHT - 14 * mm - (_BAND_HEIGHT if demonstration else 0)
    frame = Frame(_MARGIN, _FOOTER_TOP, TEXT_WIDTH, top - _FOOTER_TOP, 0, 0, 0, 0)

    def decorate(canvas: Any, _: Any) -> None:
        _draw_footer(canvas, program_version)
        if demonstration:
            _draw_band(canvas)

    document.addPageTemplates(PageTemplate(frames=[frame], onPage=decorate))
    document.build([*story, CallerMacro(drawCallable=_define_page_count)])


def _draw_band(canvas: Any) -> None:
    canvas.saveState()
    canvas.setFillColor(AMBER)
    canvas.rect(0, _PAGE_HEIGHT - _BAND_HEIGHT, _PAGE_WIDTH, _BAND_HEIGHT, stroke=0, fill=1)
    canvas.setFillColor(black)
    canvas.setFont("Helvetica-Bold", 10)
    baseline = _PAGE_HEIGHT - _BAND_HEIGHT / 2 - 3.5
    canvas.drawCentredString(_PAGE_WIDTH / 2, baseline, DEMONSTRATION_BAND)
    canvas.restoreState()


def _draw_footer(canvas: Any, program_version: str) -> None:
    canvas.saveState()
    canvas.setStrokeColor(LINE)
    canvas.line(_MARGIN, _FOOTER_TOP - 2 * mm, _PAGE_WIDTH - _MARGIN, _FOOTER_TOP - 2 * mm)
    disclaimer = paragraph(DISCLAIMER, SMALL)
    _, height = disclaimer.wrapOn(canvas, TEXT_WIDTH, _FOOTER_TOP)
    disclaimer.drawOn(canvas, _MARGIN, _FOOTER_TOP - 3 * mm - height)
    _use_small_print(canvas)
    canvas.drawString(_MARGIN, _PAGE_NUMBER_Y, f"SpineAlign {program_version}")
    right = _PAGE_WIDTH - _MARGIN - _PAGE_COUNT_WIDTH
    canvas.drawRightString(right, _PAGE_NUMBER_Y, f"Page {canvas.getPageNumber()}")
    # The number of pages is known only at the end; a form may be used before it is defined.
    canvas.doForm(_PAGE_COUNT_FORM)
    canvas.restoreState()


def _define_page_count(macro: Any) -> None:
    canvas = macro.canv
    canvas.beginForm(_PAGE_COUNT_FORM)
    _use_small_print(canvas)
    left = _PAGE_WIDTH - _MARGIN - _PAGE_COUNT_WIDTH + 2
    canvas.drawString(left, _PAGE_NUMBER_Y, f"of {canvas.getPageNumber()}")
    canvas.endForm()


def _use_small_print(canvas: Any) -> None:
    canvas.setFont("Helvetica", 7.5)
    canvas.setFillColor(GREY)
