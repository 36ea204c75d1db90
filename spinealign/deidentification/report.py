"""What was done, without the values and without the names of the sources: JSON and text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from spinealign import __version__
from spinealign.deidentification.counting import Changes
from spinealign.deidentification.options import Options, method_codes
from spinealign.deidentification.table import TABLE
from spinealign.domain.errors import DeidentificationError, DeidentificationProblem

SCHEMA: Final = "spinealign-deidentification-1"
REPORT_NAME: Final = "deidentification.json"
TEXT_NAME: Final = "deidentification.txt"

HELD_BACK: Final = frozenset({
    DeidentificationProblem.TEXT_FOUND,
    DeidentificationProblem.TEXT_STATED,
    DeidentificationProblem.PIXELS_UNSEEN,
})  # fmt: skip
"""Problems that a person's look at the pixels takes away."""


class FileOutcome(msgspec.Struct, frozen=True):
    """What became of one source, by its number in the list of sources.

    Parameters
    ----------
    number : int
    written : str
        Where it is in the folder of results; empty where it is not.
    problem : str
        A `DeidentificationProblem`; empty where it was written.
    boxes : int
        How many boxes were blackened.
    looked : bool
        Whether a person looked at its pixels.
    """

    number: int
    written: str
    problem: str
    boxes: int = 0
    looked: bool = False


class ChangeCount(msgspec.Struct, frozen=True):
    """How often one kind of change was made."""

    tag: str
    name: str
    action: str
    count: int


class ReportFile(msgspec.Struct, frozen=True):
    """The report as `deidentification.json` holds it."""

    schema: Literal["spinealign-deidentification-1"]
    program_version: str
    method: list[str]
    files: list[FileOutcome]
    changes: list[ChangeCount]
    table: str = TABLE


@dataclass(frozen=True)
class Report:
    """The outcome of a run.

    Parameters
    ----------
    file : ReportFile
        What is written; holds nothing that names anybody.
    failures : tuple of DeidentificationError
        With the paths of the sources, for the person at this computer only.
    out : Path
    """

    file: ReportFile
    failures: tuple[DeidentificationError, ...]
    out: Path

    @property
    def written(self) -> int:
        """Return how many files were written."""
        return sum(bool(outcome.written) for outcome in self.file.files)

    @property
    def held_back(self) -> int:
        """Return how many files wait for a person to look at their pixels."""
        return sum(error.problem in HELD_BACK for error in self.failures)


def report_file(options: Options, outcomes: list[FileOutcome], counts: Changes) -> ReportFile:
    """Put a report together."""
    was_looked_at = any(outcome.looked and outcome.written for outcome in outcomes)
    codes = method_codes(options, pixels_cleaned=was_looked_at)
    changes = [
        ChangeCount(change.tag, change.name, change.action, count)
        for change, count in sorted(counts.items())
    ]
    method = [f"{value} {meaning}" for value, meaning in codes]
    return ReportFile(SCHEMA, __version__, method, outcomes, changes)


def report_json(report: ReportFile) -> bytes:
    """Return a report as the bytes of its file."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
