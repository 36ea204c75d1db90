"""What a worklist says of a result: its worst finding, or the first of its main measures."""

from __future__ import annotations

from collections.abc import Iterator

from spinealign.domain.reading import CONTEXT_KINDS, Decision, Finding, FindingKind
from spinealign.reading.decisions import ReadFinding
from spinealign.reading.findings import FindingPage, is_drawn, page_of
from spinealign.ui.reading.case_readings import ReadingSnapshot
from spinealign.wording.worklist import key_text


def key_value(snapshot: ReadingSnapshot | None) -> str:
    """Return the worst finding that the reader let stand, with the value that holds.

    Returns
    -------
    str
        "L4/L5 Pfirrmann 5", "C2–C7 Cobb 12.3°"; empty where nothing is to be
        told, and where the reader rejected the kind of image or its levels.
    """
    if snapshot is None or snapshot.is_unvouched:
        return ""
    read = snapshot.read.values()
    if any(_is_rejected(each) and each.finding.kind in CONTEXT_KINDS for each in read):
        return ""
    held = [each.said or each.finding for each in read if not _is_rejected(each)]
    page = page_of(sorted(held, key=lambda finding: -finding.rank))
    return next((words for finding in _in_order(page) if (words := key_text(finding))), "")


def _is_rejected(read: ReadFinding) -> bool:
    return read.state is Decision.REJECTED


def _in_order(page: FindingPage) -> Iterator[Finding]:
    """Yield what is abnormal, worst first, then what is measured, by the program before by hand."""
    for line in (*page.lines, *page.folded):
        yield from line.findings
    measures = [finding for finding in page.normal if finding.kind is FindingKind.MEASURE]
    yield from sorted(measures, key=is_drawn)
