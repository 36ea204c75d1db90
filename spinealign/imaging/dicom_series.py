"""DICOM series: which slices belong together, in which order, and what an index lists."""

from __future__ import annotations

import hashlib
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
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
from spinealign.domain.study import FEWEST_SLICES, PatientFacts, SeriesEntry
from spinealign.imaging import dicom_tags
from spinealign.imaging.decoding import check_size
from spinealign.imaging.dicom_identifiers import patient_key
from spinealign.imaging.dicom_numbers import numbers
from spinealign.imaging.dicom_pixels import MAX_FRAMES, frame_count, inflated, load_dataset
from spinealign.imaging.dicom_tags import RADIOGRAPH_MODALITIES

_LONGEST_TEXT = 256
_MOST_NUMBERS = 16
_SAME_DIRECTION = 0.02
_SAME_PLACE_MM = 0.05
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

    `key` is equal for frames of one series and `cosines` nearly so; `variant` (echo time,
    kind of image) counts only where slices lie on top of each other. `position_mm` comes
    from the slice's place in space, `location_mm` is the scanner's own word for it;
    both are None when not stated.
    """

    part: ImagePart
    key: tuple[Any, ...]
    patient: PatientKey
    variant: tuple[Any, ...]
    cosines: NDArray[np.float64] | None
    position_mm: float | None
    location_mm: float | None
    number: float
    instance: str
    marks: tuple[tuple[Any, ...], ...]
    entry: SeriesEntry

    def __len__(self) -> int:
        return 1

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for copies of one picture; identifiers alone are not, where they were replaced."""
        if not self.instance:
            return (self.part,)
        same = (self.key, self.patient, self.variant, self.position_mm, self.number)
        return (self.instance, self.part.index, *same)


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
        NO_PIXELS, TOO_SMALL, TOO_LARGE, NOT_AN_IMAGE
    """
    dataset = load_dataset(part.path, inflated(part.path, file), with_pixels=False)
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
        return [_header(part, dataset, k, frames) for k in range(frames)]
    first = _header(part, dataset, 0, frames)
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
        _series_key(part, dataset, shape, frame),
        _patient(dataset),
        _variant(dataset),
        cosines,
        _position_mm(dataset, frame, cosines),
        location[0] if len(location) == 1 and frames == 1 else None,
        (number[0] if len(number) == 1 else 0.0) * MAX_FRAMES + frame,
        _short(dataset.get("SOPInstanceUID")),
        tuple(_few(mark) for mark in marks),
        _entry(part, dataset, shape, dicom_tags.slice_plane(dataset, frame), possible),
    )


def _series_key(
    part: ImagePart, dataset: Dataset, shape: tuple[int, int], frame: int
) -> tuple[Any, ...]:
    series = _short(dataset.get("SeriesInstanceUID"))
    if not series or _stands_alone(dataset):
        series = f"{series} {part.path} {part.member}"
    stack = dicom_tags.frame_value(dataset, frame, "FrameContentSequence", "StackID")
    return (series, shape, *_space(dataset), *dicom_tags.special_kind(dataset), _short(stack))


def _space(dataset: Dataset) -> tuple[str, ...]:
    """Return of which study a slice is and in which space: a series identifier may come twice."""
    return tuple(_short(dataset.get(key)) for key in ("StudyInstanceUID", "FrameOfReferenceUID"))


def _patient(dataset: Dataset) -> PatientKey:
    """Return whose slice it is; equal texts of thousands of slices are kept once."""
    return PatientKey(*map(sys.intern, astuple(patient_key(dataset))))


def _variant(dataset: Dataset) -> tuple[Any, ...]:
    """Return echo time in tenths of a millisecond, and kind of image."""
    echo = tuple(round(ms, 1) for ms in _few(dataset.get("EchoTime")))
    return (echo, _short(dicom_tags.image_type(dataset)))


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
        _short(dataset.get("Modality")) or None,
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


def group_series(headers: Iterable[SliceHeader | StateHeader]) -> list[SeriesEntry]:
    """Put slices into series, each sorted by position and not by name.

    Copies of a picture count once. Slices at the same places (echoes, points in time)
    become a series each. Without positions the scanner's slice locations count, and
    without those the instance numbers.
    """
    found = list(headers)
    states = [header for header in found if isinstance(header, StateHeader)]
    slices = {h.identity: h for h in reversed(found) if isinstance(h, SliceHeader)}
    groups: dict[tuple[Any, ...], list[SliceHeader]] = defaultdict(list)
    for header in reversed(slices.values()):
        groups[header.key].append(header)
    entries = [
        _sorted_entry(layer, states)
        for group in _rejoined(
            [
                of_modality
                for group in groups.values()
                for of_patient in _patients(group)
                for of_modality in _modalities(of_patient)
            ]
        )
        for stack in _parallel(group)
        for variant in _variants(_placed(stack))
        for layer in _layers(variant)
    ]
    return sorted(entries, key=lambda e: (e.study, e.number is None, e.number or 0))


def _patients(group: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split slices where what they state of the patient differs.

    What some leave out is no difference, unless it might belong to either of two patients.
    """
    apart: list[list[PatientKey]] = []
    for key in sorted(dict.fromkeys(h.patient for h in group), key=lambda key: not key.identifier):
        fitting = [keys for keys in apart if not any(_are_two_patients(key, k) for k in keys)]
        if len(fitting) == 1:
            fitting[0].append(key)
        else:
            apart.append([key])
    number = {key: place for place, keys in enumerate(apart) for key in keys}
    return _split(group, {id(header): number[header.patient] for header in group})


