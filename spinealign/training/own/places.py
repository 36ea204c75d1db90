"""Where a training leaves its model and its results: never over those of another training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from spinealign.domain.errors import ModelError
from spinealign.domain.model_card import ModelCard
from spinealign.domain.model_store import ModelStoreError, StoreProblem
from spinealign.files import write_whole
from spinealign.inference.catalog import read_card
from spinealign.inference.checksums import CARD
from spinealign.json_files import JsonError, read_json

KEY: Final = "training_key"
"""Under which a card's `training` has what tells one training from another."""

RESULTS: Final = "results"
"""Folder below the working folder; not in the model's, which is passed on."""

ABOUT: Final = "training.json"
"""In the folder of results: of which training they are, and what the network's outputs mean."""


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
