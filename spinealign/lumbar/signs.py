"""Handcrafted features of a disc crop: heights, offsets and signal, relative to disc length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spinealign.lumbar.crops import CROP_SHAPE, DISC_PX, CropFrame
from spinealign.measure.outlines.disc_shapes import CANAL, DISC, VERTEBRA, DiscShape

Grey = NDArray[np.float32]
Mask = NDArray[np.uint8]
Values = NDArray[np.float64]

# Source of every number of this module: the definition of the sign. They were set by hand when
# `disc_grading` was made, and its weights were trained on these very signs: another value needs a
# new training (docs/training.md has what the signs bring).

_MIDDLE = (CROP_SHAPE[0] // 2, CROP_SHAPE[1] // 2)
"""Row and column of the disc's centre in a crop. Source: `crops.CropFrame`."""

_DISC_REACH, _BODY_NEAR, _BODY_FAR = 0.4, 0.18, 0.5
"""Where a disc and the bodies beside it are looked for, in lengths of the disc from its centre.

Source: definition of the signs.
"""

_DISC_ROWS = slice(_MIDDLE[0] - int(_DISC_REACH * DISC_PX), _MIDDLE[0] + int(_DISC_REACH * DISC_PX))
_ABOVE = slice(_MIDDLE[0] - int(_BODY_FAR * DISC_PX), _MIDDLE[0] - int(_BODY_NEAR * DISC_PX))
_BELOW = slice(_MIDDLE[0] + int(_BODY_NEAR * DISC_PX), _MIDDLE[0] + int(_BODY_FAR * DISC_PX))

_FLUID_AT, _BONE_AT = 80, 50
"""Percentiles of the canal's and the bodies' grey to which signal is scaled.

Source: definition of the signs.
"""

_LEAST_SHARE, _LEAST_WIDTH = 1e-5, 1e-3
"""What grey values (shares of the brighter of fluid and bone) and widths (lengths of the disc) are
at least divided by.

Source: keep a quotient finite; definition of the signs.
"""

_FEWEST_COLUMNS, _FEWEST_ENDPLATE_COLUMNS = 6, 12
"""Narrowest disc that has heights and signal, and bands along its endplates, in crop pixels.

Source: definition of the signs.
"""

_HEIGHT_SIGNS, _SIGNAL_SIGNS, _ENDPLATE_SIGNS = 6, 10, 8
"""How many signs each group has. Source: `OWN_SIGNS`."""

_RIM_SHARE = 6
"""One part in so many of the disc's length is rim at either end. Source: definition."""

_CANAL_HALF_PX = 8
"""Half of the rows in which the canal behind the disc is looked at, in crop pixels.

Source: definition of the signs.
"""

_WALL_HALF_PX, _FEWEST_BONE_PX = 12, 12
"""Half of the columns about the middle in which a row must be bone, and how many of them, to
count for the walls of a body. Source: definition of the signs.
"""

_ANNULUS_FRONT, _ANNULUS_BACK = 0.2, 0.8
"""Shares of the disc's length before and behind which the annulus lies. Source: definition."""

_NUCLEUS = (0.3, 0.75)
"""Shares of the disc's length between which the nucleus lies. Source: definition of the signs."""

_NUCLEUS_AT, _ANNULUS_AT = 60, 40
"""Percentiles of grey that stand for nucleus and annulus. Source: definition of the signs."""

_SIGNAL_AT = (10, 50, 90)
"""Percentiles of a disc's grey: low, median, high. Source: definition of the signs."""

_ENDPLATE_RIM = 8
"""One part in so many of the disc's length is left out at either end of an endplate.

Source: definition of the signs.
"""

_NEAR_BAND, _DEEP_BAND = (1, 9), (14, 26)
"""Depths of the bands beside an endplate, in crop pixels. Source: definition of the signs."""

_ENDPLATE_LOW_AT = 10
"""Percentile of a band's grey that stands for its dark part. Source: definition of the signs."""

OWN_SIGNS = (
    "height", "height_front", "height_middle", "height_back", "height_least", "wedge",
    "disc_front", "disc_back", "body_above_front", "body_above_back", "body_below_front",
    "body_below_back", "slip_front", "slip_back", "disc_overhang", "canal_front_above",
    "canal_front_disc", "canal_front_below", "canal_dent", "canal_slip", "canal_width_above",
    "canal_width_disc", "canal_width_below", "canal_narrowing",
    "signal", "signal_low", "signal_high", "signal_spread", "nucleus", "annulus_front",
    "annulus_back", "nucleus_contrast", "body_above", "body_below", "fluid",
    "endplate_above", "endplate_below", "endplate_above_contrast", "endplate_below_contrast",
    "endplate_above_spread", "endplate_below_spread", "endplate_above_low", "endplate_below_low",
    "certainty", "inferred", "length",
)  # fmt: skip
"""Signs of one disc alone, in the order of `own_signs`."""

