"""What the thread of the models does; nothing here knows a widget."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from spinealign.domain.errors import Cancelled
from spinealign.domain.model_store import ListedModel, ModelPlace, Verified
from spinealign.ui.work.model_services import InstalledModels


@dataclass(frozen=True)
class Listing:
    """All models that are there now.

    Parameters
    ----------
    models : tuple of ListedModel
    files : mapping of str to tuple of (str, int)
        By the name of a model, the files in its folder and how many bytes each has.
    """

    models: tuple[ListedModel, ...] = ()
    files: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)


def list_models(models: InstalledModels) -> Generator[None, None, Listing]:
    """Return all models with their files."""
    yield
    found = tuple(models.listed())
    return Listing(found, {model.name: _files_of(model.folder) for model in found})


def _files_of(folder: Path) -> tuple[tuple[str, int], ...]:
    with suppress(OSError):
        return tuple(sorted((p.name, p.stat().st_size) for p in folder.iterdir() if p.is_file()))
    return ()


class Installing:
    """One installation that can be stopped while files are copied.

    Parameters
    ----------
    tell : callable
        Handed the part that is done, 0..1, in the worker thread.
    """

    def __init__(self, path: Path, is_replacing: bool, tell: Callable[[float], object]) -> None:
        self._path, self._is_replacing, self._tell = path, is_replacing, tell
        self._stop = threading.Event()

    def stop(self) -> None:
        """Install nothing."""
        self._stop.set()

    def run(self, models: InstalledModels) -> Generator[None, None, ListedModel]:
        """Copy the model.

        Raises
        ------
        Cancelled
            It was stopped before it was in its place.
        ModelStoreError
            It is refused.
        """
        yield
        return models.install(self._path, is_replacing=self._is_replacing, tell=self._go_on)

    def _go_on(self, fraction: float) -> None:
        if self._stop.is_set():
            raise Cancelled
        self._tell(fraction)


def use_model(models: InstalledModels, model: ListedModel) -> Generator[None, None, None]:
    """Let a model answer: of those that came with the program all that share its task."""
    yield
    if model.place is not ModelPlace.SHIPPED or model.card is None:
        models.choose(model.name)
        return
    for kind in model.card.examinations or (None,):
        models.choose_shipped(model.card.task, kind)
    if not any(one.name == model.name and one.answers for one in models.listed()):
        # Models in a folder that SPINEALIGN_MODELS names come before the shipped ones.
        models.choose(model.name)


def verify_model(models: InstalledModels, name: str) -> Generator[None, None, Verified]:
    """Return whether a model is as its checksums say."""
    yield
    [found] = models.verify(name)
    return found
