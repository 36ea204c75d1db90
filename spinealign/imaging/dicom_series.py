"""DICOM series: which slices belong together, in which order, and what an index lists."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import ImagePart, View
from spinealign.domain.study import PatientFacts, SeriesEntry
from spinealign.imaging import dicom_tags
from spinealign.imaging.decoding import check_size
from spinealign.imaging.dicom_pixels import MAX_FRAMES, frame_count, load_dataset

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
}


@dataclass(frozen=True)
class SliceHeader:
    """What the tags of one frame say about its series and its place in it.

    `key` is equal for frames of one series; `position_mm` is None when not stated.
    """

    part: ImagePart
    key: tuple[Any, ...]
    position_mm: float | None
    number: float
    entry: SeriesEntry


def slice_headers(part: ImagePart, file: BinaryIO) -> list[SliceHeader]:
    """Read the tags of a DICOM file: one header a frame, nothing decoded.

    Raises
    ------
    ImageReadError
        NO_PIXELS, TOO_SMALL, TOO_LARGE, NOT_AN_IMAGE
    """
    dataset = load_dataset(part.path, file, with_pixels=False)
    if "Rows" not in dataset or "Columns" not in dataset:
        raise ImageReadError(part.path, ReadProblem.NO_PIXELS)
    check_size(part.path, int(dataset.Rows), int(dataset.Columns))
    frames = frame_count(dataset)
    if frames > MAX_FRAMES:
        raise ImageReadError(part.path, ReadProblem.TOO_LARGE, f"{frames} frames")
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    if len(groups) >= frames:
        return [_header(part, dataset, k, frames) for k in range(frames)]
    first = _header(part, dataset, 0, frames)
    if frames == 1:
        return [first]
    return [
        replace(first, part=replace(first.part, index=k), number=first.number + k)
        for k in range(frames)
    ]


def _header(part: ImagePart, dataset: Dataset, frame: int, frames: int) -> SliceHeader:
    cosines = dicom_tags.slice_cosines(dataset, frame)
    shape = int(dataset.Rows), int(dataset.Columns)
    hint, _ = dicom_tags.view_hint(dataset, frame)
    number = dicom_tags.numbers(dataset.get("InstanceNumber"))
    part = ImagePart(part.path, part.member, frame if frames > 1 else None)
    return SliceHeader(
        part,
        _series_key(part, dataset, shape, cosines),
        _position_mm(dataset, frame, cosines),
        (number[0] if len(number) == 1 else 0.0) * MAX_FRAMES + frame,
        _entry(part, dataset, shape, dicom_tags.slice_plane(dataset, frame), hint),
    )


def _series_key(
    part: ImagePart, dataset: Dataset, shape: tuple[int, int], cosines: NDArray[np.float64] | None
) -> tuple[Any, ...]:
    series = str(dataset.get("SeriesInstanceUID") or "")
    if not series or _stands_alone(dataset):
        series = f"{series} {part.path} {part.member}"
    direction = () if cosines is None else tuple(np.round(cosines, 2).ravel() + 0.0)
    echo = dicom_tags.numbers(dataset.get("EchoTime"))
    kind = tuple(str(word) for word in (dataset.get("ImageType") or ()))
    return (series, shape, direction, echo, kind)


def _stands_alone(dataset: Dataset) -> bool:
    return dataset.get("Modality") in dicom_tags.RADIOGRAPH_MODALITIES


def _entry(
    part: ImagePart, dataset: Dataset, shape: tuple[int, int], plane: str | None, hint: View | None
) -> SeriesEntry:
    number = dicom_tags.numbers(dataset.get("SeriesNumber"))
    return SeriesEntry(
        (part,),
        "DICOM",
        str(dataset.get("SeriesDescription") or ""),
        str(dataset.get("Modality") or "") or None,
        plane,
        shape,
        int(number[0]) if len(number) == 1 else None,
        str(dataset.get("StudyInstanceUID") or ""),
        hint,
    )


def _position_mm(dataset: Dataset, frame: int, cosines: NDArray[np.float64] | None) -> float | None:
    """Return how far a slice lies along the normal: to the left, the back, or the feet."""
    place = dicom_tags.numbers(
        dicom_tags.frame_value(dataset, frame, "PlanePositionSequence", "ImagePositionPatient")
    )
    if cosines is None or len(place) != 3:
        return None
    normal = np.cross(cosines[0], cosines[1])
    normal /= np.linalg.norm(normal)
    axis = int(np.abs(normal).argmax())
    sign = np.sign(normal[axis]) * (-1 if axis == 2 else 1)
    return float(np.dot(place, normal) * sign)


def group_series(headers: Iterable[SliceHeader]) -> list[SeriesEntry]:
    """Put slices into series, each sorted by position and not by name.

    Slices at the same places (echoes, points in time) become a series each; without
    positions, the instance numbers count.
    """
    groups: dict[tuple[Any, ...], list[SliceHeader]] = defaultdict(list)
    for header in headers:
        groups[header.key].append(header)
    entries = [_sorted_entry(part) for group in groups.values() for part in _layers(group)]
    return sorted(entries, key=lambda e: (e.study, e.number is None, e.number or 0))


def _layers(group: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split slices that lie on top of each other, when every place has as many."""
    places = [None if h.position_mm is None else round(h.position_mm, 2) for h in group]
    counts = set(Counter(places).values())
    if None in places or len(counts) != 1 or counts == {1} or len(set(places)) == 1:
        return [group]
    stacks: dict[Any, list[SliceHeader]] = defaultdict(list)
    for header in sorted(group, key=lambda h: h.number):
        stacks[round(header.position_mm or 0.0, 2)].append(header)
    return [list(layer) for layer in zip(*stacks.values(), strict=True)]


def _sorted_entry(group: Sequence[SliceHeader]) -> SeriesEntry:
    known = [h.position_mm for h in group if h.position_mm is not None]
    has_places = len(known) == len(group) and len(set(known)) > 1
    ordered = sorted(group, key=lambda h: (h.position_mm if has_places else 0.0, h.number))
    first = ordered[0].entry
    positions = tuple(sorted(known)) if has_places else None
    parts = tuple(header.part for header in ordered)
    return replace(first, parts=parts, positions_mm=positions)


def indexed_files(path: Path, file: BinaryIO) -> list[Path]:
    """List the files that a DICOMDIR names and that are there.

    Names that lead out of the index's own folder are not followed. Media are often
    copied with their names in lower case, so that spelling is tried too.
    """
    dataset = load_dataset(path, file)
    folder = path.resolve().parent
    found = []
    for record in dataset.get("DirectoryRecordSequence") or []:
        named = record.get("ReferencedFileID")
        parts = [named] if isinstance(named, str) else [str(part) for part in named or ()]
        target = _existing(folder, parts)
        if target is not None:
            found.append(target)
    return list(dict.fromkeys(found))


def _existing(folder: Path, parts: list[str]) -> Path | None:
    is_plain = all(p and p not in (".", "..") and not set(p) & set("/\\:\0") for p in parts)
    if not parts or not is_plain:
        return None
    for spelling in (parts, [p.lower() for p in parts], [p.upper() for p in parts]):
        target = folder.joinpath(*spelling)
        if target.is_file() and target.resolve().is_relative_to(folder):
            return target
    return None


def patient_facts(part: ImagePart, file: BinaryIO) -> PatientFacts:
    """Read who the patient is; empty where the file does not say."""
    dataset = load_dataset(part.path, file, with_pixels=False)
    return PatientFacts(**{name: str(dataset.get(tag) or "") for name, tag in _FACTS.items()})
