"""The worker's own side: calls run in threads, one each, until nobody is there any more."""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

from spinealign import protected_folders
from spinealign.domain.errors import Cancelled
from spinealign.domain.generators import run_to_end
from spinealign.domain.interrupts import Interrupt
from spinealign.worker.channel import Channel
from spinealign.worker.messages import (
    Answer,
    Asked,
    Call,
    Cancel,
    Done,
    Failed,
    Question,
    Sent,
    Stepped,
)
from spinealign.worker.process import give_back_freed_memory
from spinealign.worker.served import Served
from spinealign.worker.values import Admitted

READ_PROTECTED, SEAL, PROTECTED_BYTES = "read protected", "seal", "protected bytes"
"""What a worker asks of the program that has the keys of the encrypted archive."""

NICER = 10
"""Than the window: see `spinealign.ui.work.tasks`."""

_PIECE_BYTES = 1 << 20
_LET_IN_S = 0.001
"""So that who waits for a lock gets it before who has just given it back."""
_of_thread = threading.local()


class DefectError(Exception):
    """Stands for an error of the program that cannot be sent as it is."""


def serve(connection: Connection, wanted: Served) -> None:
    """Run what is called until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(0.001)
    if sys.platform == "linux":
        # Of this thread only, and of those that it starts: all calls, and the networks' own.
        os.nice(NICER)
    channel = Channel(connection, sends=Admitted(wanted.admitted))
    imports = _Imports()
    threading.Thread(target=_load, args=(wanted, imports), daemon=True).start()
    running: dict[int, _Running] = {}
    with contextlib.suppress(EOFError, OSError):
        while (message := imports.receive(connection, channel)) is not None:
            _take(message, channel, running, imports)
            _wait(connection, running, wanted)
    os._exit(0)  # threads in the middle of a decoder would be waited for


def _wait(connection: Connection, running: Mapping[int, object], wanted: Served) -> None:
    """Wait for the next message; rest where none comes, until one does."""
    if not wanted.at_rest:
        return
    # Calls end in their own threads, so whether there are any is looked at anew each time.
    while not connection.poll(wanted.rest_s):
        if not running:
            _named(wanted.at_rest)()
            gc.collect()
            give_back_freed_memory()
            return


class _Imports:
    """Keeps the imports at the start apart from those of what is called.

    A package may import a module of its own that another thread began with; each then waits for the
    other, and Python ends one of the two with an error.
    """

    def __init__(self) -> None:
        self._one = threading.Lock()
        self._is_over = threading.Event()

    def run(self, modules: Iterable[str]) -> None:
        """Import the modules; whatever one cannot do is told where it is needed."""
        try:
            for name in modules:
                with self._one:
                    importlib.import_module(name)
                time.sleep(_LET_IN_S)
        finally:
            self._is_over.set()

    def receive(self, connection: Connection, channel: Channel) -> Sent | None:
        """Return the next message, which may import what it names."""
        connection.poll(None)
        with self._one:
            message: Sent | None = channel.receive()
        return message

    def wait(self) -> None:
        """Wait until all are imported: a function may import in its midst."""
        self._is_over.wait()


def _load(wanted: Served, imports: _Imports) -> None:
    imports.run(wanted.modules)
    if wanted.at_start:
        # What goes wrong here goes wrong again where it is needed, and is told there.
        with contextlib.suppress(Exception):
            _named(wanted.at_start)(*wanted.given)


def _named(name: str) -> Callable[..., object]:
    """Return a function from ``module:name``."""
    module, _, word = name.partition(":")
    found: Callable[..., object] = getattr(importlib.import_module(module), word)
    return found


class _Running:
    """A call on its way, and what ends it."""

    def __init__(self) -> None:
        self.interrupt = Interrupt()
        self.answers: SimpleQueue[Answer] = SimpleQueue()


def _take(message: Sent, channel: Channel, running: dict[int, _Running], imports: _Imports) -> None:
    if isinstance(message, Call):
        _follow_folders(message.folders)
        here = running[message.number] = _Running()

        def run() -> None:
            try:
                _run_call(message, channel, here, imports)
            finally:
                running.pop(message.number, None)
                channel.forget(message.number)
                give_back_freed_memory()

        threading.Thread(target=run, daemon=True).start()
    elif (found := running.get(message.number)) is not None:
        if isinstance(message, Cancel):
            found.interrupt.cut()
            found.answers.put(Answer(message.number, error=Cancelled()))
        else:
            found.answers.put(message)


def _run_call(call: Call, channel: Channel, here: _Running, imports: _Imports) -> None:
    number = call.number

    def ask(name: str, *arguments: Any) -> Any:
        here.interrupt.require_wanted()
        channel.send(Question(number, name, arguments))
        answer = here.answers.get()
        if answer.error is not None:
            raise answer.error
        return answer.value

    def tell(step: object) -> None:
        here.interrupt.require_wanted()
        channel.send(Stepped(number, step))

    def asking(argument: Any) -> Any:
        if not isinstance(argument, Asked):
            return argument
        return lambda *arguments: ask(argument.name, *arguments)

    _of_thread.ask = ask
    with contextlib.suppress(OSError):
        try:
            with here.interrupt.here():
                imports.wait()
                result = call.function(*map(asking, call.arguments))
                if isinstance(result, Generator):
                    result = run_to_end(result, tell)
            channel.send(Done(number, result))
        except Exception as error:  # noqa: BLE001 - the boundary of the process
            _send_failure(channel, number, error)


def _send_failure(channel: Channel, number: int, error: Exception) -> None:
    try:
        channel.send(Failed(number, error))
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - an error that holds what cannot be sent
        # Without its text, which may quote values of the patient.
        known = DefectError(type(error).__name__).with_traceback(error.__traceback__)
        channel.send(Failed(number, known))


def _follow_folders(folders: Iterable[tuple[str, bool]]) -> None:
    for folder, is_open in folders:
        if is_open:
            protected_folders.protect(Path(folder), _AskedCipher(folder))
        else:
            protected_folders.lock(Path(folder))


class _AskedCipher:
    """Encrypts and decrypts by asking the program that has the key; it stays there."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def sealed(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        yield from _of_thread.ask(SEAL, self._folder, b"".join(pieces))

    def opened(self, path: Path) -> BinaryIO:
        return io.BufferedReader(_AskedFile(_of_thread.ask, path), _PIECE_BYTES)


class _AskedFile(io.RawIOBase):
    def __init__(self, ask: Callable[..., Any], path: Path) -> None:
        self._ask, self._path, self._place = ask, path, 0
        self._length: int = ask(PROTECTED_BYTES, path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._length}
        place = starts[whence] + offset
        if place < 0:
            raise OSError("before the beginning of the file")
        self._place = place
        return place

    def readinto(self, buffer: Any) -> int:
        if self._place >= self._length:
            return 0
        content: bytes = self._ask(READ_PROTECTED, self._path, self._place, len(buffer))
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)
