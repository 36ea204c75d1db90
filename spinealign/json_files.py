"""JSON files of this program's own: read within bounds, checked against a type, or refused.

Corrections, settings, what the window remembers and model cards all come in here. A file
that is no file of ours costs neither memory nor time and raises nothing but `JsonError` or
`OSError`. Syntax is the standard library's, because a path on Linux may hold bytes that are
no Unicode and msgspec's own decoder refuses them; the types are msgspec's.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
import threading
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from spinealign.protected_folders import cipher_of

MOST_BYTES = 2_000_000
"""Size of the largest file read unless a caller expects more; our own cards have 70 kB."""

MOST_LEVELS = 32
"""How deep lists and objects may be nested; our own files go 8 deep."""

_T = TypeVar("_T")

_CONVERTING = threading.RLock()
"""One thread at a time: msgspec 0.22 crashes where two use a type for the first time at once."""

_LONGEST_KEY = 80

_NESTS = (dict, list, tuple)

_PLACE = re.compile(r" - at `\$(.*)`$", re.DOTALL)


class JsonProblem(StrEnum):
    """Why a JSON file was refused."""

    NOT_A_FILE = "not_a_file"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    NOT_FINITE = "not_finite"
    NOT_A_NUMBER = "not_a_number"
    WRONG_VALUE = "wrong_value"
    UNKNOWN_KEY = "unknown_key"
    REPEATED_KEY = "repeated_key"


class JsonError(ValueError):
    """A JSON file, or text, is not what it should be.

    Parameters
    ----------
    problem : JsonProblem
    place : str
        Where in the document, such as "corrections.vertebrae[0].level"; empty for all of it.
    detail : str
        What the type demands there, for whoever wrote the file by hand.
    """

    def __init__(self, problem: JsonProblem, place: str = "", detail: str = "") -> None:
        super().__init__(": ".join(filter(None, (problem.value, place, detail))))
        self.problem = problem
        self.place = place
        self.detail = detail


def read_json(
    path: Path, kind: type[_T], *, most_bytes: int = MOST_BYTES, is_strict: bool = False
) -> _T:
    """Read a JSON file as a value of a type.

    Parameters
    ----------
    path : Path
    kind : type
        Dataclass or `msgspec.Struct`; the limits in its `msgspec.Meta` hold.
    most_bytes : int
    is_strict : bool
        Whether a key that the type does not know is an error.

    Raises
    ------
    OSError
        There is no such file, or it cannot be read.
    JsonError
        It is not an ordinary file, or not of this kind.
    """
    return parse_json(read_bytes(path, most_bytes), kind, is_strict=is_strict)


def parse_json(text: str | bytes, kind: type[_T], *, is_strict: bool = False) -> _T:
    """Return JSON text as a value of a type; see `read_json`.

    Raises
    ------
    JsonError
    """
    try:
        value = json.loads(
            text, parse_float=_finite, parse_int=_whole, parse_constant=_constant,
            object_pairs_hook=_object,
        )  # fmt: skip
    except RecursionError:
        raise JsonError(JsonProblem.TOO_DEEP) from None
    except JsonError:
        raise
    except ValueError as error:
        raise JsonError(JsonProblem.NOT_JSON) from error
    _require_shallow(value)
    return typed(value, kind, is_strict=is_strict)


def typed(value: Any, kind: type[_T], *, is_strict: bool = False) -> _T:
    """Return what JSON text gave (lists, objects, plain values) as a value of a type.

    Raises
    ------
    JsonError
    """
    try:
        with _CONVERTING:
            taken = msgspec.convert(value, kind)
    except (msgspec.ValidationError, UnicodeError) as error:
        place = _PLACE.search(str(error))
        detail = str(error)[: place.start()] if place else str(error)
        where = place[1].removeprefix(".") if place else ""
        raise JsonError(JsonProblem.WRONG_VALUE, where, detail) from error
    if is_strict and isinstance(value, _NESTS):
        _require_known(value, msgspec.to_builtins(taken), "")
    return taken


def json_schema(kind: type, identifier: str, title: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of what is read strictly as a type.

    Parameters
    ----------
    kind : type
        Its docstrings' first lines become descriptions.
    identifier : str
        URI of the schema.
    title : str
        What a file of this kind is called.
    """
    schema = msgspec.json.schema(kind)
    for part in schema["$defs"].values():
        if "description" in part:
            part["description"] = part["description"].split("\n")[0]
        if part.get("type") == "object":
            part["additionalProperties"] = False
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": identifier}
    return {**head, "title": title, **schema}


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """Return a file's content.

    Raises
    ------
    OSError
        There is no such file, or it cannot be read.
    JsonError
        It is not an ordinary file, or larger than `most_bytes`.
    """
    cipher = cipher_of(path)
    if cipher is None:
        with open(path, "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise JsonError(JsonProblem.NOT_A_FILE)
            content = file.read(most_bytes + 1)
    else:
        with cipher.opened(path) as plain:
            content = plain.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise JsonError(JsonProblem.TOO_LARGE, detail=f"{most_bytes / 1e6:g} MB")
    return content


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe would otherwise wait until somebody writes into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object whose keys stand there once: of two values nobody knows which is meant."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise JsonError(JsonProblem.REPEATED_KEY, key[:_LONGEST_KEY])
        made[key] = value
    return made


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise JsonError(JsonProblem.NOT_FINITE)
    return value


def _whole(number: str) -> int:
    try:
        return int(number)
    except ValueError:  # of more than 4300 digits
        raise JsonError(JsonProblem.NOT_FINITE) from None


def _constant(word: str) -> float:
    is_number = not math.isnan(float(word))
    raise JsonError(JsonProblem.NOT_FINITE if is_number else JsonProblem.NOT_A_NUMBER)


def _require_shallow(value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(MOST_LEVELS):
        level = [part for whole in level for part in _nested(whole)]
        if not level:
            return
    raise JsonError(JsonProblem.TOO_DEEP)


def _nested(value: Any) -> list[Any]:
    """Return the lists and objects that a list or an object holds."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [part for part in parts if isinstance(part, _NESTS)]


def _require_known(given: Any, taken: Any, place: str) -> None:
    """Compare what was given with what a type took of it."""
    if isinstance(given, dict):
        for key, value in given.items():
            if key not in taken:
                raise JsonError(JsonProblem.UNKNOWN_KEY, f"{place}.{key}".lstrip("."))
            if isinstance(value, _NESTS):
                _require_known(value, taken[key], f"{place}.{key}".lstrip("."))
    else:
        for number, (part, kept) in enumerate(zip(given, taken, strict=True)):
            if isinstance(part, _NESTS):
                _require_known(part, kept, f"{place}[{number}]")
