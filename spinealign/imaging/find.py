"""Image files below the folders that a user names."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterable, Iterator, Sequence, Set
from pathlib import Path

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.formats import (
    ARCHIVE_SUFFIX,
    BATCH_FLAT_FOLDER,
    BATCH_PICTURES,
    BATCH_STATE_NAME,
    DICOM_INDEX_NAME,
    MASKS_NAME,
    RESULT_NAME,
    RESULT_PICTURES,
    SUFFIXES,
    VOLUMES_NAME,
    flat_prefix,
)
from spinealign.imaging.sniff import HEAD_BYTES, sniff
from spinealign.protected_folders import open_binary


def find_images(paths: Sequence[Path]) -> list[Path]:
    """List the image files that `paths` stand for.

    Files are kept as given, whatever they are: reading them will tell. Folders are
    searched through, hidden entries left out, in the order people number files
    (``2.png`` before ``10.png``). Nothing is listed twice, under whatever name.

    Raises
    ------
    ImageReadError
        MISSING, UNREADABLE, or NO_IMAGES_IN_FOLDER, for the first path concerned.
    """
    return distinct(all_images(paths))


def all_images(paths: Sequence[Path]) -> list[Path]:
    """List images as `find_images` does, files with several names under each of them."""
    return [image for path in paths for image in _images_of(path)]


def distinct(images: Iterable[Path]) -> list[Path]:
    """Return the first name of each file; links to one file, hard ones too, are one file."""
    found: dict[Hashable, Path] = {}
    for image in images:
        found.setdefault(file_key(image), image)
    return list(found.values())


def file_key(path: Path) -> Hashable:
    """Return what is equal for all names of one file."""
    try:
        state = path.stat()
    except OSError:
        return real_path(path)
    # Some file systems have no numbers of files.
    return (state.st_dev, state.st_ino) if state.st_ino else real_path(path)


def real_path(path: Path) -> Path:
    """Follow links; `Path.resolve` raises on one that leads to itself, up to Python 3.12."""
    return Path(os.path.realpath(path))


def _images_of(path: Path) -> list[Path]:
    if not _exists(path):
        raise ImageReadError(path, ReadProblem.MISSING)
    if not path.is_dir():
        return [path]
    images = [file for file in files_below(path) if _is_candidate(file)]
    if not images:
        raise ImageReadError(path, ReadProblem.NO_IMAGES_IN_FOLDER)
    return sorted(images, key=lambda file: natural_key(file.relative_to(path)))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        raise ImageReadError(path, ReadProblem.UNREADABLE) from None
    except OSError:
        return False


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and below, in the order of numbers.

    Hidden ones are left out, and pictures that an earlier run wrote below the images.

    The files of a folder come before those of its subfolders. Links to folders are not
    followed, and subfolders that may not be looked into are left out.

    Raises
    ------
    ImageReadError
        UNREADABLE: nothing was found because some folder may not be looked into.
    """
    refused: list[OSError] = []
    is_empty = True
    for where, folders, files in os.walk(folder, onerror=refused.append):
        if VOLUMES_NAME in files:
            folders[:] = [name for name in folders if name != MASKS_NAME]
        folders[:] = sorted(_shown(folders), key=_name_key)
        results = _result_pictures(Path(where), files)
        for name in sorted(_shown(files), key=_name_key):
            is_empty = False
            if name not in results and not _is_batch_picture(Path(where, name)):
                yield Path(where, name)
    if is_empty and refused:
        raise ImageReadError(folder, ReadProblem.UNREADABLE)


def _result_pictures(folder: Path, files: Sequence[str]) -> Set[str]:
    """Return the names of the pictures in a folder that lie there as parts of results."""
    if RESULT_NAME in files:
        return RESULT_PICTURES
    if folder.name != BATCH_FLAT_FOLDER or not (folder.parent / BATCH_STATE_NAME).is_file():
        return frozenset()
    prefixes = [name.removesuffix(RESULT_NAME) for name in files if name.endswith(RESULT_NAME)]
    return {f"{prefix}{picture}" for prefix in prefixes for picture in RESULT_PICTURES}


def _is_batch_picture(path: Path) -> bool:
    """Whether a batch made a small picture for its gallery; others may lie in a folder so named."""
    if path.parent.name != BATCH_PICTURES:
        return False
    out = path.parent.parent
    if not (out / BATCH_STATE_NAME).is_file():
        return False
    flat = out / BATCH_FLAT_FOLDER / f"{flat_prefix(path.stem)}{RESULT_NAME}"
    return (out / path.stem / RESULT_NAME).is_file() or flat.is_file()


def _shown(names: Sequence[str]) -> list[str]:
    return [name for name in names if not name.startswith(".")]


def _is_candidate(file: Path) -> bool:
    name = file.name.lower()
    # These are taken at their word inside a folder.
    if name.endswith((*SUFFIXES, ARCHIVE_SUFFIX)):
        return True
    # A directory of a DICOM medium looks like an image and holds none.
    return name != DICOM_INDEX_NAME.lower() and _has_image_content(file)


def _has_image_content(file: Path) -> bool:
    if not file.is_file():
        return False
    try:
        with open_binary(file) as opened:
            return sniff(opened.read(HEAD_BYTES)) is not None
    except OSError:
        return False


def header_beside(path: Path) -> Path:
    """Return the header of a NIfTI image in two files when its values are named, else `path`."""
    name = path.name.lower()
    is_half = name.endswith((".img", ".img.gz"))
    return (_other_half(path, ".hdr") or path) if is_half else path


def values_beside(header: Path) -> Path | None:
    """Return the file with the values that belongs to the header of a NIfTI pair, if there."""
    return _other_half(header, ".img")


def _other_half(path: Path, suffix: str) -> Path | None:
    stem = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    names = [stem.with_suffix(s + z) for s in (suffix, suffix.upper()) for z in ("", ".gz", ".GZ")]
    return next((name for name in names if name.is_file()), None)


def natural_key(path: Path) -> tuple[tuple[tuple[int, int, str], ...], ...]:
    """Return a sort key under which numbers inside names count as numbers."""
    return tuple(map(_name_key, path.parts))


def _name_key(name: str) -> tuple[tuple[int, int, str], ...]:
    return tuple(_chunks(name))


def _chunks(name: str) -> Iterator[tuple[int, int, str]]:
    for digits, text in re.findall(r"(\d+)|(\D+)", name):
        yield (0, int(digits), "") if digits else (1, 0, text.casefold())


def folder_stem(path: Path) -> str:
    """Return what a folder of results is called after an image: its name without its suffix."""
    name = path.name.removesuffix(".gz")
    return Path(name).stem or name


def free_name(stem: str, taken: set[str]) -> str:
    """Return a name that is not taken yet, with a number behind it where needed, and take it.

    Parameters
    ----------
    stem : str
    taken : set of str
        Names that are taken, by `str.casefold`, because systems differ in what is one name.
    """
    name, count = stem, 1
    while name.casefold() in taken:
        count += 1
        name = f"{stem}_{count}"
    taken.add(name.casefold())
    return name
