"""What the window needs from the layers below, imported only when it is first used.

Reading and inference libraries take a second to import; the window shows before them.
Tests hand the window other services.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from spinealign.domain.findings import Analysis, Step
from spinealign.domain.image import View
from spinealign.domain.model_card import ModelCard


class Models(Protocol):
    """The part of `spinealign.inference.catalog.ModelStore` that the window uses."""

    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of all models."""

    def warm_up(self) -> None:
        """Load every model."""


class Sample(Protocol):
    """The part of `spinealign.imaging.samples.SampleCase` that the window uses."""

    @property
    def name(self) -> str:
        """Identifier."""

    @property
    def title(self) -> str:
        """What to call it."""

    @property
    def path(self) -> Path:
        """The image file."""

    @property
    def view(self) -> View:
        """What it shows."""

    @property
    def source(self) -> str:
        """Where it comes from."""

    @property
    def licence(self) -> str:
        """Under which terms."""

    @property
    def note(self) -> str:
        """What to know about it."""


Analyse = Callable[[Path, Models, View | None], Generator[Step, None, Analysis]]


@dataclass(frozen=True)
class Services:
    """Functions of the lower layers; all of them are called in worker threads only."""

    models: Callable[[], Models]
    analyse: Analyse
    list_samples: Callable[[], Sequence[Sample]]
    find_images: Callable[[Iterable[Path]], list[Path]]
    write_bundle: Callable[[Analysis, Path], object]
    write_one: Callable[[Analysis, str, Path], object]


def program_services() -> Services:
    """Return the services of the real program."""
    return Services(_models, _analyse, _list_samples, _find_images, _write_bundle, _write_one)


@cache
def _models() -> Models:
    # The readers come along, so that after warming up the first image waits for no import.
    import spinealign.analysis  # noqa: F401
    from spinealign.inference.catalog import ModelStore

    return ModelStore()


def _analyse(path: Path, models: Models, view: View | None) -> Generator[Step, None, Analysis]:
    from spinealign.analysis import analyze_file

    return analyze_file(path, models, view)  # type: ignore[arg-type]


def _list_samples() -> Sequence[Sample]:
    from spinealign.imaging.samples import list_samples

    return list_samples()


def _find_images(paths: Iterable[Path]) -> list[Path]:
    from spinealign.imaging.find import find_images

    return find_images(list(paths))


def _write_bundle(analysis: Analysis, folder: Path) -> object:
    from spinealign.export.bundle import write_bundle

    return write_bundle(analysis, folder)


def _write_one(analysis: Analysis, kind: str, path: Path) -> None:
    from spinealign.export.bundle import write_one

    write_one(analysis, kind, path)
