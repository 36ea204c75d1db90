"""Segmentations: what was outlined, coded, on the stored frames of the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinealign import __version__
from spinealign.dicom.anatomy import (
    ANATOMICAL_STRUCTURE,
    PRIVATE_SCHEME,
    CodedConcept,
    anatomy_code,
)
from spinealign.dicom.identifiers import Tracking, new_uid, tracking_of
from spinealign.dicom.objects import SERIAL_NUMBER, SeriesNumber, object_bytes
from spinealign.dicom.own_state import add_own_state
from spinealign.dicom.picture import MANUFACTURER, SECONDARY_CAPTURE
from spinealign.dicom.segments import (
    Algorithm,
    Segment,
    algorithm_of,
    class_segments,
    outlining_algorithm,
    segments_of,
)
from spinealign.dicom.source import SourceImage, lacking_keyword
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.errors import DicomObjectError, DicomObjectProblem
from spinealign.domain.findings import Analysis, Vertebra, VertebraState
from spinealign.domain.study import SegmentedVolume

if TYPE_CHECKING:
    from pydicom import Dataset

_MOST_BYTES = 1 << 30
"""Of the frames of one image as masks: a segmentation of one frame is made in the room of all."""

_OF_SPACE = (
    "PixelSpacing", "FrameOfReferenceUID", "NumberOfFrames", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)  # fmt: skip
_PRIVATE_SCHEME_NAME = "SpineAlign measures, grades and states of a reading"


def segmentation_bytes(
    analysis: Analysis, source: SourceImage, choices: DicomChoices | None = None
) -> bytes:
    """Return what was outlined on an image as a DICOM segmentation.

    Parameters
    ----------
    analysis : Analysis
        With a person's changes, where there are any: bodies that a person changed say
        SEMIAUTOMATIC, those that a person drew MANUAL.
    source : SourceImage
        Of the analysed image.
    choices : DicomChoices, optional

    Raises
    ------
    DicomObjectError
        Nothing was outlined, the image has too many frames, or its tags contradict each other.
    """
    return object_bytes(segmentation_of(analysis, source, choices))


def segmentation_of(
    analysis: Analysis, source: SourceImage, choices: DicomChoices | None = None
) -> Dataset:
    """Return the segmentation of an analysis as a data set; see `segmentation_bytes`."""
    chosen = choices or DicomChoices()
    path = analysis.image.source_path
    segments = segments_of(analysis)
    if not segments:
        raise DicomObjectError(path, DicomObjectProblem.NOTHING_OUTLINED)
    algorithm = outlining_algorithm(analysis)
    by_name = {body.name: body for body in analysis.vertebrae}
    parts = [
        _Part(one.key, one.code, _how(one, by_name.get(one.key)),
              tracking_of(source.sop_instance_uid, source.frame_number, algorithm.tracking_name,
                          one.key, chosen.uid_root))
        for one in segments
    ]  # fmt: skip
    labels = np.zeros(source.shape, np.uint8)
    for number, one in enumerate(segments, start=1):
        labels[one.mask] = number
    stored = source.mask_to_stored(labels)[np.newaxis]
    if source.lies_in_space:
        if source.frames * stored.size > _MOST_BYTES:
            raise DicomObjectError(path, DicomObjectProblem.TOO_MANY_FRAMES)
        frames = _among_frames([source], stored)
        dataset = _written(path, [source.header], frames, parts, algorithm, chosen)
    else:
        dataset = _written(path, [_without_space(source.header)], stored, parts, algorithm, chosen)
        _settle_plane_picture(dataset, source)
    add_own_state(dataset, analysis)
    return dataset


def volume_segmentation_bytes(
    volume: SegmentedVolume, sources: Sequence[SourceImage], choices: DicomChoices | None = None
) -> bytes:
    """Return the masks of a whole series as one DICOM segmentation.

    Parameters
    ----------
    volume : SegmentedVolume
    sources : sequence of SourceImage
        Of its slices, in their order: all of files with one frame each, or frames of one image.
    choices : DicomChoices, optional

    Raises
    ------
    DicomObjectError
        Nothing was outlined on any slice, they do not say where they lie, or their tags contradict
        each other.
    """
    chosen = choices or DicomChoices()
    classes = class_segments(volume.masks, volume.classes)
    path = volume.volume.images[0].source_path
    if not classes:
        raise DicomObjectError(path, DicomObjectProblem.NOTHING_OUTLINED)
    algorithm = algorithm_of(volume.model, __version__)
    if not all(one.lies_in_space for one in sources):
        raise DicomObjectError(path, DicomObjectProblem.NO_PLACE)
    series = str(sources[0].header.SeriesInstanceUID)
    parts = []
    labels = np.zeros(volume.masks.shape, np.uint8)
    for number, (name, structure, where) in enumerate(classes, start=1):
        labels[where] = number
        tracked = tracking_of(series, None, algorithm.tracking_name, name, chosen.uid_root)
        parts.append(_Part(name, anatomy_code(*structure), "AUTOMATIC", tracked))
    stored = np.stack([one.mask_to_stored(mask) for one, mask in zip(sources, labels, strict=True)])
    frames = _among_frames(sources, stored)
    return object_bytes(_written(path, _headers(sources), frames, parts, algorithm, chosen))


def _among_frames(sources: Sequence[SourceImage], masks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return masks of frames of one image among empty ones of all its frames; others as they are.

    highdicom takes an image with several frames whole, and leaves empty frames out.
    """
    if sources[0].frame_number is None:
        return masks
    frames = np.zeros((sources[0].frames, *sources[0].stored_shape), np.uint8)
    for one, mask in zip(sources, masks, strict=True):
        frames[(one.frame_number or 1) - 1] = mask
    return frames


