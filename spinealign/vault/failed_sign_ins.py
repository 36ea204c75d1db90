"""Passwords tried at the door: pauses after wrong ones, and what waits for the trail meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from spinealign.accounts.book import Account
from spinealign.audit.events import AuditEvent, EventKind, Outcome
from spinealign.domain.protection import AccountError, AccountProblem, PauseError
from spinealign.files import held_alone, write_durably
from spinealign.json_files import JsonError, read_json
from spinealign.vault.place import Place

_MOST_FAILED = 1000
"""Of failed sign-ins that wait for the trail; later ones are counted by the last."""

_IN_USE = "in-use"


def data_key_of(
    place: Place, name: str, password: str, now: Callable[[], datetime]
) -> tuple[Account, bytes]:
    """Return an account with the data key that its password opens.

    Raises
    ------
    AccountError
        ``WRONG_NAME_OR_PASSWORD``; the attempt is counted, and waits for the trail.
    PauseError
        Too many wrong passwords; the password was not looked at.
    """
    book, attempts = place.book(), place.attempts()
    known = book.name_of(name)
    seconds = attempts.seconds_to_wait(known or name)
    if seconds > 0:
        note_failure(place, known, "pause", now)
        raise PauseError(seconds, attempts.is_clock_set_back())
    try:
        unlocked = book.sign_in(name, password)
    except AccountError as error:
        if error.problem is AccountProblem.WRONG_NAME_OR_PASSWORD:
            attempts.failed(known or name)
            note_failure(place, known, "wrong password" if known else "unknown name", now)
        raise
    attempts.succeeded(unlocked.account.name)
    data_key = unlocked.data_key
    unlocked.drop()
    return unlocked.account, data_key


def note_failure(
    place: Place,
    name: str | None,
    why: str,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Keep a failed sign-in until somebody has a key for the trail.

    What was typed is kept for accounts only that exist: people type passwords where names belong.
    """
    event = AuditEvent(
        EventKind.LOGIN, stamp(now()), name or "", Outcome.MINOR_FAILURE, why, process=os.getpid()
    )
    have_wait(place, event)


def have_wait(place: Place, event: AuditEvent) -> None:
    """Have an event without patients wait in plain until somebody has a key for the trail."""
    with held_alone(place.folder / _IN_USE):
        waiting = read_events(place.failed_sign_ins)
        write_events(place.failed_sign_ins, (*waiting[: _MOST_FAILED - 1], event))


def stamp(moment: datetime) -> str:
    """Return a moment as events say it, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_events(path: Path) -> tuple[AuditEvent, ...]:
    """Return events that wait in a file; none where it cannot be read."""
    try:
        return tuple(read_json(path, list[AuditEvent]))
    except (JsonError, OSError):
        return ()


def write_events(path: Path, events: Sequence[AuditEvent]) -> None:
    """Have events wait in a file."""
    write_durably(path, msgspec.json.encode(events))
