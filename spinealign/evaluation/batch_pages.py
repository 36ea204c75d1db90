"""Two compared batches as tables and as one HTML page."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from spinealign.evaluation.batch_runs import (
    Agreement,
    BatchComparison,
    ComparedImage,
    ComparedMeasure,
    Ended,
)
from spinealign.files import write_export
from spinealign.html_pages import html_note, html_page, html_table, html_text
from spinealign.wording import batch_comparison as words
from spinealign.wording import safe_text
from spinealign.wording.text import display_name

IMAGE_COLUMNS: Final = (
    "path", "in", "first_number", "second_number", "first_status", "second_status",
    "first_headline", "second_headline", "measures_alike", "measures_differ", "worst",
)  # fmt: skip
MEASURE_COLUMNS: Final = (
    "path", "code", "name", "levels", "unit", "first_value", "second_value", "difference", "times",
    "reason",
)  # fmt: skip
AGREEMENT_COLUMNS: Final = (
    "code", "name", "unit", "pairs", "alike", "bias", "standard_deviation", "limit_low",
    "limit_high", "largest", "one_only",
)  # fmt: skip
PAGE_NAME: Final = "comparison.html"
_SHOWN: Final = 100
_DECIMALS: Final = 4


def write_comparison(found: BatchComparison, folder: Path) -> tuple[Path, ...]:
    """Write tables and page into a folder, each whole or not at all, and return where they lie.

    Raises
    ------
    ExportError
        A file is as it was before.
    """
    tables: Mapping[str, tuple[Sequence[str], Iterable[Mapping[str, Any]]]] = {
        "compared_images.csv": (IMAGE_COLUMNS, map(_image_row, found.images)),
        "compared_measures.csv": (MEASURE_COLUMNS, map(_measure_row, found.worst)),
        "agreement.csv": (AGREEMENT_COLUMNS, map(_agreement_row, found.agreements)),
        "compared_dictionary.csv": (("table", "column", "meaning"), _dictionary()),
    }
    written = {name: _csv(columns, rows) for name, (columns, rows) in tables.items()}
    written[PAGE_NAME] = comparison_html(found)
    for name, text in written.items():
        write_export(folder / name, text.encode())
    return tuple(folder / name for name in written)


def comparison_html(found: BatchComparison) -> str:
    """Return the page: what was run, how far measures agree, and what differs most."""
    changed = [image for image in found.images if image.is_changed]
    worst = found.worst
    parts = (
        f"<h1>{html_text(words.TITLE)}</h1>{_runs(found)}",
        f"<h2>{words.COUNTS_TITLE}</h2><p>{html_text(words.counts_text(*found.counts()))}.</p>",
        f"<h3>{words.CHANGED_TITLE}</h3>",
        _table(words.CHANGED_HEADINGS, map(_changed_cells, changed), len(changed)),
        f"<h2>{words.AGREEMENT_TITLE}</h2>{html_note(words.AGREEMENT_NOTE)}",
        _table(words.AGREEMENT_HEADINGS, map(_agreement_cells, found.agreements), 0, 7),
        f"<h2>{words.WORST_TITLE}</h2>{html_note(words.WORST_NOTE)}",
        _table(words.WORST_HEADINGS, map(_worst_cells, worst), len(worst), 4),
    )
    return html_page(words.TITLE, parts)


def _runs(found: BatchComparison) -> str:
    told = [
        (str(run.folder), f"SpineAlign {run.program_version}", words.models_text(run.models),
         f"{run.images:,}")
        for run in found.runs
    ]  # fmt: skip
    rows = [
        [html_text(title), *(html_text(one[place]) for one in told)]
        for place, title in enumerate(words.RUN_ROWS)
    ]
    return html_table(words.RUN_HEADINGS, rows)


def _table(head: Sequence[str], rows: Iterator[Sequence[str]], count: int, numbers: int = 0) -> str:
    """Return the first rows of a table, and how many more there are (0 for none or all shown)."""
    shown = [[html_text(cell) for cell in row] for row, _ in zip(rows, range(_SHOWN), strict=False)]
    if not shown:
        return f"<p>{words.NONE}</p>"
    more = html_note(words.MORE.format(count=count - len(shown))) if count > len(shown) else ""
    return html_table(head, shown, numbers) + more


def _changed_cells(image: ComparedImage) -> Sequence[str]:
    return display_name(image.path), _became(image.first), _became(image.second)


def _became(ended: Ended | None) -> str:
    if ended is None:
        return ""
    return ": ".join(filter(None, (ended.status.value, ended.sentence or ended.headline)))


def _agreement_cells(one: Agreement) -> Sequence[str]:
    figures = [one.figures.get(name, math.nan) for name in ("bias", "standard_deviation")]
    limits = [one.figures.get(name, math.nan) for name in ("limit_low", "limit_high")]
    between = "" if math.isnan(limits[0]) else f"{limits[0]:.2f} to {limits[1]:.2f}"
    return (
        one.name, one.unit, f"{one.pairs:,}", f"{one.alike:,}", *map(_number, figures), between,
        _number(one.largest), f"{one.one_only:,}",
    )  # fmt: skip


def _worst_cells(one: ComparedMeasure) -> Sequence[str]:
    values = (one.first, one.second, one.difference, one.times)
    name = f"{one.name} ({one.unit})" if one.unit else one.name
    return display_name(one.path), name, *map(_number, values)


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.2f}"


def _image_row(image: ComparedImage) -> Mapping[str, Any]:
    told: dict[str, Any] = {
        "path": safe_text(str(image.path)),
        "in": image.place,
        "measures_alike": image.alike,
        "measures_differ": len(image.differing),
        "worst": _rounded(image.worst),
    }
    for name, ended in (("first", image.first), ("second", image.second)):
        if ended is not None:
            told[f"{name}_number"] = ended.number
            told[f"{name}_status"] = ended.status.value
            told[f"{name}_headline"] = ended.headline
    return told


def _measure_row(one: ComparedMeasure) -> Mapping[str, Any]:
    code, levels = one.key
    return {
        "path": safe_text(str(one.path)),
        "code": code,
        "name": one.name,
        "levels": "/".join(levels),
        "unit": one.unit,
        "first_value": one.first,
        "second_value": one.second,
        "difference": _rounded(one.difference),
        "times": _rounded(one.times),
        "reason": one.reason,
    }


def _agreement_row(one: Agreement) -> Mapping[str, Any]:
    told = {name: getattr(one, name) for name in ("code", "name", "unit", "pairs", "alike")}
    figures = {name: one.figures[name] for name in AGREEMENT_COLUMNS if name in one.figures}
    numbers = {**figures, "largest": one.largest}
    return told | {"one_only": one.one_only} | {k: _rounded(v) for k, v in numbers.items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, _DECIMALS)


def _dictionary() -> Iterator[Mapping[str, Any]]:
    for table, columns in (
        ("compared_images", IMAGE_COLUMNS),
        ("compared_measures", MEASURE_COLUMNS),
        ("agreement", AGREEMENT_COLUMNS),
    ):
        for column in columns:
            yield {
                "table": table, "column": column, "meaning": words.COMPARED_COLUMNS[column],
            }  # fmt: skip


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(
        {name: value for name, value in row.items() if value is not None} for row in rows
    )
    return text.getvalue()
