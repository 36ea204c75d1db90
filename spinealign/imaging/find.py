"""Image files below the folders that a user names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.imaging.sniff import HEAD_BYTES, sniff

IMAGE_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".webp", ".gif",
    ".dcm", ".dicom", ".dic", ".nii", ".nii.gz",
)  # fmt: skip
"""File name endings that are taken at their word inside a folder."""


def find_images(paths: Sequence[Path]) -> list[Path]:
    """List the image files that `paths` stand for.

    Files are kept as given, whatever they are: reading them will tell. Folders are
    searched through, hidden entries left out, in the order people number files
    (``2.png`` before ``10.png``). Nothing is listed twice.

    Raises
    ------
    ImageReadError
        MISSING, UNREADABLE, or NO_IMAGES_IN_FOLDER, for the first path concerned.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        for image in _images_of(path):
            found.setdefault(image.resolve(), image)
    return list(found.values())


def _images_of(path: Path) -> list[Path]:
    if not _exists(path):
        raise ImageReadError(path, ReadProblem.MISSING)
    if not path.is_dir():
        return [path]
    try:
        os.scandir(path).close()
    except OSError:
        raise ImageReadError(path, ReadProblem.UNREADABLE) from None
    images = [file for file in files_below(path) if is_candidate(file)]
    if not images:
        raise ImageReadError(path, ReadProblem.NO_IMAGES_IN_FOLDER)
    return images


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        raise ImageReadError(path, ReadProblem.UNREADABLE) from None
    except OSError:
        return False


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder as they are found, hidden entries left out.

    They come in the order in which people number files; folders that may not be
    opened are passed over, and links to folders are not followed.
    """
    try:
        with os.scandir(folder) as listing:
            entries = [entry for entry in listing if not entry.name.startswith(".")]
    except OSError:
        return
    for entry in sorted(entries, key=lambda entry: natural_key(Path(entry.name))):
        if entry.is_dir(follow_symlinks=False):
            yield from files_below(Path(entry.path))
        elif not entry.is_dir():
            yield Path(entry.path)


def is_candidate(file: Path) -> bool:
    """Tell whether a file found in a folder is worth opening: by its name, else its content."""
    name = file.name.lower()
    if name.endswith(IMAGE_SUFFIXES):
        return True
    # A directory of a DICOM medium looks like an image and holds none.
    return name != "dicomdir" and _has_image_content(file)


def _has_image_content(file: Path) -> bool:
    if not file.is_file():
        return False
    try:
        with file.open("rb") as opened:
            return sniff(opened.read(HEAD_BYTES)) is not None
    except OSError:
        return False


def natural_key(path: Path) -> tuple[tuple[tuple[int, int, str], ...], ...]:
    """Return a sort key under which numbers inside names count as numbers."""
    return tuple(tuple(_chunks(part)) for part in path.parts)


def _chunks(name: str) -> Iterator[tuple[int, int, str]]:
    for digits, text in re.findall(r"(\d+)|(\D+)", name):
        yield (0, int(digits), "") if digits else (1, 0, text.casefold())
