"""Memory of closed cases goes back to the system."""

import ctypes
import sys
from pathlib import Path

import pytest

from spinealign.ui.work.memory import MemoryReturn, give_back_freed_memory

HAS_GNU_LIBRARY = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim")
BLOCK, COUNT = 100_000, 1000


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not HAS_GNU_LIBRARY, reason="other C libraries give back by themselves")
def test_what_was_freed_is_given_back():
    blocks = [ctypes.create_string_buffer(BLOCK) for _ in range(COUNT)]
    between = blocks[::10]
    full = resident_bytes()
    del blocks
    assert give_back_freed_memory()
    assert full - resident_bytes() > BLOCK * COUNT / 2
    assert len(between) == COUNT // 10


def test_a_crowd_of_closed_cases_gives_back_once(qtbot, monkeypatch):
    given = []
    monkeypatch.setattr("spinealign.ui.work.memory.give_back_freed_memory", lambda: given.append(1))
    monkeypatch.setattr("spinealign.ui.work.memory.REST_MS", 1)
    memory = MemoryReturn()
    for _ in range(5):
        memory.soon()
    qtbot.waitUntil(lambda: bool(given))
    assert given == [1]
    memory.soon()
    qtbot.waitUntil(lambda: len(given) == 2)


def test_closing_and_a_lower_limit_give_back(window, analysed):
    waits = window.workbench.memory._timer
    analysed("ct_1.dcm")
    analysed("mr_1.nii")
    assert not waits.isActive()
    window.workbench.session.limit_memory(1)
    assert waits.isActive()
    waits.stop()
    window.workbench.close_all()
    assert waits.isActive()
