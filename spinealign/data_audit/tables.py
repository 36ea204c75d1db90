"""CSV lists of files with classes, patients and parts, by whatever names their columns have."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from spinealign.domain.errors import DataSetError

FILE_NAMES: Final = (
    "file", "filename", "file_name", "path", "image", "image_path", "img", "name", "image_id",
)  # fmt: skip
LABEL_NAMES: Final = ("class", "label", "category", "target", "diagnosis", "y")
PATIENT_NAMES: Final = (
    "patient", "patient_id", "patientid", "subject", "subject_id", "case", "case_id", "person",
    "studyinstanceuid", "study_id",
)  # fmt: skip
PART_NAMES: Final = ("split", "subset", "part", "set", "partition", "fold")
_TOLD_NAMES: Final = ("source_name", "original_name", "original_file", "source_file", "original")
_MOST_BYTES: Final = 200_000_000
_MOST_FIELD: Final = 1_000_000


@dataclass(frozen=True)
class Columns:
    """Which columns of a list mean what; empty ones are looked for by their usual names."""

    file: str = ""
    label: str = ""
    patient: str = ""
    part: str = ""


@dataclass(frozen=True)
class ToldRow:
    """What a row of a list says of a file; empty where it says nothing.

    `further` are the columns that mean nothing to the program, with their titles in lower case.
    """

    label: str
    patient: str
    part: str
    told_name: str
    further: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Table:
    """One CSV file: its columns, lower case, its rows, and how many others do not fit them.

    `titles` are the columns as the file spells them; `numbers` is each row's place in the file, the
    titles being row 1, and `odd_at` place and cells of those that do not fit.
    """

    path: Path
    columns: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    odd_rows: int = 0
    titles: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    odd_at: tuple[tuple[int, int], ...] = ()

    def column(self, given: str, usual: Sequence[str]) -> int | None:
        """Return the place of a column by its name, or by its usual names."""
        if given:
            if given.lower() not in self.columns:
                raise DataSetError(f"{self.path.name} has no column {given}")
            return self.columns.index(given.lower())
        return next((self.columns.index(name) for name in usual if name in self.columns), None)

    def taken(self, columns: Columns) -> dict[str, str]:
        """Return the title taken for file, class, patient and split; empty where there is none."""
        places = {
            "file": self.column(columns.file, FILE_NAMES),
            "class": self.column(columns.label, LABEL_NAMES),
            "patient": self.column(columns.patient, PATIENT_NAMES),
            "split": self.column(columns.part, PART_NAMES),
        }
        return {
            what: "" if place is None else self.titles[place].strip()
            for what, place in places.items()
        }

    def rows(self, columns: Columns) -> Iterator[tuple[str, ToldRow]]:
        """Yield each row's file and what it says."""
        file = self.column(columns.file, FILE_NAMES)
        places = (
            self.column(columns.label, LABEL_NAMES),
            self.column(columns.patient, PATIENT_NAMES),
            self.column(columns.part, PART_NAMES),
            self.column("", _TOLD_NAMES),
        )
        further = [k for k in range(len(self.columns)) if k not in (file, *places)]
        for line in self.lines:
            if file is not None and line[file].strip():
                label, patient, part, told_name = (
                    "" if place is None else line[place].strip() for place in places
                )
                more = tuple((self.columns[k], line[k].strip()) for k in further)
                row = ToldRow(label, patient, part, told_name, more)
                yield line[file].strip().replace("\\", "/"), row

    def rows_by_stem(self, columns: Columns) -> dict[str, ToldRow]:
        """Return rows by the file's name in lower case, with and without its suffix."""
        found: dict[str, ToldRow] = {}
        for given, row in self.rows(columns):
            found.setdefault(given.lower(), row)
            found.setdefault(Path(given).name.lower(), row)
            found.setdefault(Path(given).stem.lower(), row)
        return found

    def stems(self, file_column: str) -> set[str]:
        """Return the names of the files that rows name, in lower case."""
        place = self.column("", [file_column.lower()] if file_column else FILE_NAMES)
        if place is None:
            return set()
        return {Path(line[place].strip().replace("\\", "/")).name.lower() for line in self.lines}


def read_tables(folder: Path) -> list[Table]:
    """Read all CSV files of a folder that can be read."""
    found = []
    for path in sorted(folder.glob("*.csv")):
        try:
            found.append(table_of(path))
        except DataSetError:
            continue
    return found


def table_of(path: Path) -> Table:
    """Read one CSV file.

    Raises
    ------
    DataSetError
        It is none, too large, or has no rows.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataSetError(f"{path.name} is too large for a list")
        csv.field_size_limit(_MOST_FIELD)
        with path.open(newline="", encoding="utf-8-sig") as stream:
            lines = [
                tuple(line) for line in csv.reader(stream, _dialect(stream.readline(), stream))
            ]
    except UnicodeDecodeError as error:
        raise DataSetError(
            f"{path.name} is no list in UTF-8; save it again as CSV in UTF-8"
        ) from error
    except OSError as error:
        raise DataSetError(f"{path.name} cannot be read: {error.strerror}") from error
    except csv.Error as error:
        raise DataSetError(f"{path.name} is no list of columns; save it again as CSV") from error
    if len(lines) < 2:
        raise DataSetError(f"{path.name} has no rows")
    columns = tuple(column.strip().lower() for column in lines[0])
    numbered = list(enumerate(lines[1:], start=2))
    fitting = [(number, line) for number, line in numbered if len(line) == len(columns)]
    odd = tuple((n, len(line)) for n, line in numbered if line and len(line) != len(columns))
    numbers = tuple(number for number, _ in fitting)
    rows = tuple(line for _, line in fitting)
    return Table(path, columns, rows, len(odd), lines[0], numbers, odd)


def _dialect(first: str, stream: object) -> type[csv.Dialect]:
    """Return how fields are separated, by what the first line holds most."""
    stream.seek(0)  # type: ignore[attr-defined]
    separator = max(",;\t", key=first.count)

    class Separated(csv.excel):
        delimiter = separator

    return Separated
