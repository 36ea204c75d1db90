"""Which pictures of a set lie over each other, kept by the contents of the whole set.

Comparing takes most of the time that looking at the files leaves, and depends on the pictures
alone: another split, other classes or patients change nothing of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from spinealign.data_audit.matching import Match
from spinealign.domain.errors import ExportError
from spinealign.files import write_whole
from spinealign.json_files import JsonError, read_json

_VERSION: Final = 1
"""Counted up when pictures are compared otherwise."""

_MOST_BYTES: Final = 100_000_000

Matches = list[tuple[int, int, Match]]
"""Places of two pictures in their set, and how the second lies over the first."""


@dataclass(frozen=True)
class _Kept:
    """One pair as it is written."""

    first: int
    second: int
    match: Match


def kept_matches(caches: Sequence[Path], contents: Sequence[str]) -> Matches | None:
    """Return what an earlier audit found of the same pictures in the same order, or None.

    Parameters
    ----------
    caches : sequence of Path
    contents : sequence of str
        Checksums of the pictures.
    """
    for cache in caches:
        with suppress(OSError, JsonError):
            rows = read_json(_file(cache, contents), list[_Kept], most_bytes=_MOST_BYTES)
            found = [(row.first, row.second, row.match) for row in rows]
            if all(0 <= one < other < len(contents) for one, other, _ in found):
                return found
    return None


def keep_matches(cache: Path, contents: Sequence[str], found: Matches) -> None:
    """Write what was found; a folder that cannot be written costs time next time, no more."""
    rows = [asdict(_Kept(*each)) for each in found]
    with suppress(OSError, ExportError):
        cache.mkdir(parents=True, exist_ok=True)
        write_whole(_file(cache, contents), json.dumps(rows).encode())


def _file(cache: Path, contents: Sequence[str]) -> Path:
    key = hashlib.sha256("\n".join(contents).encode()).hexdigest()
    return cache / f"pairs-{key}-{_VERSION}.json"
