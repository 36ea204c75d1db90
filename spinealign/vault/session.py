"""Somebody at work: what they may do, the open archive, and the trail of what they did."""

from __future__ import annotations

import getpass
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice

import msgspec

from spinealign.accounts.book import Account, Right, Unlocked, create_book
from spinealign.accounts.key_store import Secrets
from spinealign.accounts.keys import KEY_BYTES, SubKeys, calibrated_cost, new_key
from spinealign.accounts.recovery import printed, typed
from spinealign.archive.store import LONGEST_WAIT_S, Archive
from spinealign.audit.chain import Verdict
from spinealign.audit.events import AuditEvent, AuditObject, EventKind, ObjectKind, Outcome
from spinealign.audit.trail import begin_anew
from spinealign.core_dumps import switch_off_core_dumps
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.protection import (
    AccountError,
    AccountProblem,
    ArchiveError,
    ArchiveProblem,
    AuditDamagedError,
    Damage,
    NoKeyStoreError,
)
from spinealign.files import write_durably
from spinealign.json_files import JsonError, read_json
from spinealign.vault.failed_sign_ins import data_key_of, read_events, stamp, write_events
from spinealign.vault.opening import OpenArchive, make_private, open_archive
from spinealign.vault.place import KeyStoreFile, Place, Protection

BY_PASSWORD = "password"
"""How somebody signed in, for the audit trail."""

_WAITING = "waiting-events.json"


@dataclass(frozen=True)
class Person:
    """Who is at work.

    Parameters
    ----------
    name : str
        Of the account; of the operating system's account where there are no accounts.
    full_name : str
        What stands under a signature; may be empty.
    account : Account or None
        None where there are no accounts, and everything but their administration is allowed.
    """

    name: str
    full_name: str = ""
    account: Account | None = None

    @classmethod
    def of(cls, account: Account) -> Person:
        """Return who has an account."""
        return cls(account.name, account.full_name, account)

    @property
    def signs_as(self) -> str:
        """The name that stands under this person's readings."""
        return self.full_name or self.name

    def may(self, right: Right) -> bool:
        """Return whether something may be done."""
        if self.account is None:
            return right is not Right.MANAGE_ACCOUNTS
        return self.account.may(right)


