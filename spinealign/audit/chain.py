"""The chain: each record's keyed checksum covers the record before it.

An unkeyed chain of checksums shows accidents only, since whoever changes a record can make every
later checksum anew. These are keyed (HMAC-SHA-256, RFC 2104). The end of a chain can be cut off
without a trace, and so the anchor, kept outside the database, tells how far it had come.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from spinealign.domain.protection import Damage

MAC_BYTES = 32
"""Length of a keyed checksum. Source: HMAC-SHA-256, RFC 2104 and FIPS 180-4."""

_START = b"spinealign audit trail 1\0"
_ANCHOR = b"spinealign audit anchor 1\0"
_COUNTER_BYTES = 8


@dataclass(frozen=True)
class Record:
    """One record as it is stored.

    Parameters
    ----------
    counter : int
        From 1, without gaps.
    event : bytes
        The event as canonical JSON.
    mac : bytes
        Keyed checksum of the trail's last one, the counter and the event.
    """

    counter: int
    event: bytes
    mac: bytes


@dataclass(frozen=True)
class Anchor:
    """How far a trail had come, kept outside its database.

    Parameters
    ----------
    trail : str
        Which trail: a random identifier in hexadecimal digits.
    counter : int
        Of the last record that was acknowledged; 0 before the first one.
    mac : bytes
        Of that record.
    """

    trail: str
    counter: int
    mac: bytes


@dataclass(frozen=True)
class Verdict:
    """What a check of a trail found.

    Parameters
    ----------
    records : int
        How many stand in the database.
    damage : Damage, optional
        None for a whole trail.
    counter : int
        The first record that is not as it was written; 0 for a whole trail.
    """

    records: int
    damage: Damage | None = None
    counter: int = 0


def first_mac(key: bytes, trail: str) -> bytes:
    """Return what stands before the first record: a trail is bound to its identifier."""
    return hmac.digest(key, _START + trail.encode(), "sha256")


def record_mac(key: bytes, before: bytes, counter: int, event: bytes) -> bytes:
    """Return the keyed checksum of a record.

    Parameters
    ----------
    key : bytes
    before : bytes, 32 long
        Of the record before.
    counter : int
    event : bytes
    """
    head = before + counter.to_bytes(_COUNTER_BYTES, "big")
    return hmac.digest(key, head + event, "sha256")


def anchor_mac(key: bytes, anchor: Anchor) -> bytes:
    """Return the keyed checksum that an anchor's file carries."""
    counter = anchor.counter.to_bytes(_COUNTER_BYTES, "big")
    return hmac.digest(key, _ANCHOR + anchor.trail.encode() + counter + anchor.mac, "sha256")


def check_chain(key: bytes, anchor: Anchor, records: Sequence[Record]) -> Verdict:
    """Return whether records are as they were written, or the first that is not.

    Parameters
    ----------
    key : bytes
    anchor : Anchor
        Its own checksum was checked. Records after it are those of a program that was killed
        before it wrote the anchor: the chain alone vouches for them.
    records : sequence of Record
        In the order of their counters.
    """
    before = first_mac(key, anchor.trail)
    for expected, record in enumerate(records, start=1):
        if record.counter != expected:
            return Verdict(len(records), Damage.REMOVED, expected)
        is_whole = hmac.compare_digest(record_mac(key, before, expected, record.event), record.mac)
        if not is_whole:
            is_elsewhere = _is_of_another_place(key, records, expected)
            kind = Damage.SWAPPED if is_elsewhere else Damage.CHANGED
            return Verdict(len(records), kind, expected)
        if expected == anchor.counter and not hmac.compare_digest(record.mac, anchor.mac):
            return Verdict(len(records), Damage.ANCHOR_CHANGED, expected)
        before = record.mac
    if len(records) < anchor.counter:
        return Verdict(len(records), Damage.CUT_OFF, len(records) + 1)
    return Verdict(len(records))


def _is_of_another_place(key: bytes, records: Sequence[Record], place: int) -> bool:
    """Return whether the record at a place was written for a later one, whose place it changed."""
    record = records[place - 1]
    for other in range(place + 1, len(records) + 1):
        # Of neighbours that changed places, the one before now stands at the later one's place.
        for before in (records[other - 2].mac, records[other - 1].mac):
            if hmac.compare_digest(record_mac(key, before, other, record.event), record.mac):
                return True
    return False
