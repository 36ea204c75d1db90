"""Images an hour of a batch, beside the Spine Align report's own script on the same images.

Images of three kinds are made from the shared sets, each cut and noised so that all differ. Three
programs take turns on them, each in fresh processes, start included:

* ``tables``: `spinealign batch --only csv`: kind of image, bodies, discs and measures as
  tables;
* ``whole``: `spinealign batch`: a whole folder of results with report and pictures for each image,
  and the gallery;
* ``report``: the report's way: TensorFlow, VGG16 + Flatten + Dense 1024 + Dense 1, every image by
  `load_img` at 224 x 224 and `model.predict`, one after another; the network is loaded once. Its
  weights are random (the report's are not published); that changes no time. It answers one
  probability an image.

The figures go into ``--out FILE``, from which `python -m tools.ten_million` makes
docs/ten-million.md. What else runs on the computer changes them: the load is kept with them.

Run: ``python -m benchmarks.batch_rates --data DATA --out benchmarks/figures/batch_rates.json
[--images 40] [--rounds 3] [--workers N]``; Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.batch import ROOT, children, resident_mb
from benchmarks.many_images import write_picture

KINDS = {
    "ct": "ct_fracture/**/*.png",
    "mr": "mr_sagittal_segmentation/images/*.webp",
    "film": "xray_lateral/images/*.jpg",
}
TABLES, WHOLE, REPORT = "tables", "whole", "report"
PROGRAMS = (TABLES, WHOLE, REPORT)
LOOK_S = 0.2


def make_images(data: Path, folder: Path, kind: str, count: int) -> Path:
    """Write images of a kind, and return their folder."""
    found = sorted(data.glob(KINDS[kind]))
    made = folder / kind
    made.mkdir(parents=True)
    rng = random.Random(kind)
    for number in range(count):
        write_picture(rng.choice(found), made / f"{kind}_{number:04d}.png", number)
    return made


def run_batch(
    images: Path, out: Path, workers: int, only: str = "", processors: int = 0
) -> dict[str, float]:
    """Analyse a folder by a batch; return its seconds, memory and what results take on the disk.

    With `processors` it may use so many of them only.
    """
    command = [sys.executable, "-m", "spinealign", "batch", str(images), "--out", str(out)]
    command += ["--workers", str(workers), *(("--only", only) if only else ())]
    quiet, memory, began = subprocess.DEVNULL, 0.0, time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet)
    if processors:
        os.sched_setaffinity(process.pid, sorted(os.sched_getaffinity(0))[:processors])
    while process.poll() is None:
        memory = max(memory, resident_mb([process.pid, *children(process.pid)]))
        time.sleep(LOOK_S)
    seconds = time.perf_counter() - began
    if process.returncode not in (0, 3):  # what is no kind of its own is refused, and took its time
        raise SystemExit(f"the batch of {images.name} ended by {process.returncode}")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return {"seconds": seconds, "memory_mb": memory, "bytes": size}


def run_report(images: Path) -> dict[str, float]:
    """Let the report's script look at a folder; return its seconds."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "benchmarks.batch_rates", "--report-script", str(images)],
        cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return {"seconds": time.perf_counter() - began}


def report_script(images: Path) -> None:
    """Do what the report's `SpinalDiagnosis` does, for every image of a folder."""
    import numpy as np
    from tensorflow.keras.applications import VGG16
    from tensorflow.keras.layers import Dense, Flatten
    from tensorflow.keras.models import Model
    from tensorflow.keras.preprocessing import image

    base = VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    x = Dense(1024, activation="relu")(Flatten()(base.output))
    model = Model(inputs=base.input, outputs=Dense(1, activation="sigmoid")(x))
    for path in sorted(images.iterdir()):
        pixels = image.img_to_array(image.load_img(path, target_size=(224, 224)))
        probability = model.predict(np.expand_dims(pixels, 0) / 255.0)[0][0]
        print(path.name, "Healthy" if probability < 0.5 else "Abnormal", f"{probability:.2f}")


def measure(images: Path, folder: Path, rounds: int, workers: int) -> dict[str, Any]:
    """Return what each program takes for a folder of images, one round after another."""
    count = len(list(images.iterdir()))
    out = folder / "out"
    programs: dict[str, Callable[[], dict[str, float]]] = {
        TABLES: lambda: run_batch(images, out, workers, "csv"),
        REPORT: lambda: run_report(images),
        WHOLE: lambda: run_batch(images, out, workers),
    }
    told: dict[str, list[dict[str, float]]] = {name: [] for name in programs}
    for number in range(rounds):
        for name in [*programs][:: -1 if number % 2 else 1]:
            told[name].append(programs[name]())
            shutil.rmtree(out, ignore_errors=True)
    found: dict[str, Any] = {"images": count}
    for name, runs in told.items():
        seconds = [one["seconds"] for one in runs]
        found[name] = {
            "an_hour": round(3600 * count / statistics.median(seconds), 1),
            "an_hour_of_each": [round(3600 * count / one, 1) for one in seconds],
        }
        if "bytes" in runs[0]:
            found[name]["bytes_an_image"] = round(runs[0]["bytes"] / count)
            found[name]["memory_mb"] = round(max(one["memory_mb"] for one in runs))
    return found


def scaling(figures: dict[str, Any], folder: Path, workers: int) -> float:
    """Return how much of `workers` times the rate of one processor as many workers reach.

    The kind that takes longest is asked, of which starting is the least part.
    """
    kind = min(figures["kinds"], key=lambda one: figures["kinds"][one][TABLES]["an_hour"])
    of_one, of_all = (
        run_batch(folder / kind, folder / f"of_{count}", count, "csv", count)["seconds"]
        for count in (1, workers)
    )
    return round(of_one / of_all / workers, 3)


def main() -> int:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the shared sets")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    parser.add_argument("--images", type=int, default=40, help="of each kind")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--report-script", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.report_script is not None:
        report_script(options.report_script)
        return 0
    if options.data is None or options.out is None:
        parser.error("--data and --out are needed")
    figures: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "workers": options.workers,
        "rounds": options.rounds,
        "load_before": round(os.getloadavg()[0], 1),
        "kinds": {},
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in options.kinds.split(","):
            images = make_images(options.data, folder, kind, options.images)
            found = figures["kinds"][kind] = measure(
                images, folder, options.rounds, options.workers
            )
            ratio = found[TABLES]["an_hour"] / found[REPORT]["an_hour"]
            said = ", ".join(f"{one} {found[one]['an_hour']:,.0f}" for one in PROGRAMS)
            print(f"{kind}, an hour: {said}; tables {ratio:.2f} times the report's", flush=True)
        if options.workers > 1:
            figures["scaling"] = scaling(figures, folder, options.workers)
            times = figures["scaling"] * options.workers
            print(
                f"{options.workers} workers are {times:.2f} times as fast as one on one processor"
            )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
