"""How long the window ever waits while films are queued, leafed through and cancelled.

Films (drawn necks in many sizes, as DICOM with patients; or those of a folder) are opened in the
real window, with the program's own networks. While they are analysed, a person leafs through all
of them by arrow keys, searches, sorts, filters, selects all, and at last cancels one and then all.
A timer of the window's event loop ticks every few milliseconds: the longest time between two ticks
is how long the window was deaf, and the step during which it happened is named. "processor" is the
most that the window's own thread worked between two ticks, "all threads" what the whole program
worked during the longest wait: where that is far below the wait times the number of processors,
other programs had the computer. A second process that does nothing but sleep tells how long the
computer itself let a program wait meanwhile. At the end stand three lines: the largest wait while
films were queued, leafed and cancelled, and the most that the window's own thread worked at once.

With ``--listed 2000`` as many cases are listed besides, of which none is analysed. ``--where``
tells for each long wait in which function the window's thread was.

Run: ``python benchmarks/worklist.py [--films 50] [--folder FOLDER] [--listed 2000] [--where]``;
with ``QT_QPA_PLATFORM=offscreen``, or on a display (Xvfb too).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

TICK_MS = 2
MOST_MS = 100
SAMPLE_S = 0.01
LEAF_MS = 60
"""Between two presses of an arrow key that is held down."""


@dataclass
class Stalls:
    """Watches how long the event loop takes to come back, by what is being done."""

    step: str = "start"
    longest: dict[str, float] = field(default_factory=dict)
    worked_most: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)
    worked: float = field(default_factory=time.thread_time)
    all_worked: float = field(default_factory=time.process_time)
    shares: dict[str, float] = field(default_factory=dict)
    places: Counter[str] = field(default_factory=Counter)
    is_over: bool = False

    def tick(self) -> None:
        """Note how long the last tick is ago."""
        now, worked, all_worked = time.perf_counter(), time.thread_time(), time.process_time()
        waited_ms = 1000 * (now - self.last) - TICK_MS
        own_ms = 1000 * (worked - self.worked)
        if waited_ms >= self.longest.get(self.step, 0.0):
            self.longest[self.step] = waited_ms
            self.shares[self.step] = 1000 * (all_worked - self.all_worked)
        self.worked_most[self.step] = max(self.worked_most.get(self.step, 0.0), own_ms)
        self.last, self.worked, self.all_worked = now, worked, all_worked

    def begin(self, step: str) -> None:
        """Go on with another step; the wait until now belongs to the one before."""
        self.tick()
        self.step = step

    def look(self, thread_id: int) -> None:
        """Note where the window's thread is whenever it has been away for long."""
        while not self.is_over:
            time.sleep(SAMPLE_S)
            away_ms = 1000 * (time.perf_counter() - self.last)
            if away_ms > MOST_MS / 2:
                frames = traceback.extract_stack(sys._current_frames()[thread_id])
                ours = [f for f in frames if f"{os.sep}spinealign{os.sep}" in f.filename]
                named = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in ours[-4:]]
                self.places[f"{self.step}: {' > '.join(named) or 'Qt itself'}"] += 1


class Sleeper:
    """A process that sleeps, and tells the longest time that it slept too long."""

    CODE = (
        "import sys, threading, time\n"
        "asked = threading.Event()\n"
        "threading.Thread(target=lambda: (sys.stdin.read(1), asked.set()), daemon=True).start()\n"
        "worst, last = 0.0, time.perf_counter()\n"
        "while not asked.is_set():\n"
        "    time.sleep(%f)\n"
        "    now = time.perf_counter()\n"
        "    worst, last = max(worst, now - last), now\n"
        "print(1000 * worst)"
    )

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", self.CODE % (TICK_MS / 1000)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def stop(self) -> float:
        """End it, and return how long it waited at the longest, in ms."""
        said, _ = self._process.communicate("x")
        return float(said) - TICK_MS


def drawn_films(folder: Path, count: int) -> list[Path]:
    """Write films with a drawn neck each, with patients, in several sizes."""
    import numpy as np

    from tests.image_files import write_dicom
    from tests.phantoms_xray import draw_column

    paths = []
    rng = np.random.default_rng(0)
    for number in range(count):
        rows, cols = (900, 700) if number % 3 else (2400, 1900)
        column = draw_column("C7", height=rows / 14, shape=(rows, cols))
        import cv2

        pixels = rng.normal(600, 40, (rows, cols))
        for body in column.bodies:
            cv2.fillPoly(pixels, [np.round(body.outline).astype(np.int32)], 1500.0)
        path = folder / f"film_{number:03d}.dcm"
        write_dicom(
            path,
            pixels.astype(np.uint16),
            Modality="DX",
            BodyPartExamined="CSPINE",
            ViewPosition="LL",
            PatientName=f"Patient^{number}",
            PatientID=str(number),
            StudyDate=f"2025{1 + number % 12:02d}15",
            SeriesInstanceUID=f"1.2.826.{number + 1}",
            SOPInstanceUID=f"1.2.826.{number + 1}.1",
        )
        paths.append(path)
    return paths


