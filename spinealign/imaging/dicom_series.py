"""What DICOM files say of the series their pictures are of, and what an index lists."""

from __future__ import annotations

import hashlib
import re
import sys
from collections import defaultdict
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.examination import Examination, Plane
from spinealign.domain.identifiers import PatientKey
from spinealign.domain.image import ImagePart
from spinealign.domain.study import PatientFacts, SeriesEntry
from spinealign.imaging import dicom_tags
from spinealign.imaging.decoding import check_size
from spinealign.imaging.dicom_identifiers import patient_key
from spinealign.imaging.dicom_numbers import numbers
from spinealign.imaging.dicom_pixels import MAX_FRAMES, frame_count, inflated, load_dataset
from spinealign.imaging.dicom_results import require_image
from spinealign.imaging.dicom_tags import RADIOGRAPH_MODALITIES
from spinealign.imaging.find import real_path

_SEPARATORS, _SUFFIXES = re.compile(r"[/\\]"), (".dcm", ".dicom", ".ima")
_LONGEST_TEXT = 256
_MOST_NUMBERS = 16
_LAYER_MARKS = (
    ("FrameContentSequence", "TemporalPositionIdentifier"),
    ("FrameContentSequence", "TemporalPositionIndex"),
    ("MRDiffusionSequence", "DiffusionBValue"),
    ("MREchoSequence", "EffectiveEchoTime"),
    ("MREchoSequence", "EchoNumbers"),
    ("CardiacSynchronizationSequence", "TriggerTime"),
    ("FrameContentSequence", "AcquisitionNumber"),
)
"""What tells pictures of the same place apart, by functional group and keyword."""

_NO_SERIES = " "

_NAMES_OF_SEQUENCES = (
    "ScanningSequence", "SequenceName", "ScanOptions", "ProtocolName", "ContrastBolusAgent",
)  # fmt: skip
_NUMBERS_OF_SEQUENCES = ("RepetitionTime", "InversionTime", "FlipAngle", "DiffusionBValue")
_WORDS_OF_FILTERS = frozenset(
    {"ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY", "NORM", "DIS2D", "DIS3D", "ND", "FIL", "FM"}
)
"""Words for the kind of image that scanners give to some slices of a series and not to others."""

_SPACES = (
    "StudyInstanceUID", "FrameOfReferenceUID", "StudyDate", "AccessionNumber", "StudyTime",
    "StudyID", "PatientAge",
)  # fmt: skip

_FACTS = {
    "name": "PatientName",
    "identifier": "PatientID",
    "birth_date": "PatientBirthDate",
    "sex": "PatientSex",
    "age": "PatientAge",
    "study_date": "StudyDate",
    "study_description": "StudyDescription",
    "series_description": "SeriesDescription",
    "institution": "InstitutionName",
    "accession_number": "AccessionNumber",
    "acquisition_date": "AcquisitionDate",
    "acquisition_time": "AcquisitionTime",
}


