"""How fast a batch is, how it scales, how much memory it takes, and what kills do to it.

Images are made: the shipped samples with noise, each another one, and one of twenty broken in one
of ten ways. They are analysed by `spinealign batch` with the program's own networks

1. undisturbed: images an hour, and the largest memory of all processes over the run, by tenths;
2. with one worker and with two, the same images: how near two are to twice as fast;
3. with ``kill -9`` at random moments, of the program or of one of its workers in turn: the tables
   must be those of the undisturbed run, byte by byte.

Run: ``python benchmarks/batch.py [--images 60] [--kills 6] [--scaling 12]``; Linux only.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
TABLES = ("images.csv", "measures.csv", "dictionary.csv")
SAMPLES = (
    "xray_lateral_phantom/neck_phantom.dcm", "mr_lumbar_phantom/lumbar_phantom.dcm",
    "xray_spine_phantom/spine_phantom.dcm", "ct_axial/CT_small.dcm",
)  # fmt: skip
EVERY_BROKEN = 20
LOOK_S = 0.05


def make_images(folder: Path, count: int, samples: tuple[str, ...] = SAMPLES) -> int:
    """Write images that all differ, one of twenty broken; return how many are broken."""
    import numpy as np
    import pydicom
    from pydicom.uid import generate_uid

    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    broken = 0
    for number in range(count):
        name = samples[number % len(samples)]
        data = pydicom.dcmread(ROOT / "resources" / "samples" / name)
        noise = rng.integers(0, 3, data.pixel_array.shape)
        data.PixelData = (data.pixel_array + noise).astype(data.pixel_array.dtype).tobytes()
        data.SeriesInstanceUID = generate_uid(entropy_srcs=[str(number)])
        data.SOPInstanceUID = generate_uid(entropy_srcs=[str(number), "object"])
        path = folder / f"image_{number:05d}.dcm"
        data.save_as(path)
        if number % EVERY_BROKEN == EVERY_BROKEN - 1:
            damage(path, number // EVERY_BROKEN)
            broken += 1
    return broken


def damage(path: Path, kind: int) -> None:
    """Break a DICOM file in one of ten ways."""
    whole, png = path.read_bytes(), b"\x89PNG\r\n\x1a\n"
    half = len(whole) // 2
    ways = (
        b"", whole[:half], whole[:200], b"\0" * len(whole), b"<html>not found</html>",
        whole[:140] + b"\xff" * (len(whole) - 140), whole[half:], png + whole[:500],
        whole.replace(b"\x28\x00\x10\x00", b"\x28\x00\x99\x00"), whole[:-1000],
    )  # fmt: skip
    path.write_bytes(ways[kind % len(ways)])


def command(images: Path, out: Path, workers: int, more: Sequence[str] = ()) -> list[str]:
    """Return the command line of a batch."""
    given = [str(images), "--out", str(out), "--workers", str(workers), "--only", "mask,csv"]
    return [sys.executable, "-m", "spinealign", "batch", *given, *more]


def start(images: Path, out: Path, workers: int, more: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Start a batch that prints to nowhere."""
    return subprocess.Popen(
        command(images, out, workers, more), cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def children(process: int) -> list[int]:
    """Return the processes that a process started and that run, with theirs."""
    found = []
    for listing in Path(f"/proc/{process}/task").glob("*/children"):
        for each in listing.read_text().split():
            found += [int(each), *children(int(each))]
    return found


def resident_mb(processes: list[int]) -> float:
    """Return the memory of processes that still run, in MB."""
    total = 0
    for each in processes:
        try:
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return total * os.sysconf("SC_PAGE_SIZE") / 1e6


def run_undisturbed(images: Path, out: Path, workers: int) -> tuple[float, list[float], str]:
    """Run a batch; return its seconds, its memory in MB each time it was looked at, and its end."""
    began, memory = time.perf_counter(), []
    process = start(images, out, workers)
    while process.poll() is None:
        memory.append(resident_mb([process.pid, *children(process.pid)]))
        time.sleep(10 * LOOK_S)
    said = process.communicate()[0].strip().splitlines()
    return time.perf_counter() - began, memory, said[-1] if said else ""


def run_killed(images: Path, out: Path, workers: int, kills: int, most_s: float) -> int:
    """Run a batch that is killed at random moments until it ends; return how often it was."""
    rng = random.Random(0)
    killed = 0
    while True:
        process = start(images, out, workers)
        until = time.perf_counter() + rng.uniform(0.2, most_s)
        while process.poll() is None and (killed >= kills or time.perf_counter() < until):
            time.sleep(LOOK_S)
        if process.poll() is not None:
            process.communicate()
            return killed
        of_worker = [child for child in children(process.pid) if killed % 2]
        victim = rng.choice(of_worker) if of_worker else process.pid
        os.kill(victim, signal.SIGKILL)
        killed += 1
        if victim != process.pid and killed < kills:
            time.sleep(rng.uniform(0.2, most_s / 2))
            process.kill()
            killed += 1
        process.communicate()


def compare(undisturbed: Path, disturbed: Path) -> bool:
    """Print and return whether the tables of two runs are alike, byte by byte."""
    differing = [
        name for name in TABLES
        if (undisturbed / name).read_bytes() != (disturbed / name).read_bytes()
    ]  # fmt: skip
    print(f"tables: {'alike, byte by byte' if not differing else f'{differing} differ'}")
    return not differing


def measure_scaling(images: Path, folder: Path) -> None:
    """Print how near two workers are to twice as fast as one, start included and not."""
    seconds = {n: run_undisturbed(images, folder / f"with_{n}", n)[0] for n in (1, 2)}
    print(
        f"one worker {seconds[1]:.1f} s, two {seconds[2]:.1f} s: "
        f"{seconds[1] / seconds[2] / 2:.2f} of twice as fast"
    )


def main() -> int:
    """Measure and print; 1 where the tables of the killed run differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--scaling", type=int, default=12, help="images; 0 leaves it out")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broken = make_images(folder / "images", options.images)
        print(f"{os.cpu_count()} processors; {options.images} images, {broken} of them broken")
        spent, memory, said = run_undisturbed(
            folder / "images", folder / "undisturbed", options.workers
        )
        print(f"undisturbed: {said.split(';')[0]}; {3600 * options.images / spent:,.0f} an hour")
        tenth = max(1, len(memory) // 10)
        peaks = [max(memory[k : k + tenth]) for k in range(0, len(memory), tenth)]
        print("memory of all processes, MB: " + " ".join(f"{peak:.0f}" for peak in peaks))
        if options.scaling:
            make_images(folder / "few", options.scaling)
            measure_scaling(folder / "few", folder)
        killed = run_killed(
            folder / "images", folder / "killed", options.workers, options.kills,
            max(1.0, spent / (options.kills + 1)),
        )  # fmt: skip
        print(f"killed {killed} times")
        return 0 if compare(folder / "undisturbed", folder / "killed") else 1


if __name__ == "__main__":
    sys.exit(main())
