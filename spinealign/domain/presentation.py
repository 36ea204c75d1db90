"""How a picture is shown: turned, mirrored, inverted; its points stay pixels of the file."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated

from msgspec import Meta

HALF_TURN_DEG, QUARTER_DEG = 180.0, 90.0
OPPOSITE = {"L": "R", "R": "L", "P": "A", "A": "P", "H": "F", "F": "H"}
"""Patient directions and their counterparts."""

_SAME_DEG = 1e-9

TurnDegrees = Annotated[float, Meta(gt=-HALF_TURN_DEG, le=HALF_TURN_DEG)]
"""A turn to the left, against the hands of a clock."""


@dataclass(frozen=True)
class Presentation:
    """How a person has a picture shown, and which way it stands.

    A picture is turned first and mirrored after that. Nothing of it moves a point: outlines,
    corrections and drawings are in pixels of the file, whatever is shown.

    Parameters
    ----------
    turn_deg : float
        By how much the picture is shown turned to the left.
    is_mirrored : bool
        Whether left and right are exchanged in what is shown; letters on the film are then
        the other way round than in the file.
    is_inverted : bool
        Whether bright is shown as dark.
    upright_deg : float
        By how much the picture of the file has to be turned to the left to stand upright: angles
        to the vertical and plumb lines are taken so. A line that straightens the picture changes
        it; a quarter turn, which is only looked at, does not.
    analysed_deg : float
        By how much it was turned to the left before the networks looked at it.
    """

    turn_deg: TurnDegrees = 0.0
    is_mirrored: bool = False
    is_inverted: bool = False
    upright_deg: TurnDegrees = 0.0
    analysed_deg: TurnDegrees = 0.0

    @property
    def is_moved(self) -> bool:
        """Whether the picture is shown another way round than the file has it."""
        return self.is_mirrored or self.turn_deg != 0

    @property
    def is_analysed_as_shown(self) -> bool:
        """Whether the networks looked at the picture as it stands now, mirrored or not."""
        return _is_same_turn(self.turn_deg, self.analysed_deg)

    @property
    def of_result(self) -> Presentation:
        """What of it the result depends on; the rest is only looked at."""
        return Presentation(upright_deg=self.upright_deg, analysed_deg=self.analysed_deg)

    def turned(self, quarter_turns: int) -> Presentation:
        """Return what is shown after quarter turns to the left."""
        return self._turned_by(QUARTER_DEG * quarter_turns)

    def mirrored(self) -> Presentation:
        """Return what is shown after left and right are exchanged."""
        return replace(self, is_mirrored=not self.is_mirrored)

    def inverted(self) -> Presentation:
        """Return what is shown after bright and dark are exchanged."""
        return replace(self, is_inverted=not self.is_inverted)

    def straightened(self, left_deg: float) -> Presentation:
        """Return what is shown after a turn to the left that makes the picture upright.

        Parameters
        ----------
        left_deg : float
            Of what is shown now.
        """
        turned = self._turned_by(left_deg)
        by = self._of_the_file(left_deg)
        return replace(turned, upright_deg=_within(self.upright_deg + by))

    def analysed_as_shown(self) -> Presentation:
        """Return the presentation of a picture that is analysed the way that it stands now."""
        return replace(self, upright_deg=self.turn_deg, analysed_deg=self.turn_deg)

    def upright_after(self, quarter_turns: int) -> Presentation:
        """Return the presentation of a picture that lies, analysed the way that it stands.

        Parameters
        ----------
        quarter_turns : int
            To the left, of what the networks looked at.
        """
        stands_deg = _within(self.analysed_deg + QUARTER_DEG * quarter_turns)
        return replace(self, turn_deg=stands_deg).analysed_as_shown()

    def _turned_by(self, left_deg: float) -> Presentation:
        return replace(self, turn_deg=_within(self.turn_deg + self._of_the_file(left_deg)))

    def _of_the_file(self, left_deg: float) -> float:
        """Return a turn of what is shown as one of the file's picture."""
        return -left_deg if self.is_mirrored else left_deg


AS_IN_FILE = Presentation()
"""A picture that nobody turned, mirrored or inverted."""


def turned_directions(
    directions: tuple[str, str] | None, turn_deg: float, is_mirrored: bool = False
) -> tuple[str, str] | None:
    """Return the patient directions in which rows and columns run after a turn to the left."""
    if directions is None:
        return None
    across, down = directions
    for _ in range(round(turn_deg / QUARTER_DEG) % 4):
        # What ran down runs to the right now, and what ran to the right runs up.
        across, down = down, OPPOSITE[across]
    return (OPPOSITE[across] if is_mirrored else across), down


def levelling_turn_deg(across: float, down: float) -> float:
    """Return the smallest turn to the left that makes a line level or upright.

    Parameters
    ----------
    across, down : float
        From one end of the line to the other, in lengths as they are shown.

    Raises
    ------
    ValueError
        The line has no length.
    """
    if across == 0 and down == 0:
        raise ValueError("the line has no length")
    # A line that falls to the right by some degrees is level after a turn to the left by as many.
    falls_deg = math.degrees(math.atan2(down, across))
    return falls_deg - QUARTER_DEG * round(falls_deg / QUARTER_DEG)


def _within(degrees: float) -> float:
    """Return the same turn within half a turn, a quarter turn exactly."""
    turn = HALF_TURN_DEG - (HALF_TURN_DEG - degrees) % (2 * HALF_TURN_DEG)
    quarters = QUARTER_DEG * round(turn / QUARTER_DEG)
    near = quarters if abs(turn - quarters) < _SAME_DEG else turn
    return HALF_TURN_DEG if near == -HALF_TURN_DEG else near + 0.0


def _is_same_turn(one_deg: float, other_deg: float) -> bool:
    return abs(_within(one_deg - other_deg)) < _SAME_DEG
