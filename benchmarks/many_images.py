"""Ten thousand images through one batch, undisturbed and with kills: what is lost or different.

Images are made from the shared sets (CT slices, MR slices, lateral and frontal films, each cut and
noised so that all differ) and from the shipped samples; one of twenty is broken in one of ten ways.
They are analysed by `spinealign batch`, with the program's own networks:

1. undisturbed: rate, and the largest memory of all processes by tenths of the run;
2. with ``--cluster``, by a Dask scheduler with as many workers on this computer, with ``kill -9``
   at random moments of the run, of the program, of a worker and of the scheduler in turn;
3. without a scheduler, with ``kill -9`` of the program and of one of its workers in turn.

All must have a row for every image, each once, and tables alike byte by byte.

It takes hours, so everything is kept in ``--folder``: started again, it goes on where it was ended.
Then an undisturbed run was disturbed too, and the last lines say how often.

Run: ``python -m benchmarks.many_images --data DATA --folder FOLDER [--images 10000] [--kills 20]
[--cluster]``
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.batch import EVERY_BROKEN, ROOT, SAMPLES, children, compare, damage, resident_mb
from benchmarks.batch import start as start_batch

SOURCES = (
    ("ct_fracture/**/*.png", 84),
    ("mr_sagittal_segmentation/images/*.webp", 3), ("mr_disc_grading/images/*.webp", 2),
    ("mr_bodies/*/*[0-9].png", 2), ("mr_lumbar_t1/**/*.webp", 1),
    ("xray_lateral/images/*.jpg", 1), ("xray_spine_lateral/**/*.webp", 1),
    ("xray_spine_ap/**/*.webp", 1), ("samples", 5),
)  # fmt: skip
"""Where images come from, and how many of a hundred; CT slices are quick to analyse."""

LOOK_S = 0.5
PROGRAM, WORKER, SCHEDULER = "program", "worker", "scheduler"


def make_images(data: Path, folder: Path, count: int) -> int:
    """Write the images that are not there yet; return how many of all are broken."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {name: sorted(data.glob(name)) for name, _ in SOURCES if name != "samples"}
    for number in range(count):
        is_broken = number % EVERY_BROKEN == EVERY_BROKEN - 1
        rng = random.Random(number)
        source = "samples" if is_broken else _drawn(rng)
        suffix = "dcm" if source == "samples" else "png"
        path = folder / f"{number // 1000:02d}" / f"image_{number:05d}.{suffix}"
        if path.exists():
            continue
        path.parent.mkdir(exist_ok=True)
        made = path.with_suffix(".making")
        if source == "samples":
            _write_sample(made, number)
        else:
            write_picture(rng.choice(found[source]), made, number)
        if is_broken:
            damage(made, number // EVERY_BROKEN)
        made.replace(path)
    return count // EVERY_BROKEN


def _drawn(rng: random.Random) -> str:
    names, weights = zip(*SOURCES, strict=True)
    return str(rng.choices(names, weights)[0])


def write_picture(source: Path, path: Path, number: int) -> None:
    """Write a picture that was cut by up to four pixels at each side, with a little noise."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(number)
    with Image.open(source) as opened:
        pixels = np.asarray(opened.convert("L")).astype(np.int16)
    top, bottom, left, right = (int(cut) for cut in rng.integers(0, 5, 4))
    pixels = pixels[top : pixels.shape[0] - bottom, left : pixels.shape[1] - right]
    noised = np.clip(pixels + rng.integers(-1, 2, pixels.shape), 0, 255).astype(np.uint8)
    Image.fromarray(noised).save(path, format="PNG")


def _write_sample(path: Path, number: int) -> None:
    import numpy as np
    import pydicom
    from pydicom.uid import generate_uid

    data = pydicom.dcmread(ROOT / "resources" / "samples" / SAMPLES[number % len(SAMPLES)])
    noise = np.random.default_rng(number).integers(0, 3, data.pixel_array.shape)
    data.PixelData = (data.pixel_array + noise).astype(data.pixel_array.dtype).tobytes()
    data.SeriesInstanceUID = generate_uid(entropy_srcs=[str(number)])
    data.SOPInstanceUID = generate_uid(entropy_srcs=[str(number), "object"])
    data.save_as(path)


class Diary:
    """What happened to a run, in a file of lines; kept over sessions.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, **what: object) -> None:
        """Add a line."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(what) + "\n")

    def all_of(self, kind: str) -> list[dict[str, object]]:
        """Return the lines with a key."""
        if not self._path.exists():
            return []
        lines = map(json.loads, self._path.read_text(encoding="utf-8").splitlines())
        return [line for line in lines if kind in line]


class Cluster:
    """A scheduler and workers on loopback, started again where they were killed.

    Parameters
    ----------
    count : int
        Workers, every second one under Dask's nanny.
    folder : Path
        For what workers keep while they run.
    """

    def __init__(self, count: int, folder: Path) -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        self.scheduler: subprocess.Popen[bytes] | None = None
        self._workers: list[subprocess.Popen[bytes] | None] = [None] * count

    def ensure(self) -> None:
        """Start what does not run."""
        if self.scheduler is None or self.scheduler.poll() is not None:
            self.stop()
            port = self.address.rsplit(":", 1)[1]
            self.scheduler = self._started("scheduler", "--host", "127.0.0.1", "--port", port)
        for place, worker in enumerate(self._workers):
            if worker is None or worker.poll() is not None:
                nanny = "--nanny" if place % 2 else "--no-nanny"
                folder = ("--local-directory", str(self._folder))
                self._workers[place] = self._started(
                    "worker", self.address, "--nthreads", "1", nanny, *folder
                )

    def _started(self, name: str, *given: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{name}", *given, "--no-dashboard"]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet)

    def processes(self) -> list[int]:
        """Return all processes but the scheduler, those of workers too."""
        own = [worker.pid for worker in self._workers if worker is not None]
        return [*own, *(child for process in own for child in children(process))]

    def stop(self) -> None:
        """End all."""
        for process in [self.scheduler, *self._workers]:
            if process is not None:
                process.kill()
                process.wait()
        self.scheduler, self._workers = None, [None] * len(self._workers)


def run(
    images: Path, out: Path, workers: int, diary: Diary, kills: int, every_s: float,
    cluster: Cluster | None = None,
) -> None:  # fmt: skip
    """Run a batch to its end, killed at random moments until that many kills are in the diary."""
    rng = random.Random(len(diary.all_of("killed")))
    more: Sequence[str] = () if cluster is None else ("--scheduler", cluster.address)
    while not diary.all_of("said"):
        if cluster is not None:
            cluster.ensure()
        began = time.monotonic()
        process = start_batch(images, out, workers, more)
        until = began + rng.uniform(1, 2 * every_s)
        killed = len(diary.all_of("killed"))
        while process.poll() is None and (killed >= kills or time.monotonic() < until):
            of_cluster = [] if cluster is None else cluster.processes()
            known = [process.pid, *children(process.pid), *of_cluster]
            diary.note(memory_mb=round(resident_mb(known)))
            time.sleep(LOOK_S)
        if process.poll() is None:
            what = _kill(process.pid, killed, rng, cluster)
            diary.note(killed=what)
            _wait(process, rng.uniform(1, every_s) if what == WORKER else 0, what)
        said = process.communicate()[0].strip().splitlines()
        diary.note(seconds=round(time.monotonic() - began, 1))
        # What lost its scheduler ends with what it began with.
        if process.returncode in (0, 1) and said and "results are in" in said[-1]:
            diary.note(said=said[-1])
    if cluster is not None:
        cluster.stop()


def _kill(program: int, killed: int, rng: random.Random, cluster: Cluster | None) -> str:
    """Kill the program, one of its workers, or the scheduler, in turn; return which."""
    victims = (PROGRAM, WORKER) if cluster is None else (PROGRAM, WORKER, SCHEDULER)
    what = victims[killed % len(victims)]
    workers = children(program) if cluster is None else cluster.processes()
    if what == SCHEDULER:
        assert cluster is not None
        assert cluster.scheduler is not None
        cluster.scheduler.kill()
    elif what == WORKER and workers:
        os.kill(rng.choice(workers), 9)
    else:
        what = PROGRAM
        os.kill(program, 9)
    return what


def _wait(process: object, seconds: float, killed: str) -> None:
    """End the program after a time; without its scheduler it must end by itself."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and (  # type: ignore[attr-defined]
        killed == SCHEDULER or time.monotonic() < deadline
    ):
        time.sleep(LOOK_S)
    process.kill()  # type: ignore[attr-defined]


