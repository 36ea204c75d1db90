"""Lines of progress with the loss and the remaining time, and the curve that a training leaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from spinealign.wording.training import progress_text

EVERY_S = 5.0
"""Between two lines; the first and the last always come."""


class Progress:
    """Tells how far one part of a training is.

    Parameters
    ----------
    what : str
        Such as "fold 1 of 3".
    unit : str
        What is counted, such as "epoch".
    begun : int
        How many were done before, in a run that was cut off.
    clock, tell : callable
    """

    def __init__(
        self,
        what: str,
        unit: str,
        begun: int = 0,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._what = what
        self._unit = unit
        self._begun = begun
        self._clock = clock
        self._tell = tell or _print
        self._started = clock()
        self._told: float | None = None

    def __call__(self, done: int, of: int, **figures: float) -> None:
        """Tell a line, unless the last one was just told."""
        now = self._clock()
        is_due = self._told is None or done >= of or now - self._told >= EVERY_S
        if not is_due or done <= self._begun:
            return
        self._told = now
        left = (now - self._started) / (done - self._begun) * (of - done)
        self._tell(progress_text(self._what, done, of, self._unit, figures, left))


def _print(line: str) -> None:
    print(line, flush=True)


class Board:
    """Writes curves for TensorBoard; without a folder it writes nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def add(self, part: str, step: int, figures: Mapping[str, float]) -> None:
        """Add figures of one step of one part ("fold 1")."""
        if self._folder is None:
            return
        import tensorflow as tf

        if part not in self._writers:
            place = self._folder / part.replace(" ", "_")
            self._writers[part] = tf.summary.create_file_writer(str(place))
        with self._writers[part].as_default(step=step):
            for name, value in figures.items():
                tf.summary.scalar(name, value)
        self._writers[part].flush()
