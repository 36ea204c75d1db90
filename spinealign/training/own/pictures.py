"""Which pictures a data set holds, of which class and patient, and which of them are held out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from spinealign.domain.errors import DataSetError
from spinealign.imaging.find import find_images
from spinealign.training.own.tables import read_table
from spinealign.wording import training as words

TRAIN = "train"
NO_HELD_OUT = "none"

Marks = Mapping[str, Collection[str]]
"""What pictures are spread over folds by, by their names."""


class PatientSource(StrEnum):
    """What tells which pictures are of one patient."""

    TABLE = "table"
    PATTERN = "pattern"
    DICOM = "dicom"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Picture:
    """One picture of a data set.

    Parameters
    ----------
    path : Path
    name : str
        Its path below the data set, with forward slashes; no two pictures have the same.
    label : str
        Class; empty for pictures with masks.
    split : str
        "train", "val"... as the data set says; empty if it does not.
    patient : str
        What all pictures of one patient share. Where nothing tells patients apart it is `name`.
    sha256 : str
        Of the file's bytes; empty before it was looked at.
    content : str
        Mark of what it shows (`imaging.likeness`); empty before it was looked at.
    """

    path: Path
    name: str
    label: str = ""
    split: str = ""
    patient: str = ""
    sha256: str = ""
    content: str = ""


@dataclass(frozen=True)
class PictureSet:
    """All pictures of a data set, and what tells its patients apart."""

    pictures: tuple[Picture, ...]
    source: PatientSource

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, sorted."""
        return tuple(sorted({p.label for p in self.pictures}))

    @property
    def has_patients(self) -> bool:
        """Whether patients are known."""
        return self.source is not PatientSource.UNKNOWN

    def patients(self, label: str | None = None) -> set[str]:
        """Return the patients of a class, or of all."""
        return {p.patient for p in self.pictures if label is None or p.label == label}

    def where(self, wanted: Callable[[Picture], bool]) -> PictureSet:
        """Return the set with those pictures only for which `wanted` is true."""
        return replace(self, pictures=tuple(p for p in self.pictures if wanted(p)))


def list_pictures(data: Path, pattern: str | None = None, label_column: str = "") -> PictureSet:
    """List the pictures of a classified data set.

    Parameters
    ----------
    data : Path
        A folder ``train|val/<class>/...`` or ``<class>/...``, or a CSV table with the columns
        ``image``, ``label`` and, where known, ``patient`` and ``split``; its paths are relative
        to its own folder.
    pattern : str, optional
        Regular expression that finds the patient in a picture's name below the data set: its
        first group, or all that it matched. It counts before the table's column.
    label_column : str
        Of a table; empty for one that is called label, class or so.

    Raises
    ------
    DataSetError
        There is no such layout, the pattern is none, or it does not match a name.
    """
    if data.suffix.lower() != ".csv":
        return with_patients(_of_folder(data), pattern)
    rows = read_table(data, label_column)
    # In the split.csv of an audit, groups stand for patients that nothing tells.
    are_patients = not any(row.get("patient") == f"group {row.get('group')}" for row in rows)
    return with_patients(_of_table(data, rows), pattern, are_patients)


def _of_folder(data: Path) -> list[Picture]:
    if not data.is_dir():
        raise DataSetError(words.no_folder(data))
    top = [folder for folder in sorted(data.iterdir()) if _is_visible_folder(folder)]
    is_split = any(folder.name == TRAIN for folder in top)
    parts = [(folder.name, folder) for folder in top] if is_split else [("", data)]
    pictures = []
    for split, part in parts:
        for folder in filter(_is_visible_folder, sorted(part.iterdir())):
            pictures += [
                Picture(path, path.relative_to(data).as_posix(), folder.name, split)
                for path in _pictures_below(folder)
            ]
    return pictures


def _is_visible_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _pictures_below(folder: Path) -> list[Path]:
    if not any(path.is_file() for path in folder.rglob("*")):
        return []
    return find_images([folder])


def _of_table(table: Path, rows: Sequence[dict[str, str]]) -> list[Picture]:
    if not rows or "image" not in rows[0] or "label" not in rows[0]:
        raise DataSetError(words.table_lacks(table, ["image", "label"]))
    return [_of_row(table, row) for row in rows]


def _of_row(table: Path, row: dict[str, str]) -> Picture:
    label, name = row["label"].strip(), row["image"].strip()
    if not label or not name:
        raise DataSetError(words.table_row_lacks(table, row))
    patient = row.get("patient", "").strip()
    return Picture(
        table.parent / name, Path(name).as_posix(), label, row.get("split", "").strip(), patient
    )