class Person:
    """Presses keys in the window and lets it work in between."""

    def __init__(self, app, window, stalls: Stalls) -> None:
        self.app, self.window, self.stalls = app, window, stalls
        self.view = window.cases.view

    def rest(self, ms: float) -> None:
        """Let the window work for a while, in an event loop that sleeps when nothing is to do.

        (A loop that calls ``processEvents`` over and over would keep a processor busy, and the
        system would then give the window less of it when there is work.)
        """
        from PyQt6.QtCore import QEventLoop, Qt, QTimer

        loop = QEventLoop()
        QTimer.singleShot(max(1, round(ms)), Qt.TimerType.PreciseTimer, loop.quit)
        loop.exec()

    def wait(self, until, most_s: float = 120.0) -> None:
        """Let the window work until something is so."""
        end = time.perf_counter() + most_s
        while not until() and time.perf_counter() < end:
            self.rest(10)

    def answer(self, *words: str) -> None:
        """Press the button with any of these words of the question that is asked.

        Raises
        ------
        LookupError
            Nothing is asked that has such a button.
        """
        from PyQt6.QtWidgets import QMessageBox

        for box in self.window.findChildren(QMessageBox):
            for button in box.buttons() if box.isVisible() else ():
                if any(each in button.text().replace("&", "") for each in words):
                    button.click()
                    self.rest(5 * LEAF_MS)
                    return
        raise LookupError(" or ".join(words))

    def press(self, key, keys=None) -> None:
        """Press a key of the worklist."""
        from PyQt6.QtCore import Qt
        from PyQt6.QtTest import QTest

        QTest.keyClick(self.view, key, keys or Qt.KeyboardModifier.NoModifier)


def work_through(person: Person, paths: list[Path], leafs: int) -> None:
    """Queue, leaf, search, sort, filter, select, cancel and close."""
    queue(person, paths)
    leaf(person, leafs)
    narrow_and_sort(person)
    cancel(person)
    close_all(person)


def queue(person: Person, paths: list[Path]) -> None:
    """Open films, and wait until all are listed and the first has a result."""
    session = person.window.workbench.session
    person.stalls.begin("queue")
    person.window.workbench.opener.open_paths(paths)
    person.wait(lambda: len(session.cases) >= len(paths))
    person.wait(lambda: any(case.finding is not None for case in session.cases))


