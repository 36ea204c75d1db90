"""What a list says of a result: its worst finding, or the first of its main measures."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from spinealign.domain.findings import Analysis
from spinealign.domain.reading import CONTEXT_KINDS, Decision, Finding, FindingKind, Reading
from spinealign.reading.decisions import ReadFinding, read_findings
from spinealign.reading.findings import FindingPage, findings_of, is_drawn, page_of
from spinealign.wording.worklist import key_text


def key_value_of(read: Collection[ReadFinding]) -> str:
    """Return the worst finding that the reader let stand, with the value that holds.

    Returns
    -------
    str
        "L4/L5 Pfirrmann 5", "C2–C7 Cobb 12.3°"; empty where nothing is to be
        told, and where the reader rejected the kind of image or its levels.
    """
    if any(_is_rejected(each) and each.finding.kind in CONTEXT_KINDS for each in read):
        return ""
    held = [each.said or each.finding for each in read if not _is_rejected(each)]
    page = page_of(sorted(held, key=lambda finding: -finding.rank))
    return next((words for finding in _in_order(page) if (words := key_text(finding))), "")


def key_value_of_result(analysis: Analysis, reading: Reading | None) -> str:
    """Return `key_value_of` a result and its reading, or of the result alone.

    Parameters
    ----------
    analysis : Analysis
    reading : Reading or None
        A signed one tells what was signed, whatever the analysis says now.
    """
    if reading is None:
        return key_value_of([ReadFinding(finding) for finding in findings_of(analysis)])
    is_signed = reading.status.is_verified
    return key_value_of(
        read_findings(reading.findings if is_signed else findings_of(analysis), reading)
    )


def _is_rejected(read: ReadFinding) -> bool:
    return read.state is Decision.REJECTED


def _in_order(page: FindingPage) -> Iterator[Finding]:
    """Yield what is abnormal, worst first, then what is measured, by the program before by hand."""
    for line in (*page.lines, *page.folded):
        yield from line.findings
    measures = [finding for finding in page.normal if finding.kind is FindingKind.MEASURE]
    yield from sorted(measures, key=is_drawn)
