"""Points that a user's own model places: named by the data that it learned from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spinealign.domain.measurements import Coordinate, Share


@dataclass(frozen=True)
class NamedPoint:
    """A named point in image pixels: pixel i covers i to i + 1, y runs down.

    `confidence` is 0..1: the height of the network's peak at the second look. `is_sure` tells
    whether it reaches what the model's card trusts.
    """

    name: str
    x: Coordinate
    y: Coordinate
    confidence: Share
    is_sure: bool = True

    def moved(self, x: float, y: float) -> NamedPoint:
        """Return the point at another place."""
        return replace(self, x=x, y=y)

    def place_mm(self, spacing_mm: tuple[float, float] | None) -> tuple[float, float] | None:
        """Return (x, y) in millimetres from the image's upper left corner; None without spacing.

        Parameters
        ----------
        spacing_mm : tuple of float or None
            Distance of rows and of columns.
        """
        if spacing_mm is None:
            return None
        return self.x * spacing_mm[1], self.y * spacing_mm[0]
