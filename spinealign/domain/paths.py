"""Where the shipped resources and models lie: from source, installed, or frozen."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from spinealign.json_files import JsonError, read_json

PROFILE_VARIABLE = "SPINEALIGN_PROFILE"
"""Environment variable that names the folder for settings and corrections."""

PROFILE_POINTER = "moved.json"
"""In the user's usual folder, names the one that the user chose instead."""

ARCHIVE_FOLDER, ARCHIVE_POINTER = "archive", "archive.json"
"""In a profile: the encrypted archive, or a file that names its folder."""

NO_HOME = Path("/nonexistent/SpineAlign")
"""Where nothing can be kept: the profile of a user without a home folder."""

MODELS_VARIABLE = "SPINEALIGN_MODELS"
"""Environment variable that names one more folder of models, searched first."""


def resources_dir() -> Path:
    """Return the folder with icons, schemas and sample cases."""
    return _shipped("resources")


def manual_dir() -> Path:
    """Return the folder with the pages of the manual."""
    return _shipped("docs") / "manual"


def models_dirs() -> tuple[Path, ...]:
    """Return the folders that hold model folders, the user's own before the shipped one."""
    extra = os.environ.get(MODELS_VARIABLE)
    shipped = _shipped("models")
    return (Path(extra), shipped) if extra else (shipped,)


def usual_profile_dir() -> Path:
    """Return this system's usual folder for this user's settings of this program."""
    from platformdirs import user_config_path

    try:
        folder = user_config_path("SpineAlign", appauthor=False)
    except RuntimeError:  # neither HOME nor an entry in the list of users
        return NO_HOME
    return folder if folder.is_absolute() else NO_HOME  # older platformdirs leave "~"


def profile_dir() -> Path:
    """Return the folder for settings and for corrections that cannot lie beside their image.

    The environment counts first, then what the user chose in the window.
    """
    stated = os.environ.get(PROFILE_VARIABLE)
    if stated:
        return Path(stated).absolute()
    usual = usual_profile_dir()
    try:
        chosen = Path(read_json(usual / PROFILE_POINTER, _Moved).folder)
    except (OSError, JsonError):
        return usual
    return chosen if chosen.is_absolute() else usual


def has_archive(profile: Path) -> bool:
    """Whether a profile has an archive, or names the folder of one; this loads nothing of it."""
    return (profile / ARCHIVE_FOLDER).exists() or (profile / ARCHIVE_POINTER).exists()


@dataclass(frozen=True)
class _Moved:
    folder: Annotated[str, Meta(pattern=r"^[^\0]+$")]


def _shipped(name: str) -> Path:
    package = Path(__file__).resolve().parent.parent
    frozen = getattr(sys, "_MEIPASS", None)
    if frozen is not None:
        return Path(frozen) / name
    installed = package / name
    return installed if installed.is_dir() else package.parent / name


def telling_folders(paths: Sequence[Path]) -> list[str]:
    """Return what of its folder tells each file from others of the same name.

    Parameters
    ----------
    paths : sequence of Path

    Returns
    -------
    list of str
        In the order of `paths`: empty where the name is there once, or where only the same file is
        there again; else as few of the last folders as needed, "before" or "jane/before".
    """
    by_name: dict[str, set[Path]] = defaultdict(set)
    for path in paths:
        by_name[path.name].add(path.parent)
    return [_telling(path.parent, by_name[path.name]) for path in paths]


def _telling(folder: Path, folders: set[Path]) -> str:
    if len(folders) < 2:
        return ""
    parts = folder.parts
    for count in range(1, len(parts)):
        last = parts[-count:]
        if sum(other.parts[-count:] == last for other in folders) == 1:
            return "/".join(last)
    return str(folder)
