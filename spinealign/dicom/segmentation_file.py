"""Segmentations as files: which image they are of, and what they outline on it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinealign.dicom.anatomy import Structure, structure_of_code, structure_of_label
from spinealign.dicom.object_file import damage_told, object_content
from spinealign.dicom.source import SourceImage
from spinealign.domain.errors import (
    DicomObjectError,
    DicomObjectProblem,
)

if TYPE_CHECKING:
    from pydicom import Dataset

BINARY_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"
_STORAGES = (BINARY_STORAGE, LABEL_MAP_STORAGE)

MOST_BYTES = 256 << 20
"""Size of the largest segmentation that is read."""

_MOST_PIXELS = 64_000_000
_SAME_MM, _SAME_DIRECTION = 0.01, 1e-3


@dataclass(frozen=True, eq=False)
class FoundSegment:
    """One segment of a file on one image.

    Parameters
    ----------
    number : int
        Segment Number.
    label : str
        As the file has it; may be anything.
    structure : Structure
        By its code, else by its label.
    mask : ndarray of bool, shape (H, W)
        In pixels of `SpineImage`.
    """

    number: int
    label: str = field(repr=False)
    structure: Structure
    mask: NDArray[np.bool_]


class SegmentationFile:
    """A DICOM segmentation that was read.

    Parameters
    ----------
    path : Path
    dataset : pydicom.Dataset
    """

    def __init__(self, path: Path, dataset: Dataset) -> None:
        self.path, self.dataset = path, dataset

    @property
    def image_uids(self) -> frozenset[str]:
        """SOP Instance UIDs of the images that it says it was made of; empty where it is silent."""
        return frozenset(
            str(item.get("ReferencedSOPInstanceUID"))
            for item in (*self._series_instances(), *self._derived_from())
        )

    @property
    def series_uids(self) -> frozenset[str]:
        """Series Instance UIDs of these images."""
        series = self.dataset.get("ReferencedSeriesSequence") or ()
        return frozenset(str(item.get("SeriesInstanceUID")) for item in series)

    def segments_on(self, source: SourceImage) -> tuple[FoundSegment, ...]:
        """Return what is outlined on an image, segment by segment, in the order of the file.

        Raises
        ------
        DicomObjectError
            It is of another image, or on another grid, or damaged.
        """
        with damage_told(self.path, DicomObjectProblem.DAMAGED):
            source.require_patient_of(self.path, self.dataset)
            frames = [i for i in range(self._frames) if self._is_of(i, source)]
            if not frames:
                return self._nothing_on(source)
            if not self._is_on_grid(source):
                raise DicomObjectError(self.path, DicomObjectProblem.OTHER_MATRIX)
            masks = self._stored_masks(frames)
            return tuple(
                FoundSegment(
                    int(item.SegmentNumber),
                    str(item.get("SegmentLabel") or ""),
                    _structure_of(item),
                    source.mask_from_stored(masks[int(item.SegmentNumber)]),
                )
                for item in self.dataset.SegmentSequence
                if int(item.SegmentNumber) in masks
            )

    def _nothing_on(self, source: SourceImage) -> tuple[FoundSegment, ...]:
        """Return nothing where frames of an image were left out as empty, else tell what is wrong.

        Raises
        ------
        DicomObjectError
        """
        if source.sop_instance_uid not in self.image_uids:
            raise DicomObjectError(self.path, DicomObjectProblem.OTHER_IMAGE)
        if any(_names(item, source) for item in self._derived_from()):
            raise DicomObjectError(self.path, DicomObjectProblem.OTHER_MATRIX)
        return ()

    @property
    def _frames(self) -> int:
        return int(self.dataset.get("NumberOfFrames") or 1)

    @property
    def _is_label_map(self) -> bool:
        return str(self.dataset.get("SegmentationType") or "") == "LABELMAP"

    def _is_on_grid(self, source: SourceImage) -> bool:
        return (int(self.dataset.Rows), int(self.dataset.Columns)) == source.stored_shape

    def _series_instances(self) -> Iterator[Dataset]:
        for series in self.dataset.get("ReferencedSeriesSequence") or ():
            yield from series.get("ReferencedInstanceSequence") or ()

    def _derived_from(self) -> Iterator[Dataset]:
        for number in range(self._frames):
            yield from self._references_of(number)

    def _group(self, frame: int) -> Dataset | None:
        groups = self.dataset.get("PerFrameFunctionalGroupsSequence") or ()
        return groups[frame] if frame < len(groups) else None

    def _shared(self) -> Dataset | None:
        groups = self.dataset.get("SharedFunctionalGroupsSequence") or ()
        return groups[0] if groups else None

    def _references_of(self, frame: int) -> Iterator[Dataset]:
        for group in (self._group(frame), self._shared()):
            for derived in (group.get("DerivationImageSequence") or ()) if group else ():
                yield from derived.get("SourceImageSequence") or ()

    def _is_of(self, frame: int, source: SourceImage) -> bool:
        references = list(self._references_of(frame))
        if references:
            return any(_names(item, source) for item in references) and self._lies_there(
                frame, source, default=True
            )
        if source.lies_in_space:
            return self._lies_there(frame, source, default=False)
        return source.sop_instance_uid in self.image_uids and source.frames == 1

    def _lies_there(self, frame: int, source: SourceImage, *, default: bool) -> bool:
        """Whether a frame lies where the image does; `default` where one of them does not say."""
        from spinealign.imaging.dicom_numbers import numbers
        from spinealign.imaging.dicom_tags import frame_value, slice_cosines

        one, other = self.dataset, source.header
        places = []
        for dataset, number in ((one, frame), (other, (source.frame_number or 1) - 1)):
            place = frame_value(dataset, number, "PlanePositionSequence", "ImagePositionPatient")
            cosines = slice_cosines(dataset, number)
            corner = numbers(place)
            if cosines is None or len(corner) != 3:
                return default
            places.append((np.array(corner), cosines))
        if str(one.get("FrameOfReferenceUID")) != str(other.get("FrameOfReferenceUID")):
            return False
        (here, along), (there, across) = places
        return bool(
            np.abs(here - there).max() < _SAME_MM and np.abs(along - across).max() < _SAME_DIRECTION
        )

    def _stored_masks(self, frames: list[int]) -> dict[int, NDArray[np.bool_]]:
        masks: dict[int, NDArray[np.bool_]] = {}
        for frame in frames:
            values = self._pixels(frame)
            if self._is_label_map:
                present = np.unique(values).tolist()
                found = {int(number): values == number for number in present if number}
            else:
                found = {self._segment_of(frame): self._is_inside(values)}
            for number, mask in found.items():
                masks[number] = masks[number] | mask if number in masks else mask
        return {number: mask for number, mask in masks.items() if mask.any()}

    def _segment_of(self, frame: int) -> int:
        for group in (self._group(frame), self._shared()):
            for item in (group.get("SegmentIdentificationSequence") or ()) if group else ():
                return int(item.ReferencedSegmentNumber)
        raise ValueError("a frame of no segment")

    def _is_inside(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where a segment is: of a fraction, what is more likely inside than not."""
        if str(self.dataset.get("SegmentationType") or "") != "FRACTIONAL":
            return np.asarray(values > 0)
        return np.asarray(values.astype(np.int64) * 2 >= int(self.dataset.MaximumFractionalValue))

    def _pixels(self, frame: int) -> NDArray[Any]:
        from pydicom.pixels import pixel_array

        return np.asarray(pixel_array(self.dataset, index=frame))


