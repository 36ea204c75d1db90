"""DICOM files: from stored values to grey values in which bright means bright.

Order of the grey-scale chain (PS3.3 C.11, PS3.4 N.2): modality LUT or rescale, then
inversion of MONOCHROME1 last. The window is handed on, not applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.pixels import apply_color_lut, apply_modality_lut, get_decoder, pixel_array
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import SpineImage
from spinealign.imaging import dicom_tags
from spinealign.imaging.decoding import COLOUR_NOTE, check_size, is_coloured, luminance, make_image

_PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_DEFER_BYTES = 65_536


@dataclass(frozen=True, eq=False)
class _Grey:
    """Grey values (H, W) on their way to a `SpineImage`."""

    values: NDArray[Any]
    bits: int
    window: tuple[float, float] | None = None
    is_hounsfield: bool = False
    notes: tuple[str, ...] = ()


def read_dicom(path: Path) -> SpineImage:
    """Read one frame of a DICOM file, with or without preamble.

    Of several frames the middle one is taken. Size, compression and presence of
    pixels are checked before anything is decoded.

    Raises
    ------
    ImageReadError
        The object holds no picture that can be analysed.
    Exception
        Anything that pydicom and its decoders raise on damaged bytes.
    """
    dataset = dcmread(path, force=True, defer_size=_DEFER_BYTES)
    _check_pixels(path, dataset)
    frames = int(dataset.get("NumberOfFrames") or 1)
    frame = max(frames, 1) // 2
    stored = pixel_array(dataset, index=frame)
    grey = _to_grey(stored, dataset, frame)
    spacing_mm, source, spacing_notes = dicom_tags.pixel_spacing(dataset, frame)
    hint, view_notes = dicom_tags.view_hint(dataset, frame)
    return make_image(
        path,
        grey.values,
        grey.bits,
        spacing_mm=spacing_mm,
        spacing_source=source,
        window=grey.window,
        modality=str(dataset.get("Modality") or "") or None,
        is_hounsfield=grey.is_hounsfield,
        view_hint=hint,
        file_format="DICOM",
        notes=(*_frame_notes(frame, frames), *grey.notes, *spacing_notes, *view_notes),
    )


def _frame_notes(frame: int, frames: int) -> Sequence[str]:
    return [f"Frame {frame + 1} of {frames}."] if frames > 1 else []


def _check_pixels(path: Path, dataset: Dataset) -> None:
    """Refuse what cannot become a picture, before any pixel is decoded."""
    if dataset.preamble is None and not any(name in dataset for name in ("SOPClassUID", "Rows")):
        raise ImageReadError(path, ReadProblem.NOT_AN_IMAGE)
    _complete_transfer_syntax(dataset)
    if not any(keyword in dataset for keyword in _PIXEL_KEYWORDS):
        broken = _ends_early(path, dataset)
        raise ImageReadError(path, ReadProblem.TRUNCATED if broken else ReadProblem.NO_PIXELS)
    check_size(path, int(dataset.Rows), int(dataset.Columns))
    if int(dataset.get("SamplesPerPixel") or 1) not in (1, 3):
        raise ImageReadError(path, ReadProblem.UNSUPPORTED_LAYOUT)
    if not _is_decodable(dataset):
        name = dataset.file_meta.TransferSyntaxUID.name
        raise ImageReadError(path, ReadProblem.UNSUPPORTED_COMPRESSION, name)


def _complete_transfer_syntax(dataset: Dataset) -> None:
    """Name the encoding that pydicom found where the file meta information is missing."""
    if dataset.file_meta.get("TransferSyntaxUID"):
        return
    is_implicit, is_little_endian = dataset.original_encoding
    if is_implicit:
        syntax = ImplicitVRLittleEndian
    else:
        syntax = ExplicitVRLittleEndian if is_little_endian else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = syntax


def _is_decodable(dataset: Dataset) -> bool:
    try:
        return bool(get_decoder(dataset.file_meta.TransferSyntaxUID).is_available)
    except NotImplementedError:
        return False


def _ends_early(path: Path, dataset: Dataset) -> bool:
    """Tell whether the file stops inside an element; pydicom drops such a rest silently."""
    if dataset.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
        return False
    if not len(dataset):
        return True
    last = dataset.get_item(max(dataset.keys()))
    if not isinstance(last, RawDataElement) or last.length == 0xFFFFFFFF:
        return False
    return bool(last.value_tell + last.length != path.stat().st_size)


def _to_grey(stored: NDArray[Any], dataset: Dataset, frame: int) -> _Grey:
    is_palette = dataset.get("PhotometricInterpretation") == "PALETTE COLOR"
    if is_palette or int(dataset.get("SamplesPerPixel") or 1) == 3:
        return _grey_from_colour(stored, dataset)
    return _grey_from_stored(stored, dataset, frame)


def _grey_from_colour(stored: NDArray[Any], dataset: Dataset) -> _Grey:
    bits = int(dataset.BitsStored)
    if stored.ndim == 2:
        stored = apply_color_lut(stored, dataset)
        bits = stored.dtype.itemsize * 8
    rgb = stored[..., :3]
    note = COLOUR_NOTE if is_coloured(rgb, 2**bits - 1) else "Grey picture, stored in colour."
    return _Grey(luminance(rgb), bits, notes=(note,))


def _grey_from_stored(stored: NDArray[Any], dataset: Dataset, frame: int) -> _Grey:
    padding = _padding(stored, dataset)
    values, has_rescale = _apply_modality(stored, dataset, frame)
    window = dicom_tags.display_window(dataset, frame)
    bits = int(dataset.get("BitsStored") or stored.dtype.itemsize * 8)
    if has_rescale and not np.array_equal(values, stored):
        bits = max(bits, 16)  # 8 would promise display values 0..255
    is_inverted = _is_inverted(dataset)
    if is_inverted:
        values, window = _invert(values, window, bits, padding)
    if padding is not None:
        values = np.where(padding, values[~padding].min(), values)
    is_hounsfield = has_rescale and not is_inverted and _holds_hounsfield(dataset, frame)
    return _Grey(values, bits, window, is_hounsfield)


def _apply_modality(
    stored: NDArray[Any], dataset: Dataset, frame: int
) -> tuple[NDArray[np.float64], bool]:
    """Apply modality LUT or rescale; also tell whether there was one."""
    group = "PixelValueTransformationSequence"
    names = ("RescaleSlope", "RescaleIntercept")
    slope, intercept = (dicom_tags.frame_value(dataset, frame, group, name) for name in names)
    if dataset.get("ModalityLUTSequence"):
        return apply_modality_lut(stored, dataset).astype(np.float64), True
    if slope is None or intercept is None:
        return stored.astype(np.float64), False
    rescale = Dataset()
    rescale.RescaleSlope, rescale.RescaleIntercept = slope, intercept
    return apply_modality_lut(stored, rescale), True


def _holds_hounsfield(dataset: Dataset, frame: int) -> bool:
    if dataset.get("Modality") != "CT" or dicom_tags.is_localizer(dataset):
        return False
    group = "PixelValueTransformationSequence"
    unit = dicom_tags.frame_value(dataset, frame, group, "RescaleType")
    return unit in (None, "HU")


def _is_inverted(dataset: Dataset) -> bool:
    # A DX image states both for one and the same inversion (PS3.3 C.8.11.3).
    return bool(
        dataset.get("PhotometricInterpretation") == "MONOCHROME1"
        or dataset.get("PresentationLUTShape") == "INVERSE"
    )


def _invert(
    values: NDArray[np.float64],
    window: tuple[float, float] | None,
    bits: int,
    padding: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.float64], tuple[float, float] | None]:
    """Mirror grey values, and the window with them, about the middle of their range."""
    kept = values if padding is None else values[~padding]
    low, high = float(kept.min()), float(kept.max())
    if low >= 0 and high <= 2**bits - 1:
        low, high = 0.0, float(2**bits - 1)
    mirrored = None if window is None else (low + high - window[0], window[1])
    return low + high - values, mirrored


def _padding(stored: NDArray[Any], dataset: Dataset) -> NDArray[np.bool_] | None:
    """Mark (H, W) the pixels outside the exposed or reconstructed field, if any are named."""
    first = dataset.get("PixelPaddingValue")
    if not isinstance(first, int) or stored.dtype.kind not in "iu":
        return None
    limit = dataset.get("PixelPaddingRangeLimit")
    other = limit if isinstance(limit, int) else first
    low, high = sorted(_as_stored(value, stored.dtype) for value in (first, other))
    mask = (stored >= low) & (stored <= high)
    return None if mask.all() or not mask.any() else mask


def _as_stored(value: int, dtype: np.dtype[Any]) -> int:
    """Read a padding value with the sign of the pixels; writers often mix the two up."""
    wrapped = value % (1 << dtype.itemsize * 8)
    return int(np.array(wrapped).astype(f"u{dtype.itemsize}").astype(dtype))
