"""The queue's file: SQLite, so that a kill at any moment loses nothing.

A change counts when its transaction is on the disk (write-ahead log, synchronous FULL).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spinealign.domain.network import NetworkError, NetworkProblem

QUEUE_FILE = "queue.sqlite"

_BUSY_S = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS outgoing (
    number INTEGER PRIMARY KEY, peer TEXT NOT NULL, sop_class TEXT NOT NULL, sop_uid TEXT NOT NULL,
    transfer_syntax TEXT NOT NULL, sha256 TEXT NOT NULL, file TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, next_at REAL NOT NULL DEFAULT 0,
    problem TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '',
    transaction_uid TEXT NOT NULL DEFAULT '', breaks INTEGER NOT NULL DEFAULT 0,
    origin TEXT NOT NULL DEFAULT '', series_number TEXT NOT NULL DEFAULT '',
    instance_number TEXT NOT NULL DEFAULT '',
    UNIQUE (peer, sop_uid));
CREATE TABLE IF NOT EXISTS series (
    number INTEGER PRIMARY KEY, folder TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
    calling_title TEXT NOT NULL, modality TEXT NOT NULL, body_part TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, next_at REAL NOT NULL DEFAULT 0,
    problem TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS incoming (
    sop_uid TEXT PRIMARY KEY, series INTEGER NOT NULL REFERENCES series, file TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS conflicts (
    series INTEGER NOT NULL REFERENCES series, sop_uid TEXT NOT NULL, sha256 TEXT NOT NULL,
    UNIQUE (sop_uid, sha256));
CREATE TABLE IF NOT EXISTS wanted (
    token TEXT PRIMARY KEY, study TEXT NOT NULL, series TEXT NOT NULL, title TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS incoming_series ON incoming (series);
CREATE INDEX IF NOT EXISTS outgoing_due ON outgoing (state, next_at);
"""
_LATER_COLUMNS = {
    "breaks": "INTEGER NOT NULL DEFAULT 0",
    "origin": "TEXT NOT NULL DEFAULT ''",
    "series_number": "TEXT NOT NULL DEFAULT ''",
    "instance_number": "TEXT NOT NULL DEFAULT ''",
}
"""Of outgoing objects; queues of earlier programs lack them, and these do not mind them."""
_VERSION = 1


class Database:
    """The file of one profile; several threads and programs may use it at once.

    Parameters
    ----------
    folder : Path
        Made if missing, for this user only.

    Raises
    ------
    NetworkError
        It cannot be opened, or a newer program wrote it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = sqlite3.connect(
                folder / QUEUE_FILE, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            (folder / QUEUE_FILE).chmod(0o600)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
        except (OSError, sqlite3.Error) as error:
            raise NetworkError(NetworkProblem.DISK, detail=type(error).__name__) from error
        with self.change() as connection:
            [[version]] = connection.execute("PRAGMA user_version").fetchall()
            if version > _VERSION:
                raise NetworkError(NetworkProblem.DISK, detail="of a newer SpineAlign")
            for statement in _SCHEMA.split(";\n"):
                connection.execute(statement)
            there = {row[1] for row in connection.execute("PRAGMA table_info(outgoing)")}
            for name in _LATER_COLUMNS.keys() - there:
                connection.execute(f"ALTER TABLE outgoing ADD COLUMN {name} {_LATER_COLUMNS[name]}")
            connection.execute(f"PRAGMA user_version={_VERSION}")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Have one transaction: all of it is on the disk afterwards, or nothing.

        Raises
        ------
        NetworkError
            The disk is full or broken; nothing was changed.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise NetworkError(NetworkProblem.DISK, detail=str(error)) from error
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return what a query finds.

        Raises
        ------
        NetworkError
            The disk is broken.
        """
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise NetworkError(NetworkProblem.DISK, detail=str(error)) from error


def failure_from(problem: str, peer: str, detail: str) -> NetworkError | None:
    """Return the failure that a row tells of; None without one."""
    return NetworkError(NetworkProblem(problem), peer, detail) if problem else None
