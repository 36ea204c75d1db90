"""Starts the process of a worker; it loads nothing else, so that it is early.

The program starts it before it loads its own libraries: both load at the same time, each on a
processor of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinealign.worker.process import Process
from spinealign.worker.served import Served

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

MEMORY_LIMIT_BYTES = 8 << 30
"""Of address space, of which libraries and networks take about 3 GiB before any image."""


def start_process(served: Served, memory_bytes: int = MEMORY_LIMIT_BYTES) -> Process:
    """Start a process that does what a worker asks, without waiting until it is ready.

    Parameters
    ----------
    served : Served
    memory_bytes : int
        Of address space; 0 for no limit. Linux only.
    """
    return Process(_serve, (served,), memory_bytes)


def _serve(connection: Connection, served: Served) -> None:
    from spinealign.worker.serving import serve

    serve(connection, served)
