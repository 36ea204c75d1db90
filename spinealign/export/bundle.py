"""Writes all files of an analysis to a folder; on failure none is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spinealign.domain.findings import Analysis
from spinealign.domain.report_details import ReportDetails
from spinealign.export.exporters import (
    EXPORTERS,
    REPORT_OBJECT,
    RESULT,
    file_names,
    object_writers,
)
from spinealign.export.tables import SCHEMA_FAMILY
from spinealign.files import as_export_error, clear_unfinished, write_export, write_together
from spinealign.json_files import JsonError, read_json

if TYPE_CHECKING:
    from spinealign.export.dicom_objects import MissingObject

_LARGEST_RESULT_BYTES = 20_000_000


def write_bundle(
    analysis: Analysis, folder: Path, details: ReportDetails | None = None
) -> tuple[Path, ...]:
    """Write every file of an analysis into a folder, all or none.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    folder : Path
        Made if missing. An older result in it is replaced as a whole; files that
        are not of SpineAlign's making stay.
    details : ReportDetails, optional
        For the report; without them it holds no patient data.

    Returns
    -------
    tuple of Path
        The files written, in the order of `EXPORTERS`.

    Raises
    ------
    ExportError
        The folder is as it was before.
    DicomObjectError
        DICOM objects are wanted, were not tried before, and cannot all be made; the folder is as
        it was before.
    """
    told = details or ReportDetails()
    if told.dicom.is_in_folder and told.objects is None:
        told, missing = with_objects(analysis, folder, told)
        for one in missing:
            raise one.error
    made = told.objects or {}
    contents = {
        name: made[kind] if kind in made else EXPORTERS[kind].write(analysis, told)
        for kind, name in file_names(analysis, told).items()
    }
    put_bundle(folder, contents, told.prefix)
    return tuple(folder / name for name in contents)


def put_bundle(folder: Path, contents: Mapping[str, bytes], prefix: str = "") -> None:
    """Write the files of a result, by their names, into a folder as `write_bundle` does.

    Parameters
    ----------
    folder : Path
    contents : mapping of str to bytes
    prefix : str
        What all names begin with where others' results lie in the folder too. It is then not
        replaced as a whole: a result is whole where its analysis.json is there, which goes first
        and comes last.

    Raises
    ------
    ExportError
        The folder is as it was before; with a prefix, the result may be without analysis.json.
    """
    if prefix:
        _put_beside_others(folder, contents, prefix)
        return
    clear_unfinished(folder)
    with as_export_error(folder):
        write_together(folder, contents, _stale_names(folder, set(contents)))


def _put_beside_others(folder: Path, contents: Mapping[str, bytes], prefix: str) -> None:
    whole = f"{prefix}{EXPORTERS[RESULT].file_name}"
    stale = _stale_names(folder, set(contents), prefix)
    with as_export_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in (whole, *stale):
            (folder / name).unlink(missing_ok=True)
    for name in sorted(contents, key=lambda name: name == whole):
        write_export(folder / name, contents[name])


def with_objects(
    analysis: Analysis, folder: Path, details: ReportDetails
) -> tuple[ReportDetails, tuple[MissingObject, ...]]:
    """Make the DICOM objects of a folder of results, as far as they can be made.

    Parameters
    ----------
    analysis : Analysis
    folder : Path
        Where they are going to lie: a structured report of the image that lies there is the one
        that the new report takes the place of.
    details : ReportDetails
        Returned as it is where DICOM objects are not wanted.

    Returns
    -------
    ReportDetails
        For `write_bundle`.
    tuple of MissingObject
    """
    if not details.dicom.is_in_folder:
        return details, ()
    from spinealign.export.dicom_objects import made_objects
    from spinealign.export.dicom_reports import with_replaced

    older = folder / f"{details.prefix}{EXPORTERS[REPORT_OBJECT].file_name}"
    told = with_replaced(analysis, details, older)
    return made_objects(analysis, told, object_writers(analysis))


def write_one(
    analysis: Analysis, kind: str, path: Path, details: ReportDetails | None = None
) -> None:
    """Write one file of an analysis where the user wants it, whole or not at all.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    kind : str
        Of an exporter that has something to write.
    path : Path
        Replaced if it exists; its folder must exist.
    details : ReportDetails, optional
        For a report.

    Raises
    ------
    ValueError
        The analysis has no such result.
    ExportError
        The file is as it was before.
    """
    exporter = EXPORTERS.get(kind)
    if exporter is None or not (exporter.is_always_written or exporter.is_available(analysis)):
        raise ValueError(kind)
    told = details or ReportDetails()
    if kind == REPORT_OBJECT:
        from spinealign.export.dicom_reports import with_replaced

        told = with_replaced(analysis, told, path)
    write_export(path, exporter.write(analysis, told))


def _stale_names(folder: Path, new: set[str], prefix: str = "") -> list[str]:
    """Return files of an older SpineAlign result that the new one does not have."""
    path = folder / f"{prefix}{EXPORTERS[RESULT].file_name}"
    try:
        older = read_json(path, _OlderResult, most_bytes=_LARGEST_RESULT_BYTES)
    except (OSError, JsonError):
        return []
    listed = set(older.files.values()) if older.schema.startswith(SCHEMA_FAMILY) else set()
    own = [f"{prefix}{exporter.file_name}" for exporter in EXPORTERS.values()]
    return [name for name in own if name in listed - new]


@dataclass(frozen=True)
class _OlderResult:
    schema: str
    files: dict[str, str]
