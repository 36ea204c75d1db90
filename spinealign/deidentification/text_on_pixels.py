"""Text that may be burned into a picture: proposals for a person to look at, never a claim.

Plain image processing. Letters that a program burns in are small, of one brightness, sharp-edged,
and stand beside each other in lines. Each is a connected component of what stands out from an
opening or closing (top hat) of the picture; components that are alike in height and lie beside
each other make a line, and lines make boxes. Text on its side is looked for beside the left and
right edge only: in the middle of a picture a spine itself is a row of such shapes. Handwriting,
single letters, letters one below the other and letters fainter than a fifth of the picture's range
are not found. Figures: docs/design/deidentification.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.deidentification.boxes import Box

_Edges = tuple[int, int, int, int]
"""Top, left, bottom, right; the last two are no longer in it."""

_SCALES: Final = (0.5, 1, 2, 4)
"""The picture is looked at as it is and made smaller, for letters of up to 160 pixels; a small one
is made larger too, for letters that touch."""

_SMALL_SIDE: Final = 720

_LEAST_SIDE: Final = 96
_KERNEL: Final = 11
_THRESHOLDS: Final = (42, 120)
"""The higher one tells letters apart that the lower one joins."""

_HEIGHTS: Final = (6, 40)
_MOST_WIDTH: Final = 60
_LEAST_AREA: Final = 8
_LEAST_SHARPNESS: Final = 0.8
_MOST_SPREAD: Final = 0.12
_LEAST_LEVEL: Final = 165
_LEAST_LETTER_CONTRAST: Final = 56
_LEVEL_DIFFERENCE: Final = 16
_LEAST_LETTERS: Final = 3
_GAP: Final = 1.5
_HEIGHT_RATIO: Final = 2.2
_MARGIN: Final = 0.4
_SLACK: Final = 0.5
_WORD_GAP: Final = 1.5
_EDGE: Final = 0.2
"""Share of the width, left and right, in which the middle of text on its side lies."""


@dataclass(frozen=True)
class _Letter:
    left: int
    top: int
    right: int
    bottom: int
    level: float

    @property
    def height(self) -> int:
        return self.bottom - self.top


def text_boxes(pixels: NDArray[Any], frame: int | None = None) -> list[Box]:
    """Propose boxes around what may be text.

    Parameters
    ----------
    pixels : ndarray
        (H, W) or (H, W, channels), any type of numbers.
    frame : int or None
        What the boxes say about the frame.

    Returns
    -------
    list of Box
        From the top down; they do not touch each other.
    """
    grey = _eight_bits(pixels)
    if min(grey.shape) < _LEAST_SIDE // 2:
        return []
    height, width = grey.shape
    found = [*_found(grey), *_on_its_side(grey)]
    return [
        Box(max(top, 0), max(left, 0), min(bottom, height), min(right, width), frame)
        for top, left, bottom, right in sorted(_merged(found))
    ]


def _on_its_side(grey: NDArray[np.uint8]) -> list[_Edges]:
    """Look for text that reads up or down, beside the left and the right edge."""
    width = grey.shape[1]
    turned = _found(np.ascontiguousarray(np.rot90(grey)))
    found = [(left, width - bottom, right, width - top) for top, left, bottom, right in turned]
    return [box for box in found if not _EDGE < (box[1] + box[3]) / 2 / width < 1 - _EDGE]


def _found(grey: NDArray[np.uint8]) -> list[_Edges]:
    """Look for text that reads from left to right, or upside down."""
    found: list[_Edges] = []
    for scale in _SCALES:
        small = _at_scale(grey, scale)
        if small is None:
            continue
        for turned in (small, 255 - small):
            for threshold in _THRESHOLDS:
                for line in _lines(*_letters(turned, threshold)):
                    top, left, bottom, right = (round(edge * scale) for edge in line)
                    found.append((top, left, bottom, right))
    return found


def _at_scale(grey: NDArray[np.uint8], scale: float) -> NDArray[np.uint8] | None:
    """Return a picture made smaller by a factor; None where that would show nothing more."""
    if scale == 1:
        return grey
    if scale < 1 and max(grey.shape) > _SMALL_SIDE:
        return None
    if scale > 1 and min(grey.shape) < _LEAST_SIDE * scale:
        return None
    size = (round(grey.shape[1] / scale), round(grey.shape[0] / scale))
    kind = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size, interpolation=kind), np.uint8)


def _eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    values = np.asarray(pixels)
    if values.ndim == 3:
        values = values[..., :3].max(axis=-1)
    values = np.nan_to_num(values.astype(np.float32))
    low, high = float(values.min()), float(np.percentile(values, 99.99))
    top = float(values.max())
    if top > 2 * high > 0:  # a few bright pixels would hide everything else
        high = top if np.count_nonzero(values > high) > _LEAST_AREA * _LEAST_LETTERS else high
    if high <= low:
        return np.zeros(values.shape, np.uint8)
    return np.clip((values - low) * (255 / (high - low)), 0, 255).astype(np.uint8)


def _letters(grey: NDArray[np.uint8], threshold: int) -> tuple[list[_Letter], list[_Edges]]:
    """Look for what stands out brighter from around it.

    Returns
    -------
    letters : list of _Letter
        What looks like letters.
    others : list of _Edges
        Everything else that is small: it may be a letter beside others.
    """
    kernel = np.ones((_KERNEL, _KERNEL), np.uint8)
    hat = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, kernel)
    mask = (hat > threshold).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    edges = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    rims = mask - np.asarray(cv2.erode(mask, np.ones((3, 3), np.uint8)), np.uint8)
    letters, others = [], []
    for number, (left, top, width, height, area) in enumerate(stats.tolist()[1:count], start=1):
        if height > _HEIGHTS[1] or width > _MOST_WIDTH:
            continue
        level = None
        if height >= _HEIGHTS[0] and area >= _LEAST_AREA:
            window = np.s_[top : top + height, left : left + width]
            own = labels[window] == number
            rim = own & (rims[window] == 1)
            level = _level_of_letter(grey[window][own], hat[window][own], edges[window][rim])
        if level is None:
            others.append((top, left, top + height, left + width))
        else:
            letters.append(_Letter(left, top, left + width, top + height, level))
    return letters, others


def _level_of_letter(
    values: NDArray[np.uint8], hat: NDArray[np.uint8], rim: NDArray[np.uint8]
) -> float | None:
    """Return the brightness of a component that is as even and as sharp as a letter, else None."""
    contrast = quantile_of_bytes(hat, 0.75)
    if contrast < _LEAST_LETTER_CONTRAST or not rim.size:
        return None
    level = quantile_of_bytes(values, 0.8)
    if level < _LEAST_LEVEL or quantile_of_bytes(rim, 0.5) < _LEAST_SHARPNESS * contrast:
        return None
    upper = values[values >= quantile_of_bytes(values, 0.5)].astype(np.float32)
    return level if float(np.mean(np.abs(upper - level))) <= _MOST_SPREAD * contrast else None


def quantile_of_bytes(values: NDArray[np.uint8], share: float) -> float:
    """Return the very number of `numpy.quantile`, which takes forty times as long on few values.

    A picture has thousands of components that may be letters.
    """
    rising = np.sort(values)
    place = (rising.size - 1) * share
    at = int(place)
    low, high = int(rising[at]), int(rising[min(at + 1, rising.size - 1)])
    rest = place - at
    # As NumPy interpolates: from the nearer end.
    return low + (high - low) * rest if rest < 0.5 else high - (high - low) * (1 - rest)


def _lines(letters: Sequence[_Letter], others: Sequence[_Edges]) -> list[_Edges]:
    """Return boxes around letters that stand beside each other, and what stands beside these."""
    lines: list[list[_Letter]] = []
    for letter in sorted(letters, key=lambda letter: letter.left):
        near = [line for line in lines if _continues(line[-1], letter)]
        if near:
            max(near, key=lambda line: line[-1].right).append(letter)
        else:
            lines.append([letter])
    singles = [
        (letter.top, letter.left, letter.bottom, letter.right)
        for line in lines
        if len(line) < _LEAST_LETTERS
        for letter in line
    ]
    return [_grown(line, [*others, *singles]) for line in lines if len(line) >= _LEAST_LETTERS]


def _grown(line: Sequence[_Letter], others: Sequence[_Edges]) -> _Edges:
    """Return the box of a line with what stands in it and next to it, and a margin."""
    top, bottom = min(each.top for each in line), max(each.bottom for each in line)
    left, right = line[0].left, max(each.right for each in line)
    height = bottom - top
    slack, gap = _SLACK * height, _WORD_GAP * height
    rest = [o for o in others if o[0] >= top - slack and o[2] <= bottom + slack]
    grows = True
    while grows:
        beside = [o for o in rest if o[1] <= right + gap and o[3] >= left - gap]
        reach = min([left, *(o[1] for o in beside)]), max([right, *(o[3] for o in beside)])
        grows = reach != (left, right)
        left, right = reach
    margin = round(_MARGIN * height)
    return top - margin, left - margin, bottom + margin, right + margin


def _continues(last: _Letter, letter: _Letter) -> bool:
    taller = max(last.height, letter.height)
    overlap = min(last.bottom, letter.bottom) - max(last.top, letter.top)
    shorter = min(last.height, letter.height)
    return (
        letter.left - last.right <= _GAP * taller
        and overlap >= shorter / 2
        and taller <= _HEIGHT_RATIO * shorter
        and abs(last.level - letter.level) <= _LEVEL_DIFFERENCE
    )


def _merged(boxes: Sequence[_Edges]) -> list[_Edges]:
    """Join boxes that touch."""
    rest = list(boxes)
    joined = True
    while joined:
        joined = False
        for index, one in enumerate(rest):
            for other in rest[index + 1 :]:
                if (
                    one[0] <= other[2]
                    and other[0] <= one[2]
                    and one[1] <= other[3]
                    and other[1] <= one[3]
                ):
                    rest.remove(other)
                    rest[index] = (
                        min(one[0], other[0]), min(one[1], other[1]),
                        max(one[2], other[2]), max(one[3], other[3]),
                    )  # fmt: skip
                    joined = True
                    break
            if joined:
                break
    return rest
