"""The paper a report is printed on: its size, styles, head and foot of every page, tables."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from reportlab import rl_config
from reportlab.lib.colors import Color, HexColor, black
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.lib.units import mm
from reportlab.platypus import BaseDocTemplate, Frame, KeepTogether, PageTemplate, Table
from reportlab.platypus import Image as Picture
from reportlab.platypus.flowables import CallerMacro

from spinealign.domain.findings import DISCLAIMER
from spinealign.domain.report_details import PaperSize
from spinealign.export.typesetting import GREY, Span, Text, TextStyle, draw_line, draw_text
from spinealign.export.typesetting import text_on_line as on_line
from spinealign.wording import DEMONSTRATION_BAND
from spinealign.wording.report import DRAFT

rl_config.useA85 = 0
"""Streams as bytes: encoding them as text takes most of the time, and no reader needs it."""

_SIZES: dict[PaperSize, tuple[float, float]] = {PaperSize.A4: A4, PaperSize.LETTER: LETTER}
_LEAST_MARGIN = 16 * mm
_BAND_HEIGHT = 8 * mm
_HEAD_HEIGHT = 15 * mm
_FOOTER_TOP = 19 * mm
_PAGE_NUMBER_Y = 7 * mm
_PAGE_COUNT_FORM = "page_count"
_PAGE_COUNT_WIDTH = 8 * mm
TEXT_WIDTH = A4[0] - 2 * _LEAST_MARGIN
"""On every paper: a wider one has wider margins."""

LINE, SHADE, AMBER = (HexColor(c) for c in ("#c9ced6", "#f2f4f7", "#ffc107"))
RED = HexColor("#b3261e")

BODY = TextStyle(size=8.6, leading=11.6)
BOLD = BODY.but(is_bold=True)
RIGHT = BODY.but(align="right")
BOLD_RIGHT = BOLD.but(align="right")
SMALL = TextStyle(size=7.2, leading=9.2, colour=GREY)
FINE = TextStyle(size=6.4, leading=7.9, colour=GREY, space_after=1)
TITLE = TextStyle(size=15, leading=20, is_bold=True)
FINDING = TextStyle(size=10.5, leading=14, is_bold=True)
IMPRESSION = TextStyle(size=10, leading=14)
HEADING = TextStyle(size=10, leading=13, is_bold=True, space_before=8, space_after=2)
_HEAD = TextStyle(size=7.6, leading=9.6, is_bold=True)
_HEAD_RIGHT = _HEAD.but(is_bold=False, align="right", colour=GREY)
_DRAFT_SIZE, _DRAFT_TURN_DEG = 150, 52
_DRAFT = TextStyle(
    size=_DRAFT_SIZE, is_bold=True, align="centre", colour=Color(0.7, 0.15, 0.12, alpha=0.2)
)

GRID = [
    ("LEFTPADDING", (0, 0), (0, -1), 0),
    ("LINEBELOW", (0, 0), (-1, 0), 0.8, black),
    ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE),
]
"""Style of a table: a line below its headings, fine lines below its rows."""

Story = list[Any]
_SMALL_PRINT = TextStyle(size=6.4, leading=11.6, colour=GREY)
_PADDING = (2.0, 3.0)
_CELL_SIDE = 6.0
"""Points that reportlab leaves free at each side of a cell."""

_MOST_LINES = 8
"""Of a cell that holds text from elsewhere: a row must fit on a page."""


@dataclass(frozen=True)
class Running:
    """What stands on every page.

    Parameters
    ----------
    patient : str
        Whose report it is, at the left of the head.
    subject : str
        What it is, at the right of the head.
    program_version : str
    is_draft : bool
        Whether nobody signed: "DRAFT" lies across the page.
    is_demonstration : bool
        Whether a demonstration model speaks: a band says so.
    paper : PaperSize
    """

    patient: str
    subject: str
    program_version: str
    is_draft: bool = False
    is_demonstration: bool = False
    paper: PaperSize = PaperSize.A4

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of a page in points."""
        return _SIZES[self.paper]

    @property
    def margin(self) -> float:
        """Left and right of the text, in points."""
        return float(self.size[0] - TEXT_WIDTH) / 2


