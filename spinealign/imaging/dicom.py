"""DICOM files: one frame as a `SpineImage`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import BinaryIO

import numpy as np
from pydicom import Dataset

from spinealign.domain.formats import DICOM
from spinealign.domain.image import (
    ImagePart,
    NoteKind,
    PatientPlane,
    ReaderNote,
    SpineImage,
    Weighting,
)
from spinealign.domain.study import said_weighting, says_bent
from spinealign.imaging import dicom_tags
from spinealign.imaging.decoding import checksum, make_image, make_square
from spinealign.imaging.dicom_age import patient_age_years
from spinealign.imaging.dicom_decompress import stream_notes
from spinealign.imaging.dicom_grey import to_grey
from spinealign.imaging.dicom_identifiers import dicom_identifiers
from spinealign.imaging.dicom_kind import is_capture, says_burned_in, stated_kind
from spinealign.imaging.dicom_numbers import numbers
from spinealign.imaging.dicom_pixels import (
    check_pixels,
    decode_frame,
    frame_count,
    inflated,
    load_completed,
)
from spinealign.imaging.orientation import (
    Turn,
    film_turn,
    letter_cosines,
    main_directions,
    slice_turn,
)
from spinealign.imaging.patient_planes import stored_plane, turned_plane

_SLICED_MODALITIES = frozenset(("CT", "MR", "PT", "NM"))
_SIDES = frozenset("LRB")
_MAY_BE_MR = frozenset(("MR", ""))
_WEIGHTING_KEYWORDS = ("AcquisitionContrast", "SeriesDescription", "ProtocolName")
"""Where an MR file may state its contrast, the attribute for it (DICOM PS3.3 C.8.13.3.1) first."""


def read_dicom(part: ImagePart, file: BinaryIO) -> SpineImage:
    """Read one frame of a DICOM file, with or without preamble.

    Of several frames the middle one is taken when `part` names none. Size,
    compression and presence of pixels are checked before anything is decoded.

    Raises
    ------
    ImageReadError
        The object holds no picture that can be analysed.
    Exception
        Anything that pydicom and its decoders raise on damaged bytes.
    """
    sha256 = checksum(file)
    plain = inflated(part.path, file)
    dataset, notes = load_completed(part.path, plain)
    return frame_image(part, sha256, dataset, plain, notes)


def open_dicom(whole: ImagePart, file: BinaryIO) -> Callable[[ImagePart], SpineImage]:
    """Parse a file once and return what reads each of its frames."""
    sha256 = checksum(file)
    plain = inflated(whole.path, file)
    dataset, notes = load_completed(whole.path, plain)
    return lambda part: frame_image(part, sha256, dataset, plain, notes)


def frame_image(
    part: ImagePart,
    sha256: str,
    dataset: Dataset,
    file: BinaryIO,
    notes: tuple[ReaderNote, ...] = (),
) -> SpineImage:
    """Return the frame that `part` names, or the middle one, of a data set already read.

    `notes` are those on the data set as a whole.
    """
    frames = frame_count(dataset)
    frame = frames // 2 if part.index is None else part.index
    check_pixels(part.path, file, dataset, frame)
    grey = to_grey(decode_frame(file, dataset, frame), dataset, frame)
    turn = display_turn(dataset, frame)
    spacing_mm, source, spacing_notes = dicom_tags.pixel_spacing(dataset, frame)
    possible, kind_notes = dicom_tags.possible_examinations(dataset, frame)
    if possible and is_capture(dataset):
        possible = None
    aspect = 1.0 if spacing_mm is not None else dicom_tags.pixel_aspect(dataset)
    values, square_notes = make_square(part.path, grey.values, aspect)
    windows = grey.windows
    return make_image(
        part,
        sha256,
        np.ascontiguousarray(turn.apply(values)),
        grey.bits,
        spacing_mm=None if spacing_mm is None else turn.swapped(spacing_mm),
        spacing_source=source,
        window=(windows[0].centre, windows[0].width) if windows else None,
        windows=windows,
        modality=str(dataset.get("Modality") or "") or None,
        is_hounsfield=grey.is_hounsfield,
        possible_examinations=possible,
        stated_kind=stated_kind(dataset, frame),
        burned_in=says_burned_in(dataset),
        file_format=DICOM.name,
        orientation=turn.directions,
        patient_plane=turned_plane(
            _stored_plane(dataset, frame, spacing_mm), turn, turn.apply(values).shape
        ),
        laterality=_laterality(dataset),
        dicom=dicom_identifiers(dataset, frame, frames),
        patient_age_years=patient_age_years(dataset),
        is_bent=says_bent(_words_of(dataset, dicom_tags.RADIOGRAPH_MODALITIES)),
        weighting=_weighting(dataset),
        notes=(
            *_frame_notes(part, frames, frame),
            *notes,
            *stream_notes(dataset, frame, frames),
            *dicom_tags.number_notes(dataset, frame),
            *grey.notes,
            *square_notes,
            *((ReaderNote(NoteKind.TURNED),) if turn else ()),
            *spacing_notes,
            *kind_notes,
        ),
    )


def _stored_plane(
    dataset: Dataset, frame: int, spacing_mm: tuple[float, float] | None
) -> PatientPlane | None:
    place = dicom_tags.frame_value(dataset, frame, "PlanePositionSequence", "ImagePositionPatient")
    cosines = dicom_tags.slice_cosines(dataset, frame)
    uid = dicom_identifiers(dataset, frame, 1).frame_of_reference_uid
    return stored_plane(uid, numbers(place), cosines, spacing_mm)


def display_turn(dataset: Dataset, frame: int) -> Turn:
    """Return how a frame is turned for the screen.

    Slices go by their position in space, or by their stated directions; radiographs,
    whose directions count from the stored pixels too, are only brought head up.
    """
    cosines = dicom_tags.slice_cosines(dataset, frame)
    if cosines is not None:
        return slice_turn(cosines)
    stated = dataset.get("PatientOrientation") or ()
    directions = None if isinstance(stated, str) else main_directions(stated)
    if directions is None:
        return Turn()
    if dataset.get("Modality") in _SLICED_MODALITIES and not dicom_tags.is_localizer(dataset):
        return slice_turn(letter_cosines(directions))
    return film_turn(directions)


def _words_of(
    dataset: Dataset, modalities: Collection[str], keyword: str = "SeriesDescription"
) -> str:
    """Return what a file says in its own words; damaged bytes must not keep it from being read.

    Of other modalities nothing: "flex" names coils and sequences of MR, "T1" a vertebra. A
    modality that is not stated is "".
    """
    if (dataset.get("Modality") or "") not in modalities:
        return ""
    try:
        return str(dataset.get(keyword) or "")
    except Exception:  # noqa: BLE001 - decoders raise anything on damaged bytes
        return ""


def _weighting(dataset: Dataset) -> Weighting | None:
    """Return the contrast that an MR file states: in its attribute, else in its words."""
    stated = (_words_of(dataset, _MAY_BE_MR, keyword) for keyword in _WEIGHTING_KEYWORDS)
    return next((found for words in stated if (found := said_weighting(words))), None)


def _laterality(dataset: Dataset) -> str:
    stated = dataset.get("ImageLaterality") or dataset.get("Laterality") or ""
    return str(stated) if stated in _SIDES else ""


def _frame_notes(part: ImagePart, frames: int, frame: int) -> tuple[ReaderNote, ...]:
    if frames == 1 or part.index is not None:
        return ()
    return (ReaderNote(NoteKind.FRAME_TAKEN, (frame + 1, frames)),)
