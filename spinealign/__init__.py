"""SpineAlign: decision support for spine images, for research and education.

``spinealign.analyze(path)`` analyses an image from Python; see docs/python.md.
"""

from typing import Any

__version__ = "0.1.0"

from spinealign.quiet_imports import keep_imports_quiet

keep_imports_quiet()

_FROM_PYTHON = ("analyze", "Result")


def __getattr__(name: str) -> Any:
    """Load the door for Python when it is first used: the program itself starts without it."""
    if name not in _FROM_PYTHON:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("spinealign.scripting"), name)


def __dir__() -> list[str]:
    """Name what is there, loaded or not."""
    return sorted({*globals(), *_FROM_PYTHON})
