"""Signing in as the user of the operating system, where an administrator allowed it.

The data key is wrapped for the account once more, with a key that lies in that user's key store.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from spinealign.accounts.book import Account, is_same
from spinealign.accounts.key_store import Secrets
from spinealign.accounts.keys import KEY_BYTES, new_key
from spinealign.audit.events import AuditObject, EventKind, ObjectKind
from spinealign.domain.protection import AccountError, AccountProblem, Right
from spinealign.vault.failed_sign_ins import note_failure
from spinealign.vault.place import Place
from spinealign.vault.session import Person, Session, system_name

_NO_NAME = "unknown"


def system_user() -> str:
    """Return who is at work by the operating system; empty where it does not say.

    On POSIX by the process, not by environment variables, which anybody sets.
    """
    if sys.platform == "win32":
        name = system_name()
    else:
        import pwd

        try:
            name = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            name = system_name()
    return "" if name == _NO_NAME else name


def secret_name(archive: str, name: str) -> str:
    """Return under which name the key store holds the key of an account.

    Parameters
    ----------
    archive : str
        Its identifier.
    name : str
        Of the account.
    """
    return f"{archive}/{name}"


def account_of(
    accounts: Sequence[Account], user: str, *, is_beginning: bool = True
) -> Account | None:
    """Return the account that signs in as a user of the system; None where there is none.

    Parameters
    ----------
    accounts : sequence of Account
    user : str
        Of the operating system; empty where it does not say.
    is_beginning : bool
        Whether the program starts; after locking and switching it has to be allowed always.
    """
    for account in accounts:
        allowed = account.system_sign_in
        if allowed is None or not user or not is_same(allowed.user, user):
            continue
        is_ready = allowed.key is not None and not account.must_change
        return account if is_ready and (is_beginning or allowed.is_always) else None
    return None


def allow(
    session: Session, secrets_store: Secrets, name: str, user: str, *, is_always: bool = False
) -> Account:
    """Let an account sign in as a user of the system.

    For the user who is at work now the key is made at once, for another one when that user signs
    in with the password.

    Parameters
    ----------
    session : Session
        Of an administrator.
    secrets_store : Secrets
    name : str
        Of the account.
    user : str
        Of the operating system.
    is_always : bool
        Whether also after locking and switching.

    Raises
    ------
    AccountError
        ``NOT_ALLOWED``, ``NO_KEY_STORE``, ``SYSTEM_USER_TAKEN``, ``NO_SUCH_ACCOUNT``.
    """
    session.require(Right.MANAGE_ACCOUNTS)
    if not secrets_store.is_there:
        raise AccountError(AccountProblem.NO_KEY_STORE, name)
    book, with_key = session.place.book(), session.unlocked()
    try:
        account = book.allow_system(with_key, name, user, is_always=is_always)
    finally:
        with_key.drop()
    when = "always" if is_always else "at the start"
    _record(session, account.name, f"may sign in as system user {user}, {when}")
    if is_same(user, system_user()):
        return _with_key(session, secrets_store, account) or account
    secrets_store.forget(secret_name(session.identifier, account.name))
    return account


def forbid(session: Session, secrets_store: Secrets, name: str) -> Account:
    """Let an account sign in with its password only; the key store forgets its key.

    Raises
    ------
    AccountError
    """
    session.require(Right.MANAGE_ACCOUNTS)
    book, with_key = session.place.book(), session.unlocked()
    try:
        account = book.forbid_system(with_key, name)
    finally:
        with_key.drop()
    secrets_store.forget(secret_name(session.identifier, account.name))
    _record(session, account.name, "signs in with the password only")
    return account


def bring_key_up_to_date(session: Session, secrets_store: Secrets) -> None:
    """Make the key of whoever signed in with the password, where it is allowed and not there.

    Raises
    ------
    AccountError, ArchiveError, OSError
    """
    account = session.person.account
    allowed = None if account is None else account.system_sign_in
    if account is None or allowed is None or account.must_change:
        return
    if not is_same(allowed.user, system_user()):
        return
    if allowed.key is None or not _kept_key(secrets_store, session.identifier, account.name):
        made = _with_key(session, secrets_store, account)
        if made is not None:
            session.renew(made)


def sign_in_as_system_user(
    place: Place,
    secrets_store: Secrets,
    name: str,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Session:
    """Sign in without a password, as the user of the system.

    Raises
    ------
    AccountError
        ``NO_SYSTEM_SIGN_IN``, ``SYSTEM_KEY_MISSING``, ``FILE_CHANGED``.
    ArchiveError, OSError
    """
    account, data_key, user = _opened(place, secrets_store, name, now)
    session = Session(place, place.book().archive, Person.of(account), data_key, now)
    session.begin(_how(user))
    return session


def unlock_as_system_user(session: Session, secrets_store: Secrets) -> None:
    """Go on after locking, where that is allowed always.

    Raises
    ------
    AccountError, ArchiveError, OSError
        It stays locked.
    """
    place, name = session.place, session.person.name
    account, data_key, user = _opened(place, secrets_store, name, lambda: datetime.now(UTC))
    allowed = account.system_sign_in
    if allowed is None or not allowed.is_always:
        raise AccountError(AccountProblem.NO_SYSTEM_SIGN_IN, name)
    session.go_on(account, data_key, _how(user))


def _opened(
    place: Place, secrets_store: Secrets, name: str, now: Callable[[], datetime]
) -> tuple[Account, bytes, str]:
    book, user = place.book(), system_user()
    known = book.name_of(name) or name
    try:
        key = _kept_key(secrets_store, book.archive, known)
        unlocked = book.sign_in_as_system_user(known, user, key)
    except AccountError as error:
        if error.problem is not AccountProblem.FILE_CHANGED:
            note_failure(place, book.name_of(name), error.problem.value, now)
        raise
    data_key = unlocked.data_key
    unlocked.drop()
    return unlocked.account, data_key, user


def _kept_key(secrets_store: Secrets, archive: str, name: str) -> bytes:
    """Return the key that the key store holds for an account; empty without one."""
    kept = secrets_store.get(secret_name(archive, name))
    try:
        key = bytes.fromhex(kept or "")
    except ValueError:
        return b""
    return key if len(key) == KEY_BYTES else b""


def _with_key(session: Session, secrets_store: Secrets, account: Account) -> Account | None:
    """Return an account with a new key; None where the key store does not take it."""
    key = new_key()
    # The store first: a key that opens nothing does no harm, one that is lost does.
    if not secrets_store.set(secret_name(session.identifier, account.name), key.hex()):
        return None
    with_key = session.unlocked()
    try:
        made = session.place.book().wrap_for_system(with_key, account.name, key)
    finally:
        with_key.drop()
    _record(session, account.name, "key of the system user made")
    return made


def _how(user: str) -> str:
    return f"system user {user}"


def _record(session: Session, name: str, what: str) -> None:
    session.record(
        EventKind.USER_ADMINISTRATION, AuditObject(ObjectKind.USER, name), description=what
    )
