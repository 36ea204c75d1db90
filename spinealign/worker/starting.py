"""Starts the process of a worker; it loads nothing else, so that it is early.

The program starts it before it loads its own libraries: both load at the same time, each on a
processor of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spinealign.worker.process import Process

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

MEMORY_LIMIT_BYTES = 8 << 30
"""Of address space, of which libraries and networks take about 3 GiB before any image."""

REST_S = 20.0
"""Longer than most pauses of somebody at work; loading a network again takes 0.1 s."""


@dataclass(frozen=True)
class Served:
    """What a worker process is for.

    Parameters
    ----------
    modules : tuple of str
        Imported while nothing is asked yet.
    admitted : tuple of str
        Classes whose values may be sent beside those of the domain; see `Channel`.
    at_rest : str
        A function, as ``module:name``, called once nothing was asked for `rest_s`; or empty.
    rest_s : float
    at_start : str
        A function, as ``module:name``, called with `given` once `modules` are imported; or empty.
    given : tuple
    """

    modules: tuple[str, ...] = ()
    admitted: tuple[str, ...] = ()
    at_rest: str = ""
    rest_s: float = REST_S
    at_start: str = ""
    given: tuple[Any, ...] = ()


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
