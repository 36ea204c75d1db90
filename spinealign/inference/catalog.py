"""Installed models: cards are read at once, weights when first used."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from spinealign.domain.earned_status import is_borne_out
from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.examination import ALONE_TASKS, Examination, ImageKind, Task
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import ModelCard
from spinealign.domain.model_store import ChosenModel, StoreSettings, TrustedSigner
from spinealign.domain.paths import models_dirs, profile_dir
from spinealign.files import write_together, write_whole
from spinealign.inference.checksums import (
    CARD,
    CHECKSUMS,
    SIGNATURE,
    file_sha256,
    is_card_as_listed,
    write_checksums,
)
from spinealign.inference.choices import INSTALLED, read_settings
from spinealign.inference.engine import Engine, LoadedModel
from spinealign.inference.signatures import is_signature_broken, is_signed_by
from spinealign.json_files import MOST_BYTES, parse_json, read_bytes

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
        one of them has, they alone answer, and one whose card names no images answers for all.
    profile : Path, optional
        Whose installed models and choices count. Defaults to the user's where `folders` is left
        out, and to none where it is given.

    Notes
    -----
    An installed model answers once a person chose it, and not before: to install one changes no
    result. One that is damaged stops nothing unless it was chosen.

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
        profile: Path | None = None,
    ) -> None:
        self._profile = profile_dir() if folders is None and profile is None else profile
        self._installed = None if self._profile is None else self._profile / INSTALLED
        self._folders = tuple(folders) if folders is not None else models_dirs()
        if self._installed is not None and self._installed not in self._folders:
            self._folders = (*self._folders, self._installed)
        self._open_engine = open_engine
        self._named = {Path(name).resolve().name: Path(name) for name in chosen if _is_model(name)}
        self._chosen = tuple(
            Path(name).resolve().name if _is_model(name) else name for name in chosen
        )
        for name in self._chosen:
            if name not in self._model_folders():
                raise ModelError(name, ModelProblem.MISSING)
        self._loaded: dict[str, tuple[tuple[Path, int, int], LoadedModel]] = {}
        self._beside: dict[Path, ModelStore] = {}
        self._lock = threading.Lock()

    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of all models, sorted by name; reads no weights.

        Raises
        ------
        ModelError
            A card is incomplete; naming it is better than hiding the model.
        """
        return tuple(card for _, card in sorted(self._sound(), key=lambda one: one[1].name))

    def find(self, task: Task, examination: Examination | None = None) -> ModelCard | None:
        """Return the first card for a task on a kind of examination, or None; see `find_all`."""
        return next(iter(self.find_all(task, examination)), None)

    def find_all(self, task: Task, examination: Examination | None = None) -> tuple[ModelCard, ...]:
        """Return the cards for a task on a kind of examination, sorted by name.

        Only those named at the start, if any; else the one that the profile's settings choose;
        else those of the first folder that has any: the user's own models stand alone. Without an
        examination, those of models which look at all images.
        """
        chosen = [self._read(self._model_folders()[name]) for name in self._chosen]
        answering = tuple(
            card
            for card in chosen
            if card.task == task and (card.serves(examination) or card.is_for_all)
        )
        if answering:
            return answering
        used = self._used(task, examination)
        if used:
            return used
        found = [one for one in self._serving(task, examination) if one[0] != self._installed]
        return tuple(card for root, card in found if root == found[0][0])

    def gone(self, shown: Examination | ImageKind) -> tuple[ChosenModel, ...]:
        """Return the models that were chosen for such images and are not there any more."""
        tasks = ALONE_TASKS if isinstance(shown, ImageKind) else shown.tasks
        return tuple(
            one
            for one in self.settings.chosen
            if one.serves(shown) and one.task in tasks
            if self.place_of(one) is None
        )

    def shadows(self, examination: Examination) -> tuple[ModelStore, ...]:
        """Return, for each candidate that runs beside what answers, the models with it answering.

        A candidate that is gone or damaged is left out; `gone` tells of those that answer.
        """
        found = []
        for one in self.settings.shadows:
            if not one.serves(examination) or one.task not in examination.tasks:
                continue
            try:
                folder = self.place_of(one)
            except ModelError:
                continue
            if folder is not None:
                found.append(self._with_candidate(folder))
        return tuple(found)

    def _with_candidate(self, folder: Path) -> ModelStore:
        if folder not in self._beside:
            self._beside[folder] = ModelStore(
                self._folders, self._open_engine, (str(folder),), self._profile
            )
        return self._beside[folder]

    @property
    def settings(self) -> StoreSettings:
        """What the profile keeps about models; read anew each time, as a window may change it."""
        return StoreSettings() if self._profile is None else read_settings(self._profile)

    def find_everywhere(
        self, task: Task, shown: Examination | ImageKind | None = None
    ) -> tuple[ModelCard, ...]:
        """Return the cards of all models for a task, whether or not they would be asked.

        Candidates are left out: they are asked beside those that answer, and tell it themselves.
        """
        beside = {one.sha256 for one in self.settings.shadows}
        found = (card for _, card in self._serving(task, shown))
        return tuple(card for card in found if card.sha256 not in beside)

    @property
    def chosen(self) -> tuple[ModelCard, ...]:
        """The cards of the models that a person named."""
        return tuple(self._read(self._model_folders()[name]) for name in self._chosen)

    def named_for(self, kind: ImageKind) -> tuple[ModelCard, ...]:
        """Return the models that are asked of a kind of image that no examination is of.

        One a task: the first that a person named and whose card is for such images, else the one
        that the profile's settings choose for them. Nothing else is done with these images, so
        that a model which is only there is never asked.
        """
        found: dict[Task, ModelCard] = {}
        for card in self.chosen:
            if card.serves(kind):
                found.setdefault(card.task, card)
        for task in sorted(ALONE_TASKS - found.keys()):
            for card in self._used(task, kind)[:1]:
                found[task] = card
        return tuple(found.values())

    def _serving(
        self, task: Task, shown: Examination | ImageKind | None
    ) -> list[tuple[Path, ModelCard]]:
        return [
            (folder.parent, card)
            for folder, card in self._sound()
            if card.task == task and card.serves(shown)
        ]

    def _sound(self) -> list[tuple[Path, ModelCard]]:
        """Return all models that can be read.

        A person's own that is damaged costs nobody but itself; a shipped one, or one that was
        named, is missed.
        """
        found = []
        for folder in self._model_folders().values():
            try:
                found.append((folder, self._read(folder)))
            except ModelError:
                if not self._is_spared(folder):
                    raise
        return found

    def _is_spared(self, folder: Path) -> bool:
        """Whether other models go on without this one if it is damaged."""
        return folder.parent != models_dirs()[-1] and folder not in self._named.values()

    def damaged(self) -> tuple[str, ...]:
        """Return the names of a person's own models, not only installed, whose cards are damaged.

        They would answer because they are there. One in the profile answers once it is chosen, and
        is missed then.
        """
        found = []
        for name, folder in self._model_folders().items():
            if self._is_spared(folder) and folder.parent != self._installed:
                try:
                    read_card(folder)
                except ModelError:
                    found.append(name)
        return tuple(found)

    def _used(self, task: Task, shown: Examination | ImageKind | None) -> tuple[ModelCard, ...]:
        """Return the cards of the models that the profile's settings choose."""
        wanted = [one for one in self.settings.chosen if one.task == task and one.serves(shown)]
        folders = [self.place_of(one) for one in wanted]
        return tuple(self._read(folder) for folder in folders if folder is not None)

    def folder_of(self, name: str) -> Path | None:
        """Return where a model lies, or None."""
        return self._model_folders().get(name)

    def place_of(self, chosen: ChosenModel) -> Path | None:
        """Return where the weights lie that were chosen, under whatever name; None if nowhere.

        Raises
        ------
        ModelError
            There is a model of that name, and its card cannot be read.
        """
        folders = self._model_folders()
        named = folders.get(chosen.name)
        if named is not None and self._read(named).sha256 == chosen.sha256:
            return named
        # A shipped model is never renamed: one with these weights is another model's start.
        shipped = models_dirs()[-1]
        alike = (
            folder
            for folder, card in self._sound()
            if card.sha256 == chosen.sha256 and folder.parent != shipped
        )
        return next(alike, None)

    def load(self, name: str) -> LoadedModel:
        """Return the model called `name`, loading it at the first call.

        Raises
        ------
        ModelError
            It is missing, its card is incomplete, its checksum is wrong, or the
            engine cannot run it.
        """
        with self._lock:
            folder = self._model_folders().get(name)
            if folder is None:
                raise ModelError(name, ModelProblem.MISSING)
            mark = _mark(folder)
            if name not in self._loaded or self._loaded[name][0] != mark:
                self._loaded[name] = mark, self._open(folder)
            return self._loaded[name][1]

    def warm_up(self) -> None:
        """Check every model, and load those that tell what an image shows.

        Every image needs these. Each of the others takes a tenth of a second to load, and
        some fifty megabytes that an idle program had better not keep.

        Raises
        ------
        ModelError
            A card is incomplete, or weights are missing or not those of their card.
        """
        for folder, card in self._sound():
            if folder.parent != self._installed:
                checked_weights(folder, card)
        self.prepare()

    def prepare(self) -> None:
        """Load the networks that tell what an image shows: every image needs them first.

        Raises
        ------
        ModelError
            As `load` does.
        """
        for card in self.cards():
            if card.task == "view":
                self.load(card.name)

    def let_go(self) -> None:
        """Unload every model but those that `warm_up` loads; each is loaded again when needed."""
        with self._lock:
            self._beside.clear()
            self._loaded = {
                name: (mark, model)
                for name, (mark, model) in self._loaded.items()
                if model.card.task == "view"
            }

    def _open(self, folder: Path) -> LoadedModel:
        card = self._read(folder)
        return LoadedModel(card, self._open_engine(checked_weights(folder, card), card))

    def _read(self, folder: Path) -> ModelCard:
        """Return a model's card, with no better status than something bears out."""
        card = read_card(folder)
        if card.status is ModelStatus.DEMONSTRATION or folder.parent == models_dirs()[-1]:
            return card
        return believed_card(folder, card, self.settings.trusted)

    def _model_folders(self) -> dict[str, Path]:
        found = dict(self._named)
        for root in self._folders:
            for card in sorted(root.glob("*/card.json")):
                found.setdefault(card.parent.name, card.parent)
        return found


