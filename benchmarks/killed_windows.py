"""Kill the real window at work on its archive, at drawn moments: nothing acknowledged may be lost.

A program with its window, driven by mouse and keys, signs in and then over and over opens a film,
keeps it, types an impression, signs, adds a note and backs up; after each step it tells what the
window then shows as done. It is killed (SIGKILL) in the middle of a step: which one is drawn, and
after which part of the time that it took in a round that was not killed. The next start must open
the archive with every page, file, audit record and finished back-up as written, and have all that
was told.

Run: ``python -m benchmarks.killed_windows [--kills 20] [--seed 0]``; with
``QT_QPA_PLATFORM=offscreen`` it needs no display.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
FILM = ROOT / "resources" / "samples" / "xray_lateral_phantom" / "neck_phantom.dcm"
PASSWORD = "first horse battery"
MOST_SECONDS = 400
STEPS = ("opens", "keeps", "types", "signs", "notes", "backs up", "closes", "ended")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--window", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.window is not None:
        return window(options.window, options.number)
    with tempfile.TemporaryDirectory(prefix="killed-windows-") as name:
        return kill_them(Path(name), options.kills, options.seed)


def kill_them(folder: Path, kills: int, seed: int) -> int:
    """Let one round end, kill the others; returns how many of them lost something."""
    draw, known, during, bad = random.Random(seed), Known(folder), Counter[str](), 0
    whole = Child(folder, 0)
    known.note(whole.end(None))
    lasted = [after - before for before, after in pairwise(whole.times)]
    faults = known.faults()
    if "end" not in whole.lines or faults:
        raise SystemExit(f"a round that was not killed did not end well: {whole.lines}, {faults}")
    print(f"not killed: {len(lasted)} steps in {sum(lasted):.1f} s", flush=True)
    for number in range(1, kills + 1):
        step = draw.randrange(len(lasted) - 1)
        after_s = draw.uniform(0, lasted[step])
        told = Child(folder, number).end(step + 1, after_s)
        known.note(told)
        faults = known.faults()
        bad += bool(faults)
        during[STEPS[len(told) - 1]] += 1
        words = f"while it {STEPS[len(told) - 1]}, after {after_s:.2f} s"
        print(f"{number:3} killed {words:32} {faults or 'nothing lost'}", flush=True)
    print(f"{kills} kills ({dict(during)}), {bad} with a loss")
    return 1 if bad else 0


class Child:
    """One program with its window; its lines are kept as they come."""

    def __init__(self, folder: Path, number: int) -> None:
        self.lines: list[str] = []
        self.times: list[float] = []
        self._told = threading.Event()
        with (folder / "errors").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.killed_windows", "--window", str(folder),
                 "--number", str(number)],
                cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.times.append(time.monotonic())
                self.lines.append(line.strip())
                self._told.set()

    def end(self, steps: int | None, after_s: float = MOST_SECONDS) -> list[str]:
        """Let it end, or kill it some seconds after so many lines; returns what it told."""
        until = time.monotonic() + MOST_SECONDS
        while steps is not None and len(self.lines) < steps:
            self._told.wait(1)
            self._told.clear()
            if time.monotonic() > until:
                self.process.kill()
                raise TimeoutError(f"it came to {self.lines}")
        try:
            self.process.wait(after_s)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self._reader.join()
        return self.lines


class Known:
    """What was told, and whether the disk has it."""

    def __init__(self, folder: Path) -> None:
        from spinealign.vault.place import Place

        self.place, self.disk = Place.of_profile(folder / "profile"), folder / "disk"
        self.kept, self.typed, self.signed, self.noted = (
            set[str](),
            set[str](),
            set[str](),
            set[str](),
        )
        self.copies: set[str] = set()

    def note(self, told: list[str]) -> None:
        """Take note of what a program told."""
        places = {"kept": self.kept, "typed": self.typed, "signed": self.signed,
                  "noted": self.noted, "backed-up": self.copies}  # fmt: skip
        for line in told:
            what, _, name = line.partition(" ")
            if what in places:
                places[what].add(name)

    def faults(self) -> list[str]:
        """Open the archive as the next start does; return what is not as it should be."""
        from spinealign.vault.session import sign_in

        at_work = sign_in(self.place, "anna", PASSWORD)
        try:
            return list(self._faults(at_work))
        finally:
            at_work.close()

    def _faults(self, at_work: Any) -> Iterator[str]:
        from spinealign.archive.backup import is_back_up_whole
        from spinealign.archive.records import Search
        from spinealign.vault.safety_copies import back_ups_on

        archive = at_work.archive
        if not archive.is_whole():
            yield "database or files are not as they were written"
        if (verdict := at_work.verify_trail()).damage is not None:
            yield f"audit trail: {verdict}"
        found = {each.patient.patient_id: each for each in archive.search(Search(most=10_000))}
        if missing := self.kept - set(found):
            yield f"not kept: {sorted(missing)}"
        texts = _all_below(self.place.kept)
        if missing := {each for each in self.typed if each not in texts}:
            yield f"not in the reading: {sorted(missing)}"
        for name in self.signed:
            versions = archive.readings(found[name].identifier) if name in found else ()
            if not any(
                each.version == 1 and f"seen-{name}" in each.impression for each in versions
            ):
                yield f"not signed in the archive: {name}"
        for name in self.noted & set(found):
            if not any(
                f"note-of-{name}" in str(each) for each in archive.notes(found[name].identifier)
            ):
                yield f"no note: {name}"
        copies = back_ups_on(self.disk)
        if missing := self.copies - {each.name for each in copies}:
            yield f"no back-up: {sorted(missing)}"
        if any(not is_back_up_whole(copy, at_work.keys) for copy in copies):
            yield "a back-up counts as finished and is not whole"


def _all_below(folder: Path) -> str:
    """Return all that the program keeps below a folder, decrypted; what does not open raises."""
    from spinealign.protected_folders import open_binary

    parts = []
    for path in sorted(folder.rglob("*.json")):
        with open_binary(path) as file:
            parts.append(file.read().decode())
    return "\n".join(parts)


# The program that is killed


def window(folder: Path, number: int) -> NoReturn:
    """Run the program and work at its window."""
    from tests.ui.archive_person import run_program

    run_program(folder / "profile", lambda person: act(person, folder, number))


def act(person: Any, folder: Path, number: int) -> None:
    """Work one round, and tell each step once it is done."""
    import os
    import traceback

    try:
        if number:
            person.sign_in(PASSWORD)
        else:
            person.set_up("anna", "Dr. Anna", PASSWORD)
        print("in", flush=True)
        for told in steps(person, folder, f"k{number}"):
            print(told, flush=True)
        print("end", flush=True)
        person.quit()
    except Exception:  # noqa: BLE001 - the parent waits
        traceback.print_exc()
        os._exit(70)


def steps(person: Any, folder: Path, name: str) -> Iterator[str]:
    """Yield after each step what the window then shows as done."""
    film = folder / f"{name}.dcm"
    write_film(film, name)
    person.open(film)
    person.window.tour.end()
    yield f"opened {name}"
    person.keep()
    yield f"kept {name}"
    person.write_impression(f" seen-{name} and more.")
    yield f"typed seen-{name}"
    person.sign()
    yield f"signed {name}"
    page = person.search(name)
    person.note(page, f"note-of-{name}")
    yield f"noted {name}"
    before = {path.name for path in (folder / "disk").glob("*/2*")}
    person.back_up(folder / "disk")
    [made] = {path.name for path in (folder / "disk").glob("*/2*")} - before
    yield f"backed-up {made}"


def write_film(path: Path, name: str) -> None:
    """Write the sample film as another patient's."""
    import pydicom
    from pydicom.uid import generate_uid

    film = pydicom.dcmread(FILM)
    film.PatientID, film.PatientName = name, f"Of^{name}"
    film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    film.SeriesInstanceUID, film.StudyInstanceUID = generate_uid(), generate_uid()
    film.save_as(path)


if __name__ == "__main__":
    raise SystemExit(main())
