"""Where the time of an image goes in a batch: networks, decoding, writing, and all the rest.

Images of each kind of the shared sets are analysed one after another in one process on one
processor, as a worker of `spinealign batch --only csv` does it, after two that warm it up. Times
are those of the processor, so that other programs change them little. The aim was that a batch
takes at most 10 % more than networks and decoding alone.

Run: ``python -m benchmarks.time_of_an_image --data DATA [--images 20]``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.batch_rates import KINDS
from spinealign.batch import worker
from spinealign.batch.options import BatchOptions
from spinealign.export import bundle
from spinealign.imaging import choice
from spinealign.inference.catalog import ModelStore
from spinealign.inference.litert_engine import LiteRtEngine

WARM_UP = 2
NETWORKS, DECODING, WRITING = "networks", "decoding", "writing"
TABLES = BatchOptions(kinds=("json", "regions", "measurements", "discs"), gallery=False)


class Clock:
    """Seconds of the processor, and calls, by what they were spent on."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        began = time.process_time()
        try:
            yield
        finally:
            self.seconds[name] += time.process_time() - began
            self.calls[name] += 1

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            with self.timed(name):
                return call(*given, **named)

        return timed


class Silent:
    """Stands in for the pipe to the program that started the worker."""

    def send(self, _message: object) -> None:
        """Forget what a worker tells."""


def analyse(paths: Sequence[Path], folder: Path) -> Clock:
    """Analyse images, and return what the time went for, those that warm up left out."""
    clock = Clock()

    class Timed(LiteRtEngine):
        def run(self, *given: Any, **named: Any) -> Any:
            with clock.timed(NETWORKS):
                return super().run(*given, **named)

    models = ModelStore(open_engine=lambda weights, _card: Timed(weights, TABLES.threads))
    with (
        patch.object(choice, "read_image", clock.around(DECODING, choice.read_image)),
        patch.object(bundle, "write_bundle", clock.around(WRITING, bundle.write_bundle)),
    ):
        for number, path in enumerate(paths):
            if number == WARM_UP:
                clock.seconds.clear()
                clock.calls.clear()
            task = worker.Task(path.name, path, path, folder / path.stem)
            with clock.timed("all"):
                worker._outcome(task, models, TABLES, Silent())  # type: ignore[arg-type]
    return clock


def told(kind: str, clock: Clock) -> str:
    """Return the shares of one kind of image as a line."""
    images, whole = clock.calls["all"], clock.seconds["all"]
    each = {name: clock.seconds[name] / images for name in (NETWORKS, DECODING, WRITING)}
    rest = whole / images - sum(each.values())
    needed = each[NETWORKS] + each[DECODING]
    parts = ", ".join(f"{name} {1000 * seconds:.0f}" for name, seconds in each.items())
    return (
        f"{kind}: {images} images, {1000 * whole / images:.0f} ms each: {parts}, rest "
        f"{1000 * rest:.0f}; {whole / images / needed:.2f} times networks and decoding "
        f"({clock.calls[NETWORKS] / images:.1f} calls)"
    )


def main() -> None:
    """Print the shares of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    options = parser.parse_args()
    for kind in options.kinds:
        paths = sorted(options.data.glob(KINDS[kind]))[: options.images + WARM_UP]
        with tempfile.TemporaryDirectory() as folder:
            print(told(kind, analyse(paths, Path(folder))), flush=True)


if __name__ == "__main__":
    main()
