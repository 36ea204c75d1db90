"""How fast archive and audit trail are: ``python -m benchmarks.archive_speed``.

An archive of examinations with findings, measures and impressions is made, then searched in the
ways that the window and the command line search it; the audit trail is filled and verified. Times
are the median and the longest of several runs, in milliseconds.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from spinealign.accounts.keys import calibrated_cost, new_key, password_key, sub_keys
from spinealign.archive.database import connect, transaction
from spinealign.archive.records import (
    MOST_LISTED,
    ExaminationRecord,
    FindingRecord,
    MeasureRecord,
    PatientRecord,
    ReadingVersion,
    Search,
    View,
)
from spinealign.archive.store import DATABASE, Archive
from spinealign.audit.events import AuditEvent, AuditObject, EventKind, ObjectKind
from spinealign.audit.trail import create_trail

NAMES = ("Adams", "Becker", "Costa", "Dubois", "Eriksson", "Fischer", "García", "Horváth")
GIVEN = ("Anna", "Bert", "Clara", "David", "Elena", "Frank", "Greta", "Hugo")
WORDS = ("narrowed", "lordosis", "kyphosis", "listhesis", "herniation", "normal", "below", "range")
LEVELS = ("C2/C3", "C3/C4", "C4/C5", "C5/C6", "C6/C7", "L3/L4", "L4/L5", "L5/S1")


def main() -> int:
    """Make, ask, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examinations", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=7)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="archive-speed-") as name:
        folder, keys = Path(name), sub_keys(new_key(), "speed")
        _fill(folder, keys, wanted.examinations)
        _ask(folder, keys, wanted)
        _audit(folder, keys.audit, wanted)
    cost = calibrated_cost()
    _show("a password", wanted.runs, lambda: password_key("password", bytes(16), cost))
    return 0


def _fill(folder: Path, keys, count: int) -> None:
    draw, archive = random.Random(1), Archive(folder, keys)
    begun = time.perf_counter()
    for number in range(count):
        with transaction(archive.connection):
            archive.put(_record(number, draw))
            impression = " ".join(draw.choices(WORDS, k=20))
            archive.put_reading(
                f"{number:032x}",
                ReadingVersion(1, "signed", "Dr. Anna", _at(number), impression, b"{}"),
            )
    archive.close()
    seconds = time.perf_counter() - begun
    size = (folder / DATABASE).stat().st_size / 1e6
    print(f"{count:,} examinations kept in {seconds:.0f} s, {size:.0f} MB")


def _record(number: int, draw: random.Random) -> ExaminationRecord:
    patient = PatientRecord(
        f"P{number // 2:06}",
        "",
        f"{draw.choice(NAMES)}^{draw.choice(GIVEN)}{number // 2}",
        "19700101",
    )
    findings = tuple(
        FindingRecord(f"finding/{n}", draw.choice(LEVELS), " ".join(draw.choices(WORDS, k=5)))
        for n in range(5)
    )
    measures = tuple(
        MeasureRecord(f"measure_{n}", draw.choice(LEVELS), "deg", draw.gauss(0, 10))
        for n in range(8)
    )
    return ExaminationRecord(
        f"{number:032x}", patient, draw.choice(("lateral-neck", "spine-mr")), _at(number),
        _at(number), study_date=f"20{10 + number % 16}0{1 + number % 9}11", description="Spine",
        findings=findings, measures=measures, tags=("teaching",) if number % 50 == 0 else (),
    )  # fmt: skip


def _at(number: int) -> str:
    return f"2026-{1 + number % 12:02}-{1 + number % 28:02}T10:00:00Z"


def _ask(folder: Path, keys, wanted: argparse.Namespace) -> None:
    _show("opening", wanted.runs, lambda: Archive(folder, keys).close())
    archive = Archive(folder, keys)
    searches = {
        "everything, 500 shown": Search(),
        "a patient's ID": Search(words="P000123"),
        "a name and a word": Search(words="adams herniation"),
        "a word of most": Search(words="lordosis"),
        "a letter of all, as listed": Search(words="l", most=MOST_LISTED),
        "level and kind": Search(level="C5/C6", kind="lateral-neck"),
        "a tag": Search(tag="teaching"),
        "to read": Search(view=View.TO_READ),
        "mine, one year": Search(view=View.MINE, reader="Dr. Anna", first_date="20200101",
                                 last_date="20201231"),
    }  # fmt: skip
    for name, search in searches.items():
        _show(f"search: {name}", wanted.runs, lambda search=search: _search(archive, search))
    first = f"{0:032x}"
    _show("course of a measure", wanted.runs, lambda: archive.course(first, "measure_1", "C5/C6"))
    archive.close()


def _search(archive: Archive, search: Search) -> None:
    """Search and count, as the window does where there is more than it lists."""
    if len(archive.search(search)) == search.most:
        archive.count(search)


def _audit(folder: Path, key: bytes, wanted: argparse.Namespace) -> None:
    connection = connect(folder / "audit.db", new_key())
    trail = create_trail(connection, key, folder / "anchor.json")
    event = AuditEvent(
        EventKind.VIEW, "2026-11-29T15:04:05.123456Z", "anna",
        objects=(AuditObject(ObjectKind.PATIENT, "P000123", "Adams^Anna"),
                 AuditObject(ObjectKind.STUDY, "1.2.3.4")),
    )  # fmt: skip
    begun = time.perf_counter()
    for _ in range(200):
        trail.append(event)
    print(f"{'one event, on the disk':32} {(time.perf_counter() - begun) / 200 * 1e3:8.1f} ms")
    trail.append_many([event] * (wanted.events - 200))
    begun = time.perf_counter()
    verdict = trail.verify()
    print(f"{verdict.records:,} events verified in {time.perf_counter() - begun:.2f} s: "
          f"{verdict.damage or 'whole'}")  # fmt: skip
    connection.close()


def _show(name: str, runs: int, act: Callable[[], object]) -> None:
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        act()
        taken.append((time.perf_counter() - begun) * 1e3)
    print(f"{name:32} {statistics.median(taken):8.1f} ms, longest {max(taken):.1f}")


if __name__ == "__main__":
    raise SystemExit(main())
