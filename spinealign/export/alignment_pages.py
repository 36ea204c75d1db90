"""The part of the report about measures: tables, footnotes, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from reportlab.graphics.shapes import Drawing, Line, Rect
from reportlab.lib.colors import HexColor, black
from reportlab.lib.units import mm
from reportlab.platypus import Spacer, Table

from spinealign.domain.findings import Analysis
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import MEASURES, Extent, MeasureCode, NormalRange
from spinealign.domain.reading import Finding, NumberValue
from spinealign.export import page
from spinealign.export.page import number_cell, paragraph, section
from spinealign.export.report_content import Overruling
from spinealign.export.typesetting import GREY
from spinealign.reading.findings import measure_key
from spinealign.wording import safe_text
from spinealign.wording.definitions import MEASURE_WORDS
from spinealign.wording.measure_rows import (
    PLACED_MANUALLY,
    grouped,
    has_value,
    interval_text,
    note_parts,
    number_text,
    position_in_range,
    range_text,
    unit_text,
    unmeasurable_lines,
    value_text,
)
from spinealign.wording.measures import (
    measurement_name,
    normal_texts,
    sources_text,
    thresholds_text,
)
from spinealign.wording.results import lengths_text

Overrulings = Mapping[str, Overruling]
_NONE_OVERRULED: Overrulings = MappingProxyType({})
MeasuresByLevels = Mapping[tuple[str, ...], Measurement]

_WIDTHS = (0.31, 0.1, 0.14, 0.17, 0.28)
_HEADINGS = ("Measure", "Value", "95 % interval", "95 % reference range", "Remarks")
_LEVEL_TABLES = {Extent.DISC: "Discs and segments", Extent.BODY: "Heights of bodies"}
_LEVEL_SHARE, _MOST_COLUMN_SHARE = 0.13, 0.18
_NO_VALUE = "-"
_BAR_WIDTH, _BAR_HEIGHT, _BAND_HEIGHT = 24 * mm, 3.2 * mm, 1.6 * mm
_BAND, _OUTSIDE = HexColor("#9ccfb5"), HexColor("#b3261e")
_ROOM = 0.35
_NOTE = (
    "95 % interval, also in small print behind values: from the uncertainty of the points alone. "
    "Bars: the 95 % reference range in green, its mean as a thin tick, the value as a thick one "
    "(red outside), its interval as a line. The numbers behind the names are explained in the "
    "technical annex. “-”: not measurable; why is told under that heading. “Manually corrected” "
    "means that a person moved points; the automatic value is given beside it."
)


def alignment_story(
    analysis: Analysis,
    with_summary: bool = True,
    with_levels: bool = True,
    overrulings: Overrulings = _NONE_OVERRULED,
) -> list[Any]:
    """Return the section about measures, empty without any.

    Parameters
    ----------
    analysis : Analysis
    with_summary : bool
        Measures of the whole with bars, what lengths rest on, what was not measurable and why.
    with_levels : bool
        Tables with a row a level.
    overrulings : mapping of str to Overruling
        What the reader changed or rejected, by key of the finding: it stands in its row.

    Returns
    -------
    list of reportlab flowables
    """
    if not analysis.measurements:
        return []
    numbers = _footnote_numbers(analysis)
    levels = [
        part
        for extent, title in _LEVEL_TABLES.items()
        for part in _level_section(title, _codes_of(extent), analysis, numbers, overrulings)
    ]
    unread = [m for m in analysis.measurements if measure_key(m) not in overrulings]
    missing = [paragraph(f"• {line}") for line in unmeasurable_lines(unread)]
    return [
        *(_alignment(analysis, numbers, overrulings) if with_summary else []),
        *(levels if with_levels else []),
        *(section("Not measurable", *missing) if missing and with_summary else []),
    ]


def methods_story(analysis: Analysis) -> list[Any]:
    """Return the definition and source of each measure, under the numbers of the tables."""
    numbers = _footnote_numbers(analysis)
    return _methods(analysis, numbers) if numbers else []


def _alignment(
    analysis: Analysis, numbers: Mapping[str, int], overrulings: Overrulings
) -> list[Any]:
    rows = _summary(analysis.measurements)
    content: list[Any] = [_table(rows, numbers, overrulings), Spacer(0, 1 * mm)] if rows else []
    lengths = _calibration(analysis)
    content += [paragraph(text, page.SMALL) for text in (_NOTE if numbers else "", lengths) if text]
    return section("Alignment", *content) if content else []


def measurement_bar(measurement: Measurement) -> Drawing | None:
    """Draw where a measure lies against its normal range; None without one."""
    if position_in_range(measurement) is None or measurement.value is None:
        return None
    return range_bar(measurement.value, measurement.interval, measurement.normal)


def finding_bar(finding: Finding | None) -> Drawing | None:
    """Draw where a finding's value lies against its reference; None without one."""
    value = None if finding is None else finding.value
    if finding is None or not isinstance(value, NumberValue):
        return None
    return range_bar(value.value, value.interval, finding.reference)


