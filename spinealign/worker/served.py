"""What a worker process is for; it loads nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
