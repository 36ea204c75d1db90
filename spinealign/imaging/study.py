"""Everything that a path holds: the series of a folder, archive, index or single file.

Looking takes time for large folders: `scan_series` is a generator
whose steps are progress and the places to stop at.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.formats import (
    ARCHIVE_SUFFIX,
    CORRECTIONS_SUFFIX,
    DICOM_INDEX_NAME,
    SUFFIXES,
)
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import ImagePart, NoteKind, ReaderNote, SpineImage
from spinealign.domain.study import PatientFacts, Scan, SeriesEntry, SkippedFile
from spinealign.imaging.decoding import translated_errors
from spinealign.imaging.find import file_key, files_below, header_beside
from spinealign.imaging.readers import read_part, reader_of
from spinealign.imaging.sniff import HEAD_BYTES, is_dicom_index, is_zip
from spinealign.imaging.source import archive_members, opened

MOST_PICTURES = 100_000
"""How many pictures are remembered in one looking; a large study has 5,000."""

MOST_SKIPPED = 5_000
"""How many files that are not opened are named; the rest is counted."""

_NO_LOSS = frozenset(
    (
        ReadProblem.NOT_AN_IMAGE,
        ReadProblem.NO_PIXELS,
        ReadProblem.SEGMENTATION,
        ReadProblem.REPORT,
    )
)
"""Files that hold no picture: nobody misses them in a list of series."""


def holds_several_files(path: Path) -> bool:
    """Tell whether a file is an archive, or the index of a DICOM medium.

    Raises
    ------
    ImageReadError
        The file is missing, unreadable or empty.
    """
    head = _head(path)
    return is_zip(head) or is_dicom_index(head)


def _head(path: Path) -> bytes:
    with translated_errors(path), opened(ImagePart(path)) as file:
        return file.read(HEAD_BYTES)


def list_series(path: Path) -> tuple[SeriesEntry, ...]:
    """List what a file, folder, archive or DICOMDIR holds; see `scan_series`."""
    return run_to_end(scan_series(path))


def scan_series(path: Path) -> Generator[int, None, tuple[SeriesEntry, ...]]:
    """Look at every file that `path` stands for and put them into series.

    DICOM slices are grouped by series and sorted by position. Pages, frames and the
    volumes of a NIfTI series in time become entries too. Files that are no images
    are passed over, unless there is nothing else.

    Parameters
    ----------
    path : Path

    Yields
    ------
    int
        How many files have been looked at.

    Returns
    -------
    tuple of SeriesEntry
        At least one; DICOM first, by study and series number.

    Raises
    ------
    ImageReadError
        Nothing that could be opened was found, and why.
    """
    scan = yield from scan_paths([path])
    if not scan.found:
        raise scan.refused[0]
    return scan.found


def scan_paths(paths: Sequence[Path], *, names_files: bool = False) -> Generator[int, None, Scan]:
    """Look at every file that some paths stand for; slices of one series find together.

    A file is looked at under the first of its names; links, hard ones too, lead to it again.

    Parameters
    ----------
    paths : sequence of Path
        Files, folders, archives and indexes of media.
    names_files : bool
        Whether every file that should be an image is refused by its own name and not skipped:
        one with the suffix of an image or an archive, and a DICOM file without an image. Of DICOM
        files that are segmentations or reports, and of other files, nobody expects one.

    Yields
    ------
    int
        How many files have been looked at.

    Returns
    -------
    Scan
        Also when a path holds nothing; then it says why.
    """
    headers: list[Any] = []
    others: list[SeriesEntry] = []
    refused: list[ImageReadError] = []
    skipped = _Skipped()
    seen: set[Hashable] = set()
    count = pictures = 0
    for path in paths:
        known = len(headers) + len(others) + count - len(seen)
        of_path = _Refusals(path, skipped, names_files=names_files)
        try:
            for part in _candidates(path, of_path):
                count += 1
                key = (file_key(part.path), part.member)
                try:
                    pictures += 0 if key in seen else _scan_part(part, headers, others)
                except ImageReadError as refusal:
                    of_path.note(part, refusal)
                seen.add(key)
                _require_few(path, pictures)
                yield count
        except ImageReadError as refusal:
            refused += [*of_path.missed, _alone(refusal)]
            continue
        is_nothing = len(headers) + len(others) + count - len(seen) == known
        refused += of_path.told(is_nothing=is_nothing)
    found = (*_grouped(headers), *others)
    if not found and not refused:  # presentation states alone
        refused = [ImageReadError(path, ReadProblem.NO_PIXELS) for path in paths]
    named = tuple(skipped.named)
    return Scan(found, tuple(refused), count - len(seen), named, skipped.beyond)


class _Skipped:
    """Files of folders and archives that are not opened, as many as can be named."""

    def __init__(self) -> None:
        self.named: list[SkippedFile] = []
        self.beyond = 0

    def note(self, path: Path, part: ImagePart, problem: ReadProblem) -> None:
        """Note what is not opened; corrections of ours, and the path itself, are no loss."""
        if part == ImagePart(path) or part.path.name.lower().endswith(CORRECTIONS_SUFFIX):
            return
        if len(self.named) < MOST_SKIPPED:
            self.named.append(SkippedFile(part, problem))
        else:
            self.beyond += 1


class _Refusals:
    """Why files below one of the paths are not used; `names_files` as for `scan_paths`."""

    def __init__(self, path: Path, skipped: _Skipped, *, names_files: bool) -> None:
        self._path, self._skipped, self._names_files = path, skipped, names_files
        self._all: list[ImageReadError] = []
        self.missed: list[ImageReadError] = []

    def note(self, part: ImagePart, refusal: ImageReadError) -> None:
        """Note that a file cannot be used."""
        self._all.append(_alone(refusal))
        if self._names_files and _should_be_image(part, refusal.problem):
            problem, detail = refusal.problem, refusal.detail
            self.missed.append(ImageReadError(part.path, problem, detail, part.member))
        else:
            self._skipped.note(self._path, part, refusal.problem)

    def told(self, *, is_nothing: bool) -> Sequence[ImageReadError]:
        """Return what is told of a path that was looked through, in which maybe nothing was."""
        if self.missed:
            return self.missed
        if is_nothing:
            return [_nothing_found(self._path, self._all)]
        return [refusal for refusal in self._all if refusal.problem not in _NO_LOSS]


def _should_be_image(part: ImagePart, problem: ReadProblem) -> bool:
    """Tell whether a file that is not used is missed: it is damaged, or called like an image."""
    name = (part.member or part.path.name).lower()
    is_called_so = name.endswith((*SUFFIXES, ARCHIVE_SUFFIX))
    if problem is ReadProblem.NOT_AN_IMAGE:
        return is_called_so
    if problem is ReadProblem.EMPTY:
        # Files of DICOM media are called IM0001 or 1.2.840, notes have a suffix of letters.
        return is_called_so or not PurePosixPath(name).suffix[1:].isalpha()
    return problem not in (ReadProblem.SEGMENTATION, ReadProblem.REPORT)


def _alone(refusal: ImageReadError) -> ImageReadError:
    """Return a refusal to be kept, without the unpacked file that its way here holds on to."""
    refusal.__context__ = None
    return refusal.with_traceback(None)


def _require_few(path: Path, pictures: int) -> None:
    """Stop looking where what is remembered of the pictures would take much memory."""
    if pictures > MOST_PICTURES:
        raise ImageReadError(path, ReadProblem.TOO_MANY, f"more than {MOST_PICTURES:,} pictures")


def _candidates(path: Path, refusals: _Refusals) -> Iterator[ImagePart]:
    if not path.is_dir():
        yield from _parts_of(path)
        return
    for file in files_below(path):
        name = file.name.lower()
        # What the index of a medium names lies below the same folder.
        if name == DICOM_INDEX_NAME.lower():
            continue
        try:
            yield from _parts_of(file) if name.endswith(ARCHIVE_SUFFIX) else [ImagePart(file)]
        except ImageReadError as refusal:
            refusals.note(ImagePart(file), refusal)


def _parts_of(path: Path) -> list[ImagePart]:
    path = header_beside(path)
    head = _head(path)
    if is_zip(head):
        with translated_errors(path):
            return [ImagePart(path, member) for member in archive_members(path)]
    if is_dicom_index(head):
        from spinealign.imaging.dicom_series import indexed_files

        with translated_errors(path), opened(ImagePart(path)) as file:
            return [ImagePart(named) for named in indexed_files(path, file)]
    return [ImagePart(path)]


def _scan_part(part: ImagePart, headers: list[Any], others: list[SeriesEntry]) -> int:
    """Look at one file, and return of how many pictures it told."""
    pictures = 0
    with translated_errors(part.path), opened(part) as file:
        for found in reader_of(part, file).look(part, file):
            (others if isinstance(found, SeriesEntry) else headers).append(found)
            pictures += len(found)
    return pictures


def _grouped(headers: list[Any]) -> list[SeriesEntry]:
    if not headers:
        return []
    from spinealign.imaging.dicom_grouping import group_series

    return group_series(headers)


def _nothing_found(path: Path, refusals: list[ImageReadError]) -> ImageReadError:
    reasons = {refusal.problem for refusal in refusals} - {ReadProblem.NOT_AN_IMAGE}
    if len(reasons) == 1 or (len(refusals) == 1 and not path.is_dir()):
        first = next(r for r in refusals if not reasons or r.problem in reasons)
        return ImageReadError(path, first.problem, first.detail)
    if path.is_dir():
        return ImageReadError(path, ReadProblem.NO_IMAGES_IN_FOLDER)
    is_index = is_dicom_index(_head(path))
    return ImageReadError(
        path, ReadProblem.NO_FILES_OF_INDEX if is_index else ReadProblem.NO_IMAGES_IN_ARCHIVE
    )


def read_series_slice(entry: SeriesEntry, index: int) -> SpineImage:
    """Read one picture of a series.

    Parameters
    ----------
    entry : SeriesEntry
    index : int
        Counted from 0, below ``len(entry)``.

    Raises
    ------
    ImageReadError
    """
    return read_part(entry.parts[index])


def read_middle(entry: SeriesEntry) -> tuple[SpineImage, int]:
    """Read the readable picture nearest to the middle of a series.

    Returns
    -------
    image : SpineImage
        Its notes say how many were passed over.
    index : int
        Which picture it is, counted from 0.

    Raises
    ------
    ImageReadError
        No picture can be read; the reason is that of the one in the middle.
    """
    refusals: list[ImageReadError] = []
    for index in sorted(range(len(entry)), key=lambda index: abs(index - entry.middle)):
        try:
            image = read_series_slice(entry, index)
        except ImageReadError as error:
            refusals.append(_alone(error))
            continue
        if refusals:
            note = ReaderNote(NoteKind.DAMAGED_PASSED_OVER, (len(refusals),))
            image = replace(image, notes=(*image.notes, note))
        return image, index
    assert refusals, "a series has at least one part"
    raise refusals[0]


def read_patient(part: ImagePart) -> PatientFacts:
    """Read whose image a part is; empty for formats that do not say, or damaged files."""
    try:
        with translated_errors(part.path), opened(part) as file:
            tell = reader_of(part, file).patient
            return PatientFacts() if tell is None else tell(part, file)
    except ImageReadError:
        return PatientFacts()
