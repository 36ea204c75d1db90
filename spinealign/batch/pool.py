"""Several workers kept busy: one that stops, dies or takes too long is replaced."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from spinealign.batch.options import BatchOptions
from spinealign.batch.sources import Unlocked
from spinealign.batch.state import ItemStatus, Outcome
from spinealign.batch.watch import Watch
from spinealign.batch.worker import Look, Task, WorkerMessage, serve
from spinealign.domain.errors import BatchError, BatchProblem
from spinealign.worker.process import limit_memory

MOST_ATTEMPTS = 3
"""A worker may be killed for the memory that others took; an image that ends three is at fault."""

STEP_LIMIT_S = 300.0
"""The longest step of a whole film on a slow computer takes about 20 s."""

MEMORY_LIMIT_BYTES = 8 << 30
"""Of address space, of which libraries and networks take about 3 GiB before any image."""

MOST_FALSE_STARTS = 3
"""Workers that ended before they were ready, one after another; then none can be started."""

_LOOK_S = 0.5
_MOST_LOOK_S = 1.0
"""Counted of the time between two looks, against the limit of a step."""

_END_S = 5.0
_GONE_S = 2.0


@dataclass(eq=False)
class _Worker:
    process: SpawnProcess
    connection: Connection
    heard: float
    task: Task | None = None
    is_ready: bool = False
    step: str = ""


class Pool:
    """Worker processes for one batch; a context manager that leaves none behind.

    Parameters
    ----------
    count : int
        How many work at once.
    options : BatchOptions
    step_limit_s : float
        A worker that says nothing for so long is ended.
    memory_limit_bytes : int
        That each may take; 0 for no limit.
    unlocked : sequence of Unlocked
        Folders of the archive that workers may read.
    is_stopped : callable, optional
        Asked at least every half a second; where it says so, `run` ends, and what is being done is
        let go of.
    is_paused : callable, optional
        Asked as often; while it says so, nothing more is begun.
    serve_as : callable, optional
        What a worker process runs, in place of `worker.serve`.
    clock : callable
        Of the limit of a step; the time that this program stands still does not count.
    """

    def __init__(
        self,
        count: int,
        options: BatchOptions,
        step_limit_s: float = STEP_LIMIT_S,
        memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
        unlocked: Sequence[Unlocked] = (),
        serve_as: Callable[[Connection, BatchOptions], None] = serve,
        is_stopped: Callable[[], bool] = lambda: False,
        is_paused: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count, self._options, self._step_limit_s = count, options, step_limit_s
        self._memory_limit_bytes, self._serve = memory_limit_bytes, serve_as
        self._unlocked = tuple(unlocked)
        self._is_stopped, self._is_paused = is_stopped, is_paused
        self._watch = Watch(_MOST_LOOK_S, clock)
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._false_starts = 0

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(
        self, tasks: Sequence[Task], hand_out: Callable[[str], int]
    ) -> Iterator[tuple[Task, Outcome] | Look]:
        """Work on all tasks; yields what becomes of each as it comes, and `Look` in between.

        Parameters
        ----------
        tasks : sequence of Task
        hand_out : callable
            Notes that a worker begins with an identity, and returns which attempt that is.

        Raises
        ------
        BatchError
            NO_WORKER: workers end before they are ready.
        """
        waiting, attempts = deque(tasks), dict[str, int]()
        self._false_starts = 0
        while waiting or any(worker.task for worker in self._workers):
            if self._is_stopped():
                return
            is_paused = self._is_paused()
            if not is_paused:
                self._feed(waiting, attempts, hand_out)
            yield Look(is_paused, sum(worker.task is not None for worker in self._workers))
            yield from self._heard(waiting, attempts)
            yield from self._missed(waiting, attempts)

    def stop(self) -> None:
        """End all workers, at once where they are in the middle of something."""
        for worker in self._workers:
            self._end(worker)
        self._workers = []

    def _feed(
        self, waiting: deque[Task], attempts: dict[str, int], hand_out: Callable[[str], int]
    ) -> None:
        busy = sum(worker.task is not None for worker in self._workers)
        while len(self._workers) < min(self._count, busy + len(waiting)):
            self._workers.append(self._started())
        for worker in self._workers:
            if worker.task is None and worker.is_ready and waiting:
                worker.task, worker.step = waiting.popleft(), ""
                worker.heard = self._watch.look()
                attempts[worker.task.identity] = hand_out(worker.task.identity)
                try:
                    worker.connection.send(worker.task)
                except (BrokenPipeError, ConnectionResetError):
                    continue  # it has died; `_missed` sees that

    def _started(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve_within,
            args=(self._serve, theirs, self._options, self._memory_limit_bytes, self._unlocked),
            daemon=True,
        )
        process.start()
        theirs.close()
        return _Worker(process, ours, self._watch.look())

    def _heard(
        self, waiting: deque[Task], attempts: dict[str, int]
    ) -> Iterator[tuple[Task, Outcome]]:
        by_connection = {worker.connection: worker for worker in self._workers}
        if not by_connection:
            time.sleep(_LOOK_S)  # paused before anything began
        for ready in wait(list(by_connection), timeout=_LOOK_S):
            worker = by_connection[ready]  # type: ignore[index]
            try:
                message: WorkerMessage = worker.connection.recv()
            except (EOFError, OSError):
                worker.process.join(_GONE_S)
                self._note_start(worker)
                yield from self._replaced(worker, waiting, attempts, "")
                continue
            worker.heard, worker.step, worker.is_ready = self._watch.look(), message.step, True
            self._note_start(worker)
            if message.outcome is not None and worker.task is not None:
                task, worker.task = worker.task, None
                yield task, message.outcome

    def _note_start(self, worker: _Worker) -> None:
        """Count workers that ended before they were ready; one that is ready begins anew."""
        self._false_starts = 0 if worker.is_ready else self._false_starts + 1
        if self._false_starts >= MOST_FALSE_STARTS:
            raise BatchError(Path(sys.executable), BatchProblem.NO_WORKER)

    def _missed(
        self, waiting: deque[Task], attempts: dict[str, int]
    ) -> Iterator[tuple[Task, Outcome]]:
        now = self._watch.look()
        for worker in list(self._workers):
            is_late = now - worker.heard > self._step_limit_s
            if worker.task is not None and is_late:
                yield from self._replaced(worker, waiting, attempts, "late")

    def _replaced(
        self, worker: _Worker, waiting: deque[Task], attempts: dict[str, int], why: str
    ) -> Iterator[tuple[Task, Outcome]]:
        """Let go of a worker, and give its image to another one unless it is at fault."""
        self._workers.remove(worker)
        task = worker.task
        self._end(worker)
        if task is None:
            return
        if not why and attempts[task.identity] < MOST_ATTEMPTS:
            waiting.appendleft(task)
            return
        from spinealign.wording.batch import worker_failure

        code = worker.process.exitcode or 0
        sentence, advice = worker_failure(task.path, worker.step, code, self._limit(why))
        yield task, Outcome(ItemStatus.FAILED, sentence, advice)

    def _limit(self, why: str) -> float | None:
        return self._step_limit_s if why else None

    def _end(self, worker: _Worker) -> None:
        if worker.task is None and worker.process.is_alive():
            try:
                worker.connection.send(None)
                worker.process.join(_END_S)
            except OSError:
                pass
        worker.connection.close()
        if worker.process.is_alive():
            worker.process.kill()
        worker.process.join()


def _serve_within(
    serve_as: Callable[[Connection, BatchOptions], None],
    connection: Connection,
    options: BatchOptions,
    most_bytes: int,
    unlocked: Sequence[Unlocked],
) -> None:
    limit_memory(most_bytes)
    for each in unlocked:
        from spinealign import protected_folders
        from spinealign.archive.encrypted_files import ArchivedFiles

        protected_folders.protect(each.folder, ArchivedFiles(each.key))
    serve_as(connection, options)