def text_height(paper: PaperSize) -> float:
    """Return the height between head and foot of a page in points."""
    return float(_SIZES[paper][1] - _HEAD_HEIGHT - _FOOTER_TOP)


def paragraph(text: str, style: TextStyle = BODY, most_lines: int | None = None) -> Text:
    """Return `text` as it is, in any script; nothing in it is read as mark-up."""
    found = Text([Span(text, style)], style, most_lines)
    found.keepWithNext = int(style is HEADING)
    return found


def spans(*parts: tuple[str, TextStyle]) -> Text:
    """Return pieces of text in different styles as one paragraph; the first sets its lines."""
    return Text([Span(text, style) for text, style in parts], parts[0][1])


def number_cell(number: str, interval: str, notes: Sequence[str] = ()) -> Text:
    """Return a number with its interval and its notes in small print, set right."""
    small = "".join(f"\n{note}" for note in notes)
    pieces = [Span(number, BOLD_RIGHT), Span(f" {interval}{small}", _SMALL_PRINT)]
    return Text(pieces, RIGHT.but(leading=BODY.leading - 1))


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
        Of the columns, as shares of the text's width. Where a word is wider than its column, this
        takes from those that have room: a word is torn only where it is wider than all of it.
    padding : tuple of float
        Points above and below the content of each row.
    """
    columns = fitted_widths(cells, [width * TEXT_WIDTH for width in widths])
    found = Table(cells, colWidths=columns, repeatRows=1)
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


def fitted_widths(cells: Sequence[Sequence[Any]], widths: Sequence[float]) -> list[float]:
    """Return widths of columns in points of which each has room for its widest word."""
    needed = [0.0] * len(widths)
    for row in cells:
        for column, cell in enumerate(row):
            if isinstance(cell, Text):
                beside = _CELL_SIDE if column == 0 else 2 * _CELL_SIDE
                needed[column] = max(needed[column], cell.minWidth() + beside)
    lacking = sum(max(need - width, 0.0) for need, width in zip(needed, widths, strict=True))
    spare = sum(max(width - need, 0.0) for need, width in zip(needed, widths, strict=True))
    if not lacking or lacking > spare:
        return list(widths)
    given = lacking / spare
    return [
        need if width < need else width - given * (width - need)
        for need, width in zip(needed, widths, strict=True)
    ]


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


def facts(rows: Sequence[tuple[str, str]], width: float = TEXT_WIDTH, share: float = 0.22) -> Table:
    """Return a table of names and values without headings, `width` points wide."""
    left = BODY.but(align="left")
    cells = [[paragraph(name, BOLD), paragraph(value, left, _MOST_LINES)] for name, value in rows]
    table = Table(cells, colWidths=[share * width, (1 - share) * width])
    table.setStyle(
        [
            ("LEFTPADDING", (0, 0), (0, -1), 0),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, -1), 0.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
        ]
    )
    return table


def box(content: Sequence[Any], bar: Any = LINE) -> Table:
    """Return flowables on a shade with a coloured bar at the left."""
    found = Table([[list(content)]], colWidths=[TEXT_WIDTH])
    found.setStyle(
        [
            ("BACKGROUND", (0, 0), (-1, -1), SHADE),
            ("LINEBEFORE", (0, 0), (0, -1), 4, bar),
            ("LEFTPADDING", (0, 0), (-1, -1), 10),
            ("TOPPADDING", (0, 0), (-1, -1), 5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 7),
        ]
    )
    return found


def picture(jpeg: bytes, width: float, height: float) -> Picture:
    """Return a picture of this size in points."""
    return Picture(io.BytesIO(jpeg), width, height)


def build(story: list[Any], target: BinaryIO, running: Running) -> int:
    """Set `story` on pages and write the PDF to `target`.

    Parameters
    ----------
    story : list of reportlab flowables
        Used up by the call.
    target : binary file
    running : Running

    Returns
    -------
    int
        How many pages there are.
    """
    document = BaseDocTemplate(
        target,
        pagesize=running.size,
        title=running.subject,
        author=f"SpineAlign {running.program_version}",
        subject=DISCLAIMER,
        invariant=1,
    )
    top = running.size[1] - _HEAD_HEIGHT - (_BAND_HEIGHT if running.is_demonstration else 0)
    frame = Frame(running.margin, _FOOTER_TOP, TEXT_WIDTH, top - _FOOTER_TOP, 0, 0, 0, 0)
    template = PageTemplate(frames=[frame], onPage=_below(running), onPageEnd=_above(running))
    document.addPageTemplates(template)
    document.build([*story, CallerMacro(drawCallable=_page_count_definer(running))])
    return int(document.page)


def _below(running: Running) -> Callable[[Any, Any], None]:
    def draw(canvas: Any, _: Any) -> None:
        canvas.saveState()
        _draw_head(canvas, running)
        _draw_footer(canvas, running)
        if running.is_demonstration:
            _draw_band(canvas, running)
        canvas.restoreState()

    return draw


def _above(running: Running) -> Callable[[Any, Any], None]:
    def draw(canvas: Any, _: Any) -> None:
        if running.is_draft:
            _draw_draft(canvas, running)

    return draw


def _draw_head(canvas: Any, running: Running) -> None:
    band = _BAND_HEIGHT if running.is_demonstration else 0
    (across, down), margin = running.size, running.margin
    y = down - band - 9 * mm
    subject = on_line(running.subject, _HEAD_RIGHT, TEXT_WIDTH * 0.5)
    width = sum(cluster.width for cluster in subject)
    draw_line(canvas, subject, margin + TEXT_WIDTH - width, y)
    draw_text(canvas, running.patient, _HEAD, margin, y, TEXT_WIDTH - width - 4 * mm)
    canvas.setStrokeColor(LINE)
    canvas.line(margin, y - 2 * mm, across - margin, y - 2 * mm)


def _draw_band(canvas: Any, running: Running) -> None:
    across, down = running.size
    canvas.setFillColor(AMBER)
    canvas.rect(0, down - _BAND_HEIGHT, across, _BAND_HEIGHT, stroke=0, fill=1)
    style = TextStyle(size=9.5, is_bold=True, align="centre")
    y = down - _BAND_HEIGHT / 2 - 3.5
    draw_text(canvas, DEMONSTRATION_BAND, style, 0, y, across)


def _draw_draft(canvas: Any, running: Running) -> None:
    """Lay the word across everything, so faint that all can be read."""
    canvas.saveState()
    across, down = running.size
    canvas.translate(across / 2, down / 2)
    canvas.rotate(_DRAFT_TURN_DEG)
    draw_text(canvas, DRAFT, _DRAFT, -TEXT_WIDTH, -0.36 * _DRAFT_SIZE, 2 * TEXT_WIDTH)
    canvas.restoreState()


def _draw_footer(canvas: Any, running: Running) -> None:
    (across, _), margin = running.size, running.margin
    canvas.setStrokeColor(LINE)
    canvas.line(margin, _FOOTER_TOP - 2 * mm, across - margin, _FOOTER_TOP - 2 * mm)
    disclaimer = paragraph(DISCLAIMER, FINE)
    _, height = disclaimer.wrapOn(canvas, TEXT_WIDTH, _FOOTER_TOP)
    disclaimer.drawOn(canvas, margin, _FOOTER_TOP - 3 * mm - height)
    small = SMALL.but(align="left")
    made = f"SpineAlign {running.program_version}"
    draw_text(canvas, made, small, margin, _PAGE_NUMBER_Y, TEXT_WIDTH)
    number, width = f"Page {canvas.getPageNumber()}", TEXT_WIDTH - _PAGE_COUNT_WIDTH
    draw_text(canvas, number, SMALL.but(align="right"), margin, _PAGE_NUMBER_Y, width)
    # The number of pages is known only at the end; a form may be used before it is defined.
    canvas.doForm(_PAGE_COUNT_FORM)


def _page_count_definer(running: Running) -> Callable[[Any], None]:
    def define(macro: Any) -> None:
        canvas = macro.canv
        canvas.beginForm(_PAGE_COUNT_FORM)
        left = running.margin + TEXT_WIDTH - _PAGE_COUNT_WIDTH + 2
        words = f"of {canvas.getPageNumber()}"
        draw_text(canvas, words, SMALL, left, _PAGE_NUMBER_Y, _PAGE_COUNT_WIDTH)
        canvas.endForm()

    return define
