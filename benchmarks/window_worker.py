"""The window with its work in a worker process, beside the same in threads of its own process.

Both take turns in one run, each in a fresh process, and do the same: start with a film, wait for
its result, save its report twice, open a second film and compare, open a series, stop in the
middle of a large JPEG 2000 picture. A second start opens nothing, rests, and tells the idle memory
of all processes together; what they share counts once.

* ``window_s``, ``first_film_s``: from the start of the program until its window is painted, and
  until the first result is shown; files of the program are in memory (the first round warms them);
* ``processor_s``: what all its processes worked until then, whatever else the computer did;
* ``report_s``, ``report_again_s``: Ctrl+E until the PDF lies on the disk;
* ``stop_s``: from stopping until the window is free for other work;
* ``block_*_ms``: the longest time in which the event loop did not come back during the first
  result, saving, comparing and opening a series; ``own_*_ms``: the most that the window's own
  thread worked between two ticks, which other programs cannot lengthen;
* ``idle_mb``: of all processes; ``idle_window_mb`` of the window's alone; ``after_mb`` the same of
  a window that has worked, closed all cases and rested.

Where the computer is loaded by others, the least of several runs is nearest to the program.

Run: ``python benchmarks/window_worker.py [--runs 5] [--image FILM] [--no-stop]`` (Linux);
with ``QT_QPA_PLATFORM=offscreen``, or on a display (Xvfb too).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "benchmarks"))

PROGRAMS = ("threads", "worker")
SAMPLE = ROOT / "resources" / "samples" / "xray_lateral_phantom" / "neck_phantom.dcm"
TICK_MS = 2
REST_S = 5.0
IDLE_S = 35.0
"""Longer than what nobody uses is kept loaded."""

STEPS = {"first": "first result", "saving": "saving", "compare": "comparing", "series": "series"}


def processes() -> list[int]:
    """Return this process and all that come from it."""
    import psutil

    me = psutil.Process()
    return [me.pid, *(child.pid for child in me.children(recursive=True))]


def held_mb(pids: list[int]) -> float:
    """Return the memory of processes, pages of files that several of them hold counted once.

    The proportional set size that the system tells would be too small where other programs on the
    computer happen to use the same libraries.
    """
    own, files = 0.0, dict[str, float]()
    for pid in pids:
        of_files = dict[str, float]()
        name = ""
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            parts = line.split()
            if "-" in parts[0] and not parts[0].endswith(":"):
                name = parts[5] if len(parts) > 5 and parts[5].startswith("/") else ""
            elif parts[0] == "Rss:":
                of_files[name] = of_files.get(name, 0.0) + float(parts[1]) / 1000
            elif parts[0] == "Anonymous:" and name:
                # Pages of a file that were written to are this process's own.
                of_files[name] -= float(parts[1]) / 1000
                of_files[""] = of_files.get("", 0.0) + float(parts[1]) / 1000
        own += of_files.pop("", 0.0)
        files = {each: max(files.get(each, 0.0), of_files.get(each, 0.0)) for each in
                 {**files, **of_files}}  # fmt: skip
    return own + sum(files.values())


def worked_s() -> float:
    """Return the processor time that all processes of the program took so far."""
    import psutil

    me = psutil.Process()
    times = [me.cpu_times(), *(child.cpu_times() for child in me.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def run_program(program: str, wanted: dict, started: float) -> None:
    """Start the window as the program does, drive it, and print the figures."""
    worker, profile = None, Path(wanted["profile"])
    if program == "worker":
        from spinealign.ui.work.worker_start import started_process

        process = started_process(profile)
        from spinealign.ui.work.remote_services import started_worker

        worker = started_worker(profile, process)
    gc.disable()  # as the program's entry does until there is a window
    import unittest.mock  # noqa: F401 - what the measuring needs is loaded before

    import psutil  # noqa: F401
    from PyQt6.QtCore import QTimer
    from PyQt6.QtTest import QTest  # noqa: F401
    from worklist import Person, Stalls

    from spinealign.ui.app import make_application, spare_what_stays
    from spinealign.ui.settings.settings import SettingsStore
    from spinealign.ui.window.main_window import MainWindow
    from spinealign.ui.work.remote_services import remote_services
    from spinealign.ui.work.services import program_services

    app = make_application()
    services = remote_services(worker, profile) if worker else program_services(profile)
    window = MainWindow(services, SettingsStore(profile))
    window.resize(1366, 768)
    spare_what_stays(window)
    figures: dict[str, float] = {}
    stalls = Stalls(step=STEPS["first"])
    timer = QTimer()
    timer.timeout.connect(stalls.tick)
    person = Person(app, window, stalls)

    def painted() -> None:
        figures["window_s"] = time.time() - started
        stalls.last = time.perf_counter()
        stalls.tick()
        stalls.longest.clear()
        stalls.worked_most.clear()
        timer.start(TICK_MS)
        window.start([Path(each) for each in wanted["open"]])

    on_first_paint(window, painted)
    window.show()
    gc.enable()
    if wanted["open"]:
        work_through(person, wanted, figures, started)
    else:
        rest_idle(person, figures, "idle")
    timer.stop()
    for name, step in STEPS.items() if wanted["open"] else ():
        figures[f"block_{name}_ms"] = stalls.longest[step]
        figures[f"own_{name}_ms"] = stalls.worked_most[step]
    window.close()
    person.wait(lambda: not window.isVisible())
    if worker is not None:
        worker.close()
    print("FIGURES " + json.dumps(figures), flush=True)
    os._exit(0)  # what is left of Qt is of no interest


def on_first_paint(window, report) -> None:
    """Call `report` once the window has been painted."""
    from PyQt6.QtCore import QEvent, QObject, QTimer

    class Watch(QObject):
        def eventFilter(self, _watched, event):  # noqa: N802 - Qt's name
            if event.type() == QEvent.Type.Paint:
                window.removeEventFilter(self)
                QTimer.singleShot(0, report)
            return False

    window.paint_watch = Watch()
    window.installEventFilter(window.paint_watch)


def results_of(window) -> int:
    """Return how many cases have a result."""
    return sum(case.finding is not None for case in window.workbench.session.cases)


def work_through(person, wanted: dict, figures: dict[str, float], started: float) -> None:
    """Do all that is measured, one after the other."""
    window, bench = person.window, person.window.workbench
    shown: list[float] = []
    bench.session.finding_ready.connect(lambda _case: shown.append(time.time()))
    person.wait(lambda: bool(shown))
    figures["first_film_s"] = shown[0] - started
    figures["processor_s"] = worked_s()
    person.wait(lambda: not (bench.inference.is_busy or bench.looks.is_busy))
    person.rest(300)
    person.stalls.begin(STEPS["saving"])
    for name in ("report_s", "report_again_s"):
        figures[name] = save_report(person, Path(wanted["profile"]) / f"{name}.pdf")
        person.rest(300)
    person.stalls.begin("second film")
    bench.opener.open_paths([Path(wanted["second"])])
    person.wait(lambda: results_of(window) == 2 and not bench.inference.is_busy)
    person.rest(300)
    person.stalls.begin(STEPS["compare"])
    window.actions_by_name["compare"].trigger()
    person.wait(lambda: not bench.patients.is_busy)
    person.rest(700)
    person.stalls.begin("close the comparison")
    for each in compare_windows(window):
        each.close()
    person.rest(300)
    person.stalls.begin(STEPS["series"])
    bench.opener.open_paths([Path(wanted["series"])])
    person.wait(lambda: len(bench.session.cases) >= 3 and not bench.reading.is_busy)
    person.wait(lambda: not (bench.inference.is_busy or bench.looks.is_busy))
    person.rest(700)
    person.stalls.begin("stop")
    if wanted["large"]:
        figures["stop_s"] = stop_large(person, Path(wanted["large"]))
    person.window.actions_by_name["close_all"].trigger()
    person.rest(300)
    if bench.session.cases:
        person.answer("Close all")
    rest_idle(person, figures, "after")


def compare_windows(window) -> list:
    """Return the comparisons that are open."""
    from spinealign.ui.compare.compare_dialog import CompareWindow

    return window.findChildren(CompareWindow)


def save_report(person, path: Path) -> float:
    """Save the report by its keys; return how long it took."""
    from unittest.mock import patch

    from PyQt6.QtCore import Qt
    from PyQt6.QtTest import QTest

    saved: list[object] = []
    person.window.workbench.saver.saved.connect(saved.append)
    began = time.perf_counter()
    with patch(
        "spinealign.ui.cases.saving.QFileDialog.getSaveFileName", lambda *_: (str(path), "")
    ):
        QTest.keyClick(person.window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    person.wait(lambda: bool(saved))
    return time.perf_counter() - began


def stop_large(person, path: Path) -> float:
    """Open a picture whose decoding takes long, stop it, and wait until the window is free."""
    bench = person.window.workbench
    count = len(bench.session.cases)
    bench.opener.open_paths([path])
    person.wait(lambda: len(bench.session.cases) > count)
    person.rest(1500)
    began = time.perf_counter()
    bench.inference.cancel_all()
    person.wait(lambda: not bench.inference.is_busy)
    return time.perf_counter() - began


def rest_idle(person, figures: dict[str, float], when: str) -> None:
    """Come to rest, and note the memory of all processes and of the window's alone."""
    bench = person.window.workbench
    person.rest(500)
    person.wait(lambda: not bench.inference.is_busy)
    person.rest(1000 * (REST_S if when == "idle" else IDLE_S))
    figures[f"{when}_mb"] = held_mb(processes())
    figures[f"{when}_window_mb"] = held_mb([os.getpid()])


