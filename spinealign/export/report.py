"""The report for a referring physician, as a PDF."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer, Table

from spinealign.domain.findings import Analysis
from spinealign.domain.report_details import (
    Institution,
    PaperSize,
    ReportDetails,
    ReportPart,
)
from spinealign.export import page
from spinealign.export.alignment_pages import alignment_story, finding_bar
from spinealign.export.annex import annex_story, cautions_story
from spinealign.export.comparison_pages import appended_stories
from spinealign.export.disc_pages import discs_story
from spinealign.export.page import Story, paragraph, section, spans
from spinealign.export.report_content import (
    FindingRow,
    ReportContent,
    as_drawn,
    as_reported,
    report_content,
)
from spinealign.export.report_pictures import logo_jpeg, overlay_jpeg
from spinealign.wording import is_demonstration
from spinealign.wording.curve_pattern import CURVES_TITLE
from spinealign.wording.report import (
    ANNEX_TITLE,
    DRAFT,
    FINDING_HEADINGS,
    NO_PICTURE,
    OVERRULED_TITLE,
    left_out_text,
)

MOST_PAGES, MOST_PAGES_OF_MR = 2, 3
"""Of a report without its annex, one section on other examinations included; each further one
may take one more."""

_WARNED = page.BOLD.but(colour=page.RED, space_after=3)
_LEAST_PICTURE_HEIGHT, _MOST_PICTURE_HEIGHT = 70 * mm, 190 * mm
_LOGO_HEIGHT, _LOGO_WIDTH = 14 * mm, 50 * mm
_FINDING_WIDTHS = (0.34, 0.22, 0.19, 0.25)
_NARROW_WIDTHS = (0.34, 0.24, 0.22, 0.2)
_LEFT_SHARE = 0.55
_MOST_FINDINGS = 10
_FEWER_FINDINGS = (_MOST_FINDINGS, 8, 6, 5)
"""How many findings have a row beside a high picture: fewer, so that it can be read."""

_GAP = 3 * mm
_MOST_LINES = 4
_MOST_REMARK_LINES = 12
"""What a reader changed is never cut short: eight grades of a disc have room."""

_TALL = 1.6
_MOST_SHARE = 0.7
"""Of a page that the findings beside a picture may take."""


def report_pdf(analysis: Analysis, details: ReportDetails | None = None) -> bytes:
    """Return the report as a PDF; the same analysis and details always give the same bytes.

    Parameters
    ----------
    analysis : Analysis
        What was found; answers of a demonstration classifier are left out.
    details : ReportDetails, optional
        Patient, reading and institution; none for a report on the image alone.
    """
    details = details or ReportDetails()
    analysis = as_reported(analysis, details)
    content = report_content(analysis, details)
    front = _Front(analysis, content, details)
    found = [part for part in _parts(analysis, content) if part.make()]
    unwanted = [part.title for part in found if part.kind in details.layout.left_out]
    parts = [part for part in found if part.kind not in details.layout.left_out]
    most = MOST_PAGES_OF_MR if analysis.discs else MOST_PAGES
    most += max(0, len(appended_stories(analysis, details)) - 1)
    for left_out in range(len(parts) + 1):
        appended = [part for story in appended_stories(analysis, details) for part in story]
        kept, omitted = parts[: len(parts) - left_out], parts[len(parts) - left_out :]
        missing = [*(part.title for part in omitted), *unwanted]
        rest = [piece for part in kept for piece in part.make()]
        body = [*front.story(), *_with_note(rest, content), *appended]
        running = _running(analysis, content, content.subject, details.layout.paper)
        data, pages = _built(body, content, missing, running)
        if pages <= most or left_out == len(parts):
            break
    return data


def annex_pdf(analysis: Analysis, details: ReportDetails | None = None) -> bytes:
    """Return everything that the report leaves out, as a PDF: the technical annex."""
    details = details or ReportDetails()
    analysis = as_reported(analysis, details)
    content = report_content(analysis, details)
    story = [
        paragraph(ANNEX_TITLE, page.TITLE),
        paragraph(content.title, page.BODY),
        *([paragraph(content.values_note)] if content.values_note else []),
        *_overruled(content),
        *annex_story(analysis, not details.is_deidentified, content.overrulings),
    ]
    target = io.BytesIO()
    page.build(story, target, _running(analysis, content, ANNEX_TITLE, details.layout.paper))
    return target.getvalue()


def _overruled(content: ReportContent) -> Story:
    """Return what the reader changed or rejected, with who and when."""
    lines = [paragraph(f"• {text}") for text in content.overruled]
    return section(OVERRULED_TITLE, *lines) if lines else []


@dataclass(frozen=True)
class _Part:
    """What may follow the first page; `kind` is None where it cannot be left out by choice."""

    title: str
    make: Callable[[], Story]
    kind: ReportPart | None = None


def _parts(analysis: Analysis, content: ReportContent) -> list[_Part]:
    """Return what follows the first page, the most wanted first; the last are left out first."""
    measures = partial(alignment_story, analysis, overrulings=content.overrulings)
    return [
        _Part("discs", partial(discs_story, analysis, content.overrulings), ReportPart.DISCS),
        _Part("types of the curves", partial(_curves, content)),
        _Part("cautions", partial(cautions_story, analysis)),
        _Part("measures", partial(measures, with_levels=False), ReportPart.MEASURES),
        _Part(
            "measures of single levels",
            partial(measures, with_summary=False),
            ReportPart.LEVEL_MEASURES,
        ),
    ]


def _curves(content: ReportContent) -> Story:
    """Return what the curves of a film from the front are together."""
    return section(CURVES_TITLE, *map(paragraph, content.curves)) if content.curves else []


def _with_note(rest: Story, content: ReportContent) -> Story:
    note = [paragraph(content.values_note, page.BODY)] if rest and content.values_note else []
    return [*note, *rest]


def _built(
    body: Story, content: ReportContent, missing: Sequence[str], running: page.Running
) -> tuple[bytes, int]:
    note = left_out_text(missing) if missing else ""
    end = [Spacer(0, _GAP), *([paragraph(note, page.SMALL)] if note else [])]
    target = io.BytesIO()
    pages = page.build([*body, *end, paragraph(content.origin, page.SMALL)], target, running)
    return target.getvalue(), pages


def _running(
    analysis: Analysis, content: ReportContent, subject: str, paper: PaperSize
) -> page.Running:
    return page.Running(
        content.patient_head,
        subject,
        analysis.program_version,
        content.is_draft,
        is_demonstration(analysis),
        paper,
    )


class _Front:
    """The first page; its picture is drawn once, however often the pages are set."""

    def __init__(self, analysis: Analysis, content: ReportContent, details: ReportDetails) -> None:
        self._content = content
        self._institution = Institution() if details.is_deidentified else details.institution
        self._height = page.text_height(details.layout.paper)
        self._has_picture = ReportPart.PICTURE not in details.layout.left_out
        if self._has_picture:
            self._size, self._jpeg = overlay_jpeg(as_drawn(analysis, details))

    def story(self) -> Story:
        """Return fresh flowables."""
        content = self._content
        return [
            *_letterhead(self._institution),
            *_title(content),
            _patient(content.patient_columns),
            Spacer(0, _GAP),
            *self._results(),
        ]

    def _results(self) -> Story:
        """Return impression, findings and picture: a high one at the right, another below them."""
        if not self._has_picture:
            told = [*_impression(self._content), *_findings(self._content.rows)]
            note = paragraph(NO_PICTURE, page.SMALL)
            return [*told, *_first_cautions(self._content), note]
        caption = paragraph(self._content.picture_caption, page.SMALL.but(align="centre"))
        _, caption_height = caption.wrap(page.TEXT_WIDTH, self._height)
        rows, cautions = self._content.rows, _first_cautions(self._content)
        width, height = self._size
        if height > _TALL * width:
            left = page.TEXT_WIDTH * _LEFT_SHARE
            for most in _FEWER_FINDINGS:
                told = _findings(rows, left, _NARROW_WIDTHS, most)
                told = [*_impression(self._content), *told]
                for story, below in (([*told, *cautions], []), (told, cautions)):
                    beside = PictureBeside(story, left, self._jpeg, self._size, caption_height)
                    if beside.least_height() <= self._height * _MOST_SHARE:
                        return [beside, caption, *below]
        picture = FittedPicture(self._jpeg, self._size, caption_height)
        told = [*_impression(self._content), *_findings(rows)]
        return [*told, *cautions, Spacer(0, _GAP), picture, caption]


class FittedPicture(Flowable):  # type: ignore[misc]
    """A picture as large as the rest of the page allows, with its caption below it."""

    def __init__(self, jpeg: bytes, size_px: tuple[int, int], caption_height: float) -> None:
        super().__init__()
        self._jpeg, self._size_px, self._below = jpeg, size_px, caption_height

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Return the size in points; on a page without room for it, the least size."""
        across, down = self._size_px
        room = height - self._below - 1
        most = room if room >= _LEAST_PICTURE_HEIGHT else _LEAST_PICTURE_HEIGHT
        scale = min(width / across, min(most, _MOST_PICTURE_HEIGHT) / down)
        self.width, self.height = width, down * scale
        self._across = across * scale
        return self.width, self.height

    def draw(self) -> None:
        """Draw in the middle of the line."""
        drawn = page.picture(self._jpeg, self._across, self.height)
        drawn.drawOn(self.canv, (self.width - self._across) / 2, 0)


