"""The shipped networks in LiteRT, in Keras and, where it is installed, in OpenVINO.

Each gets what it is given of the shipped samples. Engines take turns, so that what else the
computer does meets them alike. Printed are the time to load, the time of one call and its
quartiles, the processor's time of it, and the largest difference from LiteRT's outputs.

``--memory`` tells what each engine with each network adds to a process. ``--data DATA`` quantises
the networks to int8 on real pictures (LiteRT by TensorFlow, OpenVINO by nncf where that is
installed) and compares what the program says at the end of pictures kept aside; that takes half
an hour. ``--older`` hides AVX-512, VNNI and AMX from all engines, as most computers lack them
(Linux, with a C compiler).

Run: ``python -m benchmarks.engines [--runs 20] [--threads 1 2] [--only NAME ...] [--memory]
[--data DATA [--pictures 20] [--calibrate 200]] [--made FOLDER] [--older]``
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.engine_answers import compare_answers, told
from benchmarks.engine_files import (
    KERAS,
    LITERT,
    LITERT_INT8,
    OPENVINO,
    OPENVINO_INT8,
    Inputs,
    Way,
    kept_aside,
    make_int8,
    make_openvino,
    recorded,
    sample_inputs,
    seen_in_training,
)
from spinealign.domain.model_card import ModelCard
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import Engine

OLDER = Path(__file__).resolve().parent / "older_processor.c"
NO_OPENVINO = "OpenVINO is not installed: `pip install openvino` adds it to the comparison."
NO_NNCF = "nncf is not installed: OpenVINO is not quantised; `pip install nncf` adds that."


def is_installed(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


def timed(action: Callable[[], object]) -> tuple[object, float, float]:
    """Return what an action returns, its seconds, and the processor's seconds of all threads."""
    started, used = time.perf_counter(), time.process_time()
    value = action()
    return value, time.perf_counter() - started, time.process_time() - used


def compare(
    card: ModelCard, ways: Sequence[Way], made: Path, inputs: Sequence[Inputs],
    runs: int, threads: int,
) -> None:  # fmt: skip
    """Run one network in every way in turn, and print times and differences."""
    engines, loading = {}, {}
    for way in ways:
        engines[way.name], loading[way.name], _ = timed(partial(way.engine, made, card, threads))
    seconds, used = ({name: [] for name in engines} for _ in range(2))
    for number in range(runs + 1):
        given = inputs[number % len(inputs)]
        for name, engine in engines.items():
            _, taken, of_processor = timed(partial(engine.run, **as_call(given)))
            if number:
                seconds[name].append(taken)
                used[name].append(of_processor)
    print(f"{card.name} {card.version}, {threads} threads, {runs} rounds, {len(inputs)} inputs")
    gaps = differences(engines, inputs)
    for name in engines:
        print(row(name, loading[name], seconds[name], used[name]) + gaps.get(name, ""), flush=True)


def as_call(given: Inputs) -> dict[str, np.ndarray]:
    """Return the arguments of `Engine.run`."""
    return {"batch": given["image"], **{k: v for k, v in given.items() if k != "image"}}


def row(name: str, loading: float, seconds: Sequence[float], used: Sequence[float]) -> str:
    low, middle, high = (1000 * part for part in np.percentile(seconds, [25, 50, 75]))
    of_processor = 1000 * statistics.median(used)
    return (
        f"  {name:20} load {1000 * loading:6.0f} ms   call {middle:7.1f} ms ({low:.1f}-{high:.1f})"
        f"   processor {of_processor:7.1f} ms"
    )


def differences(engines: Mapping[str, Engine], inputs: Sequence[Inputs]) -> dict[str, str]:
    """Return the largest difference of each output from LiteRT's, in words, by engine."""
    largest: dict[str, dict[str, float]] = {name: {} for name in engines if name != LITERT.name}
    for given in inputs:
        expected = engines[LITERT.name].run(**as_call(given))
        for name, found in largest.items():
            answers = engines[name].run(**as_call(given))
            for output, values in expected.items():
                gap = float(np.abs(answers[output] - values).max())
                found[output] = max(found.get(output, 0.0), gap)
    return {
        name: "   largest gap of " + ", of ".join(f"{o} {gap:.2g}" for o, gap in found.items())
        for name, found in largest.items()
    }


