"""What a batch analyses: the series and single images below what a user names."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from spinealign.domain.errors import BatchError, BatchProblem, ImageReadError, ReadProblem
from spinealign.domain.image import ImagePart
from spinealign.domain.study import ImageSource, SeriesEntry, SkippedFile, stacked
from spinealign.imaging.find import folder_stem, real_path
from spinealign.imaging.study import scan_paths
from spinealign.inference.checksums import is_safe_name

LIST_SUFFIX = ".csv"
MOST_LIST_BYTES = 200_000_000
_REFUSED = -1
_PATH_COLUMNS = ("path", "file", "filename", "image")


@dataclass(frozen=True)
class BatchItem:
    """One analysis of a batch.

    Parameters
    ----------
    identity : str
        Of the files' paths, sizes and times and of the pictures in them: a file that changed is
        another item.
    path : Path
        The first file; of a member of an archive, the archive's with the member's name behind.
    source : Path, SeriesEntry or None
        What is read; None for a file that was refused while it was looked for.
    problem : ReadProblem or None
        Why it was refused.
    detail : str
        Numbers that go with it.
    stem : str
        What the folder of its results is called, unless another one is already.
    """

    identity: str
    path: Path
    source: ImageSource | None
    problem: ReadProblem | None = None
    detail: str = ""
    stem: str = ""


@dataclass(frozen=True)
class Listing:
    """What was found.

    Parameters
    ----------
    items : tuple of BatchItem
        In the order of the folders.
    skipped : tuple of SkippedFile
        Files that nobody takes for images: notes, tables, reports. Very many are not all named.
    skipped_count : int
        How many they are.
    copies : int
        Pictures left out: of DICOM objects with the identifiers of one that was found, of which
        the longest file counts; and links to files.
    """

    items: tuple[BatchItem, ...]
    skipped: tuple[SkippedFile, ...]
    skipped_count: int
    copies: int = 0


def list_items(inputs: Sequence[Path]) -> Generator[int, None, Listing]:
    """Find everything that inputs hold, yielding how many files were looked at.

    Parameters
    ----------
    inputs : sequence of Path
        Files, folders, archives, indexes of media, and lists: CSV files with a column ``path``
        (or ``file``, ``filename``, ``image``) of paths, relative ones from the list's folder.

    Raises
    ------
    BatchError
        NO_LIST: a list cannot be read or has no column of paths.
    """
    paths: list[Path] = []
    for given in inputs:
        is_list = given.suffix.lower() == LIST_SUFFIX and given.is_file()
        paths += listed_paths(given) if is_list else [given]
    scan = yield from scan_paths(paths, names_files=True)
    found = [_item(stack.first) for stack in stacked(scan.found)]
    refused = [_refused(refusal) for refusal in scan.refused]
    items = {item.identity: item for item in (*found, *refused)}
    count = len(scan.skipped) + scan.skipped_beyond
    copies = scan.other_names + sum(entry.copies for entry in scan.found)
    return Listing(tuple(items.values()), scan.skipped, count, copies)


def listed_paths(path: Path) -> list[Path]:
    """Return the paths of a list; those that are named twice come once.

    Raises
    ------
    BatchError
        NO_LIST.
    """
    try:
        if path.stat().st_size > MOST_LIST_BYTES:
            raise BatchError(path, BatchProblem.NO_LIST)
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BatchError(path, BatchProblem.NO_LIST) from error
    rows = csv.DictReader(text.splitlines())
    names = {name.strip().lower(): name for name in rows.fieldnames or ()}
    column = next((names[wanted] for wanted in _PATH_COLUMNS if wanted in names), None)
    if column is None:
        raise BatchError(path, BatchProblem.NO_LIST)
    told = [row[column].strip() for row in rows if row.get(column)]
    return list(dict.fromkeys(path.parent / each for each in told if each))


def _item(entry: SeriesEntry) -> BatchItem:
    first = entry.parts[0]
    is_whole_file = len(entry.parts) == 1 and not first.member and not first.index
    source: ImageSource = first.path if is_whole_file else entry
    return BatchItem(
        _identity(entry.parts), _named(first), source, stem=_stem(first.path, first.member)
    )


def _refused(refusal: ImageReadError) -> BatchItem:
    # No picture has an index below 0, so that what is refused is never what was found.
    identity = _identity([ImagePart(refusal.path, refusal.member, _REFUSED)])
    part = ImagePart(refusal.path, refusal.member)
    return BatchItem(
        identity, _named(part), None, refusal.problem, refusal.detail,
        _stem(part.path, part.member),
    )  # fmt: skip


def _named(part: ImagePart) -> Path:
    """Return the path of a file, with the name of the member behind it in an archive."""
    return Path(f"{part.path}/{part.member}") if part.member else part.path


def _stem(path: Path, member: str) -> str:
    """Return what the folder of results is called; an archive may name members as it likes."""
    name = PurePosixPath(member).name
    return folder_stem(Path(name) if is_safe_name(name) else path)


def _identity(parts: Iterable[ImagePart]) -> str:
    digest = hashlib.sha256()
    stamps: dict[Path, str] = {}
    for part in parts:
        if part.path not in stamps:
            stamps[part.path] = _stamp(part.path)
        told = (str(real_path(part.path)), stamps[part.path], part.member, part.index, part.volume)
        digest.update(repr(told).encode(errors="surrogatepass"))
    return digest.hexdigest()


def _stamp(path: Path) -> str:
    try:
        state = path.stat()
    except OSError:
        return ""
    return f"{state.st_size} {state.st_mtime_ns}"