def count_rows(out: Path, count: int) -> bool:
    """Print what the table of a run has, and return whether it has every image once."""
    with (out / "images.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    times = Counter(row["path"] for row in rows)
    twice = sum(number > 1 for number in times.values())
    by_status = Counter(row["status"] for row in rows)
    print(f"{out.name}: {len(times)} of {count} images, {twice} twice; {dict(by_status)}")
    return len(times) == count and not twice


def tell(name: str, diary: Diary) -> None:
    """Print rate, memory by tenths, and kills of a run."""
    seconds = sum(float(str(line["seconds"])) for line in diary.all_of("seconds"))
    memory = [int(str(line["memory_mb"])) for line in diary.all_of("memory_mb")]
    tenth = max(1, len(memory) // 10)
    peaks = [max(memory[k : k + tenth]) for k in range(0, len(memory), tenth)]
    kills = Counter(str(line["killed"]) for line in diary.all_of("killed"))
    starts = len(diary.all_of("seconds"))
    print(f"{name}: {seconds:.0f} s in {starts} starts; killed {dict(kills)}")
    print(f"{name}: memory of all processes, MB: " + " ".join(map(str, peaks)))
    print(f"{name}: {diary.all_of('said')[-1]['said']}")


def main() -> int:
    """Measure and print; 1 where an image is lost or doubled, or the tables differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the shared sets")
    parser.add_argument("--folder", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--cluster", action="store_true", help="a run by Dask with kills besides")
    options = parser.parse_args()
    folder = options.folder
    images = folder / "images"
    broken = make_images(options.data, images, options.images)
    print(f"{os.cpu_count()} processors; {options.images} images, {broken} of them broken")
    diaries = {"undisturbed": Diary(folder / "undisturbed.jsonl")}
    run(images, folder / "undisturbed", options.workers, diaries["undisturbed"], 0, 0.0)
    tell("undisturbed", diaries["undisturbed"])
    seconds = sum(float(str(line["seconds"])) for line in diaries["undisturbed"].all_of("seconds"))
    every_s = seconds / (options.kills + 1)
    if options.cluster:
        diaries["cluster"] = Diary(folder / "cluster.jsonl")
        cluster = Cluster(options.workers, folder)
        run(
            images, folder / "cluster", options.workers, diaries["cluster"], options.kills,
            every_s, cluster,
        )  # fmt: skip
        tell("cluster", diaries["cluster"])
    diaries["killed"] = Diary(folder / "killed.jsonl")
    run(images, folder / "killed", options.workers, diaries["killed"], options.kills, every_s)
    tell("killed", diaries["killed"])
    whole = [count_rows(folder / name, options.images) for name in diaries]
    alike = [compare(folder / "undisturbed", folder / name) for name in [*diaries][1:]]
    return 0 if all(whole) and all(alike) else 1


if __name__ == "__main__":
    sys.exit(main())
