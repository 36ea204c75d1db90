"""Words about the process that reads, analyses and writes for the window."""

from __future__ import annotations

from spinealign.domain.worker import WorkerError, WorkerProblem
from spinealign.wording.text import safe_text

REPLACED = (
    "Stopped. A step did not end by itself, so the process that reads and analyses was started "
    "anew; all other cases go on."
)
"""Told in passing."""


def worker_words(error: WorkerError) -> tuple[str, str]:
    """Return a sentence about a worker that gave no answer, and what to do; no patient data."""
    step = safe_text(error.step[:1].lower() + error.step[1:])
    during = f" while {step}" if step else ""
    if error.problem is WorkerProblem.NO_START:
        return (
            "The process that reads and analyses could not be started.",
            "Close other programs to free memory, and start SpineAlign again.",
        )
    if error.problem is WorkerProblem.TOO_LONG:
        return (
            f"This was given up{during}: a step took longer than {error.limit_s:.0f} s. The other "
            "cases are not affected.",
            "Try it again with nothing else running; the file may also be damaged.",
        )
    if error.problem is WorkerProblem.FORGED:
        return (
            f"The process that reads and analyses was ended{during}, because it sent what no part "
            "of SpineAlign sends. The other cases are not affected.",
            "Do not open this file again: it may have been made to attack whoever opens it. Show "
            "it to whoever looks after this computer.",
        )
    how = f"signal {-error.code}" if error.code < 0 else f"code {error.code}"
    return (
        f"The process that reads and analyses ended by {how}{during}. The other cases are not "
        "affected.",
        "The file may be damaged, or memory too small; you can go on working, and try it again.",
    )
