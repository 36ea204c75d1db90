"""A process of the program: started, limited, and ended at once when it must be."""

from __future__ import annotations

import ctypes
import faulthandler
import multiprocessing
import re
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spinealign.domain.worker import Frame

_PLACE = re.compile(r'^  File "(.+)", line (\d+) in (.+)$')
_MOST_REPORT_BYTES = 1 << 15


class Process:
    """A worker process with a pipe to it; it ends with the program.

    Parameters
    ----------
    serve : callable
        What it runs, with its end of the pipe and `arguments`.
    memory_bytes : int
        Of address space that it may take; 0 for no limit. Linux only.
    """

    def __init__(
        self, serve: Callable[..., None], arguments: tuple[Any, ...] = (), memory_bytes: int = 0
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._report, their_report = context.Pipe(duplex=False)
        self._process: SpawnProcess = context.Process(
            target=_run, args=(serve, theirs, their_report, arguments, memory_bytes), daemon=True
        )
        self._process.start()
        theirs.close()
        their_report.close()

    @property
    def pid(self) -> int:
        """Of the system."""
        return self._process.pid or 0

    def wait_for_end(self, seconds: float) -> int | None:
        """Return the code with which it ended; None where it has not in this time."""
        self._process.join(seconds)
        return self._process.exitcode

    def frames(self) -> tuple[Frame, ...]:
        """Return where in the program a signal met it, outermost first; read once, after it."""
        if sys.platform == "win32" or not self._report.poll():
            return ()
        import os

        text = os.read(self._report.fileno(), _MOST_REPORT_BYTES).decode(errors="replace")
        return crash_places(text)

    def kill(self) -> None:
        """End it now, whatever it is in the middle of."""
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        """Let go of the pipes."""
        self.connection.close()
        self._report.close()


def crash_places(text: str) -> tuple[Frame, ...]:
    """Return the places of the thread that a signal met, from what `faulthandler` wrote.

    Parameters
    ----------
    text : str
        Has files, lines and names of functions, and no value.
    """
    found: list[Frame] = []
    is_here = False
    for line in text.splitlines():
        if "hread 0x" in line or line.startswith("Stack "):
            if found:
                break
            is_here = line.startswith("Current thread") or line.startswith("Stack ")
        place = _PLACE.match(line)
        if place and is_here:
            found.append((place[1], int(place[2]), place[3]))
    return tuple(reversed(found))


def limit_memory(most_bytes: int) -> None:
    """Let this process fail with a MemoryError rather than take more; Linux only."""
    if sys.platform == "linux" and most_bytes:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))


def give_back_freed_memory() -> bool:
    """Let the system have the memory that the C library keeps for itself after use.

    The GNU library keeps the pages of freed arrays below its threshold for mapping, which grows
    with the arrays, so that the films of closed cases seem still open (malloc_trim(3)). It takes
    about 5 ms for 100 MB.

    Returns
    -------
    bool
        Whether any was given back; False also where the C library is another one.
    """
    if sys.platform != "linux":
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))


def _run(
    serve: Callable[..., None],
    connection: Connection,
    report: Connection,
    arguments: tuple[Any, ...],
    memory_bytes: int,
) -> None:
    from spinealign.core_dumps import switch_off_core_dumps

    limit_memory(memory_bytes)
    # It holds pictures of patients from the first call on.
    switch_off_core_dumps()
    if sys.platform != "win32":
        faulthandler.enable(report.fileno(), all_threads=False)
    serve(connection, *arguments)