class Session:
    """Somebody at work with an open archive, until `lock` or `close`.

    Parameters
    ----------
    place : Place
    identifier : str
        Of the archive.
    person : Person
    data_key : bytes, 32 long
    now : callable
        Returns the time with its time zone.

    Raises
    ------
    ArchiveError, OSError
        The archive cannot be opened.
    """

    def __init__(
        self,
        place: Place,
        identifier: str,
        person: Person,
        data_key: bytes,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.place, self.identifier, self.person, self._now = place, identifier, person, now
        self.trail_damage: Damage | None = None
        # The window and its worker share one connection: events are written one after another.
        self._appending = threading.RLock()
        self._open: OpenArchive | None = None
        self._unwritten: list[AuditEvent] = []
        opened = self._open = open_archive(place, identifier, data_key)
        try:
            self.trail_damage = opened.trail.damage_at_end()
            self._take_over_events()
        except BaseException:
            self._drop(opened)
            raise

    def begin(self, how: str, description: str = "", *objects: AuditObject) -> None:
        """Write that somebody came in, after what was done to let them in.

        Parameters
        ----------
        how : str
            How they signed in.
        description : str
            What was done before; empty for nothing.
        *objects : AuditObject
            What that was about.

        Raises
        ------
        ArchiveError, OSError
            It could not be written: the keys are dropped again.
        """
        opened = self._opened
        try:
            if description:
                self.record(EventKind.USER_ADMINISTRATION, *objects, description=description)
            self.record(EventKind.LOGIN, description=how)
        except BaseException:
            self._drop(opened)
            raise

    # What there is

    @property
    def is_locked(self) -> bool:
        """Whether the keys are dropped and the archive is closed."""
        return self._open is None

    @property
    def archive(self) -> Archive:
        """The open archive.

        Raises
        ------
        AccountError
            ``NOT_ALLOWED``: it is locked.
        """
        return self._opened.archive

    @property
    def keys(self) -> SubKeys:
        """The keys, for back-ups."""
        return self._opened.keys

    @property
    def _opened(self) -> OpenArchive:
        if self._open is None:
            raise AccountError(AccountProblem.NOT_ALLOWED, self.person.name)
        return self._open

    def unlocked(self) -> Unlocked:
        """Return the account with the data key, for what accounts' administration wraps anew.

        The caller drops it.

        Raises
        ------
        AccountError
            There are no accounts, or it is locked.
        """
        opened, account = self._opened, self.person.account
        if account is None:
            raise AccountError(AccountProblem.NOT_ALLOWED, self.person.name)
        return Unlocked(account, bytearray(opened.data_key))

    def renew(self, account: Account) -> None:
        """Take over what has changed in one's own account."""
        self.person = Person.of(account)

    def require(self, right: Right) -> None:
        """Raise `AccountError` where something may not be done."""
        if self.is_locked or not self.person.may(right):
            raise AccountError(AccountProblem.NOT_ALLOWED, self.person.name)

    # The trail

    def record(
        self,
        kind: EventKind,
        *objects: AuditObject,
        outcome: Outcome = Outcome.SUCCESS,
        description: str = "",
        peer: str = "",
    ) -> None:
        """Write into the audit trail what was done; it is on the disk when this returns.

        With a trail that is damaged, events wait in an encrypted file until an administrator
        begins a new one.

        Raises
        ------
        AccountError
            Nobody is signed in.
        ArchiveError, OSError
            It could not be written: what was to be recorded must not be done.
        """
        event = AuditEvent(
            kind, stamp(self._now()), self.person.name, outcome, description, objects, peer,
            os.getpid(),
        )  # fmt: skip
        with self._appending:
            self._append((*self._unwritten, event))
            self._unwritten.clear()

    def record_failure(
        self, kind: EventKind, *objects: AuditObject, outcome: Outcome, description: str
    ) -> None:
        """Write that an act failed which stands in the trail already.

        Where the trail cannot take it now, as on a full disk, it is written with the next event
        or after unlocking: what made the act fail is told, not this.
        """
        event = AuditEvent(
            kind, stamp(self._now()), self.person.name, outcome, description, objects, "",
            os.getpid(),
        )  # fmt: skip
        with self._appending:
            try:
                self._append((*self._unwritten, event))
                self._unwritten.clear()
            except (SpineAlignError, OSError):
                self._unwritten.append(event)

    def record_query(self, words: str) -> None:
        """Write into the trail that the archive was searched, and for what (`query_text`)."""
        what = AuditObject(ObjectKind.QUERY, self.identifier, query=words)
        self.record(EventKind.QUERY, what)

    def events(self) -> Sequence[tuple[int, AuditEvent]]:
        """Return the trail with the numbers of its events; that somebody read it is recorded.

        Raises
        ------
        AccountError
            ``NOT_ALLOWED``.
        """
        self.require(Right.READ_AUDIT_TRAIL)
        self.record(EventKind.AUDIT_LOG_USED, AuditObject(ObjectKind.AUDIT_LOG, self.identifier))
        return tuple(self._opened.trail.events())

    @property
    def trail_identifier(self) -> str:
        """Identifier of the trail: another one after a damaged trail was set aside."""
        return self._opened.trail.identifier

    def events_after(self, counter: int, most: int) -> Sequence[tuple[int, AuditEvent]]:
        """Return the next events after a number, for sending them; this is not recorded."""
        return tuple(islice(self._opened.trail.events(counter), most))

    def verify_trail(self) -> Verdict:
        """Return whether the trail is as it was written.

        Raises
        ------
        AccountError
            ``NOT_ALLOWED``.
        """
        self.require(Right.READ_AUDIT_TRAIL)
        verdict = self._opened.trail.verify()
        if verdict.damage is not None:
            self.trail_damage = verdict.damage
        return verdict

    def begin_new_trail(self) -> None:
        """Set a damaged trail aside, as it is, and begin a new one with what has waited.

        Raises
        ------
        AccountError
            ``NOT_ALLOWED``.
        """
        self.require(Right.READ_AUDIT_TRAIL)
        opened, damage = self._opened, self.trail_damage
        trail = begin_anew(opened.archive.connection, opened.keys.audit, self.place.anchor)
        self._open = replace(opened, trail=trail)
        self.trail_damage = None
        self.record(
            EventKind.AUDIT_LOG_DAMAGED,
            AuditObject(ObjectKind.AUDIT_LOG, self.identifier),
            outcome=Outcome.MAJOR_FAILURE,
            description=damage.value if damage else "",
        )
        self._take_over_events()

    # Locking

    def lock(self, kind: EventKind = EventKind.LOCK) -> None:
        """Drop the keys and close the archive; nothing of it can be read until `unlock`."""
        opened = self._open
        if opened is None:
            return
        try:
            self._record_end(opened, kind)
        finally:
            self._drop(opened)

    def _record_end(self, opened: OpenArchive, kind: EventKind) -> None:
        """Write the last event; it waits, encrypted, where the database cannot take it now."""
        try:
            # In the order in which every other thread takes them: the trail, then the database.
            with self._trail_soon(), opened.archive.hurried():
                self.record(kind)
        except (ArchiveError, OSError):
            event = AuditEvent(kind, stamp(self._now()), self.person.name, process=os.getpid())
            try:
                self._have_wait((event,))
            except OSError:  # a full disk: until it is unlocked again
                self._unwritten.append(event)

    @contextmanager
    def _trail_soon(self) -> Iterator[None]:
        """Have the trail alone; raise ArchiveError where another thread keeps it too long."""
        if not self._appending.acquire(timeout=LONGEST_WAIT_S):
            raise ArchiveError(ArchiveProblem.IN_USE)
        try:
            yield
        finally:
            self._appending.release()

    def _drop(self, opened: OpenArchive) -> None:
        self._open = None
        self.place.close_folders()
        for cipher in (opened.images, opened.kept):
            cipher.drop()
        opened.data_key[:] = bytes(len(opened.data_key))
        opened.archive.close()

    def unlock(self, password: str) -> None:
        """Go on after `lock`, by the same person.

        Raises
        ------
        AccountError, PauseError, ArchiveError, OSError
            It stays locked.
        """
        account, data_key = data_key_of(self.place, self.person.name, password, self._now)
        self.go_on(account, data_key, BY_PASSWORD)

    def go_on(self, account: Account, data_key: bytes, how: str) -> None:
        """Go on after `lock`, once it is known to be the same person.

        Parameters
        ----------
        account : Account
        data_key : bytes, 32 long
        how : str
            By what it is known, for the audit trail.

        Raises
        ------
        ArchiveError, OSError
            It stays locked.
        """
        self.person = Person.of(account)
        opened = self._open = open_archive(self.place, self.identifier, data_key)
        try:
            self._take_over_events()
            self.record(EventKind.UNLOCK, description=how)
        except BaseException:
            self._drop(opened)
            raise

    def confirm(self, password: str) -> None:
        """Ask whether it is still the same person, as before signing.

        Raises
        ------
        AccountError, PauseError
        """
        self.require(Right.VIEW)
        data_key_of(self.place, self.person.name, password, self._now)

    def close(self) -> None:
        """Sign out: as `lock`, for good."""
        self.lock(EventKind.LOGOUT)

    # Inner works

    def _append(self, events: Sequence[AuditEvent]) -> None:
        with self._appending:
            if self.trail_damage is None:
                try:
                    self._opened.trail.append_many(events)
                    return
                except AuditDamagedError as error:
                    self.trail_damage = error.damage
            self._have_wait(events)

    def _have_wait(self, events: Sequence[AuditEvent]) -> None:
        path = self.place.kept / _WAITING
        write_events(path, (*read_events(path), *events))

    def _take_over_events(self) -> None:
        """Write into the trail what nobody could write before: failed sign-ins, and what waited."""
        if self._unwritten:
            self._append(self._unwritten)
            self._unwritten.clear()
        for path in (self.place.failed_sign_ins, self.place.kept / _WAITING):
            waiting = read_events(path)
            if waiting and self.trail_damage is None:
                self._append(waiting)
                if self.trail_damage is None or path == self.place.failed_sign_ins:
                    path.unlink(missing_ok=True)


# Beginning


def set_up_accounts(
    place: Place, name: str, full_name: str, password: str, secrets_store: Secrets | None = None
) -> tuple[Session, str]:
    """Make the first account, which administers and reads, and an archive where there is none.

    An archive whose key lay in the system's key store keeps its key, also where it was turned
    off; the store forgets it.

    Returns
    -------
    Session
    str
        The recovery key, to be printed; it is kept nowhere.

    Raises
    ------
    AccountError, ArchiveError, NoKeyStoreError, OSError
    FileExistsError
        There are accounts already, or there were and their file is lost.
    """
    switch_off_core_dumps()
    place.require_local()
    if place.protection is Protection.ACCOUNTS:
        raise FileExistsError(place.accounts)
    make_private(place.folder)
    identifier, data_key = secrets.token_hex(16), new_key()
    has_key_store = place.protection is Protection.KEY_STORE or place.is_turned_off
    if has_key_store:
        identifier, data_key = _from_key_store(place, secrets_store)
    made = create_book(
        place.accounts, name, full_name, password, calibrated_cost, identifier, data_key
    )
    if has_key_store and secrets_store is not None:
        for path in (place.key_store, place.turned_off):
            path.unlink(missing_ok=True)
        secrets_store.forget(identifier)
    session = Session(place, identifier, Person.of(made.administrator.account), data_key)
    session.begin(BY_PASSWORD, "first account", AuditObject(ObjectKind.USER, name))
    return session, printed(made.recovery_key)


def set_up_key_store(place: Place, secrets_store: Secrets) -> Session:
    """Make an archive whose key lies in the system's key store.

    Raises
    ------
    NoKeyStoreError
        There is none; nothing was made.
    ArchiveError, OSError
    FileExistsError
        There is an archive already.
    """
    place.require_local()
    if place.protection is not Protection.NONE:
        raise FileExistsError(place.folder)
    make_private(place.folder)
    identifier, data_key = secrets.token_hex(16), new_key()
    if not secrets_store.set(identifier, data_key.hex()):
        raise NoKeyStoreError
    write_durably(place.key_store, msgspec.json.encode(KeyStoreFile(identifier)))
    return Session(place, identifier, Person(system_name()), data_key)


def open_with_key_store(place: Place, secrets_store: Secrets) -> Session:
    """Open an archive with the key in the system's key store, also one that was turned off.

    Raises
    ------
    NoKeyStoreError, ArchiveError, OSError
    """
    identifier, data_key = _from_key_store(place, secrets_store)
    return Session(place, identifier, Person(system_name()), data_key)


def sign_in(
    place: Place,
    name: str,
    password: str,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Session:
    """Sign in with a password.

    Raises
    ------
    AccountError
        ``WRONG_NAME_OR_PASSWORD``, ``FILE_CHANGED``, ``FILE_UNREADABLE``.
    PauseError
        Too many wrong passwords; the password was not looked at.
    ArchiveError, OSError
    """
    account, data_key = data_key_of(place, name, password, now)
    session = Session(place, place.book().archive, Person.of(account), data_key, now)
    session.begin(BY_PASSWORD)
    return session


def recover(place: Place, recovery_key: str, name: str, password: str) -> Session:
    """Give an account a new password by the printed recovery key, and sign it in.

    Raises
    ------
    RecoveryKeyError
        What was typed is none.
    AccountError, ArchiveError, OSError
    """
    book = place.book()
    unlocked = book.recover(typed(recovery_key), name, password)
    place.attempts().succeeded(unlocked.account.name)
    session = Session(place, book.archive, Person.of(unlocked.account), unlocked.data_key)
    unlocked.drop()
    what = "password by the recovery key"
    session.begin("recovery key", what, AuditObject(ObjectKind.USER, name))
    return session


def _from_key_store(place: Place, secrets_store: Secrets | None) -> tuple[str, bytes]:
    try:
        path = place.turned_off if place.is_turned_off else place.key_store
        identifier = read_json(path, KeyStoreFile).archive
    except (JsonError, OSError) as error:
        raise NoKeyStoreError from error
    kept = secrets_store.get(identifier) if secrets_store is not None else None
    try:
        data_key = bytes.fromhex(kept or "")
    except ValueError:
        data_key = b""
    if len(data_key) != KEY_BYTES:
        raise NoKeyStoreError
    return identifier, data_key


def system_name() -> str:
    """Return who is at work by the environment; "unknown" where it does not say."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