def _mark(folder: Path) -> tuple[Path, int, int]:
    """Return what changes when another model takes the place of one."""
    card = (folder / CARD).stat()
    return folder, card.st_mtime_ns, card.st_size


def _is_model(name: str) -> bool:
    """Whether what a person typed is a model folder rather than a model's name."""
    return (Path(name) / "card.json").is_file()


def checked_weights(folder: Path, card: ModelCard) -> Path:
    """Return where a model's weights lie, once they are found to be those of its card.

    Raises
    ------
    ModelError
        They are missing, or others; or the card is not the one of the folder's checksums; or these
        are not the ones that were signed.
    """
    if is_signature_broken(folder):
        raise ModelError(card.name, ModelProblem.WRONG_SIGNATURE)
    if not is_card_as_listed(folder):
        raise ModelError(card.name, ModelProblem.WRONG_CARD, CARD)
    weights = folder / card.weights
    if not weights.is_file():
        raise ModelError(card.name, ModelProblem.NO_FILE, card.weights)
    if file_sha256(weights) != card.sha256:
        raise ModelError(card.name, ModelProblem.WRONG_CHECKSUM, card.weights)
    return weights


def believed_card(folder: Path, card: ModelCard, trusted: Collection[TrustedSigner]) -> ModelCard:
    """Return a card with the status demonstration where nothing bears out a better one.

    What comes with SpineAlign is believed, and so is what somebody signed who is trusted. Else a
    status counts that a training of this program wrote for these weights and figures.
    """
    is_shipped = folder.resolve().parent == models_dirs()[-1].resolve()
    if is_shipped or is_borne_out(card):
        return card
    keys = {signer.public_key for signer in trusted}
    if keys and is_signed_by(folder, keys) and is_card_as_listed(folder):
        return card
    return replace(card, status=ModelStatus.DEMONSTRATION)


