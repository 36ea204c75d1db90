"""Films saved as negatives, with dark bone on a bright background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from spinealign.domain.findings import Caution, WarningCode
from spinealign.domain.image import SpineImage
from spinealign.radiograph.verdict import VertebraOutlines

_FEWEST_NAMED = 4
"""Fewest named bodies of a film that is not looked at as a negative as well, and of one that is
believed to be one.

Source: convention of this program.
"""

_LEAST_CONFIDENCE = 0.70
"""Mean confidence (0..1) of the bodies below which a film is looked at as a negative as well.

Source: on ten films inverted by hand the bodies found have at most 0.65, on seven home films and
eight necks of standing films as they are 0.73 and more (docs/design/films-from-anywhere.md).
"""

_MUCH_MORE = 1.3
"""By how many times more the negative must show, in sure named bodies.

Source: set by hand (docs/design/films-from-anywhere.md).
"""


def outline_either_polarity(
    outline: Callable[[SpineImage], VertebraOutlines], image: SpineImage
) -> VertebraOutlines:
    """Outline a film, and where little is seen of it, its negative as well; tell which one counts.

    Parameters
    ----------
    outline : callable
    image : SpineImage
        A picture file does not say whether bone is bright; DICOM does, and was obeyed.
    """
    found = outline(image)
    if _is_well_seen(found):
        return found
    other = outline(_negative(image))
    if _named(other) >= _FEWEST_NAMED and _worth(other) >= _MUCH_MORE * _worth(found):
        told = Caution(WarningCode.ANALYSED_AS_NEGATIVE)
        return replace(other, cautions=(told, *other.cautions))
    return found


def _negative(image: SpineImage) -> SpineImage:
    pixels = image.pixels
    whole = np.float32(pixels.min() + pixels.max())
    return replace(image, pixels=(whole - pixels).astype(pixels.dtype))


def _is_well_seen(found: VertebraOutlines) -> bool:
    return _named(found) >= _FEWEST_NAMED and _worth(found) / _named(found) >= _LEAST_CONFIDENCE


def _named(found: VertebraOutlines) -> int:
    return 0 if found.levels_uncertain else len(found.vertebrae)


def _worth(found: VertebraOutlines) -> float:
    """Return how much of a column is named, in sure bodies."""
    return 0.0 if found.levels_uncertain else sum(body.confidence for body in found.vertebrae)
