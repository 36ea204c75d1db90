"""The program's own side: calls of a worker process, which is replaced when it dies or hangs."""

from __future__ import annotations

import contextlib
import io
import itertools
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from spinealign import protected_folders
from spinealign.domain.errors import Cancelled
from spinealign.domain.generators import run_to_end
from spinealign.domain.interrupts import interrupt_of_thread
from spinealign.domain.worker import WorkerError, WorkerProblem
from spinealign.worker.channel import Channel, ForgedMessageError
from spinealign.worker.messages import (
    Answer,
    Asked,
    Call,
    Cancel,
    Done,
    Failed,
    Question,
    Stepped,
    Told,
)
from spinealign.worker.process import Process
from spinealign.worker.served import REST_S, Served
from spinealign.worker.serving import PROTECTED_BYTES, READ_PROTECTED, SEAL
from spinealign.worker.starting import MEMORY_LIMIT_BYTES, start_process
from spinealign.worker.values import Admitted

STEP_LIMIT_S = 300.0
"""The longest step of a whole film on a slow computer takes about 20 s."""

CANCEL_S = 1.0
"""In which a call that is not wanted any more has to end, before its process is."""

MOST_REPLACED = 5
"""Processes that a call may lose because of others, before it is given up itself."""

_END_S = 5.0
_LOOK_S = 0.1


