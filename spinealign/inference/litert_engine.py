"""The default engine: LiteRT, TensorFlow's own small runtime, on the CPU."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.inference.engine import Array


class LiteRtEngine:
    """A ``.tflite`` file with an input ``image``, perhaps others, and named float outputs.

    Parameters
    ----------
    path : Path
        The flatbuffer.
    threads : int, optional
        Defaults to the processors this process may use, at most four: more
        brought nothing on these networks.

    Raises
    ------
    ModelError
        LiteRT cannot load the file.
    """

    name = "LiteRT"

    def __init__(self, path: Path, threads: int | None = None) -> None:
        from ai_edge_litert.interpreter import Interpreter

        count = threads or min(4, _usable_processors())
        try:
            source = _model_source(path)
            with _runtime_log_suppressed():
                self._interpreter = Interpreter(**source, num_threads=count)
                self._interpreter.allocate_tensors()
                self._runner = self._interpreter.get_signature_runner()
                inputs = self._runner.get_input_details()
        except (ValueError, RuntimeError, OSError) as error:
            raise ModelError(path.parent.name, ModelProblem.UNLOADABLE, str(error)) from error
        self._shapes = {name: tuple(each["shape_signature"]) for name, each in inputs.items()}

    def run(self, batch: Array, **others: Array) -> Mapping[str, Array]:
        """Return the named outputs for `batch` (n, h, w, C) and further named inputs."""
        given = {"image": batch, **others}
        for name, shape in self._shapes.items():
            # The runtime would rebuild the whole network for another size.
            if name in given and not _fits(given[name].shape, shape):
                raise ValueError(f"{name} of another shape than {shape}")
        outputs = self._runner(**given)
        return {name: np.asarray(value, np.float32) for name, value in outputs.items()}


def _fits(given: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Compare a shape with a network's, whose open sizes are -1."""
    pairs = zip(given, shape, strict=False)
    return len(given) == len(shape) and all(wanted in (-1, size) for size, wanted in pairs)


def _model_source(path: Path) -> dict[str, str | bytes]:
    """Let the runtime map the file where it can.

    Preparing a mapped file holds Python's lock a third shorter than preparing
    bytes, and the window waits for that lock. The runtime cannot open non-ASCII
    paths on Windows, so there it gets the bytes.
    """
    if os.name == "nt" and not str(path).isascii():
        return {"model_content": path.read_bytes()}
    return {"model_path": str(path)}


@contextmanager
def _runtime_log_suppressed() -> Iterator[None]:
    """Keep LiteRT's "Created ... delegate" line off the user's terminal.

    The runtime writes it straight to file descriptor 2 and has no switch for it.
    """
    try:
        kept = os.dup(2)
    except OSError:  # a windowed program on Windows has no such descriptor
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _usable_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
