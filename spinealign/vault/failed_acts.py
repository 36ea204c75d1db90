"""What becomes of an act that stands in the trail already and then fails: a second event."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from spinealign.audit.events import AuditObject, EventKind, Outcome
from spinealign.domain.errors import Cancelled
from spinealign.vault.session import Session

_STOPPED = "stopped"


@contextmanager
def failure_recorded(session: Session, kind: EventKind, *objects: AuditObject) -> Iterator[None]:
    """Write into the trail that an act failed or was stopped; what ended it is raised on.

    Parameters
    ----------
    session : Session
    kind : EventKind
        As the event before the act.
    *objects : AuditObject
        What it was about.
    """
    try:
        yield
    except BaseException as error:
        outcome, why = outcome_of(error)
        session.record_failure(kind, *objects, outcome=outcome, description=why)
        raise


def outcome_of(error: BaseException | None) -> tuple[Outcome, str]:
    """Return how bad it is, and why, without values of patients; None was stopped by a person.

    Source: PS3.15 A.5.1: 4 minor failure, which is tried again; 8 serious failure, action
    terminated.
    """
    if error is None or isinstance(error, (GeneratorExit, KeyboardInterrupt, Cancelled)):
        return Outcome.MINOR_FAILURE, _STOPPED
    if isinstance(error, OSError):
        return Outcome.SERIOUS_FAILURE, error.strerror or type(error).__name__
    problem = getattr(error, "problem", None)
    why = str(problem.value) if isinstance(problem, Enum) else type(error).__name__
    return Outcome.SERIOUS_FAILURE, why.replace("_", " ")
