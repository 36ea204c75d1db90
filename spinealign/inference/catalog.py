"""Installed models: cards are read at once, weights when first used."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.examination import Examination, Task
from spinealign.domain.model_card import ModelCard
from spinealign.domain.paths import models_dirs
from spinealign.files import write_whole
from spinealign.inference.engine import Engine, LoadedModel
from spinealign.json_files import read_json

_LONGEST_DETAIL = 200

OpenEngine = Callable[[Path, ModelCard], Engine]


def open_litert(weights: Path, _card: ModelCard) -> Engine:
    """Open a weights file with the default engine."""
    # LiteRT takes a quarter of a second to import; the window shows before it.
    from spinealign.inference.litert_engine import LiteRtEngine

    return LiteRtEngine(weights)


class ModelStore:
    """Finds, checks, loads and keeps models.

    Parameters
    ----------
    folders : sequence of Path, optional
        Folders that hold model folders; of two models with one name the first
        found counts. Defaults to the user's and the shipped folder.
    open_engine : callable
        Opens a weights file for a card. The reference engine is
        `spinealign.training.keras_engine.open_keras`; this layer must not know it.
    chosen : sequence of str
        Models that a person names, by their names or as model folders anywhere: of each task that
        one of them has, they alone answer, and one that states no examination answers for all.

    Raises
    ------
    ModelError
        MISSING: one of the chosen is neither a model's name nor a model folder.
    """

    def __init__(
        self,
        folders: Sequence[Path] | None = None,
        open_engine: OpenEngine = open_litert,
        chosen: Sequence[str] = (),
    ) -> None:
        self._folders = tuple(folders) if folders is not None else models_dirs()
        self._open_engine = open_engine
        self._named = {Path(name).resolve().name: Path(name) for name in chosen if _is_model(name)}
        self._chosen = tuple(
            Path(name).resolve().name if _is_model(name) else name for name in chosen
        )
        for name in self._chosen:
            if name not in self._model_folders():
                raise ModelError(name, ModelProblem.MISSING)
        self._loaded: dict[str, LoadedModel] = {}
        self._lock = threading.Lock()

    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of all models, sorted by name; reads no weights.

        Raises
        ------
        ModelError
            A card is incomplete; naming it is better than hiding the model.
        """
        return tuple(read_card(folder) for _, folder in sorted(self._model_folders().items()))

    def find(self, task: Task, examination: Examination | None = None) -> ModelCard | None:
        """Return the first card for a task on a kind of examination, or None; see `find_all`."""
        return next(iter(self.find_all(task, examination)), None)

    def find_all(self, task: Task, examination: Examination | None = None) -> tuple[ModelCard, ...]:
        """Return the cards for a task on a kind of examination, sorted by name.

        Only those that were chosen, if any; else those of the first folder that has any: the
        user's own models stand alone. Without an examination, those of models which look at all
        images.
        """
        chosen = [read_card(self._model_folders()[name]) for name in self._chosen]
        answering = tuple(
            card
            for card in chosen
            if card.task == task and (card.serves(examination) or not card.examinations)
        )
        if answering:
            return answering
        found = self._serving(task, examination)
        return tuple(card for root, card in found if root == found[0][0])

    def find_everywhere(
        self, task: Task, examination: Examination | None = None
    ) -> tuple[ModelCard, ...]:
        """Return the cards of all models for a task, whether or not `find_all` would ask them."""
        return tuple(card for _, card in self._serving(task, examination))

    @property
    def chosen(self) -> tuple[ModelCard, ...]:
        """The cards of the models that a person named."""
        return tuple(read_card(self._model_folders()[name]) for name in self._chosen)

    def _serving(self, task: Task, examination: Examination | None) -> list[tuple[Path, ModelCard]]:
        cards = [(folder.parent, read_card(folder)) for folder in self._model_folders().values()]
        return [
            (root, card) for root, card in cards if card.task == task and card.serves(examination)
        ]

    def load(self, name: str) -> LoadedModel:
        """Return the model called `name`, loading it at the first call.

        Raises
        ------
        ModelError
            It is missing, its card is incomplete, its checksum is wrong, or the
            engine cannot run it.
        """
        with self._lock:
            if name not in self._loaded:
                folder = self._model_folders().get(name)
                if folder is None:
                    raise ModelError(name, ModelProblem.MISSING)
                self._loaded[name] = self._open(folder)
            return self._loaded[name]

    def warm_up(self) -> None:
        """Check every model, and load those that tell what an image shows.

        Every image needs these. Each of the others takes a tenth of a second to load, and
        some fifty megabytes that an idle program had better not keep.

        Raises
        ------
        ModelError
            A card is incomplete, or weights are missing or not those of their card.
        """
        for folder in self._model_folders().values():
            checked_weights(folder, read_card(folder))
        for card in self.cards():
            if card.task == "view":
                self.load(card.name)

    def _open(self, folder: Path) -> LoadedModel:
        card = read_card(folder)
        return LoadedModel(card, self._open_engine(checked_weights(folder, card), card))

    def _model_folders(self) -> dict[str, Path]:
        found = dict(self._named)
        for root in self._folders:
            for card in sorted(root.glob("*/card.json")):
                found.setdefault(card.parent.name, card.parent)
        return found


def _is_model(name: str) -> bool:
    """Whether what a person typed is a model folder rather than a model's name."""
    return (Path(name) / "card.json").is_file()


def checked_weights(folder: Path, card: ModelCard) -> Path:
    """Return where a model's weights lie, once they are found to be those of its card.

    Raises
    ------
    ModelError
        They are missing, or others.
    """
    weights = folder / card.weights
    if not weights.is_file():
        raise ModelError(card.name, ModelProblem.NO_FILE, card.weights)
    if file_sha256(weights) != card.sha256:
        raise ModelError(card.name, ModelProblem.WRONG_CHECKSUM, card.weights)
    return weights


def read_card(folder: Path) -> ModelCard:
    """Read and check ``folder/card.json``; a model is called after its folder.

    Raises
    ------
    ModelError
        It is missing, not JSON, incomplete or impossible.
    """
    try:
        card = ModelCard.from_json(read_json(folder / "card.json", dict[str, Any]))
    except OSError as error:
        raise ModelError(folder.name, ModelProblem.NO_FILE, "card.json") from error
    except ValueError as error:
        detail = str(error)[:_LONGEST_DETAIL]
        raise ModelError(folder.name, ModelProblem.INCOMPLETE_CARD, detail) from error
    # Card and weights go together by their checksum; a folder may be renamed.
    return card if card.name == folder.name else replace(card, name=folder.name)


def file_sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_card(folder: Path, card: ModelCard) -> None:
    """Write ``folder/card.json``."""
    text = json.dumps(card.to_json(), indent=2, ensure_ascii=False) + "\n"
    write_whole(folder / "card.json", text.encode())
