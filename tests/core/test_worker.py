"""Calls of a real worker process: one is shared by all tests, and replaced by those that end it."""

import signal
import threading
from io import BytesIO
from multiprocessing import get_context

import numpy as np
import pytest

from spinealign import protected_folders
from spinealign.domain.errors import Cancelled, ImageReadError
from spinealign.domain.generators import run_to_end
from spinealign.domain.interrupts import Interrupt
from spinealign.domain.worker import WorkerError, WorkerProblem
from spinealign.wording import explain
from spinealign.worker.channel import Channel
from spinealign.worker.client import Worker
from spinealign.worker.messages import Done
from spinealign.worker.process import crash_places
from spinealign.worker.served import Served
from spinealign.worker.starting import start_process
from tests import phantoms
from tests.core import worker_calls
from tests.core.slow_call import call_first

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="ends processes by signal")


@pytest.fixture(scope="module")
def worker():
    found = Worker(cancel_s=0.2)
    yield found
    found.close()


@pytest.fixture
def image():
    return phantoms.mr_analysis().image


def test_steps_come_one_by_one_and_then_the_result(worker):
    steps = []
    assert run_to_end(worker.stream(worker_calls.count_to, 3), steps.append) == 3
    assert steps == [0, 1, 2]


def test_a_picture_crosses_once_and_is_asked_about_here(worker, image):
    steps = []
    work = worker.stream(worker_calls.with_picture, image, lambda shown: shown.sha256)
    answer, found = run_to_end(work, steps.append)
    assert answer == image.sha256
    assert found is steps[0].image
    np.testing.assert_array_equal(found.pixels, image.pixels)
    assert found is not image


def test_errors_keep_what_they_carry_and_no_values(worker):
    with pytest.raises(ImageReadError) as caught:
        worker.call(worker_calls.refuse)
    assert (str(caught.value.path), caught.value.detail) == ("a.dcm", "5 MB")
    assert caught.value.worker_frames[-1][2] == "refuse"


@pytest.mark.parametrize("is_sharing", [True, False])
def test_arrays_of_any_size_cross_both_ways(is_sharing):
    here, there = get_context("spawn").Pipe()
    large, small = np.arange(70_001, dtype=np.float32), np.eye(3)
    sender, receiver = Channel(here, is_sharing), Channel(there)
    sending = threading.Thread(
        target=sender.send, args=(Done(1, [large, large[:9], small, large]),)
    )
    sending.start()
    first, part, second, again = receiver.receive().result
    sending.join()
    for found, wanted in ((first, large), (part, large[:9]), (second, small)):
        np.testing.assert_array_equal(found, wanted)
    assert again is first
    first[0] = 5
    assert large[0] == 0
    sender.close()
    receiver.close()


def test_a_process_that_dies_costs_the_only_call_in_it(worker):
    before = worker.call(worker_calls.pid)
    with pytest.raises(WorkerError) as caught:
        worker.call(worker_calls.end_by_signal)
    assert (caught.value.problem, caught.value.code) == (WorkerProblem.ENDED, -signal.SIGKILL)
    assert "signal 9 while reading the image" in explain(caught.value).sentence
    assert worker.call(worker_calls.pid) != before


def until(is_so):
    """Wait for what another process does, and fail where it never does."""
    for _ in range(3000):
        if is_so():
            return
        worker_calls.never.wait(0.01)
    raise AssertionError("it never came")


def _once(mark, then):
    until(mark.exists)
    then.touch()


def test_of_several_calls_each_is_tried_again_alone(worker, tmp_path):
    """The one that waits is tried again once the process is gone, and ends well."""
    found, go, waits = [], tmp_path / "go", tmp_path / "waits"
    other = threading.Thread(
        target=lambda: found.append(worker.call(worker_calls.wait_for, go, waits))
    )
    other.start()
    until(waits.exists)
    go_on = threading.Thread(target=lambda: _once(tmp_path / "ended", go))
    go_on.start()
    assert worker.call(worker_calls.end_once, tmp_path / "ended") == "whole"
    go_on.join()
    other.join()
    assert found == [worker.pid]


def test_what_is_tried_again_has_the_process_to_itself(worker, tmp_path):
    found = []

    def call(name):
        found.append(worker.call(worker_calls.end_together, tmp_path, name))

    calls = [threading.Thread(target=call, args=(name,), daemon=True) for name in "ab"]
    for each in calls:
        each.start()
    for each in calls:
        each.join(60)
    assert found == [False, False]


def test_each_question_and_each_answer_finds_its_own(worker, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "_step_limit_s", 20.0)
    go, waits = tmp_path / "go", tmp_path / "waits"
    work = (worker_calls.wait_for, go, waits)
    other = threading.Thread(target=worker.call, args=work, daemon=True)
    other.start()
    until(waits.exists)
    try:
        asked = worker.call(worker_calls.ask_both, lambda one: one + 1, lambda two: 10 * two)
    finally:
        go.touch()
        other.join()
    assert asked == (2, 20)


