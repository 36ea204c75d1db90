"""The image that objects refer to: its header, and where its pixels lie in what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinealign.dicom.picture import made_picture
from spinealign.domain.dicom_choices import DicomChoices, is_uid_root
from spinealign.domain.errors import DicomObjectError, DicomObjectProblem
from spinealign.domain.formats import DICOM
from spinealign.domain.image import SpineImage
from spinealign.imaging.decoding import checksum, translated_errors
from spinealign.imaging.orientation import Turn
from spinealign.imaging.source import opened

if TYPE_CHECKING:
    from pydicom import Dataset

Points = NDArray[np.float64]

_NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_EMPTY_IF_ABSENT = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID",
    "StudyDate", "StudyTime", "ReferringPhysicianName",
)  # fmt: skip
"""Attributes of patient and study that an object must have and may leave empty (type 2)."""


@dataclass(frozen=True, eq=False)
class SourceImage:
    """One frame that objects refer to.

    Parameters
    ----------
    header : pydicom.Dataset
        Of the image, without pixels; texts are in Unicode, and attributes of patient and study
        that the file lacks are empty. Not to be changed.
    frame_number : int or None
        Counted from 1; None where the image has one frame.
    turn : Turn
        From the stored pixels to those of `SpineImage`.
    shape : tuple of int
        (rows, columns) of `SpineImage.pixels`.
    is_made : bool
        Whether the image is no DICOM file, and a secondary capture of it stands for it.
    """

    header: Dataset
    frame_number: int | None
    turn: Turn
    shape: tuple[int, int]
    is_made: bool = False

    @property
    def sop_class_uid(self) -> str:
        """Of the image."""
        return str(self.header.SOPClassUID)

    @property
    def sop_instance_uid(self) -> str:
        """Of the image."""
        return str(self.header.SOPInstanceUID)

    @property
    def stored_shape(self) -> tuple[int, int]:
        """(rows, columns) of the stored frame."""
        rows, cols = self.turn.swapped(self.shape)
        return int(rows), int(cols)

    @property
    def frames(self) -> int:
        """How many the image has."""
        return int(self.header.get("NumberOfFrames") or 1)

    @property
    def lies_in_space(self) -> bool:
        """Whether the frame states frame of reference, place, directions and spacing."""
        from spinealign.imaging.dicom_numbers import numbers
        from spinealign.imaging.dicom_tags import frame_value, slice_cosines

        frame = (self.frame_number or 1) - 1
        stated = [
            frame_value(self.header, frame, "PlanePositionSequence", "ImagePositionPatient"),
            frame_value(self.header, frame, "PixelMeasuresSequence", "PixelSpacing"),
        ]
        return (
            bool(self.header.get("FrameOfReferenceUID"))
            and slice_cosines(self.header, frame) is not None
            and all(len(numbers(value)) > 1 for value in stated)
        )

    def require_patient_of(self, path: Path, dataset: Dataset) -> None:
        """Refuse an object of another patient, whatever image it refers to.

        Parameters
        ----------
        path : Path
            Of the object.
        dataset : pydicom.Dataset

        Raises
        ------
        DicomObjectError
            ``OTHER_PATIENT``. What image or object does not state is not compared.
        """
        from spinealign.imaging.dicom_identifiers import patient_key

        if patient_key(dataset).is_other_patient_than(patient_key(self.header)):
            raise DicomObjectError(path, DicomObjectProblem.OTHER_PATIENT)

    def mask_to_stored(self, mask: NDArray[Any]) -> NDArray[Any]:
        """Return an array (H, W) in pixels of `SpineImage` as one in stored pixels, bit by bit."""
        return np.ascontiguousarray(self.turn.undo(mask))

    def mask_from_stored(self, mask: NDArray[Any]) -> NDArray[Any]:
        """Return an array in stored pixels as one (H, W) in pixels of `SpineImage`."""
        return np.ascontiguousarray(self.turn.apply(mask))

    def points_to_stored(self, points: Sequence[tuple[float, float]] | Points) -> Points:
        """Return points (x, y) of `SpineImage` in stored pixels, shape (N, 2).

        Pixel i covers i to i + 1 in both, as in SCOORD and graphics of presentation states
        (PS3.3 C.18.6.1.1, C.10.5.1.2).
        """
        return self._flipped(np.array(points, np.float64).reshape(-1, 2), is_back=True)

    def points_from_stored(self, points: Sequence[tuple[float, float]] | Points) -> Points:
        """Return points (column, row) of the stored frame in pixels of `SpineImage`."""
        return self._flipped(np.array(points, np.float64).reshape(-1, 2), is_back=False)

    def _flipped(self, points: Points, *, is_back: bool) -> Points:
        rows, cols = self.shape
        moved = points[:, ::-1] if self.turn.swaps and not is_back else points.copy()
        moved = moved.copy()
        if self.turn.flips_cols:
            moved[:, 0] = cols - moved[:, 0]
        if self.turn.flips_rows:
            moved[:, 1] = rows - moved[:, 1]
        return moved[:, ::-1].copy() if self.turn.swaps and is_back else moved


def source_of(image: SpineImage, choices: DicomChoices | None = None) -> SourceImage:
    """Return what objects about an image refer to.

    Parameters
    ----------
    image : SpineImage
        Of a DICOM file, or any other: then `choices.patient` says whose it is, and a secondary
        capture of the picture stands for it, the same one at every call.
    choices : DicomChoices, optional

    Raises
    ------
    DicomObjectError
        The image is no DICOM file and nobody said whose it is; its file has changed, or does not
        say which study it is of; or its pixels were stretched to be square, so that no mask can
        be brought back to them bit by bit.
    ImageReadError
        The file cannot be read any more.
    """
    chosen = choices or DicomChoices()
    if not is_uid_root(chosen.uid_root):
        raise DicomObjectError(image.source_path, DicomObjectProblem.FAULTY_ROOT)
    if image.file_format != DICOM.name:
        header = made_picture(image, chosen)
        del header.PixelData
        return SourceImage(header, None, Turn(), image.shape, is_made=True)
    return _of_file(image)


def sources_of(
    images: Sequence[SpineImage], choices: DicomChoices | None = None
) -> tuple[SourceImage, ...]:
    """Return what objects about the slices of a volume refer to, in their order."""
    return tuple(source_of(image, choices) for image in images)


def _of_file(image: SpineImage) -> SourceImage:
    from spinealign.imaging.dicom import display_turn
    from spinealign.imaging.dicom_pixels import frame_count, inflated, load_dataset

    place = image.place
    with translated_errors(place.path), opened(place) as file:
        if checksum(file) != image.sha256:
            raise DicomObjectError(place.path, DicomObjectProblem.FILE_CHANGED)
        plain = inflated(place.path, file)
        dataset = load_dataset(place.path, plain)
        frames = frame_count(dataset)
        stated = None if image.dicom is None else image.dicom.frame_number
        frame_number = (stated or 1) if frames > 1 else None
        turn = display_turn(dataset, (frame_number or 1) - 1)
        shape = turn.swapped((int(dataset.Rows), int(dataset.Columns)))
        header = _settled(dataset)
        _complete_identity(header, dataset)
    missing = tuple(keyword for keyword in _NEEDED if not header.get(keyword))
    if not dataset.get("SOPClassUID") and _is_of_another_class(header):
        missing = ("SOPClassUID", *missing)
    if missing:
        raise DicomObjectError(place.path, DicomObjectProblem.NO_IDENTIFIERS, missing)
    if shape != image.shape:
        raise DicomObjectError(place.path, DicomObjectProblem.RESAMPLED)
    return SourceImage(header, frame_number, turn, image.shape)


def lacking_keyword(error: Exception) -> tuple[str, ...]:
    """Return the attribute that an image lacks, as a library complains; empty where it is another.

    Only names of the standard's attributes are told: what else a library says may quote values of
    the patient.
    """
    from pydicom.datadict import tag_for_keyword

    name = getattr(error, "name", None)
    return (name,) if isinstance(name, str) and tag_for_keyword(name) is not None else ()


def _complete_identity(header: Dataset, dataset: Dataset) -> None:
    """Take class and identifier from the file meta information where the data set lost them."""
    meta = dataset.file_meta
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        stated = meta.get(f"MediaStorage{keyword}")
        if stated and not header.get(keyword):
            setattr(header, keyword, stated)


def _is_of_another_class(header: Dataset) -> bool:
    """Whether a class that only the file meta information states cannot be that of the data set.

    Classes of enhanced images demand functional groups (PS3.3, C.7.6.16).
    """
    from pydicom.uid import UID

    is_enhanced = "Enhanced" in UID(str(header.get("SOPClassUID") or "")).name
    return is_enhanced and "SharedFunctionalGroupsSequence" not in header


def _settled(dataset: Dataset) -> Dataset:
    """Return a header without pixels and large values, its texts decoded, for objects in UTF-8."""
    from pydicom import Dataset

    from spinealign.imaging.dicom_tags import text_of

    header = Dataset()
    for element in dataset:
        is_pixels = element.tag.group == 0x7FE0 or element.tag.group & 0xFF00 in (0x5000, 0x6000)
        if not (is_pixels or element.tag.is_private or element.VR in ("OB", "OW", "UN")):
            header[element.tag] = element
    for keyword in _EMPTY_IF_ABSENT:
        setattr(header, keyword, text_of(header.get(keyword)))
    header.SpecificCharacterSet = "ISO_IR 192"
    return header