def _are_two_patients(one: PatientKey, other: PatientKey) -> bool:
    """Tell two patients, by their names also where the identifier, perhaps none, is the same."""
    have_two_names = bool(one.name and other.name) and one.name != other.name
    return have_two_names or one.is_other_patient_than(other)


def _modalities(group: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split slices by modality where they state several."""
    stated = {header.entry.modality for header in group} - {None}
    if len(stated) < 2:
        return [group]
    return _split(group, {id(header): header.entry.modality for header in group})


def _rejoined(groups: list[list[SliceHeader]]) -> list[list[SliceHeader]]:
    """Put slices together of which each was given a series identifier of its own.

    They agree in all else that tells series apart, in number and name of the series too, and
    at least three lie parallel, each at a place and with an instance number of its own.
    """
    alike: dict[tuple[Any, ...], list[SliceHeader]] = defaultdict(list)
    rest = []
    for group in groups:
        header = group[0]
        entry = header.entry
        is_slice = header.part.index is None and header.position_mm is not None
        if len(group) == 1 and is_slice and entry.modality not in RADIOGRAPH_MODALITIES:
            known = (header.patient, entry.modality, entry.number, entry.description)
            alike[(*header.key[1:], *known)].append(header)
        else:
            rest.append(group)
    for headers in alike.values():
        for stack in _parallel(headers):
            rest += _stacks_of(stack)
    return rest


def _stacks_of(parallel: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Return slices as one stack, else as one a variant, else each by itself."""
    if _is_one_stack(parallel):
        return [parallel]
    stacks = _split(parallel, {id(header): header.variant for header in parallel})
    return [
        part
        for stack in stacks
        for part in ([stack] if _is_one_stack(stack) else [[header] for header in stack])
    ]


def _is_one_stack(stack: list[SliceHeader]) -> bool:
    places, given = set(_places(stack).values()), {header.number for header in stack}
    is_numbered = given != {0.0}
    has_numbers = len(given) == len(stack) or not is_numbered
    return len(stack) >= FEWEST_SLICES and len(places) == len(stack) and has_numbers


def _parallel(group: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split slices by direction; tiny differences, as scanners write them, do not count."""
    stacks: list[list[SliceHeader]] = []
    for header in group:
        fitting = (stack for stack in stacks if _are_parallel(stack[0].cosines, header.cosines))
        stack = next(fitting, None)
        if stack is None:
            stacks.append([header])
        else:
            stack.append(header)
    return stacks


def _are_parallel(one: NDArray[np.float64] | None, other: NDArray[np.float64] | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.abs(one - other).max() < _SAME_DIRECTION)


def _placed(group: list[SliceHeader]) -> list[SliceHeader]:
    """Put the scanner's slice locations where positions are missing, if all state them."""
    lacks_position = any(header.position_mm is None for header in group)
    if not lacks_position or any(header.location_mm is None for header in group):
        return group
    return [replace(header, position_mm=header.location_mm) for header in group]


def _variants(group: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split slices by echo time and kind of image, unless each lies at a place of its own."""
    places = _places(group)
    if places and len(set(places.values())) == len(group):
        return [group]
    return _split(group, {id(header): header.variant for header in group})


def _layers(group: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split slices that lie on top of each other, so that each place comes once in a series.

    They are told apart by what tells echoes, times and diffusion weightings apart; if
    nothing does, by their instance numbers.
    """
    places = _places(group)
    most = max(Counter(places.values()).values(), default=1)
    if most == 1 or len(set(places.values())) == 1:
        return [group]
    ordered = sorted(group, key=lambda h: h.number)
    for k in range(len(_LAYER_MARKS)):
        layers = _split(ordered, {id(h): h.marks[k] for h in ordered})
        if len(layers) == most and all(_are_apart(layer, places) for layer in layers):
            return sorted(layers, key=lambda layer: layer[0].marks[k])
    turn: Counter[int] = Counter()
    turns = {}
    for header in ordered:
        turns[id(header)] = turn[places[id(header)]]
        turn[places[id(header)]] += 1
    return _split(ordered, turns)


def _places(group: list[SliceHeader]) -> dict[int, int]:
    """Return the number of each slice's place, by `id`; empty when some place is not known."""
    known = [(h.position_mm, id(h)) for h in group if h.position_mm is not None]
    if len(known) < len(group):
        return {}
    numbered, place, last = {}, 0, -math.inf
    for position_mm, header in sorted(known):
        place += position_mm - last > _SAME_PLACE_MM
        numbered[header], last = place, position_mm
    return numbered


def _split(ordered: list[SliceHeader], values: dict[int, Any]) -> list[list[SliceHeader]]:
    parts: dict[Any, list[SliceHeader]] = defaultdict(list)
    for header in ordered:
        parts[values[id(header)]].append(header)
    return list(parts.values())


def _are_apart(layer: list[SliceHeader], places: dict[int, int]) -> bool:
    return len({places[id(header)] for header in layer}) == len(layer)


def _sorted_entry(group: Sequence[SliceHeader], states: Sequence[StateHeader]) -> SeriesEntry:
    known = [h.position_mm for h in group if h.position_mm is not None]
    has_places = len(known) == len(group) and len(set(known)) > 1
    ordered = sorted(group, key=lambda h: (h.position_mm if has_places else 0.0, h.number))
    instances = {header.instance for header in group}
    return replace(
        ordered[0].entry,
        parts=tuple(header.part for header in ordered),
        positions_mm=tuple(sorted(known)) if has_places else None,
        unapplied_states=sum(not state.instances.isdisjoint(instances) for state in states),
    )


def indexed_files(path: Path, file: BinaryIO) -> list[Path]:
    """List the files that a DICOMDIR names and that are there.

    Names that lead out of the index's own folder are not followed. Media are often
    copied with their names in another case, with a suffix or a version, so those are tried too.
    """
    dataset = load_dataset(path, inflated(path, file))
    folder = path.resolve().parent
    found: list[Path] = []
    names: dict[Path, dict[str, list[str]]] = {}
    for record in dataset.get("DirectoryRecordSequence") or []:
        named = record.get("ReferencedFileID")
        parts = [named] if isinstance(named, str) else [str(part) for part in named or ()]
        target = _existing(folder, parts, names)
        if target is not None:
            found.append(target)
    return list(dict.fromkeys(found))


def _existing(
    folder: Path, parts: list[str], names: dict[Path, dict[str, list[str]]]
) -> Path | None:
    is_plain = all(p and p not in (".", "..") and not set(p) & set("/\\:\0") for p in parts)
    if not parts or not is_plain:
        return None
    target: Path | None = folder
    for part in parts:
        target = None if target is None else _spelled(target, part, names)
    is_below = target is not None and target.resolve().is_relative_to(folder)
    return target if target is not None and is_below and target.is_file() else None


def _spelled(folder: Path, part: str, names: dict[Path, dict[str, list[str]]]) -> Path | None:
    """Return the entry of this name, or the only one that copying may have made of it."""
    if (folder / part).exists():
        return folder / part
    if folder not in names:
        names[folder] = defaultdict(list)
        for entry in folder.iterdir() if folder.is_dir() else ():
            names[folder][_medium_name(entry.name)].append(entry.name)
    alike = names[folder].get(_medium_name(part), [])
    return folder / alike[0] if len(alike) == 1 else None


def _medium_name(name: str) -> str:
    """Return a name as on a medium: without case, version (";1") and suffix (".dcm")."""
    return name.casefold().partition(";")[0].rstrip(".").removesuffix(".dcm")


def patient_facts(part: ImagePart, file: BinaryIO) -> PatientFacts:
    """Read who the patient is; empty where the file does not say."""
    dataset = load_dataset(part.path, inflated(part.path, file), with_pixels=False)
    return PatientFacts(**{n: dicom_tags.text_of(dataset.get(tag)) for n, tag in _FACTS.items()})
