"""What the window needs of the installed models: listed, installed, removed, checked, chosen."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from spinealign.domain.examination import ExaminationKind, Task
from spinealign.domain.findings import Analysis, Step
from spinealign.domain.model_store import ListedModel, ShadowResult, Verified

if TYPE_CHECKING:
    from spinealign.model_store.watching import Watch


class InstalledModels(Protocol):
    """The part of `spinealign.model_store.ModelStore` that the window uses, in worker threads."""

    def listed(self) -> Sequence[ListedModel]:
        """Return all models that are there."""

    def install(
        self, source: Path, *, is_replacing: bool = False, tell: Callable[[float], object] = ...
    ) -> ListedModel:
        """Copy a model folder or zip file to the profile; `tell` is handed the part that is done.

        What `tell` raises ends it, and nothing is installed.
        """

    def remove(self, name: str) -> None:
        """Delete an installed model."""

    def verify(self, name: str) -> Sequence[Verified]:
        """Look through all files of a model."""

    def choose(self, name: str) -> ListedModel:
        """Let a model answer for its task."""

    def choose_shipped(self, task: Task, kind: ExaminationKind | None = None) -> None:
        """Let the shipped models answer again for a task, on one kind of examination or on all."""

    def end_use(self, name: str) -> ListedModel | None:
        """Let a model that was chosen answer no more."""

    def shadow(self, name: str) -> ListedModel:
        """Let a model run beside the one that answers."""

    def end_shadow(self, name: str) -> None:
        """Let a model run beside another one no more."""


RunCandidates = Callable[[Analysis, Any], Generator[Step, None, tuple[ShadowResult, ...]]]
"""Of what the models that answer found, before a person's corrections, and these models."""


def no_candidates(_analysis: Analysis, _models: object) -> Generator[Step, None, tuple[()]]:
    """Run nothing."""
    yield from ()
    return ()


def run_candidates(
    analysis: Analysis, models: Any
) -> Generator[Step, None, tuple[ShadowResult, ...]]:
    """Run the candidates that a person chose beside the models that answered.

    Parameters
    ----------
    analysis : Analysis
    models : spinealign.inference.catalog.ModelStore
        That it was made with.
    """
    if not models.settings.shadows:
        return ()  # and nothing more is loaded
    from spinealign.model_store.shadows import shadow_results

    return (yield from shadow_results(analysis, models))


OpenModels = Callable[["Watch | None"], InstalledModels]
"""Of what is asked and told before something is changed."""


def no_models(_watch: Watch | None) -> InstalledModels:
    """Return nothing: services that were given no models are asked for none."""
    raise NotImplementedError


def installed_models(profile_dir: Path | None, watch: Watch | None) -> InstalledModels:
    """Return the models of a profile; None is the user's own, and nobody who watches."""
    from spinealign.model_store import ModelStore

    return ModelStore(profile_dir, watch=watch)
