"""Where on a picture a finding lies, and what of the analysis it speaks of."""

from __future__ import annotations

from spinealign.domain.discs import Disc
from spinealign.domain.findings import Analysis, Vertebra
from spinealign.domain.measurements import Measurement
from spinealign.domain.reading import Finding, FindingKind

FINDING_ROOM = 2.0
"""How much of the picture is shown about a finding, in lengths of it."""

LEAST_SHARE_SHOWN = 0.3
"""Of the image's longer side: less of it cannot be told from its neighbourhood."""


def disc_of(analysis: Analysis, finding: Finding) -> Disc | None:
    """Return the disc that a grade belongs to, or None."""
    if finding.kind is not FindingKind.DISC_GRADE:
        return None
    return next((d for d in analysis.discs if d.name == finding.place), None)


def body_of(analysis: Analysis, finding: Finding) -> Vertebra | None:
    """Return the body whose height was graded, or None."""
    if finding.kind is not FindingKind.HEIGHT_LOSS:
        return None
    return next((b for b in analysis.vertebrae if b.name == finding.place), None)


def measurement_of(analysis: Analysis, finding: Finding) -> Measurement | None:
    """Return the measurement that a finding says, or None."""
    if finding.kind is not FindingKind.MEASURE:
        return None
    _, _, key = finding.key.partition("/")
    same = (m for m in analysis.measurements if "/".join((m.key[0], *m.key[1])) == key)
    return next(same, None)
