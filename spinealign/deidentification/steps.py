"""What is told of a set of files on its way, so that another process can go on with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spinealign.deidentification.counting import Change
from spinealign.deidentification.report import FileOutcome
from spinealign.domain.errors import DeidentificationError, DeidentificationProblem
from spinealign.domain.findings import Step

_GIVEN_UP = frozenset(
    {DeidentificationProblem.CRASHED.value, DeidentificationProblem.TOO_LONG.value}
)


@dataclass(frozen=True)
class Begun:
    """A file is about to be read.

    Parameters
    ----------
    path : Path
    number : int
        Its place in the list of sources, from 1.
    step : Step
        What is done with it, and how far the whole set is.
    """

    path: Path
    number: int
    step: Step

    @property
    def name(self) -> str:
        """What is done, in words."""
        return self.step.name


@dataclass(frozen=True)
class FileDone:
    """What became of one file.

    Parameters
    ----------
    path : Path
    outcome : FileOutcome
    failure : DeidentificationError or None
        Why it was not written.
    changes : tuple of (Change, int)
        What was removed and changed in it, and how often.
    written : tuple of (str, str)
        Names in the folder of results, with the SHA-256 of what was written there.
    """

    path: Path
    outcome: FileOutcome
    failure: DeidentificationError | None = None
    changes: tuple[tuple[Change, int], ...] = ()
    written: tuple[tuple[str, str], ...] = ()

    @property
    def is_given_up(self) -> bool:
        """Whether reading it ended, or had to be ended, from outside: it is not opened again."""
        return self.outcome.problem in _GIVEN_UP


def given_up(begun: Begun, problem: DeidentificationProblem, detail: str) -> FileDone:
    """Return what became of a file whose reading ended, or had to be ended, from outside."""
    outcome = FileOutcome(begun.number, "", problem.value)
    return FileDone(begun.path, outcome, DeidentificationError(begun.path, problem, detail))
