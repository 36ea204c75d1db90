"""What a training leaves for whoever goes on with it: Keras model, curve, predictions, left out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinealign.domain.model_card import ModelCard
from spinealign.files import write_whole
from spinealign.training.own.looking import Skipped
from spinealign.training.own.places import tell_results

if TYPE_CHECKING:
    import keras


def save_results(
    folder: Path,
    model: keras.Model,
    curves: Mapping[str, Sequence[Mapping[str, float]]],
    predictions: Sequence[Mapping[str, Any]],
    skipped: Sequence[Skipped],
    card: ModelCard,
) -> None:
    """Write ``model.keras``, ``history.csv`` and ``.json``, ``predictions.csv``, ``skipped.csv``.

    ``training.json`` says of which training they are, and what the network's outputs mean.

    Parameters
    ----------
    folder : Path
    model : keras.Model
    curves : mapping of str to sequence of mapping
        By part of the training, one entry an epoch or report.
    predictions : sequence of mapping
        One a picture; the keys of the first are the columns.
    skipped : sequence of Skipped
    card : ModelCard
        Of the model that was trained.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tell_results(folder, card)
    model.save(folder / "model.keras")
    rows = [{"part": part, **row} for part, curve in curves.items() for row in curve]
    columns = list(dict.fromkeys(name for row in rows for name in row)) or ["part"]
    write_table(folder / "history.csv", columns, rows)
    write_whole(folder / "history.json", json.dumps(curves, indent=2).encode())
    write_table(
        folder / "predictions.csv", list(predictions[0]) if predictions else [], predictions
    )
    write_skipped(folder, skipped)


def write_skipped(folder: Path, skipped: Sequence[Skipped]) -> Path:
    """Write which pictures were left out and why; return the file."""
    place = folder / "skipped.csv"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"image": each.name, "reason": each.reason} for each in skipped]
    write_table(place, ["image", "reason"], rows)
    return place


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a CSV table."""
    text = io.StringIO()
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_whole(path, text.getvalue().encode("utf-8", "replace"))
