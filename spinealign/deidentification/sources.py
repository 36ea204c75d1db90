"""The files that are to be de-identified: each one is accounted for, whatever it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from spinealign.domain.errors import (
    DeidentificationError,
    DeidentificationProblem,
    ImageReadError,
    ReadProblem,
)
from spinealign.domain.formats import DICOM, NIFTI, ImageFormat
from spinealign.imaging.find import file_key, files_below, header_beside, natural_key, real_path
from spinealign.imaging.sniff import HEAD_BYTES, is_dicom_index, is_zip, sniff

FOLDER_PREFIX: Final = "folder-"
"""How folders of results begin that are not of a patient known by DICOM."""

_OWN_NAME = re.compile(r"(?:picture|volume)-(\d{4,})\.")


@dataclass(frozen=True)
class Source:
    """One file.

    Parameters
    ----------
    path : Path
    number : int
        Its place in the list, from 1.
    kind : ImageFormat or None
    problem : DeidentificationProblem or None
        Why it is not even tried.
    place : int
        Which of the pictures or volumes in its folder it is, from 1; 0 for DICOM.
    """

    path: Path
    number: int
    kind: ImageFormat | None
    problem: DeidentificationProblem | None
    place: int


def list_sources(inputs: Sequence[Path], out: Path | None) -> list[Source]:
    """List all files that inputs stand for; of a NIfTI in two files the header.

    Raises
    ------
    ImageReadError
        MISSING, UNREADABLE
    DeidentificationError
        SAME_FOLDER: results would lie among sources, or sources among results.
    """
    found: dict[object, Path] = {}
    for path in inputs:
        if not path.exists():
            raise ImageReadError(path, ReadProblem.MISSING)
        if out is not None:
            _require_apart(path, out)
        files = sorted(files_below(path), key=natural_key) if path.is_dir() else [path]
        for file in files:
            found.setdefault(file_key(file), file)
    sources, places = [], dict[tuple[Path, bool], int]()
    for number, path in enumerate(found.values(), 1):
        if header_beside(path) != path:  # comes with its header
            continue
        kind, problem = _kind_of(path)
        place = 0
        if kind is not None and kind is not DICOM:
            group = path.parent, kind is NIFTI
            places[group] = places.get(group, 0) + 1
            place = _place_before(path) or places[group]
        sources.append(Source(path, number, kind, problem, place))
    return sources


def _place_before(path: Path) -> int:
    """Return the place of a file that was de-identified before; 0 for others."""
    found = _OWN_NAME.match(path.name) if path.parent.name.startswith(FOLDER_PREFIX) else None
    return int(found[1]) if found else 0


def _require_apart(path: Path, out: Path) -> None:
    source, target = real_path(path), real_path(out)
    if source == target or source in target.parents or target in source.parents:
        raise DeidentificationError(out, DeidentificationProblem.SAME_FOLDER)


def _kind_of(path: Path) -> tuple[ImageFormat | None, DeidentificationProblem | None]:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return None, DeidentificationProblem.UNREADABLE
    if is_zip(head):
        return None, DeidentificationProblem.ARCHIVE
    if is_dicom_index(head):
        return None, DeidentificationProblem.INDEX
    kind = sniff(head)
    if kind is None:
        return None, DeidentificationProblem.NOT_DICOM_OR_PICTURE
    return kind, None


def is_nifti_pair(source: Source) -> bool:
    """Tell whether a source is the header of a NIfTI in two files."""
    name = source.path.name.lower()
    return source.kind is NIFTI and name.endswith((".hdr", ".hdr.gz"))
