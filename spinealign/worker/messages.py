"""What goes over the pipe between a program and its worker, in both directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """Run a function; a generator's steps come back one by one.

    Parameters
    ----------
    number : int
        Tells the calls of one worker apart.
    function : callable
        Of a module, so that it crosses by name.
    arguments : tuple
    folders : tuple of (str, bool)
        The encrypted folders, and whether each is open; see `spinealign.protected_folders`.
    """

    number: int
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    folders: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True)
class Cancel:
    """A call is not wanted any longer."""

    number: int


@dataclass(frozen=True)
class Answer:
    """What a question of a call got: a value, or the error that asking raised."""

    number: int
    value: Any = None
    error: BaseException | None = None


@dataclass(frozen=True)
class Stepped:
    """A call goes on with a step."""

    number: int
    step: Any


@dataclass(frozen=True)
class Question:
    """A call wants something that only the program has; it waits for the `Answer`.

    Parameters
    ----------
    number : int
    asked : str
        Name of an argument that was `Asked`, or of a service of the program itself.
    arguments : tuple
    """

    number: int
    asked: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Done:
    """What a call returned."""

    number: int
    result: Any


@dataclass(frozen=True)
class Failed:
    """What a call raised."""

    number: int
    error: BaseException


@dataclass(frozen=True)
class Asked:
    """Stands for a function of the program among the arguments of a call."""

    name: str


Sent = Call | Cancel | Answer
"""From the program to its worker; None asks it to end."""

Told = Stepped | Question | Done | Failed
"""From a worker."""
