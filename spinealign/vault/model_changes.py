"""Who changes which model answers: with the right to, and in the audit trail before it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spinealign.accounts.book import Right
from spinealign.audit.events import AuditObject, EventKind, ObjectKind
from spinealign.domain.model_store import ModelEvent
from spinealign.domain.protection import AccountError, AccountProblem
from spinealign.vault.failed_acts import failure_recorded
from spinealign.vault.session import Session


class ModelChanges:
    """Watches changes of models for an archive, as `model_store.watching.Watch`; in any thread.

    Parameters
    ----------
    session_of : callable
        Returns the session of whoever is at work; None where nobody is.
    """

    def __init__(self, session_of: Callable[[], Session | None]) -> None:
        self._session_of = session_of

    def require(self) -> None:
        """Refuse whoever may not change models.

        Raises
        ------
        AccountError
            ``NOT_ALLOWED``, or nobody is at work.
        """
        self._session()

    @contextmanager
    def recorded(self, event: ModelEvent) -> Iterator[None]:
        """Write an event into the trail, then let its change be made.

        Raises
        ------
        AccountError
            ``NOT_ALLOWED``, or nobody is at work.
        ArchiveError, OSError
            It could not be written: the change is not made.
        """
        session = self._session()
        kind = EventKind.MODEL_SIGNERS if event.change.is_of_signer else EventKind.MODELS
        about = object_of(event)
        session.record(kind, about, description=event.change.value)
        with failure_recorded(session, kind, about):
            yield

    def _session(self) -> Session:
        session = self._session_of()
        if session is None:
            raise AccountError(AccountProblem.NOT_ALLOWED)
        session.require(Right.CHANGE_MODELS)
        return session


def object_of(event: ModelEvent) -> AuditObject:
    """Return what an event is about: a model with its version and weights, or a signer."""
    kind = ObjectKind.SIGNER if event.change.is_of_signer else ObjectKind.MODEL
    named = " ".join(filter(None, (event.name, event.version)))
    return AuditObject(kind, event.mark or event.name, named)