COMPARED = ("height", "signal", "nucleus", "length", "canal_width_disc", "nucleus_contrast")
"""Signs that are also compared with the disc above, below, and with all discs of the column."""

SIGN_NAMES = (
    *OWN_SIGNS,
    *(f"{name}_to_{other}" for name in COMPARED for other in ("above", "below", "column")),
    "level", "step_above", "step_below",
)  # fmt: skip
"""Names of the values that `column_signs` returns, in order."""


def column_signs(
    discs: Sequence[DiscShape], frames: Sequence[CropFrame], crops: Sequence[Grey],
    masks: Sequence[Mask],
) -> Values:  # fmt: skip
    """Return the signs of every disc of a column.

    Parameters
    ----------
    discs, frames
        From the sacrum up.
    crops : sequence of ndarray of float32, shape `CROP_SHAPE`
        Grey values of the image, unscaled.
    masks : sequence of ndarray of uint8, shape `CROP_SHAPE`

    Returns
    -------
    ndarray of float64, shape (discs, len(SIGN_NAMES))
        NaN where something could not be seen.
    """
    own = np.array(
        [own_signs(*part) for part in zip(discs, frames, crops, masks, strict=True)]
    ).reshape(len(discs), len(OWN_SIGNS))
    lengths = np.array([disc.length_px for disc in discs])
    typical = float(np.median(lengths)) if len(lengths) else 1.0
    own[:, OWN_SIGNS.index("length")] = lengths / max(typical, 1e-6)
    compared = [_compared(own[:, OWN_SIGNS.index(name)]) for name in COMPARED]
    steps = _steps(discs, typical)
    level = np.arange(1, len(discs) + 1, dtype=np.float64)[:, None]
    return np.concatenate([own, *compared, level, steps], axis=1)


def _compared(values: Values) -> Values:
    """Return differences (n, 3) to the disc above, the disc below and the column's median."""
    gap = np.array([np.nan])
    above = values - np.concatenate([values[1:], gap])
    below = values - np.concatenate([gap, values[:-1]])
    usual = np.nanmedian(values) if np.isfinite(values).any() else np.nan
    return np.stack([above, below, values - usual], axis=1)


def _steps(discs: Sequence[DiscShape], typical: float) -> Values:
    centres = np.array([disc.centre for disc in discs]).reshape(-1, 2)
    between = np.hypot(*np.diff(centres, axis=0).T) / max(typical, 1e-6)
    gap = np.array([np.nan])
    return np.stack([np.concatenate([between, gap]), np.concatenate([gap, between])], axis=1)


def own_signs(disc: DiscShape, frame: CropFrame, crop: Grey, mask: Mask) -> list[float]:
    """Return the signs of one disc, in the order of `OWN_SIGNS`."""
    inside = np.zeros(mask.shape, bool)
    inside[_DISC_ROWS] = mask[_DISC_ROWS] == DISC
    fluid = _percentile(crop[mask == CANAL], _FLUID_AT)
    bone = _percentile(crop[mask == VERTEBRA], _BONE_AT)
    is_seen = np.isfinite(fluid) and np.isfinite(bone) and max(fluid, bone) > 0
    scale = max(fluid, bone) if is_seen else np.nan
    return [
        *_heights(inside), *_offsets(inside, mask), *_signal(inside, mask, crop / scale),
        fluid / np.maximum(bone, _LEAST_SHARE * scale), *_endplates(inside, crop / scale),
        disc.confidence, float(disc.is_inferred), disc.length_px / frame.length_px,
    ]  # fmt: skip


def _heights(inside: NDArray[np.bool_]) -> list[float]:
    columns = inside.sum(axis=0) / DISC_PX
    used = np.flatnonzero(columns)
    if used.size < _FEWEST_COLUMNS:
        return [np.nan] * _HEIGHT_SIGNS
    start, stop = used[0], used[-1] + 1
    thirds = [float(part.mean()) for part in np.array_split(columns[start:stop], 3)]
    rim = (stop - start) // _RIM_SHARE
    core = columns[start + rim : stop - rim]
    return [
        float(columns[start:stop].mean()), *thirds, float(core.min(initial=1.0)),
        thirds[0] - thirds[2],
    ]  # fmt: skip


def _offsets(inside: NDArray[np.bool_], mask: Mask) -> list[float]:
    used = np.flatnonzero(inside.any(axis=0))
    front, back = (_place(used[0]), _place(used[-1] + 1)) if used.size else (np.nan, np.nan)
    above, below = _body_walls(mask[_ABOVE]), _body_walls(mask[_BELOW])
    beside = slice(_MIDDLE[0] - _CANAL_HALF_PX, _MIDDLE[0] + _CANAL_HALF_PX)
    canal = [_canal(mask[rows]) for rows in (_ABOVE, beside, _BELOW)]
    fronts, widths = [c[0] for c in canal], [c[1] for c in canal]
    return [
        front, back, *above, *below, above[0] - below[0], above[1] - below[1],
        back - (above[1] if np.isnan(below[1]) else (above[1] + below[1]) / 2),
        *fronts, fronts[1] - (fronts[0] + fronts[2]) / 2, fronts[0] - fronts[2],
        *widths, widths[1] / max((widths[0] + widths[2]) / 2, _LEAST_WIDTH),
    ]  # fmt: skip


