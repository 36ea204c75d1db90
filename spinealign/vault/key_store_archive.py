"""The archive without accounts turned on and off: its key lies in the system's key store."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.accounts.key_store import Secrets
from spinealign.audit.events import AuditObject, EventKind, ObjectKind
from spinealign.domain.protection import AccountError, AccountProblem
from spinealign.vault.place import Place, Protection
from spinealign.vault.session import (
    Session,
    open_with_key_store,
    set_up_key_store,
)
from spinealign.vault.taking_in import TAKEN_IN, give_back, take_in


def turn_on(place: Place, secrets_store: Secrets, names: Sequence[str] = TAKEN_IN) -> Session:
    """Encrypt readings, and make an archive; one that was turned off opens again.

    Parameters
    ----------
    place : Place
    secrets_store : Secrets
    names : sequence of str
        What of the profile moves into the encrypted folder.

    Raises
    ------
    AccountError
        ``NO_KEY_STORE``.
    NoKeyStoreError
        The key store is locked, or lost the key of the archive that was turned off.
    ArchiveError, OSError
        Nothing was changed.
    FileExistsError
        There are accounts, or it is on already.
    """
    if not secrets_store.is_there:
        raise AccountError(AccountProblem.NO_KEY_STORE)
    if place.protection is not Protection.NONE:
        raise FileExistsError(place.folder)
    if place.is_turned_off:
        session = open_with_key_store(place, secrets_store)
        place.turned_off.replace(place.key_store)
    else:
        session = set_up_key_store(place, secrets_store)
    _record(session, "encryption without accounts turned on")
    take_in(place, names)
    return session


def turn_off(session: Session, names: Sequence[str] = TAKEN_IN) -> tuple[int, int]:
    """Give readings back to the profile in plain, and close the archive until it is turned on.

    What was kept in the archive stays there, encrypted, and its key stays in the key store. Kept
    halfway, it is still on, and the next start takes in again what was given back.

    Parameters
    ----------
    session : Session
        Of an archive without accounts; it is closed.
    names : sequence of str
        What goes back.

    Returns
    -------
    (int, int)
        How many files were given back, and how many stay encrypted; see `give_back`.

    Raises
    ------
    AccountError
        ``NOT_ALLOWED``: there are accounts, or nobody is at work.
    OSError
        A file could not be written; it is still on.
    """
    place = session.place
    if session.is_locked or place.protection is not Protection.KEY_STORE:
        raise AccountError(AccountProblem.NOT_ALLOWED, session.person.name)
    _record(session, "encryption without accounts turned off")
    given = give_back(place, names)
    set_aside(place)
    session.close()
    return given


def set_aside(place: Place) -> None:
    """Go on without the archive, whose key cannot be had; what is encrypted stays as it is.

    Raises
    ------
    OSError
    """
    place.key_store.replace(place.turned_off)


def _record(session: Session, what: str) -> None:
    person = AuditObject(ObjectKind.USER, session.person.name)
    session.record(EventKind.USER_ADMINISTRATION, person, description=what)
