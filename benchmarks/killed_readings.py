"""Whether anything that the window had acknowledged is lost when it is killed (SIGKILL).

A child process opens an image in the real window with the shipped networks, decides on findings,
types the impression, accepts the rest, signs, types an addendum and signs it, twice over. After
each step it tells what the window then showed as saved. The parent kills it at a random moment
between the first step and the end of a reading that was not killed, and looks at the disk: a
decision, text, signature or addendum that was told and is not there is a loss; so is a file that
does not open as it was written.

Run: ``python benchmarks/killed_readings.py [--kills 50] [--seed 0] [--image FILE]``; with
``QT_QPA_PLATFORM=offscreen`` it needs no display. Each kill takes a start of the program and an
analysis.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
IMAGE = ROOT / "resources" / "samples" / "xray_lateral_phantom" / "neck_phantom.dcm"
DECISIONS = 6
WORDS = ("Seen", "together", "with", "the", "earlier", "film.")
REASON = "asked by the ward"
MOST_SECONDS = 300


# The program that is killed


def read_and_tell(image: Path) -> None:
    """Read an image in the window, telling on standard output what is saved after each step."""
    from benchmarks.whole_reading import Person, close_window, open_window
    from spinealign.ui.app import make_application

    app = make_application()
    window = open_window(app, image.parent / "profile", image)
    person = Person(window)
    person.open(image)
    tell(person)
    for _ in steps(person):
        tell(person)
    print("done", flush=True)
    close_window(app, window)


def steps(person):
    """Yield after each step of a reader, once the window shows it as saved."""
    from benchmarks.whole_reading import is_changeable

    person.begin_changes()
    findings = person.window.results.reading.findings
    for number in range(DECISIONS):
        if number % 3 == 1 and is_changeable(findings.current):
            person.change()
        else:
            person.press("decide", "A" if number % 3 == 0 else "R")
        yield
    box = person.window.results.reading.impression
    for word in WORDS:
        type_into(box.text, f"{word} ")
        person.wait(lambda: not box.is_unsaved)
        person.rest()
        yield
    person.press("accept all the rest", "Ctrl+R")
    yield
    person.sign()
    yield
    for number in (1, 2):
        yield from addendum(person, number)


def addendum(person, number: int):
    """Type an addendum word by word, and sign it."""
    from spinealign.ui.reading.sign_dialog import AddendumDialog

    person.window.actions_by_name["addendum"].trigger()
    [dialog] = person.window.findChildren(AddendumDialog)
    for word in (f"{number}.", *WORDS):
        type_into(dialog.text, f"{word} ")
        person.wait(lambda: dialog.draft == person.snapshot.addendum_draft)
        person.rest()
        yield
    type_into(dialog.reason, REASON)
    dialog.add.click()
    person.wait(lambda: len(person.snapshot.reading.addenda) == number)
    person.rest()
    person.wait(lambda: not person.window.findChildren(AddendumDialog))
    yield


def type_into(field: Any, text: str) -> None:
    """Type letters at the end of a field."""
    from PyQt6.QtTest import QTest

    if hasattr(field, "moveCursor"):
        field.moveCursor(field.textCursor().MoveOperation.End)
    QTest.keyClicks(field, text)


def tell(person) -> None:
    """Say what the window shows as saved."""
    import msgspec

    shown = person.snapshot
    told = {"reading": shown.reading, "draft": shown.addendum_draft}
    print(msgspec.json.encode(told).decode(), flush=True)


# The one that kills


class Child:
    """One program that reads; its lines are kept as they come."""

    def __init__(self, image: Path) -> None:
        command = [sys.executable, __file__, "--read", str(image)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.lines: list[str] = []
        self.began = threading.Event()
        self.times: list[float] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.times.append(time.monotonic())
                self.lines.append(line.strip())
                self.began.set()

    def wait_for_the_first_step(self) -> None:
        """Wait until the reading begins."""
        if not self.began.wait(MOST_SECONDS):
            self.process.kill()
            raise TimeoutError("the window did not come up")

    def end(self, kill_after_s: float | None = None) -> list[str]:
        """Let it end, or kill it after some seconds; return what it told."""
        try:
            self.process.wait(MOST_SECONDS if kill_after_s is None else kill_after_s)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self._reader.join()
        return self.lines


def losses(told: list[str], profile: Path) -> list[str]:
    """Return what was told and is not on the disk, and what on the disk is not as written."""
    import msgspec

    from spinealign.domain.reading import Reading
    from spinealign.reading.store import ReadingStore

    acknowledged = json.loads([line for line in told if line.startswith("{")][-1])
    before = msgspec.convert(acknowledged["reading"], Reading)
    store = ReadingStore(profile)
    stored = store.load(before.image)
    found = [f"fault: {fault.problem.value}" for fault in stored.faults]
    now = stored.reading
    if now is None:
        is_begun = bool(before.decisions) or before.signed_utc is not None
        return found + (["the whole reading"] if is_begun else [])
    found += _lost_decisions(before, now)
    if before.impression.is_edited and not now.impression.text.startswith(before.impression.text):
        found.append("the impression")
    if before.signed_utc is not None and now.signed_utc != before.signed_utc:
        found.append("the signature")
    if now.addenda[: len(before.addenda)] != before.addenda:
        found.append("an addendum")
    typed = acknowledged["draft"]["text"].strip()
    kept = [store.addendum_draft(before.image).text, *(one.text for one in now.addenda)]
    if typed and not any(typed in text for text in kept):
        found.append("an addendum being typed")
    return found


def _lost_decisions(before: Any, now: Any) -> list[str]:
    made = {one.key: one for one in now.decisions}
    return [
        f"decision on {one.key}"
        for one in before.decisions
        if one.key not in made or made[one.key].decided_utc < one.decided_utc
    ]


def stage_of(told: list[str]) -> str:
    """Return how far a reading was when it was killed."""
    reading = json.loads([line for line in told if line.startswith("{")][-1])["reading"]
    if reading["signed_utc"] is None:
        return "being read" if reading["decisions"] else "opened"
    return f"signed, {len(reading['addenda'])} addenda"


def one_reading(image: Path, kill_after_s: float | None) -> tuple[list[str], float, list[str]]:
    """Read an image in a fresh profile; return what was told, the seconds, and what was lost."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / image.name
        copy.write_bytes(image.read_bytes())
        child = Child(copy)
        child.wait_for_the_first_step()
        told = child.end(kill_after_s)
        seconds = child.times[-1] - child.times[0]
        return told, seconds, losses(told, copy.parent / "profile")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--image", type=Path, default=IMAGE)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read is not None:
        read_and_tell(options.read)
        return
    told, seconds, lost = one_reading(options.image, None)
    if told[-1] != "done" or lost:
        raise SystemExit(f"a reading that was not killed did not end well: {told[-1]}, {lost}")
    steps_told = len(told) - 1
    print(f"not killed: {steps_told} steps told in {seconds:.1f} s, nothing lost", flush=True)
    moments, with_loss = random.Random(options.seed), 0
    for number in range(1, options.kills + 1):
        after_s = moments.uniform(0.0, seconds)
        told, _, lost = one_reading(options.image, after_s)
        with_loss += bool(lost)
        words = ", ".join(lost) or "nothing lost"
        print(f"{number:3}  {after_s:6.2f} s  {stage_of(told):18}  {words}", flush=True)
    print(f"{options.kills} kills, {with_loss} with a loss")


if __name__ == "__main__":
    main()
