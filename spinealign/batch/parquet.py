"""The tables of a batch as Parquet files, made by DuckDB: the extra ``cohort``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from spinealign.batch.cohort import NUMBER, TABLE_NAMES, TEXT, WHOLE, column_type
from spinealign.domain.errors import BatchError, BatchProblem
from spinealign.files import as_export_error, working_folder, written_beside

SUFFIX: Final = ".parquet"
_TYPES: Final = {WHOLE: "INTEGER", NUMBER: "DOUBLE", TEXT: "VARCHAR"}
_PIECE_BYTES: Final = 1 << 20


def require_parquet(folder: Path) -> None:
    """Do nothing where Parquet files can be written.

    Raises
    ------
    BatchError
        NO_PARQUET: DuckDB is not installed.
    """
    _duckdb(folder)


def write_parquet(folder: Path) -> tuple[Path, ...]:
    """Write a Parquet file beside each table of a batch, whole or not at all.

    Numbers are numbers there, text is UTF-8, and an empty cell has no value; columns and order of
    rows are those of the CSV files.

    Parameters
    ----------
    folder : Path
        With the tables that `cohort.write_tables` wrote.

    Returns
    -------
    tuple of Path

    Raises
    ------
    BatchError
        NO_PARQUET: DuckDB is not installed.
    ExportError
        A file is as it was before.
    """
    duckdb = _duckdb(folder)
    written = []
    with as_export_error(folder), working_folder(folder) as working:
        # One thread keeps the order of rows, and two runs alike byte by byte.
        settings = {"threads": 1, "autoinstall_known_extensions": False}
        with duckdb.connect(config=settings) as database:
            for name in TABLE_NAMES.values():
                path = (folder / name).with_suffix(SUFFIX)
                made = working / path.name
                _convert(database, folder / name, made)
                with written_beside(path, _pieces(made)) as whole:
                    whole.replace(path)
                written.append(path)
    return tuple(written)


def remove_parquet(folder: Path) -> None:
    """Remove the Parquet files that an earlier run wrote beside the tables of a batch.

    A batch writes one for each table, so fewer are not its own and stay.

    Raises
    ------
    ExportError
        One cannot be removed.
    """
    paths = [(folder / name).with_suffix(SUFFIX) for name in TABLE_NAMES.values()]
    if all(path.is_file() for path in paths):
        for path in paths:
            with as_export_error(path):
                path.unlink()


def _convert(database: Any, table: Path, made: Path) -> None:
    with table.open(encoding="utf-8", newline="") as file:
        columns = file.readline().rstrip("\r\n").split(",")
    types = {column: _TYPES[column_type(column)] for column in columns}
    database.read_csv(
        str(table), header=True, columns=types, delimiter=",", quotechar='"', escapechar='"',
        na_values="", parallel=False,
    ).write_parquet(str(made), compression="zstd")  # fmt: skip


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _duckdb(folder: Path) -> Any:
    try:
        import duckdb
    except ModuleNotFoundError as error:
        raise BatchError(folder, BatchProblem.NO_PARQUET) from error
    return duckdb
