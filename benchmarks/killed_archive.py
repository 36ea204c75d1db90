"""Kill programs at work on an archive, at drawn moments: ``python -m benchmarks.killed_archive``.

For each kind of work (import, edit, sign, export, back-up, change of a password, migration) a
process is killed by SIGKILL after a while that is drawn anew each time; the next start must open,
find every page, file and record of the audit trail as it was written, and have all that was
acknowledged.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

from tests.killed_archive import WORK, cheap_passwords, look, newer_program, set_up, work_killed

LONGEST_S = 0.4
"""A kill comes within this after the work has begun; most steps take 10 to 100 ms."""


def main() -> int:
    """Kill, look, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=203, help="in all, spread over the kinds")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    cheap_passwords()
    draw, found = random.Random(wanted.seed), Counter[str]()
    begun = time.perf_counter()
    per_kind = -(-wanted.kills // len(WORK))
    for kind in WORK:
        acknowledged, faults = _kind(kind, per_kind, draw)
        found[kind] = len(faults)
        print(f"{kind:10} {per_kind:4} kills, {acknowledged:5} steps acknowledged, "
              f"{len(faults)} faults {faults[:3] or ''}", flush=True)  # fmt: skip
    minutes = (time.perf_counter() - begun) / 60
    print(f"{per_kind * len(WORK)} kills in {minutes:.1f} min, {sum(found.values())} faults")
    return 1 if sum(found.values()) else 0


def _kind(kind: str, kills: int, draw: random.Random) -> tuple[int, list[str]]:
    folder = Path(tempfile.mkdtemp(prefix="killed-archive-"))
    acknowledged, faults = 0, []
    try:
        known = set_up(folder)
        for number in range(kills):
            if kind == "migration":  # each begins with tables of today
                shutil.rmtree(folder)
                folder.mkdir()
                known = set_up(folder)
            acknowledged += work_killed(known, kind, draw.uniform(0, LONGEST_S), number)
            with newer_program() if kind == "migration" else nullcontext():
                faults += look(known)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return acknowledged, faults


if __name__ == "__main__":
    raise SystemExit(main())