def test_steps_that_were_told_are_not_told_again_after_a_new_start(worker, tmp_path):
    steps, go = [], tmp_path / "go"

    def count():
        run_to_end(worker.stream(worker_calls.count_and_wait, tmp_path, go), steps.append)

    counting = threading.Thread(target=count, daemon=True)
    counting.start()
    for times in (1, 2):
        until(lambda times=times: len(list(tmp_path.glob("counted *"))) == times)
        if times == 1:
            hanging = worker.stream(worker_calls.hang)
            next(hanging)
            hanging.close()
    go.touch()
    counting.join()
    assert steps == [0, 1, 2]


def test_what_does_not_stop_ends_with_its_process(worker):
    told = []
    worker.on_replaced = lambda: told.append(1)
    before = worker.call(worker_calls.pid)
    work = worker.stream(worker_calls.hang)
    assert next(work).name == "Decoding"
    work.close()
    assert told == [1]
    assert worker.call(worker_calls.pid) != before


def test_an_interrupt_ends_a_call_that_says_nothing(worker):
    interrupt = Interrupt()
    with interrupt.here(), pytest.raises(Cancelled):
        run_to_end(worker.stream(worker_calls.hang), lambda _: interrupt.cut())


def test_a_step_that_takes_too_long_is_given_up():
    worker = Worker()
    before = worker.call(worker_calls.pid)
    worker._step_limit_s = 1.5
    with pytest.raises(WorkerError) as caught:
        worker.call(worker_calls.hang)
    worker._step_limit_s = 60.0
    assert worker.call(worker_calls.pid) != before
    worker.close()
    assert (caught.value.problem, caught.value.step) == (WorkerProblem.TOO_LONG, "Decoding")
    assert "longer than 2 s" in explain(caught.value).sentence


def test_a_process_that_nobody_asks_rests_and_not_while_it_works(tmp_path, monkeypatch):
    mark = tmp_path / "rested"
    monkeypatch.setenv("RESTED", str(mark))
    worker = Worker(at_rest="tests.core.worker_calls:note_rest", rest_s=0.05)
    try:
        has_rested = worker.call(worker_calls.hold_while_looked_at, mark)
        until(mark.exists)
        worker.call(worker_calls.pid)
    finally:
        worker.close()
    assert not has_rested


def test_a_process_gets_ready_by_itself_and_may_be_started_before_its_worker(tmp_path):
    mark = tmp_path / "ready"
    served = Served(
        ("tests.core.worker_calls",), at_start="tests.core.worker_calls:note_start",
        given=(str(mark), "ready"),
    )  # fmt: skip
    process = start_process(served)
    worker = Worker.of_process(process, served)
    try:
        assert worker.call(worker_calls.pid) == process.pid
        until(lambda: mark.exists() and mark.read_text() == "ready")
        worker.replace()
        assert worker.call(worker_calls.pid) != process.pid
    finally:
        worker.close()


class Turned:
    """A cipher whose content is backwards; its key never leaves this process."""

    def sealed(self, pieces):
        yield b"".join(pieces)[::-1]

    def opened(self, path):
        return BytesIO(path.read_bytes()[::-1])


def test_encrypted_files_are_read_by_asking(worker, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "a").write_bytes(b"cba")
    try:
        protected_folders.protect(folder, Turned())
        assert worker.call(worker_calls.read, folder / "a") == b"abc"
        protected_folders.lock(folder)
        with pytest.raises(PermissionError):
            worker.call(worker_calls.read, folder / "a")
    finally:
        protected_folders.release(folder)


def test_places_of_a_crash_are_those_of_the_thread_it_met():
    text = (
        "Fatal Python error: Segmentation fault\n\nThread 0x01 (most recent call first):\n"
        '  File "/x/other.py", line 1 in wait\n\nCurrent thread 0x02 (most recent call first):\n'
        '  File "/x/decode.py", line 7 in decode\n  File "/x/read.py", line 3 in read\n'
    )
    assert crash_places(text) == (("/x/read.py", 3, "read"), ("/x/decode.py", 7, "decode"))


SLOW_MODULES = ("tests.core.slow_start", "tests.core.slow_package.second")


@pytest.mark.parametrize("function", [call_first, worker_calls.import_first])
def test_a_call_imports_a_package_that_the_start_imports_from_its_other_end(function):
    """One has the package and waits for its module, which waits for what that one began with."""
    worker = Worker(SLOW_MODULES)
    try:
        assert worker.call(function) == "first, second"
    finally:
        worker.close()
