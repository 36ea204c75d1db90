"""Objects that one program of a profile asks for while another one listens for both.

Only one program can listen on a port. The one that retrieves by C-MOVE beside it leaves a row that
says which study it waits for; the one that listens puts the objects into a folder of that row.
Whoever waits holds a lock as long, so that what a kill left behind is known and taken away.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from spinealign.domain.network import NetworkError, NetworkProblem
from spinealign.files import held_if_free, write_durably
from spinealign.network.database import Database
from spinealign.network.objects import ObjectHead, parsed_head

MOVED = "moved"
_LISTENING = "receiving"
_TOKEN_BYTES = 12


class Handover:
    """What programs of one profile retrieve through the receiver of another one.

    Parameters
    ----------
    database : Database
        The objects lie in a folder beside it, until they are taken over.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._folder = database.folder / MOVED
        self._folder.mkdir(mode=0o700, exist_ok=True)

    # The program that listens

    def listening(self) -> ExitStack:
        """Tell other programs that this one listens, until what is returned is closed."""
        told = ExitStack()
        told.enter_context(held_if_free(self._database.folder / _LISTENING))
        return told

    def place_for(self, head: ObjectHead, calling_title: str, *, is_moved: bool) -> Path | None:
        """Return the folder of whoever waits for an object; None where nobody does.

        Parameters
        ----------
        head : ObjectHead
        calling_title : str
            Who sends it.
        is_moved : bool
            Whether the sender says that it was asked to.
        """
        rows = self._database.rows(
            "SELECT token, series, title FROM wanted WHERE study = ?", (head.study_uid,)
        )
        for token, series, title in rows:
            is_wanted = series in ("", head.series_uid) and (is_moved or title == calling_title)
            if is_wanted and self._is_awaited(token):
                return self._folder / str(token)
        return None

    def tidy(self) -> None:
        """Take away what nobody waits for any more."""
        for [token] in self._database.rows("SELECT token FROM wanted"):
            if not self._is_awaited(token):
                self._forget(token)

    def _is_awaited(self, token: str) -> bool:
        with held_if_free(self._lock_of(token)) as is_free:
            return not is_free

    # The program that retrieves

    @property
    def is_shared(self) -> bool:
        """Whether another program of this profile listens."""
        with held_if_free(self._database.folder / _LISTENING) as is_free:
            return not is_free

    @contextmanager
    def awaiting(self, study_uid: str, series_uid: str, title: str) -> Iterator[Path]:
        """Have another program's receiver put objects into a folder, which is gone afterwards.

        Parameters
        ----------
        study_uid, series_uid : str
            The series is empty for all of the study.
        title : str
            Of the peer that was asked.
        """
        token = secrets.token_hex(_TOKEN_BYTES)
        folder = self._folder / token
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise NetworkError(NetworkProblem.DISK, detail=error.strerror or "") from error
        try:
            with held_if_free(self._lock_of(token)):
                with self._database.change() as database:
                    database.execute(
                        "INSERT INTO wanted (token, study, series, title) VALUES (?, ?, ?, ?)",
                        (token, study_uid, series_uid, title),
                    )
                yield folder
        finally:
            self._forget(token)

    def _forget(self, token: str) -> None:
        with self._database.change() as database:
            database.execute("DELETE FROM wanted WHERE token = ?", (token,))
        shutil.rmtree(self._folder / token, ignore_errors=True)
        self._lock_of(token).unlink(missing_ok=True)

    def _lock_of(self, token: str) -> Path:
        return self._folder / f"{token}.lock"


class SharedReceiver:
    """The receiver of another program of this profile, as one of our own.

    Parameters
    ----------
    title : str
        What it is called.
    handover : Handover
    """

    def __init__(self, title: str, handover: Handover) -> None:
        self.title = title
        self._handover = handover

    @contextmanager
    def expecting(
        self, study_uid: str, title: str, take: Callable[[ObjectHead, bytes], int],
        series_uid: str = "",
    ) -> Iterator[None]:  # fmt: skip
        """Hand objects of a study that was asked for over, once the peer sent all of them.

        See `Receiver.expecting`.
        """
        with self._handover.awaiting(study_uid, series_uid, title) as folder:
            try:
                yield
            finally:
                for path in sorted(folder.glob("*.dcm")):
                    content = _content_of(path)
                    take(parsed_head(content), content)


def _content_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NetworkError(NetworkProblem.DISK, detail=error.strerror or "") from error


def put(folder: Path, head: ObjectHead, content: bytes) -> None:
    """Put an object into the folder of whoever waits for it.

    Raises
    ------
    OSError
        It cannot be written, or nobody waits any more.
    """
    write_durably(folder / f"{head.group}-{head.file_name}", content)
