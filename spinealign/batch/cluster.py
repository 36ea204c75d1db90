"""The workers of a cluster, by Dask distributed: the extra ``cluster``.

Dask hands images out and gives those of a lost worker to another one; what a worker does with an
image is `remote.analyse`. Results come back over the connection, and only this computer writes
them: each once and whole, whatever became of workers in between.
"""

from __future__ import annotations

import logging
import pickle
import queue
import shutil
import time
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NoReturn

from spinealign.batch import remote
from spinealign.batch.options import BatchOptions
from spinealign.batch.pool import STEP_LIMIT_S
from spinealign.batch.state import ItemStatus, Outcome, picture_path, results_place
from spinealign.batch.worker import Look, Task, serve
from spinealign.domain.errors import BatchError, BatchProblem, UnexpectedError
from spinealign.export.bundle import put_bundle
from spinealign.files import write_export
from spinealign.wording import explain
from spinealign.wording.batch import (
    WAITING_FOR_WORKERS,
    lost_worker_failure,
    no_command_text,
    refused_job_text,
    refused_worker_text,
    unreadable_failure,
)

SYSTEMS: Final = {
    "slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster", "lsf": "LSFCluster",
}  # fmt: skip
"""Queueing systems, with the names of their classes in dask-jobqueue."""

USUAL_OPTIONS: Final[Mapping[str, Any]] = {
    "cores": 1,
    "processes": 1,
    "memory": "6 GB",
}
"""Of a job: one image at a time, for which a worker and its process take about 2 GB."""

SCHEDULER_OPTIONS: Final[Mapping[str, Any]] = {"dashboard_address": "localhost:0"}
"""What the scheduler tells by HTTP stays on this computer."""

_LOOK_S: Final = 0.5
_ASK_EVERY_S: Final = 2.0
_CONNECT_S: Final = 20.0
_GATHER_S: Final = 20.0
_CLOSE_S: Final = 5.0
_LOUD: Final = (
    "distributed", "distributed.client", "distributed.core", "distributed.comm",
    "tornado.application", "asyncio",
)  # fmt: skip
_AHEAD: Final = 2
"""Images handed out for each thread of the workers, so that none waits for its next one."""


@dataclass(frozen=True)
class Certificates:
    """Files (PEM) for TLS, as Dask's `Security` takes them."""

    authority: Path
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Place:
    """Which workers analyse.

    Parameters
    ----------
    scheduler : str
        Address such as ``tcp://host:8786`` or ``tls://host:8786``; empty where workers are asked
        for from a queueing system.
    system : str
        Key of `SYSTEMS`.
    options : mapping
        For its class in dask-jobqueue: queue, cores, memory, walltime and whatever else it takes.
    count : int
        How many workers are asked for.
    certificates : Certificates or None
    """

    scheduler: str = ""
    system: str = ""
    options: Mapping[str, Any] | None = None
    count: int = 1
    certificates: Certificates | None = None

    @property
    def name(self) -> str:
        """What sentences call it."""
        return self.scheduler or self.system


