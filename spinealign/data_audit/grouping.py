"""Which files belong together: copies, series, patients; by names, tags and pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from spinealign.data_audit.dicom_facts import DicomFacts
from spinealign.data_audit.listing import ListedFile
from spinealign.data_audit.looking import Looked
from spinealign.data_audit.matching import SAME_CORRELATION, Match
from spinealign.data_audit.names import Named, named
from spinealign.domain.data_audit import AuditedFile, Pair, PatientSource, Relation

_TURNED_DEG: Final = 2.0
_SCALED: Final = 0.03
_UNCOVERED: Final = 0.06
_COPY_CORRELATION: Final = 0.92
"""Of two pictures in the same place: slices beside each other reach it only where they are thinner
than the scanner resolves."""

_ONE_PATIENT_COPY_CORRELATION: Final = 0.97
"""Of two pictures of one patient, as told, whose names say no copy: a T1 and a T2 picture of one
slice reach 0.96."""

_MOVED_COPY_CORRELATION: Final = 0.8
"""Of copies that were turned, mirrored, scaled or cropped; two films of one patient reach 0.67."""


def names_told(files: Sequence[ListedFile]) -> list[Named]:
    """Take the names of all files apart."""
    return [named(_stem(file.path.name)) for file in files]


def _stem(name: str) -> str:
    """Return a name without its suffixes; dots of dates and identifiers are none."""
    lower = name.lower()
    for suffix in (".nii.gz", ".nii", ".mha", ".mhd", ".dcm", ".dicom", ".ima"):
        if lower.endswith(suffix):
            return name[: -len(suffix)]
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and suffix.isalnum() and not suffix.isdigit() and len(suffix) <= 4 else name


def audited(
    files: Sequence[ListedFile], names: Sequence[Named], facts: Sequence[DicomFacts | None],
    looks: Sequence[Looked],
) -> list[AuditedFile]:  # fmt: skip
    """Say of every file whose picture it is, of which series, and of which base picture."""
    patients = _numbered(found.patient for found in facts if found)
    series = _numbered(found.series for found in facts if found)
    bases = _bases(files, names)
    counting = _counting_files(files, names)
    found = []
    for file, name, fact, look, base in zip(files, names, facts, looks, bases, strict=True):
        patient, source = _patient(file, name, fact, patients)
        is_told = fact is not None and bool(fact.series)
        if name.series in counting and not name.is_slice_stated:
            name = Named(name.base, name.copies)
        height, width = look.shape
        found.append(
            AuditedFile(
                file.name, file.part, file.label, patient, source,
                f"DICOM series {series[fact.series]}" if fact and is_told else name.series,
                fact.slice_number if fact and is_told else name.slice_number,
                base, 0, look.problems, width, height, look.sha256,
            )
        )  # fmt: skip
    return found


def _numbered(keys: Iterable[str]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for key in keys:
        numbers.setdefault(key, len(numbers) + 1)
    return numbers


def _counting_files(files: Sequence[ListedFile], names: Sequence[Named]) -> set[str]:
    """Return what a list shows to be no series: "site1_001" and "site1_002" are two patients."""
    owners: dict[str, set[str]] = {}
    for file, name in zip(files, names, strict=True):
        if file.patient_source is PatientSource.LIST:
            owners.setdefault(name.series, set()).add(file.patient)
    return {series for series, patients in owners.items() if series and len(patients) > 1}


def _patient(
    file: ListedFile, name: Named, fact: DicomFacts | None, numbers: dict[str, int]
) -> tuple[str, PatientSource]:
    if file.patient_source is PatientSource.LIST:
        return file.patient, PatientSource.LIST
    if fact is not None and fact.patient:
        return f"DICOM patient {numbers[fact.patient]}", PatientSource.DICOM
    if file.told_name:
        told = named(file.told_name.rpartition("/")[2]).patient
        if told:
            return told, PatientSource.NAME
    if file.patient:
        return file.patient, PatientSource.FOLDER
    return name.patient, PatientSource.NAME if name.patient else PatientSource.UNKNOWN


def _bases(files: Sequence[ListedFile], names: Sequence[Named]) -> list[str]:
    """Return what all prepared copies of a picture share.

    A name that tells a patient or series means the same picture in every folder. A bare "img 0"
    does so in its own folder only, and only where some name there says that it is a copy. Where a
    list tells patients, equal names of two of them are two pictures, unless one says so, too.
    """
    said = {name.base for name in names if name.copies}
    keys = [
        name.base
        if name.patient and (file.patient_source is not PatientSource.LIST or name.base in said)
        else f"{PurePosixPath(file.name).parent}/{name.base}"
        for file, name in zip(files, names, strict=True)
    ]
    copied = {key for key, name in zip(keys, names, strict=True) if name.copies}
    return [
        key if name.patient or key in copied else file.name
        for key, name, file in zip(keys, names, files, strict=True)
    ]


def exact_pairs(files: Sequence[AuditedFile]) -> list[Pair]:
    """Return a chain of pairs for every content that several files have."""
    last: dict[str, AuditedFile] = {}
    found = []
    for file in files:
        if not file.sha256 or file.is_broken:
            continue
        if file.sha256 in last:
            found.append(Pair(last[file.sha256].path, file.path, Relation.EXACT))
        last[file.sha256] = file
    return found


def pair_of(first: AuditedFile, second: AuditedFile, match: Match) -> Pair | None:
    """Return what a match makes of two files; None where they are not the same."""
    if match.correlation < SAME_CORRELATION:
        return None
    return Pair(
        first.path, second.path, _relation(first, second, match), round(match.correlation, 3),
        round(match.turned_deg, 1), round(match.scale, 3), match.is_mirrored,
        round(match.overlap, 3),
    )  # fmt: skip


def _relation(first: AuditedFile, second: AuditedFile, match: Match) -> Relation:
    if first.base == second.base:
        return Relation.NEAR
    is_one_series = bool(first.series) and first.series == second.series
    if is_one_series and first.slice_number != second.slice_number:
        return Relation.NEIGHBOUR
    # Slices of a scan lie in one place; two films of one patient need not, and agree less.
    is_moved = (
        match.is_mirrored
        or abs(match.turned_deg) > _TURNED_DEG
        or abs(match.scale - 1) > _SCALED
        or match.overlap < 1 - _UNCOVERED
    )
    least = _MOVED_COPY_CORRELATION if is_moved else _COPY_CORRELATION
    if first.patient and first.patient == second.patient and not is_moved:
        least = _ONE_PATIENT_COPY_CORRELATION
    is_copy = match.correlation >= least
    return Relation.NEAR if is_copy else Relation.NEIGHBOUR


def grouped(files: Sequence[AuditedFile], pairs: Sequence[Pair]) -> list[AuditedFile]:
    """Give every file the number of its group: what must not be on both sides of a split."""
    parents = list(range(len(files)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    places = {file.path: place for place, file in enumerate(files)}
    links = [(places[pair.first], places[pair.second]) for pair in pairs]
    for key in (_patient_key, _series_key, lambda file: file.base):
        first: dict[str, int] = {}
        for place, file in enumerate(files):
            if key(file):
                links.append((first.setdefault(key(file), place), place))
    persons: dict[int, int] = {}
    for place, file in enumerate(files):
        links += [(persons.setdefault(number, place), place) for number in file.perhaps]
    for one, other in links:
        one, other = sorted((root(one), root(other)))
        parents[other] = one
    numbers = _numbered(str(root(place)) for place in range(len(files)))
    return [replace(file, group=numbers[str(root(place))]) for place, file in enumerate(files)]


def _patient_key(file: AuditedFile) -> str:
    return f"{file.patient_source.value}/{file.patient}" if file.patient else ""


def _series_key(file: AuditedFile) -> str:
    return f"{file.patient}/{file.series}" if file.series else ""