class _Host:
    """One process, with the calls that it has."""

    def __init__(self, process: Process, admitted: Sequence[str]) -> None:
        self.process = process
        self.channel = Channel(self.process.connection, takes=Admitted(admitted))
        self.calls: dict[int, SimpleQueue[Any]] = {}
        self.lock = threading.Lock()
        self.was_replaced = self.has_ended = self.has_forged = False
        self.thread = threading.Thread(target=self._listen, name="worker", daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        try:
            while True:
                self._pass_on(self.channel.receive())
        except ForgedMessageError:
            # It does not do what it was told any more: nothing else that it says is heard.
            self.has_forged = True
            self.process.kill()
        except (EOFError, OSError):
            pass
        code = self.process.wait_for_end(_END_S)
        if code is None:
            self.process.kill()
        frames = () if self.was_replaced else self.process.frames()
        with self.lock:
            self.has_ended = True
            calls = list(self.calls.values())
        for queue in calls:
            queue.put(_Gone(self.was_replaced, len(calls) > 1, self.problem, code or 0, frames))
        self.process.close()

    def _pass_on(self, message: Any) -> None:
        if not (isinstance(message, Told) and type(message.number) is int):
            raise ForgedMessageError
        if (queue := self.calls.get(message.number)) is not None:
            queue.put(message)

    @property
    def problem(self) -> WorkerProblem:
        """Why it is gone."""
        return WorkerProblem.FORGED if self.has_forged else WorkerProblem.ENDED

    def add(self, number: int, queue: SimpleQueue[Any]) -> bool:
        """Have a call here; return whether the process is still there."""
        with self.lock:
            if not self.has_ended:
                self.calls[number] = queue
            return not self.has_ended

    def end(self) -> None:
        """End the process now; its calls are told."""
        self.was_replaced = True
        self.process.kill()


class _Gone:
    """The process of a call is gone.

    Parameters
    ----------
    was_replaced : bool
        It was ended on purpose.
    is_shared : bool
        Other calls were on their way in it: whose fault it was is not known.
    """

    def __init__(
        self, was_replaced: bool, is_shared: bool, problem: WorkerProblem, code: int, frames: Any
    ) -> None:
        self.was_replaced, self.is_shared = was_replaced, is_shared
        self.problem, self.code, self.frames = problem, code, frames


class _Cut:
    """Nobody wants a call any longer."""


class _Trial:
    """A call, and how it went so far."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._function, self._arguments = function, arguments
        self.is_alone, self.losses, self.sent = False, 0, 0
        self.step, self.result = "", None

    def call(self, number: int, known: dict[str, Callable[..., Any]]) -> Call:
        """Return what is sent; functions of this process stay here, in `known`."""

        def crossing(argument: Any) -> Any:
            if not callable(argument) or isinstance(argument, type):
                return argument
            known[name := f"argument {len(known)}"] = argument
            return Asked(name)

        arguments = tuple(map(crossing, self._arguments))
        return Call(number, self._function, arguments, protected_folders.folders())

    def note(self, step: Any) -> None:
        """Know which step was told last."""
        self.sent += 1
        self.step = getattr(step, "name", self.step)


class Worker:
    """A process that runs functions for this one; may be called from several threads.

    A call that is cancelled (`spinealign.domain.interrupts`, or by closing its generator) and does
    not end within `cancel_s` ends with its process. Another one takes its place, and the
    other calls begin anew there, so that what is called must bear to be done twice. Where a
    process dies of itself the only call in it is at fault; of several, each is tried again alone.

    Parameters
    ----------
    modules : sequence of str
        Loaded in the process before anything is asked.
    step_limit_s, cancel_s : float
    memory_bytes : int
        Of address space; 0 for no limit. Linux only.
    admitted : sequence of str
        Classes, as ``module:name``, whose values may come back beside those of the domain. What
        else comes counts as a crash of the process.
    at_rest : str
        A function, as ``module:name``, that lets go of what only work needs; called in the process
        once nothing was asked for `rest_s`.
    rest_s : float
    at_start : str
        A function, as ``module:name``, called in the process with `given` once `modules` are
        loaded.
    given : sequence
    """

    def __init__(
        self,
        modules: Sequence[str] = (),
        step_limit_s: float = STEP_LIMIT_S,
        cancel_s: float = CANCEL_S,
        memory_bytes: int = MEMORY_LIMIT_BYTES,
        admitted: Sequence[str] = (),
        at_rest: str = "",
        rest_s: float = REST_S,
        at_start: str = "",
        given: Sequence[Any] = (),
    ) -> None:
        self._served = Served(
            tuple(modules), tuple(admitted), at_rest, rest_s, at_start, tuple(given)
        )
        self._memory_bytes = memory_bytes
        self._step_limit_s, self._cancel_s = step_limit_s, cancel_s
        self.on_replaced: Callable[[], object] = lambda: None
        """Called, in any thread, when a process was ended because a call did not stop."""

        self._numbers = itertools.count(1)
        self._turn = threading.Condition()
        self._together = self._alone = 0
        self._lock = threading.Lock()
        self._host: _Host | None = None
        self._is_closed = False

    @classmethod
    def of_process(cls, process: Process, served: Served) -> Worker:
        """Return the worker of a process that was started by `starting.start_process` before."""
        worker = cls(
            served.modules, admitted=served.admitted, at_rest=served.at_rest,
            rest_s=served.rest_s, at_start=served.at_start, given=served.given,
        )  # fmt: skip
        worker._host = _Host(process, served.admitted)
        return worker

    def start(self) -> None:
        """Start the process, without waiting until it is ready."""
        with self._lock:
            if not self._is_closed and (self._host is None or self._host.has_ended):
                process = start_process(self._served, self._memory_bytes)
                self._host = _Host(process, self._served.admitted)

    @property
    def pid(self) -> int:
        """Of the process; 0 while there is none."""
        return 0 if self._host is None else self._host.process.pid

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a function of a module in the worker and return what it returns.

        Raises
        ------
        WorkerError
        Cancelled
        Exception
            What the function raises.
        """
        return run_to_end(self.stream(function, *arguments))

    def iterate(self, function: Callable[..., Any], *arguments: Any) -> Iterator[Any]:
        """Yield what a generator of the worker yields; see `stream`."""
        yield from self.stream(function, *arguments)

    def stream(self, function: Callable[..., Any], *arguments: Any) -> Generator[Any, None, Any]:
        """Run a generator function in the worker; its steps come one by one.

        A callable among the arguments is called here, in the thread that iterates.

        Raises
        ------
        WorkerError
        Cancelled
        Exception
            What the function raises.
        """
        trial = _Trial(function, arguments)
        while True:
            with self._turn_of(trial.is_alone):
                gone = yield from self._tried(trial)
            if gone is None:
                return trial.result
            if not self._may_try_again(trial, gone):
                self.start()
                raise WorkerError(gone.problem, gone.code, trial.step, worker_frames=gone.frames)

    def _may_try_again(self, trial: _Trial, gone: _Gone) -> bool:
        if self._is_closed:
            raise Cancelled
        trial.losses += 1
        if gone.was_replaced:
            return trial.losses <= MOST_REPLACED
        may = gone.is_shared and not trial.is_alone
        trial.is_alone = True
        return may

    def _tried(self, trial: _Trial) -> Generator[Any, None, _Gone | None]:
        """Run a call in a process; return None once it has ended well, else why it is gone."""
        queue: SimpleQueue[Any] = SimpleQueue()
        number = next(self._numbers)
        host = self._host_of(number, queue)
        forget = interrupt_of_thread().add(lambda: queue.put(_Cut()))
        known, sent, is_running = {**_SERVICES}, 0, True
        try:
            self._send(host, trial.call(number, known))
            while True:
                message = self._next(host, queue, trial)
                if isinstance(message, Stepped):
                    sent += 1
                    if sent > trial.sent:
                        trial.note(message.step)
                        yield message.step
                elif isinstance(message, Question):
                    self._send(host, _answered(message, known))
                elif isinstance(message, Done):
                    trial.result = message.result
                    return None
                elif isinstance(message, Failed):
                    is_running = False
                    raise message.error
                elif isinstance(message, _Gone):
                    return message
                else:
                    raise Cancelled
        except (GeneratorExit, Cancelled):
            if is_running:
                self._stop(host, number, queue)
            raise
        finally:
            forget()
            host.calls.pop(number, None)
            host.channel.forget(number)

    def _next(self, host: _Host, queue: SimpleQueue[Any], trial: _Trial) -> Any:
        try:
            return queue.get(timeout=self._step_limit_s)
        except Empty:
            host.end()
            raise WorkerError(
                WorkerProblem.TOO_LONG, step=trial.step, limit_s=self._step_limit_s
            ) from None

    def _stop(self, host: _Host, number: int, queue: SimpleQueue[Any]) -> None:
        """Have a call end, with its process if it must be."""
        self._send(host, Cancel(number))
        deadline = time.monotonic() + self._cancel_s
        with contextlib.suppress(Empty):
            while (left := deadline - time.monotonic()) > 0:
                if isinstance(queue.get(timeout=left), (Done, Failed, _Gone)):
                    return
        host.end()
        if not self._is_closed:
            self.start_after(host)
            self.on_replaced()

    def _host_of(self, number: int, queue: SimpleQueue[Any]) -> _Host:
        for _ in range(MOST_REPLACED):
            self.start()
            host = self._host
            if host is None:
                raise Cancelled
            if host.add(number, queue):
                return host
        raise WorkerError(WorkerProblem.NO_START)

    def _send(self, host: _Host, message: Any) -> None:
        # Where nobody is there any more, the thread that listens tells.
        with contextlib.suppress(OSError):
            host.channel.send(message)

    def start_after(self, host: _Host) -> None:
        """Start another process once one has gone."""
        host.thread.join(_END_S)
        self.start()

    def replace(self) -> None:
        """End the process, and with it all that it still holds, and start another one."""
        host = self._host
        if host is not None:
            host.end()
            self.start_after(host)
        else:
            self.start()

    def close(self) -> None:
        """End the process for good."""
        self._is_closed = True
        host, self._host = self._host, None
        if host is not None:
            host.end()
            host.thread.join(_END_S)

    @contextlib.contextmanager
    def _turn_of(self, is_alone: bool) -> Iterator[None]:
        """Be one of many, or wait until there is no other one."""
        interrupt = interrupt_of_thread()
        with self._turn:
            self._alone += is_alone
            try:
                while self._together if is_alone else self._alone:
                    interrupt.require_wanted()
                    self._turn.wait(_LOOK_S)
            except BaseException:
                self._alone -= is_alone
                raise
            self._together += 1
        try:
            yield
        finally:
            with self._turn:
                self._together -= 1
                self._alone -= is_alone
                self._turn.notify_all()


def _answered(question: Question, known: Mapping[str, Callable[..., Any]]) -> Answer:
    try:
        return Answer(question.number, known[question.asked](*question.arguments))
    except Exception as error:  # noqa: BLE001 - whoever asked is told
        return Answer(question.number, error=error)


def _protected_bytes(path: Path) -> int:
    with protected_folders.open_binary(path) as file:
        return file.seek(0, io.SEEK_END)


def _read_protected(path: Path, place: int, count: int) -> bytes:
    # Opened for each piece, so that what a lock closes is closed.
    with protected_folders.open_binary(path) as file:
        file.seek(place)
        return file.read(count)


def _sealed(folder: str, content: bytes) -> list[bytes]:
    cipher = protected_folders.cipher_of(Path(folder) / "any")
    if cipher is None:
        raise protected_folders.LockedFolderError(Path(folder))
    return list(cipher.sealed([content]))


_SERVICES: Mapping[str, Callable[..., Any]] = {
    PROTECTED_BYTES: _protected_bytes,
    READ_PROTECTED: _read_protected,
    SEAL: _sealed,
}
