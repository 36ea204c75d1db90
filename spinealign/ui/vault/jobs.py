"""What the keeper's thread runs: a password costs up to a second, which no window may wait for."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

_Made = TypeVar("_Made")


def once(act: Callable[[], _Made]) -> Callable[[], Generator[None, None, _Made]]:
    """Return one step as the plain generator that worker threads run."""

    def run() -> Generator[None, None, _Made]:
        yield
        return act()

    return run