class ClusterPool:
    """Workers of a cluster for one batch, in place of `pool.Pool`.

    Parameters
    ----------
    place : Place
    options : BatchOptions
    step_limit_s : float
        A worker's process that says nothing for so long is ended.
    sends_files : bool
        Whether the content of files is sent; else workers read the same paths.
    tell : callable
        Is told sentences for people: no worker yet, one that is left out.
    is_stopped, is_paused : callable, optional
        As for `pool.Pool`.
    serve_as : callable, optional
        What a worker's process runs, in place of `worker.serve`.

    Raises
    ------
    BatchError
        When it is entered: NO_CLUSTER, FAULTY_CLUSTER or NO_SCHEDULER.
    """

    def __init__(
        self,
        place: Place,
        options: BatchOptions,
        step_limit_s: float = STEP_LIMIT_S,
        *,
        sends_files: bool = False,
        tell: Callable[[str], None] = lambda _: None,
        is_stopped: Callable[[], bool] = lambda: False,
        is_paused: Callable[[], bool] = lambda: False,
        serve_as: remote.ServeAs = serve,
    ) -> None:
        self._place, self._options, self._step_limit_s = place, options, step_limit_s
        self._sends_files, self._tell, self._serve_as = sends_files, tell, serve_as
        self._is_stopped, self._is_paused = is_stopped, is_paused
        self._identity = remote.identity_of(options.models)
        self._client: Any = None
        self._jobs = _Jobs()
        self._open = ExitStack()
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._running: dict[str, _Given] = {}
        self._known: Mapping[str, int] = {}
        self._refused: set[str] = set()
        self._looked_s = -_ASK_EVERY_S
        self._is_lost = self._has_told_to_wait = self._has_told_of_jobs = False

    def __enter__(self) -> ClusterPool:
        try:
            self._client = self._open.enter_context(_connected(self._place, self._jobs))
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):  # the scheduler may be gone
            self._client.cancel([given.future for given in self._running.values()])
            if not self._is_lost:
                self._client.run(remote.let_go)
        self._running.clear()
        self._open.close()

    def run(
        self, tasks: Sequence[Task], hand_out: Callable[[str], int]
    ) -> Iterator[tuple[Task, Outcome] | Look]:
        """Work on all tasks; yields what becomes of each as it comes, and `Look` in between.

        Raises
        ------
        BatchError
            SCHEDULER_LOST, or OTHER_WORKERS: every worker is another program, or has other models.
        ExportError
            Results cannot be written.
        """
        waiting = deque(tasks)
        while waiting or self._running:
            if self._is_stopped():
                return
            is_paused, most = self._is_paused(), _AHEAD * self._threads()
            while waiting and not is_paused and len(self._running) < most:
                task = waiting.popleft()
                hand_out(task.identity)
                try:
                    packed = self._packed(task)
                except OSError:
                    yield task, _failed(unreadable_failure(task.path))
                else:
                    self._send(task, packed)
            yield Look(is_paused, len(self._running))
            with suppress(queue.Empty):
                ended = self._come(self._ended.get(timeout=_LOOK_S))
                if ended is not None:
                    yield ended

    def _threads(self) -> int:
        """Return how many images the workers can analyse at once."""
        workers = self._workers()
        threads = sum(count for address, count in workers.items() if address not in self._refused)
        if workers and not threads:
            raise BatchError(self._place.name, BatchProblem.OTHER_WORKERS)
        self._follow_jobs()
        if not workers and not self._has_told_to_wait:
            self._has_told_to_wait = True
            self._tell(WAITING_FOR_WORKERS)
        return threads

    def _follow_jobs(self) -> None:
        """Say once that a queueing system refuses jobs; where it refuses all, nobody will come."""
        reasons = [*self._jobs.refused.values()]
        if reasons and len(reasons) >= self._jobs.count:
            raise BatchError(self._place.name, BatchProblem.FAULTY_CLUSTER, reasons[0])
        if reasons and not self._has_told_of_jobs:
            self._has_told_of_jobs = True
            self._tell(refused_job_text(self._place.name, reasons[0]))

    def _workers(self) -> Mapping[str, int]:
        """Return the threads of each worker by its address, as of some seconds ago at most."""
        if self._client.status != "running":
            self._lose()
        if time.monotonic() - self._looked_s > _ASK_EVERY_S:
            known = self._client.scheduler_info(n_workers=-1)["workers"]
            self._known = {address: one["nthreads"] for address, one in known.items()}
            self._looked_s = time.monotonic()
        return self._known

    def _packed(self, task: Task) -> bytes:
        if self._sends_files:
            source, files = remote.packed(task.source)
            task = replace(task, source=source, path=Path(task.path.name))
        else:
            task, files = replace(task, source=remote.absolute(task.source)), {}
        return pickle.dumps(
            remote.Job(task, self._options, self._step_limit_s, files, self._serve_as)
        )

    def _send(self, task: Task, packed: bytes) -> None:
        allowed = [one for one in self._known if one not in self._refused]
        future = self._client.submit(
            remote.analyse, *astuple(self._identity), self._options.models, packed, pure=False,
            workers=allowed if self._refused else None,
        )  # fmt: skip
        self._running[future.key] = _Given(task, packed, future)
        future.add_done_callback(self._ended.put)

    def _come(self, future: Any) -> tuple[Task, Outcome] | None:
        """Take what came of an image, and write it; None where it is still to come."""
        given = self._running.get(future.key)
        if given is None:
            return None
        task = given.task
        if future.status in ("cancelled", "lost"):
            self._lose()
        if future.status == "error":
            outcome = self._failure(task, future.exception(timeout=_GATHER_S))
        else:
            try:
                answer = future.result(timeout=_GATHER_S)
            except TimeoutError:  # its worker was lost before it was fetched
                future.add_done_callback(self._ended.put)
                return None
            except CancelledError:
                self._lose()
            if answer is None or isinstance(answer, tuple):
                self._refuse(future, answer)
                del self._running[future.key]
                self._send(task, given.packed)
                return None
            outcome = _written(answer, task, is_flat=self._options.is_flat)
        del self._running[future.key]
        return task, outcome

    def _failure(self, task: Task, error: BaseException) -> Outcome:
        from distributed.scheduler import KilledWorker

        if isinstance(error, KilledWorker):
            return _failed(lost_worker_failure(task.path))
        if isinstance(error, ImportError | AttributeError | pickle.UnpicklingError):
            # What is not even known there is no version of this program.
            detail = type(error).__name__
            raise BatchError(self._place.name, BatchProblem.OTHER_WORKERS, detail)
        message = explain(UnexpectedError(task.path, error))
        return _failed((message.sentence, message.advice))

    def _refuse(self, future: Any, identity: tuple[str, str] | None) -> None:
        """Leave out the worker that is another program, and say so once."""
        for address in self._client.who_has([future]).get(future.key, ()):
            if identity is not None and address not in self._refused:
                self._refused.add(address)
                ours = self._identity.version
                self._tell(refused_worker_text(address, identity[0], ours))
        self._threads()

    def _lose(self) -> NoReturn:
        self._is_lost = True
        raise BatchError(self._place.name, BatchProblem.SCHEDULER_LOST)


