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
    """Writes curves that TensorBoard shows; without a folder it writes nothing.

    Event files are records of `tensorflow.core.util.event_pb2.Event`; writing them needs
    TensorFlow only, and TensorBoard may be installed elsewhere.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def add(self, part: str, step: int, figures: Mapping[str, float]) -> None:
        """Add figures of one step of one part ("fold 1")."""
        if self._folder is None:
            return
        from tensorflow.core.framework.summary_pb2 import Summary
        from tensorflow.core.util.event_pb2 import Event

        values = [Summary.Value(tag=name, simple_value=value) for name, value in figures.items()]
        writer = self._writer(part)
        event = Event(wall_time=time.time(), step=step, summary=Summary(value=values))
        writer.write(event.SerializeToString())
        writer.flush()

    def _writer(self, part: str) -> Any:
        import tensorflow as tf
        from tensorflow.core.util.event_pb2 import Event

        if part not in self._writers:
            assert self._folder is not None
            folder = self._folder / part.replace(" ", "_")
            folder.mkdir(parents=True, exist_ok=True)
            begun = time.time()
            path = folder / f"events.out.tfevents.{begun:.6f}.spinealign"
            self._writers[part] = tf.io.TFRecordWriter(str(path))
            first = Event(wall_time=begun, file_version="brain.Event:2")
            self._writers[part].write(first.SerializeToString())
        return self._writers[part]
