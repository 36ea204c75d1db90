"""What DICOM tags say about one frame: spacing, window, and which view it shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spinealign.domain.image import SpacingSource, View

if TYPE_CHECKING:
    from pydicom import Dataset

Spacing = tuple[float, float]

_RADIOGRAPH_MODALITIES = frozenset(("CR", "DX", "RG", "XR"))
_PROJECTION_MODALITIES = _RADIOGRAPH_MODALITIES | {"RF", "XA", "MG", "IO", "PX"}
_AXES = ("sagittal", "coronal", "axial")


def frame_value(dataset: Dataset, frame: int, group: str, keyword: str) -> Any:
    """Look an attribute up at the top, then in the functional groups of `frame`.

    Enhanced multi-frame objects keep spacing, orientation, window and rescale in
    functional groups, per frame or shared by all (PS3.3 C.7.6.16).

    Parameters
    ----------
    group : str
        Keyword of the functional group's sequence.
    keyword : str
        Keyword of the attribute inside it.

    Returns
    -------
    object
        None when it is absent or empty everywhere.
    """
    places = [dataset]
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for item in [*per_frame[frame : frame + 1], *shared[:1]]:
        places.extend((item.get(group) or [])[:1])
    values = (place.get(keyword) for place in places)
    return next((value for value in values if value not in (None, "", [])), None)


def pixel_spacing(
    dataset: Dataset, frame: int
) -> tuple[Spacing | None, SpacingSource, tuple[str, ...]]:
    """Find out how large a pixel is, and in which plane (PS3.3 section 10.7).

    A radiograph is magnified, so its spacing holds in the detector's plane unless
    the file says that it was calibrated.

    Returns
    -------
    spacing_mm : tuple of float or None
        (row spacing, column spacing), vertical first.
    source : SpacingSource
    notes : tuple of str
    """
    patient = _spacing(frame_value(dataset, frame, "PixelMeasuresSequence", "PixelSpacing"))
    detector = _spacing(dataset.get("ImagerPixelSpacing"))
    calibration = str(dataset.get("PixelSpacingCalibrationType") or "").upper()
    if patient is None:
        source = SpacingSource.UNKNOWN if detector is None else SpacingSource.DETECTOR_PLANE
        return detector, source, ()
    is_projection = dataset.get("Modality") in _PROJECTION_MODALITIES or detector is not None
    if not is_projection:
        return patient, SpacingSource.PATIENT_PLANE, ()
    differs = detector is not None and not np.allclose(patient, detector, rtol=1e-4)
    if differs or calibration in ("GEOMETRY", "FIDUCIAL"):
        return patient, SpacingSource.CALIBRATED, _calibration_notes(calibration)
    return patient, SpacingSource.DETECTOR_PLANE, ()


def _calibration_notes(calibration: str) -> tuple[str, ...]:
    how = {
        "GEOMETRY": "by the geometry of the exposure",
        "FIDUCIAL": "on an object of known size",
    }.get(calibration, "in a way that the file does not state")
    return (f"The pixel spacing was calibrated {how}.",)


def _spacing(value: Any) -> Spacing | None:
    numbers = _numbers(value)
    if len(numbers) != 2 or min(numbers) <= 0:
        return None
    return numbers[0], numbers[1]


def _numbers(value: Any) -> tuple[float, ...]:
    """Return the finite numbers of an attribute; empty when any is not a number."""
    if value is None:
        return ()
    parts = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    try:
        numbers = tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        return ()
    return numbers if all(map(math.isfinite, numbers)) else ()


def display_window(dataset: Dataset, frame: int) -> tuple[float, float] | None:
    """Return the first (centre, width) that the file asks for, or None."""
    centre = _numbers(frame_value(dataset, frame, "FrameVOILUTSequence", "WindowCenter"))
    width = _numbers(frame_value(dataset, frame, "FrameVOILUTSequence", "WindowWidth"))
    if not centre or not width or width[0] <= 0:
        return None
    return centre[0], width[0]


def is_localizer(dataset: Dataset) -> bool:
    """Tell whether the picture is a scout for planning."""
    return any("LOCALIZER" in word for word in _image_type(dataset))


def view_hint(dataset: Dataset, frame: int) -> tuple[View | None, tuple[str, ...]]:
    """Tell which view the tags imply; None when the file names no modality.

    Returns
    -------
    view : View or None
    notes : tuple of str
        Why a CT or MR picture is not one of the views that can be analysed.
    """
    modality = dataset.get("Modality")
    if not modality:
        return None, ()
    if modality in _RADIOGRAPH_MODALITIES:
        return View.XRAY, ()
    if modality == "CT":
        return _sliced_view(dataset, frame, View.CT, "axial")
    if modality == "MR":
        return _sliced_view(dataset, frame, View.MR, "sagittal")
    return View.OTHER, ()


def _sliced_view(
    dataset: Dataset, frame: int, view: View, plane: str
) -> tuple[View, tuple[str, ...]]:
    name = view.value.upper()
    if view is View.CT and is_localizer(dataset):
        return View.OTHER, ("CT localizer, not a slice.",)
    if "PROJECTION IMAGE" in _image_type(dataset):
        return View.OTHER, (f"{name} projection, not a slice.",)
    found = slice_plane(dataset, frame)
    if found in (plane, None):
        return view, ()
    return View.OTHER, (f"{found.capitalize()} {name} slice; {plane} ones are analysed.",)


def slice_plane(dataset: Dataset, frame: int) -> str | None:
    """Return "sagittal", "coronal" or "axial", whichever is nearest, or None if unknown."""
    cosines = _numbers(
        frame_value(dataset, frame, "PlaneOrientationSequence", "ImageOrientationPatient")
    )
    if len(cosines) != 6:
        return None
    normal = np.abs(np.cross(cosines[:3], cosines[3:]))
    return _AXES[int(normal.argmax())] if normal.max() > 0 else None


def _image_type(dataset: Dataset) -> list[str]:
    value = dataset.get("ImageType") or []
    return [value] if isinstance(value, str) else [str(word) for word in value]
