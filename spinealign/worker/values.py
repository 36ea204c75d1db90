"""What may come from a worker: frozen values of a known few kinds, and nothing that does anything.

A worker opens files from outside, and a file may take it over. What such a worker sends is pickled,
and a pickle names functions to be called. So what comes from there calls three functions at most,
all of them of this module or the channel, which make arrays, errors and values of the classes in
one table.
"""

from __future__ import annotations

import dataclasses
import importlib
import pickle
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any

import numpy as np

PACKAGES = ("spinealign.domain.",)
"""Their frozen values, enumerations and errors may come."""

CLASSES = (
    "spinealign.protected_folders:LockedFolderError",
    "spinealign.worker.messages:Stepped",
    "spinealign.worker.messages:Question",
    "spinealign.worker.messages:Done",
    "spinealign.worker.messages:Failed",
    "spinealign.worker.serving:DefectError",
)
"""What else may come, by module and name; whoever has a worker may add to it."""

ARRAY_KINDS = "?biufcSUMm"
"""Of elements: numbers, truth, text and times; never objects (numpy's `dtype.kind`)."""


def name_of(kind: type) -> str:
    """Return the name by which a class crosses."""
    return f"{kind.__module__}:{kind.__qualname__}"


_STANDARD: dict[str, type] = {
    name_of(kind): kind
    for kind in (
        *(PosixPath, WindowsPath, PurePosixPath, PureWindowsPath),
        *(date, datetime, time, timedelta, timezone, Decimal, Fraction),
    )
}


class Admitted:
    """The table of classes whose values may come from a worker.

    Parameters
    ----------
    also : iterable of str
        Classes beside those of the domain, as ``module:name``.
    """

    def __init__(self, also: Iterable[str] = ()) -> None:
        self._others = frozenset((*CLASSES, *also))
        self._classes: dict[str, type] = dict(_STANDARD)
        self._names: dict[type, str] = {}

    def class_of(self, name: object) -> type:
        """Return a class of the table by its name.

        Raises
        ------
        pickle.UnpicklingError
            It is none of them.
        """
        found = self._classes.get(name) if isinstance(name, str) else None
        if found is None:
            found = self._classes[str(name)] = self._found(str(name))
        return found

    def name_of(self, kind: type) -> str:
        """Return the name of a class of the table.

        Raises
        ------
        pickle.PicklingError
            It is none of them.
        """
        if (name := self._names.get(kind)) is None:
            name = name_of(kind)
            try:
                is_here = self.class_of(name) is kind
            except pickle.UnpicklingError:
                is_here = False
            if not is_here:
                raise pickle.PicklingError(f"values of {name} do not cross")
            self._names[kind] = name
        return name

    def _found(self, name: str) -> type:
        module, _, word = name.partition(":")
        is_named = name in self._others or module == "builtins" or module.startswith(PACKAGES)
        if not (is_named and word.isidentifier()):
            raise pickle.UnpicklingError("not a class that may come")
        found = getattr(importlib.import_module(module), word, None)
        if not (isinstance(found, type) and name_of(found) == name and _is_value(found, module)):
            raise pickle.UnpicklingError("not a class of values")
        return found


def _is_value(kind: type, module: str) -> bool:
    if module == "builtins":
        return issubclass(kind, Exception)
    is_frozen = dataclasses.is_dataclass(kind) or hasattr(kind, "__struct_fields__")
    return is_frozen or issubclass(kind, (Enum, Exception))


def is_called(kind: type) -> bool:
    """Whether values of a class are made by calling it, not by setting what they hold."""
    return not dataclasses.is_dataclass(kind) and not issubclass(kind, Exception)


def arguments_of(value: Any) -> tuple[Any, ...]:
    """Return what a class `is_called` with to make a value."""
    if isinstance(value, Enum):
        return (value.value,)
    arguments: tuple[Any, ...] = value.__reduce__()[1]
    return arguments


def as_sent(array: np.ndarray[Any, Any]) -> tuple[Any, str, tuple[int, ...], str]:
    """Return bytes, kind of elements, shape and axis order ("C" or "F") of an array.

    Raises
    ------
    pickle.PicklingError
        It holds objects, or elements of several parts.
    """
    if array.dtype.kind not in ARRAY_KINDS:
        raise pickle.PicklingError("arrays of objects do not cross")
    is_turned = array.flags.f_contiguous and not array.flags.c_contiguous
    flat = array.T if is_turned else array if array.flags.c_contiguous else array.copy(order="C")
    # Empty arrays have no bytes to point to; times are none of the kinds of plain buffers.
    content: Any = flat.reshape(-1).view(np.uint8) if array.size else b""
    if array.size:
        content = pickle.PickleBuffer(content)
    return content, array.dtype.str, array.shape, "F" if is_turned else "C"


def as_received(
    content: Any, kind: object, shape: tuple[int, ...], order: str
) -> np.ndarray[Any, Any]:
    """Return an array from what `as_sent` says of it; it looks at the same bytes.

    Raises
    ------
    pickle.UnpicklingError, ValueError, TypeError
        That says no array of numbers.
    """
    if not isinstance(kind, str):
        raise pickle.UnpicklingError("not a kind of elements")
    elements = np.dtype(kind)
    if elements.hasobject or elements.kind not in ARRAY_KINDS:
        raise pickle.UnpicklingError("not a kind of elements")
    array: np.ndarray[Any, Any] = (
        np.frombuffer(content, dtype=elements) if len(content) else np.empty(0, elements)
    )
    return array.reshape(shape[::-1]).T if order == "F" else array.reshape(shape)
