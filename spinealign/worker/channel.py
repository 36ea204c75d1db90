"""Values over a pipe: large arrays through memory that both processes see, the rest pickled.

The memory has no name: its descriptor goes over the pipe as well, and the system takes it back
with the last process that holds it, however that one ends. Where the system has no such memory
(Windows, macOS), the bytes of arrays go through the pipe behind the message.

What comes from a worker is limited to values: see `spinealign.worker.values`.

What was sent in a call is not sent again in it: the picture that comes with the first step is the
same object as that of the result.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from spinealign.domain.image import SpineImage
from spinealign.worker.values import (
    ARRAY_KINDS,
    Admitted,
    arguments_of,
    as_received,
    as_sent,
    is_called,
)

if sys.platform == "linux":
    import fcntl

    _SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL

LEAST_SHARED_BYTES = 1 << 16
"""What is smaller is copied into the message: the system hands out memory in pages."""

MOST_KEPT = 8
"""Pictures and arrays of a call that are known on both sides; a series has thousands."""

_HEAD = struct.Struct("<?I")
_LENGTH = struct.Struct("<Q")
_ALIGNED = 64


class Known:
    """What one side has sent to the other one in a call, or has received, by number.

    Parameters
    ----------
    most : int
        The side that receives keeps more: of one message it gets inner values first.
    """

    def __init__(self, most: int, last: int = 0) -> None:
        self._most, self.last = most, last
        self.by_number: dict[int, object] = {}
        self._numbers: dict[int, int] = {}

    def number_of(self, value: object) -> int | None:
        """Return the number of what is known, or None."""
        return self._numbers.get(id(value))

    def added(self, value: object) -> int:
        """Return the number that something new gets."""
        self.keep(self.last + 1, value)
        return self.last

    def keep(self, number: int, value: object) -> None:
        """Know something by a number, and the oldest no longer."""
        self.by_number[number] = value
        self._numbers[id(value)] = number
        self.last = max(self.last, number)
        for old in [one for one in self.by_number if one <= self.last - self._most]:
            self._numbers.pop(id(self.by_number.pop(old)), None)


class _Maker:
    """Stands in a message for what makes a value on the other side; it crosses by name."""

    def __init__(self, word: str) -> None:
        self.word = word

    def __reduce__(self) -> str:
        return self.word

    def __call__(self) -> None:
        """Only because pickle asks for something that can be called."""


_KEPT_IMAGE, _MADE_ARRAY = _Maker("_KEPT_IMAGE"), _Maker("_MADE_ARRAY")
_MADE_SCALAR, _MADE_ERROR = _Maker("_MADE_SCALAR"), _Maker("_MADE_ERROR")
_MADE_VALUE, _BLANK_VALUE = _Maker("_MADE_VALUE"), _Maker("_BLANK_VALUE")


def _state_of(error: BaseException) -> dict[str, Any]:
    """Return what an error carries, and the places it came through; never their values."""
    frames = traceback.extract_tb(error.__traceback__)
    places = tuple((frame.filename, frame.lineno or 0, frame.name) for frame in frames)
    return {"worker_frames": places, **error.__dict__}


class ForgedMessageError(Exception):
    """The worker sent what the program never has it send; its own text is not kept."""


class _Pickler(pickle.Pickler):
    """Writes images, arrays and errors in ways of its own; with a table, all other values too."""

    def __init__(
        self,
        file: io.BytesIO,
        known: Known,
        buffers: list[memoryview],
        admitted: Admitted | None,
    ) -> None:
        super().__init__(file, 5, buffer_callback=self._is_within)
        self._known, self._buffers, self._admitted = known, buffers, admitted

    def _is_within(self, buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < LEAST_SHARED_BYTES:
            return True
        self._buffers.append(raw)
        return False

    def persistent_id(self, value: object) -> int | None:
        if isinstance(value, (SpineImage, np.ndarray)):
            return self._known.number_of(value)
        return None

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, SpineImage):
            return _KEPT_IMAGE, (self._known.added(value), value.__dict__)
        if type(value) is np.ndarray and value.dtype.kind in ARRAY_KINDS:
            is_kept = value.nbytes >= LEAST_SHARED_BYTES
            return _MADE_ARRAY, (self._known.added(value) if is_kept else 0, *as_sent(value))
        if isinstance(value, BaseException):
            return self._error(value)
        return NotImplemented if self._admitted is None else self._admitted_value(value)

    def _error(self, error: BaseException) -> Any:
        if self._admitted is None:
            return _MADE_ERROR, (type(error), error.args, _state_of(error))
        return _MADE_ERROR, (self._admitted.name_of(type(error)), error.args, _state_of(error))

    def _admitted_value(self, value: Any) -> Any:
        admitted = self._admitted
        assert admitted is not None
        if isinstance(value, _Maker):
            return NotImplemented
        if isinstance(value, np.generic):
            return _MADE_SCALAR, as_sent(np.asarray(value))[:2]
        name = admitted.name_of(type(value))
        if is_called(type(value)):
            return _MADE_VALUE, (name, *arguments_of(value))
        return _BLANK_VALUE, (name,), value.__getstate__()


class _Unpickler(pickle.Unpickler):
    """Reads what `_Pickler` writes; with a table, nothing else.

    Makers are methods, so that a message finds neither a class nor a function that it could change.
    """

    def __init__(
        self, body: io.BytesIO, buffers: list[Any], known: Known, admitted: Admitted | None
    ) -> None:
        super().__init__(body, buffers=buffers)
        self._known, self._admitted = known, admitted
        self._makers: dict[str, Callable[..., object]] = {
            _KEPT_IMAGE.word: self._kept_image,
            _MADE_ARRAY.word: self._array,
            _MADE_ERROR.word: self._error,
            _MADE_SCALAR.word: self._scalar,
            _MADE_VALUE.word: self._value,
            _BLANK_VALUE.word: self._blank,
        }

    def persistent_load(self, number: int) -> object:
        return self._known.by_number[number]

    def find_class(self, module: str, name: str) -> Any:
        if module == __name__ and name in self._makers:
            return self._makers[name]
        if self._admitted is not None:
            raise pickle.UnpicklingError("a message may name nothing but its makers")
        return super().find_class(module, name)

    def _kept_image(self, number: int, state: dict[str, Any]) -> SpineImage:
        image: SpineImage = object.__new__(SpineImage)
        image.__dict__.update(state)
        self._known.keep(number, image)
        return image

    def _array(self, number: int, *arguments: Any) -> object:
        value = as_received(*arguments)
        if number:
            self._known.keep(number, value)
        return value

    def _scalar(self, content: Any, kind: str) -> object:
        return as_received(content, kind, (1,), "C")[0]

    def _class_of(self, name: Any) -> type:
        return name if self._admitted is None else self._admitted.class_of(name)

    def _error(self, name: Any, arguments: tuple[Any, ...], state: dict[str, Any]) -> BaseException:
        # Errors with data make their own text: their class is not called with what it was.
        kind = self._class_of(name)
        if not issubclass(kind, BaseException):
            raise pickle.UnpicklingError("not an error")
        error: BaseException = kind.__new__(kind, *arguments)
        error.args = arguments
        error.__dict__.update(state)
        return error

    def _value(self, name: str, *arguments: Any) -> object:
        kind = self._class_of(name)
        if not is_called(kind):
            raise pickle.UnpicklingError("not made by being called")
        return kind(*arguments)

    def _blank(self, name: str) -> object:
        kind = self._class_of(name)
        if is_called(kind) or issubclass(kind, BaseException):
            raise pickle.UnpicklingError("not made by setting what it holds")
        return object.__new__(kind)


class Channel:
    """One end of a pipe; sending is safe from several threads, receiving is for one.

    Parameters
    ----------
    connection : Connection
    is_sharing : bool
        Whether arrays go through shared memory; by default where the system has it without names.
    sends, takes : Admitted, optional
        The only classes whose values go out, and come in; any, and functions by their names, where
        it is None. What a worker sends is limited at both ends: there, so that a value that was
        forgotten in the table fails as the call's own error; here, because a worker may be taken
        over by a file.
    """

    def __init__(
        self,
        connection: Connection,
        is_sharing: bool = hasattr(os, "memfd_create"),
        sends: Admitted | None = None,
        takes: Admitted | None = None,
    ) -> None:
        self._connection, self._is_sharing = connection, is_sharing
        self._sends, self._takes = sends, takes
        self._sending = threading.Lock()
        self._sent: dict[int, Known] = {}
        self._received: dict[int, Known] = {}

    def send(self, message: Any) -> None:
        """Send a message; what cannot be sent raises, and nothing has gone out.

        Raises
        ------
        OSError
            Nobody is there.
        """
        with self._sending:
            file, buffers = io.BytesIO(), list[memoryview]()
            number = getattr(message, "number", 0)
            known = self._sent.setdefault(number, Known(MOST_KEPT))
            try:
                _Pickler(file, known, buffers, self._sends).dump(message)
            except BaseException:
                # The other side has got nothing of it.
                self._sent[number] = Known(MOST_KEPT, known.last)
                raise
            self._put(number, file.getbuffer(), buffers)

    def _put(self, number: int, body: memoryview, buffers: Sequence[memoryview]) -> None:
        shared = _shared(buffers) if self._is_sharing and buffers else None
        head = _HEAD.pack(shared is not None, len(buffers)) + _LENGTH.pack(number)
        lengths = b"".join(_LENGTH.pack(buffer.nbytes) for buffer in buffers)
        try:
            self._connection.send_bytes(head + lengths + body)
            if shared is not None:
                reduction.send_handle(self._connection, shared, 0)
                return
        finally:
            if shared is not None:
                os.close(shared)
        for buffer in buffers:
            self._connection.send_bytes(buffer)

    def receive(self) -> Any:
        """Return the next message.

        Raises
        ------
        EOFError, OSError
            Nobody is there.
        ForgedMessageError
            It is not a message, or has a value in it that may not come.
        """
        content = memoryview(self._connection.recv_bytes())
        try:
            (is_shared, count), number = _HEAD.unpack_from(content), _number_in(content)
            lengths, body = _parts(content, count)
        except struct.error:
            raise ForgedMessageError from None
        buffers: list[Any]
        if is_shared:
            buffers = _mapped(reduction.recv_handle(self._connection), lengths)
        else:
            buffers = [bytearray(self._connection.recv_bytes()) for _ in lengths]
        known = self._received.setdefault(number, Known(2 * MOST_KEPT))
        reader = _Unpickler(io.BytesIO(body), buffers, known, self._takes)
        if self._takes is None:
            return reader.load()
        try:
            return reader.load()
        except Exception:  # noqa: BLE001 - whatever a hostile message does to its reader
            raise ForgedMessageError from None

    def forget(self, number: int) -> None:
        """Let go of what a call brought, once it has ended."""
        self._sent.pop(number, None)
        self._received.pop(number, None)

    def close(self) -> None:
        """Close this end."""
        self._connection.close()


def _number_in(content: memoryview) -> int:
    number: int = _LENGTH.unpack_from(content, _HEAD.size)[0]
    return number


def _parts(content: memoryview, count: int) -> tuple[list[int], memoryview]:
    """Return the lengths of the arrays of a message, and what is pickled."""
    start = _HEAD.size + _LENGTH.size
    end = start + count * _LENGTH.size
    return [length for (length,) in _LENGTH.iter_unpack(content[start:end])], content[end:]


def _shared(buffers: Sequence[memoryview]) -> int:
    """Return a descriptor of nameless memory with the bytes of arrays, each at an even place."""
    descriptor = os.memfd_create("spinealign", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        place = 0
        for buffer in buffers:
            place = _even(place)
            left = buffer
            while left.nbytes:  # writing lets other threads go on, as copying does not
                written = os.pwrite(descriptor, left, place)
                left, place = left[written:], place + written
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _mapped(descriptor: int, lengths: Sequence[int]) -> list[memoryview]:
    """Return the bytes of arrays; what is written to them stays in this process.

    Memory that its sender can still cut off would end this process by a signal once it is looked
    at, so it has to be sealed (memfd_create(2)).
    """
    try:
        if fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & _SEALS != _SEALS:
            raise ForgedMessageError
        whole = memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY))
    except (OSError, ValueError):
        # No such memory, or none of it.
        raise ForgedMessageError from None
    finally:
        os.close(descriptor)
    views, place = list[memoryview](), 0
    for length in lengths:
        place = _even(place)
        views.append(whole[place : place + length])
        place += length
    return views


def _even(place: int) -> int:
    return -(-place // _ALIGNED) * _ALIGNED
