"""What became of every image of a batch, in a database that survives any kill."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from spinealign.batch.listing import BatchItem
from spinealign.batch.options import Models, UsedModel, counts_no_more
from spinealign.domain.errors import BatchError, BatchProblem
from spinealign.domain.formats import (
    BATCH_FLAT_FOLDER,
    BATCH_PICTURES,
    BATCH_STATE_NAME,
    flat_prefix,
)
from spinealign.imaging.find import folder_stem, free_name

STATE_NAME = BATCH_STATE_NAME
GALLERY_NAME = "gallery.html"
PICTURES_FOLDER = BATCH_PICTURES
RETRIEVED_FOLDER = "retrieved"
PAUSE_NAME = "pause"
TABLES = ("images", "measures", "dictionary")
_FILES = tuple(f"{table}{suffix}" for table in TABLES for suffix in (".csv", ".parquet"))
_OWN_NAMES = frozenset(
    (
        STATE_NAME, GALLERY_NAME, PICTURES_FOLDER, RETRIEVED_FOLDER, PAUSE_NAME,
        BATCH_FLAT_FOLDER, *_FILES,
    )
)  # fmt: skip
_FORMAT = 1
_TABLES = """
CREATE TABLE run (format INTEGER, recipe TEXT, models TEXT);
CREATE TABLE item (
    identity TEXT PRIMARY KEY, number INTEGER, path TEXT, folder TEXT UNIQUE, status TEXT,
    attempts INTEGER DEFAULT 0, sentence TEXT DEFAULT '', advice TEXT DEFAULT '',
    seconds REAL, record TEXT DEFAULT ''
);
CREATE INDEX by_status ON item (status);
"""
_COLUMNS = "identity, number, path, folder, status, attempts, sentence, advice, seconds, record"


def picture_path(folder: Path) -> Path:
    """Return where the small picture of a folder of results lies."""
    return folder.parent / PICTURES_FOLDER / f"{folder.name}.jpg"


def results_place(folder: Path, *, is_flat: bool) -> tuple[Path, str]:
    """Return in which folder an image's files lie, and what their names begin with.

    Parameters
    ----------
    folder : Path
        Of the image's results, in the batch's folder.
    is_flat : bool
        Whether the files of all images lie in one folder.
    """
    if not is_flat:
        return folder, ""
    return folder.parent / BATCH_FLAT_FOLDER, flat_prefix(folder.name)


class ItemStatus(StrEnum):
    """Where an image of a batch stands."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of one image.

    Parameters
    ----------
    status : ItemStatus
        DONE, REFUSED (an image of another kind; a folder of results says so) or FAILED.
    sentence, advice : str
        Of a failure.
    seconds : float
        That reading, analysing and writing took.
    record : str
        JSON object for the tables; empty where it failed.
    """

    status: ItemStatus
    sentence: str = ""
    advice: str = ""
    seconds: float = 0.0
    record: str = ""


@dataclass(frozen=True)
class Row:
    """An image of the batch with what became of it; `folder` lies in the batch's folder."""

    identity: str
    number: int
    path: Path
    folder: str
    status: ItemStatus
    attempts: int
    sentence: str
    advice: str
    seconds: float | None
    record: str


@dataclass(frozen=True)
class TakenIn:
    """What became of the results of an earlier run.

    Parameters
    ----------
    stale : int
        Made anew: another recipe or model.
    forgotten : int
        Of files that are not listed any more, or changed: what was written of them stays.
    """

    stale: int = 0
    forgotten: int = 0


