"""What goes wrong with the process that reads, analyses and writes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from spinealign.domain.errors import SpineAlignError

Frame = tuple[str, int, str]
"""A place in the program: file, line and function."""


class WorkerProblem(StrEnum):
    """Why a worker process gave no answer."""

    ENDED = "ended"
    TOO_LONG = "too_long"
    NO_START = "no_start"
    FORGED = "forged"


class WorkerError(SpineAlignError):
    """The worker process ended, or was ended, in the middle of something.

    Parameters
    ----------
    problem : WorkerProblem
    code : int
        Of the process: a negative one is the signal that ended it; 0 where it has none.
    step : str
        What was being done, in the program's own words; empty before the first step.
    limit_s : float
        That a step may take; 0 unless that is why.
    worker_frames : sequence of Frame
        Where in the program the process was when a signal ended it, outermost first.
    """

    def __init__(
        self,
        problem: WorkerProblem,
        code: int = 0,
        step: str = "",
        limit_s: float = 0.0,
        worker_frames: Sequence[Frame] = (),
    ) -> None:
        super().__init__(problem.value)
        self.problem = problem
        self.code = code
        self.step = step
        self.limit_s = limit_s
        self.worker_frames = tuple(worker_frames)
