"""DICOM folders whose classes a table tells: of patients, studies, series or single slices.

One of them is the layout of the RSNA 2022 cervical spine fracture challenge
(https://www.kaggle.com/competitions/rsna-2022-cervical-spine-fracture-detection/data).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pydicom

from spinealign.domain.errors import DataSetError
from spinealign.imaging.find import files_below
from spinealign.training.own.pictures import Picture
from spinealign.training.own.tables import read_table
from spinealign.wording import training as words

_KEYS: Final[Mapping[str, Sequence[str]]] = {
    "SOPInstanceUID": ("sopinstanceuid", "sop_instance_uid", "instanceuid"),
    "SeriesInstanceUID": ("seriesinstanceuid", "series_instance_uid", "seriesuid", "series_id"),
    "StudyInstanceUID": ("studyinstanceuid", "study_instance_uid", "studyuid", "study_id"),
    "PatientID": ("patientid", "patient_id"),
}
"""By what a row may name files, the narrowest first, and what its column is then called."""

RSNA_TABLE: Final = "train.csv"
RSNA_BOXES: Final = "train_bounding_boxes.csv"
RSNA_IMAGES: Final = "train_images"
RSNA_CLASSES: Final = ("normal", "fracture")


def is_dicom_with_table(data: Path) -> bool:
    """Tell whether a folder holds one table that names DICOM files by their identifiers."""
    return data.is_dir() and len(_tables(data)) == 1


def _tables(data: Path) -> list[Path]:
    known = {name for names in _KEYS.values() for name in names}
    found = []
    for path in sorted(data.glob("*.csv")):
        try:
            rows = read_table(path)
        except DataSetError:
            continue
        if known & set(rows[0]) and "image" not in rows[0]:  # else it names files
            found.append(path)
    return found


def list_dicom_with_table(data: Path, label_column: str = "") -> list[Picture]:
    """List the DICOM files below a folder with the classes that its table tells.

    Parameters
    ----------
    data : Path
    label_column : str
        Of the table; empty for one that is called so.

    Raises
    ------
    DataSetError
        The table tells no class, or names none of the files.
    """
    table = _tables(data)[0]
    rows = read_table(table, label_column)
    if "label" not in rows[0]:
        raise DataSetError(words.table_lacks(table, ["label"]))
    tag, column = next((t, n) for t, names in _KEYS.items() for n in names if n in rows[0])
    told = {row[column].strip(): row for row in rows if row[column].strip()}
    pictures = []
    for path in files_below(data):
        stated = _stated(path, tag)
        row = told.get(stated)
        if row is not None and row["label"].strip():
            name = path.relative_to(data).as_posix()
            # Identifiers are compared and not kept: `look_at` numbers the patients.
            pictures.append(Picture(path, name, row["label"].strip(), row.get("split", "").strip()))
    if not pictures:
        raise DataSetError(words.no_match_of_table(table))
    return pictures


def _stated(path: Path, tag: str) -> str:
    if path.suffix.lower() in (".csv", ".json", ".txt", ".md"):
        return ""
    try:
        found: Any = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[tag])
    except (pydicom.errors.InvalidDicomError, OSError, ValueError):
        return ""
    return str(found.get(tag, "") or "").strip()


def is_rsna_2022(data: Path) -> bool:
    """Tell whether a folder is laid out as the RSNA 2022 challenge's."""
    return (data / RSNA_TABLE).is_file() and (data / RSNA_IMAGES).is_dir()


def list_rsna_2022(data: Path) -> list[Picture]:
    """List the slices of the RSNA 2022 challenge with their classes and studies.

    A study's label says nothing of a single slice. Slices of studies without a fracture are
    normal; of the others those count that the challenge's boxes name, and the rest is left out.

    Raises
    ------
    DataSetError
        A table lacks a column, or there are no boxes.
    """
    rows = read_table(data / RSNA_TABLE)
    marks = read_table(data / RSNA_BOXES)
    _require(data / RSNA_TABLE, rows, ("StudyInstanceUID", "patient_overall"))
    _require(data / RSNA_BOXES, marks, ("StudyInstanceUID", "slice_number"))
    marked = {(row["studyinstanceuid"].strip(), _whole(row["slice_number"])) for row in marks}
    pictures = []
    for row in rows:
        study = row["studyinstanceuid"].strip()
        is_fractured = _whole(row["patient_overall"]) == 1
        for path in sorted((data / RSNA_IMAGES / study).glob("*.dcm")):
            if not is_fractured or (study, _whole(path.stem)) in marked:
                name = path.relative_to(data).as_posix()
                pictures.append(Picture(path, name, RSNA_CLASSES[is_fractured], patient=study))
    if not pictures:
        raise DataSetError(words.no_match_of_table(data / RSNA_TABLE))
    return pictures


def _require(table: Path, rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> None:
    if not {column.lower() for column in columns} <= set(rows[0]):
        raise DataSetError(words.table_lacks(table, columns))


def _whole(text: str) -> int:
    try:
        return int(float(text))
    except ValueError:
        return -1