def added_mb(way: Way, made: Path, card: ModelCard, given: Inputs, threads: int) -> float:
    """Return what this process holds more once a network was opened in it and asked twice."""
    import psutil

    before = psutil.Process().memory_info().rss
    engine = way.engine(made, card, threads)
    for _ in range(2):
        engine.run(**as_call(given))
    return (psutil.Process().memory_info().rss - before) / 1e6


def compare_memory(
    cards: Sequence[ModelCard], ways: Sequence[Way], made: Path,
    inputs: Mapping[str, Sequence[Inputs]], threads: int,
) -> None:  # fmt: skip
    """Print what each way adds to a process of its own, for each network."""
    print(f"memory that runtime and network add to a process, {threads} threads, in MB")
    fresh = multiprocessing.get_context("spawn")
    for card in cards:
        found = []
        for way in ways:
            with fresh.Pool(1) as pool:
                given = (way, made, card, inputs[card.name][0], threads)
                found.append(f"{way.name} {pool.apply(added_mb, given):.0f}")
        print(f"  {card.name}: {', '.join(found)}", flush=True)


def quantised_ways(
    cards: Sequence[ModelCard], made: Path, options: argparse.Namespace
) -> tuple[Way, ...]:
    """Make the int8 weights that are not there yet, and return the ways to run them."""
    with_openvino = is_installed("openvino") and is_installed("nncf")
    ways = (*LITERT_INT8, OPENVINO_INT8) if with_openvino else LITERT_INT8
    missing = [c for c in cards if not all((made / c.name / w.weights).is_file() for w in ways)]
    if missing:
        inputs = recorded(seen_in_training(options.data, options.calibrate), options.calibrate)
        for card in missing:
            print(f"{card.name}: quantised on {len(inputs[card.name])} inputs", flush=True)
            make_int8(made, card, inputs[card.name], with_openvino=with_openvino)
    if is_installed("openvino") and not with_openvino:
        print(NO_NNCF)
    return ways


def run(options: argparse.Namespace, made: Path) -> None:
    cards = [c for c in ModelStore().cards() if not options.only or c.name in options.only]
    ways = [LITERT, KERAS]
    if is_installed("openvino"):
        make_openvino(made, ModelStore().cards())
        ways += OPENVINO
    else:
        print(NO_OPENVINO)
    if options.data is not None:
        ways += quantised_ways(ModelStore().cards(), made, options)
    inputs = sample_inputs()
    for threads in options.threads:
        for card in cards:
            compare(card, ways, made, inputs[card.name], options.runs, threads)
    if options.memory:
        compare_memory(cards, ways, made, inputs, max(options.threads))
    if options.data is not None:
        compared = [way for way in ways if way is not KERAS]
        pictures = kept_aside(options.data, options.pictures)
        found = compare_answers(compared, made, pictures, max(options.threads))
        for (name, kind), gaps in sorted(found.items()):
            print(told(name, kind, gaps))


def start_as_older(arguments: Sequence[str], folder: Path) -> int:
    """Start this script once more on what looks like a processor of before AVX-512.

    Raises
    ------
    SystemExit
        That is possible on Linux for x86-64 only, with a C compiler.
    """
    compiler = shutil.which("cc")
    if sys.platform != "linux" or platform.machine() != "x86_64" or compiler is None:
        raise SystemExit("--older needs Linux on x86-64 and a C compiler.")
    library = folder / "older_processor.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(OLDER)]
    subprocess.run(command, check=True)
    started = [sys.executable, "-m", "benchmarks.engines", *arguments]
    hidden = {**os.environ, "LD_PRELOAD": str(library)}
    return subprocess.run(started, env=hidden, cwd=OLDER.parents[1], check=False).returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20, help="calls of each engine")
    parser.add_argument("--threads", type=int, nargs="+", default=[2])
    parser.add_argument("--only", nargs="+", default=[], help="names of networks")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--data", type=Path, help="int8 and answers too, on these sets of pictures")
    parser.add_argument("--pictures", type=int, default=20, help="of each kind, kept aside")
    parser.add_argument("--calibrate", type=int, default=200, help="most inputs of each network")
    parser.add_argument("--made", type=Path, help="where weights are kept for the next time")
    parser.add_argument("--older", action="store_true", help="as without AVX-512, VNNI and AMX")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.older:
            rest = [word for word in sys.argv[1:] if word != "--older"]
            sys.exit(start_as_older(rest, Path(folder)))
        run(options, options.made or Path(folder))


if __name__ == "__main__":
    main()
