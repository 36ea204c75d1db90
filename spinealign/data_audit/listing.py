"""Which files a data set has, and what folders and lists say about them.

Layouts: ``train|val|test/<class>/`` and ``<class>/``, either with a folder a patient below; a CSV
list, alone or among the pictures; ``images`` beside ``masks``; folders of DICOM files. What was
taken for what stands in the report, and options overrule it.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from spinealign.data_audit.tables import Columns, Table, ToldRow, read_tables, table_of
from spinealign.domain.data_audit import Layout, PatientSource
from spinealign.domain.errors import DataSetError
from spinealign.domain.formats import DICOM, SUFFIXES
from spinealign.imaging.find import files_below
from spinealign.imaging.sniff import HEAD_BYTES, sniff

PARTS: Final = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
    "dev": "val", "test": "test", "testing": "test", "holdout": "test", "held-out": "test",
}  # fmt: skip
"""Names of folders and values of lists that name a part of a split."""

MASK_FOLDERS: Final = frozenset(
    {"mask", "masks", "label", "labels", "labelstr", "segmentation", "segmentations"}
)
IMAGE_FOLDERS: Final = frozenset({"image", "images", "imagestr", "img", "imgs"})
_OWN_SUFFIXES: Final = (*SUFFIXES, ".mha", ".mhd")
_MOST_CLASSES: Final = 30
"""More folders than this are patients, not classes."""


@dataclass(frozen=True)
class ListedFile:
    """One file of a data set, before anything of it was read.

    Parameters
    ----------
    path : Path
    name : str
        Relative to the data set, with forward slashes.
    part, label, patient : str
        Empty where nothing says them.
    patient_source : PatientSource
    told_name : str
        The name that this picture had at its source, where a list tells it.
    mask : Path or None
    further : tuple of (str, str)
        Titles in lower case and values of a list's columns that mean nothing to the program.
    """

    path: Path
    name: str
    part: str = ""
    label: str = ""
    patient: str = ""
    patient_source: PatientSource = PatientSource.UNKNOWN
    told_name: str = ""
    mask: Path | None = None
    further: tuple[tuple[str, str], ...] = ()


def list_files(
    place: Path, layout: Layout | None = None, columns: Columns | None = None
) -> tuple[Layout, list[ListedFile]]:
    """List a folder or a CSV list.

    Parameters
    ----------
    place : Path
    layout : Layout or None
        None: as it looks.
    columns : Columns or None
        Of a list.

    Raises
    ------
    DataSetError
        There is nothing to audit.
    """
    wanted = columns or Columns()
    if place.is_file():
        return Layout.LIST, _listed(place.parent, table_of(place), wanted, [])
    if not place.is_dir():
        raise DataSetError(f"{place} is no folder and no list")
    paths = [path for path in files_below(place) if _is_picture(path)]
    table = _best_table(place, paths, wanted)
    if not paths and table is None:
        raise DataSetError(f"{place} holds no pictures")
    chosen = layout or _layout_of(place, paths, table)
    if chosen is Layout.MASKS:
        files = _with_masks(place, paths)
    elif chosen is Layout.LIST and table is not None:
        return chosen, _listed(place, table, wanted, paths)
    else:
        files = [_by_folders(place, path, chosen) for path in paths]
    if table is not None:
        files = _told_by(table, wanted, files)
    return chosen, files


def told_by_pattern(files: Sequence[ListedFile], pattern: str) -> list[ListedFile]:
    """Take patients from the first group of a regular expression on each file's name.

    Where it does not match, or for an empty one, a file stays as it is.
    """
    found = []
    for file in files:
        match = re.search(pattern, file.name) if pattern else None
        told = match[1] if match else None
        found.append(
            replace(file, patient=told, patient_source=PatientSource.LIST) if told else file
        )
    return found


def _is_picture(path: Path) -> bool:
    """Tell whether a file claims to be a picture, by its name or its content."""
    name = path.name.lower()
    if name.endswith(_OWN_SUFFIXES):
        return True
    if name.endswith((".csv", ".json", ".txt", ".md", ".zip", ".py", ".yaml", ".npz", ".raw")):
        return False
    try:
        with path.open("rb") as file:
            return name != "dicomdir" and sniff(file.read(HEAD_BYTES)) is not None
    except OSError:
        return False


def _layout_of(place: Path, paths: Sequence[Path], table: Table | None) -> Layout:
    folders = [path.relative_to(place).parts[:-1] for path in paths]
    firsts = {parts[0].lower() for parts in folders if parts}
    if firsts & IMAGE_FOLDERS and firsts & MASK_FOLDERS:
        return Layout.MASKS
    if any(part.lower() in PARTS for parts in folders for part in parts[:2]):
        return Layout.SPLIT_FOLDERS
    if table is not None:
        return Layout.LIST
    # Folders with a patient each are no classes; nor is a single one.
    if not 2 <= len(firsts) <= _MOST_CLASSES or not all(folders) or _holds_patients(place, paths):
        return Layout.FILES
    return Layout.CLASS_FOLDERS


def _holds_patients(place: Path, paths: Sequence[Path]) -> bool:
    """Tell whether every first folder of DICOM files holds one patient, and no other does."""
    from spinealign.data_audit.dicom_facts import patient_of

    owners: dict[str, set[str]] = {}
    for path in paths:
        if not _is_dicom(path):
            return False
        owners.setdefault(path.relative_to(place).parts[0], set()).add(patient_of(path))
    patients = [owner for found in owners.values() for owner in found]
    return all(len(found) == 1 for found in owners.values()) and len(set(patients)) == len(owners)


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return sniff(file.read(HEAD_BYTES)) is DICOM
    except OSError:
        return False


def _by_folders(place: Path, path: Path, layout: Layout) -> ListedFile:
    folders = list(path.relative_to(place).parts[:-1])
    name = path.relative_to(place).as_posix()
    part = ""
    for depth, folder in enumerate(folders[:2]):
        if folder.lower() in PARTS and layout is not Layout.FILES:
            part = PARTS[folder.lower()]
            del folders[depth]
            break
    label = folders.pop(0) if folders and layout is not Layout.FILES else ""
    patient = folders[0] if folders else ""
    source = PatientSource.FOLDER if patient else PatientSource.UNKNOWN
    return ListedFile(path, name, part, label, patient, source)


def _with_masks(place: Path, paths: Sequence[Path]) -> list[ListedFile]:
    masks = {}
    images = []
    for path in paths:
        folders = [part.lower() for part in path.relative_to(place).parts[:-1]]
        if MASK_FOLDERS.intersection(folders):
            masks[_plain_stem(path)] = path
        else:
            images.append(path)
    parts = [
        next((PARTS[p.lower()] for p in path.relative_to(place).parts if p.lower() in PARTS), "")
        for path in images
    ]
    return [
        ListedFile(
            path, path.relative_to(place).as_posix(), part, mask=masks.get(_plain_stem(path), _NONE)
        )
        for path, part in zip(images, parts, strict=True)
    ]


_NONE: Final = Path()
"""In place of a mask that should be there and is not."""


def has_no_mask(file: ListedFile) -> bool:
    """Tell whether a picture should have a mask and has none."""
    return file.mask == _NONE


def _plain_stem(path: Path) -> str:
    stem = path.name.lower().removesuffix(".gz").rsplit(".", 1)[0]
    for ending in ("_mask", "-mask", "_seg", "_label", "_0000"):
        stem = stem.removesuffix(ending)
    return stem


def _best_table(place: Path, paths: Sequence[Path], columns: Columns) -> Table | None:
    """Return the list among the pictures that names most of them; None where none names half."""
    stems = {path.stem.lower() for path in paths} | {path.name.lower() for path in paths}
    best, most = None, 0
    for table in read_tables(place):
        count = len(table.stems(columns.file) & stems)
        if count > most:
            best, most = table, count
    return best if most * 2 >= len({path.stem.lower() for path in paths}) else None


def _told_by(table: Table, columns: Columns, files: Sequence[ListedFile]) -> list[ListedFile]:
    rows = table.rows_by_stem(columns)
    stems = Counter(file.path.stem.lower() for file in files)
    found = []
    for file in files:
        stem = file.path.stem.lower()
        # A bare name that several files have tells nothing of any of them.
        by_name = rows.get(stem) or rows.get(file.path.name.lower()) if stems[stem] == 1 else None
        found.append(_with_row(file, rows.get(file.name.lower()) or by_name))
    return found


def _with_row(file: ListedFile, row: ToldRow | None) -> ListedFile:
    if row is None:
        return file
    source = PatientSource.LIST if row.patient else file.patient_source
    part = file.part or PARTS.get(row.part.lower(), "")
    return replace(
        file, label=file.label or row.label, part=part, patient=row.patient or file.patient,
        patient_source=source, told_name=row.told_name, further=row.further,
    )  # fmt: skip


def _listed(
    folder: Path, table: Table, columns: Columns, paths: Sequence[Path]
) -> list[ListedFile]:
    """List what the rows of a table name; a file that is not there is listed all the same."""
    rows = list(table.rows(columns))
    # A list may lie above much else: that is searched only for names without their folder.
    is_complete = all((folder / given).is_file() for given, _ in rows)
    by_name = {} if is_complete else _by_name(paths or files_below(folder))
    files = []
    for given, row in rows:
        direct = folder / given
        likely = by_name.get(Path(given).name.lower(), set())
        path = next(iter(likely)) if len(likely) == 1 and not direct.is_file() else direct
        name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else given
        files.append(_with_row(ListedFile(path, name), row))
    files = _from_common_folder(files)
    counts = Counter(file.name for file in files)
    if not files:
        raise DataSetError(_no_files(table, columns))
    return [
        file
        for place, file in enumerate(files)
        if counts[file.name] == 1 or _is_first(files, place)
    ]


def _no_files(table: Table, columns: Columns) -> str:
    told = f"{table.path.name} names no files"
    if table.taken(columns)["file"]:
        return told
    titles = ", ".join(title.strip() for title in table.titles)
    return f"{told}: none of its columns ({titles}) is taken for the files; --file-column names it"


def _by_name(paths: Iterable[Path]) -> dict[str, set[Path]]:
    """Return pictures by their names in lower case, with and without suffix."""
    found: dict[str, set[Path]] = {}
    for path in paths:
        if _is_picture(path):
            found.setdefault(path.stem.lower(), set()).add(path)
            found.setdefault(path.name.lower(), set()).add(path)
    return found


def _from_common_folder(files: Sequence[ListedFile]) -> list[ListedFile]:
    """Name files that lie elsewhere than their list from the folder that they share."""
    if all(file.path.name == file.name or not _is_elsewhere(file) for file in files):
        return list(files)
    whole = [file.path.resolve() for file in files]
    shared = Path(os.path.commonpath([path.parent for path in whole]))
    return [
        replace(file, name=path.relative_to(shared).as_posix())
        for file, path in zip(files, whole, strict=True)
    ]


def _is_elsewhere(file: ListedFile) -> bool:
    return Path(file.name).is_absolute() or file.name.startswith("../")


def _is_first(files: Sequence[ListedFile], place: int) -> bool:
    return all(file.name != files[place].name for file in files[:place])
