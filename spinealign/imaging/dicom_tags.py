"""What DICOM tags say about one frame: spacing, window, and which examinations are possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableSequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.examination import Examination, Modality, Plane, examinations_of
from spinealign.domain.image import MAX_ASPECT, NoteKind, ReaderNote, SpacingSource
from spinealign.imaging.decoding import is_factor, is_offset
from spinealign.imaging.dicom_numbers import is_irregular, is_stated, numbers

if TYPE_CHECKING:
    from pydicom import Dataset

Spacing = tuple[float, float]

RADIOGRAPH_MODALITIES = frozenset(("CR", "DX", "RG", "XR"))
_MODALITIES = {
    **dict.fromkeys(RADIOGRAPH_MODALITIES, Modality.RADIOGRAPH),
    "CT": Modality.CT,
    "MR": Modality.MR,
}
_PROJECTION_MODALITIES = RADIOGRAPH_MODALITIES | {"RF", "XA", "MG", "IO", "PX"}
_LEFT_ESCAPE = "\x1b$)A"
"""Designates GB 2312 in texts of ISO 2022 IR 58; pydicom 3.0.2 leaves it in what it decodes."""

_CALIBRATIONS = ("GEOMETRY", "FIDUCIAL")
_MAX_MAGNIFICATION = 3.0
_LEAST_PIXEL_MM, _LARGEST_PIXEL_MM = 1e-4, 100.0
"""No picture of a body has smaller or larger pixels; set by hand, ten times beyond any scanner."""

_PIXEL_MEASURES, _RESCALE = "PixelMeasuresSequence", "PixelValueTransformationSequence"


def _are_sizes(found: tuple[float, ...]) -> bool:
    if len(found) != 2 or not _LEAST_PIXEL_MM <= min(found) <= max(found) <= _LARGEST_PIXEL_MM:
        return False
    return max(found) <= MAX_ASPECT * min(found)


def _are_directions(found: tuple[float, ...]) -> bool:
    return len(found) == 6 and bool(_cross(list(found[:3]), list(found[3:])).any())


_STATED: Mapping[str, tuple[str, Callable[[tuple[float, ...]], bool]]] = {
    "PixelSpacing": (_PIXEL_MEASURES, _are_sizes),
    "ImagerPixelSpacing": (_PIXEL_MEASURES, _are_sizes),
    "NominalScannedPixelSpacing": (_PIXEL_MEASURES, _are_sizes),
    "PixelAspectRatio": (_PIXEL_MEASURES, lambda found: len(found) == 2 and min(found) > 0),
    "EstimatedRadiographicMagnificationFactor": (_PIXEL_MEASURES, lambda found: len(found) == 1),
    "ImageOrientationPatient": ("PlaneOrientationSequence", _are_directions),
    "ImagePositionPatient": ("PlanePositionSequence", lambda found: len(found) == 3),
    "RescaleSlope": (_RESCALE, lambda found: len(found) == 1 and is_factor(found[0])),
    "RescaleIntercept": (_RESCALE, lambda found: len(found) == 1 and is_offset(found[0])),
    "PixelPaddingValue": ("", lambda found: len(found) == 1 and found[0].is_integer()),
    "WindowCenter": ("FrameVOILUTSequence", lambda found: len(found) > 0),
    "WindowWidth": ("FrameVOILUTSequence", lambda found: len(found) > 0 and max(found) > 0),
}
"""Numbers that a picture depends on: functional group, and whether what was read can be used."""

_PLANES = (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)
"""Across the patient's axes to the left, the back and the head."""