class PictureBeside(Flowable):  # type: ignore[misc]
    """Flowables at the left, a high picture at the right, as high as the page allows.

    The picture begins where they begin; its caption follows below both.
    """

    def __init__(
        self,
        story: Story,
        left_width: float,
        jpeg: bytes,
        size_px: tuple[int, int],
        caption_height: float,
    ) -> None:
        super().__init__()
        self._story, self._left_width = story, left_width
        self._jpeg, self._size_px, self._below = jpeg, size_px, caption_height

    def least_height(self) -> float:
        """Return the height of what stands at the left, in points."""
        return float(sum(above + height for _, above, height in self._parts()))

    def _parts(self) -> Iterator[tuple[Any, float, float]]:
        """Yield the flowables at the left with the space above each and its height, in points."""
        for place, part in enumerate(self._story):
            _, height = part.wrap(self._left_width, page.text_height(PaperSize.A4))
            yield part, part.getSpaceBefore() if place else 0.0, height

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Return the size in points."""
        across, down = self._size_px
        room = width - self._left_width - _GAP
        most = min(height - self._below - 1, _MOST_PICTURE_HEIGHT, room * down / across)
        self._picture_height = max(most, _LEAST_PICTURE_HEIGHT)
        self.width, self.height = width, max(self._picture_height, self.least_height())
        return self.width, self.height

    def draw(self) -> None:
        """Draw from the top down; the picture at the right border."""
        across, down = self._size_px
        width = self._picture_height * across / down
        drawn = page.picture(self._jpeg, width, self._picture_height)
        drawn.drawOn(self.canv, self.width - width, self.height - self._picture_height)
        y = self.height
        for part, above, height in self._parts():
            y -= above + height
            part.drawOn(self.canv, 0, y)


def _letterhead(institution: Institution) -> Story:
    words = [page.FINDING, page.SMALL]
    lines = [institution.name, institution.address]
    texts = [paragraph(t, s, _MOST_LINES) for t, s in zip(lines, words, strict=True) if t.strip()]
    logo = _logo(institution.logo_png)
    if not texts and logo is None:
        return []
    row = Table([[texts or "", logo or ""]], colWidths=[page.TEXT_WIDTH - _LOGO_WIDTH, _LOGO_WIDTH])
    row.setStyle(
        [
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 0),
            ("ALIGN", (1, 0), (1, 0), "RIGHT"),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, page.LINE),
        ]
    )
    return [row, Spacer(0, 2 * mm)]


def _logo(png: bytes) -> Any:
    """Return the institution's mark; None leaves its place empty."""
    encoded = logo_jpeg(png)
    if encoded is None:
        return None
    (width, height), jpeg = encoded
    scale = min(_LOGO_WIDTH / width, _LOGO_HEIGHT / height)
    return page.picture(jpeg, width * scale, height * scale)