@dataclass
class _Jobs:
    """How many jobs a queueing system was asked for, and why it refused some, by their names.

    Dask's own thread fills it.
    """

    count: int = 0
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Given:
    """An image that was handed out."""

    task: Task
    packed: bytes
    future: Any


def _failed(told: tuple[str, str]) -> Outcome:
    return Outcome(ItemStatus.FAILED, *told)


def _written(answer: remote.Answer, task: Task, *, is_flat: bool) -> Outcome:
    """Write what came back where a worker on this computer would have written it."""
    if answer.picture is not None:
        write_export(picture_path(task.folder), answer.picture)
    if answer.files:
        place, prefix = results_place(task.folder, is_flat=is_flat)
        put_bundle(place, answer.files, prefix)
    return answer.outcome


@contextmanager
def _connected(place: Place, jobs: _Jobs) -> Iterator[Any]:
    """Connect with a scheduler; one of a queueing system runs in this program, until the end."""
    try:
        import dask
        from distributed import Client, Security
    except ModuleNotFoundError as error:
        raise BatchError(place.name, BatchProblem.NO_CLUSTER) from error
    for name in _LOUD:  # what matters is told in sentences
        logging.getLogger(name).setLevel(logging.CRITICAL)
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "10 GB"})
    security = None
    if place.certificates is not None:
        security = Security(
            tls_ca_file=str(place.certificates.authority),
            tls_client_cert=str(place.certificates.certificate),
            tls_client_key=str(place.certificates.key),
            require_encryption=True,
        )
    with ExitStack() as opened:
        if place.scheduler:
            _require_address(place)
        scheduler = place.scheduler or opened.enter_context(_asked_for(place, jobs))
        try:
            client = Client(scheduler, timeout=_CONNECT_S, security=security, set_as_default=False)
        except (OSError, ValueError, RuntimeError, TypeError) as error:
            detail = type(error).__name__
            raise BatchError(place.name, BatchProblem.NO_SCHEDULER, detail) from error
        opened.callback(client.close, timeout=_CLOSE_S)
        yield client


def _require_address(place: Place) -> None:
    """Refuse what is no address before Dask's client waits for it, and complains at its end."""
    from distributed.comm.addressing import get_address_host_port

    try:
        get_address_host_port(place.scheduler)
    except ValueError as error:
        detail = "no address such as tcp://host:8786"
        raise BatchError(place.name, BatchProblem.NO_SCHEDULER, detail) from error


@contextmanager
def _asked_for(place: Place, jobs: _Jobs) -> Iterator[Any]:
    """Ask a queueing system for workers, and give them back at the end."""
    try:
        import dask_jobqueue
    except ModuleNotFoundError as error:
        raise BatchError(place.system, BatchProblem.NO_CLUSTER) from error
    made = getattr(dask_jobqueue, SYSTEMS[place.system])
    command = made.job_cls.submit_command
    if shutil.which(command) is None:
        raise BatchError(place.system, BatchProblem.FAULTY_CLUSTER, no_command_text(command))
    try:
        options = {**USUAL_OPTIONS, **(place.options or {})}
        of_scheduler = {**SCHEDULER_OPTIONS, **(options.pop("scheduler_options", None) or {})}
        cluster = made(
            **options, scheduler_options=of_scheduler, job_cls=_watched(made.job_cls, jobs)
        )
    except Exception as error:
        # It raises what it likes for options that it does not know or a system lacks.
        detail = next(iter(str(error).splitlines()), "")
        raise BatchError(place.system, BatchProblem.FAULTY_CLUSTER, detail) from error
    with cluster:
        cluster.scale(place.count)
        jobs.count = len(cluster.worker_spec)
        yield cluster


def _watched(job: Any, jobs: _Jobs) -> Any:
    """Return a class of jobs that notes why one was refused: Dask only logs it, and goes on."""
    from distributed.core import Status

    class Watched(job):  # type: ignore[misc]
        async def start(self) -> None:
            try:
                await super().start()
            except Exception as error:
                # The last thing that the system said stands at the end.
                said = [line for line in str(error).splitlines() if line and line[-1] != ":"]
                jobs.refused[self.name] = said[-1] if said else type(error).__name__
                raise

        async def close(self) -> None:
            await super().close()
            self.status = Status.closed  # dask-jobqueue 0.9 forgets it, and Dask asserts it

    return Watched
