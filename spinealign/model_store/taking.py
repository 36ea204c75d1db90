"""A model folder, or one packed as zip, copied to where it can be looked at before it is used.

What is checked later is the copy: the source may change meanwhile. Nothing is taken but ordinary
files under names that mean the same file below the copy's folder on every system.
"""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from spinealign.domain.model_store import ModelStoreError, StoreProblem
from spinealign.files import written_beside
from spinealign.inference.checksums import (
    CARD,
    MOST_FILES,
    folder_files,
    is_left_by_system,
    is_ordinary,
    is_safe_name,
)

MOST_BYTES = 2_000_000_000
"""Of a whole model folder; ours have up to 15 MB, the report's VGG16 160 MB."""

_PIECE = 1 << 20
_BAD_ZIP = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError,
    ValueError, struct.error, OverflowError,
)  # fmt: skip


class _Open(Protocol):
    def __call__(self) -> BinaryIO:
        """Open the content for reading."""


@contextmanager
def opened_source(source: Path) -> Iterator[Mapping[str, _Open]]:
    """Open a folder or zip file; yields how each of its files is opened, by name below the folder.

    Raises
    ------
    ModelStoreError
        It is neither, has no card, or holds what cannot be taken.
    """
    name = source.name
    if source.is_dir():
        yield _of_folder(source)
        return
    if not source.is_file():
        raise ModelStoreError(StoreProblem.NOT_THERE, name)
    try:
        archive = zipfile.ZipFile(source)
    except (*_BAD_ZIP, OSError) as error:
        raise ModelStoreError(StoreProblem.BAD_ARCHIVE, name) from error
    with archive:
        yield _of_archive(archive, name)


Tell = Callable[[float], object]
"""Handed which part of something is done, 0..1."""


def silent(_fraction: float) -> None:
    """Tell nobody."""


def copied(files: Mapping[str, _Open], folder: Path, name: str, tell: Tell = silent) -> None:
    """Copy files into an empty folder, each flushed to the disk.

    Parameters
    ----------
    files : mapping
        Of `opened_source`.
    folder : Path
    name : str
        Of the source, for what is told.
    tell : callable
        Handed the share of files that are copied, before each piece.

    Raises
    ------
    ModelStoreError
        TOO_LARGE, or BAD_ARCHIVE: the archive is damaged.
    OSError
        The copy could not be written.
    """
    left = [MOST_BYTES]
    for number, (relative, opener) in enumerate(files.items()):
        place = folder / relative
        place.parent.mkdir(parents=True, exist_ok=True)
        told = partial(tell, number / len(files))
        with written_beside(place, _pieces(opener, left, name, told)) as temporary:
            temporary.replace(place)


def _pieces(
    opener: _Open, left: list[int], name: str, told: Callable[[], object]
) -> Iterator[bytes]:
    try:
        with opener() as stream:
            while piece := stream.read(_PIECE):
                told()
                left[0] -= len(piece)
                if left[0] < 0:
                    raise ModelStoreError(StoreProblem.TOO_LARGE, name)
                yield piece
    except ModelStoreError:
        raise
    except _BAD_ZIP as error:
        raise ModelStoreError(StoreProblem.BAD_ARCHIVE, name) from error


def _of_folder(folder: Path) -> dict[str, _Open]:
    try:
        found = folder_files(folder)
    except OSError as error:
        raise ModelStoreError(StoreProblem.NOT_THERE, folder.name) from error
    _require_card(found, folder.name)
    _require_names(found, folder.name)
    for relative, path in found.items():
        if not is_ordinary(path):
            raise ModelStoreError(StoreProblem.NO_ORDINARY_FILE, folder.name, relative)
    return {relative: partial(path.open, "rb") for relative, path in found.items()}


def _of_archive(archive: zipfile.ZipFile, name: str) -> dict[str, _Open]:
    members = [one for one in archive.infolist() if not one.is_dir()]
    members = [one for one in members if not is_left_by_system(one.filename)]
    names = [one.filename for one in members]
    for member in members:
        # Of links only the target would be written, as the file's content; sockets are nothing.
        mode = member.external_attr >> 16
        if (stat.S_IFMT(mode) and not stat.S_ISREG(mode)) or member.flag_bits & 1:
            raise ModelStoreError(StoreProblem.NO_ORDINARY_FILE, name, member.filename[:100])
    top = _top_folder(names)
    files = {one.filename.removeprefix(top): one for one in members}
    _require_card(files, name)
    _require_names(files, name, names)
    if sum(one.file_size for one in members) > MOST_BYTES:
        raise ModelStoreError(StoreProblem.TOO_LARGE, name)
    return {relative: partial(_opened, archive, one) for relative, one in files.items()}


def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO:
    return archive.open(member)  # type: ignore[return-value]


def _top_folder(names: list[str]) -> str:
    """Return the one folder that an archive holds, with its ``/``; else nothing."""
    if CARD in names:
        return ""
    tops = {name.split("/")[0] for name in names if "/" in name}
    is_one = len(tops) == 1 and all("/" in name for name in names)
    return f"{tops.pop()}/" if is_one else ""


def _require_card(files: Mapping[str, object], name: str) -> None:
    if CARD not in files:
        raise ModelStoreError(StoreProblem.NO_CARD, name)


def _require_names(files: Mapping[str, object], name: str, given: list[str] | None = None) -> None:
    """Refuse names that lead elsewhere, or that mean one file on another system."""
    whole = list(files) if given is None else given
    unsafe = [one for one in (*files, *whole) if not is_safe_name(one)]
    if unsafe:
        raise ModelStoreError(StoreProblem.UNSAFE_NAME, name, unsafe[0][:100])
    folded = {one.casefold() for one in whole}
    if len(folded) != len(whole) or len(whole) > MOST_FILES:
        raise ModelStoreError(StoreProblem.BAD_ARCHIVE, name)