class BatchState:
    """The database of a batch: one writer at a time, every change on the disk when it returns.

    Parameters
    ----------
    path : Path
        Made if missing.

    Raises
    ------
    BatchError
        DAMAGED, or NEWER: another program's, or a later version's.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _told(path):
            self._database = sqlite3.connect(path, isolation_level=None)
            # A write-ahead log needs shared memory, which network drives do not have.
            self._database.execute("PRAGMA journal_mode = DELETE")
            self._database.execute("PRAGMA synchronous = FULL")
            self._prepare()

    def _prepare(self) -> None:
        names = {row[0] for row in self._database.execute("SELECT name FROM sqlite_master")}
        if not names:
            with self._changed():
                for statement in filter(None, map(str.strip, _TABLES.split(";"))):
                    self._database.execute(statement)
                self._database.execute("INSERT INTO run VALUES (?, '', '{}')", (_FORMAT,))
        [(found,)] = self._database.execute("SELECT format FROM run")
        if found != _FORMAT:
            raise BatchError(self._path, BatchProblem.NEWER)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def begin(self, items: Sequence[BatchItem], recipe: str, models: Models) -> TakenIn:
        """Take in what is to be analysed, and let results count no more that would differ now.

        What is not listed any more is forgotten; its folder of results stays.

        Returns
        -------
        TakenIn
        """
        with _told(self._path), self._changed():
            known = {row.identity: row for row in self.rows()}
            self._add([item for item in items if item.identity not in known], known)
            listed = {item.identity for item in items}
            gone = [(identity,) for identity in known if identity not in listed]
            self._database.executemany("DELETE FROM item WHERE identity = ?", gone)
            stale = self._stale([known[i] for i in listed & known.keys()], recipe, models)
            self._database.executemany(
                "UPDATE item SET status = 'waiting', attempts = 0 WHERE identity = ?",
                [(row.identity,) for row in stale],
            )
            # Who killed the program in the middle of an image says nothing against the image.
            self._database.execute("UPDATE item SET attempts = 0 WHERE status = 'waiting'")
            text = json.dumps({name: asdict(model) for name, model in models.items()})
            self._database.execute("UPDATE run SET recipe = ?, models = ?", (recipe, text))
        return TakenIn(len(stale), len(gone))

    def _add(self, new: Sequence[BatchItem], known: Mapping[str, Row]) -> None:
        taken = {*_OWN_NAMES, *(row.folder.casefold() for row in known.values())}
        number = max((row.number for row in known.values()), default=0)
        rows = []
        for place, item in enumerate(new, start=number + 1):
            folder = free_name(item.stem or folder_stem(item.path), taken)
            rows.append((item.identity, place, str(item.path), folder))
        self._database.executemany(
            "INSERT INTO item (identity, number, path, folder, status) "
            "VALUES (?, ?, ?, ?, 'waiting')",
            rows,
        )

    def _stale(self, rows: Sequence[Row], recipe: str, models: Models) -> list[Row]:
        before, then = self.made_with()
        ended = [row for row in rows if row.status is not ItemStatus.WAITING]
        if before != recipe:
            return ended
        return [row for row in ended if _counts_no_more(row, then, models)]

    def try_again(self) -> int:
        """Let all that failed wait again; return how many."""
        with _told(self._path):
            cursor = self._database.execute(
                "UPDATE item SET status = 'waiting', attempts = 0 WHERE status = 'failed'"
            )
        return cursor.rowcount

    def hand_out(self, identity: str) -> int:
        """Note that a worker begins with an image; return the how-manieth attempt it is."""
        with _told(self._path):
            self._database.execute(
                "UPDATE item SET attempts = attempts + 1 WHERE identity = ?", (identity,)
            )
            cursor = self._database.execute(
                "SELECT attempts FROM item WHERE identity = ?", (identity,)
            )
            return int(cursor.fetchone()[0])

    def note(self, identity: str, outcome: Outcome) -> None:
        """Keep what became of an image."""
        with _told(self._path):
            self._database.execute(
                "UPDATE item SET status = ?, sentence = ?, advice = ?, seconds = ?, record = ? "
                "WHERE identity = ?",
                (outcome.status.value, outcome.sentence, outcome.advice, outcome.seconds,
                 outcome.record, identity),
            )  # fmt: skip

    def count(self, status: ItemStatus) -> int:
        """Return how many images stand so."""
        cursor = self._database.execute("SELECT COUNT(*) FROM item WHERE status = ?", (status,))
        return int(cursor.fetchone()[0])

    def rows(self) -> Iterator[Row]:
        """Yield all images in the order in which they were listed first."""
        for row in self._database.execute(f"SELECT {_COLUMNS} FROM item ORDER BY number"):
            yield _row(row)

    def row(self, identity: str) -> Row:
        """Return one image that the batch has."""
        found = self._database.execute(
            f"SELECT {_COLUMNS} FROM item WHERE identity = ?", (identity,)
        )
        return _row(found.fetchone())

    def made_with(self) -> tuple[str, Models]:
        """Return the recipe (`BatchOptions.recipe`) and the models of the last run."""
        [(recipe, text)] = self._database.execute("SELECT recipe, models FROM run")
        return recipe, {
            name: UsedModel(one["sha256"], tuple(one["examinations"]))
            for name, one in json.loads(text).items()
        }

    @contextmanager
    def _changed(self) -> Iterator[None]:
        """Change several rows, all or none."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


@contextmanager
def opened_to_read(folder: Path) -> Iterator[BatchState]:
    """Open the state of the batch in a folder.

    Raises
    ------
    BatchError
        NO_BATCH: there is none; DAMAGED or NEWER.
    """
    if not (folder / STATE_NAME).is_file():
        raise BatchError(folder, BatchProblem.NO_BATCH)
    state = BatchState(folder / STATE_NAME)
    try:
        yield state
    finally:
        state.close()


def _row(told: Sequence[Any]) -> Row:
    identity, number, path, folder, status, *rest = told
    return Row(identity, number, Path(path), folder, ItemStatus(status), *rest)


def _counts_no_more(row: Row, then: Models, now: Models) -> bool:
    record: Mapping[str, Any] = json.loads(row.record) if row.record else {}
    used = frozenset(record.get("models", ()))
    return counts_no_more(then, now, used, record.get("examination", ""))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise BatchError(path, BatchProblem.NOT_WRITABLE) from error
    except sqlite3.DatabaseError as error:
        raise BatchError(path, BatchProblem.DAMAGED) from error