def write_large_picture(path: Path, side: int) -> Path:
    """Write noise as a DICOM file of JPEG 2000: the slowest that a decoder meets."""
    import io

    import numpy as np
    from PIL import Image
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless

    from tests.image_files import dicom_object

    pixels = np.random.default_rng(0).integers(0, 256, (side, side), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG2000", no_jp2=True, irreversible=False)
    dataset = dicom_object(pixels, Modality="DX", BodyPartExamined="CSPINE", ViewPosition="LL")
    dataset.PixelData = encapsulate([stream.getvalue()])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset.save_as(path, enforce_file_format=True)
    return path


def measure(program: str, wanted: dict) -> dict[str, float]:
    """Return the figures of one start."""
    with tempfile.TemporaryDirectory() as profile:
        asked = json.dumps({**wanted, "profile": profile})
        environment = {**os.environ, "BENCHMARK_STARTED": str(time.time())}
        # Compiled once and kept, as what is installed is.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, __file__, "--program", program, "--asked", asked]
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=600, cwd=ROOT
        )
    for line in done.stdout.splitlines():
        if line.startswith("FIGURES "):
            found: dict[str, float] = json.loads(line.removeprefix("FIGURES "))
            return found
    sys.exit(f"{program} gave no figures:\n{done.stderr[-3000:]}")


