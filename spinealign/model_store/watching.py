"""Who may change models, and who writes down that they did, where somebody has to know."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from spinealign.domain.model_store import ModelEvent


class Watch(Protocol):
    """Is asked before a change of models and told of it, as `vault.model_changes` does."""

    def require(self) -> None:
        """Raise what says that whoever is at work may not change models."""

    def recorded(self, event: ModelEvent) -> AbstractContextManager[None]:
        """Write an event down before its change is made in the block, and what ends the block.

        Raises, before the block, where the change is not allowed or cannot be written down.
        """


class Unwatched:
    """Allows everything and writes nothing: there are no accounts and there is no audit trail."""

    def require(self) -> None:
        """Allow it."""

    def recorded(self, _event: ModelEvent) -> AbstractContextManager[None]:
        """Write nothing."""
        return nullcontext()
