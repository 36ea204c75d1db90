"""Values over a pipe: large arrays through memory that both processes see, the rest pickled.

The memory has no name: its descriptor goes over the pipe as well, and the system takes it back
with the last process that holds it, however that one ends. Where the system has no such memory
(Windows, macOS), the bytes of arrays go through the pipe behind the message.

What was sent in a call is not sent again in it: the picture that comes with the first step is the
same object as that of the result.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import struct
import threading
import traceback
from collections.abc import Callable, Sequence
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from spinealign.domain.image import SpineImage

LEAST_SHARED_BYTES = 1 << 16
"""What is smaller is copied into the message: the system hands out memory in pages."""

MOST_KEPT = 8
"""Pictures and arrays of a call that are known on both sides; a series has thousands."""

_HEAD = struct.Struct("<?I")
_LENGTH = struct.Struct("<Q")
_ALIGNED = 64
_reading = threading.local()


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


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, known: Known, buffers: list[memoryview]) -> None:
        super().__init__(file, 5, buffer_callback=self._is_within)
        self._known, self._buffers = known, buffers

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
            return _kept_image, (self._known.added(value), value.__dict__)
        if type(value) is np.ndarray and value.nbytes >= LEAST_SHARED_BYTES:
            made, arguments = _reduced(value)
            if made is not np._core.multiarray._reconstruct:  # type: ignore[attr-defined]
                return _kept, (self._known.added(value), made, arguments)
        if isinstance(value, BaseException):
            return _error_again, (type(value), value.args, _state_of(value))
        return NotImplemented


def _reduced(value: Any) -> tuple[Any, Any]:
    reduced = value.__reduce_ex__(5)
    return reduced[0], reduced[1]


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, number: int) -> object:
        known: Known = _reading.known
        return known.by_number[number]


def _kept_image(number: int, state: dict[str, Any]) -> SpineImage:
    image: SpineImage = object.__new__(SpineImage)
    image.__dict__.update(state)
    _reading.known.keep(number, image)
    return image


def _kept(number: int, made: Callable[..., object], arguments: tuple[Any, ...]) -> object:
    value = made(*arguments)
    _reading.known.keep(number, value)
    return value


def _state_of(error: BaseException) -> dict[str, Any]:
    """Return what an error carries, and the places it came through; never their values."""
    frames = traceback.extract_tb(error.__traceback__)
    places = tuple((frame.filename, frame.lineno or 0, frame.name) for frame in frames)
    return {"worker_frames": places, **error.__dict__}


def _error_again(
    kind: type[BaseException], arguments: tuple[Any, ...], state: dict[str, Any]
) -> BaseException:
    # Errors with data make their own text: their class is not called with what it was called with.
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(state)
    return error


class Channel:
    """One end of a pipe; sending is safe from several threads, receiving is for one.

    Parameters
    ----------
    connection : Connection
    is_sharing : bool
        Whether arrays go through shared memory; by default where the system has it without names.
    """

    def __init__(
        self, connection: Connection, is_sharing: bool = hasattr(os, "memfd_create")
    ) -> None:
        self._connection, self._is_sharing = connection, is_sharing
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
                _Pickler(file, known, buffers).dump(message)
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
        """
        content = memoryview(self._connection.recv_bytes())
        is_shared, count = _HEAD.unpack_from(content)
        (number,) = _LENGTH.unpack_from(content, _HEAD.size)
        start = _HEAD.size + _LENGTH.size
        lengths = [
            _LENGTH.unpack_from(content, start + place * _LENGTH.size)[0] for place in range(count)
        ]
        buffers: list[Any]
        if is_shared:
            buffers = _mapped(reduction.recv_handle(self._connection), lengths)
        else:
            buffers = [bytearray(self._connection.recv_bytes()) for _ in lengths]
        _reading.known = self._received.setdefault(number, Known(2 * MOST_KEPT))
        body = io.BytesIO(content[start + count * _LENGTH.size :])
        return _Unpickler(body, buffers=buffers).load()

    def forget(self, number: int) -> None:
        """Let go of what a call brought, once it has ended."""
        self._sent.pop(number, None)
        self._received.pop(number, None)

    def close(self) -> None:
        """Close this end."""
        self._connection.close()


def _shared(buffers: Sequence[memoryview]) -> int:
    """Return a descriptor of nameless memory with the bytes of arrays, each at an even place."""
    descriptor = os.memfd_create("spinealign", os.MFD_CLOEXEC)
    try:
        place = 0
        for buffer in buffers:
            place = _even(place)
            left = buffer
            while left.nbytes:  # writing lets other threads go on, as copying does not
                written = os.pwrite(descriptor, left, place)
                left, place = left[written:], place + written
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _mapped(descriptor: int, lengths: Sequence[int]) -> list[memoryview]:
    """Return the bytes of arrays; what is written to them stays in this process."""
    try:
        whole = memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY))
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
