"""Objects on their way to other nodes: copies of their own, and rows that outlive a kill.

A copy is on the disk before its row, and stays until every row that names it is delivered.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from spinealign.domain.network import Delivery, DeliveryState, NetworkError, NetworkProblem
from spinealign.files import clear_unfinished, held_alone, write_durably
from spinealign.network.database import Database, failure_from
from spinealign.network.objects import ObjectFile, object_file

OUTBOX = "outbox"
PAUSES_S = (10, 30, 60, 120, 300, 600, 1800, 3600)
"""Seconds from one failed attempt to the next; the last one holds for all that follow."""

COMMITMENT_WAIT_S = 3600.0
"""How long a peer has to report on a storage commitment before it is asked again."""

MOST_BREAKS = 5
"""After so many associations that ended while it was sent, an object waits for a person."""

_IN_USE = "outbox-in-use"
_NEVER = 1e18


@dataclass(frozen=True)
class Outgoing:
    """A row of the queue with what sending needs."""

    number: int
    peer: str
    file: ObjectFile = field(repr=False)


@dataclass(frozen=True)
class Queued:
    """What became of files that were to be queued.

    Parameters
    ----------
    count : int
        How many were not queued or delivered before, counted for each peer.
    refused : tuple of (Path, NetworkError)
        What was not queued, and why.
    """

    count: int
    refused: tuple[tuple[Path, NetworkError], ...] = ()


def pause_after(attempts: int) -> float:
    """Return how long to wait after so many failed attempts, in seconds."""
    return float(PAUSES_S[min(max(attempts, 1), len(PAUSES_S)) - 1])


class Outbox:
    """What is on its way.

    Parameters
    ----------
    database : Database
        The copies lie in a folder beside it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._folder = database.folder / OUTBOX
        self._in_use = database.folder / _IN_USE
        self._folder.mkdir(mode=0o700, exist_ok=True)

    # Queued

    def add(self, peers: Sequence[str], paths: Sequence[Path]) -> Queued:
        """Queue DICOM files for peers; the files themselves are not needed any longer.

        One that is no DICOM object, cannot be read, or has the UID of another object that was
        queued or delivered, keeps no other back.

        Raises
        ------
        NetworkError
            The disk is full or broken. Files before it are queued.
        """
        count, refused = 0, []
        for path in paths:
            try:
                with held_alone(self._in_use):
                    kept, sha256 = self.keep(path)
                    with self._database.change() as database:
                        for peer in peers:
                            try:
                                count += add_row(database, peer, kept, sha256, path.name)
                            except NetworkError as failure:  # is of this peer only
                                refused.append((path, failure))
            except NetworkError as failure:
                if failure.problem is NetworkProblem.DISK:
                    raise
                refused.append((path, failure))
        return Queued(count, tuple(refused))

    def keep(self, path: Path) -> tuple[ObjectFile, str]:
        """Copy a DICOM file to where it waits; return the copy and its checksum.

        Raises
        ------
        NetworkError
            It is no DICOM file or not all of one, cannot be read, or there is no room.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise NetworkError(NetworkProblem.FILE_LOST, detail=path.name) from error
        told = object_file(path, content)
        sha256 = hashlib.sha256(content).hexdigest()
        copy = self._folder / f"{sha256[:40]}.dcm"
        try:
            if not copy.exists():
                write_durably(copy, content)
        except OSError as error:
            raise NetworkError(NetworkProblem.DISK, detail=error.strerror or "") from error
        return replace(told, path=copy), sha256

    def in_use(self) -> AbstractContextManager[None]:
        """Keep copies from being taken away between being made and being named by a row."""
        return held_alone(self._in_use)

    def lock_of(self, peer: str) -> Path:
        """Return the file that keeps two programs from sending to a peer at the same time."""
        name = hashlib.sha256(peer.encode()).hexdigest()[:16]
        return self._database.folder / f"sending-{name}"

    # Told

    def due(self, now: float, peer: str) -> list[Outgoing]:
        """Return what is to be sent to a peer now, the oldest first, what broke off before last."""
        return self._in_state(DeliveryState.WAITING, now, peer)

    def unasked(self, now: float, peer: str) -> list[Outgoing]:
        """Return what was sent to a peer and waits to be asked commitment for."""
        return self._in_state(DeliveryState.SENT, now, peer)

    def asked(self) -> list[int]:
        """Return the numbers of what peers were asked to commit themselves to."""
        rows = self._database.rows(
            "SELECT number FROM outgoing WHERE state = ?", (DeliveryState.ASKED,)
        )
        return [int(row[0]) for row in rows]

    def peers_due(self, now: float) -> list[str]:
        """Return the names of the peers that something is to be sent to, or asked, now."""
        rows = self._database.rows(
            "SELECT peer FROM outgoing WHERE state IN (?, ?) AND next_at <= ? GROUP BY peer "
            "ORDER BY min(number)",
            (DeliveryState.WAITING, DeliveryState.SENT, now),
        )
        return [row[0] for row in rows]

    def next_due(self) -> float | None:
        """Return when something is to be done next, in seconds since 1970; None without any."""
        [[at]] = self._database.rows(
            "SELECT min(next_at) FROM outgoing WHERE state IN (?, ?, ?)",
            (DeliveryState.WAITING, DeliveryState.SENT, DeliveryState.ASKED),
        )
        return None if at is None else float(at)

    def deliveries(self) -> list[Delivery]:
        """Return all that is or was on its way, the oldest first."""
        rows = self._database.rows(
            "SELECT number, peer, sop_uid, state, attempts, next_at, problem, detail, sop_class, "
            "origin, series_number, instance_number FROM outgoing ORDER BY number"
        )
        return [
            Delivery(number, peer, uid, DeliveryState(state), attempts, next_at,
                     failure_from(problem, peer, detail), sop_class, *named)
            for number, peer, uid, state, attempts, next_at, problem, detail, sop_class, *named
            in rows
        ]  # fmt: skip

    def _in_state(self, state: DeliveryState, now: float, peer: str) -> list[Outgoing]:
        rows = self._database.rows(
            "SELECT number, file, sop_class, sop_uid, transfer_syntax FROM outgoing "
            "WHERE state = ? AND next_at <= ? AND peer = ? ORDER BY breaks, number",
            (state, now, peer),
        )
        return [
            Outgoing(number, peer, ObjectFile(self._folder / file, sop_class, uid, syntax))
            for number, file, sop_class, uid, syntax in rows
        ]

    # Changed

    def mark_sent(self, numbers: Sequence[int], *, waits_for_commitment: bool) -> None:
        """Note that a peer has objects; without commitment they are delivered by that."""
        state = DeliveryState.SENT if waits_for_commitment else DeliveryState.DELIVERED
        if not numbers:
            return
        with self._database.change() as database:
            database.executemany(
                "UPDATE outgoing SET state = ?, problem = '', detail = '', next_at = 0 "
                "WHERE number = ?",
                [(state, number) for number in numbers],
            )

    def mark_failed(
        self, numbers: Sequence[int], failure: NetworkError, now: float,
        state: DeliveryState = DeliveryState.WAITING,
    ) -> None:  # fmt: skip
        """Note why objects were not sent, and when they are tried again, if by itself.

        Parameters
        ----------
        numbers : sequence of int
        failure : NetworkError
        now : float
        state : DeliveryState
            To which they go back.
        """
        is_suspect = failure.problem is NetworkProblem.BROKE_AT_OBJECT
        with self._database.change() as database:
            for number in numbers:
                rows = database.execute(
                    "SELECT attempts, breaks FROM outgoing WHERE number = ?", (number,)
                ).fetchall()
                attempts, breaks = rows[0] if rows else (0, 0)
                attempts, breaks = attempts + 1, breaks + is_suspect
                waits = failure.waits_for_person or (is_suspect and breaks >= MOST_BREAKS)
                database.execute(
                    "UPDATE outgoing SET state = ?, attempts = ?, next_at = ?, problem = ?, "
                    "detail = ?, breaks = ?, transaction_uid = '' WHERE number = ? AND state != ?",
                    (DeliveryState.FAILED if waits else state, attempts,
                     _NEVER if waits else now + pause_after(attempts), failure.problem,
                     failure.detail, breaks, number, DeliveryState.DELIVERED),
                )  # fmt: skip

    def mark_asked(self, numbers: Sequence[int], transaction_uid: str, now: float) -> None:
        """Note that a peer is asked to commit itself; before it is, so that no answer is lost."""
        until = now + COMMITMENT_WAIT_S
        with self._database.change() as database:
            database.executemany(
                "UPDATE outgoing SET state = ?, transaction_uid = ?, next_at = ? WHERE number = ?",
                [(DeliveryState.ASKED, transaction_uid, until, number) for number in numbers],
            )

    def mark_commitment(
        self, peers: Collection[str], transaction_uid: str, kept: Collection[str],
        refused: Collection[str], now: float,
    ) -> bool:  # fmt: skip
        """Note what a peer committed itself to; return whether it was asked for.

        What it does not keep is sent once more.

        Parameters
        ----------
        peers : collection of str
            Names of the peers that the report may come from.
        transaction_uid : str
        kept, refused : collection of str
            SOP Instance UIDs.
        now : float
        """
        with self._database.change() as database:
            rows = [
                row
                for row in database.execute(
                    "SELECT number, sop_uid, peer FROM outgoing WHERE transaction_uid = ?",
                    (transaction_uid,),
                ).fetchall()
                if transaction_uid and row[2] in peers
            ]
            database.executemany(
                "UPDATE outgoing SET state = ?, problem = '', detail = '' "
                "WHERE number = ? AND state = ?",
                [
                    (DeliveryState.DELIVERED, number, DeliveryState.ASKED)
                    for number, uid, _ in rows
                    if uid in kept and uid not in refused
                ],
            )
        lost = [number for number, uid, _ in rows if uid in refused]
        if lost:
            self.mark_failed(lost, NetworkError(NetworkProblem.NOT_COMMITTED), now)
        return bool(rows)

    def ask_again(self, now: float) -> None:
        """Ask once more for what no peer reported on in time."""
        with self._database.change() as database:
            database.execute(
                "UPDATE outgoing SET state = ?, problem = ?, detail = '', next_at = 0, "
                "attempts = attempts + 1 WHERE state = ? AND next_at <= ?",
                (DeliveryState.SENT, NetworkProblem.NO_COMMITMENT_RESULT, DeliveryState.ASKED, now),
            )

    def retry(self, numbers: Sequence[int]) -> None:
        """Send again at once what waits or failed; what was sent is asked commitment for again."""
        sent = (DeliveryState.SENT, DeliveryState.ASKED)
        with self._database.change() as database:
            database.executemany(
                "UPDATE outgoing SET state = ?, next_at = 0 WHERE number = ? AND state IN (?, ?)",
                [(DeliveryState.SENT, number, *sent) for number in numbers],
            )
            database.executemany(
                "UPDATE outgoing SET state = ?, next_at = 0 WHERE number = ? AND state IN (?, ?)",
                [
                    (DeliveryState.WAITING, number, DeliveryState.WAITING, DeliveryState.FAILED)
                    for number in numbers
                ],
            )

    def forget(self, numbers: Sequence[int]) -> None:
        """Take objects off the list, delivered or not; what is not, is not sent any more."""
        with self._database.change() as database:
            database.executemany(
                "DELETE FROM outgoing WHERE number = ?", [(number,) for number in numbers]
            )
        self.tidy()

    def tidy(self) -> None:
        """Take away the copies that no row needs, also those that a kill left without one."""
        with held_alone(self._in_use):
            clear_unfinished(self._folder)
            needed = {
                row[0]
                for row in self._database.rows(
                    "SELECT file FROM outgoing WHERE state != ?", (DeliveryState.DELIVERED,)
                )
            }
            for copy in self._folder.glob("*.dcm"):
                if copy.name not in needed:
                    copy.unlink(missing_ok=True)


def add_row(
    database: sqlite3.Connection, peer: str, file: ObjectFile, sha256: str, origin: str = ""
) -> int:
    """Queue a copy for a peer inside a transaction; return 1, or 0 if it was queued before.

    Parameters
    ----------
    database : sqlite3.Connection
    peer : str
    file : ObjectFile
        The copy.
    sha256 : str
    origin : str
        Name of the file that it is a copy of.

    Raises
    ------
    NetworkError
        Another object of this UID is queued or was delivered.
    """
    rows = database.execute(
        "SELECT sha256 FROM outgoing WHERE peer = ? AND sop_uid = ?", (peer, file.sop_uid)
    ).fetchall()
    if rows and rows[0][0] != sha256:
        raise NetworkError(NetworkProblem.SAME_UID, peer)
    if rows:
        return 0
    database.execute(
        "INSERT INTO outgoing (peer, sop_class, sop_uid, transfer_syntax, sha256, file, state, "
        "origin, series_number, instance_number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (peer, file.sop_class, file.sop_uid, file.transfer_syntax, sha256, file.path.name,
         DeliveryState.WAITING, origin, file.series_number, file.instance_number),
    )  # fmt: skip
    return 1
