"""Kill trainings of own data at random moments: ``python -m benchmarks.killed_training``.

Each kind of training (lean head, the report's head, its plain CNN, outlines, points; all with
tiny networks on drawn pictures) runs once undisturbed, and again while its process is killed
(SIGKILL) after a while that is drawn anew each time; the same command goes on. At the end the
curve and every prediction must be those of the undisturbed training, up to rounding. POSIX only.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LARGEST_DIFFERENCE = 1e-4
"""Of losses, relative, and of predictions: sums of float32 in another order differ by so much."""

POLL_S = 0.01


def classifier(head: str) -> Callable[[Path, Path], None]:
    """Return what trains a classifier by a head: takes the data's folder, and that of the work."""

    def train(data: Path, folder: Path) -> None:
        from spinealign.domain.model_card import IntensityRule
        from spinealign.training.classifier import ClassifierRecipe
        from spinealign.training.own.about import Judgement
        from spinealign.training.own.classify import ClassifierJob, train_classifier

        arguments: dict[str, Any] = {"input_shape": [32, 32, 3]}
        if head == "plain-cnn":
            arguments |= {"filters": [2, 2, 2], "hidden": 4}
        else:
            arguments |= {"blocks": [[1, 4], [1, 6]]} | ({"hidden": 4} if head == "report" else {})
        recipe = ClassifierRecipe(
            head=head, copies=1, epochs=6, save_every=1, batch=8, inverse_regularisation=1.0,
            rule=IntensityRule(channels="rgb_unit" if head == "plain-cnn" else "vgg_caffe"),
            arguments=arguments,
        )  # type: ignore[arg-type]  # fmt: skip
        train_classifier(
            ClassifierJob(
                data=data, work=folder / "work", out=folder / "models" / "mine",
                positive="narrow", recipe=recipe, pattern=r"([nw]\d+)_t\d",
                imagenet=None if head == "plain-cnn" else data.parent / "imagenet.npz",
                audit=lambda *_: Judgement(),
            )
        )  # fmt: skip

    return train


def outlines(data: Path, folder: Path) -> None:
    """Train a segmentation."""
    from spinealign.training.own.about import Judgement
    from spinealign.training.own.segment import OutlineJob, OutlineRecipe, train_segmentation

    recipe = OutlineRecipe(
        widths=(4, 4), input_px=64, crop=(32, 32), batch=2, steps=12, save_every=2, cache_px=64
    )
    train_segmentation(
        OutlineJob(
            data=data, work=folder / "work", out=folder / "models" / "mine", recipe=recipe,
            classes=("background", "disc"), audit=lambda *_: Judgement(),
        )
    )  # fmt: skip


def points(data: Path, folder: Path) -> None:
    """Train named points."""
    from spinealign.training.own.about import Judgement
    from spinealign.training.own.landmark_recipe import LandmarkJob, LandmarkRecipe
    from spinealign.training.own.landmarks import train_landmarks

    recipe = LandmarkRecipe(
        widths=(8, 12), context=(2,), input_px=64, zoom=2.0, batch=4, steps=30, save_every=5
    )
    train_landmarks(
        LandmarkJob(
            data=data, work=folder / "work", out=folder / "models" / "mine", recipe=recipe,
            coordinates="edges", audit=lambda *_: Judgement(),
        )
    )  # fmt: skip


KINDS: dict[str, Callable[[Path, Path], None]] = {
    "lean": classifier("lean"), "report": classifier("report"),
    "plain-cnn": classifier("plain-cnn"), "outlines": outlines, "points": points,
}  # fmt: skip


def draw_data(kind: str, folder: Path) -> Path:
    """Draw the pictures of a kind of training below a folder, and return where they are."""
    from tests.own_data import outlined, two_classes
    from tests.pointed import pointed

    rng = np.random.default_rng(0)
    kernels = {"block1_conv1": (3, 3, 3, 4), "block2_conv1": (3, 3, 4, 6)}
    np.savez(
        folder / "imagenet.npz",
        **{f"{name}/kernel": rng.normal(0, 0.05, shape) for name, shape in kernels.items()},
        **{f"{name}/bias": np.zeros(shape[-1]) for name, shape in kernels.items()},
    )
    draw: Callable[..., Path] = {"outlines": outlined, "points": pointed}.get(kind, two_classes)
    return draw(folder / "data", 6)