def spread(values: list[float]) -> str:
    """Return least, median and largest."""
    return f"{min(values):8.2f} {statistics.median(values):8.2f} {max(values):8.2f}"


def print_table(rows: dict[str, list[dict[str, float]]]) -> None:
    """Print each figure of both programs."""
    print(f"{'least, median, most':20}" + "".join(f"{program:>28}" for program in PROGRAMS))
    names = dict.fromkeys(name for row in rows[PROGRAMS[0]] for name in row)
    for name in names:
        cells = [spread([row[name] for row in rows[each] if name in row]) for each in PROGRAMS]
        print(f"{name:20}" + "".join(f"{cell:>28}" for cell in cells), flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--idle-runs", type=int, default=1)
    parser.add_argument("--image", type=Path, default=SAMPLE)
    parser.add_argument("--no-stop", action="store_true", help="leave the large picture out")
    parser.add_argument("--side", type=int, default=6000, help="of the large picture, in pixels")
    parser.add_argument("--program", choices=PROGRAMS, help=argparse.SUPPRESS)
    parser.add_argument("--asked", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.program:
        started = float(os.environ["BENCHMARK_STARTED"])
        run_program(options.program, json.loads(options.asked), started)
    from worklist import drawn_films

    from tests.image_files import write_series

    rows: dict[str, list[dict[str, float]]] = {program: [] for program in PROGRAMS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films = folder / "films"
        films.mkdir()
        write_series(folder / "series", 24)
        wanted = {
            "open": [str(options.image)],
            "second": str(drawn_films(films, 2)[1]),
            "series": str(folder / "series"),
            "large": "",
        }
        if not options.no_stop:
            wanted["large"] = str(write_large_picture(folder / "large.dcm", options.side))
        for number in range(options.runs + 1):
            for program in PROGRAMS:
                found = measure(program, wanted)
                if number:  # the first round only warms the disk cache
                    rows[program].append(found)
        for _ in range(options.idle_runs):
            for program in PROGRAMS:
                rows[program].append(measure(program, {**wanted, "open": []}))
    load = os.getloadavg()[0]
    print(f"{options.runs} runs each, in turn; {os.cpu_count()} processors, load {load:.1f}")
    print_table(rows)


if __name__ == "__main__":
    main()
