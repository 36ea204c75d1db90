"""Readings on the command line: printed and checked; only a person in the window can sign."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinealign.cli.own_readings import OwnReadings, own_readings
from spinealign.cli.signing_in import add_sign_in_options
from spinealign.domain.image import ImagePart
from spinealign.domain.protection import Right

if TYPE_CHECKING:
    from spinealign.reading.store import StoredReading

EXIT_DONE, EXIT_FAULTY = 0, 1


def add_reading(commands: Any) -> None:
    """Add the command `reading` with its two actions."""
    reading = commands.add_parser("reading", help="print or check the reading of an image")
    actions = reading.add_subparsers(required=True, metavar="ACTION")
    for name, run, words in (
        ("show", _show, "print findings, decisions, impression and addenda"),
        ("check", _check, "say whether each signed version is as it was signed"),
    ):
        action = actions.add_parser(name, help=words)
        action.add_argument("image", type=Path, metavar="FILE", help="image, archive or folder")
        add_sign_in_options(action)
        action.set_defaults(run=run)


def _show(options: argparse.Namespace) -> int:
    from spinealign.reading.decisions import told_decision, worst_first
    from spinealign.wording.reading_page import reading_lines

    with own_readings(options, Right.VIEW) as own:
        found = _readings_of(options.image, own)
    for stored in found.values():
        reading = stored.reading
        if reading is not None:
            if not reading.statements:
                reading = reading.with_changes(decisions=worst_first(reading.decisions))
            told = reading.statements or tuple(map(told_decision, reading.decisions))
            print("\n".join(reading_lines(reading, told)))
    return _told(found)


def _check(options: argparse.Namespace) -> int:
    from spinealign.wording.reading_page import status_line

    with own_readings(options, Right.VIEW) as own:
        found = _readings_of(options.image, own)
    for stored in found.values():
        for reading in stored.versions:
            print(f"{status_line(reading)}: as it was signed")
        if stored.reading is not None and not stored.versions:
            print(status_line(stored.reading))
    return _told(found)


def _told(found: dict[str, StoredReading]) -> int:
    """Say what is wrong, or that there is nothing, and return the exit code."""
    from spinealign.wording import explain
    from spinealign.wording.reading_page import NO_READING

    faults = [fault for stored in found.values() for fault in stored.faults]
    for message in map(explain, faults):
        sys.stderr.write(f"{message.sentence} {message.advice}\n")
    if not found:
        sys.stderr.write(f"{NO_READING}\n")
    return EXIT_DONE if found and not faults else EXIT_FAULTY


def _readings_of(path: Path, own: OwnReadings) -> dict[str, StoredReading]:
    """Return the readings of all pictures of a file, an archive or a folder.

    Raises
    ------
    ImageReadError
        There is no such image.
    """
    found: dict[str, StoredReading] = {}
    for sha256 in dict.fromkeys(_checksums(path)):
        new = own.store.of_file(sha256)
        if new:
            own.record_view(sha256)
        found.update(new)
    return found


def _checksums(path: Path) -> Iterator[str]:
    """Yield the checksums by which readings of a path's images are kept."""
    from spinealign.imaging.decoding import checksum
    from spinealign.imaging.readers import read_part
    from spinealign.imaging.source import opened
    from spinealign.imaging.study import list_series

    parts = {(part.path, part.member): part for entry in list_series(path) for part in entry.parts}
    for part in parts.values():
        with opened(ImagePart(part.path, part.member)) as file:
            yield checksum(file)
        if len(parts) == 1:  # an image in two files goes by the checksum of both
            yield read_part(part).sha256
