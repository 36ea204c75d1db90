"""Display orientation: axis swaps and flips to the radiological convention.

A film is only rotated and never mirrored, so that letters on it stay readable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.image import SpineImage
from spinealign.domain.presentation import OPPOSITE

_POSITIVE = "LPH"
# Across and down the screen, by the axis (left, posterior, head) that a slice cuts across.
_CONVENTIONAL = (("P", "F"), ("L", "F"), ("L", "P"))


@dataclass(frozen=True)
class Turn:
    """Swap rows and columns first, then flip.

    `directions` are the patient directions along which the turned rows (to the right)
    and columns (downwards) run, or None when they are not known.
    """

    swaps: bool = False
    flips_rows: bool = False
    flips_cols: bool = False
    directions: tuple[str, str] | None = None

    def __bool__(self) -> bool:
        return self.swaps or self.flips_rows or self.flips_cols

    def apply(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Turn the last two axes of an array, as a view of it."""
        turned = pixels.swapaxes(-1, -2) if self.swaps else pixels
        rows = slice(None, None, -1) if self.flips_rows else slice(None)
        cols = slice(None, None, -1) if self.flips_cols else slice(None)
        return turned[..., rows, cols]

    def undo(self, turned: NDArray[Any]) -> NDArray[Any]:
        """Turn the last two axes of an array back, as a view of it: `apply` the other way."""
        rows = slice(None, None, -1) if self.flips_rows else slice(None)
        cols = slice(None, None, -1) if self.flips_cols else slice(None)
        stored = turned[..., rows, cols]
        return stored.swapaxes(-1, -2) if self.swaps else stored

    def swapped(self, pair: tuple[float, float]) -> tuple[float, float]:
        """Return a (row, column) pair, such as a spacing, for the turned picture."""
        return (pair[1], pair[0]) if self.swaps else pair


def turned_left(image: SpineImage, quarter_turns: int) -> SpineImage:
    """Return an image turned to the left."""
    spacing_mm = image.spacing_mm
    if spacing_mm is not None and quarter_turns % 2:
        spacing_mm = spacing_mm[::-1]
    pixels = np.ascontiguousarray(np.rot90(image.pixels, quarter_turns))
    return replace(image, pixels=pixels, spacing_mm=spacing_mm, patient_plane=None)


def slice_turn(cosines: NDArray[np.float64]) -> Turn:
    """Return the turn that shows a slice the conventional way.

    Sagittal: front left, head up. Coronal: patient's right on the left, head up.
    Axial: patient's right on the left, front up.

    Parameters
    ----------
    cosines : ndarray of float64, shape (2, 3)
        Patient directions (left, posterior, head) along a row and along a column.
    """
    across, down = _CONVENTIONAL[int(np.abs(np.cross(cosines[0], cosines[1])).argmax())]
    to_right, to_bottom = _axis(across), _axis(down)
    straight = abs(cosines[0] @ to_right) + abs(cosines[1] @ to_bottom)
    crossed = abs(cosines[1] @ to_right) + abs(cosines[0] @ to_bottom)
    swaps = bool(crossed > straight)
    row, col = cosines[::-1] if swaps else cosines
    return Turn(swaps, bool(col @ to_bottom < 0), bool(row @ to_right < 0), (across, down))


def _axis(letter: str) -> NDArray[np.float64]:
    sign = 1.0 if letter in _POSITIVE else -1.0
    axis = np.zeros(3)
    axis[_POSITIVE.index(letter if sign > 0 else OPPOSITE[letter])] = sign
    return axis


def main_directions(patient_orientation: Sequence[str]) -> tuple[str, str] | None:
    """Return the first letters of DICOM's PatientOrientation, or None if it makes no sense."""
    letters = [str(value).strip().upper()[:1] for value in patient_orientation]
    if len(letters) != 2 or not all(letter in OPPOSITE for letter in letters):
        return None
    row, col = letters
    return None if row in (col, OPPOSITE[col]) else (row, col)


def letter_cosines(directions: tuple[str, str]) -> NDArray[np.float64]:
    """Return two patient directions as vectors, shape (2, 3)."""
    return np.stack([_axis(letter) for letter in directions])


def film_turn(directions: tuple[str, str]) -> Turn:
    """Return the rotation that brings the head up; none when rows and columns cross the spine."""
    across, down = directions
    if down == "H":
        return Turn(False, True, True, (OPPOSITE[across], "F"))
    if across == "F":
        # A quarter clockwise: the right side goes to the bottom, the bottom to the left.
        return Turn(True, False, True, (OPPOSITE[down], "F"))
    if across == "H":
        return Turn(True, True, False, (down, "F"))
    return Turn(directions=directions)
