"""What lay in a profile in plain moves into the encrypted folder, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from spinealign.domain.protection import DamagedFileError
from spinealign.files import write_durably
from spinealign.protected_folders import LockedFolderError, open_binary
from spinealign.reading.store import ASIDE_FOLDER, COUNTS_FOLDER, FOLDER, KEY_FILE
from spinealign.vault.place import Place

TAKEN_IN = (FOLDER, COUNTS_FOLDER, ASIDE_FOLDER, KEY_FILE, "corrections")
"""What of a profile is about patients, and is encrypted where there is an archive."""


def take_in(place: Place, names: Sequence[str]) -> int:
    """Move files and folders of the profile into the folder of what is kept, encrypted.

    Each file is on the disk, encrypted, before the plain one goes. What is there already, with
    another content, is not replaced, and the plain file stays. Called while somebody is signed in.

    Parameters
    ----------
    place : Place
    names : sequence of str
        Of files and folders in the profile.

    Returns
    -------
    int
        How many files were moved.

    Raises
    ------
    OSError
        A file could not be written; what was not moved stays where it is.
    """
    moved = 0
    for name in names:
        for path in _files(place.profile / name):
            target = place.kept / path.relative_to(place.profile)
            content = path.read_bytes()
            if target.exists():
                with open_binary(target) as there:
                    if there.read() != content:
                        continue
            else:
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                write_durably(target, content)
            path.unlink()
            moved += 1
        _remove_empty(place.profile / name)
    return moved


def give_back(place: Place, names: Sequence[str]) -> tuple[int, int]:
    """Move files and folders of what is kept back into the profile, in plain.

    Each file is on the disk in plain before the encrypted one goes. What the profile has already,
    with another content, is not replaced, and the encrypted file stays, as one does that cannot be
    read. Called while the folder is open.

    Parameters
    ----------
    place : Place
    names : sequence of str
        Of files and folders.

    Returns
    -------
    (int, int)
        How many files were moved, and how many stay.

    Raises
    ------
    OSError
        The folder is locked, or a file could not be written; what was not moved stays where it is.
    """
    moved = left = 0
    for name in names:
        for path in _files(place.kept / name):
            target = place.profile / path.relative_to(place.kept)
            if path.stat().st_size == 0:  # held while something is written; never encrypted
                path.unlink()
                continue
            try:
                with open_binary(path) as file:
                    content = file.read()
            except LockedFolderError:
                raise
            except (DamagedFileError, OSError):
                left += 1
                continue
            if target.exists():
                if target.read_bytes() != content:
                    left += 1
                    continue
            else:
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                write_durably(target, content)
            path.unlink()
            moved += 1
        _remove_empty(place.kept / name)
    return moved, left


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir() and not path.is_symlink():
        yield from sorted(each for each in path.rglob("*") if each.is_file())


def _remove_empty(folder: Path) -> None:
    if not folder.is_dir():
        return
    for each in sorted(folder.rglob("*"), reverse=True):
        if each.is_dir():
            with suppress(OSError):
                each.rmdir()
    with suppress(OSError):
        folder.rmdir()