def range_bar(
    value: float, interval: tuple[float, float] | None, normal: NormalRange | None
) -> Drawing | None:
    """Draw where a value and its interval lie against a range; None without one."""
    if normal is None:
        return None
    low, high = interval or (value, value)
    ends = [end for end in (normal.low, normal.high) if end is not None]
    start, stop = min(low, value, *ends), max(high, value, *ends)
    room = _ROOM * ((stop - start) or abs(value) or 1.0)
    start, stop = start - room, stop + room

    def x(at: float) -> float:
        return float((at - start) / (stop - start) * _BAR_WIDTH)

    left = 0.0 if normal.low is None else x(normal.low)
    right = _BAR_WIDTH if normal.high is None else x(normal.high)
    middle, top = _BAR_HEIGHT / 2, (_BAR_HEIGHT - _BAND_HEIGHT) / 2
    ink = black if normal.holds(value) else _OUTSIDE
    drawing = Drawing(_BAR_WIDTH, _BAR_HEIGHT)
    drawing.add(Rect(0, top, _BAR_WIDTH, _BAND_HEIGHT, fillColor=page.SHADE, strokeColor=None))
    drawing.add(Rect(left, top, right - left, _BAND_HEIGHT, fillColor=_BAND, strokeColor=None))
    if normal.mean is not None:
        at = x(normal.mean)
        drawing.add(Line(at, top, at, top + _BAND_HEIGHT, strokeColor=GREY, strokeWidth=0.5))
    drawing.add(Line(x(low), middle, x(high), middle, strokeColor=ink, strokeWidth=0.6))
    drawing.add(Line(x(value), 0, x(value), _BAR_HEIGHT, strokeColor=ink, strokeWidth=1.6))
    return drawing


