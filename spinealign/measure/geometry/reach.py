"""Detects a spine that is cut off by the image border."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import Caution, Vertebra, WarningCode

_LAST_OF_NECK = LEVEL_SEQUENCE.index("C7")
_NEAR_BODIES = 0.7
"""A body that ends nearer to the border than this times its height has none below it.

Source: geometry; a disc is about a third as high as a body, so that less than a body and its disc
fits between them.
"""


def cut_off_cautions(bodies: Sequence[Vertebra], shape: tuple[int, int]) -> tuple[Caution, ...]:
    """Warn of a neck whose lower bodies lie below the picture.

    On a lumbar picture the column always runs on above it, and what is cut there is
    told with the bodies.

    Parameters
    ----------
    bodies : sequence of Vertebra
        From the top.
    shape : tuple of int
        (rows, columns) of the picture.
    """
    lowest = bodies[-1] if bodies else None
    if lowest is None or lowest.level is None or lowest.level not in LEVEL_SEQUENCE[:_LAST_OF_NECK]:
        return ()
    heights = [y for _, y in lowest.outline]
    height = max(heights) - min(heights)
    if shape[0] - max(heights) > _NEAR_BODIES * height:
        return ()
    return (Caution(WarningCode.CUT_OFF, levels=(lowest.level,)),)
