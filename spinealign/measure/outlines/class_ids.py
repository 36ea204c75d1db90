"""Which value of a mask stands for which vertebral body."""

from __future__ import annotations

from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.measure.outlines.column import LEVELS

_FIRST_UNNAMED_ID = 11
"""Mask value of the first body without a level. Source: convention of this program."""

_FIRST_OTHER_LEVEL_ID = 101
"""Mask value of the first level beyond those of a neck film, counted from C1.

Source: convention of this program; above every class of the networks.
"""


def class_id(level: str | None, index: int) -> int:
    """Return the mask value of a body.

    Parameters
    ----------
    level : str or None
        1 to 7 for C2 to T1, 109 to 125 for T2 to S1, 101 for C1.
    index : int
        Counted from 1 at the top; a body without a level has values from 11 on.
    """
    if level is None:
        return _FIRST_UNNAMED_ID + index - 1
    if level in LEVELS:
        return LEVELS.index(level) + 1
    return _FIRST_OTHER_LEVEL_ID + LEVEL_SEQUENCE.index(level)
