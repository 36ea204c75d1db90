"""What comes from a worker is made of values; whatever else a hostile one sends is refused."""

import dataclasses
import functools
import multiprocessing
import os
import pickle
import signal
import struct
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.generators import run_to_end
from spinealign.domain.interrupts import Interrupt
from spinealign.domain.measures import MeasureCode
from spinealign.domain.reading import NameValue
from spinealign.domain.worker import WorkerError, WorkerProblem
from spinealign.wording import explain
from spinealign.worker.channel import Channel, ForgedMessageError, _Maker
from spinealign.worker.client import Worker
from spinealign.worker.messages import Done
from spinealign.worker.values import Admitted
from tests import phantoms
from tests.core import worker_calls

HEAD = struct.Struct("<?IQ")
NO_BODY = HEAD.pack(False, 0, 1)


@pytest.fixture
def pipe():
    here, there = multiprocessing.get_context("spawn").Pipe()
    yield here, Channel(there, takes=Admitted())
    here.close()
    there.close()


class Calls:
    """A value that is made by calling something."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def _maker(name):
    import spinealign.worker.channel as channel

    found = getattr(channel, name)
    assert isinstance(found, _Maker)
    return found


OBJECTS = np.array([Path("a"), None], dtype=object)
LARGE_OBJECTS = np.full(20_000, None, dtype=object)


def made(*arguments):
    return lambda: Calls(_maker("_MADE_VALUE"), *arguments)


def blank(name):
    return lambda: Calls(_maker("_BLANK_VALUE"), name)


def error(*arguments):
    return lambda: Calls(_maker("_MADE_ERROR"), *arguments)


def array(*arguments):
    return lambda: Calls(_maker("_MADE_ARRAY"), 0, bytes(8), *arguments)


FORGED = {
    "system": lambda: Calls(os.system, "true"),
    "eval": lambda: Calls(eval, "1"),
    "getattr": lambda: Calls(getattr, "text", "upper"),
    "partial": lambda: functools.partial(print, "here"),
    "a function": lambda: os.system,
    "a class": lambda: ImageReadError,
    "array of objects": lambda: OBJECTS,
    "large array of objects": lambda: LARGE_OBJECTS,
    "plain array of numpy": lambda: Calls(*np.eye(2).__reduce__()[:2]),
    "elements that are objects": array("|O", (1,), "C"),
    "elements of no kind": array(("<f8", 1), (1,), "C"),
    "more elements than bytes": array("<f8", (9,), "C"),
    "a class by name": made("subprocess:Popen", "true"),
    "a function by name": made("os:system", "true"),
    "a built-in by name": made("builtins:eval", "1"),
    "something inside a module": made("spinealign.domain.paths:os.system", "true"),
    "what a module of the domain imports": made("spinealign.domain.paths:Path", "a"),
    "no value of the domain": blank("spinealign.domain.interrupts:Interrupt"),
    "an end of the program": error("builtins:SystemExit", (), {}),
    "a value as an error": error(f"pathlib:{type(Path()).__name__}", (), {}),
    "an error that is called": made("builtins:ValueError", "a"),
    "an error left blank": blank("builtins:ValueError"),
    "an enumeration left blank": blank("spinealign.domain.errors:ReadProblem"),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_what_is_no_value_is_refused(pipe, forged):
    here, channel = pipe
    here.send_bytes(HEAD.pack(False, 0, 1) + pickle.dumps(forged(), 5))
    with pytest.raises(ForgedMessageError):
        channel.receive()


@pytest.mark.parametrize(
    "message",
    [b"", b"\0", NO_BODY[:5], HEAD.pack(False, 9, 1) + b"1", NO_BODY, NO_BODY + b"garbage"],
    ids=["empty", "short", "no number", "fewer arrays", "no body", "no pickle"],
)
def test_what_is_no_message_is_refused(pipe, message):
    here, channel = pipe
    here.send_bytes(message)
    with pytest.raises(ForgedMessageError):
        channel.receive()


@pytest.mark.skipif(sys.platform != "linux", reason="memory without a name")
@pytest.mark.parametrize("seals", [0, 2], ids=["none", "may be written to"])
def test_memory_that_a_worker_may_still_cut_off_is_refused(pipe, seals):
    """Looking at it would end the window by a signal."""
    import fcntl

    here, channel = pipe
    descriptor = os.memfd_create("forged", os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, 4096)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    here.send_bytes(HEAD.pack(True, 1, 1) + struct.pack("<Q", 4096) + pickle.dumps(1))
    multiprocessing.reduction.send_handle(here, descriptor, 0)
    os.close(descriptor)
    with pytest.raises(ForgedMessageError):
        channel.receive()


VALUES = {
    "analysis": phantoms.mr_analysis,
    "path and time": lambda: (Path("a/b"), datetime(2026, 1, 2, tzinfo=UTC)),
    "codes and structs": lambda: ({MeasureCode.COBB_C2_C7: NameValue("L3")}, {ReadProblem.EMPTY}),
    "numbers of numpy": lambda: (np.float32(0.5), np.int64(-3), np.bool_(True), np.str_("a")),
}


def all_of(value):
    """Return all that is in a value, and of which class each is."""
    kind = type(value)
    if dataclasses.is_dataclass(value):
        return kind, [all_of(getattr(value, each.name)) for each in dataclasses.fields(value)]
    if isinstance(value, np.ndarray):
        return kind, value.dtype, value.shape, value.tobytes()
    if isinstance(value, (list, tuple)):
        return kind, [all_of(each) for each in value]
    if isinstance(value, dict):
        return kind, [(all_of(key), all_of(each)) for key, each in value.items()]
    return kind, sorted(map(repr, value)) if isinstance(value, (set, frozenset)) else repr(value)


@pytest.mark.parametrize("made", VALUES.values(), ids=VALUES)
def test_values_come_whole(made):
    here, there = multiprocessing.get_context("spawn").Pipe()
    sender, receiver = Channel(here, False, sends=Admitted()), Channel(there, takes=Admitted())
    value = made()
    sending = threading.Thread(target=sender.send, args=(Done(1, value),))
    sending.start()
    found = receiver.receive().result
    sending.join()
    assert all_of(found) == all_of(value)
    sender.close()
    receiver.close()


ARRAYS = {
    "rows": np.arange(12.0).reshape(3, 4),
    "columns": np.asfortranarray(np.arange(12, dtype=">i2").reshape(3, 4)),
    "every other": np.arange(40, dtype=np.uint8).reshape(5, 8)[::2, ::3],
    "empty": np.empty((0, 3), dtype=np.float32),
    "no axis": np.array(2.5),
    "text": np.array(["L1", "T12"]),
    "time": np.array(["2026-01-02"], dtype="datetime64[D]"),
    "truth": np.array([True, False]),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_arrays_come_as_they_are(pipe, array):
    here, channel = pipe
    Channel(here, sends=Admitted()).send(Done(1, array))
    found = channel.receive().result
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(found, array)


def test_a_class_that_is_not_in_the_table_is_not_sent(pipe):
    here, channel = pipe
    sender = Channel(here, sends=Admitted())
    for value in (Interrupt(), OBJECTS, os.system, ImageReadError):
        with pytest.raises(pickle.PicklingError):
            sender.send(Done(1, value))
    sender.send(Done(1, "next"))
    assert channel.receive() == Done(1, "next")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="ends processes by signal")
def test_a_forged_message_costs_the_call_and_its_process(tmp_path):
    worker = Worker(cancel_s=0.2)
    steps = []
    try:
        before = worker.call(worker_calls.pid)
        with pytest.raises(WorkerError) as caught:
            run_to_end(worker.stream(worker_calls.forge, tmp_path / "made"), steps.append)
        assert worker.call(worker_calls.pid) != before
        with pytest.raises(Exception, match="PicklingError") as forgotten:
            worker.call(worker_calls.return_forgotten)
        assert type(forgotten.value).__name__ == "DefectError"
    finally:
        worker.close()
    assert caught.value.problem is WorkerProblem.FORGED
    assert "while reading the image" in explain(caught.value).sentence
    assert [step.name for step in steps] == ["Reading the image"]
    assert not (tmp_path / "made").exists()
