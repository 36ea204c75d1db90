"""Writes all files of an analysis to a folder; on failure none is left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spinealign.domain.findings import Analysis
from spinealign.export.exporters import EXPORTERS, available_kinds, file_names
from spinealign.export.tables import SCHEMA_FAMILY
from spinealign.files import as_export_error, write_export, write_together
from spinealign.json_files import JsonError, read_json

_LARGEST_RESULT_BYTES = 20_000_000


def write_bundle(analysis: Analysis, folder: Path) -> tuple[Path, ...]:
    """Write every file of an analysis into a folder, all or none.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    folder : Path
        Made if missing. An older result in it is replaced as a whole; files that
        are not of SpineAlign's making stay.

    Returns
    -------
    tuple of Path
        The files written, in the order of `EXPORTERS`.

    Raises
    ------
    ExportError
        The folder is as it was before.
    """
    contents = {
        name: EXPORTERS[kind].write(analysis) for kind, name in file_names(analysis).items()
    }
    with as_export_error(folder):
        write_together(folder, contents, _stale_names(folder, set(contents)))
    return tuple(folder / name for name in contents)


def write_one(analysis: Analysis, kind: str, path: Path) -> None:
    """Write one file of an analysis where the user wants it, whole or not at all.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    kind : str
        One of `available_kinds`.
    path : Path
        Replaced if it exists; its folder must exist.

    Raises
    ------
    ValueError
        The analysis has no such result.
    ExportError
        The file is as it was before.
    """
    if kind not in available_kinds(analysis):
        raise ValueError(kind)
    write_export(path, EXPORTERS[kind].write(analysis))


def _stale_names(folder: Path, new: set[str]) -> list[str]:
    """Return files of an older SpineAlign result that the new one does not have."""
    try:
        older = read_json(
            folder / EXPORTERS["json"].file_name, _OlderResult, most_bytes=_LARGEST_RESULT_BYTES
        )
    except (OSError, JsonError):
        return []
    listed = set(older.files.values()) if older.schema.startswith(SCHEMA_FAMILY) else set()
    own = [exporter.file_name for exporter in EXPORTERS.values()]
    return [name for name in own if name in listed - new]


@dataclass(frozen=True)
class _OlderResult:
    schema: str
    files: dict[str, str]
