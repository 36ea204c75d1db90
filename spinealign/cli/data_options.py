"""What the commands `audit` and `evaluate` have in common: options of tables, and progress."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping

DATA_COLUMNS = {"image": "the pictures", "patient": "the patients", "truth": "the truth"}
"""Of a table of data: what each column holds, by the word that its option begins with."""

LINE_EVERY_S = 10.0
"""Between two lines of progress where there is no terminal that one line could be rewritten in."""


def add_columns(parser: argparse.ArgumentParser, columns: Mapping[str, str]) -> None:
    """Add an option for each column of a table that may be called otherwise.

    Parameters
    ----------
    columns : mapping of str to str
        What each column holds, by the word that the option begins with.
    """
    for name, what in columns.items():
        parser.add_argument(
            f"--{name}-column", default="", metavar="NAME", help=f"column of {what} in a table"
        )


def add_patient_pattern(
    parser: argparse.ArgumentParser, help_text: str, default: str | None = ""
) -> None:
    """Add the option that finds patients in the names of files."""
    parser.add_argument("--patient-pattern", default=default, metavar="REGEX", help=help_text)


def add_layout(parser: argparse.ArgumentParser) -> None:
    """Add the option that says how data lie, where their looks say otherwise."""
    parser.add_argument(
        "--layout", metavar="NAME",
        help="how the data lie there, where they look otherwise; docs/training.md names them all",
    )  # fmt: skip


def add_json(parser: argparse.ArgumentParser, name: str) -> None:
    """Add the option that prints a file instead of text."""
    parser.add_argument("--json", action="store_true", help=f"print {name} instead of text")


class Told:
    """Tells on standard error how far a command is.

    On a terminal one line is written again and again; elsewhere, such as in a log, there is a
    line every few seconds, so that nobody takes a long command for one that hangs.

    Parameters
    ----------
    clock : callable
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    def __call__(self, text: str) -> None:
        """Tell a text, unless it is too early for another line."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{text}")
            return
        now = self._clock()
        if now - self._last >= LINE_EVERY_S:
            self._last = now
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def done(self) -> None:
        """Leave the terminal's line empty for what comes next."""
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")


def add_coordinates(parser: argparse.ArgumentParser) -> None:
    """Add what the coordinates of points count from; nothing in a table tells it."""
    parser.add_argument(
        "--coordinates", choices=["edges", "centres", "fractions"],
        help="of points: 0 is the outer edge of the first pixel, its centre, or coordinates are "
        "shares of width and height; tables need it",
    )  # fmt: skip
