"""The report as one HTML file that needs nothing else: pictures inside, no script, fit to print.

Text is escaped, `dir="auto"` lets names run in their own direction, and the fonts are the
reader's own. A content security policy forbids the file to load anything, whatever its text says.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

from spinealign.domain.findings import DISCLAIMER, Analysis
from spinealign.domain.measurements import Measurement
from spinealign.domain.report_details import Institution, ReportDetails, ReportPart
from spinealign.export.comparison import appended_lines
from spinealign.export.report_content import (
    FindingRow,
    Overruling,
    ReportContent,
    as_drawn,
    as_reported,
    report_content,
)
from spinealign.export.report_pictures import logo_jpeg, overlay_jpeg
from spinealign.reading.findings import measure_key
from spinealign.wording import DEMONSTRATION_BAND, caution_statement, is_demonstration, safe_text
from spinealign.wording.curve_pattern import CURVES_TITLE
from spinealign.wording.measure_rows import grouped, measure_sentence, unmeasurable_lines
from spinealign.wording.measures import measurement_name
from spinealign.wording.report import (
    DRAFT,
    FINDING_HEADINGS,
    NO_PICTURE,
    OVERRULED_TITLE,
    PROGRAM_VALUES_ABOVE,
    left_out_text,
)

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 10pt/1.4 "Noto Sans", "Segoe UI", "Helvetica Neue", Arial, sans-serif; color: #111;
  max-width: 190mm; margin: 8mm auto; padding: 0 4mm; background: #fff; }
header.paper { display: flex; justify-content: space-between; align-items: center;
  border-bottom: 1px solid #c9ced6; margin-bottom: 4mm; }
header.paper img { max-height: 16mm; max-width: 50mm; }
h1 { font-size: 16pt; margin: 0 0 1mm; } h2 { font-size: 11pt; margin: 5mm 0 1mm; }
p { margin: 0 0 1mm; } .small { font-size: 8pt; color: #5a6068; } .draft { color: #b3261e; }
.status { font-weight: bold; }
.patient { display: flex; gap: 8mm; background: #f2f4f7; border-left: 4px solid #c9ced6;
  padding: 2mm 4mm; }
.patient dl { flex: 1; display: grid; grid-template-columns: max-content 1fr; gap: 0 4mm;
  margin: 0; } dt { font-weight: bold; } dd { margin: 0; overflow-wrap: anywhere; }
.impression p { font-size: 11.5pt; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: start; vertical-align: top;
  padding: 1mm 2mm 1mm 0; border-bottom: 1px solid #c9ced6; } th { border-bottom-color: #111; }
tr.abnormal td:first-child { font-weight: bold; }
figure { margin: 4mm 0; text-align: center; break-inside: avoid; }
figure img { max-width: 100%; max-height: 170mm; }
.band { background: #ffc107; font-weight: bold; text-align: center; padding: 1mm; }
.watermark { position: fixed; top: 40%; left: 0; right: 0; text-align: center; font-size: 120pt;
  font-weight: bold; color: #b3261e; opacity: .2; transform: rotate(-52deg);
  pointer-events: none; }
footer { margin-top: 6mm; border-top: 1px solid #c9ced6; }
@page { size: $paper; margin: 14mm; }
@media print { body { margin: 0; max-width: none; padding: 0; } tr, figure { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def report_html(analysis: Analysis, details: ReportDetails | None = None) -> bytes:
    """Return the report as HTML; see `spinealign.export.report.report_pdf`."""
    details = details or ReportDetails()
    analysis = as_reported(analysis, details)
    content = report_content(analysis, details)
    institution = Institution() if details.is_deidentified else details.institution
    body = "\n".join(
        [
            *_warnings(analysis, content),
            *_letterhead(institution),
            *_head(content),
            *_impression(content),
            *_findings(content.rows),
            *_picture(analysis, content, details),
            *([_paragraph(PROGRAM_VALUES_ABOVE)] if content.values_note else []),
            *_listed(CURVES_TITLE, content.curves),
            *_measures(analysis, content, details),
            *_other_examinations(analysis, details),
            *_listed("Cautions", [*content.changes, *map(caution_statement, analysis.cautions)]),
            *_listed(OVERRULED_TITLE, content.overruled),
            *_foot(analysis, content),
        ]
    )
    return _PAGE.format(
        title=_text(f"{content.subject} · {content.patient_head}"),
        policy=_POLICY,
        style=_STYLE.replace("$paper", details.layout.paper.value),
        body=body,
    ).encode()


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _text(text: str) -> str:
    return escape(safe_text(text.replace("\n", " ")))


def _paragraph(text: str, kind: str = "") -> str:
    lines = "<br>".join(map(_text, text.split("\n")))
    return f'<p dir="auto"{_class(kind)}>{lines}</p>'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _warnings(analysis: Analysis, content: ReportContent) -> list[str]:
    band = f'<p class="band">{DEMONSTRATION_BAND}</p>' if is_demonstration(analysis) else ""
    draft = f'<div class="watermark" aria-hidden="true">{DRAFT}</div>' if content.is_draft else ""
    return [part for part in (band, draft) if part]


def _letterhead(institution: Institution) -> list[str]:
    logo = logo_jpeg(institution.logo_png)
    if not institution.name.strip() and logo is None:
        return []
    mark = "" if logo is None else f'<img alt="" src="{_data_uri(logo[1])}">'
    words = f"<strong>{_text(institution.name)}</strong>"
    address = f'<br><span class="small">{_text(institution.address)}</span>'
    return [f'<header class="paper"><p dir="auto">{words}{address}</p>{mark}</header>']


def _head(content: ReportContent) -> list[str]:
    status = f"{DRAFT}: {content.status}" if content.is_draft else content.status
    lists = "".join(_facts(column) for column in content.patient_columns if column)
    return [
        f"<h1>{_text(content.title)}</h1>",
        _paragraph(status, "status draft" if content.is_draft else "status"),
        *(_paragraph(text, "status draft") for text in content.warned),
        f'<section class="patient">{lists}</section>',
    ]


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    pairs = (f'<dt>{_text(name)}</dt><dd dir="auto">{_text(value)}</dd>' for name, value in rows)
    return f"<dl>{''.join(pairs)}</dl>"


def _impression(content: ReportContent) -> list[str]:
    note = [_paragraph(content.impression_note, "small")] if content.impression_note else []
    added = [
        part
        for title, text in content.addenda
        for part in (f'<p class="status" dir="auto">{_text(title)}</p>', _paragraph(text))
    ]
    lines = map(_paragraph, content.impression)
    return [
        "<h2>Impression</h2>",
        '<section class="impression">',
        *lines,
        *note,
        *added,
        *([_paragraph(content.scope, "small")] if content.scope else []),
        "</section>",
    ]


def _findings(rows: Sequence[FindingRow]) -> list[str]:
    if not rows:
        return []
    heads = "".join(f'<th scope="col">{_text(text)}</th>' for text in FINDING_HEADINGS)
    lines = (_finding(row) for row in rows)
    return ["<h2>Findings</h2>", f"<table><thead><tr>{heads}</tr></thead>", "<tbody>", *lines,
            "</tbody></table>"]  # fmt: skip


def _finding(row: FindingRow) -> str:
    remark = "; ".join(part for part in (row.meaning, row.mark) if part)
    doubt = f' <span class="small">({_text(row.doubt)})</span>' if row.doubt else ""
    value = f"<strong>{_text(row.value)}</strong>{doubt}" if row.value else ""
    cells = [_text(row.what), value, _text(row.normal), _text(remark)]
    line = "".join(f'<td dir="auto">{cell}</td>' for cell in cells)
    return f"<tr{_class('abnormal' if row.is_abnormal else '')}>{line}</tr>"


def _picture(analysis: Analysis, content: ReportContent, details: ReportDetails) -> list[str]:
    if ReportPart.PICTURE in details.layout.left_out:
        return [_paragraph(NO_PICTURE, "small")]
    _, jpeg = overlay_jpeg(as_drawn(analysis, details))
    words = _text(content.picture_caption)
    image = f'<img alt="{words}" src="{_data_uri(jpeg)}">'
    caption = f'<figcaption class="small">{words}</figcaption>'
    return [f"<figure>{image}{caption}</figure>"]


def _measures(analysis: Analysis, content: ReportContent, details: ReportDetails) -> list[str]:
    if ReportPart.MEASURES in details.layout.left_out:
        return [_paragraph(left_out_text(["measures"]), "small")] if analysis.measurements else []
    overrulings = content.overrulings
    of_the_whole = [m for m in analysis.measurements if not m.definition.extent.has_one_level]
    told = [
        _measure(m, overrulings.get(measure_key(m)))
        for _, members in grouped(of_the_whole)
        for m in members
    ]
    unread = [m for m in analysis.measurements if measure_key(m) not in overrulings]
    missing = unmeasurable_lines(unread)
    return [*_listed("Measures", told), *_listed("Not measurable", missing)]


def _measure(measurement: Measurement, overruling: Overruling | None) -> str:
    if overruling is None:
        return measure_sentence(measurement)
    said = (overruling.value, overruling.words)
    return f"{measurement_name(measurement)}: {', '.join(part for part in said if part)}"


def _other_examinations(analysis: Analysis, details: ReportDetails) -> list[str]:
    """Return the sections on other examinations of the patient: what the PDF draws, in words."""
    return [
        part for title, lines in appended_lines(analysis, details) for part in _listed(title, lines)
    ]


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    return [f"<h2>{_text(title)}</h2>", "<ul>", *(f"<li>{_text(line)}</li>" for line in lines),
            "</ul>"]  # fmt: skip


def _foot(analysis: Analysis, content: ReportContent) -> list[str]:
    made = _paragraph(content.origin, "small")
    return ["<footer>", made, _paragraph(DISCLAIMER, "small"), "</footer>"]


def _data_uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
