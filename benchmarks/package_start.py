"""How soon does the packaged window show, beside the same program from source; idle memory.

Each run starts the program in a process of its own with a fresh profile and waits, from
outside, until its window is on the screen and painted: the window manager's list names it and
its picture holds more than one colour. Cold means that the kernel has dropped its page cache
(needs root); warm that the program ran just before. The two programs take turns.

Run: ``python benchmarks/package_start.py --frozen build/frozen/SpineAlign [--runs 5]``
(needs Linux, a display, xdotool and ImageMagick's ``import``; psutil for the memory).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
IDLE_S = 10
POLL_S = 0.02


def drop_page_cache() -> bool:
    """Make the next start a cold one; return whether this user may."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        return False
    return True


def start(command: list[str], measure_memory: bool) -> tuple[float, float]:
    """Return seconds until the window is painted, and idle resident MB (0 if not asked)."""
    with tempfile.TemporaryDirectory() as profile:
        began = time.perf_counter()
        process = subprocess.Popen([*command, "--profile-dir", profile], cwd=ROOT)
        try:
            window = wait_for_window(process.pid)
            wait_for_paint(window)
            seconds = time.perf_counter() - began
            memory = idle_memory_mb(process.pid) if measure_memory else 0.0
        finally:
            process.terminate()
            process.wait()
    return seconds, memory


def wait_for_window(pid: int) -> str:
    """Return the window of a process once it is on the screen."""
    search = ["xdotool", "search", "--onlyvisible", "--all", "--pid", str(pid), "--name", "Spine"]
    while True:
        found = subprocess.run(search, capture_output=True, text=True, check=False).stdout.split()
        if found:
            return found[0]
        time.sleep(POLL_S)


def wait_for_paint(window: str) -> None:
    """Wait until a window shows more than its background."""
    command = ["import", "-window", window, "-resize", "64x64!", "-depth", "8", "gray:-"]
    while len(set(subprocess.run(command, capture_output=True, check=False).stdout)) < 8:
        time.sleep(POLL_S)


def idle_memory_mb(pid: int) -> float:
    """Return the memory that the window keeps to itself and shares, once it has settled."""
    time.sleep(IDLE_S)
    return psutil.Process(pid).memory_info().rss / 1e6


def spread(values: list[float]) -> str:
    """Word median and range."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frozen", type=Path, default=ROOT / "build" / "frozen" / "SpineAlign")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    programs = {
        "frozen": [str(options.frozen / "SpineAlign")],
        "source": [sys.executable, "-m", "spinealign"],
    }
    rows: dict[str, dict[str, list[float]]] = {
        name: {"cold_s": [], "warm_s": [], "idle_mb": []} for name in programs
    }
    for number in range(options.runs):
        for name, command in programs.items():
            if drop_page_cache():
                rows[name]["cold_s"].append(start(command, False)[0])
            else:
                start(command, False)
            seconds, memory = start(command, measure_memory=number == 0)
            rows[name]["warm_s"].append(seconds)
            if memory:
                rows[name]["idle_mb"].append(memory)
    load = os.getloadavg()[0]
    print(f"{options.runs} runs each, in turn; {os.cpu_count()} processors, load {load:.1f}")
    print(f"{'median (min-max)':18}{'frozen':>24}{'source':>24}")
    for figure in ("cold_s", "warm_s", "idle_mb"):
        cells = [spread(rows[n][figure]) if rows[n][figure] else "not measured" for n in programs]
        print(f"{figure:18}{cells[0]:>24}{cells[1]:>24}")


if __name__ == "__main__":
    main()
