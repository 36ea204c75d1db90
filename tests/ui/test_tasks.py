"""Generators in worker threads: every way they can end, each reported once."""

import os
import sys
import threading
from pathlib import Path

import pytest
from PyQt6.QtCore import QThread

from spinealign.domain.errors import Cancelled, ImageReadError, ReadProblem
from spinealign.domain.interrupts import interrupt_of_thread
from spinealign.ui.work.messages import Messages
from spinealign.ui.work.tasks import NICER, TaskRunner


@pytest.fixture
def messages(qapp):
    return Messages()


@pytest.fixture
def heard(messages):
    """All failures that are told."""
    heard = []
    messages.failed.connect(lambda message: heard.append(("failed", message.sentence)))
    messages.crashed.connect(lambda error: heard.append(("crashed", error)))
    return heard


@pytest.fixture
def runner(messages):
    runner = TaskRunner(messages)
    yield runner
    runner.shutdown()


def count_to(number, gate=None):
    def work():
        for value in range(number):
            yield value
            if gate is not None:
                gate.wait(20)
        return "done"

    return work


def fails_with(error):
    def work():
        yield 0
        raise error

    return work


def record(task):
    """Note every signal of a task in order."""
    seen = []
    task.progressed.connect(lambda value: seen.append(("progressed", value)))
    task.finished.connect(lambda value: seen.append(("finished", value)))
    task.failed.connect(lambda error: seen.append(("failed", type(error))))
    task.cancelled.connect(lambda: seen.append(("cancelled", None)))
    return seen


def test_reports_progress_and_then_the_result(qtbot, runner):
    task = runner.submit(count_to(3))
    seen = record(task)
    qtbot.waitUntil(lambda: not runner.is_busy)
    steps = [("progressed", value) for value in range(3)]
    assert seen == [*steps, ("finished", "done")]


def test_works_in_another_thread_and_reports_in_this_one(qtbot, runner):
    threads = []

    def work():
        threads.append(QThread.currentThread())
        yield
        return None

    task = runner.submit(work)
    task.finished.connect(lambda _: threads.append(QThread.currentThread()))
    qtbot.waitUntil(lambda: not runner.is_busy)
    assert threads[0] is not threads[1]
    assert threads[1] is QThread.currentThread()


@pytest.mark.parametrize(
    "error",
    [ImageReadError(Path("x"), ReadProblem.EMPTY), ZeroDivisionError(), MemoryError()],
    ids=["expected", "unexpected", "memory"],
)
def test_a_failure_is_handed_over(qtbot, runner, error):
    task = runner.submit(fails_with(error))
    with qtbot.waitSignal(task.failed) as failed:
        pass
    assert failed.args == [error]
    qtbot.waitUntil(lambda: not runner.is_busy)


def test_nobody_needs_to_listen_for_a_failure_to_be_told(qtbot, runner, heard):
    unexpected = ZeroDivisionError()
    runner.submit(fails_with(ImageReadError(Path("x.png"), ReadProblem.EMPTY)))
    runner.submit(fails_with(unexpected))
    qtbot.waitUntil(lambda: not runner.is_busy)
    assert heard == [("failed", "“x.png” is empty."), ("crashed", unexpected)]


def test_other_words_take_the_place_of_the_usual_ones(qtbot, runner, heard):
    told, error = [], ZeroDivisionError()
    runner.submit(fails_with(error), told.append)
    qtbot.waitUntil(lambda: not runner.is_busy)
    assert (told, heard) == ([error], [])


def test_a_generator_may_stop_by_itself(qtbot, runner):
    task = runner.submit(fails_with(Cancelled()))
    seen = record(task)
    qtbot.waitUntil(lambda: not runner.is_busy)
    assert seen == [("progressed", 0), ("cancelled", None)]


def test_cancel_closes_the_generator_at_its_next_step(qtbot, runner):
    gate, closed = threading.Event(), threading.Event()

    def work():
        try:
            yield "first"
            gate.wait(20)
            yield "second"
        finally:
            closed.set()

    task = runner.submit(work)
    seen = record(task)
    with qtbot.waitSignal(task.progressed):
        pass
    task.cancel()
    gate.set()
    qtbot.waitUntil(lambda: not runner.is_busy)
    assert seen == [("progressed", "first"), ("cancelled", None)]
    assert closed.is_set()


def test_a_result_that_comes_after_cancel_is_dropped(qtbot, runner):
    finished = threading.Event()

    def work():
        yield
        finished.set()
        return "late"

    task = runner.submit(work)
    seen = record(task)
    assert finished.wait(20)
    task.cancel()
    qtbot.waitUntil(lambda: not runner.is_busy)
    assert seen == [("cancelled", None)]


def test_a_task_cancelled_before_its_turn_never_starts(qtbot, runner):
    gate, started = threading.Event(), threading.Event()

    def never():
        started.set()
        yield

    runner.submit(count_to(1, gate))
    waiting = runner.submit(never)
    waiting.cancel()
    gate.set()
    qtbot.waitUntil(lambda: not runner.is_busy)
    assert not started.is_set()


def test_tasks_run_one_after_another(qtbot, runner):
    order = []
    for name in "abc":
        task = runner.submit(count_to(2))
        task.progressed.connect(lambda value, name=name: order.append(f"{name}{value}"))
    with qtbot.waitSignal(runner.became_idle):
        pass
    assert order == ["a0", "a1", "b0", "b1", "c0", "c1"]


def test_shutdown_waits_for_the_worker(qtbot, runner):
    started, left = threading.Event(), threading.Event()

    def work():
        try:
            while True:
                started.set()
                yield
        finally:
            left.set()

    runner.submit(work)
    assert started.wait(20)
    runner.shutdown()
    assert left.is_set()
    qtbot.waitUntil(lambda: not runner.is_busy)


def test_what_a_stopped_task_waits_for_ends_at_once(qtbot, runner):
    has_begun, never = threading.Event(), threading.Event()

    def work():
        yield 0
        has_begun.set()
        interrupt_of_thread().wait(never)  # as for a node that never answers
        return "came"

    task = runner.submit(work)
    seen = record(task)
    assert has_begun.wait(20)
    task.cancel()
    try:
        qtbot.waitUntil(lambda: not runner.is_busy, timeout=20_000)
    finally:
        never.set()
    assert seen[-1] == ("cancelled", None)
    assert ("finished", "came") not in seen


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Qt sets the priority of a thread")
def test_work_comes_after_the_window(qtbot, runner):
    """Threads that the worker starts too, such as those of a network."""

    def nice():
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def work():
        found.append(nice())
        started = threading.Thread(target=lambda: found.append(nice()))
        started.start()
        started.join()
        yield None

    found = []
    for _ in range(2):
        with qtbot.waitSignal(runner.submit(work).finished):
            pass
    assert found == [min(nice() + NICER, 19)] * 4
