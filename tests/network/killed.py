"""Senders, receivers and analyses that are killed: ``python -m tests.network.killed MODE ...``.

Each runs in a process of its own and is killed (SIGKILL) by itself at one moment: just before or
after a call that touches the disk, before a statement of the queue, or around a packet that is
sent. What was acknowledged goes through memory that outlives it. One line of JSON a run.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import socket
import sqlite3
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spinealign.domain.generators import run_to_end
from spinealign.network.connecting import Timeouts
from spinealign.network.node import Network
from tests.network.test_receiver import result_of

CALLS = ("fsync", "replace", "link", "unlink", "mkdir")
TIMEOUTS = Timeouts(connect=5, associate=5, answer=5, commitment=0.5)
NOW = 1_800_000_000.0
_MOMENTS, _ACKNOWLEDGED = 0, 8


class Shared:
    """Two numbers that a process shares with its children."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 16)

    def get(self, place: int) -> int:
        return int.from_bytes(self._memory[place : place + 8], "little")

    def set(self, place: int, value: int) -> None:
        self._memory[place : place + 8] = value.to_bytes(8, "little")


def count_moments(shared: Shared, at: int) -> None:
    """Count the moments; this process is killed at the one numbered `at`."""

    def one_more(*_: object) -> None:
        moment = shared.get(_MOMENTS) + 1
        shared.set(_MOMENTS, moment)
        if moment == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def wrapped(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:
            one_more()
            result = call(*args, **named)
            one_more()
            return result

        return counted

    for name in CALLS:
        setattr(os, name, wrapped(getattr(os, name)))
    socket.socket.send = wrapped(socket.socket.send)  # type: ignore[method-assign]
    connect = sqlite3.connect

    def traced(*args: Any, **named: Any) -> sqlite3.Connection:
        connection = connect(*args, **named)
        connection.set_trace_callback(one_more)
        return connection

    sqlite3.connect = traced


def own(profile: Path) -> Network:
    return Network(profile, now=lambda: NOW, timeouts=TIMEOUTS)


def send(profile: Path, files: list[str], shared: Shared) -> None:
    network = own(profile)
    for number, path in enumerate(files, 1):
        network.send(["Peer"], [Path(path)])
        shared.set(_ACKNOWLEDGED, number)
    run_to_end(network.deliver())
    network.close()


def receive(profile: Path, ready: int, count: int, shared: Shared) -> None:
    network = own(profile)
    network.start_receiver()
    os.write(ready, b".")
    while sum(series.instance_count for series in network.arrivals) < count:
        network.has_arrived.wait(10)
        network.has_arrived.clear()
    shared.set(_ACKNOWLEDGED, count)
    network.close()


def analyse(profile: Path, shared: Shared) -> None:
    network = Network(profile, now=lambda: NOW + 1e6, timeouts=TIMEOUTS)

    def made(series: object, folder: Path) -> list[Path]:
        return [result_of(profile.parent, next(folder.glob("*.dcm")))]

    run_to_end(network.analyse(made))
    shared.set(_ACKNOWLEDGED, 1)
    network.close()


def in_child(work: Callable[[], None]) -> int:
    child = os.fork()
    if child:
        return child
    try:  # the child of a test must not go on as the test
        work()
        os._exit(0)
    finally:
        traceback.print_exc()
        os._exit(1)


def one_run(mode: str, home: Path, files: list[str], at: int) -> dict[str, Any]:
    """Run once; return how many moments there were, what was acknowledged, and how it ended."""
    shared = Shared()
    profile = home / "profile"
    if mode == "send":
        child = in_child(lambda: (count_moments(shared, at), send(profile, files, shared))[-1])
    elif mode == "analyse":
        child = in_child(lambda: (count_moments(shared, at), analyse(profile, shared))[-1])
    else:
        incoming, outgoing = os.pipe()
        child = in_child(
            lambda: (
                count_moments(shared, at),
                receive(profile, outgoing, len(files), shared),
            )[-1]
        )
        os.close(outgoing)
        with os.fdopen(incoming, "rb") as pipe:
            pipe.read(1)  # it listens, or is dead
        sender = in_child(lambda: send(home / "sender", files, Shared()))
        os.waitpid(sender, 0)
    _, status = os.waitpid(child, 0)
    return {
        "moments": shared.get(_MOMENTS), "acknowledged": shared.get(_ACKNOWLEDGED),
        "killed": os.WIFSIGNALED(status), "code": status,
    }  # fmt: skip


def main(mode: str, folder: Path, wanted: int, files: list[str]) -> None:
    """Run once to the end in folder/whole, then killed in folder/1, folder/2, ..."""
    whole = one_run(mode, folder / "whole", files, 0)
    assert not whole["code"], whole
    for number in range(1, wanted + 1):
        at = max(1, round(whole["moments"] * number / (wanted + 1)))
        found = one_run(mode, folder / str(number), files, at)
        print(json.dumps({"run": number, "at": at, **found}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