def _place(column: float) -> float:
    return float(column - _MIDDLE[1]) / DISC_PX


def _body_walls(rows: Mask) -> tuple[float, float]:
    """Return front and back of the body whose middle is the crop's middle column."""
    walls = []
    first, last = _MIDDLE[1] - _WALL_HALF_PX, _MIDDLE[1] + _WALL_HALF_PX
    for row in rows == VERTEBRA:
        middle = np.flatnonzero(row[first:last]) + first
        if middle.size < _FEWEST_BONE_PX:
            continue
        gaps = np.flatnonzero(~row)
        left = gaps[gaps < middle[0]].max(initial=-1) + 1
        right = gaps[gaps > middle[-1]].min(initial=len(row))
        walls.append((left, right))
    if len(walls) < 4:
        return np.nan, np.nan
    front, back = np.median(walls, axis=0)
    return _place(front), _place(back)


def _canal(rows: Mask) -> tuple[float, float]:
    """Return front and width of the canal behind the body."""
    found = []
    for row in rows[:, _MIDDLE[1] :] == CANAL:
        places = np.flatnonzero(row)
        if places.size:
            found.append((places[0] + _MIDDLE[1], places.size))
    if len(found) < 3:
        return np.nan, np.nan
    front, width = np.median(found, axis=0)
    return _place(front), float(width) / DISC_PX


def _signal(inside: NDArray[np.bool_], mask: Mask, grey: Grey) -> list[float]:
    values = grey[inside]
    used = np.flatnonzero(inside.any(axis=0))
    if used.size < _FEWEST_COLUMNS:
        return [np.nan] * _SIGNAL_SIGNS
    places = np.broadcast_to(np.arange(grey.shape[1]), grey.shape)
    share = (places - used[0]) / (used[-1] - used[0])
    front, back = inside & (share < _ANNULUS_FRONT), inside & (share > _ANNULUS_BACK)
    middle = inside & (share > _NUCLEUS[0]) & (share < _NUCLEUS[1])
    nucleus = _percentile(grey[middle], _NUCLEUS_AT)
    annulus = [_percentile(grey[part], _ANNULUS_AT) for part in (front, back)]
    low, median, high = (_percentile(values, p) for p in _SIGNAL_AT)
    bodies = [
        _percentile(grey[rows][mask[rows] == VERTEBRA], _BONE_AT) for rows in (_ABOVE, _BELOW)
    ]
    return [
        median, low, high, float(values.std()), nucleus, *annulus,
        nucleus - float(np.mean(annulus)), *bodies,
    ]  # fmt: skip


def _endplates(inside: NDArray[np.bool_], grey: Grey) -> list[float]:
    """Return the signal in thin bands along the disc: level, contrast to the depth, spread, lows.

    The lower body of L5/S1 is the sacrum, which no mask shows, so the bands follow
    the disc's own edge.
    """
    columns = np.flatnonzero(inside.sum(axis=0) >= 2)
    if columns.size < _FEWEST_ENDPLATE_COLUMNS:
        return [np.nan] * _ENDPLATE_SIGNS
    rim = columns.size // _ENDPLATE_RIM
    core = columns[rim:-rim]
    top = inside[:, core].argmax(axis=0)
    bottom = inside.shape[0] - inside[::-1, core].argmax(axis=0)
    bands = [
        _band(grey, core, top, -1, _NEAR_BAND), _band(grey, core, bottom - 1, 1, _NEAR_BAND),
        _band(grey, core, top, -1, _DEEP_BAND), _band(grey, core, bottom - 1, 1, _DEEP_BAND),
    ]  # fmt: skip
    near, deep = bands[:2], bands[2:]
    return [
        *(float(band.mean()) for band in near),
        *(float(n.mean() - d.mean()) for n, d in zip(near, deep, strict=True)),
        *(float(band.mean(axis=0).std()) for band in near),
        *(float(np.percentile(band, _ENDPLATE_LOW_AT)) for band in near),
    ]


def _band(
    grey: Grey, columns: NDArray[np.int64], edge: NDArray[np.int64], sign: int,
    depth: tuple[int, int],
) -> Grey:  # fmt: skip
    rows = np.clip(edge + sign * np.arange(*depth)[:, None], 0, grey.shape[0] - 1)
    return np.asarray(grey[rows, columns], np.float32)


def _percentile(values: Grey, at: float) -> float:
    return float(np.percentile(values, at)) if values.size > 4 else float("nan")
