"""DICOM greyscale pipeline: stored values to grey values in which higher is brighter.

Modality LUT or rescale, then inversion of MONOCHROME1 last (PS3.3 C.11, PS3.4 N.2). The
windows and VOI LUTs between the two are handed on, not applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels import apply_color_lut

from spinealign.domain.image import (
    DisplayWindow,
    NoteKind,
    ReaderNote,
    WindowCurve,
    WindowKind,
)
from spinealign.imaging import dicom_tags
from spinealign.imaging.decoding import (
    BLOCK_ROWS,
    COLOUR_NOTE,
    is_coloured,
    is_factor,
    is_offset,
    luminance,
)
from spinealign.imaging.dicom_kind import is_capture
from spinealign.imaging.dicom_numbers import is_stated, numbers, whole_number
from spinealign.imaging.windows import mirrored, shows_something

_MAX_WINDOWS = 16
_PIXEL_VALUE_GROUP = "PixelValueTransformationSequence"
_CURVES = {"LINEAR_EXACT": WindowCurve.LINEAR_EXACT, "SIGMOID": WindowCurve.SIGMOID}


@dataclass(frozen=True, eq=False)
class Grey:
    """Grey values (H, W) as stored, on their way to a `SpineImage`."""

    values: NDArray[Any]
    bits: int
    windows: tuple[DisplayWindow, ...] = ()
    is_hounsfield: bool = False
    notes: tuple[ReaderNote, ...] = ()


def to_grey(stored: NDArray[Any], dataset: Dataset, frame: int) -> Grey:
    """Turn one decoded frame into grey values.

    Parameters
    ----------
    stored : ndarray, shape (H, W) or (H, W, 3)
    dataset : Dataset
    frame : int
        Counted from 0; picks the functional groups of an enhanced object.
    """
    if stored.ndim == 3 or dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        return _grey_from_colour(stored, dataset)
    return _grey_from_stored(stored, dataset, frame)


def _grey_from_colour(stored: NDArray[Any], dataset: Dataset) -> Grey:
    bits = int(dataset.BitsStored)
    if stored.ndim == 2:
        stored = apply_color_lut(stored, dataset)
        bits = stored.dtype.itemsize * 8
    rgb = stored[..., :3]
    is_colour = is_coloured(rgb, 2**bits - 1)
    note = COLOUR_NOTE if is_colour else ReaderNote(NoteKind.GREY_IN_COLOUR)
    return Grey(luminance(rgb), bits, notes=(note,))


def _grey_from_stored(stored: NDArray[Any], dataset: Dataset, frame: int) -> Grey:
    padding = _padding(stored, dataset)
    values, has_modality = _apply_modality(stored, dataset, frame)
    lowest = float(values.min())
    notes = [*_overlay_notes(dataset), *_table_notes(dataset, frame, lowest)]
    windows = (*_voi_tables(dataset, frame, lowest), *_voi_windows(dataset, frame))
    if not has_modality and (_states_rescale(dataset, frame) or _needs_rescale(dataset)):
        windows = ()  # they are for values that these are not
        notes.append(ReaderNote(NoteKind.NO_RESCALE))
    bits = int(dataset.get("BitsStored") or stored.dtype.itemsize * 8)
    is_changed = has_modality and not np.array_equal(values, stored)
    if is_changed or (bits <= 8 and stored.dtype.kind == "i"):
        bits = max(bits, 16)  # 8 would promise display values 0..255
    is_inverted = _is_inverted(dataset)
    if is_inverted:
        ends = _ends(values, bits, padding, is_changed)
        values = ends - values
        windows = tuple(mirrored(window, ends) for window in windows)
    if padding is not None:
        values = np.where(padding, values[~padding].min(), values)
    seen = tuple(window for window in windows if shows_something(values, window))
    if len(seen) < len(windows):
        notes.append(ReaderNote(NoteKind.WINDOW_LEFT_OUT))
    is_hounsfield = has_modality and not is_inverted and _holds_hounsfield(dataset, frame)
    return Grey(values, bits, seen, is_hounsfield, tuple(notes))


def _overlay_notes(dataset: Dataset) -> tuple[ReaderNote, ...]:
    """Note drawings that lie in planes of their own or in unused bits of the pixels."""
    has_overlay = any((group, 0x0010) in dataset for group in range(0x6000, 0x6020, 2))
    return (ReaderNote(NoteKind.OVERLAY_LEFT_OUT),) if has_overlay else ()


def _table_notes(dataset: Dataset, frame: int, lowest: float) -> tuple[ReaderNote, ...]:
    """Note tables that the file brings and that are none."""
    has_modality = all(map(_has_table, _modality_tables(dataset)))
    items = _voi_items(dataset, frame)
    has_voi = len(_voi_tables(dataset, frame, lowest)) == len(items)
    whole = {"ModalityLUTSequence": has_modality, "VOILUTSequence": has_voi}
    return tuple(
        ReaderNote(NoteKind.TABLE_LEFT_OUT, (name,))
        for name, is_whole in whole.items()
        if not is_whole
    )


def _states_rescale(dataset: Dataset, frame: int) -> bool:
    """Tell whether a file states a part of a rescale, or a table without its data."""
    tables = (item.get("LUTDescriptor") for item in _modality_tables(dataset))
    return any(map(is_stated, (*_rescale(dataset, frame), *tables)))


def _needs_rescale(dataset: Dataset) -> bool:
    """Tell slices of a CT, whose stored values are no Hounsfield units without a rescale."""
    is_slice = not dicom_tags.is_localizer(dataset) and not is_capture(dataset)
    return dataset.get("Modality") == "CT" and is_slice


def _rescale(dataset: Dataset, frame: int) -> list[Any]:
    """Return slope and intercept as stated."""
    names = ("RescaleSlope", "RescaleIntercept")
    return [dicom_tags.frame_value(dataset, frame, _PIXEL_VALUE_GROUP, name) for name in names]


def _apply_modality(
    stored: NDArray[Any], dataset: Dataset, frame: int
) -> tuple[NDArray[Any], bool]:
    """Apply modality LUT or rescale; also tell whether there was one."""
    # Whole numbers of up to 24 bits are exact in float32, which needs half the memory.
    exact = np.float32 if stored.dtype.itemsize <= 2 else np.float64
    for table in filter(_has_table, _modality_tables(dataset)):
        return _looked_up(stored, table).astype(exact), True
    factors = [numbers(value) for value in _rescale(dataset, frame)]
    if not all(len(factor) == 1 for factor in factors):
        return stored.astype(exact), False
    (slope,), (intercept,) = factors
    if not is_factor(slope) or not is_offset(intercept):
        return stored.astype(exact), False
    if (slope, intercept) == (1.0, 0.0):
        return stored.astype(exact), True
    if not _keeps_steps(slope, intercept):
        return stored.astype(exact), False
    values = np.empty(stored.shape, exact)
    for top in range(0, len(stored), BLOCK_ROWS):
        rows = slice(top, top + BLOCK_ROWS)
        values[rows] = stored[rows] * np.float64(slope) + intercept
    return values, True


def _keeps_steps(slope: float, intercept: float) -> bool:
    """Whether steps of a slope are kept beside an intercept in the float32 of grey values."""
    return float(np.spacing(np.float32(abs(intercept)))) <= abs(slope) / 4


def _modality_tables(dataset: Dataset) -> Sequence[Dataset]:
    return (dataset.get("ModalityLUTSequence") or ())[:1]


def _has_table(item: Dataset) -> bool:
    """Tell a table from an item that some writers leave empty or without its data."""
    return bool(item.get("LUTDescriptor")) and bool(item.get("LUTData"))


def _looked_up(stored: NDArray[Any], item: Dataset) -> NDArray[Any]:
    """Apply a table (PS3.3 C.11.1.1.1); values beyond its ends get the entry there."""
    found = _table_of(item, float(stored.min()))
    if found is None:
        raise ValueError("broken table")
    first, entries, _ = found
    places = np.clip(stored.astype(np.int64) - first, 0, len(entries) - 1)
    return np.asarray(entries[places])


def _holds_hounsfield(dataset: Dataset, frame: int) -> bool:
    if dataset.get("Modality") != "CT" or dicom_tags.is_localizer(dataset):
        return False
    table = next((item for item in _modality_tables(dataset) if _has_table(item)), None)
    if table is not None:
        return bool(table.get("ModalityLUTType") == "HU")
    unit = dicom_tags.frame_value(dataset, frame, _PIXEL_VALUE_GROUP, "RescaleType")
    return unit in (None, "HU")


def _is_inverted(dataset: Dataset) -> bool:
    # A DX image states both for one and the same inversion (PS3.3 C.8.11.3).
    return bool(
        dataset.get("PhotometricInterpretation") == "MONOCHROME1"
        or dataset.get("PresentationLUTShape") == "INVERSE"
    )


def _ends(
    values: NDArray[Any], bits: int, padding: NDArray[np.bool_] | None, is_changed: bool
) -> float:
    """Return lowest plus highest value of the range that an inversion mirrors.

    That of all stored values where these are as stored; rescaled ones may lie in a small part of
    it, where differences of theirs would get lost.
    """
    kept = values if padding is None else values[~padding]
    low, high = float(kept.min()), float(kept.max())
    if low >= 0 and high <= 2**bits - 1 and not is_changed:
        return float(2**bits - 1)
    return low + high


def _padding(stored: NDArray[Any], dataset: Dataset) -> NDArray[np.bool_] | None:
    """Mark (H, W) the pixels outside the exposed or reconstructed field, if any are named."""
    first = whole_number(dataset.get("PixelPaddingValue"))
    if first is None or stored.dtype.kind not in "iu":
        return None
    limit = whole_number(dataset.get("PixelPaddingRangeLimit"))
    other = first if limit is None else limit
    low, high = sorted(_as_stored(value, stored.dtype) for value in (first, other))
    mask = (stored >= low) & (stored <= high)
    return None if mask.all() or not mask.any() else mask


def _as_stored(value: int, dtype: np.dtype[Any]) -> int:
    """Read a padding value with the sign of the pixels; writers often mix the two up."""
    wrapped = value % (1 << dtype.itemsize * 8)
    return int(np.array(wrapped).astype(f"u{dtype.itemsize}").astype(dtype))


def _voi_windows(dataset: Dataset, frame: int) -> list[DisplayWindow]:
    """Return the windows that the file offers, in its order (PS3.3 C.11.2.1.2)."""
    centres, widths = (
        numbers(dicom_tags.frame_value(dataset, frame, "FrameVOILUTSequence", name))
        for name in ("WindowCenter", "WindowWidth")
    )
    curve = _CURVES.get(str(_voi(dataset, frame, "VOILUTFunction") or ""), WindowCurve.LINEAR)
    names = _texts(_voi(dataset, frame, "WindowCenterWidthExplanation"))
    pairs = list(zip(centres, widths, strict=False))[:_MAX_WINDOWS]
    return [
        DisplayWindow(
            centre,
            width,
            curve=_curve(curve, width),
            explanation=names[k] if k < len(names) else "",
        )
        for k, (centre, width) in enumerate(pairs)
        if width > 0
    ]


def _curve(stated: WindowCurve, width: float) -> WindowCurve:
    """Return the curve of a window; a linear one below 1, which the standard excludes, is exact."""
    is_exact = stated is WindowCurve.LINEAR and width < 1
    return WindowCurve.LINEAR_EXACT if is_exact else stated


def _voi(dataset: Dataset, frame: int, keyword: str) -> Any:
    return dicom_tags.frame_value(dataset, frame, "FrameVOILUTSequence", keyword)


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    is_several = isinstance(value, Sequence) and not isinstance(value, str)
    return [dicom_tags.text_of(text) for text in (value if is_several else [value])]


def _voi_tables(dataset: Dataset, frame: int, lowest: float) -> list[DisplayWindow]:
    """Return the VOI LUTs that the file brings (PS3.3 C.11.2.1.1); broken ones are left out."""
    tables = (_voi_table(item, lowest) for item in _voi_items(dataset, frame))
    return [table for table in tables if table is not None]


def _voi_items(dataset: Dataset, frame: int) -> list[Dataset]:
    return list(_voi(dataset, frame, "VOILUTSequence") or [])[:_MAX_WINDOWS]


def _voi_table(item: Dataset, lowest: float) -> DisplayWindow | None:
    found = _table_of(item, lowest)
    if found is None:
        return None
    first, entries, bits = found
    full_scale = max(2**bits - 1, 1)
    table = np.clip(entries.astype(np.float32) / full_scale, 0, 1)
    count, name = len(table), dicom_tags.text_of(item.get("LUTExplanation"))
    return DisplayWindow(
        first + count / 2, count, WindowKind.FILE_TABLE, explanation=name, table=table
    )


def _table_of(item: Dataset, lowest: float) -> tuple[int, NDArray[Any], int] | None:
    """Return first value mapped, entries and bits of a table, or None for a broken one.

    The first value is signed when the values looked up are; many files do not say so.
    """
    descriptor = numbers(item.get("LUTDescriptor"))
    if len(descriptor) != 3 or not _has_table(item):
        return None
    count, first, bits = (int(value) for value in descriptor)
    count = count % (1 << 16) or 1 << 16
    entries = _lut_entries(item, count, bits)
    if count < 2 or entries is None or not 1 <= bits <= 16:
        return None
    is_wrapped = lowest < 0 and first >= 1 << 15
    return first - (1 << 16) if is_wrapped else first, entries, bits


def _lut_entries(item: Dataset, count: int, bits: int) -> NDArray[Any] | None:
    data = item.LUTData
    if not isinstance(data, bytes):
        entries = np.atleast_1d(np.array(data, dtype=np.int64)) & 0xFFFF
    elif len(data) >= 2 * count:
        entries = np.frombuffer(data, "<u2")
    elif bits <= 8:
        entries = np.frombuffer(data, np.uint8)
    else:
        return None
    return entries[:count] if len(entries) >= count else None
