"""Points that a user's own model places: named by the data that it learned from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spinealign.domain.findings import ModelIdentity
from spinealign.domain.measurements import Coordinate, Share


@dataclass(frozen=True)
class NamedPoint:
    """A named point in image pixels: pixel i covers i to i + 1, y runs down.

    `confidence` is 0..1: the height of the network's peak at the second look.
    """

    name: str
    x: Coordinate
    y: Coordinate
    confidence: Share

    def moved(self, x: float, y: float) -> NamedPoint:
        """Return the point at another place."""
        return replace(self, x=x, y=y)


@dataclass(frozen=True)
class LocatedPoints:
    """What a model that places named points answers for one image.

    Parameters
    ----------
    model : ModelIdentity
    points : tuple of NamedPoint
        Those that were found, in the order of the model's card.
    not_found : tuple of str
        The others. Whether the image shows them is not known.
    """

    model: ModelIdentity
    points: tuple[NamedPoint, ...]
    not_found: tuple[str, ...]
