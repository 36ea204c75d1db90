"""What was received: objects in a private folder, a folder a series of one patient, and rows.

An object is acknowledged to its sender only when it and its row are on the disk.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

from spinealign.domain.network import ArrivalState, ArrivedSeries, NetworkError, NetworkProblem
from spinealign.files import clear_unfinished_below, write_durably
from spinealign.network.database import Database, failure_from
from spinealign.network.objects import ObjectFile, ObjectHead, hold_the_same
from spinealign.network.outbox import add_row

INBOX = "inbox"


class Inbox:
    """What was received.

    Parameters
    ----------
    database : Database
        The objects lie in a folder beside it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self.folder = database.folder / INBOX
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def take(self, head: ObjectHead, content: bytes, calling_title: str, ready_at: float) -> bool:
        """Keep an object, and analyse its series once nothing more comes.

        Parameters
        ----------
        head : ObjectHead
        content : bytes
            In the file format (PS3.10).
        calling_title : str
        ready_at : float
            When the series is analysed if nothing more of it comes, in seconds since 1970.

        Returns
        -------
        bool
            False if it was received before.

        Raises
        ------
        NetworkError
            `SAME_UID`: another object of this UID was received, with other content or of another
            patient, study or series; the first one stays, and the list tells it.
            `DISK`: it could not be kept.
        """
        with self._lock:
            known = self._group_of(head.sop_uid)
            path = self.folder / head.group / head.file_name
            if known is not None:
                if known != head.group or not _is_there(path, content):
                    self._note_conflict(head.sop_uid, content)
                    raise NetworkError(NetworkProblem.SAME_UID)
                return False
            _keep(path, content)
            self._note(head, calling_title, ready_at)
            return True

    def _note_conflict(self, sop_uid: str, content: bytes) -> None:
        """Note that another object of a UID came, once however often it is sent."""
        sha256 = hashlib.sha256(content).hexdigest()
        with self._database.change() as database:
            database.execute(
                "INSERT OR IGNORE INTO conflicts (series, sop_uid, sha256) "
                "SELECT series, sop_uid, ? FROM incoming WHERE sop_uid = ?",
                (sha256, sop_uid),
            )

    def _group_of(self, sop_uid: str) -> str | None:
        rows = self._database.rows(
            "SELECT folder FROM incoming JOIN series ON series.number = incoming.series "
            "WHERE sop_uid = ?",
            (sop_uid,),
        )
        return str(rows[0][0]) if rows else None

    def _note(self, head: ObjectHead, calling_title: str, ready_at: float) -> None:
        with self._database.change() as database:
            database.execute(
                "INSERT INTO series (folder, state, calling_title, modality, body_part, next_at) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (folder) DO UPDATE SET state = ?, "
                "next_at = ?, problem = '', detail = ''",
                (head.group, ArrivalState.ARRIVING, calling_title, head.modality, head.body_part,
                 ready_at, ArrivalState.ARRIVING, ready_at),
            )  # fmt: skip
            database.execute(
                "INSERT INTO incoming (sop_uid, series, file) "
                "SELECT ?, number, ? FROM series WHERE folder = ?",
                (head.sop_uid, head.file_name, head.group),
            )

    # Told

    def series(self) -> list[ArrivedSeries]:
        """Return all series that were received, the oldest first."""
        rows = self._database.rows(
            "SELECT number, folder, state, calling_title, modality, (SELECT count(*) FROM "
            "incoming WHERE series = series.number), attempts, next_at, problem, detail, "
            "(SELECT count(*) FROM conflicts WHERE series = series.number) "
            "FROM series ORDER BY number"
        )
        return [
            ArrivedSeries(
                number, folder, ArrivalState(state), title, modality, count, attempts, next_at,
                failure_from(problem, "", detail), conflicts,
            )
            for number, folder, state, title, modality, count, attempts, next_at, problem, detail,
            conflicts in rows
        ]  # fmt: skip

    def files_of(self, series: ArrivedSeries) -> list[Path]:
        """Return the files of a series."""
        rows = self._database.rows(
            "SELECT file FROM incoming WHERE series = ? ORDER BY sop_uid", (series.number,)
        )
        return [self.folder / series.folder / row[0] for row in rows]

    def body_part_of(self, series: ArrivedSeries) -> str:
        """Return the body part of a series."""
        rows = self._database.rows(
            "SELECT body_part FROM series WHERE number = ?", (series.number,)
        )
        return str(rows[0][0]) if rows else ""

    def next_due(self) -> float | None:
        """Return when a series is to be analysed next, in seconds since 1970; None without any."""
        [[at]] = self._database.rows(
            "SELECT min(next_at) FROM series WHERE state = ?", (ArrivalState.ARRIVING,)
        )
        return None if at is None else float(at)

    # Analysed

    def begin(self, now: float) -> ArrivedSeries | None:
        """Return the next series that is to be analysed, marked as such; None without any.

        Whoever calls is the only one who analyses: what was being analysed before was killed, and
        is queued again.
        """
        with self._database.change() as database:
            database.execute(
                "UPDATE series SET state = ? WHERE state = ?",
                (ArrivalState.ARRIVING, ArrivalState.ANALYSING),
            )
            rows = database.execute(
                "SELECT number FROM series WHERE state = ? AND next_at <= ? ORDER BY number "
                "LIMIT 1",
                (ArrivalState.ARRIVING, now),
            ).fetchall()
            if not rows:
                return None
            database.execute(
                "UPDATE series SET state = ? WHERE number = ?", (ArrivalState.ANALYSING, *rows[0])
            )
        return next(each for each in self.series() if each.number == rows[0][0])

    def end(
        self, series: ArrivedSeries, peers: Sequence[str], results: Sequence[tuple[ObjectFile, str]]
    ) -> bool:
        """Note that a series was analysed and queue its results: both, or neither.

        Parameters
        ----------
        series : ArrivedSeries
        peers : sequence of str
        results : sequence of (copy in the outbox, checksum)

        Returns
        -------
        bool
            False if more of the series came meanwhile: it is analysed again, and these results
            are sent to nobody.
        """
        with self._database.change() as database:
            done = database.execute(
                "UPDATE series SET state = ?, problem = '', detail = '' "
                "WHERE number = ? AND state = ?",
                (ArrivalState.DONE, series.number, ArrivalState.ANALYSING),
            )
            if not done.rowcount:
                return False
            for file, sha256 in results:
                for peer in peers:
                    add_row(database, peer, file, sha256)
        return True

    def fail(self, series: ArrivedSeries, failure: NetworkError) -> None:
        """Note why a series was not analysed; it waits until somebody tries again."""
        with self._database.change() as database:
            database.execute(
                "UPDATE series SET state = ?, attempts = attempts + 1, problem = ?, detail = ? "
                "WHERE number = ? AND state = ?",
                (ArrivalState.FAILED, failure.problem, failure.detail, series.number,
                 ArrivalState.ANALYSING),
            )  # fmt: skip

    def analyse_again(self, numbers: Sequence[int]) -> None:
        """Queue series for analysis at once, whether they failed or not."""
        with self._database.change() as database:
            database.executemany(
                "UPDATE series SET state = ?, next_at = 0 WHERE number = ? AND state != ?",
                [(ArrivalState.ARRIVING, number, ArrivalState.ANALYSING) for number in numbers],
            )

    def remove(self, series: ArrivedSeries) -> None:
        """Delete a series with its images; it may be received anew."""
        files = self.files_of(series)
        with self._database.change() as database:
            database.execute("DELETE FROM incoming WHERE series = ?", (series.number,))
            database.execute("DELETE FROM conflicts WHERE series = ?", (series.number,))
            database.execute("DELETE FROM series WHERE number = ?", (series.number,))
        for path in files:
            path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Take away what a kill left unfinished."""
        clear_unfinished_below(self.folder)


def _is_there(path: Path, content: bytes) -> bool:
    """Return whether a file holds this object; one that somebody deleted is written again."""
    try:
        kept = path.read_bytes()
    except OSError:
        _keep(path, content)
        return True
    return hold_the_same(kept, content)


def _keep(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_durably(path, content)
    except OSError as error:
        raise NetworkError(NetworkProblem.DISK, detail=error.strerror or "") from error
