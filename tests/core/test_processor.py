"""An old processor is told apart before a library stops the process."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from spinealign import __main__ as entry
from spinealign import processor

SANDY_BRIDGE, CORE_2 = 0x1FBAE3FF, 0x0000E3BD


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(processor.platform, "machine", lambda: "x86_64")
    return lambda ecx: monkeypatch.setattr(processor, "_feature_bits", lambda: ecx)


@pytest.mark.parametrize(
    ("ecx", "missing"),
    [(SANDY_BRIDGE, ()), (CORE_2, ("SSE4.1", "SSE4.2", "POPCNT")), (None, ())],
    ids=["without AVX2", "before SSE4", "cannot be told"],
)
def test_missing_features(cpu, ecx: int | None, missing: tuple[str, ...]) -> None:
    cpu(ecx)
    bits = processor.missing_features()
    assert bits == tuple(name for name in processor.NEEDED if name in bits)
    assert set(bits) == set(missing) & set(bits)
    assert bool(bits) == bool(missing)


def test_other_processors_are_left_alone(cpu, monkeypatch: pytest.MonkeyPatch) -> None:
    cpu(0)
    monkeypatch.setattr(processor.platform, "machine", lambda: "aarch64")
    assert processor.missing_features() == ()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_dies_is_noticed() -> None:
    assert processor.survives(lambda: None)
    assert not processor.survives(lambda: os.kill(os.getpid(), signal.SIGKILL))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_library_that_is_merely_missing_is_not_the_processors_fault() -> None:
    def fail() -> None:
        raise ImportError("no such library")

    assert processor.survives(fail)


def test_libraries_that_run_all_the_same_are_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "missing_features", lambda: ("SSE4.2",))
    monkeypatch.setattr(processor, "survives", lambda _: True)
    assert processor.unfit() == ()


def test_the_program_says_so_and_stops(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(processor, "unfit", lambda: ("SSE4.2",))
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(SystemExit) as stopped:
        entry.main([])
    assert stopped.value.code == processor.EXIT_CANNOT_RUN
    assert "its processor lacks SSE4.2" in capsys.readouterr().err


def test_this_processor_is_fit() -> None:
    assert processor.unfit() == ()