def _summary(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Return the measures that belong to no single level, in the order of their groups."""
    return [
        member
        for _, members in grouped(measurements)
        for member in members
        if not member.definition.extent.has_one_level
    ]


def _codes_of(extent: Extent) -> list[MeasureCode]:
    return [code for code, definition in MEASURES.items() if definition.extent is extent]


def _table(
    rows: Sequence[Measurement], numbers: Mapping[str, int], overrulings: Overrulings
) -> Table:
    heads = [page.BOLD, page.BOLD_RIGHT, page.BOLD_RIGHT, page.BOLD, page.BOLD]
    cells: list[Any] = [[paragraph(t, s) for t, s in zip(_HEADINGS, heads, strict=True)]]
    cells += [_row(m, numbers, overrulings.get(measure_key(m))) for m in rows]
    return page.table(cells, _WIDTHS)


def _level_section(
    title: str,
    codes: Sequence[MeasureCode],
    analysis: Analysis,
    numbers: Mapping[str, int],
    overrulings: Overrulings,
) -> list[Any]:
    """Return a table with a row a level and a column a measure, empty without any value."""
    columns = _columns(codes, analysis.measurements)
    if not columns:
        return []
    places = {body.name: place for place, body in enumerate(analysis.vertebrae)}
    levels = {at for column in columns for at in column}
    heads = (paragraph(_heading(column, numbers), page.BOLD_RIGHT) for column in columns)
    cells = [[paragraph("Level", page.BOLD), *heads]]
    for at in sorted(levels, key=lambda at: places.get(at[0], len(places))):
        row = (_cell(column.get(at), overrulings) for column in columns)
        cells.append([paragraph(safe_text("/".join(at)), page.BOLD), *row])
    share = min(_MOST_COLUMN_SHARE, (1 - _LEVEL_SHARE) / len(columns))
    table = page.table(cells, (_LEVEL_SHARE, *[share] * len(columns)), padding=(1, 1.5))
    return section(title, table)


def _columns(
    codes: Sequence[MeasureCode], measurements: Sequence[Measurement]
) -> list[MeasuresByLevels]:
    """Return the measures that have a value at any level, each by its levels."""
    found = [{m.levels: m for m in measurements if m.code is code and m.levels} for code in codes]
    return [column for column in found if any(map(has_value, column.values()))]


def _heading(column: MeasuresByLevels, numbers: Mapping[str, int]) -> str:
    measurement = next(filter(has_value, column.values()))
    title = MEASURE_WORDS[measurement.code].title.replace("/", " / ")
    unit = unit_text(measurement.unit).strip()
    ranges = {one.normal for one in column.values() if has_value(one)}
    shared = measurement.normal if len(ranges) == 1 else None
    normal = range_text(shared, measurement.unit)
    parts = (
        f"{title[0].upper()}{title[1:]}",
        f"({unit})" if unit else "",
        f"[{numbers[_origin(measurement)]}]",
        f"reference {normal}" if normal else "",
    )
    return " ".join(part for part in parts if part)


def _cell(measurement: Measurement | None, overrulings: Overrulings) -> Any:
    if measurement is None:
        return ""
    overruling = overrulings.get(measure_key(measurement))
    if overruling is not None:
        return number_cell(overruling.value or _NO_VALUE, "", (overruling.words,))
    if measurement.value is None or not has_value(measurement):
        return paragraph(_NO_VALUE, page.RIGHT)
    unit = measurement.unit
    interval = interval_text(measurement.interval, unit)
    # Who placed the bodies is told in the table of bodies; here it would stand in every cell.
    notes = tuple(note for note in note_parts(measurement) if note != PLACED_MANUALLY)
    return number_cell(number_text(measurement.value, unit), interval, notes)


def _row(
    measurement: Measurement, numbers: Mapping[str, int], overruling: Overruling | None
) -> list[Any]:
    normal = paragraph(range_text(measurement.normal, measurement.unit), page.SMALL)
    name = paragraph(f"{measurement_name(measurement)} [{numbers[_origin(measurement)]}]")
    if overruling is not None:
        value = paragraph(overruling.value or _NO_VALUE, page.BOLD_RIGHT)
        bar = finding_bar(overruling.said)
        return [name, value, "", normal if bar is None else [bar, normal],
                paragraph(overruling.words)]  # fmt: skip
    bar = measurement_bar(measurement)
    return [
        name,
        paragraph(value_text(measurement), page.BOLD_RIGHT),
        paragraph(interval_text(measurement.interval, measurement.unit), page.RIGHT),
        "" if bar is None else [bar, normal],
        paragraph("; ".join(note_parts(measurement))),
    ]


def _origin(measurement: Measurement) -> str:
    return MEASURE_WORDS[measurement.code].definition


def _footnote_numbers(analysis: Analysis) -> dict[str, int]:
    """Return a footnote number for each definition, in the order of the tables."""
    levelled = [
        m
        for extent in _LEVEL_TABLES
        for code in _codes_of(extent)
        for m in analysis.measurements
        if m.code is code and has_value(m)
    ]
    rows = [*_summary(analysis.measurements), *levelled]
    texts = dict.fromkeys(_origin(measurement) for measurement in rows)
    return {text: number for number, text in enumerate(texts, start=1)}


def _methods(analysis: Analysis, numbers: Mapping[str, int]) -> list[Any]:
    notes: dict[str, str] = {}
    for measurement in filter(has_value, analysis.measurements):
        notes.setdefault(_origin(measurement), _method(measurement))
    lines = [paragraph(f"[{number}] {notes[text]}", page.FINE) for text, number in numbers.items()]
    return section("How it was measured", *lines)


def _method(measurement: Measurement) -> str:
    words = MEASURE_WORDS[measurement.code]
    parts = [f"{words.title}: {words.definition}", words.how_to_read]
    if ranges := normal_texts(measurement.code):
        parts.append(f"95 % reference range: {'; '.join(ranges)}.")
    if thresholds := thresholds_text(measurement.definition):
        parts.append(f"Thresholds: {thresholds}.")
    parts += [words.contradictions, f"Sources: {sources_text(measurement.code)}."]
    return " ".join(part for part in parts if part)


def _calibration(analysis: Analysis) -> str:
    wanted = analysis.corrections
    is_user = analysis.image.spacing_source is SpacingSource.USER
    calibration = wanted.calibration if wanted is not None and is_user else None
    return lengths_text(analysis.image, None if calibration is None else calibration.length_mm)
