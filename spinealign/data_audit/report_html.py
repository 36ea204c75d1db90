"""The audit as one HTML file that needs nothing else: pictures inside, no script, fit to print."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.data_audit.report_pictures import (
    class_means,
    contact_sheet,
    pair_picture,
)
from spinealign.data_audit.run import AuditOutcome
from spinealign.domain.data_audit import (
    Counted,
    DataAudit,
    Finding,
    FindingKind,
    Relation,
    Severity,
    Shortcut,
    ShortcutKind,
)
from spinealign.html_pages import html_note, html_page, html_table, html_text
from spinealign.wording import data_audit as words
from spinealign.wording import data_audit_report as report

_MOST_PAIRS: Final = 8
_MOST_ROWS: Final = 200


def report_html(outcome: AuditOutcome) -> str:
    """Return the whole report."""
    audit = outcome.audit
    parts = [
        _head(audit), _counts(audit.counts), _findings(audit), _pairs(outcome),
        _shortcuts(outcome), _files(audit), _limits(audit),
    ]  # fmt: skip
    return html_page(f"{words.TITLE}: {audit.name}", parts)


def _head(audit: DataAudit) -> str:
    kind = "verdict condemned" if audit.verdict.is_condemned else "verdict"
    told = (
        f"{report.COUNT_FILES.format(count=len(audit.files))} {words.LAYOUT_WORDS[audit.layout]}."
    )
    return (
        f"<h1>{html_text(words.TITLE)}</h1><p>{html_text(audit.name)}</p>"
        f'<p class="{kind}">{html_text(words.verdict_text(audit))}</p>'
        f'<p class="split">{html_text(words.split_text(audit.split, audit.findings))}</p>'
        f'<p class="small">{html_text(told)} SpineAlign {html_text(audit.program)}</p>'
    )


def _counts(counts: Sequence[Counted]) -> str:
    most = max((one.files for one in counts), default=1)
    rows = [
        (
            html_text(one.part or report.NO_PART), html_text(one.label or report.NO_CLASS),
            _bar(one.files / most), f"{one.files:,}", f"{one.pictures:,}", f"{one.groups:,}",
            f"{one.patients:,}",
        )
        for one in counts
    ]  # fmt: skip
    table = html_table(report.COUNT_HEADINGS, rows, 4)
    return f"<h2>{report.COUNTS_TITLE}</h2>{table}{html_note(report.COUNTS_NOTE)}"


def _bar(share: float) -> str:
    width = max(1, round(160 * share))
    return (
        '<svg width="160" height="14" viewBox="0 0 160 14">'
        f'<rect width="{width}" height="14" fill="#5b7fb5"/></svg>'
    )


def _findings(audit: DataAudit) -> str:
    parts = [f"<h2>{report.FINDINGS_TITLE}</h2>"]
    for severity in Severity:
        found = [one for one in audit.findings if one.severity is severity]
        if found:
            items = "".join(
                f"<li>{html_text(words.finding_text(one))}{_places(one)}</li>" for one in found
            )
            title = words.SEVERITY_WORDS[severity].capitalize()
            parts.append(f'<h3 class="{severity.value}">{title}</h3><ul>{items}</ul>')
    return "".join(parts) if len(parts) > 1 else f"{parts[0]}<p>{report.NOTHING_FOUND}</p>"


def _places(finding: Finding) -> str:
    """Return some files of a finding whose sentence does not name them."""
    if not finding.paths or finding.kind is FindingKind.SHORTCUT:
        return ""
    return f'<br><span class="small">{html_text(", ".join(finding.paths[:6]))}</span>'


def _pairs(outcome: AuditOutcome) -> str:
    """Return pictures of pairs: across parts first, of each relation, the least alike first."""
    part_of = {file.path: file.part for file in outcome.audit.files}
    parts = []
    for relation in Relation:
        pairs = [pair for pair in outcome.audit.pairs if pair.relation is relation]
        if not pairs:
            continue
        pairs.sort(key=lambda p: (part_of[p.first] == part_of[p.second], p.correlation))
        figures = []
        for pair in pairs[:_MOST_PAIRS]:
            picture = pair_picture(outcome.pictures, pair)
            if picture is not None:
                caption = f"{pair.first} | {pair.second}: {words.pair_text(pair)}"
                figures.append(_figure(picture, caption))
        title = f"{words.RELATION_WORDS[relation].capitalize()} ({len(pairs):,})"
        parts.append(f'<h3>{html_text(title)}</h3><div class="pairs">{"".join(figures)}</div>')
    return (
        f"<h2>{report.PAIRS_TITLE}</h2>{html_note(report.PAIRS_NOTE)}{''.join(parts)}"
        if parts
        else ""
    )


def _figure(picture: NDArray[np.uint8], caption: str) -> str:
    _, coded = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    data = base64.b64encode(coded.tobytes()).decode("ascii")
    return (
        f'<figure><img alt="" src="data:image/png;base64,{data}">'
        f"<figcaption>{html_text(caption)}</figcaption></figure>"
    )


def _shortcuts(outcome: AuditOutcome) -> str:
    shortcuts = sorted(outcome.audit.shortcuts, key=lambda one: -one.auc)
    if not shortcuts:
        return ""
    severities = {
        (one.shortcut.kind, one.shortcut.label): one.severity
        for one in outcome.audit.findings
        if one.shortcut is not None
    }
    rows = [_shortcut_row(one, severities.get((one.kind, one.label))) for one in shortcuts]
    units = words.UNIT_WORDS[shortcuts[0].unit]
    note = report.SHORTCUTS_NOTE.format(count=shortcuts[0].units, units=units)
    shown = [
        one for one in shortcuts
        if (one.kind, one.label) in severities and one.kind in _SHOWN
    ]  # fmt: skip
    figures = "".join(_shortcut_figure(outcome, one) for one in shown)
    return (
        f"<h2>{report.SHORTCUTS_TITLE}</h2>{html_note(note)}"
        f"{html_table(report.SHORTCUT_HEADINGS, rows, 2, _SHORTCUT_SHARES)}"
        f"{_means(outcome)}{figures}"
    )


def _shortcut_row(one: Shortcut, severity: Severity | None) -> tuple[str, ...]:
    name = html_text(words.SHORTCUT_TITLES[one.kind])
    if severity is not None:
        name = f'<span class="{severity.value}">{name}</span>'
    held_out = "" if one.held_out_accuracy is None else f"{one.held_out_accuracy:.0%}"
    interval = f"{one.low:.2f} to {one.high:.2f}" if one.has_interval else report.NO_INTERVAL
    area = f"{one.auc:.2f} ({interval})"
    rule = f'<span class="small rule">{html_text(one.rule)}</span>'
    return f"{name}<br>{rule}", html_text(one.label), _interval(one), area, held_out


def _interval(one: Shortcut) -> str:
    """Draw an AUC with its interval from 0 to 1; the line in the middle is chance."""
    ends = (one.low, one.auc, one.high)
    # The mark of an end lies inside, whole.
    low, middle, high = (round(6 + 148 * max(0.0, min(1.0, v))) for v in ends)
    line = f'<line x1="{low}" x2="{high}" y1="8" y2="8" stroke="#5b7fb5" stroke-width="4"/>'
    return (
        '<svg width="160" height="16" viewBox="0 0 160 16">'
        '<rect width="160" height="16" fill="#f2f4f7"/>'
        '<line x1="80" x2="80" y1="0" y2="16" stroke="#9aa1ab"/>'
        f"{line if one.has_interval else ''}"
        f'<circle cx="{middle}" cy="8" r="5" fill="#1f4e8c"/></svg>'
    )


_SHORTCUT_SHARES: Final = (36, 20, 17, 17, 10)
"""Per cent of the width of what decides, class, drawing, interval and held-out part: a long rule
wraps instead of pushing the figures out of a window."""

_SHOWN: Final = frozenset(set(ShortcutKind) - {ShortcutKind.FORMAT, ShortcutKind.METADATA})
"""Kinds that a person can see in a picture."""


def _means(outcome: AuditOutcome) -> str:
    found = class_means(outcome)
    if not found:
        return ""
    labels = ", ".join(label for label, _ in found)
    sheet = contact_sheet([picture for _, picture in found])
    return _figure(sheet, report.MEANS_CAPTION.format(labels=labels))


def _shortcut_figure(outcome: AuditOutcome, one: Shortcut) -> str:
    pictures = [outcome.pictures[path] for path in one.examples if path in outcome.pictures]
    if not pictures:
        return ""
    caption = report.EXAMPLES_CAPTION.format(
        title=words.SHORTCUT_TITLES[one.kind], label=one.label, names=", ".join(one.examples)
    )
    framed: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None = None
    if one.kind is ShortcutKind.BORDER:
        framed = _only_border
    return _figure(contact_sheet(pictures, framed), caption)


def _only_border(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture whose inside is grey: what the border learner sees."""
    height, width = picture.shape
    shown = picture.copy()
    rows, columns = max(1, height // 16), max(1, width // 16)
    shown[rows:-rows, columns:-columns] = 128
    return shown


def _files(audit: DataAudit) -> str:
    odd = [file for file in audit.files if file.problems]
    if not odd:
        return ""
    odd.sort(key=lambda file: not file.is_broken)
    rows = [(html_text(file.path), html_text(words.file_text(file))) for file in odd[:_MOST_ROWS]]
    more = len(odd) - len(rows)
    rest = html_note(report.MORE_FILES.format(count=more)) if more else ""
    return f"<h2>{report.FILES_TITLE}</h2>{html_table(report.FILE_HEADINGS, rows)}{rest}"


def _limits(audit: DataAudit) -> str:
    known = report.KNOWN_PATIENTS.format(share=audit.patients_known)
    return (
        f"<h2>{report.LIMITS_TITLE}</h2><p>{html_text(known)}</p><p>{html_text(report.LIMITS)}</p>"
    )
