"""Keeps pydicom from loading what nobody asked for, and TensorFlow from telling how it was built.

pydicom 3 imports `requests` wherever it is installed, for test files that it could download
(`pydicom.data.download`). That costs 0.2 s and 8 MB at every start, and urllib3 binds a socket
meanwhile; this program opens none before a person configured a node of a network.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_ASKS_FOR_IT, _NOT_ASKED_FOR = "pydicom.data.download", "requests"


class _Finder(MetaPathFinder):
    """Finds the one module that asks, as others find it, and loads it without `requests`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _ASKS_FOR_IT or _NOT_ASKED_FOR in sys.modules:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Without(spec.loader)
                return spec
        return None


class _Without(Loader):
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        blocked = _NOT_ASKED_FOR not in sys.modules
        if blocked:
            sys.modules[_NOT_ASKED_FOR] = None  # type: ignore[assignment]
        try:
            self._loader.exec_module(module)
        finally:
            if blocked:
                del sys.modules[_NOT_ASKED_FOR]


def keep_imports_quiet() -> None:
    """Load pydicom without `requests` from now on, if it is not loaded yet."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


@contextmanager
def native_messages_dropped() -> Iterator[None]:
    """Drop what libraries below Python write to the error stream meanwhile.

    TensorFlow tells there what it was built with and what it converts, whatever level is set
    (its messages before absl is initialised); failures come as exceptions all the same.
    """
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # a program without streams
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