@dataclass(frozen=True)
class SliceHeader:
    """What the tags of one frame say about its series and its place in it.

    `key` is equal for frames of one series and `cosines` nearly so. `spaces` (study, frame of
    reference, day, accession number, stack) are too, where they are stated. Echo times (ms), kind
    of image and `marks` count only where slices lie on top of each other, `acquisition` where each
    slice has a series identifier of its own. `position_mm` comes from the slice's place in space,
    `location_mm` is the scanner's own word for it; both are None when not stated. `file_bytes`
    tells a copy that was cut off from a whole one; 0 of members of archives.
    """

    part: ImagePart
    key: tuple[Any, ...]
    spaces: tuple[str, ...]
    patient: PatientKey
    echoes_ms: tuple[float, ...]
    kind: str
    acquisition: tuple[str, ...]
    cosines: NDArray[np.float64] | None
    position_mm: float | None
    location_mm: float | None
    number: float
    instance: str
    marks: tuple[tuple[Any, ...], ...]
    entry: SeriesEntry
    file_bytes: int = 0

    def __len__(self) -> int:
        return 1

    @property
    def has_no_series(self) -> bool:
        """Whether a slice, which does not stand alone as radiographs do, states no series."""
        is_alone = self.entry.modality in RADIOGRAPH_MODALITIES
        return not is_alone and str(self.key[0]).startswith(_NO_SERIES)

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for copies of one picture; identifiers alone are not, where they were replaced."""
        if not self.instance:
            return (self.part,)
        same = (self.key, self.spaces, self.patient, self.echoes_ms, self.kind)
        return (self.instance, self.part.index, self.position_mm, self.number, *same)


@dataclass(frozen=True)
class StateHeader:
    """A presentation state: how somebody wants pictures shown, by their identifiers."""

    instances: frozenset[str]

    def __len__(self) -> int:
        return len(self.instances)


def slice_headers(part: ImagePart, file: BinaryIO) -> list[SliceHeader | StateHeader]:
    """Read the tags of a DICOM file: one header a frame or state, nothing decoded.

    Raises
    ------
    ImageReadError
        NO_PIXELS, SEGMENTATION, REPORT, TOO_SMALL, TOO_LARGE, NOT_AN_IMAGE
    """
    # How long a member of an archive is tells only unpacking it.
    file_bytes = 0 if part.member else part.path.stat().st_size
    dataset = load_dataset(part.path, inflated(part.path, file), with_pixels=False)
    require_image(part.path, dataset)
    if "Rows" not in dataset or "Columns" not in dataset:
        presented = _presented(dataset)
        if not presented:
            raise ImageReadError(part.path, ReadProblem.NO_PIXELS)
        return [StateHeader(presented)]
    check_size(part.path, int(dataset.Rows), int(dataset.Columns))
    frames = frame_count(dataset)
    if frames > MAX_FRAMES:
        raise ImageReadError(part.path, ReadProblem.TOO_MANY, f"{frames:,} frames")
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    if len(groups) >= frames:
        headers = [_header(part, dataset, k, frames) for k in range(frames)]
        return [replace(header, file_bytes=file_bytes) for header in headers]
    first = replace(_header(part, dataset, 0, frames), file_bytes=file_bytes)
    if frames == 1:
        return [first]
    return [
        replace(first, part=replace(first.part, index=k), number=first.number + k)
        for k in range(frames)
    ]


def _presented(dataset: Dataset) -> frozenset[str]:
    """Return the pictures that a presentation state is for (PS3.3 C.11.11)."""
    return frozenset(
        _short(image.get("ReferencedSOPInstanceUID"))
        for series in dataset.get("ReferencedSeriesSequence") or ()
        for image in series.get("ReferencedImageSequence") or ()
        if dataset.get("Modality") == "PR"
    )


def _header(part: ImagePart, dataset: Dataset, frame: int, frames: int) -> SliceHeader:
    cosines = dicom_tags.slice_cosines(dataset, frame)
    shape = int(dataset.Rows), int(dataset.Columns)
    possible, _ = dicom_tags.possible_examinations(dataset, frame)
    number = numbers(dataset.get("InstanceNumber"))
    location = numbers(dataset.get("SliceLocation"))
    part = ImagePart(part.path, part.member, frame if frames > 1 else None)
    marks = (dicom_tags.frame_value(dataset, frame, *mark) for mark in _LAYER_MARKS)
    return SliceHeader(
        part,
        _series_key(part, dataset, shape),
        _spaces(dataset, frame),
        _patient(dataset),
        _few(dataset.get("EchoTime")),
        _short(dicom_tags.image_type(dataset)),
        _acquisition(dataset),
        cosines,
        _position_mm(dataset, frame, cosines),
        location[0] if len(location) == 1 and frames == 1 else None,
        (number[0] if len(number) == 1 else 0.0) * MAX_FRAMES + frame,
        _short(dataset.get("SOPInstanceUID")),
        tuple(_few(mark) for mark in marks),
        _entry(part, dataset, shape, dicom_tags.slice_plane(dataset, frame), possible),
    )


def _series_key(part: ImagePart, dataset: Dataset, shape: tuple[int, int]) -> tuple[Any, ...]:
    series = _short(dataset.get("SeriesInstanceUID"))
    if not series or _stands_alone(dataset):
        series = f"{series}{_NO_SERIES}{part.path} {part.member}"
    return (series, shape, *dicom_tags.special_kind(dataset))


def _spaces(dataset: Dataset, frame: int) -> tuple[str, ...]:
    """Return of which study and day, in which space and in which stack a slice is.

    A series identifier may come twice, and identifiers may have been replaced by one for all.
    """
    stack = dicom_tags.frame_value(dataset, frame, "FrameContentSequence", "StackID")
    return *(_short(dataset.get(keyword)) for keyword in _SPACES), _short(stack)


def _acquisition(dataset: Dataset) -> tuple[str, ...]:
    """Return how a slice was taken and what it shows: names, and numbers to two digits."""
    names = (_short(dataset.get(keyword)) for keyword in _NAMES_OF_SEQUENCES)
    found = (_few(dataset.get(keyword)) for keyword in _NUMBERS_OF_SEQUENCES)
    shows = sorted(set(dicom_tags.image_type(dataset)) - _WORDS_OF_FILTERS)
    return *names, *(" ".join(f"{number:.2g}" for number in each) for each in found), *shows


def _patient(dataset: Dataset) -> PatientKey:
    """Return whose slice it is; equal texts of thousands of slices are kept once."""
    return PatientKey(*map(sys.intern, astuple(patient_key(dataset))))


def _short(value: Any) -> str:
    """Return an attribute as text; an absurdly long one by its checksum, as thousands are kept."""
    text = dicom_tags.text_of(value)
    if len(text) <= _LONGEST_TEXT:
        return text
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{text[:_LONGEST_TEXT]} {digest}"


def _few(value: Any) -> tuple[float, ...]:
    """Return the numbers of an attribute, unless they are absurdly many."""
    found = numbers(value)
    return found if len(found) <= _MOST_NUMBERS else ()


def _stands_alone(dataset: Dataset) -> bool:
    return dataset.get("Modality") in RADIOGRAPH_MODALITIES


def _entry(
    part: ImagePart,
    dataset: Dataset,
    shape: tuple[int, int],
    plane: Plane | None,
    possible: tuple[Examination, ...] | None,
) -> SeriesEntry:
    number = numbers(dataset.get("SeriesNumber"))
    return SeriesEntry(
        (part,),
        "DICOM",
        _short(dataset.get("SeriesDescription")),
        _short(dataset.get("Modality")).upper() or None,
        plane,
        shape,
        int(number[0]) if len(number) == 1 else None,
        _short(dataset.get("StudyInstanceUID")),
        possible,
    )


def _position_mm(dataset: Dataset, frame: int, cosines: NDArray[np.float64] | None) -> float | None:
    """Return how far a slice lies along the normal: to the left, the back, or the feet."""
    place = numbers(
        dicom_tags.frame_value(dataset, frame, "PlanePositionSequence", "ImagePositionPatient")
    )
    if cosines is None or len(place) != 3:
        return None
    normal = dicom_tags.normal_of(cosines)
    axis = int(np.abs(normal).argmax())
    sign = np.sign(normal[axis]) * (-1 if axis == 2 else 1)
    return float(np.dot(place, normal) * sign)


def indexed_files(path: Path, file: BinaryIO) -> list[Path]:
    """List the files that a DICOMDIR names, if any of them is there; those that are not, too.

    Names that lead out of the index's own folder are not followed. Media are often copied with
    their names in another case, with a suffix or a version, so those are tried too; where
    several differ in nothing else, all are listed.
    """
    dataset = load_dataset(path, inflated(path, file))
    folder = real_path(path).parent
    found: list[Path] = []
    missing: list[Path] = []
    names: dict[Path, dict[str, list[str]]] = {}
    for record in dataset.get("DirectoryRecordSequence") or []:
        parts = _parts_of_name(record.get("ReferencedFileID"))
        if parts:
            targets = _existing(folder, parts, names)
            found += targets
            missing += [] if targets else [folder.joinpath(*parts)]
    return list(dict.fromkeys((*found, *missing))) if found else []


def _parts_of_name(named: Any) -> list[str]:
    """Return folders and name of a file below an index; nothing where they might lead elsewhere."""
    given = [named] if isinstance(named, str) else [str(part) for part in named or ()]
    parts = [part for each in given for part in _SEPARATORS.split(each)]
    is_plain = all(p and p not in (".", "..") and not set(p) & set(":\0") for p in parts)
    return parts if is_plain else []


def _existing(
    folder: Path, parts: list[str], names: dict[Path, dict[str, list[str]]]
) -> list[Path]:
    targets = [folder]
    for part in parts:
        targets = [found for target in targets for found in _spelled(target, part, names)]
    return [each for each in targets if real_path(each).is_relative_to(folder) and each.is_file()]


def _spelled(folder: Path, part: str, names: dict[Path, dict[str, list[str]]]) -> list[Path]:
    """Return a name as it is spelled in a folder, else all that copying may have made of it."""
    if (folder / part).exists():
        return [folder / part]
    if folder not in names:
        names[folder] = defaultdict(list)
        for entry in folder.iterdir() if folder.is_dir() else ():
            names[folder][_medium_name(entry.name)].append(entry.name)
    return [folder / name for name in sorted(names[folder].get(_medium_name(part), ()))]


def _medium_name(name: str) -> str:
    """Return a name as on a medium: without case, version (";1") and suffix (".dcm")."""
    plain = name.casefold().partition(";")[0].rstrip(".")
    suffix = next((each for each in _SUFFIXES if plain.endswith(each)), "")
    return plain.removesuffix(suffix)


def patient_facts(part: ImagePart, file: BinaryIO) -> PatientFacts:
    """Read who the patient is; empty where the file does not say."""
    dataset = load_dataset(part.path, inflated(part.path, file), with_pixels=False)
    return PatientFacts(**{n: dicom_tags.text_of(dataset.get(tag)) for n, tag in _FACTS.items()})
