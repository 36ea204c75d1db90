"""The part of the report about measures: a table with bars, footnotes, and what is missing."""

from __future__ import annotations

from typing import Any

from reportlab.graphics.shapes import Drawing, Line, Rect
from reportlab.lib.colors import HexColor, black
from reportlab.lib.units import mm
from reportlab.platypus import Spacer, Table

from spinealign.domain.findings import Analysis
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import Measurement
from spinealign.export import page
from spinealign.export.page import paragraph, section
from spinealign.wording import safe_text
from spinealign.wording.alignment import alignment_sentences
from spinealign.wording.measure_rows import (
    grouped,
    has_value,
    interval_text,
    note_parts,
    place_in_range,
    range_text,
    unmeasurable_lines,
    value_text,
)
from spinealign.wording.measures import definition_of, normal_text
from spinealign.wording.results import lengths_text

_WIDTHS = (0.31, 0.1, 0.14, 0.17, 0.28)
_HEADINGS = ("Measure", "Value", "95 % interval", "Normal range", "Remarks")
_BAR_WIDTH, _BAR_HEIGHT, _BAND_HEIGHT = 24 * mm, 3.2 * mm, 1.6 * mm
_BAND, _OUTSIDE = HexColor("#9ccfb5"), HexColor("#b3261e")
_ROOM = 0.35
_NOTE = (
    "95 % interval: from the uncertainty of the points alone. Bars: the normal range in green, "
    "the value as a tick (red outside), its interval as a line. The numbers behind the names are "
    "explained below. “Edited” means that a person moved points; the program’s own value stands "
    "beside it."
)


def alignment_story(analysis: Analysis) -> list[Any]:
    """Return the section about measures, empty without any.

    Returns
    -------
    list of reportlab flowables
        Summary, table, what lengths rest on, what was not measurable and why, and the
        definition and source of each measure.
    """
    if not analysis.measurements:
        return []
    numbers = _footnote_numbers(analysis)
    content: list[Any] = [
        paragraph(text) for text in (alignment_sentences(analysis), _calibration(analysis)) if text
    ]
    groups = grouped(analysis.measurements)
    if groups:
        note = paragraph(_NOTE, page.SMALL)
        content += [Spacer(0, 1 * mm), _table(groups, numbers), Spacer(0, 1 * mm), note]
    missing = [paragraph(f"• {line}") for line in unmeasurable_lines(analysis.measurements)]
    return [
        *section("Alignment", *content),
        *(section("Not measurable", *missing) if missing else []),
        *(_methods(analysis, numbers) if groups else []),
    ]


def range_bar(measurement: Measurement) -> Drawing | None:
    """Draw where a value and its interval lie against the normal range; None without one."""
    place, normal, value = place_in_range(measurement), measurement.normal, measurement.value
    if place is None or normal is None or value is None:
        return None
    low, high = measurement.interval or (value, value)
    ends = [end for end in (normal.low, normal.high) if end is not None]
    start, stop = min(low, value, *ends), max(high, value, *ends)
    room = _ROOM * ((stop - start) or abs(value) or 1.0)
    start, stop = start - room, stop + room

    def x(at: float) -> float:
        return float((at - start) / (stop - start) * _BAR_WIDTH)

    left = 0.0 if normal.low is None else x(normal.low)
    right = _BAR_WIDTH if normal.high is None else x(normal.high)
    middle, top = _BAR_HEIGHT / 2, (_BAR_HEIGHT - _BAND_HEIGHT) / 2
    ink = black if place.is_inside else _OUTSIDE
    drawing = Drawing(_BAR_WIDTH, _BAR_HEIGHT)
    drawing.add(Rect(0, top, _BAR_WIDTH, _BAND_HEIGHT, fillColor=page.SHADE, strokeColor=None))
    drawing.add(Rect(left, top, right - left, _BAND_HEIGHT, fillColor=_BAND, strokeColor=None))
    drawing.add(Line(x(low), middle, x(high), middle, strokeColor=ink, strokeWidth=0.6))
    drawing.add(Line(x(value), 0, x(value), _BAR_HEIGHT, strokeColor=ink, strokeWidth=1.6))
    return drawing


def _table(groups: Any, numbers: dict[str, int]) -> Table:
    heads = [page.BOLD, page.BOLD_RIGHT, page.BOLD_RIGHT, page.BOLD, page.BOLD]
    cells: list[Any] = [[paragraph(t, s) for t, s in zip(_HEADINGS, heads, strict=True)]]
    styles = [*page.GRID, ("VALIGN", (0, 0), (-1, -1), "TOP")]
    for group, measurements in groups:
        styles += [("SPAN", (0, len(cells)), (-1, len(cells))),
                   ("BACKGROUND", (0, len(cells)), (-1, len(cells)), page.SHADE)]  # fmt: skip
        cells.append([paragraph(group.value, page.BOLD), "", "", "", ""])
        cells += [_row(measurement, numbers) for measurement in measurements]
    widths = [width * page.TEXT_WIDTH for width in _WIDTHS]
    table = Table(cells, colWidths=widths, repeatRows=1, style=styles)
    table.hAlign = "LEFT"
    return table


def _row(measurement: Measurement, numbers: dict[str, int]) -> list[Any]:
    bar = range_bar(measurement)
    normal = paragraph(range_text(measurement.normal, measurement.unit), page.SMALL)
    return [
        paragraph(f"{safe_text(measurement.name)} [{numbers[_origin(measurement)]}]"),
        paragraph(value_text(measurement), page.BOLD_RIGHT),
        paragraph(interval_text(measurement.interval, measurement.unit), page.RIGHT),
        "" if bar is None else [bar, normal],
        paragraph("; ".join(note_parts(measurement))),
    ]


def _origin(measurement: Measurement) -> str:
    code = measurement.code
    return measurement.method if code is None else definition_of(code).definition


def _footnote_numbers(analysis: Analysis) -> dict[str, int]:
    """Return a footnote number for each definition, in the order of the table."""
    rows = [m for _, members in grouped(analysis.measurements) for m in members]
    texts = dict.fromkeys(_origin(measurement) for measurement in rows)
    return {text: number for number, text in enumerate(texts, start=1)}


def _methods(analysis: Analysis, numbers: dict[str, int]) -> list[Any]:
    notes: dict[str, str] = {}
    for measurement in filter(has_value, analysis.measurements):
        notes.setdefault(_origin(measurement), _method(measurement))
    lines = [paragraph(f"[{number}] {notes[text]}", page.SMALL) for text, number in numbers.items()]
    return section("How it was measured", *lines)


def _method(measurement: Measurement) -> str:
    code = measurement.code
    if code is None:
        return " ".join(filter(None, (measurement.method, measurement.source)))
    definition = definition_of(code)
    parts = [f"{definition.title}: {definition.definition}", definition.how_to_read]
    if measurement.normal is not None:
        parts.append(f"Normal: {normal_text(measurement.normal, measurement.unit)}.")
    if definition.severities:
        bands = "; ".join(f"{band.word} ({band.source})" for band in definition.severities)
        parts.append(f"Thresholds: {bands}.")
    parts += [definition.contradictions, f"Sources: {'; '.join(definition.sources)}."]
    return " ".join(part for part in parts if part)


def _calibration(analysis: Analysis) -> str:
    wanted = analysis.corrections
    is_user = analysis.image.spacing_source is SpacingSource.USER
    calibration = wanted.calibration if wanted is not None and is_user else None
    return lengths_text(analysis.image, None if calibration is None else calibration.length_mm)