def with_patients(
    pictures: Sequence[Picture], pattern: str | None, are_patients: bool = True
) -> PictureSet:
    """Return pictures with their patients: by a pattern, by what they have, or each its own.

    Raises
    ------
    DataSetError
        A picture is listed twice, the pattern finds nothing, or only some have a patient.
    """
    twice = _first_repeated(p.name for p in pictures)
    if twice is not None:
        raise DataSetError(words.listed_twice(twice))
    if pattern is not None:
        return PictureSet(
            tuple(replace(p, patient=patient_in(p.name, pattern)) for p in pictures),
            PatientSource.PATTERN,
        )
    if pictures and all(p.patient for p in pictures):
        source = PatientSource.TABLE if are_patients else PatientSource.UNKNOWN
        return PictureSet(tuple(pictures), source)
    if any(p.patient for p in pictures):
        without = next(p for p in pictures if not p.patient)
        raise DataSetError(words.no_patient_of(without.name))
    return PictureSet(tuple(replace(p, patient=p.name) for p in pictures), PatientSource.UNKNOWN)


def _first_repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def patient_in(name: str, pattern: str) -> str:
    """Return what a pattern finds in a picture's name: its first group, or all of the match.

    Raises
    ------
    DataSetError
        The pattern is no regular expression, or finds nothing.
    """
    try:
        match = re.search(pattern, name)
    except re.error as error:
        raise DataSetError(words.no_pattern(pattern, str(error))) from error
    found = "" if match is None else (match[1] if match.re.groups else match[0])
    if not found:
        raise DataSetError(words.pattern_finds_nothing(pattern, name))
    return found


def with_split(found: PictureSet, split: Path | None) -> PictureSet:
    """Return a set with the parts, and the groups, that a table names; split.csv of an audit.

    A group holds all pictures that must not be parted: it takes the place of the patient. Pictures
    that the table does not name are left out; an audit leaves out what cannot be read.

    Parameters
    ----------
    split : Path or None
        Table with the columns ``path``, ``part`` and, where known, ``group``. None changes nothing.

    Raises
    ------
    DataSetError
        It names none of the pictures.
    """
    if split is None:
        return found
    by_name = {row.get("image", ""): row for row in read_table(split)}
    # An audit names files from the folder of its table.
    by_place = {(split.parent / name).resolve(): row for name, row in by_name.items()}
    rows = {}
    for picture in found.pictures:
        row = by_name.get(picture.name) or by_place.get(picture.path.resolve())
        if row:
            rows[picture.name] = row
    kept = found.where(lambda p: p.name in rows)
    if not kept.pictures:
        raise DataSetError(words.not_in_split(split.name))
    has_groups = all(rows[p.name].get("group") for p in kept.pictures)
    parted = [
        replace(
            picture,
            split=rows[picture.name].get("split", ""),
            patient=rows[picture.name]["group"] if has_groups else picture.patient,
        )
        for picture in kept.pictures
    ]
    # Groups of an audit rest on likeness too: they do not tell that patients are known.
    return PictureSet(tuple(parted), found.source)


def numbered_patients(found: PictureSet, keys: Sequence[Hashable | None]) -> PictureSet:
    """Return a set whose patients are numbered by what their files say of them.

    Identifiers of patients are written nowhere: the first patient is called "patient 1".

    Parameters
    ----------
    found : PictureSet
        With unknown patients; others are returned as they are.
    keys : sequence
        One a picture: equal for pictures of one patient, None where the file does not say.
    """
    if found.has_patients or any(key is None for key in keys) or not keys:
        return found
    numbers: dict[Hashable, int] = {}
    for key in keys:
        numbers.setdefault(key, len(numbers) + 1)
    named = tuple(
        replace(picture, patient=f"patient {numbers[key]}")
        for picture, key in zip(found.pictures, keys, strict=True)
    )
    return PictureSet(named, PatientSource.DICOM)


def held_out(found: PictureSet, wanted: str | None, seed: int) -> set[str]:
    """Return the names of the pictures that no training sees.

    Parameters
    ----------
    wanted : str or None
        The name of a split, a share of patients between 0 and 1, or "none". None takes every
        split but "train" where the data set has splits, and nothing where it has none.
    seed : int
        Decides which patients a share takes.

    Raises
    ------
    DataSetError
        There is no such split, nothing would be left to train on, or a patient is on both sides.
    """
    splits = {p.split for p in found.pictures}
    if wanted == NO_HELD_OUT:
        return set()
    if wanted is None:
        chosen = {p.name for p in found.pictures if TRAIN in splits and p.split != TRAIN}
    elif wanted in splits and wanted:
        chosen = {p.name for p in found.pictures if p.split == wanted}
    else:
        chosen = _share_of_patients(found, wanted, splits, seed)
    _require_apart(found, chosen)
    return chosen


