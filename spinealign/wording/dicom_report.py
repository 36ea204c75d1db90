"""What was taken over from a structured report, in words."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.reading import Finding
from spinealign.wording.reading_page import finding_title
from spinealign.wording.text import listed, safe_text

STORED_READING_COUNTS = (
    "The reading that is saved in the profile counts, and not the one of the structured report."
)


def restored_report_text(drawn: int, decisions: int, waiting: Sequence[Finding]) -> str:
    """Return what was taken over from a structured report, and what waits to be decided again.

    Parameters
    ----------
    drawn, decisions : int
        How many.
    waiting : sequence of Finding
        Of which the report tells something else than the case has now.
    """
    counted = listed([_counted(drawn, "drawing"), _counted(decisions, "decision")])
    text = f"Taken over from the structured report: {counted}."
    if not waiting:
        return text
    names = listed([safe_text(finding_title(finding)) for finding in waiting])
    return f"{text} It tells something else than the image shows now, so decide again on: {names}."


def _counted(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
