"""The trail in a database: events appended, read, and checked against the anchor."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import msgspec

from spinealign.audit.chain import (
    MAC_BYTES,
    Anchor,
    Record,
    Verdict,
    anchor_mac,
    check_chain,
    first_mac,
    record_mac,
)
from spinealign.audit.events import AuditEvent
from spinealign.domain.protection import AuditDamagedError, Damage
from spinealign.files import write_durably
from spinealign.json_files import JsonError, read_json

_TABLES = (
    "CREATE TABLE audit_trail(counter INTEGER PRIMARY KEY CHECK (counter > 0), "
    "event BLOB NOT NULL, mac BLOB NOT NULL)",
    "CREATE TABLE audit_identity(trail TEXT NOT NULL)",
    "CREATE TRIGGER audit_trail_is_not_changed BEFORE UPDATE ON audit_trail "
    "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END",
    "CREATE TRIGGER audit_trail_is_not_shortened BEFORE DELETE ON audit_trail "
    "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END",
)
_TRAIL_BYTES = 16


class Connection(Protocol):
    """A connection of the standard library's sqlite3, or of one that does the same."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Any:
        """Run one statement."""


class AnchorFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file of an anchor holds; checksums in hexadecimal digits."""

    trail: str
    counter: int
    mac: str
    anchor_mac: str


def create_trail(connection: Connection, key: bytes, anchor: Path) -> AuditTrail:
    """Begin a trail in a database that has none.

    Raises
    ------
    FileExistsError
        There is an anchor already: the trail that it belongs to was taken away, or is elsewhere.
    OSError
        The anchor could not be written.
    """
    if anchor.exists() and not _is_of_nothing(anchor, key):
        raise FileExistsError(anchor)
    identifier = secrets.token_hex(_TRAIL_BYTES)
    # The anchor first: killed before the trail is there, the next program begins it again.
    _write_anchor(anchor, key, Anchor(identifier, 0, first_mac(key, identifier)))
    with _alone(connection):
        for statement in _TABLES:
            connection.execute(statement)
        connection.execute("INSERT INTO audit_identity VALUES (?)", (identifier,))
    return AuditTrail(connection, key, anchor)


def _is_of_nothing(anchor: Path, key: bytes) -> bool:
    """Whether an anchor is ours and no event was ever acknowledged under it."""
    found = read_anchor(anchor, key)
    return isinstance(found, Anchor) and found.counter == 0


def begin_anew(connection: Connection, key: bytes, anchor: Path) -> AuditTrail:
    """Set a damaged trail aside, with its anchor, and begin a new one beside it.

    Nothing of the damaged one is changed: its tables get a number, its anchor gets it too.

    Raises
    ------
    OSError
        The anchor could not be moved or written.
    """
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    number = next(n for n in range(1, len(names) + 2) if f"audit_trail_{n}" not in names)
    # The anchor first: killed after it, the trail is one whose anchor is missing, which can be
    # set aside again. The other way round nobody could sign in.
    if anchor.exists():
        anchor.replace(anchor.with_name(f"{anchor.stem}-{number}{anchor.suffix}"))
    with _alone(connection):
        for trigger in ("changed", "shortened"):
            connection.execute(f"DROP TRIGGER IF EXISTS audit_trail_is_not_{trigger}")
        for table in ("audit_trail", "audit_identity"):
            if table in names:
                connection.execute(f"ALTER TABLE {table} RENAME TO {table}_{number}")
    return create_trail(connection, key, anchor)


class AuditTrail:
    """Events of one archive.

    An event is acknowledged when `append` returns: it is in the database, and the anchor says so.

    Parameters
    ----------
    connection : Connection
        Autocommitting (``isolation_level=None``); a commit must be on the disk when it returns.
    key : bytes
        Of the keyed checksums; of no other use.
    anchor : Path
        File outside the database, at best on another disk.

    Raises
    ------
    AuditDamagedError
        The database holds no trail.
    """

    def __init__(self, connection: Connection, key: bytes, anchor: Path) -> None:
        self._connection, self._key, self._anchor = connection, key, anchor
        self._trail = self._identity()

    def append(self, event: AuditEvent) -> int:
        """Add an event and return its number; see `append_many`.

        Raises
        ------
        AuditDamagedError, OSError, Exception
        """
        return self.append_many((event,))

    def append_many(self, events: Sequence[AuditEvent]) -> int:
        """Add events, all or none, and return the number of the last one.

        Raises
        ------
        AuditDamagedError
            The anchor is gone, or knows of records that the database does not hold. Writing on
            would cover the traces.
        OSError
            The anchor could not be written; the event is in the database.
        Exception
            Of the database's, where the event could not be stored.
        """
        with _alone(self._connection):
            self._require_whole_end()
            counter, mac = self._last()
            for event in events:
                content, counter = canonical(event), counter + 1
                mac = record_mac(self._key, mac, counter, content)
                self._connection.execute(
                    "INSERT INTO audit_trail VALUES (?, ?, ?)", (counter, content, mac)
                )
        with _alone(
            self._connection
        ):  # so that of two programs the slower one never turns the anchor back
            _write_anchor(self._anchor, self._key, Anchor(self._trail, *self._last()))
        return counter

    @property
    def identifier(self) -> str:
        """Of the trail, which its checksums and its anchor are bound to."""
        return self._trail

    def events(self, after: int = 0) -> Iterator[tuple[int, AuditEvent]]:
        """Yield each event with its number, from the one after a number on.

        Raises
        ------
        msgspec.ValidationError
            A record is no event; `verify` tells which one.
        """
        for record in self._records(after):
            yield record.counter, msgspec.json.decode(record.event, type=AuditEvent)

    def verify(self) -> Verdict:
        """Return whether the trail is as it was written, or the first record that is not."""
        records = self._records()
        anchor = read_anchor(self._anchor, self._key)
        if isinstance(anchor, Damage):
            return Verdict(len(records), anchor)
        if anchor.trail != self._trail:
            return Verdict(len(records), Damage.ANCHOR_CHANGED)
        return check_chain(self._key, anchor, records)

    def _identity(self) -> str:
        has_table = self._connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE name = 'audit_identity'"
        ).fetchone()[0]
        row = has_table and self._connection.execute("SELECT trail FROM audit_identity").fetchone()
        if not row:
            raise AuditDamagedError(Damage.CUT_OFF)
        return str(row[0])

    def damage_at_end(self) -> Damage | None:
        """Return what is wrong with the last record and the anchor; None where nothing is.

        This is what `append` looks at before it writes; `verify` reads all records.
        """
        anchor = read_anchor(self._anchor, self._key)
        if isinstance(anchor, Damage):
            return anchor
        if anchor.trail != self._trail:
            return Damage.ANCHOR_CHANGED
        if not anchor.counter:
            return None
        row = self._connection.execute(
            "SELECT mac FROM audit_trail WHERE counter = ?", (anchor.counter,)
        ).fetchone()
        if row is None:
            return Damage.CUT_OFF
        return None if hmac.compare_digest(bytes(row[0]), anchor.mac) else Damage.CHANGED

    def _require_whole_end(self) -> None:
        damage = self.damage_at_end()
        if damage is not None:
            raise AuditDamagedError(damage)

    def _records(self, after: int | None = None) -> list[Record]:
        rows = self._connection.execute(
            "SELECT counter, event, mac FROM audit_trail WHERE ? IS NULL OR counter > ? "
            "ORDER BY counter",
            (after, after),
        )
        return [Record(int(row[0]), bytes(row[1]), bytes(row[2])) for row in rows]

    def _last(self) -> tuple[int, bytes]:
        row = self._connection.execute(
            "SELECT counter, mac FROM audit_trail ORDER BY counter DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return 0, first_mac(self._key, self._trail)
        return int(row[0]), bytes(row[1])


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Keep other programs from writing: each sees the last record before it adds its own."""
    # A connection that threads share says how to have it alone.
    with getattr(connection, "alone", nullcontext()):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            # A full disk has undone it already.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def canonical(event: AuditEvent) -> bytes:
    """Return an event as canonical JSON: keys sorted, no spaces, UTF-8."""
    return json.dumps(
        msgspec.to_builtins(event), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode("utf-8", "surrogatepass")


def read_anchor(path: Path, key: bytes) -> Anchor | Damage:
    """Return an anchor whose own checksum holds, or what is wrong with it."""
    try:
        content = read_json(path, AnchorFile)
        mac, own = bytes.fromhex(content.mac), bytes.fromhex(content.anchor_mac)
    except FileNotFoundError:
        return Damage.ANCHOR_MISSING
    except (JsonError, OSError, ValueError):
        return Damage.ANCHOR_CHANGED
    anchor = Anchor(content.trail, content.counter, mac)
    is_own = len(mac) == MAC_BYTES and anchor.counter >= 0
    if is_own and hmac.compare_digest(anchor_mac(key, anchor), own):
        return anchor
    return Damage.ANCHOR_CHANGED


def _write_anchor(path: Path, key: bytes, anchor: Anchor) -> None:
    content = AnchorFile(
        anchor.trail, anchor.counter, anchor.mac.hex(), anchor_mac(key, anchor).hex()
    )
    write_durably(path, msgspec.json.encode(content))