def _title(content: ReportContent) -> Story:
    colour = page.RED if content.is_draft else page.BODY.colour
    status = f"{DRAFT}: {content.status}" if content.is_draft else content.status
    return [
        paragraph(content.title, page.TITLE),
        paragraph(status, page.BOLD.but(colour=colour, space_after=3)),
        *(paragraph(text, _WARNED) for text in content.warned),
    ]


def _patient(columns: tuple[tuple[tuple[str, str], ...], ...]) -> Table:
    """Return the patient at the left, the examination at the right."""
    left, right = columns
    if not right:
        return page.box([page.facts(left, page.TEXT_WIDTH - 20, share=0.14)])
    width = (page.TEXT_WIDTH - 20) / 2
    both = Table(
        [[page.facts(left, width, share=0.28), page.facts(right, width, share=0.42)]],
        colWidths=[width, width],
    )
    both.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *_NO_PADDING])
    return page.box([both])


_NO_PADDING = [
    (f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")
]


def _impression(content: ReportContent) -> Story:
    lines = [paragraph(line, page.IMPRESSION) for line in content.impression]
    if content.impression_note:
        lines.append(paragraph(content.impression_note, page.SMALL))
    for title, text in content.addenda:
        lines += [paragraph(title, page.BOLD.but(space_before=4)), paragraph(text, page.IMPRESSION)]
    if content.scope:
        lines.append(paragraph(content.scope, page.SMALL))
    return [paragraph("Impression", page.HEADING), *lines]


def _findings(
    rows: Sequence[FindingRow],
    width: float = page.TEXT_WIDTH,
    shares: Sequence[float] = _FINDING_WIDTHS,
    most: int = _MOST_FINDINGS,
) -> Story:
    """Return the table of at most so many findings, and the others in a line below it."""
    if not rows:
        return []
    widths = [share * width / page.TEXT_WIDTH for share in shares]
    heads = [paragraph(text, page.BOLD) for text in FINDING_HEADINGS]
    shown = [_finding_cells(row) for row in rows[:most]]
    table = page.table([heads, *shown], widths, padding=(1.5, 2))
    wide = [at for at, row in enumerate(rows[:most], start=1) if not row.value]
    table.setStyle([("SPAN", (0, at), (1, at)) for at in wide])
    rest = "; ".join(_in_one_line(row) for row in rows[most:])
    more = [Spacer(0, 1 * mm), paragraph(f"Further: {rest}.", page.SMALL)] if rest else []
    return [paragraph("Findings", page.HEADING), table, *more]


def _finding_cells(row: FindingRow) -> list[Any]:
    bar = finding_bar(row.finding)
    normal = paragraph(row.normal, page.SMALL)
    remark = "; ".join(part for part in (row.meaning, row.mark) if part)
    value = spans((row.value, page.BOLD), (f" ({row.doubt})" if row.doubt else "", page.SMALL))
    return [
        paragraph(row.what, page.BOLD if row.is_abnormal else page.BODY),
        value if row.value else "",
        normal if bar is None else [bar, normal],
        paragraph(remark, page.BODY, _MOST_REMARK_LINES),
    ]


def _in_one_line(row: FindingRow) -> str:
    parts = (row.what, row.value, row.meaning, f"({row.mark})" if row.mark else "")
    return " ".join(part for part in parts if part)


def _first_cautions(content: ReportContent) -> Story:
    lines = [paragraph(f"• {text}", page.SMALL) for text in (*content.changes, *content.cautions)]
    return [Spacer(0, 1.5 * mm), *lines] if lines else []