def leaf(person: Person, leafs: int) -> None:
    """Go through the films with arrow keys that are held down, and jump."""
    from PyQt6.QtCore import Qt

    for name, key in (("leaf down", Qt.Key.Key_Down), ("leaf up", Qt.Key.Key_Up)):
        person.stalls.begin(name)
        for _ in range(leafs):
            person.press(key)
            person.rest(LEAF_MS)
    person.stalls.begin("leaf by pages")
    for key in (Qt.Key.Key_End, Qt.Key.Key_Home, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
        person.press(key)
        person.rest(3 * LEAF_MS)


def narrow_and_sort(person: Person) -> None:
    """Search, sort by everything, filter, and select all."""
    from PyQt6.QtCore import Qt
    from PyQt6.QtTest import QTest

    from spinealign.wording.worklist import SortKey, Standing

    cases, stalls = person.window.cases, person.stalls
    stalls.begin("search")
    for letter in "patient 4":
        QTest.keyClicks(cases.search, letter)
        person.rest(LEAF_MS)
    cases.clear.click()
    person.rest(LEAF_MS)
    for key in SortKey:
        stalls.begin(f"sort by {key.value.lower()}")
        cases.model.sort_by(key, False)
        person.rest(LEAF_MS)
    cases.model.sort_by(SortKey.OPENED, False)
    stalls.begin("filter")
    cases.model.narrow(standings=frozenset({Standing.WAITING}))
    person.rest(LEAF_MS)
    cases.clear_narrowing()
    person.rest(LEAF_MS)
    stalls.begin("select all")
    person.press(Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    person.rest(3 * LEAF_MS)


def cancel(person: Person) -> None:
    """Stop one analysis and then all, and wait until nothing runs."""
    bench = person.window.workbench
    for words in (("Stop “",), ("Stop all", "Stop it")):
        person.stalls.begin(f"cancel: {words[0].rstrip('“ ').lower()}")
        is_asked = bench.session.waiting_count > 1  # one alone is stopped without a question
        person.window.actions_by_name["cancel"].trigger()
        person.rest(3 * LEAF_MS)
        if is_asked:
            person.answer(*words)
    person.stalls.begin("cancel: come to rest")
    person.wait(lambda: not (bench.inference.is_busy or bench.looks.is_busy))


def close_all(person: Person) -> None:
    """Close all cases."""
    person.stalls.begin("close all")
    person.window.actions_by_name["close_all"].trigger()
    person.rest(3 * LEAF_MS)
    if person.window.workbench.session.cases:
        # Several with a result are closed after a question only.
        person.answer("Close all")


GROUPS = {"queued": "queue", "leafed": "leaf", "cancelled": "cancel"}
"""What is told in one line each: the steps whose names begin with a word."""


def print_groups(stalls: Stalls, most_ms: float) -> bool:
    """Print one line for queueing, leafing and cancelling; return whether none waited too long.

    A wait belongs to the window alone where its own thread worked about as long; where it worked
    far less, other threads or programs had the processor.
    """
    is_quick = True
    for words, beginning in GROUPS.items():
        steps = [name for name in stalls.longest if name.startswith(beginning)]
        worst = max(steps, key=lambda name: stalls.longest[name])
        wait_ms, own_ms = stalls.longest[worst], max(stalls.worked_most[name] for name in steps)
        verdict = "ok" if wait_ms <= most_ms else "too long"
        print(f"{words:10} largest wait {wait_ms:4.0f} ms ({worst}), window's thread worked "
              f"{own_ms:4.0f} ms at most: {verdict}")  # fmt: skip
        is_quick = is_quick and wait_ms <= most_ms
    return is_quick


def measure(app, paths: list[Path], leafs: int, where: bool, title: str) -> bool:
    """Drive a window through all of it and print what was waited for."""
    from PyQt6.QtCore import QTimer

    from spinealign.ui.app import spare_what_stays
    from spinealign.ui.settings.settings import SettingsStore
    from spinealign.ui.window.main_window import MainWindow
    from spinealign.ui.work.services import program_services

    with tempfile.TemporaryDirectory() as name:
        profile = Path(name)
        window = MainWindow(program_services(profile), SettingsStore(profile))
        window.resize(1366, 768)
        spare_what_stays(window)
        window.show()
        window.start()
        stalls = Stalls()
        person = Person(app, window, stalls)
        person.wait(lambda: not window.workbench.inference.is_busy)
        person.rest(500)
        timer = QTimer()
        timer.timeout.connect(stalls.tick)
        timer.start(TICK_MS)
        stalls.last = time.perf_counter()
        sleeper = Sleeper()
        if where:
            watch = threading.Thread(target=stalls.look, args=(threading.get_ident(),))
            watch.start()
        work_through(person, paths, leafs)
        stalls.begin("end")
        stalls.is_over = True
        timer.stop()
        window.close()
        while window.isVisible():
            app.processEvents()
    steps = {name: ms for name, ms in stalls.longest.items() if name not in ("start", "end")}
    worst = max(steps, key=lambda name: steps[name])
    print(f"{title}: the longest wait is {steps[worst]:.0f} ms ({worst});")
    print(f"    a program that only sleeps was let wait for {sleeper.stop():.0f} ms meanwhile")
    for name, ms in steps.items():
        late = "   too long" if ms > MOST_MS else ""
        own_ms, all_ms = stalls.worked_most[name], stalls.shares[name]
        figures = f"{ms:6.0f} ms   processor {own_ms:4.0f} ms   all threads {all_ms:4.0f} ms"
        print(f"    {name:38} {figures}{late}")
    for place, times in stalls.places.most_common(15):
        print(f"        {times:4} x {place}")
    is_quick = print_groups(stalls, MOST_MS)
    return is_quick and steps[worst] <= MOST_MS


def main() -> int:
    """Measure and print; 1 where the window waited for longer than it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=50)
    parser.add_argument("--folder", type=Path, help="of images to be taken instead of drawn films")
    parser.add_argument("--listed", type=int, default=0, help="how many more are listed")
    parser.add_argument("--leafs", type=int, help="how many arrow keys are pressed each way")
    parser.add_argument("--where", action="store_true", help="tell where the window's thread was")
    options = parser.parse_args()
    from spinealign.ui.app import make_application

    app = make_application()
    print(f"{os.cpu_count()} processors, {app.platformName()}")
    with tempfile.TemporaryDirectory() as name:
        if options.folder is not None:
            paths = sorted(path for path in options.folder.rglob("*") if path.is_file())
        else:
            paths = drawn_films(Path(name), options.films)
        if options.listed:
            smallest = min(paths, key=lambda path: path.stat().st_size).read_bytes()
            for number in range(options.listed):
                more = Path(name) / f"listed_{number:04d}{paths[0].suffix}"
                more.write_bytes(smallest)
                paths.append(more)
        leafs = options.leafs or min(len(paths), 60)
        is_quick = measure(app, paths, leafs, options.where, f"{len(paths)} images")
    return 0 if is_quick else 1


if __name__ == "__main__":
    sys.exit(main())