def read_card(folder: Path) -> ModelCard:
    """Read and check ``folder/card.json``; a model is called after its folder.

    Raises
    ------
    ModelError
        It is missing, not JSON, incomplete or impossible.
    """
    try:
        card = _card_of(read_bytes(folder / CARD, MOST_BYTES))
    except OSError as error:
        raise ModelError(folder.name, ModelProblem.NO_FILE, "card.json") from error
    except ValueError as error:
        detail = str(error)[:_LONGEST_DETAIL]
        raise ModelError(folder.name, ModelProblem.INCOMPLETE_CARD, detail) from error
    # Card and weights go together by their checksum; a folder may be renamed.
    return card if card.name == folder.name else replace(card, name=folder.name)


@lru_cache(maxsize=32)
def _card_of(content: bytes) -> ModelCard:
    """Return the card that a file's content says.

    Each question to a store goes through all cards, and an analysis asks some twenty: cards whose
    bytes were read before are not taken apart again. Bytes, not times of files, tell a change.
    """
    return ModelCard.from_json(parse_json(content, dict[str, Any]))


def write_card(folder: Path, card: ModelCard) -> None:
    """Write ``folder/card.json``, and anew the list of checksums if the folder has one.

    What somebody signed before is another card: the signature goes.
    """
    write_whole(folder / CARD, card_content(card))
    if (folder / CHECKSUMS).exists():
        write_checksums(folder)


def card_content(card: ModelCard) -> bytes:
    """Return what ``card.json`` holds."""
    return (json.dumps(card.to_json(), indent=2, ensure_ascii=False) + "\n").encode()


def write_model(folder: Path, weights: Mapping[str, bytes], card: bytes) -> None:
    """Write the card of a model and its weights, by their names, all or none of them.

    Other files stay. The list of checksums is written anew if the folder has one, and what was
    signed before is another model: the signature goes.

    Raises
    ------
    OSError
        The folder is as it was before.
    """
    is_listed = (folder / CHECKSUMS).exists()
    write_together(folder, {**weights, CARD: card}, (CHECKSUMS, SIGNATURE))
    if is_listed:
        write_checksums(folder)
