"""Accounts added, changed and taken away, each step in the audit trail."""

from __future__ import annotations

from collections.abc import Iterable

from spinealign.accounts.book import Account, Right, Role
from spinealign.accounts.key_store import Secrets
from spinealign.accounts.recovery import printed
from spinealign.audit.events import AuditObject, EventKind, ObjectKind
from spinealign.domain.protection import AccountError, AccountProblem
from spinealign.vault.session import Session
from spinealign.vault.system_account import secret_name


def accounts(session: Session) -> tuple[Account, ...]:
    """Return every account, as the file says just now."""
    return session.place.book().accounts


def add_account(
    session: Session, name: str, full_name: str, roles: Iterable[Role], password: str
) -> Account:
    """Add an account, whose password has to be changed at the first signing in.

    Raises
    ------
    AccountError
    """
    wanted = tuple(roles)
    with_key = session.unlocked()
    try:
        account = session.place.book().add(with_key, name, full_name, wanted, password)
    finally:
        with_key.drop()
    _record(session, name, f"added: {_told(account.roles)}")
    return account


def set_roles(session: Session, name: str, roles: Iterable[Role]) -> Account:
    """Give an account other roles.

    Raises
    ------
    AccountError
    """
    with_key = session.unlocked()
    try:
        account = session.place.book().set_roles(with_key, name, roles)
    finally:
        with_key.drop()
    _record(session, name, f"roles: {_told(account.roles)}")
    return account


def reset_password(session: Session, name: str, password: str) -> Account:
    """Give an account a password that has to be changed at the next signing in.

    Raises
    ------
    AccountError
    """
    with_key = session.unlocked()
    try:
        account = session.place.book().reset_password(with_key, name, password)
    finally:
        with_key.drop()
    session.place.attempts().succeeded(account.name)
    _record(session, name, "password set by an administrator")
    return account


def remove_account(session: Session, name: str, secrets_store: Secrets | None = None) -> None:
    """Take an account away; nothing is encrypted anew. Nobody takes their own away.

    Parameters
    ----------
    session : Session
    name : str
    secrets_store : Secrets, optional
        Forgets the key of an account that signed in as the system's user.

    Raises
    ------
    AccountError
        ``NOT_ALLOWED``, ``OWN_ACCOUNT``, ``LAST_ADMINISTRATOR``, ``NO_SUCH_ACCOUNT``.
    """
    session.require(Right.MANAGE_ACCOUNTS)
    book = session.place.book()
    known = book.name_of(name)
    if known == session.person.name:
        raise AccountError(AccountProblem.OWN_ACCOUNT, known)
    with_key, before = session.unlocked(), book.accounts
    try:
        book.remove(with_key, name)
    finally:
        with_key.drop()
    has_key = any(each.name == known and each.system_sign_in is not None for each in before)
    if has_key and known is not None and secrets_store is not None:
        secrets_store.forget(secret_name(session.identifier, known))
    _record(session, name, "removed")


def change_password(session: Session, old: str, new: str) -> None:
    """Change one's own password; the session goes on.

    Raises
    ------
    AccountError, PauseError
    """
    session.confirm(old)
    unlocked = session.place.book().change_password(session.person.name, old, new)
    unlocked.drop()
    session.renew(unlocked.account)
    _record(session, session.person.name, "password changed")


def renew_recovery_key(session: Session) -> str:
    """Return a new recovery key as it is printed; the earlier one opens nothing any more.

    Raises
    ------
    AccountError
    """
    with_key = session.unlocked()
    try:
        key = session.place.book().renew_recovery_key(with_key)
    finally:
        with_key.drop()
    _record(session, session.person.name, "recovery key renewed")
    return printed(key)


def _record(session: Session, name: str, what: str) -> None:
    session.record(
        EventKind.USER_ADMINISTRATION, AuditObject(ObjectKind.USER, name), description=what
    )


def _told(roles: Iterable[Role]) -> str:
    return ", ".join(role.value for role in roles)
