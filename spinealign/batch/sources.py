"""Inputs of a batch that are no files yet: studies of a PACS, examinations of the archive."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spinealign.domain.network import MOST_ANSWERS, FoundStudy, NetworkError, StudyQuery
from spinealign.files import write_export

if TYPE_CHECKING:
    from spinealign.archive.records import Search
    from spinealign.network.node import Network
    from spinealign.vault.session import Session

_WHOLE: Final = ".whole"
"""Lies in the folder of a study that came whole, and says how many objects the node told of."""


@dataclass(frozen=True)
class Retrieving:
    """How far a retrieval is.

    Parameters
    ----------
    done, total : int
        Studies.
    failure : NetworkError or None
        Why the last one did not come; the others do.
    is_cut : bool
        Whether the peer may have more: it was told to stop, and there are no dates to ask by.
    """

    done: int
    total: int
    failure: NetworkError | None = None
    is_cut: bool = False


@dataclass(frozen=True)
class Unlocked:
    """A folder whose files open with a key: workers get it over their pipe, no disk does."""

    folder: Path
    key: bytes

    def __repr__(self) -> str:
        return f"Unlocked({self.folder!r})"


def retrieve(
    network: Network, peer: str, query: StudyQuery, folder: Path
) -> Generator[Retrieving, None, tuple[Path, ...]]:
    """Retrieve all studies that a peer finds, a folder each; yields after each study.

    What came whole before is not asked for again, unless the peer has more objects of it now. Of
    more studies than a query answers with, the range of dates is asked for in parts.

    Parameters
    ----------
    network : Network
    peer : str
        Its name in the settings.
    query : StudyQuery
    folder : Path
        Made if missing. The names in it tell nobody.

    Returns
    -------
    tuple of Path
        Folders of the studies, with those that came in part.

    Raises
    ------
    NetworkError
        The peer cannot be asked.
    """
    found, is_cut = yield from _all_found(network, peer, query)
    if is_cut:
        yield Retrieving(0, len(found), is_cut=True)
    folders = []
    for place, study in enumerate(found, start=1):
        target = folder / hashlib.sha256(study.study_uid.encode()).hexdigest()[:24]
        failure = None
        if not _is_whole(target, study):
            try:
                for _ in network.fetch(peer, target, study.study_uid):
                    yield Retrieving(place - 1, len(found))
                write_export(target / _WHOLE, str(study.instance_count).encode())
            except NetworkError as error:
                failure = error
        folders += [target] if target.is_dir() else []
        yield Retrieving(place, len(found), failure)
    return tuple(folders)


def _all_found(
    network: Network, peer: str, query: StudyQuery
) -> Generator[Retrieving, None, tuple[tuple[FoundStudy, ...], bool]]:
    """Search for studies, each once; the second value says that there may be more."""
    search = network.find(peer, query)
    while True:
        try:
            next(search)
            yield Retrieving(0, 0)
        except StopIteration as end:
            found: tuple[FoundStudy, ...] = end.value
            break
    halves = query.halves()
    if len(found) < MOST_ANSWERS or not halves:
        return found, len(found) >= MOST_ANSWERS
    studies: dict[str, FoundStudy] = {}
    is_cut = False
    for half in halves:
        some, is_half_cut = yield from _all_found(network, peer, half)
        studies |= {study.study_uid: study for study in some}
        is_cut = is_cut or is_half_cut
    return tuple(studies.values()), is_cut


def _is_whole(folder: Path, study: FoundStudy) -> bool:
    try:
        return (folder / _WHOLE).read_text() == str(study.instance_count)
    except OSError:
        return False


def archived_files(session: Session, search: Search) -> tuple[Sequence[Path], Unlocked]:
    """Return the encrypted files of what an archive finds, and what workers open them with.

    That they are looked at is recorded, for each examination.

    Raises
    ------
    AccountError, ArchiveError
    """
    from spinealign.vault.keeping import originals

    found = session.archive.search(search)
    paths = [path for record in found for path in originals(session, record.identifier)]
    return paths, Unlocked(session.place.files, session.keys.files)