def read_segmentation(path: Path) -> SegmentationFile:
    """Read a DICOM segmentation, binary, fractional or a label map, whoever made it.

    Raises
    ------
    DicomObjectError
        The file is not one, or is damaged.
    ImageReadError
        It cannot be read.
    """
    from pydicom import dcmread

    content = object_content(path, MOST_BYTES, DicomObjectProblem.NO_SEGMENTATION)
    with damage_told(path, DicomObjectProblem.DAMAGED):
        dataset = dcmread(io.BytesIO(content), force=True)
        is_one = str(dataset.get("SOPClassUID")) in _STORAGES
        if not is_one:
            raise DicomObjectError(path, DicomObjectProblem.NO_SEGMENTATION)
        if int(dataset.Rows) * int(dataset.Columns) > _MOST_PIXELS or not dataset.SegmentSequence:
            raise DicomObjectError(path, DicomObjectProblem.DAMAGED)
        dataset.decode()
        return SegmentationFile(path, dataset)


def _names(reference: Dataset, source: SourceImage) -> bool:
    if str(reference.get("ReferencedSOPInstanceUID")) != source.sop_instance_uid:
        return False
    stated = reference.get("ReferencedFrameNumber")
    if stated is None or source.frame_number is None:
        return True
    numbers = [stated] if isinstance(stated, int | float | str) else list(stated)
    return source.frame_number in [int(number) for number in numbers]


def _structure_of(segment: Dataset) -> Structure:
    """Return what a segment is: by its type, its anatomic region, or else its label."""
    for keyword in (
        "SegmentedPropertyTypeCodeSequence", "PrimaryAnatomicStructureSequence",
        "AnatomicRegionSequence",
    ):  # fmt: skip
        for item in segment.get(keyword) or ():
            scheme = str(item.get("CodingSchemeDesignator") or "")
            found = structure_of_code(str(item.get("CodeValue") or ""), scheme)
            named = structure_of_label(str(segment.get("SegmentLabel") or ""))
            if found is not None and found.level is None and named.kind is found.kind:
                return named  # "vertebra", and its label says which
            if found is not None:
                return found
    return structure_of_label(str(segment.get("SegmentLabel") or ""))