@dataclass(frozen=True)
class _Part:
    """What a segment says of itself."""

    label: str
    code: CodedConcept
    how: str
    tracked: Tracking


def _how(segment: Segment, body: Vertebra | None) -> str:
    """Return who outlined a segment (Segment Algorithm Type)."""
    if body is not None and body.state is VertebraState.ADDED:
        return "MANUAL"
    return "SEMIAUTOMATIC" if segment.is_by_person else "AUTOMATIC"


def _headers(sources: Sequence[SourceImage]) -> list[Dataset]:
    """Return the header of each image once."""
    by_uid = {source.sop_instance_uid: source.header for source in sources}
    return list(by_uid.values())


def _written(
    path: Path,
    headers: Sequence[Dataset],
    labels: NDArray[np.uint8],
    parts: Sequence[_Part],
    algorithm: Algorithm,
    choices: DicomChoices,
) -> Dataset:
    """Return a segmentation; what highdicom refuses of the images' tags is told in words."""
    try:
        return _made(headers, labels, parts, algorithm, choices)
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        # Not chained: the library's message may quote values of the patient.
        lacking = lacking_keyword(error)
        raise DicomObjectError(path, DicomObjectProblem.FAULTY_TAGS, lacking) from None


def _made(
    headers: Sequence[Dataset],
    labels: NDArray[np.uint8],
    parts: Sequence[_Part],
    algorithm: Algorithm,
    choices: DicomChoices,
) -> Dataset:
    import highdicom as hd
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    kinds = hd.seg.SegmentationTypeValues
    kind = kinds.LABELMAP if choices.is_label_map else kinds.BINARY
    schemes = None
    if any(part.code.scheme == PRIVATE_SCHEME for part in parts):
        schemes = [
            CodingSchemeIdentificationItem(
                PRIVATE_SCHEME, name=_PRIVATE_SCHEME_NAME, responsible_organization=MANUFACTURER
            )
        ]
    dataset: Dataset = hd.seg.Segmentation(
        source_images=list(headers),
        pixel_array=labels,
        segmentation_type=kind,
        segment_descriptions=[
            _description(number, part, algorithm) for number, part in enumerate(parts, start=1)
        ],
        series_instance_uid=new_uid(choices.uid_root),
        series_number=int(SeriesNumber.SEGMENTATION),
        sop_instance_uid=new_uid(choices.uid_root),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=__version__,
        device_serial_number=SERIAL_NUMBER,
        series_description="SpineAlign segmentations",
        content_label="SPINE",
        content_description="Outlines of the spine",
        content_creator_name="SpineAlign^",
        coding_schemes=schemes,
    )
    _identify_dimensions(dataset, new_uid(choices.uid_root))
    return dataset


def _identify_dimensions(dataset: Dataset, uid: str) -> None:
    """Give the dimensions an identifier of the configured root, in place.

    highdicom gives them one of its own root.
    """
    for item in (*dataset.DimensionOrganizationSequence, *dataset.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid


def _description(number: int, part: _Part, algorithm: Algorithm) -> Any:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    how = hd.seg.SegmentAlgorithmTypeValues(part.how)
    by = None
    if part.how != "MANUAL":
        by = hd.AlgorithmIdentificationSequence(
            name=algorithm.name, version=algorithm.version, family=codes.DCM.ArtificialIntelligence,
            source=MANUFACTURER,
        )  # fmt: skip
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=part.label,
        segmented_property_category=_code(ANATOMICAL_STRUCTURE),
        segmented_property_type=_code(part.code),
        algorithm_type=how,
        algorithm_identification=by,
        tracking_uid=part.tracked.uid,
        tracking_id=part.tracked.text,
    )


def _code(concept: CodedConcept) -> Any:
    from pydicom.sr.coding import Code

    return Code(*concept)


def _without_space(header: Dataset) -> Dataset:
    """Return a header that highdicom 0.28 makes a segmentation of which it can read back.

    An image that does not lie in space must not state the size of its pixels: what is written
    then lacks what highdicom itself asks for (its issues 159 and 183), and of such images it takes
    one frame only, and none of a class that should lie in space. A frame of reference means nothing
    without a place in it. So the frame is given to it as a secondary capture.
    """
    from pydicom import Dataset
    from pydicom.uid import UID

    # Elements are shared with the header: none of them may be given another value.
    left_out = ("SOPClassUID", *_OF_SPACE)
    plain = Dataset()
    plain.update({element.tag: element for element in header if element.keyword not in left_out})
    plain.SOPClassUID = UID(SECONDARY_CAPTURE)
    return plain


def _settle_plane_picture(dataset: Dataset, source: SourceImage) -> None:
    """Say what image and frame the masks are of, and which way it lies, in place.

    Source: PS3.3 C.7.6.1.1.1 on the direction.
    """
    dataset.PatientOrientation = source.header.get("PatientOrientation")
    for item in _references(dataset, source.sop_instance_uid):
        item.ReferencedSOPClassUID = source.sop_class_uid
    if source.frame_number is None:
        return
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        for derived in frame.DerivationImageSequence:
            for item in derived.SourceImageSequence:
                item.ReferencedFrameNumber = source.frame_number


def _references(dataset: Dataset, sop_instance_uid: str) -> Iterator[Dataset]:
    """Return every item in an object that refers to an image, however deep it is nested."""
    for element in dataset:
        for item in element.value if element.VR == "SQ" else ():
            if item.get("ReferencedSOPInstanceUID") == sop_instance_uid:
                yield item
            yield from _references(item, sop_instance_uid)
