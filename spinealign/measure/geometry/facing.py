"""Whether the side that the patient looks to agrees with what the file says."""

from __future__ import annotations

from spinealign.domain.findings import Caution, Facing, WarningCode
from spinealign.domain.image import SpineImage
from spinealign.domain.presentation import turned_directions

_RIGHT_HAND_LETTER = {"A": Facing.RIGHT, "P": Facing.LEFT}
"""Which side is looked to, by the direction in which the rows of pixels run."""


def facing_cautions(image: SpineImage, facing: str | None) -> tuple[Caution, ...]:
    """Warn where outlines and the file's patient directions contradict each other.

    Parameters
    ----------
    image : SpineImage
    facing : str or None
        What was found, or what a person said: "left", "right", or None for unknown.
    """
    directions = turned_directions(image.orientation, image.presentation.upright_deg)
    stated = None if directions is None else _RIGHT_HAND_LETTER.get(directions[0])
    if stated is None or facing is None or stated == facing:
        return ()
    return (Caution(WarningCode.FACING_DISPUTED, facing=stated),)