def frame_value(dataset: Dataset, frame: int, group: str, keyword: str) -> Any:
    """Look an attribute up in the functional groups of `frame`, then at the top.

    Enhanced multi-frame objects keep spacing, orientation, window and rescale in
    functional groups, per frame or shared by all (PS3.3 C.7.6.16). What such an object
    states at the top as well is of no frame in particular.

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
    places: list[Dataset] = []
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for item in [*per_frame[frame : frame + 1], *shared[:1]]:
        places.extend((item.get(group) or [])[:1])
    values = (place.get(keyword) for place in (*places, dataset))
    return next((value for value in values if value not in (None, "", [])), None)


def pixel_spacing(
    dataset: Dataset, frame: int
) -> tuple[Spacing | None, SpacingSource, tuple[ReaderNote, ...]]:
    """Find out how large a pixel is, and in which plane (PS3.3 section 10.7).

    A radiograph is magnified, so its spacing holds in the detector's plane unless
    the file says that it was calibrated, or estimates the magnification itself.

    Returns
    -------
    spacing_mm : tuple of float or None
        (row spacing, column spacing), vertical first.
    source : SpacingSource
    notes : tuple of ReaderNote
    """
    patient = _spacing(frame_value(dataset, frame, "PixelMeasuresSequence", "PixelSpacing"))
    detector = _spacing(dataset.get("ImagerPixelSpacing"))
    if patient is None:
        # A digitised film states the size of its pixels on the film (PS3.3 C.8.6.1).
        on_film = detector or _spacing(dataset.get("NominalScannedPixelSpacing"))
        return _at_detector(dataset, on_film)
    is_projection = dataset.get("Modality") in _PROJECTION_MODALITIES or detector is not None
    if not is_projection:
        return patient, SpacingSource.PATIENT_PLANE, ()
    calibration = str(dataset.get("PixelSpacingCalibrationType") or "").upper()
    differs = detector is not None and not np.allclose(patient, detector, rtol=1e-4)
    if differs or calibration in _CALIBRATIONS:
        how = calibration if calibration in _CALIBRATIONS else ""
        return patient, SpacingSource.CALIBRATED, (ReaderNote(NoteKind.CALIBRATED, (how,)),)
    return _at_detector(dataset, patient)


def _at_detector(
    dataset: Dataset, spacing_mm: Spacing | None
) -> tuple[Spacing | None, SpacingSource, tuple[ReaderNote, ...]]:
    """Take the magnification out of a spacing on the detector, where the file states it."""
    if spacing_mm is None:
        return None, SpacingSource.UNKNOWN, ()
    factors = numbers(dataset.get("EstimatedRadiographicMagnificationFactor"))
    if len(factors) != 1 or not 1 < factors[0] <= _MAX_MAGNIFICATION:
        return spacing_mm, SpacingSource.DETECTOR_PLANE, ()
    factor = factors[0]
    note = ReaderNote(NoteKind.DEMAGNIFIED, (f"{factor:.3g}",))
    rows_mm, cols_mm = spacing_mm
    return (rows_mm / factor, cols_mm / factor), SpacingSource.DEMAGNIFIED, (note,)


def pixel_aspect(dataset: Dataset) -> float:
    """Return height by width of a pixel whose size is unknown (PS3.3 C.7.6.3.1.7); else 1."""
    sizes = numbers(dataset.get("PixelAspectRatio"))
    return sizes[0] / sizes[1] if len(sizes) == 2 and min(sizes) > 0 else 1.0


def _spacing(value: Any) -> Spacing | None:
    sizes = numbers(value)
    return (sizes[0], sizes[1]) if _are_sizes(sizes) else None


def number_notes(dataset: Dataset, frame: int) -> tuple[ReaderNote, ...]:
    """Name the numbers that a frame states in a form that was repaired, or cannot be used."""
    notes = (_number_note(dataset, frame, keyword) for keyword in _STATED)
    return tuple(note for note in notes if note is not None)


def _number_note(dataset: Dataset, frame: int, keyword: str) -> ReaderNote | None:
    group, is_usable = _STATED[keyword]
    value = frame_value(dataset, frame, group, keyword)
    if not is_stated(value):
        return None
    found = numbers(value)
    if not is_usable(found):
        return ReaderNote(NoteKind.NUMBER_LEFT_OUT, (keyword,))
    if not is_irregular(value):
        return None
    return ReaderNote(NoteKind.NUMBER_REPAIRED, (keyword, ", ".join(f"{n:g}" for n in found)))


def text_of(value: Any) -> str:
    """Return an attribute as text; empty without one. A backslash in a text parts no values."""
    is_parted = isinstance(value, MutableSequence)
    text = "\\".join(map(str, value)) if is_parted else str(value or "")
    return text.replace(_LEFT_ESCAPE, "")


def is_localizer(dataset: Dataset) -> bool:
    """Tell whether the picture is a scout for planning."""
    return any("LOCALIZER" in word for word in image_type(dataset))


def modality_of(dataset: Dataset) -> Modality | None:
    """Return the modality that the tags name, None for those of no examination."""
    return _MODALITIES.get(str(dataset.get("Modality") or "").strip().upper())


def possible_examinations(
    dataset: Dataset, frame: int
) -> tuple[tuple[Examination, ...] | None, tuple[ReaderNote, ...]]:
    """Tell which examinations modality and plane in the tags allow.

    Returns
    -------
    examinations : tuple of Examination or None
        None when the file names no modality.
    notes : tuple of ReaderNote
        Why a CT or MR picture is of no kind that can be analysed.
    """
    if not dataset.get("Modality"):
        return None, ()
    modality = modality_of(dataset)
    if modality is None:
        return (), ()
    if modality is Modality.RADIOGRAPH:
        return examinations_of(modality), ()
    return _possible_of_slice(dataset, frame, modality)


def _possible_of_slice(
    dataset: Dataset, frame: int, modality: Modality
) -> tuple[tuple[Examination, ...], tuple[ReaderNote, ...]]:
    name = modality.value.upper()
    if modality is Modality.CT and is_localizer(dataset):
        return (), (ReaderNote(NoteKind.LOCALIZER, (name,)),)
    if "PROJECTION IMAGE" in image_type(dataset):
        return (), (ReaderNote(NoteKind.PROJECTION, (name,)),)
    plane = slice_plane(dataset, frame)
    planes = tuple(Plane) if plane is None else (plane,)
    found = examinations_of(modality, planes)
    if found:
        return found, ()
    needed = " or ".join(dict.fromkeys(each.plane for each in examinations_of(modality)))
    return (), (ReaderNote(NoteKind.OTHER_PLANE, (str(plane), name, needed)),)


def slice_plane(dataset: Dataset, frame: int) -> Plane | None:
    """Return the plane that is nearest, or None if unknown."""
    cosines = slice_cosines(dataset, frame)
    if cosines is None:
        return None
    return _PLANES[int(np.abs(normal_of(cosines)).argmax())]


def slice_cosines(dataset: Dataset, frame: int) -> NDArray[np.float64] | None:
    """Return the directions of a slice's rows and columns, or None if unknown.

    Returns
    -------
    ndarray of float64, shape (2, 3), or None
        Towards the patient's left, back and head: along a row (to the right in the
        stored picture), then along a column (downwards).
    """
    cosines = numbers(
        frame_value(dataset, frame, "PlaneOrientationSequence", "ImageOrientationPatient")
    )
    if len(cosines) != 6:
        return None
    pair = np.array(cosines).reshape(2, 3)
    return pair if _cross(*pair.tolist()).any() else None


def normal_of(cosines: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the unit normal, shape (3,), of a slice with these directions (2, 3)."""
    normal = _cross(*cosines.tolist())
    return np.asarray(normal / np.sqrt(normal @ normal), np.float64)


def _cross(a: list[float], b: list[float]) -> NDArray[np.float64]:
    # `np.cross` takes a fifth of the time that a folder with thousands of slices takes.
    return np.array(
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    )


def special_kind(dataset: Dataset) -> tuple[bool, bool]:
    """Tell scouts and projections, which are never slices of the volume beside them."""
    return is_localizer(dataset), "PROJECTION IMAGE" in image_type(dataset)


def image_type(dataset: Dataset) -> tuple[str, ...]:
    """Return the words for the kind of image (PS3.3 C.7.6.1.1.2)."""
    value = dataset.get("ImageType") or ()
    return (value,) if isinstance(value, str) else tuple(str(word) for word in value)
