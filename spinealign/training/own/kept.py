"""What a training keeps in its working folder, under a key of all that it was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spinealign import __version__
from spinealign.files import write_whole
from spinealign.json_files import JsonError, read_json

KEY_FILE = "key.json"
_LAYOUT = 1
"""Raised when what is kept changes its meaning, so that nothing older is taken up."""


@dataclass(frozen=True)
class Kept:
    """The folder of one training.

    Parameters
    ----------
    folder : Path
        Below the working folder; no other data, labels or settings share it.
    is_new : bool
        Whether nothing had been kept there.
    differs_in : tuple of str
        Where other trainings of this kind are kept beside it: in which parts the nearest one
        differs, such as "labels".
    """

    folder: Path
    is_new: bool
    differs_in: tuple[str, ...]


def digest(value: Any) -> str:
    """Return a checksum of what JSON can say of a value; mappings in any order are equal."""
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def kept_under(work: Path, kind: str, parts: Mapping[str, Any]) -> Kept:
    """Return the folder for what is made from `parts`; it is made if it is not there.

    Two trainings share a folder only if all of their parts are equal. So nothing that was made
    from other pictures, other labels or with other settings is ever taken up.

    Parameters
    ----------
    work : Path
        The folder that the user named.
    kind : str
        What is kept, such as "features".
    parts : mapping of str to value
        What it is made from; values are anything that JSON can say.
    """
    key = {name: digest(value) for name, value in parts.items()}
    key |= {"program": digest([__version__, _LAYOUT])}
    folder = work / f"{kind}-{digest(key)[:16]}"
    if _key_of(folder) == key:
        return Kept(folder, False, ())
    others = [other for other in _keys_beside(work, kind) if other != key]
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / KEY_FILE, json.dumps(key, indent=2).encode())
    differing = [tuple(name for name in key if other.get(name) != key[name]) for other in others]
    return Kept(folder, True, min(differing, key=len, default=()))


def _keys_beside(work: Path, kind: str) -> list[dict[str, str]]:
    found = (_key_of(path.parent) for path in sorted(work.glob(f"{kind}-*/{KEY_FILE}")))
    return [key for key in found if key]


def _key_of(folder: Path) -> dict[str, str]:
    try:
        return read_json(folder / KEY_FILE, dict[str, str])
    except (OSError, JsonError):
        return {}
