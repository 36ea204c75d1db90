"""A network that nobody knows, run once in a process of its own that may fail or hang.

Weights are read by native code: a damaged file can end the process that reads it, or never finish.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import numpy as np

from spinealign.domain.errors import ModelError
from spinealign.domain.model_card import ModelCard
from spinealign.inference.catalog import checked_weights, open_litert, read_card
from spinealign.inference.engine import Array, LoadedModel

MOST_SECONDS = 120
"""How long the trial may take, with the start of its process; ours take one to three seconds."""

MOST_MEMORY = 8 << 30
"""Addresses that the trial may use, in bytes, where the system can hold it to that."""

COMMAND = ("models", "try-network")
EXIT_MISFIT = 3


class TrialProblem(StrEnum):
    """How a network failed its trial."""

    TOO_SLOW = "too_slow"
    ENDED = "ended"
    MISFIT = "misfit"


Trial = Callable[[Path], TrialProblem | None]
"""Runs the network of a model folder once; None if it answers as its card says."""


def tried_apart(folder: Path) -> TrialProblem | None:
    """Run a model folder's network once in another process."""
    program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m"]
    program += [] if getattr(sys, "frozen", False) else ["spinealign"]
    above = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, (above, os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            [*program, *COMMAND, str(folder)],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=MOST_SECONDS, check=False,
            env={**os.environ, "PYTHONPATH": paths},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return TrialProblem.TOO_SLOW
    if done.returncode == 0:
        return None
    return TrialProblem.MISFIT if done.returncode == EXIT_MISFIT else TrialProblem.ENDED


def try_here(folder: Path) -> bool:
    """Run a model folder's network once in this process, which is to end after it.

    Returns
    -------
    bool
        Whether it took the card's input and gave finite answers of the card's shape.
    """
    _limit_memory()
    card = read_card(folder)
    try:
        model = LoadedModel(card, open_litert(checked_weights(folder, card), card))
        return _answers(model)
    except (ModelError, ValueError, RuntimeError, IndexError, KeyError):
        return False


def _answers(model: LoadedModel) -> bool:
    """Whether a network answers noise with finite numbers of the shape that its task needs."""
    card = model.card
    rows, columns = card.input_shape
    channels = 1 if card.intensity.channels == "grey" else 3
    shape = (1, rows, columns, channels)
    batch = np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)
    if card.task == "segmentation":
        found, corners = model.outline(batch)
        is_shaped = found.shape == (rows, columns, len(card.classes)) and corners.ndim == 3
        return is_shaped and _is_finite(found, corners)
    if card.task == "classification":
        probabilities, _ = model.classify(batch)
        return len(probabilities) == len(card.classes) and _is_finite(np.array(probabilities))
    if card.task == "landmarks":
        heat = model.point_heat(batch)
        stride = 0 if card.landmarks is None else card.landmarks.stride
        is_shaped = heat.shape[:2] == (rows // stride, columns // stride) if stride else False
        return is_shaped and _is_finite(heat)
    if card.task == "multi_label":
        return _is_finite(np.array(model.label(batch)[0]))
    if card.task == "ordinal":
        return _is_finite(np.array(model.grade_picture(batch)[0]))
    if card.task == "view":
        kinds, away = model.recognise(batch)
        return _is_finite(np.array([*kinds, away]))
    return _grades(model, card, batch)


def _grades(model: LoadedModel, card: ModelCard, batch: Array) -> bool:
    names = card.grading.sign_names if card.grading is not None else ()
    outputs = model.grade(batch, np.zeros((1, len(names)), np.float32))
    return _is_finite(*outputs.values())


def _is_finite(*arrays: Array) -> bool:
    return all(bool(np.isfinite(array).all()) for array in arrays)


def _limit_memory() -> None:
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = MOST_MEMORY if most == resource.RLIM_INFINITY else min(most, MOST_MEMORY)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, most))
