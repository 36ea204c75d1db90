"""Where a training leaves its model and its results: never over those of another training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from spinealign.domain.errors import ModelError
from spinealign.domain.model_card import ModelCard
from spinealign.domain.model_store import ModelStoreError, StoreProblem
from spinealign.files import write_whole
from spinealign.inference.catalog import read_card, write_model
from spinealign.inference.checksums import CARD
from spinealign.json_files import JsonError, read_json

KEY: Final = "training_key"
"""Under which a card's `training` has what tells one training from another."""

RESULTS: Final = "results"
"""Folder below the working folder; not in the model's, which is passed on."""

ABOUT: Final = "training.json"
"""In the folder of results: of which training they are, and what the network's outputs mean."""


_MAKING: Final = "making"
"""Folder below the working folder in which a recipe writes and measures its model first."""

_MADE: Final = "made-models.txt"
"""In the working folder: the checksum of each card that it put in a model folder, one a line."""


def require_free(out: Path, key: str, is_replacing: bool) -> None:
    """Refuse to write over a model that is not of the same training.

    Raises
    ------
    ModelStoreError
        OTHER_THERE.
    """
    if is_replacing or not (out / CARD).exists():
        return
    try:
        there = read_card(out)
    except ModelError:
        raise ModelStoreError(StoreProblem.OTHER_THERE, str(out)) from None
    if there.training.get(KEY) != key:
        raise ModelStoreError(StoreProblem.OTHER_THERE, str(out), there.title)


def made_beside(
    out: Path, work: Path, is_replacing: bool, make: Callable[[Path], ModelCard]
) -> ModelCard:
    """Let a recipe of a shipped model write beside what lies in its model folder.

    Only once everything is written and measured does the model go to `out`, whole. Another model
    there is refused before; one that the same working folder put there, and nobody changed, goes.

    Parameters
    ----------
    out, work : Path
    is_replacing : bool
        Whether another model may go.
    make : callable
        Takes the folder to write into, which has the name of `out`.

    Raises
    ------
    ModelStoreError
        OTHER_THERE.
    OSError
        What is in `out` is as it was before.
    """
    if not (is_replacing or _is_made_in(out, work)):
        require_free(out, "", is_replacing)
    making = work / _MAKING / out.resolve().name
    card = make(making)
    _note_made(making, work)
    place_model(making, out)
    return card


def place_model(made: Path, out: Path) -> None:
    """Put the card and weights of a finished model into a model folder, both or neither."""
    card = read_card(made)
    weights = {card.weights: (made / card.weights).read_bytes()}
    write_model(out, weights, (made / CARD).read_bytes())


def _is_made_in(out: Path, work: Path) -> bool:
    try:
        return _mark(out) in (work / _MADE).read_text().split()
    except OSError:
        return False


def _note_made(made: Path, work: Path) -> None:
    notes = work / _MADE
    earlier = notes.read_bytes() if notes.exists() else b""
    write_whole(notes, earlier + f"{_mark(made)}\n".encode())


def _mark(folder: Path) -> str:
    """Return the checksum of a card, which holds that of the weights."""
    return hashlib.sha256((folder / CARD).read_bytes()).hexdigest()


def begin_results(work: Path, key: str, task: str) -> Path | None:
    """Make the folder of results that of a training; return where those of another one went.

    The results of a training that was moved aside before are taken up again.
    """
    place, kept = work / RESULTS, None
    if place.exists() and _key_of(place) != key:
        kept = _free(work / f"{RESULTS}-{_key_of(place) or 'earlier'}")
        place.rename(kept)
    own = work / f"{RESULTS}-{key}"
    if not place.exists() and own.exists():
        own.rename(place)
    if not (place / ABOUT).exists():
        place.mkdir(parents=True, exist_ok=True)
        _write(place, {KEY: key, "task": task})
    return kept


def tell_results(folder: Path, card: ModelCard) -> None:
    """Write down of which training results are, and what the outputs of its network mean."""
    told = {
        KEY: card.training.get(KEY, ""),
        "model": card.name,
        "title": card.title,
        "task": card.task,
        "classes": list(card.classes),
        "positive_class": card.positive_class,
        "positive_output": card.positive_output,
        "threshold": card.threshold,
        "temperature": card.temperature,
        "examinations": list(card.examinations),
        "image_kinds": list(card.image_kinds),
        "model_sha256": card.sha256,
    }
    _write(folder, {name: value for name, value in told.items() if value is not None})


def _write(folder: Path, told: Mapping[str, Any]) -> None:
    write_whole(folder / ABOUT, (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode())


def _key_of(folder: Path) -> str:
    try:
        return str(read_json(folder / ABOUT, dict[str, Any]).get(KEY, ""))
    except (OSError, JsonError):
        return ""


def _free(wanted: Path) -> Path:
    """Return a name that nothing has yet."""
    names = [wanted, *(wanted.with_name(f"{wanted.name}-{n}") for n in range(2, 10_000))]
    return next(name for name in names if not name.exists())
