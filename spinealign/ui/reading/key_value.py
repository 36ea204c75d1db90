"""What a worklist says of a case: what its reading, as it is shown, lets stand."""

from __future__ import annotations

from spinealign.reading.key_value import key_value_of
from spinealign.ui.reading.case_readings import ReadingSnapshot


def key_value(snapshot: ReadingSnapshot | None) -> str:
    """Return the worst finding that the reader let stand, with the value that holds.

    Returns
    -------
    str
        As `key_value_of`; empty without a reading too, and where it is not as it was written.
    """
    if snapshot is None or snapshot.is_unvouched:
        return ""
    return key_value_of(snapshot.read.values())
