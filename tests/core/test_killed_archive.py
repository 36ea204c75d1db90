"""A program that is killed at work on the archive: it opens and has all it acknowledged."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spinealign import protected_folders
from spinealign.accounts.keys import LEAST_COST
from spinealign.vault import exchange, place, safety_copies, session
from tests.killed_archive import WORK, Known, look, newer_program, set_up, work_killed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills processes as POSIX does")


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Known]:
    for module in (place, session, safety_copies, exchange):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)
    made = set_up(tmp_path)
    yield made
    protected_folders.release(made.place.files)
    protected_folders.release(made.place.kept)


@pytest.mark.parametrize("kind", [kind for kind in WORK if kind != "migration"])
def test_nothing_acknowledged_is_lost(known: Known, kind: str) -> None:
    for number, after_s in enumerate((0.0, 0.07)):
        work_killed(known, kind, after_s, number)
        assert look(known) == []


@pytest.mark.parametrize("after_s", [0.0, 3.0])
def test_tables_are_of_one_version_or_of_the_other(known: Known, after_s: float) -> None:
    work_killed(known, "migration", after_s, 0)
    with newer_program():
        assert look(known) == []


@pytest.mark.parametrize("work", ["nothing", "import"])
def test_a_loss_is_noticed(known: Known, work: str) -> None:
    if work == "import":
        assert work_killed(known, "import", 1.0, 1)
    known.imported.add("ab" * 16)
    known.copies.add("20261129T150405Z")
    faults = look(known)
    assert "1 examinations are missing" in faults
    assert "1 back-ups are missing" in faults
