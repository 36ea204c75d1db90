"""One private folder for everything temporary of this run: wiped at its end, or at the next start.

Libraries and Qt put their temporary files where the environment says, so that is where it says
this folder. Only this user can look into it. A run that was killed leaves its folder behind; the
next one, of whatever window or command, sees that nobody holds it any more and takes it away.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VARIABLES = ("TMPDIR", "TEMP", "TMP")
"""Where Python, Qt and other programs look for the folder of temporary files."""

_HELD = "held"
_PREFIX = "run-"


@contextmanager
def private_working_folder() -> Iterator[Path | None]:
    """Have everything temporary lie in a private folder until this ends.

    Yields
    ------
    Path or None
        The folder; None where none can be made, and temporary files lie where they always do.
    """
    root = _root()
    folder = None if root is None else _made(root)
    if root is None or folder is None:
        yield None
        return
    before = {name: os.environ.get(name) for name in VARIABLES}
    descriptor = _hold(folder / _HELD)
    clear_abandoned(root)
    os.environ.update(dict.fromkeys(VARIABLES, str(folder)))
    usual, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = usual
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if descriptor is not None:
            os.close(descriptor)
        shutil.rmtree(folder, ignore_errors=True)


def clear_abandoned(root: Path) -> None:
    """Take away the folders of runs that have ended without doing it themselves."""
    for folder in root.glob(f"{_PREFIX}*"):
        descriptor = _hold(folder / _HELD)
        if descriptor is not None:
            os.close(descriptor)
            shutil.rmtree(folder, ignore_errors=True)


def _root() -> Path | None:
    """Return this user's folder for all runs; None where somebody else's stands in its place."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    root = Path(tempfile.gettempdir()) / f"spinealign-{user}"
    try:
        with suppress(FileExistsError):
            root.mkdir(mode=0o700)
        state = root.lstat()
    except OSError:
        return None
    if not stat.S_ISDIR(state.st_mode):
        return None
    # Anybody may make a folder of this name first where all users share the folder above.
    is_private = os.name == "nt" or (
        state.st_uid == os.getuid() and not stat.S_IMODE(state.st_mode) & 0o077
    )
    return root if is_private else None


def _made(root: Path) -> Path | None:
    folder = root / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        folder.mkdir(mode=0o700)
    except OSError:
        return None
    return folder


def _hold(path: Path) -> int | None:
    """Hold a mark until its descriptor is closed; None where another run holds it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