def begun(kind: str, data: Path, folder: Path) -> int:
    """Start a training in a process of its own, and return the process.

    It is forked from this one, which has loaded TensorFlow and computed nothing: loading it anew
    would take longer than these trainings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        with (folder / "log.txt").open("a", encoding="utf-8") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            KINDS[kind](data, folder)
        code = 0
    except BaseException:  # noqa: BLE001 - the child must end here, whatever it was
        import traceback

        (folder / "failure.txt").write_text(traceback.format_exc(), encoding="utf-8")
    os._exit(code)


def is_over(child: int, folder: Path) -> bool:
    """Tell whether a training has ended by itself.

    Raises
    ------
    RuntimeError
        It failed.
    """
    done, status = os.waitpid(child, os.WNOHANG)
    if not done:
        return False
    if status:
        failure = folder / "failure.txt"
        raise RuntimeError(failure.read_text() if failure.is_file() else f"ended with {status}")
    return True


def to_the_end(kind: str, data: Path, folder: Path) -> float:
    """Run a training to its end, and return how many seconds that took."""
    start = time.monotonic()
    child = begun(kind, data, folder)
    while not is_over(child, folder):
        time.sleep(POLL_S)
    return time.monotonic() - start


def killed(kind: str, data: Path, folder: Path, after_s: float) -> bool:
    """Run a training, kill it after a while, and tell whether it was not over before."""
    child = begun(kind, data, folder)
    until = time.monotonic() + after_s
    while time.monotonic() < until:
        if is_over(child, folder):
            return False
        time.sleep(POLL_S)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def results_of(folder: Path) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return the curve and the predictions that a training left."""
    place = folder / "work" / "results"
    with (place / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return json.loads((place / "history.json").read_text(encoding="utf-8")), rows


def differences(first: Any, second: Any) -> tuple[float, list[str]]:
    """Return the largest difference of numbers, relative to those above 1, and what else differs.

    Parameters
    ----------
    first, second
        JSON values; texts that are numbers are compared as numbers.
    """
    if isinstance(first, dict) and isinstance(second, dict):
        if first.keys() != second.keys():
            return 0.0, [f"{list(first)} and {list(second)}"]
        return _most([differences(first[key], second[key]) for key in first])
    if isinstance(first, list) and isinstance(second, list):
        if len(first) != len(second):
            return 0.0, [f"{len(first)} entries and {len(second)}"]
        return _most([differences(one, other) for one, other in zip(first, second, strict=True)])
    try:
        one, other = float(first), float(second)
    except (TypeError, ValueError):
        return 0.0, [] if first == second else [f"{first!r} and {second!r}"]
    return abs(one - other) / max(1.0, abs(one)), []


def _most(found: list[tuple[float, list[str]]]) -> tuple[float, list[str]]:
    return max((away for away, _ in found), default=0.0), [t for _, told in found for t in told]


def try_kind(kind: str, kills: int, draw: random.Random, folder: Path) -> bool:
    """Kill one kind of training so often, print what was found, and tell whether all was well."""
    data = draw_data(kind, folder)
    whole_s = to_the_end(kind, data, folder / "whole")
    whole = results_of(folder / "whole")
    largest, faults, done, runs = 0.0, [], 0, 0
    while done < kills or not runs:
        cut = folder / f"cut{runs}"
        while done < kills and killed(kind, data, cut, draw.uniform(0, whole_s)):
            done += 1
        to_the_end(kind, data, cut)
        away, others = differences(list(whole), list(results_of(cut)))
        largest, runs = max(largest, away), runs + 1
        faults += others
    epochs = sum(len(curve) for curve in whole[0].values())
    is_well = largest <= LARGEST_DIFFERENCE and not faults
    told = "" if is_well else f", FAULTS: {'; '.join(faults[:3])}"
    print(
        f"{kind:10} {whole_s:5.1f} s undisturbed, {done} kills in {runs} trainings, {epochs} "
        f"points of curves and {len(whole[1])} predictions: largest difference {largest:.1e}{told}",
        flush=True,
    )
    return is_well


def main(arguments: list[str] | None = None) -> int:
    """Kill trainings and compare; 1 where one did not come out as undisturbed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--kills", type=int, default=10, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args(arguments)
    if sys.platform == "win32":
        parser.error("processes are forked and killed: POSIX only")
    import tensorflow  # noqa: F401 - loaded once, before processes are forked

    is_well = True
    for kind in wanted.kinds:
        draw = random.Random(f"{wanted.seed} {kind}")
        with tempfile.TemporaryDirectory(prefix="killed-training-") as folder:
            is_well &= try_kind(kind, wanted.kills, draw, Path(folder))
    return 0 if is_well else 1


if __name__ == "__main__":
    raise SystemExit(main())