def _share_of_patients(found: PictureSet, wanted: str, splits: set[str], seed: int) -> set[str]:
    try:
        share = float(wanted)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise DataSetError(words.no_split(wanted, sorted(filter(None, splits))))
    patients: set[str] = set()
    for label in found.classes:
        of_class = sorted(found.patients(label))
        count = max(1, round(share * len(of_class)))
        shuffled = np.random.default_rng(seed).permutation(of_class).tolist()
        taken = [p for p in shuffled if p in patients]
        patients.update([p for p in shuffled if p not in patients][: max(0, count - len(taken))])
    return {p.name for p in found.pictures if p.patient in patients}


def _require_apart(found: PictureSet, chosen: set[str]) -> None:
    both = found.where(lambda p: p.name in chosen).patients()
    both &= found.where(lambda p: p.name not in chosen).patients()
    if both and found.has_patients:
        raise DataSetError(words.patients_on_both_sides(sorted(both)))
    if found.pictures and len(chosen) == len(found.pictures):
        raise DataSetError(words.nothing_to_train_on())


def folds_by_patient(
    found: PictureSet, count: int, seed: int, marks: Marks | None = None
) -> list[set[str]]:
    """Part the pictures into folds that share no patient and hold all classes alike.

    Parameters
    ----------
    count : int
        At most so many folds; there are no more than a class has patients.
    marks : mapping of str to set of str, optional
        What each picture is to be spread by, by its name, instead of its class; one may have
        several. Patients with rare marks are placed first, and there are `count` folds wherever
        each mark has two patients.

    Returns
    -------
    list of set of str
        Names of pictures; empty where a class or mark has a single patient, so that nothing can be
        held out.
    """
    own = {p.name: frozenset((p.label,)) for p in found.pictures} if marks is None else marks
    patients = _patients_of_marks(found, own)
    fewest = min((len(each) for each in patients.values()), default=0)
    count = min(count, fewest if marks is None else len(found.patients()))
    if count < 2 or fewest < 2:
        return []
    of_patient: dict[str, list[Picture]] = {}
    for picture in found.pictures:
        of_patient.setdefault(picture.patient, []).append(picture)
    order = np.random.default_rng(seed).permutation(sorted(of_patient)).tolist()
    # Patients with many pictures first: the small ones even out what is left.
    order.sort(key=lambda patient: -len(of_patient[patient]))
    if marks is not None:
        rarest = {
            patient: min((len(patients[mark]) for p in each for mark in own[p.name]), default=0)
            for patient, each in of_patient.items()
        }
        order.sort(key=lambda patient: rarest[patient] or len(order))
    folds = _filled(order, of_patient, own, count)
    return folds if marks is not None or all(_holds_all(found, fold) for fold in folds) else []


def _patients_of_marks(found: PictureSet, marks: Marks) -> dict[str, set[str]]:
    patients: dict[str, set[str]] = {}
    for picture in found.pictures:
        for mark in marks[picture.name]:
            patients.setdefault(mark, set()).add(picture.patient)
    return patients


def _filled(
    order: Sequence[str], of_patient: Mapping[str, Sequence[Picture]], marks: Marks, count: int
) -> list[set[str]]:
    """Return folds into which patients went one by one, each where its marks are rarest."""
    sizes = {mark: np.zeros(count) for each in marks.values() for mark in sorted(each)}
    folds: list[set[str]] = [set() for _ in range(count)]
    for patient in order:
        own = Counter(mark for p in of_patient[patient] for mark in marks[p.name])
        filled = sum(sizes[mark] / max(1, sizes[mark].sum()) for mark in sorted(own))
        chosen = int(np.argmin(filled if own else [len(fold) for fold in folds]))
        folds[chosen].update(p.name for p in of_patient[patient])
        for mark, number in own.items():
            sizes[mark][chosen] += number
    return folds


def single_classes(found: PictureSet) -> list[str]:
    """Return classes of a single patient: held out, none would be left to learn from."""
    return [label for label in found.classes if len(found.patients(label)) < 2]


def _holds_all(found: PictureSet, fold: set[str]) -> bool:
    """Whether what is left beside a fold has every class."""
    return found.where(lambda p: p.name not in fold).classes == found.classes
