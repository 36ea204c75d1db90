"""Readings that are killed: ``python -m tests.killed_readings FOLDER MOMENTS``.

Each reading runs in a process of its own and kills itself (SIGKILL) at one moment, just before or
just after a call that touches the disk. What a step acknowledged goes through a pipe, which
outlives the kill. One line of JSON a reading says how many steps were acknowledged.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from spinealign.domain.reading import Decision, Reading
from spinealign.reading.session import ReadingSession
from tests.readings import Clock, back_analysis, genant, pfirrmann, store_in, there

CALLS = ("fsync", "replace", "link", "unlink", "mkdir")


def steps_of(session: ReadingSession) -> Iterator[Callable[[], Reading]]:
    """Yield what a reader does, from the first decision to the second addendum."""
    changed = Decision.CHANGED
    yield lambda: session.decide("height_loss/L1", Decision.ACCEPTED)
    yield lambda: session.decide("disc_grade/pfirrmann/L4/L5", changed, pfirrmann(4))
    yield lambda: session.decide("disc_grade/modic/L5/S1", Decision.REJECTED)
    yield session.undo
    yield lambda: session.decide("height_loss/L1", changed, genant(1))
    yield lambda: session.decide("disc_grade/herniation/L4/L5", changed, there(False))
    yield session.accept_rest
    yield lambda: session.write_impression("Mild loss of height of L1.\nNo change otherwise.")
    yield lambda: session.sign("A. Reader")
    yield lambda: session.add_addendum("L1 was known before.", "earlier film found")
    yield lambda: session.add_addendum("Film of 2019.", "asked by the ward", "B. Reader")


def begun(folder: Path) -> ReadingSession:
    return ReadingSession(back_analysis(), store_in(folder), now=Clock())


def read_in(folder: Path) -> list[Reading]:
    """Return the reading as it was after each step."""
    return [step() for step in steps_of(begun(folder))]


def count_calls(at: int, kill: Callable[[], None]) -> Callable[[], int]:
    """Count the moments round calls that touch the disk; `kill` comes at the one numbered `at`."""
    moment = 0

    def one_more() -> None:
        nonlocal moment
        moment += 1
        if moment == at:
            kill()

    def wrapped(call: Callable[..., object]) -> Callable[..., object]:
        def counted(*args: object, **named: object) -> object:
            one_more()
            result = call(*args, **named)
            one_more()
            return result

        return counted

    for name in CALLS:
        setattr(os, name, wrapped(getattr(os, name)))
    return lambda: moment


def _killed_at(folder: Path, moment: int) -> int:
    """Return how many steps were acknowledged before the kill."""
    incoming, outgoing = os.pipe()
    child = os.fork()
    if not child:
        count_calls(moment, lambda: os.kill(os.getpid(), signal.SIGKILL))
        for step in steps_of(begun(folder)):
            step()
            os.write(outgoing, b".")
        os._exit(0)
    os.close(outgoing)
    with os.fdopen(incoming, "rb") as pipe:
        acknowledged = len(pipe.read())
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the reading ended before its moment came"
    return acknowledged


def _moments_of(folder: Path) -> int:
    """Return how many moments a whole reading has; in a process of its own, like all others."""
    incoming, outgoing = os.pipe()
    child = os.fork()
    if not child:
        count = count_calls(0, lambda: None)
        read_in(folder)
        os.write(outgoing, str(count()).encode())
        os._exit(0)
    os.close(outgoing)
    with os.fdopen(incoming, "rb") as pipe:
        moments = int(pipe.read())
    os.waitpid(child, 0)
    return moments


def main(folder: Path, wanted: int) -> None:
    every = _moments_of(folder / "whole")
    chosen = sorted({1 + round(n * (every - 1) / (wanted - 1)) for n in range(wanted)})
    for moment in chosen:
        home = folder / str(moment)
        print(json.dumps({"moment": moment, "acknowledged": _killed_at(home, moment)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
