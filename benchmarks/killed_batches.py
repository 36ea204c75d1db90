"""Kill the writing of results at every step, and batches at random moments.

``python -m benchmarks.killed_batches`` counts how each result folder was left: wholly old,
wholly new, or (where the system cannot exchange folders) without ``analysis.json``, which is no
result. A mixture is an error, as is anything of a killed run that the next one does not clear
away, beside results or beside images, or the next start of the window in the profile, in which
readings were killed while they were written.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from spinealign.domain.paths import resources_dir
from spinealign.files import TEMPORARY_PREFIX
from tests import killed_results

MARK = b"old result\n"
FOREIGN = "notes.txt"
WINDOW_START = """
import sys
from PyQt6.QtCore import QTimer
from spinealign import __main__
from spinealign.ui import app

class Window(app.MainWindow):
    def start(self, paths=()):
        super().start(paths)
        QTimer.singleShot(1000, self.close)

app.MainWindow = Window
sys.argv[1:] = ["--profile-dir", sys.argv[1]]
__main__.program()
"""
"""The program with its worker, as a person starts it; its window is closed after a second."""

REFUSED = 3
"""Exit code of a batch with an image that is of no analysed kind; it has a result too."""


def every_step(how: str) -> Counter[str]:
    """Kill before each step of one writing; `how` is "exchange" or "move"."""
    with tempfile.TemporaryDirectory() as name:
        told = subprocess.run(
            [sys.executable, "-m", "tests.killed_results", name, how],
            check=True,
            capture_output=True,
            text=True,
        )
    steps = json.loads(told.stdout)
    found: Counter[str] = Counter(left_by_step(each["texts"]) for each in steps)
    wanted = {"case", *(f"case/{n}" for n in killed_results.NEW | killed_results.FOREIGN)}
    found["not cleared away"] += sum(set(each["after"]) != wanted for each in steps)
    return found


def left_by_step(texts: dict[str, str]) -> str:
    """Name what a kill left of the small result of `tests.killed_results`."""
    if texts == killed_results.OLD | killed_results.FOREIGN:
        return "wholly old"
    if texts == killed_results.NEW | killed_results.FOREIGN:
        return "wholly new"
    return "mixture" if "analysis.json" in texts else "no result"


def sample_images(folder: Path, most: int) -> Path:
    """Copy images of the sample cases into a folder, the smallest files first."""
    folder.mkdir()
    samples = sorted((resources_dir() / "samples").rglob("*.dcm"), key=lambda p: p.stat().st_size)
    for number, path in enumerate(samples[:most]):
        shutil.copyfile(path, folder / f"{number}-{path.name}")
    return folder


def start_batch(images: Path, out: Path) -> subprocess.Popen[bytes]:
    """Start the command line on all images."""
    command = [sys.executable, "-m", "spinealign", "analyze", str(images), "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_old(folder: Path) -> set[str]:
    """Turn a result into an old one, every file of it marked; return the names of its files."""
    names = {path.name for path in folder.iterdir()} - {FOREIGN}
    for name in names - {"analysis.json"}:
        (folder / name).write_bytes(MARK)
    table = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    old = {"schema": table["schema"], "files": table["files"], "mark": MARK.decode()}
    (folder / "analysis.json").write_text(json.dumps(old), encoding="utf-8")
    (folder / FOREIGN).write_text("mine", encoding="utf-8")
    return names


def left_in(folder: Path, names: set[str]) -> str:
    """Name what a kill left of a result."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    if found.pop(FOREIGN, b"") != b"mine":
        return "foreign file lost"
    is_old = {name: MARK.strip() in content or b"old result" in content
              for name, content in found.items()}  # fmt: skip
    if "analysis.json" not in found:
        return "no result"
    if set(found) == names and all(is_old.values()):
        return "wholly old"
    return "wholly new" if set(found) == names and not any(is_old.values()) else "mixture"


def unfinished(*folders: Path) -> list[str]:
    """Return what killed runs left in folders."""
    return [str(path) for folder in folders for path in folder.rglob(f"{TEMPORARY_PREFIX}*")]


def window_start(moments: int) -> Counter[str]:
    """Kill readings in a profile at many moments, then start the window with it."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "tests.killed_readings", name, str(moments)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        before = unfinished(Path(name))
        environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
        subprocess.run([sys.executable, "-c", WINDOW_START, name], check=True, env=environment)
        found = {"left by kills": len(before), "not cleared away": len(unfinished(Path(name)))}
    return Counter({"readings killed": moments, **found})


def random_moments(kills: int, seed: int, most: int) -> Counter[str]:
    """Kill batches at random moments; every result was an old one before each."""
    chance, found = random.Random(seed), Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        images, out = sample_images(Path(name) / "images", most), Path(name) / "out"
        began = time.monotonic()
        if start_batch(images, out).wait() not in (0, REFUSED):
            raise SystemExit("the whole batch failed")
        seconds = time.monotonic() - began
        folders = [path.parent for path in sorted(out.rglob("analysis.json"))]
        print(f"a whole batch: {len(folders)} results, {seconds:.1f} s", flush=True)
        while found["kills"] < kills:
            kept = [(folder, make_old(folder)) for folder in folders]
            batch, began = start_batch(images, out), time.monotonic()
            try:
                batch.wait(chance.uniform(0.2, 1.5) * seconds)
                seconds = time.monotonic() - began  # other work on the computer comes and goes
                restored(kept)
                continue
            except subprocess.TimeoutExpired:
                os.kill(batch.pid, signal.SIGKILL)
                batch.wait()
                found["kills"] += 1
            found.update(left_in(*each) for each in kept)
            found["kills that left something unfinished"] += bool(unfinished(images, out))
            restored(kept)
            if found["kills"] % 10 == 0:
                print(f"so far: {dict(found)}", flush=True)
        if start_batch(images, out).wait() not in (0, REFUSED):
            raise SystemExit("the batch after the kills failed")
        found["not cleared away"] = len(unfinished(images, out))
    return found


def restored(kept: list[tuple[Path, set[str]]]) -> None:
    """Give every result all its names again, for the next kill."""
    for folder, names in kept:
        table = folder / "analysis.json"
        if not table.is_file():
            raise SystemExit(f"no result in {folder}: folders cannot be exchanged here")
        for name in names - {path.name for path in folder.iterdir()}:
            (folder / name).write_bytes(MARK)


def main() -> None:
    """Print how results were left."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100, help="batches killed at a random moment")
    parser.add_argument("--images", type=int, default=4, help="images of a batch, at most")
    parser.add_argument(
        "--readings", type=int, default=60, help="readings killed before the window starts"
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for how in ("exchange", "move"):
        print(f"every step, {how}: {dict(every_step(how))}", flush=True)
    print(f"start of the window: {dict(window_start(options.readings))}", flush=True)
    print(f"random moments: {dict(random_moments(options.kills, options.seed, options.images))}")


if __name__ == "__main__":
    main()
