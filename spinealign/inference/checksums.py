"""The list of checksums in a model folder: every file that is passed on with it, and its SHA-256.

The list is the one that ``sha256sum`` writes and checks, so that nobody needs this program for it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from spinealign.domain.model_store import BrokenFile, FileState
from spinealign.files import write_whole
from spinealign.json_files import JsonError, read_bytes

CARD = "card.json"
CHECKSUMS = "checksums.sha256"
SIGNATURE = "signature.json"

MOST_FILES = 200
"""In a model folder; ours have two."""

_MOST_BYTES = 100_000
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_PART = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_. -]{0,99}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_MOST_LEVELS = 4
_LEFT_BY_SYSTEMS = {"__MACOSX", "Thumbs.db", "desktop.ini"}


def is_safe_name(name: str) -> bool:
    """Whether a name, with ``/`` between folders, means the same file below a folder everywhere."""
    parts = name.split("/")
    return len(parts) <= _MOST_LEVELS and all(_is_safe_part(part) for part in parts)


def _is_safe_part(part: str) -> bool:
    is_plain = _PART.fullmatch(part) is not None and part[-1] not in ". "
    return is_plain and _RESERVED.fullmatch(part) is None


def is_left_by_system(name: str) -> bool:
    """Whether a file belongs to a file manager and to no model."""
    parts = name.split("/")
    if ".." in parts or "\\" in name:
        return False
    return parts[0] in _LEFT_BY_SYSTEMS or parts[-1] in _LEFT_BY_SYSTEMS or parts[-1][:1] == "."


def folder_files(folder: Path) -> dict[str, Path]:
    """Return all files below a folder, links too, by their names with ``/``, sorted.

    Raises
    ------
    OSError
    """
    found: dict[str, Path] = {}
    for where, folders, names in os.walk(folder, onerror=_raise):
        linked = [name for name in folders if (Path(where) / name).is_symlink()]
        for name in (*names, *linked):
            path = Path(where) / name
            relative = path.relative_to(folder).as_posix()
            if not is_left_by_system(relative):
                found[relative] = path
    return dict(sorted(found.items()))


def _raise(error: OSError) -> None:
    raise error


def is_ordinary(path: Path) -> bool:
    """Whether a path is a file itself: no link, pipe or device."""
    return path.is_file() and not path.is_symlink()


def file_sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def checksums_text(folder: Path) -> str:
    """Return the list of checksums of what is in a folder, without the list and its signature."""
    files = {n: p for n, p in folder_files(folder).items() if n not in (CHECKSUMS, SIGNATURE)}
    return "".join(f"{file_sha256(path)}  {name}\n" for name, path in files.items())


def write_checksums(folder: Path) -> None:
    """Write ``checksums.sha256`` of what is in a folder now; a signature of before goes.

    Raises
    ------
    OSError
    """
    (folder / SIGNATURE).unlink(missing_ok=True)
    write_whole(folder / CHECKSUMS, checksums_text(folder).encode())


def read_checksums(folder: Path) -> dict[str, str] | None:
    """Return the list of checksums of a folder, by file name; None where there is none.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is no such list.
    """
    try:
        text = read_bytes(folder / CHECKSUMS, _MOST_BYTES).decode("ascii")
    except FileNotFoundError:
        return None
    return _listed(text)


def _listed(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    lines = text.splitlines()
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None or not is_safe_name(match[2]) or match[2] in found:
            raise ValueError(line[:80])
        found[match[2]] = match[1]
    if CARD not in found or len(found) > MOST_FILES:
        raise ValueError(CARD)
    return found


def broken_files(folder: Path, listed: Mapping[str, str]) -> tuple[BrokenFile, ...]:
    """Return the files of a folder that are not as its list of checksums says.

    Raises
    ------
    OSError
    """
    there = folder_files(folder)
    found = [_state(there.get(name), name, digest) for name, digest in listed.items()]
    unlisted = [name for name in there if name not in {*listed, CHECKSUMS, SIGNATURE}]
    return (
        *(broken for broken in found if broken is not None),
        *(BrokenFile(name, FileState.UNLISTED) for name in unlisted),
    )


def _state(path: Path | None, name: str, digest: str) -> BrokenFile | None:
    if path is None:
        return BrokenFile(name, FileState.MISSING)
    if not is_ordinary(path):
        return BrokenFile(name, FileState.NO_FILE)
    return None if file_sha256(path) == digest else BrokenFile(name, FileState.CHANGED)


def is_card_as_listed(folder: Path) -> bool:
    """Whether the card is the one of the list of checksums; True where there is no list.

    The weights have their checksum in the card; this asks for the rest of it, such as a threshold.
    """
    try:
        listed = read_checksums(folder)
    except (OSError, ValueError, JsonError):
        return False
    return listed is None or listed.get(CARD) == file_sha256(folder / CARD)
